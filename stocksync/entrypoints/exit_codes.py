"""What a command ends with, and which fault means which."""

from __future__ import annotations

from typing import Final

from stocksync.errors import AccessDenied, ConfigurationError, GuardHalted, StocksyncError, UsageError

DONE: Final = 0
UNFINISHED: Final = 1
"""Could not finish; nothing was decided wrongly, and running it again is safe."""
WRONG_USE: Final = 2
"""The command, a setting, a key or a mapping file is wrong; running it again changes nothing."""
HALTED: Final = 3
"""A guard refused the plan: a person is needed."""
INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141
"""As a shell says it of a program whose reader went away."""


def of_error(error: StocksyncError) -> int:
    """The exit code of a fault."""
    if isinstance(error, GuardHalted):
        return HALTED
    if isinstance(error, UsageError | ConfigurationError | AccessDenied):
        return WRONG_USE
    return UNFINISHED

"""Every exception that stocksync raises, on one page: what we cannot do.

Conflicts, refusals and quarantines are not here: they are values with reasons.

    StocksyncError
    ├── TransientError        retry later: nothing is lost
    │   ├── SystemUnavailable     no connection, time-out, 5xx, closed for the nightly batch
    │   ├── Busy                  another run holds this point of sale
    │   ├── NotSent               a request that was never made: its system is given up for now
    │   ├── LeaseLost             another run took this point of sale over while this one stood still
    │   ├── DatabaseUnavailable   no room for what stocksync remembers, or another program holds it
    │   ├── Stopping              stocksync was told to stop; the next run goes on from here
    │   ├── RateLimited           too many requests; carries how long to wait
    │   ├── HandedOver            a write that lies where its system takes it from
    │   └── IncompleteListing     a listing that cannot be proven complete
    ├── PermanentError        stop this entry, go on with the others
    │   ├── WriteRejected         the system refused a write; carries the fields that it named
    │   ├── RecordNotFound        the record of a write is not there
    │   └── UnexpectedAnswer      an answer that does not follow the contract (HTML, cut JSON, no id)
    ├── StaleWrite            the target moved since the plan: plan again
    ├── AccessDenied          the system does not accept our key: stop that system
    ├── UsageError            a command that cannot be carried out as it was given
    │   └── UnreadableFile        a file that was handed back and cannot be read; nothing of it was taken
    ├── ConfigurationError    a setting or secret that is missing or wrong
    │   └── MappingInvalid        the mapping files; carries every problem
    └── GuardHalted           a guard refused the whole plan: a person is needed
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class StocksyncError(Exception):
    """The root: its text is one sentence that says what, where and what to do."""


class TransientError(StocksyncError):
    """Worth another try later; nothing was decided."""


class SystemUnavailable(TransientError):
    """A system that cannot be reached or does not work at present.

    `unsent` is True iff the request certainly did not arrive; else nobody knows whether it was carried out.
    """

    def __init__(self, message: str, *, unsent: bool = False) -> None:
        super().__init__(message)
        self.unsent = unsent


class Busy(TransientError):
    """Another run is at work on the same point of sale."""


class NotSent(TransientError):
    """A request that was never made, because its system is given up for now."""


class LeaseLost(TransientError):
    """Another run holds the point of sale by now; nothing of this one is recorded any more."""


class DatabaseUnavailable(TransientError):
    """What stocksync remembers cannot be written now; the file is whole, and nothing is wrong with the settings."""


class Stopping(TransientError):
    """stocksync was told to stop: nothing new is begun."""


class RateLimited(TransientError):
    """A system that asks us to slow down.

    `retry_after_s` is None iff the answer named no usable delay.
    """

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class HandedOver(TransientError):
    """A write that lies where its system takes it from; the listings will show what became of it.

    Its outcome is open, and nothing is out of order. `again` is True iff it lay there before.
    """

    def __init__(self, message: str, *, again: bool = False) -> None:
        super().__init__(message)
        self.again = again


class IncompleteListing(TransientError):
    """A listing whose pages do not add up; nothing may be concluded from it."""


class PermanentError(StocksyncError):
    """Sending the same again would give the same answer."""


class WriteRejected(PermanentError):
    """A system refused a write.

    `fields` maps the system's own field names to its messages, empty where it named none. `is_conflict`: it would
    not go with what the record is now, so that the car is worth another look.
    """

    def __init__(self, message: str, fields: dict[str, str] | None = None, *, is_conflict: bool = False) -> None:
        super().__init__(message)
        self.fields = fields or {}
        self.is_conflict = is_conflict


class RecordNotFound(PermanentError):
    """The record that a write is for does not exist in that system."""


class UnexpectedAnswer(PermanentError):
    """An answer that does not follow the system's contract."""


class StaleWrite(StocksyncError):
    """The target holds something else than what the write was planned against."""


class AccessDenied(StocksyncError):
    """A system refused our key or token."""


class UsageError(StocksyncError):
    """A command that names something which does not exist or cannot be combined."""


class UnreadableFile(UsageError):
    """A file that a person handed back and that cannot be read as a whole; nothing of it was taken."""


class ConfigurationError(StocksyncError):
    """A missing or wrong setting."""


class MappingInvalid(ConfigurationError):
    """The mapping files have problems; `problems` holds all of them, in file and line order."""

    def __init__(self, problems: Sequence[Any]) -> None:
        count = len(problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''} in the mapping files")
        self.problems = tuple(problems)


class GuardHalted(StocksyncError):
    """A guard refused the whole plan; nothing was written."""

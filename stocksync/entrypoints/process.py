"""What the program asks of its process: output that any encoding takes, and an end that leaves the run tidy."""

from __future__ import annotations

import codecs
import contextlib
import gc
import io
import os
import signal
import sys
import unicodedata
from types import FrameType
from typing import Final

_PLAIN: Final = {"€": "EUR", "→": "->", "•": "*", "—": "-", "“": '"', "”": '"', "’": "'", "œ": "oe", "Œ": "OE"}
_ERRORS: Final = "stocksync.plain"
_COMMANDS_OF_HTTPX: Final = "httpx._main"


def prepare() -> None:
    """Make output plain where its encoding is poor, and let SIGTERM end a run as Ctrl-C does."""
    codecs.register_error(_ERRORS, _plainly)
    for stream in (sys.stdout, sys.stderr):
        # Under a test or in a debugger the streams may be something else.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ERRORS)
    signal.signal(signal.SIGTERM, _interrupt)
    look_for_cycles_rarely()
    leave_out_commands_of_httpx()


def look_for_cycles_rarely() -> None:
    """Let Python look for objects that only name one another after 50,000 new ones, and not after 700.

    What a run makes is let go of by itself, but for next to nothing; and each time that everything is looked through
    takes as long as deciding a hundred cars.
    """
    gc.set_threshold(50_000, 20, 100)


def leave_out_commands_of_httpx() -> None:
    """Keep httpx from importing its own command line, without which it does as well: 70 modules and 4 MB.

    To be called before anything imports httpx.
    """
    # What stands here as None cannot be imported, as Python's documentation says; httpx takes that for not installed.
    sys.modules.setdefault(_COMMANDS_OF_HTTPX, None)  # type: ignore[arg-type]


def let_go_of_output() -> None:
    """Keep Python from complaining, at its end, about output that nobody takes any more."""
    # Where standard output is no file there is nothing to flush either.
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _plainly(error: UnicodeError) -> tuple[str, int]:
    """Replace what an encoding does not have by the nearest that every encoding has: a space, a letter, `?`."""
    assert isinstance(error, UnicodeEncodeError)
    return "".join(map(_plain, error.object[error.start : error.end])), error.end


def _plain(character: str) -> str:
    if character in _PLAIN:
        return _PLAIN[character]
    nearest = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return nearest or "?"

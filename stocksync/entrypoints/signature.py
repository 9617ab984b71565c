"""The names that people sign decisions with, as they are kept and printed."""

from __future__ import annotations

from typing import Final

from stocksync.errors import UsageError

MAX_NAME: Final = 100


def signature(name: str) -> str:
    """Keep a name to one line that can be printed."""
    printable = "".join(c if c.isprintable() else " " for c in name)
    return " ".join(printable.split())[:MAX_NAME] or "?"


def signed(by: str | None, what: str) -> str:
    """Who did something, as it is kept; the user of this machine where nobody is named.

    what: the word that a refusal of an empty name asks with, as in "who decided". Raises UsageError.
    """
    if by is not None and not by.strip():
        raise UsageError(f'--by names nobody: say who {what}, for example --by "A. Martin".')
    return signature(by or _user())


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "?"

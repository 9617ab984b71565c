"""The names that people sign decisions with, as they are kept and printed."""

from __future__ import annotations

from typing import Final

MAX_NAME: Final = 100


def signature(name: str) -> str:
    """Keep a name to one line that can be printed."""
    printable = "".join(c if c.isprintable() else " " for c in name)
    return " ".join(printable.split())[:MAX_NAME] or "?"

"""What every converter is: how it reads and writes, and how it says that it cannot. The converters are `converters`."""

from __future__ import annotations

from typing import Any, Protocol

from stocksync.stock.values import Invalid, Reading, Value


class CannotSpell(ValueError):
    """A value that a system's field has no spelling for."""


class Converter(Protocol):
    """One field's spelling, both ways."""

    def read(self, said: Any) -> Reading:
        """Read what a system says; blank texts have been taken out before."""
        ...

    def write(self, value: Value) -> Any:
        """Spell a value for the system."""
        ...


def text_of(said: Any) -> str | None:
    """Take a text without its outer spaces; None for what is none."""
    if isinstance(said, str):
        return said.strip()
    # A system may give a code of digits as a number.
    if isinstance(said, int) and not isinstance(said, bool):
        return str(said)
    return None


def not_text(said: Any) -> Invalid:
    """Refuse what is no text."""
    return Invalid(shown(said), "not a text")


def shown(said: Any) -> str:
    """Show what a system said, short and printable."""
    text = said if isinstance(said, str) else str(said)
    return "".join(c if c.isprintable() else "�" for c in text)[:80]

"""What one side may say of one attribute, and when two values are the same.

A reading is absent, blank, invalid or a canonical value: integer cents, integer kilometres, calendar
dates, booleans, and text as it is spelled. How a system spells them on the wire is `mapping.converters`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import Enum, StrEnum
from functools import lru_cache
from typing import Final


class Side(StrEnum):
    """One of the two systems."""

    VEHICLE_MODULE = "vehicle_module"
    DMS = "dms"

    @property
    def other(self) -> Side:
        """The opposite side."""
        return Side.DMS if self is Side.VEHICLE_MODULE else Side.VEHICLE_MODULE


SIDES: Final = (Side.VEHICLE_MODULE, Side.DMS)


class Nothing(Enum):
    """The two ways of holding no value; they are never the same thing.

    ABSENT: the side does not carry the attribute, or its answer left it out; nothing is known.
    BLANK: carried and empty.
    """

    ABSENT = "absent"
    BLANK = "blank"

    # There is one of each: readings are looked up by the dozen, and to hash the name anew takes a call each time.
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return self.name


ABSENT: Final = Nothing.ABSENT
BLANK: Final = Nothing.BLANK


@dataclass(frozen=True, slots=True)
class Invalid:
    """Something that cannot be read as a value, or fails a rule; `raw` is what the side said."""

    raw: str
    why: str


_NO_VALUE: Final = (Nothing, Invalid)

Value = str | int | date
"""A canonical value (bool is an int to the type checker, and only there)."""

Reading = Value | Nothing | Invalid
Known = Value | Nothing
"""What a base holds: a value, BLANK, or ABSENT for "never known to be held by both"."""


class Kind(StrEnum):
    """How an attribute's values are held and compared."""

    MONEY = "money"
    INTEGER = "integer"
    DATE = "date"
    BOOLEAN = "boolean"
    TEXT = "text"
    CHOICE = "choice"
    VIN = "vin"
    REGISTRATION = "registration"
    IDENTIFIER = "identifier"


@lru_cache(maxsize=65536)
def folded(text: str) -> str:
    """Fold the spelling of a text: case, accents, outer and doubled spaces."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).split())


def same(kind: Kind, left: Known, right: Known, tolerance: int = 0) -> bool:
    """Tell whether two known readings are the same value of an attribute.

    `tolerance` is in the attribute's own unit (cents, kilometres, days). Absent equals nothing, not even
    absent: nothing is known of it.
    """
    if left is ABSENT or right is ABSENT:
        return False
    if left is BLANK or right is BLANK:
        return left is right
    if kind is Kind.TEXT:
        return folded(str(left)) == folded(str(right))
    if tolerance and isinstance(left, int) and isinstance(right, int):
        return abs(left - right) <= tolerance
    if tolerance and isinstance(left, date) and isinstance(right, date):
        return abs((left - right).days) <= tolerance
    return left == right


def is_value(reading: Reading) -> bool:
    """Tell whether a reading is a set value: neither absent, blank nor invalid."""
    return not isinstance(reading, _NO_VALUE)


def as_text(reading: Reading) -> str | None:
    """A reading in its neutral spelling: cents, kilometres, ISO dates; None for what holds nothing."""
    if isinstance(reading, Invalid):
        return reading.raw
    if reading is ABSENT or reading is BLANK:
        return None
    if isinstance(reading, bool):
        return "true" if reading else "false"
    return reading.isoformat() if isinstance(reading, date) else str(reading)


_INTEGER: Final = re.compile(r"-?\d{1,18}")
_TRUTH: Final = {"true": True, "false": False}


def from_text(kind: Kind, text: str | None) -> Reading:
    """Read what `as_text` wrote; what does not read as the kind is `Invalid`, and nothing is BLANK."""
    if text is None:
        return BLANK
    try:
        if kind in (Kind.MONEY, Kind.INTEGER):
            return int(text) if _INTEGER.fullmatch(text) else Invalid(text, "")
        if kind is Kind.BOOLEAN:
            return _TRUTH[text]
        if kind is Kind.DATE:
            return date.fromisoformat(text)
    except (KeyError, ValueError):
        return Invalid(text, "")
    return text

"""How people write values: cents as euros, kilometres with a unit, dates as dd/mm/yyyy, choices by their labels.

Two spellings: for reading (units, narrow spaces between thousands) and for a cell of a spreadsheet (no unit, so that
it stays a number). Names of people are masked unless the reader has to decide with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final, Literal, Protocol

from stocksync.stock.values import ABSENT, BLANK, Invalid, Kind, Reading, Side, from_text
from stocksync.stock.vehicle import DMS_STATUS, STAGE, Attribute

Language = Literal["fr", "en"]

NARROW: Final = "\u202f"
"""Between thousands, and before `;`, `!` and `?` in French."""
NO_BREAK: Final = "\u00a0"
"""Before `:` and units in French, and inside its quotation marks."""

UNITS: Final[Mapping[str, str]] = {"mileage": "km"}
NUMBERS: Final = frozenset({Kind.MONEY, Kind.INTEGER})
_EXACT_IN_A_WORKBOOK: Final = 10**15
"""Spreadsheets keep fifteen digits of a number."""
_FIRST_DAY_OF_A_WORKBOOK: Final = date(1900, 3, 1)
"""Days before it are counted differently from one spreadsheet to the next."""
_SAID: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {"yes": "oui", "no": "non", "blank": "vide", "absent": "—", "unreadable": "illisible"},
    "en": {"yes": "yes", "no": "no", "blank": "blank", "absent": "—", "unreadable": "unreadable"},
}


class Labelled(Protocol):
    """What a word of a choice is called."""

    @property
    def fr(self) -> str:
        """In French."""
        ...

    @property
    def en(self) -> str:
        """In English."""
        ...


ChoiceLabels = Mapping[str, Mapping[str, Labelled]]


@dataclass(frozen=True, slots=True)
class Counted:
    """A number that its noun agrees with: `{cars:voiture|voitures}`; bare `{cars}` gives the number alone."""

    number: int
    language: Language

    def __format__(self, nouns: str) -> str:
        """Spell the number, and after it the one or the several that stand beside each other."""
        said = count(self.number, self.language)
        if not nouns:
            return said
        one, several = nouns.split("|")
        return f"{said} {one if is_one(self.number, self.language) else several}"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a spreadsheet; a number is rendered by us, so that it can hold no formula.

    exact: what a workbook holds in the place of the text, None where that is the text itself. It says the same, so
    that cells are compared without it.
    """

    text: str
    is_number: bool = False
    exact: int | Decimal | date | None = field(default=None, compare=False)


NO_CELL: Final = Cell("")
"""Nothing stands there."""


@dataclass(frozen=True, slots=True)
class Speller:
    """Spells the values of one point of sale in one language; `clear` shows the names of people."""

    language: Language
    choice_labels: ChoiceLabels
    clear: bool = False

    def value(self, attribute: Attribute, reading: Reading) -> str:
        """Spell a reading for people."""
        said = _SAID[self.language]
        if reading is ABSENT or reading is BLANK:
            return said["absent" if reading is ABSENT else "blank"]
        if attribute.personal and not self.clear:
            return masked(reading.raw if isinstance(reading, Invalid) else str(reading))
        if isinstance(reading, Invalid):
            return f"{quoted(reading.raw, self.language)} ({said['unreadable']})"
        if isinstance(reading, bool):
            return said["yes" if reading else "no"]
        if isinstance(reading, date):
            return day(reading)
        if isinstance(reading, int):
            return self._number(attribute, reading)
        return self._word(attribute, str(reading))

    def text(self, attribute: Attribute, neutral: str | None) -> str:
        """Spell a value that is held in its neutral spelling (cents, ISO dates)."""
        return self.value(attribute, from_neutral(attribute, neutral))

    def cell(self, attribute: Attribute, neutral: str | None) -> Cell:
        """Spell a value that is held in its neutral spelling for a spreadsheet: empty where nothing is held."""
        if neutral is None:
            return NO_CELL
        reading = from_neutral(attribute, neutral)
        if isinstance(reading, Invalid):
            return Cell(reading.raw)
        if isinstance(reading, int) and not isinstance(reading, bool):
            return amount_cell(reading) if attribute.kind is Kind.MONEY else number_cell(reading)
        return day_cell(reading) if isinstance(reading, date) else Cell(self.value(attribute, reading))

    def _number(self, attribute: Attribute, number: int) -> str:
        if attribute.kind is Kind.MONEY:
            if self.language == "fr":
                return f"{_decimal(number, NARROW)}{NO_BREAK}€"
            return f"€{number // 100:,}.{number % 100:02}" if number >= 0 else f"-{self._number(attribute, -number)}"
        unit = UNITS.get(attribute.name)
        counted = count(number, self.language)
        return f"{counted}{NO_BREAK}{unit}" if unit else counted

    def _word(self, attribute: Attribute, word: str) -> str:
        label = self.choice_labels.get(attribute.name, {}).get(word)
        if label is None:
            return word
        return label.fr if self.language == "fr" else label.en


def from_neutral(attribute: Attribute, neutral: str | None) -> Reading:
    """Read a neutral spelling back; what does not read as the attribute's kind is `Invalid`."""
    return from_text(attribute.kind, neutral)


def attribute_of(subject: str, side: Side | None, vocabulary: Mapping[str, Attribute]) -> Attribute:
    """Find which attribute the values of a finding are of.

    What is reported of a whole record shows the module's stage and the DMS's status.
    """
    named = vocabulary.get(subject)
    if named is not None and subject not in (STAGE, "reserved"):
        return named
    return vocabulary[DMS_STATUS if side is Side.DMS else STAGE]


def count(number: int, language: Language) -> str:
    """Spell a whole number with its thousands apart."""
    return f"{number:,}".replace(",", NARROW) if language == "fr" else f"{number:,}"


def is_one(number: int, language: Language) -> bool:
    """Tell whether a noun beside a number is singular: in French it is from nought on, in English at one alone."""
    return abs(number) < 2 if language == "fr" else number == 1


def quoted(text: str, language: Language) -> str:
    """Put a text between the quotation marks of a language."""
    return f"«{NO_BREAK}{text}{NO_BREAK}»" if language == "fr" else f"“{text}”"


def masked(name: str) -> str:
    """Show that a person is named, and nothing more: the first letter."""
    first = name.strip()[:1]
    return f"{first}•••" if first else ""


def neutral(attribute: Attribute, text: str | None) -> str | None:
    """A value in its neutral spelling for a program's output; names of people are masked."""
    return masked(text) if text and attribute.personal else text


def number_cell(number: int) -> Cell:
    """A whole number for a spreadsheet."""
    return Cell(str(number), is_number=True, exact=number if abs(number) < _EXACT_IN_A_WORKBOOK else None)


def amount_cell(cents: int) -> Cell:
    """An amount in euros for a spreadsheet."""
    exact = Decimal(cents).scaleb(-2) if abs(cents) < _EXACT_IN_A_WORKBOOK else None
    return Cell(_decimal(cents, ""), is_number=True, exact=exact)


@lru_cache(maxsize=4096)
def day_cell(on: date) -> Cell:
    """A day for a spreadsheet."""
    return Cell(day(on), exact=on if on >= _FIRST_DAY_OF_A_WORKBOOK else None)


def day(on: date) -> str:
    """Spell a date; both languages write the day first, as the same spreadsheets open it."""
    return f"{on.day:02}/{on.month:02}/{on.year:04}"


def instant(at: datetime) -> str:
    """Spell an instant that is already in the reader's time zone."""
    return at.strftime("%d/%m/%Y %H:%M")


def _decimal(cents: int, thousands: str) -> str:
    sign, whole, rest = "-" if cents < 0 else "", abs(cents) // 100, abs(cents) % 100
    return f"{sign}{whole:,}".replace(",", thousands) + f",{rest:02}"

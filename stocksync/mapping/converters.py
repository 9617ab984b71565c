"""How systems spell values: named converters, each both ways.

`read` turns what a system says into a reading and never raises: what it cannot read is `Invalid`. `write`
turns a value into what the system wants, or raises `CannotSpell`. The settings of each come from `fields` in
a side's file. Which texts mean "empty" is the side's; a converter is asked only about the rest. Amounts and
kilometres are `numbers`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from stocksync.mapping import models
from stocksync.mapping.numbers import Integer, Money
from stocksync.mapping.spelling import CannotSpell, Converter, not_text, shown, text_of
from stocksync.stock.values import Invalid, Reading, Value, folded

MAX_TEXT: Final = 4000
_CODE: Final = re.compile(r"[A-Z0-9/._-]{1,64}")
_VIN: Final = re.compile(r"[A-HJ-NPR-Z0-9]{17}|[A-Z0-9]{5,16}")
_SIV: Final = re.compile(r"([A-HJ-NP-TV-Z]{2})[ -]?(\d{3})[ -]?([A-HJ-NP-TV-Z]{2})", re.ASCII)
_FNI: Final = re.compile(r"(\d{1,4})[ -]?([A-Z]{1,3})[ -]?(0[1-9]|[1-8]\d|9[0-5]|9[78]\d|2[AB])", re.ASCII)
_FOREIGN: Final = re.compile(r"[A-Z0-9ÄÖÜ][A-Z0-9ÄÖÜ -]{1,13}")


@dataclass(frozen=True, slots=True)
class Text:
    """Free text, in its own spelling."""

    max_length: int | None = None

    def read(self, said: Any) -> Reading:
        """Read a text, control characters refused."""
        text = text_of(said)
        if text is None:
            return not_text(said)
        if len(text) > MAX_TEXT or any(unicodedata.category(c) == "Cc" for c in text if c not in "\t\n\r"):
            return Invalid(shown(text), "too long or with control characters")
        return text

    def write(self, value: Value) -> Any:
        """Spell a text as it is."""
        text = str(value)
        if self.max_length is not None and len(text) > self.max_length:
            raise CannotSpell(f"more than {self.max_length} characters")
        return text


@dataclass(frozen=True, slots=True)
class Identifier:
    """A number or code: outer spaces and case are spelling; spelled: text, or number for a JSON number."""

    spelled: str = "text"

    def read(self, said: Any) -> Reading:
        """Read a code in upper case."""
        if type(said) is str and _CODE.fullmatch(said):
            return said  # as it should be spelled, which is most of the time
        text = text_of(said)
        if text is None or not text.isprintable() or len(text) > 64:
            return Invalid(shown(said), "not a number or code")
        return " ".join(text.upper().split())

    def write(self, value: Value) -> Any:
        """Spell a code as it is."""
        return _as_spelled(str(value), self.spelled)


def _as_spelled(code: str, spelled: str) -> str | int:
    if spelled == "text":
        return code
    if not re.fullmatch(r"0|[1-9][0-9]{0,17}", code):
        raise CannotSpell("a number is due there")
    return int(code)


@dataclass(frozen=True, slots=True)
class Vin:
    """A VIN: case and spaces are spelling; I, O, Q and other alphabets are not VIN characters.

    Only the standard of 17 characters leaves I, O and Q out; the shorter ones of before 1981 may have them. The check
    digit is not looked at: it is not mandatory in Europe.
    """

    def read(self, said: Any) -> Reading:
        """Read a VIN of 5 to 17 characters; whether a short one is right is a rule's matter."""
        if type(said) is str and _VIN.fullmatch(said):
            return said  # as it should be spelled, which is most of the time
        text = normalised_vin(said)
        if text is None:
            return not_text(said)
        if len(text) > 17:
            return Invalid(shown(said), f"{len(text)} characters instead of 17")
        if len(text) < 5:
            return Invalid(shown(said), f"{len(text)} characters, too few for a VIN")
        if not _VIN.fullmatch(text):
            return Invalid(shown(said), "I, O, Q or a character that no VIN has")
        return text

    def write(self, value: Value) -> Any:
        """Spell a VIN as it is."""
        return str(value)


def normalised_vin(said: Any) -> str | None:
    """Take the spelling out of a VIN, right or wrong; None for what is no text."""
    text = text_of(said)
    return None if text is None else re.sub(r"[\s\-.]", "", text).upper()


@dataclass(frozen=True, slots=True)
class Registration:
    """A number plate: SIV `AA-123-AA`, FNI `1234 AB 33`, or a foreign one."""

    def read(self, said: Any) -> Reading:
        """Read a plate into the spelling of its own system."""
        if type(said) is str and (siv := _SIV.fullmatch(said)):
            return "-".join(siv.groups())
        text = text_of(said)
        if text is None:
            return not_text(said)
        plate = " ".join(text.upper().split())
        if siv := _SIV.fullmatch(plate):
            return "-".join(siv.groups())
        if fni := _FNI.fullmatch(plate):
            return " ".join(fni.groups())
        if _FOREIGN.fullmatch(plate):
            return plate
        return Invalid(shown(said), "not a number plate")

    def write(self, value: Value) -> Any:
        """Spell a plate as it is."""
        return str(value)


INSTANTS: Final = ("datetime", "epoch_s", "epoch_ms")
_DATE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_SECONDS: Final = re.compile(r"-?[0-9]{1,15}", re.ASCII)
DATE_LETTERS: Final = {"yyyy": "%Y", "mm": "%m", "dd": "%d", "yy": "%y"}


def strptime_format(letters: str) -> str:
    """Turn `dd/mm/yyyy` into what the standard library reads."""
    for word, code in DATE_LETTERS.items():
        letters = letters.replace(word, code)
    return letters


def is_date_format(letters: str) -> bool:
    """Tell whether a format is one of INSTANTS, or names day, month and year once each, between -, /, . or spaces."""
    if letters in INSTANTS:
        return True
    named = sorted(re.findall(r"yyyy|yy|mm|dd", letters))
    separators = re.sub(r"yyyy|yy|mm|dd", "", letters)
    return named in (["dd", "mm", "yyyy"], ["dd", "mm", "yy"]) and not separators.strip("-/. ")


@lru_cache(maxsize=64)
def _layout(letters: str) -> re.Pattern[str]:
    """What a date format looks like, digit for digit: read a good deal quicker than by `strptime`."""
    parts = re.split("(yyyy|yy|mm|dd)", letters)
    return re.compile(
        "".join(rf"(?P<{part}>[0-9]{{{len(part)}}})" if part in DATE_LETTERS else re.escape(part) for part in parts)
    )


def _day(dd: str, mm: str, yyyy: str | None = None, yy: str = "") -> date:
    """The day of digits; raises ValueError. Two of them are a year from 1969 on, as POSIX has it."""
    year = int(yyyy) if yyyy is not None else (int(yy) + 31) % 100 + 1969
    return date(year, int(mm), int(dd))


@dataclass(frozen=True, slots=True)
class Date:
    """A calendar date in one spelling, digit for digit."""

    format: str

    def read(self, said: Any) -> Reading:
        """Read a date; another spelling of a right date is wrong, because 03/04 must never be guessed."""
        text = text_of(said)
        if text is None:
            return not_text(said)
        found = _layout(self.format).fullmatch(text)
        try:
            day = _day(**found.groupdict()) if found is not None else None
        except ValueError:
            day = None
        if day is None or not 1900 <= day.year <= 2200:
            return Invalid(shown(said), f"not a date {self.format}")
        return day

    def write(self, value: Value) -> Any:
        """Spell a date."""
        if not isinstance(value, date):
            raise CannotSpell("not a date")
        return value.strftime(strptime_format(self.format))


@dataclass(frozen=True, slots=True)
class Instant:
    """A calendar date that its system spells as an instant: the day that it is then in a time zone.

    form: one of INSTANTS. A date-time without an offset is on the system's own clock, whatever the zone. Midnight is
    written, in the zone where there is one.
    """

    form: str
    time_zone: str | None = None

    def read(self, said: Any) -> Reading:
        """Read the day of an instant."""
        try:
            at = self._at(said)
        except (ValueError, OverflowError):
            at = None
        if at is None or not 1900 <= at.year <= 2200:
            return Invalid(shown(said), f"not an instant {self.form}")
        return (at.astimezone(self._zone) if at.tzinfo is not None else at).date()

    def write(self, value: Value) -> Any:
        """Spell the midnight that a date begins with."""
        if not isinstance(value, date):
            raise CannotSpell("not a date")
        midnight = datetime(value.year, value.month, value.day, tzinfo=self._zone)
        if self.form == "datetime":
            text = midnight.isoformat() if self.time_zone is not None else midnight.replace(tzinfo=None).isoformat()
            return text.replace("+00:00", "Z")
        seconds = int(midnight.timestamp())
        return seconds * 1000 if self.form == "epoch_ms" else seconds

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone or "UTC")

    def _at(self, said: Any) -> datetime | None:
        if self.form == "datetime":
            return datetime.fromisoformat(said) if isinstance(said, str) and _DATE_TIME.fullmatch(said) else None
        text = text_of(said)
        if text is None or not _SECONDS.fullmatch(text):
            return None
        seconds = int(text) // (1000 if self.form == "epoch_ms" else 1)
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Boolean:
    """A yes or no; None for the words, or whole numbers, where the system has JSON booleans."""

    yes: str | int | None = None
    no: str | int | None = None

    def read(self, said: Any) -> Reading:
        """Read a yes or no."""
        if self.yes is None:
            return said if isinstance(said, bool) else Invalid(shown(said), "not true or false")
        text = text_of(said)
        if text is not None and folded(text) == folded(str(self.yes)):
            return True
        if text is not None and folded(text) == folded(str(self.no)):
            return False
        return Invalid(shown(said), f"neither {self.yes} nor {self.no}")

    def write(self, value: Value) -> Any:
        """Spell a yes or no."""
        if self.yes is None:
            return bool(value)
        return self.yes if value else self.no


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a list; each of our words has one or several spellings, the first of which is written.

    spelled: text, or number for codes that are JSON numbers there.
    """

    table: Mapping[str, tuple[str, ...]]
    spelled: str = "text"
    _words: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        for word, spellings in self.table.items():
            for spelling in spellings:
                self._words.setdefault(folded(spelling), word)

    def read(self, said: Any) -> Reading:
        """Read a code; one that the table does not have is unreadable."""
        text = text_of(said)
        word = self._words.get(folded(text)) if text is not None else None
        return word if word is not None else Invalid(shown(said), "a code that the value table does not have")

    def write(self, value: Value) -> Any:
        """Spell one of our words."""
        spellings = self.table.get(str(value))
        if not spellings:
            raise CannotSpell("the value table has no spelling for it")
        return _as_spelled(spellings[0], self.spelled)


@dataclass(frozen=True, slots=True)
class Matches:
    """True iff an object holds all of some values; read only."""

    values: Mapping[str, Any]

    def read(self, said: Any) -> Reading:
        """Read an object, null for none."""
        if said is None or said == "":
            return False
        if not isinstance(said, Mapping):
            return Invalid(shown(said), "not an object")
        return all(said.get(key) == value for key, value in self.values.items())

    def write(self, value: Value) -> Any:
        """Refuse: an operation of its own sets it."""
        raise CannotSpell("set by an operation, not as a field")


def converter_for(model: models.FieldModel, points_of_sale: Mapping[str, str]) -> Converter:
    """Build a field's converter; `points_of_sale` gives this system's code of each point of sale."""
    match model:
        case models.TextField():
            return Text(model.max_length)
        case models.IdentifierField():
            return Identifier(model.spelled)
        case models.VinField():
            return Vin()
        case models.RegistrationField():
            return Registration()
        case models.MoneyField():
            return Money(
                model.spelled,
                model.decimal_mark,
                tuple(model.thousands),
                tuple(model.symbols),
                model.zero_is_blank,
                Decimal(model.factor),
            )
        case models.IntegerField():
            return Integer(
                model.spelled,
                tuple(model.thousands),
                model.zero_is_blank,
                model.decimal_mark,
                Decimal(model.factor),
                model.rounded,
            )
        case models.DateField():
            return Instant(model.format, model.time_zone) if model.format in INSTANTS else Date(model.format)
        case models.BooleanField():
            return Boolean(model.yes, model.no)
        case models.ChoiceField():
            return Choice({word: tuple(spellings) for word, spellings in model.table.items()}, model.spelled)
        case models.PointOfSaleField():
            return Choice({ours: (code,) for ours, code in points_of_sale.items()})
        case models.MatchesField():
            return Matches(model.values)

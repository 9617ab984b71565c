"""How systems spell amounts and whole numbers: as JSON numbers, or as text in one country's way.

Nothing is rounded and nothing is guessed: 1.234,50 is refused where the comma is the decimal mark. Every other
converter is in `converters`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from functools import lru_cache
from typing import Any, Final

from stocksync.mapping.spelling import CannotSpell, shown
from stocksync.stock.values import BLANK, Invalid, Reading, Value


class _Unreadable(ValueError):
    """What a system says is no number of the kind that is due; the message says why."""


_LIMIT: Final = 10**10
_DIGITS: Final = 10
"""Of the largest number below the limit."""
_ONE: Final = Decimal(1)
_EXACT: Final = 40
_UNIT_OF: Final = {0: Decimal(1), 2: Decimal("0.01")}
"""The smallest number with so many decimals."""


def _number(
    said: Any,
    spelled: str,
    thousands: tuple[str, ...],
    decimal_mark: str | None,
    symbols: tuple[str, ...] = (),
) -> Decimal:
    """Read a number as its system spells it; `decimal_mark` None where a text may not have decimals."""
    if type(said) is Decimal:
        return said
    if isinstance(said, bool):
        raise _Unreadable("a yes or no where a number was due")
    if isinstance(said, str) and spelled == "number":
        raise _Unreadable("a text where a number was due")
    if isinstance(said, int | Decimal):
        return Decimal(said)
    if isinstance(said, float):
        return Decimal(repr(said))
    if not isinstance(said, str):
        raise _Unreadable("not a number")
    return _spelled_number(_without(said, symbols), thousands, decimal_mark)


def _plain(said: Any, factor: Decimal) -> int | None:
    """A JSON number that is whole, which needs no arithmetic; None for everything else."""
    is_plain = type(said) is int and -_LIMIT < said < _LIMIT and factor == _ONE
    return said if is_plain else None


def _without(text: str, symbols: tuple[str, ...]) -> str:
    """Take a currency off either end; inside, as in 12€50, it would change the amount."""
    text = text.strip()
    for symbol in symbols:
        text = text.removeprefix(symbol).removesuffix(symbol).strip()
    return text


def _whole_text(said: Any, spelled: str, thousands: tuple[str, ...], factor: Decimal) -> int | None:
    """A text that is a whole number without decimals, which needs no arithmetic; None for everything else."""
    if type(said) is not str or spelled == "number" or factor != _ONE:
        return None
    text = said.strip()
    if not _looks(thousands, None).fullmatch(text):
        return None
    text = _without_marks(text, thousands)
    # A mark may be a digit, and leave nothing of a number.
    return int(text) if text.isdigit() and len(text) <= _DIGITS else None


def _without_marks(text: str, thousands: tuple[str, ...]) -> str:
    for mark in thousands:
        text = text.replace(mark, "")
    return text


def _spelled_number(text: str, thousands: tuple[str, ...], decimal_mark: str | None) -> Decimal:
    if not _looks(thousands, decimal_mark).fullmatch(text):
        raise _Unreadable("not a number as this system spells them")
    text = _without_marks(text, thousands)
    try:
        return Decimal(text.replace(decimal_mark, ".") if decimal_mark else text)
    except ArithmeticError:
        raise _Unreadable("not a number as this system spells them") from None


@lru_cache(maxsize=256)
def _looks(thousands: tuple[str, ...], decimal_mark: str | None) -> re.Pattern[str]:
    marks = "|".join(re.escape(mark) for mark in thousands)
    grouped = rf"\d{{1,3}}(?:(?:{marks})\d{{3}})+|\d+" if marks else r"\d+"
    decimals = rf"(?:{re.escape(decimal_mark)}\d+)?" if decimal_mark else ""
    return re.compile(rf"-?(?:{grouped}){decimals}", re.ASCII)


def _shifted(number: Decimal, places: int) -> int | None:
    """Move the decimal point, exactly; None for what is not finite, too large, or has more decimals."""
    if not number.is_finite() or not -_LIMIT < number < _LIMIT:
        return None
    rounded = number.quantize(_UNIT_OF[places])
    return int(rounded.scaleb(places)) if rounded == number else None


def _times(number: Decimal, factor: Decimal) -> Decimal:
    """Multiply exactly; what is beyond all measure stays so, for whoever called to refuse."""
    if (
        factor == _ONE
        or not number.is_finite()
        or abs(number.adjusted()) > _EXACT
        or len(number.as_tuple().digits) > _EXACT
    ):
        return number
    with localcontext(prec=4 * _EXACT):
        return number * factor


@dataclass(frozen=True, slots=True)
class Money:
    """Euros, held as integer cents; more than two decimals cannot be read, because nothing is rounded.

    factor: how many euros one of the system's units is, such as 1000 for thousands, or 0.01 for cents.
    """

    spelled: str
    decimal_mark: str = "."
    thousands: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    zero_is_blank: bool = False
    factor: Decimal = _ONE

    def read(self, said: Any) -> Reading:
        """Read an amount; iff the field says so, zero is blank."""
        plain = _plain(said, self.factor)
        if plain is not None:
            return BLANK if self.zero_is_blank and plain == 0 else plain * 100
        try:
            number = _number(said, self.spelled, self.thousands, self.decimal_mark, self.symbols)
        except _Unreadable as error:
            return Invalid(shown(said), str(error))
        cents = _shifted(_times(number, self.factor), 2)
        if cents is None:
            return Invalid(shown(said), "not an amount in euros and cents")
        return BLANK if self.zero_is_blank and cents == 0 else cents

    def write(self, value: Value) -> Any:
        """Spell an amount with two decimals; a whole number of euros is a whole JSON number."""
        if not isinstance(value, int):
            raise CannotSpell("not an amount")
        amount = Decimal(value) / 100
        if self.factor != _ONE:
            return self._in_units(amount)
        if self.spelled == "number":
            return int(amount) if value % 100 == 0 else amount
        return f"{amount:.2f}".replace(".", self.decimal_mark)

    def _in_units(self, amount: Decimal) -> Any:
        units = amount / self.factor
        if units * self.factor != amount:
            raise CannotSpell("not a round number in the units of that system")
        if self.spelled == "number":
            return int(units) if units == int(units) else units.normalize()
        return format(units.normalize(), "f").replace(".", self.decimal_mark)


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number.

    decimal_mark: for systems that write 84000,00; the decimals must be zeros. factor: what one of the system's units
    is, such as 1.609344 for miles where we hold kilometres; rounded: to whole ones, both ways, where it is not exact.
    """

    spelled: str
    thousands: tuple[str, ...] = ()
    zero_is_blank: bool = False
    decimal_mark: str | None = None
    factor: Decimal = _ONE
    rounded: bool = False

    def read(self, said: Any) -> Reading:
        """Read a whole number."""
        plain = _plain(said, self.factor)
        if plain is None:
            plain = _whole_text(said, self.spelled, self.thousands, self.factor)
        if plain is not None:
            return BLANK if self.zero_is_blank and plain == 0 else plain
        try:
            # No decimals in a text unless told: 84.000 is somebody's eighty-four thousand.
            said_number = _number(said, self.spelled, self.thousands, self.decimal_mark)
            number = _shifted(self._whole(_times(said_number, self.factor)), 0)
        except _Unreadable as error:
            return Invalid(shown(said), str(error))
        if number is None:
            return Invalid(shown(said), "not a whole number")
        return BLANK if self.zero_is_blank and number == 0 else number

    def write(self, value: Value) -> Any:
        """Spell a whole number."""
        if not isinstance(value, int) or isinstance(value, bool):
            raise CannotSpell("not a whole number")
        if self.factor != _ONE:
            units = self._whole(Decimal(value) / self.factor)
            if units != int(units):
                raise CannotSpell("not a whole number in the units of that system")
            value = int(units)
        return value if self.spelled == "number" else str(value)

    def _whole(self, number: Decimal) -> Decimal:
        # What is beyond all measure is refused by whoever called, and has no whole number to be rounded to.
        if not self.rounded or not number.is_finite() or abs(number) >= _LIMIT:
            return number
        return number.to_integral_value(ROUND_HALF_EVEN)

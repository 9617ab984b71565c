"""Amounts and whole numbers as people type them in a French or an English spreadsheet.

Nothing is guessed: where a mark may part thousands as well as decimals (12.500), nothing is read. What a reader is told
then is `typed_values`.
"""

from __future__ import annotations

import re
from typing import Final

_SPACED: Final = r"\d+|\d{1,3}(?: \d{3})+"
_FORMS: Final = tuple(
    re.compile(form, re.ASCII)
    for form in (
        rf"(-?)({_SPACED})(?:[.,](\d{{1,2}}))?",
        r"(-?)(\d{1,3}(?:\.\d{3})+),(\d{1,2})",
        r"(-?)(\d{1,3}(?:,\d{3})+)\.(\d{1,2})",
        # Two marks of a kind can only part thousands.
        r"(-?)(\d{1,3}(?:\.\d{3}){2,}|\d{1,3}(?:,\d{3}){2,})()",
    )
)
_CURRENCY_BEFORE: Final = re.compile(r"(-?)(?:€|eur) ?(?=[-\d])", re.ASCII | re.IGNORECASE)
_CURRENCY_AFTER: Final = re.compile(r" ?(?:€|eur|euros?)$", re.IGNORECASE)
_MOST_DIGITS: Final = 16
_LOST_SPACE: Final = re.compile(r"(?<=\d)\?(?=\d{3}(?!\d))", re.ASCII)
"""What the narrow space between thousands becomes in an encoding without it; no decimal mark is ever lost so."""
_OTHER_SPACES: Final = str.maketrans(dict.fromkeys("\u00a0\u202f\u2007\u2009", " ") | {"\u2212": "-"})


def cents_of(text: str) -> int | None:
    """Read an amount in euros; None for what is none, or could be two."""
    return _hundredths(_without_currency(_plain(text)))


def whole_number_of(text: str, unit: str | None) -> int | None:
    """Read a whole number, with its unit or without; None for what is none, or could be two."""
    plain = _plain(text)
    if unit is not None:
        plain = re.sub(rf" ?{re.escape(unit)}$", "", plain, flags=re.IGNORECASE)
    hundredths = _hundredths(plain)
    return None if hundredths is None or hundredths % 100 else hundredths // 100


def _plain(text: str) -> str:
    return _LOST_SPACE.sub(" ", text.translate(_OTHER_SPACES)).strip()


def _without_currency(text: str) -> str:
    if before := _CURRENCY_BEFORE.match(text):
        return f"{before[1]}{text[before.end() :]}"
    return _CURRENCY_AFTER.sub("", text)


def _hundredths(text: str) -> int | None:
    match = next((match for form in _FORMS if (match := form.fullmatch(text))), None)
    if match is None:
        return None
    whole, decimals = re.sub(r"\D", "", match[2]), (match[3] or "").ljust(2, "0")
    if len(whole) > _MOST_DIGITS:
        return None
    hundredths = int(whole + decimals)
    return -hundredths if match[1] else hundredths

"""Dates as people type them, and as spreadsheets show them once typed.

Nothing is guessed: a number of days since 1900 is no date here, nor are two digits of a year that may be of either
century; and where a file shows the month first, neither is a date whose day could be its month.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Final

from stocksync.stock.values import folded

_MIDNIGHT: Final = r"(?:[ t]00:00(?::00(?:\.0+)?)?)?"
_YEAR_FIRST: Final = re.compile(rf"(\d{{4}})-(\d{{1,2}})-(\d{{1,2}}){_MIDNIGHT}", re.ASCII)
_NUMERIC: Final = re.compile(rf"(\d{{1,2}})([/.-])(\d{{1,2}})\2(\d{{4}}|\d{{2}}){_MIDNIGHT}", re.ASCII)
_DAY_NAMED_MONTH: Final = re.compile(r"(\d{1,2})(?:er|st|nd|rd|th)?[ -]([a-z]+)\.?[ -](\d{4}|\d{2})", re.ASCII)
_NAMED_MONTH_DAY: Final = re.compile(r"([a-z]+)\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})", re.ASCII)
_MONTHS: Final[Mapping[str, int]] = {
    name: month
    for month, names in enumerate(
        (
            "janvier janv jan january",
            "fevrier fevr fev february feb",
            "mars march mar",
            "avril avr april apr",
            "mai may",
            "juin june jun",
            "juillet juil july jul",
            "aout august aug",
            "septembre sept sep september",
            "octobre oct october",
            "novembre nov november",
            "decembre dec december",
        ),
        start=1,
    )
    for name in names.split()
}
_FIRST_YEAR, _LAST_YEAR = 1900, 2200
_THIS_CENTURY, _LAST_CENTURY = range(30), range(70, 100)
"""Two digits of a year. Between them programs disagree, and some write 65 where somebody typed 1965."""


def date_of(text: str, *, month_first: bool) -> date | None:
    """Read a date; None for what is none, or could be two.

    month_first: the file that it stands in shows the month before the day.
    """
    plain = folded(text)
    if match := _YEAR_FIRST.fullmatch(plain):
        return _calendar_day(match[1], int(match[2]), match[3])
    if match := _NUMERIC.fullmatch(plain):
        return None if _unsure(match, month_first) else _calendar_day(match[4], int(match[3]), match[1])
    if match := _DAY_NAMED_MONTH.fullmatch(plain):
        return _calendar_day(match[3], _MONTHS.get(match[2], 0), match[1])
    if match := _NAMED_MONTH_DAY.fullmatch(plain):
        return _calendar_day(match[3], _MONTHS.get(match[1], 0), match[2])
    return None


def _unsure(match: re.Match[str], month_first: bool) -> bool:
    day, month = int(match[1]), int(match[3])
    # 19-05-14 is a year first to some and a day first to others.
    return (match[2] == "-" and len(match[4]) == 2) or (month_first and day != month and max(day, month) <= 12)


def _calendar_day(year: str, month: int, day: str) -> date | None:
    full_year = int(year) if len(year) == 4 else _with_century(int(year))
    if full_year is None or not _FIRST_YEAR <= full_year <= _LAST_YEAR:
        return None
    try:
        return date(full_year, month, int(day))
    except ValueError:
        return None


def _with_century(year: int) -> int | None:
    if year in _THIS_CENTURY:
        return 2000 + year
    return 1900 + year if year in _LAST_CENTURY else None

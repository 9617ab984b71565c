"""Where the report's columns stand in a returned file: headers found by what they say, wherever they were moved.

Headers may be in either language, in any case, without accents or the part in parentheses, and in quotation marks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Final

from stocksync.reports.conflict_report import COLUMNS
from stocksync.reports.refusals import Refusal, Refused
from stocksync.reports.returned_rows import LOOKED_AT, TITLE_ROWS, Sheet, SheetRow
from stocksync.reports.returned_text import Reading, without_doubtful
from stocksync.reports.spelling import Language, quoted
from stocksync.reports.wording import french_spaces
from stocksync.stock.values import folded

NEEDED: Final = ("id", "fingerprint", "decision")
TYPED: Final = ("decision", "value", "comment")
READ: Final = ("id", "fingerprint", *TYPED, "since")
_KEPT_WHOLE: Final = 250
"""The first rows: the header is among them, and every cell of theirs helps to tell the encoding."""
_LANGUAGES: Final[tuple[Language, ...]] = ("fr", "en")


@lru_cache(maxsize=4096)
def _key(header: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", folded(header)).strip()


def _short(header: str) -> str:
    return re.sub(r" \(.*", "", header)


def _keys(header: str) -> tuple[str, str]:
    return _key(header), _key(_short(header))


def _accented(header: str) -> str:
    return re.sub(r"^[\W_]+|[\W_]+$", "", header.replace("’", "'").casefold())


_NAMES: Final[Mapping[str, str]] = {
    key: column.name for column in COLUMNS for language in _LANGUAGES for key in _keys(column.header(language))
}
_WRITTEN: Final = frozenset(
    _accented(spelling)
    for column in COLUMNS
    for language in _LANGUAGES
    for spelling in (column.header(language), _short(column.header(language)))
)
_ENGLISH: Final = frozenset(_keys(next(c for c in COLUMNS if c.name == "fingerprint").en))


@dataclass(frozen=True, slots=True)
class Header:
    """Where each column that is read stands, which places nobody types in, and how wide the header is."""

    places: Mapping[str, int]
    ours: Sequence[int]
    width: int
    language: Language


def has_header(rows: Iterable[SheetRow], readings: Sequence[Reading]) -> bool:
    """Tell whether one of some rows is a header of the report, or what is left of one."""
    return any(len(_found(row.cells, reading).keys() & set(NEEDED)) > 1 for row in rows for reading in readings)


def located(sheet: Sheet) -> tuple[Header, SheetRow, Sequence[Reading]] | None:
    """Find the header of a sheet, its row, and the readings under which it is one; None where there is none.

    Raises `Refused` where a column that is read stands there twice, or where only some of those needed do.
    """
    above = sheet.rows[: TITLE_ROWS + 1]
    for row in above:
        fitting = [reading for reading in sheet.readings if set(NEEDED) <= _found(row.cells, reading).keys()]
        if fitting:
            exact = _most_exact(fitting, row.cells)
            return _header(row, exact[0], sheet.name), row, exact
    if has_header(above, sheet.readings):
        raise Refused(Refusal.MISSING, columns=column_headers(_missing(sheet, above)), sheet=sheet.name)
    return None


def places_not_read(rows: Sequence[SheetRow], readings: Sequence[Reading]) -> frozenset[int]:
    """The places under a header of ours whose cells nobody asks for below the first rows; rows: the sheet's first."""
    try:
        found = located(Sheet("", rows, readings, is_separated=True))
    except Refused:
        return frozenset()
    return frozenset(found[0].ours).difference(found[0].places.values()) if found is not None else frozenset()


def lightened(rows: Iterable[SheetRow], readings: Sequence[Reading]) -> Iterator[SheetRow]:
    """Pass rows on, most of them emptied of the cells that are for people alone: those are most of a large file."""
    iterator = iter(rows)
    first = list(islice(iterator, _KEPT_WHOLE))
    yield from first
    not_read = places_not_read(first, readings)
    for row in iterator:
        cells = row.cells
        for place in not_read:
            if place < len(cells):
                cells[place] = ""
        yield row


def stands_in_one_column(sheet: Sheet) -> bool:
    """Tell whether all columns of a report were squeezed into the first."""
    single = (row.cells[0] for row in sheet.rows[: TITLE_ROWS + 1] if len(row.cells) == 1 or not any(row.cells[1:]))
    split = [SheetRow(0, re.split(separator, cell)) for cell in single for separator in (";", "\t", r",(?! )", r"\|")]
    return has_header(split, sheet.readings)


def repeats_header(cells: Mapping[str, str]) -> bool:
    """Tell whether a row is the header once more."""
    # The decision first: it is blank, or one of few words, where numbers and fingerprints are new in each row.
    return _name(cells["decision"]) == "decision" and all(_name(cells[name]) == name for name in NEEDED)


def _name(cell: str) -> str | None:
    # No header is longer, and a comment of many pages is not worth folding.
    return _NAMES.get(_key(cell)) if 0 < len(cell) <= 200 else None


def _most_exact(readings: Sequence[Reading], cells: Sequence[str]) -> Sequence[Reading]:
    """Keep the readings under which most headers have the very accents that we wrote."""
    right = [sum(_accented(reading(cell)) in _WRITTEN for cell in cells[:LOOKED_AT]) for reading in readings]
    best = [reading for reading, count in zip(readings, right, strict=True) if count == max(right)]
    return without_doubtful(best)


def _missing(sheet: Sheet, above: Sequence[SheetRow]) -> list[str]:
    found = [_found(row.cells, reading).keys() for row in above for reading in sheet.readings]
    best = max(found, key=lambda names: len(names & set(NEEDED)))
    return [name for name in NEEDED if name not in best]


def _found(cells: Sequence[str], reading: Reading) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for place, cell in enumerate(cells[:LOOKED_AT]):
        name = _name(reading(cell))
        if name is not None:
            places.setdefault(name, []).append(place)
    return places


def _header(row: SheetRow, reading: Reading, sheet: str) -> Header:
    found = _found(row.cells, reading)
    for name in (*NEEDED, *TYPED):
        if len(found.get(name, ())) > 1:
            raise Refused(Refusal.TWICE, columns=column_headers([name]), sheet=sheet)
    places = {name: found[name][0] for name in READ if len(found.get(name, ())) == 1}
    ours = [place for name, standing in found.items() if name not in TYPED for place in standing]
    language: Language = "en" if _key(reading(row.cells[places["fingerprint"]])) in _ENGLISH else "fr"
    return Header(places, ours, len(row.cells), language)


def column_headers(names: Iterable[str]) -> tuple[str, str]:
    """Name columns as their headers do, in French and in English."""
    columns = [column for name in names for column in COLUMNS if column.name == name]
    french = ", ".join(quoted(_short(column.fr), "fr") for column in columns)
    return french_spaces(french), ", ".join(quoted(_short(column.en), "en") for column in columns)

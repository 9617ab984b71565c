"""The rows of a returned file before anybody asks what they mean: texts in their places, within limits.

The limits are a spreadsheet's own, or far beyond any report; what exceeds them is refused as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from stocksync.reports.refusals import Refusal, Refused
from stocksync.reports.returned_text import Reading

MAX_ROWS: Final = 50_000
MAX_COLUMNS: Final = 64
LOOKED_AT: Final = 4 * MAX_COLUMNS
"""Columns among which too many are counted; a workbook's rows may be formatted up to the 16,384th."""
MAX_CELL: Final = 32_767
LAST_ROW: Final = 1_048_576
TITLE_ROWS: Final = 10
"""Rows that may stand above the header."""
_INVISIBLE: Final = "\ufeff\u200b\u200e\u200f\u2060"


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row that is not blank.

    number: as the spreadsheet shows it. dates: places of cells that the spreadsheet holds as dates, not as texts.
    """

    number: int
    cells: list[str]
    dates: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet that has, or ought to have, the report's header.

    is_separated: places follow from separators, so that one too many shifts a row.
    """

    name: str
    rows: Sequence[SheetRow]
    readings: Sequence[Reading]
    is_separated: bool


def trimmed(cell: str) -> str:
    """Take outer spaces of every kind off."""
    if cell.isascii():
        return cell.strip()
    former = None
    while former != cell:
        former, cell = cell, cell.strip().strip(_INVISIBLE)
    return cell


def within_limits(rows: Iterable[SheetRow], sheet: str) -> Iterator[SheetRow]:
    """Pass on the rows that are not blank; raises `Refused` at the first that is too many, too wide or too long."""
    passed = 0
    for row in rows:
        if row.number > LAST_ROW:
            raise Refused(Refusal.MANY_ROWS, limit=LAST_ROW)
        width = _width(row.cells)
        if not width:
            continue
        _refuse_overgrown(row, width, sheet)
        passed += 1
        if passed > MAX_ROWS + TITLE_ROWS + 1:
            raise Refused(Refusal.MANY_ROWS, limit=MAX_ROWS)
        yield row


def _refuse_overgrown(row: SheetRow, width: int, sheet: str) -> None:
    if width > MAX_COLUMNS:
        raise Refused(Refusal.MANY_COLUMNS, line=str(row.number), sheet=sheet, found=width, limit=MAX_COLUMNS)
    longest = max(map(len, row.cells))
    if longest > MAX_CELL:
        raise Refused(Refusal.LONG_CELL, line=str(row.number), sheet=sheet, found=longest, limit=MAX_CELL)


def _width(cells: Sequence[str]) -> int:
    """How many cells there are up to the last that is not blank."""
    for place in range(len(cells), 0, -1):
        if cells[place - 1] and trimmed(cells[place - 1]):
            return place
    return 0

"""A returned workbook as rows: what its cells show, not how they were reckoned.

Formulas stand for the values that the spreadsheet last saw. Links to other files and macros are not followed.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from decimal import Decimal
from itertools import chain, islice
from typing import Any, Final

from stocksync.reports.refusals import Refusal, Refused
from stocksync.reports.returned_header import has_header, lightened
from stocksync.reports.returned_rows import LOOKED_AT, MAX_ROWS, TITLE_ROWS, Sheet, SheetRow, within_limits
from stocksync.reports.returned_text import TEXT_READINGS
from stocksync.reports.spelling import day
from stocksync.reports.workbook_check import check_workbook
from stocksync.stock.values import folded

_ANNEXES: Final = frozenset({"annexe", "annex"})
_FIRST_INEXACT: Final = 10**15
"""Of a number as long as this a spreadsheet keeps the first 15 digits; the others are noughts."""
_CARRIAGE_RETURN: Final = "_x000D_"
_LINE_END: Final = re.compile(rf"{_CARRIAGE_RETURN}\n?")


def read_xlsx(raw: bytes) -> list[Sheet]:
    """Read the sheets, annexes last, hidden ones too; the first rows alone of those without the report's header.

    Raises `Refused`.
    """
    check_workbook(raw)
    try:
        with warnings.catch_warnings():
            # What the library does not keep (lists to choose from, pictures) is nothing that is read here.
            warnings.simplefilter("ignore")
            return sorted(_sheets(raw), key=lambda sheet: folded(sheet.name) in _ANNEXES)
    except Refused:
        raise
    # A file that is wrong inside fails in the library's own ways, which have no common root.
    except Exception as error:
        raise Refused(Refusal.BROKEN) from error


def _sheets(raw: bytes) -> Iterator[Sheet]:
    # Here, because it takes longer to load than most commands take in all.
    from openpyxl import load_workbook

    workbook = load_workbook(io.BytesIO(raw), read_only=True, data_only=True, keep_links=False)
    read = 0
    for worksheet in workbook.worksheets:
        # The size that a sheet states of itself is often wrong.
        worksheet.reset_dimensions()
        rows = within_limits(_rows(worksheet.iter_rows(max_col=LOOKED_AT)), worksheet.title)
        first = list(islice(rows, TITLE_ROWS + 1))
        whole = lightened(chain(first, rows), TEXT_READINGS) if has_header(first, TEXT_READINGS) else first
        sheet = Sheet(worksheet.title, tuple(whole), TEXT_READINGS, is_separated=False)
        read += len(sheet.rows)
        if read > 2 * MAX_ROWS:
            raise Refused(Refusal.MANY_ROWS, limit=MAX_ROWS)
        yield sheet


def _rows(rows: Iterable[tuple[Any, ...]]) -> Iterator[SheetRow]:
    for number, cells in enumerate(rows, start=1):
        values = [cell.value for cell in cells]
        if values.count(None) == len(values):
            yield SheetRow(number, [])
            continue
        dates = frozenset([place for place, value in enumerate(values) if isinstance(value, date)])
        yield SheetRow(number, [_shown(cell, value) for cell, value in zip(cells, values, strict=True)], dates)


def _shown(cell: Any, value: Any) -> str:
    """Spell a cell; a percentage as one, because 50 % is held as 0.5 and is no amount."""
    # Nearly all cells are texts as they stand, or blank.
    if value is None or (type(value) is str and _CARRIAGE_RETURN not in value):
        return value or ""
    is_percentage = type(value) in (int, float) and "%" in (cell.number_format or "")
    return f"{_text(value * 100)} %" if is_percentage else _text(value)


def _text(value: Any) -> str:
    """Spell a cell as a French spreadsheet shows it; numbers with a point and never with an exponent."""
    match value:
        case None:
            return ""
        case bool():
            return "VRAI" if value else "FAUX"
        case int() | float() if abs(value) >= _FIRST_INEXACT:
            return f"{Decimal(f'{value:.14e}'):f}"
        case float():
            return str(int(value)) if value.is_integer() else f"{Decimal(repr(value)):f}"
        case datetime() if value.time() != time():
            return f"{day(value)} {value:%H:%M:%S}"
        case date():
            return day(value)
        case str():
            return _LINE_END.sub("\n", value)
        case _:
            return str(value)

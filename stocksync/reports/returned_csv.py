"""A returned CSV as rows: whichever separator, quotation marks and line ends a spreadsheet chose."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from stocksync.reports.refusals import Refusal, Refused
from stocksync.reports.returned_header import has_header, lightened
from stocksync.reports.returned_rows import LAST_ROW, MAX_CELL, MAX_COLUMNS, TITLE_ROWS, Sheet, SheetRow, within_limits
from stocksync.reports.returned_text import decoded

_SEPARATORS: Final = (";", "\t", ",", "|")
_NO_SEPARATOR: Final = "\x1f"
_SEPARATOR_LINE: Final = re.compile(r"\"?sep=[^\r\n]\"?[;,\t|]*(?:\r\n|\r|\n)", re.IGNORECASE)
"""Tells Excel which separator follows; neither Excel nor LibreOffice shows it as a row."""
_LONGEST_RECORD: Final = 2 * MAX_COLUMNS * MAX_CELL
_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


def read_csv(raw: bytes) -> Sheet:
    """Read a CSV, its separator found by the report's header; its first rows alone where that is not there.

    Raises `Refused`.
    """
    found = decoded(raw)
    text = _SEPARATOR_LINE.sub("", found.text, count=1) if _SEPARATOR_LINE.match(found.text) else found.text
    for separator in _SEPARATORS:
        if has_header(_first(text, separator), found.readings):
            rows = within_limits(_records(text, separator), "")
            return Sheet("", tuple(lightened(rows, found.readings)), found.readings, is_separated=True)
    return Sheet("", _first(text, _NO_SEPARATOR), found.readings, is_separated=True)


def _first(text: str, separator: str) -> list[SheetRow]:
    """The rows among which the header may be, as far as they can be read with a separator."""
    rows: list[SheetRow] = []
    try:
        for row in islice(_records(text, separator), LAST_ROW):
            if any(row.cells):
                rows.append(row)
            if len(rows) > TITLE_ROWS:
                break
    except Refused:
        # The wrong separator makes no sense of a file; the right one comes to the same place again.
        return rows
    return rows


@dataclass(slots=True)
class _Lines:
    """Lines of a text, counted per record, so that none can swallow the rest of the file."""

    text: str
    taken: int = 0

    def __iter__(self) -> Iterator[str]:
        for found in _LINE.finditer(self.text):
            line = found[0]
            self.taken += len(line)
            if self.taken > _LONGEST_RECORD:
                raise csv.Error("a record longer than any")
            yield line


def _records(text: str, separator: str) -> Iterator[SheetRow]:
    """Read the records, blank ones too, numbered as a spreadsheet numbers them."""
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    number = 0
    while True:
        number += 1
        lines.taken = 0
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise Refused(Refusal.QUOTES, line=str(number)) from None
        yield SheetRow(number, cells)

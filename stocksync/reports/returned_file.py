"""The conflict report as it comes back: what a person filled in, whatever a spreadsheet made of the file.

Here a file is taken or refused as a whole, and its filled rows are found. Whether a row is one of ours, and what its
decision and its value mean, is not asked here: `decision_words`, `typed_values`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from stocksync.errors import UnreadableFile
from stocksync.mapping.spelling import shown
from stocksync.reports.cell_problem import CellProblem
from stocksync.reports.escaping import escaped, unescaped
from stocksync.reports.file_kinds import is_workbook
from stocksync.reports.refusals import MEGABYTE, Refusal, Refused
from stocksync.reports.returned_csv import read_csv
from stocksync.reports.returned_header import (
    NEEDED,
    READ,
    TYPED,
    Header,
    column_headers,
    located,
    repeats_header,
    stands_in_one_column,
)
from stocksync.reports.returned_rows import MAX_ROWS, TITLE_ROWS, Sheet, SheetRow, trimmed
from stocksync.reports.returned_text import BYTE_READINGS, NO_CHARACTERS, Reading, believed
from stocksync.reports.returned_xlsx import read_xlsx
from stocksync.reports.spelling import NO_BREAK, Language
from stocksync.reports.typed_numbers import whole_number_of

MAX_BYTES: Final = 32 * MEGABYTE
_ROWS_THAT_TELL: Final = 200
_LINE_END: Final = re.compile("\r\n?")
_NUMBER: Final = re.compile(r"[1-9]\d{0,14}", re.ASCII)
"""A row's number as it was written."""
_SHOWN_DATE: Final = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](?:\d{4}|\d{2})(?: .*)?", re.ASCII)
_BEYOND: Final[Mapping[Language, str]] = {
    "fr": f"{{width}} cellules au plus, comme dans l'en-tête{NO_BREAK}: un séparateur de trop décale la ligne",
    "en": "{width} cells at most, as in the header: one separator too many shifts the row",
}


@dataclass(frozen=True, slots=True)
class ReturnedRow:
    """One row that somebody filled in, or whose cells are out of joint.

    line: its number as the spreadsheet shows it. sheet: "" in a CSV. cells: id, fingerprint, decision, value, comment
    and since, as texts, "" where nothing stands. problem: why none of its cells can be trusted.
    """

    line: int
    sheet: str
    cells: Mapping[str, str]
    problem: CellProblem | None = None


@dataclass(frozen=True, slots=True)
class Returned:
    """What came back.

    untouched: rows in which nothing was filled in. month_first: the file shows our dates with the month before the day,
    so that a typed 03/04 cannot be trusted. language: of the headers.
    """

    rows: tuple[ReturnedRow, ...]
    untouched: int
    month_first: bool
    language: Language


def read_returned(name: str, raw: bytes, language: Language) -> Returned:
    """Read a report that was handed back.

    Raises UnreadableFile with one sentence for a file that cannot be read as a whole; nothing of it is taken then.
    """
    try:
        return _returned(_sheets(raw), language)
    except Refused as refused:
        raise UnreadableFile(refused.sentence(name, language)) from None


def _sheets(raw: bytes) -> Sequence[Sheet]:
    if len(raw) > MAX_BYTES:
        raise Refused(Refusal.TOO_LARGE, found=-(-len(raw) // MEGABYTE), limit=MAX_BYTES // MEGABYTE)
    return read_xlsx(raw) if is_workbook(raw) else [read_csv(raw)]


def _returned(sheets: Sequence[Sheet], language: Language) -> Returned:
    reports = [report for sheet in sheets if (report := _report(sheet)) is not None]
    if not reports:
        raise _no_header(sheets)
    rows = [row for report in reports for row in report.rows(language)]
    if len(rows) > MAX_ROWS:
        raise Refused(Refusal.MANY_ROWS, limit=MAX_ROWS)
    filled = tuple(row for row in rows if row.problem is not None or any(row.cells[name] for name in TYPED))
    month_first = any(report.month_first() for report in reports)
    return Returned(filled, len(rows) - len(filled), month_first, reports[0].header.language)


def _no_header(sheets: Sequence[Sheet]) -> Refused:
    if any(map(stands_in_one_column, sheets)):
        return Refused(Refusal.ONE_COLUMN)
    return Refused(Refusal.NO_HEADER, limit=TITLE_ROWS + 1, columns=column_headers(NEEDED))


@dataclass(frozen=True, slots=True)
class _Report:
    """A sheet whose header was found, and how its cells are taken; below: the rows under the header."""

    sheet: Sheet
    header: Header
    below: Sequence[SheetRow]
    reading: Reading

    def rows(self, language: Language) -> Iterator[ReturnedRow]:
        """Give every row under the header, filled in or not."""
        is_of_bytes = self.reading in BYTE_READINGS
        taken = [
            (name, place, _CLEANED.get(name, _typed))
            for name in READ
            if (place := self.header.places.get(name)) is not None
        ]
        for row in self.below:
            cells = dict.fromkeys(READ, "")
            for name, place, clean in taken:
                if place < len(row.cells) and row.cells[place]:
                    cells[name] = clean(self._text(row.cells[place]))
            if is_of_bytes and any(map(NO_CHARACTERS.search, cells.values())):
                raise Refused(Refusal.UNDECODABLE, line=str(row.number), sheet=self.sheet.name)
            if not repeats_header(cells):
                yield ReturnedRow(row.number, self.sheet.name, cells, self._out_of_joint(row, language))

    def month_first(self) -> bool:
        """Tell whether our dates show the month before the day, or were taken that way."""
        place = self.header.places.get("since")
        if place is None:
            return False
        cells = [(trimmed(row.cells[place]), place in row.dates) for row in self.below if place < len(row.cells)]
        return _month_first([_shown_date(text) for text, _ in cells], [is_date for _, is_date in cells])

    def _text(self, cell: str) -> str:
        text = self.reading(cell)
        return trimmed(_LINE_END.sub("\n", text) if "\r" in text else text)

    def _out_of_joint(self, row: SheetRow, language: Language) -> CellProblem | None:
        """Find a cell beyond the header: one separator too many, and every cell after it is another's."""
        if not self.sheet.is_separated or len(row.cells) <= self.header.width:
            return None
        beyond = row.cells[self.header.width :]
        place = next((place for place, cell in enumerate(beyond, start=self.header.width) if trimmed(cell)), None)
        if place is None:
            return None
        from openpyxl.utils import get_column_letter

        letter, allowed = get_column_letter(place + 1), _BEYOND[language].format(width=self.header.width)
        return CellProblem(letter, shown(trimmed(row.cells[place])), allowed)


def _report(sheet: Sheet) -> _Report | None:
    found = located(sheet)
    if found is None:
        return None
    header, header_row, readings = found
    below = [row for row in sheet.rows if row.number > header_row.number]
    typed = [header.places[name] for name in TYPED if name in header.places]
    ours = _said((header_row, *below[:_ROWS_THAT_TELL]), header.ours)
    return _Report(sheet, header, below, believed(readings, ours, _said(below, typed)))


def _said(rows: Sequence[SheetRow], places: Sequence[int]) -> str:
    return "\n".join(row.cells[place] for row in rows for place in places if place < len(row.cells))


def _identity(text: str) -> str:
    return text.lstrip("'’‘").strip()


def _whole(text: str) -> str:
    """A row's number without what spreadsheets add to numbers; anything else as it stands."""
    said = _identity(text)
    if _NUMBER.fullmatch(said):
        return said
    number = whole_number_of(said, None)
    return said if number is None else str(number)


def _typed(text: str) -> str:
    """Take off the apostrophe that keeps a text from being a formula; one that was typed stays."""
    bare = unescaped(text)
    return trimmed(bare) if escaped(bare) == text else text


_CLEANED: Final[Mapping[str, Callable[[str], str]]] = {
    "id": _whole,
    "fingerprint": _identity,
    "decision": _identity,
    "since": _identity,
}


@lru_cache(maxsize=1024)
def _shown_date(text: str) -> tuple[int, int] | None:
    match = _SHOWN_DATE.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else None


def _month_first(shown_dates: Sequence[tuple[int, int] | None], are_dates: Sequence[bool]) -> bool:
    """Judge by dates of ours, written with the day first; a cell that a workbook holds as a date is spelled by us."""
    texts = [pair for pair, is_date in zip(shown_dates, are_dates, strict=True) if pair and not is_date]
    dates = [pair for pair, is_date in zip(shown_dates, are_dates, strict=True) if pair and is_date]
    if any(first > 12 for first, _ in texts):
        # A program that read 13/05 as a text and 12/05 as a date read the latter as the fifth of December.
        return bool(dates) and all(first <= 12 for first, _ in dates)
    return any(second > 12 for _, second in texts)

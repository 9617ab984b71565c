"""A spreadsheet in small: it opens our report, somebody fills in cells, and it saves what its habits make of it.

`Habits` names each thing that a program, or the person at it, does to a file; any of them go together. Beside the bytes
`saved` tells which rows were filled in and what a reader of the file must find in them.
"""

from __future__ import annotations

import csv
import io
import random
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from zipfile import ZipFile

from openpyxl import Workbook

from stocksync.reports.conflict_report import COLUMNS
from stocksync.reports.escaping import escaped
from stocksync.reports.spelling import Language

TYPED: Final = ("decision", "value", "comment")
NEEDED: Final = ("id", "fingerprint", *TYPED, "since")


@dataclass(frozen=True)
class Filled:
    """What somebody typed into a row."""

    decision: str = ""
    value: str = ""
    comment: str = ""


@dataclass(frozen=True)
class Line:
    """One row of a report, and what was typed into it."""

    id: int
    fingerprint: str
    make: str
    sentence: str
    since: date
    filled: Filled = Filled()

    def cells(self) -> dict[str, str]:
        """The row as it is exported, without the escape of formulas."""
        return {column.name: "" for column in COLUMNS} | {
            "id": str(self.id),
            "fingerprint": self.fingerprint,
            "vin": "12345678901234567",
            "make_and_model": self.make,
            "vehicle_module": "oui",
            "dms": "12500,00",
            "since": f"{self.since:%d/%m/%Y}",
            "age_days": "3",
            "what_happened": self.sentence,
        }


@dataclass(frozen=True)
class Habits:
    """What becomes of a file between two of ours; the defaults change nothing."""

    opened_as: str | None = None
    encoding: str = "utf-8-sig"
    separator: str = ";"
    names_separator: bool = False
    quotes_all: bool = False
    line_end: str = "\r\n"
    headers: str = "as they are"
    headers_in: Language | None = None
    numbers: str = "as they are"
    month_first: bool = False
    exponents: bool = False
    truths: bool = False
    moves_columns: bool = False
    adds_columns: tuple[str, ...] = ()
    deletes_columns: bool = False
    trailing: int = 0
    blank_rows: bool = False
    titles: int = 0
    sorts: bool = False
    repeats_rows: bool = False
    deletes_rows: bool = False
    repeats_header: bool = False
    totals: bool = False
    workbook: bool = False
    seed: int = 0


def _without_accents(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


HEADERS: Final[Mapping[str, Callable[[str], str]]] = {
    "as they are": str,
    "in capitals": str.upper,
    "in small letters": str.lower,
    "without accents": _without_accents,
    "in curled quotes": lambda text: "«\u00a0" + text.replace("'", "’") + "\u00a0»",
    "without parentheses": lambda text: re.sub(r" \(.*", "", text),
    "padded": lambda text: f"\u00a0 {text}  ",
}
NUMBERS: Final[Mapping[str, Callable[[int], str]]] = {
    "as they are": str,
    "with two decimals": lambda number: f"{number},00",
    "with a point": lambda number: f"{number}.0",
    "thousands apart": lambda number: f"{number:,}".replace(",", " "),
    "thousands apart, never broken": lambda number: f"{number:,}".replace(",", "\u00a0"),
    "thousands apart, narrow": lambda number: f"{number:,}".replace(",", "\u202f"),
    "as texts": lambda number: f"'{number}",
}


@dataclass(frozen=True)
class Found:
    """What a reader of a row must find."""

    line: int
    id: str
    fingerprint: str
    decision: str
    value: str
    comment: str


@dataclass(frozen=True)
class Saved:
    """A file as it was saved, and what it says."""

    raw: bytes
    filled: list[Found]
    untouched: int
    month_first: bool


@dataclass
class _Row:
    """One row of the open sheet: its cells by column."""

    cells: dict[str, str]
    line: Line | None = None
    typed: Filled = field(default_factory=Filled)
    is_header: bool = False


def our_report(lines: Sequence[Line], language: Language = "fr", spelled: Callable[[str], str] = str) -> bytes:
    """Write a report in our dialect; its headers may have been spelled anew since."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow([escaped(spelled(column.header(language))) for column in COLUMNS])
    for line in lines:
        writer.writerow([escaped(cell) for cell in line.cells().values()])
    return f"\ufeff{text.getvalue()}".encode()


def saved(lines: Sequence[Line], habits: Habits, language: Language = "fr") -> Saved:
    """Open a report, fill in what was typed, and save it."""
    raw = our_report(lines, habits.headers_in or language, HEADERS[habits.headers])
    headers, rows = _opened(raw, habits)
    for row, line in zip(rows, lines, strict=True):
        row.line = line
        row.typed = line.filled
        row.cells |= {"decision": line.filled.decision, "value": line.filled.value, "comment": line.filled.comment}
    rows = _with_other_rows(rows, headers, habits)
    _retype_cells(rows, habits)
    names = _columns(habits)
    matrix = [[row.cells.get(name, "") for name in names] for row in rows]
    header = [headers.get(name, name[1:]) for name in names]
    above = [["Rapport des écarts"] if number else ["", "À rendre vendredi"] for number in range(habits.titles)]
    return _written(above, header, matrix, rows, habits)


def held(text: str, habits: Habits) -> str:
    """What is left of a text in the encoding of a file."""
    if habits.workbook or habits.encoding.startswith("utf"):
        return text
    return text.encode(habits.encoding, "replace").decode(habits.encoding)


def _opened(raw: bytes, habits: Habits) -> tuple[dict[str, str], list[_Row]]:
    text = raw.decode("utf-8-sig") if habits.opened_as is None else taken_for(raw[3:], habits.opened_as)
    first, *records = csv.reader(io.StringIO(text, newline=""), delimiter=";", strict=True)
    names = [column.name for column in COLUMNS]
    rows = [_Row(dict(zip(names, cells, strict=True))) for cells in records]
    return dict(zip(names, first, strict=True)), rows


def taken_for(raw: bytes, encoding: str) -> str:
    """Decode as a program does that knows no other encoding: bytes without a character stay what they are."""
    found = (bytes([byte]).decode(encoding, "replace") for byte in raw)
    return "".join(
        chr(byte) if character == "\ufffd" else character for byte, character in zip(raw, found, strict=True)
    )


def _with_other_rows(rows: list[_Row], headers: Mapping[str, str], habits: Habits) -> list[_Row]:
    chance = random.Random(habits.seed)
    if habits.sorts:
        rows = sorted(rows, key=lambda row: row.cells["fingerprint"])
    if habits.deletes_rows:
        rows = [row for row in rows if row.typed != Filled() or chance.random() < 0.5]
    if habits.repeats_rows:
        rows = [
            copy
            for row in rows
            for copy in ([row] if row.typed != Filled() else [row, _Row(dict(row.cells), row.line)])
        ]
    if habits.repeats_header:
        rows.insert(chance.randint(0, len(rows)), _Row(dict(headers), is_header=True))
    if habits.totals:
        rows.append(_Row({"kind": "Total", "age_days": "12"}))
    if habits.blank_rows:
        rows = [row for each in rows for row in (*(_Row({}) for _ in range(chance.randint(0, 2))), each)] + [_Row({})]
    return rows


def _retype_cells(rows: list[_Row], habits: Habits) -> None:
    for row in rows:
        if row.line is None:
            continue
        row.cells["id"] = NUMBERS[habits.numbers](row.line.id)
        if habits.month_first:
            row.cells["since"] = f"{row.line.since:%m/%d/%Y}"
        if habits.exponents:
            row.cells["vin"] = "1,23E+16"
        if habits.truths:
            row.cells["vehicle_module"] = "VRAI"


def _columns(habits: Habits) -> list[str]:
    """The columns in their new order; one that was added has its header for a name, behind a mark."""
    chance = random.Random(habits.seed)
    names = [column.name for column in COLUMNS if not habits.deletes_columns or column.name in NEEDED]
    for header in habits.adds_columns:
        names.insert(chance.randint(0, len(names)), f"+{header}")
    if habits.moves_columns:
        chance.shuffle(names)
    return names


def _written(
    above: list[list[str]], header: list[str], matrix: list[list[str]], rows: list[_Row], habits: Habits
) -> Saved:
    table = [*above, header, *matrix]
    raw = _workbook(table) if habits.workbook else _separated(table, habits)
    filled, untouched = [], 0
    for number, (row, cells) in enumerate(zip(rows, matrix, strict=True), start=len(above) + 2):
        if row.line is not None and row.typed != Filled():
            filled.append(_found(number, row.line, habits))
        elif any(cells) and not row.is_header:
            untouched += 1
    days = [row.line.since.day for row in rows if row.line is not None]
    return Saved(raw, filled, untouched, habits.month_first and any(day > 12 for day in days))


def _found(number: int, line: Line, habits: Habits) -> Found:
    typed = (held(text, habits) for text in (line.filled.decision, line.filled.value, line.filled.comment))
    return Found(number, str(line.id), line.fingerprint, *typed)


def _separated(table: list[list[str]], habits: Habits) -> bytes:
    records = [
        habits.separator.join([*(_quoted(cell, habits) for cell in cells), *[""] * habits.trailing]) for cells in table
    ]
    start = f"sep={habits.separator}{habits.line_end}" if habits.names_separator else ""
    text = start + "".join(f"{record}{habits.line_end}" for record in records)
    if habits.encoding == "cp1252":
        return b"".join(_windows_bytes(character) for character in text)
    return text.encode(habits.encoding, "strict" if habits.encoding.startswith("utf") else "replace")


def _windows_bytes(character: str) -> bytes:
    """Windows keeps the control characters that it once took for bytes without a character."""
    return bytes([ord(character)]) if "\x80" <= character <= "\x9f" else character.encode("cp1252", "replace")


def _quoted(cell: str, habits: Habits) -> str:
    needed = any(character in cell for character in (habits.separator, '"', "\r", "\n"))
    return '"' + cell.replace('"', '""') + '"' if needed or habits.quotes_all else cell


def _workbook(table: list[list[str]]) -> bytes:
    """Save a workbook: numbers and dates as what they are, texts as texts."""
    workbook = Workbook()
    sheet: Any = workbook.active
    for row, cells in enumerate(table, start=1):
        for column, text in enumerate(cells, start=1):
            if text:
                _set(sheet.cell(row, column), text)
    return as_excel_saves(workbook)


_PART_OF_TEXTS: Final = (
    b'<Override PartName="/xl/sharedStrings.xml" '
    b'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/></Types>'
)
_TEXTS: Final = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">%s</sst>'


def as_excel_saves(workbook: Workbook) -> bytes:
    """Save a workbook with its texts in a part of their own, as Excel and LibreOffice do."""
    content, saved_again = io.BytesIO(), io.BytesIO()
    workbook.save(content)
    texts: list[bytes] = []

    def moved(text: re.Match[bytes]) -> bytes:
        texts.append(text[1])
        return b't="s"><v>%d</v></c>' % (len(texts) - 1)

    with ZipFile(content) as old, ZipFile(saved_again, "w") as new:
        for name in old.namelist():
            part = re.sub(rb't="inlineStr"><is>(.*?)</is></c>', moved, old.read(name), flags=re.DOTALL)
            new.writestr(name, part.replace(b"</Types>", _PART_OF_TEXTS) if name.startswith("[") else part)
        new.writestr("xl/sharedStrings.xml", _TEXTS % b"".join(b"<si>%s</si>" % text for text in texts))
    return saved_again.getvalue()


def _set(cell: Any, text: str) -> None:
    if re.fullmatch(r"\d{1,6}", text):
        cell.value = int(text)
    elif re.fullmatch(r"\d\d/\d\d/\d{4}", text) and int(text[3:5]) <= 12:
        cell.value = datetime.strptime(text, "%d/%m/%Y")
        cell.number_format = "dd/mm/yyyy"
    else:
        cell.value = text
        cell.data_type = "s"

"""Separated values: every cell is text, every row as wide as the first.

Read strictly, since one separator too many would shift every value behind it into another field.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from stocksync.adapters.systems.files.rows import (
    NotReadable,
    NotWritable,
    Row,
    as_cell,
    check_characters,
    check_lines,
    flat,
)
from stocksync.mapping.connection_files import CsvFormat, TrailerModel
from stocksync.mapping.paths import put_at

_QUOTING: Final[Mapping[str, Literal[0, 1, 3]]] = {
    "minimal": csv.QUOTE_MINIMAL,
    "all": csv.QUOTE_ALL,
    "none": csv.QUOTE_NONE,
}
_LINE_ENDS: Final = {"crlf": "\r\n", "lf": "\n"}


def read(content: bytes, form: CsvFormat) -> list[Row]:
    """Read every row. Raises NotReadable."""
    lines = _lines(_text(content, form), form)
    due = None
    if form.trailer is not None:
        due = _count_of(lines, form.trailer)
        del lines[-1]
    columns = form.positions if form.positions is not None else _header(lines)
    nested, rows = any("." in name for name in columns), []
    for number, cells in lines if form.positions is not None else lines[1:]:
        if len(cells) != len(columns):
            raise NotReadable(f"line {number} has {len(cells)} cells, {len(columns)} are due")
        rows.append(_row(columns, cells, nested))
    if due is not None and due != len(rows):
        raise NotReadable(f"its last line says {due} records, {len(rows)} are there")
    return rows


def written(
    rows: Sequence[Mapping[str, Any]], form: CsvFormat, columns: Sequence[str] | None, unchanged_as: str
) -> bytes:
    """Write a header and rows. Raises NotWritable for a value that the encoding or the columns have no place for."""
    fields = [dict(flat(row)) for row in rows]
    names = list(columns) if columns is not None else list(dict.fromkeys(name for row in fields for name in row))
    out = io.StringIO(newline="")
    quoting, line_end = _QUOTING[form.quoting], _LINE_ENDS[form.line_end]
    writer = csv.writer(out, delimiter=form.separator, quoting=quoting, lineterminator=line_end)
    for name in names:
        _check_cell(name, name, form)
    writer.writerow(names)
    for row in fields:
        for name in row.keys() - set(names):
            raise NotWritable(name, "the outgoing files have no column for it")
        cells = [as_cell(name, row[name]) if name in row else unchanged_as for name in names]
        for name, cell in zip(names, cells, strict=True):
            _check_cell(name, cell, form)
            if name in row and cell == unchanged_as != "":
                raise NotWritable(name, f"{cell!r} means there that nothing changes")
        writer.writerow(cells)
    if form.trailer is not None:
        writer.writerow([form.trailer.mark, *[""] * (form.trailer.count_at - 2), str(len(rows))])
    return out.getvalue().encode(form.encoding)


def _text(content: bytes, form: CsvFormat) -> str:
    try:
        text = content.decode(form.encoding)
    except UnicodeDecodeError as error:
        raise NotReadable(f"byte {error.start} is no text in {form.encoding}") from None
    # An encoding without a mark of its own leaves the one that somebody put first.
    text = text.removeprefix("\ufeff")
    if form.ends_with_line_end and not text.endswith("\n"):
        raise NotReadable("its last line has no end: it was cut short")
    check_lines(text)
    check_characters(text)
    return text


def _lines(text: str, form: CsvFormat) -> list[tuple[int, list[str]]]:
    # Whatever is not written in quotes may stand in them; only `none` says that a quote is a letter like others.
    quoting = _QUOTING[form.quoting]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=form.separator, quoting=quoting, strict=True)
    try:
        return [(reader.line_num, cells) for cells in reader if cells]
    except csv.Error as error:
        raise NotReadable(f"line {reader.line_num} cannot be cut into cells ({error})") from None


def _count_of(lines: list[tuple[int, list[str]]], trailer: TrailerModel) -> int:
    marked = [index for index, (_, cells) in enumerate(lines) if cells[0] == trailer.mark]
    if not marked or marked != [len(lines) - 1]:
        where = "in the middle" if marked else "missing"
        raise NotReadable(f"its last line, {trailer.mark}, is {where}: it was cut short or put together")
    cells = lines[-1][1]
    said = cells[trailer.count_at - 1].strip() if len(cells) >= trailer.count_at else ""
    if not (said.isascii() and said.isdigit() and len(said) < 10):
        raise NotReadable(f"its last line says no number of records ({said[:40]!r})")
    return int(said)


def _header(lines: list[tuple[int, list[str]]]) -> list[str]:
    if not lines:
        raise NotReadable("it has no header")
    names = [name.strip() for name in lines[0][1]]
    doubled = [name for name, times in Counter(names).items() if times > 1]
    if doubled or not all(all(name.split(".")) for name in names):
        what = f"names {doubled[0]!r} twice" if doubled else "has a column without a name"
        raise NotReadable(f"its header {what}")
    return names


def _row(columns: Sequence[str], cells: Sequence[str], nested: bool) -> Row:
    if not nested:
        return dict(zip(columns, cells, strict=True))
    row: Row = {}
    for name, cell in zip(columns, cells, strict=True):
        try:
            put_at(row, name, cell)
        except ValueError as error:
            raise NotReadable(f"its columns contradict one another ({error})") from None
    return row


def _check_cell(name: str, cell: str, form: CsvFormat) -> None:
    try:
        cell.encode(form.encoding)
    except UnicodeEncodeError as error:
        raise NotWritable(name, f"{error.object[error.start]!r} does not exist in {form.encoding}") from None
    if form.quoting == "none" and any(mark in cell for mark in (form.separator, "\n", "\r")):
        raise NotWritable(name, "it holds what separates cells or lines, and quotes are not used there")

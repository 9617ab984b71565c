"""Rows of files, whatever the format: what is refused in all of them, and which module reads which.

A file is read as a whole or not at all. Not here: where files are, and what their fields mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from stocksync.mapping.connection_files import FIELD_IN_TEXT, CsvFormat, FileFormat, JsonFormat, NdjsonFormat
from stocksync.mapping.paths import put_at, value_at
from stocksync.stock.values import ABSENT

Row = dict[str, Any]

LONGEST_LINE: Final = 1_000_000
"""Characters; no record comes near."""
LONGEST_CELL: Final = 32_768
_DAMAGED: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\ufffe\uffff\ufffd\ud800-\udfff]")
_CHARACTERS: Final = {"\x00": "a NUL", "\ufeff": "a byte order mark in the middle", "\ufffd": "a lost character"}


class NotReadable(ValueError):
    """Says why a file cannot be taken."""


class NotWritable(ValueError):
    """Says why a value has no place in a file; `field` is its path."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field, self.why = field, why


def read_rows(content: bytes, form: FileFormat) -> list[Row]:
    """Read every row of a file. Raises NotReadable iff it is not whole and sound."""
    from stocksync.adapters.systems.files import csv_rows, json_rows, xml_rows

    if not content:
        raise NotReadable("it is empty")
    if isinstance(form, CsvFormat):
        return csv_rows.read(content, form)
    if isinstance(form, JsonFormat | NdjsonFormat):
        return json_rows.read(content, form)
    return xml_rows.read(content, form)


def with_added(rows: list[Row], fields: Mapping[str, str]) -> list[Row]:
    """Put into every row the fields that its file lacks; what each is made of is in the settings.

    Raises NotReadable where a row has such a field already, or lacks one that another is made of.
    """
    for path, text in fields.items():
        pieces = FIELD_IN_TEXT.split(text)
        for row in rows:
            if value_at(row, path) is not ABSENT:
                raise NotReadable(f"it has a field {path} of its own, which the settings add")
            try:
                put_at(row, path, _made_of(row, pieces) if len(pieces) > 1 else text)
            except ValueError as error:
                raise NotReadable(f"the settings add a field that its fields contradict ({error})") from None
    return rows


def _made_of(row: Row, pieces: Sequence[str]) -> str:
    """Join plain pieces and the fields named between them; "" where one of those is empty."""
    said = [_part(row, piece) if index % 2 else piece for index, piece in enumerate(pieces)]
    return "".join(said) if all(said[1::2]) else ""


def _part(row: Row, path: str) -> str:
    value = value_at(row, path)
    if value is ABSENT:
        raise NotReadable(f"it has no field {path}, which another one is made of")
    try:
        return as_cell(path, value).strip()
    except NotWritable as error:
        raise NotReadable(f"nothing can be made of its field {path}: {error.why}") from None


def written_rows(
    rows: Sequence[Mapping[str, Any]], form: FileFormat, columns: Sequence[str] | None, unchanged_as: str
) -> bytes:
    """Write rows as a whole file; columns and unchanged_as as the settings have them. Raises NotWritable."""
    from stocksync.adapters.systems.files import csv_rows, json_rows, xml_rows

    if isinstance(form, CsvFormat):
        return csv_rows.written(rows, form, columns, unchanged_as)
    if isinstance(form, JsonFormat | NdjsonFormat):
        return json_rows.written(rows, form)
    return xml_rows.written(rows, form)


def check_characters(text: str) -> None:
    """Refuse text that was damaged, or read in the wrong encoding. Raises NotReadable."""
    found = _DAMAGED.search(text)
    if found is not None:
        line = text.count("\n", 0, found.start()) + 1
        what = _CHARACTERS.get(found.group(), f"the character U+{ord(found.group()):04X}")
        raise NotReadable(f"line {line} holds {what}: it was damaged, or its encoding is another one")


def check_lines(text: str) -> None:
    """Refuse lines that no record fills. Raises NotReadable."""
    longest = max(map(len, text.split("\n")))
    if longest > LONGEST_LINE:
        raise NotReadable(f"a line has {longest} characters")


def flat(body: Mapping[str, Any], under: str = "") -> Iterator[tuple[str, Any]]:
    """Give the fields of a nested body with their dotted paths."""
    for name, value in body.items():
        path = f"{under}{name}"
        if isinstance(value, Mapping):
            yield from flat(value, f"{path}.")
        else:
            yield path, value


def as_cell(path: str, value: Any) -> str:
    """Spell a value for a format that knows text only. Raises NotWritable."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str):
        raise NotWritable(path, "a list has no place in a cell")
    if _DAMAGED.search(value):
        raise NotWritable(path, "it holds a character that no file can carry")
    if len(value) > LONGEST_CELL:
        raise NotWritable(path, f"it has {len(value)} characters")
    return value

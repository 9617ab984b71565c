"""JSON, as one text or one object a line; read as exactly as answers are, see `strict_json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stocksync.adapters.systems import strict_json
from stocksync.adapters.systems.files.rows import LONGEST_LINE, NotReadable, Row
from stocksync.mapping.connection_files import JsonFormat, NdjsonFormat
from stocksync.mapping.paths import put_at, value_at


def read(content: bytes, form: JsonFormat | NdjsonFormat) -> list[Row]:
    """Read every object. Raises NotReadable."""
    found = _lines(content) if isinstance(form, NdjsonFormat) else _items(content, form)
    for number, item in enumerate(found, start=1):
        if not isinstance(item, dict):
            raise NotReadable(f"item {number} is no object")
    return found


def written(rows: Sequence[Mapping[str, Any]], form: JsonFormat | NdjsonFormat) -> bytes:
    """Write objects; a file of one JSON text ends with a line end too."""
    if isinstance(form, NdjsonFormat):
        return b"".join(strict_json.written(row) + b"\n" for row in rows)
    listed = b"[" + b",\n".join(strict_json.written(row) for row in rows) + b"]"
    if not form.items:
        return listed + b"\n"
    around: dict[str, Any] = {}
    put_at(around, form.items, list(rows))
    if form.count is not None:
        put_at(around, form.count, len(rows))
    return strict_json.written(around) + b"\n"


def _parsed(content: bytes, where: str) -> Any:
    try:
        return strict_json.parsed(content)
    except strict_json.NotJson as error:
        raise NotReadable(f"{where}holds {error}") from None


def _lines(content: bytes) -> list[Any]:
    if not content.endswith(b"\n"):
        raise NotReadable("its last line has no end: it was cut short")
    lines = content.removeprefix(b"\xef\xbb\xbf").splitlines()
    if any(len(line) > LONGEST_LINE for line in lines):
        raise NotReadable(f"a line has more than {LONGEST_LINE} bytes")
    return [_parsed(line, f"line {number} ") for number, line in enumerate(lines, start=1)]


def _items(content: bytes, form: JsonFormat) -> list[Any]:
    text = _parsed(content.removeprefix(b"\xef\xbb\xbf"), "it ")
    items = value_at(text, form.items) if form.items else text
    if not isinstance(items, list):
        raise NotReadable(f"it has no list of records{f' at {form.items}' if form.items else ''}")
    if form.count is not None:
        said = value_at(text, form.count)
        if type(said) is not int or said != len(items):
            raise NotReadable(f"{form.count} does not say {len(items)}, the number of records that are there")
    return items

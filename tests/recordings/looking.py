"""Looking for a text in everything that a folder holds, however it is wrapped."""

import base64
import json
import re
import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_CODED = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")


def texts_in(folder: Path) -> Iterator[tuple[str, str]]:
    """Every text in a folder with the file it is in: its bytes, and what is unpacked or unescaped out of them."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            raw = path.read_bytes()
            yield from ((str(path.name), text) for text in _unwrapped(raw))
            if path.suffix == ".db":
                yield from ((f"{path.name} rows", text) for text in _of_database(path))


def holding(folder: Path, wanted: list[str]) -> list[tuple[str, str]]:
    """Which of some texts are in a folder, and where; case does not matter."""
    found = []
    for name, text in texts_in(folder):
        small = text.casefold()
        found += [(name, one) for one in wanted if one.casefold() in small]
    return found


def may_not_stay(vin: str) -> bool:
    """Tell whether a VIN, or its serial part, becomes another one under nearly every key: 0 and 1 stay as they are."""
    return sum(c.upper() not in "01OIQ" for c in vin[-6:]) >= 5


def _unwrapped(raw: bytes, depth: int = 3) -> Iterator[str]:
    for encoding in ("utf-8", "latin-1", "utf-16-le"):
        yield raw.decode(encoding, "replace")
    text = raw.decode("utf-8", "replace")
    for line in text.splitlines():
        if line[:1] in '{["':
            yield from _of_json(line)
    yield from _of_json(text)
    if depth:
        yield from _inflated(raw, depth)
        for coded in _CODED.findall(text[:5_000_000]):
            try:
                yield from _unwrapped(base64.b64decode(coded), 0)
            except ValueError:
                continue


def _inflated(raw: bytes, depth: int) -> Iterator[str]:
    for wbits in (zlib.MAX_WBITS, 31):
        try:
            yield from _unwrapped(zlib.decompress(raw, wbits), depth - 1)
        except zlib.error:
            continue


def _of_json(text: str) -> Iterator[str]:
    try:
        yield json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        return


def _of_database(path: Path) -> Iterator[str]:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        for table in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    yield from _of_value(value)
    finally:
        connection.close()


def _of_value(value: Any) -> Iterator[str]:
    if isinstance(value, bytes):
        yield from _unwrapped(value)
    elif isinstance(value, str):
        yield from _unwrapped(value.encode("utf-8", "surrogatepass"))

"""How SQLite finds rows: what it says itself of the statements that it was asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Final

from sqlalchemy import Engine, event

GROWING: Final = ("car", "snapshot", "outbox", "conflict", "resolution")
"""The tables that grow with the stock, or with what happened to it."""
_LISTED: Final = re.compile(r"(\w+)\.(\w+) IN \(SELECT \w+\.value\s+FROM json_each\(")
_IDS_SPELLED_OUT: Final = re.compile(r"(\w+)\.(\w*id) IN \(\?")
Asked = list[tuple[str, Any]]


@contextmanager
def asking(engine: Engine) -> Iterator[Asked]:
    """Collect what is asked of a database: statements, each with its parameters."""
    asked: Asked = []

    def statement(_c: Any, _cursor: Any, text: str, parameters: Any, _context: Any, many: bool) -> None:
        asked.append((text, parameters[0] if many else parameters))

    event.listen(engine, "before_cursor_execute", statement)
    yield asked
    event.remove(engine, "before_cursor_execute", statement)


def walks(engine: Engine, asked: Asked) -> set[str]:
    """The steps that walk through a table that grows, or through a part of one to find rows whose keys are listed."""
    found = set()
    with closing(engine.raw_connection()) as connection:
        for text, parameters in asked:
            if text.split()[0] not in ("SELECT", "UPDATE", "DELETE"):
                continue
            plan = connection.cursor().execute(f"EXPLAIN QUERY PLAN {text}", parameters)
            found |= {f"{step}: {text}" for *_, step in plan if _is_walk(step, text)}
    return found


def _is_walk(step: str, text: str) -> bool:
    how, _, rest = step.partition(" ")
    table = rest.partition(" ")[0]
    if table not in GROWING:
        return False
    listed = (*_LISTED.findall(text), *_IDS_SPELLED_OUT.findall(text))
    keys = [column for of, column in listed if of == table]
    by_key = any(f"{column}=?" in rest or "rowid=?" in rest for column in keys)
    return how == "SCAN" or bool(keys and not by_key)

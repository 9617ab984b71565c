"""Rows by many keys: as one parameter where the database can unfold it, else as so many.

Where each key is a parameter of its own, spelling and binding them takes longer than looking the rows up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

import orjson
from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Connection,
    CursorResult,
    any_,
    bindparam,
    func,
    literal,
    literal_column,
    select,
    tuple_,
)

from stocksync.adapters.store.core import chunks
from stocksync.adapters.store.engine import MUCH, works_much

Key = TypeVar("Key", str, int)
AT_ONCE: Final = 1000
"""Keys that one statement looks up."""
_KEYS: Final = "keys"
_NUL: Final = "\\u0000"
"""As JSON spells it: SQLite lets a text of a list end there."""


def among(connection: Connection, column: Column[Any], keys: Sequence[str] | Sequence[int]) -> ColumnElement[bool]:
    """The condition that a column holds one of some keys of ours."""
    if connection.dialect.name == "sqlite":
        return _unfolded(column, orjson.dumps(keys).decode())
    return _in_array(column, literal(list(keys), ARRAY(column.type)))


def among_rows(
    connection: Connection, columns: Sequence[Column[Any]], keys: Sequence[Sequence[Any]]
) -> ColumnElement[bool]:
    """The condition that a row has one of some keys of ours, each of them a value for every one of these columns."""
    if connection.dialect.name != "sqlite":
        return tuple_(*columns).in_(keys)
    # Spelled out, SQLite would hold every row of the table against them.
    listed = func.json_each(orjson.dumps(keys).decode()).table_valued("value")
    parts = (func.json_extract(listed.c.value, f"$[{place}]") for place in range(len(columns)))
    return tuple_(*columns).in_(select(*parts))


def unsought(column: Column[str]) -> ColumnElement[str]:
    """A column that a row is only compared by, once its key has found it.

    SQLite would rather take the index that has most of a statement's columns, and walk through all cars of a point of
    sale in it, than look some keys up.
    """
    return column.concat(literal_column("''"))


class ByKeys:
    """A statement that asks for rows by keys, however many; made once, for that takes longer than to execute it.

    statement: makes it of the condition that a row has one of the keys in this column.
    """

    def __init__(self, column: Any, statement: Callable[[ColumnElement[bool]], Any]) -> None:
        self._unfolding = statement(_unfolded(column, bindparam(_KEYS)))
        self._spelled_out = statement(column.in_(bindparam(_KEYS, expanding=True)))
        self._in_array = statement(_in_array(column, bindparam(_KEYS, type_=ARRAY(column.type))))

    def rows(self, connection: Connection, keys: Iterable[Key], asked: Mapping[str, Any]) -> list[Any]:
        """The rows of these keys; asked: the statement's other parameters."""
        return [row for result in self._executed(connection, keys, asked) for row in result.all()]

    def values(self, connection: Connection, keys: Iterable[Key], asked: Mapping[str, Any]) -> Iterator[Any]:
        """What stands in the first column of these rows."""
        return (row[0] for row in self.rows(connection, keys, asked))

    def change(self, connection: Connection, keys: Iterable[Key], told: Mapping[str, Any]) -> None:
        """Change the rows of these keys, where the statement is one that does."""
        for _ in self._executed(connection, keys, told):
            pass

    def _executed(
        self, connection: Connection, keys: Iterable[Key], asked: Mapping[str, Any]
    ) -> Iterator[CursorResult[Any]]:
        wanted = list(keys)
        if not wanted:
            return
        if len(wanted) >= MUCH:
            works_much(connection)
        if connection.dialect.name == "postgresql":
            yield connection.execute(self._in_array, {**asked, _KEYS: wanted})
            return
        if _NUL not in (spelled := orjson.dumps(wanted).decode()):
            yield connection.execute(self._unfolding, {**asked, _KEYS: spelled})
            return
        for part in chunks(sorted(wanted)):
            yield connection.execute(self._spelled_out, {**asked, _KEYS: part})


def _in_array(column: Any, keys: Any) -> ColumnElement[bool]:
    found: ColumnElement[bool] = column == any_(keys)
    return found


def _unfolded(column: Any, keys: Any) -> ColumnElement[bool]:
    listed = func.json_each(keys).table_valued("value")
    found: ColumnElement[bool] = column.in_(select(listed.c.value))
    return found

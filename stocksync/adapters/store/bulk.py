"""Many rows by one statement: compiled once for each dialect, and given to the driver as it takes them.

Where SQLAlchemy itself executes a statement for many rows, it is handed a dictionary for each of them, and looks every
column up and converts it anew; at first contact that takes longer than what the database does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from typing import Any, Final, cast

from sqlalchemy import Boolean, Connection, Dialect, Table, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.compiler import SQLCompiler

from stocksync.adapters.store.core import chunks

AT_A_TIME: Final = 2000
"""Rows that are held as the driver takes them."""

Encode = Callable[[Any], Any]


@dataclass(frozen=True, slots=True, eq=False)
class Bulk:
    """A statement that inserts rows; one is made for each use of a table, and kept. A column left out has no default.

    given: the columns whose values each row carries, in its order. same: those that are the same in all rows of a call.
    keys: where a row with these is there already, it is replaced but for the columns to `keep`; none: every row is new.
    """

    into: Table
    given: tuple[str, ...]
    same: tuple[str, ...]
    keys: tuple[str, ...] = ()
    keep: frozenset[str] = frozenset()

    def write(self, connection: Connection, rows: Iterable[Sequence[Any]], same: Mapping[str, Any]) -> None:
        """Write rows; same: by their names, what all of them carry."""
        statement = _compiled(self, connection.dialect)
        for part in chunks(rows, AT_A_TIME):
            connection.exec_driver_sql(statement.text, statement.parameters(part, same))


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement as a dialect spells it.

    names: its parameters, in their order where the driver takes them by it. encode: what makes of a value what the
    driver takes, None where that is the value itself.
    """

    text: str
    given: tuple[str, ...]
    names: tuple[str, ...]
    is_by_order: bool
    encode: Mapping[str, Encode | None]

    def parameters(self, rows: Sequence[Sequence[Any]], same: Mapping[str, Any]) -> list[Any]:
        # By column, so that what converts values is looked up once and not for every row.
        columns: dict[str, Iterable[Any]] = {name: repeat(self._encoded(name, value)) for name, value in same.items()}
        for name, values in zip(self.given, zip(*rows, strict=True), strict=True):
            encode = self.encode[name]
            columns[name] = values if encode is None else map(encode, values)
        ordered = zip(*(columns[name] for name in self.names), strict=False)
        return list(ordered) if self.is_by_order else [dict(zip(self.names, row, strict=True)) for row in ordered]

    def _encoded(self, name: str, value: Any) -> Any:
        encode = self.encode[name]
        return value if encode is None else encode(value)


@lru_cache(maxsize=32)
def _compiled(bulk: Bulk, dialect: Dialect) -> _Compiled:
    names = [column.name for column in bulk.into.columns if column.name in {*bulk.given, *bulk.same}]
    compiled = _statement(bulk, dialect).compile(dialect=dialect, column_keys=names, for_executemany=True)
    assert isinstance(compiled, SQLCompiler)
    by_order = compiled.positiontup if compiled.positional else None
    encode = {name: _encode(compiled.binds[name].type, dialect) for name in names}
    return _Compiled(compiled.string, bulk.given, tuple(by_order or names), by_order is not None, encode)


def _statement(bulk: Bulk, dialect: Dialect) -> Any:
    if not bulk.keys:
        return insert(bulk.into)
    statement = (postgresql if dialect.name == "postgresql" else sqlite).insert(bulk.into)
    replaced = {*bulk.given, *bulk.same} - {*bulk.keys, *bulk.keep}
    names = [column.name for column in bulk.into.columns if column.name in replaced]
    return statement.on_conflict_do_update(
        index_elements=list(bulk.keys), set_={name: statement.excluded[name] for name in names}
    )


def _encode(kind: Any, dialect: Dialect) -> Encode | None:
    encode = cast("Encode | None", kind.dialect_impl(dialect).bind_processor(dialect))
    if encode is not None and isinstance(kind, Boolean):
        # There are only two of them, and half of the columns that need encoding hold them.
        return {truth: encode(truth) for truth in (False, True)}.__getitem__
    return encode

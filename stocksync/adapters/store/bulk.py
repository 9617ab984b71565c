"""Many rows by one statement: compiled once for each dialect, and given to the driver as it takes them.

Where SQLAlchemy itself executes a statement for many rows, it is handed a dictionary for each of them, and looks every
column up and converts it anew; at first contact that takes longer than what the database does.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import repeat
from typing import Any, Final, TypeVar, cast

from sqlalchemy import Boolean, Connection, Dialect, Table, and_, bindparam, insert, or_, update
from sqlalchemy.dialects import postgresql, sqlite

from stocksync.adapters.store.core import chunks
from stocksync.adapters.store.engine import MUCH, works_much

AT_A_TIME: Final = 500
"""Rows that are held as the driver takes them."""

_COMBINATIONS: Final = 64
"""Of columns that change together: hardly more ever occur, and each is a statement that is kept."""

Encode = Callable[[Any], Any]
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True, eq=False)
class Bulk:
    """A statement that inserts rows; one is made for each use of a table, and kept. A column left out has no default.

    given: the columns whose values each row carries, in its order. same: those that are the same in all rows of a call.
    keys: where a row with these is there already, it is replaced but for the columns to `keep`; none: every row is new.
    rarely: columns that seldom change in a row that is there; rows in which one does are replaced after all others.
    """

    into: Table
    given: tuple[str, ...]
    same: tuple[str, ...]
    keys: tuple[str, ...] = ()
    keep: frozenset[str] = frozenset()
    rarely: tuple[str, ...] = ()

    def moving(self, columns: frozenset[str]) -> Bulk:
        """The same for rows in which these columns, which change rarely, are known to have done so."""
        return _moving(self, columns) if columns else self

    def write(self, connection: Connection, rows: Iterable[Sequence[Any]], same: Mapping[str, Any]) -> None:
        """Write rows, no two with the same keys; same: by their names, what all of them carry."""
        compiled = _compiled(self, connection.dialect)
        for number, part in enumerate(chunks(rows, AT_A_TIME)):
            if number * AT_A_TIME == MUCH:
                works_much(connection)
            columns = compiled.encoded(part, same)
            written = connection.exec_driver_sql(compiled.insert.text, compiled.insert.parameters(columns))
            # A driver that cannot count them makes this ask once too often, and no more.
            if compiled.moved is not None and written.rowcount != len(part):
                connection.exec_driver_sql(compiled.moved.text, compiled.moved.parameters(columns))


def grouped(keys: Iterable[Key], moved: Mapping[Key, frozenset[str]]) -> dict[frozenset[str], list[Key]]:
    """Keys by the columns that are known to have changed in their rows; first those of which none is."""
    found: dict[frozenset[str], list[Key]] = {frozenset(): []}
    for key in keys:
        found.setdefault(moved.get(key, frozenset()), []).append(key)
    return found


@lru_cache(maxsize=_COMBINATIONS)
def _moving(bulk: Bulk, columns: frozenset[str]) -> Bulk:
    return replace(bulk, rarely=tuple(name for name in bulk.rarely if name not in columns))


@dataclass(frozen=True, slots=True)
class _Statement:
    """As a dialect spells it; columns: whose values it takes, in their order where the driver goes by it, by name."""

    text: str
    columns: tuple[str, ...]
    names: tuple[str, ...] | None

    def parameters(self, columns: Mapping[str, Iterable[Any]]) -> list[Any]:
        rows = zip(*(columns[column] for column in self.columns), strict=False)
        return list(rows) if self.names is None else [dict(zip(self.names, row, strict=True)) for row in rows]


@dataclass(frozen=True, slots=True)
class _Compiled:
    """The statements of a bulk.

    encode: by column, what makes of a value what the driver takes; None where that is the value itself.
    """

    given: tuple[str, ...]
    encode: Mapping[str, Encode | None]
    insert: _Statement
    moved: _Statement | None

    def encoded(self, rows: Sequence[Sequence[Any]], same: Mapping[str, Any]) -> dict[str, Iterable[Any]]:
        # By column, so that what converts values is looked up once and not for every row.
        found: dict[str, Iterable[Any]] = {}
        for name, value in same.items():
            encode = self.encode[name]
            found[name] = repeat(value if encode is None else encode(value))
        for name, values in zip(self.given, zip(*rows, strict=True), strict=True):
            encode = self.encode[name]
            found[name] = values if encode is None else tuple(map(encode, values))
        return found


@lru_cache(maxsize=2 * _COMBINATIONS)
def _compiled(bulk: Bulk, dialect: Dialect) -> _Compiled:
    columns = [column for column in bulk.into.columns if column.name in {*bulk.given, *bulk.same}]
    replaced = [column.name for column in columns if column.name not in {*bulk.keys, *bulk.keep}]
    encode = {column.name: _encode(column.type, dialect) for column in columns}
    inserted = _statement(_insert(bulk, replaced, dialect), dialect, [column.name for column in columns])
    moved = _statement(_update(bulk, replaced), dialect) if bulk.rarely else None
    return _Compiled(bulk.given, encode, inserted, moved)


def _insert(bulk: Bulk, replaced: Sequence[str], dialect: Dialect) -> Any:
    if not bulk.keys:
        return insert(bulk.into)
    statement = (postgresql if dialect.name == "postgresql" else sqlite).insert(bulk.into)
    # What an upsert sets is taken out of its indexes and put in again, also where it is as it was: so it does not set
    # what rarely changes, and leaves the rows alone where that did.
    set_ = {name: statement.excluded[name] for name in replaced if name not in bulk.rarely}
    unmoved = [bulk.into.c[name].is_not_distinct_from(statement.excluded[name]) for name in bulk.rarely]
    return statement.on_conflict_do_update(
        index_elements=list(bulk.keys), set_=set_, where=and_(*unmoved) if unmoved else None
    )


def _update(bulk: Bulk, replaced: Sequence[str]) -> Any:
    columns = bulk.into.c
    value = {name: bindparam(f"{_GIVEN}{name}", type_=columns[name].type) for name in (*bulk.keys, *replaced)}
    is_it = (columns[name] == value[name] for name in bulk.keys)
    has_moved = or_(*(columns[name].is_distinct_from(value[name]) for name in bulk.rarely))
    return update(bulk.into).where(*is_it, has_moved).values({name: value[name] for name in replaced})


_GIVEN: Final = "given_"
"""Before a column's name: the name alone is SQLAlchemy's for what is set."""


def _statement(statement: Any, dialect: Dialect, names: list[str] | None = None) -> _Statement:
    compiled = statement.compile(dialect=dialect, column_keys=names, for_executemany=True)
    parameters = tuple(compiled.positiontup if compiled.positional else compiled.binds)
    columns = tuple(name.removeprefix(_GIVEN) for name in parameters)
    return _Statement(compiled.string, columns, None if compiled.positional else parameters)


def _encode(kind: Any, dialect: Dialect) -> Encode | None:
    encode = cast("Encode | None", kind.dialect_impl(dialect).bind_processor(dialect))
    if encode is not None and isinstance(kind, Boolean):
        # There are only two of them, and half of the columns that need encoding hold them.
        return {truth: encode(truth) for truth in (False, True)}.__getitem__
    return encode

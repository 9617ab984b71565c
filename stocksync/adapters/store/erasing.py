"""Erasing a person from what is remembered, in short transactions, and telling what still holds them.

A run decides after an erasure as it would have decided before: only history changes (see `erasing_parts`). Each
transaction tells in the journal, without the person's name, which rows it changed and for whom. Not here: reports that
went out as files, and backups.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.exc import SQLAlchemyError

from stocksync.adapters.store.core import CAR, chunks
from stocksync.adapters.store.engine import WRITE
from stocksync.adapters.store.erasing_parts import PARTS, JournalPart, Part, Place, holders_of
from stocksync.adapters.store.journal_chain import ERASED, erased_rows
from stocksync.adapters.store.key_lists import among_rows
from stocksync.adapters.store.person import Person
from stocksync.adapters.store.rows import add_journal
from stocksync.errors import UsageError
from stocksync.stock.values import Side
from stocksync.sync.recording import JournalLine

_READ_AT_A_TIME: Final = 200
_AT_A_TIME: Final = 250
_OUTSIDE_RUNS: Final = 0


@dataclass(frozen=True, slots=True)
class Held:
    """A row that holds a person.

    key: the row's. is_over: it is history, and can be erased. records: of what is not, the records of its car, or its
    own, by side.
    """

    place: Place
    key: tuple[Any, ...]
    is_over: bool
    point_of_sale: str | None = None
    records: tuple[tuple[Side, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What holds a person; a row that holds them both in what is over and in what is current is in both."""

    rows: tuple[Held, ...]

    @property
    def over(self) -> tuple[Held, ...]:
        """What can be erased."""
        return tuple(row for row in self.rows if row.is_over)

    @property
    def current(self) -> tuple[Held, ...]:
        """What stays until the systems hold it no more."""
        return tuple(row for row in self.rows if not row.is_over)


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased: how many rows, by place; what still holds the person; whether the file was made anew.

    is_rewritten: no byte of the database's file, nor of what lies beside it, keeps what its rows said before.
    """

    counts: dict[Place, int]
    left: Found
    is_rewritten: bool


def find_person(connection: Connection, said: str) -> Found:
    """Find what holds a person, however they are written; nothing is changed. Raises UsageError, see `Person`."""
    return _found(connection, Person(said))


def erase_person(
    engine: Engine, said: str, by: str, at: datetime, *, rest: Callable[[float], object] = time.sleep
) -> Erased:
    """Erase a person from history, and tell what is left.

    by: who erases; their name is kept. rest: how to wait, in seconds, between two transactions: for as long as the last
    one took, so that others come to write. Raises UsageError where `by` is the person, or names nobody can be found by.
    """
    person = Person(said)
    if person.is_in(by):
        raise UsageError("Who erases is kept by name, and is the person to be erased: have somebody else do it.")
    with engine.connect() as connection:
        over = [(part, _keys(connection, part, person)) for part in PARTS]
    changed: dict[Place, set[tuple[Any, ...]]] = {}
    for part, keys in over:
        for some in chunks(keys, _AT_A_TIME):
            started_s = time.monotonic()
            with _erasing(engine) as connection:
                done = _erase(connection, part, some, person)
                if done:
                    add_journal(connection, _OUTSIDE_RUNS, at, [_line(part, done, person, by)])
            changed.setdefault(part.place, set()).update(key for key, _ in done)
            rest(time.monotonic() - started_s)
    is_rewritten = _rewrite(engine)
    with engine.connect() as connection:
        left = _found(connection, person)
    return Erased({place: len(keys) for place, keys in changed.items() if keys}, left, is_rewritten)


def _found(connection: Connection, person: Person) -> Found:
    held: dict[tuple[Place, tuple[Any, ...], bool], Held] = {}
    for part in PARTS:
        for row, _, is_over in _holding(connection, part, person):
            key = part.key_of(row)
            records = () if is_over else _records(connection, row)
            point_of_sale = getattr(row, "point_of_sale", None)
            held[part.place, key, is_over] = Held(part.place, key, is_over, point_of_sale, records)
    return Found(tuple(held.values()))


def _keys(connection: Connection, part: Part, person: Person) -> list[tuple[Any, ...]]:
    return [part.key_of(row) for row, _, is_over in _holding(connection, part, person) if is_over]


def _holding(
    connection: Connection, part: Part, person: Person, keys: Sequence[tuple[Any, ...]] | None = None
) -> Iterator[tuple[Any, dict[str, Any], bool]]:
    """The rows of a part that hold a person: each with its columns as they are without, and whether it is over."""
    statement = part.rows().execution_options(yield_per=_READ_AT_A_TIME)
    if keys is not None:
        own = list(part.table.primary_key)
        named = among_rows(connection, own, keys) if len(own) > 1 else own[0].in_([key[0] for key in keys])
        statement = statement.where(named)
    for row in connection.execute(statement):
        without = part.without(row, person)
        if without is None:
            # It is not to be understood, but they stand in it.
            yield row, {}, False
        elif without:
            yield row, without, bool(row.is_over) or (part.free_only and _is_free(connection, row, person))


def _is_free(connection: Connection, car: Any, person: Person) -> bool:
    """Tell whether nothing that is current of a car holds a person: what it tried to write once is then history."""
    return not any(
        part.without(row, person) != {}
        for part, statement in holders_of(car)
        for row in connection.execute(statement).all()
    )


def _records(connection: Connection, row: Any) -> tuple[tuple[Side, str], ...]:
    if getattr(row, "record_id", None) is not None:
        return ((Side(row.side), row.record_id),)
    car = row if hasattr(row, "dms_id") else None
    if car is None and getattr(row, "car_id", None) is not None:
        car = connection.execute(select(CAR).where(CAR.c.id == row.car_id)).first()
    if car is None:
        return ()
    both = ((Side.VEHICLE_MODULE, car.vehicle_module_id), (Side.DMS, car.dms_id))
    return tuple((side, record_id) for side, record_id in both if record_id is not None)


@contextmanager
def _erasing(engine: Engine) -> Iterator[Connection]:
    """A transaction after which the bytes that it replaced are nought."""
    with engine.execution_options(**{WRITE: True}).begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete=ON")
        yield connection


def _erase(
    connection: Connection, part: Part, keys: Sequence[tuple[Any, ...]], person: Person
) -> list[tuple[tuple[Any, ...], tuple[int, ...]]]:
    """Erase the person from those rows that are still over; the answer is their keys, each with what it told erased."""
    done = []
    over = [(row, without) for row, without, is_over in _holding(connection, part, person, keys) if is_over]
    for row, without in over:
        key = part.key_of(row)
        own = (column == value for column, value in zip(part.table.primary_key, key, strict=True))
        connection.execute(update(part.table).where(*own).values(without))
        told = erased_rows(row.action, row.details) if isinstance(part, JournalPart) else ()
        done.append((key, told))
    return done


def _line(part: Part, done: Sequence[tuple[tuple[Any, ...], tuple[int, ...]]], person: Person, by: str) -> JournalLine:
    """Tell what one transaction erased. What a line told that goes itself is told anew, or nothing would tell it."""
    rows: list[Any]
    if isinstance(part, JournalPart):
        rows = sorted({row_id for (own,), told in done for row_id in (own, *told)})
    else:
        rows = [_shown(key, person) for key, _ in done]
    return JournalLine(None, ERASED, {"by": by, "what": part.place.value, "rows": rows})


def _shown(key: tuple[Any, ...], person: Person) -> Any:
    """A key as the journal may keep it: a point of sale may bear the person's name."""
    parts = [person.without(part) if isinstance(part, str) else part for part in key]
    return parts[0] if len(parts) == 1 else parts


def _rewrite(engine: Engine) -> bool:
    """Write the database anew, so that what was left behind goes too; False where others, or no room, forbid it."""
    return _rewrite_file(engine) if engine.dialect.name == "sqlite" else _rewrite_tables(engine)


def _rewrite_tables(engine: Engine) -> bool:
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for part in {part.table.name for part in PARTS}:
                connection.exec_driver_sql(f'VACUUM FULL "{part}"')
        return True
    except SQLAlchemyError:
        return False


def _rewrite_file(engine: Engine) -> bool:
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        try:
            cursor.execute("PRAGMA secure_delete=ON")
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return bool(cursor.fetchone() == (0, 0, 0))
        finally:
            cursor.close()
    except sqlite3.OperationalError:
        return False
    finally:
        raw.close()

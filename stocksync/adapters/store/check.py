"""What may be wrong with the database: its file, where it lies, and what it says; nothing is changed.

What each fault means to a person, and how it is mended, is said by who prints it.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import DatabaseError

from stocksync.adapters.store.backup import parts_left
from stocksync.adapters.store.database_file import reading, revision_of
from stocksync.adapters.store.engine import HEAD
from stocksync.adapters.store.faults import Cause, fault_of
from stocksync.adapters.store.journal_chain import Walk
from stocksync.adapters.store.journal_rows import walk_journal
from stocksync.adapters.store.mounts import Mount, mount_of

STANDING_STILL_FOR: Final = timedelta(days=7)
"""After which an entry that waits, or whose answer is not known, is a fault."""
_LARGE_WAL_BYTES: Final = 256 * 2**20
_LITTLE_ROOM_BYTES: Final = 256 * 2**20
_PART_IS_DEAD_AFTER: Final = timedelta(days=1)
_EXAMPLES: Final = 5


class Matter(StrEnum):
    """What can be wrong; the order is the one in which it should be mended."""

    NO_ROOM = "no_room"
    READ_ONLY = "read_only"
    LOCKED = "locked"
    DISK_FAILS = "disk_fails"
    DAMAGED = "damaged"
    DANGLING = "dangling"
    NOT_OURS = "not_ours"
    NEWER_SCHEMA = "newer_schema"
    OLDER_SCHEMA = "older_schema"
    JOURNAL_BROKEN = "journal_broken"
    NETWORK_DRIVE = "network_drive"
    LITTLE_ROOM = "little_room"
    LARGE_WAL = "large_wal"
    BACKUP_LEFTOVER = "backup_leftover"
    RECORD_BOUND_TWICE = "record_bound_twice"
    ENTRY_WITHOUT_CAR = "entry_without_car"
    ENTRY_STANDING_STILL = "entry_standing_still"
    OPEN_TWICE = "open_twice"
    RUN_WITHOUT_MAPPING = "run_without_mapping"
    UNREADABLE_TEXT = "unreadable_text"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong: how often, and where, a few examples of it."""

    matter: Matter
    count: int
    where: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """A database as it was found; journal: None where it was not walked."""

    path: Path
    size_bytes: int
    wal_bytes: int
    free_bytes: int
    mount: Mount | None
    revision: str | None
    journal: Walk | None
    took_s: float
    faults: tuple[Fault, ...] = field(default=())


def check(
    database: Path,
    now_at: datetime,
    *,
    quick: bool = False,
    find_mount: Callable[[Path], Mount | None] = mount_of,
    free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
) -> Checked:
    """Look at a database file and what it says, while others work on it.

    quick: leave out what takes long on a large one: indexes held against their tables, and the journal's chain.
    """
    started_s = time.monotonic()
    size_bytes, wal_bytes = database.stat().st_size, _size(database.with_name(f"{database.name}-wal"))
    mount, free = find_mount(database), free_bytes(database.resolve().parent)
    faults = list(_of_the_place(database, now_at, size_bytes, wal_bytes, mount, free))
    revision: str | None = None
    journal: Walk | None = None
    try:
        with reading(database) as connection:
            faults += _of_the_file(connection, quick=quick)
            revision = revision_of(connection)
            faults += _of_the_schema(revision)
            if revision == HEAD:
                journal = None if quick else walk_journal(connection)
                faults += _of_the_journal(journal)
                faults += _of_the_data(connection, now_at)
    except (DatabaseError, sqlite3.DatabaseError) as error:
        faults.append(_not_read(error, database))
    order = list(Matter)
    return Checked(
        database,
        size_bytes,
        wal_bytes,
        free,
        mount,
        revision,
        journal,
        time.monotonic() - started_s,
        tuple(sorted(faults, key=lambda fault: order.index(fault.matter))),
    )


_MATTERS: Final = {
    Cause.NO_ROOM: Matter.NO_ROOM,
    Cause.READ_ONLY: Matter.READ_ONLY,
    Cause.LOCKED: Matter.LOCKED,
    Cause.DISK: Matter.DISK_FAILS,
}


def _not_read(error: Exception, database: Path) -> Fault:
    """Why the file could not be looked through; only what SQLite itself calls damaged is."""
    found = fault_of(error, str(database), database)
    matter = _MATTERS.get(found.cause, Matter.DAMAGED) if found is not None else Matter.DAMAGED
    return Fault(matter, 1, (str(getattr(error, "orig", None) or error),))


def _of_the_place(
    database: Path, now_at: datetime, size_bytes: int, wal_bytes: int, mount: Mount | None, free: int
) -> Iterator[Fault]:
    if mount is not None and mount.is_network:
        yield Fault(Matter.NETWORK_DRIVE, 1, (f"{mount.point} ({mount.kind})",))
    if free < max(2 * size_bytes, _LITTLE_ROOM_BYTES):
        yield Fault(Matter.LITTLE_ROOM, 1, (f"{free // 2**20} MiB",))
    if wal_bytes > max(size_bytes, _LARGE_WAL_BYTES):
        yield Fault(Matter.LARGE_WAL, 1, (f"{wal_bytes // 2**20} MiB",))
    dead_since_s = (now_at - _PART_IS_DEAD_AFTER).timestamp()
    dead = [path.name for path in parts_left(database.parent) if _touched_s(path) < dead_since_s]
    if dead:
        yield Fault(Matter.BACKUP_LEFTOVER, len(dead), tuple(dead[:_EXAMPLES]))


def _of_the_file(connection: Connection, *, quick: bool) -> Iterator[Fault]:
    said = connection.execute(text("PRAGMA quick_check(20)" if quick else "PRAGMA integrity_check(20)")).scalars().all()
    if list(said) != ["ok"]:
        yield Fault(Matter.DAMAGED, len(said), tuple(said[:_EXAMPLES]))
    dangling = [f"{row[0]} {row[1]}" for row in connection.execute(text("PRAGMA foreign_key_check"))]
    if dangling:
        yield Fault(Matter.DANGLING, len(dangling), tuple(dangling[:_EXAMPLES]))


def _of_the_schema(revision: str | None) -> Iterator[Fault]:
    if revision is None:
        yield Fault(Matter.NOT_OURS, 1, ())
    elif revision != HEAD:
        matter = Matter.NEWER_SCHEMA if revision > HEAD else Matter.OLDER_SCHEMA
        yield Fault(matter, 1, (f"{revision}, {HEAD}",))


def _of_the_journal(journal: Walk | None) -> Iterator[Fault]:
    if journal is not None and journal.broken is not None:
        yield Fault(Matter.JOURNAL_BROKEN, 1, (f"journal {journal.broken.row_id}",))


def _of_the_data(connection: Connection, now_at: datetime) -> Iterator[Fault]:
    stale_before = (now_at - STANDING_STILL_FOR).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    for matter, statement in _MUST_BE_EMPTY.items():
        values = {"stale_before": stale_before} if ":stale_before" in statement else {}
        where = [str(found) for found in connection.execute(text(statement), values).scalars()]
        if where:
            yield Fault(matter, len(where), tuple(where[:_EXAMPLES]))


_TEXTS: Final = {
    "car": ("id", "base", "unkept"),
    "outbox": ("id", "payload"),
    "conflict": ("id", "details"),
    "resolution": ("id", "targets", "seen"),
    "lot": ("fingerprint", "members"),
}
"""The columns of each table that hold JSON, after its key."""

_MUST_BE_EMPTY: Final = {
    Matter.RECORD_BOUND_TWICE: """
        SELECT 'vehicle_module ' || vehicle_module_id FROM car WHERE vehicle_module_id IS NOT NULL
        GROUP BY pair, vehicle_module_id HAVING count(*) > 1
        UNION ALL
        SELECT 'dms ' || dms_id FROM car WHERE dms_id IS NOT NULL GROUP BY pair, dms_id HAVING count(*) > 1
    """,
    Matter.ENTRY_WITHOUT_CAR: """
        SELECT 'outbox ' || id FROM outbox WHERE car_id NOT IN (SELECT id FROM car) AND car_id NOT IN (
            SELECT coalesce(CASE WHEN json_valid(details) THEN json_extract(details, '$.from') END, '')
            FROM journal WHERE action = 'merged'
        ) ORDER BY id
    """,
    Matter.ENTRY_STANDING_STILL: """
        SELECT 'outbox ' || id FROM outbox
        WHERE status IN ('pending', 'claimed') AND created_at < :stale_before ORDER BY id
    """,
    Matter.OPEN_TWICE: """
        SELECT 'conflict ' || min(id) || ', ' || max(id) FROM conflict WHERE closed_at IS NULL
        GROUP BY pair, key HAVING count(*) > 1
    """,
    Matter.RUN_WITHOUT_MAPPING: """
        SELECT 'run ' || id FROM run WHERE mapping_version NOT IN (SELECT version FROM mapping_version) ORDER BY id
    """,
    Matter.UNREADABLE_TEXT: " UNION ALL ".join(
        f"SELECT '{table} ' || {key} FROM {table} WHERE " + " OR ".join(f"NOT json_valid({name})" for name in names)
        for table, (key, *names) in _TEXTS.items()
    ),
}
"""What each statement finds is wrong: it gives one place a row."""


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _touched_s(path: Path) -> float:
    with suppress(FileNotFoundError):
        return path.stat().st_mtime
    return float("inf")

"""A backup of the database while others write: copied, checked, made durable, and only then given its name.

A backup is one file by itself. To bring one back: stop stocksync, remove the database with its `-wal` and `-shm`, copy
the backup to its place. Not here: other machines; take the files there with whatever takes files elsewhere.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from stocksync.adapters.store.database_file import connected, flush, reading, revision_of
from stocksync.adapters.store.journal_chain import Walk
from stocksync.adapters.store.journal_rows import walk_journal
from stocksync.errors import PermanentError, TransientError, UsageError

CHAINED_SINCE: Final = "0003"
"""The first schema whose journal is chained."""
_PAGES: Final = 2_000
"""Copied at a time: between two lots the copying can be interrupted."""
_SPARE_BYTES: Final = 32 * 1024 * 1024
_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS, errno.EACCES})


@dataclass(frozen=True, slots=True)
class Backup:
    """A good backup; journal: None where the schema is older than the chain. removed: older ones, deleted for it."""

    path: Path
    size_bytes: int
    took_s: float
    revision: str
    journal: Walk | None
    removed: tuple[Path, ...] = ()


def back_up(database: Path, to: Path | None, at: datetime, keep: int | None = None) -> Backup:
    """Make a backup of a database file and check it.

    to: a file that must not exist, or a folder; by default the database's folder. at: goes into the name that is given
    where none is. keep: how many backups of that naming may remain; older ones go once the new one is good.

    Raises UsageError for a name that cannot be used, TransientError where there is no room or the disk fails,
    PermanentError where the copy is damaged. Whatever is raised, no file of the backup's name is there.
    """
    started_s = time.monotonic()
    target = _target(database, to, at)
    if keep is not None and not _naming(database).fullmatch(target.name):
        raise UsageError("With --keep a backup gets its name from stocksync: name a folder, or nothing.")
    try:
        _want_room(database, target.parent)
        with _temporary(target) as part:
            _copy(database, part)
            revision, journal = _checked(part, database)
            flush(part)
            _give_name(part, target)
        flush(target.parent)
        removed = _thin_out(database, target, keep)
        return Backup(target, target.stat().st_size, time.monotonic() - started_s, revision, journal, removed)
    except sqlite3.DatabaseError as error:
        raise TransientError(f"{database} could not be copied to {target.parent}: {error}.") from None
    except OSError as error:
        raise TransientError(f"{target} could not be written: {error.strerror or error}.") from None


def parts_left(folder: Path) -> list[Path]:
    """What backups that were killed left behind, and one that is being made."""
    return sorted(path for path in folder.glob(".*.backup.part*") if path.is_file())


def _target(database: Path, to: Path | None, at: datetime) -> Path:
    folder = database.parent if to is None else to
    if to is None or to.is_dir():
        target = folder / f"{database.stem}-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}.backup.db"
    else:
        target = to
    if os.path.lexists(target):
        raise UsageError(f"{target} is there already, and no backup is overwritten; give another name.")
    if not target.parent.is_dir():
        raise UsageError(f"There is no folder {target.parent}; make it first.")
    return target


def _naming(database: Path) -> re.Pattern[str]:
    return re.compile(rf"{re.escape(database.stem)}-\d{{8}}T\d{{6}}Z\.backup\.db")


def _want_room(database: Path, folder: Path) -> None:
    """Refuse what would fill the disk: beside the database itself a full one stops every run."""
    with closing(connected(database)) as connection:
        pages, page_bytes = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    needed, free = pages * page_bytes + _SPARE_BYTES, shutil.disk_usage(folder).free
    if needed > free:
        raise TransientError(
            f"A backup needs {needed // 2**20} MiB and {folder} has {free // 2**20} MiB free; make room, or name "
            "another folder."
        )


@contextmanager
def _temporary(target: Path) -> Iterator[Path]:
    """A file that only its owner may read, under a name that is no backup's; gone at the end, however it comes."""
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.backup.part")
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield part
    finally:
        for path in (part, part.with_name(f"{part.name}-journal")):
            with suppress(FileNotFoundError):
                path.unlink()


def _copy(database: Path, part: Path) -> None:
    with closing(connected(database)) as source, closing(sqlite3.connect(part, isolation_level=None)) as copy:
        copy.execute("PRAGMA synchronous=OFF")
        # A transaction held throughout, or every write of another process would start the copying afresh.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        source.backup(copy, pages=_PAGES)
        # So that the backup is one file, which needs no second one to be read.
        copy.execute("PRAGMA journal_mode=DELETE")


def _checked(part: Path, database: Path) -> tuple[str, Walk | None]:
    try:
        with reading(part) as connection:
            said = connection.execute(text("PRAGMA integrity_check(1)")).scalar()
            dangling = connection.execute(text("PRAGMA foreign_key_check")).first()
            revision = revision_of(connection)
            journal = walk_journal(connection) if revision is not None and revision >= CHAINED_SINCE else None
    except DatabaseError as error:
        said, dangling, revision, journal = str(error.orig), None, "", None
    if said != "ok" or dangling is not None:
        why = said if said != "ok" else f"a row of {dangling[0] if dangling else '?'} refers to nothing"
    elif revision is None:
        why = "it is no database of stocksync"
    elif journal is not None and journal.broken is not None:
        why = f"the journal is broken at row {journal.broken.row_id} ({journal.broken.damage})"
    else:
        return revision, journal
    raise PermanentError(
        f"The copy of {database} is not good: {why}. No backup was made, older ones were left; `stocksync db check` "
        "says more."
    )


def _give_name(part: Path, target: Path) -> None:
    """Name a file without ever replacing another. Raises UsageError."""
    try:
        os.link(part, target)
    except FileExistsError:
        raise UsageError(f"{target} came to be there meanwhile, and no backup is overwritten.") from None
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        part.rename(target)


def _thin_out(database: Path, newest: Path, keep: int | None) -> tuple[Path, ...]:
    """Delete all but the newest backups of the same naming; the one just made stays, whatever the clock said."""
    if keep is None:
        return ()
    naming = _naming(database)
    others = [
        path
        for path in newest.parent.iterdir()
        if path != newest and naming.fullmatch(path.name) and path.is_file() and not path.is_symlink()
    ]
    surplus = sorted(others, key=lambda path: path.name, reverse=True)[keep - 1 :]
    for path in surplus:
        path.unlink()
    return tuple(sorted(surplus))

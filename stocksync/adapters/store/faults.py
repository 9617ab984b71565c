"""Why a database cannot be used, told apart: a full disk, a missing right, a lock, a server away, a damaged file.

Each has a remedy of its own, and the wrong one does harm: whoever puts a backup back because the disk is full loses
every decision since. What a driver says is not enough, SQLite says "disk I/O error" and "unable to open database file"
of several of them, so that the place is looked at as well. Nothing is ever written but by `can_write`.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stocksync.adapters.store.address import shown_address
from stocksync.adapters.store.engine import WRITE

if TYPE_CHECKING:
    from sqlalchemy import Engine

_NO_ROOM_BYTES: Final = 64 * 1024
"""SQLite lays the file beside the database out in pieces of 32 KiB: with less than two, nothing goes on."""
_TRIED_BYTES: Final = 2**20
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_REFUSED: Final = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


class Cause(StrEnum):
    """Why a database cannot be used."""

    NO_ROOM = "no_room"
    READ_ONLY = "read_only"
    LOCKED = "locked"
    UNREACHABLE = "unreachable"
    DAMAGED = "damaged"
    DISK = "disk"
    REPLACED = "replaced"


_OF_SQLITE: Final = {
    sqlite3.SQLITE_FULL: Cause.NO_ROOM,
    sqlite3.SQLITE_READONLY: Cause.READ_ONLY,
    sqlite3.SQLITE_PERM: Cause.READ_ONLY,
    sqlite3.SQLITE_AUTH: Cause.READ_ONLY,
    sqlite3.SQLITE_BUSY: Cause.LOCKED,
    sqlite3.SQLITE_LOCKED: Cause.LOCKED,
    sqlite3.SQLITE_CORRUPT: Cause.DAMAGED,
    sqlite3.SQLITE_NOTADB: Cause.DAMAGED,
    sqlite3.SQLITE_IOERR: Cause.DISK,
    sqlite3.SQLITE_CANTOPEN: Cause.DISK,
}
"""By the first byte of SQLite's code, https://www.sqlite.org/rescode.html."""

_OF_POSTGRESQL: Final = {
    "53100": Cause.NO_ROOM,
    "25006": Cause.READ_ONLY,
    "42501": Cause.READ_ONLY,
    "55P03": Cause.LOCKED,
    "XX001": Cause.DAMAGED,
    "XX002": Cause.DAMAGED,
    "08": Cause.UNREACHABLE,
    "53": Cause.UNREACHABLE,
    "57": Cause.UNREACHABLE,
}
"""By SQLSTATE, else by its class, https://www.postgresql.org/docs/current/errcodes-appendix.html."""

_MEANING: Final = {
    Cause.NO_ROOM: ("there is no room left on its disk", "Make room there; the file is whole and nothing is lost."),
    Cause.READ_ONLY: (
        "this account may not write the file or its folder, or the disk is read-only",
        "Give this account the right to write there, or mount the disk writable; the file is whole, nothing is lost.",
    ),
    Cause.LOCKED: ("another program holds it", "Find the program and end it; nothing is lost."),
    Cause.UNREACHABLE: (
        "its server does not let us in",
        "Check the address, that the server runs, and what this user may do there.",
    ),
    Cause.DAMAGED: (
        "it is damaged, or no database",
        "Stop stocksync and run `stocksync db check`, which says how it is mended.",
    ),
    Cause.DISK: (
        "its disk does not do what it is asked",
        "Check the path, its rights and the room there, and what the system says of the disk; then run "
        "`stocksync db check`.",
    ),
    Cause.REPLACED: (
        "the file at its place is not the one that is open, which nobody else sees",
        "Put the file back that was there; or stop stocksync, put a backup in its place and start it again.",
    ),
}
"""What each cause is, and what to do."""

_OPEN: Final = frozenset({Cause.NO_ROOM, Cause.LOCKED, Cause.UNREACHABLE, Cause.DISK})


@dataclass(frozen=True, slots=True)
class StorageFault:
    """Why the database at a place cannot be used; detail: what its driver says, on one line and without its address."""

    cause: Cause
    place: str
    detail: str

    def __str__(self) -> str:
        return self.sentence("used")

    @property
    def passes(self) -> bool:
        """Tell whether the same may go well later with nothing changed in stocksync or its rights."""
        return self.cause in _OPEN

    def sentence(self, done: str) -> str:
        """Say what cannot be done with the database, why, and what to do; done: such as "opened"."""
        what, remedy = _MEANING[self.cause]
        return f"The database {self.place!r} cannot be {done}: {what} ({self.detail}). {remedy}"


def fault_of(error: BaseException, place: str, file: Path | None) -> StorageFault | None:
    """Tell what keeps a database from being used; None for what is no such fault.

    place: what people call the database. file: None where it is a server's. error: a driver's, SQLAlchemy's around it,
    or the operating system's about the file or what lies beside it.
    """
    driver = getattr(error, "orig", None) or error
    cause = _cause(driver, file)
    if cause is None:
        return None
    if cause is Cause.DISK and file is not None:
        cause = cause_at(file) or cause
    said = driver.strerror if isinstance(driver, OSError) and driver.strerror else str(driver)
    return StorageFault(cause, place, " ".join(said.split()).rstrip(".?"))


def cause_at(file: Path) -> Cause | None:
    """What the place of a file would keep it from: the rights first, then the room; None where nothing is seen."""
    folder = file.absolute().parent
    try:
        disk = os.statvfs(folder)
    except OSError:
        return None
    is_writable = os.access(folder, os.W_OK | os.X_OK) and (not file.exists() or os.access(file, os.R_OK | os.W_OK))
    if disk.f_flag & os.ST_RDONLY or not is_writable:
        return Cause.READ_ONLY
    # What is kept back for the superuser is room for nobody else.
    blocks = disk.f_bfree if os.geteuid() == 0 else disk.f_bavail
    no_names = disk.f_files > 0 and disk.f_ffree == 0
    return Cause.NO_ROOM if blocks * disk.f_frsize < _NO_ROOM_BYTES or no_names else None


def identity_of(file: Path) -> tuple[int, int] | None:
    """What tells a file from every other one that may come to its place; None where none is there."""
    try:
        said = file.stat()
    except OSError:
        return None
    return said.st_dev, said.st_ino


def can_write(engine: Engine) -> bool:
    """Try whether there is room beside a database file, and whether the database lets a writer in; nothing stays."""
    import tempfile

    from sqlalchemy.exc import SQLAlchemyError

    try:
        if (file := file_of(engine)) is not None:
            with tempfile.TemporaryFile(dir=file.absolute().parent) as tried:
                tried.write(bytes(_TRIED_BYTES))
                tried.flush()
                os.fsync(tried.fileno())
        with engine.execution_options(**{WRITE: True}).connect() as connection, connection.begin():
            return True
    except (OSError, SQLAlchemyError):
        return False


def file_of(engine: Engine) -> Path | None:
    """The file of a database; None for a server, and for one in memory."""
    name = engine.url.database
    return Path(name) if engine.dialect.name == "sqlite" and name and name != ":memory:" else None


def place_of(engine: Engine) -> str:
    """What people call a database: its file, or its address without the password."""
    file = file_of(engine)
    return str(file) if file is not None else shown_address(engine.url)


def _cause(driver: BaseException, file: Path | None) -> Cause | None:
    if isinstance(driver, sqlite3.Error):
        code = getattr(driver, "sqlite_errorcode", None)
        return _OF_SQLITE.get(code & 0xFF) if code is not None else None
    if isinstance(driver, OSError):
        return _of_system(driver, file)
    if type(driver).__module__.partition(".")[0] != "psycopg":
        return None
    state = getattr(driver, "sqlstate", None)
    if state is None:
        # Where there is no connection, nobody gives a code.
        return Cause.UNREACHABLE if type(driver).__name__ in ("OperationalError", "ConnectionTimeout") else None
    return _OF_POSTGRESQL.get(state) or _OF_POSTGRESQL.get(state[:2])


def _of_system(error: OSError, file: Path | None) -> Cause | None:
    about = Path(str(error.filename or ""))
    if file is None or file.parent not in (about, about.parent):
        return None
    if error.errno in _FULL:
        return Cause.NO_ROOM
    return Cause.READ_ONLY if error.errno in _REFUSED else Cause.DISK

"""Reading a database by plain SQL: an SQLite file without SQLAlchemy, any other through its engine.

Importing SQLAlchemy takes longer than a look at the database, and a command that looks is started often. What is read
either way is the same; whatever is odd about a file is left to `engine`, which mends it or says what it is. Not here:
what is asked, which is each module's own, in SQL that SQLite and PostgreSQL understand alike.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from stocksync.adapters.store.engine import BUSY_TIMEOUT_MS, HEAD
from stocksync.adapters.store.mounts import mount_of

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

Rows = Sequence[Sequence[Any]]

_SCHEME: Final = "sqlite:///"
_KEPT: Final = "%Y-%m-%d %H:%M:%S.%f"


class Reader(Protocol):
    """One instant of a database."""

    def rows(self, sql: str, values: Mapping[str, object] | None = None) -> Rows:
        """What a SELECT finds; `:name` in it stands for a value."""

    def bound(self, at: datetime) -> object:
        """An aware instant as a value that instants in the database can be compared with."""


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """A database file that is of this program's schema."""

    path: Path


class Nothing:
    """A database that is not there yet."""

    def rows(self, sql: str, values: Mapping[str, object] | None = None) -> Rows:
        """Find nothing."""
        return ()

    def bound(self, at: datetime) -> object:
        """Leave it as it is."""
        return at


def sqlite_file(url: str) -> SqliteFile | None:
    """The file of a database that can be read as it is; None for anything that `engine` has to look at first."""
    path = Path(url.removeprefix(_SCHEME))
    # What has options, or is spelt in a way of its own, is SQLAlchemy's to understand.
    if not url.startswith(_SCHEME) or any(odd in url for odd in "?%#") or str(path).startswith(("file:", ":")):
        return None
    try:
        mount = mount_of(path) if path.is_file() else None
        if not path.is_file() or (mount is not None and mount.is_network):
            return None
        file = SqliteFile(path)
        with reading(file) as reader:
            return file if reader.rows("SELECT version_num FROM alembic_version") == [(HEAD,)] else None
    except (sqlite3.Error, OSError):
        return None


@contextmanager
def reading(source: Engine | SqliteFile | Nothing) -> Iterator[Reader]:
    """One instant of a database, for as long as it is looked at. Raises what its driver raises."""
    if isinstance(source, Nothing):
        yield source
    elif isinstance(source, SqliteFile):
        with closing(sqlite3.connect(f"{source.path.absolute().as_uri()}?mode=rw", uri=True)) as connection:
            connection.isolation_level = None
            connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
            connection.execute("PRAGMA query_only=ON")
            connection.execute("BEGIN")
            yield _OfFile(connection)
    else:
        with source.connect() as connected:
            yield _OfEngine(connected)


def instant(kept: str | datetime) -> datetime:
    """An instant as it was kept, aware; SQLite gives it back as text and without its time zone."""
    at = datetime.fromisoformat(kept) if isinstance(kept, str) else kept
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _OfFile:
    connection: sqlite3.Connection

    def rows(self, sql: str, values: Mapping[str, object] | None = None) -> Rows:
        return self.connection.execute(sql, dict(values or {})).fetchall()

    def bound(self, at: datetime) -> object:
        return at.astimezone(UTC).strftime(_KEPT)


@dataclass(frozen=True, slots=True)
class _OfEngine:
    connection: Connection

    def rows(self, sql: str, values: Mapping[str, object] | None = None) -> Rows:
        from sqlalchemy import text

        return self.connection.execute(text(sql), dict(values or {})).all()

    def bound(self, at: datetime) -> object:
        return at.astimezone(UTC).strftime(_KEPT) if self.connection.dialect.name == "sqlite" else at

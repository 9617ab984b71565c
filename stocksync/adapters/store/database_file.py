"""A database as it stands, mostly the file of one: opened without bringing its schema up to date, and only to read.

Opening it for work is `engine`.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy import Connection, NullPool, create_engine, event, inspect, text

from stocksync.adapters.store.address import read_address, shown_address
from stocksync.errors import ConfigurationError, UsageError

_BUSY_TIMEOUT_S: Final = 15
_NO_FOLDER_SYNC: Final = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EPERM})


def existing_file(url: str) -> Path:
    """The file that an address names.

    Raises ConfigurationError where it names none (a server, a database in memory), UsageError where there is none yet.
    """
    parsed = read_address(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise ConfigurationError(
            f"The database {shown_address(parsed)!r} is no file; this works on files such as "
            "sqlite:///stocksync.db only, a server has tools of its own."
        )
    path = Path(parsed.database)
    if not path.is_file():
        raise UsageError(f"There is no database at {path} yet; the first `stocksync sync` makes it.")
    return path


def refuse_missing_file(url: str) -> None:
    """Raise UsageError where an address names a file that is not there yet; what it says of a server is not looked at.

    Raises ConfigurationError for an address that cannot be read, or that names a database in memory.
    """
    is_server = read_address(url).get_backend_name() != "sqlite"
    if not is_server:
        existing_file(url)


def connected(path: Path) -> sqlite3.Connection:
    """Open a file that is there, able to read and no more; transactions are begun by hand."""
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw", uri=True, timeout=_BUSY_TIMEOUT_S, isolation_level=None
    )
    connection.execute("PRAGMA query_only=ON")
    return connection


@contextmanager
def reading(path: Path) -> Iterator[Connection]:
    """One look at a file: everything that is asked within stands for one instant, while others write."""
    engine = create_engine("sqlite://", creator=lambda: connected(path), poolclass=NullPool)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    with engine.connect() as connection:
        yield connection


def shown(url: str) -> str:
    """What people call the database of an address that can be read: the file, or the address without its password."""
    address = read_address(url)
    is_file = address.get_backend_name() == "sqlite" and address.database
    return str(address.database) if is_file else shown_address(address)


def file_of(url: str) -> Path | None:
    """The file of an address that can be read; None where it is a server's, or in memory."""
    address = read_address(url)
    is_file = address.get_backend_name() == "sqlite" and address.database not in (None, "", ":memory:")
    return Path(str(address.database)) if is_file else None


@contextmanager
def looked_at(url: str) -> Iterator[Connection]:
    """One look at the database of an address, a file or what a server has. Raises what `existing_file` does."""
    refuse_missing_file(url)
    address = read_address(url)
    if address.get_backend_name() == "sqlite":
        with reading(existing_file(url)) as connection:
            yield connection
        return
    engine = create_engine(address, poolclass=NullPool, hide_parameters=True)
    with engine.connect() as connection:
        yield connection


def revision_of(connection: Connection) -> str | None:
    """The revision of the schema; None where this is no database of stocksync."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return str(found) if found is not None else None


def flush(path: Path) -> None:
    """Make a file, or the names in a folder, outlive a loss of power; a drive that cannot do folders does without."""
    try:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if not (path.is_dir() and error.errno in _NO_FOLDER_SYNC):
            raise

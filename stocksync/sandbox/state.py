"""One system's state file: an SQLite database that servers, seeding and people share.

Answers how a file is opened, how a change is made whole, and where small settings live. The tables of
each system are in `vehicle_module.py` and `dms.py`.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

VEHICLE_MODULE_FILE = "vehicle_module.db"
DMS_FILE = "dms.db"

_SETTINGS = "CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"

# as much as SQLite can
_MAPPED_BYTES = 2**31 - 65_536


class StateFile:
    """An open state file; not for two threads at once: each server and each process opens its own."""

    def __init__(self, path: Path, tables: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        # autocommit: a transaction is opened by name below, and one that writes always as IMMEDIATE
        self.sql = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.sql.execute("PRAGMA busy_timeout = 15000")
        self.sql.execute("PRAGMA journal_mode = WAL")
        self.sql.execute("PRAGMA synchronous = NORMAL")
        self.lay_out(_SETTINGS + tables)

    def lay_out(self, tables: str) -> None:
        """Create what of these tables and triggers is not there yet; each statement ends with `;` and its line."""
        with self.writing():
            for statement in tables.split(";\n"):
                self.sql.execute(statement)

    def close(self) -> None:
        """Close the file; what was committed is there at the next opening."""
        self.sql.close()

    def map(self) -> None:
        """Read the file in place from now on, for a server: a page is hundreds of records at random places.

        What is read then counts as the process's memory, but is the file's, and given back when others need it.
        """
        self.sql.execute(f"PRAGMA mmap_size = {_MAPPED_BYTES}")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make everything inside one transaction; inside another one, join it."""
        if self.sql.in_transaction:
            yield
            return
        self.sql.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.sql.execute("ROLLBACK")
            raise
        self.sql.execute("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[None]:
        """See everything inside as it was at one moment; inside a transaction, join it."""
        if self.sql.in_transaction:
            yield
            return
        self.sql.execute("BEGIN")
        try:
            yield
        finally:
            self.sql.execute("COMMIT")

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Make everything inside one transaction, and undo it at the end."""
        self.sql.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            self.sql.execute("ROLLBACK")

    def setting(self, name: str) -> object:
        """Read a setting, None when it was never written."""
        row = self.sql.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return None if row is None else orjson.loads(row[0])

    def set_setting(self, name: str, value: object) -> None:
        """Write a setting; None forgets it."""
        with self.writing():
            if value is None:
                self.sql.execute("DELETE FROM settings WHERE name = ?", (name,))
            else:
                self.sql.execute("REPLACE INTO settings VALUES (?, ?)", (name, orjson.dumps(value)))

"""A database with a journal in it, and hands that reach into it past the program."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

from sqlalchemy import Engine

from stocksync.adapters.store.engine import WRITE, open_engine
from stocksync.adapters.store.rows import add_journal
from stocksync.sync.recording import JournalLine
from tests.worlds import STARTED_AT, empty_database


def a_database(path: Path, journal: int = 0) -> Path:
    """Make a database with so many rows in its journal."""
    path.write_bytes(_content(journal))
    return path


@lru_cache
def _content(journal: int) -> bytes:
    if not journal:
        return empty_database()
    with tempfile.TemporaryDirectory() as folder:
        path = a_database(Path(folder) / "filled.db")
        engine = open_engine(f"sqlite:///{path}")
        write_lines(engine, journal)
        engine.dispose()
        return path.read_bytes()


def write_lines(engine: Engine, count: int, car_id: str = "c1") -> None:
    """Add lines to the journal, one transaction each."""
    for number in range(count):
        line = JournalLine(car_id if number % 5 else None, "noted", {"number": number, "texte": "é ; \u202f"})
        with engine.execution_options(**{WRITE: True}).begin() as connection:
            add_journal(connection, number % 3, STARTED_AT + timedelta(seconds=number), [line])


def tamper(path: Path, *statements: str, past_triggers: bool = True) -> None:
    """Change a database as somebody would who has its file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        if past_triggers:
            connection.execute("DROP TRIGGER IF EXISTS journal_no_update")
            connection.execute("DROP TRIGGER IF EXISTS journal_no_delete")
        for statement in statements:
            connection.execute(statement)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

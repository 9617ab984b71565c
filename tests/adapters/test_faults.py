"""Why a database cannot be used, told apart from what real drivers say."""

import errno
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from stocksync.adapters.store.engine import open_engine
from stocksync.adapters.store.faults import Cause, can_write, fault_of
from tests.adapters.journals import a_database


def written(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE more AS SELECT hex(randomblob(100000)) AS said")


def no_room(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA max_page_count = 1")
        written(connection)


def only_to_read(file: Path) -> None:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        written(connection)


def held(file: Path) -> None:
    with closing(sqlite3.connect(file)) as holder, closing(sqlite3.connect(file, timeout=0)) as connection:
        holder.execute("BEGIN IMMEDIATE")
        connection.execute("BEGIN IMMEDIATE")


def damaged(file: Path) -> None:
    file.write_bytes(b"no database" * 1000)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("SELECT * FROM sqlite_master")


def silent(_: Path) -> None:
    psycopg.connect("postgresql://somebody:s3cr3t@127.0.0.1:1/stocksync", connect_timeout=2)


def full_beside_it(file: Path) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), f"{file}.lock")


def no_right_beside_it(file: Path) -> None:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), f"{file}.lock")


@pytest.mark.parametrize(
    ("provoke", "cause"),
    [
        (no_room, Cause.NO_ROOM),
        (only_to_read, Cause.READ_ONLY),
        (held, Cause.LOCKED),
        (damaged, Cause.DAMAGED),
        (silent, Cause.UNREACHABLE),
        (full_beside_it, Cause.NO_ROOM),
        (no_right_beside_it, Cause.READ_ONLY),
    ],
)
def test_each_cause_is_told_apart_and_on_one_line(
    provoke: Callable[[Path], None], cause: Cause, tmp_path: Path
) -> None:
    file = a_database(tmp_path / "memory.db", journal=1)
    with pytest.raises((sqlite3.Error, psycopg.Error, OSError)) as raised:
        provoke(file)
    fault = fault_of(raised.value, "memory.db", file)
    assert fault is not None
    assert fault.cause is cause
    assert "\n" not in str(fault)
    assert str(fault).startswith("The database 'memory.db' cannot be used: ")


def test_what_is_no_fault_of_the_database_is_none() -> None:
    file = Path("memory.db")
    assert fault_of(ValueError("a bug"), "memory.db", file) is None
    assert fault_of(OSError(errno.ENOSPC, "No space left on device", "/elsewhere/report.csv"), "x", file) is None
    with pytest.raises(SQLAlchemyError) as raised, create_engine("sqlite://").connect() as connection:
        connection.execute(text("SELECT nothing FROM nowhere"))
    assert fault_of(raised.value, "memory.db", file) is None


def test_whether_it_can_be_written_is_tried_and_leaves_nothing_behind(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/memory.db")
    before = sorted(path.name for path in tmp_path.iterdir())
    assert can_write(engine)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    engine.dispose()

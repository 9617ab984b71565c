"""Backups: made while others write, whole or not there at all, and only ever good ones."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from stocksync.adapters.store import backup
from stocksync.adapters.store.backup import back_up, parts_left
from stocksync.adapters.store.database_file import connected, reading
from stocksync.adapters.store.engine import HEAD, open_engine
from stocksync.adapters.store.journal_rows import walk_journal
from stocksync.errors import PermanentError, TransientError, UsageError
from tests.adapters.journals import a_database, tamper

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    folder = tmp_path / "base de données"
    folder.mkdir()
    return a_database(folder / "plain.db", journal=6).rename(folder / "memory #1? %41.db")


def everything(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def beside(database: Path) -> list[str]:
    """The files beside a database but for its own."""
    return sorted(path.name for path in database.parent.iterdir() if not path.name.startswith(database.name))


def test_a_backup_holds_all_that_the_database_does_in_one_file_that_only_its_owner_reads(database: Path) -> None:
    made = back_up(database, None, AT)
    assert made.path == database.parent / "memory #1? %41-20261120T093000Z.backup.db"
    assert beside(database) == [made.path.name]
    # The file format's marks of a database that needs no log beside it (sqlite.org/fileformat, 1.3.3).
    assert made.path.read_bytes()[18:20] == b"\x01\x01"
    assert everything(made.path) == everything(database)
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert (made.revision, made.size_bytes) == (HEAD, made.path.stat().st_size)
    assert made.journal is not None
    assert (made.journal.rows, made.journal.broken) == (6, None)


def test_what_is_still_in_the_write_ahead_log_is_backed_up(database: Path) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as writer:
        writer.execute("PRAGMA wal_autocheckpoint=0")
        writer.execute("INSERT INTO lot VALUES ('f', '[]', '2026-11-20 09:00:00')")
        assert database.with_name(f"{database.name}-wal").stat().st_size > 0
        made = back_up(database, None, AT)
    with closing(sqlite3.connect(made.path)) as connection:
        assert connection.execute("SELECT fingerprint FROM lot").fetchall() == [("f",)]


def test_a_backup_is_of_one_instant_and_holds_no_writer_up(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = 0

    def write(*_: int) -> None:
        nonlocal writes
        with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as other:
            other.execute("INSERT INTO lot VALUES (?, '[]', '2026-11-20 09:00:00')", (str(writes),))
        writes += 1
        assert writes < 1_000, "every write starts the copying afresh"

    class Watched(sqlite3.Connection):
        def backup(self, target: sqlite3.Connection, **named: Any) -> None:
            super().backup(target, pages=4, progress=write)

    def watched(path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None, factory=Watched)
        connection.execute("PRAGMA query_only=ON")
        return connection

    monkeypatch.setattr(backup, "connected", lambda path: watched(path))
    made = back_up(database, None, AT)
    assert writes > 5
    with closing(sqlite3.connect(made.path)) as connection:
        assert connection.execute("SELECT count(*) FROM lot").fetchone() == (0,)


def test_a_backup_brought_back_is_a_database_to_work_on(database: Path, tmp_path: Path) -> None:
    made = back_up(database, tmp_path / "kept.db", AT)
    opened = open_engine(f"sqlite:///{made.path}")
    opened.dispose()
    with reading(made.path) as connection:
        assert walk_journal(connection).rows == 6


def test_a_database_of_an_older_schema_is_backed_up_as_it_is(database: Path) -> None:
    tamper(database, "UPDATE alembic_version SET version_num = '0002'")
    made = back_up(database, None, AT)
    assert (made.revision, made.journal) == ("0002", None)


def test_no_file_is_ever_overwritten(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = back_up(database, None, AT)
    kept = first.path.read_bytes()
    with pytest.raises(UsageError, match="is there already"):
        back_up(database, None, AT)
    # Somebody else's comes to be there while ours is being made.
    monkeypatch.setattr(os.path, "lexists", lambda path: False)
    with pytest.raises(UsageError, match="meanwhile"):
        back_up(database, None, AT)
    assert first.path.read_bytes() == kept
    assert beside(database) == [first.path.name]


def test_old_backups_go_once_a_new_one_is_good(database: Path) -> None:
    strangers = ["memory #1? %41-20261119T093000Z.backup.db.txt", "other-20261119T093000Z.backup.db", "mine.backup.db"]
    for name in strangers:
        (database.parent / name).write_text("x")
    made = [back_up(database, None, AT + timedelta(days=day), keep=2) for day in range(4)]
    assert [len(each.removed) for each in made] == [0, 0, 1, 1]
    kept = [made[2].path.name, made[3].path.name]
    assert [name for name in beside(database) if not name.startswith(".")] == sorted([*strangers, *kept])


def test_the_new_backup_stays_though_the_clock_went_back(database: Path) -> None:
    later = back_up(database, None, AT + timedelta(days=1), keep=1)
    made = back_up(database, None, AT, keep=1)
    assert made.removed == (later.path,)
    assert made.path.exists()


def test_a_damaged_copy_becomes_no_backup_and_costs_no_older_one(database: Path) -> None:
    back_up(database, None, AT)
    before = beside(database)
    tamper(database, "UPDATE journal SET action = 'x' WHERE id = 3")
    with pytest.raises(PermanentError, match="journal is broken at row 3"):
        back_up(database, None, AT + timedelta(days=1), keep=1)
    assert beside(database) == before


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ("INSERT INTO outbox (run_id, car_id, point_of_sale, side, action, payload, key, status, attempts, created_at) "
         "VALUES (99, 'c', 'p', 'dms', 'update', '{}', 'k', 'failed', 1, '2026')", "outbox refers to nothing"),
        ("DROP TABLE alembic_version", "no database of stocksync"),
    ],
)  # fmt: skip
def test_what_a_copy_is_checked_for(database: Path, damage: str, why: str) -> None:
    tamper(database, damage)
    with pytest.raises(PermanentError, match=why):
        back_up(database, None, AT)
    assert beside(database) == []


def test_a_page_that_the_disk_spoiled_is_no_backup(database: Path) -> None:
    tamper(database)
    with closing(sqlite3.connect(database)) as connection:
        page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'journal_by_car'").fetchone()[0]
    with database.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    with pytest.raises((PermanentError, TransientError)):
        back_up(database, None, AT)
    assert beside(database) == []


def test_what_would_fill_the_disk_is_not_begun(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup, "_SPARE_BYTES", 2**60)
    with pytest.raises(TransientError, match="MiB free"):
        back_up(database, None, AT)
    assert beside(database) == []


def test_a_disk_that_fills_up_leaves_nothing(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> sqlite3.Connection:
        connection = connected(path)

        class Full(sqlite3.Connection):
            def backup(self, target: sqlite3.Connection, **named: Any) -> None:
                target.execute("PRAGMA max_page_count=5")
                target.execute("CREATE TABLE filler (x)")
                target.execute("INSERT INTO filler VALUES (zeroblob(100000))")

        connection.close()
        return sqlite3.connect(path, factory=Full)

    monkeypatch.setattr(backup, "connected", full)
    with pytest.raises(TransientError, match="full"):
        back_up(database, None, AT)
    assert beside(database) == []


@pytest.mark.parametrize(("to", "keep"), [("nowhere/x.db", None), ("named.db", 3)])
def test_names_that_cannot_be_used_are_refused_at_once(database: Path, to: str, keep: int | None) -> None:
    with pytest.raises(UsageError):
        back_up(database, database.parent / to, AT, keep)
    assert beside(database) == []


_KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from stocksync.adapters.store import backup
def die(path):
    os.kill(os.getpid(), signal.SIGKILL)
backup.flush = die
backup.back_up(Path(sys.argv[1]), None, datetime(2026, 11, 20, 9, 30, tzinfo=UTC), 1)
"""


def test_a_backup_that_is_killed_leaves_nothing_that_looks_like_one(database: Path) -> None:
    kept = back_up(database, None, AT - timedelta(days=1))
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(database)], cwd=ROOT, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert [name for name in beside(database) if not name.startswith(".")] == [kept.path.name]
    (left,) = parts_left(database.parent)
    assert stat.S_IMODE(left.stat().st_mode) == 0o600
    assert back_up(database, None, AT, keep=2).path.exists()

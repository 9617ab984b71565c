"""Which databases are read as the files that they are, and that reading changes nothing."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from stocksync.adapters.store import plain
from stocksync.adapters.store.engine import HEAD, open_engine
from stocksync.adapters.store.mounts import Mount
from stocksync.adapters.store.plain import SqliteFile, reading, sqlite_file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "memory.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.execute("INSERT INTO alembic_version VALUES (?)", (HEAD,))
    connection.close()
    return path


def set_version(path: Path, version: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
    connection.close()


def test_a_file_of_this_program_s_schema_is_read_as_it_is(file: Path) -> None:
    assert sqlite_file(f"sqlite:///{file}") == SqliteFile(file)


def test_what_the_program_made_is_such_a_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/made here, #1.db"
    open_engine(url).dispose()
    assert sqlite_file(url) is None
    (tmp_path / "made here, #1.db").rename(tmp_path / "made here é.db")
    assert sqlite_file(f"sqlite:///{tmp_path}/made here é.db") is not None


@pytest.mark.parametrize("version", ["0001", "9999"])
def test_another_schema_is_left_to_who_brings_it_up_to_date_or_refuses_it(file: Path, version: str) -> None:
    set_version(file, version)
    assert sqlite_file(f"sqlite:///{file}") is None


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///gone.db",
        "sqlite+pysqlite:///memory.db",
        "sqlite:///memory.db?timeout=3",
        "sqlite:///file:memory.db?uri=true",
        "postgresql://u:p@h/d",
        "nonsense",
        "sqlite:///nul\0.db",
        "sqlite:///",
    ],
)
def test_any_other_address_is_left_to_sqlalchemy(file: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    assert sqlite_file("sqlite:///memory.db") is not None
    assert sqlite_file(url) is None
    assert not (file.parent / "gone.db").exists()


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + bytes(200)])
def test_a_file_that_is_no_database_is_left_to_who_tells_of_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "memory.db"
    path.write_bytes(content)
    assert sqlite_file(f"sqlite:///{path}") is None
    assert path.read_bytes() == content


def test_a_shared_drive_is_left_to_who_refuses_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "mount_of", lambda _: Mount("/", "nfs4"))
    assert sqlite_file(f"sqlite:///{file}") is None


def test_who_reads_a_file_cannot_change_it_and_sees_one_instant(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    asked = "SELECT version_num FROM alembic_version"
    with reading(SqliteFile(file)) as reader:
        assert reader.rows(asked) == [(HEAD,)]
        set_version(file, "9999")
        assert reader.rows(asked) == [(HEAD,)]
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.rows("DELETE FROM alembic_version")
    with reading(SqliteFile(file)) as reader:
        assert reader.rows(asked) == [("9999",)]

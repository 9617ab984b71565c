"""A PostgreSQL server of the tests' own: its data in a folder of its own, reached by a socket there, gone at the end.

Debian keeps the server's programs out of the PATH; they are found there all the same. Without them, or without the
driver, the tests that need them are skipped with a reason, or fail where STOCKSYNC_POSTGRESQL=required. The server
refuses to run as root: then it runs as `postgres`, which Debian makes with it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from stocksync.adapters.store.engine import open_engine

_DEBIAN: Final = Path("/usr/lib/postgresql")
_KEEPER: Final = "postgres"
_EMPTY: Final = "empty"
# Nothing has to outlive the tests: a server that waits for the disk takes several times as long.
_OPTIONS: Final = "-c listen_addresses='' -c fsync=off -c full_page_writes=off -c max_connections=200 -c autovacuum=off"


@dataclass(frozen=True, slots=True)
class Server:
    """A server at work; folder: where its socket lies."""

    folder: Path

    def address(self, name: str) -> str:
        """What `STOCKSYNC_DATABASE_URL` takes of a database."""
        return f"postgresql://{_KEEPER}@/{name}?host={self.folder}"

    def made(self, name: str) -> str:
        """A database with its schema and nothing in it; the answer is its address."""
        self.told(f'CREATE DATABASE "{name}" TEMPLATE "{_EMPTY}" STRATEGY wal_log')
        return self.address(name)

    def beside(self, path: Path) -> str:
        """The address of a database that stands for a file, made where it was not asked for before."""
        name = "d" + hashlib.blake2b(bytes(path), digest_size=8).hexdigest()
        if not path.exists():
            path.touch()
            self.made(name)
        return self.address(name)

    def dropped(self, path: Path) -> None:
        """Leave a database that stands for a file, whoever still is at work there."""
        name = "d" + hashlib.blake2b(bytes(path), digest_size=8).hexdigest()
        self.told(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def restart(self) -> None:
        """End every connection there is, as a server does that is updated."""
        _run("pg_ctl", "-D", self.folder / "data", "-m", "fast", "-w", "-l", self.folder / "log", "restart")

    def told(self, statement: str, database: str = _KEEPER) -> list[Any]:
        """Execute a statement as the server's keeper, outside any transaction; the answer is what it finds."""

        with psycopg.connect(host=str(self.folder), user=_KEEPER, dbname=database, autocommit=True) as connection:
            found = connection.execute(statement)
            return found.fetchall() if found.description else []


def missing() -> str:
    """Why no server can be started here; "" where one can."""
    if importlib.util.find_spec("psycopg") is None:
        return "psycopg is not installed"
    if _program("initdb") is None:
        return "no PostgreSQL server on this machine"
    if os.geteuid() == 0 and not _has_keeper():
        return f"the server does not run as root, and there is no user {_KEEPER}"
    return ""


def refuse_missing() -> None:
    """Skip the test where no server can be started, or fail it where one is required."""
    if why := missing():
        refuse = pytest.fail if os.environ.get("STOCKSYNC_POSTGRESQL") == "required" else pytest.skip
        refuse(f"{why}: install Debian's postgresql, and the project's `dev` extra")


@contextmanager
def a_server() -> Iterator[Server]:
    """Start a server, and stop it at the end."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        data = folder / "data"
        if os.geteuid() == 0:
            shutil.chown(folder, _KEEPER)
        _run("initdb", "-D", data, "-U", _KEEPER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        _run("pg_ctl", "-D", data, "-l", folder / "log", "-o", f"{_OPTIONS} -k {folder}", "-w", "start")
        try:
            server = Server(folder)
            server.told(f'CREATE DATABASE "{_EMPTY}"')
            open_engine(server.address(_EMPTY)).dispose()
            yield server
        finally:
            _run("pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def _run(name: str, *arguments: object) -> None:
    keeper: dict[str, Any] = {"user": _KEEPER, "group": _KEEPER, "extra_groups": ()} if os.geteuid() == 0 else {}
    command = [str(_program(name)), *map(str, arguments)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", timeout=60, **keeper)


def _program(name: str) -> Path | None:
    found = [*sorted(_DEBIAN.glob(f"*/bin/{name}"), reverse=True), *map(Path, filter(None, [shutil.which(name)]))]
    return found[0] if found else None


def _has_keeper() -> bool:
    try:
        pwd.getpwnam(_KEEPER)
    except KeyError:
        return False
    return True

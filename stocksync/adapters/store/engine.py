"""The database connection: SQLite or PostgreSQL, set up alike, and the schema brought to the version of this program.

What the store relies on is what SQLite gives: one writer at a time, and readers that see one state throughout.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stocksync.adapters.store.mounts import mount_of
from stocksync.errors import ConfigurationError, DatabaseUnavailable, StocksyncError

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

HEAD: Final = "0009"
"""The newest migration; a test holds it against the migrations folder."""

WRITE: Final = "stocksync_write"
BUSY_TIMEOUT_MS: Final = 15_000
STANDS_STILL_MS: Final = 60_000
"""So long a writing transaction may wait for its process between two statements: as long as a lease holds."""
CACHE_KIB: Final = 2_048
"""Of each connection, and several threads have one: what is not in it the system has in a cache of its own."""
MUCH: Final = 1_000
"""Rows after which a statement is one of those that write or look up much."""
MUCH_CACHE_KIB: Final = 16_384
"""Of one that does: with a quarter of it, first contact with 100,000 cars writes four times as much, and a run over
2,000 changed ones takes a tenth longer."""
_WORKS_MUCH: Final = "works_much"
CHECKPOINT_PAGES: Final = 16_000
"""Some 60 MB: what a run records of thousands of cars, and its deliveries change of it, goes into the file once."""
_ALONE: Final = (
    f"SELECT set_config('idle_in_transaction_session_timeout', '{STANDS_STILL_MS}', true), "
    "pg_advisory_xact_lock(hashtext('stocksync'))"
)
"""Of PostgreSQL: nobody else writes until this transaction ends, and one that stands still is ended."""
_LOOKING: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
"""Of PostgreSQL: everything that is asked in this transaction is answered from one state."""
_NOT_STREAMED: Final = {"stream_results": False, "yield_per": None}
"""Where rows are to be streamed, a cursor would be declared for what a transaction begins with, too."""
_NORMAL: Final = 1
"""Of SQLite's pragma `synchronous`: a commit is written, and not waited for."""


def open_engine(url: str) -> Engine:
    """Open the database and bring its schema up to date.

    Raises ConfigurationError for an address that cannot be used, a database that is damaged or made by a newer program,
    and where it may not be written; DatabaseUnavailable where there is no room, or another program holds it. A password
    in the address is never told.
    """
    # Whoever reads by `plain` needs what stands above, and not a quarter of a second of imports.
    from sqlalchemy import create_engine
    from sqlalchemy.exc import ArgumentError, DatabaseError

    from stocksync.adapters.store.address import read_address, shown_address

    parsed = read_address(url)
    shown = shown_address(parsed)
    try:
        file = parsed.database if parsed.get_backend_name() == "sqlite" else None
        _make_folder(file)
        _refuse_network_drive(file, shown)
        # As many connections as workers and their leases can want at once; what is not used costs nothing.
        pool = {} if file in (None, ":memory:", "") else {"pool_size": 16, "max_overflow": 64, "pool_use_lifo": True}
        engine = create_engine(parsed, hide_parameters=True, **pool)
        if engine.dialect.name == "sqlite":
            _set_up_sqlite(engine)
        elif engine.dialect.name == "postgresql":
            _set_up_postgresql(engine)
        _migrate(engine, shown)
    except (ArgumentError, ModuleNotFoundError) as error:
        raise ConfigurationError(
            f"The database {shown!r} cannot be used ({error}); give one like sqlite:///stocksync.db or "
            "postgresql://user:password@host/stocksync."
        ) from None
    except (DatabaseError, OSError) as error:
        raise _not_opened(error, parsed, Path(file) if file else None) from None
    return engine


def _not_opened(error: Exception, address: URL, file: Path | None) -> StocksyncError:
    """What keeps a database from being opened: a full disk is no wrong setting, and goes away without one."""
    from stocksync.adapters.store.address import shown_address, without_password
    from stocksync.adapters.store.faults import Cause, fault_of

    shown = shown_address(address)
    fault = fault_of(error, shown, file)
    if fault is None:
        # A server's driver tells it in several lines.
        reason = " ".join(str(getattr(error, "orig", None) or error).split()).rstrip(".?")
        said = f"The database {shown!r} cannot be opened: {reason}. {_CHECK}"
        return ConfigurationError(without_password(said, address))
    is_passing = fault.cause in (Cause.NO_ROOM, Cause.LOCKED)
    kind = DatabaseUnavailable if is_passing else ConfigurationError
    return kind(without_password(fault.sentence("opened"), address))


_CHECK: Final = "Check the address, and what this user may do there."


def _make_folder(database: str | None) -> None:
    if database and database != ":memory:":
        Path(database).parent.mkdir(parents=True, exist_ok=True)


def _refuse_network_drive(database: str | None, shown: str) -> None:
    mount = mount_of(Path(database)) if database and database != ":memory:" else None
    if mount is not None and mount.is_network:
        raise ConfigurationError(
            f"The database {shown!r} lies on a drive shared over a network ({mount.kind} at {mount.point}), where it "
            "would be damaged; move it to a local disk."
        )


def _set_up_sqlite(engine: Engine) -> None:
    from sqlalchemy import event

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={BUSY_TIMEOUT_MS}",
            "journal_mode=WAL",
            "foreign_keys=ON",
            "synchronous=FULL",
            f"cache_size=-{CACHE_KIB}",
            f"wal_autocheckpoint={CHECKPOINT_PAGES}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        # A transaction that reads first and writes later would fail at once when another one writes.
        writes = connection.get_execution_options().get(WRITE, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    @event.listens_for(engine, "checkin")
    def given_back(connection: sqlite3.Connection | None, record: Any) -> None:
        if record.info.pop(_WORKS_MUCH, False) and connection is not None:
            connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")


def _set_up_postgresql(engine: Engine) -> None:
    """Let a server behave as a database file does: one writer at a time, and readers that see one state throughout."""
    from sqlalchemy import event

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET TIME ZONE 'UTC'")
            cursor.execute(f"SET lock_timeout = {BUSY_TIMEOUT_MS}")
        connection.commit()

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("isolation_level") == "AUTOCOMMIT":
            return
        statement = _ALONE if options.get(WRITE, False) else _LOOKING
        connection.exec_driver_sql(statement, execution_options=_NOT_STREAMED)


def works_much(connection: Connection) -> None:
    """Let a connection cache more until it is given back."""
    held: Any = connection.connection
    if connection.dialect.name == "sqlite" and not held.info.get(_WORKS_MUCH):
        held.info[_WORKS_MUCH] = True
        held.driver_connection.execute(f"PRAGMA cache_size=-{MUCH_CACHE_KIB}")


@contextmanager
def undone_by_power_failure(engine: Engine) -> Iterator[Connection]:
    """A writing transaction that nobody waits for the disk for: a power failure may undo it, nothing else can.

    Whatever is committed after it in the usual way makes it durable, too. For what says no more than that somebody is
    at work: a power failure ends that work.
    """
    with (
        engine.execution_options(**{WRITE: True}).connect() as connection,
        _not_waited_for(connection),
        connection.begin(),
    ):
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL synchronous_commit TO OFF")
        yield connection


@contextmanager
def _not_waited_for(connection: Connection) -> Iterator[None]:
    """Let SQLite not wait for the disk at a commit; where another database would, it is told within a transaction."""
    raw: Any = connection.connection.driver_connection if connection.dialect.name == "sqlite" else None
    level = raw.execute("PRAGMA synchronous").fetchone()[0] if raw is not None else 0
    if level <= _NORMAL:
        yield
        return
    raw.execute(f"PRAGMA synchronous={_NORMAL}")
    try:
        yield
    finally:
        raw.execute(f"PRAGMA synchronous={level}")


def _migrate(engine: Engine, shown: str) -> None:
    current = _revision(engine)
    if current == HEAD:
        return
    if current is not None and current > HEAD:
        raise ConfigurationError(
            f"The database {shown!r} was made by a newer stocksync (schema {current}, this one knows {HEAD}); "
            "update stocksync, or restore the backup made before the update."
        )
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.execution_options(**{WRITE: True}).connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, HEAD)


def _revision(engine: Engine) -> str | None:
    from sqlalchemy import inspect, text

    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return str(found) if found is not None else None

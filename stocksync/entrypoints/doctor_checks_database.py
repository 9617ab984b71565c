"""What is asked of the database: whether it opens, is of this program, whole, and on a disk that it can live on.

Only looked at, never brought up to date, and never made. What its contents say of one another is `stocksync db check`.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, NullPool, create_engine, select, text
from sqlalchemy.exc import ArgumentError, DatabaseError, SQLAlchemyError

from stocksync.adapters.store.address import Unescaped, read_address, shown_address
from stocksync.adapters.store.core import CAR
from stocksync.adapters.store.database_file import file_of, reading, revision_of
from stocksync.adapters.store.engine import HEAD
from stocksync.adapters.store.faults import Cause, fault_of
from stocksync.adapters.store.mounts import mount_of
from stocksync.entrypoints.doctor import Area, Finding, fault, ok, unreachable, warning
from stocksync.entrypoints.doctor_checks_folders import check_folder
from stocksync.errors import ConfigurationError
from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.stock.values import Side

_HERE: Final = Area.DATABASE
_LITTLE_BYTES: Final = 10**9
_TOO_LITTLE_BYTES: Final = 10**8
_LONG_S: Final = 30.0
"""A check of a large file is broken off after this."""
_STEPS: Final = 100_000
_UNUSABLE: Final[Mapping[Cause, str]] = {
    Cause.NO_ROOM: "database_no_room",
    Cause.READ_ONLY: "database_read_only",
    Cause.LOCKED: "database_locked",
}
"""What is told of a file that does not open, by why."""


def check_database(url: str, long_s: float = _LONG_S) -> Iterator[Finding]:
    """Ask everything of the database; long_s: how long looking through the file may take."""
    try:
        file = file_of(url)
    except Unescaped:
        yield fault(_HERE, "database_unescaped", "STOCKSYNC_DATABASE_URL")
        return
    except ConfigurationError:
        yield fault(_HERE, "database_address", "STOCKSYNC_DATABASE_URL")
        return
    if file is None:
        yield from _server(url)
        return
    yield from _place(file)
    if not file.exists():
        yield ok(_HERE, "database_new", str(file))
        return
    try:
        with reading(file) as connection:
            yield ok(_HERE, "database_opens", str(file))
            yield _schema(connection, str(file))
            yield _whole(connection, str(file), long_s)
    except (SQLAlchemyError, OSError) as error:
        found = fault_of(error, str(file), file)
        check = _UNUSABLE.get(found.cause, "database_unusable") if found is not None else "database_unusable"
        yield fault(_HERE, check, str(file), detail=str(getattr(error, "orig", None) or error))


def known_records(url: str, points: Iterable[PointOfSaleMapping]) -> dict[tuple[str, Side], str]:
    """A record on each side of an open car that is bound, by point of sale; nothing where nothing can be read."""
    try:
        file = file_of(url)
        if file is None or not file.is_file():
            return {}
        with reading(file) as connection:
            return dict(_bound(connection, points))
    except (ConfigurationError, SQLAlchemyError, OSError):
        return {}


def _bound(connection: Connection, points: Iterable[PointOfSaleMapping]) -> Iterator[tuple[tuple[str, Side], str]]:
    both = select(CAR.c.vehicle_module_id, CAR.c.dms_id).where(
        CAR.c.vehicle_module_id.is_not(None), CAR.c.dms_id.is_not(None), CAR.c.closed.is_(False)
    )
    for point in points:
        here = both.where(CAR.c.pair == point.pair, CAR.c.point_of_sale == point.id).limit(1)
        for row in connection.execute(here):
            yield (point.id, Side.VEHICLE_MODULE), row.vehicle_module_id
            yield (point.id, Side.DMS), row.dms_id


def _server(url: str) -> Iterator[Finding]:
    address = read_address(url)
    shown = shown_address(address)
    try:
        engine = create_engine(address, poolclass=NullPool)
        with engine.connect() as connection:
            yield ok(_HERE, "database_opens", shown)
            yield _schema(connection, shown)
    except (ArgumentError, ModuleNotFoundError) as error:
        yield fault(_HERE, "database_unusable", shown, detail=type(error).__name__)
    except DatabaseError as error:
        # What a driver says of a connection may hold its address, password included.
        yield unreachable("database_silent", shown, detail=type(error).__name__)


def _place(file: Path) -> Iterator[Finding]:
    """Ask of the folder: a file system of this machine, room, and the right to write there."""
    folder = file.absolute().parent
    mount = mount_of(folder)
    if mount is not None and mount.is_network:
        yield fault(_HERE, "network_drive", str(folder), kind=mount.kind)
    yield from check_folder(_HERE, folder)
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(existing).free
    told = {"megabytes": f"{free // 10**6}"}
    if free < _TOO_LITTLE_BYTES:
        yield fault(_HERE, "disk_full", str(folder), **told)
    elif free < _LITTLE_BYTES:
        yield warning(_HERE, "disk_low", str(folder), **told)
    else:
        yield ok(_HERE, "disk_free", str(folder), **told)


def _schema(connection: Connection, where: str) -> Finding:
    found = revision_of(connection)
    if found is None:
        empty = (
            not connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar()
            if _is_file(connection)
            else True
        )
        return ok(_HERE, "database_new", where) if empty else fault(_HERE, "schema_foreign", where)
    told = {"found": found, "head": HEAD}
    if found > HEAD:
        return fault(_HERE, "schema_newer", where, **told)
    return (
        ok(_HERE, "schema_current", where, **told) if found == HEAD else warning(_HERE, "schema_older", where, **told)
    )


def _is_file(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def _whole(connection: Connection, where: str, long_s: float) -> Finding:
    raw = connection.connection.driver_connection
    assert raw is not None
    ends_at_s = time.monotonic() + long_s
    raw.set_progress_handler(lambda: int(time.monotonic() > ends_at_s), _STEPS)
    try:
        said = [str(row[0]) for row in connection.execute(text("PRAGMA quick_check(3)"))]
    except DatabaseError as error:
        if "interrupted" in str(error.orig):
            return warning(_HERE, "integrity_unknown", where, seconds=f"{long_s:g}")
        found = fault_of(error, where, Path(where))
        if found is None or found.cause is Cause.DAMAGED:
            return fault(_HERE, "integrity_broken", where, detail=str(error.orig))
        check = _UNUSABLE.get(found.cause, "database_unusable")
        return fault(_HERE, check, where, detail=str(error.orig))
    finally:
        raw.set_progress_handler(None, 0)
    if said == ["ok"]:
        return ok(_HERE, "integrity_good", where)
    return fault(_HERE, "integrity_broken", where, detail="; ".join(said))

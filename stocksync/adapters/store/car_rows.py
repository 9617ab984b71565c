"""Cars as rows, with what waits for them; each call within its caller's transaction."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select, update

from stocksync.adapters.store import codec
from stocksync.adapters.store.bulk import Bulk, grouped
from stocksync.adapters.store.core import CAR, OUTBOX, RESOLUTION
from stocksync.adapters.store.key_lists import ByKeys
from stocksync.adapters.store.resolution_rows import stored_resolution
from stocksync.stock.resolution import Resolution
from stocksync.stock.values import Side
from stocksync.stock.vehicle import RESERVED
from stocksync.sync.cars import Car, UnconfirmedWrite
from stocksync.sync.decisions import ResolutionStatus, resolution_of
from stocksync.sync.plan import Action, Operation
from stocksync.sync.recording import EntryStatus


def id_column(side: Side) -> Any:
    """The column of a side's record id."""
    return CAR.c.vehicle_module_id if side is Side.VEHICLE_MODULE else CAR.c.dms_id


CAR_ROWS: Final = select(
    CAR.c.id,
    CAR.c.pair,
    CAR.c.point_of_sale,
    CAR.c.first_point_of_sale,
    CAR.c.vehicle_module_id,
    CAR.c.dms_id,
    CAR.c.missing_vehicle_module,
    CAR.c.missing_dms,
    CAR.c.base,
    CAR.c.unkept,
    CAR.c.overwrites,
    CAR.c.closed,
    CAR.c.reserved_by_us,
    CAR.c.vin,
    CAR.c.registration,
    CAR.c.police_number,
    CAR.c.interesting,
)
"""What `car_of` reads of a row, in this order."""


def car_of(row: Any, unconfirmed: tuple[UnconfirmedWrite, ...], resolutions: tuple[Resolution, ...] = ()) -> Car:
    """Read a car, one of `CAR_ROWS`."""
    car_id, pair, here, first, module_id, dms_id, no_module, no_dms, base, unkept, overwrites, *rest = row
    closed, reserved_by_us, vin, registration, police_number, interesting = rest
    ids = {Side.VEHICLE_MODULE: module_id, Side.DMS: dms_id}
    missing = {Side.VEHICLE_MODULE: no_module, Side.DMS: no_dms}
    return Car(
        id=car_id,
        pair=pair,
        point_of_sale=here,
        first_point_of_sale=first,
        record_ids={side: record_id for side, record_id in ids.items() if record_id is not None},
        base=codec.load_base(base),
        missing={side: count for side, count in missing.items() if count} if no_module or no_dms else {},
        closed=closed,
        reserved_by_us=reserved_by_us,
        unkept=codec.load_unkept(unkept) if unkept != codec.NONE_UNKEPT else {},
        overwrites=codec.load_overwrites(overwrites) if overwrites != codec.NONE_OVERWRITTEN else {},
        unconfirmed=unconfirmed,
        resolutions=resolutions,
        vin=vin,
        registration=registration,
        police_number=police_number,
        interesting=interesting,
    )


def unconfirmed_writes(operation: Operation) -> list[UnconfirmedWrite]:
    """What an operation without an answer may have written."""
    side = operation.side
    if operation.action is Action.RESERVE:
        return [UnconfirmedWrite(side, RESERVED, value=True)]
    return [UnconfirmedWrite(side, c.attribute, c.value, c.resolution) for c in operation.changes]


_PAIR: Final = CAR.c.pair == bindparam("of_pair")
_AT_HOME: Final = CAR_ROWS.where(_PAIR, CAR.c.point_of_sale == bindparam("place"))
BY_ID: Final = ByKeys(CAR.c.id, CAR_ROWS.where)
"""The cars of some ids."""
OF_RECORDS: Final = {side: ByKeys(id_column(side), CAR_ROWS.where(_PAIR).where) for side in Side}
"""The cars of the pair `of_pair` that own some records of a side."""
# Only what is being sent at this moment is claimed, or was when a process ended: few, whatever cars are asked for.
_CLAIMED: Final = select(OUTBOX).where(OUTBOX.c.status == EntryStatus.CLAIMED.value).order_by(OUTBOX.c.id)
_DUE: Final = ByKeys(
    RESOLUTION.c.car_id, select(RESOLUTION).where(RESOLUTION.c.status == ResolutionStatus.PENDING.value).where
)


def cars_at_home(connection: Connection, pair: str, point_of_sale: str) -> list[Car]:
    """The cars at home at a point of sale, in the order of their ids."""
    return _cars(connection, connection.execute(_AT_HOME, {"of_pair": pair, "place": point_of_sale}).all())


def cars_named(
    connection: Connection, by: ByKeys, named: Iterable[str], asked: Mapping[str, Any] | None = None
) -> list[Car]:
    """The cars of some names, in the order of their ids; by: `BY_ID` or one of `OF_RECORDS`."""
    return _cars(connection, by.rows(connection, named, asked or {}))


def _cars(connection: Connection, rows: Sequence[Any]) -> list[Car]:
    """The cars of these rows, with what waits for each: writes without an answer, decisions to be carried out."""
    if not rows:
        return []
    found = {row[0]: row for row in rows}
    unconfirmed: dict[str, list[UnconfirmedWrite]] = {}
    for row in connection.execute(_CLAIMED).all():
        if row.car_id in found:
            operation, _ = codec.load_operation(row.payload, row.side, row.action, row.record_id)
            unconfirmed.setdefault(row.car_id, []).extend(unconfirmed_writes(operation))
    due: dict[str, list[Resolution]] = {}
    for row in sorted(_DUE.rows(connection, found, {}), key=attrgetter("id")):
        due.setdefault(row.car_id, []).append(resolution_of(stored_resolution(row)))
    return [car_of(found[i], tuple(unconfirmed.get(i, ())), tuple(due.get(i, ()))) for i in sorted(found)]


def write_cars(
    connection: Connection,
    cars: Iterable[Car],
    at: datetime,
    opened: Container[str] = frozenset(),
    renamed: Mapping[str, frozenset[str]] = MappingProxyType({}),
    marked: Container[str] = frozenset(),
) -> None:
    """Write cars, the last state of each.

    opened: the ids of those that were not there before. renamed, marked: see `Recording`.
    """
    latest = {car.id: car for car in cars}
    for interesting in (False, True):
        mark(
            connection,
            (c.id for c in latest.values() if c.id in marked and c.interesting is interesting),
            interesting=interesting,
        )
    there = [car_id for car_id in latest if car_id not in opened and car_id not in marked]
    for moved, ids in grouped(there, renamed).items():
        _CARS.moving(moved).write(connection, (_car_row(latest[car_id]) for car_id in ids), {"opened_at": at})
    # After the others: a record that one of them had may be one of theirs now.
    _NEW_CARS.write(connection, (_car_row(car) for car in latest.values() if car.id in opened), {"opened_at": at})


def mark(connection: Connection, car_ids: Iterable[str], *, interesting: bool = True) -> None:
    """Let cars be of interest to the next run, or to none."""
    _MARKED.change(connection, car_ids, {"mark": interesting})


_CARS: Final = Bulk(
    CAR,
    given=(
        "id",
        "pair",
        "point_of_sale",
        "first_point_of_sale",
        "vehicle_module_id",
        "dms_id",
        "vin",
        "registration",
        "police_number",
        "base",
        "unkept",
        "overwrites",
        "missing_vehicle_module",
        "missing_dms",
        "reserved_by_us",
        "closed",
        "interesting",
    ),
    same=("opened_at",),
    keys=("id",),
    keep=frozenset({"opened_at"}),
    rarely=("pair", "point_of_sale", "vehicle_module_id", "dms_id", "vin", "registration", "police_number", "closed"),
)
_MARKED: Final = ByKeys(CAR.c.id, lambda named: update(CAR).where(named).values(interesting=bindparam("mark")))
_NEW_CARS: Final = replace(_CARS, rarely=())


def _car_row(car: Car) -> tuple[Any, ...]:
    """The values of one row, as `_CARS` names them."""
    ids, missing = car.record_ids, car.missing
    return (
        car.id,
        car.pair,
        car.point_of_sale,
        car.first_point_of_sale,
        ids.get(Side.VEHICLE_MODULE),
        ids.get(Side.DMS),
        car.vin,
        car.registration,
        car.police_number,
        codec.dump_base(car.base),
        codec.dump_unkept(car.unkept),
        codec.dump_overwrites(car.overwrites),
        missing.get(Side.VEHICLE_MODULE, 0),
        missing.get(Side.DMS, 0),
        car.reserved_by_us,
        car.closed,
        car.interesting,
    )

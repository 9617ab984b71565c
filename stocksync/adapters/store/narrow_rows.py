"""What a run that looks at a few cars asks of the store, answered from indexes; within the caller's transaction."""

from __future__ import annotations

from collections.abc import Container, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select

from stocksync.adapters.store.core import CAR, OUTBOX, RESOLUTION, SNAPSHOT, chunks
from stocksync.adapters.store.rows import id_column
from stocksync.adapters.store.snapshot_rows import native_of, native_rows
from stocksync.stock.values import Side
from stocksync.stock.vehicle import POLICE_NUMBER
from stocksync.sync.binding import Keys
from stocksync.sync.decisions import ResolutionStatus
from stocksync.sync.narrow import Alike, CarKeys
from stocksync.sync.ports import NativeRecord
from stocksync.sync.recording import EntryStatus

_KEYS = (SNAPSHOT.c.slip, SNAPSHOT.c.plate, SNAPSHOT.c.police_number, SNAPSHOT.c.reference)


def ids_of_interest(connection: Connection, pair: str, point_of_sale: str) -> set[str]:
    """The cars at home at a point of sale that every run looks at: see `Store.cars_of_interest`."""
    home = (CAR.c.pair == pair, CAR.c.point_of_sale == point_of_sale)
    found = set(connection.scalars(select(CAR.c.id).where(*home, CAR.c.interesting)))
    on_their_way = OUTBOX.c.status.in_((EntryStatus.PENDING.value, EntryStatus.CLAIMED.value))
    undone = RESOLUTION.c.status == ResolutionStatus.PENDING.value
    for waiting in (select(OUTBOX.c.car_id).where(on_their_way), select(RESOLUTION.c.car_id).where(undone)):
        for part in chunks(sorted(set(connection.scalars(waiting)))):
            found.update(connection.scalars(select(CAR.c.id).where(*home, CAR.c.id.in_(part))))
    return found


def car_keys(connection: Connection, column: Any, values: Iterable[str], *conditions: Any) -> list[CarKeys]:
    """What leads from cars to records, of those that have one of these values."""
    columns = select(CAR.c.id, CAR.c.vehicle_module_id, CAR.c.dms_id, CAR.c.police_number).where(*conditions)
    found = []
    for part in chunks(sorted(values)):
        for row in connection.execute(columns.where(column.in_(part))):
            ids = {Side.VEHICLE_MODULE: row.vehicle_module_id, Side.DMS: row.dms_id}
            named = {side: record_id for side, record_id in ids.items() if record_id is not None}
            found.append(CarKeys(row.id, named, row.police_number))
    return found


def snapshots_alike(
    connection: Connection, pair: str, point_of_sale: str, side: Side, wanted: Alike, but: Container[str]
) -> dict[str, NativeRecord]:
    """The records of a side at a point of sale, or of a car at home there, that are alike, but for some ids.

    Most that are alike are known to whoever asks, or are so in several ways: so they are looked for by their ids, and
    read once.
    """
    ours = and_(CAR.c.pair == pair, id_column(side) == SNAPSHOT.c.record_id, CAR.c.point_of_sale == point_of_sale)
    at_home = select(CAR.c.id).where(ours).exists()
    here = and_(SNAPSHOT.c.gone.is_(False), or_(SNAPSHOT.c.point_of_sale == point_of_sale, at_home))
    asked: tuple[tuple[Any, Iterable[str]], ...] = (
        (SNAPSHOT.c.record_id, wanted.ids[side]),
        (SNAPSHOT.c.slip, wanted.slips),
        (SNAPSHOT.c.plate, wanted.plates),
        (SNAPSHOT.c.police_number, wanted.police_numbers),
        (SNAPSHOT.c.reference, wanted.referring_to[side]),
    )
    of_side = (SNAPSHOT.c.pair == pair, SNAPSHOT.c.side == side.value)
    ids = select(SNAPSHOT.c.record_id).where(*of_side, here)
    found: set[str] = set()
    for column, values in asked:
        for part in chunks(sorted(values)):
            found.update(i for i in connection.scalars(ids.where(column.in_(part))).all() if i not in but)
    return {
        row.record_id: native_of(row)
        for part in chunks(sorted(found))
        for row in connection.execute(native_rows().where(*of_side, SNAPSHOT.c.record_id.in_(part))).all()
    }


def formerly_alike(connection: Connection, pair: str, side: Side, record_ids: Iterable[str]) -> Alike:
    """What records were alike to when they were last seen, those that are gone included."""
    columns = select(SNAPSHOT.c.side, SNAPSHOT.c.record_id, *_KEYS)
    of_side = (SNAPSHOT.c.pair == pair, SNAPSHOT.c.side == side.value)
    alike = Alike()
    for part in chunks(sorted(record_ids)):
        for row in connection.execute(columns.where(*of_side, SNAPSHOT.c.record_id.in_(part))):
            _add(alike, row)
    return alike


def touched_elsewhere(connection: Connection, pair: str, point_of_sale: str, since: datetime) -> Alike:
    """What records of other points of sale are alike to that were seen to change, or to be gone, since then."""
    columns = select(SNAPSHOT.c.side, SNAPSHOT.c.record_id, *_KEYS)
    changed = (SNAPSHOT.c.pair == pair, SNAPSHOT.c.seen_at >= since, SNAPSHOT.c.point_of_sale != point_of_sale)
    alike = Alike()
    for row in connection.execute(columns.where(*changed)):
        _add(alike, row)
        alike.ids[Side(row.side)].add(row.record_id)
    return alike


def _add(alike: Alike, row: Any) -> None:
    alike.add(Side(row.side), row.record_id, Keys(row.slip, row.plate, row.police_number), row.reference)


def agreed_numbers(connection: Connection, pair: str, point_of_sale: str) -> list[str]:
    """The police numbers that both sides agreed on, of the cars at home at a point of sale and entered there."""
    home = (CAR.c.pair == pair, CAR.c.point_of_sale == point_of_sale, CAR.c.first_point_of_sale == point_of_sale)
    if connection.dialect.name == "postgresql":
        number = func.json_extract_path_text(CAR.c.base.cast(_json()), POLICE_NUMBER)
    else:
        number = func.json_extract(CAR.c.base, f"$.{POLICE_NUMBER}")
    return [said for said in connection.scalars(select(number).where(*home)) if isinstance(said, str)]


def _json() -> Any:
    from sqlalchemy.dialects.postgresql import JSON

    return JSON


def open_cars(connection: Connection, pair: str, point_of_sale: str) -> int:
    """How many cars at home at a point of sale have records on both sides, and are not closed."""
    bound = (CAR.c.vehicle_module_id.is_not(None), CAR.c.dms_id.is_not(None), CAR.c.closed.is_(False))
    home = (CAR.c.pair == pair, CAR.c.point_of_sale == point_of_sale)
    return connection.scalar(select(func.count()).select_from(CAR).where(*home, *bound)) or 0


def cars_in_stock(connection: Connection, pair: str, point_of_sale: str) -> int:
    """How many cars are at home at a point of sale: see `Store.cars_in_stock`."""
    own = and_(SNAPSHOT.c.pair == pair, SNAPSHOT.c.record_id == CAR.c.vehicle_module_id)
    of_module = (SNAPSHOT.c.side == Side.VEHICLE_MODULE.value, SNAPSHOT.c.gone.is_(False))
    in_module = select(SNAPSHOT.c.record_id).where(own, *of_module).exists()
    home = (CAR.c.pair == pair, CAR.c.point_of_sale == point_of_sale)
    counted = select(func.count()).select_from(CAR).where(*home, or_(CAR.c.closed.is_(False), in_module))
    return connection.scalar(counted) or 0


def unreadable(connection: Connection, pair: str, point_of_sale: str, side: Side) -> set[str]:
    """The records at a point of sale whose stage or key could not be read when they were last seen."""
    of_side = (SNAPSHOT.c.pair == pair, SNAPSHOT.c.side == side.value)
    here = (SNAPSHOT.c.point_of_sale == point_of_sale, SNAPSHOT.c.gone.is_(False), SNAPSHOT.c.unreadable)
    return set(connection.scalars(select(SNAPSHOT.c.record_id).where(*of_side, *here)))

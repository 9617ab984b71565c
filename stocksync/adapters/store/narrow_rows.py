"""What a run that looks at a few cars asks of the store, answered from indexes; within the caller's transaction."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, func, or_, select

from stocksync.adapters.store.car_rows import id_column
from stocksync.adapters.store.core import CAR, OUTBOX, RESOLUTION, SNAPSHOT
from stocksync.adapters.store.key_lists import ByKeys
from stocksync.adapters.store.snapshot_rows import snapshots_of
from stocksync.stock.values import Side
from stocksync.stock.vehicle import POLICE_NUMBER
from stocksync.sync.binding import Keys
from stocksync.sync.decisions import ResolutionStatus
from stocksync.sync.narrow import Alike, CarKeys
from stocksync.sync.ports import NativeRecord
from stocksync.sync.recording import EntryStatus

# Every run asks these, several times over: to make such a statement takes longer than to execute it.
_PAIR: Final[Any] = bindparam("of_pair")
_PLACE: Final[Any] = bindparam("place")
_OF_SIDE: Final = (SNAPSHOT.c.pair == _PAIR, SNAPSHOT.c.side == bindparam("of_side"))


def _car_keys(column: Any, *conditions: Any) -> ByKeys:
    columns = (CAR.c.id, CAR.c.vehicle_module_id, CAR.c.dms_id, CAR.c.police_number, CAR.c.point_of_sale, CAR.c.closed)
    return ByKeys(column, select(*columns).where(*conditions).where)


OWNERS: Final = {side: _car_keys(id_column(side), CAR.c.pair == _PAIR) for side in Side}
"""The cars that own some records of a side, wherever they are at home."""
NUMBERED: Final = _car_keys(CAR.c.police_number, CAR.c.pair == _PAIR, CAR.c.point_of_sale == _PLACE)
"""The cars at home at a point of sale that were last known by some police numbers."""
NAMED: Final = _car_keys(CAR.c.id)
"""The cars of some ids."""


def _alike(side: Side) -> tuple[ByKeys, ...]:
    """The ids of the records here that are alike: by their own ids, then by each of their keys, by their references."""
    ours = and_(CAR.c.pair == _PAIR, id_column(side) == SNAPSHOT.c.record_id, CAR.c.point_of_sale == _PLACE)
    at_home = select(CAR.c.id).where(ours).exists()
    here = (SNAPSHOT.c.gone.is_(False), or_(SNAPSHOT.c.point_of_sale == _PLACE, at_home))
    ids = select(SNAPSHOT.c.record_id).where(*_OF_SIDE, *here)
    return tuple(ByKeys(column, ids.where) for column in (SNAPSHOT.c.record_id, *_KEYS))


_KEYS: Final = (SNAPSHOT.c.slip, SNAPSHOT.c.plate, SNAPSHOT.c.police_number, SNAPSHOT.c.reference)
_ALIKE: Final = {side: _alike(side) for side in Side}
_FORMERLY: Final = ByKeys(SNAPSHOT.c.record_id, select(SNAPSHOT.c.record_id, *_KEYS).where(*_OF_SIDE).where)
_TOUCHED: Final = select(SNAPSHOT.c.side, SNAPSHOT.c.record_id, *_KEYS).where(
    SNAPSHOT.c.pair == _PAIR,
    SNAPSHOT.c.seen_at >= bindparam("since"),
    SNAPSHOT.c.point_of_sale != _PLACE,
)


def ids_of_interest(connection: Connection, pair: str, point_of_sale: str) -> set[str]:
    """The cars at home at a point of sale that every run looks at: see `Store.cars_of_interest`."""
    here = {"of_pair": pair, "place": point_of_sale}
    found = set(connection.scalars(_INTERESTING, here))
    waiting = {*connection.scalars(_ON_THEIR_WAY), *connection.scalars(_UNDONE)} - found
    homes = _HOMES.rows(connection, waiting, {})
    return found | {car_id for car_id, *home in homes if home == [pair, point_of_sale]}


_HOME: Final = (CAR.c.pair == _PAIR, CAR.c.point_of_sale == _PLACE)
_INTERESTING: Final = select(CAR.c.id).where(*_HOME, CAR.c.interesting)
# Where a home was asked for as well, SQLite would look through all cars there.
_HOMES: Final = ByKeys(CAR.c.id, select(CAR.c.id, CAR.c.pair, CAR.c.point_of_sale).where)
_ON_THEIR_WAY: Final = select(OUTBOX.c.car_id).where(
    OUTBOX.c.status.in_((EntryStatus.PENDING.value, EntryStatus.CLAIMED.value))
)
_UNDONE: Final = select(RESOLUTION.c.car_id).where(RESOLUTION.c.status == ResolutionStatus.PENDING.value)


def car_keys_named(
    connection: Connection, by: ByKeys, named: Iterable[str], pair: str, point_of_sale: str
) -> list[CarKeys]:
    """What leads from cars to records; by: one of `OWNERS`, `NUMBERED` or `NAMED`, which says what is named."""
    found = []
    rows = by.rows(connection, named, {"of_pair": pair, "place": point_of_sale})
    for car_id, vehicle_module_id, dms_id, *known in rows:
        ids = {Side.VEHICLE_MODULE: vehicle_module_id, Side.DMS: dms_id}
        if vehicle_module_id is None or dms_id is None:
            ids = {side: record_id for side, record_id in ids.items() if record_id is not None}
        found.append(CarKeys(car_id, ids, *known))
    return found


def snapshots_alike(
    connection: Connection, pair: str, point_of_sale: str, side: Side, wanted: Alike, but: Container[str]
) -> dict[str, NativeRecord]:
    """The records of a side at a point of sale, or of a car at home there, that are alike, but for some ids.

    Most that are alike are known to whoever asks, or are so in several ways: so they are looked for by their ids, and
    read once.
    """
    ids = [record_id for record_id in wanted.ids[side] if record_id not in but]
    asked = (ids, wanted.slips, wanted.plates, wanted.police_numbers, wanted.referring_to[side])
    here = {"of_pair": pair, "place": point_of_sale, "of_side": side.value}
    found: set[str] = set()
    for by_key, values in zip(_ALIKE[side], asked, strict=True):
        found.update(i for i in by_key.values(connection, values, here) if i not in but)
    return snapshots_of(connection, pair, side, found)


def formerly_alike(connection: Connection, pair: str, side: Side, record_ids: Iterable[str]) -> Alike:
    """What records were alike to when they were last seen, those that are gone included."""
    alike = Alike()
    for row in _FORMERLY.rows(connection, record_ids, {"of_pair": pair, "of_side": side.value}):
        _add(alike, side, row)
    return alike


def touched_elsewhere(connection: Connection, pair: str, point_of_sale: str, since: datetime) -> Alike:
    """What records of other points of sale are alike to that were seen to change, or to be gone, since then."""
    alike = Alike()
    for of_side, *row in connection.execute(_TOUCHED, {"of_pair": pair, "place": point_of_sale, "since": since}).all():
        side = Side(of_side)
        _add(alike, side, row)
        alike.ids[side].add(row[0])
    return alike


def _add(alike: Alike, side: Side, row: Sequence[Any]) -> None:
    record_id, slip, plate, police_number, reference = row
    alike.add(side, record_id, Keys(slip, plate, police_number), reference)


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
    return connection.scalar(_OPEN, {"of_pair": pair, "place": point_of_sale}) or 0


_OPEN: Final = (
    select(func.count())
    .select_from(CAR)
    .where(*_HOME, CAR.c.vehicle_module_id.is_not(None), CAR.c.dms_id.is_not(None), CAR.c.closed.is_(False))
)


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
    return set(connection.scalars(_UNREADABLE, {"of_pair": pair, "of_side": side.value, "place": point_of_sale}))


_UNREADABLE: Final = select(SNAPSHOT.c.record_id).where(
    *_OF_SIDE, SNAPSHOT.c.point_of_sale == _PLACE, SNAPSHOT.c.gone.is_(False), SNAPSHOT.c.unreadable
)


def open_elsewhere(connection: Connection, pair: str, point_of_sale: str, vins: Iterable[str]) -> dict[Side, set[str]]:
    """The ids of open records of other points of sale that had one of these VINs when they were last seen."""
    found: dict[Side, set[str]] = {side: set() for side in Side}
    for side, record_id in _OPEN_ELSEWHERE.rows(connection, vins, {"of_pair": pair, "place": point_of_sale}):
        found[Side(side)].add(record_id)
    return found


_ELSEWHERE: Final = SNAPSHOT.c.point_of_sale != _PLACE
_OPEN_ELSEWHERE: Final = ByKeys(
    SNAPSHOT.c.vin,
    select(SNAPSHOT.c.side, SNAPSHOT.c.record_id).where(SNAPSHOT.c.pair == _PAIR, _ELSEWHERE, SNAPSHOT.c.is_open).where,
)


def referring_elsewhere(
    connection: Connection, pair: str, point_of_sale: str, side: Side, record_ids: Iterable[str]
) -> set[str]:
    """The ids of a side's records at other points of sale that referred to one of these records."""
    asked = {"of_pair": pair, "of_side": side.value, "place": point_of_sale}
    return set(_REFERRING.values(connection, record_ids, asked))


_REFERRING: Final = ByKeys(SNAPSHOT.c.reference, select(SNAPSHOT.c.record_id).where(*_OF_SIDE, _ELSEWHERE).where)

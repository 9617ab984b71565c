"""Which cars a run has to look at: those with a record that is news, those of interest, and all they have to do with.

Two records that share no key and do not refer to one another never meet, whatever is decided: so a plan for all that is
alike is the plan for everything, but for cars about which there is nothing to say. Asks the store, never a system.

Most news changes nothing by which records are told apart: a price, a cost, a mileage. Where that is so, and the record
belongs to an open car with both sides about which there was nothing to say, nothing that it is alike to is looked at
unless something else leads there, see `_is_unmoved`. For what others have to do with that car stayed as it was when it
was last decided, beside all of them:

- a twin, a doubtful match, a police number that stands twice: there would have been something to say about this car.
  Each hangs on keys, references, and on whether a record is open and at home here, and on nothing else of a record;
- a record that became alike since then is news itself, with other keys than before, and leads here;
- of its own points, none is decided by what another car holds, but for the register's highest number: that is asked of
  all cars, and only about a number that is new.

What a run comes to read by its id leads on in the same way, see `deciding`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.stock.values import SIDES, Side
from stocksync.stock.vehicle import POINT_OF_SALE, Vehicle
from stocksync.sync import gather as gathering
from stocksync.sync.binding import Keys, is_open, keys_of, vin_of
from stocksync.sync.gather import Gathered
from stocksync.sync.ports import NativeRecord, Store
from stocksync.sync.recording import UNDECIDED, Remembered

DECISIONS: Final = 3
"""To be raised whenever the same records may be decided otherwise than before: then everything is looked at once."""
THOROUGH_EVERY: Final = timedelta(days=7)
"""How often a complete run looks at every record all the same [ours]."""


def _by_side() -> dict[Side, set[str]]:
    return {side: set() for side in SIDES}


@dataclass(slots=True)
class Alike:
    """What makes a record of interest: one of these keys, its own id, or the id that it refers to, by side."""

    slips: set[str] = field(default_factory=set)
    plates: set[str] = field(default_factory=set)
    police_numbers: set[str] = field(default_factory=set)
    ids: dict[Side, set[str]] = field(default_factory=_by_side)
    referring_to: dict[Side, set[str]] = field(default_factory=_by_side)

    def add(self, side: Side, record_id: str, keys: Keys, reference: str | None) -> None:
        """Add what other records have to do with a record of a side."""
        if keys.slip is not None:
            self.slips.add(keys.slip)
        if keys.plate is not None:
            self.plates.add(keys.plate)
        if keys.police_number is not None:
            self.police_numbers.add(keys.police_number)
        if reference:
            self.ids[side.other].add(reference)
        self.referring_to[side.other].add(record_id)

    def __ior__(self, other: Alike) -> Alike:
        for mine, more in zip(self._sets(), other._sets(), strict=True):
            mine |= more
        return self

    def __isub__(self, other: Alike) -> Alike:
        for mine, less in zip(self._sets(), other._sets(), strict=True):
            mine -= less
        return self

    def __bool__(self) -> bool:
        return any(self._sets())

    def _sets(self) -> tuple[set[str], ...]:
        named = (*self.ids.values(), *self.referring_to.values())
        return (self.slips, self.plates, self.police_numbers, *named)


@dataclass(frozen=True, slots=True)
class CarKeys:
    """What leads from a car to records: its own ones by side, and the police number that it was last known by."""

    car_id: str
    record_ids: Mapping[Side, str]
    police_number: str | None
    point_of_sale: str
    closed: bool


@dataclass(frozen=True, slots=True)
class Looked:
    """What a run looks at: records, as read, and the ids of the cars that these may have to do with, None for all."""

    gathered: Gathered
    vehicles: Mapping[Side, Mapping[str, Vehicle]]
    cars: frozenset[str] | None = None


def narrowed(
    store: Store,
    mapping: PointOfSaleMapping,
    gathered: Gathered,
    since: datetime,
    known: Mapping[Side, Mapping[str, Remembered]],
) -> Looked:
    """Put beside what was read the snapshots that may have to do with it, and those of the cars of interest.

    since: what was seen at other points of sale after that instant counts as read, too. known: what the store says of
    the snapshots of what was read, as far as it was asked.
    """
    vehicles = gathering.vehicles_of(mapping, gathered.records)
    vanished = gathered.vanished or dict.fromkeys(SIDES, frozenset())
    scope = _Scope(store, mapping, vehicles, listed=gathered.vanished is not None, vanished=vanished)
    with store.at_one_moment():
        scope.add_cars(store.cars_of_interest(mapping.pair, mapping.id))
        scope.due |= store.touched_elsewhere(mapping.pair, mapping.id, since)
        for side in SIDES:
            unmoved = {i for i, v in vehicles[side].items() if _is_unmoved(mapping, side, v, known[side].get(i))}
            scope.add_news(side, vehicles[side].keys() - scope.left_alone(side, unmoved), vanished[side])
        found = scope.closed()
    ids = {side: frozenset(found[side]) for side in SIDES}
    records = {side: {**found[side], **gathered.records[side]} for side in SIDES}
    # Where everything was listed, a snapshot that holds was listed just so.
    if scope.listed:
        beside = replace(gathered, records=records, met=ids)
    else:
        beside = replace(gathered, records=records, remembered=ids)
    return Looked(beside, scope.vehicles, frozenset(scope.cars))


def _is_unmoved(mapping: PointOfSaleMapping, side: Side, vehicle: Vehicle, known: Remembered | None) -> bool:
    """Tell whether nothing by which records are told apart changed of one since its car was last decided."""
    if known is None or known.digest == UNDECIDED or known.read_by != mapping.version or known.unreadable:
        return False
    if not known.is_open or known.point_of_sale != mapping.id:
        return False
    return (
        known.keys == keys_of(vehicle)
        and known.reference == vehicle.reference
        and known.vin == vin_of(vehicle)
        and is_open(side, vehicle)
        and vehicle.text(POINT_OF_SALE) in (None, mapping.id)
        and not gathering.is_unreadable(side, vehicle)
    )


def leads_elsewhere(side: Side, before: Vehicle | None, now: Vehicle) -> bool:
    """Tell whether a record may have to do with others than it had as it was; before: None where it was not seen."""
    if before is None or may_meet_others(side, before, now):
        return True
    # What it is not open for any more is free for others.
    ends = is_open(side, before) and not is_open(side, now)
    return ends or gathering.is_unreadable(side, before) != gathering.is_unreadable(side, now)


def may_meet_others(side: Side, before: Vehicle | None, now: Vehicle) -> bool:
    """Tell whether a record may have come to have to do with others; before: None where it was not seen."""
    if before is None or _told_apart_by(before) != _told_apart_by(now):
        return True
    return is_open(side, now) and not is_open(side, before)


def _told_apart_by(vehicle: Vehicle) -> tuple[object, ...]:
    return keys_of(vehicle), vehicle.reference, vin_of(vehicle), vehicle.text(POINT_OF_SALE)


@dataclass
class _Scope:
    """What is looked at, growing until nothing more has to do with it.

    met: the records from which everything that they have to do with was asked for. alone: the cars of which no more
    than themselves is looked at, unless something else leads to them; by their ids.
    """

    store: Store
    mapping: PointOfSaleMapping
    vehicles: dict[Side, dict[str, Vehicle]]
    listed: bool
    vanished: Mapping[Side, frozenset[str]]
    cars: set[str] = field(default_factory=set)
    alone: dict[str, CarKeys] = field(default_factory=dict)
    asked: Alike = field(default_factory=Alike)
    due: Alike = field(default_factory=Alike)
    owned: dict[Side, set[str]] = field(default_factory=_by_side)
    met: dict[Side, set[str]] = field(default_factory=_by_side)

    def add_cars(self, cars: Iterable[CarKeys]) -> None:
        """Look at all records of these cars, and at what they have to do with."""
        for car in cars:
            if car.car_id in self.cars and self.alone.pop(car.car_id, None) is None:
                continue
            self.cars.add(car.car_id)
            for side, record_id in car.record_ids.items():
                self.owned[side].add(record_id)
                self.due.ids[side].add(record_id)
            if car.police_number is not None:
                self.due.police_numbers.add(car.police_number)

    def left_alone(self, side: Side, record_ids: Iterable[str]) -> set[str]:
        """Look at the cars of these records, as yet at nothing beside them; the answer is of which that is enough."""
        left = set()
        for car in self.store.owners_of(self.mapping.pair, side, record_ids):
            at_home = car.point_of_sale == self.mapping.id and not car.closed
            if at_home and len(car.record_ids) == len(SIDES):
                left.add(car.record_ids[side])
                if car.car_id not in self.cars:
                    self.cars.add(car.car_id)
                    self.alone[car.car_id] = car
        return left

    def _add_owners(self, side: Side, record_ids: Iterable[str]) -> None:
        """Look at the cars that own these records; whose owner was met already need not be asked for."""
        self.add_cars(self.store.owners_of(self.mapping.pair, side, set(record_ids) - self.owned[side]))

    def add_news(self, side: Side, record_ids: Set[str], vanished: Set[str]) -> None:
        """Look at what records are alike to that were read, and at what they and those that are gone were alike to."""
        # That may be free now, or alone.
        self.due |= self.store.formerly_alike(self.mapping.pair, side, record_ids | vanished)
        self._add_records(side, {i: self.vehicles[side][i] for i in record_ids})
        self._add_owners(side, vanished)

    def _add_records(self, side: Side, vehicles: Mapping[str, Vehicle]) -> None:
        """Look at what these records are alike to, and at their cars."""
        self.met[side].update(vehicles)
        for record_id, vehicle in vehicles.items():
            self.due.add(side, record_id, keys_of(vehicle), vehicle.reference)
        self._add_owners(side, vehicles)

    def _holds(self, side: Side, vehicle: Vehicle) -> bool:
        """Tell whether a snapshot still holds: where everything was listed, not of what was not met, nor elsewhere."""
        if not self.listed:
            return True
        if vehicle.unreadable(POINT_OF_SALE):
            return False  # no listing but the one of its snapshot would show it, if any does
        here = vehicle.text(POINT_OF_SALE) in (None, self.mapping.id)
        return here and vehicle.record_id not in self.vanished[side]

    def closed(self) -> dict[Side, dict[str, NativeRecord]]:
        """The snapshots that have to do with all that was added, themselves included."""
        found: dict[Side, dict[str, NativeRecord]] = {side: {} for side in SIDES}
        while True:
            while wanted := self._taken():
                said = self._put_beside(found, wanted)
                for side in SIDES:
                    self._add_records(side, said[side])
                self.add_cars(self.store.numbered(self.mapping.pair, self.mapping.id, wanted.police_numbers))
            self._complete(found)
            if not self.due:
                return found

    def _complete(self, found: dict[Side, dict[str, NativeRecord]]) -> None:
        """Look at the other records of the cars that are left alone; a car one of which does not come is not."""
        wanted = Alike()
        for car in self.alone.values():
            for side, record_id in car.record_ids.items():
                if record_id not in self.vehicles[side]:
                    wanted.ids[side].add(record_id)
        if wanted:
            self._put_beside(found, wanted)
            self.add_cars(
                [c for c in self.alone.values() if any(i not in self.vehicles[s] for s, i in c.record_ids.items())]
            )

    def _put_beside(self, found: dict[Side, dict[str, NativeRecord]], wanted: Alike) -> dict[Side, dict[str, Vehicle]]:
        """Put the snapshots that are alike beside what is looked at; the answer is what all say that were not met."""
        unmet = self.store.alike(self.mapping.pair, self.mapping.id, wanted, self.met)
        more = {side: {i: r for i, r in unmet[side].items() if i not in self.vehicles[side]} for side in SIDES}
        said = gathering.vehicles_of(self.mapping, more)
        for side in SIDES:
            kept = {i: v for i, v in said[side].items() if self._holds(side, v)}
            found[side].update((i, more[side][i]) for i in kept)
            said[side].update((i, self.vehicles[side][i]) for i in unmet[side] if i not in more[side])
            self.vehicles[side].update(kept)
        return said

    def _taken(self) -> Alike:
        """What is due and was not asked for before."""
        wanted, self.due = self.due, Alike()
        wanted -= self.asked
        self.asked |= wanted
        return wanted

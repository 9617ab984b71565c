"""Which cars a run has to look at: those with a record that is news, those of interest, and all they have to do with.

Two records that share no key and do not refer to one another never meet, whatever is decided: so a plan for all that is
alike is the plan for everything, but for cars about which there is nothing to say. Asks the store, never a system.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.stock.values import SIDES, Side
from stocksync.stock.vehicle import POINT_OF_SALE, Vehicle
from stocksync.sync import gather as gathering
from stocksync.sync.binding import Keys, keys_of
from stocksync.sync.gather import Gathered
from stocksync.sync.ports import NativeRecord, Store

DECISIONS: Final = 1
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


@dataclass(frozen=True, slots=True)
class Looked:
    """What a run looks at: records, as read, and the ids of the cars that these may have to do with, None for all."""

    gathered: Gathered
    vehicles: Mapping[Side, Mapping[str, Vehicle]]
    cars: frozenset[str] | None = None


def narrowed(store: Store, mapping: PointOfSaleMapping, gathered: Gathered, since: datetime) -> Looked:
    """Put beside what was read the snapshots that may have to do with it, and those of the cars of interest.

    since: what was seen at other points of sale after that instant counts as read, too.
    """
    vehicles = gathering.vehicles_of(mapping, gathered.records)
    vanished = gathered.vanished or dict.fromkeys(SIDES, frozenset())
    scope = _Scope(store, mapping, vehicles, listed=gathered.vanished is not None, vanished=vanished)
    with store.at_one_moment():
        scope.add_cars(store.cars_of_interest(mapping.pair, mapping.id))
        scope.due |= store.touched_elsewhere(mapping.pair, mapping.id, since)
        for side in SIDES:
            # What a record was alike to before it changed may be free now, or alone.
            scope.due |= store.formerly_alike(mapping.pair, side, vehicles[side].keys() | vanished[side])
            scope.add_records(side, vehicles[side])
            scope.add_owners(side, vanished[side])
        found = scope.closed()
    known = {side: frozenset(found[side]) for side in SIDES}
    records = {side: {**found[side], **gathered.records[side]} for side in SIDES}
    # Where everything was listed, a snapshot that holds was listed just so.
    if scope.listed:
        beside = replace(gathered, records=records, met=known)
    else:
        beside = replace(gathered, records=records, remembered=known)
    return Looked(beside, scope.vehicles, frozenset(scope.cars))


@dataclass
class _Scope:
    """What is looked at, growing until nothing more has to do with it."""

    store: Store
    mapping: PointOfSaleMapping
    vehicles: dict[Side, dict[str, Vehicle]]
    listed: bool
    vanished: Mapping[Side, frozenset[str]]
    cars: set[str] = field(default_factory=set)
    asked: Alike = field(default_factory=Alike)
    due: Alike = field(default_factory=Alike)
    owned: dict[Side, set[str]] = field(default_factory=_by_side)

    def add_cars(self, cars: Iterable[CarKeys]) -> None:
        """Look at all records of these cars."""
        for car in cars:
            if car.car_id in self.cars:
                continue
            self.cars.add(car.car_id)
            for side, record_id in car.record_ids.items():
                self.owned[side].add(record_id)
                self.due.ids[side].add(record_id)
            if car.police_number is not None:
                self.due.police_numbers.add(car.police_number)

    def add_owners(self, side: Side, record_ids: Iterable[str]) -> None:
        """Look at the cars that own these records; whose owner was met already need not be asked for."""
        self.add_cars(self.store.owners_of(self.mapping.pair, side, set(record_ids) - self.owned[side]))

    def add_records(self, side: Side, vehicles: Mapping[str, Vehicle]) -> None:
        """Look at what these records are alike to, and at their cars."""
        for record_id, vehicle in vehicles.items():
            self.due.add(side, record_id, keys_of(vehicle), vehicle.reference)
        self.add_owners(side, vehicles)

    def _holds(self, side: Side, vehicle: Vehicle) -> bool:
        """Tell whether a snapshot still holds: where everything was listed, not of what was not met, nor elsewhere."""
        if not self.listed:
            return True
        here = vehicle.text(POINT_OF_SALE) in (None, self.mapping.id)
        return here and vehicle.record_id not in self.vanished[side]

    def closed(self) -> dict[Side, dict[str, NativeRecord]]:
        """The snapshots that have to do with all that was added, themselves included."""
        found: dict[Side, dict[str, NativeRecord]] = {side: {} for side in SIDES}
        while wanted := self._taken():
            unseen = self.store.alike(self.mapping.pair, self.mapping.id, wanted, self.vehicles)
            read = gathering.vehicles_of(self.mapping, unseen)
            for side in SIDES:
                kept = {i: v for i, v in read[side].items() if self._holds(side, v)}
                found[side].update((i, unseen[side][i]) for i in kept)
                self.vehicles[side].update(kept)
                self.add_records(side, read[side])
            self.add_cars(self.store.numbered(self.mapping.pair, self.mapping.id, wanted.police_numbers))
        return found

    def _taken(self) -> Alike:
        """What is due and was not asked for before."""
        wanted, self.due = self.due, Alike()
        wanted -= self.asked
        self.asked |= wanted
        return wanted

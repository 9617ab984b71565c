"""Fields that a side stopped to carry, or that an edited mapping looks for where nothing is.

What is not there says nothing, and nothing is done about it: so a field that a vendor renames, or an integrator
misspells, would end what hangs on it in silence, the sale of a car included. A single record may well leave a field
out; a field that no record has any more is a question for a person. Asks the store and the systems, changes neither.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Final

from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.stock.values import ABSENT, BLANK, SIDES, Side
from stocksync.stock.vehicle import (
    DMS_ORDER,
    DMS_STATUS,
    INVOICE_NUMBER,
    MODULE_ORDER,
    POINT_OF_SALE,
    POLICE_NUMBER,
    REGISTRATION,
    RESERVED,
    STAGE,
    VIN,
    Vehicle,
)
from stocksync.sync import gather as gathering
from stocksync.sync.gather import Gathered
from stocksync.sync.guards import FieldGone
from stocksync.sync.ports import NativeRecord, Store

SAMPLE: Final = 50
"""Of so many records it is looked up what they held before: a field that all have lost is missed in any of them."""
WITNESSES: Final = 5
"""So many records that nothing is new of are read, to see whether they still carry what the new ones do not [ours]."""
FEW: Final = 5
"""Where a side leaves out what is blank, fewer records than that may have become blank [ours]."""

HALTING: Final = frozenset(
    {
        VIN,
        REGISTRATION,
        POLICE_NUMBER,
        POINT_OF_SALE,
        STAGE,
        DMS_STATUS,
        RESERVED,
        MODULE_ORDER,
        DMS_ORDER,
        INVOICE_NUMBER,
    }
)
"""What tells cars apart, where one is, and whether it is sold: without it nothing is decided. All else is reported."""

SALE: Final = (DMS_ORDER, INVOICE_NUMBER)
"""What tells of a sale in the DMS, whichever the mapping reads."""

Vehicles = Mapping[Side, Mapping[str, Vehicle]]
Reader = Callable[[Mapping[Side, Iterable[str]]], Mapping[Side, Mapping[str, NativeRecord]]]


def fields_gone(
    store: Store,
    mapping: PointOfSaleMapping,
    gathered: Gathered,
    vehicles: Vehicles,
    known: Mapping[Side, Set[str]],
    read: Reader,
) -> list[FieldGone]:
    """The fields that records carried when they were last seen, and that none of either side carries now.

    known: the ids of the records read of which there are snapshots. read: gives records by their ids, as they are now.
    """
    return [gone for side in SIDES for gone in _Look(store, mapping, gathered, side, read).gone(vehicles, known[side])]


def fields_never_seen(mapping: PointOfSaleMapping, vehicles: Vehicles) -> list[FieldGone]:
    """The fields that should tell of a sale, and that no record has where a point of sale is read for the first time.

    It may be that nothing was sold yet, and that the system leaves out what is blank: a person can tell.
    """
    side, records = Side.DMS, vehicles[Side.DMS]
    fields = mapping.translations[side].fields
    unsaid = _unsaid(fields.keys() & set(SALE), records.values()) if records else set()
    return [FieldGone(side, name, fields[name].path, len(records)) for name in sorted(unsaid)]


def fields_unread(
    before: PointOfSaleMapping, after: PointOfSaleMapping, was: Vehicles, now: Vehicles
) -> list[FieldGone]:
    """The fields that one mapping reads of some of these records, and an edited one, which reads them too, of none."""
    found = []
    for side in SIDES:
        fields = after.translations[side].fields
        unread = _unsaid(fields.keys() & before.translations[side].fields.keys(), now[side].values())
        unread -= _unsaid(unread, was[side].values())
        found += [FieldGone(side, name, fields[name].path, len(now[side])) for name in sorted(unread)]
    return found


@dataclass(frozen=True, slots=True)
class _Look:
    store: Store
    mapping: PointOfSaleMapping
    gathered: Gathered
    side: Side
    read: Reader

    def gone(self, vehicles: Vehicles, known: Set[str]) -> Iterator[FieldGone]:
        fields, fresh = self.mapping.translations[self.side].fields, self.gathered.fresh(self.side)
        silent = _unsaid(fields.keys(), (vehicles[self.side][i] for i in fresh))
        formerly = self._snapshots(sorted(known & fresh.keys())[:SAMPLE]) if silent else {}
        lost = {name: said for name in silent if (said := [v for v in formerly.values() if _says(v, name)])}
        if lost:
            lost = self._beside_witnesses(lost, fresh.keys())
        for name, said in sorted(lost.items()):
            if len(said) >= FEW or any(vehicle.reading(name) is BLANK for vehicle in said):
                yield FieldGone(self.side, name, fields[name].path, len(said))

    def _beside_witnesses(self, lost: Mapping[str, list[Vehicle]], fresh: Set[str]) -> dict[str, list[Vehicle]]:
        """Leave out what a record that nothing is new of still says; add those that do not say it any more either."""
        others = sorted(self.store.known_at(self.mapping.pair, self.mapping.id)[self.side] - fresh)[:SAMPLE]
        formerly, asked = self._snapshots(others), defaultdict[str, list[str]](list)
        times: Counter[str] = Counter()
        for record_id, vehicle in formerly.items():
            for name in lost:
                if _says(vehicle, name) and times[name] < WITNESSES:
                    times[name] += 1
                    asked[name].append(record_id)
        wanted = {record_id for ids in asked.values() for record_id in ids}
        now = self._vehicles(self.read({self.side: wanted, self.side.other: ()})[self.side])
        gone = _unsaid(lost.keys(), now.values())
        return {
            name: said + [formerly[i] for i in asked[name] if i in now] for name, said in lost.items() if name in gone
        }

    def _snapshots(self, record_ids: Iterable[str]) -> Mapping[str, Vehicle]:
        return self._vehicles(self.store.snapshots(self.mapping.pair, self.side, record_ids))

    def _vehicles(self, records: Mapping[str, NativeRecord]) -> Mapping[str, Vehicle]:
        return gathering.vehicles_of(self.mapping, {self.side: records, self.side.other: {}})[self.side]


def _unsaid(attributes: Set[str], vehicles: Iterable[Vehicle]) -> set[str]:
    """Those of some attributes that none of these records says anything of, be it nothing that can be read."""
    unsaid = set(attributes)
    for vehicle in vehicles:
        if not unsaid:
            break
        unsaid -= {name for name in unsaid if _says(vehicle, name)}
    return unsaid


def _says(vehicle: Vehicle, attribute: str) -> bool:
    return vehicle.reading(attribute) is not ABSENT

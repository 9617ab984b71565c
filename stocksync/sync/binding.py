"""Which record here is which record there.

In order: the binding we hold; the references that the systems carry; police number within the point of sale; exact
VIN among open cycles; registration with first registration date. A candidate must be the only one on both sides.
What is doubtful becomes a finding with its evidence, never a guess. Pure.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final

from stocksync.mapping.converters import normalised_vin
from stocksync.stock.lifecycle import EXIT, INVOICED
from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category
from stocksync.stock.values import SIDES, Invalid, Side
from stocksync.stock.vehicle import (
    DMS_STATUS,
    FIRST_REGISTRATION_DATE,
    INVOICE_DATE,
    POINT_OF_SALE,
    POLICE_NUMBER,
    REGISTRATION,
    STAGE,
    VIN,
    Vehicle,
)
from stocksync.sync.cars import BINDING, Car, Finding, Sighting, car_id, new_car

_MODULE, _DMS = SIDES
_SLIPS: Final = str.maketrans("OIQ", "010")

Records = Mapping[str, Vehicle]


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What the pair's other points of sale hold of the cars seen here, as it is now.

    records: by side and VIN, their open records. cars: the cars that own one of those, by side and record id.
    """

    records: Mapping[tuple[Side, str], tuple[Vehicle, ...]] = field(default_factory=dict)
    cars: Mapping[tuple[Side, str], Car] = field(default_factory=dict)

    def is_bound(self, side: Side, record_id: str) -> bool:
        """Tell whether a record belongs to a car with both sides."""
        car = self.cars.get((side, record_id))
        return car is not None and car.bound

    def unbound(self, side: Side, vin: str) -> list[Vehicle]:
        """The open records with a VIN that no car with both sides has taken."""
        return [v for v in self.records.get((side, vin), ()) if not self.is_bound(side, v.record_id)]


@dataclass(frozen=True, slots=True)
class Bindings:
    """Every car seen in this cycle.

    merged: cars that were found to be a part of another one. police_numbers: the DMS records of this point of sale by
    the number that they were entered under here, whether or not they belong to a car.
    """

    sightings: tuple[Sighting, ...]
    merged: Mapping[str, str]
    police_numbers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass
class _Draft:
    """Bindings in the making: which record is taken by which car, and what is doubtful.

    free: the records of a side that are neither bound nor in doubt.
    """

    records: Mapping[Side, dict[str, Vehicle]]
    free: Mapping[Side, dict[str, Vehicle]]
    by_record: dict[tuple[Side, str], Car] = field(default_factory=dict)
    pairs: dict[str, str] = field(default_factory=dict)
    pairs_by_dms: dict[str, str] = field(default_factory=dict)
    bound_by: dict[str, str] = field(default_factory=dict)
    doubts: dict[tuple[Side, str], dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    stopped: dict[tuple[Side, str], dict[str, str]] = field(default_factory=lambda: defaultdict(dict))

    def is_taken(self, side: Side, record_id: str) -> bool:
        """Tell whether a record is bound, or waits for a person."""
        return self.is_bound(side, record_id) or (bool(self.doubts) and (side, record_id) in self.doubts)

    def is_bound(self, side: Side, record_id: str) -> bool:
        """Tell whether a record is bound."""
        if side is _MODULE:
            return record_id in self.pairs
        return record_id in self.pairs_by_dms

    def bind(self, vehicle_module_id: str, dms_id: str, how: str | None) -> None:
        """Bind two records; `how` is None for a binding that we hold already."""
        self.pairs[vehicle_module_id] = dms_id
        self.pairs_by_dms[dms_id] = vehicle_module_id
        self.free[_MODULE].pop(vehicle_module_id, None)
        self.free[_DMS].pop(dms_id, None)
        if how is not None:
            self.bound_by[vehicle_module_id] = how

    def doubt(self, side: Side, record_id: str, evidence: str, other: str) -> None:
        """Leave a record to a person."""
        self.doubts[side, record_id][evidence] = other
        self.free[side].pop(record_id, None)


def bind(
    pair: str,
    point_of_sale: str,
    vehicle_module: Records,
    dms: Records,
    cars: Iterable[Car],
    elsewhere: Elsewhere,
) -> Bindings:
    """Bind the records of one point of sale.

    `vehicle_module` and `dms` hold what was listed, and what was read because a binding or a reference names it;
    `cars` every car that is at home here or owns one of these records.
    """
    draft = _Draft(
        {Side.VEHICLE_MODULE: dict(vehicle_module), Side.DMS: dict(dms)},
        {Side.VEHICLE_MODULE: dict(vehicle_module), Side.DMS: dict(dms)},
    )
    remembered = list(cars)
    draft.by_record.update(elsewhere.cars)
    _bind_as_before(draft, remembered)
    _bind_by_reference(draft)
    _bind_by_key(draft, "police_number", _police_number, contradicted_by=(VIN, REGISTRATION))
    _bind_by_vin(draft, elsewhere)
    _bind_by_key(draft, "registration", _plate_and_date, contradicted_by=(VIN, POLICE_NUMBER))
    _doubt_leftovers(draft, elsewhere)
    return _sightings(draft, pair, point_of_sale, remembered, elsewhere)


def is_open(side: Side, vehicle: Vehicle) -> bool:
    """Tell whether a record, looked at alone, is in an open stock cycle."""
    if side is _MODULE:
        return vehicle.text(STAGE) != EXIT
    return vehicle.text(DMS_STATUS) != INVOICED


def vin_of(vehicle: Vehicle) -> str | None:
    """A record's readable VIN."""
    return vehicle.text(VIN)


def _bind_as_before(draft: _Draft, cars: list[Car]) -> None:
    for car in cars:
        for side, record_id in car.record_ids.items():
            draft.by_record[side, record_id] = car
        if car.bound:
            draft.bind(car.record_ids[Side.VEHICLE_MODULE], car.record_ids[Side.DMS], None)


def _bind_by_reference(draft: _Draft) -> None:
    """Bind by the other side's id that a record carries; a reference that another record contradicts is a doubt."""
    claims: dict[tuple[str, str], None] = {}
    for vehicle_id, vehicle in draft.free[Side.VEHICLE_MODULE].items():
        if vehicle.reference in draft.records[Side.DMS]:
            claims[vehicle_id, vehicle.reference] = None
    for dms_id, file in draft.free[Side.DMS].items():
        if file.reference in draft.records[Side.VEHICLE_MODULE]:
            claims[file.reference, dms_id] = None
    vehicles, files = Counter(map(itemgetter(0), claims)), Counter(map(itemgetter(1), claims))
    contested: dict[tuple[Side, str], set[str]] = defaultdict(set)
    for vehicle_id, dms_id in claims:
        alone = vehicles[vehicle_id] == files[dms_id] == 1
        if not (alone and _agree_on_each_other(draft, vehicle_id, dms_id)):
            contested[_MODULE, vehicle_id].add(dms_id)
            contested[_DMS, dms_id].add(vehicle_id)
    for (side, record_id), others in contested.items():
        if not draft.is_bound(side, record_id):
            draft.doubt(side, record_id, "reference", ", ".join(sorted(others)))
    for vehicle_id, dms_id in claims:
        if not draft.is_taken(_MODULE, vehicle_id) and not draft.is_taken(_DMS, dms_id):
            draft.bind(vehicle_id, dms_id, "reference")


def _agree_on_each_other(draft: _Draft, vehicle_id: str, dms_id: str) -> bool:
    if draft.is_bound(_MODULE, vehicle_id) or draft.is_bound(_DMS, dms_id):
        return False
    there = draft.records[_MODULE][vehicle_id].reference
    here = draft.records[_DMS][dms_id].reference
    return there in (None, dms_id) and here in (None, vehicle_id)


Key = tuple[object, ...]


def _police_number(vehicle: Vehicle) -> Key | None:
    number = vehicle.text(POLICE_NUMBER)
    return (number,) if number else None


def _plate_and_date(vehicle: Vehicle) -> Key | None:
    plate, day = vehicle.text(REGISTRATION), vehicle.text(FIRST_REGISTRATION_DATE)
    return (plate.replace("-", "").replace(" ", ""), day) if plate and day else None


def _vin(vehicle: Vehicle) -> Key | None:
    vin = vin_of(vehicle)
    return (vin,) if vin else None


@dataclass(frozen=True, slots=True)
class Keys:
    """All that a record can be found alike by, but for references: two records that share none never meet.

    slip: its VIN, whatever slips of the keyboard are in it. plate: registration and first registration date, together.
    """

    slip: str | None = None
    plate: str | None = None
    police_number: str | None = None


def keys_of(vehicle: Vehicle) -> Keys:
    """What a record is found alike by."""
    found = _plate_and_date(vehicle)
    plate = f"{found[0]}|{found[1]}" if found is not None else None
    return Keys(_slip(vehicle) or None, plate, vehicle.text(POLICE_NUMBER) or None)


_KEYS: Final = {"police_number": _police_number, "vin": _vin, "registration": _plate_and_date}


def _by_key(records: Mapping[str, Vehicle], key: Callable[[Vehicle], Key | None]) -> dict[Key, list[str]]:
    found: dict[Key, list[str]] = defaultdict(list)
    for record_id in sorted(records):
        value = key(records[record_id])
        if value is not None:
            found[value].append(record_id)
    return found


def _bind_by_key(
    draft: _Draft, evidence: str, key: Callable[[Vehicle], Key | None], contradicted_by: tuple[str, ...]
) -> None:
    ours = _by_key(_open_free(draft, Side.VEHICLE_MODULE), key)
    theirs = _by_key(_open_free(draft, Side.DMS), key)
    for value in sorted(set(ours) & set(theirs), key=repr):
        vehicle_ids, dms_ids = ours[value], theirs[value]
        if len(vehicle_ids) > 1 or len(dms_ids) > 1:
            _doubt_all(draft, evidence, vehicle_ids, dms_ids)
            continue
        vehicle_id, dms_id = vehicle_ids[0], dms_ids[0]
        vehicle = draft.records[Side.VEHICLE_MODULE][vehicle_id]
        file = draft.records[Side.DMS][dms_id]
        if _contradict(vehicle, file, contradicted_by):
            draft.stopped[Side.VEHICLE_MODULE, vehicle_id][evidence] = dms_id
            draft.stopped[Side.DMS, dms_id][evidence] = vehicle_id
        else:
            draft.bind(vehicle_id, dms_id, evidence)


def _contradict(vehicle: Vehicle, file: Vehicle, attributes: tuple[str, ...]) -> bool:
    """Tell whether two records differ in the strongest identity that both can show."""
    for attribute in attributes:
        here, there = vehicle.text(attribute), file.text(attribute)
        if here and there:
            return here != there
        if attribute == VIN and (vehicle.unreadable(VIN) or file.unreadable(VIN)):
            return _slip(vehicle) != _slip(file)
    return False


def _doubt_all(draft: _Draft, evidence: str, vehicle_ids: list[str], dms_ids: list[str]) -> None:
    for vehicle_id in vehicle_ids:
        draft.doubt(Side.VEHICLE_MODULE, vehicle_id, evidence, ", ".join(dms_ids))
    for dms_id in dms_ids:
        draft.doubt(Side.DMS, dms_id, evidence, ", ".join(vehicle_ids))


def _open_free(draft: _Draft, side: Side) -> dict[str, Vehicle]:
    """The free records of a side in open cycles.

    An invoiced file is open iff it is the youngest of its VIN, and no car that left the module may be what it invoices.
    """
    free = draft.free[side]
    still_open = {i: v for i, v in free.items() if is_open(side, v)}
    if side is Side.VEHICLE_MODULE or len(still_open) == len(free):
        return still_open
    youngest, gone = _youngest_files(draft.records[Side.DMS]), _gone(draft)
    return {
        i: v for i, v in free.items() if i in still_open or (youngest.get(vin_of(v) or i) == i and not gone & _names(v))
    }


def _gone(draft: _Draft) -> set[str]:
    """The VINs and police numbers of module records in their last stage that no file is bound to."""
    exited = [v for v in draft.free[Side.VEHICLE_MODULE].values() if not is_open(Side.VEHICLE_MODULE, v)]
    return {name for vehicle in exited for name in _names(vehicle)}


def _names(vehicle: Vehicle) -> set[str]:
    return {name for name in (vehicle.text(VIN), vehicle.text(POLICE_NUMBER)) if name is not None}


def _youngest_files(files: Records) -> dict[str, str]:
    """Per VIN the id of its youngest file: one not invoiced, else the one invoiced last."""
    youngest: dict[str, tuple[tuple[bool, str, int, str], str]] = {}
    for record_id, file in files.items():
        vin = vin_of(file) or record_id
        age = (is_open(Side.DMS, file), file.text(INVOICE_DATE) or "", len(record_id), record_id)
        if vin not in youngest or age > youngest[vin][0]:
            youngest[vin] = (age, record_id)
    return {vin: record_id for vin, (_, record_id) in youngest.items()}


def _bind_by_vin(draft: _Draft, elsewhere: Elsewhere) -> None:
    """Bind by VIN, candidates of other points of sale counted; the car is decided where its module record is."""

    here = {side: _by_key(_open_free(draft, side), _vin) for side in SIDES}
    for value in sorted(set(here[Side.VEHICLE_MODULE]) | set(here[Side.DMS]), key=repr):
        mine = {side: here[side].get(value, []) for side in SIDES}
        there = {side: elsewhere.unbound(side, str(value[0])) for side in SIDES}
        found = {side: [*mine[side], *(v.record_id for v in there[side])] for side in SIDES}
        if any(len(found[side]) > 1 for side in SIDES):
            # The twins are duplicates, found below; the record that would match any of them is in doubt.
            for side in SIDES:
                if len(found[side]) == 1:
                    _doubt_lone(draft, side, mine[side], found[side.other])
        elif mine[Side.VEHICLE_MODULE] and found[Side.DMS]:
            for vehicle in there[Side.DMS]:
                draft.records[Side.DMS][vehicle.record_id] = vehicle
            draft.bind(mine[Side.VEHICLE_MODULE][0], found[Side.DMS][0], "vin")


def _doubt_lone(draft: _Draft, side: Side, records: list[str], candidates: list[str]) -> None:
    if len(records) == 1 and candidates:
        draft.doubt(side, records[0], "vin", ", ".join(sorted(candidates)))


def _doubt_leftovers(draft: _Draft, elsewhere: Elsewhere) -> None:
    """Leave to a person what nearly matches: a contradicted key, the key of a record that is taken, a slip."""
    for (side, record_id), evidence in draft.stopped.items():
        if not draft.is_taken(side, record_id):
            for name, other in evidence.items():
                draft.doubt(side, record_id, f"{name}, contradicted", other)
    in_doubt = frozenset(draft.doubts)
    for side in SIDES:
        for name, key in _KEYS.items():
            _doubt_like_those_in_doubt(draft, side, name, key, in_doubt)
        _doubt_like_bound_ones(draft, side, elsewhere)
    _doubt_slips(draft)


def _doubt_like_those_in_doubt(
    draft: _Draft,
    side: Side,
    name: str,
    key: Callable[[Vehicle], Key | None],
    in_doubt: frozenset[tuple[Side, str]],
) -> None:
    """A record whose only candidate waits for a person waits with it, instead of counting as without one."""
    records = draft.records[side.other]
    candidates = _by_key({i: records[i] for other, i in in_doubt if other is side.other and i in records}, key)
    if not candidates:
        return
    for record_id, vehicle in _open_free(draft, side).items():
        found = candidates.get(value) if (value := key(vehicle)) is not None else None
        if found:
            draft.doubt(side, record_id, f"{name} of a record in doubt", ", ".join(found))


def _doubt_like_bound_ones(draft: _Draft, side: Side, elsewhere: Elsewhere) -> None:
    free = _open_free(draft, side)
    vins = {vin_of(vehicle) for vehicle in free.values()}
    bound = {
        i: v
        for i, v in (draft.records[side.other].items() if vins else ())
        if vin_of(v) in vins and draft.is_bound(side.other, i) and is_open(side.other, v)
    }
    candidates = _by_key(bound, _vin)
    for record_id, vehicle in sorted(free.items()):
        value = _vin(vehicle)
        found = list(candidates.get(value, ())) if value is not None else []
        found += [
            v.record_id
            for v in elsewhere.records.get((side.other, vin_of(vehicle) or ""), ())
            if elsewhere.is_bound(side.other, v.record_id)
        ]
        if found:
            draft.doubt(side, record_id, "vin of a bound record", ", ".join(sorted(found)))


def _doubt_slips(draft: _Draft) -> None:
    free = {side: _open_free(draft, side) for side in SIDES}
    slips = {side: _by_key(free[side], lambda v: (s,) if (s := _slip(v)) else None) for side in SIDES}
    for value in sorted(set(slips[Side.VEHICLE_MODULE]) & set(slips[Side.DMS]), key=repr):
        ids = {side: slips[side][value] for side in SIDES}
        wrong = any(free[side][i].unreadable(VIN) for side in SIDES for i in ids[side])
        if wrong:
            _doubt_all(draft, "vin_slip", ids[Side.VEHICLE_MODULE], ids[Side.DMS])


def _slip(vehicle: Vehicle) -> str | None:
    """A VIN as it would be without slips of the keyboard (O for 0, I for 1, Q for 0); only ever for a proposal."""
    reading = vehicle.reading(VIN)
    text = normalised_vin(reading.raw) if isinstance(reading, Invalid) else vehicle.text(VIN)
    if not text:
        return None
    # Hardly any has one, and three looks cost a part of what it takes to spell it anew.
    return text.translate(_SLIPS) if "O" in text or "I" in text or "Q" in text else text


def _sightings(draft: _Draft, pair: str, point_of_sale: str, cars: list[Car], elsewhere: Elsewhere) -> Bindings:
    merged: dict[str, str] = {}
    sightings: list[Sighting] = []
    duplicates = _duplicates(draft, elsewhere)
    seen: set[tuple[Side, str]] = set()
    for vehicle_id, dms_id in draft.pairs.items():
        seen.add((_MODULE, vehicle_id))
        seen.add((_DMS, dms_id))
        sightings.append(_bound_sighting(draft, pair, point_of_sale, vehicle_id, dms_id, duplicates, merged))
    for side in SIDES:
        for record_id in draft.records[side]:
            if (side, record_id) not in seen:
                seen.add((side, record_id))
                alone = _lone_sighting(draft, pair, point_of_sale, side, record_id, duplicates, elsewhere)
                if alone is not None:
                    sightings.append(alone)
    sightings += _vanished(cars, seen)
    in_order = tuple(sorted(sightings, key=lambda s: s.car.id))
    return Bindings(in_order, merged, _police_numbers(draft, point_of_sale, cars))


def _police_numbers(draft: _Draft, point_of_sale: str, cars: list[Car]) -> dict[str, tuple[str, ...]]:
    """Every number of a point of sale's register: files that were ever entered here, and cars whose file is gone."""
    numbers: dict[str, list[str]] = defaultdict(list)
    for record_id, file in draft.records[Side.DMS].items():
        number, car = file.text(POLICE_NUMBER), draft.by_record.get((Side.DMS, record_id))
        entered_here = car.first_point_of_sale == point_of_sale if car is not None else _is_here(file, point_of_sale)
        if number is not None and entered_here:
            numbers[number].append(record_id)
    for car in cars:
        shown = car.record_ids.get(Side.DMS) in draft.records[Side.DMS]
        if car.police_number is not None and not shown and car.first_point_of_sale == point_of_sale:
            numbers[car.police_number].append(car.record_ids.get(Side.DMS, car.id))
    return {number: tuple(sorted(ids)) for number, ids in numbers.items()}


def _is_here(file: Vehicle, point_of_sale: str) -> bool:
    return file.text(POINT_OF_SALE) in (None, point_of_sale)


def _vanished(cars: list[Car], seen: set[tuple[Side, str]]) -> list[Sighting]:
    gone = [car for car in cars if not car.bound and not set(car.record_ids.items()) & seen]
    return [Sighting(car, None, None) for car in gone]


def _bound_sighting(
    draft: _Draft,
    pair: str,
    point_of_sale: str,
    vehicle_id: str,
    dms_id: str,
    duplicates: Mapping[tuple[Side, str], tuple[str, ...]],
    merged: dict[str, str],
) -> Sighting:
    ours, theirs = (_MODULE, vehicle_id), (_DMS, dms_id)
    other = draft.by_record.get(theirs)
    car = draft.by_record.get(ours) or other
    was_bound = car is not None and car.bound
    if car is None:
        first_seen = car_id(pair, _MODULE, vehicle_id)
        car = Car(first_seen, pair, point_of_sale, point_of_sale, dict((ours, theirs)))
    if other is not None and other.id != car.id:
        merged[other.id] = car.id
    for side, record_id in (ours, theirs):
        if car.record_ids.get(side) != record_id:
            car = car.with_record(side, record_id)
    return Sighting(
        car,
        draft.records[_MODULE].get(vehicle_id),
        draft.records[_DMS].get(dms_id),
        was_bound=was_bound,
        held=_held(car, (ours, theirs), draft, duplicates),
        bound_by=draft.bound_by.get(vehicle_id),
    )


def _lone_sighting(
    draft: _Draft,
    pair: str,
    point_of_sale: str,
    side: Side,
    record_id: str,
    duplicates: Mapping[tuple[Side, str], tuple[str, ...]],
    elsewhere: Elsewhere,
) -> Sighting | None:
    vehicle = draft.records[side][record_id]
    if not is_open(side, vehicle) and (side, record_id) not in draft.by_record:
        return None  # sold before we came
    in_doubt = (side, record_id) in draft.doubts or (side, record_id) in duplicates
    if not in_doubt and _is_bound_elsewhere(side, vehicle, elsewhere):
        return None
    car = draft.by_record.get((side, record_id)) or new_car(pair, point_of_sale, side, record_id)
    by_side = {side: vehicle}
    return Sighting(
        car,
        by_side.get(Side.VEHICLE_MODULE),
        by_side.get(Side.DMS),
        was_bound=side is Side.VEHICLE_MODULE and vehicle.reference is not None,
        held=_held(car, ((side, record_id),), draft, duplicates),
    )


def _is_bound_elsewhere(side: Side, vehicle: Vehicle, elsewhere: Elsewhere) -> bool:
    """Tell whether a DMS file belongs to a car whose module record is at another point of sale."""
    vin = vin_of(vehicle)
    if side is not Side.DMS or vin is None:
        return False
    return bool(elsewhere.records.get((Side.VEHICLE_MODULE, vin)))


def _held(
    car: Car,
    records: tuple[tuple[Side, str], ...],
    draft: _Draft,
    duplicates: Mapping[tuple[Side, str], tuple[str, ...]],
) -> tuple[Finding, ...]:
    if not draft.doubts and not duplicates:
        return ()
    found = []
    for record in records:
        if record in draft.doubts:
            details = dict(sorted(draft.doubts[record].items()))
            found.append(Finding(car.id, BINDING, Reason.AMBIGUOUS_MATCH, Category.CONFLICT, details=details))
        if record in duplicates:
            details = {"side": record[0].value, "records": ", ".join(duplicates[record])}
            found.append(Finding(car.id, BINDING, Reason.DUPLICATE, Category.CONFLICT, details=details))
    return tuple(found)


def _duplicates(draft: _Draft, elsewhere: Elsewhere) -> dict[tuple[Side, str], tuple[str, ...]]:
    """The records whose VIN stands twice among the open cycles of one side, wherever on that side they are."""
    found: dict[tuple[Side, str], tuple[str, ...]] = {}
    for side in SIDES:
        vins = {i: vin for i, v in draft.records[side].items() if (vin := vin_of(v)) and is_open(side, v)}
        if not elsewhere.records and len(set(vins.values())) == len(vins):
            continue
        by_vin: dict[str, list[str]] = defaultdict(list)
        for record_id, vin in vins.items():
            by_vin[vin].append(record_id)
        for vin, here in by_vin.items():
            there = [v.record_id for v in elsewhere.records.get((side, vin), ()) if v.record_id not in here]
            together = tuple(sorted([*here, *there]))
            if len(together) > 1:
                found.update({(side, record_id): together for record_id in here})
    return found

"""Making a plan: what is due for every car of one point of sale. Pure.

A plan is a function of what both sides show, what we remember, the mapping and the day; the same input gives the same
plan, byte for byte. Nothing here reads a clock, a database or a network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import date
from operator import attrgetter
from typing import Any, Final

from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.stock import vehicle as words
from stocksync.stock.reconcile import Category, Verdict
from stocksync.stock.resolution import Standing
from stocksync.stock.values import ABSENT, SIDES, Invalid, Known, Side, is_value, same
from stocksync.stock.vehicle import Vehicle
from stocksync.sync.attributes import decide_attributes
from stocksync.sync.binding import Bindings
from stocksync.sync.cars import BINDING, Car, Sighting, UnconfirmedWrite
from stocksync.sync.draft import CarDraft, draft_of
from stocksync.sync.operations import operations_due
from stocksync.sync.plan import CarPlan, Plan
from stocksync.sync.register import Given, Register, register_of
from stocksync.sync.review import with_former_bases
from stocksync.sync.stages import MISSING, decide_stage, is_closed, is_sold, report_sale

_FIELDS: Final = tuple(part.name for part in fields(Car))
_held_by: Final = attrgetter(*_FIELDS)


def make_plan(
    bindings: Bindings,
    mapping: PointOfSaleMapping,
    today_on: date,
    *,
    complete: bool = True,
    given: Given | None = None,
) -> Plan:
    """Decide every car of one point of sale that is sighted.

    complete: everything was listed, so that what was not seen counts as one absence more. given: the police numbers
    that both sides knew before, those of the sightings unless told.
    """
    sightings = [as_acknowledged(s, mapping) for s in bindings.sightings if _is_synchronised(s, mapping)]
    register = register_of(sightings, bindings.police_numbers, mapping.id, given)
    plans = tuple(_plan_car(sighting, mapping, register, today_on, complete=complete) for sighting in sightings)
    return Plan(mapping.id, mapping.version, plans, bindings.merged)


def _is_synchronised(sighting: Sighting, mapping: PointOfSaleMapping) -> bool:
    """Tell whether this cycle is the one to decide a car.

    It is not iff
    - its stock cycle is closed and its module record gone,
    - its module record is at another point of sale: that one's cycle decides it,
    - it has none, and its file is at another one: it is there that it is unknown, unless it is a car of ours,
    - the record that would tell where it is names no place that anybody has, and it is at home at another one,
    - it has neither, and is at home at another one: that one's cycle misses it, or
    - it is of a type that is not synchronised.
    """
    module = sighting.vehicle_module
    if sighting.car.closed and module is None:
        return False
    is_ours = sighting.car.point_of_sale == mapping.id
    deciding = module if module is not None or (sighting.car.bound and is_ours) else sighting.dms
    if module is None and sighting.dms is None and not is_ours:
        return False
    if deciding is not None:
        place = deciding.text(words.POINT_OF_SALE)
        if place is not None and place != mapping.id:
            return False
        if deciding.unreadable(words.POINT_OF_SALE) and not is_ours:
            return False
    vehicle_type = sighting.effective_text(words.VEHICLE_TYPE)
    return vehicle_type is None or vehicle_type in mapping.vehicle_types


def as_acknowledged(sighting: Sighting, mapping: PointOfSaleMapping) -> Sighting:
    """Take what a write without a known outcome left behind for an acknowledgement, iff the side now holds it.

    Reading back our own write is agreement, not a change by the other side (law 9).
    """
    car = sighting.car
    if not car.unconfirmed:
        return sighting
    base, reserved = dict(car.base), car.reserved_by_us
    for write in car.unconfirmed:
        vehicle, attribute = sighting.on(write.side), mapping.vocabulary.get(write.attribute)
        if vehicle is None or attribute is None:
            continue
        reading = vehicle.reading(write.attribute)
        if isinstance(reading, Invalid) or not same(attribute.kind, reading, write.value, attribute.tolerance):
            continue
        if write.attribute in mapping.matrix.rows and _agreed_by(write, car):
            base[write.attribute] = write.value
        reserved = reserved or write.attribute == words.RESERVED
    return replace(sighting, car=replace(car, base=base, reserved_by_us=reserved, unconfirmed=()))


def _agreed_by(write: UnconfirmedWrite, car: Car) -> bool:
    """Tell whether the other side held the written value already: not where a decision was to be written on both."""
    if write.resolution is None:
        return True
    resolution = car.resolution(write.resolution)
    return resolution is not None and resolution.agrees and not resolution.touches(write.side.other)


def _plan_car(
    sighting: Sighting, mapping: PointOfSaleMapping, register: Register, today_on: date, *, complete: bool
) -> CarPlan:
    entered_here = not is_value(sighting.car.base.get(words.POLICE_NUMBER, ABSENT))
    seen = _with(
        sighting.car,
        # Its number, once given, will be one of this point of sale's register.
        first_point_of_sale=mapping.id if entered_here else sighting.car.first_point_of_sale,
        missing=_missing_now(sighting, more=int(complete)),
    )
    car = with_former_bases(seen, sighting, mapping)
    draft = draft_of(sighting, mapping, register, today_on, car)
    return _held_plan(sighting, draft) if sighting.held else _decided(sighting, draft)


def _held_plan(sighting: Sighting, draft: CarDraft) -> CarPlan:
    """Write nothing, but tell of a sale: a car that nobody blocks can be sold a second time, whatever holds it."""
    held = sighting.held
    report_sale(draft)
    return CarPlan(
        car=_with(draft.car, **_names(sighting), point_of_sale=draft.mapping.id, interesting=True),
        vehicle_module=sighting.vehicle_module,
        dms=sighting.dms,
        context=None,
        verdicts={BINDING: Verdict(Category.HELD, row=0, reason=held[0].reason)},
        findings=(*held, *draft.findings),
        bound_by=sighting.bound_by,
        unchanged=False,
        observed=1,
    )


def _decided(sighting: Sighting, draft: CarDraft) -> CarPlan:
    """Decide attributes, stage and operations, in that order."""
    closed, observed = is_closed(draft), 0
    if not closed and sighting.vehicle_module is not None and sighting.dms is not None:
        observed = decide_attributes(draft)
    stage = decide_stage(draft)
    operations = operations_due(draft, stage) if not closed else ()
    standings = _standings(draft, closed=stage.closed)
    missing = draft.car.missing if stage.meaning in MISSING else {}
    car = _with(
        draft.car,
        **_names(sighting),
        point_of_sale=draft.mapping.id,
        base=base_after(draft),
        closed=stage.closed,
        missing=missing,
        reserved_by_us=draft.car.reserved_by_us and not _is_lifted(sighting),
        interesting=_is_interesting(draft, told=bool(operations or draft.findings or standings or missing)),
    )
    return CarPlan(
        car=car,
        vehicle_module=sighting.vehicle_module,
        dms=sighting.dms,
        context=draft.context,
        verdicts=draft.verdicts,
        operations=operations,
        findings=tuple(draft.findings),
        stage=stage,
        bound_by=sighting.bound_by,
        unchanged=not draft.verdicts,
        rules=draft.rules,
        # What both sides agree about is counted already.
        observed=observed + (0 if draft.only_agrees else len(draft.verdicts.keys() - draft.policies.keys())),
        standings=standings,
    )


def _with(car: Car, **changes: Any) -> Car:
    """A car with these changes; the same one where there are none, as with most."""
    moved = {name: to for name, to in changes.items() if (held := getattr(car, name)) is not to and held != to}
    if not moved:
        return car
    # As `dataclasses.replace` does, in a part of its time: every car is copied when it is first seen.
    held_now = dict(zip(_FIELDS, _held_by(car), strict=True))
    held_now.update(moved)
    return Car(*held_now.values())


def _is_interesting(draft: CarDraft, *, told: bool) -> bool:
    """Tell whether the same records may be decided otherwise next time.

    Not where nothing differs, or both sides hold the same new value: what follows from that is in the bases then. The
    exceptions are what depends on more than the two records here and what is remembered of them. told: there is
    something to be sent, to be seen or to be counted.
    """
    if told or draft.car.unkept or draft.car.resolutions:
        return True
    if not draft.only_agrees:
        return True
    if draft.car.first_point_of_sale != draft.sighting.car.first_point_of_sale:
        # Its number counts in the register here from the next time on.
        return True
    here = (None, draft.mapping.id)
    for vehicle in (draft.sighting.vehicle_module, draft.sighting.dms):
        if vehicle is not None and vehicle.text(words.POINT_OF_SALE) not in here:
            return True
    return False


def _names(sighting: Sighting) -> dict[str, str | None]:
    """What the car is known by now; the register's word on the number comes first."""
    module, dms, car = sighting.vehicle_module, sighting.dms, sighting.car
    return {
        "vin": _shown(words.VIN, module, dms) or car.vin,
        "registration": _shown(words.REGISTRATION, module, dms) or car.registration,
        "police_number": _shown(words.POLICE_NUMBER, dms, module) or car.police_number,
    }


def _shown(attribute: str, first: Vehicle | None, second: Vehicle | None) -> str | None:
    text = first.text(attribute) if first is not None else None
    return text if text is not None or second is None else second.text(attribute)


def _missing_now(sighting: Sighting, *, more: int) -> dict[Side, int]:
    """Count complete listings in a row without a side's record, up to 2: one more says nothing new."""
    if sighting.vehicle_module is not None and sighting.dms is not None:
        return {}
    counted = {}
    for side in SIDES:
        if sighting.on(side) is None and not (side is Side.DMS and sighting.car.closed):
            counted[side] = min(sighting.car.missing.get(side, 0) + more, 2)
    return {side: count for side, count in counted.items() if count}


def _standings(draft: CarDraft, *, closed: bool) -> dict[int, Standing]:
    """How the decisions about a car stand; none outlives its stay, and one about nothing that is kept is void."""
    if not draft.car.resolutions:
        return draft.standings
    if closed:
        return {resolution.number: Standing.STALE for resolution in draft.car.resolutions}
    unknown = {r.number: Standing.FORBIDDEN for r in draft.car.resolutions if r.subject not in draft.policies}
    return unknown | draft.standings


def _is_lifted(sighting: Sighting) -> bool:
    """Tell whether somebody lifted our reservation once the order was gone: what comes then is not ours."""
    module = sighting.vehicle_module
    return module is not None and module.reading(words.RESERVED) is False and is_sold(sighting.dms) is False


def base_after(draft: CarDraft) -> Mapping[str, Known]:
    """The bases once this plan is recorded: moved only where both sides were seen to hold the same (law 1)."""
    known, agreed = draft.car.base, draft.agreed
    if not known or not agreed:
        return agreed or known
    return {**known, **agreed}

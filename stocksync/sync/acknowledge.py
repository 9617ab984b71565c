"""What an answer to a write means: the only place, beside an agreement seen in a plan, where a base moves. Pure.

A base moves to a written value iff the answer shows that the side holds it. An answer that shows something else is
noted; the second time, the decision table holds the attribute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.stock import vehicle as words
from stocksync.stock.lifecycle import EXIT, INVOICED
from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category, UnkeptWrite
from stocksync.stock.resolution import Standing
from stocksync.stock.values import ABSENT, BLANK, Invalid, Known, Reading, Side, as_text, is_value, same
from stocksync.stock.vehicle import LIFECYCLE_ATTRIBUTES, Vehicle
from stocksync.sync.cars import RECORD, REFERENCE, RESERVATION_DUE, Car, Finding, circumstances_of, readings_of
from stocksync.sync.plan import Action, Change, Operation


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What follows from one answer.

    kept: the subjects that the side now holds as written, and with it both; lost: those that it does not.
    follow_up: what is due on the other side now that this one answered. carried_out: by number, the reviewers'
    decisions that both sides now hold.
    """

    car: Car
    kept: tuple[str, ...]
    lost: tuple[str, ...]
    raised: tuple[Finding, ...] = ()
    follow_up: Operation | None = None
    carried_out: tuple[int, ...] = ()


def acknowledge(
    car: Car,
    operation: Operation,
    answer: Vehicle,
    other: Vehicle | None,
    rejected: Mapping[str, str],
    mapping: PointOfSaleMapping,
) -> Acknowledged:
    """Take an answer in.

    answer: what the side holds now. other: what the opposite side showed when the write was planned.
    rejected: attributes that the side refused, with what it said.
    """
    if operation.action is Action.CREATE:
        return _created(car, operation, answer, other, mapping)
    if operation.action is Action.RESERVE:
        change = Change(words.RESERVED, True, False)
        car, kept = _take(replace(car, reserved_by_us=True), operation.side, change, answer, mapping)
        return Acknowledged(car, *_split(words.RESERVED, kept))
    vehicles = {operation.side: answer, operation.side.other: other}
    now = _circumstances(vehicles) if rejected else ""
    kept_names: list[str] = []
    lost_names: list[str] = []
    carried_out: list[int] = []
    for change in operation.changes:
        if change.attribute in rejected:
            car = _reject(car, operation.side, change, rejected[change.attribute], now)
            lost_names.append(change.attribute)
            continue
        halfway = _is_halfway(car, change, vehicles, mapping)
        car, kept = _take(car, operation.side, change, answer, mapping, moves_base=not halfway)
        if kept and halfway:
            continue
        (kept_names if kept else lost_names).append(change.attribute)
        if kept and change.resolution is not None:
            carried_out.append(change.resolution)
    if operation.reference is not None and REFERENCE in rejected:
        noted = Change(REFERENCE, operation.reference, BLANK)
        car = _reject(car, operation.side, noted, rejected[REFERENCE], now)
        lost_names.append(f"{REFERENCE}_{operation.side}")
    raised = tuple(rejection(car, name, vehicles) for name in rejected if name != REFERENCE)
    return Acknowledged(
        _closed_by(car, answer, other, mapping),
        tuple(kept_names),
        tuple(lost_names),
        raised,
        carried_out=tuple(carried_out),
    )


def _is_halfway(car: Car, change: Change, vehicles: Mapping[Side, Vehicle | None], mapping: PointOfSaleMapping) -> bool:
    """Tell whether a reviewer's decision is not on both sides yet: then no base moves (law 1)."""
    resolution = car.resolution(change.resolution)
    if resolution is None:
        return False
    attribute = mapping.vocabulary[change.attribute]
    readings = readings_of(vehicles, change.attribute)
    return resolution.standing(attribute.kind, readings, attribute.tolerance) is not Standing.KEPT


def refuse(
    car: Car, operation: Operation, rejected: Mapping[str, str], vehicles: Mapping[Side, Vehicle | None]
) -> Acknowledged:
    """Take in that a side refused a whole operation."""
    changes = _changes_of(operation)
    message = next(iter(rejected.values()), "")
    for change in changes:
        said = rejected.get(change.attribute, message)
        car = _reject(car, operation.side, change, said, _circumstances(vehicles))
    names = tuple(change.attribute for change in changes)
    raised = tuple(rejection(car, name, vehicles) for name in names if name != REFERENCE)
    lost = tuple(f"{REFERENCE}_{operation.side}" if name == REFERENCE else name for name in names)
    return Acknowledged(car, (), lost, raised)


def _changes_of(operation: Operation) -> list[Change]:
    """Everything that an operation asks for, creation, reservation and reference included, as changes."""
    if operation.action is Action.CREATE:
        return [Change(RECORD, BLANK, BLANK)]
    if operation.action is Action.RESERVE:
        return [Change(words.RESERVED, True, False)]
    reference = [Change(REFERENCE, operation.reference, BLANK)] if operation.reference is not None else []
    return [*operation.changes, *reference]


def _split(name: str, kept: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return ((name,), ()) if kept else ((), (name,))


def _take(
    car: Car,
    side: Side,
    change: Change,
    answer: Vehicle,
    mapping: PointOfSaleMapping,
    *,
    moves_base: bool = True,
) -> tuple[Car, bool]:
    attribute = mapping.vocabulary[change.attribute]
    stored = answer.reading(change.attribute)
    if not isinstance(stored, Invalid) and same(attribute.kind, stored, change.value, attribute.tolerance):
        unkept = {name: u for name, u in car.unkept.items() if name != change.attribute}
        resolution = car.resolution(change.resolution)
        if moves_base and resolution is not None and not resolution.agrees:
            return replace(car, base=resolution.base_after(car.base, ABSENT), unkept=unkept), True
        base = _moved(car, side, change, stored, mapping) if moves_base else car.base
        return replace(car, base=base, unkept=unkept), True
    return _note_unkept(car, side, change, stored), False


def _moved(car: Car, side: Side, change: Change, stored: Known, mapping: PointOfSaleMapping) -> Mapping[str, Known]:
    """Move the base, in the spelling that an agreement of both sides would give it."""
    if change.attribute in LIFECYCLE_ATTRIBUTES:
        return car.base
    owner = mapping.matrix.rows[change.attribute].policy.owner.side or Side.VEHICLE_MODULE
    return {**car.base, change.attribute: stored if side is owner else change.value}


def _note_unkept(car: Car, side: Side, change: Change, stored: Reading) -> Car:
    before = car.unkept.get(change.attribute)
    repeated = before is not None and (before.written, before.stored) == (change.value, stored)
    rounds = before.rounds + 1 if before is not None and repeated else 1
    unkept = UnkeptWrite(side, change.value, stored, rounds, resolution=change.resolution)
    return replace(car, unkept={**car.unkept, change.attribute: unkept})


def _circumstances(vehicles: Mapping[Side, Vehicle | None]) -> str:
    return circumstances_of(vehicles[Side.VEHICLE_MODULE], vehicles[Side.DMS])


def _reject(car: Car, side: Side, change: Change, message: str, circumstances: str) -> Car:
    unkept = UnkeptWrite(side, change.value, change.expected, 1, True, message[:300], circumstances, change.resolution)
    return replace(car, unkept={**car.unkept, change.attribute: unkept})


def not_delivered(
    car: Car, operation: Operation, message: str, vehicles: Mapping[Side, Vehicle | None], runs: int
) -> Car:
    """Note that an operation did not get through; after so many runs nobody tries again until something moves."""
    circumstances = _circumstances(vehicles)
    for change in _changes_of(operation):
        before = car.unkept.get(change.attribute)
        repeated = (
            before is not None
            and before.undelivered
            and (before.side, before.written, before.stored) == (operation.side, change.value, change.expected)
        )
        rounds = before.rounds + 1 if before is not None and repeated else 1
        unkept = UnkeptWrite(
            operation.side,
            change.value,
            change.expected,
            rounds,
            rejected=rounds >= runs,
            message=message[:300],
            circumstances=circumstances,
            resolution=change.resolution,
            undelivered=True,
        )
        car = replace(car, unkept={**car.unkept, change.attribute: unkept})
    return car


def rejection(car: Car, subject: str, vehicles: Mapping[Side, Vehicle | None]) -> Finding:
    """Tell a person that a side refused a write, in its own words."""
    unkept = car.unkept[subject]
    return Finding(
        car.id,
        subject,
        Reason.WRITE_REJECTED,
        Category.HELD,
        vehicle_module=_shown(vehicles[Side.VEHICLE_MODULE], Side.VEHICLE_MODULE, subject),
        dms=_shown(vehicles[Side.DMS], Side.DMS, subject),
        base=as_text(car.base.get(subject, ABSENT)),
        details=({"message": unkept.message} if unkept.message else {})
        | ({RESERVATION_DUE: "yes"} if subject == words.RESERVED else {}),
    )


def _shown(vehicle: Vehicle | None, side: Side, subject: str) -> str | None:
    if vehicle is None:
        return None
    stages = {Side.VEHICLE_MODULE: words.STAGE, Side.DMS: words.DMS_STATUS}
    attribute = stages[side] if subject in (words.STAGE, RECORD, words.RESERVED) else subject
    return as_text(vehicle.reading(attribute))


def _created(
    car: Car, operation: Operation, answer: Vehicle, other: Vehicle | None, mapping: PointOfSaleMapping
) -> Acknowledged:
    """Bind the new record, agree on all that both sides now hold, and have the other side note the new id."""
    side = operation.side
    car = car.with_record(side, answer.record_id)
    base = dict(car.base)
    for name, row in mapping.matrix.rows.items():
        attribute, here = mapping.vocabulary[name], answer.reading(name)
        there: Reading = other.reading(name) if other is not None else ABSENT
        if isinstance(here, Invalid) or isinstance(there, Invalid):
            continue
        if same(attribute.kind, here, there, attribute.tolerance):
            owner = row.policy.owner.side or Side.VEHICLE_MODULE
            base[name] = here if side is owner else there
    lost = tuple(c.attribute for c in operation.changes if is_value(c.value) and c.attribute not in base)
    car = replace(car, base=base, missing={}, unkept={n: u for n, u in car.unkept.items() if n != RECORD})
    translation = mapping.translations[side.other]
    follow_up = None
    if other is not None and other.reference is None and translation.reference_path is not None:
        follow_up = Operation(side.other, Action.UPDATE, other.record_id, reference=answer.record_id)
    return Acknowledged(car, (RECORD,), lost, follow_up=follow_up)


def _closed_by(car: Car, answer: Vehicle, other: Vehicle | None, mapping: PointOfSaleMapping) -> Car:
    """Close the stock cycle iff the answer shows the module in its last stage."""
    exited = answer.text(words.STAGE) == EXIT
    sold = other is not None and other.text(words.DMS_STATUS) == INVOICED
    return replace(car, closed=True) if exited and sold else car

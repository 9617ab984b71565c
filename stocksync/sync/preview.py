"""What an edit of the mapping would change: the same cars decided twice, by both mappings, and where that differs.

On the snapshots that we hold: no request is sent and nothing is written or remembered. What comes out is what the next
run would do differently, had nothing moved since the last one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category
from stocksync.stock.values import ABSENT, SIDES, Reading, Side, as_text
from stocksync.stock.vehicle import Vehicle
from stocksync.sync import gather as gathering
from stocksync.sync.cars import RECORD, REFERENCE, RESERVATION, Car
from stocksync.sync.guards import Halt, check_plan
from stocksync.sync.known import cars_known, held_elsewhere, plan_of
from stocksync.sync.newcomers import Newcomers
from stocksync.sync.plan import Action, CarPlan, Operation
from stocksync.sync.ports import Clock, NativeRecord, Store

NOTHING: Final = (Category.NOTHING_KNOWN, Category.UNCHANGED, Category.AGREED)
"""What needs nobody: a difference between these is none."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of one subject of one car.

    category: None where there is nothing to decide. writes: by side, what is written, as text; None for a blank.
    """

    category: Category | None = None
    reason: Reason | None = None
    writes: Mapping[Side, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """One subject of one car that the two mappings decide differently.

    subject: an attribute, or stage, reserved, record, binding, reference. The values are what both sides hold now, read
    as the later mapping reads them, and the last agreed one; None where there is none.
    """

    point_of_sale: str
    car: Car
    subject: str
    before: Outcome
    after: Outcome
    vehicle_module: str | None
    dms: str | None
    base: str | None


@dataclass(frozen=True, slots=True)
class PointPreview:
    """What differs at one point of sale.

    cars: how many were decided. writes_before, writes_after: requests that the next run would send. halts: the guards
    that would stop it.
    """

    point_of_sale: str
    cars: int
    differences: tuple[Difference, ...]
    writes_before: int = 0
    writes_after: int = 0
    halts: tuple[Halt, ...] = ()


def preview(before: PointOfSaleMapping, after: PointOfSaleMapping, store: Store, clock: Clock) -> PointPreview:
    """Decide every car of a point of sale by both mappings, and compare."""
    records = store.snapshots_at(after.pair, after.id)
    cars = cars_known(store, after, records)
    plans = {}

    def remembered(wanted: Mapping[Side, Iterable[str]]) -> dict[Side, dict[str, NativeRecord]]:
        return {side: store.snapshots(after.pair, side, wanted[side]) for side in SIDES}

    for mapping in (before, after):
        vehicles = gathering.vehicles_of(mapping, records)
        elsewhere = held_elsewhere(store, mapping, vehicles, Newcomers(), remembered)
        plans[mapping is after] = plan_of(mapping, vehicles, cars, elsewhere, clock, complete=False)
        # Both readings of a large stock need not be in memory at once.
        del vehicles
    then, now = plans[False], plans[True]
    by_car = {plan.car.id: plan for plan in then.cars}
    differences = [
        difference for plan in now.cars for difference in _differences(after.id, by_car.pop(plan.car.id, None), plan)
    ]
    for left in by_car.values():
        differences.extend(_differences(after.id, left, None))
    return PointPreview(
        after.id,
        len(now.cars),
        tuple(differences),
        sum(len(plan.operations) for plan in then.cars),
        sum(len(plan.operations) for plan in now.cars),
        tuple(check_plan(now, after.guards)),
    )


def _differences(point_of_sale: str, before: CarPlan | None, after: CarPlan | None) -> Iterator[Difference]:
    then, now = outcomes(before), outcomes(after)
    if then == now:
        return
    plan = after or before
    assert plan is not None
    for subject in dict.fromkeys((*now, *then)):
        was, is_now = then.get(subject, Outcome()), now.get(subject, Outcome())
        if was != is_now:
            base = plan.car.base.get(subject)
            yield Difference(
                point_of_sale,
                plan.car,
                subject,
                was,
                is_now,
                _shown(plan.vehicle_module, subject),
                _shown(plan.dms, subject),
                as_text(base) if base is not None else None,
            )


def outcomes(plan: CarPlan | None) -> dict[str, Outcome]:
    """What a plan makes of each subject of a car, but for what needs nobody."""
    if plan is None:
        return {}
    writes: dict[str, dict[Side, str | None]] = {}
    for operation in plan.operations:
        for subject, text in _written(operation):
            writes.setdefault(subject, {})[operation.side] = text
    found = {}
    for subject in dict.fromkeys((*plan.verdicts, *writes)):
        verdict = plan.verdicts.get(subject)
        if verdict is not None and verdict.category not in NOTHING:
            found[subject] = Outcome(verdict.category, verdict.reason, writes.get(subject, {}))
        elif subject in writes:
            found[subject] = Outcome(Category.WRITTEN, None, writes[subject])
    return found


def _written(operation: Operation) -> Iterator[tuple[str, str | None]]:
    if operation.action is Action.CREATE:
        yield RECORD, None
        return
    if operation.action is Action.RESERVE:
        yield RESERVATION, None
        return
    for change in operation.changes:
        yield change.attribute, as_text(change.value)
    if operation.reference is not None:
        yield f"{REFERENCE}_{operation.side}", operation.reference


def _shown(vehicle: Vehicle | None, subject: str) -> str | None:
    reading: Reading = vehicle.reading(subject) if vehicle is not None else ABSENT
    return as_text(reading)

"""What an edit of the mapping would change: the same cars decided twice, by both mappings, and where that differs.

On the snapshots that we hold: no request is sent and nothing is written or remembered. What comes out is what the next
run would do differently, had nothing moved since the last one. Cars about which there was nothing to say, and for which
an edit is sure to change nothing, are not decided: see `edit_reach`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final

from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category
from stocksync.stock.values import ABSENT, SIDES, Reading, Side, as_text
from stocksync.stock.vehicle import Vehicle
from stocksync.sync import gather as gathering
from stocksync.sync.cars import RECORD, REFERENCE, RESERVATION, Car
from stocksync.sync.edit_reach import asked, can_be_told
from stocksync.sync.fields_gone import fields_unread
from stocksync.sync.gather import Gathered
from stocksync.sync.guards import FieldGone, Halt, check_plan
from stocksync.sync.known import Vehicles, cars_known, held_elsewhere, plan_of
from stocksync.sync.narrow import DECISIONS, narrowed
from stocksync.sync.newcomers import Newcomers
from stocksync.sync.plan import Action, CarPlan, Operation, Plan
from stocksync.sync.ports import Clock, NativeRecord, Store, today_on

NOTHING: Final = (Category.NOTHING_KNOWN, Category.UNCHANGED, Category.AGREED)
"""What needs nobody: a difference between these is none."""
_FEW: Final = 3
"""Up to one in so many records, it is less work to ask what they have to do with than to look at all."""


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
    as the later mapping reads them, and the last agreed one; None where there is none. ignored: a reviewer decided to
    leave the subject as it is, and it would be written.
    """

    point_of_sale: str
    car: Car
    subject: str
    before: Outcome
    after: Outcome
    vehicle_module: str | None
    dms: str | None
    base: str | None
    ignored: bool = False


@dataclass(frozen=True, slots=True)
class PointPreview:
    """What differs at one point of sale.

    cars: how many there are; those that are sure to be decided alike are counted, and not decided. writes_before,
    writes_after: requests that the next run would send. halts: the guards that would stop it. unread: what the edit
    looks for where no record has it, and was found before.
    """

    point_of_sale: str
    cars: int
    differences: tuple[Difference, ...]
    writes_before: int = 0
    writes_after: int = 0
    halts: tuple[Halt, ...] = ()
    unread: tuple[FieldGone, ...] = ()


def preview(
    before: PointOfSaleMapping, after: PointOfSaleMapping, store: Store, clock: Clock, *, everything: bool = False
) -> PointPreview:
    """Decide the cars of a point of sale by both mappings, and compare.

    everything: every car, also those for which the edit is sure to change nothing.
    """
    since = None if everything else _agreed_since(before, after, store)
    records, scope = _looked_at(before, after, store, clock, since)
    cars = cars_known(store, after, records, scope)
    # Asked only about a police number that is new: then of all cars, as a run does.
    given = partial(store.agreed_numbers, after.pair, after.id)

    def remembered(wanted: Mapping[Side, Iterable[str]]) -> dict[Side, dict[str, NativeRecord]]:
        return {side: store.snapshots(after.pair, side, wanted[side]) for side in SIDES}

    def planned(mapping: PointOfSaleMapping, vehicles: Vehicles) -> Plan:
        elsewhere = held_elsewhere(store, mapping, vehicles, Newcomers(), remembered)
        return plan_of(mapping, vehicles, cars, elsewhere, clock, complete=False, given=given)

    was = gathering.vehicles_of(before, records)
    are = _read_again(before, after, records, was)
    then, now = planned(before, was), planned(after, are)
    by_car = {plan.car.id: plan for plan in then.cars}
    differences = [
        difference for plan in now.cars for difference in _differences(after.id, by_car.pop(plan.car.id, None), plan)
    ]
    for left in by_car.values():
        differences.extend(_differences(after.id, left, None))
    if any(difference.after.writes for difference in differences):
        left_as_it_is = store.ignored_at(after.pair, after.id)
        differences = [
            replace(d, ignored=bool(d.after.writes) and (d.car.id, d.subject) in left_as_it_is) for d in differences
        ]
    left_alone, left_open = _left_alone(after, store, cars, records) if scope is not None else (0, 0)
    # Which cars at home elsewhere are looked at, for a record of theirs that stands here, is no matter of how many are;
    # nor which records without a car are, unless the edit makes a car of them.
    left_out = {plan.car.id for plan in then.cars} - {car.id for car in cars if car.point_of_sale == after.id}
    left_out |= {car.id for car in cars if car.point_of_sale != after.id}
    at_home = [plan.car for plan in now.cars if plan.car.id not in left_out]
    open_cars = sum(car.bound and not car.closed for car in at_home)
    return PointPreview(
        after.id,
        len(at_home) + left_alone,
        tuple(differences),
        sum(len(plan.operations) for plan in then.cars),
        sum(len(plan.operations) for plan in now.cars),
        tuple(check_plan(now, after.guards, lambda: open_cars + left_open)),
        tuple(fields_unread(before, after, was, are)),
    )


def _read_again(
    before: PointOfSaleMapping,
    after: PointOfSaleMapping,
    records: Mapping[Side, Mapping[str, NativeRecord]],
    was: Mapping[Side, Mapping[str, Vehicle]],
) -> dict[Side, Mapping[str, Vehicle]]:
    """What records say by the later mapping; a side that both read alike is not read twice."""
    alike = [side for side in SIDES if before.translations[side] == after.translations[side]]
    read = gathering.vehicles_of(after, {side: {} if side in alike else records[side] for side in SIDES})
    return {side: was[side] if side in alike else read[side] for side in SIDES}


def _agreed_since(before: PointOfSaleMapping, after: PointOfSaleMapping, store: Store) -> datetime | None:
    """Since when whatever is not of interest was decided by the first of two mappings, with nothing to say about it.

    None where that is not so, or where nobody can say what the second one makes of it: then every car is looked at.
    """
    past = store.past(before.id)
    last = past.complete
    if last is None or last.mapping_version != before.version or last.decided_by != DECISIONS:
        return None
    if past.otherwise or not can_be_told(before, after):
        return None
    return last.started_at


def _looked_at(
    before: PointOfSaleMapping, after: PointOfSaleMapping, store: Store, clock: Clock, since: datetime | None
) -> tuple[Mapping[Side, Mapping[str, NativeRecord]], frozenset[str] | None]:
    """The records to look at, and the ids of the only cars they may have to do with; None for all.

    since: see `_agreed_since`.
    """
    if since is None:
        return store.snapshots_at(after.pair, after.id), None
    records: dict[Side, dict[str, NativeRecord]] = {side: {} for side in SIDES}
    looked_at = 0
    for one in asked(before, after, partial(today_on, clock)):
        found, many = store.records_saying(
            after.pair, after.id, one.side, one.paths, one.is_meant, one.beside, one.texts
        )
        records[one.side] |= found
        looked_at += many
    if sum(map(len, records.values())) * _FEW > looked_at:
        return store.snapshots_at(after.pair, after.id), None
    # A record that may be decided otherwise is news, though nobody changed it.
    news = Gathered(records, dict.fromkeys(SIDES, frozenset()), dict.fromkeys(SIDES, ()))
    looked = narrowed(store, after, news, since, {side: {} for side in SIDES})
    return looked.gathered.records, looked.cars


def _left_alone(
    mapping: PointOfSaleMapping,
    store: Store,
    looked_at: Iterable[Car],
    records: Mapping[Side, Mapping[str, NativeRecord]],
) -> tuple[int, int]:
    """How many cars in stock are not looked at; and of these the open ones with records on both sides."""
    seen = [car for car in looked_at if car.point_of_sale == mapping.id]
    shown = records[Side.VEHICLE_MODULE]
    in_stock = sum(not car.closed or car.record_ids.get(Side.VEHICLE_MODULE) in shown for car in seen)
    is_open = sum(car.bound and not car.closed for car in seen)
    return (
        store.cars_in_stock(mapping.pair, mapping.id) - in_stock,
        store.open_cars(mapping.pair, mapping.id) - is_open,
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

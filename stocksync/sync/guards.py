"""What is asked before anything is written: each guard refuses a whole plan and says why in plain words. Pure.

The thresholds are the pair's (`pair.yaml`). A plan that a person released passes what refused it then; the next one is
asked again, and so is the same one where something else refuses it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import orjson

from stocksync.mapping.models import GuardsModel
from stocksync.stock.lifecycle import EXIT
from stocksync.stock.values import BLANK, SIDES, Side
from stocksync.stock.vehicle import STAGE
from stocksync.sync.plan import Action, CarPlan, Plan

SIDE_NAMES: Final = {Side.VEHICLE_MODULE: "the vehicle module", Side.DMS: "the DMS"}


class Guard(StrEnum):
    """Every guard, by its stable name."""

    EMPTY_LISTING = "empty_listing"
    SHORT_LISTING = "short_listing"
    UNREADABLE_RECORDS = "unreadable_records"
    MASS_REMOVAL = "mass_removal"
    MASS_OVERWRITE = "mass_overwrite"
    MAPPING_CHANGED = "mapping_changed"
    FIELD_GONE = "field_gone"
    FIELD_UNREAD = "field_unread"


@dataclass(frozen=True, slots=True)
class Listing:
    """What one complete listing held: records, and those whose id, stage or key could not be read."""

    records: int
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class FieldGone:
    """An attribute that no record of a side says any more; path: of its field. records: of how many that was seen."""

    side: Side
    attribute: str
    path: str
    records: int


@dataclass(frozen=True, slots=True)
class Halt:
    """Why a guard refuses a plan; `guard` is its stable name, `values` what another language says it with."""

    guard: Guard
    message: str
    values: Mapping[str, str | int] = field(default_factory=dict)


def digest_of_question(plan: Plan, halts: Iterable[Halt]) -> str:
    """Name what a person is asked: whether this plan may pass although these guards refuse it.

    Of each guard, which side or attribute it is about; not how many records, which is another number each time.
    """
    reasons = sorted({(halt.guard.value, *(v for v in halt.values.values() if isinstance(v, str))) for halt in halts})
    return hashlib.sha256(orjson.dumps([plan.digest(), reasons])).hexdigest()[:16]


def check_listings(now: Mapping[Side, Listing], before: Mapping[Side, int] | None, guards: GuardsModel) -> list[Halt]:
    """Refuse listings that are suddenly empty or short, or that can hardly be read.

    `before`: the records of the last complete run, None at first contact.
    """
    halts = []
    for side in SIDES:
        listed, earlier = now[side].records, before.get(side, 0) if before is not None else 0
        other = now[side.other].records
        if listed == 0 and (earlier > 0 or other > 0):
            halts.append(
                Halt(
                    Guard.EMPTY_LISTING,
                    f"{SIDE_NAMES[side]} lists no vehicle at all, {_was(earlier, other)}.",
                    {"side": side.value, "earlier": earlier, "other": other},
                )
            )
        elif listed * 100 < earlier * guards.listing_at_least_percent:
            halts.append(
                Halt(
                    Guard.SHORT_LISTING,
                    f"{SIDE_NAMES[side]} lists {listed} vehicles; the last complete run had {earlier}.",
                    {"side": side.value, "listed": listed, "earlier": earlier},
                )
            )
    return halts + check_readable(now, guards)


def check_readable(now: Mapping[Side, Listing], guards: GuardsModel) -> list[Halt]:
    """Refuse records that can hardly be read."""
    halts = []
    for side in SIDES:
        listed, bad = now[side].records, now[side].unreadable
        if listed and bad * 100 > listed * guards.unreadable_percent:
            halts.append(
                Halt(
                    Guard.UNREADABLE_RECORDS,
                    f"{bad} of {listed} records of {SIDE_NAMES[side]} have an unreadable id, stage or key.",
                    {"side": side.value, "listed": listed, "unreadable": bad},
                )
            )
    return halts


def _was(earlier: int, other: int) -> str:
    return f"the last complete run had {earlier}" if earlier else f"the other side lists {other}"


def check_plan(plan: Plan, guards: GuardsModel, open_cars: Callable[[], int] | None = None) -> list[Halt]:
    """Refuse a plan that would take away, block or overwrite too much at once.

    open_cars: gives how many cars of the point of sale are bound and not closed, where the plan is not of all of them;
    asked only where more is touched than any number of cars would allow.
    """
    removed, overwritten = sum(_removes(car) for car in plan.cars), sorted(_overwrites(plan).items())
    many = [(attribute, count) for attribute, count in overwritten if count >= guards.overwrites_cars]
    if removed <= guards.removals_cars and not many:
        return []
    cars = open_cars() if open_cars is not None else sum(car.car.bound and not car.car.closed for car in plan.cars)
    halts = []
    if removed > max(guards.removals_cars, cars * guards.removals_percent / 100):
        halts.append(
            Halt(
                Guard.MASS_REMOVAL,
                f"Exits, reservations and blanks would touch {removed} of {cars} cars at once.",
                {"touched": removed, "cars": cars},
            )
        )
    for attribute, count in many:
        if count * 100 > cars * guards.overwrites_percent:
            halts.append(
                Halt(
                    Guard.MASS_OVERWRITE,
                    f"The plan would overwrite {attribute} on {count} of {cars} cars.",
                    {"attribute": attribute, "touched": count, "cars": cars},
                )
            )
    return halts


def _removes(car: CarPlan) -> bool:
    """Tell whether a plan takes a car out, reserves it, or blanks one of its values."""
    for operation in car.operations:
        if operation.action is Action.RESERVE:
            return True
        for change in operation.changes:
            if change.value is BLANK or (change.attribute == STAGE and change.value == EXIT):
                return True
    return False


def _overwrites(plan: Plan) -> Counter[str]:
    counts: Counter[str] = Counter()
    for car in plan.cars:
        for operation in car.operations:
            if operation.action is Action.UPDATE:
                counts.update(c.attribute for c in operation.changes if not c.fills_blank and c.attribute != STAGE)
    return counts


def check_mapping_change(plan: Plan, plan_as_before: Plan | None) -> list[Halt]:
    """Refuse a plan that an edit of the mapping made different, until a person has seen it.

    `plan_as_before`: the same cars under the mapping of the last run; None where that cannot be read any more, and
    nothing can be compared.
    """
    before = _count(plan_as_before) if plan_as_before is not None else None
    same = plan.digest() == plan_as_before.digest() if plan_as_before is not None else _count(plan) == 0
    if same:
        return []
    instead = f"instead of {before}" if before is not None else "and cannot be compared with the plan before"
    return [
        Halt(
            Guard.MAPPING_CHANGED,
            f"The mapping files changed since the last run, and the plan with them: {_count(plan)} writes {instead}.",
            {"writes": _count(plan), "writes_before": before if before is not None else "?"},
        )
    ]


def check_fields(gone: Iterable[FieldGone]) -> list[Halt]:
    """Refuse a plan made while a side carries a field no more: what hangs on it would end in silence."""
    return [
        Halt(
            Guard.FIELD_GONE,
            f"{SIDE_NAMES[field.side]} does not carry the field {field.path} ({field.attribute}) any more: it is in "
            f"none of the records read, and was in {field.records} of them before. Whatever hangs on it would end in "
            "silence: mend its name in the mapping, or take it out there.",
            _values(field),
        )
        for field in gone
    ]


def check_fields_read(unread: Iterable[FieldGone]) -> list[Halt]:
    """Refuse a plan by an edited mapping that looks for a field where no record has it, until a person has seen it."""
    return [
        Halt(
            Guard.FIELD_UNREAD,
            f"The mapping files changed since the last run: {field.attribute} is now looked for in {field.path}, which "
            f"is in none of the {field.records} records of {SIDE_NAMES[field.side]}; before, it was found.",
            _values(field),
        )
        for field in unread
    ]


def _values(field: FieldGone) -> dict[str, str | int]:
    return {"side": field.side.value, "attribute": field.attribute, "field": field.path, "records": field.records}


def _count(plan: Plan) -> int:
    return sum(len(car.operations) for car in plan.cars)

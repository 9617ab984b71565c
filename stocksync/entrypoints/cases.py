"""From what planning found to what `reports` tells: findings and verdicts as cases, cars by the name people use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from stocksync.reports.spelling import instant
from stocksync.reports.wording import Case, hangs_on, subject_label
from stocksync.reports.words import OWNERS
from stocksync.stock.ownership import Context
from stocksync.stock.reconcile import Verdict
from stocksync.stock.values import SIDES, Side, as_text
from stocksync.stock.vehicle import REGISTRATION, RESERVED, VIN, Vehicle
from stocksync.sync.plan import CarPlan

if TYPE_CHECKING:
    from stocksync.mapping.effective import MappingSet, PointOfSaleMapping
    from stocksync.reports.spelling import Language
    from stocksync.sync.cars import Car, Finding

MAKE, MODEL = "make", "model"


@dataclass(frozen=True, slots=True)
class Beside:
    """What is known of a finding's car besides the finding: who decides by the matrix, and what both sides show.

    owner: a word of the matrix or `lifecycle`, None where nobody can tell. reserved: see `Case`.
    """

    owner: str | None = None
    tie_break: str | None = None
    never_in_dms: bool = False
    reserved: bool | None = None


def beside(
    car: Car, module: Vehicle | None, subject: str, context: Context | None, mapping: PointOfSaleMapping
) -> Beside:
    """Gather what is told beside a finding about a car."""
    policy = mapping.matrix.policies_in(context).get(subject) if context is not None else None
    return Beside(
        owner=policy.owner.value if policy is not None else None,
        tie_break=policy.on_both_changed.value if policy is not None else None,
        never_in_dms=Side.DMS not in car.record_ids and (module is None or module.reference is None),
        # That stocksync set it once does not say that it is there: people lift it, and a module may not keep it.
        reserved=module.reading(RESERVED) is True if module is not None else None,
    )


def beside_in(car: CarPlan, subject: str, mapping: PointOfSaleMapping) -> Beside:
    """Gather what a plan knows beside a finding."""
    return beside(car.car, car.vehicle_module, subject, car.context, mapping)


def case_of(finding: Finding, known: Beside, *, choices: frozenset[str] | None = None, closed: bool = False) -> Case:
    """A finding as it is told; choices, closed: see `Case`."""
    return Case(
        reason=finding.reason,
        category=finding.category,
        subject=finding.subject,
        vehicle_module=finding.vehicle_module,
        dms=finding.dms,
        base=finding.base,
        owner=known.owner,
        details=finding.details,
        tie_break=known.tie_break,
        never_in_dms=known.never_in_dms,
        reserved=known.reserved,
        choices=choices,
        closed=closed,
    )


def case_of_verdict(car: CarPlan, subject: str, verdict: Verdict, known: Beside) -> Case | None:
    """A verdict as it is told; None where it has no reason."""
    if verdict.reason is None:
        return None
    shown = {Side.VEHICLE_MODULE: car.vehicle_module, Side.DMS: car.dms}
    texts = {side: as_text(v.reading(subject)) for side, v in shown.items() if v is not None}
    return Case(
        reason=verdict.reason,
        category=verdict.category,
        subject=subject,
        vehicle_module=texts.get(Side.VEHICLE_MODULE),
        dms=texts.get(Side.DMS),
        base=as_text(car.car.base[subject]) if subject in car.car.base else None,
        owner=known.owner,
        details={"refused": verdict.refused.value} if verdict.refused is not None else {},
        tie_break=known.tie_break,
        never_in_dms=known.never_in_dms,
        reserved=known.reserved,
    )


def local_instant(at: datetime, point_of_sale: str, mappings: MappingSet) -> str:
    """Spell an instant in the time of a point of sale; one that is not in the mapping files any more has UTC."""
    point = mappings.points_of_sale.get(point_of_sale)
    return instant(at.astimezone(ZoneInfo(point.time_zone if point is not None else "UTC")))


def owner_label(owner: str | None, subject: str, mapping: PointOfSaleMapping, language: Language) -> str:
    """Who decides an attribute, in words; where nobody can tell, what that hangs on."""
    if owner is not None:
        return OWNERS[language].get(owner, owner)
    row = mapping.matrix.rows.get(subject)
    return hangs_on({key for exception in row.exceptions for key in exception.when} if row else (), language)


def told_subject(subject: str, mapping: PointOfSaleMapping, language: Language) -> str:
    """What people call what a finding is about."""
    return subject_label(subject, mapping.vocabulary, language)


def name_of_car(vehicles: Mapping[Side, Vehicle], record_ids: Mapping[Side, str]) -> str:
    """A car in one line: VIN, plate, make and model, as far as a side says; else its records' ids."""
    said = [shown for name in (VIN, REGISTRATION, MAKE, MODEL) if (shown := first_text(vehicles, name))]
    return "  ".join([*said[:2], " ".join(said[2:])]).strip() if said else " / ".join(record_ids.values())


def first_text(vehicles: Mapping[Side, Vehicle], attribute: str) -> str | None:
    """A value as text: the module's if set, else the DMS's."""
    for side in SIDES:
        if side in vehicles and vehicles[side].has(attribute):
            return vehicles[side].text(attribute)
    return None


def vehicles_of(car: CarPlan) -> dict[Side, Vehicle]:
    """What a plan saw of a car, by side."""
    shown = {Side.VEHICLE_MODULE: car.vehicle_module, Side.DMS: car.dms}
    return {side: vehicle for side, vehicle in shown.items() if vehicle is not None}

"""From what planning found to what `reports` tells: findings and verdicts as cases, cars by the name people use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from stocksync.reports.wording import Case, subject_label
from stocksync.stock.reconcile import Verdict
from stocksync.stock.values import SIDES, Side
from stocksync.stock.vehicle import REGISTRATION, VIN, Vehicle
from stocksync.sync.plan import CarPlan, as_text

if TYPE_CHECKING:
    from stocksync.mapping.effective import PointOfSaleMapping
    from stocksync.reports.spelling import Language
    from stocksync.sync.cars import Finding

MAKE, MODEL = "make", "model"


def case_of(finding: Finding, owner: str | None) -> Case:
    """A finding as it is told."""
    return Case(
        reason=finding.reason,
        category=finding.category,
        subject=finding.subject,
        vehicle_module=finding.vehicle_module,
        dms=finding.dms,
        base=finding.base,
        owner=owner,
        details=finding.details,
    )


def case_of_verdict(car: CarPlan, subject: str, verdict: Verdict, owner: str | None) -> Case | None:
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
        owner=owner,
        details={"refused": verdict.refused.value} if verdict.refused is not None else {},
    )


def owner_in(car: CarPlan, subject: str, mapping: PointOfSaleMapping) -> str | None:
    """Who decides an attribute of a car; None where nobody can tell."""
    if car.context is None:
        return None
    policy = mapping.matrix.policies_in(car.context).get(subject)
    return policy.owner.value if policy is not None else None


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

"""The conflict report's rows with everything that a person decides by, put together from the store and the mapping."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from stocksync.entrypoints import cases
from stocksync.mapping.effective import MappingSet, PointOfSaleMapping
from stocksync.reports.conflict_report import ReportLine
from stocksync.stock.values import Side
from stocksync.stock.vehicle import POLICE_NUMBER, REGISTRATION, STAGE, VIN
from stocksync.sync.answers import CarAnswer, FoundCar, Seen, StoredFinding, answer
from stocksync.sync.ports import Clock, today_on

if TYPE_CHECKING:
    from stocksync.adapters.store.questions import Questions
    from stocksync.sync.cars import Car, Finding


@dataclass(frozen=True, slots=True)
class _Stored:
    """What the store holds of the cars that findings are about."""

    cars: Mapping[str, FoundCar]
    remembered: Mapping[str, Car]
    seen: Mapping[tuple[str, Side], Seen]


def report_lines(
    questions: Questions, rows: Iterable[StoredFinding], mappings: MappingSet, clock: Clock
) -> Iterator[ReportLine]:
    """Put each row together with its car; values that no side shows any more stay blank."""
    rows = list(rows)
    cars = questions.cars_by_id(row.finding.car_id for row in rows)
    stored = _Stored(cars, questions.remembered(cars.values()), questions.snapshots(cars.values()))
    answers: dict[str, CarAnswer | None] = {}
    for row in rows:
        mapping = _mapping_of(row, mappings)
        today = today_on(clock, mapping.time_zone)
        car_id = row.finding.car_id
        if car_id not in answers:
            answers[car_id] = _answer(car_id, stored, mapping, today)
        yield _line(row, answers[car_id], mapping, today)


def _mapping_of(row: StoredFinding, mappings: MappingSet) -> PointOfSaleMapping:
    """The point of sale's mapping; a sister's of the same pair where it was taken out of the files."""
    points = mappings.points_of_sale
    if row.point_of_sale in points:
        return points[row.point_of_sale]
    sisters = [point for point in points.values() if point.pair == row.pair]
    return next(iter(sisters or points.values()))


def _answer(car_id: str, stored: _Stored, mapping: PointOfSaleMapping, today: date) -> CarAnswer | None:
    found, car = stored.cars.get(car_id), stored.remembered.get(car_id)
    if found is None or car is None:
        return None
    seen = {side: held.snapshot for (owner, side), held in stored.seen.items() if owner == car_id}
    return answer(car, seen, (), mapping, today)


def _line(row: StoredFinding, car: CarAnswer | None, mapping: PointOfSaleMapping, today: date) -> ReportLine:
    zone = ZoneInfo(mapping.time_zone)
    shown = {name: car.text(name) if car is not None else None for name in _SHOWN}
    return ReportLine(
        conflict_id=row.finding_id,
        case=cases.case_of(row.finding, _beside(row.finding, car, mapping)),
        point_of_sale=row.point_of_sale,
        vin=shown[VIN],
        registration=shown[REGISTRATION],
        police_number=shown[POLICE_NUMBER],
        make_and_model=" ".join(text for name in (cases.MAKE, cases.MODEL) if (text := shown[name])),
        stage=shown[STAGE],
        opened_on=row.opened_at.astimezone(zone).date(),
        today_on=today,
        vocabulary=mapping.vocabulary,
        choice_labels=mapping.choice_labels,
        closed_on=row.closed_at.astimezone(zone).date() if row.closed_at is not None else None,
        closed_because=row.closed_because,
    )


def _beside(finding: Finding, car: CarAnswer | None, mapping: PointOfSaleMapping) -> cases.Beside:
    if car is None:
        return cases.Beside()
    context = car.plan.context if car.plan is not None else None
    known = cases.beside(car.car, car.vehicles.get(Side.VEHICLE_MODULE), finding.subject, context, mapping)
    answered = car.attributes.get(finding.subject)
    return replace(known, owner=answered.owner if answered is not None else None)


_SHOWN = (VIN, REGISTRATION, POLICE_NUMBER, STAGE, cases.MAKE, cases.MODEL)

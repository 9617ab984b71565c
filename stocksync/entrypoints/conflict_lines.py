"""The conflict report's rows with everything that a person decides by, put together from the store and the mapping."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from stocksync.entrypoints import cases
from stocksync.entrypoints.stored_cars import StoredCars
from stocksync.mapping.effective import MappingSet, PointOfSaleMapping
from stocksync.reports.report_lines import ReportLine
from stocksync.stock.values import Side
from stocksync.stock.vehicle import POLICE_NUMBER, REGISTRATION, STAGE, VIN
from stocksync.sync.answers import CarAnswer, StoredFinding
from stocksync.sync.decisions import ResolutionStatus, StoredResolution, decidable
from stocksync.sync.fingerprints import row_fingerprint
from stocksync.sync.ports import Clock, today_on

if TYPE_CHECKING:
    from stocksync.adapters.store.questions import Questions


_REMEMBERED: Final = 4096
"""Rows that others are judged like; some megabytes."""


def report_lines(
    questions: Questions,
    rows: Iterable[StoredFinding],
    decisions: Iterable[StoredResolution],
    mappings: MappingSet,
    clock: Clock,
) -> Iterator[ReportLine]:
    """Put each row together with its car; values that no side shows any more stay blank.

    decisions: everything that was decided about the rows.
    """
    taken_back = Counter(d.conflict_id for d in decisions if d.status is ResolutionStatus.UNDONE)
    cars = StoredCars(questions, mappings, clock)
    todays: dict[str, date] = {}
    decidable_of: dict[Hashable, frozenset[str]] = {}
    for part in cars.in_parts(rows, lambda row: row):
        for row in part:
            car, mapping = cars.shown_of(row), cars.rules_of(row)
            today = todays.get(mapping.time_zone)
            if today is None:
                today = todays[mapping.time_zone] = today_on(clock, mapping.time_zone)
            likeness = cars.likeness_of(row)
            sides = decidable_of.get(likeness)
            if sides is None:
                if len(decidable_of) >= _REMEMBERED:
                    decidable_of.clear()
                sides = decidable_of[likeness] = _decidable(row, car, mapping, today)
            yield _line(row, car, mapping, today, taken_back.get(row.finding_id, 0), sides)


def _decidable(row: StoredFinding, car: CarAnswer | None, mapping: PointOfSaleMapping, today: date) -> frozenset[str]:
    """What a reviewer may decide, beside ignoring it: the very judgement that a decision would meet."""
    if row.closed_at is not None:
        return frozenset()
    return frozenset(choice.value for choice in decidable(row, car, mapping, today))


def _line(
    row: StoredFinding,
    car: CarAnswer | None,
    mapping: PointOfSaleMapping,
    today: date,
    taken_back: int,
    sides: frozenset[str],
) -> ReportLine:
    is_closed = row.closed_at is not None
    choices = None if is_closed else sides
    vin, registration, police_number, stage, *named = map(car.text, _SHOWN) if car is not None else _NOT_SHOWN
    return ReportLine(
        conflict_id=row.finding_id,
        case=cases.case_of(row.finding, _beside(row, car, mapping), choices=choices, closed=is_closed),
        point_of_sale=row.point_of_sale,
        vin=vin,
        registration=registration,
        police_number=police_number,
        make_and_model=" ".join(filter(None, named)),
        stage=stage,
        opened_on=_day_of(row.opened_at, mapping.time_zone),
        today_on=today,
        vocabulary=mapping.vocabulary,
        choice_labels=mapping.choice_labels,
        fingerprint=row_fingerprint(row.finding_id, row.pair, row.opened_at, row.finding, taken_back),
        decidable=sides,
        ignored=row.closed_at is None and row.ignored_by is not None,
        closed_on=_day_of(row.closed_at, mapping.time_zone) if row.closed_at is not None else None,
        closed_because=row.closed_because,
    )


@lru_cache(maxsize=1024)
def _day_of(at: datetime, time_zone: str) -> date:
    return at.astimezone(ZoneInfo(time_zone)).date()


def _beside(row: StoredFinding, car: CarAnswer | None, mapping: PointOfSaleMapping) -> cases.Beside:
    if car is None:
        return cases.Beside()
    finding = row.finding
    context = car.plan.context if car.plan is not None else None
    known = cases.beside(car.car, car.vehicles.get(Side.VEHICLE_MODULE), finding.subject, context, mapping)
    answered = car.attributes.get(finding.subject)
    owner = answered.owner if answered is not None else None
    # Of a sale that is over, no reservation is due any more: that none is there is no news.
    reserved = known.reserved if row.closed_at is None else known.reserved or None
    return replace(known, owner=owner, reserved=reserved)


_SHOWN: Final = (VIN, REGISTRATION, POLICE_NUMBER, STAGE, cases.MAKE, cases.MODEL)
_NOT_SHOWN: Final = (None,) * len(_SHOWN)

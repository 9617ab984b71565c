"""The cars behind report rows as they were last seen, each answered once, whatever the number of rows about it.

A report of many rows is gone through in parts, so that no more than one part's cars are held at a time, and asks less
of each car than a command about one car does: see `StoredCars.shown_of`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, TypeVar

from stocksync.entrypoints.cases import MAKE, MODEL
from stocksync.mapping.effective import MappingSet, PointOfSaleMapping
from stocksync.mapping.translate import SideTranslation
from stocksync.stock.rules import Rule
from stocksync.stock.values import ABSENT, SIDES, Reading, Side
from stocksync.stock.vehicle import (
    DESTINATION,
    DMS_STATUS,
    POINT_OF_SALE,
    POLICE_NUMBER,
    REGISTRATION,
    RESERVED,
    STAGE,
    VEHICLE_TYPE,
    VIN,
    Vehicle,
)
from stocksync.sync.answers import AttributeAnswer, CarAnswer, ReportedCar, StoredFinding, answer
from stocksync.sync.cars import Car
from stocksync.sync.plan import CarPlan
from stocksync.sync.ports import Clock, today_on

if TYPE_CHECKING:
    from stocksync.adapters.store.questions import Questions

PART: Final = 1000
"""Rows whose cars are held at a time; as many as one statement looks up."""
SHOWN: Final = (VIN, REGISTRATION, POLICE_NUMBER, MAKE, MODEL)
"""What a row of the report names its car by."""
_DECIDES_CONTEXT: Final = (POINT_OF_SALE, VEHICLE_TYPE, STAGE, DESTINATION)
_ALWAYS: Final = (*_DECIDES_CONTEXT, DMS_STATUS, RESERVED)

_Item = TypeVar("_Item")
_Pick = Callable[[Mapping[str, Reading]], Hashable]
_Reader = tuple[SideTranslation, Callable[[str | bytes], Any]]


@dataclass(frozen=True, slots=True)
class _Scope:
    """What the rows about one subject ask of a point of sale's mapping.

    mapping: with the rules that name the subject alone. named: the subject, and what these rules look at. bare: what
    reads these and what every decision hangs on. with_names: what reads what a car is named by, too. context_in,
    judged_in: of a side's readings, those that its context follows from, and all others that `bare` reads.
    """

    mapping: PointOfSaleMapping
    named: frozenset[str]
    context_in: Mapping[Side, _Pick]
    judged_in: Mapping[Side, _Pick]
    bare: Mapping[Side, _Reader]
    with_names: Mapping[Side, _Reader]


@dataclass(frozen=True, slots=True)
class _Kind:
    """What is the same for all rows of one kind: how the car of the first of them was answered, but for its values.

    number: names the kind.
    """

    number: int
    plan: CarPlan | None
    attributes: Mapping[str, AttributeAnswer]


@dataclass(frozen=True, slots=True)
class _Shown:
    """What is shown of a car to a row about one subject; likeness: all that a decision about it can hang on."""

    answer: CarAnswer | None
    likeness: Hashable


@dataclass
class StoredCars:
    """What the store holds of the cars that report rows are about; names: by what these are named."""

    questions: Questions
    mappings: MappingSet
    clock: Clock
    names: Collection[str] = SHOWN
    _cars: Mapping[str, ReportedCar] = field(default_factory=dict)
    _answers: dict[str, CarAnswer | None] = field(default_factory=dict)
    _shown: dict[tuple[str, str], _Shown] = field(default_factory=dict)
    _scopes: dict[tuple[str, str], _Scope] = field(default_factory=dict)
    _kinds: dict[Hashable, _Kind] = field(default_factory=dict)

    def look_up(self, rows: Iterable[StoredFinding]) -> None:
        """Look the cars of some rows up, and let go of those before."""
        self._answers, self._shown = {}, {}
        subjects: dict[str, tuple[str, ...]] = {}
        for row in rows:
            finding = row.finding
            subjects[finding.car_id] = (*subjects.get(finding.car_id, ()), finding.subject)
        self._cars = self.questions.reported_cars(subjects)

    def in_parts(self, items: Iterable[_Item], row_of: Callable[[_Item], StoredFinding]) -> Iterator[list[_Item]]:
        """Give some items part after part, each once the cars of its rows are looked up."""
        iterator = iter(items)
        while part := list(islice(iterator, PART)):
            self.look_up(map(row_of, part))
            yield part

    def mapping_of(self, row: StoredFinding) -> PointOfSaleMapping:
        """The point of sale's mapping; a sister's of the same pair where it was taken out of the files."""
        points = self.mappings.points_of_sale
        if row.point_of_sale in points:
            return points[row.point_of_sale]
        sisters = [point for point in points.values() if point.pair == row.pair]
        return next(iter(sisters or points.values()))

    def rules_of(self, row: StoredFinding) -> PointOfSaleMapping:
        """The mapping as a decision about a row is judged by it: without the rules that do not name its subject."""
        return self._scope(row).mapping

    def answer_of(self, row: StoredFinding) -> CarAnswer | None:
        """What both sides showed last of a row's car, and what would be decided now; None where there is no car."""
        car_id = row.finding.car_id
        if car_id not in self._answers:
            self._answers[car_id] = self._answer(row)
        return self._answers[car_id]

    def shown_of(self, row: StoredFinding) -> CarAnswer | None:
        """What a row of the report says of its car, and what a decision about the row is judged by.

        It is `answer_of` without what no row asks for. The car is as a `ReportedCar` has it. Vehicles hold the row's
        subject, what the rules about it look at, and what the car is named by; where the module says all of the latter,
        the DMS is not asked. The plan has a context and nothing else of the car; attributes say who owns them, and no
        values. Whether there is a plan, and in which context, follows from few readings, which most cars share: one car
        of each kind is answered in full, and all of them have its plan.
        """
        return self._shown_of(row).answer

    def likeness_of(self, row: StoredFinding) -> Hashable:
        """What tells how a decision about a row is judged: alike where it is the same, if nothing was decided before.

        It holds for one day and one set of mappings.
        """
        finding = row.finding
        return (
            self._shown_of(row).likeness,
            finding.subject,
            finding.reason,
            finding.category,
            finding.vehicle_module,
            finding.dms,
            finding.base,
            tuple(finding.details.items()),
            row.closed_at is None,
            row.closed_because,
        )

    def _shown_of(self, row: StoredFinding) -> _Shown:
        key = (row.finding.car_id, row.finding.subject)
        shown = self._shown.get(key)
        if shown is None:
            shown = self._shown[key] = self._show(row)
        return shown

    def _answer(self, row: StoredFinding) -> CarAnswer | None:
        car_id, mapping = row.finding.car_id, self.mapping_of(row)
        car = self.questions.remembered_by_id([car_id]).get(car_id)
        if car is None:
            return None
        seen = {side: held.snapshot for (_, side), held in self.questions.snapshots([car]).items()}
        return answer(car, seen, (), mapping, today_on(self.clock, mapping.time_zone))

    def _show(self, row: StoredFinding) -> _Shown:
        reported = self._cars.get(row.finding.car_id)
        if reported is None:
            return _Shown(None, self.mapping_of(row).id)
        car, scope = reported.car, self._scope(row)
        vehicles: dict[Side, Vehicle] = {}
        readers = scope.with_names
        for side in SIDES:
            record = reported.records.get(side)
            # A record that was not listed any more is not shown.
            if record is not None and side not in car.missing:
                translation, pick = readers[side]
                vehicle = translation.vehicle(record.record_id, record.version, pick(record.said))
                vehicles[side] = vehicle
                if all(map(vehicle.has, self.names)):
                    readers = scope.bare
        kind = self._kind(row, scope, car, vehicles)
        base = car.base.get(row.finding.subject)
        said = [scope.judged_in[side](vehicles[side].readings) if side in vehicles else None for side in SIDES]
        return _Shown(CarAnswer(car, vehicles, kind.plan, (), kind.attributes), (kind.number, type(base), base, *said))

    def _scope(self, row: StoredFinding) -> _Scope:
        mapping, subject = self.mapping_of(row), row.finding.subject
        scope = self._scopes.get((mapping.id, subject))
        if scope is None:
            scope = self._scopes[mapping.id, subject] = _scope_of(mapping, subject, self.names)
        return scope

    def _kind(self, row: StoredFinding, scope: _Scope, car: Car, vehicles: Mapping[Side, Vehicle]) -> _Kind:
        said = [scope.context_in[side](vehicles[side].readings) if side in vehicles else None for side in SIDES]
        key = (scope.mapping.id, row.finding.subject, car.closed, car.bound, car.point_of_sale, *said)
        kind = self._kinds.get(key)
        if kind is None:
            full = self.answer_of(row)
            assert full is not None
            looked_at = {name: a for name, a in full.attributes.items() if name in scope.named}
            bare = {name: replace(a, base=ABSENT, readings={}, verdict=None) for name, a in looked_at.items()}
            plan = CarPlan(full.car, None, None, full.plan.context, {}) if full.plan is not None else None
            kind = self._kinds[key] = _Kind(len(self._kinds), plan, bare)
        return kind


def stored_cars(questions: Questions, rows: Iterable[StoredFinding], mappings: MappingSet, clock: Clock) -> StoredCars:
    """Look the cars of some rows up."""
    cars = StoredCars(questions, mappings, clock)
    cars.look_up(rows)
    return cars


def _scope_of(mapping: PointOfSaleMapping, subject: str, names: Collection[str]) -> _Scope:
    rules = tuple(rule for rule in mapping.rules if subject in _named_by(rule))
    named = {subject, *(name for rule in rules for name in _named_by(rule))}
    wanted = named.union(_ALWAYS)
    # Beside these, what tells whether a record takes writes.
    bare = {side: t.only(wanted | t.read_only_when.keys()) for side, t in mapping.translations.items()}
    with_names = {side: t.only(bare[side].fields.keys() | frozenset(names)) for side, t in mapping.translations.items()}
    context_in = {side: _pick(name for name in t.fields if name in _DECIDES_CONTEXT) for side, t in bare.items()}
    judged_in = {side: _pick(name for name in t.fields if name not in _DECIDES_CONTEXT) for side, t in bare.items()}
    return _Scope(
        replace(mapping, rules=rules), frozenset(named), context_in, judged_in, _readers(bare), _readers(with_names)
    )


def _readers(translations: Mapping[Side, SideTranslation]) -> dict[Side, _Reader]:
    from stocksync.adapters.store.picking import picking

    readers = {}
    for side, translation in translations.items():
        paths = [place.path for place in translation.fields.values()]
        reference = translation.reference_path
        readers[side] = translation, picking([*paths, reference] if reference is not None else paths)
    return readers


def _pick(names: Iterable[str]) -> _Pick:
    """Pick some of a side's readings; what it does not carry has none."""
    picked = tuple(names)
    return itemgetter(*picked) if picked else lambda _: ()


def _named_by(rule: Rule) -> Sequence[str]:
    """The attributes that a rule looks at; every text in it names one, but for the set of values."""
    said = [getattr(rule, part.name) for part in fields(rule)]
    return [name for part in said if not isinstance(part, frozenset | int) for name in _names(part)]


def _names(part: str | tuple[str, ...]) -> tuple[str, ...]:
    return (part,) if isinstance(part, str) else part

"""What people ask about one car: why is this value what it is, who moved it last, what would happen now. Pure.

Answers are made by the same planning as a cycle's, on the snapshots that the last cycle kept. Looking the stored
things up is the store's; saying the answers in words is the entry points'.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, NamedTuple

from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.stock import vehicle as words
from stocksync.stock.ownership import Policy
from stocksync.stock.reconcile import NOTHING_KNOWN, UNCHANGED, Category, Verdict
from stocksync.stock.values import ABSENT, SIDES, Known, Reading, Side
from stocksync.stock.vehicle import Attribute, Vehicle
from stocksync.sync.binding import Bindings
from stocksync.sync.cars import BINDING, RECORD, Car, Finding, Sighting
from stocksync.sync.decide import make_plan
from stocksync.sync.plan import CarPlan
from stocksync.sync.recording import Snapshot


@dataclass(frozen=True, slots=True)
class FoundCar:
    """A car as people look it up."""

    id: str
    pair: str
    point_of_sale: str
    record_ids: Mapping[Side, str]
    vin: str | None
    registration: str | None
    police_number: str | None
    closed: bool
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """A snapshot, and when its record was first seen as it is."""

    snapshot: Snapshot
    seen_at: datetime


class KeptRecord(NamedTuple):
    """One record as a side last said it; said: as it is kept, not decoded."""

    record_id: str
    version: str | None
    said: str | bytes


@dataclass(frozen=True, slots=True)
class ReportedCar:
    """What the rows of a report ask of a car: what each side last said, and what we remember.

    Of that, the base has the attributes of these rows alone; what did not stick, is on its way or is still to be
    carried out is left out.
    """

    car: Car
    records: Mapping[Side, KeptRecord]


@dataclass(frozen=True, slots=True)
class StoredFinding:
    """A row of the conflict report.

    closed_because: None while it is open. ignored_by: the number of the decision to leave it as it is, while it says
    what the reviewer saw.
    """

    finding_id: int
    pair: str
    point_of_sale: str
    finding: Finding
    opened_at: datetime
    changed_at: datetime
    closed_at: datetime | None = None
    closed_because: str | None = None
    ignored_by: int | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the journal; run_id is 0 for what a person did outside a run."""

    at: datetime
    run_id: int
    action: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One run, as people ask about it."""

    run_id: int
    status: str
    started_at: datetime
    finished_at: datetime | None
    message: str | None
    halts: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class AttributeAnswer:
    """One attribute of one car, and what would be decided of it now.

    owner: a word of the matrix, `lifecycle`, or None where it hangs on something unreadable. rule: the mapping line
    that says so, "" where none does. verdict: None where nothing is decided (closed, not synchronised).
    """

    attribute: Attribute
    base: Known
    readings: Mapping[Side, Reading]
    owner: str | None
    rule: str
    verdict: Verdict | None


@dataclass(frozen=True, slots=True)
class CarAnswer:
    """One car: what both sides showed, and what would be decided now.

    plan: None where no cycle of its point of sale decides the car. held: why nothing is written for it at all.
    """

    car: Car
    vehicles: Mapping[Side, Vehicle]
    plan: CarPlan | None
    held: tuple[Finding, ...]
    attributes: Mapping[str, AttributeAnswer]

    @property
    def closed(self) -> bool:
        """True iff its stock cycle is over."""
        stage = self.plan.stage if self.plan is not None else None
        return self.car.closed or (stage is not None and stage.closed)

    def text(self, attribute: str) -> str | None:
        """A value as text: the module's if set, else the DMS's."""
        for side in SIDES:
            vehicle = self.vehicles.get(side)
            text = vehicle.text(attribute) if vehicle is not None else None
            if text is not None:
                return text
        return None


def answer(
    car: Car,
    seen: Mapping[Side, Snapshot],
    open_findings: Iterable[Finding],
    mapping: PointOfSaleMapping,
    today_on: date,
) -> CarAnswer:
    """Decide one car again, as the next cycle would if nothing moved."""
    sighting = _sighting(car, seen, mapping)
    plans = make_plan(Bindings((sighting,), {}), mapping, today_on).cars
    plan = plans[0] if plans else None
    vehicles = {side: vehicle for side in SIDES if (vehicle := sighting.on(side)) is not None}
    held = tuple(finding for finding in open_findings if finding.subject == BINDING)
    bare = CarAnswer(car, vehicles, plan, held, {})
    return replace(bare, attributes=_attributes(bare, mapping))


def _sighting(car: Car, seen: Mapping[Side, Snapshot], mapping: PointOfSaleMapping) -> Sighting:
    """Show a car as its last cycle saw it; a record that was not listed any more is not shown.

    Planning counts one more listing without the record: the one that is answered for is among those counted.
    """
    vehicles: dict[Side, Vehicle] = {}
    for side, snapshot in seen.items():
        if not car.missing.get(side):
            translation = mapping.translations[side]
            vehicles[side] = translation.vehicle(snapshot.record_id, snapshot.version, snapshot.body)
    module, dms = vehicles.get(Side.VEHICLE_MODULE), vehicles.get(Side.DMS)
    refers = module is not None and dms is None and module.reference is not None
    missing = {side: count - 1 for side, count in car.missing.items() if count > 1}
    return Sighting(replace(car, missing=missing), module, dms, was_bound=car.bound or refers)


def _attributes(car: CarAnswer, mapping: PointOfSaleMapping) -> dict[str, AttributeAnswer]:
    context = car.plan.context if car.plan is not None else None
    policies = mapping.matrix.policies_in(context) if context is not None else {}
    lifecycle_rules = {row.attribute: row.rule for row in mapping.guide_rows if row.attribute is not None}
    answers = {}
    for name, attribute in mapping.vocabulary.items():
        if name == words.DMS_STATUS:
            continue  # shown beside the stage, whose other half it is
        policy = policies.get(name)
        answers[name] = AttributeAnswer(
            attribute,
            base=car.car.base.get(name, ABSENT),
            readings={side: _reading(car.vehicles.get(side), side, name) for side in SIDES},
            owner=_owner(name, policy),
            rule=policy.rule if policy is not None else lifecycle_rules.get(name, ""),
            verdict=_verdict(car, name),
        )
    return answers


def _reading(vehicle: Vehicle | None, side: Side, name: str) -> Reading:
    if vehicle is None:
        return ABSENT
    return vehicle.reading(words.DMS_STATUS if name == words.STAGE and side is Side.DMS else name)


def _owner(name: str, policy: Policy | None) -> str | None:
    if name in words.LIFECYCLE_ATTRIBUTES:
        return "lifecycle"
    return policy.owner.value if policy is not None else None


def _verdict(car: CarAnswer, name: str) -> Verdict | None:
    if car.closed or car.plan is None:
        return None
    if car.held:
        return Verdict(Category.HELD, row=0, reason=car.held[0].reason)
    for subject in (name, RECORD) if name == words.STAGE else (name,):
        if subject in car.plan.verdicts:
            return car.plan.verdicts[subject]
    both_say = all(_reading(car.vehicles.get(side), side, name) is not ABSENT for side in SIDES)
    return UNCHANGED if both_say else NOTHING_KNOWN


_TELLING = frozenset({"decided", "reported", "report_changed"})
"""Journal lines that tell what both sides held."""


@dataclass(frozen=True, slots=True)
class LastMove:
    """How an attribute last moved, as far as the journal knows.

    moved: what each side that left the last common value held then; where there was none yet (`first`), what each side
    was found to hold. written: where stocksync carried the value, with
    what stood there before and after.
    """

    at: datetime
    run_id: int
    moved: Mapping[Side, str | None] = field(default_factory=dict)
    written: tuple[Side, str | None, str | None] | None = None
    agreed: bool = False
    first: bool = False


def last_move(journal: Sequence[Fact], attribute: str) -> LastMove | None:
    """Find who moved an attribute last: people on a side, stocksync, or both in one run."""
    written: LastMove | None = None
    for fact in reversed(journal):
        if fact.action == "written" and written is None:
            written = _written_move(fact, attribute)
        if fact.action not in _TELLING:
            continue
        if written is not None and fact.run_id != written.run_id:
            return written
        move = _decided_move(fact, attribute) if fact.action == "decided" else _reported_move(fact, attribute)
        if move is not None:
            return replace(move, at=written.at, written=written.written) if written is not None else move
    return written


def _written_move(fact: Fact, attribute: str) -> LastMove | None:
    changes = fact.details.get("changes", {})
    if fact.details.get("action") == "reserve":
        changes = {words.RESERVED: (None, "true")}
    if attribute not in changes or attribute in fact.details.get("not_kept", ()):
        return None
    before, after = changes[attribute]
    return LastMove(fact.at, fact.run_id, written=(Side(fact.details["side"]), before, after))


def _decided_move(fact: Fact, attribute: str) -> LastMove | None:
    if attribute in fact.details.get("agreed", ()):
        return LastMove(fact.at, fact.run_id, agreed=True)
    told = fact.details.get("decided", {}).get(attribute)
    if told is None or "base" not in told:
        return None
    return _moved_from(fact, {side: told.get(side.value) for side in SIDES}, told["base"])


def _reported_move(fact: Fact, attribute: str) -> LastMove | None:
    if fact.details.get("subject") != attribute or attribute in words.LIFECYCLE_ATTRIBUTES:
        return None
    held = {side: fact.details.get(f"{side}_value") for side in SIDES}
    return _moved_from(fact, held, fact.details.get("base_value"))


def _moved_from(fact: Fact, held: Mapping[Side, str | None], base: str | None) -> LastMove:
    moved = {side: text for side, text in held.items() if text != base}
    return LastMove(fact.at, fact.run_id, moved, first=base is None)

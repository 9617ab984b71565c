"""What a decision that was handed in may become: accepted, there already, stale, or not permitted, and why. Pure.

A decision is about one report row as its reviewer saw it. Here it is held against what both sides showed last; the
cycle that carries it out holds it against what they show then (`review`). Reading files, and saying answers in words,
is `reports`; keeping what was accepted, the store's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.stock import rules
from stocksync.stock.ownership import Owner, Policy, may_write
from stocksync.stock.reasons import Reason
from stocksync.stock.resolution import SIDE_OF, Answer, Choice, Resolution, Standing, Why, holds
from stocksync.stock.values import ABSENT, BLANK, SIDES, Invalid, Known, Reading, Side, as_text
from stocksync.stock.vehicle import Attribute
from stocksync.sync.answers import CarAnswer, StoredFinding
from stocksync.sync.cars import RESERVATION_DUE, Finding, readings_of

ONLY_SEEN: Final = frozenset({Reason.POLICE_NUMBER_DUPLICATE, Reason.POLICE_NUMBER_OUT_OF_ORDER, Reason.FIELD_GONE})
"""Findings about an attribute that no value settles: the register itself has to be looked at."""


class ResolutionStatus(StrEnum):
    """How a decision stands in the store; only the first two still act."""

    PENDING = "pending"
    IGNORING = "ignoring"
    APPLIED = "applied"
    STALE = "stale"
    FORBIDDEN = "forbidden"
    REFUSED = "refused"
    UNDONE = "undone"


IN_FORCE: Final = frozenset({ResolutionStatus.PENDING, ResolutionStatus.IGNORING, ResolutionStatus.APPLIED})


@dataclass(frozen=True, slots=True)
class Decision:
    """What a reviewer filled in: a choice, the value of `Choice.VALUE` (else ABSENT), a comment."""

    choice: Choice
    value: Known = ABSENT
    comment: str = ""


@dataclass(frozen=True, slots=True)
class StoredResolution:
    """A decision as the store keeps it.

    seen: what the row said to the reviewer. file: its name, for people. former_base: of one that takes another back,
    the last common value before that. lot: the fingerprint of the line that stood for several rows, "" for none.
    """

    number: int
    conflict_id: int
    pair: str
    point_of_sale: str
    car_id: str
    subject: str
    reason: Reason
    choice: Choice
    targets: Mapping[Side, Known]
    seen: Finding
    comment: str
    decided_by: str
    decided_at: datetime
    file: str
    file_digest: str
    status: ResolutionStatus
    closed_at: datetime | None = None
    closed_because: str | None = None
    undoes: int | None = None
    former_base: Known = ABSENT
    lot: str = ""

    @property
    def in_force(self) -> bool:
        """True iff it acts or has acted; a stale, forbidden or undone decision binds nobody."""
        return self.status in IN_FORCE


@dataclass(frozen=True, slots=True)
class Judged:
    """The answer to one decision, with what it takes to say it.

    why, details: for one that is not permitted. targets: what each side is to hold, for one that is accepted or there
    already (empty for `ignore`). earlier: the decision that it repeats or contradicts.
    """

    answer: Answer
    why: Why | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    targets: Mapping[Side, Known] = field(default_factory=dict)
    earlier: StoredResolution | None = None


@dataclass(frozen=True, slots=True)
class ReviewedRow:
    """One report row that a decision is about.

    stored: the row now; seen: what it said when it was exported. car: what both sides showed last, None where the row
    is about no car. earlier: decisions about this row, and those about the same attribute of the car that still act.
    """

    stored: StoredFinding
    seen: Finding
    car: CarAnswer | None
    earlier: tuple[StoredResolution, ...] = ()


def judge(decision: Decision, row: ReviewedRow, mapping: PointOfSaleMapping, today_on: date) -> Judged:
    """Answer one decision."""
    repeated = _repeated(decision, row)
    if repeated is not None:
        return repeated
    if decision.choice is Choice.IGNORE:
        # One that is no longer so may have come back under another number.
        gone = row.stored.closed_at is not None and row.stored.closed_because == "no_longer_so"
        moved = gone or row.stored.finding.seen != row.seen.seen
        # A car that nobody blocks can be sold a second time: that stays in sight whatever is decided.
        due = {"unblocked": "yes"} if RESERVATION_DUE in row.stored.finding.details else {}
        return Judged(Answer.STALE) if moved else Judged(Answer.ACCEPTED, details=due)
    subject = _subject(row, mapping)
    if isinstance(subject, Judged):
        return subject
    judged = _judged(decision, row, mapping, today_on, subject)
    if judged.why is not Why.SIDE_UNREADABLE or decision.choice not in SIDE_OF:
        return judged
    left = _decidable(row, mapping, today_on, subject)
    choices = " ".join(choice for choice in Choice if choice in left)
    return replace(judged, details={"side": SIDE_OF[decision.choice].value, "choices": choices})


def decidable(stored: StoredFinding, car: CarAnswer | None, mapping: PointOfSaleMapping, today_on: date) -> set[Choice]:
    """What a reviewer may decide who sees a row as it is, and before whom nobody decided; ignoring it is left out.

    `Choice.VALUE` is among it iff another value than those of the sides may be typed; not every value will do.
    """
    row = ReviewedRow(stored, stored.finding, car)
    subject = _subject(row, mapping)
    return set() if isinstance(subject, Judged) else _decidable(row, mapping, today_on, subject)


def _decidable(row: ReviewedRow, mapping: PointOfSaleMapping, today_on: date, subject: _Subject) -> set[Choice]:
    found = {
        decision.choice
        for decision in _EITHER_SIDE
        if _judged(decision, row, mapping, today_on, subject).answer in (Answer.ACCEPTED, Answer.ALREADY)
    }
    return found | {Choice.VALUE} if _takes_typed(row, mapping, subject) else found


def _takes_typed(row: ReviewedRow, mapping: PointOfSaleMapping, subject: _Subject) -> bool:
    """Tell whether a value that no side holds may be written to both."""
    policy, readings = subject.policy, subject.readings
    if row.car is None or (policy.owner.side is not None and not policy.reviewer_may_override):
        return False
    for side in SIDES:
        vehicle = row.car.vehicles.get(side)
        has_moved = (as_text(readings[side]) or None) != (row.seen.held[side] or None)
        fills = readings[side] is BLANK
        if vehicle is None or has_moved or not may_write(policy, side, fills_blank=fills, reviewed=True):
            return False
        if not mapping.translations[side].takes_writes(vehicle):
            return False
    return True


_EITHER_SIDE: Final = (Decision(Choice.MODULE), Decision(Choice.DMS))


@dataclass(frozen=True, slots=True)
class _Subject:
    """What a decision about a row is about, whatever the decision."""

    attribute: Attribute
    policy: Policy
    readings: Mapping[Side, Reading]


def _subject(row: ReviewedRow, mapping: PointOfSaleMapping) -> _Subject | Judged:
    """Find what a row is about; the answer to every decision where no value can settle it."""
    attribute = mapping.vocabulary.get(row.stored.finding.subject)
    policy = _policy(row, mapping)
    refused = _not_decidable(row, attribute, policy)
    if refused is not None:
        return refused
    assert attribute is not None
    assert policy is not None
    assert row.car is not None
    return _Subject(attribute, policy, readings_of(row.car.vehicles, attribute.name))


def _judged(
    decision: Decision, row: ReviewedRow, mapping: PointOfSaleMapping, today_on: date, subject: _Subject
) -> Judged:
    attribute, readings = subject.attribute, subject.readings
    chosen_side = SIDE_OF.get(decision.choice)
    chosen = readings[chosen_side] if chosen_side is not None else decision.value
    if chosen_side is not None and as_text(chosen) != _said(decision, row):
        return Judged(Answer.STALE)
    if isinstance(chosen, Invalid) or chosen is ABSENT or _is_refused_by_a_rule(decision, row):
        return _not(Why.SIDE_UNREADABLE)
    targets = dict.fromkeys(SIDES, chosen)
    written = tuple(side for side in SIDES if not holds(attribute.kind, readings[side], chosen, attribute.tolerance))
    if not written:
        return Judged(Answer.ALREADY, targets=targets)
    if _moved(row, attribute, targets, readings):
        return Judged(Answer.STALE)
    asked = _Permission(decision, row, mapping, today_on, attribute, subject.policy, targets, readings, written)
    return _permitted(asked)


def resolution_of(stored: StoredResolution) -> Resolution:
    """A decision as it acts in a cycle."""
    return Resolution(
        stored.number,
        stored.subject,
        stored.reason,
        stored.choice,
        stored.targets,
        stored.seen.held,
        stored.former_base,
    )


def kept(
    decision: Decision, row: ReviewedRow, judged: Judged, by: str, file: str, file_digest: str, at: datetime
) -> StoredResolution | None:
    """What is to be kept of a decision, iff anything; one that both sides hold already is kept as carried out."""
    there_already = judged.answer is Answer.ALREADY and judged.earlier is None
    if judged.answer is not Answer.ACCEPTED and not there_already:
        return None
    finding = row.stored.finding
    waiting = ResolutionStatus.IGNORING if decision.choice is Choice.IGNORE else ResolutionStatus.PENDING
    return StoredResolution(
        number=0,
        conflict_id=row.stored.finding_id,
        pair=row.stored.pair,
        point_of_sale=row.stored.point_of_sale,
        car_id=finding.car_id,
        subject=finding.subject,
        reason=finding.reason,
        choice=decision.choice,
        targets=judged.targets,
        seen=row.seen,
        comment=decision.comment,
        decided_by=by,
        decided_at=at,
        file=file,
        file_digest=file_digest,
        status=ResolutionStatus.APPLIED if there_already else waiting,
        closed_at=at if there_already else None,
        closed_because="already" if there_already else None,
    )


def _repeated(decision: Decision, row: ReviewedRow) -> Judged | None:
    """Answer a decision on what was decided before: the first one holds, and the second is told of it."""
    if not row.earlier:
        return None
    here = [e for e in row.earlier if e.conflict_id == row.stored.finding_id and e.choice is not Choice.UNDO]
    same_values = [e for e in here if e.in_force and e.seen.seen == row.seen.seen]
    acting = [e for e in row.earlier if e.status is ResolutionStatus.PENDING and not supersedes(row.seen, e)]
    for earlier in (*same_values, *acting):
        if decision.choice is Choice.IGNORE and earlier not in same_values:
            continue
        answer = Answer.ALREADY if _is_alike(decision, row, earlier) else Answer.CONTRADICTED
        return Judged(answer, targets=earlier.targets, earlier=earlier)
    return None


_NOT_TAKEN: Final = frozenset({Reason.WRITE_REJECTED, Reason.NOT_DELIVERED, Reason.NOT_KEPT_AS_WRITTEN})


def supersedes(seen: Finding, earlier: StoredResolution) -> bool:
    """Tell whether a decision about a row takes an earlier one's place: that one's write was refused, or not kept."""
    return seen.reason in _NOT_TAKEN and earlier.seen.reason is not seen.reason


def _is_alike(decision: Decision, row: ReviewedRow, earlier: StoredResolution) -> bool:
    if Choice.IGNORE in (decision.choice, earlier.choice):
        return decision.choice is earlier.choice
    if earlier.choice is Choice.UNDO:
        return False
    return _said(decision, row) == as_text(earlier.targets[Side.VEHICLE_MODULE])


def _said(decision: Decision, row: ReviewedRow) -> str | None:
    """The value that was decided, as text: a side's own as the reviewer saw it."""
    side = SIDE_OF.get(decision.choice)
    return row.seen.held[side] if side is not None else as_text(decision.value)


def _is_refused_by_a_rule(decision: Decision, row: ReviewedRow) -> bool:
    side = SIDE_OF.get(decision.choice)
    return side is not None and f"{side}_invalid" in row.stored.finding.details


def _not_decidable(row: ReviewedRow, attribute: Attribute | None, policy: Policy | None) -> Judged | None:
    """Refuse what no value can settle."""
    finding = row.stored.finding
    if attribute is None or finding.reason in ONLY_SEEN:
        return _not(Why.ONLY_IGNORE)
    if finding.reason is Reason.OWNERSHIP_UNKNOWN:
        return _not(Why.OWNERSHIP_UNKNOWN)
    if row.car is None or row.car.plan is None or row.car.plan.context is None:
        return _not(Why.NOT_SYNCHRONISED)
    if policy is None:
        answered = row.car.attributes.get(finding.subject)
        hangs_on_unreadable = answered is not None and answered.owner is None
        return _not(Why.OWNERSHIP_UNKNOWN if hangs_on_unreadable else Why.ONLY_IGNORE)
    return _not(Why.NOT_SYNCHRONISED) if policy.owner is Owner.NONE else None


def _moved(
    row: ReviewedRow, attribute: Attribute, targets: Mapping[Side, Known], readings: Mapping[Side, Reading]
) -> bool:
    """Tell whether a side holds something else than the reviewer saw (law 8)."""
    now, then = row.stored.finding, row.seen
    if row.stored.closed_at is not None or (now is not then and now.seen != then.seen):
        return True
    held = then.held
    if all((as_text(readings[side]) or None) == (held[side] or None) for side in SIDES):
        # Of nearly every row; what a side made of the decision itself is only asked beyond that.
        return False
    resolution = Resolution(0, attribute.name, then.reason, Choice.VALUE, targets, held)
    return resolution.standing(attribute.kind, readings, attribute.tolerance) is Standing.STALE


@dataclass(frozen=True, slots=True)
class _Permission:
    """Everything that the permission to decide hangs on; written: the sides that do not hold the value yet."""

    decision: Decision
    row: ReviewedRow
    mapping: PointOfSaleMapping
    today_on: date
    attribute: Attribute
    policy: Policy
    targets: Mapping[Side, Known]
    readings: Mapping[Side, Reading]
    written: tuple[Side, ...]

    @property
    def value(self) -> Known:
        """What both sides are to hold."""
        return self.targets[Side.VEHICLE_MODULE]


def _permitted(asked: _Permission) -> Judged:
    for refuse in (_against_bounds, _against_history, _against_matrix, _against_systems, _against_rules):
        refused = refuse(asked)
        if refused is not None:
            return refused
    return Judged(Answer.ACCEPTED, targets=asked.targets)


def _against_bounds(asked: _Permission) -> Judged | None:
    value, attribute = asked.value, asked.attribute
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    lowest, highest = attribute.minimum, attribute.maximum
    if (lowest is not None and value < lowest) or (highest is not None and value > highest):
        limits = {"minimum": lowest, "maximum": highest}
        return _not(Why.OUT_OF_BOUNDS, **{name: str(limit) for name, limit in limits.items() if limit is not None})
    return None


def _against_history(asked: _Permission) -> Judged | None:
    """Refuse a smaller number where none may be, and a typed one that is an implausible step."""
    assert asked.row.car is not None
    value, base, policy = asked.value, asked.row.car.car.base.get(asked.attribute.name, ABSENT), asked.policy
    if not isinstance(value, int) or policy.reviewer_may_override:
        return None
    if policy.never_decreases and isinstance(base, int) and value < base:
        return _not(Why.DECREASES, base=str(base), rule=policy.rule)
    # A side's own value was looked at by the reviewer; a typed one was seen by nobody yet.
    typed = asked.decision.choice is Choice.VALUE
    if not typed or policy.max_jump is None:
        return None
    said = {"max_jump": str(policy.max_jump), "rule": policy.rule}
    if isinstance(base, int):
        return _not(Why.JUMPS, base=str(base), **said) if value - base > policy.max_jump else None
    held = [(abs(value - n), side, n) for side, n in asked.readings.items() if isinstance(n, int)]
    step, side, nearest = min(held, default=(0, Side.DMS, 0))
    return _not(Why.JUMPS, side=side.value, held=str(nearest), **said) if step > policy.max_jump else None


def _against_matrix(asked: _Permission) -> Judged | None:
    owner = asked.policy.owner.side
    if owner is not None and not asked.policy.reviewer_may_override and not _is_from_a_side(asked):
        # Where the owner's is blank, the other side's value may fill it; a third one is nobody's.
        why = Why.IMMUTABLE if asked.policy.immutable else Why.NOT_THE_OWNER
        return _not(why, owner=asked.policy.owner.value, rule=asked.policy.rule)
    for side in asked.written:
        fills = asked.readings[side] is BLANK
        if may_write(asked.policy, side, fills_blank=fills, reviewed=True):
            continue
        if side not in asked.policy.writable:
            return _not(Why.CANNOT_WRITE, side=side.value)
        why = Why.IMMUTABLE if asked.policy.immutable else Why.NOT_THE_OWNER
        return _not(why, owner=asked.policy.owner.value, rule=asked.policy.rule)
    return None


def _is_from_a_side(asked: _Permission) -> bool:
    return any(holds(asked.attribute.kind, asked.readings[side], asked.value) for side in SIDES)


def _against_systems(asked: _Permission) -> Judged | None:
    assert asked.row.car is not None
    for side in asked.written:
        translation = asked.mapping.translations[side]
        vehicle = asked.row.car.vehicles.get(side)
        if vehicle is None or not translation.takes_writes(vehicle):
            return _not(Why.RECORD_CLOSED, side=side.value)
        if not translation.can_spell(asked.attribute.name, asked.targets[side]):
            return _not(Why.NO_SPELLING, side=side.value)
    return None


def _against_rules(asked: _Permission) -> Judged | None:
    """Refuse what the rules between values would make unreadable."""
    if not asked.mapping.rules:
        return None
    assert asked.row.car is not None
    name, car = asked.attribute.name, asked.row.car
    held: dict[Side, dict[str, Reading]] = {
        side: dict(vehicle.readings) if (vehicle := car.vehicles.get(side)) is not None else {} for side in SIDES
    }
    for side in SIDES:
        held[side][name] = asked.targets[side]
    owners = {n: Side(a.owner) for n, a in car.attributes.items() if a.owner in (Side.VEHICLE_MODULE, Side.DMS)}
    whole = rules.Car(held[Side.VEHICLE_MODULE], held[Side.DMS], owners, asked.today_on)
    for readings in rules.apply_rules(asked.mapping.rules, whole):
        reading = readings.get(name)
        if isinstance(reading, Invalid):
            return _not(Why.BREAKS_RULE, broken=reading.why)
    return None


def _policy(row: ReviewedRow, mapping: PointOfSaleMapping) -> Policy | None:
    context = row.car.plan.context if row.car is not None and row.car.plan is not None else None
    return mapping.matrix.policies_in(context).get(row.stored.finding.subject) if context is not None else None


def _not(why: Why, **details: str) -> Judged:
    return Judged(Answer.NOT_PERMITTED, why, details)

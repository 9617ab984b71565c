"""How one attribute is decided: the three-way decision table.

`decide` is pure: no clock, no I/O; the same input gives the same verdict. Its rows are numbered as in the
table of `docs/decision-table.md`, and read in the order 2, 9, 1, 7, 8, 6, 3, 4, 5, with 10 last. Stages are not
decided here (`lifecycle`), nor is what several attributes of a car say together (`rules`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from stocksync.stock.ownership import OnBothChanged, OnDrift, Owner, Policy
from stocksync.stock.reasons import Reason
from stocksync.stock.values import (
    ABSENT,
    BLANK,
    SIDES,
    Invalid,
    Kind,
    Known,
    Reading,
    Side,
    is_value,
    same,
)
from stocksync.stock.vehicle import POLICE_NUMBER


class Category(StrEnum):
    """Where an observed difference ends; exactly one of the last six for each difference."""

    NOTHING_KNOWN = "nothing_known"
    UNCHANGED = "unchanged"
    AGREED = "agreed"
    WRITTEN = "written"
    REFUSED = "refused"
    CONFLICT = "conflict"
    HELD = "held"
    DEFERRED = "deferred"


@dataclass(frozen=True, slots=True)
class Write:
    """A value due on one side; `expected` is what that side held when the write was planned.

    Only a reviewer's decision goes over what cannot be read: then `expected` is `Invalid`.
    """

    side: Side
    value: Known
    expected: Reading
    fills_blank: bool = False


class Verdict(NamedTuple):
    """What the table says of one attribute of one car.

    base: the new base, iff both sides were seen to hold the same value (row 1) and it moves; else None.
    refused: the side whose change was not taken, iff there is one.
    resolution: the number of the reviewer's decision that this carries out, iff it does; only then may there be a
    write for the other side too.
    """

    category: Category
    row: int
    reason: Reason | None = None
    write: Write | None = None
    base: Known | None = None
    refused: Side | None = None
    resolution: int | None = None
    other_write: Write | None = None

    @property
    def writes(self) -> tuple[Write, ...]:
        """Everything that is to be written."""
        if self.write is None and self.other_write is None:
            return ()
        return tuple(write for write in (self.write, self.other_write) if write is not None)


ROUNDS_BEFORE_HOLDING = 2
"""Answers in a row that show another value than was written, after which it is not written again (law 10)."""


@dataclass(frozen=True, slots=True)
class UnkeptWrite:
    """A write that a side answered but did not keep: what was sent, what it held after, how often.

    rejected: the side refused it outright, so that one round is enough; `message` is what it said, and
    `circumstances` names what both records held then: once either moves, the cause may be gone. resolution: the
    reviewer's decision that it carried out; a newer decision is worth another try. undelivered: it never got through,
    in so many runs; `rejected` once those were enough.
    """

    side: Side
    written: Known
    stored: Reading
    rounds: int
    rejected: bool = False
    message: str = ""
    circumstances: str = ""
    resolution: int | None = None
    undelivered: bool = False

    def reason(self, circumstances: str) -> Reason | None:
        """Why the same write is not tried again; None where it is."""
        if self.rejected:
            if self.circumstances != circumstances:
                return None
            return Reason.NOT_DELIVERED if self.undelivered else Reason.WRITE_REJECTED
        kept_away = not self.undelivered and self.rounds >= ROUNDS_BEFORE_HOLDING
        return Reason.NOT_KEPT_AS_WRITTEN if kept_away else None


def agreed_on(value: Known) -> Verdict:
    """Row 1 with a new base: both hold the same, which is not what was known."""
    # Made of its parts as they are kept: at first contact there is one for nearly everything that a stock says.
    return _BLANK_AGREED if value is BLANK else _made(Verdict, (_AGREED, 1, None, None, value, None, None, None))


_made = tuple.__new__
_AGREED = Category.AGREED
_BLANK_AGREED = Verdict(Category.AGREED, row=1, base=BLANK)
NOTHING_KNOWN = Verdict(Category.NOTHING_KNOWN, row=2)
UNCHANGED = Verdict(Category.UNCHANGED, row=1)


@dataclass(frozen=True, slots=True)
class Question:
    """One attribute of one car: what it was, what both sides say, and under which policy."""

    attribute: str
    kind: Kind
    policy: Policy
    base: Known
    vehicle_module: Reading
    dms: Reading
    tolerance: int = 0
    unkept: UnkeptWrite | None = None
    circumstances: str = ""

    def held_by(self, side: Side) -> Reading:
        """What a side holds now."""
        return self.vehicle_module if side is Side.VEHICLE_MODULE else self.dms

    def known(self, side: Side) -> Known:
        """What a side holds now, once row 9 has ruled the unreadable out."""
        reading = self.held_by(side)
        assert not isinstance(reading, Invalid)
        return reading

    def moved(self, side: Side) -> bool:
        """Tell whether a side left the base."""
        return not same(self.kind, self.known(side), self.base, self.tolerance)


def decide(question: Question) -> Verdict:
    """Decide one attribute of one car by the table."""
    verdict = _decide_what_is_due(question)
    if verdict.write is not None and verdict.write.side not in question.policy.writable:
        return Verdict(Category.HELD, row=10, reason=Reason.CANNOT_WRITE)  # 10: that side cannot take it
    return hold_what_does_not_stick(question, verdict)


def _decide_what_is_due(question: Question) -> Verdict:
    vehicle_module, dms = question.vehicle_module, question.dms
    if vehicle_module is ABSENT or dms is ABSENT:
        return NOTHING_KNOWN  # 2: a side says nothing of it
    if isinstance(vehicle_module, Invalid) or isinstance(dms, Invalid):
        return Verdict(Category.HELD, row=9, reason=Reason.INVALID_VALUE)  # 9: unreadable
    if same(question.kind, vehicle_module, dms, question.tolerance):
        return _agree(question)  # 1: both hold the same
    if _decreases(question):
        # Decided: a decrease is judged after row 1, so that people can correct a slip on both sides.
        return Verdict(Category.HELD, row=9, reason=Reason.INVALID_VALUE)
    if question.policy.owner is Owner.NONE:
        return Verdict(Category.HELD, row=2, reason=Reason.NOT_SYNCHRONISED)
    if question.policy.immutable:
        return _decide_immutable(question)
    return _decide_difference(question)


def _decide_difference(question: Question) -> Verdict:
    one_blank = BLANK in (question.vehicle_module, question.dms)
    if one_blank and not is_value(question.base):
        filled = _fill(question)
        if filled is not None:
            return filled  # 7: the value fills the blank
        if question.base is ABSENT:
            return Verdict(Category.HELD, row=7, reason=Reason.BLANK_NOT_FILLED)
    if one_blank and is_value(question.base) and not question.policy.blank_erases:
        return _decide_blanked(question)  # 8: a value became blank
    if question.base is ABSENT:
        return _decide_first_contact(question)  # 6: no base, both set and different
    return _decide_moved(question)


def _agree(question: Question) -> Verdict:
    """Row 1. The base takes the owner's spelling (the module's, where shared), and moves only if it differs."""
    owner = question.policy.owner.side or Side.VEHICLE_MODULE
    value = question.known(owner)
    if value == question.base:
        return UNCHANGED
    return agreed_on(value)


def _fill(question: Question) -> Verdict | None:
    blank_side = Side.VEHICLE_MODULE if question.vehicle_module is BLANK else Side.DMS
    if blank_side not in question.policy.fillable:
        return None
    write = Write(blank_side, question.known(blank_side.other), BLANK, fills_blank=True)
    return Verdict(Category.WRITTEN, row=7, reason=Reason.BLANK_FILLED, write=write)


def _decide_immutable(question: Question) -> Verdict:
    """Let an immutable attribute fill a blank once; every other difference goes to a person."""
    one_blank = BLANK in (question.vehicle_module, question.dms)
    if one_blank and not is_value(question.base):
        filled = _fill(question)
        if filled is not None:
            return filled
    is_police_number = question.attribute == POLICE_NUMBER
    reason = Reason.POLICE_NUMBER_CHANGED if is_police_number else Reason.IMMUTABLE_CHANGED
    return Verdict(Category.CONFLICT, row=5, reason=reason)


def _decide_blanked(question: Question) -> Verdict:
    blank_side = Side.VEHICLE_MODULE if question.vehicle_module is BLANK else Side.DMS
    if question.policy.owner.side is blank_side.other:
        return _refuse(question, loser=blank_side, row=8)  # 8: by the non-owner, as row 4
    return Verdict(Category.HELD, row=8, reason=Reason.BLANKED)  # 8: by the owner, or shared


def _decide_first_contact(question: Question) -> Verdict:
    owner = question.policy.owner.side
    if owner is None:
        return Verdict(Category.CONFLICT, row=6, reason=Reason.FIRST_CONTACT)  # 6: shared always asks
    return Verdict(Category.WRITTEN, row=6, reason=Reason.FIRST_CONTACT, write=_write(question, owner.other))


def _decide_moved(question: Question) -> Verdict:
    owner = question.policy.owner.side
    movers = [side for side in SIDES if question.moved(side)]
    if len(movers) == 2:
        return _decide_both_moved(question)  # 5: both, differently
    mover = movers[0] if movers else None
    if mover is None:
        # Within the tolerance of the base on both sides, though not of each other: nothing moved enough.
        return UNCHANGED
    if owner is None or owner is mover:
        return _propagate(question, mover, Verdict(Category.WRITTEN, row=3))  # 3: only the owner, or one
    return _refuse(question, loser=mover, row=4)  # 4: only the non-owner


def _decide_both_moved(question: Question) -> Verdict:
    owner = question.policy.owner.side
    winner = owner or _winner_of_shared(question)
    if winner is None:
        return Verdict(Category.CONFLICT, row=5, reason=Reason.BOTH_CHANGED)
    refused = Verdict(Category.REFUSED, row=5, reason=Reason.REFUSED_CHANGE, refused=winner.other)
    return _propagate(question, winner, refused)


def _winner_of_shared(question: Question) -> Side | None:
    rule = question.policy.on_both_changed
    if rule is OnBothChanged.REVIEW:
        return None
    if rule in (OnBothChanged.VEHICLE_MODULE, OnBothChanged.DMS):
        return Side(rule.value)
    ours, theirs = question.vehicle_module, question.dms
    if isinstance(ours, int | date) and isinstance(theirs, int | date):
        module_is_higher = ours > theirs  # type: ignore[operator]
        return Side.VEHICLE_MODULE if module_is_higher is (rule is OnBothChanged.HIGHEST) else Side.DMS
    return None


def _propagate(question: Question, winner: Side, verdict: Verdict) -> Verdict:
    """Write a side's value to the other, unless it is an implausible step above the base."""
    if _jumps(question, winner):
        # Decided: the limit holds for one side's change too; a slip of one digit could never be taken back.
        return Verdict(Category.CONFLICT, row=verdict.row, reason=Reason.IMPLAUSIBLE_JUMP)
    return verdict._replace(write=_write(question, winner.other))


def _refuse(question: Question, loser: Side, row: int) -> Verdict:
    """Report a non-owner's edit and, iff the policy restores, write the owner's value back.

    A blank is never written over a value unless blanks erase.
    """
    verdict = Verdict(Category.REFUSED, row=row, reason=Reason.REFUSED_CHANGE, refused=loser)
    would_erase = question.known(loser.other) is BLANK and not question.policy.blank_erases
    if question.policy.on_drift is OnDrift.REPORT or would_erase:
        return verdict
    return verdict._replace(write=_write(question, loser))


def _write(question: Question, side: Side) -> Write:
    return Write(side, value=question.known(side.other), expected=question.known(side))


def _decreases(question: Question) -> bool:
    if not question.policy.never_decreases or not is_value(question.base):
        return False
    held = (question.vehicle_module, question.dms)
    return any(is_value(reading) and reading < question.base for reading in held)  # type: ignore[operator]


def _jumps(question: Question, winner: Side) -> bool:
    limit, value, base = question.policy.max_jump, question.known(winner), question.base
    if limit is None or not isinstance(value, int) or not isinstance(base, int):
        return False
    return value - base > limit


def hold_what_does_not_stick(question: Question, verdict: Verdict) -> Verdict:
    """Hold a write that its side refused, or stored differently two rounds running (law 10)."""
    unkept = question.unkept
    write = next((w for w in verdict.writes if unkept is not None and unkept.side is w.side), None)
    if write is None or unkept is None or unkept.resolution != verdict.resolution:
        return verdict
    repeated = unkept.written == write.value and unkept.stored == write.expected
    if not repeated:
        return verdict
    reason = unkept.reason(question.circumstances)
    if reason is None:
        return verdict
    category = Category.CONFLICT if reason is Reason.NOT_DELIVERED else Category.HELD
    return Verdict(category, row=10, reason=reason)

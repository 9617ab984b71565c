"""What a person decided of one disagreement, and what follows from it. Pure.

A reviewer fills in a row of the conflict report; that becomes a `Resolution`, which the next cycle turns into a
verdict. It acts only while each side holds what the reviewer saw, or already holds what was decided (law 8).
What may be decided at all is asked of `ownership.may_write`; who asks, and when, is `sync.review`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category, UnkeptWrite, Verdict, Write
from stocksync.stock.values import ABSENT, BLANK, SIDES, Invalid, Kind, Known, Reading, Side, as_text, same


class Choice(StrEnum):
    """What a reviewer may choose: one side's value, another value, or to leave it as it is.

    UNDO is no word of the report: it takes a decision back that was carried out already.
    """

    MODULE = "module"
    DMS = "dms"
    VALUE = "value"
    IGNORE = "ignore"
    UNDO = "undo"


SIDE_OF: Final = {Choice.MODULE: Side.VEHICLE_MODULE, Choice.DMS: Side.DMS}
"""The side whose value a choice takes."""


class Standing(StrEnum):
    """How a decision stands against what both sides hold now.

    DUE: a side does not hold yet what was decided, and holds what the reviewer saw. KEPT: both hold what was decided.
    STALE: a side holds something else. WAITING: a side does not show the attribute now. FORBIDDEN: the mapping does
    not let it be carried out any more. REFUSED: a side refused the write, and nothing moved since.
    """

    DUE = "due"
    KEPT = "kept"
    STALE = "stale"
    WAITING = "waiting"
    FORBIDDEN = "forbidden"
    REFUSED = "refused"


class Answer(StrEnum):
    """What a reviewer is told of one decision."""

    ACCEPTED = "accepted"
    ALREADY = "already"
    STALE = "stale"
    UNKNOWN = "unknown"
    UNREADABLE = "unreadable"
    NOT_PERMITTED = "not_permitted"
    CONTRADICTED = "contradicted"


class Why(StrEnum):
    """Why a decision is not permitted."""

    ONLY_IGNORE = "only_ignore"
    OWNERSHIP_UNKNOWN = "ownership_unknown"
    NOT_SYNCHRONISED = "not_synchronised"
    SIDE_UNREADABLE = "side_unreadable"
    NOT_THE_OWNER = "not_the_owner"
    IMMUTABLE = "immutable"
    DECREASES = "decreases"
    JUMPS = "jumps"
    OUT_OF_BOUNDS = "out_of_bounds"
    BREAKS_RULE = "breaks_rule"
    CANNOT_WRITE = "cannot_write"
    RECORD_CLOSED = "record_closed"
    NO_SPELLING = "no_spelling"
    OTHER_POINT_OF_SALE = "other_point_of_sale"


@dataclass(frozen=True, slots=True)
class Resolution:
    """One decision that has still to be carried out, about one attribute of one car.

    number: its own, in the store. reason: what the report row was about. targets: what each side is to hold.
    seen: what each side held when the reviewer saw it, as text, None for nothing. former_base: of a decision that is
    taken back, the last common value before it.
    """

    number: int
    subject: str
    reason: Reason
    choice: Choice
    targets: Mapping[Side, Known]
    seen: Mapping[Side, str | None]
    former_base: Known = ABSENT

    @property
    def agrees(self) -> bool:
        """True iff both sides are to hold the same; taking a decision back leads to the former disagreement."""
        return self.choice is not Choice.UNDO

    def touches(self, side: Side) -> bool:
        """Tell whether a side was to be written."""
        return as_text(self.targets[side]) != self.seen[side]

    def base_after(self, base: Mapping[str, Known], value: Known) -> dict[str, Known]:
        """The last common values once it is carried out; taking back brings the former one back, or none."""
        kept = {name: known for name, known in base.items() if name != self.subject}
        now = value if self.agrees else self.former_base
        return kept if now is ABSENT else {**kept, self.subject: now}

    def standing(
        self,
        kind: Kind,
        readings: Mapping[Side, Reading],
        tolerance: int = 0,
        unkept: UnkeptWrite | None = None,
    ) -> Standing:
        """Hold the decision against what both sides hold now.

        unkept: the last write of the attribute that did not stick; what a side made of ours is nobody's edit (law 9).
        """
        if any(readings[side] is ABSENT for side in SIDES):
            return Standing.WAITING
        held = {side: holds(kind, readings[side], self.targets[side], tolerance) for side in SIDES}
        if all(held.values()):
            return Standing.KEPT
        ours = unkept if unkept is not None and unkept.resolution == self.number else None
        as_seen = {
            side: (as_text(readings[side]) or None) == (self.seen[side] or None)
            or (ours is not None and ours.side is side and readings[side] == ours.stored)
            for side in SIDES
        }
        return Standing.DUE if all(held[side] or as_seen[side] for side in SIDES) else Standing.STALE


def holds(kind: Kind, reading: Reading, value: Known, tolerance: int = 0) -> bool:
    """Tell whether a side holds a value."""
    return not isinstance(reading, Invalid) and same(kind, reading, value, tolerance)


def carry_out(resolution: Resolution, kind: Kind, readings: Mapping[Side, Reading], tolerance: int = 0) -> Verdict:
    """Turn a decision that is due into a verdict: each side that does not hold it yet is written.

    readings: what the sides say themselves, before any rule between values; a write is held against that.
    """
    writes = [
        Write(side, resolution.targets[side], readings[side], fills_blank=readings[side] is BLANK)
        for side in SIDES
        if not holds(kind, readings[side], resolution.targets[side], tolerance)
    ]
    return Verdict(
        Category.WRITTEN,
        row=0,
        reason=Reason.DECIDED_BY_REVIEWER,
        write=writes[0],
        other_write=writes[1] if len(writes) > 1 else None,
        resolution=resolution.number,
    )

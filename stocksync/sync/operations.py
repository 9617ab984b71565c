"""Turning one car's verdicts into requests: a reservation first, then attributes, then stages, or a creation alone."""

from __future__ import annotations

from collections.abc import Iterable

from stocksync.stock import vehicle as words
from stocksync.stock.lifecycle import StageVerdict
from stocksync.stock.ownership import Owner, may_write
from stocksync.stock.reconcile import Category, Verdict
from stocksync.stock.values import ABSENT, BLANK, SIDES, Invalid, Side, is_value
from stocksync.sync.cars import REFERENCE
from stocksync.sync.draft import CarDraft
from stocksync.sync.plan import Action, Change, Operation
from stocksync.sync.stages import creates_in_module


def operations_due(draft: CarDraft, stage: StageVerdict) -> tuple[Operation, ...]:
    """List what is to be sent, in order for each side; the police number goes before the stage that asks for it."""
    if stage.create_in_dms:
        return (_creation(draft, Side.DMS),)
    if creates_in_module(draft, stage):
        return (_creation(draft, Side.VEHICLE_MODULE),)
    operations: list[Operation] = []
    if stage.reserve:
        # First of all: while it is not there, the car can be sold a second time.
        operations.append(_operation(draft, Side.VEHICLE_MODULE, Action.RESERVE))
    verdicts = draft.verdicts if not draft.only_agrees else {}
    writing = [(name, verdict) for name, verdict in verdicts.items() if verdict.write is not None]
    for side in SIDES:
        changes, reference = _changes(writing, side) if writing else (), _reference_due(draft, side)
        if changes or reference is not None:
            operations.append(_operation(draft, side, Action.UPDATE, changes, reference))
    for step in stage.moves:
        change = Change(words.STAGE, step.goal, step.source)
        operations.append(_operation(draft, Side.VEHICLE_MODULE, Action.UPDATE, (change,)))
    return tuple(operations)


def _changes(writing: Iterable[tuple[str, Verdict]], side: Side) -> tuple[Change, ...]:
    return tuple(
        Change(name, write.value, write.expected, write.fills_blank, verdict.resolution)
        for name, verdict in writing
        for write in verdict.writes
        if write.side is side
    )


def _operation(
    draft: CarDraft,
    side: Side,
    action: Action,
    changes: tuple[Change, ...] = (),
    reference: str | None = None,
) -> Operation:
    vehicle = draft.sighting.on(side)
    assert vehicle is not None
    return Operation(side, action, vehicle.record_id, changes, reference, vehicle.version)


def _reference_due(draft: CarDraft, side: Side) -> str | None:
    """The other side's id, iff the car is bound and this side's note of it is blank; never over a value."""
    vehicle = draft.sighting.on(side)
    if vehicle is None or vehicle.reference is not None:
        return None
    other = draft.sighting.on(side.other)
    if other is None or draft.mapping.translations[side].reference_path is None:
        return None
    if not draft.takes_writes(side) or draft.unkept(REFERENCE, other.record_id, BLANK):
        return None
    draft.verdicts.setdefault(f"{REFERENCE}_{side}", Verdict(Category.WRITTEN, row=0))
    return other.record_id


def _creation(draft: CarDraft, side: Side) -> Operation:
    """Carry every readable attribute that the side has a place for; the DMS alone gives police numbers."""
    source = draft.sighting.on(side.other)
    assert source is not None
    translation = draft.mapping.translations[side]
    changes = []
    for name, policy in draft.policies.items():
        value = draft.reading(side.other, name)
        if policy is None or policy.owner is Owner.NONE or not may_write(policy, side, fills_blank=True):
            continue
        if not isinstance(value, Invalid) and is_value(value) and translation.can_spell(name, value):
            changes.append(Change(name, value, ABSENT, fills_blank=True))
    return Operation(side, Action.CREATE, None, tuple(changes), reference=source.record_id)

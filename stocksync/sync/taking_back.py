"""Taking a reviewer's decision back, as long as nothing moved since. Pure.

One that was not carried out yet is simply void. One that was is undone by writing on each side what it held before;
then the last common value is again what it was before the decision, so that the very same disagreement is back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.stock.ownership import may_write
from stocksync.stock.reasons import Reason
from stocksync.stock.resolution import Choice, Standing
from stocksync.stock.values import ABSENT, BLANK, SIDES, Invalid, Kind, Known, Reading, Side, as_text, from_text
from stocksync.stock.vehicle import Attribute
from stocksync.sync.answers import CarAnswer
from stocksync.sync.cars import readings_of
from stocksync.sync.decisions import ResolutionStatus, StoredResolution, resolution_of


class Stands(StrEnum):
    """Why a decision can no longer be taken back."""

    ENDED = "ended"
    CAR_LEFT = "car_left"
    MOVED = "moved"
    WAS_UNREADABLE = "was_unreadable"
    NOT_PERMITTED = "not_permitted"


@dataclass(frozen=True, slots=True)
class TakingBack:
    """How a decision is taken back.

    stands: why it cannot be, None where it can. counter: the decision that undoes it, where it was carried out.
    """

    stands: Stands | None = None
    counter: StoredResolution | None = None


def taking_back(
    stored: StoredResolution, car: CarAnswer | None, mapping: PointOfSaleMapping, by: str, at: datetime
) -> TakingBack:
    """See how a decision can be taken back."""
    if not stored.in_force:
        return TakingBack(Stands.ENDED)
    if stored.choice is Choice.IGNORE or stored.closed_because == "already":
        return TakingBack()
    attribute = mapping.vocabulary.get(stored.subject)
    if car is None or car.closed or car.plan is None or car.plan.context is None or attribute is None:
        return TakingBack(Stands.CAR_LEFT)
    resolution = resolution_of(stored)
    readings = readings_of(car.vehicles, stored.subject)
    standing = resolution.standing(attribute.kind, readings, attribute.tolerance)
    if stored.status is ResolutionStatus.PENDING and not _is_begun(stored, readings, attribute):
        return TakingBack()
    if standing not in (Standing.KEPT, Standing.DUE):
        return TakingBack(Stands.MOVED)
    former = {side: from_text(attribute.kind, resolution.seen[side]) for side in SIDES}
    unreadable = (isinstance(former[side], Invalid) or f"{side}_invalid" in stored.seen.details for side in SIDES)
    if any(unreadable):
        return TakingBack(Stands.WAS_UNREADABLE)
    written = [side for side in SIDES if resolution.touches(side)]
    policy = mapping.matrix.policies_in(car.plan.context).get(stored.subject)
    if policy is None or not all(may_write(policy, side, fills_blank=False, reviewed=True) for side in written):
        return TakingBack(Stands.NOT_PERMITTED)
    return TakingBack(counter=_counter(stored, former, readings, attribute.kind, by, at))


def _is_begun(stored: StoredResolution, readings: dict[Side, Reading], attribute: Attribute) -> bool:
    """Tell whether one side was written already."""
    resolution = resolution_of(stored)
    return any(
        resolution.touches(side)
        and readings[side] is not ABSENT
        and not isinstance(readings[side], Invalid)
        and readings[side] != from_text(attribute.kind, resolution.seen[side])
        for side in SIDES
    )


def _counter(
    stored: StoredResolution,
    former: Mapping[Side, Reading],
    readings: Mapping[Side, Reading],
    kind: Kind,
    by: str,
    at: datetime,
) -> StoredResolution:
    targets: dict[Side, Known] = {s: value for s, value in former.items() if not isinstance(value, Invalid)}
    held = {side: as_text(readings[side]) for side in SIDES}
    seen = replace(stored.seen, vehicle_module=held[Side.VEHICLE_MODULE], dms=held[Side.DMS], details={})
    return replace(
        stored,
        number=0,
        choice=Choice.UNDO,
        targets=targets,
        seen=seen,
        comment="",
        decided_by=by,
        decided_at=at,
        file="",
        file_digest="",
        status=ResolutionStatus.PENDING,
        closed_at=None,
        closed_because=None,
        undoes=stored.number,
        former_base=_former_base(stored, kind),
    )


def _former_base(stored: StoredResolution, kind: Kind) -> Known:
    """The last common value that the reviewer saw; a blank one and none at all are told apart by the reason."""
    if stored.seen.base is None:
        return BLANK if stored.reason in (Reason.BOTH_CHANGED, Reason.REFUSED_CHANGE) else ABSENT
    base = from_text(kind, stored.seen.base)
    return ABSENT if isinstance(base, Invalid) else base

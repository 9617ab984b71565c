"""When a point of sale is due, and for which kind of run. Pure: instants in, instants out.

A complete run has one wall time a day, in the time zone of its point of sale; a quick one an interval. Not here: who
is asked at those instants (`entrypoints.serve`), and whose turn it is (`dispatch`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from stocksync.sync.health import PointHealth, RunShown
from stocksync.sync.recording import RunKind, RunStatus

JITTER: Final = 0.1
"""The share of an interval by which it is drawn shorter or longer, so that points of sale do not march in step."""

COMPLETE_AGAIN_AFTER: Final = timedelta(minutes=30)
"""How long a complete run that did not come to its end is let be; quick ones go on meanwhile."""

_A_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When one point of sale is synchronised."""

    quick_every_s: float
    complete_at: time
    zone: ZoneInfo


# the nightly instants


def nightly_at(day: date, wall_time: time, zone: ZoneInfo) -> datetime:
    """The one instant of a calendar day at which clocks show a wall time, in UTC.

    Where clocks show it twice, the first time; where they jump over it, the first instant after the jump.
    """
    wall = datetime.combine(day, wall_time)
    instant_at = wall.replace(tzinfo=zone).astimezone(UTC)
    if instant_at.astimezone(zone).replace(tzinfo=None) == wall:
        return instant_at
    # Within a jump, `fold` 1 reads the offset that holds after it: an instant before the jump.
    return _jump_between(wall.replace(tzinfo=zone, fold=1).astimezone(UTC), instant_at, zone)


def next_nightly(after_at: datetime, wall_time: time, zone: ZoneInfo) -> datetime:
    """The first nightly instant later than this one, in UTC."""
    return min(at for at in _around(after_at, wall_time, zone) if at > after_at)


def last_nightly(before_at: datetime, wall_time: time, zone: ZoneInfo) -> datetime:
    """The newest nightly instant not later than this one, in UTC."""
    return max(at for at in _around(before_at, wall_time, zone) if at <= before_at)


def is_complete_due(last_started_at: datetime | None, now_at: datetime, wall_time: time, zone: ZoneInfo) -> bool:
    """Tell whether a nightly instant has passed since the last complete run began; before the first one, always."""
    return last_started_at is None or last_nightly(now_at, wall_time, zone) > last_started_at


# the quick instants


def jittered_s(every_s: float, random: Random) -> float:
    """An interval as it is drawn this time: up to a tenth shorter or longer."""
    return every_s * random.uniform(1 - JITTER, 1 + JITTER)


def phase_s(index: int, count: int, every_s: float) -> float:
    """After how long the point of sale at a place in the list is first asked: they are spread over one interval."""
    return every_s * (index + 1) / count


# what a turn turns out to be


def kind_of_turn(
    asked: RunKind, health: PointHealth, schedule: Schedule, now_at: datetime, complete_tried_at: datetime | None
) -> RunKind | None:
    """Decide which kind of run a turn is for, when it is taken; None for none at all.

    A quick turn becomes the complete run iff that is due. A halted point of sale is looked at again in the way in which
    it was halted, so that the plan that a person releases is the plan that comes up; records that were named wait
    for that. complete_tried_at: when this process last began a complete run there, None if it did not.
    """
    if asked is RunKind.COMPLETE or health.last_complete is None:
        return RunKind.COMPLETE
    waiting = health.halted or _released(health)
    if waiting is not None:
        halted_kind = RunKind.COMPLETE if waiting.kind is RunKind.COMPLETE else RunKind.DELTA
        return None if asked is RunKind.HINTED else halted_kind
    if asked is RunKind.HINTED:
        return RunKind.HINTED
    is_due = is_complete_due(health.last_complete.started_at, now_at, schedule.complete_at, schedule.zone)
    was_just_tried = complete_tried_at is not None and now_at - complete_tried_at < COMPLETE_AGAIN_AFTER
    return RunKind.COMPLETE if is_due and not was_just_tried else RunKind.DELTA


def _released(health: PointHealth) -> RunShown | None:
    return health.last if health.last is not None and health.last.status is RunStatus.RELEASED else None


def _around(instant_at: datetime, wall_time: time, zone: ZoneInfo) -> Iterator[datetime]:
    today = instant_at.astimezone(zone).date()
    for days in (-2, -1, 0, 1, 2):
        yield nightly_at(today + timedelta(days=days), wall_time, zone)


def _jump_between(before_at: datetime, after_at: datetime, zone: ZoneInfo) -> datetime:
    """Find the instant at which a zone's offset changes, to the second."""
    offset = before_at.astimezone(zone).utcoffset()
    while after_at - before_at > _A_SECOND:
        middle_at = before_at + (after_at - before_at) // _A_SECOND // 2 * _A_SECOND
        if middle_at.astimezone(zone).utcoffset() == offset:
            before_at = middle_at
        else:
            after_at = middle_at
    return after_at

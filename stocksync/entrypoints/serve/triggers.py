"""The instants of `sync.timetable`, in the form in which APScheduler asks for them.

A trigger only ever answers with an instant that is still to come: after a sleep of the machine a point of sale is asked
once, not once for every interval that passed.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger

from stocksync.sync.timetable import jittered_s, next_nightly


class NightlyTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """Once each calendar day of a time zone, also on the days on which its clocks change."""

    def __init__(self, wall_time: time, zone: ZoneInfo) -> None:
        self.wall_time = wall_time
        self.zone = zone

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """The next instant, in UTC."""
        return next_nightly(_latest(previous_fire_time, now), self.wall_time, self.zone)

    def __str__(self) -> str:
        return f"nightly at {self.wall_time:%H:%M} in {self.zone.key}"


class QuickTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """Again and again after an interval, each drawn a little shorter or longer."""

    def __init__(self, first_at: datetime, every_s: float, random: Random) -> None:
        self.first_at = first_at
        self.every_s = every_s
        self.random = random

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """The next instant, in UTC."""
        if previous_fire_time is None and self.first_at > now:
            return self.first_at.astimezone(UTC)
        return _latest(previous_fire_time, now) + timedelta(seconds=jittered_s(self.every_s, self.random))

    def __str__(self) -> str:
        return f"every {self.every_s:g} s"


def _latest(previous: datetime | None, now: datetime) -> datetime:
    return (now if previous is None else max(previous, now)).astimezone(UTC)

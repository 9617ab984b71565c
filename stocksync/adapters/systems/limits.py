"""How often a system is asked: a bucket of tokens for each address, shared by the whole process.

Whoever comes is told at once when it may go, and waits on the clock until then: nothing is polled. Counts begin anew
with the process. Not here: what a system itself asks for by 429, which is `answers`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from stocksync.errors import RateLimited
from stocksync.mapping.connection import LimitsModel
from stocksync.sync.ports import Clock

_AN_HOUR = timedelta(hours=1)
_SET_BACK = timedelta(seconds=5)


class DayUsedUp(RateLimited):
    """No more requests for today; nothing was sent, and waiting here would take hours."""


@dataclass(slots=True)
class Bucket:
    """What one address was asked.

    The generic cell rate algorithm: `due_at` is when the bucket would be full again. Days slide by the hour, so that
    no 24 hours ever see more than a day's requests.
    """

    _lock: Lock = field(default_factory=Lock)
    _due_at: datetime | None = None
    _last_at: datetime | None = None
    _hours: deque[tuple[datetime, int]] = field(default_factory=deque)

    def wait(self, limits: LimitsModel, clock: Clock, name: str) -> None:
        """Wait for one request's turn. Raises DayUsedUp."""
        with self._lock:
            wait_s = self._taken(limits, clock.now_at(), name)
        if wait_s > 0:
            clock.pause(wait_s)

    def _taken(self, limits: LimitsModel, now_at: datetime, name: str) -> float:
        if self._last_at is not None and now_at < self._last_at - _SET_BACK:
            # The clock was set back: what was due by the old one would be waited for as long.
            self._due_at = None
        self._last_at = now_at
        if limits.per_day is not None:
            self._count(limits.per_day, now_at, name)
        if limits.per_second is None:
            return 0.0
        interval = timedelta(seconds=1 / limits.per_second)
        self._due_at = max(self._due_at or now_at, now_at) + interval
        return (self._due_at - limits.burst * interval - now_at).total_seconds()

    def _count(self, per_day: int, now_at: datetime, name: str) -> None:
        hour = now_at.replace(minute=0, second=0, microsecond=0)
        while self._hours and self._hours[0][0] < hour - 24 * _AN_HOUR:
            self._hours.popleft()
        if sum(count for _, count in self._hours) >= per_day:
            free_at = self._hours[0][0] + 25 * _AN_HOUR
            text = f"was asked {per_day:,} times in 24 hours, as its limits allow: try again from {free_at:%H:%M} UTC"
            raise DayUsedUp(f"{name[:1].upper()}{name[1:]} {text}", (free_at - now_at).total_seconds())
        if self._hours and self._hours[-1][0] == hour:
            self._hours[-1] = (hour, self._hours[-1][1] + 1)
        else:
            self._hours.append((hour, 1))


_buckets: dict[str, Bucket] = {}
_buckets_lock = Lock()


def bucket_of(address: str) -> Bucket:
    """The bucket of an address, one and the same for everybody in this process."""
    with _buckets_lock:
        return _buckets.setdefault(address, Bucket())

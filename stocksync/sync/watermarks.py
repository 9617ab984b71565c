"""Up to when a side's changes are known to be all seen, on that side's own clock. Pure.

Stamps of two systems are never held against one another. A stamp far ahead of the others is somebody's mistake, or a
clock's: it moves no watermark, or quick runs would see nothing until that day has come.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

FARTHEST_AHEAD: Final = timedelta(days=2)
"""No clock is that wrong, whatever its time zone."""


@dataclass(frozen=True, slots=True)
class Covered:
    """What one listing says of time: stamps, those of records that nothing could be done with, how long it took."""

    stamps: tuple[datetime, ...] = ()
    failed: tuple[datetime, ...] = ()
    took: timedelta = timedelta(0)


def next_mark(
    covered: Covered, before: datetime | None, now_at: datetime, held_back: Iterable[datetime], *, complete: bool
) -> datetime | None:
    """The watermark after a run that came to its end; None where nothing can be said.

    It is the latest change that was shown, less the time the listing took: a record that was read early may have
    changed again before the last one was read. A quick run only ever moves it on. Never past what is held back: records
    of cars that something is left to do for, changes that were missed, records that nothing could be done with.
    """
    limit = now_at.astimezone(UTC).replace(tzinfo=None) + FARTHEST_AHEAD
    shown = max((stamp for stamp in covered.stamps if stamp <= limit), default=None)
    mark = shown - covered.took if shown is not None else None
    if before is not None and (mark is None or not complete):
        mark = max(mark or before, before)
    return min([mark, *covered.failed, *held_back]) if mark is not None else None

"""When a system says that a record changed, and how it is asked for what changed since: its own clock, its spelling.

Every instant here is without a zone, on one system's own clock; RFC 3339 becomes UTC. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from stocksync.mapping.connection import ChangesModel
from stocksync.mapping.paths import value_at

RFC3339: Final = "rfc3339"
_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
_LETTERS: Final = {"yyyy": "%Y", "mm": "%m", "dd": "%d", "hh": "%H", "mi": "%M", "ss": "%S"}
_AN_HOUR: Final = timedelta(hours=1)


def stamp_of(body: Mapping[str, Any], changes: ChangesModel | None) -> datetime | None:
    """Read when a record was last changed; None where it does not say so, or not readably."""
    text = value_at(body, changes.stamp) if changes is not None else None
    if changes is None or not isinstance(text, str):
        return None
    try:
        if changes.format != RFC3339:
            return datetime.strptime(text, _pattern(changes.format))
        if not _RFC3339.fullmatch(text):
            return None
        # Python reads six digits of a second at most.
        short = re.sub(r"(\.\d{6})\d+", r"\1", text.upper())
        return datetime.fromisoformat(short).astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None


def since_text(since: datetime, changes: ChangesModel) -> str:
    """Spell the instant to ask from: `since`, less the overlap, less the hour that may have come twice."""
    try:
        from_at = since - timedelta(seconds=changes.overlap_s) - _twice(since, changes.time_zone)
    except OverflowError:
        from_at = since
    if changes.format == RFC3339:
        return from_at.isoformat(timespec="microseconds") + "Z"
    return from_at.strftime(_pattern(changes.format))


def _twice(local: datetime, time_zone: str | None) -> timedelta:
    """An hour around the moment when local clocks go back: stamps of the second pass are older than those before."""
    if time_zone is None:
        return timedelta(0)
    zone = ZoneInfo(time_zone)
    around = [(local + hours * _AN_HOUR).replace(tzinfo=zone) for hours in (-1, 0, 1, 2)]
    goes_back = any(at.utcoffset() != at.replace(fold=1).utcoffset() for at in around)
    return _AN_HOUR if goes_back else timedelta(0)


def _pattern(letters: str) -> str:
    return re.sub("|".join(_LETTERS), lambda found: _LETTERS[found.group()], letters)

"""When a system says that a record changed, and how it is asked for what changed since: its own clock, its spelling.

Every instant here is without a zone, on one system's own clock; RFC 3339 and seconds since 1970 become UTC. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from stocksync.mapping.connection import ChangesModel
from stocksync.mapping.paths import value_at

RFC3339: Final = "rfc3339"
_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
_LETTERS: Final = {"yyyy": "%Y", "mm": "%m", "dd": "%d", "hh": "%H", "mi": "%M", "ss": "%S"}
_EPOCH: Final = datetime(1970, 1, 1)
_EPOCHS: Final = {"epoch_s": timedelta(seconds=1), "epoch_ms": timedelta(milliseconds=1)}
_UNITS: Final = {**_EPOCHS, RFC3339: timedelta(microseconds=1)}
_AN_HOUR: Final = timedelta(hours=1)


def stamp_of(body: Mapping[str, Any], changes: ChangesModel | None) -> datetime | None:
    """Read when a record was last changed; None where it does not say so, or not readably."""
    if changes is None:
        return None
    said, form = value_at(body, changes.stamp), changes.stamp_format or changes.format
    try:
        if form in _EPOCHS:
            return _from_epoch(said, _EPOCHS[form])
        if not isinstance(said, str):
            return None
        return _from_rfc3339(said) if form == RFC3339 else _from_local(said, form)
    except (ValueError, OverflowError):
        return None


def since_text(since: datetime, changes: ChangesModel) -> str:
    """Spell the instant to ask from: `since`, less the overlap, less the hour that may have come twice."""
    form = changes.format
    earlier = timedelta(0) if changes.inclusive else _UNITS.get(form, timedelta(seconds=1))
    try:
        from_at = since - timedelta(seconds=changes.overlap_s) - _twice(since, changes.time_zone) - earlier
    except OverflowError:
        from_at = since
    if form == RFC3339:
        text = from_at.isoformat(timespec="microseconds") + "Z"
    elif form in _EPOCHS:
        text = str((from_at - _EPOCH) // _EPOCHS[form])
    else:
        text = from_at.strftime(_pattern(form))
    return changes.template.replace("{since}", text)


def _from_rfc3339(said: str) -> datetime | None:
    found = _RFC3339.fullmatch(said)
    if found is None:
        return None
    fraction, zone = found.groups()
    # Python reads six digits of a second at most.
    short = said if fraction is None or len(fraction) <= 7 else re.sub(r"(\.\d{6})\d+", r"\1", said)
    if zone in ("Z", "z"):
        return datetime.fromisoformat(short[:-1])
    return datetime.fromisoformat(short.upper()).astimezone(UTC).replace(tzinfo=None)


def _from_local(said: str, form: str) -> datetime:
    layout = _layout(form)
    found = layout.fullmatch(said) if layout is not None else None
    if found is None:
        return datetime.strptime(said, _pattern(form))
    said_of = found.groupdict()
    day = int(said_of["yyyy"]), int(said_of["mm"]), int(said_of["dd"])
    return datetime(*day, int(said_of.get("hh", 0)), int(said_of.get("mi", 0)), int(said_of.get("ss", 0)))


@lru_cache(maxsize=64)
def _layout(form: str) -> re.Pattern[str] | None:
    """What a form looks like, digit for digit: read a good deal quicker than by `strptime`, which would say the same.

    None where that is not so: an instant needs its day at least, and each part once.
    """
    named = re.findall("|".join(_LETTERS), form)
    if len(set(named)) != len(named) or not {"yyyy", "mm", "dd"} <= set(named):
        return None
    parts = re.split("(" + "|".join(_LETTERS) + ")", form)
    return re.compile(
        "".join(rf"(?P<{part}>[0-9]{{{len(part)}}})" if part in _LETTERS else re.escape(part) for part in parts)
    )


def _from_epoch(said: Any, unit: timedelta) -> datetime | None:
    if isinstance(said, str):
        said = int(said) if re.fullmatch(r"[0-9]{1,15}", said) else None
    if isinstance(said, bool) or not isinstance(said, int | Decimal):
        return None
    microseconds = int(said * (unit // timedelta(microseconds=1)))
    return _EPOCH + timedelta(microseconds=microseconds)


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

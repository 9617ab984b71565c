"""What is asked of the machine: time zones, the clock, how many files may be open."""

from __future__ import annotations

import resource
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import stocksync
from stocksync.entrypoints.doctor import Area, Finding, fault, ok, warning
from stocksync.sync.ports import Clock

_HERE: Final = Area.MACHINE
_FEW_FILES: Final = 256
_TOO_FEW_FILES: Final = 64


def check_machine(time_zones: Iterable[str], clock: Clock) -> Iterator[Finding]:
    """Ask everything that neither a system nor the database can answer."""
    yield from _time_zones(time_zones)
    yield _clock(clock)
    yield _open_files()


def _time_zones(names: Iterable[str]) -> Iterator[Finding]:
    asked = list(dict.fromkeys([*names, "Europe/Paris"]))
    missing = []
    for name in asked:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            missing.append(name)
    if missing:
        yield fault(_HERE, "time_zones_missing", "", zones=", ".join(missing))
    else:
        yield ok(_HERE, "time_zones_there", "", zones=", ".join(asked))


def _clock(clock: Clock) -> Finding:
    """No clock can be right that shows a time before this program was put on the machine."""
    now_at = clock.now_at()
    built_at = datetime.fromtimestamp(Path(stocksync.__file__).stat().st_mtime, UTC)
    told = {"now": f"{now_at:%Y-%m-%d %H:%M} UTC", "built": f"{built_at:%Y-%m-%d %H:%M} UTC"}
    return fault(_HERE, "clock_behind", "", **told) if now_at < built_at else ok(_HERE, "clock_sane", "", **told)


def _open_files() -> Finding:
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    told = {"number": str(allowed), "enough": str(_FEW_FILES)}
    if allowed == resource.RLIM_INFINITY or allowed >= _FEW_FILES:
        return ok(_HERE, "open_files", "", **told)
    return (fault if allowed < _TOO_FEW_FILES else warning)(_HERE, "open_files_few", "", **told)

"""What `stocksync status` shows of each point of sale's mapping, kept from one time to the next.

To know these few words everything in the mapping files is read and checked, which takes longer than all the rest. So
they are kept beside the database, as JSON, for exactly these bytes of all files and exactly this program. Of files that
are not valid nothing is kept. Whatever is wrong with what was kept, the files are read instead; and it says no more
than names, time zones and minutes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import stocksync
from stocksync.mapping.load import load_files
from stocksync.reports.files import write_atomically

if TYPE_CHECKING:
    from stocksync.mapping.effective import PointOfSaleMapping
    from stocksync.stock.vehicle import Attribute

KEPT_SUFFIX: Final = ".mappings.json"
_MOST_BYTES: Final = 4 * 1024 * 1024
_FORMAT: Final = "1"
_PARTS: Final = ("mapping", "mapping/models", "stock")


@dataclass(frozen=True, slots=True)
class ShownPoint:
    """What is shown of a point of sale; vocabulary: its attributes by name, read only where a guard speaks of them."""

    id: str
    name: str
    time_zone: str
    quick_every_min: int
    vocabulary: Callable[[], Mapping[str, Attribute]]


def shown(mapping: PointOfSaleMapping) -> ShownPoint:
    """What is shown of a mapping."""
    return ShownPoint(
        mapping.id, mapping.name, mapping.time_zone, mapping.schedule.quick_every_min, lambda: mapping.vocabulary
    )


def valid_points(files: Mapping[str, bytes], kept: Path | None) -> dict[str, ShownPoint]:
    """The points of sale of mapping files, in their order; kept: where they are kept, None for nowhere.

    Raises MappingInvalid.
    """
    if kept is None:
        return _read(files)
    key = _key(files)
    found = _of_before(kept, key, files)
    if found is None:
        found = _read(files)
        _keep(kept, key, found)
    return found


def _read(files: Mapping[str, bytes]) -> dict[str, ShownPoint]:
    return {name: shown(mapping) for name, mapping in load_files(files).points_of_sale.items()}


def _key(files: Mapping[str, bytes]) -> str:
    """A hash of the files' names and bytes, and of the program that says whether they are valid."""
    said = hashlib.sha256()
    for part in (_FORMAT, stocksync.__version__, *_program()):
        said.update(f"{part}\n".encode())
    for name, raw in files.items():
        said.update(f"{name} {len(raw)}\n".encode(errors="surrogateescape"))
        said.update(raw)
    return said.hexdigest()


def _program() -> list[str]:
    """Every module that reads mapping files, with its size and time: a version number stays while one works on it."""
    home = Path(stocksync.__file__).parent
    return [
        f"{part}/{entry.name} {entry.stat().st_size} {entry.stat().st_mtime_ns}"
        for part in _PARTS
        for entry in sorted(os.scandir(home / part), key=lambda entry: entry.name)
        if entry.name.endswith(".py")
    ]


def _of_before(kept: Path, key: str, files: Mapping[str, bytes]) -> dict[str, ShownPoint] | None:
    """What was kept for this key; None where that is another one, or anything but what `_keep` writes."""
    try:
        with kept.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
        data = json.loads(raw) if len(raw) <= _MOST_BYTES else None
        if not isinstance(data, dict) or data.get("key") != key:
            return None
        return {name: _point(name, said, files) for name, said in data["points_of_sale"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _point(name: str, said: Any, files: Mapping[str, bytes]) -> ShownPoint:
    """Raises ValueError or one of the like for what `_keep` does not write."""
    called, time_zone, quick_every_min = said["name"], said["time_zone"], said["quick_every_min"]
    plain = isinstance(called, str) and called.isprintable() and name.isprintable()
    if not plain or type(quick_every_min) is not int or not 0 < quick_every_min <= 24 * 60:
        raise ValueError(name)
    ZoneInfo(time_zone)
    return ShownPoint(
        name, called, time_zone, quick_every_min, lambda: load_files(files).points_of_sale[name].vocabulary
    )


def _keep(kept: Path, key: str, points: Mapping[str, ShownPoint]) -> None:
    """Keep it for the next time; where that cannot be, nothing is lost but time."""
    data = {
        "key": key,
        "points_of_sale": {
            point.id: {"name": point.name, "time_zone": point.time_zone, "quick_every_min": point.quick_every_min}
            for point in points.values()
        },
    }
    with suppress(OSError):
        write_atomically(kept, json.dumps(data).encode())

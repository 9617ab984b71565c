"""The 72 daily listings of a group of dealers, as rows and as records of the vehicle module."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from stocksync.sync.ports import NativeRecord

FOLDER = "history/pnw_toyota_dealers_daily_2026"
COUNTS = "history/pnw_toyota_dealers_daily_2026_diff_counts.csv"

Row = dict[str, Any]


@dataclass(frozen=True)
class Day:
    """One file: its name, the instant at which it is read, and its rows in the order of the file."""

    file: str
    at: datetime
    rows: tuple[Row, ...] = field(repr=False)

    @property
    def with_vin(self) -> dict[str, Row]:
        """The rows that have a VIN; of several rows of a VIN the last one."""
        return {row["vin"]: row for row in self.rows if row.get("vin")}


def read_days(real_data: Path) -> list[Day]:
    """Read every file, oldest first."""
    return [_day(path) for path in sorted((real_data / FOLDER).glob("*.json.gz"))]


def _day(path: Path) -> Day:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = json.load(file, parse_float=Decimal)
    on = datetime.strptime(path.name, "inventory_%Y_%m_%d.json.gz")
    return Day(path.name, on.replace(hour=6, tzinfo=UTC), tuple(rows))


def record(row: Row, site: str, record_id: str) -> NativeRecord:
    """Make a record of the vehicle module of a row."""
    return NativeRecord(record_id, None, {**row, "site": site, "life": "listed"})

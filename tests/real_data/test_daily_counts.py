"""Seventy-two daily listings, each held against the snapshots that the store kept of the day before.

Whoever collected the listings counted what differs from day to day (key VIN, the last row of a VIN wins). The
program's own listing, translation, digests and snapshots must come to the same counts. Nothing is decided here: what
a cycle makes of these days is test_daily_cycles.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from sqlmodel import Session, select

from stocksync.adapters.store import codec
from stocksync.adapters.store.tables import SnapshotRow
from stocksync.stock.values import ABSENT, BLANK, Reading, same
from stocksync.stock.vehicle import Vehicle
from stocksync.sync import gather
from stocksync.sync.gather import Gathered
from stocksync.sync.recording import Recording, RunKind, Snapshot
from tests.real_data.daily_listings import COUNTS, Day, Row, read_days, record
from tests.real_data.replay import DMS, MODULE, Listing, Replay, mapping_with, open_database
from tests.worlds import ToldClock

EVERYWHERE = "ALL"
COLUMNS = {
    "chg_status": ("status", "listed_status"),
    "chg_stock_number": ("stock_number", "stock_number"),
    "chg_total_price": ("total_price", "sale_price"),
    "chg_msrp": ("msrp", "list_price"),
    "chg_dealer_name": ("dealer_name", "seller"),
    "chg_availability_date": ("availability_date", "availability"),
    "chg_exterior_color": ("exterior_color", "exterior_colour"),
    "chg_trim": ("trim", "version"),
}
"""The oracle's column, the field that it counts, and our attribute."""


@dataclass(frozen=True)
class Seen:
    """What the program saw of one day: what it listed, and how that differs from what it had kept.

    moved_alone: cars listed the day before whose digest moved, and none of whose attributes did.
    """

    rows: int
    listed: int
    without_id: int
    differences: Mapping[str, int]
    moved_alone: int


class Watch:
    """Every dealer's cars as one point of sale, listed day by day and kept as snapshots."""

    def __init__(self, directory: Path) -> None:
        self.replay = Replay(mapping_with("mappings_daily", {EVERYWHERE: EVERYWHERE}), open_database(directory))
        self.point = self.replay.point(EVERYWHERE)
        self.yesterday: frozenset[str] = frozenset()

    def look(self, day: Day) -> Seen:
        """List one day, compare it with the snapshots, and keep it."""
        rows = [record(row, EVERYWHERE, row.get("vin") or "") for row in day.rows]
        gathered = gather.list_both({MODULE: Listing(rows), DMS: Listing([])}, lambda *_: None, ToldClock(day.at))
        vehicles = gather.vehicles_of(self.point, gathered.records)[MODULE]
        listed, known = gathered.listed[MODULE], self._digests(gathered)
        changed = [s for s in self._snapshots(gathered, vehicles) if known.get(s.record_id) != s.digest]
        counts, moved_alone = self._columns(vehicles, [s.record_id for s in changed if s.record_id in self.yesterday])
        counts["added"] = len(listed - self.yesterday)
        counts["removed"] = len(self.yesterday - listed)
        counts["readded"] = len((listed - self.yesterday) & set(known))
        self._keep(day, changed)
        self.yesterday = listed
        return Seen(len(day.rows), len(listed), len(gathered.without_id[MODULE]), counts, moved_alone)

    def _digests(self, gathered: Gathered) -> dict[str, str]:
        known = self.replay.store.remembered(self.point.pair, MODULE, gathered.listed[MODULE])
        return {record_id: snapshot.digest for record_id, snapshot in known.items()}

    def _snapshots(self, gathered: Gathered, vehicles: Mapping[str, Vehicle]) -> list[Snapshot]:
        return [gather.snapshot_of(self.point, MODULE, r, vehicles[i]) for i, r in gathered.records[MODULE].items()]

    def _columns(self, vehicles: Mapping[str, Vehicle], changed: Iterable[str]) -> tuple[Counter[str], int]:
        """Count the changed cars by column, and those whose digest moved without any column."""
        counts: Counter[str] = Counter()
        moved_alone = 0
        for record_id, before in self._kept(set(changed)).items():
            moved = [c for c, (_, name) in COLUMNS.items() if self._moved(name, before, vehicles[record_id])]
            counts.update(moved)
            moved_alone += not moved
        return counts, moved_alone

    def _kept(self, record_ids: set[str]) -> dict[str, Vehicle]:
        translation = self.point.translations[MODULE]
        with Session(self.replay.store.engine) as session:
            rows = [row for row in session.exec(select(SnapshotRow)) if row.record_id in record_ids]
            return {r.record_id: translation.vehicle(r.record_id, r.version, codec.load(r.body)) for r in rows}

    def _moved(self, name: str, before: Vehicle, now: Vehicle) -> bool:
        was, is_now = before.reading(name), now.reading(name)
        kind = self.point.vocabulary[name].kind
        return not (_holds_nothing(was) and _holds_nothing(is_now)) and not same(kind, was, is_now)  # type: ignore[arg-type]

    def _keep(self, day: Day, changed: list[Snapshot]) -> None:
        store, point = self.replay.store, self.point
        files = self.replay.mappings.files
        with store.exclusive(point.id, ToldClock(day.at), "test") as fence:
            run_id = store.begin_run(point.pair, point.id, point.version, files, day.at, RunKind.COMPLETE, fence)
        store.record(Recording(run_id, day.at, point.pair, point.id, snapshots=tuple(changed)))


def _holds_nothing(reading: Reading) -> bool:
    return reading is ABSENT or reading is BLANK


@pytest.fixture(scope="module")
def days(real_data: Path) -> list[Day]:
    """Every daily listing, oldest first."""
    return read_days(real_data)


@pytest.fixture(scope="module")
def counted(real_data: Path) -> list[dict[str, str]]:
    """What the collectors counted, one row per listing."""
    with (real_data / COUNTS).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def seen(days: list[Day], tmp_path_factory: pytest.TempPathFactory) -> list[Seen]:
    """What the program saw of every day."""
    watch = Watch(tmp_path_factory.mktemp("counts"))
    return [watch.look(day) for day in days]


def test_every_row_of_every_day_is_listed_repeated_or_without_an_id(
    counted: list[dict[str, str]], seen: list[Seen]
) -> None:
    assert len(seen) == len(counted) == 72
    for said, saw in zip(counted, seen, strict=True):
        assert (saw.rows, saw.without_id, saw.listed) == (
            int(said["rows"]),
            int(said["blank_vin"]),
            int(said["distinct_vin"]),
        ), said["file"]
        assert saw.rows - saw.without_id - saw.listed == int(said["dup_vin"]), said["file"]


def test_cars_added_removed_and_back_again_are_those_that_the_collectors_counted(
    counted: list[dict[str, str]], seen: list[Seen]
) -> None:
    for said, saw in list(zip(counted, seen, strict=True))[1:]:
        for name in ("added", "removed", "readded"):
            assert saw.differences[name] == int(said[name]), (said["file"], name)


@pytest.mark.parametrize("column", list(COLUMNS))
def test_changes_of_a_column_are_those_that_the_collectors_counted(
    days: list[Day], counted: list[dict[str, str]], seen: list[Seen], column: str
) -> None:
    field = COLUMNS[column][0]
    before = days[0]
    for day, said, saw in list(zip(days, counted, seen, strict=True))[1:]:
        # The collectors take null and an empty text for two values; here both are a field that holds nothing.
        respelled = _respelled(before, day, field)
        assert saw.differences.get(column, 0) == int(said[column]) - respelled, said["file"]
        before = day


def _respelled(before: Day, day: Day, field: str) -> int:
    was, now = before.with_vin, day.with_vin
    both = [(was[vin].get(field), now[vin].get(field)) for vin in was.keys() & now.keys()]
    return sum(a != b and not a and not b for a, b in both)


def test_some_empty_stock_numbers_change_their_spelling(days: list[Day]) -> None:
    pairs = pairwise(days)
    assert sum(_respelled(a, b, "stock_number") for a, b in pairs) > 0


def test_a_digest_moves_where_a_mapped_field_does_and_nowhere_else(days: list[Day], seen: list[Seen]) -> None:
    before = days[0]
    for day, saw in zip(days[1:], seen[1:], strict=True):
        was, now = before.with_vin, day.with_vin
        alone = sum(_only_nothing_is_respelled(was[vin], now[vin]) for vin in was.keys() & now.keys())
        assert saw.moved_alone == alone, day.file
        before = day


def _only_nothing_is_respelled(was: Row, now: Row) -> bool:
    """Tell whether two rows of a car hold the same, but spell an empty field differently (or leave it out)."""
    fields = [field for field, _ in COLUMNS.values()]
    same_values = all((was.get(f) or None) == (now.get(f) or None) for f in fields)
    return same_values and any(was.get(f, "left out") != now.get(f, "left out") for f in fields)


def test_fields_without_a_mapping_change_often_and_are_no_reason_to_look_again(days: list[Day]) -> None:
    mapped = {field for field, _ in COLUMNS.values()} | {"vin"}
    pairs = [(a.with_vin, b.with_vin) for a, b in pairwise(days)]
    assert sum(_differs_in_the_unmapped(a[vin], b[vin], mapped) for a, b in pairs for vin in a.keys() & b.keys()) > 100


def _differs_in_the_unmapped(was: Row, now: Row, mapped: set[str]) -> bool:
    moved = {name for name in was.keys() | now.keys() if was.get(name) != now.get(name)}
    return bool(moved) and not moved & mapped

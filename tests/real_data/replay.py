"""What replaying real files needs: a listing as a system, mapping files with points of sale of their own, a database.

Not here: what any one file must come to; that stands with its tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from stocksync.adapters.store.repository import Repository
from stocksync.assembly import open_repository
from stocksync.mapping.effective import MappingSet, PointOfSaleMapping
from stocksync.mapping.load import load_files, read_files
from stocksync.stock.values import Side
from stocksync.sync.cycle import Cycle, CycleResult
from stocksync.sync.familiar import Familiar
from stocksync.sync.gather import Gathered
from stocksync.sync.group import Group
from stocksync.sync.ports import NativeRecord, Page, System
from stocksync.sync.watching import Nobody

MODULE, DMS = Side.VEHICLE_MODULE, Side.DMS
PAGE_SIZE = 500
HERE = Path(__file__).parent


@dataclass
class Calendar:
    """A clock that stands where it is put."""

    at: datetime = datetime(2026, 2, 16, 6, 0, tzinfo=UTC)

    def now_at(self) -> datetime:
        """The present instant."""
        return self.at

    def pause(self, seconds_s: float) -> None:
        """Go on at once, later."""
        self.at += timedelta(seconds=seconds_s)


class Listing:
    """The rows of a file as one side of one point of sale; whoever writes to it fails the test.

    Rows come as the file has them, repeats and rows without an id included; `read` knows the rows of every place.
    """

    conditional_writes = True
    lists_changes = False

    def __init__(self, rows: Iterable[NativeRecord], everywhere: Mapping[str, NativeRecord] | None = None) -> None:
        self.rows = tuple(rows)
        by_id = {row.record_id: row for row in self.rows if row.record_id}
        self.everywhere = by_id if everywhere is None else everywhere

    def changes(self, since: datetime) -> Iterator[Page]:
        return self.pages()

    def pages(self, familiar: Familiar | None = None) -> Iterator[Page]:
        """List the rows in the order of the file, familiar ones included."""
        for start in range(0, max(1, len(self.rows)), PAGE_SIZE):
            yield Page(self.rows[start : start + PAGE_SIZE], first=start == 0, total=len(self.rows))

    def read(self, record_id: str) -> NativeRecord | None:
        """Read the last row with an id, wherever it is."""
        return self.everywhere.get(record_id)

    def create(self, body: Mapping[str, Any], key: str) -> NativeRecord:
        """Fail: a file takes no writes."""
        raise AssertionError(f"a record was to be created in a listing: {body}")

    def update(self, record_id: str, body: Mapping[str, Any], version: str | None, key: str) -> NativeRecord:
        """Fail: a file takes no writes."""
        raise AssertionError(f"{record_id} was to be changed in a listing: {body}")

    def reserve(self, record_id: str, key: str) -> NativeRecord:
        """Fail: a file takes no writes."""
        raise AssertionError(f"{record_id} was to be reserved in a listing")

    def close(self) -> None:
        """Do nothing: there are no connections."""


def mapping_with(directory: str, codes: Mapping[str, str]) -> MappingSet:
    """Load a mapping directory that stands beside this file, with points of sale of its one pair.

    codes: our id of each point of sale to the code that both sides know it by; real names stay in the real files.
    """
    files = read_files(HERE / directory)
    pair = next(name.split("/")[1] for name in files if name.startswith("pairs/"))
    points = {
        ours: {
            "name": ours,
            "pair": pair,
            "vehicle_module": {"code": code, "address": "LISTING"},
            "dms": {"code": code, "address": "FILES"},
        }
        for ours, code in codes.items()
    }
    text = yaml.safe_dump({"points_of_sale": points}, allow_unicode=True)
    return load_files({**files, "points_of_sale.yaml": text.encode()})


def open_database(directory: Path) -> Repository:
    """Open an empty database."""
    return open_repository(f"sqlite:///{directory}/stocksync.db")


Systems = Mapping[Side, System]


@dataclass
class Replay:
    """A mapping, a database and a clock, on which listings are replayed."""

    mappings: MappingSet
    store: Repository
    clock: Calendar = field(default_factory=Calendar)

    def point(self, name: str) -> PointOfSaleMapping:
        """The mapping of one point of sale."""
        return self.mappings.points_of_sale[name]

    def cycle(self, name: str, systems: Systems) -> Cycle:
        """One cycle of one point of sale, ready to run."""
        return Cycle(self.point(name), self.mappings.files, systems, self.store, self.clock)

    def run(self, name: str, systems: Systems, gathered: Gathered | None = None) -> CycleResult:
        """Run one cycle."""
        return self.cycle(name, systems).run(gathered=gathered)

    def synchronise(self, systems_of: Callable[[str], Systems], *, dry_run: bool = False) -> dict[str, CycleResult]:
        """Synchronise every point of sale once, as the group does."""

        @contextmanager
        def opened(point: PointOfSaleMapping) -> Iterator[Systems]:
            yield systems_of(point.id)

        names = list(self.mappings.points_of_sale)
        group = Group(self.mappings, self.store, self.clock, opened, Nobody())
        return dict(zip(names, group.synchronise(names, dry_run=dry_run), strict=True))

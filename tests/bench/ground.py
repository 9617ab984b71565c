"""Where a workload takes place: a stock, both systems, the shipped mapping, a database file, a clock.

The program's own parts throughout: its REST adapter behind gates, its store, its group of points of sale. Only the
wire is replaced, see `serving`.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from stocksync import assembly
from stocksync.entrypoints.process import look_for_cycles_rarely
from stocksync.mapping.effective import MappingSet, SystemSettings
from stocksync.mapping.load import load_files, read_files
from stocksync.sandbox.mapping_file import points_of_sale_file
from stocksync.stock.values import Side
from stocksync.sync.cycle import CycleResult
from stocksync.sync.group import Group
from stocksync.sync.ports import Clock, System
from stocksync.sync.recording import RunKind, RunStatus
from stocksync.sync.watching import Nobody
from tests.bench.cars import LAST_CHANGE_AT, Layout
from tests.bench.serving import DmsServer, Server, VehicleModuleServer
from tests.bench.statements import Statements

SHIPPED: Final = Path(__file__).parents[2] / "mappings"
_ENVIRONMENT: Final = {
    "OPENFLEX_URL": "http://127.0.0.1:1",
    "OPENFLEX_TOKEN": "bench-token",
    "ICAR_URL": "http://127.0.0.1:2",
    "ICAR_KEY": "bench-key",
}
_BEGINS_AT: Final = LAST_CHANGE_AT + timedelta(hours=1)


class BenchClock:
    """A clock that begins at the same instant in every run, and goes on as time does."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)
        self._begun_s = time.monotonic()

    def now_at(self) -> datetime:
        """The present instant."""
        return _BEGINS_AT + self._ahead + timedelta(seconds=time.monotonic() - self._begun_s)

    def pause(self, seconds_s: float) -> None:
        """Nothing here ever has to be waited for."""
        self.skip(timedelta(seconds=seconds_s))

    def skip_an_hour(self) -> None:
        """Let an hour pass."""
        self.skip(timedelta(hours=1))

    def skip(self, time: timedelta) -> None:
        """Let time pass at once."""
        self._ahead += time


@dataclass
class Ground:
    """One stock with both its systems."""

    layout: Layout
    in_memory: bool = True
    clock: BenchClock = field(default_factory=BenchClock)

    def __post_init__(self) -> None:
        self.mappings = bench_mappings(self.layout.points)
        self.servers: dict[Side, Server] = {
            Side.VEHICLE_MODULE: VehicleModuleServer(self.layout, self.clock.now_at, in_memory=self.in_memory),
            Side.DMS: DmsServer(self.layout, self.clock.now_at, in_memory=self.in_memory),
        }

    @contextmanager
    def opened(self, database: Path) -> Iterator[Workplace]:
        """A process that has opened its database and is to begin; its requests go to the servers of this ground."""
        by_address = {"OPENFLEX_URL": self.servers[Side.VEHICLE_MODULE], "ICAR_URL": self.servers[Side.DMS]}
        plain = assembly.open_system

        def open_system(settings: SystemSettings, *others: Any, **named: Any) -> System:
            return plain(settings, *others, **{**named, "transport": by_address[settings.address]})

        with (
            patch.object(assembly, "open_system", open_system),
            opened(self.mappings, database, self.clock, _ENVIRONMENT) as workplace,
        ):
            yield workplace

    def show(self, cars: int) -> None:
        """Let both systems list so many cars from now on, the first ones of each point of sale."""
        for server in self.servers.values():
            server.show(cars)

    def restore(self) -> None:
        """Put both systems back as they were at first."""
        for server in self.servers.values():
            server.restore()

    def requests(self) -> dict[str, int]:
        """How many requests came since the start, by what they asked."""
        return dict(sum((server.requests for server in self.servers.values()), start=Counter[str]()))


@dataclass
class Workplace:
    """An opened database, and what works with it."""

    group: Group
    statements: Statements

    def run(self, kind: RunKind = RunKind.COMPLETE) -> list[CycleResult]:
        """Synchronise every point of sale, a complete run as `stocksync sync` does, others as the service.

        Raises RuntimeError where one was not done.
        """
        points, group = list(self.group.mappings.points_of_sale), self.group
        if kind is RunKind.COMPLETE:
            results = list(group.synchronise(points))
        else:
            results = [group.run(point, kind) for point in points]
        for result in results:
            if result.summary.status is not RunStatus.DONE:
                raise RuntimeError(f"a run was not done: {result.summary.as_json()} {result.error}")
        return results


@contextmanager
def opened(mappings: MappingSet, database: Path, clock: Clock, environment: Mapping[str, str]) -> Iterator[Workplace]:
    """What a process of the program has open: its database, gates, and both systems of whichever point is due."""
    look_for_cycles_rarely()
    repository = assembly.open_repository(f"sqlite:///{database}")
    gates = assembly.open_gates(repository, clock)
    try:
        group = Group(
            mappings,
            repository,
            clock,
            lambda point: assembly.open_systems(point, environment, clock, gates),
            Nobody(),
        )
        yield Workplace(group, Statements(repository.engine))
    finally:
        repository.engine.dispose()


def bench_files(points: int) -> dict[str, bytes]:
    """The shipped mapping files, for so many points of sale."""
    files = read_files(SHIPPED)
    files["points_of_sale.yaml"] = "".join(points_of_sale_file(points)).encode()
    return files


def bench_mappings(points: int) -> MappingSet:
    """What they say."""
    return load_files(bench_files(points))


def write_mappings(folder: Path, points: int) -> Path:
    """Put them where the command line finds them."""
    for name, content in bench_files(points).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def copied_database(database: Path, to: Path) -> Path:
    """A database of its own with the same content; nobody has it open."""
    forget_database(to)
    for file in database.parent.glob(f"{database.name}*"):
        if not file.name.endswith(".lock"):
            shutil.copyfile(file, to.parent / (to.name + file.name.removeprefix(database.name)))
    return to


def forget_database(database: Path) -> Path:
    """Take a database away, with what stands beside it."""
    for file in database.parent.glob(f"{database.name}*"):
        file.unlink()
    return database

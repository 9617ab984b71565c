"""One process killed at every instant of a scenario, and the next one that finds what it left.

An attempt lives through a scenario in processes that die, or whose disk is full, where told; then a process that lives
runs until nothing moves. Both sides and what is remembered of them must then be what they are without any death.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Final

import click
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from stocksync.adapters.store.repository import Repository
from stocksync.stock.values import SIDES, Side
from stocksync.sync.ports import System
from stocksync.sync.recording import RunKind
from tests.simulation import laws
from tests.simulation.killing import Killed, Points
from tests.simulation.ledger import Ledger
from tests.simulation.scenarios import SCENARIOS, Scenario
from tests.simulation.serial import one_after_the_other
from tests.simulation.watched import Door, WatchedServer
from tests.simulation.weather import Weather
from tests.worlds import DMS, DMS_HABITS, MODULE, MODULE_HABITS, PARIS, ToldClock, World, shipped_set

ROUNDS: Final = 2
"""Complete cycles after which everything must be as if nobody had died."""


@dataclass(frozen=True)
class Settled:
    """A stock after its first contact: the database, both sides' records, and when that was."""

    database: bytes
    records: Mapping[Side, Mapping[str, Mapping[str, Any]]]
    clock: ToldClock


class Process(World):
    """One process after the other at the same two systems and the same database."""

    def __init__(self, path: Path, scenario: Scenario, records: Mapping[Side, Iterable[Mapping[str, Any]]]) -> None:
        self.path, self.points = path, Points()
        super().__init__(Repository(laws.opened(path, self.points)), shipped_set(scenario.edits))
        self.ledger = Ledger(self.mappings.points_of_sale["PDV1"], self.repository.engine)
        servers = {side: WatchedServer(side, habits, self.ledger) for side, habits in _HABITS.items()}
        for side, server in servers.items():
            server.now_at = lambda: self.clock.at.astimezone(PARIS).replace(tzinfo=None)
            for body in records[side]:
                server.enter(_number(body), body)
        self.watched = servers
        self.servers = dict(servers)
        self.watch = laws.Watch(self.ledger, ["PDV1"])

    def begin(self, points: Points) -> None:
        """Let the process that was here be gone, and a new one open the database."""
        self.repository.engine.dispose()
        self.points = points
        self.repository = Repository(laws.opened(self.path, points))
        self.ledger.engine = self.repository.engine

    def systems(self, point: Any) -> dict[Side, System]:
        """Both sides, behind doors."""
        return {
            side: Door(side, self.watched[side], point.systems[side].code, self.points, Weather(Random(0)))
            for side in SIDES
        }

    def live(self, kind: RunKind) -> None:
        """One cycle, some minutes after the last. Raises Killed."""
        self.clock.pause(300)
        hints = {side: frozenset(self.watched[side].ids()) for side in SIDES}
        self.ledger.mapping = self.mappings.points_of_sale["PDV1"]
        cycle = self.cycle()
        cycle.chance = Random(0)
        cycle.run(kind=kind, hints=hints)

    def come_to_rest(self) -> None:
        """Live until everything should be at rest, and ask the laws after each cycle."""
        self.answers_again()
        for _ in range(ROUNDS):
            self.live(RunKind.COMPLETE)
            self.watch.look(self.repository)
        writes = self.ledger.writes
        self.live(RunKind.COMPLETE)
        if self.ledger.writes != writes:
            self.ledger.broken.append("a quiet cycle wrote something (law 5)")
        self.watch.look_at_the_end(self.repository)

    def left(self) -> dict[str, Any]:
        """What is left at the end: both sides' records, the last common values, and what the report says."""
        with self.repository.engine.connect() as connection:
            said = "car_id, subject, reason, vehicle_module_value, dms_value"
            told = connection.execute(text(f"SELECT {said} FROM conflict WHERE closed_at IS NULL"))
            found = {"report": sorted(map(repr, told))}
        cars = self.watch.cars(self.repository)
        found["bases"] = sorted(
            repr((sorted(c.record_ids.items()), sorted(c.base.items()), c.closed, c.reserved_by_us)) for c in cars
        )
        for side, server in self.watched.items():
            found[side.value] = sorted(repr(sorted(server._meaning(body).items())) for body in server.bodies())
        return found


_HABITS = {MODULE: MODULE_HABITS, DMS: DMS_HABITS}


def _number(body: Mapping[str, Any]) -> int:
    return int("".join(c for c in str(body.get("id") or body.get("dossier")) if c.isdigit()))


@lru_cache
def settled(scenario: Scenario) -> Settled:
    """A scenario's stock after its first contact; made once."""
    with TemporaryDirectory() as folder, one_after_the_other(Random(1)):
        path = Path(folder) / "settled.db"
        module, dms = scenario.stock()
        world = Process(path, scenario, {MODULE: module, DMS: dms})
        for _ in range(1 if scenario.settled else 0):
            world.live(RunKind.COMPLETE)
        scenario.prepare(world)
        world.repository.engine.dispose()
        assert not world.ledger.broken, world.ledger.broken
        return Settled(path.read_bytes(), {side: dict(world.watched[side]._records) for side in SIDES}, world.clock)


def begun(scenario: Scenario, path: Path) -> Process:
    """A scenario up to where its first process may die."""
    start = settled(scenario)
    path.write_bytes(start.database)
    world = Process(path, scenario, {side: () for side in SIDES})
    world.clock.at = start.clock.at
    for side, records in start.records.items():
        world.watched[side]._records = {**records}
        for record_id, body in records.items():
            world.ledger.note(side, record_id, body, _number(body))
        world.watched[side]._last_number = 500
    scenario.act(world)
    world.watch.learn(world.repository)
    return world


@dataclass(frozen=True)
class Attempt:
    """How a scenario went: what was left, which laws were broken, and the instants of each process."""

    left: Mapping[str, Any]
    broken: tuple[str, ...]
    instants: tuple[tuple[str, ...], ...]
    commits: int


def attempt(scenario: Scenario, processes: Iterable[Points]) -> Attempt:
    """Live through a scenario in these processes, one after the other, and then in one that nothing happens to."""
    with TemporaryDirectory() as folder, one_after_the_other(Random(2)):
        world = begun(scenario, Path(folder) / "world.db")
        lived = []
        kind = scenario.kind
        try:
            for points in processes:
                world.begin(points)
                with suppress(Killed, OperationalError):
                    world.live(kind)
                lived.append(points)
                world.points.dead = False
                world.watch.look(world.repository)
                world.answers_again()
                kind = RunKind.COMPLETE
            world.begin(Points())
            world.come_to_rest()
            return Attempt(
                world.left(),
                tuple(world.ledger.broken),
                tuple(tuple(points.names) for points in lived),
                lived[0].commits if lived else 0,
            )
        finally:
            world.repository.engine.dispose()


@lru_cache
def undisturbed(scenario: Scenario) -> Attempt:
    """How a scenario goes when nobody dies."""
    found = attempt(scenario, [Points()])
    assert not found.broken, found.broken
    return found


def troubles(scenario: Scenario, *processes: Points) -> list[str]:
    """What is wrong after a scenario in processes like these; nothing iff all is as if nothing had happened."""
    try:
        found = attempt(scenario, processes)
    except Exception as error:
        return [f"{type(error).__name__}: {error}"[:300]]
    wanted = undisturbed(scenario)
    wrong = list(found.broken)
    for part, left in wanted.left.items():
        wrong += [f"{part} lacks {row[:300]}" for row in left if row not in found.left[part]]
        wrong += [f"{part} has {row[:300]}" for row in found.left[part] if row not in left]
    return wrong


def instants(scenario: Scenario) -> int:
    """How many instants a scenario's first process has."""
    return len(undisturbed(scenario).instants[0])


def every_death(scenario: Scenario) -> Iterator[tuple[int, list[str]]]:
    """Kill the first process at each of its instants."""
    for at in range(1, instants(scenario) + 1):
        yield at, troubles(scenario, Points(at))


def every_full_disk(scenario: Scenario) -> Iterator[tuple[str, list[str]]]:
    """Let each commit find the disk full, once or from then on."""
    for commit in range(1, undisturbed(scenario).commits + 1):
        yield f"once, commit {commit}", troubles(scenario, Points(full=(commit,)))
        yield f"from commit {commit} on", troubles(scenario, Points(full_from=commit))


def pairs(scenario: Scenario) -> list[tuple[int, int]]:
    """Every instant of the first process, with every one of the process that finds what it left."""
    found = []
    for at in range(1, instants(scenario) + 1):
        second = attempt(scenario, [Points(at), Points()]).instants[1]
        found += [(at, again) for again in range(1, len(second) + 1)]
    return found


Job = tuple[str, int, int]


def _pair(job: Job) -> tuple[Job, list[str]]:
    name, at, again = job
    return job, troubles(named(name), Points(at), Points(again))


def named(name: str) -> Scenario:
    """A scenario by its name."""
    (found,) = [scenario for scenario in SCENARIOS if scenario.name == name]
    return found


@click.command()
@click.option("--jobs", default=1, show_default=True, help="How many processes share the work.")
@click.option("--pairs/--no-pairs", "with_pairs", default=True, show_default=True, help="Deaths during a recovery too.")
@click.option("--sample", type=click.IntRange(min=1), help="So many pairs, drawn by --seed. [all of them]")
@click.option("--seed", default=0, show_default=True, help="What a sample is drawn by.")
def crash_points(jobs: int, with_pairs: bool, sample: int | None, seed: int) -> None:
    """Kill stocksync at every instant of every scenario, fill its disk at every commit, and see what is left.

    Then every pair of deaths: one in the run, one while the next process recovers. Ends with 1 where anything is
    otherwise than if nobody had died.
    """
    failed = singles = 0
    for scenario in SCENARIOS:
        told = [(str(at), found) for at, found in every_death(scenario)]
        told += list(every_full_disk(scenario))
        singles += len(told)
        failed += sum(_tell(scenario.name, when, found) for when, found in told)
        click.echo(f"{scenario.name}: {instants(scenario)} deaths, {len(told) - instants(scenario)} full disks")
    jobs_due = [(s.name, *pair) for s in SCENARIOS for pair in pairs(s)] if with_pairs else []
    if sample is not None and sample < len(jobs_due):
        jobs_due = Random(seed).sample(jobs_due, sample)
    with ProcessPoolExecutor(jobs) as pool:
        for done, (job, found) in enumerate(pool.map(_pair, jobs_due, chunksize=50), 1):
            failed += _tell(job[0], f"{job[1]}, then {job[2]}", found)
            if done % 500 == 0:
                click.echo(f"{done} of {len(jobs_due)} pairs, {failed} failed", err=True)
    click.echo(f"{singles} single ones and {len(jobs_due)} pairs: {failed} failed")
    sys.exit(bool(failed))


def _tell(name: str, when: str, found: list[str]) -> bool:
    if found:
        click.echo(f"{name}, {when}: {found[0]}")
    return bool(found)


if __name__ == "__main__":
    crash_points()

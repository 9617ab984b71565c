"""The real service for an hour between two systems that fail in changing ways, while people work on both sides.

`python -m tests.fire.soak --minutes 60` (see `scripts/soak`): prints what it looks like on the way, and in the end what
was kept: every promise of `ends`, memory that stays flat, a lag that stays bounded, and a stock as it would be had
nothing ever failed (`replay`).
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from stocksync.sandbox.mapping_file import points_of_sale_file
from stocksync.sandbox.seed import fill
from stocksync.stock.values import SIDES
from tests.fire import chronicle, replay, samples
from tests.fire.ends import Scene, broken
from tests.fire.ground import SHIPPED, last_synchronisations, quiet, release_halted, scene_at, until
from tests.fire.people import People
from tests.fire.samples import Sample
from tests.fire.servers import Servers
from tests.fire.service import Service
from tests.fire.weather import Weather

_WEATHER_S = (20.0, 60.0)


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be soaked."""

    folder: Path
    points: int
    cars: int
    minutes: float
    seed: int
    every_s: float
    people_per_s: float
    sample_s: float
    workers: int


@dataclass
class Soak:
    """One soak, as it goes."""

    order: Order
    servers: Servers
    scene: Scene
    chance: random.Random
    taken: list[Sample] = field(default_factory=list)
    released: int = 0
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.weather = Weather(self.scene.state, self.chance)
        self.begun_s = time.monotonic()
        self.fine_since_s = self.begun_s
        self.service = self._service()

    def go(self) -> None:
        """Let the time pass, from first contact on."""
        length_s = self.order.minutes * 60
        done = "SELECT count(DISTINCT point_of_sale) FROM run WHERE status = 'done'"
        until(lambda: self.scene.rows(done)[0][0] == self.order.points, 1800, "first contact was made everywhere")
        self.begun_s = self.fine_since_s = time.monotonic()
        with People(self.scene.state, per_s=self.order.people_per_s, seed=self.order.seed) as people:
            # A refused key shuts a gate for long; whoever corrects it starts the service again.
            self._until(length_s * 0.10)
            self.weather.order("vehicle_module", "key_revoked")
            self._until(length_s * 0.10 + min(60, length_s * 0.03), changing=False)
            self.weather.clear()
            self._restart()
            self._until(length_s * 0.4)
            self.weather.order("dms", "nightly_batch")
            self._until(length_s * 0.4 + min(120, length_s * 0.05), changing=False)
            self._until(length_s * 0.7)
            self.weather.clear()
            self.weather.special = "the DMS is dead"
            self.servers.kill("dms")
            self._until(length_s * 0.7 + min(60, length_s * 0.03), changing=False)
            self.servers.start("dms")
            self._until(length_s)
        self.done = people.done

    def come_to_rest(self) -> None:
        """Mend everything, let it run until quiet, and end it."""
        self.weather.clear()
        begun_s = time.monotonic()
        try:
            quiet(self.scene, self.order.points, patience_s=1800)
        except AssertionError as restless:
            self.wrong.append(str(restless))
        self.rest_s = time.monotonic() - begun_s
        self._stop()

    def _until(self, at_s: float, *, changing: bool = True) -> None:
        changes_s = time.monotonic() if changing else float("inf")
        while (now_s := time.monotonic()) < self.begun_s + at_s:
            if now_s >= changes_s:
                self.weather.change()
                changes_s = now_s + self.chance.uniform(*_WEATHER_S)
            if not self.weather.is_fine:
                self.fine_since_s = now_s
            if now_s >= self.begun_s + (len(self.taken) + 1) * self.order.sample_s:
                self._look()
            time.sleep(0.2)

    def _look(self) -> None:
        is_calm = time.monotonic() - self.fine_since_s > 2 * self.order.every_s
        process = self.service.process.pid
        self.taken.append(samples.take(self.scene, process, self.begun_s, str(self.weather), is_calm=is_calm))
        print(self.taken[-1], flush=True)
        self.released += release_halted(self.scene)

    def _restart(self) -> None:
        self._stop()
        self.service = self._service()

    def _service(self) -> Service:
        service = Service(self.order.folder, self.scene.variables, "--workers", str(self.order.workers))
        service.is_ready()
        return service

    def _stop(self) -> None:
        self.service.tell(signal.SIGTERM)
        code = self.service.ends()
        if code != 0:
            self.wrong.append(f"told to stop, the service ended with {code}")
        self.service.close()


def soak(order: Order) -> dict[str, object]:
    """Do it, and give the figures."""
    state = order.folder / "state"
    vehicles, files = fill(state, order.cars, order.points, order.seed)
    chronicle.begin(state)
    with Servers(order.folder, state) as servers:
        scene = scene_at(order.folder, state, servers.environment, _mappings(order))
        scene = Scene(
            scene.folder,
            scene.state,
            scene.mappings,
            {**scene.variables, "STOCKSYNC_QUICK_EVERY_S": str(order.every_s)},
        )
        going = Soak(order, servers, scene, random.Random(order.seed))
        with closing(going.service):
            print(samples.HEADINGS)
            going.go()
            going.come_to_rest()
        wrong = [*going.wrong, *last_synchronisations(scene), *broken(scene)]
        wrong += samples.unbounded(going.taken, order.every_s)
        writes = sum(state.by == "service" for side in SIDES for state in chronicle.read(scene.state, side))
    compared = replay.compared(order.folder, scene, order.cars, order.points, order.seed)
    last = going.taken[-1]
    return {
        "points_of_sale": order.points,
        "cars": vehicles,
        "files": files,
        "minutes": order.minutes,
        "seed": order.seed,
        "interval_s": order.every_s,
        "people_did": going.done,
        "runs": last.runs,
        "writes": writes,
        "entries": last.writes,
        "halted_plans_released": going.released,
        "rss_mb": round(last.rss_kb / 1024, 1),
        "database_mb": round(last.database_kb / 1024, 1),
        "at_rest_after_s": round(going.rest_s),
        "replay": compared.as_data(),
        "broken": [*wrong, *compared.unexplained],
        "samples": samples.figures(going.taken),
    }


def markdown(said: dict[str, object]) -> str:
    """The figures as one line of a table."""
    runs, replayed = said["runs"], said["replay"]
    assert isinstance(runs, dict)
    assert isinstance(replayed, dict)
    return (
        f"| soak | {said['points_of_sale']} points of sale, {said['cars']} cars, {said['minutes']:g} min, seed "
        f"{said['seed']} | {said['people_did']} edits, {sum(runs.values())} runs, {said['writes']} writes; "
        f"{said['rss_mb']} MB; at rest {said['at_rest_after_s']} s after the last fault; {replayed['equal']} of "
        f"{replayed['compared']} values as without faults; {len(said['broken'])} promises broken |"  # type: ignore[arg-type]
    )


def _mappings(order: Order) -> Path:
    mappings = order.folder / "mappings"
    shutil.copytree(SHIPPED, mappings)
    text = "".join(points_of_sale_file(order.points))
    (mappings / "points_of_sale.yaml").write_text(text, encoding="utf-8")
    return mappings


def main() -> int:
    """Soak, and say what was kept."""
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--points-of-sale", type=int, default=300, help="[300]")
    parser.add_argument("--cars", type=int, default=20_000, help="over all points of sale [20000]")
    parser.add_argument("--minutes", type=float, default=60, help="with people and faults [60]")
    parser.add_argument("--seed", type=int, default=7, help="of the stock, the people and the faults [7]")
    parser.add_argument("--every-s", type=float, default=120, help="between two quick runs of a point of sale [120]")
    parser.add_argument("--people-per-s", type=float, default=4, help="what they do in a second [4]")
    parser.add_argument("--sample-s", type=float, default=30, help="between two looks [30]")
    parser.add_argument("--workers", type=int, default=4, help="[4]")
    parser.add_argument("--folder", type=Path, help="where everything is kept [a new temporary one]")
    said = parser.parse_args()
    folder = said.folder or Path(tempfile.mkdtemp(prefix="stocksync-soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"everything is kept in {folder}")
    order = Order(
        folder.resolve(),
        said.points_of_sale,
        said.cars,
        said.minutes,
        said.seed,
        said.every_s,
        said.people_per_s,
        said.sample_s,
        said.workers,
    )
    figures = soak(order)
    (folder / "figures.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    print(json.dumps({name: value for name, value in figures.items() if name != "samples"}, indent=1))
    print(markdown(figures))
    return 1 if figures["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())

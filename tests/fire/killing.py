"""`stocksync serve` killed again and again with SIGKILL, at moments that a seed draws, while people work on both sides.

`python -m tests.fire.killing --kills 1000 --seed 7` does it for long (see `scripts/kill-loop`); the test of this folder
does it thirty times.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from stocksync.sandbox.running import RunningSandbox
from stocksync.stock.values import SIDES
from tests.fire import chronicle
from tests.fire.ends import Scene, broken
from tests.fire.ground import last_synchronisations, quiet, release_halted, two_systems
from tests.fire.people import People
from tests.fire.service import Service

POINTS = 2
CARS = 60
SYSTEMS = ("vehicle_module", "dms")
_IN_STARTING = 1 / 6
"""How many of the kills come before the service works."""


@dataclass(frozen=True, slots=True)
class Killed:
    """What came of it; broken: every promise that was not kept."""

    kills: int
    people_did: int
    runs: int
    cut_short: int
    writes: int
    released: int
    seconds_s: float
    broken: list[str]

    def __str__(self) -> str:
        return (
            f"{self.kills} kills in {self.seconds_s:.0f} s: {self.people_did} things done by people, {self.runs} runs, "
            f"{self.cut_short} of them cut short, {self.writes} writes, {self.released} halted plans released, "
            f"{len(self.broken)} promises broken"
        )


def kill_again_and_again(
    folder: Path, kills: int, seed: int, progress: Callable[[int], None] = lambda _: None
) -> Killed:
    """Start the service and kill it, so many times; then let it come to rest, and see what was kept."""
    begun_s, chance, released = time.monotonic(), random.Random(seed), 0
    with two_systems(folder, cars=CARS, seed=seed) as (sandbox, scene):
        _break(sandbox)
        with People(scene.state, per_s=6, seed=seed) as people:
            for number in range(kills):
                _live_and_die(scene, chance)
                if number % 5 == 4:
                    released += release_halted(scene)
                progress(number + 1)
        for system in SYSTEMS:
            sandbox.breaks(system).clear()  # type: ignore[arg-type]
        wrong = _come_to_rest(scene)
        runs = scene.rows("SELECT count(*), sum(status = 'failed') FROM run")[0]
        writes = sum(state.by == "service" for side in SIDES for state in chronicle.read(scene.state, side))
        wrong += last_synchronisations(scene) + broken(scene)
    return Killed(kills, people.done, *runs, writes, released, time.monotonic() - begun_s, wrong)


def _break(sandbox: RunningSandbox) -> None:
    for system in SYSTEMS:
        breaks = sandbox.breaks(system)  # type: ignore[arg-type]
        breaks.set("latency", ms="5-120", share=0.5)
        breaks.set("apply_then_drop", share=0.1)


def _live_and_die(scene: Scene, chance: random.Random) -> None:
    with closing(Service(scene.folder, scene.variables, "--workers", "2")) as service:
        if chance.random() < _IN_STARTING:
            time.sleep(chance.uniform(0.2, 1.0))
        else:
            service.is_ready()
            time.sleep(chance.uniform(0.02, 1.6))
        service.tell(signal.SIGKILL)
        assert service.ends() == -signal.SIGKILL


def _come_to_rest(scene: Scene) -> list[str]:
    with closing(Service(scene.folder, scene.variables, "--workers", "2")) as service:
        service.is_ready()
        try:
            quiet(scene, POINTS)
        except AssertionError as restless:
            return [str(restless)]
        finally:
            service.tell(signal.SIGTERM)
            code = service.ends()
    return [] if code == 0 else [f"told to stop, the service ended with {code}"]


def main() -> int:
    """Kill the service for long, and say what was kept."""
    parser = argparse.ArgumentParser(prog="scripts/kill-loop", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="how many [1000]")
    parser.add_argument("--seed", type=int, default=7, help="the same seed kills at the same moments [7]")
    parser.add_argument("--folder", type=Path, help="where everything is kept [a new temporary one]")
    said = parser.parse_args()
    folder = said.folder or Path(tempfile.mkdtemp(prefix="stocksync-kill-loop-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"{said.kills} kills, seed {said.seed}; everything is kept in {folder}")

    def progress(number: int) -> None:
        if number % 25 == 0:
            print(f"  {number} of {said.kills}", flush=True)

    done = kill_again_and_again(folder, said.kills, said.seed, progress)
    print("\n".join([str(done), *done.broken]))
    return 1 if done.broken else 0


if __name__ == "__main__":
    sys.exit(main())

"""The ground that everything here is tried on: two systems with a small stock, and a stocksync between them."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stocksync.sandbox.running import RunningSandbox
from stocksync.sandbox.seed import fill
from stocksync.stock.values import SIDES
from tests.fire import chronicle
from tests.fire.ends import Scene
from tests.fire.service import command, data

SHIPPED = Path(__file__).resolve().parents[2] / "mappings"
QUICK_EVERY_S = 2


@contextmanager
def two_systems(folder: Path, *, cars: int, seed: int) -> Iterator[tuple[RunningSandbox, Scene]]:
    """Both systems with two points of sale, served by this process; all that happens to their records is noted."""
    state = folder / "state"
    fill(state, cars, 2, seed)
    chronicle.begin(state)
    with RunningSandbox(state) as sandbox:
        yield sandbox, scene_at(folder, state, sandbox.environment, without_guards(folder))


def without_guards(folder: Path) -> Path:
    """The shipped mapping, but for the guards that look at how much a plan does.

    While stocksync is dead and people work on, a small stock changes by more than any guard lets through.
    """
    mappings = folder / "mappings"
    shutil.copytree(SHIPPED, mappings)
    pair = mappings / "pairs" / "openflex-icar" / "pair.yaml"
    text = pair.read_text(encoding="utf-8")
    for guard, loose in (("removals_cars", 100_000), ("overwrites_percent", 100)):
        text, count = re.subn(rf"{guard}: \d+", f"{guard}: {loose}", text)
        assert count == 1
    pair.write_text(text, encoding="utf-8")
    return mappings


def scene_at(folder: Path, state: Path, environment: Mapping[str, str], mappings: Path = SHIPPED) -> Scene:
    """A stocksync with a database of its own between two systems."""
    variables = {
        "STOCKSYNC_MAPPINGS": str(mappings),
        "STOCKSYNC_DATABASE_URL": f"sqlite:///{folder / 'memory.db'}",
        "STOCKSYNC_LANG": "en",
        "STOCKSYNC_QUICK_EVERY_S": str(QUICK_EVERY_S),
        "STOCKSYNC_LOG_FORMAT": "json",
        **environment,
    }
    return Scene(folder, state, mappings, variables)


def until(what: Callable[[], bool], patience_s: float, why: str) -> None:
    """Wait for what other processes do."""
    until_s = time.monotonic() + patience_s
    while not what():
        assert time.monotonic() < until_s, f"after {patience_s:g} s still not so: {why}"
        time.sleep(0.1)


def release_halted(scene: Scene) -> int:
    """Have a person look at every plan that a guard stopped, and let it pass; gives how many there were."""
    newest = "SELECT max(id) FROM run WHERE status <> 'running' GROUP BY point_of_sale"
    halted = scene.rows(f"SELECT id FROM run WHERE id IN ({newest}) AND status = 'halted'")
    for (run,) in halted:
        command(scene.folder, scene.variables, "release", str(run))
    return len(halted)


def quiet(scene: Scene, points: int, patience_s: float = 90.0) -> None:
    """Wait until two runs in a row of every point of sale had nothing to do, all of them begun from now on."""
    start = scene.rows("SELECT coalesce(max(id), 0) FROM run")[0][0]

    def is_quiet() -> bool:
        release_halted(scene)
        runs: dict[str, list[bool]] = {}
        ended = "SELECT point_of_sale, status, summary FROM run WHERE id > ? AND status <> 'running' ORDER BY id"
        for point, status, summary in scene.rows(ended, start):
            runs.setdefault(point, []).append(status == "done" and writes_of(summary) == 0)
        return len(runs) == points and all(len(ends) >= 2 and all(ends[-2:]) for ends in runs.values())

    until(is_quiet, patience_s, "everything is quiet")


def writes_of(summary: str | None) -> int:
    """How many requests a run's summary says were carried out."""
    said: Any = json.loads(summary) if summary else {}
    writes: Mapping[str, int] = said.get("writes", {})
    return sum(writes.values())


def last_synchronisations(scene: Scene) -> list[str]:
    """Look at everything twice more; what is wrong with a second time that finds anything to do."""
    first = data(scene.folder, scene.variables, "sync")
    missed = [
        f"{run['point_of_sale']}: quick runs missed {run['missed_by_quick_runs']}"
        for run in first["points_of_sale"]
        if sum(run["missed_by_quick_runs"].values())
    ]
    release_halted(scene)
    command(scene.folder, scene.variables, "sync")
    before = {side: len(chronicle.read(scene.state, side)) for side in SIDES}
    last = data(scene.folder, scene.variables, "sync")
    wrong = [
        f"{run['point_of_sale']}: the last run ended {run['status']} with {run['writes']}"
        for run in last["points_of_sale"]
        if run["status"] != "done"
        or any(run["writes"].values())
        or run["conflicts"]["new"]
        or run["conflicts"]["closed"]
    ]
    after = {side: len(chronicle.read(scene.state, side)) for side in SIDES}
    return missed + wrong + ([f"the last run wrote: {before} states became {after}"] if after != before else [])

"""Many seeds, or one told in full: `scripts/simulate`."""

from __future__ import annotations

import sys
import traceback
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

import click

from tests.postgresql import Server, a_server
from tests.simulation.laws import in_file
from tests.simulation.simulation import RIGHTLY, SKIPPED, Simulation, Story
from tests.simulation.wire import RECOGNISED

CHUNK = 20
"""Seeds that one worker is given at a time."""
TOLD = ("steps", "cycles", "writes", "edits", "decisions", "files", "mapping edits", "deaths", "takeovers", "halted")


def simulated(seed: int, server: Server | None = None) -> Story:
    """One seed, on a server where one is given; whatever it raises is a broken law as well."""
    with TemporaryDirectory(prefix="simulation-") as folder, ExitStack() as left:
        simulation = Simulation(seed, Path(folder), server.beside if server is not None else in_file)
        if server is not None:
            left.callback(server.dropped, simulation.world.path)
        try:
            return simulation.run()
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            said = f"{type(error).__name__}: {error}"[:300]
            simulation.story.broken.append(f"raised {said} ({Path(where.filename).name}:{where.lineno})")
            return simulation.story


def some(server: Server | None, seeds: list[int]) -> list[tuple[int, Counter[str], list[str]]]:
    """Several seeds, without what they tell."""
    warnings.simplefilter("error")
    return [(story.seed, story.counts, story.broken) for story in (simulated(seed, server) for seed in seeds)]


def chunks(seeds: Iterable[int]) -> Iterator[list[int]]:
    """Cut into lists for the workers."""
    waiting = list(seeds)
    for start in range(0, len(waiting), CHUNK):
        yield waiting[start : start + CHUNK]


def told(counts: Counter[str]) -> str:
    """The sums, in the order in which people ask for them."""
    figures = [f"{name} {counts[name]}" for name in TOLD]
    faults = [f"{name[6:]} {count}" for name, count in sorted(counts.items()) if name.startswith("fault ")]
    unread = [f"{kind} {counts[kind]} ({counts[kind + RIGHTLY]} looked at beside it)" for kind in RECOGNISED]
    left_alone = f"left unread: {', '.join(unread)}, {SKIPPED} {counts[SKIPPED]}"
    return f"{', '.join(figures)}\n{left_alone}\nfaults: {', '.join(faults) or 'none'}"


@click.command()
@click.option("--seeds", default=200, show_default=True, help="How many seeds, one after the other.")
@click.option("--first", default=0, show_default=True, help="The first of them.")
@click.option("--seed", type=int, help="One seed alone, exactly as it went before.")
@click.option("--jobs", default=1, show_default=True, help="How many processes share the work.")
@click.option("--postgresql", is_flag=True, help="On a PostgreSQL server of its own, instead of a file for each.")
@click.option("-v", "--verbose", is_flag=True, help="Tell every step (with --seed).")
def simulate(seeds: int, first: int, seed: int | None, jobs: int, postgresql: bool, verbose: bool) -> None:
    """Simulate dealers whose systems fail, whose people type at the worst moment, and a stocksync that dies.

    Every seed is a world of its own. Ends with 1 where a law was broken, and names the seeds.
    """
    with a_server() if postgresql else nullcontext() as server:
        told_of(server, seeds, first, seed, jobs, verbose)


def told_of(server: Server | None, seeds: int, first: int, seed: int | None, jobs: int, verbose: bool) -> None:
    """Carry seeds out, tell what became of them, and end the program."""
    if seed is not None:
        story = simulated(seed, server)
        if verbose:
            click.echo("\n".join(story.lines))
        click.echo("\n".join([told(story.counts), *(f"BROKEN: {law}" for law in story.broken)]))
        sys.exit(bool(story.broken))
    began, counts, failed, done = monotonic(), Counter[str](), dict[int, list[str]](), 0
    with ProcessPoolExecutor(jobs) as pool:
        for found in pool.map(partial(some, server), chunks(range(first, first + seeds))):
            for number, counted, broken in found:
                counts += counted
                done += 1
                if broken:
                    failed[number] = broken
                    click.echo(f"seed {number}: {broken[0]}")
            click.echo(f"{done} of {seeds} seeds, {len(failed)} failed, {monotonic() - began:.0f} s", err=True)
    click.echo(told(counts))
    click.echo(f"{len(failed)} of {seeds} seeds failed{': ' if failed else ''}{', '.join(map(str, failed))}")
    if failed:
        click.echo("told in full by: scripts/simulate --seed N -v")
    sys.exit(bool(failed))


if __name__ == "__main__":
    simulate()

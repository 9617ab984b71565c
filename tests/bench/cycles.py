"""Workloads (a), (b), (c): complete cycles, in the program's own process but for the wire."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from stocksync.stock.values import SIDES
from stocksync.sync.cycle import CycleResult
from tests.bench.cars import Layout
from tests.bench.edits import edit
from tests.bench.figures import Goal, Row
from tests.bench.ground import Ground, Workplace, copied_database, forget_database
from tests.bench.measuring import Stopwatch, forget_peak, peak_mb, resident_mb, since, unit_s
from tests.bench.order import Order
from tests.bench.phases import watched

Y_A_CAR: Final = "y a car"
_BEFORE: Final = -1
"""The first number of edits that nothing measures."""
_MORE_AT_ONCE: Final = 50_000
"""First contact holds every new car in memory with all that is decided about it: some gigabytes for so many."""


@dataclass
class Taken:
    """One workload's figures: of each run, the time and the unit; of the last run, counts.

    recorded, recorded_counts: the same without what came once a plan was recorded.
    """

    order: Order
    watch: Stopwatch = field(default_factory=Stopwatch)
    units_s: list[float] = field(default_factory=list)
    counts: dict[str, Any] = field(default_factory=dict)
    recorded: Stopwatch = field(default_factory=Stopwatch)
    recorded_counts: dict[str, Any] = field(default_factory=dict)
    resident_mb: float = 0.0
    peak_mb: float = 0.0

    def take(self, ground: Ground, workplace: Workplace) -> list[CycleResult]:
        """Measure one complete run, and the unit just before it."""
        self.units_s.append(unit_s(ground.servers[side].pages() for side in SIDES))

        def counted() -> dict[str, int]:
            return workplace.statements.counts() | ground.requests()

        phases, before = watched(workplace, counted), counted()
        forget_peak()
        self.resident_mb = max(self.resident_mb, resident_mb())
        with self.watch.running(), self.order.around():
            found = workplace.run()
        self.peak_mb = max(self.peak_mb, peak_mb())
        counts = since(before, counted())
        self.counts = counts | outcome(found)
        self.recorded.taken_s.append(self.watch.taken_s[-1] - phases.writing_s)
        self.recorded.cpu_s.append(self.watch.cpu_s[-1] - phases.writing_cpu_s)
        self.recorded_counts = since(dict(phases.writing_counts), counts)
        return found

    def row(self, what: str, goal: Goal) -> Row:
        """The figures; the ratio is that of one car, both sides counted, to the unit y."""
        order = self.order
        return Row(
            order.workload,
            what,
            order.cars,
            self.watch.taken_s,
            self.units_s,
            self.watch.cpu_s,
            order.cars,
            Y_A_CAR,
            y_us=sorted(self.units_s)[len(self.units_s) // 2] * 1e6,
            resident_mb=self.resident_mb,
            peak_mb=self.peak_mb,
            goal=goal,
            counts=self.counts,
        )

    def row_until_recorded(self, what: str, goal: Goal) -> Row:
        """The same up to where every plan was recorded, and nothing sent yet."""
        whole = self.row(what, goal)
        return replace(
            whole, taken_s=self.recorded.taken_s, cpu_s=self.recorded.cpu_s, counts=self.recorded_counts, peak_mb=None
        )


def outcome(results: list[CycleResult]) -> dict[str, int]:
    """What runs came to, but for what is none."""
    summaries = [result.summary for result in results]
    told = {
        "written": sum(sum(summary.writes.values()) for summary in summaries),
        "new_findings": sum(summary.findings.new for summary in summaries),
        "open_findings": sum(summary.findings.open for summary in summaries),
        "unchanged": sum(summary.unchanged for summary in summaries),
        "bound": sum(summary.bound for summary in summaries),
    }
    return {name: count for name, count in told.items() if count}


def _settle_down(ground: Ground, workplace: Workplace) -> None:
    """Be at work on the stock since the day after it was first seen, as a process is whose runs are measured."""
    ground.clock.skip(timedelta(days=1))
    for _ in range(2):
        workplace.run()


def quiet(order: Order, *, in_memory: bool = True) -> list[Row]:
    """(a): nothing changed since the last run."""
    ground, taken = Ground(order.layout, in_memory), Taken(order)
    with ground.opened(copied_database(order.agreed, order.folder / "a.db")) as workplace:
        _settle_down(ground, workplace)
        for _ in range(order.runs):
            taken.take(ground, workplace)
    if in_memory:
        return [taken.row("complete, nothing changed, pages in memory", Goal(ratio=2.5))]
    return [taken.row("complete, nothing changed, pages from files", Goal(ratio=2.5, mb=400))]


def quiet_from_files(order: Order) -> list[Row]:
    """(a) with pages from files, so that the peak is the program's own."""
    return quiet(order, in_memory=False)


def changed(order: Order, *, in_memory: bool = True) -> list[Row]:
    """(b): 1 % changed on each side, and 0.2 % so that only a person can decide. Each run begins anew.

    The process has synchronised a change of either kind before: it was at work, and its statements are made.
    """
    ground, taken, cars = Ground(order.layout, in_memory), Taken(order), order.cars
    for number in range(order.runs):
        with ground.opened(copied_database(order.agreed, order.folder / "b.db")) as workplace:
            _settle_down(ground, workplace)
            edit(ground, _BEFORE - number, on_each_side=1, in_conflict=1)
            workplace.run()
            edit(ground, number, on_each_side=cars // 100, in_conflict=max(cars // 500, 1))
            taken.take(ground, workplace)
        ground.restore()
    what = f"complete, 1 % changed on each side, 0.2 % in conflict{'' if in_memory else ', pages from files'}"
    return [
        taken.row_until_recorded(f"{what}: until the plan is recorded", Goal(ratio=5)),
        taken.row(f"{what}: with delivery", Goal()),
    ]


def changed_from_files(order: Order) -> list[Row]:
    """(b) with pages from files, so that the peak is the program's own."""
    return changed(order, in_memory=False)


def first_contact(order: Order) -> list[Row]:
    """(c): a stock that was never seen, whose records name one another. Leaves the agreed database."""
    taken = Taken(order)
    for number in range(order.runs):
        _first_contact(order.layout, order, taken, is_last=number == order.runs - 1)
    return [taken.row("first contact", Goal(ratio=25))]


def _first_contact(layout: Layout, order: Order, taken: Taken, *, is_last: bool) -> None:
    fresh = forget_database(order.folder / "c.db")
    ground = Ground(layout, in_memory=False)
    with ground.opened(fresh) as workplace:
        taken.take(ground, workplace)
    if is_last and not order.agreed.exists():
        copied_database(fresh, order.agreed)


def prepare(order: Order) -> list[Row]:
    """The agreed database alone, where nobody measures first contact."""
    if not order.agreed.exists():
        grow(order, _MORE_AT_ONCE)
    return []


def grow(order: Order, more: int) -> None:
    """The agreed database of a stock that grows by so many cars at a time: each run looks at the new ones alone."""
    fresh = forget_database(order.folder / "grown.db")
    ground = Ground(order.layout, in_memory=False)
    with ground.opened(fresh) as workplace:
        for cars in (*range(more, order.cars, more), order.cars):
            ground.show(cars)
            there = sum(result.summary.bound for result in workplace.run())
            if order.cars > more:
                print(f"{there:,} of {order.cars:,} cars agreed", file=sys.stderr, flush=True)
    if there != order.cars:
        raise RuntimeError(f"{there} of {order.cars} cars are bound")
    copied_database(fresh, order.agreed)

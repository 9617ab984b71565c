"""Workload (d): quick cycles of a warm process over real sockets, with nothing changed and with 100 cars changed.

Both systems are in a process of their own, so that the peak is the program's. The overlap makes a quick run ask for the
last minutes again: with nothing changed, one record comes from each side.
"""

from __future__ import annotations

from typing import Final

import httpx

from stocksync.stock.values import Side
from stocksync.sync.recording import RunKind
from tests.bench.cycles import outcome
from tests.bench.figures import Goal, Row
from tests.bench.ground import BenchClock, Workplace, bench_mappings, copied_database, opened
from tests.bench.measuring import Stopwatch, forget_peak, peak_mb, resident_mb, since
from tests.bench.order import Order
from tests.bench.wire import Wire

_CHANGED: Final = 100
_QUIET_RUNS_FOR_ONE: Final = 10
"""They are short, and settle only with their number."""
_TWO_GETS: Final = "two empty GETs"


def delta(order: Order) -> list[Row]:
    """Measure both."""
    clock = BenchClock()
    database = copied_database(order.agreed, order.folder / "d.db")
    forget_peak()
    with (
        Wire(order.layout) as wire,
        opened(bench_mappings(order.points), database, clock, wire.environment) as workplace,
        httpx.Client(trust_env=False) as client,
    ):
        # The day after the stock was first seen: what first contact wrote is not of the last minutes any more.
        for _ in range(24):
            wire.skip_an_hour()
            clock.skip_an_hour()
        for _ in range(2):
            workplace.run(RunKind.DELTA)
        return [
            _nothing_changed(order, wire, workplace, client),
            _some_changed(order, wire, workplace, client, clock),
        ]


def _nothing_changed(order: Order, wire: Wire, workplace: Workplace, client: httpx.Client) -> Row:
    watch, units_s, counts = Stopwatch(), [], {}
    for _ in range(order.runs * _QUIET_RUNS_FOR_ONE if order.runs > 1 else 3):
        units_s.append(_bare_s(order, wire, client))
        before = workplace.statements.counts()
        with watch.running(), order.around():
            results = workplace.run(RunKind.DELTA)
        counts = since(before, workplace.statements.counts()) | outcome(results)
    return _row(order, "quick, nothing changed, over HTTP", watch, units_s, Goal(ratio=5, mb=100), counts)


def _some_changed(order: Order, wire: Wire, workplace: Workplace, client: httpx.Client, clock: BenchClock) -> Row:
    watch, units_s, counts = Stopwatch(), [], {}
    count = min(_CHANGED, order.cars // 10)
    for number in range(order.runs):
        # A change long after the last ones, taken in before: else those would be within the overlap, and come again.
        wire.skip_an_hour()
        clock.skip_an_hour()
        wire.change(2 * number, 2)
        workplace.run(RunKind.DELTA)
        workplace.run(RunKind.DELTA)
        wire.skip_an_hour()
        clock.skip_an_hour()
        wire.change(2 * number + 1, count)
        units_s.append(_bare_s(order, wire, client))
        before = workplace.statements.counts()
        with watch.running(), order.around():
            results = workplace.run(RunKind.DELTA)
        counts = since(before, workplace.statements.counts()) | outcome(results)
    return _row(order, f"quick, {count} changed and delivered, over HTTP", watch, units_s, Goal(mb=100), counts)


def _bare_s(order: Order, wire: Wire, client: httpx.Client) -> float:
    """What two GETs without an answer to speak of take, one after the other, for each point of sale."""
    module, dms = wire.addresses[Side.VEHICLE_MODULE], wire.addresses[Side.DMS]

    def ask() -> None:
        for _ in range(order.points):
            asked = {"pointOfSale": "PDV1", "limit": "500", "updatedSince": "2999-01-01T00:00:00Z"}
            client.get(f"{module}/api/v1/vehicles", params=asked)
            asked = {"site": "S01", "taille": "500", "modifie_depuis": "01/01/2999 00:00:00"}
            client.get(f"{dms}/icar/ws/v2/vo", params=asked)

    ask()
    watch = Stopwatch()
    with watch.running():
        ask()
    return watch.taken_s[0]


def _row(order: Order, what: str, watch: Stopwatch, units_s: list[float], goal: Goal, counts: dict[str, int]) -> Row:
    return Row(
        order.workload,
        what,
        order.cars,
        watch.taken_s,
        units_s,
        watch.cpu_s,
        of=_TWO_GETS,
        resident_mb=resident_mb(),
        peak_mb=peak_mb(),
        goal=goal,
        counts=counts,
    )

"""One gate for each system: shut while it does not work, tried again after a while, told of once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from stocksync.adapters.store.gate_rows import gates_left, keep_gate
from stocksync.adapters.systems.gated import GatedSystem
from stocksync.adapters.systems.memory import MemorySystem
from stocksync.errors import (
    AccessDenied,
    NotSent,
    RateLimited,
    RecordNotFound,
    StaleWrite,
    StocksyncError,
    SystemUnavailable,
    UnexpectedAnswer,
    WriteRejected,
)
from stocksync.sync.gates import FAILURES_BEFORE_CLOSING, LONGEST_CLOSED_FOR, Gates
from stocksync.sync.health import GateHealth, GateState
from tests.worlds import DMS, MODULE, ToldClock, World, a_world

NAME = "icar (ICAR_URL, ICAR_KEY)"


class Told(Gates):
    """Gates that note what they told."""

    def __init__(self, clock: ToldClock) -> None:
        self.told: list[GateHealth] = []
        super().__init__(clock, Random(7), self.told.append)

    def fail(self, error: StocksyncError, times: int = 1) -> None:
        for _ in range(times):
            self.enter(NAME)
            self.settle(NAME, error)

    @property
    def states(self) -> list[str]:
        return [gate.state.value for gate in self.told]


@pytest.fixture
def gates() -> Told:
    return Told(ToldClock())


@pytest.mark.parametrize("error", [SystemUnavailable("error 503"), UnexpectedAnswer("a login page")])
def test_a_gate_closes_after_failures_in_a_row_and_says_so_once(gates: Told, error: StocksyncError) -> None:
    gates.fail(error, FAILURES_BEFORE_CLOSING - 1)
    assert gates.told == []
    gates.fail(error)
    assert gates.states == ["closed"]
    assert gates.told[0].reason == str(error)
    for _ in range(3):
        with pytest.raises(NotSent, match="left alone until"):
            gates.enter(NAME)
    assert gates.states == ["closed"]


@pytest.mark.parametrize(
    "alive", [None, WriteRejected("no"), StaleWrite("moved"), RecordNotFound("gone"), RateLimited("slow down", 0)]
)
def test_whatever_a_system_answers_shows_that_it_works(gates: Told, alive: StocksyncError | None) -> None:
    for _ in range(3):
        gates.fail(SystemUnavailable("error 503"), FAILURES_BEFORE_CLOSING - 1)
        gates.enter(NAME)
        gates.settle(NAME, alive)
    assert gates.told == []


def test_one_request_tries_a_closed_gate_and_the_others_wait_for_it(gates: Told) -> None:
    gates.fail(SystemUnavailable("error 503"), FAILURES_BEFORE_CLOSING)
    gates.clock.pause(40)
    gates.enter(NAME)
    with pytest.raises(NotSent):
        gates.enter(NAME)
    gates.settle(NAME, None)
    assert gates.states == ["closed", "trying", "open"]
    gates.enter(NAME)


def test_a_gate_that_is_tried_in_vain_stays_closed_longer_each_time_up_to_a_limit(gates: Told) -> None:
    gates.fail(SystemUnavailable("error 503"), FAILURES_BEFORE_CLOSING)
    closed_for: list[timedelta] = []
    for _ in range(9):
        closed = gates.told[-1]
        assert closed.retry_at is not None
        closed_for.append(closed.retry_at - gates.clock.now_at())
        gates.clock.pause(closed_for[-1].total_seconds())
        gates.fail(SystemUnavailable("error 503"))
    assert closed_for[0] < closed_for[2] < closed_for[4]
    assert all(LONGEST_CLOSED_FOR <= last <= LONGEST_CLOSED_FOR * 1.25 for last in closed_for[-3:])
    assert {gate.since for gate in gates.told} == {gates.told[0].since}


def test_a_try_of_which_nobody_heard_again_holds_the_gate_for_some_minutes_only(gates: Told) -> None:
    gates.fail(SystemUnavailable("error 503"), FAILURES_BEFORE_CLOSING)
    gates.clock.pause(40)
    gates.enter(NAME)
    gates.clock.pause(301)
    gates.enter(NAME)


def test_a_refused_key_shuts_the_gate_at_once(gates: Told) -> None:
    gates.fail(AccessDenied("our key was refused"))
    assert gates.states == ["denied"]
    with pytest.raises(AccessDenied, match="our key was refused"):
        gates.enter(NAME)
    gates.clock.pause(15 * 60)
    gates.fail(AccessDenied("our key was refused"))
    assert gates.states == ["denied", "trying", "denied"]
    assert gates.told[-1].since == gates.told[0].since


def test_a_system_that_asks_for_patience_is_left_alone_by_everybody(gates: Told) -> None:
    gates.fail(RateLimited("slow down", 12))
    before = gates.clock.now_at()
    gates.enter(NAME)
    assert gates.clock.now_at() - before == timedelta(seconds=12)
    gates.settle(NAME, RateLimited("slow down", 200))
    with pytest.raises(NotSent, match="asked to be left alone"):
        gates.enter(NAME)
    gates.enter("another")
    gates.clock.pause(200)
    gates.enter(NAME)


@pytest.fixture
def world(tmp_path: Path) -> World:
    with a_world(tmp_path / "world.db") as made:
        yield made.settled()  # type: ignore[misc]


def gated_sync(world: World, gates: Gates) -> object:
    world.clock.pause(300)
    cycle = world.cycle()
    cycle.systems = {side: GatedSystem(system, gates, side.value) for side, system in cycle.systems.items()}
    return cycle.run()


def test_a_run_behind_a_closed_gate_asks_nothing_of_that_system_and_ends_unfinished(world: World) -> None:
    gates = Gates(world.clock, Random(1))
    asked: list[str] = []

    def down(call: str) -> SystemUnavailable:
        asked.append(call)
        return SystemUnavailable("error 503")

    world.dms.error_before = down  # type: ignore[assignment]
    for _ in range(FAILURES_BEFORE_CLOSING):
        gated_sync(world, gates)
    before = len(asked)
    cycle = world.cycle()
    cycle.systems = {side: GatedSystem(system, gates, side.value) for side, system in cycle.systems.items()}
    result = cycle.run()
    assert len(asked) == before
    assert (result.summary.status, isinstance(result.error, NotSent)) == ("incomplete", True)
    world.answers_again()
    assert gated_sync(world, gates).summary.status == "done"  # type: ignore[attr-defined]


def test_what_is_not_sent_because_of_a_gate_is_nobodys_trouble(world: World) -> None:
    """The gate closes while cars are written: those that were not sent are planned again, and none is given up."""
    gates = Gates(world.clock, Random(1))
    world.edit(MODULE, "OF-1", sale__price=11900)
    for _ in range(5):
        gates._gates.clear()
        cycle = world.cycle()
        gates.remember([GateHealth(DMS.value, GateState.CLOSED, "error 503")])
        gates._gates[DMS.value] = gates._gates[DMS.value].trying(world.clock.now_at())
        cycle.systems = {
            MODULE: cycle.systems[MODULE],
            DMS: Writes(GatedSystem(cycle.systems[DMS], gates, DMS.value), cycle.systems[DMS]),
        }
        world.clock.pause(100)
        assert cycle.run().summary.status == "incomplete"
    world.sync()
    assert world.dms.body("VO1")["prix_vente"] == "11900,00"


class Writes:
    """A system whose writes alone go through the gate."""

    def __init__(self, gated: GatedSystem, open_: MemorySystem) -> None:
        self._gated, self._open = gated, open_

    def __getattr__(self, name: str) -> object:
        return getattr(self._gated if name == "update" else self._open, name)


def test_gates_are_seen_by_other_processes_and_tried_at_once_by_the_next(world: World) -> None:
    engine = world.repository.engine
    gates = Gates(world.clock, Random(1), lambda gate: keep_gate(engine, gate))
    for _ in range(FAILURES_BEFORE_CLOSING):
        gates.enter(NAME)
        gates.settle(NAME, SystemUnavailable("error 503"))
    [left] = gates_left(engine)
    assert (left.system, left.state, left.reason) == (NAME, GateState.CLOSED, "error 503")
    restarted = Gates(world.clock, Random(1), lambda gate: keep_gate(engine, gate))
    restarted.remember(gates_left(engine))
    restarted.enter(NAME)
    restarted.settle(NAME, None)
    assert gates_left(engine) == []


def test_a_burst_of_failures_that_were_under_way_closes_a_gate_no_longer_than_one(gates: Told) -> None:
    for _ in range(12):
        gates.enter(NAME)
    for _ in range(12):
        gates.settle(NAME, SystemUnavailable("error 503"))
    [closed] = gates.told
    assert closed.retry_at is not None
    assert closed.retry_at - gates.clock.now_at() < timedelta(seconds=40)

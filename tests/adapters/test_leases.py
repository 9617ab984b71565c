"""One holder at a time for a point of sale, and what a holder that was replaced can still do: nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from stocksync.adapters.store import leases
from stocksync.adapters.store.core import LEASE
from stocksync.adapters.store.engine import open_engine
from stocksync.adapters.store.leases import LEASE_FOR
from stocksync.adapters.store.repository import Repository
from stocksync.adapters.systems.memory import Fate, Write
from stocksync.errors import Busy, LeaseLost
from stocksync.sync.recording import RunKind
from tests.worlds import DMS, MODULE, RUNS_OWN, ToldClock, World, a_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with a_world(tmp_path / "world.db") as made:
        made.settled()
        yield made


def lease(world: World) -> tuple[int, object]:
    with world.repository.engine.connect() as connection:
        row = connection.execute(select(LEASE.c.fence, LEASE.c.expires_at)).one()
        return row.fence, row.expires_at


def test_every_holder_has_a_higher_number_than_the_one_before(world: World) -> None:
    numbers = []
    for _ in range(3):
        with world.repository.exclusive("PDV1", world.clock, "sync") as fence:
            numbers.append(fence)
    assert numbers == sorted(set(numbers))


def test_whoever_has_to_wait_is_told_who_holds_it_and_since_when(world: World) -> None:
    with (
        world.repository.exclusive("PDV1", world.clock, "serve"),
        pytest.raises(Busy, match=r"serve, process \d+ on .* since 2026-11-20 09:05:00 UTC"),
        world.repository.exclusive("PDV1", world.clock, "sync"),
    ):
        pass


def test_a_holder_that_stood_still_past_its_lease_records_nothing_any_more(world: World) -> None:
    """It slept, was replaced, and wakes in the middle of its run: no commit of its own gets through."""
    world.edit(MODULE, "OF-1", sale__price=11900)
    successor = ToldClock(world.clock.at + 2 * LEASE_FOR)
    cycle = world.cycle()
    sleeper = Sleeper(cycle.systems[DMS], world, successor)
    cycle.systems = {**cycle.systems, DMS: sleeper}
    before = world.rows(beside=RUNS_OWN)
    result = cycle.run()
    assert isinstance(result.error, LeaseLost)
    assert result.summary.status == "incomplete"
    assert world.rows(beside=RUNS_OWN) == before
    assert not world.dms.writes


def test_a_holder_that_was_replaced_sends_nothing_of_what_it_had_claimed(world: World) -> None:
    """It fell asleep before its request; nobody answered that one, and it is not sent again either."""
    world.edit(MODULE, "OF-1", sale__price=11900)
    came: list[Write] = []

    def another_takes_over(write: Write) -> Fate:
        came.append(write)
        with world.repository.exclusive("PDV1", ToldClock(world.clock.at + 2 * LEASE_FOR), "another"):
            return Fate.LOST

    world.dms.fate_of = another_takes_over
    result = world.sync()
    assert isinstance(result.error, LeaseLost)
    assert len(came) == 1


class Sleeper:
    """A system during whose listing the process stands still, and another one takes over."""

    def __init__(self, system: object, world: World, clock: ToldClock) -> None:
        self._system, self._world, self._clock = system, world, clock

    def pages(self, familiar: object = None) -> Iterator[object]:
        with self._world.repository.exclusive("PDV1", self._clock, "another") as fence:
            mapping = self._world.mappings.points_of_sale["PDV1"]
            self._world.repository.begin_run(
                mapping.pair, "PDV1", mapping.version, {}, self._clock.now_at(), RunKind.COMPLETE, fence
            )
            yield from self._system.pages()  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> object:
        return getattr(self._system, name)


def test_a_run_that_was_broken_off_is_noted_as_such_by_the_next_one(world: World) -> None:
    mapping = world.mappings.points_of_sale["PDV1"]
    with world.repository.exclusive("PDV1", world.clock, "sync") as fence:
        run_id = world.repository.begin_run(
            mapping.pair, "PDV1", mapping.version, {}, world.clock.at, RunKind.COMPLETE, fence
        )
    world.sync()
    runs = {row[0]: row for row in world.rows()["run"]}
    assert "interrupted" in runs[run_id]


def test_a_lease_is_given_back_at_the_end(world: World) -> None:
    with world.repository.exclusive("PDV1", world.clock, "sync"):
        _, held_until = lease(world)
    assert held_until == world.clock.at + LEASE_FOR
    assert lease(world)[1] == world.clock.at


def test_a_holder_at_work_gives_signs_of_life(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "_BEAT_S", 0.01)
    clock = ToldClock(world.clock.at)
    with world.repository.exclusive("PDV1", clock, "sync"):
        for _ in range(3):
            clock.at += timedelta(seconds=45)
            until_s = time.monotonic() + 20
            while lease(world)[1] != clock.at + LEASE_FOR:
                assert time.monotonic() < until_s
                time.sleep(0.01)
        with pytest.raises(Busy), world.repository.exclusive("PDV1", ToldClock(clock.at), "sync"):
            pass


def test_a_holder_that_took_over_from_a_stalled_one_is_not_dead_because_that_one_ended(world: World) -> None:
    """The stalled one held the lock on the file; its end says nothing of its successor."""
    stalled = world.repository.exclusive("PDV1", world.clock, "stalled")
    stalled.__enter__()
    later = ToldClock(world.clock.at + 2 * LEASE_FOR)
    with world.repository.exclusive("PDV1", later, "successor"):
        stalled.__exit__(None, None, None)
        with pytest.raises(Busy, match="successor"), world.repository.exclusive("PDV1", later, "third"):
            pass


def test_a_run_of_a_holder_that_was_replaced_does_not_even_begin(world: World) -> None:
    mapping = world.mappings.points_of_sale["PDV1"]
    with world.repository.exclusive("PDV1", world.clock, "stalled") as fence:
        later = ToldClock(world.clock.at + 2 * LEASE_FOR)
        with world.repository.exclusive("PDV1", later, "successor"):
            before = world.rows()
            with pytest.raises(LeaseLost):
                world.repository.begin_run(mapping.pair, "PDV1", "v", {}, world.clock.at, RunKind.COMPLETE, fence)
            assert world.rows() == before


def test_one_database_in_two_processes_of_one_machine_gives_every_number_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    open_engine(url).dispose()
    taken: list[int] = []
    clock = ToldClock()

    def take() -> None:
        repository = Repository(open_engine(url))
        for _ in range(20):
            try:
                with repository.exclusive("PDV1", clock, "sync") as fence:
                    taken.append(fence)
            except Busy:
                continue
        repository.engine.dispose()

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) > 0

"""Whose turn it is: laws that hold whatever is asked, paused, ended, or in which order."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from stocksync.stock.values import Side
from stocksync.sync.dispatch import MAX_HINTS, Dispatcher, Turn
from stocksync.sync.recording import RunKind

POINTS = ["P1", "P2", "P3", "P4"]
DEBOUNCE = timedelta(seconds=5)
START = datetime(2026, 6, 1, tzinfo=UTC)
DMS, MODULE = Side.DMS, Side.VEHICLE_MODULE
COMPLETE, DELTA, HINTED = RunKind.COMPLETE, RunKind.DELTA, RunKind.HINTED


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def dispatcher(at_once: int = 2) -> Dispatcher:
    return Dispatcher(POINTS, at_once, DEBOUNCE)


def taken(turns: Dispatcher, seconds: float, barred: tuple[str, ...] = ()) -> Turn:
    turn = turns.take(after(seconds), barred)
    assert turn is not None
    return turn


def hint(*record_ids: str, side: Side = DMS) -> dict[Side, frozenset[str]]:
    return {side: frozenset(record_ids)}


# --- one by one


def test_what_was_put_off_is_due_at_once_after_it_was_let_go_and_asked_for() -> None:
    turns = dispatcher()
    turns.ask("P1", DELTA, after(0))
    taken(turns, 0)
    turns.ended("P1", after(900))
    turns.ask("P1", DELTA, after(1))
    assert turns.take(after(1)) is None
    turns.let_go("P1")
    turns.ask("P1", DELTA, after(1))
    assert taken(turns, 1).points == ("P1",)


def test_what_is_asked_while_a_run_is_on_is_remembered_once() -> None:
    turns = dispatcher()
    turns.ask("P1", DELTA, START)
    taken(turns, 0)
    for second in range(5):
        turns.ask("P1", DELTA, after(second))
    assert turns.take(after(9)) is None
    turns.ended("P1")
    assert taken(turns, 10).points == ("P1",)
    turns.ended("P1")
    assert turns.take(after(10)) is None


def test_a_complete_run_stands_for_everything_that_was_asked() -> None:
    turns = dispatcher()
    turns.ask("P1", HINTED, START, hint("7"))
    turns.ask("P1", COMPLETE, START)
    turns.ask("P1", DELTA, START)
    turn = taken(turns, 0)
    assert (turn.kind, turn.hints) == (COMPLETE, {})
    turns.ended("P1")
    assert not turns.waiting


def test_hints_are_merged_and_a_delta_run_takes_them_along() -> None:
    turns = dispatcher()
    turns.ask("P1", HINTED, START, hint("7", "8"))
    turns.ask("P1", HINTED, START, hint("8", "9"))
    turns.ask("P1", HINTED, START, hint("1", side=MODULE))
    assert taken(turns, 5).hints == {DMS: {"7", "8", "9"}, MODULE: {"1"}}
    turns.ask("P2", HINTED, START, hint("7"))
    turns.ask("P2", DELTA, START)
    turn = taken(turns, 0)
    assert (turn.kind, turn.hints) == (DELTA, {DMS: {"7"}})


def test_a_hinted_run_is_due_so_long_after_its_first_hint_and_later_ones_do_not_put_it_off() -> None:
    turns = dispatcher()
    for second in range(5):
        turns.ask("P1", HINTED, after(second), hint(str(second)))
        assert turns.take(after(second)) is None
    assert turns.next_due_at() == after(5)
    assert taken(turns, 5).hints == {DMS: set("01234")}


def test_more_hints_than_can_be_read_one_by_one_become_one_delta_run() -> None:
    turns = dispatcher()
    for number in range(MAX_HINTS + 1):
        turns.ask("P1", HINTED, START, hint(str(number)))
    assert (turns.waiting["P1"].kind, turns.waiting["P1"].hints) == (DELTA, {})


def test_first_asked_is_first_served_and_who_was_served_goes_to_the_end() -> None:
    turns, served = dispatcher(1), []
    for point in ("P3", "P1", "P2"):
        turns.ask(point, DELTA, START)
    for _ in range(6):
        turn = taken(turns, 0)
        served += turn.points
        turns.ask(turn.points[0], DELTA, START)
        turns.ended(turn.points[0])
    assert served == ["P3", "P1", "P2"] * 2


def test_a_paused_point_of_sale_keeps_what_it_wants_as_one_run() -> None:
    turns = dispatcher()
    for second, asked in enumerate((DELTA, HINTED, DELTA, COMPLETE, DELTA)):
        turns.ask("P1", asked, after(second), hint("7") if asked is HINTED else {})
    assert turns.take(after(90), ("P1",)) is None
    assert turns.next_due_at(("P1",)) is None
    assert taken(turns, 90).kind is COMPLETE
    turns.ended("P1")
    assert turns.take(after(99)) is None


def test_a_point_of_sale_that_somebody_else_holds_comes_back_later_with_what_it_wanted() -> None:
    turns = dispatcher()
    turns.ask("P1", HINTED, START, hint("7"))
    taken(turns, 5)
    turns.ask("P1", DELTA, after(6))
    turns.ended("P1", after(36))
    assert turns.take(after(35.9)) is None
    assert turns.next_due_at() == after(36)
    turn = taken(turns, 36)
    assert (turn.kind, turn.hints) == (DELTA, {DMS: {"7"}})


def test_points_of_sale_that_are_kept_together_take_one_turn_without_those_that_cannot() -> None:
    turns = dispatcher(1)
    turns.keep_together([{"P1", "P2", "P3"}])
    for point in POINTS:
        turns.ask(point, DELTA, START)
    turn = taken(turns, 0, ("P3",))
    assert (turn.points, turn.kind) == (("P1", "P2"), COMPLETE)
    assert turns.take(START) is None
    turns.ended("P1")
    assert turns.take(START) is None
    turns.ended("P2")
    turns.keep_together([])
    assert [taken(turns, 0).points for _ in range(1)] == [("P3",)]


def test_an_unknown_point_of_sale_cannot_be_asked_for() -> None:
    with pytest.raises(KeyError):
        dispatcher().ask("P9", DELTA, START)


# --- whatever happens


class Asked(RuleBasedStateMachine):
    """Whatever is asked, paused, taken and ended, in whatever order, beside a much simpler account of it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.at_once = 2
        self.turns = dispatcher(self.at_once)
        self.paused: set[str] = set()
        # What each point of sale must still be given: how much at least, and which records.
        self.owed: dict[str, RunKind] = {}
        self.named: dict[str, set[tuple[Side, str]]] = {point: set() for point in POINTS}
        self.due: dict[str, datetime] = {}
        self.held: dict[str, datetime] = {}
        self.running: dict[str, Turn] = {}
        self.passed_over: dict[str, list[str]] = {point: [] for point in POINTS}

    points = st.sampled_from(POINTS)

    @rule(point=points, kind=st.sampled_from(RunKind), record=st.sampled_from("abc"), side=st.sampled_from(Side))
    def ask(self, point: str, kind: RunKind, record: str, side: Side) -> None:
        hints = {side: frozenset({record})} if kind is HINTED else {}
        self.turns.ask(point, kind, self.now, hints)
        self._owe(point, kind, self.now + (DEBOUNCE if kind is HINTED else timedelta(0)))
        if kind is HINTED:
            self.named[point].add((side, record))

    @rule(seconds=st.sampled_from([0, 1, 4, 5, 30]))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(point=points)
    def pause_or_resume(self, point: str) -> None:
        self.paused ^= {point}

    @rule()
    def take(self) -> None:
        could = self._could()
        turn = self.turns.take(self.now, self.paused)
        if len(self.running) >= self.at_once or not could:
            assert turn is None
            return
        assert turn is not None
        (point,) = turn.points
        assert point in could, "only what is due, free and not paused"
        assert turn.kind is self.owed[point]
        given = {(side, record) for side, records in turn.hints.items() for record in records}
        assert given == (set() if turn.kind is COMPLETE else self.named[point])
        for other in could - {point}:
            assert point not in self.passed_over[other], f"{point} was served twice while {other} waited"
            self.passed_over[other].append(point)
        self.passed_over[point] = []
        for stale in set(POINTS) - could:
            self.passed_over[stale] = []
        self.running[point] = turn
        del self.owed[point], self.due[point]
        self.named[point] = set()

    @precondition(lambda self: self.running)
    @rule(data=st.data(), again_after=st.sampled_from([None, 30]))
    def end(self, data: st.DataObject, again_after: int | None) -> None:
        point = data.draw(st.sampled_from(sorted(self.running)))
        turn = self.running.pop(point)
        again_at = self.now + timedelta(seconds=again_after) if again_after is not None else None
        self.turns.ended(point, again_at)
        self.held.pop(point, None)
        if again_at is not None:
            self.held[point] = again_at
            self.named[point] |= {(side, record) for side, records in turn.hints.items() for record in records}
            self._owe(point, turn.kind, again_at)

    @invariant()
    def nobody_runs_twice_and_not_too_many_run(self) -> None:
        assert dict(self.turns.running) == self.running
        assert len(self.running) <= self.at_once

    @invariant()
    def nothing_that_was_asked_is_forgotten(self) -> None:
        assert {point: want.kind for point, want in self.turns.waiting.items()} == self.owed

    @invariant()
    def the_next_instant_is_when_something_can_be_taken(self) -> None:
        due = [self._due(p) for p in self.owed if p not in self.running and p not in self.paused]
        assert self.turns.next_due_at(self.paused) == min(due, default=None)

    def _owe(self, point: str, kind: RunKind, due_at: datetime) -> None:
        weight = (HINTED, DELTA, COMPLETE).index
        self.owed[point] = max(kind, self.owed.get(point, HINTED), key=weight)
        if self.owed[point] is COMPLETE:
            self.named[point] = set()
        self.due[point] = min(due_at, self.due.get(point, due_at))

    def _due(self, point: str) -> datetime:
        return max(self.due[point], self.held.get(point, START))

    def _could(self) -> set[str]:
        free = set(self.owed) - set(self.running) - self.paused
        return {point for point in free if self._due(point) <= self.now}

    def teardown(self) -> None:
        """Nothing that was asked waits for ever: once nobody is paused and what runs ends, all of it gets its turn."""
        for point in list(self.running):
            self.turns.ended(point)
        for _ in range(len(POINTS)):
            self.now += timedelta(seconds=60)
            while (turn := self.turns.take(self.now)) is not None:
                self.turns.ended(turn.points[0])
        assert not self.turns.waiting


TestWhateverIsAsked = Asked.TestCase

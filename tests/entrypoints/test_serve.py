"""The service: real threads over runs that only note what they were asked for, then the whole as a process."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from datetime import time as wall
from zoneinfo import ZoneInfo

import httpx
import pytest

from stocksync.entrypoints.serve import service as service_module
from stocksync.entrypoints.serve import stopping as stopping_module
from stocksync.entrypoints.serve.http_thread import HttpThread, address_of
from stocksync.entrypoints.serve.service import DEBOUNCE, Service
from stocksync.entrypoints.serve.stopping import Signals, end_in_time
from stocksync.entrypoints.serve.turns import BUSY_AGAIN, Hooks, Turns
from stocksync.errors import Busy, ConfigurationError, StocksyncError, SystemUnavailable, UsageError
from stocksync.stock.values import Side
from stocksync.sync.cycle import CycleResult
from stocksync.sync.health import Pause, PointHealth, RunShown
from stocksync.sync.recording import RunKind, RunStatus
from stocksync.sync.summary import Summary
from stocksync.sync.timetable import Schedule

PATIENCE_S = 10.0
START = datetime(2026, 6, 10, 8, tzinfo=UTC)
NEVER = Schedule(86_400, wall(3, 30), ZoneInfo("Europe/Paris"))
COMPLETE, DELTA, HINTED = RunKind.COMPLETE, RunKind.DELTA, RunKind.HINTED


class SetClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at = START

    def now_at(self) -> datetime:
        return self.at

    def pause(self, seconds_s: float) -> None:
        raise AssertionError("the service waits for events, not for time")


@dataclass
class NotedRuns:
    """Notes every run; `during` is what happens in one, and may raise. new: points of sale at first contact."""

    new: set[str] = field(default_factory=set)
    during: Callable[[str], StocksyncError | None] = lambda point: None
    runs: list[tuple[str, RunKind]] = field(default_factory=list)
    together: list[tuple[str, ...]] = field(default_factory=list)
    hints: list[Mapping[Side, frozenset[str]]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def run(self, point_of_sale: str, kind: RunKind, hints: Mapping[Side, frozenset[str]] | None = None) -> CycleResult:
        error = self.during(point_of_sale)
        if error is None:
            self.new.discard(point_of_sale)
        with self.changed:
            self.runs.append((point_of_sale, kind))
            self.hints.append(hints or {})
            self.changed.notify_all()
        status = RunStatus.DONE if error is None else RunStatus.INCOMPLETE
        return CycleResult(Summary(point_of_sale, status, len(self.runs)), error=error)

    def synchronise(self, points: Sequence[str]) -> Iterator[CycleResult]:
        self.together.append(tuple(sorted(points)))
        for point in points:
            yield self.run(point, COMPLETE)

    def never_synchronised(self) -> list[str]:
        return sorted(self.new)

    def wait(self, until: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(until, PATIENCE_S), self.runs

    def wait_for(self, *points: str) -> None:
        """Wait until each has had a run."""
        self.wait(lambda: set(points) <= {point for point, _ in self.runs})


class Rig:
    """A service with everything beside it in a test's hands."""

    def __init__(
        self, runs: NotedRuns, pairs: Mapping[str, str], workers: int, every_s: float, hooks: Hooks, clock: object
    ) -> None:
        self.runs = runs
        self.pauses: dict[str, Pause] = {}
        self.read_pauses: Callable[[], Mapping[str, Pause]] = lambda: dict(self.pauses)
        self.asked: list[str] = []
        self.before_health: Callable[[], None] = lambda: None
        self.clock = clock
        schedule = Schedule(every_s, NEVER.complete_at, NEVER.zone)
        self.turns = Turns(runs, dict.fromkeys(pairs, schedule), self.health, clock, hooks)
        self.service = Service(self.turns, pairs, lambda: self.read_pauses(), threading.Event(), workers)

    def health(self, point: str) -> PointHealth:
        self.asked.append(point)
        self.before_health()
        if point in self.runs.new or self.pauses:
            return PointHealth(point, paused=self.pauses.get(point) or self.pauses.get(""))
        return PointHealth(point, last_complete=RunShown(1, COMPLETE, RunStatus.DONE, datetime.now(UTC) + timedelta(1)))

    def pause(self, point: str) -> None:
        self.pauses[point] = Pause(point, "somebody", "", START)

    def pass_time(self, lapse: timedelta) -> None:
        """Set the clock on, and have the workers look at it."""
        self.clock.at += lapse
        with self.service._changed:
            self.service._changed.notify_all()


@contextmanager
def serving(
    runs: NotedRuns,
    points: Mapping[str, str] | Sequence[str] = ("P1", "P2"),
    *,
    workers: int = 2,
    every_s: float = 86_400,
    hooks: Hooks | None = None,
    clock: object = None,
    before: Callable[[Rig], None] = lambda rig: None,
) -> Iterator[Rig]:
    """A service at work; it must come to its end afterwards."""
    pairs = points if isinstance(points, Mapping) else dict.fromkeys(points, "pair")
    rig = Rig(runs, pairs, workers, every_s, hooks or Hooks(), clock or SetClock())
    before(rig)
    rig.service.schedule()
    rig.service.start()
    try:
        yield rig
    finally:
        rig.service.stop()
        assert rig.service.join(PATIENCE_S)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look again soon where the service waits for another process."""
    monkeypatch.setattr(service_module, "_LOOK_AGAIN_S", 0.02)
    monkeypatch.setattr(service_module, "_DATABASE_AGAIN_S", 0.02)


# --- start


def test_every_point_of_sale_has_a_run_at_the_start() -> None:
    runs = NotedRuns()
    with serving(runs, [f"P{number}" for number in range(30)], workers=4):
        runs.wait(lambda: len(runs.runs) == 30)
    assert sorted(point for point, _ in runs.runs) == sorted(f"P{number}" for number in range(30))


def test_points_of_sale_that_were_never_synchronised_are_read_together_before_anything_else_of_their_pair() -> None:
    runs, begun, other_pair = NotedRuns(new={"N1", "N2"}), [], threading.Event()

    def during(point: str) -> None:
        begun.append(point)
        if point == "B1":
            other_pair.set()
        elif point != "A1":
            # Whoever may go first has gone by then: A1 was asked for before B1.
            assert other_pair.wait(PATIENCE_S)

    runs.during = during
    with serving(runs, {"A1": "a", "N1": "a", "N2": "a", "B1": "b"}, workers=4):
        runs.wait_for("A1", "N1", "N2", "B1")
    assert runs.together == [("N1", "N2")]
    assert begun.index("A1") == 3


def test_a_first_contact_that_fails_holds_nobody_up_and_is_tried_together_again() -> None:
    runs = NotedRuns(new={"N1", "N2"})
    runs.during = lambda point: SystemUnavailable("down") if point.startswith("N") else None
    with serving(runs, ("A1", "N1", "N2")) as rig:
        runs.wait_for("A1", "N1", "N2")
        runs.during = lambda point: None
        rig.service.ask("N2", DELTA)
        runs.wait(lambda: not runs.new)
    assert runs.together == [("N1", "N2")] * 2


def test_a_paused_point_of_sale_at_first_contact_holds_nobody_up() -> None:
    runs = NotedRuns(new={"N1"})
    with serving(runs, ("A1", "N1"), before=lambda rig: rig.pause("N1")):
        runs.wait_for("A1")
    assert [point for point, _ in runs.runs] == ["A1"]


# --- in turn


def test_quick_runs_come_again_and_again() -> None:
    class Real:
        def now_at(self) -> datetime:
            return datetime.now(UTC)

    runs = NotedRuns()
    with serving(runs, ("P1", "P2"), every_s=0.05, clock=Real()):
        runs.wait(lambda: min(sum(p == point for p, _ in runs.runs) for point in ("P1", "P2")) >= 4)


def test_a_point_of_sale_is_never_in_two_runs_at_once_and_no_more_run_than_workers_are_there() -> None:
    lock, active, most = threading.Lock(), [], []
    full = threading.Event()

    def during(point: str) -> None:
        with lock:
            assert point not in active
            active.append(point)
            most.append(len(active))
            if len(active) == 3:
                full.set()
        full.wait(PATIENCE_S)
        with lock:
            active.remove(point)

    runs = NotedRuns(during=during)
    with serving(runs, [f"P{n}" for n in range(5)], workers=3) as rig:
        for _ in range(20):
            for n in range(5):
                rig.service.ask(f"P{n}", DELTA)
        runs.wait(lambda: len(runs.runs) >= 10)
        runs.wait(lambda: not rig.service.waiting())
    assert max(most) == 3


def test_a_run_that_breaks_off_is_logged_and_tried_again_later_and_the_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def during(point: str) -> None:
        if point == "P1":
            raise RuntimeError("nobody thought of this")

    runs, clock = NotedRuns(during=during), SetClock()
    with serving(runs, clock=clock) as rig:
        runs.wait_for("P2")
        _until(lambda: "P1" in rig.service.waiting())
        assert rig.service.waiting()["P1"].due_at == START + timedelta(seconds=30)
        runs.during = lambda point: None
        rig.service.ask("P1", DELTA)
        rig.service.ask("P2", DELTA)
        runs.wait(lambda: len(runs.runs) == 2)
        rig.pass_time(timedelta(seconds=31))
        runs.wait_for("P1")
    (record,) = [r for r in caplog.records if r.levelno >= logging.ERROR]
    assert "P1" in record.getMessage()
    assert record.exc_info is not None


def test_a_run_that_keeps_breaking_off_is_tried_less_and_less_often() -> None:
    def during(point: str) -> None:
        raise RuntimeError("again")

    clock, waits = SetClock(), []
    runs = NotedRuns(during=during)
    with serving(runs, ("P1",), clock=clock) as rig:
        for _ in range(8):
            _until(lambda: "P1" in rig.service.waiting())
            waits.append((rig.service.waiting()["P1"].due_at - clock.at).total_seconds())
            rig.pass_time(timedelta(seconds=waits[-1]))
            _until(lambda: "P1" not in rig.service.waiting() or rig.service.waiting()["P1"].due_at > clock.at)
    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]


def test_a_point_of_sale_that_somebody_else_holds_is_asked_again_after_a_while() -> None:
    runs, clock = NotedRuns(during=lambda point: Busy("held")), SetClock()
    with serving(runs, ("P1",), clock=clock) as rig:
        _until(lambda: "P1" in rig.service.waiting())
        assert rig.service.waiting()["P1"].due_at == START + BUSY_AGAIN
        runs.during = lambda point: None
        rig.pass_time(BUSY_AGAIN)
        runs.wait(lambda: len(runs.runs) == 2)
        _until(lambda: not rig.service.running())
        assert not rig.service.waiting()


def test_a_point_of_sale_that_somebody_else_holds_is_let_be_no_longer_than_its_interval() -> None:
    with serving(NotedRuns(during=lambda point: Busy("held")), ("P1",), every_s=20, clock=SetClock()) as rig:
        _until(lambda: "P1" in rig.service.waiting())
        assert rig.service.waiting()["P1"].due_at == START + timedelta(seconds=20)


def test_a_database_that_does_not_answer_keeps_turns_back_until_it_does(caplog: pytest.LogCaptureFixture) -> None:
    asked = threading.Event()

    def no_answer() -> Mapping[str, Pause]:
        asked.set()
        raise OSError("disk full")

    def before(rig: Rig) -> None:
        rig.read_pauses = no_answer

    runs = NotedRuns()
    with serving(runs, before=before) as rig:
        assert asked.wait(PATIENCE_S)
        assert not runs.runs
        rig.read_pauses = dict
        runs.wait_for("P1", "P2")
    assert any(r.exc_info for r in caplog.records)


# --- hints


def test_records_that_were_named_are_read_in_one_run_a_little_later() -> None:
    runs, clock = NotedRuns(), SetClock()
    with serving(runs, ("P1",), clock=clock) as rig:
        runs.wait_for("P1")
        _until(lambda: not rig.service.running())
        for record in "aab":
            rig.service.hint("P1", Side.DMS, record)
        rig.service.hint("P9", Side.DMS, "a")
        assert len(runs.runs) == 1
        rig.pass_time(DEBOUNCE)
        runs.wait(lambda: len(runs.runs) == 2)
    assert runs.runs[1] == ("P1", HINTED)
    assert runs.hints[1] == {Side.DMS: {"a", "b"}}


def test_records_that_were_named_are_read_later_where_a_system_is_away() -> None:
    runs, clock = NotedRuns(), SetClock()
    with serving(runs, ("P1",), clock=clock) as rig:
        runs.wait_for("P1")
        _until(lambda: not rig.service.running())
        runs.during = lambda point: SystemUnavailable("down")
        rig.service.hint("P1", Side.DMS, "a")
        rig.pass_time(DEBOUNCE)
        runs.wait(lambda: len(runs.runs) == 2)
        _until(lambda: "P1" in rig.service.waiting())
        assert rig.service.waiting()["P1"].hints == {Side.DMS: {"a"}}


# --- pauses


@pytest.mark.parametrize("paused", ["P1", ""])
def test_a_paused_point_of_sale_has_no_run_and_one_run_once_it_is_resumed(paused: str) -> None:
    runs = NotedRuns()
    with serving(runs, before=lambda rig: rig.pause(paused)) as rig:
        for _ in range(5):
            rig.service.ask("P1", DELTA)
        if paused:
            runs.wait_for("P2")
        assert "P1" not in rig.asked, "nothing at all is done about it"
        rig.pauses.clear()
        runs.wait_for("P1", "P2")
        _until(lambda: not rig.service.running())
        assert not rig.service.waiting()
    assert [point for point, _ in runs.runs].count("P1") == 1


def test_a_pause_that_comes_between_the_turn_and_its_run_holds() -> None:
    runs, paused = NotedRuns(), threading.Event()

    def before(rig: Rig) -> None:
        def late() -> None:
            if not paused.is_set():
                rig.pause("P1")
                paused.set()

        rig.before_health = late

    with serving(runs, ("P1",), before=before) as rig:
        assert paused.wait(PATIENCE_S)
        _until(lambda: "P1" in rig.service.waiting())
        assert not runs.runs
        rig.pauses.clear()
        runs.wait_for("P1")
    assert runs.runs == [("P1", DELTA)]


# --- what others do around runs


def test_files_come_before_a_run_and_reports_after_it_and_their_faults_stop_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    noted: list[str] = []

    def broken(_: object) -> None:
        raise OSError("no drive")

    def after(result: CycleResult) -> None:
        assert result.summary.point_of_sale in rig.service.running(), "nobody else has it yet"
        noted.append("after")

    runs = NotedRuns()
    hooks = Hooks(before_turn=(broken, lambda points: noted.append(f"before {points}")), after_run=(broken, after))
    ready = threading.Event()
    runs.during = lambda point: (ready.wait(PATIENCE_S), noted.append("run"))[1]
    with serving(runs, ("P1",), hooks=hooks) as rig:
        ready.set()
        _until(lambda: len(noted) == 3)
        _until(lambda: not rig.service.running())
        rig.service.hint("P1", Side.DMS, "a")
        rig.pass_time(DEBOUNCE)
        _until(lambda: len(noted) == 5)
    assert noted == ["before ('P1',)", "run", "after", "run", "after"]
    assert len([r for r in caplog.records if r.exc_info]) == 3


def test_house_is_kept_when_the_night_comes_and_one_fault_leaves_the_rest_undisturbed() -> None:
    kept = threading.Event()

    def broken() -> None:
        raise RuntimeError("no backup")

    with serving(NotedRuns(), hooks=Hooks(nightly=(broken, kept.set))) as rig:
        assert not kept.is_set()
        rig.service._scheduler.get_job("housekeeping").func()
        assert kept.wait(PATIENCE_S)


# --- the end


def test_at_the_end_no_turn_begins_and_what_runs_comes_to_its_end() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def during(point: str) -> None:
        begun.set()
        go_on.wait(PATIENCE_S)

    runs = NotedRuns(during=during)
    with serving(runs, ("P1", "P2", "P3"), workers=1) as rig:
        assert begun.wait(PATIENCE_S)
        rig.service.stop()
        assert rig.service.stopping.is_set()
        assert not rig.service.is_at_work()
        assert not rig.service.join(0.05)
        go_on.set()
        assert rig.service.join(PATIENCE_S)
    assert len(runs.runs) == 1


def test_a_first_contact_is_left_after_the_point_of_sale_at_work_when_the_end_is_asked_for() -> None:
    runs = NotedRuns(new={"P1", "P2", "P3"})

    def before(rig: Rig) -> None:
        runs.during = lambda point: rig.service.stopping.set()

    with serving(runs, ("P1", "P2", "P3"), before=before):
        runs.wait_for("P1")
    assert len(runs.runs) == 1


@pytest.mark.parametrize(
    ("until_s", "signals_to_come", "said", "code"), [(0.0, 0, "too_long", 1), (1e12, 1, "at_once", 130)]
)
def test_the_process_ends_all_the_same_when_a_run_takes_too_long_or_nobody_wants_to_wait(
    monkeypatch: pytest.MonkeyPatch, until_s: float, signals_to_come: int, said: str, code: int
) -> None:
    class Ended(BaseException):
        pass

    class Come(Signals):
        def came_again(self) -> bool:
            return bool(signals_to_come)

    def end(code: int) -> None:
        raise Ended(code)

    go_on, sentences = threading.Event(), []
    monkeypatch.setattr(stopping_module.os, "_exit", end)

    def during(point: str) -> None:
        go_on.wait(PATIENCE_S)

    with serving(NotedRuns(during=during)) as rig:
        _until(rig.service.running)
        rig.service.stop()
        with pytest.raises(Ended) as ended:
            end_in_time(rig.service, Come(), sentences.append, until_s)
        assert (sentences, ended.value.args) == ([said], (code,))
        go_on.set()
        assert end_in_time(rig.service, Come(), sentences.append, 1e12) == 0
    assert sentences[-1] == "stopped"


# --- the HTTP server


async def hello(scope: dict[str, str], receive: object, send: Callable[..., object]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


def test_the_http_server_answers_on_a_free_port_and_ends_when_told_to() -> None:
    thread = HttpThread(hello, "127.0.0.1", 0, {"lifespan": "off", "log_config": None})
    thread.start()
    assert httpx.get(thread.url, trust_env=False).text == "hello"
    assert thread.stop()
    with pytest.raises(httpx.TransportError):
        httpx.get(thread.url, trust_env=False)


def test_an_address_that_is_taken_is_told_before_anything_begins() -> None:
    thread = HttpThread(hello, "127.0.0.1", 0, {})
    port = int(thread.url.rpartition(":")[2])
    with pytest.raises(ConfigurationError, match=f"127.0.0.1 port {port}"):
        HttpThread(hello, "127.0.0.1", port, {})
    thread._listener.close()


@pytest.mark.parametrize(
    ("said", "read"), [("127.0.0.1:8080", ("127.0.0.1", 8080)), ("[::1]:0", ("::1", 0)), ("host:1", ("host", 1))]
)
def test_an_address_is_read(said: str, read: tuple[str, int]) -> None:
    assert address_of(said) == read


@pytest.mark.parametrize("said", ["", ":80", "8080", "::1:80", "host:", "host:65536", "host:-1", "host:٣", "[]:1"])
def test_what_is_no_address_is_refused(said: str) -> None:
    with pytest.raises(UsageError):
        address_of(said)


def _until(what: Callable[[], bool]) -> None:
    """Wait for what no event tells."""
    until_s = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < until_s
        time.sleep(0.002)


# --- edited mapping files


def test_a_new_point_of_sale_is_served_and_one_that_was_taken_out_is_not() -> None:
    runs = NotedRuns()
    with serving(runs, ("P1", "P2")) as rig:
        runs.wait_for("P1", "P2")
        schedule = rig.turns.schedules["P1"]
        rig.service.adopt({"P1": "pair", "P3": "pair"}, {"P1": schedule, "P3": schedule})
        runs.wait_for("P3")
        with pytest.raises(KeyError):
            rig.service.ask("P2", DELTA)
        jobs = {job.id for job in rig.service._scheduler.get_jobs()}
    assert jobs == {"quick P1", "nightly P1", "quick P3", "nightly P3", "housekeeping"}


def test_a_point_of_sale_that_is_taken_out_while_it_runs_comes_to_its_end_and_is_not_tried_again() -> None:
    runs, running, go_on = NotedRuns(), threading.Event(), threading.Event()

    def during(point: str) -> SystemUnavailable | None:
        if point != "P2":
            return None
        running.set()
        assert go_on.wait(PATIENCE_S)
        return Busy("held")

    runs.during = during
    with serving(runs, ("P1", "P2")) as rig:
        assert running.wait(PATIENCE_S)
        rig.service.adopt({"P1": "pair"}, {"P1": rig.turns.schedules["P1"]})
        go_on.set()
        runs.wait_for("P1", "P2")
        rig.pass_time(timedelta(hours=1))
        rig.service.ask("P1", DELTA)
        runs.wait(lambda: [point for point, _ in runs.runs].count("P1") >= 2)
        assert "P2" not in rig.service.waiting()
    assert [point for point, _ in runs.runs].count("P2") == 1


def test_an_edited_schedule_holds_from_then_on() -> None:
    runs = NotedRuns()
    with serving(runs, ("P1",)) as rig:
        runs.wait_for("P1")
        edited = Schedule(7.0, NEVER.complete_at, NEVER.zone)
        rig.service.adopt({"P1": "pair"}, {"P1": edited})
        [quick] = [job for job in rig.service._scheduler.get_jobs() if job.id == "quick P1"]
        assert str(quick.trigger) == "every 7 s"

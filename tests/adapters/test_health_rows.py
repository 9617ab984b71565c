"""How it stands, read from a real database file: what is told, and what that costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Table, event, insert, text

from stocksync.adapters.store import health_rows
from stocksync.adapters.store.core import CONFLICT, GATE, LEASE, OUTBOX, PAUSE, RUN, WATERMARK
from stocksync.adapters.store.engine import WRITE, open_engine
from stocksync.adapters.store.plain import Nothing, SqliteFile, sqlite_file
from stocksync.stock.reconcile import Category
from stocksync.stock.values import Side
from stocksync.sync.health import MANY_FAILURES, GateHealth, GateState, Health, PointHealth, RunShown

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
_numbers = count(1)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_engine(f"sqlite:///{tmp_path}/health.db")
    yield opened
    opened.dispose()


def add(engine: Engine, table: Table, *rows: dict[str, Any]) -> None:
    with engine.execution_options(**{WRITE: True}).begin() as connection:
        connection.execute(insert(table), list(rows))


def run(status: str, ago: timedelta, point: str = "PDV1", kind: str = "complete", **more: Any) -> dict[str, Any]:
    started_at = NOW - ago
    return {
        "point_of_sale": point,
        "pair": "p",
        "mapping_version": "v",
        "status": status,
        "kind": kind,
        "started_at": started_at,
        "finished_at": None if status == "running" else started_at + timedelta(seconds=9),
        "message": None,
        "summary": None,
        **more,
    }


def conflict(ago: timedelta, point: str = "PDV1", category: str = "conflict", **more: Any) -> dict[str, Any]:
    return {
        "pair": "p",
        "point_of_sale": point,
        "car_id": "c",
        "key": f"k{next(_numbers)}",
        "subject": "mileage",
        "reason": "both_changed",
        "category": category,
        "details": "{}",
        "opened_run": 1,
        "opened_at": NOW - ago,
        "changed_at": NOW - ago,
        "closed_at": None,
        "ignored_by": None,
        **more,
    }


def entry(run_id: int, status: str, ago: timedelta, point: str = "PDV1") -> dict[str, Any]:
    return {
        "run_id": run_id,
        "car_id": "c",
        "point_of_sale": point,
        "side": "dms",
        "action": "update",
        "payload": "{}",
        "key": f"k{next(_numbers)}",
        "status": status,
        "created_at": NOW - ago,
    }


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def file_of(engine: Engine) -> SqliteFile:
    file = sqlite_file(str(engine.url))
    assert file is not None
    return file


def health(engine: Engine, points: Sequence[str], now: datetime) -> Health:
    """Read twice: what the file says without SQLAlchemy is what is said through the engine."""
    found = health_rows.health(engine, points, now)
    assert health_rows.health(file_of(engine), points, now) == found
    return found


def known_points(engine: Engine) -> list[str]:
    found = health_rows.known_points(engine)
    assert health_rows.known_points(file_of(engine)) == found
    return found


def recent_runs(engine: Engine, point: str, number: int) -> list[RunShown]:
    found = health_rows.recent_runs(engine, point, number)
    assert health_rows.recent_runs(file_of(engine), point, number) == found
    return found


def of(engine: Engine, point: str = "PDV1") -> PointHealth:
    (found,) = health(engine, [point], NOW).points
    return found


# --- what is told


def test_a_point_of_sale_that_never_ran_is_there_and_says_so(engine: Engine) -> None:
    assert of(engine) == PointHealth("PDV1", conflicts_by_age=(0, 0, 0, 0, 0))
    assert health(engine, [], NOW).points == ()


def test_points_of_sale_come_in_the_order_in_which_they_are_asked_for(engine: Engine) -> None:
    add(engine, RUN, *(run("done", minutes(5), point) for point in ("A", "B", "C")))
    assert [point.point_of_sale for point in health(engine, ["C", "A", "X", "C"], NOW).points] == ["C", "A", "X"]


def test_the_newest_the_newest_good_and_the_newest_complete_run_are_told_apart(engine: Engine) -> None:
    add(
        engine,
        RUN,
        run("done", minutes(60)),
        run("done", minutes(20), kind="delta"),
        run("incomplete", minutes(10), kind="delta", message="the DMS does not answer"),
        run("running", minutes(1), kind="hinted"),
        run("done", minutes(2), "PDV2"),
    )
    point = of(engine)
    assert point.last is not None
    assert point.last_good is not None
    assert point.last_complete is not None
    assert (point.last.status, point.last.kind, point.last.finished_at) == ("running", "hinted", None)
    assert (point.last_good.kind, point.last_good.started_at) == ("delta", NOW - minutes(20))
    assert point.last_complete.run_id == 1
    assert point.lag_s(NOW) == 1200


def test_a_halt_is_told_with_what_the_guard_said_and_a_run_at_work_does_not_hide_it(engine: Engine) -> None:
    said = '{"halts":[{"guard":"too_many_writes","message":"m","values":{"count":"9"}}]}'
    add(engine, RUN, run("halted", minutes(9), summary=said), run("failed", minutes(5)), run("running", minutes(1)))
    halted = of(engine).halted
    assert halted is not None
    assert (halted.run_id, halted.halts[0]["guard"]) == (1, "too_many_writes")


@pytest.mark.parametrize("ending", ["released", "done"])
def test_a_halt_is_over_once_it_is_released_or_a_run_comes_to_its_end(engine: Engine, ending: str) -> None:
    add(engine, RUN, run("halted", minutes(9)), run(ending, minutes(8)), run("failed", minutes(5)))
    assert of(engine).halted is None


def test_a_halted_look_at_everything_is_not_over_by_a_quick_run_that_went_well(engine: Engine) -> None:
    add(engine, RUN, run("halted", minutes(9)), run("done", minutes(5), kind="delta"))
    assert of(engine).halted is not None
    add(engine, RUN, run("halted", minutes(4), "PDV2", "delta"), run("done", minutes(3), "PDV2", "hinted"))
    assert of(engine, "PDV2").halted is None


def test_failures_in_a_row_are_counted_since_the_newest_run_that_did_not_fail(engine: Engine) -> None:
    add(engine, RUN, run("failed", minutes(50)), run("done", minutes(40)))
    assert of(engine).failed_in_a_row == 0
    add(engine, RUN, run("failed", minutes(30)), run("incomplete", minutes(20)), run("running", minutes(1)))
    assert of(engine).failed_in_a_row == 2
    add(engine, RUN, *(run("failed", minutes(1)) for _ in range(2 * MANY_FAILURES)))
    assert of(engine).failed_in_a_row == MANY_FAILURES


def test_open_conflicts_are_counted_by_category_and_by_age_and_ignored_ones_are_not(engine: Engine) -> None:
    day = timedelta(days=1)
    add(
        engine,
        CONFLICT,
        *(conflict(ago) for ago in (minutes(5), 0.9 * day, day, 2 * day, 8 * day, 29 * day, 31 * day, 900 * day)),
        conflict(4 * day, category="held"),
        conflict(day, closed_at=NOW),
        conflict(day, ignored_by=3),
        conflict(day, "PDV2"),
    )
    point = of(engine)
    assert point.open_by_category == {Category.CONFLICT: 8, Category.HELD: 1}
    assert point.conflicts_by_age == (2, 2, 1, 2, 2)


def test_the_backlog_is_what_is_on_its_way_and_since_when(engine: Engine) -> None:
    add(engine, RUN, run("done", minutes(9)))
    states = ("pending", "claimed", "delivered", "failed", "superseded", "stale")
    add(engine, OUTBOX, *(entry(1, status, minutes(i + 1)) for i, status in enumerate(states)))
    point = of(engine)
    assert (point.backlog, point.backlog_since) == (2, NOW - minutes(2))


def test_who_is_at_work_is_told_until_the_lease_runs_out(engine: Engine) -> None:
    lease = {"fence": 1, "holder": "sync, process 7 on host", "locked": True, "acquired_at": NOW - minutes(3)}
    add(engine, LEASE, {**lease, "point_of_sale": "PDV1", "expires_at": NOW + minutes(1)})
    add(engine, LEASE, {**lease, "point_of_sale": "PDV2", "expires_at": NOW})
    assert (of(engine).at_work, of(engine).at_work_since) == ("sync, process 7 on host", NOW - minutes(3))
    assert (of(engine, "PDV2").at_work, of(engine, "PDV2").at_work_since) == (None, None)


def test_a_pause_of_all_holds_where_there_is_none_of_its_own(engine: Engine) -> None:
    pause = {"reason": "inventaire", "paused_at": NOW - minutes(3)}
    add(engine, PAUSE, {**pause, "point_of_sale": "", "paused_by": "chief"})
    add(engine, PAUSE, {**pause, "point_of_sale": "PDV1", "paused_by": "lea"})
    paused = [point.paused for point in health(engine, ["PDV1", "PDV2"], NOW).points]
    assert [(p.point_of_sale, p.paused_by) for p in paused if p is not None] == [("PDV1", "lea"), ("", "chief")]


def test_marks_and_gates_are_told_as_they_are_kept(engine: Engine) -> None:
    add(
        engine,
        WATERMARK,
        {"point_of_sale": "PDV1", "side": "dms", "mark": "2026-11-21T09:58:00", "run_id": 1, "set_at": NOW},
    )
    add(engine, GATE, {"system": "icar", "state": "denied", "reason": "401", "since": NOW, "retry_at": None})
    assert of(engine).marks == {Side.DMS: "2026-11-21T09:58:00"}
    assert health(engine, ["PDV1"], NOW).gates == (GateHealth("icar", GateState.DENIED, "401", NOW, None),)


def test_points_of_sale_that_left_the_mapping_are_known_by_their_runs(engine: Engine) -> None:
    assert known_points(engine) == []
    add(engine, RUN, *(run("done", minutes(5), point) for point in ("B", "A", "B", "C", "A")))
    assert known_points(engine) == ["A", "B", "C"]


def test_the_newest_runs_come_first_and_no_more_than_were_asked_for(engine: Engine) -> None:
    add(engine, RUN, *(run(status, minutes(9), p) for p in "AB" for status in ("done", "failed", "done", "halted")))
    assert [(found.run_id, found.status) for found in recent_runs(engine, "B", 3)] == [
        (8, "halted"),
        (7, "done"),
        (6, "failed"),
    ]


def test_the_end_of_an_age_group_is_the_same_instant_for_whoever_reads(engine: Engine) -> None:
    moment = timedelta(microseconds=1)
    add(engine, CONFLICT, *(conflict(timedelta(days=1) + late) for late in (-moment, timedelta(0), moment)))
    assert of(engine).conflicts_by_age == (1, 2, 0, 0, 0)


def test_where_there_is_no_database_yet_nothing_is_known() -> None:
    assert health_rows.health(Nothing(), ["PDV1"], NOW).points == (PointHealth("PDV1", conflicts_by_age=(0,) * 5),)
    assert health_rows.known_points(Nothing()) == health_rows.recent_runs(Nothing(), "PDV1", 3) == []


# --- what it costs


def statements(engine: Engine, points: Sequence[str]) -> list[tuple[str, Any]]:
    """What is asked of the database, and with which values."""
    said: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        said.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    health(engine, points, NOW)
    known_points(engine)
    event.remove(engine, "before_cursor_execute", note)
    return [(statement, parameters) for statement, parameters in said if "SELECT" in statement]


@pytest.fixture
def group(engine: Engine) -> list[str]:
    """Put three hundred points of sale with a past into the database, and give their names."""
    points = [f"PDV{i:03}" for i in range(300)]
    kinds = ["complete", *["delta"] * 11]
    add(engine, RUN, *(run("done", minutes(600 - i), p, kinds[i % 12]) for i in range(60) for p in points))
    add(engine, OUTBOX, *(entry(1, "delivered", minutes(9), p) for _ in range(30) for p in points))
    add(engine, CONFLICT, *(conflict(minutes(9), p, closed_at=NOW) for _ in range(20) for p in points))
    add(engine, CONFLICT, *(conflict(minutes(9), p) for p in points))
    return points


def test_every_statement_goes_through_an_index_and_their_number_is_the_same_for_any_number_of_points(
    engine: Engine, group: list[str]
) -> None:
    for analysed in (False, True):
        if analysed:
            with engine.connect() as connection:
                connection.exec_driver_sql("ANALYZE")
        asked = statements(engine, group)
        assert len(asked) == len(statements(engine, group[:1])) <= 10
        with engine.connect() as connection:
            steps = [
                str(row[3])
                for statement, parameters in asked
                for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            ]
        growing = {"run", "outbox", "conflict", "lease", "watermark"}
        scanned = {step.split()[1] for step in steps if step.startswith("SCAN")}
        assert not scanned & growing, steps
        assert growing <= {step.split()[1] for step in steps if step.startswith("SEARCH")}
        assert any("SEARCH run USING" in step and "run_by_point_of_sale" in step for step in steps)


def test_the_cost_of_three_hundred_points_of_sale_does_not_grow_with_their_past(
    engine: Engine, group: list[str]
) -> None:
    before = work_of(engine, group)
    add(engine, RUN, *(run("done", minutes(500 - i), p, "delta") for i in range(10) for p in group))
    add(engine, RUN, *(run("done", minutes(60), p) for p in group))
    add(engine, OUTBOX, *(entry(1, "delivered", minutes(9), p) for _ in range(30) for p in group))
    add(engine, CONFLICT, *(conflict(minutes(9), p, closed_at=NOW) for _ in range(20) for p in group))
    assert work_of(engine, group) < 1.2 * before
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM run")).scalar() == 300 * 71


def work_of(engine: Engine, points: Sequence[str]) -> int:
    """How much the database works for an answer, in hundreds of its own steps: no clock is asked."""
    steps = count()
    with engine.connect() as connection:
        raw: Any = connection.connection.driver_connection
        raw.set_progress_handler(lambda: next(steps) and None, 100)
    health(engine, points, NOW)
    with engine.connect() as connection:
        assert connection.connection.driver_connection is raw
        raw.set_progress_handler(None, 0)
    return next(steps)

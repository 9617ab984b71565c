"""Forgetting: what goes once it is old, what never goes, and that nobody is held up by it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from stocksync.adapters.store import keeping
from stocksync.adapters.store.database_file import reading
from stocksync.adapters.store.engine import open_engine
from stocksync.adapters.store.health_rows import health
from stocksync.adapters.store.journal_rows import walk_journal
from stocksync.adapters.store.keeping import Pruned, prune
from stocksync.adapters.store.questions import Questions
from tests.adapters.journals import a_database, tamper
from tests.plans import asking, walks
from tests.worlds import DMS, MODULE, STARTED_AT, a_world

BEFORE = STARTED_AT
OLD, YOUNG = "2026-08-01 09:00:00.000000", "2026-11-21 09:00:00.000000"


@dataclass
class Rows:
    """A database that rows are put into by hand; `prune` with what it forgets."""

    path: Path
    engine: Engine

    def put(self, table: str, **values: Any) -> None:
        row = DEFAULTS[table] | values
        marks = ", ".join(f":{name}" for name in row)
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", row)

    def ids(self, table: str, column: str = "id") -> list[Any]:
        with closing(sqlite3.connect(self.path)) as connection:
            return [row[0] for row in connection.execute(f"SELECT {column} FROM {table} ORDER BY 1")]

    def prune(self, **named: Any) -> Pruned:
        counted = prune(self.engine, BEFORE, dry_run=True)
        done = prune(self.engine, BEFORE, rest=lambda _: None, **named)
        assert counted == done, "a trial must count what is done"
        return done


DEFAULTS: dict[str, dict[str, Any]] = {
    "run": {
        "point_of_sale": "PDV1",
        "pair": "p",
        "mapping_version": "m",
        "status": "done",
        "started_at": OLD,
        "finished_at": OLD,
        "kind": "complete",
        "summary": '{"figures":1}',
    },
    "outbox": {
        "run_id": 1,
        "car_id": "c",
        "point_of_sale": "PDV1",
        "side": "dms",
        "action": "update",
        "payload": "{}",
        "status": "delivered",
        "attempts": 1,
        "created_at": OLD,
        "done_at": OLD,
    },
    "snapshot": {
        "pair": "p",
        "side": "dms",
        "point_of_sale": "PDV1",
        "digest": "d",
        "is_open": 0,
        "gone": 1,
        "body": b"{}",
        "seen_at": OLD,
    },
    "car": {
        "pair": "p",
        "point_of_sale": "PDV1",
        "first_point_of_sale": "PDV1",
        "base": "{}",
        "unkept": "{}",
        "missing_vehicle_module": 0,
        "missing_dms": 0,
        "reserved_by_us": 0,
        "closed": 0,
        "opened_at": OLD,
    },
    "mapping_version": {"files": b"", "first_used_at": OLD},
    "alert": {"kind": "k", "subject": "s", "message": "m", "opened_at": OLD},
    "journal": {"at": OLD, "action": "noted", "details": "{}"},
    "conflict": {
        "pair": "p",
        "point_of_sale": "PDV1",
        "car_id": "c",
        "key": "k",
        "subject": "s",
        "reason": "r",
        "category": "c",
        "details": "{}",
        "opened_at": OLD,
        "changed_at": OLD,
    },
    "watermark": {"point_of_sale": "PDV1", "side": "dms", "mark": "2026", "set_at": OLD},
}


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[Rows]:
    path = a_database(tmp_path / "memory.db")
    engine = open_engine(f"sqlite:///{path}")
    yield Rows(path, engine)
    engine.dispose()


def test_finished_writes_go_and_waiting_ones_never_do(rows: Rows) -> None:
    for number in (1, 2):
        rows.put("run", id=number)
    for number, status in enumerate(("delivered", "stale", "failed", "superseded", "pending", "claimed"), start=1):
        rows.put("outbox", id=number, key=str(number), status=status)
    assert rows.prune().outbox == 4
    assert rows.ids("outbox", "status") == ["claimed", "pending"]


def test_finished_writes_stay_while_they_are_young_or_of_their_point_s_newest_run(rows: Rows) -> None:
    rows.put("run", id=1)
    rows.put("run", id=2)
    rows.put("run", id=3, point_of_sale="PDV2")
    rows.put("outbox", id=1, key="1", run_id=1, done_at=YOUNG)
    rows.put("outbox", id=2, key="2", run_id=2)
    rows.put("outbox", id=3, key="3", run_id=3, point_of_sale="PDV2")
    rows.put("outbox", id=4, key="4", run_id=1)
    assert rows.prune().outbox == 1
    assert rows.ids("outbox") == [1, 2, 3]


def test_a_write_that_fell_with_an_earlier_one_goes_by_the_day_it_was_planned(rows: Rows) -> None:
    rows.put("run", id=1)
    rows.put("run", id=2)
    rows.put("outbox", id=1, key="1", status="superseded", done_at=None)
    rows.put("outbox", id=2, key="2", status="superseded", done_at=None, created_at=YOUNG)
    assert rows.prune().outbox == 1
    assert rows.ids("outbox") == [2]


def test_only_records_that_are_long_gone_and_in_no_open_car_are_forgotten(rows: Rows) -> None:
    rows.put("snapshot", record_id="forgotten")
    rows.put("snapshot", record_id="there", gone=0)
    rows.put("snapshot", record_id="gone-lately", seen_at=YOUNG)
    rows.put("snapshot", record_id="VO1")
    rows.put("snapshot", record_id="OF1", side="vehicle_module")
    rows.put("snapshot", record_id="closed")
    rows.put("snapshot", record_id="OF1")
    rows.put("car", id="c1", dms_id="VO1", vehicle_module_id="OF1")
    rows.put("car", id="c2", dms_id="closed", closed=1)
    assert rows.prune().snapshots == 3
    assert rows.ids("snapshot", "side || record_id") == ["dmsVO1", "dmsgone-lately", "dmsthere", "vehicle_moduleOF1"]


def test_others_who_write_never_wait_while_a_table_is_walked_through(rows: Rows) -> None:
    for number in range(20):
        rows.put("snapshot", record_id=f"VO{number}")
        rows.put("outbox", key=str(number), run_id=1)
    rows.put("run", id=1)
    rows.put("run", id=2)
    with asking(rows.engine) as asked:
        assert rows.prune().total == 41
    while_others_wait = [(text, keys) for text, keys in asked if text.startswith(("UPDATE", "DELETE"))]
    assert len(while_others_wait) == 3
    assert not walks(rows.engine, while_others_wait)


def test_runs_that_left_a_trace_stay_without_their_figures(rows: Rows) -> None:
    for number in range(1, 8):
        rows.put("run", id=number)
    rows.put("outbox", key="1", run_id=1, status="claimed", done_at=None)
    rows.put("journal", run_id=2)
    rows.put("conflict", opened_run=3)
    rows.put("watermark", run_id=4)
    rows.put("outbox", key="2", run_id=5)
    done = rows.prune()
    assert (done.runs, done.summaries) == (2, 4)
    assert rows.ids("run") == [1, 2, 3, 4, 7]
    with closing(sqlite3.connect(rows.path)) as connection:
        told = [row[0] for row in connection.execute("SELECT id FROM run WHERE summary IS NOT NULL")]
    assert told == [7]


def test_what_a_point_of_sale_stands_on_stays_however_old(rows: Rows) -> None:
    kept = {
        2: {"kind": "complete"},
        3: {"kind": "delta"},
        4: {"status": "halted"},
        5: {"status": "released"},
        6: {"status": "running", "finished_at": None},
        7: {"point_of_sale": "PDV2", "status": "failed"},
        8: {"point_of_sale": "PDV2", "status": "failed"},
    }
    rows.put("run", id=1)
    for number, values in kept.items():
        rows.put("run", id=number, **values)
    done = rows.prune()
    assert (done.runs, done.summaries) == (1, 0)
    assert rows.ids("run") == list(kept)


def test_mapping_files_go_with_the_last_run_that_worked_by_them(rows: Rows) -> None:
    rows.put("run", id=1, mapping_version="forgotten")
    rows.put("run", id=2, mapping_version="of the journal")
    rows.put("run", id=3, mapping_version="in use")
    rows.put("journal", run_id=2)
    for version in ("forgotten", "in use", "of the journal"):
        rows.put("mapping_version", version=version)
    rows.put("mapping_version", version="young", first_used_at=YOUNG)
    assert rows.prune().mapping_versions == 1
    assert rows.ids("mapping_version", "version") == ["in use", "of the journal", "young"]


def test_alerts_go_once_they_have_been_over_for_long(rows: Rows) -> None:
    rows.put("alert", id=1, closed_at=OLD)
    rows.put("alert", id=2, closed_at=YOUNG)
    rows.put("alert", id=3)
    assert rows.prune().alerts == 1
    assert rows.ids("alert") == [2, 3]


def test_a_trial_changes_nothing(rows: Rows) -> None:
    rows.put("run", id=1)
    rows.put("run", id=2)
    rows.put("outbox", key="1")
    assert prune(rows.engine, BEFORE, dry_run=True) == Pruned(outbox=1, runs=1)
    assert (rows.ids("outbox"), rows.ids("run")) == ([1], [1, 2])


def test_others_come_to_write_between_two_lots(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_AT_A_TIME", 10)
    rows.put("run", id=1)
    rows.put("run", id=2)
    for number in range(35):
        rows.put("outbox", key=str(number))
    written = 0

    def rest(seconds_s: float) -> None:
        nonlocal written
        with closing(sqlite3.connect(rows.path, timeout=0)) as other, other:
            other.execute("UPDATE run SET message = 'here' WHERE id = 2")
        written += 1

    assert prune(rows.engine, BEFORE, rest=rest).outbox == 35
    # Four lots of writes, and the run that is left behind.
    assert written == 5


def test_a_service_that_ends_leaves_the_rest_for_the_next_time(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_AT_A_TIME", 10)
    rows.put("run", id=1)
    rows.put("run", id=2)
    for number in range(35):
        rows.put("outbox", key=str(number))
    stopping = threading.Event()
    done = prune(rows.engine, BEFORE, stopping=stopping, rest=lambda _: stopping.set())
    assert done == Pruned(outbox=10)
    assert prune(rows.engine, BEFORE, rest=lambda _: None) == Pruned(outbox=25, runs=1)


def test_a_record_that_comes_back_meanwhile_is_not_forgotten(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_AT_A_TIME", 1)
    rows.put("snapshot", record_id="a")
    rows.put("snapshot", record_id="b")

    def rest(seconds_s: float) -> None:
        tamper(rows.path, "UPDATE snapshot SET gone = 0 WHERE record_id = 'b'")

    assert prune(rows.engine, BEFORE, rest=rest).snapshots == 1
    assert rows.ids("snapshot", "record_id") == ["b"]


def test_a_car_s_history_and_the_next_cycle_are_the_same_after_forgetting_everything(tmp_path: Path) -> None:
    with a_world(tmp_path / "world.db") as world:
        world.settled()
        for price in (11900, 11800, 11700):
            world.edit(MODULE, "OF-1", sale__price=price)
            assert world.sync().summary.writes[DMS] == 1
        questions = Questions(world.repository.engine)
        (car,) = questions.find_cars("OF-1")
        now_at = world.clock.now_at()
        told, state = questions.journal(car.id), health(world.repository.engine, ["PDV1"], now_at)
        done = prune(world.repository.engine, world.clock.now_at() + timedelta(days=1), rest=lambda _: None)
        assert done == replace(Pruned(), outbox=2, summaries=3)
        assert (questions.journal(car.id), health(world.repository.engine, ["PDV1"], now_at)) == (told, state)
        with reading(tmp_path / "world.db") as connection:
            assert walk_journal(connection).broken is None
        assert world.sync().summary.writes == {MODULE: 0, DMS: 0}
        world.edit(MODULE, "OF-1", sale__price=11600)
        assert world.sync().summary.writes[DMS] == 1

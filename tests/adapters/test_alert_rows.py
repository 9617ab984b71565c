"""Alerts in a real database file: kept over restarts, opened once, their end told once."""

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from stocksync.adapters.store.alert_rows import AlertRows
from stocksync.adapters.store.engine import open_engine
from stocksync.sync.alerts import AlertKind, Changes, OpenAlert, Telling, Trouble

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
HALT = Trouble(AlertKind.HALTED, "PDV1", "run 7: too many cars leave")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_engine(f"sqlite:///{tmp_path / 'memory.db'}")
    yield made
    made.dispose()


def once(standing: Sequence[OpenAlert]) -> Changes:
    return Changes(opened=() if standing else (HALT,))


def test_an_alert_is_found_again_as_it_was_kept(engine: Engine) -> None:
    AlertRows(engine).review(once, NOW)
    assert AlertRows(engine).standing() == [OpenAlert(1, HALT.kind, "PDV1", HALT.message, NOW)]


def test_what_is_decided_sees_what_stands_and_nothing_is_opened_twice(engine: Engine) -> None:
    first, second = AlertRows(engine).review(once, NOW), AlertRows(engine).review(once, NOW)
    assert first == second
    assert len(second) == 1


def test_two_services_at_once_open_one_alert(engine: Engine) -> None:
    ready = threading.Barrier(4)

    def look() -> None:
        ready.wait()
        AlertRows(engine).review(once, NOW)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(AlertRows(engine).standing()) == 1


def test_an_alert_closes_opens_again_and_is_gone_once_its_end_is_told(engine: Engine) -> None:
    rows = AlertRows(engine)
    rows.review(once, NOW)
    later = NOW + timedelta(minutes=5)
    assert rows.review(lambda _: Changes(closed=(1,)), later)[0].closed_at == later
    assert rows.review(lambda _: Changes(reopened=(1,)), later)[0].closed_at is None
    rows.told(Telling(begun=tuple(rows.standing())), later)
    assert rows.standing()[0].told_at == later
    rows.told(Telling(over=tuple(rows.standing())), later)
    assert rows.standing() == []


def test_when_somebody_was_told_is_not_changed_by_telling_the_end(engine: Engine) -> None:
    rows = AlertRows(engine)
    rows.review(once, NOW)
    rows.told(Telling(begun=tuple(rows.standing())), NOW)
    rows.told(Telling(over=tuple(rows.standing())), NOW + timedelta(hours=1))
    with engine.connect() as connection:
        told_at = connection.exec_driver_sql("SELECT told_at FROM alert").scalar_one()
    assert str(told_at).startswith("2026-03-02 10:00")

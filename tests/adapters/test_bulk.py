"""Rows that are written many at a time: what stands in the table is what statements of one row each would have left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.dialects import postgresql, sqlite

from stocksync.adapters.store.bulk import AT_A_TIME, Bulk
from stocksync.adapters.store.car_rows import write_cars
from stocksync.adapters.store.core import CAR, SNAPSHOT
from stocksync.adapters.store.engine import WRITE, open_engine
from stocksync.stock.values import Side
from stocksync.sync.cars import Car

AT: Final = datetime(2026, 11, 20, 9, 5, 0, 250, UTC)
GIVEN: Final = ("side", "record_id", "digest", "vin", "is_open", "unreadable", "listed_digest", "body")
SAME: Final = {
    "pair": "p",
    "point_of_sale": "PDV1",
    "gone": False,
    "older_readings": 0,
    "moved_on": False,
    "seen_at": AT,
}
SNAPSHOTS: Final = Bulk(SNAPSHOT, GIVEN, tuple(SAME), ("pair", "side", "record_id"), rarely=("vin", "unreadable"))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_engine(f"sqlite:///{tmp_path / 'bulk.db'}")
    yield opened
    opened.dispose()


def row(record_id: str, **said: Any) -> tuple[Any, ...]:
    values = {"side": "dms", "digest": "d", "vin": None, "is_open": True, "unreadable": False, "body": b"{}"}
    values |= {"record_id": record_id, "listed_digest": -(2**62), **said}
    return tuple(values[name] for name in GIVEN)


def write(engine: Engine, bulk: Bulk, rows: list[tuple[Any, ...]], **same: Any) -> list[str]:
    """Write rows; the answer is the statements that it took."""
    asked = []

    def statement(_c: Any, _cursor: Any, text: str, _p: Any, _context: Any, _many: bool) -> None:
        asked.append(text.split()[0])

    with engine.execution_options(**{WRITE: True}).begin() as connection:
        event.listen(engine, "before_cursor_execute", statement)
        bulk.write(connection, rows, {**SAME, **same})
    event.remove(engine, "before_cursor_execute", statement)
    return asked


def found(engine: Engine) -> dict[str, Mapping[str, Any]]:
    with engine.connect() as connection:
        return {row["record_id"]: row for row in connection.execute(select(SNAPSHOT)).mappings()}


def test_values_are_kept_as_one_statement_for_one_row_keeps_them(engine: Engine, tmp_path: Path) -> None:
    """Instants of other zones, truth, bytes, large numbers and nothing at all: held against SQLAlchemy's own insert."""
    rows = [row("a", vin="VF1'\"é"), row("b", is_open=False, unreadable=True, body=b"\x00\xff", listed_digest=None)]
    elsewhere = AT.astimezone(timezone(timedelta(hours=2)))
    write(engine, SNAPSHOTS, rows, seen_at=elsewhere)
    other = open_engine(f"sqlite:///{tmp_path / 'one.db'}")
    with other.begin() as connection:
        for values in rows:
            connection.execute(SNAPSHOT.insert(), dict(zip(GIVEN, values, strict=True)) | SAME | {"seen_at": elsewhere})
    kept = [
        e.raw_connection().cursor().execute("SELECT *, typeof(is_open), typeof(body), typeof(seen_at) FROM snapshot")
        for e in (engine, other)
    ]
    assert kept[0].fetchall() == kept[1].fetchall()
    other.dispose()


def test_a_row_that_is_there_is_replaced_whether_what_rarely_changes_did_or_not(engine: Engine) -> None:
    write(engine, SNAPSHOTS, [row("as it was", vin="V1"), row("moved", vin="V1"), row("cleared", vin="V1")])
    later = AT + timedelta(hours=1)
    changed = [row("as it was", vin="V1", digest="e"), row("moved", vin="V2", digest="e"), row("cleared", digest="e")]
    write(engine, SNAPSHOTS, [*changed, row("new", digest="e")], seen_at=later)
    now = found(engine)
    assert {name: values["vin"] for name, values in now.items()} == {
        "as it was": "V1",
        "moved": "V2",
        "cleared": None,
        "new": None,
    }
    assert {values["digest"] for values in now.values()} == {"e"}
    assert {values["seen_at"] for values in now.values()} == {later}


def test_a_second_statement_is_sent_only_where_something_moved(engine: Engine) -> None:
    assert write(engine, SNAPSHOTS, [row("a"), row("b", vin="V1")]) == ["INSERT"]
    assert write(engine, SNAPSHOTS, [row("a", digest="e"), row("b", vin="V1"), row("c")]) == ["INSERT"]
    assert write(engine, SNAPSHOTS, [row("a"), row("b", vin="V2")]) == ["INSERT", "UPDATE"]
    assert write(engine, SNAPSHOTS, []) == []


def test_what_is_to_be_kept_of_a_row_is_kept(engine: Engine) -> None:
    bulk = replace(SNAPSHOTS, keep=frozenset({"seen_at", "digest"}))
    write(engine, bulk, [row("a", vin="V1"), row("b")])
    write(engine, bulk, [row("a", vin="V2", digest="e"), row("b", digest="e")], seen_at=AT + timedelta(hours=1))
    assert {values["seen_at"] for values in found(engine).values()} == {AT}
    assert {values["digest"] for values in found(engine).values()} == {"d"}


def test_more_rows_than_are_held_at_a_time_are_all_written(engine: Engine) -> None:
    rows = [row(str(number)) for number in range(AT_A_TIME + 1)]
    assert write(engine, SNAPSHOTS, rows) == ["INSERT", "INSERT"]
    assert len(found(engine)) == AT_A_TIME + 1


def test_a_new_car_may_take_a_record_that_another_one_gave_up_in_the_same_plan(engine: Engine) -> None:
    first = Car("c1", "p", "PDV1", "PDV1", {Side.DMS: "7"})
    with engine.execution_options(**{WRITE: True}).begin() as connection:
        write_cars(connection, [first], AT, {"c1"})
        heir = replace(first, id="c2")
        write_cars(connection, [heir, replace(first, record_ids={Side.DMS: "8"})], AT, {"c2"})
        kept = {row.id: row.dms_id for row in connection.execute(select(CAR.c.id, CAR.c.dms_id))}
        assert kept == {"c1": "8", "c2": "7"}


@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect(), postgresql.psycopg.dialect()])
def test_every_dialect_is_given_its_parameters_as_it_names_them(dialect: Any) -> None:
    given: list[tuple[str, list[Any]]] = []

    class Told:
        rowcount = -1

        def __init__(self) -> None:
            self.dialect = dialect

        def exec_driver_sql(self, text: str, parameters: list[Any]) -> Told:
            given.append((text, parameters))
            return self

    SNAPSHOTS.write(Told(), [row("a", vin="V1")], SAME)  # type: ignore[arg-type]
    assert [text.split()[0] for text, _ in given] == ["INSERT", "UPDATE"]
    for text, (parameters,) in given:
        marks = text.count("?") if isinstance(parameters, tuple) else len({n for n in parameters if f"%({n})s" in text})
        assert marks == len(parameters) > 0
        assert "a" in (parameters if isinstance(parameters, tuple) else parameters.values())

"""The bench measures what it says, on a stock that both systems agree about."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench import cycles, delta
from tests.bench.cars import Layout, write_stock
from tests.bench.figures import Goal, Row, table
from tests.bench.order import Order

CARS = 100
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="module")
def first(folder: Path) -> Row:
    order = _order(folder, "c")
    write_stock(order.layout.folder, CARS)
    (row,) = cycles.first_contact(order)
    return row


def _order(folder: Path, workload: str) -> Order:
    return Order(workload, CARS, points=1, runs=1, folder=folder)


def _is_whole(row: Row) -> bool:
    shown = row.as_json()
    told = ("median_s", "ratio", "cpu_ratio", "peak_mb", "resident_mb")
    return all(shown[name] > 0 for name in told) and row.counts["statements"] > 0


def test_first_contact_binds_every_car_and_finds_nothing_to_do(first: Row) -> None:
    assert _is_whole(first)
    assert first.counts["bound"] == CARS
    assert not {"written", "open_findings", "read", "write"} & first.counts.keys()


@pytest.mark.usefixtures("first")
def test_a_complete_cycle_over_an_unchanged_stock_finds_it_unchanged(folder: Path) -> None:
    (row,) = cycles.quiet(_order(folder, "a"))
    assert _is_whole(row)
    assert row.counts["unchanged"] == CARS
    assert row.counts["page"] == 2
    assert not {"written", "open_findings", "read", "write"} & row.counts.keys()


@pytest.mark.usefixtures("first")
def test_what_people_changed_is_written_and_what_only_they_can_decide_is_reported(folder: Path) -> None:
    recorded, row = cycles.changed(_order(folder, "b"))
    assert _is_whole(row)
    assert row.counts["written"] == 2 * CARS // 100
    assert row.counts["new_findings"] == max(CARS // 500, 1)
    assert recorded.median_s < row.median_s
    assert recorded.cpu_s < row.cpu_s
    assert recorded.counts["rows_written"] < row.counts["rows_written"]
    # Nothing was sent yet, and it was read before it was written.
    assert not {"read", "write"} & recorded.counts.keys()


@pytest.mark.usefixtures("first")
def test_quick_cycles_over_real_sockets_see_nothing_and_then_what_changed(folder: Path) -> None:
    still, some = delta.delta(_order(folder, "d"))
    assert _is_whole(still)
    assert "written" not in still.counts
    assert _is_whole(some)
    assert some.counts["written"] == CARS // 10


@pytest.mark.usefixtures("first")
def test_a_stock_that_grew_is_remembered_as_one_that_was_there_at_once(folder: Path, tmp_path: Path) -> None:
    whole = _order(folder, "agreed")
    grown = replace(whole, folder=tmp_path)
    write_stock(grown.layout.folder, CARS)
    cycles.grow(grown, CARS // 3)
    assert _remembered(grown) == _remembered(whole)
    assert (_runs(grown), _runs(whole)) == (4, 1)


def _runs(order: Order) -> int:
    with closing(sqlite3.connect(order.agreed)) as database:
        return int(database.execute("SELECT count(*) FROM run").fetchone()[0])


def _remembered(order: Order) -> list[tuple[object, ...]]:
    """Every car and what both sides last said, but for when that was."""
    with closing(sqlite3.connect(order.agreed)) as database:
        cars = database.execute("SELECT id, vehicle_module_id, dms_id, base, closed, interesting FROM car ORDER BY id")
        said = database.execute("SELECT side, record_id, digest, body, stamp, read_by, listed_digest FROM snapshot")
        return [*cars, *sorted(said)]


def test_the_stock_is_the_same_on_every_run(tmp_path: Path) -> None:
    here = write_stock(tmp_path / "here", 300, points=3)
    program = (
        "from pathlib import Path; import sys; from tests.bench.cars import *; write_stock(Path(sys.argv[1]), 300, 3)"
    )
    other = Layout(tmp_path / "elsewhere", 300, 3)
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    subprocess.run([sys.executable, "-c", program, str(other.folder)], cwd=ROOT, env=environment, check=True)
    for side in ("vehicle_module", "dms"):
        assert here.records(side).read_bytes() == other.records(side).read_bytes()


@pytest.mark.parametrize(("taken_s", "is_reached"), [([1.0, 4.0, 2.0], True), ([1.0, 4.0, 4.0], False)])
def test_the_middle_run_is_held_against_the_goal(taken_s: list[float], is_reached: bool) -> None:
    row = Row("a", "x", 10, taken_s, [0.1] * 3, per=10, of="y a car", goal=Goal(ratio=2.5))
    assert row.is_reached is is_reached
    assert (" yes" if is_reached else " no") in table([row.as_json()])

"""What a run costs follows from what changed: counted in operations, which no busy machine can change.

Each count is taken in a stock of 40 cars and in one of 160; where it is the same, the stock's size has no part in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from stocksync.mapping.translate import SideTranslation
from stocksync.sync.recording import RunKind
from tests.plans import asking, walks
from tests.worlds import DMS, MODULE, World, a_world, crowd

SMALL, LARGE = 40, 160
STEP = 10
"""Instructions of SQLite's machine after which it tells that it is still at work."""


@contextmanager
def counted(world: World) -> Iterator[Counter[str]]:
    """Count what is asked of both systems, of the database, and how many records are translated."""
    counts: Counter[str] = Counter()

    def statement(_c: Any, _cursor: Any, text: str, parameters: Any, _context: Any, many: bool) -> None:
        verb = text.split()[0]
        counts["statements"] += verb not in ("BEGIN", "PRAGMA")
        if verb in ("INSERT", "UPDATE", "DELETE"):
            counts["rows written"] += len(parameters) if many else 1

    def asked(call: str) -> None:
        counts[f"requests: {call}"] += 1

    def step() -> int:
        counts["database steps"] += STEP
        return 0

    def given_out(connection: Any, *_: Any) -> None:
        connection.set_progress_handler(step, STEP)

    def given_back(connection: Any, *_: Any) -> None:
        connection.set_progress_handler(None, STEP)

    translated = SideTranslation.vehicle

    def translate(self: SideTranslation, *arguments: Any) -> Any:
        counts["records translated"] += 1
        return translated(self, *arguments)

    event.listen(world.repository.engine, "before_cursor_execute", statement)
    event.listen(world.repository.engine, "checkout", given_out)
    event.listen(world.repository.engine, "checkin", given_back)
    for server in world.servers.values():
        server.error_before = asked  # type: ignore[assignment]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SideTranslation, "vehicle", translate)
        yield counts
    event.remove(world.repository.engine, "before_cursor_execute", statement)
    event.remove(world.repository.engine, "checkout", given_out)
    event.remove(world.repository.engine, "checkin", given_back)


def counts_of(tmp_path: Path, cars: int, change: Callable[[World], None], kind: RunKind) -> Counter[str]:
    """Count one run over a settled stock in which something was changed."""
    module, dms = crowd(cars)
    # Before first contact: a record that says nothing of when it changed is shown to every quick run.
    stamped = [record | {"updatedAt": "2026-11-20T08:00:00"} for record in module]
    stamped_there = [record | {"maj_le": "2026-11-20T09:00:00"} for record in dms]
    with a_world(tmp_path / f"{cars}.db", stamped, stamped_there) as world:
        world.settled().settled().settled()
        world.edit(MODULE, "OF-100", sale__price=9100)
        world.quick()
        world.settled()
        world.quick()
        change(world)
        world.clock.pause(3600)
        with counted(world) as counts:
            result = world.cycle().run(kind=kind)
        assert (result.summary.status, result.summary.kind) == ("done", kind)
        return counts


def nothing(world: World) -> None:
    pass


def two_prices(world: World) -> None:
    world.edit(MODULE, "OF-101", sale__price=8500)
    world.edit(DMS, "VO102", frevo="777,00")


@pytest.mark.parametrize("kind", [RunKind.COMPLETE, RunKind.DELTA])
def test_a_quiet_run_translates_no_record_and_asks_the_database_the_same_whatever_the_stock(
    tmp_path: Path, kind: RunKind
) -> None:
    small, large = (counts_of(tmp_path, cars, nothing, kind) for cars in (SMALL, LARGE))
    for counts in (small, large):
        # A quick run is shown the last change of each side once more.
        assert counts["records translated"] <= (0 if kind is RunKind.COMPLETE else 2)
        assert counts["rows written"] <= 6
        assert counts["statements"] <= (43 if kind is RunKind.COMPLETE else 24)
        assert not counts["requests: update"]
        assert not counts["requests: read"]
    assert small["statements"] == large["statements"]
    # A complete run adds up what every car was listed as, in an index; nothing else grows with the stock.
    a_car = (large["database steps"] - small["database steps"]) / (LARGE - SMALL)
    assert a_car <= (60 if kind is RunKind.COMPLETE else 0.5)


@pytest.mark.parametrize("kind", [RunKind.COMPLETE, RunKind.DELTA])
def test_two_changed_cars_cost_the_same_in_a_small_and_in_a_large_stock(tmp_path: Path, kind: RunKind) -> None:
    small, large = (counts_of(tmp_path, cars, two_prices, kind) for cars in (SMALL, LARGE))
    for name in ("records translated", "rows written", "statements", "requests: update", "requests: read"):
        assert small[name] == large[name], name
    # What is looked up is looked up in indexes, of which only the one that is added up has a line for every car.
    a_car = (large["database steps"] - small["database steps"]) / (LARGE - SMALL)
    assert a_car <= (60 if kind is RunKind.COMPLETE else 5)
    assert large["requests: update"] == 2
    assert large["records translated"] <= 24
    assert large["rows written"] <= 30
    assert large["statements"] <= 100


def test_first_contact_writes_three_rows_a_car_and_asks_for_none_of_them_alone(tmp_path: Path) -> None:
    totals = {}
    for cars in (SMALL, LARGE):
        module, dms = crowd(cars)
        with a_world(tmp_path / f"{cars}.db", module, dms) as world, counted(world) as counts:
            assert world.sync().summary.bound == cars
            totals[cars] = counts
    more = LARGE - SMALL
    # A car, its two snapshots, and a line in the journal that tells by what it was bound.
    assert totals[LARGE]["rows written"] - totals[SMALL]["rows written"] == 4 * more
    assert totals[LARGE]["records translated"] - totals[SMALL]["records translated"] == 2 * more
    assert totals[LARGE]["statements"] - totals[SMALL]["statements"] <= 4
    assert not totals[LARGE]["requests: read"]


@pytest.mark.parametrize("kind", [RunKind.COMPLETE, RunKind.DELTA])
def test_no_statement_of_a_run_walks_through_a_table_that_grows_with_the_stock(tmp_path: Path, kind: RunKind) -> None:
    module, dms = crowd(SMALL)
    with a_world(tmp_path / "world.db", module, dms) as world:
        world.settled().settled()
        two_prices(world)
        world.clock.pause(3600)
        with asking(world.repository.engine) as asked:
            assert world.cycle().run(kind=kind).summary.status == "done"
        assert not walks(world.repository.engine, asked)


def test_records_that_came_or_went_are_found_by_their_ids_not_by_walking_through_the_stock(tmp_path: Path) -> None:
    module, dms = crowd(SMALL)
    with a_world(tmp_path / "world.db", module, dms) as world:
        world.settled().settled()
        for gone in ("VO105", "VO106", "VO107"):
            world.servers[DMS].remove(gone)
        world.clock.pause(3600)
        with asking(world.repository.engine) as asked:
            world.sync()
            assert world.repository.former_digests("openflex-icar", "PDV1", MODULE, ["OF-101", "gone"]).keys() == {
                "OF-101"
            }
        assert any(text.startswith("UPDATE snapshot SET gone") for text, _ in asked)
        assert not walks(world.repository.engine, asked)

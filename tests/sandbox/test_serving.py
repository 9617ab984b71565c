"""What an answer costs the servers: as much as it holds, whatever the stock; counted, not timed.

SQLite counts its own steps, so these figures are the same on every machine. Beside them: pages that begin where an
earlier one ended are the very pages that counting from the start gives, whatever people do meanwhile.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from stocksync.sandbox import dms_listing
from stocksync.sandbox.breaks import Breaks
from stocksync.sandbox.clock import read_paris_text
from stocksync.sandbox.dms import Dms, dossier_of, new_file
from stocksync.sandbox.dms_rules import DmsError
from stocksync.sandbox.state import StateFile
from stocksync.sandbox.vehicle_module import VehicleModule, new_vehicle, vehicle_id
from tests.sandbox.conftest import FILES, VEHICLES, MovableClock
from tests.sandbox.serving import Front, dms_front, module_front

PAGE, LARGE, SMALL = 500, 5_000, 1_000
PATCH = (b"content-type", b"application/merge-patch+json")
JSON = (b"content-type", b"application/json")
ANY = (b"if-match", b"*")
NIGHT = "19/11/2026 22:00:00"
MORNING = "20/11/2026 10:00:00"


@dataclass
class Cost:
    """Steps of SQLite, and texts decoded that are records."""

    steps: int = 0
    decoded: int = 0


@contextmanager
def counted(state: StateFile, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cost]:
    cost, loads = Cost(), orjson.loads

    def step() -> int:
        cost.steps += 1
        return 0

    def spied(text: Any) -> Any:
        read = loads(text)
        cost.decoded += isinstance(read, dict) and ("pointOfSale" in read or "dossier" in read)
        return read

    with monkeypatch.context() as spying:
        spying.setattr(orjson, "loads", spied)
        state.sql.set_progress_handler(step, 1)
        yield cost
        state.sql.set_progress_handler(None, 0)


@dataclass
class Town:
    """Both systems with so many cars, all in one place, and their servers without sockets."""

    module: VehicleModule
    dms: Dms
    module_server: Front
    dms_server: Front

    def vehicles(self, **query: str) -> dict[str, Any]:
        asked = "&".join(f"{name}={quote(text)}" for name, text in query.items())
        return orjson.loads(self.module_server.ask("GET", VEHICLES, f"pointOfSale=PDV1&limit={PAGE}&{asked}"))

    def files(self, page: int = 1, **query: str) -> dict[str, Any]:
        asked = "&".join(f"{name}={quote(text)}" for name, text in query.items())
        return orjson.loads(self.dms_server.ask("GET", FILES, f"site=S01&taille={PAGE}&page={page}&{asked}"))

    def write_both(self, number: int) -> None:
        self.module_server.ask(
            "PATCH", f"{VEHICLES}/{vehicle_id(number)}", "", b'{"sale":{"price":%d}}' % number, PATCH, ANY
        )
        self.dms_server.ask("PUT", f"{FILES}/{dossier_of(number)}", "", b'{"km":"7"}', JSON)


@contextmanager
def town(directory: Path, cars: int) -> Iterator[Town]:
    clock = MovableClock(datetime(2026, 11, 20, 9, 0, tzinfo=UTC))
    module, dms = VehicleModule(directory, clock), Dms(directory, clock)
    module.add_points_of_sale([{"id": "PDV1", "name": "Un", "entity": "E"}])
    dms.add_sites([("S01", "Un"), ("S02", "Deux")])
    numbers = range(1, cars + 1)
    stamps = {"version": 1, "createdAt": "2026-11-19T21:00:00.000000Z", "updatedAt": "2026-11-19T21:00:00.000000Z"}
    module.add({**new_vehicle(vehicle_id(number), {"pointOfSale": "PDV1"}), **stamps} for number in numbers)
    dms.add(new_file(dossier_of(number), {"site": "S01"}, NIGHT) for number in numbers)
    module.loaded(cars, clock.now)
    dms.loaded(cars, [])
    with (
        closing(module.state),
        closing(dms.state),
        closing(module_front(module)) as module_server,
        closing(dms_front(dms)) as dms_server,
    ):
        yield Town(module, dms, module_server, dms_server)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("large"), LARGE) as place:
        yield place


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("small"), SMALL) as place:
        yield place


def module_pages(place: Town, monkeypatch: pytest.MonkeyPatch) -> list[Cost]:
    costs, cursor, read = [], {}, []
    while cursor is not None:
        with counted(place.module.state, monkeypatch) as cost:
            page = place.vehicles(**cursor)
        costs.append(cost)
        read += [item["id"] for item in page["items"]]
        cursor = page["nextCursor"] and {"cursor": page["nextCursor"]}
    assert len(set(read)) == len(read) == len(costs) * PAGE
    return costs


def dms_pages(place: Town, monkeypatch: pytest.MonkeyPatch) -> list[Cost]:
    costs, number, last, read = [], 0, 1, []
    while number < last:
        number += 1
        with counted(place.dms.state, monkeypatch) as cost:
            page = place.files(number)
        costs.append(cost)
        read += [file["dossier"] for file in page["vo"]]
        last = page["nb_pages"]
    assert len(set(read)) == len(read) == len(costs) * PAGE
    return costs


@pytest.mark.parametrize("pages", [module_pages, dms_pages])
def test_every_page_costs_its_own_records_only_and_decodes_none(large, small, monkeypatch, pages):
    of_large, of_small = pages(large, monkeypatch), pages(small, monkeypatch)
    assert (len(of_large), len(of_small)) == (LARGE // PAGE, SMALL // PAGE)
    # a handful of steps for each record, and a few more to begin
    assert max(cost.steps for cost in of_large) < 25 * PAGE
    assert max(cost.steps for cost in of_large) < 1.1 * max(cost.steps for cost in of_small)
    assert [cost.decoded for cost in of_large] == [0] * len(of_large)


def test_a_page_far_off_is_found_from_the_nearest_one_that_was_read(large, monkeypatch):
    dms_pages(large, monkeypatch)
    with counted(large.dms.state, monkeypatch) as cost:
        page = large.files(LARGE // PAGE - 1)
    assert page["vo"][0]["dossier"] == dossier_of(LARGE - 2 * PAGE + 1)
    assert cost.steps < 25 * PAGE


def test_a_listing_of_changes_looks_at_those_that_changed_only(large, small, monkeypatch):
    since, costs = "2026-11-20T09:00:00Z", {}
    for place in (large, small):
        for changed in ([], [3, 7, 700]):
            for number in changed:
                place.write_both(number)
            with counted(place.module.state, monkeypatch) as in_module:
                assert len(place.vehicles(updatedSince=since)["items"]) == len(changed)
            with counted(place.dms.state, monkeypatch) as in_dms:
                assert place.files(modifie_depuis=MORNING)["total"] == len(changed)
            assert in_module.decoded == in_dms.decoded == 0
            costs[place is large, len(changed)] = in_module.steps, in_dms.steps
    # the same in both, but for the depth of the trees
    assert costs[True, 3] == pytest.approx(costs[False, 3], abs=20)
    assert costs[True, 0] == pytest.approx(costs[False, 0], abs=20)
    assert max(costs[True, 3]) < 500


def test_many_changes_are_looked_for_once_and_not_again_at_each_page(tmp_path, monkeypatch):
    with town(tmp_path, 3_000) as place:
        for number in range(1, 201):
            place.dms.change(dossier_of(number), {"km": "1"})

        def page(number: int) -> tuple[int, list[str]]:
            with counted(place.dms.state, monkeypatch) as cost:
                found = place.dms.page("S01", read_paris_text(MORNING), number, 20)
            return cost.steps, [orjson.loads(body)["dossier"] for body in found.files]

        (first, _), *others = pages = [page(number) for number in range(1, 11)]
        assert [dossier for _, dossiers in pages for dossier in dossiers] == [dossier_of(n) for n in range(1, 201)]
        assert max(steps for steps, _ in others) < first / 2
        assert max(steps for steps, _ in others) < 20 * 25


def test_a_write_costs_the_same_in_a_large_stock(large, small, monkeypatch):
    costs = []
    for place in (large, small):
        place.write_both(11)
        with (
            counted(place.module.state, monkeypatch) as in_module,
            counted(place.dms.state, monkeypatch) as in_dms,
        ):
            place.write_both(12)
        costs.append((in_module.steps, in_dms.steps))
    assert costs[0] == pytest.approx(costs[1], abs=40)
    assert max(costs[0]) < 1_000


def test_under_a_fault_of_listings_pages_are_told_the_slow_way_and_afterwards_again_the_short_one(tmp_path):
    with town(tmp_path, 1_200) as place:
        places = [place.files(number) for number in (1, 2, 3)]
        breaks = Breaks(tmp_path, "dms")
        breaks.set("short_listing", record=dossier_of(2))
        spoilt = [place.files(number) for number in (1, 2, 3)]
        assert [page["total"] for page in spoilt] == [1_199] * 3
        assert spoilt[1]["vo"][0]["dossier"] == dossier_of(502)
        breaks.clear()
        assert [place.files(number) for number in (1, 2, 3)] == places


# -- pages that begin where an earlier one ended, while people work


def counted_from_the_start(dms: Dms, since: str | None, number: int, size: int) -> tuple[list[bytes], int, int]:
    rows = dms.state.sql.execute("SELECT dossier, body FROM files WHERE site = 'S01'").fetchall()
    files = [
        body for _, body in sorted(rows) if since is None or read_paris_text(orjson.loads(body)["maj_le"]) >= since
    ]
    return files[(number - 1) * size : number * size], len(files), -(-len(files) // size)


def opens(people: Dms, random: Random) -> None:
    people.create({"site": random.choice(("S01", "S02"))})


def edits(people: Dms, random: Random) -> None:
    people.change(some(people, random), {"km": str(random.randrange(1000))})


def moves(people: Dms, random: Random) -> None:
    people.change(some(people, random), {"site": random.choice(("S01", "S02"))})


def removes(people: Dms, random: Random) -> None:
    people.remove(some(people, random))


def undoes(people: Dms, random: Random) -> None:
    with people.state.undone():
        removes(people, random)
        people.page("S01", None, 2, 7)
        people.page("S01", read_paris_text(NIGHT), 2, 7)


def some(people: Dms, random: Random) -> str:
    dossiers = [row[0] for row in people.state.sql.execute("SELECT dossier FROM files ORDER BY dossier")]
    return random.choice(dossiers)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_people_do_meanwhile_a_page_holds_what_counting_from_the_start_gives(tmp_path, monkeypatch, seed):
    monkeypatch.setattr(dms_listing, "_APART", 3)
    monkeypatch.setattr(dms_listing, "_REMEMBERED", 2)
    random, clock = Random(seed), MovableClock(datetime(2026, 11, 20, 9, 0, tzinfo=UTC))
    deeds: list[Callable[[Dms, Random], None]] = [opens, edits, moves, removes, undoes]
    with (
        closing((served := Dms(tmp_path, clock)).state),
        closing((people := Dms(tmp_path, clock)).state),
    ):
        served.add_sites([("S01", "Un"), ("S02", "Deux")])
        served.add(new_file(dossier_of(number), {"site": "S01"}, NIGHT) for number in range(1, 61))
        served.loaded(60, [])
        for _ in range(400):
            if random.random() < 0.4:
                clock.forward(seconds=random.randrange(3))
                # whoever changes something, the server itself too
                random.choice(deeds)(random.choice((people, served)), random)
            since = random.choice((None, read_paris_text(NIGHT), read_paris_text(MORNING), "2026-11-20 10:01:00"))
            asked = since, random.randrange(1, 12), random.choice((3, 7, 20))
            assert tuple(served.page("S01", *asked)) == counted_from_the_start(people, *asked)


def test_after_a_stock_was_replaced_no_page_begins_where_one_of_the_old_stock_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(dms_listing, "_APART", 1)
    with closing((served := Dms(tmp_path)).state), closing((people := Dms(tmp_path)).state):
        for first in (1, 100):
            people.empty()
            people.index()
            people.add_sites([("S01", "Un")])
            people.add(new_file(dossier_of(number), {"site": "S01"}, NIGHT) for number in range(first, first + 9))
            pages = [served.page("S01", None, number, 3) for number in (1, 2, 3)]
            dossiers = [orjson.loads(body)["dossier"] for page in pages for body in page.files]
            assert dossiers == [dossier_of(number) for number in range(first, first + 9)]


@pytest.mark.parametrize("change", ["one removed", "all forgotten"])
def test_a_state_file_of_before_is_served_and_its_changes_are_noticed(tmp_path, monkeypatch, change):
    monkeypatch.setattr(dms_listing, "_APART", 1)
    with closing((old := Dms(tmp_path)).state):
        old.add_sites([("S01", "Un")])
        old.add(new_file(dossier_of(number), {"site": "S01"}, NIGHT) for number in range(1, 10))
        old.state.sql.execute("DROP TABLE listings")
        found = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'listing_%'"
        for (trigger,) in old.state.sql.execute(found).fetchall():
            old.state.sql.execute(f"DROP TRIGGER {trigger}")
    with closing((served := Dms(tmp_path)).state), closing((people := Dms(tmp_path)).state):
        for number in (1, 2, 3):
            served.page("S01", None, number, 3)
        if change == "one removed":
            people.remove(dossier_of(1))
            left = [dossier_of(number) for number in (5, 6, 7)]
        else:
            people.empty()
            people.index()
            people.add_sites([("S01", "Un")])
            left = []
        found = served.page("S01", None, 2, 3)
        assert [orjson.loads(body)["dossier"] for body in found.files] == left
        assert found.total == (8 if left else 0)


def test_a_page_of_a_site_that_nobody_knows_is_refused(tmp_path):
    with closing((dms := Dms(tmp_path)).state), pytest.raises(DmsError):
        dms.page("S09", None, 1, 10)

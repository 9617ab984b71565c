"""Pages that come just as before are not cut into records; never where anything was learnt of one of those since."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from stocksync.adapters.store.core import SNAPSHOT
from stocksync.adapters.store.page_rows import note_pages
from stocksync.adapters.store.repository import Repository
from stocksync.adapters.store.snapshot_rows import write_snapshots
from stocksync.adapters.systems.memory import Call
from stocksync.mapping.paths import value_at
from stocksync.stock.values import SIDES, Side
from stocksync.sync.familiar import Familiar, KnownPage, LastListing, ListedPage, Memory, packed, unpacked
from stocksync.sync.gather import Gathered, snapshot_of
from stocksync.sync.recording import Recording, RunKind, RunStatus
from stocksync.sync.runs import PackedPage
from tests.worlds import DMS, MODULE, World, a_world, crowd

CARS = 12


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A settled stock on several pages, read twice."""
    module, dms = crowd(CARS)
    with a_world(tmp_path / "world.db", module, dms) as made:
        for server in made.servers.values():
            server.habits = replace(server.habits, page_size=4)
        made.settled().settled()
        yield made


def gathered(world: World) -> Gathered:
    """What the next complete run reads."""
    return world.cycle()._reading(world.repository.past("PDV1")).gather(RunKind.COMPLETE, {}, only_changed=True)


def known(world: World, side: Side = MODULE) -> int:
    """How many pages of a side are known as they came."""
    familiar = as_the_next_run_begins(world, side)
    return sum(familiar.page(page.digest) is not None for page in last_listing(world, side).pages)


def last_listing(world: World, side: Side = MODULE) -> LastListing:
    """What the store says of a side's pages."""
    return world.repository.last_listing("openflex-icar", "PDV1", side)


def as_the_next_run_begins(world: World, side: Side = MODULE) -> Familiar:
    """What it knows of a side."""
    familiar = world.cycle()._reading(world.repository.past("PDV1"))._familiar(side)
    familiar.begin()
    return familiar


def set_back(world: World, side: Side, body: Mapping[str, Any]) -> None:
    """A system shows a record again as it was once, to the byte: also when it last changed."""
    server = world.servers[side]
    changed_at = datetime.fromisoformat(str(value_at(body, str(server.habits.stamp_path))))
    now_at, server.now_at = server.now_at, lambda: changed_at
    assert server.body(server.put(body)) == body
    server.now_at = now_at


def beside_another_point_of_sale(world: World) -> World:
    """The same world with a stock at another point of sale."""
    for module, dms in zip(*crowd(4, first=200), strict=True):
        world.module.put(module | {"pointOfSale": "PDV2"})
        world.dms.put(dms | {"site": "S02"})
    return world.settled("PDV2")


def test_a_quiet_stock_is_known_by_its_pages(world: World) -> None:
    assert {side: known(world, side) for side in SIDES} == dict.fromkeys(SIDES, CARS // 4)
    seen = gathered(world)
    assert all(isinstance(page, KnownPage) for side in SIDES for page in seen.pages[side])
    assert seen.counts() == dict.fromkeys(SIDES, CARS)
    assert seen.vanished == dict.fromkeys(SIDES, frozenset())


def test_a_page_with_one_changed_record_is_cut_and_the_others_are_not(world: World) -> None:
    world.edit(MODULE, "OF-105", sale__price=8500)
    seen = gathered(world)
    assert [type(page) for page in seen.pages[MODULE]].count(ListedPage) == 1
    assert set(seen.records[MODULE]) == {"OF-105"}
    world.sync()
    assert world.dms.body("VO105")["prix_vente"] == "8500,00"


def test_a_page_that_does_not_come_again_is_missed_with_all_its_records(world: World) -> None:
    for number in range(108, 112):
        world.module.remove(f"OF-{number}")
    seen = gathered(world)
    assert seen.vanished is not None
    assert seen.vanished[MODULE] == {f"OF-{number}" for number in range(108, 112)}


def quick_run_saw_a_change(world: World) -> None:
    world.edit(MODULE, "OF-105", sale__price=8500)
    world.quick()


def write_was_answered(world: World) -> None:
    world.edit(DMS, "VO105", frevo="777,00")
    world.quick()


def copy_lagged_behind(world: World) -> None:
    before = world.module.body("OF-105")
    world.edit(MODULE, "OF-105", sale__price=8500)
    world.sync()
    set_back(world, MODULE, before)
    world.cycle().run(kind=RunKind.HINTED, hints={MODULE: ["OF-105"]})


def record_moved_away(world: World) -> None:
    with world.repository.engine.begin() as connection:
        connection.execute(update(SNAPSHOT).where(SNAPSHOT.c.record_id == "OF-105").values(point_of_sale="PDV2"))


def record_is_gone(world: World) -> None:
    with world.repository.engine.begin() as connection:
        connection.execute(update(SNAPSHOT).where(SNAPSHOT.c.record_id == "OF-105").values(gone=True))


@pytest.mark.parametrize("learnt", [quick_run_saw_a_change, write_was_answered, copy_lagged_behind])
def test_only_its_own_page_is_not_known_once_anything_else_was_learnt_of_a_record(
    world: World, learnt: Callable[[World], None]
) -> None:
    learnt(world)
    assert known(world) == CARS // 4 - 1
    [unfamiliar] = last_listing(world).unfamiliar
    left = as_the_next_run_begins(world).left
    assert (len(left), unfamiliar in left) == (CARS - 1, False)
    assert left == world.repository.listed_digests("openflex-icar", "PDV1", MODULE)


@pytest.mark.parametrize("learnt", [record_moved_away, record_is_gone])
def test_no_page_is_known_once_the_snapshots_are_not_those_of_its_records(
    world: World, learnt: Callable[[World], None]
) -> None:
    learnt(world)
    assert known(world) == 0
    assert as_the_next_run_begins(world).left == world.repository.listed_digests("openflex-icar", "PDV1", MODULE)


@pytest.mark.parametrize("learnt", [quick_run_saw_a_change, write_was_answered, copy_lagged_behind])
def test_a_record_known_otherwise_since_is_missed_when_it_does_not_come(
    world: World, learnt: Callable[[World], None]
) -> None:
    learnt(world)
    world.module.remove("OF-105")
    seen = gathered(world)
    assert seen.vanished is not None
    assert seen.vanished[MODULE] == {"OF-105"}


def test_a_page_of_records_known_otherwise_since_is_missed_with_all_of_them(world: World) -> None:
    for number in range(108, 112):
        world.edit(MODULE, f"OF-{number}", sale__price=8500)
    world.quick()
    for number in range(108, 112):
        world.module.remove(f"OF-{number}")
    seen = gathered(world)
    assert seen.vanished is not None
    assert seen.vanished[MODULE] == {f"OF-{number}" for number in range(108, 112)}


@pytest.mark.parametrize("learnt", [quick_run_saw_a_change, write_was_answered])
def test_a_page_just_as_it_was_before_anything_else_was_learnt_of_a_record_is_read(
    world: World, learnt: Callable[[World], None]
) -> None:
    before = world.module.body("OF-105")
    learnt(world)
    set_back(world, MODULE, before)
    assert set(gathered(world).records[MODULE]) == {"OF-105"}


def test_a_page_with_a_record_that_is_doubted_is_read_again_though_it_comes_just_so(world: World) -> None:
    copy_lagged_behind(world)
    world.sync()
    assert known(world) == CARS // 4 - 1
    assert set(gathered(world).records[MODULE]) == {"OF-105"}


def test_what_was_answered_before_other_cars_were_decided_once_more_is_not_what_was_listed(world: World) -> None:
    for cost in ("777,00", "450,00"):
        world.edit(DMS, "VO105", frevo=cost)
    listed = world.dms.body("VO105")
    world.edit(MODULE, "OF-105", sale__price=8500)
    world.edit(DMS, "VO106", frevo="888,00")

    def somebody_is_faster(call: Call) -> None:
        if call == "update":
            world.module.error_before = lambda _: None
            world.edit(MODULE, "OF-106", sale__price=8600)

    world.module.error_before = somebody_is_faster
    world.sync()
    assert {write.record_id for write in world.dms.writes} == {"VO105", "VO106"}
    set_back(world, DMS, listed)
    assert "VO105" in gathered(world).records[DMS]


def went_elsewhere(world: World) -> None:
    """A quick run of another point of sale reads a record there."""
    world.edit(MODULE, "OF-105", pointOfSale="PDV2")
    assert world.quick("PDV2").summary.status is RunStatus.DONE


def test_what_was_answered_between_a_listing_and_its_recording_is_not_what_was_listed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for cost in ("777,00", "450,00"):
        world.edit(DMS, "VO105", frevo=cost)
    listed, record = world.dms.body("VO105"), Repository.record

    def after_another_ones_answer(repository: Repository, recording: Recording) -> None:
        world.edit(DMS, "VO105", prix_vente="8500,00")
        cycle = world.cycle()
        answer = cycle.systems[DMS].read("VO105")
        assert answer is not None
        vehicle = cycle.mapping.translations[DMS].vehicle(answer.record_id, answer.version, answer.body)
        snapshot = snapshot_of(cycle.mapping, DMS, answer, vehicle)
        with repository.engine.begin() as connection:
            write_snapshots(connection, "openflex-icar", "PDV1", [snapshot], recording.at, listed=False)
        record(repository, recording)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Repository, "record", after_another_ones_answer)
        world.sync()
    set_back(world, DMS, listed)
    assert "VO105" in gathered(world).records[DMS]


def test_a_dry_run_comes_to_its_end_when_a_run_beside_it_lists_the_pages_anew(world: World) -> None:
    world.edit(MODULE, "OF-110", sale__price=8600)
    asked = []

    def another_run_before_the_second_page(call: Call) -> None:
        if call == "pages":
            asked.append(call)
            if len(asked) == 2:
                world.edit(MODULE, "OF-101", sale__price=8500)
                world.sync()

    world.module.error_before = another_run_before_the_second_page
    assert world.sync(dry_run=True).error is None


def test_a_record_that_a_quick_run_saw_first_leaves_every_page_known(world: World) -> None:
    module, dms = crowd(1, first=500)
    world.module.put(module[0])
    world.dms.put(dms[0])
    world.quick()
    assert known(world) == CARS // 4


def test_a_record_that_was_elsewhere_meanwhile_is_read_when_its_page_comes_as_it_was(world: World) -> None:
    beside_another_point_of_sale(world)
    before = world.module.body("OF-105")
    went_elsewhere(world)
    left = as_the_next_run_begins(world).left
    assert (len(left), left) == (CARS - 1, world.repository.listed_digests("openflex-icar", "PDV1", MODULE))
    set_back(world, MODULE, before)
    assert "OF-105" in gathered(world).records[MODULE]


def test_a_record_that_was_elsewhere_meanwhile_is_missed_when_it_does_not_come(world: World) -> None:
    went_elsewhere(beside_another_point_of_sale(world))
    world.edit(MODULE, "OF-105", pointOfSale="PDV1")
    assert world.quick().summary.status is RunStatus.DONE
    world.module.remove("OF-105")
    seen = gathered(world)
    assert seen.vanished is not None
    assert seen.vanished[MODULE] == {"OF-105"}


def test_pages_are_known_again_after_one_more_complete_run(world: World) -> None:
    quick_run_saw_a_change(world)
    world.sync()
    assert known(world) == CARS // 4


def test_a_page_that_comes_twice_is_known_once(world: World) -> None:
    page = last_listing(world).pages[0]
    familiar = Familiar(Memory(lambda: (), lambda _: {}, lambda: LastListing((page,))))
    familiar.begin()
    assert familiar.page(page.digest) == page
    familiar.met_page(page)
    assert familiar.page(page.digest) is None


def test_no_record_counts_as_new_on_a_page_of_which_nobody_remembers_which_they_are(world: World) -> None:
    """Another run listed meanwhile, a dry one being at work: whether they came before cannot be told."""
    page = last_listing(world).pages[0]
    familiar = Familiar(Memory(lambda: (), lambda _: {}, lambda: LastListing((page,))))
    familiar.begin()
    assert familiar.met(()) == 0
    assert familiar.met_page(page) == 0


def test_a_record_met_on_a_known_page_is_not_familiar_on_another(world: World) -> None:
    last = last_listing(world)
    packed = world.repository.packed_pages("openflex-icar", "PDV1", MODULE)
    digests = world.repository.listed_digests("openflex-icar", "PDV1", MODULE)
    familiar = Familiar(Memory(lambda: digests, lambda _: {}, lambda: last, lambda: packed))
    familiar.begin()
    familiar.met_page(last.pages[0])
    assert len(familiar.left) == CARS - 4
    familiar.met_page(last.pages[1])
    assert len(familiar.left) == CARS - 8
    assert familiar.not_met() == familiar.left


def test_a_page_is_kept_with_its_runs(world: World) -> None:
    page = ListedPage(7, packed((-1, 2**62)), (), b"any runs")
    recording = Recording(1, world.clock.now_at(), "openflex-icar", "PDV1", pages={MODULE: (page,)})
    with world.repository.engine.begin() as connection:
        note_pages(connection, recording)
    kept = world.repository.packed_pages("openflex-icar", "PDV1", MODULE)
    assert kept == {7: PackedPage(page.packed, b"any runs")}
    assert unpacked(kept[7].digests) == page.digests

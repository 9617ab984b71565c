"""Quick runs: what changed since the last one, by each side's own clock; and what a complete run makes of the rest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from stocksync.adapters.systems.memory import Fate
from stocksync.errors import SystemUnavailable
from stocksync.sync.recording import RunKind
from tests.worlds import DMS, MODULE, RUNS_OWN, World, a_world, crowd, dms_record, module_record


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A settled stock of 21 cars, in which both sides changed something since."""
    module, dms = crowd(20)
    with a_world(tmp_path / "world.db", [module_record(), *module], [dms_record(), *dms]) as made:
        made.settled()
        made.edit(MODULE, "OF-101", sale__price=8500)
        made.quick()
        made.quick()
        made.forget_writes()
        yield made


def asked(world: World) -> list[tuple[str, str]]:
    """Note from here on what is asked of both systems."""
    calls: list[tuple[str, str]] = []
    for side, server in world.servers.items():

        def noted(call: str, side: str = side.value) -> None:
            calls.append((side, call))

        server.error_before = noted  # type: ignore[assignment]
    return calls


def test_a_quick_run_carries_a_change_over_and_reads_nothing_but_that_car(world: World) -> None:
    world.clock.pause(3600)
    world.edit(MODULE, "OF-1", sale__price=11900)
    calls = asked(world)
    result = world.quick()
    assert result.summary.kind is RunKind.DELTA
    assert result.summary.read == {MODULE: 2, DMS: 1}
    assert world.dms.body("VO1")["prix_vente"] == "11900,00"
    assert calls.count(("dms", "read")) <= 2
    assert calls.count(("vehicle_module", "read")) == 0
    assert len(world.dms.writes) == 1


def test_a_quick_run_over_a_quiet_stock_asks_for_two_short_lists_and_changes_nothing(world: World) -> None:
    world.clock.pause(3600)
    world.quick()
    rows = world.rows(beside=RUNS_OWN)
    calls = asked(world)
    result = world.quick()
    assert (result.summary.status, result.summary.kind) == ("done", RunKind.DELTA)
    assert sorted(calls) == [("dms", "pages"), ("vehicle_module", "pages")]
    assert world.rows(beside=RUNS_OWN) == rows


def test_the_first_run_is_a_complete_one_whatever_was_asked(tmp_path: Path) -> None:
    with a_world(tmp_path / "world.db") as world:
        assert world.quick().summary.kind is RunKind.COMPLETE
        assert world.quick().summary.kind is RunKind.DELTA


def test_after_an_edit_of_the_mapping_the_next_run_is_a_complete_one(world: World) -> None:
    from tests.worlds import shipped_set

    world.mappings = shipped_set((("pairs/openflex-icar/pair.yaml", "removals_cars: 5 ", "removals_cars: 6 "),))
    assert world.quick().summary.kind is RunKind.COMPLETE
    assert world.quick().summary.kind is RunKind.DELTA


def test_what_the_other_side_holds_by_now_is_read_before_anything_is_written(world: World) -> None:
    """The DMS's price moved a moment ago, later than its listing: it is never overwritten unseen."""
    world.clock.pause(3600)
    world.edit(MODULE, "OF-1", characteristics__mileage=90000)

    def moves_meanwhile(call: str) -> None:
        if call == "pages":
            return
        world.dms.error_before = lambda call: None
        world.edit(DMS, "VO1", km="91000")

    world.dms.error_before = moves_meanwhile  # type: ignore[assignment]
    world.quick()
    assert world.module.body("OF-1")["characteristics"]["mileage"] == 91000
    assert world.dms.body("VO1")["km"] == "91000"


def test_clocks_are_never_held_against_one_another(world: World) -> None:
    """The DMS lives a day in the past, the module a day ahead: every change is found all the same."""
    world.module.now_at = lambda: world.clock.at.replace(tzinfo=None) + timedelta(days=1)
    world.dms.now_at = lambda: world.clock.at.replace(tzinfo=None) - timedelta(days=1)
    world.edit(MODULE, "OF-1", sale__price=11900)
    world.edit(DMS, "VO1", frevo="500,00")
    world.sync()
    for price, cost in ((11800, 510), (11700, 520), (11600, 530)):
        world.edit(MODULE, "OF-1", sale__price=price)
        world.edit(DMS, "VO1", frevo=f"{cost},00")
        assert world.quick().summary.kind is RunKind.DELTA
        assert world.dms.body("VO1")["prix_vente"] == f"{price},00"
        assert world.module.body("OF-1")["costs"]["reconditioning"] == cost


def test_a_run_that_could_not_finish_is_looked_at_again_by_the_next_one(world: World) -> None:
    world.clock.pause(3600)
    world.edit(MODULE, "OF-1", sale__price=11900)
    world.dms.fate_of = lambda write: Fate.LOST
    assert world.quick().summary.status in {"incomplete", "done"}
    assert world.dms.body("VO1")["prix_vente"] == "12 500,00"
    world.dms.fate_of = lambda write: Fate.CARRIED_OUT
    result = world.quick()
    assert result.summary.kind is RunKind.DELTA
    assert world.dms.body("VO1")["prix_vente"] == "11900,00"


def test_a_listing_that_fails_moves_no_watermark(world: World) -> None:
    world.clock.pause(3600)
    world.edit(MODULE, "OF-1", sale__price=11900)
    world.dms.error_before = lambda call: SystemUnavailable("closed")
    before = world.repository.past("PDV1").marks
    assert world.quick().summary.status == "incomplete"
    assert world.repository.past("PDV1").marks == before


def test_watermarks_only_go_back_when_everything_was_listed(world: World) -> None:
    before = world.repository.past("PDV1").marks
    world.clock.pause(3600)
    world.edit(MODULE, "OF-1", sale__price=11900)
    world.quick()
    after = world.repository.past("PDV1").marks
    assert after[MODULE] > before[MODULE]
    world.clock.pause(3600)
    world.quick()
    last = world.repository.past("PDV1").marks
    assert all(last[side] >= after[side] for side in (MODULE, DMS))


def test_a_watermark_never_passes_a_record_that_nothing_could_be_done_with(world: World) -> None:
    world.clock.pause(3600)
    stamp = world.module.now_at()
    world.module.put({**module_record("OF-1"), "id": "OF-9", "identification": {}})
    body = dict(world.module.body("OF-9"))
    del world.module._records["OF-9"]
    world.module._records["?"] = body | {"id": None}
    world.clock.pause(60)
    world.edit(MODULE, "OF-1", sale__price=11900)
    original = world.module._native

    def without_id(record_id: str, body: dict) -> object:  # type: ignore[type-arg]
        from dataclasses import replace

        record = original(record_id, body)
        return replace(record, record_id="") if record_id == "?" else record

    world.module._native = without_id  # type: ignore[method-assign,assignment]
    world.quick()
    assert world.dms.body("VO1")["prix_vente"] == "11900,00"
    assert world.repository.past("PDV1").marks[MODULE] <= stamp


def test_the_complete_run_finds_what_quick_ones_missed_and_says_how_much(world: World) -> None:
    world.clock.pause(3600)
    world.edit(MODULE, "OF-1", sale__price=11900)
    world.quick()
    # Somebody put a value in without its stamp moving: no listing of changes shows it.
    world.module.now_at = lambda: datetime(2026, 3, 1)
    world.edit(MODULE, "OF-100", sale__price=8800)
    world.module.now_at = lambda: world.clock.at.replace(tzinfo=None)
    assert world.quick().summary.writes.get(DMS, 0) == 0
    result = world.sync()
    assert result.summary.missed == {MODULE: 1, DMS: 0}
    assert result.summary.as_json()["missed_by_quick_runs"] == {"vehicle_module": 1, "dms": 0}
    assert result.summary.writes[DMS] == 1
    assert world.sync().summary.missed == {MODULE: 0, DMS: 0}


def test_a_record_that_vanished_is_no_absence_to_a_quick_run(world: World) -> None:
    world.clock.pause(3600)
    world.dms.remove("VO1")
    world.edit(MODULE, "OF-1", sale__price=11900)
    for _ in range(4):
        world.quick()
    assert not world.module.writes
    assert not any("missing_in_dms" in row for row in world.rows()["conflict"])
    world.sync()
    world.sync()
    assert any("missing_in_dms" in row for row in world.rows()["conflict"])


def test_a_record_that_vanished_stays_vanished_between_complete_runs(world: World) -> None:
    world.dms.remove("VO1")
    world.sync()
    world.sync()
    open_before = world.rows()["conflict"]
    world.edit(MODULE, "OF-100", sale__price=8800)
    world.quick()
    assert world.rows()["conflict"] == open_before


def test_a_new_car_is_bound_by_a_quick_run(world: World) -> None:
    world.clock.pause(3600)
    [car], [file] = crowd(1, first=900)
    world.module.put(car)
    world.dms.put(file)
    result = world.quick()
    assert any(
        car.bound and car.vin == "VF1RFB00X60000900" for car in world.repository.cars_at("openflex-icar", "PDV1")
    )
    assert not result.summary.as_json()["conflicts"]["new"]


def test_a_second_record_with_the_same_vin_holds_the_car_in_a_quick_run_too(world: World) -> None:
    world.clock.pause(3600)
    world.module.put(module_record("OF-2", identification__dmsReference=None))
    world.edit(MODULE, "OF-1", sale__price=11900)
    world.quick()
    assert not world.dms.writes
    assert any("duplicate" in row for row in world.rows()["conflict"])


def test_a_hint_makes_one_car_s_change_arrive_and_moves_no_watermark(world: World) -> None:
    world.clock.pause(3600)
    world.edit(MODULE, "OF-1", sale__price=11900)
    world.edit(MODULE, "OF-100", sale__price=8800)
    before = world.repository.past("PDV1").marks
    result = world.hinted(MODULE, "OF-1")
    assert (result.summary.kind, result.summary.read) == (RunKind.HINTED, {MODULE: 1, DMS: 0})
    assert [write.record_id for write in world.dms.writes] == ["VO1"]
    assert world.repository.past("PDV1").marks == before
    world.quick()
    assert [write.record_id for write in world.dms.writes] == ["VO1", "VO100"]


@pytest.mark.parametrize("record_id", ["OF-404", "", "../admin", "OF-1"])
def test_a_hint_about_nothing_changes_nothing(world: World, record_id: str) -> None:
    rows = world.rows(beside=RUNS_OWN)
    assert world.hinted(MODULE, record_id).summary.status == "done"
    assert world.rows(beside=RUNS_OWN) == rows
    assert not world.dms.writes


def test_an_older_state_than_was_seen_before_is_not_taken_for_a_change(world: World) -> None:
    """A replica that lags: what it shows is what we overwrote, not what somebody typed."""
    world.clock.pause(3600)
    lagging = dict(world.dms.body("VO1"))
    world.edit(MODULE, "OF-1", characteristics__mileage=90000)
    world.quick()
    assert world.dms.body("VO1")["km"] == "90000"
    current = dict(world.dms.body("VO1"))
    world.forget_writes()
    world.dms._records["VO1"] = lagging
    world.sync()
    world.sync()
    assert not world.module.writes
    world.dms._records["VO1"] = current
    world.sync()
    assert not world.module.writes
    assert not world.dms.writes
    assert world.module.body("OF-1")["characteristics"]["mileage"] == 90000


def test_an_older_state_that_stays_counts_in_the_end(world: World) -> None:
    world.clock.pause(3600)
    before = dict(world.dms.body("VO1"))
    world.edit(MODULE, "OF-1", sale__price=11900)
    world.quick()
    world.dms._records["VO1"] = before
    world.sync()
    for _ in range(8):
        world.quick()
    assert world.dms.body("VO1")["prix_vente"] == "11900,00"


def test_a_halted_quick_run_is_released_as_that_very_plan(tmp_path: Path) -> None:
    module, dms = crowd(8)
    with a_world(tmp_path / "world.db", module, dms) as world:
        world.settled()
        world.clock.pause(3600)
        for number in range(100, 106):
            world.edit(MODULE, f"OF-{number}", sale__price=7000 + number)
        halted = world.quick()
        assert (halted.summary.status, halted.summary.kind) == ("halted", RunKind.DELTA)
        assert not world.dms.writes
        assert world.quick().summary.status == "halted"
        again = world.quick()
        assert again.summary.run_id is not None
        world.repository.release(again.summary.run_id)
        done = world.quick()
        assert (done.summary.status, len(world.dms.writes)) == ("done", 6)
        for number in range(100, 106):
            world.edit(MODULE, f"OF-{number}", sale__price=6000 + number)
        assert world.quick().summary.status == "halted"


def test_a_halted_complete_run_is_asked_again_by_the_next_run_of_any_kind(tmp_path: Path) -> None:
    module, dms = crowd(8)
    with a_world(tmp_path / "world.db", module, dms) as world:
        world.settled()
        for number in range(100, 106):
            world.edit(MODULE, f"OF-{number}", sale__price=7000 + number)
        assert world.sync().summary.status == "halted"
        quick = world.quick()
        assert (quick.summary.status, quick.summary.kind) == ("halted", RunKind.COMPLETE)
        assert not world.dms.writes


def test_what_another_point_of_sale_read_by_the_way_is_still_news_where_it_belongs(world: World) -> None:
    """A hint that named the wrong point of sale must not make its own one miss the change."""
    [car], [file] = crowd(1, first=700)
    world.module.put({**car, "pointOfSale": "PDV2"})
    world.dms.put({**file, "site": "S02"})
    world.sync("PDV2")
    world.clock.pause(3600)
    world.edit(MODULE, "OF-700", sale__price=7777)
    world.hinted(MODULE, "OF-700")
    assert not world.dms.writes
    assert world.quick("PDV2").summary.kind is RunKind.DELTA
    assert world.dms.body("VO700")["prix_vente"] == "7777,00"


def test_one_stamp_far_in_the_future_does_not_blind_quick_runs(world: World) -> None:
    world.module.now_at = lambda: datetime(2099, 1, 1)
    world.edit(MODULE, "OF-100", sale__price=8800)
    world.module.now_at = lambda: world.clock.at.replace(tzinfo=None)
    for price in (11900, 11800, 11700):
        world.clock.pause(3600)
        world.edit(MODULE, "OF-1", sale__price=price)
        assert world.quick().summary.kind is RunKind.DELTA
        assert world.dms.body("VO1")["prix_vente"] == f"{price},00"
    world.sync()
    world.edit(MODULE, "OF-1", sale__price=11600)
    world.quick()
    assert world.dms.body("VO1")["prix_vente"] == "11600,00"


def test_a_stamp_some_hours_ahead_is_healed_by_the_next_complete_run(world: World) -> None:
    world.module.now_at = lambda: world.clock.at.replace(tzinfo=None) + timedelta(hours=20)
    world.edit(MODULE, "OF-100", sale__price=8800)
    world.quick()
    world.module.now_at = lambda: world.clock.at.replace(tzinfo=None)
    world.edit(MODULE, "OF-1", sale__price=11900)
    assert world.sync().summary.missed == {MODULE: 1, DMS: 0}
    world.edit(MODULE, "OF-1", sale__price=11800)
    world.quick()
    assert world.dms.body("VO1")["prix_vente"] == "11800,00"


def test_hints_in_quick_succession_do_not_use_up_the_doubts_about_a_replica_that_lags(world: World) -> None:
    lagging = dict(world.dms.body("VO1"))
    world.clock.pause(3600)
    world.edit(MODULE, "OF-1", sale__vatRecoverable=True)
    world.quick()
    assert world.dms.body("VO1")["tva_recup"] == "O"
    world.dms._records["VO1"] = lagging
    for _ in range(5):
        world.clock.pause(5)
        world.cycle().run(kind=RunKind.HINTED, hints={DMS: {"VO1"}})
    assert world.module.body("OF-1")["sale"]["vatRecoverable"] is True


def test_a_side_whose_clock_was_set_back_is_believed_by_quick_runs_before_the_night_is_over(world: World) -> None:
    world.clock.pause(3600)
    world.edit(DMS, "VO1", frevo="500,00")
    world.quick()
    world.dms.now_at = lambda: world.clock.at.replace(tzinfo=None) - timedelta(minutes=40)
    world.edit(DMS, "VO1", frevo="600,00")
    world.sync()
    for _ in range(8):
        world.quick()
    assert world.module.body("OF-1")["costs"]["reconditioning"] == 600


def test_a_hint_with_the_wrong_point_of_sale_binds_nothing(world: World) -> None:
    """The police number holds within its own register only."""
    bare = {"vin": None, "registration": None, "policeNumber": "2026-00777", "dmsReference": None}
    world.module.put({**module_record("OF-50"), "identification": bare})
    world.dms.put(dms_record("VO50", site="S02", chassis="", immat="", no_police="2026-00777", ref_externe=""))
    world.sync()
    world.hinted(DMS, "VO50")
    assert world.module.body("OF-50")["identification"]["dmsReference"] is None
    assert world.dms.body("VO50")["ref_externe"] == ""


def test_a_file_that_was_moved_to_another_site_is_decided_where_its_car_is_at_home(world: World) -> None:
    [car], [file] = crowd(1, first=700)
    world.module.put({**car, "pointOfSale": "PDV2"})
    world.dms.put({**file, "site": "S02"})
    world.sync("PDV2")
    world.clock.pause(3600)
    world.edit(DMS, "VO1", site="S02", frevo="555,00")
    world.quick("PDV2")
    world.quick("PDV1")
    assert world.module.body("OF-1")["costs"]["reconditioning"] == 555


def test_a_release_lapses_with_the_next_run_that_comes_to_its_end(tmp_path: Path) -> None:
    module, dms = crowd(8)
    with a_world(tmp_path / "world.db", module, dms) as world:
        world.settled()

        def price_all(price: int) -> None:
            for number in range(100, 106):
                world.edit(MODULE, f"OF-{number}", sale__price=price + number)

        before = [world.module.body(f"OF-{number}")["sale"]["price"] for number in range(100, 106)]
        price_all(7000)
        halted = world.quick().summary.run_id
        assert halted is not None
        world.repository.release(halted)
        for number, price in zip(range(100, 106), before, strict=True):
            world.edit(MODULE, f"OF-{number}", sale__price=price)
        assert world.quick().summary.status == "done"
        price_all(7000)
        assert world.quick().summary.status == "halted"


def test_the_second_look_of_a_run_counts_no_absence(world: World) -> None:
    """The file vanishes between the listing and the write: that is one listing without it, not two."""
    world.edit(MODULE, "OF-1", sale__price=11900)

    def vanishes(call: str) -> None:
        if call == "read" and "VO1" in world.dms._records:
            world.dms.remove("VO1")

    world.dms.error_before = vanishes  # type: ignore[assignment]
    world.sync()
    world.dms.error_before = lambda _: None
    world.sync()
    assert not any("missing_in_dms" in row for row in world.rows()["conflict"])
    world.sync()
    assert any("missing_in_dms" in row for row in world.rows()["conflict"])


def test_a_file_that_was_opened_anew_is_not_held_against_the_one_that_is_gone(world: World) -> None:
    world.clock.pause(3600)
    body = dict(world.dms.body("VO1"))
    world.dms.remove("VO1")
    world.dms.put({**body, "dossier": "VO900"})
    world.quick()
    assert not any("duplicate" in row for row in world.rows()["conflict"])


def test_what_somebody_typed_at_the_moment_of_our_write_is_decided_by_the_next_quick_run(world: World) -> None:
    """A DMS takes no condition with a write: a car may be sold there between our look and our write."""
    world.edit(MODULE, "OF-105", sale__price=11900)
    once = iter([True])

    def somebody_sells(call: str) -> None:
        if call == "update" and next(once, False):
            world.edit(DMS, "VO105", no_bdc="BC105", date_bdc="20/11/2026")

    world.dms.error_before = somebody_sells  # type: ignore[assignment]
    assert world.quick().summary.writes[DMS] == 1
    assert not world.module.writes
    world.quick()
    assert [write.call for write in world.module.writes] == ["reserve"]
    assert world.quick().summary.writes == {}

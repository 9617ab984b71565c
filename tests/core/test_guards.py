"""The guards: what each refuses, that a refusal writes and remembers nothing, and that a release is for one plan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from stocksync.adapters.store.core import CONFLICT
from stocksync.errors import SystemUnavailable, UsageError
from stocksync.mapping.models import GuardsModel
from stocksync.stock.values import Side
from stocksync.sync.cycle import CycleResult
from stocksync.sync.guards import FieldGone, Listing, check_listings
from stocksync.sync.preview import preview
from tests.worlds import DMS, MODULE, RUNS_OWN, World, a_world, crowd, shipped_set


@pytest.fixture
def world(tmp_path: Path) -> Any:
    module, dms = crowd(40)
    with a_world(tmp_path / "world.db", module, dms) as made:
        yield made.settled()


def halted(world: World) -> CycleResult:
    """One cycle, which must halt, and leave no trace but its run."""
    before = world.rows(beside=(*RUNS_OWN, "mapping_version"))
    result = world.sync()
    assert result.summary.status == "halted", result.summary
    assert not world.module.writes
    assert not world.dms.writes
    assert world.rows(beside=(*RUNS_OWN, "mapping_version")) == before
    return result


def guards_of(result: CycleResult) -> list[str]:
    return [halt.guard for halt in result.halts]


def vanish(world: World, side: Side, count: int) -> dict[str, Any]:
    bodies = list(world.servers[side].bodies())[:count]
    key = "id" if side is MODULE else "dossier"
    for body in bodies:
        world.servers[side].remove(body[key])
    return {body[key]: body for body in bodies}


@pytest.mark.parametrize("side", [MODULE, DMS])
def test_a_side_that_suddenly_lists_nothing_halts_and_nothing_is_withdrawn(world: World, side: Side) -> None:
    gone = vanish(world, side, 40)
    assert guards_of(halted(world)) == ["empty_listing"]
    assert guards_of(halted(world)) == ["empty_listing"]
    for body in gone.values():
        world.servers[side].put(body)
    assert world.sync().summary.status == "done"
    assert not world.module.writes
    assert not world.dms.writes


@pytest.mark.parametrize("side", [MODULE, DMS])
def test_a_side_that_lists_under_half_halts(world: World, side: Side) -> None:
    vanish(world, side, 21)
    assert guards_of(halted(world)) == ["short_listing"]


def test_exactly_half_is_not_under_half(world: World) -> None:
    vanish(world, DMS, 20)
    assert world.sync().summary.status == "done"


def test_more_exits_and_reservations_than_five_cars_or_ten_percent_halt(world: World) -> None:
    for number in range(100, 106):
        world.edit(DMS, f"VO{number}", no_bdc=f"BC{number}", date_bdc="20/11/2026")
    assert guards_of(halted(world)) == ["mass_removal"]
    world.edit(DMS, "VO105", no_bdc="", date_bdc="")
    assert world.sync().summary.status == "done"


def test_overwriting_one_attribute_on_more_than_half_of_the_cars_halts(world: World) -> None:
    for number in range(100, 121):
        world.edit(DMS, f"VO{number}", prix_vente="1000,00")
    result = halted(world)
    assert guards_of(result) == ["mass_overwrite"]
    assert "sale_price" in result.halts[0].message


def test_fills_and_creations_are_not_counted_as_overwrites(tmp_path: Path) -> None:
    module, dms = crowd(40)
    for body in dms:
        body["repreneur"] = ""
    with a_world(tmp_path / "fills.db", module, dms) as world:
        result = world.sync()
        assert result.summary.status == "done"
        assert result.summary.writes[DMS] == 40


def test_more_than_five_percent_unreadable_keys_halt_but_unreadable_attributes_do_not(world: World) -> None:
    for number in range(100, 110):
        world.edit(DMS, f"VO{number}", prix_vente="12 O00")
    assert world.sync().summary.status == "done"
    for number in range(100, 103):
        world.edit(DMS, f"VO{number}", chassis="VF1RFB00X5678901O")
    assert guards_of(halted(world)) == ["unreadable_records"]


def test_a_halted_plan_is_released_once_and_only_that_plan(world: World) -> None:
    for number in range(100, 106):
        world.edit(DMS, f"VO{number}", no_bdc=f"BC{number}", date_bdc="20/11/2026")
    result = halted(world)
    assert result.summary.run_id is not None
    world.repository.release(result.summary.run_id)
    world.edit(DMS, "VO106", no_bdc="BC106", date_bdc="20/11/2026")
    second = halted(world)
    world.edit(DMS, "VO106", no_bdc="", date_bdc="")
    assert world.sync().summary.status == "done"
    assert len([write for write in world.module.writes if write.call == "reserve"]) == 6
    assert second.summary.run_id is not None
    with pytest.raises(UsageError, match="not halted"):
        world.repository.release(result.summary.run_id)


def test_a_release_is_for_what_refused_the_plan_and_for_nothing_else(world: World) -> None:
    """Both plans send nothing; that one side lists nothing at all was never asked."""
    for number in range(100, 103):
        world.edit(DMS, f"VO{number}", chassis="VF1RFB00X5678901O")
    result = halted(world)
    assert guards_of(result) == ["unreadable_records"]
    assert result.summary.run_id is not None
    world.repository.release(result.summary.run_id)
    gone = vanish(world, DMS, 40)
    assert guards_of(halted(world)) == ["empty_listing"]
    for body in gone.values():
        world.dms.put(body)
    assert world.sync().summary.status == "done"


def test_what_a_second_look_adds_beyond_a_guard_waits_for_a_person(world: World) -> None:
    """Five cars are to be reserved, as many as may be; a sixth is sold while its price is being written."""
    for number in range(100, 105):
        world.edit(DMS, f"VO{number}", no_bdc=f"BC{number}", date_bdc="20/11/2026")
    world.edit(MODULE, "OF-105", sale__price=11900)
    once = iter([True])

    def somebody_sells(call: str) -> None:
        if call == "read" and next(once, False):
            world.edit(DMS, "VO105", no_bdc="BC105", date_bdc="20/11/2026", prix_vente="11950,00")

    world.dms.error_before = somebody_sells
    result = world.sync()
    assert len([write for write in world.module.writes if write.call == "reserve"]) == 5
    assert result.summary.as_json()["identity"]["balanced"]
    world.quick()
    assert len([write for write in world.module.writes if write.call == "reserve"]) == 6


def test_a_halted_run_is_no_measure_for_the_next_one(world: World) -> None:
    """The listing of a halted run does not become the one to compare with."""
    vanish(world, DMS, 30)
    halted(world)
    assert guards_of(halted(world)) == ["short_listing"]


def test_a_listing_that_was_not_complete_is_no_guards_matter(world: World) -> None:
    world.dms.error_before = lambda call: SystemUnavailable("cut") if call == "pages" else None
    result = world.sync()
    assert (result.summary.status, result.halts) == ("incomplete", ())


def test_an_edit_of_the_mapping_that_changes_the_plan_halts_until_it_is_released(world: World) -> None:
    world.edit(DMS, "VO100", prix_vente="11000,00")
    edit = (
        "pairs/openflex-icar/ownership.yaml",
        "attribute: sale_price\n    owner: vehicle_module",
        "attribute: sale_price\n    owner: dms",
    )
    world.mappings = shipped_set((edit,))
    result = halted(world)
    assert guards_of(result) == ["mapping_changed"]
    assert result.summary.run_id is not None
    world.repository.release(result.summary.run_id)
    assert world.sync().summary.status == "done"
    assert world.module.body("OF-100")["sale"]["price"] == 11000


def test_an_edit_of_the_mapping_that_changes_nothing_now_does_not_halt(world: World) -> None:
    edit = (
        "pairs/openflex-icar/ownership.yaml",
        "attribute: sale_price\n    owner: vehicle_module",
        "attribute: sale_price\n    owner: dms",
    )
    world.mappings = shipped_set((edit,))
    assert world.sync().summary.status == "done"


def test_two_empty_sides_of_a_new_point_of_sale_are_nothing_to_worry_about() -> None:
    nothing = {MODULE: Listing(0), DMS: Listing(0)}
    assert check_listings(nothing, None, GuardsModel()) == []


def test_a_side_that_is_empty_at_first_contact_while_the_other_is_not_halts() -> None:
    halts = check_listings({MODULE: Listing(40), DMS: Listing(0)}, None, GuardsModel())
    assert [halt.guard for halt in halts] == ["empty_listing"]


@pytest.mark.parametrize("at_first_contact", [True, False])
@pytest.mark.parametrize("side", [MODULE, DMS])
def test_of_a_side_that_lists_nothing_no_record_is_asked_for_by_its_id(
    tmp_path: Path, side: Side, at_first_contact: bool
) -> None:
    """Whether thousands are gone is one question to a person, not a request for each."""
    with a_world(tmp_path / "world.db", *crowd(6)) as empty:
        if not at_first_contact:
            empty.settled()
        vanish(empty, side, 6 + 1)
        calls: list[str] = []
        empty.servers[side].error_before = calls.append
        assert guards_of(replace(empty.cycle(), thorough=True).run()) == ["empty_listing"]
        assert "read" not in calls
        assert calls


# A field that is not there any more


def drop(world: World, field: str) -> None:
    """The vendor of the DMS renames a field, on every file, and stamps none of them anew."""
    for body in world.dms.bodies():
        world.dms.put({("neu_" + key if key == field else key): value for key, value in body.items()})


@pytest.mark.parametrize("thorough", [True, False])
@pytest.mark.parametrize("field", ["no_bdc", "no_facture", "statut"])
def test_a_field_that_tells_of_a_sale_and_is_not_there_any_more_halts_until_it_is_again(
    world: World, field: str, thorough: bool
) -> None:
    """With the number of the order, a sale in the DMS would go unnoticed, and the car could be sold a second time."""
    drop(world, field)
    world.clock.pause(300)
    result = replace(world.cycle(), thorough=thorough).run()
    assert guards_of(result) == ["field_gone"]
    assert field in result.halts[0].message
    assert guards_of(halted(world)) == ["field_gone"]
    for body in world.dms.bodies():
        world.dms.put({key.removeprefix("neu_"): value for key, value in body.items()})
    assert world.sync().summary.status == "done"


def reported(world: World) -> list[tuple[str, str, bool]]:
    """Of the open rows of the report: about what, why, and whether a person has seen it."""
    with world.repository.engine.connect() as connection:
        columns = (CONFLICT.c.subject, CONFLICT.c.reason, CONFLICT.c.ignored_by)
        rows = connection.execute(select(*columns).where(CONFLICT.c.closed_at.is_(None))).all()
    return [(row.subject, row.reason, row.ignored_by is not None) for row in rows]


@pytest.mark.parametrize("thorough", [True, False])
def test_another_field_that_is_not_there_any_more_is_reported_until_a_person_has_seen_it(
    world: World, thorough: bool
) -> None:
    drop(world, "km")
    for _ in range(2):
        world.clock.pause(300)
        result = replace(world.cycle(), thorough=thorough).run()
        assert (result.summary.status, reported(world)) == ("done", [("mileage", "field_gone", False)])
    assert not world.module.writes
    assert not world.dms.writes


def test_a_first_contact_tells_that_nothing_would_tell_of_a_sale(tmp_path: Path) -> None:
    """Nothing was there before that could be missed: a misspelt name passes for a stock of which nothing was sold."""
    module, dms = crowd(40)
    edits = (("pairs/openflex-icar/dms.yaml", "field: no_bdc,", "field: no_bcd,"),)
    with a_world(tmp_path / "world.db", module, dms, edits) as made:
        assert made.sync().summary.status == "done"
        assert reported(made) == [("dms_order", "field_gone", False)]


@pytest.mark.parametrize("thorough", [True, False])
def test_what_is_reported_of_a_field_stays_so_while_nobody_says_anything_of_it(tmp_path: Path, thorough: bool) -> None:
    module, dms = crowd(40)
    dms[3]["km"] = "many"
    with a_world(tmp_path / "world.db", module, dms) as made:
        made.settled()
        assert reported(made) == [("mileage", "invalid_value", False)]
        drop(made, "km")
        made.clock.pause(300)
        replace(made.cycle(), thorough=thorough).run()
        assert sorted(reported(made)) == [("mileage", "field_gone", False), ("mileage", "invalid_value", False)]


def test_a_quick_run_asks_records_that_did_not_change_whether_they_lost_a_field_too(world: World) -> None:
    world.quick()
    drop(world, "no_bdc")
    world.edit(DMS, "VO100", frevo="1,00")
    assert guards_of(world.quick()) == ["field_gone"]


@pytest.mark.parametrize("quick", [True, False])
def test_a_field_that_a_single_record_leaves_out_stops_nothing(world: World, quick: bool) -> None:
    world.quick()
    body = dict(world.dms.body("VO100"))
    del body["no_bdc"]
    world.dms.put(body)
    world.edit(DMS, "VO100", frevo="1,00")
    result = world.quick() if quick else world.sync()
    assert (result.summary.status, result.halts) == ("done", ())


def test_a_side_that_leaves_out_what_is_blank_may_cancel_its_only_order(tmp_path: Path) -> None:
    """Nobody can tell a cancelled order from a field that is gone there, as long as it is about a car or two."""
    module, dms = crowd(20)
    spare = [{key: value for key, value in body.items() if value not in ("", None)} for body in dms]
    spare[3] |= {"no_bdc": "B3", "date_bdc": "10/11/2026"}
    with a_world(tmp_path / "world.db", module, spare) as made:
        made.settled()
        made.dms.put({key: value for key, value in spare[3].items() if not key.endswith("_bdc")})
        result = made.sync()
        assert (result.summary.status, result.halts) == ("done", ())


def test_an_edit_that_looks_for_a_field_where_no_record_has_it_halts_until_it_is_accepted(world: World) -> None:
    world.mappings = shipped_set((("pairs/openflex-icar/dms.yaml", "field: no_bdc,", "field: no_bcd,"),))
    result = halted(world)
    assert guards_of(result) == ["field_unread"]
    assert "dms_order is now looked for in no_bcd" in result.halts[0].message
    version = world.mappings.points_of_sale["PDV1"].version
    world.repository.accept_mapping({"PDV1": version}, "somebody", {}, world.clock.now_at())
    assert world.sync().summary.status == "done"


def test_a_preview_names_what_is_read_nowhere_any_more(world: World) -> None:
    edited = shipped_set((("pairs/openflex-icar/dms.yaml", "field: no_bdc,", "field: no_bcd,"),))
    before, after = (mappings.points_of_sale["PDV1"] for mappings in (world.mappings, edited))
    unread = preview(before, after, world.repository, world.clock).unread
    assert unread == (FieldGone(DMS, "dms_order", "no_bcd", 40),)
    assert preview(after, before, world.repository, world.clock).unread == ()

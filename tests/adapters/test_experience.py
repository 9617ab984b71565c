"""What the database knows of how both systems behave, after whole cycles of both in memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from stocksync.adapters.store.engine import WRITE
from stocksync.adapters.store.erasing import erase_person
from stocksync.adapters.store.experience import HeldRecord, Tally, held_records, reported_values, tallies
from stocksync.adapters.store.rows import add_journal
from stocksync.adapters.systems.memory import Fate
from stocksync.sync.recording import JournalLine
from tests.worlds import DMS, MODULE, STARTED_AT, World, a_world, crowd, dms_record, module_record

PAIR = "openflex-icar"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with a_world(tmp_path / "memory.db") as made:
        yield made.settled()


def counted(world: World, attribute: str, points: tuple[str, ...] = ("PDV1",)) -> dict[Any, Tally]:
    found = tallies(world.repository.engine, points, STARTED_AT)
    return {side: found.get((attribute, side), Tally()) for side in (MODULE, DMS)}


def figures(tally: Tally) -> tuple[int, int, int, int, int, int]:
    return tally.changed, tally.put_back, tally.kept, tally.refused, tally.ignored, tally.undone


NOTHING = (0, 0, 0, 0, 0, 0)


def test_a_change_of_the_owner_is_a_change_there_and_a_write_kept_here(world: World) -> None:
    world.edit(MODULE, "OF-1", sale__price=11900)
    world.sync()
    sides = counted(world, "sale_price")
    assert figures(sides[MODULE]) == (1, 0, 0, 0, 0, 0)
    assert figures(sides[DMS]) == (0, 0, 1, 0, 0, 0)


def test_a_change_that_nobody_may_make_is_counted_with_its_being_put_back(world: World) -> None:
    for price in ("11 000,00", "10 000,00"):
        world.edit(DMS, "VO1", prix_vente=price)
        world.sync()
        world.sync()
    sides = counted(world, "sale_price")
    # The second time the value was written that the DMS had kept before: somebody undid it.
    assert figures(sides[DMS]) == (2, 2, 2, 0, 0, 1)
    assert figures(sides[MODULE]) == NOTHING


@pytest.fixture
def reporting(tmp_path: Path) -> Iterator[World]:
    """A world that only reports a sale price that the DMS changed."""
    ownership = f"pairs/{PAIR}/ownership.yaml"
    edits = (
        (
            ownership,
            "sale_price\n    owner: vehicle_module",
            "sale_price\n    owner: vehicle_module\n    on_drift: report",
        ),
    )
    with a_world(tmp_path / "memory.db", edits=edits) as made:
        yield made.settled()


def test_a_change_that_is_only_reported_is_counted_once_however_many_runs_see_it(reporting: World) -> None:
    reporting.edit(DMS, "VO1", prix_vente="11 000,00")
    for _ in range(3):
        reporting.sync()
    assert figures(counted(reporting, "sale_price")[DMS]) == (1, 0, 0, 0, 0, 0)
    reporting.edit(DMS, "VO1", prix_vente="10 500,00")
    reporting.sync()
    assert figures(counted(reporting, "sale_price")[DMS]) == (2, 0, 0, 0, 0, 0)
    for price in ("12 500,00", "10 500,00"):
        reporting.edit(DMS, "VO1", prix_vente=price)
        reporting.sync()
    assert figures(counted(reporting, "sale_price")[DMS]) == (3, 0, 0, 0, 0, 0)


def told(world: World, *lines: tuple[str, dict[str, Any]], run: int = 1) -> None:
    """Add lines to the journal as a run might have left them of a car."""
    with world.repository.engine.execution_options(**{WRITE: True}).begin() as connection:
        add_journal(connection, run, STARTED_AT, [JournalLine("c1", action, details) for action, details in lines])


def a_report(subject: str, reason: str, **details: str) -> dict[str, Any]:
    values = {"vehicle_module_value": "2", "dms_value": "1", "base_value": "2"}
    return {"subject": subject, "reason": reason, "category": "held", **values, "details": details}


def test_a_report_row_whose_values_stayed_tells_of_no_other_change(world: World) -> None:
    first = a_report("sale_price", "refused_change", refused="dms", row="4")
    told(world, ("reported", first))
    world.sync()
    told(world, ("report_changed", first | {"details": {"refused": "dms", "row": "5"}}), run=2)
    again = tallies(world.repository.engine, ["PDV1"], STARTED_AT)
    assert again["sale_price", DMS].changed == 1


def test_a_refusal_that_still_stands_is_not_taken_for_the_refusal_of_another_attribute(world: World) -> None:
    told(
        world,
        ("report_changed", a_report("sale_price", "write_rejected", message="prix bloqué")),
        ("decided", {"decided": {"mileage": {"category": "written", "row": 3, "write": ["dms", "2"]}}}),
        ("reported", a_report("mileage", "write_rejected", message="km bloqué")),
        ("not_written", {"side": "dms", "action": "update", "why": "km bloqué"}),
    )
    found = tallies(world.repository.engine, ["PDV1"], STARTED_AT)
    assert found["mileage", DMS].message == ("km bloqué", 1)
    assert ("sale_price", DMS) not in found


def test_two_different_changes_of_a_shared_attribute_are_one_on_each_side(world: World) -> None:
    world.edit(MODULE, "OF-1", characteristics__mileage=85000)
    world.edit(DMS, "VO1", km="85 200")
    world.sync()
    sides = counted(world, "mileage")
    # The higher one wins: the other change was undone.
    assert figures(sides[MODULE]) == (1, 1, 1, 0, 0, 0)
    assert figures(sides[DMS]) == (1, 0, 0, 0, 0, 0)


def test_a_write_that_a_side_answers_and_does_not_keep_is_ignored(world: World) -> None:
    world.dms.fate_of = lambda _: Fate.IGNORED
    world.edit(MODULE, "OF-1", sale__price=11900)
    world.sync()
    assert figures(counted(world, "sale_price")[DMS]) == (0, 0, 0, 0, 1, 0)


def test_refusals_are_counted_one_by_one_with_their_most_frequent_words(tmp_path: Path) -> None:
    with a_world(tmp_path / "memory.db", *crowd(4)) as world:
        world.settled()
        said = iter(
            ["prix bloqué (dossier 17)", "prix bloqué (dossier 18)", "période close", "prix bloqué (dossier 9)"]
        )
        world.dms.refused = lambda body: {"prix_vente": next(said)} if "prix_vente" in body else {}
        for number in range(100, 104):
            world.edit(MODULE, f"OF-{number}", sale__price=11900 + number)
        world.sync()
        world.sync()
        (dms,) = [tally for side, tally in counted(world, "sale_price").items() if side is DMS]
        assert figures(dms) == (0, 0, 0, 4, 0, 0)
        assert dms.message is not None
        assert (dms.message[0].startswith("prix bloqué (dossier "), dms.message[1]) == (True, 3)


def test_what_goes_through_beside_a_refused_attribute_is_kept(world: World) -> None:
    world.dms.refused = lambda body: {"prix_vente": "prix bloqué"} if "prix_vente" in body else {}
    world.edit(MODULE, "OF-1", sale__price=11900, characteristics__exteriorColour="Bleu")
    world.sync()
    assert figures(counted(world, "sale_price")[DMS]) == (0, 0, 0, 1, 0, 0)
    assert figures(counted(world, "exterior_colour")[DMS]) == (0, 0, 1, 0, 0, 0)


def test_a_refusal_that_is_tried_again_counts_again_and_one_that_only_stands_does_not(world: World) -> None:
    world.dms.refused = lambda body: {"prix_vente": "prix bloqué"} if "prix_vente" in body else {}
    world.edit(MODULE, "OF-1", sale__price=11900)
    for _ in range(3):
        world.sync()
    assert counted(world, "sale_price")[DMS].refused == 1
    world.edit(MODULE, "OF-1", sale__price=11800)
    world.sync()
    assert counted(world, "sale_price")[DMS].refused == 2
    # The record moves, so that the same write is tried again: nobody changed the price for that.
    world.edit(MODULE, "OF-1", characteristics__version="Zen")
    world.sync()
    world.sync()
    sides = counted(world, "sale_price")
    assert (sides[DMS].refused, sides[MODULE].changed) == (3, 2)


def test_the_same_wrong_value_typed_again_after_it_was_put_back_is_another_change(world: World) -> None:
    for _ in range(2):
        world.edit(DMS, "VO1", prix_vente="11 000,00")
        world.sync()
    assert counted(world, "sale_price")[DMS].changed == 2


def test_a_step_of_the_life_that_the_dms_brings_is_its_change(tmp_path: Path) -> None:
    with a_world(
        tmp_path / "memory.db", [module_record(status="PRE_RENTREE", identification__policeNumber=None)]
    ) as world:
        world.sync()
        sides = counted(world, "stage")
        assert (sides[DMS].changed, sides[MODULE].kept) == (1, 1)
        assert counted(world, "police_number")[MODULE].kept == 1


def test_only_the_points_of_sale_and_the_days_that_are_asked_for_count(world: World) -> None:
    world.edit(MODULE, "OF-1", sale__price=11900)
    world.sync()
    assert counted(world, "sale_price", points=("PDV2",))[DMS] == Tally()
    later = world.clock.now_at() + timedelta(seconds=1)
    assert tallies(world.repository.engine, ["PDV1"], later) == {}


def test_a_row_of_the_journal_whose_details_were_erased_is_passed_over(world: World) -> None:
    world.edit(MODULE, "OF-1", purchase__tradeInBuyer="Jeanne Durand", sale__price=11900)
    world.sync()
    assert counted(world, "trade_in_buyer")[DMS].kept == 1
    world.edit(MODULE, "OF-1", purchase__tradeInBuyer="autre")
    world.sync()
    erase_person(world.repository.engine, "Jeanne Durand", "a test", world.clock.now_at())
    assert counted(world, "trade_in_buyer")[DMS].kept <= 1


# --- what records hold


def test_every_record_that_is_there_comes_with_what_the_other_side_says(world: World) -> None:
    found = {record.side: record for record in held_records(world.repository.engine, PAIR, ["PDV1"])}
    assert (found[MODULE].record_id, found[DMS].record_id) == ("OF-1", "VO1")
    other = found[DMS].other()
    assert other is not None
    assert (found[DMS].body["couleur"], other["characteristics"]["exteriorColour"]) == ("GRIS", "Gris")


def test_records_of_other_points_of_sale_gone_ones_and_cars_that_left_are_left_out(tmp_path: Path) -> None:
    module = [module_record(), module_record("OF-2", identification__vin="VF1RFB00X56789999", status="SORTIE")]
    module[1]["identification"] |= {"dmsReference": "VO2", "registration": "ZZ-123-ZZ", "policeNumber": "2026-00013"}
    left = {"chassis": "VF1RFB00X56789999", "statut": "Facturé", "immat": "ZZ-123-ZZ", "no_police": "2026-00013"}
    invoice = {"no_facture": "F1", "date_facture": "19/11/2026", "prix_facture": "12000,00"}
    with a_world(
        tmp_path / "memory.db", module, [dms_record(), dms_record("VO2", ref_externe="OF-2", **left, **invoice)]
    ) as world:
        world.sync()
        assert ids(held_records(world.repository.engine, PAIR, ["PDV1"])) == ["OF-1", "VO1"]
        assert ids(held_records(world.repository.engine, PAIR, ["PDV2"])) == []
        world.dms.remove("VO1")
        world.sync()
        assert ids(held_records(world.repository.engine, PAIR, ["PDV1"])) == ["OF-1"]


def ids(records: Iterator[HeldRecord]) -> list[str]:
    return [record.record_id for record in records]


def test_an_open_report_row_tells_of_a_record_that_is_held_no_more_and_only_then(tmp_path: Path) -> None:
    with a_world(tmp_path / "memory.db", *crowd(4)) as world:
        world.settled()
        world.edit(DMS, "VO100", couleur="ANTHRACITE")
        world.sync()
        assert list(reported_values(world.repository.engine, PAIR, ["PDV1"])) == []
        world.dms.remove("VO100")
        world.sync()
        (told,) = reported_values(world.repository.engine, PAIR, ["PDV1"])
        assert (told.side, told.attribute, told.raw, told.record_id) == (DMS, "exterior_colour", "ANTHRACITE", "VO100")

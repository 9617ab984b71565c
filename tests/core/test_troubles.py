"""Troubles that come together: refusals that outlive a cycle, people who edit meanwhile, answers that get lost."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from stocksync.adapters.store.core import CONFLICT, JOURNAL, MAPPING
from stocksync.adapters.systems.memory import Fate
from tests.core.test_binding import NO_REFERENCES, bound_pairs, dms_file, module_car, reasons, written_ids
from tests.core.test_points_of_sale import two_points_of_sale
from tests.worlds import DMS, MODULE, RUNS_OWN, World, a_world, crowd, dms_record, module_record, shipped_set

ORDER = {"no_bdc": "BC1", "date_bdc": "20/11/2026"}
SOLD = {"statut": "Facturé", "no_facture": "FA1", "date_facture": "20/11/2026", "prix_facture": "12300,00"}
PRE_ENTRY = {"status": "PRE_RENTREE", "identification__policeNumber": None}
LIMITED = {"kind": "LIMITED", "until": "2026-12-01T00:00:00Z", "blocksSale": True, "blocksPublication": False}


def one_of_many(tmp_path: Path, module: dict[str, Any] | None, dms: dict[str, Any] | None) -> Any:
    others = crowd(30)
    return a_world(
        tmp_path / "world.db",
        [*([module] if module else []), *others[0]],
        [*([dms] if dms else []), *others[1]],
    )


def open_ids(world: World) -> dict[str, int]:
    with world.repository.engine.connect() as connection:
        rows = connection.execute(select(CONFLICT).where(CONFLICT.c.closed_at.is_(None)))
        return {f"{row.subject} {row.reason}": row.id for row in rows}


def journal(world: World) -> list[tuple[str, str]]:
    with world.repository.engine.connect() as connection:
        return [(row.action, row.details) for row in connection.execute(select(JOURNAL).order_by(JOURNAL.c.id))]


# refusals


def test_a_refused_creation_stops_nobody_and_is_tried_again_once_its_data_changed(tmp_path: Path) -> None:
    with one_of_many(tmp_path, module_car(**PRE_ENTRY), None) as world:
        world.dms.refused = lambda body: {"chassis": "unknown prefix"} if "ref_externe" in body else {}
        world.sync()
        world.forget_writes()
        for _ in range(2):
            assert world.sync().summary.status == "done"
        assert not world.dms.writes
        assert reasons(world) == ["write_rejected"]
        world.dms.refused = lambda _: {}
        world.edit(MODULE, "OF-1", characteristics__mileage=84600)
        world.sync()
        assert "OF-1" in {module for module, _ in bound_pairs(world)}
        assert reasons(world) == []


def test_a_refused_reservation_is_tried_again_every_cycle_and_stays_one_row(tmp_path: Path) -> None:
    with one_of_many(tmp_path, module_record(), dms_record()) as world:
        world.settled()
        world.edit(DMS, "VO1", **ORDER)
        world.module.refused = lambda body: {"reservation": "locked"} if "reservation" in body else {}
        world.sync()
        rows = open_ids(world)
        told = len(journal(world))
        world.sync()
        assert open_ids(world) == rows
        assert {name for name in rows if "write_rejected" in name} == {"reserved write_rejected"}
        assert len(journal(world)) <= told + 2, "the decision and the refusal, nothing of the report"
        world.module.refused = lambda _: {}
        world.sync()
        assert world.module.body("OF-1")["reservation"]["kind"] == "UNLIMITED"
        world.sync()
        assert reasons(world) == ["sold_outside_opportunites"]


def test_a_refused_stage_is_tried_again_once_the_car_moved(tmp_path: Path) -> None:
    module, dms = module_record(status="LIVRAISON", order={"id": "OP-1", "date": "2026-11-01"}), dms_record()
    with one_of_many(tmp_path, module, dms) as world:
        world.settled()
        world.edit(DMS, "VO1", **SOLD)
        world.module.refused = lambda body: {"status": "the delivery note is missing"} if "status" in body else {}
        world.sync()
        world.forget_writes()
        world.sync()
        assert not world.module.writes
        world.module.refused = lambda _: {}
        world.edit(MODULE, "OF-1", characteristics__mileage=84600)
        world.sync()
        assert world.module.body("OF-1")["status"] == "SORTIE"


@pytest.mark.parametrize("fate", ["refused", "ignored"])
def test_a_stage_never_goes_before_the_police_number(tmp_path: Path, fate: str) -> None:
    with one_of_many(tmp_path, module_record(**PRE_ENTRY), dms_record(statut="Pré-rentrée", no_police="")) as world:
        world.settled()
        world.edit(DMS, "VO1", statut="Stock", no_police="2026-00500", frevo="777,00")

        def without_number(body: Mapping[str, Any]) -> Mapping[str, Any]:
            kept = {key: value for key, value in body.get("identification", {}).items() if key != "policeNumber"}
            return {**body, "identification": kept}

        if fate == "ignored":
            world.module.stored_as = without_number
        else:
            world.module.refused = lambda body: (
                {"identification.policeNumber": "no"} if "policeNumber" in body.get("identification", {}) else {}
            )
        world.sync()
        assert world.module.body("OF-1")["status"] == "PRE_RENTREE"
        assert float(world.module.body("OF-1")["costs"]["reconditioning"]) == 777


def test_a_second_step_never_follows_a_first_one_that_did_not_stick(tmp_path: Path) -> None:
    with one_of_many(tmp_path, module_record(**PRE_ENTRY), dms_record(statut="Pré-rentrée", no_police="")) as world:
        world.settled()
        world.edit(DMS, "VO1", **SOLD, no_police="2026-00500")
        world.module.stored_as = lambda body: {k: v for k, v in body.items() if k != "status"}
        world.sync()
        assert [write.body["status"] for write in world.module.writes if "status" in write.body] == ["ENTREE_PHYSIQUE"]


# people who edit meanwhile


def test_what_a_person_enters_during_a_reservation_is_not_overwritten(tmp_path: Path) -> None:
    with one_of_many(tmp_path, module_record(), dms_record()) as world:
        world.settled()
        world.edit(DMS, "VO1", **ORDER, km="85 000")
        once = iter([True])

        def meanwhile(call: str) -> None:
            if call == "reserve" and next(once, False):
                world.edit(MODULE, "OF-1", characteristics__mileage=86000)

        world.module.error_before = meanwhile
        world.sync()
        assert world.module.body("OF-1")["characteristics"]["mileage"] == 86000
        assert world.dms.body("VO1")["km"] == "86000"


def test_the_second_look_at_a_stale_car_still_sees_all_the_others(tmp_path: Path) -> None:
    module = [module_record("OF-1", **PRE_ENTRY), module_record("OF-2", **PRE_ENTRY, **_other(2))]
    dms = [
        dms_record("VO1", no_police="2026-00700"),
        dms_record("VO2", ref_externe="OF-2", chassis=_vin(2), immat="ZZ-222-ZZ", no_police="2026-00700"),
    ]
    others = crowd(30)
    with a_world(tmp_path / "world.db", [*module, *others[0]], [*dms, *others[1]]) as world:
        world.edit(MODULE, "OF-1", characteristics__mileage=84700)
        once = iter([True])

        def meanwhile(call: str) -> None:
            if call == "read" and next(once, False):
                world.edit(DMS, "VO1", km="84 600")

        world.dms.error_before = meanwhile
        world.sync()
        assert world.module.body("OF-1")["identification"]["policeNumber"] is None
        assert reasons(world).count("police_number_duplicate") == 2


def _vin(number: int) -> str:
    return f"VF1RFB00X5678{number:04d}"


def _other(number: int) -> dict[str, Any]:
    return {
        "identification__vin": _vin(number),
        "identification__registration": f"ZZ-{number}{number}{number}-ZZ",
        "identification__dmsReference": f"VO{number}",
    }


# answers that get lost


def test_a_lost_answer_to_a_reservation_is_remembered_when_the_order_is_cancelled(tmp_path: Path) -> None:
    with one_of_many(tmp_path, module_record(reservation=LIMITED), dms_record()) as world:
        world.settled()
        world.edit(DMS, "VO1", **ORDER)
        world.no_answers(MODULE, Fate.ANSWER_LOST)
        world.sync()
        world.answers_again()
        world.sync()
        assert any("LIMITED" in details for _, details in journal(world)), "the former reservation is in the journal"
        world.edit(DMS, "VO1", no_bdc="", date_bdc="")
        world.sync()
        assert reasons(world) == ["order_cancelled_reservation_stays"]


def test_our_own_write_is_not_news_even_when_its_record_was_out_of_sight_meanwhile(tmp_path: Path) -> None:
    with one_of_many(tmp_path, module_record(), dms_record()) as world:
        world.settled()
        world.edit(MODULE, "OF-1", sale__price=11900)
        world.no_answers(DMS, Fate.ANSWER_LOST)
        world.sync()
        world.answers_again()
        file = world.dms.body("VO1")
        world.dms.remove("VO1")
        world.sync()
        world.dms.put(file)
        world.edit(MODULE, "OF-1", sale__price=11500)
        result = world.sync()
        assert result.summary.as_json()["refused"] == 0
        assert world.dms.body("VO1")["prix_vente"] == "11500,00"


# what is not said is not denied


@pytest.mark.parametrize("change", [{"statut": "Commandé"}, {}])
def test_a_car_sold_in_the_dms_is_reserved_even_where_a_stage_cannot_be_read(
    tmp_path: Path, change: dict[str, str]
) -> None:
    with one_of_many(tmp_path, module_record(), dms_record()) as world:
        world.settled()
        world.edit(DMS, "VO1", **ORDER, **change)
        if not change:
            world.edit(MODULE, "OF-1", status="EN_TRANSIT")
        world.sync()
        assert world.module.body("OF-1")["reservation"]["kind"] == "UNLIMITED"


def test_an_unreadable_destination_or_type_is_not_replaced_by_the_other_sides(tmp_path: Path) -> None:
    with one_of_many(tmp_path, module_record(), dms_record()) as world:
        world.settled()
        world.edit(MODULE, "OF-1", destination="EXPORT", type="??")
        world.edit(DMS, "VO1", destination="C", type="VD", **ORDER)
        world.sync()
        assert world.module.body("OF-1")["reservation"]["kind"] == "UNLIMITED"
        assert reasons(world) == ["invalid_value", "invalid_value", "sold_outside_opportunites"]


def test_an_order_that_is_out_of_sight_is_not_a_cancelled_one(tmp_path: Path) -> None:
    with one_of_many(tmp_path, module_record(), dms_record()) as world:
        world.settled()
        world.edit(DMS, "VO1", **ORDER)
        world.sync()
        before = open_ids(world)
        file = dict(world.dms.body("VO1"))
        world.dms.remove("VO1")
        world.sync()
        assert open_ids(world) == before
        world.dms.put({key: value for key, value in file.items() if key not in ("no_bdc", "no_facture")})
        world.sync()
        assert open_ids(world) == before


def test_a_reservation_that_somebody_else_sets_later_is_not_taken_for_ours(tmp_path: Path) -> None:
    with one_of_many(tmp_path, module_record(), dms_record()) as world:
        world.settled()
        world.edit(DMS, "VO1", **ORDER)
        world.sync()
        ours = world.module.body("OF-1")["reservation"]
        world.edit(DMS, "VO1", no_bdc="", date_bdc="")
        world.edit(MODULE, "OF-1", reservation=None)
        world.sync()
        world.edit(MODULE, "OF-1", reservation={**ours, "by": "user:7"})
        world.sync()
        assert reasons(world) == []


@pytest.mark.parametrize("away", ["file", "field", "twin"])
def test_a_conflict_that_is_out_of_sight_once_keeps_its_row(tmp_path: Path, away: str) -> None:
    with one_of_many(tmp_path, module_record(), dms_record()) as world:
        world.settled()
        world.edit(DMS, "VO1", no_police="2026-00999")
        world.sync()
        before = {name: row for name, row in open_ids(world).items() if "police_number_changed" in name}
        file = dict(world.dms.body("VO1"))
        if away == "file":
            world.dms.remove("VO1")
        elif away == "field":
            world.dms.remove("VO1")
            world.dms.put({key: value for key, value in file.items() if key != "no_police"})
        else:
            world.dms.put(dms_file("VO9", no_police="", immat=""))
        world.sync()
        if away == "twin":
            world.dms.remove("VO9")
        else:
            world.dms.put(file)
        world.sync()
        after = {name: row for name, row in open_ids(world).items() if "police_number_changed" in name}
        assert len(before) == 1
        assert after == before


def test_a_conflict_goes_with_its_car_to_another_point_of_sale(tmp_path: Path) -> None:
    with two_points_of_sale(tmp_path) as world:
        world.settled("PDV1").settled("PDV2")
        world.edit(DMS, "VO1", no_police="2026-00999")
        world.sync("PDV1")
        before = open_ids(world)
        world.edit(MODULE, "OF-1", pointOfSale="PDV2")
        for _ in range(2):
            world.sync("PDV1")
            world.sync("PDV2")
        assert open_ids(world) == before


# several points of sale


def test_a_file_entered_at_the_wrong_site_and_reported_there_joins_its_car(tmp_path: Path) -> None:
    with two_points_of_sale(tmp_path) as world:
        world.settled("PDV1").settled("PDV2")
        world.dms.put(dms_file("VO9", chassis=_vin(9), immat="", no_police=""))
        world.sync("PDV1")
        assert reasons(world) == ["unknown_in_vehicle_module"]
        car = module_record(
            "OF-9", pointOfSale="PDV2", **(_other(9) | NO_REFERENCES), identification__policeNumber=None
        )
        world.module.put(car)
        assert world.sync("PDV2").summary.status == "done"
        world.sync("PDV1")
        assert ("OF-9", "VO9") in bound_pairs(world, "PDV2")
        assert reasons(world) == []


def test_two_halves_of_a_car_become_one_when_a_person_completes_the_reference(tmp_path: Path) -> None:
    bare = {"identification__vin": None, "identification__registration": None, "identification__policeNumber": None}
    file = dms_file(chassis=_vin(9), immat="", no_police="2026-00500")
    with one_of_many(tmp_path, module_car(**bare), file) as world:
        for _ in range(2):
            world.sync()
        assert reasons(world) == ["missing_in_dms", "unknown_in_vehicle_module"]
        world.edit(MODULE, "OF-1", identification__dmsReference="VO1")
        world.sync()
        assert ("OF-1", "VO1") in bound_pairs(world)
        assert reasons(world) == []
        assert any(action == "merged" for action, _ in journal(world))


def test_what_another_point_of_sale_held_once_is_looked_at_afresh(tmp_path: Path) -> None:
    """A file whose chassis was corrected since its point of sale was read is another car's."""
    with two_points_of_sale(tmp_path) as world:
        world.dms.put(dms_file("VO9", chassis=_vin(9), immat="", no_police=""))
        world.settled("PDV1").settled("PDV2")
        world.edit(DMS, "VO9", chassis=_vin(8))
        world.module.put(module_record("OF-9", pointOfSale="PDV2", **(_other(9) | NO_REFERENCES | PRE_ENTRY)))
        world.sync("PDV2")
        assert "VO9" not in {dms for _, dms in bound_pairs(world, "PDV2")}
        assert world.dms.body("VO9")["chassis"] == _vin(8)


def test_a_record_that_is_gone_elsewhere_makes_no_duplicate(tmp_path: Path) -> None:
    with two_points_of_sale(tmp_path) as world:
        world.module.put(module_record("OF-8", pointOfSale="PDV2", **(_other(9) | NO_REFERENCES | PRE_ENTRY)))
        world.settled("PDV1").settled("PDV2")
        world.module.remove("OF-8")
        world.module.put(module_record("OF-9", **(_other(9) | NO_REFERENCES | PRE_ENTRY)))
        world.sync("PDV1")
        assert "duplicate" not in reasons(world)


def test_two_files_elsewhere_are_two_candidates_and_no_third_is_created(tmp_path: Path) -> None:
    with two_points_of_sale(tmp_path) as world:
        for record_id in ("VO8", "VO9"):
            world.dms.put(dms_file(record_id, chassis=_vin(9), immat="", no_police=""))
        world.settled("PDV1").settled("PDV2")
        world.module.put(module_record("OF-9", pointOfSale="PDV2", **(_other(9) | NO_REFERENCES | PRE_ENTRY)))
        result = world.sync("PDV2")
        assert result.summary.creations == 0
        assert "ambiguous_match" in reasons(world)


@pytest.mark.parametrize("order", [("PDV1", "PDV2"), ("PDV2", "PDV1")])
def test_a_reference_from_another_site_is_enough_to_create_nothing(tmp_path: Path, order: tuple[str, str]) -> None:
    with two_points_of_sale(tmp_path) as world:
        world.settled("PDV1").settled("PDV2")
        world.dms.put(dms_file("VO9", ref_externe="OF-9", chassis="", immat="", no_police=""))
        world.sync("PDV1")
        world.module.put(module_record("OF-9", pointOfSale="PDV2", **(_other(9) | NO_REFERENCES | PRE_ENTRY)))
        for point_of_sale in order:
            world.sync(point_of_sale)
        assert [body.get("ref_externe") for body in world.dms.bodies()].count("OF-9") == 1
        assert ("OF-9", "VO9") in bound_pairs(world, "PDV2")


# one car after another


def test_a_car_bought_back_before_we_came_is_not_taken_for_the_one_that_was_sold(tmp_path: Path) -> None:
    sold = module_car("OF-1", status="SORTIE")
    again = module_car("OF-2", status="PRE_RENTREE", identification__policeNumber=None)
    others = crowd(30)
    with a_world(tmp_path / "world.db", [sold, again, *others[0]], [dms_file(**SOLD), *others[1]]) as world:
        world.sync()
        assert world.module.body("OF-2")["status"] == "PRE_RENTREE"
        assert world.module.body("OF-2")["reservation"] is None
        assert "VO1" not in {dms for _, dms in bound_pairs(world)}


@pytest.mark.parametrize("holder", ["never bound", "closed and gone"])
def test_a_number_of_the_register_is_never_given_twice_whoever_had_it(tmp_path: Path, holder: str) -> None:
    module, dms = module_record(**PRE_ENTRY), dms_record(statut="Pré-rentrée", no_police="")
    with one_of_many(tmp_path, module, dms) as world:
        world.dms.put(dms_file("VO9", **SOLD, chassis=_vin(9), immat="", no_police="2026-00777"))
        if holder == "closed and gone":
            exited = _other(9) | {"identification__policeNumber": "2026-00777", "status": "SORTIE"}
            world.module.put(module_record("OF-9", **exited))
        world.settled()
        if holder == "closed and gone":
            world.dms.remove("VO9")
            world.module.remove("OF-9")
        world.edit(DMS, "VO1", statut="Stock", no_police="2026-00777")
        world.sync()
        assert "police_number_duplicate" in reasons(world)
        assert world.module.body("OF-1")["status"] == "PRE_RENTREE"
        assert "OF-1" not in written_ids(world)


def test_a_mapping_that_cannot_be_compared_any_more_halts_what_it_would_write(tmp_path: Path) -> None:
    with one_of_many(tmp_path, module_record(), dms_record()) as world:
        world.settled()
        with world.repository.engine.begin() as connection:
            connection.execute(MAPPING.delete())
        row = "attribute: sale_price\n    owner: vehicle_module"
        world.mappings = shipped_set(
            (("pairs/openflex-icar/ownership.yaml", row, row.replace("vehicle_module", "dms")),)
        )
        world.edit(DMS, "VO1", prix_vente="11000,00")
        result = world.sync()
        assert (result.summary.status, [halt.guard for halt in result.halts]) == ("halted", ["mapping_changed"])
        assert not world.module.writes


# references that point elsewhere


def test_a_record_whose_only_candidate_is_in_doubt_waits_with_it_and_nothing_is_created(tmp_path: Path) -> None:
    with two_points_of_sale(tmp_path) as world:
        world.settled("PDV1").settled("PDV2")
        world.module.put(module_record("OF-60", pointOfSale="PDV2", **(_other(60) | NO_REFERENCES | PRE_ENTRY)))
        wrong = {"ref_externe": "OF-1", "chassis": _vin(60), "immat": "", "no_police": "", "site": "S02"}
        world.dms.put(dms_record("VO99", statut="Pré-rentrée", **wrong))
        for _ in range(2):
            assert world.sync("PDV2").summary.creations == 0
            assert world.sync("PDV1").summary.creations == 0
        assert [body["chassis"] for body in world.dms.bodies()].count(_vin(60)) == 1
        assert reasons(world) == ["ambiguous_match", "ambiguous_match"]


def test_a_reference_to_another_cars_record_stays_a_doubt_in_every_cycle(tmp_path: Path) -> None:
    with two_points_of_sale(tmp_path) as world:
        world.settled("PDV1").settled("PDV2")
        wrong = {"ref_externe": "OF-1", "chassis": _vin(61), "immat": "", "no_police": "", "site": "S02"}
        world.dms.put(dms_record("VO99", statut="Pré-rentrée", **wrong))
        world.sync("PDV2")
        before = open_ids(world)
        for point_of_sale in ("PDV1", "PDV2", "PDV1", "PDV2"):
            world.sync(point_of_sale)
        assert open_ids(world) == before
        assert reasons(world) == ["ambiguous_match"]


@pytest.mark.parametrize("whose", ["a file's own car", "a bound car's file"])
def test_a_point_of_sale_never_takes_over_a_car_of_another_one(tmp_path: Path, whose: str) -> None:
    with two_points_of_sale(tmp_path) as world:
        world.settled("PDV1").settled("PDV2")
        if whose == "a file's own car":
            wrong = {
                "ref_externe": "OF-100",
                "chassis": "VF1RFB00X60000100",
                "immat": "",
                "no_police": "",
                "site": "S02",
            }
            world.dms.put(dms_record("VO207", statut="Pré-rentrée", **wrong))
        else:
            world.edit(DMS, "VO300", ref_externe="OF-1")
        for point_of_sale in ("PDV1", "PDV2", "PDV1", "PDV2"):
            world.sync(point_of_sale)
        world.forget_writes()
        before = world.rows(beside=RUNS_OWN)
        for point_of_sale in ("PDV1", "PDV2"):
            world.sync(point_of_sale)
        assert world.rows(beside=RUNS_OWN) == before
        assert not world.module.writes
        assert not world.dms.writes


def test_the_second_look_at_a_stale_car_leaves_the_newer_snapshots_of_others_alone(tmp_path: Path) -> None:
    with one_of_many(tmp_path, module_record(), dms_record()) as world:
        world.settled()
        for record_id in ("OF-1", "OF-100"):
            world.edit(MODULE, record_id, sale__price=11900)
        once = iter([True])

        def meanwhile(call: str) -> None:
            if call == "read" and next(once, False):
                world.edit(DMS, "VO1", prix_vente="13 000,00")

        world.dms.error_before = meanwhile
        world.sync()
        assert any(action == "not_written" for action, _ in journal(world)), "no car was stale"
        before = world.rows(beside=RUNS_OWN)
        world.sync()
        assert world.rows(beside=RUNS_OWN) == before

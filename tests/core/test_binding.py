"""Which record here is which record there: every key in order, and every doubt left to a person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from stocksync.adapters.store.core import CONFLICT
from stocksync.adapters.systems.memory import Fate
from stocksync.stock.values import Side
from tests.worlds import DMS, MODULE, World, a_world, crowd, dms_record, module_record

NO_REFERENCES = {"identification__dmsReference": None}


def bound_pairs(world: World, point_of_sale: str = "PDV1") -> set[tuple[str, str]]:
    cars = world.repository.cars_at("openflex-icar", point_of_sale)
    return {(car.record_ids[MODULE], car.record_ids[DMS]) for car in cars if car.bound}


def reasons(world: World) -> list[str]:
    with world.repository.engine.connect() as connection:
        rows = connection.execute(select(CONFLICT.c.reason).where(CONFLICT.c.closed_at.is_(None)))
        return sorted(row.reason for row in rows)


def details(world: World, reason: str) -> list[str]:
    with world.repository.engine.connect() as connection:
        found = connection.execute(select(CONFLICT.c.details).where(CONFLICT.c.reason == reason))
        return sorted(row.details for row in found)


def written_ids(world: World) -> set[str]:
    return {write.record_id for server in world.servers.values() for write in server.writes}


def world_of(tmp_path: Path, module: list[dict[str, Any]], dms: list[dict[str, Any]]) -> Any:
    others = crowd(30)
    return a_world(tmp_path / "world.db", [*module, *others[0]], [*dms, *others[1]])


def module_car(record_id: str = "OF-1", **changes: Any) -> dict[str, Any]:
    return module_record(record_id, **(NO_REFERENCES | changes))


def dms_file(record_id: str = "VO1", **changes: Any) -> dict[str, Any]:
    return dms_record(record_id, **({"ref_externe": ""} | changes))


def test_a_reference_binds_whatever_the_values_say(tmp_path: Path) -> None:
    other = dms_file(chassis="VF1RFB00X56789099", immat="ZZ-999-ZZ", no_police="2026-00077", ref_externe="OF-1")
    with world_of(tmp_path, [module_car()], [other]) as world:
        world.sync()
        assert ("OF-1", "VO1") in bound_pairs(world)


def test_the_police_number_binds_when_references_are_blank_and_both_are_then_noted(tmp_path: Path) -> None:
    module = module_car(identification__vin=None, identification__registration=None)
    with world_of(tmp_path, [module], [dms_file()]) as world:
        world.sync()
        assert ("OF-1", "VO1") in bound_pairs(world)
        assert world.module.body("OF-1")["identification"]["dmsReference"] == "VO1"
        assert world.dms.body("VO1")["ref_externe"] == "OF-1"


def test_the_vin_binds_in_any_spelling(tmp_path: Path) -> None:
    module = module_car(identification__policeNumber=None, identification__registration=None)
    with world_of(tmp_path, [module], [dms_file(chassis=" vf1rfb00x 56789012")]) as world:
        world.sync()
        assert ("OF-1", "VO1") in bound_pairs(world)


def test_plate_and_first_registration_bind_when_no_vin_speaks_against_it(tmp_path: Path) -> None:
    module = module_car(identification__policeNumber=None, identification__vin=None)
    with world_of(tmp_path, [module], [dms_file()]) as world:
        world.sync()
        assert ("OF-1", "VO1") in bound_pairs(world)


@pytest.mark.parametrize("key", ["police number", "plate"])
def test_another_vin_stops_a_match_by_police_number_or_plate_and_a_person_is_asked(tmp_path: Path, key: str) -> None:
    same: dict[str, Any] = {"immat": "ZZ-999-ZZ"} if key == "police number" else {"no_police": "2026-00078"}
    file = dms_file(chassis="VF1RFB00X56789099", **same)
    module = module_car() if key == "police number" else module_car(identification__policeNumber=None)
    with world_of(tmp_path, [module], [file]) as world:
        world.sync()
        assert ("OF-1", "VO1") not in bound_pairs(world)
        assert reasons(world).count("ambiguous_match") == 2
        assert not {"OF-1", "VO1"} & written_ids(world)


def test_a_slip_of_the_keyboard_in_a_vin_is_proposed_and_nothing_is_created_or_written(tmp_path: Path) -> None:
    module = module_car(
        status="PRE_RENTREE",
        identification__vin="VF1RFBOOX56789012",
        identification__policeNumber=None,
        identification__registration=None,
    )
    with world_of(tmp_path, [module], [dms_file(immat="")]) as world:
        world.sync()
        world.sync()
        assert ("OF-1", "VO1") not in bound_pairs(world)
        assert all("vin_slip" in text for text in details(world, "ambiguous_match"))
        assert reasons(world).count("ambiguous_match") == 2
        assert not world.dms.writes
        assert "OF-1" not in written_ids(world)


def test_two_candidates_go_to_a_person(tmp_path: Path) -> None:
    files = [dms_file(), dms_file("VO2", chassis="")]
    with world_of(tmp_path, [module_car(identification__vin=None)], files) as world:
        world.sync()
        assert not {"VO1", "VO2"} & {dms for _, dms in bound_pairs(world)}
        assert reasons(world).count("ambiguous_match") == 3


def test_a_reference_that_another_record_contradicts_goes_to_a_person(tmp_path: Path) -> None:
    second = module_record("OF-2", identification__vin="VF1RFB00X56789044", identification__policeNumber="2026-00044")
    with world_of(tmp_path, [module_car(identification__dmsReference="VO1"), second], [dms_file()]) as world:
        world.sync()
        assert not {"OF-1", "OF-2"} & {module for module, _ in bound_pairs(world)}
        assert "ambiguous_match" in reasons(world)
        assert not {"OF-1", "OF-2", "VO1"} & written_ids(world)


def test_the_same_vin_twice_on_one_side_is_a_duplicate_and_holds_both(tmp_path: Path) -> None:
    twin = module_car("OF-2", identification__policeNumber="2026-00055", identification__registration="XX-111-XX")
    with world_of(tmp_path, [module_car(sale__price=9000), twin], [dms_file()]) as world:
        world.sync()
        assert reasons(world).count("duplicate") == 2
        assert not {"OF-1", "OF-2", "VO1"} & written_ids(world)


def test_a_bound_car_keeps_its_binding_when_a_twin_turns_up_and_is_held(tmp_path: Path) -> None:
    with world_of(tmp_path, [module_record()], [dms_record()]) as world:
        world.settled()
        world.module.put(module_car("OF-2", identification__policeNumber=None, identification__registration=None))
        world.edit(MODULE, "OF-1", sale__price=9000)
        world.sync()
        assert ("OF-1", "VO1") in bound_pairs(world)
        assert reasons(world).count("duplicate") == 2
        assert not world.dms.writes
        world.module.remove("OF-2")
        world.sync()
        assert world.dms.body("VO1")["prix_vente"] == "9000,00"
        assert "duplicate" not in reasons(world)


def test_a_held_car_that_is_sold_in_the_dms_is_told_of_for_as_long_as_it_is_sold(tmp_path: Path) -> None:
    with world_of(tmp_path, [module_record()], [dms_record()]) as world:
        world.settled()
        world.module.put(module_car("OF-2", identification__policeNumber=None, identification__registration=None))
        world.sync()
        assert "sold_outside_opportunites" not in reasons(world)
        world.edit(DMS, "VO1", no_bdc="BC1", date_bdc="20/11/2026")
        world.sync()
        assert reasons(world).count("sold_outside_opportunites") == 1
        assert not world.module.writes
        world.edit(DMS, "VO1", no_bdc="", date_bdc="")
        world.sync()
        assert "sold_outside_opportunites" not in reasons(world)
        world.edit(DMS, "VO1", no_bdc="BC2", date_bdc="20/11/2026")
        world.sync()
        world.module.remove("OF-2")
        world.sync()
        assert [write.call for write in world.module.writes] == ["reserve"]


def test_a_pre_entry_is_created_in_the_dms_without_a_police_number_and_both_sides_note_the_other(
    tmp_path: Path,
) -> None:
    car = module_car(status="PRE_RENTREE", identification__policeNumber="2026-00099")
    with world_of(tmp_path, [car], []) as world:
        result = world.sync()
        assert result.summary.creations == 1
        ((_, dms_id),) = [pair for pair in bound_pairs(world) if pair[0] == "OF-1"]
        file = world.dms.body(dms_id)
        assert (file["ref_externe"], file["chassis"], file["prix_vente"]) == ("OF-1", "VF1RFB00X56789012", "12500,00")
        assert "no_police" not in file
        assert world.module.body("OF-1")["identification"]["dmsReference"] == dms_id
        world.forget_writes()
        assert world.sync().summary.writes == {Side.VEHICLE_MODULE: 0, Side.DMS: 0}


def test_a_creation_whose_answer_was_lost_is_not_repeated(tmp_path: Path) -> None:
    with world_of(tmp_path, [module_car(status="PRE_RENTREE", identification__policeNumber=None)], []) as world:
        world.dms.fate_of = lambda _: Fate.ANSWER_LOST
        world.sync()
        world.dms.fate_of = lambda _: Fate.CARRIED_OUT
        world.sync()
        assert [body["ref_externe"] for body in world.dms.bodies()].count("OF-1") == 1
        assert "OF-1" in {module for module, _ in bound_pairs(world)}


def test_a_pre_entry_without_identity_is_held(tmp_path: Path) -> None:
    car = module_car(
        status="PRE_RENTREE",
        identification__vin=None,
        identification__registration="-",
        identification__policeNumber=None,
    )
    with world_of(tmp_path, [car], []) as world:
        result = world.sync()
        assert result.summary.creations == 0
        assert reasons(world) == ["identity_missing"]


def test_a_car_unknown_to_the_module_is_reported_and_never_created_there(tmp_path: Path) -> None:
    with world_of(tmp_path, [], [dms_file()]) as world:
        world.sync()
        world.sync()
        assert reasons(world) == ["unknown_in_vehicle_module"]
        assert not world.module.writes


def test_a_file_invoiced_before_we_came_is_ignored(tmp_path: Path) -> None:
    with world_of(tmp_path, [], [dms_file(statut="Facturé")]) as world:
        world.sync()
        assert reasons(world) == []


def test_an_absence_is_reported_after_two_listings_and_withdraws_nothing(tmp_path: Path) -> None:
    with world_of(tmp_path, [module_record()], [dms_record()]) as world:
        world.settled()
        file = world.dms.body("VO1")
        world.dms.remove("VO1")
        world.sync()
        assert reasons(world) == []
        world.sync()
        assert reasons(world) == ["missing_in_dms"]
        assert not world.module.writes
        assert not world.dms.writes
        world.dms.put(file)
        world.sync()
        assert reasons(world) == []
        assert ("OF-1", "VO1") in bound_pairs(world)


def test_a_bound_pre_entry_whose_file_vanished_is_not_created_again(tmp_path: Path) -> None:
    module = module_record(status="PRE_RENTREE", identification__policeNumber=None)
    with world_of(tmp_path, [module], [dms_record(statut="Pré-rentrée", no_police="")]) as world:
        world.settled()
        world.dms.remove("VO1")
        for _ in range(3):
            world.sync()
        assert reasons(world) == ["missing_in_dms"]
        assert not world.dms.writes


def test_a_car_bought_back_is_a_new_stock_cycle(tmp_path: Path) -> None:
    sold = {"statut": "Facturé", "no_facture": "FA1", "date_facture": "20/11/2026", "prix_facture": "12300,00"}
    with world_of(tmp_path, [module_record()], [dms_record()]) as world:
        world.settled()
        world.edit(DMS, "VO1", **sold)
        world.sync()
        assert world.module.body("OF-1")["status"] == "SORTIE"
        world.module.put(module_car("OF-9", status="PRE_RENTREE", identification__policeNumber=None))
        result = world.sync()
        assert result.summary.creations == 1
        assert reasons(world) == []
        again = {module: dms for module, dms in bound_pairs(world)}
        assert again["OF-1"] == "VO1"
        assert again["OF-9"] not in ("VO1", None)


def test_a_closed_cycle_is_left_alone(tmp_path: Path) -> None:
    sold = {"statut": "Facturé", "no_facture": "FA1", "date_facture": "20/11/2026", "prix_facture": "12300,00"}
    module = module_record(status="SORTIE", sale__price=1)
    with world_of(tmp_path, [module], [dms_record(**sold)]) as world:
        world.settled()
        world.edit(MODULE, "OF-1", sale__price=5, identification__vin="VF1RFB00X56789099")
        world.sync()
        assert reasons(world) == []
        assert written_ids(world) == set()


def test_a_police_number_that_stands_twice_is_shown_and_fills_nothing(tmp_path: Path) -> None:
    module = module_record(status="PRE_RENTREE", identification__policeNumber=None)
    file = dms_record(statut="Stock", no_police="2026-00100")  # the number of the first car of the crowd
    others = crowd(30)
    others[1][0]["no_police"] = "2026-00100"
    others[0][0]["identification"]["policeNumber"] = "2026-00100"
    with a_world(tmp_path / "world.db", [module, *others[0]], [file, *others[1]]) as world:
        world.sync()
        assert reasons(world).count("police_number_duplicate") == 2
        assert world.module.body("OF-1")["status"] == "PRE_RENTREE"
        assert world.module.body("OF-1")["identification"]["policeNumber"] is None


def test_a_police_number_out_of_order_is_shown_until_somebody_has_seen_it(tmp_path: Path) -> None:
    module = module_record(status="PRE_RENTREE", identification__policeNumber=None)
    with world_of(tmp_path, [module], [dms_record(statut="Pré-rentrée", no_police="")]) as world:
        world.settled()
        world.edit(DMS, "VO1", statut="Stock", no_police="2026-00003")
        world.sync()
        assert world.module.body("OF-1")["status"] == "ENTREE_PHYSIQUE"
        world.sync()
        assert reasons(world) == ["police_number_out_of_order"]


def test_only_used_cars_are_synchronised(tmp_path: Path) -> None:
    with world_of(tmp_path, [module_record(type="VN", sale__price=5)], [dms_record(type="VN")]) as world:
        world.sync()
        assert "OF-1" not in {module for module, _ in bound_pairs(world)}
        assert written_ids(world) == set()

"""What a point of sale may decide otherwise than its pair: ownership, switches, stages."""

from __future__ import annotations

from pathlib import Path

from stocksync.stock.values import Side
from tests.core.test_binding import bound_pairs, reasons
from tests.worlds import DMS, MODULE, a_world, crowd, dms_record, module_record, shipped

FIRST = "    name: 01 - VW SEAT SKODA\n"


def override(text: str) -> tuple[tuple[str, str, str], ...]:
    return (("points_of_sale.yaml", FIRST, f"{FIRST}    {text}\n"),)


def test_one_line_makes_the_dms_the_owner_of_mileage_at_one_point_of_sale(tmp_path: Path) -> None:
    edits = override("ownership: {mileage: {owner: dms}}")
    with a_world(tmp_path / "world.db", edits=edits) as world:
        world.settled()
        world.edit(MODULE, "OF-1", characteristics__mileage=90000)
        world.sync()
        assert world.module.body("OF-1")["characteristics"]["mileage"] == 84500
    assert shipped("PDV2", edits).matrix.rows["mileage"].policy.owner == "shared"
    assert shipped("PDV1", edits).matrix.rows["mileage"].policy.rule.startswith("points_of_sale.yaml:")


def test_with_dms_priority_the_dms_wins_where_a_shared_attribute_moved_on_both_sides(tmp_path: Path) -> None:
    edits = override("switches: {dms_has_priority: true}")
    with a_world(
        tmp_path / "world.db", [module_record(sale__vatRecoverable=None)], [dms_record(tva_recup="")], edits
    ) as world:
        world.settled()
        world.edit(MODULE, "OF-1", sale__vatRecoverable=False)
        world.edit(DMS, "VO1", tva_recup="O")
        world.sync()
        assert world.module.body("OF-1")["sale"]["vatRecoverable"] is True


def test_without_dms_priority_that_is_a_conflict(tmp_path: Path) -> None:
    with a_world(
        tmp_path / "world.db", [module_record(sale__vatRecoverable=None)], [dms_record(tva_recup="")]
    ) as world:
        world.settled()
        world.edit(MODULE, "OF-1", sale__vatRecoverable=False)
        world.edit(DMS, "VO1", tva_recup="O")
        world.sync()
        assert reasons(world) == ["both_changed"]


def test_with_the_switch_off_a_price_of_one_euro_is_invalid(tmp_path: Path) -> None:
    with a_world(tmp_path / "world.db", edits=override("switches: {allow_sale_price_at_most_1: false}")) as world:
        world.settled()
        world.edit(MODULE, "OF-1", sale__price=1)
        world.sync()
        assert reasons(world) == ["invalid_value"]
        assert not world.dms.writes


def test_with_the_switch_on_a_car_that_only_the_dms_knows_is_created_in_the_module(tmp_path: Path) -> None:
    module, dms = crowd(30)
    unknown = dms_record("VO9", ref_externe="", chassis="VF1RFB00X56780009", immat="", no_police="2026-09999")
    with a_world(
        tmp_path / "world.db", module, [*dms, unknown], override("switches: {dms_creates_vehicles: true}")
    ) as world:
        result = world.sync()
        assert result.summary.creations == 1
        (created,) = [pair[0] for pair in bound_pairs(world) if pair[1] == "VO9"]
        assert world.module.body(created)["identification"]["vin"] == "VF1RFB00X56780009"
        assert world.dms.body("VO9")["ref_externe"] == created
        world.sync()
        assert world.module.body(created)["status"] == "ENTREE_PHYSIQUE"
        assert reasons(world) == []
        world.forget_writes()
        assert world.sync().summary.writes == {Side.VEHICLE_MODULE: 0, Side.DMS: 0}


def test_a_point_of_sale_may_do_without_the_optional_check() -> None:
    edits = override("stages_left_out: {private: [post_prep_check]}")
    assert "post_prep_check" not in shipped("PDV1", edits).lifecycle.lines["private"].stages
    assert "post_prep_check" in shipped("PDV2", edits).lifecycle.lines["private"].stages


def test_an_exception_by_stage_holds_only_in_that_stage(tmp_path: Path) -> None:
    row = "attribute: sale_price\n    owner: vehicle_module"
    exception = f"{row}\n    exceptions:\n      - when: {{stage: [delivery]}}\n        owner: dms"
    edits = (("pairs/openflex-icar/ownership.yaml", row, exception),)
    with a_world(tmp_path / "world.db", edits=edits) as world:
        world.settled()
        world.edit(DMS, "VO1", prix_vente="11000,00")
        world.sync()
        assert world.dms.body("VO1")["prix_vente"] == "12500,00"
        world.edit(MODULE, "OF-1", status="LIVRAISON")
        world.sync()
        world.edit(DMS, "VO1", prix_vente="11000,00")
        world.sync()
        assert world.module.body("OF-1")["sale"]["price"] == 11000


def test_an_unreadable_stage_holds_only_what_depends_on_the_stage(tmp_path: Path) -> None:
    row = "attribute: sale_price\n    owner: vehicle_module"
    exception = f"{row}\n    exceptions:\n      - when: {{stage: [delivery]}}\n        owner: dms"
    edits = (("pairs/openflex-icar/ownership.yaml", row, exception),)
    module, dms = crowd(30)
    with a_world(tmp_path / "world.db", [module_record(), *module], [dms_record(), *dms], edits) as world:
        world.settled()
        world.edit(MODULE, "OF-1", status="EN_TRANSIT", sale__price=11000, characteristics__mileage=90000)
        world.sync()
        assert world.dms.body("VO1")["prix_vente"] == "12 500,00"
        assert world.dms.body("VO1")["km"] == "90000"
        assert reasons(world) == ["invalid_value", "ownership_unknown"]

"""People at work: each step does what it says, on both sides, in plain words."""

import pytest
from click.testing import CliRunner

from stocksync.entrypoints.sandbox_commands import sandbox as commands
from stocksync.sandbox.dms import Dms
from stocksync.sandbox.play import ScriptError, WorkingDay, read_script, steps
from stocksync.sandbox.seed import fill
from stocksync.sandbox.vehicle_module import VehicleModule


@pytest.fixture
def state(tmp_path):
    fill(tmp_path, cars=200, points_of_sale=2, seed=11)
    return tmp_path


def played(state, *steps, seed=1):
    with WorkingDay(state, seed=seed) as day:
        return list(day.script([step if isinstance(step, tuple) else (step, {}) for step in steps]))


def vehicle(state, event):
    return VehicleModule(state).vehicle(event.record)


def file(state, event):
    return Dms(state).file(event.record)


def test_a_file_entered_in_the_register_has_the_next_number_and_is_in_stock(state):
    taken = {file["no_police"] for file in all_files(state)}
    (event,) = played(state, "enter_register")
    entered = file(state, event)
    assert entered["statut"] == "Stock"
    assert entered["no_police"] not in taken
    assert event.told("fr") == f"DMS     {event.record}   inscrit au livre de police sous {entered['no_police']}"
    assert event.told("en") == f"DMS     {event.record}   entered in the police register as {entered['no_police']}"


def all_files(state):
    dms = Dms(state)
    return [
        dms.file(name) for statut in ("Pré-rentrée", "Stock", "Facturé") for name in dms.dossiers_from(statut, "", 999)
    ]


def test_a_price_campaign_lowers_ten_prices_of_one_point_of_sale(state):
    events = played(state, ("price_campaign", {"point_of_sale": "PDV1"}))
    changed = [vehicle(state, event) for event in events]
    assert len({car["id"] for car in changed}) == 10
    assert {(car["pointOfSale"], car["updatedBy"]) for car in changed} == {("PDV1", "user:12")}
    assert all(
        car["sale"]["price"] == round(float(event.values["before"]) * 0.95)
        for car, event in zip(changed, events, strict=True)
    )


def test_mileage_on_both_sides_ends_differently(state):
    in_module, in_dms = played(state, "mileage_on_both")
    assert vehicle(state, in_module)["identification"]["dmsReference"] == in_dms.record
    assert (in_module.side, in_dms.side) == ("MODULE", "DMS")
    assert vehicle(state, in_module)["characteristics"]["mileage"] == in_module.values["after"]
    assert file(state, in_dms)["km"] == in_dms.values["after"]


def test_an_order_outside_opportunites_leaves_the_module_without_one(state):
    (event,) = played(state, "dms_order")
    ordered = file(state, event)
    assert ordered["no_bdc"]
    assert VehicleModule(state).vehicle(ordered["ref_externe"])["order"] is None


def test_an_invoice_has_number_date_price_and_statut(state):
    (event,) = played(state, "invoice")
    invoiced = file(state, event)
    assert invoiced["statut"] == "Facturé"
    assert all(invoiced[name] for name in ("no_facture", "date_facture", "prix_facture", "no_police"))


def test_a_transfer_changes_the_point_of_sale(state):
    (event,) = played(state, "transfer")
    assert vehicle(state, event)["pointOfSale"] == event.values["after"] != event.values["before"]


def test_a_sold_car_bought_back_is_a_new_vehicle_with_the_same_vin(state):
    (event,) = played(state, "buy_back")
    back, sold = vehicle(state, event), VehicleModule(state).vehicle(event.values["former"])
    assert back["identification"]["vin"] == sold["identification"]["vin"]
    assert (back["status"], sold["status"]) == ("PRE_RENTREE", "SORTIE")
    assert back["identification"]["policeNumber"] is None
    assert back["characteristics"]["mileage"] > sold["characteristics"]["mileage"]


def test_a_clerk_types_over_what_the_module_owns(state):
    (event,) = played(state, "dms_edit")
    assert file(state, event)[event.values["field"]] == event.values["after"] != event.values["before"]


def test_a_vehicle_advances_one_stage(state):
    event = played(state, "advance_stage")[-1]
    assert vehicle(state, event)["status"] == event.values["after"]


def test_a_vin_is_modified_and_values_are_blanked(state):
    vin, in_module, in_dms = played(state, "correct_vin", "module_blank", "dms_blank")
    assert vehicle(state, vin)["identification"]["vin"] == vin.values["after"] != vin.values["before"]
    assert vehicle(state, in_module)["identification"]["registrationCertificateDate"] is None
    assert file(state, in_dms)["couleur"] == ""


def test_the_same_seed_plays_the_same_day(tmp_path):
    days = []
    for name in ("one", "two"):
        fill(tmp_path / name, cars=200, points_of_sale=2, seed=11)
        with WorkingDay(tmp_path / name, seed=4) as day:
            days.append([event.told("fr") for event in day.random_day(40)])
    assert days[0] == days[1]
    assert len(days[0]) >= 40


def test_every_step_can_be_played_by_chance(state):
    needing_a_name = {"module_edit", "lift_reservation", "wait"}
    idle = [
        event for name in steps() if name not in needing_a_name for event in played(state, name) if event.kind == "idle"
    ]
    assert [event.values["step"] for event in idle] == []


def test_a_script_is_played_in_order_and_told_in_plain_words(state, tmp_path):
    script = tmp_path / "day.yaml"
    script.write_text(
        "- module_edit: {vehicle: OF-000003, field: sale.price, value: 9990}\n"
        "- transfer: {vehicle: OF-000003, to: PDV1}\n"
        "- wait: {seconds: 0}\n"
        "- lift_reservation: {vehicle: OF-000003}\n"
    )
    result = CliRunner().invoke(commands, ["play", "--state", str(state), "--script", str(script), "--lang", "en"])
    assert result.exit_code == 0, result.output
    assert [line.split()[0] for line in result.output.splitlines()] == ["MODULE", "MODULE", "-", "MODULE"]
    assert "sale.price:" in result.output
    assert VehicleModule(state).vehicle("OF-000003")["sale"]["price"] == 9990


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- dms_ordre", "did you mean dms_order?"),
        ("- transfer: {vehicle: OF-000003, towards: PDV1}", "step 1, transfer"),
        ("- [1]", "step 1 must be"),
        ("transfer", "must be a list"),
        ("- {", "is not YAML"),
    ],
)
def test_a_script_that_cannot_be_read_says_where(tmp_path, text, says):
    script = tmp_path / "day.yaml"
    script.write_text(text)
    with pytest.raises(ScriptError, match=says.replace("?", r"\?")):
        read_script(script)


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (("transfer", {"vehicle": "OF-999999"}), "no vehicle OF-999999"),
        (("transfer", {"to": "PDV99"}), "not a known point of sale"),
        (("invoice", {"file": "VO999999"}), "VO999999 inconnu"),
        (("dms_blank", {"field": "prix", "file": "VO000003"}), "prix inconnu"),
        (("close_for_batch", {"side": "both"}), "side is dms or vehicle_module"),
    ],
)
def test_a_step_that_a_system_refuses_stops_the_script(state, step, says):
    with pytest.raises(ScriptError, match=says):
        played(state, step)

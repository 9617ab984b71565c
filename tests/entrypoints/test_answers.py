"""`explain`, `history`, `status` and `conflicts` after two synchronisations with people at work between them."""

import csv
import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stocksync.entrypoints import rendering
from stocksync.entrypoints.history_view import HistoryView
from stocksync.mapping.load import load_mappings
from stocksync.sync.answers import Fact
from tests.entrypoints.desk import FRENCH_SPACES, SHIPPED, Desk, desk_at, no_traceback, quiet_cars


@dataclass
class Town:
    """A desk, and the VIN of a car for each thing that happened to one."""

    desk: Desk
    owned: str
    shared: str
    jumped: str
    unreadable: str
    untouched: str
    entered: str


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with desk_at(tmp_path_factory.mktemp("town")) as desk:
        assert desk.run("sync").exit_code == 0
        cars = quiet_cars(desk, 5)
        dms, module = desk.sandbox.dms, desk.sandbox.vehicle_module
        dms.change(cars[0][2], {"prix_vente": "1234,56"})
        km = module.vehicle(cars[1][1])["characteristics"]["mileage"]
        dms.change(cars[1][2], {"km": str(km + 321)})
        far = module.vehicle(cars[2][1])["characteristics"]["mileage"]
        module.patch(cars[2][1], {"characteristics": {"mileage": far + 70_000}}, "user:7")
        dms.change(cars[3][2], {"couleur": "FUCHSIA"})
        entered = next(f for d in dms.dossiers_from("Pré-rentrée", "", 500) if (f := dms.file(d))["ref_externe"])
        dms.change(entered["dossier"], {"statut": "Stock"})
        assert desk.run("sync").exit_code == 0
        yield Town(desk, *(car[0] for car in cars), entered["chassis"])


def sentence(town: Town, vehicle: str, attribute: str) -> str:
    return str(town.desk.data("explain", vehicle, attribute)["sentence"])


# --- explain


def test_an_attribute_of_one_owner_names_the_owner_and_the_line_that_says_so(town: Town) -> None:
    told = town.desk.data("explain", town.owned, "sale_price")
    assert (told["owner"], told["row"], told["category"]) == ("vehicle_module", 1, "unchanged")
    assert told["rule"].startswith("pairs/openflex-icar/ownership.yaml:")
    assert told["vehicle_module"] == told["dms"] == told["base"] != "123456"


def test_a_refused_change_is_told_as_the_last_move(town: Town) -> None:
    said = town.desk.said("explain", town.owned, "prix de vente")
    assert "Les deux côtés ont la même valeur" in said
    assert "changé dans le DMS (1 234,56 €), écrit par stocksync dans le DMS (1 234,56 € →" in said


def test_a_shared_attribute_tells_which_side_moved_and_where_it_was_copied(town: Town) -> None:
    told = town.desk.data("explain", town.shared, "mileage")
    assert told["owner"] == "shared"
    assert list(told["last_move"]["moved"]) == ["dms"]
    assert told["last_move"]["written"]["side"] == "vehicle_module"
    assert told["last_move"]["written"]["to"] == told["dms"]


def test_a_conflict_is_told_with_both_values_and_what_to_do(town: Town) -> None:
    said = sentence(town, town.jumped, "Kilométrage")
    assert "bond improbable" in said
    assert "dans le module véhicules" in said
    assert said.endswith("choisir module, dms ou valeur dans la colonne Décision du rapport.")


def test_an_unreadable_value_is_told_with_the_reason_in_french(town: Town) -> None:
    said = sentence(town, town.unreadable, "exterior_colour")
    assert "code absent de la table de correspondance" in said
    assert "FUCHSIA" in said


def test_a_stage_that_waits_tells_what_is_missing(town: Town) -> None:
    told = town.desk.data("explain", town.entered, "statut vo")
    assert (told["owner"], told["reason"]) == ("lifecycle", "police_number_missing")
    assert "Saisir le n° de police dans le DMS" in told["sentence"].translate(FRENCH_SPACES)


def test_a_stage_that_agrees_names_both(town: Town) -> None:
    said = sentence(town, town.untouched, "stage").translate(FRENCH_SPACES)
    assert said == (
        "Les statuts vont ensemble (stock de vente dans le module véhicules, Stock dans le DMS) : rien à faire."
    )


def test_what_one_system_alone_carries_names_that_system(town: Town) -> None:
    said = sentence(town, town.untouched, "dms_order").translate(FRENCH_SPACES)
    assert said == "Seul le DMS transmet « Bon de commande DMS » (vide) : il n'y a rien à comparer."


def test_english_is_spoken_where_it_is_asked_for(town: Town) -> None:
    said = town.desk.said("--lang", "en", "explain", town.untouched, "stage")
    assert "The stages go together (sales stock in the vehicle module, stock in the DMS)" in said


def test_the_card_shows_every_attribute_and_what_is_open(town: Town) -> None:
    card = town.desk.data("explain", town.jumped)
    assert {"stage", "sale_price", "mileage", "reserved"} <= {row["attribute"] for row in card["attributes"]}
    assert [row["kind"] for row in card["findings"]] == ["implausible_jump"]
    printed = town.desk.said("explain", town.jumped)
    assert "cycle de stock ouvert" in printed
    assert "Kilométrage" in printed
    assert "aucune demande n'a été envoyée" in printed


def test_a_car_is_found_by_any_of_its_names_in_any_spelling(town: Town) -> None:
    card = town.desk.data("explain", town.untouched)
    plate, records = card["registration"], card["records"]
    names = [
        town.untouched.lower(),
        f"{town.untouched[:9]} {town.untouched[9:]}",
        plate.replace("-", " ").lower(),
        records["vehicle_module"],
        records["dms"].lower(),
        card["car"],
    ]
    assert {town.desk.data("explain", name)["car"] for name in names} == {card["car"]}


def test_a_police_number_finds_its_car_in_every_register_that_has_it(town: Town) -> None:
    number = town.desk.data("explain", town.untouched)["police_number"]
    done = town.desk.run("explain", number, "--json")
    told = json.loads(done.stdout)
    assert town.untouched in [match["vin"] for match in told.get("matches", [told])]


def test_an_answer_sends_no_request(town: Town) -> None:
    deaf = {"OPENFLEX_URL": "http://127.0.0.1:9", "ICAR_URL": "http://127.0.0.1:9"}
    for command in (["explain", town.owned], ["history", town.owned], ["status"], ["conflicts", "list"]):
        assert town.desk.run(*command, **deaf).exit_code == 0


def test_a_name_that_nobody_knows_ends_with_2(town: Town) -> None:
    done = town.desk.run("explain", "ZZZ")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Aucune voiture n'est connue sous ZZZ" in done.stderr
    assert "No car is known by ZZZ" in town.desk.run("--lang", "en", "explain", "ZZZ").stderr


def test_a_wrong_attribute_is_answered_with_the_nearest(town: Town) -> None:
    done = town.desk.run("explain", town.owned, "sale_prize")
    assert done.exit_code == 2
    assert "Did you mean sale_price (Prix de vente)?" in done.stderr


def test_several_cars_of_one_name_are_listed(town: Town) -> None:
    dms = town.desk.sandbox.dms
    twin = {**dms.file(dms.dossiers_from("Stock", "", 1)[0])}
    copied = {k: v for k, v in twin.items() if k not in ("dossier", "maj_le", "ref_externe", "no_police")}
    made = dms.create(copied)
    try:
        town.desk.run("sync")
        done = town.desk.run("explain", twin["chassis"])
        assert done.exit_code == 2
        assert f"{twin['chassis']} désigne 2 voitures" in done.stderr
        assert "PDV1, ouverte" in done.stderr or "PDV2, ouverte" in done.stderr
        assert made["dossier"] in done.stderr
        listed = town.desk.run("explain", twin["chassis"], "--json")
        assert len(json.loads(listed.stdout)["matches"]) == 2
    finally:
        dms.remove(made["dossier"])


# --- personal data


def test_no_name_of_a_person_is_printed(town: Town) -> None:
    told = town.desk.data("explain", town.untouched, "trade_in_buyer")
    name = town.desk.sandbox.vehicle_module.vehicle(told["records"]["vehicle_module"])["purchase"]["tradeInBuyer"]
    assert name
    printed = [
        town.desk.run(*command).stdout
        for command in (
            ["explain", town.untouched],
            ["explain", town.untouched, "trade_in_buyer"],
            ["explain", town.untouched, "--json"],
            ["history", town.untouched],
            ["history", town.untouched, "--json"],
        )
    ]
    assert not [text for text in printed if name in text]
    assert told["vehicle_module"] == f"{name[0]}•••"


# --- history


def test_the_history_tells_what_was_reported_decided_and_written_oldest_first(town: Town) -> None:
    lines = town.desk.said("history", town.shared).splitlines()[1:]
    instants = [line[:16] for line in lines]
    assert all(at[2] == at[5] == "/" for at in instants)
    told = " | ".join(lines)
    assert "fiche et dossier rattachés" in told
    assert told.index("données identiques") < told.index("Kilométrage écrit dans le module véhicules : ")


def test_the_history_for_programs_keeps_the_facts(town: Town) -> None:
    facts = town.desk.data("history", town.jumped)["facts"]
    assert facts == sorted(facts, key=lambda fact: fact["at"])
    assert "reported" in {fact["action"] for fact in facts}
    assert all(fact["told"] for fact in facts)


@pytest.mark.parametrize(
    ("reason", "category", "told"),
    [
        ("first_contact", "conflict", "Decide in the report's Decision column"),
        ("first_contact", "written", "The owner's value holds"),
        ("refused_change", "refused", "was changed in the DMS (120 km), but the value of the vehicle module"),
    ],
)
@pytest.mark.parametrize("owner", ["dms", "vehicle_module", "shared"])
def test_what_was_reported_is_told_alike_whatever_the_matrix_says_today(
    reason: str, category: str, told: str, owner: str, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(SHIPPED, tmp_path / "mappings"))
    points = (folder / "points_of_sale.yaml").read_text("utf-8")
    policy = "{owner: shared, on_both_changed: highest}" if owner == "shared" else f"{{owner: {owner}}}"
    edited = points.replace("    pair:", f"    ownership: {{mileage: {policy}}}\n    pair:", 1)
    (folder / "points_of_sale.yaml").write_text(edited, "utf-8")
    details = {"subject": "mileage", "reason": reason, "category": category, "details": {"refused": "dms"}}
    details |= {"vehicle_module_value": "100", "dms_value": "120", "base_value": None}
    fact = Fact(datetime(2026, 11, 20, 9, tzinfo=UTC), 1, "reported", details)
    [line] = HistoryView((fact,), load_mappings(folder).points_of_sale["PDV1"], "en").lines()
    assert told in line.translate(FRENCH_SPACES)


# --- status


def test_the_status_tells_the_last_good_run_and_what_waits(town: Town) -> None:
    assert "2 à jour" in town.desk.said("status")
    said = town.desk.said("status", "--point-of-sale", "PDV1")
    assert "dernière synchronisation complète" in said
    assert "lignes de rapport ouvertes : à trancher" in said
    points = town.desk.data("status")["points_of_sale"]
    assert [point["point_of_sale"] for point in points] == ["PDV1", "PDV2"]
    assert all(point["last_done"]["status"] == "done" and point["age_s"] >= 0 for point in points)
    assert points[0]["open"]["conflict"] >= 1
    assert points[0]["halted"] is None


# --- conflicts


def exported(town: Town, *arguments: str) -> list[dict[str, str]]:
    done = town.desk.run("conflicts", "export", "-", *arguments)
    assert done.exit_code == 0, done.stderr
    text = done.stdout_bytes.decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:], newline=""), delimiter=";"))


def test_the_list_and_the_report_hold_the_same_rows_in_the_same_order(town: Town) -> None:
    listed = town.desk.data("conflicts", "list")["conflicts"]
    rows = exported(town)
    assert [str(row["id"]) for row in listed] == [row["N° de conflit"] for row in rows]
    assert [row["fingerprint"] for row in listed] == [row["Empreinte (ne pas modifier)"] for row in rows]


def test_a_row_carries_what_a_person_decides_by(town: Town) -> None:
    row = next(row for row in exported(town) if row["Châssis"] == town.jumped)
    assert row["Nature"] == "écart trop grand"
    assert row["Donnée"] == "Kilométrage"
    assert row["Qui décide"] == "partagé"
    assert int(row["Valeur module véhicules"]) == int(row["Valeur DMS"]) + 70_000
    assert row["Dernière valeur commune"] == row["Valeur DMS"]
    assert (row["Décision proposée"], row["Valeur décidée"], row["Commentaire"]) == ("", "", "")
    assert len(row["Depuis le"]) == len("21/11/2026")


def test_the_report_of_one_point_of_sale_holds_only_its_rows(town: Town) -> None:
    assert {row["Point de vente"] for row in exported(town, "--point-of-sale", "PDV1")} == {"PDV1"}


def test_the_report_can_be_had_in_english(town: Town) -> None:
    row = next(row for row in exported(town, "--lang", "en") if row["VIN"] == town.jumped)
    assert row["Kind"] == "implausible jump"
    assert row["What happened"].endswith("choose module, dms or value in the report's Decision column.")


def test_a_refused_change_that_its_own_run_settled_is_shown_for_some_days(town: Town) -> None:
    def refused(rows: list[dict[str, str]]) -> list[str]:
        return [row["État"] for row in rows if row["Châssis"] == town.owned and row["Donnée"] == "Prix de vente"]

    (state,) = refused(exported(town))
    assert state.startswith("clos le ")
    assert state.endswith("(réglé par une écriture)")
    assert refused(exported(town, "--since", "0")) == []
    listed = town.desk.data("conflicts", "list", "--kind", "refused_change")["conflicts"]
    assert {(row["state"], row["closed_because"]) for row in listed if row["vin"] == town.owned} == {
        ("closed", "settled")
    }
    assert state in town.desk.said("conflicts", "list")


def test_the_message_of_an_export_is_in_the_language_of_the_report(town: Town) -> None:
    file = town.desk.folder / "report.csv"
    assert " rows in " in town.desk.run("conflicts", "export", "--lang", "en", str(file)).stderr


def test_the_kinds_of_conflict_are_listed_in_the_help(town: Town) -> None:
    said = town.desk.said("conflicts", "list", "--help")
    assert "both_changed" in said
    assert "sold_outside_opportunites" in said


@pytest.mark.parametrize("columns", [60, 80])
def test_a_narrow_terminal_gets_a_block_for_each_row_and_nothing_is_cut(
    town: Town, columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    headers, row = ("N°", "Voiture", "Depuis"), ("12", f"{town.owned} GF-037-XC {'x' * columns}", "21/11/2026")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    rendering.echo_rows(headers, [row])
    lines = capsys.readouterr().out.splitlines()
    assert f"  Voiture  {row[1]}" in lines
    assert "  Depuis   21/11/2026" in lines


def test_the_report_is_written_to_a_file(town: Town) -> None:
    file = town.desk.folder / "rapport.csv"
    done = town.desk.run("conflicts", "export", str(file))
    assert (done.exit_code, done.stdout) == (0, "")
    assert str(len(file.read_text("utf-8-sig").splitlines()) - 1) in done.stderr


def test_a_report_that_cannot_be_written_ends_with_2(town: Town) -> None:
    done = town.desk.run("conflicts", "export", str(town.desk.folder / "nowhere" / "rapport.csv"))
    assert (done.exit_code, no_traceback(done)) == (2, True)
    assert "cannot be written" in done.stderr


def test_a_conflict_is_shown_by_its_number(town: Town) -> None:
    found = town.desk.data("conflicts", "list", "--kind", "implausible_jump")["conflicts"]
    assert len(found) == 1
    assert "écart trop grand" in town.desk.said("conflicts", "show", str(found[0]["id"]))
    assert town.desk.run("conflicts", "show", "99999").exit_code == 2


def test_a_wrong_kind_is_answered_with_the_nearest(town: Town) -> None:
    done = town.desk.run("conflicts", "list", "--kind", "both_changes")
    assert done.exit_code == 2
    assert "Did you mean both_changed?" in done.stderr


def test_closed_rows_are_listed_where_they_are_asked_for(town: Town) -> None:
    still_open = town.desk.data("conflicts", "list", "--since", "0")["conflicts"]
    everything = town.desk.data("conflicts", "list", "--all")["conflicts"]
    assert all(row["closed_at"] is None for row in still_open)
    assert [row for row in everything if row["closed_because"]]

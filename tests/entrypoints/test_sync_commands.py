"""`sync`, `plan` and `release`: what they print, what they end with, and what each fault ends with."""

import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from stocksync.assembly import SystemClock, open_repository
from stocksync.sync.group import Group
from tests.entrypoints.desk import FRENCH_SPACES, SHIPPED, Desk, no_traceback, quiet_cars, snapshot_of


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never wait between two tries."""
    monkeypatch.setattr(SystemClock, "pause", lambda self, seconds_s: None)


@pytest.fixture
def web_page() -> Iterator[str]:
    """A server that answers everything with a page for people."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<html><body>Maintenance</body></html>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


# --- not begun


def test_a_run_that_cannot_begin_for_want_of_a_variable_is_kept_as_failed_with_its_reason(desk: Desk) -> None:
    desk.said("sync")
    done = desk.run("sync", "--point-of-sale", "PDV1", ICAR_KEY=None)
    assert done.exit_code == 2
    [point, other] = desk.data("status")["points_of_sale"]
    assert (point["state"], point["failed_in_a_row"]) == ("failing", 1)
    assert "the environment does not have ICAR_KEY" in point["last"]["message"]
    assert other["state"] == "good"
    desk.said("sync", "--point-of-sale", "PDV1")
    assert desk.data("status")["points_of_sale"][0]["state"] == "good"


def test_a_plan_that_cannot_be_made_for_want_of_a_variable_is_not_kept(desk: Desk) -> None:
    desk.said("sync")
    assert desk.run("plan", ICAR_KEY=None).exit_code == 2
    assert [point["state"] for point in desk.data("status")["points_of_sale"]] == ["good", "good"]


# --- done


def test_a_first_synchronisation_ends_with_0_and_tells_where_every_difference_ended(desk: Desk) -> None:
    said = desk.said("sync")
    blocks = [line for line in said.splitlines() if "différences = " in line]
    assert len(blocks) == 2
    for line in blocks:
        total, parts = line.split("différences = ")
        figures = ["".join(c for c in part if c.isdigit()) for part in parts.split("+")]
        assert int(total.replace(" ", "")) == sum(map(int, figures))


def test_the_second_synchronisation_writes_nothing(desk: Desk) -> None:
    desk.run("sync")
    for point in desk.data("sync")["points_of_sale"]:
        assert point["writes"] == {"vehicle_module": 0, "dms": 0}


def test_json_stands_alone_on_standard_output(desk: Desk) -> None:
    done = desk.run("sync", "--json", "--point-of-sale", "PDV2")
    shown = json.loads(done.stdout)
    assert (done.exit_code, shown["exit_code"], done.stderr) == (0, 0, "")
    assert [point["point_of_sale"] for point in shown["points_of_sale"]] == ["PDV2"]
    assert shown["points_of_sale"][0]["identity"]["balanced"] is True


# --- plan


def test_a_plan_changes_nothing_anywhere(desk: Desk) -> None:
    desk.run("sync")
    vin, _, dossier = quiet_cars(desk, 1)[0]
    desk.sandbox.dms.change(dossier, {"prix_vente": "4321,00"})
    memory, systems = desk.database.read_bytes(), snapshot_of(desk)
    said = desk.said("plan")
    assert desk.database.read_bytes() == memory
    assert snapshot_of(desk) == systems
    assert vin in said
    assert "Prix de vente : 4 321,00 € → " in said
    assert "modification refusée, le module véhicules en décide (pairs/openflex-icar/ownership.yaml:" in said


def test_a_plan_before_any_synchronisation_makes_no_database(desk: Desk) -> None:
    said = desk.said("plan")
    assert not desk.database.exists()
    assert "à créer dans le DMS" in said
    assert "accords : les deux côtés ont déjà la même valeur" in said


def test_a_plan_tells_its_totals_first_then_what_costs_money_and_nothing_of_the_report(desk: Desk) -> None:
    desk.run("sync")
    cars = quiet_cars(desk, 3)
    km = desk.sandbox.vehicle_module.vehicle(cars[0][1])["characteristics"]["mileage"]
    desk.sandbox.dms.change(cars[0][2], {"km": str(km + 321)})
    desk.sandbox.dms.change(cars[1][2], {"prix_vente": "4321,00"})
    desk.sandbox.dms.change(cars[2][2], {"no_bdc": "BC999999"})
    said = desk.said("plan", "--point-of-sale", "PDV1")
    lines = said.splitlines()
    assert lines[1:5] == [
        "En résumé : 3 voitures à modifier",
        "  1 réservation à poser",
        "  1 voiture dont un prix change",
        "  1 voiture dont une autre donnée change",
    ]
    headings = [line for line in lines[lines.index("À écrire : 3 voitures") :] if line.startswith("  ")]
    vins = [line.split()[0] for line in headings if not line.startswith("    ")][:3]
    assert vins == [cars[2][0], cars[1][0], cars[0][0]]
    assert "à vérifier" not in said


def test_a_plan_is_a_dry_run_of_sync(desk: Desk) -> None:
    assert desk.said("plan", "--point-of-sale", "PDV1") == desk.said("sync", "--dry-run", "--point-of-sale", "PDV1")


def test_a_plan_for_programs_names_every_change_and_no_person(desk: Desk) -> None:
    cars = [car for point in desk.data("plan")["points_of_sale"] for car in point["cars"]]
    created = [o for car in cars for o in car["operations"] if o["action"] == "create"]
    buyers = [c["to"] for o in created for c in o["changes"] if c["attribute"] == "trade_in_buyer"]
    assert buyers
    assert all(buyer.endswith("•••") for buyer in buyers)


def test_a_plan_in_a_pipe_has_no_colour(desk: Desk) -> None:
    assert "\x1b" not in desk.run("plan").stdout


# --- faults


def test_a_system_that_cannot_be_reached_ends_with_1(desk: Desk) -> None:
    done = desk.run("sync", "--point-of-sale", "PDV1", ICAR_URL="http://127.0.0.1:9")
    assert (done.exit_code, no_traceback(done)) == (1, True)
    assert "inachevée, à relancer" in done.stdout
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith("PDV1: ")
    assert "127.0.0.1:9" not in done.stdout


def test_a_page_for_people_where_data_was_due_ends_with_1(desk: Desk, web_page: str) -> None:
    done = desk.run("sync", "--point-of-sale", "PDV1", OPENFLEX_URL=web_page)
    assert (done.exit_code, no_traceback(done)) == (1, True)


def test_a_wrong_key_ends_with_2(desk: Desk) -> None:
    done = desk.run("sync", "--point-of-sale", "PDV1", ICAR_KEY="wrong")
    assert (done.exit_code, no_traceback(done)) == (2, True)


def test_a_variable_that_is_not_set_ends_with_2_and_is_named(desk: Desk) -> None:
    done = desk.run("sync", OPENFLEX_TOKEN=None, ICAR_KEY=None)
    assert (done.exit_code, no_traceback(done)) == (2, True)
    assert [line[:4] for line in done.stderr.splitlines()] == ["PDV1", "PDV2"]
    assert done.stderr.count("OPENFLEX_TOKEN, ICAR_KEY") == 2
    assert "OPENFLEX_TOKEN" not in done.stdout


def test_a_variable_that_is_missing_at_one_point_of_sale_does_not_stop_the_others(desk: Desk) -> None:
    desk.mappings = desk.folder / "mappings"
    shutil.copytree(SHIPPED, desk.mappings)
    file = desk.mappings / "points_of_sale.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("ICAR_KEY", "OTHER_KEY", 1), encoding="utf-8")
    done = desk.run("sync", "--json")
    statuses = [point["status"] for point in json.loads(done.stdout)["points_of_sale"]]
    assert (done.exit_code, statuses) == (2, ["failed", "done"])


def test_an_unknown_point_of_sale_ends_with_2_and_the_nearest_is_named(desk: Desk) -> None:
    done = desk.run("sync", "--point-of-sale", "PDV11")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Did you mean PDV1?" in done.stderr


def test_a_broken_mapping_ends_with_2_and_every_problem(desk: Desk) -> None:
    desk.mappings = desk.folder / "mappings"
    shutil.copytree(SHIPPED, desk.mappings)
    for name, right, wrong in (
        ("vehicle.yaml", "kind: money", "kind: mony"),
        ("pairs/openflex-icar/ownership.yaml", "owner: shared", "owner: shard"),
    ):
        file = desk.mappings / name
        file.write_text(file.read_text("utf-8").replace(right, wrong, 1), "utf-8")
    done = desk.run("sync")
    assert (done.exit_code, done.stdout, no_traceback(done)) == (2, "", True)
    assert "vehicle.yaml:" in done.stderr
    assert "ownership.yaml:" in done.stderr


def test_a_database_that_is_none_ends_with_2(desk: Desk) -> None:
    desk.database.write_bytes(b"no database at all, but long enough to be looked at" * 40)
    done = desk.run("status")
    assert (done.exit_code, no_traceback(done)) == (2, True)
    assert "cannot be opened" in done.stderr


def test_a_wrong_language_in_the_environment_ends_with_2(desk: Desk) -> None:
    done = desk.run("status", STOCKSYNC_LANG="de")
    assert done.exit_code == 2
    assert "STOCKSYNC_LANG" in done.stderr


def test_a_fault_of_one_point_of_sale_does_not_stop_the_other(desk: Desk) -> None:
    desk.mappings = desk.folder / "mappings"
    shutil.copytree(SHIPPED, desk.mappings)
    file = desk.mappings / "points_of_sale.yaml"
    head, tail = file.read_text("utf-8").split("  PDV2:", 1)
    file.write_text(f"{head.replace('address: ICAR_URL', 'address: ICAR_DOWN')}  PDV2:{tail}", "utf-8")
    done = desk.run("sync", "--json", ICAR_DOWN="http://127.0.0.1:9")
    assert done.exit_code == 1
    states = {point["point_of_sale"]: point["status"] for point in json.loads(done.stdout)["points_of_sale"]}
    assert states == {"PDV1": "incomplete", "PDV2": "done"}


# --- guards


def test_a_halted_plan_ends_with_3_and_passes_once_it_is_released(desk: Desk) -> None:
    desk.mappings = desk.folder / "mappings"
    shutil.copytree(SHIPPED, desk.mappings)
    desk.run("sync")
    vin, module_id, dossier = quiet_cars(desk, 1)[0]
    desk.sandbox.dms.change(dossier, {"prix_vente": "4321,00"})
    file = desk.mappings / "pairs/openflex-icar/ownership.yaml"
    head, tail = file.read_text("utf-8").split("- attribute: sale_price\n    owner: vehicle_module")
    file.write_text(f"{head}- attribute: sale_price\n    owner: dms{tail}", "utf-8")

    halted = desk.run("sync", "--point-of-sale", "PDV1")
    assert halted.exit_code == 3
    said = halted.stdout.translate(FRENCH_SPACES)
    assert "Les fichiers de correspondance ont changé" in halted.stderr.translate(FRENCH_SPACES)
    assert vin in said
    run = said.rsplit("stocksync release ", 1)[1].split()[0]
    assert desk.sandbox.vehicle_module.vehicle(module_id)["sale"]["price"] != 4321

    status = desk.said("status")
    assert status.count("Les fichiers de correspondance ont changé") == 1
    assert f"arrêtée : exécution n° {run}. Les fichiers de correspondance ont changé" in status
    assert desk.data("status")["points_of_sale"][0]["halted"]["run"] == int(run)

    assert f"L'exécution n° {run} de PDV1 est débloquée" in desk.said("release", run)
    assert desk.run("release", run).exit_code == 2
    assert desk.run("sync", "--point-of-sale", "PDV1").exit_code == 0
    assert desk.sandbox.vehicle_module.vehicle(module_id)["sale"]["price"] == 4321


def test_the_worst_end_of_several_points_of_sale_is_the_end_of_the_command(desk: Desk) -> None:
    desk.run("sync")
    for status in ("Pré-rentrée", "Stock", "Facturé"):
        for dossier in desk.sandbox.dms.dossiers_from(status, "", 500):
            if desk.sandbox.dms.file(dossier)["site"] == "S01":
                desk.sandbox.dms.remove(dossier)
    done = desk.run("sync", "--json")
    assert done.exit_code == 3
    points = {point["point_of_sale"]: point for point in json.loads(done.stdout)["points_of_sale"]}
    assert points["PDV1"]["status"] == "halted"
    assert {halt["guard"] for halt in points["PDV1"]["halts"]} >= {"empty_listing"}
    assert points["PDV2"]["status"] == "done"
    assert "ne liste plus aucun véhicule" in desk.said("status")


@pytest.mark.parametrize("said", ["abc", "0", "1.5"])
def test_releasing_what_is_no_number_ends_with_2_and_a_sentence(desk: Desk, said: str) -> None:
    done = desk.run("release", said)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{said} is no run: ")


def test_releasing_what_did_not_halt_ends_with_2(desk: Desk) -> None:
    assert desk.run("release", "1").exit_code == 2
    desk.run("sync", "--point-of-sale", "PDV1")
    done = desk.run("release", "1")
    assert done.exit_code == 2
    assert "nothing to release" in done.stderr


# --- interruption and bugs


def test_an_interruption_ends_with_130_and_a_sentence(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Group, "synchronise", interrupted)
    done = desk.run("sync")
    assert (done.exit_code, done.stdout, no_traceback(done)) == (130, "", True)
    assert "Interrupted" in done.stderr


def test_a_bug_keeps_its_traceback(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Group, "synchronise", broken)
    assert isinstance(desk.run("sync").exception, ZeroDivisionError)


def test_a_file_of_settings_in_another_encoding_ends_with_2_and_a_sentence(desk: Desk) -> None:
    (desk.folder / ".env").write_bytes("STOCKSYNC_LANG=fr # français\n".encode("latin-1"))
    done = desk.run("status")
    assert (done.exit_code, no_traceback(done)) == (2, True)
    assert "is not UTF-8" in done.stderr


def test_a_home_folder_is_found_in_a_setting(desk: Desk) -> None:
    shutil.copytree(SHIPPED, desk.folder / "home" / "maps")
    home = str(desk.folder / "home")
    assert desk.run("mapping", "check", STOCKSYNC_MAPPINGS="~/maps", HOME=home).exit_code == 0


def test_mapping_files_that_cannot_be_written_end_with_2_and_a_sentence(desk: Desk) -> None:
    (desk.folder / "file").write_text("no folder")
    done = desk.run("init", str(desk.folder / "file" / "maps"))
    assert (done.exit_code, no_traceback(done)) == (2, True)
    assert "cannot be written" in done.stderr


def test_the_settings_of_a_file_hold_where_the_environment_is_silent(desk: Desk, tmp_path: Path) -> None:
    (desk.folder / ".env").write_text("".join(f"{k}={v}\n" for k, v in desk.sandbox.environment.items()), "utf-8")
    silent: dict[str, str | None] = dict.fromkeys(desk.sandbox.environment)
    assert desk.run("plan", "--point-of-sale", "PDV1", **silent).exit_code == 0


# --- quick runs, and runs beside others


def test_a_quick_synchronisation_reads_what_changed_and_says_it_was_one(desk: Desk) -> None:
    desk.said("sync")
    desk.said("sync", "--quick")
    told = json.loads(desk.said("sync", "--quick", "--json"))
    assert {point["kind"] for point in told["points_of_sale"]} == {"delta"}
    assert all(point["writes"] == {"vehicle_module": 0, "dms": 0} for point in told["points_of_sale"])


def test_a_dry_run_cannot_be_quick(desk: Desk) -> None:
    done = desk.run("sync", "--dry-run", "--quick")
    assert done.exit_code == 2
    assert "--quick" in done.stderr


def test_who_is_at_work_on_a_point_of_sale_is_told_or_waited_for(desk: Desk) -> None:
    desk.said("sync")
    repository = open_repository(f"sqlite:///{desk.database}")
    with repository.exclusive("PDV1", SystemClock(), "serve"):
        done = desk.run("sync", "--point-of-sale", "PDV1")
        assert done.exit_code == 1
        assert "being synchronised by serve, process" in done.stderr
        waiting = threading.Thread(
            target=lambda: results.append(desk.run("sync", "--point-of-sale", "PDV1", "--wait", "30"))
        )
        results: list[object] = []
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive()
    waiting.join(30)
    assert results[0].exit_code == 0  # type: ignore[attr-defined]
    repository.engine.dispose()

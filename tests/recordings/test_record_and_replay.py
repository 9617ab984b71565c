"""`record` and `replay` in front of both systems: what is kept, what is not, and that it comes to the same again."""

import base64
import csv
import json
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from stocksync.adapters.recordings.folder import Part, Recorded
from tests.entrypoints.desk import SHIPPED, Desk, desk_at, no_traceback, quiet_cars
from tests.recordings.looking import holding, may_not_stay

PERSON = "Zébulon QUINQUAUD"
PERSONS = ["quinquaud", "zébulon", "zebulon", "06 12 34 56 78", "quinquaud@garage-exemple.fr", "0612345678"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk whose stock was synchronised, and in which a person then typed everywhere; nothing is written back."""
    with desk_at(tmp_path_factory.mktemp("desk"), cars=40) as made:
        made.run("sync")
        _type_everywhere(made)
        yield made


def _type_everywhere(desk: Desk) -> None:
    """Somebody types their name, number and address wherever there is room; some of it is in conflict."""
    module, dms = desk.sandbox.vehicle_module, desk.sandbox.dms
    cars = quiet_cars(desk, 5)
    _, first, _ = cars[0]
    text = f"GTI vue par M. Quinquaud, {PERSONS[3]}, quinquaud@garage-exemple.fr"
    module.patch(first, {"characteristics": {"version": text}}, "user:quinquaud")
    _, second, dossier = cars[1]
    module.patch(second, {"purchase": {"tradeInBuyer": PERSON}}, "user:7")
    dms.type_in(dossier, {"repreneur": "A. Quinquaud"})
    _, third, dossier = cars[2]
    module.patch(third, {"characteristics": {"mileage": 191_000}}, "user:7")
    dms.type_in(dossier, {"km": "appeler Quinquaud"})
    dms.type_in(cars[3][2], {"couleur": "QUINQUAUD"})
    dms.type_in(cars[4][2], {"prix_vente": "7 777,00"})
    unlimited = {"kind": "LIMITED", "until": "2031-01-01T00:00:00Z", "reason": f"pour {PERSON}", "by": "quinquaud"}
    module.reserve(cars[4][1], {**unlimited, "blocksSale": False, "blocksPublication": False}, "user:quinquaud")


def test_a_first_contact_comes_to_the_same_again_without_a_socket(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    done = desk.run("--lang", "en", "record", "bug", "--point-of-sale", "PDV1")
    assert done.exit_code == 0, done.output
    assert "Look into it before you send it" in done.output

    class NoSocket(socket.socket):
        def __init__(self, *_: object, **__: object) -> None:
            raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", NoSocket)
    again = desk.run("--lang", "en", "replay", "bug", OPENFLEX_URL=None, ICAR_URL=None, OPENFLEX_TOKEN=None)
    assert again.exit_code == 0, again.output
    assert "The same as recorded" in again.output
    figures = [line for line in done.output.splitlines() if "writes  " in line or "differences = " in line]
    assert len(figures) == 2
    assert all(line in again.output for line in figures)


def test_a_quick_run_that_finds_nothing_finds_nothing_again(desk: Desk) -> None:
    for _ in range(2):
        desk.run("sync", "--point-of-sale", "PDV1")
    done = desk.run("record", "quiet", "--point-of-sale", "PDV1", "--quick")
    assert "différence" not in done.output
    assert (desk.folder / "quiet/decisions.ndjson").read_bytes() == b""
    again = desk.run("replay", "quiet")
    assert again.exit_code == 0, again.output


def test_conflicts_refusals_and_writes_come_to_the_same_and_no_person_is_in_the_recording(shared: Desk) -> None:
    shared.sandbox.breaks("dms").set("ignored_writes", fields=("version",))
    done = shared.run("record", "bug", "--point-of-sale", "PDV1", "--json")
    run = json.loads(done.stdout)["points_of_sale"][0]
    assert run["conflicts"]["open"] > 0
    assert sum(run["writes"].values()) > 0
    assert run["identity"]["held"] > 0
    assert run["refused"] > 0
    vehicles = [shared.sandbox.vehicle_module.find(f"OF-{n:06d}") for n in range(60)]
    here = [v["identification"] for v in vehicles if v is not None and v["pointOfSale"] == "PDV1"]
    vins = [one["vin"] for one in here if one["vin"] and may_not_stay(one["vin"])]
    codes = [*vins, *(vin[11:] for vin in vins), *(one["registration"] for one in here if one["registration"])]
    assert len(codes) > 20
    assert holding(shared.folder / "bug", [*PERSONS, *codes, "sandbox-token", "sandbox-key", "127.0.0.1"]) == []
    again = shared.run("replay", "bug", "--json")
    assert again.exit_code == 0, again.output
    shown = json.loads(again.stdout)
    assert shown["same"] is True
    assert shown["asked_besides"] == shown["not_asked"] == {}
    assert {n: run[n] for n in ("writes", "conflicts", "held")} == {
        n: shown["run"][n] for n in ("writes", "conflicts", "held")
    }
    # What stuck to no side is remembered, and holds in the next recording too.
    for name, options in (("next", ()), ("quick", ("--quick",))):
        assert shared.run("record", name, "--point-of-sale", "PDV1", *options).exit_code == 0
        again = shared.run("replay", name)
        assert again.exit_code == 0, again.output
    assert holding(shared.folder / "quick", PERSONS) == []
    shared.sandbox.breaks("dms").clear()


def test_a_write_that_was_refused_is_not_tried_again_in_the_replay_either(desk: Desk, tmp_path: Path) -> None:
    desk.mappings = tmp_path / "mappings"
    shutil.copytree(SHIPPED, desk.mappings)
    file = desk.mappings / "pairs/openflex-icar/dms.yaml"
    wrong = file.read_text(encoding="utf-8").replace("purple: [VIOLET]", "purple: [VIOLET TRES FONCE]")
    file.write_text(wrong, encoding="utf-8")
    desk.run("sync", "--point-of-sale", "PDV1")
    desk.sandbox.vehicle_module.patch(
        quiet_cars(desk, 1)[0][1], {"characteristics": {"exteriorColour": "Violette"}}, "user:7"
    )
    for name, tries in (("first", 1), ("second", 0)):
        assert desk.run("record", name, "--point-of-sale", "PDV1").exit_code == 0
        lines = (desk.folder / name / "exchanges.ndjson").read_text(encoding="utf-8").splitlines()
        refused = [said for line in lines if (said := json.loads(line)).get("json", {}).get("code") == 422]
        assert len(refused) == tries
        assert all("10 capitales" not in json.dumps(said) for said in refused)
        again = desk.run("replay", name)
        assert again.exit_code == 0, again.output


def test_what_is_remembered_of_a_car_that_came_from_another_point_of_sale_goes_with_it(desk: Desk) -> None:
    desk.run("sync")
    with closing(sqlite3.connect(desk.database)) as connection, connection:
        # What was seen just now at other points of sale goes with a recording, too: the run looks at it.
        connection.execute("UPDATE snapshot SET seen_at = datetime(seen_at, '-1 hour')")
    _, module_id, dossier = quiet_cars(desk, 1)[0]
    desk.sandbox.vehicle_module.patch(module_id, {"pointOfSale": "PDV2"}, "user:7")
    desk.sandbox.dms.type_in(dossier, {"site": "S02", "km": "17"})
    assert desk.run("record", "moved", "--point-of-sale", "PDV2").exit_code == 0
    assert holding(desk.folder / "moved", [dossier])
    connection = sqlite3.connect(desk.folder / "moved/memory.db")
    assert connection.execute("SELECT point_of_sale FROM car WHERE dms_id = ?", (dossier,)).fetchall() == [("PDV1",)]
    assert connection.execute("SELECT count(*) FROM car WHERE point_of_sale = 'PDV1'").fetchone() == (1,)
    connection.close()
    again = desk.run("replay", "moved")
    assert again.exit_code == 0, again.output


def test_a_reviewers_decision_is_carried_out_again_without_its_reviewer(desk: Desk) -> None:
    desk.run("sync", "--point-of-sale", "PDV1")
    vin, module_id, dossier = quiet_cars(desk, 1)[0]
    desk.sandbox.vehicle_module.patch(module_id, {"characteristics": {"mileage": 191_000}}, "user:7")
    desk.sandbox.dms.change(dossier, {"km": "123"})
    desk.run("sync", "--point-of-sale", "PDV1")
    desk.said("conflicts", "export", "report.csv")
    lines = (desk.folder / "report.csv").read_text(encoding="utf-8-sig").splitlines()
    [head, *rows] = list(csv.reader(lines, delimiter=";"))
    for row in rows:
        if vin in row and "Kilométrage" in row:
            row[next(i for i, name in enumerate(head) if name.startswith("Décision ("))] = "module"
            row[head.index("Commentaire")] = f"vu avec {PERSON}"
    with (desk.folder / "report.csv").open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, delimiter=";").writerows([head, *rows])
    assert "1" in desk.said("conflicts", "import", "report.csv", "--by", "Zébulon Quinquaud")
    done = desk.run("record", "decided", "--point-of-sale", "PDV1", "--json")
    assert json.loads(done.stdout)["points_of_sale"][0]["decisions"]["applied"] == 1
    assert holding(desk.folder / "decided", PERSONS) == []
    again = desk.run("replay", "decided", "--json")
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout)["run"]["decisions"]["applied"] == 1


def test_a_listing_of_many_pages_that_breaks_off_in_the_middle_comes_to_the_same(desk: Desk, tmp_path: Path) -> None:
    desk.mappings = tmp_path / "mappings"
    shutil.copytree(SHIPPED, desk.mappings)
    for name, before, after in (("vehicle_module.yaml", "limit: 500", "limit: 3"), ("dms.yaml", "500}", "4}")):
        file = desk.mappings / "pairs/openflex-icar" / name
        file.write_text(file.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")
    assert desk.run("record", "whole", "--point-of-sale", "PDV1").exit_code == 0
    lines = (desk.folder / "whole/exchanges.ndjson").read_text(encoding="utf-8").splitlines()
    assert sum("cursor=" in json.loads(line)["path"] for line in lines) > 2
    assert desk.run("replay", "whole").exit_code == 0
    # The first pages come, and every try of a later one is cut.
    for seed in range(20):
        desk.sandbox.breaks("dms").set("cut", calls=("list",), share=0.7, seed=seed)
        done = desk.run("record", f"broken{seed}", "--point-of-sale", "PDV1")
        text = (desk.folder / f"broken{seed}/exchanges.ndjson").read_text(encoding="utf-8")
        if done.exit_code == 1 and "page=2" in text:
            break
    assert done.exit_code == 1
    again = desk.run("--lang", "en", "replay", f"broken{seed}")
    assert again.exit_code == 0, again.output
    assert "The same as recorded" in again.output


def test_a_plan_that_a_person_let_pass_passes_in_the_replay_too(desk: Desk, tmp_path: Path) -> None:
    desk.run("sync", "--point-of-sale", "PDV1")
    desk.mappings = tmp_path / "mappings"
    shutil.copytree(SHIPPED, desk.mappings)
    desk.sandbox.vehicle_module.patch(quiet_cars(desk, 1)[0][1], {"characteristics": {"mileage": 191_000}}, "user:7")
    file = desk.mappings / "points_of_sale.yaml"
    owned = "    ownership: {mileage: {owner: dms}}\n    vehicle_module:"
    file.write_text(file.read_text(encoding="utf-8").replace("    vehicle_module:", owned, 1), encoding="utf-8")
    desk.mappings = SHIPPED
    assert desk.run("record", "before", "--point-of-sale", "PDV1", "--dry-run").exit_code == 0
    desk.mappings = tmp_path / "mappings"
    # An edit that is tried on a recording counts as accepted; at the real thing it halts.
    tried = desk.run("replay", "before", "--mappings", str(desk.mappings), "--json")
    assert tried.exit_code == 3
    assert json.loads(tried.stdout)["differs"]["figures"].keys() == {"plan", "writes"}
    halted = desk.run("record", "halted", "--point-of-sale", "PDV1", "--json")
    assert halted.exit_code == 3
    assert desk.run("replay", "halted").exit_code == 0
    assert desk.run("release", str(json.loads(halted.stdout)["points_of_sale"][0]["run"])).exit_code == 0
    assert desk.run("record", "released", "--point-of-sale", "PDV1").exit_code == 0
    again = desk.run("replay", "released")
    assert again.exit_code == 0, again.output


def test_vins_and_plates_are_kept_on_demand(shared: Desk) -> None:
    vin = quiet_cars(shared, 1)[0][0]
    shared.run("record", "with-vins", "--point-of-sale", "PDV1", "--dry-run", "--keep-vins")
    assert holding(shared.folder / "with-vins", [vin])
    assert holding(shared.folder / "with-vins", PERSONS) == []
    assert shared.run("replay", "with-vins").exit_code == 0


@pytest.mark.parametrize("fault", ["cut", "login_page", "key_revoked"])
def test_a_run_that_fails_is_recorded_and_fails_alike(shared: Desk, fault: str) -> None:
    shared.sandbox.breaks("dms").set(fault, calls=("list",))
    try:
        done = shared.run("record", fault, "--point-of-sale", "PDV1")
    finally:
        shared.sandbox.breaks("dms").clear()
    assert done.exit_code in (1, 2)
    assert no_traceback(done)
    again = shared.run("--lang", "en", "replay", fault)
    assert again.exit_code == 0, again.output
    assert "The same as recorded" in again.output
    assert holding(shared.folder / fault, PERSONS) == []


def test_another_mapping_makes_the_replay_differ_and_it_says_how(shared: Desk, tmp_path: Path) -> None:
    shared.run("record", "mapped", "--point-of-sale", "PDV1", "--dry-run")
    edited = tmp_path / "edited"
    shutil.copytree(SHIPPED, edited)
    file = edited / "pairs/openflex-icar/dms.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("white: [BLANC]", "white: [BLANCHE]"), encoding="utf-8")
    shown = shared.run("--lang", "en", "replay", "mapped", "--mappings", str(edited))
    assert shown.exit_code == 3, shown.output
    assert "Differs from what was recorded" in shown.output
    assert "exterior_colour: nothing -> held invalid_value" in shown.output
    data = json.loads(shared.run("replay", "mapped", "--mappings", str(edited), "--json").stdout)
    assert {one["subject"] for one in data["differs"]["decisions"]} == {"exterior_colour"}
    file.write_text(file.read_text(encoding="utf-8").replace("taille: 500", "taille: 400"), encoding="utf-8")
    shown = shared.run("--lang", "en", "replay", "mapped", "--mappings", str(edited))
    assert shown.exit_code == 3
    assert "Now also asks" in shown.output
    assert "taille=400" in shown.output
    assert "is not asked now" in shown.output


# --- a recording is somebody else's


@pytest.fixture(scope="module")
def recording(shared: Desk) -> Path:
    """A recording, made once."""
    shared.run("record", "sent", "--point-of-sale", "PDV1", "--dry-run")
    return shared.folder / "sent"


@pytest.fixture
def copy(recording: Path, tmp_path: Path) -> Path:
    """A recording that a test may spoil."""
    shutil.copytree(recording, tmp_path / "sent")
    return tmp_path / "sent"


@pytest.mark.parametrize(
    "name", ["recording.json", "exchanges.ndjson", "decisions.ndjson", "memory.db", "mappings/vehicle.yaml"]
)
def test_a_byte_that_was_flipped_is_seen(shared: Desk, copy: Path, name: str) -> None:
    raw = bytearray((copy / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (copy / name).write_bytes(raw)
    done = shared.run("replay", str(copy))
    assert (done.exit_code, no_traceback(done)) == (2, True)
    assert name.split("/")[-1] in done.output


def test_what_somebody_took_out_on_purpose_may_be_taken_out(shared: Desk, copy: Path) -> None:
    file = copy / "exchanges.ndjson"
    file.write_text(file.read_text(encoding="utf-8").replace('"Volkswagen"', '"V."'), encoding="utf-8")
    assert shared.run("replay", str(copy)).exit_code == 2
    assert shared.run("replay", str(copy), "--edited").exit_code in (0, 3)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON run BEGIN DELETE FROM car; END",
        "CREATE VIEW v AS SELECT 1",
        "CREATE TABLE more (a)",
        "DROP INDEX car_by_vin",
    ],
)
def test_a_database_with_anything_else_in_it_is_refused(shared: Desk, copy: Path, statement: str) -> None:
    connection = sqlite3.connect(copy / "memory.db")
    connection.execute(statement)
    connection.commit()
    connection.close()
    done = shared.run("replay", str(copy), "--edited")
    assert (done.exit_code, no_traceback(done)) == (2, True)
    assert "its tables are not those of this version" in done.output


def test_a_damaged_database_is_refused(shared: Desk, copy: Path) -> None:
    raw = bytearray((copy / "memory.db").read_bytes())
    raw[4096 * 3 : 4096 * 20] = b"\xff" * 4096 * 17
    (copy / "memory.db").write_bytes(raw)
    done = shared.run("replay", str(copy), "--edited")
    assert (done.exit_code, no_traceback(done)) == (2, True)


def test_links_and_missing_files_are_refused(shared: Desk, copy: Path, tmp_path: Path) -> None:
    (copy / "decisions.ndjson").unlink()
    done = shared.run("replay", str(copy), "--edited")
    assert (done.exit_code, "decisions.ndjson: it is missing" in done.output) == (2, True)
    (tmp_path / "elsewhere").write_text("", encoding="utf-8")
    (copy / "decisions.ndjson").symlink_to(tmp_path / "elsewhere")
    done = shared.run("replay", str(copy), "--edited")
    assert (done.exit_code, "is a link" in done.output) == (2, True)
    assert shared.run("replay", str(tmp_path / "nowhere")).exit_code == 2


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense\n",
        b'{"side":"dms"}\n',
        b'{"side":"dms","method":"GET","path":"http://elsewhere/","at":"2026-01-01T00:00:00+00:00","status":200}\n',
        b'{"side":"dms","method":"GET","path":"/a","at":"2026-01-01T00:00:00","status":200,"headers":{}}\n',
        b'{"side":"dms","method":"GET","path":"/a","at":"2026-01-01T00:00:00+00:00","fault":"os.system"}\n',
        b'{"side":"dms","method":"GET","path":"/a","at":"2026-01-01T00:00:00+00:00","status":200,"headers":[1]}\n',
    ],
)
def test_a_line_that_is_none_is_refused(shared: Desk, copy: Path, line: bytes) -> None:
    with (copy / "exchanges.ndjson").open("ab") as file:
        file.write(line)
    done = shared.run("replay", str(copy), "--edited")
    assert (done.exit_code, no_traceback(done)) == (2, True)
    assert "exchanges.ndjson" in done.output


@pytest.mark.parametrize(
    "change", [{"format": 2}, {"format": "1"}, {"started_at": "now"}, {"result": []}, {"files": 7}]
)
def test_a_head_that_is_none_is_refused(shared: Desk, copy: Path, change: dict[str, Any]) -> None:
    said = json.loads((copy / "recording.json").read_text(encoding="utf-8"))
    (copy / "recording.json").unlink()
    del said["digest"], said["format"]
    said |= {"stocksync": "0.1.0"}
    _write_head(copy, said | change)
    done = shared.run("replay", str(copy), "--edited")
    assert (done.exit_code, no_traceback(done)) == (2, True)


def _write_head(folder: Path, said: dict[str, Any]) -> None:
    import orjson

    from stocksync.adapters.recordings.folder import FORMAT, _own_digest

    whole = {"format": FORMAT, **said}
    (folder / "recording.json").write_bytes(orjson.dumps(whole | {"digest": _own_digest(whole)}))


# --- where nothing is recorded


def test_a_folder_that_holds_something_is_left_alone(shared: Desk) -> None:
    (shared.folder / "taken").mkdir()
    (shared.folder / "taken/mine").write_text("mine", encoding="utf-8")
    done = shared.run("record", "taken", "--point-of-sale", "PDV1", "--dry-run")
    assert (done.exit_code, "holds something already" in done.output) == (2, True)
    assert [path.name for path in (shared.folder / "taken").iterdir()] == ["mine"]


def test_an_empty_folder_is_filled(shared: Desk) -> None:
    (shared.folder / "empty").mkdir()
    assert shared.run("record", "empty", "--point-of-sale", "PDV1", "--dry-run").exit_code == 0
    assert Recorded(shared.folder / "empty").head.is_dry


def test_a_paused_point_of_sale_is_not_run(shared: Desk) -> None:
    shared.run("pause", "--point-of-sale", "PDV1", "--by", "me")
    try:
        done = shared.run("record", "paused", "--point-of-sale", "PDV1")
    finally:
        shared.run("resume")
    assert done.exit_code == 1
    assert not (shared.folder / "paused").exists()


def test_a_secret_in_the_mapping_files_is_not_recorded(shared: Desk, tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path / "mappings")
    with (tmp_path / "mappings/vehicle.yaml").open("a", encoding="utf-8") as file:
        file.write("# sandbox-token\n")
    done = shared.run("--mappings", str(tmp_path / "mappings"), "record", "secret", "--point-of-sale", "PDV1")
    assert done.exit_code == 2
    assert "The value of OPENFLEX_TOKEN stands in vehicle.yaml" in done.output
    assert "sandbox-token" not in done.output
    assert not (shared.folder / "secret").exists()


def test_the_name_of_a_user_is_no_secret_and_may_stand_in_the_mapping_files(shared: Desk, tmp_path: Path) -> None:
    mappings = tmp_path / "mappings"
    shutil.copytree(SHIPPED, mappings)
    for name, before, after in (
        ("pairs/openflex-icar/dms.yaml", "scheme: api_key, header: X-Api-Key", "scheme: basic, user: login"),
        ("points_of_sale.yaml", "{key: ICAR_KEY}", "{key: ICAR_KEY, login: ICAR_LOGIN}"),
    ):
        file = mappings / name
        file.write_text(file.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")
    arguments = ("--mappings", str(mappings), "record", "basic", "--point-of-sale", "PDV1", "--dry-run")
    done = shared.run(*arguments, ICAR_LOGIN="stocksync")
    assert "does not accept our key" in done.output
    assert shared.run("replay", "basic").exit_code == 0
    coded = base64.b64encode(b"stocksync:sandbox-key").decode()
    assert holding(shared.folder / "basic", [coded, "sandbox-key"]) == []


def test_a_fault_of_stocksync_is_recorded_and_comes_again(shared: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: object, **__: object) -> None:
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr("stocksync.sync.deciding.check_plan", wrong)
    done = shared.run("record", "crash", "--point-of-sale", "PDV1", "--dry-run")
    assert isinstance(done.exception, ZeroDivisionError)
    assert shared.run("replay", "crash").exit_code == 0
    monkeypatch.undo()
    again = shared.run("--lang", "en", "replay", "crash")
    assert again.exit_code == 3
    assert "error: ZeroDivisionError -> nothing" in again.output


def test_nothing_is_left_of_a_recording_that_could_not_be_written(
    shared: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Part, "finish", full)
    done = shared.run("record", "full", "--point-of-sale", "PDV1", "--dry-run")
    assert done.exit_code == 1
    assert [path.name for path in shared.folder.iterdir() if "full" in path.name] == []

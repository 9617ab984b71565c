"""`conflicts export`, `import`, `undo` and `show` as a used-car manager and an operator type them."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from openpyxl import load_workbook

from tests.entrypoints.desk import FRENCH_SPACES, Desk, desk_at, no_traceback, quiet_cars

DECISION, VALUE, COMMENT = "Décision (module, dms, valeur, ignorer)", "Valeur décidée", "Commentaire"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Two synchronisations, between which people changed the mileage of some cars on both sides."""
    with desk_at(tmp_path_factory.mktemp("reviewing"), cars=100) as made:
        made.said("sync")
        for vin, module_id, dossier in quiet_cars(made, 8):
            made.cars.append(vin)
            km = made.sandbox.vehicle_module.vehicle(module_id)["characteristics"]["mileage"]
            made.sandbox.vehicle_module.patch(module_id, {"characteristics": {"mileage": km + 60_000}}, "user:7")
            made.sandbox.dms.change(dossier, {"km": str(km + 123)})
        made.said("sync")
        yield made


def table(raw: bytes) -> list[dict[str, str]]:
    text = raw.decode("utf-8-sig").translate(FRENCH_SPACES)
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=";", strict=True))


def exported(desk: Desk, name: str = "conflits.csv") -> list[dict[str, str]]:
    desk.said("conflicts", "export", "--force", name)
    return table((desk.folder / name).read_bytes())


def filled_in(desk: Desk, name: str, *decisions: tuple[str, str, str], comment: str = "") -> Path:
    """Hand a report back with a decision and a value for the mileages of some cars."""
    rows = exported(desk)
    for vin, word, value in decisions:
        (row,) = [row for row in rows if row["Châssis"] == vin and row["Donnée"] == "Kilométrage"]
        row |= {DECISION: word, VALUE: value, COMMENT: comment}
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=";", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    file = desk.folder / name
    file.write_bytes(text.getvalue().encode("cp1252", "replace"))
    return file


def number_of(desk: Desk, vin: str) -> int:
    listed = desk.data("conflicts", "list", "--all")["conflicts"]
    return int(next(row["id"] for row in listed if row["vin"] == vin and row["subject"] == "mileage"))


def mileage(desk: Desk, vin: str) -> tuple[str, str]:
    told = desk.data("explain", vin, "mileage")
    return told["vehicle_module"], told["dms"]


def test_a_dry_run_answers_every_row_and_keeps_nothing(desk: Desk) -> None:
    file = filled_in(desk, "essai.csv", (desk.cars[0], "module", ""), (desk.cars[1], "peut-être", ""))
    done = desk.run("conflicts", "import", str(file), "--dry-run")
    said = done.stdout.translate(FRENCH_SPACES)
    assert done.exit_code == 2
    assert "SUCCES" in said
    assert "Colonne « Décision" in said
    assert "attendu : module, dms, valeur ou ignorer" in said
    assert said.rstrip().endswith("Essai à blanc : rien n'est enregistré.")
    assert not (desk.folder / "essai-reponse.csv").exists()
    assert desk.data("conflicts", "show", str(number_of(desk, desk.cars[0])))["decisions"] == []


def test_what_is_decided_is_answered_beside_the_file_and_carried_out_by_the_next_synchronisation(desk: Desk) -> None:
    vin, other = desk.cars[1], desk.cars[2]
    before = mileage(desk, vin)
    file = filled_in(desk, "retour.csv", (vin, "dms", ""), (other, "valeur", "1.000.000"), comment="vu sur place")
    done = desk.run("conflicts", "import", str(file), "--by", "A. Martin")
    assert done.exit_code == 2, "a decision was refused"
    answers = table((desk.folder / "retour-reponse.csv").read_bytes())
    assert [answer["STATUT"] for answer in answers if answer["CHASSIS"] == vin] == ["SUCCES"]
    (refused,) = [answer for answer in answers if answer["CHASSIS"] == other]
    assert refused["STATUT"] == "ECHEC"
    assert "dépasse 50 000 km (pairs/openflex-icar/ownership.yaml:" in refused["DETAIL"]
    again = desk.run("conflicts", "import", str(file), "--by", "B. Durand").stdout
    assert "A. Martin l'a décidé le" in again
    assert "1 appliquée" in desk.said("sync")
    assert mileage(desk, vin) == (before[1], before[1])
    story = desk.said("conflicts", "show", str(number_of(desk, vin)))
    for told in ("A. Martin", "retour.csv", "vu sur place", "appliquée", "clos le"):
        assert told in story


def test_another_decision_about_the_same_row_is_told_who_came_first(desk: Desk) -> None:
    vin = desk.cars[3]
    first, second = filled_in(desk, "un.csv", (vin, "dms", "")), filled_in(desk, "deux.csv", (vin, "module", ""))
    assert desk.run("conflicts", "import", str(first), "--by", "A. Martin").exit_code == 0
    done = desk.run("conflicts", "import", str(second), "--by", "B. Durand")
    assert done.exit_code == 2
    assert "« dms » par A. Martin le" in done.stdout.translate(FRENCH_SPACES)


def test_a_decision_is_taken_back_by_the_number_of_its_row(desk: Desk) -> None:
    vin = desk.cars[4]
    file = filled_in(desk, "repris.csv", (vin, "dms", ""))
    number = str(number_of(desk, vin))
    assert desk.run("conflicts", "undo", number).exit_code == 2, "nothing was decided yet"
    assert desk.run("conflicts", "import", str(file)).exit_code == 0
    assert "elle n'avait encore rien écrit" in desk.said("conflicts", "undo", number, "--dry-run")
    assert "est annulée" in desk.said("conflicts", "undo", number, "--by", "C. Petit")
    assert desk.run("conflicts", "undo", number).exit_code == 2
    done = desk.run("conflicts", "import", str(file))
    assert "annulée depuis par C. Petit" in done.stdout.translate(FRENCH_SPACES), "the same file brought it back"
    assert "C. Petit" in desk.said("conflicts", "show", number)


def test_what_is_ignored_leaves_the_report(desk: Desk) -> None:
    vin = desk.cars[5]
    file = filled_in(desk, "ignorer.csv", (vin, "ignorer", ""))
    number = number_of(desk, vin)
    assert desk.run("conflicts", "import", str(file)).exit_code == 0
    assert number not in [row["id"] for row in desk.data("conflicts", "list")["conflicts"]]
    assert number in [row["id"] for row in desk.data("conflicts", "list", "--all")["conflicts"]]


def test_a_changed_row_is_stale_and_shows_old_and_new(desk: Desk) -> None:
    vin = desk.cars[6]
    file = filled_in(desk, "hier.csv", (vin, "module", ""))
    dossier = desk.data("explain", vin)["records"]["dms"]
    km = int("".join(desk.sandbox.dms.file(dossier)["km"].split()))
    desk.sandbox.dms.change(dossier, {"km": str(km + 77)})
    desk.said("sync")
    done = desk.run("conflicts", "import", str(file), "--lang", "en")
    assert done.exit_code == 2
    assert f"DMS {km:,} km → {km + 77:,} km".replace(" ", "\u00a0") in done.stdout.replace(" ", "\u00a0")
    assert (desk.folder / "hier-answer.csv").read_text("utf-8-sig").startswith("STATUS;DETAIL;")


def test_what_cannot_be_taken_back_of_a_lot_is_told_car_by_car(desk: Desk) -> None:
    cars = quiet_cars(desk, 3)
    for _, _, dossier in cars:
        desk.sandbox.dms.change(dossier, {"couleur": "FUCHSIA"})
    desk.said("sync")
    (line,) = [row for row in exported(desk) if "FUCHSIA" in row["Ce qui s'est passé"]]
    assert line["Châssis"] == "3 voitures (annexe)"
    (desk.folder / "lot.csv").write_text(
        "".join(
            ";".join(f'"{cell}"' for cell in cells) + "\n" for cells in (line, (line | {DECISION: "module"}).values())
        ),
        "utf-8-sig",
    )
    desk.said("conflicts", "import", "lot.csv")
    desk.said("sync")
    done = desk.run("conflicts", "undo", line["N° de conflit"], "--lot")
    told = done.stdout.translate(FRENCH_SPACES).splitlines()
    numbers = {
        row["vin"]: row["id"]
        for row in desk.data("conflicts", "list", "--all")["conflicts"]
        if row["subject"] == "exterior_colour"
    }
    assert done.exit_code == 2
    assert {said.split(" : ")[0] for said in told} == {f"Conflit n° {numbers[vin]} ({vin})" for vin, *_ in cars}
    assert all("L'ancienne valeur était illisible" in said for said in told)


def test_a_file_that_cannot_be_read_is_refused_as_a_whole(desk: Desk) -> None:
    for name, raw in (("image.csv", b"\x89PNG\r\n\x1a\n\0\0"), ("autre.csv", b"a;b\r\n1;2\r\n"), ("vide.xlsx", b"")):
        (desk.folder / name).write_bytes(raw)
        done = desk.run("conflicts", "import", name)
        assert done.exit_code == 2
        assert no_traceback(done)
        assert len(done.stderr.strip().splitlines()) == 1


def test_a_row_that_was_decided_tells_of_the_decision_and_of_no_side_that_decides(desk: Desk) -> None:
    row = next(
        row
        for row in desk.data("conflicts", "list", "--kind", "first_contact")["conflicts"]
        if row["subject"] == "mileage"
    )
    km = max(int(row["vehicle_module"]), int(row["dms"])) + 100
    leap = desk.run("conflicts", "import", str(filled_in(desk, "bond.csv", (row["vin"], "valeur", "999999"))))
    assert "L'écart avec la valeur du " in leap.stdout.translate(FRENCH_SPACES), "nothing was in common yet"
    desk.said(
        "conflicts", "import", str(filled_in(desk, "premier.csv", (row["vin"], "valeur", str(km)))), "--by", "Zoé"
    )
    desk.said("sync")
    shown = desk.said("conflicts", "show", str(row["id"]))
    assert shown.count("Un relecteur en a décidé : la valeur décidée vaut des deux côtés.") == 2, "row and story"
    assert (
        f"Décision de Zoé du {shown.split('Décision de Zoé du ')[1][:16]} : valeur → {km:,} km.".replace(",", " ")
        in shown
    )
    assert "fait foi" not in shown
    assert "fait foi" not in desk.said("history", row["vin"]).split("Zoé")[1]


def test_a_row_of_another_database_is_unknown(desk: Desk) -> None:
    rows = exported(desk)
    rows[0] |= {DECISION: "ignorer", "Empreinte (ne pas modifier)": "v0123456789abcdef"}
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=";")
    writer.writeheader()
    writer.writerow(rows[0])
    (desk.folder / "etranger.csv").write_text(text.getvalue(), "utf-8")
    (answer,) = [
        r
        for r in desk.run("conflicts", "import", "etranger.csv", "--json").stdout.split('"answer": ')
        if "unknown" in r
    ]
    assert answer


def test_the_workbook_holds_the_same_rows_and_comes_back_the_same_way(desk: Desk) -> None:
    vin = desk.cars[7]
    rows = exported(desk)
    desk.said("conflicts", "export", "conflits.xlsx")
    book = load_workbook(desk.folder / "conflits.xlsx")
    sheet = book.worksheets[0]
    headers = [str(cell.value) for cell in sheet[1]]
    assert headers == list(rows[0])
    assert sheet.max_row == len(rows) + 1
    places = {name: headers.index(name) + 1 for name in ("Châssis", "Donnée", DECISION)}
    for number in range(2, sheet.max_row + 1):
        values = {name: sheet.cell(number, place).value for name, place in places.items()}
        if (values["Châssis"], values["Donnée"]) == (vin, "Kilométrage"):
            sheet.cell(number, places[DECISION]).value = "dms"
    book.save(desk.folder / "retour.xlsx")
    told = desk.data("conflicts", "import", "retour.xlsx")
    assert [(row["vin"], row["answer"]) for row in told["rows"]] == [(vin, "accepted")]


@pytest.mark.parametrize("there", ["rendu.csv", "rendu-annexe.csv", "rendu.xlsx"])
def test_a_file_that_is_there_is_only_overwritten_where_that_is_wanted(desk: Desk, there: str) -> None:
    name = there.replace("-annexe", "")
    (desk.folder / there).write_bytes(b"decided by A. Martin")
    done = desk.run("conflicts", "export", name)
    assert (done.exit_code, no_traceback(done)) == (2, True)
    assert f"{there} is there already" in done.stderr
    assert "--force" in done.stderr
    assert (desk.folder / there).read_bytes() == b"decided by A. Martin"
    desk.said("conflicts", "export", "--force", name)
    assert (desk.folder / there).read_bytes() != b"decided by A. Martin"
    for left in desk.folder.glob("rendu*"):
        left.unlink()


def test_an_export_holds_the_kinds_that_were_asked_for(desk: Desk) -> None:
    desk.said("conflicts", "export", "genres.csv", "--kind", "implausible_jump", "--kind", "duplicate")
    assert {row["Nature"] for row in table((desk.folder / "genres.csv").read_bytes())} <= {
        "écart trop grand",
        "doublon",
    }
    done = desk.run("conflicts", "export", "-", "--format", "xlsx")
    assert done.exit_code == 2

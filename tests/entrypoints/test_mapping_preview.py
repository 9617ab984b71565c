"""`mapping preview`, `diff` and `accept`: what an integrator is shown of an edit before it does anything."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.entrypoints.desk import FRENCH_SPACES, SHIPPED, Desk, desk_at, no_traceback, snapshot_of

LINE = "    ownership: {mileage: {owner: dms}}\n"
NAME = "    name: 01 - VW SEAT SKODA\n"


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A synchronised stock in which the mileages of one car differ, and nobody has decided about that."""
    with desk_at(tmp_path_factory.mktemp("desk"), cars=60) as desk:
        desk.said("sync")
        yield desk


@pytest.fixture
def desk(settled: Desk, tmp_path: Path) -> Desk:
    """The same systems and database, with mapping files of the test's own."""
    folder = Path(shutil.copytree(SHIPPED, tmp_path / "mappings"))
    shutil.copy(settled.database, tmp_path / "memory.db")
    return Desk(tmp_path, settled.sandbox, mappings=folder)


def edit(desk: Desk, old: str, new: str, file: str = "points_of_sale.yaml") -> None:
    path = desk.mappings / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_without_an_edit_nothing_differs(desk: Desk) -> None:
    said = desk.said("mapping", "preview")
    assert "Aucune modification qui puisse changer une décision." in said
    assert "mapping accept" not in said


def test_a_preview_groups_what_differs_under_the_edited_line_and_says_what_to_do_next(desk: Desk) -> None:
    conflicts = [
        row
        for row in desk.data("conflicts", "list")["conflicts"]
        if row["subject"] == "mileage" and row["point_of_sale"] == "PDV1" and row["category"] == "conflict"
    ]
    assert conflicts, "the seeded stock has mileages that differ"
    edit(desk, NAME, NAME + LINE)
    before = snapshot_of(desk)
    shown = desk.data("mapping", "preview")
    [edited] = shown["edits"]
    assert (edited["path"], edited["after"]) == ("points_of_sale.PDV1.ownership.mileage", "{owner: dms}")
    assert {d["subject"] for d in shown["differences"]} == {"mileage"}
    assert {d["car"] for d in shown["differences"]} >= {row["car"] for row in conflicts}
    assert all(d["edits"] == [f"points_of_sale.yaml:{edited['line']}"] for d in shown["differences"])
    said = desk.said("mapping", "preview")
    assert f"points_of_sale.yaml:{edited['line']}  points_of_sale.PDV1.ownership.mileage" in said
    assert "Kilométrage : conflit" in said
    assert said.splitlines()[-1] == "Pour l'appliquer : stocksync mapping accept"
    assert "writes at the next run" in desk.run("--lang", "en", "mapping", "preview").stdout
    assert snapshot_of(desk) == before


def test_every_difference_goes_into_a_spreadsheet(desk: Desk) -> None:
    edit(desk, NAME, NAME + LINE)
    desk.said("mapping", "preview", "--csv", "preview.csv")
    text = (desk.folder / "preview.csv").read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text), delimiter=";"))
    assert len(rows) == len(desk.data("mapping", "preview")["differences"]) > 0
    assert {row["Donnée"] for row in rows} == {"Kilométrage"}


def test_an_edit_is_compared_with_another_folder_or_a_revision_of_git(desk: Desk) -> None:
    run = ["git", "-C", str(desk.mappings), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", "-C", str(desk.mappings), "init", "-q"], check=True)
    subprocess.run([*run, "add", "."], check=True)
    subprocess.run([*run, "commit", "-q", "-m", "before"], check=True)
    edit(desk, NAME, NAME + LINE)
    by_git = desk.data("mapping", "preview", "--against", "HEAD")
    by_folder = desk.data("mapping", "preview", "--against", str(SHIPPED))
    by_runs = desk.data("mapping", "preview")
    assert by_git["differences"] == by_folder["differences"] == by_runs["differences"]
    for wrong in ("nowhere", "--output=/etc/passwd", "HEAD:../x"):
        done = desk.run("mapping", "preview", f"--against={wrong}")
        assert (done.exit_code, no_traceback(done)) == (2, True)
        assert "neither a folder nor a revision" in done.stderr


def test_diff_shows_the_cells_that_change_and_where(desk: Desk) -> None:
    edit(desk, NAME, NAME + LINE)
    said = desk.said("mapping", "diff")
    assert "Kilométrage, propriétaire : partagé → DMS  (PDV1 : partout - points_of_sale.yaml:" in said
    [cell] = desk.data("mapping", "diff")["cells"]
    assert (cell["attribute"], cell["facet"], cell["points_of_sale"]) == ("mileage", "owner", ["PDV1"])


def test_a_field_that_is_looked_for_where_no_record_has_it_halts_and_is_told_before(desk: Desk) -> None:
    """Sales in the DMS would go unnoticed, and nothing would differ until there is one."""
    edit(desk, "field: no_bdc,", "field: no_bcd,", "pairs/openflex-icar/dms.yaml")
    said = desk.said("mapping", "preview")
    assert "serait cherché dans le champ no_bcd, qui n'est dans aucune des" in said.translate(FRENCH_SPACES)
    assert "ne change rien" not in said
    assert "mapping accept" in said.splitlines()[-1]
    [point] = [p for p in desk.data("mapping", "preview")["points_of_sale"] if p["id"] == "PDV1"]
    [unread] = point["unread"]
    assert (unread["attribute"], unread["field"]) == ("dms_order", "no_bcd")
    assert "which is in none of the" in desk.run("--lang", "en", "mapping", "preview").stdout
    done = desk.run("sync", "--point-of-sale", "PDV1")
    assert done.exit_code == 3
    assert "est désormais cherché dans le champ no_bcd" in (done.stdout + done.stderr).translate(FRENCH_SPACES)
    assert "mapping preview" in done.stdout
    desk.said("mapping", "accept", "--by", "A. Martin", "--yes")
    assert desk.run("sync", "--point-of-sale", "PDV1").exit_code != 3


def test_an_edit_halts_until_it_is_accepted_once(desk: Desk) -> None:
    edit(desk, NAME, NAME + LINE)
    assert desk.run("sync", "--point-of-sale", "PDV1").exit_code == 3
    done = desk.run("mapping", "accept", "--by", "A. Martin", "--json")
    assert (done.exit_code, no_traceback(done)) == (2, True), "nobody can be asked"
    assert desk.run("mapping", "accept", "--by", "A. Martin").exit_code == 1, "nobody said yes"
    assert desk.run("sync", "--point-of-sale", "PDV1").exit_code == 3
    accepted = json.loads(desk.run("mapping", "accept", "--by", "A. Martin", "--yes", "--json").stdout)
    assert accepted["accepted"] == ["PDV1"]
    [line] = [x for x in desk.data("journal", "show")["journal"] if x["action"] == "mapping_accepted"]
    assert line["details"]["by"] == "A. Martin"
    plan = desk.data("plan", "--point-of-sale", "PDV1")["points_of_sale"][0]
    assert plan["status"] == "done"


def test_there_is_nothing_to_accept_where_the_runs_work_by_these_files(desk: Desk) -> None:
    said = desk.run("mapping", "accept", "--by", "A. Martin").stdout.translate(FRENCH_SPACES)
    assert said.strip() == "Rien à accepter : les passages de PDV1, PDV2 appliquent déjà ces fichiers."
    one = desk.run("--lang", "en", "mapping", "accept", "--by", "A. Martin", "--point-of-sale", "PDV1").stdout
    assert one.strip() == "Nothing to accept: the runs of PDV1 work by these files already."


def test_a_point_of_sale_that_was_never_synchronised_is_told_as_such(desk: Desk) -> None:
    (desk.folder / "memory.db").unlink()
    assert "PDV1 : jamais synchronisé ou nouveau, rien à comparer." in desk.said("mapping", "preview")


def test_a_preview_names_the_cars_that_a_reviewer_decided_to_leave_as_they_are(tmp_path: Path) -> None:
    """Once they are written all the same, nobody says that the decision still holds."""
    with desk_at(tmp_path, cars=60) as own:
        own.said("sync")
        folder = Path(shutil.copytree(SHIPPED, tmp_path / "edited"))
        is_written_although_ignored(Desk(own.folder, own.sandbox, mappings=folder))


def is_written_although_ignored(desk: Desk) -> None:
    desk.said("conflicts", "export", "report.csv")
    with (desk.folder / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    [row] = [r for r in rows if r["Donnée"] == "Kilométrage" and r["Point de vente"] == "PDV1"][:1]
    row["Décision (module, dms, valeur, ignorer)"] = "ignorer"
    with (desk.folder / "report.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(row), delimiter=";")
        writer.writeheader()
        writer.writerow(row)
    desk.said("conflicts", "import", "report.csv", "--by", "A. Martin")
    edit(desk, NAME, NAME + LINE)
    ignored = [d["car"] for d in desk.data("mapping", "preview")["differences"] if d["ignored_by_a_reviewer"]]
    assert len(ignored) == 1
    said = desk.said("mapping", "preview")
    assert "Attention : 1 voiture serait écrite alors qu'un relecteur a choisi « ignorer »" in said
    assert "[« ignorer » par un relecteur]" in said
    number = row["N° de conflit"]
    assert "en vigueur tant qu'aucune valeur ne change" in desk.said("conflicts", "show", number)
    desk.said("mapping", "accept", "--by", "A. Martin", "--yes")
    desk.said("sync", "--point-of-sale", "PDV1")
    assert "ne vaut plus pour les valeurs d'aujourd'hui" in desk.said("conflicts", "show", number)

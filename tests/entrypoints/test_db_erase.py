"""`stocksync db erase` as people type it: what goes, what stays and why, and that the name is printed nowhere."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from openpyxl import Workbook

from stocksync.adapters.store.erasing_parts import Place
from stocksync.entrypoints.cli import cli
from stocksync.entrypoints.db_words import ERASING, HOLDING
from tests.adapters.journals import tamper
from tests.adapters.test_erasing import BYTES, NAME, SHARED, gone_from_both, nothing_moves, remains
from tests.entrypoints.desk import FRENCH_SPACES, no_traceback
from tests.worlds import DMS, MODULE, SHIPPED, World, a_world, dms_record, module_record

DECISION, COMMENT = "Décision (module, dms, valeur, ignorer)", "Commentaire"


@dataclass
class Counter:
    """A world with the person in a conflict, and somebody at the command line beside it."""

    folder: Path
    world: World

    @property
    def database(self) -> Path:
        return self.folder / "memory.db"

    @property
    def reports(self) -> Path:
        return self.folder / "reports"

    def run(self, *arguments: str, answer: str | None = None) -> Result:
        variables = {
            "STOCKSYNC_DATABASE_URL": f"sqlite:///{self.database}",
            "STOCKSYNC_MAPPINGS": str(self.folder / "mappings"),
            "STOCKSYNC_LANG": None,
            "STOCKSYNC_LOG_LEVEL": "debug",
        }
        return CliRunner(env=variables).invoke(cli, list(arguments), answer, prog_name="stocksync")

    def said(self, *arguments: str, code: int = 0, answer: str | None = None) -> str:
        """What a command prints, on both channels; the person's name is never in it."""
        done = self.run(*arguments, answer=answer)
        assert done.exit_code == code, done.output
        assert no_traceback(done)
        assert not any(part.decode() in done.output for part in BYTES)
        return done.output.translate(FRENCH_SPACES)

    def erase(self, *options: str, code: int = 0, answer: str | None = None) -> str:
        return self.said("db", "erase", NAME, "--by", "A. Martin", *options, code=code, answer=answer)

    def erase_data(self, *options: str, code: int = 0) -> Any:
        return json.loads(self.erase(*options, "--json", code=code))

    def write_reports(self) -> None:
        """The conflict goes out in both forms, and comes back decided, with a comment."""
        self.reports.mkdir()
        for name in ("conflits.csv", "conflits.xlsx"):
            assert self.run("conflicts", "export", str(self.reports / name)).exit_code == 0
        table = (self.reports / "conflits.csv").read_text("utf-8-sig")
        (row,) = csv.DictReader(io.StringIO(table, newline=""), delimiter=";")
        filled = row | {DECISION: "module", COMMENT: f"vu avec {NAME}"}
        text = io.StringIO()
        writer = csv.DictWriter(text, list(row), delimiter=";", lineterminator="\r\n")
        writer.writeheader()
        writer.writerow(filled)
        (self.reports / "retour.csv").write_bytes(text.getvalue().encode("cp1252", "replace"))
        done = self.run("conflicts", "import", str(self.reports / "retour.csv"), "--by", f"Mme {NAME}")
        assert done.exit_code == 0, done.output


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    shutil.copytree(SHIPPED, tmp_path / "mappings")
    for name, old, new in SHARED:
        file = tmp_path / "mappings" / name
        file.write_text(file.read_text("utf-8").replace(old, new), "utf-8")
    module, dms = module_record(purchase__tradeInBuyer=NAME), dms_record(repreneur=NAME.upper())
    with a_world(tmp_path / "memory.db", [module], [dms], SHARED) as world:
        world.settled()
        world.edit(MODULE, "OF-1", purchase__tradeInBuyer=f"{NAME} épouse Testard")
        world.edit(DMS, "VO1", repreneur="DUPONT")
        world.sync()
        yield Counter(tmp_path, world)


def test_a_whole_life_is_erased_here_and_there_with_its_reports(counter: Counter) -> None:
    counter.write_reports()
    counter.world.sync()
    told = counter.erase("--reports", str(counter.reports), "--yes", code=1)
    assert "rapports supprimés :" in told
    assert "reste, car encore en usage :" in told
    assert "  fiche DMS VO1, PDV1 : ce système la montre ainsi" in told
    assert "lancer stocksync sync, puis relancer cette commande" in told
    assert list(counter.reports.iterdir()) == []
    gone_from_both(counter.world)
    told = counter.erase("--yes")
    assert "la personne ne figure plus nulle part" in told
    assert "stocksync db backup --keep" in told
    assert remains(counter.database) == []
    verified = counter.said("journal", "verify")
    assert "journal intact" in verified
    assert "effacées à la demande d'une personne" in verified
    shown = counter.said("journal", "show")
    assert "A. Martin efface une personne de" in shown
    assert "contenu effacé à la demande d'une personne (decision_taken)" in shown
    assert "contenu effacé" in json.dumps(json.loads(counter.said("journal", "show", "--json")), ensure_ascii=False)
    assert "rien à signaler" in counter.said("db", "check")
    nothing_moves(counter.world)


def test_a_car_whose_lines_were_erased_is_told_as_before(counter: Counter) -> None:
    counter.write_reports()
    counter.world.sync()
    gone_from_both(counter.world)
    counter.erase("--yes")
    for command in (["explain", "VF1RFB00X56789012"], ["history", "VF1RFB00X56789012"], ["conflicts", "show", "1"]):
        counter.said(*command)
        counter.said("--lang", "en", *command)
    counter.said("conflicts", "list", "--all")
    again = counter.run("conflicts", "import", str(counter.reports / "retour.csv"))
    assert no_traceback(again), "a report from before still gets an answer"
    assert "SUCCES" not in again.output


def test_a_dry_run_tells_and_changes_nothing(counter: Counter) -> None:
    counter.write_reports()
    counter.world.sync()
    before, files = counter.world.rows(), sorted(counter.reports.iterdir())
    told = counter.erase("--reports", str(counter.reports), "--dry-run", code=1)
    assert "à effacer, car passé :" in told
    assert "lignes du journal" in told
    assert "rapports à supprimer :" in told
    data = counter.erase_data("--dry-run", code=1)
    assert data["would_erase"]["journal"] > 0
    assert (data["dry_run"], data["erased"], data["file_rewritten"]) == (True, {}, None)
    assert counter.world.rows() == before
    assert sorted(counter.reports.iterdir()) == files


def test_it_asks_first_and_a_no_changes_nothing(counter: Counter) -> None:
    before = counter.world.rows()
    assert "Rien n'est effacé." in counter.erase(code=1, answer="n\n")
    assert "Nothing is erased." in counter.said("--lang", "en", "db", "erase", NAME, code=1, answer="n\n")
    assert counter.world.rows() == before
    assert "effacé :" in counter.erase(code=1, answer="y\n")
    assert counter.world.rows() != before


def test_a_name_that_is_read_from_standard_input_stays_out_of_the_command(counter: Counter) -> None:
    told = counter.said("db", "erase", "-", "--by", "A. Martin", code=1, answer=f"{NAME}\ny\n")
    assert "effacé :" in told


def test_what_is_left_is_told_for_programs_with_side_and_record(counter: Counter) -> None:
    data = counter.erase_data("--yes", code=1)
    left = {(row["table"], tuple(row["records"].items())) for row in data["left"]}
    both = (("vehicle_module", "OF-1"), ("dms", "VO1"))
    # Both have been edited since they last agreed: the DMS says somebody else by now.
    assert left == {("snapshot", both[:1]), ("car", both), ("conflict", both)}
    assert data["erased"]["journal"] > 0
    assert data["file_rewritten"] is True


def test_somebody_who_is_nowhere_is_told_so_and_nothing_is_asked(counter: Counter) -> None:
    told = counter.said("db", "erase", "Nobody Atall")
    assert "rien à effacer" in told
    assert json.loads(counter.said("db", "erase", "Nobody Atall", "--dry-run", "--json"))["left"] == []


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["Li"], "at least 3 letters"),
        (["erased"], "names nobody"),
        ([NAME, "--by", " "], "--by names nobody"),
        ([NAME, "--by", f"Mme {NAME}"], "name another one with --by"),
        ([NAME, "--json"], "--yes as well"),
    ],
)
def test_what_is_asked_wrongly_is_refused_without_the_name(counter: Counter, arguments: list[str], why: str) -> None:
    before = counter.world.rows()
    assert why in counter.said("db", "erase", *arguments, code=2)
    assert counter.world.rows() == before


def test_a_database_that_is_not_there_is_not_made(counter: Counter) -> None:
    counter.world.repository.engine.dispose()
    counter.database.unlink()
    assert "There is no database" in counter.erase("--yes", code=2)
    assert not counter.database.exists()


def test_a_row_erased_by_hand_is_told_by_verify_as_what_it_is(counter: Counter) -> None:
    where = "WHERE action = 'reported'"
    tamper(counter.database, f'UPDATE journal SET details = \'{{"erased":"{"0" * 64}"}}\' {where}', past_triggers=False)
    told = counter.said("journal", "verify", code=1)
    assert "1 ligne effacée dont aucune ligne du journal ne parle" in told
    assert "effac" in told


# Files.


def put(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def a_workbook(*cells: str) -> bytes:
    workbook, raw = Workbook(), io.BytesIO()
    workbook.active.append(list(cells))  # type: ignore[union-attr]
    workbook.save(raw)
    return raw.getvalue()


def test_only_reports_that_hold_the_person_are_deleted_and_the_others_are_told(counter: Counter) -> None:
    counter.write_reports()
    folder = counter.reports
    mine = {path.name for path in folder.iterdir()}
    assert mine == {"conflits.csv", "conflits.xlsx", "retour.csv", "retour-reponse.csv"}
    deep = put(folder, "2026/11/copie.CSV", (folder / "conflits.csv").read_bytes())
    without = put(folder, "vide.csv", (folder / "conflits.csv").read_text("utf-8").splitlines()[0].encode())
    kept = [
        without,
        put(folder, "comptes.csv", f"a;b\r\n1;{NAME}\r\n".encode()),
        put(folder, "stock.xlsx", a_workbook("buyer", NAME)),
        put(folder, "notes.txt", NAME.encode()),
        put(folder, "broken.xlsx", b"PK\x03\x04nothing"),
        put(folder, "empty.csv", b""),
    ]
    outside = put(counter.folder, "elsewhere.csv", (folder / "conflits.csv").read_bytes())
    (folder / "link.csv").symlink_to(outside)
    (folder / "linked").symlink_to(counter.folder)
    data = counter.erase_data("--yes", "--reports", str(folder), code=1)
    assert {Path(path).name for path in data["deleted"]} == {*mine, "copie.CSV"}
    assert {(Path(file["path"]).name, file["kind"]) for file in data["files"]} == {
        ("comptes.csv", "other"),
        ("stock.xlsx", "other"),
        ("broken.xlsx", "unreadable"),
    }
    assert all(path.exists() for path in (*kept, outside))
    assert not deep.exists()


def test_a_file_named_after_the_person_is_told_without_the_name(counter: Counter) -> None:
    counter.write_reports()
    (counter.reports / "conflits.csv").rename(counter.reports / f"{NAME}.csv")
    deleted = counter.erase_data("--yes", "--reports", str(counter.reports), code=1)["deleted"]
    assert "erased.csv" in {Path(path).name for path in deleted}


def test_a_report_in_english_and_one_that_a_spreadsheet_saved_anew_are_ours_too(counter: Counter) -> None:
    counter.reports.mkdir()
    path = counter.reports / "report.csv"
    assert counter.run("conflicts", "export", str(path), "--lang", "en").exit_code == 0
    put(counter.reports, "tabs.csv", path.read_text("utf-8-sig").replace(";", "\t").encode("utf-16"))
    data = counter.erase_data("--yes", "--reports", str(counter.reports), code=1)
    assert {Path(path).name for path in data["deleted"]} == {"report.csv", "tabs.csv"}


def test_both_languages_have_every_word() -> None:
    assert set(ERASING["fr"]) == set(ERASING["en"])
    for language in ("fr", "en"):
        assert set(HOLDING[language]) == set(Place)
        assert {f"count_{place}" for place in Place} <= set(ERASING[language])

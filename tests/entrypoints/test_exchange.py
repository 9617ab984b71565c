"""`sync` and the exchange folders: files that are handed in are taken in first and answered; the report is put out."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from stocksync.adapters.store.engine import open_engine
from stocksync.adapters.store.leases import leased
from stocksync.assembly import SystemClock
from stocksync.entrypoints import exchange
from stocksync.entrypoints.decision_desk import DecisionDesk, HandedIn, TakenIn
from stocksync.mapping import load
from stocksync.reports.conflict_report import COLUMNS
from tests.entrypoints.desk import FRENCH_SPACES, SHIPPED, Desk, desk_at, no_traceback, quiet_cars

JUMPED = 14
loaded_once = cache(load.load_mappings)
Row = dict[str, Any]


@dataclass
class Office:
    """A desk whose point of sale PDV1 has rows to decide, each of them for one test, and an exchange folder."""

    desk: Desk
    rows: list[Row]
    root: Path

    def folder(self, name: str, point: str = "PDV1") -> Path:
        found = self.root / point / name
        found.mkdir(parents=True, exist_ok=True)
        return found

    def hand_in(self, content: bytes, name: str = "conflits.csv") -> Path:
        path = self.folder("incoming") / name
        path.write_bytes(content)
        return path

    def sync(self, *arguments: str, **environment: str | None) -> Result:
        """Synchronise the point of sale that has the rows."""
        return self.desk.run("sync", "--point-of-sale", "PDV1", *arguments, **environment)

    def told(self, **environment: str | None) -> dict[str, Any]:
        """Synchronise well, and give what a program is told."""
        done = self.sync("--json", **environment)
        assert (done.exit_code, done.stderr) == (0, "")
        (point,) = json.loads(done.stdout)["points_of_sale"]
        return dict(point)

    def decisions(self, row: Row) -> list[tuple[str, str]]:
        """Who decided of a row, and in which file."""
        with sqlite3.connect(self.desk.database) as connection:
            found = connection.execute("SELECT decided_by, file FROM resolution WHERE conflict_id = ?", [row["id"]])
            return found.fetchall()


@pytest.fixture(scope="module", autouse=True)
def mappings_read_once() -> Iterator[None]:
    """Most of a short command's time goes into files that are the same in every test."""
    with pytest.MonkeyPatch.context() as quick:
        quick.setattr(load, "load_mappings", loaded_once)
        yield


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, list[Row]]]:
    with desk_at(tmp_path_factory.mktemp("office"), cars=100) as desk:
        desk.said("sync")
        cars = quiet_cars(desk, JUMPED)
        for _, _, dossier in cars:
            km = int(desk.sandbox.dms.file(dossier)["km"].replace(" ", ""))
            desk.sandbox.dms.change(dossier, {"km": str(km + 60_000)})
        desk.said("sync", "--point-of-sale", "PDV1")
        listed = desk.data("conflicts", "list", "--point-of-sale", "PDV1")["conflicts"]
        yield desk, [row for row in listed if row["kind"] == "implausible_jump"]


@pytest.fixture
def office(prepared: tuple[Desk, list[Row]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setattr(SystemClock, "pause", lambda self, seconds_s: None)
    desk, rows = prepared
    root = tmp_path / "exchange"
    root.mkdir()
    desk.environment = {"STOCKSYNC_EXCHANGE": str(root), "STOCKSYNC_EXCHANGE_SETTLE_S": "0"}
    desk.mappings = SHIPPED
    return Office(desk, rows, root)


def decided(*rows: Row, decision: str = "module") -> bytes:
    """The report as it comes back, with a decision in each row."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow([column.fr for column in COLUMNS])
    for row in rows:
        cells = {"id": row["id"], "fingerprint": row["fingerprint"], "decision": decision}
        writer.writerow([cells.get(column.name, "") for column in COLUMNS])
    return text.getvalue().encode("cp1252")


def cells(file: Path) -> list[list[str]]:
    """The rows of an answer or a report below its header."""
    with file.open(encoding="utf-8-sig", newline="") as opened:
        return list(csv.reader(opened, delimiter=";"))[1:]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def said(done: Result) -> str:
    return done.stdout.translate(FRENCH_SPACES)


def complained(done: Result) -> str:
    return done.stderr.translate(FRENCH_SPACES)


# --- there and back


def test_a_decision_that_is_handed_in_is_answered_and_carried_out_by_the_same_run(office: Office) -> None:
    row = office.rows.pop()
    assert office.told()["report"]["changed"] is True
    report = office.folder("outgoing") / "conflits.csv"
    assert str(row["id"]) in [line[0] for line in cells(report)]

    office.hand_in(decided(row))
    point = office.told()
    (file,) = point["returned_files"]
    assert (file["file"], file["taken"], file["failed"], file["refused"]) == ("conflits.csv", 1, 0, None)
    assert point["writes"] == {"vehicle_module": 0, "dms": 1}
    assert office.decisions(row) == [("incoming/PDV1", "conflits.csv")]
    assert names(office.folder("incoming")) == []
    answer = Path(file["answer"])
    assert names(office.folder("done")) == sorted([answer.name, answer.name.replace("-reponse", "")])
    assert cells(answer)[0][0] == "SUCCES"
    assert point["report"] == {"file": str(report), "rows": len(cells(report)), "changed": True}
    assert str(row["id"]) not in [line[0] for line in cells(report)]


def test_a_report_that_says_the_same_is_not_written_again(office: Office) -> None:
    assert office.told()["report"]["changed"] is True
    report = office.folder("outgoing") / "conflits.csv"
    before = report.stat()
    assert said(office.sync()).endswith(f" lignes dans {report}, inchangé\n")
    assert (report.stat().st_ino, report.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_people_are_told_of_each_file_before_anything_is_synchronised(office: Office) -> None:
    row = office.rows.pop()
    office.hand_in(decided(row, {"id": 99_999, "fingerprint": "v0123456789abcdef"}))
    office.hand_in(b"bonjour", "lettre.txt")
    lines = said(office.sync()).splitlines()
    done, refused = office.folder("done"), office.folder("refused")
    assert lines[0].startswith(
        f"PDV1 : conflits.csv : 1 décision prise, 0 déjà prise, 1 refusée ; réponse dans {done}/2"
    )
    assert lines[1].startswith(f"PDV1 : lettre.txt : illisible, rien n'en est pris ; réponse dans {refused}/2")
    assert "exécution n° " in lines[2]
    report = office.folder("outgoing") / "conflits.csv"
    assert lines[-1] == f"  rapport       {len(cells(report))} lignes dans {report}"


def test_a_file_that_cannot_be_read_is_refused_with_a_sentence_and_the_others_are_taken(office: Office) -> None:
    row = office.rows.pop()
    office.hand_in(b"%PDF-1.7 scanned", "1 scan.pdf")
    office.hand_in(decided(row, decision="ignorer"), "2 rempli.csv")
    files = office.told()["returned_files"]
    assert [(file["file"], file["taken"], file["refused"] is None) for file in files] == [
        ("1 scan.pdf", 0, False),
        ("2 rempli.csv", 1, True),
    ]
    assert "c'est un PDF" in files[0]["refused"].translate(FRENCH_SPACES)
    ((status, sentence, *rest),) = cells(Path(files[0]["answer"]))
    assert (status, sentence, set(rest)) == ("ECHEC", files[0]["refused"], {""})
    assert names(office.folder("refused")) == sorted(
        [Path(files[0]["answer"]).name, Path(files[0]["answer"]).name.replace("-reponse.csv", ".pdf")]
    )


def test_a_row_of_another_point_of_sale_is_not_decided_here(office: Office) -> None:
    row = office.rows.pop()
    office.folder("incoming", "PDV2").joinpath("conflits.csv").write_bytes(decided(row))
    point = json.loads(office.desk.run("sync", "--point-of-sale", "PDV2", "--json").stdout)["points_of_sale"][0]
    assert [(file["taken"], file["failed"]) for file in point["returned_files"]] == [(0, 1)]
    assert office.decisions(row) == []


def test_each_point_of_sale_has_the_report_in_the_kind_and_language_that_it_wants(
    office: Office, tmp_path: Path
) -> None:
    office.desk.mappings = tmp_path / "mappings"
    shutil.copytree(SHIPPED, office.desk.mappings)
    file = office.desk.mappings / "points_of_sale.yaml"
    wanted = "  PDV2:\n    conflict_report: {format: xlsx, language: en}\n"
    file.write_text(file.read_text("utf-8").replace("  PDV2:\n", wanted), "utf-8")
    letter = office.folder("incoming", "PDV2") / "letter.txt"
    letter.write_bytes(b"hello")
    assert office.desk.run("sync").exit_code == 0
    assert names(office.folder("outgoing")) == ["conflits.csv"]
    assert names(office.folder("outgoing", "PDV2")) == ["conflicts.xlsx"]
    (answer,) = office.folder("refused", "PDV2").glob("*-letter-answer.csv")
    assert cells(answer)[0][0] == "FAILURE"


# --- when nothing is touched


def test_without_a_setting_no_folder_is_touched_and_nothing_is_said_of_any(office: Office) -> None:
    path = office.hand_in(decided(office.rows[0]))
    point = office.told(STOCKSYNC_EXCHANGE=None)
    assert not {"returned_files", "report"} & set(point)
    assert [p for p in office.root.rglob("*") if p.is_file()] == [path]


@pytest.mark.parametrize("command", [["plan"], ["sync", "--dry-run"]])
def test_looking_at_what_would_be_done_touches_no_folder(command: list[str], office: Office) -> None:
    path = office.hand_in(decided(office.rows[0]))
    assert office.desk.run(*command, "--point-of-sale", "PDV1").exit_code == 0
    assert [p for p in office.root.rglob("*") if p.is_file()] == [path]
    assert office.decisions(office.rows[0]) == []


def test_a_file_that_was_only_just_copied_is_left_for_a_later_run(office: Office) -> None:
    row = office.rows.pop()
    path = office.hand_in(decided(row))
    assert office.told(STOCKSYNC_EXCHANGE_SETTLE_S="3600")["returned_files"] == []
    assert (path.exists(), office.decisions(row)) == (True, [])
    assert [file["taken"] for file in office.told()["returned_files"]] == [1]


def test_what_another_run_is_at_work_on_is_left_to_it_without_a_word(office: Office) -> None:
    path = office.hand_in(decided(office.rows[0]))
    engine = open_engine(f"sqlite:///{office.desk.database}")
    with leased(engine, "PDV1", SystemClock(), "sync"):
        done = office.sync()
    engine.dispose()
    assert (done.exit_code, path.exists(), office.decisions(office.rows[0])) == (1, True, [])
    assert complained(done).count("PDV1") == len(done.stderr.splitlines()) == 1
    assert "is being synchronised by" in done.stderr
    assert names(office.root / "PDV1") == ["incoming"]


def test_no_more_than_a_hundred_files_are_taken_in_by_one_run(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "MAX_FILES", 2)
    for number in range(3):
        office.hand_in(b"bonjour", f"{number}.txt")
    assert [len(office.told()["returned_files"]) for _ in range(2)] == [2, 1]


# --- trouble


def test_a_folder_that_is_not_there_is_told_once_and_every_point_of_sale_is_synchronised(office: Office) -> None:
    office.root.rmdir()
    done = office.desk.run("sync", "--json")
    assert (done.exit_code, no_traceback(done)) == (1, True)
    shown = json.loads(done.stdout)
    assert [point["status"] for point in shown["points_of_sale"]] == ["done", "done"]
    assert [(point["returned_files"], point["report"]) for point in shown["points_of_sale"]] == [([], None)] * 2
    assert complained(done).splitlines() == [
        f"Échange de fichiers impossible, {office.root} : No such file or directory ; "
        "la synchronisation n'en dépend pas."
    ]
    assert not office.root.exists()


def test_trouble_with_files_makes_no_fault_of_a_cycle_smaller(office: Office) -> None:
    office.root.rmdir()
    assert office.sync(ICAR_KEY="wrong").exit_code == 2


def test_a_point_of_sale_whose_folder_cannot_be_used_does_not_keep_another_from_its_own(office: Office) -> None:
    (office.folder("incoming") / "../done").resolve().write_bytes(b"a file where a folder should be")
    row = office.rows[0]
    path = office.hand_in(decided(row))
    done = office.desk.run("sync")
    assert (done.exit_code, no_traceback(done), path.exists(), office.decisions(row)) == (1, True, True, [])
    assert complained(done).splitlines() == [
        f"PDV1 : échange de fichiers impossible, {office.root}/PDV1/done : File exists ; "
        "la synchronisation n'en dépend pas."
    ]
    assert names(office.folder("outgoing", "PDV2")) == ["conflits.csv"]


def test_the_report_is_put_out_whatever_became_of_the_cycle(office: Office) -> None:
    done = office.sync(ICAR_URL="http://127.0.0.1:9")
    assert done.exit_code == 1
    assert names(office.folder("outgoing")) == ["conflits.csv"]


def test_a_file_that_cannot_be_moved_is_taken_in_again_by_the_next_run_which_changes_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = office.rows.pop()
    path, really = office.hand_in(decided(row)), os.rename

    def rename(source: Path, target: Path) -> None:
        if source == path:
            raise PermissionError(1, "Operation not permitted", str(source))
        really(source, target)

    with monkeypatch.context() as broken:
        broken.setattr(os, "rename", rename)
        done = office.sync()
    assert (done.exit_code, path.exists(), names(office.folder("done"))) == (1, True, [])
    assert f"échange de fichiers impossible, {path} : Operation not permitted" in complained(done)
    assert "exécution n° " in said(done)
    (file,) = office.told()["returned_files"]
    assert (file["already"], file["failed"], cells(Path(file["answer"]))[0][0]) == (1, 0, "SUCCES")
    assert len(office.decisions(row)) == 1


def test_a_crash_between_deciding_and_moving_loses_neither_the_decision_nor_the_file(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = office.rows.pop()
    path = office.hand_in(decided(row))

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(os, "rename", dies)
        assert office.sync().exit_code == 130
    assert (path.exists(), len(office.decisions(row))) == (True, 1)
    (file,) = office.told()["returned_files"]
    assert (file["already"], file["failed"], path.exists()) == (1, 0, False)
    assert len(office.decisions(row)) == 1


def after_taking_in(monkeypatch: pytest.MonkeyPatch, then: Callable[[], None]) -> None:
    """Let something happen once, right after the first file was taken in."""
    really, happened = DecisionDesk.take_in, []

    def take_in(self: DecisionDesk, file: HandedIn) -> TakenIn:
        taken = really(self, file)
        if not happened:
            happened.append(file)
            then()
        return taken

    monkeypatch.setattr(DecisionDesk, "take_in", take_in)


def test_a_file_that_changes_while_it_is_taken_in_stays_and_is_taken_in_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = office.rows.pop(), office.rows.pop()
    path = office.hand_in(decided(first))

    def decide_more() -> None:
        path.write_bytes(decided(first, second))

    after_taking_in(monkeypatch, decide_more)
    assert said(office.sync()).startswith(
        "PDV1 : conflits.csv : modifié pendant la reprise ; le prochain passage le reprendra\n"
    )
    assert (path.exists(), names(office.folder("done"))) == (True, [])
    (file,) = office.told()["returned_files"]
    assert (file["taken"], file["already"], file["failed"]) == (1, 1, 0)
    assert [len(office.decisions(row)) for row in (first, second)] == [1, 1]


def test_a_file_that_nobody_thought_of_stops_neither_the_others_nor_the_synchronisation(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    path = office.hand_in(decided(office.rows[0], decision="?"), "1.csv")
    office.hand_in(b"bonjour", "2.txt")
    after_taking_in(monkeypatch, broken)
    done = office.sync("--json")
    (point,) = json.loads(done.stdout)["points_of_sale"]
    assert (done.exit_code, point["status"], path.exists()) == (1, "done", True)
    assert [file["file"] for file in point["returned_files"]] == ["2.txt"]
    assert "Traceback" in done.stderr
    assert "PDV1 : échange de fichiers impossible, 1.csv : ZeroDivisionError" in complained(done)


def test_files_of_any_name_are_told_on_one_line_and_in_characters_that_can_be_printed(office: Office) -> None:
    hostile = os.fsdecode(b"a\n\x1b[31m\xff'\"; rm.csv")
    office.hand_in(decided(office.rows.pop(), decision="ignorer"), hostile)
    done = office.sync()
    assert done.exit_code == 0
    assert (
        said(done)
        .splitlines()[0]
        .startswith("PDV1 : a��[31m�'\"; rm.csv : 1 décision prise, 0 déjà prise, 0 refusée ; ")
    )
    (kept,) = [name for name in names(office.folder("done")) if "reponse" not in name]
    assert kept.endswith(f"-{hostile}")


# --- settings


def test_the_folder_may_be_named_on_the_command_line(office: Office, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    assert office.desk.run("--exchange", str(other), "sync", "--point-of-sale", "PDV1").exit_code == 0
    assert (names(other), names(office.root)) == (["PDV1"], [])


@pytest.mark.parametrize("seconds", ["soon", "-1", "nan", "inf", "86401"])
def test_a_settling_time_that_is_none_ends_with_2_and_is_named(seconds: str, office: Office) -> None:
    done = office.sync(STOCKSYNC_EXCHANGE_SETTLE_S=seconds)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"STOCKSYNC_EXCHANGE_SETTLE_S is '{seconds}'")

"""`stocksync db` as people type it: what it says in both languages, to programs, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from stocksync.entrypoints.cli import cli
from stocksync.entrypoints.db_words import FAULTS, WORDS
from stocksync.entrypoints.journal_view import DAMAGES
from stocksync.entrypoints.journal_view import WORDS as JOURNAL_WORDS
from tests.adapters.journals import a_database, tamper
from tests.entrypoints.desk import FRENCH_SPACES, no_traceback

Run = Callable[..., Result]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return a_database(tmp_path / "memory.db", journal=6)


@pytest.fixture
def run(database: Path) -> Run:
    def invoke(*arguments: str) -> Result:
        variables = {"STOCKSYNC_DATABASE_URL": f"sqlite:///{database}", "STOCKSYNC_LANG": None}
        return CliRunner(env=variables).invoke(cli, list(arguments), prog_name="stocksync")

    return invoke


def said(done: Result, code: int = 0) -> str:
    assert done.exit_code == code, done.output
    assert no_traceback(done)
    return done.output.translate(FRENCH_SPACES)


def data(done: Result, code: int = 0) -> Any:
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def test_a_backup_is_told_with_its_size_its_time_and_the_last_hash(run: Run, tmp_path: Path) -> None:
    told = said(run("db", "backup", str(tmp_path / "kept.db")))
    assert f"sauvegarde faite et vérifiée : {tmp_path}/kept.db" in told
    assert " ko, en 0," in told
    assert "journal : 6 lignes, dernière empreinte " in told
    assert "backup made and checked: " in said(run("--lang", "en", "db", "backup"))


def test_a_backup_for_a_program(run: Run, tmp_path: Path) -> None:
    made = data(run("db", "backup", str(tmp_path), "--keep", "2", "--json"))
    assert Path(made["path"]).parent == tmp_path
    assert made["size_bytes"] == Path(made["path"]).stat().st_size
    assert (made["journal"]["whole"], made["journal"]["rows"], made["removed"]) == (True, 6, [])


def test_a_backup_over_a_file_is_wrong_use(run: Run, tmp_path: Path) -> None:
    (tmp_path / "kept.db").write_text("mine")
    assert "is there already" in said(run("db", "backup", str(tmp_path / "kept.db")), 2)
    assert (tmp_path / "kept.db").read_text() == "mine"


def test_a_backup_that_is_not_good_could_not_be_finished(run: Run, database: Path) -> None:
    tamper(database, "UPDATE journal SET action = 'x' WHERE id = 3")
    assert "No backup was made" in said(run("db", "backup"), 1)


def test_a_good_database_is_told_in_figures(run: Run) -> None:
    told = said(run("db", "check"))
    assert "journal : 6 lignes" in told
    assert "rien à signaler" in told
    assert "nothing is wrong" in said(run("--lang", "en", "db", "check", "--quick"))
    assert data(run("db", "check", "--json"))["faults"] == []


def test_a_fault_is_told_with_where_it_is_and_how_it_is_mended(run: Run, database: Path) -> None:
    tamper(database, "UPDATE journal SET action = 'x' WHERE id = 3")
    told = said(run("db", "check"), 1)
    assert "La ligne n° 3, ou celle d'avant, ne dit plus ce qui a été écrit." in told
    assert "stocksync journal verify" in told
    assert "[journal 3]" in told
    (fault,) = data(run("--lang", "en", "db", "check", "--json"), 1)["faults"]
    assert (fault["matter"], fault["count"], fault["where"]) == ("journal_broken", 1, ["journal 3"])
    assert fault["told"].startswith("Row 3, or the one before it")


def test_pruning_tells_what_it_forgot_or_would(run: Run, database: Path) -> None:
    assert "rien à oublier" in said(run("db", "prune"))
    alert = "INSERT INTO alert (kind, subject, message, opened_at, closed_at) VALUES ('k', 's', 'm', '{0}', '{0}')"
    tamper(database, alert.format("2020-01-01 09:00:00.000000"), past_triggers=False)
    assert "serait oublié" in said(run("db", "prune", "--dry-run"))
    assert data(run("db", "prune", "--dry-run", "--json"))["alerts"] == 1
    assert "1 alerte close" in said(run("db", "prune", "--days", "30"))
    assert "nothing to forget" in said(run("--lang", "en", "db", "prune"))


@pytest.mark.parametrize("command", [("db", "backup"), ("db", "check"), ("db", "prune"), ("journal", "verify")])
def test_a_database_that_is_not_there_is_wrong_use_and_is_not_made(
    run: Run, database: Path, command: tuple[str, ...]
) -> None:
    database.unlink()
    assert "There is no database" in said(run(*command), 2)
    assert not database.exists()


def test_both_languages_have_every_word() -> None:
    for words in (WORDS, FAULTS, DAMAGES, JOURNAL_WORDS):
        assert set(words["fr"]) == set(words["en"])

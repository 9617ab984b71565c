"""`pause` and `resume`: who is told what, and that nothing is written at a paused point of sale."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stocksync.adapters.store.engine import open_engine
from stocksync.adapters.store.pause_rows import Pauses
from tests.entrypoints.desk import FRENCH_SPACES, Desk, desk_at, no_traceback, snapshot_of


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk_at(tmp_path_factory.mktemp("pause"), cars=20) as made:
        made.run("sync")
        yield made


@pytest.fixture
def desk(shared: Desk) -> Iterator[Desk]:
    yield shared
    shared.run("resume")


def test_sync_of_a_paused_point_of_sale_is_refused_with_who_when_why_and_how_to_go_on(desk: Desk) -> None:
    said = desk.said("pause", "--point-of-sale", "PDV1", "--reason", "inventaire", "--by", "A. Martin")
    assert said.startswith("PDV1 : suspendu.")
    before = snapshot_of(desk)
    done = desk.run("sync", "--point-of-sale", "PDV1")
    told = done.stderr.translate(FRENCH_SPACES)
    assert (done.exit_code, done.stdout, no_traceback(done)) == (1, "", True)
    assert told.startswith("PDV1 : suspendu par A. Martin depuis le ")
    assert "(inventaire)" in told
    assert "stocksync resume --point-of-sale PDV1" in told
    assert snapshot_of(desk) == before


def test_the_others_are_synchronised_and_a_program_is_told_which_is_paused(desk: Desk) -> None:
    desk.run("pause", "--point-of-sale", "PDV1", "--by", "A. Martin")
    done = desk.run("sync", "--json")
    points = {point["point_of_sale"]: point for point in json.loads(done.stdout)["points_of_sale"]}
    assert (done.exit_code, points["PDV2"]["status"], points["PDV1"]["status"]) == (1, "done", "paused")
    assert points["PDV1"]["pause"]["paused_by"] == "A. Martin"


def test_a_plan_and_a_dry_run_go_on_while_everything_is_paused(desk: Desk) -> None:
    desk.run("pause")
    assert desk.run("plan").exit_code == desk.run("sync", "--dry-run").exit_code == 0


def test_a_pause_of_everything_holds_for_each_and_resume_ends_every_pause(desk: Desk) -> None:
    desk.run("pause", "--point-of-sale", "PDV2", "--by", "A. Martin")
    assert desk.said("pause", "--by", "B. Petit").startswith("tous les points de vente : suspendu.")
    refused = desk.run("sync")
    assert refused.exit_code == 1
    assert "PDV1 : suspendu par B. Petit" in refused.stderr.translate(FRENCH_SPACES)
    assert "PDV2 : suspendu par A. Martin" in refused.stderr.translate(FRENCH_SPACES)
    said = desk.said("resume")
    assert said.count("reprend.") == 2
    assert desk.run("sync").exit_code == 0


def test_a_point_of_sale_stays_paused_while_all_are_and_that_is_told(desk: Desk) -> None:
    desk.run("pause", "--by", "B. Petit")
    done = desk.run("resume", "--point-of-sale", "PDV1")
    assert done.exit_code == 1
    assert "PDV1 : reste suspendu" in done.stderr.translate(FRENCH_SPACES)
    assert desk.run("sync", "--point-of-sale", "PDV1").exit_code == 1


def test_a_second_pause_leaves_the_first_as_it_is_and_says_whose_it_is(desk: Desk) -> None:
    desk.run("pause", "--point-of-sale", "PDV1", "--by", "A. Martin", "--reason", "first")
    said = desk.said("pause", "--point-of-sale", "PDV1", "--by", "B. Petit", "--reason", "second")
    assert "déjà suspendu par A. Martin" in said
    assert "(first)" in said


def test_programs_are_told_every_pause_and_what_changed(desk: Desk) -> None:
    desk.run("pause", "--point-of-sale", "PDV1", "--by", "A. Martin")
    shown = desk.data("pause", "--by", "B. Petit", "--reason", "night")
    assert shown["changed"] == [None]
    assert [(p["point_of_sale"], p["paused_by"], p["reason"]) for p in shown["pauses"]] == [
        (None, "B. Petit", "night"),
        ("PDV1", "A. Martin", "-"),
    ]
    assert datetime.fromisoformat(shown["pauses"][0]["paused_at"]).utcoffset() is not None
    assert desk.data("resume") == {"pauses": [], "changed": [None, "PDV1"]}
    assert desk.data("resume") == {"pauses": [], "changed": []}


def test_english_is_spoken_where_it_is_asked_for(desk: Desk) -> None:
    assert desk.said("--lang", "en", "pause", "--point-of-sale", "PDV1").startswith("PDV1: paused.")
    assert desk.said("--lang", "en", "resume", "--point-of-sale", "PDV1").startswith("PDV1: goes on.")
    assert desk.said("--lang", "en", "resume", "--point-of-sale", "PDV1") == "PDV1: was not paused.\n"


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_an_unknown_point_of_sale_ends_with_2_and_the_nearest_is_named(desk: Desk, command: str) -> None:
    done = desk.run(command, "--point-of-sale", "PDV11")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Did you mean PDV1?" in done.stderr


@pytest.mark.parametrize("wrong", [("--reason", "x" * 501), ("--by", " ")])
def test_a_reason_without_end_or_nobody_at_all_is_refused(desk: Desk, wrong: tuple[str, str]) -> None:
    assert desk.run("pause", *wrong).exit_code == 2
    assert desk.data("resume")["changed"] == []


def test_what_is_typed_stays_on_one_line(desk: Desk) -> None:
    shown = desk.data("pause", "--reason", "a\nb\x1b[2J", "--by", "A\r\nMartin")
    assert (shown["pauses"][0]["reason"], shown["pauses"][0]["paused_by"]) == ("a b [2J", "A Martin")


def test_a_pause_is_kept_over_restarts_with_the_instant_it_began_at(tmp_path: Path) -> None:
    at = datetime(2026, 6, 1, 8, tzinfo=UTC)
    for _ in range(2):
        engine = open_engine(f"sqlite:///{tmp_path / 'memory.db'}")
        pauses = Pauses(engine)
        pauses.pause("PDV1", "A. Martin", "stock count", at)
        kept = pauses.in_force()["PDV1"]
        assert (kept.paused_by, kept.reason, kept.paused_at) == ("A. Martin", "stock count", at)
        engine.dispose()

"""The whole loop: a report goes out, a spreadsheet makes of it what it likes, and exactly what was filled in holds.

How a mangled file is read is tests/reports; here every file is taken in against a database that holds the conflicts.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from stocksync.adapters.store.questions import Questions
from stocksync.entrypoints.decision_desk import DecisionDesk, HandedIn, TakenIn
from stocksync.entrypoints.report_out import ReportDesk, hand_out
from stocksync.reports.conflict_report import COLUMNS
from stocksync.reports.spelling import Speller
from stocksync.stock.resolution import Answer, Choice
from stocksync.stock.values import SIDES
from tests.reports.spreadsheets import Filled, Habits, Line, Saved, saved
from tests.reports.test_returned_mangled import ALONE_HABITS, any_habits, tells_its_encoding
from tests.reviewing import Reviewer
from tests.worlds import DMS, MODULE, World, a_world, crowd

CARS = 6
TODAY = date(2026, 11, 20)
EXAMPLES = settings().max_examples
DECISIONS = {
    "mileage": {
        "module": (Choice.MODULE, 84_500),
        "DMS": (Choice.DMS, 90_000),
        "valeur": (Choice.VALUE, 95_500),
        "Ignorer ": (Choice.IGNORE, None),
    },
    "vat_recoverable": {
        "« module »": (Choice.MODULE, False),
        "dms": (Choice.DMS, True),
        "VALEUR": (Choice.VALUE, True),
        "ignore": (Choice.IGNORE, None),
    },
}
TYPED = {"mileage": "95 500 km", "vat_recoverable": "VRAI"}


@dataclass(frozen=True, repr=False)
class Town:
    """A world whose report went out; its representation is short, because an example that fails is printed."""

    world: World
    rows: list[tuple[str, str, str]]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Twelve conflicts of first contact: six mileages, and whether VAT can be recovered from six cars."""
    module, dms = stock()
    folder = tmp_path_factory.mktemp("loop")
    with a_world(folder / "world.db", module, dms) as world:
        yield Town(world, report(world.settled(), folder))


def stock() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Some cars that differ, among so many others that deciding them all is no mass change."""
    module, dms = crowd(3 * CARS)
    for file in dms[:CARS]:
        file |= {"km": "90 000", "tva_recup": "O"}
    return module, dms


def desk_of(world: World) -> DecisionDesk:
    questions = Questions(world.repository.engine)
    return DecisionDesk(questions, world.repository, world.mappings, world.clock, "fr")


def report(world: World, folder: Path) -> list[tuple[str, str, str]]:
    """The conflict id, fingerprint and subject of each row of the report as it goes out."""
    questions = Questions(world.repository.engine)
    file = folder / "conflits.csv"
    hand_out(questions, world.repository, world.mappings, world.clock, file, "fr", "csv")
    rows = list(csv.reader(io.StringIO(file.read_text("utf-8-sig"), newline=""), delimiter=";"))
    names = [column.name for column in COLUMNS]
    told = [dict(zip(names, row, strict=True)) for row in rows[1:]]
    subjects = {str(row.finding_id): row.finding.subject for row in questions.findings()}
    return [(row["id"], row["fingerprint"], subjects[row["id"]]) for row in told]


def filled_in(rows: list[tuple[str, str, str]], picks: list[int | None], comment: str) -> list[Line]:
    """The rows with what somebody typed into some of them; a pick is the place of a decision word."""
    lines = []
    for (number, fingerprint, subject), pick in zip(rows, picks, strict=True):
        typed = Filled()
        if pick is not None:
            word = sorted(DECISIONS[subject])[pick]
            value = TYPED[subject] if DECISIONS[subject][word][0] is Choice.VALUE else ""
            typed = Filled(word, value, comment)
        lines.append(Line(int(number), fingerprint, "Renault Clio", "« Vu » d'un côté…", TODAY, typed))
    return lines


def check(file: Saved, taken: TakenIn, subjects: dict[str, str]) -> None:
    """Exactly the filled rows that the file still holds are decided, each as its word says."""
    wanted = {found.id: found for found in file.filled}
    assert {row.conflict for row in taken.rows} == set(wanted)
    assert all(row.succeeded for row in taken.rows), [row.answer for row in taken.rows]
    accepted = [row for row in taken.rows if row.answer is Answer.ACCEPTED]
    assert sorted(row.conflict for row in accepted) == sorted(wanted)
    for row in accepted:
        choice, value = DECISIONS[subjects[row.conflict]][word_of(wanted[row.conflict].decision)]
        assert row.targets == ({} if choice is Choice.IGNORE else dict.fromkeys(SIDES, value))
        assert row.comment == wanted[row.conflict].comment.strip()


def word_of(cell: str) -> str:
    """The word that was typed, before spaces were taken off."""
    words = {word.strip(): word for decisions in DECISIONS.values() for word in decisions}
    return words[cell.strip()]


picked = st.lists(st.none() | st.integers(0, 3), min_size=2 * CARS, max_size=2 * CARS)
comments = st.sampled_from(["", "vu par l'équipe", "=1+1", "dit « oui » ; déjà fait", "+33 6 00 00 00 00"])
_PATIENT = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much]


@pytest.mark.parametrize("habits", ALONE_HABITS.values(), ids=ALONE_HABITS.keys())
@settings(max_examples=max(EXAMPLES // 50, 1), suppress_health_check=_PATIENT)
@given(picks=picked, comment=comments, seed=st.integers(0, 99))
def test_a_habit_alone_decides_exactly_what_was_filled_in(
    town: Town, habits: Habits, picks: list[int | None], comment: str, seed: int
) -> None:
    goes_round(town, replace(habits, seed=seed), picks, comment)


@settings(max_examples=EXAMPLES, suppress_health_check=_PATIENT)
@given(picks=picked, comment=comments, habits=any_habits)
def test_all_habits_at_once_decide_exactly_what_was_filled_in(
    town: Town, habits: Habits, picks: list[int | None], comment: str
) -> None:
    assume(tells_its_encoding(habits, "fr"))
    goes_round(town, habits, picks, comment)


def goes_round(town: Town, habits: Habits, picks: list[int | None], comment: str) -> None:
    file = saved(filled_in(town.rows, picks, comment), habits)
    taken = desk_of(town.world).take_in(HandedIn("conflits.csv", file.raw, "A. Martin"), dry_run=True)
    check(file, taken, {number: subject for number, _, subject in town.rows})


def test_a_dry_run_keeps_nothing(town: Town) -> None:
    before = town.world.rows()
    goes_round(town, Habits(), [place % 4 for place in range(2 * CARS)], "vu")
    assert town.world.rows() == before


@pytest.mark.parametrize("name", ["nothing", "the encoding of Windows", "a workbook", "columns moved", "sorted"])
def test_what_came_back_is_carried_out_and_then_there_is_nothing_left(tmp_path: Path, name: str) -> None:
    module, dms = stock()
    with a_world(tmp_path / "world.db", module, dms) as world:
        world.settled()
        rows = report(world, tmp_path)
        picks: list[int | None] = [place % 4 for place in range(len(rows))]
        file = saved(filled_in(rows, picks, "vu"), ALONE_HABITS[name])
        subjects = {number: subject for number, _, subject in rows}
        check(file, desk_of(world).take_in(HandedIn("conflits.csv", file.raw, "A. Martin")), subjects)
        kept = world.rows()
        again = desk_of(world).take_in(HandedIn("conflits.csv", file.raw, "B. Durand"))
        assert {row.answer for row in again.rows} == {Answer.ALREADY}
        assert world.rows() == kept, "taking a file in twice changed something"
        result = world.sync()
        assert result.summary.decisions == {
            "applied": sum(found.decision.strip().lower()[:3] != "ign" for found in file.filled)
        }
        world.forget_writes()
        world.sync()
        assert not world.module.writes
        assert not world.dms.writes
        assert report(world, tmp_path) == []


# --- one line for several cars


@pytest.fixture
def lot(tmp_path: Path) -> Iterator[tuple[World, list[tuple[str, str, str]]]]:
    """Four cars whose colour the DMS spells with a code that the value table does not have."""
    module, dms = crowd(12)
    with a_world(tmp_path / "world.db", module, dms) as world:
        world.settled()
        for number in range(100, 104):
            world.edit(DMS, f"VO{number}", couleur="VIOLET VIF")
        world.sync()
        yield world, report(world, tmp_path)


def decide_line(world: World, row: tuple[str, str, str], word: str, value: str = "") -> TakenIn:
    number, fingerprint, _ = row
    line = Line(int(number), fingerprint, "", "", TODAY, Filled(word, value, "toutes pareilles"))
    return desk_of(world).take_in(HandedIn("conflits.csv", saved([line], Habits()).raw, "A. Martin"))


def colours(world: World) -> list[str]:
    return [world.dms.body(f"VO{number}")["couleur"] for number in range(100, 104)]


@pytest.mark.parametrize(
    ("word", "value", "held"), [("module", "", "GRIS"), ("valeur", "Noir", "NOIR"), ("ignorer", "", "VIOLET VIF")]
)
def test_one_decision_about_a_lot_holds_for_each_of_its_cars(
    lot: tuple[World, list[tuple[str, str, str]]], word: str, value: str, held: str, tmp_path: Path
) -> None:
    world, rows = lot
    assert [(number, fingerprint[0]) for number, fingerprint, _ in rows] == [(rows[0][0], "g")]
    taken = decide_line(world, rows[0], word, value)
    owner_decides = word != "valeur"
    assert [row.answer for row in taken.rows] == [Answer.ACCEPTED if owner_decides else Answer.NOT_PERMITTED] * 4
    world.sync()
    assert colours(world) == ([held] if owner_decides else ["VIOLET VIF"]) * 4
    assert bool(report(world, tmp_path)) is not owner_decides


def test_a_car_of_a_lot_that_moved_since_is_stale_and_the_others_are_not(
    lot: tuple[World, list[tuple[str, str, str]]],
) -> None:
    world, rows = lot
    world.edit(DMS, "VO102", couleur="ROSE")
    world.sync()
    taken = decide_line(world, rows[0], "module")
    assert sorted(row.answer for row in taken.rows) == ["accepted", "accepted", "accepted", "stale"]
    world.sync()
    assert colours(world) == ["GRIS", "GRIS", "ROSE", "GRIS"]


def lines_of(world: World, rows: list[tuple[str, str, str]], word: str) -> list[Line]:
    """The line of a lot, decided, and the second of its cars by itself."""
    member = Questions(world.repository.engine).lot(rows[0][1])[1]
    together = Line(int(rows[0][0]), rows[0][1], "", "", TODAY, Filled("module"))
    return [together, Line(*member, "", "", TODAY, Filled(word))]


@pytest.mark.parametrize(("word", "failed"), [("ignorer", 0), ("ignorr", 1)])
def test_a_car_with_a_row_of_its_own_is_left_out_of_its_lot(
    lot: tuple[World, list[tuple[str, str, str]]], word: str, failed: int
) -> None:
    world, rows = lot
    raw = saved(lines_of(world, rows, word), Habits()).raw
    taken = desk_of(world).take_in(HandedIn("conflits.csv", raw, "A. Martin"))
    assert (len(taken.rows), taken.failed) == (4, failed)
    world.sync()
    assert sorted(colours(world)) == ["GRIS", "GRIS", "GRIS", "VIOLET VIF"]


def test_one_typed_value_is_not_written_over_values_that_have_nothing_in_common(tmp_path: Path) -> None:
    module, dms = crowd(12)
    with a_world(tmp_path / "world.db", module, dms) as world:
        world.settled()
        world.dms.refused = lambda body: {"km": "file locked"} if "km" in body else {}
        for number, km in ((102, 86_102), (103, 91_000)):
            world.edit(MODULE, f"OF-{number}", characteristics__mileage=km)
        for _ in range(2):
            world.sync()
        (row,) = report(world, tmp_path)
        assert {answer.answer for answer in decide_line(world, row, "valeur", "99 000").rows} == {Answer.UNREADABLE}
        assert {answer.answer for answer in decide_line(world, row, "module").rows} == {Answer.ACCEPTED}


def test_a_file_that_went_out_before_does_not_bring_back_what_was_taken_back(tmp_path: Path) -> None:
    module, dms = stock()
    with a_world(tmp_path / "world.db", module, dms) as world:
        world.settled()
        row = report(world, tmp_path)[0]
        line = filled_in([row], [0], "")
        for habits, answer in ((Habits(), Answer.ACCEPTED), (Habits(separator=","), Answer.CONTRADICTED)):
            taken = desk_of(world).take_in(HandedIn("conflits.csv", saved(line, habits).raw, "A. Martin"))
            assert [told.answer for told in taken.rows] == [answer]
            if answer is Answer.ACCEPTED:
                Reviewer(world).take_back(int(row[0]))
        again = filled_in([report(world, tmp_path)[0]], [0], "")
        taken = desk_of(world).take_in(HandedIn("conflits.csv", saved(again, Habits()).raw, "A. Martin"))
        assert [told.answer for told in taken.rows] == [Answer.ACCEPTED]


def test_a_lot_is_known_by_its_number_and_its_fingerprint_together(
    lot: tuple[World, list[tuple[str, str, str]]],
) -> None:
    world, rows = lot
    number, fingerprint, subject = rows[0]
    for forged in ((str(int(number) + 99), fingerprint), (number, "g0123456789abcdef")):
        taken = decide_line(world, (*forged, subject), "module")
        assert [row.answer for row in taken.rows] == [Answer.UNKNOWN]


@pytest.mark.parametrize(
    ("changes", "proposed", "is_told"),
    [({"couleur": "VIOLET VIF"}, "module", False), ({"frevo": "=1+1"}, "", True)],
)
def test_only_what_may_be_decided_is_proposed(
    tmp_path: Path, changes: dict[str, str], proposed: str, is_told: bool
) -> None:
    with a_world(tmp_path / "world.db") as world:
        world.settled()
        world.edit(DMS, "VO1", **changes)
        world.sync()
        desk = ReportDesk(Questions(world.repository.engine), world.mappings, world.clock, "fr")
        ((_, line),) = desk.found()
        assert line.proposed == proposed
        told = line.told(Speller("fr", line.choice_labels))
        assert ("Aucune valeur ne peut être décidée ici" in told) is is_told


def test_a_row_offers_exactly_what_an_import_takes(tmp_path: Path) -> None:
    """One car for each way in which choices may be missing; in French, as the report has it."""
    with a_world(tmp_path / "world.db") as world:
        world.settled()
        world.edit(MODULE, "OF-1", identification__vin="VF1RFB0")
        world.edit(DMS, "VO1", km="8450O", prix_vente="douze mille")
        world.sync()
        desk = ReportDesk(Questions(world.repository.engine), world.mappings, world.clock, "fr")
        told = {line.case.subject: line.told(Speller("fr", line.choice_labels)) for _, line in desk.found()}
        assert "choisir module ou valeur dans la colonne Décision" in told["mileage"]
        assert "choisir module dans la colonne Décision" in told["sale_price"]
        assert "corriger la saisie dans le module véhicules, ou mettre" in told["vin"]
        reviewer = Reviewer(world)
        for choice in (Choice.MODULE, Choice.DMS, Choice.VALUE):
            assert reviewer.decide("vin", choice, "VF1RFB00X70000001").answer is Answer.NOT_PERMITTED
        refused = reviewer.decide("vin", Choice.MODULE)
        assert refused.details == {"side": "vehicle_module", "choices": ""}
        assert reviewer.decide("mileage", Choice.DMS).details == {"side": "dms", "choices": "module value"}
        assert reviewer.decide("sale_price", Choice.DMS).details == {"side": "dms", "choices": "module"}
        assert reviewer.decide("mileage", Choice.VALUE, 90_000).answer is Answer.ACCEPTED

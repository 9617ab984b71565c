"""What becomes of a reviewer's decision: permitted or not, carried out by the next cycle, gone stale, repeated."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from stocksync.adapters.systems.memory import Fate
from stocksync.errors import Busy, SystemUnavailable
from stocksync.stock.reconcile import Category
from stocksync.stock.resolution import Answer, Choice, Why
from stocksync.stock.values import BLANK
from stocksync.sync.decisions import Decision, Judged, ReviewedRow, judge
from stocksync.sync.ports import today_on
from stocksync.sync.taking_back import Stands, TakingBack
from tests.core.test_laws import base_of, journal, open_rows
from tests.reviewing import Reviewer
from tests.worlds import DMS, MODULE, RUNS_OWN, World, a_world, crowd, dms_record, module_record, shipped_set

MILEAGE = "mileage"
VAT = "vat_recoverable"
LET_REVIEWERS = (
    (
        "pairs/openflex-icar/ownership.yaml",
        "  - attribute: sale_price\n    owner: vehicle_module\n",
        "  - attribute: sale_price\n    owner: vehicle_module\n    on_drift: report\n    reviewer_may_override: true\n",
    ),
)
ONLY_REPORT = (
    (
        "pairs/openflex-icar/ownership.yaml",
        "  - attribute: sale_price\n    owner: vehicle_module\n",
        "  - attribute: sale_price\n    owner: vehicle_module\n    on_drift: report\n",
    ),
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """First contact found two things to decide: the mileage, and whether VAT can be recovered."""
    with a_world(tmp_path / "world.db", [module_record()], [dms_record(km="90 000", tva_recup="O")]) as world:
        yield world.settled()


@pytest.fixture
def drifted(tmp_path: Path) -> Iterator[World]:
    """The DMS changed a price that the module decides; nothing is written back."""
    with a_world(tmp_path / "world.db", edits=ONLY_REPORT) as world:
        world.settled()
        world.edit(DMS, "VO1", prix_vente="9 000,00")
        world.sync()
        yield world


def mileages(world: World) -> tuple[int, str]:
    return world.module.body("OF-1")["characteristics"]["mileage"], world.dms.body("VO1")["km"]


# --- carried out


@pytest.mark.parametrize(
    ("choice", "value", "held"),
    [
        (Choice.MODULE, 84_500, (84_500, "84500")),
        (Choice.DMS, 90_000, (90_000, "90 000")),
        (Choice.VALUE, 88_000, (88_000, "88000")),
    ],
)
def test_the_next_cycle_writes_the_decision_and_the_one_after_writes_nothing(
    world: World, choice: Choice, value: int, held: tuple[int, str]
) -> None:
    reviewer = Reviewer(world)
    row = reviewer.row(MILEAGE)
    judged = reviewer.decide(MILEAGE, choice, value if choice is Choice.VALUE else BLANK, "seen at the clock")
    assert judged.answer is Answer.ACCEPTED
    result = world.sync()
    assert result.summary.as_json()["identity"]["balanced"]
    assert mileages(world) == held
    assert base_of(world, MILEAGE) == value
    assert reviewer.statuses(row.finding_id) == ["applied"]
    assert [r.subject for r in open_rows(world)] == [VAT]
    world.forget_writes()
    rows = world.rows(beside=RUNS_OWN)
    world.sync()
    assert not world.module.writes
    assert not world.dms.writes
    assert world.rows(beside=RUNS_OWN) == rows


def test_who_decided_what_in_which_file_and_why_is_in_the_journal(world: World) -> None:
    Reviewer(world).decide(MILEAGE, Choice.DMS, comment="seen at the clock")
    (taken,) = journal(world, "decision_taken")
    for said in ("A. Martin", "report.csv", "seen at the clock", '"choice":"dms"', "90000"):
        assert said in taken
    world.sync()
    assert journal(world, "decision_applied")
    assert any('"decisions":{"mileage":1}' in line for line in journal(world, "written"))


def test_a_decision_is_carried_out_over_a_value_that_cannot_be_read(tmp_path: Path) -> None:
    with a_world(tmp_path / "world.db") as world:
        world.settled()
        world.edit(DMS, "VO1", couleur="VIOLET VIF")
        world.sync()
        assert Reviewer(world).decide("exterior_colour", Choice.MODULE).answer is Answer.ACCEPTED
        world.sync()
        assert world.dms.body("VO1")["couleur"] == "GRIS"
        assert open_rows(world) == []


def test_a_blank_that_the_owner_left_is_filled_again_or_taken_over(tmp_path: Path) -> None:
    for choice, held in ((Choice.DMS, ("9500,00", 9500)), (Choice.MODULE, ("", None))):
        with a_world(tmp_path / f"{choice}.db") as world:
            world.settled()
            world.edit(MODULE, "OF-1", purchase__tradeInPrice=None)
            world.sync()
            assert Reviewer(world).decide("trade_in_price", choice).answer is Answer.ACCEPTED
            world.sync()
            price = world.module.body("OF-1")["purchase"]["tradeInPrice"]
            assert (world.dms.body("VO1")["prix_reprise"], price) == held
            assert open_rows(world) == []


@pytest.mark.parametrize("fate", [Fate.LOST, Fate.ANSWER_LOST])
@pytest.mark.parametrize("side", [MODULE, DMS])
def test_a_decision_for_both_sides_that_got_half_way_is_finished(world: World, side: object, fate: Fate) -> None:
    reviewer = Reviewer(world)
    row = reviewer.row(MILEAGE)
    reviewer.decide(MILEAGE, Choice.VALUE, 88_000)
    world.no_answers(side, fate)  # type: ignore[arg-type]
    result = world.sync()
    assert base_of(world, MILEAGE) is None, "the base moved before both sides held the value"
    assert result.summary.differences[Category.WRITTEN] == 0
    assert MILEAGE in [r.subject for r in open_rows(world)]
    world.answers_again()
    world.sync()
    world.sync()
    assert mileages(world) == (88_000, "88000")
    assert base_of(world, MILEAGE) == 88_000
    assert reviewer.statuses(row.finding_id) == ["applied"]
    assert MILEAGE not in [r.subject for r in open_rows(world)]


def test_a_decision_whose_answer_was_lost_is_not_mistaken_for_somebodys_edit(world: World) -> None:
    Reviewer(world).decide(MILEAGE, Choice.MODULE)
    world.no_answers(DMS, Fate.ANSWER_LOST)
    world.sync()
    world.answers_again()
    world.edit(MODULE, "OF-1", characteristics__mileage=91_000)
    result = world.sync()
    assert result.summary.differences[Category.REFUSED] == 0
    assert mileages(world) == (91_000, "91000")


def test_a_decision_waits_while_a_side_cannot_be_reached(world: World) -> None:
    reviewer = Reviewer(world)
    row = reviewer.row(MILEAGE)
    reviewer.decide(MILEAGE, Choice.MODULE)
    world.dms.error_before = lambda call: SystemUnavailable("closed") if call in ("read", "update") else None
    world.sync()
    assert reviewer.statuses(row.finding_id) == ["pending"]
    world.dms.error_before = lambda _: None
    world.sync()
    assert reviewer.statuses(row.finding_id) == ["applied"]


def test_a_refused_decision_is_tried_once_and_its_row_is_there_to_be_decided_anew(world: World) -> None:
    reviewer = Reviewer(world)
    row = reviewer.row(MILEAGE)
    reviewer.decide(MILEAGE, Choice.MODULE)
    world.dms.refused = lambda body: {"km": "the month is closed"} if "km" in body else {}
    for _ in range(3):
        world.sync()
    assert len(world.dms.writes) == 1
    assert reviewer.statuses(row.finding_id) == ["refused"]
    assert reviewer.row(MILEAGE).finding_id == row.finding_id
    assert reviewer.decide(MILEAGE, Choice.DMS).answer is Answer.ACCEPTED
    world.sync()
    assert mileages(world) == (90_000, "90 000")


def test_what_a_side_makes_of_a_decision_is_tried_again_and_then_held_not_taken_for_an_edit(tmp_path: Path) -> None:
    edits = (
        (
            "pairs/openflex-icar/ownership.yaml",
            "  - attribute: reconditioning_cost\n",
            "  - attribute: reconditioning_cost\n    on_drift: report\n    reviewer_may_override: true\n",
        ),
    )
    with a_world(tmp_path / "world.db", edits=edits) as world:
        world.settled()
        world.edit(MODULE, "OF-1", costs__reconditioning=455.55)
        world.sync()
        reviewer = Reviewer(world)
        world.dms.stored_as = lambda body: {**body, "frevo": "456,00"} if "frevo" in body else body
        reviewer.decide("reconditioning_cost", Choice.MODULE)
        for _ in range(4):
            world.sync()
        assert world.module.body("OF-1")["costs"]["reconditioning"] == 455.55
        assert len(world.dms.writes) == 2
        assert [row.reason for row in open_rows(world)] == ["not_kept_as_written"]
        assert reviewer.decide("reconditioning_cost", Choice.DMS).answer is Answer.ACCEPTED
        world.sync()
        assert world.module.body("OF-1")["costs"]["reconditioning"] == 456
        assert open_rows(world) == []


# --- permitted or not


@pytest.mark.parametrize("choice", [Choice.DMS, Choice.VALUE])
def test_a_reviewer_may_not_decide_against_the_owner(drifted: World, choice: Choice) -> None:
    judged = Reviewer(drifted).decide("sale_price", choice, 900_000 if choice is Choice.DMS else 1_000_000)
    assert (judged.answer, judged.why) == (Answer.NOT_PERMITTED, Why.NOT_THE_OWNER)
    drifted.forget_writes()
    drifted.sync()
    assert not drifted.module.writes


def test_a_reviewer_may_decide_for_the_owner(drifted: World) -> None:
    assert Reviewer(drifted).decide("sale_price", Choice.MODULE).answer is Answer.ACCEPTED
    drifted.sync()
    assert drifted.dms.body("VO1")["prix_vente"] == "12500,00"
    assert open_rows(drifted) == []


@pytest.mark.parametrize(("choice", "price"), [(Choice.DMS, 9_000), (Choice.VALUE, 10_000)])
def test_where_the_mapping_lets_a_reviewer_the_owner_is_written(tmp_path: Path, choice: Choice, price: int) -> None:
    with a_world(tmp_path / "world.db", edits=LET_REVIEWERS) as world:
        world.settled()
        world.edit(DMS, "VO1", prix_vente="9 000,00")
        world.sync()
        assert Reviewer(world).decide("sale_price", choice, 1_000_000).answer is Answer.ACCEPTED
        world.sync()
        assert world.module.body("OF-1")["sale"]["price"] == price
        assert base_of(world, "sale_price") == price * 100
        world.forget_writes()
        world.sync()
        assert not world.module.writes
        assert not world.dms.writes
        assert open_rows(world) == []


@pytest.mark.parametrize(
    ("subject", "value", "why"),
    [
        (MILEAGE, -5, Why.OUT_OF_BOUNDS),
        ("first_registration_date", None, Why.BREAKS_RULE),
    ],
)
def test_a_value_that_the_rules_refuse_is_not_permitted(tmp_path: Path, subject: str, value: object, why: Why) -> None:
    edits = (
        (
            "pairs/openflex-icar/ownership.yaml",
            "  - attribute: first_registration_date\n    owner: vehicle_module\n",
            "  - attribute: first_registration_date\n    owner: shared\n",
        ),
    )
    with a_world(tmp_path / "world.db", [module_record()], [dms_record(km="1", date_mec="13/05/2019")], edits) as world:
        world.settled()
        typed = value if value is not None else date(2031, 1, 1)
        judged = Reviewer(world).decide(subject, Choice.VALUE, typed)  # type: ignore[arg-type]
        assert (judged.answer, judged.why) == (Answer.NOT_PERMITTED, why)


def test_a_number_that_never_decreases_is_not_decided_downwards_nor_in_a_leap(tmp_path: Path) -> None:
    with a_world(tmp_path / "world.db") as world:
        world.settled()
        world.edit(DMS, "VO1", km="80 000")
        world.sync()
        reviewer = Reviewer(world)
        for choice, value, why in (
            (Choice.DMS, BLANK, Why.DECREASES),
            (Choice.VALUE, 84_000, Why.DECREASES),
            (Choice.VALUE, 845_000, Why.JUMPS),
        ):
            judged = reviewer.decide(MILEAGE, choice, value)
            assert (judged.answer, judged.why) == (Answer.NOT_PERMITTED, why)
        assert reviewer.decide(MILEAGE, Choice.MODULE).answer is Answer.ACCEPTED
        world.sync()
        assert world.dms.body("VO1")["km"] == "84500"


def test_a_leap_is_told_from_what_a_side_holds_where_nothing_was_ever_in_common(tmp_path: Path) -> None:
    with a_world(tmp_path / "world.db") as world:
        world.edit(DMS, "VO1", km="90 000")
        world.sync()
        reviewer = Reviewer(world)
        for value, side, held in ((0, "vehicle_module", "84500"), (999_999, "dms", "90000")):
            judged = reviewer.decide(MILEAGE, Choice.VALUE, value)
            assert (judged.answer, judged.why) == (Answer.NOT_PERMITTED, Why.JUMPS)
            assert (judged.details["side"], judged.details["held"]) == (side, held)
            assert "base" not in judged.details


def test_a_police_number_is_never_overwritten_whoever_decides(tmp_path: Path) -> None:
    with a_world(tmp_path / "world.db") as world:
        world.settled()
        world.edit(DMS, "VO1", no_police="2026-00099")
        world.sync()
        reviewer = Reviewer(world)
        for choice in (Choice.MODULE, Choice.DMS, Choice.VALUE):
            judged = reviewer.decide("police_number", choice, "2026-00100")
            assert (judged.answer, judged.why) == (Answer.NOT_PERMITTED, Why.IMMUTABLE)
        assert reviewer.decide("police_number", Choice.IGNORE).answer is Answer.ACCEPTED


def test_what_only_the_systems_can_settle_can_only_be_ignored(tmp_path: Path) -> None:
    module, dms = crowd(3)
    with a_world(tmp_path / "world.db", module, [*dms, dms_record(ref_externe="")]) as world:
        world.sync()
        world.sync()
        reviewer = Reviewer(world)
        for choice in (Choice.MODULE, Choice.DMS, Choice.VALUE):
            judged = reviewer.decide("record", choice, "x")
            assert (judged.answer, judged.why) == (Answer.NOT_PERMITTED, Why.ONLY_IGNORE)
        assert reviewer.decide("record", Choice.IGNORE).answer is Answer.ACCEPTED
        assert reviewer.look() == []


def test_an_unreadable_side_cannot_be_chosen(tmp_path: Path) -> None:
    with a_world(tmp_path / "world.db") as world:
        world.settled()
        world.edit(DMS, "VO1", couleur="VIOLET VIF")
        world.sync()
        reviewer = Reviewer(world)
        judged = reviewer.decide("exterior_colour", Choice.DMS)
        assert (judged.answer, judged.why) == (Answer.NOT_PERMITTED, Why.SIDE_UNREADABLE)
        nothing_typed = reviewer.decide("exterior_colour", Choice.VALUE)
        assert (nothing_typed.answer, nothing_typed.why) == (Answer.NOT_PERMITTED, Why.SIDE_UNREADABLE)


# --- ignored


def test_what_is_ignored_is_silent_until_a_value_changes(world: World) -> None:
    reviewer = Reviewer(world)
    row = reviewer.row(VAT)
    assert reviewer.decide(VAT, Choice.IGNORE).answer is Answer.ACCEPTED
    for _ in range(2):
        result = world.sync()
        assert VAT not in [r.finding.subject for r in reviewer.look()]
        assert result.summary.findings.open_by_category == {Category.CONFLICT: 1}
    world.edit(MODULE, "OF-1", sale__vatRecoverable=None)
    world.edit(DMS, "VO1", tva_recup="")
    world.sync()
    world.edit(MODULE, "OF-1", sale__vatRecoverable=True)
    world.edit(DMS, "VO1", tva_recup="N")
    world.sync()
    assert VAT in [r.finding.subject for r in reviewer.look()], "another disagreement stays hidden"
    assert reviewer.statuses(row.finding_id) == ["ignoring"]


def test_an_event_that_was_seen_is_closed(tmp_path: Path) -> None:
    module, dms = crowd(3)
    with a_world(tmp_path / "world.db", module, dms) as world:
        world.settled()
        module, dms = crowd(1, first=50)
        world.module.put(module[0])
        world.dms.put(dms[0])
        world.sync()
        reviewer = Reviewer(world)
        row = reviewer.row("police_number")
        reviewer.decide("police_number", Choice.IGNORE)
        world.sync()
        assert reviewer.look() == []
        assert reviewer.questions.findings_by_id([row.finding_id])[row.finding_id].closed_because == "reviewed"


# --- repeated, contradicted


def test_deciding_twice_changes_nothing(world: World) -> None:
    reviewer = Reviewer(world)
    row = reviewer.row(MILEAGE)
    reviewer.decide(MILEAGE, Choice.DMS)
    rows = world.rows()
    assert reviewer.decide(MILEAGE, Choice.DMS).answer is Answer.ALREADY
    assert reviewer.decide(MILEAGE, Choice.VALUE, 90_000).answer is Answer.ALREADY
    assert world.rows() == rows
    world.sync()
    assert reviewer.decide_row(row.finding_id, Choice.DMS).answer is Answer.ALREADY


def test_the_first_decision_wins_and_the_second_is_told_of_it(world: World) -> None:
    first, second = Reviewer(world, "A. Martin"), Reviewer(world, "B. Durand")
    row = second.row(MILEAGE)
    first.decide(MILEAGE, Choice.DMS)
    for _ in range(2):
        judged = second.decide_row(row.finding_id, Choice.MODULE)
        assert judged.answer is Answer.CONTRADICTED
        assert judged.earlier is not None
        assert (judged.earlier.decided_by, judged.earlier.choice) == ("A. Martin", Choice.DMS)
        world.sync()
    assert mileages(world) == (90_000, "90 000")


def test_two_that_decide_at_the_same_instant_do_not_both_win(world: World) -> None:
    first, second = Reviewer(world, "A. Martin"), Reviewer(world, "B. Durand")
    first.look()
    row = second.row(MILEAGE)
    cars = second._cars(row)
    mapping = cars.mapping_of(row)
    reviewed = ReviewedRow(row, row.finding, cars.answer_of(row))
    judged = judge(Decision(Choice.MODULE), reviewed, mapping, today_on(world.clock, mapping.time_zone))
    first.decide(MILEAGE, Choice.DMS)
    late = second.kept(Decision(Choice.MODULE), reviewed, judged)
    assert late is not None
    assert world.repository.take_decisions([late]) == [None]


# --- stale


def test_a_decision_goes_stale_when_a_value_moves_before_it_is_carried_out(world: World) -> None:
    reviewer = Reviewer(world)
    row = reviewer.row(MILEAGE)
    reviewer.decide(MILEAGE, Choice.MODULE)
    world.edit(DMS, "VO1", km="95 000")
    world.sync()
    assert mileages(world) == (84_500, "95 000")
    assert reviewer.statuses(row.finding_id) == ["stale"]
    assert journal(world, "decision_stale")
    assert MILEAGE in [r.subject for r in open_rows(world)]


def test_a_decision_on_a_report_of_yesterday_is_answered_as_stale(world: World) -> None:
    reviewer = Reviewer(world)
    row = reviewer.row(MILEAGE)
    world.edit(DMS, "VO1", km="95 000")
    world.sync()
    for choice in (Choice.MODULE, Choice.DMS, Choice.IGNORE):
        assert reviewer.decide_row(row.finding_id, choice).answer is Answer.STALE
    assert reviewer.decide(MILEAGE, Choice.DMS).answer is Answer.ACCEPTED


def test_a_decision_that_people_carried_out_themselves_is_there_already(world: World) -> None:
    reviewer = Reviewer(world)
    row = reviewer.row(MILEAGE)
    world.edit(MODULE, "OF-1", characteristics__mileage=90_000)
    world.sync()
    assert reviewer.decide_row(row.finding_id, Choice.DMS).answer is Answer.ALREADY
    assert reviewer.decide_row(row.finding_id, Choice.MODULE).answer is Answer.STALE


def test_what_the_mapping_forbids_by_now_is_not_carried_out(tmp_path: Path) -> None:
    with a_world(tmp_path / "world.db", edits=LET_REVIEWERS) as world:
        world.settled()
        world.edit(DMS, "VO1", prix_vente="9 000,00")
        world.sync()
        reviewer = Reviewer(world)
        row = reviewer.row("sale_price")
        reviewer.decide("sale_price", Choice.DMS)
        world.mappings = shipped_set(ONLY_REPORT)
        result = world.sync()
        if result.summary.status == "halted" and result.summary.run_id is not None:
            world.repository.release(result.summary.run_id)
            world.sync()
        assert world.module.body("OF-1")["sale"]["price"] == 12_500
        assert reviewer.statuses(row.finding_id) == ["forbidden"]


# --- taken back


def test_a_decision_that_was_not_carried_out_is_taken_back_without_a_trace_in_the_systems(world: World) -> None:
    reviewer = Reviewer(world)
    row = reviewer.row(MILEAGE)
    reviewer.decide(MILEAGE, Choice.DMS)
    assert reviewer.take_back(row.finding_id) == TakingBack()
    world.sync()
    assert mileages(world) == (84_500, "90 000")
    assert reviewer.statuses(row.finding_id) == ["undone"]
    assert reviewer.row(MILEAGE).finding_id == row.finding_id
    assert reviewer.decide(MILEAGE, Choice.MODULE).answer is Answer.ACCEPTED


def test_what_was_ignored_is_shown_again_once_that_is_taken_back(world: World) -> None:
    reviewer = Reviewer(world)
    row = reviewer.row(VAT)
    reviewer.decide(VAT, Choice.IGNORE)
    reviewer.take_back(row.finding_id)
    assert reviewer.row(VAT).finding_id == row.finding_id
    world.sync()
    assert reviewer.row(VAT).finding_id == row.finding_id


@pytest.mark.parametrize("choice", [Choice.DMS, Choice.MODULE, Choice.VALUE])
def test_a_decision_that_was_carried_out_is_undone_by_the_next_cycle(world: World, choice: Choice) -> None:
    reviewer = Reviewer(world)
    row = reviewer.row(VAT)
    reviewer.decide(VAT, choice, True)
    world.sync()
    assert VAT not in [r.subject for r in open_rows(world)]
    assert reviewer.take_back(row.finding_id).counter is not None
    for _ in range(3):
        result = world.sync()
        assert result.summary.as_json()["identity"]["balanced"]
        module, file = world.module.body("OF-1")["sale"]["vatRecoverable"], world.dms.body("VO1")["tva_recup"]
        assert (module, file) == (False, "O")
        assert base_of(world, VAT) is None
    assert reviewer.statuses(row.finding_id) == ["undone", "applied"]
    assert reviewer.row(VAT).finding_id == row.finding_id
    assert reviewer.row(VAT).finding.reason is row.finding.reason


def test_a_decision_is_not_taken_back_once_something_moved(world: World) -> None:
    reviewer = Reviewer(world)
    row = reviewer.row(MILEAGE)
    reviewer.decide(MILEAGE, Choice.DMS)
    world.sync()
    world.edit(DMS, "VO1", km="91 000")
    world.sync()
    assert reviewer.take_back(row.finding_id).stands is Stands.MOVED
    world.sync()
    assert mileages(world) == (91_000, "91 000")


def test_what_could_not_be_read_is_not_written_back(tmp_path: Path) -> None:
    with a_world(tmp_path / "world.db") as world:
        world.settled()
        world.edit(DMS, "VO1", couleur="VIOLET VIF")
        world.sync()
        reviewer = Reviewer(world)
        row = reviewer.row("exterior_colour")
        reviewer.decide("exterior_colour", Choice.MODULE)
        world.sync()
        assert reviewer.take_back(row.finding_id).stands is Stands.WAS_UNREADABLE


def test_nothing_is_taken_back_while_a_write_is_on_its_way(world: World) -> None:
    reviewer = Reviewer(world)
    row = reviewer.row(MILEAGE)
    reviewer.decide(MILEAGE, Choice.MODULE)
    world.no_answers(DMS, Fate.ANSWER_LOST)
    world.sync()
    with pytest.raises(Busy):
        reviewer.take_back(row.finding_id)


def test_an_event_that_was_seen_comes_back_once_that_is_taken_back(tmp_path: Path) -> None:
    module, dms = crowd(3)
    with a_world(tmp_path / "world.db", module, dms) as world:
        world.settled()
        module, dms = crowd(1, first=50)
        world.module.put(module[0])
        world.dms.put(dms[0])
        world.sync()
        reviewer = Reviewer(world)
        row = reviewer.row("police_number")
        reviewer.decide("police_number", Choice.IGNORE)
        assert reviewer.look() == []
        reviewer.take_back(row.finding_id)
        assert reviewer.row("police_number").finding_id == row.finding_id


def test_what_moved_between_the_judgement_and_its_keeping_is_not_ignored(world: World) -> None:
    reviewer = Reviewer(world)
    row = reviewer.row(MILEAGE)
    reviewed = ReviewedRow(row, row.finding, None)
    late = reviewer.kept(Decision(Choice.IGNORE), reviewed, Judged(Answer.ACCEPTED))
    assert late is not None
    world.edit(DMS, "VO1", km="95 000")
    world.sync()
    assert world.repository.take_decisions([late]) == [None]
    assert reviewer.row(MILEAGE).finding_id == row.finding_id


def test_an_undone_override_leaves_both_sides_as_they_were_where_drift_is_only_reported(tmp_path: Path) -> None:
    with a_world(tmp_path / "world.db", edits=LET_REVIEWERS) as world:
        world.settled()
        world.edit(DMS, "VO1", prix_vente="9 000,00")
        world.sync()
        reviewer = Reviewer(world)
        row = reviewer.row("sale_price")
        reviewer.decide("sale_price", Choice.DMS)
        world.sync()
        reviewer.take_back(row.finding_id)
        for _ in range(3):
            world.sync()
        assert world.module.body("OF-1")["sale"]["price"] == 12_500
        assert world.dms.body("VO1")["prix_vente"] == "9 000,00"
        assert base_of(world, "sale_price") == 1_250_000
        assert [row.subject for row in open_rows(world)] == ["sale_price"]


def test_what_was_not_carried_out_is_taken_back_while_a_record_is_missing(world: World) -> None:
    reviewer = Reviewer(world)
    row = reviewer.row(VAT)
    reviewer.decide(VAT, Choice.MODULE)
    world.dms.change("VO1", {"site": "S99"})
    world.sync()
    assert reviewer.take_back(row.finding_id).stands is None


# --- never silent


def test_a_reservation_that_is_due_and_not_there_is_shown_whatever_was_ignored(tmp_path: Path) -> None:
    with a_world(tmp_path / "world.db") as world:
        world.settled()
        world.edit(DMS, "VO1", no_bdc="BC1", date_bdc="20/11/2026")
        world.sync()
        world.sync()
        reviewer = Reviewer(world)
        assert reviewer.decide("reserved", Choice.IGNORE).answer is Answer.ACCEPTED
        assert reviewer.look() == []
        world.module.change("OF-1", {"reservation": None})
        world.module.fate_of = lambda write: Fate.LOST if write.call == "reserve" else Fate.CARRIED_OUT
        for _ in range(3):
            world.sync()
            assert [row.finding.subject for row in reviewer.look()] == ["reserved"]
        world.module.fate_of = lambda _: Fate.CARRIED_OUT
        world.sync()
        world.sync()
        assert world.module.body("OF-1")["reservation"]["kind"] == "UNLIMITED"


def test_a_car_that_vanishes_a_second_time_is_reported_though_the_first_was_ignored(tmp_path: Path) -> None:
    module, dms = crowd(10)
    with a_world(tmp_path / "world.db", [*module, module_record()], [*dms, dms_record()]) as world:
        world.settled()
        reviewer, body = Reviewer(world), world.dms.body("VO1")
        for times in range(2):
            world.dms.remove("VO1")
            for _ in range(3):
                world.sync()
            assert reviewer.row("record").finding.reason == "missing_in_dms", times
            reviewer.decide("record", Choice.IGNORE)
            assert reviewer.look() == []
            world.dms.put(body)
            world.sync()


def test_a_decision_that_waits_for_an_absent_attribute_keeps_its_row(world: World) -> None:
    reviewer = Reviewer(world)
    row = reviewer.row(VAT)
    reviewer.decide(VAT, Choice.DMS)
    body = {name: value for name, value in world.dms.body("VO1").items() if name != "tva_recup"}
    world.dms.remove("VO1")
    world.dms.put(body)
    world.sync()
    assert reviewer.statuses(row.finding_id) == ["pending"]
    assert reviewer.row(VAT).finding_id == row.finding_id


def test_rows_that_open_while_a_run_writes_are_counted_with_it(tmp_path: Path) -> None:
    with a_world(tmp_path / "world.db") as world:
        world.settled()
        world.dms.refused = lambda body: {"prix_vente": "no"} if "prix_vente" in body else {}
        world.edit(MODULE, "OF-1", sale__price=13_000)
        counts = world.sync().summary.findings
        assert (counts.new, counts.closed, counts.open) == (1, 0, 1)

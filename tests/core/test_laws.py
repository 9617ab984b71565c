"""The laws of the decision table, each on a small world; for each a planted fault shows that its test can fail.

A law is a function that raises AssertionError where it is broken. `test_a_law_holds` runs it on the program as it is;
`test_a_planted_fault_breaks_its_law` with one part of the program replaced by a wrong one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from stocksync.adapters.store import conflict_rows, repository
from stocksync.adapters.store.core import CONFLICT, JOURNAL
from stocksync.adapters.systems.memory import Fate
from stocksync.errors import SystemUnavailable
from stocksync.mapping import converters
from stocksync.stock import reconcile, resolution
from stocksync.stock.ownership import may_write
from stocksync.stock.reconcile import Category, Question, Verdict
from stocksync.stock.resolution import Answer, Choice
from stocksync.stock.values import BLANK, SIDES, Side
from stocksync.sync import acknowledge, attributes, cars, decide, findings, gather, plan, sending, summary
from stocksync.sync.cycle import CycleResult
from tests.reviewing import Reviewer
from tests.worlds import DMS, MODULE, RUNS_OWN, World, a_world, crowd, dms_record, module_record

Law = Callable[[Path], None]


def base_of(world: World, attribute: str, car: int = 0) -> Any:
    return world.repository.cars_at("openflex-icar", "PDV1")[car].base.get(attribute)


def open_rows(world: World) -> list[Any]:
    with world.repository.engine.connect() as connection:
        return list(connection.execute(select(CONFLICT).where(CONFLICT.c.closed_at.is_(None)).order_by(CONFLICT.c.id)))


def journal(world: World, action: str) -> list[str]:
    with world.repository.engine.connect() as connection:
        rows = connection.execute(select(JOURNAL.c.details).where(JOURNAL.c.action == action))
        return [row.details for row in rows]


def law_1_a_base_moves_only_when_both_sides_are_known_to_hold_the_value(path: Path) -> None:
    for fate in (Fate.LOST, Fate.ANSWER_LOST, Fate.IGNORED):
        with a_world(path / f"{fate.name}.db") as world:
            world.settled()
            world.edit(MODULE, "OF-1", sale__price=11900)
            if fate is Fate.IGNORED:
                world.dms.fate_of = lambda _: Fate.IGNORED
            else:
                world.no_answers(DMS, fate)
            world.sync()
            assert base_of(world, "sale_price") == 1_250_000, fate
            world.answers_again()
            world.sync()
            assert base_of(world, "sale_price") == 1_190_000, fate
            assert world.dms.body("VO1")["prix_vente"] == "11900,00"
    for fate in (Fate.LOST, Fate.ANSWER_LOST):
        with a_world(path / f"decided-{fate.name}.db", dms=[dms_record(km="90 000")]) as world:
            Reviewer(world.settled()).decide("mileage", Choice.VALUE, 88_000)
            world.no_answers(DMS, fate)
            world.sync()
            assert base_of(world, "mileage") is None, "only one side is known to hold what was decided"
            world.answers_again()
            world.sync()
            assert base_of(world, "mileage") == 88_000


def law_2_a_write_whose_target_moved_is_dropped_and_planned_again(path: Path) -> None:
    with a_world(path / "dms.db") as world:
        world.settled()
        world.edit(MODULE, "OF-1", sale__price=11900)
        once = iter([True])

        def somebody_types(call: str) -> SystemUnavailable | None:
            if call == "read" and next(once, False):
                world.edit(DMS, "VO1", prix_vente="13 000,00")
            return None

        world.dms.error_before = somebody_types
        result = world.sync()
        assert any("moved since the plan" in line for line in journal(world, "not_written"))
        assert world.dms.body("VO1")["prix_vente"] == "11900,00"
        assert result.summary.as_json()["identity"]["balanced"]
    with a_world(path / "module.db") as world:
        world.settled()
        world.edit(DMS, "VO1", frevo="800,00")
        twice = iter([True])

        def somebody_saves(call: str) -> SystemUnavailable | None:
            if call == "update" and next(twice, False):
                world.edit(MODULE, "OF-1", costs__reconditioning=999)
            return None

        world.module.error_before = somebody_saves
        world.sync()
        assert journal(world, "not_written"), "the stale write was not noticed"
        assert world.module.body("OF-1")["costs"]["reconditioning"] == 800


def law_3_no_write_carries_what_its_target_may_not_receive(path: Path) -> None:
    with a_world(path / "world.db") as world:
        world.settled()
        world.edit(DMS, "VO1", prix_vente="9 000,00", couleur="NOIR", frevo="777,00")
        world.edit(MODULE, "OF-1", identification__policeNumber="X-1")
        world.sync()
        owned_by_dms = {"frevo", "no_police", "prix_facture"}
        written = [name for write in world.dms.writes for name in write.body]
        assert not owned_by_dms & set(written), written
        module = [write.body for write in world.module.writes]
        assert not any("sale" in body or "characteristics" in body for body in module), module
        assert world.dms.body("VO1")["prix_vente"] == "12500,00"


def law_4_the_categories_add_up_to_the_differences(path: Path) -> None:
    with a_world(path / "world.db") as world:
        first = world.sync()
        check_identity(first)
        world.edit(MODULE, "OF-1", sale__price=11900, characteristics__mileage=90000)
        world.edit(DMS, "VO1", prix_vente="9 000,00", km="91 000", couleur="", date_mec="31/02/2020")
        world.dms.refused = lambda body: {"prix_vente": "closed"} if "prix_vente" in body else {}
        check_identity(world.sync())
        check_identity(world.sync())


def check_identity(result: CycleResult) -> None:
    figures = result.summary.as_json()["identity"]
    parts = sum(figures[str(c)] for c in plan.DIFFERENCES)
    assert figures["differences"] == parts, figures
    assert figures["balanced"]
    assert figures["differences"] > 0


def law_5_quiet_sides_converge(path: Path) -> None:
    module, dms = crowd(12)
    module.append(module_record(sale__price=9999, characteristics__mileage=80000))
    dms.append(dms_record(couleur="???", date_mec="31/02/2019"))
    with a_world(path / "world.db", module, dms) as world:
        world.sync()
        world.forget_writes()
        before = world.rows(beside=RUNS_OWN)
        result = world.sync()
        assert not world.module.writes
        assert not world.dms.writes
        assert (result.summary.findings.new, result.summary.findings.closed) == (0, 0)
        assert world.rows(beside=RUNS_OWN) == before


def law_6_every_value_is_one_that_a_side_produced(path: Path) -> None:
    with a_world(path / "world.db") as world:
        world.settled()
        world.edit(MODULE, "OF-1", sale__price=11899.99)
        world.edit(DMS, "VO1", frevo="123,45")
        world.sync()
        assert world.dms.body("VO1")["prix_vente"] == "11899,99"
        assert float(world.module.body("OF-1")["costs"]["reconditioning"]) == 123.45
        assert [set(write.body) for write in world.dms.writes] == [{"prix_vente"}]


def law_7_one_disagreement_is_one_row_for_its_life(path: Path) -> None:
    with a_world(path / "world.db") as world:
        world.settled()
        world.edit(MODULE, "OF-1", sale__vatRecoverable=True)
        world.edit(DMS, "VO1", no_police="2026-00099")
        world.sync()
        (first,) = open_rows(world)
        world.edit(DMS, "VO1", no_police="2026-00100")
        world.sync()
        (second,) = open_rows(world)
        assert (second.id, second.opened_at, second.dms_value) == (first.id, first.opened_at, "2026-00100")
        assert second.changed_at > first.changed_at
        world.edit(DMS, "VO1", no_police="2026-00012")
        world.sync()
        assert open_rows(world) == []


def law_7_what_a_person_decided_is_not_asked_again(path: Path) -> None:
    with a_world(path / "ignored.db", dms=[dms_record(tva_recup="O")]) as world:
        reviewer = Reviewer(world.settled())
        reviewer.decide("vat_recoverable", Choice.IGNORE)
        for value in ("?", "O"):
            world.edit(DMS, "VO1", tva_recup=value)
            world.sync()
        result = world.sync()
        assert reviewer.look() == []
        assert result.summary.findings.open == 0
    with a_world(path / "decided.db", dms=[dms_record(km="90 000")]) as world:
        reviewer = Reviewer(world.settled())
        row = reviewer.row("mileage")
        reviewer.decide("mileage", Choice.DMS)
        for _ in range(3):
            world.sync()
        assert open_rows(world) == []
        assert reviewer.statuses(row.finding_id) == ["applied"]


def law_8_a_decision_applies_only_to_the_values_that_its_reviewer_saw(path: Path) -> None:
    for side, change in ((DMS, {"km": "95 000"}), (MODULE, {"characteristics__mileage": 86_000})):
        for choice, value in ((Choice.MODULE, BLANK), (Choice.DMS, BLANK), (Choice.VALUE, 88_000)):
            with a_world(path / f"{side}-{choice}.db", dms=[dms_record(km="90 000")]) as world:
                reviewer = Reviewer(world.settled())
                row = reviewer.row("mileage")
                assert reviewer.decide("mileage", choice, value).answer is Answer.ACCEPTED
                world.edit(side, "VO1" if side is DMS else "OF-1", **change)
                held = (world.module.body("OF-1"), world.dms.body("VO1"))
                world.sync()
                assert (world.module.body("OF-1"), world.dms.body("VO1")) == held
                assert reviewer.statuses(row.finding_id) == ["stale"]
                assert len(journal(world, "decision_stale")) == 1
                assert [r.subject for r in open_rows(world)] == ["mileage"]


def law_9_what_we_wrote_is_not_news(path: Path) -> None:
    with a_world(path / "world.db") as world:
        world.settled()
        world.edit(MODULE, "OF-1", sale__price=11900)
        world.no_answers(DMS, Fate.ANSWER_LOST)
        world.sync()
        world.answers_again()
        world.edit(MODULE, "OF-1", sale__price=11500)
        result = world.sync()
        assert result.summary.differences[Category.REFUSED] == 0
        assert result.summary.differences[Category.WRITTEN] == 1
        assert world.dms.body("VO1")["prix_vente"] == "11500,00"


def law_10_a_value_stored_differently_does_not_bounce(path: Path) -> None:
    with a_world(path / "world.db") as world:
        world.settled()

        def rounded(body: Mapping[str, Any]) -> Mapping[str, Any]:
            return {**body, "prix_vente": "11900,00"} if "prix_vente" in body else body

        world.dms.stored_as = rounded
        world.edit(MODULE, "OF-1", sale__price=11899.99)
        for _ in range(6):
            world.sync()
        assert len(world.dms.writes) == 2
        assert [row.reason for row in open_rows(world)] == ["not_kept_as_written"]
        world.edit(MODULE, "OF-1", sale__price=11900)
        world.sync()
        assert open_rows(world) == []


def law_11_one_trouble_never_stops_another(path: Path) -> None:
    module, dms = crowd(30)
    with a_world(path / "world.db", module, dms) as world:
        world.settled()
        world.edit(DMS, "VO100", date_mec="31/02/2020")
        for number in (100, 101, 102):
            world.edit(MODULE, f"OF-{number}", sale__price=11900, purchase__tradeInPrice=9000)
        world.dms.refused = lambda body: {"prix_reprise": "the month is closed"} if "prix_reprise" in body else {}
        world.sync()
        assert {world.dms.body(f"VO{n}")["prix_vente"] for n in (100, 101, 102)} == {"11900,00"}
        assert sorted(row.reason for row in open_rows(world)) == ["invalid_value", *["write_rejected"] * 3]


LAWS: dict[str, Law] = {
    law.__name__: law
    for law in (
        law_1_a_base_moves_only_when_both_sides_are_known_to_hold_the_value,
        law_2_a_write_whose_target_moved_is_dropped_and_planned_again,
        law_3_no_write_carries_what_its_target_may_not_receive,
        law_4_the_categories_add_up_to_the_differences,
        law_5_quiet_sides_converge,
        law_6_every_value_is_one_that_a_side_produced,
        law_7_one_disagreement_is_one_row_for_its_life,
        law_7_what_a_person_decided_is_not_asked_again,
        law_8_a_decision_applies_only_to_the_values_that_its_reviewer_saw,
        law_9_what_we_wrote_is_not_news,
        law_10_a_value_stored_differently_does_not_bounce,
        law_11_one_trouble_never_stops_another,
    )
}


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_a_law_holds(law: Law, tmp_path: Path) -> None:
    law(tmp_path)


# Planted faults -----------------------------------------------------------------------------------------------

Fault = Callable[[pytest.MonkeyPatch], None]
FAULTS: dict[str, tuple[Law, Fault]] = {}


def breaks(law: Law) -> Callable[[Fault], Fault]:
    def planted(fault: Fault) -> Fault:
        FAULTS[fault.__name__] = (law, fault)
        return fault

    return planted


@breaks(law_1_a_base_moves_only_when_both_sides_are_known_to_hold_the_value)
def the_base_moves_at_plan_time(patch: pytest.MonkeyPatch) -> None:
    def eager(draft: Any) -> dict[str, Any]:
        moved = {name: v.write.value for name, v in draft.verdicts.items() if v.write is not None}
        return {**draft.car.base, **moved}

    patch.setattr(decide, "base_after", eager)


@breaks(law_1_a_base_moves_only_when_both_sides_are_known_to_hold_the_value)
def an_answer_is_trusted_unread(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(acknowledge, "same", lambda *_: True)


@breaks(law_2_a_write_whose_target_moved_is_dropped_and_planned_again)
def nothing_is_read_before_a_write(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sending.Sender, "_check_unmoved", lambda *_: None)


@breaks(law_2_a_write_whose_target_moved_is_dropped_and_planned_again)
def a_stale_version_is_overwritten(patch: pytest.MonkeyPatch) -> None:
    from stocksync.adapters.systems.memory import MemoryServer

    patch.setattr(MemoryServer, "_check_version", lambda *_: None)


@breaks(law_3_no_write_carries_what_its_target_may_not_receive)
def the_loser_is_written_to_the_owner(patch: pytest.MonkeyPatch) -> None:
    def backwards(question: Question, side: Side) -> reconcile.Write:
        owner = side.other
        return reconcile.Write(owner, question.known(side), question.known(owner))

    patch.setattr(reconcile, "_write", backwards)
    for module in (attributes, sending):
        patch.setattr(module, "may_write", lambda *_, **__: True)


@breaks(law_4_the_categories_add_up_to_the_differences)
def conflicts_are_swallowed(patch: pytest.MonkeyPatch) -> None:
    right = attributes.decide

    def silent(question: Question) -> Verdict:
        verdict = right(question)
        return reconcile.UNCHANGED if verdict.category is Category.HELD else verdict

    patch.setattr(attributes, "decide", silent)


@breaks(law_4_the_categories_add_up_to_the_differences)
def a_category_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    right = summary._ended

    def without_refused(*arguments: Any) -> dict[Category, int]:
        return {**right(*arguments), Category.REFUSED: 0}

    patch.setattr(summary, "_ended", without_refused)


@breaks(law_5_quiet_sides_converge)
def every_snapshot_looks_new(patch: pytest.MonkeyPatch) -> None:
    serial = iter(range(10_000))
    patch.setattr(gather, "digest_of", lambda *_: str(next(serial)))


@breaks(law_5_quiet_sides_converge)
def a_fill_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(acknowledge, "_moved", lambda car, *_: car.base)


@breaks(law_6_every_value_is_one_that_a_side_produced)
def amounts_are_rounded(patch: pytest.MonkeyPatch) -> None:
    right = converters.Money.write
    patch.setattr(converters.Money, "write", lambda self, value: right(self, round(int(str(value)), -2)))


@breaks(law_7_one_disagreement_is_one_row_for_its_life)
def a_finding_is_known_by_its_values(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(cars.Finding, "key", property(lambda self: f"{self.car_id}|{self.subject}|{self.dms}"))


@breaks(law_7_one_disagreement_is_one_row_for_its_life)
def nothing_is_ever_closed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(findings, "EVENTS", frozenset(reconcile.Reason))


@breaks(law_7_what_a_person_decided_is_not_asked_again)
def what_was_ignored_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A row that is opened again is a new one to everybody."""
    patch.setattr(conflict_rows, "ignoring", lambda *_: {})


@breaks(law_7_what_a_person_decided_is_not_asked_again)
def a_decision_is_never_done_with(patch: pytest.MonkeyPatch) -> None:
    for module in (repository, conflict_rows):
        patch.setattr(module, "end_resolutions", lambda *_, **__: None)


@breaks(law_8_a_decision_applies_only_to_the_values_that_its_reviewer_saw)
def a_decision_is_carried_out_whatever_moved(patch: pytest.MonkeyPatch) -> None:
    right = resolution.Resolution.standing

    def always_due(*arguments: Any) -> resolution.Standing:
        standing = right(*arguments)
        return resolution.Standing.DUE if standing is resolution.Standing.STALE else standing

    patch.setattr(resolution.Resolution, "standing", always_due)


@breaks(law_8_a_decision_applies_only_to_the_values_that_its_reviewer_saw)
def a_stale_decision_is_kept_quiet(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decide, "_standings", lambda *_, **__: {})


@breaks(law_1_a_base_moves_only_when_both_sides_are_known_to_hold_the_value)
def a_base_moves_before_the_other_side_holds_a_decision(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(acknowledge, "_is_halfway", lambda *_: False)


@breaks(law_9_what_we_wrote_is_not_news)
def a_lost_answer_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decide, "as_acknowledged", lambda sighting, _: sighting)


@breaks(law_10_a_value_stored_differently_does_not_bounce)
def writes_are_repeated_for_ever(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reconcile, "hold_what_does_not_stick", lambda _, verdict: verdict)


@breaks(law_11_one_trouble_never_stops_another)
def one_refused_attribute_takes_the_others_along(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sending.Sender, "_parts", lambda *_: [])


@breaks(law_11_one_trouble_never_stops_another)
def one_unreadable_value_holds_the_whole_car(patch: pytest.MonkeyPatch) -> None:
    right = decide.decide_attributes

    def all_or_nothing(draft: Any) -> int:
        observed = right(draft)
        if any(v.category is Category.HELD for v in draft.verdicts.values()):
            draft.verdicts = {n: v for n, v in draft.verdicts.items() if v.write is None}
        return observed

    patch.setattr(decide, "decide_attributes", all_or_nothing)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_breaks_its_law(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    law, plant = FAULTS[fault]
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        law(tmp_path)


def test_every_law_has_a_planted_fault() -> None:
    assert {law.__name__ for law, _ in FAULTS.values()} == set(LAWS)


def test_the_matrix_is_looked_at_again_when_a_write_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan that went wrong is stopped at the door."""

    def backwards(question: Question, side: Side) -> reconcile.Write:
        return reconcile.Write(side.other, question.known(side), question.known(side.other))

    monkeypatch.setattr(reconcile, "_write", backwards)
    monkeypatch.setattr(attributes, "may_write", lambda *_, **__: True)
    with a_world(tmp_path / "world.db") as world:
        world.settled()
        world.edit(DMS, "VO1", prix_vente="9 000,00")
        world.sync()
        assert not world.module.writes
        assert not world.dms.writes
        assert any("by the matrix" in line for line in journal(world, "not_written"))


def test_a_side_may_receive_only_what_the_other_decides() -> None:
    from stocksync.stock.ownership import Owner, Policy

    for side in SIDES:
        assert may_write(Policy(Owner(side.other.value)), side, fills_blank=False)
        assert not may_write(Policy(Owner(side.value)), side, fills_blank=False)
        assert may_write(Policy(Owner(side.value)), side, fills_blank=True)
        assert not may_write(Policy(Owner.NONE), side, fills_blank=False)

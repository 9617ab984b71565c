"""The shipped lifecycle against an oracle written from the table's text: cell by cell, for each destination."""

from __future__ import annotations

from itertools import product

import pytest

from stocksync.stock.lifecycle import Facts, Lifecycle, Situation, StageVerdict
from stocksync.stock.reasons import Reason
from stocksync.stock.values import Side
from tests.oracle import stage as oracle
from tests.worlds import shipped


@pytest.fixture(scope="module")
def lifecycle() -> Lifecycle:
    return shipped().lifecycle


def situation(case: oracle.StageCase) -> Situation:
    dms_shown = case.dms_status != "not_there"
    return Situation(
        module_stage=case.module_stage,
        dms_status=case.dms_status,
        destination=case.destination,
        facts=Facts(
            police_number_set=case.police_number,
            invoice_complete=case.invoice_complete,
            order_in_module=case.module_order,
        ),
        was_bound=case.was_bound,
        has_identity=case.identity,
        missing_in_module=case.missing_listings,
        missing_in_dms=case.missing_listings,
        sold_in_dms=dms_shown and (case.dms_order or case.invoice_complete or case.dms_status == "invoiced"),
        reserved=case.reservation == "unlimited",
    )


def comparable(verdict: StageVerdict) -> oracle.ExpectedStage:
    if verdict.closed and verdict.meaning == "ignored":
        return oracle.ExpectedStage()
    return oracle.ExpectedStage(
        moves=tuple(step.goal for step in verdict.moves),  # type: ignore[arg-type]
        reserve=verdict.reserve,
        create_in_dms=verdict.create_in_dms,
        findings=frozenset(str(reason) for reason in (*verdict.findings, *verdict.held)),
        closed=verdict.closed,
    )


@pytest.mark.parametrize("destination", oracle.DESTINATIONS)
def test_every_cell_of_the_stage_table_is_decided_as_the_text_says(
    lifecycle: Lifecycle, destination: oracle.Destination
) -> None:
    decided = 0
    for case in oracle.every_case():
        if case.destination != destination:
            continue
        assert comparable(lifecycle.decide(situation(case))) == oracle.decide_stage(case), case
        decided += 1
    assert decided == 7 * 4 * 3 * 4 * 64


def test_whether_a_stay_is_over_is_known_before_anything_else_is_looked_at(lifecycle: Lifecycle) -> None:
    stages = (*lifecycle.stages, "not_there", "auctioned", None)
    statuses = (*lifecycle.statuses, "not_there", "auctioned", None)
    over = 0
    for stage, status, was_bound in product(stages, statuses, (False, True)):
        verdict = lifecycle.decide(Situation(stage, status, "private", was_bound=was_bound))
        assert lifecycle.is_closed(stage, status, was_bound=was_bound) == verdict.closed, (stage, status, was_bound)
        over += verdict.closed
    assert over


def test_a_stage_that_cannot_be_read_is_held_and_nothing_moves(lifecycle: Lifecycle) -> None:
    verdict = lifecycle.decide(Situation(None, "invoiced", "private", Facts(police_number_set=True)))
    assert (verdict.held, verdict.moves, verdict.closed) == ((Reason.INVALID_VALUE,), (), False)


def test_an_unknown_pair_of_states_is_an_illegal_transition(lifecycle: Lifecycle) -> None:
    verdict = lifecycle.decide(Situation("sales_stock", "auctioned", "private"))
    assert verdict.findings == (Reason.ILLEGAL_TRANSITION,)


def test_a_cancelled_order_leaves_the_reservation_and_is_reported(lifecycle: Lifecycle) -> None:
    verdict = lifecycle.decide(
        Situation("sales_stock", "in_stock", "private", sold_in_dms=False, reserved=True, reserved_by_us=True)
    )
    assert verdict.findings == (Reason.ORDER_CANCELLED_RESERVATION_STAYS,)
    assert not verdict.reserve


def test_somebody_elses_reservation_is_nobodys_business(lifecycle: Lifecycle) -> None:
    verdict = lifecycle.decide(Situation("sales_stock", "in_stock", "private", sold_in_dms=False, reserved=True))
    assert verdict.findings == ()


def test_a_car_of_unreadable_destination_that_was_sold_is_reserved_and_not_moved(lifecycle: Lifecycle) -> None:
    verdict = lifecycle.decide(Situation("sales_stock", "invoiced", None, sold_in_dms=True))
    assert (verdict.reserve, verdict.moves, verdict.held) == (True, (), (Reason.INVALID_VALUE,))


def test_with_the_switch_off_the_dms_does_not_take_a_car_out_of_delivery(lifecycle: Lifecycle) -> None:
    facts = Facts(invoice_complete=True, order_in_module=True, exit_from_delivery=False)
    verdict = lifecycle.decide(Situation("delivery", "invoiced", "private", facts, sold_in_dms=True))
    assert (verdict.moves, verdict.held) == ((), (Reason.EXIT_NOT_ALLOWED,))


def test_a_walk_goes_stage_by_stage_and_never_jumps(lifecycle: Lifecycle) -> None:
    walk = lifecycle.walk("private", "pre_entry", "exit", Facts(police_number_set=True, invoice_complete=True))
    assert [(step.source, step.goal) for step in walk.steps] == [
        ("pre_entry", "physical_entry"),
        ("physical_entry", "exit"),
    ]


def test_the_dms_never_moves_a_car_backwards(lifecycle: Lifecycle) -> None:
    order = list(lifecycle.stages)
    for transition in lifecycle.transitions:
        if transition.by is Side.DMS:
            assert all(order.index(source) < order.index(transition.goal) for source in transition.sources)

"""The decision table against an oracle written from its text alone: every combination, and what text leaves out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import product

import pytest

from stocksync.stock.ownership import OnBothChanged, OnDrift, Owner, Policy
from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category, Question, UnkeptWrite, Verdict, agreed_on, decide
from stocksync.stock.values import ABSENT, BLANK, Invalid, Kind, Known, Reading, Side
from tests.oracle import attribute as oracle

INVALID = Invalid("31/02/2020", "no such day")
READINGS: dict[str | int, Reading] = {"absent": ABSENT, "blank": BLANK, "invalid": INVALID}
MAX_JUMP = 50
VALUES = (100, 120, 200)
"""Three values: 120 is a plausible step from 100, 200 is an implausible one."""

SILENT = {Reason.REFUSED_CHANGE, Reason.BLANK_FILLED, None}
"""Reasons that the table's text has no word for."""


def ours(said: str | int) -> Reading:
    return READINGS.get(said, said)  # type: ignore[call-overload,no-any-return]


def policy_of(owner: oracle.Owner, said: oracle.Policy) -> Policy:
    rule = said.on_both_changed
    if rule == "review" and said.dms_has_priority:
        rule = "dms"
    return Policy(
        owner=Owner(owner),
        on_drift=OnDrift(said.on_drift),
        on_both_changed=OnBothChanged(rule),
        fillable=frozenset(Side(side) for side in said.fill_blank),
        writable=frozenset(Side(side) for side in said.writable),
        blank_erases=said.blank_erases,
        immutable=said.immutable,
        never_decreases=said.never_decreases,
        max_jump=said.max_jump,
    )


def comparable(verdict: Verdict) -> oracle.Expected:
    """Say a verdict in the oracle's words."""
    category = {Category.NOTHING_KNOWN: "nothing"}.get(verdict.category, verdict.category.value)
    by_sentence = verdict.reason in (Reason.NOT_SYNCHRONISED, Reason.POLICE_NUMBER_CHANGED)
    return oracle.Expected(
        category=category,  # type: ignore[arg-type]
        row=oracle.BESIDE_THE_TABLE if by_sentence else verdict.row,
        reason="" if verdict.reason in SILENT else str(verdict.reason),
        write=None if verdict.write is None else (verdict.write.side.value, said_by_oracle(verdict.write.value)),  # type: ignore[arg-type]
        base_after=None if verdict.base is None else said_by_oracle(verdict.base),
    )


def said_by_oracle(value: Known) -> oracle.Base:
    return "blank" if value is BLANK else int(str(value))


def policies(rule: oracle.Rule) -> Iterator[oracle.Policy]:
    """Every policy with a rule; the DMS's priority is a policy of its own only where the rule is to review."""
    return (
        policy
        for policy in oracle.every_policy(MAX_JUMP)
        if policy.on_both_changed == rule and (rule == "review" or not policy.dms_has_priority)
    )


@pytest.mark.parametrize("owner", oracle.OWNERS)
@pytest.mark.parametrize("rule", oracle.RULES)
def test_every_combination_is_decided_as_the_text_says(owner: oracle.Owner, rule: oracle.Rule) -> None:
    combinations = list(oracle.every_reading(VALUES))
    readings = [(ours(base), ours(module), ours(dms)) for base, module, dms in combinations]
    decided = 0
    for said in policies(rule):
        policy = policy_of(owner, said)
        for (base, module, dms), (our_base, our_module, our_dms) in zip(combinations, readings, strict=True):
            question = Question("police_number", Kind.INTEGER, policy, our_base, our_module, our_dms)  # type: ignore[arg-type]
            expected = oracle.decide(base, module, dms, owner, said)
            got = comparable(decide(question))
            assert got == expected, (base, module, dms, owner, said)
            decided += 1
    assert decided == 5 * 6 * 6 * (1024 if rule == "review" else 512)


def test_the_oracle_would_notice_a_wrong_verdict() -> None:
    """The comparison itself can fail: one swapped side is seen."""
    question = Question("colour", Kind.INTEGER, policy_of("dms", oracle.Policy()), 1, 2, 1)
    wrong = comparable(decide(question))
    assert wrong != oracle.decide(1, 2, 1, "vehicle_module", oracle.Policy())


SHARED = Policy(Owner.SHARED)
MODULE_OWNS = Policy(Owner.VEHICLE_MODULE)


def test_spelling_is_not_a_difference_and_the_base_takes_the_owners_spelling() -> None:
    verdict = decide(Question("make", Kind.TEXT, MODULE_OWNS, ABSENT, "Citroën  C3", "CITROEN C3"))
    assert (verdict.category, verdict.base) == (Category.AGREED, "Citroën  C3")


def test_a_write_carries_the_spelling_of_its_source() -> None:
    verdict = decide(Question("make", Kind.TEXT, MODULE_OWNS, "Renault", "Citroën", "RENAULT"))
    assert verdict.write is not None
    assert (verdict.write.side, verdict.write.value, verdict.write.expected) == (Side.DMS, "Citroën", "RENAULT")


def test_within_the_declared_tolerance_two_amounts_are_the_same() -> None:
    close = Question("cost", Kind.MONEY, MODULE_OWNS, 10_000, 10_004, 10_000, tolerance=5)
    assert decide(close).category is Category.AGREED
    far = Question("cost", Kind.MONEY, MODULE_OWNS, 10_000, 10_006, 10_000, tolerance=5)
    assert decide(far).category is Category.WRITTEN


def test_dates_are_ranked_by_highest() -> None:
    policy = Policy(Owner.SHARED, on_both_changed=OnBothChanged.HIGHEST)
    early, middle, late = date(2020, 1, 1), date(2021, 1, 1), date(2022, 1, 1)
    verdict = decide(Question("day", Kind.DATE, policy, early, late, middle))
    assert verdict.write is not None
    assert (verdict.write.side, verdict.write.value) == (Side.DMS, late)


@pytest.mark.parametrize(
    ("unkept", "category", "reason"),
    [
        (UnkeptWrite(Side.DMS, 7, 5, rounds=1), Category.WRITTEN, None),
        (UnkeptWrite(Side.DMS, 7, 5, rounds=2), Category.HELD, Reason.NOT_KEPT_AS_WRITTEN),
        (UnkeptWrite(Side.DMS, 7, 5, rounds=1, rejected=True), Category.HELD, Reason.WRITE_REJECTED),
        (UnkeptWrite(Side.DMS, 8, 5, rounds=2), Category.WRITTEN, None),
        (UnkeptWrite(Side.DMS, 7, 6, rounds=2), Category.WRITTEN, None),
        (UnkeptWrite(Side.VEHICLE_MODULE, 7, 5, rounds=2), Category.WRITTEN, None),
    ],
)
def test_a_write_that_does_not_stick_is_held_until_something_moves(
    unkept: UnkeptWrite, category: Category, reason: Reason | None
) -> None:
    verdict = decide(Question("price", Kind.MONEY, MODULE_OWNS, 5, 7, 5, unkept=unkept))
    assert (verdict.category, verdict.reason) == (category, reason)


@pytest.mark.parametrize(("base", "module", "dms"), list(product([ABSENT, BLANK, 5], [BLANK, 5, 6], [BLANK, 5, 6])))
def test_a_blank_never_goes_over_a_value_unless_blanks_erase(base: Known, module: Known, dms: Known) -> None:
    for owner in Owner:
        for fillable in (frozenset[Side](), frozenset(Side)):
            policy = Policy(owner, fillable=fillable)
            write = decide(Question("cost", Kind.MONEY, policy, base, module, dms)).write
            assert write is None or write.value is not BLANK


def test_what_is_written_is_always_what_the_other_side_holds() -> None:
    for owner, rule in product(Owner, OnBothChanged):
        for base, module, dms in product([ABSENT, BLANK, 5, 6], [BLANK, 5, 6, 7], [BLANK, 5, 6, 7]):
            question = Question("cost", Kind.MONEY, Policy(owner, on_both_changed=rule), base, module, dms)
            write = decide(question).write
            assert write is None or write.value == question.held_by(write.side.other)
            assert write is None or write.expected == question.held_by(write.side)


def test_what_both_sides_agree_on_is_never_taken_for_an_equal_value_of_another_kind() -> None:
    values = (1, True, 0, False, BLANK, "", "1", date(2020, 1, 1), "2020-01-01")
    assert [repr(agreed_on(value).base) for value in (*values, *reversed(values))] == [
        repr(value) for value in (*values, *reversed(values))
    ]


@pytest.mark.parametrize("value", [1, True, BLANK, "x", date(2020, 1, 1)], ids=repr)
def test_what_both_sides_agree_on_is_row_1_with_a_base_and_nothing_else(value: Known) -> None:
    assert agreed_on(value) == Verdict(Category.AGREED, row=1, base=value)

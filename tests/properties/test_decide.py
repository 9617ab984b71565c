"""What holds of any decision, whatever the values and the policy."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from stocksync.stock.ownership import OnBothChanged, OnDrift, Owner, Policy
from stocksync.stock.reconcile import Category, Question, Verdict, decide
from stocksync.stock.values import ABSENT, BLANK, Invalid, Kind, Known, Reading, Side, is_value

amounts = st.integers(0, 6)
texts = st.sampled_from(["a", "A", "b"])
known: st.SearchStrategy[Known] = st.one_of(st.sampled_from([ABSENT, BLANK]), amounts)
readings: st.SearchStrategy[Reading] = st.one_of(known, st.just(Invalid("x", "unreadable")))
sides = st.frozensets(st.sampled_from(Side))
policies = st.builds(
    Policy,
    owner=st.sampled_from(Owner),
    on_drift=st.sampled_from(OnDrift),
    on_both_changed=st.sampled_from(OnBothChanged),
    fillable=sides,
    writable=sides,
    blank_erases=st.booleans(),
    immutable=st.booleans(),
    never_decreases=st.booleans(),
    max_jump=st.one_of(st.none(), st.integers(0, 4)),
)
questions = st.builds(
    Question,
    attribute=st.just("price"),
    kind=st.just(Kind.INTEGER),
    policy=policies,
    base=known,
    vehicle_module=readings,
    dms=readings,
    tolerance=st.sampled_from([0, 0, 1]),
)

QUIET = (Category.NOTHING_KNOWN, Category.UNCHANGED, Category.AGREED)


def mirrored(question: Question) -> Question:
    """The same question with the two sides changing places."""
    policy = question.policy
    owner, rule = policy.owner.side, policy.on_both_changed
    named = rule in (OnBothChanged.VEHICLE_MODULE, OnBothChanged.DMS)
    return replace(
        question,
        policy=replace(
            policy,
            owner=Owner(owner.other.value) if owner is not None else policy.owner,
            on_both_changed=OnBothChanged(Side(rule.value).other.value) if named else rule,
            fillable=frozenset(side.other for side in policy.fillable),
            writable=frozenset(side.other for side in policy.writable),
        ),
        vehicle_module=question.dms,
        dms=question.vehicle_module,
    )


def gist(verdict: Verdict) -> tuple[object, ...]:
    write = verdict.write
    return (
        verdict.category,
        verdict.row,
        verdict.reason,
        None if write is None else (write.side, write.value, write.expected, write.fills_blank),
        verdict.refused,
    )


@given(questions)
def test_neither_side_is_favoured_by_anything_but_the_policy(question: Question) -> None:
    there = decide(mirrored(question))
    write = there.write
    back = there._replace(
        write=replace(write, side=write.side.other) if write is not None else None,
        refused=there.refused.other if there.refused is not None else None,
    )
    ours = decide(question)
    if question.tolerance == 0:
        assert gist(ours) == gist(back)


@given(questions)
def test_once_carried_out_a_decision_is_an_agreement_and_the_next_one_is_quiet(question: Question) -> None:
    verdict = decide(question)
    if verdict.write is None:
        return
    name = "vehicle_module" if verdict.write.side is Side.VEHICLE_MODULE else "dms"
    done = replace(question, **{name: verdict.write.value}, tolerance=0)
    agreed = decide(done)
    assert agreed.category in (Category.AGREED, Category.UNCHANGED)
    settled = replace(done, base=agreed.base if agreed.base is not None else done.base)
    assert decide(settled).category is Category.UNCHANGED


@given(questions)
def test_a_base_moves_only_where_both_sides_hold_it(question: Question) -> None:
    verdict = decide(question)
    if verdict.base is not None:
        assert verdict.write is None
        assert verdict.base in (question.vehicle_module, question.dms)


@given(questions)
def test_nothing_is_written_where_a_side_is_absent_or_unreadable(question: Question) -> None:
    held = (question.vehicle_module, question.dms)
    if any(reading is ABSENT or isinstance(reading, Invalid) for reading in held):
        assert decide(question).write is None


@given(questions)
def test_a_write_goes_only_where_the_policy_lets_it(question: Question) -> None:
    write = decide(question).write
    if write is not None:
        assert write.side in question.policy.writable
        owner = question.policy.owner
        assert write.fills_blank or owner is Owner.SHARED or owner.side is write.side.other
        assert not write.fills_blank or write.side in question.policy.fillable


@given(questions)
def test_an_immutable_value_is_never_overwritten(question: Question) -> None:
    fixed = replace(question, policy=replace(question.policy, immutable=True))
    write = decide(fixed).write
    assert write is None or not is_value(fixed.held_by(write.side))


@given(questions)
def test_the_same_question_has_the_same_answer(question: Question) -> None:
    assert decide(question) == decide(replace(question))


@given(questions, policies, st.sampled_from([Kind.INTEGER, Kind.TEXT]), st.data())
def test_what_is_quiet_under_one_policy_is_quiet_under_every_other(
    question: Question, other: Policy, kind: Kind, data: st.DataObject
) -> None:
    """Of what has no tolerance. What a preview leaves out rests on this."""
    said = {name: data.draw(texts) for name in ("base", "vehicle_module", "dms") if is_value(getattr(question, name))}
    exact = replace(question, kind=kind, tolerance=0, **(said if kind is Kind.TEXT else {}))
    before = decide(exact)
    if before.category in QUIET:
        settled = replace(exact, base=before.base if before.base is not None else exact.base)
        assert decide(replace(settled, policy=other)).category in QUIET

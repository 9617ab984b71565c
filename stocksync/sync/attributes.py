"""Deciding every attribute of one car: the decision table, and what stands around it."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import replace
from typing import Any, Final

from stocksync.stock import rules
from stocksync.stock.ownership import Owner, Policy, may_write
from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category, Question, Verdict, agreed_on, decide
from stocksync.stock.values import ABSENT, SIDES, Invalid, Kind, Reading, Side, folded, is_value, same
from stocksync.stock.vehicle import POLICE_NUMBER
from stocksync.sync.cars import Car
from stocksync.sync.draft import CarDraft
from stocksync.sync.overwrites import keeps_coming_back
from stocksync.sync.review import details_of, is_taken_back, report_until_kept, reviewed

REPORTED_WHEN_WRITTEN: Final = frozenset({Reason.FIRST_CONTACT})
_MODULE: Final = Side.VEHICLE_MODULE
_NOTHING: Final[Set[str]] = frozenset()
_SILENT: Final = (Category.UNCHANGED, Category.NOTHING_KNOWN)


def decide_attributes(draft: CarDraft) -> int:
    """Decide every attribute that both sides show; the answer is how many differ by their readings alone."""
    module, dms, base = draft.readings[Side.VEHICLE_MODULE], draft.readings[Side.DMS], draft.car.base
    verdicts, agreed = draft.verdicts, draft.agreed
    observed, told = 0, []
    said = _said_of(draft.car)
    # Rows 1 and 2 of the table where they are plain to see, which is most of the time.
    quiet = {name for name, _ in base.items() & module.items() & dms.items()} - said if base else _NOTHING
    for name, policy, speller in draft.resolved.spelled_by:
        if policy is not None and name not in said:
            if name in quiet:
                continue
            here, there = module.get(name, ABSENT), dms.get(name, ABSENT)
            if here is ABSENT or there is ABSENT:
                continue
            is_same = here == there and type(here) is not Invalid
            if is_same or _is_same_text(draft, name, policy, here, there):
                value: Any = here if speller is _MODULE else there
                known = base.get(name, ABSENT)
                if known is ABSENT or value != known:
                    verdicts[name], agreed[name] = agreed_on(value), value
                    observed += 1
                continue
        verdict = _decided(draft, name, policy)
        observed += _differs(draft, name)
        if verdict.base is not None:
            agreed[name] = verdict.base
        elif verdict.category not in _SILENT:
            told.append(name)
        else:
            continue
        verdicts[name] = verdict
    draft.rules = draft.resolved.rules_of(tuple(verdicts))
    _hold_contradictions(draft, told)
    _watch_register(draft)
    for name in told:
        _report(draft, name, verdicts[name])
    return observed


def _said_of(car: Car) -> Set[str]:
    """The attributes that more is remembered of than what both sides held: these are looked at closely."""
    if not car.unkept and not car.resolutions:
        return _NOTHING
    return car.unkept.keys() | {resolution.subject for resolution in car.resolutions}


def _is_same_text(draft: CarDraft, name: str, policy: Policy, here: Reading, there: Reading) -> bool:
    """Tell whether two readings are plainly one text in two spellings."""
    is_text = type(here) is str and type(there) is str and draft.mapping.vocabulary[name].kind is Kind.TEXT
    # Whose spelling counts may hang on the context: then it is looked at closely.
    if not is_text or policy.owner is not draft.mapping.matrix.rows[name].policy.owner:
        return False
    return folded(here) == folded(there)


def _decided(draft: CarDraft, name: str, policy: Policy | None) -> Verdict:
    if policy is None:
        return _undecidable(draft, name)
    question = _question(draft, name, policy)
    ruled = decide(question)
    return _checked(draft, question, reviewed(draft, question, ruled))


def _differs(draft: CarDraft, name: str) -> bool:
    """Tell, by the readings alone, whether an attribute is anything but quiet; no verdict is looked at."""
    here, there = draft.reading(Side.VEHICLE_MODULE, name), draft.reading(Side.DMS, name)
    if here is ABSENT or there is ABSENT:
        return False
    if isinstance(here, Invalid) or isinstance(there, Invalid):
        return True
    attribute, base = draft.mapping.vocabulary[name], draft.base(name)
    if is_taken_back(draft, name):
        return True
    if not all(same(attribute.kind, reading, base, attribute.tolerance) for reading in (here, there)):
        return True
    row = draft.mapping.matrix.rows[name]
    spelled_as_base = (there if row.policy.owner is Owner.DMS else here) == base
    return same(attribute.kind, here, there, attribute.tolerance) and not spelled_as_base


def _question(draft: CarDraft, name: str, policy: Policy) -> Question:
    attribute = draft.mapping.vocabulary[name]
    closed = frozenset(side for side in SIDES if not draft.takes_writes(side))
    return Question(
        attribute=name,
        kind=attribute.kind,
        policy=replace(policy, writable=policy.writable - closed) if closed else policy,
        base=draft.base(name),
        vehicle_module=draft.reading(Side.VEHICLE_MODULE, name),
        dms=draft.reading(Side.DMS, name),
        tolerance=attribute.tolerance,
        unkept=draft.car.unkept.get(name),
        circumstances=draft.circumstances,
    )


def _undecidable(draft: CarDraft, name: str) -> Verdict:
    """Hold an attribute whose owner hangs on something that cannot be read, unless nothing differs."""
    here, there = draft.reading(Side.VEHICLE_MODULE, name), draft.reading(Side.DMS, name)
    if here is ABSENT or there is ABSENT:
        return Verdict(Category.NOTHING_KNOWN, row=2)
    if not _differs(draft, name):
        return Verdict(Category.UNCHANGED, row=1)
    return Verdict(Category.HELD, row=0, reason=Reason.OWNERSHIP_UNKNOWN)


def _checked(draft: CarDraft, question: Question, verdict: Verdict) -> Verdict:
    """Let no write through that its side may not receive, or has no spelling for (law 3)."""
    is_reviewed = verdict.resolution is not None
    for write in verdict.writes:
        allowed = may_write(question.policy, write.side, fills_blank=write.fills_blank, reviewed=is_reviewed)
        if not (allowed and draft.mapping.translations[write.side].can_spell(question.attribute, write.value)):
            return Verdict(Category.HELD, row=10, reason=Reason.CANNOT_WRITE)
        if not is_reviewed and keeps_coming_back(
            draft.car, question.attribute, write.side, write.value, write.expected
        ):
            return Verdict(Category.CONFLICT, row=10, reason=Reason.KEEPS_COMING_BACK)
    return verdict


def _hold_contradictions(draft: CarDraft, told: Iterable[str]) -> None:
    """Hold dates that are right on each side alone, but would contradict each other once written."""
    writing = {name: verdict for name in told if (verdict := draft.verdicts[name]).write is not None} if told else {}
    if not writing:
        return
    ordered = [
        rule
        for rule in draft.mapping.rules
        if isinstance(rule, rules.DatesInOrder) and not writing.keys().isdisjoint(rule.attributes)
    ]
    if not ordered:
        return
    after = {side: dict(draft.readings[side]) for side in SIDES}
    for name, verdict in writing.items():
        for write in verdict.writes:
            after[write.side][name] = write.value
    car = rules.Car(after[Side.VEHICLE_MODULE], after[Side.DMS], {}, draft.today_on)
    for name in {name for rule in ordered for _, name in rule.broken_by(car)} & writing.keys():
        draft.verdicts[name] = Verdict(Category.HELD, row=9, reason=Reason.INVALID_VALUE)


def _watch_register(draft: CarDraft) -> None:
    """Show a police number that stands twice, and one that is lower than numbers given before."""
    dms = draft.sighting.dms
    number = dms.text(POLICE_NUMBER) if dms is not None else None
    if number is None or draft.car.first_point_of_sale != draft.mapping.id:
        return
    verdict = draft.verdicts.get(POLICE_NUMBER)
    twins = draft.register.doubled.get(number)
    if twins is not None:
        details = {"records": ", ".join(twins)}
        draft.find(POLICE_NUMBER, Reason.POLICE_NUMBER_DUPLICATE, Category.CONFLICT, details)
        if verdict is not None and verdict.write is not None:
            held = Verdict(Category.CONFLICT, row=5, reason=Reason.POLICE_NUMBER_DUPLICATE)
            draft.verdicts[POLICE_NUMBER] = held
    is_new = not is_value(draft.base(POLICE_NUMBER))
    if is_new and draft.register.is_out_of_order(number):
        details = {"highest": str(draft.register.highest)}
        draft.find(POLICE_NUMBER, Reason.POLICE_NUMBER_OUT_OF_ORDER, Category.CONFLICT, details)


def _report(draft: CarDraft, name: str, verdict: Verdict) -> None:
    if verdict.resolution is not None:
        report_until_kept(draft, name)
        return
    if verdict.reason is None or verdict.reason is Reason.NOT_SYNCHRONISED:
        return
    if verdict.category is Category.WRITTEN and verdict.reason not in REPORTED_WHEN_WRITTEN:
        return
    if verdict.reason is Reason.POLICE_NUMBER_DUPLICATE:
        return  # reported already, with the records that share the number
    draft.find(name, verdict.reason, verdict.category, details_of(draft, name, verdict))

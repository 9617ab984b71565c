"""What reviewers decided, put into a car's plan: carried out while both sides hold what was seen, else stale.

What a decision may be at all, when it is handed in, is `decisions`.
"""

from __future__ import annotations

from dataclasses import replace

from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.stock.ownership import may_write
from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category, Question, Verdict, hold_what_does_not_stick
from stocksync.stock.resolution import Choice, Resolution, Standing, carry_out
from stocksync.stock.values import ABSENT, SIDES, Invalid
from stocksync.sync.cars import DECIDED, Car, Sighting
from stocksync.sync.draft import CarDraft


def reviewed(draft: CarDraft, question: Question, ruled: Verdict) -> Verdict:
    """Put a reviewer's decision in the place of what the table says, iff there is one and it is due (law 8)."""
    resolution = draft.resolution(question.attribute)
    if resolution is None:
        return ruled
    readings = draft.said(resolution.subject)
    standing = resolution.standing(question.kind, readings, question.tolerance, question.unkept)
    verdict = ruled
    if standing is Standing.DUE:
        verdict = carry_out(resolution, question.kind, readings, question.tolerance)
        standing = Standing.DUE if _is_allowed(draft, resolution, verdict) else Standing.FORBIDDEN
        verdict = hold_what_does_not_stick(question, verdict)
        if standing is Standing.DUE and verdict.reason in (Reason.WRITE_REJECTED, Reason.NOT_DELIVERED):
            # Nothing was changed by it: the row that was decided is to be decided anew.
            standing = Standing.REFUSED
    draft.standings[resolution.number] = standing
    if standing is not Standing.DUE:
        return ruled
    draft.ruled[question.attribute] = ruled
    return verdict


def _is_allowed(draft: CarDraft, resolution: Resolution, verdict: Verdict) -> bool:
    policy = draft.policies[resolution.subject]
    return policy is not None and all(
        may_write(policy, write.side, fills_blank=write.fills_blank, reviewed=True) for write in verdict.writes
    )


def is_taken_back(draft: CarDraft, name: str) -> bool:
    """Tell whether a decision on which both sides agree is being taken back: that is a difference of its own."""
    resolution = draft.resolution(name)
    if resolution is None or resolution.choice is not Choice.UNDO:
        return False
    return draft.standings.get(resolution.number) is Standing.DUE


def with_former_bases(car: Car, sighting: Sighting, mapping: PointOfSaleMapping) -> Car:
    """The car with the last common values that hold again, where decisions are seen to be taken back."""
    if not car.resolutions:
        return car
    base = car.base
    for resolution in car.resolutions:
        attribute = mapping.vocabulary.get(resolution.subject)
        if resolution.choice is not Choice.UNDO or attribute is None:
            continue
        standing = resolution.standing(attribute.kind, sighting.readings(attribute.name), attribute.tolerance)
        if standing is Standing.KEPT:
            base = resolution.base_after(base, ABSENT)
    return replace(car, base=base)


def report_until_kept(draft: CarDraft, name: str) -> None:
    """Keep the report row that was decided open until both sides hold the decision."""
    resolution, ruled = draft.resolution(name), draft.ruled[name]
    assert resolution is not None
    if resolution.choice is Choice.UNDO:
        return
    draft.find(name, resolution.reason, Category.WRITTEN, details_of(draft, name, ruled) | {DECIDED: "yes"})


def details_of(draft: CarDraft, name: str, verdict: Verdict) -> dict[str, str]:
    """What a finding about an attribute tells besides the values."""
    details = {"row": str(verdict.row)}
    if verdict.refused is not None:
        details["refused"] = verdict.refused.value
    for side in SIDES:
        reading = draft.reading(side, name)
        if isinstance(reading, Invalid):
            details[f"{side}_invalid"] = reading.why
    return details

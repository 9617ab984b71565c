"""What reviewers decided, put into a car's plan: carried out while both sides hold what was seen, else stale.

What a decision may be at all, when it is handed in, is `decisions`.
"""

from __future__ import annotations

from stocksync.stock.ownership import may_write
from stocksync.stock.reconcile import Category, Question, Verdict, hold_what_does_not_stick
from stocksync.stock.resolution import Choice, Resolution, Standing, carry_out
from stocksync.stock.values import BLANK, SIDES, Invalid
from stocksync.sync.draft import CarDraft


def reviewed(draft: CarDraft, question: Question, ruled: Verdict) -> Verdict:
    """Put a reviewer's decision in the place of what the table says, iff there is one and it is due (law 8)."""
    resolution = draft.resolution(question.attribute)
    if resolution is None:
        return ruled
    standing = _standing(draft, question, resolution)
    draft.standings[resolution.number] = standing
    if standing is not Standing.DUE:
        return ruled
    draft.ruled[question.attribute] = ruled
    verdict = carry_out(resolution, question, draft.said(question.attribute))
    return hold_what_does_not_stick(question, verdict)


def _standing(draft: CarDraft, question: Question, resolution: Resolution) -> Standing:
    readings = draft.said(resolution.subject)
    standing = resolution.standing(question.kind, readings, question.tolerance)
    if standing is not Standing.DUE:
        return standing
    policy = draft.policies[resolution.subject]
    assert policy is not None
    verdict = carry_out(resolution, question, readings)
    allowed = all(
        may_write(policy, w.side, fills_blank=readings[w.side] is BLANK, reviewed=True) for w in verdict.writes
    )
    return Standing.DUE if allowed else Standing.FORBIDDEN


def is_taken_back(draft: CarDraft, name: str) -> bool:
    """Tell whether a decision on which both sides agree is being taken back: that is a difference of its own."""
    resolution = draft.resolution(name)
    if resolution is None or resolution.choice is not Choice.UNDO:
        return False
    attribute = draft.mapping.vocabulary[name]
    return resolution.standing(attribute.kind, draft.said(name), attribute.tolerance) is Standing.DUE


def report_until_kept(draft: CarDraft, name: str) -> None:
    """Keep the report row that was decided open until both sides hold the decision."""
    resolution, ruled = draft.resolution(name), draft.ruled[name]
    assert resolution is not None
    if resolution.choice is Choice.UNDO:
        return
    draft.find(name, resolution.reason, Category.WRITTEN, details_of(draft, name, ruled))


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

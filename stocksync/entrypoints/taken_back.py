"""Taking one decision back: finding it, seeing whether it can be, doing it, and saying what follows."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from stocksync.entrypoints.stored_cars import stored_cars
from stocksync.errors import UsageError
from stocksync.mapping.effective import MappingSet, PointOfSaleMapping
from stocksync.reports.decision_answers import CHOICES
from stocksync.reports.decision_sentences import TAKEN_BACK
from stocksync.reports.spelling import Language, Speller, instant
from stocksync.reports.wording import typeset
from stocksync.stock.resolution import Choice
from stocksync.stock.values import SIDES, as_text
from stocksync.sync.decisions import StoredResolution
from stocksync.sync.ports import Clock
from stocksync.sync.taking_back import TakingBack, taking_back

if TYPE_CHECKING:
    from stocksync.adapters.store.questions import Questions
    from stocksync.adapters.store.repository import Repository


def take_back_decision(
    questions: Questions,
    repository: Repository,
    mappings: MappingSet,
    clock: Clock,
    conflict_id: int,
    by: str,
    language: Language,
    *,
    dry_run: bool,
) -> str:
    """Take the last decision about a report row back, and say what follows.

    Raises UsageError where there is none in force or it cannot be taken back, Busy while a run is at work.
    """
    row = questions.findings_by_id([conflict_id]).get(conflict_id)
    if row is None:
        raise UsageError(f"There is no conflict {conflict_id}; `stocksync conflicts list` shows the open ones.")
    now = clock.now_at()
    # While a run may be carrying it out, nobody can say whether a decision is still only a wish.
    alone = nullcontext() if dry_run else repository.exclusive(row.point_of_sale, clock, "undo")
    with alone:
        decided = [d for d in questions.decisions([row]) if d.conflict_id == conflict_id or d.number == row.ignored_by]
        decided = [d for d in decided if d.in_force and d.choice is not Choice.UNDO]
        if not decided:
            raise UsageError(typeset(TAKEN_BACK[language]["none"], language).format(conflict=conflict_id))
        cars = stored_cars(questions, [row], mappings, clock)
        mapping, decision = cars.mapping_of(row), decided[-1]
        back = taking_back(decision, cars.answer_of(row), mapping, by, now)
        said = _said(decision, back, mapping, language)
        if back.stands is not None:
            raise UsageError(said)
        if not dry_run:
            repository.take_back(decision, back.counter, by, now)
    return said


def _said(decision: StoredResolution, back: TakingBack, mapping: PointOfSaleMapping, language: Language) -> str:
    key = back.stands.value if back.stands is not None else "counter" if back.counter is not None else "void"
    if back.stands is None and decision.choice is Choice.IGNORE:
        key = "ignored"
    at = instant(decision.decided_at.astimezone(ZoneInfo(mapping.time_zone)))
    values = {"module": "", "dms": ""}
    if back.counter is not None:
        speller = Speller(language, mapping.choice_labels)
        attribute, targets = mapping.vocabulary[decision.subject], back.counter.targets
        spelled = [speller.text(attribute, as_text(targets[side])) for side in SIDES]
        values = dict(zip(("module", "dms"), spelled, strict=True))
    return typeset(TAKEN_BACK[language][key], language).format(
        conflict=decision.conflict_id,
        choice=CHOICES[language][decision.choice],
        by=decision.decided_by,
        at=at,
        **values,
    )


def car_of_conflict(questions: Questions, conflict_id: int) -> str:
    """What a row's car is known by: its VIN, else our own id; the row must be there."""
    car_id = questions.findings_by_id([conflict_id])[conflict_id].finding.car_id
    car = questions.cars_by_id([car_id]).get(car_id)
    return (car.vin if car is not None else None) or car_id


def lot_of_decision(questions: Questions, conflict_id: int) -> list[int]:
    """The rows that were decided together with this one, by one line that stood for several cars."""
    row = questions.findings_by_id([conflict_id]).get(conflict_id)
    decided = [d for d in questions.decisions([row]) if d.conflict_id == conflict_id] if row is not None else []
    return questions.decided_with(decided[-1]) if decided else [conflict_id]

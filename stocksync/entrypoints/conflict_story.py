"""The whole story of one conflict: what happened to it, oldest first, and what people decided of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from stocksync.entrypoints.history_view import HistoryView
from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.reports.decision_answers import CHOICES
from stocksync.reports.spelling import Language, Speller, instant, neutral, quoted
from stocksync.reports.wording import typeset
from stocksync.stock.values import SIDES, Side, as_text
from stocksync.sync.answers import StoredFinding
from stocksync.sync.decisions import ResolutionStatus, StoredResolution

if TYPE_CHECKING:
    from stocksync.adapters.store.questions import Questions

_STATUSES: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {
        "pending": "sera appliquée à la prochaine synchronisation",
        "ignoring": "en vigueur tant qu'aucune valeur ne change",
        "dormant": "ne vaut plus pour les valeurs d'aujourd'hui",
        "applied": "appliquée le {closed}",
        "stale": "périmée le {closed} : les valeurs avaient changé",
        "forbidden": "non appliquée ({closed}) : la matrice ne la permet plus",
        "refused": "rejetée par un système le {closed}",
        "undone": "annulée le {closed} par {because}",
    },
    "en": {
        "pending": "carried out by the next synchronisation",
        "ignoring": "holds while no value changes",
        "dormant": "does not hold for today's values",
        "applied": "carried out on {closed}",
        "stale": "stale since {closed}: the values had moved",
        "forbidden": "not carried out ({closed}): the matrix does not allow it any more",
        "refused": "refused by a system on {closed}",
        "undone": "taken back on {closed} by {because}",
    },
}
_DECISION: Final[Mapping[Language, str]] = {
    "fr": "{at}  {by} : {choice}{value}{comment} [{file}], {status}",
    "en": "{at}  {by}: {choice}{value}{comment} [{file}], {status}",
}


@dataclass(frozen=True, slots=True)
class ConflictStory:
    """One conflict's past, told in one language; names of people in values are masked."""

    history: HistoryView
    decisions: tuple[StoredResolution, ...]
    mapping: PointOfSaleMapping
    language: Language
    ignored_by: int | None = None

    def decision_lines(self) -> Iterator[str]:
        """One line per decision."""
        for decision in self.decisions:
            yield typeset(_DECISION[self.language], self.language).format(
                at=self._instant(decision.decided_at),
                by=decision.decided_by,
                choice=CHOICES[self.language][decision.choice],
                value=self._value(decision),
                comment=f", {quoted(decision.comment, self.language)}" if decision.comment else "",
                file=decision.file or "-",
                status=self._status(decision),
            )

    def lines(self) -> Iterator[str]:
        """One line per fact."""
        yield from self.history.lines()

    def as_data(self) -> dict[str, Any]:
        """The same for a program."""
        return {"decisions": [self._data(decision) for decision in self.decisions], "facts": self.history.as_data()}

    def _data(self, decision: StoredResolution) -> dict[str, Any]:
        attribute = self.mapping.vocabulary.get(decision.subject)
        values = {side.value: as_text(value) for side, value in decision.targets.items()}
        return {
            "decision": decision.number,
            "choice": decision.choice.value,
            "values": {side: neutral(attribute, text) if attribute else text for side, text in values.items()},
            "by": decision.decided_by,
            "at": decision.decided_at.isoformat(),
            "file": decision.file or None,
            "comment": decision.comment or None,
            "status": decision.status.value,
            "closed_at": decision.closed_at.isoformat() if decision.closed_at is not None else None,
            "closed_because": decision.closed_because,
        }

    def _value(self, decision: StoredResolution) -> str:
        attribute = self.mapping.vocabulary.get(decision.subject)
        if attribute is None or not decision.targets:
            return ""
        speller = Speller(self.language, self.mapping.choice_labels)
        texts = [speller.text(attribute, as_text(decision.targets[side])) for side in SIDES]
        return f" → {' / '.join(dict.fromkeys(texts))}"

    def _status(self, decision: StoredResolution) -> str:
        closed = self._instant(decision.closed_at) if decision.closed_at is not None else ""
        is_dormant = decision.status is ResolutionStatus.IGNORING and decision.number != self.ignored_by
        status = "dormant" if is_dormant else decision.status
        template = typeset(_STATUSES[self.language][status], self.language)
        return template.format(closed=closed, because=decision.closed_because or "")

    def _instant(self, at: Any) -> str:
        return instant(at.astimezone(ZoneInfo(self.mapping.time_zone)))


def story_of(
    questions: Questions, row: StoredFinding, mapping: PointOfSaleMapping, language: Language
) -> ConflictStory:
    """Put the story of a report row together."""
    car = questions.cars_by_id([row.finding.car_id]).get(row.finding.car_id)
    never_in_dms = car is not None and Side.DMS not in car.record_ids
    history = HistoryView(tuple(questions.journal(row.finding.car_id)), mapping, language, never_in_dms)
    found = questions.decisions([row])
    decisions = tuple(d for d in found if d.conflict_id == row.finding_id or d.number == row.ignored_by)
    about = history.about(row.finding.subject, row.finding_id)
    return ConflictStory(about, decisions, mapping, language, row.ignored_by if row.closed_at is None else None)

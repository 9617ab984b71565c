"""Taking in a report that came back: each decision is found, read, judged and answered; what is accepted is kept.

Reading the file is `reports.returned_file`; whether a decision may be taken, `sync.decisions`. Nothing is kept of a dry
run, and nothing of a file that cannot be read.
"""

from __future__ import annotations

import hashlib
import math
from collections import deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from stocksync.entrypoints.cases import local_instant
from stocksync.entrypoints.signature import signature
from stocksync.entrypoints.stored_cars import PART, StoredCars
from stocksync.mapping.effective import MappingSet, PointOfSaleMapping
from stocksync.reports.cell_problem import CellProblem
from stocksync.reports.conflict_report import COLUMNS
from stocksync.reports.decision_answers import AnsweredRow, Earlier
from stocksync.reports.decision_words import allowed_words, choice_of
from stocksync.reports.returned_file import ReturnedRow, read_returned
from stocksync.reports.spelling import Language, Speller, attribute_of
from stocksync.reports.typed_values import typed_value
from stocksync.reports.wording import subject_label
from stocksync.stock.reasons import Reason
from stocksync.stock.resolution import SIDE_OF, Answer, Choice, Why, holds
from stocksync.stock.values import SIDES, Known, Side, as_text
from stocksync.stock.vehicle import VIN
from stocksync.sync.answers import StoredFinding
from stocksync.sync.cars import readings_of
from stocksync.sync.decisions import (
    Decision,
    Judged,
    ResolutionStatus,
    ReviewedRow,
    StoredResolution,
    judge,
    kept,
)
from stocksync.sync.fingerprints import names_row, version_seen
from stocksync.sync.ports import Clock, today_on

if TYPE_CHECKING:
    from stocksync.adapters.store.questions import Questions
    from stocksync.adapters.store.repository import Repository
    from stocksync.sync.cars import Finding

MAX_COMMENT: Final = 2000
_REMEMBERED: Final = 4096
"""Decisions that others are judged like; some megabytes."""
_NOTHING_DUE: Final[Mapping[Language, str]] = {
    "fr": "rien : la valeur ne va qu'avec « valeur »",
    "en": "nothing: a value goes with “value” only",
}
_ROW_BY_ROW: Final[Mapping[Language, str]] = {
    "fr": "module, dms ou ignorer, car les valeurs de ces voitures diffèrent ; une valeur se décide dans l'annexe, "
    "ligne par ligne",
    "en": "module, dms or ignore, because the values of these cars differ; a value is decided in the annex, row by row",
}
_SHORTER: Final[Mapping[Language, str]] = {
    "fr": f"un commentaire de {MAX_COMMENT} caractères au plus",
    "en": f"a comment of {MAX_COMMENT} characters at most",
}


@dataclass(frozen=True, slots=True)
class HandedIn:
    """One file that was handed back: its name, its bytes, and by whom."""

    name: str
    raw: bytes
    by: str

    @property
    def digest(self) -> str:
        """Names exactly these bytes."""
        return hashlib.sha256(self.raw).hexdigest()


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What became of a file: its decisions in the file's order, and how many rows stayed without one."""

    rows: tuple[AnsweredRow, ...]
    untouched: int

    @property
    def accepted(self) -> int:
        """How many decisions are new."""
        return sum(row.answer is Answer.ACCEPTED for row in self.rows)

    @property
    def already(self) -> int:
        """How many decisions were there before, or have nothing left to do."""
        return sum(row.answer is Answer.ALREADY for row in self.rows)

    @property
    def failed(self) -> int:
        """How many decisions were not taken."""
        return sum(not row.succeeded for row in self.rows)


@dataclass(frozen=True, slots=True)
class _Handing:
    """What holds for every decision of a file: its name and digest, by whom and when, and how it shows dates."""

    name: str
    digest: str
    by: str
    at: datetime
    month_first: bool


@dataclass(frozen=True, slots=True)
class _Item:
    """One decision about one row: a row of the file, or one of those that a lot's line stands for."""

    returned: ReturnedRow
    conflict_id: int
    fingerprint: str
    lot: str = ""


class _Earlier:
    """What was decided before, found by its row and by its car's attribute; grows with what is decided now."""

    def __init__(self, decisions: Iterable[StoredResolution] = ()) -> None:
        self._by_row: dict[int, tuple[StoredResolution, ...]] = {}
        self._by_attribute: dict[tuple[str, str], tuple[StoredResolution, ...]] = {}
        self._numbers: set[int] = set()
        self.add(decisions)

    def add(self, decisions: Iterable[StoredResolution]) -> None:
        """Note more; those that are stored are noted once."""
        for decision in decisions:
            if decision.number not in self._numbers:
                row, attribute = decision.conflict_id, (decision.car_id, decision.subject)
                self._by_row[row] = (*self._by_row.get(row, ()), decision)
                self._by_attribute[attribute] = (*self._by_attribute.get(attribute, ()), decision)
                if decision.number:
                    self._numbers.add(decision.number)

    def about(self, row: StoredFinding) -> list[StoredResolution]:
        """Those about a row, oldest first."""
        decided = self._by_row.get(row.finding_id)
        return sorted(decided, key=_age) if decided is not None else []

    def concerning(self, row: StoredFinding) -> tuple[StoredResolution, ...]:
        """Those about a row, and those about the same attribute of its car by another row; oldest first."""
        same_attribute = self._by_attribute.get((row.finding.car_id, row.finding.subject), ())
        about = self._by_row.get(row.finding_id, ())
        if not same_attribute and not about:
            return ()
        others = [e for e in about if e not in same_attribute]
        return tuple(sorted((*same_attribute, *others), key=_age))


def _age(decision: StoredResolution) -> float:
    """What is decided now has no number yet."""
    return decision.number or math.inf


@dataclass
class DecisionDesk:
    """Where reports that come back are taken in. only: the one point of sale whose rows may be decided here."""

    questions: Questions
    repository: Repository
    mappings: MappingSet
    clock: Clock
    language: Language
    only: str | None = None
    _rows: Mapping[int, StoredFinding] = field(default_factory=dict)
    _earlier: _Earlier = field(default_factory=_Earlier)
    _lots: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    _differing: dict[str, bool] = field(default_factory=dict)
    _spellers: dict[str, Speller] = field(default_factory=dict)
    _words_of: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    _todays: dict[str, date] = field(default_factory=dict)
    _judged: dict[Hashable, tuple[Judged, Mapping[str, Any]]] = field(default_factory=dict)

    def take_in(self, file: HandedIn, *, dry_run: bool = False) -> TakenIn:
        """Take a file in. Raises UnreadableFile; then nothing of it was taken."""
        returned = read_returned(file.name, file.raw, self.language)
        handing = _Handing(file.name, file.digest, signature(file.by), self.clock.now_at(), returned.month_first)
        untouched = returned.untouched
        self._todays, self._judged = {}, {}
        items = deque(_without_decided_alone([item for row in returned.rows for item in self._items(row)]))
        # Let go of the rows while their answers grow: of a large file, there is no room for both.
        del returned
        cars = StoredCars(self.questions, self.mappings, self.clock, names=(VIN,))
        answered: list[AnsweredRow] = []
        accepted: list[tuple[int, StoredResolution]] = []
        while part := [items.popleft() for _ in range(min(PART, len(items)))]:
            self._look_up(part, cars)
            for item in part:
                row, decision = self._answer(item, cars, handing)
                if decision is not None:
                    accepted.append((len(answered), decision))
                    self._earlier.add([decision])
                answered.append(row)
        if not dry_run:
            self._keep(accepted, answered)
        return TakenIn(tuple(sorted(answered, key=lambda row: (row.sheet != "", row.line))), untouched)

    def _look_up(self, items: Iterable[_Item], cars: StoredCars) -> None:
        """Look up the rows that some decisions are about, their cars, and what was decided of them before."""
        self._rows = self.questions.findings_by_id(item.conflict_id for item in items if item.conflict_id)
        self._earlier.add(self.questions.decisions(self._rows.values()))
        cars.look_up(self._rows.values())

    def _items(self, row: ReturnedRow) -> Sequence[_Item]:
        fingerprint, number = row.cells.get("fingerprint", "").lower(), _number(row.cells.get("id", ""))
        if fingerprint.startswith("g"):
            members = self._lots.setdefault(fingerprint, self.questions.lot(fingerprint))
            if number in {member for member, _ in members}:
                return [_Item(row, member, name, lot=fingerprint) for member, name in members]
        return (_Item(row, number or 0, fingerprint),)

    def _answer(self, item: _Item, cars: StoredCars, handing: _Handing) -> tuple[AnsweredRow, StoredResolution | None]:
        stored = self._rows.get(item.conflict_id)
        told = self._told(item, stored, cars)
        problem = item.returned.problem or self._problem_of_row(item)
        if problem is not None:
            return AnsweredRow(**told, answer=Answer.UNREADABLE, problem=problem), None
        undone = self._undone(stored) if stored is not None else []
        if stored is not None and undone and (taken_back := self._taken_back(item, stored, undone)) is not None:
            return AnsweredRow(**told, answer=Answer.CONTRADICTED, earlier=self._said_earlier(taken_back)), None
        seen = self._seen(item, stored, len(undone))
        if stored is None or seen is None:
            return AnsweredRow(**told, answer=Answer.UNKNOWN), None
        if self.only is not None and stored.point_of_sale != self.only:
            why, details = Why.OTHER_POINT_OF_SALE, {"point": stored.point_of_sale}
            return AnsweredRow(**told, answer=Answer.NOT_PERMITTED, why=why, details=details), None
        decision = self._decision(item, stored, cars, month_first=handing.month_first)
        if isinstance(decision, CellProblem):
            return AnsweredRow(**told, answer=Answer.UNREADABLE, problem=decision), None
        if item.lot and decision.choice is Choice.VALUE and self._differ(item.lot, stored):
            problem = CellProblem(self._header("decision"), item.returned.cells["decision"], _ROW_BY_ROW[self.language])
            return AnsweredRow(**told, answer=Answer.UNREADABLE, problem=problem), None
        row = ReviewedRow(stored, seen, cars.shown_of(stored), self._earlier.concerning(stored))
        judged, said = self._judge(decision, row, cars)
        told.update(said)
        answered = AnsweredRow(**told)
        taken = kept(decision, row, judged, handing.by, handing.name, handing.digest, handing.at)
        return answered, replace(taken, lot=item.lot) if taken is not None and item.lot else taken

    def _told(self, item: _Item, stored: StoredFinding | None, cars: StoredCars) -> dict[str, Any]:
        """What is told of a row whatever the answer."""
        cells = item.returned.cells
        told: dict[str, Any] = {
            "line": item.returned.line,
            "sheet": item.returned.sheet,
            "conflict": str(item.conflict_id) if item.conflict_id else cells.get("id", ""),
            "decision": cells.get("decision", ""),
            "value": cells.get("value", ""),
            "comment": cells.get("comment", ""),
        }
        if stored is None:
            return told
        car = cars.shown_of(stored)
        told["point_of_sale"] = stored.point_of_sale
        told["vin"] = (car.text(VIN) if car is not None else None) or ""
        told.update(self._words(cars.mapping_of(stored), stored.finding.subject))
        return told

    def _words(self, mapping: PointOfSaleMapping, subject: str) -> dict[str, Any]:
        """What people call the subject of a row, and how its values are said."""
        words = self._words_of.get((mapping.id, subject))
        if words is None:
            words = self._words_of[mapping.id, subject] = {
                "label": subject_label(subject, mapping.vocabulary, self.language),
                "attribute": mapping.vocabulary.get(subject),
                "vocabulary": mapping.vocabulary,
                "speller": self._speller(mapping),
            }
        return words

    def _judge(self, decision: Decision, row: ReviewedRow, cars: StoredCars) -> tuple[Judged, Mapping[str, Any]]:
        """Judge a decision, with what is told of that; the same decisions about rows that are alike are judged once."""
        if row.earlier or row.seen is not row.stored.finding:
            return self._judged_alone(decision, row, cars)
        alike = (cars.likeness_of(row.stored), decision.choice, type(decision.value), decision.value)
        known = self._judged.get(alike)
        if known is None:
            if len(self._judged) >= _REMEMBERED:
                self._judged.clear()
            known = self._judged[alike] = self._judged_alone(decision, row, cars)
        return known

    def _judged_alone(self, decision: Decision, row: ReviewedRow, cars: StoredCars) -> tuple[Judged, Mapping[str, Any]]:
        mapping = cars.rules_of(row.stored)
        today = self._todays.get(mapping.time_zone)
        if today is None:
            today = self._todays[mapping.time_zone] = today_on(self.clock, mapping.time_zone)
        judged = judge(decision, row, mapping, today)
        return judged, self._said(row, judged, cars.mapping_of(row.stored))

    def _speller(self, mapping: PointOfSaleMapping) -> Speller:
        speller = self._spellers.get(mapping.id)
        if speller is None:
            speller = self._spellers[mapping.id] = Speller(self.language, mapping.choice_labels, clear=True)
        return speller

    def _problem_of_row(self, item: _Item) -> CellProblem | None:
        cells = item.returned.cells
        if not item.conflict_id:
            due = {"fr": "le numéro exporté, inchangé", "en": "the number as it was exported"}
            return CellProblem(self._header("id"), cells.get("id", ""), due[self.language])
        if choice_of(cells.get("decision", "")) is None:
            return CellProblem(self._header("decision"), cells.get("decision", ""), allowed_words(self.language))
        if len(cells.get("comment", "")) > MAX_COMMENT:
            return CellProblem(self._header("comment"), cells["comment"][:40] + "…", _SHORTER[self.language])
        return None

    def _seen(self, item: _Item, stored: StoredFinding | None, taken_back: int) -> Finding | None:
        """What the row said to its reader; None where the fingerprint was never given to it."""
        if stored is None or not self._names(item, stored, taken_back):
            return None
        now = version_seen(item.fingerprint, (stored.finding,))
        return now or version_seen(item.fingerprint, self.questions.versions(stored))

    def _undone(self, stored: StoredFinding) -> list[StoredResolution]:
        """The decisions about a row that were taken back, oldest first."""
        return [e for e in self._earlier.about(stored) if e.status is ResolutionStatus.UNDONE]

    def _names(self, item: _Item, stored: StoredFinding, taken_back: int) -> bool:
        return names_row(item.fingerprint, stored.finding_id, stored.pair, stored.opened_at, taken_back)

    def _taken_back(
        self, item: _Item, stored: StoredFinding, undone: Sequence[StoredResolution]
    ) -> StoredResolution | None:
        """The decision that was taken back since the file went out; None where none was."""
        return next((e for count, e in enumerate(undone) if self._names(item, stored, count)), None)

    def _differ(self, lot: str, stored: StoredFinding) -> bool:
        """Tell whether one typed value would be written over values that have nothing in common."""
        if stored.finding.reason not in (Reason.WRITE_REJECTED, Reason.NOT_DELIVERED):
            return False  # the others share the code or the value that is to be replaced
        if lot not in self._differing:
            members = self.questions.findings_by_id(number for number, _ in self._lots[lot])
            held = {(row.finding.vehicle_module, row.finding.dms) for row in members.values()}
            self._differing[lot] = len(held) > 1
        return self._differing[lot]

    def _decision(
        self, item: _Item, stored: StoredFinding, cars: StoredCars, *, month_first: bool
    ) -> Decision | CellProblem:
        cells, mapping = item.returned.cells, cars.mapping_of(stored)
        choice, typed, comment = choice_of(cells["decision"]), cells.get("value", ""), cells.get("comment", "")
        assert choice is not None
        attribute = mapping.vocabulary.get(stored.finding.subject)
        if attribute is None or (not typed and choice is not Choice.VALUE):
            return Decision(choice, comment=comment)
        read = typed_value(attribute, typed, mapping.choice_labels, self.language, month_first=month_first)
        if choice is Choice.VALUE:
            return read if isinstance(read, CellProblem) else Decision(choice, read, comment)
        car = cars.shown_of(stored)
        vehicle = car.vehicles.get(SIDE_OF[choice]) if car is not None and choice in SIDE_OF else None
        repeats = (
            vehicle is not None
            and not isinstance(read, CellProblem)
            and holds(attribute.kind, vehicle.reading(attribute.name), read)
        )
        if repeats:
            return Decision(choice, comment=comment)
        return CellProblem(self._header("value"), typed, _NOTHING_DUE[self.language])

    def _said(self, row: ReviewedRow, judged: Judged, mapping: PointOfSaleMapping) -> dict[str, Any]:
        """What is told of a row once its decision is judged."""
        stored, subject = row.stored, row.stored.finding.subject
        attributes = {side: attribute_of(subject, side, mapping.vocabulary) for side in SIDES}
        speller = self._speller(mapping)
        old, new = row.seen.held, stored.finding.held
        if row.car is not None and subject in mapping.vocabulary:
            readings = readings_of(row.car.vehicles, subject)
            new = {side: as_text(reading) for side, reading in readings.items()}
        spelled = {side: speller.text(attributes[side], text) for side, text in old.items()}
        return {
            "answer": judged.answer,
            "why": judged.why,
            "details": judged.details,
            "targets": judged.targets if judged.answer is Answer.ACCEPTED else {},
            "written": tuple(side for side in SIDES if _differs(judged.targets, side, new)),
            "earlier": self._said_earlier(judged.earlier) if judged.earlier is not None else None,
            "old": spelled,
            "new": spelled if new == old else {side: speller.text(attributes[side], new[side]) for side in SIDES},
            "state": stored.closed_because or "",
        }

    def _said_earlier(self, earlier: StoredResolution) -> Earlier:
        at = local_instant(earlier.decided_at, earlier.point_of_sale, self.mappings)
        because = (earlier.closed_because or "?") if earlier.status is ResolutionStatus.UNDONE else ""
        return Earlier(earlier.decided_by, at, earlier.choice, because)

    def _keep(self, accepted: list[tuple[int, StoredResolution]], answered: list[AnsweredRow]) -> None:
        """Keep what was accepted; whoever was forestalled by somebody else meanwhile is told so."""
        numbers = self.repository.take_decisions([decision for _, decision in accepted])
        late = {place: taken.conflict_id for (place, taken), n in zip(accepted, numbers, strict=True) if n is None}
        rows = self.questions.findings_by_id(late.values())
        for place, conflict_id in late.items():
            row = rows.get(conflict_id)
            now = _Earlier(self.questions.decisions([row])).concerning(row) if row is not None else ()
            first = next((e for e in now if e.in_force), None)
            answer = Answer.STALE if first is None else Answer.CONTRADICTED
            earlier = self._said_earlier(first) if first is not None else None
            answered[place] = replace(answered[place], answer=answer, targets={}, earlier=earlier)

    def _header(self, name: str) -> str:
        return next(column for column in COLUMNS if column.name == name).header(self.language)


def _without_decided_alone(items: list[_Item]) -> list[_Item]:
    """Leave out of a lot the cars that have a filled row of their own: that is what was decided of them."""
    if not any(item.lot for item in items):
        return items
    alone = {item.conflict_id for item in items if not item.lot}
    return [item for item in items if not item.lot or item.conflict_id not in alone]


def _number(cell: str) -> int | None:
    return int(cell) if cell.isdecimal() and cell.isascii() and len(cell) < 16 else None


def _differs(targets: Mapping[Side, Known], side: Side, held: Mapping[Side, str | None]) -> bool:
    return side in targets and as_text(targets[side]) != held[side]

"""The conflict report as it goes out: which rows are in it, and handing it out as files.

The lines' wording and the files' shape are `reports`; what a lot stood for is kept in the store, so that its one
decision finds its rows again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from stocksync.entrypoints.cases import local_instant
from stocksync.entrypoints.conflict_lines import report_lines
from stocksync.mapping.effective import MappingSet
from stocksync.reports.cost import in_order_of_cost
from stocksync.reports.decision_answers import CHOICES
from stocksync.reports.decision_sentences import NOTES
from stocksync.reports.lots import Lot, Row, in_lots
from stocksync.reports.report_files import Format, Written, write_report
from stocksync.reports.report_lines import ReportLine
from stocksync.reports.spelling import Language, Speller
from stocksync.reports.wording import typeset
from stocksync.stock.reasons import Reason
from stocksync.stock.resolution import Choice
from stocksync.stock.values import Side, as_text
from stocksync.sync.answers import StoredFinding
from stocksync.sync.decisions import ResolutionStatus, StoredResolution
from stocksync.sync.ports import Clock

if TYPE_CHECKING:
    from stocksync.adapters.store.questions import Questions
    from stocksync.adapters.store.repository import Repository

Found = list[tuple[StoredFinding, ReportLine]]


@dataclass(frozen=True, slots=True)
class ReportDesk:
    """Where the conflict report is put together."""

    questions: Questions
    mappings: MappingSet
    clock: Clock
    language: Language

    def found(
        self,
        *,
        point_of_sale: str | None = None,
        finding_id: int | None = None,
        reasons: Collection[Reason] = (),
        since_days: int | None = 7,
    ) -> Found:
        """The rows that were asked for, what costs money first.

        since_days: closed rows that want a look, of so many days; None for everything closed or ignored too.
        """
        now_at = self.clock.now_at()
        rows = self.questions.findings(
            point_of_sale=point_of_sale,
            finding_id=finding_id,
            reasons=reasons,
            everything=since_days is None,
            settled_since=now_at - timedelta(days=since_days) if since_days else None,
        )
        decisions = self.questions.decisions(rows)
        latest = {decision.conflict_id: decision for decision in decisions}
        if since_days is not None:
            rows = [row for row in rows if not _was_looked_at(row, latest.get(row.finding_id))]
        lines = [
            self._with_note(line, latest.get(line.conflict_id))
            for line in report_lines(self.questions, rows, decisions, self.mappings, self.clock)
        ]
        by_id = {row.finding_id: row for row in rows}
        return [(by_id[line.conflict_id], line) for line in in_order_of_cost(lines)]

    def _with_note(self, line: ReportLine, decision: StoredResolution | None) -> ReportLine:
        note = self._note(decision, line) if decision is not None else ""
        return replace(line, note=note) if note else line

    def _note(self, decision: StoredResolution, line: ReportLine) -> str:
        template = NOTES[self.language].get(decision.status)
        if template is None or (decision.status is ResolutionStatus.APPLIED and line.closed_on is None):
            return ""
        return typeset(template, self.language).format(
            by=decision.decided_by,
            at=local_instant(decision.decided_at, decision.point_of_sale, self.mappings),
            choice=CHOICES[self.language][decision.choice] + self._typed(decision, line),
        )

    def _typed(self, decision: StoredResolution, line: ReportLine) -> str:
        """The value that was typed, iff one was; names of people are told where people are shown in clear alone."""
        attribute = line.vocabulary.get(decision.subject)
        if decision.choice is not Choice.VALUE or attribute is None or attribute.personal:
            return ""
        value = as_text(decision.targets[Side.VEHICLE_MODULE])
        return f" → {Speller(self.language, line.choice_labels).text(attribute, value)}"


def _was_looked_at(row: StoredFinding, decision: StoredResolution | None) -> bool:
    """Tell whether a closed row was decided by a person: until then, one that nobody could see open wants a look."""
    seen_by_a_person = row.ignored_by is not None or (decision is not None and decision.in_force)
    return row.closed_at is not None and seen_by_a_person


def hand_out(
    questions: Questions,
    repository: Repository,
    mappings: MappingSet,
    clock: Clock,
    file: Path,
    language: Language,
    format: Format,
    *,
    point_of_sale: str | None = None,
    reasons: Collection[Reason] = (),
    since_days: int = 7,
    flat: bool = False,
    only_if_changed: bool = False,
) -> Written:
    """Put the report together and write it, after noting what each of its lots stands for.

    only_if_changed: leave files alone that would be written again as they are. Raises OSError.
    """
    desk = ReportDesk(questions, mappings, clock, language)
    found = desk.found(point_of_sale=point_of_sale, reasons=reasons, since_days=since_days)
    lines = [line for _, line in found]
    rows: list[Row] = list(lines) if flat else in_lots(lines)
    lots = {
        row.fingerprint: [(line.conflict_id, line.fingerprint) for line in row.members]
        for row in rows
        if isinstance(row, Lot)
    }
    if lots:
        repository.hand_out(lots, clock.now_at())
    return write_report(file, rows, language, format, only_if_changed=only_if_changed)

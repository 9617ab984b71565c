"""The conflict report as it goes out: which rows are in it, and handing it out as files.

The lines' wording and the files' shape are `reports`; what a lot stood for is kept in the store, so that its one
decision finds its rows again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from stocksync.entrypoints.conflict_lines import report_lines
from stocksync.mapping.effective import MappingSet
from stocksync.reports.cost import in_order_of_cost
from stocksync.reports.decision_answers import CHOICES
from stocksync.reports.decision_sentences import NOT_DECIDABLE, NOTES, OFFERING
from stocksync.reports.lots import Lot, Row, in_lots
from stocksync.reports.report_files import Format, write_report
from stocksync.reports.report_lines import ReportLine
from stocksync.reports.spelling import Language, instant
from stocksync.reports.wording import french_spaces
from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category
from stocksync.sync.answers import StoredFinding
from stocksync.sync.decisions import StoredResolution
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
        everything = since_days is None
        rows = self.questions.findings(
            point_of_sale=point_of_sale, finding_id=finding_id, closed_too=everything or since_days != 0
        )
        rows = [row for row in rows if not reasons or row.finding.reason in reasons]
        decided: dict[int, StoredResolution] = {}
        for decision in self.questions.decisions(rows):
            decided[decision.conflict_id] = decision
        if since_days is not None:
            since_at = self.clock.now_at() - timedelta(days=since_days)
            rows = [row for row in rows if _is_shown(row, since_at, decided.get(row.finding_id))]
        lines = [
            replace(line, note=self._note(decided.get(line.conflict_id)) or self._limit(line))
            for line in report_lines(self.questions, rows, self.mappings, self.clock)
        ]
        by_id = {row.finding_id: row for row in rows}
        return [(by_id[line.conflict_id], line) for line in in_order_of_cost(lines)]

    def _limit(self, line: ReportLine) -> str:
        """Say where the sentence offers a choice that the matrix or the systems leave no room for."""
        asks = line.case.reason in OFFERING and line.closed_on is None and not line.ignored
        if not asks or line.decidable:
            return ""
        said = NOT_DECIDABLE[self.language]
        return french_spaces(said) if self.language == "fr" else said

    def _note(self, decision: StoredResolution | None) -> str:
        template = NOTES[self.language].get(decision.status) if decision is not None else None
        if decision is None or template is None:
            return ""
        points = self.mappings.points_of_sale
        zone = ZoneInfo(points[decision.point_of_sale].time_zone if decision.point_of_sale in points else "UTC")
        return (french_spaces(template) if self.language == "fr" else template).format(
            by=decision.decided_by,
            at=instant(decision.decided_at.astimezone(zone)),
            choice=CHOICES[self.language][decision.choice],
        )


def _is_shown(row: StoredFinding, since_at: datetime, decision: StoredResolution | None) -> bool:
    """Tell whether a row wants a look: an open one that nobody ignores, or one that nobody could see open.

    The latter is a refused change that was settled in the run in which it came up, until somebody decided of it.
    """
    if row.closed_at is None:
        return row.ignored_by is None
    settled = row.closed_because == "settled" and row.closed_at >= since_at
    seen_by_a_person = row.ignored_by is not None or (decision is not None and decision.in_force)
    return settled and not seen_by_a_person and row.finding.category is Category.REFUSED


@dataclass(frozen=True, slots=True)
class HandedOut:
    """What was handed out: the rows of the report and of its annex, the annex where it is a file.

    changed: the files are not what they were.
    """

    rows: int
    annex_rows: int
    annex: Path | None
    changed: bool


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
) -> HandedOut:
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
    written = write_report(file, rows, language, format, only_if_changed=only_if_changed)
    return HandedOut(written.rows, written.annex_rows, written.annex, written.changed)

"""A reviewer in a test's world: reads the open rows, decides, takes back; without any file in between."""

from __future__ import annotations

from dataclasses import dataclass, field

from stocksync.adapters.store.questions import Questions
from stocksync.entrypoints.stored_cars import StoredCars, stored_cars
from stocksync.stock.resolution import Answer, Choice
from stocksync.stock.values import ABSENT, Known
from stocksync.sync.answers import StoredFinding
from stocksync.sync.decisions import Decision, Judged, ReviewedRow, StoredResolution, judge, kept
from stocksync.sync.ports import today_on
from stocksync.sync.taking_back import TakingBack, taking_back
from tests.worlds import World


@dataclass
class Reviewer:
    """Decides rows of a world's report."""

    world: World
    name: str = "A. Martin"
    seen: dict[int, StoredFinding] = field(default_factory=dict)

    @property
    def questions(self) -> Questions:
        return Questions(self.world.repository.engine)

    def look(self) -> list[StoredFinding]:
        """Read the report as it is now; later decisions are about what was read."""
        rows = self.questions.findings()
        self.seen |= {row.finding_id: row for row in rows}
        return rows

    def row(self, subject: str) -> StoredFinding:
        """The one open row about a subject."""
        (row,) = [row for row in self.look() if row.finding.subject == subject]
        return row

    def decide(self, subject: str, choice: Choice, value: Known = ABSENT, comment: str = "") -> Judged:
        """Decide the one open row about a subject."""
        return self.decide_row(self.row(subject).finding_id, choice, value, comment)

    def decide_row(self, finding_id: int, choice: Choice, value: Known = ABSENT, comment: str = "") -> Judged:
        """Decide a row as it was when it was read."""
        stored = self.questions.findings_by_id([finding_id])[finding_id]
        cars = self._cars(stored)
        mapping = cars.mapping_of(stored)
        seen = self.seen[finding_id].finding
        row = ReviewedRow(stored, seen, cars.answer_of(stored), tuple(self.questions.decisions([stored])))
        decision = Decision(choice, value, comment)
        judged = judge(decision, row, mapping, today_on(self.world.clock, mapping.time_zone))
        if judged.answer is Answer.ACCEPTED:
            taken = self.kept(decision, row, judged)
            assert taken is not None
            assert self.world.repository.take_decisions([taken]) != [None]
        return judged

    def take_back(self, finding_id: int) -> TakingBack:
        """Take back what was decided last of a row."""
        stored = self.questions.findings_by_id([finding_id])[finding_id]
        cars = self._cars(stored)
        last = [d for d in self.questions.decisions([stored]) if d.conflict_id == finding_id][-1]
        now = self.world.clock.now_at()
        back = taking_back(last, cars.answer_of(stored), cars.mapping_of(stored), self.name, now)
        if back.stands is None:
            self.world.repository.take_back(last, back.counter, self.name, now)
        return back

    def statuses(self, finding_id: int) -> list[str]:
        """How the decisions about a row stand, oldest first."""
        rows = self.questions.findings_by_id([finding_id]).values()
        return [decision.status.value for decision in self.questions.decisions(rows)]

    def kept(self, decision: Decision, row: ReviewedRow, judged: Judged) -> StoredResolution | None:
        """What the store is asked to keep of a decision."""
        return kept(decision, row, judged, self.name, "report.csv", "digest", self.world.clock.now_at())

    def _cars(self, stored: StoredFinding) -> StoredCars:
        return stored_cars(self.questions, [stored], self.world.mappings, self.world.clock)

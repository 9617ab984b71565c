"""A reviewer at work in a simulation: decides rows by hand, takes decisions back, or hands in a file."""

from __future__ import annotations

import csv
import io
from contextlib import suppress
from datetime import date
from pathlib import Path
from random import Random

from stocksync.adapters.store.questions import Questions
from stocksync.entrypoints.decision_desk import DecisionDesk, HandedIn
from stocksync.entrypoints.report_out import hand_out
from stocksync.errors import Busy
from stocksync.reports.conflict_report import COLUMNS
from stocksync.stock.resolution import Choice
from stocksync.stock.values import ABSENT, Kind, Known
from tests.reviewing import Reviewer
from tests.worlds import World

WORDS = ("module", "dms", "ignorer", "", "valeur", "n'importe quoi")


class Reviews:
    """Decides by chance."""

    def __init__(self, chance: Random, world: World, folder: Path) -> None:
        self.chance, self.world, self.folder = chance, world, folder
        self.reviewer = Reviewer(world)
        self.numbers = 0

    def decide(self) -> str:
        """Decide or take back one row, sometimes by a report that is older than the last cycle."""
        if self.chance.random() < 0.7:
            self.reviewer.look()
        rows = sorted(self.reviewer.seen)
        if not rows:
            return "nothing to decide"
        number = self.chance.choice(rows)
        if self.chance.random() < 0.3 and self._is_decided(number):
            with suppress(Busy):
                return f"takes back {number}: {self.reviewer.take_back(number).stands or 'done'}"
            return f"{number} is on its way"
        choice = self.chance.choice((Choice.MODULE, Choice.DMS, Choice.VALUE, Choice.IGNORE))
        subject = self.reviewer.seen[number].finding.subject
        value = self._value(subject) if choice is Choice.VALUE else ABSENT
        judged = self.reviewer.decide_row(number, choice, value)
        return f"{number} {subject} {choice} {'' if value is ABSENT else value}: {judged.answer}"

    def _is_decided(self, number: int) -> bool:
        rows = self.reviewer.questions.findings_by_id([number]).values()
        return any(decision.conflict_id == number for decision in self.reviewer.questions.decisions(rows))

    def _value(self, subject: str) -> Known:
        """A value of the kind that nobody had before; none for a VIN, which a reviewer cannot make up."""
        self.numbers += 1
        mapping = self.world.mappings.points_of_sale["PDV1"]
        attribute = mapping.vocabulary.get(subject)
        kind = attribute.kind if attribute is not None else Kind.TEXT
        if kind in (Kind.MONEY, Kind.INTEGER):
            return 777_000 + self.numbers if kind is Kind.MONEY else 70_000 + self.numbers
        if kind is Kind.BOOLEAN:
            return self.chance.random() < 0.5
        if attribute is not None and attribute.choices:
            return self.chance.choice(attribute.choices)
        number, texts = self.numbers, {Kind.TEXT: "Decided {}", Kind.IDENTIFIER: "D{}", Kind.REGISTRATION: "DD{:03}DD"}
        if kind is Kind.DATE:
            return date(2019, 1 + number % 12, 1 + number % 28)
        return texts[kind].format(number) if kind in texts else ABSENT

    def hand_in(self) -> str:
        """Write the report, fill some of its rows in, and hand it in."""
        questions = Questions(self.world.repository.engine)
        path = self.folder / "conflits.csv"
        hand_out(questions, self.world.repository, self.world.mappings, self.world.clock, path, "fr", "csv")
        header, *rows = csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline=""), delimiter=";")
        place = [column.name for column in COLUMNS].index("decision")
        for row in rows:
            row[place] = self.chance.choice(WORDS)
        text = io.StringIO()
        csv.writer(text, delimiter=";").writerows([header, *rows])
        desk = DecisionDesk(questions, self.world.repository, self.world.mappings, self.world.clock, "fr")
        taken = desk.take_in(HandedIn("conflits.csv", text.getvalue().encode("cp1252", "replace"), "A. Martin"))
        return f"{len(rows)} rows, {taken.accepted} accepted, {taken.failed} failed"

"""Reviewers' decisions taken in together: as one after the other, and for few statements."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from stocksync.adapters.store.core import CONFLICT
from stocksync.adapters.store.questions import Questions
from stocksync.entrypoints.decision_desk import DecisionDesk, HandedIn
from stocksync.entrypoints.report_out import ReportDesk
from stocksync.reports.conflict_report import COLUMNS, report_bytes
from stocksync.stock.reasons import Reason
from stocksync.stock.resolution import Choice
from stocksync.stock.values import SIDES
from stocksync.sync.decisions import ResolutionStatus, StoredResolution
from tests.bench.statements import Statements
from tests.reviewing import Reviewer
from tests.worlds import World, a_world, crowd

CARS = 250


@contextmanager
def many_conflicts(path: Path, cars: int) -> Iterator[World]:
    """A world whose cars differ in their mileage from the first contact on."""
    module, dms = crowd(cars)
    for number, record in enumerate(dms):
        record["km"] = str(90_000 + number)
    with a_world(path, module, dms) as world:
        yield world.settled()


def decided(world: World, rows: slice) -> bytes:
    """The report with a decision in some of its rows."""
    desk = ReportDesk(Questions(world.repository.engine), world.mappings, world.clock, "fr")
    raw = report_bytes([line for _, line in desk.found()], "fr")
    table = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""), delimiter=";"))
    place = [column.name for column in COLUMNS].index("decision")
    for row in table[1:][rows]:
        row[place] = "dms"
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows(table)
    return text.getvalue().encode()


def statements_for(world: World, raw: bytes, taken: int) -> int:
    counted = Statements(world.repository.engine)
    desk = DecisionDesk(Questions(world.repository.engine), world.repository, world.mappings, world.clock, "fr")
    before = counted.statements
    answer = desk.take_in(HandedIn("report.csv", raw, "A. Martin"))
    assert (answer.accepted, answer.failed) == (taken, 0)
    return counted.statements - before


def test_two_hundred_decisions_take_hardly_more_statements_than_fifty(tmp_path: Path) -> None:
    with many_conflicts(tmp_path / "world.db", CARS) as world:
        few = statements_for(world, decided(world, slice(0, 50)), 50)
        many = statements_for(world, decided(world, slice(50, 250)), 200)
    assert (many - few) * 10 < 150, f"{few} statements for 50 decisions, {many} for 200"


def test_a_report_of_many_rows_is_put_together_with_few_statements(tmp_path: Path) -> None:
    with many_conflicts(tmp_path / "world.db", CARS) as world:
        counted = Statements(world.repository.engine)
        desk = ReportDesk(Questions(world.repository.engine), world.mappings, world.clock, "fr")
        assert len(desk.found()) == CARS
        assert counted.statements < CARS / 10


def refuse_what_was_written(world: World) -> None:
    """Have the sixth row tell of the second one's car that a write of its mileage was refused."""
    second, sixth = (Reviewer(world).look()[place] for place in (1, 5))
    refused = replace(second.finding, reason=Reason.WRITE_REJECTED)
    with world.repository.engine.begin() as connection:
        values = {"car_id": refused.car_id, "reason": refused.reason.value, "key": refused.key}
        connection.execute(update(CONFLICT).where(CONFLICT.c.id == sixth.finding_id).values(values))


def decisions_about(world: World) -> list[StoredResolution]:
    """Decisions of every kind about a few rows, some of them about what others in the list have decided."""
    refuse_what_was_written(world)
    rows = Reviewer(world).look()

    def about(place: int, choice: Choice, at_s: int = 0, **changes: Any) -> StoredResolution:
        row = rows[place]
        decision = StoredResolution(
            number=0,
            conflict_id=row.finding_id,
            pair=row.pair,
            point_of_sale=row.point_of_sale,
            car_id=row.finding.car_id,
            subject=row.finding.subject,
            reason=row.finding.reason,
            choice=choice,
            targets={} if choice is Choice.IGNORE else dict.fromkeys(SIDES, 90_000 + place),
            seen=row.finding,
            comment=f"row {place}",
            decided_by="A. Martin",
            decided_at=world.clock.at.replace(second=at_s),
            file="report.csv",
            file_digest="digest",
            status=ResolutionStatus.IGNORING if choice is Choice.IGNORE else ResolutionStatus.PENDING,
        )
        return replace(decision, **changes)

    return [
        about(0, Choice.DMS),
        about(1, Choice.MODULE),
        about(0, Choice.MODULE, comment="too late"),
        about(2, Choice.IGNORE),
        about(3, Choice.DMS, 1),
        # Its row says something else by now.
        about(4, Choice.DMS, seen=replace(rows[4].finding, dms="1")),
        # Takes the place of the one about row 1, whose write was refused.
        about(5, Choice.VALUE, 2),
        about(2, Choice.DMS, 2),
        about(6, Choice.IGNORE, 3, reason=Reason.REFUSED_CHANGE),
        about(7, Choice.DMS, 3, conflict_id=4_711),
        about(8, Choice.DMS, 3),
    ]


@pytest.mark.parametrize("sizes", [(1,), (2, 3), (11,)])
def test_decisions_that_are_taken_together_are_kept_as_one_after_the_other(
    tmp_path: Path, sizes: Sequence[int]
) -> None:
    kept: list[tuple[list[int | None], dict[str, list[Any]]]] = []
    for name, parts in (("alone", (1,)), ("together", sizes)):
        with many_conflicts(tmp_path / f"{name}.db", 12) as world:
            decisions, numbers, turn = decisions_about(world), [], 0
            while decisions:
                size = parts[turn % len(parts)]
                numbers += world.repository.take_decisions(decisions[:size])
                decisions, turn = decisions[size:], turn + 1
            kept.append((numbers, world.rows()))
    assert kept[0][0] == [1, 2, None, 3, 4, None, 5, None, 6, None, 7]
    assert kept[0] == kept[1]

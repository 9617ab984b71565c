"""What a report asks of many cars is what a command about one car is told."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import event

from stocksync.adapters.store.questions import Questions
from stocksync.entrypoints.cases import MAKE, MODEL
from stocksync.entrypoints.stored_cars import PART, StoredCars, stored_cars
from stocksync.stock.resolution import Answer, Choice, Why
from stocksync.stock.values import BLANK, as_text
from stocksync.stock.vehicle import POLICE_NUMBER, REGISTRATION, STAGE, VIN
from stocksync.sync.answers import StoredFinding
from stocksync.sync.cars import readings_of
from stocksync.sync.decisions import Decision, Judged, ReviewedRow, decidable, judge
from stocksync.sync.ports import today_on
from tests.worlds import DMS, MODULE, World, a_world, crowd

EDITS = (
    {"km": "90 000"},
    {"km": "70 000", "statut": "Facture"},
    {"prix_vente": "9 000,00", "type": "XX"},
    {"couleur": "VIOLET VIF"},
    {"date_mec": "14/05/2029"},
    {"date_cg": "01/01/2001"},
    {"date_mec": "13/05/2019"},
    {"no_police": "2026-99999"},
    {"destination": "ZZ", "tva_recup": "O"},
    {"km": "", "prix_achat": "0"},
    {"statut": "?", "km": "91 000"},
    {"origine": "AD", "prix_reprise": "12,00"},
    {"chassis": "SHORT"},
)
"""What people did to a file of the DMS each: values, codes that nobody knows, broken rules, stages."""
TAKEN = (Answer.ACCEPTED, Answer.ALREADY)
SHARED_DATE = (
    (
        "pairs/openflex-icar/ownership.yaml",
        "  - attribute: first_registration_date\n    owner: vehicle_module\n",
        "  - attribute: first_registration_date\n    owner: shared\n",
    ),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Cars about which most kinds of rows are open; some of them were there on first contact."""
    module, dms = crowd(2 * len(EDITS) + 80)
    for record, edit in zip(dms, EDITS, strict=False):
        record.update(edit)
    with a_world(tmp_path_factory.mktemp("cars") / "world.db", module, dms, SHARED_DATE) as world:
        world.settled()
        for number, edit in enumerate(EDITS, start=100 + len(EDITS)):
            world.edit(DMS, f"VO{number}", **edit)
            if number % 2:
                world.edit(MODULE, f"OF-{number}", characteristics__mileage=95_000, destination="MARCHAND")
        world.dms.remove("VO100")
        world.module.remove("OF-101")
        for _ in range(2):
            result = world.sync()
            assert result.summary.status == "done", result.summary
        yield world


@pytest.fixture(scope="module")
def rows(world: World) -> list[StoredFinding]:
    found = Questions(world.repository.engine).findings(everything=True)
    assert len({row.finding.reason for row in found}) > 4
    assert len({row.finding.subject for row in found}) > 7
    return found


def test_what_a_report_asks_of_a_car_is_what_is_answered_about_it_alone(
    world: World, rows: list[StoredFinding]
) -> None:
    questions = Questions(world.repository.engine)
    many = stored_cars(questions, rows, world.mappings, world.clock)
    for row in rows:
        full = stored_cars(questions, [row], world.mappings, world.clock).answer_of(row)
        shown = many.shown_of(row)
        if full is None or shown is None:
            assert full is shown
            continue
        subject = row.finding.subject
        assert (shown.plan is None) == (full.plan is None)
        if full.plan is not None and shown.plan is not None:
            assert shown.plan.context == full.plan.context
        for name in ("id", "pair", "point_of_sale", "record_ids", "missing", "closed", "reserved_by_us"):
            assert getattr(shown.car, name) == getattr(full.car, name)
        assert shown.car.base.get(subject) == full.car.base.get(subject)
        assert shown.vehicles.keys() == full.vehicles.keys()
        for name in (VIN, REGISTRATION, POLICE_NUMBER, STAGE, MAKE, MODEL):
            assert shown.text(name) == full.text(name)
        assert readings_of(shown.vehicles, subject) == readings_of(full.vehicles, subject)
        owners = [
            answered.attributes[subject].owner if subject in answered.attributes else "" for answered in (shown, full)
        ]
        assert owners[0] == owners[1]


def test_a_decision_is_judged_alike_by_what_a_report_asks_and_by_everything_known(
    world: World, rows: list[StoredFinding]
) -> None:
    questions = Questions(world.repository.engine)
    many = stored_cars(questions, rows, world.mappings, world.clock)
    decisions = [Decision(choice) for choice in (Choice.MODULE, Choice.DMS, Choice.IGNORE)]
    decisions += [
        Decision(Choice.VALUE, value) for value in (BLANK, 1, 92_000, "2026-00001", "SHORT", date(2030, 1, 1))
    ]
    answers = set()
    for row in rows:
        mapping = many.mapping_of(row)
        today = today_on(world.clock, mapping.time_zone)
        full = ReviewedRow(row, row.finding, stored_cars(questions, [row], world.mappings, world.clock).answer_of(row))
        shown = ReviewedRow(row, row.finding, many.shown_of(row))
        for decision in decisions:
            expected = judge(decision, full, mapping, today)
            assert judge(decision, shown, many.rules_of(row), today) == expected
            answers.add((expected.answer, expected.why))
        sides = {c for c in (Choice.MODULE, Choice.DMS) if judge(Decision(c), full, mapping, today).answer in TAKEN}
        may_be = decidable(row, many.shown_of(row), many.rules_of(row), today)
        assert may_be - {Choice.VALUE} == sides
        held = row.finding.held.values()
        typed = [d for d in decisions if d.choice is Choice.VALUE and as_text(d.value) not in held]
        if any(judge(decision, full, mapping, today).answer in TAKEN for decision in typed):
            assert Choice.VALUE in may_be
        if any(judge(d, full, mapping, today).why is Why.NOT_THE_OWNER for d in typed):
            assert Choice.VALUE not in may_be
    assert {why for _, why in answers} >= {Why.BREAKS_RULE, Why.RECORD_CLOSED, Why.NOT_THE_OWNER, None}, answers


def test_rows_that_are_told_to_be_alike_are_judged_alike(world: World, rows: list[StoredFinding]) -> None:
    questions = Questions(world.repository.engine)
    sorts = {(row.finding.subject, row.finding.reason): row for row in rows}
    cars = sorted({row.finding.car_id for row in rows})
    changes: tuple[dict[str, Any], ...] = ({}, {"dms": "1"}, {"vehicle_module": "1"}, {"details": {"dms_invalid": "?"}})
    told = [
        replace(row, finding=replace(row.finding, car_id=car_id, **change))
        for row in sorts.values()
        for car_id in cars
        for change in changes
    ]
    told += [
        replace(row, closed_at=row.opened_at, closed_because=why) for row in told[::9] for why in ("exit", "settled")
    ]
    many, alone = (stored_cars(questions, told, world.mappings, world.clock) for _ in range(2))
    decisions = [Decision(choice) for choice in (Choice.MODULE, Choice.DMS, Choice.IGNORE)]
    judged: dict[Hashable, list[Judged]] = {}
    for row in told:
        mapping = many.mapping_of(row)
        full = ReviewedRow(row, row.finding, alone.answer_of(row))
        today = today_on(world.clock, mapping.time_zone)
        answers = [judge(decision, full, mapping, today) for decision in decisions]
        assert judged.setdefault(many.likeness_of(row), answers) == answers, row
    assert len(rows) < len(judged) < len(told)


def test_no_cars_of_a_part_are_looked_up_by_walking_through_all_of_them(
    world: World, rows: list[StoredFinding]
) -> None:
    engine, asked = world.repository.engine, list[tuple[str, Any]]()

    def statement(_c: Any, _cursor: Any, text: str, parameters: Any, _context: Any, _many: bool) -> None:
        asked.append((text, parameters))

    event.listen(engine, "before_cursor_execute", statement)
    cars = stored_cars(Questions(engine), rows, world.mappings, world.clock)
    assert cars.shown_of(rows[0]) is not None
    event.remove(engine, "before_cursor_execute", statement)
    connection = engine.raw_connection()
    steps = [
        step
        for text, parameters in asked
        for *_, step in connection.cursor().execute(f"EXPLAIN QUERY PLAN {text}", parameters)
        if text.startswith("SELECT")
    ]
    connection.close()
    assert {"snapshot", "car"} <= {step.split()[1] for step in steps}
    assert not [step for step in steps if re.match(r"SCAN (car|snapshot|outbox|conflict|resolution)\b", step)], steps


def test_no_more_cars_are_held_than_those_of_one_part(world: World, rows: list[StoredFinding]) -> None:
    cars = StoredCars(Questions(world.repository.engine), world.mappings, world.clock)
    told = {}
    for part in cars.in_parts(rows * 40, lambda row: row):
        assert len(part) <= PART
        told |= {row.finding_id: cars.shown_of(row) for row in part}
    assert told.keys() == {row.finding_id for row in rows}

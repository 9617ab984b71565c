"""What cycles make of real days: dealers that vanish and come back, cars that move, VINs that are none.

The replay is `dealer_group`; every expectation is counted here from the plain rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from stocksync.stock.reasons import Reason
from stocksync.stock.values import BLANK
from stocksync.stock.vehicle import STAGE
from stocksync.sync.cars import Car, car_id
from stocksync.sync.plan import Action
from tests.real_data.daily_listings import Day, Row, read_days
from tests.real_data.dealer_group import (
    RELEASED_BY_A_PERSON,
    History,
    Visit,
    has_readable_vin,
    in_dms_spelling,
    replay,
)
from tests.real_data.replay import DMS, MODULE

pytestmark = pytest.mark.slow
PAIR = "listings-files"


@pytest.fixture(scope="module")
def history(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> History:
    """The replay of all days."""
    return replay(read_days(real_data), tmp_path_factory.mktemp("dealers"))


def id_of(vin: str) -> str:
    """Our id of the car whose record was seen first under this VIN."""
    return car_id(PAIR, MODULE, vin)


def repeated_vins(history: History) -> set[str]:
    """The VINs that stand twice on some day."""
    counts = [Counter(row["vin"] for row in day.rows if row.get("vin")) for day in history.days]
    return {vin for count in counts for vin, times in count.items() if times > 1}


# Dealers that vanish ------------------------------------------------------------------------------------------


def test_a_dealer_is_halted_on_exactly_the_days_when_its_listing_is_empty_or_short(history: History) -> None:
    last_done: dict[str, int] = {}
    halted = 0
    for visit in history.visits:
        is_short = len(visit.rows) * 2 < last_done.get(visit.point, 0)
        guards = {"empty_listing", "short_listing"} & set(visit.halted)
        assert bool(guards) is (visit.vanished or is_short), (visit.day.file, visit.dealer)
        assert visit.done is not bool(guards), (visit.day.file, visit.dealer)
        halted += bool(guards)
        if visit.done:
            last_done[visit.point] = len(visit.rows)
    assert halted > 100


def test_a_person_is_asked_for_unreadable_vins_where_more_than_one_in_twenty_is_unreadable(history: History) -> None:
    asked = 0
    for visit in (v for v in history.visits if not v.vanished):
        listing = [has_readable_vin(row) for row in visit.rows]
        files = [has_readable_vin({"vin": file["chassis"]}) for file in visit.files_before]
        expected = sum(side.count(False) * 20 > len(side) for side in (listing, files))
        assert visit.halted.count("unreadable_records") == expected, (visit.day.file, visit.dealer)
        asked += bool(expected)
    assert asked > 50


def test_only_vanished_dealers_and_released_plans_are_ever_halted(history: History) -> None:
    assert {guard for visit in history.visits for guard in visit.halted} <= RELEASED_BY_A_PERSON | {
        "empty_listing",
        "short_listing",
    }


def test_no_exit_no_blank_no_reservation_and_no_write_to_the_listings_is_ever_planned(history: History) -> None:
    operations = [operation for visit in history.visits for _, operation in visit.operations]
    assert len(operations) > 1000
    assert {operation.side for operation in operations} == {DMS}
    assert {operation.action for operation in operations} == {Action.CREATE, Action.UPDATE}
    changes = [change for operation in operations for change in operation.changes]
    assert not [change for change in changes if change.value is BLANK or change.attribute == STAGE]


def test_no_file_ever_leaves_the_dms_or_loses_its_statut(history: History) -> None:
    known: set[str] = set()
    for day in history.days:
        ids = {file["dossier"] for file in history.files[day.file]}
        assert known <= ids, day.file
        assert {file["statut"] for file in history.files[day.file]} == {"Pré-rentrée"}
        known = ids


def test_cars_of_a_vanished_dealer_keep_their_binding_and_their_base(history: History) -> None:
    kept = 0
    for before, after in pairwise(history.days):
        for visit in (v for v in history.visits_on(after) if v.vanished):
            stood = history.cars[before.file][visit.point]
            stands = history.cars[after.file][visit.point]
            for car in stood.values():
                now = stands.get(car.id) or _moved_elsewhere(history, after, car)
                assert now.record_ids == car.record_ids, (after.file, car.id)
                assert now.base.keys() >= car.base.keys(), (after.file, car.id)
                if now.point_of_sale == car.point_of_sale:
                    assert now == car, (after.file, car.id)
                    kept += car.bound
    assert kept > 1000


def _moved_elsewhere(history: History, day: Day, car: Car) -> Car:
    return next(cars[car.id] for cars in history.cars[day.file].values() if car.id in cars)


def test_nothing_is_lost_when_a_dealer_comes_back(history: History) -> None:
    """Every car that is listed again has the file it had, and none gets a second one."""
    came_back = 0
    repeated = repeated_vins(history)
    for visit, last_files in _returns(history):
        had = {file["chassis"]: file["dossier"] for file in last_files}
        files = {file["chassis"]: file["dossier"] for file in history.files[visit.day.file]}
        cars = {id_: car for point in history.cars[visit.day.file].values() for id_, car in point.items()}
        for row in visit.rows:
            vin = row.get("vin") or ""
            if has_readable_vin(row) and vin in had and vin not in repeated:
                assert files[vin] == had[vin]
                assert cars[id_of(vin)].record_ids == {MODULE: vin, DMS: had[vin]}
                assert not cars[id_of(vin)].missing
                came_back += 1
    assert came_back > 100


def _returns(history: History) -> Iterator[tuple[Visit, list[Mapping[str, Any]]]]:
    """Find the days on which a vanished dealer is listed again, with the files from before it vanished."""
    last: dict[str, str] = {}
    for visit in history.visits:
        days = [day.file for day in history.days]
        today = days.index(visit.day.file)
        if not visit.vanished:
            if visit.point in last and days.index(last[visit.point]) < today - 1:
                yield visit, history.files[last[visit.point]]
            last[visit.point] = visit.day.file


def test_no_car_ever_gets_a_second_file(history: History) -> None:
    last = history.files[history.days[-1].file]
    files = Counter(file["chassis"] for file in last)
    assert len(files) > 800
    assert [vin for vin, count in files.items() if count > 1] == []


# What a listed car comes to -----------------------------------------------------------------------------------


def test_every_listed_car_has_its_file_with_the_listed_values_on_the_same_day(history: History) -> None:
    """Held back are cars that stand twice, unreadable VINs, and the site of a car that moves: two cycles for that."""
    repeated = repeated_vins(history)
    behind, compared = [], 0
    for day, files in ((day, _by_vin(history.files[day.file])) for day in history.days):
        for visit in (v for v in history.visits_on(day) if v.done):
            for row in visit.rows:
                if not has_readable_vin(row) or row["vin"] in repeated:
                    continue
                compared += 1
                behind += [(day.file, row["vin"], *gap) for gap in _gaps(row, files.get(row["vin"], {}))]
    assert compared > 10_000
    assert behind == []


def _by_vin(files: list[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {file["chassis"]: file for file in files}


def _gaps(row: Row, file: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """List the fields in which a file is behind its row; an empty field of the row asks for nothing."""
    due = {name: value for name, value in in_dms_spelling(row).items() if value and name != "site"}
    return [(name, value, file.get(name)) for name, value in due.items() if file.get(name) != value]


def test_the_differences_of_every_run_add_up(history: History) -> None:
    assert all(visit.balanced for visit in history.visits)


# Cars that move -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Move:
    """A car that is listed by another dealer than the last time, on the day of `visit`."""

    vin: str
    visit: Visit


def moves_of(history: History) -> list[Move]:
    """Find the moves between dealers of the mapping; a VIN that ever stands twice is nobody's move."""
    repeated = repeated_vins(history)
    last: dict[str, str] = {}
    moves = []
    for visit in history.visits:
        for vin in {row["vin"] for row in visit.rows if row.get("vin")} - repeated:
            if last.get(vin, visit.point) != visit.point:
                moves.append(Move(vin, visit))
            last[vin] = visit.point
    return moves


def test_a_car_that_moves_between_dealers_stays_one_car(history: History) -> None:
    moves = moves_of(history)
    assert len(moves) >= 15
    for move in moves:
        homes = [
            (point, car)
            for point, cars in history.cars[move.visit.day.file].items()
            for car in cars.values()
            if move.vin in car.record_ids.values()
        ]
        assert [point for point, _ in homes] == [move.visit.point], move
        assert [car.id for _, car in homes] == [id_of(move.vin)], move


def test_a_car_that_moves_takes_its_file_with_it_within_two_cycles(history: History) -> None:
    late = []
    for move in moves_of(history):
        if not has_readable_vin({"vin": move.vin}):
            continue
        sites = [
            _by_vin(history.files[visit.day.file])[move.vin]["site"] for visit in _next_two_cycles_with(history, move)
        ]
        if sites and move.visit.dealer not in sites:
            late.append((move.visit.day.file, move.vin, move.visit.dealer, sites))
    assert late == []


def _next_two_cycles_with(history: History, move: Move) -> list[Visit]:
    """The first two cycles that see the car at its new dealer, fewer where it is gone sooner."""
    start = history.visits.index(move.visit)
    later = [v for v in history.visits[start:] if v.point == move.visit.point and v.done]
    return [v for v in later[:2] if move.vin in {row.get("vin") for row in v.rows}]


def test_a_file_that_stands_at_another_site_is_never_called_missing(history: History) -> None:
    """No file ever leaves the DMS here, so that `missing_in_dms` is wrong wherever it is said."""
    said = [
        (visit.day.file, visit.dealer, finding.car_id)
        for visit in history.visits
        for finding in visit.findings
        if visit.done and finding.reason is Reason.MISSING_IN_DMS
    ]
    assert said == []


# VINs that are none -------------------------------------------------------------------------------------------


def test_a_row_without_a_vin_is_shown_as_an_unreadable_record(history: History) -> None:
    shown = 0
    for visit in (v for v in history.visits if v.done):
        blank = sum(not row.get("vin") for row in visit.rows)
        assert visit.without_id == blank, (visit.day.file, visit.dealer)
        shown += blank
    assert shown == sum(not row.get("vin") for day in history.days for row in day.rows)


def test_every_vin_that_stands_twice_is_a_duplicate_on_that_day(history: History) -> None:
    for day in history.days:
        counts = Counter(row["vin"] for row in day.rows if row.get("vin"))
        found = [f for v in history.visits_on(day) for f in v.findings if f.reason is Reason.DUPLICATE]
        for vin in (vin for vin, count in counts.items() if count > 1):
            assert [f for f in found if f"{vin}~1" in f.details["records"]], (day.file, vin)


def test_nothing_is_written_for_a_car_that_is_a_duplicate_or_in_doubt(history: History) -> None:
    held = 0
    for visit in history.visits:
        cars = {f.car_id for f in visit.findings if f.reason in (Reason.DUPLICATE, Reason.AMBIGUOUS_MATCH)}
        assert not cars & {car for car, _ in visit.operations}, (visit.day.file, visit.dealer)
        held += len(cars)
    assert held > 20


def test_a_vin_that_cannot_be_one_is_shown_on_each_day_and_opens_no_file(history: History) -> None:
    seeds = {file["chassis"] for visit in history.visits_on(history.days[0]) for file in visit.files_before}
    shown = 0
    for visit in (v for v in history.visits if v.done):
        reasons = {f.car_id: f.reason for f in visit.findings}
        for row in visit.rows:
            if row.get("vin") and not has_readable_vin(row):
                due = Reason.AMBIGUOUS_MATCH if row["vin"] in seeds else Reason.IDENTITY_MISSING
                assert reasons[id_of(row["vin"])] is due, (visit.day.file, row["vin"])
                shown += 1
    opened = {file["chassis"] for file in history.files[history.days[-1].file]} - seeds
    assert shown > 200
    assert all(has_readable_vin({"vin": chassis}) for chassis in opened)


def test_a_vin_that_cannot_be_one_is_never_corrected(history: History) -> None:
    """O for 0, I for 1, Q for 0: the corrected VIN must never stand in a file unless it is listed itself."""
    listed = {row.get("vin") for day in history.days for row in day.rows}
    slips = {vin.translate(str.maketrans("OIQ", "010")) for vin in listed if vin and not has_readable_vin({"vin": vin})}
    files = {file["chassis"] for file in history.files[history.days[-1].file]}
    assert len(slips) > 30
    assert slips & files <= listed

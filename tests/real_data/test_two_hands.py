"""Two hands' files of the same used cars as two sides of one stock: 9,379 rows against 2,469, prices spelled otherwise.

The large file holds 6,005 VINs that the small one does not. No guard minds: at first contact a listing is short of
nothing, and afterwards each side is held against its own last listing, never against the other's. So every guard stands
as shipped, and the last tests show them awake.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest

from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category
from stocksync.stock.values import BLANK
from stocksync.sync.cars import Finding
from stocksync.sync.cycle import CycleResult
from stocksync.sync.plan import CarPlan
from stocksync.sync.ports import NativeRecord
from tests.real_data.carscom import Files, read_cars, record_id, records
from tests.real_data.replay import DMS, MODULE, Listing, Replay, Systems, mapping_with, open_database

pytestmark = pytest.mark.slow
POINTS = {"FIRST": "FIRST", "SECOND": "SECOND"}
COLUMNS_WITH_DASHES = {
    "InteriorColor": "interior_colour",
    "ExteriorColor": "exterior_colour",
    "Stock#": "stock_number",
    "FuelType": "fuel",
    "Drivetrain": "drivetrain",
    "Transmission": "transmission",
    "Engine": "engine",
}

Results = dict[str, CycleResult]


@pytest.fixture(scope="module")
def files(real_data: Path) -> Files:
    """Both files."""
    return read_cars(real_data)


@pytest.fixture(scope="module")
def stock(files: Files, tmp_path_factory: pytest.TempPathFactory) -> Replay:
    """A database of their own for the two sides, the large file being the vehicle module."""
    return Replay(mapping_with("mappings_carscom", POINTS), open_database(tmp_path_factory.mktemp("hands")))


@pytest.fixture(scope="module")
def first(files: Files, stock: Replay) -> Results:
    """First contact."""
    return stock.synchronise(lambda point: _systems(files, point))


@pytest.fixture(scope="module")
def second(files: Files, stock: Replay, first: Results) -> Results:
    """The same rows once more at the smaller point of sale."""
    return {"SECOND": stock.run("SECOND", _systems(files, "SECOND"))}


@pytest.fixture(scope="module")
def the_other_way(files: Files, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """The small file as the vehicle module, its cars in pre-entry; as the DMS, what the large one has of them."""
    replay = Replay(mapping_with("mappings_carscom", POINTS), open_database(tmp_path_factory.mktemp("other_way")))
    return replay.synchronise(lambda point: _systems(files, point, the_other_way=True), dry_run=True)


def _systems(files: Files, point: str, *, the_other_way: bool = False) -> Systems:
    life = "Pré-rentrée" if the_other_way else "Stock"
    wanted = {row["VIN"] for row in files.small}
    large = records(files.large, "A", life, files.second_sellers)
    small = records(files.small, "C", life, files.second_sellers)
    if the_other_way:
        large = {place: [row for row in rows if row.body["VIN"] in wanted] for place, rows in large.items()}
        return {MODULE: _listing(small, point), DMS: _listing(large, point)}
    return {MODULE: _listing(large, point), DMS: _listing(small, point)}


def _listing(rows: Mapping[str, Sequence[NativeRecord]], point: str) -> Listing:
    return Listing(rows[point], {row.record_id: row for place in rows.values() for row in place})


def cars(results: Results) -> list[CarPlan]:
    """The cars of both points of sale, as they were decided."""
    plans = [result.plan for result in results.values() if result.plan is not None]
    assert len(plans) == len(results)
    return [car for plan in plans for car in plan.cars]


def findings(results: Results, reason: Reason) -> list[tuple[CarPlan, Finding]]:
    """What is reported for a reason, with the car."""
    return [(car, found) for car in cars(results) for found in car.findings if found.reason is reason]


def pairs_of(files: Files) -> dict[str, str]:
    """The rows of the small file whose VIN stands once in the large one: small row to large row."""
    by_vin = files.by_vin
    return {
        record_id("C", number): record_id("A", by_vin[row["VIN"]][0][0])
        for number, row in enumerate(files.small)
        if len(by_vin[row["VIN"]]) == 1
    }


def repeated_rows(files: Files) -> set[str]:
    """The rows of the large file whose VIN stands there twice or three times."""
    return {record_id("A", number) for rows in files.by_vin.values() if len(rows) > 1 for number, _ in rows}


def candidates_of(files: Files) -> dict[str, set[str]]:
    """The rows of the small file whose VIN stands twice or more in the large one, with those rows."""
    by_vin = files.by_vin
    return {
        record_id("C", number): {record_id("A", n) for n, _ in by_vin[row["VIN"]]}
        for number, row in enumerate(files.small)
        if len(by_vin[row["VIN"]]) > 1
    }


def bound(results: Results) -> list[CarPlan]:
    """The cars that both sides hold."""
    return [car for car in cars(results) if car.car.bound]


# What is bound ------------------------------------------------------------------------------------------------


def test_cars_are_bound_by_vin_where_it_stands_once_on_both_sides(files: Files, first: Results) -> None:
    expected = pairs_of(files)
    assert len(expected) == 2229
    assert {car.car.record_ids[DMS]: car.car.record_ids[MODULE] for car in bound(first)} == expected
    assert {car.bound_by for car in bound(first)} == {"vin"}


def test_cars_are_bound_alike_whichever_file_is_the_module(files: Files, the_other_way: Results) -> None:
    expected = pairs_of(files)
    assert {car.car.record_ids[MODULE]: car.car.record_ids[DMS] for car in bound(the_other_way)} == expected


@pytest.mark.parametrize("run", ["first", "the_other_way"])
def test_no_bound_car_has_a_difference_in_any_column(run: str, request: pytest.FixtureRequest) -> None:
    results: Results = request.getfixturevalue(run)
    columns = 33
    for car in bound(results):
        assert Counter(v.category for v in car.verdicts.values()) == {Category.AGREED: columns}, car.car.record_ids
        assert not car.findings
        assert not car.operations


def test_a_price_in_dollars_and_a_plain_one_are_the_same_cents(files: Files, first: Results) -> None:
    spelled = {record_id("C", number): row["Price"] for number, row in enumerate(files.small)}
    assert all(re.fullmatch(r"\$\d{1,3}(,\d{3})* ", price) for price in spelled.values())
    for car in bound(first):
        cents = 100 * int(re.sub(r"\D", "", spelled[car.car.record_ids[DMS]]))
        assert car.car.base["sale_price"] == cents


# What is read -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", list(COLUMNS_WITH_DASHES))
def test_an_en_dash_is_blank_and_nothing_else_is(files: Files, first: Results, column: str) -> None:
    dashes = {record_id("A", number) for number, row in enumerate(files.large) if row[column] == "–"}
    readings = {
        car.vehicle_module.record_id: car.vehicle_module.reading(COLUMNS_WITH_DASHES[column])
        for car in cars(first)
        if car.vehicle_module is not None
    }
    assert dashes
    assert len(readings) == len(files.large)
    assert {row for row, reading in readings.items() if reading is BLANK} == dashes


def test_a_price_of_zero_is_blank(files: Files, first: Results) -> None:
    zero = {record_id("A", number) for number, row in enumerate(files.large) if row["Price"] == "0"}
    vehicles = [car.vehicle_module for car in cars(first) if car.vehicle_module is not None]
    assert len(zero) == 5
    assert {v.record_id for v in vehicles if v.reading("sale_price") is BLANK} == zero


def test_no_field_of_any_row_is_unreadable(first: Results) -> None:
    vehicles = [v for car in cars(first) for v in (car.vehicle_module, car.dms) if v is not None]
    assert [(v.record_id, name) for v in vehicles for name in v.readings if v.unreadable(name)] == []


# VINs that stand twice ----------------------------------------------------------------------------------------


def test_every_row_of_a_vin_that_stands_twice_or_thrice_is_a_duplicate(files: Files, first: Results) -> None:
    by_vin = [rows for rows in files.by_vin.values() if len(rows) > 1]
    assert len(by_vin) == 899
    found = findings(first, Reason.DUPLICATE)
    assert {car.car.record_ids[MODULE] for car, _ in found} == repeated_rows(files)
    named = {finding.details["records"] for _, finding in found}
    assert named == {", ".join(record_id("A", number) for number, _ in rows) for rows in by_vin}


def test_a_vin_at_two_dealers_is_a_duplicate_at_both(files: Files, first: Results) -> None:
    second_sellers = files.second_sellers
    apart = [
        {record_id("A", number) for number, _ in rows}
        for rows in files.by_vin.values()
        if len({row["SellerName"] in second_sellers for _, row in rows}) == 2
    ]
    assert len([r for r in files.by_vin.values() if len({row["SellerName"] for _, row in r}) > 1]) == 9
    assert apart
    points = {point: _duplicates_at(result) for point, result in first.items()}
    for rows in apart:
        assert all(rows & found for found in points.values())
        assert rows <= points["FIRST"] | points["SECOND"]


def _duplicates_at(result: CycleResult) -> set[str]:
    return {car.car.record_ids[MODULE] for car, _ in findings({"": result}, Reason.DUPLICATE)}


def test_no_duplicate_is_ever_bound_or_written(files: Files, first: Results, second: Results) -> None:
    repeated = repeated_rows(files)
    assert len(repeated) == 1804
    assert len([car for car in cars(first) if car.car.record_ids.get(MODULE) in repeated]) == 1804
    for results in (first, second):
        held = [car for car in cars(results) if car.car.record_ids.get(MODULE) in repeated]
        assert held
        assert not [car for car in held if car.operations or car.car.bound]
        assert {v.category for car in held for v in car.verdicts.values()} == {Category.HELD}


def test_a_car_with_several_candidates_is_in_doubt_and_not_unknown(files: Files, first: Results) -> None:
    expected = candidates_of(files)
    assert len(expected) == 240
    unknown = {car.car.record_ids[DMS] for car, _ in findings(first, Reason.UNKNOWN_IN_VEHICLE_MODULE)}
    assert len(unknown & set(expected)) == 0
    doubted = findings(first, Reason.AMBIGUOUS_MATCH)
    assert {car.car.record_ids[DMS] for car, _ in doubted if DMS in car.car.record_ids} == set(expected)


def test_no_file_is_opened_for_a_car_that_has_several_already(files: Files, the_other_way: Results) -> None:
    opened = {car.car.record_ids[MODULE] for car in cars(the_other_way) if car.operations}
    assert len(opened & set(candidates_of(files))) == 0
    assert len(opened) == 0


# What is not there, and the guards ----------------------------------------------------------------------------


def test_cars_of_the_large_file_alone_are_reported_after_two_listings_and_left_as_they_are(
    files: Files, first: Results, second: Results
) -> None:
    small, second_sellers = {row["VIN"] for row in files.small}, files.second_sellers
    alone = {
        record_id("A", number)
        for vin, ((number, row), *others) in files.by_vin.items()
        if not others and vin not in small and row["SellerName"] in second_sellers
    }
    assert findings(first, Reason.MISSING_IN_DMS) == []
    missing = {car.car.record_ids[MODULE] for car, _ in findings(second, Reason.MISSING_IN_DMS)}
    assert missing == alone
    assert len(alone) > 50


def test_neither_run_is_halted_writes_anything_or_leaves_a_difference_uncounted(
    first: Results, second: Results
) -> None:
    for result in _all(first, second):
        assert result.halts == ()
        assert not any(result.summary.writes.values())
        assert result.summary.as_json()["identity"]["balanced"]


def test_the_second_run_finds_every_bound_car_unchanged(second: Results) -> None:
    assert [(r.summary.bound, r.summary.unchanged) for r in second.values() if r.summary.bound] == [(15, 15)]


def test_a_listing_that_shrinks_to_under_half_is_halted(files: Files, stock: Replay, second: Results) -> None:
    whole = _systems(files, "SECOND")
    rows = records(files.large, "A", "Stock", files.second_sellers)["SECOND"]
    result = stock.run("SECOND", {**whole, MODULE: Listing(rows[: (len(rows) - 1) // 2])})
    assert [halt.guard for halt in result.halts] == ["short_listing"]
    again = stock.run("SECOND", {**whole, MODULE: Listing(rows[: len(rows) // 2 + 1])})
    assert again.halts == ()


def _all(*runs: Results) -> Iterable[CycleResult]:
    return (result for run in runs for result in run.values())

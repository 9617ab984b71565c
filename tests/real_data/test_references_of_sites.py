"""A dealer group whose stock references are unique per site only: 95 of them stand for cars of several sites.

Nothing else identifies these cars (there are no VINs), so that a car may be bound by its reference, and only to a file
of its own site.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from stocksync.stock.reasons import Reason
from stocksync.sync.cycle import CycleResult
from stocksync.sync.ports import NativeRecord
from tests.real_data.replay import DMS, MODULE, Listing, Replay, mapping_with, open_database

STOCK = "stock_fr_eu/autosphere_fr_2025.json"
FILLERS = 3
"""Cars with a reference of their own that each site shows besides, so that no listing is empty."""

Row = dict[str, Any]
Results = dict[str, CycleResult]


class Stock:
    """The cars of the sites that share references, each with its number in the file."""

    def __init__(self, rows: list[Row]) -> None:
        numbered = [{**row, "row": f"{n:05d}", "life": "Stock", **_reference(row)} for n, row in enumerate(rows)]
        by_reference: dict[str, list[Row]] = defaultdict(list)
        for row in numbered:
            by_reference[row["stock_reference"]].append(row)
        self.shared = {name: found for name, found in by_reference.items() if len(found) > 1}
        self.sites = sorted({row["Localisation"] for found in self.shared.values() for row in found})
        self.fillers = self._fillers(numbered)

    def _fillers(self, rows: list[Row]) -> list[Row]:
        left = Counter(dict.fromkeys(self.sites, FILLERS))
        fillers = []
        for row in rows:
            if row["stock_reference"] not in self.shared and left[row["Localisation"]] > 0:
                left[row["Localisation"]] -= 1
                fillers.append(row)
        return fillers

    @property
    def all_shared(self) -> list[Row]:
        """Every car whose reference another car has as well."""
        return [row for found in self.shared.values() for row in found]

    @property
    def twice_at_a_site(self) -> set[str]:
        """The cars whose reference another car of the same site has."""
        counts = Counter((row["stock_reference"], row["Localisation"]) for row in self.all_shared)
        return {r["row"] for r in self.all_shared if counts[r["stock_reference"], r["Localisation"]] > 1}


def _reference(row: Row) -> Row:
    return {"stock_reference": row["Référence"].rsplit("-", 1)[1]}


@pytest.fixture(scope="module")
def stock(real_data: Path) -> Stock:
    """The file, read once."""
    text = (real_data / STOCK).read_text(encoding="utf-8")
    return Stock(json.loads(text, parse_float=Decimal))


def run(stock: Stock, directory: Path, listed: list[Row], filed: list[Row]) -> Results:
    """Synchronise every site once: `listed` in the vehicle module, `filed` in the DMS, and the fillers in both."""
    codes = {f"P{number:03d}": site for number, site in enumerate(stock.sites)}
    replay = Replay(mapping_with("mappings_autosphere", codes), open_database(directory))
    module, dms = _at_sites("M", [*listed, *stock.fillers]), _at_sites("D", [*filed, *stock.fillers])
    return {
        point: replay.run(point, {MODULE: Listing(module[site]), DMS: Listing(dms[site])})
        for point, site in codes.items()
    }


def _at_sites(letter: str, rows: list[Row]) -> dict[str, list[NativeRecord]]:
    at: dict[str, list[NativeRecord]] = defaultdict(list)
    for row in rows:
        at[row["Localisation"]].append(NativeRecord(letter + row["row"], None, {**row, "row": letter + row["row"]}))
    return at


def bound(results: Results) -> set[tuple[str, str]]:
    """The rows of the file that were bound, module and DMS, without their letters."""
    plans = [result.plan for result in results.values() if result.plan is not None]
    assert all(result.halts == () and result.error is None for result in results.values())
    records = [car.car.record_ids for plan in plans for car in plan.cars if car.car.bound]
    return {(ids[MODULE][1:], ids[DMS][1:]) for ids in records}


def in_doubt(results: Results) -> set[str]:
    """The rows that wait for a person because a key fits more than one."""
    plans = [result.plan for result in results.values() if result.plan is not None]
    return {
        record_id[1:]
        for plan in plans
        for car in plan.cars
        for finding in car.findings
        if finding.reason is Reason.AMBIGUOUS_MATCH
        for record_id in car.car.record_ids.values()
    }


def test_ninety_five_references_stand_for_cars_of_several_pages(stock: Stock) -> None:
    assert len(stock.shared) == 95
    assert len({row["Référence"] for row in stock.all_shared}) == len(stock.all_shared)


def test_each_car_is_bound_to_the_file_of_its_own_site(stock: Stock, tmp_path: Path) -> None:
    results = run(stock, tmp_path, stock.all_shared, stock.all_shared)
    rows = {row["row"] for row in [*stock.all_shared, *stock.fillers]} - stock.twice_at_a_site
    assert bound(results) == {(row, row) for row in rows}


def test_a_reference_that_a_site_gave_twice_is_left_to_a_person(stock: Stock, tmp_path: Path) -> None:
    results = run(stock, tmp_path, stock.all_shared, stock.all_shared)
    assert len(stock.twice_at_a_site) == 4
    assert in_doubt(results) == stock.twice_at_a_site


def test_a_reference_alone_never_binds_a_car_to_a_file_of_another_site(stock: Stock, tmp_path: Path) -> None:
    """Of each reference one site lists the car, and only other sites have a file."""
    apart = [found for found in stock.shared.values() if len({row["Localisation"] for row in found}) > 1]
    listed = [found[0] for found in apart]
    filed = [row for found in apart for row in found if row["Localisation"] != found[0]["Localisation"]]
    results = run(stock, tmp_path, listed, filed)
    fillers = {(row["row"], row["row"]) for row in stock.fillers}
    assert len(apart) == 93
    assert bound(results) == fillers
    assert in_doubt(results) == set()


def test_a_bound_car_holds_the_same_on_both_sides(stock: Stock, tmp_path: Path) -> None:
    results = run(stock, tmp_path, stock.all_shared, stock.all_shared)
    plans = [result.plan for result in results.values() if result.plan is not None]
    verdicts = [verdict for plan in plans for car in plan.cars if car.car.bound for verdict in car.verdicts.values()]
    assert {verdict.category.value for verdict in verdicts} == {"agreed"}
    assert not [operation for plan in plans for car in plan.cars for operation in car.operations]

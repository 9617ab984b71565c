"""Two hands' files of the same used cars, as rows and as records of either side."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stocksync.sync.ports import NativeRecord

LARGE, SMALL = "stock/carscom_used_2022_A.csv", "stock/carscom_used_2022_C_dollar_format.csv"

Row = dict[str, str]


@dataclass(frozen=True)
class Files:
    """The large file and the small one, row by row; and who sells a VIN second, where two dealers sell it."""

    large: list[Row] = field(repr=False)
    small: list[Row] = field(repr=False)

    @property
    def by_vin(self) -> Mapping[str, list[tuple[int, Row]]]:
        """The rows of the large file with their numbers, by VIN."""
        found: dict[str, list[tuple[int, Row]]] = defaultdict(list)
        for number, row in enumerate(self.large):
            found[row["VIN"]].append((number, row))
        return found

    @property
    def second_sellers(self) -> set[str]:
        """The dealers that sell a VIN which another dealer sells as well, further up in the large file."""
        return {
            row["SellerName"]
            for rows in self.by_vin.values()
            for _, row in rows[1:]
            if row["SellerName"] != rows[0][1]["SellerName"]
        }


def read_cars(real_data: Path) -> Files:
    """Read both files."""
    return Files(_rows(real_data / LARGE), _rows(real_data / SMALL))


def _rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def record_id(letter: str, number: int) -> str:
    """Name a row by its file and its place there: nothing in it is unique."""
    return f"{letter}{number:05d}"


def records(rows: list[Row], letter: str, life: str, second_sellers: set[str]) -> dict[str, list[NativeRecord]]:
    """Make records of rows, by point of sale: SECOND for the second sellers, FIRST for all others."""
    at: dict[str, list[NativeRecord]] = {"FIRST": [], "SECOND": []}
    for number, row in enumerate(rows):
        site = "SECOND" if row["SellerName"] in second_sellers else "FIRST"
        name = record_id(letter, number)
        at[site].append(NativeRecord(name, None, {**row, "row": name, "site": site, "life": life}))
    return at

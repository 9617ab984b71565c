"""How real files spell VINs, prices and brands, read by the converters alone."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from stocksync.mapping.converters import Text, Vin
from stocksync.mapping.numbers import Integer, Money
from stocksync.stock.rules import Car, ShortVinOnlyBefore, apply_rules
from stocksync.stock.values import BLANK, Invalid, Kind, Reading, same
from stocksync.stock.vehicle import FIRST_REGISTRATION_DATE, VIN

VECTORS, AUCTION = "vin/vin_validity_vectors.csv", "stock/usa_auction_2020.csv"
CHECKED_ELSEWHERE_ONLY = ("check digit", "wrong year", "wrong digits")
"""Why others refuse a VIN that is none the less read here: the check digit is not mandatory in Europe."""

Row = Mapping[str, str]


def rows_of(path: Path) -> list[Row]:
    """Read a file with a header."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def vin_of(said: str, year: int) -> Reading:
    """Read a VIN as a car first registered in a year has it."""
    readings = {VIN: Vin().read(said), FIRST_REGISTRATION_DATE: date(year, 6, 30)}
    rule = ShortVinOnlyBefore(VIN, FIRST_REGISTRATION_DATE, 1981)
    module, _ = apply_rules((rule,), Car(readings, {}, {}, date(2026, 1, 1)))
    return module[VIN]


@pytest.fixture(scope="module")
def vectors(real_data: Path) -> list[Row]:
    """VINs that several libraries agree or disagree on."""
    return rows_of(real_data / VECTORS)


@pytest.fixture(scope="module")
def auction(real_data: Path) -> list[Row]:
    """The cars of an auction."""
    return rows_of(real_data / AUCTION)


# VINs ---------------------------------------------------------------------------------------------------------


def test_a_vin_is_read_unless_its_characters_or_its_length_forbid_it(vectors: list[Row]) -> None:
    assert len(vectors) == 49
    for row in vectors:
        year = re.search(r"year (\d{4})", row["rule_tested"])
        reading = vin_of(row["vin"], int(year[1]) if year else 2015)
        refused_for_its_digits = any(reason in row["rule_tested"] for reason in CHECKED_ELSEWHERE_ONLY)
        due = row["expected_valid"] == "true" or refused_for_its_digits
        assert isinstance(reading, str) is due, (row["vin"], row["rule_tested"], reading)


def test_what_is_read_of_a_vin_is_its_upper_case(vectors: list[Row]) -> None:
    readings = [(row["vin"], Vin().read(row["vin"])) for row in vectors]
    assert all(reading == said.upper() for said, reading in readings if isinstance(reading, str))
    assert all(reading.raw == said for said, reading in readings if isinstance(reading, Invalid))


def test_lower_case_and_leading_spaces_are_spelling(auction: list[Row]) -> None:
    assert len(auction) == 2499
    assert all(row["vin"].startswith("  ") and row["vin"] != row["vin"].upper() for row in auction)
    long = [row for row in auction if row not in short_ones(auction)]
    assert len(long) == 2498
    assert all(vin_of(row["vin"], int(row["year"])) == row["vin"].strip().upper() for row in long)


def short_ones(auction: list[Row]) -> list[Row]:
    """The rows whose VIN has not 17 characters."""
    return [row for row in auction if len(row["vin"].strip()) != 17]


def test_the_short_vin_of_1973_is_read(auction: list[Row]) -> None:
    short = short_ones(auction)
    assert [(len(row["vin"].strip()), row["year"]) for row in short] == [(13, "1973")]
    assert vin_of(short[0]["vin"], 1973) == short[0]["vin"].strip().upper()


def test_the_short_vin_of_1973_would_not_be_one_on_a_younger_car(auction: list[Row]) -> None:
    assert isinstance(vin_of(short_ones(auction)[0]["vin"], 2008), Invalid)


# Amounts and texts --------------------------------------------------------------------------------------------


def test_a_price_of_zero_is_blank_on_forty_three_cars_and_any_other_is_in_cents(auction: list[Row]) -> None:
    price = Money("text", zero_is_blank=True)
    readings = [(row["price"], price.read(row["price"])) for row in auction]
    assert sum(reading is BLANK for _, reading in readings) == 43
    assert all(reading == int(said) * 100 for said, reading in readings if said != "0")


def test_zero_stays_a_cost_where_a_field_does_not_say_that_it_is_blank(auction: list[Row]) -> None:
    cost = Money("text")
    assert sum(cost.read(row["price"]) == 0 for row in auction) == 43


def test_every_mileage_is_read_as_it_stands(auction: list[Row]) -> None:
    mileage = Integer("text")
    assert all(mileage.read(row["mileage"]) == int(row["mileage"]) for row in auction)


def test_a_brand_in_lower_case_is_the_same_brand_in_capitals(auction: list[Row]) -> None:
    text = Text()
    brands = {row["brand"] for row in auction}
    assert len(brands) > 20
    for brand in brands:
        small, capitals = text.read(f" {brand} "), text.read(brand.upper())
        assert isinstance(small, str)
        assert isinstance(capitals, str)
        assert same(Kind.TEXT, small, capitals)
        assert [other for other in brands if same(Kind.TEXT, small, other)] == [brand]

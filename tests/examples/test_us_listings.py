"""The example us-listings: listings that nobody here wrote, only read, and a DMS that follows them.

What must come out is counted here by plain reading of the files (`Expected`), not by stocksync's own readers. Names of
dealers stay in the real files: they are found there by what is peculiar to their cars.
"""

from __future__ import annotations

import csv
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.examples.folders import EXAMPLES, Desk, Row, Stockbook, described

pytestmark = pytest.mark.xdist_group("us_listings")

MAPPINGS = EXAMPLES / "us-listings"
LARGE, DOLLARS = "stock/carscom_used_2022_A.csv", "stock/carscom_used_2022_C_dollar_format.csv"
AUCTION = "stock/usa_auction_2020.csv"
ENERGY = {"Gasoline": "ES", "Diesel": "GO", "Hybrid": "EH", "Electric": "EL", "E85 Flex Fuel": "FE"}
ENERGY |= {"Gasoline Fuel": "ES", "Diesel Fuel": "GO", "Electric Fuel System": "EL"}
MONTH = re.compile(r"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)-\d\d")
NOTHING = {"–", "", "no_color", "color:"}


@dataclass(frozen=True)
class Names:
    """What a file calls the columns; energy: of what a car runs on, "" where it does not say."""

    seller: str = "SellerName"
    vin: str = "VIN"
    price: str = "Price"
    mileage: str = "Mileage"
    colour: str = "ExteriorColor"
    stock: str = "Stock#"
    energy: str = "FuelType"


PORTAL = Names()
AUCTIONEER = Names("state", "vin", "price", "mileage", "color", "lot", "")


@dataclass(frozen=True)
class Expected:
    """What a file says of some sellers, read plainly."""

    rows: list[Row]
    names: Names
    sellers: list[str]

    def distinct(self, seller: str) -> list[Row]:
        """The rows of a seller, those that are the same in every column once."""
        mine = [row for row in self.rows if row[self.names.seller] == seller]
        return [row for number, row in enumerate(mine) if row not in mine[:number]]

    def vin(self, row: Row) -> str:
        return row[self.names.vin].strip().upper()

    @cached_property
    def times(self) -> Counter[str]:
        """How many distinct rows of these sellers each VIN has."""
        return Counter(self.vin(row) for seller in self.sellers for row in self.distinct(seller))

    @property
    def twins(self) -> dict[str, int]:
        """VINs that these sellers list more than once, with how often."""
        return {vin: times for vin, times in self.times.items() if times > 1}

    def cars(self, seller: str) -> dict[str, Row]:
        """The rows of a seller whose VIN tells one car, by it."""
        return {self.vin(row): row for row in self.distinct(seller) if self.times[self.vin(row)] == 1}

    def unreadable(self) -> Counter[str]:
        """How many records have which fuel that no value table knows."""
        fuels = (row[self.names.energy] for seller in self.sellers for row in self.distinct(seller))
        return Counter(fuel for fuel in fuels if fuel not in {*ENERGY, *NOTHING})

    def wanted(self, row: Row) -> dict[str, Any]:
        """What the DMS must hold of a car."""
        price = Decimal(row[self.names.price].strip().removeprefix("$").replace(",", ""))
        kilometres = int((Decimal(row[self.names.mileage]) * Decimal("1.609344")).to_integral_value(ROUND_HALF_EVEN))
        stock, colour = row[self.names.stock], row[self.names.colour]
        return {
            "vehicle.vin": self.vin(row),
            "vehicle.km": kilometres,
            "vehicle.colour": None if colour in NOTHING else colour,
            "vehicle.energy": ENERGY.get(row[self.names.energy]) if self.names.energy else None,
            "sale.price": int(price) or None,
            "sale.stock_number": None if stock in NOTHING or MONTH.fullmatch(stock) else stock.upper(),
        }


def read_plainly(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def excerpt(source: Path, folder: Path, wanted: Callable[[Row], Any]) -> Path:
    """Some lines of a file as they are, below its header: whole files are read by other tests here, and take long."""
    head, *lines = source.read_bytes().splitlines(keepends=True)
    kept = [line for line, row in zip(lines, read_plainly(source), strict=True) if wanted(row)]
    path = folder / "excerpt.csv"
    path.write_bytes(head + b"".join(kept))
    return path


def first_with(rows: Iterable[Row], peculiar: Callable[[Row], Any]) -> str:
    """The first seller that has a row of a kind; private sellers have no name."""
    return next(row["SellerName"] for row in rows if row["SellerName"] and peculiar(row))


def telling_sellers(rows: list[Row]) -> list[str]:
    """A few dealers that between them have what is peculiar to the large file as a whole."""
    by_vin: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_vin[row["VIN"]].append(row)
    named = [[row for row in twins if row["SellerName"]] for twins in by_vin.values()]
    two_dealers = next(t for t in named if len({row["SellerName"] for row in t}) > 1)
    two_prices = next(t for t in named if len({r["SellerName"] for r in t}) == 1 and len({r["Price"] for r in t}) > 1)
    unknown_fuel = first_with(rows, lambda row: row["FuelType"] == "Gasoline/Mild Electric Hybrid")
    found = [*(row["SellerName"] for row in two_dealers), two_prices[0]["SellerName"], unknown_fuel]
    return list(dict.fromkeys(found))


def odd_sellers(rows: list[Row]) -> list[str]:
    """Dealers with cells that mean something else than they say, and one whose name could not be a file's."""
    found = [
        first_with(rows, lambda row: MONTH.fullmatch(row["Stock#"])),
        first_with(rows, lambda row: row["Price"] == "0"),
        first_with(rows, lambda row: row["ExteriorColor"] == "–"),
        first_with(rows, lambda row: len(row["SellerName"]) > 64),
    ]
    return list(dict.fromkeys(found))


@dataclass
class Portal:
    """A folder with a listing, the DMS, and the person between them."""

    desk: Desk
    listings: Path
    dms: Stockbook
    expected: Expected
    points: dict[str, str]
    runs: list[dict[str, dict[str, Any]]] = field(default_factory=list)

    def state(self) -> dict[str, tuple[bytes, int]]:
        """Everything on the side that is only read, with its times."""
        return {
            str(path.relative_to(self.listings)): (
                path.read_bytes() if path.is_file() else b"",
                path.stat().st_mtime_ns,
            )
            for path in [self.listings, *self.listings.rglob("*")]
        }

    def sites(self) -> Iterator[tuple[str, str]]:
        """Every seller, with the DMS's code of it."""
        for number, seller in enumerate(self.points.values()):
            yield seller, f"S{number}"


def portal(folder: Path, source: Path, sellers: list[str], kind: str = "listings", names: Names = PORTAL) -> Portal:
    """The example with these sellers as its points of sale, and a DMS that knows some of their cars already.

    kind: how the files and the pair are called. Of each seller's cars the DMS has the first, at another price, and one
    of those that are listed twice.
    """
    expected = Expected(read_plainly(source), names, sellers)
    mappings, listings = folder / "mappings", folder / "listings"
    shutil.copytree(MAPPINGS, mappings)
    listings.mkdir()
    shutil.copy(source, listings / f"{kind}_2022-05-01.csv")
    (listings / f"{kind}_2022-05-01.done").touch()
    dms = Stockbook(folder / "dms")
    desk = Desk(folder, mappings, {"LISTINGS": str(listings), "STOCKBOOK": str(dms.root)})
    made = Portal(desk, listings, dms, expected, {f"P{n}": seller for n, seller in enumerate(expected.sellers)})
    points = {
        point: {
            "name": point,
            "pair": f"{kind}-stockbook",
            "vehicle_module": {"code": seller, "address": "LISTINGS"},
            "dms": {"code": site, "address": "STOCKBOOK"},
        }
        for point, (seller, site) in zip(made.points, made.sites(), strict=True)
    }
    text = yaml.safe_dump({"points_of_sale": points}, allow_unicode=True, width=1000)
    (mappings / "points_of_sale.yaml").write_text(text, "utf-8")
    twins = set(expected.twins)
    for seller, site in made.sites():
        known = [*expected.cars(seller)][:1] + [v for v in map(expected.vin, expected.distinct(seller)) if v in twins][
            :1
        ]
        twins -= {*known}
        for vin in known:
            dms.entered({"site": site, "status": "STOCK", "vehicle.vin": vin, "sale.price": 1})
    dms.publish()
    return made


@pytest.fixture(scope="module")
def large(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Portal:
    """Some dealers of the large file: first contact, the DMS at work, and the run after that."""
    source = real_data / LARGE
    made = portal(tmp_path_factory.mktemp("us"), source, telling_sellers(read_plainly(source)))
    first_contact(made)
    return made


@pytest.fixture(scope="module")
def dollars(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Portal:
    """The dealer with most cars in another hand's file of such cars, after first contact."""
    rows = read_plainly(real_data / DOLLARS)
    seller = Counter(row["SellerName"] for row in rows if row["SellerName"]).most_common(1)[0][0]
    made = portal(tmp_path_factory.mktemp("dollars"), real_data / DOLLARS, [seller])
    first_contact(made)
    return made


def first_contact(made: Portal) -> None:
    """Run, let the DMS work, run again; see that nothing was done to the files and the second run did nothing."""
    before = made.state()
    made.runs.append(made.desk.sync())
    assert sum(run["writes"]["dms"] + run["creations"] for run in made.runs[0].values()) == 0, "nobody answered yet"
    made.dms.work()
    made.runs.append(made.desk.sync())
    assert made.state() == before
    assert made.dms.outgoing() == []
    for run in made.runs[1].values():
        assert (run["writes"], run["creations"], run["conflicts"]["new"]) == ({"vehicle_module": 0, "dms": 0}, 0, 0)


def check_records(made: Portal) -> None:
    """See that every row was read, and that the DMS holds every car once as the file says it."""
    for (point, seller), (_, site) in zip(made.points.items(), made.sites(), strict=True):
        assert made.runs[0][point]["read"]["vehicle_module"] == len(made.expected.distinct(seller)), seller
        held = {record["vehicle.vin"]: record for record in made.dms.by("site", site)}
        cars = made.expected.cars(seller)
        assert len(held) == len(made.dms.by("site", site))
        assert held.keys() - made.expected.twins.keys() == cars.keys()
        for vin, row in cars.items():
            wanted = made.expected.wanted(row)
            # Where the file has no price, the DMS keeps what it had; no price is no amount.
            assert held[vin].get("sale.price") != 0
            wanted["sale.price"] = wanted["sale.price"] or held[vin].get("sale.price")
            assert {name: held[vin].get(name) for name in wanted} == wanted, vin


def test_every_file_says_what_it_is_of_and_the_check_finds_nothing(tmp_path: Path) -> None:
    files = sorted(MAPPINGS.rglob("*.yaml"))
    assert len(files) == 12
    assert all(map(described, files))
    checked = Desk(tmp_path, MAPPINGS, {}).data("mapping", "check")
    assert (checked["problems"], checked["warnings"]) == ([], [])


def test_nothing_of_the_matrix_can_be_written_to_the_listings(tmp_path: Path) -> None:
    from stocksync.mapping.load import load_mappings

    for point in load_mappings(MAPPINGS).points_of_sale.values():
        assert point.systems["vehicle_module"].connection.outgoing is None  # type: ignore[union-attr]
        assert all(not field.writable for field in point.translations["vehicle_module"].fields.values())
    # And an edit that gives the DMS a word in it is refused by the check.
    shutil.copytree(MAPPINGS, tmp_path / "mappings")
    path = tmp_path / "mappings" / "pairs" / "listings-stockbook" / "ownership.yaml"
    path.write_text(path.read_text().replace("sale_price, owner: vehicle_module", "sale_price, owner: dms"))
    checked = Desk(tmp_path, tmp_path / "mappings", {}).data("mapping", "check")
    assert [warning["code"] for warning in checked["warnings"]] == ["owner_cannot_write"]


def test_the_dms_then_holds_every_car_of_every_dealer_as_the_one_file_says_it(large: Portal) -> None:
    assert len(large.expected.sellers) == 4
    check_records(large)


def test_a_vin_that_stands_twice_is_a_question_for_a_person_and_is_written_nowhere(large: Portal) -> None:
    found = [row for row in large.desk.findings() if row["kind"] == "duplicate"]
    assert Counter(row["vin"] for row in found) == large.expected.twins
    touched = {large.dms.records[row["id"]]["vehicle.vin"] for row in large.dms.taken if row["id"]}
    created = {row["vehicle.vin"] for row in large.dms.taken if row["verb"] == "create"}
    assert (touched | created) & large.expected.twins.keys() == set()
    in_dms = [record for record in large.dms.records.values() if record["vehicle.vin"] in large.expected.twins]
    assert in_dms
    assert {record["sale.price"] for record in in_dms} == {1}


def test_what_no_value_table_knows_is_counted_by_the_command(large: Portal) -> None:
    done = large.desk.run("mapping", "unknown", "--json")
    [pair] = yaml.safe_load(done.stdout)["pairs"]
    counted = {one["value"]: one["cars"] for one in pair["unknown"] if one["attribute"] == "fuel"}
    assert counted == dict(large.expected.unreadable())
    assert {one["attribute"] for one in pair["unknown"]} == {"fuel"}


def test_cells_that_mean_something_else_than_they_say_are_read_as_they_are_meant(
    real_data: Path, tmp_path: Path
) -> None:
    rows = read_plainly(real_data / LARGE)
    sellers = odd_sellers(rows)
    made = portal(tmp_path, excerpt(real_data / LARGE, tmp_path, lambda row: row["SellerName"] in sellers), sellers)
    first_contact(made)
    check_records(made)
    held = made.dms.records.values()
    months = [row["Stock#"] for seller in sellers for row in made.expected.distinct(seller)]
    assert any(map(MONTH.fullmatch, months))
    assert not any(MONTH.fullmatch(record.get("sale.stock_number") or "") for record in held)
    assert any(row["Price"] == "0" for seller in sellers for row in made.expected.cars(seller).values())
    assert any(record.get("vehicle.colour") is None for record in held)


def test_a_price_of_the_next_listing_travels_and_the_former_file_stays_as_it_is(large: Portal) -> None:
    former = large.state()
    number, seller = next((n, s) for n, s in enumerate(large.expected.sellers) if large.expected.cars(s))
    vin, row = next(iter(large.expected.cars(seller).items()))
    content = (large.listings / "listings_2022-05-01.csv").read_bytes().decode()
    lines = content.split("\n")
    [line] = {line for line in lines if f",{vin}," in line}
    price = f",{row['Price']},"
    edited = [other.replace(price, ",43210,", 1) if other == line else other for other in lines]
    (large.listings / "listings_2022-05-02.csv").write_bytes("\n".join(edited).encode())
    large.desk.sync("--point-of-sale", f"P{number}")
    assert large.dms.outgoing() == []
    (large.listings / "listings_2022-05-02.done").touch()
    run = large.desk.sync("--point-of-sale", f"P{number}")[f"P{number}"]
    assert run["conflicts"]["new"] == 0
    before = len(large.dms.taken)
    large.dms.work()
    [asked] = large.dms.taken[before:]
    assert {name: value for name, value in asked.items() if name not in ("verb", "id")} == {"sale.price": 43210}
    assert large.dms.records[asked["id"]]["vehicle.vin"] == vin
    run = large.desk.sync("--point-of-sale", f"P{number}")[f"P{number}"]
    assert sum(run["writes"].values()) == 0
    now = large.state()
    assert {name: now[name] for name in former if name != "."} == {n: s for n, s in former.items() if n != "."}
    assert now.keys() - former.keys() == {"listings_2022-05-02.csv", "listings_2022-05-02.done"}


def test_prices_with_a_dollar_sign_of_another_hand_are_the_same_amounts(dollars: Portal) -> None:
    assert {row["Price"][0] for row in dollars.expected.rows} == {"$"}
    check_records(dollars)
    assert len(dollars.dms.records) > 5


def test_an_auctioneer_s_vins_and_prices_are_read_as_they_are_meant(real_data: Path, tmp_path: Path) -> None:
    rows = read_plainly(real_data / AUCTION)
    assert all(row["vin"].startswith("  ") and row["vin"] == row["vin"].lower() for row in rows)
    times, sizes = Counter(row["vin"] for row in rows), Counter(row["state"] for row in rows)
    old = next(row for row in rows if len(row["vin"].strip()) == 13)
    twins = min((row["state"] for row in rows if times[row["vin"]] > 1), key=sizes.__getitem__)
    source = excerpt(real_data / AUCTION, tmp_path, lambda row: row == old or row["state"] == twins)
    made = portal(tmp_path, source, [old["state"], twins], "auction", AUCTIONEER)
    first_contact(made)
    check_records(made)
    assert any(len(record["vehicle.vin"]) == 13 for record in made.dms.records.values())
    assert any(row["price"] == "0" for row in made.expected.cars(twins).values())
    found = Counter(row["vin"] for row in made.desk.findings() if row["kind"] == "duplicate")
    assert found == made.expected.twins
    assert found


def test_what_people_do_in_the_dms_is_put_back_or_reported_and_never_goes_to_the_listing(dollars: Portal) -> None:
    sold, edited = list(dollars.dms.records.values())[:2]
    right = edited["sale.price"]
    sold["status"], edited["sale.price"] = "SOLD", 5
    dollars.dms.publish()
    before = dollars.state()
    dollars.desk.sync()
    dollars.dms.work()
    dollars.desk.sync()
    assert edited["sale.price"] == right
    assert [(row["kind"], row["vin"]) for row in dollars.desk.findings()] == [("stage_regression", sold["vehicle.vin"])]
    assert dollars.state() == before

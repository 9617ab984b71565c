"""The stock that is made up: the same for a seed, believable, and disagreeing only in known proportions."""

import hashlib
import re
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import date

import orjson
import pytest

from stocksync.sandbox.catalogue import colours, models
from stocksync.sandbox.dms import Dms
from stocksync.sandbox.dms_rules import FIELDS
from stocksync.sandbox.mishaps import RATIOS
from stocksync.sandbox.seed import SEED_AT, fill
from stocksync.sandbox.vehicle_module import VehicleModule

CARS, POINTS = 3000, 4
VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}")
PLATE = re.compile(r"[A-HJ-NP-TV-Z]{2}-\d{3}-[A-HJ-NP-TV-Z]{2}|\d{4} [A-HJ-NP-TV-Z]{2} (\d\d|2A)")
ORIGINS = {"REPRISE": "REP", "ACHAT_DIRECT": "ACH", "LOCATION": "LOC", "FLOTTE": "FLO"}


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    directory = tmp_path_factory.mktemp("seeded")
    fill(directory, CARS, POINTS, seed=7)
    vehicles = [
        orjson.loads(body) for (body,) in VehicleModule(directory).state.sql.execute("SELECT body FROM vehicles")
    ]
    files = [orjson.loads(body) for (body,) in Dms(directory).state.sql.execute("SELECT body FROM files")]
    return vehicles, files


@pytest.fixture(scope="module")
def pairs(stock):
    vehicles, files = stock
    by_dossier = {file["dossier"]: file for file in files}
    by_reference = {file["ref_externe"]: file for file in files if file["ref_externe"]}
    found = (
        (car, by_dossier.get(car["identification"]["dmsReference"]) or by_reference.get(car["id"])) for car in vehicles
    )
    return [(car, file) for car, file in found if file]


def digest(directory):
    return [digest_of_rows(directory / name) for name in ("vehicle_module.db", "dms.db")]


def digest_of_rows(file):
    """Hash every row; in which order SQLite left free room on its pages is nobody's promise."""
    with closing(sqlite3.connect(file)) as database:
        return hashlib.sha256("\n".join(database.iterdump()).encode()).hexdigest()


def cents(text):
    return round(float(text.replace(" ", "").replace(",", ".")) * 100) if readable_amount(text) else None


def readable_amount(text):
    return text and FIELDS["prix_vente"][0](text)


def test_the_same_seed_gives_the_same_rows_and_another_seed_others(tmp_path):
    for name, seed in (("one", 5), ("two", 5), ("three", 6)):
        fill(tmp_path / name, 300, 2, seed)
    assert digest(tmp_path / "one") == digest(tmp_path / "two")
    assert digest(tmp_path / "one")[0] != digest(tmp_path / "three")[0]


def test_every_stage_and_destination_is_there_with_a_fitting_statut(pairs):
    seen = Counter((car["status"], file["statut"]) for car, file in pairs)
    usual = {("PRE_RENTREE", "Pré-rentrée"), ("PRE_RENTREE", "Stock"), ("SORTIE", "Facturé")}
    usual |= {
        (stage, "Stock")
        for stage in ("ENTREE_PHYSIQUE", "VERIFICATION_POST_PREPARATION", "STOCK_DE_VENTE", "LIVRAISON")
    }
    assert usual <= set(seen)
    assert sum(seen[pair] for pair in usual) > 0.97 * len(pairs)
    assert all(statut == "Facturé" for _, statut in set(seen) - usual)
    assert {car["destination"] for car, _ in pairs} == {"PARTICULIER", "PROFESSIONNEL", "CASSE"}


def test_keys_are_readable_but_for_a_few_slips(stock):
    vehicles, files = stock
    vins = [car["identification"]["vin"] for car in vehicles] + [file["chassis"] for file in files]
    slipped = [vin for vin in vins if not VIN.fullmatch(vin)]
    assert 0 < len(slipped) < 0.01 * len(vins)
    assert all(VIN.fullmatch(vin.replace("O", "0").replace("I", "1")) for vin in slipped)
    assert all(PLATE.fullmatch(car["identification"]["registration"]) for car in vehicles)


def test_plates_are_of_their_day_and_no_two_cars_share_one(stock):
    vehicles, _ = stock
    for car in vehicles:
        certified_on = car["identification"]["registrationCertificateDate"] or "9999"
        assert ("-" in car["identification"]["registration"]) == (certified_on >= "2009-04-15")
    shared = Counter(car["identification"]["registration"] for car in vehicles)
    assert sum(count - 1 for count in shared.values()) <= CARS / RATIOS["duplicate_vin"]


def test_a_vin_begins_with_its_makers_identifier(stock):
    identifiers = {model.make: model.wmi for model in models()}
    assert all(car["identification"]["vin"].startswith(identifiers[car["characteristics"]["make"]]) for car in stock[0])


def test_dates_are_in_order_and_in_the_past(stock):
    today = SEED_AT.date().isoformat()
    for car in stock[0]:
        first = car["identification"]["firstRegistrationDate"]
        assert first <= (car["identification"]["registrationCertificateDate"] or today) <= today


def test_police_numbers_follow_one_another_within_a_site_and_a_year(stock):
    vehicles, files = stock
    numbers = {(car["pointOfSale"].replace("PDV", "S0"), car["identification"]["policeNumber"]) for car in vehicles}
    numbers |= {(file["site"], file["no_police"]) for file in files}
    numbers = {(site, number) for site, number in numbers if number}
    for site in {site for site, _ in numbers}:
        for year in ("2025", "2026"):
            register = sorted(int(number[5:]) for where, number in numbers if where == site and number[:4] == year)
            assert register == list(range(1, len(register) + 1))
    assert all(re.fullmatch(r"202[56]-\d{5}", number) for _, number in numbers)


def test_police_numbers_of_one_site_are_unique_in_the_dms(stock):
    numbers = Counter((file["site"], file["no_police"]) for file in stock[1] if file["no_police"])
    assert set(numbers.values()) == {1}


def test_a_direct_purchase_has_a_source_and_no_trade_in_price(stock):
    bought = [car["purchase"] for car in stock[0] if car["purchase"]["origin"] == "ACHAT_DIRECT"]
    assert bought
    assert all(purchase["source"] and purchase["tradeInPrice"] is None for purchase in bought)
    assert all(car["purchase"]["tradeInPrice"] for car in stock[0] if car["purchase"]["origin"] == "REPRISE")


def test_what_left_is_invoiced_alike_on_both_sides(pairs):
    for car, file in pairs:
        if car["status"] == "SORTIE":
            assert all(file[name] for name in ("no_facture", "date_facture", "no_police"))
            assert round(car["sale"]["invoicedPrice"] * 100) == cents(file["prix_facture"])


def test_cross_references_are_set_on_most_and_blank_on_some(stock, pairs):
    met = [bool(car["identification"]["dmsReference"]) + bool(file["ref_externe"]) for car, file in pairs]
    assert met.count(2) > 0.85 * CARS * 0.9
    assert met.count(1) > CARS / 50
    without = [file for file in stock[1] if not file["ref_externe"]]
    assert CARS / 40 < len(without) < CARS / 5


@pytest.mark.parametrize(
    ("in_module", "in_dms"),
    [
        (
            lambda car: car["sale"]["price"],
            lambda file: file["prix_vente"] and (cents(file["prix_vente"]) or 0) / 100,
        ),
        (lambda car: car["characteristics"]["mileage"], lambda file: int(re.sub(r"\D", "", file["km"]) or 0)),
        (lambda car: car["costs"]["reconditioning"], lambda file: (cents(file["frevo"]) or 0) / 100),
        (lambda car: car["identification"]["vin"], lambda file: file["chassis"]),
        (
            lambda car: car["identification"]["registration"].replace("-", ""),
            lambda file: file["immat"].replace("-", ""),
        ),
        (lambda car: ORIGINS[car["purchase"]["origin"]], lambda file: file["origine"]),
        (lambda car: car["characteristics"]["make"].upper(), lambda file: file["marque"]),
        (lambda car: car["purchase"]["tradeInBuyer"], lambda file: file["repreneur"]),
    ],
)
def test_an_attribute_differs_on_fewer_than_one_car_in_ten(pairs, in_module, in_dms):
    differing = sum((in_module(car) or "") != (in_dms(file) or "") for car, file in pairs)
    assert differing < 0.1 * len(pairs)


def test_prices_and_mileages_do_differ_on_some_cars(pairs):
    prices = [(car["sale"]["price"], cents(file["prix_vente"])) for car, file in pairs if car["sale"]["price"]]
    assert sum(there is not None and here * 100 != there for here, there in prices) > CARS / 100


def test_colours_agree_by_the_shipped_table_and_both_spellings_occur(pairs):
    codes = {spelling: code for code, spellings in colours().items() for spelling in spellings}
    read = [
        (codes[car["characteristics"]["exteriorColour"]], file["couleur"])
        for car, file in pairs
        if car["characteristics"]["exteriorColour"] and file["couleur"]
    ]
    assert 0 < sum(here != there for here, there in read) < 0.02 * len(read)
    assert any(" " in file["km"] for _, file in pairs)
    assert any("-" not in file["immat"] for _, file in pairs)


def test_no_spelling_stands_for_two_colours_and_codes_fit_the_dms():
    spellings = [spelling.casefold() for names in colours().values() for spelling in names]
    assert len(spellings) == len(set(spellings))
    assert all(FIELDS["couleur"][0](code) for code in colours())


def test_few_values_are_unreadable_in_the_dms(stock):
    def unreadable(file):
        return any(file[name] and not accepts(file[name]) for name, (accepts, _, _) in FIELDS.items())

    assert 0 < sum(unreadable(file) for file in stock[1]) < 0.01 * len(stock[1])


def test_orders_only_in_the_dms_are_few(pairs):
    risks = [file for car, file in pairs if file["no_bdc"] and car["order"] is None]
    assert 0 < len(risks) < 0.05 * len(pairs)


def test_a_few_cars_are_on_one_side_only_and_a_few_are_not_used_cars(stock, pairs):
    vehicles, files = stock
    known = {file["dossier"] for _, file in pairs}
    vins = {car["identification"]["vin"] for car in vehicles}
    strangers = [file for file in files if file["dossier"] not in known and file["chassis"] not in vins]
    assert 0 < len(strangers) < 0.02 * CARS
    waiting = [car for car in vehicles if car["status"] == "PRE_RENTREE" and not car["identification"]["dmsReference"]]
    assert len(waiting) > 0.01 * CARS
    assert 0 < sum(car["type"] != "VO" for car in vehicles) < 0.04 * CARS


def test_mileage_follows_age(stock):
    at = SEED_AT.date()
    yearly = sorted(
        (car["characteristics"]["mileage"] or 0)
        / max((at - date.fromisoformat(car["identification"]["firstRegistrationDate"])).days / 365, 1)
        for car in stock[0]
    )
    assert 7_000 < yearly[len(yearly) // 2] < 17_000

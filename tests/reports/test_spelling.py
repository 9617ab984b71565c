"""How values are written for people and for a spreadsheet."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stocksync.mapping.models import Label
from stocksync.reports.spelling import Cell, Counted, Language, Speller, masked, neutral
from stocksync.stock.values import ABSENT, BLANK, Invalid, Kind, Reading
from stocksync.stock.vehicle import Attribute

PRICE = Attribute("sale_price", Kind.MONEY, "Prix de vente", "Sale price")
MILEAGE = Attribute("mileage", Kind.INTEGER, "Kilométrage", "Mileage")
COLOUR = Attribute("exterior_colour", Kind.CHOICE, "Couleur", "Colour", choices=("grey",))
VAT = Attribute("vat_recoverable", Kind.BOOLEAN, "TVA", "VAT")
DAY = Attribute("invoice_date", Kind.DATE, "Date", "Date")
BUYER = Attribute("trade_in_buyer", Kind.TEXT, "Repreneur", "Buyer", personal=True)
PLATE = Attribute("registration", Kind.REGISTRATION, "Immatriculation", "Registration")
LABELS = {"exterior_colour": {"grey": Label(fr="gris", en="grey")}}


def speller(language: Language = "fr", *, clear: bool = False) -> Speller:
    return Speller(language, LABELS, clear=clear)


@pytest.mark.parametrize(
    ("attribute", "reading", "french", "english"),
    [
        (PRICE, 1_250_000, "12\u202f500,00\u00a0€", "€12,500.00"),
        (PRICE, -5, "-0,05\u00a0€", "-€0.05"),
        (PRICE, 99, "0,99\u00a0€", "€0.99"),
        (MILEAGE, 84_500, "84\u202f500\u00a0km", "84,500\u00a0km"),
        (DAY, date(2026, 2, 1), "01/02/2026", "01/02/2026"),
        (VAT, True, "oui", "yes"),
        (VAT, False, "non", "no"),
        (COLOUR, "grey", "gris", "grey"),
        (COLOUR, "mauve", "mauve", "mauve"),
        (PLATE, "AA-123-AA", "AA-123-AA", "AA-123-AA"),
        (PRICE, BLANK, "vide", "blank"),
        (PRICE, ABSENT, "—", "—"),
        (PRICE, Invalid("12o", "not a number"), "«\u00a012o\u00a0» (illisible)", "“12o” (unreadable)"),
    ],
)
def test_a_value_is_spelled_as_people_write_it(
    attribute: Attribute, reading: Reading, french: str, english: str
) -> None:
    assert speller("fr").value(attribute, reading) == french
    assert speller("en").value(attribute, reading) == english


@pytest.mark.parametrize(
    ("attribute", "text", "cell"),
    [
        (PRICE, "1250000", Cell("12500,00", is_number=True)),
        (PRICE, "-5", Cell("-0,05", is_number=True)),
        (PRICE, "12o", Cell("12o")),
        (MILEAGE, "84500", Cell("84500", is_number=True)),
        (DAY, "2026-02-01", Cell("01/02/2026")),
        (VAT, "true", Cell("oui")),
        (COLOUR, "grey", Cell("gris")),
        (PRICE, None, Cell("")),
    ],
)
def test_a_cell_is_one_that_a_french_spreadsheet_reads(attribute: Attribute, text: str | None, cell: Cell) -> None:
    assert speller().cell(attribute, text) == cell


@given(st.integers(min_value=-(10**12), max_value=10**12))
def test_no_cent_is_lost_between_an_amount_and_its_cell(cents: int) -> None:
    text = speller().cell(PRICE, str(cents)).text
    assert int(text.replace(",", "")) == cents


def test_the_name_of_a_person_is_masked_unless_a_person_decides_with_it() -> None:
    assert speller().text(BUYER, "N. Garcia") == "N•••"
    assert speller().value(BUYER, Invalid("N. Garcia", "too long")) == "N•••"
    assert speller(clear=True).text(BUYER, "N. Garcia") == "N. Garcia"
    assert neutral(BUYER, "N. Garcia") == "N•••"
    assert neutral(PLATE, "AA-123-AA") == "AA-123-AA"
    assert masked(" ") == ""


@given(st.text(min_size=2))
def test_a_masked_name_shows_one_letter_of_it_at_most(name: str) -> None:
    assert len(masked(name).rstrip("•")) <= 1


@pytest.mark.parametrize(
    ("number", "fr", "en"),
    [
        (0, "0 ligne", "0 rows"),
        (1, "1 ligne", "1 row"),
        (2, "2 lignes", "2 rows"),
        (1500, "1\u202f500 lignes", "1,500 rows"),
    ],
)
def test_a_noun_agrees_with_its_number(number: int, fr: str, en: str) -> None:
    assert f"{Counted(number, 'fr'):ligne|lignes}" == fr
    assert f"{Counted(number, 'en'):row|rows}" == en

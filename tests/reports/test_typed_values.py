"""What reviewers type: read as the value that they mean, or answered with what is due; never guessed."""

import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import stocksync
from stocksync.mapping.converters import Identifier, Registration, Text, Vin
from stocksync.mapping.load import load_mappings
from stocksync.reports.cell_problem import CellProblem
from stocksync.reports.decision_words import allowed_words, choice_of
from stocksync.reports.spelling import Language, Speller
from stocksync.reports.typed_values import typed_value
from stocksync.stock.resolution import Choice
from stocksync.stock.values import Kind, Value
from stocksync.stock.vehicle import Attribute

POINT = load_mappings(Path(stocksync.__file__).parents[1] / "mappings").points_of_sale["PDV1"]
LABELS = POINT.choice_labels


def attribute(kind: Kind) -> Attribute:
    return next(a for a in POINT.vocabulary.values() if a.kind is kind)


PRICE = POINT.vocabulary["sale_price"]
MILEAGE = POINT.vocabulary["mileage"]
DAY = POINT.vocabulary["invoice_date"]
VAT = POINT.vocabulary["vat_recoverable"]
COLOUR = POINT.vocabulary["exterior_colour"]
VERSION = POINT.vocabulary["version"]


def typed(
    attribute: Attribute, cell: str, *, month_first: bool = False, language: Language = "fr"
) -> Value | CellProblem:
    return typed_value(attribute, cell, LABELS, language, month_first=month_first)


def refused(attribute: Attribute, cell: str, *, month_first: bool = False) -> bool:
    return isinstance(typed(attribute, cell, month_first=month_first), CellProblem)


# --- amounts and whole numbers


@pytest.mark.parametrize(
    "cell",
    [
        "12 500,00 €",
        "12500",
        "12500.00",
        "12500,0",
        "12 500",
        "12\u00a0500,00\u00a0€",
        "12\u202f500,00",
        "12?500,00",
        "12.500,00",
        "12,500.00",
        "€12,500.00",
        "12500 EUR",
        "12500 euros",
        "'12500",
        "  12500 ",
    ],
)
def test_an_amount_is_read_in_every_common_spelling(cell: str) -> None:
    assert typed(PRICE, cell) == 1_250_000


@pytest.mark.parametrize(
    ("cell", "cents"),
    [
        ("0", 0),
        ("0,5", 50),
        ("-0,05 €", -5),
        ("-€0.05", -5),
        ("1.234.567", 123_456_700),
        ("1,234,567", 123_456_700),
        ("1 234 567,8", 123_456_780),
    ],
)
def test_an_amount_is_held_in_cents(cell: str, cents: int) -> None:
    assert typed(PRICE, cell) == cents


@pytest.mark.parametrize(
    "cell",
    [
        "12.500",
        "12,500",
        "12500,000",
        "12 500.000",
        "12500,123",
        "1,25E+04",
        "12500 13000",
        "12 50",
        "1 2500",
        "12.50.00",
        "12,500,00",
        "12.500.00",
        "12 500,",
        ",50",
        "12k",
        "douze mille",
        "€12€",
        "--12",
        "12-",
        "(12)",
        "12€50",
        "12?50",
        "?125",
        "１２",
        "٣",
        "#N/A",
        "VRAI",
        "=1+1",
        "9" * 30,
    ],
)
def test_what_is_no_amount_or_could_be_two_is_refused(cell: str) -> None:
    assert refused(PRICE, cell)


@pytest.mark.parametrize(
    "cell", ["84 500", "84500", "84500,0", "84500.00", "84 500 km", "84.500,0", "84\u202f500\u00a0KM"]
)
def test_a_whole_number_is_read_with_its_unit_or_without(cell: str) -> None:
    assert typed(MILEAGE, cell) == 84_500


@pytest.mark.parametrize("cell", ["84.500", "84,500", "84500,5", "8,45E+04", "84 500 miles", "84 500 €", "1/2"])
def test_what_is_no_whole_number_or_could_be_two_is_refused(cell: str) -> None:
    assert refused(MILEAGE, cell)


@given(st.text("0123456789 .,-€\u00a0\u202f", max_size=12))
def test_another_decimal_mark_never_changes_a_number_silently(cell: str) -> None:
    swapped = cell.translate(str.maketrans(",.", ".,"))
    for kind in (PRICE, MILEAGE):
        one, other = typed(kind, cell), typed(kind, swapped)
        assert one == other or isinstance(one, CellProblem) or isinstance(other, CellProblem)


@given(st.integers(-(10**9), 10**9), st.sampled_from(" .,"), st.sampled_from(",."))
def test_a_number_whose_marks_are_mixed_is_never_read_as_another(cents: int, thousands: str, decimals: str) -> None:
    whole = f"{abs(cents) // 100:,}".replace(",", thousands)
    cell = f"{'-' if cents < 0 else ''}{whole}{decimals}{abs(cents) % 100:02}"
    read = typed(PRICE, cell)
    assert read == cents or isinstance(read, CellProblem)


# --- dates


@pytest.mark.parametrize(
    "cell",
    [
        "14/05/2019",
        "14/5/2019",
        "14-05-2019",
        "14.05.2019",
        "2019-05-14",
        "2019-05-14 00:00",
        "2019-05-14 00:00:00",
        "14/05/19",
        "14 mai 2019",
        "14-mai-19",
        "14 Mai 19",
        "14 May 2019",
        "14-May-19",
        "May 14, 2019",
    ],
)
def test_a_date_is_read_in_every_common_spelling(cell: str) -> None:
    assert typed(DAY, cell) == date(2019, 5, 14)


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("14 janv. 2019", date(2019, 1, 14)),
        ("1er février 2020", date(2020, 2, 1)),
        ("29/02/2020", date(2020, 2, 29)),
        ("2-févr-20", date(2020, 2, 2)),
        ("3 août 2020", date(2020, 8, 3)),
        ("31 déc. 2020", date(2020, 12, 31)),
        ("01/02/29", date(2029, 2, 1)),
        ("01/02/70", date(1970, 2, 1)),
        ("03/04/2019", date(2019, 4, 3)),
    ],
)
def test_a_date_has_its_day_before_its_month(cell: str, day: date) -> None:
    assert typed(DAY, cell) == day


@pytest.mark.parametrize(
    "cell",
    [
        "43599",
        "43599,5",
        "31/02/2019",
        "29/02/2019",
        "05/14/2019",
        "2019-14-05",
        "14-05-19",
        "14/05/30",
        "14/05/65",
        "14-mai-69",
        "14/05",
        "14 05 2019",
        "14/05-2019",
        "2019-05-14 12:30",
        "14 mois 2019",
        "14/05/0019",
        "14/05/1819",
        "14/05/2519",
        "0/05/2019",
        "demain",
    ],
)
def test_what_is_no_date_or_could_be_two_is_refused(cell: str) -> None:
    assert refused(DAY, cell)


def test_where_a_file_shows_the_month_first_a_date_that_could_be_two_is_refused() -> None:
    problem = typed(DAY, "03/04/2019", month_first=True)
    assert isinstance(problem, CellProblem)
    assert "2019-05-14" in problem.allowed


@pytest.mark.parametrize("cell", ["14/05/2019", "2019-05-14", "14 mai 2019"])
def test_where_a_file_shows_the_month_first_a_date_that_is_only_one_is_read(cell: str) -> None:
    assert typed(DAY, cell, month_first=True) == date(2019, 5, 14)
    assert typed(DAY, "04/04/2019", month_first=True) == date(2019, 4, 4)


# --- words


@pytest.mark.parametrize("cell", ["oui", "Oui", "O", "VRAI", "true", "Yes", "y", "1"])
def test_yes_has_many_words(cell: str) -> None:
    assert typed(VAT, cell) is True


@pytest.mark.parametrize("cell", ["non", "N", "FAUX", "False", "NO", "0"])
def test_no_has_many_words(cell: str) -> None:
    assert typed(VAT, cell) is False


@pytest.mark.parametrize("cell", ["peut-être", "2", "x", "ouinon", "-1"])
def test_what_is_neither_yes_nor_no_is_refused(cell: str) -> None:
    assert refused(VAT, cell)


@pytest.mark.parametrize("cell", ["gris", "GRIS", "grey", "Grey", "  gris ", "'gris"])
def test_a_choice_is_its_word_or_its_label_in_either_language(cell: str) -> None:
    assert typed(COLOUR, cell) == "grey"


@pytest.mark.parametrize("cell", ["gris clair", "gri", "12", "mauve"])
def test_what_is_no_choice_is_refused_with_the_list(cell: str) -> None:
    problem = typed(COLOUR, cell)
    assert isinstance(problem, CellProblem)
    assert problem.allowed.startswith("une de ces valeurs\u00a0: blanc, noir, gris")


def test_a_label_that_two_choices_share_is_refused() -> None:
    class Both:
        fr = en = "les deux"

    shade = Attribute("shade", Kind.CHOICE, "Teinte", "Shade", choices=("light", "dark"))
    shared = {"shade": {"light": Both(), "dark": Both()}}
    assert isinstance(typed_value(shade, "les deux", shared, "fr", month_first=False), CellProblem)
    assert typed_value(shade, "dark", shared, "fr", month_first=False) == "dark"


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_choice_of_the_shipped_mapping_is_read_back_from_its_label(language: Language) -> None:
    choices = [a for a in POINT.vocabulary.values() if a.kind is Kind.CHOICE]
    assert len(choices) > 5
    for choice in choices:
        for word in {*choice.choices, *LABELS.get(choice.name, {})}:
            shown = Speller(language, LABELS, clear=True).value(choice, word)
            assert typed(choice, shown) == word, (choice.name, word)


# --- codes and texts


@pytest.mark.parametrize(
    ("kind", "cell", "value"),
    [
        (Kind.VIN, "wba rlg5uerv 738036", "WBARLG5UERV738036"),
        (Kind.REGISTRATION, "gf037xc", "GF-037-XC"),
        (Kind.REGISTRATION, "1234ab33", "1234 AB 33"),
        (Kind.IDENTIFIER, " 2026-00059 ", "2026-00059"),
        (Kind.VIN, "12345678901234567", "12345678901234567"),
        (Kind.TEXT, "Gris « métallisé »\nnacré", "Gris « métallisé »\nnacré"),
        (Kind.TEXT, "'s Gravenhage", "'s Gravenhage"),
    ],
)
def test_codes_and_texts_are_held_as_systems_hold_them(kind: Kind, cell: str, value: str) -> None:
    assert typed(attribute(kind), cell) == value


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        (Kind.VIN, "1,23E+16"),
        (Kind.VIN, "1.23E-16"),
        (Kind.VIN, "12345678901234600"),
        (Kind.IDENTIFIER, "1234567890123460"),
        (Kind.VIN, "WBARLG5UERV73803O"),
        (Kind.VIN, "WBARLG5UERV7380367"),
        (Kind.REGISTRATION, "1E+05"),
        (Kind.REGISTRATION, "?"),
        (Kind.IDENTIFIER, "2,03E+09"),
        (Kind.IDENTIFIER, "A" * 65),
        (Kind.TEXT, "a\x07b"),
        (Kind.TEXT, "a" * 4001),
    ],
)
def test_what_a_code_or_text_cannot_be_is_refused(kind: Kind, cell: str) -> None:
    assert refused(attribute(kind), cell)


# --- problems


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("kind", list(Kind))
def test_an_empty_cell_is_answered_with_what_is_due(kind: Kind, language: Language) -> None:
    for cell in ("", " \u00a0 "):
        problem = typed(attribute(kind), cell, language=language)
        assert isinstance(problem, CellProblem)
        assert problem.column == ("Valeur décidée" if language == "fr" else "Decided value")
        assert problem.found == ("vide" if language == "fr" else "blank")
        assert len(problem.allowed) > 5


def test_a_problem_shows_what_was_typed_short_and_printable() -> None:
    problem = typed(PRICE, "douze\nmille\x07" + "!" * 1000)
    assert isinstance(problem, CellProblem)
    assert problem.found.startswith("douze�mille�!")
    assert len(problem.found) == 80
    assert problem.allowed == "un montant en euros, par exemple 12500,00"


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in (Kind.CHOICE, Kind.TEXT, Kind.BOOLEAN)])
def test_the_example_that_a_problem_gives_is_one_that_is_read(kind: Kind, language: Language) -> None:
    problem = typed(attribute(kind), "", language=language)
    assert isinstance(problem, CellProblem)
    example = re.split("par exemple |for example ", problem.allowed)[1]
    assert not refused(attribute(kind), example)


# --- what we write is read back


def canonical(kind: Kind) -> st.SearchStrategy[Value]:
    """Values as systems hold them."""
    characters = st.text("AZaz09 -éÉß'=+«\n\tØ", min_size=1, max_size=20)
    numbers = re.compile(r"-?\d+E[+-]\d+|\d{15}0+")
    match kind:
        case Kind.MONEY | Kind.INTEGER:
            return st.integers(-(10**12), 10**12)
        case Kind.DATE:
            return st.dates(date(1900, 1, 1), date(2200, 12, 31))
        case Kind.BOOLEAN:
            return st.booleans()
        case Kind.CHOICE:
            return st.sampled_from(COLOUR.choices)
        case Kind.TEXT:
            return characters.map(Text().read).filter(lambda read: isinstance(read, str) and bool(read))
        case Kind.VIN:
            return st.text("AEHJPRZ0129", min_size=4, max_size=16).map("W{}".format).map(Vin().read)
        case Kind.REGISTRATION:
            forms = st.sampled_from(["AB-{:03}-CD", "gh{:03}jk", "{} AB 33", "{}ZZ2a", "b mw {}"])
            return st.builds(str.format, forms, st.integers(1, 999)).map(Registration().read)
        case Kind.IDENTIFIER:
            read = characters.map(Identifier().read)
            return read.filter(lambda r: isinstance(r, str) and bool(r) and len(r) <= 64 and not numbers.fullmatch(r))


@pytest.mark.parametrize("kind", list(Kind))
@given(st.data())
def test_whatever_we_write_of_a_value_is_read_back_as_that_value(kind: Kind, data: st.DataObject) -> None:
    of_kind = COLOUR if kind is Kind.CHOICE else attribute(kind)
    value = data.draw(canonical(kind))
    speller = Speller("fr", LABELS, clear=True)
    neutral = str(value).lower() if kind is Kind.BOOLEAN else str(value)
    assert typed(of_kind, speller.value(of_kind, value)) == value
    assert typed(of_kind, speller.cell(of_kind, neutral).text) == value
    assert typed(of_kind, Speller("en", LABELS, clear=True).cell(of_kind, neutral).text) == value


@pytest.mark.parametrize("kind", list(Kind))
@given(st.text(max_size=20), st.booleans())
def test_any_text_is_a_value_of_the_kind_or_a_problem(kind: Kind, cell: str, month_first: bool) -> None:
    types = {Kind.MONEY: int, Kind.INTEGER: int, Kind.DATE: date, Kind.BOOLEAN: bool}
    assert isinstance(typed(attribute(kind), cell, month_first=month_first), (types.get(kind, str), CellProblem))


# --- decisions


@pytest.mark.parametrize(
    ("cell", "choice"),
    [
        ("module", Choice.MODULE),
        ("Module véhicules", Choice.MODULE),
        ("MODULE VEHICULES", Choice.MODULE),
        ("vehicle  module", Choice.MODULE),
        ("« DMS »", Choice.DMS),
        ("'dms'", Choice.DMS),
        ("valeur :", Choice.VALUE),
        ("“value”", Choice.VALUE),
        ("Ignorer.", Choice.IGNORE),
        ("ignore\u00a0!", Choice.IGNORE),
    ],
)
def test_a_decision_is_read_in_either_language_and_any_dress(cell: str, choice: Choice) -> None:
    assert choice_of(cell) is choice


@pytest.mark.parametrize("cell", ["", "  ", "?", "oui", "module dms", "module ou dms", "valeur 12500", "modul", "VRAI"])
def test_what_is_no_decision_is_none(cell: str) -> None:
    assert choice_of(cell) is None


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_word_that_is_offered_is_one_that_is_read(language: Language) -> None:
    words = re.split(r", | ou | or ", allowed_words(language))
    assert [choice_of(word) for word in words] == [Choice.MODULE, Choice.DMS, Choice.VALUE, Choice.IGNORE]

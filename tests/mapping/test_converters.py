"""How values are spelled, both ways: what is written is read back the same, and what is doubtful is refused."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stocksync.mapping.converters import (
    Boolean,
    Choice,
    Date,
    Identifier,
    Matches,
    Registration,
    Text,
    Vin,
    is_date_format,
    strptime_format,
)
from stocksync.mapping.numbers import Integer, Money
from stocksync.mapping.spelling import CannotSpell, Converter
from stocksync.stock.values import BLANK, Invalid, Reading

THOUSANDS = (" ", "\u00a0", "\u202f")
DMS_MONEY = Money("text", ",", THOUSANDS, ("€",))
DMS_PRICE = Money("text", ",", THOUSANDS, zero_is_blank=True)
MODULE_MONEY = Money("number")
MODULE_PRICE = Money("number", zero_is_blank=True)
DMS_KM = Integer("text", THOUSANDS)
MODULE_KM = Integer("number")
CENTS = st.integers(-(10**11), 10**11)
KM = st.integers(-(10**9), 10**9)
DATES = st.dates(date(1900, 1, 1), date(2200, 12, 31))
VIN_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
SIV_LETTERS = "ABCDEFGHJKLMNPQRSTVWXYZ"
COLOURS = Choice({"white": ("Blanc", "Blanche"), "black": ("Noir étoilé",), "grey": ("GRIS",)})

VINS = st.text(VIN_LETTERS, min_size=5, max_size=17)
SIVS = st.builds(
    "{}-{:03d}-{}".format,
    st.text(SIV_LETTERS, min_size=2, max_size=2),
    st.integers(0, 999),
    st.text(SIV_LETTERS, min_size=2, max_size=2),
)
FNIS = st.builds(
    "{} {} {}".format,
    st.integers(1, 9999),
    st.text("ABCDEFGHJKLMNPQRSTVWXYZ", min_size=1, max_size=3),
    st.sampled_from(["01", "33", "75", "2A", "2B", "971"]),
)


def refused(reading: Reading) -> bool:
    return isinstance(reading, Invalid) and bool(reading.why)


# --- what is written is read back


@given(CENTS)
def test_an_amount_written_as_text_is_read_back(cents: int) -> None:
    assert DMS_MONEY.read(DMS_MONEY.write(cents)) == cents


@given(CENTS)
def test_an_amount_written_as_a_number_is_read_back_and_never_a_float(cents: int) -> None:
    written = MODULE_MONEY.write(cents)
    assert isinstance(written, int | Decimal)
    assert MODULE_MONEY.read(written) == cents


@given(st.integers(0, 10**11), st.sampled_from(THOUSANDS))
def test_an_amount_grouped_by_a_person_is_the_amount(cents: int, mark: str) -> None:
    grouped = f"{cents // 100:,}".replace(",", mark)
    assert DMS_MONEY.read(f"{grouped},{cents % 100:02d}") == cents


@given(KM)
def test_a_whole_number_is_read_back_from_text_and_number(km: int) -> None:
    assert DMS_KM.read(DMS_KM.write(km)) == km
    assert MODULE_KM.read(MODULE_KM.write(km)) == km


@given(DATES, st.sampled_from(["dd/mm/yyyy", "yyyy-mm-dd", "ddmmyyyy", "dd.mm.yyyy"]))
def test_a_date_is_read_back(day: date, spelled: str) -> None:
    converter = Date(spelled)
    assert converter.read(converter.write(day)) == day


@given(st.booleans(), st.sampled_from([Boolean(), Boolean("O", "N"), Boolean("oui", "non")]))
def test_a_yes_or_no_is_read_back(value: bool, converter: Boolean) -> None:
    assert converter.read(converter.write(value)) is value


@given(st.sampled_from(sorted(COLOURS.table)))
def test_a_choice_is_read_back_and_spelled_in_the_first_way(word: str) -> None:
    assert COLOURS.write(word) == COLOURS.table[word][0]
    assert COLOURS.read(COLOURS.write(word)) == word


@given(VINS)
def test_a_vin_is_read_back_however_it_is_typed(vin: str) -> None:
    assert Vin().read(Vin().write(vin)) == vin
    assert Vin().read(f" {vin[:3]} {vin[3:].lower()} ") == vin


@given(SIVS)
def test_a_new_plate_is_read_back_with_and_without_hyphens(plate: str) -> None:
    spelled = Registration().write(plate)
    assert [Registration().read(s) for s in (spelled, plate.replace("-", ""), plate.lower())] == [plate] * 3


@given(FNIS)
def test_an_old_plate_is_read_back_with_and_without_spaces(plate: str) -> None:
    assert [Registration().read(s) for s in (Registration().write(plate), plate.replace(" ", "-"))] == [plate] * 2


@given(st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=50))
def test_a_text_is_read_back_as_it_is_spelled(text: str) -> None:
    assert Text().read(Text().write(text)) == text


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.sampled_from([Decimal("1E+999999"), Decimal("sNaN"), Decimal("1E-999999"), 10**400])
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
EVERY_CONVERTER = [
    DMS_MONEY, MODULE_MONEY, DMS_KM, MODULE_KM, Date("dd/mm/yyyy"), Boolean(), Boolean("O", "N"), COLOURS,
    Vin(), Registration(), Text(), Identifier(), Matches({"kind": "UNLIMITED"}),
]  # fmt: skip


@given(ANYTHING, st.sampled_from(EVERY_CONVERTER))
def test_whatever_a_system_says_is_read_or_refused_and_never_an_error(said: Any, converter: Converter) -> None:
    reading = converter.read(said)
    assert refused(reading) or reading is BLANK or isinstance(reading, str | int | date)


@given(st.text(), st.sampled_from([DMS_MONEY, DMS_KM, Date("dd/mm/yyyy"), Vin(), Registration(), Identifier()]))
def test_what_was_read_is_read_the_same_after_it_was_written(said: str, converter: Converter) -> None:
    reading = converter.read(said)
    if isinstance(reading, str | int | date):
        assert converter.read(converter.write(reading)) == reading


# --- money


@pytest.mark.parametrize(
    ("said", "cents"),
    [
        ("12500,00", 1_250_000),
        ("12 500,00", 1_250_000),
        ("19\u00a0999,99", 1_999_999),
        ("19\u202f999,99", 1_999_999),
        ("1 234 567,8", 123_456_780),
        (" 150 ", 15_000),
        ("0", 0),
        ("0,00", 0),
        ("-12,30", -1_230),
        ("19 999,99 €", 1_999_999),
        ("€ 5", 500),
    ],
)
def test_an_amount_as_the_dms_types_it_is_read(said: str, cents: int) -> None:
    assert DMS_MONEY.read(said) == cents


@pytest.mark.parametrize(
    "said",
    [
        "1.234,50",
        "1,234.50",
        "12500.00",
        "1e5",
        "NaN",
        "Infinity",
        "12 50,00",
        "1 2345",
        "12,345",
        "12,",
        ",5",
        "1O0,00",
        "--5",
        "+5",
        "12€50",
        "12 500,00 EUR",
        "١٢",
        "1_000",
        "0x10",
        True,
        False,
        None,
        [],
        {},
        "1" * 40,
    ],
)
def test_an_amount_that_is_doubtful_in_the_dms_is_refused(said: Any) -> None:
    assert refused(DMS_MONEY.read(said))


@pytest.mark.parametrize(
    ("said", "cents"),
    [
        (12500, 1_250_000),
        (Decimal("19999.99"), 1_999_999),
        (Decimal("12500.00"), 1_250_000),
        (Decimal("1.25E+4"), 1_250_000),
        (0.29, 29),
        (19999.99, 1_999_999),
        (1.1, 110),
        (0, 0),
    ],
)
def test_an_amount_as_the_module_says_it_is_read(said: Any, cents: int) -> None:
    assert MODULE_MONEY.read(said) == cents


@pytest.mark.parametrize(
    "said",
    [
        "12500",
        True,
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        float("nan"),
        float("-inf"),
        Decimal("1.001"),
        Decimal("0.0100000000000000000000000000000001"),
        Decimal("1E+999999"),
        10**10,
    ],
    ids=repr,
)
def test_an_amount_that_the_module_cannot_mean_is_refused(said: Any) -> None:
    assert refused(MODULE_MONEY.read(said))


@pytest.mark.parametrize("converter", [DMS_PRICE, MODULE_PRICE], ids=["dms", "module"])
def test_a_price_of_zero_is_blank_and_a_price_of_a_cent_is_not(converter: Money) -> None:
    zero, cent = ("0,00", "0,01") if converter is DMS_PRICE else (Decimal("0.00"), Decimal("0.01"))
    assert converter.read(zero) is BLANK
    assert converter.read(cent) == 1


def test_a_cost_of_zero_is_a_value() -> None:
    assert (DMS_MONEY.read("0,00"), MODULE_MONEY.read(0)) == (0, 0)


@pytest.mark.parametrize(
    ("cents", "as_text", "as_number"),
    [(1_250_000, "12500,00", 12500), (1_999_999, "19999,99", Decimal("19999.99")), (5, "0,05", Decimal("0.05"))],
)
def test_an_amount_is_written_without_grouping_and_with_its_cents(cents: int, as_text: str, as_number: Any) -> None:
    assert (DMS_MONEY.write(cents), MODULE_MONEY.write(cents)) == (as_text, as_number)


# --- kilometres


@pytest.mark.parametrize(
    ("converter", "said", "km"),
    [
        (DMS_KM, "84500", 84_500),
        (DMS_KM, "84 500", 84_500),
        (DMS_KM, "84\u202f500", 84_500),
        (DMS_KM, "0", 0),
        (MODULE_KM, 84_500, 84_500),
        (MODULE_KM, Decimal("84500.0"), 84_500),
    ],
)
def test_kilometres_are_read(converter: Integer, said: Any, km: int) -> None:
    assert converter.read(said) == km


@pytest.mark.parametrize(
    ("converter", "said"),
    [
        (DMS_KM, "8450O"),
        (DMS_KM, "84.500"),
        (DMS_KM, "84.000"),
        (DMS_KM, "84,5"),
        (DMS_KM, "84500 km"),
        (DMS_KM, "1e5"),
        (DMS_KM, True),
        (MODULE_KM, "84500"),
        (MODULE_KM, True),
        (MODULE_KM, Decimal("84500.5")),
        (MODULE_KM, Decimal("NaN")),
    ],
    ids=repr,
)
def test_kilometres_that_are_doubtful_are_refused(converter: Integer, said: Any) -> None:
    assert refused(converter.read(said))


# --- dates


def test_a_date_is_read_in_its_system_s_own_order() -> None:
    assert Date("dd/mm/yyyy").read("03/04/2026") == date(2026, 4, 3)
    assert Date("yyyy-mm-dd").read("2026-04-03") == date(2026, 4, 3)
    assert Date("dd/mm/yyyy").read("29/02/2024") == date(2024, 2, 29)


@pytest.mark.parametrize("letters", ["dd/mm/yyyy", "yyyymmdd", "mm.dd.yy", "dd mm yy"])
@given(st.dates(date(1900, 1, 1), date(2200, 12, 31)))
def test_a_date_is_read_as_the_standard_library_reads_it(letters: str, day: date) -> None:
    spelled = day.strftime(strptime_format(letters))
    assert Date(letters).read(spelled) == datetime.strptime(spelled, strptime_format(letters)).date()


@pytest.mark.parametrize("said", ["9999999999", "-9999999999", "9.999.999.999", "0012", "-0", "84.500"])
def test_a_whole_number_in_a_text_is_the_number_that_its_digits_say(said: str) -> None:
    assert Integer("text", thousands=(".",)).read(said) == int(said.replace(".", ""))


@pytest.mark.parametrize("said", ["10000000000", "10.000.000.000", "84.50", "84,5", "", "-", "8" * 5000])
def test_a_text_that_is_no_whole_number_of_some_size_is_refused(said: str) -> None:
    assert refused(Integer("text", thousands=(".",)).read(said))


@pytest.mark.parametrize(
    "said",
    ["31/02/2020", "00/00/0000", "29/02/2023", "??/05/2019", "3/4/2026", "03/04/26", "2026-04-03", "03-04-2026",
     "14/05/0019", "14/05/2019 10:00", "١٤/٠٥/٢٠١٩", "", True, None, date(2020, 1, 1), 1.5],
    ids=repr,
)  # fmt: skip
def test_a_date_that_is_none_is_refused(said: Any) -> None:
    assert refused(Date("dd/mm/yyyy").read(said))


@pytest.mark.parametrize("letters", ["dd/mm/yyyy", "yyyy-mm-dd", "dd.mm.yy", "ddmmyyyy", "yyyymmdd"])
def test_a_format_with_day_month_and_year_is_one(letters: str) -> None:
    assert is_date_format(letters)


@pytest.mark.parametrize("letters", ["", "dd/mm", "dd/mm/yy/yyyy", "dd/dd/yyyy", "%d/%m/%Y", "d/m/yyyy", "jj/mm/aaaa"])
def test_any_other_format_is_none(letters: str) -> None:
    assert not is_date_format(letters)


# --- yes and no, choices, reservations


@pytest.mark.parametrize(("said", "value"), [("O", True), ("o", True), (" N ", False), ("n", False)])
def test_a_letter_for_yes_or_no_is_read(said: str, value: bool) -> None:
    assert Boolean("O", "N").read(said) is value


@pytest.mark.parametrize("said", ["", "0", "Oui", "X", True, 1, None])
def test_a_letter_that_is_neither_yes_nor_no_is_refused(said: Any) -> None:
    assert refused(Boolean("O", "N").read(said))


@pytest.mark.parametrize("said", ["true", "O", 0, 1, None, ""])
def test_only_true_and_false_are_json_booleans(said: Any) -> None:
    assert refused(Boolean().read(said))


@pytest.mark.parametrize("said", ["BLANC", "blanche", " Blanc ", "Noir  Etoile", "noir étoilé", "Gris"])
def test_a_choice_is_read_without_regard_to_case_accents_and_spaces(said: str) -> None:
    assert COLOURS.read(said) == {"b": "white", "n": "black", "g": "grey"}[said.strip()[0].lower()]


@pytest.mark.parametrize("said", ["Taupe", "", "blanc cassé", 1, None, ["Blanc"]])
def test_a_text_that_is_not_in_the_value_table_is_refused_and_never_guessed(said: Any) -> None:
    assert refused(COLOURS.read(said))


def test_a_word_without_a_spelling_cannot_be_written() -> None:
    with pytest.raises(CannotSpell):
        COLOURS.write("purple")


RESERVED = Matches({"kind": "UNLIMITED", "blocksSale": True, "blocksPublication": True})


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ({"kind": "UNLIMITED", "blocksSale": True, "blocksPublication": True, "by": "user:12"}, True),
        ({"kind": "UNLIMITED", "blocksSale": True, "blocksPublication": False}, False),
        ({"kind": "LIMITED", "blocksSale": True, "blocksPublication": True}, False),
        ({}, False),
        (None, False),
        ("", False),
    ],
)
def test_a_reservation_matches_only_if_it_is_unlimited_and_blocks_both(said: Any, value: bool) -> None:
    assert RESERVED.read(said) is value


def test_a_reservation_that_is_no_object_is_refused_and_none_is_ever_written() -> None:
    assert refused(RESERVED.read("UNLIMITED"))
    with pytest.raises(CannotSpell):
        RESERVED.write(True)


# --- VIN, plates, codes, texts


@pytest.mark.parametrize(
    ("said", "vin"),
    [
        ("VF1RFA00066123456", "VF1RFA00066123456"),
        (" vf1 rfa000 66123456 ", "VF1RFA00066123456"),
        ("VF1-RFA000-66123456", "VF1RFA00066123456"),
        ("VF1\u00a0RFA00066123456", "VF1RFA00066123456"),
        ("12E5000000", "12E5000000"),
    ],
)
def test_a_vin_is_read_without_regard_to_case_and_spaces(said: str, vin: str) -> None:
    assert Vin().read(said) == vin


@pytest.mark.parametrize(
    "said",
    [
        "VF1RFA0OO66123456",
        "VF1RFAI0066123456",
        "VF1RFAQ0066123456",
        "VF1RFA000661234567",
        "VF1",
        "VF1RFA000\u041166123456",
        "\u0412F1RFA00066123456",
        "VF1RFA000\u200b66123456",
        "VF1_RFA0066123456",
        "",
        None,
        True,
        1.5,
    ],
    ids=repr,
)
def test_a_text_that_cannot_be_a_vin_is_refused_and_never_corrected(said: Any) -> None:
    assert refused(Vin().read(said))


@pytest.mark.parametrize(
    ("said", "plate"),
    [
        ("AB-123-CD", "AB-123-CD"),
        ("AB123CD", "AB-123-CD"),
        ("ab 123 cd", "AB-123-CD"),
        (" Ab-123 cD ", "AB-123-CD"),
        ("1234 AB 33", "1234 AB 33"),
        ("1234AB33", "1234 AB 33"),
        ("12 abc 2a", "12 ABC 2A"),
        ("B-MW 1234", "B-MW 1234"),
        ("1-ABC-234", "1-ABC-234"),
        ("M-ÖT 77", "M-ÖT 77"),
        ("AO-123-CD", "AO-123-CD"),
    ],
)
def test_a_plate_is_read_in_the_spelling_of_its_own_system(said: str, plate: str) -> None:
    assert Registration().read(said) == plate


@pytest.mark.parametrize(
    "said", ["", "A", "AB_123", "AB-١٢٣-CD", "?", "AB-123-CD / AA-111-AA", "x" * 20, None, True, 12.5]
)
def test_a_text_that_no_plate_has_is_refused(said: Any) -> None:
    assert refused(Registration().read(said))


@pytest.mark.parametrize(("said", "code"), [("2026-00012", "2026-00012"), (" bc  17 ", "BC 17"), (4512, "4512")])
def test_a_code_is_read_in_upper_case_and_digits_may_be_a_number(said: Any, code: str) -> None:
    assert Identifier().read(said) == code


@pytest.mark.parametrize("said", ["a\nb", "x" * 65, None, True, 1.5, {}], ids=repr)
def test_a_text_that_no_code_is_is_refused(said: Any) -> None:
    assert refused(Identifier().read(said))


def test_a_text_with_control_characters_or_without_end_is_refused() -> None:
    assert refused(Text().read("a\x00b"))
    assert refused(Text().read("x" * 4_001))
    assert Text().read("Mégane IV\n1.5 dCi") == "Mégane IV\n1.5 dCi"


def test_a_text_that_a_field_cannot_hold_is_never_cut() -> None:
    with pytest.raises(CannotSpell):
        Text(max_length=10).write("Rouge Tornado")
    assert Text(max_length=13).write("Rouge Tornado") == "Rouge Tornado"


@pytest.mark.parametrize(
    ("converter", "value"),
    [(DMS_MONEY, "12"), (DMS_KM, date(2020, 1, 1)), (MODULE_KM, True), (Date("dd/mm/yyyy"), 5)],
    ids=repr,
)
def test_a_value_of_another_kind_cannot_be_written(converter: Converter, value: Any) -> None:
    with pytest.raises(CannotSpell):
        converter.write(value)

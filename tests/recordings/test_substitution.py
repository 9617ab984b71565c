"""Letters for letters, digits for digits: what stays the same, what stays different, and what keeps its form."""

import unicodedata
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stocksync.adapters.recordings.substitution import Substitution, new_key
from stocksync.mapping.converters import Registration, Vin
from stocksync.stock.values import Invalid, folded

KEY = bytes(range(32))
some = settings(max_examples=100)
ours = Substitution(KEY)
names = st.text(st.characters(codec="latin-1", categories=("L", "Nd", "Zs", "P")), max_size=30)
vins = st.text("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", min_size=17, max_size=17)


@some
@given(names, names)
def test_two_names_are_equal_after_exactly_when_they_were_before(left: str, right: str) -> None:
    assert (folded(ours.text(left)) == folded(ours.text(right))) == (folded(left) == folded(right))


@some
@given(st.text("abAB -.é", min_size=1, max_size=6), st.text("abAB -.é", min_size=1, max_size=6))
def test_names_that_are_nearly_the_same_stay_apart(left: str, right: str) -> None:
    assert (folded(ours.text(left)) == folded(ours.text(right))) == (folded(left) == folded(right))


@settings(max_examples=10)
@given(names)
def test_the_same_key_says_the_same_again_and_another_key_something_else(name: str) -> None:
    assert Substitution(KEY).text(name) == ours.text(name)
    if sum(c.isascii() and c.isalpha() for c in name) > 9:
        assert Substitution(new_key()).text(name) != ours.text(name)


@some
@given(st.text(st.characters(codec="ascii"), max_size=40))
def test_the_form_of_a_text_stays(text: str) -> None:
    forms = [unicodedata.category(c) for c in text]
    assert [unicodedata.category(c) for c in ours.text(text)] == forms
    assert [c for c in ours.text(text) if not c.isalnum()] == [c for c in text if not c.isalnum()]


@pytest.mark.parametrize("name", ["Дмитрий Ильин", "Ελένη", "Łukasz Grøn", "straße", "田中"])
def test_other_alphabets_are_replaced_too(name: str) -> None:
    replaced = ours.text(name)
    assert folded(replaced) != folded(name)
    assert [c.isupper() for c in replaced][:1] == [name[0].isupper()]


@pytest.mark.parametrize(
    ("phone", "lead"), [("06 12 34 56 78", "0"), ("+33 6 12 34 56 78", "+33"), ("0033612345678", "0033")]
)
def test_a_telephone_number_still_looks_like_one(phone: str, lead: str) -> None:
    replaced = ours.text(phone)
    assert replaced.startswith(lead)
    assert replaced != phone
    assert [c.isdigit() for c in replaced] == [c.isdigit() for c in phone]


@some
@given(vins, vins)
def test_a_vin_keeps_its_first_eleven_characters_stays_valid_and_different(left: str, right: str) -> None:
    assert ours.vin(left)[:11] == left[:11]
    assert not isinstance(Vin().read(ours.vin(left)), Invalid)
    right = left[:11] + right[11:]
    assert (ours.vin(left) == ours.vin(right)) == (left == right)
    assert ours.vin(f" {left[:3].lower()}-{left[3:]}").replace(" ", "").replace("-", "").upper() == ours.vin(left)


def test_the_serial_part_of_a_vin_does_not_stay() -> None:
    assert ours.vin("WVWZZZ1KZAW234567")[11:] != "234567"
    assert ours.vin("VF3ABC9876")[:4] == "VF3A"
    assert ours.vin("VF3ABC9876") != "VF3ABC9876"


def test_a_slip_of_the_keyboard_stays_one() -> None:
    slips = str.maketrans("OIQ", "010")
    right, wrong = ours.vin("WVWZZZ1KZAW102030"), ours.vin("WVWZZZ1KZAWI02O3Q")
    assert right != wrong
    assert wrong.translate(slips) == right.translate(slips)


@some
@given(st.from_regex(r"[A-HJ-NP-TV-Z]{2}-[0-9]{3}-[A-HJ-NP-TV-Z]{2}|[0-9]{3,4} [A-Z]{2} (33|75|2A)", fullmatch=True))
def test_a_number_plate_stays_valid_however_it_is_spelled(plate: str) -> None:
    replaced = Registration().read(ours.plate(plate))
    assert replaced == ours.plate(plate)
    for spelling in (plate.lower(), plate.replace("-", "").replace(" ", "")):
        assert Registration().read(ours.plate(spelling)) == replaced


@some
@given(st.integers(-(10**15), 10**15))
def test_a_number_keeps_its_digits_count_and_zero_stays_zero(number: int) -> None:
    replaced = ours.number(number)
    assert len(str(replaced)) == len(str(number))
    assert (replaced == 0) == (number == 0)
    assert ours.number(number + 1) != replaced


@some
@given(st.decimals(min_value=0, max_value=10**6, places=2))
def test_a_decimal_keeps_its_places(number: Decimal) -> None:
    replaced = ours.number(number)
    assert isinstance(replaced, Decimal)
    assert len(format(replaced, "f")) == len(format(number, "f"))

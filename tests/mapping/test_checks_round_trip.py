"""Every field that is written is tried beforehand: what goes out must come back as the same value."""

import pytest

from stocksync.mapping.checks_all import findings_in
from tests.mapping.broken.forty_mistakes import AS_TEXT, found, placed
from tests.mapping.editing import DMS, MODULE, OWNERSHIP, POINTS, Edit, edited

PRICE = f'    field: prix_vente\n{AS_TEXT}[" ", "\\u00a0", "\\u202f"]\n'
MILEAGE = 'converter: integer, spelled: text, thousands: [" ", "\\u00a0", "\\u202f"]}'
CASES = {
    "a decimal mark that is a thousands mark": (
        Edit(DMS, PRICE, PRICE.replace('[" "', '[","'), "  sale_price:"),
        "123456 is written as 1234,56 and read back as 12345600",
    ),
    "a currency that is a digit": (
        Edit(DMS, PRICE, f'{PRICE}    symbols: ["1"]\n', "  sale_price:"),
        "123456 is written as 1234,56 and read back as 23456",
    ),
    "a thousands mark that is a digit": (
        Edit(DMS, MILEAGE, 'converter: integer, spelled: text, thousands: ["0"]}'),
        "84000 is written as 84000 and read back as",
    ),
    "a code that means empty": (
        Edit(DMS, "demonstration: [VD], used: [VO]", "demonstration: [VD], used: [NA]", "  vehicle_type:"),
        "used is written as NA and read back as empty",
    ),
    "a yes that means empty": (
        Edit(DMS, "converter: boolean, yes: O, no: N}", 'converter: boolean, yes: O, no: "-"}'),
        "false is written as - and read back as empty",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_value_that_does_not_survive_being_written_is_refused_with_an_example(name: str) -> None:
    edit, example = CASES[name]
    assert found(edit) == placed("not_round_trip", "error", edit)
    (problem,) = findings_in(edited(edit))
    assert problem.message.startswith(example)


def test_a_code_of_a_point_of_sale_that_means_empty_is_refused() -> None:
    site = Edit(POINTS, "      code: S02", "      code: NA")
    (problem,) = findings_in(edited(site))
    assert (problem.file, problem.where, problem.code) == (DMS, "fields.point_of_sale", "not_round_trip")
    assert problem.message.startswith("PDV2 is written as NA and read back as empty.")


def test_a_year_of_two_digits_is_warned_of_because_of_old_cars() -> None:
    edit = Edit(
        DMS,
        "{field: date_mec, converter: date, format: dd/mm/yyyy}",
        "{field: date_mec, converter: date, format: dd/mm/yy}",
    )
    assert found(edit) == placed("century_lost", "warning", edit)
    (problem,) = findings_in(edited(edit))
    assert "1968-12-31 is written as 31/12/68 and read back as 2068-12-31." in problem.message


@pytest.mark.parametrize("day", ["yyyy-mm-dd", "ddmmyyyy", "yyyymmdd", "dd.mm.yyyy", "mm/dd/yyyy"])
def test_a_date_that_says_everything_passes(day: str) -> None:
    assert (
        found(Edit(DMS, "date_mec, converter: date, format: dd/mm/yyyy", f"date_mec, converter: date, format: {day}"))
        == []
    )


def test_what_is_never_written_is_not_tried() -> None:
    written = Edit(DMS, PRICE, PRICE.replace('[" "', '[","'))
    read_only = Edit(DMS, "    field: prix_vente\n", "    field: prix_vente\n    writable: false\n")
    assert {code for _, _, code, _ in found(written, read_only)} == {"owner_cannot_write"}
    assert {file for file, _, _, _ in found(written, read_only)} == {OWNERSHIP}


def test_a_value_outside_its_bounds_is_not_tried() -> None:
    # A price under 0 is invalid however it is spelled; so is one that the blank of the field stands for.
    assert found() == []
    assert (
        found(
            Edit(
                MODULE,
                "characteristics.mileage, converter: integer, spelled: number",
                "characteristics.mileage, converter: integer, spelled: number, zero_is_blank: true",
            ),
            Edit(DMS, MILEAGE, MILEAGE.replace("]}", "], zero_is_blank: true}")),
        )
        == []
    )


def test_a_shorter_text_is_no_loss_because_what_is_too_long_is_never_sent() -> None:
    assert found(Edit(DMS, "marque, converter: text}", "marque, converter: text, max_length: 5}")) == []


def test_a_field_that_no_text_fits_into_is_warned_of() -> None:
    edit = Edit(DMS, "marque, converter: text}", "marque, converter: text, max_length: 3}")
    assert found(edit) == placed("never_written", "warning", edit)

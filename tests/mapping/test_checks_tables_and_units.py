"""Value tables that say something twice or never, and fields that are most likely in another unit, are warned of."""

import pytest

from tests.mapping.broken.forty_mistakes import found, placed
from tests.mapping.editing import DMS, MODULE, Edit

CASES = {
    "a spelling that differs by its accent": (
        Edit(MODULE, "Noir Étoilé, Noir Perla Nera", "Noir Étoilé, noir etoile, Noir Perla Nera", "Noir Étoilé"),
        "spelling_repeated",
    ),
    "a second spelling that means empty": (
        Edit(
            DMS, "table: {private: [P], trade: [M], scrap: [C]}", 'table: {private: [P, "-"], trade: [M], scrap: [C]}'
        ),
        "spelling_is_blank",
    ),
    "a status that means empty": (
        Edit(DMS, "invoiced: [Facturé]}", "invoiced: [NA]}"),
        "spelling_is_blank",
    ),
    "cents by name": (Edit(MODULE, "field: sale.price,", "field: sale.priceInCents,"), "unit_suspect"),
    "an amount before tax by name": (
        Edit(DMS, "    field: prix_vente\n", "    field: prix_vente_ht\n"),
        "unit_suspect",
    ),
    "miles by name": (Edit(MODULE, "characteristics.mileage,", "characteristics.odometer_mi,"), "unit_suspect"),
    "marks of a JSON number": (
        Edit(
            MODULE,
            "costs.reconditioning, converter: money,",
            'costs.reconditioning, decimal_mark: ",", converter: money,',
        ),
        "setting_without_effect",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_a_table_or_field_most_likely_does_not_mean_is_one_warning_on_its_line(name: str) -> None:
    edit, code = CASES[name]
    assert found(edit) == placed(code, "warning", edit)


def test_the_first_of_several_spellings_is_written_and_nothing_is_said() -> None:
    assert found(Edit(DMS, "      grey: [GRIS]", "      grey: [GRIS, ANTHRACITE]")) == []


def test_a_name_that_only_contains_another_unit_is_no_suspect() -> None:
    for name in ("prix_recent", "sale.netting", "market", "family", "thtre"):
        assert found(Edit(DMS, "    field: prix_vente\n", f"    field: {name}\n")) == []


def test_a_zero_that_is_an_amount_on_one_side_only_is_warned_of() -> None:
    edit = Edit(
        MODULE,
        "costs.reconditioning, converter: money, spelled: number}",
        "costs.reconditioning, converter: money, spelled: number, zero_is_blank: true}",
    )
    assert found(edit) == placed("zero_differs", "warning", edit)


@pytest.mark.parametrize(("attribute", "at"), [("make", MODULE), ("police_number", DMS)])
def test_a_converter_that_changes_the_case_on_one_side_only_is_warned_of(attribute: str, at: str) -> None:
    edit = {
        "make": Edit(MODULE, "characteristics.make, converter: text", "characteristics.make, converter: identifier"),
        "police_number": Edit(MODULE, "policeNumber, converter: identifier", "policeNumber, converter: text"),
    }[attribute]
    assert found(edit) == placed("upper_cased", "warning", edit, at=(at, f"  {attribute}:"))


def test_the_same_converter_on_both_sides_is_right() -> None:
    edits = (
        Edit(MODULE, "characteristics.make, converter: text", "characteristics.make, converter: identifier"),
        Edit(DMS, "marque, converter: text", "marque, converter: identifier"),
    )
    assert found(*edits) == []


def test_an_amount_as_text_there_and_as_a_number_here_is_one_amount() -> None:
    # Both spellings are of euros and cents: that is what the shipped files do, and nothing is said of them.
    assert found() == []

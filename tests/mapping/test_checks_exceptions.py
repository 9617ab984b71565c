"""An exception that no car is ever in, or that an earlier one takes everything from, is refused with its reason."""

import pytest

from stocksync.mapping.checks_all import findings_in
from tests.mapping.broken.forty_mistakes import found, placed
from tests.mapping.editing import LIFECYCLE, OWNERSHIP, PAIR_FILE, POINTS, Edit, edited


def row(*exceptions: str) -> Edit:
    """Give the row of `make` some exceptions, each on a line of its own; the last one is at fault."""
    lines = "".join(
        f"      - {{{text}}}{' # last' if index == len(exceptions) - 1 else ''}\n"
        for index, text in enumerate(exceptions)
    )
    return Edit(
        OWNERSHIP,
        "  - {attribute: make, owner: vehicle_module}\n",
        f"  - attribute: make\n    owner: vehicle_module\n    exceptions:\n{lines}",
        "# last",
    )


NEVER = {
    "a stage that the destination does not have": (
        row("owner: dms, when: {stage: [delivery], destination: [scrap]}"),
        "the line of life of scrap has no stage delivery",
    ),
    "a type that is not synchronised": (
        row("owner: dms, when: {vehicle_type: [new]}"),
        "pair.yaml synchronises only used",
    ),
}


@pytest.mark.parametrize("name", NEVER)
def test_an_exception_that_no_car_fits_is_refused_with_the_reason(name: str) -> None:
    edit, why = NEVER[name]
    assert found(edit) == placed("exception_never_holds", "error", edit)
    (problem,) = findings_in(edited(edit))
    assert why in problem.message


def test_an_exception_for_a_point_of_sale_of_another_pair_is_refused() -> None:
    files = edited(row("owner: dms, when: {point_of_sale: [PDV2]}"))
    folder = "pairs/openflex-icar/"
    others = {name.replace(folder, "pairs/other/"): raw for name, raw in edited().items() if name.startswith(folder)}
    text = files[POINTS].decode()
    first, second = text.split("  PDV2:\n")
    files[POINTS] = f"{first}  PDV2:\n{second.replace('pair: openflex-icar', 'pair: other')}".encode()
    (problem,) = findings_in({**files, **others})
    assert (problem.file, problem.code) == (OWNERSHIP, "exception_never_holds")
    assert "its points of sale belong to another pair" in problem.message


def test_an_exception_behind_a_wider_one_is_refused() -> None:
    edit = row("owner: dms, when: {destination: [trade]}", "owner: shared, when: {destination: [trade], stage: [exit]}")
    assert found(edit) == placed("exception_shadowed", "error", edit)


def test_an_exception_behind_several_that_leave_it_nothing_is_refused() -> None:
    edit = row(
        "owner: dms, when: {destination: [trade]}",
        "owner: shared, when: {destination: [private, scrap]}",
        "owner: none, when: {point_of_sale: [PDV1]}",
    )
    assert found(edit) == placed("exception_shadowed", "error", edit)


def test_a_narrow_exception_before_a_wide_one_is_how_it_is_meant() -> None:
    narrow, wide = (
        "owner: shared, when: {destination: [trade], stage: [exit]}",
        "owner: dms, when: {destination: [trade]}",
    )
    assert found(row(narrow, wide)) == []


def test_one_that_repeats_the_row_may_keep_a_wider_one_away() -> None:
    keeps = "owner: vehicle_module, when: {destination: [trade], stage: [exit]}"
    assert found(row(keeps, "owner: dms, when: {destination: [trade]}")) == []
    edit = row(keeps)
    assert found(edit) == placed("exception_without_effect", "warning", edit)


def test_a_word_that_no_car_with_the_others_has_is_warned_of() -> None:
    edit = row("owner: dms, when: {stage: [physical_entry, delivery], destination: [scrap]}")
    assert found(edit) == placed("word_never_holds", "warning", edit)


def test_an_exception_that_always_holds_is_warned_of() -> None:
    edit = row("owner: dms, when: {vehicle_type: [used]}")
    assert found(edit) == placed("exception_always_holds", "warning", edit)


def test_a_stage_that_the_point_of_sale_leaves_out_never_holds_there() -> None:
    exception = row("owner: dms, when: {point_of_sale: [PDV2], stage: [post_prep_check]}")
    assert found(exception) == []
    left_out = Edit(
        POINTS, "  PDV2:\n", "  PDV2:\n    stages_left_out: {private: [post_prep_check], trade: [post_prep_check]}\n"
    )
    assert found(left_out, exception) == placed("exception_never_holds", "error", left_out, exception)


def test_nothing_is_said_of_exceptions_where_the_lines_of_life_cannot_be_read() -> None:
    tab = Edit(LIFECYCLE, "stages:\n  pre_entry: {", "stages:\n\tpre_entry: {")
    assert {code for _, _, code, _ in found(NEVER["a type that is not synchronised"][0], tab)} == {"not_yaml"}
    assert found(Edit(PAIR_FILE, "vehicle_types: [used]", "vehicle_types: [used, new]")) == []

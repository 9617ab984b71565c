"""A life that no car can live is said before a car is stuck in it."""

import pytest

from stocksync.mapping.checks_all import findings_in
from tests.mapping.broken.forty_mistakes import found, placed
from tests.mapping.editing import DMS, LIFECYCLE, MODULE, OWNERSHIP, POINTS, Edit, edited

SCRAP = "    stages: [pre_entry, physical_entry, exit]"
PDV2 = "  PDV2:\n"
WITHOUT_SHORT_CUT = Edit(LIFECYCLE, "    sources: [physical_entry, post_prep_check]", "    sources: [post_prep_check]")


def test_a_stage_that_no_transition_leads_to_is_warned_of_in_its_line() -> None:
    edit = Edit(LIFECYCLE, SCRAP, "    stages: [pre_entry, physical_entry, delivery, exit]")
    assert found(edit) == placed("stage_unreachable", "warning", edit)


def test_a_stage_that_no_transition_leads_out_of_is_warned_of_but_for_the_last() -> None:
    check = Edit(
        LIFECYCLE,
        "    sources: [physical_entry]\n    goal: post_prep_check",
        "    sources: [sales_stock]\n    goal: post_prep_check",
    )
    edits = (
        check,
        Edit(LIFECYCLE, "    sources: [physical_entry, post_prep_check]", "    sources: [physical_entry]"),
        Edit(
            LIFECYCLE,
            "    sources: [physical_entry, post_prep_check, sales_stock]",
            "    sources: [physical_entry, sales_stock]",
        ),
    )
    said = found(*edits)
    assert {(code, level) for _, _, code, level in said if code != "follow_impossible"} == {
        ("stage_dead_end", "warning")
    }
    # And the DMS cannot bring such a car to its exit.
    follow = [place for place in said if place[2] == "follow_impossible"]
    assert len(follow) == 1


def test_a_way_that_no_car_can_begin_is_no_way() -> None:
    edit = Edit(
        LIFECYCLE,
        "  enter:\n    sources: [pre_entry]",
        "  enter:\n    sources: [physical_entry]",
        "sources: [physical_entry]\n",
    )
    codes = {code for _, _, code, _ in found(edit)}
    assert {"stage_unreachable", "stage_dead_end"} <= codes


def test_a_point_of_sale_may_leave_out_a_stage_that_others_go_round() -> None:
    assert found(Edit(POINTS, PDV2, PDV2 + "    stages_left_out: {private: [post_prep_check]}\n")) == []


def test_a_stage_left_out_that_others_need_is_warned_of_at_the_point_of_sale() -> None:
    edit = Edit(POINTS, PDV2, PDV2 + "    stages_left_out: {private: [post_prep_check]}\n", "    stages_left_out:")
    (stuck, *others) = findings_in(edited(WITHOUT_SHORT_CUT, edit))
    assert (stuck.file, stuck.line, stuck.code, stuck.level) == placed(
        "stage_unreachable", "warning", WITHOUT_SHORT_CUT, edit
    )[0]
    assert {problem.code for problem in others} == {"stage_unreachable"}
    assert found(WITHOUT_SHORT_CUT) == []


def test_a_stage_of_no_line_of_life_is_warned_of() -> None:
    edits = (
        Edit(
            LIFECYCLE,
            "    sources: [physical_entry]\n    goal: post_prep_check",
            "    sources: [pre_entry]\n    goal: physical_entry",
        ),
        Edit(LIFECYCLE, "    sources: [physical_entry, post_prep_check]", "    sources: [physical_entry]"),
        Edit(
            LIFECYCLE,
            "    sources: [physical_entry, post_prep_check, sales_stock]",
            "    sources: [physical_entry, sales_stock]",
        ),
    )
    files = edited(*edits)
    text = files[LIFECYCLE].decode()
    files[LIFECYCLE] = text.replace(
        ", post_prep_check, sales_stock, delivery, exit]\n    optional: [post_prep_check]",
        ", sales_stock, delivery, exit]\n    optional: []",
    ).encode()
    (problem,) = findings_in(files)
    assert (problem.file, problem.code, problem.where) == (LIFECYCLE, "stage_in_no_line", "stages.post_prep_check")


def test_a_transition_that_no_line_of_life_uses_is_warned_of() -> None:
    edit = Edit(
        LIFECYCLE,
        "  deliver:\n",
        "  repaint: {sources: [sales_stock], goal: delivery, by: vehicle_module, lines: [scrap]}\n  deliver:\n",
        "repaint",
    )
    assert found(edit) == placed("transition_unused", "warning", edit)


def test_a_line_of_life_has_a_first_stage() -> None:
    edit = Edit(LIFECYCLE, SCRAP, "    stages: []")
    assert ("line_empty", "error") in {(code, level) for _, _, code, level in found(edit)}


@pytest.mark.parametrize(
    "edit",
    [
        Edit(
            LIFECYCLE,
            "meanings:\n  not_there:\n",
            "meanings:\n  not_there:\n    not_there: ignored\n",
            "not_there: ignored",
        ),
        Edit(LIFECYCLE, "    pre_entry: agreed", "    pre_entry: create_in_dms"),
        Edit(LIFECYCLE, "    pre_entry: agreed", "    pre_entry: unknown_in_vehicle_module # no"),
        Edit(LIFECYCLE, "    invoiced: ignored", "    invoiced: stage_regression"),
        Edit(LIFECYCLE, "    not_there: create_in_dms", "    not_there: follow_dms"),
    ],
    ids=[
        "nothing on either side",
        "a creation with a file",
        "unknown with a record",
        "a regression from nowhere",
        "following nothing",
    ],
)
def test_a_meaning_that_its_pair_of_states_cannot_have_is_refused(edit: Edit) -> None:
    assert found(edit) == placed("meaning_impossible", "error", edit)


def test_a_status_that_agrees_with_a_stage_stands_for_it() -> None:
    edit = Edit(LIFECYCLE, "    in_stock: follow_dms # enter", "    in_stock: agreed # enter")
    assert found(edit) == placed("meaning_contradicts_status", "error", edit)


def test_a_car_cannot_follow_a_status_that_brings_it_nowhere() -> None:
    edit = Edit(LIFECYCLE, "    pre_entry: agreed", "    pre_entry: follow_dms # where?")
    assert found(edit) == placed("follow_impossible", "error", edit)


def test_a_car_cannot_follow_the_dms_where_it_has_no_transition() -> None:
    edits = (
        Edit(
            LIFECYCLE,
            "    sources: [delivery]\n    goal: exit\n    by: dms",
            "    sources: [delivery]\n    goal: exit\n    by: vehicle_module",
        ),
    )
    (problem,) = findings_in(edited(*edits))
    assert (problem.code, problem.level, problem.where) == ("follow_impossible", "error", "meanings.delivery.invoiced")
    assert "from delivery to exit in the line of life private, trade" in problem.message


@pytest.mark.parametrize(
    ("file", "field", "listed", "code", "guards"),
    [
        (DMS, "  police_number: {field: no_police, converter: identifier}\n", "police_number", "guard_never_holds", 1),
        (
            MODULE,
            "  module_order: {field: order.id, converter: identifier, writable: false}\n",
            "module_order",
            "guard_always_holds",
            2,
        ),
    ],
)
def test_a_guard_on_what_nobody_carries_is_warned_of(
    file: str, field: str, listed: str, code: str, guards: int
) -> None:
    first = "stage, " if file == DMS else "dms_status, "
    edits = [Edit(file, field, ""), Edit(file, f"not_carried: [{first}", f"not_carried: [{listed}, {first}")]
    if listed == "police_number":
        edits.append(
            Edit(OWNERSHIP, "    owner: dms\n    immutable: true\n    fill_blank: vehicle_module", "    owner: none")
        )
    said = [(file, code, level) for file, _, code, level in found(*edits)]
    assert said == [(LIFECYCLE, code, "warning")] * guards


def test_a_misspelt_stage_is_reported_once_and_not_as_a_broken_drawing() -> None:
    edits = (
        Edit(LIFECYCLE, "    sources: [sales_stock]", "    sources: [sale_stock]"),
        Edit(LIFECYCLE, SCRAP, "    stages: [pre_entry, physical_entrie, exit]"),
    )
    assert [code for _, _, code, _ in found(*edits)] == ["unknown_name", "unknown_name"]


def test_a_transition_that_cannot_be_read_takes_no_stage_out_of_reach() -> None:
    edit = Edit(LIFECYCLE, "    goal: sales_stock\n", "    gaol: sales_stock\n")
    assert {code for _, _, code, _ in found(edit)} == {"unknown_key", "key_missing"}

"""What holds at one point of sale: overrides, exceptions, and when its version changes."""

import pytest

from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.stock.ownership import Context, OnBothChanged, OnDrift, Owner, Policy
from stocksync.stock.values import Side
from tests.mapping.editing import (
    DMS,
    LIFECYCLE,
    MODULE,
    OWNERSHIP,
    PAIR_FILE,
    POINTS,
    VEHICLE,
    Edit,
    loaded,
    problem_of,
)

PDV2 = "  PDV2:\n"


def at_pdv2(*edits: Edit) -> PointOfSaleMapping:
    return loaded(*edits).points_of_sale["PDV2"]


def policy(
    point: PointOfSaleMapping, attribute: str, stage: str = "sales_stock", destination: str = "private"
) -> Policy:
    found = point.matrix.rows[attribute].policy_in(Context(stage, destination, "used", point.id))
    assert found is not None
    return found


def test_an_override_says_what_differs_and_inherits_the_rest() -> None:
    edit = Edit(POINTS, PDV2, PDV2 + "    ownership: {mileage: {on_both_changed: review}}\n")
    here, there = policy(at_pdv2(edit), "mileage"), policy(loaded(edit).points_of_sale["PDV1"], "mileage")
    assert (here.on_both_changed, there.on_both_changed) == (OnBothChanged.REVIEW, OnBothChanged.HIGHEST)
    assert (here.owner, here.max_jump, here.never_decreases) == (Owner.SHARED, 50_000, True)


def test_a_rule_says_the_file_and_line_where_it_stands() -> None:
    edit = Edit(POINTS, PDV2, PDV2 + "    ownership:\n      mileage: {owner: dms} # here\n", "# here")
    file, line = policy(at_pdv2(edit), "mileage").rule.rsplit(":", 1)
    assert (file, int(line)) == (POINTS, edit.line(loaded(edit).files))
    file, line = policy(at_pdv2(edit), "origin").rule.rsplit(":", 1)
    assert file == OWNERSHIP
    assert "attribute: origin" in loaded(edit).files[OWNERSHIP].decode().splitlines()[int(line) - 1]


def test_an_exception_holds_while_all_its_conditions_do_and_the_first_one_wins() -> None:
    exceptions = (
        "{attribute: make, owner: vehicle_module, exceptions: ["
        "{owner: dms, on_drift: report, when: {stage: [delivery, exit], destination: [trade]}},"
        " {owner: shared, when: {stage: [delivery]}}]}"
    )
    point = at_pdv2(Edit(OWNERSHIP, "{attribute: make, owner: vehicle_module}", exceptions))
    owners = {
        (stage, destination): policy(point, "make", stage, destination).owner
        for stage in ("sales_stock", "delivery")
        for destination in ("private", "trade")
    }
    assert owners == {
        ("sales_stock", "private"): Owner.VEHICLE_MODULE,
        ("sales_stock", "trade"): Owner.VEHICLE_MODULE,
        ("delivery", "private"): Owner.SHARED,
        ("delivery", "trade"): Owner.DMS,
    }
    assert policy(point, "make", "delivery", "trade").on_drift is OnDrift.REPORT


def test_an_override_holds_over_exceptions_too() -> None:
    exception = "{attribute: make, owner: dms, exceptions: [{owner: shared, when: {stage: [delivery]}}]}"
    point = at_pdv2(
        Edit(OWNERSHIP, "{attribute: make, owner: vehicle_module}", exception),
        Edit(POINTS, PDV2, PDV2 + "    ownership: {make: {owner: vehicle_module}}\n"),
    )
    assert policy(point, "make", "delivery").owner is Owner.VEHICLE_MODULE


def test_the_dms_wins_where_a_person_would_be_asked_if_it_has_priority() -> None:
    point = at_pdv2(Edit(POINTS, PDV2, PDV2 + "    switches: {dms_has_priority: true}\n"))
    assert policy(point, "vat_recoverable").on_both_changed is OnBothChanged.DMS
    assert policy(point, "mileage").on_both_changed is OnBothChanged.HIGHEST


def test_a_switch_keeps_the_guide_s_position_unless_a_point_of_sale_turns_it() -> None:
    turned = loaded(Edit(POINTS, PDV2, PDV2 + "    switches: {exit_from_delivery: false}\n"))
    positions = {name: point.switches["exit_from_delivery"] for name, point in turned.points_of_sale.items()}
    assert positions == {"PDV1": True, "PDV2": False}


def test_a_stage_left_out_is_out_of_that_line_at_that_point_of_sale_only() -> None:
    points = loaded(Edit(POINTS, PDV2, PDV2 + "    stages_left_out: {private: [post_prep_check]}\n")).points_of_sale
    has_check = {
        (name, line): "post_prep_check" in point.lifecycle.lines[line].stages
        for name, point in points.items()
        for line in ("private", "trade")
    }
    assert has_check == {
        ("PDV1", "private"): True,
        ("PDV1", "trade"): True,
        ("PDV2", "private"): False,
        ("PDV2", "trade"): True,
    }


def test_a_field_that_takes_no_writes_is_so_in_every_policy() -> None:
    point = at_pdv2(
        Edit(DMS, "make: {field: marque, converter: text}", "make: {field: marque, converter: text, writable: false}")
    )
    assert policy(point, "make").writable == {Side.VEHICLE_MODULE}


def test_a_fill_may_be_allowed_towards_one_side_or_none() -> None:
    for said, fillable in (("false", set()), ("true", {*Side}), ("dms", {Side.DMS})):
        row = f"{{attribute: make, owner: vehicle_module, fill_blank: {said}}}"
        point = at_pdv2(Edit(OWNERSHIP, "{attribute: make, owner: vehicle_module}", row))
        assert policy(point, "make").fillable == fillable


def test_a_report_goes_out_in_french_and_as_csv_unless_a_point_of_sale_says_otherwise() -> None:
    turned = loaded(Edit(POINTS, PDV2, PDV2 + "    conflict_report: {format: xlsx, language: en}\n"))
    reports = {name: point.conflict_report for name, point in turned.points_of_sale.items()}
    assert {name: (said.format, said.language) for name, said in reports.items()} == {
        "PDV1": ("csv", "fr"),
        "PDV2": ("xlsx", "en"),
    }


@pytest.mark.parametrize(
    ("said", "allowed"), [("{format: ods}", "xlsx"), ("{language: de}", "fr"), ("{lang: fr}", "language")]
)
def test_a_report_of_another_kind_is_refused_with_what_is_allowed(said: str, allowed: str) -> None:
    problem = problem_of(Edit(POINTS, PDV2, PDV2 + f"    conflict_report: {said}\n", said))
    assert allowed in str(problem)


# --- the version


MAKE = "{attribute: make, owner: vehicle_module}"
MEANINGLESS = {
    "a comment": Edit(OWNERSHIP, "matrix:\n", "# a comment\nmatrix:\n"),
    "a blank line": Edit(DMS, "fields:\n", "\nfields:\n"),
    "a name": Edit(POINTS, "name: 02 - RENAULT DACIA", "name: Renault Bordeaux"),
    "a schedule": Edit(POINTS, 'complete_at: "03:45"', 'complete_at: "04:45"'),
    "the rhythm": Edit(POINTS, '5, complete_at: "03:45"', '15, complete_at: "03:45"'),
    "the report that goes out": Edit(POINTS, PDV2, PDV2 + "    conflict_report: {format: xlsx, language: en}\n"),
    "an address": Edit(POINTS, "S02\n      address: ICAR_URL", "S02\n      address: ICAR_TWO_URL"),
    "how many records a page has": Edit(DMS, "taille: 500", "taille: 100"),
    "a label of an attribute": Edit(VEHICLE, "fr: Marque", "fr: La marque"),
    "a label of a choice": Edit(VEHICLE, "fr: casse", "fr: destruction"),
    "a label of a stage": Edit(LIFECYCLE, "fr: livraison", "fr: livré"),
    "the guide's note": Edit(OWNERSHIP, "note: module\n", "note: in the module\n"),
    "a row that is decided": Edit(OWNERSHIP, "owner: shared\n    provisional: true", "owner: shared"),
    "a line that is confirmed": Edit(LIFECYCLE, "outside: false\n    to_confirm: true", "outside: false"),
    "a default said aloud": Edit(OWNERSHIP, MAKE, MAKE[:-1] + ", exceptions: []}"),
    "an order of keys": Edit(DMS, "{field: marque, converter: text}", "{converter: text, field: marque}"),
    "another point of sale's override": Edit(
        POINTS, "    name: 01 - VW", "    switches: {dms_has_priority: true}\n    name: 01 - VW"
    ),
}
DECISIVE = {
    "an owner": Edit(OWNERSHIP, "{attribute: make, owner: vehicle_module}", "{attribute: make, owner: dms}"),
    "a rule for both changed": Edit(OWNERSHIP, "on_both_changed: highest", "on_both_changed: lowest"),
    "a switch of the guide": Edit(
        OWNERSHIP, "OUI\n      note: uc_price_editable", "NON\n      note: uc_price_editable"
    ),
    "a switch here": Edit(POINTS, PDV2, PDV2 + "    switches: {dms_has_priority: true}\n"),
    "an override here": Edit(POINTS, PDV2, PDV2 + "    ownership: {make: {on_drift: report}}\n"),
    "a stage left out here": Edit(POINTS, PDV2, PDV2 + "    stages_left_out: {trade: [post_prep_check]}\n"),
    "a code": Edit(POINTS, "code: S02", "code: S03"),
    "a code of a sister": Edit(POINTS, "code: S01", "code: S03"),
    "a time zone": Edit(POINTS, 'Paris\n    schedule: {quick_every_min: 5, complete_at: "03:45"}', "Brussels"),
    "a minimum": Edit(VEHICLE, "minimum: 0\n  reconditioning_cost", "minimum: 1\n  reconditioning_cost"),
    "a limit": Edit(VEHICLE, "limit: 100", "limit: 101"),
    "a spelling": Edit(DMS, "green: [VERT]", "green: [VERT, VRT]"),
    "a field": Edit(DMS, "field: couleur", "field: teinte"),
    "where a record stands in an item": Edit(DMS, "    items: vo\n", "    items: vo\n    each: vehicule\n"),
    "a format": Edit(DMS, "date_mec, converter: date, format: dd/mm", "date_mec, converter: date, format: mm/dd"),
    "a placeholder": Edit(DMS, '["-", "???", NA]', '["-", "???", NA, SO]'),
    "a field that takes no writes": Edit(
        MODULE, "mileage, converter: integer,", "mileage, writable: false, converter: integer,"
    ),
    "a meaning": Edit(LIFECYCLE, "    invoiced: ignored #", "    invoiced: unknown_in_vehicle_module #"),
    "a guard of a move": Edit(LIFECYCLE, "guards: [police_number_set]", "guards: []"),
    "a threshold": Edit(PAIR_FILE, "removals_percent: 10", "removals_percent: 20"),
    "a vehicle type": Edit(PAIR_FILE, "vehicle_types: [used]", "vehicle_types: [used, demonstration]"),
}


@pytest.mark.parametrize("what", MEANINGLESS)
def test_the_version_stays_where_no_decision_can_change(what: str) -> None:
    assert at_pdv2(MEANINGLESS[what]).version == at_pdv2().version


@pytest.mark.parametrize("what", DECISIVE)
def test_the_version_changes_where_a_decision_can_change(what: str) -> None:
    assert at_pdv2(DECISIVE[what]).version != at_pdv2().version


def test_each_decisive_edit_has_a_version_of_its_own() -> None:
    versions = {at_pdv2(edit).version for edit in DECISIVE.values()}
    assert len(versions) == len(DECISIVE)


def test_the_order_of_transitions_counts_because_the_first_that_fits_is_taken() -> None:
    check = "  check:\n    sources: [physical_entry]\n    goal: post_prep_check\n    by: vehicle_module\n"
    deliver = "  deliver:\n    sources: [sales_stock]\n    goal: delivery\n    by: vehicle_module\n"
    swapped = at_pdv2(Edit(LIFECYCLE, check, ""), Edit(LIFECYCLE, deliver, deliver + check))
    assert swapped.version != at_pdv2().version

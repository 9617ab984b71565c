"""Whether the files agree with one another: each disagreement is one problem, on its line, in the file at fault."""

import pytest

from tests.mapping.editing import (
    DMS,
    LIFECYCLE,
    MODULE,
    OWNERSHIP,
    PAIR_FILE,
    POINTS,
    VEHICLE,
    Edit,
    edited,
    problem_of,
    problems_of,
)

MAKE = "{attribute: make, owner: vehicle_module}"
PDV2 = "  PDV2:\n"
FIRST_DATE = "{field: date_mec, converter: date, format: dd/mm/yyyy}"


def _exception(when: str) -> Edit:
    return Edit(OWNERSHIP, MAKE, f"{{attribute: make, owner: dms, exceptions: [{{owner: shared, when: {when}}}]}}")


CASES = {
    "choices on a kind that has none": (
        Edit(
            VEHICLE,
            "    label: {fr: Marque, en: Make}",
            "    label: {fr: M, en: M}\n    choices: {a: {fr: a, en: a}}",
            "  make:",
        ),
        "`choices` goes with the kind choice, and only with it",
        None,
    ),
    "a rule on an unknown attribute": (
        Edit(VEHICLE, "    attribute: sale_price", "    attribute: sale_prise"),
        "unknown attribute",
        "sale_price",
    ),
    "a rule on the wrong kind": (
        Edit(VEHICLE, "    attribute: sale_price", "    attribute: origin"),
        "the rule does not work on the kind choice",
        None,
    ),
    "a rule with an unknown switch": (
        Edit(VEHICLE, "unless_switch: allow_sale_price_at_most_1", "unless_switch: allow_sale_price_at_most_2"),
        "unknown switch",
        "allow_sale_price_at_most_1",
    ),
    "a rule with an unknown value": (
        Edit(
            VEHICLE,
            "    attribute: purchase_source\n    when: {origin: [direct_purchase]}",
            "    attribute: purchase_source\n    when: {origin: [direct_purchases]}",
            "[direct_purchases]",
        ),
        "unknown value",
        "direct_purchase",
    ),
    "an attribute without an owner's row": (
        Edit(OWNERSHIP, "  - {attribute: make, owner: vehicle_module}\n", "", "also_carried:"),
        "the attribute make has no row; say who owns it",
        None,
    ),
    "an attribute with two rows": (
        Edit(
            OWNERSHIP,
            "  - {attribute: make, owner: vehicle_module}",
            "  - {attribute: make, owner: vehicle_module}\n  - {attribute: make, owner: dms}",
            "make, owner: dms",
        ),
        "this attribute has a row already",
        None,
    ),
    "a row for an unknown attribute": (
        Edit(OWNERSHIP, "also_carried:\n", "also_carried:\n  - {attribute: milage, owner: dms}\n", "milage"),
        "unknown attribute",
        "mileage",
    ),
    "a row without an owner": (
        Edit(OWNERSHIP, "  - attribute: origin\n    owner: vehicle_module\n", "  - attribute: origin\n"),
        "the key owner is missing",
        None,
    ),
    "an unknown switch has a row": (
        Edit(
            OWNERSHIP,
            "matrix:\n",
            "matrix:\n  - {switch: dms_has_priorities, guide: {label: x, dms_may_modify: NON}}\n",
            "priorities",
        ),
        "unknown switch",
        "dms_has_priority",
    ),
    "an ordinary attribute owned by the lifecycle": (
        Edit(OWNERSHIP, MAKE, "{attribute: make, owner: lifecycle}"),
        "only the lifecycle's own attributes are owned by it",
        None,
    ),
    "a tie-break where one side decides alone": (
        Edit(
            OWNERSHIP,
            "    owner: shared\n    never_decreases: true\n    on_both_changed: highest\n",
            "    owner: dms\n    never_decreases: true\n    on_both_changed: highest\n",
            mark="    on_both_changed: highest",
        ),
        "it has no effect: dms decides alone; take this line out, or write owner: shared",
        None,
    ),
    "the highest of two texts": (
        Edit(OWNERSHIP, MAKE, "{attribute: make, owner: shared, on_both_changed: highest}"),
        "a text has no order",
        None,
    ),
    "a date that never decreases": (
        Edit(
            OWNERSHIP,
            "{attribute: invoice_date, owner: none}",
            "{attribute: invoice_date, owner: none, never_decreases: true}",
        ),
        "only a number can have it, not a date",
        None,
    ),
    "an exception for an unknown stage": (
        _exception("{stage: [exits]}"),
        "unknown stage",
        "exit",
    ),
    "an exception for an unknown destination": (
        _exception("{destination: [scraps]}"),
        "unknown destination",
        "scrap",
    ),
    "an exception for an unknown point of sale": (
        _exception("{point_of_sale: [PDV22]}"),
        "unknown point of sale",
        "PDV2",
    ),
    "an exception without a condition": (
        _exception("{}"),
        "the exception names no condition",
        None,
    ),
    "an unknown vehicle type": (
        Edit(PAIR_FILE, "vehicle_types: [used]", "vehicle_types: [use]"),
        "unknown vehicle type",
        "used",
    ),
    "a status for an unknown stage": (
        Edit(LIFECYCLE, "    stands_for: [exit]", "    stands_for: [exits]"),
        "unknown stage",
        "exit",
    ),
    "a status that brings an unknown stage": (
        Edit(LIFECYCLE, "    brings: physical_entry", "    brings: physical_entries"),
        "unknown stage",
        "physical_entry",
    ),
    "a line of life of an unknown destination": (
        Edit(LIFECYCLE, "transitions:\n", "  scrapped: {stages: [exit]}\n\ntransitions:\n"),
        "unknown destination",
        "scrap",
    ),
    "a transition with an unknown guard": (
        Edit(LIFECYCLE, "    guards: [police_number_set]", "    guards: [police_number_sett]"),
        "unknown guard",
        "police_number_set",
    ),
    "a transition from an unknown stage": (
        Edit(LIFECYCLE, "    sources: [sales_stock]", "    sources: [sale_stock]"),
        "unknown stage",
        "sales_stock",
    ),
    "a transition to an unknown stage": (
        Edit(LIFECYCLE, "    goal: post_prep_check", "    goal: post_prep_checks"),
        "unknown stage",
        "post_prep_check",
    ),
    "a transition of an unknown line of life": (
        Edit(LIFECYCLE, "    lines: [scrap]", "    lines: [scraps]"),
        "unknown line of life",
        "scrap",
    ),
    "an unknown meaning": (
        Edit(LIFECYCLE, "    invoiced: ignored #", "    invoiced: ignore #"),
        "unknown meaning",
        "ignored",
    ),
    "a meaning of an unknown stage": (
        Edit(LIFECYCLE, "meanings:\n", "meanings:\n  sale_stock: {not_there: closed}\n", "sale_stock"),
        "unknown stage",
        "sales_stock",
    ),
    "a meaning with an unknown status": (
        Edit(LIFECYCLE, "    invoiced: ignored #", "    invoice: ignored #"),
        "unknown DMS status",
        "invoiced",
    ),
    "an attribute without a field": (
        Edit(DMS, "  make: {field: marque, converter: text}\n", "", "fields:"),
        "the attribute make has no field here; give it one, or list it in not_carried",
        None,
    ),
    "a field of an unknown attribute": (
        Edit(DMS, "fields:\n", "fields:\n  colour: {field: teinte, converter: text}\n", "teinte"),
        "unknown attribute",
        None,
    ),
    "a field and not carried": (
        Edit(DMS, "not_carried: [stage, reserved, module_order]", "not_carried: [stage, reserved, module_order, make]"),
        "it has a field as well",
        None,
    ),
    "an unknown attribute is not carried": (
        Edit(
            DMS, "not_carried: [stage, reserved, module_order]", "not_carried: [stage, reserved, module_order, ordre]"
        ),
        "unknown attribute",
        None,
    ),
    "two attributes in one field": (
        Edit(DMS, "model: {field: modele,", "model: {field: marque,"),
        "the attribute make has this field",
        None,
    ),
    "a field inside another attribute's field": (
        Edit(MODULE, "module_order: {field: order.id,", "module_order: {field: reservation.id,"),
        "the attribute reserved has this field",
        None,
    ),
    "a field around another attribute's field": (
        Edit(MODULE, "    field: type\n", "    field: order # all of it\n"),
        "the attribute module_order has this field",
        None,
    ),
    "a path with an empty step": (
        Edit(MODULE, "module_order: {field: order.id,", "module_order: {field: order..id,"),
        "not a path: a step of it is empty",
        None,
    ),
    "a converter of another kind": (
        Edit(DMS, "make: {field: marque, converter: text}", "make: {field: marque, converter: vin}"),
        "a text cannot be read with it",
        None,
    ),
    "a date format without a year": (
        Edit(DMS, FIRST_DATE, "{field: date_mec, converter: date, format: dd/mm}"),
        "not a date format",
        None,
    ),
    "a date format of a programmer": (
        Edit(DMS, FIRST_DATE, '{field: date_mec, converter: date, format: "%d/%m/%Y"}'),
        "not a date format",
        None,
    ),
    "a yes without a no": (
        Edit(DMS, "converter: boolean, yes: O, no: N}", "converter: boolean, yes: O}"),
        "`yes` and `no` go together",
        None,
    ),
    "a yes that is spelled as the no": (
        Edit(DMS, "converter: boolean, yes: O, no: N}", "converter: boolean, yes: O, no: o}"),
        "`yes` and `no` are spelled alike",
        None,
    ),
    "a spelling with two meanings": (
        Edit(DMS, "private: [P], trade: [M]", "private: [P], trade: [M, p]"),
        "this spelling stands for private already",
        None,
    ),
    "a value table with an unknown word": (
        Edit(DMS, "private: [P], trade: [M],", "private: [P], trade: [M], trades: [N],"),
        "unknown value",
        "trade",
    ),
    "read only in an unknown status": (
        Edit(DMS, "read_only_when: {dms_status: [invoiced]}", "read_only_when: {dms_status: [invoice]}"),
        "unknown dms status",
        "invoiced",
    ),
    "read only by an unknown attribute": (
        Edit(DMS, "read_only_when: {dms_status: [invoiced]}", "read_only_when: {dms_statut: [invoiced]}"),
        "unknown attribute",
        "dms_status",
    ),
    "an unknown pair": (
        Edit(
            POINTS,
            "  PDV2:\n    name: 02 - RENAULT DACIA\n    pair: openflex-icar",
            "  PDV2:\n    name: x\n    pair: openflex-ikar",
            "openflex-ikar",
        ),
        "unknown pair of systems",
        "openflex-icar",
    ),
    "an unknown time zone": (
        Edit(
            POINTS,
            'Europe/Paris\n    schedule: {quick_every_min: 5, complete_at: "03:45"}',
            "Europe/Pary",
            "Europe/Pary",
        ),
        "unknown time zone",
        "Europe/Paris",
    ),
    "a code of another point of sale": (
        Edit(POINTS, "      code: S02", "      code: s01"),
        "the point of sale PDV1 has this code",
        None,
    ),
    "an override of an unknown attribute": (
        Edit(POINTS, PDV2, PDV2 + "    ownership: {milage: {owner: dms}}\n", "milage"),
        "unknown attribute",
        "mileage",
    ),
    "an override of the lifecycle's own": (
        Edit(POINTS, PDV2, PDV2 + "    ownership: {stage: {owner: dms}}\n", "stage: {owner"),
        "unknown attribute",
        None,
    ),
    "an override that its kind cannot do": (
        Edit(POINTS, PDV2, PDV2 + "    ownership: {make: {max_jump: 5}}\n", "max_jump"),
        "only a number can have it, not a text",
        None,
    ),
    "an override of an unknown switch": (
        Edit(POINTS, PDV2, PDV2 + "    switches: {dms_priority: true}\n", "dms_priority"),
        "unknown switch",
        "dms_has_priority",
    ),
    "a stage left out that is not optional": (
        Edit(POINTS, PDV2, PDV2 + "    stages_left_out: {private: [delivery]}\n", "[delivery]"),
        "unknown optional stage",
        None,
    ),
    "a stage left out of an unknown line": (
        Edit(POINTS, PDV2, PDV2 + "    stages_left_out: {privat: [post_prep_check]}\n", "privat:"),
        "unknown line of life",
        "private",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_disagreement_between_the_files_is_one_problem_on_its_line(name: str) -> None:
    edit, message, nearest = CASES[name]
    problem = problem_of(edit)
    assert problem.message == message
    assert problem.level == "error"
    # A code that is only that of the language's last resort would tell a program nothing.
    assert problem.code != "wrong_value"
    if nearest is not None:
        assert problem.nearest == nearest


def test_an_attribute_that_the_core_works_with_cannot_be_left_out() -> None:
    files = edited(
        Edit(VEHICLE, "  module_order:\n    kind: identifier", "  their_order:\n    kind: identifier"),
        Edit(OWNERSHIP, "{attribute: module_order,", "{attribute: their_order,"),
        Edit(MODULE, "  module_order: {", "  their_order: {"),
        Edit(DMS, "not_carried: [stage, reserved, module_order]", "not_carried: [stage, reserved, their_order]"),
    )
    (problem,) = problems_of(files)
    assert (problem.file, problem.where) == (VEHICLE, "attributes")
    assert problem.message == "the attribute module_order is missing; the core works with it"


@pytest.mark.parametrize("stage", ["delivery", "exit"])
def test_a_stage_that_the_core_works_with_cannot_be_left_out(stage: str) -> None:
    files = edited(Edit(LIFECYCLE, f"  {stage}: {{label", f"  {stage}s: {{label"))
    assert f"the stage {stage} is missing; the core works with it" in {p.message for p in problems_of(files)}


def test_a_status_that_the_core_works_with_cannot_be_left_out() -> None:
    files = edited(Edit(LIFECYCLE, "  invoiced:\n    label", "  billed:\n    label"))
    assert "the status invoiced is missing; the core works with it" in {p.message for p in problems_of(files)}


def test_a_destination_without_a_line_of_life_is_named() -> None:
    edit = Edit(
        VEHICLE, "      trade: {fr: professionnel", "      export: {fr: x, en: x}\n      trade: {fr: professionnel"
    )
    messages = {(p.file, p.message) for p in problems_of(edited(edit))}
    assert (LIFECYCLE, "the destination export has no line of life") in messages


def test_an_optional_stage_must_be_one_of_its_line() -> None:
    line = "    stages: [pre_entry, physical_entry, exit]\n"
    (problem,) = problems_of(edited(Edit(LIFECYCLE, line, line + "    optional: [post_prep_check]\n")))
    assert (problem.message, problem.where) == ("unknown stage of this line", "lines_of_life.scrap.optional.0")


def test_a_value_without_a_spelling_is_named_at_its_table() -> None:
    (problem,) = problems_of(edited(Edit(DMS, "      purple: [VIOLET]\n", "")))
    assert (problem.message, problem.where) == ("the value purple has no spelling", "fields.exterior_colour.table")


@pytest.mark.parametrize(
    ("file", "carried", "field"),
    [
        (MODULE, "stage", "  stage:\n    field: status\n"),
        (DMS, "dms_status", "  dms_status:\n    field: statut\n"),
    ],
    ids=["module", "dms"],
)
def test_what_a_life_is_read_from_cannot_be_left_out(file: str, carried: str, field: str) -> None:
    files = edited(Edit(file, "not_carried: [", f"not_carried: [{carried}, "))
    assert "a car's life is read from it on this side" in {p.message for p in problems_of(files)}


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            Edit(
                POINTS, "S01\n      address: ICAR_URL\n      secrets: {key: ICAR_KEY}", "S01\n      address: ICAR_URL"
            ),
            "the secret key is missing; name the environment variable that holds it",
        ),
        (
            Edit(
                POINTS,
                "S01\n      address: ICAR_URL\n      secrets: {key: ICAR_KEY}",
                "S01\n      address: ICAR_URL\n      secrets: {key: ICAR_KEY, kee: X}",
            ),
            "unknown secret",
        ),
        (
            Edit(POINTS, "S01\n      address: ICAR_URL", "S01\n      address: https://dms.example"),
            "name an environment variable, such as OPENFLEX_TOKEN; never the value itself",
        ),
    ],
    ids=["missing", "unknown", "an address instead of a name"],
)
def test_secrets_and_addresses_are_names_of_variables_and_complete(edit: Edit, message: str) -> None:
    (problem,) = problems_of(edited(edit))
    assert (problem.file, problem.message) == (POINTS, message)


def test_a_switch_without_a_row_is_named() -> None:
    files = edited(Edit(OWNERSHIP, "  - switch: dms_creates_vehicles", "  - switch: exit_from_delivery # twice"))
    said = [(p.message, p.where) for p in problems_of(files)]
    assert ("the switch dms_creates_vehicles has no row", "matrix") in said
    assert ("this switch has a row already", "matrix.exit_from_delivery.switch") in said


def test_a_group_without_a_point_of_sale_is_refused() -> None:
    (problem,) = problems_of({**edited(), POINTS: b"points_of_sale: {}\n"})
    assert problem.message == "there is no point of sale"


def test_a_core_attribute_of_another_kind_is_refused_at_its_kind() -> None:
    edit = Edit(VEHICLE, "    kind: vin\n", "    kind: text # vin\n")
    (problem,) = [p for p in problems_of(edited(edit)) if p.message == "the core needs another kind here"]
    assert (problem.line, problem.said, problem.allowed) == (edit.line(edited(edit)), "text", ("vin",))

"""A mistake of grammar hides nothing else: what could be read of its file is checked all the same."""

import pytest

from stocksync.mapping.problems import Problem
from tests.mapping.broken.forty_mistakes import found
from tests.mapping.editing import DMS, LIFECYCLE, MODULE, OWNERSHIP, POINTS, VEHICLE, Edit

UNKNOWN_KEY = {
    VEHICLE: Edit(VEHICLE, "    kind: vin\n", "    kind: vin\n    kinds: vin\n"),
    OWNERSHIP: Edit(OWNERSHIP, "    max_jump: 50000", "    maxjump: 50000"),
    LIFECYCLE: Edit(LIFECYCLE, "    brings: exit", "    bring: exit"),
    MODULE: Edit(MODULE, "  idempotency_header: ", "  idempotence_header: "),
    DMS: Edit(DMS, "writes_blank_as: empty_text", "writes_blank_as: empty_text\nwrites: x", "writes: x"),
    POINTS: Edit(POINTS, "    name: 01 - VW", "    named: x\n    name: 01 - VW"),
}
BEYOND = {
    VEHICLE: (Edit(VEHICLE, "    limit: 100", "    limit: 1"), "unit_suspect"),
    OWNERSHIP: (Edit(OWNERSHIP, "module_order, owner: none", "module_order, owner: dms"), "owner_not_carried"),
    MODULE: (Edit(MODULE, "field: sale.price,", "field: sale.priceCents,"), "unit_suspect"),
    DMS: (
        Edit(DMS, "demonstration: [VD], used: [VO]", "demonstration: [VD], used: [NA]", "  vehicle_type:"),
        "not_round_trip",
    ),
    POINTS: (Edit(POINTS, "      code: S02", "      code: s01"), "site_code_twice"),
}


@pytest.mark.parametrize("file", [VEHICLE, OWNERSHIP, MODULE, DMS, POINTS])
def test_a_mistake_of_grammar_does_not_hide_another_in_its_file(file: str) -> None:
    beyond, code = BEYOND[file]
    assert sorted(said for _, _, said, _ in found(UNKNOWN_KEY[file], beyond)) == sorted(["unknown_key", code])


@pytest.mark.parametrize("file", [VEHICLE, OWNERSHIP, LIFECYCLE, MODULE, DMS, POINTS])
def test_what_follows_from_a_mistake_of_grammar_is_not_reported_beside_it(file: str) -> None:
    assert [said for _, _, said, _ in found(UNKNOWN_KEY[file])] == ["unknown_key"]


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (Edit(VEHICLE, "    kind: vin\n", ""), "key_missing"),
        (Edit(VEHICLE, "  mileage: # kilometres\n    kind: integer", "  mileage:\n    kind: 12"), "unknown_value"),
        (Edit(OWNERSHIP, "  - attribute: origin\n", "  - attributes: origin\n"), "key_missing"),
        (Edit(MODULE, "protocol: rest", "protocol: soap"), "unknown_value"),
        (Edit(DMS, "  update: {method: PUT, path:", "  updates: {method: PUT, path:"), "key_missing"),
        (Edit(POINTS, "  PDV2:\n    name: 02 - RENAULT DACIA\n", "  PDV2:\n"), "key_missing"),
        (Edit(LIFECYCLE, "    goal: sales_stock\n", ""), "key_missing"),
        (Edit(LIFECYCLE, "  trade:\n    stages: [", "  trade:\n    stage: ["), "key_missing"),
        (
            Edit(VEHICLE, "  origin:\n    kind: choice\n", "  origin:\n    kind: choice\n    kind: choice\n"),
            "key_twice",
        ),
        (Edit(VEHICLE, "  - rule: more_than\n", "  - rule: more_then\n"), "unknown_value"),
    ],
)
def test_nothing_but_the_mistake_itself_is_reported_where_a_part_has_to_be_left_out(edit: Edit, code: str) -> None:
    codes = {said for _, _, said, _ in found(edit)}
    assert code in codes
    assert codes <= {code, "unknown_key"}


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("not YAML: a tab; indent with spaces", "not_yaml"),
        ("the key owner is missing", "key_missing"),
        ("unknown guard", "unknown_name"),
        ("input should be greater than or equal to 1", "wrong_value"),
    ],
)
def test_what_the_language_refuses_has_a_code_too(message: str, code: str) -> None:
    problem = Problem("vehicle.yaml", 3, "attributes", message)
    assert problem.code == code
    assert problem.as_line() == f"vehicle.yaml:3: attributes: {message}. [{code}]"

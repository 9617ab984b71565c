"""What cannot flow between two systems is said before anything runs: nobody carries it, or nobody can write it."""

from types import SimpleNamespace

import pytest

from stocksync.mapping.checks_carried import check_carried
from stocksync.mapping.draft import draft_of
from tests.mapping.broken.forty_mistakes import found, placed
from tests.mapping.editing import DMS, LIFECYCLE, MODULE, OWNERSHIP, POINTS, VEHICLE, Edit, shipped

PDV2 = "  PDV2:\n"
CREATE = "  create: {method: POST, path: /icar/ws/v2/vo}\n"
MODULE_CREATE = "  create: {method: POST, path: /api/v1/vehicles}\n"
MAKE = "{attribute: make, owner: vehicle_module}"
READ_ONLY_MAKE = Edit(DMS, "marque, converter: text}", "marque, converter: text, writable: false}")
ONLY_IN_MODULE = (
    Edit(DMS, "  make: {field: marque, converter: text}\n", ""),
    Edit(DMS, "not_carried: [stage,", "not_carried: [make, stage,"),
)
NOWHERE = (
    Edit(OWNERSHIP, "also_carried:\n", "also_carried:\n  - {attribute: keys_held, owner: vehicle_module}\n"),
    Edit(MODULE, "not_carried: [dms_status,", "not_carried: [keys_held, dms_status,"),
    Edit(DMS, "not_carried: [stage,", "not_carried: [keys_held, stage,"),
)
KEYS_HELD = Edit(
    VEHICLE, "  make:\n", "  keys_held: {kind: integer, label: {fr: Clés, en: Keys}}\n  make:\n", "keys_held:"
)


def test_an_attribute_that_no_side_carries_is_refused_where_it_is_declared() -> None:
    assert found(*NOWHERE, KEYS_HELD) == placed("carried_nowhere", "error", *NOWHERE, KEYS_HELD)


def test_an_attribute_that_the_core_knows_may_be_carried_by_nobody() -> None:
    edits = (
        Edit(MODULE, "  module_order: {field: order.id, converter: identifier, writable: false}\n", ""),
        Edit(MODULE, "not_carried: [dms_status,", "not_carried: [module_order, dms_status,"),
    )
    assert {code for _, _, code, _ in found(*edits)} == {"guard_always_holds"}


@pytest.mark.parametrize("owner", ["vehicle_module", "shared"])
def test_what_one_side_alone_carries_flows_nowhere_and_is_warned_of(owner: str) -> None:
    edits = (*ONLY_IN_MODULE, Edit(OWNERSHIP, MAKE, f"{{attribute: make, owner: {owner}}}"))
    if owner == "vehicle_module":
        edits = ONLY_IN_MODULE
    assert found(*edits) == placed("one_side_only", "warning", *edits, at=(OWNERSHIP, "attribute: make"))


def test_an_owner_who_does_not_carry_it_is_refused() -> None:
    edits = (*ONLY_IN_MODULE, Edit(OWNERSHIP, MAKE, "{attribute: make, owner: dms}"))
    assert found(*edits) == placed("owner_not_carried", "error", *edits)


def test_what_nobody_owns_may_be_carried_by_one_side() -> None:
    assert found(*ONLY_IN_MODULE, Edit(OWNERSHIP, MAKE, "{attribute: make, owner: none}")) == []


@pytest.mark.parametrize("owner", ["vehicle_module", "shared"])
def test_an_owner_whose_word_cannot_be_written_on_the_other_side_is_warned_of(owner: str) -> None:
    row = Edit(OWNERSHIP, MAKE, f"{{attribute: make, owner: {owner} }}")
    assert found(READ_ONLY_MAKE, row) == placed("owner_cannot_write", "warning", READ_ONLY_MAKE, row)


def test_an_owner_need_not_be_writable_itself() -> None:
    assert found(READ_ONLY_MAKE, Edit(OWNERSHIP, MAKE, "{attribute: make, owner: dms}")) == []


def test_an_exception_and_a_point_of_sale_are_asked_like_the_row() -> None:
    row = Edit(
        OWNERSHIP,
        f"  - {MAKE}",
        "  - attribute: make\n    owner: none\n    exceptions:\n"
        "      - {owner: vehicle_module, when: {destination: [trade]}}",
        "when: {destination: [trade]}",
    )
    override = Edit(POINTS, PDV2, PDV2 + "    ownership: {make: {owner: shared}}\n", "make: {owner")
    due = placed("owner_cannot_write", "warning", READ_ONLY_MAKE, override, row)
    due += placed("owner_cannot_write", "warning", READ_ONLY_MAKE, row, override)
    assert found(READ_ONLY_MAKE, row, override) == due


def test_a_blank_cannot_be_filled_where_nothing_can_be_written() -> None:
    row = Edit(OWNERSHIP, MAKE, "{attribute: make, owner: dms, fill_blank: dms}")
    assert found(READ_ONLY_MAKE, row) == placed("fill_blank_cannot_write", "error", READ_ONLY_MAKE, row)


def test_a_creation_needs_an_operation() -> None:
    edit = Edit(DMS, CREATE, "")
    assert found(edit) == placed("create_missing", "error", edit, at=(LIFECYCLE, "not_there: create_in_dms"))


def test_a_switch_that_creates_vehicles_needs_an_operation_too() -> None:
    gone = Edit(MODULE, MODULE_CREATE, "")
    assert found(gone) == []
    on = Edit(POINTS, PDV2, PDV2 + "    switches: {dms_creates_vehicles: true}\n", "dms_creates_vehicles")
    assert found(gone, on) == placed("create_missing", "error", gone, on)
    guide = Edit(
        OWNERSHIP,
        "      label: Créer des véhicules\n      dms_may_modify: NON",
        "      label: Créer des véhicules\n      dms_may_modify: OUI # on",
        "OUI # on",
    )
    assert found(gone, guide) == placed("create_missing", "error", gone, guide)


def test_a_reservation_without_an_operation_is_warned_of_in_each_line_that_wants_one() -> None:
    start, end = "  # For a car that the DMS sold outside Opportunités.\n", "      by: stocksync\n"
    reserve = (
        '  reserve:\n    method: PUT\n    path: "/api/v1/vehicles/{id}/reservation"\n    body:\n'
        "      kind: UNLIMITED\n      blocksSale: true\n      blocksPublication: true\n"
        "      reason: Vendu dans le DMS, hors Opportunités\n"
    )
    edit = Edit(MODULE, start + reserve + end, "")
    due = placed("reserve_missing", "warning", edit, at=(LIFECYCLE, "  private:"))
    due += placed("reserve_missing", "warning", edit, at=(LIFECYCLE, "  trade:"))
    assert found(edit) == due


def test_a_stage_that_takes_no_write_cannot_follow_the_dms() -> None:
    edit = Edit(
        MODULE, "  stage:\n    field: status\n", "  stage:\n    field: status\n    writable: false\n", "  stage:"
    )
    assert found(edit) == placed("stage_cannot_be_written", "warning", edit)


def test_a_system_that_takes_no_changes_cannot_be_written_to() -> None:
    draft = draft_of(shipped())
    receives_nothing = SimpleNamespace(outgoing=None)
    draft.files[DMS] = draft.files[DMS].model_copy(update={"connection": receives_nothing})
    check_carried(draft)
    (update, create) = sorted(draft.findings(), key=lambda problem: problem.file)
    assert (update.file, update.where, update.code) == (DMS, "connection", "update_missing")
    assert "destination, trade_in_price, vin, …" in update.message
    assert (create.file, create.code) == (LIFECYCLE, "create_missing")

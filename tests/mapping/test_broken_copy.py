"""A copy with many mistakes in every file: each is reported, all at once, each on its line, and nothing else is."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from stocksync.entrypoints.mapping_commands import mapping
from tests.mapping.broken.forty_mistakes import FORTY, broken, found
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
    problems_of,
)


def checked(folder: Path, *options: str) -> Result:
    """Run `mapping check` on the copy with forty mistakes, written into a folder."""
    for name, content in broken().items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return CliRunner().invoke(mapping, ["check", *options], obj=SimpleNamespace(mappings=folder, language="fr"))


def test_all_forty_mistakes_are_reported_at_once_each_on_its_line_with_its_code_and_nothing_else(
    tmp_path: Path,
) -> None:
    assert len(FORTY) == 40
    files = broken()
    data = json.loads(checked(tmp_path, "--json").output)
    said = [(p["file"], p["line"], p["code"]) for p in (*data["problems"], *data["warnings"])]
    assert sorted(said) == sorted(mistake.place(files) for mistake in FORTY)
    assert {file for file, _, _ in said} == set(files)


def test_the_forty_mistakes_are_printed_by_file_and_line_and_end_with_2(tmp_path: Path) -> None:
    result = checked(tmp_path)
    *lines, closing = result.output.splitlines()
    places = [re.fullmatch(r"(?:warning: )?([\w./-]+):(\d+): .* \[[a-z_0-9]+\]", line) for line in lines]
    said = [(place[1], int(place[2])) for place in places if place is not None]
    assert (result.exit_code, len(lines), said) == (2, 40, sorted(said))
    errors = [line for line in lines if not line.startswith("warning: ")]
    assert closing == f"{len(errors)} problems in the mapping files."
    assert 0 < len(errors) < 40


@pytest.mark.parametrize("index", range(40), ids=[f"{i} {m.code}" for i, m in enumerate(FORTY)])
def test_each_of_the_forty_is_found_by_itself_too(index: int) -> None:
    mistake = FORTY[index]
    edits = (mistake.edit, *mistake.also)
    assert {place[:3] for place in found(*edits)} == {mistake.place(edited(*edits))}


# A file that is not in the language at all hides what else is wrong with it; so these two are chosen apart.
WRONG_NAMES = [
    (Edit(VEHICLE, "    attribute: sale_price", "    attribute: sales_price"), "unknown attribute"),
    (Edit(VEHICLE, "    attribute: trade_in_price", "    attribute: trade_price"), "unknown attribute"),
    (Edit(OWNERSHIP, "  - attribute: trade_in_buyer", "  - attribute: trade_in_buyr"), "unknown attribute"),
    (Edit(OWNERSHIP, "  - switch: exit_from_delivery", "  - switch: exit_from_deliveries"), "unknown switch"),
    (
        Edit(OWNERSHIP, "{attribute: version, owner: vehicle_module}", "{attribute: version, max_jump: 7, owner: dms}"),
        "only a number can have it, not a text",
    ),
    (Edit(LIFECYCLE, "    sources: [delivery]", "    sources: [deliverance]"), "unknown stage"),
    (Edit(LIFECYCLE, "    lines: [private, trade]", "    lines: [private, trades]"), "unknown line of life"),
    (Edit(LIFECYCLE, "    guards: [police_number_set]", "    guards: [police_number]"), "unknown guard"),
    (Edit(LIFECYCLE, "    not_there: create_in_dms", "    not_there: create_in_dsm"), "unknown meaning"),
    (Edit(MODULE, "trade: [PROFESSIONNEL]", "trades: [PROFESSIONNEL]"), "unknown value"),
    (
        Edit(
            MODULE,
            "  module_order: {field: order.id, converter: identifier",
            "  module_order: {field: order.id, converter: vin",
        ),
        "a identifier cannot be read with it",
    ),
    (
        Edit(
            MODULE,
            "format: yyyy-mm-dd}\n  registration_certificate_date",
            "format: yyyy-mm}\n  registration_certificate_date",
            "firstRegistrationDate",
        ),
        "not a date format",
    ),
    (
        Edit(DMS, "not_carried: [stage, reserved, module_order]", "not_carried: [stage, reserved, module_order, vin]"),
        "it has a field as well",
    ),
    (Edit(DMS, "      silver: [ARGENT]", "      silver: [ARGENT, Gris]"), "this spelling stands for grey already"),
    (
        Edit(DMS, "trade_in_buyer: {field: repreneur,", "trade_in_buyer: {field: chassis,"),
        "the attribute vin has this field",
    ),
    (Edit(POINTS, "      code: S02", "      code: S01 # twice"), "the point of sale PDV1 has this code"),
    (
        Edit(POINTS, "  PDV2:\n", "  PDV2:\n    switches: {exit_from_deliver: true}\n", "switches: {exit"),
        "unknown switch",
    ),
    (
        Edit(POINTS, "    name: 01 - VW", "    stages_left_out: {trade: [exit]}\n    name: 01 - VW", "[exit]"),
        "unknown optional stage",
    ),
    (Edit(PAIR_FILE, "vehicle_types: [used]", "vehicle_types: [used, old]"), "unknown vehicle type"),
]
WRONG_LANGUAGE = [
    (Edit(PAIR_FILE, "  overwrites_cars: 5", "  overwrites_cars: 0"), "input should be greater than or equal to 1"),
    (Edit(PAIR_FILE, "  removals_cars: 5", "  removal_cars: 5"), "unknown key"),
    (Edit(VEHICLE, "    kind: vin", "    kind: wine"), "unknown value"),
    (
        Edit(
            VEHICLE,
            "    minimum: 0\n  reconditioning_cost",
            "    minimum: none\n  reconditioning_cost",
            "minimum: none",
        ),
        "must be a whole number",
    ),
    (Edit(OWNERSHIP, "    max_jump: 50000", "    maxjump: 50000"), "unknown key"),
    (Edit(OWNERSHIP, "    immutable: true", "    immutable: yes"), "must be true or false"),
    (
        Edit(
            LIFECYCLE,
            "    goal: post_prep_check\n    by: vehicle_module",
            "    goal: post_prep_check\n    by: module",
            "by: module",
        ),
        "unknown value",
    ),
    (Edit(MODULE, "  auth: {scheme: bearer,", "  auth: {scheme: barer,"), "unknown value"),
    (
        Edit(
            MODULE,
            "    path: /api/v1/vehicles\n    query",
            "    pfad: /api/v1/vehicles\n    path: x\n    query",
            "pfad",
        ),
        "unknown key",
    ),
    (Edit(DMS, "writes_blank_as: empty_text", "writes_blank_as: empty"), "unknown value"),
    (
        Edit(
            POINTS,
            "      address: ICAR_URL\n      secrets: {key: ICAR_KEY}\n\n",
            "      address: icar_url\n      secrets: {key: ICAR_KEY}\n\n",
            "icar_url",
        ),
        "name an environment variable, such as OPENFLEX_TOKEN; never the value itself",
    ),
]


def _assert_all_are_reported(cases: list[tuple[Edit, str]], besides: list[str]) -> None:
    files = edited(*(edit for edit, _ in cases))
    wanted = sorted((edit.file, edit.line(files), message) for edit, message in cases)
    found = sorted((p.file, p.line, p.message) for p in problems_of(files) if p.message not in besides)
    assert found == wanted


def test_every_wrong_name_of_a_broken_copy_is_reported_at_once_on_its_line() -> None:
    # What a wrong name leaves undone is a mistake too: its attribute, switch or value is then without a place.
    besides = [
        "the attribute trade_in_buyer has no row; say who owns it",
        "the switch exit_from_delivery has no row",
        "the value trade has no spelling",
    ]
    _assert_all_are_reported(WRONG_NAMES, besides)


def test_every_word_outside_the_language_of_a_broken_copy_is_reported_at_once_on_its_line() -> None:
    _assert_all_are_reported(WRONG_LANGUAGE, [])


def test_a_file_outside_yaml_does_not_hide_the_mistakes_of_the_others() -> None:
    tab = Edit(PAIR_FILE, "guards:\n", "\tguards:\n")
    cases = [
        (tab, "not YAML: a tab; indent with spaces"),
        *[case for case in WRONG_LANGUAGE if case[0].file != PAIR_FILE],
    ]
    _assert_all_are_reported(cases, [])
    assert len({edit.file for edit, _ in cases}) == 7

"""What editors are told of the mapping files is what the loader holds them to.

Not here: the reference page (`test_reference`), and what the loader says of a mistake (`test_grammar`).
"""

import json
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator
from pydantic import BaseModel
from ruamel.yaml import YAML

from stocksync.entrypoints.mapping_schema import schema as command
from stocksync.errors import UsageError
from stocksync.mapping import models
from stocksync.mapping.effective import SWITCHES
from stocksync.mapping.grammar import read_as
from stocksync.mapping.load import load_files, read_files
from stocksync.mapping.schema import MODELS, as_file, file_name, kind_of, modeline, schema_of, with_modeline
from stocksync.mapping.source import read_source
from stocksync.mapping.spelled import flow
from stocksync.stock.lifecycle import GUARDS, Meaning
from tests.mapping.editing import (
    DMS,
    LIFECYCLE,
    MAPPINGS,
    MODULE,
    OWNERSHIP,
    PAIR_FILE,
    POINTS,
    VEHICLE,
    Edit,
    edited,
    shipped,
)

SHIPPED = shipped()
VALIDATORS = {kind: Draft202012Validator(schema_of(kind)) for kind in MODELS}
REGENERATE = (
    "run `stocksync mapping schema --write mappings` and `stocksync mapping reference --write` (see its --help)"
)


def mistakes(name: str, data: Any) -> list[str]:
    kind = kind_of(name)
    assert kind is not None
    return [error.message for error in VALIDATORS[kind].iter_errors(data)]


# --- the schemas and the loader agree


@pytest.mark.parametrize("kind", MODELS)
def test_every_schema_is_one_of_its_draft(kind: Any) -> None:
    Draft202012Validator.check_schema(schema_of(kind))
    assert schema_of(kind)["$schema"].endswith("2020-12/schema")


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_file_is_accepted_as_we_and_as_editors_read_it(name: str) -> None:
    ours = read_source(SHIPPED[name], name).data
    theirs = YAML(typ="safe", pure=True).load(SHIPPED[name])
    assert ours == theirs
    assert mistakes(name, ours) == []


MILEAGE = "    never_decreases: true\n"
BROKEN = [
    Edit(OWNERSHIP, MILEAGE, "    never_decrease: true\n"),
    Edit(OWNERSHIP, MILEAGE, "    never_decreases: yes\n"),
    Edit(OWNERSHIP, MILEAGE, '    never_decreases: "true"\n'),
    Edit(OWNERSHIP, "    max_jump: 50000", "    max_jump: 0"),
    Edit(OWNERSHIP, "    max_jump: 50000", '    max_jump: "50000"'),
    Edit(OWNERSHIP, "    max_jump: 50000", "    max_jump: true"),
    Edit(OWNERSHIP, "    on_both_changed: highest", "    on_both_changed: higest"),
    Edit(OWNERSHIP, "    fill_blank: vehicle_module", "    fill_blank: module"),
    Edit(OWNERSHIP, "      note: uc_price_editable", "      note: 7"),
    Edit(OWNERSHIP, "  - switch: exit_from_delivery", "  - switch: exit_from_delivery\n    owner: dms"),
    Edit(OWNERSHIP, "{attribute: make, owner: vehicle_module}", "{owner: vehicle_module}"),
    Edit(VEHICLE, "    kind: registration", "    kind: plate"),
    Edit(VEHICLE, "    label: {fr: Châssis, en: VIN}", "    label: {fr: Châssis}"),
    Edit(VEHICLE, "    label: {fr: Châssis, en: VIN}", "    label: Châssis"),
    Edit(VEHICLE, "    limit: 100", "    limit: 100.5"),
    Edit(VEHICLE, "  - rule: more_than", "  - rule: less_than"),
    Edit(VEHICLE, "  - rule: more_than\n", "  - label: more_than\n"),
    Edit(VEHICLE, "  - rule: not_after_today\n    attributes: [", "  - rule: dates_in_order\n    attributes: [] #"),
    Edit(LIFECYCLE, "    reserve_when_sold_outside: false", "    reserve_when_sold_outside: 0"),
    Edit(LIFECYCLE, "    brings: exit", "    brings: [exit]"),
    Edit(LIFECYCLE, "  deliver:\n    sources: [sales_stock]", "  deliver:\n    sources: sales_stock"),
    Edit(DMS, "writes_blank_as: empty_text", "writes_blank_as: null"),
    Edit(DMS, "  vin: {field: chassis, converter: vin}", "  vin: {field: chassis, converter: vim}"),
    Edit(DMS, "  vin: {field: chassis, converter: vin}", "  vin: {converter: vin}"),
    Edit(DMS, "  make: {field: marque, converter: text}", "  make: {field: marque, converter: text, format: x}"),
    Edit(DMS, "table: {trade_in: [REP],", "table: {trade_in: [],"),
    Edit(MODULE, "  signature: {header: X-Signature,", '  signature: {header: "X Signature",'),
    Edit(MODULE, "record:\n  id: id", "record:\n  id: 5"),
    Edit(PAIR_FILE, "  removals_percent: 10", "  removals_percent: 110"),
    Edit(PAIR_FILE, "  attempts: 4", "  attempts: 0"),
    Edit(PAIR_FILE, "vehicle_types: [used]", "vehicle_types:"),
    Edit(POINTS, 'complete_at: "03:30"', 'complete_at: "3:30"'),
    Edit(POINTS, 'complete_at: "03:30"', "complete_at: 330"),
    Edit(POINTS, "  PDV1:\n    name: 01 - VW SEAT SKODA\n", "  PDV1:\n"),
    Edit(POINTS, "      code: S01\n      address: ICAR_URL", "      code: S01\n      address: https://icar.example"),
    Edit(POINTS, "      code: S01\n", "      code: 1\n"),
]


@pytest.mark.parametrize("edit", BROKEN, ids=lambda edit: f"{Path(edit.file).stem}: {edit.new.strip()[-40:]}")
def test_what_the_loader_refuses_for_its_grammar_the_schema_refuses_too(edit: Edit) -> None:
    kind = kind_of(edit.file)
    assert kind is not None
    source = read_source(edited(edit)[edit.file], edit.file)
    assert not source.problems
    assert read_as(MODELS[kind], source) is None
    assert mistakes(edit.file, source.data)


def places_of_null(node: Any, path: str = "") -> Iterator[str]:
    if isinstance(node, dict):
        if node.get("type") == "null":
            yield path
        for key, inner in node.items():
            if key not in ("examples", "default", "enum", "const"):
                yield from places_of_null(inner, f"{path}.{key}")
    elif isinstance(node, list):
        for inner in node:
            yield from places_of_null(inner, path)


def test_null_is_offered_where_it_is_a_word_of_the_language_and_nowhere_else() -> None:
    found = [place for kind in MODELS for place in places_of_null(schema_of(kind), kind)]
    assert found == ["side.$defs.ErrorsModel.properties.fields.anyOf"]


def test_a_key_of_one_type_is_described_without_a_choice_of_types() -> None:
    owner = schema_of("ownership")["$defs"]["AttributeRowModel"]["properties"]["owner"]
    assert (owner["enum"][:2], owner["type"], "anyOf" in owner) == (["vehicle_module", "dms"], "string", False)


def test_only_mapping_files_have_a_kind() -> None:
    assert {name: kind_of(name) for name in SHIPPED}[DMS] == "side"
    assert None not in {kind_of(name) for name in SHIPPED}
    assert [kind_of(name) for name in ("dms.yaml", "pairs/dms.yaml", "pairs/a/vehicle.yaml", "a/b/dms.yaml")] == 4 * [
        None
    ]


# --- every key teaches


def fields() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Every key of every model of the language: its name, its schema, and the definitions that it may refer to."""
    classes = [c for c in vars(models).values() if isinstance(c, type) and issubclass(c, BaseModel)]
    for model in classes:
        if model.__module__.startswith(f"{models.__name__}."):
            made = model.model_json_schema()
            for key, node in made["properties"].items():
                yield f"{model.__name__}.{key}", node, made.get("$defs", {})


def test_every_key_has_a_description_and_an_example() -> None:
    found = list(fields())
    assert len(found) > 100
    assert [name for name, node, _ in found if not node.get("description") or not node.get("examples")] == []


@pytest.mark.parametrize(("node", "defs"), [pytest.param(node, defs, id=name) for name, node, defs in fields()])
def test_every_example_is_accepted_where_it_is_given(node: dict[str, Any], defs: dict[str, Any]) -> None:
    for example in node["examples"]:
        assert [e.message for e in Draft202012Validator({**node, "$defs": defs}).iter_errors(example)] == []
        assert read_source(f"k: {flow(example)}\n".encode(), "").data == {"k": example}


def test_the_words_that_the_program_knows_are_all_told() -> None:
    told = {name: node.get("description", "") for name, node, _ in fields()}
    assert all(word in told["SwitchRowModel.switch"] for word in SWITCHES)
    assert all(word in told["TransitionModel.guards"] for word in GUARDS)
    assert all(word.value in told["LifecycleFile.meanings"] for word in Meaning)


# --- files


def test_the_shipped_schemas_are_those_of_the_program() -> None:
    on_disk = {path.relative_to(MAPPINGS).as_posix(): path.read_bytes() for path in MAPPINGS.glob("schema/*")}
    due = {file_name(kind): as_file(schema_of(kind)) for kind in MODELS}
    assert on_disk.keys() == due.keys()
    assert [name for name in due if on_disk[name] != due[name]] == [], REGENERATE


@pytest.mark.parametrize("name", SHIPPED)
def test_the_first_line_of_every_shipped_file_leads_to_its_schema(name: str) -> None:
    first = SHIPPED[name].decode().splitlines()[0]
    target = first.removeprefix("# yaml-language-server: $schema=")
    kind = kind_of(name)
    assert kind is not None
    path = Path(os.path.normpath((MAPPINGS / name).parent / target))
    assert path == MAPPINGS / file_name(kind)
    assert path.is_file()


def test_an_installation_ships_the_schemas() -> None:
    data_files = tomllib.loads((MAPPINGS.parent / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"][
        "data-files"
    ]
    assert data_files["share/stocksync/mappings/schema"] == ["mappings/schema/*.json"]


LINE = modeline(DMS, "side")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"a: 1\n", b"%s\na: 1\n"),
        (b"# of ours\r\na: 1\r\n", b"%s\r\n# of ours\r\na: 1\r\n"),
        (b"a: 1", b"%s\na: 1"),
        (b"", b"%s\n"),
        (b"\xef\xbb\xbfa: 1\n", b"\xef\xbb\xbf%s\na: 1\n"),
        (b"# yaml-language-server: $schema=elsewhere.json\na: 1\n", b"%s\na: 1\n"),
        (b"# yaml-language-server: $schema=elsewhere.json\r\na: 1\r\n", b"%s\r\na: 1\r\n"),
        (b"# yaml-language-server is good\na: 1\n", b"%s\n# yaml-language-server is good\na: 1\n"),
    ],
)
def test_the_first_line_is_put_in_and_nothing_else_changes(before: bytes, after: bytes) -> None:
    made = with_modeline(before, LINE)
    assert made == after % LINE.encode()
    assert with_modeline(made, LINE) == made


# --- the command


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_one_schema_or_all_of_them_are_printed_as_json() -> None:
    assert json.loads(run("vehicle").output) == schema_of("vehicle")
    assert list(json.loads(run().output)) == list(MODELS)
    assert run("vehicles").exit_code == 2


def test_a_folder_gets_schemas_and_first_lines_once(tmp_path: Path) -> None:
    bare = {name: raw.split(b"\n", 1)[1] for name, raw in SHIPPED.items()}
    for name, raw in (bare | {f"examples/one/{name}": raw for name, raw in bare.items()}).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(raw)
    (tmp_path / VEHICLE).chmod(0o600)
    assert run("--write", tmp_path).output.splitlines()[-1].endswith(": 20 written, 0 were up to date.")
    assert read_files(tmp_path) == SHIPPED
    load_files(read_files(tmp_path / "examples/one"))
    assert (
        (tmp_path / "examples/one" / DMS)
        .read_bytes()
        .startswith(b"# yaml-language-server: $schema=../../../../schema/side.schema.json\n")
    )
    assert (tmp_path / VEHICLE).stat().st_mode & 0o777 == 0o600
    again = json.loads(run("--write", tmp_path, "--json").output)
    assert {file["changed"] for file in again["files"]} == {False}


def test_writing_takes_no_kind() -> None:
    assert isinstance(run("vehicle", "--write", ".").exception, UsageError)

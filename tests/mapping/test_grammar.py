"""What a mapping file may be at all: a departure from the language is refused, on its line, with the nearest word."""

import pytest

from stocksync.mapping.load import load_files
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
    shipped,
)

MILEAGE = "    never_decreases: true\n"


@pytest.mark.parametrize(
    ("edit", "message", "said", "nearest"),
    [
        (
            Edit(OWNERSHIP, MILEAGE, "    never_decrease: true\n"),
            "unknown key",
            "never_decrease",
            "never_decreases",
        ),
        (
            Edit(VEHICLE, "    label: {fr: Châssis, en: VIN}", "    lable: {fr: x, en: y}\n    label: {fr: x, en: y}"),
            "unknown key",
            "lable",
            "label",
        ),
        (Edit(DMS, "  envelope:\n", "  enveloppe:\n"), "unknown key", "enveloppe", "envelope"),
        (Edit(MODULE, "    precondition: etag", "    precondition: etags"), "unknown value", "etags", "etag"),
        (
            Edit(OWNERSHIP, "    on_both_changed: highest", "    on_both_changed: highets"),
            "unknown value",
            "highets",
            "highest",
        ),
        (
            Edit(OWNERSHIP, "    fill_blank: vehicle_module", "    fill_blank: vehicule_module"),
            "unknown value",
            "vehicule_module",
            "vehicle_module",
        ),
        (
            Edit(DMS, "  vin: {field: chassis, converter: vin}", "  vin: {field: chassis, converter: vim}"),
            "unknown value",
            "vim",
            "vin",
        ),
        (
            Edit(VEHICLE, "    kind: registration", "    kind: registrations"),
            "unknown value",
            "registrations",
            "registration",
        ),
        (Edit(VEHICLE, "  - rule: more_than", "  - rule: more_then"), "unknown value", "more_then", "more_than"),
        (
            Edit(DMS, "paging: {style: page,", "paging: {style: pages,"),
            "unknown value",
            "pages",
            "page",
        ),
        (
            Edit(OWNERSHIP, "NON\n      note: uc_car_management_activated", "NO # or what", "# or what"),
            "unknown value",
            "NO",
            "NON",
        ),
    ],
    ids=lambda value: value.new.strip().splitlines()[0] if isinstance(value, Edit) else None,
)
def test_a_word_outside_the_language_is_refused_with_the_nearest_one(
    edit: Edit, message: str, said: str, nearest: str
) -> None:
    problem = problem_of(edit)
    assert (problem.message, problem.said, problem.nearest) == (message, said, nearest)
    assert nearest in problem.allowed


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (Edit(OWNERSHIP, "    max_jump: 50000", "    max_jump: many"), "must be a whole number"),
        (Edit(OWNERSHIP, "    max_jump: 50000", '    max_jump: "50000"'), "must be a whole number"),
        (Edit(OWNERSHIP, "    max_jump: 50000", "    max_jump: 50000.0"), "must be a whole number"),
        (Edit(OWNERSHIP, MILEAGE, "    never_decreases: yes\n"), "must be true or false"),
        (Edit(PAIR_FILE, "vehicle_types: [used]", "vehicle_types: used"), "must be a list"),
        (Edit(VEHICLE, "label: {fr: Marque, en: Make}", "label: Marque"), "must be keys with values"),
        (Edit(DMS, "dms_status: [invoiced]", "dms_status: {}"), "must be a list"),
        (
            Edit(PAIR_FILE, "  removals_percent: 10 ", "  removals_percent: 110 "),
            "input should be less than or equal to 100",
        ),
        (Edit(POINTS, 'complete_at: "03:30"', 'complete_at: "3h30"'), "a time of day is due"),
        (
            Edit(MODULE, "values: {kind: UNLIMITED,", "values: {kind: [UNLIMITED],"),
            "must be a text or true or false or a whole number",
        ),
    ],
    ids=lambda value: value.new.strip() if isinstance(value, Edit) else None,
)
def test_a_value_of_the_wrong_type_is_refused_once_on_its_line(edit: Edit, message: str) -> None:
    assert problem_of(edit).message.startswith(message)


def test_a_flow_collection_has_the_line_of_its_own_key() -> None:
    problem = problem_of(
        Edit(
            DMS,
            "  model: {field: modele, converter: text}",
            "  model:\n    {field: modele,\n     convertor: text}",
            "convertor:",
        )
    )
    assert problem.where == "fields.model.convertor"


@pytest.mark.parametrize(
    ("edit", "said", "meant"),
    [
        (Edit(DMS, "vin: {field: chassis, converter:", "vin: {field: chassis, convertor:"), "convertor", "converter"),
        (Edit(VEHICLE, "  - rule: more_than\n", "  - rul: more_than\n"), "rul", "rule"),
        (Edit(DMS, "  protocol: rest\n", "  protokoll: rest\n"), "protokoll", "protocol"),
        (Edit(DMS, "paging: {style: page,", "paging: {styl: page,"), "styl", "style"),
    ],
    ids=lambda value: value.new.strip() if isinstance(value, Edit) else None,
)
def test_a_misspelt_key_that_tells_parts_apart_is_refused_with_the_one_that_is_meant(
    edit: Edit, said: str, meant: str
) -> None:
    problem = problem_of(edit)
    assert (problem.message, problem.said, problem.nearest) == ("unknown key", said, meant)


@pytest.mark.parametrize(
    ("edit", "where", "message"),
    [
        (
            Edit(MODULE, 'writes_blank_as: "null"\n', "", "system: openflex"),
            "file",
            "the key writes_blank_as is missing",
        ),
        (
            Edit(
                OWNERSHIP,
                "  - attribute: origin\n    owner: vehicle_module",
                "  - owner: vehicle_module # of what",
                "of what",
            ),
            "matrix.11",
            "the key attribute is missing",
        ),
        (
            Edit(DMS, "converter: boolean, yes: O", "yes: O", "tva_recup"),
            "fields.vat_recoverable",
            "the key converter is missing",
        ),
        (
            Edit(LIFECYCLE, "    goal: sales_stock\n", "", "  put_on_sale:"),
            "transitions.put_on_sale",
            "the key goal is missing",
        ),
    ],
    ids=["at the top", "in a row", "in a tagged part", "in a nested part"],
)
def test_a_missing_key_is_named_at_the_part_that_lacks_it(edit: Edit, where: str, message: str) -> None:
    problem = problem_of(edit)
    assert (problem.where, problem.message) == (where, message)


@pytest.mark.parametrize(
    ("edit", "allowed"),
    [
        (Edit(DMS, "converter: boolean, yes: O", "yes: O", "tva_recup"), "boolean"),
        (
            Edit(MODULE, "converter: integer, spelled: number}", "converter: integer}", "characteristics.mileage"),
            "number",
        ),
        (Edit(OWNERSHIP, "{attribute: make, owner: vehicle_module}", "{attribute: make}"), "shared"),
    ],
    ids=["a converter", "a spelling", "an owner"],
)
def test_a_missing_key_is_told_with_what_may_stand_there(edit: Edit, allowed: str) -> None:
    problem = problem_of(edit)
    assert problem.code == "key_missing"
    assert allowed in problem.allowed


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (Edit(OWNERSHIP, MILEAGE, MILEAGE + "    owner: dms # again\n", "# again"), "written twice"),
        (Edit(VEHICLE, "  make:\n", "  make: &m\n"), "anchors and aliases are not allowed here"),
        (Edit(VEHICLE, "  make:\n", "  make: !!map\n"), "tags are not allowed here"),
        (Edit(VEHICLE, "  make:\n", "  make: !!python/object:os.system\n"), "tags are not allowed here"),
        (Edit(POINTS, "    name: 01 - VW", "\tname: 01 - VW"), "not YAML: a tab; indent with spaces"),
        (
            # Noticed where the next key cannot stand.
            Edit(PAIR_FILE, "vehicle_types: [used]", "vehicle_types: [used\nlast: here", "last: here"),
            "not YAML: while parsing a flow sequence from line",
        ),
        (
            Edit(PAIR_FILE, "vehicle_types: [used]", "---\nvehicle_types: [used]"),
            "not YAML: expected a single document",
        ),
        (
            Edit(PAIR_FILE, "vehicle_types: [used]", "vehicle_types: [us\x01ed]"),
            "not YAML: a control character (number 1)",
        ),
        (
            Edit(PAIR_FILE, "vehicle_types: [used]", "vehicle_types: " + "[" * 25 + "used" + "]" * 25),
            "more than 20 levels",
        ),
    ],
    ids=[
        "duplicate key",
        "anchor",
        "tag",
        "dangerous tag",
        "tab",
        "open list",
        "two documents",
        "control character",
        "too deep",
    ],
)
def test_a_file_outside_restricted_yaml_is_refused_on_its_line(edit: Edit, message: str) -> None:
    files = edit.applied(shipped())
    first = next(problem for problem in problems_of(files) if problem.file == edit.file)
    assert first.message.startswith(message), str(first)
    assert first.line == edit.line(files)


def test_an_alias_bomb_is_refused_before_it_unfolds() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    problems = problems_of({**shipped(), PAIR_FILE: "\n".join(lines).encode()})
    assert {p.message for p in problems} == {"anchors and aliases are not allowed here"}
    assert problems[0].line == 1


def test_a_thousand_brackets_are_refused_without_an_error_of_the_program() -> None:
    (problem,) = problems_of({**shipped(), PAIR_FILE: b"a: " + b"[" * 100_000})
    assert (problem.line, problem.message) == (1, "more than 20 levels")


def test_a_file_with_a_byte_order_mark_is_read_like_any_other() -> None:
    plain, marked = shipped(), shipped()
    marked[PAIR_FILE] = b"\xef\xbb\xbf" + marked[PAIR_FILE]
    assert load_files(marked).points_of_sale["PDV1"] == load_files(plain).points_of_sale["PDV1"]


def test_a_file_with_windows_line_ends_means_the_same_and_keeps_its_lines() -> None:
    files = {name: raw.replace(b"\n", b"\r\n") for name, raw in shipped().items()}
    assert load_files(files).points_of_sale["PDV1"] == load_files(shipped()).points_of_sale["PDV1"]


@pytest.mark.parametrize(
    ("raw", "line", "message"),
    [
        ("vehicle_types: [usé]".encode("latin-1"), 1, "the file is not UTF-8 (byte 18)"),
        (b"# " + b"x" * 256 * 1024, 1, "the file is larger than 256 KB"),
        (b"", 1, "the file holds no keys"),
        (b"# only a comment\n", 1, "the file holds no keys"),
        (b"- a\n- list\n", 1, "the file holds no keys"),
    ],
    ids=["not UTF-8", "too large", "empty", "a comment", "a list"],
)
def test_a_file_that_is_no_mapping_at_all_is_refused(raw: bytes, line: int, message: str) -> None:
    (problem,) = problems_of({**shipped(), PAIR_FILE: raw})
    assert (problem.file, problem.line, problem.message) == (PAIR_FILE, line, message)


@pytest.mark.parametrize("name", sorted(shipped()))
def test_half_a_file_is_refused(name: str) -> None:
    files = shipped()
    files[name] = files[name][: len(files[name]) // 2]
    assert {problem.file for problem in problems_of(files)} & {name}


def test_a_missing_file_is_named() -> None:
    files = shipped()
    del files[LIFECYCLE]
    (problem,) = problems_of(files)
    assert (problem.file, problem.message) == (LIFECYCLE, "the file is missing")


def test_a_file_with_a_name_that_means_nothing_is_refused_with_the_nearest_names() -> None:
    (problem,) = problems_of({**shipped(), "pairs/openflex-icar/owner.yaml": b"a: 1"})
    assert problem.message == "no mapping file has this name"
    assert "ownership.yaml" in problem.allowed


@pytest.mark.parametrize("spelled", ["no", "off", "NON", "012", "12:30", "1e3", "0x10", "1_000", "Yes"])
def test_a_plain_word_that_yaml_would_turn_into_something_else_stays_text(spelled: str) -> None:
    files = edited(Edit(POINTS, "name: 01 - VW SEAT SKODA", f"name: {spelled}"))
    assert load_files(files).points_of_sale["PDV1"].name == spelled


def test_a_problem_is_one_line_that_says_where_what_and_what_is_allowed() -> None:
    problem = problem_of(Edit(OWNERSHIP, "    on_both_changed: highest", "    on_both_changed: higest"))
    assert str(problem) == (
        f"{OWNERSHIP}:{problem.line}: matrix.mileage.on_both_changed: unknown value; said: higest; "
        "did you mean highest? Allowed: review, vehicle_module, dms, highest, lowest."
    )


def test_a_secret_in_the_place_of_a_variables_name_is_never_repeated() -> None:
    old, new = "code: PDV1\n      address: OPENFLEX_URL", "code: PDV1\n      address: live-secret-1234"
    problem = problem_of(Edit(POINTS, old, new, "address: live-secret-1234"))
    assert "live-secret-1234" not in str(problem)
    assert "never the value itself" in problem.message

"""An edit of a mapping file changes the lines that it is about, and not one byte besides."""

import difflib
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from stocksync.mapping.editing import Append, CannotEdit, Change, Insert, Remove, Set, edited
from stocksync.mapping.source import MAX_BYTES, Keys, read_source
from tests.mapping.editing import DMS, MODULE, OWNERSHIP, PAIR_FILE, POINTS, VEHICLE, shipped

SHIPPED = shipped()
DATA = {name: read_source(raw, name).data for name, raw in SHIPPED.items()}


def places(data: Any, path: Keys = ()) -> list[tuple[Keys, Any]]:
    inside = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    here = [(path, data)] if path else []
    return here + [place for step, inner in inside for place in places(inner, (*path, step))]


EVERYWHERE = [(name, path, value) for name, data in DATA.items() for path, value in places(data)]
SCALARS = [place for place in EVERYWHERE if not isinstance(place[2], dict | list)]
COLLECTIONS = [place for place in EVERYWHERE if isinstance(place[2], dict | list)]

WORDS = st.sampled_from(["nouveau", "Prix de vente (€)", "12:30", "a/b", "nö", "NON", "x-y", "5 %"])
TEXTS = st.one_of(WORDS, st.text(max_size=12))
FLAT = st.one_of(TEXTS, st.booleans(), st.none(), st.integers(-(10**15), 10**15))
VALUES = st.recursive(
    FLAT, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=6
)
# Every example reads whole files; one that fails is short enough as it is found.
some = settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)


def changed(before: bytes, after: bytes) -> list[tuple[list[str], list[str]]]:
    """The lines that differ: for each place the former ones and the new ones."""
    old, new = before.decode().splitlines(True), after.decode().splitlines(True)
    steps = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [(old[i:j], new[k:m]) for step, i, j, k, m in steps if step != "equal"]


def said(raw: bytes) -> Any:
    source = read_source(raw, "")
    assert source.problems == []
    return source.data


def at(data: Any, path: Keys) -> Any:
    for step in path:
        data = data[step]
    return data


# --- anywhere in the shipped files


@some
@given(place=st.sampled_from(SCALARS), word=WORDS)
def test_a_value_changes_one_line_and_comes_back_to_the_same_bytes(place: tuple[str, Keys, Any], word: str) -> None:
    name, path, value = place
    new = not value if isinstance(value, bool) else value + 7 if isinstance(value, int) else f"{word} {value}"
    made = edited(SHIPPED[name], [Set(path, new)])
    ((old_lines, new_lines),) = changed(SHIPPED[name], made)
    assert len(old_lines) == len(new_lines) == 1
    assert at(said(made), path) == new
    assert edited(made, [Set(path, value)]) == SHIPPED[name]


@some
@given(place=st.sampled_from(EVERYWHERE), value=VALUES)
def test_any_value_fits_anywhere_and_moves_no_other_line(place: tuple[str, Keys, Any], value: Any) -> None:
    name, path, before = place
    made = edited(SHIPPED[name], [Set(path, value)])
    assert json.dumps(at(said(made), path)) == json.dumps(value)
    differing = changed(SHIPPED[name], made)
    if not isinstance(before, dict | list):
        assert len(differing) <= 1
    comments = [line for line in SHIPPED[name].decode().splitlines() if line.startswith("#")]
    assert [line for line in made.decode().splitlines() if line.startswith("#")] == comments


@some
@given(place=st.sampled_from(COLLECTIONS), value=VALUES)
def test_what_is_added_and_removed_again_leaves_the_same_bytes(place: tuple[str, Keys, Any], value: Any) -> None:
    name, path, held = place
    is_mapping = isinstance(held, dict)
    added: Change = Insert(path, "neu", value) if is_mapping else Append(path, value)
    made = edited(SHIPPED[name], [added])
    ((old_lines, _),) = changed(SHIPPED[name], made)
    assert len(old_lines) <= 1
    assert edited(made, [Remove((*path, "neu" if is_mapping else len(held)))]) == SHIPPED[name]


@some
@given(place=st.sampled_from(EVERYWHERE))
def test_what_is_removed_is_gone_and_nothing_else(place: tuple[str, Keys, Any]) -> None:
    name, path, _ = place
    if len(at(DATA[name], path[:-1])) == 1 and len(path) == 1:
        return
    made = edited(SHIPPED[name], [Remove(path)])
    assert len(changed(SHIPPED[name], made)) == 1
    assert len(at(said(made), path[:-1])) == len(at(DATA[name], path[:-1])) - 1


# --- the edits that people make


def line_changes(name: str, *changes: Change) -> list[tuple[list[str], list[str]]]:
    return changed(SHIPPED[name], edited(SHIPPED[name], changes))


def row(attribute: str) -> int:
    return next(i for i, r in enumerate(DATA[OWNERSHIP]["matrix"]) if r.get("attribute") == attribute)


def test_another_owner_is_one_line() -> None:
    path = ("matrix", row("mileage"), "owner")
    assert line_changes(OWNERSHIP, Set(path, "dms")) == [(["    owner: shared\n"], ["    owner: dms\n"])]


def test_an_override_of_one_point_of_sale_is_one_line() -> None:
    path = ("points_of_sale", "PDV1", "ownership")
    assert line_changes(POINTS, Set(path, {"mileage": {"owner": "dms"}})) == [
        ([], ["    ownership:\n", "      mileage:\n", "        owner: dms\n"])
    ] or line_changes(POINTS, Set(path, {"mileage": {"owner": "dms"}})) == [
        ([], ["    ownership: {mileage: {owner: dms}}\n"])
    ]


def test_a_mark_is_put_behind_the_key_it_belongs_to() -> None:
    change = Insert(("matrix", row("vin")), "provisional", True, after="owner")
    assert line_changes(OWNERSHIP, change) == [([], ["    provisional: true\n"])]


def test_a_new_row_stands_as_the_others_do() -> None:
    new = {"attribute": "next_service", "owner": "dms"}
    assert line_changes(OWNERSHIP, Append(("also_carried",), new)) == [
        ([], ["  - {attribute: next_service, owner: dms}\n"])
    ]
    guide = {**new, "guide": {"label": "Révision", "dms_may_modify": "OUI"}}
    made = edited(SHIPPED[OWNERSHIP], [Append(("matrix",), guide)]).decode()
    behind = "\n\n# Not in the guide's table"
    lines = "  - attribute: next_service\n    owner: dms\n    guide: {label: Révision, dms_may_modify: OUI}"
    assert made == SHIPPED[OWNERSHIP].decode().replace(behind, f"\n\n{lines}{behind}")


def test_a_code_that_was_unknown_is_added_within_its_line() -> None:
    path = ("fields", "origin", "table", "rental")
    ((old, new),) = line_changes(DMS, Append(path, "LOC2"))
    assert new == [old[0].replace("[LOC]", "[LOC, LOC2]")]
    path = ("fields", "exterior_colour", "table", "blue")
    assert line_changes(MODULE, Append(path, "Bleu: ciel")) == [([], ['        - "Bleu: ciel"\n'])]


def test_only_what_differs_inside_a_value_is_written() -> None:
    attribute = DATA[VEHICLE]["attributes"]["mileage"]
    made = {**attribute, "minimum": 1, "tolerance": 5, "label": {**attribute["label"], "en": "Odometer"}}
    assert line_changes(VEHICLE, Set(("attributes", "mileage"), made)) == [
        (
            ["    label: {fr: Kilométrage, en: Mileage}\n", "    minimum: 0\n"],
            ["    label: {fr: Kilométrage, en: Odometer}\n", "    minimum: 1\n", "    tolerance: 5\n"],
        )
    ]


def test_comments_inside_a_value_survive_where_only_some_of_it_differs() -> None:
    guards = {**DATA[PAIR_FILE]["guards"], "removals_cars": 8}
    ((old, new),) = line_changes(PAIR_FILE, Set(("guards",), guards))
    assert old[0].startswith("  removals_cars: 5 # ")
    assert new == [old[0].replace("5", "8")]


def test_the_same_value_changes_nothing() -> None:
    for name, data in DATA.items():
        changes = [Set((key,), value) for key, value in data.items()]
        assert edited(SHIPPED[name], changes) == SHIPPED[name]


# --- layouts


CASES = [
    ("a: 1 # why\n", Set(("a",), 2), "a: 2 # why\n"),
    ("a: 1", Set(("a",), 2), "a: 2"),
    ("a: 1", Insert((), "b", 2), "a: 1\nb: 2"),
    ("a: 1\nb: 2", Remove(("b",)), "a: 1"),
    ("a: 1\r\nb: 2", Remove(("b",)), "a: 1"),
    ("a: 1\r\nb: 2 # x\r\n", Insert((), "c", 3), "a: 1\r\nb: 2 # x\r\nc: 3\r\n"),
    ("a: 1\r\n\r\nb: 2\r\n", Set(("a",), {"x": {"y": 1}}), "a:\r\n  x: {y: 1}\r\n\r\nb: 2\r\n"),
    ("\ufeffa: 1\n", Set(("a",), 2), "\ufeffa: 2\n"),
    ("a:\nb: 1\n", Set(("a",), "x"), "a: x\nb: 1\n"),
    ("a: # why\nb: 1\n", Set(("a",), "x"), "a: x # why\nb: 1\n"),
    ("a:\nb: 1\n", Insert(("a",), "c", 1), "a: {c: 1}\nb: 1\n"),
    ("a: {b, c: }\n", Set(("a", "b"), 1), "a: {b: 1, c: }\n"),
    ("a: {b, c: }\n", Set(("a", "c"), 1), "a: {b, c: 1 }\n"),
    ("a:\n  -\n  - x\n", Set(("a", 0), "y"), "a:\n  - y\n  - x\n"),
    ("a: {b: 1,\n    c: 2} # x\nd: 1\n", Set(("a", "c"), 3), "a: {b: 1,\n    c: 3} # x\nd: 1\n"),
    (
        "a:\n  {b: 1, # one\n   c: 2, # two\n  }\n",
        Insert(("a",), "d", 3),
        "a:\n  {b: 1, # one\n   c: 2, d: 3, # two\n  }\n",
    ),
    ("a: {b: 1, c: 2, d: 3}\n", Remove(("a", "b")), "a: {c: 2, d: 3}\n"),
    ("a: {b: 1, c: 2, d: 3}\n", Remove(("a", "d")), "a: {b: 1, c: 2}\n"),
    ("a: {b: 1}\n", Remove(("a", "b")), "a: {}\n"),
    ("a: []\n", Append(("a",), "x"), "a: [x]\n"),
    ("a: [x]\n", Append(("a",), "y, z"), 'a: [x, "y, z"]\n'),
    ("a:\n- x\n- y\nb: 1\n", Append(("a",), "z"), "a:\n- x\n- y\n- z\nb: 1\n"),
    ("a:\n- x\n- y\nb: 1\n", Remove(("a", 0)), "a:\n- y\nb: 1\n"),
    ("a:\n  - x\nb: 1\n", Remove(("a", 0)), "a: []\nb: 1\n"),
    ("a: # why\n  b: 1 # x\nc: 1\n", Set(("a",), 5), "a: 5 # why\nc: 1\n"),
    ("a:\n  - b: 1\n    c: 2\n", Remove(("a", 0, "b")), "a:\n  - c: 2\n"),
    ("a:\n  - b: 1\n    c: 2\n  - x\n", Set(("a", 0), "y"), "a:\n  - y\n  - x\n"),
    ("a:\n  - - x\n    - y\n", Remove(("a", 0, 0)), "a:\n  - - y\n"),
    (
        "a:\n    b: 1\n    # of b\n    c: 2\n",
        Insert(("a",), "d", 3, after="b"),
        "a:\n    b: 1\n    d: 3\n    # of b\n    c: 2\n",
    ),
    ("a: 'x'\n", Set(("a",), "it's"), "a: 'it''s'\n"),
    ('a: "x"\n', Set(("a",), "é\u00a0"), 'a: "é\\u00a0"\n'),
    ("a: x\n", Set(("a",), "true"), 'a: "true"\n'),
    ("a: x\n", Set(("a",), "012"), 'a: "012"\n'),
    ("a: x\n", Set(("a",), "1.5"), 'a: "1.5"\n'),
    ("a: x\n", Set(("a",), "y # z"), 'a: "y # z"\n'),
    ("a: x\n", Set(("a",), ""), 'a: ""\n'),
    ("a: |\n  x\n  y\n\nb: 1\n", Set(("a",), "z"), "a: z\n\nb: 1\n"),
    ("a:\n  b: |\n    x\nc: 1\n", Insert(("a",), "d", 1), "a:\n  b: |\n    x\n  d: 1\nc: 1\n"),
    ("a: x\n  y\nb: 1\n", Set(("a",), "z"), "a: z\nb: 1\n"),
    ("a:\n  b: 1\n\n  c: 2\n\nd: 1\n", Insert(("a",), "e", 3), "a:\n  b: 1\n\n  c: 2\n\n  e: 3\n\nd: 1\n"),
    ("a:\n  b: 1\n\n  c: 2\n\nd: 1\n", Remove(("a", "c")), "a:\n  b: 1\n\nd: 1\n"),
    ("'a': 1\n", Set(("a",), 2), "'a': 2\n"),
    ("a : 1\n", Set(("a",), 2), "a : 2\n"),
    ("? a\n: 1\n? b\n: 2\n", Remove(("a",)), "? b\n: 2\n"),
    ("a:\n  b:\n# of c\nc: 1\n", Insert(("a",), "d", 1), "a:\n  b:\n  d: 1\n# of c\nc: 1\n"),
    ("a:\n  b: # x\n  c:\nd: 1\n", Remove(("a", "b")), "a:\n  c:\nd: 1\n"),
    ("a:\n  -\n  -\nb: 1\n", Append(("a",), "x"), "a:\n  -\n  -\n  - x\nb: 1\n"),
    ("---\na: 1\n...\n", Set(("a",), 2), "---\na: 2\n...\n"),
    ("a: " + "x" * 200 + "\nb: 1\n", Set(("b",), 2), "a: " + "x" * 200 + "\nb: 2\n"),
    ("a: x\n", Set(("a",), "y " * 150 + "z"), "a: " + "y " * 150 + "z\n"),
]


@pytest.mark.parametrize(("before", "change", "after"), CASES, ids=lambda value: repr(value)[:60])
def test_every_layout_keeps_what_the_change_is_not_about(before: str, change: Change, after: str) -> None:
    assert edited(before.encode(), [change]).decode() == after


REFUSED: list[tuple[bytes, Change, str]] = [
    (b"a: 1\n", Set(("b", "c"), 1), "there is no b"),
    (b"a: [x]\n", Set(("a", 1), 1), "there is no a.1"),
    (b"a: 1\n", Set((), {}), "a path is due"),
    (b"a: 1\n", Remove(("a",)), "cannot be edited here"),
    (b"a: 1\n", Remove(("b",)), "there is no|no b|b"),
    (b"a: 1\n", Insert((), "a", 2), "takes no new key a"),
    (b"a: 1\n", Insert((), "b", 2, after="c"), "has no key c"),
    (b"a: 1\n", Append(("a",), 2), "a is no list"),
    (b"a: 1\n", Set(("a",), 10**20), "cannot be edited here"),
    (b"a: &x 1\n", Set(("a",), 2), "anchors"),
    (b"a: 1\na: 2\n", Set(("a",), 3), "written twice"),
    (b"- a\n", Append((), "b"), "holds no keys"),
    (b"\xff", Set(("a",), 1), "UTF-8"),
    (b"a: 1\n" + b"#" * MAX_BYTES, Set(("a",), 2), "larger"),
]


@pytest.mark.parametrize(("before", "change", "message"), REFUSED, ids=lambda value: repr(value)[:40])
def test_what_cannot_be_edited_is_refused_and_said(before: bytes, change: Change, message: str) -> None:
    with pytest.raises(CannotEdit, match=message):
        edited(before, [change])

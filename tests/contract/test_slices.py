"""A page is cut into its records without reading them, or it is read whole: never anything between."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stocksync.adapters.systems.slices import digest_of, sliced
from stocksync.adapters.systems.strict_json import NotJson, parsed
from stocksync.sync.familiar import KnownPage

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
records = st.lists(st.dictionaries(st.text(max_size=4), values, max_size=4), max_size=6)


def spelled(value: Any, indent: int | None) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=indent).encode("utf-8", "surrogatepass")


@given(records, values, st.sampled_from([None, 2]), st.sampled_from(["items", "data.items"]))
def test_a_page_in_pieces_says_what_the_whole_page_says(
    items: list[Any], beside: Any, indent: int | None, path: str
) -> None:
    page = {"total": 3, "beside": beside, "items": items}
    content = spelled({"data": page, "next": None} if path == "data.items" else page, indent)
    cut = sliced(content, path)
    assert cut is not None
    try:
        whole = parsed(content)
    except NotJson:
        return
    assert [record for record, _ in cut.unfamiliar(set())] == (whole["data"] if path == "data.items" else whole)[
        "items"
    ]
    envelope = parsed(cut.envelope)
    there = envelope["data"] if path == "data.items" else envelope
    assert there == {**page, "items": []}


def test_a_list_that_stands_in_another_part_of_the_page_too_is_cut_where_the_path_leads() -> None:
    content = b'{"x": [{"a": 1}], "items": [{"a": 1}], "y": 2}'
    cut = sliced(content, "items")
    assert cut is not None
    assert [record for record, _ in cut.unfamiliar(set())] == [{"a": 1}]
    assert parsed(cut.envelope) == {"x": [{"a": 1}], "items": [], "y": 2}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b'{"items": 1}',
        b'{"items": {"a": 1}}',
        b'{"other": []}',
        b'{"items": [1,]}',
        b'{"items": [NaN]}',
        b'{"items": [{"a": 1}]',
        b"[]",
        "\ufeff{}".encode(),
        b"\xff\xfe",
    ],
)
def test_what_cannot_be_cut_is_left_to_whoever_reads_it_whole(content: bytes) -> None:
    assert sliced(content, "items") is None


@pytest.mark.parametrize("item", [b'{"a": 1, "a": 2}', b'{"a": "\xff"}', b'{"a": "\\ufffd"}', b'{"a": 1e999999999}'])
def test_a_record_that_is_damaged_is_refused_as_in_a_whole_page(item: bytes) -> None:
    cut = sliced(b'{"items": [' + item + b"]}", "items")
    assert cut is not None
    with pytest.raises(NotJson):
        cut.unfamiliar(set())


def test_a_digest_changes_with_every_byte_and_fits_into_a_database() -> None:
    assert digest_of(b'{"a":1}') != digest_of(b'{"a": 1}')
    digests = [digest_of(str(number).encode()) for number in range(1000)]
    assert all(-(2**63) <= digest < 2**63 for digest in digests)
    assert len(set(digests)) == 1000


def test_a_list_said_twice_is_refused_and_not_halved() -> None:
    cut = sliced(b'{"items": [{"a": 1}], "items": [{"a": 2}]}', "items")
    assert cut is not None
    with pytest.raises(NotJson, match="twice"):
        parsed(cut.envelope)


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("items", b'{"next":"%s","items":[{"a":1},{"b":[2]}]}'),
        ("data.items", b'{"data":{"items":[{"a":1},{"b":[2]}]},"next":"%s"}'),
        (None, b'%.0s[{"a":1},{"b":[2]}]'),
    ],
)
def test_a_known_page_is_known_whatever_else_stands_on_it(path: str | None, page: bytes) -> None:
    first = sliced(page % b"abc", path)
    assert first is not None
    known = KnownPage(first.digest, 2)
    again = sliced(page % b"another", path, {known.digest: known}.get)
    assert again is not None
    assert (again.known, again.pieces) == (known, ())
    assert json.loads(again.envelope) == json.loads((page % b"another").replace(b'[{"a":1},{"b":[2]}]', b"[]"))


@pytest.mark.parametrize(
    "page",
    [b'{"items":[{"a":2}],"next":null}', b'{"items":[{"a":1}],"also":[]}', b'{"other":[{"a":1}],"items":[{"a":1}]}'],
)
def test_a_page_is_not_known_by_a_list_that_changed_or_has_another_beside_it(page: bytes) -> None:
    first = sliced(b'{"items":[{"a":1}]}', "items")
    assert first is not None
    known = KnownPage(first.digest, 1)
    cut = sliced(page, "items", {known.digest: known}.get)
    assert cut is not None
    assert cut.known is None
    assert len(cut.listed(()).digests) == 1


def test_a_known_list_that_stands_elsewhere_on_a_page_is_not_taken_for_its_records() -> None:
    first = sliced(b'{"items":[{"a":1}]}', "items")
    assert first is not None
    known = KnownPage(first.digest, 1)
    assert sliced(b'{"others":[{"a":1}]}', "items", {known.digest: known}.get) is None

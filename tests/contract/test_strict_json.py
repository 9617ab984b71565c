"""JSON is read exactly, or not at all; and quickly only where that makes no difference."""

import json
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stocksync.adapters.systems import strict_json
from stocksync.adapters.systems.strict_json import NotJson, parsed

RECORD = (
    b'{"id": "OF-1", "sale": {"price": 12.50, "tax": -0, "rate": 1e2}, "make": "Citro\\u00ebn \\"DS\\\\", "t\\/g": [1],'
    b' "colour": "Gris \xc3\xa9toil\xc3\xa9", "order": null, "sold": true, "": ""}'
)
PIECES = (
    *(b'"', b"\\", b":", b",", b"{", b"}", b"[", b"]", b"0", b"1", b".", b"e", b"-", b" ", b"\n", b"\t", b"\x00"),
    *(b'"id": 1, ', b'"id":2,', b'\\"', b"\\u0022", b"\\ufffd", b"\\ud83d", b"\\ud83d\\ude00", b"\\x", b"\\u00E9"),
    *(b"NaN", b"-Infinity", b"1.", b".5", b"1e31", b"1e-31", b"9007199254740993", b"9" * 17, b"9" * 18, b"9" * 5000),
    *(b"\xff", b"\xef\xbf\xbd", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"[" * 400, b"]" * 400, b"\x7f", b"\xe2\x80\xa8"),
)


def said(content: bytes) -> str:
    """What comes out, digit for digit."""
    try:
        return repr(parsed(content))
    except NotJson as error:
        return f"NotJson {error}"


def said_slowly(content: bytes) -> str:
    with patch.object(strict_json, "_harmless", lambda _: strict_json._IN_DOUBT):
        return said(content)


@given(st.lists(st.tuples(st.integers(0, len(RECORD)), st.integers(0, 12), st.sampled_from(PIECES)), max_size=4))
def test_what_is_read_quickly_is_what_is_read_with_every_check(changes: list[tuple[int, int, bytes]]) -> None:
    content = RECORD
    for start, length, piece in changes:
        content = content[:start] + piece + content[start + length % 4 :]
    assert said(content) == said_slowly(content)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


@given(values, st.booleans(), st.sampled_from([None, 1]))
def test_any_value_in_any_spelling_is_read_the_same_both_ways(value: Any, is_ascii: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=is_ascii, indent=indent, default=str)
    content = text.encode("utf-8", "surrogatepass")
    assert said(content) == said_slowly(content)


@pytest.mark.parametrize(
    "content",
    [
        b'{"a": 1, "a": 1}',
        b'{"a": "\\"", "a": "\\""}',
        b'{"a": {"b": 1, "c": [{"d": "x", "d": "x"}]}}',
        b'{"a": "\\u0022", "\\u0061": "\\u0022"}',
        b'{"": "", "": ""}',
        b'{"a\\\\": 1, "a\\\\": "\\\\\\""}',
    ],
)
def test_a_key_said_twice_is_refused_wherever_and_however_it_is_spelled(content: bytes) -> None:
    with pytest.raises(NotJson, match="twice"):
        parsed(content)


def test_amounts_are_kept_digit_for_digit() -> None:
    assert repr(parsed(b"[12.50, 12.5, 1E+3, -0.00, 0.1]")) == repr(
        [Decimal("12.50"), Decimal("12.5"), Decimal("1E+3"), Decimal("-0.00"), Decimal("0.1")]
    )

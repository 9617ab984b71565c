"""Files are read by libyaml where it can, and by Python where it cannot: nobody can tell which one it was."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stocksync.mapping import source
from stocksync.mapping.load import read_files
from tests.worlds import SHIPPED

FILES = {name: raw.decode() for name, raw in read_files(SHIPPED).items()}
SPOILT = st.sampled_from(
    ["", " ", "\t", "\n", ":", "-", "#", '"', "'", "{", "]", ",", "&a", "*a", "!!int ", "|", "\x07", "é", "\u2028"]
)


def read(text: str) -> tuple[Any, Any, Any]:
    found = source.read_source(text.encode(), "some.yaml")
    return found.data, found.lines, found.problems


def both(text: str) -> list[tuple[Any, Any, Any]]:
    with patch.object(source, "_FAST", None):
        by_python = read(text)
    return [read(text), by_python]


@pytest.mark.skipif(source._FAST is None, reason="this PyYAML came without libyaml")
@settings(max_examples=80, deadline=None)
@given(st.sampled_from(sorted(FILES)), st.floats(0, 1), st.integers(0, 3), SPOILT)
@example("vehicle.yaml", 0.0, 0, "")
def test_whatever_is_in_a_file_both_readers_say_the_same_of_it(name: str, place: float, cut: int, put: str) -> None:
    text = FILES[name][:4000]
    at = int(place * len(text))
    by_libyaml, by_python = both(text[:at] + put + text[at + cut :])
    assert by_libyaml == by_python


def test_libyaml_is_there_where_the_tests_run() -> None:
    assert source._FAST is not None

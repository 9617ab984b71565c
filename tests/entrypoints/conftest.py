"""Desks for the tests of the command line: one that every test of a module shares, one of a test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.entrypoints.desk import Desk, desk_at


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_at(tmp_path, cars=60) as made:
        yield made

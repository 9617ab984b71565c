"""What the examples share: a json-server of their own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.examples.servers import Kontor, serving


@pytest.fixture(scope="module")
def json_server() -> Iterator[Callable[[Path], Kontor]]:
    """Start json-server on a copy of a file; it stops with the tests of the module."""
    with ExitStack() as running:
        yield lambda file: running.enter_context(serving(file))

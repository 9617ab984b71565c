"""A desk whose command line also records and replays; one key for all that is replaced."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stocksync.adapters.recordings import recorder
from stocksync.assembly import SystemClock
from stocksync.entrypoints.cli import cli
from stocksync.entrypoints.record_command import record
from stocksync.entrypoints.replay_command import replay
from tests.entrypoints.desk import Desk, desk_at

for command in (record, replay):
    if command.name not in cli.commands:
        cli.add_command(command)


@pytest.fixture(scope="module", autouse=True)
def replacements_are_the_same_each_time() -> Iterator[None]:
    """Record under one key: by chance, another one makes of a short word that is looked for what it was before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recorder, "new_key", lambda: bytes(range(32)))
        yield


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never wait between two tries."""
    monkeypatch.setattr(SystemClock, "pause", lambda self, seconds_s: None)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A few cars of two points of sale."""
    with desk_at(tmp_path, cars=28) as made:
        yield made

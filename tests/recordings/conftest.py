"""A desk whose command line also records and replays."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stocksync.assembly import SystemClock
from stocksync.entrypoints.cli import cli
from stocksync.entrypoints.record_command import record
from stocksync.entrypoints.replay_command import replay
from tests.entrypoints.desk import Desk, desk_at

for command in (record, replay):
    if command.name not in cli.commands:
        cli.add_command(command)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never wait between two tries."""
    monkeypatch.setattr(SystemClock, "pause", lambda self, seconds_s: None)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A few cars of two points of sale."""
    with desk_at(tmp_path, cars=28) as made:
        yield made

"""The service killed thirty times with SIGKILL, at any moment, under people at work and systems that lose answers."""

from pathlib import Path

import pytest

from tests.fire.killing import kill_again_and_again


@pytest.mark.slow
def test_killed_thirty_times_it_loses_nothing_doubles_nothing_and_invents_nothing(tmp_path: Path) -> None:
    came_of_it = kill_again_and_again(tmp_path, kills=30, seed=7)
    assert came_of_it.broken == [], came_of_it
    # Else nothing was tried.
    assert came_of_it.cut_short > 5, came_of_it
    assert came_of_it.people_did > 100, came_of_it
    assert came_of_it.writes > 100, came_of_it

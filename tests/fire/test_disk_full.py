"""A disk that fills up while stocksync works: it ends with 1 and a sentence, and sent nothing that it did not note."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stocksync.stock.values import SIDES
from tests.fire import chronicle, small_disk
from tests.fire.ends import Scene, broken
from tests.fire.ground import two_systems
from tests.fire.service import command

PROGRAM = [str(Path(small_disk.__file__))]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with two_systems(tmp_path, cars=60, seed=3) as (_, made):
        yield made


@pytest.mark.slow
def test_a_run_without_room_ends_with_1_and_the_next_one_with_room_goes_on(scene: Scene) -> None:
    command(scene.folder, scene.variables, "sync", "--point-of-sale", "PDV2")
    room = scene.database.stat().st_size + 20_000
    sent_in_vain = 0
    while True:
        before, recorded = effects(scene), delivered(scene)
        variables = {**scene.variables, "ROOM_BYTES": str(room)}
        done = command(scene.folder, variables, "sync", "--point-of-sale", "PDV1", program=PROGRAM)
        assert "Traceback" not in done.stderr
        if done.returncode == 0:
            break
        assert done.returncode == 1
        assert done.stderr.strip().endswith("Then run the command again.")
        assert effects(scene) - before <= claimed_or_done(scene)
        sent_in_vain += effects(scene) - before > delivered(scene) - recorded
        room += 40_000
    assert sent_in_vain, "the disk was never full between a write and its answer"
    assert command(scene.folder, scene.variables, "sync").returncode == 0
    assert broken(scene) == []


def effects(scene: Scene) -> int:
    """How many times the service wrote to either side."""
    return sum(state.by == "service" for side in SIDES for state in chronicle.read(scene.state, side))


def delivered(scene: Scene) -> int:
    """How many writes are noted as answered."""
    return int(scene.rows("SELECT count(*) FROM outbox WHERE status = 'delivered'")[0][0])


def claimed_or_done(scene: Scene) -> int:
    """How many writes were noted before they were sent."""
    return int(scene.rows("SELECT count(*) FROM outbox WHERE attempts > 0")[0][0])

"""What commands say of a database on a full or read-only disk, and of a damaged one: each its own remedy and code."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fire import own_disk
from tests.fire.ends import Scene
from tests.fire.ground import two_systems
from tests.fire.service import command

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A stocksync that has run once, its database in a folder of its own."""
    if not own_disk.works():
        pytest.skip("this machine gives no process a disk of its own")
    with two_systems(tmp_path_factory.mktemp("town"), cars=12, seed=3) as (_, made):
        kept = made.folder / "kept"
        kept.mkdir()
        url = f"sqlite:///{kept}/memory.db"
        assert command(made.folder, {**made.variables, "STOCKSYNC_DATABASE_URL": url}, "sync").returncode == 0
        yield made


@pytest.fixture
def on_disk(scene: Scene) -> Run:
    """Runs a command whose database lies on a disk in such a state."""

    def run(state: str, *arguments: str, lang: str = "fr") -> subprocess.CompletedProcess[str]:
        disk = scene.folder / "disk"
        variables = {
            **scene.variables,
            "STOCKSYNC_LANG": lang,
            "STOCKSYNC_DATABASE_URL": f"sqlite:///{disk}/memory.db",
            "OWN_DISK": str(disk),
            "OWN_DISK_FROM": str(scene.folder / "kept"),
            "OWN_DISK_STATE": state,
        }
        done = command(scene.folder, variables, *arguments, program=[str(Path(own_disk.__file__))])
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("state", "matter", "remedy"),
    [("full", "no_room", "Faire de la place"), ("read_only", "read_only", "monter le disque en écriture")],
)
def test_db_check_never_calls_a_whole_file_damaged(on_disk: Run, state: str, matter: str, remedy: str) -> None:
    done = on_disk(state, "db", "check")
    assert done.returncode == 1
    assert "endommagé" not in done.stdout
    assert remedy in done.stdout
    assert "ne pas remettre de sauvegarde en place" in done.stdout
    told = json.loads(on_disk(state, "db", "check", "--json").stdout)
    assert matter in {fault["matter"] for fault in told["faults"]}


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("status",), ("sync",), ("conflicts", "list")])
def test_a_full_disk_ends_with_1_and_a_read_only_one_with_2(on_disk: Run, arguments: tuple[str, ...]) -> None:
    full = on_disk("full", *arguments)
    assert (full.returncode, full.stdout) == (1, "")
    assert "there is no room left on its disk" in full.stderr
    assert "Make room there" in full.stderr
    refused = on_disk("read_only", *arguments)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "mount the disk writable" in refused.stderr


@pytest.mark.slow
def test_doctor_names_the_remedy_of_each(on_disk: Run) -> None:
    full = on_disk("full", "doctor", "--json")
    assert {"folder_full", "database_no_room", "disk_full"} <= faults(full)
    assert "folder_not_writable" not in faults(full)
    refused = on_disk("read_only", "doctor", "--json")
    assert {"folder_read_only", "database_read_only"} <= faults(refused)
    assert not {"database_unusable", "folder_not_writable", "integrity_broken"} & (faults(full) | faults(refused))


def faults(done: subprocess.CompletedProcess[str]) -> set[str]:
    """What doctor calls a fault."""
    return {found["check"] for found in json.loads(done.stdout)["findings"] if found["level"] == "fault"}


@pytest.mark.slow
def test_a_damaged_file_is_told_with_the_command_that_says_how_it_is_mended(scene: Scene) -> None:
    damaged = scene.folder / "damaged.db"
    damaged.write_bytes(b"not a database, but long enough to look like one" * 40)
    variables = {**scene.variables, "STOCKSYNC_DATABASE_URL": f"sqlite:///{damaged}"}
    done = command(scene.folder, variables, "status")
    assert done.returncode == 2
    assert "stocksync db check" in done.stderr
    assert "the room there" not in done.stderr

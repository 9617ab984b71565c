"""A disk that fills up under the service: it says so, is not ready, counts what broke off, and goes on by itself."""

import json
import signal
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.fire import own_disk
from tests.fire.ground import two_systems
from tests.fire.service import Service

PATIENCE_S = 40.0


def until(what: Callable[[], bool]) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < until_s
        time.sleep(0.1)


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    if not own_disk.works():
        pytest.skip("this machine gives no process a disk of its own")
    return tmp_path / "disk"


@pytest.mark.slow
def test_a_full_disk_is_told_in_one_line_counted_and_not_ready_until_there_is_room(tmp_path: Path, disk: Path) -> None:
    with two_systems(tmp_path, cars=24, seed=3) as (_, scene):
        variables = {
            **scene.variables,
            "STOCKSYNC_DATABASE_URL": f"sqlite:///{disk}/memory.db",
            "STOCKSYNC_QUICK_EVERY_S": "1",
            "STOCKSYNC_LANG": "en",
            "OWN_DISK": str(disk),
        }
        program = [str(Path(own_disk.__file__))]
        with closing(Service(tmp_path, variables, "--http", "127.0.0.1:0", program=program)) as service:
            url = service.says("Listening on ").removeprefix("Listening on ")
            until(lambda: 'stocksync_runs_total{kind="delta",status="done"} 0.0' not in figures(url))
            assert ready(url) == (200, [])
            own_disk.fill(own_disk.of(service.process.pid, disk))
            until(lambda: ready(url) == (503, ["database_no_room"]))
            until(lambda: 'stocksync_runs_total{kind="none",status="failed"}' in figures(url))
            until(lambda: 'stocksync_failed_runs_in_a_row{point_of_sale="PDV1"} 0.0' not in figures(url))
            told = own_disk.beside(service.process.pid, variables, "status")
            assert told.startswith("NO ROOM LEFT ON THE DATABASE'S DISK")
            assert json.loads(own_disk.beside(service.process.pid, variables, "status", "--json"))["database"] == {
                "has_room": False
            }
            (own_disk.of(service.process.pid, disk) / "filler").unlink()
            until(lambda: ready(url) == (200, []))
            until(lambda: 'stocksync_failed_runs_in_a_row{point_of_sale="PDV1"} 0.0' in figures(url))
            service.tell(signal.SIGTERM)
            assert service.ends() == 0
        log = service.log.read_text("utf-8")
        assert f"The database '{disk}/memory.db' cannot be used: there is no room left on its disk" in log
        assert "Traceback" not in log


def ready(url: str) -> tuple[int, list[str]]:
    """Whether it says that it can work, and why not."""
    answered = httpx.get(f"{url}/readyz", trust_env=False)
    return answered.status_code, answered.json()["reasons"]


def figures(url: str) -> str:
    """What it counted."""
    return httpx.get(f"{url}/metrics", trust_env=False).text

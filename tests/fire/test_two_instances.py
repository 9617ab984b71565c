"""Two services on one database, and commands beside them: one run of a point of sale at a time, every effect once."""

import re
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from stocksync import assembly
from stocksync.errors import Busy
from stocksync.sandbox.running import RunningSandbox
from tests.contract.clock import PaperClock
from tests.fire import short_lease
from tests.fire.ends import Scene, broken
from tests.fire.ground import quiet, two_systems, until
from tests.fire.people import People
from tests.fire.service import Service, command

SHORT_LEASE = [str(Path(short_lease.__file__))]


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[tuple[RunningSandbox, Scene]]:
    with two_systems(tmp_path, cars=60, seed=5) as made:
        made[0].breaks("dms").set("latency", ms="20-60")
        yield made


@pytest.mark.slow
def test_two_services_and_a_command_never_run_one_point_of_sale_at_once(ground: tuple[RunningSandbox, Scene]) -> None:
    sandbox, scene = ground
    variables = {**scene.variables, "STOCKSYNC_QUICK_EVERY_S": "1"}
    with ExitStack() as stack:
        services = [
            stack.enter_context(closing(Service(scene.folder, variables, "--workers", "2", log=f"serve-{name}.log")))
            for name in "ab"
        ]
        for service in services:
            service.is_ready()
        with People(scene.state, per_s=6, seed=5):
            ended = command(scene.folder, variables, "sync", "--wait", "60").returncode
            until(lambda: min(runs_of(service) for service in services) >= 6, 120, "both have had their turns")
        sandbox.breaks("dms").clear()
        quiet(scene, 2)
        for service in services:
            service.tell(signal.SIGTERM)
        assert [service.ends() for service in services] == [0, 0]
    assert ended == 0
    assert overlaps(scene) == []
    assert broken(scene) == []


def test_a_command_says_who_holds_the_point_of_sale_and_ends_with_1(ground: tuple[RunningSandbox, Scene]) -> None:
    _, scene = ground
    repository = assembly.open_repository(scene.variables["STOCKSYNC_DATABASE_URL"])
    with repository.exclusive("PDV1", assembly.SystemClock(), "a colleague's stock-taking"):
        done = command(scene.folder, scene.variables, "sync", "--point-of-sale", "PDV1")
    repository.engine.dispose()
    assert done.returncode == 1
    assert "a colleague's stock-taking, process" in done.stdout + done.stderr


@pytest.mark.slow
def test_a_holder_that_slept_through_its_lease_records_nothing_any_more(ground: tuple[RunningSandbox, Scene]) -> None:
    sandbox, scene = ground
    command(scene.folder, scene.variables, "sync")
    for system in ("vehicle_module", "dms"):
        sandbox.breaks(system).set("latency", ms="400")  # type: ignore[arg-type]
    with (
        People(scene.state, per_s=6, seed=5),
        closing(Service(scene.folder, scene.variables, program=SHORT_LEASE, log="serve-a.log")) as sleeper,
    ):
        sleeper.is_ready()
        until(lambda: falls_asleep_in_a_run(scene, sleeper), 30, "the first service stands still in a run")
        asleep = running(scene)
        for system in ("vehicle_module", "dms"):
            sandbox.breaks(system).clear()  # type: ignore[arg-type]
        with closing(Service(scene.folder, scene.variables, program=SHORT_LEASE, log="serve-b.log")) as successor:
            successor.is_ready()
            until(lambda: all(is_replaced(scene, run) for run in asleep), 90, "the second one has taken over")
            facts = [facts_of(scene, run) for run in asleep]
            sleeper.tell(signal.SIGCONT)
            until(lambda: "was taken over by" in sleeper.log.read_text(), 60, "the first one notices")
            assert [facts_of(scene, run) for run in asleep] == facts
            quiet_services = (sleeper, successor)
            for service in quiet_services:
                service.tell(signal.SIGTERM)
            assert [service.ends() for service in quiet_services] == [0, 0]
    command(scene.folder, scene.variables, "sync")
    command(scene.folder, scene.variables, "sync")
    assert broken(scene) == []


def test_a_successor_keeps_the_point_of_sale_when_the_one_that_slept_ends(ground: tuple[RunningSandbox, Scene]) -> None:
    _, scene = ground
    clock = PaperClock(datetime.now(UTC))
    repositories = [assembly.open_repository(scene.variables["STOCKSYNC_DATABASE_URL"]) for _ in range(3)]
    with ExitStack() as successor:
        with repositories[0].exclusive("PDV1", clock, "the one that slept"):
            clock.at += timedelta(minutes=5)
            successor.enter_context(repositories[1].exclusive("PDV1", clock, "its successor"))
        with pytest.raises(Busy, match="its successor"), repositories[2].exclusive("PDV1", clock, "a third one"):
            pass
    for repository in repositories:
        repository.engine.dispose()


def falls_asleep_in_a_run(scene: Scene, service: Service) -> bool:
    """Stop a service; wake it again where it was between two runs, or held the whole database in a transaction."""
    if not running(scene):
        return False
    service.tell(signal.SIGSTOP)
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(scene.database, timeout=0.1)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
        if running(scene):
            return True
    service.tell(signal.SIGCONT)
    return False


def running(scene: Scene) -> list[int]:
    """The runs that are on."""
    return [run for (run,) in scene.rows("SELECT id FROM run WHERE status = 'running'")]


def is_replaced(scene: Scene, run: int) -> bool:
    """Whether a later run of the same point of sale came to its end."""
    later = "SELECT count(*) FROM run WHERE point_of_sale = (SELECT point_of_sale FROM run WHERE id = ?) AND id > ?"
    return bool(scene.rows(f"{later} AND status = 'done'", run, run)[0][0])


def facts_of(scene: Scene, run: int) -> object:
    """Everything that is recorded of a run."""
    return (
        scene.rows("SELECT * FROM run WHERE id = ?", run),
        scene.rows("SELECT count(*) FROM journal WHERE run_id = ?", run),
        scene.rows("SELECT id, status, attempts FROM outbox WHERE run_id = ?", run),
    )


def runs_of(service: Service) -> int:
    """How many runs a service began."""
    return len(re.findall('"event": "run_began"', service.log.read_text(encoding="utf-8")))


def overlaps(scene: Scene) -> list[object]:
    """Runs of a point of sale that began before the one before them had ended, and fences that went back."""
    found: list[object] = []
    rows = scene.rows("SELECT point_of_sale, fence, started_at, finished_at FROM run ORDER BY point_of_sale, id")
    for (point, fence, _, ended_at), (next_point, next_fence, begun_at, _) in pairwise(rows):
        if point == next_point and (next_fence <= fence or begun_at < ended_at):
            found.append((point, fence, next_fence, ended_at, begun_at))
    return found

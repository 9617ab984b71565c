"""`stocksync serve` as a process, between two running systems: what arrives, when it stops, how it goes on."""

import hmac
import json
import shutil
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from stocksync.mapping.load import load_mappings
from tests.entrypoints.desk import SHIPPED, Desk, desk_at, quiet_cars
from tests.fire.service import Service

PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk_at(tmp_path_factory.mktemp("serve"), cars=24) as made:
        yield made


@contextmanager
def serving(desk: Desk, *arguments: str, **environment: str) -> Iterator[Service]:
    variables = {
        "STOCKSYNC_MAPPINGS": str(desk.mappings),
        "STOCKSYNC_DATABASE_URL": f"sqlite:///{desk.database}",
        "STOCKSYNC_LANG": "en",
        "STOCKSYNC_QUICK_EVERY_S": "1",
        **desk.sandbox.environment,
        **environment,
    }
    with closing(Service(desk.folder, variables, *arguments)) as service:
        yield service


def price_in_dms(desk: Desk, dossier: str) -> str:
    return str(desk.sandbox.dms.file(dossier)["prix_vente"])


def sold_for(desk: Desk, module_id: str, euros: int) -> None:
    """Have a salesperson change a price."""
    desk.sandbox.vehicle_module.patch(module_id, {"sale": {"price": euros}}, "user:7")


def until(what: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    until_s = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < until_s
        time.sleep(0.02)


@pytest.mark.slow
def test_first_contact_is_made_and_a_change_arrives_and_http_answers_and_sigterm_ends_it_with_0(desk: Desk) -> None:
    exchange = desk.folder / "exchange"
    exchange.mkdir()
    with serving(desk, "--http", "127.0.0.1:0", STOCKSYNC_EXCHANGE=str(exchange)) as service:
        assert service.says("PDV1: a quick run every 1 s")
        url = service.says("Listening on ").removeprefix("Listening on ")
        service.says("stocksync is running: 2 points of sale, 4 runs at a time")
        until(lambda: min(newest_run(desk, "PDV1"), newest_run(desk, "PDV2")) > 0)
        (_, module_id, dossier), *_ = quiet_cars(desk, 1)
        sold_for(desk, module_id, 4321)
        until(lambda: price_in_dms(desk, dossier) == "4321,00")
        assert {name: answer(f"{url}/{name}")[0] for name in ("healthz", "readyz")} == {"healthz": 200, "readyz": 200}
        figure = 'stocksync_runs_total{kind="delta",status="done"} '
        until(lambda: f"{figure}0.0" not in answer(f"{url}/metrics")[1])
        assert figure in answer(f"{url}/metrics")[1]
        until(lambda: any(exchange.rglob("conflits.csv")))
        begun_s = time.monotonic()
        service.tell(signal.SIGHUP)
        service.tell(signal.SIGTERM)
        assert service.ends() == 0
        assert time.monotonic() - begun_s < 25
    assert service.lines[-1] == "stocksync has stopped."


@pytest.mark.slow
def test_a_pause_keeps_it_from_writing_also_after_a_sigkill_and_the_next_start_goes_on(desk: Desk) -> None:
    desk.run("sync")
    (_, module_id, dossier), *_ = quiet_cars(desk, 1)
    before = price_in_dms(desk, dossier)
    with serving(desk) as service:
        service.says("stocksync is running")
        desk.run("pause", "--point-of-sale", "PDV1", "--by", "A. Martin", "--reason", "stock count")
        # The run that was on when the pause came ends as if nothing were.
        last = newest_run(desk)
        until(lambda: newest_run(desk, "PDV2") > last)
        until(lambda: count_running(desk, "PDV1") == 0)
        sold_for(desk, module_id, 5432)
        last = newest_run(desk)
        until(lambda: newest_run(desk, "PDV2") >= last + 2)
        until(lambda: count_running(desk, "PDV2") == 1)
        service.tell(signal.SIGKILL)
        assert service.ends() == -signal.SIGKILL
    with serving(desk) as service:
        assert "paused by A. Martin" in service.says("PDV1")
        last = newest_run(desk)
        until(lambda: newest_run(desk, "PDV2") > last)
        assert price_in_dms(desk, dossier) == before
        assert desk.run("resume", "--point-of-sale", "PDV1").exit_code == 0
        until(lambda: price_in_dms(desk, dossier) == "5432,00")
        service.tell(signal.SIGINT)
        assert service.ends() == 0


@pytest.mark.slow
def test_a_signed_webhook_makes_a_change_arrive_long_before_its_turn_and_a_forged_one_nothing(desk: Desk) -> None:
    mappings, secret = desk.folder / "mappings-with-hooks", "a-secret-of-thirty-two-characters"
    shutil.copytree(desk.mappings, mappings, dirs_exist_ok=True)
    points = mappings / "points_of_sale.yaml"
    points.write_text(points.read_text("utf-8").replace("{token: OPENFLEX_TOKEN}", HOOKED), "utf-8")
    desk.run("sync")
    last = newest_run(desk, "PDV1")
    given = {"STOCKSYNC_MAPPINGS": str(mappings), "STOCKSYNC_QUICK_EVERY_S": "3600", "OPENFLEX_HOOK_SECRET": secret}
    with serving(desk, "--http", "127.0.0.1:0", **given) as service:
        url = service.says("Listening on ").removeprefix("Listening on ")
        service.says("stocksync is running")
        # The run of the start must not be the one that sees it.
        until(lambda: newest_run(desk, "PDV1") > last and count_running(desk, "PDV1") == 0)
        (_, module_id, dossier), *_ = quiet_cars(desk, 1)
        sold_for(desk, module_id, 6543)
        body = json.dumps({"id": module_id, "pointOfSale": "PDV1"})
        assert hooked(url, body, "another-secret-of-thirty-two-char") == 401
        assert hooked(url, body, secret) == hooked(url, body, secret) == 202
        until(lambda: price_in_dms(desk, dossier) == "6543,00")
        service.tell(signal.SIGTERM)
        assert service.ends() == 0


HOOKED = "{token: OPENFLEX_TOKEN, hook: OPENFLEX_HOOK_SECRET}"


def hooked(url: str, body: str, secret: str) -> int:
    now = str(int(time.time()))
    proof = hmac.new(secret.encode(), f"{now}.{body}".encode(), "sha256").hexdigest()
    headers = {"X-Timestamp": now, "X-Signature": f"sha256={proof}"}
    return httpx.post(f"{url}/hooks/openflex", content=body, headers=headers, trust_env=False).status_code


def test_a_second_signal_does_not_wait_for_a_system_that_does_not_answer(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with serving(desk, OPENFLEX_URL=url, ICAR_URL=url) as service:
            service.says("stocksync is running")
            silent.accept()[0].close()
            held = [silent.accept()[0]]
            service.tell(signal.SIGTERM)
            service.says("Told to stop")
            service.tell(signal.SIGTERM)
            assert service.ends() == 130
            held[0].close()
    assert service.lines[-1].startswith("stocksync stops without waiting")


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (("--workers", "0"), {}),
        (("--http", "8080"), {}),
        ((), {"STOCKSYNC_WORKERS": "many"}),
        ((), {"STOCKSYNC_QUICK_EVERY_S": "0"}),
    ],
)
def test_wrong_use_ends_with_2_before_anything_begins(
    desk: Desk, arguments: tuple[str, ...], environment: dict[str, str]
) -> None:
    done = desk.run("serve", *arguments, **environment)
    assert (done.exit_code, done.stdout) == (2, "")


def test_it_does_not_start_without_a_variable_and_names_all_that_are_missing(desk: Desk) -> None:
    with serving(desk, OPENFLEX_TOKEN="", ICAR_KEY="") as service:
        assert service.ends() == 2
    assert service.lines == []
    assert service.log.read_text("utf-8").splitlines()[-1] == (
        "PDV1, PDV2: the environment does not have OPENFLEX_TOKEN, ICAR_KEY, which points_of_sale.yaml names; set "
        "them, or write them into .env."
    )


def test_it_does_not_start_with_an_address_that_cannot_be_used_and_never_says_a_secret(desk: Desk) -> None:
    with serving(desk, ICAR_URL="https://somebody:s3cr3t@icar.example") as service:
        assert service.ends() == 2
    said = service.log.read_text("utf-8").splitlines()[-1]
    assert said.startswith("PDV1, PDV2: The address of ")
    assert "s3cr3t" not in said


@pytest.mark.slow
def test_an_edit_that_names_a_variable_that_is_not_set_is_not_taken_over_and_runs_go_on(tmp_path: Path) -> None:
    with desk_at(tmp_path, cars=24) as desk:
        desk.mappings = Path(shutil.copytree(SHIPPED, tmp_path / "mappings"))
        file = desk.mappings / "points_of_sale.yaml"
        shipped = file.read_text(encoding="utf-8")
        with serving(desk, "--http", "127.0.0.1:0") as service:
            url = service.says("Listening on ").removeprefix("Listening on ")
            service.says("stocksync is running")
            until(lambda: min(newest_run(desk, "PDV1"), newest_run(desk, "PDV2")) > 0)
            before, _, last = shipped.rpartition("{key: ICAR_KEY}")
            file.write_text(f"{before}{{key: ICAR_KEY2}}{last}", encoding="utf-8")
            until(lambda: "stocksync_mapping_refused 1.0" in answer(f"{url}/metrics")[1])
            log = service.log.read_text("utf-8")
            assert "not taken over, runs go on by those before: PDV2: the environment does not have ICAR_KEY2" in log
            assert "start the service anew" in log
            seen = newest_run(desk, "PDV2")
            until(lambda: newest_run(desk, "PDV2") > seen + 1)
            file.write_text(shipped, encoding="utf-8")
            until(lambda: "stocksync_mapping_refused 0.0" in answer(f"{url}/metrics")[1])
            service.tell(signal.SIGTERM)
            assert service.ends() == 0


@pytest.mark.slow
def test_no_run_begins_while_the_file_of_the_database_is_not_at_its_place(tmp_path: Path) -> None:
    with desk_at(tmp_path, cars=24) as desk, serving(desk, "--http", "127.0.0.1:0") as service:
        url = service.says("Listening on ").removeprefix("Listening on ")
        service.says("stocksync is running")
        until(lambda: min(newest_run(desk, "PDV1"), newest_run(desk, "PDV2")) > 0)
        away = desk.database.rename(tmp_path / "away.db")
        until(lambda: '"database_replaced"' in answer(f"{url}/readyz")[1])
        until(lambda: "no file is there" in service.log.read_text("utf-8"))
        # What had begun comes to its end; several intervals later nothing new has.
        time.sleep(1)
        begun = service.log.read_text("utf-8").count("run_began")
        time.sleep(3)
        assert service.log.read_text("utf-8").count("run_began") == begun
        desk.database.write_bytes(away.read_bytes())
        assert answer(f"{url}/readyz")[0] == 503
        away.replace(desk.database)
        until(lambda: answer(f"{url}/readyz")[0] == 200)
        last = newest_run(desk)
        until(lambda: newest_run(desk) > last + 1)
        desk.database.unlink()
        until(lambda: answer(f"{url}/readyz")[0] == 503)
        service.tell(signal.SIGTERM)
        assert service.ends() == 0


def answer(url: str) -> tuple[int, str]:
    """Ask the service over HTTP."""
    answered = httpx.get(url, trust_env=False)
    return answered.status_code, answered.text


def count_running(desk: Desk, point: str) -> int:
    """How many runs of a point of sale are on."""
    return scalar(desk, "SELECT count(*) FROM run WHERE point_of_sale = ? AND status = 'running'", point)


def scalar(desk: Desk, statement: str, *values: object) -> int:
    """Ask the database as another process would."""
    with closing(sqlite3.connect(desk.database, timeout=10)) as connection:
        return int(connection.execute(statement, values).fetchone()[0])


def newest_run(desk: Desk, point: str = "%") -> int:
    """The number of the newest run that came to its end."""
    return scalar(desk, "SELECT coalesce(max(id), 0) FROM run WHERE point_of_sale LIKE ? AND status = 'done'", point)


@pytest.mark.slow
def test_edits_come_into_force_between_runs_and_wrong_ones_never(tmp_path: Path) -> None:
    with desk_at(tmp_path, cars=24) as desk:
        desk.mappings = Path(shutil.copytree(SHIPPED, tmp_path / "mappings"))
        file = desk.mappings / "points_of_sale.yaml"
        shipped = file.read_text(encoding="utf-8")
        with serving(desk, "--http", "127.0.0.1:0") as service:
            url = service.says("Listening on ").removeprefix("Listening on ")
            service.says("stocksync is running")
            until(lambda: min(newest_run(desk, "PDV1"), newest_run(desk, "PDV2")) > 0)
            # Not valid: runs go on by the files before it.
            file.write_text(shipped.replace("quick_every_min: 5", "quick_every_min: five"), encoding="utf-8")
            until(lambda: "the edited mapping files are not taken over" in (desk.folder / "serve.log").read_text())
            before = newest_run(desk, "PDV1")
            until(lambda: newest_run(desk, "PDV1") > before + 1)
            until(lambda: "stocksync_mapping_refused 1.0" in answer(f"{url}/metrics")[1])
            # Valid: the next run works by it.
            edited = shipped.replace("    name: 01 - VW", "    ownership: {mileage: {owner: dms}}\n    name: 01 - VW")
            assert edited != shipped
            file.write_text(edited, encoding="utf-8")
            until(lambda: "runs work by the new ones" in (desk.folder / "serve.log").read_text())
            version = load_mappings(desk.mappings).points_of_sale["PDV1"].version
            until(lambda: version in versions(desk, "PDV1"))
            service.tell(signal.SIGTERM)
            assert service.ends() == 0


def versions(desk: Desk, point: str) -> set[str]:
    """The versions of the mapping that the runs of a point of sale worked by."""
    with closing(sqlite3.connect(desk.database)) as connection:
        query = "SELECT DISTINCT mapping_version FROM run WHERE point_of_sale = ?"
        return {version for (version,) in connection.execute(query, (point,))}

"""Starting, stopping, starting again; two processes on one state; the commands."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from stocksync.entrypoints.sandbox_commands import sandbox, serve
from stocksync.sandbox.play import WorkingDay
from stocksync.sandbox.running import Access, RunningSandbox
from stocksync.sandbox.seed import fill
from stocksync.sandbox.vehicle_module import VehicleModule

MODULE = {"Authorization": "Bearer sandbox-token"}
KEY = {"X-Api-Key": "sandbox-key"}
COMMAND = "from stocksync.entrypoints.sandbox_commands import sandbox; sandbox()"


def said(sandbox):
    module = httpx.get(f"{sandbox.vehicle_module_url}/api/v1/vehicles?pointOfSale=PDV1&limit=1000", headers=MODULE)
    dms = httpx.get(f"{sandbox.dms_url}/icar/ws/v2/vo?site=S01&taille=500", headers=KEY)
    return module.content, dms.content


def test_a_restart_keeps_everything_and_a_cursor_too(tmp_path):
    fill(tmp_path, cars=40, points_of_sale=1, seed=3)
    page = "/api/v1/vehicles?pointOfSale=PDV1&limit=5"
    with RunningSandbox(tmp_path) as first:
        before = said(first)
        cursor = httpx.get(first.vehicle_module_url + page, headers=MODULE).json()["nextCursor"]
    with RunningSandbox(tmp_path) as second:
        assert said(second) == before
        rest = httpx.get(f"{second.vehicle_module_url}{page}&cursor={cursor}", headers=MODULE)
        assert rest.status_code == 200


def test_a_repeated_key_is_known_after_a_restart(tmp_path):
    fill(tmp_path, cars=5, points_of_sale=1, seed=3)
    headers = {
        **MODULE,
        "If-Match": "*",
        "Idempotency-Key": "k",
        "Content-Type": "application/merge-patch+json",
    }
    answers = []
    for _ in range(2):
        with RunningSandbox(tmp_path) as sandbox:
            url = f"{sandbox.vehicle_module_url}/api/v1/vehicles/OF-000001"
            answers.append(httpx.patch(url, headers=headers, content=b'{"sale":{"price":4321}}').content)
    assert answers[0] == answers[1]


def test_people_work_while_the_servers_serve(tmp_path):
    fill(tmp_path, cars=60, points_of_sale=1, seed=3)
    with RunningSandbox(tmp_path) as sandbox:
        before = said(sandbox)
        with WorkingDay(tmp_path, seed=5) as day:
            happened = list(day.random_day(20))
        after = said(sandbox)
    assert len(happened) >= 20
    assert after[0] != before[0]
    assert after[1] != before[1]


def test_servers_are_closed_while_a_stock_is_loaded_and_open_after(tmp_path, monkeypatch):
    answers = []
    load = VehicleModule.loaded

    def asking_meanwhile(module, *arguments):
        for url, headers in (sandbox.vehicle_module_url, MODULE), (sandbox.dms_url, KEY):
            path = "/icar/ws/v2/vo?site=S01" if headers is KEY else "/api/v1/points-of-sale"
            answer = httpx.get(url + path, headers=headers).json()
            answers.append(answer.get("code") or answer.get("status"))
        load(module, *arguments)

    with RunningSandbox(tmp_path) as sandbox:
        monkeypatch.setattr(VehicleModule, "loaded", asking_meanwhile)
        fill(tmp_path, cars=20, points_of_sale=1, seed=3)
        module, dms = said(sandbox)
    assert answers == [503, 503]
    assert b'"OF-000001"' in module
    assert b'"VO000001"' in dms


def test_the_environment_opens_both_doors(tmp_path):
    with RunningSandbox(tmp_path, access=Access(token="t0k", key="k3y")) as sandbox:
        variables = sandbox.environment
        bearer = {"Authorization": f"Bearer {variables['OPENFLEX_TOKEN']}"}
        module = httpx.get(f"{variables['OPENFLEX_URL']}/api/v1/points-of-sale", headers=bearer)
        key = {"X-Api-Key": variables["ICAR_KEY"]}
        dms = httpx.get(f"{variables['ICAR_URL']}/icar/ws/v2/vo?site=S01", headers=key)
    assert (module.status_code, dms.status_code) == (200, 200)


def test_a_taken_port_is_one_clear_error(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(sandbox, ["serve", "--state", str(tmp_path), "--dms-port", str(port)])
    assert result.exit_code == 1
    assert "cannot listen" in result.output


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_serve_announces_itself_and_stops_cleanly(tmp_path, end):
    arguments = ["serve", "--state", str(tmp_path), "--vehicle-module-port", "0", "--dms-port", "0"]
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    variables = tmp_path / "sandbox.env"
    deadline = time.monotonic() + 20
    while not variables.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    try:
        announced = process.stdout.readline()
        url = re.search(r"http://127\.0\.0\.1:\d+", announced)[0]
        assert httpx.get(f"{url}/api/v1/points-of-sale", headers=MODULE).status_code == 200
        assert f"OPENFLEX_URL={url}\n" in variables.read_text()
    finally:
        os.kill(process.pid, end)
        _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")


def test_seed_refuses_to_replace_cars_unless_forced(tmp_path):
    arguments = ["seed", "--state", str(tmp_path), "--cars", "20", "--points-of-sale", "2"]
    results = [CliRunner().invoke(sandbox, [*arguments, *more]) for more in ([], [], ["--force"])]
    assert [result.exit_code for result in results] == [0, 2, 0]
    assert "--force" in results[1].output
    assert results[2].output == results[0].output


def test_play_without_a_car_says_what_to_do(tmp_path):
    result = CliRunner().invoke(sandbox, ["play", "--state", str(tmp_path)])
    assert result.exit_code == 2
    assert "stocksync sandbox seed" in result.output


@pytest.mark.parametrize("command", [[], ["serve"], ["seed"], ["play"]])
def test_every_command_explains_itself(command):
    result = CliRunner().invoke(sandbox, [*command, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.output


def test_sandbox_alone_serves_the_state_of_this_folder(monkeypatch):
    asked = {}
    monkeypatch.setattr(serve, "callback", lambda **given: asked.update(given))
    done = CliRunner().invoke(sandbox, [])
    assert done.exit_code == 0, done.output
    assert (asked["directory"], asked["host"]) == (Path("sandbox"), "127.0.0.1")


def test_the_state_of_this_folder_is_what_seed_fills_unless_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(sandbox, ["seed", "--cars", "20"]).exit_code == 0
    assert {path.name for path in (tmp_path / "sandbox").glob("*.db")} == {"vehicle_module.db", "dms.db"}

"""`stocksync alerts` and `alerts test`: what they print, what they end with, in both languages."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from click.testing import CliRunner, Result

from stocksync.adapters.store.alert_rows import AlertRows
from stocksync.adapters.store.engine import open_engine
from stocksync.entrypoints.cli import cli
from stocksync.sync.alerts import AlertKind, Changes, Trouble

HALT = Trouble(AlertKind.HALTED, "PDV1", "run 7: too many cars leave")
NONE = dict.fromkeys(("SMTP_URL", "FROM", "TO", "WEBHOOK", "WEBHOOK_SECRET"))


def run(tmp_path: Path, *arguments: str, **alerts: str) -> Result:
    environment = {f"STOCKSYNC_ALERT_{name}": value for name, value in {**NONE, **alerts}.items()}
    environment |= {"STOCKSYNC_DATABASE_URL": f"sqlite:///{tmp_path / 'memory.db'}", "STOCKSYNC_LANG": None}
    return CliRunner(env=environment).invoke(cli, list(arguments), prog_name="stocksync")


@pytest.fixture
def halted(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'memory.db'}")
    AlertRows(engine).review(lambda _: Changes(opened=(HALT,)), datetime(2026, 3, 2, 10, 0, tzinfo=UTC))
    engine.dispose()


def test_where_nothing_is_wrong_that_is_said_and_no_database_is_made(tmp_path: Path) -> None:
    done = run(tmp_path, "alerts")
    assert (done.exit_code, done.stdout) == (0, "aucune alerte en cours\n")
    assert not (tmp_path / "memory.db").exists()


@pytest.mark.usefixtures("halted")
def test_an_open_alert_is_told_with_its_time_and_what_is_known(tmp_path: Path) -> None:
    french, english = run(tmp_path, "alerts").stdout, run(tmp_path, "--lang", "en", "alerts").stdout
    assert "PDV1\u00a0: une sécurité a arrêté la synchronisation\u202f;" in french
    assert "02/03/2026 11:00, pas encore signalée" in french
    assert "run 7: too many cars leave" in french
    assert "02/03/2026 11:00, not told yet" in english


@pytest.mark.usefixtures("halted")
def test_programs_get_the_same(tmp_path: Path) -> None:
    (alert,) = json.loads(run(tmp_path, "alerts", "--json").stdout)["alerts"]
    assert (alert["kind"], alert["subject"], alert["told_at"]) == ("halted", "PDV1", None)
    assert alert["opened_at"] == "2026-03-02T10:00:00+00:00"


def test_a_test_without_a_channel_is_wrong_use(tmp_path: Path) -> None:
    done = run(tmp_path, "alerts", "test")
    assert done.exit_code == 2
    assert "STOCKSYNC_ALERT_SMTP_URL" in done.stderr


def test_a_wrong_setting_hinders_no_other_command_and_is_told_by_the_test(tmp_path: Path) -> None:
    assert run(tmp_path, "alerts", WEBHOOK="http://chat.test/x").exit_code == 0
    assert run(tmp_path, "alerts", "test", WEBHOOK="http://chat.test/x").exit_code == 2


def test_each_channel_is_tried_and_one_that_fails_is_named(tmp_path: Path) -> None:
    class Taking:
        taken = 0

        async def handle_DATA(self, *_: object) -> str:
            Taking.taken += 1
            return "250 OK"

    class Server(Controller):
        def _trigger_server(self) -> None:
            assert self.server is not None
            self.port = self.server.sockets[0].getsockname()[1]
            super()._trigger_server()

    server = Server(Taking(), hostname="127.0.0.1", port=0)
    server.start()
    mail = {"SMTP_URL": f"smtp://127.0.0.1:{server.port}", "FROM": "a@group.test", "TO": "b@group.test"}
    try:
        good = run(tmp_path, "alerts", "test", **mail)
        mixed = run(tmp_path, "alerts", "test", "--json", **mail, WEBHOOK="http://127.0.0.1:9/t0ken-in-the-path")
    finally:
        server.stop()
    assert (good.exit_code, good.stdout) == (0, "mail\u00a0: message d'essai accepté\n")
    assert mixed.exit_code == 1
    assert [(each["channel"], each["accepted"]) for each in json.loads(mixed.stdout)["channels"]] == [
        ("mail", True),
        ("webhook", False),
    ]
    assert "t0ken" not in mixed.output
    assert Taking.taken == 2

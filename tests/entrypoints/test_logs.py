"""Log lines: what each carries, in both formats, whoever wrote it; and what runs log."""

import io
import json
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.contextvars import bound_contextvars, clear_contextvars

from stocksync.entrypoints import logs
from stocksync.entrypoints.log_watcher import LogWatcher
from stocksync.entrypoints.redaction import BLOT
from stocksync.errors import ConfigurationError
from stocksync.settings import read_settings
from stocksync.stock.values import BLANK, Side
from stocksync.sync.guards import Halt
from stocksync.sync.plan import Action, Change, Operation
from stocksync.sync.recording import EntryOutcome, EntryStatus, OutboxEntry, RunKind, RunStatus
from stocksync.sync.summary import Summary

Written = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Leave logging as other tests expect it."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    quiet = {name: logging.getLogger(name).level for name in logs.QUIET}
    yield
    for handler in list(root.handlers):
        handler.filters = [known for known in handler.filters if not isinstance(known, logs.RedactingFilter)]
        if handler not in before:
            root.removeHandler(handler)
    root.setLevel(level)
    for name, was in quiet.items():
        logging.getLogger(name).setLevel(was)
    clear_contextvars()


class Error:
    """Standard error so far."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._said = ""

    def getvalue(self) -> str:
        self._said += self._capsys.readouterr().err
        return self._said


@pytest.fixture
def error(capsys: pytest.CaptureFixture[str]) -> Error:
    return Error(capsys)


def set_up(tmp_path: Path, level: str = "info", log_format: str | None = "json", **more: Any) -> None:
    logs.set_up(read_settings(tmp_path, None, level, folder=tmp_path, log_format=log_format), **more)


def apart(monkeypatch: pytest.MonkeyPatch) -> logging.Logger:
    """A logger that only our own handler hears, not those of whoever runs the tests."""
    found = logging.getLogger("tests.apart")
    monkeypatch.setattr(found, "handlers", logging.getLogger().handlers[-1:])
    monkeypatch.setattr(found, "propagate", False)
    return found


def lines(error: Error) -> list[dict[str, Any]]:
    return [json.loads(line) for line in error.getvalue().splitlines()]


# --- lines


def test_a_line_says_when_how_grave_what_and_who(tmp_path: Path, error: Error) -> None:
    set_up(tmp_path)
    logs.logger("stocksync.run").info("run_began", kind="delta")
    (line,) = lines(error)
    assert list(line) == ["timestamp", "level", "event", "logger", "kind"]
    assert (line["level"], line["event"], line["logger"], line["kind"]) == (
        "info",
        "run_began",
        "stocksync.run",
        "delta",
    )
    assert line["timestamp"].endswith("Z")


def test_a_record_of_a_library_passes_the_same_way(tmp_path: Path, error: Error) -> None:
    set_up(tmp_path)
    with bound_contextvars(run=7, point_of_sale="PDV1"):
        logging.getLogger("apscheduler.scheduler").warning("took %s s, token=%s", 3, "abcdef")
    (line,) = lines(error)
    assert (line["event"], line["message"], line["logger"]) == (
        "message",
        f"took 3 s, token={BLOT}",
        "apscheduler.scheduler",
    )
    assert (line["run"], line["point_of_sale"]) == (7, "PDV1")


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_whatever_is_logged_is_one_line_that_commands_no_terminal(
    tmp_path: Path, error: Error, log_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(tmp_path, log_format=log_format)
    hostile = 'a\nlevel=error event=forged\r\x1b[2J\u2028\x9b31m \ud800 "quoted" \\'
    lonely = apart(monkeypatch)
    logs.logger(lonely.name).info("said", text=hostile, nested={"k": [hostile]}, **{"odd key\n": 1})
    try:
        raise ValueError(hostile)
    except ValueError:
        lonely.exception("failed: %s", hostile)
    said = error.getvalue()
    assert len(said.splitlines()) == len(said.split("\n")) - 1 == 2
    assert not any(
        ord(sign) < 32 or 127 <= ord(sign) < 160 or 0xD800 <= ord(sign) < 0xE000 for sign in said if sign != "\n"
    )
    assert "ValueError" in said


def test_a_record_that_cannot_be_put_together_costs_its_line_and_nothing_more(
    tmp_path: Path, error: Error, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(tmp_path)
    lonely = apart(monkeypatch)
    lonely.warning("%d cars, password %s", "many", "hunter22")
    lonely.warning("next")
    lost, following = lines(error)
    assert (lost["event"], lost["because"]) == ("line_lost", "TypeError")
    assert "hunter22" not in error.getvalue()
    assert following["message"] == "next"


def test_key_value_lines_are_read_by_eye_and_by_machine(tmp_path: Path, error: Error) -> None:
    set_up(tmp_path, log_format="console")
    logs.logger("stocksync.run").info("run_ended", status="done", message="all is well", writes=3)
    said = error.getvalue()
    assert 'level=info event=run_ended logger=stocksync.run status=done message="all is well" writes=3' in said


# --- levels and formats


def test_commands_are_quiet_and_the_service_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STOCKSYNC_LOG_LEVEL", raising=False)
    assert read_settings(folder=tmp_path).log_level == "warning"
    assert read_settings(folder=tmp_path, serving=True).log_level == "info"
    assert read_settings(log_level="error", folder=tmp_path, serving=True).log_level == "error"


@pytest.mark.parametrize("level", ["debug", "info"])
def test_libraries_that_write_addresses_and_values_stay_quiet_at_any_level(
    tmp_path: Path, error: Error, level: str
) -> None:
    set_up(tmp_path, level)
    for name in ("httpx", "httpcore.http11", "sqlalchemy.engine.Engine", "alembic.runtime.migration"):
        logging.getLogger(name).info("GET https://host/?key=1")
        logging.getLogger(name).debug("parameters")
    assert error.getvalue() == ""


def test_the_service_writes_json_in_a_pipe_and_commands_do_not(tmp_path: Path, error: Error) -> None:
    set_up(tmp_path, log_format=None, serving=True)
    logging.getLogger("x").warning("one")
    set_up(tmp_path, log_format=None)
    logging.getLogger("x").warning("two")
    first, second = error.getvalue().splitlines()
    assert json.loads(first)["message"] == "one"
    assert second.endswith("message=two")


def test_the_format_can_be_set_and_a_wrong_one_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOCKSYNC_LOG_FORMAT", "json")
    assert read_settings(folder=tmp_path).log_format == "json"
    monkeypatch.setenv("STOCKSYNC_LOG_FORMAT", "xml")
    with pytest.raises(ConfigurationError, match="STOCKSYNC_LOG_FORMAT"):
        read_settings(folder=tmp_path)


def test_set_up_twice_writes_each_line_once(tmp_path: Path, error: Error) -> None:
    set_up(tmp_path)
    set_up(tmp_path)
    logging.getLogger("x").warning("once")
    assert len(lines(error)) == 1


def test_handlers_that_others_installed_get_cleaned_text(tmp_path: Path, error: Error) -> None:
    theirs = io.StringIO()
    handler = logging.StreamHandler(theirs)
    logging.getLogger().addHandler(handler)
    set_up(tmp_path)
    try:
        raise ValueError("token=abcdef")
    except ValueError:
        logging.getLogger("x").exception("with %s", "password=hunter22")
    assert "hunter22" not in theirs.getvalue()
    assert "abcdef" not in theirs.getvalue()
    assert f"ValueError: token={BLOT}" in theirs.getvalue()


# --- runs


def entry(status: EntryStatus, value: str = "CANARY") -> EntryOutcome:
    changes = (Change("trade_in_buyer", value, BLANK), Change("mileage", 12, BLANK))
    operation = Operation(Side.DMS, Action.UPDATE, "D-1", changes)
    return EntryOutcome(OutboxEntry(1, "car-1", operation, None, "key", 1), status, message=f"no {value}")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (EntryStatus.DELIVERED, "delivered"),
        (EntryStatus.FAILED, "refused"),
        (EntryStatus.STALE, "stale"),
        (EntryStatus.CLAIMED, "unknown"),
    ],
)
def test_a_write_is_logged_with_names_and_never_with_values(
    tmp_path: Path, error: Error, status: EntryStatus, outcome: str
) -> None:
    set_up(tmp_path)
    LogWatcher().settled("PDV1", 7, entry(status))
    (line,) = lines(error)
    assert {name: line[name] for name in ("event", "point_of_sale", "run", "car", "side", "action", "outcome")} == {
        "event": "write_settled",
        "point_of_sale": "PDV1",
        "run": 7,
        "car": "car-1",
        "side": "dms",
        "action": "update",
        "outcome": outcome,
    }
    assert line["attributes"] == ["mileage", "trade_in_buyer"]
    assert "CANARY" not in error.getvalue()


def test_every_way_in_which_an_entry_can_stand_has_a_word(tmp_path: Path, error: Error) -> None:
    set_up(tmp_path)
    for status in EntryStatus:
        LogWatcher().settled("PDV1", 7, entry(status))
    assert len(lines(error)) == len(EntryStatus)


def test_whatever_a_thread_logs_during_a_run_names_the_run_and_no_longer_afterwards(
    tmp_path: Path, error: Error, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(tmp_path)
    watcher = LogWatcher()
    watcher.began("PDV1", 7, RunKind.DELTA)
    logging.getLogger("stocksync.adapters").warning("slow")
    elsewhere = threading.Thread(target=lambda: logging.getLogger("other").warning("apart"))
    elsewhere.start()
    elsewhere.join()
    watcher.ended(Summary("PDV1", RunStatus.DONE, 7, read={Side.DMS: 60}))
    logging.getLogger("stocksync.adapters").warning("later")
    began, slow, apart, ended, later = lines(error)
    assert (began["event"], began["kind"]) == ("run_began", "delta")
    assert (slow["run"], slow["point_of_sale"]) == (7, "PDV1")
    assert "run" not in apart
    assert (ended["status"], ended["read_dms"], ended["level"]) == ("done", 60, "info")
    assert ended["duration_s"] >= 0
    assert "run" not in later


def test_a_run_that_went_wrong_is_a_warning_that_names_its_guards(tmp_path: Path, error: Error) -> None:
    set_up(tmp_path)
    halt = Halt("mass_change", "too many cars leave", {})
    LogWatcher().ended(Summary("PDV1", RunStatus.HALTED, 7, message="too many cars leave", halts=(halt,)))
    (line,) = lines(error)
    assert (line["level"], line["status"], line["guards"]) == ("warning", "halted", ["mass_change"])


def test_two_runs_at_once_each_have_their_own_time_and_name(tmp_path: Path, error: Error) -> None:
    set_up(tmp_path)
    watcher, both = LogWatcher(), threading.Barrier(2)

    def run(point: str, run_id: int) -> None:
        watcher.began(point, run_id, RunKind.COMPLETE)
        both.wait()
        logging.getLogger("x").warning("during")
        watcher.ended(Summary(point, RunStatus.DONE, run_id))

    threads = [threading.Thread(target=run, args=(f"PDV{i}", i)) for i in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    during = {(line["point_of_sale"], line["run"]) for line in lines(error) if line["event"] == "message"}
    assert during == {("PDV1", 1), ("PDV2", 2)}

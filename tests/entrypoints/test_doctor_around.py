"""`stocksync doctor`: the configuration, the database, folders and the machine; no system is asked."""

from __future__ import annotations

import json
import os
import resource
import shutil
import sqlite3
from collections import namedtuple
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from stocksync.adapters.store.engine import open_engine
from stocksync.adapters.store.mounts import Mount
from stocksync.entrypoints import doctor_checks_database
from stocksync.entrypoints.cli import cli
from stocksync.entrypoints.doctor import Area, Finding, exit_code, fault, ok, unreachable, warning
from stocksync.entrypoints.doctor_checks import check_env_file, check_variables, wrong_with
from stocksync.entrypoints.doctor_checks_database import check_database
from stocksync.entrypoints.doctor_checks_folders import check_exchange, check_folder
from stocksync.entrypoints.doctor_checks_machine import check_machine
from stocksync.mapping.load import load_mappings
from tests.entrypoints.desk import SHIPPED

Usage = namedtuple("Usage", "total used free")


def levels(findings: Any) -> dict[str, str]:
    return {finding.check: finding.level.value for finding in findings}


# --- the end


def test_what_must_be_changed_here_weighs_more_than_a_system_that_does_not_answer() -> None:
    away, here = unreachable("no_answer", "x"), fault(Area.DATABASE, "disk_full")
    assert exit_code([ok(Area.MACHINE, "a"), warning(Area.MACHINE, "b")]) == 0
    assert exit_code([ok(Area.MACHINE, "a"), away]) == 1
    assert exit_code([away, here]) == 2


# --- configuration


@pytest.mark.parametrize(
    ("value", "check"),
    [
        ("", "variable_missing"),
        ("   ", "variable_missing"),
        ("'sk-4711'", "variable_quoted"),
        ('"sk-4711', "variable_quoted"),
        (" sk-4711", "variable_spaced"),
        ("sk-4711\n", "variable_spaced"),
        ("sk 4711", "variable_spaced"),
        ("sk\u200b4711", "variable_spaced"),
        ("changeme", "variable_placeholder"),
        ("CHANGE_ME_PLEASE", "variable_placeholder"),
        ("<your token>", "variable_spaced"),
        ("<token>", "variable_placeholder"),
        ("your-api-key", "variable_placeholder"),
        ("votre_clef", "variable_placeholder"),
        ("xxxxxxxx", "variable_placeholder"),
        ("${ICAR_KEY}", "variable_placeholder"),
        ("https://api.example.com/v1", "variable_placeholder"),
        ("https://dms.example/ws", "variable_placeholder"),
        ("sk-4711", None),
        ("sandbox-token", None),
        ("https://dms.garage-example-martin.fr", None),
    ],
)
def test_a_variable_that_nobody_meant_is_told_by_what_is_wrong_with_it(value: str, check: str | None) -> None:
    assert wrong_with(value) == check


def test_every_variable_is_told_of_once_with_those_who_need_it_and_never_its_value() -> None:
    points = load_mappings(SHIPPED).points_of_sale.values()
    environment = {"OPENFLEX_URL": "http://127.0.0.1:1", "OPENFLEX_TOKEN": "'hush-hush'", "ICAR_URL": "<url>"}
    found = list(check_variables(points, environment))
    assert [(f.where, f.check) for f in found] == [
        ("OPENFLEX_URL", "variable_set"),
        ("OPENFLEX_TOKEN", "variable_quoted"),
        ("ICAR_URL", "variable_placeholder"),
        ("ICAR_KEY", "variable_missing"),
    ]
    assert found[3].values["used_by"] == "PDV1, PDV2"
    assert "hush-hush" not in repr(found)


def test_a_file_of_secrets_that_everybody_can_read_is_a_warning(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    assert list(check_env_file(file)) == []
    file.write_text("ICAR_KEY=x")
    for mode, level in ((0o600, "ok"), (0o640, "ok"), (0o644, "warning")):
        file.chmod(mode)
        assert [finding.level.value for finding in check_env_file(file)] == [level]


def test_every_problem_of_the_mapping_files_is_a_finding_and_the_rest_is_still_asked(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path / "mappings")
    points = tmp_path / "mappings" / "points_of_sale.yaml"
    points.write_text(points.read_text().replace("quick_every_min: 5", "quick_every_min: 0"))
    variables = {"STOCKSYNC_MAPPINGS": str(points.parent), "STOCKSYNC_DATABASE_URL": f"sqlite:///{tmp_path}/x.db"}
    done = CliRunner(env=variables).invoke(cli, ["doctor", "--json"])
    findings = json.loads(done.stdout)["findings"]
    problems = [finding for finding in findings if finding["check"] == "mapping_problem"]
    assert (done.exit_code, len(problems)) == (2, 2)
    assert problems[0]["where"].startswith("points_of_sale.yaml:")
    assert {"database_new", "disk_free", "clock_sane"} <= {finding["check"] for finding in findings}


# --- database


@pytest.fixture
def url(tmp_path: Path) -> str:
    made = f"sqlite:///{tmp_path}/memory.db"
    open_engine(made).dispose()
    return made


def test_a_database_that_is_not_there_is_fine_and_is_not_made(tmp_path: Path) -> None:
    found = levels(check_database(f"sqlite:///{tmp_path}/new.db"))
    assert found["database_new"] == "ok"
    assert list(tmp_path.iterdir()) == []


def test_a_good_database_is_told_so_and_not_touched(url: str, tmp_path: Path) -> None:
    before = (tmp_path / "memory.db").read_bytes()
    found = levels(check_database(url))
    assert set(found.values()) == {"ok"}
    assert {"database_opens", "schema_current", "integrity_good", "disk_free", "folder_writable"} <= set(found)
    assert (tmp_path / "memory.db").read_bytes() == before


def test_a_database_of_another_schema_or_of_somebody_else_is_told(url: str, tmp_path: Path) -> None:
    file = tmp_path / "memory.db"
    for version, told in (("9999", ("schema_newer", "fault")), ("0001", ("schema_older", "warning"))):
        with sqlite3.connect(file) as connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", [version])
        connection.close()
        assert told in levels(check_database(url)).items()
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE theirs (id)")
    connection.close()
    assert levels(check_database(f"sqlite:///{tmp_path}/other.db"))["schema_foreign"] == "fault"


def test_a_damaged_file_and_one_that_is_no_database_are_faults(url: str, tmp_path: Path) -> None:
    file = tmp_path / "memory.db"
    connection = sqlite3.connect(file)
    (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'snapshot'").fetchone()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    good = file.read_bytes()
    file.write_bytes(good[:36] + (5).to_bytes(4, "big") + good[40:])  # free pages that are not there
    assert levels(check_database(url))["integrity_broken"] == "fault"
    file.write_bytes(good)
    with file.open("r+b") as raw:
        raw.seek((page - 1) * 4096)
        raw.write(b"\xff" * 100)
    assert levels(check_database(url))["integrity_broken"] == "fault"
    (tmp_path / "text.db").write_text("no database, but long enough to look like one" * 40)
    assert levels(check_database(f"sqlite:///{tmp_path}/text.db"))["database_unusable"] == "fault"


def test_a_file_too_large_to_be_looked_through_in_time_is_no_fault(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_checks_database, "_STEPS", 1)
    assert levels(check_database(url, long_s=-1))["integrity_unknown"] == "warning"


@pytest.mark.parametrize(
    ("free", "check", "level"),
    [(2 * 10**9, "disk_free", "ok"), (5 * 10**8, "disk_low", "warning"), (5 * 10**7, "disk_full", "fault")],
)
def test_a_disk_that_fills_is_told_in_time(
    url: str, free: int, check: str, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, free))
    assert levels(check_database(url))[check] == level


def test_a_database_on_a_network_drive_is_a_fault(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_checks_database, "mount_of", lambda _: Mount("/data", "nfs4"))
    assert levels(check_database(url))["network_drive"] == "fault"


def test_an_address_that_is_none_is_told_without_its_password() -> None:
    assert levels(check_database("nonsense")) == {"database_address": "fault"}
    found = list(check_database("postgresql://me:hush-hush@127.0.0.1:9/x"))
    assert found[0].level == "fault"
    assert "hush-hush" not in repr(found)


# --- folders


def test_a_folder_is_tried_and_left_as_it_was(tmp_path: Path) -> None:
    assert levels(check_folder(Area.MACHINE, tmp_path)) == {"folder_writable": "ok"}
    assert list(tmp_path.iterdir()) == []
    assert levels(check_folder(Area.MACHINE, tmp_path / "a" / "b")) == {"folder_to_be_made": "ok"}


def test_a_folder_that_takes_no_file_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "mkdir", refuse)
    (found,) = check_folder(Area.MACHINE, tmp_path)
    assert (found.check, found.values["detail"]) == ("folder_not_writable", "Permission denied")


def test_an_exchange_folder_is_asked_for_like_the_others(tmp_path: Path) -> None:
    (tmp_path / "PDV1").mkdir()
    assert levels(check_exchange(None, ["PDV1"])) == {"exchange_none": "ok"}
    assert levels(check_exchange(tmp_path, ["PDV1", "PDV2"])) == {"folder_writable": "ok"}
    (tmp_path / "file").write_text("")
    assert levels(check_exchange(tmp_path / "file", [])) == {"exchange_no_folder": "fault"}


# --- machine


def at(now: datetime) -> Any:
    return SimpleNamespace(now_at=lambda: now)


def machine(now: datetime | None = None, zones: tuple[str, ...] = ("Europe/Paris",)) -> dict[str, Finding]:
    return {finding.check: finding for finding in check_machine(zones, at(now or datetime.now(UTC)))}


def test_a_clock_before_the_program_was_installed_is_a_fault() -> None:
    assert machine()["clock_sane"].level == "ok"
    assert machine(datetime(1970, 1, 1, tzinfo=UTC))["clock_behind"].level == "fault"


def test_a_time_zone_that_the_machine_does_not_know_is_a_fault() -> None:
    found = machine(zones=("Europe/Paris", "Europe/Nowhere"))["time_zones_missing"]
    assert (found.level, found.values["zones"]) == ("fault", "Europe/Nowhere")


@pytest.mark.parametrize(("allowed", "level"), [(1024, "ok"), (128, "warning"), (32, "fault")])
def test_too_few_open_files_are_told(allowed: int, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (allowed, allowed))
    found = machine()
    assert (found.get("open_files") or found["open_files_few"]).level == level

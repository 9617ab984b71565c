"""`stocksync doctor` in front of systems that exchange files: folders, listings, what lies about, and SFTP servers."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from contextlib import chdir
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from stocksync.adapters.systems.files import local
from stocksync.adapters.systems.files.pending import Memory, Write
from stocksync.adapters.systems.files.transport import open_transport
from stocksync.entrypoints.cli import cli
from stocksync.entrypoints.doctor import Finding, Level
from stocksync.entrypoints.doctor_checks_files import check_file_systems
from stocksync.entrypoints.doctor_checks_systems import Asking
from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.mapping.load import load_mappings
from stocksync.stock.values import Side
from tests.contract.clock import PaperClock
from tests.entrypoints.desk import SHIPPED
from tests.files.folder_dms import SETTINGS, FolderDms, make_old, settings
from tests.files.sftp_server import PASSWORD, SftpOverFolder
from tests.worlds import crowd

Ask = Callable[..., dict[str, Finding]]
HOUR_S = 3600


@pytest.fixture(scope="module")
def shipped() -> PointOfSaleMapping:
    return load_mappings(SHIPPED).points_of_sale["PDV1"]


@pytest.fixture
def dms(tmp_path: Path) -> FolderDms:
    made = FolderDms(tmp_path / "dms", "csv")
    for record in crowd(12)[1]:
        made.put(record)
    made.publish("S01")
    return made


@pytest.fixture
def ask(shipped: PointOfSaleMapping, dms: FolderDms) -> Ask:
    """Ask about a DMS; what was found, by check."""

    def make(
        address: str | None = None, variables: dict[str, str] | None = None, timeout_s: float = 5, **changes: Any
    ) -> dict[str, Finding]:
        names = {name: f"DMS_{name.upper()}" for name in variables or {}}
        former = shipped.systems[Side.DMS]
        new = replace(former, connection=settings("csv", **changes), address="DMS_ADDRESS", secrets=names)
        point = replace(shipped, systems={**shipped.systems, Side.DMS: new})
        environment = {"DMS_ADDRESS": address or str(dms.root)}
        environment |= {names[name]: value for name, value in (variables or {}).items()}
        clock = PaperClock()
        clock.at = datetime.now(UTC)
        asking = Asking(environment, clock, timeout_s, {}, lambda _: None)
        return {found.check: found for found in check_file_systems([point], asking)}

    return make


def wrong(found: dict[str, Finding]) -> set[str]:
    return {check for check, finding in found.items() if finding.level is not Level.OK}


def newest(dms: FolderDms) -> Path:
    return max((dms.root / "export").glob("*.csv"))


def test_a_good_folder_is_told_question_by_question_and_nothing_is_left_or_changed_there(
    dms: FolderDms, ask: Ask
) -> None:
    before = {path: path.stat().st_mtime_ns for path in dms.root.rglob("*") if path.is_file()}
    found = ask()
    assert wrong(found) == set()
    assert found.keys() >= {"folder_there", "folder_read_and_written", "listing_age", "changes_none", "code_known"}
    assert found.keys() >= {"records_readable", "pending_none"}
    assert found["listing_age"].values["file"] == newest(dms).name
    assert {path: path.stat().st_mtime_ns for path in dms.root.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(("folder", "check"), [("export", "folder_missing"), ("retours", "folder_missing")])
def test_a_folder_that_is_to_be_there_and_is_not(dms: FolderDms, ask: Ask, folder: str, check: str) -> None:
    shutil.rmtree(dms.root / folder)
    found = ask()
    assert found[check].values["folder"].startswith(folder)
    assert found[check].level is Level.FAULT


def test_a_folder_that_stocksync_makes_is_no_fault(dms: FolderDms, ask: Ask) -> None:
    shutil.rmtree(dms.root / "import")
    shutil.rmtree(dms.root / "archive")
    found = ask()
    assert wrong(found) == set()
    assert "folder_made_there" in found
    assert not (dms.root / "import").exists()


def test_an_address_that_is_not_there(ask: Ask, tmp_path: Path) -> None:
    found = ask(str(tmp_path / "elsewhere"))
    assert list(found) == ["folder_missing"]


def test_a_folder_that_may_not_be_written(dms: FolderDms, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = os.open

    def refused(path: Any, flags: int, *more: Any, **how: Any) -> int:
        if str(path).endswith(".part"):
            raise PermissionError(13, "Permission denied")
        return opened(path, flags, *more, **how)

    monkeypatch.setattr(local.os, "open", refused)
    found = ask()
    assert "Permission denied" in found["folder_not_written"].values["detail"]
    assert found["folder_not_written"].level is Level.FAULT


def test_a_listing_without_its_marker_is_told_by_name(dms: FolderDms, ask: Ask) -> None:
    newest(dms).with_suffix(".ok").unlink()
    found = ask()
    assert found["listing_unmarked"].values["marker"] == "{stem}.ok"
    assert "no whole file" in found["listing_not_taken"].values["detail"]


def test_a_folder_without_any_listing(dms: FolderDms, ask: Ask) -> None:
    newest(dms).unlink()
    assert "listing_none" in wrong(ask())


def test_an_old_listing_is_a_warning(dms: FolderDms, ask: Ask) -> None:
    make_old(newest(dms), 72 * HOUR_S)
    found = ask()
    assert found["listing_old"].values["hours"] == "72.0"
    assert found["listing_old"].level is Level.WARNING


def test_a_listing_in_another_encoding_is_not_taken(dms: FolderDms, ask: Ask) -> None:
    path = newest(dms)
    path.write_bytes(path.read_bytes() + b"\x81")
    assert found_detail(ask(), "listing_not_taken")


def found_detail(found: dict[str, Finding], check: str) -> str:
    assert found[check].level is Level.FAULT
    return found[check].values["detail"]


def test_a_field_that_the_mapping_names_and_the_header_does_not_have(dms: FolderDms, ask: Ask) -> None:
    path = newest(dms)
    path.write_bytes(path.read_bytes().replace(b"prix_vente", b"prix_ventes"))
    assert ask()["field_never_there"].values["field"] == "prix_vente"


def test_another_point_of_sale_s_listing_is_not_ours(dms: FolderDms, ask: Ask) -> None:
    incoming = [said | {"point_of_sale_field": "site"} for said in yaml.safe_load(SETTINGS["csv"])["incoming"]]
    assert wrong(ask(incoming=incoming)) == set()
    path = newest(dms)
    path.write_bytes(path.read_bytes().replace(b"S01", b"S02"))
    assert wrong(ask(incoming=incoming)) == {"code_empty"}


def test_writes_that_nothing_has_shown_for_long_and_files_that_nobody_fetched(dms: FolderDms, ask: Ask) -> None:
    connection = settings("csv")
    assert connection.outgoing is not None
    memory = Memory(open_transport(str(dms.root), connection, {}, "the DMS"), connection.outgoing.memory, "S01", "x")
    at = datetime.now(UTC) - timedelta(hours=30)
    of = {"verb": "update", "record_id": "VO1", "reference": None, "changes": {}, "before": {}}
    memory.keep([Write.model_validate({**of, "key": "k", "file": "f", "at": at, "status": "written"})])
    make_old(dms.deliver("import", "left.csv", b"x"), 30 * HOUR_S)
    make_old(dms.deliver("retours", "odd.ret", b"x"), 30 * HOUR_S)
    found = ask()
    assert found["pending"].values == {"count": "1", "hours": "30.0"}
    assert wrong(found) == {"pending", "outgoing_left", "answers_left"}
    assert found["outgoing_left"].values["file"] == "left.csv"


def test_a_memory_that_cannot_be_read_is_told(dms: FolderDms, ask: Ask) -> None:
    dms.deliver(settings("csv").outgoing.memory, "stocksync-S01.pending.json", b"{")  # type: ignore[union-attr]
    assert "cannot be read" in found_detail(ask(), "memory_unreadable")


# --- SFTP

BY_FINGERPRINT = {"fingerprint": "fp", "password": "pw", "timeout_s": 20}


@pytest.fixture
def server(tmp_path: Path, dms: FolderDms) -> Any:
    with SftpOverFolder(tmp_path) as running:
        yield running


def test_an_sftp_server_is_reached_known_entered_and_looked_into(server: SftpOverFolder, ask: Ask) -> None:
    found = ask(server.url, {"fp": server.fingerprint, "pw": PASSWORD}, sftp=BY_FINGERPRINT)
    assert wrong(found) == set()
    assert found.keys() >= {"name_known", "connected", "logged_in", "folder_read_and_written", "records_readable"}
    assert "stocksync@" not in found["logged_in"].where


@pytest.mark.parametrize(("which", "check"), [("fp", "host_key"), ("pw", "login_refused")])
def test_another_host_key_and_a_wrong_password_are_told_apart(
    server: SftpOverFolder, ask: Ask, which: str, check: str
) -> None:
    secrets = {"fp": server.fingerprint, "pw": PASSWORD, which: "SHA256:never-ours"}
    found = ask(server.url, secrets, sftp=BY_FINGERPRINT)
    assert list(found)[-1] == check
    assert found[check].values["variables"] == "DMS_FP, DMS_PW"
    assert PASSWORD not in str(found)


def test_a_server_that_says_nothing_costs_one_time_out(server: SftpOverFolder, ask: Ask) -> None:
    server.__exit__()
    found = ask(server.url, {"fp": server.fingerprint, "pw": PASSWORD}, sftp=BY_FINGERPRINT)
    assert wrong(found) == {"connection_refused"}


# --- the command


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Mapping files whose DMS is a folder, and which `mapping check` warns of something in."""
    mappings = Path(shutil.copytree(SHIPPED, tmp_path / "mappings"))
    side = mappings / "pairs" / "openflex-icar" / "dms.yaml"
    # Without the anchors that our files may not have.
    connection = yaml.safe_dump({"connection": json.loads(json.dumps(yaml.safe_load(SETTINGS["csv"])))})
    text, made = re.subn(
        r"^connection:\n(?:[ #].*\n|\n)*", lambda _: f"{connection}\n", side.read_text("utf-8"), flags=re.M
    )
    assert made == 1
    vehicle = mappings / "vehicle.yaml"
    before = "label: {fr: Marque, en: Make}"
    assert before in vehicle.read_text("utf-8")
    vehicle.write_text(vehicle.read_text("utf-8").replace(before, f"{before}\n    minimum: 1"), "utf-8")
    side.write_text(re.sub(r"^webhook:\n(?:[ #].*\n|\n)*", "\n", text, flags=re.M), "utf-8")
    return mappings


def test_the_command_asks_folders_too_and_shows_what_mapping_check_warns_of(folder: Path, dms: FolderDms) -> None:
    variables = {
        "STOCKSYNC_MAPPINGS": str(folder),
        "STOCKSYNC_DATABASE_URL": f"sqlite:///{folder.parent}/memory.db",
        "ICAR_URL": str(dms.root),
        "ICAR_KEY": "a-key-of-folders",
        "OPENFLEX_URL": "",
        "OPENFLEX_TOKEN": "",
    }
    points = folder / "points_of_sale.yaml"
    points.write_text(re.sub(r"secrets: \{key: ICAR_KEY[^}]*\}", "secrets: {}", points.read_text("utf-8")), "utf-8")
    runner = CliRunner(env=variables)
    with chdir(folder.parent):
        done = runner.invoke(cli, ["doctor", "--json", "--point-of-sale", "PDV1"], prog_name="stocksync")
        warned = json.loads(runner.invoke(cli, ["mapping", "check", "--json"]).stdout)["warnings"]
    findings = json.loads(done.stdout)["findings"]
    checks = {finding["check"]: finding for finding in findings if finding["where"].startswith(("PDV1 icar", "icar ("))}
    assert checks.keys() >= {"folder_there", "listing_age", "records_readable"}
    assert all(finding["check"] != "address_invalid" for finding in findings)
    assert warned
    told = [(f["where"], f["level"]) for f in findings if f["check"] == "mapping_warning"]
    assert told == [(f"{problem['file']}:{problem['line']}", "warning") for problem in warned]

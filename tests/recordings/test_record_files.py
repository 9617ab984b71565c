"""`record` and `replay` of a system that exchanges files: what is kept of them, and that it comes alike."""

import json
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from stocksync.adapters.recordings import files_replay
from stocksync.adapters.recordings.answering import RecordedClock
from stocksync.adapters.recordings.exchanges import BadLine
from stocksync.adapters.recordings.files_lines import read_file_line
from stocksync.adapters.recordings.files_replay import WrittenFiles
from stocksync.adapters.systems.files.answers import Answers
from stocksync.adapters.systems.files.pending import Write
from stocksync.assembly import SystemClock
from stocksync.stock.values import Side
from tests.entrypoints.desk import SHIPPED, Desk, desk_at, no_traceback
from tests.files.folder_dms import SETTINGS, FolderDms, Kind
from tests.recordings.looking import holding, may_not_stay

PERSON = "Zébulon QUINQUAUD"
PERSONS = ["quinquaud", "zébulon", "zebulon", "06 12 34 56 78", "0612345678"]


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test here cuts the power."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@dataclass
class Dealer:
    """A vehicle module over HTTP, and a DMS as a folder."""

    desk: Desk
    dms: FolderDms

    def car(self, number: int) -> str:
        """One of the cars on sale at the first point of sale, that have a price and are known to both."""
        here = [
            i
            for i, file in sorted(self.dms.records.items())
            if (file["site"], file["statut"]) == ("S01", "Stock") and file["ref_externe"] and file["prix_vente"]
        ]
        return here[number]

    def module_id(self, number: int) -> str:
        return self.dms.records[self.car(number)]["ref_externe"]

    def type_everywhere(self) -> None:
        """Somebody types their name, number and address wherever there is room; prices change on the other side."""
        text = f"GTI vue par M. Quinquaud, {PERSONS[3]}"
        self.dms.records[self.car(0)] |= {"version": text, "remarques": f"{PERSON} l'a vue", "repreneur": PERSON}
        self.dms.records[self.car(1)] |= {"km": "appeler Quinquaud", "couleur": "QUINQUAUD"}
        self.dms.records[self.car(2)] |= {"repreneur": "A. Quinquaud"}
        self.dms.publish("S01")
        module = self.desk.sandbox.vehicle_module
        module.patch(self.module_id(3), {"sale": {"price": 7777}}, "user:7")
        module.patch(self.module_id(4), {"purchase": {"tradeInBuyer": PERSON}}, "user:7")

    def codes(self) -> list[str]:
        """VINs, their serials, and plates."""
        here = [file for file in self.dms.records.values() if file["site"] == "S01"]
        serials = [text for one in here for text in (one["chassis"], one["chassis"][11:]) if may_not_stay(text)]
        return serials + [one["immat"] for one in here if len(one["immat"]) > 4]


def _changed(settings: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value | changes.get(name, {}) if name in changes else value for name, value in settings.items()}


@contextmanager
def dealer_at(folder: Path, kind: Kind, cars: int = 24, **changes: Any) -> Iterator[Dealer]:
    """A dealer whose DMS speaks a kind of files."""
    with desk_at(folder, cars=cars) as desk:
        desk.mappings = folder / "mappings"
        shutil.copytree(SHIPPED, desk.mappings)
        file = desk.mappings / "pairs/openflex-icar/dms.yaml"
        text = file.read_text(encoding="utf-8")
        start, end = text.index("connection:"), text.index("# As explained in vehicle_module.yaml: nothing")
        # The mapping files know no anchors.
        connection = json.dumps(_changed(yaml.safe_load(SETTINGS[kind]), changes), ensure_ascii=False)
        file.write_text(f"{text[:start]}connection: {connection}\n\n{text[end:]}", encoding="utf-8")
        points = desk.mappings / "points_of_sale.yaml"
        points.write_text(points.read_text(encoding="utf-8").replace("{key: ICAR_KEY}", "{}"), encoding="utf-8")
        dms = FolderDms(folder / "dms", kind)
        desk.environment["ICAR_URL"] = str(folder / "dms")
        for status in ("Pré-rentrée", "Stock", "Facturé"):
            for dossier in desk.sandbox.dms.dossiers_from(status, "", 500):
                dms.put({name: str(value) for name, value in desk.sandbox.dms.file(dossier).items()})
        for record in dms.records.values():
            record["remarques"] = "RAS"
        dms.publish("S01", "S02")
        yield Dealer(desk, dms)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dealer]:
    """A dealer whose DMS writes CSV in cp1252, and a recording `bug` of a run in which it answered each write."""
    with pytest.MonkeyPatch.context() as patched, dealer_at(tmp_path_factory.mktemp("files"), "csv") as made:
        patched.setattr(os, "fsync", lambda _: None)
        patched.setattr(SystemClock, "pause", lambda self, seconds_s: made.dms.work())
        first = made.desk.run("sync", "--point-of-sale", "PDV1")
        assert first.exit_code == 0, first.output
        made.type_everywhere()
        made.dms.refused = ("repreneur", PERSON)
        done = made.desk.run("record", "bug", "--point-of-sale", "PDV1", "--json")
        assert done.exit_code == 0, done.output
        (made.desk.folder / "bug.json").write_text(done.stdout, encoding="utf-8")
        yield made


def lines_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "files.ndjson").read_text(encoding="utf-8").splitlines()]


def _noted(statuses: list[str]) -> Callable[[Write], Write]:
    def noted(write: Write) -> Write:
        statuses.append(write.status)
        return write

    return noted


def replayed(desk: Desk, name: str, *arguments: str) -> Any:
    """What a replay that must come to the same shows."""
    again = desk.run("replay", name, "--json", *arguments, OPENFLEX_URL=None, ICAR_URL=None, OPENFLEX_TOKEN=None)
    assert again.exit_code == 0, again.output
    shown = json.loads(again.stdout)
    assert shown["asked_besides"] == shown["not_asked"] == {}
    return shown["run"]


def test_csv_comes_to_the_same_again_without_a_socket_and_no_person_is_in_the_recording(
    shared: Dealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, bug = shared.desk, shared.desk.folder / "bug"
    run = json.loads((desk.folder / "bug.json").read_text(encoding="utf-8"))["points_of_sale"][0]
    assert sum(run["writes"].values()) > 1
    acknowledged = [line["text"] for line in lines_of(bug) if line["kind"] == "acknowledgement"]
    assert any(";KO;" in text for text in acknowledged)
    assert holding(bug, [*PERSONS, *shared.codes(), str(desk.folder), "sandbox-token"]) == []
    assert {line["kind"] for line in lines_of(bug)} >= {"complete", "changes", "acknowledgement", "memory", "written"}
    [complete, *_] = [line for line in lines_of(bug) if line["kind"] == "complete"]
    before = (shared.dms.root / "export" / complete["name"]).read_bytes()
    after = complete["text"].encode(complete["encoding"])
    assert (complete["encoding"], len(after), after != before) == ("cp1252", len(before), True)
    assert after.splitlines()[0 :: 10**6] == before.splitlines()[0 :: 10**6]
    assert after.splitlines()[-1] == before.splitlines()[-1]

    class NoSocket(socket.socket):
        def __init__(self, *_: object, **__: object) -> None:
            raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", NoSocket)
    taken: list[str] = []
    answered = Answers._answered
    monkeypatch.setattr(Answers, "_answered", lambda *given: [*map(_noted(taken), answered(*given))])
    shown = replayed(desk, "bug")
    assert {"accepted", "refused"} <= set(taken)
    assert {n: run[n] for n in ("writes", "conflicts", "held", "refused")} == {
        n: shown[n] for n in ("writes", "conflicts", "held", "refused")
    }


def test_xml_comes_to_the_same_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with dealer_at(tmp_path, "xml") as dealer:
        monkeypatch.setattr(SystemClock, "pause", lambda self, seconds_s: dealer.dms.work())
        dealer.type_everywhere()
        done = dealer.desk.run("record", "bug", "--point-of-sale", "PDV1", "--json")
        assert done.exit_code == 0, done.output
        assert {line["kind"] for line in lines_of(tmp_path / "bug")} >= {"complete", "acknowledgement", "written"}
        assert holding(tmp_path / "bug", [*PERSONS, *dealer.codes(), str(tmp_path)]) == []
        replayed(dealer.desk, "bug")


def test_json_in_one_file_per_run_is_answered_in_the_next_recording(tmp_path: Path) -> None:
    changes = {"outgoing": {"one_file_per": "run"}, "acknowledgements": {"wait_s": 0}}
    with dealer_at(tmp_path, "json", **changes) as dealer:
        dealer.type_everywhere()
        for name in ("bug", "next"):
            done = dealer.desk.run("record", name, "--point-of-sale", "PDV1")
            assert done.exit_code in (0, 1), done.output
            assert holding(tmp_path / name, [*PERSONS, *dealer.codes()]) == []
            replayed(dealer.desk, name)
            dealer.dms.work()
        [written] = [line for line in lines_of(tmp_path / "bug") if line["kind"] == "written"]
        assert len(written["rows"]) > 1
        assert {line["kind"] for line in lines_of(tmp_path / "next")} >= {"changes", "acknowledgement", "memory"}


def test_a_pause_gives_the_others_time_for_what_they_did_when_it_was_recorded() -> None:
    files, told = WrittenFiles(), []
    clock = RecordedClock(datetime(2026, 1, 1, tzinfo=UTC), files.await_others)
    files.waiting[Side.DMS, b"{}"].extend(["a row", "another row"])  # type: ignore[list-item]

    def goes_out() -> None:
        for _ in range(2):
            time.sleep(0.02)
            told.append(files.waiting[Side.DMS, b"{}"].popleft())
            files.went_out()

    other = threading.Thread(target=goes_out)
    other.start()
    clock.pause(1.0)
    assert len(told) == 2
    other.join()


def test_nobody_waits_long_for_what_does_not_go_out_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files_replay, "_QUIET_S", 0.001)
    monkeypatch.setattr(files_replay, "_PATIENCE_S", 0.003)
    files = WrittenFiles()
    files.waiting[Side.DMS, b"{}"].append("a row")  # type: ignore[arg-type]
    clock = RecordedClock(datetime(2026, 1, 1, tzinfo=UTC), files.await_others)
    for _ in range(3):
        clock.pause(1.0)
    monkeypatch.setattr(files._moved, "wait", lambda _: pytest.fail("still waiting"))
    clock.pause(1.0)
    assert clock.now_at() == datetime(2026, 1, 1, 0, 0, 4, tzinfo=UTC)


def test_a_file_that_was_cut_short_is_recorded_and_fails_alike(shared: Dealer) -> None:
    path = shared.dms.deliver("export", "vo_S01_20991231235959.csv", f"dossier;x\r\nVO1;{PERSON}\r\n".encode("cp1252"))
    marker = path.with_suffix(".ok")
    marker.touch()
    try:
        done = shared.desk.run("record", "cut", "--point-of-sale", "PDV1", "--dry-run")
    finally:
        path.unlink()
        marker.unlink()
    assert (done.exit_code, no_traceback(done)) == (1, True)
    assert holding(shared.desk.folder / "cut", PERSONS) == []
    replayed(shared.desk, "cut")


def test_a_folder_that_is_not_there_fails_alike(shared: Dealer) -> None:
    export = shared.dms.root / "export"
    export.rename(shared.dms.root / "away")
    try:
        done = shared.desk.run("record", "away", "--point-of-sale", "PDV1", "--dry-run")
    finally:
        (shared.dms.root / "away").rename(export)
    assert done.exit_code == 1
    assert "fault" in {line["kind"] for line in lines_of(shared.desk.folder / "away")}
    replayed(shared.desk, "away")


def test_a_row_that_somebody_took_out_is_told(shared: Dealer, tmp_path: Path) -> None:
    shutil.copytree(shared.desk.folder / "bug", tmp_path / "bug")
    lines = lines_of(tmp_path / "bug")
    first = next(line for line in lines if line["kind"] == "written")
    kept = [line for line in lines if line is not first]
    (tmp_path / "bug/files.ndjson").write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
    again = shared.desk.run("replay", str(tmp_path / "bug"), "--edited", "--json")
    assert again.exit_code == 3, again.output
    assert [name[:8] for name in json.loads(again.stdout)["asked_besides"] if "row" in name] == ["dms: row"]


# --- a recording is somebody else's


@pytest.mark.parametrize(
    "change",
    [
        {"folder": "../outside"},
        {"folder": "/outside"},
        {"folder": "export\\..\\.."},
        {"name": "../outside.csv"},
        {"name": ".hidden"},
        {"name": "a\u0000b"},
        {"name": "n" * 300},
        {"kind": "program"},
        {"encoding": "punycode"},
        {"modified_ns": "9" * 40},
        {"modified_ns": 1},
        {"after": -1},
        {"at": "2026-01-01T00:00:00"},
        {"text": 7},
        {"side": "other"},
    ],
    ids=str,
)
def test_a_line_that_leads_elsewhere_or_is_none_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    line = {
        "side": "dms",
        "kind": "complete",
        "folder": "export",
        "name": "vo_S01_20261120110001.csv",
        "at": "2026-01-01T00:00:00+00:00",
        "after": 0,
        "modified_ns": "1790000000000000000",
        "encoding": "cp1252",
        "text": "é",
    }
    assert read_file_line(json.dumps(line).encode()).content == b"\xe9"
    with pytest.raises(BadLine):
        read_file_line(json.dumps(line | change).encode())


def test_a_recording_that_leads_elsewhere_is_refused_in_words(shared: Dealer, tmp_path: Path) -> None:
    shutil.copytree(shared.desk.folder / "bug", tmp_path / "bug")
    lines = lines_of(tmp_path / "bug")
    for line in lines:
        if line["kind"] == "complete":
            line["name"] = "../../../outside.csv"
    (tmp_path / "bug/files.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    done = shared.desk.run("replay", str(tmp_path / "bug"), "--edited")
    assert (done.exit_code, no_traceback(done)) == (2, True)
    assert "files.ndjson: a name that may lead elsewhere" in done.output
    assert not list(tmp_path.rglob("outside.csv"))


def test_rows_that_are_nested_too_deeply_are_refused_in_words(shared: Dealer, tmp_path: Path) -> None:
    shutil.copytree(shared.desk.folder / "bug", tmp_path / "bug")
    deep = '{"a":' * 450 + "1" + "}" * 450
    line = '{"side":"dms","kind":"written","folder":"import","name":"a","at":"2026-01-01T00:00:00+00:00","after":1,'
    (tmp_path / "bug/files.ndjson").write_text(f'{line}"rows":[{deep}]}}\n', encoding="utf-8")
    done = shared.desk.run("replay", str(tmp_path / "bug"), "--edited")
    assert no_traceback(done)
    assert done.exit_code in (2, 3), done.output


def test_files_whose_ids_are_made_of_cells_are_refused_in_a_sentence(shared: Dealer, tmp_path: Path) -> None:
    shutil.copytree(shared.desk.mappings, tmp_path / "mappings")
    file = tmp_path / "mappings/pairs/openflex-icar/dms.yaml"
    made = file.read_text(encoding="utf-8").replace(
        '"contents": "complete"', '"adds": {"chassis_site": "{chassis} {site}"}, "contents": "complete"'
    )
    made = made.replace('"fields": "whole"', '"fields": "changed"')
    file.write_text(made, encoding="utf-8")
    arguments = ("--mappings", str(tmp_path / "mappings"), "record", "made", "--point-of-sale", "PDV1")
    done = shared.desk.run(*arguments)
    assert (done.exit_code, "cannot be recorded" in done.output) == (2, True), done.output
    assert not (shared.desk.folder / "made").exists()

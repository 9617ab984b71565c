"""`stocksync doctor` in front of both sandbox systems, of hosts that do not answer, and of servers that are none."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from stocksync.entrypoints.doctor import Finding, unreachable
from stocksync.entrypoints.doctor_checks_reach import check_reach
from stocksync.entrypoints.doctor_checks_records import check_records
from stocksync.entrypoints.doctor_checks_systems import ReadingOnly, _Clocks
from stocksync.entrypoints.doctor_view import DoctorView
from stocksync.entrypoints.doctor_words import AREAS, LEVELS, SCREEN, TOLD, told
from stocksync.errors import ConfigurationError
from stocksync.mapping.load import load_mappings
from stocksync.stock.values import Side
from stocksync.sync.ports import NativeRecord
from tests.contract.scripted import ScriptedServer, answer, raw
from tests.entrypoints.desk import FRENCH_SPACES, SHIPPED, Desk, desk_at, no_traceback, snapshot_of

EMPTY_PAGE = '{"items":[],"nextCursor":null}'


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk_at(tmp_path_factory.mktemp("town"), cars=60) as desk:
        assert desk.run("sync").exit_code == 0
        yield desk


def examined(desk: Desk, *arguments: str, **environment: str | None) -> tuple[int, list[dict[str, Any]]]:
    """The exit code, and the findings."""
    done = desk.run("doctor", "--timeout", "5", "--json", *arguments, **environment)
    assert no_traceback(done), done.output
    data = json.loads(done.stdout)
    assert data["exit_code"] == done.exit_code
    return done.exit_code, data["findings"]


def of(findings: list[dict[str, Any]], check: str) -> list[dict[str, Any]]:
    return [finding for finding in findings if finding["check"] == check]


def wrong(findings: list[dict[str, Any]]) -> list[str]:
    return [finding["check"] for finding in findings if finding["level"] == "fault"]


@contextmanager
def silent() -> Iterator[tuple[str, list[socket.socket]]]:
    """Listen, take connections, and never say a word; gives the address and the connections taken so far."""
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    taken.append(listener.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", taken
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in taken:
                connection.close()


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


# --- all is well


def test_two_good_systems_end_with_0_and_every_question_is_answered(town: Desk) -> None:
    code, findings = examined(town)
    assert (code, wrong(findings)) == (0, [])
    asked = {(finding["check"], finding["where"]) for finding in findings}
    for point, system in (("PDV1", "openflex"), ("PDV2", "icar")):
        for check in ("answers", "key_accepted", "code_known", "car_read"):
            assert (check, f"{point} {system}") in asked
    checks = {check for check, _ in asked}
    assert checks >= {"mapping_valid", "variable_set", "address_valid", "name_known", "connected", "rights"}
    assert checks >= {"clock_agrees", "database_opens", "schema_current", "integrity_good", "disk_free"}
    assert checks >= {"folder_writable", "exchange_none", "time_zones_there", "clock_sane", "open_files"}


def test_nothing_is_ever_written_and_only_listings_and_single_records_are_asked_for(town: Desk) -> None:
    held, database = snapshot_of(town), town.database.read_bytes()
    before = {system: town.sandbox.requests(system) for system in ("vehicle_module", "dms")}
    assert examined(town)[0] == 0
    assert snapshot_of(town) == held
    assert town.database.read_bytes() == database
    for system, counted in before.items():
        new = {call for call, number in town.sandbox.requests(system).items() if number > counted.get(call, 0)}
        assert {call for call, _ in new} == {"list", "read"}


def test_a_request_that_is_no_reading_is_stopped_before_it_is_sent() -> None:
    sent: list[httpx.Request] = []
    inner = httpx.MockTransport(lambda request: sent.append(request) or httpx.Response(200))
    clock = type("Clock", (), {"now_at": lambda _: datetime.now(UTC), "pause": lambda *_: None})()
    with httpx.Client(transport=ReadingOnly(inner, clock, _Clocks())) as client:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            with pytest.raises(ConfigurationError, match="never sent"):
                client.request(method, "http://127.0.0.1/x")
        assert sent == []
        assert client.get("http://127.0.0.1/x").status_code == 200


def test_a_car_that_is_bound_here_is_the_one_that_is_read(town: Desk) -> None:
    _, findings = examined(town, "--point-of-sale", "PDV1")
    (module,) = [f for f in of(findings, "car_read") if f["where"] == "PDV1 openflex"]
    (dms,) = [f for f in of(findings, "car_read") if f["where"] == "PDV1 icar"]
    vehicle = town.sandbox.vehicle_module.vehicle(module["values"]["record"])
    assert vehicle["identification"]["dmsReference"] == dms["values"]["record"]


def test_only_the_named_point_of_sale_is_asked_for(town: Desk) -> None:
    _, findings = examined(town, "--point-of-sale", "PDV2")
    assert {f["where"] for f in of(findings, "code_known")} == {"PDV2 openflex", "PDV2 icar"}
    assert town.run("doctor", "--point-of-sale", "PDV9").exit_code == 2


def test_the_screen_joins_what_is_well_and_says_how_to_go_on(town: Desk) -> None:
    done = town.run("doctor")
    said = done.stdout.translate(FRENCH_SPACES)
    assert done.exit_code == 0
    assert "OPENFLEX_URL, OPENFLEX_TOKEN, ICAR_URL, ICAR_KEY : variable renseignée" in said
    assert "stocksync doctor n'écrit jamais" in said
    assert said.endswith("Rien ne manque : stocksync plan, puis stocksync sync\n")
    assert not [line for line in done.stdout.splitlines() if any(f" {sign}" in line for sign in ":;!?")]
    english = town.said("--lang", "en", "doctor")
    assert "the right to write is not tried" in english
    assert "Nothing is missing" in english


# --- systems that do not answer, or not as they should


def test_a_closed_port_ends_with_1_and_the_other_system_is_still_asked(town: Desk) -> None:
    code, findings = examined(town, ICAR_URL=closed_port())
    assert (code, wrong(findings)) == (1, ["connection_refused"])
    assert of(findings, "connection_refused")[0]["may_pass"] is True
    assert [f["values"]["points"] for f in of(findings, "not_asked")] == ["2"]
    assert len(of(findings, "car_read")) == 2


def test_a_host_that_hangs_is_asked_once_and_left(town: Desk) -> None:
    with silent() as (url, taken):
        done = town.run("doctor", "--timeout", "1", "--json", ICAR_URL=url)
        findings = json.loads(done.stdout)["findings"]
        # one connection to see whether it is there, one that waits in vain for the first page
        assert len(taken) == 2
    assert (done.exit_code, wrong(findings)) == (1, ["no_answer"])
    assert "within 1 s" in of(findings, "no_answer")[0]["told"]
    assert [f["values"]["points"] for f in of(findings, "not_asked")] == ["1"]


def test_a_wrong_key_ends_with_2_and_names_the_variable(town: Desk) -> None:
    code, findings = examined(town, OPENFLEX_TOKEN="not-the-one-at-all")
    assert (code, wrong(findings)) == (2, ["key_401"])
    (refused,) = of(findings, "key_401")
    assert "OPENFLEX_TOKEN" in refused["fix"]
    assert "not-the-one-at-all" not in json.dumps(findings)


def test_a_key_without_the_right_is_told_from_a_wrong_one(town: Desk) -> None:
    with ScriptedServer([answer({"title": "forbidden"}, status=403)]) as server:
        code, findings = examined(town, OPENFLEX_URL=server.url)
    assert (code, wrong(findings)) == (2, ["key_403"])


def test_the_word_of_an_envelope_tells_a_wrong_key_too(town: Desk) -> None:
    code, findings = examined(town, ICAR_KEY="not-the-one-at-all")
    assert (code, wrong(findings)) == (2, ["key_401"])


def without_key(folder: Path) -> Path:
    """The shipped mapping files with a vehicle module that asks for no key."""
    said = "  auth: {scheme: bearer, secret: token}"
    target = edited(folder, "pairs/openflex-icar/vehicle_module.yaml", said, "  auth: {scheme: none}")
    points = target / "points_of_sale.yaml"
    points.write_text(points.read_text("utf-8").replace("      secrets: {token: OPENFLEX_TOKEN}\n", ""), "utf-8")
    return target


def test_a_system_without_a_key_is_said_to_ask_for_none(
    town: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(town, "mappings", without_key(tmp_path))
    with ScriptedServer([answer({"items": [], "nextCursor": None})]) as server:
        _, findings = examined(town, OPENFLEX_URL=server.url, OPENFLEX_TOKEN=None)
        assert not any("authorization" in map(str.lower, asked.headers) for asked in server.asked)
    assert {found["where"] for found in of(findings, "no_key")} == {"PDV1 openflex", "PDV2 openflex"}
    assert {found["where"] for found in of(findings, "key_accepted")} == {"PDV1 icar", "PDV2 icar"}


def test_a_system_that_wants_a_key_though_the_files_say_none_is_told_with_what_to_say(
    town: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(town, "mappings", without_key(tmp_path))
    code, findings = examined(town, OPENFLEX_TOKEN=None)
    assert (code, wrong(findings)) == (2, ["key_wanted"])
    assert "auth:" in of(findings, "key_wanted")[0]["fix"]


@pytest.mark.parametrize(("side", "system", "code"), [("code: PDV2", "openflex", "PDV7"), ("code: S02", "icar", "S77")])
def test_a_code_that_the_system_does_not_know_is_told_with_the_line_to_edit(
    town: Desk, tmp_path: Path, side: str, system: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(town, "mappings", edited(tmp_path, "points_of_sale.yaml", side, f"code: {code}"))
    ended, findings = examined(town)
    assert (ended, wrong(findings)) == (2, ["code_unknown"])
    (unknown,) = of(findings, "code_unknown")
    assert (unknown["where"], f"code: {code}" in unknown["fix"]) == (f"PDV2 {system}", True)


def test_a_web_page_in_the_place_of_a_system_is_an_address_to_be_corrected(town: Desk) -> None:
    page = answer("<html><body>Bienvenue</body></html>", content_type="text/html")
    with ScriptedServer([page]) as server:
        code, findings = examined(town, OPENFLEX_URL=server.url)
    assert code == 2
    assert set(wrong(findings)) == {"answer_unexpected"}
    assert "text/html" in of(findings, "answer_unexpected")[0]["told"]


def test_http_to_another_machine_is_refused_before_anything_is_sent(town: Desk) -> None:
    code, findings = examined(town, ICAR_URL="http://dms.garage-martin.fr")
    assert (code, wrong(findings)) == (2, ["address_invalid"])
    assert not [f for f in findings if f["where"].endswith("icar") or f["where"].startswith("icar")]


def test_a_point_of_sale_without_any_record_is_a_warning(town: Desk) -> None:
    with ScriptedServer([answer(EMPTY_PAGE)]) as server:
        code, findings = examined(town, "--point-of-sale", "PDV1", OPENFLEX_URL=server.url)
    assert code == 2  # the bound car is not to be read there either
    assert of(findings, "code_empty")[0]["level"] == "warning"


@pytest.mark.parametrize(("minutes", "level"), [(0, "ok"), (2, "warning"), (-11, "fault"), (60 * 24, "fault")])
def test_clocks_that_differ_are_told_and_what_that_may_touch(town: Desk, minutes: int, level: str) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
    lines = ("HTTP/1.1 200 OK", "Content-Type: application/json", "Connection: close")
    head = "\r\n".join((*lines, f"Content-Length: {len(EMPTY_PAGE)}", f"Date: {date}"))
    with ScriptedServer([raw(f"{head}\r\n\r\n{EMPTY_PAGE}".encode())]) as server:
        _, findings = examined(town, OPENFLEX_URL=server.url)
    (clock,) = [f for f in findings if f["check"] in {"clock_off", "clock_agrees"} and "openflex" in f["where"]]
    assert clock["level"] == level
    assert ("ne compare jamais les deux horloges" in clock["told"]) == (level != "ok")


# --- the way there


def test_a_name_that_nobody_knows_is_told_from_a_host_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    (found,) = check_reach(httpx.URL("https://dms.garage.fr"), "icar", 5)
    assert (found.check, found.passes) == ("name_unknown", True)


def test_a_look_up_that_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(30) and [])
    (found,) = check_reach(httpx.URL("https://dms.garage.fr"), "icar", 0.05)
    over.set()
    assert found.check == "name_late"


def test_a_name_that_leads_to_a_clouds_own_address_is_never_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    there = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 443))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [there])
    (found,) = check_reach(httpx.URL("https://dms.garage.fr"), "icar", 5)
    assert (found.check, found.passes) == ("name_forbidden", False)


def test_a_port_that_speaks_no_tls_is_told_from_one_whose_certificate_is_wrong(tmp_path: Path) -> None:
    with ScriptedServer([answer(EMPTY_PAGE)]) as server:
        found = list(check_reach(httpx.URL(server.url.replace("http", "https")), "icar", 5))
    assert [f.check for f in found] == ["name_known", "connected", "tls_none"]
    with self_signed(tmp_path) as url:
        found = list(check_reach(httpx.URL(url), "icar", 5))
    assert [f.check for f in found] == ["name_known", "connected", "tls_certificate"]
    assert "self" in found[-1].values["detail"]


def test_a_host_that_takes_a_connection_and_never_speaks_tls_costs_one_time_out() -> None:
    with silent() as (url, taken):
        found = list(check_reach(httpx.URL(url.replace("http", "https")), "icar", 0.2))
        assert len(taken) == 1
    assert [f.check for f in found] == ["name_known", "connected", "tls_late"]


@contextmanager
def self_signed(folder: Path) -> Iterator[str]:
    """Speak TLS with a certificate that nobody signed."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    key, certificate = folder / "key.pem", folder / "cert.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    named = ["-subj", "/CN=localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*made, *named], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def shake_hands() -> None:
            # The other side does not like the certificate, which is the point.
            with suppress(OSError), listener.accept()[0] as connection:
                context.wrap_socket(connection, server_side=True).close()

        thread = threading.Thread(target=shake_hands)
        thread.start()
        try:
            yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


# --- records


def page_of(desk: Desk, number: int = 12) -> list[NativeRecord]:
    dms = desk.sandbox.dms
    files = [dms.file(dossier) for dossier in dms.dossiers_from("Stock", "", number)]
    return [NativeRecord(file["dossier"], None, json.loads(json.dumps(file))) for file in files]


def looked_at(records: list[NativeRecord], side: Side = Side.DMS) -> dict[str, Finding]:
    translation = load_mappings(SHIPPED).points_of_sale["PDV1"].translations[side]
    return {f"{f.check} {f.values.get('attribute', '')}".strip(): f for f in check_records(translation, records, "x")}


def test_records_as_the_mapping_says_are_one_good_finding(town: Desk) -> None:
    assert list(looked_at(page_of(town))) == ["records_readable"]


def test_a_code_without_a_table_entry_is_told_with_the_nearest_one(town: Desk) -> None:
    records = page_of(town)
    for record in records[:2]:
        record.body["couleur"] = "NOIRR"  # type: ignore[index]
    found = looked_at(records)["codes_unknown exterior_colour"]
    assert (found.level, found.values["count"]) == ("warning", "1")
    assert found.values["examples"].startswith("NOIRR (2, ~ N")
    assert told(found, "en").startswith("exterior_colour: 1 code not in the table, in 12 records")


def test_values_that_cannot_be_read_are_counted_by_field(town: Desk) -> None:
    records = page_of(town)
    records[0].body["km"] = "12 mille"  # type: ignore[index]
    found = looked_at(records)["values_unreadable mileage"]
    assert (found.values["field"], found.values["count"], found.level) == ("km", "1", "warning")


def test_a_field_of_which_nothing_can_be_read_is_a_fault_of_the_mapping(town: Desk) -> None:
    records = page_of(town)
    for record in records:
        record.body["km"] = "douze"  # type: ignore[index]
    assert looked_at(records)["field_unreadable mileage"].level == "fault"


def test_a_field_that_no_record_has_is_told_by_its_name_in_the_mapping(town: Desk) -> None:
    records = page_of(town)
    for record in records:
        del record.body["km"]  # type: ignore[attr-defined]
    found = looked_at(records)["field_never_there mileage"]
    assert (found.values["field"], found.level) == ("km", "warning")


def test_records_without_an_id_are_a_fault(town: Desk) -> None:
    records = page_of(town)
    records[0] = NativeRecord("", None, records[0].body)
    assert looked_at(records)["records_nameless"].level == "fault"


def test_the_name_of_a_person_is_never_an_example() -> None:
    body = {"purchase": {"tradeInBuyer": "Dupont\x07Marcel"}}
    found = looked_at([NativeRecord("1", None, body)], Side.VEHICLE_MODULE)["values_unreadable trade_in_buyer"]
    assert "Dupont" not in found.values["examples"]
    assert found.values["examples"].startswith("D•••")


# --- words


def test_every_sentence_is_there_in_both_languages_with_the_same_figures() -> None:
    fields = {
        language: {check: [sorted(fields_of(text)) for text in said] for check, said in TOLD[language].items()}
        for language in ("fr", "en")
    }
    assert fields["fr"] == fields["en"]
    for words in (LEVELS, AREAS, SCREEN):
        assert list(words["fr"]) == list(words["en"])


def fields_of(text: str) -> set[str]:
    from string import Formatter

    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_what_a_system_says_cannot_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = unreachable("no_answer", "icar \x1b[2J", detail="Closed\x1b]0;x\x07\x9b2J")
    view = DoctorView([hostile], "fr")
    view.echo()
    said = capsys.readouterr().out + json.dumps(view.as_data(), ensure_ascii=False)
    assert "Closed" in said
    assert not [character for character in "\x1b\x07\x9b" if character in said or repr(character)[1:-1] in said]


def edited(folder: Path, name: str, old: str, new: str) -> Path:
    """The shipped mapping files with one change."""
    target = folder / "mappings"
    shutil.copytree(SHIPPED, target)
    text = (target / name).read_text("utf-8")
    assert old in text
    (target / name).write_text(text.replace(old, new, 1), "utf-8")
    return target

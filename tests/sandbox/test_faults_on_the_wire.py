"""Each fault of the wire as a plain client sees it, on real sockets: late, in drops, cut, dropped, reset."""

import json
import re
import socket
import threading
import time
from contextlib import suppress
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx
import pytest

from stocksync.sandbox.running import RunningSandbox

VEHICLES = "/api/v1/vehicles"
FILES = "/icar/ws/v2/vo"
ALL = f"{FILES}?site=S01"


def raw_answer(sandbox, path=ALL):
    """Ask the DMS and return every byte that came, and what ended it: the end of the connection, or a reset."""
    address = urlsplit(sandbox.dms_url)
    received = b""
    with socket.create_connection((address.hostname, address.port), timeout=5) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: dms\r\nX-Api-Key: sandbox-key\r\n\r\n".encode())
        try:
            while part := client.recv(65536):
                received += part
        except ConnectionResetError:
            return received, "reset"
    return received, "end"


def headers_and_body(received):
    head, _, body = received.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return status, dict(line.lower().split(": ", 1) for line in lines), body


# -- connections that end


def test_a_reset_comes_before_any_byte_of_an_answer(sandbox):
    sandbox.breaks("dms").set("reset")
    assert raw_answer(sandbox) == (b"", "reset")


def test_a_reset_in_the_middle_of_the_body_comes_after_some_of_it(sandbox, dms):
    dms.opened()
    sandbox.breaks("dms").set("reset_mid_body", at=0.5)
    received, end = raw_answer(sandbox)
    _, headers, body = headers_and_body(received)
    assert end == "reset"
    assert 0 < len(body) < int(headers["content-length"])


def test_a_cut_body_is_shorter_than_its_content_length(sandbox, dms):
    dms.opened()
    sandbox.breaks("dms").set("cut", at=0.75)
    received, end = raw_answer(sandbox)
    status, headers, body = headers_and_body(received)
    assert (end, status) == ("end", "HTTP/1.1 200 OK")
    assert len(body) == int(int(headers["content-length"]) * 0.75)
    with pytest.raises(httpx.RemoteProtocolError):
        dms.listed()


def test_an_unmarked_cut_is_a_whole_answer_to_http_whose_json_is_broken(sandbox, dms):
    dms.opened()
    sandbox.breaks("dms").set("cut_unmarked")
    answer = dms.get(ALL)
    assert answer.status_code == 200
    assert not {"content-length", "transfer-encoding"} & set(answer.headers)
    assert answer.text.startswith('{"ok":true')
    with pytest.raises(json.JSONDecodeError):
        answer.json()


@pytest.mark.parametrize("fault", ["cut", "cut_unmarked", "reset_mid_body"])
def test_an_answer_without_a_body_cannot_be_cut_and_does_not_come(sandbox, module, fault):
    vehicle = module.created()
    sandbox.breaks("vehicle_module").set(fault)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        module.delete(f"{VEHICLES}/{vehicle['id']}/reservation")


def test_a_change_under_apply_then_drop_has_no_answer_and_is_there_exactly_once(sandbox, module):
    vehicle = module.created()
    sandbox.breaks("vehicle_module").set("apply_then_drop", calls=["update"])
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        module.change(vehicle["id"], {"sale": {"price": 9990}})
    kept = module.get(f"{VEHICLES}/{vehicle['id']}").json()
    assert (kept["sale"]["price"], kept["version"]) == (9990, vehicle["version"] + 1)


def test_a_creation_under_apply_then_drop_is_there_exactly_once(sandbox, dms):
    sandbox.breaks("dms").set("apply_then_drop", times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        dms.opened(ref_externe="OF-000001")
    assert [file["ref_externe"] for file in dms.listed()["vo"]] == ["OF-000001"]
    assert dms.opened(ref_externe="OF-000001")["dossier"] == "VO000001"
    assert dms.listed()["total"] == 1


def test_a_write_under_drop_before_apply_has_no_answer_and_never_happened(sandbox, dms):
    file = dms.opened()
    sandbox.breaks("dms").set("drop_before_apply")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        dms.change(file["dossier"], couleur="GRIS")
    with pytest.raises(httpx.RemoteProtocolError):
        dms.opened()
    assert dms.listed()["vo"] == [file]


# -- answers that are not the system's


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_gateway_answers_with_a_page_of_its_own_and_nothing_is_carried_out(sandbox, module, status):
    sandbox.breaks("vehicle_module").set("server_error", status=status)
    answer = module.post(VEHICLES, json={"pointOfSale": "PDV1"})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    sandbox.breaks("vehicle_module").clear()
    assert module.listed()["items"] == []


def test_several_statuses_are_drawn_from(sandbox, dms):
    sandbox.breaks("dms").set("server_error", status="502,504")
    assert {dms.get(ALL).status_code for _ in range(12)} == {502, 504}


def test_a_login_page_is_html_with_200(sandbox, dms):
    sandbox.breaks("dms").set("login_page")
    answer = dms.get(ALL)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.text.startswith("<!doctype html>")


@pytest.mark.parametrize("status", [401, 403])
def test_a_revoked_key_opens_nothing_in_either_system(sandbox, module, dms, status):
    for system in ("vehicle_module", "dms"):
        sandbox.breaks(system).set("key_revoked", status=status)
    said = module.get("/api/v1/points-of-sale"), dms.get(ALL)
    assert [answer.status_code for answer in said] == [status, status]
    assert said[0].headers["content-type"] == "application/problem+json"
    assert said[1].json()["code"] == status


def test_the_nightly_batch_is_503_inside_a_200_in_the_dms_and_a_problem_in_the_module(sandbox, module, dms):
    for system in ("vehicle_module", "dms"):
        sandbox.breaks(system).set("nightly_batch")
    assert dms.listed()["code"] == 503
    answer = module.get(VEHICLES)
    assert (answer.status_code, answer.json()["status"]) == (503, 503)


@pytest.mark.parametrize(("said", "shown"), [(7, "7"), ("absent", None)])
def test_too_many_requests_says_when_to_come_back_or_does_not(sandbox, module, dms, said, shown):
    for system in ("vehicle_module", "dms"):
        sandbox.breaks(system).set("too_many_requests", retry_after=said, times=1)
    answers = [module.get("/api/v1/points-of-sale"), dms.get(ALL)]
    assert [(answer.status_code, answer.headers.get("retry-after")) for answer in answers] == [(429, shown)] * 2
    assert dms.listed()["ok"]


def test_a_retry_after_can_be_a_date_of_the_systems_own_clock(sandbox, dms):
    sandbox.breaks("dms").set("too_many_requests", retry_after="date+90")
    sandbox.breaks("dms").set("clock_skew", seconds=3600)
    headers = dms.get(ALL).headers
    wait = parsedate_to_datetime(headers["retry-after"]) - parsedate_to_datetime(headers["date"])
    assert wait.total_seconds() == 90


def test_an_absurd_retry_after_is_another_one_each_time(sandbox, dms):
    sandbox.breaks("dms").set("too_many_requests", retry_after="absurd")
    said = {dms.get(ALL).headers["retry-after"] for _ in range(20)}
    assert len(said) > 3
    assert not any(re.fullmatch(r"\d{1,5}", text) for text in said)


# -- answers that take their time


def test_latency_holds_an_answer_for_as_long_as_it_says(sandbox, dms):
    sandbox.breaks("dms").set("latency", ms=120)
    began_s = time.monotonic()
    assert dms.listed()["ok"]
    assert 0.12 <= time.monotonic() - began_s < 2


def test_latency_keeps_nobody_else_waiting(sandbox, dms):
    held, other = dms.opened()["dossier"], dms.opened()["dossier"]
    sandbox.breaks("dms").set("latency", ms=400, record=held)
    ended = []
    waiting = threading.Thread(target=lambda: ended.append(dms.get(f"{FILES}/{held}").status_code))
    waiting.start()
    assert dms.said("GET", f"{FILES}/{other}")["ok"]
    assert ended == []
    waiting.join()
    assert ended == [200]


def test_a_held_answer_is_of_a_write_that_is_there_already(sandbox, dms):
    file = dms.opened()["dossier"]
    sandbox.breaks("dms").set("latency", ms=400, calls="update")
    with pytest.raises(httpx.ReadTimeout):
        dms.put(f"{FILES}/{file}", json={"couleur": "GRIS"}, timeout=0.1)
    assert dms.said("GET", f"{FILES}/{file}")["vo"]["couleur"] == "GRIS"


def test_a_held_request_is_carried_out_after_its_client_gave_up(sandbox, dms):
    file = dms.opened()["dossier"]
    sandbox.breaks("dms").set("latency", ms="290-300", hold="request", calls="update")
    with pytest.raises(httpx.ReadTimeout):
        dms.put(f"{FILES}/{file}", json={"couleur": "GRIS"}, timeout=0.1)
    assert dms.said("GET", f"{FILES}/{file}")["vo"]["couleur"] == ""
    deadline_s = time.monotonic() + 5
    while not (colour := dms.said("GET", f"{FILES}/{file}")["vo"]["couleur"]) and time.monotonic() < deadline_s:
        pass
    assert colour == "GRIS"


def test_a_dripping_body_comes_whole_in_pieces_with_pauses(sandbox, dms):
    whole = dms.get(ALL).content
    sandbox.breaks("dms").set("drip", bytes=10, every_ms=20)
    began_s = time.monotonic()
    assert dms.get(ALL).content == whole
    assert time.monotonic() - began_s >= 0.02 * ((len(whole) - 1) // 10)


def test_servers_stop_while_an_answer_is_held(tmp_path, capfd):
    with RunningSandbox(tmp_path) as sandbox:
        sandbox.breaks("dms").set("latency", ms=600_000)
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(sandbox.dms_url + ALL, headers={"X-Api-Key": "sandbox-key"}, timeout=0.1)
        began_s = time.monotonic()
    assert time.monotonic() - began_s < 4
    assert "Traceback" not in capfd.readouterr().err


# -- all of them


def test_requests_are_counted_by_call_and_outcome(tmp_path):
    with RunningSandbox(tmp_path) as sandbox, httpx.Client(headers={"X-Api-Key": "sandbox-key"}) as client:
        client.get(sandbox.dms_url + ALL)
        client.get(f"{sandbox.dms_url}{FILES}/VO000001")
        client.get(f"{sandbox.dms_url}/elsewhere")
        for fault in ("reset", "cut", "server_error"):
            sandbox.breaks("dms").set(fault)
            with suppress(httpx.TransportError):
                client.get(sandbox.dms_url + ALL)
            sandbox.breaks("dms").clear()
        assert sandbox.requests("dms") == {
            ("list", "200"): 1,
            ("read", "200"): 1,
            ("other", "404"): 1,
            ("list", "reset"): 1,
            ("list", "cut"): 1,
            ("list", "500"): 1,
        }
        assert sandbox.requests("vehicle_module") == {}

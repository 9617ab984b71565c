"""Liveness, readiness and who is shown the figures, over a real socket."""

import httpx
import pytest

from stocksync.entrypoints.http.service import Unready
from tests.entrypoints.http.serving import NotingService, Rig, about, served, signed

PASSWORD = "p4ssw0rd-of-the-database"
FAULT = RuntimeError(f"cannot connect to postgresql://stocksync:{PASSWORD}@db/stocksync")


def test_it_lives_while_the_loop_turns_whatever_becomes_of_the_database() -> None:
    with served(Rig(NotingService(fault=FAULT))) as rig:
        assert rig.client.get("/healthz").status_code == 200
        assert rig.service.database_calls == 0


def test_it_is_ready_iff_nothing_speaks_against_it() -> None:
    with served(Rig()) as rig:
        answer = rig.client.get("/readyz")
        assert (answer.status_code, answer.json()) == (200, {"ready": True, "reasons": []})


def test_what_keeps_it_from_being_ready_is_named() -> None:
    with served(Rig(NotingService(reasons=[Unready.SCHEDULER, Unready.STOPPING]))) as rig:
        answer = rig.client.get("/readyz")
        assert (answer.status_code, answer.json()) == (503, {"ready": False, "reasons": ["scheduler", "stopping"]})


def test_a_fault_makes_it_unready_and_tells_nobody_the_password(caplog: pytest.LogCaptureFixture) -> None:
    with served(Rig(NotingService(fault=FAULT))) as rig:
        answer = rig.client.get("/readyz")
        assert (answer.status_code, answer.json()["reasons"]) == (503, ["unknown"])
        figures = rig.client.get("/metrics")
    assert figures.status_code == 200
    assert PASSWORD not in answer.text + figures.text + caplog.text
    assert "RuntimeError" in caplog.text


def test_asking_often_whether_it_is_ready_asks_the_database_once() -> None:
    with served(Rig()) as rig:
        assert {rig.client.get("/readyz").status_code for _ in range(20)} == {200}
        assert rig.service.database_calls == 1


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/metrics", 200),
        ("POST", "/hooks/openflex", 202),
        ("POST", "/hooks/nobody", 404),
        ("GET", "/hooks/openflex", 405),
        ("GET", "/docs", 404),
        ("GET", "/openapi.json", 404),
        ("GET", "/redoc", 404),
        ("GET", "/healthz/", 404),
    ],
)
def test_no_answer_is_to_be_kept_or_taken_for_another_kind(method: str, path: str, status: int) -> None:
    body = b'{"vehicle": {"id": "V-1"}, "pointOfSale": "PDV1"}' if method == "POST" else b""
    with served(Rig()) as rig:
        answer = rig.client.request(method, path, content=body, headers=signed(body))
    assert answer.status_code == status
    assert (answer.headers["x-content-type-options"], answer.headers["cache-control"]) == ("nosniff", "no-store")
    assert "server" not in answer.headers


def test_a_fault_of_ours_shows_the_caller_nothing_of_it(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(NotingService):
        def hint(self, *hint: object) -> None:
            raise FAULT

    with served(Rig(Broken())) as rig:
        answer = rig.hook(about())
    assert (answer.status_code, answer.json()) == (500, {"detail": "Internal Server Error"})
    assert answer.headers["cache-control"] == "no-store"
    assert "RuntimeError" in caplog.text


def asked(rig: Rig, *authorization: str) -> httpx.Response:
    headers = [(b"Authorization", said.encode("latin-1")) for said in authorization]
    return rig.client.get("/metrics", headers=[*headers, (b"X-Forwarded-For", b"127.0.0.1")])


def test_a_token_shuts_the_figures_to_whoever_does_not_send_it() -> None:
    with served(Rig(), metrics_token="a-token-for-scrapes") as rig:
        assert asked(rig, "Bearer a-token-for-scrapes").status_code == 200
        for wrong in [(), ("Bearer x",), ("a-token-for-scrapes",), ("Bearer é",), ("Bearer a-token-for-scrapes",) * 2]:
            answer = asked(rig, *wrong)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
            assert "stocksync_" not in answer.text


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "stocksync.example", ""])
def test_without_a_token_the_figures_are_shown_on_loopback_only(host: str) -> None:
    with served(Rig(), host=host) as rig:
        assert asked(rig).status_code == 401
        assert asked(rig, "Bearer None").status_code == 401
        assert asked(rig, "Bearer").status_code == 401


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_on_loopback_the_figures_are_open(host: str) -> None:
    with served(Rig(), host=host) as rig:
        assert asked(rig).status_code == 200

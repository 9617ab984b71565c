"""Whatever comes to /hooks, in its headers, its body or its bytes: an answer at once, and nothing worse."""

import json
import socket
from collections.abc import Iterator
from itertools import count

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers

from stocksync.entrypoints.http.hooks import HINTS, HookDesk, Outcome
from stocksync.sandbox.running import LOOPBACK
from tests.entrypoints.http.serving import DOORS, NOW_S, Rig, about, served, signed

ANSWERS = {202, 400, 401, 404, 408, 413, 429}

Json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
JsonText = Json.map(lambda value: json.dumps(value).encode())
Bodies = (
    st.binary(max_size=300)
    | JsonText
    | st.builds(lambda record, point: orjson.dumps(about(record, point)), st.text(max_size=250), st.text(max_size=20))
    | st.builds(lambda record: orjson.dumps(about(record, "PDV1")), st.integers(-(2**63), 2**63 - 1) | st.text())
    | st.integers(65_000, 66_500).map(lambda size: b'{"x":"' + b"a" * size + b'"}')
)
HeaderValues = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=300).map(
    lambda text: text.strip().encode("latin-1")
)
HeaderNames = st.sampled_from(
    ["X-Signature", "X-Timestamp", "Content-Encoding", "Content-Type", "X-Forwarded-For", "Expect", "Authorization"]
)
HeaderLists = st.lists(st.tuples(HeaderNames, HeaderValues), max_size=6)


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    # Each look at the clock is a minute later, so that no rate is ever used up.
    with served(Rig(), read_body_s=0.2, monotonic_s=count(step=60).__next__) as rig:
        yield rig


PATIENT = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)


@PATIENT
@given(body=Bodies, headers=HeaderLists, system=st.sampled_from(["openflex", "icar", "x%00y", "%F0%9F%9A%97"]))
def test_hostile_headers_and_bodies_are_answered_without_a_fault_or_a_hint(
    rig: Rig, body: bytes, headers: list[tuple[str, bytes]], system: str
) -> None:
    hints = len(rig.service.hints)
    answer = rig.client.post(f"/hooks/{system}", content=body, headers=[(n.encode(), v) for n, v in headers])
    assert answer.status_code in {401, 404, 413}
    assert len(rig.service.hints) == hints
    assert rig.service.database_calls == 0


@PATIENT
@given(body=Bodies, at_s=st.integers(NOW_S - 400, NOW_S + 400))
def test_a_sender_with_the_secret_gets_no_further_than_a_hint(rig: Rig, body: bytes, at_s: int) -> None:
    hints = len(rig.service.hints)
    answer = rig.hook(body, at_s=at_s)
    assert answer.status_code in ANSWERS - {429, 404}
    new = rig.service.hints[hints:]
    assert all(point in {"PDV1", "PDV2"} and 0 < len(record) <= 200 for point, _, record in new)
    assert not new or (answer.status_code == 202 and abs(at_s - NOW_S) <= 300)
    assert rig.service.database_calls == 0


@PATIENT
@given(tail=st.binary(max_size=400), length=st.integers(-1, 10**12) | st.text("0123456789abc, ", max_size=8))
def test_bytes_that_are_no_http_harm_nobody_else(rig: Rig, tail: bytes, length: int | str) -> None:
    with socket.create_connection((LOOPBACK, rig.port), timeout=10) as connection:
        connection.sendall(f"POST /hooks/openflex HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n".encode() + tail)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(65536)
    assert not answer or 400 <= int(answer.split()[1]) < 500
    assert rig.client.get("/healthz").status_code == 200


def test_a_flood_of_signed_hooks_fills_no_memory() -> None:
    hints: list[str] = []
    desk = HookDesk(DOORS, lambda *hint: hints.append(hint[2]), lambda: NOW_S, count(step=60).__next__)
    most = HINTS.most_within(600)
    outcomes = []
    for number in range(most + 500):
        body = orjson.dumps(about(number))
        outcomes.append(desk.judge("openflex", Headers(signed(body)), body))
    assert len(desk.seen["openflex"]) == len(hints) == most
    assert outcomes[most:] == [Outcome.TOO_MANY] * 500

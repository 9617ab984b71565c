"""A webhook over a real socket: a hint where it is proven, and nothing at all where it is not."""

import socket
from collections.abc import Iterator

import orjson
import pytest

from stocksync.entrypoints.http.bounds import Rate, Seen
from stocksync.entrypoints.http.doors import Door, HookSettings
from stocksync.entrypoints.http.hooks import ARRIVALS, HINTS, MAX_BODY_BYTES
from stocksync.sandbox.running import LOOPBACK
from stocksync.stock.values import Side
from tests.entrypoints.http.serving import (
    DOORS,
    MODULE_HOOK,
    NOW_S,
    OTHER_SECRET,
    SECRET,
    Rig,
    about,
    plain,
    served,
    signed,
)

BODY = orjson.dumps(about())
GOOD = signed(BODY)
SIGNATURE, TIMESTAMP = GOOD["X-Signature"], GOOD["X-Timestamp"]


@pytest.fixture
def rig() -> Iterator[Rig]:
    with served(Rig(), read_body_s=0.2) as rig:
        yield rig


def padded(size: int) -> bytes:
    """A body of exactly so many bytes."""
    bare = orjson.dumps({**about(), "x": ""})
    return orjson.dumps({**about(), "x": "a" * (size - len(bare))})


def raw(rig: Rig, sent: bytes) -> bytes:
    """Send bytes as they are, and give all that comes back."""
    with socket.create_connection((LOOPBACK, rig.port), timeout=10) as connection:
        connection.sendall(sent)
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


def test_a_signed_hook_is_one_hint_an_empty_answer_and_no_database_call(rig: Rig) -> None:
    answer = rig.hook(about("V-7", "PDV2"))
    assert (answer.status_code, answer.content) == (202, b"")
    assert rig.service.hints == [("PDV2", Side.VEHICLE_MODULE, "V-7")]
    assert rig.service.database_calls == 0


def test_ids_may_be_whole_numbers_and_codes_may_be_spelled_as_people_do(rig: Rig) -> None:
    assert rig.hook(about(4711, " pdv1")).status_code == 202
    assert rig.service.hints == [("PDV1", Side.VEHICLE_MODULE, "4711")]


FORGED = {
    "no header at all": {"X-Nothing": "1"},
    "no signature": {"X-Timestamp": TIMESTAMP},
    "no timestamp": {"X-Signature": SIGNATURE},
    "another secret": signed(BODY, secret="quite another secret than ours"),
    "another body": signed(BODY + b" "),
    "another instant than signed": {**GOOD, "X-Timestamp": str(NOW_S + 1)},
    "no prefix": {**GOOD, "X-Signature": SIGNATURE.removeprefix("sha256=")},
    "another prefix": {**GOOD, "X-Signature": SIGNATURE.replace("sha256=", "sha512=")},
    "a cut signature": {**GOOD, "X-Signature": SIGNATURE[:-2]},
    "an empty signature": {**GOOD, "X-Signature": "sha256="},
    "a signature with spaces inside": {**GOOD, "X-Signature": SIGNATURE[:9] + "  " + SIGNATURE[9:]},
    "two signatures": [("X-Timestamp", TIMESTAMP), ("X-Signature", SIGNATURE), ("X-Signature", SIGNATURE)],
    "two timestamps": [("X-Timestamp", TIMESTAMP), ("X-Timestamp", TIMESTAMP), ("X-Signature", SIGNATURE)],
    "signed too long ago": signed(BODY, NOW_S - 301),
    "signed too far ahead": signed(BODY, NOW_S + 301),
    "a negative instant": {**signed(BODY), "X-Timestamp": "-1"},
    "an instant beyond all measure": {**GOOD, "X-Timestamp": "9" * 4000},
    "an instant in other digits": {"X-Timestamp": "١٧٩".encode(), "X-Signature": SIGNATURE.encode()},
}


def test_whatever_is_wrong_with_a_proof_the_answer_is_the_same(rig: Rig) -> None:
    answers = {name: rig.hook(BODY, headers=headers) for name, headers in FORGED.items()}
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(FORGED, 401)
    assert len({(answer.content, str(sorted(plain(answer.headers).items()))) for answer in answers.values()}) == 1
    assert rig.service.hints == []


@pytest.mark.parametrize("off_s", [-300, 300])
def test_clocks_may_be_five_minutes_apart(rig: Rig, off_s: int) -> None:
    assert rig.hook(about(), at_s=NOW_S + off_s).status_code == 202
    assert len(rig.service.hints) == 1


def test_a_repeated_hook_is_answered_as_before_and_causes_nothing(rig: Rig) -> None:
    shouted = {**GOOD, "X-Signature": "sha256=" + SIGNATURE.removeprefix("sha256=").upper()}
    answers = [rig.hook(BODY, headers=headers) for headers in (GOOD, GOOD, shouted)]
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert len(rig.service.hints) == 1


def test_a_hook_from_our_future_cannot_be_replayed_while_its_timestamp_is_good(rig: Rig) -> None:
    headers = signed(BODY, NOW_S + 300)
    rig.hook(BODY, headers=headers)
    rig.now_s = NOW_S + 600
    assert rig.hook(BODY, headers=headers).status_code == 202
    rig.now_s = NOW_S + 601
    assert rig.hook(BODY, headers=headers).status_code == 401
    assert len(rig.service.hints) == 1


def test_the_same_news_signed_anew_is_a_hint_again(rig: Rig) -> None:
    for at_s in (NOW_S, NOW_S + 1):
        rig.hook(BODY, headers=signed(BODY, at_s))
    assert len(rig.service.hints) == 2


@pytest.mark.parametrize("system", ["icar", "OPENFLEX", "", "%2e%2e", "openflex%00", "é", "x" * 2000])
def test_a_system_without_a_door_is_not_found(rig: Rig, system: str) -> None:
    assert rig.hook(BODY, system, headers=GOOD).status_code == 404
    assert rig.service.hints == []


def test_a_secret_speaks_for_its_own_points_of_sale_only(rig: Rig) -> None:
    assert rig.hook(about(point_of_sale="PDV3")).status_code == 202
    assert rig.hook(about(point_of_sale="PDV1"), secret=OTHER_SECRET).status_code == 202
    assert rig.service.hints == []
    rig.hook(about(point_of_sale="PDV3"), secret=OTHER_SECRET)
    assert rig.service.hints == [("PDV3", Side.VEHICLE_MODULE, "V-1")]


def test_two_pairs_with_one_system_are_both_told() -> None:
    other = MODULE_HOOK.model_copy(update={"record_id": "vehicle.vin"})
    doors = HookSettings(
        {"openflex": (DOORS.doors["openflex"][0], Door(Side.DMS, other, SECRET.encode(), {"pdv1": "LYON"}))}
    )
    with served(Rig(), doors) as rig:
        rig.hook(about("V-1"))
        assert rig.service.hints == [("PDV1", Side.VEHICLE_MODULE, "V-1"), ("LYON", Side.DMS, "not read")]


UNREADABLE = {
    "nothing": b"",
    "a list": b"[]",
    "a page": b"<html></html>",
    "other than UTF-8": BODY[:-1] + b',"x":"\xe9"}',
    "a key twice": BODY[:-1] + b',"event":1}',
    "NaN": BODY[:-1] + b',"x":NaN}',
    "a number that fills the memory": BODY[:-1] + b',"x":1e999999999}',
    "brackets without end": b"[" * 60_000,
    "objects without end": b'{"a":' * 10_000,
    "no id": orjson.dumps({"pointOfSale": "PDV1"}),
    "no point of sale": orjson.dumps({"vehicle": {"id": "V-1"}}),
    "an id behind a list": orjson.dumps({"pointOfSale": "PDV1", "vehicle": [{"id": "V-1"}]}),
    "an empty id": orjson.dumps(about("")),
    "no id but null": orjson.dumps(about(None)),
    "true for an id": orjson.dumps(about(True)),
    "a broken number for an id": orjson.dumps(about(1.5)),
    "an object for an id": orjson.dumps(about({"x": 1})),
    "an id with a line end": orjson.dumps(about("V-1\nX-Evil: 1")),
    "an endless id": orjson.dumps(about("V" * 201)),
    "an endless code": orjson.dumps(about("V-1", "P" * 201)),
}


def test_a_signed_body_that_says_nothing_usable_is_told_what_it_lacks(rig: Rig) -> None:
    answers = {name: rig.hook(body) for name, body in UNREADABLE.items()}
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(UNREADABLE, 400)
    assert answers["a list"].json() == {"detail": "a JSON object is due"}
    assert answers["no id"].json()["detail"].endswith("is due at vehicle.id")
    assert rig.service.hints == []


def test_an_unsigned_body_is_never_parsed(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def parsed(content: bytes) -> None:
        raise AssertionError("parsed before it was proven")

    monkeypatch.setattr("stocksync.entrypoints.http.hooks.parsed", parsed)
    assert rig.hook(BODY, secret="quite another secret than ours").status_code == 401


def test_a_body_of_64_kb_is_taken_and_one_byte_more_is_not(rig: Rig) -> None:
    assert rig.hook(padded(MAX_BODY_BYTES)).status_code == 202
    assert rig.hook(padded(MAX_BODY_BYTES + 1)).status_code == 413
    assert len(rig.service.hints) == 1


def test_a_body_without_end_is_cut_off_as_soon_as_it_is_too_large(rig: Rig) -> None:
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    answer = raw(rig, b"POST /hooks/openflex HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 3)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()


def test_a_body_that_does_not_come_is_not_waited_for(rig: Rig) -> None:
    answer = raw(rig, b"POST /hooks/openflex HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_sender_who_leaves_midway_is_no_fault_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    with served(Rig()) as rig:
        with socket.create_connection((LOOPBACK, rig.port), timeout=10) as connection:
            connection.sendall(b"POST /hooks/openflex HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        assert rig.hook(about()).status_code == 202
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_whoever_comes_too_often_is_told_when_to_come_again(rig: Rig) -> None:
    statuses = [rig.hook(BODY, headers={"X-Nothing": "1"}).status_code for _ in range(ARRIVALS.burst + 1)]
    assert statuses == [401] * ARRIVALS.burst + [429]
    late = rig.hook(about())
    assert (late.status_code, int(late.headers["Retry-After"]) > 0) == (429, True)
    rig.monotonic_s += 1
    assert rig.hook(about()).status_code == 202


def test_hints_are_bounded_and_one_that_was_turned_away_may_come_again(rig: Rig) -> None:
    for number in range(HINTS.burst):
        rig.monotonic_s += 1e-9 if number % ARRIVALS.burst else 2
        rig.hook(about(number))
    given = len(rig.service.hints)
    spent = next(n for n in range(1000) if rig.hook(about(f"more {n}")).status_code == 429)
    assert given + spent == len(rig.service.hints) <= HINTS.most_within(rig.monotonic_s)
    rig.monotonic_s += 1
    assert rig.hook(about(f"more {spent}")).status_code == 202
    assert rig.service.hints[-1][2] == f"more {spent}"


def test_what_was_seen_takes_no_more_memory_than_the_rate_lets_in() -> None:
    seen = Seen(for_s=600, most=Rate(burst=3, per_s=0.01).most_within(600))
    for number in range(1000):
        if seen.has_room(float(number)):
            seen.keep(b"%d" % number, float(number))
        assert len(seen) <= 10
    assert not seen.knows(b"0")
    assert seen.knows(b"602")

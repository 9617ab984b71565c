"""What the REST adapter makes of answers that are wrong, late or hostile, over real sockets."""

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from typing import Any

import httpx
import pytest

from stocksync.adapters.systems import slices
from stocksync.adapters.systems.http import HttpClient, Key, StandingKey
from stocksync.adapters.systems.listing import Asking, ChainTally, Listed, StepTally, Waiting, WholeTally, proven_pages
from stocksync.adapters.systems.rest import RestSystem
from stocksync.errors import (
    AccessDenied,
    ConfigurationError,
    IncompleteListing,
    RateLimited,
    RecordNotFound,
    StaleWrite,
    StocksyncError,
    SystemUnavailable,
    UnexpectedAnswer,
    WriteRejected,
)
from stocksync.mapping.connection import RestConnection
from stocksync.sync.familiar import Familiar, ListedPage, Memory
from stocksync.sync.ports import NativeRecord, Page
from stocksync.sync.runs import PackedPage
from tests.contract.clock import PaperClock
from tests.contract.connections import DMS, VEHICLE_MODULE, connection
from tests.contract.familiars import familiar_with
from tests.contract.scripted import Act, ScriptedServer, answer, late, raw, reset

SECRET = "s3cr3t-t0ken-0123456789"
CAR = {"id": "OF-1", "version": 4}
FILE = {"dossier": "VO1", "site": "S01"}

Play = Callable[..., ScriptedServer]


@pytest.fixture
def play() -> Iterator[Play]:
    """Start a server that plays the given acts."""
    servers: list[ScriptedServer] = []

    def start(*acts: Act) -> ScriptedServer:
        servers.append(ScriptedServer(list(acts)).__enter__())
        return servers[-1]

    yield start
    for server in servers:
        server.__exit__(None, None, None)


@pytest.fixture
def clock() -> PaperClock:
    """A clock on which nothing takes time."""
    return PaperClock()


@pytest.fixture
def module(clock: PaperClock) -> Iterator[Callable[..., RestSystem]]:
    """Make clients of a vehicle module."""
    yield from _clients(clock, VEHICLE_MODULE, "id", "version", "the vehicle module")


@pytest.fixture
def dms(clock: PaperClock) -> Iterator[Callable[..., RestSystem]]:
    """Make clients of a DMS."""
    yield from _clients(clock, DMS, "dossier", None, "the DMS")


def _clients(
    clock: PaperClock, text: str, id_path: str, version_path: str | None, name: str
) -> Iterator[Callable[..., RestSystem]]:
    made: list[RestSystem] = []

    def make(server: ScriptedServer | str, **changes: object) -> RestSystem:
        made.append(
            RestSystem(
                connection(text, **changes),
                base_url=server if isinstance(server, str) else server.url,
                secrets={"token": SECRET, "key": SECRET},
                point_of_sale_code="S01",
                id_path=id_path,
                version_path=version_path,
                clock=clock,
                name=name,
            )
        )
        return made[-1]

    yield make
    for system in made:
        system.close()


def numbered(items: list[dict[str, Any]], total: int, pages: int = 1) -> Act:
    """A page of the DMS."""
    return answer({"ok": True, "vo": items, "page": 1, "nb_pages": pages, "total": total})


def files(*numbers: int) -> list[dict[str, Any]]:
    """Records of the DMS."""
    return [{"dossier": f"VO{number}"} for number in numbers]


def cursor_page(items: list[dict[str, Any]], next_cursor: str | None) -> Act:
    """A page of the vehicle module."""
    return answer({"items": items, "nextCursor": next_cursor})


def refused(code: int, **more: Any) -> Act:
    """An error of the DMS: HTTP 200, and the code inside."""
    return answer({"ok": False, "code": code, "erreur": "non", **more})


# Answers that are no JSON, or no whole one

HTML = "<!DOCTYPE html><html><title>Connexion</title><body>Connectez-vous</body></html>"


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (answer(HTML, content_type="text/html"), "an HTML or XML page"),
        (answer(HTML), "an HTML or XML page"),
        (answer(""), "no record"),
        (answer("  "), "an empty text"),
        (answer('{"id": "OF-1", "ver'), "not whole JSON"),
        (raw(b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"id": "OF-1", "version'), "not whole JSON"),
        (answer('{"id": "OF-1", "id": "OF-2"}'), "says 'id' twice"),
        (answer('{"id": "OF-1", "sale": {"price": NaN}}'), "NaN"),
        (answer('{"id": "OF-1", "sale": {"price": -Infinity}}'), "Infinity"),
        (answer('{"id": "OF-1", "sale": {"price": 1e999999999}}'), "beyond all measure"),
        (answer('{"id": "OF-1", "sale": {"price": 1e99999999999999999999}}'), "beyond all measure"),
        (answer('{"id": "OF-1", "km": ' + "9" * 5000 + "}"), "beyond all measure"),
        (answer('{"id": "OF-1", "colour": "Gris fonc\u00e9"}'.encode("latin-1")), "not UTF-8"),
        (answer('{"id": "OF-1", "colour": "Gris fonc\ufffd"}'), "U+FFFD"),
        (answer('{"id": "OF-1", "colour": ["Gris fonc\\ufffd"]}'), "U+FFFD"),
        (answer('{"id": "OF-1", "colour": "\\ud83d"}'), "U+FFFD"),
        (answer("[" * 100_000), "nested too deeply"),
        (answer('["OF-1"]'), "no record"),
        (answer('{"version": 4}'), "a record without an id"),
        (answer('{"id": true}'), "a record without an id"),
        (answer('{"id": "OF-1\\u0000"}'), "a record without an id"),
        (answer({"id": "OF-2", "version": 4}), "the record 'OF-2'"),
        (answer(b"\x1f\x8bnot gzip", Content_Encoding="gzip"), "gzip"),
        (answer(gzip.compress(b'{"id": "OF-1"}')[:-6], Content_Encoding="gzip"), "cut short"),
        (answer(b"whatever", Content_Encoding="br"), "coding 'br'"),
        (answer(CAR, status=206), "206"),
        (answer(CAR, status=418), "418"),
    ],
)
def test_an_answer_that_cannot_be_read_says_what_came_and_from_where(
    play: Play, module: Callable[..., RestSystem], act: Act, says: str
) -> None:
    server = play(act)
    with pytest.raises(UnexpectedAnswer) as error:
        module(server).read("OF-1")
    assert says in str(error.value)
    assert "The vehicle module" in str(error.value)
    assert "GET /api/v1/vehicles/OF-1" in str(error.value)
    assert SECRET not in str(error.value)
    assert len(server.asked) == 1, "what is not there now will not be there at once"


def test_a_number_keeps_every_digit(play: Play, module: Callable[..., RestSystem]) -> None:
    text = '{"id": "OF-1", "sale": {"price": 19999.99, "tax": 0.1000000000000000055511151231257827}}'
    record = module(play(answer(text))).read("OF-1")
    assert record is not None
    assert record.body["sale"] == {
        "price": Decimal("19999.99"),
        "tax": Decimal("0.1000000000000000055511151231257827"),
    }


def test_an_emoji_or_a_backslash_is_no_damage(play: Play, module: Callable[..., RestSystem]) -> None:
    text = r'{"id": "OF-1", "note": "\ud83d\ude97 C:\\ufffd"}'
    record = module(play(answer(text))).read("OF-1")
    assert record is not None
    assert record.body["note"] == "\U0001f697 C:\\ufffd"


def test_a_gzip_answer_is_read(play: Play, module: Callable[..., RestSystem]) -> None:
    act = answer(gzip.compress(b'{"id": "OF-1", "version": 4}'), Content_Encoding="gzip")
    record = module(play(act)).read("OF-1")
    assert record is not None
    assert record.version == "4"


def test_an_answer_that_is_too_big_is_not_read_to_its_end(play: Play, module: Callable[..., RestSystem]) -> None:
    server = play(answer(b'"' + b"x" * 3_000_000 + b'"'))
    with pytest.raises(UnexpectedAnswer, match="more than 1,000,000 bytes"):
        module(server, page_size_mb=1).read("OF-1")


def test_an_answer_that_inflates_without_end_is_refused(play: Play, module: Callable[..., RestSystem]) -> None:
    server = play(answer(gzip.compress(b" " * 50_000_000), Content_Encoding="gzip"))
    with pytest.raises(UnexpectedAnswer, match="more than 1,000,000 bytes"):
        module(server, page_size_mb=1).read("OF-1")


# Answers that come late or break off


@pytest.mark.parametrize(
    "act",
    [
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", *[b" "] * 100, pause_s=0.1),
        raw(b"HTTP/1.1 200 OK\r\nX-Slow: ", *[b"x"] * 100, pause_s=0.1),
    ],
    ids=["in the body", "in the headers"],
)
def test_a_slow_drip_ends_at_the_deadline(play: Play, module: Callable[..., RestSystem], act: Act) -> None:
    server = play(act)
    begun_s = time.monotonic()
    with pytest.raises(SystemUnavailable, match="gave no whole answer to GET /api/v1/vehicles/OF-1 within 1 s"):
        module(server, timeout_s=1, attempts=1).read("OF-1")
    assert 0.9 < time.monotonic() - begun_s < 3


@pytest.mark.parametrize(
    "act",
    [
        raw(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"id": "OF-1"'),
        raw(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{"id": "OF-1"'),
        raw(b"HTTP/1.1 200 O"),
        raw(b"220 smtp.example ready\r\n"),
        reset(),
    ],
)
def test_an_answer_that_breaks_off_is_asked_for_again(play: Play, module: Callable[..., RestSystem], act: Act) -> None:
    server = play(act, act, answer(CAR))
    record = module(server, attempts=3).read("OF-1")
    assert record is not None
    assert record.body == CAR
    assert len(server.asked) == 3


def test_a_system_that_is_not_there_is_unavailable(module: Callable[..., RestSystem], clock: PaperClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    system = module(url, attempts=4)
    with pytest.raises(SystemUnavailable, match="could not be reached for GET /api/v1/vehicles/OF-1"):
        system.read("OF-1")
    assert len(clock.pauses_s) == 3
    assert all(0 <= pause_s <= longest_s for pause_s, longest_s in zip(clock.pauses_s, (0.5, 1, 2), strict=True))


# Writes are never repeated


@pytest.mark.parametrize("act", [answer(status=503), answer(status=429), reset(), answer(HTML)])
@pytest.mark.parametrize("call", ["create", "update", "reserve"])
def test_a_write_is_sent_once_whatever_comes_back(
    play: Play, module: Callable[..., RestSystem], clock: PaperClock, act: Act, call: str
) -> None:
    server = play(act)
    system = module(server)
    calls: dict[str, Callable[[], object]] = {
        "create": lambda: system.create({"type": "VO"}, "k"),
        "update": lambda: system.update("OF-1", {"type": "VO"}, "4", "k"),
        "reserve": lambda: system.reserve("OF-1", "k"),
    }
    with pytest.raises((SystemUnavailable, RateLimited, UnexpectedAnswer)):
        calls[call]()
    assert [asked.method for asked in server.asked if asked.method != "GET"] == [
        {"create": "POST", "update": "PATCH", "reserve": "PUT"}[call]
    ]
    assert clock.pauses_s == []


def test_a_write_without_an_answer_says_that_its_outcome_is_unknown(
    play: Play, module: Callable[..., RestSystem]
) -> None:
    with pytest.raises(SystemUnavailable, match="whether the write was carried out"):
        module(play(reset())).update("OF-1", {}, "4", "k")


def test_a_write_answered_without_a_body_is_followed_by_a_read(play: Play, module: Callable[..., RestSystem]) -> None:
    server = play(answer(status=204), answer(CAR))
    assert module(server).update("OF-1", {}, "3", "k").version == "4"
    assert [asked.method for asked in server.asked] == ["PATCH", "GET"]


def test_a_write_carries_its_precondition_its_key_and_exact_decimals(
    play: Play, module: Callable[..., RestSystem]
) -> None:
    server = play(answer(CAR))
    module(server).update("OF-1", {"sale": {"price": Decimal("19999.90"), "vat": None}}, "3", "run-7/car-1")
    (asked,) = server.asked
    assert asked.headers["If-Match"] == '"3"'
    assert asked.headers["Idempotency-Key"] == "run-7/car-1"
    assert asked.headers["Content-Type"] == "application/merge-patch+json"
    assert asked.body == b'{"sale":{"price":19999.90,"vat":null}}'


def test_a_system_that_checks_nothing_is_sent_no_precondition_and_no_key(
    play: Play, dms: Callable[..., RestSystem]
) -> None:
    server = play(answer({"ok": True, "vo": FILE}))
    dms(server).update("VO1", {"km": "84500"}, None, "k")
    (asked,) = server.asked
    assert not {"If-Match", "Idempotency-Key"} & set(asked.headers)
    assert asked.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("version", ['a"b', "é", "a\r\nX-Evil: 1", ""])
def test_a_version_that_no_header_can_carry_is_never_sent(
    play: Play, module: Callable[..., RestSystem], version: str
) -> None:
    server = play(answer(CAR))
    with pytest.raises(UnexpectedAnswer, match="no header can carry"):
        module(server).update("OF-1", {}, version, "k")
    assert server.asked == []


def test_settings_without_a_way_to_create_refuse_a_creation(play: Play, module: Callable[..., RestSystem]) -> None:
    server = play(answer(CAR))
    with pytest.raises(WriteRejected, match="takes no new records"):
        module(server, create=None).create({}, "k")
    assert server.asked == []


def test_many_threads_share_one_client(play: Play, dms: Callable[..., RestSystem]) -> None:
    system = dms(play(answer({"ok": True, "vo": FILE})), concurrency=4)
    with ThreadPoolExecutor(max_workers=12) as threads:
        answers = list(threads.map(lambda n: system.update("VO1", {"km": str(n)}, None, f"k{n}"), range(60)))
    assert [answer.body for answer in answers] == [FILE] * 60


# Statuses, and codes in an envelope


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, WriteRejected),
        (401, AccessDenied),
        (403, AccessDenied),
        (404, RecordNotFound),
        (408, SystemUnavailable),
        (409, WriteRejected),
        (410, RecordNotFound),
        (412, StaleWrite),
        (415, UnexpectedAnswer),
        (422, WriteRejected),
        (428, StaleWrite),
        (429, RateLimited),
        (500, SystemUnavailable),
        (502, SystemUnavailable),
        (503, SystemUnavailable),
        (504, SystemUnavailable),
    ],
)
def test_a_status_and_the_same_code_in_an_envelope_are_the_same_error(
    play: Play,
    module: Callable[..., RestSystem],
    dms: Callable[..., RestSystem],
    status: int,
    kind: type[StocksyncError],
) -> None:
    problem = answer({"title": "No", "detail": f"not with {SECRET}"}, status=status)
    with pytest.raises(kind) as by_status:
        module(play(problem)).update("OF-1", {}, "4", "k")
    with pytest.raises(kind) as by_code:
        dms(play(refused(status))).update("VO1", {}, None, "k")
    assert type(by_status.value) is type(by_code.value) is kind
    assert str(by_status.value).startswith("The vehicle module ")
    assert f"PATCH /api/v1/vehicles/OF-1 gave {status} (not with ***)" in str(by_status.value)
    assert f"PUT /icar/ws/v2/vo/VO1 gave {status} (non)" in str(by_code.value)


def test_the_fields_of_a_refusal_are_named_with_what_is_wrong(
    play: Play, module: Callable[..., RestSystem], dms: Callable[..., RestSystem]
) -> None:
    errors = [
        {"field": "sale.price", "message": "too low"},
        {"field": "sale.price", "message": "not round"},
        {"field": "", "message": "nameless"},
        {"message": "nameless"},
        "odd",
        {"field": "type", "message": 7},
    ]
    with pytest.raises(WriteRejected) as refusal:
        module(play(answer({"errors": errors}, status=422))).create({}, "k")
    assert refusal.value.fields == {"sale.price": "too low; not round", "type": ""}
    with pytest.raises(WriteRejected) as refusal:
        dms(play(refused(422, champs=[{"champ": "km", "message": "trop"}]))).create({}, "k")
    assert refusal.value.fields == {"km": "trop"}


def test_a_refusal_without_a_readable_body_is_still_that_refusal(play: Play, module: Callable[..., RestSystem]) -> None:
    with pytest.raises(AccessDenied):
        module(play(answer(HTML, status=401, content_type="text/html"))).read("OF-1")
    with pytest.raises(WriteRejected):
        module(play(answer('["odd"]', status=422))).create({}, "k")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"vo": FILE},
        {"ok": 1, "vo": FILE},
        {"ok": "true", "vo": FILE},
        {"ok": False, "erreur": "non"},
        {"ok": False, "code": "404"},
        {"ok": False, "code": 200},
        {"ok": "false", "code": 404},
        {"code": 404},
        {"ok": True},
        {"ok": True, "vo": None},
        {"ok": True, "vo": [FILE]},
        [],
        None,
    ],
)
def test_an_envelope_that_says_neither_success_nor_error_is_unexpected(
    play: Play, dms: Callable[..., RestSystem], body: Any
) -> None:
    with pytest.raises(UnexpectedAnswer, match="GET /icar/ws/v2/vo/VO1"):
        dms(play(answer(body))).read("VO1")


def test_what_is_not_there_reads_as_none_by_status_or_code(
    play: Play, module: Callable[..., RestSystem], dms: Callable[..., RestSystem]
) -> None:
    assert module(play(answer(status=404))).read("OF-1") is None
    assert dms(play(refused(404))).read("VO1") is None


def test_a_system_closed_for_its_nightly_batch_is_tried_again_and_then_unavailable(
    play: Play, dms: Callable[..., RestSystem]
) -> None:
    server = play(refused(503))
    with pytest.raises(SystemUnavailable):
        list(dms(server, attempts=3).pages())
    assert len(server.asked) == 3


def test_a_key_that_is_refused_is_not_tried_again(play: Play, dms: Callable[..., RestSystem]) -> None:
    server = play(answer(status=401))
    with pytest.raises(AccessDenied, match="The DMS does not accept our key: GET /icar/ws/v2/vo gave 401"):
        list(dms(server).pages())
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("retry_after", "pause_s"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("300", 300.0),
        ("Fri, 20 Nov 2026 09:00:42 GMT", 42.0),
        ("301", None),
        ("86400", None),
        ("-5", None),
        ("Fri, 20 Nov 2026 08:00:00 GMT", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_is_honoured_unless_it_is_absurd(
    play: Play, module: Callable[..., RestSystem], clock: PaperClock, retry_after: str, pause_s: float | None
) -> None:
    # Its date is an hour behind ours: a date is held against the clock that it comes from.
    act = raw(
        b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nConnection: close\r\n"
        b"Date: Fri, 20 Nov 2026 09:00:00 GMT\r\n" + f"Retry-After: {retry_after}\r\n\r\n".encode()
    )
    server = play(act, answer(CAR))
    assert module(server).read("OF-1") is not None
    assert len(clock.pauses_s) == 1
    assert clock.pauses_s[0] == pause_s if pause_s is not None else 0 <= clock.pauses_s[0] <= 0.5


def test_a_write_that_comes_too_often_says_how_long_to_wait(play: Play, module: Callable[..., RestSystem]) -> None:
    with pytest.raises(RateLimited) as error:
        module(play(answer(status=429, Retry_After="12"))).update("OF-1", {}, "4", "k")
    assert error.value.retry_after_s == 12


# Where requests go


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_named_and_never_followed(play: Play, module: Callable[..., RestSystem], status: int) -> None:
    elsewhere = play(answer(CAR))
    location = f"{elsewhere.url.replace('//', '//user:pass@')}/login?next=%2Fsecret"
    server = play(answer(status=status, Location=location))
    with pytest.raises(UnexpectedAnswer, match=f"{elsewhere.url}/login, which is not followed") as error:
        module(server).update("OF-1", {}, "4", "k")
    assert "secret" not in str(error.value)
    assert "pass" not in str(error.value)
    assert elsewhere.asked == []


def test_an_address_in_an_answer_is_never_followed(play: Play, module: Callable[..., RestSystem]) -> None:
    elsewhere = play(cursor_page([], None))
    server = play(cursor_page([CAR], f"{elsewhere.url}/api"), cursor_page([], None))
    list(module(server).pages())
    assert elsewhere.asked == []
    assert server.asked[1].target.startswith("/api/v1/vehicles?")


@pytest.mark.parametrize(
    ("record_id", "segment"),
    [
        ("a/b", "a%2Fb"),
        ("../../admin", "..%2F..%2Fadmin"),
        ("%2e%2e", "%252e%252e"),
        ("x?y=1#z", "x%3Fy%3D1%23z"),
        ("é ;", "%C3%A9%20%3B"),
        ("http://evil.example/", "http%3A%2F%2Fevil.example%2F"),
        ("a\\b", "a%5Cb"),
    ],
)
def test_an_id_stays_one_step_of_the_path(
    play: Play, module: Callable[..., RestSystem], record_id: str, segment: str
) -> None:
    server = play(answer({"id": record_id}))
    assert module(server).read(record_id) is not None
    assert server.asked[0].target == f"/api/v1/vehicles/{segment}"


@pytest.mark.parametrize("record_id", ["", ".", "..", "a\nb"])
def test_a_write_to_an_id_that_no_path_can_carry_is_not_sent(
    play: Play, module: Callable[..., RestSystem], record_id: str
) -> None:
    server = play(answer(CAR))
    with pytest.raises(RecordNotFound):
        module(server).update(record_id, {}, "4", "k")
    assert server.asked == []


def test_the_key_is_sent_in_its_own_header_and_cookies_are_not_kept(
    play: Play, module: Callable[..., RestSystem], dms: Callable[..., RestSystem]
) -> None:
    one = play(answer(CAR, Set_Cookie="session=1; Path=/"))
    system = module(one)
    system.read("OF-1")
    system.read("OF-1")
    assert [asked.headers.get("Authorization") for asked in one.asked] == [f"Bearer {SECRET}"] * 2
    assert [asked.headers.get("Cookie") for asked in one.asked] == [None] * 2
    other = play(answer({"ok": True, "vo": FILE}))
    dms(other).read("VO1")
    assert other.asked[0].headers["X-Api-Key"] == SECRET
    assert "Authorization" not in other.asked[0].headers


def test_a_proxy_of_the_environment_is_not_used(
    play: Play, module: Callable[..., RestSystem], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, server = play(answer(CAR)), play(answer(CAR))
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("ALL_PROXY", proxy.url)
    module(server).read("OF-1")
    assert (len(proxy.asked), len(server.asked)) == (0, 1)


def test_our_key_is_put_into_no_request_to_another_address() -> None:
    asked: list[httpx.Request] = []

    def noted(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200)

    client = HttpClient(
        "https://openflex.example",
        name="the module",
        access=StandingKey(Key("X-Api-Key", SECRET)),
        timeout_s=5,
        body_cap_bytes=100,
        connections=1,
        transport=httpx.MockTransport(noted),
    )
    for url in ("https://evil.example/", "http://openflex.example/", "https://openflex.example:8443/"):
        with pytest.raises(ConfigurationError, match="our key belongs to another address"):
            client.send("GET", "/", url=httpx.URL(url))
    assert not asked
    client.send("GET", "/", url=httpx.URL("https://openflex.example/"))
    assert [request.headers["X-Api-Key"] for request in asked] == [SECRET]
    assert SECRET not in repr(Key("X-Api-Key", SECRET))


def test_a_path_before_the_api_is_kept(play: Play, module: Callable[..., RestSystem]) -> None:
    server = play(answer(CAR))
    module(server.url + "/group7/").read("OF-1")
    assert server.asked[0].target == "/group7/api/v1/vehicles/OF-1"


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "openflex.example",
        "ftp://openflex.example",
        "file:///etc/passwd",
        "http://openflex.example",
        "http://10.0.0.7",
        "http://127.0.0.1.evil.example",
        "https://user:hunter2@openflex.example",
        "https://openflex.example?token=hunter2",
        "https://openflex.example#hunter2",
        "https://metadata.google.internal",
        "https://169.254.169.254",
        "https://[fe80::1]",
        "https://[::ffff:169.254.169.254]",
        "https://0.0.0.0",
        "https://[oops",
    ],
)
def test_an_address_that_may_not_be_used_is_a_setting_to_correct(
    module: Callable[..., RestSystem], base_url: str
) -> None:
    with pytest.raises(ConfigurationError, match="The address of the vehicle module") as error:
        module(base_url)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:8701", "http://localhost", "http://[::1]:1", "https://a.fr"])
def test_this_machine_may_be_asked_in_the_clear_and_others_not(
    module: Callable[..., RestSystem], base_url: str
) -> None:
    assert module(base_url).conditional_writes


def test_a_name_that_leads_to_a_forbidden_address_is_refused_before_a_byte_is_sent(
    play: Play, module: Callable[..., RestSystem], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = play(answer(CAR))
    system = module(server)
    monkeypatch.setattr("stocksync.adapters.systems.guarded._peer", lambda stream: "169.254.169.254")
    with pytest.raises(ConfigurationError, match=r"leads to 169\.254\.169\.254, no place for a stock"):
        system.read("OF-1")
    monkeypatch.setattr("stocksync.adapters.systems.guarded._peer", lambda stream: "10.0.0.7")
    with pytest.raises(ConfigurationError, match="unencrypted"):
        system.read("OF-1")
    assert server.asked == []


@pytest.mark.parametrize("secrets", [{}, {"token": ""}, {"token": "a b"}, {"token": "a\r\nb"}, {"token": "clé"}])
def test_a_secret_that_no_header_can_carry_is_a_setting_to_correct(secrets: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="The secret 'token' of the system"):
        _system(connection(VEHICLE_MODULE), secrets=secrets)


@pytest.mark.parametrize("path", ["vehicles/{id}", "//evil.example/{id}", "https://evil.example/{id}", "/v?id={id}"])
def test_a_path_that_could_leave_the_address_is_a_setting_to_correct(path: str) -> None:
    with pytest.raises(ConfigurationError, match="must begin with one /"):
        _system(connection(VEHICLE_MODULE, read={"path": path}))


def _system(settings: RestConnection, secrets: dict[str, str] | None = None) -> RestSystem:
    return RestSystem(
        settings,
        base_url="https://openflex.example",
        secrets={"token": SECRET} if secrets is None else secrets,
        point_of_sale_code="S01",
        id_path="id",
        version_path="version",
        clock=PaperClock(),
        transport=httpx.MockTransport(lambda request: httpx.Response(500)),
    )


# Listings that do not add up


@pytest.mark.parametrize(
    "body",
    [
        {"nextCursor": None},
        {"items": None, "nextCursor": None},
        {"items": {}, "nextCursor": None},
        {"items": [None], "nextCursor": None},
        {"items": ["OF-1"], "nextCursor": None},
        {"items": []},
        {"items": [], "nextCursor": ""},
        {"items": [], "nextCursor": True},
        [],
        None,
    ],
)
def test_a_cursor_page_that_is_no_list_of_records_is_unexpected(
    play: Play, module: Callable[..., RestSystem], body: Any
) -> None:
    with pytest.raises(UnexpectedAnswer, match="GET /api/v1/vehicles"):
        list(module(play(answer(body))).pages())


@pytest.mark.parametrize(
    "changes",
    [{"vo": None}, {"total": None}, {"total": -1}, {"total": "1"}, {"nb_pages": 1.5}, {"nb_pages": True}],
)
def test_a_numbered_page_without_its_counts_is_unexpected(
    play: Play, dms: Callable[..., RestSystem], changes: dict[str, Any]
) -> None:
    whole = {"ok": True, "vo": files(1), "page": 1, "nb_pages": 1, "total": 1}
    with pytest.raises(UnexpectedAnswer, match="GET /icar/ws/v2/vo"):
        list(dms(play(answer(whole | changes))).pages())


def test_a_listing_of_an_unknown_point_of_sale_says_which(play: Play, dms: Callable[..., RestSystem]) -> None:
    with pytest.raises(UnexpectedAnswer, match=r"404 for point of sale 'S01' \(non\)"):
        list(dms(play(refused(404))).pages())


def test_a_record_without_a_readable_id_is_listed_without_one(play: Play, dms: Callable[..., RestSystem]) -> None:
    odd: list[dict[str, Any]] = [{"dossier": None}, {"dossier": ["VO1"]}, {}, {"dossier": 7}]
    (page,) = dms(play(numbered(odd, total=4))).pages()
    assert [record.record_id for record in page.records] == ["", "", "", "7"]


def test_a_cursor_that_died_begins_the_listing_again(play: Play, module: Callable[..., RestSystem]) -> None:
    server = play(
        cursor_page([{"id": "OF-1"}], "c1"),
        answer(status=410),
        cursor_page([{"id": "OF-2"}], "c2"),
        cursor_page([{"id": "OF-1"}], None),
    )
    pages = list(module(server).pages())
    assert [(page.first, page.records[0].record_id) for page in pages] == [
        (True, "OF-1"),
        (True, "OF-2"),
        (False, "OF-1"),
    ]


def test_a_cursor_that_always_dies_gives_up_after_three_restarts(play: Play, module: Callable[..., RestSystem]) -> None:
    acts = [cursor_page([CAR], "c1"), answer(status=410)]
    server = play(*acts * 4, answer(status=500))
    with pytest.raises(IncompleteListing, match="its cursor died 4 times"):
        list(module(server).pages())
    assert len(server.asked) == 8


def test_a_first_page_that_is_gone_is_no_dead_cursor(play: Play, module: Callable[..., RestSystem]) -> None:
    server = play(answer(status=410))
    with pytest.raises(UnexpectedAnswer):
        list(module(server).pages())
    assert len(server.asked) == 1


def test_the_same_record_twice_along_cursors_is_normal(play: Play, module: Callable[..., RestSystem]) -> None:
    server = play(cursor_page([{"id": "OF-1", "version": 1}], "c1"), cursor_page([{"id": "OF-1", "version": 2}], None))
    pages = list(module(server).pages())
    assert [page.records[0].version for page in pages] == ["1", "2"]


def test_cursors_that_go_in_a_circle_are_left(play: Play, module: Callable[..., RestSystem]) -> None:
    with pytest.raises(IncompleteListing, match="a cursor came a second time"):
        list(module(play(cursor_page([CAR], "c1"))).pages())


def test_cursors_that_never_end_are_left(play: Play, module: Callable[..., RestSystem]) -> None:
    same = [{"id": f"OF-{number}"} for number in range(400)]
    server = play(*(cursor_page(same, f"c{number}") for number in range(9)))
    with pytest.raises(IncompleteListing, match="1200 repeats came with only 400 records"):
        list(module(server).pages())


def test_a_page_that_shifted_is_made_good_by_listing_again(play: Play, dms: Callable[..., RestSystem]) -> None:
    server = play(
        numbered(files(1, 2), total=4, pages=2),
        numbered(files(2, 3), total=4, pages=2),
        numbered(files(1, 2), total=4, pages=2),
        numbered(files(3, 4), total=4, pages=2),
    )
    pages = list(dms(server).pages())
    assert [page.first for page in pages] == [True, True, False]
    assert [record.record_id for page in pages[1:] for record in page.records] == ["VO1", "VO2", "VO3", "VO4"]
    assert [asked.target.rpartition("&")[2] for asked in server.asked] == ["page=1", "page=2"] * 2


@pytest.mark.parametrize(
    ("acts", "says"),
    [
        ([numbered(files(1, 1), total=2)], "page 1 held a record that had come before"),
        ([numbered(files(1, 2), total=3)], "2 of 3 records had come by page 1 of 1"),
        ([numbered(files(1, 2), total=1)], "2 of 1 records had come by page 1 of 1"),
        ([numbered(files(), total=2, pages=0)], "0 of 2 records had come by page 1 of 0"),
        ([numbered(files(), total=2, pages=2)], "page 1 of 2 was empty"),
        (
            [numbered(files(1), total=2, pages=2), numbered(files(2), total=3, pages=2)],
            "page 2 said 3 records on 2 pages, page 1 had said 2 records on 2 pages",
        ),
        (
            [numbered(files(1), total=2, pages=2), numbered(files(2), total=2, pages=3)],
            "page 2 said 2 records on 3 pages, page 1 had said 2 records on 2 pages",
        ),
        (
            [numbered(files(1), total=2, pages=2), numbered(files(1), total=2, pages=2)],
            "page 2 held a record that had come before",
        ),
    ],
)
def test_numbered_pages_that_never_add_up_are_given_up_with_the_numbers(
    play: Play, dms: Callable[..., RestSystem], acts: list[Act], says: str
) -> None:
    server = play(*acts * 3, answer(status=500))
    with pytest.raises(IncompleteListing, match="The DMS gave no complete listing of 'S01'") as error:
        list(dms(server).pages())
    assert says in str(error.value)
    assert len(server.asked) == 3 * len(acts)


def test_an_empty_point_of_sale_is_complete_with_no_pages_or_one(play: Play, dms: Callable[..., RestSystem]) -> None:
    for pages in (0, 1):
        (page,) = dms(play(numbered([], total=0, pages=pages))).pages()
        assert (page.records, page.first, page.total) == ((), True, 0)


# Pages that are asked for ahead


def test_the_next_page_is_asked_for_while_the_last_is_worked_on(play: Play, dms: Callable[..., RestSystem]) -> None:
    server = play(*(late(numbered(files(number), total=3, pages=3)) for number in (1, 2, 3)))
    pages = dms(server).pages()
    next(pages)
    _wait_until_asked(server, 2)
    assert len(list(pages)) == 2


def _wait_until_asked(server: ScriptedServer, times: int) -> None:
    limit_s = time.monotonic() + 5
    while len(server.asked) < times:
        assert time.monotonic() < limit_s
        time.sleep(0.005)


@pytest.mark.parametrize(("waited_s", "ahead"), [(0.004, []), (0.006, ["2"])])
def test_only_where_a_page_had_to_be_waited_for_is_the_next_one_asked_for_meanwhile(
    waited_s: float, ahead: list[str]
) -> None:
    now_s, worked_s, submitted = 0.0, 0.0, []

    class Background(ThreadPoolExecutor):
        def submit(self, ask: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
            submitted.extend(arguments)
            return super().submit(ask, *arguments, **named)

    def page(where: str | None) -> Listed:
        nonlocal now_s, worked_s
        now_s, worked_s = now_s + 1 + waited_s, worked_s + 1
        return Listed((NativeRecord(where or "1", None, {}),), next=None if where else "2")

    with Background(1) as executor:
        waiting = Waiting(lambda: now_s, lambda: worked_s)
        tally = partial(ChainTally, repeats_are_normal=False)
        asking = Asking(page, lambda ask: ask(), executor, IncompleteListing, tally, waiting=waiting)
        listed = [record.record_id for page in proven_pages(asking) for record in page.records]
    assert (listed, submitted) == (["1", "2"], ahead)


def test_a_page_that_failed_ahead_is_asked_for_again_and_no_pause_is_made_there(
    play: Play, dms: Callable[..., RestSystem], clock: PaperClock
) -> None:
    server = play(
        late(numbered(files(1), total=2, pages=2)), answer(status=429, Retry_After="9"), numbered(files(2), 2, 2)
    )
    pages = dms(server).pages()
    next(pages)
    _wait_until_asked(server, 2)
    assert clock.pauses_s == []
    assert [page.records[0].record_id for page in pages] == ["VO2"]
    assert clock.pauses_s == [9]


def test_a_consumer_that_raises_leaves_no_thread_and_no_request_behind(
    play: Play, dms: Callable[..., RestSystem]
) -> None:
    server = play(*(late(numbered(files(number), total=9, pages=9)) for number in range(1, 10)))
    system = dms(server)

    def consume() -> None:
        for _ in system.pages():
            raise ValueError("enough")

    with pytest.raises(ValueError, match="enough"):
        consume()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("page-ahead")]
    asked = len(server.asked)
    time.sleep(0.05)
    assert len(server.asked) == asked <= 2


def test_of_a_page_on_which_one_record_changed_what_stands_further_off_is_not_cut(
    play: Play, module: Callable[..., RestSystem], monkeypatch: pytest.MonkeyPatch
) -> None:
    def page(price: int) -> Act:
        items = [{"id": f"OF-{n:04}", "text": "a" * 60, "price": price if n == 70 else 1} for n in range(100)]
        return answer(json.dumps({"items": items, "nextCursor": None}, separators=(",", ":")))

    system = module(play(page(1), page(2)))
    [first] = system.pages()
    assert isinstance(first.source, ListedPage)
    known = {record.record_id: record.listed_digest or 0 for record in first.records}
    packed = {first.source.digest: PackedPage(first.source.packed, first.source.runs)}
    cut: list[Any] = []
    piece = slices._piece

    def noted(content: bytes, start: int, end: int, items: list[Any]) -> slices.Piece:
        cut.extend(items)
        return piece(content, start, end, items)

    monkeypatch.setattr(slices, "_piece", noted)
    familiar = Familiar(Memory(known.values, lambda ids: {}, packed=lambda: packed))
    [second] = system.pages(familiar)
    assert [record.body["price"] for record in second.records] == [2]
    assert (second.unchanged, familiar.not_met()) == (99, {known["OF-0070"]})
    assert 0 < len(cut) < 40


# What came again as it was, and pages that shift meanwhile


def as_listed(pages: list[Page]) -> Familiar:
    """A familiar that knows these pages and what stands on them."""
    sources = [page.source for page in pages if isinstance(page.source, ListedPage)]
    assert len(sources) == len(pages)
    return familiar_with({r.record_id: r.listed_digest or 0 for page in pages for r in page.records}, sources)


def edited(number: int) -> dict[str, Any]:
    """A record of the DMS that somebody edited."""
    return {"dossier": f"VO{number}", "texte": "autre"}


SETTLED = [numbered(files(*numbers), total=6, pages=3) for numbers in ((1, 2), (3, 4), (5, 6))]


@pytest.mark.parametrize(
    "shifted",
    [
        pytest.param([files(1, 2), files(2, 3), files(4, 6)], id="as it was, on the next page"),
        pytest.param([files(1, 2), files(3, 4), [*files(5), edited(1)]], id="as it had become meanwhile"),
        pytest.param([[*files(1), edited(2)], files(2, 3), files(4, 6)], id="as it had been"),
        pytest.param([[edited(1), *files(3)], files(3, 4)], id="as it was, on a page that came whole"),
        pytest.param([files(1, 1)], id="on one page"),
        pytest.param([files(1, 2), files(3, 4), [*files(5), edited(5)]], id="on one page, as it had become"),
    ],
)
def test_a_page_that_shifted_is_seen_where_a_record_that_came_twice_is_familiar(
    play: Play, dms: Callable[..., RestSystem], shifted: list[list[dict[str, Any]]]
) -> None:
    moved = [[edited(5), *files(1)], files(2, 3), files(4, 6)]
    came = [numbered(items, total=6, pages=3) for items in (*shifted, *moved)]
    server = play(*SETTLED, *came)
    system = dms(server)
    familiar = as_listed(list(system.pages()))
    pages = list(system.pages(familiar))
    assert len(server.asked) == len(SETTLED) + len(came), "it is listed once more"
    begun = max(number for number, page in enumerate(pages) if page.first)
    assert [record.record_id for page in pages[begun:] for record in page.records] == ["VO5"]
    assert sum(page.unchanged for page in pages[begun:]) == 5
    assert len(familiar.not_met()) == 1, "what the changed one was like before"


def test_along_cursors_what_is_familiar_and_comes_again_does_not_stand_for_one_that_is_missing(
    play: Play, module: Callable[..., RestSystem]
) -> None:
    def page(*numbers: int, after: str | None) -> Act:
        items = [{"id": f"OF-{number}"} for number in numbers]
        return answer(json.dumps({"items": items, "nextCursor": after, "total": 4}))

    server = play(
        *(page(1, 2, after="a"), page(3, 4, after=None)),
        *(page(1, 2, after="b"), page(2, 3, after=None)),
        *(page(1, 2, after="c"), page(3, 4, after=None)),
    )
    paging = {"style": "cursor", "parameter": "cursor", "next": "nextCursor", "total": "total"}
    system = module(server, list={"path": "/api/v1/vehicles", "items": "items", "paging": paging})
    familiar = as_listed(list(system.pages()))
    assert [page.first for page in system.pages(familiar)] == [True, True, False]
    assert (len(server.asked), familiar.not_met()) == (6, set())


def test_behind_links_by_numbers_and_in_one_answer_nothing_comes_as_it_was_and_otherwise() -> None:
    familiar = Familiar(Memory(lambda: (1, 2), lambda ids: {"A": 1}))
    familiar.begin()
    familiar.met((1,))
    again, why = Listed((NativeRecord("A", None, {}, None),), next="page 2", total=1), "as it was before and otherwise"
    chain = ChainTally(repeats_are_normal=False, familiar=familiar)
    assert chain.problem(again) == ""
    assert chain.problem(Listed(())) == f"the record 'A' came both {why}"
    for tally in (WholeTally(None, familiar), StepTally(size=None, first=1, familiar=familiar)):
        assert tally.problem(again) == f"the record 'A' came both {why}"
    for tally in (WholeTally(None), StepTally(size=None, first=1)):
        assert tally.problem(again) == ""

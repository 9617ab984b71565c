"""What is sent, letter by letter, and what is made of an answer that is not the record."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from stocksync.adapters.systems.rest import RestSystem
from stocksync.errors import (
    AccessDenied,
    RecordNotFound,
    StaleWrite,
    SystemUnavailable,
    UnexpectedAnswer,
    WriteRejected,
)
from stocksync.mapping.connection import RestConnection
from tests.contract.clock import PaperClock
from tests.contract.scripted import Act, ScriptedServer, answer, reset

CAR = '{"id": "V1", "rev": 4, "sale": {"price": 19999.90, "vat": null}, "seen": {"at": 1, "by": "x"}}'
Playing = Callable[..., tuple[RestSystem, ScriptedServer]]


@pytest.fixture
def playing() -> Iterator[Playing]:
    """Start a server that plays the given acts, and a client of it that writes in a given way."""
    opened: list[tuple[RestSystem, ScriptedServer]] = []

    def start(operation: dict[str, Any], *acts: Act, **more: Any) -> tuple[RestSystem, ScriptedServer]:
        creation = {name: said for name, said in operation.items() if name in {"answer", "id_at", "wrap"}}
        settings = {
            "protocol": "rest",
            "auth": {"scheme": "bearer", "secret": "key"},
            "list": {"path": "/cars", "paging": {"style": "none"}},
            "read": {"path": "/cars/{id}"},
            "create": {"method": "POST", "path": "/cars", **creation},
            "update": {"method": "PUT", "path": "/cars/{id}", **operation},
            "attempts": 2,
        }
        connection = RestConnection.model_validate(settings | more)
        server = ScriptedServer(list(acts)).__enter__()
        system = RestSystem(
            connection,
            base_url=server.url,
            secrets={"key": "opens-sesame"},
            point_of_sale_code="S01",
            id_path="id",
            version_path="rev",
            clock=PaperClock(),
            name="the DMS",
        )
        opened.append((system, server))
        return system, server

    yield start
    for system, server in opened:
        system.close()
        server.__exit__(None, None, None)


def sent(server: ScriptedServer) -> list[str]:
    """The requests, in order."""
    return [f"{asked.method} {asked.target}" for asked in server.asked]


# What is sent


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ({}, '{"sale":{"price":5.10},"km":7}'),
        ({"wrap": "data.car"}, '{"data":{"car":{"sale":{"price":5.10},"km":7}}}'),
        (
            {"wrap": "car", "extra": {"meta.id": "{id}", "meta.site": "{point_of_sale}", "n": 1, "ok": True}},
            '{"car":{"sale":{"price":5.10},"km":7},"meta":{"id":"V1","site":"S01"},"n":1,"ok":true}',
        ),
        ({"send": "top_level"}, '{"sale":{"price":5.10,"vat":null},"km":7}'),
        (
            {"send": "whole"},
            '{"id":"V1","rev":4,"sale":{"price":5.10,"vat":null},"seen":{"at":1,"by":"x"},"km":7}',
        ),
        (
            {"send": "whole", "leave_out": ["id", "rev", "seen.at", "not.there"]},
            '{"sale":{"price":5.10,"vat":null},"seen":{"by":"x"},"km":7}',
        ),
        (
            {"precondition": "field", "version_field": "lock.was", "version_type": "number"},
            '{"sale":{"price":5.10},"km":7,"lock":{"was":4}}',
        ),
        ({"precondition": "field"}, '{"sale":{"price":5.10},"km":7,"rev":"4"}'),
    ],
)
def test_a_body_is_what_the_settings_say(playing: Playing, operation: dict[str, Any], body: str) -> None:
    system, server = playing(operation, answer(CAR))
    changes = {"sale": {"price": Decimal("5.10")}, "km": 7}
    system.update("V1", changes, "4", "key-1")
    assert server.asked[-1].body.decode() == body
    assert changes == {"sale": {"price": Decimal("5.10")}, "km": 7}, "the caller's own fields are not touched"


def test_a_record_that_is_sent_back_keeps_every_digit_and_the_type_of_its_version(playing: Playing) -> None:
    system, server = playing({"send": "whole", "precondition": "field"}, answer(CAR))
    system.update("V1", {"km": 7}, "4", "key-1")
    assert b'"price":19999.90' in server.asked[-1].body
    assert b'"rev":4' in server.asked[-1].body


@pytest.mark.parametrize("send", ["whole", "top_level"])
@pytest.mark.parametrize("precondition", ["etag", "etag_as_is", "field"])
def test_a_record_that_moved_before_it_is_sent_back_is_stale_and_nothing_is_sent(
    playing: Playing, send: str, precondition: str
) -> None:
    system, server = playing({"send": send, "precondition": precondition}, answer(CAR))
    with pytest.raises(StaleWrite):
        system.update("V1", {"km": 7}, "3", "key-1")
    assert sent(server) == ["GET /cars/V1"]


@pytest.mark.parametrize("precondition", ["etag", "etag_as_is", "field"])
def test_a_write_that_has_to_name_a_version_and_has_none_is_stale(playing: Playing, precondition: str) -> None:
    system, server = playing({"precondition": precondition}, answer(CAR))
    with pytest.raises(StaleWrite, match="names none"):
        system.update("V1", {"km": 7}, None, "key-1")
    assert server.asked == []


@pytest.mark.parametrize(
    ("operation", "version"),
    [
        ({"precondition": "etag"}, 'a"b'),
        ({"precondition": "etag_as_is"}, "abc"),
        ({"precondition": "etag_as_is"}, '"a"\r\nX-Evil: "1"'),
        ({"precondition": "field", "version_type": "number"}, "abc"),
    ],
)
def test_a_version_that_cannot_be_named_is_never_sent(
    playing: Playing, operation: dict[str, Any], version: str
) -> None:
    system, server = playing(operation, answer(CAR))
    with pytest.raises(UnexpectedAnswer, match="a version that"):
        system.update("V1", {"km": 7}, version, "key-1")
    assert server.asked == []


@pytest.mark.parametrize("send", ["changes", "whole"])
def test_what_was_read_last_is_what_a_write_names_in_its_header(playing: Playing, send: str) -> None:
    acts = [answer(CAR, ETag='W/"a"'), answer(CAR, ETag='W/"a"')] if send == "whole" else [answer(CAR, ETag='W/"a"')]
    system, server = playing({"precondition": "etag_header", "send": send}, *acts, answer(CAR, ETag='"b"'))
    system.read("V1")
    system.update("V1", {"km": 7}, None, "key-1")
    assert server.asked[-1].headers["If-Match"] == 'W/"a"'
    if send == "changes":
        # The answer to the write names the next one.
        system.update("V1", {"km": 8}, None, "key-2")
        assert server.asked[-1].headers["If-Match"] == '"b"'
        assert [asked.method for asked in server.asked] == ["GET", "PUT", "PUT"]


def test_a_record_that_moved_between_the_callers_reading_and_ours_is_stale(playing: Playing) -> None:
    acts = [answer(CAR, ETag='"a"'), answer(CAR, ETag='"b"')]
    system, server = playing({"precondition": "etag_header", "send": "whole"}, *acts)
    system.read("V1")
    with pytest.raises(StaleWrite):
        system.update("V1", {"km": 7}, None, "key-1")
    assert [asked.method for asked in server.asked] == ["GET", "GET"]


def test_what_a_record_was_before_a_write_is_not_named_again(playing: Playing) -> None:
    acts = [
        answer(CAR, ETag='"a"'),
        answer(status=204),
        answer(status=404),
        answer(CAR, ETag='"b"'),
        answer(status=204),
    ]
    system, server = playing({"precondition": "etag_header", "answer": "nothing"}, *acts, answer(CAR, ETag='"c"'))
    system.read("V1")
    with pytest.raises(RecordNotFound):
        system.update("V1", {"km": 7}, None, "key-1")
    system.update("V1", {"km": 8}, None, "key-2")
    assert [asked.headers.get("If-Match") for asked in server.asked if asked.method == "PUT"] == ['"a"', '"b"']
    assert [asked.method for asked in server.asked] == ["GET", "PUT", "GET", "GET", "PUT", "GET"]


def test_an_id_that_is_only_a_key_there_is_not_sent_back_as_a_field(playing: Playing) -> None:
    listing = {"path": "/cars", "form": "keyed", "paging": {"style": "none"}}
    system, server = playing({"send": "whole"}, answer({"km": 1, "x": None}), list=listing)
    record = system.update("V1", {"km": 7}, None, "key-1")
    assert (record.record_id, record.body["id"]) == ("V1", "V1")
    assert server.asked[1].body == b'{"km":7,"x":null}'


@pytest.mark.parametrize("tag", ["", "a", 'w/"a"', '"a" "b"'])
def test_a_record_without_a_readable_etag_is_not_written(playing: Playing, tag: str) -> None:
    system, server = playing({"precondition": "etag_header"}, answer(CAR, ETag=tag))
    with pytest.raises(UnexpectedAnswer, match="GET /cars/V1 with no ETag"):
        system.update("V1", {"km": 7}, None, "key-1")
    assert sent(server) == ["GET /cars/V1"]


def test_what_fails_before_the_write_is_known_not_to_have_sent_it(playing: Playing) -> None:
    system, server = playing({"send": "whole"}, reset())
    with pytest.raises(SystemUnavailable) as error:
        system.update("V1", {"km": 7}, None, "key-1")
    assert error.value.unsent
    assert sent(server) == ["GET /cars/V1"] * 2


# What is answered


@pytest.mark.parametrize(
    ("operation", "act"),
    [
        ({"answer": "id"}, answer('"V1"', status=201)),
        ({"answer": "id", "id_at": "made.id"}, answer({"made": {"id": "V1"}})),
        ({"answer": "location"}, answer(status=201, Location="/cars/V1")),
        ({"answer": "location"}, answer(status=201, Location="https://elsewhere.example/x/V1/?v=2#y")),
        ({"answer": "location"}, answer({"ignored": 1}, status=201, Location="V1")),
    ],
)
def test_a_new_record_is_read_at_our_own_address_by_its_id(
    playing: Playing, operation: dict[str, Any], act: Act
) -> None:
    system, server = playing(operation, act, answer(CAR))
    assert system.create({"km": 7}, "key-1").record_id == "V1"
    assert sent(server) == ["POST /cars", "GET /cars/V1"]


@pytest.mark.parametrize(
    ("operation", "act"),
    [
        ({"answer": "id"}, answer(status=201)),
        ({"answer": "id"}, answer({"id": "V1"})),
        ({"answer": "id", "id_at": "id"}, answer({"id": True})),
        ({"answer": "location"}, answer(status=201)),
        ({"answer": "location"}, answer(status=201, Location="/")),
        ({"answer": "location"}, answer(status=201, Location="http://[oops")),
    ],
)
def test_a_creation_without_an_id_is_unexpected(playing: Playing, operation: dict[str, Any], act: Act) -> None:
    system, server = playing(operation, act)
    with pytest.raises(UnexpectedAnswer, match="no id of the new record"):
        system.create({"km": 7}, "key-1")
    assert len(server.asked) == 1


@pytest.mark.parametrize("after", [answer(status=429, Retry_After="1"), answer(status=401), answer("<p>"), reset()])
@pytest.mark.parametrize("call", ["create", "update"])
def test_a_write_that_was_taken_and_cannot_be_read_back_counts_as_one_without_an_answer(
    playing: Playing, after: Act, call: str
) -> None:
    operation = {"answer": "location"} if call == "create" else {"answer": "nothing"}
    system, server = playing(operation, answer(status=201, Location="/cars/V1"), after)
    with pytest.raises(SystemUnavailable, match="could not be read back") as error:
        system.create({"km": 7}, "k") if call == "create" else system.update("V1", {"km": 7}, None, "k")
    assert not error.value.unsent
    assert [asked.method for asked in server.asked if asked.method != "GET"] == ["POST" if call == "create" else "PUT"]


def test_a_write_that_was_taken_by_a_record_that_is_gone_says_so(playing: Playing) -> None:
    system, _ = playing({"answer": "nothing"}, answer(status=204), answer(status=404))
    with pytest.raises(RecordNotFound, match="took a write of 'V1' and has no such record now"):
        system.update("V1", {"km": 7}, None, "key-1")


def test_a_status_may_say_that_the_record_moved(playing: Playing) -> None:
    system, _ = playing({"stale_statuses": [409]}, answer(status=409))
    with pytest.raises(StaleWrite):
        system.update("V1", {"km": 7}, None, "key-1")
    system, _ = playing({"stale_statuses": [409]}, answer(status=412))
    with pytest.raises(WriteRejected):
        system.update("V1", {"km": 7}, None, "key-1")


# Errors


@pytest.mark.parametrize(
    ("errors", "act", "says", "fields"),
    [
        ({}, answer({"errors": {"km": ["a", "b"], "": ["c"]}}, status=422), "gave 422 (c, km: a; b)", {"km": "a; b"}),
        ({}, answer({"errors": ["a", "b"]}, status=422), "(a; b)", {}),
        ({}, answer(["a", {"field": "km", "message": "b"}], status=422), "(a, km: b)", {"km": "b"}),
        ({}, answer("not so opens-sesame\n!", status=422, content_type="text/plain"), "(not so *** !)", {}),
        ({}, answer("not so", status=422, content_type="text/html"), "gave 422;", {}),
        ({}, answer({"title": "No", "detail": ""}, status=422), "(No)", {}),
        (
            {"message": "error.why", "fields": "error.all", "field": "at.pointer", "field_message": "text"},
            answer({"error": {"why": "x", "all": [{"at": {"pointer": "/car/a~1b/km"}, "text": "y"}]}}, status=422),
            "(x, car.a/b.km: y)",
            {"a/b.km": "y"},
        ),
    ],
)
def test_errors_are_read_in_whichever_form_they_come(
    playing: Playing, errors: dict[str, Any], act: Act, says: str, fields: dict[str, str]
) -> None:
    system, _ = playing({"wrap": "car"}, act, errors=errors)
    with pytest.raises(WriteRejected) as refusal:
        system.update("V1", {"km": 7}, None, "key-1")
    assert says in str(refusal.value)
    assert refusal.value.fields == fields


def test_a_text_as_long_as_a_book_is_quoted_shortly(playing: Playing) -> None:
    act = answer("x" * 20_000, status=403, content_type="text/plain")
    system, _ = playing({}, act)
    with pytest.raises(AccessDenied) as error:
        system.read("V1")
    assert len(str(error.value)) < 400

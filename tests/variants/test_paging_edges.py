"""Listings whose pages do not add up, or lead elsewhere, whatever their style; answers as somebody wrote them down."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from stocksync.adapters.systems.paging import next_of
from stocksync.adapters.systems.rest import RestSystem
from stocksync.errors import IncompleteListing, UnexpectedAnswer
from stocksync.mapping.connection import RestConnection
from tests.contract.clock import PaperClock
from tests.contract.scripted import Act, ScriptedServer, answer, raw

SECRET = "opens-sesame-0123456789"
PAGE = {"style": "page", "parameter": "page"}
OFFSET = {"style": "offset", "parameter": "from"}
LINK = {"style": "next_link", "next": "next", "complete_when": "no_next"}
LINK_HEADER = {"style": "link_header", "complete_when": "no_next"}
NONE = {"style": "none"}

Listing = Callable[..., tuple[RestSystem, ScriptedServer]]


@pytest.fixture
def listing() -> Iterator[Listing]:
    """Start a server that plays the given acts, and a client of it that lists in a given way."""
    opened: list[tuple[RestSystem, ScriptedServer]] = []

    def start(paging: dict[str, Any], *acts: Act, **more: Any) -> tuple[RestSystem, ScriptedServer]:
        settings = {
            "protocol": "rest",
            "auth": {"scheme": "api_key", "query": "key", "secret": "key"},
            "list": {"path": "/cars", "query": {"site": "S01"}, "paging": paging, **more},
            "read": {"path": "/cars/{id}"},
            "update": {"method": "PATCH", "path": "/cars/{id}"},
        }
        connection = RestConnection.model_validate(settings)
        server = ScriptedServer(list(acts)).__enter__()
        system = RestSystem(
            connection,
            base_url=server.url + "/group7",
            secrets={"key": SECRET},
            point_of_sale_code="S01",
            id_path="id",
            version_path=None,
            clock=PaperClock(),
            name="the DMS",
        )
        opened.append((system, server))
        return system, server

    yield start
    for system, server in opened:
        system.close()
        server.__exit__(None, None, None)


def cars(*numbers: int) -> list[dict[str, Any]]:
    """Records."""
    return [{"id": f"V{number}"} for number in numbers]


def ids(system: RestSystem) -> list[str]:
    """List, and give what came."""
    return [record.record_id for page in system.pages() for record in page.records]


# What cannot be complete


@pytest.mark.parametrize(
    ("paging", "acts", "says"),
    [
        (PAGE | {"pages": "n"}, [answer({"cars": cars(1), "n": 2}), answer({"cars": [], "n": 2})], None),
        (PAGE | {"pages": "n"}, [answer({"cars": [], "n": 2})], "page 1 of 2 was empty"),
        (
            PAGE | {"pages": "n"},
            [answer({"cars": cars(1), "n": 2}), answer({"cars": cars(2), "n": 3})],
            "page 2 said 3 pages, page 1 had said 2 pages",
        ),
        (
            PAGE | {"total": "n"},
            [answer({"cars": cars(1), "n": 3}), answer({"cars": [], "n": 3})],
            "1 of 3 records had come by page 2",
        ),
        (OFFSET | {"total": "n"}, [answer({"cars": cars(1, 2, 3), "n": 2})], "3 of 2 records had come by page 1"),
        (
            OFFSET | {"total": "n"},
            [answer({"cars": cars(1), "n": 2}), answer({"cars": cars(1), "n": 2})],
            "page 2 held a record that had come before",
        ),
        (
            PAGE | {"size": 3, "complete_when": "short_page"},
            [answer({"cars": cars(1, 2)}), answer({"cars": cars(3)})],
            "page 1 held 2 of 3 records and was not the last",
        ),
        (
            PAGE | {"size": 1, "complete_when": "short_page"},
            [answer({"cars": cars(1, 2)})],
            "page 1 held 2 records, more than its size, 1",
        ),
        (NONE | {"total": "n"}, [answer({"cars": cars(1), "n": 2})], "1 of 2 records came"),
        (NONE, [answer({"cars": cars(1, 1)})], "a record came twice"),
        (
            LINK | {"total": "n"},
            [answer({"cars": cars(1), "n": 2, "next": "?p=2"}), answer({"cars": cars(2), "n": 3})],
            "a page said 3 records, the first had said 2",
        ),
        (LINK | {"total": "n"}, [answer({"cars": cars(1), "n": 2})], "1 of 2 records had come by the last page"),
        (
            LINK,
            [answer({"cars": cars(1), "next": "?p=2"}), answer({"cars": cars(1)})],
            "page 2 held a record that had come before",
        ),
        (
            {"style": "cursor", "parameter": "c", "next": "next", "total": "n"},
            [answer({"cars": cars(1), "n": 3, "next": "x"}), answer({"cars": cars(1, 2), "n": 3, "next": None})],
            "2 of 3 records had come by the last page",
        ),
    ],
)
def test_pages_that_never_add_up_are_given_up_with_the_numbers(
    listing: Listing, paging: dict[str, Any], acts: list[Act], says: str | None
) -> None:
    system, server = listing(paging, *(acts * 3), items="cars")
    if says is None:
        # By the number of pages alone, an empty last page is nothing wrong.
        assert ids(system) == ["V1"]
        return
    with pytest.raises(IncompleteListing, match="The DMS gave no complete listing of 'S01' by GET /cars") as error:
        ids(system)
    assert says in str(error.value)
    assert len(server.asked) == 3 * len(acts)


def test_an_answer_as_long_as_one_that_is_cut_is_refused_at_once(listing: Listing) -> None:
    system, server = listing(NONE | {"cut_at": 2}, answer(cars(1, 2)))
    with pytest.raises(IncompleteListing, match="all after 2 are left out"):
        ids(system)
    assert len(server.asked) == 1


def test_links_that_go_in_a_circle_are_left(listing: Listing) -> None:
    system, _ = listing(LINK, answer({"cars": [], "next": "?p=2"}), items="cars")
    with pytest.raises(IncompleteListing, match="a second time"):
        ids(system)


def test_a_link_that_died_begins_the_listing_again(listing: Listing) -> None:
    acts = [answer({"cars": cars(1), "next": "?p=2"}), answer(status=410), answer({"cars": cars(1)})]
    system, _ = listing(LINK, *acts, items="cars")
    assert [page.first for page in system.pages()] == [True, True]


@pytest.mark.parametrize("count", ["", "x", "-1", "1.0"])
def test_a_total_that_is_no_count_is_unexpected(listing: Listing, count: str) -> None:
    system, _ = listing(PAGE | {"total_header": "X-Total"}, answer(cars(1), X_Total=count))
    with pytest.raises(UnexpectedAnswer, match="no count in the header X-Total"):
        ids(system)


# Where links lead


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("?p=2", "/group7/cars?p=2&key=" + SECRET),
        ("/group7/cars?p=2#x", "/group7/cars?p=2&key=" + SECRET),
        ("{url}/elsewhere?key=other", "/elsewhere?key=" + SECRET),
    ],
)
def test_of_a_link_path_and_query_are_used_and_our_own_key(listing: Listing, link: str, target: str) -> None:
    acts: list[Act] = [answer({"cars": cars(2)})]
    system, server = listing(LINK, *acts, items="cars")
    server.acts.insert(0, answer({"cars": cars(1), "next": link.replace("{url}", server.url)}))
    assert ids(system) == ["V1", "V2"]
    assert server.asked[1].target == target


@pytest.mark.parametrize(
    "link",
    [
        "https://127.0.0.1/cars",
        "http://evil.example/cars",
        "//evil.example/cars",
        "http://user@{host}/cars",
        "http://{host}:1/cars",
        "http://{host}.evil.example/",
        "ftp://{host}/cars",
        "?p=" + "x" * 9_000,
        "http://[oops",
    ],
)
@pytest.mark.parametrize("style", ["next_link", "link_header"])
def test_a_link_that_leads_elsewhere_is_never_followed(listing: Listing, link: str, style: str) -> None:
    system, server = listing(LINK if style == "next_link" else LINK_HEADER, answer(), items="cars")
    link = link.replace("{host}", server.url.removeprefix("http://"))
    body = {"cars": cars(1), "next": link}
    server.acts[0] = answer(body, Link=f'<{link}>; rel="next"')
    with pytest.raises(UnexpectedAnswer, match="leads elsewhere, which is not followed") as error:
        ids(system)
    assert SECRET not in str(error.value)
    assert len(server.asked) == 1


@pytest.mark.parametrize("said", [7, True, ["?p=2"], {"href": 7}])
def test_a_link_that_is_none_is_unexpected(listing: Listing, said: Any) -> None:
    system, _ = listing(LINK, answer({"cars": cars(1), "next": said}), items="cars")
    with pytest.raises(UnexpectedAnswer, match="neither a link nor null at 'next'"):
        ids(system)


@pytest.mark.parametrize(
    ("headers", "target"),
    [
        ([], None),
        (["<a>; rel=next"], "a"),
        (['<a>; rel="prev", <b>; rel="last next"'], "b"),
        (['<a>; title="x, <b>; rel=next"; rel=prev', "<c>;rel=next"], "c"),
        (['<a>; rel=prev; rel=next, <b>; REL="Next"'], "b"),
        (["<a>; anchor=other; rel=next"], None),
        (["<a?x=1,2;3>; title*=utf-8''n; flag ; rel = \"next\""], "a?x=1,2;3"),
        (['<a>; title="q\\"; rel=next'], None),
        (["a; rel=next"], None),
        (["<a> rel=next"], None),
        (["<a>"], None),
    ],
)
def test_a_link_header_is_read_as_its_standard_says(headers: list[str], target: str | None) -> None:
    assert next_of(headers) == target


def test_a_link_header_made_to_keep_us_busy_is_read_in_no_time() -> None:
    begun_s = time.monotonic()
    assert next_of(["<a>" + " ; x " * 10_000 + "!"]) is None
    assert next_of(['<a>; x="' + "\\" * 50_000]) is None
    assert time.monotonic() - begun_s < 2


# Where records stand


def test_lines_that_end_in_the_middle_of_one_are_refused(listing: Listing) -> None:
    system, _ = listing(NONE, answer('{"id": "V1"}\n{"id": "V2", "k'), form="lines")
    with pytest.raises(UnexpectedAnswer, match=r"not whole JSON .*in line 2"):
        ids(system)


def test_lines_whose_end_nothing_marks_are_refused(listing: Listing) -> None:
    act = raw(b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"id": "V1"}\n')
    system, _ = listing(NONE, act, form="lines")
    with pytest.raises(UnexpectedAnswer, match="whose end nothing marks"):
        ids(system)


def test_lines_may_end_as_on_windows_or_without_an_end(listing: Listing) -> None:
    system, _ = listing(NONE, answer('{"id": "V1"}\r\n\r\n{"id": "V2"}'), form="lines")
    assert ids(system) == ["V1", "V2"]


@pytest.mark.parametrize(
    ("form", "body", "says"),
    [
        ("lines", '[{"id": "V1"}]', "no list of records"),
        ("list", {"V1": {}}, "no list of records"),
        ("keyed", cars(1), "no list of records"),
        ("keyed", {"V1": []}, "no list of records"),
        ("keyed", {"V1": {"id": "V2"}}, "the record 'V2' under the key 'V1'"),
        ("keyed", '{"V1": {}, "V1": {}}', "says 'V1' twice"),
    ],
)
def test_records_that_stand_elsewhere_are_unexpected(listing: Listing, form: str, body: Any, says: str) -> None:
    system, _ = listing(NONE, answer(body), form=form)
    with pytest.raises(UnexpectedAnswer, match=says):
        ids(system)


def test_a_path_may_belong_to_the_point_of_sale(listing: Listing) -> None:
    system, server = listing(NONE, answer(cars(1)), path="/sites/{point_of_sale}/cars")
    assert ids(system) == ["V1"]
    assert server.asked[0].target.startswith("/group7/sites/S01/cars?")

"""Reading over a network at its worst: whole or not at all, in time, and never a shorter stock than there is."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from stocksync.adapters.systems.rest import RestSystem
from stocksync.errors import RateLimited, StocksyncError, SystemUnavailable, UnexpectedAnswer
from stocksync.sandbox.dms import Dms
from stocksync.sandbox.running import RunningSandbox
from stocksync.sandbox.vehicle_module import VehicleModule
from stocksync.stock.values import SIDES, Side
from tests.contract.clock import PaperClock
from tests.contract.connections import DMS, VEHICLE_MODULE, connection, with_page_size
from tests.fire.proxy import PASS, FaultProxy, Request, Spoiling, answered

CARS = 5
PAGE = 3
both = pytest.mark.parametrize("side", SIDES)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    state = tmp_path_factory.mktemp("state")
    with closing(VehicleModule(state).state), closing(Dms(state).state), RunningSandbox(state) as running:
        running.vehicle_module.add_points_of_sale([{"id": "PDV1", "name": "Un", "entity": "E"}])
        running.dms.add_sites([("S01", "Un")])
        for _ in range(CARS):
            running.vehicle_module.create({"pointOfSale": "PDV1"}, "user:1")
            running.dms.create({"site": "S01"})
        yield running


@pytest.fixture
def proxies(sandbox: RunningSandbox) -> Iterator[dict[Side, FaultProxy]]:
    with FaultProxy(sandbox.vehicle_module_url) as module, FaultProxy(sandbox.dms_url) as dms:
        yield {Side.VEHICLE_MODULE: module, Side.DMS: dms}


@contextmanager
def client(side: Side, url: str, clock: PaperClock | None = None, **settings: int) -> Iterator[RestSystem]:
    """A client of the real kind, of pages so small that there are two."""
    is_module = side is Side.VEHICLE_MODULE
    text, limit = (VEHICLE_MODULE, "limit") if is_module else (DMS, "taille")
    system = RestSystem(
        with_page_size(connection(text, **settings), limit, PAGE),
        base_url=url,
        secrets={"token": "sandbox-token", "key": "sandbox-key"},
        point_of_sale_code="PDV1" if is_module else "S01",
        id_path="id" if is_module else "dossier",
        version_path="version" if is_module else None,
        clock=clock or PaperClock(),
    )
    with closing(system):
        yield system


def listed(system: RestSystem) -> set[str]:
    """What a listing that came to its end holds."""
    ids: set[str] = set()
    for page in system.pages():
        ids = (set() if page.first else ids) | {record.record_id for record in page.records}
    return ids


def first_only(spoiling: Spoiling, *, page: int = 1) -> Callable[[Request], Spoiling]:
    """Spoil the first exchange about one page, and let everything else pass."""

    def plan(request: Request) -> Spoiling:
        is_later = "cursor=" in request.target or "page=2" in request.target
        return spoiling if request.number == 1 and is_later == (page > 1) else PASS

    return plan


BROKEN_OFF = {
    "cut after the head": Spoiling(cut_at=0),
    "cut in the body": Spoiling(cut_at=700),
    "reset before a byte": Spoiling(reset_at=0),
    "reset in the head": Spoiling(reset_at=40),
    "reset in the body": Spoiling(reset_at=900),
    "closed without an answer": Spoiling(drop=True),
    "never forwarded": Spoiling(swallow=True),
}
broken_off = pytest.mark.parametrize("spoiling", BROKEN_OFF.values(), ids=BROKEN_OFF.keys())


@both
@broken_off
@pytest.mark.parametrize("page", [1, 2])
def test_a_page_that_breaks_off_is_asked_for_again_and_no_record_is_lost(
    side: Side, proxies: dict[Side, FaultProxy], spoiling: Spoiling, page: int
) -> None:
    proxy = proxies[side]
    proxy.plan = first_only(spoiling, page=page)
    with client(side, proxy.url) as system:
        assert len(listed(system)) == CARS
    assert len(proxy.requests) > 2


@both
@broken_off
def test_a_page_that_always_breaks_off_gives_no_listing(
    side: Side, proxies: dict[Side, FaultProxy], spoiling: Spoiling
) -> None:
    proxy = proxies[side]
    proxy.plan = lambda _: spoiling
    with client(side, proxy.url) as system, pytest.raises(SystemUnavailable):
        listed(system)
    assert len(proxy.requests) == 3


@both
def test_a_body_whose_end_is_that_of_its_connection_is_never_taken_for_a_shorter_stock(
    side: Side, proxies: dict[Side, FaultProxy]
) -> None:
    proxy = proxies[side]
    with client(side, proxy.url) as system:
        proxy.plan = lambda _: Spoiling(unmarked=True)
        assert len(listed(system)) == CARS
        for cut_at in [0, 1, 2, 10, 11, *range(12, 3000, 97)]:
            proxy.plan = lambda _, cut_at=cut_at: Spoiling(unmarked=True, cut_at=cut_at)
            with suppress(UnexpectedAnswer):
                assert len(listed(system)) == CARS, cut_at


@both
def test_a_login_page_with_200_is_no_stock_and_is_asked_for_once(side: Side, proxies: dict[Side, FaultProxy]) -> None:
    proxy = proxies[side]
    page = answered("200 OK", b"<html><form action=/login></form></html>", content_type="text/html")
    proxy.plan = lambda _: Spoiling(instead=page)
    with client(side, proxy.url) as system, pytest.raises(UnexpectedAnswer, match="text/html"):
        listed(system)
    assert len(proxy.requests) == 1


@both
@pytest.mark.parametrize("spoiling", [Spoiling(drip_s=0.02), Spoiling(late_s=20)], ids=["drip", "silence"])
def test_an_answer_must_be_whole_in_time_although_each_read_of_it_succeeds(
    side: Side, proxies: dict[Side, FaultProxy], spoiling: Spoiling
) -> None:
    proxy = proxies[side]
    proxy.plan = lambda _: spoiling
    begun_s = time.monotonic()
    with client(side, proxy.url, timeout_s=1, attempts=1) as system, pytest.raises(SystemUnavailable, match="within 1"):
        listed(system)
    assert 0.9 < time.monotonic() - begun_s < 2.5


@both
@pytest.mark.parametrize("unmarked", [False, True])
def test_an_answer_that_is_too_big_is_not_read_to_its_end(
    side: Side, proxies: dict[Side, FaultProxy], unmarked: bool
) -> None:
    proxy = proxies[side]
    flood = answered("200 OK", b'{"items":[' + b" " * 3_000_000 + b"]}")
    proxy.plan = lambda _: Spoiling(instead=flood, unmarked=unmarked)
    with (
        client(side, proxy.url, page_size_mb=1) as system,
        pytest.raises(UnexpectedAnswer, match="more than 1,000,000"),
    ):
        listed(system)


@both
def test_a_gateway_in_front_that_is_overrun_is_waited_for(side: Side, proxies: dict[Side, FaultProxy]) -> None:
    proxy, clock = proxies[side], PaperClock()
    busy = answered("429 Too Many Requests", b"<html>slow down</html>", "Retry-After: 7", content_type="text/html")
    proxy.plan = first_only(Spoiling(instead=busy))
    with client(side, proxy.url, clock) as system:
        assert len(listed(system)) == CARS
    assert clock.pauses_s == [7]


@both
@pytest.mark.parametrize(
    ("status", "error"),
    [("429 Too Many Requests", RateLimited), ("502 Bad Gateway", SystemUnavailable), ("504 Gone", SystemUnavailable)],
)
def test_a_gateway_that_never_lets_us_through_gives_no_listing(
    side: Side, proxies: dict[Side, FaultProxy], status: str, error: type[StocksyncError]
) -> None:
    proxy = proxies[side]
    proxy.plan = lambda _: Spoiling(instead=answered(status, b"<html></html>", content_type="text/html"))
    with client(side, proxy.url) as system, pytest.raises(error):
        listed(system)


@both
def test_plain_text_where_tls_was_due_is_a_system_that_cannot_be_reached_and_tells_no_secret(
    side: Side, proxies: dict[Side, FaultProxy]
) -> None:
    # A server that speaks first, as one without TLS may: the handshake gets an answer that is none.
    proxy = proxies[side]
    with client(side, proxy.url.replace("http:", "https:"), timeout_s=2, attempts=1) as system:
        proxy.plan = lambda _: Spoiling(instead=answered("400 Bad Request"))
        with pytest.raises(SystemUnavailable) as told:
            listed(system)
    assert "sandbox-" not in str(told.value)
    assert told.value.unsent


def test_what_the_proxy_lets_pass_is_what_the_system_said(sandbox: RunningSandbox, tmp_path: Path) -> None:
    urls = {Side.VEHICLE_MODULE: sandbox.vehicle_module_url, Side.DMS: sandbox.dms_url}
    for side, url in urls.items():
        with FaultProxy(url) as proxy, client(side, proxy.url) as through, client(side, url) as straight:
            assert listed(through) == listed(straight)
            assert len(proxy.requests) == 2

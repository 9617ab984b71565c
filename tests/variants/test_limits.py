"""How often a system is asked: never more than its settings allow, by everybody here together."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from stocksync.adapters.systems.limits import Bucket, DayUsedUp, bucket_of
from stocksync.errors import RateLimited
from stocksync.mapping.connection import LimitsModel
from tests.contract.clock import PaperClock
from tests.variants.server import VariantServer
from tests.variants.variants import BY_NAME

VARIANT = BY_NAME["one answer with a record a line"]


@dataclass
class StandingClock:
    """A clock that stands still; it notes until when whom it was asked to wait."""

    at: datetime = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
    pauses_s: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def now_at(self) -> datetime:
        """The one instant."""
        return self.at

    def pause(self, seconds_s: float) -> None:
        """Note it."""
        with self.lock:
            self.pauses_s.append(round(seconds_s, 6))


@pytest.fixture
def server() -> Iterator[VariantServer]:
    """A server with a car."""
    with VariantServer(VARIANT.habits) as server:
        server.add(1)
        yield server


def test_after_a_burst_requests_are_spread(server: VariantServer) -> None:
    clock = PaperClock()
    limits = {"per_second": 4, "burst": 3}
    with closing(VARIANT.system(server, clock, limits=limits)) as system:
        for _ in range(6):
            system.read("V100")
    assert [round(pause_s, 6) for pause_s in clock.pauses_s] == [0.25, 0.25, 0.25]


def test_a_rest_gives_a_burst_again_and_no_more(server: VariantServer) -> None:
    clock = PaperClock()
    with closing(VARIANT.system(server, clock, limits={"per_second": 1, "burst": 2})) as system:
        for _ in range(2):
            system.read("V100")
        clock.at += timedelta(hours=1)
        for _ in range(3):
            system.read("V100")
    assert [round(pause_s, 6) for pause_s in clock.pauses_s] == [1.0]


def test_points_of_sale_and_threads_share_what_an_address_allows(server: VariantServer) -> None:
    clock = StandingClock()
    systems = [VARIANT.system(server, clock, limits={"per_second": 10}) for _ in range(3)]  # type: ignore[arg-type]
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda number: systems[number % 3].read("V100"), range(12)))
    for system in systems:
        system.close()
    assert sorted(clock.pauses_s) == [round(number / 10, 6) for number in range(1, 12)]


def test_another_address_is_another_matter() -> None:
    assert bucket_of("https://one.example") is bucket_of("https://one.example")
    assert bucket_of("https://one.example") is not bucket_of("https://two.example")


def test_a_day_that_is_used_up_refuses_at_once_and_sends_nothing(server: VariantServer) -> None:
    clock = PaperClock()
    with closing(VARIANT.system(server, clock, limits={"per_day": 2})) as system:
        system.read("V100")
        system.read("V100")
        with pytest.raises(RateLimited, match="The DMS was asked 2 times in 24 hours, as its limits allow") as error:
            system.update("V100", {"km": 1}, None, "key-1")
        with pytest.raises(RateLimited):
            list(system.pages())
    assert error.value.retry_after_s == 25 * 3600
    assert (len(server.asked), clock.pauses_s) == (2, [])


def test_no_24_hours_see_more_than_a_day_s_requests() -> None:
    bucket, clock, limits = Bucket(), StandingClock(), LimitsModel(per_day=10)
    taken: list[datetime] = []
    for _ in range(24 * 6 * 4):
        clock.at += timedelta(minutes=10)
        try:
            bucket.wait(limits, clock, "the DMS")
            taken.append(clock.at)
        except DayUsedUp:
            pass
    for start in taken:
        assert sum(start <= at < start + timedelta(hours=24) for at in taken) <= 10
    assert len(taken) >= 30


def test_a_clock_that_is_set_back_holds_nobody_up() -> None:
    bucket, clock, limits = Bucket(), StandingClock(), LimitsModel(per_second=1)
    bucket.wait(limits, clock, "the DMS")
    clock.at -= timedelta(hours=2)
    bucket.wait(limits, clock, "the DMS")
    assert clock.pauses_s == []

"""The REST adapter against the habits that make real systems hard, as the sandbox has them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stocksync.adapters.systems.rest import RestSystem
from stocksync.errors import AccessDenied, IncompleteListing, RateLimited, SystemUnavailable, UnexpectedAnswer
from stocksync.sandbox import incidents
from stocksync.sandbox.dms import Dms
from stocksync.sandbox.running import RunningSandbox
from stocksync.sandbox.vehicle_module import VehicleModule
from tests.contract.clock import PaperClock
from tests.contract.connections import DMS, VEHICLE_MODULE, connection, with_page_size


class SandboxClock:
    """The clock of both systems; `at` may be set."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The instant."""
        return self.at


@dataclass
class Town:
    """Both systems with five cars, the people who work in them, and our clients."""

    module: RestSystem
    dms: RestSystem
    module_people: VehicleModule
    dms_people: Dms
    their_clock: SandboxClock
    our_clock: PaperClock
    sandbox: RunningSandbox


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """Start both, list three cars a page."""
    their_clock, our_clock = SandboxClock(), PaperClock()
    module_people, dms_people = VehicleModule(tmp_path, their_clock), Dms(tmp_path, their_clock)
    module_people.add_points_of_sale([{"id": "PDV1", "name": "Un", "entity": "E"}])
    dms_people.add_sites([("S01", "Un"), ("S02", "Deux")])
    for _ in range(5):
        module_people.create({"pointOfSale": "PDV1"}, "user:1")
        dms_people.create({"site": "S01"})
    with RunningSandbox(tmp_path, their_clock) as sandbox:
        module, dms = module_client(sandbox, our_clock), dms_client(sandbox, our_clock)
        yield Town(module, dms, module_people, dms_people, their_clock, our_clock, sandbox)
        module.close()
        dms.close()
    module_people.state.close()
    dms_people.state.close()


def module_client(sandbox: RunningSandbox, clock: PaperClock) -> RestSystem:
    """A client of the vehicle module."""
    return RestSystem(
        with_page_size(connection(VEHICLE_MODULE), "limit", 3),
        base_url=sandbox.vehicle_module_url,
        secrets={"token": sandbox.environment["OPENFLEX_TOKEN"]},
        point_of_sale_code="PDV1",
        id_path="id",
        version_path="version",
        clock=clock,
        name="the vehicle module",
    )


def dms_client(sandbox: RunningSandbox, clock: PaperClock, site: str = "S01", key: str | None = None) -> RestSystem:
    """A client of the DMS."""
    return RestSystem(
        with_page_size(connection(DMS), "taille", 3),
        base_url=sandbox.dms_url,
        secrets={"key": key or sandbox.environment["ICAR_KEY"]},
        point_of_sale_code=site,
        id_path="dossier",
        version_path=None,
        clock=clock,
        name="the DMS",
    )


def test_a_vehicle_changed_during_the_listing_is_served_again_as_it_is_then(town: Town) -> None:
    pages = town.module.pages()
    seen = list(next(pages).records)
    town.module_people.patch("OF-000001", {"sale": {"price": 9000}}, "user:1")
    for page in pages:
        assert not page.first
        seen += page.records
    last = {record.record_id: record for record in seen}
    assert len(last) == 5
    assert [record.record_id for record in seen].count("OF-000001") in {1, 2}


def test_a_cursor_that_dies_of_age_begins_the_listing_again(town: Town) -> None:
    for _ in range(5):
        town.module_people.create({"pointOfSale": "PDV1"}, "user:1")
    firsts: list[bool] = []
    ids: set[str] = set()
    for number, page in enumerate(town.module.pages()):
        firsts.append(page.first)
        ids = (set() if page.first else ids) | {record.record_id for record in page.records}
        if number == 0:
            town.their_clock.at += timedelta(minutes=16)
    assert firsts.count(True) == 2
    assert len(ids) == 10


def test_files_that_leave_during_the_listing_make_it_begin_again(town: Town) -> None:
    town.dms_people.create({"site": "S01"})
    town.dms_people.create({"site": "S01"})
    firsts: list[bool] = []
    ids: set[str] = set()
    for number, page in enumerate(town.dms.pages()):
        firsts.append(page.first)
        ids = (set() if page.first else ids) | {record.record_id for record in page.records}
        if number == 0:
            town.dms_people.change("VO000001", {"site": "S02"})
    assert firsts.count(True) == 2
    assert ids == {f"VO{number:06d}" for number in range(2, 8)}


def test_a_table_that_never_stands_still_gives_no_listing(town: Town) -> None:
    for _ in range(5):
        town.dms_people.create({"site": "S01"})

    def consume() -> None:
        for _ in town.dms.pages():
            town.dms_people.create({"site": "S01"})

    with pytest.raises(IncompleteListing, match="3 times in a row"):
        consume()


def test_too_many_requests_are_waited_out_as_long_as_asked(town: Town) -> None:
    incidents.refuse_requests(town.dms_people.state, 2, 17)
    assert sum(len(page.records) for page in town.dms.pages()) == 5
    assert town.our_clock.pauses_s == [17, 17]


def test_too_many_requests_for_too_long_are_given_up(town: Town) -> None:
    incidents.refuse_requests(town.module_people.state, 3, 5)
    with pytest.raises(RateLimited) as error:
        town.module.read("OF-000001")
    assert error.value.retry_after_s == 5


def test_a_dms_closed_for_the_night_is_unavailable_and_back_afterwards(town: Town) -> None:
    incidents.close_for_batch(town.dms_people.state, True)
    with pytest.raises(SystemUnavailable, match="gave 503"):
        town.dms.update("VO000001", {"km": "10"}, None, "k")
    incidents.close_for_batch(town.dms_people.state, False)
    assert town.dms.update("VO000001", {"km": "10"}, None, "k").body["km"] == "10"


def test_a_wrong_key_and_an_unknown_site_are_told_apart(town: Town) -> None:
    for site, key, error in (("S01", "wrong-key", AccessDenied), ("S99", None, UnexpectedAnswer)):
        client = dms_client(town.sandbox, town.our_clock, site, key)
        with pytest.raises(error) as told:
            list(client.pages())
        assert "wrong-key" not in str(told.value)
        client.close()


def test_an_update_can_be_repeated_after_its_answer_was_lost(town: Town) -> None:
    first = town.module.update("OF-000001", {"sale": {"price": 1}}, "1", "key-1")
    town.module.update("OF-000001", {"sale": {"price": 2}}, first.version, "key-2")
    repeated = town.module.update("OF-000001", {"sale": {"price": 1}}, "1", "key-1")
    assert repeated == first
    read = town.module.read("OF-000001")
    assert read is not None
    assert read.body["sale"]["price"] == 2

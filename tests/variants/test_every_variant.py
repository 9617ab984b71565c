"""What the REST adapter keeps whatever a system speaks: one suite, over every row of `variants`."""

import base64
from collections.abc import Iterator
from contextlib import closing, nullcontext
from datetime import timedelta

import pytest

from stocksync.adapters.systems.rest import RestSystem
from stocksync.errors import (
    AccessDenied,
    IncompleteListing,
    RateLimited,
    RecordNotFound,
    StaleWrite,
    WriteRejected,
)
from stocksync.sync.ports import NativeRecord
from tests.contract.clock import PaperClock
from tests.variants.server import USER, VariantServer
from tests.variants.variants import VARIANTS, Variant


@pytest.fixture(scope="module", params=VARIANTS, ids=lambda variant: variant.name)
def both(request: pytest.FixtureRequest) -> Iterator[tuple[Variant, VariantServer]]:
    """A row and its server, which the tests of the row share."""
    with VariantServer(request.param.habits) as server:
        yield request.param, server


@pytest.fixture
def variant(both: tuple[Variant, VariantServer]) -> Variant:
    """The row."""
    return both[0]


@pytest.fixture
def server(both: tuple[Variant, VariantServer]) -> VariantServer:
    """Its server, with an empty stock."""
    server = both[1]
    server.stock, server.asked, server.busy, server.between = {}, [], 0, None
    return server


@pytest.fixture
def clock() -> PaperClock:
    """A clock on which nothing takes time."""
    return PaperClock()


@pytest.fixture
def system(variant: Variant, server: VariantServer, clock: PaperClock) -> Iterator[RestSystem]:
    """A client of the server."""
    with closing(variant.system(server, clock)) as system:
        yield system


def listed(system: RestSystem) -> dict[str, NativeRecord]:
    """Read a listing as the seam says: a first page voids what came before, the last of a record holds."""
    records: dict[str, NativeRecord] = {}
    for page in system.pages():
        if page.first:
            records.clear()
        records.update({record.record_id: record for record in page.records})
    return records


def read(system: RestSystem, record_id: str) -> NativeRecord:
    """Read a record that is there."""
    record = system.read(record_id)
    assert record is not None
    return record


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 6, 8])
def test_every_record_is_listed_once_and_as_it_reads(system: RestSystem, server: VariantServer, count: int) -> None:
    ids = server.add(count)
    pages = list(system.pages())
    records = [record for page in pages for record in page.records]
    assert [page.first for page in pages] == [True] + [False] * (len(pages) - 1)
    assert [record.record_id for record in records] == ids
    assert [system.read(record_id) for record_id in ids] == records
    assert all(record.body["id"] == record.record_id for record in records)


def test_a_record_that_is_not_there_reads_as_none(system: RestSystem, server: VariantServer) -> None:
    server.add(1)
    assert system.read("no-such-record") is None
    assert system.read("..") is None


def test_a_creation_answers_what_the_system_holds_now(system: RestSystem, server: VariantServer) -> None:
    created = system.create({"km": 7, "sale": {"price": 1}}, "key-1")
    assert server.stock[created.record_id]["km"] == 7
    assert created == system.read(created.record_id)
    assert len(server.writes) == 1


def test_an_update_changes_what_it_names_and_keeps_what_nobody_here_knows(
    system: RestSystem, server: VariantServer
) -> None:
    [record_id] = server.add(1)
    before = read(system, record_id)
    unknown = server.stock[record_id]["unknown"]
    after = system.update(record_id, {"km": 99, "sale": {"price": 1.5}}, before.version, "key-1")
    held = server.stock[record_id]
    assert (held["km"], held["sale"]) == (99, {"price": 1.5, "vat": "margin"})
    assert (held["unknown"], held["colour"]) == (unknown, "Gris")
    assert after == system.read(record_id)
    assert len(server.writes) == 1


def test_two_updates_one_after_the_other_both_hold(system: RestSystem, server: VariantServer) -> None:
    [record_id] = server.add(1)
    first = system.update(record_id, {"km": 2}, read(system, record_id).version, "key-1")
    system.update(record_id, {"colour": "Bleu"}, first.version, "key-2")
    assert (server.stock[record_id]["km"], server.stock[record_id]["colour"]) == (2, "Bleu")


def test_a_write_to_a_record_that_moved_is_stale_or_loses_nothing_of_others(
    system: RestSystem, variant: Variant, server: VariantServer
) -> None:
    [record_id] = server.add(1)
    before = read(system, record_id)
    server.edit(record_id, colour="Bleu")
    checks = variant.habits.version != "none"
    with pytest.raises(StaleWrite) if checks else nullcontext():
        system.update(record_id, {"km": 5}, before.version, "key-1")
    assert server.stock[record_id]["colour"] == "Bleu"
    assert (server.stock[record_id]["km"] == 5) is not checks
    # Where listings show no version, whoever writes has to read first.
    assert system.conditional_writes is (variant.habits.version in {"quoted", "as_is", "field"})
    now = read(system, record_id)
    assert system.update(record_id, {"km": 6}, now.version, "key-2").body["km"] == 6


def test_a_write_to_a_record_that_is_not_there_says_so(
    system: RestSystem, variant: Variant, server: VariantServer
) -> None:
    version = {"quoted": "1", "as_is": 'W/"1"', "field": "1"}.get(variant.habits.version)
    with pytest.raises(RecordNotFound):
        system.update("no-such-record", {"km": 5}, version, "key-1")
    assert server.stock == {}


def test_a_refused_write_changes_nothing_and_says_why(
    system: RestSystem, variant: Variant, server: VariantServer
) -> None:
    [record_id] = server.add(1)
    before = read(system, record_id)
    with pytest.raises(WriteRejected) as refusal:
        system.update(record_id, {"colour": "vert bouteille"}, before.version, "key-1")
    assert "no colour of ours" in str(refusal.value)
    if variant.habits.errors not in {"plain", "texts"}:
        assert dict(refusal.value.fields) == {"colour": "no colour of ours"}
    assert system.read(record_id) == before


def test_asked_to_slow_down_a_listing_waits_and_a_write_is_left_to_its_caller(
    system: RestSystem, server: VariantServer, clock: PaperClock
) -> None:
    ids = server.add(4)
    server.busy = 1
    assert list(listed(system)) == ids
    assert clock.pauses_s.count(7) == 1
    version = read(system, ids[0]).version
    sends_whole = system._connection.update.send != "changes"
    server.busy = 3 if sends_whole else 1
    with pytest.raises(RateLimited) as asked:
        system.update(ids[0], {"km": 5}, version, "key-1")
    assert asked.value.retry_after_s == 7
    assert server.stock[ids[0]]["km"] == 1000
    assert len(server.writes) == (0 if sends_whole else 1)


def test_a_wrong_key_is_refused_and_shown_nowhere(variant: Variant, server: VariantServer) -> None:
    ids = server.add(1)
    wrong = "wrong-0123456789"
    with closing(variant.system(server, secrets={"key": wrong})) as system:
        if variant.habits.auth == "none":
            assert list(listed(system)) == ids, "it refuses whoever shows a key"
            return
        with pytest.raises(AccessDenied, match=r"\*\*\*") as denied:
            list(system.pages())
        with pytest.raises(AccessDenied):
            system.read("V100")
        assert wrong not in str(denied.value) + repr(system._client._access)
    coded = base64.b64encode(f"{USER}:{wrong}".encode()).decode()
    assert coded not in str(denied.value)


def test_what_changed_is_listed_from_its_own_instant_on(
    system: RestSystem, variant: Variant, server: VariantServer
) -> None:
    ids = server.add(5)
    server.edit(ids[1], km=1)
    stamp = read(system, ids[1]).stamp
    if variant.connection().list.changes is None:
        assert (stamp, system.lists_changes) == (None, False)
        return
    assert stamp is not None
    found = {record.record_id for page in system.changes(stamp) for record in page.records}
    assert found == {ids[1]}
    latest = {r.record_id for page in system.changes(stamp + timedelta(seconds=1)) for r in page.records}
    assert latest == set()
    assert {r.record_id for page in system.changes(stamp - timedelta(days=1)) for r in page.records} == set(ids)


def test_a_listing_that_grew_at_its_front_begins_again(
    system: RestSystem, variant: Variant, server: VariantServer
) -> None:
    server.add(7)
    pushed: list[str] = []

    def push_once() -> None:
        if not pushed:
            pushed.extend(server.add(1, at_front=True))

    server.between = push_once
    firsts = [page.first for page in system.pages()]
    assert firsts.count(True) == (2 if variant.grows else 1)
    assert set(listed(system)) == set(server.stock)


def test_a_listing_that_shrank_begins_again_where_anything_can_show_it(
    system: RestSystem, variant: Variant, server: VariantServer
) -> None:
    server.add(7)

    def drop_once() -> None:
        if len(server.stock) == 7:
            del server.stock["V" + str(min(int(record_id[1:]) for record_id in server.stock))]

    server.between = drop_once
    found = listed(system)
    if variant.shrinks:
        assert set(found) == set(server.stock)
    elif variant.habits.paging == "cursor":
        assert set(found) >= set(server.stock)


def test_a_table_that_never_stands_still_gives_no_listing(
    system: RestSystem, variant: Variant, server: VariantServer
) -> None:
    if not variant.grows:
        pytest.skip("nothing shifts between its pages")
    server.add(7)
    server.between = lambda: server.add(1, at_front=True)
    with pytest.raises(IncompleteListing, match="3 times in a row"):
        list(system.pages())

"""What every system adapter keeps, whatever it speaks: `stocksync.sync.ports.System`, clause by clause."""

import threading
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from stocksync.errors import RecordNotFound, StaleWrite, UnexpectedAnswer, WriteRejected
from stocksync.mapping.paths import value_at
from stocksync.sync.familiar import Familiar, KnownPage, ListedPage
from stocksync.sync.ports import NativeRecord, System
from tests.contract.familiars import familiar_with
from tests.contract.rigs import (
    PAGE_SIZE,
    Rig,
    gated_vehicle_module,
    memory_dms,
    memory_vehicle_module,
    rest_dms,
    rest_vehicle_module,
)


@pytest.fixture(
    scope="module",
    params=[memory_vehicle_module, gated_vehicle_module, memory_dms, rest_vehicle_module, rest_dms],
    ids=lambda make: make.__name__,
)
def rig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """Each of the systems in turn, shared by the tests: every test takes points of sale of its own."""
    with request.param(tmp_path_factory.mktemp("state")) as made:
        yield made


@pytest.fixture
def place(rig: Rig) -> str:
    """A point of sale that nothing was ever in."""
    return next(rig.places)


@pytest.fixture
def system(rig: Rig, place: str) -> System:
    """The system as that point of sale sees it."""
    return rig.view(place)


def listed(system: System) -> dict[str, NativeRecord]:
    """Read a listing as the seam says: a first page voids what came before, the last of a record holds."""
    records: dict[str, NativeRecord] = {}
    for page in system.pages():
        if page.first:
            records.clear()
        records.update({record.record_id: record for record in page.records})
    return records


# Listings


def test_an_empty_point_of_sale_is_a_complete_listing_of_one_empty_page(system: System) -> None:
    pages = list(system.pages())
    assert [(page.records, page.first, page.total or 0) for page in pages] == [((), True, 0)]


@pytest.mark.parametrize("count", [1, PAGE_SIZE, PAGE_SIZE + 1, 3 * PAGE_SIZE - 1])
def test_every_record_is_listed_once_and_as_it_reads(rig: Rig, place: str, count: int) -> None:
    ids = rig.fill(place, count)
    system = rig.view(place)
    pages = list(system.pages())
    records = [record for page in pages for record in page.records]
    assert [page.first for page in pages] == [True] + [False] * (len(pages) - 1)
    assert sorted(record.record_id for record in records) == sorted(ids)
    assert {page.total for page in pages} <= {None, count}
    assert all(system.read(record.record_id) == record for record in records)


def test_a_listing_can_be_taken_again_and_again(rig: Rig, place: str) -> None:
    rig.fill(place, PAGE_SIZE + 1)
    system = rig.view(place)
    assert listed(system) == listed(system)


def test_a_record_is_listed_in_its_own_point_of_sale_alone(rig: Rig, place: str) -> None:
    (record_id,) = rig.fill(place, 1)
    elsewhere = next(rig.places)
    rig.fill(elsewhere, 1)
    assert list(listed(rig.view(place))) == [record_id]


def test_a_transferred_record_changes_listings_and_still_reads_from_both(rig: Rig, place: str) -> None:
    (record_id,) = rig.fill(place, 1)
    elsewhere = next(rig.places)
    rig.edit(record_id, rig.changes((rig.names.place, elsewhere)))
    assert listed(rig.view(place)) == {}
    assert list(listed(rig.view(elsewhere))) == [record_id]
    read = rig.view(place).read(record_id)
    assert read is not None
    assert value_at(read.body, rig.names.place) == elsewhere


def changed_since(system: System, since: datetime) -> dict[str, NativeRecord]:
    """Read a listing of changes."""
    return {record.record_id: record for page in system.changes(since) for record in page.records}


def test_what_changed_is_listed_from_its_own_instant_on(rig: Rig, place: str) -> None:
    ids = rig.fill(place, PAGE_SIZE + 2)
    system = rig.view(place)
    assert system.lists_changes
    stamps = {record_id: record.stamp for record_id, record in listed(system).items()}
    for record_id in ids:
        stamp = stamps[record_id]
        assert stamp is not None
        found = changed_since(system, stamp)
        assert record_id in found
        assert {i for i in ids if (other := stamps[i]) is not None and other >= stamp} <= set(found)
        assert found[record_id] == system.read(record_id)


def test_a_change_moves_a_record_s_stamp_never_back(rig: Rig, place: str) -> None:
    [record_id] = rig.fill(place, 1)
    system = rig.view(place)
    before = system.read(record_id)
    rig.edit(record_id, rig.changes((rig.names.price, rig.names.prices[1])))
    after = system.read(record_id)
    assert before is not None
    assert after is not None
    assert before.stamp is not None
    assert after.stamp is not None
    assert after.stamp >= before.stamp


def test_nothing_is_listed_that_changed_long_before(rig: Rig, place: str) -> None:
    ids = rig.fill(place, 2)
    system = rig.view(place)
    latest = max(record.stamp for record in listed(system).values() if record.stamp is not None)
    assert changed_since(system, latest + timedelta(hours=3)) == {}
    assert set(changed_since(system, latest - timedelta(days=400))) == set(ids)


def test_a_consumer_that_stops_early_leaves_no_thread_behind(rig: Rig, place: str) -> None:
    rig.fill(place, 2 * PAGE_SIZE + 1)
    before = set(threading.enumerate())
    pages = rig.view(place).pages()
    next(pages)
    pages.close()  # type: ignore[attr-defined]
    assert [t for t in threading.enumerate() if t not in before and t.name.startswith("page-ahead")] == []


def test_a_record_changed_while_it_is_listed_is_known_as_it_is_then(rig: Rig, place: str) -> None:
    ids = rig.fill(place, 2 * PAGE_SIZE + 2)
    system = rig.view(place)
    seen: dict[str, NativeRecord] = {}
    for number, page in enumerate(system.pages()):
        seen.update({record.record_id: record for record in page.records})
        if number == 0:
            rig.edit(ids[-1], rig.changes((rig.names.price, rig.names.prices[1])))
    assert sorted(seen) == sorted(ids)


def familiar_as(records: Mapping[str, NativeRecord], pages: Iterable[ListedPage] = ()) -> Familiar:
    """A familiar that knows these records as they were listed, and their pages where these are told."""
    digests = {record_id: record.listed_digest for record_id, record in records.items()}
    known = {record_id: digest for record_id, digest in digests.items() if digest is not None}
    if not known:
        pytest.skip("this system gives every record each time")
    assert len(known) == len(records), "not every record was listed with a digest"
    return familiar_with(known, pages)


def test_what_is_listed_as_it_was_before_is_counted_and_not_given(rig: Rig, place: str) -> None:
    ids = rig.fill(place, 2 * PAGE_SIZE + 2)
    system = rig.view(place)
    familiar = familiar_as(listed(system))
    rig.edit(ids[0], rig.changes((rig.names.price, rig.names.prices[1])))
    [new] = rig.fill(place, 1)
    pages = list(system.pages(familiar))
    assert sorted(record.record_id for page in pages for record in page.records) == sorted([ids[0], new])
    assert sum(page.unchanged for page in pages) == len(ids) - 1
    assert len(familiar.not_met()) == 1, "the former state of the changed record did not come"


def test_a_page_that_comes_just_as_before_is_given_as_known_with_none_of_its_records(rig: Rig, place: str) -> None:
    ids = rig.fill(place, 2 * PAGE_SIZE)
    system = rig.view(place)
    records = listed(system)
    sources = [page.source for page in system.pages()]
    if None in sources:
        pytest.skip("this system has no pages of its own")
    came = [source for source in sources if isinstance(source, ListedPage)]
    assert sum(len(page.digests) for page in came) == len(ids)
    known = [KnownPage(page.digest, len(page.digests)) for page in came]
    familiar = familiar_as(records, came)
    assert [page.source for page in system.pages(familiar)] == known
    assert not familiar.not_met()

    rig.edit(ids[-1], rig.changes((rig.names.price, rig.names.prices[1])))
    again = list(system.pages(familiar))
    assert [record.record_id for page in again for record in page.records] == [ids[-1]]
    assert sum(page.unchanged for page in again) == len(ids) - 1
    assert len(familiar.not_met()) == 1


def test_what_is_familiar_and_does_not_come_is_left(rig: Rig, place: str) -> None:
    rig.fill(place, 3)
    system = rig.view(place)
    known = familiar_as(listed(system))
    elsewhere = next(rig.places)
    rig.fill(elsewhere, 1)
    assert [page.unchanged for page in rig.view(elsewhere).pages(known)] == [0]
    assert len(known.not_met()) == 3


def test_a_record_that_is_changed_while_it_is_listed_leaves_the_listing_whole(rig: Rig, place: str) -> None:
    ids = rig.fill(place, 2 * PAGE_SIZE + 2)
    system = rig.view(place)
    familiar = familiar_as(listed(system))
    given: dict[str, NativeRecord] = {}
    unchanged = 0
    for number, page in enumerate(system.pages(familiar)):
        if page.first:
            given.clear()
            unchanged = 0
        given.update({record.record_id: record for record in page.records})
        unchanged += page.unchanged
        if number == 0:
            rig.edit(ids[0], rig.changes((rig.names.price, rig.names.prices[1])))
    assert set(given) <= {ids[0]}
    assert unchanged + len(given) >= len(ids)


# Reading


def test_a_record_that_does_not_exist_reads_as_none(system: System) -> None:
    assert system.read("no-such-record") is None


@pytest.mark.parametrize("record_id", ["", ".", "..", "\ud800", "\n"])
def test_an_id_that_no_record_can_have_reads_as_none(system: System, record_id: str) -> None:
    assert system.read(record_id) is None


def test_money_is_never_a_float(rig: Rig, place: str) -> None:
    (record_id,) = rig.fill(place, 1)
    read = rig.view(place).read(record_id)
    assert read is not None
    held = value_at(read.body, rig.names.price)
    assert isinstance(held, Decimal | str)
    assert held == rig.names.prices[0]


def test_text_comes_back_to_the_letter(rig: Rig, place: str) -> None:
    system = rig.view(place)
    created = system.create(rig.new_body(place), next(rig.keys))
    system.update(
        created.record_id,
        rig.changes((rig.names.colour, rig.names.colours[1])),
        created.version,
        next(rig.keys),
    )
    read = system.read(created.record_id)
    assert read is not None
    assert value_at(read.body, rig.names.colour) == rig.names.colours[1]


# Creating


def test_a_creation_answers_what_the_system_holds_now(rig: Rig, place: str) -> None:
    system = rig.view(place)
    created = system.create(rig.new_body(place), next(rig.keys))
    assert created.record_id
    assert system.read(created.record_id) == created
    assert value_at(created.body, rig.names.price) == rig.names.prices[0]


def test_a_creation_begins_in_the_first_stage_whatever_was_asked(rig: Rig, place: str) -> None:
    body = rig.new_body(place, (rig.names.stage, rig.names.other_stage))
    created = rig.view(place).create(body, next(rig.keys))
    assert value_at(created.body, rig.names.stage) == rig.names.first_stage


def test_a_creation_that_repeats_a_unique_reference_answers_the_first_record(rig: Rig, place: str) -> None:
    if rig.names.unique is None:
        pytest.skip("this system has no unique reference")
    system = rig.view(place)
    body = rig.new_body(place, (rig.names.unique, "OF-000777"))
    first, second = system.create(body, next(rig.keys)), system.create(body, next(rig.keys))
    assert second.record_id == first.record_id
    assert list(listed(system)) == [first.record_id]


def test_a_refused_creation_creates_nothing_and_names_the_field(rig: Rig, place: str) -> None:
    system = rig.view(place)
    with pytest.raises(WriteRejected) as refusal:
        system.create(rig.new_body(place, rig.names.refused), next(rig.keys))
    assert list(refusal.value.fields) == [rig.names.refused[0]]
    assert listed(system) == {}


# Changing


def test_an_update_changes_the_named_fields_and_no_other(rig: Rig, place: str) -> None:
    system = rig.view(place)
    created = system.create(rig.new_body(place, (rig.names.colour, rig.names.colours[0])), next(rig.keys))
    changes = rig.changes((rig.names.price, rig.names.prices[1]))
    updated = system.update(created.record_id, changes, created.version, next(rig.keys))
    assert value_at(updated.body, rig.names.price) == rig.names.prices[1]
    assert value_at(updated.body, rig.names.colour) == rig.names.colours[0]
    assert system.read(created.record_id) == updated


def test_an_update_can_clear_a_field(rig: Rig, place: str) -> None:
    system = rig.view(place)
    created = system.create(rig.new_body(place), next(rig.keys))
    changes = rig.changes((rig.names.price, rig.names.clear))
    updated = system.update(created.record_id, changes, created.version, next(rig.keys))
    assert value_at(updated.body, rig.names.price) == rig.names.clear


def test_a_body_that_was_handed_out_never_changes(rig: Rig, place: str) -> None:
    (record_id,) = rig.fill(place, 1)
    system = rig.view(place)
    before = system.read(record_id)
    assert before is not None
    rig.edit(record_id, rig.changes((rig.names.price, rig.names.prices[1])))
    assert value_at(before.body, rig.names.price) == rig.names.prices[0]


def test_the_version_moves_with_every_change_where_there_are_versions(rig: Rig, place: str) -> None:
    system = rig.view(place)
    created = system.create(rig.new_body(place), next(rig.keys))
    changes = rig.changes((rig.names.price, rig.names.prices[1]))
    updated = system.update(created.record_id, changes, created.version, next(rig.keys))
    assert (created.version is None) == (updated.version is None) == (not system.conditional_writes)
    if system.conditional_writes:
        assert updated.version != created.version


def test_an_update_that_changes_nothing_keeps_the_version(rig: Rig, place: str) -> None:
    system = rig.view(place)
    created = system.create(rig.new_body(place), next(rig.keys))
    same = rig.changes((rig.names.price, rig.names.prices[0]))
    assert system.update(created.record_id, same, created.version, next(rig.keys)).version == created.version


def test_a_stale_update_is_refused_iff_the_system_checks_versions(rig: Rig, place: str) -> None:
    system = rig.view(place)
    created = system.create(rig.new_body(place), next(rig.keys))
    rig.edit(created.record_id, rig.changes((rig.names.colour, rig.names.colours[0])))
    changes = rig.changes((rig.names.price, rig.names.prices[1]))
    if system.conditional_writes:
        with pytest.raises(StaleWrite):
            system.update(created.record_id, changes, created.version, next(rig.keys))
    else:
        system.update(created.record_id, changes, created.version, next(rig.keys))
    read = system.read(created.record_id)
    assert read is not None
    expected = rig.names.prices[0] if system.conditional_writes else rig.names.prices[1]
    assert value_at(read.body, rig.names.price) == expected


def test_a_conditional_update_without_a_version_is_stale(rig: Rig, place: str) -> None:
    system = rig.view(place)
    if not system.conditional_writes:
        pytest.skip("this system checks no versions")
    (record_id,) = rig.fill(place, 1)
    changes = rig.changes((rig.names.price, rig.names.prices[1]))
    with pytest.raises(StaleWrite):
        system.update(record_id, changes, None, next(rig.keys))


def test_an_update_repeated_under_its_key_has_one_effect(rig: Rig, place: str) -> None:
    system = rig.view(place)
    created = system.create(rig.new_body(place), next(rig.keys))
    changes, key = rig.changes((rig.names.price, rig.names.prices[1])), next(rig.keys)
    first = system.update(created.record_id, changes, created.version, key)
    again = system.update(created.record_id, changes, created.version, key)
    assert again.version == first.version
    assert value_at(again.body, rig.names.price) == rig.names.prices[1]
    assert list(listed(system)) == [created.record_id]


def test_a_refused_update_changes_nothing_and_names_the_field(rig: Rig, place: str) -> None:
    system = rig.view(place)
    created = system.create(rig.new_body(place), next(rig.keys))
    changes = rig.changes(rig.names.refused, (rig.names.price, rig.names.prices[1]))
    with pytest.raises(WriteRejected) as refusal:
        system.update(created.record_id, changes, created.version, next(rig.keys))
    assert list(refusal.value.fields) == [rig.names.refused[0]]
    assert system.read(created.record_id) == created


def test_an_update_of_a_record_that_is_not_there_says_so(rig: Rig, system: System) -> None:
    changes = rig.changes((rig.names.price, rig.names.prices[1]))
    with pytest.raises(RecordNotFound):
        system.update("no-such-record", changes, "1", next(rig.keys))


# Reserving


def test_a_reservation_is_set_and_the_record_read_again(rig: Rig, place: str) -> None:
    system = rig.view(place)
    created = system.create(rig.new_body(place), next(rig.keys))
    if rig.names.reservation is None:
        with pytest.raises(UnexpectedAnswer):
            system.reserve(created.record_id, next(rig.keys))
        return
    reserved = system.reserve(created.record_id, next(rig.keys))
    held = value_at(reserved.body, rig.names.reservation)
    assert isinstance(held, Mapping)
    assert (held["kind"], held["blocksSale"], held["blocksPublication"]) == ("UNLIMITED", True, True)
    assert reserved.version != created.version
    assert system.read(created.record_id) == reserved


def test_a_reservation_on_a_record_that_is_not_there_says_so(rig: Rig, system: System) -> None:
    if rig.names.reservation is None:
        pytest.skip("this system has no reservations")
    with pytest.raises(RecordNotFound):
        system.reserve("no-such-record", next(rig.keys))

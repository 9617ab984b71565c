"""Reading both sides of a point of sale completely, and the records that a binding or a reference names.

Both sides are listed at once. A record that we know but that was not listed is read by its id before it counts as
missing: a page that shifted, or a transfer to another point of sale, is no absence.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.stock import vehicle as words
from stocksync.stock.values import SIDES, Invalid, Side
from stocksync.stock.vehicle import Vehicle
from stocksync.sync.binding import is_open, keys_of, vin_of
from stocksync.sync.cars import Car
from stocksync.sync.familiar import Familiar, KnownPage, ListedPage
from stocksync.sync.guards import Listing
from stocksync.sync.ports import Clock, NativeRecord, Page, System
from stocksync.sync.recording import Snapshot
from stocksync.sync.stopping import Stop, check, nobody_stops
from stocksync.sync.watermarks import Covered

Progress = Callable[[Side, int, int | None], None]
"""Told, now and then, how many records of a side were read, and of how many if the side says so."""

READERS: Final = 4
_KEYS: Final = (words.VIN, words.REGISTRATION, words.POLICE_NUMBER)
_MUST_BE_READ: Final = {Side.VEHICLE_MODULE: (*_KEYS, words.STAGE), Side.DMS: (*_KEYS, words.DMS_STATUS)}


@dataclass(frozen=True, slots=True)
class Gathered:
    """What is known of both sides in one cycle.

    records: listed ones, those read by id, and in a run that did not look at everything those that we remember. listed:
    the ids of the listing alone. without_id: records that carry no readable id, and can therefore be no one's.
    remembered: the ids whose record is a snapshot of ours. covered: what each side's listing says of time. unchanged:
    how many more were listed, each just as it was known; met: those of them whose snapshot is in the records. vanished:
    the ids of those that are known and were not listed; None where that was not looked at. relisted: of records that
    came in other bytes with nothing changed, the digest of these, and that of the snapshot that they were held against.
    pages: the pages of a complete listing, by digests.
    """

    records: Mapping[Side, Mapping[str, NativeRecord]]
    listed: Mapping[Side, frozenset[str]]
    without_id: Mapping[Side, tuple[NativeRecord, ...]]
    remembered: Mapping[Side, frozenset[str]] = field(default_factory=lambda: dict.fromkeys(SIDES, frozenset()))
    covered: Mapping[Side, Covered] = field(default_factory=dict)
    unchanged: Mapping[Side, int] = field(default_factory=lambda: dict.fromkeys(SIDES, 0))
    met: Mapping[Side, frozenset[str]] = field(default_factory=lambda: dict.fromkeys(SIDES, frozenset()))
    vanished: Mapping[Side, frozenset[str]] | None = None
    relisted: Mapping[tuple[Side, str], tuple[int, str]] = field(default_factory=dict)
    pages: Mapping[Side, tuple[KnownPage | ListedPage, ...]] = field(default_factory=dict)

    def counts(self) -> dict[Side, int]:
        """How many records each side listed."""
        return {side: len(self.listed[side]) + len(self.without_id[side]) + self.unchanged[side] for side in SIDES}

    def at_home(self, side: Side) -> frozenset[str]:
        """The ids of the records that a side lists, or listed when it was last asked for all of them."""
        return self.listed[side] | self.remembered[side] | self.met[side]

    def fresh(self, side: Side) -> dict[str, NativeRecord]:
        """The records that were read in this run, and were not known to be just so."""
        known = self.remembered[side] | self.met[side]
        return {i: record for i, record in self.records[side].items() if i not in known}

    def with_records(self, more: Mapping[Side, Mapping[str, NativeRecord]]) -> Gathered:
        """Add records that were read, or put them in the place of their former readings."""
        return replace(
            self,
            records={side: {**self.records[side], **more[side]} for side in SIDES},
            remembered={side: self.remembered[side] - more[side].keys() for side in SIDES},
            met={side: self.met[side] - more[side].keys() for side in SIDES},
        )

    def without(self, gone: Mapping[Side, Iterable[str]]) -> Gathered:
        """Leave records out that turned out not to be there."""
        left = {side: set(gone[side]) for side in SIDES}
        return replace(
            self,
            records={side: {i: r for i, r in self.records[side].items() if i not in left[side]} for side in SIDES},
            remembered={side: self.remembered[side] - left[side] for side in SIDES},
        )


class _Cancelled(Exception):
    """The other side failed, so that this listing is of no use any more."""


@dataclass(frozen=True, slots=True)
class _Listing:
    """What one side listed."""

    records: Mapping[str, NativeRecord]
    without_id: tuple[NativeRecord, ...]
    covered: Covered
    unchanged: int
    pages: tuple[KnownPage | ListedPage, ...]


def list_both(
    systems: Mapping[Side, System],
    progress: Progress,
    clock: Clock,
    since: Mapping[Side, datetime] | None = None,
    stop: Stop = nobody_stops,
    familiar: Mapping[Side, Familiar] | None = None,
) -> Gathered:
    """List both sides at once; what changed since these marks, where they are given; familiar: see `System.pages`.

    Raises what a side raises, or Stopping; the other side's listing is then given up.
    """
    given_up = threading.Event()

    def listing(side: Side) -> _Listing:
        system = systems[side]
        if since is not None and system.lists_changes:
            pages = system.changes(since[side])
        else:
            pages = system.pages(familiar[side]) if familiar is not None else system.pages()
        return _list(side, pages, given_up, progress, clock, stop)

    with ThreadPoolExecutor(len(SIDES), thread_name_prefix="listing") as pool:
        futures = {side: pool.submit(listing, side) for side in SIDES}
        failures = [error for side in SIDES if (error := futures[side].exception()) is not None]
    for error in failures:
        if not isinstance(error, _Cancelled):
            raise error
    listed = {side: futures[side].result() for side in SIDES}
    return Gathered(
        records={side: listed[side].records for side in SIDES},
        listed={side: frozenset(listed[side].records) for side in SIDES},
        without_id={side: listed[side].without_id for side in SIDES},
        covered={side: listed[side].covered for side in SIDES},
        unchanged={side: listed[side].unchanged for side in SIDES},
        pages={side: listed[side].pages for side in SIDES} if since is None else {},
    )


def _list(
    side: Side,
    pages: Iterator[Page],
    given_up: threading.Event,
    progress: Progress,
    clock: Clock,
    stop: Stop,
) -> _Listing:
    records: dict[str, NativeRecord] = {}
    without_id: list[NativeRecord] = []
    sources: list[KnownPage | ListedPage] = []
    unchanged = 0
    began_at = clock.now_at()
    try:
        for page in pages:
            if given_up.is_set():
                raise _Cancelled
            check(stop)
            if page.first:
                records.clear()
                without_id.clear()
                sources.clear()
                unchanged = 0
            unchanged += page.unchanged
            if page.source is not None:
                sources.append(page.source)
            for record in page.records:
                if record.record_id:
                    records[record.record_id] = record
                else:
                    without_id.append(record)
            progress(side, len(records) + len(without_id) + unchanged, page.total)
    except BaseException:
        given_up.set()
        raise
    took = max(clock.now_at() - began_at, timedelta(0))
    covered = Covered(_stamps(records.values()), _stamps(without_id), took)
    return _Listing(records, tuple(without_id), covered, unchanged, tuple(sources))


def _stamps(records: Iterable[NativeRecord]) -> tuple[datetime, ...]:
    return tuple(record.stamp for record in records if record.stamp is not None)


def unlisted(gathered: Gathered, wanted: Mapping[Side, Iterable[str]]) -> dict[Side, set[str]]:
    """The wanted records that were not gathered yet."""
    return {side: set(wanted[side]) - set(gathered.records[side]) for side in SIDES}


def wanted_records(
    gathered: Gathered,
    vehicles: Mapping[Side, Mapping[str, Vehicle]],
    cars: Iterable[Car],
    referring: Mapping[Side, set[str]],
) -> dict[Side, set[str]]:
    """Name the records that must be looked at besides the listed ones.

    Those are the bound ones, those that a reference here names, and those elsewhere that refer to a record here.
    """
    wanted: dict[Side, set[str]] = {side: set(referring[side]) for side in SIDES}
    known_ids: set[tuple[Side, str]] = set()
    for car in cars:
        if car.bound:
            known_ids |= set(car.record_ids.items())
        shown = any(record_id in gathered.records[side] for side, record_id in car.record_ids.items())
        if not car.closed or shown:
            for side, record_id in car.record_ids.items():
                wanted[side].add(record_id)
    for side in SIDES:
        for record_id, vehicle in vehicles[side].items():
            if vehicle.reference is not None and (side, record_id) not in known_ids:
                wanted[side.other].add(vehicle.reference)
    return wanted


def read_all(
    systems: Mapping[Side, System], wanted: Mapping[Side, Iterable[str]]
) -> dict[Side, dict[str, NativeRecord]]:
    """Read records by their ids; those that do not exist stay out. Raises what the systems raise."""
    records: dict[Side, dict[str, NativeRecord]] = {side: {} for side in SIDES}
    todo = [(side, record_id) for side in SIDES for record_id in sorted(wanted[side])]
    if not todo:
        return records
    with ThreadPoolExecutor(READERS, thread_name_prefix="reading") as pool:
        found = list(pool.map(lambda item: systems[item[0]].read(item[1]), todo))
    for (side, record_id), record in zip(todo, found, strict=True):
        if record is not None:
            records[side][record_id] = record
    return records


def vehicles_of(
    mapping: PointOfSaleMapping, records: Mapping[Side, Mapping[str, NativeRecord]]
) -> dict[Side, dict[str, Vehicle]]:
    """Translate native records."""
    return {
        side: {
            record_id: mapping.translations[side].vehicle(record_id, record.version, record.body)
            for record_id, record in records[side].items()
        }
        for side in SIDES
    }


def listing_quality(gathered: Gathered, vehicles: Mapping[Side, Mapping[str, Vehicle]]) -> dict[Side, Listing]:
    """Count the listed records, and those whose id, stage or key cannot be read."""
    return {
        side: Listing(
            len(gathered.at_home(side)) + len(gathered.without_id[side]),
            len(gathered.without_id[side])
            + sum(is_unreadable(side, vehicles[side][i]) for i in gathered.at_home(side) if i in vehicles[side]),
        )
        for side in SIDES
    }


def is_unreadable(side: Side, vehicle: Vehicle) -> bool:
    """Tell whether a record's stage or one of its keys cannot be read."""
    return Invalid in map(type, map(vehicle.readings.get, _MUST_BE_READ[side]))


def snapshot_of(
    mapping: PointOfSaleMapping, side: Side, record: NativeRecord, vehicle: Vehicle, digest: str | None = None
) -> Snapshot:
    """Make a snapshot of a record; digest: its own, where that was taken before."""
    return Snapshot(
        side=side,
        record_id=record.record_id,
        digest=digest if digest is not None else digest_in(mapping, side, record),
        version=record.version,
        vin=vin_of(vehicle),
        reference=vehicle.reference,
        is_open=is_open(side, vehicle),
        body=record.body,
        point_of_sale=vehicle.text(words.POINT_OF_SALE),
        stamp=record.stamp,
        keys=keys_of(vehicle),
        unreadable=is_unreadable(side, vehicle),
        read_by=mapping.version,
        listed_digest=record.listed_digest,
    )


def digest_in(mapping: PointOfSaleMapping, side: Side, record: NativeRecord) -> str:
    """Hash a record as its snapshot is compared: without the fields that change without meaning on that side."""
    return digest_of(record.body, mapping.systems[side].record.ignored_in_comparison)


@dataclass
class Digests:
    """What `digest_in` makes of the records that a run asks it of more than once."""

    mapping: PointOfSaleMapping
    _taken: dict[tuple[Side, str], tuple[NativeRecord, str]] = field(default_factory=dict)

    def of(self, side: Side, record: NativeRecord) -> str:
        """Take a digest, or give the one that was taken of this very reading."""
        digest = self.taken(side, record)
        if digest is None:
            digest = digest_in(self.mapping, side, record)
            self._taken[side, record.record_id] = record, digest
        return digest

    def taken(self, side: Side, record: NativeRecord) -> str | None:
        """The digest of this very reading, None where none was taken."""
        read, digest = self._taken.get((side, record.record_id), (None, None))
        return digest if read is record else None


def digest_of(body: Mapping[str, Any], ignored: Iterable[str]) -> str:
    """Hash a record without the fields that change without meaning."""
    kept = dict(body)
    for path in ignored:
        _leave_out(kept, path)
    raw = orjson.dumps(kept, option=orjson.OPT_SORT_KEYS, default=str)
    return hashlib.blake2b(raw, digest_size=12).hexdigest()


def _leave_out(kept: dict[str, Any], path: str) -> None:
    """Take a field out of a record that is ours; the objects in it are not, and are copied on the way."""
    head, _, rest = path.partition(".")
    if not rest:
        kept.pop(head, None)
    elif isinstance(inner := kept.get(head), Mapping):
        kept[head] = left = dict(inner)
        _leave_out(left, rest)

"""Every seam of the use case, on one page.

A system is one side of one point of sale, reached over some protocol; the store is our own memory; the clock is
the only source of time. Adapters implement these, the memory ones included, and pass the same contract tests.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

from stocksync.stock.values import Side

if TYPE_CHECKING:
    from stocksync.sync.cars import Car
    from stocksync.sync.decisions import ResolutionStatus
    from stocksync.sync.familiar import Familiar, KnownPage, LastListing, ListedPage
    from stocksync.sync.narrow import Alike, CarKeys
    from stocksync.sync.recording import (
        EntryOutcome,
        FindingCounts,
        OutboxEntry,
        Past,
        PastRun,
        Recording,
        Remembered,
        RunKind,
        RunStatus,
    )
    from stocksync.sync.runs import PackedPage


@dataclass(frozen=True, slots=True)
class NativeRecord:
    """One record as its system spells it.

    record_id: "" iff the record carries no readable id. version: what a conditional write must name, None where
    the system has no versions. body: the decoded record; money and other decimals as `Decimal`, never float.
    stamp: when it was last changed, on its system's own clock and without a zone: to be held against stamps of the
    same system only. None where that is not said. awaits: writes of ours to it are on their way, and what it says here
    tells nothing of them. listed_digest: of its bytes in a listing, None where it came otherwise.
    """

    record_id: str
    version: str | None
    body: Mapping[str, Any]
    stamp: datetime | None = None
    awaits: bool = False
    listed_digest: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing.

    first: the listing starts (again): whatever was read before this page is void.
    total: how many records the system says there are, None where it does not say.
    unchanged: how many more records the page held, each familiar. source: the page by digests, to be known by the next
    time; None where a system has no pages of its own.
    """

    records: tuple[NativeRecord, ...]
    first: bool
    total: int | None = None
    unchanged: int = 0
    source: KnownPage | ListedPage | None = None


class System(Protocol):
    """One side of one point of sale.

    Every call may raise SystemUnavailable, RateLimited, AccessDenied or UnexpectedAnswer.
    """

    conditional_writes: bool
    """True iff `update` refuses a stale `version` by itself; else the caller reads before it writes."""
    lists_changes: bool
    """True iff `changes` narrows the listing; else it lists everything."""

    def pages(self, familiar: Familiar | None = None) -> Iterator[Page]:
        """List every record, page by page; the same record may come twice, the last one holds.

        Records that are familiar may be left out, and are counted then; what is left there at the end did not come.
        Ends without error iff the listing is proven complete; IncompleteListing otherwise.
        """
        ...

    def changes(self, since: datetime) -> Iterator[Page]:
        """List what changed at or after an instant of the system's own clock, and some more; as `pages` otherwise.

        since: without a zone, as `NativeRecord.stamp`; the system's own overlap is taken off here.
        """
        ...

    def read(self, record_id: str) -> NativeRecord | None:
        """Read one record, wherever in the system it is now; None iff it does not exist."""
        ...

    def create(self, body: Mapping[str, Any], key: str) -> NativeRecord:
        """Create a record, in its system's first stage; the answer is what the system holds now.

        Raises WriteRejected.
        """
        ...

    def update(self, record_id: str, body: Mapping[str, Any], version: str | None, key: str) -> NativeRecord:
        """Change the named fields of one record; the answer is what the system holds now.

        Raises StaleWrite, WriteRejected, RecordNotFound. `key` makes a repeat harmless where the system
        supports it.
        """
        ...

    def reserve(self, record_id: str, key: str) -> NativeRecord:
        """Set an unlimited reservation that blocks sale and publication, and read the record again.

        Raises WriteRejected, RecordNotFound; UnexpectedAnswer where the system has no reservations.
        """
        ...

    def close(self) -> None:
        """Let connections go."""
        ...


class Clock(Protocol):
    """The one source of time."""

    def now_at(self) -> datetime:
        """The present instant, aware, UTC."""
        ...

    def pause(self, seconds_s: float) -> None:
        """Wait."""
        ...


class Store(Protocol):
    """What a cycle remembers; each call is one transaction, durable when it returns.

    Only that a run is at work, which `exclusive` and `begin_run` note, may be undone by a power failure, until the
    next other call returns: nothing is sent before one does.
    """

    def exclusive(self, point_of_sale: str, clock: Clock, purpose: str) -> AbstractContextManager[int]:
        """Hold a point of sale while a run is at work on it, and give the fencing number.

        purpose: what whoever has to wait is told. Raises Busy where another run holds it.
        """
        ...

    def begin_run(
        self,
        pair: str,
        point_of_sale: str,
        mapping_version: str,
        files: Mapping[str, bytes],
        at: datetime,
        kind: RunKind,
        fence: int,
    ) -> int:
        """Note that a run starts, and keep the mapping files that it works by; the answer is its number.

        Whoever holds the point of sale is alone there: a run that still counts as running was interrupted. From here
        on every call with this number raises LeaseLost once another run has taken the point of sale over.
        """
        ...

    def finish_run(
        self,
        run_id: int,
        status: RunStatus,
        at: datetime,
        *,
        listed: Mapping[Side, int] | None = None,
        plan_digest: str | None = None,
        message: str | None = None,
        summary: Mapping[str, Any] | None = None,
        marks: Mapping[Side, datetime] | None = None,
        thorough: bool = False,
    ) -> None:
        """Note how a run ended; and up to when each side's changes are now covered, where that moved.

        thorough: it looked at every record, whether it had changed or not.
        """
        ...

    def past(self, point_of_sale: str) -> Past:
        """What a run has to know of those before it, as of one moment."""
        ...

    def last_complete_run(self, point_of_sale: str) -> PastRun | None:
        """The last run that looked at everything and came to its end; None before the first one."""
        ...

    def last_decided_at(self, point_of_sale: str) -> datetime | None:
        """When the last run began that came to its end and made a plan, as a quiet one does not; None before any."""
        ...

    def is_settled(self, pair: str, point_of_sale: str, since: datetime) -> bool:
        """Tell whether nothing is left to do.

        That is, no write is on its way, no reviewer's decision waits to be carried out, and no record of a car at home
        here was seen to change at another point of sale since that instant.
        """
        ...

    def to_read_again(self, pair: str, point_of_sale: str) -> dict[Side, set[str]]:
        """The records here that the next run reads again, whatever has changed.

        That is, those that were shown in an older state than we know, and those that the answer to a write showed with
        what nothing was decided about yet.
        """
        ...

    def snapshots_at(self, pair: str, point_of_sale: str) -> dict[Side, dict[str, NativeRecord]]:
        """What both sides last said of every record at a point of sale, or of a car at home there; not of gone ones."""
        ...

    def snapshots(self, pair: str, side: Side, record_ids: Iterable[str]) -> dict[str, NativeRecord]:
        """What a side last said of these records, those left out that we hold no snapshot of."""
        ...

    def records_saying(
        self,
        pair: str,
        point_of_sale: str,
        side: Side,
        paths: Sequence[str],
        is_meant: Callable[[Sequence[Any]], bool],
        beside: Sequence[str] | None = None,
        texts: Iterable[str] | None = None,
    ) -> tuple[dict[str, NativeRecord], int]:
        """Those of the records of `snapshots_at` on a side that say what is meant, and how many were looked at.

        is_meant: given what stands at each of these paths, ABSENT where nothing does; asked once of what many say.
        beside: then at these of the record that its car has on the other side, ABSENT where it has none. texts: only a
        record is asked of that says one of these somewhere, as a text with or without outer spaces, or as a number.
        """
        ...

    def mapping_files(self, version: str) -> dict[str, bytes] | None:
        """The mapping files of a version that a run worked by."""
        ...

    def is_released(self, point_of_sale: str, plan_digest: str) -> bool:
        """Tell whether a person released exactly this plan since the last complete run."""
        ...

    def is_accepted(self, point_of_sale: str, mapping_version: str) -> bool:
        """Tell whether a person accepted what a version of the mapping decides at a point of sale."""
        ...

    def at_one_moment(self) -> AbstractContextManager[None]:
        """Answer all that this thread asks meanwhile in one transaction, where it would else be dozens.

        As of one moment where a transaction of the database sees one, as SQLite's do. Nothing is written meanwhile.
        """
        ...

    def cars_at(self, pair: str, point_of_sale: str) -> list[Car]:
        """Every car at home at a point of sale, closed ones included."""
        ...

    def cars_named(self, car_ids: Iterable[str]) -> list[Car]:
        """The cars of these ids."""
        ...

    def numbered(self, pair: str, point_of_sale: str, police_numbers: Iterable[str]) -> list[CarKeys]:
        """The cars at home at a point of sale that were last known by one of these police numbers."""
        ...

    def owners_of(self, pair: str, side: Side, record_ids: Iterable[str]) -> list[CarKeys]:
        """The cars that own these records, wherever they are at home; see `cars_of_records` for all about them."""
        ...

    def cars_of_interest(self, pair: str, point_of_sale: str) -> list[CarKeys]:
        """The cars at home at a point of sale that every run looks at.

        That is, those about which the last plan had something to say, those with a write on its way, and those with
        a decision that has still to be carried out.
        """
        ...

    def alike(
        self, pair: str, point_of_sale: str, wanted: Alike, but: Mapping[Side, Container[str]]
    ) -> dict[Side, dict[str, NativeRecord]]:
        """Those of the records of `snapshots_at` that fulfil any of this, but for some ids by side."""
        ...

    def formerly_alike(self, pair: str, side: Side, record_ids: Iterable[str]) -> Alike:
        """What records were alike to when they were last seen, those that are gone included."""
        ...

    def touched_elsewhere(self, pair: str, point_of_sale: str, since: datetime) -> Alike:
        """What records of other points of sale are alike to that were seen to change, or to be gone, since then."""
        ...

    def listed_digests(self, pair: str, point_of_sale: str, side: Side) -> set[int]:
        """What a side listed at a point of sale and is known to be just so, by digests.

        Not what is gone, was shown older than known, or came otherwise since.
        """
        ...

    def last_listing(self, pair: str, point_of_sale: str, side: Side) -> LastListing:
        """The pages that a side listed at a point of sale when it was last asked for all, and what moved on since.

        None iff the records on all its pages, but for those, are not those of `listed_digests`, each once.
        """
        ...

    def packed_pages(self, pair: str, point_of_sale: str, side: Side) -> dict[int, PackedPage]:
        """What is kept of the records of these pages, by the digest of the page."""
        ...

    def former_digests(self, pair: str, point_of_sale: str, side: Side, record_ids: Iterable[str]) -> dict[str, int]:
        """Of some records those of `listed_digests`, by their ids; the records left out that have none there."""
        ...

    def not_met(self, pair: str, point_of_sale: str, side: Side, left: Iterable[int]) -> set[str]:
        """The records that a point of sale is known to have and that no listing can have met.

        That is, those with one of these digests, and those without any.
        """
        ...

    def ignored_at(self, pair: str, point_of_sale: str) -> set[tuple[str, str]]:
        """What a reviewer decided to leave as it is at a point of sale, as long as that holds: car and subject."""
        ...

    def known_at(self, pair: str, point_of_sale: str) -> dict[Side, set[str]]:
        """The records that a point of sale is known to have, by side."""
        ...

    def agreed_numbers(self, pair: str, point_of_sale: str) -> list[str]:
        """The police numbers that both sides agreed on, of the cars at home at a point of sale and entered there."""
        ...

    def cars_in_stock(self, pair: str, point_of_sale: str) -> int:
        """How many cars are at home at a point of sale, but for closed ones that the module shows no more."""
        ...

    def open_cars(self, pair: str, point_of_sale: str) -> int:
        """How many cars at home at a point of sale have records on both sides, and are not closed."""
        ...

    def unreadable(self, pair: str, point_of_sale: str) -> dict[Side, set[str]]:
        """The records at a point of sale whose stage or key could not be read when they were last seen."""
        ...

    def cars_of_records(self, pair: str, side: Side, record_ids: Iterable[str]) -> list[Car]:
        """The cars that own these records, wherever they are at home."""
        ...

    def remembered(self, pair: str, side: Side, record_ids: Iterable[str]) -> dict[str, Remembered]:
        """What is known of the snapshots that we hold of these records; nothing of those that are gone."""
        ...

    def open_elsewhere(self, pair: str, point_of_sale: str, vins: Iterable[str]) -> dict[Side, set[str]]:
        """The ids of open records of other points of sale that had one of these VINs when they were last seen."""
        ...

    def referring_elsewhere(self, pair: str, point_of_sale: str, side: Side, record_ids: Iterable[str]) -> set[str]:
        """The ids of a side's records at other points of sale that referred to one of these records."""
        ...

    def record(self, recording: Recording) -> None:
        """Keep a decided plan: snapshots, cars, outbox, findings and journal, in one transaction."""
        ...

    def claim(self, run_id: int, sides: Iterable[Side], limit: int) -> list[OutboxEntry]:
        """Take the next entries of a run, at most one of each car and side, before any of them is sent."""
        ...

    def settle_entries(
        self,
        run_id: int,
        pair: str,
        point_of_sale: str,
        outcomes: Sequence[EntryOutcome],
        at: datetime,
        sides: Iterable[Side] = (),
        limit: int = 0,
    ) -> list[OutboxEntry]:
        """Keep how entries ended, with all that follows, and take the next ones as `claim` does, in one transaction."""
        ...

    def check_held(self, run_id: int) -> None:
        """See that a run may still send. Raises LeaseLost once another one has taken its point of sale over."""
        ...

    def leave_pending(self, run_id: int, reason: str, at: datetime) -> int:
        """Give up a run's entries that were not sent; the answer is their number."""
        ...

    def decisions_ended(self, run_id: int) -> dict[ResolutionStatus, int]:
        """How many reviewers' decisions came to an end in a run, by how."""
        ...

    def finding_counts(self, pair: str, point_of_sale: str, run_id: int = 0) -> FindingCounts:
        """Count the open findings of a point of sale, and those that a run opened and closed."""
        ...


def today_on(clock: Clock, time_zone: str) -> date:
    """The calendar day of a point of sale."""
    return clock.now_at().astimezone(UTC).astimezone(ZoneInfo(time_zone)).date()

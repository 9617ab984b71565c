"""What a cycle asks the store to remember, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from stocksync.stock.reconcile import Category
from stocksync.stock.values import Side

if TYPE_CHECKING:
    # Whoever only wants the words for runs need not wait for all that plans are made of.
    from stocksync.stock.ownership import Context
    from stocksync.stock.resolution import Standing
    from stocksync.sync.binding import Keys
    from stocksync.sync.cars import Car, Finding
    from stocksync.sync.familiar import KnownPage, ListedPage
    from stocksync.sync.plan import Operation


def _no_keys() -> Keys:
    from stocksync.sync.binding import Keys

    return Keys()


class RunStatus(StrEnum):
    """How a run stands or ended."""

    RUNNING = "running"
    DONE = "done"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    HALTED = "halted"
    RELEASED = "released"


class RunKind(StrEnum):
    """What a run looks at: everything, what changed since the last one, or the records that somebody named."""

    COMPLETE = "complete"
    DELTA = "delta"
    HINTED = "hinted"


class EntryStatus(StrEnum):
    """How an outbox entry stands; only the first two are ever picked up again."""

    PENDING = "pending"
    CLAIMED = "claimed"
    DELIVERED = "delivered"
    STALE = "stale"
    FAILED = "failed"
    SUPERSEDED = "superseded"


NAMES: Final = ("vin", "registration", "police_number")
"""What a car is found by."""
KEYS: Final = ("vin", "reference", "unreadable", "slip", "plate", "police_number")
"""What a snapshot is found by, but for its id and its point of sale."""
UNDECIDED: Final = ""
"""The digest of a snapshot that the next run takes for news, whatever it reads."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one side said of one record at one instant.

    digest: of the body without the fields that change without meaning; UNDECIDED where the answer to a write shows
    what nothing was decided about yet. vin: normalised, None where unreadable. reference: the other side's record id as
    this one carries it. point_of_sale: ours, that the record says it is at, None where it does not say. stamp: see
    `NativeRecord`. keys: what it is found alike by. unreadable: its stage or a key cannot be read. read_by: the version
    of the mapping that says so. listed_digest: see `NativeRecord`.
    """

    side: Side
    record_id: str
    digest: str
    version: str | None
    vin: str | None
    reference: str | None
    is_open: bool
    body: Mapping[str, Any]
    point_of_sale: str | None = None
    stamp: datetime | None = None
    keys: Keys = field(default_factory=_no_keys)
    unreadable: bool = False
    read_by: str = ""
    listed_digest: int | None = None


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the store says of a record's snapshot, without its body; for most of it see `Snapshot`.

    older_readings: runs in a row that were shown an older state than the snapshot's, the first of them at older_since.
    """

    digest: str
    point_of_sale: str
    stamp: datetime | None
    older_readings: int
    older_since: datetime | None
    read_by: str | None
    vin: str | None
    reference: str | None
    is_open: bool
    keys: Keys
    unreadable: bool


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """One operation on its way; `key` makes a repeat harmless, `context` lets the sender check the matrix again."""

    entry_id: int
    car_id: str
    operation: Operation
    context: Context | None
    key: str
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class DueOperation:
    """An operation that a plan asks for, before it has an entry."""

    car_id: str
    operation: Operation
    context: Context | None


@dataclass(frozen=True, slots=True)
class Silence:
    """What a plan has nothing to say about for one car: an open row about it is neither confirmed nor refuted.

    only: the only subjects that the plan does speak of, None for all. never: subjects that it does not.
    """

    only: frozenset[str] | None = None
    never: frozenset[str] = frozenset()

    def covers(self, subject: str) -> bool:
        """Tell whether nothing is known of a subject."""
        return subject in self.never or (self.only is not None and subject not in self.only)


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One fact that happened; never changed afterwards."""

    car_id: str | None
    action: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Recording:
    """Everything that one decided plan changes in the store, in one transaction.

    cars, snapshots: only those that changed. opened: the ids of the cars that the store does not have yet. renamed,
    renamed_records: those of them that are found by other `NAMES` or `KEYS` than before, with these, as far as that is
    known. marked: the ids of the cars of which nothing changed but whether they are of interest. These are written in
    other ways, to the same effect.
    findings: every one that is raised now; open ones in the scope that are not raised any more are closed.
    settled: findings closed for a reason other than agreement, by key.
    scope: the cars that this plan decided; None for every car of the point of sale but those in `not_ours`.
    silences: cars of which this plan could not say everything, so that what is open of them stays open.
    seen: cars and sides that were read, so that writes without a known outcome are settled by what was seen.
    standings: how the reviewers' decisions about these cars stand, by number. complete: everything was listed.
    present: every record that a complete run found, by side, where it looked at all of them: snapshots of this point of
    sale beside them are gone. gone: those that are, where it did not. relisted, pages: see `Gathered`.
    older: records that were shown in an older state than we know, with how often in a row, and since when.
    """

    run_id: int
    at: datetime
    pair: str
    point_of_sale: str
    snapshots: tuple[Snapshot, ...] = ()
    cars: tuple[Car, ...] = ()
    opened: frozenset[str] = frozenset()
    renamed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    renamed_records: Mapping[tuple[Side, str], frozenset[str]] = field(default_factory=dict)
    marked: frozenset[str] = frozenset()
    merged: Mapping[str, str] = field(default_factory=dict)
    operations: tuple[DueOperation, ...] = ()
    findings: tuple[Finding, ...] = ()
    scope: frozenset[str] | None = None
    not_ours: frozenset[str] = frozenset()
    silences: Mapping[str, Silence] = field(default_factory=dict)
    seen: frozenset[tuple[str, Side]] = frozenset()
    standings: Mapping[int, Standing] = field(default_factory=dict)
    journal: tuple[JournalLine, ...] = ()
    complete: bool = False
    present: Mapping[Side, frozenset[str]] | None = None
    gone: Mapping[Side, frozenset[str]] = field(default_factory=dict)
    relisted: Mapping[tuple[Side, str], tuple[int, str]] = field(default_factory=dict)
    pages: Mapping[Side, tuple[KnownPage | ListedPage, ...]] = field(default_factory=dict)
    older: Mapping[tuple[Side, str], tuple[int, datetime]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EntryOutcome:
    """How the sending of one entry ended, and what follows from it.

    raised: findings that the outcome brings. settled: subjects of the car whose reported changes are now settled.
    blocks_rest: what was to follow on the same car and side was planned on something that did not happen.
    carried_out: by number, the reviewers' decisions that both sides now hold. refused: the side said no.
    """

    entry: OutboxEntry
    status: EntryStatus
    message: str = ""
    car: Car | None = None
    snapshot: Snapshot | None = None
    follow_up: DueOperation | None = None
    raised: tuple[Finding, ...] = ()
    settled: tuple[str, ...] = ()
    blocks_rest: bool = False
    carried_out: tuple[int, ...] = ()
    refused: bool = False
    journal: tuple[JournalLine, ...] = ()


@dataclass(frozen=True, slots=True)
class FindingCounts:
    """How the conflict report moved: rows newly opened, closed, and open now; ignored: open, but left as they are."""

    new: int = 0
    closed: int = 0
    open: int = 0
    open_by_category: Mapping[Category, int] = field(default_factory=dict)
    quarantined: int = 0
    ignored: int = 0


@dataclass(frozen=True, slots=True)
class PastRun:
    """A finished run, as far as the next one needs it.

    deferred: differences that it left to the next one. decided_by: see `narrow.DECISIONS`.
    """

    run_id: int
    mapping_version: str
    listed: Mapping[Side, int]
    kind: RunKind = RunKind.COMPLETE
    status: RunStatus = RunStatus.DONE
    deferred: int = 0
    started_at: datetime = datetime.min
    decided_by: int | None = None


@dataclass(frozen=True, slots=True)
class Past:
    """What a run has to know of those before it at its point of sale.

    last: the last one that ended, of whatever kind and however. complete: the last one that looked at everything and
    came to its end. None before the first. is_broken_off: one was begun after them that has not ended. otherwise: any
    since `complete` worked by other mapping files or decided otherwise, unless it was halted. thorough_at: when the
    last one began that looked at every record and came to its end. marks: up to when each side's changes were all seen,
    on its own clock; a side left out where that is not known.
    """

    last: PastRun | None = None
    complete: PastRun | None = None
    is_broken_off: bool = False
    otherwise: bool = False
    thorough_at: datetime | None = None
    marks: Mapping[Side, datetime] = field(default_factory=dict)

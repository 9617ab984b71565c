"""What a cycle asks the store to remember, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from stocksync.stock.ownership import Context
from stocksync.stock.reconcile import Category
from stocksync.stock.values import Side
from stocksync.sync.cars import Car, Finding
from stocksync.sync.plan import Operation


class RunStatus(StrEnum):
    """How a run stands or ended."""

    RUNNING = "running"
    DONE = "done"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    HALTED = "halted"
    RELEASED = "released"


class EntryStatus(StrEnum):
    """How an outbox entry stands; only the first two are ever picked up again."""

    PENDING = "pending"
    CLAIMED = "claimed"
    DELIVERED = "delivered"
    STALE = "stale"
    FAILED = "failed"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one side said of one record at one instant.

    digest: of the body without the fields that change without meaning. vin: normalised, None where unreadable.
    """

    side: Side
    record_id: str
    digest: str
    version: str | None
    vin: str | None
    is_open: bool
    body: Mapping[str, Any]


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
class JournalLine:
    """One fact that happened; never changed afterwards."""

    car_id: str | None
    action: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class KnownCar:
    """A car to be remembered, with what people look it up by."""

    car: Car
    vin: str | None
    registration: str | None
    police_number: str | None


@dataclass(frozen=True, slots=True)
class Recording:
    """Everything that one decided plan changes in the store, in one transaction.

    cars, snapshots: only those that changed. findings: every one that is raised now; open ones in the scope that are
    not raised any more are closed. settled: findings closed for a reason other than agreement, by key.
    scope: the cars that this plan decided; None for every car of the point of sale but those in `not_ours`.
    """

    run_id: int
    at: datetime
    pair: str
    point_of_sale: str
    snapshots: tuple[Snapshot, ...] = ()
    cars: tuple[KnownCar, ...] = ()
    merged: Mapping[str, str] = field(default_factory=dict)
    operations: tuple[DueOperation, ...] = ()
    findings: tuple[Finding, ...] = ()
    scope: frozenset[str] | None = None
    not_ours: frozenset[str] = frozenset()
    journal: tuple[JournalLine, ...] = ()


@dataclass(frozen=True, slots=True)
class EntryOutcome:
    """How the sending of one entry ended, and what follows from it.

    raised: findings that the outcome brings. settled: subjects of the car whose reported changes are now settled.
    """

    entry: OutboxEntry
    status: EntryStatus
    message: str = ""
    car: KnownCar | None = None
    snapshot: Snapshot | None = None
    follow_up: DueOperation | None = None
    raised: tuple[Finding, ...] = ()
    settled: tuple[str, ...] = ()
    journal: tuple[JournalLine, ...] = ()


@dataclass(frozen=True, slots=True)
class FindingCounts:
    """How the conflict report moved: rows newly opened, closed, and open now."""

    new: int = 0
    closed: int = 0
    open: int = 0
    open_by_category: Mapping[Category, int] = field(default_factory=dict)
    quarantined: int = 0


@dataclass(frozen=True, slots=True)
class PastRun:
    """A finished run, as far as the next one needs it."""

    run_id: int
    mapping_version: str
    listed: Mapping[Side, int]

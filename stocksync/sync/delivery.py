"""Carrying out what was decided: claim, send, take the answers in, until nothing is left.

An entry is claimed, durably and with its key, before its request goes out; one whose outcome nobody could find out
stays claimed, and the next cycle's reading settles it. How one request is carried out is `sending`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final

from stocksync.errors import (
    AccessDenied,
    HandedOver,
    LeaseLost,
    NotSent,
    RateLimited,
    StaleWrite,
    StocksyncError,
    Stopping,
    SystemUnavailable,
    WriteRejected,
)
from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.mapping.paths import value_at
from stocksync.stock import vehicle as words
from stocksync.stock.reasons import Reason
from stocksync.stock.values import ABSENT, SIDES, Side, as_text
from stocksync.stock.vehicle import Vehicle
from stocksync.sync.acknowledge import Acknowledged, acknowledge, not_delivered, refuse
from stocksync.sync.cars import REFERENCE, Car
from stocksync.sync.gather import snapshot_of
from stocksync.sync.overwrites import with_overwrites
from stocksync.sync.plan import Action, CarPlan, Operation
from stocksync.sync.ports import Clock, NativeRecord, Store, System
from stocksync.sync.ports import today_on as today_on_of
from stocksync.sync.recording import (
    UNDECIDED,
    DueOperation,
    EntryOutcome,
    EntryStatus,
    JournalLine,
    OutboxEntry,
    Snapshot,
)
from stocksync.sync.sending import Seen, Sender, Sent
from stocksync.sync.stopping import Stop
from stocksync.sync.watching import Watcher

BATCH: Final = 64
NEEDED_FOR_STAGES: Final = frozenset({words.STAGE, words.POLICE_NUMBER, words.INVOICED_SALE_PRICE})
"""What must have been kept before a car goes on to its next stage."""

FAILURES_BEFORE_STOPPING: Final = 3
"""Requests in a row that a system did not answer, after which it gets no more in this run."""


@dataclass
class DeliveryReport:
    """What the delivery of a run came to.

    kept, rejected: (car id, subject) of what was planned. stale_cars: whose records moved under us. unsettled: cars of
    which something is left to the next run. stopped: sides that got no more requests, and why.
    """

    delivered: dict[Side, int] = field(default_factory=lambda: dict.fromkeys(SIDES, 0))
    creations: int = 0
    transitions: int = 0
    kept: set[tuple[str, str]] = field(default_factory=set)
    rejected: set[tuple[str, str]] = field(default_factory=set)
    stale_cars: set[str] = field(default_factory=set)
    unsettled: set[str] = field(default_factory=set)
    stopped: dict[Side, StocksyncError] = field(default_factory=dict)


class Delivery:
    """One run's delivery at one point of sale; remembers what it learns about each car on the way."""

    def __init__(
        self,
        run_id: int,
        mapping: PointOfSaleMapping,
        systems: Mapping[Side, System],
        store: Store,
        clock: Clock,
        report: DeliveryReport,
        *,
        chance: Random,
        watcher: Watcher,
        stop: Stop,
    ) -> None:
        self.run_id, self.mapping = run_id, mapping
        self.store, self.clock, self.report = store, clock, report
        self.watcher, self.stop = watcher, stop
        self.sender = Sender(mapping, systems, clock, chance, stop, lambda: store.check_held(run_id))
        self.planned_again: set[str] = set()
        self.cars: dict[str, Car] = {}
        self.vehicles: dict[tuple[str, Side], Vehicle] = {}
        self.versions: dict[tuple[str, Side], str | None] = {}
        self._reserving: dict[tuple[str, Side], NativeRecord] = {}
        self.failures = dict.fromkeys(SIDES, 0)
        self._counting = threading.Lock()
        self._answered: set[Side] = set()
        self._undecided: set[tuple[str, Side]] = set()
        self._tried: dict[Side, set[str]] = {side: set() for side in SIDES}

    def expect(self, plans: Mapping[str, CarPlan], natives: Mapping[Side, Mapping[str, NativeRecord]]) -> None:
        """Take over what the plan saw of the cars that are to be written."""
        for car_id, plan in plans.items():
            self.cars[car_id] = plan.car
            for side, vehicle in ((Side.VEHICLE_MODULE, plan.vehicle_module), (Side.DMS, plan.dms)):
                if vehicle is not None:
                    self.vehicles[car_id, side] = vehicle
                    record = natives[side].get(vehicle.record_id)
                    if record is not None:
                        self._hold(car_id, record, side, is_reserved=_is_reserved(plan, side))

    def _hold(self, car_id: str, record: NativeRecord, side: Side, *, is_reserved: bool) -> None:
        """Know a record as last seen: its version, and all of it only where a reservation needs that."""
        self.versions[car_id, side] = record.version
        if is_reserved:
            self._reserving[car_id, side] = record

    def run(self, told: Callable[[int], None]) -> None:
        """Deliver until nothing is left; `told` hears of each batch's size."""
        workers = max(1, self._concurrency())
        with ThreadPoolExecutor(workers, thread_name_prefix="delivery") as pool:
            sides = self._sides_left()
            batch = self.store.claim(self.run_id, sides, BATCH) if sides else []
            while batch:
                came = list(pool.map(self._send, batch))
                for sent in came:
                    side = sent.entry.operation.side
                    self._tried[side].add(sent.entry.car_id)
                    if sent.error is None or isinstance(sent.error, WriteRejected):
                        self._answered.add(side)
                outcomes = [self._settled(sent) for sent in came]
                # What is next is claimed with what came, so that a batch waits for the disk once.
                batch = self.store.settle_entries(
                    self.run_id,
                    self.mapping.pair,
                    self.mapping.id,
                    outcomes,
                    self.clock.now_at(),
                    self._sides_left(),
                    BATCH,
                )
                for outcome in outcomes:
                    self.watcher.settled(self.mapping.id, self.run_id, outcome)
                told(len(outcomes))
        if self.stop():
            stopped = Stopping("stocksync was told to stop; what was not sent is planned again by the next run")
            for side in SIDES:
                self.report.stopped.setdefault(side, stopped)
        if self.report.stopped:
            self.store.leave_pending(self.run_id, Reason.SYSTEM_UNAVAILABLE, self.clock.now_at())

    def _sides_left(self) -> list[Side]:
        """The sides that get something in this run yet."""
        return [side for side in SIDES if side not in self.report.stopped] if not self.stop() else []

    def _concurrency(self) -> int:
        return min(getattr(s.connection, "concurrency", 1) for s in self.mapping.systems.values())

    def _send(self, entry: OutboxEntry) -> Sent:
        side = entry.operation.side
        if side in self.report.stopped:
            return Sent(entry, error=NotSent("not sent: the system was given up for this run"))
        seen = Seen(self.vehicles.get((entry.car_id, side)), self.versions.get((entry.car_id, side)))
        sent = self.sender.send(entry, seen)
        self._give_up_on(side, sent.error)
        return sent

    def _give_up_on(self, side: Side, error: StocksyncError | None) -> None:
        """Send a side nothing more in this run once it refused our key, asked for a long pause, or fell silent.

        Nor where another run has taken over.
        """
        with self._counting:
            self.failures[side] = self.failures[side] + 1 if isinstance(error, SystemUnavailable) else 0
            gives_up = isinstance(error, AccessDenied | RateLimited | NotSent | LeaseLost)
            if error is not None and (gives_up or self.failures[side] >= FAILURES_BEFORE_STOPPING):
                self.report.stopped.setdefault(side, error)

    # settling: one after the other

    def _settled(self, sent: Sent) -> EntryOutcome:
        if sent.error is None:
            return self._delivered(sent)
        return self._failed(sent)

    def _delivered(self, sent: Sent) -> EntryOutcome:
        entry, side = sent.entry, sent.entry.operation.side
        assert sent.answer is not None
        before = self.vehicles.get((entry.car_id, side))
        former = self._reserving.get((entry.car_id, side))
        translation = self.mapping.translations[side]
        vehicle = translation.vehicle(sent.answer.record_id, sent.answer.version, sent.answer.body)
        self.vehicles[entry.car_id, side] = vehicle
        self._hold(entry.car_id, sent.answer, side, is_reserved=former is not None)
        done = acknowledge(
            self.cars[entry.car_id],
            entry.operation,
            vehicle,
            self.vehicles.get((entry.car_id, side.other)),
            sent.rejected,
            self.mapping,
        )
        today_on = today_on_of(self.clock, self.mapping.time_zone)
        car = with_overwrites(done.car, side, entry.operation.changes, done.kept, today_on)
        self._count(entry, done, car)
        return EntryOutcome(
            entry,
            EntryStatus.DELIVERED,
            car=car,
            snapshot=self._snapshot(sent, before, vehicle, done),
            follow_up=DueOperation(entry.car_id, done.follow_up, None) if done.follow_up is not None else None,
            raised=done.raised,
            blocks_rest=bool(NEEDED_FOR_STAGES & set(done.lost)),
            settled=tuple(name for name in done.kept if name != words.RESERVED),
            carried_out=done.carried_out,
            journal=(self._journal_line(entry, done, before, former),),
        )

    def _snapshot(self, sent: Sent, before: Vehicle | None, after: Vehicle, done: Acknowledged) -> Snapshot:
        """What is remembered of an answer.

        It may show what somebody else changed at the same moment, or that something was not kept; and what a side
        refused before may go through now that the car is another one. Nothing was decided about that, and once it is
        in a snapshot no quick run would take it for news: so it says that it is.
        """
        entry, side = sent.entry, sent.entry.operation.side
        assert sent.answer is not None
        if done.car.unkept or _shows_more(entry.operation, before, after):
            self._undecided.add((entry.car_id, side))
        snapshot = snapshot_of(self.mapping, side, sent.answer, after)
        return replace(snapshot, digest=UNDECIDED) if (entry.car_id, side) in self._undecided else snapshot

    def _count(self, entry: OutboxEntry, done: Acknowledged, car: Car) -> None:
        operation = entry.operation
        self.cars[entry.car_id] = car
        self.report.delivered[operation.side] += 1
        self.report.creations += operation.action is Action.CREATE
        self.report.transitions += words.STAGE in done.kept
        kept = set(done.kept)
        if operation.reference is not None and operation.action is Action.UPDATE:
            kept.add(f"{REFERENCE}_{operation.side}")
        kept -= set(done.lost)
        self.report.kept |= {(entry.car_id, name) for name in kept}
        self.report.rejected |= {(entry.car_id, finding.subject) for finding in done.raised}

    def _failed(self, sent: Sent) -> EntryOutcome:
        entry, error = sent.entry, sent.error
        message = str(error)
        line = JournalLine(entry.car_id, "not_written", {**_what(entry), "why": message})
        if not sent.maybe_carried_out and isinstance(error, NotSent | RateLimited | AccessDenied):
            self.report.unsettled.add(entry.car_id)
            return EntryOutcome(entry, EntryStatus.SUPERSEDED, message, journal=(line,))
        first_time = entry.car_id not in self.planned_again
        known = not sent.maybe_carried_out
        if known and isinstance(error, WriteRejected) and not (error.is_conflict and first_time):
            return self._refused(sent, message, line)
        if known and isinstance(error, StaleWrite | WriteRejected) and first_time:
            self.planned_again.add(entry.car_id)
            self.report.stale_cars.add(entry.car_id)
            return EntryOutcome(entry, EntryStatus.STALE, message, journal=(line,))
        self.report.unsettled.add(entry.car_id)
        # The request may have been carried out all the same, where no answer came: the next reading tells.
        status = EntryStatus.CLAIMED if sent.maybe_carried_out else EntryStatus.FAILED
        car = self._noted(sent, message) if self._is_its_own(sent) else None
        # What lay there before was told of when it was put there.
        told = () if isinstance(error, HandedOver) and error.again else (line,)
        return EntryOutcome(entry, status, message, car=car, journal=told)

    def _is_its_own(self, sent: Sent) -> bool:
        """Tell whether a failure is the car's own trouble, and not that of a side that takes no writes at all.

        A side that is silent is nobody's trouble iff it answered no other write of this run; where the car is the only
        one, nothing can tell, and the car is asked about.
        """
        side = sent.entry.operation.side
        if isinstance(sent.error, Stopping | NotSent | RateLimited | AccessDenied | LeaseLost | HandedOver):
            return False
        if not isinstance(sent.error, SystemUnavailable):
            return True
        return side not in self.report.stopped and (side in self._answered or self._tried[side] <= {sent.entry.car_id})

    def _noted(self, sent: Sent, message: str) -> Car:
        """Count what did not get through for one car, so that it ends before a person and never stops the others."""
        entry = sent.entry
        vehicles = {side: self.vehicles.get((entry.car_id, side)) for side in SIDES}
        car = not_delivered(self.cars[entry.car_id], entry.operation, message, vehicles, self.mapping.delivery.runs)
        self.cars[entry.car_id] = car
        return car

    def _refused(self, sent: Sent, message: str, line: JournalLine) -> EntryOutcome:
        entry = sent.entry
        vehicles = {side: self.vehicles.get((entry.car_id, side)) for side in SIDES}
        done = refuse(self.cars[entry.car_id], entry.operation, sent.rejected, vehicles)
        self.cars[entry.car_id] = done.car
        self.report.rejected |= {(entry.car_id, name) for name in done.lost}
        return EntryOutcome(
            entry,
            EntryStatus.FAILED,
            message,
            car=done.car,
            snapshot=self._still_due(entry),
            raised=done.raised,
            refused=True,
            journal=(line,),
        )

    def _still_due(self, entry: OutboxEntry) -> Snapshot | None:
        """A refused reservation is asked for by every run: until it is there, the car can be sold a second time."""
        side = entry.operation.side
        record = self._reserving.get((entry.car_id, side))
        vehicle = self.vehicles.get((entry.car_id, side))
        if entry.operation.action is not Action.RESERVE or record is None or vehicle is None:
            return None
        return replace(snapshot_of(self.mapping, side, record, vehicle), digest=UNDECIDED)

    def _journal_line(
        self, entry: OutboxEntry, done: Acknowledged, before: Vehicle | None, former: NativeRecord | None
    ) -> JournalLine:
        details = _what(entry)
        details["changes"] = {
            c.attribute: [
                as_text(before.reading(c.attribute)) if before is not None else None,
                as_text(c.value),
            ]
            for c in entry.operation.changes
        }
        decided = {c.attribute: c.resolution for c in entry.operation.changes if c.resolution is not None}
        if decided:
            details["decisions"] = decided
        if done.lost:
            details["not_kept"] = list(done.lost)
        if entry.operation.action is Action.RESERVE and former is not None:
            place = self.mapping.translations[entry.operation.side].fields[words.RESERVED].path
            replaced = value_at(former.body, place)
            details["former_reservation"] = None if replaced is ABSENT else replaced
        return JournalLine(entry.car_id, "written", details)


def _is_reserved(plan: CarPlan, side: Side) -> bool:
    return any(due.action is Action.RESERVE and due.side is side for due in plan.operations)


def _shows_more(operation: Operation, before: Vehicle | None, after: Vehicle) -> bool:
    """Tell whether a record is another one than before a write in more than what was written."""
    if before is None:
        return True
    written = {change.attribute for change in operation.changes}
    if operation.action is Action.RESERVE:
        written.add(words.RESERVED)
    moved = {name for name in after.readings if before.reading(name) != after.reading(name)}
    reference = operation.reference if operation.reference is not None else before.reference
    return bool(moved - written) or after.reference != reference


def _what(entry: OutboxEntry) -> dict[str, Any]:
    operation = entry.operation
    return {
        "side": operation.side.value,
        "action": operation.action.value,
        "record": operation.record_id,
        "reference": operation.reference,
        "key": entry.key,
    }

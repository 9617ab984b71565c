"""Carrying out what was decided: claim, send, take the answers in, until nothing is left.

An entry is claimed, durably, before its request goes out; a reply that never comes leaves it claimed, and the next
cycle's reading settles it. Nothing is retried here: whether a write happened is found out by reading, never by
writing again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Final

from stocksync.errors import (
    AccessDenied,
    PermanentError,
    RateLimited,
    StaleWrite,
    StocksyncError,
    SystemUnavailable,
    TransientError,
    UnexpectedAnswer,
    WriteRejected,
)
from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.mapping.paths import value_at
from stocksync.stock import vehicle as words
from stocksync.stock.ownership import may_write
from stocksync.stock.reasons import Reason
from stocksync.stock.values import ABSENT, SIDES, Invalid, Kind, Reading, Side, as_text, same
from stocksync.stock.vehicle import LIFECYCLE_ATTRIBUTES, Vehicle
from stocksync.sync.acknowledge import Acknowledged, acknowledge, refuse
from stocksync.sync.cars import REFERENCE, Car
from stocksync.sync.gather import snapshot_of
from stocksync.sync.plan import Action, CarPlan, Change, Operation
from stocksync.sync.ports import Clock, NativeRecord, Store, System
from stocksync.sync.recording import (
    DueOperation,
    EntryOutcome,
    EntryStatus,
    JournalLine,
    OutboxEntry,
)

BATCH: Final = 64
NEEDED_FOR_STAGES: Final = frozenset({words.STAGE, words.POLICE_NUMBER, words.INVOICED_SALE_PRICE})
"""What must have been kept before a car goes on to its next stage."""

FAILURES_BEFORE_STOPPING: Final = 3
"""Requests in a row that a system did not answer, after which it gets no more in this run."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one request: an answer, a refusal, or an error.

    rejected: attributes that the side refused, while it may have taken the others.
    """

    entry: OutboxEntry
    answer: NativeRecord | None = None
    rejected: Mapping[str, str] = field(default_factory=dict)
    error: StocksyncError | None = None


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
    ) -> None:
        self.run_id, self.mapping, self.systems = run_id, mapping, systems
        self.store, self.clock, self.report = store, clock, report
        self.cars: dict[str, Car] = {}
        self.vehicles: dict[tuple[str, Side], Vehicle] = {}
        self.natives: dict[tuple[str, Side], NativeRecord] = {}
        self.failures = dict.fromkeys(SIDES, 0)

    def expect(self, plans: Mapping[str, CarPlan], natives: Mapping[Side, Mapping[str, NativeRecord]]) -> None:
        """Take over what the plan saw of the cars that are to be written."""
        for car_id, plan in plans.items():
            self.cars[car_id] = plan.car
            for side, vehicle in ((Side.VEHICLE_MODULE, plan.vehicle_module), (Side.DMS, plan.dms)):
                if vehicle is not None:
                    self.vehicles[car_id, side] = vehicle
                    record = natives[side].get(vehicle.record_id)
                    if record is not None:
                        self.natives[car_id, side] = record

    def run(self, told: Callable[[int], None]) -> None:
        """Deliver until nothing is left; `told` hears of each batch's size."""
        workers = max(1, self._concurrency())
        with ThreadPoolExecutor(workers, thread_name_prefix="delivery") as pool:
            while sides := [side for side in SIDES if side not in self.report.stopped]:
                batch = self.store.claim(self.run_id, sides, BATCH)
                if not batch:
                    break
                outcomes = [self._settled(sent) for sent in pool.map(self._send, batch)]
                self.store.settle_entries(
                    self.run_id, self.mapping.pair, self.mapping.id, outcomes, self.clock.now_at()
                )
                told(len(batch))
        if self.report.stopped:
            self.store.leave_pending(self.run_id, Reason.SYSTEM_UNAVAILABLE, self.clock.now_at())

    def _concurrency(self) -> int:
        return min(getattr(s.connection, "concurrency", 1) for s in self.mapping.systems.values())

    # sending: runs in threads, changes nothing of ours

    def _send(self, entry: OutboxEntry) -> Sent:
        operation = entry.operation
        if operation.side in self.report.stopped:
            return Sent(entry, error=RateLimited("not sent: the system was given up for this run"))
        try:
            self._check_matrix(entry)
            if operation.action is Action.CREATE:
                return self._create(entry)
            if operation.action is Action.RESERVE:
                return self._reserve(entry)
            self._check_as_last_seen(entry)
            return self._update(entry, operation.changes, operation.reference, self._version(entry))
        except WriteRejected as error:
            return Sent(entry, rejected=self._by_attribute(operation, error), error=error)
        except StocksyncError as error:
            return Sent(entry, error=error)

    def _check_matrix(self, entry: OutboxEntry) -> None:
        """Look at the matrix a second time: no write carries what its side may not receive (law 3)."""
        if entry.context is None:
            return
        policies = self.mapping.matrix.policies_in(entry.context)
        for change in entry.operation.changes:
            if change.attribute in LIFECYCLE_ATTRIBUTES:
                continue
            policy = policies.get(change.attribute)
            is_reviewed = change.resolution is not None
            if policy is None or not may_write(
                policy, entry.operation.side, fills_blank=change.fills_blank, reviewed=is_reviewed
            ):
                raise PermanentError(f"{change.attribute} may not be written on this side by the matrix")

    def _create(self, entry: OutboxEntry) -> Sent:
        operation = entry.operation
        values = {change.attribute: change.value for change in operation.changes}
        body = self.mapping.translations[operation.side].body(values, operation.reference)
        return Sent(entry, self.systems[operation.side].create(body, entry.key))

    def _reserve(self, entry: OutboxEntry) -> Sent:
        """Reserve, unless an order was taken in the module since the plan."""
        record_id = _record_id(entry)
        now = self._read(entry.operation.side, record_id)
        if now.has(words.MODULE_ORDER):
            raise StaleWrite("an order was taken in the module since the plan")
        return Sent(entry, self.systems[entry.operation.side].reserve(record_id, entry.key))

    def _update(
        self, entry: OutboxEntry, changes: tuple[Change, ...], reference: str | None, version: str | None
    ) -> Sent:
        """Change a record; where the side refuses some attributes, the others still go through."""
        side, record_id = entry.operation.side, _record_id(entry)
        if not self.systems[side].conditional_writes:
            self._check_unmoved(side, record_id, changes, reference)
        values = {change.attribute: change.value for change in changes}
        body = self.mapping.translations[side].body(values, reference)
        try:
            return Sent(entry, self.systems[side].update(record_id, body, version, entry.key))
        except WriteRejected as error:
            parts = self._parts(changes, reference, error)
            if len(parts) < 2:
                raise
        return self._send_parts(entry, parts, version)

    def _parts(
        self, changes: tuple[Change, ...], reference: str | None, error: WriteRejected
    ) -> list[tuple[tuple[Change, ...], str | None]]:
        """Cut a refused update: what the side named, each alone, apart from the rest; else everything alone."""
        named = set(self._named(changes, error))
        alone: list[tuple[tuple[Change, ...], str | None]] = [
            ((change,), None) for change in changes if not named or change.attribute in named
        ]
        rest = tuple(change for change in changes if named and change.attribute not in named)
        if rest or reference is not None:
            alone.insert(0, (rest, reference))
        return alone

    def _send_parts(
        self, entry: OutboxEntry, parts: list[tuple[tuple[Change, ...], str | None]], version: str | None
    ) -> Sent:
        answer: NativeRecord | None = None
        rejected: dict[str, str] = {}
        for number, (changes, reference) in enumerate(parts):
            part = replace(entry, key=f"{entry.key}-{number}")
            part = replace(part, operation=replace(entry.operation, changes=changes, reference=reference))
            try:
                answer = self._update(part, changes, reference, version).answer or answer
                version = answer.version if answer is not None else version
            except WriteRejected as error:
                rejected |= self._by_attribute(part.operation, error)
        if answer is None:
            return Sent(entry, rejected=rejected, error=WriteRejected("every part was refused"))
        return Sent(entry, answer, rejected)

    def _check_unmoved(self, side: Side, record_id: str, changes: tuple[Change, ...], reference: str | None) -> None:
        """Read before writing: every attribute must still hold what the write was planned against (law 2)."""
        now = self._read(side, record_id)
        if not self.mapping.translations[side].takes_writes(now):
            raise StaleWrite("the record takes no changes any more")
        if reference is not None and now.reference not in (None, reference):
            raise StaleWrite("the record refers to another one now")
        self._check_expected(now, changes)

    def _check_as_last_seen(self, entry: OutboxEntry) -> None:
        """Hold an update against what an earlier answer of this run showed: its version alone would hide a change."""
        vehicle = self.vehicles.get((entry.car_id, entry.operation.side))
        if vehicle is not None:
            self._check_expected(vehicle, entry.operation.changes)

    def _check_expected(self, vehicle: Vehicle, changes: tuple[Change, ...]) -> None:
        for change in changes:
            attribute = self.mapping.vocabulary[change.attribute]
            reading = vehicle.reading(change.attribute)
            if not _is_as_expected(attribute.kind, reading, change.expected):
                raise StaleWrite(f"{change.attribute} moved since the plan")

    def _read(self, side: Side, record_id: str) -> Vehicle:
        record = self.systems[side].read(record_id)
        if record is None:
            raise StaleWrite("the record is gone")
        return self.mapping.translations[side].vehicle(record_id, record.version, record.body)

    def _version(self, entry: OutboxEntry) -> str | None:
        record = self.natives.get((entry.car_id, entry.operation.side))
        return record.version if record is not None else entry.operation.version

    def _named(self, changes: tuple[Change, ...], error: WriteRejected) -> dict[str, str]:
        """The attributes whose fields a refusal names; systems name a field by its path or its last part."""
        named = {}
        for change in changes:
            for translation in self.mapping.translations.values():
                place = translation.fields.get(change.attribute)
                paths = {place.path, place.path.rsplit(".", 1)[-1]} if place is not None else set()
                for path in paths & set(error.fields):
                    named[change.attribute] = error.fields[path]
        return named

    def _by_attribute(self, operation: Operation, error: WriteRejected) -> dict[str, str]:
        named = self._named(operation.changes, error)
        message = str(error)
        rejected = {c.attribute: named.get(c.attribute, message) for c in operation.changes}
        return {**rejected, REFERENCE: message} if operation.reference is not None else rejected

    # settling: one after the other

    def _settled(self, sent: Sent) -> EntryOutcome:
        side = sent.entry.operation.side
        unavailable = isinstance(sent.error, SystemUnavailable)
        self.failures[side] = self.failures[side] + 1 if unavailable else 0
        if isinstance(sent.error, AccessDenied) or self.failures[side] >= FAILURES_BEFORE_STOPPING:
            assert sent.error is not None
            self.report.stopped.setdefault(side, sent.error)
        if sent.error is None:
            return self._delivered(sent)
        return self._failed(sent)

    def _delivered(self, sent: Sent) -> EntryOutcome:
        entry, side = sent.entry, sent.entry.operation.side
        assert sent.answer is not None
        before = self.vehicles.get((entry.car_id, side))
        former = self.natives.get((entry.car_id, side))
        translation = self.mapping.translations[side]
        vehicle = translation.vehicle(sent.answer.record_id, sent.answer.version, sent.answer.body)
        self.vehicles[entry.car_id, side] = vehicle
        self.natives[entry.car_id, side] = sent.answer
        done = acknowledge(
            self.cars[entry.car_id],
            entry.operation,
            vehicle,
            self.vehicles.get((entry.car_id, side.other)),
            sent.rejected,
            self.mapping,
        )
        self._count(entry, done)
        return EntryOutcome(
            entry,
            EntryStatus.DELIVERED,
            car=done.car,
            snapshot=snapshot_of(self.mapping, side, sent.answer, vehicle),
            follow_up=DueOperation(entry.car_id, done.follow_up, None) if done.follow_up is not None else None,
            raised=done.raised,
            blocks_rest=bool(NEEDED_FOR_STAGES & set(done.lost)),
            settled=tuple(name for name in done.kept if name != words.RESERVED),
            carried_out=done.carried_out,
            journal=(self._journal_line(entry, done, before, former),),
        )

    def _count(self, entry: OutboxEntry, done: Acknowledged) -> None:
        operation = entry.operation
        self.cars[entry.car_id] = done.car
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
        if isinstance(error, WriteRejected):
            return self._refused(sent, message, line)
        if isinstance(error, StaleWrite):
            self.report.stale_cars.add(entry.car_id)
            return EntryOutcome(entry, EntryStatus.STALE, message, journal=(line,))
        if isinstance(error, RateLimited | AccessDenied):
            return EntryOutcome(entry, EntryStatus.SUPERSEDED, message, journal=(line,))
        if isinstance(error, TransientError | UnexpectedAnswer):
            # The request may have been carried out: the next cycle's reading tells.
            return EntryOutcome(entry, EntryStatus.CLAIMED, message, journal=(line,))
        return EntryOutcome(entry, EntryStatus.FAILED, message, journal=(line,))

    def _refused(self, sent: Sent, message: str, line: JournalLine) -> EntryOutcome:
        entry = sent.entry
        vehicles = {side: self.vehicles.get((entry.car_id, side)) for side in SIDES}
        done = refuse(self.cars[entry.car_id], entry.operation, sent.rejected, vehicles)
        self.cars[entry.car_id] = done.car
        self.report.rejected |= {(entry.car_id, name) for name in done.lost}
        return EntryOutcome(entry, EntryStatus.FAILED, message, car=done.car, raised=done.raised, journal=(line,))

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


def _is_as_expected(kind: Kind, reading: Reading, expected: Reading) -> bool:
    """Tell whether a side still holds what a write was planned against; what cannot be read, to the letter."""
    if isinstance(reading, Invalid) or isinstance(expected, Invalid):
        return reading == expected
    return same(kind, reading, expected)


def _record_id(entry: OutboxEntry) -> str:
    assert entry.operation.record_id is not None
    return entry.operation.record_id


def _what(entry: OutboxEntry) -> dict[str, Any]:
    operation = entry.operation
    return {
        "side": operation.side.value,
        "action": operation.action.value,
        "record": operation.record_id,
        "reference": operation.reference,
        "key": entry.key,
    }

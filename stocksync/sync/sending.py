"""Carrying one write out: from the last look before it to an answer, or to knowing that there is none.

A request may end without an answer, and may still have been carried out. So the record is read back before anything
is sent again, and only under the same key; a creation without an answer is left to the next listing, which shows what
became of it. Runs in threads and changes nothing of ours. What follows from an answer is `delivery`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from stocksync.errors import (
    HandedOver,
    PermanentError,
    RateLimited,
    StaleWrite,
    StocksyncError,
    SystemUnavailable,
    UnexpectedAnswer,
    WriteRejected,
)
from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.stock import vehicle as words
from stocksync.stock.ownership import may_write
from stocksync.stock.values import Invalid, Kind, Reading, Side, same
from stocksync.stock.vehicle import LIFECYCLE_ATTRIBUTES, Vehicle
from stocksync.sync.cars import REFERENCE
from stocksync.sync.plan import Action, Change, Operation
from stocksync.sync.ports import Clock, NativeRecord, System
from stocksync.sync.recording import OutboxEntry
from stocksync.sync.stopping import Stop

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0
"""Between two tries anything up to 0.5 s is waited, then up to 1 s, 2 s and so on, never more than this."""
LONGEST_WAIT_ASKED_FOR_S: Final = 60.0
"""A system that asks for a longer pause than this gets nothing more in this run."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one request: an answer, a refusal, or an error.

    rejected: attributes that the side refused, while it may have taken the others. maybe_carried_out: whatever the
    error, something may have been written.
    """

    entry: OutboxEntry
    answer: NativeRecord | None = None
    rejected: Mapping[str, str] = field(default_factory=dict)
    error: StocksyncError | None = None
    maybe_carried_out: bool = False


class _Unknown(Exception):
    """Nobody could find out whether a write was carried out; never leaves this module."""

    def __init__(self, cause: StocksyncError) -> None:
        super().__init__(str(cause))
        self.cause = cause


@dataclass(slots=True)
class _LastLook:
    """A record as it was just before a request went out: whole, or its version alone where the system checks that."""

    record: NativeRecord | None = None
    version: str | None = None

    def check_untouched(self, found: NativeRecord) -> None:
        """See that nobody saved a record since, which does not hold what was written.

        Otherwise our write may have been carried out and undone by a person: sent again, it would go over that.
        Raises StaleWrite, so that it is planned again.
        """
        before = (self.record.version, self.record.stamp) if self.record is not None else (self.version, found.stamp)
        if before != (found.version, found.stamp):
            raise StaleWrite("somebody saved the record since the request, which may have been carried out")


@dataclass(frozen=True, slots=True)
class Seen:
    """What this run knows of the record that an entry is for: as last answered, and its version."""

    vehicle: Vehicle | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends the entries of one run; safe to use from several threads, each with another car and side.

    check_held: raises LeaseLost where the run may not send any more, because another one has taken over.
    """

    mapping: PointOfSaleMapping
    systems: Mapping[Side, System]
    clock: Clock
    chance: Random
    stop: Stop
    check_held: Callable[[], None]

    def send(self, entry: OutboxEntry, seen: Seen) -> Sent:
        """Carry an entry out; never raises what a system does wrong."""
        operation = entry.operation
        try:
            self._check_matrix(entry)
            if operation.action is Action.CREATE:
                return self._create(entry)
            if operation.action is Action.RESERVE:
                return self._reserve(entry)
            if seen.vehicle is not None:
                # An earlier answer of this run: the version alone would hide a change.
                self._check_expected(seen.vehicle, operation.changes)
            return self._update(entry, operation.changes, operation.reference, seen.version or operation.version)
        except _Unknown as unknown:
            return Sent(entry, error=unknown.cause, maybe_carried_out=True)
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

    # requests

    def _create(self, entry: OutboxEntry) -> Sent:
        operation = entry.operation
        values = {change.attribute: change.value for change in operation.changes}
        body = self.mapping.translations[operation.side].body(values, operation.reference)
        system = self.systems[operation.side]
        return Sent(entry, self._persistently(lambda _: system.create(body, entry.key), None, None))

    def _reserve(self, entry: OutboxEntry) -> Sent:
        """Reserve, unless an order was taken in the module since the plan."""
        side, record_id = entry.operation.side, record_id_of(entry)
        last = _LastLook()

        def request(_: str | None) -> NativeRecord:
            last.record = self._native(side, record_id)
            if self._vehicle(side, last.record).has(words.MODULE_ORDER):
                raise StaleWrite("an order was taken in the module since the plan")
            return self.systems[side].reserve(record_id, entry.key)

        def carried_out(found: NativeRecord) -> bool:
            if self._vehicle(side, found).reading(words.RESERVED) is True:
                return True
            last.check_untouched(found)
            return False

        return Sent(entry, self._persistently(request, None, self._looking_back(side, record_id, carried_out)))

    def _update(
        self, entry: OutboxEntry, changes: tuple[Change, ...], reference: str | None, version: str | None
    ) -> Sent:
        """Change a record; where the side refuses some attributes, the others still go through."""
        side, record_id = entry.operation.side, record_id_of(entry)
        system, translation = self.systems[side], self.mapping.translations[side]
        body = translation.body({change.attribute: change.value for change in changes}, reference)
        last = _LastLook()

        def request(named: str | None) -> NativeRecord:
            if system.conditional_writes:
                last.version = named
            else:
                last.record = self._native(side, record_id)
                self._check_unmoved(side, self._vehicle(side, last.record), changes, reference)
            return system.update(record_id, body, named, entry.key)

        def carried_out(found: NativeRecord) -> bool:
            vehicle = self._vehicle(side, found)
            if self._holds(vehicle, changes) and reference in (None, vehicle.reference):
                return True
            self._check_unmoved(side, vehicle, changes, reference)
            last.check_untouched(found)
            return False

        try:
            looking_back = self._looking_back(side, record_id, carried_out)
            return Sent(entry, self._persistently(request, version, looking_back))
        except WriteRejected as error:
            parts = self._parts(changes, reference, error)
            if error.is_conflict or len(parts) < 2:
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
            except StocksyncError as error:
                if answer is None:
                    raise
                raise _Unknown(error) from error
        if answer is None:
            return Sent(entry, rejected=rejected, error=WriteRejected("every part was refused"))
        return Sent(entry, answer, rejected)

    # trying again

    def _persistently(
        self,
        request: Callable[[str | None], NativeRecord],
        version: str | None,
        look: Callable[[], tuple[NativeRecord, bool]] | None,
    ) -> NativeRecord:
        """Send a request until it is answered, a few times at most.

        look: reads the record back and tells whether the request was carried out, raising StaleWrite where somebody
        else wrote; None where nothing can tell, so that a request which may have arrived is never sent again.
        Raises _Unknown for whatever ends it while nobody knows.
        """
        unknown = False
        for attempt in range(1, self.mapping.delivery.attempts + 1):
            try:
                self.check_held()
                if unknown and look is not None:
                    found, was_carried_out = look()
                    if was_carried_out:
                        return found
                    unknown, version = False, found.version
                return request(version)
            except StaleWrite:
                raise
            except StocksyncError as error:
                unknown = unknown or _may_have_arrived(error)
                is_last = attempt == self.mapping.delivery.attempts or (unknown and look is None)
                wait_s = self._wait_s(error, attempt)
                if is_last or wait_s is None or self.stop():
                    if unknown:
                        raise _Unknown(error) from error
                    raise
            self.clock.pause(wait_s)
        raise AssertionError("a mapping allows at least one attempt")

    def _wait_s(self, error: StocksyncError, attempt: int) -> float | None:
        """How long to wait before the next try; None where another one is of no use in this run."""
        if isinstance(error, RateLimited) and error.retry_after_s is not None:
            return error.retry_after_s if error.retry_after_s <= LONGEST_WAIT_ASKED_FOR_S else None
        worth_it = isinstance(error, RateLimited | SystemUnavailable | UnexpectedAnswer)
        return self._pause_s(attempt) if worth_it else None

    def _pause_s(self, attempt: int) -> float:
        """Full jitter: many that failed at once do not come back at once."""
        return self.chance.uniform(0, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (attempt - 1)))

    def _looking_back(
        self, side: Side, record_id: str, carried_out: Callable[[NativeRecord], bool]
    ) -> Callable[[], tuple[NativeRecord, bool]]:
        def look() -> tuple[NativeRecord, bool]:
            found = self._native(side, record_id)
            return found, carried_out(found)

        return look

    # looking before writing

    def _check_unmoved(self, side: Side, now: Vehicle, changes: tuple[Change, ...], reference: str | None) -> None:
        """See that every attribute still holds what the write was planned against (law 2)."""
        if not self.mapping.translations[side].takes_writes(now):
            raise StaleWrite("the record takes no changes any more")
        if reference is not None and now.reference not in (None, reference):
            raise StaleWrite("the record refers to another one now")
        self._check_expected(now, changes)

    def _check_expected(self, vehicle: Vehicle, changes: tuple[Change, ...]) -> None:
        for change in changes:
            kind, reading = self.mapping.vocabulary[change.attribute].kind, vehicle.reading(change.attribute)
            if not _is_as_expected(kind, reading, change.expected):
                raise StaleWrite(f"{change.attribute} moved since the plan")

    def _holds(self, vehicle: Vehicle, changes: tuple[Change, ...]) -> bool:
        for change in changes:
            attribute, reading = self.mapping.vocabulary[change.attribute], vehicle.reading(change.attribute)
            if isinstance(reading, Invalid) or not same(attribute.kind, reading, change.value, attribute.tolerance):
                return False
        return True

    def _native(self, side: Side, record_id: str) -> NativeRecord:
        record = self.systems[side].read(record_id)
        if record is None:
            raise StaleWrite("the record is gone")
        return record

    def _vehicle(self, side: Side, record: NativeRecord) -> Vehicle:
        return self.mapping.translations[side].vehicle(record.record_id, record.version, record.body)

    # refusals

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


def _may_have_arrived(error: StocksyncError) -> bool:
    """Tell whether a request that ended so may have been carried out."""
    if isinstance(error, SystemUnavailable):
        return not error.unsent
    return isinstance(error, UnexpectedAnswer | HandedOver)


def record_id_of(entry: OutboxEntry) -> str:
    """The id of the record that an entry is for; every entry has one but for a creation."""
    assert entry.operation.record_id is not None
    return entry.operation.record_id


def _is_as_expected(kind: Kind, reading: Reading, expected: Reading) -> bool:
    """Tell whether a side still holds what a write was planned against; what cannot be read, to the letter."""
    if isinstance(reading, Invalid) or isinstance(expected, Invalid):
        return reading == expected
    return same(kind, reading, expected)

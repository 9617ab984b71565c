"""A whole system held in memory, with the habits of real ones chosen one by one, and its faults at will.

Answers the same seam as `rest` and passes the same contract tests. One `MemoryServer` holds the records of
every point of sale; a `MemorySystem` is the view of one. No vendor's name is here: they are arguments.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from threading import RLock
from typing import Any, Literal

import orjson

from stocksync.errors import (
    RecordNotFound,
    StaleWrite,
    StocksyncError,
    SystemUnavailable,
    UnexpectedAnswer,
    WriteRejected,
)
from stocksync.mapping.paths import merged, put_at, value_at
from stocksync.stock.values import ABSENT
from stocksync.sync.familiar import Familiar, ListedPage, packed
from stocksync.sync.ports import NativeRecord, Page

Call = Literal["pages", "read", "create", "update", "reserve"]


class Fate(Enum):
    """What becomes of a write on its way."""

    CARRIED_OUT = "carried out and answered"
    LOST = "never arrives; the sender is told that the system is unavailable"
    ANSWER_LOST = "carried out, but the sender is told that the system is unavailable"
    IGNORED = "answered as if it were carried out, and changes nothing"


@dataclass(frozen=True, slots=True)
class Write:
    """One write as it was received; record_id is "" for a creation."""

    call: Call
    record_id: str
    body: Mapping[str, Any]
    version: str | None
    key: str


@dataclass(frozen=True, slots=True)
class MemoryHabits:
    """What a system held in memory is like.

    All paths are dotted.

    - id_path: where a record holds its id, made of id_prefix and a counter;
    - version_path: where it holds a counter of its changes, None for no versions;
    - point_of_sale_path: what a view is filtered by;
    - initial: what every new record begins with, over what its creator said;
    - unique_path: a creation that repeats its value in the same point of sale answers the record that has it;
    - reservation: path and value that `reserve` sets, None for none;
    - remembers_keys: a write repeated under its key answers as the first did;
    - stamp_path: where a record holds the instant of its last change, ISO 8601 without a zone, None for nowhere: then
      it cannot list what changed.
    """

    id_path: str
    point_of_sale_path: str
    version_path: str | None = None
    id_prefix: str = ""
    initial: Mapping[str, Any] = field(default_factory=dict)
    unique_path: str | None = None
    reservation: tuple[str, Any] | None = None
    conditional_writes: bool = False
    remembers_keys: bool = False
    page_size: int = 200
    stamp_path: str | None = None


def _nothing_goes_wrong(call: Call) -> StocksyncError | None:
    return None


def _carried_out(write: Write) -> Fate:
    return Fate.CARRIED_OUT


def _nothing_refused(body: Mapping[str, Any]) -> Mapping[str, str]:
    return {}


def _when_clocks_began() -> datetime:
    return datetime(2026, 1, 1)


def _as_said(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return body


class MemoryServer:
    """The records of every point of sale, what was written to them, and what goes wrong.

    These attributes may be set at any time:

    - error_before: asked before every call, and before every page of a listing, for an error to raise;
    - fate_of: asked for every write what becomes of it;
    - stored_as: applied to the body of every write, for a system that rounds, cuts or upper-cases;
    - refused: asked for the fields of a write's body that make it refused, name to message;
    - now_at: the system's own clock, without a zone.

    `writes` is every write received, in order. Records are never changed in place: a body that was handed out
    stays as it was.
    """

    def __init__(self, habits: MemoryHabits, records: Iterable[Mapping[str, Any]] = ()) -> None:
        self.habits = habits
        self.error_before: Callable[[Call], StocksyncError | None] = _nothing_goes_wrong
        self.fate_of: Callable[[Write], Fate] = _carried_out
        self.stored_as: Callable[[Mapping[str, Any]], Mapping[str, Any]] = _as_said
        self.refused: Callable[[Mapping[str, Any]], Mapping[str, str]] = _nothing_refused
        self.now_at: Callable[[], datetime] = _when_clocks_began
        self.writes: list[Write] = []
        self._records: dict[str, dict[str, Any]] = {}
        self._answers: dict[str, tuple[Write, NativeRecord]] = {}
        self._last_number = 0
        self._lock = RLock()
        for record in records:
            self.put(record)

    # What people and tests do to it

    def put(self, body: Mapping[str, Any]) -> str:
        """Enter a record as it is, under its own id or a new one; gives the id."""
        with self._lock:
            record = merged({}, body)
            record_id = str(value_at(body, self.habits.id_path) or "") if self._has_id(body) else self._new_id()
            put_at(record, self.habits.id_path, record_id)
            self._records[record_id] = self._versioned(record, self._number(record) or 1)
            return record_id

    def change(self, record_id: str, changes: Mapping[str, Any]) -> None:
        """Change one record as a user of that system does: no fate, no log."""
        with self._lock:
            self._lay(record_id, changes)

    def remove(self, record_id: str) -> None:
        """Let one record vanish."""
        with self._lock:
            del self._records[record_id]

    def body(self, record_id: str) -> Mapping[str, Any]:
        """Give one record as it is now; KeyError iff there is none."""
        return self._records[record_id]

    def bodies(self) -> tuple[Mapping[str, Any], ...]:
        """Give every record as it is now, in order of entry."""
        with self._lock:
            return tuple(self._records.values())

    # What its views do

    def listing(self, point_of_sale_code: str) -> list[NativeRecord]:
        """Give the records of one point of sale as of this instant."""
        with self._lock:
            return [
                self._native(record_id, body)
                for record_id, body in self._records.items()
                if value_at(body, self.habits.point_of_sale_path) == point_of_sale_code
            ]

    def read(self, record_id: str) -> NativeRecord | None:
        """Give one record of whatever point of sale."""
        with self._lock:
            body = self._records.get(record_id)
            return None if body is None else self._native(record_id, body)

    def write(self, write: Write) -> NativeRecord:
        """Receive a write and answer it, as its fate has it."""
        with self._lock:
            fate = self.fate_of(write)
            if fate is Fate.LOST:
                raise _no_answer(write)
            self.writes.append(write)
            record = self._once(write, fate)
            if fate is Fate.ANSWER_LOST:
                raise _no_answer(write)
            return record

    def _once(self, write: Write, fate: Fate) -> NativeRecord:
        if not self.habits.remembers_keys:
            return self._carry_out(write, fate)
        if write.key not in self._answers:
            self._answers[write.key] = (write, self._carry_out(write, fate))
        first, answer = self._answers[write.key]
        if (first.call, first.record_id, first.body) != (write.call, write.record_id, write.body):
            raise WriteRejected(f"{_named(write)} repeats the key of another write: take a new key")
        return answer

    def _carry_out(self, write: Write, fate: Fate) -> NativeRecord:
        refused = dict(self.refused(write.body))
        if refused:
            raise WriteRejected(f"{_named(write)} was refused: correct {', '.join(refused)}", refused)
        if write.call == "create":
            return self._create(write, fate)
        if write.record_id not in self._records:
            raise RecordNotFound(f"{_named(write)} has no record there: look for it")
        self._check_version(write)
        return self._lay(write.record_id, self.stored_as(write.body) if fate is not Fate.IGNORED else {})

    def _check_version(self, write: Write) -> None:
        held = self._native(write.record_id, self._records[write.record_id]).version
        if write.call == "update" and self.habits.conditional_writes and write.version != held:
            raise StaleWrite(f"{_named(write)} names version {write.version}, not {held}: read it again")

    def _create(self, write: Write, fate: Fate) -> NativeRecord:
        body = merged(self.stored_as(write.body), self.habits.initial)
        twin = self._twin(body)
        if twin is not None:
            return twin
        record_id = self._new_id()
        put_at(body, self.habits.id_path, record_id)
        body = self._versioned(body, 1)
        if fate is not Fate.IGNORED:
            self._records[record_id] = body
        return self._native(record_id, body)

    def _twin(self, body: Mapping[str, Any]) -> NativeRecord | None:
        unique_path, place_path = self.habits.unique_path, self.habits.point_of_sale_path
        value = value_at(body, unique_path) if unique_path else ABSENT
        if unique_path is None or value in (ABSENT, None, ""):
            return None
        wanted = (value, value_at(body, place_path))
        for record_id, other in self._records.items():
            if (value_at(other, unique_path), value_at(other, place_path)) == wanted:
                return self._native(record_id, other)
        return None

    def _lay(self, record_id: str, changes: Mapping[str, Any]) -> NativeRecord:
        held = self._records[record_id]
        body = merged(held, changes)
        if body != held:
            body = self._records[record_id] = self._versioned(body, self._number(held) + 1)
        return self._native(record_id, body)

    def _native(self, record_id: str, body: Mapping[str, Any]) -> NativeRecord:
        version = self._number(body)
        return NativeRecord(record_id, str(version) if version else None, body, self._stamp(body))

    def _stamp(self, body: Mapping[str, Any]) -> datetime | None:
        text = value_at(body, self.habits.stamp_path) if self.habits.stamp_path else ABSENT
        return datetime.fromisoformat(text) if isinstance(text, str) else None

    def _versioned(self, body: dict[str, Any], number: int) -> dict[str, Any]:
        marks: dict[str, Any] = {}
        if self.habits.version_path is not None:
            put_at(marks, self.habits.version_path, number)
        if self.habits.stamp_path is not None:
            put_at(marks, self.habits.stamp_path, self.now_at().isoformat())
        return merged(body, marks) if marks else body

    def _number(self, body: Mapping[str, Any]) -> int:
        value = value_at(body, self.habits.version_path) if self.habits.version_path else ABSENT
        return value if isinstance(value, int) else 0

    def _has_id(self, body: Mapping[str, Any]) -> bool:
        return value_at(body, self.habits.id_path) not in (ABSENT, None, "")

    def _new_id(self) -> str:
        while True:
            self._last_number += 1
            record_id = f"{self.habits.id_prefix}{self._last_number:06d}"
            if record_id not in self._records:
                return record_id


class MemorySystem:
    """One point of sale of a `MemoryServer`, as a `System`."""

    def __init__(self, server: MemoryServer, point_of_sale_code: str) -> None:
        self._server = server
        self._point_of_sale_code = point_of_sale_code
        self.conditional_writes = server.habits.conditional_writes
        self.lists_changes = server.habits.stamp_path is not None

    def pages(self, familiar: Familiar | None = None) -> Iterator[Page]:
        """List the records as of the first page; see `System.pages`."""
        return self._paged(None, familiar)

    def changes(self, since: datetime) -> Iterator[Page]:
        """List the records that changed since an instant of the server's clock, as of the first page."""
        return self._paged(since if self.lists_changes else None)

    def _paged(self, since: datetime | None, familiar: Familiar | None = None) -> Iterator[Page]:
        self._fail_if_due("pages")
        if familiar is not None:
            familiar.begin()
        records = self._server.listing(self._point_of_sale_code)
        if since is not None:
            records = [record for record in records if record.stamp is None or record.stamp >= since]
        size = self._server.habits.page_size
        for start in range(0, max(1, len(records)), size):
            if start:
                self._fail_if_due("pages")
            yield page_of(records[start : start + size], familiar, first=start == 0, total=len(records))

    def read(self, record_id: str) -> NativeRecord | None:
        """Read one record; None iff it does not exist."""
        self._fail_if_due("read")
        return self._server.read(record_id)

    def create(self, body: Mapping[str, Any], key: str) -> NativeRecord:
        """Create a record, in this point of sale unless the body names another."""
        self._fail_if_due("create")
        place: dict[str, Any] = {}
        put_at(place, self._server.habits.point_of_sale_path, self._point_of_sale_code)
        return self._server.write(Write("create", "", merged(place, body), None, key))

    def update(self, record_id: str, body: Mapping[str, Any], version: str | None, key: str) -> NativeRecord:
        """Change the named fields of one record, iff it still has that version where versions are checked."""
        self._fail_if_due("update")
        return self._server.write(Write("update", record_id, merged({}, body), version, key))

    def reserve(self, record_id: str, key: str) -> NativeRecord:
        """Set the reservation of the habits; UnexpectedAnswer where they have none."""
        self._fail_if_due("reserve")
        if self._server.habits.reservation is None:
            raise UnexpectedAnswer("The system in memory has no reservations: set it by hand")
        path, value = self._server.habits.reservation
        body: dict[str, Any] = {}
        put_at(body, path, value)
        return self._server.write(Write("reserve", record_id, body, None, key))

    def close(self) -> None:
        """Do nothing: there are no connections."""

    def _fail_if_due(self, call: Call) -> None:
        error = self._server.error_before(call)
        if error is not None:
            raise error


def page_of(records: Iterable[NativeRecord], familiar: Familiar | None, *, first: bool, total: int) -> Page:
    """A page of those records that are not familiar, with their digests; of none where the page itself is known."""
    digested = [(replace(record, listed_digest=digest), digest) for record in records for digest in [_digest(record)]]
    digests = tuple(digest for _, digest in digested)
    of_page = _digest_of(repr((digests, total)).encode())
    if familiar is not None and (known := familiar.page(of_page)) is not None:
        familiar.met_page(known)
        return Page((), first=first, total=total, unchanged=known.count, source=known)
    left = frozenset(familiar.left) if familiar is not None else frozenset()
    fresh = tuple((record, digest) for record, digest in digested if digest not in left)
    if familiar is not None:
        familiar.met(set(digests))
    source = ListedPage(of_page, packed(digests), tuple(digest for _, digest in fresh))
    unchanged = len(digested) - len(fresh)
    return Page(tuple(record for record, _ in fresh), first=first, total=total, unchanged=unchanged, source=source)


def _digest(record: NativeRecord) -> int:
    return _digest_of(orjson.dumps(record.body, default=str))


def _digest_of(raw: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), signed=True)


def _named(write: Write) -> str:
    return f"The {write.call} of {write.record_id or 'a record'} in memory"


def _no_answer(write: Write) -> SystemUnavailable:
    return SystemUnavailable(f"{_named(write)} was not answered: read the record to see whether it was carried out")

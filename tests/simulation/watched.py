"""Both systems under watch: what people and writes do to their records is told to the ledger; reads pass a door.

A `Door` is the `System` that the program gets. Around every call stands an instant at which the process may die, a
moment at which somebody else may act, and the weather.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from stocksync.adapters.systems.memory import Call, MemoryHabits, MemoryServer, Write
from stocksync.stock.values import Side
from stocksync.sync.familiar import Familiar
from stocksync.sync.ports import NativeRecord, Page
from tests.simulation.killing import Points
from tests.simulation.ledger import Ledger
from tests.simulation.spelling import AS_EVER, Spelling
from tests.simulation.tables import Shift
from tests.simulation.weather import Weather
from tests.simulation.wire import ListedSystem

NO_ID = "?"
"""The name under which a record stands that carries no id."""
UNSEEN = "shifted past"
"""Counted with what goes wrong: records that a listing left out, though it passed for whole."""


class WatchedServer(MemoryServer):
    """A system in memory that tells a ledger of everything that happens to its records."""

    def __init__(self, side: Side, habits: MemoryHabits, ledger: Ledger) -> None:
        super().__init__(habits)
        self.side, self.ledger = side, ledger
        self.former: dict[str, list[NativeRecord]] = {}

    def enter(self, car: int, body: Mapping[str, Any]) -> str:
        """Somebody enters a record of a car."""
        record_id = self.put(body)
        self.ledger.note(self.side, record_id, self.body(record_id), car)
        return record_id

    def enter_without_id(self, body: Mapping[str, Any]) -> None:
        """Something puts a record in that carries no id."""
        self._records[NO_ID] = {**body, self.habits.id_path: None}

    def ids(self) -> list[str]:
        """The ids of all records that have one, in order."""
        return sorted(record_id for record_id in self._records if record_id != NO_ID)

    def change(self, record_id: str, changes: Mapping[str, Any]) -> None:
        """Change one record as a user of that system does."""
        self._keep_former(record_id)
        super().change(record_id, changes)
        self.ledger.note(self.side, record_id, self.body(record_id))

    def remove(self, record_id: str) -> None:
        """Let one record vanish."""
        super().remove(record_id)
        self.ledger.gone(self.side, record_id)

    def write(self, write: Write) -> NativeRecord:
        """Receive a write, and tell the ledger what came and what it did."""
        before = self._records.get(write.record_id)
        ids = set(self._records)
        wrong = self.ledger.receive(self.side, write, before)
        if before is not None:
            self._keep_former(write.record_id)
        try:
            return super().write(write)
        finally:
            # Whether it is answered or not: what counts is what it did.
            self._tell(write, before, ids, wrong)

    def _tell(self, write: Write, before: Mapping[str, Any] | None, ids: set[str], wrong: list[str]) -> None:
        created = set(self._records) - ids
        for record_id in sorted(created) or ([write.record_id] if write.record_id in self._records else []):
            after = self._records[record_id]
            if before is None or self._meaning(after) != self._meaning(before):
                self.ledger.broken += wrong
                self.ledger.carried_out(self.side, write, record_id, before, after)

    def _meaning(self, body: Mapping[str, Any]) -> dict[str, Any]:
        ignored = (self.habits.version_path, self.habits.stamp_path)
        return {name: value for name, value in body.items() if name not in ignored}

    def _keep_former(self, record_id: str) -> None:
        if (body := self._records.get(record_id)) is not None:
            self.former.setdefault(record_id, []).append(self._native(record_id, body))

    def _native(self, record_id: str, body: Mapping[str, Any]) -> NativeRecord:
        record = super()._native(record_id, body)
        return replace(record, record_id="") if record_id == NO_ID else record


def _nobody(side: Side, call: Call, record_id: str) -> None:
    return None


@dataclass
class Door:
    """One side of one point of sale as the program gets it.

    moment: called before and after every call, for somebody else to act. known: whether a record is known already.
    """

    side: Side
    server: WatchedServer
    code: str
    points: Points
    weather: Weather
    moment: Callable[[Side, Call, str], None] = _nobody
    known: Callable[[str], bool] = lambda _: False
    spelling: Spelling = AS_EVER
    inner: ListedSystem = field(init=False)

    def __post_init__(self) -> None:
        self.inner = ListedSystem(self.server, self.code, self.spelling, self)
        self.conditional_writes, self.lists_changes = self.inner.conditional_writes, self.inner.lists_changes

    def pages(self, familiar: Familiar | None = None) -> Iterator[Page]:
        """List every record."""
        return self.inner.pages(familiar)

    def changes(self, since: datetime) -> Iterator[Page]:
        """List what changed."""
        return self.inner.changes(since)

    # What a listing meets, see `tables.Occasions`

    def first(self, table: Callable[[], list[NativeRecord]]) -> list[NativeRecord]:
        """The table as it is shown: not all of it, more than once, or of old, where the weather says so."""
        found = self._around("pages", "", table)
        return self.weather.listed([self._as_of_old(record) for record in found], self.known)

    def later(self) -> bool:
        """Somebody may act between two pages."""
        self.moment(self.side, "pages", "")
        self.weather.before("pages")
        return not self.weather.strikes("expired")

    def sent(self, records: list[NativeRecord], count: int) -> None:
        """Tell the ledger what was shown."""
        self.server.ledger.listed[self.side] = count
        for record in records:
            self.server.ledger.show(self.side, record.record_id, record.body)

    def believed(self, shift: Shift) -> None:
        """I8: what pages shifted past counts as listed only where nothing shows it."""
        self.weather.met[UNSEEN] += len(shift.left_out)
        if shift.can_be_told:
            left_out = sorted(shift.left_out)
            self.server.ledger.broken.append(f"a listing of {self.side} without {left_out} was believed (I8)")

    # What is asked of one record

    def read(self, record_id: str) -> NativeRecord | None:
        """Read one record."""
        found = self._around("read", record_id, lambda: self.inner.read(record_id))
        if found is None:
            return None
        found = self._as_of_old(found)
        self.server.ledger.show(self.side, record_id, found.body)
        self.server.ledger.read_last = (self.side, record_id)
        return found

    def create(self, body: Mapping[str, Any], key: str) -> NativeRecord:
        """Create a record."""
        return self._answered("create", "", lambda: self.inner.create(body, key))

    def update(self, record_id: str, body: Mapping[str, Any], version: str | None, key: str) -> NativeRecord:
        """Change a record."""
        return self._answered("update", record_id, lambda: self.inner.update(record_id, body, version, key))

    def reserve(self, record_id: str, key: str) -> NativeRecord:
        """Reserve a record."""
        return self._answered("reserve", record_id, lambda: self.inner.reserve(record_id, key))

    def close(self) -> None:
        """Do nothing."""

    def _answered(self, call: Call, record_id: str, work: Callable[[], NativeRecord]) -> NativeRecord:
        answer: NativeRecord = self._around(call, record_id, work)
        self.weather.after(call)
        self.server.ledger.show(self.side, answer.record_id, answer.body)
        return answer

    def _around(self, call: Call, record_id: str, work: Callable[[], Any]) -> Any:
        name = f"{call} of {self.side} {record_id}".strip()
        self.moment(self.side, call, record_id)
        self.points.reach(f"before a {name}")
        self.weather.before(call)
        try:
            return work()
        finally:
            # Answered or not: the far side did what it did.
            self.points.reach(f"after a {name}")
            self.moment(self.side, call, record_id)

    def _as_of_old(self, record: NativeRecord) -> NativeRecord:
        """What a copy that lags behind shows: the record as it was before its last change."""
        former, lagged = self.server.former.get(record.record_id), self.server.ledger.lagged
        if not former or not self.weather.strikes("stale"):
            lagged.discard((self.side, record.record_id))
            return record
        lagged.add((self.side, record.record_id))
        return former[-1]

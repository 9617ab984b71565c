"""What a server shows of its records where a fault makes that something else than what is stored.

Answers which records a listing leaves out, and which ones are still shown as they were before their last write.
For a request that no such fault concerns there is no view at all, and the systems read as they always do.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from stocksync.sandbox.clock import Clock
from stocksync.sandbox.exchange import Call, Reply
from stocksync.sandbox.faults import EmptyListing, IgnoredWrites, ShortListing, StaleReads
from stocksync.sandbox.state import StateFile

Reading = TypeVar("Reading")


class Records(Protocol):
    """What the lens needs of a vehicle module or a DMS."""

    state: StateFile
    clock: Clock

    def stored(self, id_: str) -> bytes | None:
        """Read a record as stored."""

    def place_of(self, body: bytes) -> str:
        """Return the point of sale or site that a record is in."""

    def youngest(self) -> str:
        """Return the id of the last record that was created."""


@dataclass(frozen=True)
class View:
    """How a listing differs from what is stored: records as they were (None: not there yet), and those left out."""

    before: Mapping[str, bytes | None]
    leaves_out: Callable[[str], bool]

    def records(self, stored: Iterable[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
        """Return what is seen of (id, body) records; those as they were may be of any place, and come last."""
        now = [(id_, body) for id_, body in stored if id_ not in self.before and not self.leaves_out(id_)]
        return now + [(id_, body) for id_, body in self.before.items() if body is not None and not self.leaves_out(id_)]


@dataclass
class _Old:
    """A record as it was; shown until an instant, or so many times more, whichever ends first."""

    body: bytes | None
    places: frozenset[str]
    order: int
    until: datetime | None
    reads: int | None


class Lens:
    """The view of one running server; for its own thread only."""

    def __init__(self, system: Records) -> None:
        self._system = system
        self._old: dict[str, _Old] = {}

    def carried_out(self, call: Call, record: str | None, handler: Callable[[], Reply]) -> Reply:
        """Carry a write out: for good, or only in appearance; note how the record was where reads are to lag."""
        ignored = call.struck.of(IgnoredWrites)
        if ignored is not None and not ignored.fields:
            with self._system.state.undone():
                return handler()
        stale = call.struck.of(StaleReads)
        if stale is None:
            return handler()
        youngest = self._system.youngest()
        before = self._system.stored(record) if record else None
        reply = handler()
        written = record or self._system.youngest()
        after = self._system.stored(written)
        # a creation that answered with a record which was there already created nothing
        if after is not None and after != before and (record or written != youngest):
            self._remember(call, stale, written, before, after)
        return reply

    def record(self, call: Call, id_: str) -> tuple[bytes | None] | None:
        """Return what a read shows in place of what is stored, in a tuple of one; None to show what is stored."""
        old = self._still_old(call).get(id_)
        if old is None:
            return None
        self._shown(old)
        return (old.body,)

    def listing(self, call: Call, place: str) -> View | None:
        """Return how a listing of a place differs from what is stored; None when it does not."""
        left_out = [fault for fault in (call.struck.of(EmptyListing), call.struck.of(ShortListing)) if fault]
        old = {id_: each for id_, each in self._still_old(call).items() if place in each.places}
        if not left_out and not old:
            return None
        for each in old.values():
            self._shown(each)
        before = {
            id_: each.body if each.body is not None and self._system.place_of(each.body) == place else None
            for id_, each in old.items()
        }
        return View(before, lambda id_: any(fault.leaves_out(id_) for fault in left_out))

    def _remember(self, call: Call, stale: StaleReads, id_: str, before: bytes | None, after: bytes) -> None:
        places = frozenset(self._system.place_of(body) for body in (before, after) if body is not None)
        until = None if stale.for_s is None else self._system.clock() + timedelta(seconds=stale.for_s)
        self._old[id_] = _Old(before, places, call.struck.orders[StaleReads.name], until, stale.reads)

    def _still_old(self, call: Call) -> dict[str, _Old]:
        """Forget what is over: by time, by number of reads, or because the fault was taken away."""
        if self._old:
            order, now = call.struck.orders.get(StaleReads.name), self._system.clock()
            self._old = {
                id_: old
                for id_, old in self._old.items()
                if old.order == order and old.reads != 0 and (old.until is None or now < old.until)
            }
        return self._old

    def _shown(self, old: _Old) -> None:
        if old.reads is not None:
            old.reads -= 1

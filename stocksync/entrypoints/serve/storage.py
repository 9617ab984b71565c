"""Whether runs can be kept, as the service's own runs find out: until they can again, it is not ready.

A database that cannot be written keeps no failed run either, so that what broke off is counted and told from here.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from stocksync.adapters.store.faults import Cause, StorageFault, can_write, fault_of, file_of, identity_of, place_of
from stocksync.sync.health import Health, PointHealth
from stocksync.sync.recording import RunStatus
from stocksync.sync.summary import Summary

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from stocksync.sync.recording import RunKind

LOOK_EVERY_S: Final = 5.0
_MOST_LOOKS_LEFT_OUT: Final = 60
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _BrokenOff:
    """Runs of one point of sale that broke off in a row, and why the last one did; fault: None for a bug."""

    why: str
    fault: StorageFault | None
    times: int = 1


@dataclass
class Storage:
    """Told by the workers what becomes of their runs; safe to use from several threads.

    tell: whoever looks on at runs, told of each that broke off.
    """

    engine: Engine
    tell: Callable[[Summary], None]
    _broken_off: dict[str, _BrokenOff] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _left_out: int = 0
    _leave_out: int = 0
    _gone: StorageFault | None = None

    def __post_init__(self) -> None:
        self._file = file_of(self.engine)
        self._identity = identity_of(self._file) if self._file is not None else None

    def gone(self) -> StorageFault | None:
        """Tell whether another file is at the database's place, or none: what is written then, nobody finds again."""
        if self._file is None:
            return None
        found = identity_of(self._file)
        with self._lock:
            before = self._gone
            if found == self._identity:
                self._gone = None
            elif before is None:
                detail = "another file is there" if found is not None else "no file is there"
                self._gone = StorageFault(Cause.REPLACED, str(self._file), detail)
            after = self._gone
        if after is not None and before is None:
            _log.error("no run begins any more. %s", after)
        elif before is not None and after is None:
            _log.info("the file of the database is back at its place: runs go on")
        return after

    @property
    def fault(self) -> StorageFault | None:
        """What keeps runs from being kept, as the last one that broke off found it; None where none does."""
        if (gone := self.gone()) is not None:
            return gone
        with self._lock:
            return next((b.fault for b in reversed(self._broken_off.values()) if b.fault is not None), None)

    def seen_in(self, error: Exception) -> StorageFault | None:
        """Tell what is wrong with the database where that is what an error says."""
        return fault_of(error, place_of(self.engine), file_of(self.engine))

    def broke_off(self, points: Sequence[str], kind: RunKind, error: Exception) -> StorageFault | None:
        """Count and tell runs that broke off; gives what is wrong with the database, None for anything else."""
        fault = self.seen_in(error)
        why = str(fault) if fault is not None else f"the run broke off ({type(error).__name__}); see the log"
        for point in points:
            with self._lock:
                before = self._broken_off.pop(point, None)
                self._broken_off[point] = _BrokenOff(why, fault, before.times + 1 if before else 1)
            self.tell(Summary(point, RunStatus.FAILED, None, message=why, kind=kind))
        return fault

    def kept(self, point: str) -> None:
        """Take note that a run of a point of sale was kept, however it ended."""
        with self._lock:
            self._broken_off.pop(point, None)

    def look(self, try_again: Callable[[str], bool]) -> None:
        """Have what broke off tried again as soon as the database can be written; called every few seconds.

        try_again: False where no run of the point of sale is going to come. Where runs break off all the same, it is
        done less and less often.
        """
        if (fault := self.fault) is None:
            self._left_out = self._leave_out = 0
        if fault is None or fault.cause is Cause.REPLACED:
            return
        if self._left_out < self._leave_out:
            self._left_out += 1
            return
        if not can_write(self.engine):
            return
        self._left_out, self._leave_out = 0, min(2 * self._leave_out + 1, _MOST_LOOKS_LEFT_OUT)
        with self._lock:
            points = [point for point, broken in self._broken_off.items() if broken.fault is not None]
        for point in points:
            if not try_again(point):
                self.kept(point)

    def added_to(self, health: Health) -> Health:
        """How everything stands, with the runs that broke off and could not be kept, and why."""
        with self._lock:
            broken_off = {point: (broken.why, broken.times) for point, broken in self._broken_off.items()}

        def added(point: PointHealth) -> PointHealth:
            why, times = broken_off.get(point.point_of_sale, ("", 0))
            return replace(point, broken_off=why, failed_in_a_row=point.failed_in_a_row + times)

        return replace(health, points=tuple(map(added, health.points)), storage=str(self.fault or ""))

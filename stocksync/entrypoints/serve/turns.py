"""What carrying one turn out consists of: which kind of run it is, the run itself, what others do before and after.

Not here: the threads (`service`), and whose turn it is (`sync.dispatch`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol

from stocksync.adapters.store.faults import StorageFault, fault_of
from stocksync.errors import Busy, LeaseLost, Stopping, TransientError
from stocksync.stock.values import Side
from stocksync.sync.cycle import CycleResult
from stocksync.sync.dispatch import Turn
from stocksync.sync.health import PointHealth
from stocksync.sync.ports import Clock
from stocksync.sync.recording import RunKind
from stocksync.sync.timetable import Schedule, kind_of_turn

BUSY_AGAIN: Final = timedelta(seconds=30)
"""How long a point of sale that another process holds is let be, unless it is due more often than that."""

_BACK_OFF: Final = timedelta(seconds=30)
_LONGEST_BACK_OFF: Final = timedelta(minutes=15)
_log = logging.getLogger(__name__)


class Runs(Protocol):
    """What synchronises: `sync.group.Group`."""

    def synchronise(self, points: Sequence[str]) -> Iterator[CycleResult]:
        """Synchronise points of sale, reading those that never were before the first is decided."""
        ...

    def run(self, point_of_sale: str, kind: RunKind, hints: Mapping[Side, frozenset[str]] | None = None) -> CycleResult:
        """Run one cycle of one point of sale."""
        ...

    def never_synchronised(self) -> list[str]:
        """The points of sale at first contact."""
        ...


class Storage(Protocol):
    """What is told whether runs can be kept: `serve.storage.Storage`."""

    def gone(self) -> StorageFault | None:
        """Tell whether the database's file is not at its place any more: no turn begins then."""
        ...

    def seen_in(self, error: Exception) -> StorageFault | None:
        """Tell what is wrong with the database where that is what an error says."""
        ...

    def broke_off(self, points: Sequence[str], kind: RunKind, error: Exception) -> StorageFault | None:
        """Count and tell runs that broke off; gives what is wrong with the database, None for anything else."""
        ...

    def kept(self, point: str) -> None:
        """Take note that a run was kept, however it ended."""
        ...


class Unwatched:
    """Takes note of nothing."""

    def gone(self) -> StorageFault | None:
        """Know nothing of it."""
        return None

    def seen_in(self, error: Exception) -> StorageFault | None:
        """Know nothing of it."""
        return None

    def broke_off(self, points: Sequence[str], kind: RunKind, error: Exception) -> StorageFault | None:
        """Know nothing of it."""
        return None

    def kept(self, point: str) -> None:
        """Leave it."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What others do around the work; what fails is logged and stops nothing.

    before_turn: told the points of sale of a complete or delta turn; not called for hinted ones. after_run: told every
    result, also of runs that failed, before the point of sale may have another turn. nightly: called once a day.
    edited: called when edited mapping files come into force.
    """

    before_turn: Sequence[Callable[[Sequence[str]], None]] = ()
    after_run: Sequence[Callable[[CycleResult], None]] = ()
    nightly: Sequence[Callable[[], None]] = ()
    edited: Sequence[Callable[[], None]] = ()


@dataclass
class Turns:
    """Carries turns out; used by several threads at once, each with a turn of its own.

    health: how one point of sale stands, afresh from the database. storage: told which runs were kept.
    """

    runs: Runs
    schedules: Mapping[str, Schedule]
    health: Callable[[str], PointHealth]
    clock: Clock
    hooks: Hooks = field(default_factory=Hooks)
    storage: Storage = field(default_factory=Unwatched)
    _failures: dict[str, int] = field(default_factory=dict)
    _complete_tried_at: dict[str, datetime] = field(default_factory=dict)

    def carry_out(self, turn: Turn) -> Iterator[tuple[str, datetime | None]]:
        """Carry a turn out, giving each of its points of sale when it is done, and when it is to have the same again.

        Never raises for what went wrong: whatever nobody thought of is logged, and tried again later and later.
        """
        left = list(turn.points)
        try:
            if turn.kind is not RunKind.HINTED:
                self._prepare(turn.points)
            # A pause may have come since the turn was given.
            standing = {point: self.health(point) for point in left}
            for point in [point for point in left if standing[point].paused is not None]:
                left.remove(point)
                yield point, self.clock.now_at()
            for result in self._results(turn, list(left), standing):
                point = result.summary.point_of_sale
                self._look_after(result)
                left.remove(point)
                yield point, self._again_at(turn, result)
            for point in left:
                yield point, None
        except Exception as error:
            if not self.storage.broke_off(left, turn.kind, error):
                _log.exception("%s: the %s run broke off; it is tried again", ", ".join(left), turn.kind)
            for point in left:
                yield point, self._back_off_at(point)

    def _results(self, turn: Turn, points: Sequence[str], standing: Mapping[str, PointHealth]) -> Iterator[CycleResult]:
        if len(points) > 1:
            yield from self.runs.synchronise([point for point in points if point in self.schedules])
            return
        for point in points:
            now_at, tried_at = self.clock.now_at(), self._complete_tried_at.get(point)
            schedule = self.schedules.get(point)
            if schedule is None:
                # Taken out of the mapping files since the turn was given.
                continue
            kind = kind_of_turn(turn.kind, standing[point], schedule, now_at, tried_at)
            if kind is RunKind.COMPLETE:
                self._complete_tried_at[point] = now_at
            if kind is not None:
                yield self.runs.run(point, kind, turn.hints)

    def _prepare(self, points: Sequence[str]) -> None:
        for hook in self.hooks.before_turn:
            sheltered(partial(hook, points), ", ".join(points))

    def _look_after(self, result: CycleResult) -> None:
        for hook in self.hooks.after_run:
            sheltered(partial(hook, result), result.summary.point_of_sale)

    def _again_at(self, turn: Turn, result: CycleResult) -> datetime | None:
        """When the same is to be tried again; None where the timetable asks in time anyway."""
        if isinstance(result.error, Busy | LeaseLost):
            _log.info("%s", result.error)
            self._complete_tried_at.pop(result.summary.point_of_sale, None)
            return self.clock.now_at() + self._held_for(result.summary.point_of_sale)
        self.storage.kept(result.summary.point_of_sale)
        is_worth_another_try = isinstance(result.error, TransientError) and not isinstance(result.error, Stopping)
        if turn.kind is RunKind.HINTED and is_worth_another_try:
            # The timetable does not know which records were named.
            return self._back_off_at(result.summary.point_of_sale)
        self._failures.pop(result.summary.point_of_sale, None)
        return None

    def _held_for(self, point: str) -> timedelta:
        schedule = self.schedules.get(point)
        return BUSY_AGAIN if schedule is None else min(BUSY_AGAIN, timedelta(seconds=schedule.quick_every_s))

    def _back_off_at(self, point: str) -> datetime:
        failures = self._failures[point] = self._failures.get(point, 0) + 1
        return self.clock.now_at() + min(_BACK_OFF * 2.0 ** min(failures - 1, 10), _LONGEST_BACK_OFF)


def sheltered(call: Callable[[], None], about: str) -> None:
    """Call what belongs to others; its faults are logged, with where they come from."""
    try:
        call()
    except Exception as error:
        if (fault := fault_of(error, "stocksync", None)) is not None:
            _log.warning("%s: something beside the run failed. %s", about, fault)
            return
        _log.exception("%s: something beside the run failed; the run itself does not depend on it", about)

"""The service's threads: a scheduler whose jobs only ask, and workers that take turns and carry them out.

Everything is rebuilt from the configuration and the database at each start; nothing of the schedule is stored, and two
services on one database do no harm, because a run holds its point of sale in the database. Not here: signals and the
end of the process (`stopping`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from datetime import time as wall
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from stocksync.entrypoints.serve.triggers import NightlyTrigger, QuickTrigger
from stocksync.entrypoints.serve.turns import Turns, sheltered
from stocksync.stock.values import Side
from stocksync.sync.dispatch import Dispatcher, Hints, Turn, Want
from stocksync.sync.health import Pause
from stocksync.sync.recording import RunKind
from stocksync.sync.timetable import Schedule, next_nightly, phase_s

DEBOUNCE: Final = timedelta(seconds=5)
"""How long after the first record that was named a hinted run begins."""

HOUSEKEEPING_AT: Final = (wall(4, 30), ZoneInfo("UTC"))
"""After the complete runs, and before the first dealer opens."""

_LOOK_AGAIN_S: Final = 1.0
"""How soon a pause that another process ends is noticed, while something waits for that."""
_SHORTEST_WAIT_S: Final = 0.05
_LONGEST_WAIT_S: Final = 30.0
"""A clock that is set back must not keep workers asleep."""
_DATABASE_AGAIN_S: Final = 5.0
_EVERYWHERE: Final = ""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Upcoming:
    """When a point of sale is asked for next by the timetable."""

    point_of_sale: str
    quick_at: datetime
    complete_at: datetime


class Service:
    """Synchronises every point of sale on time, from `start` to `stop`.

    pairs: the pair of each point of sale. pauses: what is told to be left alone, afresh from the database; "" stands
    for everything. stopping: set when the end is asked for; runs see it too.
    """

    def __init__(
        self,
        turns: Turns,
        pairs: Mapping[str, str],
        pauses: Callable[[], Mapping[str, Pause]],
        stopping: threading.Event,
        workers: int,
        random: Random | None = None,
    ) -> None:
        self.turns = turns
        self.stopping = stopping
        self._pairs = pairs
        self._pauses = pauses
        self._random = random or Random()
        self._dispatcher = Dispatcher(pairs, workers, DEBOUNCE)
        self._changed = threading.Condition()
        self._first_contacts: frozenset[str] = frozenset()
        self._new: frozenset[str] = frozenset()
        self._night = threading.Event()
        self._scheduler = _scheduler()
        self._workers = [
            threading.Thread(target=self._work, name=f"worker-{number + 1}", daemon=True) for number in range(workers)
        ]
        self._threads = [
            *self._workers,
            threading.Thread(target=self._keep_house, name="housekeeping", daemon=True),
        ]

    # what others may do, from any thread

    def ask(self, point_of_sale: str, kind: RunKind, hints: Hints | None = None) -> None:
        """Want a run soon. Raises KeyError for an unknown point of sale."""
        with self._changed:
            self._dispatcher.ask(point_of_sale, kind, self.turns.clock.now_at(), hints or {})
            self._changed.notify_all()

    def hint(self, point_of_sale: str, side: Side, record_id: str) -> None:
        """Take note that a record may have moved; an unknown point of sale is none of ours."""
        with suppress(KeyError):
            self.ask(point_of_sale, RunKind.HINTED, {side: frozenset({record_id})})

    def try_again(self, point_of_sale: str) -> bool:
        """Want a run at once where one broke off; False where none is going to come: unknown or paused."""
        barred = self._pauses()
        with self._changed:
            if point_of_sale not in self._pairs or point_of_sale in barred or _EVERYWHERE in barred:
                return False
            self._dispatcher.let_go(point_of_sale)
        with suppress(KeyError):
            self.ask(point_of_sale, RunKind.DELTA)
        return True

    def is_at_work(self) -> bool:
        """Tell whether the timetable asks and somebody answers."""
        return bool(self._scheduler.running) and any(thread.is_alive() for thread in self._workers)

    def running(self) -> Mapping[str, Turn]:
        """The turns that are being carried out, by point of sale."""
        with self._changed:
            return self._dispatcher.running

    def waiting(self) -> Mapping[str, Want]:
        """What is wanted and has no turn yet, by point of sale."""
        with self._changed:
            return self._dispatcher.waiting

    # start and end

    def schedule(self) -> list[Upcoming]:
        """Set the timetable up and tell when each point of sale is asked for next; before `start`."""
        upcoming = self._timetable(self._pairs)
        self._scheduler.add_job(self._night.set, NightlyTrigger(*HOUSEKEEPING_AT), id="housekeeping")
        return upcoming

    def _timetable(self, points: Iterable[str]) -> list[Upcoming]:
        now_at, places = self.turns.clock.now_at(), list(self._pairs)
        upcoming = []
        for point in points:
            times = self.turns.schedules[point]
            first_at = now_at + timedelta(seconds=phase_s(places.index(point), len(places), times.quick_every_s))
            quick = QuickTrigger(first_at, times.quick_every_s, self._random)
            nightly = NightlyTrigger(times.complete_at, times.zone)
            # Whether the complete run is due is seen when the turn is taken, so both ask for the same.
            for trigger, name in ((quick, "quick"), (nightly, "nightly")):
                job = f"{name} {point}"
                self._scheduler.add_job(self.ask, trigger, (point, RunKind.DELTA), id=job, replace_existing=True)
            complete_at = next_nightly(now_at, times.complete_at, times.zone)
            upcoming.append(Upcoming(point, first_at, complete_at))
        return upcoming

    def adopt(self, pairs: Mapping[str, str], schedules: Mapping[str, Schedule]) -> None:
        """Serve these points of sale from now on, at these times; what runs comes to its end as it began."""
        gone = [point for point in self._pairs if point not in pairs]
        moved = [point for point in pairs if self.turns.schedules.get(point) != schedules[point]]
        with self._changed:
            self._pairs, self.turns.schedules = dict(pairs), dict(schedules)
            self._dispatcher.serve(pairs)
        for point in gone:
            for name in ("quick", "nightly"):
                with suppress(JobLookupError):
                    self._scheduler.remove_job(f"{name} {point}")
        self._timetable(moved)
        self._keep_new_together()
        for point in pairs:
            self.ask(point, RunKind.DELTA)

    def start(self) -> None:
        """Ask for every point of sale once, new ones first, and begin to work."""
        self._keep_new_together()
        self._first_contacts = frozenset(self._pairs[point] for point in self._new)
        for point in sorted(self._pairs, key=lambda point: point not in self._new):
            self.ask(point, RunKind.DELTA)
        for thread in self._threads:
            thread.start()
        self._scheduler.start()

    def stop(self) -> None:
        """Give no new turns; what runs is told to come to its end."""
        self.stopping.set()
        self._night.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        with self._changed:
            self._changed.notify_all()

    def join(self, timeout_s: float) -> bool:
        """Wait for what runs; True iff all of it came to its end in time."""
        until_s = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(until_s - time.monotonic(), 0))
        return not any(thread.is_alive() for thread in self._threads)

    # workers

    def _work(self) -> None:
        while (turn := self._next_turn()) is not None:
            ended = set()
            try:
                for point, again_at in self.turns.carry_out(turn):
                    ended.add(point)
                    self._end(point, again_at)
                    if self.stopping.is_set():
                        break
            finally:
                # Also where this thread itself ends: nobody must wait for it.
                for point in set(turn.points) - ended:
                    self._end(point, None)
                self._settle_first_contact(turn)

    def _next_turn(self) -> Turn | None:
        told = ""
        while not self.stopping.is_set():
            if self.turns.storage.gone() is not None:
                self.stopping.wait(_DATABASE_AGAIN_S)
                continue
            try:
                barred = self._barred()
            except Exception as error:
                told = self._tell_unanswered(error, told)
                self.stopping.wait(_DATABASE_AGAIN_S)
                continue
            with self._changed:
                if self.stopping.is_set():
                    break
                now_at = self.turns.clock.now_at()
                turn = self._dispatcher.take(now_at, barred)
                if turn is not None:
                    return turn
                self._changed.wait(self._idle_s(now_at, barred))
        return None

    def _tell_unanswered(self, error: Exception, told: str) -> str:
        """Say once why no turn begins; gives what was said."""
        said = str(self.turns.storage.seen_in(error) or "")
        if not said:
            _log.exception("the database cannot be asked for pauses; no turn begins until it can")
        elif said != told:
            _log.error("no turn begins until the database can be asked for pauses. %s", said)
        return said

    def _idle_s(self, now_at: datetime, barred: Collection[str]) -> float:
        due_at = self._dispatcher.next_due_at(barred)
        idle_s = (due_at - now_at).total_seconds() if due_at is not None else _LONGEST_WAIT_S
        is_held_up = any(point in barred for point in self._dispatcher.waiting)
        return min(max(idle_s, _SHORTEST_WAIT_S), _LOOK_AGAIN_S if is_held_up else _LONGEST_WAIT_S)

    def _end(self, point: str, again_at: datetime | None) -> None:
        with self._changed:
            self._dispatcher.ended(point, again_at)
            self._changed.notify_all()

    def _barred(self) -> set[str]:
        """The points of sale that take no turn now: paused, or waiting for the first contact of another of the pair."""
        pauses = self._pauses()
        paused = set(self._pairs) if _EVERYWHERE in pauses else set(pauses) & set(self._pairs)
        meeting = {self._pairs[point] for point in self._new - paused} & self._first_contacts
        return paused | {point for point, pair in self._pairs.items() if pair in meeting and point not in self._new}

    # first contact

    def _settle_first_contact(self, turn: Turn) -> None:
        if not self._new.intersection(turn.points):
            return
        # Once tried, a first contact that failed holds nobody up: it is tried again beside the others.
        sheltered(self._keep_new_together, "first contact")
        with self._changed:
            self._first_contacts -= {self._pairs[point] for point in turn.points}
            self._changed.notify_all()

    def _keep_new_together(self) -> None:
        """Points of sale of a pair that were never synchronised are read together before the first is decided."""
        new = frozenset(self.turns.runs.never_synchronised()) & frozenset(self._pairs)
        groups = [{p for p in new if self._pairs[p] == pair} for pair in sorted({self._pairs[p] for p in new})]
        with self._changed:
            self._new = new
            self._dispatcher.keep_together(groups)

    # house-keeping

    def _keep_house(self) -> None:
        while self._night.wait() and not self.stopping.is_set():
            self._night.clear()
            for hook in self.turns.hooks.nightly:
                if not self.stopping.is_set():
                    sheltered(hook, "house-keeping")


def _scheduler() -> Any:
    defaults = {"coalesce": True, "misfire_grace_time": None, "max_instances": 1}
    return BackgroundScheduler(timezone="UTC", executors={"default": ThreadPoolExecutor(1)}, job_defaults=defaults)

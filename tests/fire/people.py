"""People at work on both sides all the time, by a seed, while systems fail and stocksync is killed under them."""

from __future__ import annotations

import random
import sqlite3
import threading
from pathlib import Path
from types import TracebackType

from stocksync.sandbox.dms_rules import DmsError
from stocksync.sandbox.play import WorkingDay
from stocksync.sandbox.vehicle_module_rules import Problem
from stocksync.stock.values import Side
from tests.fire import chronicle


class People:
    """Work from `with` to its end; whatever a system refuses they leave, as people do.

    per_s: how many things happen in a second, on average. seed: of what they do and to which car; what they find there
    depends on stocksync too.
    """

    def __init__(self, state: Path, *, per_s: float, seed: int) -> None:
        self._state, self._seed, self._per_s = state, seed, per_s
        self._home = threading.Event()
        self._thread = threading.Thread(target=self._work, name="people", daemon=True)
        self.done = 0
        self.refused = 0
        self.failure: BaseException | None = None

    def __enter__(self) -> People:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._home.set()
        self._thread.join()
        if error is None and self.failure is not None:
            raise self.failure

    def _work(self) -> None:
        try:
            chance = random.Random(self._seed)
            with WorkingDay(self._state, seed=self._seed) as day:
                chronicle.note_people(Side.VEHICLE_MODULE, day._place.module.state.sql)
                chronicle.note_people(Side.DMS, day._place.dms.state.sql)
                while not self._home.wait(chance.expovariate(self._per_s)):
                    self._do_one_thing(day)
        except BaseException as failure:
            self.failure = failure

    def _do_one_thing(self, day: WorkingDay) -> None:
        try:
            self.done += sum(1 for _ in day.random_day(1))
        except (Problem, DmsError, sqlite3.OperationalError):
            # Refused, because stocksync or a colleague came first; or closed for a moment.
            self.refused += 1

"""What a run is busy with, noted by somebody who looks on: how long it lists both sides, and how long it delivers."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from stocksync.stock.values import Side
from stocksync.sync.summary import Summary
from stocksync.sync.watching import Nobody, Phase
from tests.bench.ground import Workplace
from tests.bench.measuring import since


@dataclass(frozen=True, slots=True)
class Instant:
    """On the wall, of the processor, and what was counted up to then."""

    wall_s: float
    cpu_s: float
    counts: Mapping[str, int]

    @staticmethod
    def now(counts: Mapping[str, int] | None = None) -> Instant:
        """This one."""
        return Instant(time.perf_counter(), time.process_time(), counts or {})


class Phases(Nobody):
    """Adds up the phases of all runs that it sees, one after the other.

    listing_s, listing_cpu_s: from the beginning of each reading to the last page of either side. writing_s and the
    other two: from when each plan was recorded to the end of its run.
    """

    def __init__(self, counted: Callable[[], Mapping[str, int]]) -> None:
        self._counted = counted
        self._reading: Instant | None = None
        self._page: Instant | None = None
        self._writing: Instant | None = None
        self.listing_s = self.listing_cpu_s = self.writing_s = self.writing_cpu_s = 0.0
        self.writing_counts: Counter[str] = Counter()

    def phase(self, point_of_sale: str, phase: Phase, total: int | None) -> None:
        """Note when it begins; what is delivered once more belongs to the same writing."""
        if phase is Phase.READING:
            self._reading = Instant.now()
        elif self._writing is None:
            self._writing = Instant.now(self._counted())

    def advanced(self, side: Side | None, count: int, total: int | None) -> None:
        """Note when the last page came: writes are told without a side."""
        if side is not None:
            self._page = Instant.now()

    def ended(self, summary: Summary) -> None:
        """Add up."""
        if self._reading is not None and self._page is not None:
            self.listing_s += self._page.wall_s - self._reading.wall_s
            self.listing_cpu_s += self._page.cpu_s - self._reading.cpu_s
        if self._writing is not None:
            now = Instant.now()
            self.writing_s += now.wall_s - self._writing.wall_s
            self.writing_cpu_s += now.cpu_s - self._writing.cpu_s
            self.writing_counts.update(since(dict(self._writing.counts), dict(self._counted())))
        self._reading = self._page = self._writing = None


def watched(workplace: Workplace, counted: Callable[[], Mapping[str, int]] = dict) -> Phases:
    """Look on at a workplace from now on."""
    phases = Phases(counted)
    workplace.group = replace(workplace.group, watcher=phases)
    return phases

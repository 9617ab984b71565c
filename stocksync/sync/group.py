"""Synchronising several points of sale, one after the other; one's trouble never stops another's.

Points of sale that were never synchronised are all read before the first of them is decided, so that a car that
stands at two of them is seen to be one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass

from stocksync.errors import Busy, ConfigurationError, LeaseLost, StocksyncError
from stocksync.mapping.effective import MappingSet, PointOfSaleMapping
from stocksync.stock.values import Side
from stocksync.sync.cycle import Cycle, CycleResult
from stocksync.sync.gather import Gathered
from stocksync.sync.newcomers import newcomers_of
from stocksync.sync.ports import Clock, Store, System
from stocksync.sync.recording import RunKind, RunStatus
from stocksync.sync.stopping import Stop, nobody_stops
from stocksync.sync.summary import Summary
from stocksync.sync.watching import Watcher

OpenSystems = Callable[[PointOfSaleMapping], AbstractContextManager[Mapping[Side, System]]]


@dataclass(frozen=True, slots=True)
class Group:
    """What synchronising any point of sale of a group needs; thorough: see `Cycle`."""

    mappings: MappingSet
    store: Store
    clock: Clock
    open_systems: OpenSystems
    watcher: Watcher
    purpose: str = "sync"
    stop: Stop = nobody_stops
    thorough: bool = False

    def synchronise(
        self, points: Iterable[str], *, dry_run: bool = False, kind: RunKind = RunKind.COMPLETE
    ) -> Iterator[CycleResult]:
        """Synchronise points of sale in order, yielding each result as it is there; kind: what each run looks at."""
        chosen = [self.mappings.points_of_sale[name] for name in points]
        with ExitStack() as stack:
            cycles: list[Cycle] = []
            for point in chosen:
                try:
                    cycles.append(self._cycle(point, stack.enter_context(self.open_systems(point))))
                except ConfigurationError as error:
                    yield self._not_begun(point, kind, error, dry_run=dry_run)
            early = self._gather_newcomers(cycles)
            for pair in {cycle.mapping.pair for cycle in cycles}:
                of_pair = [cycle for cycle in cycles if cycle.mapping.pair == pair]
                found = [(c.mapping, early[c.mapping.id]) for c in of_pair if c.mapping.id in early]
                newcomers = newcomers_of(found)
                for cycle in of_pair:
                    cycle.newcomers = newcomers
            for cycle in cycles:
                yield cycle.run(dry_run=dry_run, gathered=early.pop(cycle.mapping.id, None), kind=kind)

    def run(self, point_of_sale: str, kind: RunKind, hints: Mapping[Side, frozenset[str]] | None = None) -> CycleResult:
        """Run one cycle of one point of sale; a system that cannot be set up ends it like any other fault.

        hints: the ids of the records that a hinted run looks at, by side, and a quick one besides what changed.
        """
        point = self.mappings.points_of_sale[point_of_sale]
        try:
            with self.open_systems(point) as systems:
                return self._cycle(point, systems).run(kind=kind, hints=hints)
        except ConfigurationError as error:
            return self._not_begun(point, kind, error)

    def never_synchronised(self) -> list[str]:
        """The points of sale at first contact; they are read together, by `synchronise`, before any is decided."""
        return [name for name in self.mappings.points_of_sale if self.store.last_complete_run(name) is None]

    def _cycle(self, point: PointOfSaleMapping, systems: Mapping[Side, System]) -> Cycle:
        return Cycle(
            point,
            self.mappings.files,
            systems,
            self.store,
            self.clock,
            self.watcher,
            purpose=self.purpose,
            stop=self.stop,
            thorough=self.thorough,
        )

    def _not_begun(
        self, point: PointOfSaleMapping, kind: RunKind, error: ConfigurationError, *, dry_run: bool = False
    ) -> CycleResult:
        """A run whose systems cannot be set up: kept and told like any other that failed, or nobody would miss it."""
        run_id = None if dry_run else self._kept(point, kind, error)
        summary = Summary(point.id, RunStatus.FAILED, run_id, message=str(error), dry_run=dry_run, kind=kind)
        self.watcher.ended(summary)
        return CycleResult(summary, error=error)

    def _kept(self, point: PointOfSaleMapping, kind: RunKind, error: ConfigurationError) -> int | None:
        """Note a run that failed before it began; None where another one holds the point of sale."""
        now_at = self.clock.now_at()
        with suppress(Busy, LeaseLost), self.store.exclusive(point.id, self.clock, self.purpose) as fence:
            run_id = self.store.begin_run(point.pair, point.id, point.version, self.mappings.files, now_at, kind, fence)
            summary = Summary(point.id, RunStatus.FAILED, run_id, message=str(error), kind=kind)
            self.store.finish_run(run_id, RunStatus.FAILED, now_at, message=str(error), summary=summary.as_json())
            return run_id
        return None

    def _gather_newcomers(self, cycles: list[Cycle]) -> dict[str, Gathered]:
        new = [cycle for cycle in cycles if self.store.last_complete_run(cycle.mapping.id) is None]
        early: dict[str, Gathered] = {}
        for cycle in new if len(new) > 1 else ():
            # A newcomer that cannot be read is read again by its own cycle, which reports what happens.
            with suppress(StocksyncError):
                early[cycle.mapping.id] = cycle.gather()
        return early

"""Synchronising several points of sale, one after the other; one's trouble never stops another's.

Points of sale that were never synchronised are all read before the first of them is decided, so that a car that
stands at two of them is seen to be one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass

from stocksync.errors import ConfigurationError, StocksyncError
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
                    failed = Summary(point.id, RunStatus.FAILED, None, message=str(error), dry_run=dry_run)
                    yield CycleResult(failed, error=error)
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
            return CycleResult(Summary(point.id, RunStatus.FAILED, None, message=str(error)), error=error)

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

    def _gather_newcomers(self, cycles: list[Cycle]) -> dict[str, Gathered]:
        new = [cycle for cycle in cycles if self.store.last_complete_run(cycle.mapping.id) is None]
        early: dict[str, Gathered] = {}
        for cycle in new if len(new) > 1 else ():
            # A newcomer that cannot be read is read again by its own cycle, which reports what happens.
            with suppress(StocksyncError):
                early[cycle.mapping.id] = cycle.gather()
        return early

"""Synchronising several points of sale, one after the other; one's trouble never stops another's.

Points of sale that were never synchronised are all read before the first of them is decided, so that a car that
stands at two of them is seen to be one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass

from stocksync.errors import ConfigurationError, StocksyncError
from stocksync.mapping.effective import MappingSet, PointOfSaleMapping
from stocksync.stock.values import Side
from stocksync.sync.cycle import Cycle, CycleResult, Watcher
from stocksync.sync.gather import Gathered
from stocksync.sync.ports import Clock, Store, System

OpenSystems = Callable[[PointOfSaleMapping], AbstractContextManager[Mapping[Side, System]]]


@dataclass(frozen=True, slots=True)
class Group:
    """What synchronising any point of sale of a group needs."""

    mappings: MappingSet
    store: Store
    clock: Clock
    open_systems: OpenSystems
    watcher: Watcher

    def synchronise(self, points: Iterable[str], *, dry_run: bool = False) -> Iterator[CycleResult]:
        """Synchronise points of sale in order, yielding each result as it is there."""
        chosen = [self.mappings.points_of_sale[name] for name in points]
        with ExitStack() as stack:
            cycles = [self._cycle(point, stack.enter_context(self.open_systems(point))) for point in chosen]
            early = self._gather_newcomers(cycles)
            for cycle in cycles:
                yield self._run(cycle, early, dry_run=dry_run)

    def _cycle(self, point: PointOfSaleMapping, systems: Mapping[Side, System]) -> Cycle:
        return Cycle(point, self.mappings.files, systems, self.store, self.clock, self.watcher)

    def _gather_newcomers(self, cycles: list[Cycle]) -> dict[str, tuple[Cycle, Gathered]]:
        new = [cycle for cycle in cycles if self.store.last_complete_run(cycle.mapping.id) is None]
        if len(new) < 2:
            return {}
        early: dict[str, tuple[Cycle, Gathered]] = {}
        for cycle in new:
            try:
                early[cycle.mapping.id] = (cycle, cycle.gather())
            except ConfigurationError:
                raise
            except StocksyncError:
                continue  # its own cycle reads again, and reports what happens
        return early

    def _run(self, cycle: Cycle, early: Mapping[str, tuple[Cycle, Gathered]], *, dry_run: bool) -> CycleResult:
        own = early.get(cycle.mapping.id)
        cycle.others = tuple(
            (other.mapping, gathered)
            for name, (other, gathered) in early.items()
            if name != cycle.mapping.id and other.mapping.pair == cycle.mapping.pair
        )
        return cycle.run(dry_run=dry_run, gathered=own[1] if own is not None else None)

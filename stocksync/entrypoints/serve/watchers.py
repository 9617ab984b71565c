"""Several who look on at runs, told one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from stocksync.entrypoints.serve.turns import sheltered

if TYPE_CHECKING:
    from stocksync.stock.values import Side
    from stocksync.sync.recording import EntryOutcome, RunKind
    from stocksync.sync.summary import Summary
    from stocksync.sync.watching import Phase, Watcher


class Watchers:
    """Tells each of them what happens; a fault of one is logged, and stops neither a run nor the others."""

    def __init__(self, watchers: Sequence[Watcher]) -> None:
        self._watchers = tuple(watchers)

    def began(self, point_of_sale: str, run_id: int, kind: RunKind) -> None:
        """A run begins."""
        self._tell(point_of_sale, [partial(w.began, point_of_sale, run_id, kind) for w in self._watchers])

    def phase(self, point_of_sale: str, phase: Phase, total: int | None) -> None:
        """A phase begins."""
        self._tell(point_of_sale, [partial(w.phase, point_of_sale, phase, total) for w in self._watchers])

    def advanced(self, side: Side | None, count: int, total: int | None) -> None:
        """So many items of a phase are done."""
        self._tell("a run", [partial(w.advanced, side, count, total) for w in self._watchers])

    def settled(self, point_of_sale: str, run_id: int, outcome: EntryOutcome) -> None:
        """One write came to an end."""
        self._tell(point_of_sale, [partial(w.settled, point_of_sale, run_id, outcome) for w in self._watchers])

    def ended(self, summary: Summary) -> None:
        """A run is over."""
        self._tell(summary.point_of_sale, [partial(w.ended, summary) for w in self._watchers])

    def _tell(self, about: str, calls: Sequence[Callable[[], None]]) -> None:
        for call in calls:
            sheltered(call, about)

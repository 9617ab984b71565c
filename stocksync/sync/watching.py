"""Somebody who looks on while a cycle works: a progress bar, a log, figures; or nobody. Nothing is decided by them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from stocksync.stock.values import Side

if TYPE_CHECKING:
    from stocksync.sync.recording import EntryOutcome, RunKind
    from stocksync.sync.summary import Summary


class Phase(StrEnum):
    """What a cycle is busy with."""

    READING = "reading"
    WRITING = "writing"


class Watcher(Protocol):
    """Told what happens, from the thread that it happens in; several points of sale may be at work at once."""

    def began(self, point_of_sale: str, run_id: int, kind: RunKind) -> None:
        """A run begins; run_id is 0 for one that only shows what it would do."""
        ...

    def phase(self, point_of_sale: str, phase: Phase, total: int | None) -> None:
        """A phase begins, with so many items to go if that is known."""
        ...

    def advanced(self, side: Side | None, count: int, total: int | None) -> None:
        """So many items of a phase are done: all in all for a side, or one batch more for writes."""
        ...

    def settled(self, point_of_sale: str, run_id: int, outcome: EntryOutcome) -> None:
        """One write came to an end, and that is recorded."""
        ...

    def ended(self, summary: Summary) -> None:
        """A run is over, however it ended."""
        ...


class Nobody:
    """Nobody looks on; also what a watcher who cares for a part only begins with."""

    def began(self, point_of_sale: str, run_id: int, kind: RunKind) -> None:
        """Say nothing."""

    def phase(self, point_of_sale: str, phase: Phase, total: int | None) -> None:
        """Say nothing."""

    def advanced(self, side: Side | None, count: int, total: int | None) -> None:
        """Say nothing."""

    def settled(self, point_of_sale: str, run_id: int, outcome: EntryOutcome) -> None:
        """Say nothing."""

    def ended(self, summary: Summary) -> None:
        """Say nothing."""

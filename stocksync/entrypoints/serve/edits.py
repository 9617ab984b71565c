"""Edits of the mapping files while the service runs: looked for every few seconds, taken over between runs.

What an edit does is decided elsewhere: a run whose plan it changes halts until a person accepts it (`sync.cycle`), and
one that is not valid never comes into force (`mapping.in_force`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from stocksync.mapping.effective import MappingSet
from stocksync.mapping.in_force import MappingsInForce
from stocksync.stock.values import Side
from stocksync.sync.cycle import CycleResult
from stocksync.sync.group import Group
from stocksync.sync.recording import RunKind

EVERY_S: Final = 2.0
_log = logging.getLogger(__name__)


class CurrentRuns:
    """Runs by the mapping files that are in force when each begins; see `serve.turns.Runs`."""

    def __init__(self, in_force: MappingsInForce, group: Callable[[MappingSet], Group]) -> None:
        self._in_force, self._group = in_force, group

    def synchronise(self, points: Sequence[str]) -> Iterator[CycleResult]:
        """Synchronise points of sale, reading those that never were before the first is decided."""
        return self._group(self._in_force.now).synchronise(points)

    def run(self, point_of_sale: str, kind: RunKind, hints: Mapping[Side, frozenset[str]] | None = None) -> CycleResult:
        """Run one cycle of one point of sale."""
        return self._group(self._in_force.now).run(point_of_sale, kind, hints)

    def never_synchronised(self) -> list[str]:
        """The points of sale at first contact."""
        return self._group(self._in_force.now).never_synchronised()


def look_for_edits(in_force: MappingsInForce, adopt: Callable[[MappingSet], None]) -> None:
    """Look at the mapping files once; adopt: told of files that come into force."""
    looked = in_force.look()
    if looked.refused:
        _log.error("the edited mapping files are not taken over, runs go on by those before: %s", looked.refused)
    if looked.adopted is not None:
        adopt(looked.adopted)
        _log.info("the mapping files were edited; runs work by the new ones from now on")

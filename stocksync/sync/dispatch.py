"""Whose turn it is: what is wanted for each point of sale, what runs, and what comes next.

A state machine without threads and without a clock: every instant is handed in, and whoever shares it among threads
locks it. Not here: when something is wanted (`timetable`), and who carries a turn out (`entrypoints.serve`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from stocksync.stock.values import Side
from stocksync.sync.recording import RunKind

MAX_HINTS: Final = 500
"""Of one point of sale; more records than that are read in one listing of what changed."""

Hints = Mapping[Side, frozenset[str]]

_NO_HINTS: Final[Hints] = {}
_WEIGHT: Final = {RunKind.HINTED: 0, RunKind.DELTA: 1, RunKind.COMPLETE: 2}


@dataclass(frozen=True, slots=True)
class Turn:
    """What one worker is to do now.

    points: more than one only where points of sale are read together for the first time. hints: the ids of the records
    that were named, by side; a delta run has them too, a complete one none.
    """

    number: int
    points: tuple[str, ...]
    kind: RunKind
    hints: Hints = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Want:
    """What waits for one point of sale: one run, whatever it was asked for how often.

    order: of asking, among all points of sale.
    """

    order: int
    kind: RunKind
    due_at: datetime
    hints: Hints = field(default_factory=dict)


class Dispatcher:
    """The turns of all points of sale.

    - A point of sale is in one turn at a time; what is asked meanwhile is remembered once.
    - A complete run stands for everything that was asked, a delta run for every hint.
    - Turns are given in the order of asking, and who was served goes to the end of the queue: nobody is served twice
      while somebody else could have been served and was not.
    - A hinted run is due so long after its first hint; later ones join it and do not put it off.
    """

    def __init__(self, points: Iterable[str], at_once: int, debounce: timedelta) -> None:
        """at_once: how many turns may be carried out at the same time."""
        self._points = frozenset(points)
        self._at_once = at_once
        self._debounce = debounce
        self._wants: dict[str, Want] = {}
        self._running: dict[str, Turn] = {}
        self._held_until: dict[str, datetime] = {}
        self._together: Mapping[str, frozenset[str]] = {}
        self._asked = 0
        self._given = 0

    # asking

    def ask(self, point_of_sale: str, kind: RunKind, now_at: datetime, hints: Hints = _NO_HINTS) -> None:
        """Want a run; it joins what is wanted there already. Raises KeyError for an unknown point of sale."""
        if point_of_sale not in self._points:
            raise KeyError(point_of_sale)
        due_at = now_at + self._debounce if kind is RunKind.HINTED else now_at
        self._remember(point_of_sale, kind, due_at, hints)

    def serve(self, points: Iterable[str]) -> None:
        """Know these points of sale from now on; what is wanted for others is forgotten, what runs comes to its end."""
        self._points = frozenset(points)
        self._wants = {point: want for point, want in self._wants.items() if point in self._points}

    def keep_together(self, groups: Iterable[Collection[str]]) -> None:
        """Points of sale that take one turn together as long as this holds; it replaces what was said before."""
        self._together = {point: frozenset(group) for group in groups for point in group}

    # turns

    def take(self, now_at: datetime, barred: Collection[str] = ()) -> Turn | None:
        """Give the next turn; None where nothing is due or enough are at work.

        barred: points of sale that take no turn now and keep what they want.
        """
        if len({turn.number for turn in self._running.values()}) >= self._at_once:
            return None
        ready = [point for point in self._wants if self._is_free(point, barred) and self._due_at(point) <= now_at]
        if not ready:
            return None
        first = min(ready, key=lambda point: self._wants[point].order)
        others = [p for p in sorted(self._together.get(first, ())) if p != first and self._is_free(p, barred)]
        companions = [p for p in others if self._held_until.get(p, now_at) <= now_at]
        self._given += 1
        wanted = self._wants[first]
        turn = Turn(self._given, (first, *companions), wanted.kind, wanted.hints)
        if companions:
            turn = replace(turn, kind=RunKind.COMPLETE, hints={})
        for point in turn.points:
            self._wants.pop(point, None)
            self._running[point] = turn
        return turn

    def ended(self, point_of_sale: str, again_at: datetime | None = None) -> None:
        """A point of sale is done with its turn. again_at: it is to have the same again, and nothing before."""
        turn = self._running.pop(point_of_sale)
        if again_at is not None and point_of_sale in self._points:
            self._held_until[point_of_sale] = again_at
            self._remember(point_of_sale, turn.kind, again_at, turn.hints)

    def let_go(self, point_of_sale: str) -> None:
        """Nothing that ended before holds a point of sale back any more."""
        self._held_until.pop(point_of_sale, None)

    def next_due_at(self, barred: Collection[str] = ()) -> datetime | None:
        """When the next turn could be due; None where nothing is wanted of anybody who is free."""
        return min((self._due_at(point) for point in self._wants if self._is_free(point, barred)), default=None)

    # how it stands

    @property
    def running(self) -> Mapping[str, Turn]:
        """The turns that are being carried out, by point of sale."""
        return dict(self._running)

    @property
    def waiting(self) -> Mapping[str, Want]:
        """What is wanted and has no turn yet, by point of sale."""
        return dict(self._wants)

    def _remember(self, point: str, kind: RunKind, due_at: datetime, hints: Hints) -> None:
        known = self._wants.get(point)
        if known is None:
            self._asked += 1
            wanted = Want(self._asked, kind, due_at, _merged(hints, {}))
        else:
            both = max(kind, known.kind, key=_WEIGHT.__getitem__)
            wanted = Want(known.order, both, min(due_at, known.due_at), _merged(known.hints, hints))
        if sum(map(len, wanted.hints.values())) > MAX_HINTS:
            wanted = replace(wanted, kind=max(wanted.kind, RunKind.DELTA, key=_WEIGHT.__getitem__), hints={})
        if wanted.kind is RunKind.COMPLETE:
            wanted = replace(wanted, hints={})
        self._wants[point] = wanted

    def _is_free(self, point: str, barred: Collection[str]) -> bool:
        return point not in self._running and point not in barred

    def _due_at(self, point: str) -> datetime:
        due_at = self._wants[point].due_at
        return max(due_at, self._held_until.get(point, due_at))


def _merged(first: Hints, second: Hints) -> Hints:
    sides = {*first, *second}
    merged = {side: first.get(side, frozenset()) | second.get(side, frozenset()) for side in sorted(sides)}
    return {side: ids for side, ids in merged.items() if ids}

"""How it stands, as values: what `status`, metrics, alerts and readiness are made of. Pure.

Read from the database alone, so that every process sees the same. Not here: how a state is worded or sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from stocksync.stock.reconcile import Category
from stocksync.stock.values import Side
from stocksync.sync.recording import RunKind, RunStatus

CONFLICT_AGES: Final = (timedelta(days=1), timedelta(days=3), timedelta(days=7), timedelta(days=30))
"""The upper ends of the age groups in which open conflicts are counted; the last group has no end."""

MANY_FAILURES: Final = 100
"""Failures in a row are counted up to here: more tell nobody anything."""

_PATIENCE: Final = timedelta(minutes=30)
_TURNS_MISSED: Final = 3


def allowed_age(quick_every_min: int) -> timedelta:
    """How long ago a point of sale's last good run may have begun, by its schedule: a few turns, or half an hour."""
    return max(_TURNS_MISSED * timedelta(minutes=quick_every_min), _PATIENCE)


class GateState(StrEnum):
    """How a system's gate stands; an open gate lets requests through."""

    OPEN = "open"
    CLOSED = "closed"
    TRYING = "trying"
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class GateHealth:
    """One system's gate: closed by failures in a row, or by a refused key. system: as the mapping calls it."""

    system: str
    state: GateState
    reason: str = ""
    since: datetime | None = None
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """Who told stocksync to leave a point of sale alone, and why; point_of_sale "" stands for all of them."""

    point_of_sale: str
    paused_by: str
    reason: str
    paused_at: datetime


@dataclass(frozen=True, slots=True)
class RunShown:
    """A run, as far as people ask about it; halts: what each guard that halted it said, as its summary keeps it."""

    run_id: int
    kind: RunKind
    status: RunStatus
    started_at: datetime
    finished_at: datetime | None = None
    message: str | None = None
    halts: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class PointHealth:
    """One point of sale.

    last: the newest run. last_good: the newest that came to its end, of any kind; last_complete: of the complete ones.
    halted: the newest run that a guard halted, iff nobody released it and none that sees as much came to its end
    since; a run at work, or one that failed since, leaves it halted. last_failed: the newest that failed or could not
    finish.
    failed_in_a_row: how many did since the newest run that did neither; at most MANY_FAILURES. at_work: who holds the
    point of sale now, since at_work_since; None iff nobody. backlog: outbox entries that are on their way, the oldest
    of them since `backlog_since`. open_by_category, conflicts_by_age: open conflicts that nobody decided to leave as
    they are; the latter has one figure more than CONFLICT_AGES has ends, the youngest first. marks: up to when, on
    each side's own clock, its changes were all seen. paused: its own pause, else the one of all points of sale.
    broken_off: why its newest runs broke off and could not even be kept; known to the process that ran them alone, and
    counted with the failures in a row there.
    """

    point_of_sale: str
    last: RunShown | None = None
    last_good: RunShown | None = None
    last_complete: RunShown | None = None
    halted: RunShown | None = None
    last_failed: RunShown | None = None
    failed_in_a_row: int = 0
    at_work: str | None = None
    at_work_since: datetime | None = None
    paused: Pause | None = None
    backlog: int = 0
    backlog_since: datetime | None = None
    open_by_category: Mapping[Category, int] = field(default_factory=dict)
    conflicts_by_age: tuple[int, ...] = ()
    marks: Mapping[Side, str] = field(default_factory=dict)
    broken_off: str = ""

    def lag_s(self, now_at: datetime) -> float | None:
        """Seconds since the beginning of the last run that came to its end; None before the first one."""
        return (now_at - self.last_good.started_at).total_seconds() if self.last_good is not None else None

    def is_stale(self, now_at: datetime, allowed: timedelta) -> bool:
        """Tell whether it is longer ago than is allowed; a paused point of sale is not stale."""
        lag_s = self.lag_s(now_at)
        return self.paused is None and lag_s is not None and lag_s > allowed.total_seconds()


class Condition(StrEnum):
    """A point of sale in one word: the first that holds."""

    HALTED = "halted"
    PAUSED = "paused"
    FAILING = "failing"
    NEVER = "never"
    STALE = "stale"
    GOOD = "good"


def condition(point: PointHealth, now_at: datetime, allowed: timedelta) -> Condition:
    """Say in one word how a point of sale stands; allowed: how long ago its last good run may have begun.

    Whoever is paused is neither failing nor late: it does what it was told.
    """
    holds = {
        Condition.HALTED: point.halted is not None,
        Condition.PAUSED: point.paused is not None,
        Condition.FAILING: point.failed_in_a_row > 0,
        Condition.NEVER: point.last_good is None,
        Condition.STALE: point.is_stale(now_at, allowed),
    }
    return next((word for word, is_so in holds.items() if is_so), Condition.GOOD)


@dataclass(frozen=True, slots=True)
class Health:
    """The whole group.

    edit_refused: what is wrong with edited mapping files that are not in force, "" for nothing. storage: what keeps
    runs from being kept in the database, as the process that runs them knows; "" for nothing.
    """

    points: tuple[PointHealth, ...]
    gates: tuple[GateHealth, ...] = ()
    edit_refused: str = ""
    storage: str = ""

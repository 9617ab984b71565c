"""Figures for Prometheus: what this process counted, and how everything stands.

Label values come from closed lists and from the mapping files: no car, no record, nothing that a caller wrote. How
everything stands is read from the database when it is asked for, see `standing`.
"""

from __future__ import annotations

import platform
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from stocksync import __version__
from stocksync.entrypoints.http.bounds import Monotonic, Remembered
from stocksync.entrypoints.http.hooks import Outcome
from stocksync.entrypoints.http.standing import Standing
from stocksync.stock.values import SIDES
from stocksync.sync.recording import EntryOutcome, EntryStatus, RunKind, RunStatus
from stocksync.sync.watching import Nobody

if TYPE_CHECKING:
    from stocksync.sync.health import Health
    from stocksync.sync.summary import Summary

HEALTH_FOR_S: Final = 5.0
"""For how long a reading of the database serves, so that scrapes cannot hurt."""

_DURATIONS_S: Final = (0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
_WRITE_OUTCOMES: Final = ("delivered", "refused", "stale", "failed", "unknown", "not_sent")
_RUN_ENDS: Final = tuple(status for status in RunStatus if status not in (RunStatus.RUNNING, RunStatus.RELEASED))


class Metrics:
    """One process's figures, in a registry of their own.

    systems: the names of those that may send webhooks.
    """

    def __init__(self, systems: Iterable[str] = (), monotonic_s: Monotonic = time.monotonic) -> None:
        # When each series was first counted doubles the page and answers nothing that this process's start does not.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._systems = frozenset(systems)
        self._hooks = Counter(
            "stocksync_hooks",
            "Webhooks that came, by system and what became of them; unknown_system and refused are not the system's.",
            ("system", "outcome"),
            registry=self.registry,
        )
        for system in self._systems:
            for outcome in Outcome:
                self._hooks.labels(system, outcome.value)
        self.watcher = MetricsWatcher(self.registry, monotonic_s)
        Info("stocksync_build", "Which stocksync this is; the value is always 1.", registry=self.registry).info(
            {"version": __version__, "python": platform.python_version()}
        )
        ProcessCollector(registry=self.registry)

    def show(self, health: Callable[[], Health]) -> None:
        """Show how everything stands as well, read where the last reading is old."""
        self.registry.register(Standing(Remembered(health, HEALTH_FOR_S).get))

    def hook_came(self, system: str, outcome: Outcome) -> None:
        """Count a webhook; a name that a caller made up is no label."""
        self._hooks.labels(system if system in self._systems else "", outcome.value).inc()

    def text(self) -> bytes:
        """Everything, as Prometheus reads it; from any thread."""
        return generate_latest(self.registry)


class MetricsWatcher(Nobody):
    """Counts runs and writes; from any thread. Dry runs count for nothing."""

    def __init__(self, registry: CollectorRegistry, monotonic_s: Monotonic = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._lock = threading.Lock()
        self._begun: dict[str, tuple[int, RunKind, float]] = {}
        self._runs = Counter(
            "stocksync_runs",
            "Runs that ended since this process began, by what they looked at and how they ended; halted ones wait for "
            "a person.",
            ("kind", "status"),
            registry=registry,
        )
        self._durations = Histogram(
            "stocksync_run_duration_seconds",
            "How long runs took from beginning to end, by what they looked at.",
            ("kind",),
            buckets=_DURATIONS_S,
            registry=registry,
        )
        self._writes = Counter(
            "stocksync_writes",
            "Requests to write that came to an end, by side: delivered (partly refused ones too), refused by the side, "
            "stale (the record had moved; planned afresh), failed, unknown (no answer; the next run reads what the "
            "side holds), not_sent (the side asked for a pause or did not accept our key).",
            ("side", "outcome"),
            registry=registry,
        )
        for kind in RunKind:
            self._durations.labels(kind.value)
            for status in _RUN_ENDS:
                self._runs.labels(kind.value, status.value)
        for side in SIDES:
            for outcome in _WRITE_OUTCOMES:
                self._writes.labels(side.value, outcome)

    def began(self, point_of_sale: str, run_id: int, kind: RunKind) -> None:
        """Note when."""
        if run_id:
            with self._lock:
                self._begun[point_of_sale] = (run_id, kind, self._monotonic_s())

    def settled(self, point_of_sale: str, run_id: int, outcome: EntryOutcome) -> None:
        """Count a write."""
        self._writes.labels(outcome.entry.operation.side.value, _outcome_of(outcome)).inc()

    def ended(self, summary: Summary) -> None:
        """Count a run, and how long it took."""
        if summary.dry_run:
            return
        with self._lock:
            begun = self._begun.pop(summary.point_of_sale, None)
        if begun is None or begun[0] != summary.run_id:
            # It ended before it began: a system that could not be set up, or a database that did not answer.
            self._runs.labels("none", summary.status.value).inc()
            return
        _, kind, since_s = begun
        self._runs.labels(kind.value, summary.status.value).inc()
        self._durations.labels(kind.value).observe(self._monotonic_s() - since_s)


def _outcome_of(outcome: EntryOutcome) -> str:
    match outcome.status:
        case EntryStatus.DELIVERED:
            return "delivered"
        case EntryStatus.STALE:
            return "stale"
        case EntryStatus.CLAIMED:
            return "unknown"
        case EntryStatus.FAILED:
            return "refused" if outcome.refused else "failed"
        case _:
            return "not_sent"

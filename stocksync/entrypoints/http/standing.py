"""How everything stands, as Prometheus reads it: one reading of Health, in gauges."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from stocksync.stock.reconcile import Category
from stocksync.sync.health import CONFLICT_AGES, GateState, Health, PointHealth

Metric = GaugeMetricFamily

_log = logging.getLogger(__name__)


def _age_groups() -> tuple[str, ...]:
    ends = [f"{age // timedelta(days=1)}d" for age in CONFLICT_AGES]
    between = (f"{lower}_to_{upper}" for lower, upper in pairwise(ends))
    return (f"under_{ends[0]}", *between, f"over_{ends[-1]}")


AGE_GROUPS: Final = _age_groups()
_REPORTED: Final = (Category.CONFLICT, Category.HELD, Category.REFUSED)
"""Shown even when there are none, so that a series does not end with its last conflict."""


class Standing(Collector):
    """Reads Health whenever the registry is asked."""

    def __init__(self, health: Callable[[], Health], now: Callable[[], datetime] | None = None) -> None:
        self._health = health
        self._now = now or (lambda: datetime.now(UTC))

    def collect(self) -> Iterator[Metric]:
        """Give every gauge; only that the database does not answer, where it does not."""
        up = Metric("stocksync_database_up", "1 iff the database answered this scrape; if not, nothing else is told.")
        try:
            health = self._health()
        except Exception as error:
            # Its text may hold an address with a password.
            _log.warning("how everything stands cannot be read: %s", type(error).__name__)
            up.add_metric((), 0)
            yield up
            return
        up.add_metric((), 1)
        yield up
        now_at = self._now()
        yield from _runs(health.points, now_at)
        yield from _conflicts(health.points)
        yield from _outboxes(health.points, now_at)
        yield from _states(health.points)
        yield _gates(health)
        yield Metric(
            "stocksync_mapping_refused",
            "1 iff the mapping files in the folder cannot come into force: runs go on by those before.",
            value=float(bool(health.edit_refused)),
        )


def _of_points(name: str, text: str, values: Iterable[tuple[PointHealth, float | None]]) -> Metric:
    """One figure for each point of sale that has it."""
    metric = Metric(name, text, labels=("point_of_sale",))
    for point, value in values:
        if value is not None:
            metric.add_metric((point.point_of_sale,), value)
    return metric


def _runs(points: tuple[PointHealth, ...], now_at: datetime) -> Iterator[Metric]:
    yield _of_points(
        "stocksync_lag_seconds",
        "Seconds since the beginning of the last run that came to its end: how old the agreement may be. Missing "
        "before the first one.",
        ((point, point.lag_s(now_at)) for point in points),
    )
    yield _of_points(
        "stocksync_last_good_run_timestamp_seconds",
        "When the last run of any kind that came to its end began; 0 iff there was none.",
        ((p, p.last_good.started_at.timestamp() if p.last_good is not None else 0) for p in points),
    )
    yield _of_points(
        "stocksync_last_complete_run_timestamp_seconds",
        "When the last run that read everything and came to its end began; 0 iff there was none.",
        ((p, p.last_complete.started_at.timestamp() if p.last_complete is not None else 0) for p in points),
    )
    yield _of_points(
        "stocksync_failed_runs_in_a_row",
        "Runs that failed or could not finish since the last one that did neither.",
        ((point, point.failed_in_a_row) for point in points),
    )


def _conflicts(points: tuple[PointHealth, ...]) -> Iterator[Metric]:
    by_category = Metric(
        "stocksync_conflicts_open",
        "Open rows of the conflict report, by category: each waits for a person or for a system.",
        labels=("point_of_sale", "category"),
    )
    by_age = Metric(
        "stocksync_conflicts_open_by_age",
        "The same rows, by how long they have been open.",
        labels=("point_of_sale", "age"),
    )
    for point in points:
        for category in (*_REPORTED, *sorted(set(point.open_by_category) - set(_REPORTED))):
            count = point.open_by_category.get(category, 0)
            by_category.add_metric((point.point_of_sale, category.value), count)
        counts = point.conflicts_by_age or (0,) * len(AGE_GROUPS)
        for group, count in zip(AGE_GROUPS, counts, strict=True):
            by_age.add_metric((point.point_of_sale, group), count)
    yield by_category
    yield by_age


def _outboxes(points: tuple[PointHealth, ...], now_at: datetime) -> Iterator[Metric]:
    yield _of_points(
        "stocksync_outbox_entries",
        "Writes that are planned and not settled yet.",
        ((point, point.backlog) for point in points),
    )
    yield _of_points(
        "stocksync_outbox_oldest_age_seconds",
        "Since when the oldest of them is on its way; 0 iff there is none.",
        ((p, (now_at - p.backlog_since).total_seconds() if p.backlog_since is not None else 0) for p in points),
    )


def _states(points: tuple[PointHealth, ...]) -> Iterator[Metric]:
    yield _of_points(
        "stocksync_paused",
        "1 iff somebody told stocksync to leave the point of sale alone.",
        ((point, point.paused is not None) for point in points),
    )
    yield _of_points(
        "stocksync_halted",
        "1 iff a guard refused the newest run and nobody has released it: nothing is written until a person looks.",
        ((point, point.halted is not None) for point in points),
    )
    yield _of_points(
        "stocksync_at_work",
        "1 iff a run holds the point of sale at present.",
        ((point, point.at_work is not None) for point in points),
    )


def _gates(health: Health) -> Metric:
    metric = Metric(
        "stocksync_gate_state",
        "1 for the state that the gate to a system is in: open lets requests through, closed after failures in a row, "
        "trying lets one through, denied since the system refused our key.",
        labels=("system", "state"),
    )
    for gate in health.gates:
        for state in GateState:
            metric.add_metric((gate.system, state.value), gate.state is state)
    return metric

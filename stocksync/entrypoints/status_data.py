"""How the group stands, for programs: every figure of `stocksync status`, whatever the screen folds.

Keys are only ever added. Instants are ISO 8601 with their offset, lengths in seconds; what is not known is null.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from stocksync.entrypoints.status_view import StatusView
from stocksync.sync.health import CONFLICT_AGES, Condition, GateHealth, PointHealth, RunShown


def status_data(view: StatusView) -> dict[str, Any]:
    """Everything that is known, in the order of the mapping files."""
    points = view.health.points
    numbers = view.conditions(points)
    return {
        "at": view.now_at.isoformat(),
        "summary": {"points_of_sale": len(points), **{word.value: numbers.get(word, 0) for word in Condition}},
        "gates": [_gate(gate) for gate in view.health.gates],
        "points_of_sale": [_point(view, point) for point in points],
    }


def _point(view: StatusView, point: PointHealth) -> dict[str, Any]:
    mapping = view.mappings.get(point.point_of_sale)
    good = point.last_good
    ended_at = (good.finished_at or good.started_at) if good is not None else None
    lag_s = point.lag_s(view.now_at)
    return {
        "point_of_sale": point.point_of_sale,
        "name": mapping.name if mapping is not None else None,
        "in_mapping": mapping is not None,
        "state": view.condition(point).value,
        "last_done": _run(good),
        "last_complete": _run(point.last_complete),
        "age_s": int((view.now_at - ended_at).total_seconds()) if ended_at is not None else None,
        "lag_s": int(lag_s) if lag_s is not None else None,
        "last": _run(point.last),
        "failed_in_a_row": point.failed_in_a_row,
        "at_work": {"holder": point.at_work, "since": _instant(point.at_work_since)} if point.at_work else None,
        "paused": _pause(point),
        "open": {category.value: number for category, number in sorted(point.open_by_category.items())},
        "open_by_age": _ages(point),
        "unsent": point.backlog,
        "unsent_since": _instant(point.backlog_since),
        "marks": {side.value: mark for side, mark in sorted(point.marks.items())},
        "halted": {**_facts(point.halted), "why": view.why(point, point.halted)} if point.halted else None,
        "recent_runs": _runs(view.recent.get(point.point_of_sale)),
    }


def _runs(runs: Sequence[RunShown] | None) -> list[dict[str, Any]] | None:
    """The newest runs of a point of sale that was named; null for the others."""
    return [_facts(run) for run in runs] if runs is not None else None


def _pause(point: PointHealth) -> dict[str, Any] | None:
    paused = point.paused
    if paused is None:
        return None
    return {
        "by": paused.paused_by,
        "reason": paused.reason,
        "since": paused.paused_at.isoformat(),
        "all_points_of_sale": paused.point_of_sale == "",
    }


def _ages(point: PointHealth) -> list[dict[str, int | None]]:
    ends = [end.days for end in CONFLICT_AGES]
    return [
        {"less_than_days": days, "rows": rows} for days, rows in zip([*ends, None], point.conflicts_by_age, strict=True)
    ]


def _gate(gate: GateHealth) -> dict[str, Any]:
    return {
        "system": gate.system,
        "state": gate.state.value,
        "reason": gate.reason,
        "since": _instant(gate.since),
        "retry_at": _instant(gate.retry_at),
    }


def _run(run: RunShown | None) -> dict[str, Any] | None:
    return _facts(run) if run is not None else None


def _facts(run: RunShown) -> dict[str, Any]:
    return {
        "run": run.run_id,
        "kind": run.kind.value,
        "status": run.status.value,
        "started_at": run.started_at.isoformat(),
        "finished_at": _instant(run.finished_at),
        "message": run.message,
    }


def _instant(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None

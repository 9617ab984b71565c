"""How it stands, read from the database for all points of sale at once.

Every process that asks gets the same answer, whichever of them does the work. The number of statements is the same for
one point of sale and for three hundred, each goes through an index, and all see one instant of the database; neither
settled outbox entries nor old runs are looked through. In plain SQL, so that `status` need not import SQLAlchemy. Not
here: what the figures mean, which is `sync.health`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from stocksync.adapters.store.plain import Nothing, Reader, SqliteFile, instant, reading
from stocksync.stock.reconcile import Category
from stocksync.stock.values import Side
from stocksync.sync.health import (
    CONFLICT_AGES,
    MANY_FAILURES,
    GateHealth,
    GateState,
    Health,
    Pause,
    PointHealth,
    RunShown,
)
from stocksync.sync.recording import EntryStatus, RunKind, RunStatus

if TYPE_CHECKING:
    from sqlalchemy import Engine

    Source = Engine | SqliteFile | Nothing

_ON_THEIR_WAY: Final = f"'{EntryStatus.PENDING.value}', '{EntryStatus.CLAIMED.value}'"
_FAILURES: Final = (RunStatus.FAILED.value, RunStatus.INCOMPLETE.value)
_EVERYWHERE: Final = ""

_Runs = Mapping[tuple[str, RunStatus], RunShown]
"""The newest run of each point of sale and status."""


def health(source: Source, points: Sequence[str], now: datetime) -> Health:
    """Read how these points of sale stand, in their order, and how each system's gate stands.

    now: an aware instant; conflicts are aged by it, and a lease that has run out by then is nobody's.
    """
    names = list(dict.fromkeys(points))
    with reading(source) as reader:
        gates = _gates(reader)
        if not names:
            return Health((), gates)
        newest, complete = _newest_runs(reader, names), _newest_complete(reader, names)
        failures = _failed_in_a_row(reader, names, newest)
        open_by_category, by_age = _conflicts(reader, names, now)
        backlogs, leases = _backlogs(reader), _leases(reader, names, now)
        pauses, marks = _pauses(reader, names), _marks(reader, names)
    return Health(
        tuple(
            PointHealth(
                name,
                last=_latest(newest, name, *RunStatus),
                last_good=newest.get((name, RunStatus.DONE)),
                last_complete=complete.get(name),
                halted=_halted(newest, complete, name),
                last_failed=_latest(newest, name, *map(RunStatus, _FAILURES)),
                failed_in_a_row=failures.get(name, 0),
                at_work=leases.get(name, (None, None))[0],
                at_work_since=leases.get(name, (None, None))[1],
                paused=pauses.get(name) or pauses.get(_EVERYWHERE),
                backlog=backlogs.get(name, (0, None))[0],
                backlog_since=backlogs.get(name, (0, None))[1],
                open_by_category=open_by_category.get(name, {}),
                conflicts_by_age=tuple(by_age.get(name, [0] * (len(CONFLICT_AGES) + 1))),
                marks=marks.get(name, {}),
            )
            for name in names
        ),
        gates,
    )


def known_points(source: Source) -> list[str]:
    """The points of sale that ever had a run, in order of their names; those that left the mapping too."""
    # Asking for the next name each time passes over the runs of a point of sale; DISTINCT would read every one.
    with reading(source) as reader:
        found = reader.rows(
            """
            WITH RECURSIVE known(name) AS (
                SELECT min(point_of_sale) FROM run
                UNION ALL
                SELECT (SELECT min(point_of_sale) FROM run WHERE point_of_sale > known.name)
                FROM known WHERE known.name IS NOT NULL
            )
            SELECT name FROM known WHERE name IS NOT NULL
            """
        )
    return [name for (name,) in found]


def recent_runs(source: Source, point: str, number: int) -> list[RunShown]:
    """The newest runs of a point of sale, the newest first."""
    # One search for each status: the index is by status before it is by number.
    newest = " UNION ALL ".join(
        f"SELECT id FROM (SELECT id FROM run WHERE point_of_sale = :point AND status = '{status.value}' "
        f"ORDER BY id DESC LIMIT :number) AS {status.value}"
        for status in RunStatus
    )
    sql = f"SELECT {_SHOWN} FROM run WHERE id IN ({newest}) ORDER BY id DESC LIMIT :number"
    with reading(source) as reader:
        return [_run(row) for row in reader.rows(sql, {"point": point, "number": number})]


def _newest_runs(reader: Reader, names: Sequence[str]) -> _Runs:
    point, values = _points(names)
    statuses = ", ".join(f"('{status.value}')" for status in RunStatus)
    # Summaries are long, and only what a guard said is asked for.
    rows = reader.rows(
        f"""
        WITH {point}, wanted(status) AS (VALUES {statuses})
        SELECT {_SHOWN}, CASE WHEN run.status = '{RunStatus.HALTED.value}' THEN run.summary END
        FROM point CROSS JOIN wanted JOIN run ON run.id = (
            SELECT newest.id FROM run AS newest
            WHERE newest.point_of_sale = point.name AND newest.status = wanted.status
            ORDER BY newest.id DESC LIMIT 1
        )
        """,
        values,
    )
    found = [(row[1], _run(row, row[-1])) for row in rows]
    return {(name, run.status): run for name, run in found}


def _newest_complete(reader: Reader, names: Sequence[str]) -> dict[str, RunShown]:
    point, values = _points(names)
    rows = reader.rows(
        f"""
        WITH {point}
        SELECT {_SHOWN}
        FROM point JOIN run ON run.id = (
            SELECT newest.id FROM run AS newest
            WHERE newest.point_of_sale = point.name AND newest.status = '{RunStatus.DONE.value}'
                AND newest.kind = '{RunKind.COMPLETE.value}'
            ORDER BY newest.id DESC LIMIT 1
        )
        """,
        values,
    )
    return {row[1]: _run(row) for row in rows}


def _failed_in_a_row(reader: Reader, names: Sequence[str], newest: _Runs) -> dict[str, int]:
    better = [status for status in RunStatus if status not in (RunStatus.RUNNING, *map(RunStatus, _FAILURES))]
    since = [found.run_id if (found := _latest(newest, name, *better)) else 0 for name in names]
    point = ", ".join(f"(:name{i}, {run_id:d})" for i, run_id in enumerate(since))
    counted = ", ".join(
        f"""(SELECT count(*) FROM (
            SELECT run.id FROM run
            WHERE run.point_of_sale = point.name AND run.status = '{status}' AND run.id > point.run_id
            LIMIT {MANY_FAILURES}
        ) AS {status})"""
        for status in _FAILURES
    )
    rows = reader.rows(
        f"WITH point(name, run_id) AS (VALUES {point}) SELECT name, {counted} FROM point", _points(names)[1]
    )
    return {name: min(sum(counts), MANY_FAILURES) for name, *counts in rows}


def _conflicts(
    reader: Reader, names: Sequence[str], now: datetime
) -> tuple[dict[str, dict[Category, int]], dict[str, list[int]]]:
    point, values = _points(names)
    ends = {f"end{i}": reader.bound(now - end) for i, end in enumerate(CONFLICT_AGES)}
    groups = " ".join(f"WHEN conflict.opened_at > :end{i} THEN {i}" for i in range(len(CONFLICT_AGES)))
    rows = reader.rows(
        f"""
        WITH {point}
        SELECT point.name, conflict.category, CASE {groups} ELSE {len(CONFLICT_AGES)} END AS age, count(*)
        FROM point JOIN conflict ON conflict.point_of_sale = point.name AND conflict.closed_at IS NULL
        WHERE conflict.ignored_by IS NULL
        GROUP BY point.name, conflict.category, age
        """,
        {**values, **ends},
    )
    by_category: dict[str, dict[Category, int]] = {}
    by_age: dict[str, list[int]] = {}
    for name, said, age, number in rows:
        categories = by_category.setdefault(name, {})
        category = Category(said)
        categories[category] = categories.get(category, 0) + number
        by_age.setdefault(name, [0] * (len(CONFLICT_AGES) + 1))[age] += number
    return by_category, by_age


def _backlogs(reader: Reader) -> dict[str, tuple[int, datetime | None]]:
    """Count what is on its way, of all points of sale: the index is by status, and few entries are."""
    rows = reader.rows(
        f"SELECT point_of_sale, count(*), min(created_at) FROM outbox WHERE status IN ({_ON_THEIR_WAY}) "
        "GROUP BY point_of_sale"
    )
    return {name: (number, _instant(since)) for name, number, since in rows}


def _leases(reader: Reader, names: Sequence[str], now: datetime) -> dict[str, tuple[str | None, datetime | None]]:
    rows = _of_points(reader, names, "lease", "point_of_sale, holder, acquired_at, expires_at")
    return {name: (holder, instant(since)) for name, holder, since, until in rows if instant(until) > now}


def _pauses(reader: Reader, names: Sequence[str]) -> dict[str, Pause]:
    rows = _of_points(reader, [*names, _EVERYWHERE], "pause", "point_of_sale, paused_by, reason, paused_at")
    return {name: Pause(name, by, reason, instant(at)) for name, by, reason, at in rows}


def _marks(reader: Reader, names: Sequence[str]) -> dict[str, dict[Side, str]]:
    found: dict[str, dict[Side, str]] = {}
    for name, side, mark in _of_points(reader, names, "watermark", "point_of_sale, side, mark"):
        found.setdefault(name, {})[Side(side)] = mark
    return found


def _gates(reader: Reader) -> tuple[GateHealth, ...]:
    rows = reader.rows("SELECT system, state, reason, since, retry_at FROM gate ORDER BY system")
    return tuple(
        GateHealth(system, GateState(state), reason, instant(since), _instant(retry_at))
        for system, state, reason, since, retry_at in rows
    )


def _of_points(reader: Reader, names: Sequence[str], table: str, columns: str) -> Sequence[Sequence[Any]]:
    point, values = _points(names)
    return reader.rows(f"WITH {point} SELECT {columns} FROM point JOIN {table} ON point_of_sale = point.name", values)


def _points(names: Sequence[str]) -> tuple[str, dict[str, object]]:
    """The common table `point` of these names, and the values that it is bound to."""
    rows = ", ".join(f"(:name{i})" for i in range(len(names)))
    return f"point(name) AS (VALUES {rows})", {f"name{i}": name for i, name in enumerate(names)}


_SHOWN: Final = ", ".join(
    f"run.{name}" for name in ("id", "point_of_sale", "kind", "status", "started_at", "finished_at", "message")
)


def _instant(kept: str | datetime | None) -> datetime | None:
    return instant(kept) if kept is not None else None


def _run(row: Sequence[Any], summary: str | None = None) -> RunShown:
    run_id, _, kind, status, started_at, finished_at, message, *_ = row
    return RunShown(
        run_id,
        RunKind(kind),
        RunStatus(status),
        instant(started_at),
        _instant(finished_at),
        message,
        tuple(json.loads(summary, parse_float=Decimal).get("halts") or ()) if summary else (),
    )


def _latest(newest: _Runs, name: str, *statuses: RunStatus) -> RunShown | None:
    found = [newest[name, status] for status in statuses if (name, status) in newest]
    return max(found, key=lambda run: run.run_id, default=None)


def _halted(newest: _Runs, complete: Mapping[str, RunShown], name: str) -> RunShown | None:
    halted = newest.get((name, RunStatus.HALTED))
    if halted is None:
        return None
    # A quick run that went well says nothing about what a look at everything halted on.
    ended = complete.get(name) if halted.kind is RunKind.COMPLETE else newest.get((name, RunStatus.DONE))
    over = [run for run in (ended, newest.get((name, RunStatus.RELEASED))) if run and run.run_id > halted.run_id]
    return None if over else halted

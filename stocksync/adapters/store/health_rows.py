"""How it stands, read from the database for all points of sale at once.

Every process that asks gets the same answer, whichever of them does the work. The number of statements is the same for
one point of sale and for three hundred, each goes through an index, and all see one instant of the database; neither
settled outbox entries nor old runs are looked through. Not here: what the figures mean, which is `sync.health`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import CTE, Connection, Engine, String, and_, case, column, func, null, select, true, union_all, values

from stocksync.adapters.store import codec
from stocksync.adapters.store.core import CONFLICT, GATE, LEASE, OUTBOX, PAUSE, RUN, WATERMARK
from stocksync.adapters.store.resolution_rows import utc
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

_ON_THEIR_WAY: Final = (EntryStatus.PENDING.value, EntryStatus.CLAIMED.value)
_FAILURES: Final = (RunStatus.FAILED.value, RunStatus.INCOMPLETE.value)
_EVERYWHERE: Final = ""

_Runs = Mapping[tuple[str, RunStatus], RunShown]
"""The newest run of each point of sale and status."""


def health(engine: Engine, points: Sequence[str], now: datetime) -> Health:
    """Read how these points of sale stand, in their order, and how each system's gate stands.

    now: an aware instant; conflicts are aged by it, and a lease that has run out by then is nobody's.
    """
    names = list(dict.fromkeys(points))
    with engine.connect() as connection:
        gates = _gates(connection)
        if not names:
            return Health((), gates)
        newest, complete = _newest_runs(connection, names), _newest_complete(connection, names)
        failures = _failed_in_a_row(connection, names, newest)
        open_by_category, by_age = _conflicts(connection, names, now.astimezone(UTC))
        backlogs, leases = _backlogs(connection), _leases(connection, names, now)
        pauses, marks = _pauses(connection, names), _marks(connection, names)
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


def known_points(engine: Engine) -> list[str]:
    """The points of sale that ever had a run, in order of their names; those that left the mapping too."""
    first = select(func.min(RUN.c.point_of_sale).label("name")).cte("known", recursive=True)
    # Asking for the next name each time passes over the runs of a point of sale; DISTINCT would read every one.
    following = select(func.min(RUN.c.point_of_sale)).where(RUN.c.point_of_sale > first.c.name).scalar_subquery()
    known = first.union_all(select(following).where(first.c.name.is_not(None)))
    with engine.connect() as connection:
        return list(connection.scalars(select(known.c.name).where(known.c.name.is_not(None))))


def recent_runs(engine: Engine, point: str, number: int) -> list[RunShown]:
    """The newest runs of a point of sale, the newest first."""
    # One search for each status: the index is by status before it is by number.
    newest = [
        select(
            select(RUN.c.id)
            .where(RUN.c.point_of_sale == point, RUN.c.status == status.value)
            .order_by(RUN.c.id.desc())
            .limit(number)
            .subquery()
        )
        for status in RunStatus
    ]
    found = select(*_SHOWN).where(RUN.c.id.in_(union_all(*newest))).order_by(RUN.c.id.desc()).limit(number)
    with engine.connect() as connection:
        return [_run(row) for row in connection.execute(found)]


def _newest_runs(connection: Connection, names: Sequence[str]) -> _Runs:
    point = _points(names)
    status = values(column("status", String), name="status").data([(s.value,) for s in RunStatus]).cte("status")
    newest = (
        select(RUN.c.id)
        .where(RUN.c.point_of_sale == point.c.name, RUN.c.status == status.c.status)
        .order_by(RUN.c.id.desc())
        .limit(1)
        .correlate(point, status)
        .scalar_subquery()
    )
    # Summaries are long, and only what a guard said is asked for.
    said = case((RUN.c.status == RunStatus.HALTED.value, RUN.c.summary), else_=null()).label("said")
    found = select(*_SHOWN, said).select_from(point.join(status, true()).join(RUN, RUN.c.id == newest))
    return {(row.point_of_sale, RunStatus(row.status)): _run(row, row.said) for row in connection.execute(found)}


def _newest_complete(connection: Connection, names: Sequence[str]) -> dict[str, RunShown]:
    point = _points(names)
    newest = (
        select(RUN.c.id)
        .where(
            RUN.c.point_of_sale == point.c.name,
            RUN.c.status == RunStatus.DONE.value,
            RUN.c.kind == RunKind.COMPLETE.value,
        )
        .order_by(RUN.c.id.desc())
        .limit(1)
        .correlate(point)
        .scalar_subquery()
    )
    found = select(*_SHOWN).select_from(point.join(RUN, RUN.c.id == newest))
    return {row.point_of_sale: _run(row) for row in connection.execute(found)}


def _failed_in_a_row(connection: Connection, names: Sequence[str], newest: _Runs) -> dict[str, int]:
    better = [status for status in RunStatus if status not in (RunStatus.RUNNING, *map(RunStatus, _FAILURES))]
    since = [(name, found.run_id if (found := _latest(newest, name, *better)) else 0) for name in names]
    point = values(column("name", String), column("run_id", RUN.c.id.type), name="point").data(since).cte("point")
    counted = [
        select(func.count())
        .select_from(
            select(RUN.c.id)
            .where(RUN.c.point_of_sale == point.c.name, RUN.c.status == status, RUN.c.id > point.c.run_id)
            .limit(MANY_FAILURES)
            .correlate(point)
            .subquery()
        )
        .scalar_subquery()
        for status in _FAILURES
    ]
    rows = connection.execute(select(point.c.name, *counted))
    return {name: min(sum(counts), MANY_FAILURES) for name, *counts in rows}


def _conflicts(
    connection: Connection, names: Sequence[str], now: datetime
) -> tuple[dict[str, dict[Category, int]], dict[str, list[int]]]:
    point = _points(names)
    group = case(
        *((CONFLICT.c.opened_at > now - end, i) for i, end in enumerate(CONFLICT_AGES)), else_=len(CONFLICT_AGES)
    )
    here = and_(CONFLICT.c.point_of_sale == point.c.name, CONFLICT.c.closed_at.is_(None))
    rows = connection.execute(
        select(point.c.name, CONFLICT.c.category, group.label("age"), func.count().label("number"))
        .select_from(point.join(CONFLICT, here))
        .where(CONFLICT.c.ignored_by.is_(None))
        .group_by(point.c.name, CONFLICT.c.category, "age")
    )
    by_category: dict[str, dict[Category, int]] = {}
    by_age: dict[str, list[int]] = {}
    for row in rows:
        categories = by_category.setdefault(row.name, {})
        category = Category(row.category)
        categories[category] = categories.get(category, 0) + row.number
        by_age.setdefault(row.name, [0] * (len(CONFLICT_AGES) + 1))[row.age] += row.number
    return by_category, by_age


def _backlogs(connection: Connection) -> dict[str, tuple[int, datetime | None]]:
    """Count what is on its way, of all points of sale: the index is by status, and few entries are."""
    rows = connection.execute(
        select(OUTBOX.c.point_of_sale, func.count(), func.min(OUTBOX.c.created_at))
        .where(OUTBOX.c.status.in_(_ON_THEIR_WAY))
        .group_by(OUTBOX.c.point_of_sale)
    )
    return {name: (number, utc(since) if since is not None else None) for name, number, since in rows}


def _leases(
    connection: Connection, names: Sequence[str], now: datetime
) -> dict[str, tuple[str | None, datetime | None]]:
    point = _points(names)
    rows = connection.execute(select(LEASE).join(point, LEASE.c.point_of_sale == point.c.name))
    return {row.point_of_sale: (row.holder, utc(row.acquired_at)) for row in rows if utc(row.expires_at) > now}


def _pauses(connection: Connection, names: Sequence[str]) -> dict[str, Pause]:
    point = _points([*names, _EVERYWHERE])
    rows = connection.execute(select(PAUSE).join(point, PAUSE.c.point_of_sale == point.c.name))
    return {row.point_of_sale: Pause(row.point_of_sale, row.paused_by, row.reason, utc(row.paused_at)) for row in rows}


def _marks(connection: Connection, names: Sequence[str]) -> dict[str, dict[Side, str]]:
    point = _points(names)
    found: dict[str, dict[Side, str]] = {}
    for row in connection.execute(select(WATERMARK).join(point, WATERMARK.c.point_of_sale == point.c.name)):
        found.setdefault(row.point_of_sale, {})[Side(row.side)] = row.mark
    return found


def _gates(connection: Connection) -> tuple[GateHealth, ...]:
    rows = connection.execute(select(GATE).order_by(GATE.c.system))
    return tuple(
        GateHealth(
            row.system,
            GateState(row.state),
            row.reason,
            utc(row.since),
            utc(row.retry_at) if row.retry_at is not None else None,
        )
        for row in rows
    )


_SHOWN: Final = (
    RUN.c.id,
    RUN.c.point_of_sale,
    RUN.c.kind,
    RUN.c.status,
    RUN.c.started_at,
    RUN.c.finished_at,
    RUN.c.message,
)


def _run(row: Any, summary: str | None = None) -> RunShown:
    return RunShown(
        row.id,
        RunKind(row.kind),
        RunStatus(row.status),
        utc(row.started_at),
        utc(row.finished_at) if row.finished_at is not None else None,
        row.message,
        tuple(codec.load(summary).get("halts") or ()) if summary else (),
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


def _points(names: Sequence[str]) -> CTE:
    return values(column("name", String), name="point").data([(name,) for name in names]).cte("point")

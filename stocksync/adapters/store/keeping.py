"""What the database need not remember for ever, and how it is forgotten without holding anybody up.

Only what nothing looks at any more goes; the journal, report rows, decisions and cars stay, so that a car's history is
told whole whatever is forgotten here. Looking for what is due takes no lock; deleting it takes one for a moment at a
time. Backups are in `backup`, looking after the file in `check`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, Table, and_, delete, exists, func, null, or_, select, update

from stocksync.adapters.store.core import (
    ALERT,
    CAR,
    CONFLICT,
    JOURNAL,
    MAPPING,
    OUTBOX,
    RESOLUTION,
    RUN,
    SNAPSHOT,
    WATERMARK,
    chunks,
)
from stocksync.adapters.store.engine import WRITE
from stocksync.adapters.store.key_lists import among_rows, unsought
from stocksync.stock.values import Side
from stocksync.sync.recording import EntryStatus, RunKind, RunStatus

FINISHED: Final = (EntryStatus.DELIVERED, EntryStatus.STALE, EntryStatus.FAILED, EntryStatus.SUPERSEDED)
"""How an outbox entry stands that is never picked up again."""
_AT_A_TIME: Final = 250
"""Rows per transaction: a few milliseconds' work, and under the limit on bound parameters with three keys each."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows were forgotten, or would be; summaries: runs that stay without their figures."""

    outbox: int = 0
    snapshots: int = 0
    runs: int = 0
    summaries: int = 0
    mapping_versions: int = 0
    alerts: int = 0

    @property
    def total(self) -> int:
        """All of them together."""
        return self.outbox + self.snapshots + self.runs + self.summaries + self.mapping_versions + self.alerts


@dataclass(frozen=True, slots=True)
class _Rule:
    """What of one table is due.

    still: asked once more in the transaction that deletes, as rows may have moved since they were found.
    blanked: the column that is emptied where the row itself stays.
    """

    table: Table
    due: ColumnElement[bool]
    still: ColumnElement[bool]
    blanked: str | None = None


def prune(
    engine: Engine,
    before: datetime,
    *,
    dry_run: bool = False,
    stopping: threading.Event | None = None,
    rest: Callable[[float], object] = time.sleep,
) -> Pruned:
    """Forget what was done with before an instant, in short transactions.

    - finished outbox entries, but for those of the newest run of each point of sale;
    - snapshots of records that are gone, unless an open car has them;
    - runs that nothing refers to, and the figures of the others: never of the runs that a point of sale stands on;
    - mapping files that no run worked by; alerts that are over.

    dry_run: only count. stopping: once it is set, the rest waits for the next time. rest: how to wait, in seconds,
    between two transactions: for as long as the last one took, so that others come to write.
    """
    counted: dict[str, int] = {}
    for name, rule in _rules(before).items():
        keys = _found(engine, rule)
        counted[name] = len(keys) if dry_run else _forget(engine, rule, keys, stopping, rest)
    return Pruned(**counted)


def _rules(before: datetime) -> dict[str, _Rule]:
    """The rules in the order in which they may be carried out: what refers to another goes first."""
    outbox, snapshots, alerts = _finished_entries(before), _gone_records(before), ALERT.c.closed_at < before
    leaving_runs, old_runs = _unused_runs(before), _no_more_needed(before)
    kept_figures = and_(
        old_runs, RUN.c.summary.is_not(None), RUN.c.id.not_in(select(RUN.c.id).where(leaving_runs).scalar_subquery())
    )
    staying = select(RUN.c.mapping_version).where(RUN.c.id.not_in(select(RUN.c.id).where(leaving_runs)))
    unused = and_(MAPPING.c.first_used_at < before, MAPPING.c.version.not_in(staying))
    still_unused = MAPPING.c.version.not_in(select(RUN.c.mapping_version))
    return {
        "outbox": _Rule(OUTBOX, outbox, outbox),
        "snapshots": _Rule(SNAPSHOT, snapshots, snapshots),
        # What is asked of all journal rows cannot change for a run that ended long ago.
        "runs": _Rule(RUN, leaving_runs, RUN.c.finished_at < before),
        "summaries": _Rule(RUN, kept_figures, RUN.c.finished_at < before, blanked="summary"),
        "mapping_versions": _Rule(MAPPING, unused, still_unused),
        "alerts": _Rule(ALERT, alerts, alerts),
    }


def _finished_entries(before: datetime) -> ColumnElement[bool]:
    newest = select(func.max(RUN.c.id)).group_by(RUN.c.point_of_sale)
    return and_(
        unsought(OUTBOX.c.status).in_([status.value for status in FINISHED]),
        # What fell with an earlier write has no end of its own.
        func.coalesce(OUTBOX.c.done_at, OUTBOX.c.created_at) < before,
        OUTBOX.c.run_id.not_in(newest),
    )


def _gone_records(before: datetime) -> ColumnElement[bool]:
    columns = {Side.VEHICLE_MODULE: CAR.c.vehicle_module_id, Side.DMS: CAR.c.dms_id}
    # One question for each side, so that each finds its index.
    used = [
        and_(
            SNAPSHOT.c.side == side.value,
            exists().where(CAR.c.pair == SNAPSHOT.c.pair, column == SNAPSHOT.c.record_id, CAR.c.closed.is_(False)),
        )
        for side, column in columns.items()
    ]
    return and_(SNAPSHOT.c.gone.is_(True), SNAPSHOT.c.seen_at < before, ~or_(*used))


def _no_more_needed(before: datetime) -> ColumnElement[bool]:
    """Runs that ended before an instant and that no point of sale stands on.

    It stands on its last complete run that came to its end, and on everything since.
    """
    last = RUN.alias()
    complete = select(func.max(last.c.id)).where(
        last.c.point_of_sale == RUN.c.point_of_sale,
        last.c.status == RunStatus.DONE.value,
        last.c.kind == RunKind.COMPLETE.value,
    )
    return and_(RUN.c.finished_at < before, RUN.c.id < complete.scalar_subquery())


def _unused_runs(before: datetime) -> ColumnElement[bool]:
    """Of those, the runs that left no trace: with its run goes what the mapping files were when a fact was noted."""
    referring: Sequence[Any] = (
        select(OUTBOX.c.run_id).where(~_finished_entries(before)),
        select(JOURNAL.c.run_id),
        select(CONFLICT.c.opened_run),
        select(RESOLUTION.c.closed_run).where(RESOLUTION.c.closed_run.is_not(None)),
        select(WATERMARK.c.run_id),
    )
    return and_(_no_more_needed(before), *(RUN.c.id.not_in(query) for query in referring))


def _found(engine: Engine, rule: _Rule) -> list[Any]:
    keys = list(rule.table.primary_key)
    statement = select(*keys).where(rule.due).order_by(*keys)
    with engine.connect() as connection:
        return (
            list(connection.scalars(statement)) if len(keys) == 1 else [tuple(r) for r in connection.execute(statement)]
        )


def _forget(
    engine: Engine,
    rule: _Rule,
    keys: Sequence[Any],
    stopping: threading.Event | None,
    rest: Callable[[float], object],
) -> int:
    forgotten = 0
    columns = list(rule.table.primary_key)
    writing = engine.execution_options(**{WRITE: True})
    for part in chunks(keys, _AT_A_TIME):
        if stopping is not None and stopping.is_set():
            break
        started_s = time.monotonic()
        with writing.begin() as connection:
            named = columns[0].in_(part) if len(columns) == 1 else among_rows(connection, columns, part)
            which = and_(named, rule.still)
            statement: Any = delete(rule.table).where(which)
            if rule.blanked is not None:
                statement = update(rule.table).where(which).values({rule.blanked: null()})
            forgotten += int(connection.execute(statement).rowcount)
        rest(time.monotonic() - started_s)
    return forgotten

"""What a run has to know of those before it; asked at the beginning of every run, so each statement is made once."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, or_, select

from stocksync.adapters.store.core import RUN
from stocksync.adapters.store.rows import past_run
from stocksync.adapters.store.snapshot_rows import read_marks
from stocksync.sync.recording import Past, PastRun, RunKind, RunStatus

_HERE: Final = RUN.c.point_of_sale == bindparam("place")
_DONE: Final = (RUN.c.status == RunStatus.DONE.value, RUN.c.kind == RunKind.COMPLETE.value)


def _newest(*conditions: Any, of: Any = RUN) -> Any:
    return select(of).where(_HERE, *conditions).order_by(RUN.c.id.desc()).limit(1)


_COMPLETE: Final = _newest(*_DONE)
_LAST: Final = _newest(RUN.c.status != RunStatus.RUNNING.value)
_BROKEN_OFF: Final = _newest(RUN.c.status == RunStatus.RUNNING.value, of=RUN.c.id)
_DECIDED: Final = _newest(RUN.c.status == RunStatus.DONE.value, RUN.c.plan_digest.is_not(None), of=RUN.c.started_at)
_THOROUGH: Final = _newest(*_DONE, RUN.c.thorough, of=RUN.c.started_at)
_OTHERWISE: Final = _newest(
    RUN.c.id > bindparam("since"),
    # A halted run recorded nothing of what it decided.
    RUN.c.status.not_in((RunStatus.HALTED.value, RunStatus.RELEASED.value)),
    or_(
        RUN.c.mapping_version != bindparam("version"),
        RUN.c.decided_by.is_(None),
        RUN.c.decided_by != bindparam("decided_by"),
    ),
    of=RUN.c.id,
)


def last_complete_run(connection: Connection, point_of_sale: str) -> PastRun | None:
    """The last run that looked at everything and came to its end."""
    row = connection.execute(_COMPLETE, {"place": point_of_sale}).first()
    return past_run(row) if row is not None else None


def last_decided_at(connection: Connection, point_of_sale: str) -> datetime | None:
    """When the last run began that came to its end and decided anything: a quiet one makes no plan."""
    begun_at: datetime | None = connection.scalar(_DECIDED, {"place": point_of_sale})
    return begun_at


def past_of(connection: Connection, point_of_sale: str) -> Past:
    """What a run has to know of those before it: see `Store.past`."""
    here = {"place": point_of_sale}
    row = connection.execute(_LAST, here).first()
    if row is None:
        return Past(is_broken_off=connection.scalar(_BROKEN_OFF, here) is not None)
    last = past_run(row)
    is_complete = last.status is RunStatus.DONE and last.kind is RunKind.COMPLETE
    complete = last if is_complete else last_complete_run(connection, point_of_sale)
    return Past(
        last,
        complete,
        connection.scalar(_BROKEN_OFF, here) is not None,
        complete is not None and _ran_otherwise(connection, point_of_sale, complete),
        connection.scalar(_THOROUGH, here),
        read_marks(connection, point_of_sale),
    )


def _ran_otherwise(connection: Connection, point_of_sale: str, complete: PastRun) -> bool:
    asked = {"since": complete.run_id, "version": complete.mapping_version, "decided_by": complete.decided_by}
    return connection.scalar(_OTHERWISE, {"place": point_of_sale, **asked}) is not None

"""Alerts as the database keeps them, so that a restart tells nobody anything twice.

What begins and ends is decided inside the transaction that keeps it; two services on one database open no alert twice.
Not here: what an alert is, which is `sync.alerts`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, insert, select, update

from stocksync.adapters.store.core import ALERT, chunks
from stocksync.adapters.store.engine import WRITE
from stocksync.adapters.store.plain import instant
from stocksync.sync.alerts import AlertKind, Changes, OpenAlert, Telling


class AlertRows:
    """The alerts of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def standing(self) -> list[OpenAlert]:
        """Every alert whose end was not told yet, the oldest first."""
        with self._engine.connect() as connection:
            return _standing(connection)

    def review(self, decide: Callable[[Sequence[OpenAlert]], Changes], at: datetime) -> list[OpenAlert]:
        """Have it decided what moved, keep that, and give what stands then."""
        with self._engine.execution_options(**{WRITE: True}).begin() as connection:
            before = _standing(connection)
            changes = decide(before)
            for trouble in changes.opened:
                connection.execute(
                    insert(ALERT).values(
                        kind=trouble.kind.value, subject=trouble.subject, message=trouble.message, opened_at=at
                    )
                )
            _set(connection, changes.reopened, closed_at=None)
            _set(connection, changes.closed, closed_at=at)
            return _standing(connection) if changes != Changes() else before

    def told(self, telling: Telling, at: datetime) -> None:
        """Keep that people know of these now."""
        with self._engine.execution_options(**{WRITE: True}).begin() as connection:
            _set(connection, (a.alert_id for a in (*telling.begun, *telling.over) if a.told_at is None), told_at=at)
            _set(connection, (alert.alert_id for alert in telling.over), recovery_told_at=at)


def _set(connection: Connection, alert_ids: Iterable[int], **values: datetime | None) -> None:
    for part in chunks(alert_ids):
        connection.execute(update(ALERT).where(ALERT.c.id.in_(part)).values(**values))


def _standing(connection: Connection) -> list[OpenAlert]:
    rows = connection.execute(
        select(ALERT).where(ALERT.c.recovery_told_at.is_(None)).order_by(ALERT.c.opened_at, ALERT.c.id)
    )
    return [
        OpenAlert(
            row.id,
            AlertKind(row.kind),
            row.subject,
            row.message,
            instant(row.opened_at),
            instant(row.told_at) if row.told_at is not None else None,
            instant(row.closed_at) if row.closed_at is not None else None,
        )
        for row in rows
    ]

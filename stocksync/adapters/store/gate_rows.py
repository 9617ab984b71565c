"""The gates of systems as rows, so that every process sees which ones are shut."""

from __future__ import annotations

from sqlalchemy import Engine, delete, select

from stocksync.adapters.store.core import GATE
from stocksync.adapters.store.engine import WRITE
from stocksync.adapters.store.rows import upsert
from stocksync.sync.health import GateHealth, GateState


def keep_gate(engine: Engine, gate: GateHealth) -> None:
    """Keep how a gate stands now; one that is open needs no row."""
    with engine.execution_options(**{WRITE: True}).begin() as connection:
        if gate.state is GateState.OPEN:
            connection.execute(delete(GATE).where(GATE.c.system == gate.system))
            return
        row = {
            "system": gate.system,
            "state": gate.state.value,
            "reason": gate.reason,
            "since": gate.since,
            "retry_at": gate.retry_at,
        }
        upsert(connection, GATE, ["system"], [row], keep=set())


def gates_left(engine: Engine) -> list[GateHealth]:
    """The gates that are not open."""
    with engine.connect() as connection:
        rows = connection.execute(select(GATE).order_by(GATE.c.system)).all()
    return [GateHealth(row.system, GateState(row.state), row.reason, row.since, row.retry_at) for row in rows]

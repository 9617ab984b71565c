"""Which points of sale are to be left alone, by whom and why. Not here: who respects it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine, delete, insert, select

from stocksync.adapters.store.core import PAUSE
from stocksync.adapters.store.engine import WRITE
from stocksync.adapters.store.plain import instant
from stocksync.sync.health import Pause

EVERYWHERE: Final = ""
"""Stands for every point of sale, those of a later mapping too."""


class Pauses:
    """The pauses of one database; each call is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def in_force(self) -> dict[str, Pause]:
        """Every pause, by point of sale; "" for the one of all of them."""
        with self.engine.connect() as connection:
            rows = connection.execute(select(PAUSE).order_by(PAUSE.c.point_of_sale))
            return {row.point_of_sale: _pause(row) for row in rows}

    def pause(self, point_of_sale: str, paused_by: str, reason: str, at: datetime) -> Pause | None:
        """Pause a point of sale; the pause that was there already stays as it is, and is the answer."""
        with self._writing() as connection:
            row = connection.execute(select(PAUSE).where(PAUSE.c.point_of_sale == point_of_sale)).first()
            if row is not None:
                return _pause(row)
            values = {"point_of_sale": point_of_sale, "paused_by": paused_by, "reason": reason, "paused_at": at}
            connection.execute(insert(PAUSE).values(values))
            return None

    def resume(self, points_of_sale: Collection[str] | None = None) -> list[Pause]:
        """End the pauses of some points of sale, None for every pause there is; the answer is those that ended."""
        here = () if points_of_sale is None else (PAUSE.c.point_of_sale.in_(sorted(points_of_sale)),)
        with self._writing() as connection:
            rows = connection.execute(select(PAUSE).where(*here).order_by(PAUSE.c.point_of_sale)).all()
            connection.execute(delete(PAUSE).where(*here))
            return [_pause(row) for row in rows]

    def _writing(self) -> Any:
        return self.engine.execution_options(**{WRITE: True}).begin()


def _pause(row: Any) -> Pause:
    return Pause(row.point_of_sale, row.paused_by, row.reason, instant(row.paused_at))

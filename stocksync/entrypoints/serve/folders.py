"""The exchange folders in the service: files are taken in before a turn, and the report is put out after each run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from stocksync.entrypoints.exchange_view import echo_put_out, echo_returned
from stocksync.sync.cycle import CycleResult

if TYPE_CHECKING:
    from stocksync.entrypoints.exchange import Exchange
    from stocksync.reports.spelling import Language

_TOLD_AGAIN_S: Final = 3600.0


class Folders:
    """One exchange for each point of sale, so that workers do not meet.

    Trouble with a folder is told once an hour, so that a drive that is away does not fill the log.
    """

    def __init__(self, open_exchange: Callable[[], Exchange], language: Language) -> None:
        self._open = open_exchange
        self._language = language
        self._lock = threading.Lock()
        self._of_point: dict[str, tuple[float, Exchange]] = {}

    def renew(self) -> None:
        """Open every folder anew the next time, by the mapping files that are in force then."""
        with self._lock:
            self._of_point.clear()

    def take_in(self, points: Sequence[str]) -> None:
        """Take in what was handed in, and say what became of it."""
        for point in points:
            exchange = self._exchange(point)
            exchange.take_in([point])
            echo_returned(point, exchange.returned.pop(point, ()), self._language)

    def put_out(self, result: CycleResult) -> None:
        """Put the report out where a run may have changed it."""
        point = result.summary.point_of_sale
        exchange = self._exchange(point)
        exchange.hand_out(point)
        report = exchange.put_out.pop(point, None)
        if report is not None and report.changed:
            echo_put_out(report, self._language)

    def _exchange(self, point: str) -> Exchange:
        now_s = time.monotonic()
        with self._lock:
            opened_s, exchange = self._of_point.get(point, (0.0, None))
            if exchange is None or now_s - opened_s > _TOLD_AGAIN_S:
                exchange = self._open()
                self._of_point[point] = (now_s, exchange)
        return exchange

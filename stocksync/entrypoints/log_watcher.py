"""What runs do, as log events: begun, each write settled, ended with figures. Never a value of a car's attribute."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from structlog.contextvars import bind_contextvars, unbind_contextvars

from stocksync.entrypoints import logs
from stocksync.stock.values import SIDES
from stocksync.sync.recording import EntryStatus, RunStatus
from stocksync.sync.watching import Nobody

if TYPE_CHECKING:
    from stocksync.sync.recording import EntryOutcome, RunKind
    from stocksync.sync.summary import Summary

OUTCOMES: Final[Mapping[EntryStatus, str]] = {
    EntryStatus.DELIVERED: "delivered",
    EntryStatus.FAILED: "refused",
    EntryStatus.STALE: "stale",
    EntryStatus.CLAIMED: "unknown",
    EntryStatus.PENDING: "not_sent",
    EntryStatus.SUPERSEDED: "superseded",
}
_WENT_WRONG: Final = (RunStatus.FAILED, RunStatus.HALTED, RunStatus.INCOMPLETE)


class LogWatcher(Nobody):
    """Logs what it is told; whatever else the thread logs while a run is on names the run and its point of sale."""

    def __init__(self) -> None:
        self._log = logs.logger("stocksync.run")
        self._began_s: dict[tuple[str, int], float] = {}
        self._lock = threading.Lock()

    def began(self, point_of_sale: str, run_id: int, kind: RunKind) -> None:
        """Log that a run begins."""
        bind_contextvars(point_of_sale=point_of_sale, run=run_id or None)
        with self._lock:
            self._began_s[point_of_sale, run_id] = time.monotonic()
        self._log.info("run_began", kind=kind.value)

    def settled(self, point_of_sale: str, run_id: int, outcome: EntryOutcome) -> None:
        """Log how one write ended, with the names of its attributes; what the side said of it may hold values."""
        entry = outcome.entry
        self._log.info(
            "write_settled",
            point_of_sale=point_of_sale,
            run=run_id or None,
            car=entry.car_id,
            side=entry.operation.side.value,
            action=entry.operation.action.value,
            record=entry.operation.record_id,
            outcome=OUTCOMES[outcome.status],
            attributes=sorted({change.attribute for change in entry.operation.changes}),
            attempts=entry.attempts,
        )

    def ended(self, summary: Summary) -> None:
        """Log how a run ended; what went wrong as a warning."""
        run_id = summary.run_id or 0
        with self._lock:
            began_s = self._began_s.pop((summary.point_of_sale, run_id), None)
        tell = self._log.warning if summary.status in _WENT_WRONG else self._log.info
        tell(
            "run_ended",
            point_of_sale=summary.point_of_sale,
            run=summary.run_id,
            status=summary.status.value,
            duration_s=round(time.monotonic() - began_s, 3) if began_s is not None else None,
            message=summary.message,
            **_figures(summary),
        )
        unbind_contextvars("point_of_sale", "run")


def _figures(summary: Summary) -> dict[str, Any]:
    said = summary.as_json()
    return {
        **{f"read_{side.value}": said["read"][side.value] for side in SIDES},
        **{f"writes_{side.value}": said["writes"][side.value] for side in SIDES},
        "differences": said["identity"]["differences"],
        "balanced": said["identity"]["balanced"],
        "conflicts_open": said["conflicts"]["open"],
        "conflicts_new": said["conflicts"]["new"],
        "report_rows_open": said["report_rows_open"],
        "guards": [halt["guard"] for halt in said["halts"]] or None,
    }

"""Looks at how things stand, keeps which alerts that makes, and has each told once by every channel.

An alert counts as told once one channel took it; to a channel that did not, it is sent again, less and less often,
as long as this process lives. Nothing here ever raises: trouble with an alert is logged and stops nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.exc import SQLAlchemyError

from stocksync.adapters.alert_channels import Channel
from stocksync.adapters.alert_messages import DEFAULT_ZONE, notice_of
from stocksync.adapters.store.alert_rows import AlertRows
from stocksync.errors import StocksyncError
from stocksync.reports.spelling import Language
from stocksync.sync import alerts
from stocksync.sync.alerts import AlertRules, OpenAlert, Telling
from stocksync.sync.health import Health

FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(hours=1)
_MOST_LATE: Final = 500

_log = logging.getLogger(__name__)


@dataclass
class _Outlet:
    """A channel, and what it has to catch up with: notices that another channel took and this one did not."""

    channel: Channel
    late: Telling = field(default_factory=Telling)
    failures: int = 0
    try_again_at: datetime | None = None


class Alerting:
    """Told how things stand every minute; one for each service.

    rules: replaced by the service when the mapping files change. clean: takes secrets out of what others said.
    """

    def __init__(
        self,
        rows: AlertRows,
        channels: Sequence[Channel],
        rules: AlertRules,
        language: Language,
        *,
        zone: ZoneInfo = DEFAULT_ZONE,
        clean: Callable[[str], str] = str,
    ) -> None:
        self.rules = rules
        self._rows = rows
        self._outlets = [_Outlet(channel) for channel in channels]
        self._language: Language = language
        self._zone, self._clean = zone, clean
        self._watched: Mapping[str, datetime] = {}
        self._of_database: OpenAlert | None = None
        self._one_at_a_time = Lock()

    def look(self, health: Health, now: datetime) -> None:
        """Open, close and tell what is due; a look that comes while one is under way does nothing."""
        if not self._one_at_a_time.acquire(blocking=False):
            return
        try:
            self._tell_of_database(health, now)
            if health.points or not health.storage:
                # Of points of sale that could not be read, nothing is over.
                self._tell(self._review(health, now), now)
        except SQLAlchemyError as error:
            _log.warning("alerts could not be kept: %s", getattr(error, "orig", None) or type(error).__name__)
        except Exception:
            _log.exception("alerts could not be looked at")
        finally:
            self._one_at_a_time.release()

    def _review(self, health: Health, now: datetime) -> list[OpenAlert]:
        def decide(standing: Sequence[OpenAlert]) -> alerts.Changes:
            self._watched = alerts.watched(health, self._watched, standing, now, self.rules)
            changes = alerts.due(health, standing, now, self.rules, self._watched)
            _log_changes(changes, standing)
            return changes

        return self._rows.review(decide, now)

    def _tell_of_database(self, health: Health, now: datetime) -> None:
        """Tell of a database that cannot be written, which therefore keeps no alert of it."""
        before, self._of_database = self._of_database, alerts.of_database(self._of_database, health, now)
        telling = alerts.told_of_database(before, self._of_database, now, self.rules)
        for alert in telling.begun:
            _log.warning("alert begins: %s of %s. %s", alert.kind, alert.subject, alert.message)
        if not telling:
            return
        if telling.over:
            self._of_database = None
        for outlet in self._outlets:
            if not self._sent(outlet, telling, now):
                outlet.late = _joined(outlet.late, telling)

    def _tell(self, standing: Sequence[OpenAlert], now: datetime) -> None:
        telling = alerts.to_tell(standing, now, self.rules)
        if not self._outlets:
            # The log is all there is; what begins is still told once a channel is set.
            telling = Telling(over=telling.over)
            if telling:
                self._rows.told(telling, now)
            return
        took = [outlet for outlet in self._outlets if self._sent(outlet, telling, now)]
        if not telling or not took:
            return
        for outlet in self._outlets:
            if outlet not in took:
                outlet.late = _joined(outlet.late, telling)
        self._rows.told(telling, now)

    def _sent(self, outlet: _Outlet, telling: Telling, now: datetime) -> bool:
        """Send what a channel does not know; True iff it knows all there is."""
        due = _joined(outlet.late, telling)
        if not due:
            return True
        if outlet.try_again_at is not None and now < outlet.try_again_at:
            return False
        try:
            outlet.channel.send(notice_of(due, self._language, now, self._zone, self._clean))
        except Exception as error:
            outlet.failures += 1
            pause = min(FIRST_PAUSE * 2 ** min(outlet.failures - 1, 10), LONGEST_PAUSE)
            outlet.try_again_at = now + pause
            said = str(error) if isinstance(error, StocksyncError) else type(error).__name__
            _log.warning("alerts were not told by %s, tried again in %s: %s", outlet.channel.name, pause, said)
            return False
        outlet.late, outlet.failures, outlet.try_again_at = Telling(), 0, None
        return True


def _joined(late: Telling, telling: Telling) -> Telling:
    """Both together, each alert once; an alert that is over is not told of as beginning as well."""
    over = {alert.alert_id: alert for alert in (*late.over, *telling.over)}
    begun = {a.alert_id: a for a in (*late.begun, *telling.begun) if a.alert_id not in over}
    return Telling(tuple(begun.values())[-_MOST_LATE:], tuple(over.values())[-_MOST_LATE:])


def _log_changes(changes: alerts.Changes, standing: Sequence[OpenAlert]) -> None:
    by_id = {alert.alert_id: alert for alert in standing}
    for trouble in changes.opened:
        _log.warning("alert begins: %s of %s. %s", trouble.kind, trouble.subject, trouble.message)
    for alert_id in changes.closed:
        _log.info("alert seems over: %s of %s", by_id[alert_id].kind, by_id[alert_id].subject)

"""What people are told without asking: which troubles begin, which are over, and what is to be told now. Pure.

A trouble is told once when it begins and once when it has been over for a while; what comes back before that is the
same trouble. One cause gives one alert: a point of sale that stands still because a guard halted it, or because a
system is told of already, is not told of once more. Not here: how it is worded and sent, which is in `adapters`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from stocksync.mapping.effective import PointOfSaleMapping, SystemSettings
from stocksync.sync.health import GateHealth, GateState, Health, PointHealth, RunShown

SHORTEST_STALE: Final = timedelta(minutes=30)
_QUICK_RUNS_MISSED: Final = 3


class AlertKind(StrEnum):
    """What is wrong; the first four with a point of sale, two with a system, then the mapping files, the database."""

    HALTED = "halted"
    STALE = "stale"
    FAILING = "failing"
    BACKLOG = "backlog"
    GATE_CLOSED = "gate_closed"
    ACCESS_DENIED = "access_denied"
    EDIT_REFUSED = "edit_refused"
    STORAGE = "storage"


MAPPING: Final = "mapping"
"""The subject of what is wrong with the mapping files."""
DATABASE: Final = "database"
"""The subject of what is wrong with the database."""

_OF_SYSTEMS: Final = frozenset({AlertKind.GATE_CLOSED, AlertKind.ACCESS_DENIED})
Key = tuple[AlertKind, str]


@dataclass(frozen=True, slots=True)
class AlertRules:
    """When a trouble is worth telling.

    stale_after: by point of sale, how long without a good run. systems: by point of sale, those that it needs.
    failures: runs that failed in a row. gate_patience: how long a system may be out of reach. backlog_after: how long
    a write may be on its way. settle: how long a trouble must be over, and a point of sale watched, before it is told.
    """

    stale_after: Mapping[str, timedelta] = field(default_factory=dict)
    systems: Mapping[str, frozenset[str]] = field(default_factory=dict)
    failures: int = 3
    gate_patience: timedelta = timedelta(minutes=10)
    backlog_after: timedelta = timedelta(hours=2)
    settle: timedelta = timedelta(minutes=10)

    def allowed(self, point_of_sale: str) -> timedelta:
        """How long a point of sale may be without a good run."""
        return self.stale_after.get(point_of_sale, SHORTEST_STALE)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong now; subject: the point of sale or the system. message: what is known of it, or ""."""

    kind: AlertKind
    subject: str
    message: str = ""

    @property
    def key(self) -> Key:
        """What makes two of them the same."""
        return self.kind, self.subject


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """A trouble that is kept until people were told that it is over.

    closed_at: since when it seems to be over. told_at: when a channel took it, None until then.
    """

    alert_id: int
    kind: AlertKind
    subject: str
    message: str
    opened_at: datetime
    told_at: datetime | None = None
    closed_at: datetime | None = None

    @property
    def key(self) -> Key:
        """What makes two of them the same."""
        return self.kind, self.subject


@dataclass(frozen=True, slots=True)
class Changes:
    """What moved since the last look; reopened, closed: numbers of alerts."""

    opened: tuple[Trouble, ...] = ()
    reopened: tuple[int, ...] = ()
    closed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Telling:
    """What is to be told now; over: with those that nobody could be told of while they lasted."""

    begun: tuple[OpenAlert, ...] = ()
    over: tuple[OpenAlert, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.begun or self.over)


def rules_of(points: Mapping[str, PointOfSaleMapping], gate_name: Callable[[SystemSettings], str]) -> AlertRules:
    """The rules as the mapping files' schedules and systems make them; gate_name: what a system's gate is called."""
    return AlertRules(
        stale_after={
            name: max(_QUICK_RUNS_MISSED * timedelta(minutes=point.schedule.quick_every_min), SHORTEST_STALE)
            for name, point in points.items()
        },
        systems={name: frozenset(map(gate_name, point.systems.values())) for name, point in points.items()},
    )


def watched(
    health: Health, before: Mapping[str, datetime], open_alerts: Sequence[OpenAlert], now: datetime, rules: AlertRules
) -> dict[str, datetime]:
    """Since when each point of sale could be expected to get its runs, as seen by whoever looks.

    before: what the last look gave, empty at the first one. A pause, a halt, or a system that people know of starts
    the time anew, so that nobody is told of a standstill in the minute in which it ends.
    """
    told = _systems_told(health, open_alerts, now, rules)
    return {
        point.point_of_sale: before.get(point.point_of_sale, now)
        for point in health.points
        if not _is_excused(point, told, rules)
    }


def due(
    health: Health,
    open_alerts: Sequence[OpenAlert],
    now: datetime,
    rules: AlertRules,
    watched_since: Mapping[str, datetime],
) -> Changes:
    """Tell which troubles begin and which are over.

    open_alerts: all whose end was not told yet. watched_since: see `watched`. A pause opens and closes nothing.
    """
    present = {trouble.key: trouble for trouble in _present(health)} | {
        trouble.key: trouble for trouble in _lasting(health, now, rules)
    }
    known = {alert.key: alert for alert in open_alerts}
    paused = {point.point_of_sale for point in health.points if point.paused is not None}
    grave = _grave(health, open_alerts, now, rules, watched_since)
    return Changes(
        opened=tuple(t for key, t in present.items() if key not in known and key in grave),
        reopened=tuple(
            alert.alert_id
            for key, alert in known.items()
            if alert.closed_at is not None and key in present and not _is_of(key, paused)
        ),
        closed=tuple(
            alert.alert_id
            for key, alert in known.items()
            if alert.closed_at is None and key not in present and not _is_of(key, paused)
        ),
    )


def to_tell(open_alerts: Sequence[OpenAlert], now: datetime, rules: AlertRules) -> Telling:
    """Tell what people do not know yet, the oldest first."""
    in_order = sorted(open_alerts, key=lambda alert: (alert.opened_at, alert.alert_id))
    return Telling(
        begun=tuple(a for a in in_order if a.closed_at is None and a.told_at is None),
        over=tuple(a for a in in_order if _is_told_over(a, now, rules)),
    )


def of_database(standing: OpenAlert | None, health: Health, now: datetime) -> OpenAlert | None:
    """The alert of a database that nothing can be kept in, so that whoever looks keeps it; None for none.

    standing: what the last look gave, None once its end was told. What comes back before that is the same trouble.
    """
    if standing is None:
        # Numbers of those that are kept are above nought.
        number = -int(now.timestamp())
        return OpenAlert(number, AlertKind.STORAGE, DATABASE, health.storage, now) if health.storage else None
    if health.storage:
        return replace(standing, closed_at=None)
    return replace(standing, closed_at=standing.closed_at or now)


def told_of_database(before: OpenAlert | None, alert: OpenAlert | None, now: datetime, rules: AlertRules) -> Telling:
    """What is to be told of the database, by what the last look gave and this one."""
    if alert is None:
        return Telling()
    is_new = before is None or before.alert_id != alert.alert_id
    return Telling((alert,) if is_new else (), (alert,) if _is_told_over(alert, now, rules) else ())


def _is_told_over(alert: OpenAlert, now: datetime, rules: AlertRules) -> bool:
    return alert.closed_at is not None and now - alert.closed_at >= rules.settle


def _present(health: Health) -> Iterator[Trouble]:
    """What is wrong, however lightly: what is told already is over only once it is not among these."""
    for point in health.points:
        name = point.point_of_sale
        if point.halted is not None:
            yield Trouble(
                AlertKind.HALTED, name, f"run {point.halted.run_id}: {point.halted.message or ''}".rstrip(": ")
            )
        if point.last_good is None:
            yield Trouble(AlertKind.STALE, name, _why_none_is_good(point))
        if point.failed_in_a_row:
            yield Trouble(AlertKind.FAILING, name, point.broken_off or _why_failed(point.last_failed))
    if health.edit_refused:
        yield Trouble(AlertKind.EDIT_REFUSED, MAPPING, health.edit_refused)
    for gate in health.gates:
        # While it is tried whether a system is back, whatever was wrong with it is not over.
        if gate.state in (GateState.DENIED, GateState.TRYING):
            yield Trouble(AlertKind.ACCESS_DENIED, gate.system, gate.reason)
        if gate.state in (GateState.CLOSED, GateState.TRYING):
            yield Trouble(AlertKind.GATE_CLOSED, gate.system, gate.reason)


def _lasting(health: Health, now: datetime, rules: AlertRules) -> Iterator[Trouble]:
    """What is wrong because of how long it has been so."""
    for point in health.points:
        lag_s = point.lag_s(now)
        if lag_s is not None and lag_s > rules.allowed(point.point_of_sale).total_seconds():
            yield Trouble(AlertKind.STALE, point.point_of_sale, _why_none_is_good(point))
        if point.backlog_since is not None and now - point.backlog_since > rules.backlog_after:
            writes = f"{point.backlog} write{'s' if point.backlog != 1 else ''}"
            oldest = f"the oldest planned at {_utc(point.backlog_since)}"
            yield Trouble(AlertKind.BACKLOG, point.point_of_sale, f"{writes} without a known outcome, {oldest}")


def _why_none_is_good(point: PointHealth) -> str:
    """What is known of a point of sale without a good run: its newest failure, else since when nothing came."""
    good, failed, last = point.last_good, point.last_failed, point.last
    if point.broken_off:
        return point.broken_off
    if failed is not None and (good is None or failed.run_id > good.run_id):
        return _why_failed(failed)
    if last is None:
        return "no run has begun there yet"
    if good is None:
        return f"no run has come to its end there yet; the newest began at {_utc(last.started_at)}"
    return f"no run failed there; the last good one began at {_utc(good.started_at)}"


def _why_failed(run: RunShown | None) -> str:
    if run is None:
        return "what kept them from their end is not known; see the log"
    ended = f"ended as {run.status.value} at {_utc(run.finished_at or run.started_at)}"
    return f"run {run.run_id}: {run.message or ended}"


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _grave(
    health: Health,
    open_alerts: Sequence[OpenAlert],
    now: datetime,
    rules: AlertRules,
    watched_since: Mapping[str, datetime],
) -> set[Key]:
    """The troubles that are bad enough to begin an alert, if they are present."""
    told = _systems_told(health, open_alerts, now, rules)
    grave: set[Key] = {(kind, gate.system) for gate in health.gates if (kind := _grave_gate(gate, now, rules))}
    grave.add((AlertKind.EDIT_REFUSED, MAPPING))
    for point in health.points:
        name = point.point_of_sale
        if point.paused is not None or health.storage:
            # A database that cannot be written is one trouble, however many points of sale stand still for it.
            continue
        grave |= {(AlertKind.HALTED, name), (AlertKind.BACKLOG, name)}
        if point.failed_in_a_row >= rules.failures and not _is_excused(point, told, rules):
            grave.add((AlertKind.FAILING, name))
        since = watched_since.get(name)
        patience = rules.allowed(name) if point.last_good is None else rules.settle
        if since is not None and now - since >= patience:
            grave.add((AlertKind.STALE, name))
    return grave


def _grave_gate(gate: GateHealth, now: datetime, rules: AlertRules) -> AlertKind | None:
    if gate.state is GateState.DENIED:
        return AlertKind.ACCESS_DENIED
    is_long_closed = gate.since is None or now - gate.since >= rules.gate_patience
    return AlertKind.GATE_CLOSED if gate.state is GateState.CLOSED and is_long_closed else None


def _systems_told(health: Health, open_alerts: Sequence[OpenAlert], now: datetime, rules: AlertRules) -> frozenset[str]:
    """The systems that people know of, or are told of now."""
    known = {alert.subject for alert in open_alerts if alert.kind in _OF_SYSTEMS and alert.closed_at is None}
    return frozenset(known | {gate.system for gate in health.gates if _grave_gate(gate, now, rules)})


def _is_excused(point: PointHealth, told: frozenset[str], rules: AlertRules) -> bool:
    needed = rules.systems.get(point.point_of_sale, frozenset())
    return point.paused is not None or point.halted is not None or not needed.isdisjoint(told)


def _is_of(key: Key, points: set[str]) -> bool:
    kind, subject = key
    return kind not in _OF_SYSTEMS and subject in points

"""One gate for each system, which all points of sale share: shut while it does not work, so that nobody knocks in vain.

It closes after failures in a row, lets one request through after a while to try, and opens again with the first that
is answered. A refused key shuts it for longer. A system that asks for patience is left alone for that long. What a
gate is in is pure (`Gate`); `Gates` keeps those of one process and tells of every change.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Final

from stocksync.errors import AccessDenied, NotSent, RateLimited, StocksyncError, SystemUnavailable, UnexpectedAnswer
from stocksync.sync.health import GateHealth, GateState
from stocksync.sync.ports import Clock
from stocksync.sync.sending import LONGEST_WAIT_ASKED_FOR_S

FAILURES_BEFORE_CLOSING: Final = 5
FIRST_CLOSED_FOR: Final = timedelta(seconds=30)
LONGEST_CLOSED_FOR: Final = timedelta(minutes=10)
"""How long a gate stays closed: 30 s at first, twice as long after each try in vain, and up to a quarter more."""
DENIED_FOR: Final = timedelta(minutes=15)
TRYING_FOR: Final = timedelta(minutes=5)
"""After this a try of which nobody heard again counts as over."""


@dataclass(frozen=True, slots=True)
class Gate:
    """How one system's gate stands; failures: in a row. closings: in a row, none of which a success came between.

    patient_until: the system asked to be left alone until then.
    """

    state: GateState = GateState.OPEN
    failures: int = 0
    closings: int = 0
    reason: str = ""
    since: datetime | None = None
    retry_at: datetime | None = None
    patient_until: datetime | None = None

    def may_try(self, now_at: datetime) -> bool:
        """Tell whether a closed gate may let one request through."""
        return self.state is not GateState.OPEN and self.retry_at is not None and now_at >= self.retry_at

    def trying(self, now_at: datetime) -> Gate:
        """The gate while one request tries."""
        return replace(self, state=GateState.TRYING, retry_at=now_at + TRYING_FOR)

    def after(self, error: StocksyncError | None, now_at: datetime, chance: Random) -> Gate:
        """The gate after a request ended so."""
        if isinstance(error, AccessDenied):
            since = self.since if self.state is not GateState.OPEN else now_at
            return Gate(GateState.DENIED, reason=str(error), since=since, retry_at=now_at + DENIED_FOR)
        if isinstance(error, RateLimited):
            wait = timedelta(seconds=error.retry_after_s or 0)
            return replace(self._alive(), patient_until=now_at + wait)
        if not isinstance(error, SystemUnavailable | UnexpectedAnswer):
            return self._alive()
        if self.state in (GateState.CLOSED, GateState.DENIED):
            # It was under way when the gate closed: that is no new try in vain.
            return self
        failures = self.failures + 1
        if self.state is GateState.OPEN and failures < FAILURES_BEFORE_CLOSING:
            return replace(self, failures=failures)
        closed_for = min(LONGEST_CLOSED_FOR, FIRST_CLOSED_FOR * 2**self.closings) * (1 + chance.random() / 4)
        return Gate(
            GateState.CLOSED,
            failures,
            min(self.closings + 1, 10),
            str(error),
            self.since if self.since is not None else now_at,
            now_at + closed_for,
        )

    def _alive(self) -> Gate:
        return Gate() if self.patient_until is None else Gate(patient_until=self.patient_until)


@dataclass
class Gates:
    """The gates of one process, by system; safe to share between threads.

    tell: heard at every change of a state, after it. Gates that an earlier process left closed are tried at once.
    """

    clock: Clock
    chance: Random = field(default_factory=Random)
    tell: Callable[[GateHealth], None] = lambda _: None
    _gates: dict[str, Gate] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def remember(self, left: Iterable[GateHealth]) -> None:
        """Take over the gates that an earlier process left closed."""
        now_at = self.clock.now_at()
        for gate in left:
            self._gates[gate.system] = Gate(GateState.CLOSED, 0, 0, gate.reason, gate.since, now_at)

    def enter(self, system: str) -> None:
        """Let a request through, after the patience that the system asked for.

        Raises NotSent, or AccessDenied without having asked where the key was just refused.
        """
        with self._lock:
            now_at = self.clock.now_at()
            gate = self._gates.get(system, Gate())
            if gate.state is not GateState.OPEN:
                if not gate.may_try(now_at) and gate.state is GateState.DENIED:
                    raise AccessDenied(gate.reason)
                if not gate.may_try(now_at):
                    raise NotSent(f"{system} is left alone until {gate.retry_at:%H:%M:%S} UTC: {gate.reason}")
                self._set(system, gate.trying(now_at))
                return
            wait_s = (gate.patient_until - now_at).total_seconds() if gate.patient_until is not None else 0.0
        if wait_s > LONGEST_WAIT_ASKED_FOR_S:
            raise NotSent(f"{system} asked to be left alone until {gate.patient_until:%H:%M:%S} UTC")
        if wait_s > 0:
            self.clock.pause(wait_s)

    def settle(self, system: str, error: StocksyncError | None) -> None:
        """Take in how a request ended; None for an answer of whatever kind."""
        with self._lock:
            gate = self._gates.get(system, Gate())
            self._set(system, gate.after(error, self.clock.now_at(), self.chance))

    def _set(self, system: str, gate: Gate) -> None:
        before = self._gates.get(system, Gate())
        self._gates[system] = gate
        if (before.state, before.retry_at) != (gate.state, gate.retry_at):
            self.tell(GateHealth(system, gate.state, gate.reason, gate.since, gate.retry_at))

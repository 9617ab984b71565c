"""Which faults are set for a system: kept in its state file, so that any process can break one that runs.

`Breaks` is for whoever orders faults, a person or a test; `Striker` is the running server's side: which of them
strike a request. What the faults are is in `faults.py`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from secrets import randbits
from typing import Any, cast

import orjson

from stocksync.sandbox.faults import (
    CARRIED_OUT,
    DRAWN,
    FAULTS,
    INSTEAD,
    ChanceFault,
    ClockSkew,
    EmptyListing,
    Fault,
    FaultError,
    ShortListing,
    SystemName,
    made,
)
from stocksync.sandbox.state import DMS_FILE, VEHICLE_MODULE_FILE, StateFile
from stocksync.sandbox.striking import NOTHING, Asked, Struck, chance, concerns

STATE_FILES: Mapping[SystemName, str] = {"vehicle_module": VEHICLE_MODULE_FILE, "dms": DMS_FILE}
_FAULTS = "faults"
_INSTEAD = frozenset(kind.name for kind in INSTEAD)
_CARRIED_OUT = frozenset(kind.name for kind in CARRIED_OUT)
_OF_LISTINGS = frozenset({EmptyListing.name, ShortListing.name})


@dataclass(frozen=True)
class Active:
    """A fault that is set; `order` a number that no other order has, `left` how often it may still strike."""

    fault: Fault
    order: int
    left: int | None

    def said(self) -> dict[str, Any]:
        """Return what was said of it, defaults left out."""
        return self.fault.model_dump(exclude_defaults=True, mode="json")


class Breaks:
    """The faults of one system; each call opens the state file anew, so any thread and any process may ask."""

    def __init__(self, directory: Path, system: SystemName) -> None:
        self._path = directory / STATE_FILES[system]

    def set(self, name: str, **options: Any) -> Active:
        """Set a fault, in place of any of that name; it holds from the next request on. FaultError."""
        with self._open() as state:
            return set_fault(state, made(name, options))

    def replace(self, faults: Mapping[str, Fault]) -> None:
        """Set exactly these faults."""
        with self._open() as state, state.writing():
            clear(state)
            for fault in faults.values():
                set_fault(state, fault)

    def clear(self, name: str | None = None) -> list[str]:
        """Take a fault away, or all; return the names of those that were set. FaultError for an unknown name."""
        if name is not None and name not in FAULTS:
            raise FaultError([((name,), f"no such fault; there are {', '.join(FAULTS)}")])
        with self._open() as state:
            return clear(state, name)

    def active(self) -> dict[str, Active]:
        """Return the faults that are set, by name."""
        with self._open() as state:
            return _read(_raw(state))

    @contextmanager
    def _open(self) -> Iterator[StateFile]:
        state = StateFile(self._path, "")
        try:
            yield state
        finally:
            state.close()


def set_fault(state: StateFile, fault: Fault) -> Active:
    """Set a fault in an open state file."""
    with state.writing():
        # not counted up: a stock that is filled anew forgets what was counted, and a server that runs does not
        active = Active(fault, randbits(53), fault.times if isinstance(fault, ChanceFault) else None)
        _write(state, {**_read(_raw(state)), fault.name: active})
    return active


def clear(state: StateFile, name: str | None = None) -> list[str]:
    """Take one fault away in an open state file, or all; return the names of those that were set."""
    with state.writing():
        active = _read(_raw(state))
        gone = [each for each in active if name in (None, each)]
        if gone:
            _write(state, {each: kept for each, kept in active.items() if each not in gone})
    return gone


def clock_skew_s(state: StateFile) -> float:
    """Return how far ahead the system's clock is ordered to be, in seconds."""
    raw = _raw(state)
    fault = _read(raw).get(ClockSkew.name) if raw is not None and b'"clock_skew"' in raw else None
    return fault.fault.seconds if fault is not None and isinstance(fault.fault, ClockSkew) else 0.0


class Striker:
    """What a running server asks: which faults strike this request. For the server's own thread only.

    How often a question was asked counts from the order that set the fault, or from the start of the server.
    """

    def __init__(self, state: StateFile) -> None:
        self._state = state
        self._known: bytes | None = None
        self._active: dict[str, Active] = {}
        self._asked: Counter[tuple[str, int, str]] = Counter()
        self._listings: dict[tuple[str, int, str], Random | None] = {}

    def strikes(self, asked: Asked) -> Struck:
        """Draw the faults of a request; NOTHING at once when no fault is set."""
        raw = _raw(self._state)
        if raw is None:
            return NOTHING
        self._refresh(raw)
        strikes: dict[str, tuple[Fault, Random]] = {}
        answered = False
        for name in DRAWN:
            active = self._active.get(name)
            # nothing else can be true of a request that is not carried out, nor of an answer that is spoilt
            if active is None or (answered and (name in _INSTEAD or not self._goes_on(strikes, name))):
                continue
            random = self._draw(active, asked)
            if random is not None:
                strikes[name] = (active.fault, random)
                answered = answered or name in _INSTEAD
        return Struck(strikes, {name: active.order for name, active in self._active.items()})

    def _goes_on(self, strikes: Mapping[str, object], name: str) -> bool:
        return name != "drip" and not _CARRIED_OUT.isdisjoint(strikes)

    def _refresh(self, raw: bytes) -> None:
        if raw == self._known:
            return
        self._known, self._active = raw, _read(raw)
        orders = {(name, active.order) for name, active in self._active.items()}
        self._asked = Counter({key: count for key, count in self._asked.items() if key[:2] in orders})
        self._listings = {key: drawn for key, drawn in self._listings.items() if key[:2] in orders}

    def _draw(self, active: Active, asked: Asked) -> Random | None:
        fault = active.fault
        if not isinstance(fault, ChanceFault) or not concerns(fault, asked):
            return None
        listing = (fault.name, active.order, asked.listing)
        if fault.name in _OF_LISTINGS and not asked.is_first_page:
            return self._listings.get(listing)
        key = (fault.name, active.order, asked.line)
        self._asked[key] += 1
        random = None if active.left == 0 else chance(fault, asked, self._asked[key])
        if random is not None and active.left is not None and not self._use_up(fault.name, active.order):
            random = None
        if fault.name in _OF_LISTINGS:
            self._listings[listing] = random
        return random

    def _use_up(self, name: str, order: int) -> bool:
        """Use up one of the times that a fault may strike; False when none is left or it was just taken away."""
        with self._state.writing():
            active = _read(_raw(self._state))
            found = active.get(name)
            if found is None or found.order != order or not found.left:
                return False
            _write(self._state, {**active, name: Active(found.fault, order, found.left - 1)})
        return True


def _raw(state: StateFile) -> bytes | None:
    row = state.sql.execute("SELECT value FROM settings WHERE name = ?", (_FAULTS,)).fetchone()
    return None if row is None else cast(bytes, row[0])


def _read(raw: bytes | None) -> dict[str, Active]:
    kept: dict[str, dict[str, Any]] = {} if raw is None else orjson.loads(raw)
    return {name: Active(made(name, entry["said"]), entry["order"], entry["left"]) for name, entry in kept.items()}


def _write(state: StateFile, active: Mapping[str, Active]) -> None:
    entries = {name: {"said": each.said(), "order": each.order, "left": each.left} for name, each in active.items()}
    state.set_setting(_FAULTS, entries or None)

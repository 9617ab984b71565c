"""A working day on both sides: a script of steps, or a random day that a seed repeats.

A script is a YAML list. A step is its name, or its name with parameters; a parameter left out is chosen by
chance:

    - new_arrival: {point_of_sale: PDV1}
    - enter_register: {file: VO004512}
    - price_campaign: {point_of_sale: PDV1, cars: 10, percent: -5}
    - mileage_on_both
    - wait: {seconds: 2}

`steps()` lists the names with what each does. They act directly on the state files, through the same
functions as the servers, so they work while the servers serve.
"""

import difflib
import inspect
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from stocksync.sandbox import incidents
from stocksync.sandbox.clerks import Clerks
from stocksync.sandbox.clock import Clock, utc_now
from stocksync.sandbox.dms_rules import DmsError
from stocksync.sandbox.faults import FaultError
from stocksync.sandbox.salespeople import IN_HOUSE, Salespeople
from stocksync.sandbox.sentences import DMS, MODULE, NOBODY, Event
from stocksync.sandbox.state import StateFile
from stocksync.sandbox.vehicle_module_rules import Problem
from stocksync.sandbox.workplace import Workplace

Step = tuple[str, Mapping[str, Any]]

# how often each thing happens in a random day
_DAY = {
    "new_arrival": 8,
    "enter_register": 12,
    "advance_stage": 18,
    "mileage_on_both": 3,
    "module_mileage": 6,
    "dms_mileage": 8,
    "dms_order": 5,
    "invoice": 8,
    "transfer": 4,
    "buy_back": 2,
    "dms_edit": 5,
    "price_campaign": 2,
    "correct_vin": 1,
    "module_blank": 1,
    "dms_blank": 2,
    "take_order": 4,
}


class ScriptError(ValueError):
    """A script that cannot be played, and where."""


class WorkingDay:
    """People at work in one state directory."""

    def __init__(self, directory: Path, clock: Clock = utc_now, seed: int = 1) -> None:
        self._place = Workplace(directory, clock, seed)
        self._salespeople = Salespeople(self._place)
        self._clerks = Clerks(self._place)

    def __enter__(self) -> "WorkingDay":
        return self

    def __exit__(self, *_: object) -> None:
        self._place.close()

    def random_day(self, events: int) -> Iterator[Event]:
        """Play that many steps at random; stop early when nothing can be done at all."""
        idle = 0
        while events > 0 and idle < 100:
            happened = self._do(self._place.draws.weighted(_DAY), {})
            idle = 0 if happened else idle + 1
            events -= bool(happened)
            yield from happened

    def script(self, steps: list[Step]) -> Iterator[Event]:
        """Play the steps in order; ScriptError for one that a system refuses. Those before it are done."""
        for number, (name, parameters) in enumerate(steps, 1):
            try:
                happened = self._do(name, parameters)
            except (Problem, DmsError, FaultError) as refusal:
                raise ScriptError(f"step {number}, {name}: {_reason(refusal)}") from refusal
            yield from happened or [Event(NOBODY, "", "idle", {"step": name})]

    def _do(self, name: str, parameters: Mapping[str, Any]) -> list[Event]:
        for worker in (self, self._salespeople, self._clerks):
            if name in _steps_of(type(worker)):
                happened: list[Event] = getattr(worker, name)(**parameters)
                return happened
        raise AssertionError(name)

    # -- steps that are neither side's alone

    def mileage_on_both(self, vehicle: str | None = None) -> list[Event]:
        """Update the mileage of one car on both sides, differently."""
        found = self._place.vehicle(vehicle, IN_HOUSE, lambda car: car["identification"]["dmsReference"])
        if found is None:
            return []
        dossier = found["identification"]["dmsReference"]
        in_dms = self._clerks.dms_mileage(dossier) if dossier else []
        return self._salespeople.module_mileage(found["id"]) + in_dms

    def wait(self, seconds: float = 1) -> list[Event]:
        """Let real time pass."""
        time.sleep(seconds)
        return [Event(NOBODY, "", "waited", {"seconds": seconds})]

    def close_for_batch(self, side: str = "dms") -> list[Event]:
        """Close a side (dms, vehicle_module) as for its nightly batch: every request is refused with 503."""
        incidents.close_for_batch(self._state(side), closed=True)
        return [Event(_NAMES[side], "", "closed")]

    def open_again(self, side: str = "dms") -> list[Event]:
        """Open a side that was closed."""
        incidents.close_for_batch(self._state(side), closed=False)
        return [Event(_NAMES[side], "", "opened")]

    def refuse_requests(self, side: str = "dms", requests: int = 3, retry_after_s: int = 1) -> list[Event]:
        """Let a side answer its next requests with 429 and that Retry-After."""
        incidents.refuse_requests(self._state(side), requests, retry_after_s)
        return [Event(_NAMES[side], "", "refusing", {"requests": requests})]

    def _state(self, side: str) -> StateFile:
        if side not in _NAMES:
            raise Problem(422, f"side is dms or vehicle_module, not {side}")
        return self._place.dms.state if side == "dms" else self._place.module.state


_NAMES = {"dms": DMS, "vehicle_module": MODULE}
_NOT_STEPS = ("random_day", "script")


def steps() -> dict[str, str]:
    """Map each step's name to what it does and its parameters."""
    found = {}
    for worker in (WorkingDay, Salespeople, Clerks):
        for name, method in _steps_of(worker).items():
            parameters = ", ".join(list(inspect.signature(method).parameters)[1:])
            found[name] = f"{inspect.getdoc(method)} ({parameters})"
    return found


def read_script(path: Path) -> list[Step]:
    """Read a script; ScriptError for anything that is not a known step with known parameters."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as unreadable:
        raise ScriptError(f"{path.name} is not YAML: {unreadable}") from unreadable
    if not isinstance(content, list):
        raise ScriptError(f"{path.name} must be a list of steps")
    return [_checked(number, entry) for number, entry in enumerate(content, 1)]


def _checked(number: int, entry: object) -> Step:
    if isinstance(entry, str):
        entry = {entry: {}}
    if not isinstance(entry, dict) or len(entry) != 1:
        raise ScriptError(f"step {number} must be a name, or a name with its parameters")
    name, parameters = next(iter(entry.items()))
    methods = {key: method for worker in (WorkingDay, Salespeople, Clerks) for key, method in _steps_of(worker).items()}
    if name not in methods:
        raise ScriptError(f"step {number}: no step {name}{_nearest(str(name), list(methods))}")
    try:
        inspect.signature(methods[name]).bind(None, **(parameters or {}))
    except TypeError as wrong:
        raise ScriptError(f"step {number}, {name}: {wrong}") from wrong
    return name, parameters or {}


def _steps_of(worker: type) -> dict[str, Callable[..., list[Event]]]:
    public = inspect.getmembers(worker, inspect.isfunction)
    return {name: method for name, method in public if not name.startswith("_") and name not in _NOT_STEPS}


def _nearest(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, 1)
    return f"; did you mean {near[0]}?" if near else ""


def _reason(refusal: Problem | DmsError | FaultError) -> str:
    if isinstance(refusal, FaultError):
        return str(refusal)
    details = refusal.errors if isinstance(refusal, Problem) else refusal.fields
    return "; ".join([str(refusal), *(f"{next(iter(d.values()))}: {d['message']}" for d in details)])

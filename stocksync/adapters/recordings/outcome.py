"""What a run came to without a single value of a car, so that a run and its replay can be held side by side.

A scrubbed plan writes other values, and has another digest than the plan itself: what is compared is which car and
subject ended how, and why. What exactly was sent is compared request by request, see `answering`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from stocksync.stock.reconcile import Category
from stocksync.stock.values import SIDES, Side
from stocksync.sync.cycle import CycleResult
from stocksync.sync.plan import CarPlan

Decision = tuple[str, str, str, str, str]
"""A car's record in the vehicle module, that in the DMS, the subject, where it ended, and why; "" for none."""
FIGURES: Final = ("read", "bound", "writes", "creations", "transitions", "conflicts", "held", "report_rows_open")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one run ended.

    status, kind: as the run has them. error: the name of what stopped it, "" for nothing. halts: guards. figures: see
    `Summary.as_json`. decisions: of every difference that did not end in agreement, in order.
    """

    status: str
    kind: str
    exit_code: int
    error: str
    halts: tuple[str, ...]
    figures: Mapping[str, Any]
    decisions: tuple[Decision, ...]

    @property
    def digest(self) -> str:
        """Name what was decided, without the values."""
        return hashlib.sha256(orjson.dumps(self.decisions)).hexdigest()[:16]

    def as_json(self) -> dict[str, Any]:
        """All but the decisions, which are many."""
        return {
            "status": self.status,
            "kind": self.kind,
            "exit_code": self.exit_code,
            "error": self.error,
            "halts": list(self.halts),
            "plan": self.digest,
            **self.figures,
        }


def outcome_of(
    result: CycleResult, exit_code: int, id_as: Callable[[str, Side], str] = lambda record_id, _: record_id
) -> Outcome:
    """What a run came to; id_as: how ids are spelled in the recording."""
    summary = result.summary.as_json()
    cars = result.plan.cars if result.plan is not None else ()
    decisions = sorted(decision for car in cars for decision in _decisions(car, id_as))
    return Outcome(
        status=result.summary.status.value,
        kind=result.summary.kind.value,
        exit_code=exit_code,
        error=type(result.error).__name__ if result.error is not None else "",
        halts=tuple(halt.guard.value for halt in result.halts),
        figures={name: summary[name] for name in FIGURES},
        decisions=tuple(decisions),
    )


def crashed(error: BaseException, kind: str, exit_code: int) -> Outcome:
    """What a run came to that ended in a fault of stocksync itself, or was broken off."""
    nothing: dict[str, Any] = dict.fromkeys(FIGURES, 0)
    return Outcome("crashed", kind, exit_code, type(error).__name__, (), nothing, ())


def _decisions(car: CarPlan, id_as: Callable[[str, Side], str]) -> list[Decision]:
    ids = [id_as(car.car.record_ids[side], side) if side in car.car.record_ids else "" for side in SIDES]
    return [
        (ids[0], ids[1], subject, verdict.category.value, verdict.reason.value if verdict.reason is not None else "")
        for subject, verdict in car.verdicts.items()
        if verdict.category is not Category.AGREED
    ]


@dataclass(frozen=True, slots=True)
class Moved:
    """A difference that ended otherwise: what was recorded and what came now, None for nothing."""

    vehicle_module_id: str
    dms_id: str
    subject: str
    before: tuple[str, str] | None
    now: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Compared:
    """Where a replay differs from what was recorded; figures: by name, before and now."""

    figures: Mapping[str, tuple[Any, Any]]
    moved: tuple[Moved, ...]

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return not self.figures and not self.moved


def compared(before: Outcome, now: Outcome) -> Compared:
    """Hold a replay against what was recorded."""
    said, says = before.as_json(), now.as_json()
    figures = {name: (said.get(name), says.get(name)) for name in says if said.get(name) != says.get(name)}
    return Compared(figures, _moved(before.decisions, now.decisions))


def _moved(before: Sequence[Decision], now: Sequence[Decision]) -> tuple[Moved, ...]:
    then = {decision[:3]: decision[3:] for decision in before}
    since = {decision[:3]: decision[3:] for decision in now}
    keys = sorted(key for key in then.keys() | since.keys() if then.get(key) != since.get(key))
    return tuple(Moved(*key, then.get(key), since.get(key)) for key in keys)

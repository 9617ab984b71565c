"""What a plan consists of: verdicts, operations and findings for every car of one point of sale, as values.

How a plan is made is `decide`; what becomes of one, `cycle` and `delivery`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import orjson

from stocksync.stock.lifecycle import StageVerdict
from stocksync.stock.ownership import Context
from stocksync.stock.reconcile import Category, Verdict
from stocksync.stock.resolution import Standing
from stocksync.stock.values import Known, Reading, Side
from stocksync.stock.vehicle import Vehicle
from stocksync.sync.cars import Car, Finding

DIFFERENCES: Final = (
    Category.AGREED,
    Category.WRITTEN,
    Category.REFUSED,
    Category.CONFLICT,
    Category.HELD,
    Category.DEFERRED,
)


class Action(StrEnum):
    """What an operation asks a system to do."""

    CREATE = "create"
    UPDATE = "update"
    RESERVE = "reserve"


@dataclass(frozen=True, slots=True)
class Change:
    """One attribute of an operation: what is written, and what the side held when that was planned.

    resolution: the number of the reviewer's decision that it carries out, None where the table decided.
    """

    attribute: str
    value: Known
    expected: Reading
    fills_blank: bool = False
    resolution: int | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One request to one side for one car; those of a car and side are carried out in order.

    reference: the other side's record id, where it is to be noted. version: what the side's record had when this was
    planned, None where the side has no versions or where an earlier operation changes it.
    """

    side: Side
    action: Action
    record_id: str | None
    changes: tuple[Change, ...] = ()
    reference: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class CarPlan:
    """What is due for one car.

    car: as it will be remembered once this plan is recorded. verdicts: every difference, by subject, in the order of
    the matrix. findings: what a person should see. rules: per subject, the mapping line that decided.
    observed: differences counted by looking at the readings alone, to hold the verdicts against. standings: how the
    reviewers' decisions about the car stand, by their number.
    """

    car: Car
    vehicle_module: Vehicle | None
    dms: Vehicle | None
    context: Context | None
    verdicts: Mapping[str, Verdict]
    operations: tuple[Operation, ...] = ()
    findings: tuple[Finding, ...] = ()
    stage: StageVerdict | None = None
    bound_by: str | None = None
    unchanged: bool = True
    rules: Mapping[str, str] = field(default_factory=dict)
    observed: int = 0
    standings: Mapping[int, Standing] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is due at one point of sale."""

    point_of_sale: str
    mapping_version: str
    cars: tuple[CarPlan, ...]
    merged: Mapping[str, str]

    def categories(self) -> dict[Category, int]:
        """Count the differences by where they end (law 4)."""
        counts = dict.fromkeys(DIFFERENCES, 0)
        for car in self.cars:
            for verdict in car.verdicts.values():
                counts[verdict.category] += 1
        return counts

    def digest(self) -> str:
        """Name exactly this plan: what would be written, and where."""
        parts = [(car.car.id, [_operation_parts(o) for o in car.operations]) for car in self.cars if car.operations]
        return hashlib.sha256(orjson.dumps(parts)).hexdigest()[:16]


def _operation_parts(operation: Operation) -> list[Any]:
    changes = [[c.attribute, repr(c.value), repr(c.expected)] for c in operation.changes]
    return [operation.side, operation.action, operation.record_id, changes, operation.reference]

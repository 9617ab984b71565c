"""A plan in the order of what costs money, and its totals: what people look at before the details.

How cars and totals are worded is `plan_view`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum

from stocksync.entrypoints import cases
from stocksync.stock.lifecycle import EXIT
from stocksync.stock.values import Kind
from stocksync.stock.vehicle import REGISTRATION, STAGE, Attribute
from stocksync.sync.plan import Action, CarPlan, Operation, Plan


class Weight(StrEnum):
    """What an operation comes to, dearest first: a car sold twice, one that leaves, one that is opened, a price."""

    RESERVATION = "due_reservation"
    EXIT = "due_exit"
    CREATION = "due_creation"
    PRICE = "due_price"
    STAGE = "due_stage"
    OTHER = "due_other"
    REFERENCE = "due_reference"


_RANKS: Mapping[Weight, int] = {weight: rank for rank, weight in enumerate(Weight)}


def in_order_of_cost(plan: Plan, vocabulary: Mapping[str, Attribute]) -> list[CarPlan]:
    """Sort the cars of a plan: what costs money first, then by plate."""

    def key(car: CarPlan) -> tuple[int, str, str]:
        dearest = min((_RANKS[weight] for weight in weights_of(car, vocabulary)), default=len(_RANKS))
        return dearest, cases.first_text(cases.vehicles_of(car), REGISTRATION) or "~", car.car.id

    return sorted(plan.cars, key=key)


def totals(cars: Iterable[CarPlan], vocabulary: Mapping[str, Attribute]) -> Counter[Weight]:
    """Count the cars by what is due for them; a car counts once for each."""
    return Counter(weight for car in cars for weight in weights_of(car, vocabulary))


def weights_of(car: CarPlan, vocabulary: Mapping[str, Attribute]) -> set[Weight]:
    """Tell what is due for a car."""
    return {weight for operation in car.operations for weight in _weights(operation, vocabulary)}


def _weights(operation: Operation, vocabulary: Mapping[str, Attribute]) -> set[Weight]:
    if operation.action is not Action.UPDATE:
        return {Weight.RESERVATION if operation.action is Action.RESERVE else Weight.CREATION}
    weights = {Weight.REFERENCE} if operation.reference is not None else set()
    for change in operation.changes:
        if change.attribute == STAGE:
            weights.add(Weight.EXIT if change.value == EXIT else Weight.STAGE)
        else:
            weights.add(Weight.PRICE if vocabulary[change.attribute].kind is Kind.MONEY else Weight.OTHER)
    return weights

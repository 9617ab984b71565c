"""The same value written over the same other value again and again: something on that side puts it back. Pure.

Two programs that correct one another would otherwise do so for ever. After a few rounds within a day the attribute of
that car is left alone, and a person asked; any other value on either side is worth a new try.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from stocksync.stock.values import Invalid, Side
from stocksync.stock.vehicle import LIFECYCLE_ATTRIBUTES
from stocksync.sync.cars import Car, Overwrite
from stocksync.sync.plan import Change

ROUNDS_BEFORE_HOLDING: Final = 3
_WITHIN: Final = timedelta(days=1)


def with_overwrites(car: Car, side: Side, changes: Iterable[Change], kept: Iterable[str], today_on: date) -> Car:
    """Count what a side took in place of another value."""
    taken = set(kept)
    counted = dict(car.overwrites)
    for change in changes:
        if change.attribute not in taken or change.attribute in LIFECYCLE_ATTRIBUTES:
            continue
        key = (change.attribute, side)
        if change.fills_blank or change.resolution is not None or isinstance(change.expected, Invalid):
            counted.pop(key, None)
            continue
        before = counted.get(key)
        same_again = before is not None and (before.written, before.over) == (change.value, change.expected)
        if before is not None and same_again and today_on - before.since_on <= _WITHIN:
            counted[key] = replace(before, times=before.times + 1)
        else:
            counted[key] = Overwrite(change.value, change.expected, 1, today_on)
    return car if counted == car.overwrites else replace(car, overwrites=counted)


def keeps_coming_back(car: Car, attribute: str, side: Side, written: object, over: object) -> bool:
    """Tell whether a value was put back often enough to leave it alone."""
    before = car.overwrites.get((attribute, side))
    if before is None or before.times < ROUNDS_BEFORE_HOLDING:
        return False
    return (before.written, before.over) == (written, over)

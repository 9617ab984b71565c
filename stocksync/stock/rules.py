"""What several attributes of a car say together: rules between values, from the vocabulary.

A value that breaks a rule becomes an `Invalid` reading, so that the decision table holds it (row 9). Rules look at
both sides, because a condition (a direct purchase, say) is one of the car and not of the side that states it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise

from stocksync.stock.values import ABSENT, BLANK, SIDES, Invalid, Reading, Side, is_value

VIN_LENGTH = 17
_MODULE, _DMS = SIDES

Readings = Mapping[str, Reading]


@dataclass(frozen=True, slots=True)
class DatesInOrder:
    """Each date is on or before the next; where two contradict each other both are invalid."""

    attributes: tuple[str, ...]

    def broken_by(self, car: Car) -> dict[tuple[Side, str], str]:
        """Find the contradicting dates of each side."""
        broken = {}
        for side, readings in car.sides:
            for earlier, later in pairwise(self.attributes):
                first, second = readings.get(earlier), readings.get(later)
                if isinstance(first, date) and isinstance(second, date) and first > second:
                    broken[side, earlier] = f"after {later}"
                    broken[side, later] = f"before {earlier}"
        return broken


@dataclass(frozen=True, slots=True)
class NotAfterToday:
    """A date that cannot lie in the future."""

    attributes: tuple[str, ...]

    def broken_by(self, car: Car) -> dict[tuple[Side, str], str]:
        """Find the dates that lie in the future."""
        found = {}
        for side, readings in car.sides:
            for name in self.attributes:
                if isinstance(day := readings.get(name), date) and day > car.today_on:
                    found[side, name] = "in the future"
        return found


@dataclass(frozen=True, slots=True)
class ForbiddenWhen:
    """An attribute that must be empty while another has one of some values."""

    attribute: str
    when: str
    values: frozenset[str]

    def broken_by(self, car: Car) -> dict[tuple[Side, str], str]:
        """Find the values that should not be there."""
        when = car.effective(self.when)
        if when not in self.values:
            return {}
        return {
            (side, self.attribute): f"not allowed with {self.when} {when}"
            for side, readings in car.sides
            if is_value(readings.get(self.attribute, ABSENT))
        }


@dataclass(frozen=True, slots=True)
class RequiredWhen:
    """An attribute that may not be empty while another has one of some values.

    Decided: broken only where neither side holds a value, because a value on one side fills the other's blank.
    """

    attribute: str
    when: str
    values: frozenset[str]

    def broken_by(self, car: Car) -> dict[tuple[Side, str], str]:
        """Find the blank that should hold a value."""
        when = car.effective(self.when)
        if when not in self.values:
            return {}
        held = [(side, readings.get(self.attribute, ABSENT)) for side, readings in car.sides]
        if any(is_value(reading) for _, reading in held):
            return {}
        why = f"required with {self.when} {when}"
        return {(side, self.attribute): why for side, reading in held if reading is BLANK}


@dataclass(frozen=True, slots=True)
class MoreThan:
    """A number that must exceed a limit, in the attribute's unit."""

    attribute: str
    limit: int

    def broken_by(self, car: Car) -> dict[tuple[Side, str], str]:
        """Find the numbers at or under the limit."""
        found = {}
        for side, readings in car.sides:
            reading = readings.get(self.attribute)
            if isinstance(reading, int) and reading <= self.limit:
                found[side, self.attribute] = "too low to be a price"
        return found


@dataclass(frozen=True, slots=True)
class ShortVinOnlyBefore:
    """A VIN of fewer than 17 characters belongs to a car first registered before a year."""

    vin: str
    first_registration: str
    year: int

    def broken_by(self, car: Car) -> dict[tuple[Side, str], str]:
        """Find the short VINs of cars that are too young for one."""
        short = {}
        for side, readings in car.sides:
            if isinstance(vin := readings.get(self.vin), str) and len(vin) != VIN_LENGTH:
                short[side, self.vin] = f"{len(vin)} characters instead of 17"
        if not short:
            return {}
        registered = car.effective(self.first_registration)
        return {} if isinstance(registered, date) and registered.year < self.year else short


Rule = DatesInOrder | NotAfterToday | ForbiddenWhen | RequiredWhen | MoreThan | ShortVinOnlyBefore


@dataclass(frozen=True, slots=True)
class Car:
    """Both sides of one car, and the day on which they are looked at.

    owners: the side that decides an attribute; its value is the car's where the two differ. sides: what each holds.
    """

    vehicle_module: Readings
    dms: Readings
    owners: Mapping[str, Side]
    today_on: date
    sides: tuple[tuple[Side, Readings], tuple[Side, Readings]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sides", ((_MODULE, self.vehicle_module), (_DMS, self.dms)))

    def effective(self, attribute: str) -> Reading | None:
        """The car's own value of an attribute: the owner's if set, else the other side's."""
        sides = (self.vehicle_module, self.dms)
        if self.owners.get(attribute) is _DMS:
            sides = (self.dms, self.vehicle_module)
        for readings in sides:
            reading = readings.get(attribute, ABSENT)
            if is_value(reading):
                return reading
        return None


def apply_rules(rules: tuple[Rule, ...], car: Car) -> tuple[Readings, Readings]:
    """Replace what breaks a rule by an `Invalid` reading, on the side that holds it."""
    broken: dict[tuple[Side, str], str] = {}
    for rule in rules:
        if found := rule.broken_by(car):
            broken.update(found)
    if not broken:
        return car.vehicle_module, car.dms
    sides = {Side.VEHICLE_MODULE: dict(car.vehicle_module), Side.DMS: dict(car.dms)}
    for (side, attribute), why in broken.items():
        held = sides[side].get(attribute)
        if not isinstance(held, Invalid):
            raw = "" if held is None or not is_value(held) else str(held)
            sides[side][attribute] = Invalid(raw, why)
    return sides[Side.VEHICLE_MODULE], sides[Side.DMS]

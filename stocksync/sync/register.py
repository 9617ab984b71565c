"""The police register of one point of sale: numbers that stand twice, and the order in which they were given. Pure.

Source: article 321-7 of the French penal code; one register per establishment, numbered in order of entry.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stocksync.stock.values import ABSENT, is_value
from stocksync.stock.vehicle import POLICE_NUMBER
from stocksync.sync.cars import Sighting


@dataclass(frozen=True, slots=True)
class Register:
    """The police numbers of one point of sale: which stand twice, and the highest that both sides knew before.

    doubled: number to the DMS records that carry it. highest: None at first contact.
    """

    doubled: Mapping[str, tuple[str, ...]]
    highest: str | None

    def is_out_of_order(self, number: str) -> bool:
        """Tell whether a number is lower than one that was given before."""
        return self.highest is not None and in_register_order(number) < in_register_order(self.highest)


def register_of(sightings: Iterable[Sighting], point_of_sale: str, *, first_contact: bool) -> Register:
    """Read the register off the cars that were entered at a point of sale; a car keeps its number when it moves."""
    numbers: dict[str, list[str]] = defaultdict(list)
    known: list[str] = []
    for sighting in sightings:
        own = sighting.car.first_point_of_sale == point_of_sale
        number = sighting.dms.text(POLICE_NUMBER) if sighting.dms is not None else None
        if own and number is not None and sighting.dms is not None:
            numbers[number].append(sighting.dms.record_id)
        base = sighting.car.base.get(POLICE_NUMBER, ABSENT)
        if own and is_value(base):
            known.append(str(base))
    doubled = {number: tuple(ids) for number, ids in numbers.items() if len(ids) > 1}
    highest = max(known, key=in_register_order) if known and not first_contact else None
    return Register(doubled, highest)


def in_register_order(number: str) -> tuple[int, ...]:
    """The numbers in a police number, for comparison: the year, then the place in it."""
    digits = "".join(c if c.isdigit() else " " for c in number).split()
    return tuple(int(part) for part in digits)

"""The police register of one point of sale: numbers that stand twice, and the order in which they were given. Pure.

Source: article 321-7 of the French penal code; one register per establishment, numbered in order of entry.
"""

from __future__ import annotations

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


def register_of(
    sightings: Iterable[Sighting],
    numbers: Mapping[str, tuple[str, ...]],
    point_of_sale: str,
    *,
    first_contact: bool,
) -> Register:
    """Read the register; `numbers` are all that were given at this point of sale, by the records that carry them."""
    known = [
        str(base)
        for sighting in sightings
        if sighting.car.first_point_of_sale == point_of_sale
        and is_value(base := sighting.car.base.get(POLICE_NUMBER, ABSENT))
    ]
    doubled = {number: ids for number, ids in numbers.items() if len(ids) > 1}
    highest = max(known, key=in_register_order) if known and not first_contact else None
    return Register(doubled, highest)


def in_register_order(number: str) -> tuple[int, ...]:
    """The numbers in a police number, for comparison: the year, then the place in it."""
    digits = "".join(c if c.isdigit() else " " for c in number).split()
    return tuple(int(part) for part in digits)

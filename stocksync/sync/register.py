"""The police register of one point of sale: numbers that stand twice, and the order in which they were given. Pure.

Source: article 321-7 of the French penal code; one register per establishment, numbered in order of entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from stocksync.stock.values import ABSENT, is_value
from stocksync.stock.vehicle import POLICE_NUMBER
from stocksync.sync.cars import Sighting

Given = Callable[[], Iterable[str]]
"""Gives the police numbers that both sides are known to hold."""


@dataclass(frozen=True)
class Register:
    """The police numbers of one point of sale: which stand twice, and the highest that both sides knew before.

    doubled: number to the DMS records that carry it. given: gives the numbers that both sides knew, when asked for.
    """

    doubled: Mapping[str, tuple[str, ...]]
    given: Callable[[], Iterable[str]]

    @cached_property
    def highest(self) -> str | None:
        """The highest number that both sides knew before; None where they knew none."""
        return max(self.given(), key=in_register_order, default=None)

    def is_out_of_order(self, number: str) -> bool:
        """Tell whether a number is lower than one that was given before."""
        return self.highest is not None and in_register_order(number) < in_register_order(self.highest)


def register_of(
    sightings: Iterable[Sighting],
    numbers: Mapping[str, tuple[str, ...]],
    point_of_sale: str,
    given: Given | None = None,
) -> Register:
    """Read the register; `numbers` are all that were given at this point of sale, by the records that carry them.

    given: see `Register`; what is known of the sightings unless told.
    """

    def known() -> Iterable[str]:
        for sighting in sightings:
            base = sighting.car.base.get(POLICE_NUMBER, ABSENT)
            if sighting.car.first_point_of_sale == point_of_sale and is_value(base):
                yield str(base)

    return Register({number: ids for number, ids in numbers.items() if len(ids) > 1}, given or known)


def in_register_order(number: str) -> tuple[int, ...]:
    """The numbers in a police number, for comparison: the year, then the place in it."""
    digits = "".join(c if c.isdigit() else " " for c in number).split()
    return tuple(int(part) for part in digits)

"""Points of sale at first contact, seen together: a car that stands at two is one, though nothing is remembered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.stock.values import SIDES, Side
from stocksync.stock.vehicle import Vehicle
from stocksync.sync import gather as gathering
from stocksync.sync.binding import is_open, vin_of
from stocksync.sync.gather import Gathered


@dataclass(frozen=True, slots=True)
class Newcomers:
    """What was just gathered at points of sale at first contact, of which there are no snapshots yet.

    by_vin: open records, each with its point of sale and side. referred: by side and record id, the records of the
    other side that refer to it.
    """

    by_vin: Mapping[str, Sequence[tuple[str, Side, Vehicle]]] = field(default_factory=dict)
    referred: Mapping[Side, Mapping[str, set[str]]] = field(default_factory=lambda: {side: {} for side in SIDES})


def newcomers_of(gathered: Iterable[tuple[PointOfSaleMapping, Gathered]]) -> Newcomers:
    """Index what was gathered at points of sale at first contact."""
    by_vin: dict[str, list[tuple[str, Side, Vehicle]]] = {}
    referred: dict[Side, dict[str, set[str]]] = {side: {} for side in SIDES}
    for mapping, found in gathered:
        for side, vehicles in gathering.vehicles_of(mapping, found.records).items():
            for vehicle in vehicles.values():
                vin = vin_of(vehicle)
                if vin is not None and is_open(side, vehicle):
                    by_vin.setdefault(vin, []).append((mapping.id, side, vehicle))
                if vehicle.reference is not None:
                    referred[side.other].setdefault(vehicle.reference, set()).add(vehicle.record_id)
    return Newcomers(by_vin, referred)

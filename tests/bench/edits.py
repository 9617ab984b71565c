"""What people change between two cycles of workload (b): the same cars for the same number, never one of them twice."""

from __future__ import annotations

from random import Random
from typing import Any

from stocksync.sandbox.records import amount_text
from stocksync.stock.values import Side
from tests.bench.cars import SEED
from tests.bench.ground import Ground


def edit(ground: Ground, number: int, *, on_each_side: int, in_conflict: int) -> None:
    """Change so many cars on each side, and so many others so that only a person can say what holds.

    The module's users change prices, which the DMS is told; the DMS's clerks change reconditioning costs, which the
    module is told. A conflict is a police number that was typed over, which the mapping calls immutable.
    """
    chance = Random(f"{SEED} {number}")
    chosen = chance.sample(range(ground.layout.cars), 2 * on_each_side + in_conflict * 4)
    module, dms = ground.servers[Side.VEHICLE_MODULE], ground.servers[Side.DMS]
    for index in chosen[:on_each_side]:
        module.change(index, raise_price)
    for index in chosen[on_each_side : 2 * on_each_side]:
        dms.change(index, raise_cost)
    numbered = [index for index in chosen[2 * on_each_side :] if dms.record(index)["no_police"]]
    for index in numbered[:in_conflict]:
        dms.change(index, type_number_over)


def raise_price(record: dict[str, Any]) -> None:
    """In the module."""
    record["sale"]["price"] = (record["sale"]["price"] or 9_990.0) + 100


def raise_cost(record: dict[str, Any]) -> None:
    """In the DMS."""
    cents = round(float(record["frevo"].replace(" ", "").replace(",", ".")) * 100)
    record["frevo"] = amount_text(cents + 5_000)


def type_number_over(record: dict[str, Any]) -> None:
    """In the DMS."""
    record["no_police"] = "9" + record["no_police"]


def turn_vat_over(record: dict[str, Any]) -> None:
    """In the DMS: who is right nobody can know."""
    record["tva_recup"] = "N" if record["tva_recup"] == "O" else "O"

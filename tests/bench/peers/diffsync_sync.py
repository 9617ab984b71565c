"""diffsync: both sides loaded as models, the difference, and the one synchronised to the other in memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import orjson
from diffsync import Adapter

from tests.bench.peers.diffsync_models import CarModel
from tests.bench.peers.stock import Car, Pages, cars_of_dms, cars_of_module, measure


class Stock(Adapter):
    """One side."""

    car = CarModel
    top_level: ClassVar[list[str]] = ["car"]

    def load(self, cars: Iterable[Car]) -> None:
        """Load its cars."""
        for car in cars:
            self.add(CarModel(**car))


def work(pages: Pages) -> int:
    """Load, compare, synchronise."""
    module, dms = Stock(), Stock()
    module.load(cars_of_module(pages.module, orjson.loads))
    dms.load(cars_of_dms(pages.dms, orjson.loads))
    diff = module.diff_to(dms)
    changed = sum(diff.summary()[name] for name in ("create", "update", "delete"))
    module.sync_to(dms, diff=diff)
    return changed


if __name__ == "__main__":
    measure("diffsync", "load, diff, sync in memory", work)

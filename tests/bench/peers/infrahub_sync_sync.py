"""infrahub-sync: the same models behind its engine, with an adapter of its own kind on each side.

Its own adapters would map every field by a path or a template besides; that is left out here, in its favour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import orjson
from diffsync import Adapter
from infrahub_sync import DiffSyncMixin, DiffSyncModelMixin, SyncAdapter, SyncInstance
from infrahub_sync.potenda import Potenda

from tests.bench.peers.diffsync_models import CarModel
from tests.bench.peers.stock import Car, Pages, cars_of_dms, cars_of_module, measure


class SyncedCar(DiffSyncModelMixin, CarModel):
    """One car."""


class Stock(DiffSyncMixin, Adapter):
    """One side."""

    car = SyncedCar

    def __init__(self, cars: Callable[[], Iterable[Car]]) -> None:
        super().__init__()
        self._cars = cars

    def model_loader(self, model_name: str, model: Any) -> None:
        """Load its cars."""
        for car in self._cars():
            self.add(model(**car))


def work(pages: Pages) -> int:
    """Load, compare, synchronise."""
    config = SyncInstance(
        name="bench",
        source=SyncAdapter(name="module"),
        destination=SyncAdapter(name="dms"),
        order=["car"],
        directory=".",
    )
    module = Stock(lambda: cars_of_module(pages.module, orjson.loads))
    dms = Stock(lambda: cars_of_dms(pages.dms, orjson.loads))
    engine = Potenda(module, dms, config, ["car"], show_progress=False)
    engine.load()
    diff = engine.diff()
    changed = sum(diff.summary()[name] for name in ("create", "update", "delete"))
    engine.sync(diff)
    return changed


if __name__ == "__main__":
    measure("infrahub-sync", "load, diff, sync in memory", work)

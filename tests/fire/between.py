"""Whole cycles of the real kind with a spoilt network on both sides: two systems, two proxies, one stocksync."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stocksync import assembly
from stocksync.adapters.store.repository import Repository
from stocksync.mapping.load import load_mappings
from stocksync.sandbox.running import RunningSandbox
from stocksync.stock.values import SIDES, Side
from stocksync.sync.cars import Car
from stocksync.sync.cycle import CycleResult
from stocksync.sync.group import Group
from stocksync.sync.recording import RunKind
from stocksync.sync.watching import Nobody
from tests.fire import chronicle
from tests.fire.chronicle import State
from tests.fire.ends import Scene
from tests.fire.ground import two_systems
from tests.fire.proxy import PASS, FaultProxy, Request, Spoiling

POINT = "PDV1"
PAIR = "openflex-icar"


class Impatient(assembly.SystemClock):
    """The machine's clock; whoever pauses goes on at once."""

    def pause(self, seconds_s: float) -> None:
        """Go on."""


@dataclass
class Between:
    """stocksync between both proxies; `people` are the sandbox's own doors."""

    sandbox: RunningSandbox
    scene: Scene
    group: Group
    repository: Repository
    proxies: dict[Side, FaultProxy]

    def run(self, kind: RunKind = RunKind.COMPLETE) -> CycleResult:
        """One cycle of the first point of sale."""
        return self.group.run(POINT, kind)

    def spoil(self, side: Side, spoiling: Spoiling, method: str, path: str, *, times: int = 1) -> None:
        """Spoil the next writes of this kind, counted over all of them."""
        left = [spoiling] * times

        def plan(request: Request) -> Spoiling:
            return left.pop() if left and (request.method, request.path) == (method, path) else PASS

        self.proxies[side].requests.clear()
        self.proxies[side].plan = plan

    def pass_all(self) -> None:
        """Spoil nothing any more."""
        for proxy in self.proxies.values():
            proxy.plan = lambda _: PASS

    def car(self, module_id: str) -> Car:
        """What stocksync remembers of a car."""
        cars = self.repository.cars_at(PAIR, POINT)
        return next(car for car in cars if car.record_ids.get(Side.VEHICLE_MODULE) == module_id)

    def states(self, side: Side, record_id: str) -> list[State]:
        """Every state of a record that the service made."""
        states = chronicle.read(self.scene.state, side)
        return [state for state in states if state.record_id == record_id and state.by == "service"]

    def a_car(self) -> tuple[str, str]:
        """A car on sale, alike on both sides and sold by nobody: its id in the module and in the DMS."""
        told = {car for (car,) in self.scene.rows("SELECT car_id FROM conflict WHERE closed_at IS NULL")}
        for car in self.repository.cars_at(PAIR, POINT):
            if car.id in told or not car.bound or car.closed:
                continue
            module_id, dossier = (car.record_ids[side] for side in SIDES)
            vehicle, file = self.sandbox.vehicle_module.vehicle(module_id), self.sandbox.dms.file(dossier)
            is_sold = vehicle["order"] or vehicle["reservation"] or file["no_bdc"]
            if vehicle["status"] == "STOCK_DE_VENTE" and not is_sold and file["km"]:
                return module_id, dossier
        raise AssertionError("no car is left")


@contextmanager
def between(folder: Path, cars: int) -> Iterator[Between]:
    """A stock of two points of sale, synchronised once."""
    with (
        two_systems(folder, cars=cars, seed=7) as (sandbox, scene),
        FaultProxy(sandbox.vehicle_module_url) as module,
        FaultProxy(sandbox.dms_url) as dms,
    ):
        repository = assembly.open_repository(scene.variables["STOCKSYNC_DATABASE_URL"])
        environment = {**sandbox.environment, "OPENFLEX_URL": module.url, "ICAR_URL": dms.url}
        clock: Any = Impatient()
        mappings = load_mappings(scene.mappings)
        group = Group(
            mappings, repository, clock, lambda point: assembly.open_systems(point, environment, clock), Nobody()
        )
        for side, connection in (
            (Side.VEHICLE_MODULE, sandbox.vehicle_module.state.sql),
            (Side.DMS, sandbox.dms.state.sql),
        ):
            chronicle.note_people(side, connection)
        made = Between(sandbox, scene, group, repository, {Side.VEHICLE_MODULE: module, Side.DMS: dms})
        try:
            list(group.synchronise(mappings.points_of_sale))
            made.run()
            yield made
        finally:
            repository.engine.dispose()

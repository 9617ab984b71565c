"""Both servers on real sockets with a clock that the test moves; emptied before each test."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from stocksync.sandbox.running import RunningSandbox

VEHICLES = "/api/v1/vehicles"
FILES = "/icar/ws/v2/vo"


@dataclass
class MovableClock:
    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **duration: float) -> None:
        self.now += timedelta(**duration)


class ModuleClient(httpx.Client):
    """The vehicle module as a client sees it."""

    def created(self, **fields: Any) -> dict[str, Any]:
        answer = self.post(VEHICLES, json={"pointOfSale": "PDV1", **fields})
        assert answer.status_code == 201, answer.text
        return answer.json()

    def change(self, id_: str, patch: object, **headers: str) -> httpx.Response:
        sent = {"If-Match": "*", "Content-Type": "application/merge-patch+json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.patch(f"{VEHICLES}/{id_}", content=orjson.dumps(patch), headers=sent)

    def listed(self, **query: object) -> dict[str, Any]:
        answer = self.get(VEHICLES, params={"pointOfSale": "PDV1", **query})
        assert answer.status_code == 200, answer.text
        return answer.json()


class DmsClient(httpx.Client):
    """The DMS as a client sees it; every answer must be an HTTP 200."""

    def opened(self, **fields: str) -> dict[str, Any]:
        answer = self.said("POST", FILES, json={"site": "S01", **fields})
        assert answer["ok"], answer
        return answer["vo"]

    def change(self, dossier: str, **fields: object) -> dict[str, Any]:
        return self.said("PUT", f"{FILES}/{dossier}", json=fields)

    def listed(self, **query: object) -> dict[str, Any]:
        return self.said("GET", FILES, params={"site": "S01", **query})

    def said(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        answer = self.request(method, path, **arguments)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="package")
def shared_clock() -> MovableClock:
    return MovableClock(datetime(2026, 11, 20, 9, 0, tzinfo=UTC))


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory, shared_clock: MovableClock) -> Iterator[RunningSandbox]:
    with RunningSandbox(tmp_path_factory.mktemp("state"), shared_clock) as sandbox:
        yield sandbox


@pytest.fixture(scope="package")
def clients(running: RunningSandbox) -> Iterator[tuple[ModuleClient, DmsClient]]:
    token = {"Authorization": f"Bearer {running.access.token}"}
    with (
        ModuleClient(base_url=running.vehicle_module_url, headers=token) as module,
        DmsClient(base_url=running.dms_url, headers={"X-Api-Key": running.access.key}) as dms,
    ):
        yield module, dms


@pytest.fixture
def sandbox(running: RunningSandbox, shared_clock: MovableClock) -> RunningSandbox:
    shared_clock.now = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
    running.vehicle_module.empty()
    running.vehicle_module.index()
    running.dms.empty()
    running.dms.index()
    points = [{"id": f"PDV{number}", "name": f"0{number} - VW", "entity": "G"} for number in (1, 2)]
    running.vehicle_module.add_points_of_sale(points)
    running.dms.add_sites([("S01", "01 - VW"), ("S02", "02 - VW")])
    return running


@pytest.fixture
def clock(sandbox: RunningSandbox, shared_clock: MovableClock) -> MovableClock:
    return shared_clock


@pytest.fixture
def module(sandbox: RunningSandbox, clients: tuple[ModuleClient, DmsClient]) -> ModuleClient:
    return clients[0]


@pytest.fixture
def dms(sandbox: RunningSandbox, clients: tuple[ModuleClient, DmsClient]) -> DmsClient:
    return clients[1]

"""Workload (e): a stock read over HTTP from both sandbox servers, each a process, with 1 % changes delivered.

Beside it, what a bare HTTP client reads and writes of the same servers: the same pages, both sides at once, and the
same number of writes by as many threads as the program uses.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import islice
from pathlib import Path
from typing import Any, Final

import httpx
import orjson

from stocksync.assembly import SystemClock, open_systems
from stocksync.mapping.connection import RestConnection
from stocksync.mapping.effective import MappingSet
from stocksync.sandbox.dms import Dms
from stocksync.sandbox.seed import module_points, site_code
from stocksync.sandbox.vehicle_module import VehicleModule
from stocksync.stock.values import SIDES, Side
from tests.bench.cars import LAST_CHANGE_AT, Layout, dossier_of, vehicle_id
from tests.bench.cycles import Y_A_CAR, outcome
from tests.bench.edits import raise_cost, raise_price
from tests.bench.figures import Goal, Row
from tests.bench.ground import Ground, bench_mappings, copied_database, opened
from tests.bench.measuring import Stopwatch, forget_peak, peak_mb, resident_mb, since, unit_s
from tests.bench.order import Order
from tests.bench.phases import watched
from tests.fire.servers import Servers

_AT_ONCE: Final = 5_000
_SETTLING: Final = 3
_BARE: Final = "bare reading's speed"
_CURSOR: Final = re.compile(rb'"nextCursor":(?:"([^"]*)"|null)\}$')
_PAGES: Final = re.compile(rb'"nb_pages":(\d+)')


def over_http(order: Order) -> list[Row]:
    """Read both sides bare and with the program, then with 1 % changed on each side, which it delivers."""
    state = order.folder / "sandbox"
    state.mkdir(exist_ok=True)
    _fill(state, order.layout)
    database = copied_database(order.agreed, order.folder / "e.db")
    ground, bare, quiet, changed = Ground(order.layout, in_memory=False), Stopwatch(), Stopwatch(), Stopwatch()
    bare_writes_s, listing_s, listing_cpu_s, reading_s, delivering_s, units_s = [], [], [], [], [], []
    counts: dict[str, Any] = {}
    forget_peak()
    with (
        Servers(order.folder, state) as servers,
        opened(bench_mappings(order.points), database, SystemClock(), servers.environment) as workplace,
    ):
        for number in range(order.runs):
            # What was written to the servers since, by the program and beside it, is taken in, answered, and listed.
            for _ in range(_SETTLING):
                workplace.run()
            units_s.append(unit_s(ground.servers[side].pages() for side in SIDES))
            with bare.running():
                _read_bare(servers.environment, order.points)
            phases = watched(workplace)
            with quiet.running(), order.around():
                results = workplace.run()
            if (still := outcome(results).get("unchanged")) != order.cars:
                raise RuntimeError(f"only {still} of {order.cars} cars were unchanged")
            listing_s.append(phases.listing_s)
            listing_cpu_s.append(phases.listing_cpu_s)
            reading_s.append(_reading_s(workplace.group.mappings, servers.environment))
            share = order.cars // 100
            _people(state, range(number * 4 * share, number * 4 * share + share))
            phases, before = watched(workplace), workplace.statements.counts()
            with changed.running(), order.around():
                results = workplace.run()
            delivering_s.append(phases.writing_s)
            counts = since(before, workplace.statements.counts()) | outcome(results)
            mapping = workplace.group.mappings.points_of_sale["PDV1"]
            places = range(number * 4 * share + 2 * share, number * 4 * share + 3 * share)
            bare_writes_s.append(_bare_writing_s(servers.environment, _concurrency(mapping.systems), places))
    cars = order.cars
    return [
        Row("e", "complete over HTTP, nothing changed", cars, quiet.taken_s, units_s, quiet.cpu_s, cars, Y_A_CAR),
        Row(
            "e",
            "both listings of that run alone, nothing decoded",
            cars,
            listing_s,
            ratio_told=_speed(bare.taken_s, listing_s),
            cpu_ratio_told=_speed(bare.cpu_s, listing_cpu_s),
            of=_BARE,
            goal=Goal(ratio_at_least=0.8),
        ),
        Row(
            "e",
            "reading alone, every record decoded as at first contact",
            cars,
            reading_s,
            ratio_told=_speed(bare.taken_s, reading_s),
            of=_BARE,
        ),
        Row(
            "e",
            "complete over HTTP, 1 % changed on each side and delivered",
            cars,
            changed.taken_s,
            units_s,
            changed.cpu_s,
            cars,
            Y_A_CAR,
            resident_mb=resident_mb(),
            peak_mb=peak_mb(),
            counts=counts,
        ),
        Row("e", "delivery alone, over HTTP", cars, delivering_s, bare_writes_s, of="bare reading and writing"),
    ]


def _fill(state: Path, layout: Layout) -> None:
    """Put the stock into both sandbox systems, unless it is there."""
    with closing((module := VehicleModule(state)).state), closing((dms := Dms(state)).state):
        module.empty()
        dms.empty()
        module.add_points_of_sale(module_points(layout.points))
        dms.add_sites((site_code(point + 1), f"{point + 1}") for point in range(layout.points))
        ground = Ground(layout, in_memory=False)
        for side, add in ((Side.VEHICLE_MODULE, module.add), (Side.DMS, dms.add)):
            records = iter(orjson.loads(ground.servers[side].raw(index)) for index in range(layout.cars))
            while batch := list(islice(records, _AT_ONCE)):
                add(batch)
        module.loaded(layout.cars, LAST_CHANGE_AT)
        dms.loaded(layout.cars, [])


def _people(state: Path, chosen: range) -> None:
    """Change some cars in the module, and as many after them in the DMS."""
    with closing((module := VehicleModule(state)).state), closing((dms := Dms(state)).state):
        for index in chosen:
            vehicle = module.vehicle(vehicle_id(index))
            raise_price(vehicle)
            module.patch(vehicle["id"], {"sale": {"price": vehicle["sale"]["price"]}}, "user:12")
            file = dict(dms.file(dossier_of(index + len(chosen))))
            raise_cost(file)
            dms.change(file["dossier"], {"frevo": file["frevo"]})


def _reading_s(mappings: MappingSet, environment: Mapping[str, str]) -> float:
    """Every page of both sides through the program's adapters, both at once."""

    def read(side: Side) -> int:
        return sum(len(page.records) for systems in opened_systems for page in systems[side].pages())

    watch = Stopwatch()
    with ExitStack() as stack, ThreadPoolExecutor(len(SIDES)) as pool:
        opened_systems = [
            stack.enter_context(open_systems(point, environment, SystemClock()))
            for point in mappings.points_of_sale.values()
        ]
        with watch.running():
            list(pool.map(read, SIDES))
    return watch.taken_s[0]


def _speed(bare_s: Sequence[float], taken_s: Sequence[float]) -> float:
    """The middle one of the ratios of each run; both were taken one after the other, from the same servers."""
    return statistics.median(bare / taken for bare, taken in zip(bare_s, taken_s, strict=True))


def _concurrency(systems: Mapping[Side, Any]) -> int:
    connections = [system.connection for system in systems.values()]
    return max(c.concurrency for c in connections if isinstance(c, RestConnection))


def _read_bare(environment: Mapping[str, str], points: int) -> None:
    """Every page of both sides, one after the other on each, both at once; nothing is made of them."""
    with ThreadPoolExecutor(2) as pool:
        for read in [pool.submit(_read_module, environment, points), pool.submit(_read_dms, environment, points)]:
            read.result()


def _read_module(environment: Mapping[str, str], points: int) -> None:
    with _client(environment, Side.VEHICLE_MODULE) as client:
        for point in range(points):
            asked = {"pointOfSale": f"PDV{point + 1}", "limit": "500"}
            while True:
                page = client.get("/api/v1/vehicles", params=asked).raise_for_status().content
                found = _CURSOR.search(page)
                if found is None or found[1] is None:
                    break
                asked["cursor"] = found[1].decode()


def _read_dms(environment: Mapping[str, str], points: int) -> None:
    with _client(environment, Side.DMS) as client:
        for point in range(points):
            number, pages = 0, 1
            while number < pages:
                number += 1
                asked = {"site": site_code(point + 1), "taille": "500", "page": str(number)}
                page = client.get("/icar/ws/v2/vo", params=asked).raise_for_status().content
                found = _PAGES.search(page, len(page) - 100)
                pages = int(found[1]) if found is not None else 0


def _bare_writing_s(environment: Mapping[str, str], threads: int, chosen: range) -> float:
    """As many writes as the program sends, to other cars, and a read before each of them."""
    watch = Stopwatch()
    with (
        _client(environment, Side.VEHICLE_MODULE) as module,
        _client(environment, Side.DMS) as dms,
        ThreadPoolExecutor(threads) as pool,
    ):

        def patch(index: int) -> None:
            path = f"/api/v1/vehicles/{vehicle_id(index)}"
            told = {"If-Match": module.get(path).headers["ETag"], "Content-Type": "application/merge-patch+json"}
            module.patch(path, content=b'{"costs":{"reconditioning":1.0}}', headers=told).raise_for_status()

        def put(index: int) -> None:
            path = f"/icar/ws/v2/vo/{dossier_of(index)}"
            dms.get(path)
            dms.put(path, json={"repreneur": "x"}).raise_for_status()

        with watch.running():
            for done in [pool.submit(write, index) for index in chosen for write in (patch, put)]:
                done.result()
    return watch.taken_s[0]


def _client(environment: Mapping[str, str], side: Side) -> httpx.Client:
    if side is Side.DMS:
        url, headers = environment["ICAR_URL"], {"X-Api-Key": environment["ICAR_KEY"]}
    else:
        url, headers = environment["OPENFLEX_URL"], {"Authorization": f"Bearer {environment['OPENFLEX_TOKEN']}"}
    return httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=60)

"""Workload (h): what an edit of the mapping would change for every car in stock, out of what is remembered."""

from __future__ import annotations

from typing import Final

from stocksync.mapping.load import load_files
from stocksync.stock.values import SIDES
from stocksync.sync.preview import preview
from tests.bench.cycles import Y_A_CAR
from tests.bench.figures import Goal, Row
from tests.bench.ground import Ground, bench_files, copied_database
from tests.bench.measuring import Stopwatch, forget_peak, peak_mb, resident_mb, since, unit_s
from tests.bench.order import Order

_FILE: Final = "pairs/openflex-icar/ownership.yaml"
_BEFORE: Final = b"  - attribute: sale_price\n    owner: vehicle_module"
_AFTER: Final = b"  - attribute: sale_price\n    owner: dms"


def preview_of_an_edit(order: Order) -> list[Row]:
    """The sale price is the DMS's from now on."""
    files = bench_files(order.points)
    assert _BEFORE in files[_FILE]
    edited = load_files({**files, _FILE: files[_FILE].replace(_BEFORE, _AFTER)})
    ground = Ground(order.layout, in_memory=False)
    watch, units_s, found, counts = Stopwatch(), [], 0, {}
    forget_peak()
    with ground.opened(copied_database(order.agreed, order.folder / "h.db")) as workplace:
        store, clock = workplace.group.store, workplace.group.clock
        for _ in range(order.runs):
            units_s.append(unit_s(ground.servers[side].pages() for side in SIDES))
            before = workplace.statements.counts()
            with watch.running(), order.around():
                found = sum(
                    preview(was, edited.points_of_sale[point], store, clock).cars
                    for point, was in ground.mappings.points_of_sale.items()
                )
            counts = since(before, workplace.statements.counts())
    if found != order.cars:
        raise RuntimeError(f"{found} of {order.cars} cars were decided")
    return [
        Row(
            order.workload,
            "preview of an edited owner",
            order.cars,
            watch.taken_s,
            units_s,
            watch.cpu_s,
            order.cars,
            Y_A_CAR,
            y_us=min(units_s) * 1e6,
            resident_mb=resident_mb(),
            peak_mb=peak_mb(),
            goal=Goal(ratio=5),
            counts=counts,
        )
    ]

"""Workload (h): what an edit of the mapping would change for every car in stock, out of what is remembered."""

from __future__ import annotations

from typing import Final

from stocksync.mapping.load import load_files
from stocksync.stock.values import SIDES
from stocksync.sync.preview import preview
from tests.bench.cycles import Y_A_CAR
from tests.bench.figures import Goal, Row
from tests.bench.ground import Ground, Workplace, bench_files, copied_database
from tests.bench.measuring import Stopwatch, forget_peak, peak_mb, resident_mb, since, unit_s
from tests.bench.order import Order

_OWNERSHIP: Final = "pairs/openflex-icar/ownership.yaml"
_DMS: Final = "pairs/openflex-icar/dms.yaml"
_PAIR: Final = "pairs/openflex-icar/pair.yaml"
_LIFE: Final = "pairs/openflex-icar/lifecycle.yaml"
_WORDS: Final = "vehicle.yaml"
_PRICE: Final = "    label: {fr: Prix de vente, en: Sale price}\n"
_SOURCE: Final = "    attribute: purchase_source\n    when: {origin: [direct_purchase]}\n"
_VERSION: Final = "  version:\n    kind: text\n"
_READ_ONLY: Final = "read_only_when: {dms_status: [invoiced]}"
_CLOSED: Final = "    in_stock: reopened_in_dms\n    invoiced: closed\n"
_EDITS: Final = (
    (
        "preview of an edited owner",
        (
            _OWNERSHIP,
            "  - attribute: sale_price\n    owner: vehicle_module",
            "  - attribute: sale_price\n    owner: dms",
        ),
    ),
    # The cars of that colour are one in a hundred.
    ("preview of a code that is read otherwise in 1 % of the cars", (_DMS, "purple: [VIOLET]", "purple: [VIOLETTE]")),
    (
        "preview of a switch turned over",
        ("points_of_sale.yaml", "    name: ", "    switches: {exit_from_delivery: false}\n    name: "),
    ),
    ("preview of a new tolerance", (_WORDS, _PRICE, f"{_PRICE}    tolerance: 100\n")),
    (
        "preview of another rule between two fields",
        (_WORDS, _SOURCE, _SOURCE.replace("[direct_purchase]", "[direct_purchase, rental]")),
    ),
    ("preview of texts that are no blanks any more", (_DMS, 'blank_texts: ["-", "???", NA]', 'blank_texts: ["-"]')),
    ("preview of a type of vehicle that comes", (_PAIR, "vehicle_types: [used]", "vehicle_types: [used, new]")),
    ("preview of a stage and a status that mean something else", (_LIFE, _CLOSED, _CLOSED.replace("closed", "agreed"))),
    # Where it is the day before.
    (
        "preview of another time zone",
        ("points_of_sale.yaml", "time_zone: Europe/Paris", "time_zone: Pacific/Pago_Pago"),
    ),
    ("preview of an attribute of another kind", (_WORDS, _VERSION, _VERSION.replace("text", "identifier"))),
    ("preview of when files take no writes", (_DMS, _READ_ONLY, _READ_ONLY.replace("}", ", destination: [scrap]}"))),
)
"""What is edited, and how."""
_WHOLE: Final = _EDITS[-1][0]
"""Whatever has to be decided for every car: told, and without a goal."""


def preview_of_an_edit(order: Order) -> list[Row]:
    """Several edits, one after the other, against what the last complete run worked by."""
    ground = Ground(order.layout, in_memory=False)
    with ground.opened(copied_database(order.agreed, order.folder / "h.db")) as workplace:
        return [_previewed(order, ground, workplace, what, edit) for what, edit in _EDITS]


def _previewed(order: Order, ground: Ground, workplace: Workplace, what: str, edit: tuple[str, str, str]) -> Row:
    file, before, after = edit[0], edit[1].encode(), edit[2].encode()
    files = bench_files(order.points)
    assert before in files[file]
    edited = load_files({**files, file: files[file].replace(before, after)})
    watch, units_s, found, counts = Stopwatch(), [], 0, {}
    store, clock = workplace.group.store, workplace.group.clock
    forget_peak()
    for _ in range(order.runs):
        units_s.append(unit_s(ground.servers[side].pages() for side in SIDES))
        asked = workplace.statements.counts()
        with watch.running(), order.around():
            previews = [
                preview(was, edited.points_of_sale[point], store, clock)
                for point, was in ground.mappings.points_of_sale.items()
            ]
        counts = since(asked, workplace.statements.counts())
        found = sum(previewed.cars for previewed in previews)
        counts["differences"] = sum(len(previewed.differences) for previewed in previews)
    if found != order.cars:
        raise RuntimeError(f"{found} of {order.cars} cars were decided")
    return Row(
        order.workload,
        what,
        order.cars,
        watch.taken_s,
        units_s,
        watch.cpu_s,
        order.cars,
        Y_A_CAR,
        y_us=min(units_s) * 1e6,
        resident_mb=resident_mb(),
        peak_mb=peak_mb(),
        goal=Goal(ratio=5) if what != _WHOLE else Goal(),
        counts=counts,
    )

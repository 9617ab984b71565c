"""What an edit of the mapping would change, told twice: by the cars that it can reach, and by all of them."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Final

from stocksync.mapping.effective import MappingSet
from stocksync.sync.ports import Clock, Store
from stocksync.sync.preview import preview
from tests.worlds import shipped_set

_OWNERSHIP: Final = "pairs/openflex-icar/ownership.yaml"
_DMS: Final = "pairs/openflex-icar/dms.yaml"
_MODULE: Final = "pairs/openflex-icar/vehicle_module.yaml"
_ROW: Final = "  - attribute: {0}\n    owner: {1}\n"
_CARRIED: Final = "{{attribute: {0}, owner: {1}"
FileEdits = tuple[tuple[str, str, str], ...]


def _row(attribute: str, owner: str, then: str) -> FileEdits:
    return ((_OWNERSHIP, _ROW.format(attribute, owner), f"  - attribute: {attribute}\n    {then}\n"),)


def _carried(attribute: str, owner: str, then: str) -> FileEdits:
    return ((_OWNERSHIP, _CARRIED.format(attribute, owner), f"{{attribute: {attribute}, {then}"),)


def _here(line: str) -> FileEdits:
    name = "    name: 01 - VW SEAT SKODA\n"
    return (("points_of_sale.yaml", name, f"{name}    {line}\n"),)


_STAGES: Final = "exceptions: [{when: {stage: [sales_stock, delivery]}, owner: dms}]"
WITHIN_REACH: Final[tuple[FileEdits, ...]] = (
    _row("sale_price", "vehicle_module", "owner: dms"),
    _row("sale_price", "vehicle_module", f"owner: vehicle_module\n    {_STAGES}"),
    _row("mileage", "shared", "owner: shared\n    blank_erases: true"),
    _row("trade_in_price", "vehicle_module", "owner: vehicle_module\n    on_drift: report"),
    _row("trade_in_price", "vehicle_module", "owner: shared\n    on_both_changed: lowest\n    immutable: true"),
    _row("reconditioning_cost", "dms", "owner: shared\n    fill_blank: false"),
    _row("origin", "vehicle_module", "owner: dms"),
    _row("purchase_source", "vehicle_module", "owner: none"),
    _row("destination", "vehicle_module", "owner: dms\n    exceptions: [{when: {destination: [trade]}, owner: none}]"),
    _row("registration", "vehicle_module", "owner: shared"),
    _row("first_registration_date", "vehicle_module", f"owner: dms\n    {_STAGES}"),
    _row("trade_in_buyer", "vehicle_module", "owner: dms"),
    _carried("model", "vehicle_module", "owner: dms, blank_erases: true"),
    _carried("dms_order", "none", "owner: dms"),
    _here("ownership: {mileage: {owner: dms}}"),
    _here("switches: {dms_has_priority: true}"),
)
"""Edits of who may modify what."""
READ_OTHERWISE: Final[tuple[FileEdits, ...]] = (
    ((_DMS, "      grey: [GRIS]\n", "      grey: [GRISE]\n"),),
    ((_DMS, "private: [P], trade: [M]", "private: [M], trade: [P]"),),
    ((_DMS, "{trade_in: [REP], direct_purchase: [ACH]", "{trade_in: [ACH], direct_purchase: [REP]"),),
    ((_DMS, "in_stock: [Stock], invoiced: [Facturé]", "in_stock: [Facturé], invoiced: [Stock]"),),
    ((_DMS, "{field: immat,", "{field: immatriculation,"),),
    ((_DMS, "yes: O, no: N", "yes: N, no: O"), *_row("vat_recoverable", "shared", "owner: dms")[:1]),
    ((_DMS, "{field: modele, converter: text}", "{field: modele, converter: text, writable: false}"),),
    (
        (_DMS, "{field: modele,", "{field: was,"),
        (_DMS, "{field: version,", "{field: modele,"),
        (_DMS, "was", "version"),
    ),
    ((_MODULE, "field: identification.vin", "field: identification.chassis"),),
    ((_MODULE, "sales_stock: [STOCK_DE_VENTE]\n", "sales_stock: [STOCK]\n"),),
    ((_MODULE, "field: characteristics.mileage", "field: characteristics.kilometres"),),
)
"""Edits of how fields are read."""
OUT_OF_REACH: Final[tuple[FileEdits, ...]] = (
    _row("trade_in_buyer", "vehicle_module", f"owner: vehicle_module\n    {_STAGES}"),
    _carried("model", "vehicle_module", "owner: dms, exceptions: [{when: {destination: [trade]}, owner: shared}]"),
    ((_DMS, 'blank_texts: ["-", "???", NA]', 'blank_texts: ["-", "???"]'),),
    _here("switches: {exit_from_delivery: false}"),
    _here("switches: {allow_sale_price_at_most_1: false}"),
)
"""Edits of which nobody can say beforehand which cars they mean."""
EDITS: Final = (*WITHIN_REACH, *READ_OTHERWISE, *OUT_OF_REACH)


def some(count: int, number: int) -> list[FileEdits]:
    """Several edits, others for each number."""
    return Random(number).sample(EDITS, count)


def told_otherwise(mappings: MappingSet, place: str, edit: FileEdits, store: Store, clock: Clock) -> Iterator[str]:
    """Every difference between the two ways to tell what an edit changes."""
    edited = shipped_set(edit)
    # An edit that has been made already is taken back.
    then, now = mappings, shipped_set() if edited is mappings else edited
    before, after = then.points_of_sale[place], now.points_of_sale[place]
    looked, everything = (preview(before, after, store, clock, everything=every) for every in (False, True))
    if looked != everything:
        yield f"the preview of {edit} at {place} tells {looked} instead of {everything}"

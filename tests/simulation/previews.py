"""What an edit of the mapping would change, told twice: by the cars that it can reach, and by all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random
from typing import Any, Final
from unittest.mock import patch

from stocksync.adapters.systems.memory import MemoryServer
from stocksync.mapping.effective import MappingSet
from stocksync.stock.values import Side
from stocksync.sync import preview as previewing
from stocksync.sync.ports import Clock, Store
from stocksync.sync.preview import preview
from tests.worlds import shipped_set

_OWNERSHIP: Final = "pairs/openflex-icar/ownership.yaml"
_DMS: Final = "pairs/openflex-icar/dms.yaml"
_MODULE: Final = "pairs/openflex-icar/vehicle_module.yaml"
_WORDS: Final = "vehicle.yaml"
_PAIR: Final = "pairs/openflex-icar/pair.yaml"
_LIFE: Final = "pairs/openflex-icar/lifecycle.yaml"
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


def _limit(label: str, then: str) -> FileEdits:
    return ((_WORDS, f"    label: {{fr: {label}}}\n", f"    label: {{fr: {label}}}\n    {then}\n"),)


def _renamed(attribute: str, then: str) -> FileEdits:
    """One attribute goes, and another comes, which both sides say all that the first one said."""
    row = f"attribute: {attribute}"
    return (
        (_WORDS, f"  {attribute}:", f"  {then}:"),
        (_OWNERSHIP, row, f"attribute: {then}"),
        (_DMS, f"  {attribute}:", f"  {then}:"),
        (_MODULE, f"  {attribute}:", f"  {then}:"),
    )


def _as_identifier(attribute: str) -> FileEdits:
    return ((_WORDS, f"  {attribute}:\n    kind: text\n", f"  {attribute}:\n    kind: identifier\n"),)


def _not_carried(file: str, line: str, attribute: str) -> FileEdits:
    return ((file, f"  {line}\n", ""), (file, "not_carried: [", f"not_carried: [{attribute}, "))


def _means(stage: str, status: str, then: str, so_far: str) -> FileEdits:
    """What a pair of stage and status means."""
    pairs = {
        "not_there": "    pre_entry: unknown_in_vehicle_module\n    in_stock: unknown_in_vehicle_module\n",
        "delivery": "    not_there: missing_in_dms\n    pre_entry: stage_regression\n    in_stock: agreed\n",
        "sales_stock": "    not_there: missing_in_dms\n    pre_entry: stage_regression\n    in_stock: agreed\n",
        "exit": "    not_there: closed\n    pre_entry: reopened_in_dms\n    in_stock: reopened_in_dms\n",
    }
    said = f"  {stage}:\n{pairs[stage]}"
    if f"    {status}: " not in said:
        return ((_LIFE, f"{said}    {status}: {so_far}", f"{said}    {status}: {then}"),)
    return ((_LIFE, said, said.replace(f"    {status}: {so_far}", f"    {status}: {then}")),)


_MORE_KILOMETRES: Final = "{rule: more_than, attribute: mileage, limit: 60000, unless_switch: dms_creates_vehicles}"
_IN_CENTS: Final = (
    (_WORDS, "  mileage: # kilometres\n    kind: integer\n", "  mileage:\n    kind: money\n"),
    (_DMS, "{field: km, converter: integer", "{field: km, converter: money"),
    (
        _MODULE,
        "{field: characteristics.mileage, converter: integer",
        "{field: characteristics.mileage, converter: money",
    ),
)
_DATES: Final = "[first_registration_date, registration_certificate_date]"
_COSTS: Final = "reconditioning_cost: {field: costs.reconditioning, converter: money, spelled: number}"
_BLANKS: Final = 'blank_texts: ["-", "???", NA]'
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
    _here("switches: {exit_from_delivery: false}"),
    _here("switches: {dms_creates_vehicles: true}"),
    (("points_of_sale.yaml", "time_zone: Europe/Paris", "time_zone: Pacific/Auckland"),),
    (
        (_DMS, "writes_blank_as: empty_text", "writes_blank_as: 'null'"),
        (_MODULE, "changed_by: updatedBy", "changed_by: updatedAt"),
    ),
)
"""Edits of who may modify what, and of switches."""
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
    ((_DMS, _BLANKS, 'blank_texts: ["-", "???"]'),),
    ((_DMS, _BLANKS, 'blank_texts: ["-", "???", CLIO, "84 500", OF-101, "2026-00104", BC1]'),),
    (
        (_DMS, _BLANKS, "blank_texts: [C. MARTIN, CLIO, INTENS]"),
        (_DMS, "{field: modele,", "{field: was,"),
        (_DMS, "{field: version,", "{field: modele,"),
        (_DMS, "was", "version"),
    ),
    ((_PAIR, "vehicle_types: [used]", "vehicle_types: [used, demonstration]"),),
    ((_PAIR, "vehicle_types: [used]", "vehicle_types: [new, demonstration]"),),
)
"""Edits of how fields are read, of what means nothing, and of which vehicles are synchronised."""
_TO_EXIT: Final = "\n    goal: exit\n"
_OF_TWO_LINES: Final = "    lines: [private, trade]\n"
LIVES: Final[tuple[FileEdits, ...]] = (
    _means("delivery", "in_stock", "stage_regression", "agreed"),
    _means("sales_stock", "in_stock", "ignored", "agreed"),
    _means("sales_stock", "invoiced", "stage_regression", "follow_dms"),
    _means("exit", "invoiced", "agreed", "closed"),
    _means("exit", "not_there", "missing_in_dms", "closed"),
    _means("not_there", "invoiced", "unknown_in_vehicle_module", "ignored"),
    _means("not_there", "in_stock", "ignored", "unknown_in_vehicle_module"),
    (
        (_LIFE, "    brings: physical_entry\n", "    brings: sales_stock\n"),
        (_LIFE, "goal: physical_entry", "goal: sales_stock"),
        (_LIFE, f"[physical_entry]{_TO_EXIT}", f"[pre_entry, physical_entry]{_TO_EXIT}"),
    ),
    ((_LIFE, "    reserve_when_sold_outside: false\n", ""),),
    ((_LIFE, "[pre_entry, physical_entry, exit]", "[pre_entry, physical_entry, delivery, exit]"),),
    ((_LIFE, "    guards: [exit_from_delivery, invoice_complete]\n", "    guards: [police_number_set]\n"),),
    ((_LIFE, "    guards: [no_order_in_module, invoice_complete]\n    lines: [private, trade]\n", _OF_TWO_LINES),),
    (*_means("exit", "invoiced", "agreed", "closed"), *_row("sale_price", "vehicle_module", "owner: dms")),
)
"""Edits of what becomes of a car's stage."""
AT_STAKE: Final[tuple[FileEdits, ...]] = (
    _here("switches: {allow_sale_price_at_most_1: false}"),
    _limit("Prix de vente, en: Sale price", "tolerance: 100000"),
    _limit("Kilométrage, en: Mileage", "tolerance: 5000"),
    (*_limit("Kilométrage, en: Mileage", "tolerance: 5000"), *_here("ownership: {mileage: {owner: dms}}")),
    (
        *_limit("Date MEC, en: First registration", "tolerance: 40"),
        *_limit("Kilométrage, en: Mileage", "maximum: 85000"),
    ),
    _renamed("make", "brand"),
    (*_renamed("origin", "whence"), (_WORDS, "{origin: [direct_purchase]}", "{whence: [direct_purchase]}")),
    _renamed("exterior_colour", "paint"),
    (*_renamed("purchase_source", "bought_from"), (_WORDS, "attribute: purchase_source", "attribute: bought_from")),
    (
        *_renamed("trade_in_price", "taken_for"),
        (_WORDS, "attribute: trade_in_price", "attribute: taken_for"),
        (_DMS, "field: prix_reprise", "field: reprise"),
    ),
    _not_carried(_MODULE, _COSTS, "reconditioning_cost"),
    _not_carried(_DMS, "version: {field: version, converter: text}", "version"),
    ((_WORDS, "{origin: [direct_purchase]}", "{origin: [rental, fleet]}"),),
    ((_WORDS, "    year: 1981\n", f"    year: 1981\n  - {_MORE_KILOMETRES}\n"),),
    ((_WORDS, f"  - rule: not_after_today\n    attributes: {_DATES}\n", ""),),
    ((_WORDS, _DATES, "[registration_certificate_date, invoice_date]"),),
    (("points_of_sale.yaml", "time_zone: Europe/Paris", "time_zone: Pacific/Honolulu"),),
    _IN_CENTS,
    (*_IN_CENTS, *_here("ownership: {mileage: {owner: dms}}")),
    (*_IN_CENTS, *_limit("Kilométrage, en: Mileage", "tolerance: 500000")),
    (*_IN_CENTS, (_WORDS, "    year: 1981\n", f"    year: 1981\n  - {_MORE_KILOMETRES}\n")),
)
"""Edits that can mean a car only where both sides do not say the same of something, or break a new rule."""
OUT_OF_REACH: Final[tuple[FileEdits, ...]] = (
    ((_WORDS, "{origin: [direct_purchase]}", "{origin: [trade_in, rental]}"),),
    _row("trade_in_buyer", "vehicle_module", f"owner: vehicle_module\n    {_STAGES}"),
    _carried("model", "vehicle_module", "owner: dms, exceptions: [{when: {destination: [trade]}, owner: shared}]"),
    (
        (_WORDS, "  model:\n    kind: text\n", "  model:\n    kind: vin\n"),
        (_DMS, "{field: modele, converter: text}", "{field: modele, converter: vin}"),
        (_MODULE, "{field: characteristics.model, converter: text}", "{field: characteristics.model, converter: vin}"),
    ),
    _as_identifier("version"),
    (*_as_identifier("model"), *_carried("model", "vehicle_module", "owner: shared, on_both_changed: dms")),
    (*_IN_CENTS, (_DMS, "{field: km,", "{field: kilometrage,")),
)
"""Edits of which nobody can say which cars they mean; or that mean nearly every car, the way they are written here."""
EDITS: Final = (*WITHIN_REACH, *READ_OTHERWISE, *AT_STAKE, *LIVES, *OUT_OF_REACH)


def some(count: int, number: int) -> list[FileEdits]:
    """Several edits, others for each number."""
    return Random(number).sample(EDITS, count)


def told_otherwise(mappings: MappingSet, place: str, edit: FileEdits, store: Store, clock: Clock) -> Iterator[str]:
    """Every difference between the two ways to tell what an edit changes."""
    edited = shipped_set(edit)
    # An edit that has been made already is taken back.
    return _told_apart(mappings, shipped_set() if edited is mappings else edited, place, f"{edit}", store, clock)


def _told_apart(then: MappingSet, now: MappingSet, place: str, edit: str, store: Store, clock: Clock) -> Iterator[str]:
    before, after = then.points_of_sale[place], now.points_of_sale[place]
    # In a stock this small, the cars that an edit can reach are soon so many that all are looked at.
    with patch.object(previewing, "_FEW", 0):
        looked, everything = (preview(before, after, store, clock, everything=every) for every in (False, True))
    if looked != everything:
        yield f"the preview of {edit} at {place} tells {looked} instead of {everything}"


_PRICE: Final = _limit("Prix de vente, en: Sale price", "tolerance: 100000")
_KILOMETRES: Final = _limit("Kilométrage, en: Mileage", "tolerance: 5000")
_REGISTERED: Final = _limit("Date MEC, en: First registration", "tolerance: 40")
_BY_SPELLING: Final[FileEdits] = (
    (
        _WORDS,
        "    year: 1981\n",
        "    year: 1981\n  - {rule: forbidden_when, attribute: trade_in_price, when: {model: [CLIO]}}\n",
    ),
)
_SILENT: Final = _not_carried(_DMS, "version: {field: version, converter: text}", "version")
_NEAR: Final = (*_PRICE, *_KILOMETRES, *_REGISTERED, *_BY_SPELLING)
STANDING: Final = (*_NEAR, *_SILENT)
"""A mapping by which both sides agree that do not say the very same, or do not speak of it.

One of its rules goes by a spelling.
"""
ON_TOP: Final[Mapping[str, FileEdits]] = {
    "a price has no tolerance": (*_SILENT, *_KILOMETRES, *_REGISTERED, *_BY_SPELLING),
    "a mileage has no tolerance": (*_SILENT, *_PRICE, *_REGISTERED, *_BY_SPELLING),
    "a date has no tolerance": (*_SILENT, *_PRICE, *_KILOMETRES, *_BY_SPELLING),
    "a tolerated price is the DMS's": (*STANDING, *_row("sale_price", "vehicle_module", "owner: dms")),
    "a spelling is the DMS's": (*STANDING, *_carried("model", "vehicle_module", "owner: dms")),
    "a rule is new": (
        *_SILENT,
        *_PRICE,
        *_KILOMETRES,
        *_REGISTERED,
        (_WORDS, _BY_SPELLING[0][1], f"{_BY_SPELLING[0][2]}  - {_MORE_KILOMETRES}\n"),
    ),
    "a code is gone": (*STANDING, (_DMS, "      grey: [GRIS]\n", "      grey: [GRISE]\n")),
    "a field is carried": _NEAR,
    "a field is not carried": (*STANDING, *_not_carried(_MODULE, _COSTS, "reconditioning_cost")),
}
"""Edits of that mapping, each with all that holds afterwards."""


def brought_near(servers: Mapping[Side, MemoryServer], chance: Random) -> None:
    """Let both sides of some cars differ by less than the standing mapping tolerates."""
    for body in servers[Side.VEHICLE_MODULE].bodies():
        file = str(body["identification"]["dmsReference"])
        dms = next((found for found in servers[Side.DMS].bodies() if found["dossier"] == file), None)
        price, said = body["sale"]["price"], dms and dms.get("prix_vente")
        if dms is None or not isinstance(price, int) or said != f"{price},00" or chance.random() < 0.3:
            continue
        near: dict[str, Any] = {}
        if chance.random() < 0.5:
            # Either is near what was agreed last, and they are not near one another.
            servers[Side.VEHICLE_MODULE].change(body["id"], {"sale": {"price": price - 800}})
            near["prix_vente"] = f"{price + 800},00"
        elif chance.random() < 0.5:
            near["prix_vente"] = f"{price + 500},00"
        if dms.get("km") == str(body["characteristics"]["mileage"]) and chance.random() < 0.5:
            near["km"] = str(int(dms["km"]) + 3_000)
        if dms.get("date_mec") == "14/05/2019" and chance.random() < 0.5:
            near["date_mec"] = "10/05/2019"
        if chance.random() < 0.5:
            near["version"] = f"EDITION {file}"
        if near:
            servers[Side.DMS].change(file, near)


def told_on_top(place: str, chance: Random, store: Store, clock: Clock) -> Iterator[str]:
    """Every difference between the two ways to tell what some edits of the standing mapping change."""
    for name in chance.sample(sorted(ON_TOP), 3):
        yield from _told_apart(shipped_set(STANDING), shipped_set(ON_TOP[name]), place, name, store, clock)

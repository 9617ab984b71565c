"""The pages of both sides, and their records flattened to the same attributes. Standard library and orjson only."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.figures import Row
from tests.bench.measuring import Stopwatch, forget_peak, peak_mb, resident_mb, unit_s

Car = dict[str, Any]
_DESTINATIONS = {"PARTICULIER": "P", "PROFESSIONNEL": "M", "CASSE": "C"}
_ORIGINS = {"REPRISE": "REP", "ACHAT_DIRECT": "ACH", "LOCATION": "LOC", "FLOTTE": "FLO"}
_SOURCES = {"PARTICULIER": "PART", "MARCHAND": "MARCH", "ENCHERES": "ENCH", "RESEAU": "RES"}


@dataclass(frozen=True)
class PageFile:
    """Pages as bytes, one a line, read when they are asked for: else they would be in the memory that is measured."""

    file: Path

    def __iter__(self) -> Iterator[bytes]:
        with self.file.open("rb") as lines:
            yield from lines


@dataclass(frozen=True)
class Pages:
    """The pages of both sides: as they were at the last cycle, and as they are."""

    module_before: PageFile
    dms_before: PageFile
    module: PageFile
    dms: PageFile


def cars_of_module(pages: Iterable[bytes], loads: Callable[[bytes], Any]) -> Iterator[Car]:
    """Every car of the module."""
    for page in pages:
        for record in loads(page)["items"]:
            yield of_module(record)


def cars_of_dms(pages: Iterable[bytes], loads: Callable[[bytes], Any]) -> Iterator[Car]:
    """Every car of the DMS."""
    for page in pages:
        for record in loads(page)["vo"]:
            yield of_dms(record)


def of_module(record: dict[str, Any]) -> Car:
    """One car, in the words of the DMS and in cents."""
    known, looks, bought, sale = (
        record["identification"],
        record["characteristics"],
        record["purchase"],
        record["sale"],
    )
    return {
        "id": record["id"],
        "destination": _DESTINATIONS[record["destination"]],
        "vin": known["vin"],
        "registration": known["registration"].replace("-", "").replace(" ", ""),
        "first_registration_date": known["firstRegistrationDate"],
        "registration_certificate_date": known["registrationCertificateDate"],
        "police_number": known["policeNumber"] or "",
        "make": looks["make"].upper(),
        "model": looks["model"].upper(),
        "version": looks["version"],
        "mileage": looks["mileage"],
        "origin": _ORIGINS[bought["origin"]],
        "source": _SOURCES[bought["source"]],
        "buyer": bought["tradeInBuyer"],
        "trade_in_price": _cents(bought["tradeInPrice"]),
        "reconditioning": _cents(record["costs"]["reconditioning"]),
        "price": _cents(sale["price"]),
        "invoiced_price": _cents(sale["invoicedPrice"]),
        "vat": sale["vatRecoverable"],
    }


def of_dms(record: dict[str, Any]) -> Car:
    """The same car."""
    return {
        "id": record["ref_externe"],
        "destination": record["destination"],
        "vin": record["chassis"],
        "registration": record["immat"].replace("-", "").replace(" ", ""),
        "first_registration_date": _day(record["date_mec"]),
        "registration_certificate_date": _day(record["date_cg"]),
        "police_number": record["no_police"],
        "make": record["marque"],
        "model": record["modele"],
        "version": record["version"],
        "mileage": int(record["km"].replace(" ", "")),
        "origin": record["origine"],
        "source": record["source_achat"],
        "buyer": record["repreneur"],
        "trade_in_price": _typed_cents(record["prix_reprise"]),
        "reconditioning": _typed_cents(record["frevo"]),
        "price": _typed_cents(record["prix_vente"]),
        "invoiced_price": _typed_cents(record["prix_facture"]),
        "vat": record["tva_recup"] == "O",
    }


def measure(who: str, what: str, work: Callable[[Pages], int]) -> None:
    """Run it as often as ordered, and print one row; work returns how many cars it would change."""
    said = json.loads(sys.argv[1])
    pages = Pages(*(PageFile(Path(said[name])) for name in ("module_before", "dms_before", "module", "dms")))
    watch, units_s, found = Stopwatch(), [], 0
    forget_peak()
    resident = resident_mb()
    for _ in range(said["runs"]):
        units_s.append(unit_s(iter(side) for side in (pages.module, pages.dms)))
        with watch.running():
            found = work(pages)
    row = Row(
        said["workload"],
        what,
        said["cars"],
        watch.taken_s,
        units_s,
        watch.cpu_s,
        said["cars"],
        "y a car",
        y_us=statistics.median(units_s) * 1e6,
        resident_mb=resident,
        peak_mb=peak_mb(),
        counts={"changed": found},
        who=who,
    )
    print(json.dumps(row.as_json()))


def _cents(euros: float | None) -> int | None:
    return None if euros is None else round(euros * 100)


def _typed_cents(text: str) -> int | None:
    return int(text.replace(" ", "").replace(",", "")) if text else None


def _day(text: str) -> str:
    return f"{text[6:]}-{text[3:5]}-{text[:2]}"

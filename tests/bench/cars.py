"""A stock of any size that both systems agree about under the shipped mapping, the same on every run.

A few hundred believable cars are made as `stocksync sandbox` makes its own; every other one is one of these with an id,
a VIN, a plate, a police number and a mileage of its own, filled into the bytes of its records: a million take seconds.
Written to files, see `Layout`; memory does not grow with the stock. What serves them is `serving`.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final

import orjson

from stocksync.sandbox.cars import Car, CarMaker
from stocksync.sandbox.clock import instant_text, paris_text
from stocksync.sandbox.draws import Draws
from stocksync.sandbox.records import file_fields, seeded_file, seeded_vehicle, vehicle_fields
from stocksync.sandbox.seed import site_code

SEED: Final = 20261120
KINDS: Final = 499
"""Prime, so that kinds do not fall in step with pages."""
LAST_CHANGE_AT: Final = datetime(2025, 11, 20, 9, 0, tzinfo=UTC)
"""When the last car of each point of sale was changed; all others a day before at the latest. Past on any machine."""
_FIRST_CHANGE_AT: Final = LAST_CHANGE_AT - timedelta(days=41)
_SPAN: Final = timedelta(days=40)
_STAMPED_ALIKE: Final = 50
_STAGES: Final = {
    "PRE_RENTREE": 5,
    "ENTREE_PHYSIQUE": 13,
    "VERIFICATION_POST_PREPARATION": 10,
    "STOCK_DE_VENTE": 64,
    "LIVRAISON": 8,
}
_DESTINATIONS: Final = {"PARTICULIER": 86, "PROFESSIONNEL": 14}
_LETTERS: Final = "ABCDEFGHJKLMNPQRSTVWXYZ"
_WRITTEN_AT_ONCE: Final = 20_000


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of one stock: all records of a side, each followed by a comma, and where each begins.

    A range of neighbours is one slice of bytes. Cars stand in the order of their points of sale.
    """

    folder: Path
    cars: int
    points: int

    def records(self, side: str) -> Path:
        """The records."""
        return self.folder / f"{side}.json"

    def starts(self, side: str) -> Path:
        """One unsigned 64-bit number a record, and one more for the end."""
        return self.folder / f"{side}.starts"

    def range_of(self, point: int) -> range:
        """The cars of a point of sale, counted from 0."""
        return range(point * self.cars // self.points, (point + 1) * self.cars // self.points)


@dataclass(frozen=True, slots=True)
class _Kind:
    vehicle: bytes
    file: bytes
    vin: bytes
    mileage_km: int
    is_grouped: bool
    has_police_number: bool


def vehicle_id(index: int) -> str:
    """The module's id of a car."""
    return f"OF-{index + 1:07d}"


def dossier_of(index: int) -> str:
    """The DMS's id of a car."""
    return f"VO{index + 1:07d}"


def index_of(record_id: str) -> int:
    """Which car an id of either side names. Raises ValueError."""
    return int(record_id[3:] if record_id.startswith("OF-") else record_id.removeprefix("VO")) - 1


def write_stock(folder: Path, cars: int, points: int = 1) -> Layout:
    """Write a stock."""
    folder.mkdir(parents=True, exist_ok=True)
    layout = Layout(folder, cars, points)
    starts = {side: array("Q", [0]) for side in ("vehicle_module", "dms")}
    with layout.records("vehicle_module").open("wb") as vehicles, layout.records("dms").open("wb") as files:
        for batch in _batches(_pairs(layout)):
            for side, out, records in (
                ("vehicle_module", vehicles, [vehicle for vehicle, _ in batch]),
                ("dms", files, [file for _, file in batch]),
            ):
                begins, end = starts[side], starts[side][-1]
                for record in records:
                    end += len(record) + 1
                    begins.append(end)
                out.write(b",".join(records) + b",")
    for side, begins in starts.items():
        layout.starts(side).write_bytes(begins.tobytes())
    return layout


def _batches(pairs: Iterator[tuple[bytes, bytes]]) -> Iterator[list[tuple[bytes, bytes]]]:
    while batch := list(islice(pairs, _WRITTEN_AT_ONCE)):
        yield batch


def _pairs(layout: Layout) -> Iterator[tuple[bytes, bytes]]:
    kinds = _kinds()
    for point in range(layout.points):
        of_point = layout.range_of(point)
        place, site = f"PDV{point + 1}".encode(), site_code(point + 1).encode()
        stamps = (b"", b"")
        for index in of_point:
            if index % _STAMPED_ALIKE == 0 or index == of_point.start:
                stamps = _stamps(_FIRST_CHANGE_AT + _SPAN * (index / layout.cars))
            if index == of_point.stop - 1:
                stamps = _stamps(LAST_CHANGE_AT)
            yield _pair(kinds[index % KINDS], index, place, site, stamps)


def _pair(kind: _Kind, index: int, place: bytes, site: bytes, stamps: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    mileage_km = kind.mileage_km + index % 7001
    spelled = f"{mileage_km:,}".replace(",", " ") if kind.is_grouped else str(mileage_km)
    police, plate = b"2025-%05d" % (index + 1) if kind.has_police_number else b"", _plate(index)
    filling = {
        b"id": b"OF-%07d" % (index + 1),
        b"dossier": b"VO%07d" % (index + 1),
        b"place": place,
        b"site": site,
        b"instant": stamps[0],
        b"local": stamps[1],
        b"vin": kind.vin + b"%07d" % index,
        b"plate": plate,
        b"bare_plate": plate.replace(b"-", b""),
        b"police": police,
        b"police_or_null": b'"%b"' % police if police else b"null",
        b"mileage": b"%d" % mileage_km,
        b"km": spelled.encode(),
    }
    return kind.vehicle % filling, kind.file % filling


def _plate(index: int) -> bytes:
    letters, digits = divmod(index, 999)
    letters, fourth = divmod(letters, 23)
    letters, third = divmod(letters, 23)
    first, second = divmod(letters, 23)
    return f"{_LETTERS[first]}{_LETTERS[second]}-{digits + 1:03d}-{_LETTERS[third]}{_LETTERS[fourth]}".encode()


def _stamps(at: datetime) -> tuple[bytes, bytes]:
    return instant_text(at).encode(), paris_text(at).encode()


def _kinds() -> list[_Kind]:
    draws = Draws(SEED)
    maker = CarMaker(draws)
    return [_kind(maker.car(date(2025, 11, 2), draws.weighted(_DESTINATIONS)), draws) for _ in range(KINDS)]


def _kind(car: Car, draws: Draws) -> _Kind:
    stage = draws.weighted(_STAGES)
    is_in = stage != "PRE_RENTREE"
    order = {"id": f"CMD-{draws.random.randrange(10**6):06d}", "date": "2025-11-10"} if stage == "LIVRAISON" else None
    stamps = {
        "version": draws.random.randrange(1, 12),
        "createdAt": "2025-09-01T08:00:00.000000Z",
        "updatedAt": "{instant}",
        "updatedBy": draws.random.choice(("user:12", "user:7", "mobile")),
        "status": stage,
        "order": order,
    }
    fields = vehicle_fields(car, "{place}")
    fields["identification"] |= {
        "vin": "{vin}",
        "registration": "{plate}",
        "policeNumber": "{police_or_null}",
        "dmsReference": "{dossier}",
    }
    fields["characteristics"]["mileage"] = "{mileage}"
    file = file_fields(car, "{site}", draws.random) | {
        "statut": "Stock" if is_in else "Pré-rentrée",
        "no_police": "{police}",
        "ref_externe": "{id}",
        "chassis": "{vin}",
        "immat": "{bare_plate}" if draws.random.random() < 0.5 else "{plate}",
        "km": "{km}",
    }
    return _Kind(
        _template(seeded_vehicle("{id}", fields, stamps), bare={"police_or_null", "mileage"}),
        _template(seeded_file("{dossier}", file, "{local}"), bare=set()),
        car.vin[:10].encode(),
        car.mileage_km,
        draws.random.random() < 0.3,
        is_in,
    )


def _template(record: dict[str, Any], bare: set[str]) -> bytes:
    """The record's bytes, with what differs from car to car to be filled in by `%`; bare: what is no text there."""

    def place(found: re.Match[bytes]) -> bytes:
        name = found[1]
        return b"%%(%b)b" % name if name.decode() in bare else b'"%%(%b)b"' % name

    return re.sub(rb'"\{(\w+)\}"', place, orjson.dumps(record).replace(b"%", b"%%"))

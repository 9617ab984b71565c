"""Fill both systems with one believable stock, the same for the same seed, of any size.

Answers which cars there are, how far each has come, and what each system says of it. How a car looks is
in `cars.py`, how it is spelled in `records.py`, what went wrong in `mishaps.py`. Cars are streamed:
memory does not grow with them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from stocksync.sandbox import incidents
from stocksync.sandbox.cars import Car, CarMaker
from stocksync.sandbox.catalogue import points_of_sale as sign_boards
from stocksync.sandbox.clock import instant_text, paris_text
from stocksync.sandbox.dms import Dms, File, police_number
from stocksync.sandbox.dms_rules import IN_STOCK, INVOICED, PRE_ENTRY
from stocksync.sandbox.draws import Draws
from stocksync.sandbox.mishaps import RATIOS, Pair, befall
from stocksync.sandbox.records import (
    amount_text,
    day_text,
    euros,
    file_fields,
    seeded_file,
    seeded_vehicle,
    vehicle_fields,
)
from stocksync.sandbox.vehicle_module import Vehicle, VehicleModule

# Fixed, so that a seed gives the same bytes on any day.
SEED_AT = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
_SPAN = timedelta(days=420)
_BATCH = 5_000
_DESTINATIONS = {"PARTICULIER": 82, "PROFESSIONNEL": 14, "CASSE": 4}
_USERS = ("user:12", "user:7", "user:31", "api:dms", "mobile")
# share of the span behind us -> how far cars of that age have come
_STAGES: tuple[tuple[float, dict[str, int]], ...] = (
    (0.2, {"SORTIE": 70, "STOCK_DE_VENTE": 24, "LIVRAISON": 6}),
    (0.6, {"SORTIE": 8, "STOCK_DE_VENTE": 76, "LIVRAISON": 12, "VERIFICATION_POST_PREPARATION": 4}),
    (0.9, {"ENTREE_PHYSIQUE": 22, "VERIFICATION_POST_PREPARATION": 18, "STOCK_DE_VENTE": 55, "LIVRAISON": 5}),
    (1.0, {"PRE_RENTREE": 70, "ENTREE_PHYSIQUE": 30}),
)
_STAGES_OF_SCRAP = ((0.5, {"SORTIE": 1}), (0.85, {"ENTREE_PHYSIQUE": 1}), (1.0, {"PRE_RENTREE": 1}))


def fill(directory: Path, cars: int, points_of_sale: int, seed: int, at: datetime = SEED_AT) -> tuple[int, int]:
    """Replace everything in both systems, up to the instant `at`; return how many vehicles and files."""
    module, dms = VehicleModule(directory, lambda: at), Dms(directory, lambda: at)
    stock = _Stock(cars, points_of_sale, seed, at)
    try:
        for system in (module, dms):
            with system.writing():
                system.empty()
                # running servers answer 503 until the stock is whole
                incidents.close_for_batch(system.state, closed=True)
        points = module_points(points_of_sale)
        module.add_points_of_sale(points)
        dms.add_sites((site_code(number), point["name"]) for number, point in enumerate(points, 1))
        for vehicles, files in stock.batches():
            module.add(vehicles)
            dms.add(files)
        module.loaded(stock.vehicles_count, at)
        dms.loaded(stock.files_count, [(site, year, last) for (site, year), last in stock.registers.items()])
        for state in (module.state, dms.state):
            incidents.close_for_batch(state, closed=False)
            state.sql.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        module.state.close()
        dms.state.close()
    return stock.vehicles_count, stock.files_count


def module_points(count: int) -> list[dict[str, str]]:
    """Name the points of sale PDV1 to PDV<count>, as the module lists them."""
    names, entities = sign_boards()["names"], sign_boards()["entities"]
    return [
        {
            "id": f"PDV{number}",
            "name": f"{number:02d} - {names[(number - 1) % len(names)]}",
            "entity": entities[(number - 1) % len(entities)],
        }
        for number in range(1, count + 1)
    ]


def is_seeded(directory: Path) -> bool:
    """Say whether there is anything to lose in a directory."""
    module, dms = VehicleModule(directory), Dms(directory)
    try:
        return bool(module.last_number() or dms.last_number())
    finally:
        module.state.close()
        dms.state.close()


@dataclass(frozen=True)
class _Stay:
    """Where a car is and how far it has come: the module's stage, the DMS's statut (None: no file)."""

    point: int
    stage: str
    statut: str | None
    came_at: datetime
    entered_on: date
    no_police: str


class _Stock:
    """The made-up past, car by car in order of entry, so that police numbers follow the entries."""

    def __init__(self, cars: int, points: int, seed: int, at: datetime) -> None:
        self._cars = cars
        self._points = points
        self._at = at
        self._draws = Draws(seed)
        self._maker = CarMaker(self._draws)
        self.registers: dict[tuple[str, int], int] = {}
        self.vehicles_count = 0
        self.files_count = 0

    def batches(self) -> Iterator[tuple[list[Vehicle], list[File]]]:
        """Yield what to store, some thousands of cars at a time."""
        vehicles: list[Vehicle] = []
        files: list[File] = []
        for index in range(self._cars):
            for record in self._records(index):
                if "dossier" in record:
                    files.append(record)
                else:
                    vehicles.append(record)
            if len(vehicles) >= _BATCH:
                yield vehicles, files
                vehicles, files = [], []
        yield vehicles, files

    def _one_in(self, name: str) -> bool:
        return self._draws.one_in(name, RATIOS[name])

    def _records(self, index: int) -> Iterator[dict[str, Any]]:
        destination = self._draws.weighted(_DESTINATIONS)
        stay = self._stay((index + self._draws.random.random()) / self._cars, destination)
        type_ = self._draws.random.choice(("VN", "VD")) if self._one_in("new_or_demonstration") else "VO"
        car = self._maker.car(stay.entered_on, destination, type_)
        vehicle = self._vehicle(car, stay)
        if stay.statut is not None:
            file = self._file(car, stay, vehicle)
            befall(Pair(car, vehicle, file), self._draws)
            yield file
        yield vehicle
        yield from self._extras(car, stay)

    def _extras(self, car: Car, stay: _Stay) -> Iterator[dict[str, Any]]:
        """Add records without a counterpart: a VIN typed in twice, a file that the module never saw."""
        if self._one_in("duplicate_vin"):
            twice = replace(stay, stage="PRE_RENTREE", statut=PRE_ENTRY, no_police="")
            yield self._file(car, twice) if self._draws.random.random() < 0.5 else self._vehicle(car, twice)
        if self._one_in("unknown_in_vehicle_module"):
            other = self._maker.car(stay.entered_on, "PARTICULIER")
            statut = self._draws.random.choice((IN_STOCK, INVOICED))
            number = self._police_number(stay.point, stay.entered_on)
            yield self._file(other, replace(stay, stage="", statut=statut, no_police=number))

    def _stay(self, elapsed: float, destination: str) -> _Stay:
        came_at = self._at - _SPAN * (1 - elapsed)
        bands = _STAGES_OF_SCRAP if destination == "CASSE" else _STAGES
        stage = self._draws.weighted(next(weights for until, weights in bands if elapsed < until))
        point = self._draws.random.randrange(self._points) + 1
        statut = self._statut(stage)
        # the register also holds the cars whose file is now missing
        in_register = stage != "PRE_RENTREE" or statut in (IN_STOCK, INVOICED)
        if statut == IN_STOCK and stage == "PRE_RENTREE":
            in_register = not self._one_in("pre_entry_in_stock_without_police_number")
        number = self._police_number(point, came_at.date()) if in_register else ""
        return _Stay(point, stage, statut, came_at, came_at.date(), number)

    def _statut(self, stage: str) -> str | None:
        if stage == "PRE_RENTREE":
            if self._one_in("pre_entry_not_in_dms"):
                return None
            if self._one_in("pre_entry_already_invoiced"):
                return INVOICED
            return IN_STOCK if self._one_in("pre_entry_in_stock") else PRE_ENTRY
        if stage == "SORTIE":
            return INVOICED
        if self._one_in("missing_in_dms"):
            return None
        outside = "delivery_invoiced" if stage == "LIVRAISON" else "invoiced_outside_opportunities"
        return INVOICED if self._one_in(outside) else IN_STOCK

    def _police_number(self, point: int, on: date) -> str:
        register = (site_code(point), on.year)
        self.registers[register] = self.registers.get(register, 0) + 1
        return police_number(on.year, self.registers[register])

    def _vehicle(self, car: Car, stay: _Stay) -> Vehicle:
        self.vehicles_count += 1
        id_ = f"OF-{self.vehicles_count:06d}"
        fields = vehicle_fields(car, f"PDV{stay.point}")
        if stay.stage != "PRE_RENTREE":
            fields["identification"]["policeNumber"] = stay.no_police
        if stay.stage == "SORTIE":
            fields["sale"]["invoicedPrice"] = euros(_invoiced_cents(car))
        touched_at = self._since(stay.came_at)
        stamps = {
            "version": self._draws.random.randrange(1, 12),
            "createdAt": instant_text(stay.came_at - timedelta(days=self._draws.random.randrange(1, 12))),
            "updatedAt": instant_text(touched_at),
            "updatedBy": self._draws.random.choice(_USERS),
            "status": stay.stage,
            "reservation": self._reservation(stay.stage),
            "order": self._order(id_, stay, touched_at),
        }
        return seeded_vehicle(id_, fields, stamps)

    def _order(self, id_: str, stay: _Stay, at: datetime) -> dict[str, str] | None:
        sold = stay.stage == "SORTIE" or (stay.stage == "LIVRAISON" and not self._one_in("delivery_without_order"))
        return {"id": f"CMD-{id_[3:]}", "date": at.date().isoformat()} if sold else None

    def _reservation(self, stage: str) -> dict[str, Any] | None:
        if stage != "STOCK_DE_VENTE" or not self._one_in("limited_reservation"):
            return None
        until = instant_text(self._at + timedelta(days=self._draws.random.randrange(1, 8)))
        option = {"kind": "LIMITED", "until": until, "blocksSale": True, "blocksPublication": False}
        return {**option, "reason": "option client", "by": "user:12"}

    def _file(self, car: Car, stay: _Stay, vehicle: Vehicle | None = None) -> File:
        """Write the DMS's file and, with a vehicle, both cross references."""
        self.files_count += 1
        dossier = f"VO{self.files_count:06d}"
        fields = file_fields(car, site_code(stay.point), self._draws.random)
        fields |= {"statut": stay.statut or PRE_ENTRY, "no_police": stay.no_police}
        if vehicle is not None:
            fields["ref_externe"] = vehicle["id"]
            vehicle["identification"]["dmsReference"] = dossier
        if stay.statut == INVOICED:
            fields |= {
                "no_facture": f"FA{stay.entered_on.year}-{self.files_count:06d}",
                "date_facture": day_text(self._since(stay.came_at).date()),
                "prix_facture": amount_text(_invoiced_cents(car)),
            }
        elif stay.stage in ("VERIFICATION_POST_PREPARATION", "STOCK_DE_VENTE") and self._one_in(
            "ordered_outside_opportunities"
        ):
            fields |= {"no_bdc": f"BC{dossier[2:]}", "date_bdc": day_text(self._since(stay.came_at).date())}
        return seeded_file(dossier, fields, paris_text(self._since(stay.came_at)))

    def _since(self, came_at: datetime) -> datetime:
        return came_at + (self._at - came_at) * self._draws.random.random()


def site_code(point: int) -> str:
    """Write the DMS's code of a point of sale by its number."""
    return f"S{point:02d}"


def _invoiced_cents(car: Car) -> int:
    # a car for scrap goes for its weight
    return 25_000 if car.sale_price_cents is None else car.sale_price_cents * 97 // 100 // 1000 * 1000

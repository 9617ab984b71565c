"""A stock out of one source of chance: cars at one or two points of sale, in every state in which a dealer's may be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from stocksync.stock.values import Side
from tests.simulation.watched import WatchedServer
from tests.worlds import DMS, MODULE, dms_record, module_record

POINTS: Final = {"PDV1": "S01", "PDV2": "S02"}
STATES: Final = {
    "in stock": 8,
    "expected": 2,
    "only in the module": 2,
    "entered in the DMS": 1,
    "only in the DMS": 1,
    "on its way out": 1,
    "sold outside": 1,
    "sold through the module": 1,
    "invoiced": 1,
    "gone": 1,
    "scrap": 1,
    "without references": 1,
    "with differences": 2,
    "with blanks": 1,
    "new car": 1,
}


@dataclass
class Values:
    """Values that nobody had before: a third one is always seen to be one."""

    chance: Random
    last: int = 0

    def fresh(self) -> int:
        """The next number."""
        self.last += 1
        return self.last

    def vin(self, car: int) -> str:
        """A VIN of one car alone."""
        return f"VF1RFB00X8{car:07d}"


@dataclass
class Town:
    """Both systems with their stock; `records` says which records are whose."""

    chance: Random
    servers: dict[Side, WatchedServer]
    points: list[str]
    values: Values = field(init=False)
    cars: int = 0

    def __post_init__(self) -> None:
        self.values = Values(self.chance)

    def settle(self, count: int) -> Iterator[str]:
        """Enter so many cars; the answer is the state of each."""
        for _ in range(count):
            state = self.chance.choices(list(STATES), list(STATES.values()))[0]
            self.take_in(state)
            yield state

    def take_in(self, state: str, car: int | None = None) -> int:
        """Enter one car, on the sides where its state has it; under the number of another one where told."""
        if car is None:
            self.cars += 1
            car = self.cars
        number = self.values.fresh()
        point = self.chance.choice(self.points)
        module, dms = self._module(car, number, point), self._dms(car, number, point)
        shape = getattr(self, f"_{state.replace(' ', '_')}", None)
        if shape is not None:
            shape(module, dms)
        if state not in ("only in the DMS",):
            self.servers[MODULE].enter(car, module)
        if state not in ("only in the module",):
            self.servers[DMS].enter(car, dms)
        return car

    def _module(self, car: int, number: int, point: str) -> dict[str, Any]:
        return module_record(
            f"OF-{1000 + number}",
            pointOfSale=point,
            identification__vin=self.values.vin(car),
            identification__registration=f"AA-{car + 100:03d}-{'BC' if number % 2 else 'CD'}",
            identification__policeNumber=f"2026-5{number:04d}",
            identification__dmsReference=f"VO{1000 + number}",
            characteristics__mileage=40_000 + 10 * number,
            purchase__tradeInPrice=6_000 + number,
            costs__reconditioning=300 + number,
            sale__price=9_000 + number,
            purchase__tradeInBuyer=f"Acheteur {number}",
        )

    def _dms(self, car: int, number: int, point: str) -> dict[str, Any]:
        return dms_record(
            f"VO{1000 + number}",
            site=POINTS[point],
            ref_externe=f"OF-{1000 + number}",
            chassis=self.values.vin(car),
            immat=f"AA{car + 100:03d}{'BC' if number % 2 else 'CD'}",
            no_police=f"2026-5{number:04d}",
            km=str(40_000 + 10 * number),
            prix_reprise=f"{6_000 + number},00",
            frevo=f"{300 + number},00",
            prix_vente=f"{9_000 + number},00",
            repreneur=f"ACHETEUR {number}",
        )

    # states; each takes both records and makes them what they are

    def _expected(self, module: dict[str, Any], dms: dict[str, Any]) -> None:
        module["status"], dms["statut"] = "PRE_RENTREE", "Pré-rentrée"
        module["identification"]["policeNumber"], dms["no_police"] = None, ""

    def _only_in_the_module(self, module: dict[str, Any], dms: dict[str, Any]) -> None:
        module["status"] = self.chance.choice(("PRE_RENTREE", "PRE_RENTREE", "PRE_RENTREE", "ENTREE_PHYSIQUE"))
        module["identification"] |= {"policeNumber": None, "dmsReference": None}

    def _only_in_the_DMS(self, module: dict[str, Any], dms: dict[str, Any]) -> None:
        dms["ref_externe"] = ""

    def _entered_in_the_DMS(self, module: dict[str, Any], dms: dict[str, Any]) -> None:
        module["status"] = "PRE_RENTREE"
        module["identification"]["policeNumber"] = None
        if self.chance.random() < 0.3:
            dms["no_police"] = ""

    def _on_its_way_out(self, module: dict[str, Any], dms: dict[str, Any]) -> None:
        module["status"], module["order"] = "LIVRAISON", {"id": f"OP-{self.values.fresh()}", "date": "2026-11-02"}

    def _sold_outside(self, module: dict[str, Any], dms: dict[str, Any]) -> None:
        dms |= {"no_bdc": f"BC{self.values.fresh()}", "date_bdc": "02/11/2026"}

    def _sold_through_the_module(self, module: dict[str, Any], dms: dict[str, Any]) -> None:
        self._on_its_way_out(module, dms)
        self._sold_outside(module, dms)

    def _invoiced(self, module: dict[str, Any], dms: dict[str, Any]) -> None:
        if self.chance.random() < 0.5:
            self._on_its_way_out(module, dms)
        number = self.values.fresh()
        dms |= {"statut": "Facturé", "no_facture": f"FA{number}", "date_facture": "03/11/2026"}
        dms["prix_facture"] = self.chance.choice(("", f"{8_000 + number},00"))

    def _gone(self, module: dict[str, Any], dms: dict[str, Any]) -> None:
        self._invoiced(module, dms)
        dms["prix_facture"] = "8 500,00"
        module["status"], module["sale"]["invoicedPrice"] = "SORTIE", 8500

    def _scrap(self, module: dict[str, Any], dms: dict[str, Any]) -> None:
        module["destination"], dms["destination"], module["status"] = "CASSE", "C", "ENTREE_PHYSIQUE"
        if self.chance.random() < 0.5:
            self._sold_outside(module, dms)

    def _without_references(self, module: dict[str, Any], dms: dict[str, Any]) -> None:
        module["identification"]["dmsReference"] = None
        dms["ref_externe"] = ""
        if self.chance.random() < 0.3:
            dms["chassis"] = ""

    def _with_differences(self, module: dict[str, Any], dms: dict[str, Any]) -> None:
        number = self.values.fresh()
        other = {"prix_vente": f"{9_000 + number},00", "frevo": f"{300 + number},50", "km": str(40_000 + 10 * number)}
        other |= {"tva_recup": "O", "couleur": "ROUGE", "source_achat": "ENCH", "immat": f"ZZ{number:03d}ZZ"}
        for name in self.chance.sample(sorted(other), 3):
            dms[name] = other[name]

    def _with_blanks(self, module: dict[str, Any], dms: dict[str, Any]) -> None:
        for name in self.chance.sample(("prix_vente", "frevo", "km", "immat", "couleur", "repreneur", "date_cg"), 3):
            dms[name] = ""
        module["characteristics"]["mileage"] = self.chance.choice((None, module["characteristics"]["mileage"]))

    def _new_car(self, module: dict[str, Any], dms: dict[str, Any]) -> None:
        module["type"], dms["type"] = "VN", "VN"

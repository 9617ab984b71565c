"""Everybody who works with either system, between cycles and in the middle of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from stocksync.stock.values import Side
from tests.simulation.town import POINTS, STATES, Town
from tests.worlds import DMS, MODULE

ATTRIBUTES: Final = {
    "sale_price": "prix_vente",
    "reconditioning_cost": "frevo",
    "trade_in_price": "prix_reprise",
    "mileage": "km",
    "trade_in_buyer": "repreneur",
    "model": "modele",
    "exterior_colour": "couleur",
    "vat_recoverable": "tva_recup",
    "first_registration_date": "date_mec",
    "registration": "immat",
    "purchase_source": "source_achat",
}
"""What the mapping calls the fields of the DMS that people type into."""
STAGES: Final = ("PRE_RENTREE", "ENTREE_PHYSIQUE", "VERIFICATION_POST_PREPARATION", "STOCK_DE_VENTE", "LIVRAISON")
FIELDS: Final[tuple[tuple[tuple[str, str], str, str], ...]] = (
    (("sale", "price"), "prix_vente", "money"),
    (("costs", "reconditioning"), "frevo", "money"),
    (("purchase", "tradeInPrice"), "prix_reprise", "money"),
    (("characteristics", "mileage"), "km", "km"),
    (("purchase", "tradeInBuyer"), "repreneur", "text"),
    (("characteristics", "model"), "modele", "text"),
    (("characteristics", "exteriorColour"), "couleur", "colour"),
    (("sale", "vatRecoverable"), "tva_recup", "boolean"),
    (("identification", "firstRegistrationDate"), "date_mec", "date"),
    (("identification", "registration"), "immat", "plate"),
    (("purchase", "source"), "source_achat", "source"),
)
COLOURS: Final = (("Noir", "NOIR"), ("Blanc", "BLANC"), ("Rouge Flamme", "ROUGE"), ("Bleu", "BLEU"))
SOURCES: Final = (("PARTICULIER", "PART"), ("MARCHAND", "MARCH"), ("ENCHERES", "ENCH"), ("RESEAU", "RES"))
GARBAGE: Final = ("12 O00", "<b>?</b>", "31/02/2019", [], {"a": 1}, "\u0000", "é" * 40)
HABITS: Final = {
    "types": 10,
    "retypes_both": 2,
    "retypes_all": 1,
    "blanks": 1,
    "types_garbage": 1,
    "enters_in_register": 2,
    "moves_on": 2,
    "orders_in_module": 1,
    "cancels_in_module": 1,
    "orders_in_dms": 2,
    "cancels_in_dms": 1,
    "invoices": 2,
    "lifts_reservation": 1,
    "removes": 1,
    "brings_back": 1,
    "takes_in": 2,
    "transfers": 1,
    "renumbers": 1,
    "clears_reference": 1,
    "corrects_vin": 1,
    "scraps": 1,
    "enters_without_id": 1,
}
SHIFTING: Final = {"types": 4, "removes": 1, "brings_back": 1, "takes_in": 1, "transfers": 1, "renumbers": 2}
"""After which others of the same listing stand elsewhere: a record typed into, where they are in order of change."""


@dataclass
class People:
    """Acts on records as people do, by chance; every act is told in a few words.

    muddled: what somebody goes by who types what belongs to another car; None where nobody does.
    """

    chance: Random
    town: Town
    muddled: Random | None = None
    gone: list[tuple[Side, int, Mapping[str, Any]]] = field(default_factory=list)
    spoilt: list[tuple[Side, str, dict[str, Any]]] = field(default_factory=list)

    def act(self, side: Side | None = None, record_id: str = "", habits: Mapping[str, int] = HABITS) -> str:
        """Do something; to a record, where one is named, more often than not."""
        habit = self.chance.choices(list(habits), list(habits.values()))[0]
        side = side if side is not None else self.chance.choice((MODULE, DMS))
        if not record_id or self.chance.random() < 0.3:
            record_id = self._any(side)
        if not record_id or record_id not in self.town.servers[side].ids():
            return "nothing"
        if self.muddled is not None and self.muddled.random() < 0.3:
            return self._confuses(self.muddled, side, record_id)
        return f"{habit} {side} {record_id} {getattr(self, f'_{habit}')(side, record_id) or ''}".strip()

    def go_home(self) -> None:
        """Correct what hinders every run: records without an id, and keys that nobody can read."""
        for side, record_id, body in self.spoilt:
            if record_id in self.town.servers[side].ids():
                self._change(side, record_id, body)
        for server in self.town.servers.values():
            server._records.pop("?", None)
        self.spoilt = []

    def _any(self, side: Side) -> str:
        ids = self.town.servers[side].ids()
        return self.chance.choice(ids) if ids else ""

    def _body(self, side: Side, record_id: str) -> Mapping[str, Any]:
        return self.town.servers[side].body(record_id)

    def _change(self, side: Side, record_id: str, body: dict[str, Any]) -> None:
        self.town.servers[side].change(record_id, body)

    def _put(self, side: Side, record_id: str, place: tuple[tuple[str, str], str, str], value: Any) -> None:
        (outer, inner), name, _ = place
        self._change(side, record_id, {outer: {inner: value}} if side is MODULE else {name: value})

    def _partner(self, side: Side, record_id: str) -> str:
        body = self._body(side, record_id)
        named = body["identification"]["dmsReference"] if side is MODULE else body["ref_externe"]
        return named if named in self.town.servers[side.other].ids() else ""

    # at a desk

    def _types(self, side: Side, record_id: str) -> str:
        place = self.chance.choice(FIELDS)
        value = self._value(place[2])[side is DMS]
        self._put(side, record_id, place, value)
        return f"{place[1]}={value}"

    def retypes(self, side: Side, record_id: str, attributes: list[str]) -> str:
        """Type into one of these attributes of a record, where people type into any of them."""
        places = [p for p in FIELDS for a in attributes if ATTRIBUTES.get(a) == p[1]]
        if not places or record_id not in self.town.servers[side].ids():
            return self.act(side, record_id)
        place = self.chance.choice(places)
        value = self._value(place[2])[side is DMS]
        self._put(side, record_id, place, value)
        return f"the same field {side} {record_id} {place[1]}={value}"

    def _value(self, kind: str) -> tuple[Any, Any]:
        number = self.town.values.fresh()
        if kind == "money":
            amount = 5_000 + number
            return amount, f"{amount},00"
        if kind == "km":
            return 50_000 + 10 * number, f"{50_000 + 10 * number}"
        if kind == "text":
            return f"Nom {number}", f"NOM {number}"
        if kind == "boolean":
            return self.chance.choice(((True, "O"), (False, "N")))
        if kind == "date":
            day = 1 + number % 27
            return f"2018-0{1 + number % 9}-{day:02d}", f"{day:02d}/0{1 + number % 9}/2018"
        if kind == "plate":
            return f"GG-{number % 900 + 100:03d}-HH", f"GG{number % 900 + 100:03d}HH"
        return self.chance.choice(COLOURS if kind == "colour" else SOURCES)

    def _retypes_both(self, side: Side, record_id: str) -> str:
        place = self.chance.choice(FIELDS)
        self._put(side, record_id, place, self._value(place[2])[side is DMS])
        partner = self._partner(side, record_id)
        if partner:
            self._put(side.other, partner, place, self._value(place[2])[side is MODULE])
        return place[1]

    def _retypes_all(self, side: Side, record_id: str) -> str:
        """Somebody lets a spreadsheet loose on the stock."""
        place = self.chance.choice(FIELDS[:6])
        for each in self.town.servers[side].ids():
            self._put(side, each, place, self._value(place[2])[side is DMS])
        return place[1]

    def _blanks(self, side: Side, record_id: str) -> str:
        place = self.chance.choice(FIELDS)
        self._put(side, record_id, place, None if side is MODULE else "")
        return place[1]

    def _types_garbage(self, side: Side, record_id: str) -> str:
        if self.chance.random() < 0.1:
            former = self._body(side, record_id)["status" if side is MODULE else "statut"]
            name = "status" if side is MODULE else "statut"
            self.spoilt.append((side, record_id, {name: former}))
            self._change(side, record_id, {name: "???!"})
            return name
        place = self.chance.choice(FIELDS)
        value = self.chance.choice(GARBAGE)
        self._put(side, record_id, place, value)
        return f"{place[1]}={value!r}"

    # a car's life

    def _enters_in_register(self, side: Side, record_id: str) -> None:
        for file in [record_id] if side is DMS else [self._partner(side, record_id)]:
            if file and self._body(DMS, file)["statut"] == "Pré-rentrée":
                police = self._body(DMS, file).get("no_police") or f"2026-7{self.town.values.fresh():04d}"
                self._change(DMS, file, {"statut": "Stock", "no_police": police})

    def _moves_on(self, side: Side, record_id: str) -> None:
        record_id = record_id if side is MODULE else self._partner(side, record_id)
        if record_id and (stage := self._body(MODULE, record_id)["status"]) in STAGES[:-1]:
            self._change(MODULE, record_id, {"status": STAGES[STAGES.index(stage) + 1]})

    def _orders_in_module(self, side: Side, record_id: str) -> None:
        record_id = record_id if side is MODULE else self._partner(side, record_id)
        if record_id:
            order = {"id": f"OP-{self.town.values.fresh()}", "date": "2026-11-10"}
            self._change(MODULE, record_id, {"order": order, "reservation": None})

    def _cancels_in_module(self, side: Side, record_id: str) -> None:
        if side is MODULE:
            self._change(MODULE, record_id, {"order": None})

    def _orders_in_dms(self, side: Side, record_id: str) -> None:
        record_id = record_id if side is DMS else self._partner(side, record_id)
        if record_id:
            self._change(DMS, record_id, {"no_bdc": f"BC{self.town.values.fresh()}", "date_bdc": "10/11/2026"})

    def _cancels_in_dms(self, side: Side, record_id: str) -> None:
        if side is DMS:
            self._change(DMS, record_id, {"no_bdc": "", "date_bdc": ""})

    def _invoices(self, side: Side, record_id: str) -> None:
        record_id = record_id if side is DMS else self._partner(side, record_id)
        if record_id and self._body(DMS, record_id)["statut"] == "Stock":
            number = self.town.values.fresh()
            price = self.chance.choice(({}, {"prix_facture": f"{7_000 + number},00"}))
            invoice = {"statut": "Facturé", "no_facture": f"FA{number}", "date_facture": "12/11/2026"}
            self._change(DMS, record_id, {**invoice, **price})

    def _lifts_reservation(self, side: Side, record_id: str) -> None:
        if side is MODULE:
            self._change(MODULE, record_id, {"reservation": None})

    # records come and go

    def _removes(self, side: Side, record_id: str) -> None:
        server = self.town.servers[side]
        self.gone.append((side, server.ledger.car_of[side, record_id], server.body(record_id)))
        server.remove(record_id)

    def _brings_back(self, side: Side, record_id: str) -> str:
        if not self.gone:
            return ""
        side, car, body = self.gone.pop()
        return self.town.servers[side].enter(car, body)

    def _takes_in(self, side: Side, record_id: str) -> str:
        state = self.chance.choices(list(STATES), list(STATES.values()))[0]
        return f"{state} {self.town.take_in(state)}"

    def _transfers(self, side: Side, record_id: str) -> str:
        if len(self.town.points) < 2:
            return ""
        point = self.chance.choice(self.town.points)
        self._change(side, record_id, {"pointOfSale": point} if side is MODULE else {"site": POINTS[point]})
        return point

    def _renumbers(self, side: Side, record_id: str) -> str:
        server, number = self.town.servers[side], self.town.values.fresh()
        name, prefix = ("id", "OF-") if side is MODULE else ("dossier", "VO")
        body = {**server.body(record_id), name: f"{prefix}{1000 + number}"}
        car = server.ledger.car_of[side, record_id]
        server.remove(record_id)
        return server.enter(car, body)

    def _clears_reference(self, side: Side, record_id: str) -> None:
        body = {"identification": {"dmsReference": None}} if side is MODULE else {"ref_externe": ""}
        self._change(side, record_id, body)

    def _corrects_vin(self, side: Side, record_id: str) -> str:
        vin = self.town.values.vin(5_000 + self.town.values.fresh())
        self._change(side, record_id, {"identification": {"vin": vin}} if side is MODULE else {"chassis": vin})
        return vin

    def _confuses(self, chance: Random, side: Side, record_id: str) -> str:
        """Type into one record what another one of the side is told apart by."""
        other_id = chance.choice(self.town.servers[side].ids())
        other, key = self._body(side, other_id), chance.choice(("vin", "police number", "plate", "reference"))
        if side is MODULE:
            names = {"vin": ("vin",), "police number": ("policeNumber",), "reference": ("dmsReference",)}
            named = names.get(key, ("registration", "firstRegistrationDate"))
            self._change(
                side, record_id, {"identification": {name: other["identification"].get(name) for name in named}}
            )
        else:
            names = {"vin": ("chassis",), "police number": ("no_police",), "reference": ("ref_externe",)}
            self._change(side, record_id, {name: other.get(name, "") for name in names.get(key, ("immat", "date_mec"))})
        return f"confuses {side} {record_id} {key} of {other_id}"

    def _scraps(self, side: Side, record_id: str) -> None:
        self._change(side, record_id, {"destination": "CASSE"} if side is MODULE else {"destination": "C"})

    def _enters_without_id(self, side: Side, record_id: str) -> str:
        if self.chance.random() < 0.3:
            self.town.servers[side].enter_without_id(self._body(side, record_id))
            return "yes"
        return ""

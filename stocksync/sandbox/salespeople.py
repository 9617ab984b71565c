"""What users of the vehicle module do to cars, through the module's own functions.

Each public method of `Salespeople` is a step of a script (`play.py`): it does one thing and tells what
happened. A parameter left out is chosen by chance; where no car suits, nothing happened.
"""

from typing import Any

from stocksync.sandbox.cars import CarMaker
from stocksync.sandbox.records import vehicle_fields
from stocksync.sandbox.sentences import MODULE, Event
from stocksync.sandbox.vehicle_module import Vehicle
from stocksync.sandbox.vehicle_module_rules import next_stages
from stocksync.sandbox.workplace import Workplace

USER = "user:12"
ON_SALE = ("STOCK_DE_VENTE", "VERIFICATION_POST_PREPARATION")
IN_HOUSE = ("ENTREE_PHYSIQUE", *ON_SALE)


class Salespeople:
    """Users of the vehicle module at work."""

    def __init__(self, place: Workplace) -> None:
        self._place = place
        self._module = place.module
        self._random = place.random
        self._maker = CarMaker(place.draws)

    def new_arrival(self, point_of_sale: str | None = None, destination: str = "PARTICULIER") -> list[Event]:
        """Enter a trade-in: a new vehicle in PRE_RENTREE."""
        car = self._maker.car(self._place.today(), destination)
        vehicle = self._module.create(vehicle_fields(car, point_of_sale or self._place.point_of_sale()), USER)
        told = {"make": car.make, "model": car.model, "registration": car.registration}
        return [Event(MODULE, vehicle["id"], "arrived", told)]

    def buy_back(self, vehicle: str | None = None) -> list[Event]:
        """Take a sold car in again: a new vehicle with the VIN of one in SORTIE."""
        sold = self._place.vehicle(vehicle, ("SORTIE",))
        if sold is None:
            return []
        identification = sold["identification"]
        mileage_km = (sold["characteristics"]["mileage"] or 0) + self._random.randrange(3000, 30000)
        again = {
            **{name: sold[name] for name in ("pointOfSale", "type", "destination")},
            "identification": {name: identification[name] for name in ("vin", "registration", "firstRegistrationDate")},
            "characteristics": {**sold["characteristics"], "mileage": mileage_km},
            "purchase": {"origin": "REPRISE", "source": "PARTICULIER"},
        }
        back = self._module.create(again, USER)
        return [Event(MODULE, back["id"], "bought_back", {"former": sold["id"], "vin": identification["vin"]})]

    def advance_stage(self, vehicle: str | None = None) -> list[Event]:
        """Move a vehicle one stage ahead; entering LIVRAISON takes an order first."""
        found = self._place.vehicle(vehicle, IN_HOUSE, lambda car: car.get("destination") != "CASSE")
        ahead = next_stages(found["status"], found.get("destination")) if found else ()
        if found is None or not ahead:
            return []
        stage = self._random.choice(ahead)
        events = self.take_order(found["id"]) if stage == "LIVRAISON" else []
        self._module.patch(found["id"], {"status": stage}, USER)
        return [*events, Event(MODULE, found["id"], "stage", {"before": found["status"], "after": stage})]

    def take_order(self, vehicle: str | None = None) -> list[Event]:
        """Take an order in the Opportunities module."""
        found = self._place.vehicle(vehicle, ON_SALE, lambda car: car["order"] is None)
        if found is None:
            return []
        order = {"id": f"CMD-{found['id'][3:]}", "date": self._place.today().isoformat()}
        self._module.set_order(found["id"], order, USER)
        return [Event(MODULE, found["id"], "order_taken", {"order": order["id"]})]

    def price_campaign(self, point_of_sale: str | None = None, cars: int = 10, percent: float = -5) -> list[Event]:
        """Change the price of so many cars on sale at one point of sale."""
        point = point_of_sale or self._place.point_of_sale()
        suiting = self._place.vehicles(ON_SALE, lambda car: car["pointOfSale"] == point and car["sale"]["price"])
        return [self._reprice(vehicle, percent) for vehicle, _ in zip(suiting, range(cars), strict=False)]

    def transfer(self, vehicle: str | None = None, to: str | None = None) -> list[Event]:
        """Move a vehicle to another point of sale."""
        found = self._place.vehicle(vehicle, IN_HOUSE)
        if found is None:
            return []
        before = found["pointOfSale"]
        others = [point["id"] for point in self._module.points_of_sale() if point["id"] != before]
        if to is None and not others:
            return []
        after = to or self._random.choice(others)
        self._module.patch(found["id"], {"pointOfSale": after}, USER)
        return [Event(MODULE, found["id"], "transferred", {"before": before, "after": after})]

    def correct_vin(self, vehicle: str | None = None, vin: str | None = None) -> list[Event]:
        """Correct the VIN of a vehicle; by chance, its last digit."""
        found = self._place.vehicle(vehicle, IN_HOUSE, lambda car: car["identification"]["vin"])
        if found is None:
            return []
        before = found["identification"]["vin"] or ""
        after = vin or before[:-1] + str((ord(before[-1:] or "0") + self._random.randrange(1, 9)) % 10)
        self._module.patch(found["id"], {"identification": {"vin": after}}, USER)
        return [Event(MODULE, found["id"], "vin", {"before": before, "after": after})]

    def module_mileage(self, vehicle: str | None = None, km: int | None = None) -> list[Event]:
        """Update the mileage of a vehicle."""
        found = self._place.vehicle(vehicle, IN_HOUSE, lambda car: car["identification"]["dmsReference"])
        if found is None:
            return []
        before = found["characteristics"]["mileage"]
        after = km if km is not None else (before or 0) + self._random.randrange(3, 400)
        self._module.patch(found["id"], {"characteristics": {"mileage": after}}, USER)
        return [Event(MODULE, found["id"], "mileage", {"before": before, "after": after})]

    def module_blank(
        self, vehicle: str | None = None, field: str = "identification.registrationCertificateDate"
    ) -> list[Event]:
        """Clear a field of a vehicle; the field is named with its group."""
        found = self._place.vehicle(vehicle, IN_HOUSE, lambda car: _read(car, field) is not None)
        if found is None:
            return []
        self._module.patch(found["id"], _nested(field, None), USER)
        return [Event(MODULE, found["id"], "blanked", {"field": field, "before": _read(found, field)})]

    def module_edit(self, vehicle: str, field: str, value: Any) -> list[Event]:
        """Type a value into a vehicle; the field is named with its group: characteristics.exteriorColour."""
        before = _read(self._module.vehicle(vehicle), field)
        self._module.patch(vehicle, _nested(field, value), USER)
        return [Event(MODULE, vehicle, "edited", {"field": field, "before": before, "after": value})]

    def lift_reservation(self, vehicle: str) -> list[Event]:
        """Take the reservation of a vehicle away."""
        self._module.unreserve(vehicle, USER)
        return [Event(MODULE, vehicle, "unreserved")]

    def _reprice(self, vehicle: Vehicle, percent: float) -> Event:
        before = vehicle["sale"]["price"]
        after = round(before * (100 + percent) / 100)
        self._module.patch(vehicle["id"], {"sale": {"price": after}}, USER)
        return Event(MODULE, vehicle["id"], "price", {"before": f"{before:g}", "after": after, "percent": percent})


def _nested(field: str, value: Any) -> dict[str, Any]:
    group, _, name = field.rpartition(".")
    return {group: {name: value}} if group else {name: value}


def _read(vehicle: Vehicle, field: str) -> Any:
    group, _, name = field.rpartition(".")
    return (vehicle.get(group) or {} if group else vehicle).get(name)

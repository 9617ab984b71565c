"""What we remember of a car between two cycles, and what we see of it in this one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category, UnkeptWrite
from stocksync.stock.resolution import Resolution
from stocksync.stock.values import ABSENT, SIDES, Known, Reading, Side
from stocksync.stock.vehicle import RESERVED, Vehicle


@dataclass(frozen=True, slots=True)
class UnconfirmedWrite:
    """One attribute of a write whose outcome never reached us; resolution: the reviewer's decision behind it."""

    side: Side
    attribute: str
    value: Known
    resolution: int | None = None


@dataclass(frozen=True, slots=True)
class Overwrite:
    """The last value that was written over another one on a side: how often since a day, over and over the same."""

    written: Known
    over: Known
    times: int
    since_on: date


@dataclass(frozen=True, slots=True)
class Car:
    """One stock cycle: one stay of one car.

    id: ours, derived from the first record that we saw of it. record_ids: the bound records, a side left out where
    the car has none there. base: per attribute, the last value that both sides were known to hold.
    missing: complete listings in a row without the side's record, counted up to 2. first_point_of_sale: whose police
    register the car was entered in. reserved_by_us: stocksync set the reservation for an order of the DMS.
    unkept: by attribute, the last write that did not stick. unconfirmed: writes without a known outcome.
    overwrites: by attribute and side, see `sync.overwrites`. resolutions: reviewers' decisions that have still to be
    carried out, at most one about each attribute.
    vin, registration, police_number: what the car was last known by; they outlive its records. interesting: there was
    more to say about it than that both sides agree, so that the next run looks at it whatever has changed.
    """

    id: str
    pair: str
    point_of_sale: str
    first_point_of_sale: str
    record_ids: Mapping[Side, str]
    base: Mapping[str, Known] = field(default_factory=dict)
    missing: Mapping[Side, int] = field(default_factory=dict)
    closed: bool = False
    reserved_by_us: bool = False
    unkept: Mapping[str, UnkeptWrite] = field(default_factory=dict)
    unconfirmed: tuple[UnconfirmedWrite, ...] = ()
    overwrites: Mapping[tuple[str, Side], Overwrite] = field(default_factory=dict)
    resolutions: tuple[Resolution, ...] = ()
    vin: str | None = None
    registration: str | None = None
    police_number: str | None = None
    interesting: bool = False

    @property
    def bound(self) -> bool:
        """True iff a record of each side is known to be this car."""
        return len(self.record_ids) == 2

    def resolution(self, number: int | None) -> Resolution | None:
        """Find a decision by its number."""
        return next((resolution for resolution in self.resolutions if resolution.number == number), None)

    def with_record(self, side: Side, record_id: str) -> Car:
        """The same car with a record bound on a side."""
        return replace(self, record_ids={**self.record_ids, side: record_id})


def car_id(pair: str, side: Side, record_id: str) -> str:
    """Derive a car's id from the first record that was seen of it."""
    text = f"{pair}|{side}|{record_id}"
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def new_car(pair: str, point_of_sale: str, side: Side, record_id: str) -> Car:
    """A car that we see for the first time, on one side."""
    return Car(car_id(pair, side, record_id), pair, point_of_sale, point_of_sale, {side: record_id})


def readings_of(vehicles: Mapping[Side, Vehicle | None], attribute: str) -> dict[Side, Reading]:
    """What each side says of an attribute, ABSENT where there is no record."""
    shown = {side: vehicles.get(side) for side in SIDES}
    return {side: vehicle.reading(attribute) if vehicle is not None else ABSENT for side, vehicle in shown.items()}


def circumstances_of(vehicle_module: Vehicle | None, dms: Vehicle | None) -> str:
    """Name what both records of a car hold, so that a refusal can be told from one under other circumstances."""
    said = [[v.reference, *sorted(v.readings.items())] if v is not None else None for v in (vehicle_module, dms)]
    return hashlib.blake2b(repr(said).encode(), digest_size=6).hexdigest()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a person should see, as a value with its reason.

    subject: the attribute, or `stage`, `binding`, `reserved`, `record`. The values are shown as texts, None where
    the side holds nothing. details: what else helps to decide, by name. details never change a finding's identity.
    """

    car_id: str
    subject: str
    reason: Reason
    category: Category
    vehicle_module: str | None = None
    dms: str | None = None
    base: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The identity of a finding for its whole life."""
        return f"{self.car_id}|{self.subject}|{self.reason}"

    @property
    def held(self) -> dict[Side, str | None]:
        """What each side held, as text."""
        return {Side.VEHICLE_MODULE: self.vehicle_module, Side.DMS: self.dms}

    @property
    def seen(self) -> str:
        """Ten digits that change with what a person decides by: both values, the last common one, and the details.

        What a system said of a refusal, and the row of the decision table, may change while nothing moved.
        """
        details = sorted((name, text) for name, text in self.details.items() if name not in _NOT_DECIDED_BY)
        said = [self.subject, self.reason.value, self.vehicle_module, self.dms, self.base, details]
        return hashlib.blake2b(repr(said).encode(), digest_size=5).hexdigest()


RESERVATION_DUE = "reservation_due"
"""A detail of what is found about a reservation that is not there: nobody can ignore that."""
HELD = "held"
"""A detail of what is found about a reservation that stocksync will not set, because something holds the car."""
DECIDED = "decided"
"""A detail of what is found about a disagreement that a reviewer's decision is settling; what it says is kept there."""
_NOT_DECIDED_BY = frozenset({"message", "row", RESERVATION_DUE, DECIDED})

NOBODYS = "record-"
"""What stands before the digest in the name of a record that cannot be any car's."""

BINDING = "binding"
RESERVATION = RESERVED
RECORD = "record"
REFERENCE = "reference"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One car as this cycle sees it: what we remember, and what each side shows, None where it does not.

    was_bound: both sides' records were known to belong together before, or a side carries a reference to a record
    that is gone. held: why nothing may be written for it (duplicate, ambiguous match). bound_by: how a new binding
    was found.
    """

    car: Car
    vehicle_module: Vehicle | None
    dms: Vehicle | None
    was_bound: bool = False
    held: tuple[Finding, ...] = ()
    bound_by: str | None = None

    def on(self, side: Side) -> Vehicle | None:
        """What a side shows."""
        return self.vehicle_module if side is Side.VEHICLE_MODULE else self.dms

    def readings(self, attribute: str) -> dict[Side, Reading]:
        """What both sides say of an attribute, ABSENT where there is no record."""
        return readings_of({side: self.on(side) for side in SIDES}, attribute)

    def effective_text(self, attribute: str) -> str | None:
        """The car's value of an attribute that the module decides: the module's if set, else the DMS's.

        None where neither says anything, or where the one that counts cannot be read: nothing is guessed.
        """
        for vehicle in (self.vehicle_module, self.dms):
            if vehicle is None:
                continue
            text = vehicle.text(attribute)
            if text is not None or vehicle.unreadable(attribute):
                return text
        return None

"""The models of both diffsync peers: one car, its attributes, and a side that loads them."""

from __future__ import annotations

from typing import ClassVar

from diffsync import DiffSyncModel

ATTRIBUTES = (
    "destination",
    "vin",
    "registration",
    "first_registration_date",
    "registration_certificate_date",
    "police_number",
    "make",
    "model",
    "version",
    "mileage",
    "origin",
    "source",
    "buyer",
    "trade_in_price",
    "reconditioning",
    "price",
    "invoiced_price",
    "vat",
)


class CarModel(DiffSyncModel):
    """One car."""

    _modelname: ClassVar[str] = "car"
    _identifiers: ClassVar[tuple[str, ...]] = ("id",)
    _attributes: ClassVar[tuple[str, ...]] = ATTRIBUTES

    id: str
    destination: str
    vin: str
    registration: str
    first_registration_date: str
    registration_certificate_date: str
    police_number: str
    make: str
    model: str
    version: str
    mileage: int
    origin: str
    source: str
    buyer: str
    trade_in_price: int | None
    reconditioning: int | None
    price: int | None
    invoiced_price: int | None
    vat: bool

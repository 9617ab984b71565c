"""A vehicle as one side shows it, and the attributes that the core knows by name.

Any attribute of the vocabulary may be carried; those named here have a part in binding, in the lifecycle or in
a rule, so every vocabulary must have them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from stocksync.stock.values import ABSENT, Invalid, Kind, Reading, is_value

STAGE: Final = "stage"
DMS_STATUS: Final = "dms_status"
DESTINATION: Final = "destination"
VEHICLE_TYPE: Final = "vehicle_type"
POINT_OF_SALE: Final = "point_of_sale"
VIN: Final = "vin"
REGISTRATION: Final = "registration"
FIRST_REGISTRATION_DATE: Final = "first_registration_date"
POLICE_NUMBER: Final = "police_number"
INVOICED_SALE_PRICE: Final = "invoiced_sale_price"
RESERVED: Final = "reserved"
MODULE_ORDER: Final = "module_order"
DMS_ORDER: Final = "dms_order"
INVOICE_NUMBER: Final = "invoice_number"
INVOICE_DATE: Final = "invoice_date"

REQUIRED_ATTRIBUTES: Final = (
    STAGE,
    DMS_STATUS,
    DESTINATION,
    VEHICLE_TYPE,
    POINT_OF_SALE,
    VIN,
    REGISTRATION,
    FIRST_REGISTRATION_DATE,
    POLICE_NUMBER,
    INVOICED_SALE_PRICE,
    RESERVED,
    MODULE_ORDER,
    DMS_ORDER,
    INVOICE_NUMBER,
    INVOICE_DATE,
)

LIFECYCLE_ATTRIBUTES: Final = frozenset({STAGE, DMS_STATUS, RESERVED})
"""Attributes that `lifecycle` decides; the decision table leaves them alone."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One entry of the vocabulary.

    minimum, maximum, tolerance are in the kind's own unit (cents, kilometres, days). personal marks
    values that name or describe a person.
    """

    name: str
    kind: Kind
    label_fr: str
    label_en: str
    tolerance: int = 0
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[str, ...] = ()
    personal: bool = False


@dataclass(frozen=True, slots=True)
class Vehicle:
    """What one side says of one vehicle: a reading per attribute, ABSENT where it says nothing.

    reference: the other side's record id as this side carries it, None where blank or not carried.
    """

    record_id: str
    readings: Mapping[str, Reading]
    reference: str | None = None
    version: str | None = None

    def reading(self, attribute: str) -> Reading:
        """What this side says of an attribute."""
        return self.readings.get(attribute, ABSENT)

    def text(self, attribute: str) -> str | None:
        """A set value as text, None where there is none."""
        reading = self.readings.get(attribute, ABSENT)
        if type(reading) is str:  # most of the time
            return reading
        return str(reading) if reading is not ABSENT and is_value(reading) else None

    def has(self, attribute: str) -> bool:
        """Tell whether this side holds a set value."""
        reading = self.readings.get(attribute, ABSENT)
        return type(reading) is str or is_value(reading)

    def unreadable(self, attribute: str) -> bool:
        """Tell whether what this side holds cannot be read."""
        return isinstance(self.readings.get(attribute, ABSENT), Invalid)

"""One car as each system writes it down: a vehicle of the module, a file of the DMS.

Answers spelling only: nested JSON with numbers on one side, flat French text on the other. What a car is
comes from `cars.py`; what went wrong in a record is `mishaps.py`.
"""

from collections.abc import Mapping
from datetime import date
from random import Random
from typing import Any

from stocksync.sandbox.cars import Car
from stocksync.sandbox.dms import File, new_file
from stocksync.sandbox.vehicle_module import Vehicle, new_vehicle

DESTINATIONS = {"PARTICULIER": "P", "PROFESSIONNEL": "M", "CASSE": "C"}
ORIGINS = {"REPRISE": "REP", "ACHAT_DIRECT": "ACH", "LOCATION": "LOC", "FLOTTE": "FLO"}
SOURCES = {"PARTICULIER": "PART", "MARCHAND": "MARCH", "ENCHERES": "ENCH", "RESEAU": "RES"}


def vehicle_fields(car: Car, point_of_sale: str) -> dict[str, Any]:
    """Write a car as the module does."""
    return {
        "pointOfSale": point_of_sale,
        "type": car.type,
        "destination": car.destination,
        "identification": {
            "vin": car.vin,
            "registration": car.registration,
            "firstRegistrationDate": car.first_registration_on.isoformat(),
            "registrationCertificateDate": car.certificate_on.isoformat(),
        },
        "characteristics": {
            "make": car.make,
            "model": car.model,
            "version": car.version,
            "exteriorColour": car.colour,
            "mileage": car.mileage_km,
        },
        "purchase": {
            "origin": car.origin,
            "source": car.source,
            "tradeInBuyer": car.trade_in_buyer,
            "tradeInPrice": euros(car.trade_in_price_cents),
        },
        "costs": {"reconditioning": euros(car.reconditioning_cents)},
        "sale": {"price": euros(car.sale_price_cents), "vatRecoverable": car.vat_recoverable},
    }


def seeded_vehicle(id_: str, fields: Mapping[str, Any], stamps: Mapping[str, Any]) -> Vehicle:
    """Lay out a vehicle with a past: its stamps, status, order and reservation are given."""
    return {**new_vehicle(id_, fields), **stamps}


def file_fields(car: Car, site: str, random: Random) -> dict[str, str]:
    """Write a car as clerks do: capitals, codes, and two spellings of plates, kilometres and amounts."""
    grouped = random.random() < 0.3
    return {
        "site": site,
        "type": car.type,
        "destination": DESTINATIONS[car.destination],
        "chassis": car.vin,
        "immat": car.registration.replace("-", "") if random.random() < 0.5 else car.registration,
        "date_mec": day_text(car.first_registration_on),
        "date_cg": day_text(car.certificate_on),
        "marque": car.make.upper(),
        "modele": car.model.upper(),
        "version": car.version,
        "km": kilometres_text(car.mileage_km, grouped),
        "couleur": car.colour_code,
        "origine": ORIGINS[car.origin],
        "source_achat": SOURCES[car.source],
        "repreneur": car.trade_in_buyer,
        "prix_reprise": amount_text(car.trade_in_price_cents, grouped),
        "frevo": amount_text(car.reconditioning_cents, grouped),
        "prix_vente": amount_text(car.sale_price_cents, grouped),
        "tva_recup": "O" if car.vat_recoverable else "N",
    }


def seeded_file(dossier: str, fields: Mapping[str, str], maj_le: str) -> File:
    """Lay out a file with a past: its statut is given."""
    file = new_file(dossier, fields, maj_le)
    return {**file, "statut": fields.get("statut", file["statut"])}


def euros(cents: int | None) -> float | None:
    """Write an amount as the module does."""
    return None if cents is None else cents / 100


def amount_text(cents: int | None, grouped: bool = False) -> str:
    """Write an amount as the DMS does: 12500,00 or 12 500,00."""
    if cents is None:
        return ""
    return f"{kilometres_text(cents // 100, grouped)},{cents % 100:02d}"


def kilometres_text(number: int, grouped: bool = False) -> str:
    """Write a whole number as the DMS does: 84500 or 84 500."""
    return f"{number:,}".replace(",", " ") if grouped else str(number)


def day_text(on: date) -> str:
    """Write a date as the DMS does."""
    return f"{on.day:02d}/{on.month:02d}/{on.year:04d}"

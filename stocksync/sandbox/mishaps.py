"""What goes wrong between two systems that people type into, in small and even proportions.

`RATIOS` is the one place where each proportion is named: "one in N of the cars it can happen to". Each mishap
changes one car's two records, after both were written alike.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from stocksync.sandbox.cars import Car
from stocksync.sandbox.dms import File
from stocksync.sandbox.draws import Draws
from stocksync.sandbox.records import amount_text, kilometres_text
from stocksync.sandbox.vehicle_module import Vehicle

RATIOS = MappingProxyType(
    {
        # the life of a car
        "new_or_demonstration": 50,
        "pre_entry_not_in_dms": 2,
        "pre_entry_in_stock": 5,
        "pre_entry_in_stock_without_police_number": 40,
        "pre_entry_already_invoiced": 60,
        "delivery_without_order": 5,
        "delivery_invoiced": 8,
        "limited_reservation": 40,
        "ordered_outside_opportunities": 60,
        "invoiced_outside_opportunities": 150,
        # records without their counterpart
        "missing_in_dms": 200,
        "unknown_in_vehicle_module": 150,
        "duplicate_vin": 400,
        # cross references
        "both_references_blank": 20,
        "dms_reference_blank": 30,
        "ref_externe_blank": 30,
        # values
        "blank_in_vehicle_module": 60,
        "blank_in_dms": 60,
        "vat_blank": 50,
        "mileage_differs": 40,
        "price_differs": 45,
        "reconditioning_differs": 50,
        "colour_differs": 120,
        "buyer_differs": 100,
        "registration_differs": 250,
        "vin_slip": 150,
        "unreadable": 140,
    }
)
_SLIPS = {"0": "O", "1": "I"}
_BLANKS_IN_MODULE = (
    ("identification", "registrationCertificateDate"),
    ("characteristics", "exteriorColour"),
    ("characteristics", "mileage"),
    ("purchase", "tradeInBuyer"),
    ("costs", "reconditioning"),
)
_BLANKS_IN_DMS = ("date_cg", "couleur", "km", "repreneur", "version", "prix_vente")


@dataclass(frozen=True)
class Pair:
    """One car and its two records."""

    car: Car
    vehicle: Vehicle
    file: File


Mishap = Callable[[Pair, Draws], None]


def befall(pair: Pair, draws: Draws) -> None:
    """Let each mishap happen to this car, or not."""
    for name, ratio, mishap in _MISHAPS:
        if draws.one_in(name, ratio):
            mishap(pair, draws)
    if any(digit in pair.car.vin for digit in _SLIPS) and draws.one_in("vin_slip", RATIOS["vin_slip"]):
        _slip_in_vin(pair, draws)


def _forget_both_references(pair: Pair, draws: Draws) -> None:
    _forget_dms_reference(pair, draws)
    _forget_ref_externe(pair, draws)


def _forget_dms_reference(pair: Pair, draws: Draws) -> None:
    pair.vehicle["identification"]["dmsReference"] = None


def _forget_ref_externe(pair: Pair, draws: Draws) -> None:
    pair.file["ref_externe"] = ""


def _blank_in_module(pair: Pair, draws: Draws) -> None:
    group, field = draws.random.choice(_BLANKS_IN_MODULE)
    pair.vehicle[group][field] = None


def _blank_in_dms(pair: Pair, draws: Draws) -> None:
    pair.file[draws.random.choice(_BLANKS_IN_DMS)] = ""


def _blank_vat(pair: Pair, draws: Draws) -> None:
    pair.vehicle["sale"]["vatRecoverable"] = None
    pair.file["tva_recup"] = ""


def _other_mileage(pair: Pair, draws: Draws) -> None:
    driven_km = draws.random.randrange(5, 900)
    if draws.random.random() < 0.5:
        pair.vehicle["characteristics"]["mileage"] = pair.car.mileage_km + driven_km
    else:
        pair.file["km"] = kilometres_text(pair.car.mileage_km + driven_km)


def _other_price(pair: Pair, draws: Draws) -> None:
    if pair.car.sale_price_cents is not None:
        off_cents = draws.random.choice((-100_000, -50_000, -30_000, 50_000))
        pair.file["prix_vente"] = amount_text(max(pair.car.sale_price_cents + off_cents, 50_000))


def _other_reconditioning(pair: Pair, draws: Draws) -> None:
    more_cents = draws.random.randrange(2_000, 60_000, 500)
    pair.file["frevo"] = amount_text(pair.car.reconditioning_cents + more_cents)


def _other_colour(pair: Pair, draws: Draws) -> None:
    pair.file["couleur"] = "NOIR" if pair.car.colour_code != "NOIR" else "GRIS"


def _other_buyer(pair: Pair, draws: Draws) -> None:
    pair.file["repreneur"] = "V. Dubois"


def _other_registration(pair: Pair, draws: Draws) -> None:
    pair.file["immat"] = "W" + pair.car.registration.replace("-", "")[1:]


def _slip_in_vin(pair: Pair, draws: Draws) -> None:
    digit = draws.random.choice([digit for digit in _SLIPS if digit in pair.car.vin])
    slipped = _SLIPS[digit].join(pair.car.vin.rsplit(digit, 1))
    if draws.random.random() < 0.5:
        pair.vehicle["identification"]["vin"] = slipped
    else:
        pair.file["chassis"] = slipped


def _unreadable(pair: Pair, draws: Draws) -> None:
    amount = pair.file["prix_vente"] or "150,00"
    field, text = draws.random.choice(
        (
            ("date_mec", "31/02/2020"),
            ("prix_vente", amount.replace("0", "O")),
            ("km", "8450O"),
            ("date_cg", "??/05/2019"),
        )
    )
    pair.file[field] = text if text != pair.file[field] else f"{text}l"


_BY_NAME: dict[str, Mishap] = {
    "both_references_blank": _forget_both_references,
    "dms_reference_blank": _forget_dms_reference,
    "ref_externe_blank": _forget_ref_externe,
    "blank_in_vehicle_module": _blank_in_module,
    "blank_in_dms": _blank_in_dms,
    "vat_blank": _blank_vat,
    "mileage_differs": _other_mileage,
    "price_differs": _other_price,
    "reconditioning_differs": _other_reconditioning,
    "colour_differs": _other_colour,
    "buyer_differs": _other_buyer,
    "registration_differs": _other_registration,
    "unreadable": _unreadable,
}
_MISHAPS = tuple((name, RATIOS[name], mishap) for name, mishap in _BY_NAME.items())

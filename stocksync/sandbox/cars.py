"""Believable used cars of a French dealer group, one after another, without end.

Answers what a car truly is. How each system spells it is in `records.py`, what goes wrong on the way in
`seed.py`.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from zlib import crc32

from stocksync.sandbox.catalogue import Model, colours, models
from stocksync.sandbox.draws import Draws

SIV_START = date(2009, 4, 15)
_SIV_LETTERS = "ABCDEFGHJKLMNPQRSTVWXYZ"
_VIN_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
# ISO 3779 model years, 2001 to 2030
_YEAR_LETTERS = "123456789ABCDEFGHJKLMNPRSTVWXY"
# consecutive numbers step through a block without a visible order and without meeting; both are coprime
_STRIDE, _SERIALS = 386_413, 1_000_000
_PLATES = 999 * len(_SIV_LETTERS) ** 2
_COLOUR_WEIGHTS = {
    "GRIS": 30, "BLANC": 24, "NOIR": 19, "BLEU": 11, "ROUGE": 6, "ARGENT": 4, "VERT": 2,
    "BEIGE": 1, "MARRON": 1, "JAUNE": 1, "ORANGE": 1, "BORDEAUX": 1, "VIOLET": 1,
}  # fmt: skip
_BUYERS = (
    "A. Martin",
    "C. Lefèvre",
    "J. Bernard",
    "K. Haddad",
    "L. Moreau",
    "N. Garcia",
    "P. Le Goff",
    "S. Petit",
)
_DEPARTMENTS = ("33", "40", "47", "24", "17", "16", "64", "31", "75", "69", "2A", "59")
_ORIGINS = {"REPRISE": 66, "ACHAT_DIRECT": 16, "LOCATION": 11, "FLOTTE": 7}
_SOURCES = {
    "REPRISE": ("PARTICULIER",),
    "ACHAT_DIRECT": ("PARTICULIER", "MARCHAND", "ENCHERES", "RESEAU"),
    "LOCATION": ("RESEAU", "ENCHERES"),
    "FLOTTE": ("RESEAU", "MARCHAND"),
}


@dataclass(frozen=True)
class Car:
    """One car as it is, whatever the systems say; money in cents, None where there is no such thing."""

    type: str
    make: str
    model: str
    version: str
    vin: str
    registration: str
    first_registration_on: date
    certificate_on: date
    colour: str
    colour_code: str
    mileage_km: int
    destination: str
    origin: str
    source: str
    trade_in_buyer: str
    trade_in_price_cents: int | None
    reconditioning_cents: int
    sale_price_cents: int | None
    vat_recoverable: bool


class CarMaker:
    """Make cars; no two of one maker share a VIN or a plate (below a million of one manufacturer)."""

    def __init__(self, draws: Draws) -> None:
        self._draws = draws
        self._random = draws.random
        self._serials: Counter[str] = Counter()
        self._plates: Counter[str] = Counter()
        # two makers with different seeds start at different numbers
        self._start = draws.random.randrange(_SERIALS)

    def car(self, known_on: date, destination: str, type_: str = "VO") -> Car:
        """Make a car that comes in on that day."""
        model = self._model(known_on, destination)
        first_on = self._first_registration(model, known_on, destination, type_)
        certificate_on = self._certificate(first_on, known_on, type_)
        age_years = max((known_on - first_on).days, 1) / 365.25
        origin = self._draws.weighted(_ORIGINS)
        worth_cents = self._worth_cents(model, age_years)
        colour_code = self._draws.weighted(_COLOUR_WEIGHTS)
        return Car(
            type=type_,
            make=model.make,
            model=model.name,
            version=self._random.choice(model.versions),
            vin=self._vin(model, first_on),
            registration=self._registration(certificate_on),
            first_registration_on=first_on,
            certificate_on=certificate_on,
            colour=self._random.choice(colours()[colour_code]),
            colour_code=colour_code,
            mileage_km=self._mileage_km(age_years),
            destination=destination,
            origin=origin,
            source=self._random.choice(_SOURCES[origin]),
            trade_in_buyer=self._random.choice(_BUYERS),
            trade_in_price_cents=None if origin == "ACHAT_DIRECT" else worth_cents * 82 // 100 // 5000 * 5000,
            reconditioning_cents=self._random.randrange(0, 160_000, 500) + self._random.choice((0, 0, 90, 45)),
            sale_price_cents=None if destination == "CASSE" else worth_cents // 50_000 * 50_000 + 49_000,
            vat_recoverable=origin in ("LOCATION", "FLOTTE"),
        )

    def _model(self, known_on: date, destination: str) -> Model:
        while True:
            model = self._random.choice(models())
            is_old = model.last_year < known_on.year - 12
            # old models mostly leave the trade for the breaker's yard
            if model.first_year < known_on.year and (
                destination == "CASSE" or not is_old or self._random.random() < 0.3
            ):
                return model

    def _first_registration(self, model: Model, known_on: date, destination: str, type_: str) -> date:
        if type_ != "VO":
            return known_on - timedelta(days=self._random.randrange(20, 200))
        youngest = min(date(model.last_year, 12, 31), known_on - timedelta(days=200))
        oldest = date(model.first_year, 1, 2)
        if destination != "CASSE" and model.last_year >= known_on.year:
            oldest = max(oldest, known_on - timedelta(days=9 * 365))
        return oldest + timedelta(days=self._random.randrange(max((youngest - oldest).days, 1)))

    def _certificate(self, first_on: date, known_on: date, type_: str) -> date:
        span = (known_on - first_on).days
        changed_hands = type_ == "VO" and span > 400 and self._random.random() < 0.4
        return first_on + timedelta(days=self._random.randrange(300, span)) if changed_hands else first_on

    def _worth_cents(self, model: Model, age_years: float) -> int:
        worth = model.new_price_euros * 100 * 0.9 * 0.885**age_years * self._random.uniform(0.92, 1.08)
        return max(int(worth), 120_000)

    def _mileage_km(self, age_years: float) -> int:
        return max(int(age_years * self._random.lognormvariate(9.4, 0.35)), 12)

    def _vin(self, model: Model, first_on: date) -> str:
        wmi = self._random.choice(model.wmi)
        self._serials[wmi] += 1
        serial = (self._first_of(wmi) + self._serials[wmi] * _STRIDE) % _SERIALS
        length = 6 - len(model.vin_filler)
        described = "".join(self._random.choices(_VIN_LETTERS, k=length))
        if model.vin_filler:
            # the Volkswagen group leaves these places unused
            described = f"{model.vin_filler}{described[:2]}Z"
        year, plant = _YEAR_LETTERS[first_on.year - 2001], self._random.choice("ABDEGMPRVW")
        return f"{wmi}{described}{year}{plant}{serial:06d}"

    def _first_of(self, block: str) -> int:
        return self._start + crc32(block.encode())

    def _registration(self, certificate_on: date) -> str:
        """Give a plate of its day: FNI before 15 April 2009 (1234 AB 33), SIV after (AA-123-AA)."""
        if certificate_on < SIV_START:
            department = self._random.choice(_DEPARTMENTS)
            self._plates[department] += 1
            letters, digits = divmod(self._plates[department] * 7919 + self._first_of(department), 9000)
            return f"{digits + 1000} {_letters(letters % 529)} {department}"
        prefix = _letters(_siv_prefix(certificate_on))
        self._plates[prefix] += 1
        letters, digits = divmod((self._plates[prefix] * 7919 + self._first_of(prefix)) % _PLATES, 999)
        return f"{prefix}-{digits + 1:03d}-{_letters(letters)}"


def _siv_prefix(on: date) -> int:
    # about 8 prefixes are used up a year: AA in April 2009, HB at the end of 2025
    return min((on - SIV_START).days * 150 // 6100, 528)


def _letters(number: int) -> str:
    first, second = divmod(number % 529, 23)
    return _SIV_LETTERS[first] + _SIV_LETTERS[second]

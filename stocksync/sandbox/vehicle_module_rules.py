"""What the vehicle module accepts: the shape of a vehicle, of a reservation, and the moves of a status.

Pure: no state, no clock. The shapes follow `contracts/vehicle-module.openapi.yaml`; storage is in
`vehicle_module.py`.

Decided: a readOnly or unknown field in a request is refused (422), so that a wrong mapping shows at once.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from stocksync.sandbox.clock import read_instant

Status = Literal[
    "PRE_RENTREE", "ENTREE_PHYSIQUE", "VERIFICATION_POST_PREPARATION", "STOCK_DE_VENTE", "LIVRAISON", "SORTIE"
]
OPTIONAL_CHECK = "VERIFICATION_POST_PREPARATION"
_WHOLE_LIFE = ("PRE_RENTREE", "ENTREE_PHYSIQUE", OPTIONAL_CHECK, "STOCK_DE_VENTE", "LIVRAISON", "SORTIE")
LIVES: Mapping[str | None, tuple[str, ...]] = {
    None: _WHOLE_LIFE,
    "PARTICULIER": _WHOLE_LIFE,
    "PROFESSIONNEL": _WHOLE_LIFE,
    "CASSE": ("PRE_RENTREE", "ENTREE_PHYSIQUE", "SORTIE"),
}
READ_ONLY = frozenset({"id", "version", "createdAt", "updatedAt", "updatedBy", "reservation", "order"})
MAX_MILEAGE_KM = 9_999_999

FieldErrors = list[dict[str, str]]


class Problem(Exception):
    """An answer that is not a success: an HTTP status, a reason, and the fields at fault (RFC 9457)."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: FieldErrors | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors or []
        self.headers = headers or {}


def _calendar_date(text: str) -> str:
    if len(text) != 10 or date.fromisoformat(text).isoformat() != text:
        raise ValueError("must be a date, yyyy-mm-dd")
    return text


def _instant(text: str) -> str:
    read_instant(text)
    return text


def _two_decimals(amount: float) -> float:
    exponent = Decimal(repr(amount)).normalize().as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -2:
        raise ValueError("must have at most 2 decimals")
    return amount


def _integral(number: Any) -> Any:
    # to JSON Schema 84500.0 is an integer
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _kilometres(km: int) -> int:
    if not 0 <= km <= MAX_MILEAGE_KM:
        raise ValueError(f"must be between 0 and {MAX_MILEAGE_KM} km")
    return km


CalendarDate = Annotated[str, AfterValidator(_calendar_date)]
Instant = Annotated[str, AfterValidator(_instant)]
Money = Annotated[float, AfterValidator(_two_decimals)]
Kilometres = Annotated[int, BeforeValidator(_integral), AfterValidator(_kilometres)]


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class _Identification(_Shape):
    vin: str | None = None
    registration: str | None = None
    firstRegistrationDate: CalendarDate | None = None
    registrationCertificateDate: CalendarDate | None = None
    policeNumber: str | None = None
    dmsReference: str | None = None


class _Characteristics(_Shape):
    make: str = ""
    model: str = ""
    version: str = ""
    exteriorColour: str | None = None
    mileage: Kilometres | None = None


class _Purchase(_Shape):
    origin: str | None = None
    source: str | None = None
    tradeInBuyer: str | None = None
    tradeInPrice: Money | None = None


class _Costs(_Shape):
    reconditioning: Money | None = None


class _Sale(_Shape):
    price: Money | None = None
    invoicedPrice: Money | None = None
    vatRecoverable: bool | None = None


class _Vehicle(_Shape):
    pointOfSale: str = ""
    type: Literal["VN", "VD", "VO"] = "VO"
    status: Status = "PRE_RENTREE"
    destination: Literal["PARTICULIER", "PROFESSIONNEL", "CASSE"] = "PARTICULIER"
    # made anew: a default that is there already is copied to its depths at each check, which costs more than the check
    identification: _Identification = Field(default_factory=_Identification)
    characteristics: _Characteristics = Field(default_factory=_Characteristics)
    purchase: _Purchase = Field(default_factory=_Purchase)
    costs: _Costs = Field(default_factory=_Costs)
    sale: _Sale = Field(default_factory=_Sale)


class _Reservation(_Shape):
    kind: Literal["LIMITED", "UNLIMITED"]
    until: Instant | None = None
    blocksSale: bool
    blocksPublication: bool
    reason: str = ""
    by: str = ""


def checked_vehicle(sent: object) -> dict[str, Any]:
    """Return the named fields of a creation or a merge patch; Problem 422 with an error per field."""
    if isinstance(sent, dict) and (fixed := sorted(READ_ONLY & sent.keys())):
        raise Problem(422, "read-only fields", [{"field": name, "message": "is read only"} for name in fixed])
    return _checked(_Vehicle, sent)


def checked_reservation(sent: object) -> dict[str, Any]:
    """Return a reservation; Problem 422 also for an unlimited one with an end."""
    reservation = _checked(_Reservation, sent)
    if reservation["kind"] == "UNLIMITED" and reservation.get("until") is not None:
        raise Problem(422, "invalid fields", [{"field": "until", "message": "is for LIMITED only"}])
    return reservation


def _checked(shape: type[_Shape], sent: object) -> dict[str, Any]:
    try:
        return shape.model_validate(sent).model_dump(exclude_unset=True)
    except ValidationError as invalid:
        errors = [
            {"field": ".".join(str(part) for part in error["loc"]) or "body", "message": error["msg"]}
            for error in invalid.errors(include_url=False)
        ]
        raise Problem(422, "invalid fields", errors) from invalid


def merged(target: dict[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Apply a checked merge patch (RFC 7396); a cleared field stays in sight as null."""
    result = {**target, **patch}
    for name, value in patch.items():
        if isinstance(value, dict):
            result[name] = merged(target.get(name) or {}, value)
    return result


def require_move(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Raise Problem 409 unless the status moves as the contract's patch description allows.

    The destination that counts is the one after the patch. Iff one of:
    - the status stays;
    - it is the next stage of the line of life, the optional check aside;
    - it is SORTIE, from any stage after PRE_RENTREE, under an unlimited reservation that blocks both sale and
      publication.
    """
    old, new = before["status"], after["status"]
    if old == new or new in next_stages(old, after.get("destination")):
        return
    if new == "SORTIE" and old != "PRE_RENTREE" and blocks_everything(after.get("reservation")):
        return
    message = f"{old} to {new} is not on the line of life of {after.get('destination')}"
    raise Problem(409, "illegal move", [{"field": "status", "message": message}])


def next_stages(status: str, destination: str | None) -> tuple[str, ...]:
    """List the stages one step ahead: two around the optional check, none outside the line of life."""
    life = LIVES[destination]
    if status not in life:
        return ()
    ahead = life[life.index(status) + 1 :]
    return ahead[:2] if ahead[:1] == (OPTIONAL_CHECK,) else ahead[:1]


def blocks_everything(reservation: Mapping[str, Any] | None) -> bool:
    """Say whether a reservation is unlimited and blocks both sale and publication."""
    return bool(
        reservation
        and reservation["kind"] == "UNLIMITED"
        and reservation["blocksSale"]
        and reservation["blocksPublication"]
    )

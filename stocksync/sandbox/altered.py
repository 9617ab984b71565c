"""What a system stores of a body where a fault makes that something else than what was sent.

Pure: bodies in, bodies out, for both systems alike: their fields are told apart by their last name. Checks come
after, so an alteration stays within what the system accepts.
"""

import re
from collections.abc import Callable, Collection
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from stocksync.sandbox.faults import IgnoredWrites, StoredDifferently
from stocksync.sandbox.striking import Struck

AMOUNTS = frozenset(
    {"tradeInPrice", "reconditioning", "price", "invoicedPrice"}
    | {"prix_reprise", "frevo", "prix_vente", "prix_facture"}
)
TEXTS = frozenset(
    {"vin", "registration", "make", "model", "version", "exteriorColour", "tradeInBuyer", "origin", "source"}
    | {"chassis", "immat", "marque", "modele", "couleur", "origine", "source_achat", "repreneur"}
)
_SPACES = re.compile(r"\s")


def as_stored(sent: object, struck: Struck) -> object:
    """Return what of a body reaches the store under the faults that strike its request."""
    ignored = struck.of(IgnoredWrites)
    if ignored is not None and ignored.fields:
        sent = _without(sent, ignored.fields)
    differently = struck.of(StoredDifferently)
    if differently is not None:
        alter, names = _alteration(differently)
        sent = _altered(sent, frozenset(differently.fields) & names if differently.fields else names, alter)
    return sent


def _alteration(fault: StoredDifferently) -> tuple[Callable[[object], object], frozenset[str]]:
    if fault.how == "whole_euros":
        return _whole_euros, AMOUNTS
    if fault.how == "upper_case":
        return lambda value: value.upper() if isinstance(value, str) else value, TEXTS
    return lambda value: value[: fault.length] if isinstance(value, str) else value, TEXTS


def _altered(sent: object, names: Collection[str], alter: Callable[[object], object]) -> object:
    if not isinstance(sent, dict):
        return sent
    return {name: alter(value) if name in names else _altered(value, names, alter) for name, value in sent.items()}


def _without(sent: object, names: Collection[str]) -> object:
    if not isinstance(sent, dict):
        return sent
    return {name: _without(value, names) for name, value in sent.items() if name not in names}


def _whole_euros(value: object) -> object:
    """Round 12.5 to 13.0 and `12 345,50` to `12346,00`; leave alone what is no amount."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(_rounded(Decimal(repr(value))))
    if isinstance(value, str) and value:
        try:
            return f"{_rounded(Decimal(_SPACES.sub('', value).replace(',', '.')))},00"
        except InvalidOperation:
            return value
    return value


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal(1), ROUND_HALF_UP) if amount.is_finite() else amount

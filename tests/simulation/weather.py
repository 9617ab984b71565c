"""What goes wrong with one system during one cycle, drawn from that system's own source of chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from stocksync.adapters.systems.memory import Call, Fate, Write
from stocksync.errors import (
    AccessDenied,
    IncompleteListing,
    RateLimited,
    StocksyncError,
    SystemUnavailable,
    UnexpectedAnswer,
    WriteRejected,
)
from stocksync.sync.ports import NativeRecord

ODD_PAUSES: Final = (None, 0.0, 3.5, 59.0, 61.0, 86_400.0)
WRITES: Final = ("create", "update", "reserve")

ERRORS: Final[Mapping[str, Callable[[Random], StocksyncError]]] = {
    "unavailable": lambda _: SystemUnavailable("error 503"),
    "unsent": lambda _: SystemUnavailable("no connection", unsent=True),
    "rate_limited": lambda chance: RateLimited("slow down", chance.choice(ODD_PAUSES)),
    "html": lambda _: UnexpectedAnswer("an HTML page"),
    "access_denied": lambda _: AccessDenied("revoked"),
}
ON_WRITES: Final = (
    "lost",
    "answer_lost",
    "garbled",
    "ignored",
    "refused_field",
    "refused",
    "conflict",
    "stored_otherwise",
)
ON_LISTINGS: Final = ("incomplete", "empty", "short", "twice", "expired")
KINDS: Final = (*ERRORS, *ON_LISTINGS, "stale", *ON_WRITES, *ON_WRITES)


@dataclass
class Weather:
    """How likely each kind of fault is at each occasion; `met` counts those that happened.

    due: a fault that happens at its next occasion, whatever is likely.
    """

    chance: Random
    likely: Mapping[str, float] = field(default_factory=dict)
    met: Counter[str] = field(default_factory=Counter)
    due: str = ""

    def strikes(self, kind: str) -> bool:
        """Tell whether a fault happens now."""
        if kind == self.due:
            self.due = ""
            self.met[kind] += 1
            return True
        likely = self.likely.get(kind)
        if likely is None or self.chance.random() >= likely:
            return False
        self.met[kind] += 1
        return True

    def before(self, call: Call) -> None:
        """Raise what a call ends in before it arrives."""
        for kind, error in ERRORS.items():
            if self.strikes(kind):
                raise error(self.chance)
        if call == "pages" and self.strikes("incomplete"):
            raise IncompleteListing("the pages do not add up")
        if call in WRITES and self.strikes("conflict"):
            raise WriteRejected("not in this state", is_conflict=True)

    def fate(self, write: Write) -> Fate:
        """What becomes of a write on its way."""
        if self.strikes("lost"):
            return Fate.LOST
        if self.strikes("answer_lost"):
            return Fate.ANSWER_LOST
        # A creation that is answered in full and did not happen cannot be told from one that did.
        if write.call != "create" and self.strikes("ignored"):
            return Fate.IGNORED
        return Fate.CARRIED_OUT

    def after(self, call: Call) -> None:
        """Raise what a write ends in although it was carried out."""
        if call in WRITES and self.strikes("garbled"):
            raise UnexpectedAnswer("half an answer")

    def refused(self, body: Mapping[str, Any]) -> dict[str, str]:
        """The fields of a write that are refused."""
        names = _leaves(body)
        if names and self.strikes("refused_field"):
            return {self.chance.choice(names): "not like this"}
        if self.strikes("refused"):
            raise WriteRejected("not at all")
        return {}

    def stored(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """What is stored of a write: a price loses its cents and its last digit, a text its end."""
        return _otherwise(body) if self.strikes("stored_otherwise") else body

    def listed(self, records: list[NativeRecord], known: Callable[[str], bool]) -> list[NativeRecord]:
        """A listing that says it is complete, and is not: only records that we know already are left out."""
        if self.strikes("empty"):
            return []
        if self.strikes("short"):
            return [r for r in records if not known(r.record_id) or self.chance.random() < 0.6]
        if records and self.strikes("twice"):
            return [*records, self.chance.choice(records)]
        return records


def drawn(chance: Random, met: Counter[str]) -> Weather:
    """Fair weather two times out of five, else one or two kinds of fault, now and then or always."""
    if chance.random() < 0.4:
        return Weather(chance, {}, met)
    kinds = {chance.choice(KINDS): None for _ in range(chance.choice((1, 2)))}
    return Weather(chance, {kind: chance.choice((0.1, 0.3, 1.0)) for kind in kinds}, met)


def _leaves(body: Mapping[str, Any]) -> list[str]:
    names: list[str] = []
    for name, value in body.items():
        names += _leaves(value) if isinstance(value, Mapping) else [name]
    return names


def _otherwise(body: Mapping[str, Any]) -> dict[str, Any]:
    rounded: dict[str, Any] = {}
    for name, value in body.items():
        if isinstance(value, Mapping):
            rounded[name] = _otherwise(value)
        elif name in ("prix_vente", "prix_reprise", "frevo", "prix_facture") and value:
            rounded[name] = f"{value.split(',')[0][:-1]}0,00"
        elif name in ("price", "tradeInPrice", "reconditioning", "invoicedPrice") and value:
            rounded[name] = int(value) // 10 * 10
        elif name in ("repreneur", "tradeInBuyer", "modele", "model") and value:
            rounded[name] = value[:5]
        else:
            rounded[name] = value
    return rounded

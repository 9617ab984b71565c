"""Which faults strike a request: by its call, by its record, and by a chance that repeats.

Pure: given a fault, a request and how often the same was asked before, whether it strikes. How often that was is
counted in `breaks.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from stocksync.sandbox.faults import CALLS, CallFault, CallName, ChanceFault, Fault

F = TypeVar("F", bound=Fault)


@dataclass(frozen=True)
class Asked:
    """A request as faults see it; `call` is None for what is none of the five."""

    call: CallName | None
    record: str = ""
    listing: str = ""
    page: str = ""
    is_first_page: bool = True

    @property
    def line(self) -> str:
        """What requests have in common that are the same question; cursors are not in it, they never repeat."""
        return f"{self.call} {self.record or self.listing} {self.page}"


@dataclass(frozen=True)
class Struck:
    """The faults that strike one request, each with its own source of chance, and the orders of those in force.

    `orders` maps each fault that is set to the number of the order that set it.
    """

    strikes: Mapping[str, tuple[Fault, Random]] = field(default_factory=dict)
    orders: Mapping[str, int] = field(default_factory=dict)

    def of(self, kind: type[F]) -> F | None:
        """Return the fault of that kind, if it strikes."""
        found = self.strikes.get(kind.name)
        return found[0] if found and isinstance(found[0], kind) else None

    def random(self, kind: type[Fault]) -> Random:
        """Return the chance of a fault that strikes."""
        return self.strikes[kind.name][1]


NOTHING = Struck()


def concerns(fault: ChanceFault, asked: Asked) -> bool:
    """Say whether a fault could strike a request."""
    calls = getattr(fault, "calls", ()) or fault.fits
    if asked.call is None:
        return calls == CALLS and getattr(fault, "record", None) is None
    if asked.call not in calls:
        return False
    # of a listing, `record` says what is missing
    return not isinstance(fault, CallFault) or fault.record in (None, asked.record)


def chance(fault: ChanceFault, asked: Asked, nth: int) -> Random | None:
    """Draw whether a fault strikes the nth request of its kind: the chance of its details, or None.

    The draw knows the request and not the order of arrival, so requests in parallel are struck alike each time; only
    creations, which nothing tells apart beforehand, are struck by their order.
    """
    random = Random(f"{fault.seed} {fault.name} {asked.line} {nth}")
    return random if random.random() < fault.share else None

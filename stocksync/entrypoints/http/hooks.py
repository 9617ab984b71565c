"""A webhook is a hint: this record may have moved, look at it. Here it is judged, from its headers and its body.

Nothing that a webhook says is believed but that, so one that is lost, doubled, late, out of order or about nothing
changes when a record is read, and nothing else. No database is touched. Not here: sockets, which are `app`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final

from starlette.datastructures import Headers

from stocksync.adapters.systems.strict_json import NotJson, parsed
from stocksync.entrypoints.http.bounds import Allowance, Monotonic, Rate, Seen
from stocksync.entrypoints.http.doors import WINDOW_S, Door, HookSettings
from stocksync.mapping.paths import value_at
from stocksync.stock.values import Side, folded

MAX_BODY_BYTES: Final = 64 * 1024
ARRIVALS: Final = Rate(burst=200, per_s=100)
"""How often anybody may come, signed or not: whoever is told to come later loses some minutes at most."""

HINTS: Final = Rate(burst=300, per_s=20)
"""How often a system's signed webhooks may cause a reading."""

# A timestamp from our future is good until it is as far in our past.
_REPLAYABLE_S: Final = 2 * WINDOW_S
_LONGEST_NAME: Final = 200

Hint = Callable[[str, Side, str], None]


class Outcome(StrEnum):
    """What became of a webhook."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"
    NOT_OURS = "not_ours"
    UNREADABLE = "unreadable"
    REFUSED = "refused"
    UNKNOWN_SYSTEM = "unknown_system"
    TOO_SLOW = "too_slow"
    TOO_LARGE = "too_large"
    TOO_MANY = "too_many"


class Unreadable(ValueError):
    """Says what a signed body lacks."""


class HookDesk:
    """Judges webhooks, one after the other; of one thread."""

    def __init__(
        self,
        settings: HookSettings,
        hint: Hint,
        now_s: Callable[[], float] = time.time,
        monotonic_s: Monotonic = time.monotonic,
    ) -> None:
        self._hint, self._now_s = hint, now_s
        self._arrivals = Allowance(ARRIVALS, monotonic_s)
        self._hints: dict[str, Allowance] = {}
        self.seen: dict[str, Seen] = {}
        self._monotonic_s = monotonic_s
        self.adopt(settings)

    def adopt(self, settings: HookSettings) -> None:
        """Have these doors from now on; what came through those before stays known."""
        for system in settings.doors:
            self._hints.setdefault(system, Allowance(HINTS, self._monotonic_s))
            self.seen.setdefault(system, Seen(_REPLAYABLE_S, HINTS.most_within(_REPLAYABLE_S)))
        self._doors = settings.doors

    def turns_away(self, system: str) -> Outcome | None:
        """Tell, before anything of a body is read, why it need not be."""
        if not self._arrivals.take():
            return Outcome.TOO_MANY
        return None if system in self._doors else Outcome.UNKNOWN_SYSTEM

    def judge(self, system: str, headers: Headers, body: bytes) -> Outcome:
        """Judge a whole webhook of a known system, and give the hint iff it is accepted.

        Decided: one that was seen already is answered as if it were new, for its sender repeats it because our answer
        was lost, and would go on repeating what we call an error. Raises Unreadable.
        """
        now_s = self._now_s()
        opened = [(door, proof) for door in self._doors.get(system, ()) if (proof := door.opened(headers, body, now_s))]
        if not opened:
            return Outcome.REFUSED
        # Read only now: nobody without a secret gets as far as the parser.
        proof, seen = opened[0][1], self.seen[system]
        if seen.knows(proof):
            return Outcome.REPEATED
        hints = _hints(body, [door for door, _ in opened])
        if not hints:
            return Outcome.NOT_OURS
        if not seen.has_room(now_s) or not self._hints[system].take():
            return Outcome.TOO_MANY
        for point_of_sale, side, record_id in hints:
            self._hint(point_of_sale, side, record_id)
        seen.keep(proof, now_s)
        return Outcome.ACCEPTED


def _hints(body: bytes, doors: list[Door]) -> list[tuple[str, Side, str]]:
    """What a body tells each of its doors; nothing where it speaks of points of sale that the doors do not know."""
    try:
        said = parsed(body)
    except NotJson as error:
        raise Unreadable(f"a JSON object is due; this is {error}") from None
    if not isinstance(said, dict):
        raise Unreadable("a JSON object is due")
    hints = []
    for door in doors:
        code = _name_at(said, door.webhook.point_of_sale)
        record_id = _name_at(said, door.webhook.record_id)
        if (point_of_sale := door.points.get(folded(code))) is not None:
            hints.append((point_of_sale, door.side, record_id))
    return hints


def _name_at(said: dict[str, Any], path: str) -> str:
    """The short text or whole number at a path, as text."""
    value = value_at(said, path)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_NAME or not value.isprintable():
        raise Unreadable(f"a text of 1 to {_LONGEST_NAME} printable characters is due at {path}")
    return value

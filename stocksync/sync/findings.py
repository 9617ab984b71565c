"""How the conflict report moves from one cycle to the next: one disagreement is one row for its whole life. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final

from stocksync.stock.reasons import Reason
from stocksync.sync.cars import Finding
from stocksync.sync.recording import Silence

EVENTS: Final = frozenset({Reason.POLICE_NUMBER_OUT_OF_ORDER, Reason.FIELD_GONE})
"""Findings about something that happened once: they stay open until a person has seen them."""


@dataclass(frozen=True, slots=True)
class OpenFinding:
    """A row that is open."""

    finding_id: int
    finding: Finding
    point_of_sale: str


@dataclass(frozen=True, slots=True)
class Settlement:
    """What becomes of the open rows and of what is raised now."""

    opened: tuple[Finding, ...]
    changed: tuple[tuple[int, Finding], ...]
    closed: tuple[OpenFinding, ...]


def settle(
    open_rows: Iterable[OpenFinding],
    raised: Sequence[Finding],
    silences: Mapping[str, Silence],
    point_of_sale: str,
    at_home: Set[str] = frozenset(),
) -> Settlement:
    """Match what is raised now with the open rows; at_home: cars that this plan may have taken over, by their ids.

    A row whose values moved is changed, not reopened, and goes with its car to another point of sale. One that is not
    raised any more is closed, unless it tells of an event, or this plan has nothing to say about its subject.
    """
    by_key = {row.finding.key: row for row in open_rows}
    opened, changed = [], []
    seen: set[str] = set()
    for finding in raised:
        if finding.key in seen:
            continue
        seen.add(finding.key)
        row = by_key.get(finding.key)
        if row is None:
            opened.append(finding)
        elif row.finding != finding or row.point_of_sale != point_of_sale:
            changed.append((row.finding_id, finding))
    closed = []
    for key, row in by_key.items():
        if key in seen:
            continue
        if not _stands(row.finding, silences):
            closed.append(row)
        elif row.point_of_sale != point_of_sale and row.finding.car_id in at_home:
            changed.append((row.finding_id, row.finding))
    return Settlement(tuple(opened), tuple(changed), tuple(closed))


def _stands(finding: Finding, silences: Mapping[str, Silence]) -> bool:
    silence = silences.get(finding.car_id)
    return finding.reason in EVENTS or (silence is not None and silence.covers(finding.subject))

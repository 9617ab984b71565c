"""Reviewers' decisions on their way in: whoever came first holds, and the others are told; within one transaction.

Decisions are taken in parts, in none of which two are about the same row or the same attribute of a car: what is stored
about all of a part is asked once, and what stands is written at once. The rows themselves are `resolution_rows`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select, update

from stocksync.adapters.store.conflict_rows import SAID, as_kept, finding_said
from stocksync.adapters.store.core import CONFLICT, RESOLUTION
from stocksync.adapters.store.key_lists import AT_ONCE, among
from stocksync.adapters.store.resolution_rows import (
    OUTSIDE_RUNS,
    add_resolutions,
    end_resolutions,
    ignoring,
    stored_resolution,
)
from stocksync.stock.resolution import Choice, Standing
from stocksync.sync.cars import Finding
from stocksync.sync.decisions import IN_FORCE, ResolutionStatus, StoredResolution, supersedes
from stocksync.sync.findings import EVENTS
from stocksync.sync.fingerprints import seen_digest


def take_in(connection: Connection, decisions: Sequence[StoredResolution]) -> list[int | None]:
    """Take decisions in, in their order; the answer is their numbers, None for each that another one forestalled."""
    return [number for part in _parts(decisions) for number in _taken(connection, part)]


def _parts(decisions: Sequence[StoredResolution]) -> Iterator[list[StoredResolution]]:
    """Cut where a decision can only be judged once those before are written."""
    part: list[StoredResolution] = []
    touched: set[object] = set()
    for decision in decisions:
        row, attribute = decision.conflict_id, (decision.car_id, decision.subject)
        if len(part) == AT_ONCE or row in touched or attribute in touched:
            yield part
            part, touched = [], set()
        part.append(decision)
        touched.update((row, attribute))
    if part:
        yield part


@dataclass(frozen=True, slots=True)
class _Stored:
    """What is stored about some decisions.

    said: what each report row says now. in_force: the rows, and what they said, that were decided of. due: by car and
    subject, the decisions that have still to be carried out.
    """

    said: dict[int, Finding]
    in_force: set[tuple[int, str]]
    due: dict[tuple[str, str], list[StoredResolution]]

    def forestalls(self, decision: StoredResolution) -> bool:
        """Tell whether another decision came first, or the row says something else by now."""
        now = self.said.get(decision.conflict_id)
        acts = decision.status in (ResolutionStatus.PENDING, ResolutionStatus.IGNORING)
        # What is the same word for word is seen as the same; only then is nothing to be digested.
        if now is None or (acts and now != decision.seen and seen_digest(now) != seen_digest(decision.seen)):
            return True
        if self.in_force and (decision.conflict_id, seen_digest(decision.seen)) in self.in_force:
            return True
        if decision.choice is Choice.IGNORE:
            return False
        return any(not supersedes(decision.seen, earlier) for earlier in self.due_beside(decision))

    def due_beside(self, decision: StoredResolution) -> list[StoredResolution]:
        """The decisions about the same attribute of the same car that have still to be carried out."""
        return self.due.get((decision.car_id, decision.subject), []) if self.due else []


def _taken(connection: Connection, part: Sequence[StoredResolution]) -> list[int | None]:
    stored = _stored_about(connection, part)
    numbers: list[int | None] = [None] * len(part)
    places: list[int] = []

    def write() -> None:
        """Write what is to be written so far, so that the journal tells everything in its order."""
        written = add_resolutions(connection, [part[place] for place in places])
        for place, number in zip(places, written, strict=True):
            numbers[place] = number
        places.clear()

    for place, decision in enumerate(part):
        if stored.forestalls(decision):
            continue
        late = stored.due_beside(decision) if decision.status is ResolutionStatus.PENDING else []
        if late:
            write()
            # Of one attribute of a car only one decision is ever to be carried out.
            over = dict.fromkeys((earlier.number for earlier in late), Standing.STALE)
            end_resolutions(connection, OUTSIDE_RUNS, over, decision.decided_at, because="superseded")
            stored.in_force.difference_update((earlier.conflict_id, earlier.seen.seen) for earlier in late)
        places.append(place)
    write()
    ignored = [(d, n) for d, n in zip(part, numbers, strict=True) if n is not None and d.choice is Choice.IGNORE]
    if ignored:
        _leave_as_they_are(connection, ignored, stored.said)
    return numbers


_SAID: Final = as_kept(CONFLICT.c.id, *SAID)


def _stored_about(connection: Connection, part: Sequence[StoredResolution]) -> _Stored:
    row_ids = [decision.conflict_id for decision in part]
    rows = connection.execute(_SAID.where(among(connection, CONFLICT.c.id, row_ids))).all()
    said = {number: finding_said(*finding) for number, *finding in rows}
    # Asked for the status too, the database may look through everything that was ever decided.
    earlier = select(RESOLUTION.c.conflict_id, RESOLUTION.c.seen_digest, RESOLUTION.c.status).where(
        among(connection, RESOLUTION.c.conflict_id, row_ids)
    )
    in_force = {(row, seen) for row, seen, status in connection.execute(earlier) if status in IN_FORCE}
    pending = select(RESOLUTION).where(
        RESOLUTION.c.status == ResolutionStatus.PENDING.value,
        among(connection, RESOLUTION.c.car_id, sorted({decision.car_id for decision in part})),
    )
    due: dict[tuple[str, str], list[StoredResolution]] = {}
    for row in connection.execute(pending.order_by(RESOLUTION.c.id)):
        due.setdefault((row.car_id, row.subject), []).append(stored_resolution(row))
    return _Stored(said, in_force, due)


def _leave_as_they_are(
    connection: Connection, ignored: Sequence[tuple[StoredResolution, int]], said: dict[int, Finding]
) -> None:
    """Mark the rows that are to be ignored; one that tells of something that happened once is closed with it."""
    found = ignoring(connection, [said[decision.conflict_id] for decision, _ in ignored])
    hidden: list[dict[str, Any]] = []
    closed: list[dict[str, Any]] = []
    for decision, number in ignored:
        now = said[decision.conflict_id]
        if (now.key, now.seen) in found:
            hidden.append({"row": decision.conflict_id, "number": number})
        if decision.reason in EVENTS:
            closed.append({"row": decision.conflict_id, "at": decision.decided_at})
    this_row = update(CONFLICT).where(CONFLICT.c.id == bindparam("row"))
    if hidden:
        connection.execute(this_row.values(ignored_by=bindparam("number")), hidden)
    if closed:
        over = this_row.where(CONFLICT.c.closed_at.is_(None))
        connection.execute(over.values(closed_at=bindparam("at"), closed_because="reviewed"), closed)

"""What reviewers decided, as rows: taken in, carried out, gone stale, taken back; each call within a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Connection, func, select, update

from stocksync.adapters.store import codec
from stocksync.adapters.store.bulk import Bulk
from stocksync.adapters.store.core import CAR, CONFLICT, OUTBOX, RESOLUTION, chunks
from stocksync.adapters.store.key_lists import AT_ONCE, among
from stocksync.adapters.store.plain import instant
from stocksync.adapters.store.rows import add_journal
from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category
from stocksync.stock.resolution import Choice, Standing
from stocksync.stock.values import as_text
from stocksync.stock.vehicle import STAGE
from stocksync.sync.cars import BINDING, RECORD, RESERVATION, RESERVATION_DUE, Finding
from stocksync.sync.decisions import ResolutionStatus, StoredResolution
from stocksync.sync.fingerprints import seen_digest
from stocksync.sync.recording import EntryStatus, JournalLine

_ENDS: Final = {
    Standing.KEPT: (ResolutionStatus.APPLIED, "both_hold_it"),
    Standing.STALE: (ResolutionStatus.STALE, "values_moved"),
    Standing.FORBIDDEN: (ResolutionStatus.FORBIDDEN, "mapping_forbids"),
    Standing.REFUSED: (ResolutionStatus.REFUSED, "side_refused"),
}
OUTSIDE_RUNS: Final = 0
STATES: Final = (STAGE, BINDING, RECORD, RESERVATION)


def stored_resolution(row: Any) -> StoredResolution:
    """Read a decision."""
    seen = codec.load(row.seen)
    return StoredResolution(
        number=row.id,
        conflict_id=row.conflict_id,
        pair=row.pair,
        point_of_sale=row.point_of_sale,
        car_id=row.car_id,
        subject=row.subject,
        reason=Reason(row.reason),
        choice=Choice(row.choice),
        targets=codec.load_targets(row.targets),
        seen=Finding(
            row.car_id,
            row.subject,
            Reason(row.reason),
            Category(seen["category"]),
            seen["vehicle_module"],
            seen["dms"],
            seen["base"],
            seen["details"],
        ),
        comment=row.comment,
        decided_by=row.decided_by,
        decided_at=instant(row.decided_at),
        file=row.file,
        file_digest=row.file_digest,
        status=ResolutionStatus(row.status),
        closed_at=instant(row.closed_at) if row.closed_at is not None else None,
        closed_because=row.closed_because,
        undoes=row.undoes,
        former_base=codec.unpack(seen["former_base"]),
        lot=row.lot,
    )


_TAKEN: Final = Bulk(
    RESOLUTION,
    given=(
        "conflict_id",
        "pair",
        "point_of_sale",
        "car_id",
        "subject",
        "reason",
        "choice",
        "targets",
        "seen",
        "seen_digest",
        "comment",
        "status",
        "closed_at",
        "closed_because",
        "undoes",
        "lot",
    ),
    same=("decided_by", "decided_at", "file", "file_digest"),
)


def _row_of(resolution: StoredResolution) -> tuple[Any, ...]:
    """The values that each row carries, as `_TAKEN` names them."""
    seen = resolution.seen
    return (
        resolution.conflict_id,
        resolution.pair,
        resolution.point_of_sale,
        resolution.car_id,
        resolution.subject,
        resolution.reason.value,
        resolution.choice.value,
        codec.dump_targets(resolution.targets),
        codec.dump(
            {
                "category": seen.category.value,
                "vehicle_module": seen.vehicle_module,
                "dms": seen.dms,
                "base": seen.base,
                "details": seen.details,
                "former_base": codec.pack(resolution.former_base),
            }
        ),
        seen_digest(seen),
        resolution.comment,
        resolution.status.value,
        resolution.closed_at,
        resolution.closed_because,
        resolution.undoes,
        resolution.lot,
    )


def add_resolution(connection: Connection, resolution: StoredResolution) -> int:
    """Take a decision in; the answer is its number."""
    return add_resolutions(connection, [resolution])[0]


def add_resolutions(connection: Connection, resolutions: Sequence[StoredResolution]) -> list[int]:
    """Take decisions in, each about another report row; the answer is their numbers, in the same order."""
    if not resolutions:
        return []
    before = connection.scalar(select(func.max(RESOLUTION.c.id))) or 0
    for handed_in, together in groupby(resolutions, key=attrgetter(*_TAKEN.same)):
        _TAKEN.write(connection, map(_row_of, together), dict(zip(_TAKEN.same, handed_in, strict=True)))
    # Numbers only ever rise, so that nothing before has to be looked through.
    new = select(RESOLUTION.c.conflict_id, RESOLUTION.c.id).where(RESOLUTION.c.id > before)
    found: dict[int, int] = {row: number for row, number in connection.execute(new.order_by(RESOLUTION.c.id))}
    numbers = [found[resolution.conflict_id] for resolution in resolutions]
    taken = groupby(zip(numbers, resolutions, strict=True), key=lambda numbered: numbered[1].decided_at)
    for at, lines in taken:
        add_journal(connection, OUTSIDE_RUNS, at, [_taken_line(number, resolution) for number, resolution in lines])
    return numbers


def _taken_line(number: int, resolution: StoredResolution) -> JournalLine:
    details = {
        "conflict": resolution.conflict_id,
        "subject": resolution.subject,
        "decision": number,
        "choice": resolution.choice.value,
        **{f"{side}_value": as_text(value) for side, value in resolution.targets.items()},
        "by": resolution.decided_by,
        "file": resolution.file,
        "comment": resolution.comment,
    }
    return JournalLine(resolution.car_id, "decision_taken", details)


def waits_here(connection: Connection, pair: str, point_of_sale: str) -> bool:
    """Tell whether a decision at a point of sale has still to be carried out."""
    waiting = (RESOLUTION.c.pair == pair, RESOLUTION.c.status == ResolutionStatus.PENDING.value)
    home = select(CAR.c.id).where(CAR.c.id == RESOLUTION.c.car_id, CAR.c.point_of_sale == point_of_sale).exists()
    found = select(RESOLUTION.c.id).where(*waiting, home).limit(1)
    return connection.scalar(found) is not None


def end_resolutions(
    connection: Connection, run_id: int, standings: Mapping[int, Standing], at: datetime, *, because: str | None = None
) -> None:
    """Note which decisions have come to an end, and how."""
    ended = {number: _ENDS[standing] for number, standing in standings.items() if standing in _ENDS}
    for number, (status, usual) in ended.items():
        still = (RESOLUTION.c.id == number, RESOLUTION.c.status == ResolutionStatus.PENDING.value)
        row = connection.execute(select(RESOLUTION).where(*still)).first()
        if row is None:
            continue
        values = {
            "status": status.value,
            "closed_at": at,
            "closed_because": because or usual,
            "closed_run": run_id,
        }
        connection.execute(update(RESOLUTION).where(RESOLUTION.c.id == number).values(values))
        if row.choice == Choice.UNDO and status is ResolutionStatus.APPLIED:
            # The very same disagreement is there again: it keeps its number.
            conflict = update(CONFLICT).where(CONFLICT.c.id == row.conflict_id)
            connection.execute(conflict.values(closed_at=None, closed_because=None))
        details = {
            "conflict": row.conflict_id,
            "subject": row.subject,
            "decision": number,
            "by": row.decided_by,
            "because": because or usual,
        }
        add_journal(connection, run_id, at, [JournalLine(row.car_id, f"decision_{status.value}", details)])


def ignoring(connection: Connection, findings: Iterable[Finding]) -> dict[tuple[str, str], int]:
    """The decisions to leave findings as they are, by the findings' key and what they say."""
    wanted = {(f.key, f.seen) for f in findings if RESERVATION_DUE not in f.details}
    car_ids = sorted({key.split("|", 1)[0] for key, _ in wanted})
    found: dict[tuple[str, str], int] = {}
    for part in chunks(car_ids):
        statement = select(RESOLUTION).where(
            RESOLUTION.c.status == ResolutionStatus.IGNORING.value, RESOLUTION.c.car_id.in_(part)
        )
        for row in connection.execute(statement):
            name = (f"{row.car_id}|{row.subject}|{row.reason}", row.seen_digest)
            if name in wanted:
                found[name] = row.id
    return found


def earlier_resolutions(
    connection: Connection, conflict_ids: Sequence[int], car_ids: Sequence[str], numbers: Sequence[int] = ()
) -> list[StoredResolution]:
    """Every decision about some report rows, those about their cars that are still due, and some by number."""
    found: dict[int, StoredResolution] = {}
    pending = RESOLUTION.c.status == ResolutionStatus.PENDING.value
    asked: tuple[tuple[Column[Any], Sequence[Any], tuple[ColumnElement[bool], ...]], ...] = (
        (RESOLUTION.c.id, numbers, ()),
        (RESOLUTION.c.conflict_id, conflict_ids, ()),
        (RESOLUTION.c.car_id, car_ids, (pending,)),
    )
    for column, keys, conditions in asked:
        for part in chunks(keys, AT_ONCE):
            statement = select(RESOLUTION).where(*conditions, among(connection, column, part))
            found.update((row.id, stored_resolution(row)) for row in connection.execute(statement))
    return [found[number] for number in sorted(found)]


def still_due(connection: Connection, numbers: Iterable[int]) -> set[int]:
    """Those of some decisions that have still to be carried out."""
    found: set[int] = set()
    for part in chunks(sorted(set(numbers))):
        pending = RESOLUTION.c.status == ResolutionStatus.PENDING.value
        found |= set(connection.scalars(select(RESOLUTION.c.id).where(RESOLUTION.c.id.in_(part), pending)))
    return found


def end_with_the_car(connection: Connection, run_id: int, car_id: str, at: datetime) -> None:
    """No decision outlives the stay of its car."""
    pending = RESOLUTION.c.status == ResolutionStatus.PENDING.value
    numbers = connection.scalars(select(RESOLUTION.c.id).where(RESOLUTION.c.car_id == car_id, pending)).all()
    end_resolutions(connection, run_id, dict.fromkeys(numbers, Standing.STALE), at, because="exit")


def forget_ignored(connection: Connection, conflict_ids: Sequence[int], at: datetime) -> None:
    """End what was decided to be ignored about stages, records, matches and reservations once that is over.

    Their values do not tell one occurrence from the next, as an attribute's do.
    """
    for part in chunks(conflict_ids):
        rows = select(CONFLICT.c.ignored_by).where(
            CONFLICT.c.id.in_(part), CONFLICT.c.subject.in_(STATES), CONFLICT.c.ignored_by.is_not(None)
        )
        over = {"status": ResolutionStatus.STALE.value, "closed_at": at, "closed_because": "row_closed"}
        connection.execute(update(RESOLUTION).where(RESOLUTION.c.id.in_(rows)).values(over))


def is_on_its_way(connection: Connection, car_id: str) -> bool:
    """Tell whether a write of a car was sent and its outcome is not known."""
    claimed = select(OUTBOX.c.id).where(OUTBOX.c.car_id == car_id, OUTBOX.c.status == EntryStatus.CLAIMED.value)
    return connection.execute(claimed).first() is not None


def take_back(connection: Connection, row: StoredResolution, by: str, at: datetime) -> None:
    """Note that a decision was taken back by a person."""
    values = {"status": ResolutionStatus.UNDONE.value, "closed_at": at, "closed_because": by}
    connection.execute(update(RESOLUTION).where(RESOLUTION.c.id == row.number).values(values))
    details = {"conflict": row.conflict_id, "subject": row.subject, "decision": row.number, "by": by}
    add_journal(connection, OUTSIDE_RUNS, at, [JournalLine(row.car_id, "decision_undone", details)])

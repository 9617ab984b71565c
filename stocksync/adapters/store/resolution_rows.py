"""What reviewers decided, as rows: taken in, carried out, gone stale, taken back; each call within a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, insert, or_, select, update

from stocksync.adapters.store import codec
from stocksync.adapters.store.core import CONFLICT, OUTBOX, RESOLUTION, chunks
from stocksync.adapters.store.rows import add_journal, finding_of
from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category
from stocksync.stock.resolution import Choice, Resolution, Standing
from stocksync.stock.values import as_text
from stocksync.sync.cars import Finding
from stocksync.sync.decisions import IN_FORCE, ResolutionStatus, StoredResolution, resolution_of
from stocksync.sync.recording import EntryStatus, JournalLine

_ENDS: Final = {
    Standing.KEPT: (ResolutionStatus.APPLIED, "both_hold_it"),
    Standing.STALE: (ResolutionStatus.STALE, "values_moved"),
    Standing.FORBIDDEN: (ResolutionStatus.FORBIDDEN, "mapping_forbids"),
}
_OUTSIDE_RUNS: Final = 0


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
        decided_at=utc(row.decided_at),
        file=row.file,
        file_digest=row.file_digest,
        status=ResolutionStatus(row.status),
        closed_at=utc(row.closed_at) if row.closed_at is not None else None,
        closed_because=row.closed_because,
        undoes=row.undoes,
    )


def _row_of(resolution: StoredResolution) -> dict[str, Any]:
    seen = resolution.seen
    return {
        "conflict_id": resolution.conflict_id,
        "pair": resolution.pair,
        "point_of_sale": resolution.point_of_sale,
        "car_id": resolution.car_id,
        "subject": resolution.subject,
        "reason": resolution.reason.value,
        "choice": resolution.choice.value,
        "targets": codec.dump_targets(resolution.targets),
        "seen": codec.dump(
            {
                "category": seen.category.value,
                "vehicle_module": seen.vehicle_module,
                "dms": seen.dms,
                "base": seen.base,
                "details": seen.details,
            }
        ),
        "seen_digest": seen.seen,
        "comment": resolution.comment,
        "decided_by": resolution.decided_by,
        "decided_at": resolution.decided_at,
        "file": resolution.file,
        "file_digest": resolution.file_digest,
        "status": resolution.status.value,
        "closed_at": resolution.closed_at,
        "closed_because": resolution.closed_because,
        "undoes": resolution.undoes,
    }


def add_resolution(connection: Connection, resolution: StoredResolution) -> int:
    """Take a decision in; the answer is its number."""
    key = connection.execute(insert(RESOLUTION).values(_row_of(resolution))).inserted_primary_key
    assert key is not None
    number = int(key[0])
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
    line = JournalLine(resolution.car_id, "decision_taken", details)
    add_journal(connection, _OUTSIDE_RUNS, resolution.decided_at, [line])
    return number


def acting(connection: Connection, car_ids: Any) -> dict[str, list[Resolution]]:
    """The decisions that have still to be carried out, by car; `car_ids` are ids or a query of them."""
    statement = select(RESOLUTION).where(
        RESOLUTION.c.status == ResolutionStatus.PENDING.value, RESOLUTION.c.car_id.in_(car_ids)
    )
    found: dict[str, list[Resolution]] = {}
    for row in connection.execute(statement.order_by(RESOLUTION.c.id)):
        found.setdefault(row.car_id, []).append(resolution_of(stored_resolution(row)))
    return found


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
    wanted = {(finding.key, finding.seen) for finding in findings}
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
    connection: Connection, conflict_ids: Sequence[int], car_ids: Sequence[str]
) -> list[StoredResolution]:
    """Every decision about some report rows, and those about their cars that have still to be carried out."""
    found: dict[int, StoredResolution] = {}
    for conflicts in chunks(conflict_ids):
        for row in connection.execute(select(RESOLUTION).where(RESOLUTION.c.conflict_id.in_(conflicts))):
            found[row.id] = stored_resolution(row)
    for cars in chunks(car_ids):
        pending = RESOLUTION.c.status == ResolutionStatus.PENDING.value
        for row in connection.execute(select(RESOLUTION).where(pending, RESOLUTION.c.car_id.in_(cars))):
            found[row.id] = stored_resolution(row)
    return [found[number] for number in sorted(found)]


def forestalled(connection: Connection, resolution: StoredResolution) -> bool:
    """Tell whether another decision came first, or the row says something else by now."""
    row = connection.execute(select(CONFLICT).where(CONFLICT.c.id == resolution.conflict_id)).first()
    acts = resolution.status in (ResolutionStatus.PENDING, ResolutionStatus.IGNORING)
    if row is None or (acts and finding_of(row).seen != resolution.seen.seen):
        return True
    same_row = and_(
        RESOLUTION.c.conflict_id == resolution.conflict_id,
        RESOLUTION.c.seen_digest == resolution.seen.seen,
        RESOLUTION.c.status.in_([status.value for status in IN_FORCE]),
    )
    same_attribute = and_(
        RESOLUTION.c.car_id == resolution.car_id,
        RESOLUTION.c.subject == resolution.subject,
        RESOLUTION.c.status == ResolutionStatus.PENDING.value,
    )
    earlier = same_row if resolution.choice is Choice.IGNORE else or_(same_row, same_attribute)
    return connection.execute(select(RESOLUTION.c.id).where(earlier)).first() is not None


def is_on_its_way(connection: Connection, car_id: str) -> bool:
    """Tell whether a write of a car was sent and its outcome is not known."""
    claimed = select(OUTBOX.c.id).where(OUTBOX.c.car_id == car_id, OUTBOX.c.status == EntryStatus.CLAIMED.value)
    return connection.execute(claimed).first() is not None


def take_back(connection: Connection, row: StoredResolution, by: str, at: datetime) -> None:
    """Note that a decision was taken back by a person."""
    values = {"status": ResolutionStatus.UNDONE.value, "closed_at": at, "closed_because": f"undone by {by}"}
    connection.execute(update(RESOLUTION).where(RESOLUTION.c.id == row.number).values(values))
    details = {"conflict": row.conflict_id, "subject": row.subject, "decision": row.number, "by": by}
    add_journal(connection, _OUTSIDE_RUNS, at, [JournalLine(row.car_id, "decision_undone", details)])


def utc(at: datetime) -> datetime:
    """An instant as it was kept; SQLite gives it back without its time zone."""
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)

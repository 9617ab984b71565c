"""Cars, snapshots, outbox entries and journal lines as rows; each call within its caller's transaction."""

from __future__ import annotations

import json
import uuid
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Table, and_, bindparam, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from stocksync.adapters.store import codec
from stocksync.adapters.store.bulk import Bulk
from stocksync.adapters.store.core import (
    CAR,
    CONFLICT,
    JOURNAL,
    OUTBOX,
    RESOLUTION,
    chunks,
)
from stocksync.adapters.store.journal_chain import FIRST, digest_of, instant_text, link
from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category
from stocksync.stock.values import Side
from stocksync.sync.cars import Finding
from stocksync.sync.plan import Action
from stocksync.sync.recording import (
    DueOperation,
    EntryOutcome,
    EntryStatus,
    JournalLine,
    OutboxEntry,
    PastRun,
    Recording,
    RunKind,
    RunStatus,
)


def finding_of(row: Any) -> Finding:
    """Read what a report row says."""
    return Finding(
        car_id=row.car_id,
        subject=row.subject,
        reason=Reason(row.reason),
        category=Category(row.category),
        vehicle_module=row.vehicle_module_value,
        dms=row.dms_value,
        base=row.base_value,
        details=codec.load(row.details),
    )


def entry_of(row: Any) -> OutboxEntry:
    """Read an outbox entry."""
    operation, context = codec.load_operation(row.payload, row.side, row.action, row.record_id)
    return OutboxEntry(row.id, row.car_id, operation, context, row.key, row.attempts + 1)


def _close_twins(connection: Connection, lost: str, kept: str, at: datetime) -> None:
    """Close what is reported of both: one disagreement is one row for its life (law 7)."""
    is_open = CONFLICT.c.closed_at.is_(None)
    twin = select(func.replace(CONFLICT.c.key, f"{kept}|", f"{lost}|")).where(CONFLICT.c.car_id == kept, is_open)
    doubled = (CONFLICT.c.car_id == lost, is_open, CONFLICT.c.key.in_(twin))
    connection.execute(update(CONFLICT).where(*doubled).values(closed_at=at, closed_because="merged"))


def past_run(row: Any) -> PastRun:
    """Read a run that ended."""
    listed = {Side.VEHICLE_MODULE: row.listed_vehicle_module or 0, Side.DMS: row.listed_dms or 0}
    figures = codec.load(row.summary) if row.summary is not None else {}
    deferred = figures.get("identity", {}).get(Category.DEFERRED.value, 0)
    return PastRun(
        row.id,
        row.mapping_version,
        listed,
        RunKind(row.kind),
        RunStatus(row.status),
        int(deferred),
        row.started_at,
        row.decided_by,
    )


def packed(files: Mapping[str, bytes]) -> bytes:
    """Pack mapping files."""
    text = json.dumps({name: b64encode(raw).decode() for name, raw in sorted(files.items())})
    return zlib.compress(text.encode())


def unpacked(packed: bytes) -> dict[str, bytes]:
    """Unpack mapping files."""
    return {name: b64decode(text) for name, text in json.loads(zlib.decompress(packed)).items()}


def upsert(connection: Connection, into: Table, keys: list[str], rows: list[dict[str, Any]], keep: set[str]) -> None:
    """Insert rows, or replace all but some columns of those that are there."""
    if not rows:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(into)
    replaced = {name: statement.excluded[name] for name in rows[0] if name not in keep and name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=replaced), rows)


def merge_cars(connection: Connection, recording: Recording) -> None:
    """Forget the cars that turned out to be a part of another; a line in the journal leads from that one to theirs."""
    for lost, kept in recording.merged.items():
        _close_twins(connection, lost, kept, recording.at)
        renamed = func.replace(CONFLICT.c.key, f"{lost}|", f"{kept}|")
        connection.execute(update(CONFLICT).where(CONFLICT.c.car_id == lost).values(car_id=kept, key=renamed))
        connection.execute(update(OUTBOX).where(OUTBOX.c.car_id == lost).values(car_id=kept))
        connection.execute(update(RESOLUTION).where(RESOLUTION.c.car_id == lost).values(car_id=kept))
        connection.execute(delete(CAR).where(CAR.c.id == lost))
    lines = [JournalLine(kept, "merged", {"from": lost}) for lost, kept in recording.merged.items()]
    add_journal(connection, recording.run_id, recording.at, lines)


def supersede(connection: Connection, recording: Recording) -> set[str]:
    """Close what was left in the outbox: this plan was made with newer eyes. The answer is whose it was, by car ids.

    What was never sent goes with the plan that wanted it; what was sent without an answer, once its record was seen.
    """
    pending = connection.execute(_PENDING, {"place": recording.point_of_sale}).all()
    # Another run sends nothing of one that ended, though its car may be at home elsewhere by now.
    ended = {
        row.id: row.car_id
        for row in pending
        if row.run_id != recording.run_id or recording.scope is None or row.car_id in recording.scope
    }
    claimed = connection.execute(_WITHOUT_ANSWER).all()
    ended |= {row.id: row.car_id for row in claimed if (row.car_id, Side(row.side)) in recording.seen}
    # What was sent again and again without an answer is remembered once, by the newest that went out.
    newest = {(r.car_id, r.side, r.action, r.record_id, r.payload): r.id for r in claimed}
    kept = set(newest.values())
    ended |= {row.id: row.car_id for row in claimed if row.id not in kept}
    ended |= _over(connection, recording) if recording.complete else {}
    done = {"status": EntryStatus.SUPERSEDED.value, "done_at": recording.at}
    for part in chunks(ended):
        connection.execute(update(OUTBOX).where(OUTBOX.c.id.in_(part)).values(done))
    return set(ended.values())


_PENDING: Final = select(OUTBOX.c.id, OUTBOX.c.car_id, OUTBOX.c.run_id).where(
    OUTBOX.c.status == EntryStatus.PENDING.value, OUTBOX.c.point_of_sale == bindparam("place")
)
_WITHOUT_ANSWER: Final = (
    select(OUTBOX.c.id, OUTBOX.c.car_id, OUTBOX.c.side, OUTBOX.c.action, OUTBOX.c.record_id, OUTBOX.c.payload)
    .where(OUTBOX.c.status == EntryStatus.CLAIMED.value)
    .order_by(OUTBOX.c.id)
)


def _over(connection: Connection, recording: Recording) -> dict[int, str]:
    """What an earlier run sent without an answer and nobody can be asked about any more, once everything was listed.

    A creation that was carried out is listed now, whosever it is; a record that was twice not there is gone.
    """
    asked = {"place": recording.point_of_sale, "this_run": recording.run_id}
    return {entry_id: car_id for entry_id, car_id in connection.execute(_NOBODY_TO_ASK, asked)}


_MISSING: Final = {Side.VEHICLE_MODULE: CAR.c.missing_vehicle_module, Side.DMS: CAR.c.missing_dms}
_NOBODY_TO_ASK: Final = (
    select(OUTBOX.c.id, OUTBOX.c.car_id)
    .select_from(OUTBOX.outerjoin(CAR, CAR.c.id == OUTBOX.c.car_id))
    .where(
        OUTBOX.c.status == EntryStatus.CLAIMED.value,
        OUTBOX.c.point_of_sale == bindparam("place"),
        OUTBOX.c.run_id < bindparam("this_run"),
        or_(
            OUTBOX.c.action == Action.CREATE.value,
            CAR.c.id.is_(None),
            *(and_(OUTBOX.c.side == side.value, count >= 2) for side, count in _MISSING.items()),
        ),
    )
)


def insert_operations(
    connection: Connection, run_id: int, point_of_sale: str, due: Sequence[DueOperation], at: datetime
) -> None:
    """Put operations into the outbox, each under a key of its own."""
    rows = (
        (
            d.car_id,
            d.operation.side.value,
            d.operation.action.value,
            d.operation.record_id,
            codec.dump_operation(d.operation, d.context),
            uuid.uuid4().hex,
        )
        for d in due
    )
    same = {"run_id": run_id, "point_of_sale": point_of_sale, "status": EntryStatus.PENDING.value, "created_at": at}
    _ENTRIES.write(connection, rows, {**same, "attempts": 0})


_ENTRIES: Final = Bulk(
    OUTBOX,
    given=("car_id", "side", "action", "record_id", "payload", "key"),
    same=("run_id", "point_of_sale", "status", "created_at", "attempts"),
)


def claim_entries(connection: Connection, run_id: int, sides: Iterable[Side], limit: int) -> list[OutboxEntry]:
    """Take the next entries of a run, the first pending one of each car and side; none where no side is named."""
    named = [side.value for side in sides]
    rows = connection.execute(_NEXT, {"run_id": run_id, "sides": named, "at_most": limit}).all() if named else []
    if rows:
        connection.execute(_CLAIMED, {"ids": [row.id for row in rows]})
    return [entry_of(row) for row in rows]


_NEXT: Final = (
    select(OUTBOX)
    .where(
        OUTBOX.c.id.in_(
            select(func.min(OUTBOX.c.id))
            .where(
                OUTBOX.c.run_id == bindparam("run_id"),
                OUTBOX.c.status == EntryStatus.PENDING.value,
                OUTBOX.c.side.in_(bindparam("sides", expanding=True)),
            )
            .group_by(OUTBOX.c.car_id, OUTBOX.c.side)
            .limit(bindparam("at_most"))
        )
    )
    .order_by(OUTBOX.c.id)
)
_CLAIMED: Final = (
    update(OUTBOX)
    .where(OUTBOX.c.id.in_(bindparam("ids", expanding=True)))
    .values(status=EntryStatus.CLAIMED.value, attempts=OUTBOX.c.attempts + 1)
)


def end_entries(connection: Connection, run_id: int, outcomes: Sequence[EntryOutcome], at: datetime) -> None:
    """Note how entries ended; what was to follow on one that did not go through is left out."""
    ended = [
        {
            "entry": outcome.entry.entry_id,
            "ended": outcome.status.value,
            "said": outcome.message or None,
            "ended_at": None if outcome.status is EntryStatus.CLAIMED else at,
        }
        for outcome in outcomes
    ]
    if ended:
        values: dict[str, Any] = {
            "status": bindparam("ended"),
            "message": bindparam("said"),
            "done_at": bindparam("ended_at"),
        }
        connection.execute(update(OUTBOX).where(OUTBOX.c.id == bindparam("entry")).values(values), ended)
    for outcome in outcomes:
        if outcome.blocks_rest or outcome.status is not EntryStatus.DELIVERED:
            drop_rest(connection, run_id, outcome)


def drop_rest(connection: Connection, run_id: int, outcome: EntryOutcome) -> None:
    """Leave out what was to follow on the same car and side: it was planned on what did not happen."""
    connection.execute(
        update(OUTBOX)
        .where(
            OUTBOX.c.run_id == run_id,
            OUTBOX.c.car_id == outcome.entry.car_id,
            OUTBOX.c.side == outcome.entry.operation.side.value,
            OUTBOX.c.status == EntryStatus.PENDING.value,
        )
        .values(status=EntryStatus.SUPERSEDED.value, message="an earlier write of the car did not go through")
    )


def add_journal(connection: Connection, run_id: int, at: datetime, lines: Sequence[JournalLine]) -> None:
    """Add lines to the journal, each chained to the one before; within a transaction that writes."""
    if not lines:
        return
    last = select(JOURNAL.c.hash).order_by(JOURNAL.c.id.desc()).limit(1)
    before = connection.scalar(last) or FIRST
    _LINES.write(connection, _chained(before, run_id, at, lines), {"at": at, "run_id": run_id})


_LINES: Final = Bulk(JOURNAL, given=("car_id", "action", "details", "hash"), same=("at", "run_id"))


def _chained(before: str, run_id: int, at: datetime, lines: Iterable[JournalLine]) -> Iterator[tuple[Any, ...]]:
    """The values of the rows of some lines, as `_LINES` names them."""
    at_text = instant_text(at)
    for line in lines:
        details = codec.dump(line.details)
        before = link(before, at_text, run_id, line.car_id, line.action, digest_of(details))
        yield line.car_id, line.action, details, before

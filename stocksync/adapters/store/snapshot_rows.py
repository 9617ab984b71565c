"""Snapshots and watermarks as rows: what each side last said, and up to when; each call within a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection, bindparam, or_, select, text, union_all, update

from stocksync.adapters.store import codec
from stocksync.adapters.store.bulk import Bulk, grouped
from stocksync.adapters.store.car_rows import id_column
from stocksync.adapters.store.core import CAR, RUN, SNAPSHOT, WATERMARK, chunks
from stocksync.adapters.store.key_lists import ByKeys, unsought
from stocksync.adapters.store.rows import upsert
from stocksync.adapters.store.tables import UNCLEAR
from stocksync.stock.values import Side
from stocksync.sync.binding import Keys
from stocksync.sync.ports import NativeRecord
from stocksync.sync.recording import Recording, Remembered, Snapshot


def _seen_elsewhere(side: Side) -> Any:
    changed = (*_OF, SNAPSHOT.c.point_of_sale != bindparam("place"), SNAPSHOT.c.seen_at >= bindparam("since"))
    home = (CAR.c.pair == bindparam("of_pair"), CAR.c.point_of_sale == bindparam("place"), CAR.c.closed.is_(False))
    joined = SNAPSHOT.join(CAR, id_column(side) == SNAPSHOT.c.record_id)
    return select(SNAPSHOT.c.record_id).select_from(joined).where(*changed, *home).limit(1)


# What every run asks: to make such a statement takes longer than to execute it.
_OF: Final = (SNAPSHOT.c.pair == bindparam("of_pair"), SNAPSHOT.c.side == bindparam("of_side"))
NATIVE_ROWS: Final = select(SNAPSHOT.c.record_id, SNAPSHOT.c.version, SNAPSHOT.c.body, SNAPSHOT.c.stamp)
"""What `native_of` reads of a row, in this order."""
_NATIVE_OF: Final = ByKeys(SNAPSHOT.c.record_id, NATIVE_ROWS.where(*_OF).where)
_REMEMBERED: Final = ByKeys(
    SNAPSHOT.c.record_id,
    select(
        SNAPSHOT.c.record_id,
        SNAPSHOT.c.digest,
        SNAPSHOT.c.point_of_sale,
        SNAPSHOT.c.stamp,
        SNAPSHOT.c.older_readings,
        SNAPSHOT.c.older_since,
        SNAPSHOT.c.read_by,
        SNAPSHOT.c.vin,
        SNAPSHOT.c.reference,
        SNAPSHOT.c.is_open,
        SNAPSHOT.c.slip,
        SNAPSHOT.c.plate,
        SNAPSHOT.c.police_number,
        SNAPSHOT.c.unreadable,
    )
    .where(*_OF, SNAPSHOT.c.gone.is_(False))
    .where,
)
_TO_READ_AGAIN: Final = select(SNAPSHOT.c.record_id).where(
    *_OF, SNAPSHOT.c.point_of_sale == bindparam("place"), SNAPSHOT.c.gone.is_(False), text(f"({UNCLEAR})")
)
_SEEN_ELSEWHERE: Final = {side: _seen_elsewhere(side) for side in Side}


def write_snapshots(
    connection: Connection,
    pair: str,
    point_of_sale: str,
    snapshots: Iterable[Snapshot],
    at: datetime,
    renamed: Mapping[tuple[Side, str], frozenset[str]] = MappingProxyType({}),
    *,
    listed: bool,
) -> None:
    """Write what sides said, the last word of each record; at this point of sale unless a record says otherwise.

    renamed: as `Recording.renamed_records`. listed: a complete listing said so; whatever else was said is not what
    stands on the pages of the last one.
    """
    latest = {(s.side, s.record_id): s for s in snapshots}
    same = {"pair": pair, "gone": False, "older_readings": 0, "older_since": None, "seen_at": at}
    same |= {"moved_on": not listed}
    bulk = _SNAPSHOTS if listed else _MOVED_ON
    for moved, keys in grouped(latest, renamed).items():
        rows = (_snapshot_row(latest[key], point_of_sale, listed=listed) for key in keys)
        bulk.moving(moved).write(connection, rows, same)


_SNAPSHOTS: Final = Bulk(
    SNAPSHOT,
    given=(
        "side",
        "record_id",
        "point_of_sale",
        "digest",
        "version",
        "vin",
        "reference",
        "is_open",
        "stamp",
        "slip",
        "plate",
        "police_number",
        "unreadable",
        "read_by",
        "listed_digest",
        "body",
    ),
    same=("pair", "gone", "older_readings", "older_since", "seen_at", "moved_on"),
    keys=("pair", "side", "record_id"),
    rarely=("point_of_sale", "vin", "reference", "gone", "slip", "plate", "police_number", "unreadable"),
)
_MOVED_ON: Final = replace(_SNAPSHOTS, keep=frozenset({"listed_digest"}))


def _snapshot_row(snapshot: Snapshot, point_of_sale: str, *, listed: bool) -> tuple[Any, ...]:
    """The values of one row, as `_SNAPSHOTS` names them."""
    keys = snapshot.keys
    return (
        snapshot.side.value,
        snapshot.record_id,
        snapshot.point_of_sale or point_of_sale,
        snapshot.digest,
        snapshot.version,
        snapshot.vin,
        snapshot.reference,
        snapshot.is_open,
        snapshot.stamp.isoformat() if snapshot.stamp is not None else None,
        keys.slip,
        keys.plate,
        keys.police_number,
        snapshot.unreadable,
        snapshot.read_by,
        snapshot.listed_digest if listed else None,
        codec.dump_bytes(snapshot.body),
    )


def remembered(connection: Connection, pair: str, side: Side, record_ids: Iterable[str]) -> dict[str, Remembered]:
    """What is known of the snapshots of these records; nothing of those that are gone."""
    found = {}
    rows = _REMEMBERED.rows(connection, record_ids, {"of_pair": pair, "of_side": side.value})
    for record_id, digest, place, said, older, since, read_by, vin, reference, is_open, *keys, unreadable in rows:
        stamp = datetime.fromisoformat(said) if said is not None else None
        told = (vin, reference, is_open, Keys(*keys), unreadable)
        found[record_id] = Remembered(digest, place, stamp, older, since, read_by, *told)
    return found


def snapshots_of(connection: Connection, pair: str, side: Side, record_ids: Iterable[str]) -> dict[str, NativeRecord]:
    """What a side last said of these records."""
    rows = _NATIVE_OF.rows(connection, record_ids, {"of_pair": pair, "of_side": side.value})
    return {row[0]: native_of(row) for row in rows}


def snapshots_at(connection: Connection, pair: str, point_of_sale: str, side: Side) -> dict[str, NativeRecord]:
    """What a side last said of the records at a point of sale, and of the cars at home there."""
    at_home = select(id_column(side)).where(CAR.c.pair == pair, CAR.c.point_of_sale == point_of_sale)
    here = or_(SNAPSHOT.c.point_of_sale == point_of_sale, SNAPSHOT.c.record_id.in_(at_home))
    rows = connection.execute(NATIVE_ROWS.where(*_of(pair, side), SNAPSHOT.c.gone.is_(False), here))
    return {row[0]: native_of(row) for row in rows.all()}


def note_older_readings(connection: Connection, recording: Recording) -> None:
    """Count how often in a row a record was shown in an older state than we know."""
    for (side, record_id), (count, since_at) in recording.older.items():
        row = (*_of(recording.pair, side), SNAPSHOT.c.record_id == record_id)
        # On the pages of this listing it stands as nobody believes it; on those of the last one, as it was then.
        known: dict[str, Any] = {"listed_digest": None} if recording.complete else {"moved_on": True}
        connection.execute(update(SNAPSHOT).where(*row).values(older_readings=count, older_since=since_at, **known))


def to_read_again(connection: Connection, pair: str, point_of_sale: str, side: Side) -> set[str]:
    """The records at a point of sale shown in an older state than we know, or with what was not decided about yet."""
    here = {"of_pair": pair, "of_side": side.value, "place": point_of_sale}
    return set(connection.scalars(_TO_READ_AGAIN, here))


def seen_elsewhere(connection: Connection, pair: str, point_of_sale: str, side: Side, since: datetime) -> bool:
    """Tell whether a record of a car at home here was seen to change at another point of sale."""
    asked = {"of_pair": pair, "of_side": side.value, "place": point_of_sale, "since": since}
    return connection.scalar(_SEEN_ELSEWHERE[side], asked) is not None


def note_gone(connection: Connection, recording: Recording) -> None:
    """Note what a complete run did not find any more at its point of sale; called before what it found is written."""
    for side, present in (recording.present or {}).items():
        _note_gone(
            connection, recording, side, known_at(connection, recording.pair, recording.point_of_sale, side) - present
        )
    for side, gone in recording.gone.items():
        _note_gone(connection, recording, side, gone)


def known_at(connection: Connection, pair: str, point_of_sale: str, side: Side) -> set[str]:
    """The records that a side is known to have at a point of sale."""
    # All at once: one by one takes fifteen times as long.
    return set(connection.scalars(select(SNAPSHOT.c.record_id).where(*_HERE), _here(pair, point_of_sale, side)).all())


def _note_gone(connection: Connection, recording: Recording, side: Side, record_ids: Iterable[str]) -> None:
    here = (*_of(recording.pair, side), unsought(SNAPSHOT.c.point_of_sale) == recording.point_of_sale)
    for part in chunks(sorted(record_ids)):
        gone = update(SNAPSHOT).where(*here, SNAPSHOT.c.record_id.in_(part))
        connection.execute(gone.values(gone=True, seen_at=recording.at, listed_digest=None))


def note_relisted(connection: Connection, recording: Recording) -> None:
    """Note in what bytes records come that are as they were."""
    rows = [
        {"of_pair": recording.pair, "of_side": side.value, "of_id": record_id, "was": digest, "now": listed_digest}
        for (side, record_id), (listed_digest, digest) in recording.relisted.items()
    ]
    if rows:
        # What was written meanwhile is not what was listed.
        keys = (("pair", "of_pair"), ("side", "of_side"), ("record_id", "of_id"), ("digest", "was"))
        named = (SNAPSHOT.c[column] == bindparam(name) for column, name in keys)
        relisted = update(SNAPSHOT).where(*named).values(listed_digest=bindparam("now"), moved_on=False)
        connection.execute(relisted, rows)


def listed_digests(connection: Connection, pair: str, point_of_sale: str, side: Side) -> set[int]:
    """The digests of what a side listed at a point of sale: see `Store.listed_digests`."""
    # All at once: one by one takes fifteen times as long. Those that moved on apart, since no index holds both.
    here = _here(pair, point_of_sale, side)
    return set(connection.scalars(_LISTED, here).all()) - digests_moved_on(connection, pair, point_of_sale, side)


def digests_moved_on(connection: Connection, pair: str, point_of_sale: str, side: Side) -> set[int]:
    """The digests of what a side listed at a point of sale and is known otherwise since."""
    said = connection.scalars(_LISTED_BEFORE, _here(pair, point_of_sale, side))
    return {digest for digest in said if digest is not None}


def former_digests(
    connection: Connection, pair: str, point_of_sale: str, side: Side, record_ids: Iterable[str]
) -> dict[str, int]:
    """Of some records those of `listed_digests`, by their ids."""
    rows = _FORMER.rows(connection, record_ids, _here(pair, point_of_sale, side))
    return {record_id: digest for record_id, digest in rows}


def not_met(connection: Connection, pair: str, point_of_sale: str, side: Side, left: Iterable[int]) -> set[str]:
    """The records known at a point of sale with one of these digests, and those that none stands for."""
    here = _here(pair, point_of_sale, side)
    return {*connection.scalars(_NONE_STANDS_FOR, here), *_WITH_DIGEST.values(connection, left, here)}


def _here(pair: str, point_of_sale: str, side: Side) -> dict[str, str]:
    return {"of_pair": pair, "of_side": side.value, "place": point_of_sale}


_HERE: Final = (*_OF, SNAPSHOT.c.point_of_sale == bindparam("place"), SNAPSHOT.c.gone.is_(False))
_HAS_DIGEST: Final = SNAPSHOT.c.listed_digest.is_not(None)
_LISTED: Final = select(SNAPSHOT.c.listed_digest).where(*_HERE, _HAS_DIGEST)
# Asked for digests alone, SQLite would look through all of them.
_LISTED_BEFORE: Final = select(SNAPSHOT.c.listed_digest).where(*_HERE, SNAPSHOT.c.moved_on)
_FORMER: Final = ByKeys(
    SNAPSHOT.c.record_id,
    select(SNAPSHOT.c.record_id, SNAPSHOT.c.listed_digest)
    .where(*_OF, unsought(SNAPSHOT.c.point_of_sale) == bindparam("place"), SNAPSHOT.c.gone.is_(False))
    .where(_HAS_DIGEST, SNAPSHOT.c.moved_on.is_(False))
    .where,
)
# One after the other: each has an index, both at once have none.
_NONE_STANDS_FOR: Final = union_all(
    select(SNAPSHOT.c.record_id).where(*_HERE, SNAPSHOT.c.listed_digest.is_(None)),
    select(SNAPSHOT.c.record_id).where(*_HERE, SNAPSHOT.c.moved_on),
)
_WITH_DIGEST: Final = ByKeys(SNAPSHOT.c.listed_digest, select(SNAPSHOT.c.record_id).where(*_HERE).where)


def read_marks(connection: Connection, point_of_sale: str) -> dict[Side, datetime]:
    """Up to when each side's changes were all seen."""
    rows = connection.execute(select(WATERMARK).where(WATERMARK.c.point_of_sale == point_of_sale))
    return {Side(row.side): datetime.fromisoformat(row.mark) for row in rows}


def write_marks(connection: Connection, run_id: int, marks: Mapping[Side, datetime], at: datetime) -> None:
    """Move watermarks, those of the point of sale of a run."""
    if not marks:
        return
    point_of_sale = connection.scalar(select(RUN.c.point_of_sale).where(RUN.c.id == run_id))
    rows = [
        {
            "point_of_sale": point_of_sale,
            "side": side.value,
            "mark": mark.isoformat(),
            "run_id": run_id,
            "set_at": at,
        }
        for side, mark in marks.items()
    ]
    upsert(connection, WATERMARK, ["point_of_sale", "side"], rows, keep=set())


def _of(pair: str, side: Side) -> tuple[Any, Any]:
    return SNAPSHOT.c.pair == pair, SNAPSHOT.c.side == side.value


def native_of(row: Any) -> NativeRecord:
    """Read a record."""
    record_id, version, body, stamp = row
    return NativeRecord(record_id, version, codec.load(body), datetime.fromisoformat(stamp) if stamp else None)

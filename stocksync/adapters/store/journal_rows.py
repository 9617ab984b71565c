"""The journal read row by row, for the walk along its chain and for people; nothing is added here (see `rows`)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select, text

from stocksync.adapters.store import codec
from stocksync.adapters.store.core import JOURNAL
from stocksync.adapters.store.database_file import revision_of
from stocksync.adapters.store.journal_chain import Entry, Walk, digest_of, erased_digest, erased_rows, walk
from stocksync.adapters.store.plain import instant
from stocksync.sync.answers import Fact

CONTENT_ERASED: Final = "content_erased"
"""The action under which a line is told whose details were erased."""
_AT_A_TIME: Final = 200
_DIGESTS_SINCE: Final = "0004"
"""The first schema whose chain holds digests of the details."""

# As bytes, because a row that somebody tampered with may hold anything, and must not stop the walk.
_ENTRIES: Final = {
    "sqlite": """
        SELECT id, CAST(at AS BLOB) AS at, run_id, CAST(car_id AS BLOB) AS car_id, CAST(action AS BLOB) AS action,
               CAST(details AS BLOB) AS details, CAST(hash AS BLOB) AS hash
        FROM journal ORDER BY id
    """,
    "postgresql": """
        SELECT id, convert_to(to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), 'UTF8') AS at, run_id,
               convert_to(car_id, 'UTF8') AS car_id, convert_to(action, 'UTF8') AS action,
               convert_to(details, 'UTF8') AS details, convert_to(hash, 'UTF8') AS hash
        FROM journal ORDER BY id
    """,
}


@dataclass(frozen=True, slots=True)
class JournalFact:
    """One line of the journal with its place in it; car_id: None for what concerns no car."""

    row_id: int
    car_id: str | None
    fact: Fact
    hash: str


def walk_journal(connection: Connection, expected: str | None = None) -> Walk:
    """Walk along the chain of a database; a few rows in memory at a time, however many there are.

    The chain of an older schema is walked by the rule of its time.
    """
    revision = revision_of(connection)
    by_digest = revision is None or revision >= _DIGESTS_SINCE
    return walk(_entries(connection, by_digest=by_digest), expected)


def facts(
    connection: Connection,
    limit: int,
    *,
    car_ids: Collection[str] | None = None,
    run_id: int | None = None,
    since_at: datetime | None = None,
) -> list[JournalFact]:
    """The newest lines that fit every condition, at most `limit`, oldest first; run_id 0: outside a run."""
    statement = select(JOURNAL).order_by(JOURNAL.c.id.desc()).limit(limit)
    if car_ids is not None:
        statement = statement.where(JOURNAL.c.car_id.in_(sorted(car_ids)))
    if run_id is not None:
        statement = statement.where(JOURNAL.c.run_id == run_id)
    if since_at is not None:
        statement = statement.where(JOURNAL.c.at >= since_at)
    rows = connection.execute(statement).all()
    return [JournalFact(row.id, row.car_id, fact_of(row), row.hash) for row in reversed(rows)]


def fact_of(row: Any) -> Fact:
    """A row as a fact; of one whose details were erased, only what it was about is told, as `was`."""
    if erased_digest(row.details) is not None:
        return Fact(instant(row.at), row.run_id, CONTENT_ERASED, {"was": row.action})
    return Fact(instant(row.at), row.run_id, row.action, codec.load(row.details))


def with_parts(connection: Connection, car_id: str) -> list[str]:
    """A car's own id, and those of the cars that turned out to be a part of it."""
    merged = select(JOURNAL.c.details).where(JOURNAL.c.car_id == car_id, JOURNAL.c.action == "merged")
    parts = (codec.load(details).get("from") for details in connection.scalars(merged))
    return [car_id, *(part for part in parts if part is not None)]


def _entries(connection: Connection, *, by_digest: bool) -> Iterator[Entry]:
    rows = connection.execution_options(yield_per=_AT_A_TIME).execute(text(_ENTRIES[connection.dialect.name]))
    for row in rows:
        yield _entry(row, by_digest=by_digest)


def _entry(row: Any, *, by_digest: bool) -> Entry:
    row_id, at, run_id, *texts, own_hash = row
    try:
        car_id, action, details = (part.decode() if part is not None else None for part in texts)
        if isinstance(run_id, int):
            read_at = instant(datetime.fromisoformat(at.decode()))
            said, own = (action or "", details or ""), own_hash.decode()
            if not by_digest:
                return Entry(row_id, read_at, run_id, car_id, *said, own)
            is_erased = erased_digest(said[1]) is not None
            digest = digest_of(said[1])
            return Entry(row_id, read_at, run_id, car_id, said[0], digest, own, is_erased, erased_rows(*said))
    except (ValueError, AttributeError):
        # Told as a row that does not fit.
        pass
    return Entry(row_id, None, 0, None, "", "", "")

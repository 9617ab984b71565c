"""The journal chained anew, over digests of the details, so that details can be erased; anything else stays refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DatabaseError

from stocksync.adapters.store.journal_chain import FIRST, digest_of, link
from stocksync.errors import ConfigurationError

revision = "0004"
down_revision = "0003"

_LOT: Final = 5_000
_JOURNAL: Final = sa.table(
    "journal",
    sa.column("id", sa.Integer),
    sa.column("at", sa.DateTime(timezone=True)),
    sa.column("run_id", sa.Integer),
    sa.column("car_id", sa.String),
    sa.column("action", sa.String),
    sa.column("details", sa.Text),
    sa.column("hash", sa.String),
)


def upgrade() -> None:
    """Bring the schema to this revision. Raises ConfigurationError where the old chain does not hold."""
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    if on_sqlite:
        op.execute("DROP TRIGGER IF EXISTS journal_no_update")
    _chain_anew()
    if on_sqlite:
        _close_the_journal()
    else:
        _close_the_journal_of_a_server()


def _chain_anew() -> None:
    """Hold each row against the old rule and give it its hash by the new one; the last old hash is noted at the end."""
    connection = op.get_bind()
    old = new = FIRST
    last: int | None = None
    there = sa.update(_JOURNAL).where(_JOURNAL.c.id == sa.bindparam("row_id")).values(hash=sa.bindparam("new_hash"))
    while rows := _after(last):
        changes = []
        for row in rows:
            old = _held(row, old)
            new, last = link(new, row.at, row.run_id, row.car_id, row.action, digest_of(row.details)), row.id
            changes.append({"row_id": row.id, "new_hash": new})
        connection.execute(there, changes)
    if last is not None:
        at, details = datetime.now(UTC), f'{{"last_hash":"{old}"}}'
        said = {"at": at, "run_id": 0, "car_id": None, "action": "rechained", "details": details}
        own = link(new, at, 0, None, "rechained", digest_of(details))
        connection.execute(sa.insert(_JOURNAL).values(said | {"hash": own}))


def _after(last: int | None) -> Sequence[Any]:
    statement = sa.select(_JOURNAL).order_by(_JOURNAL.c.id).limit(_LOT)
    if last is not None:
        statement = statement.where(_JOURNAL.c.id > last)
    try:
        return op.get_bind().execute(statement).all()
    except (ValueError, TypeError, DatabaseError):
        # A row that somebody tampered with may hold what is no instant, or no text.
        raise _broken("behind" if last is not None else "at", last or "its start") from None


def _held(row: Any, before: str) -> str:
    """The hash of a row as the old rule has it. Raises ConfigurationError where the row carries another one."""
    try:
        own = link(before, row.at, row.run_id, row.car_id, row.action, row.details)
    except (ValueError, TypeError, AttributeError):
        own = None
    if own is None or own != row.hash:
        raise _broken("at", row.id)
    return own


def _broken(where: str, row: object) -> ConfigurationError:
    return ConfigurationError(
        f"The journal was tampered with: its chain breaks {where} row {row}, so the database is left as it was, at the "
        "schema 0003. `stocksync journal verify` tells where and how. To go on, put a good backup in its place; the "
        "version of stocksync before this one works on the database as it is."
    )


def _close_the_journal() -> None:
    """Have the database refuse every change of a row but one: its details give way to a digest, once and for all."""
    same = " AND ".join(f"NEW.{name} IS OLD.{name}" for name in ("id", "at", "run_id", "car_id", "action", "hash"))
    digest = "substr(NEW.details, 12, 64)"
    in_place = '{"erased":"'
    op.execute(
        f"CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal WHEN NOT ({same} "
        f"AND NEW.details IS '{in_place}' || {digest} || '\"}}' "
        f"AND length({digest}) = 64 AND {digest} NOT GLOB '*[^0-9a-f]*' "
        f"AND OLD.details NOT GLOB '{in_place}*') "
        "BEGIN SELECT RAISE(ABORT, 'the journal is only ever added to'); END"
    )


def _close_the_journal_of_a_server() -> None:
    """The same of PostgreSQL, whose databases begin with this revision."""
    same = " AND ".join(
        f"NEW.{name} IS NOT DISTINCT FROM OLD.{name}" for name in ("id", "at", "run_id", "car_id", "action", "hash")
    )
    op.execute(
        "CREATE FUNCTION journal_is_only_added_to() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF TG_OP = 'UPDATE' AND {same} "
        'AND NEW.details ~ \'^\\{"erased":"[0-9a-f]{64}"\\}$\' AND OLD.details NOT LIKE \'{"erased":"%\' '
        "THEN RETURN NEW; END IF; "
        "RAISE EXCEPTION 'the journal is only ever added to'; END $$"
    )
    op.execute(
        "CREATE TRIGGER journal_no_change BEFORE UPDATE OR DELETE ON journal "
        "FOR EACH ROW EXECUTE FUNCTION journal_is_only_added_to()"
    )
    op.execute(
        "CREATE TRIGGER journal_no_truncation BEFORE TRUNCATE ON journal "
        "FOR EACH STATEMENT EXECUTE FUNCTION journal_is_only_added_to()"
    )

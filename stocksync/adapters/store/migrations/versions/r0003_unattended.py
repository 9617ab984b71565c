"""Leases, watermarks, pauses, gates and alerts; records that are gone; the journal chained and closed to changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from stocksync.adapters.store.journal_chain import FIRST, link

revision = "0003"
down_revision = "0002"

INSTANT = sa.DateTime(timezone=True)
_LOT = 5_000


def upgrade() -> None:
    """Bring the schema to this revision."""
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("kind", sa.String(), nullable=False, server_default="complete"))
        batch_op.add_column(sa.Column("fence", sa.Integer(), nullable=True))
    with op.batch_alter_table("car", schema=None) as batch_op:
        batch_op.add_column(sa.Column("overwrites", sa.Text(), nullable=False, server_default="[]"))
    with op.batch_alter_table("snapshot", schema=None) as batch_op:
        batch_op.add_column(sa.Column("gone", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("stamp", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("older_readings", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("older_since", INSTANT, nullable=True))
    with op.batch_alter_table("journal", schema=None) as batch_op:
        batch_op.add_column(sa.Column("hash", sa.String(), nullable=False, server_default=""))
    op.create_index("run_of_a_kind", "run", ["point_of_sale", "status", "kind", "id"])
    op.create_index("outbox_by_run", "outbox", ["run_id"])
    op.create_index("journal_by_run", "journal", ["run_id"])
    _new_tables()
    _chain_what_is_there()
    _close_the_journal()


def _new_tables() -> None:
    op.create_table(
        "lease",
        sa.Column("point_of_sale", sa.String(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("locked", sa.Boolean(), nullable=False),
        sa.Column("acquired_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("point_of_sale"),
    )
    op.create_table(
        "watermark",
        sa.Column("point_of_sale", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("mark", sa.String(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("set_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("point_of_sale", "side"),
    )
    op.create_table(
        "pause",
        sa.Column("point_of_sale", sa.String(), nullable=False),
        sa.Column("paused_by", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("paused_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("point_of_sale"),
    )
    op.create_table(
        "gate",
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("retry_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("system"),
    )
    op.create_table(
        "alert",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("told_at", INSTANT, nullable=True),
        sa.Column("closed_at", INSTANT, nullable=True),
        sa.Column("recovery_told_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.create_index("alert_open", ["kind", "subject", "closed_at"], unique=False)


def _chain_what_is_there() -> None:
    connection = op.get_bind()
    journal = sa.table(
        "journal",
        sa.column("id", sa.Integer),
        sa.column("at", INSTANT),
        sa.column("run_id", sa.Integer),
        sa.column("car_id", sa.String),
        sa.column("action", sa.String),
        sa.column("details", sa.Text),
        sa.column("hash", sa.String),
    )
    before, last = FIRST, 0
    lot = sa.select(journal).order_by(journal.c.id).limit(_LOT)
    while rows := connection.execute(lot.where(journal.c.id > last)).all():
        for row in rows:
            before, last = link(before, row.at, row.run_id, row.car_id, row.action, row.details), row.id
            connection.execute(sa.update(journal).where(journal.c.id == row.id).values(hash=before))


def _close_the_journal() -> None:
    """Have the database itself refuse changes; a server other than SQLite is closed with its rights."""
    if op.get_bind().dialect.name != "sqlite":
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER journal_no_{change.lower()} BEFORE {change} ON journal "
            "BEGIN SELECT RAISE(ABORT, 'the journal is only ever added to'); END"
        )

"""What lets a run look only at the records that changed, and at those that they may have to do with."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_UNCLEAR = "older_readings > 0 OR digest = ''"
_FEW = (
    ("car_of_interest", "car", ["pair", "point_of_sale"], "interesting = 1", "interesting"),
    ("snapshot_unclear", "snapshot", ["pair", "side", "point_of_sale"], _UNCLEAR, _UNCLEAR),
    ("snapshot_unreadable", "snapshot", ["pair", "side", "point_of_sale"], "unreadable = 1", "unreadable"),
)


def upgrade() -> None:
    """Bring the schema to this revision."""
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.add_column(sa.Column("decided_by", sa.Integer(), nullable=True))
    with op.batch_alter_table("car", schema=None) as batch_op:
        batch_op.add_column(sa.Column("interesting", sa.Boolean(), nullable=False, server_default=sa.true()))
    with op.batch_alter_table("snapshot", schema=None) as batch_op:
        batch_op.add_column(sa.Column("slip", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("plate", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("police_number", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("unreadable", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("read_by", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("listed_digest", sa.BigInteger(), nullable=True))
    for key in ("slip", "plate", "police_number"):
        op.create_index(f"snapshot_by_{key}", "snapshot", ["pair", key])
    op.create_index("snapshot_by_digest", "snapshot", ["pair", "side", "point_of_sale", "gone", "listed_digest"])
    op.create_index("snapshot_seen", "snapshot", ["pair", "seen_at"])
    for name, table, columns, sqlite, postgresql in _FEW:
        op.create_index(name, table, columns, sqlite_where=sa.text(sqlite), postgresql_where=sa.text(postgresql))

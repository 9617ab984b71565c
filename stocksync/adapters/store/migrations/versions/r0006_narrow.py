"""What lets a run look only at the records that changed, and at those that they may have to do with."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_COLUMNS: tuple[tuple[str, sa.Column[Any]], ...] = (
    ("run", sa.Column("decided_by", sa.Integer(), nullable=True)),
    ("run", sa.Column("thorough", sa.Boolean(), nullable=False, server_default=sa.false())),
    ("car", sa.Column("interesting", sa.Boolean(), nullable=False, server_default=sa.true())),
    ("snapshot", sa.Column("slip", sa.String(), nullable=True)),
    ("snapshot", sa.Column("plate", sa.String(), nullable=True)),
    ("snapshot", sa.Column("police_number", sa.String(), nullable=True)),
    ("snapshot", sa.Column("unreadable", sa.Boolean(), nullable=False, server_default=sa.false())),
    ("snapshot", sa.Column("read_by", sa.String(), nullable=True)),
    ("snapshot", sa.Column("listed_digest", sa.BigInteger(), nullable=True)),
)
_UNCLEAR = "older_readings > 0 OR digest = ''"
_FEW = (
    ("car_of_interest", "car", ["pair", "point_of_sale"], "interesting = 1", "interesting"),
    ("snapshot_unclear", "snapshot", ["pair", "side", "point_of_sale"], _UNCLEAR, _UNCLEAR),
    ("snapshot_unreadable", "snapshot", ["pair", "side", "point_of_sale"], "unreadable = 1", "unreadable"),
)


def upgrade() -> None:
    """Bring the schema to this revision."""
    for table, column in _COLUMNS:
        op.add_column(table, column)
    for key in ("slip", "plate", "police_number"):
        op.create_index(f"snapshot_by_{key}", "snapshot", ["pair", key])
    op.create_index("snapshot_by_digest", "snapshot", ["pair", "side", "point_of_sale", "gone", "listed_digest"])
    op.create_index("resolution_by_status", "resolution", ["status", "car_id"])
    op.create_index("snapshot_seen", "snapshot", ["pair", "seen_at"])
    for name, table, columns, sqlite, postgresql in _FEW:
        op.create_index(name, table, columns, sqlite_where=sa.text(sqlite), postgresql_where=sa.text(postgresql))

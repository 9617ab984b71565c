"""What lets a page that came just as before be left unread; indexes that the few rows are really found by."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_OF_SIDE = ["pair", "side", "point_of_sale", "gone"]
_UNCLEAR = "older_readings > 0 OR digest = ''"
_FEW = (
    ("snapshot_unclear", "snapshot", _OF_SIDE, _UNCLEAR, _UNCLEAR),
    ("snapshot_unreadable", "snapshot", _OF_SIDE, "unreadable = 1", "unreadable"),
    (
        "car_open",
        "car",
        ["pair", "point_of_sale"],
        "vehicle_module_id IS NOT NULL AND dms_id IS NOT NULL AND closed IS 0",
        "vehicle_module_id IS NOT NULL AND dms_id IS NOT NULL AND closed IS false",
    ),
)


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.create_table(
        "listed_page",
        sa.Column("pair", sa.String(), nullable=False),
        sa.Column("point_of_sale", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("digest", sa.BigInteger(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.Column("high", sa.BigInteger(), nullable=False),
        sa.Column("low", sa.BigInteger(), nullable=False),
        sa.Column("digests", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("pair", "point_of_sale", "side", "digest"),
    )
    for name in ("snapshot_unclear", "snapshot_unreadable", "snapshot_seen"):
        op.drop_index(name, table_name="snapshot")
    op.create_index("snapshot_seen", "snapshot", ["pair", "seen_at", "point_of_sale"])
    for name, table, columns, sqlite, postgresql in _FEW:
        op.create_index(name, table, columns, sqlite_where=sa.text(sqlite), postgresql_where=sa.text(postgresql))

"""What lets a page that came just as before be left unread; indexes that the few rows are really found by."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_KEYS = ("slip", "plate", "police_number")
_OF_SIDE = ["pair", "side", "point_of_sale", "gone"]
_UNCLEAR = "older_readings > 0 OR digest = ''"
_FEW = (
    ("snapshot_unclear", "snapshot", _OF_SIDE, _UNCLEAR, _UNCLEAR),
    ("snapshot_unreadable", "snapshot", _OF_SIDE, "unreadable = 1", "unreadable"),
    (
        "car_numbered",
        "car",
        ["pair", "point_of_sale", "police_number"],
        "police_number IS NOT NULL",
        "police_number IS NOT NULL",
    ),
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
    for name in ("unclear", "unreadable", "seen", *(f"by_{key}" for key in _KEYS)):
        op.drop_index(f"snapshot_{name}", table_name="snapshot")
    op.create_index("snapshot_seen", "snapshot", ["pair", "seen_at", "point_of_sale"])
    for key in _KEYS:
        op.create_index(f"snapshot_by_{key}", "snapshot", ["pair", "side", key])
    for name, table, columns, sqlite, postgresql in _FEW:
        op.create_index(name, table, columns, sqlite_where=sa.text(sqlite), postgresql_where=sa.text(postgresql))

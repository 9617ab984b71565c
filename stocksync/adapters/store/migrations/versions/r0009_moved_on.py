"""What tells a record that moved on since a listing from the others on its page, which stay known."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.add_column("snapshot", sa.Column("moved_on", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(
        "snapshot_moved_on",
        "snapshot",
        ["pair", "side", "point_of_sale", "gone"],
        sqlite_where=sa.text("moved_on = 1"),
        postgresql_where=sa.text("moved_on"),
    )

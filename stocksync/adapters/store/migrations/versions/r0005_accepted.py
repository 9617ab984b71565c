"""Versions of the mapping that a person accepted before the first run by them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.create_table(
        "acceptance",
        sa.Column("point_of_sale", sa.String(), primary_key=True),
        sa.Column("mapping_version", sa.String(), primary_key=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
    )

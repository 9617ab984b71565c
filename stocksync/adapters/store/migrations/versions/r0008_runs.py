"""What lets the records of a page of which little changed be left uncut.

No page that was known is known any more: the next complete run cuts each once, and keeps it with its runs.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.drop_table("listed_page")
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
        sa.Column("runs", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("pair", "point_of_sale", "side", "digest"),
    )

"""The first schema: runs, cars, snapshots, outbox, conflicts, journal, mapping versions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.create_table(
        "car",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("pair", sa.String(), nullable=False),
        sa.Column("point_of_sale", sa.String(), nullable=False),
        sa.Column("first_point_of_sale", sa.String(), nullable=False),
        sa.Column("vehicle_module_id", sa.String(), nullable=True),
        sa.Column("dms_id", sa.String(), nullable=True),
        sa.Column("vin", sa.String(), nullable=True),
        sa.Column("registration", sa.String(), nullable=True),
        sa.Column("police_number", sa.String(), nullable=True),
        sa.Column("base", sa.Text(), nullable=False),
        sa.Column("unkept", sa.Text(), nullable=False),
        sa.Column("missing_vehicle_module", sa.Integer(), nullable=False),
        sa.Column("missing_dms", sa.Integer(), nullable=False),
        sa.Column("reserved_by_us", sa.Boolean(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("pair", "dms_id", name="car_dms_id"),
        sa.UniqueConstraint("pair", "vehicle_module_id", name="car_vehicle_module_id"),
    )
    with op.batch_alter_table("car", schema=None) as batch_op:
        batch_op.create_index("car_by_point_of_sale", ["pair", "point_of_sale"], unique=False)
        batch_op.create_index("car_by_police_number", ["police_number"], unique=False)
        batch_op.create_index("car_by_registration", ["registration"], unique=False)
        batch_op.create_index("car_by_vin", ["vin"], unique=False)

    op.create_table(
        "conflict",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pair", sa.String(), nullable=False),
        sa.Column("point_of_sale", sa.String(), nullable=False),
        sa.Column("car_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("vehicle_module_value", sa.Text(), nullable=True),
        sa.Column("dms_value", sa.Text(), nullable=True),
        sa.Column("base_value", sa.Text(), nullable=True),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("opened_run", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_because", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("conflict", schema=None) as batch_op:
        batch_op.create_index("conflict_by_car", ["car_id"], unique=False)
        batch_op.create_index("conflict_by_key", ["pair", "key"], unique=False)
        batch_op.create_index("conflict_open", ["point_of_sale", "closed_at"], unique=False)

    op.create_table(
        "journal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("car_id", sa.String(), nullable=True),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("journal", schema=None) as batch_op:
        batch_op.create_index("journal_by_car", ["car_id", "id"], unique=False)

    op.create_table(
        "mapping_version",
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("files", sa.LargeBinary(), nullable=False),
        sa.Column("first_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )
    op.create_table(
        "run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("point_of_sale", sa.String(), nullable=False),
        sa.Column("pair", sa.String(), nullable=False),
        sa.Column("mapping_version", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("listed_vehicle_module", sa.Integer(), nullable=True),
        sa.Column("listed_dms", sa.Integer(), nullable=True),
        sa.Column("plan_digest", sa.String(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.create_index("run_by_point_of_sale", ["point_of_sale", "status", "id"], unique=False)

    op.create_table(
        "snapshot",
        sa.Column("pair", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("record_id", sa.String(), nullable=False),
        sa.Column("point_of_sale", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=True),
        sa.Column("vin", sa.String(), nullable=True),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("pair", "side", "record_id"),
    )
    with op.batch_alter_table("snapshot", schema=None) as batch_op:
        batch_op.create_index("snapshot_by_point_of_sale", ["pair", "side", "point_of_sale"], unique=False)
        batch_op.create_index("snapshot_by_vin", ["pair", "vin"], unique=False)
        batch_op.create_index("snapshot_by_reference", ["pair", "side", "reference"], unique=False)

    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("car_id", sa.String(), nullable=False),
        sa.Column("point_of_sale", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("record_id", sa.String(), nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["run.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index("outbox_by_car", ["car_id"], unique=False)
        batch_op.create_index("outbox_by_status", ["status", "run_id", "id"], unique=False)

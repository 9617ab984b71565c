"""The rows of the database, one class per table; storage only, nothing is decided here.

JSON columns are text (see `codec`); instants are aware UTC; money never appears outside JSON. Migrations are in
`migrations/`; a change here needs one there.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, LargeBinary, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from stocksync.sync.recording import UNDECIDED


def _few(name: str, *columns: str, where: str) -> Index:
    """An index of the few rows for which something is true; spelled as statements spell it in each dialect."""
    return Index(name, *columns, sqlite_where=text(f"{where} = 1"), postgresql_where=text(where))


UNCLEAR = f"older_readings > 0 OR digest = '{UNDECIDED}'"
"""Of a snapshot: shown older than we know, or not decided about. Spelled otherwise, the index is not used."""


_BOUND = "vehicle_module_id IS NOT NULL AND dms_id IS NOT NULL"


class RunRow(SQLModel, table=True):
    """One cycle of one point of sale."""

    __tablename__ = "run"
    __table_args__ = (
        Index("run_by_point_of_sale", "point_of_sale", "status", "id"),
        Index("run_of_a_kind", "point_of_sale", "status", "kind", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    point_of_sale: str
    pair: str
    mapping_version: str
    status: str
    started_at: datetime
    finished_at: datetime | None = None
    kind: str = "complete"
    fence: int | None = None
    decided_by: int | None = None
    thorough: bool = False
    listed_vehicle_module: int | None = None
    listed_dms: int | None = None
    plan_digest: str | None = None
    message: str | None = Field(default=None, sa_type=Text)
    summary: str | None = Field(default=None, sa_type=Text)


class CarRow(SQLModel, table=True):
    """One stock cycle of one car."""

    __tablename__ = "car"
    __table_args__ = (
        UniqueConstraint("pair", "vehicle_module_id", name="car_vehicle_module_id"),
        UniqueConstraint("pair", "dms_id", name="car_dms_id"),
        Index("car_by_point_of_sale", "pair", "point_of_sale"),
        Index("car_by_vin", "vin"),
        Index("car_by_registration", "registration"),
        Index("car_by_police_number", "police_number"),
        # Of those that have one: SQLite would otherwise look for cars of interest by it.
        Index(
            "car_numbered",
            "pair",
            "point_of_sale",
            "police_number",
            sqlite_where=text("police_number IS NOT NULL"),
            postgresql_where=text("police_number IS NOT NULL"),
        ),
        _few("car_of_interest", "pair", "point_of_sale", where="interesting"),
        Index(
            "car_open",
            "pair",
            "point_of_sale",
            sqlite_where=text(f"{_BOUND} AND closed IS 0"),
            postgresql_where=text(f"{_BOUND} AND closed IS false"),
        ),
    )

    id: str = Field(primary_key=True)
    pair: str
    point_of_sale: str
    first_point_of_sale: str
    vehicle_module_id: str | None = None
    dms_id: str | None = None
    vin: str | None = None
    registration: str | None = None
    police_number: str | None = None
    base: str = Field(sa_type=Text)
    unkept: str = Field(sa_type=Text)
    overwrites: str = Field(sa_type=Text)
    missing_vehicle_module: int = 0
    missing_dms: int = 0
    reserved_by_us: bool = False
    closed: bool = False
    interesting: bool = True
    opened_at: datetime


class SnapshotRow(SQLModel, table=True):
    """What a side last said of one record.

    slip, plate, police_number: what it is found alike by, see `binding.Keys`, as the mapping `read_by` reads it.
    listed_digest: of its bytes in the last complete listing of its point of sale, None where it was read from no
    listing by digests. moved_on: what is kept came otherwise since, so that those bytes would be news. gone: the last
    complete listing did not have it, nor could it be read. stamp: when the side changed it, on its own clock, ISO 8601
    without an offset. older_readings: runs in a row that were shown an older state than this one, since older_since.
    """

    __tablename__ = "snapshot"
    __table_args__ = (
        Index("snapshot_by_point_of_sale", "pair", "side", "point_of_sale"),
        Index("snapshot_by_vin", "pair", "vin"),
        Index("snapshot_by_reference", "pair", "side", "reference"),
        Index("snapshot_by_slip", "pair", "side", "slip"),
        Index("snapshot_by_plate", "pair", "side", "plate"),
        Index("snapshot_by_police_number", "pair", "side", "police_number"),
        Index("snapshot_by_digest", "pair", "side", "point_of_sale", "gone", "listed_digest"),
        Index("snapshot_seen", "pair", "seen_at", "point_of_sale"),
        Index(
            "snapshot_unclear",
            "pair",
            "side",
            "point_of_sale",
            "gone",
            sqlite_where=text(UNCLEAR),
            postgresql_where=text(UNCLEAR),
        ),
        _few("snapshot_unreadable", "pair", "side", "point_of_sale", "gone", where="unreadable"),
        _few("snapshot_moved_on", "pair", "side", "point_of_sale", "gone", where="moved_on"),
    )

    pair: str = Field(primary_key=True)
    side: str = Field(primary_key=True)
    record_id: str = Field(primary_key=True)
    point_of_sale: str
    digest: str
    version: str | None = None
    vin: str | None = None
    reference: str | None = None
    is_open: bool
    gone: bool = False
    stamp: str | None = None
    older_readings: int = 0
    older_since: datetime | None = None
    slip: str | None = None
    plate: str | None = None
    police_number: str | None = None
    unreadable: bool = False
    read_by: str | None = None
    listed_digest: int | None = Field(default=None, sa_type=BigInteger)
    moved_on: bool = False
    body: bytes = Field(sa_type=LargeBinary)
    seen_at: datetime


class PageRow(SQLModel, table=True):
    """A page of the last complete listing of one side at one point of sale, by the digest of its list of records.

    digests: of the records, see `familiar.packed`. known, high, low: how many of them stand in a snapshot's
    `listed_digest`, and the sums of their upper and their lower 32 bits. runs: see `ListedPage.runs`.
    """

    __tablename__ = "listed_page"

    pair: str = Field(primary_key=True)
    point_of_sale: str = Field(primary_key=True)
    side: str = Field(primary_key=True)
    digest: int = Field(primary_key=True, sa_type=BigInteger)
    records: int
    known: int
    high: int = Field(sa_type=BigInteger)
    low: int = Field(sa_type=BigInteger)
    digests: bytes = Field(sa_type=LargeBinary)
    runs: bytes = Field(sa_type=LargeBinary)


class OutboxRow(SQLModel, table=True):
    """One operation on its way to one side."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("outbox_by_status", "status", "run_id", "id"),
        Index("outbox_by_car", "car_id"),
        Index("outbox_by_run", "run_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="run.id")
    car_id: str
    point_of_sale: str
    side: str
    action: str
    record_id: str | None = None
    payload: str = Field(sa_type=Text)
    key: str = Field(unique=True)
    status: str
    attempts: int = 0
    message: str | None = Field(default=None, sa_type=Text)
    created_at: datetime
    done_at: datetime | None = None


class ConflictRow(SQLModel, table=True):
    """One finding, from its opening to its closing; its id is its name in every report."""

    __tablename__ = "conflict"
    __table_args__ = (
        Index("conflict_open", "point_of_sale", "closed_at"),
        Index("conflict_by_key", "pair", "key"),
        Index("conflict_by_car", "car_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    pair: str
    point_of_sale: str
    car_id: str
    key: str
    subject: str
    reason: str
    category: str
    vehicle_module_value: str | None = Field(default=None, sa_type=Text)
    dms_value: str | None = Field(default=None, sa_type=Text)
    base_value: str | None = Field(default=None, sa_type=Text)
    details: str = Field(sa_type=Text)
    opened_run: int
    opened_at: datetime
    changed_at: datetime
    closed_at: datetime | None = None
    closed_because: str | None = None
    ignored_by: int | None = None


class ResolutionRow(SQLModel, table=True):
    """What a reviewer decided of one report row; `seen` is what the row said to them, `targets` what is to hold."""

    __tablename__ = "resolution"
    __table_args__ = (
        Index("resolution_by_car", "car_id", "status"),
        Index("resolution_by_conflict", "conflict_id"),
        Index("resolution_by_run", "closed_run"),
        Index("resolution_by_status", "status", "car_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    conflict_id: int = Field(foreign_key="conflict.id")
    pair: str
    point_of_sale: str
    car_id: str
    subject: str
    reason: str
    choice: str
    targets: str = Field(sa_type=Text)
    seen: str = Field(sa_type=Text)
    seen_digest: str
    comment: str = Field(sa_type=Text)
    decided_by: str
    decided_at: datetime
    file: str
    file_digest: str
    status: str
    closed_at: datetime | None = None
    closed_because: str | None = None
    closed_run: int | None = None
    undoes: int | None = None
    lot: str = ""


class LotRow(SQLModel, table=True):
    """One line of a report that stood for several rows: their numbers and fingerprints, as they were handed out."""

    __tablename__ = "lot"

    fingerprint: str = Field(primary_key=True)
    members: str = Field(sa_type=Text)
    handed_out_at: datetime


class JournalRow(SQLModel, table=True):
    """One fact; rows are only ever added, and the database refuses anything else but to erase what a row's details say.

    run_id is 0 for what a person did outside a run. hash: of this row and of the row before, see `journal_chain`.
    """

    __tablename__ = "journal"
    __table_args__ = (Index("journal_by_car", "car_id", "id"), Index("journal_by_run", "run_id"))

    id: int | None = Field(default=None, primary_key=True)
    at: datetime
    run_id: int
    car_id: str | None = None
    action: str
    details: str = Field(sa_type=Text)
    hash: str = ""


class AcceptanceRow(SQLModel, table=True):
    """A version of the mapping that a person accepted for a point of sale; who, stands in the journal."""

    __tablename__ = "acceptance"

    point_of_sale: str = Field(primary_key=True)
    mapping_version: str = Field(primary_key=True)
    accepted_at: datetime


class LeaseRow(SQLModel, table=True):
    """Who is at work on a point of sale, until when.

    fence: higher with every new holder, never lower. locked: the holder also locks a file, whose lock ends with it.
    """

    __tablename__ = "lease"

    point_of_sale: str = Field(primary_key=True)
    fence: int
    holder: str
    locked: bool
    acquired_at: datetime
    expires_at: datetime


class WatermarkRow(SQLModel, table=True):
    """Up to which instant, on a side's own clock, its changes were all seen; `mark` is ISO 8601 without an offset."""

    __tablename__ = "watermark"

    point_of_sale: str = Field(primary_key=True)
    side: str = Field(primary_key=True)
    mark: str
    run_id: int
    set_at: datetime


class PauseRow(SQLModel, table=True):
    """A point of sale, or "" for all of them, that a person told stocksync to leave alone."""

    __tablename__ = "pause"

    point_of_sale: str = Field(primary_key=True)
    paused_by: str
    reason: str = Field(sa_type=Text)
    paused_at: datetime


class GateRow(SQLModel, table=True):
    """A system that gets no requests for now; there is no row for one that does."""

    __tablename__ = "gate"

    system: str = Field(primary_key=True)
    state: str
    reason: str = Field(sa_type=Text)
    since: datetime
    retry_at: datetime | None = None


class AlertRow(SQLModel, table=True):
    """Something that people were to be told of once, and once more when it was over."""

    __tablename__ = "alert"
    __table_args__ = (Index("alert_open", "kind", "subject", "closed_at"),)

    id: int | None = Field(default=None, primary_key=True)
    kind: str
    subject: str
    message: str = Field(sa_type=Text)
    opened_at: datetime
    told_at: datetime | None = None
    closed_at: datetime | None = None
    recovery_told_at: datetime | None = None


class MappingRow(SQLModel, table=True):
    """The mapping files of one version, so that a run can be explained after an edit."""

    __tablename__ = "mapping_version"

    version: str = Field(primary_key=True)
    files: bytes = Field(sa_type=LargeBinary)
    first_used_at: datetime

"""What the use case remembers, in a database: the store's side of a cycle.

Every method is one transaction. Bulk work uses Core statements with many parameters; no row object per car.
What people ask of the store is `questions`.
"""

from __future__ import annotations

import json
import uuid
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, Table, and_, delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from stocksync.adapters.store import codec
from stocksync.adapters.store.engine import WRITE
from stocksync.adapters.store.exclusive import exclusive
from stocksync.adapters.store.tables import (
    CarRow,
    ConflictRow,
    JournalRow,
    MappingRow,
    OutboxRow,
    RunRow,
    SnapshotRow,
)
from stocksync.errors import UsageError
from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category
from stocksync.stock.values import Side
from stocksync.stock.vehicle import RESERVED
from stocksync.sync.cars import Car, Finding, UnconfirmedWrite
from stocksync.sync.findings import EVENTS, OpenFinding, Settlement, settle
from stocksync.sync.plan import Action, Operation
from stocksync.sync.recording import (
    DueOperation,
    EntryOutcome,
    EntryStatus,
    FindingCounts,
    JournalLine,
    OutboxEntry,
    PastRun,
    Recording,
    RunStatus,
    Snapshot,
)

CHUNK: Final = 400
"""Keys per statement: under the smallest limit on bound parameters."""

Item = TypeVar("Item")


def table(row: type[Any]) -> Table:
    """The Core table of a row class."""
    found: Table = row.__table__
    return found


def chunks(items: Iterable[Item], size: int = CHUNK) -> Iterator[list[Item]]:
    """Cut into lists of at most `size`."""
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part


RUN, CAR, SNAPSHOT, OUTBOX = table(RunRow), table(CarRow), table(SnapshotRow), table(OutboxRow)
CONFLICT, JOURNAL, MAPPING = table(ConflictRow), table(JournalRow), table(MappingRow)


class Repository:
    """The store of one database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    # runs

    def exclusive(self, point_of_sale: str, at: datetime) -> AbstractContextManager[None]:
        """Hold a point of sale while a run is at work on it. Raises Busy."""
        return exclusive(self.engine, point_of_sale, at)

    def begin_run(
        self, pair: str, point_of_sale: str, mapping_version: str, files: Mapping[str, bytes], at: datetime
    ) -> int:
        """Note that a run starts, and keep the mapping files that it works by."""
        with self._writing() as connection:
            if not connection.scalar(select(MAPPING.c.version).where(MAPPING.c.version == mapping_version)):
                connection.execute(
                    insert(MAPPING).values(version=mapping_version, files=_packed(files), first_used_at=at)
                )
            row = {
                "pair": pair,
                "point_of_sale": point_of_sale,
                "mapping_version": mapping_version,
                "status": RunStatus.RUNNING.value,
                "started_at": at,
            }
            key = connection.execute(insert(RUN).values(row)).inserted_primary_key
            assert key is not None
            return int(key[0])

    def finish_run(
        self,
        run_id: int,
        status: RunStatus,
        at: datetime,
        *,
        listed: Mapping[Side, int] | None = None,
        plan_digest: str | None = None,
        message: str | None = None,
        summary: Mapping[str, Any] | None = None,
    ) -> None:
        """Note how a run ended."""
        values: dict[str, Any] = {
            "status": status.value,
            "finished_at": at,
            "plan_digest": plan_digest,
            "message": message,
            "summary": codec.dump(summary) if summary is not None else None,
        }
        if listed is not None:
            values |= {f"listed_{side}": count for side, count in listed.items()}
        with self._writing() as connection:
            connection.execute(update(RUN).where(RUN.c.id == run_id).values(values))

    def last_complete_run(self, point_of_sale: str) -> PastRun | None:
        """The last run that came to its end; None before the first one."""
        statement = (
            select(RUN)
            .where(RUN.c.point_of_sale == point_of_sale, RUN.c.status == RunStatus.DONE.value)
            .order_by(RUN.c.id.desc())
            .limit(1)
        )
        with self._reading() as connection:
            row = connection.execute(statement).first()
        if row is None:
            return None
        listed = {Side.VEHICLE_MODULE: row.listed_vehicle_module or 0, Side.DMS: row.listed_dms or 0}
        return PastRun(row.id, row.mapping_version, listed)

    def mapping_files(self, version: str) -> dict[str, bytes] | None:
        """The mapping files of a version that a run worked by."""
        with self._reading() as connection:
            packed = connection.scalar(select(MAPPING.c.files).where(MAPPING.c.version == version))
        return _unpacked(packed) if packed is not None else None

    def is_released(self, point_of_sale: str, plan_digest: str) -> bool:
        """Tell whether a person released exactly this plan since the last complete run."""
        last = self.last_complete_run(point_of_sale)
        statement = select(RUN.c.id).where(
            RUN.c.point_of_sale == point_of_sale,
            RUN.c.status == RunStatus.RELEASED.value,
            RUN.c.plan_digest == plan_digest,
            RUN.c.id > (last.run_id if last is not None else 0),
        )
        with self._reading() as connection:
            return connection.scalar(statement) is not None

    def release(self, run_id: int) -> str:
        """Let the plan of a halted run pass once; the answer is its point of sale.

        Raises UsageError where there is no such run, or it did not halt.
        """
        with self._writing() as connection:
            row = connection.execute(select(RUN).where(RUN.c.id == run_id)).first()
            if row is None:
                raise UsageError(f"There is no run {run_id}; `stocksync status` shows the halted ones.")
            if row.status != RunStatus.HALTED.value:
                raise UsageError(f"Run {run_id} is {row.status}, not halted; there is nothing to release.")
            connection.execute(update(RUN).where(RUN.c.id == run_id).values(status=RunStatus.RELEASED.value))
            return str(row.point_of_sale)

    # what a cycle needs to know

    def cars_at(self, pair: str, point_of_sale: str) -> list[Car]:
        """Every car at home at a point of sale, closed ones included."""
        return self._cars(and_(CAR.c.pair == pair, CAR.c.point_of_sale == point_of_sale))

    def cars_of_records(self, pair: str, side: Side, record_ids: Iterable[str]) -> list[Car]:
        """The cars that own these records, wherever they are at home."""
        column = _id_column(side)
        return [
            car for part in chunks(sorted(record_ids)) for car in self._cars(and_(CAR.c.pair == pair, column.in_(part)))
        ]

    def digests(self, pair: str, side: Side, record_ids: Iterable[str]) -> dict[str, str]:
        """The digests of the snapshots that we hold."""
        found: dict[str, str] = {}
        with self._reading() as connection:
            for part in chunks(sorted(record_ids)):
                rows = connection.execute(
                    select(SNAPSHOT.c.record_id, SNAPSHOT.c.digest).where(
                        SNAPSHOT.c.pair == pair, SNAPSHOT.c.side == side.value, SNAPSHOT.c.record_id.in_(part)
                    )
                )
                found.update((row.record_id, row.digest) for row in rows)
        return found

    def open_elsewhere(self, pair: str, point_of_sale: str, vins: Iterable[str]) -> dict[Side, set[str]]:
        """The ids of open records of other points of sale that had one of these VINs when they were last seen."""
        found: dict[Side, set[str]] = {side: set() for side in Side}
        elsewhere = and_(SNAPSHOT.c.pair == pair, SNAPSHOT.c.point_of_sale != point_of_sale, SNAPSHOT.c.is_open)
        with self._reading() as connection:
            for part in chunks(sorted(vins)):
                statement = select(SNAPSHOT.c.side, SNAPSHOT.c.record_id).where(elsewhere, SNAPSHOT.c.vin.in_(part))
                for row in connection.execute(statement):
                    found[Side(row.side)].add(row.record_id)
        return found

    def referring_elsewhere(self, pair: str, point_of_sale: str, side: Side, record_ids: Iterable[str]) -> set[str]:
        """The ids of a side's records at other points of sale that referred to one of these records."""
        found: set[str] = set()
        elsewhere = and_(
            SNAPSHOT.c.pair == pair, SNAPSHOT.c.point_of_sale != point_of_sale, SNAPSHOT.c.side == side.value
        )
        with self._reading() as connection:
            for part in chunks(sorted(record_ids)):
                statement = select(SNAPSHOT.c.record_id).where(elsewhere, SNAPSHOT.c.reference.in_(part))
                found.update(connection.scalars(statement))
        return found

    def _cars(self, condition: Any) -> list[Car]:
        with self._reading() as connection:
            rows = connection.execute(select(CAR).where(condition).order_by(CAR.c.id)).all()
            waiting = connection.execute(
                select(OUTBOX).where(
                    OUTBOX.c.status == EntryStatus.CLAIMED.value,
                    OUTBOX.c.car_id.in_(select(CAR.c.id).where(condition)),
                )
            ).all()
        unconfirmed: dict[str, list[UnconfirmedWrite]] = {}
        for row in waiting:
            operation, _ = codec.load_operation(row.payload, row.side, row.action, row.record_id)
            unconfirmed.setdefault(row.car_id, []).extend(_unconfirmed(operation))
        return [_car(row, tuple(unconfirmed.get(row.id, ()))) for row in rows]

    # what a cycle changes

    def record(self, recording: Recording) -> FindingCounts:
        """Keep a decided plan: snapshots, cars, outbox, findings and journal, in one transaction."""
        with self._writing() as connection:
            _write_snapshots(connection, recording.pair, recording.point_of_sale, recording.snapshots, recording.at)
            _merge_cars(connection, recording)
            _write_cars(connection, recording.cars, recording.at)
            _supersede(connection, recording)
            _add_operations(connection, recording)
            counts = _settle_findings(connection, recording)
            _add_journal(connection, recording.run_id, recording.at, recording.journal)
        return counts

    def claim(self, run_id: int, sides: Iterable[Side], limit: int) -> list[OutboxEntry]:
        """Take the next entries of a run: the first pending one of each car and side; durable before any is sent."""
        with self._writing() as connection:
            pending = select(func.min(OUTBOX.c.id)).where(
                OUTBOX.c.run_id == run_id,
                OUTBOX.c.status == EntryStatus.PENDING.value,
                OUTBOX.c.side.in_([side.value for side in sides]),
            )
            firsts = pending.group_by(OUTBOX.c.car_id, OUTBOX.c.side).limit(limit)
            rows = connection.execute(select(OUTBOX).where(OUTBOX.c.id.in_(firsts)).order_by(OUTBOX.c.id)).all()
            if rows:
                connection.execute(
                    update(OUTBOX)
                    .where(OUTBOX.c.id.in_([row.id for row in rows]))
                    .values(status=EntryStatus.CLAIMED.value, attempts=OUTBOX.c.attempts + 1)
                )
        return [_entry(row) for row in rows]

    def settle_entries(
        self, run_id: int, pair: str, point_of_sale: str, outcomes: Sequence[EntryOutcome], at: datetime
    ) -> None:
        """Keep how entries ended, with the cars, snapshots and findings that follow, in one transaction."""
        with self._writing() as connection:
            for outcome in outcomes:
                connection.execute(
                    update(OUTBOX)
                    .where(OUTBOX.c.id == outcome.entry.entry_id)
                    .values(
                        status=outcome.status.value,
                        message=outcome.message or None,
                        done_at=None if outcome.status is EntryStatus.CLAIMED else at,
                    )
                )
                if outcome.blocks_rest or outcome.status is not EntryStatus.DELIVERED:
                    _drop_rest(connection, run_id, outcome)
            _write_cars(connection, [o.car for o in outcomes if o.car is not None], at)
            snapshots = [o.snapshot for o in outcomes if o.snapshot is not None]
            _write_snapshots(connection, pair, point_of_sale, snapshots, at)
            follow_ups = tuple(o.follow_up for o in outcomes if o.follow_up is not None)
            _insert_operations(connection, run_id, point_of_sale, follow_ups, at)
            for outcome in outcomes:
                _settle_subjects(connection, outcome, at)
                fresh = _without_open(connection, run_id, pair, outcome.raised, at)
                _open_findings(connection, run_id, pair, point_of_sale, fresh, at)
                _add_journal(connection, run_id, at, [_finding_line("reported", finding) for finding in fresh])
                _add_journal(connection, run_id, at, outcome.journal)

    def leave_pending(self, run_id: int, reason: str, at: datetime) -> int:
        """Give up this run's entries that were not sent; the next cycle plans them again."""
        with self._writing() as connection:
            done = connection.execute(
                update(OUTBOX)
                .where(OUTBOX.c.run_id == run_id, OUTBOX.c.status == EntryStatus.PENDING.value)
                .values(status=EntryStatus.SUPERSEDED.value, message=reason, done_at=at)
            )
            return int(done.rowcount)

    def finding_counts(self, pair: str, point_of_sale: str) -> FindingCounts:
        """Count the open findings of a point of sale."""
        with self._reading() as connection:
            return _open_counts(connection, pair, point_of_sale, 0, 0)

    def _writing(self) -> Any:
        return self.engine.execution_options(**{WRITE: True}).begin()

    def _reading(self) -> Any:
        return self.engine.connect()


# rows to values -----------------------------------------------------------------------------------------------


def _id_column(side: Side) -> Any:
    return CAR.c.vehicle_module_id if side is Side.VEHICLE_MODULE else CAR.c.dms_id


def _car(row: Any, unconfirmed: tuple[UnconfirmedWrite, ...]) -> Car:
    ids = {Side.VEHICLE_MODULE: row.vehicle_module_id, Side.DMS: row.dms_id}
    missing = {Side.VEHICLE_MODULE: row.missing_vehicle_module, Side.DMS: row.missing_dms}
    return Car(
        id=row.id,
        pair=row.pair,
        point_of_sale=row.point_of_sale,
        first_point_of_sale=row.first_point_of_sale,
        record_ids={side: record_id for side, record_id in ids.items() if record_id is not None},
        base=codec.load_base(row.base),
        missing={side: count for side, count in missing.items() if count},
        closed=row.closed,
        reserved_by_us=row.reserved_by_us,
        unkept=codec.load_unkept(row.unkept),
        unconfirmed=unconfirmed,
        vin=row.vin,
        registration=row.registration,
        police_number=row.police_number,
    )


def _unconfirmed(operation: Operation) -> list[UnconfirmedWrite]:
    side = operation.side
    if operation.action is Action.RESERVE:
        return [UnconfirmedWrite(side, RESERVED, value=True, expected=False)]
    return [UnconfirmedWrite(side, c.attribute, c.value, c.expected) for c in operation.changes]


def _entry(row: Any) -> OutboxEntry:
    operation, context = codec.load_operation(row.payload, row.side, row.action, row.record_id)
    return OutboxEntry(row.id, row.car_id, operation, context, row.key, row.attempts + 1)


def _packed(files: Mapping[str, bytes]) -> bytes:
    text = json.dumps({name: b64encode(raw).decode() for name, raw in sorted(files.items())})
    return zlib.compress(text.encode())


def _unpacked(packed: bytes) -> dict[str, bytes]:
    return {name: b64decode(text) for name, text in json.loads(zlib.decompress(packed)).items()}


# values to rows -----------------------------------------------------------------------------------------------


def _upsert(connection: Connection, into: Table, keys: list[str], rows: list[dict[str, Any]], keep: set[str]) -> None:
    if not rows:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(into)
    replaced = {name: statement.excluded[name] for name in rows[0] if name not in keep and name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=replaced), rows)


def _write_cars(connection: Connection, cars: Iterable[Car], at: datetime) -> None:
    latest = {car.id: car for car in cars}
    _upsert(connection, CAR, ["id"], [_car_row(car, at) for car in latest.values()], keep={"opened_at"})


def _car_row(car: Car, at: datetime) -> dict[str, Any]:
    return {
        "id": car.id,
        "pair": car.pair,
        "point_of_sale": car.point_of_sale,
        "first_point_of_sale": car.first_point_of_sale,
        "vehicle_module_id": car.record_ids.get(Side.VEHICLE_MODULE),
        "dms_id": car.record_ids.get(Side.DMS),
        "vin": car.vin,
        "registration": car.registration,
        "police_number": car.police_number,
        "base": codec.dump_base(car.base),
        "unkept": codec.dump_unkept(car.unkept),
        "missing_vehicle_module": car.missing.get(Side.VEHICLE_MODULE, 0),
        "missing_dms": car.missing.get(Side.DMS, 0),
        "reserved_by_us": car.reserved_by_us,
        "closed": car.closed,
        "opened_at": at,
    }


def _merge_cars(connection: Connection, recording: Recording) -> None:
    """Forget the cars that turned out to be a part of another; a line in the journal leads from that one to theirs."""
    for lost, kept in recording.merged.items():
        connection.execute(update(CONFLICT).where(CONFLICT.c.car_id == lost).values(car_id=kept))
        connection.execute(update(OUTBOX).where(OUTBOX.c.car_id == lost).values(car_id=kept))
        connection.execute(delete(CAR).where(CAR.c.id == lost))
    lines = [JournalLine(kept, "merged", {"from": lost}) for lost, kept in recording.merged.items()]
    _add_journal(connection, recording.run_id, recording.at, lines)


def _write_snapshots(
    connection: Connection, pair: str, point_of_sale: str, snapshots: Iterable[Snapshot], at: datetime
) -> None:
    rows = [
        {
            "pair": pair,
            "side": s.side.value,
            "record_id": s.record_id,
            "point_of_sale": point_of_sale,
            "digest": s.digest,
            "version": s.version,
            "vin": s.vin,
            "reference": s.reference,
            "is_open": s.is_open,
            "body": codec.dump(s.body).encode(),
            "seen_at": at,
        }
        for s in {(s.side, s.record_id): s for s in snapshots}.values()
    ]
    _upsert(connection, SNAPSHOT, ["pair", "side", "record_id"], rows, keep=set())


def _supersede(connection: Connection, recording: Recording) -> None:
    """Close what was left in the outbox: this plan was made with newer eyes.

    What was never sent goes with the plan that wanted it; what was sent without an answer, once its record was seen.
    """
    done = {"status": EntryStatus.SUPERSEDED.value, "done_at": recording.at}
    pending = update(OUTBOX).where(
        OUTBOX.c.status == EntryStatus.PENDING.value, OUTBOX.c.point_of_sale == recording.point_of_sale
    )
    if recording.scope is not None:
        pending = pending.where(OUTBOX.c.car_id.in_(sorted(recording.scope)))
    connection.execute(pending.values(done))
    claimed = connection.execute(
        select(OUTBOX.c.id, OUTBOX.c.car_id, OUTBOX.c.side).where(OUTBOX.c.status == EntryStatus.CLAIMED.value)
    )
    settled = [row.id for row in claimed if (row.car_id, Side(row.side)) in recording.seen]
    for part in chunks(settled):
        connection.execute(update(OUTBOX).where(OUTBOX.c.id.in_(part)).values(done))


def _add_operations(connection: Connection, recording: Recording) -> None:
    _insert_operations(connection, recording.run_id, recording.point_of_sale, recording.operations, recording.at)


def _insert_operations(
    connection: Connection, run_id: int, point_of_sale: str, due: Sequence[DueOperation], at: datetime
) -> None:
    rows = [
        {
            "run_id": run_id,
            "car_id": d.car_id,
            "point_of_sale": point_of_sale,
            "side": d.operation.side.value,
            "action": d.operation.action.value,
            "record_id": d.operation.record_id,
            "payload": codec.dump_operation(d.operation, d.context),
            "key": uuid.uuid4().hex,
            "status": EntryStatus.PENDING.value,
            "created_at": at,
        }
        for d in due
    ]
    if rows:
        connection.execute(insert(OUTBOX), rows)


def _drop_rest(connection: Connection, run_id: int, outcome: EntryOutcome) -> None:
    """Leave out what was to follow on the same car and side: it was planned on what did not happen."""
    connection.execute(
        update(OUTBOX)
        .where(
            OUTBOX.c.run_id == run_id,
            OUTBOX.c.car_id == outcome.entry.car_id,
            OUTBOX.c.side == outcome.entry.operation.side.value,
            OUTBOX.c.status == EntryStatus.PENDING.value,
        )
        .values(status=EntryStatus.SUPERSEDED.value, message="an earlier write of the car did not go through")
    )


def _add_journal(connection: Connection, run_id: int, at: datetime, lines: Sequence[JournalLine]) -> None:
    rows = [
        {
            "at": at,
            "run_id": run_id,
            "car_id": line.car_id,
            "action": line.action,
            "details": codec.dump(line.details),
        }
        for line in lines
    ]
    if rows:
        connection.execute(insert(JOURNAL), rows)


# findings -----------------------------------------------------------------------------------------------------


def _settle_findings(connection: Connection, recording: Recording) -> FindingCounts:
    settlement = settle(
        _open_in_scope(connection, recording), recording.findings, recording.silences, recording.point_of_sale
    )
    _open_findings(
        connection, recording.run_id, recording.pair, recording.point_of_sale, settlement.opened, recording.at
    )
    _update_findings(connection, settlement, recording.point_of_sale, recording.at)
    _add_journal(connection, recording.run_id, recording.at, _lines_of(settlement))
    return _open_counts(
        connection,
        recording.pair,
        recording.point_of_sale,
        len(settlement.opened),
        len(settlement.closed),
    )


def _lines_of(settlement: Settlement) -> list[JournalLine]:
    told = [("reported", finding) for finding in settlement.opened]
    told += [("report_changed", finding) for _, finding in settlement.changed]
    told += [("report_closed", row.finding) for row in settlement.closed]
    return [_finding_line(action, finding) for action, finding in told]


def _finding_line(action: str, finding: Finding) -> JournalLine:
    values = _finding_values(finding)
    details = {"subject": finding.subject, "reason": finding.reason.value, **values, "details": finding.details}
    return JournalLine(finding.car_id, action, details)


def _open_in_scope(connection: Connection, recording: Recording) -> list[OpenFinding]:
    statement = select(CONFLICT).where(CONFLICT.c.pair == recording.pair, CONFLICT.c.closed_at.is_(None))
    raised = {finding.car_id for finding in recording.findings}
    if recording.scope is not None:
        in_scope = CONFLICT.c.car_id.in_(sorted(recording.scope | raised))
        statement = statement.where(in_scope)
    else:
        here = CONFLICT.c.point_of_sale == recording.point_of_sale
        keys = [f.key for f in recording.findings]
        rows = list(connection.execute(statement.where(here)))
        for part in chunks(keys):
            rows += connection.execute(statement.where(~here, CONFLICT.c.key.in_(part)))
        return [_open_finding(row) for row in rows if row.car_id not in recording.not_ours]
    return [_open_finding(row) for row in connection.execute(statement)]


def _open_finding(row: Any) -> OpenFinding:
    finding = Finding(
        car_id=row.car_id,
        subject=row.subject,
        reason=Reason(row.reason),
        category=Category(row.category),
        vehicle_module=row.vehicle_module_value,
        dms=row.dms_value,
        base=row.base_value,
        details=codec.load(row.details),
    )
    return OpenFinding(row.id, finding, row.point_of_sale)


def _finding_values(finding: Finding) -> dict[str, Any]:
    return {
        "category": finding.category.value,
        "vehicle_module_value": finding.vehicle_module,
        "dms_value": finding.dms,
        "base_value": finding.base,
        "details": codec.dump(finding.details),
    }


def _open_findings(
    connection: Connection,
    run_id: int,
    pair: str,
    point_of_sale: str,
    findings: Sequence[Finding],
    at: datetime,
) -> None:
    rows = [
        {
            "pair": pair,
            "point_of_sale": point_of_sale,
            "car_id": f.car_id,
            "key": f.key,
            "subject": f.subject,
            "reason": f.reason.value,
            "opened_run": run_id,
            "opened_at": at,
            "changed_at": at,
            **_finding_values(f),
        }
        for f in findings
    ]
    if rows:
        connection.execute(insert(CONFLICT), rows)


def _without_open(
    connection: Connection, run_id: int, pair: str, findings: Sequence[Finding], at: datetime
) -> list[Finding]:
    """Take up again the rows that are open, or were closed by this very run; the answer is what has no row yet."""
    started_at = connection.scalar(select(RUN.c.started_at).where(RUN.c.id == run_id))
    fresh = []
    for finding in findings:
        recent = or_(CONFLICT.c.closed_at.is_(None), CONFLICT.c.closed_at >= started_at)
        same_key = and_(CONFLICT.c.pair == pair, CONFLICT.c.key == finding.key, recent)
        row = connection.execute(select(CONFLICT).where(same_key)).first()
        if row is None:
            fresh.append(finding)
        elif row.closed_at is not None or _open_finding(row).finding != finding:
            values = {**_finding_values(finding), "changed_at": at, "closed_at": None, "closed_because": None}
            connection.execute(update(CONFLICT).where(CONFLICT.c.id == row.id).values(values))
    return fresh


def _update_findings(connection: Connection, settlement: Settlement, point_of_sale: str, at: datetime) -> None:
    for finding_id, finding in settlement.changed:
        connection.execute(
            update(CONFLICT)
            .where(CONFLICT.c.id == finding_id)
            .values(**_finding_values(finding), changed_at=at, point_of_sale=point_of_sale)
        )
    for part in chunks([row.finding_id for row in settlement.closed]):
        connection.execute(
            update(CONFLICT).where(CONFLICT.c.id.in_(part)).values(closed_at=at, closed_because="no_longer_so")
        )


def _settle_subjects(connection: Connection, outcome: EntryOutcome, at: datetime) -> None:
    if not outcome.settled:
        return
    statement = update(CONFLICT).where(CONFLICT.c.car_id == outcome.entry.car_id, CONFLICT.c.closed_at.is_(None))
    if outcome.car is not None and outcome.car.closed:
        connection.execute(statement.values(closed_at=at, closed_because="exit"))
        return
    connection.execute(
        statement.where(
            CONFLICT.c.subject.in_(outcome.settled),
            CONFLICT.c.reason.not_in([event.value for event in EVENTS]),
        ).values(closed_at=at, closed_because="settled")
    )


def _open_counts(connection: Connection, pair: str, point_of_sale: str, new: int, closed: int) -> FindingCounts:
    rows = connection.execute(
        select(CONFLICT.c.category, CONFLICT.c.reason, func.count())
        .where(
            CONFLICT.c.pair == pair,
            CONFLICT.c.point_of_sale == point_of_sale,
            CONFLICT.c.closed_at.is_(None),
        )
        .group_by(CONFLICT.c.category, CONFLICT.c.reason)
    ).all()
    by_category: dict[Category, int] = {}
    quarantined = 0
    for category, reason, count in rows:
        by_category[Category(category)] = by_category.get(Category(category), 0) + count
        if reason in (Reason.INVALID_VALUE, Reason.UNREADABLE_RECORD):
            quarantined += count
    return FindingCounts(new, closed, sum(by_category.values()), by_category, quarantined)

"""What people ask of the store: cars by any name, the conflict report, a car's journal, how things stand.

Only reading; what cycles remember is `repository`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Engine, and_, func, or_, select

from stocksync.adapters.store import codec
from stocksync.adapters.store.conflict_rows import REPORT_ROWS, as_kept, stored_finding
from stocksync.adapters.store.core import CAR, CONFLICT, JOURNAL, LOT, RESOLUTION, RUN, SNAPSHOT, chunks
from stocksync.adapters.store.journal_rows import fact_of
from stocksync.adapters.store.key_lists import AT_ONCE, among
from stocksync.adapters.store.plain import instant
from stocksync.adapters.store.repository import Repository
from stocksync.adapters.store.resolution_rows import earlier_resolutions
from stocksync.mapping.converters import Registration, normalised_vin
from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category
from stocksync.stock.values import SIDES, Side
from stocksync.sync.answers import Fact, FoundCar, KeptRecord, ReportedCar, RunFacts, Seen, StoredFinding
from stocksync.sync.cars import Car, Finding
from stocksync.sync.decisions import StoredResolution
from stocksync.sync.recording import RunStatus, Snapshot


class Questions:
    """The reading side of one database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def find_cars(self, wanted: str) -> list[FoundCar]:
        """Find cars by VIN, registration, police number, a side's record id, or our own id, in any spelling."""
        said = " ".join(wanted.split())
        compact, plate = normalised_vin(said), Registration().read(said)
        folded = said.upper()
        statement = select(CAR).where(
            or_(
                CAR.c.id == said.lower(),
                CAR.c.vin == compact,
                CAR.c.registration == (plate if isinstance(plate, str) else folded),
                *(func.upper(column) == folded for column in (CAR.c.police_number, *_RECORD_IDS.values())),
            )
        )
        return self._found(statement.order_by(CAR.c.closed, CAR.c.opened_at.desc(), CAR.c.id))

    def cars_by_id(self, car_ids: Iterable[str]) -> dict[str, FoundCar]:
        """Look several cars up by our own ids; those that are not there are left out."""
        found = [car for part in chunks(sorted(set(car_ids))) for car in self._found(_by_ids(part))]
        return {car.id: car for car in found}

    def remembered(self, cars: Iterable[FoundCar]) -> dict[str, Car]:
        """What cycles remember of cars, by our id."""
        return self.remembered_by_id(car.id for car in cars)

    def remembered_by_id(self, car_ids: Iterable[str]) -> dict[str, Car]:
        """What cycles remember of the cars with these ids of ours; those without any record are left out."""
        cars = Repository(self.engine).cars_named(set(car_ids))
        return {car.id: car for car in cars if car.record_ids}

    def reported_cars(self, wanted: Mapping[str, Collection[str]]) -> dict[str, ReportedCar]:
        """What the rows of a report ask of cars, by our id; those without any record are left out.

        wanted: by our id, the attributes whose last common value is asked for.
        """
        with self.engine.connect() as connection:
            rows = [
                row
                for part in chunks(sorted(wanted), AT_ONCE)
                for row in connection.execute(_REPORTED.where(among(connection, CAR.c.id, part))).all()
            ]
        found = (_reported_car(row, wanted) for row in rows)
        return {reported.car.id: reported for reported in found if reported.car.record_ids}

    def snapshots(self, cars: Iterable[FoundCar | Car]) -> dict[tuple[str, Side], Seen]:
        """What each side last said of cars, by our id and side."""
        owners: dict[tuple[str, Side], dict[str, str]] = {}
        for car in cars:
            for side, record_id in car.record_ids.items():
                owners.setdefault((car.pair, side), {})[record_id] = car.id
        found: dict[tuple[str, Side], Seen] = {}
        with self.engine.connect() as connection:
            for (pair, side), cars_of in owners.items():
                # Without pair and side, which the key begins with, each statement would walk through the whole table.
                of_side = select(SNAPSHOT).where(SNAPSHOT.c.pair == pair, SNAPSHOT.c.side == side.value)
                for part in chunks(sorted(cars_of)):
                    for row in connection.execute(of_side.where(SNAPSHOT.c.record_id.in_(part))).all():
                        found[cars_of[row.record_id], side] = _seen(row)
        return found

    def findings(
        self,
        *,
        point_of_sale: str | None = None,
        car_id: str | None = None,
        finding_id: int | None = None,
        reasons: Collection[Reason] = (),
        everything: bool = False,
        settled_since: datetime | None = None,
    ) -> list[StoredFinding]:
        """The rows of the conflict report that wait for a person, oldest first.

        everything: closed and ignored ones too. settled_since: with refused changes that the run in which they came up
        settled since then, which nobody could see open.
        """
        wanted = {
            CONFLICT.c.point_of_sale: point_of_sale,
            CONFLICT.c.car_id: car_id,
            CONFLICT.c.id: finding_id,
        }
        statement = REPORT_ROWS.where(*(column == value for column, value in wanted.items() if value is not None))
        if reasons:
            statement = statement.where(CONFLICT.c.reason.in_([reason.value for reason in reasons]))
        if not everything:
            statement = statement.where(_wants_a_look(settled_since))
        with self.engine.connect() as connection:
            return [stored_finding(row) for row in connection.execute(statement.order_by(CONFLICT.c.id)).all()]

    def decisions(self, rows: Iterable[StoredFinding]) -> list[StoredResolution]:
        """What was decided about some report rows, and what is still to be carried out of their cars; oldest first."""
        rows = list(rows)
        with self.engine.connect() as connection:
            return earlier_resolutions(
                connection,
                [row.finding_id for row in rows],
                sorted({row.finding.car_id for row in rows}),
                [row.ignored_by for row in rows if row.ignored_by is not None],
            )

    def decided_with(self, decision: StoredResolution) -> list[int]:
        """The rows that were decided by the same line of the same file, in order of their numbers."""
        statement = select(RESOLUTION.c.conflict_id).where(
            RESOLUTION.c.lot == decision.lot,
            RESOLUTION.c.file_digest == decision.file_digest,
            RESOLUTION.c.choice == decision.choice.value,
        )
        with self.engine.connect() as connection:
            return sorted(set(connection.scalars(statement))) if decision.lot else [decision.conflict_id]

    def findings_by_id(self, finding_ids: Iterable[int]) -> dict[int, StoredFinding]:
        """The rows with these numbers, closed ones too."""
        with self.engine.connect() as connection:
            found = [
                stored_finding(row)
                for part in chunks(sorted(set(finding_ids)), AT_ONCE)
                for row in connection.execute(REPORT_ROWS.where(among(connection, CONFLICT.c.id, part))).all()
            ]
        return {row.finding_id: row for row in found}

    def versions(self, row: StoredFinding) -> list[Finding]:
        """Everything that a report row ever said, the newest first."""
        said = [
            _finding_told(row, fact)
            for fact in reversed(self.journal(row.finding.car_id))
            if fact.action in _TELLING_ROWS
            and (fact.details["subject"], fact.details["reason"]) == (row.finding.subject, row.finding.reason)
        ]
        return [row.finding, *said]

    def lot(self, fingerprint: str) -> list[tuple[int, str]]:
        """The rows, by number and fingerprint, that a line of a report stood for; none where no such line went out."""
        with self.engine.connect() as connection:
            members = connection.scalar(select(LOT.c.members).where(LOT.c.fingerprint == fingerprint))
        return [(number, name) for number, name in codec.load(members)] if members is not None else []

    def journal(self, car_id: str) -> list[Fact]:
        """Everything that happened to a car, and to those that turned out to be a part of it, oldest first."""
        with self.engine.connect() as connection:
            lines = list(connection.execute(select(JOURNAL).where(JOURNAL.c.car_id == car_id)))
            parts = [fact.details["from"] for row in lines if (fact := fact_of(row)).action == "merged"]
            for part in chunks(parts):
                lines += connection.execute(select(JOURNAL).where(JOURNAL.c.car_id.in_(part)))
        in_order = sorted(lines, key=lambda row: int(row.id))
        return [fact_of(row) for row in in_order]

    def last_done(self, point_of_sale: str) -> RunFacts | None:
        """The last run of a point of sale that came to its end."""
        return self._last_run(RUN.c.point_of_sale == point_of_sale, RUN.c.status == RunStatus.DONE.value)

    def _last_run(self, *conditions: Any) -> RunFacts | None:
        statement = select(RUN).where(*conditions).order_by(RUN.c.id.desc()).limit(1)
        with self.engine.connect() as connection:
            row = connection.execute(statement).first()
        return _run(row) if row is not None else None

    def _found(self, statement: Any) -> list[FoundCar]:
        with self.engine.connect() as connection:
            return [_found_car(row) for row in connection.execute(statement)]


_SAID: Final = {side: SNAPSHOT.alias(side.value) for side in SIDES}
_RECORD_IDS: Final = {Side.VEHICLE_MODULE: CAR.c.vehicle_module_id, Side.DMS: CAR.c.dms_id}


def _with_records() -> Any:
    """Cars, and beside each what both sides last said of it."""
    joined: Any = CAR
    for side, said in _SAID.items():
        ours = and_(said.c.pair == CAR.c.pair, said.c.side == side.value, said.c.record_id == _RECORD_IDS[side])
        joined = joined.outerjoin(said, ours)
    return joined


_REPORTED: Final = as_kept(
    CAR.c.id,
    CAR.c.pair,
    CAR.c.point_of_sale,
    CAR.c.first_point_of_sale,
    CAR.c.base,
    CAR.c.closed,
    CAR.c.reserved_by_us,
    CAR.c.vehicle_module_id,
    CAR.c.missing_vehicle_module,
    _SAID[Side.VEHICLE_MODULE].c.version,
    _SAID[Side.VEHICLE_MODULE].c.body,
    CAR.c.dms_id,
    CAR.c.missing_dms,
    _SAID[Side.DMS].c.version,
    _SAID[Side.DMS].c.body,
).select_from(_with_records())


def _by_ids(car_ids: list[str]) -> Any:
    return select(CAR).where(CAR.c.id.in_(car_ids)).order_by(CAR.c.id)


def _found_car(row: Any) -> FoundCar:
    ids = {Side.VEHICLE_MODULE: row.vehicle_module_id, Side.DMS: row.dms_id}
    return FoundCar(
        id=row.id,
        pair=row.pair,
        point_of_sale=row.point_of_sale,
        record_ids={side: record_id for side, record_id in ids.items() if record_id is not None},
        vin=row.vin,
        registration=row.registration,
        police_number=row.police_number,
        closed=row.closed,
        opened_at=instant(row.opened_at),
    )


def _seen(row: Any) -> Seen:
    body = codec.load(row.body)
    snapshot = Snapshot(
        Side(row.side), row.record_id, row.digest, row.version, row.vin, row.reference, row.is_open, body
    )
    return Seen(snapshot, instant(row.seen_at))


def _reported_car(row: Any, wanted: Mapping[str, Collection[str]]) -> ReportedCar:
    car_id, pair, point_of_sale, first_point_of_sale, base, closed, reserved_by_us, *sides = row
    module_id, module_missing, module_version, module_said, dms_id, dms_missing, dms_version, dms_said = sides
    record_ids, missing, records = {}, {}, {}
    if module_id is not None:
        record_ids[Side.VEHICLE_MODULE] = module_id
        if module_said is not None:
            records[Side.VEHICLE_MODULE] = KeptRecord(module_id, module_version, module_said)
    if dms_id is not None:
        record_ids[Side.DMS] = dms_id
        if dms_said is not None:
            records[Side.DMS] = KeptRecord(dms_id, dms_version, dms_said)
    if module_missing:
        missing[Side.VEHICLE_MODULE] = module_missing
    if dms_missing:
        missing[Side.DMS] = dms_missing
    known = orjson.loads(base)
    car = Car(
        id=car_id,
        pair=pair,
        point_of_sale=point_of_sale,
        first_point_of_sale=first_point_of_sale,
        record_ids=record_ids,
        base={name: codec.unpack(known[name]) for name in wanted[car_id] if name in known},
        missing=missing,
        closed=bool(closed),
        reserved_by_us=bool(reserved_by_us),
    )
    return ReportedCar(car, records)


_TELLING_ROWS = frozenset({"reported", "report_changed", "report_closed"})


def _finding_told(row: StoredFinding, fact: Fact) -> Finding:
    said = fact.details
    return Finding(
        row.finding.car_id,
        row.finding.subject,
        row.finding.reason,
        Category(said["category"]),
        said["vehicle_module_value"],
        said["dms_value"],
        said["base_value"],
        said["details"],
    )


def _run(row: Any) -> RunFacts:
    summary = codec.load(row.summary) if row.summary else {}
    return RunFacts(
        row.id,
        row.status,
        instant(row.started_at),
        instant(row.finished_at) if row.finished_at is not None else None,
        row.message,
        tuple(summary.get("halts") or ()),
    )


def _wants_a_look(settled_since: datetime | None) -> Any:
    waits = and_(CONFLICT.c.closed_at.is_(None), CONFLICT.c.ignored_by.is_(None))
    if settled_since is None:
        return waits
    settled = and_(CONFLICT.c.closed_because == "settled", CONFLICT.c.closed_at >= settled_since)
    return or_(waits, and_(settled, CONFLICT.c.category == Category.REFUSED.value))

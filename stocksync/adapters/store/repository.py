"""What the use case remembers, in a database: the store's side of a cycle.

Every method is one transaction. Bulk work uses Core statements with many parameters; no row object per car.
What people ask of the store is `questions`.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from datetime import datetime
from threading import local
from typing import Any

from sqlalchemy import Connection, Engine, and_, func, insert, select, update

from stocksync.adapters.store import codec
from stocksync.adapters.store.car_rows import (
    BY_ID,
    OF_RECORDS,
    cars_at_home,
    cars_named,
    mark,
    write_cars,
)
from stocksync.adapters.store.conflict_rows import (
    ignored_at,
    moved_in,
    open_counts,
    settle_findings,
    settle_outcomes,
)
from stocksync.adapters.store.core import (
    ACCEPTANCE,
    CONFLICT,
    LOT,
    MAPPING,
    OUTBOX,
    RESOLUTION,
    RUN,
    chunks,
)
from stocksync.adapters.store.decision_rows import take_in
from stocksync.adapters.store.engine import WRITE, undone_by_power_failure
from stocksync.adapters.store.leases import check_fence, check_lease, leased
from stocksync.adapters.store.narrow_rows import (
    NAMED,
    NUMBERED,
    OWNERS,
    agreed_numbers,
    car_keys_named,
    cars_in_stock,
    formerly_alike,
    ids_of_interest,
    open_cars,
    open_elsewhere,
    referring_elsewhere,
    snapshots_alike,
    touched_elsewhere,
    unreadable,
)
from stocksync.adapters.store.page_rows import last_listing, note_pages, packed_pages
from stocksync.adapters.store.past_rows import last_complete_run, last_decided_at, past_of
from stocksync.adapters.store.preview_rows import records_saying
from stocksync.adapters.store.resolution_rows import (
    add_resolution,
    end_resolutions,
    is_on_its_way,
    still_due,
    take_back,
    waits_here,
)
from stocksync.adapters.store.rows import (
    add_journal,
    claim_entries,
    end_entries,
    insert_operations,
    merge_cars,
    packed,
    supersede,
    unpacked,
    upsert,
)
from stocksync.adapters.store.snapshot_rows import (
    former_digests,
    known_at,
    listed_digests,
    not_met,
    note_gone,
    note_older_readings,
    note_relisted,
    remembered,
    seen_elsewhere,
    snapshots_at,
    snapshots_of,
    to_read_again,
    write_marks,
    write_snapshots,
)
from stocksync.errors import Busy, UsageError
from stocksync.stock.values import Side
from stocksync.sync.cars import Car
from stocksync.sync.decisions import ResolutionStatus, StoredResolution
from stocksync.sync.familiar import LastListing
from stocksync.sync.narrow import DECISIONS, Alike, CarKeys
from stocksync.sync.ports import Clock, NativeRecord
from stocksync.sync.recording import (
    DueOperation,
    EntryOutcome,
    EntryStatus,
    FindingCounts,
    JournalLine,
    OutboxEntry,
    Past,
    PastRun,
    Recording,
    Remembered,
    RunKind,
    RunStatus,
)
from stocksync.sync.runs import PackedPage


class Repository:
    """The store of one database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._held = local()

    # runs

    def exclusive(self, point_of_sale: str, clock: Clock, purpose: str) -> AbstractContextManager[int]:
        """Hold a point of sale while a run is at work on it, and give the fencing number. Raises Busy."""
        return leased(self.engine, point_of_sale, clock, purpose)

    def begin_run(
        self,
        pair: str,
        point_of_sale: str,
        mapping_version: str,
        files: Mapping[str, bytes],
        at: datetime,
        kind: RunKind,
        fence: int,
    ) -> int:
        """Note that a run starts, and keep the mapping files that it works by."""
        with undone_by_power_failure(self.engine) as connection:
            check_lease(connection, point_of_sale, fence)
            broken_off = (RUN.c.point_of_sale == point_of_sale, RUN.c.status == RunStatus.RUNNING.value)
            interrupted = {"status": RunStatus.FAILED.value, "finished_at": at, "message": "interrupted"}
            connection.execute(update(RUN).where(*broken_off).values(interrupted))
            if not connection.scalar(select(MAPPING.c.version).where(MAPPING.c.version == mapping_version)):
                connection.execute(
                    insert(MAPPING).values(version=mapping_version, files=packed(files), first_used_at=at)
                )
            row = {
                "pair": pair,
                "point_of_sale": point_of_sale,
                "mapping_version": mapping_version,
                "status": RunStatus.RUNNING.value,
                "started_at": at,
                "kind": kind.value,
                "fence": fence,
                "decided_by": DECISIONS,
            }
            key = connection.execute(insert(RUN), row).inserted_primary_key
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
        marks: Mapping[Side, datetime] | None = None,
        thorough: bool = False,
    ) -> None:
        """Note how a run ended: see `Store.finish_run`."""
        values: dict[str, Any] = {
            "status": status.value,
            "finished_at": at,
            "plan_digest": plan_digest,
            "message": message,
            "summary": codec.dump(summary) if summary is not None else None,
            "thorough": thorough,
        }
        if listed is not None:
            values |= {f"listed_{side}": count for side, count in listed.items()}
        with self._writing_for(run_id) as connection:
            connection.execute(update(RUN).where(RUN.c.id == run_id).values(values))
            write_marks(connection, run_id, marks or {}, at)

    def past(self, point_of_sale: str) -> Past:
        """What a run has to know of those before it, as of one moment."""
        with self._reading() as connection:
            return past_of(connection, point_of_sale)

    def last_complete_run(self, point_of_sale: str) -> PastRun | None:
        """The last run that looked at everything and came to its end; None before the first one."""
        with self._reading() as connection:
            return last_complete_run(connection, point_of_sale)

    def last_decided_at(self, point_of_sale: str) -> datetime | None:
        """When the last run began that decided anything: see `Store.last_decided_at`."""
        with self._reading() as connection:
            return last_decided_at(connection, point_of_sale)

    def is_settled(self, pair: str, point_of_sale: str, since: datetime) -> bool:
        """Tell whether nothing is left to do: see `Store.is_settled`."""
        on_its_way = (EntryStatus.PENDING.value, EntryStatus.CLAIMED.value)
        waiting = select(OUTBOX.c.id).where(OUTBOX.c.point_of_sale == point_of_sale, OUTBOX.c.status.in_(on_its_way))
        with self._reading() as connection:
            if connection.scalar(waiting.limit(1)) is not None or waits_here(connection, pair, point_of_sale):
                return False
            return not any(seen_elsewhere(connection, pair, point_of_sale, side, since) for side in Side)

    def to_read_again(self, pair: str, point_of_sale: str) -> dict[Side, set[str]]:
        """The records here that the next run reads again, whatever has changed: see `Store.to_read_again`."""
        with self._reading() as connection:
            return {side: to_read_again(connection, pair, point_of_sale, side) for side in Side}

    def snapshots_at(self, pair: str, point_of_sale: str) -> dict[Side, dict[str, NativeRecord]]:
        """What both sides last said of every record at a point of sale, or of a car at home there; not of gone ones."""
        with self._reading() as connection:
            return {side: snapshots_at(connection, pair, point_of_sale, side) for side in Side}

    def snapshots(self, pair: str, side: Side, record_ids: Iterable[str]) -> dict[str, NativeRecord]:
        """What a side last said of these records, those left out that we hold no snapshot of."""
        with self._reading() as connection:
            return snapshots_of(connection, pair, side, record_ids)

    def records_saying(
        self,
        pair: str,
        point_of_sale: str,
        side: Side,
        paths: Sequence[str],
        is_meant: Callable[[Sequence[Any]], bool],
        beside: Sequence[str] | None = None,
        texts: Iterable[str] | None = None,
    ) -> tuple[dict[str, NativeRecord], int]:
        """The records of a side that say what is meant, and how many were looked at: see `Store.records_saying`."""
        with self._reading() as connection:
            return records_saying(connection, pair, point_of_sale, side, paths, is_meant, beside, texts)

    def mapping_files(self, version: str) -> dict[str, bytes] | None:
        """The mapping files of a version that a run worked by."""
        with self._reading() as connection:
            packed = connection.scalar(select(MAPPING.c.files).where(MAPPING.c.version == version))
        return unpacked(packed) if packed is not None else None

    def is_released(self, point_of_sale: str, plan_digest: str) -> bool:
        """Tell whether a person released exactly this plan since the last run that came to its end."""
        here = RUN.c.point_of_sale == point_of_sale
        done = select(func.max(RUN.c.id)).where(here, RUN.c.status == RunStatus.DONE.value)
        released = (RUN.c.status == RunStatus.RELEASED.value, RUN.c.plan_digest == plan_digest)
        with self._reading() as connection:
            last = connection.scalar(done) or 0
            return connection.scalar(select(RUN.c.id).where(here, *released, RUN.c.id > last)) is not None

    def is_accepted(self, point_of_sale: str, mapping_version: str) -> bool:
        """Tell whether a person accepted what a version of the mapping decides at a point of sale."""
        here = and_(ACCEPTANCE.c.point_of_sale == point_of_sale, ACCEPTANCE.c.mapping_version == mapping_version)
        with self._reading() as connection:
            return connection.execute(select(ACCEPTANCE).where(here)).first() is not None

    def accept_mapping(self, versions: Mapping[str, str], by: str, seen: Mapping[str, Any], at: datetime) -> None:
        """Note that a person accepted a version of the mapping for each of some points of sale; seen: what they saw."""
        rows = [
            {"point_of_sale": point, "mapping_version": version, "accepted_at": at}
            for point, version in versions.items()
        ]
        with self._writing() as connection:
            upsert(connection, ACCEPTANCE, ["point_of_sale", "mapping_version"], rows, keep=set())
            line = JournalLine(None, "mapping_accepted", {"by": by, "versions": dict(versions), **seen})
            add_journal(connection, 0, at, [line])

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
        with self._reading() as connection:
            return cars_at_home(connection, pair, point_of_sale)

    def cars_named(self, car_ids: Iterable[str]) -> list[Car]:
        """The cars of these ids."""
        with self._reading() as connection:
            return cars_named(connection, BY_ID, car_ids)

    def numbered(self, pair: str, point_of_sale: str, police_numbers: Iterable[str]) -> list[CarKeys]:
        """The cars at home at a point of sale that were last known by one of these police numbers."""
        with self._reading() as connection:
            return car_keys_named(connection, NUMBERED, police_numbers, pair, point_of_sale)

    def owners_of(self, pair: str, side: Side, record_ids: Iterable[str]) -> list[CarKeys]:
        """The cars that own these records, wherever they are at home."""
        with self._reading() as connection:
            return car_keys_named(connection, OWNERS[side], record_ids, pair, "")

    def cars_of_interest(self, pair: str, point_of_sale: str) -> list[CarKeys]:
        """The cars at home at a point of sale that every run looks at: see `Store.cars_of_interest`."""
        with self._reading() as connection:
            wanted = ids_of_interest(connection, pair, point_of_sale)
            return car_keys_named(connection, NAMED, wanted, pair, point_of_sale)

    def alike(
        self, pair: str, point_of_sale: str, wanted: Alike, but: Mapping[Side, Container[str]]
    ) -> dict[Side, dict[str, NativeRecord]]:
        """Those of the records of `snapshots_at` that fulfil any of this, but for some ids by side."""
        with self._reading() as connection:
            return {side: snapshots_alike(connection, pair, point_of_sale, side, wanted, but[side]) for side in Side}

    def formerly_alike(self, pair: str, side: Side, record_ids: Iterable[str]) -> Alike:
        """What records were alike to when they were last seen."""
        with self._reading() as connection:
            return formerly_alike(connection, pair, side, record_ids)

    def touched_elsewhere(self, pair: str, point_of_sale: str, since: datetime) -> Alike:
        """What records of other points of sale are alike to that were seen to change, or to be gone, since then."""
        with self._reading() as connection:
            return touched_elsewhere(connection, pair, point_of_sale, since)

    def listed_digests(self, pair: str, point_of_sale: str, side: Side) -> set[int]:
        """What a side listed at a point of sale, by digests: see `Store.listed_digests`."""
        with self._reading() as connection:
            return listed_digests(connection, pair, point_of_sale, side)

    def last_listing(self, pair: str, point_of_sale: str, side: Side) -> LastListing:
        """The pages that a side listed at a point of sale: see `Store.last_listing`."""
        with self._reading() as connection:
            return last_listing(connection, pair, point_of_sale, side)

    def packed_pages(self, pair: str, point_of_sale: str, side: Side) -> dict[int, PackedPage]:
        """What is kept of the records of these pages, by the digest of the page."""
        with self._reading() as connection:
            return packed_pages(connection, pair, point_of_sale, side)

    def former_digests(self, pair: str, point_of_sale: str, side: Side, record_ids: Iterable[str]) -> dict[str, int]:
        """Of some records those of `listed_digests`: see `Store.former_digests`."""
        with self._reading() as connection:
            return former_digests(connection, pair, point_of_sale, side, record_ids)

    def not_met(self, pair: str, point_of_sale: str, side: Side, left: Iterable[int]) -> set[str]:
        """The records that no listing can have met which left these digests: see `Store.not_met`."""
        with self._reading() as connection:
            return not_met(connection, pair, point_of_sale, side, left)

    def ignored_at(self, pair: str, point_of_sale: str) -> set[tuple[str, str]]:
        """What a reviewer decided to leave as it is at a point of sale, as long as that holds: car and subject."""
        with self._reading() as connection:
            return ignored_at(connection, pair, point_of_sale)

    def known_at(self, pair: str, point_of_sale: str) -> dict[Side, set[str]]:
        """The records that a point of sale is known to have, by side."""
        with self._reading() as connection:
            return {side: known_at(connection, pair, point_of_sale, side) for side in Side}

    def agreed_numbers(self, pair: str, point_of_sale: str) -> list[str]:
        """The police numbers that both sides agreed on, of the cars at home at a point of sale and entered there."""
        with self._reading() as connection:
            return agreed_numbers(connection, pair, point_of_sale)

    def cars_in_stock(self, pair: str, point_of_sale: str) -> int:
        """How many cars are at home at a point of sale: see `Store.cars_in_stock`."""
        with self._reading() as connection:
            return cars_in_stock(connection, pair, point_of_sale)

    def open_cars(self, pair: str, point_of_sale: str) -> int:
        """How many cars at home at a point of sale have records on both sides, and are not closed."""
        with self._reading() as connection:
            return open_cars(connection, pair, point_of_sale)

    def unreadable(self, pair: str, point_of_sale: str) -> dict[Side, set[str]]:
        """The records at a point of sale whose stage or key could not be read when they were last seen."""
        with self._reading() as connection:
            return {side: unreadable(connection, pair, point_of_sale, side) for side in Side}

    def cars_of_records(self, pair: str, side: Side, record_ids: Iterable[str]) -> list[Car]:
        """The cars that own these records, wherever they are at home."""
        with self._reading() as connection:
            return cars_named(connection, OF_RECORDS[side], record_ids, {"of_pair": pair})

    def remembered(self, pair: str, side: Side, record_ids: Iterable[str]) -> dict[str, Remembered]:
        """What is known of the snapshots that we hold of these records; nothing of those that are gone."""
        with self._reading() as connection:
            return remembered(connection, pair, side, record_ids)

    def open_elsewhere(self, pair: str, point_of_sale: str, vins: Iterable[str]) -> dict[Side, set[str]]:
        """The ids of open records of other points of sale that had one of these VINs when they were last seen."""
        with self._reading() as connection:
            return open_elsewhere(connection, pair, point_of_sale, vins)

    def referring_elsewhere(self, pair: str, point_of_sale: str, side: Side, record_ids: Iterable[str]) -> set[str]:
        """The ids of a side's records at other points of sale that referred to one of these records."""
        with self._reading() as connection:
            return referring_elsewhere(connection, pair, point_of_sale, side, record_ids)

    # what a cycle changes

    def record(self, recording: Recording) -> None:
        """Keep a decided plan: snapshots, cars, outbox, findings and journal, in one transaction."""
        with self._writing_for(recording.run_id) as connection:
            # First, so that what is written below is not read back: all of it was found.
            note_gone(connection, recording)
            write_snapshots(
                connection,
                recording.pair,
                recording.point_of_sale,
                recording.snapshots,
                recording.at,
                recording.renamed_records,
                listed=recording.complete,
            )
            note_older_readings(connection, recording)
            note_relisted(connection, recording)
            note_pages(connection, recording)
            merge_cars(connection, recording)
            operations = self._still_wanted(connection, recording.operations)
            on_their_way = {due.car_id for due in operations}
            # What is on its way makes a car of interest by itself, and whoever ends it marks the car.
            unmarked = recording.marked & on_their_way
            write_cars(
                connection,
                (car for car in recording.cars if car.id not in unmarked),
                recording.at,
                recording.opened,
                recording.renamed,
                recording.marked,
            )
            mark(connection, supersede(connection, recording) - on_their_way)
            end_resolutions(connection, recording.run_id, recording.standings, recording.at)
            insert_operations(connection, recording.run_id, recording.point_of_sale, operations, recording.at)
            settle_findings(connection, recording)
            add_journal(connection, recording.run_id, recording.at, recording.journal)

    def _still_wanted(self, connection: Connection, due: Sequence[DueOperation]) -> list[DueOperation]:
        """Leave out what a decision asked for that was taken back since the plan was made."""
        numbers = {c.resolution for d in due for c in d.operation.changes if c.resolution is not None}
        taken_back = numbers - still_due(connection, numbers) if numbers else set()
        return [kept for d in due if (kept := _without(d, taken_back)) is not None] if taken_back else list(due)

    def claim(self, run_id: int, sides: Iterable[Side], limit: int) -> list[OutboxEntry]:
        """Take the next entries of a run: the first pending one of each car and side; durable before any is sent."""
        with self._writing_for(run_id) as connection:
            return claim_entries(connection, run_id, sides, limit)

    def settle_entries(
        self,
        run_id: int,
        pair: str,
        point_of_sale: str,
        outcomes: Sequence[EntryOutcome],
        at: datetime,
        sides: Iterable[Side] = (),
        limit: int = 0,
    ) -> list[OutboxEntry]:
        """Keep how entries ended, with all that follows, and take the next ones: see `Store.settle_entries`."""
        with self._writing_for(run_id) as connection:
            end_entries(connection, run_id, outcomes, at)
            write_cars(connection, [o.car for o in outcomes if o.car is not None], at)
            mark(connection, {o.entry.car_id for o in outcomes if o.status is not EntryStatus.CLAIMED})
            snapshots = [o.snapshot for o in outcomes if o.snapshot is not None]
            write_snapshots(connection, pair, point_of_sale, snapshots, at, listed=False)
            follow_ups = tuple(o.follow_up for o in outcomes if o.follow_up is not None)
            insert_operations(connection, run_id, point_of_sale, follow_ups, at)
            settle_outcomes(connection, run_id, pair, point_of_sale, outcomes, at)
            return claim_entries(connection, run_id, sides, limit)

    def check_held(self, run_id: int) -> None:
        """See that a run may still send. Raises LeaseLost once another one has taken its point of sale over."""
        with self._reading() as connection:
            check_fence(connection, run_id)

    def leave_pending(self, run_id: int, reason: str, at: datetime) -> int:
        """Give up this run's entries that were not sent; the next cycle plans them again."""
        left = (OUTBOX.c.run_id == run_id, OUTBOX.c.status == EntryStatus.PENDING.value)
        with self._writing_for(run_id) as connection:
            mark(connection, set(connection.scalars(select(OUTBOX.c.car_id).where(*left))))
            done = connection.execute(
                update(OUTBOX).where(*left).values(status=EntryStatus.SUPERSEDED.value, message=reason, done_at=at)
            )
            return int(done.rowcount)

    # what reviewers change

    def take_decisions(self, decisions: Sequence[StoredResolution]) -> list[int | None]:
        """Take reviewers' decisions in, all in one transaction; None for each that another one forestalled."""
        with self._writing() as connection:
            return take_in(connection, decisions)

    def take_back(self, decision: StoredResolution, counter: StoredResolution | None, by: str, at: datetime) -> None:
        """Note that a decision is taken back; `counter` brings the former values back where it was carried out.

        Raises Busy where a write of the car is on its way with an unknown outcome.
        """
        with self._writing() as connection:
            if is_on_its_way(connection, decision.car_id):
                raise Busy("A write of this car is on its way; synchronise first, then take the decision back.")
            take_back(connection, decision, by, at)
            ignored = CONFLICT.c.ignored_by == decision.number
            connection.execute(
                update(CONFLICT)
                .where(ignored, CONFLICT.c.closed_because == "reviewed")
                .values(closed_at=None, closed_because=None)
            )
            connection.execute(update(CONFLICT).where(ignored).values(ignored_by=None))
            if counter is not None:
                add_resolution(connection, counter)

    def hand_out(self, lots: Mapping[str, Sequence[tuple[int, str]]], at: datetime) -> None:
        """Remember which rows, by number and fingerprint, each line of a report stands for that stands for several."""
        with self._writing() as connection:
            known = set()
            for part in chunks(sorted(lots)):
                known |= set(connection.scalars(select(LOT.c.fingerprint).where(LOT.c.fingerprint.in_(part))))
            rows = [
                {"fingerprint": name, "members": codec.dump([list(m) for m in members]), "handed_out_at": at}
                for name, members in lots.items()
                if name not in known
            ]
            if rows:
                connection.execute(insert(LOT), rows)

    def decisions_ended(self, run_id: int) -> dict[ResolutionStatus, int]:
        """How many reviewers' decisions came to an end in a run, by how."""
        statement = select(RESOLUTION.c.status, func.count()).where(RESOLUTION.c.closed_run == run_id)
        with self._reading() as connection:
            rows = connection.execute(statement.group_by(RESOLUTION.c.status))
            return {ResolutionStatus(status): int(count) for status, count in rows}

    def finding_counts(self, pair: str, point_of_sale: str, run_id: int = 0) -> FindingCounts:
        """Count the open findings of a point of sale, and those that a run opened and closed."""
        with self._reading() as connection:
            new, closed = moved_in(connection, run_id, point_of_sale) if run_id else (0, 0)
            return open_counts(connection, pair, point_of_sale, new, closed)

    @contextmanager
    def _writing_for(self, run_id: int) -> Iterator[Connection]:
        """A transaction of a run, which only the holder of its point of sale may commit. Raises LeaseLost."""
        with self._writing() as connection:
            check_fence(connection, run_id)
            yield connection

    def _writing(self) -> Any:
        return self.engine.execution_options(**{WRITE: True}).begin()

    @contextmanager
    def at_one_moment(self) -> Iterator[None]:
        """Answer what this thread asks from one state of the database: see `Store.at_one_moment`."""
        with self._reading() as connection:
            before = getattr(self._held, "connection", None)
            self._held.connection = connection
            try:
                yield
            finally:
                self._held.connection = before

    def _reading(self) -> AbstractContextManager[Connection]:
        held: Connection | None = getattr(self._held, "connection", None)
        return self.engine.connect() if held is None else nullcontext(held)


def _without(due: DueOperation, taken_back: set[int]) -> DueOperation | None:
    """An operation without what some decisions asked for; None where nothing is left."""
    operation = due.operation
    changes = tuple(change for change in operation.changes if change.resolution not in taken_back)
    if changes == operation.changes:
        return due
    if not changes and operation.reference is None:
        return None
    return replace(due, operation=replace(operation, changes=changes))

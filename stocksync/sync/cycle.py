"""One cycle of one point of sale: gather, decide, record, deliver, acknowledge.

`Cycle.run` never raises for what a system does wrong: the result says how the run ended and why. What is decided is
in `plan`; what is read, in `reading`; what is remembered, behind the store's port.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from random import Random

from stocksync.errors import AccessDenied, Busy, ConfigurationError, LeaseLost, MappingInvalid, StocksyncError
from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.mapping.load import load_files
from stocksync.stock.values import SIDES, Side
from stocksync.stock.vehicle import Vehicle
from stocksync.sync import gather as gathering
from stocksync.sync.binding import Elsewhere
from stocksync.sync.cars import BINDING, Car
from stocksync.sync.delivery import Delivery, DeliveryReport
from stocksync.sync.gather import Gathered
from stocksync.sync.guards import (
    Guard,
    Halt,
    Listing,
    check_listings,
    check_mapping_change,
    check_plan,
    check_readable,
    digest_of_question,
)
from stocksync.sync.known import Vehicles, cars_known, held_elsewhere, plan_of
from stocksync.sync.narrow import DECISIONS, THOROUGH_EVERY, Looked, narrowed
from stocksync.sync.newcomers import Newcomers
from stocksync.sync.plan import Action, CarPlan, Operation, Plan
from stocksync.sync.ports import Clock, NativeRecord, Store, System
from stocksync.sync.reading import Reading
from stocksync.sync.recording import Past, PastRun, RunKind, RunStatus
from stocksync.sync.remembering import Decided, recording_of
from stocksync.sync.stopping import Stop, nobody_stops
from stocksync.sync.summary import Summary, summarise
from stocksync.sync.watching import Nobody, Phase, Watcher
from stocksync.sync.watermarks import next_mark


@dataclass(frozen=True, slots=True)
class CycleResult:
    """How one cycle ended. error: what kept it from its end, None where nothing did."""

    summary: Summary
    plan: Plan | None = None
    halts: tuple[Halt, ...] = ()
    error: StocksyncError | None = None


@dataclass
class Cycle:
    """Everything that one cycle of a point of sale needs.

    files: the bytes of the mapping files. newcomers: what was just gathered at points of sale of the pair that have no
    snapshots yet, so that first contact sees the whole stock before it writes anything. purpose: what whoever has to
    wait is told. chance: what the pauses before a retry are drawn from. thorough: a complete run looks at every record,
    also at those that are just as they were.
    """

    mapping: PointOfSaleMapping
    files: Mapping[str, bytes]
    systems: Mapping[Side, System]
    store: Store
    clock: Clock
    watcher: Watcher = field(default_factory=Nobody)
    newcomers: Newcomers = field(default_factory=Newcomers)
    purpose: str = "sync"
    stop: Stop = nobody_stops
    chance: Random = field(default_factory=Random)
    thorough: bool = False

    def gather(self) -> Gathered:
        """List both sides. Raises what the systems raise."""
        return self._reading(Past()).gather(RunKind.COMPLETE, {})

    def run(
        self,
        *,
        dry_run: bool = False,
        gathered: Gathered | None = None,
        kind: RunKind = RunKind.COMPLETE,
        hints: Mapping[Side, Iterable[str]] | None = None,
    ) -> CycleResult:
        """Carry the cycle out; a dry run decides, and neither writes nor remembers anything.

        kind: what it looks at; a quick one becomes a complete one where only that can tell. hints: by side, the ids of
        the records that a hinted one looks at, and another one besides. gathered: what was read already.
        """
        if dry_run:
            # A run that has not ended may well be at work at this moment.
            past = replace(self.store.past(self.mapping.id), is_broken_off=False)
            return self._told(self._run(0, RunKind.COMPLETE, gathered, {}, past, dry_run=True))
        try:
            with self.store.exclusive(self.mapping.id, self.clock, self.purpose) as fence:
                past = self.store.past(self.mapping.id)
                return self._told(self._run_alone(self._kind(kind, past), gathered, hints or {}, past, fence))
        except (Busy, LeaseLost) as error:
            summary = Summary(self.mapping.id, RunStatus.INCOMPLETE, None, message=str(error))
            return CycleResult(summary, error=error)

    def _told(self, result: CycleResult) -> CycleResult:
        self.watcher.ended(result.summary)
        return result

    def _kind(self, wanted: RunKind, past: Past) -> RunKind:
        """What the run looks at.

        It is a complete one iff that is wanted, or

        - there was none before, or the mapping was edited since: every car may be decided differently,
        - a side that lists changes has not said up to when they are known.

        After a halt it is one of the same kind, so that it is the halted plan that is asked about again.
        """
        complete, last = past.complete, past.last
        if wanted is RunKind.COMPLETE or complete is None or complete.mapping_version != self.mapping.version:
            return RunKind.COMPLETE
        if last is not None and last.status in (RunStatus.HALTED, RunStatus.RELEASED):
            wanted = RunKind.COMPLETE if last.kind is RunKind.COMPLETE else RunKind.DELTA
        unmarked = any(system.lists_changes and side not in past.marks for side, system in self.systems.items())
        return RunKind.COMPLETE if unmarked and wanted is RunKind.DELTA else wanted

    def _run_alone(
        self, kind: RunKind, gathered: Gathered | None, hints: Mapping[Side, Iterable[str]], past: Past, fence: int
    ) -> CycleResult:
        mapping, store = self.mapping, self.store
        now_at = self.clock.now_at()
        run_id = store.begin_run(mapping.pair, mapping.id, mapping.version, self.files, now_at, kind, fence)
        self.watcher.began(mapping.id, run_id, kind)
        try:
            return self._run(run_id, kind, gathered, hints, past, dry_run=False)
        except LeaseLost as error:
            # Nothing of this run may be recorded any more, not even its end: its successor has noted it.
            summary = Summary(mapping.id, RunStatus.INCOMPLETE, run_id, message=str(error), kind=kind)
            return CycleResult(summary, error=error)
        except BaseException:
            with suppress(LeaseLost):
                store.finish_run(run_id, RunStatus.FAILED, self.clock.now_at(), message="interrupted")
            raise

    def _run(
        self,
        run_id: int,
        kind: RunKind,
        gathered: Gathered | None,
        hints: Mapping[Side, Iterable[str]],
        past: Past,
        *,
        dry_run: bool,
    ) -> CycleResult:
        reading = self._reading(past)
        try:
            if gathered is not None:
                seen = reading.believed(gathered)
            else:
                seen = reading.gather(kind, hints, only_changed=not self._looks_at_everything(past))
            if kind is not RunKind.COMPLETE and self._is_quiet(seen, reading, past):
                return self._quiet(run_id, kind, seen, reading)
            decided = self.decide(seen, reading, kind, past)
        except LeaseLost:
            raise
        except StocksyncError as error:
            return self._ended_early(run_id, kind, error, dry_run=dry_run)
        if decided.halts or dry_run:
            return self._not_written(run_id, kind, decided, dry_run=dry_run)
        return self._write(run_id, kind, decided, reading)

    def _reading(self, past: Past) -> Reading:
        return Reading(self.mapping, self.systems, self.store, self.clock, self.watcher, self.stop, past.marks)

    # quick runs

    def _is_quiet(self, gathered: Gathered, reading: Reading, past: Past) -> bool:
        """Tell whether nothing that was asked for is news, and nothing is left over from the runs before."""
        last = past.last
        if last is None or past.is_broken_off or last.status is not RunStatus.DONE or last.deferred > 0:
            return False
        return (
            not reading.older
            and self.store.is_settled(self.mapping.pair, self.mapping.id, last.started_at)
            and not reading.news(gathered)
        )

    def _quiet(self, run_id: int, kind: RunKind, gathered: Gathered, reading: Reading) -> CycleResult:
        counts = self.store.finding_counts(self.mapping.pair, self.mapping.id)
        summary = Summary(self.mapping.id, RunStatus.DONE, run_id, read=gathered.counts(), findings=counts, kind=kind)
        marks = self._marks(kind, gathered, reading)
        self.store.finish_run(run_id, RunStatus.DONE, self.clock.now_at(), summary=summary.as_json(), marks=marks)
        return CycleResult(summary)

    def _marks(
        self,
        kind: RunKind,
        gathered: Gathered,
        reading: Reading,
        unsettled: Iterable[Car] = (),
        missed: Mapping[Side, Iterable[datetime]] | None = None,
    ) -> dict[Side, datetime]:
        """The watermarks that move once a run is done; see `watermarks`. A hinted run has not looked."""
        if kind is RunKind.HINTED:
            return {}
        marks, now_at, complete = reading.marks, self.clock.now_at(), kind is RunKind.COMPLETE
        moved = {}
        for side, covered in gathered.covered.items():
            if any(doubted is side for doubted, _ in reading.older):
                continue
            ids = {i for car in unsettled if (i := car.record_ids.get(side)) is not None}
            left = [r.stamp for i in ids if (r := gathered.records[side].get(i)) is not None and r.stamp is not None]
            before, held_back = marks.get(side), [*left, *(missed or {}).get(side, ())]
            mark = next_mark(covered, before, now_at, held_back, complete=complete and gathered.vanished is None)
            if mark is not None and mark != before:
                moved[side] = mark
        return moved

    # deciding

    def decide(self, gathered: Gathered, reading: Reading, kind: RunKind, past: Past) -> Decided:
        """Bind, decide and ask the guards. Raises what the systems raise."""
        last = past.complete
        missed = reading.missed(gathered) if kind is RunKind.COMPLETE and last is not None else {}
        seen = self._seen(kind, gathered, reading, past)
        gathered, vehicles, scope = seen.gathered, seen.vehicles, seen.cars
        halts = self._asked_of_listings(kind, seen, last)
        cars = self._cars(gathered, scope)
        if not any(halt.guard is Guard.EMPTY_LISTING for halt in halts):
            wanted = gathering.wanted_records(gathered, vehicles, cars, self._referring(gathered))
            more = reading.again(gathering.unlisted(gathered, wanted))
            if any(more.values()):
                gathered, vehicles = self._with_more(gathered, vehicles, more)
                cars = self._cars(gathered, scope)
        elsewhere = held_elsewhere(self.store, self.mapping, vehicles, self.newcomers, self._read_now)
        seen = Looked(gathered, vehicles, scope)
        decided = self._decided(kind, seen, cars, elsewhere, reading, first_contact=last is None)
        while kind is not RunKind.COMPLETE and (stale := _to_read_again(decided)):
            gathered, vehicles = self._read_again(decided, stale, reading)
            seen, cars = Looked(gathered, vehicles, scope), self._cars(gathered, scope)
            decided = self._decided(kind, seen, cars, elsewhere, reading, first_contact=False)
        plan = decided.plan
        open_cars = self._open_cars(scope)
        halts += check_plan(plan, self.mapping.guards, open_cars)
        decided = replace(decided, open_cars=open_cars)
        if last is not None and self._is_new_mapping(last):
            before = self._plan_as_before(last.mapping_version, decided)
            halts += check_mapping_change(plan, before)
        question = digest_of_question(plan, halts)
        if halts and self.store.is_released(self.mapping.id, question):
            return replace(decided, missed=missed, released=question)
        return replace(decided, halts=tuple(halts), missed=missed)

    def _is_new_mapping(self, last: PastRun) -> bool:
        """Tell whether the mapping was edited since a run, and nobody has accepted what that decides yet."""
        version = self.mapping.version
        return last.mapping_version != version and not self.store.is_accepted(self.mapping.id, version)

    def _seen(self, kind: RunKind, gathered: Gathered, reading: Reading, past: Past) -> Looked:
        """What is looked at: only what may be decided otherwise than before, where that can be told."""
        is_narrow = gathered.vanished is not None or (
            kind is not RunKind.COMPLETE and self._knows_all_that_is_left(past)
        )
        if is_narrow and past.complete is not None:
            since = _looked_elsewhere_at(past, past.complete)
            return narrowed(self.store, self.mapping, gathered, since, reading.known)
        seen = gathered if kind is RunKind.COMPLETE else reading.beside_snapshots(gathered)
        return Looked(seen, gathering.vehicles_of(self.mapping, seen.records))

    def _knows_all_that_is_left(self, past: Past) -> bool:
        """Tell whether every car that is not of interest would be decided as before: by these files, by this program.

        A run that broke off may have decided by others in between. Nor is all known beside points of sale at first
        contact, of which there are no snapshots that could be alike.
        """
        last = past.complete
        if last is None or self.newcomers.by_vin or any(self.newcomers.referred.values()):
            return False
        return last.mapping_version == self.mapping.version and last.decided_by == DECISIONS and not past.otherwise

    def _looks_at_everything(self, past: Past) -> bool:
        """Tell whether a complete run looks at every record: where it is told to, where it has to, and once a week.

        What nobody thought of would stay for ever, if nothing ever looked.
        """
        if self.thorough or not self._knows_all_that_is_left(past):
            return True
        return past.thorough_at is None or self.clock.now_at() - past.thorough_at >= THOROUGH_EVERY

    def _asked_of_listings(self, kind: RunKind, seen: Looked, last: PastRun | None) -> list[Halt]:
        quality = gathering.listing_quality(seen.gathered, seen.vehicles)
        if seen.cars is not None and last is not None:
            quality = self._quality_of_all(kind, quality, seen, last)
        if kind is not RunKind.COMPLETE:
            return check_readable(quality, self.mapping.guards)
        return check_listings(quality, last.listed if last is not None else None, self.mapping.guards)

    def _quality_of_all(
        self, kind: RunKind, quality: Mapping[Side, Listing], seen: Looked, last: PastRun
    ) -> dict[Side, Listing]:
        """What was looked at beside all that was not."""
        known, vanished = self.store.unreadable(self.mapping.pair, self.mapping.id), seen.gathered.vanished or {}
        read = seen.gathered.counts() if kind is RunKind.COMPLETE else last.listed
        quality_of_all = {}
        for side in SIDES:
            left = known[side] - seen.vehicles[side].keys() - vanished.get(side, frozenset())
            records = read.get(side, 0) if kind is RunKind.COMPLETE else max(read.get(side, 0), quality[side].records)
            quality_of_all[side] = Listing(records, quality[side].unreadable + len(left))
        return quality_of_all

    def _open_cars(self, scope: frozenset[str] | None) -> Callable[[], int] | None:
        """Gives how many open cars with both records there are, where a plan is not of all of them; asks once."""
        return cache(lambda: self.store.open_cars(self.mapping.pair, self.mapping.id)) if scope is not None else None

    def _cars(self, gathered: Gathered, scope: frozenset[str] | None) -> list[Car]:
        return cars_known(self.store, self.mapping, gathered.records, scope)

    def _decided(
        self,
        kind: RunKind,
        seen: Looked,
        cars: list[Car],
        elsewhere: Elsewhere,
        reading: Reading,
        *,
        first_contact: bool,
    ) -> Decided:
        plan = self._plan_of(seen.vehicles, cars, elsewhere, kind, first_contact=first_contact)
        stored = {car.id: car for car in cars}
        if kind is not RunKind.COMPLETE:
            plan = _without_doubled_creations(plan, stored)
        return Decided(
            plan,
            seen.gathered,
            seen.vehicles,
            stored,
            elsewhere,
            (),
            reading.known,
            reading.older,
            reading.digests,
            complete=kind is RunKind.COMPLETE,
            scope=seen.cars,
        )

    def _plan_of(
        self, vehicles: Vehicles, cars: Iterable[Car], elsewhere: Elsewhere, kind: RunKind, *, first_contact: bool
    ) -> Plan:
        def given() -> Iterable[str]:
            return () if first_contact else self.store.agreed_numbers(self.mapping.pair, self.mapping.id)

        complete = kind is RunKind.COMPLETE
        return plan_of(self.mapping, vehicles, cars, elsewhere, self.clock, complete=complete, given=given)

    def _read_again(
        self, decided: Decided, stale: Mapping[Side, set[str]], reading: Reading
    ) -> tuple[Gathered, dict[Side, dict[str, Vehicle]]]:
        """Read what a quick run would write to and from; what is gone is left to a complete one."""
        return self._replaced(decided, stale, reading.again(stale))

    def _replaced(
        self, decided: Decided, asked: Mapping[Side, set[str]], fresh: Mapping[Side, Mapping[str, NativeRecord]]
    ) -> tuple[Gathered, dict[Side, dict[str, Vehicle]]]:
        """Put what was read again in the place of what was asked for; what did not come is not there any more."""
        left = {side: {i: v for i, v in decided.vehicles[side].items() if i not in asked[side]} for side in SIDES}
        return self._with_more(decided.gathered.without(asked), left, fresh)

    def _with_more(
        self,
        gathered: Gathered,
        vehicles: Mapping[Side, Mapping[str, Vehicle]],
        more: Mapping[Side, Mapping[str, NativeRecord]],
    ) -> tuple[Gathered, dict[Side, dict[str, Vehicle]]]:
        """Add records to what was gathered, or put them in the place of their former readings."""
        read = gathering.vehicles_of(self.mapping, more)
        return gathered.with_records(more), {side: {**vehicles[side], **read[side]} for side in SIDES}

    def _plan_as_before(self, version: str, decided: Decided) -> Plan | None:
        """Plan the same cars by the mapping of an earlier run; None where that cannot be read any more."""
        files = self.store.mapping_files(version)
        try:
            before = load_files(files).points_of_sale.get(self.mapping.id) if files is not None else None
        except MappingInvalid:
            return None
        if before is None:
            return None
        vehicles = gathering.vehicles_of(before, decided.gathered.records)
        cars, elsewhere = decided.stored.values(), decided.elsewhere
        return plan_of(before, vehicles, cars, elsewhere, self.clock, complete=True)

    def _referring(self, gathered: Gathered) -> dict[Side, set[str]]:
        """The records of other points of sale that refer to one listed here, by side."""
        referring: dict[Side, set[str]] = {}
        for side in SIDES:
            ids = gathered.at_home(side.other)
            referring[side] = self.store.referring_elsewhere(self.mapping.pair, self.mapping.id, side, ids)
            for record_id in ids & self.newcomers.referred[side.other].keys():
                referring[side] |= self.newcomers.referred[side.other][record_id]
        return referring

    def _read_now(self, wanted: Mapping[Side, Iterable[str]]) -> dict[Side, dict[str, NativeRecord]]:
        """Read afresh what other points of sale hold: a snapshot may be of another time."""
        return gathering.read_all(self.systems, wanted)

    def _as_they_were(self, decided: Decided) -> int:
        """How many open cars with records on both sides a complete run does not look at; asked before it records."""
        if decided.open_cars is None or not decided.complete:
            return 0
        looked_at = sum(
            car.bound and not car.closed and car.point_of_sale == self.mapping.id for car in decided.stored.values()
        )
        return decided.open_cars() - looked_at

    # ending without writing

    def _ended_early(self, run_id: int, kind: RunKind, error: StocksyncError, *, dry_run: bool) -> CycleResult:
        status = RunStatus.FAILED if isinstance(error, AccessDenied | ConfigurationError) else RunStatus.INCOMPLETE
        summary = Summary(self.mapping.id, status, run_id or None, message=str(error), dry_run=dry_run, kind=kind)
        if not dry_run:
            self.store.finish_run(run_id, status, self.clock.now_at(), message=str(error), summary=summary.as_json())
        return CycleResult(summary, error=error)

    def _not_written(self, run_id: int, kind: RunKind, decided: Decided, *, dry_run: bool) -> CycleResult:
        status = RunStatus.HALTED if decided.halts else RunStatus.DONE
        counts = self.store.finding_counts(self.mapping.pair, self.mapping.id)
        summary = summarise(
            self.mapping,
            decided.plan,
            decided.gathered.counts(),
            counts,
            DeliveryReport(),
            status,
            run_id,
            dry_run=True,
            as_they_were=self._as_they_were(decided),
        )
        message = " ".join(halt.message for halt in decided.halts) or None
        summary = replace(
            summary, message=message, dry_run=dry_run, halts=decided.halts, kind=kind, missed=_counted(decided.missed)
        )
        if not dry_run:
            self.store.finish_run(
                run_id,
                status,
                self.clock.now_at(),
                listed=decided.gathered.counts() if decided.complete else None,
                plan_digest=digest_of_question(decided.plan, decided.halts),
                message=message,
                summary=summary.as_json(),
            )
        return CycleResult(summary, decided.plan, decided.halts)

    # writing

    def _write(self, run_id: int, kind: RunKind, decided: Decided, reading: Reading) -> CycleResult:
        report, as_they_were = DeliveryReport(), self._as_they_were(decided)
        self.store.record(recording_of(run_id, self.clock.now_at(), self.mapping, decided))
        delivery = Delivery(
            run_id,
            self.mapping,
            self.systems,
            self.store,
            self.clock,
            report,
            chance=self.chance,
            watcher=self.watcher,
            stop=self.stop,
        )
        plan = decided.plan
        self._deliver(delivery, plan, decided.gathered.records)
        if report.stale_cars and not report.stopped:
            plan = self._once_more(run_id, decided, delivery, reading)
        status = RunStatus.INCOMPLETE if report.stopped else RunStatus.DONE
        counts = self.store.finding_counts(self.mapping.pair, self.mapping.id, run_id)
        summary = summarise(
            self.mapping,
            plan,
            decided.gathered.counts(),
            counts,
            report,
            status,
            run_id,
            dry_run=False,
            as_they_were=as_they_were,
        )
        error = next(iter(report.stopped.values()), None)
        ended = self.store.decisions_ended(run_id)
        summary = replace(
            summary,
            message=str(error) if error is not None else None,
            decisions=ended,
            kind=kind,
            missed=_counted(decided.missed),
        )
        unsettled = [delivery.cars[car_id] for car_id in report.unsettled if car_id in delivery.cars]
        marks = {}
        if status is RunStatus.DONE:
            marks = self._marks(kind, decided.gathered, reading, unsettled, decided.missed)
        self.store.finish_run(
            run_id,
            status,
            self.clock.now_at(),
            listed=decided.gathered.counts() if decided.complete else None,
            plan_digest=decided.released or decided.plan.digest(),
            message=summary.message,
            summary=summary.as_json(),
            marks=marks,
            thorough=decided.complete and decided.gathered.vanished is None,
        )
        return CycleResult(summary, plan, error=error)

    def _deliver(self, delivery: Delivery, plan: Plan, natives: Mapping[Side, Mapping[str, NativeRecord]]) -> None:
        due = {car.car.id: car for car in plan.cars if car.operations}
        if not due:
            return
        total = sum(len(car.operations) for car in due.values())
        self.watcher.phase(self.mapping.id, Phase.WRITING, total)
        delivery.expect(due, natives)
        delivery.run(lambda count: self.watcher.advanced(None, count, total))

    def _once_more(self, run_id: int, decided: Decided, delivery: Delivery, reading: Reading) -> Plan:
        """Read the cars whose records moved under us again, decide them afresh among all, and deliver that."""
        stale, delivery.report.stale_cars = delivery.report.stale_cars, set()
        wanted = {side: {i for c in stale if (i := delivery.cars[c].record_ids.get(side))} for side in SIDES}
        try:
            fresh = reading.again(wanted)
        except StocksyncError:
            delivery.report.stale_cars = stale
            return decided.plan
        gathered, vehicles = self._replaced(decided, wanted, fresh)
        cars = self._cars(gathered, decided.scope)
        everything = self._plan_of(vehicles, cars, decided.elsewhere, RunKind.DELTA, first_contact=False)
        again = replace(everything, cars=tuple(car for car in everything.cars if car.car.id in stale), merged={})
        both = _both(decided.plan, again)
        if check_plan(both, self.mapping.guards, self._open_cars(decided.scope)):
            # What was asked about once is not asked about now: the next run puts the rest before a person.
            delivery.report.stale_cars = stale
            return decided.plan
        # Only what was read again is a new snapshot: deliveries have brought newer ones of other records since.
        others = {side: frozenset(gathered.records[side].keys() - fresh[side].keys()) for side in SIDES}
        afresh = replace(
            decided,
            plan=again,
            gathered=replace(gathered, remembered=others, without_id=dict.fromkeys(SIDES, ()), relisted={}),
            vehicles=vehicles,
            stored={car.id: car for car in cars},
            known=reading.known,
            older=dict(reading.older),
            complete=False,
        )
        recording = recording_of(run_id, self.clock.now_at(), self.mapping, afresh)
        self.store.record(replace(recording, scope=frozenset(stale)))
        self._deliver(delivery, again, gathered.records)
        return both


def _looked_elsewhere_at(past: Past, complete: PastRun) -> datetime:
    """Since when nothing of other points of sale was looked at."""
    last = past.last
    is_known = last is not None and not past.is_broken_off and last.status is RunStatus.DONE
    return last.started_at if last is not None and is_known else complete.started_at


def _counted(missed: Mapping[Side, Iterable[datetime]]) -> dict[Side, int]:
    return {side: len(tuple(stamps)) for side, stamps in missed.items()}


def _to_read_again(decided: Decided) -> dict[Side, set[str]]:
    """The remembered records that a quick run must see as they are now.

    Those are the records of cars that are to be written or are held, whose last write got no answer, or whose other
    side is news.
    """
    gathered = decided.gathered
    wanted: dict[Side, set[str]] = {side: set() for side in SIDES}
    for plan in decided.plan.cars:
        ids = {
            side: vehicle.record_id
            for side, vehicle in ((Side.VEHICLE_MODULE, plan.vehicle_module), (Side.DMS, plan.dms))
            if vehicle is not None
        }
        left = {side for side, record_id in ids.items() if record_id in gathered.remembered[side]}
        stored = decided.stored.get(plan.car.id)
        unanswered = stored is not None and bool(stored.unconfirmed)
        if plan.operations or BINDING in plan.verdicts or unanswered or left != set(ids):
            for side in left:
                wanted[side].add(ids[side])
    return wanted if any(wanted.values()) else {}


def _without_doubled_creations(plan: Plan, stored: Mapping[str, Car]) -> Plan:
    """Leave creations to a complete run while nobody knows what became of an earlier one of the same car."""

    def is_doubled(car: CarPlan, operation: Operation) -> bool:
        known = stored.get(car.car.id)
        unanswered = known.unconfirmed if known is not None else ()
        return operation.action is Action.CREATE and any(write.side is operation.side for write in unanswered)

    cars = tuple(
        replace(car, operations=tuple(o for o in car.operations if not is_doubled(car, o))) if car.operations else car
        for car in plan.cars
    )
    return replace(plan, cars=cars)


def _both(first: Plan, second: Plan) -> Plan:
    """A plan some cars of which were decided once more."""
    replaced = {car.car.id: car for car in second.cars}
    return replace(first, cars=tuple(_second_look(car, replaced.get(car.car.id)) for car in first.cars))


def _second_look(first: CarPlan, second: CarPlan | None) -> CarPlan:
    """A car decided twice in a run: the second verdicts hold, what was done at first stays."""
    if second is None:
        return first
    both = len(first.verdicts.keys() & second.verdicts.keys())
    observed = first.observed + second.observed - both
    return replace(second, verdicts={**first.verdicts, **second.verdicts}, observed=observed)

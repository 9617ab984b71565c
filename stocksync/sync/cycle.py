"""One cycle of one point of sale: gather, decide, record, deliver, acknowledge.

`Cycle.run` never raises for what a system does wrong: the result says how the run ended and why. What is decided is
in `deciding`; what is read, in `reading`; what is remembered, behind the store's port.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random

from stocksync.errors import AccessDenied, Busy, ConfigurationError, LeaseLost, StocksyncError
from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.stock.values import SIDES, Side
from stocksync.sync.cars import Car
from stocksync.sync.deciding import Deciding
from stocksync.sync.delivery import Delivery, DeliveryReport
from stocksync.sync.gather import Gathered
from stocksync.sync.guards import Halt, digest_of_question
from stocksync.sync.newcomers import Newcomers
from stocksync.sync.plan import Plan
from stocksync.sync.ports import Clock, NativeRecord, Store, System
from stocksync.sync.reading import Reading
from stocksync.sync.recording import Past, RunKind, RunStatus
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
        deciding = Deciding(reading, kind, past, self.newcomers)
        try:
            if gathered is not None:
                seen = reading.believed(gathered)
            else:
                only_changed = not (self.thorough or deciding.looks_at_everything())
                seen = reading.gather(kind, hints, only_changed=only_changed)
            if kind is not RunKind.COMPLETE and self._is_quiet(seen, reading, past):
                return self._quiet(run_id, kind, seen, reading)
            decided = deciding.decide(seen)
        except LeaseLost:
            raise
        except StocksyncError as error:
            return self._ended_early(run_id, kind, error, dry_run=dry_run)
        if decided.halts or dry_run:
            return self._not_written(run_id, kind, decided, dry_run=dry_run)
        return self._write(run_id, decided, deciding)

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

    # ending without writing

    def _as_they_were(self, decided: Decided) -> int:
        """How many open cars with records on both sides a complete run does not look at; asked before it records."""
        if decided.open_cars is None or not decided.complete:
            return 0
        looked_at = sum(
            car.bound and not car.closed and car.point_of_sale == self.mapping.id for car in decided.stored.values()
        )
        return decided.open_cars() - looked_at

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

    def _write(self, run_id: int, decided: Decided, deciding: Deciding) -> CycleResult:
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
            plan = self._once_more(run_id, decided, delivery, deciding)
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
            kind=deciding.kind,
            missed=_counted(decided.missed),
        )
        unsettled = [delivery.cars[car_id] for car_id in report.unsettled if car_id in delivery.cars]
        marks = {}
        if status is RunStatus.DONE:
            marks = self._marks(deciding.kind, decided.gathered, deciding.reading, unsettled, decided.missed)
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

    def _once_more(self, run_id: int, decided: Decided, delivery: Delivery, deciding: Deciding) -> Plan:
        """Read the cars whose records moved under us again, decide them afresh among all, and deliver that."""
        stale, delivery.report.stale_cars = delivery.report.stale_cars, set()
        wanted = {side: {i for c in stale if (i := delivery.cars[c].record_ids.get(side))} for side in SIDES}
        try:
            fresh = deciding.reading.again(wanted)
        except StocksyncError:
            delivery.report.stale_cars = stale
            return decided.plan
        again = deciding.once_more(decided, stale, wanted, fresh)
        if again is None:
            # What was asked about once is not asked about now: the next run puts the rest before a person.
            delivery.report.stale_cars = stale
            return decided.plan
        both, afresh = again
        recording = recording_of(run_id, self.clock.now_at(), self.mapping, afresh)
        self.store.record(replace(recording, scope=frozenset(stale)))
        self._deliver(delivery, afresh.plan, afresh.gathered.records)
        return both


def _counted(missed: Mapping[Side, Iterable[datetime]]) -> dict[Side, int]:
    return {side: len(tuple(stamps)) for side, stamps in missed.items()}

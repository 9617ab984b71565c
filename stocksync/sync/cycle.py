"""One cycle of one point of sale: gather, decide, record, deliver, acknowledge.

`Cycle.run` never raises for what a system does wrong: the result says how the run ended and why. What is decided is
in `plan`; what is remembered, behind the store's port.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from stocksync.errors import AccessDenied, Busy, ConfigurationError, LeaseLost, MappingInvalid, StocksyncError
from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.mapping.load import load_files
from stocksync.mapping.paths import value_at
from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category, Verdict
from stocksync.stock.values import ABSENT, SIDES, Side, as_text
from stocksync.stock.vehicle import RESERVED, STAGE, Vehicle
from stocksync.sync import gather as gathering
from stocksync.sync.binding import Elsewhere, bind, is_open, vin_of
from stocksync.sync.cars import BINDING, RECORD, RESERVATION, Car, Finding
from stocksync.sync.decide import make_plan
from stocksync.sync.delivery import Delivery, DeliveryReport
from stocksync.sync.gather import Gathered
from stocksync.sync.guards import Guard, Halt, check_listings, check_mapping_change, check_plan
from stocksync.sync.newcomers import Newcomers
from stocksync.sync.plan import CarPlan, Plan
from stocksync.sync.ports import Clock, NativeRecord, Store, System, today_on
from stocksync.sync.recording import (
    DueOperation,
    JournalLine,
    Recording,
    RunKind,
    RunStatus,
    Silence,
    Snapshot,
)
from stocksync.sync.stages import is_sold
from stocksync.sync.summary import Summary, summarise
from stocksync.sync.watching import Nobody, Phase, Watcher


@dataclass(frozen=True, slots=True)
class CycleResult:
    """How one cycle ended. error: what kept it from its end, None where nothing did."""

    summary: Summary
    plan: Plan | None = None
    halts: tuple[Halt, ...] = ()
    error: StocksyncError | None = None


@dataclass(frozen=True, slots=True)
class _Decided:
    """A plan with what it was made from."""

    plan: Plan
    gathered: Gathered
    vehicles: Mapping[Side, Mapping[str, Vehicle]]
    stored: Mapping[str, Car]
    elsewhere: Elsewhere
    halts: tuple[Halt, ...]


@dataclass
class Cycle:
    """Everything that one cycle of a point of sale needs.

    files: the bytes of the mapping files. newcomers: what was just gathered at points of sale of the pair that have no
    snapshots yet, so that first contact sees the whole stock before it writes anything.
    """

    mapping: PointOfSaleMapping
    files: Mapping[str, bytes]
    systems: Mapping[Side, System]
    store: Store
    clock: Clock
    watcher: Watcher = field(default_factory=Nobody)
    newcomers: Newcomers = field(default_factory=Newcomers)
    purpose: str = "sync"

    def gather(self) -> Gathered:
        """List both sides. Raises what the systems raise."""
        self.watcher.phase(self.mapping.id, Phase.READING, None)
        return gathering.list_both(self.systems, self.watcher.advanced)

    def run(self, *, dry_run: bool = False, gathered: Gathered | None = None) -> CycleResult:
        """Carry the cycle out; a dry run decides, and neither writes nor remembers anything."""
        if dry_run:
            return self._run(0, gathered, dry_run=True)
        try:
            with self.store.exclusive(self.mapping.id, self.clock, self.purpose) as fence:
                return self._run_alone(gathered, fence)
        except Busy as error:
            summary = Summary(self.mapping.id, RunStatus.INCOMPLETE, None, message=str(error))
            return CycleResult(summary, error=error)

    def _run_alone(self, gathered: Gathered | None, fence: int) -> CycleResult:
        mapping, store = self.mapping, self.store
        now_at, kind = self.clock.now_at(), RunKind.COMPLETE
        run_id = store.begin_run(mapping.pair, mapping.id, mapping.version, self.files, now_at, kind, fence)
        try:
            return self._run(run_id, gathered, dry_run=False)
        except LeaseLost as error:
            # Nothing of this run may be recorded any more, not even its end: its successor has noted it.
            summary = Summary(mapping.id, RunStatus.INCOMPLETE, run_id, message=str(error))
            return CycleResult(summary, error=error)
        except BaseException:
            with suppress(LeaseLost):
                store.finish_run(run_id, RunStatus.FAILED, self.clock.now_at(), message="interrupted")
            raise

    def _run(self, run_id: int, gathered: Gathered | None, *, dry_run: bool) -> CycleResult:
        try:
            decided = self.decide(gathered or self.gather())
        except LeaseLost:
            raise
        except StocksyncError as error:
            return self._ended_early(run_id, error, dry_run=dry_run)
        if decided.halts or dry_run:
            return self._not_written(run_id, decided, dry_run=dry_run)
        return self._write(run_id, decided)

    # deciding

    def decide(self, gathered: Gathered) -> _Decided:
        """Bind, decide and ask the guards. Raises what the systems raise."""
        last = self.store.last_complete_run(self.mapping.id)
        vehicles = gathering.vehicles_of(self.mapping, gathered.records)
        quality = gathering.listing_quality(gathered, vehicles)
        halts = check_listings(quality, last.listed if last is not None else None, self.mapping.guards)
        cars = self._cars(gathered)
        if not any(halt.guard is Guard.EMPTY_LISTING for halt in halts):
            wanted = gathering.wanted_records(gathered, vehicles, cars, self._referring(gathered))
            more = gathering.read_all(self.systems, gathering.unlisted(gathered, wanted))
            if any(more.values()):
                gathered, vehicles = self._with_more(gathered, vehicles, more)
                cars = self._cars(gathered)
        elsewhere = self._elsewhere(vehicles)
        plan = self._plan(self.mapping, vehicles, cars, elsewhere, first_contact=last is None)
        halts += check_plan(plan, self.mapping.guards)
        if last is not None and last.mapping_version != self.mapping.version:
            before = self._plan_as_before(last.mapping_version, gathered, cars, elsewhere)
            halts += check_mapping_change(plan, before)
        if halts and self.store.is_released(self.mapping.id, plan.digest()):
            halts = []
        return _Decided(plan, gathered, vehicles, {car.id: car for car in cars}, elsewhere, tuple(halts))

    def _with_more(
        self,
        gathered: Gathered,
        vehicles: Mapping[Side, Mapping[str, Vehicle]],
        more: Mapping[Side, Mapping[str, NativeRecord]],
    ) -> tuple[Gathered, dict[Side, dict[str, Vehicle]]]:
        """Add records to what was gathered, or put them in the place of their former readings."""
        read = gathering.vehicles_of(self.mapping, more)
        records = {side: {**gathered.records[side], **more[side]} for side in SIDES}
        return replace(gathered, records=records), {side: {**vehicles[side], **read[side]} for side in SIDES}

    def _cars(self, gathered: Gathered) -> list[Car]:
        cars = {car.id: car for car in self.store.cars_at(self.mapping.pair, self.mapping.id)}
        known = {pair for car in cars.values() for pair in car.record_ids.items()}
        for side in SIDES:
            strangers = [i for i in gathered.records[side] if (side, i) not in known]
            for car in self.store.cars_of_records(self.mapping.pair, side, strangers):
                cars[car.id] = car
        return [cars[car_id] for car_id in sorted(cars)]

    def _plan(
        self,
        mapping: PointOfSaleMapping,
        vehicles: Mapping[Side, Mapping[str, Vehicle]],
        cars: Iterable[Car],
        elsewhere: Elsewhere,
        *,
        first_contact: bool,
    ) -> Plan:
        bindings = bind(
            mapping.pair,
            mapping.id,
            vehicles[Side.VEHICLE_MODULE],
            vehicles[Side.DMS],
            cars,
            elsewhere,
        )
        return make_plan(bindings, mapping, today_on(self.clock, mapping.time_zone), first_contact=first_contact)

    def _plan_as_before(self, version: str, gathered: Gathered, cars: list[Car], elsewhere: Elsewhere) -> Plan | None:
        """Plan the same cars by the mapping of an earlier run; None where that cannot be read any more."""
        files = self.store.mapping_files(version)
        try:
            before = load_files(files).points_of_sale.get(self.mapping.id) if files is not None else None
        except MappingInvalid:
            return None
        if before is None:
            return None
        vehicles = gathering.vehicles_of(before, gathered.records)
        return self._plan(before, vehicles, cars, elsewhere, first_contact=False)

    def _referring(self, gathered: Gathered) -> dict[Side, set[str]]:
        """The records of other points of sale that refer to one listed here, by side."""
        referring: dict[Side, set[str]] = {}
        for side in SIDES:
            ids = gathered.listed[side.other]
            referring[side] = self.store.referring_elsewhere(self.mapping.pair, self.mapping.id, side, ids)
            for record_id in ids & self.newcomers.referred[side.other].keys():
                referring[side] |= self.newcomers.referred[side.other][record_id]
        return referring

    def _elsewhere(self, vehicles: Mapping[Side, Mapping[str, Vehicle]]) -> Elsewhere:
        """What other points of sale hold of the cars seen here, read afresh: a snapshot may be of another time."""
        mapping = self.mapping
        vins = {vin for side in SIDES for v in vehicles[side].values() if (vin := vin_of(v)) is not None}
        known = self.store.open_elsewhere(mapping.pair, mapping.id, vins)
        wanted = {side: known[side] - set(vehicles[side]) for side in SIDES}
        fresh = gathering.vehicles_of(mapping, gathering.read_all(self.systems, wanted))
        found = {(side, i): v for side in SIDES for i, v in fresh[side].items() if is_open(side, v)}
        for vin in vins:
            for point_of_sale, side, vehicle in self.newcomers.by_vin.get(vin, ()):
                if point_of_sale != mapping.id and vehicle.record_id not in vehicles[side]:
                    found.setdefault((side, vehicle.record_id), vehicle)
        records: dict[tuple[Side, str], list[Vehicle]] = {}
        for (side, _), vehicle in found.items():
            records.setdefault((side, vin_of(vehicle) or ""), []).append(vehicle)
        cars = {
            (side, record_id): car
            for side in SIDES
            for car in self.store.cars_of_records(mapping.pair, side, {i for s, i in found if s is side})
            if (record_id := car.record_ids[side])
        }
        return Elsewhere({key: tuple(found_there) for key, found_there in records.items()}, cars)

    # ending without writing

    def _ended_early(self, run_id: int, error: StocksyncError, *, dry_run: bool) -> CycleResult:
        status = RunStatus.FAILED if isinstance(error, AccessDenied | ConfigurationError) else RunStatus.INCOMPLETE
        summary = Summary(self.mapping.id, status, run_id or None, message=str(error), dry_run=dry_run)
        if not dry_run:
            self.store.finish_run(run_id, status, self.clock.now_at(), message=str(error), summary=summary.as_json())
        return CycleResult(summary, error=error)

    def _not_written(self, run_id: int, decided: _Decided, *, dry_run: bool) -> CycleResult:
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
        )
        message = " ".join(halt.message for halt in decided.halts) or None
        summary = replace(summary, message=message, dry_run=dry_run, halts=decided.halts)
        if not dry_run:
            self.store.finish_run(
                run_id,
                status,
                self.clock.now_at(),
                listed=decided.gathered.counts(),
                plan_digest=decided.plan.digest(),
                message=message,
                summary=summary.as_json(),
            )
        return CycleResult(summary, decided.plan, decided.halts)

    # writing

    def _write(self, run_id: int, decided: _Decided) -> CycleResult:
        report = DeliveryReport()
        self.store.record(self._recording(run_id, decided))
        delivery = Delivery(run_id, self.mapping, self.systems, self.store, self.clock, report)
        plan = decided.plan
        self._deliver(delivery, plan, decided.gathered.records)
        if report.stale_cars and not report.stopped:
            plan = self._once_more(run_id, decided, delivery)
        status = RunStatus.INCOMPLETE if report.stopped else RunStatus.DONE
        counts = self.store.finding_counts(self.mapping.pair, self.mapping.id, run_id)
        summary = summarise(
            self.mapping, plan, decided.gathered.counts(), counts, report, status, run_id, dry_run=False
        )
        error = next(iter(report.stopped.values()), None)
        ended = self.store.decisions_ended(run_id)
        summary = replace(summary, message=str(error) if error is not None else None, decisions=ended)
        self.store.finish_run(
            run_id,
            status,
            self.clock.now_at(),
            listed=decided.gathered.counts(),
            plan_digest=decided.plan.digest(),
            message=summary.message,
            summary=summary.as_json(),
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

    def _once_more(self, run_id: int, decided: _Decided, delivery: Delivery) -> Plan:
        """Read the cars whose records moved under us again, decide them afresh among all, and deliver that."""
        stale, delivery.report.stale_cars = delivery.report.stale_cars, set()
        wanted = {side: {i for c in stale if (i := delivery.cars[c].record_ids.get(side))} for side in SIDES}
        try:
            fresh = gathering.read_all(self.systems, wanted)
        except StocksyncError:
            delivery.report.stale_cars = stale
            return decided.plan
        records = decided.gathered.records
        others = {side: {i: r for i, r in records[side].items() if i not in wanted[side]} for side in SIDES}
        seen = {side: {i: v for i, v in decided.vehicles[side].items() if i not in wanted[side]} for side in SIDES}
        gathered, vehicles = self._with_more(replace(decided.gathered, records=others), seen, fresh)
        cars = self._cars(gathered)
        everything = self._plan(self.mapping, vehicles, cars, decided.elsewhere, first_contact=False)
        again = replace(everything, cars=tuple(car for car in everything.cars if car.car.id in stale), merged={})
        # Only what was read again is a new snapshot: deliveries have brought newer ones of other records since.
        afresh = replace(
            decided,
            plan=again,
            gathered=replace(gathered, records=fresh),
            vehicles=vehicles,
            stored={car.id: car for car in cars},
        )
        self.store.record(replace(self._recording(run_id, afresh), scope=frozenset(stale)))
        self._deliver(delivery, again, gathered.records)
        replaced = {car.car.id: car for car in again.cars}
        cars_now = tuple(_second_look(car, replaced.get(car.car.id)) for car in decided.plan.cars)
        return replace(decided.plan, cars=cars_now)

    def _recording(self, run_id: int, decided: _Decided) -> Recording:
        plan = decided.plan
        planned = {car.car.id for car in plan.cars}
        not_ours = frozenset(
            car_id for car_id, car in decided.stored.items() if car_id not in planned and not car.closed
        )
        snapshots = self._changed_snapshots(decided)
        return Recording(
            run_id=run_id,
            at=self.clock.now_at(),
            pair=self.mapping.pair,
            point_of_sale=self.mapping.id,
            snapshots=tuple(snapshots.values()),
            cars=tuple(_changed_cars(plan, decided.stored)),
            merged=plan.merged,
            operations=tuple(
                DueOperation(car.car.id, operation, car.context) for car in plan.cars for operation in car.operations
            ),
            findings=(*(f for car in plan.cars for f in car.findings), *self._without_id(decided.gathered)),
            not_ours=not_ours - set(plan.merged),
            silences={car.car.id: silence for car in plan.cars if (silence := _silence(car)) is not None},
            seen=frozenset(
                (car.car.id, side)
                for car in plan.cars
                for side, vehicle in ((Side.VEHICLE_MODULE, car.vehicle_module), (Side.DMS, car.dms))
                if vehicle is not None
            ),
            standings={number: standing for car in plan.cars for number, standing in car.standings.items()},
            journal=tuple(line for car in plan.cars if (line := self._journal_line(car, decided.gathered)) is not None),
        )

    def _journal_line(self, car: CarPlan, gathered: Gathered) -> JournalLine | None:
        """What moves for a car, in one line; what only stands is in the report, whose rows have lines of their own.

        A reservation that is to be replaced is noted before anything is sent: its answer may get lost.
        """
        module = car.vehicle_module
        record = gathered.records[Side.VEHICLE_MODULE].get(module.record_id) if module is not None else None
        place = self.mapping.translations[Side.VEHICLE_MODULE].fields.get(RESERVED)
        former = value_at(record.body, place.path) if record is not None and place is not None else None
        return _journal_line(car, former if isinstance(former, Mapping) else None)

    def _changed_snapshots(self, decided: _Decided) -> dict[tuple[Side, str], Snapshot]:
        changed = {}
        for side in SIDES:
            records = decided.gathered.records[side]
            known = self.store.digests(self.mapping.pair, side, records)
            for record_id, record in records.items():
                snapshot = gathering.snapshot_of(self.mapping, side, record, decided.vehicles[side][record_id])
                if known.get(record_id) != snapshot.digest:
                    changed[side, record_id] = snapshot
        return changed

    def _without_id(self, gathered: Gathered) -> list[Finding]:
        """Report the records that cannot be anyone's, because their id cannot be read."""
        found = []
        for side in SIDES:
            for record in gathered.without_id[side]:
                digest = gathering.digest_of(record.body, ())
                shown = {"side": side.value, "record": str(dict(record.body))[:300]}
                found.append(
                    Finding(f"record-{digest}", RECORD, Reason.UNREADABLE_RECORD, Category.HELD, details=shown)
                )
        return found


def _second_look(first: CarPlan, second: CarPlan | None) -> CarPlan:
    """A car decided twice in a run: the second verdicts hold, what was done at first stays."""
    if second is None:
        return first
    both = len(first.verdicts.keys() & second.verdicts.keys())
    observed = first.observed + second.observed - both
    return replace(second, verdicts={**first.verdicts, **second.verdicts}, observed=observed)


def _silence(plan: CarPlan) -> Silence | None:
    """What a plan has nothing to say about for a car: open report rows about that stay as they are."""
    if plan.car.closed:
        return None
    if BINDING in plan.verdicts:
        return Silence(only=frozenset({BINDING}))
    if plan.vehicle_module is None or plan.dms is None:
        return Silence(only=frozenset({RECORD, BINDING})) if plan.car.bound else None
    sides = (plan.vehicle_module, plan.dms)
    known = {*plan.car.base, *(resolution.subject for resolution in plan.car.resolutions)}
    absent = {name for name in known if any(vehicle.reading(name) is ABSENT for vehicle in sides)}
    if plan.stage is not None and plan.stage.meaning is None:
        absent.add(STAGE)
    if is_sold(plan.dms) is None:
        absent.add(RESERVATION)
    return Silence(never=frozenset(absent)) if absent else None


def _changed_cars(plan: Plan, stored: Mapping[str, Car]) -> Iterable[Car]:
    for planned in plan.cars:
        before = stored.get(planned.car.id)
        if before is None or replace(before, unconfirmed=()) != planned.car:
            yield planned.car


def _journal_line(car: CarPlan, former_reservation: Any) -> JournalLine | None:
    if car.unchanged and car.bound_by is None:
        return None
    details: dict[str, Any] = {}
    if car.bound_by is not None:
        details["bound_by"] = car.bound_by
    agreed = [name for name, v in car.verdicts.items() if v.category is Category.AGREED]
    if agreed:
        details["agreed"] = agreed
    moves = {name: v for name, v in car.verdicts.items() if v.write is not None or v.category is Category.WRITTEN}
    decided = {name: _told(car, name, v) for name, v in moves.items()}
    if decided:
        details["decided"] = decided
    if car.stage is not None and car.stage.reserve and former_reservation is not None:
        details["former_reservation"] = former_reservation
    if car.stage is not None and car.stage.moves:
        details["moves"] = [[step.source, step.goal, step.trigger] for step in car.stage.moves]
    return JournalLine(car.car.id, "decided", details) if details else None


def _told(car: CarPlan, name: str, verdict: Verdict) -> dict[str, Any]:
    told: dict[str, Any] = {"category": verdict.category.value, "row": verdict.row}
    if verdict.reason is not None:
        told["reason"] = verdict.reason.value
    if name in car.rules:
        told["rule"] = car.rules[name]
        for side, vehicle in ((Side.VEHICLE_MODULE, car.vehicle_module), (Side.DMS, car.dms)):
            if vehicle is not None:
                told[side.value] = as_text(vehicle.reading(name))
        told["base"] = as_text(car.car.base[name]) if name in car.car.base else None
    if verdict.write is not None:
        told["write"] = [verdict.write.side.value, as_text(verdict.write.value)]
    if verdict.resolution is not None:
        told["decision"] = verdict.resolution
    return told

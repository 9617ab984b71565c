"""Deciding one run: what of both sides is looked at, the plan that follows, and whether a guard refuses it.

Asks the store, and the systems for records that have to be seen as they are now; changes neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache, cached_property
from itertools import chain
from typing import Final

from stocksync.errors import MappingInvalid
from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.mapping.load import load_files
from stocksync.stock.values import SIDES, Side
from stocksync.stock.vehicle import Vehicle
from stocksync.sync import gather as gathering
from stocksync.sync.binding import Elsewhere, vin_of
from stocksync.sync.cars import BINDING, Car
from stocksync.sync.fields_gone import HALTING, fields_gone, fields_never_seen, fields_unread
from stocksync.sync.gather import Gathered
from stocksync.sync.guards import (
    FieldGone,
    Guard,
    Halt,
    Listing,
    check_fields,
    check_fields_read,
    check_listings,
    check_mapping_change,
    check_plan,
    check_readable,
    digest_of_question,
)
from stocksync.sync.known import Vehicles, cars_known, held_elsewhere, plan_of
from stocksync.sync.narrow import DECISIONS, THOROUGH_EVERY, Looked, leads_elsewhere, may_meet_others, narrowed
from stocksync.sync.newcomers import Newcomers
from stocksync.sync.plan import Action, CarPlan, Operation, Plan
from stocksync.sync.ports import NativeRecord, Store, System
from stocksync.sync.reading import Reading
from stocksync.sync.recording import Past, PastRun, RunKind
from stocksync.sync.remembering import Decided

ELSEWHERE_AGAIN: Final = timedelta(minutes=15)
"""So much longer ago counts as not looked at yet at other points of sale [ours].

A run there notes when it saw something before that is durable, and its clock may have been set back.
"""
Records = Mapping[Side, Mapping[str, NativeRecord]]


@dataclass
class Deciding:
    """What one run decides of what it reads.

    kind: of the run. past: what is known of those before. newcomers: see `Cycle`.
    """

    reading: Reading
    kind: RunKind
    past: Past
    newcomers: Newcomers = field(default_factory=Newcomers)
    mapping: PointOfSaleMapping = field(init=False)
    store: Store = field(init=False)
    systems: Mapping[Side, System] = field(init=False)

    def __post_init__(self) -> None:
        self.mapping, self.store, self.systems = self.reading.mapping, self.reading.store, self.reading.systems

    @property
    def is_complete(self) -> bool:
        """Tell whether the run lists everything."""
        return self.kind is RunKind.COMPLETE

    def looks_at_everything(self) -> bool:
        """Tell whether a complete run has to look at every record: where not all is known, and once a week.

        What nobody thought of would stay for ever, if nothing ever looked.
        """
        if not self._knows_all_that_is_left():
            return True
        thorough_at = self.past.thorough_at
        # Where our clock was ahead once, it may lie years off.
        return thorough_at is None or abs(self.reading.clock.now_at() - thorough_at) >= THOROUGH_EVERY

    def _knows_all_that_is_left(self) -> bool:
        """Tell whether every car that is not of interest would be decided as before: by these files, by this program.

        A run that broke off may have decided by others in between. Nor is all known beside points of sale at first
        contact, of which there are no snapshots that could be alike.
        """
        last = self.past.complete
        if last is None or self.newcomers.by_vin or any(self.newcomers.referred.values()):
            return False
        known_by = (last.mapping_version, last.decided_by)
        return known_by == (self.mapping.version, DECISIONS) and not self.past.otherwise

    def decide(self, gathered: Gathered) -> Decided:
        """Bind, decide and ask the guards. Raises what the systems raise."""
        reading, last = self.reading, self.past.complete
        missed = reading.missed(gathered) if self.is_complete and last is not None else {}
        seen = self._seen(gathered)
        gone, told = self._fields_gone(seen)
        halts = [*self._asked_of_listings(seen), *check_fields(gone)]
        cars = self._cars(seen)
        gathered, seen, cars = self._with_unlisted(gathered, seen, cars, _empty_sides(halts))
        decided = self._decided(seen, cars, self._elsewhere(seen))
        if not self.is_complete:
            decided = self._as_they_are_now(gathered, seen, decided)
        return self._asked(replace(decided, missed=missed, fields_gone=told), halts)

    def _sure_to_be(self, empty: Set[Side], unlisted: Mapping[Side, Set[str]]) -> dict[Side, Set[str]]:
        """Leave out what a side may have lost that lists nothing at all: a person says whether that is gone.

        What was seen at another point of sale since is there, whatever is said here.
        """
        sure = dict(unlisted)
        for side in empty:
            elsewhere = unlisted[side] - self._known_here[side]
            sure[side] = self.store.snapshots(self.mapping.pair, side, elsewhere).keys()
        return sure

    def _with_unlisted(
        self, gathered: Gathered, seen: Looked, cars: list[Car], empty: Set[Side]
    ) -> tuple[Gathered, Looked, list[Car]]:
        """Read what has to be looked at besides, until nothing more leads to anything that was not asked for."""
        asked = _none()
        while True:
            wanted = gathering.wanted_records(seen.gathered, seen.vehicles, cars, self._referring(seen.gathered))
            unlisted = {side: ids - asked[side] for side, ids in gathering.unlisted(seen.gathered, wanted).items()}
            more = self.reading.again(self._sure_to_be(empty, unlisted))
            if not any(more.values()):
                return gathered, seen, cars
            asked = {side: asked[side] | unlisted[side] for side in SIDES}
            gathered = gathered.with_records(more)
            seen = self._seen_with(seen, more, gathered)
            cars = self._cars(seen)

    def _as_they_are_now(self, gathered: Gathered, seen: Looked, decided: Decided) -> Decided:
        """Decide by what is there now, as long as anything is to be written by what is only remembered."""
        gone = _none()
        while stale := _to_read_again(decided):
            fresh = self.reading.again(stale)
            gathered = gathered.with_records(fresh)
            # What is gone is left to a complete run.
            gone = {side: gone[side] | (stale[side] - fresh[side].keys()) for side in SIDES}
            before, seen = seen, _without(self._seen_with(seen, fresh, gathered), gone)
            elsewhere = decided.elsewhere if _vins(seen) <= _vins(before) else self._elsewhere(seen)
            decided = self._decided(seen, self._cars(seen), elsewhere)
        return decided

    def _elsewhere(self, seen: Looked) -> Elsewhere:
        return held_elsewhere(self.store, self.mapping, seen.vehicles, self.newcomers, self._read_now)

    def once_more(
        self, decided: Decided, car_ids: Set[str], asked: Mapping[Side, Set[str]], fresh: Records
    ) -> tuple[Plan, Decided] | None:
        """Decide cars afresh, among all, by what was asked for once more; None where that is left to the next run.

        That is where a guard would have to ask again, or where a record may have come to have to do with others that
        were not looked at, here or elsewhere; not where a car was sold meanwhile. The answer is the whole plan by now,
        and what is to be recorded and delivered of it.
        """
        seen = self._replaced(decided, asked, fresh)
        if _any_of(fresh, may_meet_others, decided.vehicles, seen.vehicles):
            return None
        cars = self._cars(seen)
        everything = self._plan_of(seen.vehicles, cars, decided.elsewhere, RunKind.DELTA, first_contact=False)
        again = replace(everything, cars=tuple(car for car in everything.cars if car.car.id in car_ids), merged={})
        both = _both(decided.plan, again)
        open_cars = self._open_by(both, _recorded(decided), self._open_cars(decided.scope))
        if check_plan(both, self.mapping.guards, open_cars):
            return None
        # Only what was read again is a new snapshot: deliveries have brought newer ones of other records since.
        records = seen.gathered.records
        others = {side: frozenset(records[side].keys() - fresh[side].keys()) for side in SIDES}
        gathered = replace(seen.gathered, remembered=others, without_id=dict.fromkeys(SIDES, ()), relisted={})
        afresh = replace(
            decided,
            plan=again,
            gathered=gathered,
            vehicles=seen.vehicles,
            stored={car.id: car for car in cars if car.id in car_ids},
            known=self.reading.known,
            older=dict(self.reading.older),
            complete=False,
        )
        return both, afresh

    # what is looked at

    def _seen(self, gathered: Gathered) -> Looked:
        """What is looked at: only what may be decided otherwise than before, where that can be told."""
        last = self.past.complete
        is_narrow = gathered.vanished is not None or (not self.is_complete and self._knows_all_that_is_left())
        if is_narrow and last is not None:
            looked_at = self.store.last_decided_at(self.mapping.id)
            since = (looked_at or last.started_at) - ELSEWHERE_AGAIN
            return narrowed(self.store, self.mapping, gathered, since, self.reading.known)
        seen = gathered if self.is_complete else self.reading.beside_snapshots(gathered)
        return Looked(seen, gathering.vehicles_of(self.mapping, seen.records))

    def _cars(self, seen: Looked) -> list[Car]:
        records: Mapping[Side, Iterable[str]] = seen.gathered.records
        if seen.cars is None and self.is_complete:
            # What left may be anywhere: only its car leads to it.
            records = {side: chain(records[side], self._known_here[side] - set(records[side])) for side in SIDES}
        return cars_known(self.store, self.mapping, records, seen.cars)

    @cached_property
    def _known_here(self) -> Mapping[Side, set[str]]:
        return self.store.known_at(self.mapping.pair, self.mapping.id)

    def _seen_with(self, seen: Looked, fresh: Records, gathered: Gathered) -> Looked:
        """What is looked at once these records were read, too; gathered: all that was, with them.

        What they have to do with is looked at from the beginning, unless that is what it was.
        """
        more = self._with_more(seen, fresh)
        leads_on = seen.cars is not None and _any_of(fresh, leads_elsewhere, seen.vehicles, more.vehicles)
        return self._seen(gathered) if leads_on else more

    def _replaced(self, decided: Decided, asked: Mapping[Side, Set[str]], fresh: Records) -> Looked:
        """Put what was read again in the place of what was asked for; what did not come is not there any more."""
        left = {side: {i: v for i, v in decided.vehicles[side].items() if i not in asked[side]} for side in SIDES}
        return self._with_more(Looked(decided.gathered.without(asked), left, decided.scope), fresh)

    def _with_more(self, seen: Looked, more: Records) -> Looked:
        """Add records to what is looked at, or put them in the place of their former readings."""
        read = gathering.vehicles_of(self.mapping, more)
        vehicles = {side: {**seen.vehicles[side], **read[side]} for side in SIDES}
        return replace(seen, gathered=seen.gathered.with_records(more), vehicles=vehicles)

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

    # the plan

    def _decided(self, seen: Looked, cars: list[Car], elsewhere: Elsewhere) -> Decided:
        plan = self._plan_of(seen.vehicles, cars, elsewhere, self.kind, first_contact=self.past.complete is None)
        stored = {car.id: car for car in cars}
        if not self.is_complete:
            plan = _without_doubled_creations(plan, stored)
        return Decided(
            plan,
            seen.gathered,
            seen.vehicles,
            stored,
            elsewhere,
            (),
            self.reading.known,
            self.reading.older,
            self.reading.digests,
            complete=self.is_complete,
            scope=seen.cars,
        )

    def _plan_of(
        self, vehicles: Vehicles, cars: Iterable[Car], elsewhere: Elsewhere, kind: RunKind, *, first_contact: bool
    ) -> Plan:
        def given() -> Iterable[str]:
            return () if first_contact else self.store.agreed_numbers(self.mapping.pair, self.mapping.id)

        complete = kind is RunKind.COMPLETE
        return plan_of(self.mapping, vehicles, cars, elsewhere, self.reading.clock, complete=complete, given=given)

    # the guards

    def _asked(self, decided: Decided, halts: list[Halt]) -> Decided:
        """Ask what a plan has to be asked; halts: what was asked of its listings."""
        plan, last, open_cars = decided.plan, self.past.complete, self._open_cars(decided.scope)
        halts += check_plan(plan, self.mapping.guards, self._open_by(plan, decided.stored.values(), open_cars))
        decided = replace(decided, open_cars=open_cars)
        if last is not None and self._is_new_mapping(last):
            halts += self._asked_of_edit(last.mapping_version, decided)
        question = digest_of_question(plan, halts)
        if halts and self.store.is_released(self.mapping.id, question):
            return replace(decided, released=question)
        return replace(decided, halts=tuple(halts))

    def _asked_of_listings(self, seen: Looked) -> list[Halt]:
        quality, last = gathering.listing_quality(seen.gathered, seen.vehicles), self.past.complete
        if seen.cars is not None and last is not None:
            quality = self._quality_of_all(quality, seen, last)
        if not self.is_complete:
            return check_readable(quality, self.mapping.guards)
        return check_listings(quality, last.listed if last is not None else None, self.mapping.guards)

    def _fields_gone(self, seen: Looked) -> tuple[list[FieldGone], tuple[FieldGone, ...]]:
        """The fields that no record carries any more: those without which nothing may be decided, and the others."""
        if self.past.complete is None:
            return [], tuple(fields_never_seen(self.mapping, seen.vehicles))
        known = {side: self.reading.known[side].keys() for side in SIDES}
        gone = fields_gone(self.store, self.mapping, seen.gathered, seen.vehicles, known, self._read_now)
        halting = [field for field in gone if field.attribute in HALTING]
        return halting, tuple(field for field in gone if field.attribute not in HALTING)

    def _quality_of_all(self, quality: Mapping[Side, Listing], seen: Looked, last: PastRun) -> dict[Side, Listing]:
        """What was looked at beside all that was not."""
        known, vanished = self.store.unreadable(self.mapping.pair, self.mapping.id), seen.gathered.vanished or {}
        read = seen.gathered.counts() if self.is_complete else last.listed
        quality_of_all = {}
        for side in SIDES:
            left = known[side] - seen.vehicles[side].keys() - vanished.get(side, frozenset())
            records = read.get(side, 0) if self.is_complete else max(read.get(side, 0), quality[side].records)
            quality_of_all[side] = Listing(records, quality[side].unreadable + len(left))
        return quality_of_all

    def _open_cars(self, scope: frozenset[str] | None) -> Callable[[], int] | None:
        """Gives how many open cars with both records there are, where a plan is not of all of them; asks once."""
        return cache(lambda: self.store.open_cars(self.mapping.pair, self.mapping.id)) if scope is not None else None

    def _open_by(
        self, plan: Plan, looked_at: Iterable[Car], open_cars: Callable[[], int] | None
    ) -> Callable[[], int] | None:
        """Gives how many of those there are once a plan is carried out; looked_at: its cars, as the store has them."""
        if open_cars is None:
            return None
        were = sum(car.bound and not car.closed and car.point_of_sale == self.mapping.id for car in looked_at)
        are = sum(car.car.bound and not car.car.closed for car in plan.cars)
        return lambda: open_cars() - were + are

    def _is_new_mapping(self, last: PastRun) -> bool:
        """Tell whether the mapping was edited since a run, and nobody has accepted what that decides yet."""
        version = self.mapping.version
        return last.mapping_version != version and not self.store.is_accepted(self.mapping.id, version)

    def _asked_of_edit(self, version: str, decided: Decided) -> list[Halt]:
        """Ask what an edit of the mapping changes of a plan, and of what is read at all."""
        before = self._mapping_of(version)
        if before is None:
            return check_mapping_change(decided.plan, None)
        was = gathering.vehicles_of(before, decided.gathered.records)
        cars, elsewhere = decided.stored.values(), decided.elsewhere
        then = plan_of(before, was, cars, elsewhere, self.reading.clock, complete=True)
        unread = fields_unread(before, self.mapping, was, decided.vehicles)
        return [*check_mapping_change(decided.plan, then), *check_fields_read(unread)]

    def _mapping_of(self, version: str) -> PointOfSaleMapping | None:
        """The mapping of an earlier run; None where that cannot be read any more."""
        files = self.store.mapping_files(version)
        try:
            return load_files(files).points_of_sale.get(self.mapping.id) if files is not None else None
        except MappingInvalid:
            return None


def _empty_sides(halts: Iterable[Halt]) -> set[Side]:
    """The sides that list nothing at all."""
    return {Side(str(halt.values["side"])) for halt in halts if halt.guard is Guard.EMPTY_LISTING}


def _none() -> dict[Side, set[str]]:
    return {side: set() for side in SIDES}


def _any_of(
    fresh: Records, is_so: Callable[[Side, Vehicle | None, Vehicle], bool], before: Vehicles, now: Vehicles
) -> bool:
    """Tell whether something is so of any of these records, as they were seen before and as they are now."""
    return any(is_so(side, before[side].get(i), now[side][i]) for side in SIDES for i in fresh[side])


def _vins(seen: Looked) -> set[str]:
    return {vin for side in SIDES for vehicle in seen.vehicles[side].values() if (vin := vin_of(vehicle)) is not None}


def _recorded(decided: Decided) -> Iterable[Car]:
    """The cars that were looked at, as they are once a plan is recorded."""
    cars = {**decided.stored} | {car.car.id: car.car for car in decided.plan.cars}
    return (car for car_id, car in cars.items() if car_id not in decided.plan.merged)


def _without(seen: Looked, gone: Mapping[Side, Set[str]]) -> Looked:
    """The same without records that turned out not to be there."""
    vehicles = {side: {i: v for i, v in seen.vehicles[side].items() if i not in gone[side]} for side in SIDES}
    return replace(seen, gathered=seen.gathered.without(gone), vehicles=vehicles)


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

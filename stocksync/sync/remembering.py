"""What a decided plan leaves to be remembered: snapshots, cars, findings, and what the journal is told. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import Any, Final

from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.mapping.paths import value_at
from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category, Verdict
from stocksync.stock.values import ABSENT, SIDES, Reading, Side, as_text
from stocksync.stock.vehicle import POINT_OF_SALE, RESERVED, STAGE, Vehicle
from stocksync.sync import gather as gathering
from stocksync.sync.binding import Elsewhere
from stocksync.sync.cars import BINDING, NOBODYS, RECORD, RESERVATION, Car, Finding
from stocksync.sync.gather import Digests, Gathered
from stocksync.sync.guards import FieldGone, Halt
from stocksync.sync.plan import CarPlan, Plan
from stocksync.sync.recording import KEYS, NAMES, DueOperation, JournalLine, Recording, Remembered, Silence, Snapshot
from stocksync.sync.stages import is_sold

_AGREED: Final = Category.AGREED
_BY_NAMES: Final = attrgetter(*NAMES)
_ALL_ELSE: Final = attrgetter(
    *(f.name for f in fields(Car) if f.name not in ("id", "interesting", "unconfirmed", "resolutions"))
)
"""Of a car, what is kept with it; writes without an answer and decisions are kept for themselves."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A plan with what it was made from.

    known: what the store says of the snapshots of the records that were read in this run. older: see `Recording`.
    digests: of the records read, as far as they were taken. missed: by side, the stamps of changes that the quick runs
    before should have shown and did not. complete: everything was listed. scope: the ids of the cars that were looked
    at; None for all of the point of sale. open_cars: gives how many have both records and are not closed, where not all
    were looked at. fields_gone: those that no record carries any more, but for what halts. released: what a person let
    pass, as `guards.digest_of_question` names it; None where nothing had to be asked.
    """

    plan: Plan
    gathered: Gathered
    vehicles: Mapping[Side, Mapping[str, Vehicle]]
    stored: Mapping[str, Car]
    elsewhere: Elsewhere
    halts: tuple[Halt, ...]
    known: Mapping[Side, Mapping[str, Remembered]]
    older: Mapping[tuple[Side, str], tuple[int, datetime]] = field(default_factory=dict)
    digests: Digests | None = None
    missed: Mapping[Side, tuple[datetime, ...]] = field(default_factory=dict)
    complete: bool = True
    scope: frozenset[str] | None = None
    open_cars: Callable[[], int] | None = None
    fields_gone: tuple[FieldGone, ...] = ()
    released: str | None = None


def recording_of(run_id: int, at: datetime, mapping: PointOfSaleMapping, decided: Decided) -> Recording:
    """Everything that a plan changes in the store, as values."""
    plan = decided.plan
    planned = {car.car.id for car in plan.cars}
    not_ours = frozenset(
        car_id
        for car_id, car in decided.stored.items()
        if car_id not in planned and not (car.closed and car.point_of_sale == mapping.id)
    )
    gathered, snapshots = decided.gathered, tuple(_changed_snapshots(mapping, decided))
    cars = (*_changed_cars(plan, decided.stored), *_unspoken_of(planned, decided, snapshots, mapping.id))
    everything = decided.complete and gathered.vanished is None
    return Recording(
        run_id=run_id,
        at=at,
        pair=mapping.pair,
        point_of_sale=mapping.id,
        snapshots=snapshots,
        cars=cars,
        opened=frozenset(planned - decided.stored.keys()),
        renamed=dict(_renamed(cars, decided.stored)),
        renamed_records=dict(_renamed_records(snapshots, decided.known)),
        marked=frozenset(_marked(cars, decided.stored)),
        merged=plan.merged,
        operations=tuple(
            DueOperation(car.car.id, operation, car.context) for car in plan.cars for operation in car.operations
        ),
        findings=(
            *(f for car in plan.cars for f in car.findings),
            *_without_id(gathered),
            *_gone(decided.fields_gone, mapping.id, at),
        ),
        scope=decided.scope | planned if decided.scope is not None else None,
        not_ours=not_ours - set(plan.merged),
        silences={car.car.id: silence for car in plan.cars if (silence := _silence(car)) is not None},
        seen=frozenset(_seen(plan, decided)),
        standings={number: standing for car in plan.cars for number, standing in car.standings.items()},
        journal=tuple(line for car in plan.cars if (line := _line_of(car, mapping, gathered)) is not None),
        complete=decided.complete,
        present={side: frozenset(gathered.records[side]) for side in SIDES} if everything else None,
        gone={side: vanished - gathered.records[side].keys() for side, vanished in (gathered.vanished or {}).items()},
        relisted=gathered.relisted,
        pages=gathered.pages if decided.complete else {},
        older=decided.older,
    )


def _seen(plan: Plan, decided: Decided) -> Iterable[tuple[str, Side]]:
    """The cars and sides that were read in this run: a snapshot tells nothing of a write that has no answer."""
    remembered, (ours, theirs) = decided.gathered.remembered, SIDES
    for car in plan.cars:
        for side, vehicle in ((ours, car.vehicle_module), (theirs, car.dms)):
            if vehicle is None or vehicle.record_id in remembered[side] or (side, vehicle.record_id) in decided.older:
                continue
            record = decided.gathered.records[side].get(vehicle.record_id)
            if record is not None and record.awaits:
                # It lies where its system takes it from, and may still be carried out.
                continue
            yield car.car.id, side


def _changed_snapshots(mapping: PointOfSaleMapping, decided: Decided) -> Iterable[Snapshot]:
    for side in SIDES:
        for record_id, record in decided.gathered.fresh(side).items():
            if (side, record_id) in decided.older:
                continue
            taken = decided.digests.taken(side, record) if decided.digests is not None else None
            vehicle = decided.vehicles[side][record_id]
            snapshot = gathering.snapshot_of(mapping, side, record, vehicle, taken)
            known = decided.known[side].get(record_id)
            place = snapshot.point_of_sale
            if vehicle.unreadable(POINT_OF_SALE) and known is not None:
                place = known.point_of_sale
            if place not in (None, mapping.id):
                # What is news of another point of sale must stay so until that one's own run has seen it.
                continue
            if known is None or is_news(known, snapshot):
                yield snapshot


def _renamed(cars: Iterable[Car], stored: Mapping[str, Car]) -> Iterable[tuple[str, frozenset[str]]]:
    """The cars that are found by other keys than before, with the names of these keys."""
    for car in cars:
        before = stored.get(car.id)
        if before is not None and (moved := _otherwise(NAMES, _BY_NAMES(before), _BY_NAMES(car))):
            yield car.id, moved


def _marked(cars: Iterable[Car], stored: Mapping[str, Car]) -> Iterable[str]:
    """The cars of which nothing changed but whether they are of interest."""
    for car in cars:
        before = stored.get(car.id)
        if before is not None and before.interesting is not car.interesting and _ALL_ELSE(before) == _ALL_ELSE(car):
            yield car.id


def _renamed_records(
    snapshots: Iterable[Snapshot], known: Mapping[Side, Mapping[str, Remembered]]
) -> Iterable[tuple[tuple[Side, str], frozenset[str]]]:
    """The records that are found by other keys than before, with the names of these keys."""
    for snapshot in snapshots:
        before = known[snapshot.side].get(snapshot.record_id)
        if before is not None and (moved := _otherwise(KEYS, _by_keys(before), _by_keys(snapshot))):
            yield (snapshot.side, snapshot.record_id), moved


def _by_keys(said: Snapshot | Remembered) -> tuple[Any, ...]:
    """What a record is found by, in the order of `KEYS`."""
    return (said.vin, said.reference, said.unreadable, said.keys.slip, said.keys.plate, said.keys.police_number)


def _otherwise(names: tuple[str, ...], before: tuple[Any, ...], now: tuple[Any, ...]) -> frozenset[str]:
    """The names of what is not as it was."""
    if before == now:
        return frozenset()
    return frozenset(name for name, then, said in zip(names, before, now, strict=True) if then != said)


def is_news(known: Remembered, snapshot: Snapshot) -> bool:
    """Tell whether a record is to be remembered anew: it, the place where it is, or how it is read changed.

    A stamp alone moves without any meaning for us; only one that went back is kept, or it would be older for ever.
    """
    moved = snapshot.point_of_sale is not None and snapshot.point_of_sale != known.point_of_sale
    went_back = known.stamp is not None and snapshot.stamp is not None and snapshot.stamp < known.stamp
    read_anew = known.read_by != snapshot.read_by
    return known.digest != snapshot.digest or moved or went_back or read_anew or known.older_readings > 0


def _line_of(car: CarPlan, mapping: PointOfSaleMapping, gathered: Gathered) -> JournalLine | None:
    """What moves for a car, in one line; what only stands is in the report, whose rows have lines of their own.

    A reservation that is to be replaced is noted before anything is sent: its answer may get lost.
    """
    module, former = car.vehicle_module, None
    if module is not None and car.stage is not None and car.stage.reserve:
        record = gathered.records[Side.VEHICLE_MODULE].get(module.record_id)
        place = mapping.translations[Side.VEHICLE_MODULE].fields.get(RESERVED)
        former = value_at(record.body, place.path) if record is not None and place is not None else None
    return _journal_line(car, former if isinstance(former, Mapping) else None)


def _without_id(gathered: Gathered) -> list[Finding]:
    """Report the records that cannot be anyone's, because their id cannot be read."""
    found = []
    for side in SIDES:
        for record in gathered.without_id[side]:
            digest = gathering.digest_of(record.body, ())
            shown = {"side": side.value, "record": str(dict(record.body))[:300]}
            found.append(Finding(f"{NOBODYS}{digest}", RECORD, Reason.UNREADABLE_RECORD, Category.HELD, details=shown))
    return found


def _gone(fields_gone: Iterable[FieldGone], point_of_sale: str, at: datetime) -> Iterable[Finding]:
    """Report the fields that a side stopped to carry; a second time is another event than the first one."""
    for gone in fields_gone:
        name = gathering.digest_of({"of": [point_of_sale, gone.side.value, gone.attribute]}, ())
        details = {"side": gone.side.value, "field": gone.path, "since": at.isoformat()}
        yield Finding(f"{NOBODYS}{name}", gone.attribute, Reason.FIELD_GONE, Category.HELD, details=details)


def _silence(plan: CarPlan) -> Silence | None:
    """What a plan has nothing to say about for a car: open report rows about that stay as they are."""
    if plan.car.closed:
        return None
    if BINDING in plan.verdicts:
        # Where a side is not there, or does not say, nothing is known of the sale.
        is_known = plan.vehicle_module is not None and is_sold(plan.dms) is not None
        return Silence(only=frozenset({BINDING, RESERVATION}) if is_known else frozenset({BINDING}))
    if plan.vehicle_module is None or plan.dms is None:
        return Silence(only=frozenset({RECORD, BINDING})) if plan.car.bound else None
    here, there = plan.vehicle_module.readings, plan.dms.readings
    known = chain(plan.car.base, (resolution.subject for resolution in plan.car.resolutions))
    absent = {name for name in known if here.get(name, ABSENT) is ABSENT or there.get(name, ABSENT) is ABSENT}
    absent |= _left_out(here) | _left_out(there)
    if plan.stage is not None and plan.stage.meaning is None:
        absent.add(STAGE)
    if is_sold(plan.dms) is None:
        absent.add(RESERVATION)
    return _silence_about(frozenset(absent)) if absent else None


def _left_out(readings: Mapping[str, Reading]) -> set[str]:
    """What a record should say and does not: there may be a row about it, though nothing was ever agreed."""
    return {name for name, reading in readings.items() if reading is ABSENT} if ABSENT in readings.values() else set()


@lru_cache(maxsize=1024)
def _silence_about(absent: frozenset[str]) -> Silence:
    """Most records of a side leave out the same."""
    return Silence(never=absent)


def _changed_cars(plan: Plan, stored: Mapping[str, Car]) -> Iterable[Car]:
    for planned in plan.cars:
        before = stored.get(planned.car.id)
        if before is not None and before.unconfirmed:
            before = replace(before, unconfirmed=())
        if before != planned.car:
            yield planned.car


def _unspoken_of(planned: set[str], decided: Decided, snapshots: Iterable[Snapshot], here: str) -> Iterable[Car]:
    """The cars of which no plan was made, and which are of interest from now on, or no more.

    A closed one is of interest to nobody, unless it is at home elsewhere: it may be held there. An open one whose
    records changed, or that one of them places elsewhere, is: what others have come to have to do with it meanwhile was
    not decided, see `narrow`, and it may come back as it was.
    """
    known = decided.known
    changed = {
        (s.side, s.record_id)
        for s in snapshots
        if (before := known[s.side].get(s.record_id)) is None or before.digest != s.digest
    }
    for car in decided.stored.values():
        if car.id in planned or car.id in decided.plan.merged or (car.closed and car.point_of_sale != here):
            continue
        moved = not changed.isdisjoint(car.record_ids.items()) or _is_placed_elsewhere(car, decided.vehicles, here)
        is_of_interest = not car.closed and (car.interesting or moved)
        if is_of_interest is not car.interesting:
            yield replace(car, interesting=is_of_interest, unconfirmed=())


def _is_placed_elsewhere(car: Car, vehicles: Mapping[Side, Mapping[str, Vehicle]], here: str) -> bool:
    """Tell whether a car that is at home here has a record of another point of sale."""
    if car.point_of_sale != here:
        return False
    seen = (vehicles[side].get(record_id) for side, record_id in car.record_ids.items())
    return any(vehicle is not None and vehicle.text(POINT_OF_SALE) not in (None, here) for vehicle in seen)


def _journal_line(car: CarPlan, former_reservation: Any) -> JournalLine | None:
    if car.unchanged and car.bound_by is None:
        return None
    details: dict[str, Any] = {}
    if car.bound_by is not None:
        details["bound_by"] = car.bound_by
    agreed = [name for name, v in car.verdicts.items() if v.category is _AGREED]
    if agreed:
        details["agreed"] = agreed
    moves = car.verdicts.items() if len(agreed) < len(car.verdicts) else ()
    decided = {n: _told(car, n, v) for n, v in moves if v.write is not None or v.category is Category.WRITTEN}
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

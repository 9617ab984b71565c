"""What the store knows of the records that are looked at: whose they are, and what other points of sale hold of them.

And the plan that follows: every cycle makes its own this way, and so does whoever asks what a plan would be. Reads the
store, and where told the systems; changes neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.stock.values import SIDES, Side
from stocksync.stock.vehicle import Vehicle
from stocksync.sync import gather as gathering
from stocksync.sync.binding import Elsewhere, bind, is_open, vin_of
from stocksync.sync.cars import Car
from stocksync.sync.decide import make_plan
from stocksync.sync.newcomers import Newcomers
from stocksync.sync.plan import CarPlan, Plan
from stocksync.sync.ports import Clock, NativeRecord, Store, today_on
from stocksync.sync.register import Given

Vehicles = Mapping[Side, Mapping[str, Vehicle]]
Reader = Callable[[Mapping[Side, Iterable[str]]], Mapping[Side, Mapping[str, NativeRecord]]]
"""Gives records by their ids, those that do not exist left out."""


def cars_known(
    store: Store,
    mapping: PointOfSaleMapping,
    record_ids: Mapping[Side, Iterable[str]],
    scope: Iterable[str] | None = None,
) -> list[Car]:
    """The cars at home at a point of sale, and those that own one of these records; in the order of their ids.

    scope: the ids of the only cars that are looked at.
    """
    known_cars = store.cars_at(mapping.pair, mapping.id) if scope is None else store.cars_named(scope)
    cars = {car.id: car for car in known_cars}
    known = {pair for car in cars.values() for pair in car.record_ids.items()}
    for side in SIDES:
        strangers = [i for i in record_ids[side] if (side, i) not in known]
        for car in store.cars_of_records(mapping.pair, side, strangers):
            cars[car.id] = car
    return [cars[car_id] for car_id in sorted(cars)]


def held_elsewhere(
    store: Store, mapping: PointOfSaleMapping, vehicles: Vehicles, newcomers: Newcomers, read: Reader
) -> Elsewhere:
    """What other points of sale hold of the cars seen here; read: how their records are looked at."""
    vins = {vin for side in SIDES for v in vehicles[side].values() if (vin := vin_of(v)) is not None}
    known = store.open_elsewhere(mapping.pair, mapping.id, vins)
    wanted = {side: known[side] - set(vehicles[side]) for side in SIDES}
    fresh = gathering.vehicles_of(mapping, read(wanted))
    found = {(side, i): v for side in SIDES for i, v in fresh[side].items() if is_open(side, v)}
    for vin in vins:
        for point_of_sale, side, vehicle in newcomers.by_vin.get(vin, ()):
            if point_of_sale != mapping.id and vehicle.record_id not in vehicles[side]:
                found.setdefault((side, vehicle.record_id), vehicle)
    records: dict[tuple[Side, str], list[Vehicle]] = {}
    for (side, _), vehicle in found.items():
        records.setdefault((side, vin_of(vehicle) or ""), []).append(vehicle)
    cars = {
        (side, record_id): car
        for side in SIDES
        for car in store.cars_of_records(mapping.pair, side, {i for s, i in found if s is side})
        if (record_id := car.record_ids[side])
    }
    return Elsewhere({key: tuple(found_there) for key, found_there in records.items()}, cars)


def plan_of(
    mapping: PointOfSaleMapping,
    vehicles: Vehicles,
    cars: Iterable[Car],
    elsewhere: Elsewhere,
    clock: Clock,
    *,
    complete: bool,
    given: Given | None = None,
) -> Plan:
    """Bind and decide, today; complete: everything was listed. given: see `make_plan`."""
    bindings = bind(
        mapping.pair,
        mapping.id,
        vehicles[Side.VEHICLE_MODULE],
        vehicles[Side.DMS],
        cars,
        elsewhere,
    )
    today = today_on(clock, mapping.time_zone)
    plan = make_plan(bindings, mapping, today, complete=complete, given=given)
    shared = {vin for _, vin in elsewhere.records}
    if not shared:
        return plan
    return replace(plan, cars=tuple(_with_interest(car) if _has_vin(car, shared) else car for car in plan.cars))


def _has_vin(car: CarPlan, vins: set[str]) -> bool:
    return any(vehicle is not None and vin_of(vehicle) in vins for vehicle in (car.vehicle_module, car.dms))


def _with_interest(car: CarPlan) -> CarPlan:
    """What is decided about a car that also stands elsewhere depends on more than the records here."""
    return replace(car, car=replace(car.car, interesting=True))

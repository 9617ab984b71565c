"""The cars behind report rows as they were last seen, each answered once, whatever the number of rows about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stocksync.mapping.effective import MappingSet, PointOfSaleMapping
from stocksync.stock.values import Side
from stocksync.sync.answers import CarAnswer, FoundCar, Seen, StoredFinding, answer
from stocksync.sync.ports import Clock, today_on

if TYPE_CHECKING:
    from stocksync.adapters.store.questions import Questions
    from stocksync.sync.cars import Car


@dataclass
class StoredCars:
    """What the store holds of the cars that report rows are about."""

    cars: Mapping[str, FoundCar]
    remembered: Mapping[str, Car]
    seen: Mapping[tuple[str, Side], Seen]
    mappings: MappingSet
    clock: Clock
    _answers: dict[str, CarAnswer | None] = field(default_factory=dict)

    def mapping_of(self, row: StoredFinding) -> PointOfSaleMapping:
        """The point of sale's mapping; a sister's of the same pair where it was taken out of the files."""
        points = self.mappings.points_of_sale
        if row.point_of_sale in points:
            return points[row.point_of_sale]
        sisters = [point for point in points.values() if point.pair == row.pair]
        return next(iter(sisters or points.values()))

    def answer_of(self, row: StoredFinding) -> CarAnswer | None:
        """What both sides showed last of a row's car, and what would be decided now; None where there is no car."""
        car_id = row.finding.car_id
        if car_id not in self._answers:
            self._answers[car_id] = self._answer(row)
        return self._answers[car_id]

    def _answer(self, row: StoredFinding) -> CarAnswer | None:
        car_id, mapping = row.finding.car_id, self.mapping_of(row)
        car = self.remembered.get(car_id)
        if car is None:
            return None
        seen = {side: self.seen[car_id, side].snapshot for side in Side if (car_id, side) in self.seen}
        return answer(car, seen, (), mapping, today_on(self.clock, mapping.time_zone))


def stored_cars(questions: Questions, rows: Iterable[StoredFinding], mappings: MappingSet, clock: Clock) -> StoredCars:
    """Look the cars of some rows up."""
    cars = questions.cars_by_id(row.finding.car_id for row in rows)
    return StoredCars(cars, questions.remembered(cars.values()), questions.snapshots(cars.values()), mappings, clock)

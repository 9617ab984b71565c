"""What must hold once everybody went home: every promise as a list of what breaks it, empty iff it was kept.

Asked of both systems' whole history (`chronicle`), of the database and of the commands; nothing here trusts what
stocksync says of itself alone. Not here: how it came to that.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stocksync import assembly
from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.mapping.load import load_mappings
from stocksync.stock.ownership import Owner
from stocksync.stock.values import ABSENT, SIDES, Invalid, Kind, Reading, Side, is_value, same
from stocksync.stock.vehicle import LIFECYCLE_ATTRIBUTES, STAGE, Vehicle
from stocksync.sync.cars import Car
from tests.fire import chronicle
from tests.fire.chronicle import State
from tests.fire.service import command

MODULE, DMS = Side.VEHICLE_MODULE, Side.DMS
_STAMPS = {MODULE: ("version", "updatedAt", "updatedBy"), DMS: ("maj_le",)}


@dataclass(frozen=True, slots=True)
class Scene:
    """Where everything lies: of one stocksync between two systems."""

    folder: Path
    state: Path
    mappings: Path
    variables: Mapping[str, str]

    @property
    def database(self) -> Path:
        """The file of stocksync's own."""
        return Path(self.variables["STOCKSYNC_DATABASE_URL"].removeprefix("sqlite:///"))

    def rows(self, statement: str, *values: object) -> list[Any]:
        """Ask the database as another process would."""
        with closing(sqlite3.connect(self.database, timeout=15)) as connection:
            return connection.execute(statement, values).fetchall()


def broken(scene: Scene) -> list[str]:
    """Every promise that was broken, in plain words."""
    mapping = next(iter(load_mappings(scene.mappings).points_of_sale.values()))
    history = {side: chronicle.read(scene.state, side) for side in SIDES}
    return [
        *invented_values(mapping, history),
        *effects_without_a_change(history),
        *doubled_files(scene, history[DMS]),
        *stages_without_a_cause(mapping, history),
        *disagreements(scene, mapping),
        *left_over(scene),
        *complaints(scene),
    ]


# values


def invented_values(mapping: PointOfSaleMapping, history: Mapping[Side, list[State]]) -> Iterator[str]:
    """What the service wrote and nobody ever typed or had there, for this car, on either side (I1)."""
    cars = _Cars(history)
    produced: dict[tuple[str, str], list[Reading]] = defaultdict(list)
    for state in _all(history):
        if state.by != "service":
            for attribute, reading in _vehicle(mapping, state).readings.items():
                produced[cars.of(state), attribute].append(reading)
    for state, before in _with_former(history):
        if state.by != "service":
            continue
        now, then = _vehicle(mapping, state), _vehicle(mapping, before) if before is not None else None
        for attribute, reading in now.readings.items():
            if attribute in LIFECYCLE_ATTRIBUTES or (then is not None and then.reading(attribute) == reading):
                continue
            kind = mapping.vocabulary[attribute].kind
            if then is None and not is_value(reading):
                continue  # a new file is blank where nobody said anything
            if not any(_alike(kind, reading, known) for known in produced[cars.of(state), attribute]):
                yield f"{state.side} {state.record_id}: {attribute} became {reading!r}, which nobody produced"


def _alike(kind: Kind, left: Reading, right: Reading) -> bool:
    if isinstance(left, Invalid) or isinstance(right, Invalid):
        return left == right
    return same(kind, left, right)


class _Cars:
    """Which records are of one car: whatever ever named one another, or had one VIN."""

    def __init__(self, history: Mapping[Side, list[State]]) -> None:
        self._parents: dict[str, str] = {}
        for state in _all(history):
            body = state.body
            names = body["identification"] if state.side is MODULE else body
            other = names["dmsReference"] if state.side is MODULE else body["ref_externe"]
            vin = names["vin"] if state.side is MODULE else body["chassis"]
            for name in filter(None, (other, f"vin {vin}" if vin else "")):
                self._join(state.record_id, name)

    def of(self, state: State) -> str:
        """One name for all records of a car."""
        return self._root(state.record_id)

    def _root(self, name: str) -> str:
        while (parent := self._parents.get(name, name)) != name:
            name = parent
        return name

    def _join(self, left: str, right: str) -> None:
        self._parents[self._root(left)] = self._root(right)


# effects


def effects_without_a_change(history: Mapping[Side, list[State]]) -> Iterator[str]:
    """Writes of the service that left a record as it was: the second effect of something carried out before (I6)."""
    for state, before in _with_former(history):
        if state.by == "service" and before is not None and _unstamped(state) == _unstamped(before):
            yield f"{state.side} {state.record_id}: written again with what it held"


def doubled_files(scene: Scene, history: Iterable[State]) -> Iterator[str]:
    """Files that the service opened twice for one car, and references that two files of the DMS carry."""
    opened: dict[str, set[str]] = defaultdict(set)
    known: set[str] = set()
    for state in history:
        if state.by == "service" and state.record_id not in known:
            opened[state.body["ref_externe"]].add(state.record_id)
        known.add(state.record_id)
    for reference, files in opened.items():
        if len(files) > 1 or not reference:
            yield f"{len(files)} files were opened for {reference!r}: {sorted(files)}"
    carried: dict[str, list[str]] = defaultdict(list)
    for dossier, body in chronicle.held(scene.state, DMS).items():
        carried[body["ref_externe"]].append(dossier)
    for reference, files in carried.items():
        if reference and len(files) > 1:
            yield f"{reference} is carried by {sorted(files)}"


# agreement


def disagreements(scene: Scene, mapping: PointOfSaleMapping) -> Iterator[str]:
    """Attributes that differ between the records of a car without an open row that says so (I4)."""
    open_rows = set(scene.rows("SELECT car_id, subject FROM conflict WHERE closed_at IS NULL"))
    told_as_a_whole = {car for car, subject in open_rows if subject not in mapping.vocabulary}
    held = {side: chronicle.held(scene.state, side) for side in SIDES}
    for car in _cars_of(scene):
        ids = car.record_ids
        if car.closed or not car.bound or car.id in told_as_a_whole or any(ids[s] not in held[s] for s in SIDES):
            continue
        sides = {s: _vehicle(mapping, State(s, ids[s], "", held[s][ids[s]])) for s in SIDES}
        for attribute in _carried_by_both(mapping):
            if (car.id, attribute) not in open_rows and not _agree(mapping, attribute, sides):
                values = " and ".join(repr(sides[side].reading(attribute)) for side in SIDES)
                yield f"{ids[MODULE]}, {ids[DMS]}: {attribute} is {values}, and no row says so"


def _carried_by_both(mapping: PointOfSaleMapping) -> list[str]:
    fields = [set(mapping.translations[side].fields) for side in SIDES]
    return sorted(
        name
        for name in set.intersection(*fields) - LIFECYCLE_ATTRIBUTES
        if name in mapping.matrix.rows and mapping.matrix.rows[name].policy.owner is not Owner.NONE
    )


def _agree(mapping: PointOfSaleMapping, attribute: str, sides: Mapping[Side, Vehicle]) -> bool:
    left, right = (sides[side].reading(attribute) for side in SIDES)
    if ABSENT in (left, right) or isinstance(left, Invalid) or isinstance(right, Invalid):
        return left is ABSENT or right is ABSENT
    return same(mapping.vocabulary[attribute].kind, left, right, mapping.vocabulary[attribute].tolerance)


def _cars_of(scene: Scene) -> Iterator[Car]:
    repository = assembly.open_repository(scene.variables["STOCKSYNC_DATABASE_URL"])
    try:
        for point in load_mappings(scene.mappings).points_of_sale.values():
            yield from repository.cars_at(point.pair, point.id)
    finally:
        repository.engine.dispose()


# the database


def left_over(scene: Scene) -> Iterator[str]:
    """What no process works on any more and still stands as if one did."""
    for run, point in scene.rows("SELECT id, point_of_sale FROM run WHERE status = 'running'"):
        yield f"run {run} of {point} is still said to be running"
    for entry, status in scene.rows("SELECT id, status FROM outbox WHERE status IN ('pending', 'claimed')"):
        yield f"write {entry} is still {status}"


def complaints(scene: Scene) -> Iterator[str]:
    """What the commands that look after the database find, and a last synchronisation that still has work."""
    for arguments in (("journal", "verify"), ("db", "check")):
        done = command(scene.folder, scene.variables, *arguments)
        if done.returncode != 0:
            yield f"{' '.join(arguments)} ended with {done.returncode}: {done.stdout or done.stderr}"


# history


def _all(history: Mapping[Side, list[State]]) -> Iterator[State]:
    for side in SIDES:
        yield from history[side]


def _with_former(history: Mapping[Side, list[State]]) -> Iterator[tuple[State, State | None]]:
    """Every state with the one of the same record before it."""
    former: dict[tuple[Side, str], State] = {}
    for state in _all(history):
        yield state, former.get((state.side, state.record_id))
        former[state.side, state.record_id] = state


def _vehicle(mapping: PointOfSaleMapping, state: State) -> Vehicle:
    return mapping.translations[state.side].vehicle(state.record_id, None, state.body)


def _unstamped(state: State) -> dict[str, Any]:
    return {name: value for name, value in state.body.items() if name not in _STAMPS[state.side]}


def stages_without_a_cause(mapping: PointOfSaleMapping, history: Mapping[Side, list[State]]) -> Iterator[str]:
    """Stages that the service gave a car whose file never stood so that it would bring them (I12)."""
    cars, said = _Cars(history), defaultdict(set)
    for state in history[DMS]:
        said[cars.of(state)].add(_vehicle(mapping, state).text("dms_status"))
    causes = {"physical_entry": {"in_stock", "invoiced"}, "exit": {"invoiced"}}
    for state, before in _with_former({MODULE: history[MODULE], DMS: []}):
        stage = _vehicle(mapping, state).text(STAGE)
        if state.by != "service" or before is None or stage == _vehicle(mapping, before).text(STAGE):
            continue
        if not causes.get(stage or "", set()) & said[cars.of(state)]:
            yield f"{state.record_id} went to {stage}, which nothing in the DMS brought"

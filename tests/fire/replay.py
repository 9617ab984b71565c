"""The same edits of the same people once more, between two systems that never fail; and what that comes to instead.

The edits are read out of the history: what people changed of which record, in order. Before a car is edited again, and
after a few other cars were, its point of sale is synchronised; then both worlds are compared, value by value. A value
may differ where

- one of the worlds has an open report row about it: people are to decide it, or
- the car was sold meanwhile: whether stocksync came before an order, an invoice or after it decides whether the car is
  reserved, and what its file still takes. That both sides agree on it all the same is what `ends` shows.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stocksync import assembly
from stocksync.adapters.store.repository import Repository
from stocksync.mapping.load import load_mappings
from stocksync.sandbox.dms_rules import DmsError
from stocksync.sandbox.running import RunningSandbox
from stocksync.sandbox.seed import fill
from stocksync.sandbox.vehicle_module_rules import Problem
from stocksync.stock.values import SIDES, Invalid, Side, same
from stocksync.sync.cycle import CycleResult
from stocksync.sync.group import Group
from stocksync.sync.recording import RunKind
from stocksync.sync.watching import Nobody
from tests.fire import chronicle
from tests.fire.chronicle import State
from tests.fire.ends import Scene

MODULE, DMS = Side.VEHICLE_MODULE, Side.DMS
_NOT_TYPED = {"id", "version", "createdAt", "updatedAt", "updatedBy", "status", "reservation", "order"}
_OF_SALES = ("no_bdc", "no_facture", "order")
_CARS_AT_ONCE = 6
_STAMPS = {"version", "updatedAt", "updatedBy", "maj_le"}


@dataclass
class Compared:
    """What the comparison came to; unexplained: values that differ without a row that says so, in plain words."""

    edits: int = 0
    refused: int = 0
    runs: int = 0
    compared: int = 0
    equal: int = 0
    to_decide: int = 0
    sold: int = 0
    unexplained: list[str] = field(default_factory=list)

    def as_data(self) -> dict[str, int]:
        """The figures."""
        return {
            "edits": self.edits,
            "edits_refused": self.refused,
            "runs_between": self.runs,
            "compared": self.compared,
            "equal": self.equal,
            "differ_and_reported": self.to_decide,
            "differ_and_sold": self.sold,
            "differ_unexplained": len(self.unexplained),
        }


@dataclass
class Fair:
    """A world without faults."""

    sandbox: RunningSandbox
    scene: Scene
    group: Group
    repository: Repository
    counted: Compared
    references: Mapping[str, str]
    sold: set[str] = field(default_factory=set)
    waiting: dict[str, set[str]] = field(default_factory=dict)

    def apply(self, state: State, before: State | None) -> None:
        """Have people do again what they did; where a system refuses it, after a run."""
        if before is not None and any(state.body.get(name) != before.body.get(name) for name in _OF_SALES):
            reference = state.body.get("ref_externe") or (state.body.get("identification") or {}).get("dmsReference")
            self.sold |= {state.record_id, str(reference)}
        car = {state.record_id, str(state.body.get("ref_externe") or state.record_id)}
        # Cars are independent of one another: one run may stand for several, never for two edits of one car.
        if not car.isdisjoint(self.waiting.setdefault(str(_place_of(state)), set())):
            self._run(state)
        for again in (True, True, False):
            try:
                self._apply(state, before)
            except (Problem, DmsError, LookupError):
                if not again:
                    self.counted.refused += 1
                    return
                self._run(state)
            else:
                self._wait_for_more(state, car)
                return

    def _wait_for_more(self, state: State, car: set[str]) -> None:
        waiting = self.waiting[str(_place_of(state))]
        waiting |= car
        if len(waiting) >= _CARS_AT_ONCE:
            self._run(state)

    def dossier(self, dossier: str) -> str:
        """The file here that stands for one there. Raises LookupError."""
        reference = self.references.get(dossier)
        if reference is None:
            return dossier
        query = "SELECT dossier FROM files WHERE ref_externe = ?"
        row = self.sandbox.dms.state.sql.execute(query, (reference,)).fetchone()
        if row is None:
            raise LookupError(f"nobody opened a file for {reference}")
        return str(row[0])

    def settle(self) -> None:
        """Synchronise everything until nothing is left."""
        for _ in range(3):
            for result in self.group.synchronise(self.group.mappings.points_of_sale):
                self._let_pass(result)

    def _run(self, state: State) -> None:
        place = _place_of(state)
        self.waiting[str(place)] = set()
        self.counted.runs += 1
        for point in self.group.mappings.points_of_sale.values():
            if point.systems[state.side].code == place:
                self._let_pass(self.group.run(point.id, RunKind.DELTA))

    def _let_pass(self, result: CycleResult) -> None:
        if result.halts and result.summary.run_id is not None:
            self.repository.release(result.summary.run_id)
            self.group.run(result.summary.point_of_sale, RunKind.DELTA)

    def _apply(self, state: State, before: State | None) -> None:
        by, module = "user:12", self.sandbox.vehicle_module
        if state.side is DMS:
            assert before is not None
            fields = {n: v for n, v in state.body.items() if v != before.body.get(n) and n not in _STAMPS}
            self.sandbox.dms.type_in(self.dossier(state.record_id), fields)
        elif before is None:
            made = module.create({n: v for n, v in state.body.items() if n not in _NOT_TYPED}, by)
            assert made["id"] == state.record_id, "people take cars in in the same order"
        else:
            changed = _changed(before.body, state.body)
            if "order" in changed:
                module.set_order(state.record_id, changed.pop("order"), by)
            if changed:
                module.patch(state.record_id, changed, by)


def compared(folder: Path, scene: Scene, cars: int, points: int, seed: int) -> Compared:
    """Play everything again beside a scene that is over, and compare."""
    counted = Compared()
    with _fair(folder / "replay", scene, counted, (cars, points, seed)) as fair:
        former: dict[tuple[Side, str], State] = {}
        for state in sorted((s for side in SIDES for s in chronicle.read(scene.state, side)), key=lambda s: s.at):
            before = former.get((state.side, state.record_id))
            former[state.side, state.record_id] = state
            if state.by == "people":
                counted.edits += 1
                fair.apply(state, before)
        fair.settle()
        _compare(scene, fair)
    return counted


@contextmanager
def _fair(folder: Path, scene: Scene, counted: Compared, stock: tuple[int, int, int]) -> Iterator[Fair]:
    shutil.rmtree(folder, ignore_errors=True)
    state = folder / "state"
    fill(state, *stock)
    opened = {}
    for seen in chronicle.read(scene.state, DMS):
        if seen.by == "service" and seen.record_id not in opened and seen.body["ref_externe"]:
            opened[seen.record_id] = str(seen.body["ref_externe"])
    seeded = {seen.record_id for seen in chronicle.read(scene.state, DMS) if seen.by == "seed"}
    references = {dossier: reference for dossier, reference in opened.items() if dossier not in seeded}
    with RunningSandbox(state) as sandbox:
        address = f"sqlite:///{folder / 'memory.db'}"
        there = Scene(folder, state, scene.mappings, {**scene.variables, "STOCKSYNC_DATABASE_URL": address})
        repository, clock = assembly.open_repository(address), assembly.SystemClock()
        mappings, variables = load_mappings(scene.mappings), sandbox.environment
        with ExitStack() as stack:
            stack.callback(repository.engine.dispose)
            kept = {
                point.id: stack.enter_context(assembly.open_systems(point, variables, clock))
                for point in mappings.points_of_sale.values()
            }
            group = Group(mappings, repository, clock, lambda point: nullcontext(kept[point.id]), Nobody())
            fair = Fair(sandbox, there, group, repository, counted, references)
            list(group.synchronise(mappings.points_of_sale))
            yield fair


def _compare(scene: Scene, fair: Fair) -> None:
    mapping = next(iter(fair.group.mappings.points_of_sale.values()))
    told = [_told(world) for world in (scene, fair.scene)]
    for side in SIDES:
        here, there = chronicle.held(scene.state, side), chronicle.held(fair.scene.state, side)
        for record_id, body in here.items():
            try:
                twin = fair.dossier(record_id) if side is DMS else record_id
                other = there[twin]
            except LookupError:
                if told[0].get(record_id) or told[1].get(fair.references.get(record_id, record_id)):
                    fair.counted.to_decide += 1
                else:
                    fair.counted.unexplained.append(f"{record_id} is not there without faults")
                continue
            left = mapping.translations[side].vehicle(record_id, None, body)
            right = mapping.translations[side].vehicle(twin, None, other)
            rows = told[0].get(record_id, set()) | told[1].get(twin, set())
            for attribute in left.readings:
                fair.counted.compared += 1
                one, two = left.reading(attribute), right.reading(attribute)
                is_same = one == two or (
                    not isinstance(one, Invalid)
                    and not isinstance(two, Invalid)
                    and same(mapping.vocabulary[attribute].kind, one, two)
                )
                if is_same:
                    fair.counted.equal += 1
                elif attribute in rows or rows - set(mapping.vocabulary):
                    fair.counted.to_decide += 1
                elif record_id in fair.sold:
                    fair.counted.sold += 1
                else:
                    fair.counted.unexplained.append(f"{record_id}: {attribute} is {one!r}, without faults {two!r}")


def _told(scene: Scene) -> dict[str, set[str]]:
    """By record, what the report has an open row about."""
    told: dict[str, set[str]] = {}
    rows = scene.rows(
        "SELECT car.vehicle_module_id, car.dms_id, conflict.subject FROM conflict JOIN car ON car.id = conflict.car_id "
        "WHERE closed_at IS NULL"
    )
    for module_id, dossier, subject in rows:
        for record_id in filter(None, (module_id, dossier)):
            told.setdefault(record_id, set()).add(subject)
    return told


def _place_of(state: State) -> Any:
    """The point of sale of a record, in the code of its side."""
    return state.body["pointOfSale" if state.side is MODULE else "site"]


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What a merge patch from one to the other says."""
    changed: dict[str, Any] = {}
    for name, value in after.items():
        if name in _STAMPS or value == before.get(name):
            continue
        is_group = isinstance(value, dict) and isinstance(before.get(name), dict) and name != "order"
        changed[name] = _changed(before[name], value) if is_group else value
    return changed

"""What must hold of the database after every step, and of both systems once everything came to rest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Table, event, select, text

from stocksync.adapters.store.engine import open_engine
from stocksync.adapters.store.journal_rows import walk_journal
from stocksync.adapters.store.repository import Repository
from stocksync.adapters.store.tables import SQLModel
from stocksync.stock.ownership import Owner
from stocksync.stock.values import ABSENT, SIDES, Invalid, Known, same
from stocksync.stock.vehicle import LIFECYCLE_ATTRIBUTES
from stocksync.sync.cars import Car
from stocksync.sync.plan import CarPlan, Plan
from tests.compiled_once import compiled_once
from tests.simulation.killing import Points, arm
from tests.simulation.ledger import Ledger, unblocked
from tests.worlds import BETWEEN_RUNS, DMS, MODULE, RUNS_OWN, empty_database

PAIR = "openflex-icar"


Address = Callable[[Path], str]
"""Gives the address of the database at a path, which is made with its schema where there is none."""


def in_file(path: Path) -> str:
    """The address of a database file."""
    if not path.exists():
        path.write_bytes(empty_database())
    return f"sqlite:///{path}"


def opened(path: Path, points: Points, address: Address = in_file) -> Engine:
    """Open a database as a new process does; nothing waits for the disk, and `points` sees every commit."""
    engine = open_engine(address(path))
    engine.dispose()
    compiled_once(engine)

    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def unwaiting(connection: Any, _: Any) -> None:
            connection.execute("PRAGMA synchronous=OFF")

    arm(engine, points)
    return engine


def rows_of(engine: Engine, beside: tuple[str, ...] = ()) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, but for the tables named, in one order."""
    with engine.connect() as connection:
        return {
            name: sorted(map(tuple, connection.execute(text(f'SELECT * FROM "{name}"'))), key=repr)
            for name in sorted(SQLModel.metadata.tables)
            if name not in beside
        }


def at_rest(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """The rows that a quiet cycle leaves alone, but for where the next one is to look."""
    with engine.connect() as connection:
        return {
            name: sorted(map(tuple, connection.execute(select(*_kept(table)))), key=repr)
            for name, table in sorted(SQLModel.metadata.tables.items())
            if name not in RUNS_OWN
        }


def _kept(table: Table) -> list[Any]:
    return [column for column in table.columns if column.name not in BETWEEN_RUNS]


def planned_otherwise(changed: Plan, everything: Plan) -> list[str]:
    """What a plan of what changed says otherwise than a plan of everything, or leaves out."""
    broken = []
    if changed.digest() != everything.digest():
        broken.append("a run that looks at what changed would write otherwise than one that looks at everything")
    told, all_told = ({car.car.id: _said(car) for car in plan.cars} for plan in (changed, everything))
    for car_id, said in all_told.items():
        if car_id in told and told[car_id] != said:
            broken.append(f"{car_id} is planned otherwise where only what changed is looked at")
        if car_id not in told and any(said):
            broken.append(f"{car_id} is left out where only what changed is looked at: {said}")
    broken += [f"{car_id} is planned only where what changed is looked at" for car_id in told.keys() - all_told.keys()]
    return broken


def _said(plan: CarPlan) -> tuple[Any, ...]:
    """All that is to be done or told about a car; nothing at all where both sides agree as before."""
    return dict(plan.verdicts), plan.operations, plan.findings, plan.standings, plan.bound_by


class Watch:
    """Asks the laws of one world's database again and again, and remembers what it said before."""

    def __init__(self, ledger: Ledger, points: list[str]) -> None:
        self.ledger, self.points = ledger, points
        self.bases: dict[tuple[str, str], Known] = {}
        self.rows: dict[int, tuple[str, str]] = {}
        self.open: dict[tuple[str, str, str], int] = {}
        self.runs = 0

    def look(self, repository: Repository) -> None:
        """Note in the ledger every law that is broken."""
        engine = repository.engine
        for car in self.cars(repository):
            self._look_at_bases(car)
            self._learn_decisions(car)
        with engine.connect() as connection:
            self._look_at_report(connection)
            self._look_at_runs(connection)
            walk = walk_journal(connection)
        self._expect(walk.broken is None, f"the journal is broken: {walk.broken} (I16)")

    def learn(self, repository: Repository) -> None:
        """Note what reviewers want to hold."""
        for car in self.cars(repository):
            self._learn_decisions(car)

    def _learn_decisions(self, car: Car) -> None:
        for resolution in car.resolutions:
            for side, record_id in car.record_ids.items():
                if (number := self.ledger.car_of.get((side, record_id))) is not None:
                    self.ledger.decide(number, resolution.subject, resolution.targets.values())

    def cars(self, repository: Repository) -> list[Car]:
        """Every car that is remembered."""
        return [car for point in self.points for car in repository.cars_at(PAIR, point)]

    def _expect(self, holds: bool, broken: str) -> None:
        if not holds:
            self.ledger.broken.append(broken)

    def _look_at_bases(self, car: Car) -> None:
        for attribute, base in car.base.items():
            if self.bases.get((car.id, attribute)) != base:
                self.bases[car.id, attribute] = base
                for side, record_id in car.record_ids.items():
                    self.ledger.check_base(side, record_id, attribute, base)

    def _look_at_report(self, connection: Any) -> None:
        """Law 7: a disagreement is one row with one number for its life."""
        now_open: dict[tuple[str, str, str], int] = {}
        found: dict[int, tuple[str, str]] = {}
        seen_by_a_person: set[int] = set()
        rows = "SELECT id, car_id, subject, reason, closed_at, closed_because FROM conflict"
        for row in connection.execute(text(rows)):
            found[row.id] = (row.subject, row.reason)
            seen_by_a_person |= {row.id} if row.closed_because == "reviewed" else set()
            said = (row.car_id, row.subject, row.reason)
            if row.closed_at is None:
                self._expect(said not in now_open, f"{said} stands twice in the report (law 7)")
                now_open[said] = row.id
        for number, about in self.rows.items():
            self._expect(found.get(number) == about, f"row {number} was {about} and is {found.get(number)} (law 7)")
        runs = connection.execute(text("SELECT count(*) FROM run")).scalar()
        for said, number in self.open.items():
            # Where more than one run went by, it may have gone and come back; what a person has seen is over.
            same = now_open.get(said, number) == number or runs > self.runs + 1 or number in seen_by_a_person
            self._expect(same, f"{said} was row {number} and is row {now_open.get(said)} (law 7)")
        self.rows, self.open, self.runs = found, now_open, runs

    def _look_at_runs(self, connection: Any) -> None:
        """I10: one holder after the other. I8: a halted run wrote nothing, and no other did what halts one."""
        fences: dict[str, int] = defaultdict(int)
        running: dict[str, int] = defaultdict(int)
        released: set[str] = set()
        runs = text("SELECT id, point_of_sale, status, fence, plan_digest FROM run ORDER BY id")
        for row in connection.execute(runs):
            point = row.point_of_sale
            self._expect(row.fence > fences[point], f"run {row.id} has the fence of another (I10)")
            fences[point] = row.fence
            running[point] += row.status == "running"
            if row.status in ("halted", "released"):
                self._expect(not self.ledger.written_by_run[row.id], f"halted run {row.id} wrote something (I8)")
                released |= {row.plan_digest} if row.status == "released" else set()
            elif row.plan_digest not in released:
                self._look_at_mass(row.id, self._bound(connection, point))
        # One may have died or lost its lease without a word; the next one says so of it.
        self._expect(all(count <= 1 for count in running.values()), f"runs overlap: {dict(running)} (I10)")

    def _bound(self, connection: Any, point: str) -> int:
        bound = (
            "SELECT count(*) FROM car WHERE dms_id IS NOT NULL AND vehicle_module_id IS NOT NULL AND point_of_sale = :p"
        )
        return int(connection.execute(text(bound), {"p": point}).scalar())

    def _look_at_mass(self, run_id: int, cars: int) -> None:
        guards = self.ledger.mapping.guards
        removed = len(self.ledger.removed[run_id])
        limit = max(guards.removals_cars, cars * guards.removals_percent / 100)
        self._expect(removed <= limit, f"run {run_id} took {removed} of {cars} cars away, and nobody was asked (I8)")
        for (run, attribute), touched in self.ledger.overwritten.items():
            share = len(touched) * 100 > cars * guards.overwrites_percent
            if run == run_id and len(touched) >= guards.overwrites_cars and share:
                self._expect(False, f"run {run_id} overwrote {attribute} on {len(touched)} of {cars} cars unasked (I8)")

    def look_at_the_end(self, repository: Repository) -> None:
        """Both sides agree wherever the report is silent, and nothing is left on its way."""
        with repository.engine.connect() as connection:
            open_rows = list(
                connection.execute(text("SELECT car_id, subject, ignored_by FROM conflict WHERE closed_at IS NULL"))
            )
            left = connection.execute(text("SELECT id, side, action FROM outbox WHERE status = 'pending'")).all()
        self._expect(not left, f"entries are still waiting: {left} (I18)")
        told = {(row.car_id, row.subject) for row in open_rows}
        for car in self.cars(repository):
            if car.bound and not car.closed and not {(car.id, "binding"), (car.id, "record")} & told:
                self._look_at_values(car, {subject for car_id, subject in told if car_id == car.id})
        asked = {row.car_id for row in open_rows if row.ignored_by is None}
        bound = {(car.record_ids[MODULE], car.record_ids[DMS]): car for car in self.cars(repository) if car.bound}
        by_module = {module: car for (module, _), car in bound.items() if not car.closed}
        for module_id in unblocked(self.ledger, [pair for pair, car in bound.items() if not car.closed]):
            self._expect(
                by_module[module_id].id in asked, f"{module_id} is sold in the DMS and stays for sale without a word"
            )
        for (car_number, side), times in self.ledger.created.items():
            self._expect(
                times <= 1 + self.ledger_gone(car_number), f"car {car_number} was created {times} times on {side}"
            )

    def ledger_gone(self, car: int) -> int:
        """How many records of a car are not there any more."""
        ever = [key for key, number in self.ledger.car_of.items() if number == car]
        return sum(key not in self.ledger.now for key in ever) + sum(side is MODULE for side, _ in ever)

    def _look_at_values(self, car: Car, told: set[str]) -> None:
        shown = {side: self.ledger.now.get((side, car.record_ids[side])) for side in SIDES}
        module, dms = shown[MODULE], shown[DMS]
        if module is None or dms is None:
            return
        mapping = self.ledger.mapping
        for attribute, row in mapping.matrix.rows.items():
            if attribute in LIFECYCLE_ATTRIBUTES or row.policy.owner is Owner.NONE or attribute in told:
                continue
            here, there = module.reading(attribute), dms.reading(attribute)
            if here is ABSENT or there is ABSENT or here == there:
                continue
            invalid = isinstance(here, Invalid) or isinstance(there, Invalid)
            agree = not invalid and same(mapping.vocabulary[attribute].kind, here, there)  # type: ignore[arg-type]
            self._expect(
                agree,
                f"{car.record_ids} differ in {attribute}: {here!r} and {there!r}, and no row says so (law 4)",
            )


def differing(left: Mapping[str, list[Any]], right: Mapping[str, list[Any]]) -> list[str]:
    """The rows that are not in both, in few words."""
    told = []
    for table in left:
        for mark, here, there in (("-", left[table], right[table]), ("+", right[table], left[table])):
            told += [f"{mark} {table} {str(row)[:300]}" for row in here if row not in there]
    return told[:12]

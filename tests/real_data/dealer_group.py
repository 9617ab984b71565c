"""Nine of the eleven dealers of the daily listings as points of sale, replayed day by day.

The vehicle module is the listing of the day. The DMS is held in memory: on the first day it has a file of every listed
car, as the dealers' back offices would; later ones are opened by the program. Nobody ever takes a file out, so that
whatever vanishes vanishes in the module. The guards stand as shipped; a person releases a run that was halted for
unreadable VINs or for many changes of one attribute, and never one that was halted for an empty or short listing.

The two dealers with the most cars are left out of the mapping: what comes from them is a new car.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, select

from stocksync.adapters.store.tables import ConflictRow
from stocksync.adapters.systems.memory import MemoryHabits, MemoryServer, MemorySystem
from stocksync.stock.reasons import Reason
from stocksync.sync.cars import Car, Finding
from stocksync.sync.cycle import CycleResult
from stocksync.sync.plan import Operation
from stocksync.sync.ports import NativeRecord
from tests.real_data.daily_listings import Day, Row, record
from tests.real_data.replay import DMS, MODULE, Listing, Replay, Systems, mapping_with, open_database

READABLE_VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}")
RELEASED_BY_A_PERSON = {"unreadable_records", "mass_overwrite"}
HABITS = MemoryHabits(
    id_path="dossier",
    point_of_sale_path="site",
    id_prefix="F",
    initial={"statut": "Pré-rentrée"},
    page_size=1000,
)
FIELDS = {
    "chassis": "vin",
    "statut_affiche": "status",
    "no_stock": "stock_number",
    "vendeur": "dealer_name",
    "disponibilite": "availability_date",
    "couleur": "exterior_color",
    "finition": "trim",
}
PRICES = {"prix_vente": "total_price", "prix_catalogue": "msrp"}


EMPTY_FILE = dict.fromkeys((*FIELDS, *PRICES), "")


class BackOffice(MemorySystem):
    """The DMS of one dealer; a new file has every field, empty where its creator said nothing."""

    def create(self, body: Mapping[str, Any], key: str) -> NativeRecord:
        """Open a file."""
        return super().create({**EMPTY_FILE, **body}, key)


@dataclass(frozen=True)
class Visit:
    """One dealer on one day: what stood on both sides before, and what the program made of it.

    halted: the guards of the first run; all else is of the released run where there was one. without_id: rows of the
    report about records without an id that are open afterwards.
    """

    day: Day
    dealer: str
    point: str
    rows: tuple[Row, ...] = field(repr=False)
    files_before: tuple[Mapping[str, Any], ...] = field(repr=False)
    halted: tuple[str, ...]
    done: bool
    balanced: bool
    without_id: int
    operations: tuple[tuple[str, Operation], ...] = field(repr=False)
    findings: tuple[Finding, ...] = field(repr=False)

    @property
    def vanished(self) -> bool:
        """Tell whether the dealer's listing is empty."""
        return not self.rows


@dataclass(repr=False)
class History:
    """Everything that happened, and how it stood in the evening of each day.

    days: with the rows of the mapping's dealers only.
    files: by day, every file of the DMS. cars: by day and point of sale, the cars at home there.
    """

    days: list[Day]
    visits: list[Visit] = field(default_factory=list)
    files: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    cars: dict[str, dict[str, dict[str, Car]]] = field(default_factory=dict)

    def visits_on(self, day: Day) -> list[Visit]:
        """The visits of one day."""
        return [visit for visit in self.visits if visit.day is day]


def dealers_of(days: list[Day]) -> list[str]:
    """The dealers of the mapping, by name: all but the two with the most cars."""
    cars = Counter(row["dealer_name"] for day in days for row in day.rows)
    return sorted(set(cars) - {dealer for dealer, _ in cars.most_common(2)})


def replay(days: list[Day], directory: Path) -> History:
    """Synchronise every dealer of the mapping on every day."""
    dealers = dealers_of(days)
    known = [replace(day, rows=tuple(row for row in day.rows if row["dealer_name"] in dealers)) for day in days]
    return _Group(known, dealers, directory).history()


def has_readable_vin(row: Row) -> bool:
    """Tell whether a row has a VIN that could be one."""
    return bool(READABLE_VIN.fullmatch(row.get("vin") or ""))


def in_dms_spelling(row: Row) -> dict[str, Any]:
    """Spell a row as the DMS would."""
    texts = {name: row.get(said) or "" for name, said in FIELDS.items()}
    prices = {name: "" if row.get(said) is None else f"{row[said]},00" for name, said in PRICES.items()}
    return {"site": row["dealer_name"], "statut": "Pré-rentrée", **texts, **prices}


class _Group:
    def __init__(self, days: list[Day], dealers: list[str], directory: Path) -> None:
        self.days = days
        self.codes = {f"P{number:02d}": name for number, name in enumerate(dealers, 1)}
        self.replay = Replay(mapping_with("mappings_daily", self.codes), open_database(directory))
        self.files = MemoryServer(HABITS, [in_dms_spelling(row) for row in days[0].with_vin.values()])

    def history(self) -> History:
        history = History(self.days)
        for day in self.days:
            self.replay.clock.at = day.at
            history.visits += self._visits(day)
            history.files[day.file] = list(self.files.bodies())
            history.cars[day.file] = {point: self._cars(point) for point in self.codes}
        return history

    def _cars(self, point: str) -> dict[str, Car]:
        return {car.id: car for car in self.replay.store.cars_at(self.replay.point(point).pair, point)}

    def _visits(self, day: Day) -> list[Visit]:
        records = _records(day)
        everywhere = {r.record_id: r for r in records if r.record_id}
        at: dict[str, list[NativeRecord]] = defaultdict(list)
        for known in records:
            at[known.body["site"]].append(known)

        def systems_of(point: str) -> Systems:
            code = self.codes[point]
            return {MODULE: Listing(at[code], everywhere), DMS: BackOffice(self.files, code)}

        before = {point: self._files_at(code) for point, code in self.codes.items()}
        first = self.replay.synchronise(systems_of)
        return [self._visit(day, point, before[point], first[point], systems_of(point)) for point in self.codes]

    def _files_at(self, code: str) -> tuple[Mapping[str, Any], ...]:
        return tuple(body for body in self.files.bodies() if body["site"] == code)

    def _visit(
        self, day: Day, point: str, before: tuple[Mapping[str, Any], ...], result: CycleResult, systems: Systems
    ) -> Visit:
        halted = tuple(halt.guard for halt in result.halts)
        if halted and set(halted) <= RELEASED_BY_A_PERSON:
            assert result.summary.run_id is not None
            self.replay.store.release(result.summary.run_id)
            result = self.replay.run(point, systems)
        assert result.error is None, result.error
        assert result.plan is not None
        cars = result.plan.cars
        dealer = self.codes[point]
        return Visit(
            day,
            dealer,
            point,
            tuple(row for row in day.rows if row["dealer_name"] == dealer),
            before,
            halted,
            done=not result.halts,
            balanced=result.summary.as_json()["identity"]["balanced"],
            without_id=self._open_rows(point, Reason.UNREADABLE_RECORD),
            operations=tuple((car.car.id, operation) for car in cars for operation in car.operations),
            findings=tuple(finding for car in cars for finding in car.findings),
        )

    def _open_rows(self, point: str, reason: Reason) -> int:
        statement = select(ConflictRow).where(
            ConflictRow.point_of_sale == point, ConflictRow.reason == reason.value, col(ConflictRow.closed_at).is_(None)
        )
        with Session(self.replay.store.engine) as session:
            return len(session.exec(statement).all())


def _records(day: Day) -> list[NativeRecord]:
    """Give the rows their ids: the VIN for the last row of a VIN, the VIN and a number for the rows before it.

    So a car that moves keeps its id, as a car that is transferred in a vehicle module does, and a repeat is seen. A row
    without a VIN has no id.
    """
    left = Counter(row["vin"] for row in day.rows if row.get("vin"))
    records = []
    for row in day.rows:
        vin = row.get("vin") or ""
        left[vin] -= 1
        record_id = f"{vin}~{left[vin]}" if vin and left[vin] else vin
        records.append(record(row, row["dealer_name"], record_id))
    return records

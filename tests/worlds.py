"""Small worlds for tests: the shipped mapping, both systems in memory, a database, a clock that is told the time."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import MetaData, select

from stocksync.adapters.store.engine import open_engine
from stocksync.adapters.store.repository import Repository
from stocksync.adapters.systems.memory import Fate, MemoryHabits, MemoryServer, MemorySystem, Write
from stocksync.errors import SystemUnavailable
from stocksync.mapping.effective import MappingSet, PointOfSaleMapping
from stocksync.mapping.load import load_files, read_files
from stocksync.stock.values import SIDES, Side
from stocksync.sync.cycle import Cycle, CycleResult
from stocksync.sync.ports import System
from stocksync.sync.recording import RunKind

SHIPPED = Path(__file__).parent.parent / "mappings"
MODULE, DMS = Side.VEHICLE_MODULE, Side.DMS
RUNS_OWN = ("run", "lease", "watermark", "listed_page")
"""The tables in which every run leaves its traces, even one that changes nothing."""
BETWEEN_RUNS = ("interesting", "listed_digest", "moved_on")
"""The columns by which one run tells the next where to look."""
PARIS = ZoneInfo("Europe/Paris")
STARTED_AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

RESERVATION = {
    "kind": "UNLIMITED",
    "until": None,
    "blocksSale": True,
    "blocksPublication": True,
    "reason": "sold",
    "by": "stocksync",
}


@lru_cache
def shipped_set(edits: tuple[tuple[str, str, str], ...] = ()) -> MappingSet:
    """The shipped mapping files; `edits` are (file, text, replacement), each of which must apply."""
    files = read_files(SHIPPED)
    for name, old, new in edits:
        text = files[name].decode()
        assert old in text, (name, old)
        files[name] = text.replace(old, new).encode()
    return load_files(files)


def shipped(point_of_sale: str = "PDV1", edits: tuple[tuple[str, str, str], ...] = ()) -> PointOfSaleMapping:
    """What the shipped mapping files say of a point of sale."""
    return shipped_set(edits).points_of_sale[point_of_sale]


class ToldClock:
    """A clock that stands until it is told to go on."""

    def __init__(self, at: datetime = STARTED_AT) -> None:
        self.at = at

    def now_at(self) -> datetime:
        return self.at

    def pause(self, seconds_s: float) -> None:
        self.at += timedelta(seconds=seconds_s)


MODULE_HABITS = MemoryHabits(
    id_path="id",
    point_of_sale_path="pointOfSale",
    version_path="version",
    id_prefix="OF-",
    initial={"status": "PRE_RENTREE"},
    reservation=("reservation", RESERVATION),
    conditional_writes=True,
    remembers_keys=True,
    stamp_path="updatedAt",
)
DMS_HABITS = MemoryHabits(
    id_path="dossier",
    point_of_sale_path="site",
    id_prefix="VO",
    initial={"statut": "Pré-rentrée"},
    unique_path="ref_externe",
    stamp_path="maj_le",
)


def module_record(record_id: str = "OF-1", **changes: Any) -> dict[str, Any]:
    """A car in the module's sales stock; changes by dotted path, with `__` for the dots."""
    record: dict[str, Any] = {
        "id": record_id,
        "pointOfSale": "PDV1",
        "version": 1,
        "type": "VO",
        "status": "STOCK_DE_VENTE",
        "destination": "PARTICULIER",
        "identification": {
            "vin": "VF1RFB00X56789012",
            "registration": "AB-123-CD",
            "firstRegistrationDate": "2019-05-14",
            "registrationCertificateDate": "2019-05-20",
            "policeNumber": "2026-00012",
            "dmsReference": "VO1",
        },
        "characteristics": {
            "make": "Renault",
            "model": "Clio",
            "version": "Intens",
            "exteriorColour": "Gris",
            "mileage": 84500,
        },
        "purchase": {
            "origin": "REPRISE",
            "source": "PARTICULIER",
            "tradeInBuyer": "C. Martin",
            "tradeInPrice": 9500,
        },
        "costs": {"reconditioning": 450},
        "sale": {"price": 12500, "invoicedPrice": None, "vatRecoverable": False},
        "reservation": None,
        "order": None,
    }
    for path, value in changes.items():
        _put(record, path.split("__"), value)
    return record


def dms_record(record_id: str = "VO1", **changes: Any) -> dict[str, Any]:
    """The same car's file in the DMS."""
    return {
        "dossier": record_id,
        "site": "S01",
        "ref_externe": "OF-1",
        "type": "VO",
        "statut": "Stock",
        "destination": "P",
        "no_police": "2026-00012",
        "chassis": "VF1RFB00X56789012",
        "immat": "AB123CD",
        "date_mec": "14/05/2019",
        "date_cg": "20/05/2019",
        "marque": "RENAULT",
        "modele": "CLIO",
        "version": "INTENS",
        "km": "84 500",
        "couleur": "GRIS",
        "origine": "REP",
        "source_achat": "PART",
        "repreneur": "C. MARTIN",
        "prix_reprise": "9500,00",
        "frevo": "450,00",
        "prix_vente": "12 500,00",
        "prix_facture": "",
        "tva_recup": "N",
        "no_bdc": "",
        "date_bdc": "",
        "no_facture": "",
        "date_facture": "",
    } | changes


def _put(record: dict[str, Any], path: list[str], value: Any) -> None:
    for key in path[:-1]:
        record = record[key]
    record[path[-1]] = value


@dataclass
class World:
    """Both systems in memory, what we remember of them, and the mapping that holds."""

    repository: Repository
    mappings: MappingSet
    servers: dict[Side, MemoryServer] = field(default_factory=dict)
    clock: ToldClock = field(default_factory=ToldClock)

    @property
    def module(self) -> MemoryServer:
        return self.servers[MODULE]

    @property
    def dms(self) -> MemoryServer:
        return self.servers[DMS]

    def systems(self, point: PointOfSaleMapping) -> dict[Side, System]:
        return {side: MemorySystem(self.servers[side], point.systems[side].code) for side in SIDES}

    def cycle(self, point_of_sale: str = "PDV1") -> Cycle:
        point = self.mappings.points_of_sale[point_of_sale]
        return Cycle(point, self.mappings.files, self.systems(point), self.repository, self.clock)

    def sync(self, point_of_sale: str = "PDV1", *, dry_run: bool = False) -> CycleResult:
        """One cycle, some minutes after the last."""
        self.clock.pause(300)
        return self.cycle(point_of_sale).run(dry_run=dry_run)

    def quick(self, point_of_sale: str = "PDV1") -> CycleResult:
        """One quick cycle, some minutes after the last."""
        self.clock.pause(300)
        return self.cycle(point_of_sale).run(kind=RunKind.DELTA)

    def hinted(self, side: Side, *record_ids: str) -> CycleResult:
        """One cycle of the records that somebody named, some minutes after the last."""
        self.clock.pause(300)
        return self.cycle().run(kind=RunKind.HINTED, hints={side: frozenset(record_ids)})

    def settled(self, point_of_sale: str = "PDV1") -> World:
        """The same world after its first contact."""
        result = self.sync(point_of_sale)
        assert result.summary.status == "done", result.summary
        self.forget_writes()
        return self

    def rows(self, *, beside: tuple[str, ...] = ()) -> dict[str, list[Any]]:
        """Every row of every table, but for the tables named, and for which cars the next run is to look at."""
        tables = MetaData()
        tables.reflect(self.repository.engine)
        with self.repository.engine.connect() as connection:
            return {
                name: sorted(
                    map(tuple, connection.execute(select(*(c for c in table.c if c.name not in BETWEEN_RUNS)))),
                    key=repr,
                )
                for name, table in tables.tables.items()
                if name not in beside
            }

    def no_answers(self, side: Side, fate: Fate) -> None:
        """From its next write on, which meets this fate, a side answers nothing, not even what became of it."""
        server, fell_silent = self.servers[side], []

        def met(write: Write) -> Fate:
            fell_silent.append(write)
            return fate

        server.fate_of = met
        server.error_before = lambda _: SystemUnavailable("no answer") if fell_silent else None

    def answers_again(self) -> None:
        """Both sides answer as they should."""
        for server in self.servers.values():
            server.fate_of = lambda _: Fate.CARRIED_OUT
            server.error_before = lambda _: None

    def forget_writes(self) -> None:
        for server in self.servers.values():
            server.writes.clear()

    def edit(self, side: Side, record_id: str, **changes: Any) -> None:
        """A person changes a record; paths as in `module_record`."""
        body: dict[str, Any] = {}
        for path, value in changes.items():
            here = body
            *parents, last = path.split("__")
            for key in parents:
                here = here.setdefault(key, {})
            here[last] = value
        self.servers[side].change(record_id, body)


@lru_cache
def empty_database() -> bytes:
    """A database with its schema and nothing in it; migrated once for all worlds of a process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        open_engine(f"sqlite:///{path}").dispose()
        return path.read_bytes()


@contextmanager
def a_world(
    path: Path,
    module: list[dict[str, Any]] | None = None,
    dms: list[dict[str, Any]] | None = None,
    edits: tuple[tuple[str, str, str], ...] = (),
) -> Iterator[World]:
    """A world with these records; one car, in agreement, where none are given."""
    path.write_bytes(empty_database())
    repository = Repository(open_engine(f"sqlite:///{path}"))
    world = World(repository, shipped_set(edits))
    world.servers[MODULE] = MemoryServer(MODULE_HABITS, module if module is not None else [module_record()])
    world.servers[DMS] = MemoryServer(DMS_HABITS, dms if dms is not None else [dms_record()])
    # Each side has a clock of its own: the module's shows UTC, the DMS's the time in Paris.
    world.module.now_at = lambda: world.clock.at.replace(tzinfo=None)
    world.dms.now_at = lambda: world.clock.at.astimezone(PARIS).replace(tzinfo=None)
    try:
        yield world
    finally:
        repository.engine.dispose()


Native = Mapping[str, Any]


def crowd(count: int, first: int = 100) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Other cars, in agreement on both sides, each with its own ids, VIN, plate and police number."""
    module, dms = [], []
    for number in range(first, first + count):
        vin, plate, police = f"VF1RFB00X6{number:07d}", f"CD-{number:03d}-EF", f"2026-0{number:04d}"
        module.append(
            module_record(
                f"OF-{number}",
                identification__vin=vin,
                identification__registration=plate,
                identification__policeNumber=police,
                identification__dmsReference=f"VO{number}",
            )
        )
        dms.append(dms_record(f"VO{number}", ref_externe=f"OF-{number}", chassis=vin, immat=plate, no_police=police))
    return module, dms

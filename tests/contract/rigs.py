"""Four systems under one contract: two held in memory, two over real sockets."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from stocksync.adapters.systems.gated import GatedSystem
from stocksync.adapters.systems.guarded import GuardedTransport
from stocksync.adapters.systems.memory import MemoryHabits, MemoryServer, MemorySystem
from stocksync.adapters.systems.rest import RestSystem
from stocksync.assembly import SystemClock
from stocksync.mapping.connection import RestConnection
from stocksync.mapping.paths import put_at
from stocksync.sandbox.dms import Dms
from stocksync.sandbox.running import RunningSandbox
from stocksync.sandbox.vehicle_module import VehicleModule
from stocksync.sync.gates import Gates
from stocksync.sync.ports import System
from tests.contract.clock import PaperClock
from tests.contract.connections import DMS, VEHICLE_MODULE, connection, with_page_size
from tests.contract.validation import ContractTransport, contract

PLACES = tuple(f"P{number:03d}" for number in range(200))
PAGE_SIZE = 3


@dataclass(frozen=True)
class Names:
    """What one system calls things, and values that it takes."""

    place: str
    stage: str
    first_stage: str
    other_stage: str
    price: str
    prices: tuple[Any, Any]
    colour: str
    colours: tuple[str, str]
    clear: str | None
    refused: tuple[str, str]
    reservation: str | None
    unique: str | None


VEHICLE_MODULE_NAMES = Names(
    place="pointOfSale",
    stage="status",
    first_stage="PRE_RENTREE",
    other_stage="STOCK_DE_VENTE",
    price="sale.price",
    prices=(Decimal("12500.50"), Decimal("11999.99")),
    colour="characteristics.exteriorColour",
    colours=("Gris Nardo", "Bleu d’Été"),
    clear=None,
    refused=("pointOfSale", "NOWHERE"),
    reservation="reservation",
    unique=None,
)
DMS_NAMES = Names(
    place="site",
    stage="statut",
    first_stage="Pré-rentrée",
    other_stage="Stock",
    price="prix_vente",
    prices=("12500,50", "11999,99"),
    colour="couleur",
    colours=("GRIS", "BLEU"),
    clear="",
    refused=("couleur", "vert bouteille"),
    reservation=None,
    unique="ref_externe",
)


@dataclass(frozen=True)
class Rig:
    """One system under test.

    view: the system as one point of sale sees it. edit: a change made by a user of that system.
    """

    names: Names
    view: Callable[[str], System]
    edit: Callable[[str, Mapping[str, Any]], object]
    places: Iterator[str]
    keys: Iterator[str]

    def changes(self, *fields: tuple[str, Any]) -> dict[str, Any]:
        """Spell the body of a write, out of paths and values."""
        body: dict[str, Any] = {}
        for path, value in fields:
            put_at(body, path, value)
        return body

    def new_body(self, place: str, *fields: tuple[str, Any]) -> dict[str, Any]:
        """Spell a record to create."""
        return self.changes((self.names.place, place), (self.names.price, self.names.prices[0]), *fields)

    def fill(self, place: str, count: int) -> list[str]:
        """Create records in a point of sale; gives their ids."""
        system = self.view(place)
        return [system.create(self.new_body(place), next(self.keys)).record_id for _ in range(count)]


def _rig(names: Names, view: Callable[[str], System], edit: Callable[[str, Mapping[str, Any]], object]) -> Rig:
    return Rig(names, view, edit, iter(PLACES), map("key-{}".format, itertools.count()))


@contextmanager
def memory_vehicle_module(directory: Path) -> Iterator[Rig]:
    """Nested records, versions, conditional writes, keys, reservations."""
    habits = MemoryHabits(
        id_path="id",
        point_of_sale_path="pointOfSale",
        version_path="version",
        id_prefix="OF-",
        initial={"status": "PRE_RENTREE"},
        reservation=("reservation", {"kind": "UNLIMITED", "blocksSale": True, "blocksPublication": True}),
        conditional_writes=True,
        remembers_keys=True,
        page_size=PAGE_SIZE,
        stamp_path="updatedAt",
    )
    yield _memory_rig(VEHICLE_MODULE_NAMES, MemoryServer(habits))


@contextmanager
def gated_vehicle_module(directory: Path) -> Iterator[Rig]:
    """The same behind a gate, which is never in the way while the system answers."""
    with memory_vehicle_module(directory) as rig:
        gates = Gates(SystemClock())
        yield replace(rig, view=lambda place: GatedSystem(rig.view(place), gates, "module"))


@contextmanager
def memory_dms(directory: Path) -> Iterator[Rig]:
    """Flat records, one file per reference, and the last writer wins."""
    habits = MemoryHabits(
        id_path="dossier",
        point_of_sale_path="site",
        id_prefix="VO",
        initial={"statut": "Pré-rentrée"},
        unique_path="ref_externe",
        page_size=PAGE_SIZE,
        stamp_path="maj_le",
    )
    yield _memory_rig(DMS_NAMES, MemoryServer(habits))


def _memory_rig(names: Names, server: MemoryServer) -> Rig:
    def refuse_as_real_ones_do(body: Mapping[str, Any]) -> dict[str, str]:
        path, value = names.refused
        return {path: "not a value of ours"} if body.get(path) == value else {}

    server.refused = refuse_as_real_ones_do
    return _rig(names, lambda place: MemorySystem(server, place), server.change)


@contextmanager
def rest_vehicle_module(directory: Path) -> Iterator[Rig]:
    """The vehicle module of the sandbox, each exchange held against its contract."""
    people = VehicleModule(directory)
    people.add_points_of_sale({"id": place, "name": place, "entity": "E"} for place in PLACES)
    settings = with_page_size(connection(VEHICLE_MODULE), "limit", PAGE_SIZE)
    with (
        closing(people.state),
        RunningSandbox(directory) as sandbox,
        _views(
            settings,
            sandbox.vehicle_module_url,
            "vehicle-module.openapi.yaml",
            {"token": sandbox.environment["OPENFLEX_TOKEN"]},
            ("id", "version"),
        ) as view,
    ):
        yield _rig(VEHICLE_MODULE_NAMES, view, lambda id_, body: people.patch(id_, _plain(body), "user:12"))


@contextmanager
def rest_dms(directory: Path) -> Iterator[Rig]:
    """The DMS of the sandbox, each exchange held against its contract."""
    people = Dms(directory)
    people.add_sites((place, place) for place in PLACES)
    settings = with_page_size(connection(DMS), "taille", PAGE_SIZE)
    with (
        closing(people.state),
        RunningSandbox(directory) as sandbox,
        _views(
            settings,
            sandbox.dms_url,
            "dms.openapi.yaml",
            {"key": sandbox.environment["ICAR_KEY"]},
            ("dossier", None),
        ) as view,
    ):
        yield _rig(DMS_NAMES, view, lambda id_, body: people.change(id_, body))


@contextmanager
def _views(
    settings: RestConnection,
    base_url: str,
    contract_file: str,
    secrets: Mapping[str, str],
    paths: tuple[str, str | None],
) -> Iterator[Callable[[str], System]]:
    checked = ContractTransport(GuardedTransport(httpx.URL(base_url), connections=8), contract(contract_file, base_url))

    def view(place: str) -> System:
        return RestSystem(
            settings,
            base_url=base_url,
            secrets=secrets,
            point_of_sale_code=place,
            id_path=paths[0],
            version_path=paths[1],
            clock=PaperClock(),
            transport=checked,
        )

    yield view
    checked.close()
    assert checked.exchanged, "no request was ever held against the contract"


def _plain(body: Mapping[str, Any]) -> dict[str, Any]:
    """Make floats of decimals, as what a browser sends would be read."""
    return {
        name: _plain(value) if isinstance(value, Mapping) else float(value) if isinstance(value, Decimal) else value
        for name, value in body.items()
    }

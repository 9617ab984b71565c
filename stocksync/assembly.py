"""The one file that knows concrete classes: settings and mapping in, working parts out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stocksync.errors import ConfigurationError
from stocksync.mapping.connection import FilesConnection, RestConnection
from stocksync.mapping.effective import MappingSet, PointOfSaleMapping, SystemSettings
from stocksync.stock.values import SIDES, Side
from stocksync.sync.ports import Clock, System

if TYPE_CHECKING:
    from httpx import BaseTransport

    from stocksync.adapters.alerting import Alerting
    from stocksync.adapters.exchange import ExchangeFolder
    from stocksync.adapters.store.pause_rows import Pauses
    from stocksync.adapters.store.questions import Questions
    from stocksync.adapters.store.repository import Repository
    from stocksync.adapters.systems.files.transport import Transport
    from stocksync.settings import Settings
    from stocksync.sync.alerts import AlertRules
    from stocksync.sync.gates import Gates
    from stocksync.sync.health import GateHealth, Health


Wire = Callable[[SystemSettings, Callable[[], "BaseTransport"]], "BaseTransport"]
"""Gives what a system's requests go over; it is told how the system's own transport is made, and need not make it."""
FolderOf = Callable[[SystemSettings], "Transport"]
"""Gives the folder that a system exchanges its files over."""

_MOST_NAMED: Final = 5


class SystemClock:
    """The machine's clock; wait: how its pauses are made, so that they can end when stocksync is told to stop."""

    def __init__(self, wait: Callable[[float], object] = time.sleep) -> None:
        self._wait = wait

    def now_at(self) -> datetime:
        """The present instant."""
        return datetime.now(UTC)

    def pause(self, seconds_s: float) -> None:
        """Wait."""
        self._wait(seconds_s)


def open_repository(database_url: str) -> Repository:
    """Open what cycles remember. Raises ConfigurationError."""
    from stocksync.adapters.store.engine import open_engine
    from stocksync.adapters.store.repository import Repository

    return Repository(open_engine(database_url))


def open_questions(repository: Repository) -> Questions:
    """Open the side of the database that people's questions go to."""
    from stocksync.adapters.store.questions import Questions

    return Questions(repository.engine)


def open_pauses(repository: Repository) -> Pauses:
    """Open what people told stocksync to leave alone."""
    from stocksync.adapters.store.pause_rows import Pauses

    return Pauses(repository.engine)


def health_of(repository: Repository, points: Sequence[str], clock: Clock) -> Health:
    """Read how points of sale stand now, in their order."""
    from stocksync.adapters.store.health_rows import health

    return health(repository.engine, points, clock.now_at())


def exchange_folder(root: Path, point_of_sale: str, settle_s: float) -> ExchangeFolder:
    """The folder through which one point of sale exchanges files; `settle_s`: see there."""
    from stocksync.adapters.exchange import ExchangeFolder, folder_name

    return ExchangeFolder(root / folder_name(point_of_sale), settle_s)


def open_gates(repository: Repository, clock: Clock) -> Gates:
    """The gates of this process, which keeps every change in the database for the others to see."""
    import logging

    from sqlalchemy.exc import SQLAlchemyError

    from stocksync.adapters.store.gate_rows import gates_left, keep_gate
    from stocksync.sync.gates import Gates

    def keep(gate: GateHealth) -> None:
        # Who looks on must not stop the work: what is not kept now is kept with the next change.
        try:
            keep_gate(repository.engine, gate)
        except SQLAlchemyError as error:
            logging.getLogger(__name__).warning("the gate of %s could not be kept: %s", gate.system, error)

    gates = Gates(clock, tell=keep)
    gates.remember(gates_left(repository.engine))
    return gates


def gate_name(settings: SystemSettings) -> str:
    """What a system's gate is called: points of sale that use the same address and secrets share one."""
    return f"{settings.system} ({', '.join(dict.fromkeys((settings.address, *settings.secrets.values())))})"


def open_alerting(
    settings: Settings, repository: Repository, mappings: MappingSet, clean: Callable[[str], str]
) -> Alerting:
    """What tells people of troubles; it is to look every minute.

    clean: takes secrets out of what others said. Raises ConfigurationError for a channel that cannot be used.
    """
    from stocksync.adapters.alert_channels import open_channels
    from stocksync.adapters.alerting import Alerting
    from stocksync.adapters.store.alert_rows import AlertRows

    channels = open_channels(asdict(settings.alerts), clean)
    return Alerting(AlertRows(repository.engine), channels, alert_rules(mappings), settings.language, clean=clean)


def alert_rules(mappings: MappingSet) -> AlertRules:
    """When a trouble is worth telling, as the mapping files make it."""
    from stocksync.sync.alerts import rules_of

    return rules_of(mappings.points_of_sale, gate_name)


@contextmanager
def open_systems(
    point_of_sale: PointOfSaleMapping,
    environment: Mapping[str, str],
    clock: Clock,
    gates: Gates | None = None,
    wire: Wire | None = None,
    folder_of: FolderOf | None = None,
) -> Iterator[dict[Side, System]]:
    """Both systems of a point of sale, behind their gates where there are some, closed at the end.

    wire: puts another transport around theirs, or in their place; folder_of: the same where files are exchanged. Raises
    ConfigurationError for a variable that is not set, naming every one that is missing.
    """
    from stocksync.adapters.systems.gated import GatedSystem

    _check_variables(point_of_sale, environment)
    systems: dict[Side, System] = {}
    try:
        for side in SIDES:
            settings = point_of_sale.systems[side]
            systems[side] = open_system(settings, environment, clock, wire=wire, folder_of=folder_of)
            if gates is not None:
                systems[side] = GatedSystem(systems[side], gates, gate_name(settings))
        yield systems
    finally:
        for system in systems.values():
            system.close()


def _check_variables(point_of_sale: PointOfSaleMapping, environment: Mapping[str, str]) -> None:
    needed = [
        name for settings in point_of_sale.systems.values() for name in (settings.address, *settings.secrets.values())
    ]
    missing = [name for name in dict.fromkeys(needed) if not environment.get(name)]
    if missing:
        raise ConfigurationError(
            f"{point_of_sale.id}: the environment does not have {', '.join(missing)}, which points_of_sale.yaml names; "
            "set them, or write them into .env."
        )


def check_systems(mappings: MappingSet, environment: Mapping[str, str], clock: Clock) -> None:
    """Set up every system of every point of sale once, without asking it anything.

    Raises ConfigurationError, which tells everything that is missing or wrong: each thing once, with where it is so.
    """
    faults: dict[str, list[str]] = {}
    for point in mappings.points_of_sale.values():
        try:
            with open_systems(point, environment, clock):
                pass
        except ConfigurationError as error:
            faults.setdefault(str(error).removeprefix(f"{point.id}: "), []).append(point.id)
    if faults:
        raise ConfigurationError("\n".join(f"{_named(points)}: {fault}" for fault, points in faults.items()))


def _named(points: Sequence[str]) -> str:
    shown = ", ".join(points[:_MOST_NAMED])
    return shown if len(points) <= _MOST_NAMED else f"{shown} and {len(points) - _MOST_NAMED} more"


def open_system(
    settings: SystemSettings,
    environment: Mapping[str, str],
    clock: Clock,
    transport: BaseTransport | None = None,
    wire: Wire | None = None,
    folder_of: FolderOf | None = None,
) -> System:
    """One system of a point of sale; transport: what its requests go over, its own unless told.

    wire: gives that transport, see there; folder_of: gives the folder of a system that exchanges files, its own unless
    told. Raises ConfigurationError; whoever opens it closes it.
    """
    secrets = {name: environment[variable] for name, variable in settings.secrets.items()}
    if isinstance(settings.connection, FilesConnection):
        from stocksync.adapters.systems.files.system import FilesSystem

        return FilesSystem(
            settings.connection,
            address=environment[settings.address],
            secrets=secrets,
            point_of_sale_code=settings.code,
            id_path=settings.record.id,
            reference_path=settings.record.reference,
            clock=clock,
            transport=folder_of(settings) if folder_of is not None else None,
            name=settings.label.en,
        )
    if not isinstance(settings.connection, RestConnection):
        raise ConfigurationError(
            f"{settings.system}: the protocol {settings.connection.protocol} is for tests and cannot be reached "
            "from the command line."
        )
    from stocksync.adapters.systems.rest import RestSystem

    if wire is not None:
        transport = wire(settings, lambda: _own_transport(settings, environment))
    return RestSystem(
        settings.connection,
        base_url=environment[settings.address],
        secrets=secrets,
        point_of_sale_code=settings.code,
        id_path=settings.record.id,
        version_path=settings.record.version,
        clock=clock,
        transport=transport,
        name=settings.label.en,
    )


def _own_transport(settings: SystemSettings, environment: Mapping[str, str]) -> BaseTransport:
    """What a system's requests go over unless told otherwise."""
    from stocksync.adapters.systems.guarded import GuardedTransport
    from stocksync.adapters.systems.http import checked_base_url

    assert isinstance(settings.connection, RestConnection)
    base_url = checked_base_url(environment[settings.address], settings.label.en)
    return GuardedTransport(base_url, connections=settings.connection.concurrency + 1)

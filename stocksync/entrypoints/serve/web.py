"""What the HTTP application is told of the service. Not here: what it answers, which is `entrypoints.http`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stocksync.entrypoints.serve.http_thread import HttpThread, address_of

if TYPE_CHECKING:
    from stocksync.entrypoints.http.doors import HookSettings
    from stocksync.entrypoints.http.hooks import HookDesk
    from stocksync.entrypoints.http.metrics import Metrics
    from stocksync.entrypoints.http.service import Unready
    from stocksync.entrypoints.serve.service import Service
    from stocksync.entrypoints.serve.storage import Storage
    from stocksync.mapping.effective import MappingSet
    from stocksync.stock.values import Side
    from stocksync.sync.health import Health

METRICS_TOKEN: Final = "STOCKSYNC_METRICS_TOKEN"


@dataclass(frozen=True, slots=True)
class _Told:
    """The service as the HTTP application knows it."""

    service: Service
    read_health: Callable[[], Health]
    reach_database: Callable[[], object]
    storage: Storage

    def hint(self, point_of_sale: str, side: Side, record_id: str) -> None:
        """Take note that a record may have moved."""
        self.service.hint(point_of_sale, side, record_id)

    def health(self) -> Health:
        """Read how everything stands from the database."""
        return self.read_health()

    def unready(self) -> Sequence[Unready]:
        """Say why the service is not ready."""
        from sqlalchemy.exc import SQLAlchemyError

        from stocksync.entrypoints.http.service import Unready

        if self.service.stopping.is_set():
            return [Unready.STOPPING]
        reasons = [] if self.service.is_at_work() else [Unready.SCHEDULER]
        if (fault := self.storage.fault) is not None:
            reasons.append(Unready.of(fault.cause))
        try:
            self.reach_database()
        except SQLAlchemyError:
            reasons.append(Unready.DATABASE)
        return list(dict.fromkeys(reasons))


@dataclass(slots=True)
class Web:
    """An address to answer at, and what is answered from; figures are counted from the first run on."""

    address: str
    hooks: HookSettings
    metrics: Metrics
    environment: Mapping[str, str]
    read_health: Callable[[], Health]
    reach_database: Callable[[], object]
    storage: Storage
    _desk: HookDesk | None = None

    def take_over(self, edited: MappingSet) -> None:
        """Take webhooks in as edited mapping files say. Raises ConfigurationError where a secret is not there."""
        from stocksync.entrypoints.http.doors import hook_settings

        self.hooks = hook_settings(edited, self.environment)
        if self._desk is not None:
            self._desk.adopt(self.hooks)

    def thread(self, service: Service) -> HttpThread:
        """Take the address and put the application there. Raises UsageError and ConfigurationError."""
        from stocksync.entrypoints.http.app import SERVER_OPTIONS, create_app

        host, port = address_of(self.address)
        told = _Told(service, self.read_health, self.reach_database, self.storage)
        token = self.environment.get(METRICS_TOKEN) or None
        application = create_app(told, self.hooks, self.metrics, host=host, metrics_token=token)
        self._desk = application.state.hooks
        return HttpThread(application, host, port, SERVER_OPTIONS)

"""The service put together from settings, mapping files and database: its threads, and what an edit changes in them.

Not here: what each part does, and what is said as it starts and ends.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import time as wall
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from stocksync import assembly
from stocksync.adapters.store.keeping import prune
from stocksync.entrypoints import logs
from stocksync.entrypoints.exchange import Exchange
from stocksync.entrypoints.log_watcher import LogWatcher
from stocksync.entrypoints.serve.edits import EVERY_S, CurrentRuns, look_for_edits
from stocksync.entrypoints.serve.folders import Folders
from stocksync.entrypoints.serve.regularly import A_MINUTE_S, Regularly
from stocksync.entrypoints.serve.service import Service, Upcoming
from stocksync.entrypoints.serve.storage import LOOK_EVERY_S, Storage
from stocksync.entrypoints.serve.turns import Hooks, Turns
from stocksync.entrypoints.serve.watchers import Watchers
from stocksync.entrypoints.serve.web import Web
from stocksync.errors import ConfigurationError
from stocksync.mapping.in_force import MappingsInForce
from stocksync.sync.group import Group
from stocksync.sync.health import Health
from stocksync.sync.timetable import Schedule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stocksync.adapters.store.repository import Repository
    from stocksync.entrypoints.context import Context
    from stocksync.entrypoints.serve.http_thread import HttpThread
    from stocksync.mapping.effective import MappingSet
    from stocksync.sync.health import Pause

KEPT_FOR: Final = timedelta(days=90)
"""How long what is over is kept; forgotten every night, see `stocksync db prune`."""


class Assembled:
    """Every part of the service; nothing runs before `start`, and what it schedules is known after `schedule`.

    stopping: set when the end is asked for. address: where to answer over HTTP, None for nowhere.
    Raises ConfigurationError, MappingInvalid and UsageError for what the service could not work by.
    """

    def __init__(
        self, obj: Context, repository: Repository, stopping: threading.Event, workers: int, address: str | None
    ) -> None:
        self._settings, self._repository, self._stopping = obj.settings, repository, stopping
        self._clock = assembly.SystemClock(stopping.wait)
        self.mappings = obj.load_mappings()
        self._takes_hooks = address is not None
        self._check(self.mappings)
        self._in_force = MappingsInForce(obj.mappings, self.mappings, check=self._check_edit)
        self._gates = assembly.open_gates(repository, self._clock)
        self._pauses = assembly.open_pauses(repository)
        self._storage = Storage(repository.engine, lambda summary: self._watchers.ended(summary))
        self._web = self._opened_web(address) if address else None
        self._watchers = Watchers([LogWatcher(), *([self._web.metrics.watcher] if self._web is not None else [])])
        self._hooks = self._opened_hooks(obj)
        self.schedules = schedules_of(self.mappings, obj.settings.quick_every_s)
        turns = Turns(
            CurrentRuns(self._in_force, self._group),
            self.schedules,
            lambda point: assembly.health_of(repository, [point], self._clock).points[0],
            self._clock,
            self._hooks,
            self._storage,
        )
        self.service = Service(turns, pairs_of(self.mappings), self._pauses.in_force, stopping, workers)
        self._alerting = assembly.open_alerting(obj.settings, repository, self.mappings, logs.cleaned)
        self._http: HttpThread | None = self._web.thread(self.service) if self._web is not None else None

    @property
    def url(self) -> str | None:
        """Where it answers over HTTP, once it was started; None for nowhere."""
        return self._http.url if self._http is not None else None

    def schedule(self) -> tuple[list[Upcoming], Mapping[str, Pause]]:
        """Set the timetable up; when each point of sale is due first, and who told which of them to be left alone."""
        return self.service.schedule(), self._pauses.in_force()

    def start(self) -> None:
        """Begin to work."""
        self.service.start()
        Regularly("alerts", self._look, self._stopping, A_MINUTE_S).start()
        Regularly("mapping files", lambda: look_for_edits(self._in_force, self._adopt), self._stopping, EVERY_S).start()
        look = partial(self._storage.look, self.service.try_again)
        Regularly("database", look, self._stopping, LOOK_EVERY_S).start()
        if self._http is not None:
            self._http.start()

    def stop(self) -> None:
        """Ask for the end; what runs comes to its own."""
        self.service.stop()
        if self._http is not None:
            self._http.stop()

    def health(self) -> Health:
        """How everything stands, read from the database, and whether an edit of the mapping files was refused."""
        found = assembly.health_of(self._repository, list(self._in_force.now.points_of_sale), self._clock)
        return replace(self._storage.added_to(found), edit_refused=self._in_force.refused)

    def _group(self, now: MappingSet) -> Group:
        return Group(
            now,
            self._repository,
            self._clock,
            lambda point: assembly.open_systems(point, self._settings.environment, self._clock, self._gates),
            self._watchers,
            purpose="serve",
            stop=self._stopping.is_set,
        )

    def _look(self) -> None:
        try:
            health = self.health()
        except Exception as error:
            # A server that is away answers nothing: that is to be told, too.
            health = Health((), edit_refused=self._in_force.refused, storage=str(self._storage.seen_in(error) or ""))
            if not health.storage:
                raise
        self._alerting.look(health, self._clock.now_at())

    def _adopt(self, edited: MappingSet) -> None:
        self._alerting.rules = assembly.alert_rules(edited)
        self.service.adopt(pairs_of(edited), schedules_of(edited, self._settings.quick_every_s))
        for hook in self._hooks.edited:
            hook()
        if self._web is not None:
            self._web.take_over(edited)

    def _check(self, mappings: MappingSet) -> None:
        """Raise ConfigurationError for what the mapping files name and the environment does not give, all of it."""
        assembly.check_systems(mappings, self._settings.environment, self._clock)
        if self._takes_hooks:
            from stocksync.entrypoints.http.doors import hook_settings

            hook_settings(mappings, self._settings.environment)

    def _check_edit(self, edited: MappingSet) -> None:
        """An edit that names what the environment does not give would only stop its points of sale."""
        try:
            self._check(edited)
        except ConfigurationError as error:
            raise ConfigurationError(
                f"{error} Then start the service anew: it knows the variables of its start."
            ) from None

    def _opened_hooks(self, obj: Context) -> Hooks:
        """What is done around runs and once a night."""
        nightly: tuple[Callable[[], None], ...] = (self._forget,)
        if obj.settings.exchange is None:
            return Hooks(nightly=nightly)
        root, settle_s, clock = obj.settings.exchange, obj.settings.exchange_settle_s, self._clock
        questions, repository, language = assembly.open_questions(self._repository), self._repository, obj.language
        folders = Folders(
            lambda: Exchange(root, settle_s, questions, repository, self._in_force.now, clock, language), language
        )
        return Hooks((folders.take_in,), (folders.put_out,), nightly=nightly, edited=(folders.renew,))

    def _forget(self) -> None:
        prune(self._repository.engine, self._clock.now_at() - KEPT_FOR, stopping=self._stopping)

    def _opened_web(self, address: str) -> Web:
        from stocksync.entrypoints.http.doors import hook_settings
        from stocksync.entrypoints.http.metrics import Metrics

        hooks = hook_settings(self._in_force.now, self._settings.environment)
        environment = self._settings.environment
        metrics = Metrics(hooks.doors)
        return Web(address, hooks, metrics, environment, self.health, self._pauses.in_force, self._storage)


def pairs_of(mappings: MappingSet) -> dict[str, str]:
    """The pair of each point of sale."""
    return {point.id: point.pair for point in mappings.points_of_sale.values()}


def schedules_of(mappings: MappingSet, quick_every_s: float | None) -> dict[str, Schedule]:
    """When each point of sale is synchronised; quick_every_s: in place of every interval of the mapping."""
    return {
        point.id: Schedule(
            quick_every_s or point.schedule.quick_every_min * 60,
            wall.fromisoformat(point.schedule.complete_at),
            ZoneInfo(point.time_zone),
        )
        for point in mappings.points_of_sale.values()
    }

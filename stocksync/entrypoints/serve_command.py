"""`stocksync serve`: the service as a command; what it consists of is `entrypoints.serve`."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import time as wall
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import click

if TYPE_CHECKING:
    from stocksync.adapters.store.repository import Repository
    from stocksync.entrypoints.context import Context
    from stocksync.entrypoints.serve.stopping import Signals
    from stocksync.entrypoints.serve.turns import Hooks
    from stocksync.entrypoints.serve.web import Web
    from stocksync.mapping.effective import MappingSet
    from stocksync.mapping.in_force import MappingsInForce
    from stocksync.sync.ports import Clock
    from stocksync.sync.timetable import Schedule


KEPT_FOR: Final = timedelta(days=90)
"""How long what is over is kept; forgotten every night, see `stocksync db prune`."""


@click.command()
@click.option("--workers", type=click.IntRange(1, 32), help="How many points of sale are at work at once. [4]")
@click.option("--http", "address", metavar="ADDRESS:PORT", help="Take webhooks and show figures there. [nowhere]")
@click.pass_context
def serve(ctx: click.Context, workers: int | None, address: str | None) -> None:
    """Keep every point of sale in agreement, unattended, until told to stop.

    Each gets a quick run every `quick_every_min` and a complete one at `complete_at` (points_of_sale.yaml); whatever
    is overdue at the start comes first. Files of the exchange folders are taken in before, reports put out after.
    `sync`, `pause` and the other commands can be used beside it.

    SIGTERM and Ctrl-C let what runs come to its end, for 25 seconds at most; a second one does not wait. However the
    service ends, the next start goes on. Edits of the mapping files come into force between runs: one that is not
    valid does not, and one that changes what is decided waits for `stocksync mapping accept`. New environment
    variables need a new start.

    \b
      stocksync serve --workers 4 --http 127.0.0.1:8080
    \b
    Environment: STOCKSYNC_WORKERS as --workers; STOCKSYNC_QUICK_EVERY_S, for rehearsals, an interval in seconds in
    place of every quick_every_min.
    Ends with 0 once it was stopped, 1 where that took too long, 2 for wrong use or configuration.
    """
    from stocksync.entrypoints.serve.stopping import Signals

    obj: Context = ctx.obj
    with Signals() as signals, obj.repository(only_reading=False) as repository:
        code = _serve(obj, repository, signals, workers or obj.settings.workers, address)
    ctx.exit(code)


def _serve(obj: Context, repository: Repository, signals: Signals, workers: int, address: str | None) -> int:
    from stocksync import assembly
    from stocksync.entrypoints import logs
    from stocksync.entrypoints.log_watcher import LogWatcher
    from stocksync.entrypoints.serve.announcement import Announcement
    from stocksync.entrypoints.serve.edits import EVERY_S, CurrentRuns, look_for_edits
    from stocksync.entrypoints.serve.regularly import A_MINUTE_S, Regularly
    from stocksync.entrypoints.serve.service import Service
    from stocksync.entrypoints.serve.stopping import STOP_S, end_in_time
    from stocksync.entrypoints.serve.turns import Turns
    from stocksync.entrypoints.serve.watchers import Watchers
    from stocksync.mapping.in_force import MappingsInForce
    from stocksync.sync.group import Group

    stopping, announcement = threading.Event(), Announcement(obj.language)
    mappings, clock = obj.load_mappings(), assembly.SystemClock(stopping.wait)
    in_force = MappingsInForce(obj.mappings, mappings)
    gates = assembly.open_gates(repository, clock)
    web = _web(obj, repository, in_force, clock, address) if address else None
    watchers = Watchers([LogWatcher(), *([web.metrics.watcher] if web is not None else [])])

    def group(now: MappingSet) -> Group:
        return Group(
            now,
            repository,
            clock,
            lambda point: assembly.open_systems(point, obj.settings.environment, clock, gates),
            watchers,
            purpose="serve",
            stop=stopping.is_set,
        )

    schedules = schedules_of(mappings, obj.settings.quick_every_s)
    hooks = _hooks(obj, repository, in_force, clock, stopping)
    turns = Turns(
        CurrentRuns(in_force, group),
        schedules,
        lambda point: assembly.health_of(repository, [point], clock).points[0],
        clock,
        hooks,
    )
    pauses = assembly.open_pauses(repository)
    service = Service(turns, pairs_of(mappings), pauses.in_force, stopping, workers)
    alerting = assembly.open_alerting(obj.settings, repository, mappings, logs.cleaned)

    def look() -> None:
        health = assembly.health_of(repository, list(in_force.now.points_of_sale), clock)
        alerting.look(replace(health, edit_refused=in_force.refused), clock.now_at())

    def adopt(edited: MappingSet) -> None:
        alerting.rules = assembly.alert_rules(edited)
        service.adopt(pairs_of(edited), schedules_of(edited, obj.settings.quick_every_s))
        for hook in hooks.edited:
            hook()
        if web is not None:
            web.take_over(edited)

    watch = Regularly("alerts", look, stopping, A_MINUTE_S)
    edits = Regularly("mapping files", lambda: look_for_edits(in_force, adopt), stopping, EVERY_S)
    http = web.thread(service) if web is not None else None
    announcement.points(service.schedule(), schedules, pauses.in_force())
    service.start()
    watch.start()
    edits.start()
    if http is not None:
        http.start()
        announcement.http(http.url)
    announcement.ready(len(mappings.points_of_sale), workers)
    signals.wait()
    until_s = time.monotonic() + STOP_S
    announcement.stopping(STOP_S)
    service.stop()
    if http is not None:
        http.stop()
    return end_in_time(service, signals, announcement.say, until_s)


def pairs_of(mappings: MappingSet) -> dict[str, str]:
    """The pair of each point of sale."""
    return {point.id: point.pair for point in mappings.points_of_sale.values()}


def schedules_of(mappings: MappingSet, quick_every_s: float | None) -> dict[str, Schedule]:
    """When each point of sale is synchronised; quick_every_s: in place of every interval of the mapping."""
    from stocksync.sync.timetable import Schedule

    return {
        point.id: Schedule(
            quick_every_s or point.schedule.quick_every_min * 60,
            wall.fromisoformat(point.schedule.complete_at),
            ZoneInfo(point.time_zone),
        )
        for point in mappings.points_of_sale.values()
    }


def _hooks(
    obj: Context, repository: Repository, in_force: MappingsInForce, clock: Clock, stopping: threading.Event
) -> Hooks:
    """What is done around runs and once a night."""
    from stocksync.adapters.store.keeping import prune
    from stocksync.entrypoints.serve.turns import Hooks

    def forget() -> None:
        prune(repository.engine, clock.now_at() - KEPT_FOR, stopping=stopping)

    if obj.settings.exchange is None:
        return Hooks(nightly=(forget,))
    from stocksync.assembly import open_questions
    from stocksync.entrypoints.exchange import Exchange
    from stocksync.entrypoints.serve.folders import Folders

    root, settle_s = obj.settings.exchange, obj.settings.exchange_settle_s
    questions = open_questions(repository)
    folders = Folders(
        lambda: Exchange(root, settle_s, questions, repository, in_force.now, clock, obj.language), obj.language
    )
    return Hooks((folders.take_in,), (folders.put_out,), nightly=(forget,), edited=(folders.renew,))


def _web(obj: Context, repository: Repository, in_force: MappingsInForce, clock: Clock, address: str) -> Web:
    from stocksync import assembly
    from stocksync.entrypoints.http.doors import hook_settings
    from stocksync.entrypoints.http.metrics import Metrics
    from stocksync.entrypoints.serve.web import Web

    hooks = hook_settings(in_force.now, obj.settings.environment)
    return Web(
        address,
        hooks,
        Metrics(hooks.doors),
        obj.settings.environment,
        lambda: assembly.health_of(repository, list(in_force.now.points_of_sale), clock),
        assembly.open_pauses(repository).in_force,
    )

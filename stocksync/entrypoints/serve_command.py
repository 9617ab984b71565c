"""`stocksync serve`: the service as a command; what it consists of is `entrypoints.serve`."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from stocksync.adapters.store.repository import Repository
    from stocksync.entrypoints.context import Context
    from stocksync.entrypoints.serve.stopping import Signals


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
    from stocksync.entrypoints.serve.announcement import Announcement
    from stocksync.entrypoints.serve.assembled import Assembled
    from stocksync.entrypoints.serve.stopping import STOP_S, end_in_time

    announcement = Announcement(obj.language)
    parts = Assembled(obj, repository, threading.Event(), workers, address)
    upcoming, paused = parts.schedule()
    announcement.points(upcoming, parts.schedules, paused)
    parts.start()
    if parts.url is not None:
        announcement.http(parts.url)
    announcement.ready(len(parts.mappings.points_of_sale), workers)
    signals.wait()
    until_s = time.monotonic() + STOP_S
    announcement.stopping(STOP_S)
    parts.stop()
    return end_in_time(parts.service, signals, announcement.say, until_s)

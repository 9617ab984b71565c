"""`stocksync db`: back the database up, check it, forget what nothing looks at any more; a person: see `db_erase`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from stocksync.entrypoints import exit_codes, rendering
from stocksync.entrypoints.db_erase import erase

if TYPE_CHECKING:
    from stocksync.entrypoints.context import Context

_JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.group()
def db() -> None:
    """Look after the database: back it up, check it, keep it small, erase a person from it."""


db.add_command(erase)


@db.command()
@click.argument("to", required=False, type=click.Path(path_type=Path))
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    metavar="N",
    help="Once the new backup is good, delete all but the N newest of those named by stocksync. [keep all]",
)
@_JSON
@click.pass_obj
def backup(obj: Context, to: Path | None, keep: int | None, as_json: bool) -> None:
    """Back the database up into TO while stocksync goes on working.

    TO is a folder, or a file that is not there yet; without it, the backup goes beside the database. It gets its name
    only once it is whole and was checked: its pages, its references, its journal. Only its owner may read it. Copying
    the database's own file instead would miss what was written last.

    \b
    To bring a backup back: stop stocksync, delete the database with its -wal and -shm files,
    and copy the backup to its place.
    """
    from stocksync.adapters.store.backup import back_up
    from stocksync.adapters.store.database_file import existing_file
    from stocksync.assembly import SystemClock
    from stocksync.entrypoints.db_view import BackupView

    database = existing_file(obj.settings.database_url)
    view = BackupView(back_up(database, to, SystemClock().now_at(), keep), obj.language)
    click.echo(rendering.as_json(view.as_data()) if as_json else "\n".join(view.lines()))


@db.command()
@click.option("--quick", is_flag=True, help="Leave out what takes long: indexes against tables, the journal's chain.")
@_JSON
@click.pass_obj
def check(obj: Context, quick: bool, as_json: bool) -> None:
    """Check the database: its file, where it lies, its journal, and that what it says fits together.

    Nothing is changed, and stocksync may go on working. Every fault is told with where it is and how it is mended.

    \b
    Exit codes: 0 nothing is wrong, 1 something is.
    """
    from stocksync.adapters.store import check as checking
    from stocksync.adapters.store.database_file import existing_file
    from stocksync.assembly import SystemClock
    from stocksync.entrypoints.db_view import CheckView

    database = existing_file(obj.settings.database_url)
    checked = checking.check(database, SystemClock().now_at(), quick=quick)
    view = CheckView(checked, obj.language)
    click.echo(rendering.as_json(view.as_data()) if as_json else "\n".join(view.lines()))
    if checked.faults:
        raise click.exceptions.Exit(exit_codes.UNFINISHED)


@db.command()
@click.option("--days", type=click.IntRange(min=1, max=36_500), default=90, show_default=True, help="What to keep.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be deleted.")
@_JSON
@click.pass_obj
def prune(obj: Context, days: int, dry_run: bool, as_json: bool) -> None:
    """Forget what was over and done with more than --days ago.

    Writes that ended, records that are gone from a system, runs that changed nothing, the figures of the others,
    mapping files that no run worked by, alerts that are over. Never the journal, a report row, a decision, a car, or
    what a point of sale stands on. stocksync may go on working; the file does not shrink, its room is used again.
    """
    from datetime import timedelta

    from stocksync.adapters.store import keeping
    from stocksync.adapters.store.database_file import refuse_missing_file
    from stocksync.assembly import SystemClock
    from stocksync.entrypoints.db_view import PruneView

    refuse_missing_file(obj.settings.database_url)
    before = SystemClock().now_at() - timedelta(days=days)
    with obj.repository(only_reading=False) as repository:
        pruned = keeping.prune(repository.engine, before, dry_run=dry_run)
    view = PruneView(pruned, before, obj.language, dry_run)
    click.echo(rendering.as_json(view.as_data()) if as_json else "\n".join(view.lines()))

"""`stocksync journal`: prove that nobody changed the journal, and read it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

import click

from stocksync.entrypoints import exit_codes, rendering
from stocksync.errors import UsageError

if TYPE_CHECKING:
    from stocksync.entrypoints.context import Context

_JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.group()
def journal() -> None:
    """Prove that nobody changed the journal, and read it.

    Every row of the journal carries a hash of itself and of the row before it.
    """


@journal.command()
@click.option("--expect", metavar="HASH", help="A last hash that was noted earlier; it must still be in the chain.")
@_JSON
@click.pass_obj
def verify(obj: Context, expect: str | None, as_json: bool) -> None:
    """Walk along the whole journal, and tell the first row that does not fit.

    A row that was changed, taken out, put in or moved is found. Rows cut off at the end are not, unless a hash that
    was noted before is given with --expect: note the last hash now and then, where the database's keeper cannot write.

    \b
    Exit codes: 0 the journal is whole, 1 it is not.
    """
    from stocksync.adapters.store.backup import CHAINED_SINCE
    from stocksync.adapters.store.database_file import looked_at, revision_of, shown
    from stocksync.adapters.store.journal_rows import walk_journal
    from stocksync.entrypoints.journal_view import VerifyView

    expected = _hash(expect) if expect is not None else None
    with looked_at(obj.settings.database_url) as connection:
        revision, where = revision_of(connection), shown(obj.settings.database_url)
        if revision is None:
            raise UsageError(f"{where} is no database of stocksync.")
        if revision < CHAINED_SINCE:
            raise UsageError(
                f"The journal of {where} has no chain yet (schema {revision}); `stocksync status` brings it up to date."
            )
        walked = walk_journal(connection, expected)
    view = VerifyView(walked, expected, obj.language)
    click.echo(rendering.as_json(view.as_data()) if as_json else "\n".join(view.lines()))
    if not view.is_whole:
        raise click.exceptions.Exit(exit_codes.UNFINISHED)


@journal.command()
@click.option("--car", metavar="VEHICLE", help="Only this car: a VIN, a plate, a police number, or an id.")
@click.option("--run", type=click.IntRange(min=0), metavar="N", help="Only this run; 0 for what was done outside one.")
@click.option("--since", metavar="INSTANT", help="Only from then on: 2026-11-20, or 2026-11-20T09:30, in French time.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="The newest so many.")
@_JSON
@click.pass_obj
def show(obj: Context, car: str | None, run: int | None, since: str | None, limit: int, as_json: bool) -> None:
    """Print the newest lines of the journal, oldest first; names of people are masked."""
    from stocksync.adapters.store.journal_rows import facts, with_parts
    from stocksync.entrypoints.journal_view import ShowView
    from stocksync.entrypoints.lookup import find_car

    since_at = _instant(since) if since is not None else None
    mappings = obj.load_mappings()
    with obj.questions() as questions:
        found = find_car(questions, car, obj.language) if car is not None else None
        with questions.engine.connect() as connection:
            wanted = with_parts(connection, found.id) if found is not None else None
            listed = facts(connection, limit, car_ids=wanted, run_id=run, since_at=since_at)
        cars = questions.cars_by_id(line.car_id for line in listed if line.car_id is not None)
    if found is not None and wanted is not None:
        cars |= dict.fromkeys(wanted, found)
    view = ShowView(tuple(listed), cars, mappings, obj.language)
    click.echo(rendering.as_json(view.as_data()) if as_json else "\n".join(view.lines()))


def _hash(said: str) -> str:
    folded = said.strip().lower()
    if not re.fullmatch(r"[0-9a-f]{64}", folded):
        raise UsageError("--expect takes the 64 signs (0-9, a-f) of a hash that `stocksync journal verify` showed.")
    return folded


def _instant(said: str) -> datetime:
    from stocksync.entrypoints.journal_view import FRENCH_TIME

    try:
        at = datetime.fromisoformat(said.strip())
    except ValueError:
        raise UsageError(f"--since takes an instant such as 2026-11-20 or 2026-11-20T09:30, not {said!r}.") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=FRENCH_TIME)

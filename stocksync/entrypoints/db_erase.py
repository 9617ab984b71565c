"""`stocksync db erase`: take a person out of what stocksync remembers, and tell what still holds them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from stocksync.entrypoints import exit_codes, rendering
from stocksync.entrypoints.signature import signed
from stocksync.errors import UsageError

if TYPE_CHECKING:
    from stocksync.adapters.store.person import Person
    from stocksync.entrypoints.context import Context
    from stocksync.entrypoints.db_erase_view import ErasedView, FoundView

_LONGEST_LINE: Final = 1000


@click.command()
@click.argument("person")
@click.option("--by", metavar="NAME", help="Who erases; noted in the journal. [the user of this machine]")
@click.option(
    "--reports",
    "folders",
    multiple=True,
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Also delete conflict reports, and answers to them, that lie in DIR or below and hold the person.",
)
@click.option("--dry-run", is_flag=True, help="Only tell what holds the person.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="For programs; with --yes or --dry-run.")
@click.pass_obj
def erase(
    obj: Context, person: str, by: str | None, folders: Sequence[Path], dry_run: bool, yes: bool, as_json: bool
) -> None:
    """Erase PERSON from what is over and done with, and tell what still holds them.

    PERSON is found as a whole value or as whole words in a text, whatever the case, the accents and the spaces; for
    every other way to spell them ("C. Martin", "Martin Claude"), run it again. `-` reads PERSON from standard input, so
    that the name stays out of the history of the shell.

    \b
    What both systems still hold is not touched, as it would come back. So:
      1. erase the person in the vehicle module and in the DMS,
      2. stocksync sync,
      3. stocksync db erase PERSON, until it ends with 0.

    Of the lines of the journal that name them a digest stays, so that its chain holds: `journal verify` counts them,
    and a line tells who erased. The file is written anew, which takes as much room again for a moment.

    Backups hold what was there: delete them, or let `db backup --keep` replace them. Copies of reports outside DIR, and
    what was sent by mail or to a webhook, are not looked at either.

    \b
    Exit codes: 0 nothing is left, 1 something still holds the person.
    """
    from stocksync.adapters.store.database_file import refuse_missing_file
    from stocksync.adapters.store.person import Person

    if as_json and not (yes or dry_run):
        raise UsageError("--json asks no question: give --yes as well, or --dry-run.")
    said, who = _named(person), signed(by, "erases")
    whom = Person(said)
    if whom.is_in(who):
        raise UsageError("Who erases is kept by name, and is the person to be erased: name another one with --by.")
    refuse_missing_file(obj.settings.database_url)
    unfinished = _run(obj, said, whom, who, folders, ask=not yes, dry_run=dry_run, as_json=as_json)
    if unfinished:
        raise click.exceptions.Exit(exit_codes.UNFINISHED)


def _run(
    obj: Context, said: str, whom: Person, by: str, folders: Sequence[Path], *, ask: bool, dry_run: bool, as_json: bool
) -> bool:
    """Find, ask, erase, tell; the answer is whether something still holds the person."""
    from stocksync.adapters.store.erasing import erase_person, find_person
    from stocksync.assembly import SystemClock
    from stocksync.entrypoints.db_erase_view import ErasedView, FoundView
    from stocksync.entrypoints.erase_reports import delete_reports, holding_files

    with obj.repository(only_reading=False) as repository:
        with repository.engine.connect() as connection:
            found = find_person(connection, said)
        files = holding_files(folders, whom)
        before = FoundView(found, tuple(files), whom, obj.language)
        if dry_run:
            _echo(before, as_json=as_json)
            return before.holds_any
        if ask and before.erases_any and not _confirmed(before):
            return True
        deleted = delete_reports(files, whom)
        erased = erase_person(repository.engine, said, by, SystemClock().now_at())
    kept = tuple(file for file in files if file.path not in deleted)
    view = ErasedView(erased, tuple(deleted), kept, whom, obj.language)
    _echo(view, as_json=as_json)
    return view.holds_any


def _named(person: str) -> str:
    return person if person != "-" else str(sys.stdin.readline(_LONGEST_LINE))


def _confirmed(before: FoundView) -> bool:
    _echo(before, as_json=False)
    if click.confirm(before.question, err=True):
        return True
    click.echo(before.nothing_done)
    return False


def _echo(view: FoundView | ErasedView, *, as_json: bool) -> None:
    click.echo(rendering.as_json(view.as_data()) if as_json else "\n".join(view.lines()))

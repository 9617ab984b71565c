"""`stocksync status`: how every point of sale stands; nothing is sent, nothing is changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from stocksync.entrypoints import exit_codes, rendering

if TYPE_CHECKING:
    from stocksync.adapters.store.health_rows import Source
    from stocksync.entrypoints.context import Context
    from stocksync.entrypoints.status_in_force import InForce
    from stocksync.entrypoints.status_view import StatusView

_RECENT_RUNS: Final = 10


@click.command()
@click.option("--point-of-sale", "wanted", multiple=True, metavar="ID", help="This one in full; may be given again.")
@click.option("--all", "everything", is_flag=True, help="A line for each point of sale, however many there are.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def status(obj: Context, wanted: Sequence[str], everything: bool, as_json: bool) -> None:
    """Tell how each point of sale stands.

    First who needs somebody, and the command that goes on: halted by a guard, failing, late, never synchronised,
    paused. Then a line for each: when its last good run ended and of which kind, how long ago that began, what is on
    its way, what waits for a decision. With many points of sale the quiet ones are only counted. No request is sent.

    Where the mapping files are not valid, that is said above everything else, and all is told by the files that the
    last runs worked by.

    \b
    Exit codes: 0 whatever it tells, 3 where the mapping files are not valid and runs go on by those before, 2 where
    nothing ever ran by others either.
    """
    from stocksync.entrypoints.status_data import status_data
    from stocksync.entrypoints.status_view import echo_no_room, echo_refused

    view, files = _seen(obj, wanted)
    has_room = _has_room(obj)
    if as_json:
        data = {**status_data(view), "mapping": files.as_data(), "database": {"has_room": has_room}}
        click.echo(rendering.as_json(data))
    else:
        if not has_room:
            echo_no_room(obj.language)
        if files.problems:
            echo_refused(files, obj.language)
        view.echo(everything=everything)
    if files.problems:
        raise click.exceptions.Exit(exit_codes.HALTED)


def _has_room(obj: Context) -> bool:
    """Tell whether there is room beside the database's file: without, no failed run can be kept either."""
    from stocksync.adapters.store.faults import Cause, cause_at
    from stocksync.adapters.store.plain import SqliteFile

    source = obj.database_as_it_is()
    return not isinstance(source, SqliteFile) or cause_at(source.path) is not Cause.NO_ROOM


def _seen(obj: Context, wanted: Sequence[str]) -> tuple[StatusView, InForce]:
    """How it all stands, read without SQLAlchemy where that is enough."""
    from sqlite3 import Error

    from stocksync.adapters.store.plain import SqliteFile
    from stocksync.entrypoints.status_points import KEPT_SUFFIX

    source = obj.database_as_it_is()
    if source is not None:
        path = source.path if isinstance(source, SqliteFile) else None
        try:
            return _look(obj, source, wanted, path.with_name(f"{path.name}{KEPT_SUFFIX}") if path else None)
        except Error:
            # Opened in full it is mended, or told of as by every other command.
            pass
    with obj.repository(only_reading=True) as repository:
        return _look(obj, repository.engine, wanted, None)


def _look(obj: Context, source: Source, wanted: Sequence[str], kept: Path | None) -> tuple[StatusView, InForce]:
    """Read everything that is told; kept: where the mapping's few words are kept for the next time."""
    from functools import partial

    from stocksync.adapters.store.health_rows import health, known_points, recent_runs
    from stocksync.entrypoints.status_in_force import in_force
    from stocksync.entrypoints.status_view import StatusView

    now_at = datetime.now(UTC)
    known = known_points(source)
    files = in_force(obj.mappings, partial(obj.repository, only_reading=True), known, kept)
    points = _points_asked_for(wanted, files.points, known)
    recent = {point: recent_runs(source, point, _RECENT_RUNS) for point in points} if wanted else {}
    return StatusView(health(source, points, now_at), files.points, now_at, obj.language, recent), files


def _points_asked_for(wanted: Sequence[str], mapped: Collection[str], known: Sequence[str]) -> list[str]:
    """Those that were named; else those of the mapping files, then those that only the database knows."""
    from stocksync.entrypoints.context import named_points

    if wanted:
        gone = [point for point in dict.fromkeys(wanted) if point in known and point not in mapped]
        named = [point for point in wanted if point not in gone]
        return [*(named_points(mapped, named) if named else ()), *gone]
    return list(dict.fromkeys([*mapped, *known]))

"""`stocksync mapping verify`: after some days, where both systems behave otherwise than the guide says."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from stocksync.entrypoints import exit_codes, rendering

if TYPE_CHECKING:
    from stocksync.entrypoints.context import Context


@click.command()
@click.option(
    "--days", type=click.IntRange(1, 36_500), default=30, show_default=True, metavar="N", help="How far to look back."
)
@click.option("--point-of-sale", "wanted", metavar="ID", multiple=True, help="Only this one; several times.")
@click.option(
    "--min-refused",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    metavar="N",
    help="Tell of writes that were refused, ignored or undone from so many on.",
)
@click.option(
    "--min-changes",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    metavar="N",
    help="Tell of changes where the guide allows none from so many on.",
)
@click.option(
    "--min-kept",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="N",
    help="Tell of a provisional row that works from so many writes on.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def verify(
    obj: Context,
    days: int,
    wanted: tuple[str, ...],
    min_refused: int,
    min_changes: int,
    min_kept: int,
    as_json: bool,
) -> None:
    """Tell where both systems behave otherwise than the guide says, from what happened in the last days.

    \b
    For each row of the matrix and each side:
      changed   people changed it there
      put back  such a change that stocksync undid
      kept      writes that the side took as written
      refused   writes that it said no to, with its most frequent words
      ignored   writes that it took, and stored otherwise
      undone    writes that it had kept, and that somebody changed again

    Then what contradicts the guide: OUI, and the DMS refuses; NON, and people change it in the DMS all the same; or a
    provisional row whose writes are all kept, so that it may be confirmed. No request is sent.

    \b
    Exit codes: 0 nothing contradicts the guide, 1 something to look at, 2 wrong use or wrong files.
    """
    from stocksync.adapters.store.experience import tallies
    from stocksync.assembly import SystemClock
    from stocksync.entrypoints.context import chosen_points
    from stocksync.entrypoints.mapping_verify_view import Limits, VerifyView, find, rows_of

    mappings = obj.load_mappings()
    since_at = SystemClock().now_at() - timedelta(days=days)
    limits = Limits(min_refused, min_changes, min_kept)
    pairs: dict[str, list[str]] = {}
    for name in chosen_points(mappings, wanted):
        pairs.setdefault(mappings.points_of_sale[name].pair, []).append(name)
    views = []
    with obj.questions() as questions:
        for pair, names in pairs.items():
            point = mappings.points_of_sale[names[0]]
            rows = rows_of(point, tallies(questions.engine, names, since_at), obj.language)
            views.append(VerifyView(pair, names, since_at, days, rows, find(rows, limits), obj.language))
    if as_json:
        click.echo(rendering.as_json({"days": days, "pairs": [view.as_data() for view in views]}))
    else:
        for number, view in enumerate(views):
            if number:
                click.echo()
            view.echo()
    if any(view.found for view in views):
        raise click.exceptions.Exit(exit_codes.UNFINISHED)

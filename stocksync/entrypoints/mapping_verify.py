"""`stocksync mapping verify`: after some days, where both systems behave otherwise than the guide says."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from stocksync.entrypoints import exit_codes
from stocksync.entrypoints.mapping_by_pair import (
    echo_pairs,
    json_option,
    number_option,
    point_of_sale_option,
    points_by_pair,
)

if TYPE_CHECKING:
    from stocksync.entrypoints.context import Context


@click.command()
@number_option("--days", 30, "How far to look back.", most=36_500)
@point_of_sale_option
@number_option("--min-refused", 3, "Tell of writes that were refused, ignored or undone from so many on.")
@number_option("--min-changes", 5, "Tell of changes where the guide allows none from so many on.")
@number_option("--min-kept", 20, "Tell of a provisional row that works from so many writes on.")
@json_option
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
    from stocksync.entrypoints.mapping_verify_view import Limits, VerifyView, find, rows_of

    mappings = obj.load_mappings()
    since_at = SystemClock().now_at() - timedelta(days=days)
    limits = Limits(min_refused, min_changes, min_kept)
    views = []
    with obj.questions() as questions:
        for pair, names in points_by_pair(mappings, wanted).items():
            point = mappings.points_of_sale[names[0]]
            rows = rows_of(point, tallies(questions.engine, names, since_at), obj.language)
            views.append(VerifyView(pair, names, since_at, days, rows, find(rows, limits), obj.language))
    echo_pairs(views, as_json=as_json, days=days)
    if any(view.found for view in views):
        raise click.exceptions.Exit(exit_codes.UNFINISHED)

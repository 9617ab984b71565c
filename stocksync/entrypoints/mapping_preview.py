"""`stocksync mapping preview`, `diff` and `accept`: what an edit would do, before it does it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stocksync.entrypoints import rendering
from stocksync.errors import UsageError

if TYPE_CHECKING:
    from stocksync.adapters.store.repository import Repository
    from stocksync.entrypoints.context import Context
    from stocksync.entrypoints.former_mappings import Former
    from stocksync.entrypoints.preview_view import PreviewView
    from stocksync.mapping.edits import Edit
    from stocksync.mapping.effective import MappingSet
    from stocksync.sync.preview import PointPreview

_POINTS = click.option(
    "--point-of-sale", "wanted", multiple=True, metavar="ID", help="Only this one; may be given several times."
)
_AGAINST = click.option(
    "--against",
    metavar="DIR|REVISION",
    help="Another folder of mapping files, or this one at a revision of git. [what the last complete runs worked by]",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.command()
@_POINTS
@_AGAINST
@click.option(
    "--csv", "table", type=click.Path(dir_okay=False, path_type=Path), help="Write every difference into this file too."
)
@_JSON
@click.pass_obj
def preview(obj: Context, wanted: Sequence[str], against: str | None, table: Path | None, as_json: bool) -> None:
    """Show what the edited mapping files would change, before they do.

    On the records that stocksync holds in memory, as both systems last showed them: no request is sent, nothing is
    written. Which cars and attributes would be written, refused or held differently, by edited line, with examples.

    \b
      stocksync mapping preview                      against what the last complete runs worked by
      stocksync mapping preview --against HEAD~1     against this folder at a revision of git
      stocksync mapping preview --csv preview.csv    every difference, for a spreadsheet
    """
    from stocksync.entrypoints.context import chosen_points

    mappings = obj.load_mappings()
    points = chosen_points(mappings, wanted)
    with obj.repository(only_reading=True) as repository:
        view = _view(obj, repository, mappings, points, against)
    if table is not None:
        _write_table(view, table)
    if as_json:
        click.echo(rendering.as_json(view.as_data()))
        return
    click.echo("\n".join(view.lines()))
    if view.needs_consent and against is None:
        click.echo(view.say("next"))


@click.command()
@_POINTS
@_AGAINST
@_JSON
@click.pass_obj
def diff(obj: Context, wanted: Sequence[str], against: str | None, as_json: bool) -> None:
    """Show which cells of the ownership matrix the edited mapping files change, and where.

    Whatever else was edited that can change a decision is listed below. What it comes to for the cars in stock is
    `stocksync mapping preview`.
    """
    from stocksync.entrypoints.cells_view import CellsView
    from stocksync.entrypoints.context import chosen_points
    from stocksync.mapping.cells import cell_changes

    mappings = obj.load_mappings()
    with obj.repository(only_reading=True) as repository:
        former = _former(obj, repository, chosen_points(mappings, wanted), against)
    pairs = [(old.points_of_sale[p], mappings.points_of_sale[p]) for p, old in former.sets.items()]
    edits = {edit for found in _edits(mappings, former).values() for edit in found}
    view = CellsView(mappings, cell_changes(pairs), sorted(edits), obj.language)
    if as_json:
        click.echo(rendering.as_json({**view.as_data(), "not_compared": list(former.unknown)}))
        return
    click.echo("\n".join(view.lines()))


@click.command()
@_POINTS
@click.option("--by", required=True, metavar="NAME", help="Who accepts it; stands in the journal.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_JSON
@click.pass_obj
def accept(obj: Context, wanted: Sequence[str], by: str, yes: bool, as_json: bool) -> None:
    """Accept the edited mapping files, once, so that the next run works by them.

    An edit that changes what is decided halts the next run of each point of sale concerned until a person has seen
    what it does. This shows it (see `preview`), asks, and lets it pass. Every other guard still holds.
    """
    from stocksync.assembly import SystemClock
    from stocksync.entrypoints.context import chosen_points

    if as_json and not yes:
        raise UsageError("Nobody can be asked with --json: look with `mapping preview --json`, then add --yes.")
    mappings = obj.load_mappings()
    points = chosen_points(mappings, wanted)
    with obj.repository(only_reading=False) as repository:
        view = _view(obj, repository, mappings, points, None)
        due = {p.point_of_sale: mappings.points_of_sale[p.point_of_sale].version for p in view.previews}
        if not due:
            _tell(view, "already", points, as_json=as_json)
            return
        if not as_json:
            click.echo("\n".join(view.lines()))
        if not yes and not click.confirm(view.say("confirm"), err=True):
            raise UsageError(view.say("refused"))
        repository.accept_mapping(due, by, {"differing": view.differing}, SystemClock().now_at())
    _tell(view, "accepted", list(due), as_json=as_json)


def _tell(view: PreviewView, key: str, points: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        click.echo(rendering.as_json({**view.as_data(), "accepted": list(points) if key == "accepted" else []}))
    else:
        click.echo(view.say(key, points=", ".join(points)))


def _view(
    obj: Context, repository: Repository, mappings: MappingSet, points: Sequence[str], against: str | None
) -> PreviewView:
    from stocksync.entrypoints.preview_view import PreviewView

    former = _former(obj, repository, points, against)
    previews = _previews(repository, mappings, former)
    return PreviewView(mappings, former, _edits(mappings, former), previews, obj.language)


def _former(obj: Context, repository: Repository, points: Sequence[str], against: str | None) -> Former:
    from stocksync.entrypoints.former_mappings import of_last_runs, of_place

    return of_place(against, obj.mappings, points) if against else of_last_runs(repository, points)


def _previews(repository: Repository, mappings: MappingSet, former: Former) -> list[PointPreview]:
    """Of every point of sale whose version moved; where it did not, nothing can differ."""
    from stocksync.assembly import SystemClock
    from stocksync.sync.preview import preview as previewed

    pairs = [(old.points_of_sale[p], mappings.points_of_sale[p]) for p, old in former.sets.items()]
    clock = SystemClock()
    return [previewed(then, now, repository, clock) for then, now in pairs if then.version != now.version]


def _edits(mappings: MappingSet, former: Former) -> dict[str, list[Edit]]:
    """By point of sale, the edits that may concern it; files that several were compared with are compared once."""
    from stocksync.mapping.edits import edits_between

    by_files: dict[int, list[Edit]] = {}
    found = {}
    for point, old in former.sets.items():
        if id(old) not in by_files:
            by_files[id(old)] = edits_between(old.files, mappings.files)
        pair = mappings.points_of_sale[point].pair
        found[point] = [e for e in by_files[id(old)] if e.pair in (None, pair) and e.point_of_sale in (None, point)]
    return found


def _write_table(view: PreviewView, path: Path) -> None:
    from stocksync.entrypoints.preview_view import HEADERS

    try:
        path.write_text(rendering.as_csv(HEADERS[view.language], view.rows()), encoding="utf-8", newline="")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}.") from None

"""`stocksync sync`, `plan` and `release`: agree, show what would be done, let a halted plan pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from stocksync.entrypoints import exit_codes, rendering
from stocksync.errors import UsageError

if TYPE_CHECKING:
    from stocksync.entrypoints.context import Context
    from stocksync.mapping.effective import MappingSet
    from stocksync.sync.cycle import CycleResult
    from stocksync.sync.group import Group

_POINTS = click.option(
    "--point-of-sale", "wanted", multiple=True, metavar="ID", help="Only this one; may be given several times."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.command()
@_POINTS
@click.option("--dry-run", is_flag=True, help="Write nothing: the same as `stocksync plan`.")
@_JSON
@click.pass_context
def sync(ctx: click.Context, wanted: Sequence[str], dry_run: bool, as_json: bool) -> None:
    """Bring both systems into agreement.

    What no rule can decide is reported, for a person.
    Ends with 3 if a guard halted a point of sale, else with 2 or 1 if one could not be done, else with 0.
    """
    ctx.exit(_synchronise(ctx.obj, wanted, dry_run=dry_run, as_json=as_json))


@click.command()
@_POINTS
@_JSON
@click.pass_context
def plan(ctx: click.Context, wanted: Sequence[str], as_json: bool) -> None:
    """Show what `sync` would do now, writing nothing.

    Car by car, with the reason and the line of the mapping that says so.
    """
    ctx.exit(_synchronise(ctx.obj, wanted, dry_run=True, as_json=as_json))


def _run_number(ctx: click.Context, parameter: click.Parameter, said: str) -> int:
    if not (said.isdecimal() and said.isascii() and int(said) > 0):
        raise UsageError(f"{said} is no run: RUN is the number that `stocksync sync` and `stocksync status` give.")
    return int(said)


@click.command()
@click.argument("run", callback=_run_number)
@click.pass_obj
def release(obj: Context, run: int) -> None:
    """Let the plan of a halted RUN pass, once.

    RUN is the number that `sync` and `status` give.
    """
    with obj.repository(only_reading=True) as repository:
        point_of_sale = repository.release(run)
    from stocksync.reports.wording import french_spaces

    if obj.language == "fr":
        said = french_spaces(
            f"L'exécution n° {run} de {point_of_sale} est débloquée : le prochain passage écrira exactement ce plan. "
            "Si le plan a changé d'ici là, la sécurité s'appliquera de nouveau."
        )
    else:
        said = (
            f"Run {run} of {point_of_sale} is released: the next one will write exactly this plan. If the plan has "
            "changed by then, the guard applies again."
        )
    click.echo(f"{said}\n  stocksync sync --point-of-sale {point_of_sale}")


def _synchronise(obj: Context, wanted: Sequence[str], *, dry_run: bool, as_json: bool) -> int:
    from stocksync import assembly
    from stocksync.entrypoints.context import chosen_points
    from stocksync.entrypoints.progress import Bar
    from stocksync.sync.group import Group

    mappings = obj.load_mappings()
    points = chosen_points(mappings, wanted)
    clock, environment = assembly.SystemClock(), obj.settings.environment
    with obj.repository(only_reading=dry_run) as repository, Bar(obj.language) as bar:
        group = Group(mappings, repository, clock, lambda point: assembly.open_systems(point, environment, clock), bar)
        results = _results(group, points, bar, obj, dry_run=dry_run, as_json=as_json)
    code = max((_code(result) for result in results), default=exit_codes.DONE)
    if as_json:
        shown = [_as_data(result, mappings, obj) for result in results]
        click.echo(rendering.as_json({"points_of_sale": shown, "exit_code": code}))
    return code


def _results(
    group: Group, points: Sequence[str], bar: Any, obj: Context, *, dry_run: bool, as_json: bool
) -> list[CycleResult]:
    from stocksync.entrypoints.run_view import echo_faults

    results = []
    for result in group.synchronise(points, dry_run=dry_run):
        results.append(result)
        bar.clear()
        if not as_json:
            _echo(result, group.mappings, obj)
        echo_faults(result, group.mappings.points_of_sale[result.summary.point_of_sale], obj.language)
    return results


def _echo(result: CycleResult, mappings: MappingSet, obj: Context) -> None:
    from stocksync.entrypoints.plan_view import PlanView
    from stocksync.entrypoints.run_view import echo_figures, echo_title

    mapping = mappings.points_of_sale[result.summary.point_of_sale]
    echo_title(result, mapping, obj.language)
    if result.plan is not None and (result.summary.dry_run or result.halts):
        PlanView(result.plan, mapping, obj.language).echo()
    echo_figures(result, mapping, obj.language)


def _as_data(result: CycleResult, mappings: MappingSet, obj: Context) -> dict[str, Any]:
    from stocksync.entrypoints.plan_view import PlanView

    shown = result.summary.as_json()
    if result.plan is not None and (result.summary.dry_run or result.halts):
        mapping = mappings.points_of_sale[result.summary.point_of_sale]
        shown["cars"] = PlanView(result.plan, mapping, obj.language).as_data()
    return shown


def _code(result: CycleResult) -> int:
    from stocksync.sync.recording import RunStatus

    if result.halts:
        return exit_codes.HALTED
    if result.error is not None:
        return exit_codes.of_error(result.error)
    return exit_codes.DONE if result.summary.status is RunStatus.DONE else exit_codes.UNFINISHED

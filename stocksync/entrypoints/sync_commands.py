"""`stocksync sync`, `plan` and `release`: agree, show what would be done, let a halted plan pass."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from stocksync.entrypoints import exit_codes, rendering
from stocksync.entrypoints.pause_commands import pause_data
from stocksync.errors import Busy, UsageError

if TYPE_CHECKING:
    from stocksync.adapters.store.repository import Repository
    from stocksync.entrypoints.context import Context
    from stocksync.entrypoints.exchange import Exchange
    from stocksync.mapping.effective import MappingSet
    from stocksync.sync.cycle import CycleResult
    from stocksync.sync.group import Group
    from stocksync.sync.health import Pause
    from stocksync.sync.ports import Clock
    from stocksync.sync.recording import RunKind

_POINTS = click.option(
    "--point-of-sale", "wanted", multiple=True, metavar="ID", help="Only this one; may be given several times."
)
_ASKED_AGAIN_AFTER_S: Final = 1.0
_JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.command()
@_POINTS
@click.option("--dry-run", is_flag=True, help="Write nothing: the same as `stocksync plan`.")
@click.option("--quick", is_flag=True, help="Read only what changed since the last run.")
@click.option(
    "--thorough", is_flag=True, help="Decide every car anew, also those whose records came as they were. [once a week]"
)
@click.option(
    "--wait",
    "patience_s",
    metavar="SECONDS",
    type=click.FloatRange(0, 24 * 3600),
    default=0,
    help="How long to wait for a run that is at work on the same point of sale. [not at all]",
)
@_JSON
@click.pass_context
def sync(
    ctx: click.Context,
    wanted: Sequence[str],
    dry_run: bool,
    quick: bool,
    thorough: bool,
    patience_s: float,
    as_json: bool,
) -> None:
    """Bring both systems into agreement.

    What no rule can decide is reported, for a person. Where there is an exchange folder, files that were handed in
    there are taken in first, and each point of sale's report is put there. A paused point of sale is left alone.
    Ends with 3 if a guard halted a point of sale, else with 2 or 1 if one could not be done, else with 0.
    """
    if dry_run and quick:
        raise UsageError("A dry run reads everything: leave --quick or --dry-run out.")
    if thorough and quick:
        raise UsageError("A quick run cannot be thorough: leave --quick or --thorough out.")
    how = How(dry_run=dry_run, quick=quick, patience_s=patience_s, thorough=thorough)
    ctx.exit(_synchronise(ctx.obj, wanted, how, as_json=as_json))


@click.command()
@_POINTS
@_JSON
@click.pass_context
def plan(ctx: click.Context, wanted: Sequence[str], as_json: bool) -> None:
    """Show what `sync` would do now, writing nothing.

    Car by car, with the reason and the line of the mapping that says so.
    """
    ctx.exit(_synchronise(ctx.obj, wanted, How(dry_run=True), as_json=as_json))


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


@dataclass(frozen=True, slots=True)
class How:
    """How to synchronise; patience_s: how long to wait for a run that is at work already; thorough: see `Cycle`."""

    dry_run: bool = False
    quick: bool = False
    patience_s: float = 0.0
    thorough: bool = False


def _synchronise(obj: Context, wanted: Sequence[str], how: How, *, as_json: bool) -> int:
    from stocksync import assembly
    from stocksync.entrypoints.context import chosen_points
    from stocksync.entrypoints.progress import Bar
    from stocksync.sync.group import Group

    mappings = obj.load_mappings()
    points = chosen_points(mappings, wanted)
    clock, environment = assembly.SystemClock(), obj.settings.environment
    with obj.repository(only_reading=how.dry_run) as repository, Bar(obj.language) as bar:
        gates = assembly.open_gates(repository, clock)
        group = Group(
            mappings,
            repository,
            clock,
            lambda point: assembly.open_systems(point, environment, clock, gates),
            bar,
            thorough=how.thorough,
        )
        paused = {} if how.dry_run else paused_points(repository, points, mappings, obj)
        points = [point for point in points if point not in paused]
        exchange = None if how.dry_run else opened_exchange(obj, repository, mappings, clock)
        if exchange is not None:
            take_in(exchange, points, obj, as_json=as_json)
        results = results_of(group, points, bar, obj, exchange, how, as_json=as_json)
    codes = [code_of(result) for result in results] + [exit_codes.UNFINISHED for _ in paused]
    code = max([*codes, exchange.code if exchange is not None else exit_codes.DONE])
    if as_json:
        shown = [result_as_data(result, mappings, obj, exchange) for result in results]
        shown += [{"point_of_sale": p, "status": "paused", "pause": pause_data(held)} for p, held in paused.items()]
        click.echo(rendering.as_json({"points_of_sale": shown, "exit_code": code}))
    return code


def paused_points(
    repository: Repository, points: Sequence[str], mappings: MappingSet, obj: Context
) -> Mapping[str, Pause]:
    """The points of sale that people told stocksync to leave alone; each is refused in a sentence."""
    from stocksync.assembly import open_pauses
    from stocksync.entrypoints.pause_commands import pause_of, refusal

    in_force = open_pauses(repository).in_force()
    paused = {point: held for point in points if (held := pause_of(point, in_force)) is not None}
    for point, held in paused.items():
        click.echo(refusal(point, held, mappings, obj.language), err=True)
    return paused


def opened_exchange(obj: Context, repository: Repository, mappings: MappingSet, clock: Clock) -> Exchange | None:
    """The exchange folders; None where no setting names them."""
    if obj.settings.exchange is None:
        return None
    from stocksync.assembly import open_questions
    from stocksync.entrypoints.exchange import Exchange

    root, settle_s = obj.settings.exchange, obj.settings.exchange_settle_s
    return Exchange(root, settle_s, open_questions(repository), repository, mappings, clock, obj.language)


def take_in(exchange: Exchange, points: Sequence[str], obj: Context, *, as_json: bool) -> None:
    """Take in what was handed in at any of the points of sale before the first of them is decided."""
    from stocksync.entrypoints.exchange_view import echo_returned

    exchange.take_in(points)
    for point, files in exchange.returned.items() if not as_json else ():
        echo_returned(point, files, obj.language)


def results_of(
    group: Group,
    points: Sequence[str],
    bar: Any,
    obj: Context,
    exchange: Exchange | None,
    how: How,
    *,
    as_json: bool,
) -> list[CycleResult]:
    """Synchronise, and tell each point of sale's end as it is there."""
    from stocksync.entrypoints.run_view import echo_faults
    from stocksync.sync.recording import RunKind

    results = []
    kind = RunKind.DELTA if how.quick else RunKind.COMPLETE
    until_s = time.monotonic() + how.patience_s
    for first in group.synchronise(points, dry_run=how.dry_run, kind=kind):
        result = _once_free(group, first, kind, until_s)
        results.append(result)
        bar.clear()
        if not as_json:
            _echo(result, group.mappings, obj)
        echo_faults(result, group.mappings.points_of_sale[result.summary.point_of_sale], obj.language)
        if exchange is not None:
            _put_out(exchange, result.summary.point_of_sale, obj, as_json=as_json)
    return results


def _once_free(group: Group, result: CycleResult, kind: RunKind, until_s: float) -> CycleResult:
    """Ask again while another run holds the point of sale, until an instant of the monotonic clock."""
    while isinstance(result.error, Busy) and time.monotonic() < until_s:
        group.clock.pause(min(_ASKED_AGAIN_AFTER_S, max(until_s - time.monotonic(), 0)))
        result = group.run(result.summary.point_of_sale, kind)
    return result


def _put_out(exchange: Exchange, point: str, obj: Context, *, as_json: bool) -> None:
    from stocksync.entrypoints.exchange_view import echo_put_out

    exchange.hand_out(point)
    if point in exchange.put_out and not as_json:
        echo_put_out(exchange.put_out[point], obj.language)


def _echo(result: CycleResult, mappings: MappingSet, obj: Context) -> None:
    from stocksync.entrypoints.plan_view import PlanView
    from stocksync.entrypoints.run_view import echo_figures, echo_title

    mapping = mappings.points_of_sale[result.summary.point_of_sale]
    echo_title(result, mapping, obj.language)
    if result.plan is not None and (result.summary.dry_run or result.halts):
        PlanView(result.plan, mapping, obj.language).echo()
    echo_figures(result, mapping, obj.language)


def result_as_data(
    result: CycleResult, mappings: MappingSet, obj: Context, exchange: Exchange | None
) -> dict[str, Any]:
    """How a cycle ended, for programs."""
    from stocksync.entrypoints.plan_view import PlanView

    shown = result.summary.as_json()
    if result.plan is not None and (result.summary.dry_run or result.halts):
        mapping = mappings.points_of_sale[result.summary.point_of_sale]
        shown["cars"] = PlanView(result.plan, mapping, obj.language).as_data()
    if exchange is not None:
        shown |= exchange.as_data(result.summary.point_of_sale)
    return shown


def code_of(result: CycleResult) -> int:
    """The exit code that a cycle's end stands for."""
    from stocksync.sync.recording import RunStatus

    if result.halts:
        return exit_codes.HALTED
    if result.error is not None:
        return exit_codes.of_error(result.error)
    return exit_codes.DONE if result.summary.status is RunStatus.DONE else exit_codes.UNFINISHED

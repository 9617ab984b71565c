"""`stocksync pause` and `resume`: leave points of sale alone for a while; and what `sync` says of one that is paused.

A pause is kept in the database, so it holds for every process and over restarts. What runs when it begins comes to its
end. `plan` and dry runs write nothing and go on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import click

from stocksync.entrypoints import exit_codes, rendering
from stocksync.entrypoints.signature import signed
from stocksync.errors import UsageError

if TYPE_CHECKING:
    from stocksync.entrypoints.context import Context
    from stocksync.mapping.effective import MappingSet
    from stocksync.reports.spelling import Language
    from stocksync.sync.health import Pause

MAX_REASON: Final = 500
_EVERYWHERE: Final = ""
_WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {
        "all": "tous les points de vente",
        "paused": "{point} : suspendu. Une exécution en cours se termine ; rien d'autre ne commence. Pour reprendre : "
        "{command}",
        "already": "{point} : déjà suspendu par {by} le {at} ({reason}) ; cela reste ainsi.",
        "resumed": "{point} : reprend. Était suspendu par {by} depuis le {at} ({reason}).",
        "not_paused": "{point} : n'était pas suspendu.",
        "still": "{point} : reste suspendu, car tous les points de vente le sont : par {by} depuis le {at} ({reason}). "
        "Pour tout reprendre : stocksync resume",
        "refused": "{point} : suspendu par {by} depuis le {at} ({reason}), rien n'est synchronisé. Pour reprendre : "
        "{command}",
    },
    "en": {
        "all": "all points of sale",
        "paused": "{point}: paused. What runs comes to its end; nothing else begins. To go on: {command}",
        "already": "{point}: paused already by {by} on {at} ({reason}); that stays as it is.",
        "resumed": "{point}: goes on. It was paused by {by} since {at} ({reason}).",
        "not_paused": "{point}: was not paused.",
        "still": "{point}: stays paused, because all points of sale are: by {by} since {at} ({reason}). To resume them "
        "all: stocksync resume",
        "refused": "{point}: paused by {by} since {at} ({reason}), nothing is synchronised. To go on: {command}",
    },
}
_POINTS: Final = click.option(
    "--point-of-sale", "wanted", multiple=True, metavar="ID", help="Only this one; may be given several times. [all]"
)
_JSON: Final = click.option("--json", "as_json", is_flag=True, help="For programs: every pause, and what changed.")


@click.command()
@_POINTS
@click.option("--reason", metavar="TEXT", default="", help="Why; everybody who asks is told. [-]")
@click.option("--by", metavar="NAME", help="Who pauses. [the user of this machine]")
@_JSON
@click.pass_obj
def pause(obj: Context, wanted: Sequence[str], reason: str, by: str | None, as_json: bool) -> None:
    """Leave points of sale alone until `resume`.

    `serve` gives them no turn and keeps in mind what is due; `sync` refuses. What runs at this moment comes to its
    end. `plan` goes on, for it writes nothing. A pause outlives restarts.

    \b
      stocksync pause --point-of-sale PDV1 --reason "stock count until noon"
      stocksync pause                                    every point of sale
    """
    mappings = obj.load_mappings()
    points = _named(mappings, wanted)
    who, why = signed(by, "pauses"), _one_line(reason)
    from stocksync.assembly import SystemClock, open_pauses

    now_at, already = SystemClock().now_at(), {}
    with obj.repository(only_reading=False) as repository:
        pauses = open_pauses(repository)
        for point in points:
            before = pauses.pause(point, who, why, now_at)
            if before is not None:
                already[point] = before
        in_force = pauses.in_force()
    if as_json:
        _echo_data(in_force, [point for point in points if point not in already])
        return
    for point in points:
        if point in already:
            click.echo(_worded("already", point, already[point], mappings, obj.language))
        else:
            click.echo(_paused(point, obj.language))


@click.command()
@_POINTS
@_JSON
@click.pass_context
def resume(ctx: click.Context, wanted: Sequence[str], as_json: bool) -> None:
    """End the pause of points of sale; without --point-of-sale, every pause.

    What was due meanwhile runs once. Ends with 1 where a point of sale that is named stays paused because all are.

    \b
      stocksync resume --point-of-sale PDV1
    """
    obj: Context = ctx.obj
    mappings = obj.load_mappings()
    points = _named(mappings, wanted)
    from stocksync.assembly import open_pauses

    with obj.repository(only_reading=False) as repository:
        pauses = open_pauses(repository)
        ended = pauses.resume(points if wanted else None)
        in_force = pauses.in_force()
    everywhere = in_force.get(_EVERYWHERE)
    if as_json:
        _echo_data(in_force, [pause.point_of_sale for pause in ended])
    else:
        _echo_resumed(points, ended, everywhere, mappings, obj.language)
    ctx.exit(exit_codes.UNFINISHED if everywhere is not None else exit_codes.DONE)


def refusal(point_of_sale: str, paused: Pause, mappings: MappingSet, language: Language) -> str:
    """What somebody is told who wants to synchronise a paused point of sale: who, since when, why, how to go on."""
    return _worded("refused", point_of_sale, paused, mappings, language)


def pause_of(point_of_sale: str, in_force: Mapping[str, Pause]) -> Pause | None:
    """The pause that holds for a point of sale: its own, else the one of all of them."""
    return in_force.get(point_of_sale) or in_force.get(_EVERYWHERE)


def pause_data(paused: Pause) -> dict[str, Any]:
    """A pause for programs; `point_of_sale` is null for the one of all points of sale."""
    return {
        "point_of_sale": paused.point_of_sale or None,
        "paused_by": paused.paused_by,
        "reason": paused.reason,
        "paused_at": paused.paused_at.isoformat(),
    }


def _named(mappings: MappingSet, wanted: Iterable[str]) -> list[str]:
    from stocksync.entrypoints.context import chosen_points

    wanted = list(wanted)
    return chosen_points(mappings, wanted) if wanted else [_EVERYWHERE]


def _one_line(reason: str) -> str:
    printable = " ".join("".join(c if c.isprintable() else " " for c in reason).split())
    if len(printable) > MAX_REASON:
        raise UsageError(f"--reason is {len(printable)} characters long; say it in {MAX_REASON}.")
    return printable or "-"


def _echo_data(in_force: Mapping[str, Pause], changed: Collection[str]) -> None:
    data = {"pauses": [pause_data(p) for p in in_force.values()], "changed": [point or None for point in changed]}
    click.echo(rendering.as_json(data))


def _echo_resumed(
    points: Sequence[str], ended: Sequence[Pause], everywhere: Pause | None, mappings: MappingSet, language: Language
) -> None:
    for paused in ended:
        click.echo(_worded("resumed", paused.point_of_sale, paused, mappings, language))
    over = {paused.point_of_sale for paused in ended}
    for point in points:
        if everywhere is not None:
            click.echo(_worded("still", point, everywhere, mappings, language), err=True)
        elif point not in over and (point or not ended):
            click.echo(_template("not_paused", language).format(point=_shown(point, language)))


def _paused(point: str, language: Language) -> str:
    return _template("paused", language).format(point=_shown(point, language), command=_resume_command(point))


def _worded(key: str, point: str, paused: Pause, mappings: MappingSet, language: Language) -> str:
    from stocksync.reports.spelling import instant

    mapping = mappings.points_of_sale.get(point) or next(iter(mappings.points_of_sale.values()), None)
    zone = ZoneInfo(mapping.time_zone if mapping is not None else "Europe/Paris")
    return _template(key, language).format(
        point=_shown(point, language),
        by=paused.paused_by,
        at=instant(paused.paused_at.astimezone(zone)),
        reason=paused.reason,
        command=_resume_command(paused.point_of_sale),
    )


def _resume_command(point: str) -> str:
    return f"stocksync resume --point-of-sale {point}" if point else "stocksync resume"


def _shown(point: str, language: Language) -> str:
    return point or _WORDS[language]["all"]


def _template(key: str, language: Language) -> str:
    from stocksync.reports.wording import typeset

    return typeset(_WORDS[language][key], language)

"""What commands that look through the stock pair by pair have in common: options, the pairs asked for, the screen.

Not here: what each of them looks for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import click

from stocksync.entrypoints import rendering

if TYPE_CHECKING:
    from stocksync.mapping.effective import MappingSet

Decorated = Callable[[Any], Any]

point_of_sale_option: Decorated = click.option(
    "--point-of-sale", "wanted", metavar="ID", multiple=True, help="Only this one; several times."
)
json_option: Decorated = click.option("--json", "as_json", is_flag=True, help="For programs.")


class View(Protocol):
    """What a command tells of one pair."""

    def echo(self) -> None:
        """Print it."""
        ...

    def as_data(self) -> dict[str, Any]:
        """The same for a program."""
        ...


def number_option(
    flag: str, default: int, told: str, *, least: int = 1, most: int | None = None, unit: str = "N"
) -> Decorated:
    """An option that takes a whole number; its default is shown in the help."""
    bounds = click.IntRange(least, most)
    return click.option(flag, type=bounds, default=default, show_default=True, metavar=unit, help=told)


def points_by_pair(mappings: MappingSet, wanted: Iterable[str]) -> dict[str, list[str]]:
    """The points of sale that were named, else all, by the pair that they work with. Raises UsageError."""
    from stocksync.entrypoints.context import chosen_points

    pairs: dict[str, list[str]] = {}
    for name in chosen_points(mappings, wanted):
        pairs.setdefault(mappings.points_of_sale[name].pair, []).append(name)
    return pairs


def echo_pairs(views: Sequence[View], *, as_json: bool, **head: Any) -> None:
    """Print what was found of each pair, one below the other; for a program with what stands before them."""
    if as_json:
        click.echo(rendering.as_json({**head, "pairs": [view.as_data() for view in views]}))
        return
    for number, view in enumerate(views):
        if number:
            click.echo()
        view.echo()

"""The cells of the ownership matrix that two mappings fill differently: who owns what, where, what else holds. Pure.

A cell is one attribute in one context: a stage, a destination and a vehicle type at one point of sale.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final

from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.stock.ownership import Context, Policy
from stocksync.stock.values import SIDES

FACETS: Final = (
    "owner",
    "on_drift",
    "on_both_changed",
    "fillable",
    "writable",
    "blank_erases",
    "immutable",
    "never_decreases",
    "max_jump",
    "reviewer_may_override",
)
_KEYS: Final = ("stage", "destination", "vehicle_type")
Where = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class CellChange:
    """One facet of an attribute that changes, with every cell in which it changes the same way.

    before, after: None where the attribute has no row. where: by condition, the words for which it holds; a condition
    left out holds for every word. rule: the line of the later mapping that says so, "" where it says nothing more.
    """

    attribute: str
    facet: str
    before: str | None
    after: str | None
    points_of_sale: tuple[str, ...]
    where: tuple[Where, ...]
    rule: str


def cell_changes(pairs: Iterable[tuple[PointOfSaleMapping, PointOfSaleMapping]]) -> list[CellChange]:
    """Compare the matrices of points of sale, each before and after; in the order of the later matrix."""
    found: dict[tuple[str, str, str | None, str | None, str, tuple[str, ...]], list[str]] = {}
    wheres: dict[tuple[str, ...], tuple[Where, ...]] = {}
    for before, after in pairs:
        for change, contexts, rule in _changes(before, after):
            where = _described(contexts, _contexts(before, after))
            key = tuple(str(sorted(part.items())) for part in where)
            wheres[key] = where
            found.setdefault((*change, rule, key), []).append(after.id)
    return [
        CellChange(attribute, facet, was, is_now, tuple(points), wheres[key], rule)
        for (attribute, facet, was, is_now, rule, key), points in found.items()
    ]


def _changes(
    before: PointOfSaleMapping, after: PointOfSaleMapping
) -> Iterator[tuple[tuple[str, str, str | None, str | None], list[Context], str]]:
    contexts = _contexts(before, after)
    for name in dict.fromkeys((*after.matrix.rows, *before.matrix.rows)):
        changed: dict[tuple[str, str, str | None, str | None], tuple[list[Context], str]] = {}
        for context in contexts:
            then = before.matrix.policies_in(context).get(name)
            now = after.matrix.policies_in(context).get(name)
            for facet in FACETS:
                was, is_now = _facet(then, facet), _facet(now, facet)
                if was != is_now:
                    kept = changed.setdefault((name, facet, was, is_now), ([], now.rule if now is not None else ""))
                    kept[0].append(context)
        for change, (where, rule) in changed.items():
            yield change, where, rule


def _contexts(before: PointOfSaleMapping, after: PointOfSaleMapping) -> list[Context]:
    stages = dict.fromkeys((*after.lifecycle.stages, *before.lifecycle.stages))
    destinations = dict.fromkeys((*after.lifecycle.lines, *before.lifecycle.lines))
    types = sorted(after.vehicle_types | before.vehicle_types)
    return [Context(s, d, t, after.id) for s, d, t in product(stages, destinations, types)]


def _facet(policy: Policy | None, facet: str) -> str | None:
    """A facet in the words of the mapping files; None where there is no row, or the facet says nothing there."""
    if policy is None:
        return None
    value = getattr(policy, facet)
    if isinstance(value, frozenset):
        return ", ".join(side.value for side in SIDES if side in value) or "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


def _described(contexts: list[Context], every: list[Context]) -> tuple[Where, ...]:
    """Say for which words the contexts hold: in one go where they are all combinations of some words, else by stage."""
    words = {key: _words(contexts, key) for key in _KEYS}
    if len(contexts) == len(words["stage"]) * len(words["destination"]) * len(words["vehicle_type"]):
        return (_without_all(words, every),)
    parts: list[Where] = []
    for stage in words["stage"]:
        there = [context for context in contexts if context.stage == stage]
        for destination in _words(there, "destination"):
            types = _words([context for context in there if context.destination == destination], "vehicle_type")
            one = {"stage": (stage,), "destination": (destination,), "vehicle_type": types}
            parts.append(_without_all(one, every))
    return tuple(parts)


def _words(contexts: Iterable[Context], key: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(getattr(context, key)) for context in contexts))


def _without_all(words: Where, every: list[Context]) -> Where:
    return {key: said for key, said in words.items() if len(said) < len(_words(every, key))}

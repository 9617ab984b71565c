"""Codes that points_of_sale.yaml does not have: which known one is near, and which new ones they stand for.

They are collected in `unknown`, with what the other side says of the same cars.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from stocksync.mapping.converters import Choice
from stocksync.mapping.nearest import Near
from stocksync.mapping.unknown import EXAMPLES, Unknown, UnknownValues, can_stand_in_a_table
from stocksync.stock.values import Side, folded
from stocksync.stock.vehicle import POINT_OF_SALE

_NEAR: Final = 0.6
"""Codes are short: two of three signs alike is near."""


@dataclass(frozen=True, slots=True)
class NewPoint:
    """A point of sale that the files most likely lack: its codes, None where nothing tells one; found: where it is."""

    codes: Mapping[Side, str | None]
    found: tuple[Unknown, ...]


def named_by_other_side(one: Unknown) -> tuple[str, int, int] | None:
    """The point of sale that the other side says most of a code's cars are at, how many of them, and of how many."""
    said = one.others.most_common(1)
    return (said[0][0], said[0][1], _told(one)) if said and said[0][1] * 2 > _told(one) else None


def new_points(found: Sequence[Unknown]) -> list[NewPoint]:
    """The points of sale that unknown codes stand for; the two codes of one are put together where cars say so.

    Left out are codes whose cars are at a known one by the other side's word, and those that were not shown whole.
    """
    left = {(one.side, folded(one.raw)): one for one in found if _is_new(one)}
    points = []
    while left:
        one = left.pop(next(iter(left)))
        code = _other_code(one)
        twin = left.get((one.side.other, folded(code))) if code is not None else None
        if twin is not None and folded(_other_code(twin) or "") == folded(one.raw):
            del left[twin.side, folded(twin.raw)]
        else:
            twin = None
        codes = {one.side: one.raw.strip(), one.side.other: code.strip() if code is not None else None}
        points.append(NewPoint(codes, (one,) if twin is None else (one, twin)))
    return points


def nearest_points(values: UnknownValues, one: Unknown) -> list[Near]:
    """The known points of sale most like a code: by their codes on that side, their ids and their names."""
    converter, near = values.mapping.translations[one.side].fields[one.attribute].converter, []
    for point, spellings in converter.table.items() if isinstance(converter, Choice) else ():
        texts = (*spellings, point, *([values.names[point]] if point in values.names else []))
        score, by = max((SequenceMatcher(None, folded(one.raw), folded(text)).ratio(), text) for text in texts)
        near.append(Near(point, round(score, 3), by))
    return sorted((n for n in near if n.score >= _NEAR), key=lambda n: (-n.score, n.name))[:EXAMPLES]


def _is_new(one: Unknown) -> bool:
    is_place = one.attribute == POINT_OF_SALE and can_stand_in_a_table(one.raw)
    return is_place and named_by_other_side(one) is None


def _other_code(one: Unknown) -> str | None:
    """The other side's code of the same cars, where it is unknown too and most of them say the same."""
    said = one.other_codes.most_common(1)
    is_said = bool(said) and said[0][1] * 2 > _told(one) and can_stand_in_a_table(said[0][0])
    return said[0][0] if is_said else None


def _told(one: Unknown) -> int:
    return sum(one.others.values()) + sum(one.other_codes.values())

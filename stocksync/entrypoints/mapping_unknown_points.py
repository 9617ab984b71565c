"""The lines that `stocksync mapping unknown` offers for points of sale that points_of_sale.yaml does not have.

Addresses and secrets are those of a point of sale of the same pair: names of variables, never their values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import yaml

from stocksync.entrypoints.mapping_unknown_words import say
from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.mapping.unknown_points import NewPoint
from stocksync.reports.spelling import Counted, Language, quoted
from stocksync.reports.words import SIDE_NAMES
from stocksync.stock.values import SIDES

FILE: Final = "points_of_sale.yaml"
_UNSAID: Final = "?"


def point_lines(new: Sequence[NewPoint], like: PointOfSaleMapping, language: Language) -> Iterator[str]:
    """The block to paste; like: a point of sale of the same pair, whose ways into the systems are taken over."""
    yield "points_of_sale:"
    for point in new:
        for one in point.found:
            examples = ", ".join(record for record, _ in one.examples)
            side, cars = SIDE_NAMES[language][one.side], Counted(one.count, language)
            value = quoted(one.raw, language)
            yield f"  # {say(language, 'new_point', value=value, side=side, cars=cars, examples=examples)}"
        code = next(code for code in point.codes.values() if code is not None)
        yield from _entry(code, point, like, language)


def _entry(name: str, point: NewPoint, like: PointOfSaleMapping, language: Language) -> Iterator[str]:
    head = {"name": name, "pair": like.pair, "time_zone": like.time_zone}
    # A code that reads as a number or a boolean stays the text it is.
    yield f"  {_dumped(name)}:"
    for key, value in head.items():
        yield f"    {key}: {_dumped(value)}"
    for side in SIDES:
        settings, code = like.systems[side], point.codes[side]
        missing = say(language, "code_missing", side=SIDE_NAMES[language][side])
        yield f"    {side.value}:"
        yield f"      code: {_dumped(code)}" if code is not None else f"      code: {_dumped(_UNSAID)} # {missing}"
        yield f"      address: {settings.address}"
        if settings.secrets:
            yield f"      secrets: {_dumped(dict(settings.secrets))}"


def _dumped(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=100_000)
    return text.removesuffix("\n").removesuffix("\n...")

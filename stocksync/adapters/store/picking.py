"""Reading a few places of many kept records: what else stands in them is passed over, and not made into objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, TypedDict

import msgspec

from stocksync.adapters.store import codec

Pick = Callable[[str | bytes], Any]


def picking(paths: Iterable[str]) -> Pick:
    """Make what reads a record as `codec.load` does, but for places that no path names; see `mapping.paths`.

    More than that is read where a record has something else than an object in the middle of a path.
    """
    decode = msgspec.json.Decoder(_objects(_tree(paths)), float_hook=Decimal).decode

    def pick(text: str | bytes) -> Any:
        try:
            return decode(text)
        except msgspec.DecodeError:
            return codec.load(text)

    return pick


_Tree = dict[str, "_Tree | None"]
"""Keys, and under each that leads further what it leads to; None: all that stands there is wanted."""


def _tree(paths: Iterable[str]) -> _Tree:
    tree: _Tree = {}
    # The shortest first: what is wanted as a whole is not cut where a longer path leads through it.
    for path in sorted(paths, key=len):
        *steps, key = path.split(".")
        place: _Tree | None = tree
        for step in steps:
            place = place.setdefault(step, {}) if place is not None else None
        if place is not None:
            place.setdefault(key, None)
    return tree


def _objects(tree: Mapping[str, _Tree | None]) -> Any:
    keys = {key: Any if below is None else _objects(below) for key, below in tree.items()}
    # The functional form, because keys are the systems' own and known no sooner than the mapping is.
    return TypedDict("Picked", keys, total=False)  # type: ignore[operator]

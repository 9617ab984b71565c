"""Reading a few places of many kept records: what else stands in them is passed over, and not made into objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypedDict

import msgspec

from stocksync.adapters.store import codec
from stocksync.mapping.paths import value_at
from stocksync.stock.values import ABSENT

Pick = Callable[[str | bytes], Any]
Spelled = tuple[bytes | None, ...]
"""What stands at each of some paths, as JSON spells it; None where nothing does."""


def picking(paths: Iterable[str]) -> Pick:
    """Make what reads a record as `codec.load` does, but for places that no path names; see `mapping.paths`.

    More than that is read where a record has something else than an object, or null, in the middle of a path.
    """
    decode = _decoder(paths, Any)

    def pick(text: str | bytes) -> Any:
        try:
            return decode(text)
        except msgspec.DecodeError:
            return codec.load(text)

    return pick


def spelling(paths: Sequence[str]) -> Callable[[bytes], Spelled]:
    """Make what gives what stands at these paths of a record, as `mapping.paths.value_at` does of the whole record.

    As it is spelled there, so that what many records say has to be read but once.
    """
    decode, routes = _decoder(paths, msgspec.Raw), [(steps, key) for *steps, key in (p.split(".") for p in paths)]
    # All that stands at the shorter one is left as it is spelled, and has no parts yet.
    is_apart = not any(longer.startswith(f"{path}.") for path in paths for longer in paths)

    def spelled(record: bytes) -> Spelled:
        try:
            picked = decode(record) if is_apart else None
        except msgspec.DecodeError:
            picked = None
        if picked is None:
            return _spelled_anew(codec.load(record), paths)
        found = []
        for steps, key in routes:
            group = picked
            for step in steps:
                group = group.get(step)
                if group is None:
                    break
            said = group.get(key) if group is not None else None
            found.append(None if said is None else bytes(said))
        return tuple(found)

    return spelled


def _spelled_anew(record: Any, paths: Sequence[str]) -> Spelled:
    said = (value_at(record, path) for path in paths)
    return tuple([None if one is ABSENT else codec.dump_bytes(one) for one in said])


def _decoder(paths: Iterable[str], leaf: Any) -> Callable[[str | bytes], Any]:
    """Decode what stands at the end of each path as a leaf, and pass over the rest."""
    return msgspec.json.Decoder(_objects(_tree(paths), leaf), float_hook=Decimal).decode


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


def _objects(tree: Mapping[str, _Tree | None], leaf: Any) -> Any:
    for key in tree:
        # A key beyond ASCII is never found unless its UTF-8 is kept with it, which encoding it sees to.
        msgspec.json.encode(key)
    keys = {key: leaf if below is None else _objects(below, leaf) | None for key, below in tree.items()}
    # The functional form, because keys are the systems' own and known no sooner than the mapping is.
    return TypedDict("Picked", keys, total=False)  # type: ignore[operator]

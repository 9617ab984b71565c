"""Where a value stands inside a nested record: "identification.vin" is `body["identification"]["vin"]`.

Records are as their system spells them. Not here: what a value means, which is `mapping.converters`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from stocksync.stock.values import ABSENT, Nothing


def value_at(body: Any, path: str) -> Any | Nothing:
    """Give what stands at a dotted path; ABSENT iff a step is missing or leads through no object.

    A null on the way is ABSENT too: a group that is null says nothing of its parts. A null at the end is
    None.
    """
    value = body
    for step in _steps(path):
        # Nearly every record is a plain dict, of which that is asked in no time.
        if type(value) is not dict and not isinstance(value, Mapping):
            return ABSENT
        if step not in value:
            return ABSENT
        value = value[step]
    return value


@lru_cache(maxsize=4096)
def _steps(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))


def put_at(body: dict[str, Any], path: str, value: Any) -> None:
    """Set what stands at a dotted path, making the objects on the way.

    Raises ValueError iff the path leads through something that is not an object.
    """
    *steps, last = path.split(".")
    for step in steps:
        body = body.setdefault(step, {})
        if not isinstance(body, dict):
            raise ValueError(f"{path!r} leads through {step!r}, which is not an object")
    body[last] = value


def merged(body: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Lay changes over a record, object by object; neither is touched, and what did not change is shared.

    A list, null or "" replaces what stood there, as it is.
    """
    result = dict(body)
    for name, change in changes.items():
        if isinstance(change, Mapping):
            held = body.get(name)
            result[name] = merged(held if isinstance(held, Mapping) else {}, change)
        else:
            result[name] = change
    return result

"""How canonical values, operations and records are kept as JSON.

A date is `{"date": "2019-05-14"}`, a blank is null; an absent value is left out, or `{"absent": true}` where its
place must be kept. Decimals of native records stay decimal numbers, digit for digit.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec
import orjson

from stocksync.stock.ownership import Context
from stocksync.stock.reconcile import UnkeptWrite
from stocksync.stock.values import ABSENT, BLANK, Invalid, Known, Reading, Side
from stocksync.sync.cars import Overwrite
from stocksync.sync.plan import Action, Change, Operation

NONE_UNKEPT: Final = "{}"
NONE_OVERWRITTEN: Final = "[]"
"""As nothing is kept of a car, which is so of almost all."""

_AS_THEY_STAND: Final = frozenset({str, int, bool})
_EXACT: Final = msgspec.json.Decoder(float_hook=Decimal)


def dump(data: Any) -> str:
    """Write JSON, compact, decimals as numbers."""
    return orjson.dumps(data, default=_default).decode()


def dump_bytes(data: Any) -> bytes:
    """Write JSON in UTF-8, as `dump` does."""
    # As orjson gives it, it takes up several times its length for as long as it is kept.
    return memoryview(orjson.dumps(data, default=_default)).tobytes()


def load(text: str | bytes) -> Any:
    """Read JSON that `dump` wrote, decimals exact. Raises ValueError for anything else."""
    try:
        return _EXACT.decode(text)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error


def _default(item: Any) -> Any:
    if isinstance(item, Decimal):
        return orjson.Fragment(str(item))
    if isinstance(item, Mapping):
        return dict(item)
    raise TypeError(f"{type(item).__name__} is not kept as JSON")


def pack(value: Reading) -> Any:
    """Turn a value, or what cannot be read as one, into what JSON can hold."""
    if isinstance(value, Invalid):
        return {"invalid": [value.raw, value.why]}
    if value is BLANK:
        return None
    if value is ABSENT:
        return {"absent": True}
    return {"date": value.isoformat()} if isinstance(value, date) else value


def unpack(data: Any) -> Known:
    """Turn it back."""
    if data is None:
        return BLANK
    if isinstance(data, dict):
        return date.fromisoformat(data["date"]) if "date" in data else ABSENT
    assert isinstance(data, str | int)
    return data


def unpack_reading(data: Any) -> Reading:
    """Turn back what may be unreadable."""
    return Invalid(*data["invalid"]) if isinstance(data, dict) and "invalid" in data else unpack(data)


def dump_targets(targets: Mapping[Side, Known]) -> str:
    """Keep what each side is to hold."""
    return dump({side.value: pack(value) for side, value in targets.items()})


def load_targets(text: str) -> dict[Side, Known]:
    """Read what each side is to hold."""
    return {Side(side): unpack(data) for side, data in orjson.loads(text).items()}


def dump_base(base: Mapping[str, Known]) -> str:
    """Keep a car's base."""
    # Most values are text, numbers and blanks, which stand for themselves.
    blank = BLANK
    return dump({n: None if v is blank else v if type(v) in _AS_THEY_STAND else pack(v) for n, v in base.items()})


def load_base(text: str) -> dict[str, Known]:
    """Read a car's base."""
    loaded: dict[str, Any] = orjson.loads(text)
    return {name: v if type(v) is str or type(v) is int else unpack(v) for name, v in loaded.items()}


def dump_unkept(unkept: Mapping[str, UnkeptWrite]) -> str:
    """Keep a car's writes that did not stick."""
    if not unkept:
        return NONE_UNKEPT
    return dump(
        {
            name: [
                u.side,
                pack(u.written),
                pack(u.stored),
                u.rounds,
                u.rejected,
                u.message,
                u.circumstances,
                u.resolution,
                u.undelivered,
            ]
            for name, u in unkept.items()
        }
    )


def load_unkept(text: str) -> dict[str, UnkeptWrite]:
    """Read a car's writes that did not stick."""
    return {
        name: UnkeptWrite(Side(side), unpack(written), unpack_reading(stored), *rest)
        for name, (side, written, stored, *rest) in orjson.loads(text).items()
    }


def dump_overwrites(overwrites: Mapping[tuple[str, Side], Overwrite]) -> str:
    """Keep what was written over what, and how often."""
    if not overwrites:
        return NONE_OVERWRITTEN
    return dump(
        [
            [name, side, pack(o.written), pack(o.over), o.times, o.since_on.isoformat()]
            for (name, side), o in overwrites.items()
        ]
    )


def load_overwrites(text: str) -> dict[tuple[str, Side], Overwrite]:
    """Read what was written over what."""
    return {
        (name, Side(side)): Overwrite(unpack(written), unpack(over), times, date.fromisoformat(since_on))
        for name, side, written, over, times, since_on in orjson.loads(text)
    }


def dump_operation(operation: Operation, context: Context | None) -> str:
    """Keep an operation with the context that it was allowed in."""
    return dump(
        {
            "changes": [
                [c.attribute, pack(c.value), pack(c.expected), c.fills_blank, c.resolution] for c in operation.changes
            ],
            "reference": operation.reference,
            "version": operation.version,
            "context": None
            if context is None
            else [context.stage, context.destination, context.vehicle_type, context.point_of_sale],
        }
    )


def load_operation(text: str, side: str, action: str, record_id: str | None) -> tuple[Operation, Context | None]:
    """Read an operation and its context."""
    data = orjson.loads(text)
    changes = tuple(Change(name, unpack(v), unpack_reading(e), *rest) for name, v, e, *rest in data["changes"])
    operation = Operation(Side(side), Action(action), record_id, changes, data["reference"], data["version"])
    return operation, Context(*data["context"]) if data["context"] is not None else None

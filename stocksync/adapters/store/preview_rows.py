"""What the preview of an edit asks of every record: what a few of its fields say; within the caller's transaction.

Most of a stock says what other cars said before, and nobody wants the rest of a record: so of each body only these
fields are looked at, as they are spelled there, and one of a spelling is judged for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, and_, bindparam, or_, select

from stocksync.adapters.store import codec
from stocksync.adapters.store.car_rows import id_column
from stocksync.adapters.store.core import CAR, SNAPSHOT
from stocksync.adapters.store.snapshot_rows import snapshots_of
from stocksync.stock.values import ABSENT, Side
from stocksync.sync.ports import NativeRecord

_AT_ONCE: Final = 1000
_REMEMBERED: Final = 20_000
"""Answers about what records say; some megabytes."""
_CANNOT_BE_NAMED: Final = frozenset('"\\') | {chr(code) for code in range(32)}
"""In a key that a decoder is made for."""

Spelled = tuple[bytes | None, ...]
"""What stands at each of some paths, as JSON spells it; None where nothing does."""


def records_saying(
    connection: Connection,
    pair: str,
    point_of_sale: str,
    side: Side,
    paths: Sequence[str],
    is_meant: Callable[[Sequence[Any]], bool],
    beside: Sequence[str] | None = None,
) -> tuple[dict[str, NativeRecord], int]:
    """The records of a side that say something there, and how many were looked at: see `Store.records_saying`."""
    spelled, spelled_beside = _reader(paths), _reader(beside or ())
    answers: dict[Spelled, bool] = {}
    looked_at, found = 0, []
    asked = {"of_pair": pair, "of_side": side.value, "other_side": side.other.value, "place": point_of_sale}
    rows = connection.execution_options(yield_per=_AT_ONCE).execute(_BODIES[side, beside is not None], asked)
    for part in rows.partitions():
        looked_at += len(part)
        for record_id, body, *others in part:
            said = spelled(body)
            for other in others:
                said += spelled_beside(other)
            answer = answers.get(said)
            if answer is None:
                if len(answers) >= _REMEMBERED:
                    answers.clear()
                answer = answers[said] = is_meant([ABSENT if one is None else codec.load(one) for one in said])
            if answer:
                found.append(record_id)
    return snapshots_of(connection, pair, side, found), looked_at


def _bodies(side: Side, *, beside: bool) -> Any:
    """The bodies of the records of `Store.snapshots_at`; beside: with those that cars have beside them."""
    place: Any = bindparam("place")
    at_home = select(id_column(side)).where(CAR.c.pair == bindparam("of_pair"), CAR.c.point_of_sale == place)
    here = or_(SNAPSHOT.c.point_of_sale == place, SNAPSHOT.c.record_id.in_(at_home))
    of_side = (SNAPSHOT.c.pair == bindparam("of_pair"), SNAPSHOT.c.side == bindparam("of_side"))
    bodies = select(SNAPSHOT.c.record_id, SNAPSHOT.c.body).where(*of_side, SNAPSHOT.c.gone.is_(False), here)
    if not beside:
        return bodies
    other = SNAPSHOT.alias()
    of_car = and_(CAR.c.pair == SNAPSHOT.c.pair, id_column(side) == SNAPSHOT.c.record_id)
    of_other = (other.c.pair == SNAPSHOT.c.pair, other.c.side == bindparam("other_side"))
    joined = SNAPSHOT.join(CAR, of_car).join(other, and_(*of_other, other.c.record_id == id_column(side.other)))
    return bodies.add_columns(other.c.body).select_from(joined)


_BODIES: Final = {(side, beside): _bodies(side, beside=beside) for side in Side for beside in (False, True)}


def _reader(paths: Sequence[str]) -> Callable[[Any], Spelled]:
    """What gives what stands at each path of a record's JSON, as `mapping.paths.value_at` does of the record."""
    keys = tuple(dict.fromkeys(path.partition(".")[0] for path in paths))
    fields_of = _fields(keys)
    if keys == tuple(paths):
        return fields_of
    walks = []
    for path in paths:
        head, *steps = path.split(".")
        walks.append((keys.index(head), tuple(_fields((step,)) for step in steps)))

    def read(body: Any) -> Spelled:
        outer, said = fields_of(body), []
        for at, steps in walks:
            one = outer[at]
            for step in steps:
                one = step(one)[0] if one is not None else None
            said.append(one)
        return tuple(said)

    return read


def _fields(keys: tuple[str, ...]) -> Callable[[Any], Spelled]:
    """What gives the fields of these names of one object's JSON; none of anything else."""
    nothing = (None,) * len(keys)
    decode, picked = _decoder(keys)

    def read(body: Any) -> Spelled:
        try:
            found = decode(body)
        except msgspec.ValidationError:
            return nothing
        return tuple([bytes(one) if one is not None else None for one in picked(found)])

    return read


def _decoder(keys: tuple[str, ...]) -> tuple[Callable[[Any], Any], Callable[[Any], Iterable[msgspec.Raw | None]]]:
    """What decodes these fields of an object and no more, and what gives them in this order."""
    if any(_CANNOT_BE_NAMED & set(key) for key in keys):
        return msgspec.json.Decoder(dict[str, msgspec.Raw]).decode, lambda found: map(found.get, keys)
    names = {f"at_{number}": key for number, key in enumerate(keys)}
    wanted = [(name, msgspec.Raw, None) for name in names]
    return msgspec.json.Decoder(msgspec.defstruct("Fields", wanted, rename=names)).decode, msgspec.structs.astuple

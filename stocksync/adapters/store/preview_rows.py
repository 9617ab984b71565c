"""What the preview of an edit asks of every record: what a few of its fields say; within the caller's transaction.

Most of a stock says what other cars said before, and nobody wants the rest of a record: so of each body only these
fields are looked at, as they are spelled there, and one of a spelling is judged for all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    places, places_beside = [_place(path) for path in paths], [_place(path) for path in beside or ()]
    answers: dict[Spelled, bool] = {}
    looked_at, found = 0, []
    asked = {"of_pair": pair, "of_side": side.value, "other_side": side.other.value, "place": point_of_sale}
    rows = connection.execution_options(yield_per=_AT_ONCE).execute(_BODIES[side, beside is not None], asked)
    for part in rows.partitions():
        looked_at += len(part)
        for row in part:
            said = tuple([place(row[1]) for place in places] + [place(row[2]) for place in places_beside])
            answer = answers.get(said)
            if answer is None:
                if len(answers) >= _REMEMBERED:
                    answers.clear()
                answer = answers[said] = is_meant([ABSENT if one is None else codec.load(one) for one in said])
            if answer:
                found.append(row[0])
    return snapshots_of(connection, pair, side, found), looked_at


def _bodies(side: Side) -> Any:
    """The bodies of the records of `Store.snapshots_at`."""
    at_home = select(id_column(side)).where(CAR.c.pair == _PAIR, CAR.c.point_of_sale == _PLACE)
    here = or_(SNAPSHOT.c.point_of_sale == _PLACE, SNAPSHOT.c.record_id.in_(at_home))
    of_side = (SNAPSHOT.c.pair == _PAIR, SNAPSHOT.c.side == bindparam("of_side"), SNAPSHOT.c.gone.is_(False))
    return select(SNAPSHOT.c.record_id, SNAPSHOT.c.body).where(*of_side, here)


def _bodies_beside(side: Side) -> Any:
    """Those of them that a car has beside a record of the other side, with that one's."""
    other = SNAPSHOT.alias()
    of_car = and_(CAR.c.pair == SNAPSHOT.c.pair, id_column(side) == SNAPSHOT.c.record_id)
    of_other = (other.c.pair == CAR.c.pair, other.c.side == bindparam("other_side"))
    joined = SNAPSHOT.join(CAR, of_car).join(other, and_(*of_other, other.c.record_id == id_column(side.other)))
    here = or_(SNAPSHOT.c.point_of_sale == _PLACE, CAR.c.point_of_sale == _PLACE)
    of_side = (SNAPSHOT.c.pair == _PAIR, SNAPSHOT.c.side == bindparam("of_side"), SNAPSHOT.c.gone.is_(False))
    columns = select(SNAPSHOT.c.record_id, SNAPSHOT.c.body, other.c.body).select_from(joined)
    # So that what stands near one another is read one after the other.
    return columns.where(*of_side, here).order_by(SNAPSHOT.c.record_id)


_PAIR: Final[Any] = bindparam("of_pair")
_PLACE: Final[Any] = bindparam("place")
_BODIES: Final = {(side, False): _bodies(side) for side in Side} | {(side, True): _bodies_beside(side) for side in Side}


def _place(path: str) -> Callable[[Any], bytes | None]:
    """What gives what stands at a path of a record's JSON, as `mapping.paths.value_at` does of the record."""
    steps = [_step(key) for key in path.split(".")]

    def read(body: Any) -> bytes | None:
        try:
            for step in steps:
                body = step(body)
                if body is None:
                    return None
        except msgspec.ValidationError:
            # No object: it has no fields.
            return None
        return bytes(body)

    return read


def _step(key: str) -> Callable[[Any], msgspec.Raw | None]:
    """What gives one field of an object's JSON, and decodes no other."""
    if not _CANNOT_BE_NAMED.isdisjoint(key):
        decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
        return lambda body: decoder.decode(body).get(key)
    field: Any = msgspec.defstruct("Field", [("said", msgspec.Raw, None)], rename={"said": key})
    decode = msgspec.json.Decoder(field).decode
    return lambda body: decode(body).said

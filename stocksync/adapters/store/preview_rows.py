"""What the preview of an edit asks of every record: what a few of its fields say; within the caller's transaction.

Most of a stock says what other cars said before, and nobody wants the rest of a record: so of each body only these
fields are looked at, as they are spelled there, and one of a spelling is judged for all.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, or_, select

from stocksync.adapters.store import codec
from stocksync.adapters.store.car_rows import id_column
from stocksync.adapters.store.core import CAR, SNAPSHOT
from stocksync.adapters.store.picking import Spelled, spelling
from stocksync.adapters.store.snapshot_rows import snapshots_of
from stocksync.stock.values import ABSENT, Side
from stocksync.sync.ports import NativeRecord

_AT_ONCE: Final = 1000
_REMEMBERED: Final = 20_000
"""Answers about what records say; some megabytes."""
_NUMBER: Final = re.compile(r"-?[0-9]+")


def records_saying(
    connection: Connection,
    pair: str,
    point_of_sale: str,
    side: Side,
    paths: Sequence[str],
    is_meant: Callable[[Sequence[Any]], bool],
    beside: Sequence[str] | None = None,
    texts: Iterable[str] | None = None,
) -> tuple[dict[str, NativeRecord], int]:
    """The records of a side that say something there, and how many were looked at: see `Store.records_saying`."""
    spelled, spelled_beside = spelling(paths), spelling(beside or ())
    may_say = None if texts is None else [pattern.search for pattern in _spellings(texts)]
    nothing: Spelled = (None,) * len(beside or ())
    answers: dict[Spelled, bool] = {}
    looked_at, found = 0, []
    asked = {"of_pair": pair, "of_side": side.value, "other_side": side.other.value, "place": point_of_sale}
    rows = connection.execution_options(yield_per=_AT_ONCE).execute(_BODIES[side, beside is not None], asked)
    for part in rows.partitions():
        looked_at += len(part)
        for row in part:
            if may_say is not None and not any([search(row[1]) for search in may_say]):
                continue
            said = spelled(row[1])
            if beside is not None:
                said += spelled_beside(row[2]) if row[2] is not None else nothing
            answer = answers.get(said)
            if answer is None:
                if len(answers) >= _REMEMBERED:
                    answers.clear()
                answer = answers[said] = is_meant([ABSENT if one is None else codec.load(one) for one in said])
            if answer:
                found.append(row[0])
    return snapshots_of(connection, pair, side, found), looked_at


def _spellings(texts: Iterable[str]) -> list[re.Pattern[bytes]]:
    """What is found in every body that says one of these texts, outer spaces apart, or a number that is spelled so.

    A body is what `codec.dump_bytes` wrote, which spells each character in one way wherever it stands. So after such a
    text there is the end of the string, or a space; and a number is spelled as its text. More is found than is said so.
    """
    return [
        re.compile(re.escape(_spelled(text)) + (b"" if _NUMBER.fullmatch(text) else _after_a_text()))
        for text in sorted(texts)
    ]


def _spelled(text: str) -> bytes:
    return codec.dump_bytes(text)[1:-1]


@cache
def _after_a_text() -> bytes:
    """The end of a string, or what any space begins with."""
    spaces = (char for char in map(chr, range(sys.maxunicode + 1)) if char.isspace())
    return b"[" + b"".join(re.escape(first) for first in sorted({b'"', *(_spelled(s)[:1] for s in spaces)})) + b"]"


def _bodies(side: Side) -> Any:
    """The bodies of the records of `Store.snapshots_at`."""
    at_home = select(id_column(side)).where(CAR.c.pair == _PAIR, CAR.c.point_of_sale == _PLACE)
    here = or_(SNAPSHOT.c.point_of_sale == _PLACE, SNAPSHOT.c.record_id.in_(at_home))
    return select(SNAPSHOT.c.record_id, SNAPSHOT.c.body).where(*_OF_SIDE, here)


def _bodies_beside(side: Side) -> Any:
    """The same, each with that of the record that its car has on the other side among those of `Store.snapshots_at`."""
    other = SNAPSHOT.alias()
    of_car = and_(CAR.c.pair == SNAPSHOT.c.pair, id_column(side) == SNAPSHOT.c.record_id)
    of_other = and_(
        other.c.pair == CAR.c.pair,
        other.c.side == bindparam("other_side"),
        other.c.record_id == id_column(side.other),
        other.c.gone.is_(False),
        or_(other.c.point_of_sale == _PLACE, CAR.c.point_of_sale == _PLACE),
    )
    joined = SNAPSHOT.outerjoin(CAR, of_car).outerjoin(other, of_other)
    here = or_(SNAPSHOT.c.point_of_sale == _PLACE, CAR.c.point_of_sale == _PLACE)
    columns = select(SNAPSHOT.c.record_id, SNAPSHOT.c.body, other.c.body).select_from(joined)
    # So that what stands near one another is read one after the other.
    return columns.where(*_OF_SIDE, here).order_by(SNAPSHOT.c.record_id)


_PAIR: Final[Any] = bindparam("of_pair")
_PLACE: Final[Any] = bindparam("place")
_OF_SIDE: Final = (SNAPSHOT.c.pair == _PAIR, SNAPSHOT.c.side == bindparam("of_side"), SNAPSHOT.c.gone.is_(False))
_BODIES: Final = {(side, False): _bodies(side) for side in Side} | {(side, True): _bodies_beside(side) for side in Side}

"""What the database knows of how both systems behave: what became of writes, and what records hold that nobody reads.

Only reading, and row by row: neither the journal nor the snapshots of a group fit into memory. What follows from it for
the mapping is said elsewhere (`entrypoints.mapping_verify_view`, `mapping.unknown`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Connection, Engine, and_, or_, select

from stocksync.adapters.store import codec
from stocksync.adapters.store.car_rows import id_column
from stocksync.adapters.store.core import CAR, CONFLICT, JOURNAL, RUN, SNAPSHOT
from stocksync.adapters.store.journal_rows import fact_of
from stocksync.stock.reasons import Reason
from stocksync.stock.values import SIDES, Side
from stocksync.stock.vehicle import STAGE
from stocksync.sync.answers import Fact

_AT_A_TIME: Final = 500
_TELLING: Final = ("decided", "reported", "report_changed", "written", "not_written")
_REPORTED: Final = ("reported", "report_changed")
_BOTH_SHOWN: Final = frozenset({Reason.IMPLAUSIBLE_JUMP, Reason.IMMUTABLE_CHANGED, Reason.POLICE_NUMBER_CHANGED})
"""Findings that tell of a change by the values alone: whoever left the base made it."""
_ONE_MOVED: Final = 3
_BOTH_MOVED: Final = 5
_MESSAGES_KEPT: Final = 200
_LONGEST_MESSAGE: Final = 300


@dataclass(slots=True)
class Tally:
    """What happened to one attribute on one side.

    changed: people (or the system) changed it there. put_back: such a change that stocksync undid, and the side kept
    that. kept, refused, ignored: writes that the side took as written, said no to, took and stored otherwise.
    undone: writes it had kept, and that were due again because somebody had put another value there.
    """

    changed: int = 0
    put_back: int = 0
    kept: int = 0
    refused: int = 0
    ignored: int = 0
    undone: int = 0
    _messages: dict[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def written(self) -> int:
        """How often it was written there, however that ended."""
        return self.kept + self.refused + self.ignored

    @property
    def message(self) -> tuple[str, int] | None:
        """What the side says most often when it refuses, and how often; messages that differ in digits are one."""
        if not self._messages:
            return None
        count, said = max(self._messages.values(), key=lambda one: one[0])
        return said, count

    def refuse(self, message: str) -> None:
        """Count a refusal with its words."""
        self.refused += 1
        said = message[:_LONGEST_MESSAGE].strip()
        alike = re.sub(r"\d+", "#", said)
        if said and (alike in self._messages or len(self._messages) < _MESSAGES_KEPT):
            count, first = self._messages.get(alike, (0, said))
            self._messages[alike] = count + 1, first


Tallies = dict[tuple[str, Side], Tally]


def tallies(engine: Engine, points_of_sale: Collection[str], since_at: datetime) -> Tallies:
    """Count what became of every attribute on each side since an instant, from the journal of these points of sale."""
    counted: Tallies = {}
    with engine.connect() as connection:
        for _, lines in groupby(_lines(connection, points_of_sale, since_at), key=lambda row: row.car_id):
            story = _Story(counted)
            # The runs of a car never overlap: one holder at a time for each point of sale.
            for _, of_run in groupby(lines, key=lambda row: row.run_id):
                story.tell([fact_of(row) for row in of_run])
    return counted


def _lines(connection: Connection, points_of_sale: Collection[str], since_at: datetime) -> Iterator[Any]:
    statement = (
        select(JOURNAL.c.at, JOURNAL.c.run_id, JOURNAL.c.car_id, JOURNAL.c.action, JOURNAL.c.details)
        .select_from(JOURNAL.join(RUN, RUN.c.id == JOURNAL.c.run_id))
        .where(
            JOURNAL.c.car_id.is_not(None),
            JOURNAL.c.at >= since_at,
            JOURNAL.c.action.in_(_TELLING),
            RUN.c.point_of_sale.in_(sorted(points_of_sale)),
        )
        .order_by(JOURNAL.c.car_id, JOURNAL.c.id)
    )
    yield from connection.execution_options(yield_per=_AT_A_TIME).execute(statement)


@dataclass(slots=True)
class _Story:
    """What happened to one car, run by run.

    _held: by attribute and side, the value that was written there last and kept. _told: by report row, the values that
    it last told. _moved: by attribute and side, the change there that is not settled yet: a write that was refused is
    planned anew while nobody changes anything.
    """

    counted: Tallies
    _held: dict[tuple[str, Side], Any] = field(default_factory=dict)
    _told: dict[tuple[str, str], tuple[Any, Any, Any]] = field(default_factory=dict)
    _moved: dict[tuple[str, Side], Any] = field(default_factory=dict)

    def tell(self, facts: list[Fact]) -> None:
        """Take one run in. Its plan is noted behind the report rows that it opens."""
        due: set[tuple[str, Side]] = set()
        restored: set[tuple[str, Side]] = set()
        changed: set[tuple[str, Side]] = set()
        for fact in facts:
            if fact.action == "decided":
                self._take_plan(fact.details, due, restored, changed)
        rejected: dict[str, str] = {}
        for fact in facts:
            if fact.action in _REPORTED:
                self._take_report(fact, restored, changed, rejected)
            elif fact.action == "written":
                self._take_answer(fact.details, restored, rejected)
            elif fact.action == "not_written":
                self._take_refusal(Side(fact.details["side"]), due, rejected)
        for name, side in changed:
            self._tally(name, side).changed += 1

    def _tally(self, name: str, side: Side) -> Tally:
        return self.counted.setdefault((name, side), Tally())

    def _take_report(
        self,
        fact: Fact,
        restored: set[tuple[str, Side]],
        changed: set[tuple[str, Side]],
        rejected: dict[str, str],
    ) -> None:
        said = fact.details
        subject, reason, details = said["subject"], said["reason"], said.get("details") or {}
        if reason == Reason.WRITE_REJECTED:
            rejected[subject] = str(details.get("message", ""))
            return
        values = said.get("vehicle_module_value"), said.get("dms_value"), said.get("base_value")
        if fact.action == "report_changed" and self._told.get((subject, reason)) == values:
            return
        self._told[subject, reason] = values
        if reason == Reason.REFUSED_CHANGE and details.get("refused") in SIDES:
            # With a write, the plan has told already.
            changed |= {(subject, Side(details["refused"]))} - restored
        elif reason == Reason.BOTH_CHANGED:
            changed |= {(subject, side) for side in SIDES}
        elif reason in _BOTH_SHOWN and values[2] is not None:
            shown = dict(zip((Side.VEHICLE_MODULE, Side.DMS), values[:2], strict=True))
            changed |= {(subject, side) for side, value in shown.items() if value not in (None, values[2])}

    def _take_answer(self, said: Mapping[str, Any], restored: set[tuple[str, Side]], rejected: dict[str, str]) -> None:
        side, lost = Side(said["side"]), set(said.get("not_kept") or ())
        for name, (_, value) in (said.get("changes") or {}).items():
            tally = self._tally(name, side)
            if name in lost and name in rejected:
                tally.refuse(rejected.pop(name))
            elif name in lost:
                tally.ignored += 1
            else:
                tally.kept += 1
                tally.put_back += (name, side) in restored
                tally.undone += self._held.get((name, side), _NOTHING) == value
                self._held[name, side] = value
                for one in SIDES:
                    self._moved.pop((name, one), None)

    def _take_refusal(self, side: Side, due: set[tuple[str, Side]], rejected: dict[str, str]) -> None:
        for name in [name for name in rejected if (name, side) in due]:
            self._tally(name, side).refuse(rejected.pop(name))

    def _take_plan(
        self,
        said: Mapping[str, Any],
        due: set[tuple[str, Side]],
        restored: set[tuple[str, Side]],
        changed: set[tuple[str, Side]],
    ) -> None:
        """What a run planned, and which change by whom that answers."""
        if moves := said.get("moves"):
            due.add((STAGE, Side.VEHICLE_MODULE))
            self._move(STAGE, Side.DMS, moves, changed)
        for name, told in (said.get("decided") or {}).items():
            if not told.get("write"):
                continue
            side, value = Side(told["write"][0]), told["write"][1]
            due.add((name, side))
            if told.get("decision") is not None:
                continue
            if told.get("reason") == Reason.REFUSED_CHANGE:
                restored.add((name, side))
                for one in SIDES if told.get("row") == _BOTH_MOVED else (side,):
                    self._move(name, one, told.get(one.value), changed)
            elif told.get("row") == _ONE_MOVED:
                self._move(name, side.other, value, changed)

    def _move(self, name: str, side: Side, value: Any, changed: set[tuple[str, Side]]) -> None:
        if self._moved.get((name, side), _NOTHING) != value:
            self._moved[name, side] = value
            changed.add((name, side))


_NOTHING: Final = object()


# what records hold now


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """A record as a side last said it; `other` gives what the opposite side says of the same car, None for nothing."""

    side: Side
    record_id: str
    point_of_sale: str
    body: Mapping[str, Any]
    _other: bytes | None = None

    def other(self) -> Mapping[str, Any] | None:
        """The opposite side's record."""
        return codec.load(self._other) if self._other is not None else None


@dataclass(frozen=True, slots=True)
class ReportedValue:
    """A value that cannot be read, from an open report row about a record that is held no more."""

    side: Side
    attribute: str
    raw: str
    why: str
    record_id: str | None
    point_of_sale: str


def held_records(engine: Engine, pair: str, points_of_sale: Collection[str]) -> Iterator[HeldRecord]:
    """Every record of these points of sale that is there and whose car is not over, a few at a time."""
    with engine.connect() as connection:
        for side in SIDES:
            other = SNAPSHOT.alias("other")
            bound = and_(CAR.c.pair == SNAPSHOT.c.pair, id_column(side) == SNAPSHOT.c.record_id)
            opposite = and_(
                other.c.pair == SNAPSHOT.c.pair,
                other.c.side == side.other.value,
                other.c.record_id == id_column(side.other),
                other.c.gone.is_(False),
            )
            statement = (
                select(SNAPSHOT.c.record_id, SNAPSHOT.c.point_of_sale, SNAPSHOT.c.body, other.c.body.label("opposite"))
                .select_from(SNAPSHOT.outerjoin(CAR, bound).outerjoin(other, opposite))
                .where(*_of(pair, side, points_of_sale), or_(CAR.c.id.is_(None), CAR.c.closed.is_(False)))
                .order_by(SNAPSHOT.c.record_id)
            )
            for row in connection.execution_options(yield_per=_AT_A_TIME).execute(statement):
                yield HeldRecord(side, row.record_id, row.point_of_sale, codec.load(row.body), row.opposite)


def reported_values(engine: Engine, pair: str, points_of_sale: Collection[str]) -> Iterator[ReportedValue]:
    """What open report rows say of values that cannot be read, where the record itself is held no more."""
    with engine.connect() as connection:
        for side in SIDES:
            record_id = id_column(side)
            held = and_(*_of(pair, side, None), SNAPSHOT.c.record_id == record_id)
            value = CONFLICT.c.vehicle_module_value if side is Side.VEHICLE_MODULE else CONFLICT.c.dms_value
            statement = (
                select(CONFLICT.c.subject, CONFLICT.c.point_of_sale, CONFLICT.c.details, value.label("raw"))
                .add_columns(record_id.label("record_id"))
                .select_from(CONFLICT.outerjoin(CAR, CAR.c.id == CONFLICT.c.car_id).outerjoin(SNAPSHOT, held))
                .where(
                    CONFLICT.c.pair == pair,
                    CONFLICT.c.point_of_sale.in_(sorted(points_of_sale)),
                    CONFLICT.c.closed_at.is_(None),
                    CONFLICT.c.reason == Reason.INVALID_VALUE.value,
                    SNAPSHOT.c.record_id.is_(None),
                )
                .order_by(CONFLICT.c.id)
            )
            yield from _reported(connection.execute(statement), side)


def _reported(rows: Iterable[Any], side: Side) -> Iterator[ReportedValue]:
    for row in rows:
        why = codec.load(row.details).get(f"{side}_invalid")
        if why is not None and row.raw is not None:
            yield ReportedValue(side, row.subject, row.raw, why, row.record_id, row.point_of_sale)


def _of(pair: str, side: Side, points_of_sale: Collection[str] | None) -> tuple[Any, ...]:
    here = (SNAPSHOT.c.pair == pair, SNAPSHOT.c.side == side.value, SNAPSHOT.c.gone.is_(False))
    if points_of_sale is None:
        return here
    return (*here, SNAPSHOT.c.point_of_sale.in_(sorted(points_of_sale)))

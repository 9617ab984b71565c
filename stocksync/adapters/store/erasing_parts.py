"""Where in the database a person may stand, and which of it is over and done with; nothing is changed here.

What is over may be erased. What is current stays: the systems still hold it, so that the next run would bring it back,
or take the token for somebody's edit. A person is erased there first. Who reads and changes rows: `erasing`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Table, literal, or_, select, true

from stocksync.adapters.store import codec
from stocksync.adapters.store.core import ALERT, CAR, CONFLICT, GATE, JOURNAL, OUTBOX, PAUSE, RESOLUTION, RUN, SNAPSHOT
from stocksync.adapters.store.journal_chain import erased, erased_digest
from stocksync.adapters.store.keeping import FINISHED
from stocksync.adapters.store.person import TOKEN, Change, Person, rewritten
from stocksync.sync.decisions import ResolutionStatus


class Place(StrEnum):
    """What can hold a person, by the name of its table."""

    SNAPSHOTS = "snapshot"
    CARS = "car"
    OUTBOX = "outbox"
    CONFLICTS = "conflict"
    DECISIONS = "resolution"
    PAUSES = "pause"
    GATES = "gate"
    RUNS = "run"
    ALERTS = "alert"
    JOURNAL = "journal"


@dataclass(frozen=True, slots=True)
class Part:
    """Some columns of a table that share one fate.

    over: whether what they say of a row is history. texts: plain ones. documents: JSON, with how its values change;
    everything else in it is ours and stays. free_only: of a row that is not over, they are history too as soon as
    nothing current of its car holds the person.
    """

    table: Table
    over: ColumnElement[bool]
    texts: tuple[str, ...] = ()
    documents: Mapping[str, Callable[[Any, Change], Any]] = field(default_factory=dict)
    free_only: bool = False

    @property
    def place(self) -> Place:
        """Whose part it is."""
        return Place(self.table.name)

    def rows(self) -> Select[Any]:
        """Every row: its key, what tells where it belongs, these columns, and `is_over`."""
        wanted = [*self.table.primary_key, *(self.table.c[n] for n in _BELONGING if n in self.table.c)]
        columns = {column.name: column for column in wanted}
        columns |= {name: self.table.c[name] for name in (*self.texts, *self.documents)}
        return select(*columns.values(), self.over.label("is_over"))

    def key_of(self, row: Any) -> tuple[Any, ...]:
        """A row's key."""
        return tuple(getattr(row, column.name) for column in self.table.primary_key)

    def without(self, row: Any, person: Person) -> dict[str, Any] | None:
        """The columns of a row in which a person stands, as they are without; None where one cannot be understood."""
        changed: dict[str, Any] = {}
        for name in self.texts:
            text = getattr(row, name)
            if isinstance(text, str) and person.is_in(text):
                changed[name] = person.without(text)
        for name, rewrite in self.documents.items():
            raw = getattr(row, name)
            if not raw or not person.may_be_in(_text(raw)):
                continue
            try:
                data = codec.load(raw)
                after = rewrite(data, person.without)
            except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
                return None
            if after != data:
                said = codec.dump(after)
                changed[name] = said.encode() if isinstance(raw, bytes) else said
        return changed


def _text(raw: str | bytes) -> str:
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw


_BELONGING: Final = ("point_of_sale", "pair", "car_id", "side", "record_id", "vehicle_module_id", "dms_id")


def _payload(data: Any, change: Change) -> Any:
    changes = [[name, *rewritten([value, expected], change), *rest] for name, value, expected, *rest in data["changes"]]
    return {**data, "changes": changes}


def _unkept(data: Any, change: Change) -> Any:
    return {
        name: [
            side,
            *rewritten([written, stored], change),
            rounds,
            rejected,
            *rewritten([message], change),
            *rest,
        ]
        for name, (side, written, stored, rounds, rejected, message, *rest) in data.items()
    }


def _overwrites(data: Any, change: Change) -> Any:
    return [[name, side, *rewritten([written, over], change), *rest] for name, side, written, over, *rest in data]


def _seen(data: Any, change: Change) -> Any:
    """What a reviewer saw; where a value of it goes, it is noted as unreadable, so that nobody can bring it back."""
    after = rewritten(data, change, leaving=("category",))
    values = ("vehicle_module", "dms", "base", "former_base")
    if any(after.get(name) != data.get(name) for name in values):
        after["details"] = {**after["details"], "vehicle_module_invalid": TOKEN, "dms_invalid": TOKEN}
    return after


def _in_journal(row_details: str, person: Person) -> bool:
    """Tell whether a person stands in the details of a line; in our own words for things nobody does."""
    if not person.may_be_in(row_details) or erased_digest(row_details) is not None:
        return False
    try:
        data = codec.load(row_details)
        return bool(rewritten(data, person.without, leaving=_OUR_WORDS) != data)
    except (ValueError, RecursionError):
        return person.is_in(row_details)


_OUR_WORDS: Final = frozenset(
    {"subject", "reason", "category", "choice", "side", "action", "agreed", "moves", "bound_by", "not_kept", "rule"}
    | {"from", "what", "last_hash"}
)
"""Keys in the journal under which no value of a system stands."""


@dataclass(frozen=True, slots=True)
class JournalPart(Part):
    """The journal: always history, and a line goes whole, leaving the digest of its details."""

    def without(self, row: Any, person: Person) -> dict[str, Any] | None:
        """See `Part`."""
        return {"details": erased(row.details)} if _in_journal(row.details, person) else {}


_PENDING: Final = ResolutionStatus.PENDING.value
_ACTS: Final = (_PENDING, ResolutionStatus.IGNORING.value)

WAITING: Final = OUTBOX.c.status.not_in([status.value for status in FINISHED])
"""Entries that were not settled yet."""

PARTS: Final[tuple[Part, ...]] = (
    Part(SNAPSHOT, SNAPSHOT.c.gone.is_(True), documents={"body": rewritten}),
    Part(CAR, CAR.c.closed.is_(True), documents={"base": rewritten}),
    Part(CAR, CAR.c.closed.is_(True), documents={"unkept": _unkept, "overwrites": _overwrites}, free_only=True),
    Part(OUTBOX, ~WAITING, texts=("message",), documents={"payload": _payload}),
    Part(
        CONFLICT,
        CONFLICT.c.closed_at.is_not(None),
        texts=("vehicle_module_value", "dms_value", "base_value"),
        documents={"details": rewritten},
    ),
    Part(RESOLUTION, RESOLUTION.c.status.not_in(_ACTS), documents={"seen": _seen, "targets": rewritten}),
    # Who left a row as it is, and what they said of it, is past; what they saw still holds.
    Part(RESOLUTION, RESOLUTION.c.status != _PENDING, texts=("comment", "decided_by", "file", "closed_because")),
    # What follows is told to people, and nothing is decided by it.
    Part(PAUSE, true(), texts=("paused_by", "reason")),
    Part(GATE, true(), texts=("reason",)),
    Part(RUN, true(), texts=("message",), documents={"summary": rewritten}),
    Part(ALERT, true(), texts=("message",)),
    JournalPart(JOURNAL, true(), texts=("action", "details")),
)
"""Every place, in the order in which it is erased: the journal last, as it tells of the others."""


def holders_of(car: Any) -> list[tuple[Part, Select[Any]]]:
    """Where what is current of a car stands: what its records show, its base, what waits to be written."""
    snapshots, base, _, outbox, _, decisions, *_ = PARTS
    records = [("vehicle_module", car.vehicle_module_id), ("dms", car.dms_id)]
    own = or_(*((SNAPSHOT.c.side == side) & (SNAPSHOT.c.record_id == i) for side, i in records if i), literal(False))
    return [
        (snapshots, snapshots.rows().where(SNAPSHOT.c.pair == car.pair, own, SNAPSHOT.c.gone.is_(False))),
        (base, base.rows().where(CAR.c.id == car.id)),
        (outbox, outbox.rows().where(OUTBOX.c.car_id == car.id, WAITING)),
        (decisions, decisions.rows().where(RESOLUTION.c.car_id == car.id, RESOLUTION.c.status == _PENDING)),
    ]

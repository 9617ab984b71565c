"""The journal's chain: every row carries a hash of itself and of the row before, so that no change goes unseen. Pure.

A row that was changed, taken out or put in breaks the chain there; rows cut off at the end do not, which is why the
last hash is worth keeping elsewhere (`stocksync journal verify` shows it, and takes it back with --expect).

The hash holds a digest of a row's details, not the details: they can be erased, leaving their digest, and the chain
holds. Whoever erases says so in a line of the journal; an erased row that no line names is damage.

Where rows come from is not here: see `journal_rows`. Who erases, and why: `erasing`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

import orjson

FIRST: Final = ""
"""What stands before the first row."""


ERASED: Final = "erased"
"""The action of the lines that tell whose details were erased, by whom."""

_IN_PLACE: Final = re.compile(r'\{"erased":"([0-9a-f]{64})"\}')


def digest_of(details: str) -> str:
    """The digest of a row's details, the JSON text as it is stored; of erased ones, the digest that they left."""
    return erased_digest(details) or hashlib.sha256(details.encode()).hexdigest()


def erased_digest(details: str) -> str | None:
    """The digest that erased details left; None of details that stand."""
    found = _IN_PLACE.fullmatch(details)
    return found[1] if found else None


def erased(details: str) -> str:
    """What stands in the place of details once they are erased."""
    return f'{{"erased":"{digest_of(details)}"}}'


def erased_rows(action: str, details: str) -> tuple[int, ...]:
    """The rows of the journal that a line names as erased; none where it is no such line, or not to be understood."""
    if action != ERASED:
        return ()
    try:
        told = json.loads(details)
        rows = told["rows"] if told["what"] == "journal" else ()
        return tuple(row for row in rows if type(row) is int)
    except (ValueError, KeyError, TypeError, RecursionError):
        return ()


def link(before: str, at: datetime | str, run_id: int, car_id: str | None, action: str, digest: str) -> str:
    """The hash of a row that follows one whose hash is `before`; digest: of its details, see `digest_of`.

    at: the instant, or its `instant_text` where many rows have the same. Up to the schema 0003 the details themselves
    stood in the place of their digest.
    """
    at_text = at if isinstance(at, str) else instant_text(at)
    return hashlib.sha256(orjson.dumps([before, at_text, run_id, car_id, action, digest])).hexdigest()


def instant_text(at: datetime) -> str:
    """An instant as hashes hold it."""
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return at.astimezone(UTC).isoformat(timespec="microseconds")


class Damage(StrEnum):
    """What does not fit at the first row where the chain breaks, as far as it can be told.

    changed: the row, or the one before it with its hash. hash_changed: the row says what was written, its hash does
    not. missing: rows between it and the one before. swapped: the row and the next one have changed places.
    erased_untold: its details were erased, and no line says so; the chain itself holds.
    """

    CHANGED = "changed"
    HASH_CHANGED = "hash_changed"
    MISSING = "missing"
    INSERTED = "inserted"
    SWAPPED = "swapped"
    ERASED_UNTOLD = "erased_untold"


@dataclass(frozen=True, slots=True)
class Entry:
    """A row as it is stored; at: None where the row cannot even be read, and then nothing else but the id holds.

    digest: what its hash holds of its details. is_erased: they are not there any more. tells_erased: the rows of the
    journal that it names as erased.
    """

    row_id: int
    at: datetime | None
    run_id: Any
    car_id: str | None
    action: str
    digest: str
    hash: str
    is_erased: bool = False
    tells_erased: tuple[int, ...] = ()

    def hash_after(self, before: str) -> str | None:
        """The hash that the row should carry where it follows one whose hash is `before`; None where unreadable."""
        if self.at is None:
            return None
        return link(before, self.at, self.run_id, self.car_id, self.action, self.digest)

    def follows(self, before: str) -> bool:
        """Tell whether the row belongs behind one whose hash is `before`."""
        return self.hash == self.hash_after(before)


@dataclass(frozen=True, slots=True)
class Break:
    """The first row that does not fit; missing: the ids of the rows that are gone, the first and the last."""

    row_id: int
    at: datetime | None
    damage: Damage
    missing: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Walk:
    """What a walk along the whole journal found.

    last_hash: as the last row carries it. expected_row: the row that carries the hash which was asked for, None where
    no row before a break does. first_at, last_at: of the rows that can be read. erased: how many rows are without
    their details; untold: how many of those no line names.
    """

    rows: int
    first_at: datetime | None
    last_at: datetime | None
    last_hash: str
    broken: Break | None
    expected_row: int | None = None
    erased: int = 0
    untold: int = 0


def walk(entries: Iterable[Entry], expected: str | None = None) -> Walk:
    """Follow the chain from its first row, one row in hand at a time; entries: all, in order of their ids."""
    rows, first_at, last_at, expected_row, erased_so_far = 0, None, None, None, 0
    broken: Break | None = None
    untold: dict[int, datetime | None] = {}
    older = last = _START
    for entry, following in _with_following(entries):
        if broken is None and not entry.follows(last.hash):
            broken = _explained(older, last, entry, following)
        if broken is None and entry.hash == expected:
            expected_row = entry.row_id
        rows += 1
        if entry.is_erased:
            erased_so_far += 1
            untold[entry.row_id] = entry.at
        for row_id in entry.tells_erased:
            untold.pop(row_id, None)
        first_at, last_at = first_at or entry.at, entry.at or last_at
        older, last = last, entry
    if broken is None and untold:
        # Where the chain is broken too, the line that tells of the erasing may be what is missing.
        broken = Break(*next(iter(untold.items())), Damage.ERASED_UNTOLD)
    return Walk(rows, first_at, last_at, last.hash, broken, expected_row, erased_so_far, len(untold))


_START: Final = Entry(0, None, 0, None, "", "", FIRST)


def _with_following(entries: Iterable[Entry]) -> Iterator[tuple[Entry, Entry | None]]:
    waiting: Entry | None = None
    for entry in entries:
        if waiting is not None:
            yield waiting, entry
        waiting = entry
    if waiting is not None:
        yield waiting, None


def _explained(older: Entry, last: Entry, entry: Entry, following: Entry | None) -> Break:
    """Say what is wrong with `entry`, which does not follow `last`."""
    if last is not _START and entry.follows(older.hash):
        return Break(last.row_id, last.at, Damage.INSERTED)
    if entry.row_id > last.row_id + 1:
        return Break(entry.row_id, entry.at, Damage.MISSING, (last.row_id + 1, entry.row_id - 1))
    damage = Damage.CHANGED
    if following is not None:
        computed = entry.hash_after(last.hash)
        if following.follows(last.hash):
            damage = Damage.SWAPPED if entry.follows(following.hash) else Damage.INSERTED
        elif computed is not None and following.follows(computed):
            damage = Damage.HASH_CHANGED
    return Break(entry.row_id, entry.at, damage)

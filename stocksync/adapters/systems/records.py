"""Where records stand in answers: in a list, under their ids, a line each, or inside something else.

Not here: which answer to ask for, which is `paging` and `writing`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from stocksync.adapters.systems.answers import Interpreter, Meaning
from stocksync.adapters.systems.slices import Sliced
from stocksync.adapters.systems.stamps import stamp_of
from stocksync.errors import RecordNotFound, UnexpectedAnswer
from stocksync.mapping.connection import RestConnection
from stocksync.mapping.paths import put_at, value_at
from stocksync.stock.values import ABSENT, Nothing
from stocksync.sync.ports import NativeRecord


@dataclass(frozen=True, slots=True)
class Records:
    """Takes the records of one system out of its answers.

    id_path and version_path: where a record holds them; version_path None where it holds none.
    """

    connection: RestConnection
    interpreter: Interpreter
    id_path: str
    version_path: str | None

    def listed(self, meaning: Meaning) -> tuple[NativeRecord, ...]:
        """Every record of a page; UnexpectedAnswer iff there is no list of records where it should be."""
        operation = self.connection.list
        found = meaning.body if operation.items is None else found_at(meaning.body, operation.items)
        due = Mapping if operation.form == "keyed" else list
        if isinstance(found, due):
            items = list(self._items(meaning, found))
            if all(isinstance(item, dict) for item in items):
                return tuple(map(self.native, items))
        raise self._no_list(meaning)

    def _no_list(self, meaning: Meaning) -> UnexpectedAnswer:
        at = self.connection.list.items
        where = f" at {at!r}" if at is not None else ""
        return self.interpreter.unexpected(meaning.where, f"no list of records{where}")

    def sliced(
        self, meaning: Meaning, page: Sliced, familiar: set[int]
    ) -> tuple[tuple[NativeRecord, ...], tuple[int, ...]]:
        """The records of a page that are not familiar, and their digests. Raises UnexpectedAnswer."""
        each, records = self.connection.list.each, []
        fresh = self.interpreter.decoded(meaning, page, familiar)
        for item, digest in fresh:
            body = item if each is None else value_at(item, each)
            if not isinstance(body, dict):
                raise self._no_list(meaning)
            records.append(self.native(body, digest))
        return tuple(records), tuple(digest for _, digest in fresh)

    def _items(self, meaning: Meaning, found: Any) -> Iterator[Any]:
        each = self.connection.list.each
        if not isinstance(found, Mapping):
            yield from found if each is None else (value_at(item, each) for item in found)
            return
        for key, item in found.items():
            body = item if each is None else value_at(item, each)
            yield self._named(meaning, body, key) if isinstance(body, dict) else body

    def _named(self, meaning: Meaning, body: dict[str, Any], record_id: str) -> dict[str, Any]:
        """A record with the id that it is kept under, where it does not say so itself."""
        said = value_at(body, self.id_path)
        if said is ABSENT or said is None:
            body = copied(body)
            put_at(body, self.id_path, record_id)
        elif text(said) != record_id:
            raise self.interpreter.unexpected(meaning.where, f"the record {text(said)!r} under the key {record_id!r}")
        return body

    def raw(self, meaning: Meaning, item: str | None) -> Any:
        """What stands where one record should, just as it came; `item`: its path, as for reading unless told."""
        envelope = self.connection.envelope
        path = item or self.connection.read.item or (envelope.item if envelope else None)
        return meaning.body if path is None else found_at(meaning.body, path)

    def one(self, meaning: Meaning, record_id: str | None = None, item: str | None = None) -> NativeRecord:
        """Take the record out of an answer; it must have an id, and `record_id` unless that is None."""
        body = self.raw(meaning, item)
        if isinstance(body, list) and self.connection.read.query and len(body) < 2:
            # A record is asked for by a parameter there, so that the answer is a listing of it alone.
            if not body:
                raise RecordNotFound(f"{meaning.where} gave no record {record_id!r}: look for it there")
            body = body[0] if self.connection.list.each is None else value_at(body[0], self.connection.list.each)
        if not isinstance(body, dict):
            raise self.interpreter.unexpected(meaning.where, "no record")
        if self.connection.list.form == "keyed" and record_id is not None:
            body = self._named(meaning, body, record_id)
        record = self.native(body)
        if not record.record_id or (record_id is not None and record.record_id != record_id):
            found = f"the record {record.record_id!r}" if record.record_id else "a record without an id"
            raise self.interpreter.unexpected(meaning.where, found)
        return record

    def native(self, body: dict[str, Any], listed_digest: int | None = None) -> NativeRecord:
        """A record as its system spells it; listed_digest: see `NativeRecord`."""
        version = storable(text(value_at(body, self.version_path))) if self.version_path else ""
        stamp = stamp_of(body, self.connection.list.changes)
        record_id = storable(text(value_at(body, self.id_path)))
        return NativeRecord(record_id, version or None, body, stamp, listed_digest=listed_digest)


def found_at(body: Any, path: str) -> Any | Nothing:
    """What stands at a path; a key that has dots itself, as "@odata.nextLink", is found by its whole name."""
    if isinstance(body, Mapping) and path in body:
        return body[path]
    return value_at(body, path)


def text(value: Any) -> str:
    """Give an id, version or cursor as text; "" iff it is none that can be named."""
    if type(value) is str:
        return value.strip()
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return ""
    return str(value).strip()


def storable(name: str) -> str:
    """The same; "" for one with NUL in it, which not every database holds, and no system means."""
    return "" if "\0" in name else name


def copied(body: Mapping[str, Any]) -> dict[str, Any]:
    """A record whose objects may be changed; lists and values are shared."""
    return {name: copied(part) if isinstance(part, Mapping) else part for name, part in body.items()}


def without(body: Mapping[str, Any], path: str) -> dict[str, Any]:
    """A record without what stands at a path; the one given is not touched."""
    step, _, rest = path.partition(".")
    result = dict(body)
    if not rest:
        result.pop(step, None)
    elif isinstance(inner := result.get(step), Mapping):
        result[step] = without(inner, rest)
    return result

"""How records are created, changed and reserved: what is sent, and what is made of the answer.

Every write is sent once. What can only be known by reading is read: a record that is sent back whole before it is
written, and one whose write is not answered by itself afterwards. Not here: whether a write is allowed, and what
follows from one whose answer was lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import httpx

from stocksync.adapters.systems.answers import Meaning
from stocksync.adapters.systems.records import Records, copied, text, without
from stocksync.adapters.systems.requests import Requests
from stocksync.adapters.systems.versions import Versions
from stocksync.errors import (
    RecordNotFound,
    StaleWrite,
    StocksyncError,
    SystemUnavailable,
    UnexpectedAnswer,
    WriteRejected,
)
from stocksync.mapping.connection import RestConnection, WriteOperation
from stocksync.mapping.paths import merged, put_at, value_at
from stocksync.sync.ports import NativeRecord


@dataclass(frozen=True, slots=True)
class Current:
    """A record just read: with the id that it was asked by, and just as it came."""

    record: NativeRecord
    raw: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Writing:
    """Writes to one system; current: reads a record now, RecordNotFound iff it is not there."""

    connection: RestConnection
    requests: Requests
    records: Records
    versions: Versions
    current: Callable[[str], Current]

    def create(self, body: Mapping[str, Any], key: str) -> NativeRecord:
        """Create a record; WriteRejected also where the settings name no way to."""
        operation = self.connection.create
        if operation is None:
            raise WriteRejected(self._sentence("takes no new records: create it there by hand"))
        path = self.requests.listing_path(operation.path)
        meaning = self._sent(operation, path, "", self._wrapped(operation, dict(body), ""), self._key_headers(key))
        if operation.answer == "record":
            record = self.records.one(meaning, item=operation.item)
            self.versions.note(record.record_id, meaning)
            return record
        return self._read_after_write(self._new_id(operation, meaning))

    def update(self, record_id: str, changes: Mapping[str, Any], version: str | None, key: str) -> NativeRecord:
        """Change the named fields of one record, iff it still has that version where versions are checked."""
        operation, versions = self.connection.update, self.versions
        path = self.requests.path(operation.path, record_id)
        where = f"{operation.method} {path}"
        if versions.in_records and version is None:
            versions.headers(record_id, None, where)
        body = self._body(operation, record_id, changes, version)
        if versions.in_headers and versions.remembered(record_id) is None:
            self._before_write(record_id)
        headers = self._key_headers(key) | versions.headers(record_id, version, where)
        versions.put(body, version, where)
        meaning = self._sent(operation, path, record_id, self._wrapped(operation, body, record_id), headers)
        if operation.answer == "record" and isinstance(meaning.body, Mapping):
            record = self.records.one(meaning, record_id, operation.item)
            versions.note(record_id, meaning)
            return record
        return self._read_after_write(record_id)

    def reserve(self, record_id: str, key: str) -> NativeRecord:
        """Set the reservation of the settings; UnexpectedAnswer where they name none."""
        operation = self.connection.reserve
        if operation is None:
            raise UnexpectedAnswer(self._sentence("has no reservations: set it by hand"))
        path = self.requests.path(operation.path, record_id)
        as_write = WriteOperation(method=operation.method, path=operation.path)
        self._sent(as_write, path, record_id, operation.body, self._key_headers(key))
        # What answers a reservation need not be the record: some systems say nothing, some the reservation.
        return self._read_after_write(record_id)

    # What is sent

    def _body(
        self, operation: WriteOperation, record_id: str, changes: Mapping[str, Any], version: str | None
    ) -> dict[str, Any]:
        """The fields of an update, as many of them as its way of writing wants."""
        if operation.send == "changes":
            return copied(changes)
        checked = self.versions.remembered(record_id)
        now = self._before_write(record_id)
        moved = self.versions.in_records and now.record.version != version
        if moved or checked not in (None, self.versions.remembered(record_id)):
            raise StaleWrite(self._sentence(f"holds another version of {record_id!r} by now: plan again"))
        whole = merged(now.raw, changes)
        if operation.send == "top_level":
            whole = {name: whole[name] for name in changes}
        for path in operation.leave_out:
            whole = without(whole, path)
        return copied(whole)

    def _wrapped(self, operation: WriteOperation, fields: dict[str, Any], record_id: str) -> dict[str, Any]:
        body: dict[str, Any] = {} if operation.wrap is not None else fields
        if operation.wrap is not None:
            put_at(body, operation.wrap, fields)
        for path, value in operation.extra.items():
            put_at(body, path, self.requests.filled(value, record_id))
        return body

    def _key_headers(self, key: str) -> dict[str, str]:
        header = self.connection.idempotency_header
        return {header: key} if header else {}

    def _sent(
        self, operation: WriteOperation, path: str, record_id: str, body: Mapping[str, Any], headers: dict[str, str]
    ) -> Meaning:
        # Whatever comes back, the version from before says nothing of the record any more.
        self.versions.forget(record_id)
        try:
            return self.requests.write(operation, path, record_id, body, headers)
        except WriteRejected as error:
            raise _unwrapped(error, operation.wrap) from error

    # What is read

    def _before_write(self, record_id: str) -> Current:
        try:
            return self.current(record_id)
        except SystemUnavailable as error:
            # The write itself was not sent: whoever waits for its outcome need not wonder.
            raise SystemUnavailable(str(error), unsent=True) from error

    def _read_after_write(self, record_id: str) -> NativeRecord:
        try:
            return self.current(record_id).record
        except RecordNotFound:
            text = f"took a write of {record_id!r} and has no such record now: look for it there"
            raise RecordNotFound(self._sentence(text)) from None
        except StocksyncError as error:
            # By any other name the write would count as one that was refused, and be sent again.
            why = f"took a write of {record_id!r}, which could not be read back ({error}): read it later"
            raise SystemUnavailable(self._sentence(why)) from error

    def _new_id(self, operation: WriteOperation, meaning: Meaning) -> str:
        """The id of what was created, out of an answer without the record."""
        if operation.answer == "id":
            said = meaning.body if operation.id_at is None else value_at(meaning.body, operation.id_at)
            found, place = text(said), operation.id_at or "the answer"
        else:
            found, place = _last_step(meaning.answer.headers.get("Location", "")), "the header Location"
        if not found:
            raise self.requests.interpreter.unexpected(meaning.where, f"no id of the new record in {place}")
        return found

    def _sentence(self, said: str) -> str:
        return self.requests.client.sentence(said)


def _last_step(location: str) -> str:
    """The last step of an address, which is all that is ever used of it."""
    try:
        path = httpx.URL(location).raw_path.decode("ascii").partition("?")[0]
    except (httpx.InvalidURL, UnicodeError):
        return ""
    return unquote(path.rstrip("/").rpartition("/")[2])


def _unwrapped(error: WriteRejected, wrap: str | None) -> WriteRejected:
    """Name fields as the record does, where a system names them by their place in what was sent."""
    if wrap is None:
        return error
    fields = {name.removeprefix(f"{wrap}."): said for name, said in error.fields.items()}
    return WriteRejected(str(error), fields, is_conflict=error.is_conflict)

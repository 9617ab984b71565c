"""One point of sale of a system with JSON over HTTP, as its `connection` settings describe it.

Answers how the seam's calls become requests and where a record stands in an answer. No vendor's name is here,
and no write is ever sent twice: whoever sent it reads back first. Not here: connections (`http`), what a
status means (`answers`), whether pages add up (`listing`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_random_exponential

from stocksync.adapters.systems import strict_json
from stocksync.adapters.systems.answers import Interpreter, Meaning
from stocksync.adapters.systems.http import HttpClient, Key, checked_secret
from stocksync.adapters.systems.listing import Asking, CursorDied, Listed, cursor_pages, numbered_pages
from stocksync.adapters.systems.stamps import since_text, stamp_of
from stocksync.errors import (
    ConfigurationError,
    IncompleteListing,
    RateLimited,
    RecordNotFound,
    StaleWrite,
    TransientError,
    UnexpectedAnswer,
    WriteRejected,
)
from stocksync.mapping.connection import (
    BearerAuth,
    CursorPaging,
    RestConnection,
    WriteOperation,
)
from stocksync.mapping.paths import value_at
from stocksync.sync.ports import Clock, NativeRecord, Page

_ETAG_TEXT = re.compile(r"[\x21\x23-\x7e]+")
_BACK_OFF = wait_random_exponential(multiplier=0.5, max=30)
"""Full jitter: anything from nothing to 0.5 s, 1 s, 2 s and so on."""

Answered = TypeVar("Answered")


class RestSystem:
    """A `System` over REST; every call may come from several threads at once.

    id_path and version_path: where a record holds them, dotted; version_path None where there is none.
    point_of_sale_code: the system's own. name: how messages call the system. transport: for tests.
    Raises ConfigurationError for an address, path or secret that cannot be used.
    """

    def __init__(
        self,
        connection: RestConnection,
        *,
        base_url: str,
        secrets: Mapping[str, str],
        point_of_sale_code: str,
        id_path: str,
        version_path: str | None,
        clock: Clock,
        transport: httpx.BaseTransport | None = None,
        name: str = "the system",
    ) -> None:
        _check_paths(connection, name)
        self._connection = connection
        self._point_of_sale_code = point_of_sale_code
        self._id_path = id_path
        self._version_path = version_path
        self._clock = clock
        self._client = HttpClient(
            base_url,
            name=name,
            key=_key(connection, secrets, name),
            timeout_s=connection.timeout_s,
            body_cap_bytes=connection.page_size_mb * 1_000_000,
            # One more than the workers: a page asked for ahead never takes the connection of a write.
            connections=connection.concurrency + 1,
            transport=transport,
        )
        self._interpreter = Interpreter(connection.envelope, self._client.sentence, self._client.blotted, clock)
        self.conditional_writes = connection.update.precondition == "etag"
        self.lists_changes = connection.list.changes is not None

    def pages(self) -> Iterator[Page]:
        """List every record of the point of sale; see `System.pages`.

        The next page is asked for meanwhile, in a thread that is gone when the iterator ends or is closed.
        """
        return self._paged({})

    def changes(self, since: datetime) -> Iterator[Page]:
        """List what changed since an instant of the system's clock; everything where the settings name no way to."""
        changes = self._connection.list.changes
        return self._paged({changes.parameter: since_text(since, changes)} if changes is not None else {})

    def _paged(self, narrowed: Mapping[str, str]) -> Iterator[Page]:
        paging = self._connection.list.paging
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="page-ahead") as executor:
            asking = Asking(partial(self._listed, narrowed), self._retried, executor, self._incomplete)
            yield from cursor_pages(asking) if isinstance(paging, CursorPaging) else numbered_pages(asking)

    def read(self, record_id: str) -> NativeRecord | None:
        """Read one record; None iff it does not exist."""
        try:
            path = self._path(self._connection.read.path, record_id)
            return self._retried(lambda: self._record(self._settled("GET", path), record_id))
        except RecordNotFound:
            return None

    def create(self, body: Mapping[str, Any], key: str) -> NativeRecord:
        """Create a record; WriteRejected also where the settings name no way to."""
        operation = self._connection.create
        if operation is None:
            raise WriteRejected(self._client.sentence("takes no new records: create it there by hand"))
        return self._record(self._written(operation, operation.path, body, self._key_headers(key)))

    def update(self, record_id: str, body: Mapping[str, Any], version: str | None, key: str) -> NativeRecord:
        """Change the named fields of one record, iff it still has that version where versions are checked."""
        operation = self._connection.update
        path = self._path(operation.path, record_id)
        headers = self._key_headers(key)
        if self.conditional_writes:
            headers["If-Match"] = self._etag(version, f"{operation.method} {path}")
        return self._record_after(self._written(operation, path, body, headers), record_id)

    def reserve(self, record_id: str, key: str) -> NativeRecord:
        """Set the reservation of the settings; UnexpectedAnswer where they name none."""
        operation = self._connection.reserve
        if operation is None:
            raise UnexpectedAnswer(self._client.sentence("has no reservations: set it by hand"))
        path = self._path(operation.path, record_id)
        as_write = WriteOperation(method=operation.method, path=operation.path)
        self._written(as_write, path, operation.body, self._key_headers(key))
        # What answers a reservation need not be the record: some systems say nothing, some the reservation.
        return self._read_after_write(record_id)

    def close(self) -> None:
        """Let connections go."""
        self._client.close()

    # Requests

    def _settled(self, method: str, path: str, query: Mapping[str, str] | None = None) -> Meaning:
        meaning = self._interpreter.meaning(self._client.send(method, path, query=query))
        if not meaning.is_done:
            raise self._interpreter.error(meaning, writing=False)
        return meaning

    def _written(
        self, operation: WriteOperation, path: str, body: Mapping[str, Any], headers: dict[str, str]
    ) -> Meaning:
        answer = self._client.send(
            operation.method,
            path,
            headers=headers | {"Content-Type": operation.content_type},
            content=strict_json.written(body),
        )
        meaning = self._interpreter.meaning(answer)
        if not meaning.is_done:
            raise self._interpreter.error(meaning, writing=True)
        return meaning

    def _retried(self, call: Callable[[], Answered]) -> Answered:
        retrying = Retrying(
            retry=retry_if_exception_type(TransientError),
            stop=stop_after_attempt(self._connection.attempts),
            wait=_wait_s,
            sleep=self._clock.pause,
            reraise=True,
        )
        return retrying(call)

    def _key_headers(self, key: str) -> dict[str, str]:
        header = self._connection.idempotency_header
        return {header: key} if header else {}

    def _path(self, template: str, record_id: str) -> str:
        # However quoted, a dot segment is no id to the servers on the way, and "" is the whole collection.
        if record_id in {"", ".", ".."} or not record_id.isprintable():
            raise RecordNotFound(self._client.sentence(f"cannot have a record {record_id!r}: correct the id"))
        return template.replace("{id}", quote(record_id, safe=""))

    def _etag(self, version: str | None, where: str) -> str:
        if version is None:
            raise StaleWrite(self._client.sentence(f"checks versions and {where} names none: read and plan again"))
        if not _ETAG_TEXT.fullmatch(version):
            raise self._interpreter.unexpected(where, f"a version that no header can carry, {version!r}")
        return f'"{version}"'

    # Records

    def _record(self, meaning: Meaning, record_id: str | None = None) -> NativeRecord:
        """Take the record out of an answer; it must have an id, and `record_id` unless that is None."""
        envelope = self._connection.envelope
        body = value_at(meaning.body, envelope.item) if envelope else meaning.body
        if not isinstance(body, dict):
            raise self._interpreter.unexpected(meaning.where, "no record")
        record = self._native(body)
        if not record.record_id or (record_id is not None and record.record_id != record_id):
            found = f"the record {record.record_id!r}" if record.record_id else "a record without an id"
            raise self._interpreter.unexpected(meaning.where, found)
        return record

    def _record_after(self, meaning: Meaning, record_id: str) -> NativeRecord:
        if isinstance(meaning.body, Mapping):
            return self._record(meaning, record_id)
        return self._read_after_write(record_id)

    def _read_after_write(self, record_id: str) -> NativeRecord:
        record = self.read(record_id)
        if record is None:
            text = f"took a write of {record_id!r} and has no such record now: look for it there"
            raise RecordNotFound(self._client.sentence(text))
        return record

    def _native(self, body: dict[str, Any]) -> NativeRecord:
        version = _text(value_at(body, self._version_path)) if self._version_path else ""
        stamp = stamp_of(body, self._connection.list.changes)
        return NativeRecord(_text(value_at(body, self._id_path)), version or None, body, stamp)

    # Listings

    def _listed(self, narrowed: Mapping[str, str], position: str | int | None) -> Listed:
        operation = self._connection.list
        code = self._point_of_sale_code
        query = {name: str(value).replace("{point_of_sale}", code) for name, value in operation.query.items()}
        query |= narrowed
        if position is not None:
            query[operation.paging.parameter] = str(position)
        meaning = self._interpreter.meaning(self._client.send("GET", operation.path, query=query))
        if meaning.status == 410 and position is not None and isinstance(operation.paging, CursorPaging):
            raise CursorDied
        if not meaning.is_done:
            raise self._listing_error(meaning)
        return self._as_listed(meaning)

    def _listing_error(self, meaning: Meaning) -> Exception:
        error = self._interpreter.error(meaning, writing=False)
        if isinstance(error, RecordNotFound):
            what = f"{meaning.status} for point of sale {self._point_of_sale_code!r} ({meaning.detail})"
            return self._interpreter.unexpected(meaning.where, what)
        return error

    def _as_listed(self, meaning: Meaning) -> Listed:
        operation = self._connection.list
        paging = operation.paging
        items = value_at(meaning.body, operation.items)
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise self._interpreter.unexpected(meaning.where, f"no list of records at {operation.items!r}")
        records = tuple(map(self._native, items))
        if isinstance(paging, CursorPaging):
            return Listed(records, next_cursor=self._next_cursor(meaning, paging.next))
        total, pages = self._count(meaning, paging.total), self._count(meaning, paging.pages)
        return Listed(records, total=total, pages=pages)

    def _count(self, meaning: Meaning, path: str) -> int:
        count = value_at(meaning.body, path)
        if type(count) is not int or count < 0:
            raise self._interpreter.unexpected(meaning.where, f"no count at {path!r}")
        return count

    def _next_cursor(self, meaning: Meaning, path: str) -> str | None:
        cursor = value_at(meaning.body, path)
        if cursor is not None and not _text(cursor):
            raise self._interpreter.unexpected(meaning.where, f"neither a cursor nor null at {path!r}")
        return None if cursor is None else _text(cursor)

    def _incomplete(self, why: str) -> IncompleteListing:
        where = f"GET {self._connection.list.path}"
        code = self._point_of_sale_code
        return IncompleteListing(
            self._client.sentence(f"gave no complete listing of {code!r} by {where}: {why}; try again later")
        )


def _wait_s(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked_s = error.retry_after_s if isinstance(error, RateLimited) else None
    return _BACK_OFF(state) if asked_s is None else asked_s


def _text(value: Any) -> str:
    """Give an id, version or cursor as text; "" iff it is none that can be named."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return ""
    return str(value).strip()


def _key(connection: RestConnection, secrets: Mapping[str, str], name: str) -> Key:
    auth = connection.auth
    secret = checked_secret(secrets, auth.secret, name)
    if isinstance(auth, BearerAuth):
        return Key("Authorization", secret, prefix="Bearer ")
    return Key(auth.header, secret)


def _check_paths(connection: RestConnection, name: str) -> None:
    operations = (connection.list, connection.read, connection.create, connection.update, connection.reserve)
    for operation in operations:
        if operation and not re.fullmatch(r"(/(?!/)[^?#\\]*)", operation.path):
            raise ConfigurationError(f"The path {operation.path!r} of {name} must begin with one /, without query")

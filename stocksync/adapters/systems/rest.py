"""One point of sale of a system with JSON over HTTP, as its `connection` settings describe it.

Puts the parts together; no vendor's name is in any of them. How requests are made and put again is `requests`, what
opens a system `access`, where records stand `records`, pages are `paging` and `listing`, writes are `writing`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from functools import partial

import httpx

from stocksync.adapters.systems.access import open_access
from stocksync.adapters.systems.answers import Interpreter, Meaning
from stocksync.adapters.systems.http import HttpClient
from stocksync.adapters.systems.limits import bucket_of
from stocksync.adapters.systems.listing import Asking, CursorDied, Listed, proven_pages
from stocksync.adapters.systems.paging import open_pager
from stocksync.adapters.systems.records import Records
from stocksync.adapters.systems.requests import Requests
from stocksync.adapters.systems.stamps import since_text
from stocksync.adapters.systems.versions import Versions
from stocksync.adapters.systems.writing import Current, Writing
from stocksync.errors import ConfigurationError, IncompleteListing, RecordNotFound
from stocksync.mapping.connection import RestConnection
from stocksync.sync.familiar import Familiar
from stocksync.sync.ports import Clock, NativeRecord, Page

__all__ = ["RestSystem"]


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
        timeout_s, limits = connection.timeout_s, connection.limits
        bucket = bucket_of(base_url.rstrip("/"))
        self._client = HttpClient(
            base_url,
            name=name,
            access=open_access(
                connection.auth, secrets, base_url=base_url, name=name, clock=clock, timeout_s=timeout_s
            ),
            timeout_s=timeout_s,
            body_cap_bytes=connection.page_size_mb * 1_000_000,
            # One more than the workers: a page asked for ahead never takes the connection of a write.
            connections=connection.concurrency + 1,
            transport=transport,
            before_each=partial(bucket.wait, limits, clock, name) if limits is not None else _at_once,
        )
        client = self._client
        self._interpreter = Interpreter(connection.envelope, client.sentence, client.blotted, clock, connection.errors)
        self._requests = Requests(client, self._interpreter, clock, point_of_sale_code, connection.attempts)
        self._records = Records(connection, self._interpreter, id_path, version_path)
        self._pager = open_pager(connection.list.paging, client, self._interpreter)
        self._versions = Versions(connection.update, version_path, client.sentence, self._interpreter.unexpected)
        self._writing = Writing(connection, self._requests, self._records, self._versions, self._current)
        self.conditional_writes = self._versions.in_records
        self.lists_changes = connection.list.changes is not None

    def pages(self, familiar: Familiar | None = None) -> Iterator[Page]:
        """List every record of the point of sale; see `System.pages`.

        The next page is asked for meanwhile, in a thread that is gone when the iterator ends or is closed.
        """
        return self._paged(self._connection.list.path, {}, familiar)

    def changes(self, since: datetime) -> Iterator[Page]:
        """List what changed since an instant of the system's clock; everything where the settings name no way to."""
        changes = self._connection.list.changes
        if changes is None:
            return self.pages()
        narrowed = {changes.parameter: since_text(since, changes)}
        return self._paged(changes.path or self._connection.list.path, narrowed)

    def read(self, record_id: str) -> NativeRecord | None:
        """Read one record; None iff it does not exist."""
        try:
            return self._current(record_id).record
        except RecordNotFound:
            return None

    def create(self, body: Mapping[str, object], key: str) -> NativeRecord:
        """Create a record; WriteRejected also where the settings name no way to."""
        return self._writing.create(body, key)

    def update(self, record_id: str, body: Mapping[str, object], version: str | None, key: str) -> NativeRecord:
        """Change the named fields of one record, iff it still has that version where versions are checked."""
        return self._writing.update(record_id, body, version, key)

    def reserve(self, record_id: str, key: str) -> NativeRecord:
        """Set the reservation of the settings; UnexpectedAnswer where they name none."""
        return self._writing.reserve(record_id, key)

    def close(self) -> None:
        """Let connections go."""
        self._client.close()

    # Reading

    def _current(self, record_id: str) -> Current:
        """Read one record, tried again while that fails for a passing reason; RecordNotFound iff it is not there."""
        operation = self._connection.read
        path = self._requests.path(operation.path, record_id)
        query = self._requests.query(operation.query, record_id)

        def once() -> Current:
            meaning = self._requests.read(path, query)
            if not meaning.is_done:
                raise self._interpreter.error(meaning, writing=False)
            record = self._records.one(meaning, record_id)
            self._versions.note(record_id, meaning)
            raw = self._records.raw(meaning, None)
            return Current(record, raw if isinstance(raw, Mapping) else record.body)

        return self._requests.retried(once)

    # Listings

    def _paged(self, template: str, narrowed: Mapping[str, str], familiar: Familiar | None = None) -> Iterator[Page]:
        path = self._requests.listing_path(template)
        query = self._requests.query(self._connection.list.query) | dict(narrowed)
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="page-ahead") as executor:
            yield from proven_pages(
                Asking(
                    page=partial(self._listed, path, query, familiar),
                    retried=self._requests.retried,
                    executor=executor,
                    incomplete=partial(self._incomplete, path),
                    tally=partial(self._pager.tally, familiar),
                    familiar=familiar,
                )
            )

    def _listed(self, path: str, query: Mapping[str, str], familiar: Familiar | None, position: str | None) -> Listed:
        pager, operation = self._pager, self._connection.list
        meaning = self._requests.read(
            path,
            {**query, **pager.query(position)},
            url=pager.url(position),
            lines=operation.form == "lines",
            list_at=(operation.items,) if operation.form == "list" else None,
            familiar=familiar,
        )
        if position is not None and meaning.status in pager.expired_statuses:
            raise CursorDied
        if not meaning.is_done:
            raise self._listing_error(meaning)
        if meaning.sliced is None:
            return pager.listed(meaning, self._records.listed(meaning))
        if meaning.sliced.known is not None:
            return replace(pager.listed(meaning, ()), page=meaning.sliced.known)
        records, fresh = self._records.sliced(meaning, meaning.sliced, familiar.left if familiar is not None else set())
        return replace(pager.listed(meaning, records), page=meaning.sliced.listed(fresh))

    def _listing_error(self, meaning: Meaning) -> Exception:
        error = self._interpreter.error(meaning, writing=False)
        if isinstance(error, RecordNotFound):
            what = f"{meaning.status} for point of sale {self._requests.code!r} ({meaning.detail})"
            return self._interpreter.unexpected(meaning.where, what)
        return error

    def _incomplete(self, path: str, why: str) -> IncompleteListing:
        code = self._requests.code
        return IncompleteListing(
            self._client.sentence(f"gave no complete listing of {code!r} by GET {path}: {why}; try again later")
        )


def _at_once() -> None:
    """Nothing is waited for."""


def _check_paths(connection: RestConnection, name: str) -> None:
    operations = (connection.list, connection.read, connection.create, connection.update, connection.reserve)
    paths = [operation.path for operation in operations if operation is not None]
    if connection.list.changes is not None and connection.list.changes.path is not None:
        paths.append(connection.list.changes.path)
    for path in paths:
        if not re.fullmatch(r"(/(?!/)[^?#\\]*)", path):
            raise ConfigurationError(f"The path {path!r} of {name} must begin with one /, without query")

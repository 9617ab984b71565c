"""A system behind its gate: what is asked of it goes through only while it works. See `sync.gates`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

from stocksync.errors import StocksyncError
from stocksync.sync.familiar import Familiar
from stocksync.sync.gates import Gates
from stocksync.sync.ports import NativeRecord, Page, System

Answered = TypeVar("Answered")


class GatedSystem:
    """A `System` that asks its gate before every call and tells it how the call ended."""

    def __init__(self, inner: System, gates: Gates, name: str) -> None:
        self._inner, self._gates, self._name = inner, gates, name
        self.conditional_writes = inner.conditional_writes
        self.lists_changes = inner.lists_changes

    def pages(self, familiar: Familiar | None = None) -> Iterator[Page]:
        """List every record; see `System.pages`."""
        return self._listing(lambda: self._inner.pages(familiar))

    def changes(self, since: datetime) -> Iterator[Page]:
        """List what changed; see `System.changes`."""
        return self._listing(lambda: self._inner.changes(since))

    def read(self, record_id: str) -> NativeRecord | None:
        """Read one record."""
        return self._through(lambda: self._inner.read(record_id))

    def create(self, body: Mapping[str, Any], key: str) -> NativeRecord:
        """Create a record."""
        return self._through(lambda: self._inner.create(body, key))

    def update(self, record_id: str, body: Mapping[str, Any], version: str | None, key: str) -> NativeRecord:
        """Change the named fields of one record."""
        return self._through(lambda: self._inner.update(record_id, body, version, key))

    def reserve(self, record_id: str, key: str) -> NativeRecord:
        """Set a reservation."""
        return self._through(lambda: self._inner.reserve(record_id, key))

    def close(self) -> None:
        """Let connections go."""
        self._inner.close()

    def _through(self, call: Callable[[], Answered]) -> Answered:
        self._gates.enter(self._name)
        try:
            answer = call()
        except StocksyncError as error:
            self._gates.settle(self._name, error)
            raise
        self._gates.settle(self._name, None)
        return answer

    def _listing(self, pages: Callable[[], Iterator[Page]]) -> Iterator[Page]:
        self._gates.enter(self._name)
        try:
            for page in pages():
                self._gates.settle(self._name, None)
                yield page
        except StocksyncError as error:
            self._gates.settle(self._name, error)
            raise

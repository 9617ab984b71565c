"""What makes a system refuse a write to a record that has moved: the version that the write names.

A version stands in the record, where listings show it too, or in the header ETag of single answers alone. In that
case it is remembered here from the last answer about the record, whoever asked: what the caller read and found
unmoved is what the write then names. Not here: that the caller does read, which `System.conditional_writes` asks of it.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from stocksync.adapters.systems.answers import Meaning
from stocksync.adapters.systems.records import text
from stocksync.errors import StaleWrite, UnexpectedAnswer
from stocksync.mapping.connection import WriteOperation
from stocksync.mapping.paths import put_at, value_at

_QUOTABLE = re.compile(r"[\x21\x23-\x7e]+")
_ENTITY_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')
_MOST_REMEMBERED = 100_000


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions of one system's records, shared between threads.

    version_path: where a record holds its version. sentence and unexpected: make messages, see `Interpreter`.
    """

    operation: WriteOperation
    version_path: str | None
    sentence: Callable[[str], str]
    unexpected: Callable[[str, str], UnexpectedAnswer]
    _tags: OrderedDict[str, str] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    @property
    def in_records(self) -> bool:
        """Whether a listing shows what a write has to name."""
        return self.operation.precondition in {"etag", "etag_as_is", "field"}

    @property
    def in_headers(self) -> bool:
        """Whether only single answers show it."""
        return self.operation.precondition == "etag_header"

    def note(self, record_id: str, meaning: Meaning) -> None:
        """Remember what an answer said; an answer about a record that names no version leaves none."""
        if not self.in_headers:
            return
        tag = meaning.answer.headers.get("ETag", "").strip()
        with self._lock:
            self._tags.pop(record_id, None)
            if _ENTITY_TAG.fullmatch(tag):
                self._tags[record_id] = tag
            if len(self._tags) > _MOST_REMEMBERED:
                self._tags.popitem(last=False)

    def forget(self, record_id: str) -> None:
        """A record was written, and what it is now is not known."""
        with self._lock:
            self._tags.pop(record_id, None)

    def remembered(self, record_id: str) -> str | None:
        """What the last answer about a record said; None where that is not known."""
        with self._lock:
            return self._tags.get(record_id)

    def headers(self, record_id: str, version: str | None, where: str) -> dict[str, str]:
        """The header that a write names its version in; `where`: the write, as messages name it."""
        precondition = self.operation.precondition
        if precondition == "etag_header":
            tag = self.remembered(record_id)
            if tag is None:
                raise self.unexpected(where.replace(self.operation.method, "GET", 1), "no ETag that a write could name")
            return {"If-Match": tag}
        if not self.in_records:
            return {}
        if version is None:
            raise StaleWrite(self.sentence(f"checks versions and {where} names none: read and plan again"))
        if precondition == "field":
            return {}
        form = _QUOTABLE if precondition == "etag" else _ENTITY_TAG
        if not form.fullmatch(version):
            raise self.unexpected(where, f"a version that no header can carry, {version!r}")
        return {"If-Match": f'"{version}"' if precondition == "etag" else version}

    def put(self, body: dict[str, Any], version: str | None, where: str) -> None:
        """Put the version into a body, where that is how a write names it."""
        path = self.operation.version_field or self.version_path
        if self.operation.precondition != "field" or path is None or version is None:
            return
        if text(value_at(body, path)) == version:
            # The record itself is sent back, with its version just as it came.
            return
        if self.operation.version_type == "text":
            put_at(body, path, version)
        elif re.fullmatch(r"-?[0-9]{1,18}", version):
            put_at(body, path, int(version))
        else:
            raise self.unexpected(where, f"a version that is no number, {version!r}")

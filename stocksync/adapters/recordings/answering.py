"""Answering out of a recording: the n-th same request gets the n-th answer, and nothing is ever sent.

A request is the same by its side, method, path, query and body, not by its headers. One that was not recorded is
answered as if the system could not be reached, and told afterwards; so are those that were recorded and not made.
"""

from __future__ import annotations

import gzip
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import httpx

from stocksync.adapters.recordings.exchanges import (
    BROKEN_GZIP,
    TOO_BIG,
    UNKNOWN_CODING,
    Said,
    written,
)
from stocksync.adapters.recordings.folder import Recorded
from stocksync.adapters.systems import strict_json
from stocksync.errors import ConfigurationError
from stocksync.stock.values import Side

_FILLER: Final = b" " * 2**16
_LONGEST_SHOWN: Final = 200

Name = tuple[Side, str, str, bytes]


class RecordedClock:
    """A clock that starts when the recording did, and moves with it; pauses take no time, and count as if they had.

    await_others: waits until other threads have done what a pause gives them time for.
    """

    def __init__(self, started_at: datetime, await_others: Callable[[], None] = lambda: None) -> None:
        self._now_at, self._await_others = started_at, await_others
        self._lock = Lock()

    def now_at(self) -> datetime:
        """The instant that the recording has come to."""
        return self._now_at

    def pause(self, seconds_s: float) -> None:
        """Wait for others, and no time at all besides."""
        self._await_others()
        with self._lock:
            self._now_at += timedelta(seconds=max(seconds_s, 0.0))

    def move_to(self, at: datetime) -> None:
        """Go on to an instant of the recording; never back."""
        with self._lock:
            self._now_at = max(self._now_at, at)


@dataclass
class Answers:
    """The answers of a recording, by what was asked; safe to share between threads.

    asked_besides: requests that the recording does not hold, by their names and how often.
    """

    recorded: Recorded
    clock: RecordedClock
    asked_besides: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    written_besides: bool = False
    _places: dict[Name, deque[int]] = field(default_factory=lambda: defaultdict(deque))
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        for place, said in self.recorded.lines():
            self._places[_name(said.side, said.method, said.path, canonical(said.request))].append(place)

    def answer(self, side: Side, request: httpx.Request, without: str) -> Said | None:
        """The next answer to a request; None where there is none. without: the parameter that carries the key."""
        path = request.url.raw_path.decode("ascii")
        name = _name(side, request.method, path, _body(request.content), without)
        with self._lock:
            waiting = self._places.get(name)
            if not waiting:
                self.asked_besides[_shown(name)] += 1
                self.written_besides = self.written_besides or request.method != "GET"
                return None
            said = self.recorded.line_at(waiting.popleft())
        self.clock.move_to(said.at)
        return said

    @property
    def left(self) -> dict[str, int]:
        """The requests that were recorded and not made now, by their names and how often."""
        return {_shown(name): len(places) for name, places in self._places.items() if places}

    @property
    def writes_left(self) -> bool:
        """Whether one of those is a write."""
        return any(places and name[1] != "GET" for name, places in self._places.items())


class AnsweringTransport(httpx.BaseTransport):
    """A transport that answers for one side."""

    def __init__(self, answers: Answers, side: Side, *, key_parameter: str = "") -> None:
        self._answers, self._side, self._key_parameter = answers, side, key_parameter

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request, or fail as it was recorded."""
        said = self._answers.answer(self._side, request, self._key_parameter)
        if said is None:
            raise httpx.ConnectError("the recording does not hold this request")
        if said.status is None:
            raise _fault(said.fault)
        headers = {name: value for name, value in said.headers.items() if name != "x-unframed"}
        stream, more = _stream(said)
        if "x-unframed" not in said.headers and "content-length" not in more:
            more["transfer-encoding"] = "chunked"
        return httpx.Response(said.status, headers={**headers, **more}, stream=stream)


class _Bytes(httpx.SyncByteStream):
    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks


def _stream(said: Said) -> tuple[httpx.SyncByteStream, dict[str, str]]:
    if said.fault == TOO_BIG:
        return _Bytes(_without_end()), {}
    if said.fault == BROKEN_GZIP:
        return _Bytes(iter([gzip.compress(b"{}")[:-4]])), {"content-encoding": "gzip"}
    if said.fault == UNKNOWN_CODING:
        return _Bytes(iter([b"?"])), {"content-encoding": "unknown"}
    if said.fault:
        return _Bytes(_failing(said.fault)), {}
    return _Bytes(iter([said.content])), {}


def _without_end() -> Iterator[bytes]:
    while True:
        yield _FILLER


def _failing(fault: str) -> Iterator[bytes]:
    raise _fault(fault)
    yield b""


def _fault(name: str) -> Exception:
    if name == "ConfigurationError":
        return ConfigurationError("The recorded request went to an address that may not be used.")
    fault: type[httpx.TransportError] = getattr(httpx, name)
    return fault("as it was recorded")


def _name(side: Side, method: str, path: str, body: bytes, without: str = "") -> Name:
    parts = urlsplit(path)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    query = "&".join(sorted(f"{name}={value}" for name, value in pairs if not without or name != without))
    return side, method, f"{parts.path}?{query}" if query else parts.path, body


def _body(content: bytes) -> bytes:
    if not content:
        return b""
    try:
        return canonical(strict_json.parsed(content))
    except strict_json.NotJson:
        return content


def canonical(body: Any) -> bytes:
    """A body whose keys are in order, however deep."""
    return b"" if body is None else written(_ordered(body))


def _ordered(body: Any) -> Any:
    if isinstance(body, Mapping):
        return {name: _ordered(body[name]) for name in sorted(body)}
    return [_ordered(part) for part in body] if isinstance(body, list) else body


def _shown(name: Name) -> str:
    side, method, path, body = name
    said = f"{side.value}: {method} {path}" + (f" {body.decode('utf-8', 'replace')}" if body else "")
    return shortened(said)


def shortened(said: str) -> str:
    """A text as far as a line shows it."""
    return said if len(said) <= _LONGEST_SHOWN else f"{said[:_LONGEST_SHOWN]}..."

"""A transport that keeps what goes over it: in memory, compressed, as it was said. Nothing of it touches a disk here.

Whoever uses the transport sees no difference: answers pass as they come, and faults are raised as they were. What
was kept is scrubbed once the run is over, see `exchanges`.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Final

import httpx

from stocksync.stock.values import Side

MOST_BYTES: Final = 512 * 2**20
"""Of all that is kept, compressed; ten thousand cars take some 5 MiB."""
_SHORTEST_SECRET: Final = 4
_CREDENTIALS: Final = ("authorization", "proxy-authorization", "cookie")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came of it, as it was said.

    path: with the query. status: None where no answer began. fault: the error that ended it, by its name; content is
    empty then. is_too_big: whoever asked stopped reading.
    """

    side: Side
    method: str
    path: str
    request: bytes
    at: datetime
    status: int | None
    headers: tuple[tuple[str, str], ...]
    content: bytes
    fault: str
    is_too_big: bool = False


class Tape:
    """What was said, in the order of the ends; safe to share between threads.

    secrets: what requests carried to open a system. is_full: the rest was left out.
    """

    def __init__(self, now_at: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.now_at = now_at
        self.secrets: set[str] = set()
        self.is_full = False
        self._lock = Lock()
        self._kept: list[bytes] = []
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, exchange: Exchange) -> None:
        """Keep an exchange."""
        packed = zlib.compress(json.dumps(_packed(exchange)).encode(), 1)
        with self._lock:
            self._bytes += len(packed)
            self.is_full = self.is_full or self._bytes > MOST_BYTES
            if not self.is_full:
                self._kept.append(packed)

    def exchanges(self) -> Iterator[Exchange]:
        """What was kept, one after the other."""
        for packed in self._kept:
            yield _unpacked(json.loads(zlib.decompress(packed)))

    def note_secrets(self, request: httpx.Request, header: str, query: str) -> None:
        """Remember what a request carried to open its system; header, query: where its settings put the key."""
        for name in (*_CREDENTIALS, header.lower()):
            value = request.headers.get(name, "") if name else ""
            self._note({value, value.partition(" ")[2]})
        if query:
            self._note({request.url.params.get(query, "")})

    def _note(self, texts: set[str]) -> None:
        with self._lock:
            self.secrets |= {text for text in texts if len(text) >= _SHORTEST_SECRET}


class TappedTransport(httpx.BaseTransport):
    """Another transport, and a tape of what goes over it; most_bytes: what is read of an answer at most."""

    def __init__(
        self, inner: httpx.BaseTransport, tape: Tape, side: Side, *, most_bytes: int, header: str = "", query: str = ""
    ) -> None:
        self._inner, self._tape, self._side = inner, tape, side
        self._most_bytes, self._header, self._query = most_bytes, header, query

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a request on."""
        self._tape.note_secrets(request, self._header, self._query)
        try:
            response = self._inner.handle_request(request)
        except Exception as error:
            self._keep(request, None, b"", type(error).__name__)
            raise
        assert isinstance(response.stream, httpx.SyncByteStream)
        response.stream = _TappedStream(response.stream, lambda *ended: self._keep(request, response, *ended))
        return response

    def close(self) -> None:
        """Let connections go."""
        self._inner.close()

    def _keep(self, request: httpx.Request, response: httpx.Response | None, content: bytes, fault: str) -> None:
        is_too_big = len(content) > self._most_bytes
        # Whatever goes wrong here must not become the run's own fault.
        with suppress(Exception):
            self._tape.keep(
                Exchange(
                    side=self._side,
                    method=request.method,
                    path=request.url.raw_path.decode("ascii"),
                    request=request.content,
                    at=self._tape.now_at(),
                    status=response.status_code if response is not None else None,
                    headers=tuple(response.headers.multi_items()) if response is not None else (),
                    content=b"" if is_too_big or fault else content,
                    fault="" if is_too_big else fault,
                    is_too_big=is_too_big,
                )
            )


class _TappedStream(httpx.SyncByteStream):
    """The bytes of an answer; ended: told once, with all of them, and with what cut them off."""

    def __init__(self, inner: httpx.SyncByteStream, ended: Callable[[bytes, str], None]) -> None:
        self._inner, self._ended = inner, ended
        self._content = bytearray()
        self._is_over = False

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._inner:
                self._content += chunk
                yield chunk
        except Exception as error:
            self._over(type(error).__name__)
            raise
        self._over("")

    def close(self) -> None:
        """Let the connection go; whoever asked stopped reading, or read all."""
        self._over("ReadTimeout")
        self._inner.close()

    def _over(self, fault: str) -> None:
        if not self._is_over:
            self._is_over = True
            self._ended(bytes(self._content), fault)


def _packed(exchange: Exchange) -> list[Any]:
    return [
        exchange.side.value,
        exchange.method,
        exchange.path,
        base64.b64encode(exchange.request).decode(),
        exchange.at.isoformat(),
        exchange.status,
        exchange.headers,
        base64.b64encode(exchange.content).decode(),
        exchange.fault,
        exchange.is_too_big,
    ]


def _unpacked(packed: list[Any]) -> Exchange:
    side, method, path, request, at, status, headers, content, fault, is_too_big = packed
    return Exchange(
        Side(side),
        method,
        path,
        base64.b64decode(request),
        datetime.fromisoformat(at),
        status,
        tuple((name, value) for name, value in headers),
        base64.b64decode(content),
        fault,
        is_too_big,
    )

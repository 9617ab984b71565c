"""A TCP proxy in front of one system that spoils what passes: the network between us and others, at its worst.

One connection carries one exchange. It is read as bytes, so that what arrives is exactly what a fault says, whatever an
HTTP library would have made of it. Not here: faults of the systems themselves, which the sandbox has (`faults`).
"""

from __future__ import annotations

import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from types import TracebackType
from urllib.parse import urlsplit

_PATIENCE_S = 30.0
_LENGTH = re.compile(rb"content-length: *(\d+)\r\n", re.IGNORECASE)
_RST = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Spoiling:
    """What is done to an exchange; the default lets it pass.

    swallow: the request is never forwarded, and its connection closed. twice: the request is delivered a second time
    once it was answered, and that answer thrown away. instead: bytes answered without asking the system. late_s: before
    the answer begins. drip_s: between two bytes of the answer. cut_at: how many bytes of the body come, then the
    connection closes. unmarked: without Content-Length, so that the end of the connection is that of the body.
    reset_at: how many bytes of the whole answer come before a reset. drop: the answer never comes, and the connection
    is closed.
    """

    swallow: bool = False
    twice: bool = False
    instead: bytes | None = None
    late_s: float = 0.0
    drip_s: float = 0.0
    cut_at: int | None = None
    unmarked: bool = False
    reset_at: int | None = None
    drop: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came; number counts those with the same line, from 1."""

    method: str
    target: str
    raw: bytes
    number: int

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


PASS = Spoiling()
Plan = Callable[[Request], Spoiling]


class FaultProxy:
    """Listens on a free port of this machine and stands for the system at `target`, from `with` to its end.

    plan: what is done to each request; may be set while it runs. requests: what came, in order.
    """

    def __init__(self, target: str, plan: Plan = lambda _: PASS) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "", parts.port or 80)
        self.plan = plan
        self.requests: list[Request] = []
        self._lines: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> FaultProxy:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._begin(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        with suppress(OSError):
            # Only this wakes a thread that waits in accept.
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(_PATIENCE_S)

    def _begin(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name="fault-proxy", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            client.settimeout(_PATIENCE_S)
            self._begin(lambda client=client: self._serve(client))  # type: ignore[misc]

    def _serve(self, client: socket.socket) -> None:
        with closing(client), suppress(OSError):
            raw = _message(client)
            if raw:
                self._exchange(client, self._noted(raw))

    def _noted(self, raw: bytes) -> Request:
        line = raw.partition(b"\r\n")[0].decode("latin-1")
        method, _, rest = line.partition(" ")
        with self._lock:
            self._lines[line] += 1
            request = Request(method, rest.partition(" ")[0], raw, self._lines[line])
            self.requests.append(request)
        return request

    def _exchange(self, client: socket.socket, request: Request) -> None:
        spoiling = self.plan(request)
        if spoiling.swallow:
            return
        answer = spoiling.instead if spoiling.instead is not None else self._forwarded(request)
        if spoiling.twice:
            self._forwarded(request)
        self._over.wait(spoiling.late_s)
        if not spoiling.drop:
            self._answer(client, spoiling, answer)

    def _forwarded(self, request: Request) -> bytes:
        with closing(socket.create_connection(self._target, _PATIENCE_S)) as upstream:
            upstream.sendall(_with_header(request.raw, b"Connection: close"))
            return _message(upstream)

    def _answer(self, client: socket.socket, spoiling: Spoiling, answer: bytes) -> None:
        head, _, body = _with_header(answer, b"Connection: close").partition(b"\r\n\r\n")
        if spoiling.unmarked:
            head = _LENGTH.sub(b"", head + b"\r\n").removesuffix(b"\r\n")
        whole = head + b"\r\n\r\n" + body[: spoiling.cut_at]
        for piece in _pieces(whole[: spoiling.reset_at], 1 if spoiling.drip_s else len(whole)):
            client.sendall(piece)
            if self._over.wait(spoiling.drip_s):
                return
        if spoiling.reset_at is not None:
            # A reset overtakes what is still on its way, and nothing was to be lost of that.
            time.sleep(0.02)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)


def answered(status: str, body: bytes = b"", *headers: str, content_type: str = "application/json") -> bytes:
    """Make a whole answer for `instead`."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _message(source: socket.socket) -> bytes:
    """Read one HTTP message whose length its head says; b"" where nothing comes any more."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        piece = source.recv(65_536)
        if not piece:
            return raw
        raw += piece
    head, _, body = raw.partition(b"\r\n\r\n")
    length = _LENGTH.search(head + b"\r\n")
    while length is not None and len(body) < int(length[1]):
        piece = source.recv(65_536)
        if not piece:
            break
        body += piece
    return head + b"\r\n\r\n" + body


def _with_header(message: bytes, header: bytes) -> bytes:
    """One exchange a connection: no byte of another one can be taken for an answer."""
    name = header.partition(b":")[0].lower() + b":"
    head, _, body = message.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(name)]
    return b"\r\n".join([*lines, header]) + b"\r\n\r\n" + body


def _pieces(whole: bytes, size: int) -> list[bytes]:
    return [whole[start : start + size] for start in range(0, len(whole), size)] if size else []

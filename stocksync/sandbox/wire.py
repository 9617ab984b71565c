"""What faults do to an answer on its way: late, in drops, cut, dropped, reset, or not the system's at all.

An ASGI application around each server's own. It says who asked what (`asked`), lets the faults of the request
be drawn (`breaks.py`), and hands those that are not of the wire to the server, in the scope. Requests are counted
here, by call and by what came of them.
"""

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from stocksync.sandbox.breaks import Striker
from stocksync.sandbox.exchange import STRUCK
from stocksync.sandbox.faults import (
    CARRIED_OUT,
    Cut,
    CutUnmarked,
    Drip,
    DropBeforeApply,
    Latency,
    LoginPage,
    Reset,
    ResetMidBody,
    ServerError,
)
from stocksync.sandbox.striking import Asked, Struck

Question = Callable[[str, str, Mapping[str, str]], Asked]
_TRANSPORT = "transport"
_REASONS = {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}
_HTML = [(b"content-type", b"text/html; charset=utf-8")]
_LOGIN = """<!doctype html>
<html lang="fr"><head><title>Connexion</title></head><body>
<h1>Vous n'êtes plus connecté</h1>
<form method="post" action="/login"><input name="login"><input name="password" type="password"></form>
</body></html>
""".encode()


class Protocol(H11Protocol):
    """uvicorn's own, which shows the application its connection: nothing in ASGI can drop one."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Note the connection for every request on it."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, _TRANSPORT: transport}


class OnTheWire:
    """Around one server's application; `question` says what a method, a path and a query ask of that system."""

    def __init__(self, app: ASGIApp, question: Question, striker: Striker) -> None:
        self._app = app
        self._question = question
        self._striker = striker
        self.requests: Counter[tuple[str, str]] = Counter()
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def stop_waiting(self) -> None:
        """Let everything that is held go at once, so that the server can stop; for any thread."""
        if self._loop is not None:
            # a loop that is closed holds nothing any more
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stopping.set)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or fail to."""
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        asked = self._question(scope["method"], scope["path"], query)
        struck = self._striker.strikes(asked)
        scope[STRUCK] = struck

        def count(outcome: str) -> None:
            # before the client can know it: whoever has an answer finds it counted
            self.requests[asked.call or "other", outcome] += 1

        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                count(str(message["status"]))
            await send(message)

        if struck.strikes:
            await self._under_faults(_Exchange(struck, scope, receive, counting, count))
        else:
            await self._app(scope, receive, counting)

    async def _under_faults(self, exchange: "_Exchange") -> None:
        struck = exchange.struck
        self._loop = asyncio.get_running_loop()
        request_s, answer_s = _delays_s(struck)
        request = await _whole_request(exchange.receive)
        await self._pause(request_s)
        if struck.of(Reset):
            await self._pause(answer_s)
            return await exchange.end("reset")
        if struck.of(DropBeforeApply):
            await self._pause(answer_s)
            return await exchange.end("dropped")
        page = _page_instead(struck)
        answer = page or await self._answer(exchange.scope, request)
        await self._pause(answer_s)
        if any(struck.of(kind) for kind in CARRIED_OUT):
            return await _spoilt(exchange, answer)
        await self._sent(exchange, answer)

    async def _sent(self, exchange: "_Exchange", answer: "_Answer") -> None:
        drip = exchange.struck.of(Drip)
        await exchange.send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        size = drip.bytes if drip else max(len(answer.body), 1)
        pieces = [answer.body[start : start + size] for start in range(0, len(answer.body), size)] or [b""]
        for number, piece in enumerate(pieces):
            if drip and number:
                await self._pause(drip.every_ms / 1000)
            if exchange.connection.is_closing():
                return
            await exchange.send({"type": "http.response.body", "body": piece, "more_body": number + 1 < len(pieces)})

    async def _pause(self, length_s: float) -> None:
        if length_s > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), length_s)

    async def _answer(self, scope: Scope, request: Receive) -> "_Answer":
        answer = _Answer()
        await self._app(scope, request, answer.take)
        return answer


@dataclass(frozen=True)
class _Exchange:
    """One request under faults, and how to be rid of its connection."""

    struck: Struck
    scope: Scope
    receive: Receive
    send: Send
    count: Callable[[str], None]

    @property
    def connection(self) -> asyncio.Transport:
        """The connection that the request came on."""
        return cast(asyncio.Transport, self.scope["state"][_TRANSPORT])

    async def end(self, outcome: str) -> None:
        """End the connection (`reset` with RST), and come back once uvicorn knows, or it would answer for us."""
        self.count(outcome)
        if outcome == "reset":
            # closing with nothing to linger for sends RST instead of FIN
            to_peer = cast(socket.socket, self.connection.get_extra_info("socket"))
            to_peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.abort()
        else:
            self.connection.close()
        while (await self.receive())["type"] != "http.disconnect":
            pass


class _Answer:
    """A whole answer, held."""

    def __init__(self, status: int = 200, headers: list[tuple[bytes, bytes]] | None = None, body: bytes = b"") -> None:
        self.status = status
        self.headers = headers or []
        self.body = body

    async def take(self, message: Message) -> None:
        """Take in one message of the application."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        else:
            self.body += message.get("body", b"")

    def head(self, marked: bool) -> bytes:
        """Write the head; not marked: without the length, so that the end of the connection is that of the body."""
        kept = [(name, value) for name, value in self.headers if marked or name != b"content-length"]
        lines = [f"HTTP/1.1 {self.status} {_REASONS.get(self.status, 'OK')}".encode()]
        lines += [name + b": " + value for name, value in [*kept, (b"connection", b"close")]]
        return b"\r\n".join(lines) + b"\r\n\r\n"


def _delays_s(struck: Struck) -> tuple[float, float]:
    """Return how long the request is held, and how long its answer."""
    latency = struck.of(Latency)
    if latency is None:
        return 0.0, 0.0
    delay_s = latency.seconds(struck.random(Latency))
    return (delay_s, 0.0) if latency.hold == "request" else (0.0, delay_s)


def _page_instead(struck: Struck) -> _Answer | None:
    if failing := struck.of(ServerError):
        status = int(struck.random(ServerError).choice(failing.status))
        text = f"<html><head><title>{status}</title></head><body><h1>{status} {_REASONS[status]}</h1></body></html>"
        return _Answer(status, [*_HTML, (b"content-length", str(len(text)).encode())], text.encode())
    if struck.of(LoginPage):
        return _Answer(200, [*_HTML, (b"content-length", str(len(_LOGIN)).encode())], _LOGIN)
    return None


async def _spoilt(exchange: _Exchange, answer: _Answer) -> None:
    """Write a part of the answer past uvicorn, which would insist on a whole one, and end the connection."""
    struck = exchange.struck
    cut = struck.of(Cut) or struck.of(CutUnmarked) or struck.of(ResetMidBody)
    if cut is None or not answer.body:
        return await exchange.end("dropped")
    part = answer.body[: int(len(answer.body) * cut.at)]
    exchange.connection.write(answer.head(marked=not isinstance(cut, CutUnmarked)) + part)
    if isinstance(cut, ResetMidBody):
        # a reset throws away what is still on its way
        await asyncio.sleep(0.02)
    await exchange.end("reset" if isinstance(cut, ResetMidBody) else "cut")


async def _whole_request(receive: Receive) -> Receive:
    """Read a request to its end, so that a fault cuts an answer and not a question; return it to be read again."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        body += message.get("body", b"")
        more = message.get("more_body", False)
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again

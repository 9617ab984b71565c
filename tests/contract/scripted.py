"""A small server on a real socket that answers what a test wrote down, bytes and all."""

import json
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

Act = Callable[["_Handler"], None]


@dataclass(frozen=True)
class Asked:
    """One request as it came in; `target` is path and query, still quoted."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class ScriptedServer:
    """Plays its acts one by one, the last one for ever; a context manager."""

    acts: list[Act]
    asked: list[Asked] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "ScriptedServer":
        self._lock = threading.Lock()
        self._server = _QuietServer(("127.0.0.1", 0), _handler_for(self))
        self._server.daemon_threads = False
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self, asked: Asked) -> Act:
        """Note a request; gives the act that answers it."""
        with self._lock:
            self.asked.append(asked)
            return self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]


class _QuietServer(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Let clients hang up; anything else is a mistake in an act, and shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: ScriptedServer

    def _play(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        asked = Asked(self.command, self.path, dict(self.headers.items()), body)
        self.script.take(asked)(self)

    do_GET = do_POST = do_PUT = do_PATCH = _play

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


def _handler_for(server: ScriptedServer) -> type[_Handler]:
    return type("Handler", (_Handler,), {"script": server})


def answer(body: Any = None, status: int = 200, content_type: str = "application/json", **headers: str) -> Act:
    """Answer whole: bytes as they are, text in UTF-8, else JSON; a dash is spelled _ in `headers`."""

    def act(handler: _Handler) -> None:
        content = body if isinstance(body, bytes) else _text(body).encode()
        handler.send_response(status)
        for name, value in {"Content-Type": content_type, **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return act


def late(act: Act, pause_s: float = 0.05) -> Act:
    """Keep the client waiting before an answer: by far longer than a thread may have to wait for another one."""

    def acts(handler: _Handler) -> None:
        handler.script.stopped.wait(pause_s)
        act(handler)

    return acts


def raw(*parts: bytes, pause_s: float = 0.0) -> Act:
    """Send bytes just so, with a pause after each part, and hang up."""

    def act(handler: _Handler) -> None:
        handler.close_connection = True
        try:
            for part in parts:
                handler.wfile.write(part)
                handler.wfile.flush()
                if handler.script.stopped.wait(pause_s):
                    return
        except OSError:
            pass

    return act


def reset() -> Act:
    """Hang up rudely, without a byte."""

    def act(handler: _Handler) -> None:
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_RDWR)

    return act


def _text(body: Any) -> str:
    if body is None:
        return ""
    return body if isinstance(body, str) else json.dumps(body)

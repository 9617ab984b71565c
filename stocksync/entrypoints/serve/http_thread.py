"""Where an HTTP application is served from: a thread of its own beside the workers.

Not here: what the application answers.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from typing import Any, Final

import uvicorn

from stocksync.errors import ConfigurationError, UsageError

_STOP_S: Final = 5.0


def address_of(said: str) -> tuple[str, int]:
    """Read ADDRESS:PORT, an IPv6 address in brackets; port 0 takes a free one. Raises UsageError."""
    host, colon, port = said.rpartition(":")
    is_bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if is_bracketed else host
    is_whole = bool(host) and (":" not in host or is_bracketed)
    if not (colon and is_whole and port.isascii() and port.isdecimal() and int(port) < 65536):
        raise UsageError(f"{said!r} is no address to listen on; give one like 127.0.0.1:8080 or [::1]:8080.")
    return host, int(port)


class HttpThread:
    """Serves one application from `start` to `stop`, and leaves signals to whoever owns the process.

    The address is taken at once. Raises ConfigurationError where it cannot be.
    """

    def __init__(self, application: Any, host: str, port: int, options: Mapping[str, Any]) -> None:
        """options: what else `uvicorn.Config` is given."""
        self._listener = _listening(host, port)
        bound_host, bound_port = self._listener.getsockname()[:2]
        self.url = f"http://[{bound_host}]:{bound_port}" if ":" in bound_host else f"http://{bound_host}:{bound_port}"
        self._server = uvicorn.Server(uvicorn.Config(application, **options))
        self._thread = threading.Thread(target=self._serve, name="http", daemon=True)
        self._up_or_over = threading.Event()

    def start(self) -> None:
        """Begin to answer. Raises ConfigurationError where the application does not start."""
        self._thread.start()
        self._up_or_over.wait()
        if not self._server.started:
            self._listener.close()
            raise ConfigurationError(f"Nothing can be answered at {self.url}: the application does not start.")

    def stop(self) -> bool:
        """End within five seconds; False where a request would not end."""
        self._server.should_exit = True
        self._thread.join(_STOP_S)
        self._listener.close()
        return not self._thread.is_alive()

    def _serve(self) -> None:
        # uvicorn tells nobody when it is up; this class is told by its own start-up.
        startup = self._server.startup

        async def told(sockets: list[socket.socket] | None = None) -> None:
            await startup(sockets=sockets)
            self._up_or_over.set()

        self._server.startup = told  # type: ignore[method-assign]
        try:
            self._server.run([self._listener])
        finally:
            self._up_or_over.set()


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's delay off only where the protocol is named.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, UnicodeError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(f"Nothing can listen on {host} port {port}: {reason}.") from None
    return listener

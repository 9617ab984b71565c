"""Both servers, running in this process on real sockets: for `stocksync sandbox serve` and for tests.

Answers how they start and stop and where they listen. What they say is in the two `*_server.py`.
"""

import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import uvicorn

from stocksync.sandbox.breaks import Breaks, Striker
from stocksync.sandbox.clock import Clock, utc_now
from stocksync.sandbox.dms import Dms
from stocksync.sandbox.dms_server import asked as asked_of_dms
from stocksync.sandbox.dms_server import dms_app
from stocksync.sandbox.faults import SystemName
from stocksync.sandbox.vehicle_module import VehicleModule
from stocksync.sandbox.vehicle_module_server import asked as asked_of_module
from stocksync.sandbox.vehicle_module_server import vehicle_module_app
from stocksync.sandbox.wire import OnTheWire, Protocol

LOOPBACK = "127.0.0.1"
DEFAULT_TOKEN = "sandbox-token"
DEFAULT_KEY = "sandbox-key"
_STOP_S = 2


@dataclass(frozen=True)
class Access:
    """Where both systems listen and what opens them; port 0 takes a free one."""

    host: str = LOOPBACK
    vehicle_module_port: int = 0
    dms_port: int = 0
    token: str = DEFAULT_TOKEN
    key: str = DEFAULT_KEY


class RunningSandbox:
    """A context manager: both servers answer inside it, over the state files of one directory."""

    def __init__(self, directory: Path, clock: Clock = utc_now, access: Access | None = None) -> None:
        self.directory = directory
        self.clock = clock
        self.access = access or Access()

    def __enter__(self) -> "RunningSandbox":
        access = self.access
        # bound before anything is served: a taken port is one clear error, not half a sandbox
        module_socket = listening(access.host, access.vehicle_module_port)
        try:
            dms_socket = listening(access.host, access.dms_port)
        except OSError:
            module_socket.close()
            raise
        # for whoever runs the sandbox; each server has its own, because an open state is not for two threads
        self.vehicle_module = VehicleModule(self.directory, self.clock)
        self.dms = Dms(self.directory, self.clock)
        module, dms = VehicleModule(self.directory, self.clock), Dms(self.directory, self.clock)
        module.state.map()
        dms.state.map()
        self._states = [system.state for system in (self.vehicle_module, self.dms, module, dms)]
        self._fronts: dict[SystemName, OnTheWire] = {
            "vehicle_module": OnTheWire(
                vehicle_module_app(module, access.token), asked_of_module, Striker(module.state)
            ),
            "dms": OnTheWire(dms_app(dms, access.key), asked_of_dms, Striker(dms.state)),
        }
        self._servers = [
            _ServerThread(self._fronts["vehicle_module"], module_socket),
            _ServerThread(self._fronts["dms"], dms_socket),
        ]
        self.vehicle_module_url, self.dms_url = (server.url for server in self._servers)
        for server in self._servers:
            server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.stop()
        for state in self._states:
            state.close()

    def breaks(self, system: SystemName) -> Breaks:
        """Return the faults of a system, to set and clear while it runs."""
        return Breaks(self.directory, system)

    def requests(self, system: SystemName) -> dict[tuple[str, str], int]:
        """Count the requests since the start by call and outcome: a status, or dropped, reset, cut."""
        return dict(self._fronts[system].requests)

    @property
    def environment(self) -> dict[str, str]:
        """The four variables that a client of both systems needs."""
        return {
            "OPENFLEX_URL": self.vehicle_module_url,
            "OPENFLEX_TOKEN": self.access.token,
            "ICAR_URL": self.dms_url,
            "ICAR_KEY": self.access.key,
        }


def listening(host: str, port: int) -> socket.socket:
    """Bind a listening socket; OSError when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's delay (40 ms an answer) off only where the protocol is named
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


class _ServerThread:
    def __init__(self, app: OnTheWire, listener: socket.socket) -> None:
        self._app = app
        config = uvicorn.Config(
            app,
            http=Protocol,
            lifespan="off",
            access_log=False,
            log_level="warning",
            # the Date header is the system's own clock, see the contracts
            date_header=False,
            server_header=False,
            timeout_graceful_shutdown=_STOP_S,
        )
        self._server = uvicorn.Server(config)
        self._listener = listener
        host, port = listener.getsockname()[:2]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self._thread = threading.Thread(target=self._server.run, args=([listener],), daemon=True, name=self.url)

    def start(self) -> None:
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.005)

    def stop(self) -> None:
        self._server.should_exit = True
        self._app.stop_waiting()
        self._thread.join(timeout=2 * _STOP_S)
        self._listener.close()

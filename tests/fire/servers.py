"""Both systems as processes of their own, which can be killed and started again at the same address."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from stocksync.sandbox.faults import SYSTEMS, SystemName
from tests.fire.service import CLI, PATIENCE_S, environment

_VARIABLES = {"vehicle_module": "OPENFLEX_URL", "dms": "ICAR_URL"}


class Servers:
    """One process for each system over the same state files, from `with` to its end."""

    def __init__(self, folder: Path, state: Path) -> None:
        self._folder, self._state = folder, state
        self._ports = {system: _free_port() for system in SYSTEMS}
        self._processes: dict[SystemName, subprocess.Popen[bytes]] = {}
        self.environment = {
            "OPENFLEX_TOKEN": "sandbox-token",
            "ICAR_KEY": "sandbox-key",
            **{_VARIABLES[system]: f"http://127.0.0.1:{port}" for system, port in self._ports.items()},
        }

    def __enter__(self) -> Servers:
        for system in SYSTEMS:
            self.start(system)
        return self

    def __exit__(self, *_: object) -> None:
        for system in SYSTEMS:
            self.kill(system)

    def start(self, system: SystemName) -> None:
        """Start a system and wait until it listens."""
        # The command serves both; of each process only one is ever asked.
        ports = {name: self._ports[name] if name == system else 0 for name in SYSTEMS}
        arguments = [
            f"--state={self._state}",
            f"--vehicle-module-port={ports['vehicle_module']}",
            f"--dms-port={ports['dms']}",
        ]
        with (self._folder / f"{system}.log").open("ab") as log:
            self._processes[system] = subprocess.Popen(
                [sys.executable, *CLI, "sandbox", "serve", *arguments],
                cwd=self._folder,
                env=environment({}),
                stdout=log,
                stderr=log,
            )
        until_s = time.monotonic() + PATIENCE_S
        while not _is_listening(self._ports[system]):
            assert time.monotonic() < until_s, f"the {system} does not listen"
            time.sleep(0.1)

    def kill(self, system: SystemName) -> None:
        """End a system at once."""
        process = self._processes.pop(system, None)
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait(PATIENCE_S)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def _is_listening(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False

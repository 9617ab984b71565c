"""`stocksync` as processes: the service, which can be killed, stopped and woken, and single commands beside it.

Not here: what happens to it (`killing`, `soak`, the tests) and what must hold afterwards (`ends`).
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

PATIENCE_S = 60.0
CLI = ("-m", "stocksync.entrypoints.cli")


class Service:
    """A running `stocksync serve`, as a supervisor sees it: lines, signals, an exit code.

    program: what Python is given in place of the command line's own module. lines: what it has said so far.
    """

    def __init__(
        self,
        folder: Path,
        variables: Mapping[str, str],
        *arguments: str,
        program: Sequence[str] = CLI,
        log: str = "serve.log",
    ) -> None:
        self.log = folder / log
        self._log = self.log.open("a", encoding="utf-8")
        self.process = subprocess.Popen(
            [sys.executable, *program, "serve", *arguments],
            cwd=folder,
            env=environment(variables),
            text=True,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        self.lines: list[str] = []
        self._said: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def says(self, beginning: str) -> str:
        """Wait for a line; AssertionError where the process ends without saying it."""
        while True:
            line = self._said.get(timeout=PATIENCE_S)
            assert line is not None, f"the service ended before it said {beginning!r}; see {self.log.name}"
            if line.startswith(beginning):
                return line

    def is_ready(self) -> str:
        """Wait until it works."""
        return self.says("stocksync is running")

    def tell(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def ends(self) -> int:
        """Wait for its end and give its exit code."""
        code = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        return code

    def close(self) -> None:
        """End it for good, however it stands."""
        with suppress(ProcessLookupError):
            self.process.kill()
        self.ends()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._log.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            self._said.put(self.lines[-1])
        self._said.put(None)


def command(
    folder: Path, variables: Mapping[str, str], *arguments: str, program: Sequence[str] = CLI
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [sys.executable, *program, *arguments],
        cwd=folder,
        env=environment(variables),
        text=True,
        capture_output=True,
        check=False,
        timeout=600,
    )


def data(folder: Path, variables: Mapping[str, str], *arguments: str) -> Any:
    """What a command prints for a program, whatever it ends with."""
    done = command(folder, variables, *arguments, "--json")
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without any stocksync setting of theirs, and these."""
    return {**{name: value for name, value in os.environ.items() if not name.startswith("STOCKSYNC_")}, **variables}

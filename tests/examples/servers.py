"""Programs that go on while a test looks on: started on a port of their own, heard until they serve, stopped then."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.npm.installed import PROGRAMS, program

PATIENCE_S = 30
PATH = os.pathsep.join((str(Path(sys.executable).parent), str(PROGRAMS), os.environ.get("PATH", "")))


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@dataclass
class Running:
    """A process in the background; `printed` grows with what it prints."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    moved: threading.Condition = field(default_factory=threading.Condition)
    ended: bool = False

    @property
    def printed(self) -> str:
        return "".join(self.lines)

    def hear(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self.moved:
                self.lines.append(line)
                self.moved.notify_all()
        with self.moved:
            self.ended = True
            self.moved.notify_all()

    def wait_for(self, is_there: Callable[[str], bool]) -> bool:
        """Wait until it has printed something; False iff it ended or took too long."""
        with self.moved:
            self.moved.wait_for(lambda: self.ended or is_there(self.printed), timeout=PATIENCE_S)
            return is_there(self.printed)


@contextmanager
def running(command: Sequence[str | Path], folder: Path, environment: Mapping[str, str]) -> Iterator[Running]:
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    made = Running(process)
    listener = threading.Thread(target=made.hear)
    listener.start()
    try:
        yield made
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        finally:
            process.kill()
            listener.join()
            assert process.stdout is not None
            process.stdout.close()


@dataclass(frozen=True)
class Kontor:
    """A DMS that is a json-server: its address, and the file that it keeps."""

    url: str
    file: Path

    def cars(self) -> dict[int, dict[str, Any]]:
        """Every record as it stands in the file, by its id."""
        return {record["id"]: record for record in json.loads(self.file.read_text("utf-8"))["bestand"]}

    def type_in(self, number: int, **fields: Any) -> None:
        """A clerk changes outermost fields of a record."""
        httpx.patch(f"{self.url}/bestand/{number}", json=fields).raise_for_status()


@contextmanager
def serving(file: Path) -> Iterator[Kontor]:
    """json-server from npm on a file, as its own process."""
    port = free_port()
    command = [program("json-server"), "--host", "127.0.0.1", "--port", str(port), file.name]
    with running(command, file.parent, {**os.environ, "PATH": PATH}) as server:
        assert server.wait_for(lambda printed: "Home" in printed), server.printed
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(transport=httpx.HTTPTransport(retries=5)) as client:
            client.get(f"{url}/bestand?_limit=1").raise_for_status()
        yield Kontor(url, file)

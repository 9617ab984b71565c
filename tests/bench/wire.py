"""Both systems of a stock behind real sockets, in one process of their own; the transports of `serving` answer.

`python -m tests.bench.wire ORDER` is that process: it prints both addresses, then answers until its input ends. Users'
changes come in as POST /bench/changes, time that passes as POST /bench/hours. For workloads whose measure is the
exchange itself; what a real server costs is not in question here, see `sandboxed` for that.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Final

import httpx

from stocksync.stock.values import SIDES, Side
from tests.bench.cars import SEED, Layout
from tests.bench.edits import raise_cost, raise_price
from tests.bench.ground import Ground
from tests.bench.serving import Server

_ADDRESSES: Final = {Side.VEHICLE_MODULE: "OPENFLEX_URL", Side.DMS: "ICAR_URL"}


class Wire:
    """The process, from `with` to its end."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def __enter__(self) -> Wire:
        said = json.dumps([str(self._layout.folder), self._layout.cars, self._layout.points])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.wire", said], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the servers did not start: exit {self._process.wait()}")
        self.addresses: dict[Side, str] = {Side(side): url for side, url in json.loads(line).items()}
        self.environment = {
            "OPENFLEX_TOKEN": "bench-token",
            "ICAR_KEY": "bench-key",
            **{_ADDRESSES[side]: url for side, url in self.addresses.items()},
        }
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def change(self, number: int, count: int) -> None:
        """Let users change so many cars, half of them on each side."""
        self._told("changes", {"number": number, "count": count})

    def skip_an_hour(self) -> None:
        """Let an hour pass in both systems."""
        self._told("hours", {})

    def _told(self, what: str, said: dict[str, Any]) -> None:
        # Nothing is encrypted here; the authorities that it would be checked by take up 10 MB.
        asked = f"{self.addresses[Side.DMS]}/bench/{what}"
        httpx.post(asked, json=said, trust_env=False, verify=False).raise_for_status()


class _App:
    """One system's transport as an application."""

    def __init__(self, server: Server, ground: Ground) -> None:
        self._server, self._ground = server, ground

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        if scope["path"].startswith("/bench/"):
            self._obey(scope["path"], json.loads(body))
            status, headers, content = 204, [], b""
        else:
            url = httpx.URL("http://bench", raw_path=scope["raw_path"] + b"?" + scope["query_string"])
            request = httpx.Request(scope["method"], url, headers=scope["headers"], content=body)
            response = self._server.handle_request(request)
            status, headers, content = response.status_code, response.headers.raw, response.read()
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def _obey(self, path: str, said: dict[str, Any]) -> None:
        if path == "/bench/hours":
            self._ground.clock.skip(timedelta(hours=1))
            return
        chance = Random(f"{SEED} wire {said['number']}")
        chosen = chance.sample(range(self._ground.layout.cars), said["count"])
        for place, index in enumerate(chosen):
            side, edit = ((Side.VEHICLE_MODULE, raise_price), (Side.DMS, raise_cost))[place % 2]
            self._ground.servers[side].change(index, edit)


async def _serve(ground: Ground) -> None:
    # Not at the top: whoever starts this process is measured, and would have it in memory, too.
    import uvicorn

    servers = {}
    for side in SIDES:
        app = _App(ground.servers[side], ground)
        config = uvicorn.Config(app, port=0, lifespan="off", access_log=False, log_level="warning")
        servers[side] = uvicorn.Server(config)
    work = [asyncio.create_task(server.serve()) for server in servers.values()]
    while not all(server.started for server in servers.values()):
        await asyncio.sleep(0.01)
    addresses = {
        side.value: "http://{}:{}".format(*server.servers[0].sockets[0].getsockname()[:2])
        for side, server in servers.items()
    }
    print(json.dumps(addresses), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for server in servers.values():
        server.should_exit = True
    await asyncio.gather(*work)


if __name__ == "__main__":
    _folder, _cars, _points = json.loads(sys.argv[1])
    asyncio.run(_serve(Ground(Layout(Path(_folder), _cars, _points), in_memory=False)))

"""How long the sandbox servers take of what they are there to measure: pages, listings of changes, single writes.

Run `python -m tests.sandbox.serving`; `--help` tells the sizes. Each stock is looked at in a process of its own. The
time is the server's own on the processor, from a request read to an answer ready, without sockets; the unit beside it
is `orjson.loads` of that very answer, in the same process. Nothing is asserted: counts are in `test_serving.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from stocksync.sandbox.breaks import Striker
from stocksync.sandbox.clock import instant_text, paris_text, utc_now
from stocksync.sandbox.dms import Dms
from stocksync.sandbox.dms_server import asked as asked_of_dms
from stocksync.sandbox.dms_server import dms_app
from stocksync.sandbox.running import DEFAULT_KEY, DEFAULT_TOKEN
from stocksync.sandbox.seed import fill, module_points
from stocksync.sandbox.vehicle_module import VehicleModule, vehicle_id
from stocksync.sandbox.vehicle_module_server import asked as asked_of_module
from stocksync.sandbox.vehicle_module_server import vehicle_module_app
from stocksync.sandbox.wire import OnTheWire

PAGE = 500
CHANGES = 100
_SEED = 3


@dataclass(frozen=True)
class Line:
    """One figure, or the middle, mean and worst of many requests beside the mean of decoding what they answered."""

    cars: int
    system: str
    what: str
    figure: float
    mean: float | None = None
    worst: float | None = None
    unit: float | None = None


class _Open(asyncio.Transport):
    """A connection that nobody closes."""

    def is_closing(self) -> bool:
        return False


class Front:
    """One server without its socket."""

    def __init__(self, app: OnTheWire, header: tuple[bytes, bytes]) -> None:
        self._app = app
        self._header = header
        self._loop = asyncio.new_event_loop()

    def close(self) -> None:
        """End its loop."""
        self._loop.close()

    def ask(self, method: str, path: str, query: str = "", body: bytes = b"", *headers: tuple[bytes, bytes]) -> bytes:
        """Return the body of an answer, which must be a success."""
        status, answer = self._loop.run_until_complete(self._answer(method, path, query, body, headers))
        assert status == 200, (status, answer)
        return answer

    async def _answer(
        self, method: str, path: str, query: str, body: bytes, headers: tuple[tuple[bytes, bytes], ...]
    ) -> tuple[int, bytes]:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(b"host", b"sandbox"), self._header, *headers],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
            # as the sandbox's own protocol hands it on, for answers under faults
            "state": {"transport": _Open()},
        }
        status, answer = 0, b""

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            nonlocal status, answer
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                answer += message.get("body", b"")

        await self._app(scope, receive, send)
        return status, answer


def module_front(module: VehicleModule) -> Front:
    """The vehicle module's."""
    module.state.map()
    app = OnTheWire(vehicle_module_app(module, DEFAULT_TOKEN), asked_of_module, Striker(module.state))
    return Front(app, (b"authorization", f"Bearer {DEFAULT_TOKEN}".encode()))


def dms_front(dms: Dms) -> Front:
    """The DMS's."""
    dms.state.map()
    app = OnTheWire(dms_app(dms, DEFAULT_KEY), asked_of_dms, Striker(dms.state))
    return Front(app, (b"x-api-key", DEFAULT_KEY.encode()))


def looked_at(directory: Path, cars: int) -> list[Line]:
    """Measure a stock that is there."""
    before_kb = _kilobytes("RssAnon")
    with closing((module := VehicleModule(directory)).state), closing((dms := Dms(directory)).state):
        lines = list(_module_lines(module, cars)) + list(_dms_lines(dms, cars))
        # while the files are open: what is mapped of them, and what is noted of their pages, goes with them
        own_kb, mapped_kb = _kilobytes("RssAnon"), _kilobytes("RssFile")
    return [
        *lines,
        Line(cars, "both", "servers' own memory, MB", own_kb / 1024),
        Line(cars, "both", "grown by, bytes a car", (own_kb - before_kb) * 1024 / cars),
        Line(cars, "both", "mapped of files, MB", mapped_kb / 1024),
    ]


def _module_lines(module: VehicleModule, cars: int) -> Iterator[Line]:
    path = "/api/v1/vehicles"
    with closing(module_front(module)) as front:
        pages = Timed()
        for point in module_points(len(module.points_of_sale())):
            query: str | None = _module_query(point["id"])
            while query:
                answer = pages.ask(front, "GET", path, query)
                following = orjson.loads(answer[answer.rindex(b'"nextCursor":') + 13 : -1])
                query = following and _module_query(point["id"], cursor=following)
        yield pages.line(cars, "module", f"page of {PAGE}")
        quiet, writes, deltas = Timed(), Timed(), Timed()
        later = instant_text(module.now() + timedelta(seconds=1))
        for _ in range(50):
            quiet.ask(front, "GET", path, _module_query("PDV1", updatedSince=later))
        yield quiet.line(cars, "module", "changes since, none")
        since = instant_text(module.now())
        points = set()
        for number in _spread(cars, CHANGES):
            body = b'{"sale":{"price":%d}}' % (9000 + number + int(time.time()) % 1000)
            answer = writes.ask(front, "PATCH", f"{path}/{vehicle_id(number)}", "", body, _MERGE_PATCH, _ANY)
            points.add(orjson.loads(answer)["pointOfSale"])
        yield writes.line(cars, "module", "one write")
        for point_id in sorted(points) * 5:
            deltas.ask(front, "GET", path, _module_query(point_id, updatedSince=since))
        yield deltas.line(cars, "module", f"changes since, {CHANGES} in all")


def _dms_lines(dms: Dms, cars: int) -> Iterator[Line]:
    path = "/icar/ws/v2/vo"
    with closing(dms_front(dms)) as front:
        pages = Timed()
        for site in dms.sites():
            page, last = 0, 1
            while page < last:
                page += 1
                answer = pages.ask(front, "GET", path, _dms_query(site, page))
                last = orjson.loads(b"{" + answer[answer.rindex(b'"page":') :])["nb_pages"]
        yield pages.line(cars, "DMS", f"page of {PAGE}")
        quiet, writes, deltas = Timed(), Timed(), Timed()
        later = paris_text(utc_now() + timedelta(seconds=2))
        for _ in range(50):
            quiet.ask(front, "GET", path, _dms_query("S01", 1, modifie_depuis=later))
        yield quiet.line(cars, "DMS", "changes since, none")
        since, sites = paris_text(utc_now()), set()
        for number in _spread(cars, CHANGES):
            dossier = dms.dossiers_from("Stock", f"VO{number:06d}", 1)[0]
            answer = writes.ask(front, "PUT", f"{path}/{dossier}", "", b'{"km":"12345"}', _JSON)
            sites.add(orjson.loads(answer)["vo"]["site"])
        yield writes.line(cars, "DMS", "one write")
        for site in sorted(sites) * 5:
            deltas.ask(front, "GET", path, _dms_query(site, 1, modifie_depuis=since))
        yield deltas.line(cars, "DMS", f"changes since, {CHANGES} in all")


_MERGE_PATCH = (b"content-type", b"application/merge-patch+json")
_JSON = (b"content-type", b"application/json")
_ANY = (b"if-match", b"*")


def _module_query(point: str, **more: str) -> str:
    pairs = [f"pointOfSale={point}", f"limit={PAGE}"]
    return "&".join([*pairs, *(f"{name}={quote(text)}" for name, text in more.items())])


def _dms_query(site: str, page: int, **more: str) -> str:
    pairs = [f"site={site}", f"taille={PAGE}", f"page={page}"]
    return "&".join([*pairs, *(f"{name}={quote(text)}" for name, text in more.items())])


class Timed:
    """Requests of one kind: the processor time of each, which others at work on the machine change little."""

    def __init__(self) -> None:
        self._taken_s: list[float] = []
        self._units_s: list[float] = []

    def ask(self, front: Front, *asked: Any) -> bytes:
        """Ask, and decode the answer once apart."""
        started_s = time.thread_time()
        answer = front.ask(*asked)
        answered_s = time.thread_time()
        orjson.loads(answer)
        self._taken_s.append(answered_s - started_s)
        self._units_s.append(time.thread_time() - answered_s)
        return answer

    def line(self, cars: int, system: str, what: str) -> Line:
        """The middle, the mean and the worst of the requests, and the mean of the decoding."""
        taken, units = self._taken_s, self._units_s
        mean, unit, worst = statistics.mean(taken), statistics.mean(units), max(taken)
        return Line(cars, system, what, *(figure * 1000 for figure in (statistics.median(taken), mean, worst, unit)))


def _spread(cars: int, count: int) -> range:
    return range(1, cars, max(cars // count, 1))[:count]


def _kilobytes(name: str) -> int:
    """Memory of this process: RssAnon is its own, RssFile what it mapped of files."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith(f"{name}:")))


def measured(directory: Path, cars: int, points: int) -> list[Line]:
    """Fill a stock unless it is there, and look at it, each in a process of its own."""
    lines = []
    if not (directory / "filled.json").exists():
        said = _spawned("fill", directory, cars, points)
        directory.joinpath("filled.json").write_text(json.dumps(said))
    seconds, peak_mb = json.loads(directory.joinpath("filled.json").read_text())
    stored = sum(file.stat().st_size for file in directory.glob("*.db"))
    lines.append(Line(cars, "both", "filling, s of a processor", seconds))
    lines.append(Line(cars, "both", "filling, peak MB", peak_mb))
    lines.append(Line(cars, "both", "on disk, bytes a car", stored / cars))
    return lines + [Line(**line) for line in _spawned("look", directory, cars, points)]


def _spawned(what: str, directory: Path, cars: int, points: int) -> Any:
    arguments = [sys.executable, "-m", "tests.sandbox.serving", "--child", what, "--keep", str(directory)]
    arguments += ["--cars", str(cars), "--points", str(points)]
    return json.loads(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout)


def _child(what: str, directory: Path, cars: int, points: int) -> Any:
    if what == "look":
        return [asdict(line) for line in looked_at(directory, cars)]
    fill(directory, cars, points, _SEED)
    return time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def table(lines: list[Line]) -> str:
    """Write the lines as a table; times in milliseconds."""
    rows = [f"{'cars':>9}  {'system':<6}  {'what':<27} {'median':>9}" + "     mean    worst    loads   ratio"]
    for line in lines:
        row = f"{line.cars:>9}  {line.system:<6}  {line.what:<27} {line.figure:>9.3f}"
        if line.mean is not None and line.unit:
            row += f" {line.mean:>8.3f} {line.worst:>8.2f} {line.unit:>8.3f} {line.mean / line.unit:>7.2f}"
        rows.append(row)
    return "\n".join(rows)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.sandbox.serving", description=__doc__)
    parser.add_argument("--cars", default="10000,100000", help="sizes, with commas; a million fills for minutes")
    parser.add_argument("--points", type=int, default=2, help="points of sale that share them: few makes it hard")
    parser.add_argument("--keep", type=Path, help="keep the stocks in this folder, for the next time")
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args()
    sizes = [int(text) for text in given.cars.split(",")]
    if given.child:
        print(json.dumps(_child(given.child, given.keep, sizes[0], given.points)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        lines = []
        for cars in sizes:
            lines += measured((given.keep or Path(temporary)) / f"{cars}-{given.points}", cars, given.points)
    print(json.dumps([asdict(line) for line in lines]) if given.json else table(lines))


if __name__ == "__main__":
    main()

"""Both systems without a socket: the listings of a stock, whole or changed since, and single records read and written.

Two httpx transports that answer as the contracts say, out of bytes in memory or in files, so that reading JSON is part
of what is measured and serving it hardly is. A changed record is laid over its place in the stock and stays there: the
module's listing keeps its order, where the real one would show it last. Not here: whether a write makes sense.
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
from abc import ABC, abstractmethod
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx
import orjson

from stocksync.sandbox.clock import instant_text, paris_text
from stocksync.sandbox.seed import site_code
from tests.bench.cars import LAST_CHANGE_AT, Layout, dossier_of, index_of, vehicle_id

PAGE: Final = 500
_CHUNK: Final = 65_536
_PARIS: Final = ZoneInfo("Europe/Paris")
_A_DAY: Final = timedelta(days=1)

Record = dict[str, Any]
Edit = Callable[[Record], None]


class Bytes:
    """What one side's records are cut from: held in memory, or read from their file at each request."""

    def __init__(self, file: Path, *, in_memory: bool) -> None:
        self._held = file.read_bytes() if in_memory else None
        self._file = os.open(file, os.O_RDONLY)

    def cut(self, start: int, end: int) -> bytes:
        """Some of them."""
        if self._held is not None:
            return self._held[start:end]
        return os.pread(self._file, end - start, start)

    def close(self) -> None:
        """Let the file go."""
        os.close(self._file)


class Changed:
    """The bytes of the records that were changed, by their places; in a file of their own unless held in memory.

    Else what users and the program write would count as memory that the program takes.
    """

    def __init__(self, *, in_memory: bool) -> None:
        self._held: dict[int, bytes] = {}
        self._file = None if in_memory else _nameless_file()
        self._places: dict[int, tuple[int, int]] = {}
        self._end = 0

    def __contains__(self, index: int) -> bool:
        return index in self._places

    def __bool__(self) -> bool:
        return bool(self._places)

    def __setitem__(self, index: int, record: bytes) -> None:
        if self._file is None:
            # What orjson gives takes up several times the room that it needs.
            self._held[index] = memoryview(record).tobytes()
        else:
            os.pwrite(self._file, record, self._end)
        self._places[index] = (self._end, len(record))
        self._end += len(record)

    def get(self, index: int) -> bytes | None:
        """One of them."""
        place = self._places.get(index)
        if place is None or self._file is None:
            return self._held.get(index)
        start, length = place
        return os.pread(self._file, length, start)

    def clear(self) -> None:
        """Forget them all."""
        self._held.clear()
        self._places.clear()

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None:
            os.close(self._file)


def _nameless_file() -> int:
    file, name = tempfile.mkstemp()
    Path(name).unlink()
    return file


class Server(httpx.BaseTransport, ABC):
    """One system. requests: how many came, by what they asked. now: its clock, which stamps what is changed."""

    side: str
    places: Mapping[str, int]

    def __init__(self, layout: Layout, now: Callable[[], datetime], *, in_memory: bool) -> None:
        self.layout, self.now = layout, now
        self.requests: Counter[str] = Counter()
        self._bytes = Bytes(layout.records(self.side), in_memory=in_memory)
        self._starts = array("Q", layout.starts(self.side).read_bytes())
        self._changed = Changed(in_memory=in_memory)
        self._changed_at: dict[int, datetime] = {}
        self._lock = threading.Lock()
        self._there = layout.cars
        self._made: dict[int, tuple[range, bytes]] | None = {} if in_memory else None

    # what it holds

    def pages(self) -> Iterator[bytes]:
        """Every page of every point of sale, as it would be answered."""
        for point in range(self.layout.points):
            cars = self.range_of(point)
            for start in range(cars.start, cars.stop, PAGE):
                yield self._page(cars, start)

    def range_of(self, point: int) -> range:
        """The cars that are there of a point of sale."""
        cars = self.layout.range_of(point)
        return cars[: -(-self._there // self.layout.points)]

    def show(self, cars: int) -> None:
        """Let only so many cars be there, the first ones of each point of sale."""
        self._there = cars

    def record(self, index: int) -> Record:
        """One record."""
        found: Record = orjson.loads(self.raw(index))
        return found

    def raw(self, index: int) -> bytes:
        """One record's bytes."""
        changed = self._changed.get(index)
        return changed if changed is not None else self._bytes.cut(self._starts[index], self._starts[index + 1] - 1)

    def change(self, index: int, edit: Edit) -> Record:
        """Change a record as a user of the system does."""
        with self._lock:
            record, at = self.record(index), self.now()
            edit(record)
            self.stamp(record, at)
            self._changed[index], self._changed_at[index] = orjson.dumps(record), at
            if self._made is not None:
                self._made.pop(self._start_of_page(index), None)
        return record

    def _start_of_page(self, index: int) -> int:
        ranges = map(self.layout.range_of, range(self.layout.points))
        first = next(cars.start for cars in ranges if index in cars)
        return index - (index - first) % PAGE

    def restore(self) -> None:
        """Put everything back as it was at first."""
        self._changed.clear()
        self._changed_at.clear()
        if self._made is not None:
            self._made.clear()

    def release(self) -> None:
        """Let files go; `close` is what clients do to a transport, and several share this one."""
        self._bytes.close()
        self._changed.close()

    # how it answers

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer."""
        record_id = self._record_id(request.url.path)
        if request.method == "GET":
            if record_id is None:
                return self._listing(request.url.params)
            self.requests["read"] += 1
            return self._one(record_id)
        self.requests["write"] += 1
        if record_id is None:
            raise NotImplementedError(f"{request.method} {request.url}")
        return self._write(record_id, request)

    def _listing(self, asked: httpx.QueryParams) -> httpx.Response:
        cars = self.range_of(self.places[asked[self.place_parameter]])
        since = self.since(asked)
        if since is not None:
            self.requests["changes"] += 1
            return answered(self.whole([self.raw(index) for index in self._since(cars, since)]))
        self.requests["page"] += 1
        return answered(self._page(cars, cars.start + self.position(asked) * PAGE))

    def _since(self, cars: range, since: datetime) -> Iterator[int]:
        if since < LAST_CHANGE_AT - _A_DAY:
            raise NotImplementedError(f"changes since {since}, when most of the stock was made")
        last = cars.stop - 1
        for index in sorted({last, *self._changed_at}):
            if index in cars and self._changed_at.get(index, LAST_CHANGE_AT) >= since:
                yield index

    def _page(self, cars: range, start: int) -> bytes:
        """One page; where all is held in memory, it is put together once for as long as nothing on it changes."""
        made = self._made.get(start) if self._made is not None else None
        if made is not None and made[0] == cars:
            return made[1]
        stop = min(start + PAGE, cars.stop)
        page = self.page(self._records(start, stop), (start - cars.start) // PAGE, stop == cars.stop, len(cars))
        if self._made is not None:
            self._made[start] = cars, page
        return page

    def _records(self, start: int, stop: int) -> bytes:
        if start >= stop:
            return b""
        changed = [index for index in range(start, stop) if index in self._changed] if self._changed else []
        pieces, at = [], start
        for index in changed:
            if index > at:
                pieces.append(self._bytes.cut(self._starts[at], self._starts[index] - 1))
            pieces.append(self.raw(index))
            at = index + 1
        if at < stop:
            pieces.append(self._bytes.cut(self._starts[at], self._starts[stop] - 1))
        return b",".join(pieces)

    def _record_id(self, path: str) -> str | None:
        found = re.fullmatch(rf"{self.path}(?:/([^/]+))?", path)
        assert found is not None, path
        return found[1]

    path: str
    place_parameter: str

    @abstractmethod
    def stamp(self, record: Record, at: datetime) -> None:
        """Note in a record that it was changed."""

    @abstractmethod
    def since(self, asked: httpx.QueryParams) -> datetime | None:
        """The instant from which changes are asked for, if that is what is asked for."""

    @abstractmethod
    def position(self, asked: httpx.QueryParams) -> int:
        """The number of the page, from 0."""

    @abstractmethod
    def page(self, records: bytes, number: int, is_last: bool, total: int) -> bytes:
        """One page of a listing."""

    @abstractmethod
    def whole(self, records: Sequence[bytes]) -> bytes:
        """A listing of one page."""

    @abstractmethod
    def _one(self, record_id: str) -> httpx.Response: ...

    @abstractmethod
    def _write(self, record_id: str, request: httpx.Request) -> httpx.Response: ...


class VehicleModuleServer(Server):
    """The vehicle module."""

    side = "vehicle_module"
    path = "/api/v1/vehicles"
    place_parameter = "pointOfSale"

    def __init__(self, layout: Layout, now: Callable[[], datetime], *, in_memory: bool) -> None:
        self.places = {f"PDV{point + 1}": point for point in range(layout.points)}
        super().__init__(layout, now, in_memory=in_memory)

    def stamp(self, record: Record, at: datetime) -> None:
        """A version more, and when."""
        record["version"] += 1
        record["updatedAt"] = instant_text(at)

    def since(self, asked: httpx.QueryParams) -> datetime | None:
        """RFC 3339."""
        return datetime.fromisoformat(asked["updatedSince"]) if "updatedSince" in asked else None

    def position(self, asked: httpx.QueryParams) -> int:
        """A cursor is a number here."""
        return int(asked.get("cursor", "0"))

    def page(self, records: bytes, number: int, is_last: bool, total: int) -> bytes:
        """Name the next one."""
        return b'{"items":[%b],"nextCursor":%b}' % (records, b"null" if is_last else b'"%d"' % (number + 1))

    def whole(self, records: Sequence[bytes]) -> bytes:
        """There is no next one."""
        return self.page(b",".join(records), 0, True, len(records))

    def _one(self, record_id: str) -> httpx.Response:
        return self._shown(self.raw(index_of(record_id)))

    def _shown(self, raw: bytes) -> httpx.Response:
        return answered(raw, {"ETag": f'"{orjson.loads(raw)["version"]}"'})

    def _write(self, record_id: str, request: httpx.Request) -> httpx.Response:
        index = index_of(record_id)
        if request.headers.get("If-Match") != f'"{self.record(index)["version"]}"':
            return answered(b'{"status":412}', status=412)
        sent = orjson.loads(request.content)
        return self._shown(orjson.dumps(self.change(index, lambda record: merge(record, sent))))


class DmsServer(Server):
    """The DMS."""

    side = "dms"
    path = "/icar/ws/v2/vo"
    place_parameter = "site"

    def __init__(self, layout: Layout, now: Callable[[], datetime], *, in_memory: bool) -> None:
        self.places = {site_code(point + 1): point for point in range(layout.points)}
        super().__init__(layout, now, in_memory=in_memory)

    def stamp(self, record: Record, at: datetime) -> None:
        """When, to the second."""
        record["maj_le"] = paris_text(at)

    def since(self, asked: httpx.QueryParams) -> datetime | None:
        """Local time."""
        if "modifie_depuis" not in asked:
            return None
        return datetime.strptime(asked["modifie_depuis"], "%d/%m/%Y %H:%M:%S").replace(tzinfo=_PARIS).astimezone(UTC)

    def position(self, asked: httpx.QueryParams) -> int:
        """Pages count from 1."""
        return int(asked.get("page", "1")) - 1

    def page(self, records: bytes, number: int, is_last: bool, total: int) -> bytes:
        """Say how many there are."""
        return b'{"ok":true,"vo":[%b],"page":%d,"nb_pages":%d,"total":%d}' % (
            records,
            number + 1,
            -(-total // PAGE),
            total,
        )

    def whole(self, records: Sequence[bytes]) -> bytes:
        """One page of one, or none of none."""
        return self.page(b",".join(records), 0, True, len(records))

    def _one(self, record_id: str) -> httpx.Response:
        return self._shown(self.raw(index_of(record_id)))

    def _shown(self, raw: bytes) -> httpx.Response:
        return answered(b'{"ok":true,"vo":%b}' % raw)

    def _write(self, record_id: str, request: httpx.Request) -> httpx.Response:
        sent = orjson.loads(request.content)
        return self._shown(orjson.dumps(self.change(index_of(record_id), lambda record: record.update(sent))))


def ids(side: str, index: int) -> str:
    """The id of a car on a side."""
    return vehicle_id(index) if side == "vehicle_module" else dossier_of(index)


def merge(record: Record, sent: Mapping[str, Any]) -> None:
    """Merge a patch (RFC 7396) whose objects are all there."""
    for name, value in sent.items():
        if isinstance(value, dict) and isinstance(record.get(name), dict):
            merge(record[name], value)
        else:
            record[name] = value


class _Stream(httpx.SyncByteStream):
    """A body in pieces, as a socket gives them."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self._body), _CHUNK):
            yield self._body[start : start + _CHUNK]


def answered(body: bytes, headers: Mapping[str, str] | None = None, status: int = 200) -> httpx.Response:
    """An answer that is read from the wire yet."""
    said = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
    return httpx.Response(status, headers=said, stream=_Stream(body))

"""Listings as they come from real systems: bytes of pages, cut and recognised by the very code that asks over REST.

Only the network is missing. A system lists its table as it stands while it is asked: what changes meanwhile comes
again, what goes is missed by the total, and a cursor may die, so that all begins again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random
from typing import Any, Final, Protocol
from unittest.mock import patch

import httpx

from stocksync.adapters.systems import answers, slices, strict_json
from stocksync.adapters.systems.memory import MemoryServer, MemorySystem
from stocksync.adapters.systems.rest import RestSystem
from stocksync.mapping.connection import RestConnection
from stocksync.mapping.paths import value_at
from stocksync.sync.familiar import Familiar, KnownPage
from stocksync.sync.ports import Clock, NativeRecord, Page
from stocksync.sync.runs import number_in
from tests.worlds import ToldClock

ADDRESS: Final = "https://stock.example"
FEW_RECORDS: Final = (1, 2, 3)
"""A run in these small stocks: with as many as in a real one, hardly any would outlive a change."""
PAGES: Final = "pages recognised"
ON_PAGES: Final = "records on them"
RUNS: Final = "runs recognised"
IN_RUNS: Final = "records in them"
RECOGNISED: Final = (PAGES, ON_PAGES, RUNS, IN_RUNS)
"""What is counted of all pages."""


def _connection(total: dict[str, str]) -> RestConnection:
    paging = {"style": "cursor", "parameter": "cursor", "next": "next"} | total
    return RestConnection.model_validate(
        {
            "protocol": "rest",
            "auth": {"scheme": "none"},
            "list": {"path": "/records", "items": "items", "paging": paging},
            "read": {"path": "/records/{id}"},
            "update": {"method": "PATCH", "path": "/records/{id}"},
            # Another try would be after a pause of any length.
            "attempts": 1,
        }
    )


_WITH_TOTAL: Final = _connection({"total": "total"})
_WITHOUT_TOTAL: Final = _connection({})


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a system lists.

    size: of a page. changed: where the records stand that changed last, "" where a change moves none. between: two
    records. after: the list, in the answer.
    """

    size: int = 200
    changed: str = ""
    between: bytes = b","
    after: bytes = b"}"
    has_total: bool = True

    def ordered(self, server: MemoryServer, records: list[NativeRecord]) -> list[NativeRecord]:
        """Records as they are listed."""
        path = server.habits.stamp_path
        if not self.changed or path is None:
            return records
        return sorted(records, key=lambda r: str(value_at(r.body, path)), reverse=self.changed == "first")


AS_EVER: Final = Spelling()


def drawn(chance: Random) -> Spelling:
    """Pages of any length, most of them spelled so that runs of records can be told."""
    return Spelling(
        chance.choice((1, 2, 3, 5, 8, 8, 200, 200, 200)),
        chance.choice(("", "", "first", "last")),
        chance.choice((b",", b",", b",", b",", b",", b",", b", ")),
        chance.choice((b"}", b"}", b"}", b"}", b"}", b',"links":[]}')),
        chance.random() < 0.8,
    )


class Occasions(Protocol):
    """What a listing meets on its way."""

    def first(self, table: Callable[[], list[NativeRecord]]) -> list[NativeRecord]:
        """The table as the first page finds it."""
        ...

    def later(self) -> bool:
        """Before every other page; False iff its cursor died."""
        ...

    def sent(self, records: list[NativeRecord], count: int) -> None:
        """A page was answered; count: of all records that this listing gave so far."""
        ...


class Quiet:
    """Nothing is in the way of a listing, and nobody looks."""

    def first(self, table: Callable[[], list[NativeRecord]]) -> list[NativeRecord]:
        """As it is."""
        return table()

    def later(self) -> bool:
        """On."""
        return True

    def sent(self, records: list[NativeRecord], count: int) -> None:
        """Nobody looks."""


@dataclass
class Table(httpx.BaseTransport):
    """Answers for one listing after the other, each page as of the instant at which it is asked for.

    rows: what there is to list now.
    """

    rows: Callable[[], list[NativeRecord]]
    spelling: Spelling
    occasions: Occasions
    _waiting: list[NativeRecord] = field(default_factory=list)
    _held: dict[str, Any] = field(default_factory=dict)
    _hidden: set[str] = field(default_factory=set)
    _count: int = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer for one page."""
        if "cursor" not in request.url.params:
            self._begin()
        elif self.occasions.later():
            self._look_again()
        else:
            return httpx.Response(410)
        page, self._waiting = self._waiting[: self.spelling.size], self._waiting[self.spelling.size :]
        self._count += len(page)
        self.occasions.sent(page, self._count)
        return httpx.Response(200, content=self._written(page))

    def _begin(self) -> None:
        found: list[NativeRecord] = []

        def table() -> list[NativeRecord]:
            found[:] = self.rows()
            return list(found)

        self._waiting, self._count = self.occasions.first(table), 0
        self._held = {record.record_id: record.body for record in found}
        self._hidden = self._held.keys() - {record.record_id for record in self._waiting}

    def _look_again(self) -> None:
        """What came, changed or went since the last page: the one comes at the end, the other not any more."""
        now = {record.record_id: record for record in self.rows()}
        moved = {i for i in now.keys() | self._held.keys() if i not in now or now[i].body is not self._held.get(i)}
        if moved:
            self._waiting = [record for record in self._waiting if record.record_id not in moved]
            self._waiting += [record for i, record in now.items() if i in moved - self._hidden]
            self._held = {i: record.body for i, record in now.items()}

    def _written(self, page: list[NativeRecord]) -> bytes:
        spelling, listed = self.spelling, len(self._held.keys() - self._hidden)
        cursor = b'"%d"' % self._count if self._waiting else b"null"
        total = b'"total":%d,' % listed if spelling.has_total else b""
        items = spelling.between.join(strict_json.written(record.body) for record in page)
        return b'{%b"next":%b,"items":[%b]%b' % (total, cursor, items, spelling.after)


class ListedSystem(MemorySystem):
    """One point of sale of a server in memory, whose listings are asked for as those of a real system."""

    def __init__(
        self,
        server: MemoryServer,
        code: str,
        spelling: Spelling,
        occasions: Occasions | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(server, code)
        self.server, self.code, self.spelling = server, code, spelling
        self.occasions = occasions if occasions is not None else Quiet()
        self.clock = clock if clock is not None else ToldClock()

    def _paged(self, since: datetime | None, familiar: Familiar | None = None) -> Iterator[Page]:
        def rows() -> list[NativeRecord]:
            self._fail_if_due("pages")
            found = self.server.listing(self.code)
            kept = [r for r in found if since is None or r.stamp is None or r.stamp >= since]
            return self.spelling.ordered(self.server, kept)

        habits = self.server.habits
        asked = RestSystem(
            _WITH_TOTAL if self.spelling.has_total else _WITHOUT_TOTAL,
            base_url=ADDRESS,
            secrets={},
            point_of_sale_code=self.code,
            id_path=habits.id_path,
            version_path=habits.version_path,
            clock=self.clock,
            transport=Table(rows, self.spelling, self.occasions),
        )
        for page in asked.pages(familiar):
            yield replace(page, records=tuple(self._stamped(record) for record in page.records))

    def _stamped(self, record: NativeRecord) -> NativeRecord:
        return replace(record, stamp=self.server._stamp(record.body))


@contextmanager
def counted_runs(counts: Counter[str], records: int) -> Iterator[None]:
    """Count what of every page is recognised; records: about so many are a run."""
    cut = answers.sliced

    def counted(*given: Any) -> slices.Sliced | None:
        page = cut(*given)
        counts.update(recognised(page))
        return page

    with patch.object(slices, "RECORDS", records), patch.object(answers, "sliced", counted):
        yield


def recognised(page: slices.Sliced | None) -> Counter[str]:
    """What of a page came before, so that it was not cut into records."""
    if page is None:
        return Counter()
    if isinstance(page.known, KnownPage):
        return Counter({PAGES: 1, ON_PAGES: page.known.count})
    runs = [piece for piece in page.pieces if piece.items is None]
    return Counter({RUNS: sum(number_in(piece.runs) for piece in runs), IN_RUNS: sum(len(p.digests) for p in runs)})

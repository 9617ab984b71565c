"""Listings as they come from real systems: bytes of pages, cut and recognised by the very code that asks over REST.

Only the network is missing; how a table is listed that moves meanwhile is `tables`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from unittest.mock import patch

from stocksync.adapters.systems import answers, slices
from stocksync.adapters.systems.memory import MemoryServer, MemorySystem
from stocksync.adapters.systems.rest import RestSystem
from stocksync.sync.familiar import Familiar, KnownPage
from stocksync.sync.ports import Clock, NativeRecord, Page
from stocksync.sync.runs import number_in
from tests.simulation.spelling import Spelling
from tests.simulation.tables import CursorTable, Occasions, Quiet, SteppedTable
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

        table = (CursorTable if self.spelling.style == "cursor" else SteppedTable)(rows, self.spelling, self.occasions)
        habits = self.server.habits
        asked = RestSystem(
            self.spelling.connection(),
            base_url=ADDRESS,
            secrets={},
            point_of_sale_code=self.code,
            id_path=habits.id_path,
            version_path=habits.version_path,
            clock=self.clock,
            transport=table,
        )
        for page in asked.pages(familiar):
            yield replace(page, records=tuple(self._stamped(record) for record in page.records))
        if shift := table.left_out():
            self.occasions.believed(shift)

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

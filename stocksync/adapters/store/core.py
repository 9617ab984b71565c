"""The tables as Core statements use them, and lists cut to what one statement may bind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import Table

from stocksync.adapters.store.tables import (
    AcceptanceRow,
    AlertRow,
    CarRow,
    ConflictRow,
    GateRow,
    JournalRow,
    LeaseRow,
    LotRow,
    MappingRow,
    OutboxRow,
    PageRow,
    PauseRow,
    ResolutionRow,
    RunRow,
    SnapshotRow,
    WatermarkRow,
)

CHUNK: Final = 400
"""Keys per statement: under the smallest limit on bound parameters."""

Item = TypeVar("Item")


def table(row: type[Any]) -> Table:
    """The Core table of a row class."""
    found: Table = row.__table__
    return found


def chunks(items: Iterable[Item], size: int = CHUNK) -> Iterator[list[Item]]:
    """Cut into lists of at most `size`."""
    iterator = iter(items)
    while part := list(islice(iterator, size)):
        yield part


RUN, CAR, SNAPSHOT, OUTBOX = table(RunRow), table(CarRow), table(SnapshotRow), table(OutboxRow)
CONFLICT, JOURNAL, MAPPING = table(ConflictRow), table(JournalRow), table(MappingRow)
RESOLUTION, LOT = table(ResolutionRow), table(LotRow)
LEASE, WATERMARK, PAUSE = table(LeaseRow), table(WatermarkRow), table(PauseRow)
GATE, ALERT, ACCEPTANCE = table(GateRow), table(AlertRow), table(AcceptanceRow)
PAGE = table(PageRow)

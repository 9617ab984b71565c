"""The order of the conflict report: what costs money first. Pure.

A car that could be sold twice, first where the reservation that is to block it is not there; then prices by how far
apart they are, then the oldest; closed rows come last.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final, TypeVar

from stocksync.reports.lots import Lot, Row
from stocksync.reports.report_lines import ReportLine
from stocksync.reports.spelling import from_neutral
from stocksync.stock.reasons import Reason
from stocksync.stock.values import SIDES, Kind
from stocksync.stock.vehicle import RESERVED

_SOLD_TWICE: Final = frozenset(
    {Reason.SOLD_OUTSIDE_OPPORTUNITES, Reason.WRITE_REJECTED, Reason.NOT_DELIVERED, Reason.NOT_KEPT_AS_WRITTEN}
)
"""What, said of a reservation, means that the car is sold already."""

_Row = TypeVar("_Row", bound=Row)
_Place = tuple[bool, int, bool, int, date, int]


def in_order_of_cost(rows: Iterable[_Row]) -> list[_Row]:
    """Sort by what costs money; a lot stands where its most costly member would."""
    return sorted(rows, key=_place)


def _place(row: Row) -> _Place:
    return min(map(_place_of_line, row.members)) if isinstance(row, Lot) else _place_of_line(row)


def _place_of_line(line: ReportLine) -> _Place:
    apart = _cents_apart(line)
    return (line.closed_on is not None, _rank(line), apart is None, -(apart or 0), line.opened_on, line.conflict_id)


def _rank(line: ReportLine) -> int:
    case = line.case
    if case.subject == RESERVED and case.reason in _SOLD_TWICE:
        return 1 if case.reserved else 0
    return 2 if _is_money(line) else 3


def _is_money(line: ReportLine) -> bool:
    attribute = line.vocabulary.get(line.case.subject)
    return attribute is not None and attribute.kind is Kind.MONEY


def _cents_apart(line: ReportLine) -> int | None:
    """How far apart two prices are; None where one cannot be read, or it is about no price."""
    case = line.case
    if not _is_money(line) or any(f"{side}_invalid" in case.details for side in SIDES):
        return None
    attribute = line.vocabulary[case.subject]
    module, dms = (from_neutral(attribute, text) for text in (case.vehicle_module, case.dms))
    return abs(module - dms) if isinstance(module, int) and isinstance(dms, int) else None

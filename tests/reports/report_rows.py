"""Rows of a conflict report to test with: one car's line, and cases that differ in what a test is about."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import stocksync
from stocksync.mapping.load import load_mappings
from stocksync.reports.lots import UNKNOWN_CODE
from stocksync.reports.report_lines import ReportLine
from stocksync.reports.wording import Case
from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category

ROOT = Path(stocksync.__file__).parents[1]
POINT = load_mappings(ROOT / "mappings").points_of_sale["PDV1"]
TODAY = date(2026, 11, 21)
PRICE = Case(Reason.BOTH_CHANGED, Category.CONFLICT, "sale_price", "1250000", "1199900", "1300000", "vehicle_module")
COLOUR = Case(
    Reason.INVALID_VALUE,
    Category.HELD,
    "exterior_colour",
    "black",
    "FUCHSIA",
    None,
    "vehicle_module",
    {"dms_invalid": UNKNOWN_CODE},
)


def line(conflict_id: int = 1, case: Case = PRICE, opened_on: date = date(2026, 11, 19), **others: Any) -> ReportLine:
    """One row about one car."""
    known: dict[str, Any] = {
        "point_of_sale": "PDV1",
        "vin": "WBARLG5UERV738036",
        "registration": "GF-037-XC",
        "police_number": "2026-00059",
        "make_and_model": "BMW Série 1",
        "stage": "sales_stock",
        "today_on": TODAY,
        "vocabulary": POINT.vocabulary,
        "choice_labels": POINT.choice_labels,
        "fingerprint": f"v{conflict_id:016x}",
    }
    return ReportLine(conflict_id=conflict_id, case=case, opened_on=opened_on, **known | others)

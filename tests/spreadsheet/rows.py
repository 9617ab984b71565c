"""A report that holds whatever two systems hold, and what a reviewer types into it with the values that are meant."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from stocksync.reports.conflict_report import COLUMNS
from stocksync.reports.report_lines import ReportLine
from stocksync.reports.wording import Case
from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category
from stocksync.stock.values import Value
from tests.worlds import shipped

POINT = shipped()
HEADER = {column.name: column.fr for column in COLUMNS}
FIRST_ID = 1001


@dataclass(frozen=True)
class Decided:
    """What a reviewer types into a row about an attribute, and the value that is meant."""

    subject: str
    decision: str
    value: str = ""
    means: Value | None = None
    comment: str = ""


TYPED = (
    Decided("sale_price", "valeur", "12500,50", 1250050),
    Decided("sale_price", "VALEUR", "12 500,50 €", 1250050, "l'apostrophe d'abord"),
    Decided("invoiced_sale_price", "valeur", "0,1", 10, '« bien sûr » ; "œuf" à 5 € …'),
    Decided("trade_in_price", "valeur", "12500", 1250000, "deux\nlignes ; la 2e\tavec une tabulation"),
    Decided("mileage", "valeur", "84 500", 84500, "+33 6 12 34 56 78"),
    Decided("mileage", "Valeur", "84500", 84500, "-12"),
    Decided("first_registration_date", "valeur", "14/05/2019", date(2019, 5, 14), "@garage, voir là-bas"),
    Decided("first_registration_date", "valeur", "3 avril 2021", date(2021, 4, 3), "le 03/04"),
    Decided("registration_certificate_date", "valeur", "03/04/2021", date(2021, 4, 3), "'=2+2"),
    Decided("vat_recoverable", "valeur", "oui", True),
    Decided("vat_recoverable", "valeur", "VRAI", True, "FAUX, dit-on"),
    Decided("vat_recoverable", "valeur", "faux", False),
    Decided("version", "valeur", "Gris métallisé", "Gris métallisé", "Émilie, Noël & Cie"),
    Decided("version", "valeur", '1.2 TSI ; "Édition" l\'été', '1.2 TSI ; "Édition" l\'été'),
    Decided("purchase_source", "valeur", "enchères", "auction"),
    Decided("exterior_colour", "valeur", "Gris", "grey"),
    Decided("registration", "valeur", "ga-037-xc", "GA-037-XC"),
    Decided("vin", "valeur", "WBA12E50312E51234", "WBA12E50312E51234"),
    Decided("police_number", "valeur", "2026-00412", "2026-00412"),
    Decided("sale_price", "module", comment="d’accord"),
    Decided("mileage", "dms"),
    Decided("exterior_colour", "ignorer", comment="on verra"),
    Decided("version", "", comment="un commentaire seul"),
)
"""One row each."""

NASTY = (
    "=1+1",
    "+33 6 00 00 00 00",
    "-12",
    "@x",
    "'quoted",
    "  =cmd|' /C calc'!A0",
    "\t-1",
    "＝1+1",
    "Citroën C3 ; « œuvre » à 5 €",
    'dit "le neuf"',
    "deux\nlignes",
    "VRAI",
    "faux",
    "12/05/2019",
    "1 234,50",
    "12E5",
    "1.234",
    "#REF!",
    "{=1}",
    "0012",
    "50 %",
)
"""Texts of two systems that hold anything; they stand in the cells that are only read."""
VINS = ("WBA12E50312E51234", "12345678901234567", "1234567E890123456", "WBARLG5UERV738036")
POLICE_NUMBERS = ("2026-00059", "2026-12", "05-12-2026", "00059", "12E5")


def line(place: int, subject: str) -> ReportLine:
    nasty, other = (NASTY[number % len(NASTY)] for number in (place, place + 1))
    case = Case(Reason.INVALID_VALUE, Category.CONFLICT, subject, nasty, other, None, "shared")
    return ReportLine(
        conflict_id=FIRST_ID + place,
        case=case,
        point_of_sale="PDV1",
        vin=VINS[place % len(VINS)],
        registration=("GF-037-XC", "1234 AB 33")[place % 2],
        police_number=POLICE_NUMBERS[place % len(POLICE_NUMBERS)],
        make_and_model=nasty,
        stage="sales_stock",
        opened_on=date(2026, 11, 1 + place % 21),
        today_on=date(2026, 11, 21),
        vocabulary=POINT.vocabulary,
        choice_labels=POINT.choice_labels,
        fingerprint=f"v{place:015d}e",
    )


PRICES = Case(Reason.BOTH_CHANGED, Category.CONFLICT, "sale_price", "1250000", "-1199900", "1300000", "vehicle_module")
LINES = [line(place, decided.subject) for place, decided in enumerate(TYPED)]
LINES += [line(place, "version") for place in range(len(TYPED), 31)]
LINES += [replace(line(31, "sale_price"), case=PRICES)]
BY_ID = {each.conflict_id: each for each in LINES}

FORMULA_PASTED = FIRST_ID + len(TYPED) + 1
"""A row with a comment that came from elsewhere: a text, although it looks like a formula."""
DELETED = FIRST_ID + 2
"""A row that was filled in, and then taken out of the file."""

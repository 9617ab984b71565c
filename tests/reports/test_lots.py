"""Rows with one cause are one line to decide, and an annex; everything else stays a row of its own."""

import re
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stocksync.mapping.converters import Choice
from stocksync.reports.conflict_report import COLUMNS, annex_lines, cells_of, report_lines
from stocksync.reports.lot_wording import LOT_SENTENCES
from stocksync.reports.lots import UNKNOWN_CODE, Lot, Row, in_lots, lot_fingerprint
from stocksync.reports.report_lines import ReportLine
from stocksync.reports.spelling import Language
from stocksync.reports.wording import Case
from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category
from stocksync.stock.values import Invalid
from tests.reports.report_rows import COLOUR, PRICE, TODAY, line

UNWRITABLE = Case(Reason.CANNOT_WRITE, Category.HELD, "fuel", "hydrogen", "diesel", "diesel", "vehicle_module")
REJECTED = replace(PRICE, reason=Reason.WRITE_REJECTED, details={"message": "Fiche 1234 verrouillée"})
UNOWNED = replace(PRICE, reason=Reason.OWNERSHIP_UNKNOWN, owner=None)
BOTH_WRONG = {"dms_invalid": UNKNOWN_CODE, "vehicle_module_invalid": UNKNOWN_CODE}


def one_lot(*cases: Case) -> Lot:
    (row,) = in_lots([line(number, case) for number, case in enumerate(cases, 1)])
    assert isinstance(row, Lot)
    return row


def cells(row: Row, language: Language = "fr") -> dict[str, str]:
    (shown,) = report_lines([row])
    return {column.name: cell.text for column, cell in zip(COLUMNS, cells_of(shown, language), strict=True)}


# --- what is one cause


def test_a_value_table_says_what_makes_a_lot() -> None:
    said = Choice({"grey": ("GRIS",)}).read("FUCHSIA")
    assert isinstance(said, Invalid)
    assert said.why == UNKNOWN_CODE


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (COLOUR, COLOUR),
        (COLOUR, replace(COLOUR, vehicle_module="white", base="white", owner="dms")),
        (COLOUR, replace(COLOUR, dms=" fuchsia")),
        (replace(COLOUR, details=BOTH_WRONG), replace(COLOUR, details=BOTH_WRONG)),
        (UNWRITABLE, replace(UNWRITABLE, dms="petrol", base=None)),
        (replace(UNWRITABLE, owner="shared"), replace(UNWRITABLE, owner="shared", base=None)),
        (REJECTED, replace(REJECTED, vehicle_module="1", details={"message": "Fiche 98 verrouillée"})),
        (UNOWNED, replace(UNOWNED, vehicle_module="1", dms="2")),
    ],
)
def test_lines_with_the_same_cause_are_a_lot(one: Case, other: Case) -> None:
    assert [member.conflict_id for member in one_lot(one, other).members] == [1, 2]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (PRICE, PRICE),
        (COLOUR, replace(COLOUR, dms="MAUVE")),
        (COLOUR, replace(COLOUR, subject="interior_colour")),
        (COLOUR, replace(COLOUR, details=BOTH_WRONG)),
        (COLOUR, replace(COLOUR, details={**COLOUR.details, "vehicle_module_invalid": "not a text"})),
        (
            replace(COLOUR, details={"dms_invalid": "not a text"}),
            replace(COLOUR, details={"dms_invalid": "not a text"}),
        ),
        (replace(COLOUR, details={}), replace(COLOUR, details={})),
        (replace(COLOUR, dms=None), replace(COLOUR, dms=None)),
        (UNWRITABLE, replace(UNWRITABLE, vehicle_module="lpg")),
        (UNWRITABLE, replace(UNWRITABLE, owner="dms")),
        (replace(UNWRITABLE, vehicle_module=None), replace(UNWRITABLE, vehicle_module=None)),
        (replace(UNWRITABLE, owner="shared"), replace(UNWRITABLE, owner="shared", dms="petrol")),
        (REJECTED, replace(REJECTED, details={"message": "Prix trop bas"})),
        (REJECTED, replace(REJECTED, subject="mileage")),
        (replace(REJECTED, details={}), replace(REJECTED, details={})),
        (UNOWNED, replace(UNOWNED, subject="mileage")),
    ],
)
def test_lines_whose_causes_may_differ_stay_rows_of_their_own(one: Case, other: Case) -> None:
    lines = [line(1, one), line(2, other)]
    assert in_lots(lines) == lines


def test_another_point_of_sale_and_a_closed_row_are_no_part_of_a_lot() -> None:
    lines = [line(1, COLOUR), line(2, COLOUR, point_of_sale="PDV2"), line(3, COLOUR, closed_on=TODAY)]
    assert in_lots(lines) == lines


# --- laws

cases = st.sampled_from([PRICE, COLOUR, replace(COLOUR, dms="MAUVE"), UNWRITABLE, REJECTED, UNOWNED])


@st.composite
def reports(draw: st.DrawFn) -> list[ReportLine]:
    drawn = draw(st.lists(st.tuples(cases, st.sampled_from(["PDV1", "PDV2"]), st.booleans()), max_size=12))
    return [
        line(number, case, point_of_sale=point, closed_on=TODAY if closed and number % 3 == 0 else None)
        for number, (case, point, closed) in enumerate(drawn)
    ]


def fingerprints(rows: list[Row]) -> set[str]:
    return {row.fingerprint for row in rows}


@given(reports())
def test_no_row_is_lost_or_told_twice(lines: list[ReportLine]) -> None:
    rows = in_lots(lines)
    told = [member for row in rows for member in (row.members if isinstance(row, Lot) else [row])]
    assert sorted(member.conflict_id for member in told) == sorted(item.conflict_id for item in lines)
    assert sorted(report.conflict_id for report in report_lines(rows)) == sorted(row.conflict_id for row in rows)
    in_annex = [member.conflict_id for member in annex_lines(rows)]
    assert sorted(in_annex) == sorted(
        member.conflict_id for lot in rows if isinstance(lot, Lot) for member in lot.members
    )


@given(reports(), st.randoms(use_true_random=False))
def test_neither_the_order_of_the_rows_nor_a_filter_makes_other_lots(lines: list[ReportLine], draw: object) -> None:
    """So that a file of one point of sale or kind can be read back without knowing how it was asked for."""
    whole = fingerprints(in_lots(lines))
    shuffled = list(lines)
    draw.shuffle(shuffled)  # type: ignore[attr-defined]
    assert fingerprints(in_lots(shuffled)) == whole
    for kept in (
        [item for item in lines if item.point_of_sale == "PDV1"],
        [item for item in lines if item.case.reason is Reason.INVALID_VALUE],
        [item for item in lines if item.closed_on is None],
    ):
        assert fingerprints(in_lots(kept)) <= whole


@given(st.lists(st.integers(0, 2**64 - 1).map("v{:016x}".format), min_size=2, max_size=6, unique=True))
def test_a_lot_is_named_by_its_members_and_what_each_of_them_said(members: list[str]) -> None:
    name = lot_fingerprint(members)
    assert re.fullmatch("g[0-9a-f]{16}", name)
    assert name == lot_fingerprint(tuple(members))
    others = [members[1:], members[::-1], [*members[:-1], "v0000"], [*members, members[0]]]
    assert name not in {lot_fingerprint(other) for other in others}


# --- the line of a lot


def test_the_line_of_a_lot_tells_what_its_cars_share_and_nothing_else() -> None:
    lot = in_lots(
        [
            line(9, COLOUR, date(2026, 11, 20)),
            line(4, replace(COLOUR, vehicle_module="white"), date(2026, 10, 22), note="Ignoré hier."),
        ]
    )[0]
    told = cells(lot)
    assert "Ignoré hier." not in told.pop("what_happened")
    assert told == {
        "id": "4",
        "kind": "valeur illisible ou impossible",
        "point_of_sale": "PDV1",
        "vin": "2 voitures (annexe)",
        "registration": "",
        "police_number": "",
        "make_and_model": "",
        "stage": "",
        "attribute": "Couleur extérieure",
        "owner": "module véhicules",
        "vehicle_module": "",
        "dms": "FUCHSIA",
        "base": "",
        "since": "22/10/2026",
        "age_days": "30",
        "state": "ouvert",
        "proposed": "module",
        "decision": "",
        "value": "",
        "comment": "",
        "fingerprint": lot_fingerprint([f"v{4:016x}", f"v{9:016x}"]),
    }
    assert cells(lot, "en")["vin"] == "2 cars (annex)"


def test_two_hundred_cars_are_counted() -> None:
    assert cells(one_lot(*[COLOUR] * 214))["vin"] == "214 voitures (annexe)"
    assert cells(one_lot(*[COLOUR] * 1500))["vin"] == "1\u202f500 voitures (annexe)"


def test_nothing_is_proposed_where_the_cars_have_different_owners() -> None:
    told = cells(one_lot(COLOUR, replace(COLOUR, owner="shared")))
    assert (told["owner"], told["proposed"]) == ("", "")


def test_the_annex_has_the_lines_as_a_report_without_lots_has_them() -> None:
    lines = [line(3, COLOUR), line(1, UNOWNED), line(2, COLOUR), line(5, UNOWNED), line(4)]
    rows = in_lots(lines)
    assert [item.conflict_id for item in annex_lines(rows)] == [1, 5, 2, 3]
    assert [item for item in lines if item not in annex_lines(rows)] == [lines[-1]]
    assert [item.conflict_id for item in report_lines(rows)] == [1, 4, 2]


# --- its sentence

LOTS = {
    Reason.INVALID_VALUE: (COLOUR, replace(COLOUR, vehicle_module="white")),
    Reason.CANNOT_WRITE: (UNWRITABLE, replace(UNWRITABLE, dms="petrol")),
    Reason.NOT_DELIVERED: (
        replace(REJECTED, reason=Reason.NOT_DELIVERED),
        replace(REJECTED, reason=Reason.NOT_DELIVERED, details={"message": "Fiche 98 verrouillée"}),
    ),
    Reason.WRITE_REJECTED: (REJECTED, replace(REJECTED, details={"message": "Fiche 98 verrouillée"})),
    Reason.OWNERSHIP_UNKNOWN: (UNOWNED, UNOWNED),
}
ALL_LOTS = [*LOTS.values(), (replace(UNWRITABLE, owner="shared"),) * 2, (replace(COLOUR, details=BOTH_WRONG),) * 2]


def test_every_cause_of_a_lot_has_its_sentence() -> None:
    assert set(LOT_SENTENCES) == set(LOTS)
    assert all(words["fr"] != words["en"] for words in LOT_SENTENCES.values())


FOR_ALL = {
    "fr": "Une décision ici vaut pour toutes\u202f; l'annexe les liste, pour décider plutôt ligne par ligne.",
    "en": "A decision here holds for all of them; the annex lists them, to decide row by row instead.",
}


def is_not_decided_here(alike: tuple[Case, ...]) -> bool:
    return alike[0].reason is Reason.OWNERSHIP_UNKNOWN


@pytest.mark.parametrize("alike", ALL_LOTS)
def test_a_french_sentence_counts_the_cars_says_what_a_decision_does_and_is_set_as_french_is(
    alike: tuple[Case, ...],
) -> None:
    said = cells(one_lot(*alike, alike[0]))["what_happened"]
    assert "3 voitures" in said
    assert said.endswith("L'annexe les liste." if is_not_decided_here(alike) else FOR_ALL["fr"])
    assert not set("{}?") & set(said)
    assert "vide" not in said
    assert not re.search(r" [:;!?»]|« |[^\u00a0]:|[^\u202f\u00a0 ][;!?]", said)


@pytest.mark.parametrize("alike", ALL_LOTS)
def test_an_english_sentence_counts_the_cars_and_says_what_a_decision_does(alike: tuple[Case, ...]) -> None:
    said = cells(one_lot(*alike), "en")["what_happened"]
    assert "2 cars" in said
    assert said.endswith("The annex lists them." if is_not_decided_here(alike) else FOR_ALL["en"])
    assert not set("{}?") & set(said)


@pytest.mark.parametrize(
    ("alike", "told"),
    [
        (LOTS[Reason.INVALID_VALUE], "The DMS's value of “Exterior colour” (“FUCHSIA”) is a code that the value table"),
        (LOTS[Reason.CANNOT_WRITE], "but the DMS does not take the value of the vehicle module (hydrogen)."),
        (LOTS[Reason.WRITE_REJECTED], "was rejected on 2 cars: Fiche … verrouillée."),
        ((REJECTED, REJECTED), "was rejected on 2 cars: Fiche 1234 verrouillée."),
        (LOTS[Reason.OWNERSHIP_UNKNOWN], "On 2 cars, who decides “Sale price” hangs on something unreadable"),
        (ALL_LOTS[-2], "does not take this write (vehicle module: hydrogen; DMS: diesel)."),
        (ALL_LOTS[-1], "The value of both sides of “Exterior colour” (“black”; “FUCHSIA”)"),
    ],
)
def test_the_sentence_of_a_lot_names_its_cause(alike: tuple[Case, ...], told: str) -> None:
    assert told in cells(one_lot(*alike), "en")["what_happened"]

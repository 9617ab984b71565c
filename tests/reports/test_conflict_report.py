"""The conflict report as a file: its columns, its dialect, its order, and cells that are no formulas."""

import csv
import io
import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import stocksync
from stocksync.mapping.load import load_mappings
from stocksync.reports import conflict_report
from stocksync.reports.conflict_report import (
    COLUMNS,
    ReportLine,
    in_order_of_cost,
    report_bytes,
    write_report,
)
from stocksync.reports.escaping import escaped, unescaped
from stocksync.reports.spelling import Language
from stocksync.reports.wording import Case
from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category

ROOT = Path(stocksync.__file__).parents[1]
POINT = load_mappings(ROOT / "mappings").points_of_sale["PDV1"]
TODAY = date(2026, 11, 21)
PRICE = Case(Reason.BOTH_CHANGED, Category.CONFLICT, "sale_price", "1250000", "1199900", "1300000", "vehicle_module")


def line(conflict_id: int = 1, case: Case = PRICE, opened_on: date = date(2026, 11, 19)) -> ReportLine:
    return ReportLine(
        conflict_id=conflict_id,
        case=case,
        point_of_sale="PDV1",
        vin="WBARLG5UERV738036",
        registration="GF-037-XC",
        police_number="2026-00059",
        make_and_model="BMW Série 1",
        stage="sales_stock",
        opened_on=opened_on,
        today_on=TODAY,
        vocabulary=POINT.vocabulary,
        choice_labels=POINT.choice_labels,
    )


def rows(*lines: ReportLine, language: Language = "fr") -> list[dict[str, str]]:
    text = report_bytes(lines, language).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=";", strict=True))


# --- columns


def test_the_columns_are_those_that_the_readme_documents() -> None:
    documented = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    assert [(name, header.strip()) for name, header in documented] == [(c.name, c.fr) for c in COLUMNS]


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_first_row_holds_the_headers_of_the_language(language: Language) -> None:
    first = report_bytes([], language).decode("utf-8-sig").splitlines()[0]
    assert next(csv.reader([first], delimiter=";")) == [column.header(language) for column in COLUMNS]


def test_no_two_columns_share_a_header() -> None:
    assert len({c.fr for c in COLUMNS}) == len({c.en for c in COLUMNS}) == len({c.name for c in COLUMNS})


def test_a_line_is_spelled_for_a_french_spreadsheet() -> None:
    row = rows(line())[0]
    assert row["Valeur module véhicules"] == "12500,00"
    assert row["Valeur DMS"] == "11999,00"
    assert row["Dernière valeur commune"] == "13000,00"
    assert row["Donnée"] == "Prix de vente"
    assert row["Statut"] == "stock de vente"
    assert row["Qui décide"] == "module véhicules"
    assert (row["Depuis le"], row["Âge (jours)"]) == ("19/11/2026", "2")
    assert row["Décision proposée"] == "module"
    assert "13\u202f000,00\u00a0€" in row["Ce qui s'est passé"]


def test_the_dialect_is_semicolons_byte_order_mark_and_crlf() -> None:
    raw = report_bytes([line()], "fr")
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.endswith(b"\r\n")
    assert raw.count(b"\n") == raw.count(b"\r\n") == 2


def test_a_person_is_named_where_a_person_decides() -> None:
    buyer = Case(Reason.FIRST_CONTACT, Category.WRITTEN, "trade_in_buyer", "N. Garcia", "V. Dubois", None, "dms")
    row = rows(line(case=buyer))[0]
    assert (row["Valeur module véhicules"], row["Valeur DMS"]) == ("N. Garcia", "V. Dubois")


def test_a_closed_row_is_marked_with_the_day_and_the_reason() -> None:
    closed = replace(line(), closed_on=TODAY, closed_because="settled")
    assert [row["État"] for row in rows(line(), closed)] == [
        "ouvert",
        "clos le 21/11/2026 (réglé par une écriture)",
    ]
    assert closed.proposed == ""
    assert closed.state("en") == "closed on 21/11/2026 (settled by a write)"


# --- what is proposed


@pytest.mark.parametrize(
    ("case", "proposed"),
    [
        (PRICE, "module"),
        (replace(PRICE, owner="dms"), "dms"),
        (replace(PRICE, owner="shared"), ""),
        (replace(PRICE, reason=Reason.POLICE_NUMBER_CHANGED), ""),
        (replace(PRICE, reason=Reason.BLANKED), ""),
        (replace(PRICE, reason=Reason.INVALID_VALUE, details={"dms_invalid": "not a number"}), "module"),
        (replace(PRICE, reason=Reason.INVALID_VALUE, details={"vehicle_module_invalid": "not a number"}), ""),
    ],
)
def test_a_side_is_proposed_where_one_side_owns_and_a_choice_of_side_settles_it(case: Case, proposed: str) -> None:
    assert line(case=case).proposed == proposed


# --- fingerprint


def test_the_fingerprint_names_the_row_and_the_values_that_were_seen() -> None:
    seen = line()
    others = [
        line(conflict_id=2),
        line(case=replace(PRICE, vehicle_module="1250001")),
        line(case=replace(PRICE, dms=None)),
        line(case=replace(PRICE, base=None)),
        line(case=replace(PRICE, vehicle_module="1199900", dms="1250000")),
    ]
    assert len({seen.fingerprint, *(other.fingerprint for other in others)}) == len(others) + 1
    assert seen.fingerprint == line(opened_on=TODAY).fingerprint
    assert re.fullmatch(r"v[0-9a-f]{16}", seen.fingerprint)


# --- order


def test_a_car_that_could_be_sold_twice_comes_first_then_prices_then_the_oldest() -> None:
    mileage = replace(PRICE, subject="mileage", vehicle_module="1", dms="2", base="3")
    sold = replace(PRICE, reason=Reason.SOLD_OUTSIDE_OPPORTUNITES, subject="reserved", vehicle_module=None, dms=None)
    lines = [
        line(1, mileage, date(2026, 11, 1)),
        line(2, PRICE, date(2026, 11, 20)),
        line(3, mileage, date(2026, 10, 1)),
        line(4, PRICE, date(2026, 11, 10)),
        line(5, sold, TODAY),
        replace(line(6, sold, TODAY), closed_on=TODAY),
    ]
    assert [item.conflict_id for item in in_order_of_cost(lines)] == [5, 4, 2, 3, 1, 6]


# --- formulas

texts = st.text(alphabet=st.one_of(st.sampled_from("=+-@\t\r\n'\0 \u00a0＝＋－＠;\"a1"), st.characters(codec="utf-8")))


@given(texts)
@example("=1+1")
@example("'quoted")
@example("  @cmd")
@example("+33 6 00 00 00 00")
def test_escaping_is_undone_exactly(text: str) -> None:
    assert unescaped(escaped(text)) == text


@given(texts)
def test_no_escaped_text_can_be_a_formula(text: str) -> None:
    shown = escaped(text).lstrip()
    assert not shown.startswith(tuple("=+-@\t\r\n＝＋－＠"))


@given(texts, texts)
def test_two_texts_are_never_escaped_alike(one: str, other: str) -> None:
    assert (escaped(one) == escaped(other)) == (one == other)


@given(texts.filter(bool))
def test_a_text_that_somebody_typed_survives_the_file(typed: str) -> None:
    wrong = replace(PRICE, reason=Reason.INVALID_VALUE, subject="version", vehicle_module=typed)
    assert unescaped(rows(line(case=wrong))[0]["Valeur module véhicules"]) == typed


def test_a_negative_number_of_ours_stays_a_number() -> None:
    assert rows(line(case=replace(PRICE, dms="-500")))[0]["Valeur DMS"] == "-5,00"


# --- writing


def test_the_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "report.csv"
    file.write_text("the former one")
    write_report(file, [line()], "fr")
    assert file.read_bytes() == report_bytes([line()], "fr")
    assert list(tmp_path.iterdir()) == [file]


def test_a_fault_while_writing_leaves_the_former_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "report.csv"
    file.write_text("the former one")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(conflict_report.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_report(file, [line()], "fr")
    assert file.read_text() == "the former one"
    assert list(tmp_path.iterdir()) == [file]

"""The conflict report as CSV: its columns, its dialect, its order, and cells that are no formulas."""

import csv
import io
import re
import stat
from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stocksync.reports import files
from stocksync.reports.conflict_report import COLUMNS, LONGEST_TEXT, Filling, annex_bytes, cells_of, report_bytes
from stocksync.reports.cost import in_order_of_cost
from stocksync.reports.escaping import escaped, unescaped
from stocksync.reports.files import write_atomically
from stocksync.reports.lots import Row, in_lots
from stocksync.reports.report_files import annex_of, format_of, write_report
from stocksync.reports.report_lines import ReportLine
from stocksync.reports.spelling import Language
from stocksync.reports.wording import Case
from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category
from tests.reports.report_rows import COLOUR, POINT, PRICE, ROOT, TODAY, line


def read(content: bytes) -> list[dict[str, str]]:
    text = content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=";", strict=True))


def rows(*lines: Row, language: Language = "fr") -> list[dict[str, str]]:
    return read(report_bytes(lines, language))


# --- columns


def test_the_columns_are_those_that_the_readme_documents() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    section = readme.partition("## The conflict report")[2].partition("\n## ")[0]
    documented = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", section, re.MULTILINE)
    assert [(name, header.strip()) for name, header in documented] == [(c.name, c.fr) for c in COLUMNS]


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_first_row_holds_the_headers_of_the_language(language: Language) -> None:
    first = report_bytes([], language).decode("utf-8-sig").splitlines()[0]
    assert next(csv.reader([first], delimiter=";")) == [column.header(language) for column in COLUMNS]


def test_no_two_columns_share_a_header() -> None:
    assert len({c.fr for c in COLUMNS}) == len({c.en for c in COLUMNS}) == len({c.name for c in COLUMNS})


def test_every_column_is_spelled_for_a_french_spreadsheet() -> None:
    cells = dict(zip((column.name for column in COLUMNS), rows(line(7))[0].values(), strict=True))
    assert "13\u202f000,00\u00a0€" in cells.pop("what_happened")
    assert cells == {
        "id": "7",
        "kind": "modifié des deux côtés",
        "point_of_sale": "PDV1",
        "vin": "WBARLG5UERV738036",
        "registration": "GF-037-XC",
        "police_number": "2026-00059",
        "make_and_model": "BMW Série 1",
        "stage": "stock de vente",
        "attribute": "Prix de vente",
        "owner": "module véhicules",
        "vehicle_module": "12500,00",
        "dms": "11999,00",
        "base": "13000,00",
        "since": "19/11/2026",
        "age_days": "2",
        "state": "ouvert",
        "proposed": "module",
        "decision": "",
        "value": "",
        "comment": "",
        "fingerprint": "v0000000000000007",
    }


def test_the_report_can_be_had_in_english() -> None:
    row = rows(line(), language="en")[0]
    assert (row["Kind"], row["Stage"], row["Attribute"]) == ("changed on both sides", "sales stock", "Sale price")
    assert (row["Owner"], row["State"], row["DMS's value"]) == ("vehicle module", "open", "11999,00")
    assert row["What happened"].endswith("Choose module, dms or value in the report's Decision column.")


def test_the_dialect_is_semicolons_byte_order_mark_and_crlf() -> None:
    raw = report_bytes([line()], "fr")
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.endswith(b"\r\n")
    assert raw.count(b"\n") == raw.count(b"\r\n") == 2


def test_every_cell_stands_in_quotation_marks_so_that_no_other_separator_splits_it() -> None:
    raw = report_bytes([line()], "fr").decode("utf-8-sig")
    assert next(csv.reader([raw.splitlines()[1]], delimiter=";")) == list(rows(line())[0].values())
    assert all(cell.startswith('"') and cell.endswith('"') for cell in raw.splitlines()[1].split(";"))
    assert '"12500,00"' in raw


def test_a_person_is_named_where_a_person_decides() -> None:
    buyer = Case(Reason.FIRST_CONTACT, Category.WRITTEN, "trade_in_buyer", "N. Garcia", "V. Dubois", None, "dms")
    row = rows(line(case=buyer))[0]
    assert (row["Valeur module véhicules"], row["Valeur DMS"]) == ("N. Garcia", "V. Dubois")


def test_a_closed_row_is_marked_with_the_day_and_the_reason() -> None:
    closed = line(closed_on=TODAY, closed_because="settled")
    assert [row["État"] for row in rows(line(), closed)] == [
        "ouvert",
        "clos le 21/11/2026 (réglé par une écriture)",
    ]
    assert closed.proposed == ""
    assert closed.state("en") == "closed on 21/11/2026 (settled by a write)"


def test_what_was_decided_before_is_told_after_what_happened() -> None:
    plain, noted = rows(line()), rows(line(note="Ignoré par Paul le 01/11/2026."))
    header = "Ce qui s'est passé"
    assert noted[0][header] == f"{plain[0][header]} Ignoré par Paul le 01/11/2026."


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


# --- order

MILEAGE = replace(PRICE, subject="mileage", vehicle_module="1", dms="2", base="3")
SOLD = replace(PRICE, reason=Reason.SOLD_OUTSIDE_OPPORTUNITES, subject="reserved", vehicle_module=None, dms=None)
RESERVED = replace(SOLD, reason=Reason.WRITE_REJECTED)


def test_lines_that_have_much_in_common_are_each_told_as_if_alone() -> None:
    colour = replace(POINT.vocabulary["exterior_colour"], label_fr="Teinte")
    other_words = dict(POINT.vocabulary) | {"exterior_colour": colour}
    of_case: dict[str, Any] = {
        "reason": Reason.IMPLAUSIBLE_JUMP,
        "category": Category.WRITTEN,
        "subject": "purchase_price",
        "vehicle_module": "1",
        "dms": None,
        "base": "2",
        "owner": "dms",
        "details": {"vehicle_module_invalid": "not a number"},
        "tie_break": "highest",
        "never_in_dms": True,
        "reserved": True,
        "choices": frozenset({"dms"}),
        "closed": True,
    }
    of_line: dict[str, Any] = {
        "point_of_sale": "PDV2",
        "vin": None,
        "registration": "AA-001-AA",
        "police_number": "7",
        "make_and_model": "Audi A4",
        "stage": "delivered",
        "opened_on": date(2026, 1, 2),
        "today_on": date(2026, 12, 1),
        "vocabulary": other_words,
        "choice_labels": {},
        "fingerprint": "v0",
        "closed_on": date(2026, 11, 20),
        "closed_because": "settled",
        "note": "Déjà dit.",
        "cars": 2,
        "ignored": True,
        "decidable": frozenset(),
    }
    assert of_case.keys() == {part.name for part in fields(Case)}
    assert of_line.keys() | {"conflict_id", "case"} == {part.name for part in fields(ReportLine)}
    lines = [line(), line(2), line(3, COLOUR), line(3, COLOUR, closed_on=date(2026, 11, 20))]
    lines += [line(4, replace(PRICE, **{name: value})) for name, value in of_case.items()]
    lines += [replace(line(5, COLOUR), **{name: value}) for name, value in of_line.items()]
    lines += [replace(lines[3], closed_because=why) for why in ("settled", "exit")]
    told_of_some: tuple[tuple[Case, str, Any], ...] = (
        (replace(PRICE, reason=Reason.FIRST_CONTACT), "category", Category.WRITTEN),
        (
            replace(PRICE, reason=Reason.REFUSED_CHANGE, owner="shared", details={"refused": "dms"}),
            "tie_break",
            "highest",
        ),
        (replace(PRICE, reason=Reason.MISSING_IN_DMS), "never_in_dms", True),
        (replace(PRICE, reason=Reason.SOLD_OUTSIDE_OPPORTUNITES), "reserved", True),
    )
    for case, name, value in told_of_some:
        lines += [line(6, case), line(6, replace(case, **{name: value}))]
    together = Filling("fr").cells
    for each in (*lines, *lines):
        for cell, alone in zip(together(each), cells_of(each, "fr"), strict=True):
            assert (cell, cell.exact) == (alone, alone.exact), each


def order(*lines: Row) -> list[int]:
    return [row.conflict_id for row in in_order_of_cost(lines)]


def test_a_car_that_could_be_sold_twice_comes_first_then_prices_then_the_oldest_and_closed_rows_last() -> None:
    lines = [
        line(1, MILEAGE, date(2026, 11, 1)),
        line(2, PRICE, date(2026, 11, 20)),
        line(3, MILEAGE, date(2026, 10, 1)),
        line(4, PRICE, date(2026, 11, 10)),
        line(5, SOLD, TODAY),
        line(6, SOLD, TODAY, closed_on=TODAY),
    ]
    assert order(*lines) == [5, 4, 2, 3, 1, 6]


@pytest.mark.parametrize(
    "case",
    [
        SOLD,
        replace(SOLD, reserved=False),
        replace(SOLD, reserved=True),
        RESERVED,
        replace(RESERVED, reason=Reason.NOT_KEPT_AS_WRITTEN),
    ],
)
def test_whatever_leaves_a_sold_car_unreserved_is_a_risk_of_selling_it_twice(case: Case) -> None:
    far_apart = replace(PRICE, vehicle_module="9000000", dms="1")
    assert order(line(1, far_apart, date(2025, 1, 1)), line(2, case, TODAY)) == [2, 1]


def test_a_sold_car_that_is_not_blocked_comes_before_one_that_is() -> None:
    blocked, older = replace(SOLD, reserved=True), date(2025, 1, 1)
    lines = [
        line(1, blocked, older),
        line(2, replace(SOLD, reserved=False)),
        line(3, replace(RESERVED, reserved=False)),
    ]
    assert order(*lines) == [2, 3, 1]


def test_a_write_that_was_rejected_elsewhere_is_no_such_risk() -> None:
    assert order(line(1), line(2, replace(RESERVED, subject="mileage"), date(2025, 1, 1))) == [1, 2]


def test_prices_come_by_how_far_apart_they_are_and_those_that_cannot_be_compared_after_them() -> None:
    blank = replace(PRICE, dms=None)
    unread = replace(PRICE, dms="1", details={"dms_invalid": "not an amount in euros and cents"})
    lines = [
        line(1, unread, date(2024, 1, 1)),
        line(2, blank, date(2025, 1, 1)),
        line(3, replace(PRICE, dms="1249999"), date(2025, 1, 1)),
        line(4, replace(PRICE, vehicle_module="1", dms="2000000"), TODAY),
        line(5, replace(PRICE, vehicle_module="1300000", dms="1"), TODAY),
    ]
    assert order(*lines) == [4, 5, 3, 1, 2]


def test_a_lot_stands_where_its_most_costly_member_would() -> None:
    refused = replace(PRICE, reason=Reason.WRITE_REJECTED, details={"message": "verrouillé"})
    near, far = replace(refused, dms="1249000"), replace(refused, dms="1")
    lot = in_lots([line(1, near), line(2, far)])
    between = line(3, replace(PRICE, dms="1000000"))
    assert order(between, *lot) == [1, 3]
    assert order(between, line(1, near)) == [3, 1]


@given(
    st.lists(
        st.sampled_from([PRICE, MILEAGE, SOLD, replace(PRICE, dms=None), replace(PRICE, dms="5")]),
        min_size=1,
        max_size=8,
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_is_that_of_the_rows_and_not_that_in_which_they_came(cases: list[Case], draw: object) -> None:
    lines = [line(number, case) for number, case in enumerate(cases)]
    shuffled = list(lines)
    draw.shuffle(shuffled)  # type: ignore[attr-defined]
    assert order(*shuffled) == order(*lines)


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


def typed_by_somebody(text: str) -> str:
    """What a cell holds of a text that a side's value cannot be read from."""
    wrong = replace(PRICE, reason=Reason.INVALID_VALUE, subject="version", vehicle_module=text)
    return unescaped(rows(line(case=wrong))[0]["Valeur module véhicules"])


@given(texts.filter(bool))
def test_a_text_that_somebody_typed_survives_the_file(typed: str) -> None:
    assert typed_by_somebody(typed) == re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]", "\ufffd", typed)


@pytest.mark.parametrize("character", ["\0", "\x1a", "\x1b", "\ud800", "\uffff"])
def test_a_character_that_no_spreadsheet_can_hold_is_shown_as_one_that_is_missing(character: str) -> None:
    assert typed_by_somebody(f"a{character}b") == "a\ufffdb"


def test_a_text_longer_than_a_cell_holds_is_cut() -> None:
    assert typed_by_somebody("é" * LONGEST_TEXT) == "é" * LONGEST_TEXT
    assert typed_by_somebody("é" * (LONGEST_TEXT + 1)) == "é" * (LONGEST_TEXT - 1) + "…"


def test_a_negative_number_of_ours_stays_a_number() -> None:
    assert rows(line(case=replace(PRICE, dms="-500")))[0]["Valeur DMS"] == "-5,00"


# --- files


def rows_with_a_lot() -> list[Row]:
    return in_lots([line(1, COLOUR), line(2), line(3, COLOUR)])


def test_the_annex_stands_beside_the_report_and_both_have_the_same_columns(tmp_path: Path) -> None:
    file = tmp_path / "conflits.csv"
    written = write_report(file, rows_with_a_lot(), "fr", "csv")
    assert (written.rows, written.annex_rows, written.annex) == (2, 2, tmp_path / "conflits-annexe.csv")
    report, annex = read(file.read_bytes()), read((tmp_path / "conflits-annexe.csv").read_bytes())
    assert [row["N° de conflit"] for row in report] == ["2", "1"]
    assert [row["N° de conflit"] for row in annex] == ["1", "3"]
    assert list(report[0]) == list(annex[0])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["conflits-annexe.csv", "conflits.csv"]


def test_without_a_lot_no_annex_is_written_and_one_of_before_keeps_its_headers_only(tmp_path: Path) -> None:
    file, annex = tmp_path / "report.csv", tmp_path / "report-annex.csv"
    write_report(file, [line()], "en", "csv")
    assert not annex.exists()
    write_report(file, rows_with_a_lot(), "en", "csv")
    assert len(read(annex.read_bytes())) == 2
    assert write_report(file, [line()], "en", "csv").annex is None
    assert annex.read_bytes() == annex_bytes([], "en") == report_bytes([], "en")


@pytest.mark.parametrize("name", ["report.csv", "report.xlsx"])
def test_a_report_that_stands_there_already_is_left_alone_where_that_is_asked(tmp_path: Path, name: str) -> None:
    file = tmp_path / name

    def write(rows: list[Row], *, only_if_changed: bool) -> bool:
        return write_report(file, rows, "fr", format_of(file), only_if_changed=only_if_changed).changed

    assert write(rows_with_a_lot(), only_if_changed=True)
    inodes = {path: path.stat().st_ino for path in tmp_path.iterdir()}
    assert not write(rows_with_a_lot(), only_if_changed=True)
    assert {path: path.stat().st_ino for path in tmp_path.iterdir()} == inodes
    assert write(rows_with_a_lot(), only_if_changed=False)
    assert write([line(2)], only_if_changed=True)
    assert not write([line(2)], only_if_changed=True)


def test_a_workbook_holds_its_annex_itself(tmp_path: Path) -> None:
    file = tmp_path / "report.xlsx"
    written = write_report(file, rows_with_a_lot(), "fr", "xlsx")
    assert (written.rows, written.annex_rows, written.annex) == (2, 2, None)
    assert file.read_bytes().startswith(b"PK")
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("name", "format_", "annex"),
    [
        ("a.csv", "csv", "a-annexe.csv"),
        ("a.b.XLSX", "xlsx", "a.b-annexe.csv"),
        ("a.txt", "csv", "a-annexe.csv"),
        ("a", "csv", "a-annexe.csv"),
    ],
)
def test_the_name_of_a_file_tells_its_format_and_its_annex(name: str, format_: str, annex: str) -> None:
    assert format_of(Path("f") / name) == format_
    assert annex_of(Path("f") / name, "fr") == Path("f") / annex


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "report.csv"
    file.write_text("the former one")
    write_atomically(file, b"the new one")
    assert file.read_bytes() == b"the new one"
    assert list(tmp_path.iterdir()) == [file]


def test_a_fault_while_writing_leaves_the_former_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "report.csv"
    file.write_text("the former one")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_report(file, [line()], "fr", "csv")
    assert file.read_text() == "the former one"
    assert list(tmp_path.iterdir()) == [file]


def test_a_drive_that_cannot_flush_a_folder_takes_the_file_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flush, flushed = files.os.fsync, []

    def flush_files_only(handle: int) -> None:
        flushed.append(stat.S_ISDIR(files.os.fstat(handle).st_mode))
        if flushed[-1]:
            raise OSError(22, "Invalid argument")
        flush(handle)

    monkeypatch.setattr(files.os, "fsync", flush_files_only)
    write_atomically(tmp_path / "report.csv", b"new")
    assert flushed == [False, True]
    assert (tmp_path / "report.csv").read_bytes() == b"new"


def test_the_umask_says_who_may_read_the_file(tmp_path: Path) -> None:
    before = files.os.umask(0o077)
    try:
        write_atomically(tmp_path / "report.csv", b"new")
    finally:
        files.os.umask(before)
    assert (tmp_path / "report.csv").stat().st_mode & 0o777 == 0o600

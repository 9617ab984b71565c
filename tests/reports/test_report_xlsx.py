"""The conflict report as a workbook, read back as a spreadsheet reads it."""

import io
import re
import zipfile
from dataclasses import replace
from datetime import date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.cell import Cell
from openpyxl.worksheet.worksheet import Worksheet

from stocksync.reports.conflict_report import COLUMNS, cells_of
from stocksync.reports.escaping import unescaped
from stocksync.reports.lots import Row, in_lots
from stocksync.reports.report_xlsx import DECISIONS, FILLED_IN, WIDTHS, workbook_bytes
from stocksync.reports.spelling import Language
from stocksync.stock.resolution import Choice
from tests.reports.report_rows import COLOUR, PRICE, TODAY, line

NAMES = [column.name for column in COLUMNS]
LETTERS = {name: chr(ord("A") + place) for place, name in enumerate(NAMES)}
HOSTILE = ["=1+1", '=HYPERLINK("http://a")', "+33 6", "-12", "@x", "'quoted", "\t=1", "#N/A", "#REF!", "1E5", "TRUE"]


def opened(*rows: Row, language: Language = "fr") -> Workbook:
    return load_workbook(io.BytesIO(workbook_bytes(rows, language)))


def first_sheet(*rows: Row, language: Language = "fr") -> Worksheet:
    sheet = opened(*rows, language=language).worksheets[0]
    assert isinstance(sheet, Worksheet)
    return sheet


def row_of(sheet: Worksheet, number: int = 2) -> dict[str, Cell]:
    return dict(zip(NAMES, sheet[number], strict=True))


@pytest.fixture(scope="module")
def sheet() -> Worksheet:
    return first_sheet(line(1, opened_on=date(2026, 5, 14)), line(2, replace(PRICE, subject="mileage", dms="84500")))


# --- what stands in it


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_first_row_holds_the_headers_of_the_language(language: Language) -> None:
    headers = [cell.value for cell in first_sheet(line(), language=language)[1]]
    assert headers == [column.header(language) for column in COLUMNS]


def test_every_column_says_what_the_csv_says(sheet: Worksheet) -> None:
    texts = dict(zip(NAMES, (cell.text for cell in cells_of(line(1, opened_on=date(2026, 5, 14)), "fr")), strict=True))
    typed = {"id": 1, "vehicle_module": 12500, "dms": 11999, "base": 13000, "age_days": 191}
    typed["since"] = datetime(2026, 5, 14)
    assert {name: cell.value for name, cell in row_of(sheet).items()} == {
        name: typed.get(name, text or None) for name, text in texts.items()
    }


@pytest.mark.parametrize(
    ("row", "column", "value", "number_format"),
    [
        (2, "id", 1, "0"),
        (2, "age_days", 191, "#,##0"),
        (2, "vehicle_module", 12500, "#,##0.00"),
        (3, "dms", 84500, "#,##0"),
        (2, "since", datetime(2026, 5, 14), "dd/mm/yyyy"),
    ],
)
def test_numbers_and_dates_are_real_ones(
    sheet: Worksheet, row: int, column: str, value: object, number_format: str
) -> None:
    cell = row_of(sheet, row)[column]
    assert (cell.value, cell.number_format) == (value, number_format)
    assert cell.data_type == ("d" if column == "since" else "n")


@given(st.integers(min_value=-(10**14), max_value=10**14))
@settings(max_examples=settings().max_examples // 4)
def test_no_cent_is_lost(cents: int) -> None:
    cell = row_of(first_sheet(line(case=replace(PRICE, dms=str(cents)))))["dms"]
    assert round(cell.value * 100) == cents


@pytest.mark.parametrize(
    ("subject", "text", "shown"),
    [
        ("sale_price", str(10**17), "1000000000000000,00"),
        ("mileage", str(10**16), str(10**16)),
        ("first_registration_date", "1899-12-31", "31/12/1899"),
        ("first_registration_date", "0001-01-01", "01/01/0001"),
        ("sale_price", "12o", "12o"),
    ],
)
def test_what_no_workbook_holds_exactly_stays_a_text(subject: str, text: str, shown: str) -> None:
    cell = row_of(first_sheet(line(case=replace(PRICE, subject=subject, dms=text))))["dms"]
    assert (cell.data_type, cell.value) == ("s", shown)


# --- hostile cells


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_is_stored_as_a_text_escaped_as_in_the_csv(text: str) -> None:
    case = replace(PRICE, subject="version", vehicle_module=text, dms=text)
    cells = row_of(first_sheet(line(case=case, vin=text, make_and_model=text)))
    for name in ("vin", "make_and_model", "vehicle_module", "dms"):
        assert cells[name].data_type == "s"
        assert unescaped(cells[name].value) == text
        assert not cells[name].value.startswith(tuple("=+-@\t"))


def test_no_cell_of_a_hostile_report_is_a_formula_or_an_error() -> None:
    case = replace(PRICE, subject="version", vehicle_module="=1", dms="#DIV/0!", base="=2")
    book = opened(*in_lots([line(1, case, vin="=1"), line(2, COLOUR, vin="=2"), line(3, COLOUR, vin="#N/A")]))
    types = {cell.data_type for sheet in book.worksheets for row in sheet.iter_rows() for cell in row}
    assert types == {"s", "n", "d"}


@given(st.text(alphabet=st.one_of(st.sampled_from("_x003DAF\0\x1a\r\n\x85'="), st.characters()), min_size=1))
@settings(max_examples=settings().max_examples // 2)
def test_any_text_makes_a_workbook_that_opens(text: str) -> None:
    cell = row_of(first_sheet(line(case=replace(PRICE, subject="version", dms=text))))["dms"]
    assert cell.data_type == "s"
    assert len(unescaped(cell.value)) >= 1


def test_a_control_character_is_shown_as_one_that_is_missing() -> None:
    cell = row_of(first_sheet(line(vin="a\0b\x1ac\ud800d\uffff")))["vin"]
    assert cell.value == "a\ufffdb\ufffdc\ufffdd\ufffd"


def test_no_spelling_of_the_format_becomes_a_formula_when_the_file_is_saved_as_csv() -> None:
    """A program that knows the format reads `_x003D_` as `=`."""
    stored = row_of(first_sheet(line(vin="_x003D_1+1 _x003d_x0041_")))["vin"].value
    read = re.sub("_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), stored)
    assert read == "_x003D_1+1 _x003d_x0041_"


# --- how it is decided in


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_decision_is_chosen_from_a_list_in_the_reader_s_language(language: Language) -> None:
    shown = first_sheet(line(1), line(2), line(3), language=language)
    (validation,) = shown.data_validations.dataValidation
    assert validation.type == "list"
    assert validation.formula1 == f'"{",".join(DECISIONS[language])}"'
    assert str(validation.sqref) == f"{LETTERS['decision']}2:{LETTERS['decision']}4"
    assert (validation.showErrorMessage, validation.allowBlank, validation.showDropDown) == (True, True, False)
    assert all(word in validation.error for word in DECISIONS[language])


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_choice_but_taking_back_is_in_the_list(language: Language) -> None:
    assert len(DECISIONS[language]) == len(set(Choice) - {Choice.UNDO})
    assert all(word in COLUMNS[NAMES.index("decision")].header(language) for word in DECISIONS[language])


def test_only_what_a_reviewer_fills_in_can_be_edited(sheet: Worksheet) -> None:
    assert sheet.protection.sheet
    assert not sheet.protection.password
    unlocked = {cell.coordinate for row in sheet.iter_rows() for cell in row if not cell.protection.locked}
    assert unlocked == {f"{LETTERS[name]}{row}" for name in FILLED_IN for row in (2, 3)}


def test_the_protection_leaves_columns_rows_sorting_and_filters_to_the_reader(sheet: Worksheet) -> None:
    # True is what the file says of what is forbidden.
    allowed = ("formatColumns", "formatRows", "sort", "autoFilter", "selectLockedCells", "selectUnlockedCells")
    assert not any(getattr(sheet.protection, name) for name in allowed)
    assert sheet.protection.deleteRows
    assert sheet.protection.insertColumns


def test_what_is_typed_stays_what_was_typed(sheet: Worksheet) -> None:
    cells = row_of(sheet)
    assert {cells[name].number_format for name in FILLED_IN} == {"@"}
    assert {cells[name].value for name in FILLED_IN} == {None}


def test_the_headers_and_the_name_of_the_car_stay_in_sight(sheet: Worksheet) -> None:
    assert sheet.freeze_panes == "E2"
    assert NAMES[:4] == ["id", "kind", "point_of_sale", "vin"]
    assert all(cell.font.bold for cell in sheet[1])
    assert not any(cell.font.bold for cell in sheet[2])
    assert sheet.auto_filter.ref == f"A1:{LETTERS['fingerprint']}3"


def test_every_column_has_a_width_and_the_sentence_is_wrapped(sheet: Worksheet) -> None:
    assert list(WIDTHS) == NAMES
    assert {name: sheet.column_dimensions[LETTERS[name]].width for name in NAMES} == dict(WIDTHS)
    cells = row_of(sheet)
    assert cells["what_happened"].alignment.wrap_text
    assert not cells["kind"].alignment.wrap_text


def test_it_prints_on_the_width_of_a_page_with_the_headers_on_each(sheet: Worksheet) -> None:
    assert sheet.page_setup.orientation == "landscape"
    assert (sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (1, 0)
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert sheet.print_title_rows == "$1:$1"


# --- the annex


@pytest.mark.parametrize(("language", "titles"), [("fr", ["Rapport", "Annexe"]), ("en", ["Report", "Annex"])])
def test_the_annex_is_the_second_sheet_and_is_decided_in_like_the_first(language: Language, titles: list[str]) -> None:
    book = opened(*in_lots([line(1, COLOUR), line(2), line(3, COLOUR)]), language=language)
    assert book.sheetnames == titles
    report, annex = book.worksheets
    assert [row[0].value for row in report.iter_rows(min_row=2)] == [2, 1]
    assert [row[0].value for row in annex.iter_rows(min_row=2)] == [1, 3]
    assert [cell.value for cell in report[1]] == [cell.value for cell in annex[1]]
    assert annex.protection.sheet
    assert str(annex.data_validations.dataValidation[0].sqref) == f"{LETTERS['decision']}2:{LETTERS['decision']}3"


def test_without_a_lot_there_is_one_sheet_and_without_a_row_there_are_headers() -> None:
    assert opened(line()).sheetnames == ["Rapport"]
    assert [len(row) for row in opened().worksheets[0].iter_rows()] == [len(COLUMNS)]


# --- bytes


def test_equal_rows_make_equal_bytes_whenever_they_are_written() -> None:
    content = workbook_bytes([line(1), line(2)], "fr")
    assert content == workbook_bytes([line(2), line(1)], "fr")
    assert content != workbook_bytes([line(1), line(2, opened_on=TODAY)], "fr")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.testzip() is None
        assert str(TODAY.year) not in archive.read("docProps/core.xml").decode()

"""The report survives LibreOffice itself: opened as a French user does, filled in, saved in every way, read back.

Not here: what other spreadsheets do to it, which the tests of the reports simulate.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from stocksync.reports.cell_problem import CellProblem
from stocksync.reports.conflict_report import COLUMNS, report_bytes, report_lines
from stocksync.reports.escaping import unescaped
from stocksync.reports.lots import Row, lot_of
from stocksync.reports.report_xlsx import workbook_bytes
from stocksync.reports.returned_file import Returned, ReturnedRow, read_returned
from stocksync.reports.typed_values import typed_value
from stocksync.stock.values import Value
from tests.spreadsheet.libreoffice import (
    CP1252,
    UTF_8,
    WORKBOOK,
    LibreOffice,
    NoOffice,
    Office,
    Sitting,
    Step,
    Way,
    find_office,
    opened_csv,
    pasted,
    running,
    saved_csv,
    typed,
)
from tests.spreadsheet.rows import BY_ID, DELETED, FIRST_ID, FORMULA_PASTED, HEADER, LINES, POINT, TYPED, line

OPENED: Mapping[str, Way] = {
    "csv-special-numbers": opened_csv(detect_special_numbers=True),
    "csv-plain": opened_csv(detect_special_numbers=False),
    "xlsx": WORKBOOK,
}
SAVED: Mapping[str, Way] = {
    "cp1252": saved_csv(";", CP1252),
    "cp1252-as-edited": saved_csv(";", CP1252, as_shown=False),
    "cp1252-quoted": saved_csv(";", CP1252, quote_all=True),
    "utf8": saved_csv(";", UTF_8),
    "utf8-commas": saved_csv(",", UTF_8),
    "utf8-as-edited": saved_csv(";", UTF_8, as_shown=False),
    "utf8-tabs-as-edited": saved_csv("\t", UTF_8, as_shown=False, quote_all=True),
    "xlsx": WORKBOOK,
}

every_opening = pytest.mark.parametrize("opened", OPENED)
every_saving = pytest.mark.parametrize("saved", SAVED)


# --- LibreOffice


def the_office() -> Office:
    """Find LibreOffice; without it the test is skipped, or fails where it has to be there."""
    try:
        return find_office()
    except NoOffice as missing:
        refuse = pytest.fail if os.environ.get("STOCKSYNC_SPREADSHEET") == "required" else pytest.skip
        refuse(f"LibreOffice cannot be driven here: {missing}")


@pytest.fixture(scope="module")
def libreoffice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LibreOffice]:
    with running(the_office(), tmp_path_factory.mktemp("libreoffice")) as at_work:
        yield at_work


@dataclass(frozen=True)
class Desk:
    """Reports put before LibreOffice, each sitting once for all tests that look at it."""

    libreoffice: LibreOffice
    folder: Path
    done: dict[tuple[str, str], Sitting]

    def sit(self, opened: str, name: str, steps: Sequence[Step]) -> Sitting:
        """Work on the report, opened in one of the ways, and save it in all of them."""
        if (opened, name) not in self.done:
            self.done[opened, name] = self.work_on(LINES, OPENED[opened], name, steps)
        return self.done[opened, name]

    def work_on(self, rows: Sequence[Row], way: Way, name: str, steps: Sequence[Step]) -> Sitting:
        """Work on a report of these rows, opened in this way, and save it in all of the ways."""
        report = workbook_bytes(rows, "fr") if way is WORKBOOK else report_bytes(rows, "fr")
        file = self.folder / f"{name}{way.suffix}"
        file.write_bytes(report)
        sitting = self.libreoffice.sit(file, way, steps, list(SAVED.values()))
        assert file.read_bytes() == report
        return sitting


@pytest.fixture(scope="module")
def desk(libreoffice: LibreOffice, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(libreoffice, tmp_path_factory.mktemp("desk"), {})


@pytest.mark.parametrize(("setting", "outcome"), [("required", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_a_machine_without_libreoffice_fails_these_tests_only_where_it_is_required(
    setting: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("STOCKSYNC_SPREADSHEET", setting)
    with pytest.raises(outcome, match="no soffice on the PATH"):
        the_office()


TYPED_IN_FRENCH: Mapping[str, tuple[str | float, str]] = {
    "14/05/2019": (43599, r"14/05/(20)?19"),
    "14 mai 2019": (43599, r"14/05/(20)?19"),
    "12500,50": (12500.5, r"12500,50?"),
    "84 500": (84500, r"84.?500"),
    "VRAI": (1, "VRAI"),
    "=1+1": (2, "2"),
    "12.500": ("12.500", r"12\.500"),
    "oui": ("oui", "oui"),
    "à": ("à", "à"),
}
"""What LibreOffice holds once it was typed, and what it writes into a file."""


def test_what_is_typed_is_recognised_as_french(libreoffice: LibreOffice, tmp_path: Path) -> None:
    file, way = tmp_path / "words.csv", saved_csv(";", CP1252)
    file.write_bytes("\ufeffé;b\r\n".encode() + b"x;\r\n" * len(TYPED_IN_FRENCH))
    steps = [typed(row, "b", text) for row, text in enumerate(TYPED_IN_FRENCH, start=2)]
    sitting = libreoffice.sit(file, OPENED["csv-plain"], steps, [way])
    assert [row[1] for row in sitting.left[0].cells[1:]] == [held for held, _ in TYPED_IN_FRENCH.values()]
    written = ["é;b", *(f"x;{pattern}" for _, pattern in TYPED_IN_FRENCH.values()), ""]
    assert re.fullmatch("\n".join(written), sitting.saved[way].decode("cp1252"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["words-0.csv", "words.csv"], "a lock or a backup"


# --- as it is opened


@every_opening
def test_no_cell_of_the_report_is_a_formula(opened: str, desk: Desk) -> None:
    sheet = desk.sit(opened, "untouched", []).opened[0]
    assert len(sheet.cells) == len(LINES) + 1
    assert sheet.formulas == ""


def test_no_cell_is_a_formula_where_the_user_asks_for_formulas(desk: Desk) -> None:
    way = opened_csv(detect_special_numbers=True, evaluate_formulas=True)
    assert desk.work_on(LINES, way, "formulas", []).opened[0].formulas == ""


def test_the_decision_is_chosen_from_a_list_and_only_the_reviewers_cells_can_be_edited(desk: Desk) -> None:
    sheet = desk.sit("xlsx", "untouched", []).opened[0]
    decision = sheet.guard(HEADER["decision"])
    assert decision.rule == "LIST"
    assert re.findall(r"\w+", decision.choices) == ["module", "dms", "valeur", "ignorer"]
    assert "Choisir module, dms, valeur ou ignorer" in decision.refusal
    assert sheet.protected
    free = [header for header in HEADER.values() if not sheet.guard(header).locked]
    assert free == [HEADER["decision"], HEADER["value"], HEADER["comment"]]


def test_a_locked_cell_keeps_what_it_holds_whatever_is_typed(desk: Desk) -> None:
    steps = [typed(2, HEADER["fingerprint"], "autre chose"), typed(2, HEADER["comment"], "vu")]
    sitting = desk.sit("xlsx", "locked", steps)
    assert sitting.left[0].cell(2, HEADER["fingerprint"]) == sitting.opened[0].cell(2, HEADER["fingerprint"])
    assert sitting.left[0].cell(2, HEADER["comment"]) == "vu"


# --- as it comes back


def rows_on_the_sheet() -> dict[int, int]:
    """The number under which the spreadsheet shows each row."""
    return {each.conflict_id: row for row, each in enumerate(report_lines(LINES), start=2)}


def filling_in() -> list[Step]:
    """Type everything that is decided."""
    steps, rows = [], rows_on_the_sheet()
    for place, decided in enumerate(TYPED):
        cells = {"decision": decided.decision, "value": decided.value, "comment": decided.comment}
        row = rows[FIRST_ID + place]
        steps += [typed(row, HEADER[name], text) for name, text in cells.items() if text]
    return [*steps, pasted(rows[FORMULA_PASTED], HEADER["comment"], "=1+1")]


def rearranging(opened: str) -> list[Step]:
    """Make the file one's own after it was filled in: a row deleted, sorted, columns added and hidden, blank rows."""
    deleted = rows_on_the_sheet()[DELETED]
    return [
        *([Step("unprotect", {})] if opened == "xlsx" else []),
        Step("delete_row", {"row": deleted}),
        Step("insert_column", {"before": HEADER["vin"], "header": "Vu par"}),
        Step("hide_column", {"header": HEADER["what_happened"]}),
        Step("sort", {"header": HEADER["make_and_model"], "descending": True}),
        Step("insert_row", {"row": 7}),
        Step("insert_row", {"row": 1}),
    ]


@dataclass(frozen=True)
class Read:
    """A row as it was read back, in the words of `TYPED`."""

    conflict_id: int
    fingerprint: str
    decision: str
    meant: Value | CellProblem | None
    comment: str


def read(row: ReturnedRow) -> Read:
    cells, line = row.cells, BY_ID[int(row.cells["id"])]
    assert row.problem is None
    attribute = POINT.vocabulary[line.case.subject]
    meant = typed_value(attribute, cells["value"], POINT.choice_labels, "fr", month_first=False)
    decision = cells["decision"]
    return Read(line.conflict_id, cells["fingerprint"], decision, meant if cells["value"] else None, cells["comment"])


def expected(*, without: int | None = None) -> set[Read]:
    reads = {
        Read(FIRST_ID + place, LINES[place].fingerprint, decided.decision, decided.means, unescaped(decided.comment))
        for place, decided in enumerate(TYPED)
    }
    reads.add(Read(FORMULA_PASTED, BY_ID[FORMULA_PASTED].fingerprint, "", None, "=1+1"))
    return {each for each in reads if each.conflict_id != without}


def returned(sitting: Sitting, saved: str) -> Returned:
    return read_returned(f"rapport{SAVED[saved].suffix}", sitting.saved[SAVED[saved]], "fr")


@every_opening
@every_saving
def test_a_file_that_was_only_opened_and_saved_decides_nothing(opened: str, saved: str, desk: Desk) -> None:
    back = returned(desk.sit(opened, "untouched", []), saved)
    assert back == Returned(rows=(), untouched=len(LINES), month_first=False, language="fr")


@every_opening
@every_saving
def test_exactly_what_was_filled_in_comes_back(opened: str, saved: str, desk: Desk) -> None:
    back = returned(desk.sit(opened, "filled", filling_in()), saved)
    assert {read(row) for row in back.rows} == expected()
    assert (len(back.rows), back.untouched) == (len(TYPED) + 1, len(LINES) - len(TYPED) - 1)
    assert all(rows_on_the_sheet()[int(row.cells["id"])] == row.line for row in back.rows)
    assert (back.month_first, back.language) == (False, "fr")


@every_opening
@every_saving
def test_a_rearranged_file_says_the_same(opened: str, saved: str, desk: Desk) -> None:
    sitting = desk.sit(opened, "rearranged", [*filling_in(), *rearranging(opened)])
    back = returned(sitting, saved)
    assert "Vu par" in sitting.left[0].cells[1], "the header under a blank row"
    assert {read(row) for row in back.rows} == expected(without=DELETED)
    assert (len(back.rows), back.untouched) == (len(TYPED), len(LINES) - len(TYPED) - 1)
    for row in back.rows:
        assert row.cells["fingerprint"] in sitting.left[0].cells[row.line - 1], "the row's number as the user sees it"


def test_a_report_in_english_comes_back(libreoffice: LibreOffice, tmp_path: Path) -> None:
    header = {column.name: column.en for column in COLUMNS}
    file = tmp_path / "report.csv"
    file.write_bytes(report_bytes(LINES, "en"))
    steps = [typed(2, header["decision"], "value"), typed(2, header["value"], "12500,50")]
    sitting = libreoffice.sit(file, OPENED["csv-plain"], steps, [SAVED["cp1252"]])
    back = read_returned("report.csv", sitting.saved[SAVED["cp1252"]], "en")
    assert [(row.line, row.cells["decision"], row.cells["value"]) for row in back.rows] == [(2, "value", "12500,5")]
    assert back.language == "en"


def test_the_separators_that_libreoffice_ticks_by_itself_change_nothing(desk: Desk) -> None:
    way = opened_csv(",;\t", detect_special_numbers=False)
    sitting = desk.work_on(LINES, way, "all-separators", filling_in())
    for saved in SAVED:
        assert {read(row) for row in returned(sitting, saved).rows} == expected()


def test_a_row_of_the_annex_is_decided_on_the_second_sheet(desk: Desk) -> None:
    first, second, alone = (line(place, "mileage") for place in range(3))
    steps = [typed(2, HEADER["decision"], "dms"), typed(3, HEADER["decision"], "ignorer", sheet=1)]
    sitting = desk.work_on([lot_of([first, second]), alone], WORKBOOK, "annex", steps)
    assert [sheet.guard(HEADER["decision"]).rule for sheet in sitting.opened] == ["LIST", "LIST"]
    back = returned(sitting, "xlsx")
    assert [(row.line, int(row.cells["id"]), row.cells["decision"]) for row in back.rows] == [
        (2, first.conflict_id, "dms"),
        (3, second.conflict_id, "ignorer"),
    ]
    assert [row.sheet for row in back.rows] == [sheet.name for sheet in sitting.opened]
    assert back.rows[1].cells["fingerprint"] == second.fingerprint


def test_a_comment_that_is_taken_for_a_formula_takes_nothing_else_with_it(desk: Desk) -> None:
    steps = [typed(2, HEADER["decision"], "dms"), typed(2, HEADER["comment"], "= voir le courriel")]
    for opened in OPENED:
        sitting = desk.sit(opened, "formula-typed", steps)
        for saved in SAVED:
            (row,) = returned(sitting, saved).rows
            assert (row.line, row.cells["decision"], row.problem) == (2, "dms", None)
            assert row.cells["comment"] == "= voir le courriel" or opened != "xlsx"


CHANGED: Mapping[str, tuple[str, str, Value | None]] = {
    "a-year-of-the-last-century": ("first_registration_date", "14/05/1965", date(1965, 5, 14)),
    "a-vin-of-digits": ("vin", "12345678901234567", "12345678901234567"),
    "a-plate-with-an-e": ("registration", "12 E 45", "12 E 45"),
    "an-exponent": ("vin", "1234567E890123456", "1234567E890123456"),
    "a-percentage": ("sale_price", "50%", None),
    "a-point": ("sale_price", "12.500", None),
    "three-decimals": ("sale_price", "12500,555", None),
    "half-a-kilometre": ("mileage", "84,5", None),
}
"""What LibreOffice recognises as something else, or we cannot: the attribute, what is typed, what may be read."""
CHANGED_LINES = [line(place, subject) for place, (subject, _, _) in enumerate(CHANGED.values())]


@pytest.fixture(scope="module")
def changed(desk: Desk) -> Mapping[str, Sitting]:
    """The values typed into a report in CSV and into a workbook."""
    rows = {each.conflict_id: row for row, each in enumerate(report_lines(CHANGED_LINES), start=2)}
    steps = [
        typed(rows[each.conflict_id], HEADER["value"], text)
        for each, (_, text, _) in zip(CHANGED_LINES, CHANGED.values(), strict=True)
    ]
    return {name: desk.work_on(CHANGED_LINES, OPENED[name], f"changed-{name}", steps) for name in ("csv-plain", "xlsx")}


@pytest.mark.parametrize("name", CHANGED)
@pytest.mark.parametrize("opened", ["csv-plain", "xlsx"])
def test_a_value_is_read_as_it_was_typed_or_refused(opened: str, name: str, changed: Mapping[str, Sitting]) -> None:
    number = FIRST_ID + list(CHANGED).index(name)
    attribute = POINT.vocabulary[CHANGED[name][0]]
    for saved in SAVED:
        back = returned(changed[opened], saved)
        (cell,) = [row.cells["value"] for row in back.rows if int(row.cells["id"]) == number]
        value = typed_value(attribute, cell, POINT.choice_labels, "fr", month_first=back.month_first)
        assert is_right(value, CHANGED[name][2], held_as_text=opened == "xlsx"), (saved, cell, value)


def is_right(value: Value | CellProblem, meant: Value | None, *, held_as_text: bool) -> bool:
    """Refusing is right where nothing else can be; where the text was kept, its value has to be read."""
    if isinstance(value, CellProblem):
        return meant is None or not held_as_text
    return value == meant

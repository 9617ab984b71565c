"""The conflict report as a workbook: the columns of the CSV, made ready to decide in.

Numbers and dates are real ones, every text is stored as a text. Only the three columns that a reviewer fills in can be
edited; the protection has no password, because it guards against slips, not against people. The annex is the second
sheet. Equal rows make equal bytes: nothing in the file tells when it was made.
"""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final, cast
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl import Workbook
from openpyxl.cell import Cell as SheetCell
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, NamedStyle, PatternFill, Protection
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.writer.excel import ExcelWriter

from stocksync.reports.conflict_report import COLUMNS, Filling, report_and_annex
from stocksync.reports.lots import Row
from stocksync.reports.report_lines import ReportLine
from stocksync.reports.spelling import Cell, Language

WIDTHS: Final[Mapping[str, int]] = {
    "id": 10,
    "kind": 22,
    "point_of_sale": 10,
    "vin": 22,
    "registration": 16,
    "police_number": 13,
    "make_and_model": 24,
    "stage": 16,
    "attribute": 22,
    "owner": 18,
    "vehicle_module": 18,
    "dms": 18,
    "base": 18,
    "since": 12,
    "age_days": 9,
    "state": 18,
    "what_happened": 70,
    "proposed": 12,
    "decision": 18,
    "value": 18,
    "comment": 30,
    "fingerprint": 21,
}
"""In characters."""
FILLED_IN: Final = frozenset({"decision", "value", "comment"})
DECISIONS: Final[Mapping[Language, tuple[str, ...]]] = {
    "fr": ("module", "dms", "valeur", "ignorer"),
    "en": ("module", "dms", "value", "ignore"),
}
SHEETS: Final[Mapping[Language, tuple[str, str]]] = {"fr": ("Rapport", "Annexe"), "en": ("Report", "Annex")}

_REFUSAL: Final[Mapping[Language, tuple[str, str]]] = {
    "fr": ("Décision inconnue", "Choisir module, dms, valeur ou ignorer, ou laisser la case vide."),
    "en": ("Unknown decision", "Choose module, dms, value or ignore, or leave the cell blank."),
}
_FILLED_IN_LOOK: Final = "filled_in"
_LOOK_OF: Final[Mapping[type, str]] = {int: "number", Decimal: "amount", date: "day"}
_FIRST_UNFROZEN: Final = "registration"
"""What stands before it names the row, and stays in sight while its reader moves to the right."""
_WRAPPED: Final = ("what_happened",)
_LINE_PT: Final = 15.0
_MOST_LINES: Final = 27
"""A spreadsheet's row is at most 409 points high."""
_NEVER: Final = datetime(2000, 1, 1)
_OLDEST_IN_A_ZIP: Final = (1980, 1, 1, 0, 0, 0)
_A4: Final = 9
_ESCAPE_OF_THE_FORMAT: Final = re.compile("_(?=x[0-9A-Fa-f]{4}_)")


def workbook_bytes(rows: Iterable[Row], language: Language) -> bytes:
    """Write the report, and its annex where there is a lot, as an .xlsx file."""
    return workbook_of(*report_and_annex(rows), language)


def workbook_of(lines: Sequence[ReportLine], others: Sequence[ReportLine], language: Language) -> bytes:
    """Write lines as an .xlsx file; others: those of the annex, which has no sheet where there are none."""
    workbook = Workbook(write_only=True)
    workbook.properties.creator = "stocksync"
    workbook.properties.created = workbook.properties.modified = _NEVER
    for look in _looks():
        workbook.add_named_style(look)
    report, annex = SHEETS[language]
    _add_sheet(workbook, report, lines, language)
    if others:
        _add_sheet(workbook, annex, others, language)
    content = io.BytesIO()
    ExcelWriter(workbook, _UndatedZip(content, "w")).save()
    return content.getvalue()


def _add_sheet(workbook: Workbook, title: str, lines: Sequence[ReportLine], language: Language) -> None:
    sheet = cast(Worksheet, workbook.create_sheet(title))
    last_row = len(lines) + 1
    # Whatever stands before the rows in the file has to be set before the first row.
    sheet.freeze_panes = f"{_letter(_FIRST_UNFROZEN)}2"
    for name, width in WIDTHS.items():
        sheet.column_dimensions[_letter(name)].width = width
    _set_print_up(sheet)
    _protect(sheet)
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(COLUMNS))}{last_row}"
    sheet.data_validations.append(_validation(max(last_row, 2), language))
    sheet.append([_cell(sheet, column.header(language), "header") for column in COLUMNS])
    looks: dict[tuple[str, str], SheetCell] = {}
    cells_of_line = Filling(language).cells
    for number, line in enumerate(lines, start=2):
        cells = list(zip(COLUMNS, cells_of_line(line), strict=True))
        # Left to themselves, some programs show one line of a wrapped text and the rest over the next row.
        sheet.row_dimensions[number].height = _height_pt({column.name: cell.text for column, cell in cells})
        sheet.append([_written(sheet, cell, column.name, looks) for column, cell in cells])


def _height_pt(texts: Mapping[str, str]) -> float:
    """How high a row is to be for its longest wrapped text, counting a few characters less than fit into a line."""
    in_a_line = {name: max(int(WIDTHS[name] * 0.95), 1) for name in _WRAPPED}
    lines = max(-(-len(texts[name]) // in_a_line[name]) for name in _WRAPPED)
    return _LINE_PT * min(max(lines, 1), _MOST_LINES)


def _set_print_up(sheet: Worksheet) -> None:
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = _A4
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.print_title_rows = "1:1"


def _protect(sheet: Worksheet) -> None:
    protection = sheet.protection
    protection.sheet = True
    # In the file's own words, what is named here is what stays allowed.
    protection.formatColumns = protection.formatRows = protection.sort = protection.autoFilter = False


def _validation(last_row: int, language: Language) -> DataValidation:
    column = _letter("decision")
    title, refusal = _REFUSAL[language]
    return DataValidation(
        type="list",
        formula1=f'"{",".join(DECISIONS[language])}"',
        allow_blank=True,
        showErrorMessage=True,
        errorTitle=title,
        error=refusal,
        sqref=f"{column}2:{column}{last_row}",
    )


def _looks() -> list[NamedStyle]:
    top, wrapped = Alignment(vertical="top"), Alignment(vertical="top", wrap_text=True)
    return [
        NamedStyle("header", font=Font(bold=True), alignment=wrapped),
        NamedStyle("text", alignment=top),
        NamedStyle("sentence", alignment=wrapped),
        NamedStyle("id", alignment=top, number_format="0"),
        NamedStyle("number", alignment=top, number_format="#,##0"),
        NamedStyle("amount", alignment=top, number_format="#,##0.00"),
        NamedStyle("day", alignment=top, number_format="dd/mm/yyyy"),
        # The format of texts, so that what is typed stays what was typed.
        NamedStyle(
            _FILLED_IN_LOOK,
            alignment=wrapped,
            number_format="@",
            protection=Protection(locked=False),
            fill=PatternFill("solid", fgColor="FFF8E1"),
        ),
    ]


def _written(sheet: Worksheet, cell: Cell, column: str, looks: dict[tuple[str, str], SheetCell]) -> SheetCell | None:
    """A cell of the sheet; None leaves it out: it is blank and locked then.

    looks: the cells of the rows before, by column and look. What was appended is written, so that its cell serves the
    next row: giving a look to a cell takes longer than writing it.
    """
    value: str | int | Decimal | date | None
    if column in FILLED_IN:
        value, look = cell.text or None, _FILLED_IN_LOOK
    elif cell.exact is not None:
        value, look = cell.exact, "id" if column == "id" else _LOOK_OF[type(cell.exact)]
    elif cell.text:
        value, look = cell.text, "sentence" if column == "what_happened" else "text"
    else:
        return None
    found = looks.get((column, look))
    if found is None:
        found = looks[column, look] = _cell(sheet, value, look)
    else:
        _fill(found, value)
    return found


def _cell(sheet: Worksheet, value: str | int | Decimal | date | None, look: str) -> SheetCell:
    cell = WriteOnlyCell(sheet)
    cell.style = look
    _fill(cell, value)
    return cell


def _fill(cell: SheetCell, value: str | int | Decimal | date | None) -> None:
    cell.value = _spelled(value) if isinstance(value, str) else value
    if isinstance(value, str):
        # A text that looks like a formula or an error is a text all the same.
        cell.data_type = "s"


def _spelled(text: str) -> str:
    """Spell a text as the format does: `_x003D_` would be read as `=` otherwise, and CR as nothing at all."""
    return _ESCAPE_OF_THE_FORMAT.sub("_x005F_", text.replace("\r\n", "\n").replace("\r", "\n"))


def _letter(name: str) -> str:
    return get_column_letter(1 + [column.name for column in COLUMNS].index(name))


class _UndatedZip(ZipFile):
    """A zip whose members bear no date."""

    def writestr(self, name: str, data: str | bytes) -> None:  # type: ignore[override]
        super().writestr(_member(name), data)

    def write(self, filename: str, arcname: str) -> None:  # type: ignore[override]
        with Path(filename).open("rb") as source, self.open(_member(arcname), "w") as target:
            shutil.copyfileobj(source, target)


def _member(name: str) -> ZipInfo:
    member = ZipInfo(name, _OLDEST_IN_A_ZIP)
    member.compress_type = ZIP_DEFLATED
    return member

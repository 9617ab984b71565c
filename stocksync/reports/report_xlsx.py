"""The conflict report as a workbook: the columns of the CSV, made ready to decide in.

Numbers and dates are real ones, every text is stored as a text. Only the three columns that a reviewer fills in can be
edited; the protection has no password, because it guards against slips, not against people. The annex is the second
sheet. Equal rows make equal bytes: nothing in the file tells when it was made.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import IO, Final, Literal, cast
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl import Workbook
from openpyxl.cell import Cell as SheetCell
from openpyxl.cell import WriteOnlyCell
from openpyxl.compat import safe_string
from openpyxl.styles import Alignment, Font, NamedStyle, PatternFill, Protection
from openpyxl.utils import get_column_letter
from openpyxl.utils.datetime import to_excel
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
_END_OF_ROWS: Final = b"</sheetData>"
_ROWS_AT_ONCE: Final = 50
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
    content = io.BytesIO()
    archive = _UndatedZip(content, "w")
    sheets = zip(SHEETS[language], (lines, others) if others else (lines,), strict=False)
    for number, (title, rows) in enumerate(sheets, start=1):
        sheet = _add_sheet(workbook, title, len(rows), language)
        archive.rows[f"xl/worksheets/sheet{number}.xml"] = _rows(sheet, rows, language)
    ExcelWriter(workbook, archive).save()
    assert not archive.rows
    return content.getvalue()


def _add_sheet(workbook: Workbook, title: str, rows: int, language: Language) -> Worksheet:
    """Add a sheet with its header; what stands in its rows is put in as the file is written, see `_rows`."""
    sheet = cast(Worksheet, workbook.create_sheet(title))
    last_row = rows + 1
    # Whatever stands before the rows in the file has to be set before the first row.
    sheet.freeze_panes = f"{_letter(_FIRST_UNFROZEN)}2"
    for name, width in WIDTHS.items():
        sheet.column_dimensions[_letter(name)].width = width
    _set_print_up(sheet)
    _protect(sheet)
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(COLUMNS))}{last_row}"
    sheet.data_validations.append(_validation(max(last_row, 2), language))
    sheet.append([_cell(sheet, column.header(language), "header") for column in COLUMNS])
    return sheet


def _rows(sheet: Worksheet, lines: Iterable[ReportLine], language: Language) -> Iterator[str]:
    """Spell the rows under the header as the format does, word for word as the library would.

    It makes several objects of every cell, which takes most of the time of a large report.
    """
    styles: dict[str, int] = {}
    letters = [get_column_letter(place) for place in range(1, len(COLUMNS) + 1)]
    cells_of_line = Filling(language).cells
    for number, line in enumerate(lines, start=2):
        spelled = []
        height_pt = _LINE_PT
        for column, letter, cell in zip(COLUMNS, letters, cells_of_line(line), strict=True):
            if column.name in _WRAPPED:
                height_pt = max(height_pt, _height_pt(column.name, cell.text))
            look = _look_of(cell, column.name)
            # A cell without a look is left out: it is blank and locked then.
            if look is not None:
                style = styles.get(look)
                if style is None:
                    # The file numbers its looks in the order in which they are met.
                    style = styles[look] = _cell(sheet, "", look).style_id
                spelled.append(f'<c r="{letter}{number}" s="{style}" {_content(cell)}')
        # Left to themselves, some programs show one line of a wrapped text and the rest over the next row.
        yield f'<row r="{number}" ht="{safe_string(height_pt)}" customHeight="1">{"".join(spelled)}</row>'


def _height_pt(column: str, text: str) -> float:
    """How high a row is to be for a wrapped text, counting a few characters less than fit into a line."""
    lines = -(-len(text) // max(int(WIDTHS[column] * 0.95), 1))
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


def _look_of(cell: Cell, column: str) -> str | None:
    if column in FILLED_IN:
        return _FILLED_IN_LOOK
    if cell.exact is not None:
        return "id" if column == "id" else _LOOK_OF[type(cell.exact)]
    if not cell.text:
        return None
    return "sentence" if column == "what_happened" else "text"


def _content(cell: Cell) -> str:
    """What a cell holds, from the kind of it on: a number, a text, or nothing."""
    if cell.exact is not None:
        number = to_excel(cell.exact) if isinstance(cell.exact, date) else cell.exact  # type: ignore[no-untyped-call]
        return f't="n"><v>{safe_string(number)}</v></c>'
    text = _spelled(cell.text)
    if not text:
        return 't="n" />'
    # A text that looks like a formula or an error is a text all the same.
    preserved = ' xml:space="preserve"' if text.strip() not in ("", text) else ""
    return f't="inlineStr"><is><t{preserved}>{escape(text)}</t></is></c>'


def _cell(sheet: Worksheet, text: str, look: str) -> SheetCell:
    cell = WriteOnlyCell(sheet)
    cell.style = look
    cell.value = _spelled(text)
    cell.data_type = "s"
    return cell


def _spelled(text: str) -> str:
    """Spell a text as the format does: `_x003D_` would be read as `=` otherwise, and CR as nothing at all."""
    return _ESCAPE_OF_THE_FORMAT.sub("_x005F_", text.replace("\r\n", "\n").replace("\r", "\n"))


def _letter(name: str) -> str:
    return get_column_letter(1 + [column.name for column in COLUMNS].index(name))


class _UndatedZip(ZipFile):
    """A zip whose members bear no date; rows: by sheets' names, what they get behind their header."""

    def __init__(self, file: IO[bytes], mode: Literal["w"]) -> None:
        super().__init__(file, mode)
        self.rows: dict[str, Iterable[str]] = {}

    def writestr(self, name: str, data: str | bytes) -> None:  # type: ignore[override]
        super().writestr(_member(name), data)

    def write(self, filename: str, arcname: str) -> None:  # type: ignore[override]
        before, end, after = Path(filename).read_bytes().partition(_END_OF_ROWS)
        with self.open(_member(arcname), "w") as target:
            target.write(before)
            rows = iter(self.rows.pop(arcname))
            while part := "".join(islice(rows, _ROWS_AT_ONCE)):
                target.write(part.encode())
            target.write(end + after)


def _member(name: str) -> ZipInfo:
    member = ZipInfo(name, _OLDEST_IN_A_ZIP)
    member.compress_type = ZIP_DEFLATED
    return member

"""The conflict report for a spreadsheet: its columns, and the report as CSV.

The columns are `COLUMNS`, here and nowhere else. The dialect is that of a French spreadsheet: semicolons, every cell in
quotation marks, UTF-8 with a byte order mark, CRLF, decimal comma, dd/mm/yyyy. A person decides with it, so that names
stand in it in clear. Where rows with one cause are one line, the annex has a line for each of them, in the same
columns. The report as a workbook is `report_xlsx`, writing either to a disk `report_files`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Final, Literal

from stocksync.reports import wording
from stocksync.reports.cost import in_order_of_cost
from stocksync.reports.escaping import escaped
from stocksync.reports.lots import Lot, Row, line_of
from stocksync.reports.report_lines import ReportLine
from stocksync.reports.spelling import NO_CELL, Cell, Language, Speller, attribute_of, day_cell, number_cell
from stocksync.reports.words import OWNERS
from stocksync.stock.values import Side
from stocksync.stock.vehicle import STAGE

DELIMITER: Final = ";"
LINE_END: Final = "\r\n"
BYTE_ORDER_MARK: Final = "\ufeff"
LONGEST_TEXT: Final = 8_000
"""Characters of one cell: spreadsheets hold about four times as many, and count some twice."""

_REFUSED: Final = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff"
"""Characters that a spreadsheet refuses, or takes for the end of the file."""
_UNSTORABLE: Final = re.compile(f"[{_REFUSED}]")
_HARMLESS: Final = re.compile(rf"\w[^{_REFUSED}]{{0,{LONGEST_TEXT - 1}}}")
"""What nearly all texts are: none of it is refused, and no spreadsheet takes it for a formula."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its stable name, its headers, and how a line fills it.

    own: it tells one car, or one row, from another; all else is the same in lines that are alike, see `_likeness`.
    """

    name: str
    fr: str
    en: str
    cell: Callable[[ReportLine, Speller], Cell]
    own: bool = False

    def header(self, language: Language) -> str:
        """What stands in the first row."""
        return self.fr if language == "fr" else self.en


def _text(get: Callable[[ReportLine], str | None]) -> Callable[[ReportLine, Speller], Cell]:
    return lambda line, _: Cell(text) if (text := get(line)) else NO_CELL


def _value(get: Callable[[ReportLine], str | None], side: Side | None) -> Callable[[ReportLine, Speller], Cell]:
    def cell(line: ReportLine, speller: Speller) -> Cell:
        neutral = get(line)
        if neutral is None:
            return NO_CELL
        return speller.cell(attribute_of(line.case.subject, side, line.vocabulary), neutral)

    return cell


def _nothing(_line: ReportLine, _speller: Speller) -> Cell:
    return NO_CELL


def _number(get: Callable[[ReportLine], int]) -> Callable[[ReportLine, Speller], Cell]:
    return lambda line, _: number_cell(get(line))


COLUMNS: Final = (
    Column("id", "N° de conflit", "Conflict id", _number(lambda line: line.conflict_id), own=True),
    Column("kind", "Nature", "Kind", lambda line, s: Cell(wording.label(line.case.reason, s.language))),
    Column("point_of_sale", "Point de vente", "Point of sale", _text(lambda line: line.point_of_sale)),
    Column("vin", "Châssis", "VIN", lambda line, s: Cell(line.car(s.language)), own=True),
    Column("registration", "Immatriculation", "Registration", _text(lambda line: line.registration), own=True),
    Column("police_number", "N° de police", "Police number", _text(lambda line: line.police_number), own=True),
    Column("make_and_model", "Marque et modèle", "Make and model", _text(lambda line: line.make_and_model), own=True),
    Column("stage", "Statut", "Stage", lambda line, s: s.cell(line.vocabulary[STAGE], line.stage)),
    Column(
        "attribute",
        "Donnée",
        "Attribute",
        lambda line, s: Cell(wording.subject_label(line.case.subject, line.vocabulary, s.language)),
    ),
    Column("owner", "Qui décide", "Owner", lambda line, s: Cell(OWNERS[s.language].get(line.case.owner or "", ""))),
    Column(
        "vehicle_module",
        "Valeur module véhicules",
        "Vehicle module's value",
        _value(lambda line: line.case.vehicle_module, Side.VEHICLE_MODULE),
    ),
    Column("dms", "Valeur DMS", "DMS's value", _value(lambda line: line.case.dms, Side.DMS)),
    Column("base", "Dernière valeur commune", "Last common value", _value(lambda line: line.case.base, None)),
    Column("since", "Depuis le", "Since", lambda line, _: day_cell(line.opened_on)),
    Column("age_days", "Âge (jours)", "Age (days)", _number(lambda line: line.age_days)),
    Column("state", "État", "State", lambda line, s: Cell(line.state(s.language))),
    Column("what_happened", "Ce qui s'est passé", "What happened", lambda line, s: Cell(line.told(s))),
    Column("proposed", "Décision proposée", "Proposed decision", _text(lambda line: line.proposed)),
    Column(
        "decision",
        "Décision (module, dms, valeur, ignorer)",
        "Decision (module, dms, value, ignore)",
        _nothing,
    ),
    Column("value", "Valeur décidée", "Decided value", _nothing),
    Column("comment", "Commentaire", "Comment", _nothing),
    Column(
        "fingerprint",
        "Empreinte (ne pas modifier)",
        "Fingerprint (leave as is)",
        _text(lambda line: line.fingerprint),
        own=True,
    ),
)
_OWN: Final = tuple((place, column.cell) for place, column in enumerate(COLUMNS) if column.own)
_ROWS_AT_ONCE: Final = 500
_REMEMBERED: Final = 4096
"""Lines that others are alike to; some megabytes."""


class Filling:
    """Fills the columns of many lines in one language; what lines that are alike have in common is told once."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._alike: dict[Hashable, tuple[ReportLine, list[Cell]]] = {}

    def cells(self, line: ReportLine) -> list[Cell]:
        """Fill a line's columns; every text is one that each spreadsheet can hold, and none is a formula."""
        speller = Speller(self._language, line.choice_labels, clear=True)
        likeness = _likeness(line)
        known = self._alike.get(likeness)
        if known is None or not _is_told_alike(line, known[0]):
            if len(self._alike) >= _REMEMBERED:
                self._alike.clear()
            cells = [_kept_cell(column.cell(line, speller)) for column in COLUMNS]
            self._alike[likeness] = (line, cells)
            return list(cells)
        cells = list(known[1])
        for place, fill in _OWN:
            cells[place] = _kept_cell(fill(line, speller))
        return cells


def _likeness(line: ReportLine) -> Hashable:
    """All that the columns say but those which a line has to itself, as far as it can be compared at once."""
    case = line.case
    return (
        case.reason,
        case.category,
        case.subject,
        case.vehicle_module,
        case.dms,
        case.base,
        case.owner,
        tuple(case.details.items()),
        case.tie_break,
        case.never_in_dms,
        case.reserved,
        case.choices,
        case.closed,
        line.point_of_sale,
        line.stage,
        line.opened_on,
        line.today_on,
        line.closed_on,
        line.closed_because,
        line.note,
        line.cars,
        line.ignored,
        line.decidable,
    )


def _is_told_alike(line: ReportLine, other: ReportLine) -> bool:
    """Tell whether two lines are of the very same words."""
    return line.vocabulary is other.vocabulary and line.choice_labels is other.choice_labels


def cells_of(line: ReportLine, language: Language) -> list[Cell]:
    """Fill the columns of one line, see `Filling`."""
    return Filling(language).cells(line)


def _kept_cell(cell: Cell) -> Cell:
    return cell if cell.is_number or (text := kept(cell.text)) is cell.text else replace(cell, text=text)


def kept(text: str) -> str:
    """Keep a text to what a cell can hold, and from being taken for a formula; nearly all stay as they are."""
    return text if not text or _HARMLESS.fullmatch(text) else escaped(storable(text))


def report_and_annex(rows: Iterable[Row]) -> tuple[list[ReportLine], list[ReportLine]]:
    """The lines of the report, in the order of what costs money, and of its annex: lot after lot in the same order."""
    ordered = in_order_of_cost(rows)
    annex = [line for row in ordered if isinstance(row, Lot) for line in row.members]
    return [line_of(row) for row in ordered], annex


def report_lines(rows: Iterable[Row]) -> list[ReportLine]:
    """The lines of the report, in the order of what costs money."""
    return report_and_annex(rows)[0]


def annex_lines(rows: Iterable[Row]) -> list[ReportLine]:
    """The lines of the annex: lot after lot as the report has them."""
    return report_and_annex(rows)[1]


def report_bytes(rows: Iterable[Row], language: Language) -> bytes:
    """Write the report as CSV."""
    return csv_bytes(report_lines(rows), language)


def annex_bytes(rows: Iterable[Row], language: Language) -> bytes:
    """Write the annex as CSV; without a lot there is nothing but headers."""
    return csv_bytes(annex_lines(rows), language)


def csv_bytes(lines: Iterable[ReportLine], language: Language) -> bytes:
    """Write lines as CSV under the report's headers."""
    headers = [escaped(column.header(language)) for column in COLUMNS]
    cells_of_line = Filling(language).cells
    rows = ([cell.text for cell in cells_of_line(line)] for line in lines)
    # LibreOffice has commas ticked as separators too: only quotation marks keep 12500,00 in one cell there.
    return separated(chain([headers], rows), csv.QUOTE_ALL)


def separated(rows: Iterable[Sequence[str]], quoting: Literal[0, 1]) -> bytes:
    """Write rows of texts in the dialect of a French spreadsheet; quoting: as the csv module names it."""
    content = io.BytesIO(BYTE_ORDER_MARK.encode())
    content.seek(0, io.SEEK_END)
    rows = iter(rows)
    # In parts: what encodes as it is written does something for every row, and a whole text needs as much room again.
    while part := list(islice(rows, _ROWS_AT_ONCE)):
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=DELIMITER, lineterminator=LINE_END, quoting=quoting).writerows(part)
        content.write(text.getvalue().encode())
    return content.getvalue()


def storable(text: str) -> str:
    """Keep a text to what a cell can hold."""
    said = _UNSTORABLE.sub("\ufffd", text)
    return said if len(said) <= LONGEST_TEXT else f"{said[: LONGEST_TEXT - 1]}…"

"""The conflict report as a file: what people open in a spreadsheet, decide in, and hand back.

The columns are `COLUMNS`, here and nowhere else. The dialect is that of a French spreadsheet: semicolons, UTF-8 with
a byte order mark, CRLF, decimal comma, dd/mm/yyyy. A person decides with it, so that names stand in it in clear.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from stocksync.reports import wording
from stocksync.reports.escaping import escaped
from stocksync.reports.spelling import Cell, ChoiceLabels, Language, Speller, attribute_of, day
from stocksync.reports.words import CLOSED, OWNERS
from stocksync.stock.reasons import Reason
from stocksync.stock.values import Kind, Side
from stocksync.stock.vehicle import STAGE, Attribute

DELIMITER: Final = ";"
LINE_END: Final = "\r\n"
BYTE_ORDER_MARK: Final = "\ufeff"
MODULE_DECIDES, DMS_DECIDES = "module", "dms"

_DECIDED_BY_CHOICE: Final = frozenset(
    {
        Reason.FIRST_CONTACT,
        Reason.BOTH_CHANGED,
        Reason.IMPLAUSIBLE_JUMP,
        Reason.IMMUTABLE_CHANGED,
        Reason.REFUSED_CHANGE,
        Reason.BLANK_NOT_FILLED,
        Reason.INVALID_VALUE,
    }
)
"""Reasons that end with one side's value being taken; the others end in one of the systems."""


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One finding with everything that a person decides by; values in their neutral spelling."""

    conflict_id: int
    case: wording.Case
    point_of_sale: str
    vin: str | None
    registration: str | None
    police_number: str | None
    make_and_model: str
    stage: str | None
    opened_on: date
    today_on: date
    vocabulary: Mapping[str, Attribute]
    choice_labels: ChoiceLabels
    closed_on: date | None = None
    closed_because: str | None = None

    def state(self, language: Language) -> str:
        """Say whether the row is open, else since when and why it is closed."""
        if self.closed_on is None:
            return "ouvert" if language == "fr" else "open"
        why = CLOSED[language].get(self.closed_because or "", self.closed_because or "")
        since = f"clos le {day(self.closed_on)}" if language == "fr" else f"closed on {day(self.closed_on)}"
        return f"{since} ({why})" if why else since

    @property
    def age_days(self) -> int:
        """Whole days since it was first seen."""
        return max((self.today_on - self.opened_on).days, 0)

    @property
    def proposed(self) -> str:
        """The decision that the ownership matrix suggests; blank where no choice of a side settles it."""
        case = self.case
        if (
            self.closed_on is not None
            or case.reason not in _DECIDED_BY_CHOICE
            or case.owner not in (Side.VEHICLE_MODULE, Side.DMS)
        ):
            return ""
        if f"{case.owner}_invalid" in case.details:
            return ""
        return MODULE_DECIDES if case.owner == Side.VEHICLE_MODULE else DMS_DECIDES

    @property
    def fingerprint(self) -> str:
        """Names exactly the values that the reader saw; the letter keeps a spreadsheet from taking it for a number."""
        seen = [self.conflict_id, self.case.vehicle_module, self.case.dms, self.case.base]
        return f"v{hashlib.blake2b(repr(seen).encode(), digest_size=8).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its stable name, its headers, and how a line fills it."""

    name: str
    fr: str
    en: str
    cell: Callable[[ReportLine, Speller], Cell]

    def header(self, language: Language) -> str:
        """What stands in the first row."""
        return self.fr if language == "fr" else self.en


def _text(get: Callable[[ReportLine], str | None]) -> Callable[[ReportLine, Speller], Cell]:
    return lambda line, _: Cell(get(line) or "")


def _value(get: Callable[[ReportLine], str | None], side: Side | None) -> Callable[[ReportLine, Speller], Cell]:
    return lambda line, speller: speller.cell(attribute_of(line.case.subject, side, line.vocabulary), get(line))


def _number(get: Callable[[ReportLine], int]) -> Callable[[ReportLine, Speller], Cell]:
    return lambda line, _: Cell(str(get(line)), is_number=True)


COLUMNS: Final = (
    Column("id", "N° de conflit", "Conflict id", _number(lambda line: line.conflict_id)),
    Column("kind", "Nature", "Kind", lambda line, s: Cell(wording.label(line.case.reason, s.language))),
    Column("point_of_sale", "Point de vente", "Point of sale", _text(lambda line: line.point_of_sale)),
    Column("vin", "Châssis", "VIN", _text(lambda line: line.vin)),
    Column("registration", "Immatriculation", "Registration", _text(lambda line: line.registration)),
    Column("police_number", "N° de police", "Police number", _text(lambda line: line.police_number)),
    Column("make_and_model", "Marque et modèle", "Make and model", _text(lambda line: line.make_and_model)),
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
    Column("since", "Depuis le", "Since", _text(lambda line: day(line.opened_on))),
    Column("age_days", "Âge (jours)", "Age (days)", _number(lambda line: line.age_days)),
    Column("state", "État", "State", lambda line, s: Cell(line.state(s.language))),
    Column(
        "what_happened",
        "Ce qui s'est passé",
        "What happened",
        lambda line, s: Cell(wording.sentence(line.case, line.vocabulary, s)),
    ),
    Column("proposed", "Décision proposée", "Proposed decision", _text(lambda line: line.proposed)),
    Column("decision", "Décision (module, dms, valeur, ignorer)", "Decision (module, dms, value, ignore)", _text(lambda _: "")),
    Column("value", "Valeur décidée", "Decided value", _text(lambda _: "")),
    Column("comment", "Commentaire", "Comment", _text(lambda _: "")),
    Column("fingerprint", "Empreinte (ne pas modifier)", "Fingerprint (leave as is)", _text(lambda x: x.fingerprint)),
)


def in_order_of_cost(lines: Iterable[ReportLine]) -> list[ReportLine]:
    """Sort by what costs money: a car that could be sold twice, then prices, then the oldest; closed ones last."""
    return sorted(lines, key=lambda line: (line.closed_on is not None, _cost(line), line.opened_on, line.conflict_id))


def _cost(line: ReportLine) -> int:
    if line.case.reason is Reason.SOLD_OUTSIDE_OPPORTUNITES:
        return 0
    attribute = line.vocabulary.get(line.case.subject)
    return 1 if attribute is not None and attribute.kind is Kind.MONEY else 2


def report_bytes(lines: Iterable[ReportLine], language: Language) -> bytes:
    """Write the report in the order of what costs money."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=DELIMITER, lineterminator=LINE_END)
    writer.writerow([escaped(column.header(language)) for column in COLUMNS])
    for line in in_order_of_cost(lines):
        speller = Speller(language, line.choice_labels, clear=True)
        cells = [column.cell(line, speller) for column in COLUMNS]
        writer.writerow([cell.text if cell.is_number else escaped(cell.text) for cell in cells])
    return f"{BYTE_ORDER_MARK}{text.getvalue()}".encode()


def write_report(path: Path, lines: Iterable[ReportLine], language: Language) -> None:
    """Write the report so that a reader finds the former file or the whole new one, never a part.

    Raises OSError.
    """
    content = report_bytes(lines, language)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise

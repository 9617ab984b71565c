"""`stocksync conflicts`: list what waits for a person, show one, export the report for a spreadsheet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stocksync.entrypoints import rendering
from stocksync.errors import UsageError

if TYPE_CHECKING:
    from stocksync.entrypoints.context import Context
    from stocksync.reports.conflict_report import ReportLine
    from stocksync.reports.spelling import Language
    from stocksync.stock.reasons import Reason
    from stocksync.sync.answers import StoredFinding

_JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")
_POINT = click.option("--point-of-sale", "wanted", metavar="ID", help="Only this one.")
_HEADERS = {
    "fr": ("N°", "Nature", "Point de vente", "Voiture", "Donnée", "Module véhicules", "DMS", "Depuis"),
    "en": ("No.", "Kind", "Point of sale", "Car", "Attribute", "Vehicle module", "DMS", "Since"),
}
_NONE = {"fr": "Rien à vérifier.", "en": "Nothing to check."}
_EXPORTED = {"fr": "{count} lignes dans {file}.", "en": "{count} rows in {file}."}


@click.group()
def conflicts() -> None:
    """See and export what waits for a person."""


@conflicts.command("list")
@_POINT
@click.option("--kind", metavar="KIND", help="Only this kind, such as both_changed.")
@click.option("--all", "closed_too", is_flag=True, help="Closed ones too.")
@_JSON
@click.pass_obj
def list_(obj: Context, wanted: str | None, kind: str | None, closed_too: bool, as_json: bool) -> None:
    """List the conflict report: what costs money first."""
    from stocksync.entrypoints.lookup import find_reason

    reason = find_reason(kind)
    found = _found(obj, wanted, reason=reason, closed_too=closed_too)
    if as_json:
        click.echo(rendering.as_json({"conflicts": [_data(row, line, obj.language) for row, line in found]}))
    elif not found:
        click.echo(_NONE[obj.language])
    else:
        rendering.echo_table(_HEADERS[obj.language], [_cells(line, obj.language) for _, line in found])


@conflicts.command()
@click.argument("conflict_id", metavar="ID", type=click.IntRange(min=1))
@_JSON
@click.pass_obj
def show(obj: Context, conflict_id: int, as_json: bool) -> None:
    """Show one row of the conflict report, closed ones included."""
    found = _found(obj, None, finding_id=conflict_id, closed_too=True)
    if not found:
        raise UsageError(f"There is no conflict {conflict_id}; `stocksync conflicts list` shows the open ones.")
    row, line = found[0]
    if as_json:
        click.echo(rendering.as_json(_data(row, line, obj.language)))
        return
    for label, text in _card(row, line, obj.language):
        click.echo(f"{label:<26} {text}")


@conflicts.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@_POINT
@click.option("--lang", type=click.Choice(["fr", "en"]), help="Of the headers and sentences.")
@click.pass_obj
def export(obj: Context, file: Path, wanted: str | None, lang: Language | None) -> None:
    """Write the conflict report to FILE for a spreadsheet; `-` is standard output.

    Semicolons, UTF-8 with a byte order mark, decimal comma, dd/mm/yyyy. Names of people stand in it in clear: a
    person decides with it.
    """
    from stocksync.reports.conflict_report import report_bytes, write_report

    language = lang or obj.language
    lines = [line for _, line in _found(obj, wanted)]
    if str(file) == "-":
        click.echo(report_bytes(lines, language), nl=False)
        return
    try:
        write_report(file, lines, language)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror or error}.") from None
    click.echo(_EXPORTED[obj.language].format(count=len(lines), file=file), err=True)


def _found(
    obj: Context,
    wanted: str | None,
    *,
    finding_id: int | None = None,
    reason: Reason | None = None,
    closed_too: bool = False,
) -> list[tuple[StoredFinding, ReportLine]]:
    """The rows that were asked for, in the order of what they cost."""
    from stocksync.assembly import SystemClock
    from stocksync.entrypoints.conflict_lines import report_lines
    from stocksync.entrypoints.context import chosen_points
    from stocksync.reports.conflict_report import in_order_of_cost

    mappings = obj.load_mappings()
    if wanted is not None:
        chosen_points(mappings, [wanted])
    with obj.questions() as questions:
        rows = questions.findings(point_of_sale=wanted, finding_id=finding_id, reason=reason, closed_too=closed_too)
        lines = list(report_lines(questions, rows, mappings, SystemClock()))
    by_id = {row.finding_id: row for row in rows}
    return [(by_id[line.conflict_id], line) for line in in_order_of_cost(lines)]


def _cells(line: ReportLine, language: Language) -> list[str]:
    from stocksync.reports.spelling import day
    from stocksync.reports.wording import label, subject_label

    module, dms, _ = _values(line, language)
    return [
        str(line.conflict_id),
        label(line.case.reason, language),
        line.point_of_sale,
        " ".join(text for text in (line.vin, line.registration) if text),
        subject_label(line.case.subject, line.vocabulary, language),
        module,
        dms,
        day(line.opened_on),
    ]


def _values(line: ReportLine, language: Language) -> tuple[str, str, str]:
    """Both values and the last common one, names of people masked; empty where nothing is held."""
    from stocksync.reports.spelling import Speller, attribute_of
    from stocksync.stock.values import Side

    speller, case = Speller(language, line.choice_labels), line.case

    def shown(side: Side | None, text: str | None) -> str:
        return "" if text is None else speller.text(attribute_of(case.subject, side, line.vocabulary), text)

    return shown(Side.VEHICLE_MODULE, case.vehicle_module), shown(Side.DMS, case.dms), shown(None, case.base)


def _card(row: StoredFinding, line: ReportLine, language: Language) -> list[tuple[str, str]]:
    """A row as label and text, under the report's own headers."""
    from stocksync.reports.conflict_report import COLUMNS
    from stocksync.reports.spelling import Speller
    from stocksync.reports.words import CLOSED

    speller = Speller(language, line.choice_labels)
    values = dict(zip(("vehicle_module", "dms", "base"), _values(line, language), strict=True))
    card = [
        (column.header(language), values.get(column.name) or column.cell(line, speller).text)
        for column in COLUMNS
        if column.name not in ("decision", "value", "comment", "fingerprint")
    ]
    if row.closed_because is not None:
        closed = "Close" if language == "fr" else "Closed"
        card.append((closed, CLOSED[language].get(row.closed_because, row.closed_because)))
    return [(label, text) for label, text in card if text]


def _data(row: StoredFinding, line: ReportLine, language: Language) -> dict[str, Any]:
    """A row for a program; names of people are masked."""
    from stocksync.reports.spelling import Speller, attribute_of, neutral
    from stocksync.reports.wording import sentence

    finding, case = row.finding, line.case
    attribute = attribute_of(finding.subject, None, line.vocabulary)
    return {
        "id": row.finding_id,
        "kind": finding.reason.value,
        "category": finding.category.value,
        "point_of_sale": row.point_of_sale,
        "car": finding.car_id,
        "vin": line.vin,
        "registration": line.registration,
        "police_number": line.police_number,
        "subject": finding.subject,
        "owner": case.owner,
        "vehicle_module": neutral(attribute, finding.vehicle_module),
        "dms": neutral(attribute, finding.dms),
        "base": neutral(attribute, finding.base),
        "opened_at": row.opened_at.isoformat(),
        "changed_at": row.changed_at.isoformat(),
        "closed_at": row.closed_at.isoformat() if row.closed_at is not None else None,
        "closed_because": row.closed_because,
        "age_days": line.age_days,
        "proposed": line.proposed or None,
        "sentence": sentence(case, line.vocabulary, Speller(language, line.choice_labels)),
        "fingerprint": line.fingerprint,
    }

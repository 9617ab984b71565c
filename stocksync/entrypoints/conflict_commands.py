"""`stocksync conflicts list`, `show` and `export`: what waits for a person, one story, the report for a spreadsheet."""

from __future__ import annotations

import textwrap
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stocksync.entrypoints import rendering
from stocksync.errors import UsageError
from stocksync.stock.reasons import Reason

if TYPE_CHECKING:
    from stocksync.entrypoints.context import Context
    from stocksync.entrypoints.report_out import Found
    from stocksync.reports.report_files import Format, Written
    from stocksync.reports.report_lines import ReportLine
    from stocksync.reports.spelling import Language
    from stocksync.sync.answers import StoredFinding

_JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")
_POINT = click.option("--point-of-sale", "wanted", metavar="ID", help="Only this one.")
_HEADERS = {
    "fr": ("N°", "Nature", "Point de vente", "Voiture", "Donnée", "Module véhicules", "DMS", "Depuis", "État"),
    "en": ("No.", "Kind", "Point of sale", "Car", "Attribute", "Vehicle module", "DMS", "Since", "State"),
}
_STORY = {"fr": ("Décisions", "Histoire"), "en": ("Decisions", "Story")}
_NONE = {"fr": "Rien à vérifier.", "en": "Nothing to check."}
_EXPORTED = {"fr": "{count:ligne|lignes} dans {file}.", "en": "{count:row|rows} in {file}."}
_ANNEXED = {"fr": " Annexe : {count:ligne|lignes} {where}.", "en": " Annex: {count:row|rows} {where}."}
_IN_SHEET = {"fr": "dans la deuxième feuille", "en": "in the second sheet"}
_IN_FILE = {"fr": "dans {annex}", "en": "in {annex}"}
_THERE = (
    "{file} is there already, and somebody's decisions may stand in it. Name another file, or overwrite it with "
    "--force."
)
_SINCE = click.option(
    "--since",
    "since_days",
    type=click.IntRange(min=0),
    default=7,
    show_default=True,
    metavar="DAYS",
    help="With refused changes that were settled within so many days; 0: only what is open.",
)


_KINDS = "\b\nKINDs:\n" + textwrap.fill(
    ", ".join(reason.value for reason in Reason), 76, initial_indent="  ", subsequent_indent="  "
)


@click.group()
def conflicts() -> None:
    """See what waits for a person, hand it out to a spreadsheet, and take decisions back in."""


@conflicts.command("list", epilog=_KINDS)
@_POINT
@click.option("--kind", metavar="KIND", help="Only this kind, of those below.")
@_SINCE
@click.option("--all", "closed_too", is_flag=True, help="Everything that was ever closed too.")
@_JSON
@click.pass_obj
def list_(obj: Context, wanted: str | None, kind: str | None, since_days: int, closed_too: bool, as_json: bool) -> None:
    """List the conflict report: what costs money first.

    What is open, and refused changes that a synchronisation settled in the same run.
    """
    from stocksync.entrypoints.lookup import find_reason

    reasons = [reason] if (reason := find_reason(kind)) is not None else []
    found = _found(obj, wanted, reasons=reasons, since_days=None if closed_too else since_days)
    if as_json:
        click.echo(rendering.as_json({"conflicts": [_data(row, line, obj.language) for row, line in found]}))
    elif not found:
        click.echo(_NONE[obj.language])
    else:
        rendering.echo_rows(_HEADERS[obj.language], [_cells(line, obj.language) for _, line in found])


@conflicts.command()
@click.argument("conflict_id", metavar="ID", type=click.IntRange(min=1))
@_JSON
@click.pass_obj
def show(obj: Context, conflict_id: int, as_json: bool) -> None:
    """Tell the whole story of one conflict.

    The row as the report has it, closed ones included; every decision about it, by whom, when, in which file and what
    became of it; and everything that happened to it, oldest first.
    """
    from stocksync.assembly import SystemClock
    from stocksync.entrypoints.conflict_story import story_of
    from stocksync.entrypoints.stored_cars import stored_cars

    found = _found(obj, None, finding_id=conflict_id, since_days=None)
    if not found:
        raise UsageError(f"There is no conflict {conflict_id}; `stocksync conflicts list` shows the open ones.")
    row, line = found[0]
    mappings = obj.load_mappings()
    with obj.questions() as questions:
        mapping = stored_cars(questions, [row], mappings, SystemClock()).mapping_of(row)
        story = story_of(questions, row, mapping, obj.language)
    if as_json:
        click.echo(rendering.as_json(_data(row, line, obj.language) | story.as_data()))
        return
    for label, text in _card(line, obj.language):
        click.echo(f"{label:<26} {text}")
    for title, lines in zip(_STORY[obj.language], (story.decision_lines(), story.lines()), strict=True):
        for number, told in enumerate(lines):
            click.echo(f"\n{title}\n  {told}" if number == 0 else f"  {told}")


@conflicts.command(epilog=_KINDS)
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@_POINT
@click.option("--kind", "kinds", metavar="KIND", multiple=True, help="Only this kind, of those below; several times.")
@_SINCE
@click.option("--lang", type=click.Choice(["fr", "en"]), help="Of the headers and sentences.")
@click.option("--format", "format_", type=click.Choice(["csv", "xlsx"]), help="By default, as FILE's ending says.")
@click.option("--flat", is_flag=True, help="A row for each car, and no annex.")
@click.option("--force", is_flag=True, help="Overwrite FILE and its annex where they are there.")
@click.pass_obj
def export(
    obj: Context,
    file: Path,
    wanted: str | None,
    kinds: tuple[str, ...],
    since_days: int,
    lang: Language | None,
    format_: Format | None,
    flat: bool,
    force: bool,
) -> None:
    """Write the conflict report to FILE for a spreadsheet; `-` is standard output.

    A workbook where FILE ends in .xlsx; else semicolons, UTF-8 with a byte order mark, decimal comma, dd/mm/yyyy.
    Rows with the same cause are one row, and an annex lists them: the second sheet of a workbook, else
    conflits-annexe.csv beside conflits.csv (-annex.csv in English). On standard output nothing is grouped. Names of
    people stand in it in clear: a person decides with it. Where FILE or its annex is there already, nothing is written
    without --force.
    """
    from stocksync.assembly import SystemClock, open_questions
    from stocksync.entrypoints.context import chosen_points
    from stocksync.entrypoints.lookup import find_reason
    from stocksync.entrypoints.report_out import hand_out
    from stocksync.reports.conflict_report import report_bytes
    from stocksync.reports.report_files import files_there, format_of

    language = lang or obj.language
    reasons = [reason for kind in kinds if (reason := find_reason(kind)) is not None]
    if str(file) == "-":
        if format_ == "xlsx":
            raise UsageError("A workbook is not written to standard output; name a file that ends in .xlsx.")
        lines = [line for _, line in _found(obj, wanted, reasons=reasons, since_days=since_days)]
        click.echo(report_bytes(lines, language), nl=False)
        return
    if format_ is None and file.suffix.casefold() in (".xls", ".xlsm", ".ods", ".numbers"):
        raise UsageError(f"{file.name}: a report is written as .xlsx or .csv; name such a file, or give --format.")
    form = format_ or format_of(file)
    if not force and (there := files_there(file, language, form)):
        raise UsageError(_THERE.format(file=there[0]))
    mappings = obj.load_mappings()
    if wanted is not None:
        chosen_points(mappings, [wanted])
    try:
        with obj.repository(only_reading=True) as repository:
            written = hand_out(
                open_questions(repository),
                repository,
                mappings,
                SystemClock(),
                file,
                language,
                form,
                point_of_sale=wanted,
                reasons=reasons,
                since_days=since_days,
                flat=flat,
            )
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror or error}.") from None
    click.echo(_exported(file, written, language), err=True)


def _exported(file: Path, written: Written, language: Language) -> str:
    from stocksync.reports.spelling import Counted
    from stocksync.reports.wording import typeset

    said = _EXPORTED[language].format(count=Counted(written.rows, language), file=file)
    if not written.annex_rows:
        return said
    where = (_IN_FILE if written.annex else _IN_SHEET)[language].format(annex=written.annex)
    return said + typeset(_ANNEXED[language], language).format(count=Counted(written.annex_rows, language), where=where)


def _found(
    obj: Context,
    wanted: str | None,
    *,
    finding_id: int | None = None,
    reasons: Collection[Reason] = (),
    since_days: int | None,
) -> Found:
    """The rows that were asked for, in the order of what they cost; since_days None: closed ones of any age."""
    from stocksync.assembly import SystemClock
    from stocksync.entrypoints.context import chosen_points
    from stocksync.entrypoints.report_out import ReportDesk

    mappings = obj.load_mappings()
    if wanted is not None:
        chosen_points(mappings, [wanted])
    with obj.questions() as questions:
        desk = ReportDesk(questions, mappings, SystemClock(), obj.language)
        return desk.found(point_of_sale=wanted, finding_id=finding_id, reasons=reasons, since_days=since_days)


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
        line.state(language),
    ]


def _values(line: ReportLine, language: Language) -> tuple[str, str, str]:
    """Both values and the last common one, names of people masked; empty where nothing is held."""
    from stocksync.reports.spelling import Speller, attribute_of
    from stocksync.reports.wording import shown_values
    from stocksync.stock.values import Side

    speller, case = Speller(language, line.choice_labels), line.case
    shown = shown_values(case, line.vocabulary, speller)
    base = attribute_of(case.subject, None, line.vocabulary)
    return (
        shown[Side.VEHICLE_MODULE] if case.vehicle_module is not None else "",
        shown[Side.DMS] if case.dms is not None else "",
        speller.text(base, case.base) if case.base is not None else "",
    )


def _card(line: ReportLine, language: Language) -> list[tuple[str, str]]:
    """A row as label and text, under the report's own headers."""
    from stocksync.reports.conflict_report import COLUMNS
    from stocksync.reports.spelling import Speller

    speller = Speller(language, line.choice_labels)
    values = dict(zip(("vehicle_module", "dms", "base"), _values(line, language), strict=True))
    card = [
        (column.header(language), values.get(column.name) or column.cell(line, speller).text)
        for column in COLUMNS
        if column.name not in ("decision", "value", "comment", "fingerprint")
    ]
    return [(label, text) for label, text in card if text]


def _data(row: StoredFinding, line: ReportLine, language: Language) -> dict[str, Any]:
    """A row for a program; names of people are masked."""
    from stocksync.reports.spelling import Speller, attribute_of, neutral

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
        "state": "closed" if row.closed_at is not None else "ignored" if row.ignored_by is not None else "open",
        "closed_at": row.closed_at.isoformat() if row.closed_at is not None else None,
        "closed_because": row.closed_because,
        "age_days": line.age_days,
        "proposed": line.proposed or None,
        "sentence": line.told(Speller(language, line.choice_labels)),
        "fingerprint": line.fingerprint,
    }

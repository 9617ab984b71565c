"""`stocksync conflicts import` and `undo`: a report that comes back with decisions, and one decision taken back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from stocksync.entrypoints import exit_codes, rendering
from stocksync.entrypoints.signature import signed
from stocksync.errors import UsageError

if TYPE_CHECKING:
    from stocksync.entrypoints.context import Context
    from stocksync.entrypoints.decision_desk import TakenIn
    from stocksync.reports.decision_answers import AnsweredRow
    from stocksync.reports.spelling import Language

_BY: Final = click.option(
    "--by", metavar="NAME", help="Who decided; noted with every decision. [the user of this machine]"
)
_JSON: Final = click.option("--json", "as_json", is_flag=True, help="For programs.")
_SHOWN: Final = 40
_WORDS: Final = {
    "fr": {
        "total": "{taken:décision prise|décisions prises}, {already:déjà prise|déjà prises}, "
        "{failed:refusée|refusées}, {untouched:ligne|lignes} sans décision.",
        "dry": "Essai à blanc : rien n'est enregistré.",
        "unchanged": "Essai à blanc : rien n'est changé.",
        "others": "La même ligne a décidé de {others} autres conflits, qui restent décidés ; tous ensemble : "
        "stocksync conflicts undo {conflict} --lot",
        "more": "… et {more} de plus ; tout est dans {file}.",
        "answer": "La réponse, ligne par ligne : {file}",
        "unwritten": "La réponse ne peut pas être écrite dans {file} ({why}) ; les décisions sont prises.",
        "line": "ligne {line}",
        "conflict": "conflit n° {conflict}",
        "kept": "Conflit n° {conflict} ({car}) : {why}",
        "next": "Elles seront appliquées à la prochaine synchronisation : stocksync sync",
    },
    "en": {
        "total": "{taken:decision|decisions} taken, {already} there already, {failed} refused, {untouched:row|rows} "
        "without a decision.",
        "dry": "Dry run: nothing is kept.",
        "unchanged": "Dry run: nothing is changed.",
        "others": "The same line decided {others} other conflicts, which stay decided; all together: stocksync "
        "conflicts undo {conflict} --lot",
        "more": "… and {more} more; all of it is in {file}.",
        "answer": "The answer, row by row: {file}",
        "unwritten": "The answer cannot be written to {file} ({why}); the decisions are taken.",
        "line": "line {line}",
        "conflict": "conflict {conflict}",
        "kept": "Conflict {conflict} ({car}): {why}",
        "next": "They are carried out by the next synchronisation: stocksync sync",
    },
}


@click.command("import")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Answer every row, and keep nothing.")
@_BY
@click.option("--lang", type=click.Choice(["fr", "en"]), help="Of the answer.")
@_JSON
@click.pass_obj
def import_(obj: Context, file: Path, dry_run: bool, by: str | None, lang: Language | None, as_json: bool) -> int:
    """Take in the decisions of a conflict report that comes back.

    FILE is the report as any spreadsheet saved it (CSV or xlsx), `-` for standard input. Fill in the decision (module,
    dms, valeur, ignorer), the value where it is `valeur`, and a comment if you like; leave the rest as it is.

    \b
    Every decision is answered, on screen and in a CSV beside FILE. What is accepted is carried out by the next
    `stocksync sync`, as long as both sides still hold what the report showed. Taking the same file in twice changes
    nothing. Ends with 2 if a decision was refused, or if the file cannot be read: then nothing of it is taken.
    """
    from stocksync.assembly import SystemClock, open_questions
    from stocksync.entrypoints.decision_desk import DecisionDesk, HandedIn

    language = lang or obj.language
    handed_in = HandedIn(_name_of(file), _read(file), signed(by, "decided"))
    mappings = obj.load_mappings()
    with obj.repository(only_reading=True) as repository:
        desk = DecisionDesk(open_questions(repository), repository, mappings, SystemClock(), language)
        taken = desk.take_in(handed_in, dry_run=dry_run)
    answer = None if dry_run or str(file) == "-" else answer_file_of(file, language)
    if answer is not None:
        answer = _write_answer(answer, taken, language)
    if as_json:
        click.echo(rendering.as_json(_as_data(taken, language, answer, dry_run=dry_run)))
    else:
        _echo(taken, language, answer, dry_run=dry_run)
    raise click.exceptions.Exit(exit_codes.WRONG_USE if taken.failed else exit_codes.DONE)


@click.command()
@click.argument("conflict_id", metavar="ID", type=click.IntRange(min=1))
@_BY
@click.option("--lot", "whole_lot", is_flag=True, help="Everything that was decided by the same line for several cars.")
@click.option("--dry-run", is_flag=True, help="Tell what would follow, and change nothing.")
@click.pass_obj
def undo(obj: Context, conflict_id: int, by: str | None, whole_lot: bool, dry_run: bool) -> None:
    """Take back what was decided of the conflict ID.

    As long as nothing moved since: a decision that was not carried out yet is void; one that was, is undone by the next
    `stocksync sync`, which puts back what each side held before. Ends with 2 if one cannot be taken back.
    """
    from stocksync.assembly import SystemClock, open_questions
    from stocksync.entrypoints.taken_back import car_of_conflict, lot_of_decision, take_back_decision

    mappings, who = obj.load_mappings(), signed(by, "decided")
    with obj.repository(only_reading=True) as repository:
        questions = open_questions(repository)
        numbers = lot_of_decision(questions, conflict_id) if whole_lot else [conflict_id]
        failed = False
        for number in numbers:
            try:
                said = take_back_decision(
                    questions, repository, mappings, SystemClock(), number, who, obj.language, dry_run=dry_run
                )
            except UsageError as error:
                # One car of a lot that moved since must not keep the others from being taken back.
                if len(numbers) == 1:
                    raise
                failed, car = True, car_of_conflict(questions, number)
                said = _said("kept", obj.language).format(conflict=number, car=car, why=error)
            click.echo(said)
        others = len(lot_of_decision(questions, conflict_id)) - 1 if not whole_lot else 0
    if others > 0:
        click.echo(_said("others", obj.language).format(others=others, conflict=conflict_id))
    if dry_run:
        click.echo(_said("unchanged", obj.language))
    if failed:
        raise click.exceptions.Exit(exit_codes.WRONG_USE)


def answer_file_of(file: Path, language: Language) -> Path:
    """Where the answer to a file stands: beside it."""
    return file.with_name(f"{file.stem}-{'reponse' if language == 'fr' else 'answer'}.csv")


def _read(file: Path) -> bytes:
    from stocksync.reports.returned_file import MAX_BYTES

    # One byte too many is enough to refuse it; a file of any size is never read whole.
    if str(file) == "-":
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or error}.") from None


def _name_of(file: Path) -> str:
    return "-" if str(file) == "-" else file.name


def _write_answer(answer: Path, taken: TakenIn, language: Language) -> Path | None:
    from stocksync.reports.decision_answers import answers_bytes
    from stocksync.reports.files import write_atomically

    try:
        write_atomically(answer, answers_bytes(taken.rows, language))
    except OSError as error:
        said = _said("unwritten", language).format(file=answer, why=error.strerror or error)
        click.echo(said, err=True)
        return None
    return answer


def _echo(taken: TakenIn, language: Language, answer: Path | None, *, dry_run: bool) -> None:
    from stocksync.reports.spelling import Counted

    failed = [row for row in taken.rows if not row.succeeded]
    held = [row for row in taken.rows if row.succeeded]
    for row in (*failed, *held[:_SHOWN]):
        click.echo(_line(row, language))
    if len(held) > _SHOWN:
        click.echo(_said("more", language).format(more=len(held) - _SHOWN, file=answer or "--json"))
    counts = {
        "taken": taken.accepted,
        "already": taken.already,
        "failed": taken.failed,
        "untouched": taken.untouched,
    }
    click.echo(_said("total", language).format(**{n: Counted(c, language) for n, c in counts.items()}))
    if dry_run:
        click.echo(_said("dry", language))
    elif any(row.targets for row in held):
        click.echo(_said("next", language))
    if answer is not None:
        click.echo(_said("answer", language).format(file=answer))


def _line(row: AnsweredRow, language: Language) -> str:
    from stocksync.reports.decision_answers import detail, status

    where = _said("line", language).format(line=row.line)
    if row.sheet:
        where = f"{row.sheet}, {where}"
    what = _said("conflict", language).format(conflict=row.conflict or "?")
    car = " ".join(text for text in (row.vin, row.label) if text)
    colour = "green" if row.succeeded else "red"
    named = f"{where}, {what}" + (f", {car}" if car else "")
    return f"{click.style(status(row, language), fg=colour)}  {named}\n        {detail(row, language)}"


def _as_data(taken: TakenIn, language: Language, answer: Path | None, *, dry_run: bool) -> dict[str, Any]:
    from stocksync.reports.decision_answers import detail

    return {
        "dry_run": dry_run,
        "taken": taken.accepted,
        "already": taken.already,
        "failed": taken.failed,
        "untouched": taken.untouched,
        "answer": str(answer) if answer is not None else None,
        "rows": [
            {
                "line": row.line,
                "sheet": row.sheet or None,
                "conflict": row.conflict or None,
                "point_of_sale": row.point_of_sale or None,
                "vin": row.vin or None,
                "subject": row.attribute.name if row.attribute is not None else None,
                "decision": row.decision,
                "answer": row.answer.value,
                "why": row.why.value if row.why is not None else None,
                "succeeded": row.succeeded,
                "detail": detail(row, language),
            }
            for row in taken.rows
        ],
    }


def _said(key: str, language: Language) -> str:
    from stocksync.reports.wording import typeset

    return typeset(_WORDS[language][key], language)

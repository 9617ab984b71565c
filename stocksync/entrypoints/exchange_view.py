"""What people and programs are told of files that came in through an exchange folder, and of reports put out there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from stocksync.reports.spelling import Counted, Language
from stocksync.reports.wording import typeset

_WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {
        "taken": "{point} : {file} : {taken:décision prise|décisions prises}, {already:déjà prise|déjà prises}, "
        "{failed:refusée|refusées} ; réponse dans {answer}",
        "refused": "{point} : {file} : illisible, rien n'en est pris ; réponse dans {answer}",
        "changed": "{point} : {file} : modifié pendant la reprise ; le prochain passage le reprendra",
        "report": "  rapport       {rows:ligne|lignes} dans {file}{same}",
        "same": ", inchangé",
        "trouble": "{point} : échange de fichiers impossible, {where} : {why} ; la synchronisation n'en dépend pas.",
        "no_root": "Échange de fichiers impossible, {where} : {why} ; la synchronisation n'en dépend pas.",
    },
    "en": {
        "taken": "{point}: {file}: {taken:decision|decisions} taken, {already} there already, {failed} refused; the "
        "answer is in {answer}",
        "refused": "{point}: {file}: cannot be read, nothing of it is taken; the answer is in {answer}",
        "changed": "{point}: {file}: changed while it was taken in; the next run takes it in again",
        "report": "  report        {rows:row|rows} in {file}{same}",
        "same": ", unchanged",
        "trouble": "{point}: files cannot be exchanged, {where}: {why}; the synchronisation does not depend on it.",
        "no_root": "Files cannot be exchanged, {where}: {why}; the synchronisation does not depend on it.",
    },
}


@dataclass(frozen=True, slots=True)
class ReturnedFile:
    """What became of a file that was handed in.

    answer: where it is answered; None where the file changed meanwhile, and stays. refused: why nothing of it was
    taken, None where it could be read.
    """

    file: str
    taken: int
    already: int
    failed: int
    untouched: int
    answer: Path | None
    refused: str | None

    def as_data(self) -> dict[str, Any]:
        """The file for programs."""
        return {
            "file": legible(self.file),
            "taken": self.taken,
            "already": self.already,
            "failed": self.failed,
            "untouched": self.untouched,
            "answer": legible(str(self.answer)) if self.answer is not None else None,
            "refused": self.refused,
        }


@dataclass(frozen=True, slots=True)
class PutOut:
    """A report that was put out; changed: it was not there as it is."""

    file: Path
    rows: int
    changed: bool

    def as_data(self) -> dict[str, Any]:
        """The report for programs."""
        return {"file": legible(str(self.file)), "rows": self.rows, "changed": self.changed}


def legible(name: str) -> str:
    """Show a file's name, whatever its bytes: on one line, and in characters that can be stored and printed."""
    text = os.fsencode(name).decode(errors="replace")
    return "".join(c if c.isprintable() else "�" for c in text)


def echo_returned(point_of_sale: str, files: Iterable[ReturnedFile], language: Language) -> None:
    """Print what became of each file."""
    for file in files:
        key = "changed" if file.answer is None else "taken" if file.refused is None else "refused"
        told = {
            "point": point_of_sale,
            "file": legible(file.file),
            "taken": Counted(file.taken, language),
            "already": Counted(file.already, language),
            "failed": Counted(file.failed, language),
            "answer": legible(str(file.answer)),
        }
        click.echo(_said(key, language).format_map(told))


def echo_put_out(put_out: PutOut, language: Language) -> None:
    """Print where the report is, below what a run came to."""
    rows, file = Counted(put_out.rows, language), legible(str(put_out.file))
    same = "" if put_out.changed else _said("same", language)
    click.echo(_said("report", language).format(rows=rows, file=file, same=same))


def echo_trouble(point_of_sale: str, where: str, why: str, language: Language) -> None:
    """Say on standard error why files could not be exchanged; "" for the root, which is every point of sale's."""
    template = _said("trouble" if point_of_sale else "no_root", language)
    click.secho(template.format(point=point_of_sale, where=where, why=why), fg="red", err=True)


def _said(key: str, language: Language) -> str:
    return typeset(_WORDS[language][key], language)

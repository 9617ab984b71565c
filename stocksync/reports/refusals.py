"""Why a file that was handed back is refused as a whole: one sentence each, in French and English.

What is wrong with a single row or cell is no refusal: `cell_problem`.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from stocksync.mapping.spelling import shown
from stocksync.reports.spelling import NO_BREAK, Language, count, quoted
from stocksync.reports.wording import french_spaces

MEGABYTE: Final = 1_000_000


class Refusal(Enum):
    """What was found, the limit where there is one, and what to do: (French, English)."""

    EMPTY = (
        "le fichier est vide ; renvoyer le rapport rempli",
        "the file is empty; hand back the report itself",
    )
    TOO_LARGE = (
        f"il fait {{found}}{NO_BREAK}Mo et la limite est de {{limit}}{NO_BREAK}Mo ; n'y laisser que le rapport",
        "it has {found} MB and the limit is {limit} MB; leave nothing but the report in it",
    )
    OTHER_KIND = (
        "c'est {kind} ; l'enregistrer en .xlsx ou en .csv depuis le tableur, et renvoyer ce fichier-là",
        "it is {kind}; save it as .xlsx or as .csv from the spreadsheet, and hand that file back",
    )
    PASSWORD = (
        "le classeur est protégé par un mot de passe ; enlever le mot de passe et l'enregistrer de nouveau en .xlsx",
        "the workbook is protected by a password; take the password off and save it again as .xlsx",
    )
    BROKEN = (
        "le classeur est endommagé ou incomplet ; le rouvrir dans le tableur et l'enregistrer de nouveau en .xlsx",
        "the workbook is damaged or incomplete; open it in the spreadsheet and save it again as .xlsx",
    )
    UNFOLDS = (
        f"le classeur décompressé ferait {{found}}{NO_BREAK}Mo et la limite est de {{limit}}{NO_BREAK}Mo ; copier le "
        "rapport dans un classeur neuf",
        "the workbook would unfold to {found} MB and the limit is {limit} MB; copy the report into a new workbook",
    )
    DENSE = (
        "le classeur est compressé {found} fois et la limite est de {limit} fois ; copier le rapport dans un classeur "
        "neuf",
        "the workbook is compressed {found} times and the limit is {limit} times; copy the report into a new workbook",
    )
    MANY_PARTS = (
        "le classeur se compose de {found} fichiers et la limite est de {limit} ; copier le rapport dans un classeur "
        "neuf",
        "the workbook consists of {found} files and the limit is {limit}; copy the report into a new workbook",
    )
    OVERLOADED = (
        "le classeur contient plus de {limit} éléments {what} ; copier le rapport dans un classeur neuf",
        "the workbook holds more than {limit} elements {what}; copy the report into a new workbook",
    )
    DEFINITIONS = (
        "le classeur contient des définitions XML (DTD), qu'aucun tableur n'écrit ; copier le rapport dans un classeur "
        "neuf",
        "the workbook holds XML definitions (DTD), which no spreadsheet writes; copy the report into a new workbook",
    )
    MANY_ROWS = (
        "il a plus de {limit} lignes ; n'y laisser que le rapport",
        "it has more than {limit} rows; leave nothing but the report in it",
    )
    MANY_COLUMNS = (
        "{place} a {found} colonnes et la limite est de {limit} ; supprimer les colonnes qui ne sont pas du rapport",
        "{place} has {found} columns and the limit is {limit}; delete the columns that are not the report's",
    )
    LONG_CELL = (
        "une cellule de {place} a {found} caractères et la limite est de {limit} ; la raccourcir",
        "a cell of {place} has {found} characters and the limit is {limit}; shorten it",
    )
    NUL = (
        "{place} contient un caractère nul, qu'aucun tableur n'écrit ; enregistrer le rapport de nouveau",
        "{place} holds a NUL character, which no spreadsheet writes; save the report again",
    )
    UNDECODABLE = (
        "{place} contient des octets qui ne sont pas du texte ; enregistrer le rapport de nouveau en .xlsx ou en CSV "
        "UTF-8",
        "{place} holds bytes that are no text; save the report again as .xlsx or as CSV UTF-8",
    )
    UNSURE = (
        "rien n'y dit dans quel encodage il est écrit ; enregistrer le rapport de nouveau en .xlsx ou en CSV UTF-8",
        "nothing in it tells in which encoding it is written; save the report again as .xlsx or as CSV UTF-8",
    )
    QUOTES = (
        "{place} commence une cellule dont les guillemets ne se ferment pas comme il faut ; enregistrer le rapport de "
        "nouveau dans le tableur",
        "{place} begins a cell whose quotation marks do not close as they should; save the report again in the "
        "spreadsheet",
    )
    ONE_COLUMN = (
        "tout y tient dans une seule colonne ; rouvrir le rapport, vérifier que le séparateur est le point-virgule, et "
        "l'enregistrer de nouveau",
        "everything in it stands in one single column; open the report again, see that the separator is the "
        "semicolon, and save it again",
    )
    NO_HEADER = (
        "aucune de ses {limit} premières lignes n'a les colonnes {columns} ; renvoyer le rapport avec ses en-têtes",
        "none of its first {limit} rows has the columns {columns}; hand back the report with its headers",
    )
    MISSING = (
        "il manque {columns} dans {place} ; remettre les colonnes du rapport avec leurs en-têtes",
        "{place} lacks {columns}; put the columns of the report back, with their headers",
    )
    TWICE = (
        "la colonne {columns} figure deux fois dans {place} ; supprimer celle qui n'est pas du rapport",
        "the column {columns} stands twice in {place}; delete the one that is not the report's",
    )


class Refused(Exception):
    """A file that is not taken; `facts` fill in its sentence, a tuple being (French, English).

    It becomes an `UnreadableFile` where the language is known.
    """

    def __init__(self, refusal: Refusal, **facts: str | int | tuple[str, str]) -> None:
        super().__init__(refusal.name)
        self.refusal = refusal
        self.facts = facts

    def sentence(self, name: str, language: Language) -> str:
        """Say what is wrong with the file and what to do."""
        french = language == "fr"
        told = {fact: _told(value, language) for fact, value in self.facts.items()}
        told["name"] = shown(name)
        told["place"] = _place(told.get("line", ""), told.get("sheet", ""), language)
        why = self.refusal.value[0 if french else 1]
        start = f"{quoted('{name}', language)} ne peut pas être repris : " if french else "“{name}” cannot be taken: "
        return ((french_spaces(start + why)) if french else start + why).format_map(told) + "."


def _told(value: str | int | tuple[str, str], language: Language) -> str:
    if isinstance(value, tuple):
        return value[0 if language == "fr" else 1]
    return count(value, language) if isinstance(value, int) else value


def _place(line: str, sheet: str, language: Language) -> str:
    row = (f"la ligne {line}" if language == "fr" else f"row {line}") if line else ""
    sheet = shown(sheet)
    if not sheet:
        return row or ("son en-tête" if language == "fr" else "its header")
    named = f"la feuille {quoted(sheet, language)}" if language == "fr" else f"the sheet {quoted(sheet, language)}"
    return f"{row} de {named}" if language == "fr" and row else f"{row} of {named}" if row else named

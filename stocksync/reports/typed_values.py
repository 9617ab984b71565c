"""The value that a reviewer typed into a report: read as the attribute's kind, or a problem that says what is due.

Never guessed: what could be two values is a problem. Whether a value is allowed (its bounds, the rules between
attributes) is not asked here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from stocksync.mapping.converters import Identifier, Registration, Text, Vin
from stocksync.mapping.spelling import Converter, shown
from stocksync.reports.cell_problem import CellProblem
from stocksync.reports.conflict_report import COLUMNS
from stocksync.reports.spelling import NO_BREAK, UNITS, ChoiceLabels, Language
from stocksync.reports.typed_dates import date_of
from stocksync.reports.typed_numbers import cents_of, whole_number_of
from stocksync.stock.values import Kind, Value, folded
from stocksync.stock.vehicle import Attribute

_TRUTH: Final[Mapping[str, bool]] = {
    **dict.fromkeys(("oui", "o", "vrai", "true", "yes", "y", "1"), True),
    **dict.fromkeys(("non", "n", "faux", "false", "no", "0"), False),
}
_EXPONENT: Final = re.compile(r"'?-?\d+(?:[.,]\d+E[+-]?\d+|E[+-]\d+)", re.ASCII | re.IGNORECASE)
"""What a spreadsheet makes of a long number; digits are lost in it."""
_LONGEST: Final = 200
"""Characters of anything but a text; more are not looked at."""
_CUT_NUMBER: Final = re.compile(r"\d{15}0+", re.ASCII)
"""Spreadsheets keep 15 digits of a number and put noughts for the others."""
_CONVERTERS: Final[Mapping[Kind, Converter]] = {
    Kind.VIN: Vin(),
    Kind.REGISTRATION: Registration(),
    Kind.IDENTIFIER: Identifier(),
    Kind.TEXT: Text(),
}
_DUE: Final[Mapping[Language, Mapping[Kind, str]]] = {
    "fr": {
        Kind.MONEY: "un montant en euros, par exemple 12500,00",
        Kind.INTEGER: "un nombre entier, par exemple 84500",
        Kind.DATE: "une date jour/mois/année, par exemple 14/05/2019",
        Kind.BOOLEAN: "oui ou non",
        Kind.VIN: "un numéro de châssis, par exemple WBARLG5UERV738036",
        Kind.REGISTRATION: "une immatriculation, par exemple AA-123-AA",
        Kind.IDENTIFIER: "un numéro ou un code de 64 caractères au plus, par exemple 2026-00059",
        Kind.TEXT: "un texte de 4000 caractères au plus, sans caractères invisibles",
    },
    "en": {
        Kind.MONEY: "an amount in euros, for example 12500.00",
        Kind.INTEGER: "a whole number, for example 84500",
        Kind.DATE: "a date day/month/year, for example 14/05/2019",
        Kind.BOOLEAN: "yes or no",
        Kind.VIN: "a VIN, for example WBARLG5UERV738036",
        Kind.REGISTRATION: "a number plate, for example AA-123-AA",
        Kind.IDENTIFIER: "a number or code of 64 characters at most, for example 2026-00059",
        Kind.TEXT: "a text of 4000 characters at most, without control characters",
    },
}
_SAFE_DATE: Final[Mapping[Language, str]] = {
    "fr": "une date écrite année-mois-jour, par exemple 2019-05-14, car ce fichier montre le mois avant le jour",
    "en": "a date written year-month-day, for example 2019-05-14, because this file shows the month before the day",
}
_ONE_OF: Final[Mapping[Language, str]] = {"fr": f"une de ces valeurs{NO_BREAK}: ", "en": "one of these values: "}
_BLANK: Final[Mapping[Language, str]] = {"fr": "vide", "en": "blank"}


def typed_value(
    attribute: Attribute, cell: str, labels: ChoiceLabels, language: Language, *, month_first: bool
) -> Value | CellProblem:
    """Read what a reviewer typed as a value of an attribute.

    month_first: the file shows the month before the day, so that a typed day may be a month.
    """
    read = _value(attribute, cell.strip(), labels, month_first) if cell.strip() else None
    if read is not None:
        return read
    column = next(column for column in COLUMNS if column.name == "value").header(language)
    found = shown(cell.strip()) or _BLANK[language]
    return CellProblem(column, found, _due(attribute, labels, language, month_first))


def _value(attribute: Attribute, text: str, labels: ChoiceLabels, month_first: bool) -> Value | None:
    if attribute.kind is not Kind.TEXT and len(text) > _LONGEST:
        return None
    # An apostrophe before a number is how people tell a spreadsheet to leave it alone.
    bare = text.removeprefix("'").strip()
    match attribute.kind:
        case Kind.MONEY:
            return cents_of(bare)
        case Kind.INTEGER:
            return whole_number_of(bare, UNITS.get(attribute.name))
        case Kind.DATE:
            return date_of(bare, month_first=month_first)
        case Kind.BOOLEAN:
            return _TRUTH.get(folded(bare))
        case Kind.CHOICE:
            return _word(attribute, bare, labels)
        case Kind.VIN | Kind.REGISTRATION:
            return _converted(attribute.kind, bare)
        case _:
            return _converted(attribute.kind, text)


def _converted(kind: Kind, text: str) -> Value | None:
    if kind is not Kind.TEXT and (_EXPONENT.fullmatch(text) or _CUT_NUMBER.fullmatch(text)):
        return None
    reading = _CONVERTERS[kind].read(text)
    return reading if isinstance(reading, str) and reading else None


def _words(attribute: Attribute, labels: ChoiceLabels) -> dict[str, tuple[str, str]]:
    """Each word of a choice with its label in French and in English."""
    named = labels.get(attribute.name, {})
    words = dict.fromkeys((*attribute.choices, *named))
    return {word: (named[word].fr, named[word].en) if word in named else (word, word) for word in words}


def _word(attribute: Attribute, text: str, labels: ChoiceLabels) -> str | None:
    wanted = _choice_key(text)
    words = _words(attribute, labels)
    found = {word for word, spellings in words.items() if wanted in map(_choice_key, (word, *spellings))}
    return found.pop() if len(found) == 1 else None


def _choice_key(text: str) -> str:
    return folded(text.replace("’", "'"))


def _due(attribute: Attribute, labels: ChoiceLabels, language: Language, month_first: bool) -> str:
    if attribute.kind is Kind.CHOICE:
        shown_as = [french if language == "fr" else english for french, english in _words(attribute, labels).values()]
        return _ONE_OF[language] + ", ".join(shown_as)
    if attribute.kind is Kind.DATE and month_first:
        return _SAFE_DATE[language]
    return _DUE[language][attribute.kind]

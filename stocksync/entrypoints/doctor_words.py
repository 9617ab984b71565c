"""What `stocksync doctor` says of each finding, and how it is mended: in French and English.

Spaces are plain here and set by `wording.typeset`. A sentence that tells a fault or a warning has a second one: what to
type, or which line to edit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from stocksync.entrypoints import doctor_words_en, doctor_words_fr
from stocksync.entrypoints.doctor import Area, Finding, Level
from stocksync.reports.spelling import Counted, Language, Speller
from stocksync.reports.wording import typeset, why_invalid

_Said = Mapping[str, tuple[str, str]]

TOLD: Final[Mapping[Language, _Said]] = {"fr": doctor_words_fr.SENTENCES, "en": doctor_words_en.SENTENCES}
LEVELS: Final[Mapping[Language, Mapping[Level, str]]] = {
    "fr": {Level.OK: "bien", Level.WARNING: "attention", Level.FAULT: "défaut"},
    "en": {Level.OK: "ok", Level.WARNING: "warning", Level.FAULT: "fault"},
}
AREAS: Final[Mapping[Language, Mapping[Area, str]]] = {
    "fr": {
        Area.CONFIGURATION: "Configuration",
        Area.SYSTEM: "Systèmes",
        Area.DATABASE: "Base",
        Area.MACHINE: "Machine",
    },
    "en": {
        Area.CONFIGURATION: "Configuration",
        Area.SYSTEM: "Systems",
        Area.DATABASE: "Database",
        Area.MACHINE: "Machine",
    },
}
SCREEN: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {
        "summary": "{faults:défaut|défauts}, {warnings:avertissement|avertissements}, "
        "{checks:vérification|vérifications}",
        "nothing": "Rien ne manque : stocksync plan, puis stocksync sync",
        "more": "{names} et {count:autre|autres}",
        "asking": "examen de {where}…",
        "fix": "→ {fix}",
    },
    "en": {
        "summary": "{faults:fault|faults}, {warnings:warning|warnings}, {checks:check|checks}",
        "nothing": "Nothing is missing: stocksync plan, then stocksync sync",
        "more": "{names} and {count:other|others}",
        "asking": "looking at {where}…",
        "fix": "→ {fix}",
    },
}


_COUNTED: Final = frozenset({"count", "total", "points", "fields", "megabytes", "number"})


def told(finding: Finding, language: Language) -> str:
    """Say what was found."""
    return _filled(TOLD[language][finding.check][0], finding, language)


def fix(finding: Finding, language: Language) -> str:
    """Say how it is mended; "" where nothing has to be."""
    return "" if finding.level is Level.OK else _filled(TOLD[language][finding.check][1], finding, language)


def harmless(said: str) -> str:
    """What a system or a file said, so that nothing of it can steer a terminal."""
    return "".join(character if character.isprintable() else " " for character in said)


def _filled(template: str, finding: Finding, language: Language) -> str:
    return typeset(template, language).format(
        where=_shown("where", finding.where, language),
        **{name: _shown(name, value, language) for name, value in finding.values.items()},
    )


def _shown(name: str, value: str, language: Language) -> str | Counted:
    if name in _COUNTED and value.isdecimal():
        return Counted(int(value), language)
    if name == "why":
        value = why_invalid(value, {}, Speller(language, {}))
    return harmless(value)

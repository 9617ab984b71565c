"""The words of the decision column: what a reviewer may type there, and which choice it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from stocksync.reports.spelling import Language
from stocksync.stock.resolution import Choice
from stocksync.stock.values import folded

_CHOICES: Final[Mapping[str, Choice]] = {
    "module": Choice.MODULE,
    "module vehicules": Choice.MODULE,
    "vehicle module": Choice.MODULE,
    "dms": Choice.DMS,
    "valeur": Choice.VALUE,
    "value": Choice.VALUE,
    "ignorer": Choice.IGNORE,
    "ignore": Choice.IGNORE,
}
_LONGEST: Final = 100
_ALLOWED: Final[Mapping[Language, str]] = {
    "fr": "module, dms, valeur ou ignorer",
    "en": "module, dms, value or ignore",
}


def choice_of(cell: str) -> Choice | None:
    """Read a decision in either language; case, accents, quotes and outer punctuation are spelling."""
    if len(cell) > _LONGEST:
        return None
    return _choice(cell)


@lru_cache(maxsize=1024)
def _choice(cell: str) -> Choice | None:
    words = re.sub(r"^[\W_]+|[\W_]+$", "", folded(cell))
    return _CHOICES.get(words)


def allowed_words(language: Language) -> str:
    """List the words that a reviewer may type."""
    return _ALLOWED[language]

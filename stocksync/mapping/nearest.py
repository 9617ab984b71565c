"""How alike two short texts are as people mean them: blind to accents, case, word order and cut words.

Only proposes: who decides by it is told what was second. Typing slips in the files themselves are `problems`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Final

from stocksync.stock.values import folded

_WORD: Final = re.compile(r"[a-z]+|\d+")
_SHORTEST_CUT: Final = 3
"""Letters of a word below which it stands for no longer one."""
_CUT: Final = 0.9
_SLIP: Final = 0.75
"""How alike two words must be, letter by letter, to be the same word with a slip in it."""
_LONGEST: Final = 300


@dataclass(frozen=True, slots=True)
class Near:
    """A name that is like what was said, from 0 (nothing in common) to 1 (the same words); by: which of its texts."""

    name: str
    score: float
    by: str


def key(text: str) -> str:
    """A text as its words alone: no accents, no capitals, no signs."""
    return " ".join(_words(text[:_LONGEST]))


def similarity(left: str, right: str, ignored: frozenset[str] = frozenset()) -> float:
    """How many words two texts share, those that are cut or slipped counting a little less.

    ignored: words, as `key` gives them, that say nothing here; they count where a text has no others.
    """
    ours, theirs = _telling(left, ignored), _telling(right, ignored)
    if not ours or not theirs:
        return 0.0
    left_over = list(theirs)
    shared = 0.0
    for word in ours:
        best = max(left_over, key=lambda other: _alike(word, other), default="")
        alike = _alike(word, best) if best else 0.0
        if alike:
            left_over.remove(best)
            shared += alike
    return round(2 * shared / (len(ours) + len(theirs)), 3)


def ranked(
    said: str, names: Mapping[str, Iterable[str]], ignored: frozenset[str] = frozenset(), at_least: float = 0.0
) -> list[Near]:
    """Every name with the text of its own that is most like what was said, the most alike first."""
    found = []
    for name, texts in names.items():
        near = max((Near(name, similarity(said, text, ignored), text) for text in texts), key=_score, default=None)
        if near is not None and near.score > 0 and near.score >= at_least:
            found.append(near)
    return sorted(found, key=lambda near: (-near.score, near.name))


def _score(near: Near) -> float:
    return near.score


def _telling(text: str, ignored: frozenset[str]) -> tuple[str, ...]:
    words = _words(text[:_LONGEST])
    return tuple(word for word in words if word not in ignored) or words


@lru_cache(maxsize=8192)
def _words(text: str) -> tuple[str, ...]:
    # The letters that have no accent to take off.
    plain = folded(text).replace("œ", "oe").replace("æ", "ae").replace("ß", "ss")
    return tuple(_WORD.findall(plain))


@lru_cache(maxsize=65536)
def _alike(left: str, right: str) -> float:
    if left == right:
        return 1.0
    if left.isdigit() or right.isdigit():
        return 0.0
    short, long = sorted((left, right), key=len)
    if len(short) < _SHORTEST_CUT:
        return 0.0
    if long.startswith(short):
        return _CUT
    ratio = SequenceMatcher(None, short, long).ratio()
    return round(ratio * _CUT, 3) if ratio >= _SLIP else 0.0

"""Persons in texts: e-mail, telephone numbers, VINs and number plates by their shape, names by having been seen.

Whatever stood in a field of a person, or in one that nobody knows, is found again in other texts: whole, and word by
word. Words of the mapping files are no names. Not here: which fields those are, which is `places`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from stocksync.adapters.recordings.substitution import Substitution
from stocksync.stock.values import folded

FEWEST_LETTERS: Final = 4
FEWEST_DIGITS: Final = 7
"""Of anything shorter nobody can say that it is the same again."""
_MOST_WORDS: Final = 8
_MOST_WORDS_OF_A_NAME: Final = 4
_LONGEST: Final = 400
_WORD: Final = re.compile(r"\w+")
_NOT_WITHIN: Final = (r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])")
_EMAIL: Final = re.compile(r"[^\s@<>\"',;:()\[\]%]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63})+")
_PHONE: Final = re.compile(
    r"(?<![\w+])(?:(?:\+|00[ .]?)[1-9]\d(?:[ .\-/()\u00a0\u202f]{0,3}\d){7,12}"
    r"|0[1-9](?:[ .\-/\u00a0\u202f]{0,2}\d\d){4}|0 ?[1-9](?:[ .\u00a0]?\d){8})(?!\w)"
)
_VIN: Final = re.compile(rf"{_NOT_WITHIN[0]}(?=[A-Z]*[0-9])[A-HJ-NPR-Z0-9]{{17}}{_NOT_WITHIN[1]}", re.IGNORECASE)
_PLATE: Final = re.compile(
    rf"{_NOT_WITHIN[0]}(?:[A-HJ-NP-TV-Z]{{2}}[- ]?\d{{3}}[- ]?[A-HJ-NP-TV-Z]{{2}}"
    rf"|\d{{2,4}}[ -][A-Z]{{2,3}}[ -](?:\d\d|2[AB]|97\d)){_NOT_WITHIN[1]}",
    re.IGNORECASE,
)

Change = Callable[[str], str]


class Persons:
    """What was seen to be personal, and how it is replaced wherever it stands again.

    ordinary: words, folded, that are no names because the mapping files use them.
    """

    def __init__(self, substitution: Substitution, ordinary: Iterable[str], *, keep_vins: bool) -> None:
        self._substitution = substitution
        self._ordinary = frozenset(ordinary)
        self._phrases: dict[str, dict[tuple[str, ...], Change]] = defaultdict(dict)
        self._seen: set[str] = set()
        self._keep_vins = keep_vins
        self.counts: dict[str, int] = defaultdict(int)

    def see(self, value: str) -> None:
        """Remember a value of a person, or of a field that nobody knows."""
        if value in self._seen or len(value) > _LONGEST:
            return
        self._seen.add(value)
        words = _words(value)
        self._remember(words, self._person)
        if len(words) <= _MOST_WORDS_OF_A_NAME:
            for word in words:
                if sum(map(str.isalpha, word)) >= FEWEST_LETTERS:
                    self._remember((word,), self._person)

    def _person(self, text: str) -> str:
        return self._substitution.text(text)

    def see_vin(self, value: str) -> None:
        """Remember a VIN, however odd."""
        if not self._keep_vins:
            self._remember(_words(value), self.vin)

    def see_plate(self, value: str) -> None:
        """Remember a number plate, however odd."""
        if not self._keep_vins:
            self._remember(_words(value), self.plate)

    def vin(self, text: str) -> str:
        """A VIN as the recording holds it."""
        if self._keep_vins:
            return text
        self.counts["vins"] += 1
        return self._substitution.vin(text)

    def plate(self, text: str) -> str:
        """A number plate as the recording holds it."""
        if self._keep_vins:
            return text
        self.counts["plates"] += 1
        return self._substitution.plate(text)

    def without(self, text: str, *, phones: bool = True) -> str:
        """A text that stays, without the persons in it."""
        if not text or text.isspace():
            return text
        # What was replaced once is not looked at again: a made-up VIN is a VIN too.
        pieces = [(text, False)]
        for pattern, change in self._by_shape(text, phones=phones):
            pieces = [new for piece in pieces for new in _replaced(piece, pattern, change)]
        return "".join(piece if is_done else self._without_seen(piece) for piece, is_done in pieces)

    def _by_shape(self, text: str, *, phones: bool) -> Iterator[tuple[re.Pattern[str], Change]]:
        if "@" in text or "%40" in text:
            yield _EMAIL, self._counted
        if any(c.isdigit() for c in text):
            yield _VIN, self.vin
            yield _PLATE, self.plate
            if phones:
                yield _PHONE, self._counted

    def _counted(self, said: str) -> str:
        self.counts["addresses"] += 1
        return self._substitution.text(said)

    def _remember(self, words: tuple[str, ...], change: Change) -> None:
        letters = sum(sum(map(str.isalpha, word)) for word in words)
        digits = sum(sum(map(str.isdigit, word)) for word in words)
        is_telling = letters >= FEWEST_LETTERS or digits >= FEWEST_DIGITS
        if words and is_telling and len(words) <= _MOST_WORDS and not self._ordinary.issuperset(words):
            known = self._phrases[words[0]]
            # A VIN in a field that nobody knows is a VIN all the same.
            known[words] = known.get(words, change) if change == self._person else change

    def _without_seen(self, text: str) -> str:
        spans = [(found.start(), found.end(), folded(found.group())) for found in _WORD.finditer(text)]
        if not any(word in self._phrases for _, _, word in spans):
            return text
        kept, upto, place = [], 0, 0
        while place < len(spans):
            start, _, word = spans[place]
            count, change = self._longest(word, [w for _, _, w in spans[place : place + _MOST_WORDS]])
            if change is None:
                place += 1
                continue
            end = spans[place + count - 1][1]
            self.counts["found again"] += 1
            kept += [text[upto:start], change(text[start:end])]
            upto, place = end, place + count
        return "".join([*kept, text[upto:]])

    def _longest(self, word: str, following: list[str]) -> tuple[int, Change | None]:
        known = self._phrases.get(word)
        if known is None:
            return 0, None
        for count in range(len(following), 0, -1):
            change = known.get(tuple(following[:count]))
            if change is not None:
                return count, change
        return 0, None


def _replaced(piece: tuple[str, bool], pattern: re.Pattern[str], change: Change) -> Iterator[tuple[str, bool]]:
    """A piece of a text in pieces, with whether each is replaced already."""
    text, is_done = piece
    if is_done:
        yield piece
        return
    upto = 0
    for found in pattern.finditer(text):
        yield text[upto : found.start()], False
        yield change(found.group()), True
        upto = found.end()
    yield text[upto:], False


def words_of(texts: Iterable[str]) -> Iterator[str]:
    """Every word of some texts, folded."""
    for text in texts:
        yield from _words(text)


def _words(text: str) -> tuple[str, ...]:
    return tuple(folded(word) for word in _WORD.findall(text))

"""A person as they stand in texts: found whatever the case, the accents and the spaces, and taken out. Pure.

Only whole words count: "Martin" stands in "C. MARTIN" and not in "Martinez". Somebody who is spelled in several ways
("Martin C.") is several of these. Not here: which texts there are, see `erasing`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from typing import Any, Final

from stocksync.errors import UsageError

TOKEN: Final = "erased"
"""What stands in the place of a person; people read other words."""
_FEWEST_LETTERS: Final = 3
_LONGEST: Final = 200
_SPELLED_OUT: Final = re.compile(r"\\+u([0-9a-fA-F]{4})")
_CHARACTERS: Final = re.compile(rf"{_SPELLED_OUT.pattern}|.", re.DOTALL)
_SPACES: Final = re.compile(r"\s+")
_SAME: Final = str.maketrans({c: "'" for c in "\u2018\u2019\u02bc"} | {c: "-" for c in "\u2010\u2011\u2012\u2013"})
_PLAIN: Final = {"œ": "oe", "æ": "ae", "ø": "o", "ł": "l"}
_DROPPED: Final = frozenset({"Mn", "Cf"})

Change = Callable[[str], str]
"""What becomes of a text."""


class Person:
    """One spelling of a person. Raises UsageError for what names nobody, or nearly everybody."""

    def __init__(self, said: str) -> None:
        folded = " ".join(_folded(said).split())
        if sum(c.isalpha() for c in folded) < _FEWEST_LETTERS:
            raise UsageError(f"That names nobody for sure: give at least {_FEWEST_LETTERS} letters of a name.")
        if len(folded) > _LONGEST:
            raise UsageError(f"That is no name: it is longer than {_LONGEST} characters.")
        self._words: Final = re.compile(rf"(?<!\w){re.escape(folded)}(?!\w)")
        self._hint: Final = max((_bare(word) for word in re.findall(r"\w+", folded)), key=len)
        if self.is_in(TOKEN):
            raise UsageError("That is the word which stands where somebody was erased; it names nobody.")

    def __repr__(self) -> str:
        return "Person()"

    def may_be_in(self, raw: str) -> bool:
        """Tell fast, and never wrongly no, whether the person may stand in a text or in JSON."""
        return self._hint in _bare(raw)

    def is_in(self, text: str) -> bool:
        """Tell whether the person stands in a text."""
        return self.may_be_in(text) and self._words.search(_SPACES.sub(" ", _folded(text))) is not None

    def without(self, text: str) -> str:
        """A text with the token in the person's place, wherever they stand in it."""
        if not self.may_be_in(text):
            return text
        folded, origins = _spelling(text)
        kept, upto = [], 0
        for found in self._words.finditer(folded):
            kept += [text[upto : origins[found.start()]], TOKEN]
            upto = origins[found.end()]
        return "".join([*kept, text[upto:]])


def rewritten(data: Any, change: Change, leaving: Collection[str] = ()) -> Any:
    """JSON with every text in it changed, keys and what stands under the keys `leaving` excepted."""
    if isinstance(data, str):
        return change(data)
    if isinstance(data, list):
        return [rewritten(item, change, leaving) for item in data]
    if isinstance(data, dict):
        return {key: item if key in leaving else rewritten(item, change, leaving) for key, item in data.items()}
    return data


def _bare(text: str) -> str:
    """The plain letters of a text and whatever else is ASCII: what it takes to tell most texts from the right ones."""
    text = _as_said(text)
    if text.isascii():
        return text.casefold()
    apart = unicodedata.normalize("NFKD", text).casefold()
    for letter, plain in _PLAIN.items():
        apart = apart.replace(letter, plain)
    return apart.encode("ascii", "ignore").decode()


def _as_said(text: str) -> str:
    """A text in which JSON's own spelling of a character is the character."""
    return _SPELLED_OUT.sub(lambda found: chr(int(found[1], 16)), text) if "\\u" in text else text


def _folded(text: str) -> str:
    """Fold a text at once."""
    text = _as_said(text)
    if text.isascii():
        return text.casefold()
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text.translate(_SAME)).casefold())
    return apart.translate(_apart())


@cache
def _apart() -> Mapping[int, str | None]:
    """What a character that stands by itself becomes: accents and what nobody sees nothing, two letters in one both."""
    unseen = (number for number in range(0x110000) if unicodedata.category(chr(number)) in _DROPPED)
    found: dict[int, str | None] = dict.fromkeys(unseen)
    found.update((ord(letter), plain) for letter, plain in _PLAIN.items())
    return found


def _spelling(text: str) -> tuple[str, list[int]]:
    """A text folded, runs of spaces as one, with the place in it that each folded character comes from, and its end."""
    folded: list[str] = []
    origins: list[int] = []
    for place, said in _folded_apart(text):
        for character in said:
            if character.isspace():
                if folded and folded[-1] == " ":
                    continue
                character = " "
            folded.append(character)
            origins.append(place)
    return "".join(folded), [*origins, len(text)]


def _folded_apart(text: str) -> Iterator[tuple[int, str]]:
    for found in _CHARACTERS.finditer(text):
        yield found.start(), _folded(chr(int(found[1], 16)) if found[1] else found[0])

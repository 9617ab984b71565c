"""Letters for letters and digits for digits, under a key: what is equal stays equal, what differs stays different.

As Crypto-PAn does for addresses, each character is replaced by a permutation that depends on the characters before it.
Case, accents, spaces and punctuation stay, and do not count as characters before: two spellings of a name become two
spellings of another one. Without the key nothing leads back; it is made for one recording and kept nowhere.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b, shake_256
from typing import Final

_PERMUTATIONS: Final = 1024
"""Of each alphabet; which of them holds at a place is drawn from the characters before it."""
_LATIN: Final = "abcdefghijklmnopqrstuvwxyz"
_DIGITS: Final = "0123456789"
_BLOCK: Final = 128
_SERIAL_OF_VIN: Final = 6
_KEPT_OF_VIN: Final = 11
_PHONE: Final = re.compile(r"(?:(?:\+|00)\d\d|0)(?=[1-9 .\-/(])[\d .\-/()]{7,20}")
_FNI: Final = re.compile(r"(\d{1,4}[\s-]*[A-Z]{1,3})([\s-]*(?:\d{2,3}|2[AB]))", re.IGNORECASE | re.ASCII)


def _without(rare: str) -> str:
    return "".join(letter for letter in _LATIN if letter not in rare)


_OF_PLATES: Final = (_DIGITS, _without("iou"), "iou")
"""Letters that a plate of today does not allow stay among themselves."""
_SLIPS: Final = str.maketrans("oiq", "010")


def new_key() -> bytes:
    """A key for one recording."""
    return secrets.token_bytes(32)


class Substitution:
    """Replaces what a recording must not hold; the same text always by the same one. Safe to share between threads."""

    def __init__(self, key: bytes, encodings: Iterable[str] = ()) -> None:
        """encodings: those of files that the text goes into; an accent that one of them lacks is left out there."""
        self._key = key
        self._encodings = tuple(encodings)
        self._tables: dict[str, tuple[str, ...]] = {}
        self.text = lru_cache(maxsize=200_000)(self._text)
        """A text of any kind; of a telephone number what stands before the first digit of the subscriber is kept."""
        self.vin = lru_cache(maxsize=200_000)(self._vin)
        """A VIN with another serial part: its first eleven characters stay, of a short one all but the last six.

        0 and 1 stay, as do the letters that people type in their place: a slip of the keyboard must remain one.
        """

    def __repr__(self) -> str:
        return "Substitution()"

    def _text(self, text: str) -> str:
        phone = _PHONE.fullmatch(text.strip())
        if phone is None:
            return self._spelled(text, "text")
        lead = re.match(r"\s*(?:\+\d\d|00\d\d|0)", text)
        assert lead is not None
        return lead.group() + self._spelled(text[lead.end() :], "text")

    def _vin(self, text: str) -> str:
        count = sum(map(_is_plain, text))
        kept = _KEPT_OF_VIN if count > _KEPT_OF_VIN else max(count - _SERIAL_OF_VIN, 0)
        return self._coded(text, "vin", (_DIGITS[2:], _without("ioq")), kept)

    def plate(self, text: str) -> str:
        """A number plate; the department of a plate of before 2009 stays, and so does what makes a plate valid."""
        fni = _FNI.fullmatch(text.strip())
        if fni is None:
            return self._coded(text, "plate", _OF_PLATES, 0)
        end = text.rindex(fni.group(2))
        return self._coded(text[:end], "plate", _OF_PLATES, 0) + text[end:]

    def number(self, number: int | Decimal) -> int | Decimal:
        """A number of as many digits; 0 stays, and no digit but a first one of 0 becomes one."""
        spelled = format(number, "f") if isinstance(number, Decimal) else str(number)
        state, written = self._state("number"), []
        for place, character in enumerate(spelled):
            if character not in _DIGITS:
                written.append(character)
                continue
            is_first = not any(c in _DIGITS for c in spelled[:place])
            if not is_first:
                written.append(self._image("digits", _DIGITS, character, state))
            else:
                written.append("0" if character == "0" else self._image("first", _DIGITS[1:], character, state))
            state.update(character.encode())
        said = "".join(written)
        return Decimal(said) if isinstance(number, Decimal) else int(said)

    def _spelled(self, text: str, domain: str) -> str:
        state, written = self._state(domain), []
        for character in text:
            if character in _LATIN:
                written.append(self._image("latin", _LATIN, character, state))
                state.update(character.encode())
            elif character in _DIGITS:
                written.append(self._image("digits", _DIGITS, character, state))
                state.update(character.encode())
            elif character.isascii() and not character.isalpha():
                written.append(character)
            else:
                written.append(self._composed(character, state))
        return "".join(written)

    def _composed(self, character: str, state: blake2b) -> str:
        """A capital, or a letter outside ASCII: its plain letters are replaced, its accents stay."""
        plain = unicodedata.normalize("NFKD", character.casefold())
        if not any(c.isalnum() for c in plain):
            return character
        image = []
        for part in plain:
            alphabet, name = _alphabet_of(part)
            image.append(self._image(name, alphabet, part, state) if part in alphabet else part)
            if part.isalnum():
                state.update(part.encode())
        said = unicodedata.normalize("NFC", "".join(image))
        if self._encodings:
            said = self._fitting(said, character.casefold())
        return said.upper() if character.isupper() and len(said.upper()) == len(said) else said

    def _fitting(self, said: str, character: str) -> str:
        """What stands for a character, without the accents that files have no place for; theirs stay impossible."""
        if all(_has(name, said + said.upper()) or not _has(name, character) for name in self._encodings):
            return said
        return "".join(c for c in unicodedata.normalize("NFKD", said) if c.isascii()) or "x"

    def _coded(self, text: str, domain: str, alphabets: tuple[str, ...], kept: int) -> str:
        """A code of ASCII letters and digits: each stays within its own alphabet, and what is in none stays itself."""
        state, written, count = self._state(domain), [], 0
        for character in text:
            if not _is_plain(character):
                written.append(character)
                continue
            count += 1
            small = character.lower()
            alphabet = next((letters for letters in alphabets if small in letters), "")
            if count > kept and alphabet:
                image = self._image(alphabet, alphabet, small, state)
                written.append(image.upper() if character.isupper() else image)
            else:
                written.append(character)
            state.update((small.translate(_SLIPS) if domain == "vin" else small).encode())
        return "".join(written)

    def _state(self, domain: str) -> blake2b:
        return blake2b(key=self._key, person=domain.encode(), digest_size=4)

    def _image(self, name: str, alphabet: str, character: str, state: blake2b) -> str:
        table = self._tables.get(name)
        if table is None:
            table = self._tables[name] = self._permutations(name, alphabet)
        drawn = int.from_bytes(state.copy().digest(), "big") % _PERMUTATIONS
        return table[drawn][alphabet.index(character)]

    def _permutations(self, name: str, alphabet: str) -> tuple[str, ...]:
        """Fisher and Yates' shuffle, many times, by numbers that only the key gives."""
        places = len(alphabet)
        stream = shake_256(self._key + name.encode()).digest(4 * places * _PERMUTATIONS)
        drawn = iter(range(0, len(stream), 4))
        made = []
        for _ in range(_PERMUTATIONS):
            letters = list(alphabet)
            for place in range(places - 1, -1, -1):
                start = next(drawn)
                other = int.from_bytes(stream[start : start + 4], "big") % (place + 1)
                letters[place], letters[other] = letters[other], letters[place]
            made.append("".join(letters))
        return tuple(made)


@lru_cache(maxsize=4096)
def _has(encoding: str, text: str) -> bool:
    """Tell whether an encoding can spell a text."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _is_plain(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _alphabet_of(character: str) -> tuple[str, str]:
    """The letters that a folded one is replaced by, with the name of their permutations; none for what is no letter."""
    if character in _LATIN:
        return _LATIN, "latin"
    if character in _DIGITS:
        return _DIGITS, "digits"
    if not character.isalpha():
        return "", ""
    block = ord(character) // _BLOCK
    category = unicodedata.category(character)
    return _letters_of(block, category), f"{block} {category}"


@lru_cache(maxsize=1024)
def _letters_of(block: int, category: str) -> str:
    """The letters of a block of characters that are folded already."""
    letters = map(chr, range(block * _BLOCK, (block + 1) * _BLOCK))
    return "".join(c for c in letters if unicodedata.category(c) == category and _is_folded(c))


def _is_folded(character: str) -> bool:
    return unicodedata.normalize("NFKD", character.casefold()) == character and len(character.upper()) == 1

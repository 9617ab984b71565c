"""Which characters the bytes of a returned CSV stand for: what spreadsheets, and their readers, do to an encoding.

A file is text at once (UTF-8, UTF-16), or bytes of an old encoding: Windows', an old Mac's, or that of DOS. Either may
hold UTF-8 that some program took for an old encoding and saved as what it saw (DÃ©cision). The bytes alone do not tell:
the cells that we wrote do.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from stocksync.reports.refusals import Refusal, Refused

_NOT_ASCII: Final = re.compile(r"[^\x00-\x7f]")
_USUAL: Final[Mapping[str, int]] = {
    **dict.fromkeys("ÉÈÀÙÂÊÎÔÛÇËÏÖÜŸŒÆ", 1),
    **dict.fromkeys("éèàùâêîôûçëïöüÿœæ«»“”‘’–—…°€\u00a0", 2),
}
"""What stands outside ASCII in French, and in what we write in English, and how much it tells."""


def _characters(encoding: str) -> str:
    """All 256 characters of an encoding; bytes without one stand for the control of the same number, as on Windows."""
    found = (bytes([byte]).decode(encoding, "replace") for byte in range(256))
    return "".join(chr(byte) if character == "\ufffd" else character for byte, character in enumerate(found))


_CP1252: Final = _characters("cp1252")
_MAC_ROMAN: Final = _characters("mac_roman")
_CP850: Final = _characters("cp850")


class Reading(Protocol):
    """One way of taking the cells of a file."""

    def __call__(self, cell: str) -> str:
        """Give a cell's own characters."""
        ...

    def belief(self, cells: str) -> int:
        """How much speaks for it in cells that we wrote, as they stand in the file."""
        ...


class AsItStands:
    """Text that is right."""

    def __call__(self, cell: str) -> str:
        """Give the cell as it is."""
        return cell

    def belief(self, cells: str) -> int:
        """Count the characters that no misreading explains."""
        for misread in MISREAD:
            cells = misread.traces.sub("", cells)
        return len(_NOT_ASCII.findall(cells))


@dataclass(frozen=True, slots=True)
class Bytes:
    """Bytes of an old encoding, held as the characters of the same numbers."""

    characters: str

    def __call__(self, cell: str) -> str:
        """Decode a cell."""
        return cell.translate(self.characters)

    def belief(self, cells: str) -> int:
        """Weigh usual characters against others."""
        return _usualness(self(cells))


def _usualness(text: str) -> int:
    return sum(_USUAL.get(character, -1) for character in _NOT_ASCII.findall(text))


_FIRST_BYTES: Final = ((*range(0xC2, 0xC6), 0xCC, 0xCD), (0xE2, 0xEF), (0xF0,))
"""First bytes of two, three and four in UTF-8: Latin letters, accents that stand alone, punctuation, emoji.

Others look like characters of French (é, É, à, », œ), which a quotation mark, a space or a capital may follow.
"""


class Misread:
    """UTF-8 that was taken for an old encoding, and saved as what it looked like then.

    Only what is such a trace is repaired: what was typed afterwards is right.
    """

    def __init__(self, characters: str) -> None:
        self._bytes: Mapping[str, int] = {character: byte for byte, character in enumerate(characters)}
        more = f"[{re.escape(characters[0x80:0xC0])}]"
        starts = ("".join(map(characters.__getitem__, first_bytes)) for first_bytes in _FIRST_BYTES)
        self.traces = re.compile("|".join(f"[{re.escape(s)}]{more}{{{n}}}" for n, s in enumerate(starts, start=1)))

    def __call__(self, cell: str) -> str:
        """Put the characters back that the traces stand for."""
        return cell if cell.isascii() else self.traces.sub(self._repaired, cell)

    def belief(self, cells: str) -> int:
        """Count the traces."""
        return len(self.traces.findall(cells))

    def _repaired(self, trace: re.Match[str]) -> str:
        try:
            return bytes(self._bytes[character] for character in trace[0]).decode()
        except UnicodeDecodeError:
            return trace[0]


@dataclass(frozen=True, slots=True)
class PartlyMisread:
    """UTF-8 that was taken for an old encoding, typed into, and saved in that encoding."""

    bytes: Bytes
    misread: Misread

    def __call__(self, cell: str) -> str:
        """Decode a cell, then put the characters back that the traces stand for."""
        return self.misread(self.bytes(cell))

    def belief(self, cells: str) -> int:
        """Weigh what is put back more than the usual characters that it looked like."""
        text = self.bytes(cells)
        return _usualness(self.misread(text)) + 6 * self.misread.belief(text)


MISREAD: Final = (Misread(_CP1252), Misread(_MAC_ROMAN))
TEXT_READINGS: Final[Sequence[Reading]] = (AsItStands(), *MISREAD)
_WINDOWS: Final = Bytes(_CP1252)
_DOS: Final = Bytes(_CP850)
BYTE_READINGS: Final[Sequence[Reading]] = (
    _WINDOWS,
    Bytes(_MAC_ROMAN),
    PartlyMisread(_WINDOWS, MISREAD[0]),
    _DOS,
)
NO_CHARACTERS: Final = re.compile("[\x81\x8d\x8f\x90\x9d]")
"""What bytes become that stand for nothing in the encoding of Windows."""

_MARKS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_MISREAD_MARKS: Final = re.compile("^(?:\ufeff|ï»¿|Ôªø)+")


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text, and the ways in which its cells may have to be taken, the likeliest first."""

    text: str
    readings: Sequence[Reading]


def without_doubtful(readings: Sequence[Reading]) -> Sequence[Reading]:
    """Leave out the encoding of DOS among others: what is a quotation mark in those is an accented letter in it."""
    return [reading for reading in readings if reading is not _DOS] or readings


def believed(readings: Sequence[Reading], ours: str, typed: str) -> Reading:
    """Choose the reading that most speaks for in cells that we wrote; where they do not tell, in those typed.

    Raises `Refused` for bytes where neither tells, and the readings make different things of what was typed.
    """
    equals = _best(readings, ours)
    favoured = _best(equals, typed)
    is_sure = favoured == [_WINDOWS] or favoured[0] in TEXT_READINGS
    if not is_sure and len({reading(typed) for reading in equals}) > 1:
        raise Refused(Refusal.UNSURE)
    return favoured[0]


def _best(readings: Sequence[Reading], cells: str) -> list[Reading]:
    beliefs = [reading.belief(cells) for reading in readings]
    return [reading for reading, belief in zip(readings, beliefs, strict=True) if belief == max(beliefs)]


def decoded(raw: bytes) -> Decoded:
    """Decode a file; raises `Refused` for bytes that are no text."""
    found = _decoded(raw)
    if "\0" in found.text:
        raise Refused(Refusal.NUL, line=_line_of(found.text, found.text.index("\0")))
    return Decoded(_MISREAD_MARKS.sub("", found.text), found.readings)


def _decoded(raw: bytes) -> Decoded:
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return Decoded(_strict(raw[len(mark) :], encoding), TEXT_READINGS)
    if utf_16 := _unmarked_utf_16(raw):
        return Decoded(_strict(raw, utf_16), TEXT_READINGS)
    try:
        return Decoded(raw.decode(), TEXT_READINGS)
    except UnicodeDecodeError:
        return Decoded(raw.decode("latin-1"), BYTE_READINGS)


def _strict(raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode(encoding, "ignore")
        raise Refused(Refusal.UNDECODABLE, line=_line_of(before, len(before))) from None


def _unmarked_utf_16(raw: bytes) -> str | None:
    """Every other byte of Latin text in UTF-16 is nought."""
    start = raw[:4096]
    high, low = start[0::2].count(0), start[1::2].count(0)
    if min(high, low) * 4 > max(high, low) or max(high, low) * 4 < len(start):
        return None
    return "utf-16-be" if high > low else "utf-16-le"


def _line_of(text: str, position: int) -> int:
    return len(re.findall(r"\r\n|\r|\n", text[:position])) + 1

"""Whether a workbook is safe to open: its sizes, its parts and its XML, looked at before any library builds objects.

Every part is parsed here once, element by element and keeping none, so that what follows has bounds.
"""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress
from typing import IO, Final
from xml.parsers import expat

from stocksync.reports.refusals import MEGABYTE, Refusal, Refused
from stocksync.reports.returned_rows import LAST_ROW, MAX_COLUMNS, MAX_ROWS

MAX_UNFOLDED: Final = 256 * MEGABYTE
MAX_RATIO: Final = 100
_DENSE_FROM: Final = 10 * MEGABYTE
MAX_PARTS: Final = 1_000
MAX_IN_A_ROW: Final = 4 * 16_384
MAX_STRINGS: Final = MAX_ROWS * MAX_COLUMNS // 2
MAX_ELSEWHERE: Final = 250_000
MAX_ELEMENTS: Final = 12_000_000
"""In a workbook of one or two sheets; in others as many fewer, because each may be the same part, parsed once more."""
MAX_DEPTH: Final = 64
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_PASSWORD_FLAG: Final = 0x1
_KINDS: Final = (
    ("mimetype", ("un classeur OpenDocument (.ods)", "an OpenDocument workbook (.ods)")),
    ("Index/Document.iwa", ("un classeur Numbers", "a Numbers workbook")),
    ("Index.zip", ("un classeur Numbers", "a Numbers workbook")),
    ("word/document.xml", ("un document Word", "a Word document")),
    ("ppt/presentation.xml", ("une présentation PowerPoint", "a PowerPoint presentation")),
    ("xl/workbook.bin", ("un classeur binaire (.xlsb)", "a binary workbook (.xlsb)")),
)
_ARCHIVE: Final = ("une archive ZIP", "a ZIP archive")
_WORKBOOK_PARTS: Final = "[Content_Types].xml"
_READ_AT_ONCE: Final = 1 << 16


def check_workbook(raw: bytes) -> None:
    """Raise `Refused` for what is no workbook, or none that a report fits into."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            _check_directory(archive.infolist(), len(raw))
            elements = _Elements()
            for part in archive.infolist():
                with archive.open(part) as stream:
                    elements.count(stream)
    except Refused:
        raise
    # Broken archives fail in as many ways as there are broken archives.
    except Exception as error:
        raise Refused(Refusal.BROKEN) from error


def _check_directory(parts: list[zipfile.ZipInfo], length: int) -> None:
    names = {part.filename for part in parts}
    if _WORKBOOK_PARTS not in names or names & {name for name, _ in _KINDS}:
        raise Refused(Refusal.OTHER_KIND, kind=next((kind for name, kind in _KINDS if name in names), _ARCHIVE))
    if len(parts) > MAX_PARTS:
        raise Refused(Refusal.MANY_PARTS, found=len(parts), limit=MAX_PARTS)
    if any(part.flag_bits & _PASSWORD_FLAG for part in parts):
        raise Refused(Refusal.PASSWORD)
    # Parts that share their bytes unfold to more than any ratio says; other methods than those of workbooks may ask for
    # any amount of memory.
    overlap = sum(part.compress_size for part in parts) > length or len(names) < len(parts)
    if overlap or any(part.compress_type not in _METHODS for part in parts):
        raise Refused(Refusal.BROKEN)
    _check_sizes(parts, length)


def _check_sizes(parts: list[zipfile.ZipInfo], length: int) -> None:
    unfolded = sum(part.file_size for part in parts)
    if unfolded > MAX_UNFOLDED:
        raise Refused(Refusal.UNFOLDS, found=unfolded // MEGABYTE, limit=MAX_UNFOLDED // MEGABYTE)
    ratio = max(
        (part.file_size // max(part.compress_size, 1) for part in parts if part.file_size > _DENSE_FROM), default=0
    )
    if ratio > MAX_RATIO:
        raise Refused(Refusal.DENSE, found=ratio, limit=MAX_RATIO)


class _Elements:
    """Counts the elements of a workbook: within each row or shared string, and elsewhere."""

    def __init__(self) -> None:
        self._all = self._elsewhere = self._rows = self._strings = self._sheets = 0
        self._depth = self._gathered_from = self._gathered = 0

    def count(self, stream: IO[bytes]) -> None:
        """Parse a part, whatever its name, up to where it proves to be no XML (a picture, a macro)."""
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = self._definitions
        self._depth = self._gathered_from = self._gathered = 0
        with suppress(expat.ExpatError):
            while chunk := stream.read(_READ_AT_ONCE):
                parser.Parse(chunk)

    def _start(self, name: str, _: dict[str, str]) -> None:
        self._depth += 1
        self._all += 1
        _at_most(2 * MAX_ELEMENTS // max(self._sheets, 2), self._all, _IN_ALL)
        if self._gathered_from:
            self._gathered += 1
            _at_most(MAX_IN_A_ROW, self._gathered, _IN_A_ROW)
        elif (local := name.rpartition(":")[2]) in ("row", "si"):
            self._gathered_from, self._gathered = self._depth, 0
            self._add(local)
        else:
            self._sheets += local == "sheet"
            self._elsewhere += 1
            _at_most(MAX_ELSEWHERE, self._elsewhere, _ELSEWHERE)
        _at_most(MAX_DEPTH, self._depth, _NESTED)

    def _add(self, name: str) -> None:
        if name == "row":
            self._rows += 1
            _at_most(LAST_ROW, self._rows, _ROWS)
        else:
            self._strings += 1
            _at_most(MAX_STRINGS, self._strings, _STRINGS)

    def _end(self, _: str) -> None:
        if self._depth == self._gathered_from:
            self._gathered_from = 0
        self._depth -= 1

    def _definitions(self, *_: object) -> None:
        raise Refused(Refusal.DEFINITIONS)


_IN_ALL: Final = ("en tout", "in all")
_IN_A_ROW: Final = ("dans une ligne", "in one row")
_ELSEWHERE: Final = ("hors des lignes", "outside its rows")
_NESTED: Final = ("emboîtés", "inside one another")
_ROWS: Final = ("qui sont des lignes", "that are rows")
_STRINGS: Final = ("qui sont des textes", "that are texts")


def _at_most(limit: int, found: int, what: tuple[str, str]) -> None:
    if found > limit:
        raise Refused(Refusal.OVERLOADED, limit=limit, what=what)

"""The report files in a folder whose cells hold a person; deleting those that are ours, and nothing else.

Ours is what has the conflict report's header, or that of the answer to one, whatever a spreadsheet made of it and
whatever its name is. Links are not followed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stocksync.reports.file_kinds import is_workbook
from stocksync.reports.refusals import Refused
from stocksync.reports.returned_csv import read_csv
from stocksync.reports.returned_file import MAX_BYTES
from stocksync.reports.returned_header import has_header
from stocksync.reports.returned_rows import TITLE_ROWS, Sheet
from stocksync.reports.returned_text import decoded
from stocksync.reports.returned_xlsx import read_xlsx

if TYPE_CHECKING:
    from stocksync.adapters.store.person import Person

_SUFFIXES: Final = frozenset({".csv", ".xlsx"})
_ANSWERS: Final = ("STATUT DETAIL LIGNE CONFLIT", "STATUS DETAIL LINE CONFLICT")
"""How the files begin that answer a report, in either language."""


class FileKind(StrEnum):
    """What a file that holds the person is; unreadable: it may hold them, and nobody can tell."""

    REPORT = "report"
    OTHER = "other"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class HoldingFile:
    """A file that holds a person, or may."""

    path: Path
    kind: FileKind


def holding_files(folders: Iterable[Path], person: Person) -> list[HoldingFile]:
    """Every file under the folders that holds the person, or cannot be read."""
    paths = sorted({path for folder in folders for path in _files(folder)})
    kinds = ((path, _kind(path, person)) for path in paths)
    return [HoldingFile(path, kind) for path, kind in kinds if kind is not None]


def delete_reports(files: Iterable[HoldingFile], person: Person) -> list[Path]:
    """Delete those that are ours and still hold the person; the answer is those that are gone."""
    deleted = []
    for file in files:
        # What was written in its place meanwhile may be another report.
        if file.kind is FileKind.REPORT and _kind(file.path, person) is FileKind.REPORT:
            with suppress(OSError):
                file.path.unlink()
                deleted.append(file.path)
    return deleted


def _files(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            if path.suffix.lower() in _SUFFIXES and path.is_file() and not path.is_symlink():
                yield path


def _kind(path: Path, person: Person) -> FileKind | None:
    try:
        if path.stat().st_size > MAX_BYTES:
            return FileKind.UNREADABLE
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError:
        return FileKind.UNREADABLE
    if not raw.strip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0"):
        return None
    try:
        if is_workbook(raw):
            sheets = read_xlsx(raw)
            texts: Iterable[str] = (cell for sheet in sheets for row in sheet.rows for cell in row.cells)
        else:
            sheets, texts = [read_csv(raw)], _readings(raw)
        if not any(person.is_in(text) for text in texts):
            return None
    except Refused:
        return FileKind.UNREADABLE
    return FileKind.REPORT if any(map(_is_ours, sheets)) else FileKind.OTHER


def _readings(raw: bytes) -> Iterator[str]:
    """A text in every way that it may have been meant."""
    found = decoded(raw)
    for reading in found.readings:
        yield reading(found.text)


def _is_ours(sheet: Sheet) -> bool:
    above = sheet.rows[: TITLE_ROWS + 1]
    first = " ".join(above[0].cells) if above else ""
    return has_header(above, sheet.readings) or re.sub(r"[\s;,|\"]+", " ", first).startswith(_ANSWERS)

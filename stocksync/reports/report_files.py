"""The conflict report on a disk: which files it consists of, and writing them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stocksync.reports.conflict_report import csv_bytes, report_and_annex
from stocksync.reports.files import write_atomically
from stocksync.reports.lots import Row
from stocksync.reports.report_lines import ReportLine
from stocksync.reports.spelling import Language

Format = Literal["csv", "xlsx"]


@dataclass(frozen=True, slots=True)
class Written:
    """What a report is: how many rows it has and its annex; where the annex is a file of its own, its name.

    changed: a file was written; False where each was there already as it is.
    """

    rows: int
    annex_rows: int
    annex: Path | None
    changed: bool


def format_of(path: Path) -> Format:
    """Tell by its name what a report is to be."""
    return "xlsx" if path.suffix.casefold() == ".xlsx" else "csv"


def annex_of(path: Path, language: Language) -> Path:
    """Name the annex that stands beside a report."""
    return path.with_name(f"{path.stem}-{'annexe' if language == 'fr' else 'annex'}.csv")


def files_there(path: Path, language: Language, format: Format) -> list[Path]:
    """Which of a report's files would take the place of something: decisions stand in an annex as in the report."""
    files = (path,) if format == "xlsx" else (path, annex_of(path, language))
    return [file for file in files if file.exists() or file.is_symlink()]


def write_report(
    path: Path, rows: Iterable[Row], language: Language, format: Format, *, only_if_changed: bool = False
) -> Written:
    """Write the report, and beside a CSV its annex.

    An annex of an earlier report that has none any more is left with headers only. only_if_changed: leave files alone
    that would be written again as they are. Raises OSError.
    """
    lines, others = report_and_annex(rows)
    contents = _contents(path, lines, others, language, format)
    if only_if_changed:
        contents = {file: content for file, content in contents.items() if not _holds(file, content)}
    for file, content in contents.items():
        write_atomically(file, content)
    annex = annex_of(path, language) if others and format == "csv" else None
    return Written(len(lines), len(others), annex, bool(contents))


def _contents(
    path: Path, lines: list[ReportLine], others: list[ReportLine], language: Language, format: Format
) -> dict[Path, bytes]:
    """What each file is to hold, in the order of writing; others: the lines of the annex."""
    if format == "xlsx":
        from stocksync.reports.report_xlsx import workbook_of

        return {path: workbook_of(lines, others, language)}
    annex = annex_of(path, language)
    # The annex first: a report is never seen without the annex that it speaks of.
    with_annex = {annex: csv_bytes(others, language)} if others or annex.exists() else {}
    return with_annex | {path: csv_bytes(lines, language)}


def _holds(file: Path, content: bytes) -> bool:
    try:
        return file.stat().st_size == len(content) and file.read_bytes() == content
    except FileNotFoundError:
        return False

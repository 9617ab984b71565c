"""The table of a vendor's guide as people save it: which cell is a label, an answer (OUI or NON) or a note.

Any separator, UTF-8 or the encoding of Windows, with or without a header, columns and lines besides. What an answer
means for the matrix is `guide`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from stocksync.errors import UsageError
from stocksync.mapping.nearest import key

Answer = Literal["OUI", "NON"]

MAX_BYTES: Final = 1024 * 1024
MAX_LINES: Final = 2000
MAX_COLUMNS: Final = 100
MAX_CELL: Final = 2000
_SEPARATORS: Final = (";", "\t", ",", "|")
_YES: Final = frozenset({"oui", "o", "yes", "y", "x", "vrai", "true", "1", "✓", "✔", "☑", "✅"})
_NO: Final = frozenset({"non", "n", "no", "faux", "false", "0", "✗", "✘", "❌"})
_WHOLE_WORDS: Final = frozenset({"oui", "non", "yes", "no"})
_TO_CONFIRM: Final = (
    r"\b(?:tb[cd]|(?:à|a) (?:confirmer|valider|d[ée]finir|d[ée]terminer|pr[ée]ciser|voir)|"
    r"to be (?:confirmed|defined|determined|decided))\b"
)
_MARK: Final = re.compile(_TO_CONFIRM, re.IGNORECASE)
_MARK_AROUND: Final = re.compile(rf"[\s(\[,;:–-]*(?:{_TO_CONFIRM}|\?+(?=[\s)\]]*$))[\s)\].]*", re.IGNORECASE)
_QUESTION: Final = re.compile(r"\?+")
_QUOTES: Final = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "“": '"', "”": '"', "«": '"', "»": '"', "\ufeff": None})
_HEADS: Final = {
    "label": ("label", "libelle", "donnee", "champ", "parametre", "attribut", "intitule", "droit", "ligne", "row"),
    "answer": ("modifi", "oui non", "dms", "reponse", "answer", "valeur"),
    "note": ("note", "comment", "remarque", "observation", "precision", "detail"),
}
_ANSWERED_AT_LEAST: Final = 0.6


@dataclass(frozen=True, slots=True)
class GuideLine:
    """One line of the table; number: from 1, as a spreadsheet counts. answer: None where it gives none.

    said: the answer's cell as it stands. to_confirm: some cell says that it is not settled (TBD, à confirmer, ?).
    """

    number: int
    label: str
    answer: Answer | None
    said: str
    note: str
    to_confirm: bool


@dataclass(frozen=True, slots=True)
class GuideTable:
    """A table as it was read; titles: lines before the first row, its header among them."""

    lines: tuple[GuideLine, ...]
    titles: tuple[str, ...]
    columns: dict[str, int | None]


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    cells: list[str]

    def cell(self, column: int | None) -> str:
        return self.cells[column] if column is not None and column < len(self.cells) else ""


def read_table(raw: bytes, is_known: Callable[[str], bool], answer_column: str | None = None) -> GuideTable:
    """Read a table. Raises UsageError for what is no table of labels and answers.

    is_known: tells a label that the mapping knows. answer_column: its header or its number from 1, where several
    columns hold OUI and NON.
    """
    rows = _rows(_decoded(raw))
    width = max((len(row.cells) for row in rows), default=0)
    answers = _answer_column(rows, width, answer_column)
    first = next(place for place, row in enumerate(rows) if _is_answer(row.cell(answers)))
    heads, body = rows[:first], rows[first:]
    head = heads[-1] if heads and sum(map(bool, heads[-1].cells)) > 1 else _Row(0, [])
    label = _label_column(head, body, width, answers, is_known)
    note = _note_column(head, body, width, answers, label)
    lines = tuple(_line(row, label, answers, note) for row in body if row.cell(label) or row.cell(answers))
    titles = tuple(" ".join(cell for cell in row.cells if cell) for row in heads)
    return GuideTable(lines, titles, {"label": label, "answer": answers, "note": note})


def read_answer(cell: str) -> Answer | None:
    """Read a cell as OUI or NON, whatever stands around it; None for what is neither."""
    bare = _MARK_AROUND.sub("", cell).strip().rstrip("*.!").strip().casefold()
    if bare in _YES or bare in _NO:
        return "OUI" if bare in _YES else "NON"
    first, _, rest = bare.partition(" ") if " " in bare else _cut(bare)
    word = first.rstrip(",;:.*(-")
    if word in _WHOLE_WORDS and not _WHOLE_WORDS & set(key(rest).split()):
        return "OUI" if word in _YES else "NON"
    return None


def is_to_confirm(cell: str) -> bool:
    """Tell whether a cell says that something is not settled."""
    if _MARK.search(cell) or _QUESTION.fullmatch(cell.strip()):
        return True
    return "?" in cell and _is_short(cell) and read_answer(cell) is not None


def _is_short(cell: str) -> bool:
    return len(cell) <= 8


def _cut(bare: str) -> tuple[str, str, str]:
    """Cut `oui(1)` and `oui,saisi` after the word."""
    found = re.match(r"[a-z]+", bare)
    return (found.group(), "", bare[found.end() :]) if found and bare[found.end() :][:1] in "(,;:-" else (bare, "", "")


def _is_answer(cell: str) -> bool:
    return read_answer(cell) is not None or (bool(cell) and not _MARK_AROUND.sub("", cell) and is_to_confirm(cell))


def _line(row: _Row, label: int, answers: int, note: int | None) -> GuideLine:
    said = row.cell(answers)
    return GuideLine(
        number=row.number,
        label=_MARK_AROUND.sub("", row.cell(label)).strip(),
        answer=read_answer(said),
        said=said,
        note=row.cell(note),
        to_confirm=any(map(is_to_confirm, row.cells)),
    )


# text and cells


def _decoded(raw: bytes) -> str:
    if len(raw) > MAX_BYTES:
        raise UsageError(f"The table is larger than {MAX_BYTES // 1024} KB; a guide's table has some dozens of lines.")
    if raw.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF")):
        raise UsageError("That is a workbook or a PDF; save its table as CSV, then run the command on that file.")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace")
    if b"\0" in raw:
        raise UsageError("That is no text; save the table as CSV, then run the command on that file.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def _rows(text: str) -> list[_Row]:
    """Cut into rows by the separator that leaves an answer alone in its cell most often."""
    text = re.sub(r"\A\"?sep=.\"?[\r\n]+", "", text, flags=re.IGNORECASE)
    read = [_separated(text, separator) for separator in _SEPARATORS]
    best = max(read, key=lambda rows: (sum(_has_both(row) for row in rows), sum(len(row.cells) for row in rows)))
    if not any(map(_has_both, best)):
        raise UsageError(
            "No line of the table has a label and an answer (OUI, NON or TBD) in cells of their own; save it as CSV "
            "with a column for each."
        )
    return best


def _has_both(row: _Row) -> bool:
    answers = [cell for cell in row.cells if _is_answer(cell)]
    return bool(answers) and any(len(key(cell)) > 2 for cell in row.cells if not _is_answer(cell))


def _separated(text: str, separator: str) -> list[_Row]:
    """Read the rows; without quotation marks where one that was never closed would swallow some."""
    quoted, bare = (_read(text, separator, quoting) for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE))
    return bare if sum(map(_has_both, bare)) > sum(map(_has_both, quoted)) else quoted


def _read(text: str, separator: str, quoting: Literal[0, 3]) -> list[_Row]:
    try:
        rows = list(_records(text, separator, quoting))
    except csv.Error:
        return []
    return rows if all(len(cell) <= MAX_CELL for row in rows for cell in row.cells) else []


def _records(text: str, separator: str, quoting: Literal[0, 3]) -> Iterator[_Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, quoting=quoting)
    number = 1
    for count, cells in enumerate(reader):
        if count >= MAX_LINES:
            raise UsageError(f"The table has more than {MAX_LINES} lines; leave only the guide's rows in it.")
        if len(cells) > MAX_COLUMNS:
            raise UsageError(f"Line {number} of the table has more than {MAX_COLUMNS} columns.")
        cleaned = [_clean(cell, bare=quoting == csv.QUOTE_NONE) for cell in cells]
        if any(cleaned):
            yield _Row(number, cleaned)
        number = reader.line_num + 1


def _clean(cell: str, *, bare: bool) -> str:
    """A cell without what people do not see: odd spaces, curly quotes, characters of no width."""
    said = "".join(c for c in cell.translate(_QUOTES) if c.isprintable() or c.isspace())
    said = " ".join(said.split())
    return said.strip('"').strip() if bare else said


# columns


def _answer_column(rows: Sequence[_Row], width: int, wanted: str | None) -> int:
    counts = [_answered(rows, column) for column in range(width)]
    found = [column for column, (share, count) in enumerate(counts) if count and share >= _ANSWERED_AT_LEAST]
    if wanted is not None:
        return _named_column(rows, counts, wanted)
    if not found:
        # Titles and remarks between the rows may outnumber them.
        found = [max(range(width), key=lambda column: counts[column][1])]
    most = max(counts[column][1] for column in found)
    found = [column for column in found if counts[column][1] * 2 >= most]
    if len(found) > 1:
        found = [column for column in found if _says(_heading(rows, column), "answer")] or found
    if len(found) > 1:
        found = [column for column in found if "dms" in key(_heading(rows, column)).split()] or found
    if len(found) > 1:
        named = ", ".join(f"{column + 1} ({_heading(rows, column) or '?'})" for column in found)
        raise UsageError(f"Several columns of the table hold OUI and NON: {named}. Name one with --column.")
    return found[0]


def _named_column(rows: Sequence[_Row], counts: Sequence[tuple[float, int]], wanted: str) -> int:
    if wanted.isdigit() and 1 <= int(wanted) <= len(counts):
        column: int | None = int(wanted) - 1
    else:
        column = next((c for c in range(len(counts)) if key(_heading(rows, c)) == key(wanted) != ""), None)
    if column is None or not counts[column][1]:
        raise UsageError(f"No column {wanted} with OUI and NON in the table; give its header, or its number from 1.")
    return column


def _answered(rows: Sequence[_Row], column: int) -> tuple[float, int]:
    """How many cells of a column are answers: as a share of those below the first one, and counted."""
    cells = [row.cell(column) for row in rows]
    first = next((place for place, cell in enumerate(cells) if _is_answer(cell)), len(cells))
    below = [cell for cell in cells[first:] if cell]
    count = sum(map(_is_answer, below))
    return (count / len(below) if below else 0.0), count


def _heading(rows: Sequence[_Row], column: int) -> str:
    """What stands above the first answer of a column."""
    above = ""
    for row in rows:
        cell = row.cell(column)
        if _is_answer(cell):
            break
        above = cell or above
    return above


def _label_column(head: _Row, body: Sequence[_Row], width: int, answers: int, is_known: Callable[[str], bool]) -> int:
    def worth(column: int) -> tuple[int, bool, int, bool, int]:
        cells = [_MARK_AROUND.sub("", row.cell(column)) for row in body]
        texts = {key(cell) for cell in cells if re.search(r"[^\W\d_]{3}", cell)}
        known = sum(map(is_known, cells))
        return known, _says(head.cell(column), "label"), len(texts), column < answers, -column

    return max((column for column in range(width) if column != answers), key=worth)


def _note_column(head: _Row, body: Sequence[_Row], width: int, answers: int, label: int) -> int | None:
    others = [column for column in range(width) if column not in (answers, label)]
    named = [column for column in others if _says(head.cell(column), "note")]
    if named or any(head.cells):
        return named[0] if named else None
    after = [column for column in others if column > answers and any(re.search(r"\w", r.cell(column)) for r in body)]
    return after[0] if after else None


def _says(heading: str, what: str) -> bool:
    said = key(heading)
    return any(word in said for word in _HEADS[what])

"""Whatever a spreadsheet does to a report, exactly the rows that somebody filled in come back, as they were typed.

Each habit alone, and any of them at once; and for some a planted fault, which shows that the test can fail.
Not here: files that are refused, and what is said of them (test_returned_file.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from stocksync.errors import UnreadableFile
from stocksync.reports import returned_csv, returned_file, returned_header, returned_text, returned_xlsx
from stocksync.reports.conflict_report import COLUMNS
from stocksync.reports.escaping import escaped
from stocksync.reports.returned_file import read_returned
from stocksync.reports.returned_rows import trimmed
from stocksync.reports.spelling import Language
from tests.reports.spreadsheets import HEADERS, NUMBERS, Filled, Found, Habits, Line, saved

EXAMPLES = settings().max_examples
ALONE = settings(max_examples=max(EXAMPLES * 60 // 100, 1), suppress_health_check=list(HealthCheck))
AT_ONCE = settings(max_examples=EXAMPLES * 3, suppress_health_check=list(HealthCheck))


# --- reports in which somebody typed


def is_kept(text: str) -> bool:
    """Leave out what reads as our own escape, which is taken off: an apostrophe before the start of a formula."""
    return not (text.startswith("'") and escaped(text[1:]) == text)


def is_no_odd_number(text: str) -> bool:
    """Leave out what a spreadsheet takes for a number as it is typed, and shows otherwise ever after: 00, +1, 1,50."""
    return re.fullmatch(r"0|[1-9][0-9]*", text) is not None or re.fullmatch(r"[-+0-9\s.,]*", text) is None


def tells_its_bytes(text: str) -> bool:
    """Leave out what is another text in UTF-8 once it is saved for Windows, such as Éœ: nobody could tell."""
    try:
        return text.isascii() or text.encode("cp1252", "replace").decode() == text
    except UnicodeDecodeError:
        return True


# Not here: â, Ã and the like, with which mis-decoded text begins.
LETTERS = "abcXYZ0159 éèàçêœÉÀ€«»’‘“”…°\"';,|=+-@\n\u00a0\u202f🚗ﬁŽ"
texts = st.text(LETTERS, max_size=9).map(trimmed).filter(is_kept).filter(is_no_odd_number).filter(tells_its_bytes)
typed_rows = st.builds(
    Filled,
    st.sampled_from(["module", "dms", "valeur", "ignorer", "Valeur", "« DMS »", "", "peut-être"]),
    st.sampled_from(["", "12500,50", "84 500", "12.500,00", "14/05/2019", "Gris métallisé", "=1+1", "'s Gravenhage"]),
    texts | st.sampled_from(["=1+1", "+33 6 00", "-12", "@x", 'dit "oui" ; vu', "ligne 1\nligne 2"]),
)
MAKES = ["Citroën C3", "BMW Série 1", "=HYPERLINK(1)", "'quoted", 'Škoda "Octavia";', "Fiat\n500"]
SENTENCES = ["« Prix » : 12\u202f500,00\u00a0€ d'un côté.", "“Price” was changed…"]


def line(number: int, typed: Filled | None) -> Line:
    """Make a row whose other cells follow from its number, so that little has to be drawn."""
    since = date(2026, 1, 1) + timedelta(days=number * 17 % 365)
    fingerprint = f"v{number * 0x9E3779B97F4A7C15 % 2**64:016x}"
    return Line(number, fingerprint, MAKES[number % 6], SENTENCES[number % 2], since, typed or Filled())


reports = st.dictionaries(st.integers(1, 99_999), st.none() | typed_rows, min_size=1, max_size=3).map(
    lambda drawn: [line(number, typed) for number, typed in drawn.items()]
)


def comes_back(lines: list[Line], habits: Habits, language: Language = "fr") -> None:
    """Raise AssertionError where a saved report does not say exactly what was filled in."""
    file = saved(lines, habits, language)
    returned = read_returned("conflits", file.raw, "fr")
    found = [
        Found(
            row.line,
            *(row.cells[name] for name in ("id", "fingerprint", "decision", "value", "comment")),
        )
        for row in returned.rows
    ]
    assert found == [as_read(row) for row in file.filled]
    assert [row.problem for row in returned.rows] == [None] * len(found)
    assert returned.untouched == file.untouched
    assert returned.month_first == file.month_first


def as_read(row: Found) -> Found:
    """An encoding may make an ordinary space of a special one, which is then at the end."""
    return replace(row, value=trimmed(row.value), comment=trimmed(row.comment))


ALONE_HABITS: dict[str, Habits] = {
    "nothing": Habits(),
    "no byte order mark": Habits(encoding="utf-8"),
    "UTF-16": Habits(encoding="utf-16", separator="\t"),
    "UTF-16 without a mark": Habits(encoding="utf-16-le", separator="\t"),
    "the encoding of Windows": Habits(encoding="cp1252"),
    "the encoding of old Macs": Habits(encoding="mac_roman", line_end="\r"),
    "the encoding of DOS": Habits(encoding="cp850"),
    "taken for the encoding of Windows": Habits(opened_as="cp1252", encoding="utf-8"),
    "taken for the encoding of Windows, and saved in it": Habits(opened_as="cp1252", encoding="cp1252"),
    "taken for the encoding of old Macs": Habits(opened_as="mac_roman", encoding="utf-8"),
    "commas": Habits(separator=","),
    "tabs": Habits(separator="\t"),
    "bars": Habits(separator="|"),
    "the separator named": Habits(names_separator=True),
    "another separator named": Habits(names_separator=True, separator=","),
    "all in quotation marks": Habits(quotes_all=True),
    "LF": Habits(line_end="\n"),
    "CR": Habits(line_end="\r"),
    "month first": Habits(month_first=True),
    "exponents": Habits(exponents=True),
    "truths": Habits(truths=True),
    "columns moved": Habits(moves_columns=True),
    "columns added": Habits(adds_columns=("", "Vu par", "Vu par", "Valeur", "Décision du chef")),
    "columns deleted": Habits(deletes_columns=True),
    "trailing separators": Habits(trailing=30),
    "blank rows": Habits(blank_rows=True),
    "titles": Habits(titles=10),
    "sorted": Habits(sorts=True),
    "rows repeated": Habits(repeats_rows=True),
    "rows deleted": Habits(deletes_rows=True),
    "the header repeated": Habits(repeats_header=True),
    "totals": Habits(totals=True),
    "a workbook": Habits(workbook=True),
    "a workbook of a CSV taken for Windows'": Habits(workbook=True, opened_as="cp1252"),
    "English headers": Habits(headers_in="en"),
    **{f"headers {name}": Habits(headers=name) for name in HEADERS if name != "as they are"},
    **{f"numbers {name}": Habits(numbers=name) for name in NUMBERS if name != "as they are"},
}


@pytest.mark.parametrize("habits", ALONE_HABITS.values(), ids=ALONE_HABITS.keys())
@ALONE
@given(reports, st.integers(0, 99))
def test_a_habit_alone_loses_nothing(habits: Habits, lines: list[Line], seed: int) -> None:
    comes_back(lines, replace(habits, seed=seed))


ENCODINGS = [
    *((None, encoding) for encoding in ("utf-8-sig", "utf-8", "utf-16", "utf-16-be", "cp1252", "mac_roman", "cp850")),
    ("cp1252", "utf-8"),
    ("cp1252", "utf-16"),
    ("cp1252", "cp1252"),
    ("mac_roman", "utf-8-sig"),
]
any_habits = st.builds(
    lambda encodings, **habits: Habits(opened_as=encodings[0], encoding=encodings[1], **habits),
    st.sampled_from(ENCODINGS),
    separator=st.sampled_from(";,\t|"),
    names_separator=st.booleans(),
    quotes_all=st.booleans(),
    line_end=st.sampled_from(["\r\n", "\n", "\r"]),
    headers=st.sampled_from(sorted(HEADERS)),
    numbers=st.sampled_from(sorted(NUMBERS)),
    month_first=st.booleans(),
    exponents=st.booleans(),
    truths=st.booleans(),
    moves_columns=st.booleans(),
    adds_columns=st.sampled_from([(), ("",), ("Vu par", "Vu par"), ("Total", "", "N°", "Decision proposed")]),
    deletes_columns=st.booleans(),
    trailing=st.sampled_from([0, 1, 40]),
    blank_rows=st.booleans(),
    titles=st.integers(0, 10),
    sorts=st.booleans(),
    repeats_rows=st.booleans(),
    deletes_rows=st.booleans(),
    repeats_header=st.booleans(),
    totals=st.booleans(),
    workbook=st.sampled_from([False] * 7 + [True]),
    seed=st.integers(0, 999),
)


def tells_its_encoding(habits: Habits, language: Language) -> bool:
    """Leave out English reports whose cells of ours are all ASCII: typed cells alone do not always tell an encoding."""
    in_french = (habits.headers_in or language) == "fr" and habits.headers != "without accents"
    has_sentences = not habits.deletes_columns and habits.encoding != "cp850"
    return habits.workbook or habits.encoding.startswith("utf") or in_french or has_sentences


@AT_ONCE
@given(reports, any_habits, st.sampled_from(["fr", "en"]))
def test_all_habits_at_once_lose_nothing(lines: list[Line], habits: Habits, language: Language) -> None:
    assume(tells_its_encoding(habits, language))
    comes_back(lines, habits, language)


# --- planted faults: what a reader that forgets something would lose


TYPED_IN = [
    line(1, Filled("valeur", "12500,50", "« Déjà vu »")),
    line(1234, None),
    line(12_345, Filled("module", "", "d'accord…")),
]

Plant = Callable[[pytest.MonkeyPatch], None]


def columns_by_position(monkeypatch: pytest.MonkeyPatch) -> None:
    places = {column.name: [place] for place, column in enumerate(COLUMNS)}
    monkeypatch.setattr(returned_header, "_found", lambda cells, reading: places)


def no_encoding_of_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(returned_text, "BYTE_READINGS", returned_text.BYTE_READINGS[1:2])


def no_repair(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (returned_text, returned_xlsx):
        monkeypatch.setattr(module, "TEXT_READINGS", returned_text.TEXT_READINGS[:1])


def semicolons_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(returned_csv, "_SEPARATORS", (";",))


def numbers_as_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(returned_file._CLEANED, "id", str)


def every_header_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(returned_file, "repeats_header", lambda cells: False)


def the_day_is_always_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(returned_file, "_month_first", lambda shown, are_dates: False)


@pytest.mark.parametrize(
    ("plant", "habits"),
    [
        (columns_by_position, Habits(moves_columns=True)),
        (no_encoding_of_windows, Habits(encoding="cp1252")),
        (no_repair, Habits(opened_as="cp1252", encoding="utf-8")),
        (no_repair, Habits(opened_as="cp1252", workbook=True)),
        (semicolons_only, Habits(separator="\t")),
        (numbers_as_they_stand, Habits(numbers="thousands apart, narrow")),
        (every_header_is_a_row, Habits(repeats_header=True)),
        (the_day_is_always_first, Habits(month_first=True)),
    ],
)
def test_a_planted_fault_loses_something(plant: Plant, habits: Habits, monkeypatch: pytest.MonkeyPatch) -> None:
    comes_back(TYPED_IN, habits)
    plant(monkeypatch)
    with pytest.raises((AssertionError, UnreadableFile)):
        comes_back(TYPED_IN, habits)

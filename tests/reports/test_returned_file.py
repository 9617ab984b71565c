"""Reports that come back: what is found in them, what is refused as a whole, and what is said then.

Not here: all that spreadsheets do to a report that is taken (test_returned_mangled.py), and what was typed
(test_typed_values.py).
"""

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time
from typing import Any

import openpyxl
import pytest
from defusedxml import EntitiesForbidden
from openpyxl import Workbook, load_workbook

from stocksync.errors import UnreadableFile
from stocksync.reports import returned_csv, returned_file, returned_rows, workbook_check
from stocksync.reports.cell_problem import CellProblem
from stocksync.reports.conflict_report import COLUMNS, report_bytes
from stocksync.reports.refusals import Refusal, Refused
from stocksync.reports.report_xlsx import workbook_bytes
from stocksync.reports.returned_file import Returned, _returned, _sheets, read_returned
from stocksync.reports.returned_header import _LANGUAGES, _NAMES, _keys
from stocksync.reports.spelling import Language
from tests.reports.report_rows import COLOUR, line
from tests.reports.spreadsheets import as_excel_saves

HEADER = ("N° de conflit", "Empreinte (ne pas modifier)", "Décision", "Valeur décidée", "Commentaire", "Depuis le")
ROW = ("12", "v00000000000000aa", "module", "", "d'accord", "19/11/2026")
Table = Iterable[Sequence[Any]]


def as_csv(*rows: Sequence[str], separator: str = ";") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def as_workbook(*sheets: Table, titles: Sequence[str] = ()) -> bytes:
    workbook = Workbook()
    workbook.remove(workbook.worksheets[0])
    for number, rows in enumerate(sheets):
        sheet = workbook.create_sheet(titles[number] if titles else f"Feuil{number + 1}")
        for row in rows:
            sheet.append(list(row))
    return as_excel_saves(workbook)


def rezipped(raw: bytes, change: Callable[[str, bytes], bytes], **more: bytes) -> bytes:
    """Write a workbook again with its parts changed and others added."""
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            new.writestr(part.filename, change(part.filename, old.read(part)))
        for name, data in more.items():
            new.writestr(name, data)
    return content.getvalue()


def with_sheet(xml: str) -> bytes:
    """A workbook whose only sheet is some XML."""
    return rezipped(as_workbook([HEADER, ROW]), lambda name, data: xml.encode() if "sheet1" in name else data)


def in_sheet(replaced: str, by: str) -> bytes:
    """A workbook with something in its only sheet's XML replaced."""

    def change(name: str, data: bytes) -> bytes:
        if "sheet1" not in name:
            return data
        assert replaced.encode() in data
        return data.replace(replaced.encode(), by.encode())

    return rezipped(as_workbook([HEADER, ROW]), change)


def zipped(**parts: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return content.getvalue()


def forged(size: int) -> bytes:
    """A workbook whose directory lies about the size of a part."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", b"<Types/>" + b" " * 5_000)
        archive.filelist[0].file_size = size
    return content.getvalue()


def read(raw: bytes, language: Language = "fr") -> Returned:
    return read_returned("conflits.csv", raw, language)


def refusal(raw: bytes) -> str:
    with pytest.raises(UnreadableFile) as raised:
        read(raw)
    return str(raised.value)


# --- rows


def test_only_rows_that_somebody_filled_in_are_given_and_the_others_counted() -> None:
    returned = read(
        as_csv(HEADER, ROW, ("13", "v1", "", "", "", ""), ("", "", "", "", "", ""), ("14", "v2", "", "", "à voir"))
    )
    assert [(row.line, row.sheet, row.cells["id"]) for row in returned.rows] == [(2, "", "12"), (5, "", "14")]
    assert dict(returned.rows[0].cells) == {
        "id": "12",
        "fingerprint": "v00000000000000aa",
        "decision": "module",
        "value": "",
        "comment": "d'accord",
        "since": "19/11/2026",
    }
    assert (returned.untouched, returned.month_first, returned.language) == (1, False, "fr")


def test_a_report_without_rows_is_read() -> None:
    assert read(as_csv(HEADER)) == Returned((), 0, False, "fr")
    assert read(as_csv(HEADER, ("", "", "", "", ""))) == Returned((), 0, False, "fr")


def test_a_comment_of_several_lines_shifts_no_row_number() -> None:
    returned = read(as_csv(HEADER, (*ROW[:4], "un\r\ndeux\rtrois\n\nquatre"), ROW))
    assert [row.line for row in returned.rows] == [2, 3]
    assert returned.rows[0].cells["comment"] == "un\ndeux\ntrois\n\nquatre"


def test_value_and_comment_may_be_gone() -> None:
    returned = read(as_csv(HEADER[:3], ROW[:3]))
    assert dict(returned.rows[0].cells) == dict.fromkeys(["value", "comment", "since"], "") | {
        "id": "12",
        "fingerprint": "v00000000000000aa",
        "decision": "module",
    }


def test_our_escape_is_taken_off_and_an_apostrophe_that_somebody_typed_stays() -> None:
    returned = read(as_csv(HEADER, ("'12", "'va", "'module", "'=1+1", "'t Was niks"), ("1", "v", "", "'12", "'+33 6")))
    assert [tuple(row.cells.values())[:5] for row in returned.rows] == [
        ("12", "va", "module", "=1+1", "'t Was niks"),
        ("1", "v", "", "'12", "+33 6"),
    ]


def test_what_stands_above_a_header_that_is_there_is_no_row() -> None:
    titles = [("Rapport", "du 21/11")] * 10
    assert [row.line for row in read(as_csv(*titles, HEADER, ROW)).rows] == [12]
    assert "11 premières lignes" in refusal(as_csv(*titles, ("encore",), HEADER, ROW))


@pytest.mark.parametrize(("headers", "language"), [("fr", "fr"), ("en", "en")])
def test_the_language_of_the_headers_is_told(headers: Language, language: Language) -> None:
    assert read(as_csv([column.header(headers) for column in COLUMNS])).language == language


def test_no_two_columns_can_be_taken_for_each_other() -> None:
    for column in COLUMNS:
        assert {_NAMES[key] for language in _LANGUAGES for key in _keys(column.header(language))} == {column.name}


# --- rows that are out of joint


@pytest.mark.parametrize(("language", "allowed"), [("fr", "6 cellules au plus"), ("en", "6 cells at most")])
def test_a_row_with_more_cells_than_headers_is_given_with_its_problem(language: Language, allowed: str) -> None:
    returned = read(as_csv(HEADER, ("12", "v1", "valeur", "12500", "50", "vu", "19/11/2026"), ROW), language)
    problem = returned.rows[0].problem
    assert isinstance(problem, CellProblem)
    assert (problem.column, problem.found) == ("G", "19/11/2026")
    assert problem.allowed.startswith(allowed)
    assert returned.rows[1].problem is None


def test_a_row_out_of_joint_is_given_even_where_nothing_seems_to_be_filled_in() -> None:
    returned = read(as_csv(HEADER, ("12", "v1", "", "", "", "", "dms")))
    assert [row.problem is None for row in returned.rows] == [False]


def test_empty_cells_beyond_the_header_are_no_problem() -> None:
    assert read(as_csv(HEADER, (*ROW, "", " ", "\u00a0"))).rows[0].problem is None


def test_a_note_beside_the_table_of_a_workbook_is_no_problem() -> None:
    assert read(as_workbook([HEADER, (*ROW, "note"), (*ROW, None, "note")])).rows[1].problem is None


# --- whose month comes first


@pytest.mark.parametrize(
    ("since", "month_first"),
    [
        (["19/11/2026", "03/04/2026"], False),
        (["11/19/2026", "04/03/2026"], True),
        (["11/19/26", "4/3/26"], True),
        (["03/04/2026"], False),
        (["11/19/2026", "19/11/2026"], False),
        (["", "demain", "2026-11-19"], False),
    ],
)
def test_dates_of_ours_show_whether_the_month_comes_first(since: list[str], month_first: bool) -> None:
    assert read(as_csv(HEADER, *((*ROW[:5], day) for day in since))).month_first is month_first


def test_a_workbook_that_took_some_of_our_days_for_months_puts_the_month_first() -> None:
    taken = [(*ROW[:5], datetime(2026, 4, 3)), (*ROW[:5], "19/11/2026")]
    assert read(as_workbook([HEADER, *taken])).month_first is True
    assert read(as_workbook([HEADER, taken[1]])).month_first is False
    assert read(as_workbook([HEADER, taken[0], (*ROW[:5], datetime(2026, 11, 19))])).month_first is False


# --- workbooks


def values_of(*values: Any) -> list[str]:
    returned = read(as_workbook([HEADER, *(("1", "v", "valeur", value) for value in values)]))
    return [row.cells["value"] for row in returned.rows]


def test_cells_of_a_workbook_are_spelled_as_they_are_shown_and_exact_to_the_digit() -> None:
    numbers = values_of(12500, 12500.0, 12500.5, 12500.549999999999, 1e22, 1e-7, -0.05, 999_999_999_999_999)
    assert numbers[:4] == ["12500", "12500", "12500.5", "12500.55"]
    assert numbers[4:] == ["10000000000000000000000", "0.0000001", "-0.05", "999999999999999"]
    assert values_of(12345678901234567, 1.2345678901234567e16) == ["12345678901234600", "12345678901234600"]
    days = values_of(datetime(2019, 5, 14), date(2019, 5, 14), datetime(2019, 5, 14, 12, 30), time(12, 30))
    assert days == ["14/05/2019", "14/05/2019", "14/05/2019 12:30:00", "12:30:00"]
    assert values_of(True, False, "#N/A", "1\n2", " x\u00a0") == ["VRAI", "FAUX", "#N/A", "1\n2", "x"]


def test_texts_of_several_looks_and_line_ends_of_excel_are_texts() -> None:
    def change(name: str, data: bytes) -> bytes:
        runs = "<r><rPr><b/></rPr><t>d'</t></r><r><t>ac_x000D_\ncord</t></r>"
        return data.replace(b"<t>d'accord</t>", runs.encode()) if name == "xl/sharedStrings.xml" else data

    raw = rezipped(as_workbook([HEADER, ROW]), change)
    assert read(raw).rows[0].cells["comment"] == "d'ac\ncord"


def test_a_formula_stands_for_the_value_that_was_last_seen() -> None:
    stored = as_workbook([HEADER, ("1", "v", "valeur", "=12000+500")])

    def seen(value: str) -> bytes:
        def change(name: str, data: bytes) -> bytes:
            return re.sub(rb"<v ?/>|<v></v>", value.encode(), data) if "sheet1" in name else data

        return rezipped(stored, change)

    assert read(stored).rows[0].cells["value"] == ""
    assert read(seen("<v>12500</v>")).rows[0].cells["value"] == "12500"


def test_every_sheet_with_the_header_is_read_annexes_last_hidden_ones_too() -> None:
    raw = as_workbook([HEADER, ROW], [HEADER, ROW], [("Notes",), ("de Paul",)], titles=["Annexe", "Écarts", "Autres"])
    workbook = load_workbook(io.BytesIO(raw))
    workbook["Annexe"].sheet_state = "hidden"
    content = io.BytesIO()
    workbook.save(content)
    assert [(row.sheet, row.line) for row in read(content.getvalue()).rows] == [("Écarts", 2), ("Annexe", 2)]


def test_the_name_of_a_file_says_nothing_of_its_kind() -> None:
    assert read_returned("a.csv", as_workbook([HEADER, ROW]), "fr").rows[0].cells["id"] == "12"
    assert read_returned("a.xlsx", as_csv(HEADER, ROW), "fr").rows[0].cells["id"] == "12"


def test_rows_that_are_formatted_but_empty_are_no_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(returned_rows, "MAX_ROWS", 100)
    empty = "".join(f'<row r="{number}" s="1" customFormat="1"/>' for number in range(3, 1_003))
    raw = in_sheet("</sheetData>", f"{empty}</sheetData>")
    returned = read(raw)
    assert (len(returned.rows), returned.untouched) == (1, 0)


def test_a_sheet_that_lies_about_its_size_is_read_as_it_is() -> None:
    for size in ("A1:XFD1048576", "A1:A1", "C7:D9"):
        assert read(in_sheet("A1:F2", size)).rows[0].cells["comment"] == "d'accord"


def test_macros_and_links_to_other_files_are_not_followed() -> None:
    more = {"xl/vbaProject.bin": b"\xd0\xcf\x11\xe0", "xl/externalLinks/externalLink1.xml": b"<externalLink/>"}
    assert len(read(rezipped(as_workbook([HEADER, ROW]), lambda _, data: data, **more)).rows) == 1


def test_the_library_itself_refuses_entities() -> None:
    bomb = '<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "aaaa">]><worksheet>&a;</worksheet>'
    assert openpyxl.DEFUSEDXML
    with pytest.raises(ValueError, match="Unable to read") as raised:
        load_workbook(io.BytesIO(with_sheet(bomb)), read_only=True)
    assert isinstance(raised.value.__cause__, EntitiesForbidden)


# --- our own reports


def test_our_own_report_comes_back_with_nothing_filled_in() -> None:
    lines = [line(1), line(2, COLOUR), line(3)]
    for raw in (report_bytes(lines, "fr"), workbook_bytes(lines, "fr"), report_bytes(lines, "en")):
        returned = read(raw)
        assert (returned.rows, returned.untouched, returned.month_first) == ((), 3, False)


def test_our_own_workbook_comes_back_with_what_was_filled_in() -> None:
    workbook = load_workbook(io.BytesIO(workbook_bytes([line(1), line(2)], "fr")))
    sheet = workbook.worksheets[0]
    places = {column.name: place for place, column in enumerate(COLUMNS, start=1)}
    sheet.cell(3, places["decision"]).value = "valeur"
    sheet.cell(3, places["value"]).value = "12 500,00"
    content = io.BytesIO()
    workbook.save(content)
    (row,) = read(content.getvalue()).rows
    assert (row.line, row.cells["id"], row.cells["decision"], row.cells["value"]) == (3, "2", "valeur", "12 500,00")
    assert (row.cells["fingerprint"], row.cells["since"]) == ("v0000000000000002", "19/11/2026")


# --- files that are refused as a whole


def sheet_xml(inner: str) -> bytes:
    return with_sheet(
        f'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{inner}</worksheet>'
    )


def with_password() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("[Content_Types].xml", b"<Types/>")
        archive.filelist[0].flag_bits |= 1
    return content.getvalue()


def overlapping() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", b"<Types/>" * 9_999)
        for number in range(50):
            twin = zipfile.ZipInfo(f"xl/{number}.xml")
            first = archive.filelist[0]
            for name in ("header_offset", "compress_size", "file_size", "CRC", "compress_type"):
                setattr(twin, name, getattr(first, name))
            archive.filelist.append(twin)
    return content.getvalue()


OLD_WORKBOOK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
SQUEEZED = [";".join(HEADER), ";".join(ROW)]
REFUSED: dict[str, tuple[Refusal, Callable[[], bytes], str]] = {
    "nothing": (Refusal.EMPTY, lambda: b"", "vide"),
    "a byte order mark and blank lines": (Refusal.EMPTY, lambda: b"\xef\xbb\xbf\r\n\r\n", "vide"),
    "too many bytes": (Refusal.TOO_LARGE, lambda: b"a" * (returned_file.MAX_BYTES + 1), "33\u00a0Mo"),
    "a PDF": (Refusal.OTHER_KIND, lambda: b"%PDF-1.7\n", "un PDF"),
    "HTML": (Refusal.OTHER_KIND, lambda: b"\xef\xbb\xbf <!DOCTYPE html>", "HTML"),
    "XML": (Refusal.OTHER_KIND, lambda: b"<?xml version='1.0'?>", "XML"),
    "PNG": (Refusal.OTHER_KIND, lambda: b"\x89PNG\r\n\x1a\n", "une image"),
    "a telephone's picture": (Refusal.OTHER_KIND, lambda: b"\0\0\0\x18ftypheic", "une image"),
    "an old workbook": (Refusal.OTHER_KIND, lambda: OLD_WORKBOOK, "(.xls)"),
    "OpenDocument": (
        Refusal.OTHER_KIND,
        lambda: zipped(mimetype=b"application/vnd.oasis.opendocument.spreadsheet"),
        "(.ods)",
    ),
    "Numbers": (Refusal.OTHER_KIND, lambda: zipped(**{"Index/Document.iwa": b""}), "Numbers"),
    "Word": (Refusal.OTHER_KIND, lambda: zipped(**{"[Content_Types].xml": b"", "word/document.xml": b""}), "Word"),
    "an archive": (Refusal.OTHER_KIND, lambda: zipped(**{"conflits.csv": as_csv(HEADER)}), "une archive ZIP"),
    "an encrypted workbook": (
        Refusal.PASSWORD,
        lambda: OLD_WORKBOOK + "EncryptedPackage".encode("utf-16-le"),
        "mot de passe",
    ),
    "an encrypted archive": (Refusal.PASSWORD, with_password, "mot de passe"),
    "half a workbook": (Refusal.BROKEN, lambda: as_workbook([HEADER, ROW])[:-300], "endommagé"),
    "no workbook at all": (Refusal.BROKEN, lambda: b"PK\x03\x04" + b"x" * 99, "endommagé"),
    "a cut sheet": (Refusal.BROKEN, lambda: with_sheet("<worksheet><sheetData><row>"), "endommagé"),
    "a text that is not there": (Refusal.BROKEN, lambda: in_sheet("<v>0</v>", "<v>999</v>"), "endommagé"),
    "a part that is larger than it says": (Refusal.BROKEN, lambda: forged(10), "endommagé"),
    "parts that share their bytes": (Refusal.BROKEN, overlapping, "endommagé"),
    "a zip bomb": (Refusal.UNFOLDS, lambda: forged(300_000_000), "300\u00a0Mo"),
    "a dense zip bomb": (
        Refusal.DENSE,
        lambda: zipped(**{"[Content_Types].xml": b"", "a": b"\0" * 11_000_000}),
        "la limite est de 100 fois",
    ),
    "many parts": (
        Refusal.MANY_PARTS,
        lambda: zipped(**{"[Content_Types].xml": b""}, **{str(number): b"" for number in range(1_000)}),
        "1\u202f001 fichiers",
    ),
    "a row without end": (
        Refusal.OVERLOADED,
        lambda: sheet_xml(f"<sheetData><row>{'<c/>' * 70_000}</row></sheetData>"),
        "dans une ligne",
    ),
    "elements everywhere": (Refusal.OVERLOADED, lambda: sheet_xml("<a/>" * 250_001), "hors des lignes"),
    "elements inside one another": (
        Refusal.OVERLOADED,
        lambda: sheet_xml("<a>" * 70 + "</a>" * 70),
        "emboîtés",
    ),
    "entities": (
        Refusal.DEFINITIONS,
        lambda: with_sheet('<!DOCTYPE w [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><worksheet>&b;</worksheet>'),
        "DTD",
    ),
    "a definition from elsewhere": (
        Refusal.DEFINITIONS,
        lambda: with_sheet('<!DOCTYPE w SYSTEM "file:///etc/passwd"><worksheet/>'),
        "DTD",
    ),
    "too many rows": (Refusal.MANY_ROWS, lambda: as_csv(HEADER, *[("1", "v")] * 50_001), "50\u202f000 lignes"),
    "a row of too many columns": (
        Refusal.MANY_COLUMNS,
        lambda: as_csv(HEADER, ROW, ("",) * 64 + ("x",)),
        "la ligne 3 a 65 colonnes",
    ),
    "a header of too many columns": (
        Refusal.MANY_COLUMNS,
        lambda: as_workbook([HEADER + ("x",) * 59]),
        "la ligne 1 de la feuille «\u00a0Feuil1\u00a0» a 65 colonnes",
    ),
    "a long cell": (
        Refusal.LONG_CELL,
        lambda: as_csv(HEADER, (*ROW[:4], "x" * 32_768)),
        "une cellule de la ligne 2 a 32\u202f768 caractères",
    ),
    "NUL": (Refusal.NUL, lambda: as_csv(HEADER, ROW, ("1", "v", "mod\0ule")), "la ligne 3 contient un caractère nul"),
    "UTF-8 with other bytes": (
        Refusal.UNDECODABLE,
        lambda: b"\xef\xbb\xbf" + as_csv(HEADER, ROW) + b"1;v;d\xe9j\xe0\r\n",
        "la ligne 3 contient des octets",
    ),
    "half of UTF-16": (
        Refusal.UNDECODABLE,
        lambda: as_csv(HEADER, ROW).decode().encode("utf-16")[:-1],
        "contient des octets",
    ),
    "bytes that stand for nothing": (
        Refusal.UNDECODABLE,
        lambda: as_csv(HEADER, ROW).decode().encode("cp1252") + b"1;v;mod\x81ule\r\n",
        "la ligne 3 contient des octets",
    ),
    "an encoding that nothing tells": (
        Refusal.UNSURE,
        lambda: b"Conflict id;Fingerprint;Decision;Comment\r\n1;v;dms;\xc9\r\n",
        "dans quel encodage",
    ),
    "an open quotation mark": (
        Refusal.QUOTES,
        lambda: as_csv(HEADER, ROW) + b'1;v;module;;"oups\r\n2;v;dms\r\n',
        "la ligne 3 commence une cellule",
    ),
    "text after a quotation mark": (
        Refusal.QUOTES,
        lambda: as_csv(HEADER) + b'1;v;"mod"ule;;\r\n',
        "la ligne 2 commence une cellule",
    ),
    "a quotation mark that swallows the rest": (
        Refusal.QUOTES,
        lambda: as_csv(HEADER) + b'1;v;module;;"oups\r\n' + b"2;v;dms;;\r\n" * 20_000,
        "la ligne 2 commence une cellule",
    ),
    "a record without end": (
        Refusal.QUOTES,
        lambda: as_csv(HEADER) + b'"\n";' * 1_200_000,
        "la ligne 2 commence une cellule",
    ),
    "a CSV in one column": (Refusal.ONE_COLUMN, lambda: as_csv(*([text] for text in SQUEEZED)), "une seule colonne"),
    "a workbook in one column": (
        Refusal.ONE_COLUMN,
        lambda: as_workbook([[text] for text in SQUEEZED]),
        "une seule colonne",
    ),
    "another table": (Refusal.NO_HEADER, lambda: b"Nom;Prix\r\nClio;12500\r\n", "aucune de ses 11 premières lignes"),
    "no text at all": (Refusal.NO_HEADER, lambda: bytes(range(1, 256)) * 9, "aucune de ses 11 premières lignes"),
    "another workbook": (Refusal.NO_HEADER, lambda: as_workbook([("Nom", "Prix")]), "aucune de ses 11"),
    "a column that is gone": (
        Refusal.MISSING,
        lambda: as_csv(HEADER[:1] + HEADER[2:]),
        "il manque «\u00a0Empreinte\u00a0» dans son en-tête",
    ),
    "a column that is gone from an annex": (
        Refusal.MISSING,
        lambda: as_workbook([HEADER, ROW], [HEADER[1:]], titles=["Écarts", "Annexe"]),
        "il manque «\u00a0N° de conflit\u00a0» dans la feuille «\u00a0Annexe\u00a0»",
    ),
    "a column that stands twice": (
        Refusal.TWICE,
        lambda: as_csv((*HEADER, "DECISION (module, dms, valeur, ignorer)")),
        "la colonne «\u00a0Décision\u00a0» figure deux fois",
    ),
}


@pytest.mark.parametrize(("why", "make", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_a_file_that_cannot_be_read_is_refused_with_one_sentence(
    why: Refusal, make: Callable[[], bytes], said: str
) -> None:
    with pytest.raises(Refused) as raised:
        _returned(_sheets(make()), "fr")
    french, english = (raised.value.sentence("conflits.csv", language) for language in ("fr", "en"))
    assert raised.value.refusal is why
    assert said in french
    assert french.startswith("«\u00a0conflits.csv\u00a0» ne peut pas être repris\u00a0: ")
    assert english.startswith("“conflits.csv” cannot be taken: ")
    for sentence in (french, english):
        assert re.fullmatch(r"[^\n{}]+[;][^\n{}]+\.", sentence)
    assert not re.search(r" [;:!?»]|« ", french)
    assert re.split(r"\{\w+\}", why.value[1])[0].split("{")[0] in english


@pytest.mark.parametrize(("language", "said"), [("fr", "le fichier est vide"), ("en", "the file is empty")])
def test_a_refusal_is_told_in_the_language_of_the_reader(language: Language, said: str) -> None:
    with pytest.raises(UnreadableFile, match=said):
        read(b"", language)


def test_every_refusal_is_one_that_a_file_can_meet() -> None:
    assert {why for why, _, _ in REFUSED.values()} == set(Refusal)


def test_the_limits_hold_for_all_sheets_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(returned_file, "MAX_ROWS", 3)
    two = [HEADER, ROW, ROW]
    assert len(read(as_workbook(two, [HEADER, ROW])).rows) == 3
    assert "plus de 3 lignes" in refusal(as_workbook(two, two))


def test_what_is_just_within_the_limits_is_read() -> None:
    wide = as_csv(HEADER + ("x",) * 58, ROW + ("x",) * 58)
    assert len(read(wide).rows) == 1
    assert len(read(as_csv(HEADER, (*ROW[:4], "x" * 32_767))).rows[0].cells["comment"]) == 32_767


def test_a_sheet_has_no_more_rows_than_a_spreadsheet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(returned_rows, "LAST_ROW", 100)
    assert "plus de 100 lignes" in refusal(as_csv(HEADER, ROW) + b"\r\n" * 99)
    assert "plus de 100 lignes" in refusal(in_sheet('<row r="2"', '<row r="101"'))


def test_a_workbook_has_bounds_for_rows_and_texts_before_they_are_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_check, "LAST_ROW", 1)
    assert "qui sont des lignes" in refusal(as_workbook([HEADER, ROW]))
    monkeypatch.undo()
    monkeypatch.setattr(workbook_check, "MAX_STRINGS", 5)
    assert "qui sont des textes" in refusal(as_workbook([HEADER, ROW]))
    monkeypatch.undo()
    monkeypatch.setattr(workbook_check, "MAX_ELEMENTS", 1_000)
    assert len(read(as_workbook(*[[HEADER, ROW]] * 2)).rows) == 2
    assert "en tout" in refusal(as_workbook(*[[HEADER, ROW]] * 20))


def test_a_row_formatted_to_its_end_is_read_up_to_where_a_report_can_reach() -> None:
    raw = in_sheet(
        "</row></sheetData>", '<c r="XFD2"><v>1</v></c></row><row r="3"><c r="XFD3" s="0"/></row></sheetData>'
    )
    returned = read(raw)
    assert (len(returned.rows), returned.untouched) == (1, 0)


def test_a_part_packed_in_a_way_that_no_workbook_uses_is_refused() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("[Content_Types].xml", b"<Types/>")
    assert "endommagé" in refusal(content.getvalue())


def test_a_hostile_name_stays_within_its_sentence() -> None:
    with pytest.raises(UnreadableFile) as raised:
        read_returned("{0}\n\x1b[31m{why}" + "x" * 500, b"", "fr")
    sentence = str(raised.value)
    assert sentence.startswith("«\u00a0{0}��[31m{why}xxx")
    assert len(sentence) < 300


def test_the_separator_line_is_no_row() -> None:
    for named in (b"sep=;\r\n", b"SEP=,\n", b'"sep=;"\r\n', b"sep=;;;;;\r\n"):
        assert read(named + as_csv(HEADER, ROW)).rows[0].line == 2


def test_a_separator_may_stand_in_a_cell() -> None:
    for separator in returned_csv._SEPARATORS:
        (row,) = read(as_csv(HEADER, (*ROW[:4], "a;b,c\td|e"), separator=separator)).rows
        assert row.cells["comment"] == "a;b,c\td|e"

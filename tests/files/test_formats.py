"""Files as other vendors spell them, read and written."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import TypeAdapter

from stocksync.adapters.systems.files.names import Pattern, marker_of
from stocksync.adapters.systems.files.rows import NotReadable, NotWritable, read_rows, written_rows
from stocksync.mapping.connection_files import FileFormat, IncomingFiles

ROW = {"id": "1", "prix": {"ttc": "12,50", "devise": "EUR"}, "couleur": "Bleu d’Été"}


def form(**said: Any) -> FileFormat:
    """Read the settings of a format."""
    made: FileFormat = TypeAdapter(FileFormat).validate_python(said)
    return made


READ: list[tuple[dict[str, Any], bytes, list[Any]]] = [
    ({"type": "csv"}, b"\xef\xbb\xbfid;prix.ttc\r\n1;12,50\r\n", [{"id": "1", "prix": {"ttc": "12,50"}}]),
    ({"type": "csv", "separator": ","}, b'id,n\n1,"a,""b""\nc"\n', [{"id": "1", "n": 'a,"b"\nc'}]),
    ({"type": "csv", "separator": "\t", "encoding": "latin-1"}, b"id\tn\n1\t\xe9t\xe9\n", [{"id": "1", "n": "été"}]),
    (
        {"type": "csv", "separator": "|", "positions": ["id", "n"]},
        b"1|a\n2|b\n",
        [{"id": i, "n": n} for i, n in ("1a", "2b")],
    ),
    ({"type": "csv", "quoting": "none"}, b'id;n\n1;17" alu\n', [{"id": "1", "n": '17" alu'}]),
    ({"type": "csv", "ends_with_line_end": False}, b"id;n\n1;a", [{"id": "1", "n": "a"}]),
    ({"type": "csv", "positions": ["id"], "trailer": {"mark": "T"}}, b"1\n2\nT;2\n", [{"id": "1"}, {"id": "2"}]),
    ({"type": "csv", "positions": ["id"], "trailer": {"mark": "T"}}, b"T;0\n", []),
    ({"type": "csv"}, b"id;n\n", []),
    ({"type": "json"}, b'[{"id": 1, "prix": 12.50}]', [{"id": 1, "prix": Decimal("12.50")}]),
    ({"type": "json", "items": "a.b"}, b'\xef\xbb\xbf{"a": {"b": []}}', []),
    ({"type": "ndjson"}, b'{"id": "1"}\n{"id": "2"}\n', [{"id": "1"}, {"id": "2"}]),
    ({"type": "xml", "record": ["r", "v"]}, b"<r/>", []),
    (
        {"type": "xml", "record": ["r", "v"]},
        '<?xml version="1.0" encoding="iso-8859-1"?><r><v><n>é</n></v></r>'.encode("latin-1"),
        [{"n": "é"}],
    ),
]


@pytest.mark.parametrize(("said", "content", "rows"), READ)
def test_a_file_reads_as_its_settings_say(said: dict[str, Any], content: bytes, rows: list[Any]) -> None:
    assert read_rows(content, form(**said)) == rows


FORMATS: list[dict[str, Any]] = [
    {"type": "csv"},
    {"type": "csv", "encoding": "cp1252", "separator": ",", "quoting": "all", "line_end": "lf"},
    {"type": "csv", "encoding": "utf-16", "separator": "\t", "quoting": "none"},
    {"type": "csv", "encoding": "cp1252", "trailer": {"mark": "FIN", "count_at": 3}},
    {"type": "json"},
    {"type": "json", "items": "data.items", "count": "data.count"},
    {"type": "ndjson"},
    {"type": "xml", "record": ["stock", "vo"]},
    {"type": "xml", "record": ["e", "stock", "vo"], "count": "n"},
]


@pytest.mark.parametrize("said", FORMATS)
def test_what_is_written_reads_as_it_was(said: dict[str, Any]) -> None:
    rows = [ROW, ROW | {"id": "2", "couleur": "a & <b> \t c"}] if said.get("quoting") != "none" else [ROW]
    assert read_rows(written_rows(rows, form(**said), None, ""), form(**said)) == rows


def test_values_of_all_kinds_have_a_spelling_as_text() -> None:
    row = {"n": 12, "d": Decimal("1E+3"), "b": True, "leer": None}
    assert written_rows([row], form(type="csv", encoding="cp1252"), None, "") == b"n;d;b;leer\r\n12;1000;true;\r\n"


def test_what_is_left_alone_is_told_from_what_is_emptied() -> None:
    rows = [{"id": "1", "a": ""}, {"id": "2", "b": "x"}]
    text = written_rows(rows, form(type="csv", encoding="cp1252", line_end="lf"), ["id", "a", "b"], "~")
    assert text == b"id;a;b\n1;;~\n2;~;x\n"


@pytest.mark.parametrize(
    ("said", "row"),
    [
        ({"type": "csv", "quoting": "none"}, {"a": "x;y"}),
        ({"type": "csv", "quoting": "none"}, {"a": "x\ny"}),
        ({"type": "xml", "record": ["r", "v"]}, {"a": "\x0b"}),
        ({"type": "xml", "record": ["r", "v"]}, {"a b": "x"}),
        ({"type": "xml", "record": ["r", "v"]}, {"a><b": "x"}),
    ],
)
def test_what_would_break_the_file_is_refused(said: dict[str, Any], row: dict[str, Any]) -> None:
    with pytest.raises(NotWritable):
        written_rows([row], form(**said), None, "")


def test_an_attribute_of_xml_is_written_as_one() -> None:
    text = written_rows(
        [{"@action": "C", "a": {"@u": "km", "#text": "12"}}], form(type="xml", record=["r", "v"]), None, ""
    )
    assert b'<v action="C"><a u="km">12</a></v>' in text


def test_quotes_that_mean_nothing_are_not_doubled() -> None:
    with pytest.raises(NotReadable):
        read_rows(b'id;n\n1;"a\n', form(type="csv"))
    assert read_rows(b'id;n\n1;"a\n', form(type="csv", quoting="none")) == [{"id": "1", "n": '"a'}]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("vo_S01_20261120-1100.csv", "S01"),
        ("vo_S_01_20261120-1100.csv", "S_01"),
        ("vo_S01_20261320-1100.csv", None),
        ("vo_S01_20261120-1100.csv.part", None),
        ("VO_S01_20261120-1100.csv", None),
        ("vo__20261120-1100.csv", None),
    ],
)
def test_a_name_is_read_by_its_pattern_as_a_whole(name: str, code: str | None) -> None:
    files = IncomingFiles.model_validate(
        {
            "contents": "complete",
            "folder": ".",
            "pattern": "vo_{point_of_sale}_{stamp}.csv",
            "stamp": "yyyymmdd-hhmi",
            "format": {"type": "csv"},
        }
    )
    found = Pattern(files).match(name)
    assert (found.code if found is not None else None) == code


def test_a_marker_stands_beside_its_file() -> None:
    assert marker_of("{name}.ok", "a.b.csv") == "a.b.csv.ok"
    assert marker_of("ok-{stem}", "a.b.csv") == "ok-a.b"

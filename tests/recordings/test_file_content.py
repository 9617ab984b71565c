"""Files are scrubbed cell by cell: what is around the cells, how long they are and how they are spelled stays."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from pydantic import TypeAdapter

from stocksync.adapters.recordings.files_content import FileContent
from stocksync.adapters.recordings.places import Place
from stocksync.adapters.recordings.recorder import scrubber_for
from stocksync.adapters.recordings.substitution import Substitution
from stocksync.adapters.systems.files.rows import read_rows
from stocksync.mapping.connection_files import FileFormat
from stocksync.mapping.load import load_files, read_files
from stocksync.stock.values import Side, folded
from tests.files.folder_dms import settings

SHIPPED = Path(__file__).resolve().parents[2] / "mappings"
FORM: TypeAdapter[Any] = TypeAdapter(FileFormat)
VIN = "WVWZZZ1KZ6W738592"
PERSON = "Zoé NUÑEZ-FRANÇOIS"


class Scrubbed:
    """What becomes of files of the shipped DMS, were it one that exchanges them."""

    def __init__(self) -> None:
        shipped = load_files(read_files(SHIPPED)).points_of_sale["PDV1"]
        of_dms = replace(shipped.systems[Side.DMS], connection=settings("csv"))
        point = replace(shipped, systems={**shipped.systems, Side.DMS: of_dms})
        addresses = {Side.VEHICLE_MODULE: "https://module.example", Side.DMS: "/srv/exchange"}
        self.scrubber = scrubber_for(point, addresses, ["hunter2-secret"], keep_vins=False)
        self.content = FileContent(self.scrubber, Side.DMS)
        self.place: Place = self.scrubber.places[Side.DMS].record

    def of(self, content: bytes, **form: Any) -> bytes:
        """A listing as the recording holds it."""
        read = FORM.validate_python(form)
        self.content.see(content, read, self.place)
        return self.content.scrubbed(content, read, self.place, is_listing=True)


@pytest.fixture(scope="module")
def scrubbed() -> Scrubbed:
    return Scrubbed()


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "iso-8859-15", "utf-8", "utf-8-sig"])
@pytest.mark.parametrize("quoting", ["minimal", "all", "none"])
def test_csv_keeps_its_lines_its_trailer_and_its_length(scrubbed: Scrubbed, encoding: str, quoting: str) -> None:
    quote = '"' if quoting == "all" else ""
    lines = [
        ["dossier", "site", "chassis", "prix_vente", "repreneur", "nom inconnu", "vide"],
        ["VO1", "S01", VIN, "11 990,00", PERSON, "né le 12/03/1971 à Nœux", ""],
        ["VO2", "S01", "", "7,5", "-", "hunter2-secret", ""],
        ["FIN", "2"],
    ]
    text = "".join(";".join(f"{quote}{cell}{quote}" for cell in line) + "\r\n" for line in lines)
    text = text.replace("œ", "oe") if encoding == "latin-1" else text
    form = {"type": "csv", "encoding": encoding, "quoting": quoting, "trailer": {"mark": "FIN"}}
    made = scrubbed.of(text.encode(encoding), **form)
    after = made.decode(encoding)
    if not encoding.startswith("utf"):
        assert len(after) == len(text) - len("hunter2-secret") + len("***")
    before_lines, after_lines = text.split("\r\n"), after.split("\r\n")
    assert (after_lines[0], after_lines[-2:]) == (before_lines[0], before_lines[-2:])
    first, second = read_rows(made, FORM.validate_python(form))
    assert (first["dossier"], first["site"], first["prix_vente"]) == ("VO1", "S01", "11 990,00")
    assert first["chassis"][:11] == VIN[:11]
    assert first["chassis"] != VIN
    assert second["repreneur"] == "-"
    assert not any(word in after for word in ("Zoé", "NUÑEZ", "FRANÇOIS", "1971", "hunter2"))


def test_csv_without_a_header_is_known_by_its_positions(scrubbed: Scrubbed) -> None:
    content = f'VO1;"{PERSON}; dite ""Zo""";{VIN}\nVO2;;\n'.encode("cp1252")
    form = {"type": "csv", "encoding": "cp1252", "positions": ["dossier", "repreneur", "chassis"]}
    made = scrubbed.of(content, **form)
    assert [row["dossier"] for row in read_rows(made, FORM.validate_python(form))] == ["VO1", "VO2"]
    assert len(made) == len(content)
    assert b"NU\xd1EZ" not in made
    assert VIN.encode() not in made


def test_json_and_lines_of_it_keep_what_is_around(scrubbed: Scrubbed) -> None:
    text = '{"stock": {"vo": [{"dossier": "VO1", "repreneur": "%s", "x": [{"y": 1971}]}], "nombre": 1}, "par": "%s"}'
    made = scrubbed.of((text % (PERSON, PERSON)).encode(), type="json", items="stock.vo", count="stock.nombre")
    assert read_rows(made, FORM.validate_python({"type": "json", "items": "stock.vo", "count": "stock.nombre"}))
    assert "FRANÇOIS" not in made.decode()
    assert b"1971" not in made
    lines = scrubbed.of(f'\ufeff{{"dossier":"VO1","repreneur":"{PERSON}"}}\n'.encode(), type="ndjson")
    assert lines.startswith(b'\xef\xbb\xbf{"dossier":"VO1"')
    assert "FRANÇOIS" not in lines.decode()


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-15"])
def test_xml_keeps_its_shape_and_what_is_read_of_it_is_what_a_record_becomes(scrubbed: Scrubbed, encoding: str) -> None:
    text = f"""<?xml version="1.0" encoding="{encoding}"?>
<!-- {PERSON} -->
<stock nombre="2" par="{PERSON}"><vehicules note="{PERSON}"><auteur>{PERSON}</auteur>
<vo><dossier>VO1</dossier><repreneur>{PERSON}</repreneur><chassis>{VIN}</chassis><tel>0612345678</tel>
<tel>0612345679</tel><n nom="{PERSON}">{PERSON}<m/></n>{PERSON}</vo><vo><dossier>VO2</dossier></vo>
</vehicules></stock>"""
    form = {"type": "xml", "record": ["stock", "vehicules", "vo"], "count": "nombre"}
    raw = text.encode(encoding)
    made = scrubbed.of(raw, **form)
    assert f"encoding='{encoding}'" in made.decode(encoding).splitlines()[0].lower()
    all_text = "".join(ElementTree.fromstring(made).itertext()) + made.decode(encoding)
    assert not any(word in all_text for word in ("NUÑEZ", "FRANÇOIS", "Zoé", "0612345678", VIN))
    read = FORM.validate_python(form)
    expected = [scrubbed.scrubber.record(row, Side.DMS) for row in read_rows(raw, read)]
    assert read_rows(made, read) == expected


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (f"dossier;x\r\nVO1;{PERSON};\r\n", {"type": "csv"}),
        (f"dossier;x\r\nVO1;{PERSON}\r\n", {"type": "csv", "trailer": {"mark": "FIN"}}),
        (f"{PERSON};x\r\nVO1;{PERSON}\r\n", {"type": "csv"}),
        (f'[{{"dossier": "VO1", "nom": "{PERSON}"', {"type": "json"}),
        (f"<stock><vo><nom>{PERSON}</nom></stock>", {"type": "xml", "record": ["stock", "vo"]}),
        (f'<!DOCTYPE a [<!ENTITY b "{PERSON}">]><stock/>', {"type": "xml", "record": ["stock", "vo"]}),
    ],
    ids=["cells", "trailer", "header", "json", "xml", "entity"],
)
def test_what_cannot_be_read_is_replaced_as_a_whole_and_stays_so(
    scrubbed: Scrubbed, content: str, form: dict[str, Any]
) -> None:
    made = scrubbed.of(content.encode(), **form)
    assert scrubbed.content.rows(made, FORM.validate_python(form), is_listing=True) is None
    assert not any(word in made.decode("utf-8-sig") for word in ("NUÑEZ", "FRANÇOIS", "Zoé"))


def test_a_memory_that_is_none_stays_none(scrubbed: Scrubbed) -> None:
    secret = b'{"version": 1, "last": "2026-01-01T00:00:00Z", "writes": [], "note": "Dupont"}'
    for content in (b"", b"[]", secret, b'{"writes": 7}', b'{"writes": [{"changes": 1}]}', b"\xff"):
        assert scrubbed.content.memory(content) == b"{}"


def test_an_accent_that_files_have_no_place_for_is_left_out_on_both_sides() -> None:
    for number in range(12):
        substitution = Substitution(bytes([number]) * 32, ["cp1252"])
        for name in (PERSON, "œuvre Ætherß", "Éé Çç Ãã Õõ Åå"):
            made = substitution.text(name)
            assert made.encode("cp1252")
            assert len(made) >= len(name)
            assert folded(substitution.text(name.upper())) == folded(made)

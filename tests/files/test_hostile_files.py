"""What the adapter makes of files that are cut, wrong, huge or meant to harm, and of folders that lead elsewhere."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from stocksync.adapters.systems.files import local
from stocksync.adapters.systems.files.names import in_name
from stocksync.adapters.systems.files.system import FilesSystem
from stocksync.errors import (
    AccessDenied,
    ConfigurationError,
    HandedOver,
    IncompleteListing,
    RecordNotFound,
    StocksyncError,
    SystemUnavailable,
    UnexpectedAnswer,
    WriteRejected,
)
from stocksync.mapping.connection_files import FilesConnection
from stocksync.sync.ports import NativeRecord
from tests.contract.clock import PaperClock
from tests.files.folder_dms import FolderDms, Kind, make_old, settings, spelled_csv

CAR = {"dossier": "VO1", "site": "S01", "prix_vente": "12 500,00", "couleur": "GRIS", "ref_externe": "OF-1"}
OTHER = CAR | {"dossier": "VO2", "ref_externe": "OF-2"}
GOOD = spelled_csv([CAR, OTHER])

Open = Callable[..., FilesSystem]


@pytest.fixture
def dms(tmp_path: Path) -> FolderDms:
    """A folder with nothing in it yet."""
    return FolderDms(tmp_path / "dms", "csv")


@pytest.fixture
def opened(dms: FolderDms) -> Open:
    """Open the system over that folder; other settings where they are given."""

    def make(kind: Kind = "csv", *, clock: PaperClock | None = None, **changes: Any) -> FilesSystem:
        return system(dms.root, settings(kind, **changes), clock)

    return make


def system(root: Path, connection: FilesConnection, clock: PaperClock | None = None, **how: Any) -> FilesSystem:
    """One view of a folder."""
    said = {"secrets": {}, "point_of_sale_code": "S01", "id_path": "dossier", "reference_path": "ref_externe"} | how
    return FilesSystem(connection, address=str(root), clock=clock or PaperClock(), **said)


def listed(files: FilesSystem) -> dict[str, NativeRecord]:
    """Read a listing."""
    return {record.record_id: record for page in files.pages() for record in page.records}


def lay(dms: FolderDms, content: bytes, name: str = "vo_S01_20261120110000", *, marked: bool = True) -> Path:
    """Put a listing into the folder."""
    return dms.deliver("export", f"{name}.csv", content, f"{name}.ok" if marked else None)


def handed_over(files: FilesSystem, record_id: str, body: dict[str, Any], key: str = "k") -> None:
    """Write, where nobody answers."""
    with pytest.raises(HandedOver, match="its listings will show it"):
        files.update(record_id, body, None, key)


# Files that are not what they should be

CSV_TROUBLES = {
    "cut in a line": GOOD[:-30],
    "cut after a line": spelled_csv([CAR, OTHER], trailer=False),
    "cut in its last line's end": GOOD[:-2],
    "a wrong count": GOOD.replace(b"FIN;2", b"FIN;3"),
    "no count": GOOD.replace(b"FIN;2", b"FIN;deux"),
    "a last line in the middle": GOOD + GOOD,
    "a separator too many": GOOD.replace(b"VO2;S01", b"VO2;;S01"),
    "a separator too few": GOOD.replace(b"VO2;S01", b"VO2"),
    "a NUL": GOOD.replace(b"GRIS", b"GR\0S"),
    "UTF-8 in the place of cp1252": "dossier;site;nom\r\nVO1;S01;Ð\r\nFIN;1\r\n".encode(),
    "a byte that cp1252 has not": GOOD.replace(b"GRIS", b"GR\x81S"),
    "two files put together": GOOD.replace(b"FIN;2\r\n", b"") + b"\xef\xbb\xbf" + GOOD,
    "an open quote": GOOD.replace(b"GRIS", b'"GRIS', 1),
    "a column twice": GOOD.replace(b"couleur", b"site"),
    "a column without a name": GOOD.replace(b"couleur", b""),
    "no id column": GOOD.replace(b"dossier", b"numero"),
    "columns in one another": GOOD.replace(b"couleur", b"site.nom"),
    "one id, two contents": spelled_csv([CAR, CAR | {"couleur": "BLEU"}]),
    "a line of 16 MB": GOOD.replace(b"GRIS", b"G" * 16_000_000, 1),
    "nothing": b"",
    "a page of HTML": b"<!DOCTYPE html><html>Connectez-vous</html>",
}


@pytest.mark.parametrize("trouble", CSV_TROUBLES)
def test_a_listing_that_is_not_whole_and_sound_is_never_taken_and_told(
    trouble: str, dms: FolderDms, opened: Open
) -> None:
    lay(dms, GOOD, "vo_S01_20261120100000")
    lay(dms, CSV_TROUBLES[trouble])
    files = opened()
    with pytest.raises(IncompleteListing, match=r"vo_S01_20261120110000\.csv is not taken"):
        listed(files)
    with pytest.raises(SystemUnavailable) as error:
        files.read("VO1")
    assert error.value.unsent
    lay(dms, GOOD, "vo_S01_20261120120000")
    assert sorted(listed(opened())) == ["VO1", "VO2"]


def test_a_byte_order_mark_in_the_middle_is_two_files_put_together(dms: FolderDms, opened: Open) -> None:
    form = {"type": "csv", "separator": ";"}
    incoming = [{"contents": "complete", "folder": "export", "pattern": "vo.csv", "format": form}]
    incoming[0]["ready"] = {"when": "settled", "settled_s": 0}
    rows = "dossier;site\nVO1;S01\n"
    dms.deliver("export", "vo.csv", f"\ufeff{rows}".encode())
    files = opened(incoming=incoming)
    assert list(listed(files)) == ["VO1"]
    dms.deliver("export", "vo.csv", f"\ufeff{rows}\ufeffVO2;S01\n".encode())
    with pytest.raises(IncompleteListing, match="line 3 holds a byte order mark in the middle"):
        listed(files)


def test_the_same_record_twice_with_the_same_contents_is_one(dms: FolderDms, opened: Open) -> None:
    lay(dms, spelled_csv([CAR, CAR]))
    assert list(listed(opened())) == ["VO1"]


def test_a_file_beyond_the_limit_is_not_read(dms: FolderDms, opened: Open) -> None:
    path = lay(dms, GOOD)
    with path.open("ab") as file:
        file.truncate(60_000_000)
    with pytest.raises(IncompleteListing, match="more than 50 MB"):
        listed(opened())


JSON_TROUBLES = {
    "cut": b'{"stock": {"vo": [{"dossier": "VO1", "site": "S01"}',
    "a wrong count": b'{"stock": {"vo": [{"dossier": "VO1", "site": "S01"}], "nombre": 2}}',
    "no list": b'{"stock": {"vo": null, "nombre": 0}}',
    "a key twice": b'{"stock": {"vo": [{"dossier": "VO1", "dossier": "VO2", "site": "S01"}], "nombre": 1}}',
    "no point of sale": b'{"stock": {"vo": [{"dossier": "VO1"}], "nombre": 1}}',
    "no objects": b'{"stock": {"vo": [1], "nombre": 1}}',
    "nested too deeply": b'{"stock": ' + b"[" * 100_000,
    "NaN": b'{"stock": {"vo": [{"dossier": "VO1", "site": "S01", "prix": NaN}], "nombre": 1}}',
}


@pytest.mark.parametrize("trouble", JSON_TROUBLES)
def test_json_that_is_not_whole_and_strict_is_never_taken(trouble: str, dms: FolderDms, opened: Open) -> None:
    dms.deliver("export", "stock_2026-11-20T110000.json", JSON_TROUBLES[trouble])
    with pytest.raises(IncompleteListing, match="is not taken"):
        listed(opened("json"))


def test_the_last_line_of_ndjson_must_be_ended(dms: FolderDms, opened: Open) -> None:
    dms.kind = "json"
    dms.publish()
    row = b'{"dossier": "VO1", "site": "S01"}'
    dms.deliver("export/delta", "delta_2026-11-20T120000.ndjson", row)
    with pytest.raises(IncompleteListing, match="its last line has no end"):
        listed(opened("json"))
    dms.deliver("export/delta", "delta_2026-11-20T120000.ndjson", row + b"\n")
    assert list(listed(opened("json"))) == ["VO1"]


def xml(inside: str, head: str = "", count: str = 'nombre="1"') -> bytes:
    """A listing in XML."""
    return f"<?xml version='1.0'?>{head}<stock {count}><vehicules>{inside}</vehicules></stock>".encode()


VO = "<vo><dossier>VO1</dossier><site>S01</site></vo>"
LAUGHS = "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10 if n else 'ha'}'>" for n in range(10))
XML_TROUBLES = {
    "an entity that grows": xml("<vo><dossier>&a9;</dossier></vo>", f"<!DOCTYPE stock [{LAUGHS}]>"),
    "a file of this machine": xml(
        "<vo><dossier>&f;</dossier></vo>", '<!DOCTYPE stock [<!ENTITY f SYSTEM "file:///etc/hostname">]>'
    ),
    "a DTD elsewhere": xml(VO, '<!DOCTYPE stock SYSTEM "http://127.0.0.1:9/stock.dtd">'),
    "cut": xml(VO)[:-12],
    "a wrong count": xml(VO, count='nombre="2"'),
    "no count": xml(VO, count=""),
    "another root": xml(VO).replace(b"stock", b"erreur"),
    "nested too deeply": xml("<vo>" + "<a>" * 50_000 + "</a>" * 50_000 + "</vo>"),
    "text in the place of fields": xml("<vo>VO1</vo>"),
    "an unknown encoding": b"<?xml version='1.0' encoding='klingon'?>" + xml(VO)[21:],
}


@pytest.mark.parametrize("trouble", XML_TROUBLES)
def test_xml_that_is_not_whole_or_does_more_than_hold_data_is_never_taken(
    trouble: str, dms: FolderDms, opened: Open
) -> None:
    name = "stock S01 20261120-110000.xml"
    dms.deliver(".", name, XML_TROUBLES[trouble], f"{name}.fini")
    with pytest.raises(IncompleteListing, match="is not taken"):
        listed(opened("xml"))


def test_xml_has_attributes_namespaces_repeats_and_nested_fields(dms: FolderDms, opened: Open) -> None:
    inside = (
        '<n:vo xmlns:n="urn:x" etat="neuf"><n:dossier>VO1</n:dossier><prix devise="EUR">12,50</prix>'
        "<site>S01</site><option>ABS</option><option>GPS</option><a><b>c &amp; d</b></a><vide/></n:vo>"
    )
    name = "stock S01 20261120-110000.xml"
    dms.deliver(".", name, xml(inside), f"{name}.fini")
    assert listed(opened("xml"))["VO1"].body == {
        "@etat": "neuf",
        "dossier": "VO1",
        "prix": {"@devise": "EUR", "#text": "12,50"},
        "site": "S01",
        "option": ["ABS", "GPS"],
        "a": {"b": "c & d"},
        "vide": "",
    }


# Which files are taken


def test_a_file_without_its_marker_is_as_if_it_were_not_there(dms: FolderDms, opened: Open) -> None:
    with pytest.raises(IncompleteListing, match="no whole file"):
        listed(opened())
    lay(dms, GOOD, "vo_S01_20261120100000")
    lay(dms, spelled_csv([CAR]), marked=False)
    assert len(listed(opened())) == 2
    lay(dms, spelled_csv([CAR]))
    assert len(listed(opened())) == 1


def test_a_file_that_somebody_touched_lately_is_left_until_it_has_settled(
    dms: FolderDms, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = {"type": "csv", "encoding": "cp1252", "trailer": {"mark": "FIN"}}
    incoming = [{"contents": "complete", "folder": "export", "pattern": "vo.csv", "format": form}]
    path = dms.deliver("export", "vo.csv", GOOD)
    # A copy may bring an old time along; that says nothing of the copy.
    make_old(path, 3600)
    with pytest.raises(IncompleteListing, match="no whole file"):
        listed(opened(incoming=incoming))
    touched_s = path.stat().st_ctime
    monkeypatch.setattr(local.LocalFolder, "now_s", lambda *_: touched_s + 61)
    assert len(listed(opened(incoming=incoming))) == 2


def test_changes_are_laid_over_the_newest_complete_listing_in_order_and_wait_for_one_another(
    dms: FolderDms, opened: Open
) -> None:
    lay(dms, GOOD)
    lay(dms, spelled_csv([CAR | {"couleur": "VIEUX", "supprime": "N"}]), "maj_S01_20261120100000")
    lay(dms, spelled_csv([CAR | {"couleur": "BLEU", "supprime": "N"}]), "maj_S01_20261120120000")
    lay(dms, spelled_csv([CAR | {"couleur": "ROUGE", "supprime": "N"}]), "maj_S01_20261120130000", marked=False)
    lay(dms, spelled_csv([OTHER | {"supprime": "O"}]), "maj_S01_20261120140000")
    before = listed(opened())
    assert (sorted(before), before["VO1"].body["couleur"]) == (["VO1", "VO2"], "BLEU")
    (dms.root / "export/maj_S01_20261120130000.ok").touch()
    after = listed(opened())
    assert (list(after), after["VO1"].body["couleur"]) == (["VO1"], "ROUGE")


def test_a_file_of_changes_that_nobody_ever_finished_ends_with_the_next_complete_listing(
    dms: FolderDms, opened: Open
) -> None:
    lay(dms, GOOD, "vo_S01_20261120100000")
    lay(dms, b"half", "maj_S01_20261120103000", marked=False)
    lay(dms, GOOD)
    lay(dms, spelled_csv([CAR | {"couleur": "BLEU", "supprime": "N"}]), "maj_S01_20261120120000")
    assert listed(opened())["VO1"].body["couleur"] == "BLEU"


def test_what_newer_files_replaced_is_archived_and_forgotten_after_its_days(
    dms: FolderDms, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(dms, GOOD, "vo_S01_20261120100000")
    lay(dms, spelled_csv([CAR]), "vo_S02_20261120100000")
    lay(dms, spelled_csv([CAR | {"supprime": "N"}]), "maj_S01_20261120103000")
    lay(dms, GOOD)
    dms.deliver("archive", "notes.txt", b"somebody else's")
    listed(opened())
    archived = {path.name for path in (dms.root / "archive").iterdir()}
    assert archived == {"vo_S01_20261120100000.csv", "maj_S01_20261120103000.csv", "notes.txt"}
    left = {path.name for path in (dms.root / "export").iterdir() if path.is_file()}
    assert left == {
        f"vo_{name}.{end}" for name in ("S01_20261120110000", "S02_20261120100000") for end in ("csv", "ok")
    }
    later_s = (dms.root / "archive/notes.txt").stat().st_mtime + 31 * 86_400
    monkeypatch.setattr(local.LocalFolder, "now_s", lambda *_: later_s)
    listed(opened())
    assert {path.name for path in (dms.root / "archive").iterdir()} == {"notes.txt"}


def test_a_quick_listing_has_what_came_since_and_some_more(dms: FolderDms, opened: Open) -> None:
    lay(dms, GOOD)
    lay(dms, spelled_csv([CAR | {"supprime": "N"}]), "maj_S01_20261120150000")
    files = opened()
    since = datetime(2026, 11, 20, 15, 0)
    assert [r.record_id for page in files.changes(since) for r in page.records] == ["VO1"]
    everything = files.changes(since - timedelta(hours=4))
    assert [r.record_id for page in everything for r in page.records] == ["VO1", "VO2"]


# Folders


def test_nothing_is_read_through_a_link_to_a_file(dms: FolderDms, opened: Open, tmp_path: Path) -> None:
    elsewhere = tmp_path / "secret.csv"
    elsewhere.write_bytes(GOOD)
    (dms.root / "export/vo_S01_20261120110000.csv").symlink_to(elsewhere)
    (dms.root / "export/vo_S01_20261120110000.ok").touch()
    with pytest.raises(IncompleteListing, match="no whole file"):
        listed(opened())


@pytest.mark.parametrize("folder", ["export", "import", "archive"])
def test_no_folder_leads_out_of_the_address(folder: str, dms: FolderDms, opened: Open, tmp_path: Path) -> None:
    lay(dms, GOOD, "vo_S01_20261120100000")
    lay(dms, GOOD)
    elsewhere = tmp_path / "elsewhere"
    shutil.move(dms.root / folder, elsewhere)
    (dms.root / folder).symlink_to(elsewhere)
    before = sorted(path.name for path in elsewhere.iterdir())
    if folder == "export":
        with pytest.raises(SystemUnavailable, match="a link or a file stands"):
            listed(opened())
    else:
        files = opened(acknowledgements=None)
        listed(files)
        if folder == "import":
            with pytest.raises(SystemUnavailable, match="a link or a file stands"):
                files.update("VO1", {"couleur": "BLEU"}, None, "k")
    assert sorted(path.name for path in elsewhere.iterdir()) == before


def test_a_pipe_or_a_folder_with_the_name_of_a_listing_is_none(dms: FolderDms, opened: Open) -> None:
    lay(dms, GOOD)
    os.mkfifo(dms.root / "export/vo_S01_20261120120000.csv")
    (dms.root / "export/vo_S01_20261120120000.ok").touch()
    (dms.root / "export/vo_S01_20261120130000.csv").mkdir()
    (dms.root / "export/vo_S01_20261120130000.ok").touch()
    assert len(listed(opened())) == 2


def test_a_drive_that_is_not_there_is_a_system_that_cannot_be_reached(tmp_path: Path) -> None:
    with pytest.raises(SystemUnavailable, match="could not look into"):
        listed(system(tmp_path / "nowhere", settings("csv")))
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_a_right_to_ask_for(dms: FolderDms, opened: Open) -> None:
    (dms.root / "export").chmod(0)
    with pytest.raises(AccessDenied):
        listed(opened())


@pytest.mark.parametrize("code", ["", "../S01", "S/01", ".hidden", "S\n01", "a..b"])
def test_a_code_that_is_no_part_of_a_file_name_is_refused(code: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        system(tmp_path, settings("csv"), point_of_sale_code=code)


@pytest.mark.parametrize("address", ["relative/folder", "https://host/x", "file://host/x", "sftp://u@h/x", ""])
def test_an_address_that_is_no_folder_is_refused(address: str) -> None:
    with pytest.raises(ConfigurationError):
        FilesSystem(
            settings("csv"),
            address=address,
            secrets={},
            point_of_sale_code="S01",
            id_path="dossier",
            reference_path=None,
            clock=PaperClock(),
        )


# Writing


@pytest.mark.parametrize("record_id", ["../../VO1", "VO/1", "a;b", "x" * 300, "=1+1", "<vo>"])
def test_an_id_never_becomes_a_part_of_a_path(record_id: str, dms: FolderDms, opened: Open, tmp_path: Path) -> None:
    lay(dms, spelled_csv([CAR | {"dossier": record_id}]))
    before = {path for path in tmp_path.rglob("*")}
    files = opened(acknowledgements=None)
    handed_over(files, record_id, {"couleur": "BLEU"}, key="../../etc/key")
    new = {path for path in tmp_path.rglob("*")} - before
    assert {path.parent.name for path in new} == {"import", "dms"}
    dms.answers = dms.lists = False
    dms.work()
    assert dms.taken[0]["dossier"] == record_id
    assert dms.records == {} or record_id in dms.records


def test_a_key_is_in_the_name_as_it_is_or_as_its_hash() -> None:
    assert in_name("0af3-1") == "0af3-1"
    assert in_name("a/b") != in_name("a_b")
    assert in_name("a/b").isalnum()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"couleur": "bleu \u03b1"}, "couleur"),
        ({"couleur": "bleu\0"}, "couleur"),
        ({"couleur": ["bleu"]}, "couleur"),
        ({"couleur": "#"}, "couleur"),
        ({"inconnu": "x"}, "inconnu"),
        ({"couleur": "x" * 40_000}, "couleur"),
    ],
)
def test_a_value_that_the_file_cannot_carry_is_refused_by_its_field_and_nothing_goes_out(
    body: dict[str, Any], field: str, dms: FolderDms, opened: Open
) -> None:
    lay(dms, GOOD)
    with pytest.raises(WriteRejected) as refusal:
        opened().update("VO1", body, None, "k")
    assert list(refusal.value.fields) == [field]
    assert list((dms.root / "import").iterdir()) == []


def test_the_same_write_is_not_made_twice_by_two_runs_nor_a_part_of_it(dms: FolderDms, opened: Open) -> None:
    lay(dms, GOOD)
    handed_over(opened(acknowledgements=None), "VO1", {"couleur": "BLEU", "prix_vente": "11990,00"}, "k1")
    handed_over(opened(acknowledgements=None), "VO1", {"couleur": "BLEU", "prix_vente": "11990,00"}, "k2")
    handed_over(opened(acknowledgements=None), "VO1", {"couleur": "BLEU"}, "k3")
    assert len(list((dms.root / "import").iterdir())) == 1
    handed_over(opened(acknowledgements=None), "VO1", {"couleur": "NOIR"}, "k4")
    handed_over(opened(acknowledgements=None), "VO1", {"couleur": "BLEU"}, "k5")
    assert len(list((dms.root / "import").iterdir())) == 3


def test_what_is_listed_already_is_written_only_where_a_write_is_under_way_that_will_change_it(
    dms: FolderDms, opened: Open
) -> None:
    lay(dms, GOOD)
    files = opened(acknowledgements=None)
    assert files.update("VO1", {"couleur": "GRIS"}, None, "k1").body["couleur"] == "GRIS"
    assert list((dms.root / "import").iterdir()) == []
    handed_over(files, "VO1", {"couleur": "BLEU"}, "k2")
    handed_over(files, "VO1", {"couleur": "GRIS"}, "k3")
    dms.records, dms.lists, dms.answers = {"VO1": dict(CAR)}, False, False
    dms.work()
    assert [row["couleur"] for row in dms.taken] == ["BLEU", "GRIS"]


def test_a_write_that_is_listed_in_a_spelling_of_the_dms_is_over(dms: FolderDms, opened: Open) -> None:
    lay(dms, GOOD)
    handed_over(opened(acknowledgements=None), "VO1", {"prix_vente": "11990,00"}, "k1")
    lay(dms, spelled_csv([CAR | {"prix_vente": "11 990,00"}, OTHER]), "vo_S01_20261120120000")
    listed(opened(acknowledgements=None))
    lay(dms, GOOD, "vo_S01_20261120130000")
    handed_over(opened(acknowledgements=None), "VO1", {"prix_vente": "11990,00"}, "k2")
    assert len(list((dms.root / "import").iterdir())) == 2


def test_a_record_is_shown_as_listed_while_a_write_is_only_handed_over(dms: FolderDms, opened: Open) -> None:
    lay(dms, GOOD)
    files = opened(acknowledgements=None)
    handed_over(files, "VO1", {"couleur": "BLEU"})
    assert listed(files)["VO1"].body["couleur"] == "GRIS"
    read = files.read("VO1")
    assert read is not None
    assert read.body["couleur"] == "GRIS"


def test_a_file_goes_out_whole_although_the_machine_dies_before_it_has_its_name(
    dms: FolderDms, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(dms, GOOD)
    rename = os.rename

    def dies(source: str, target: str, **how: Any) -> None:
        if str(target).startswith("ordres_"):
            raise KeyboardInterrupt
        rename(source, target, **how)

    monkeypatch.setattr(os, "rename", dies)
    with pytest.raises(KeyboardInterrupt):
        opened(acknowledgements=None).update("VO1", {"couleur": "BLEU"}, None, "k1")
    assert [path.name for path in (dms.root / "import").iterdir() if not path.name.startswith(".")] == []
    monkeypatch.undo()
    handed_over(opened(acknowledgements=None), "VO1", {"couleur": "BLEU"}, "k2")
    handed_over(opened(acknowledgements=None), "VO1", {"couleur": "BLEU"}, "k3")
    [out] = [path.name for path in (dms.root / "import").iterdir() if not path.name.startswith(".")]
    assert out.endswith("_k1.csv")


def test_a_file_that_stands_is_known_again_although_the_machine_died_before_that_was_noted(
    dms: FolderDms, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(dms, GOOD)
    write, calls = local.LocalFolder.write, []

    def dies(self: local.LocalFolder, folder: str, name: str, content: bytes) -> None:
        calls.append(name)
        if len(calls) == 3:
            raise KeyboardInterrupt
        write(self, folder, name, content)

    monkeypatch.setattr(local.LocalFolder, "write", dies)
    with pytest.raises(KeyboardInterrupt):
        opened(acknowledgements=None).update("VO1", {"couleur": "BLEU"}, None, "k1")
    monkeypatch.undo()
    [out] = list((dms.root / "import").iterdir())
    inode = out.stat().st_ino
    handed_over(opened(acknowledgements=None), "VO1", {"couleur": "BLEU"}, "k2")
    assert [path.stat().st_ino for path in (dms.root / "import").iterdir()] == [inode]


def test_a_memory_that_cannot_be_read_stops_everything_rather_than_writing_twice(dms: FolderDms, opened: Open) -> None:
    lay(dms, GOOD)
    handed_over(opened(acknowledgements=None), "VO1", {"couleur": "BLEU"})
    [memory] = dms.root.glob("*.pending.json")
    memory.write_bytes(memory.read_bytes()[:-20])
    with pytest.raises(SystemUnavailable, match="the memory of what was written"):
        opened(acknowledgements=None).update("VO1", {"couleur": "BLEU"}, None, "k")


def test_names_are_in_order_whatever_the_clock_says(dms: FolderDms, opened: Open) -> None:
    lay(dms, GOOD)
    clock = PaperClock()
    for number, hours in enumerate((0, -5, -10, 0)):
        clock.at += timedelta(hours=hours)
        files = opened(clock=clock, acknowledgements=None)
        handed_over(files, "VO1", {"couleur": f"C{number}"}, f"k{number}")
    names = sorted(path.stem for path in (dms.root / "import").iterdir())
    assert [name.rpartition("_")[2] for name in names] == ["k0", "k1", "k2", "k3"]


def test_a_whole_record_does_not_take_an_earlier_write_back(dms: FolderDms, opened: Open) -> None:
    lay(dms, GOOD)
    outgoing = settings("csv").outgoing
    assert outgoing is not None
    form = outgoing.model_dump() | {"fields": "whole", "columns": None, "unchanged_as": None}
    for changes in ({"couleur": "BLEU"}, {"prix_vente": "1,00"}):
        handed_over(opened(acknowledgements=None, outgoing=form), "VO1", changes, next(iter(changes)))
    dms.lists = dms.answers = False
    dms.records = {"VO1": dict(CAR)}
    dms.work()
    assert (dms.records["VO1"]["couleur"], dms.records["VO1"]["prix_vente"]) == ("BLEU", "1,00")
    assert dms.taken[1]["couleur"] == "BLEU"


def test_a_run_s_writes_go_out_in_one_file_when_it_ends(dms: FolderDms, opened: Open) -> None:
    lay(dms, GOOD)
    outgoing = settings("csv").outgoing
    assert outgoing is not None
    files = opened(acknowledgements=None, outgoing=outgoing.model_dump() | {"one_file_per": "run"})
    handed_over(files, "VO1", {"couleur": "BLEU"}, "k1")
    handed_over(files, "VO2", {"prix_vente": ""}, "k2")
    handed_over(files, "VO2", {"prix_vente": ""}, "k3")
    assert list((dms.root / "import").iterdir()) == []
    files.close()
    assert len(list((dms.root / "import").iterdir())) == 1
    dms.records = {"VO1": dict(CAR), "VO2": dict(OTHER)}
    dms.work()
    assert (dms.records["VO1"]["couleur"], dms.records["VO2"]["prix_vente"]) == ("BLEU", "")
    assert dms.records["VO2"]["couleur"] == "GRIS"
    assert len(dms.taken) == 2


def test_what_a_run_collects_is_not_answered_before_it_went_out(dms: FolderDms, opened: Open) -> None:
    lay(dms, GOOD)
    outgoing, answers = settings("csv").outgoing, settings("csv").acknowledgements
    assert outgoing is not None
    assert answers is not None
    how = {
        "outgoing": outgoing.model_dump() | {"one_file_per": "run"},
        "acknowledgements": answers.model_dump() | {"key": "cle", "wait_s": 0},
    }
    files = opened(**how)
    handed_over(files, "VO1", {"couleur": "vert bouteille"}, "k1")
    handed_over(files, "VO2", {"couleur": "BLEU"}, "k2")
    files.close()
    dms.records, dms.lists = {"VO1": dict(CAR), "VO2": dict(OTHER)}, False
    dms.work()
    assert [record.body["couleur"] for record in listed(opened(**how)).values()] == ["GRIS", "BLEU"]
    with pytest.raises(WriteRejected, match="valeur inconnue"):
        opened(**how).update("VO1", {"couleur": "vert bouteille"}, None, "k3")
    assert opened(**how).update("VO2", {"couleur": "BLEU"}, None, "k4").body["couleur"] == "BLEU"
    assert list((dms.root / "import").iterdir()) == []


def test_a_system_without_outgoing_files_takes_no_writes(dms: FolderDms, opened: Open) -> None:
    lay(dms, GOOD)
    files = opened(outgoing=None, acknowledgements=None)
    assert sorted(listed(files)) == ["VO1", "VO2"]
    for write in (lambda: files.create({}, "k"), lambda: files.update("VO1", {}, None, "k")):
        with pytest.raises(WriteRejected):
            write()
    with pytest.raises(UnexpectedAnswer):
        files.reserve("VO1", "k")


def test_a_reservation_is_a_row_of_its_own_where_the_settings_name_its_verb(dms: FolderDms, opened: Open) -> None:
    lay(dms, GOOD)
    outgoing = settings("csv").outgoing
    assert outgoing is not None
    said = outgoing.model_dump() | {"columns": None, "reservation": {"bloque": "O"}}
    said["verb"] = {"field": "action", "create": "C", "update": "M", "reserve": "R"}
    files = opened(acknowledgements=None, outgoing=said)
    for key in ("k1", "k2"):
        with pytest.raises(HandedOver, match="its listings will show it"):
            files.reserve("VO1", key)
    with pytest.raises(RecordNotFound):
        files.reserve("VO9", "k3")
    dms.records = {"VO1": dict(CAR)}
    dms.work()
    assert [(row["action"], row["bloque"]) for row in dms.taken] == [("R", "O")]


def test_an_answer_that_cannot_be_read_leaves_the_write_open(dms: FolderDms, opened: Open) -> None:
    lay(dms, GOOD)
    clock = PaperClock()
    files = opened(clock=clock)
    with pytest.raises(HandedOver):
        files.update("VO1", {"couleur": "BLEU"}, None, "k1")
    assert 29 <= sum(clock.pauses_s) <= 31
    [out] = [path.stem for path in (dms.root / "import").iterdir()]
    dms.deliver("retours", f"{out}.ret", b"etat;message\r\nOK")
    waited = len(clock.pauses_s)
    with pytest.raises(HandedOver):
        files.update("VO1", {"couleur": "BLEU"}, None, "k2")
    assert len(clock.pauses_s) == waited
    dms.deliver("retours", f"{out}.ret", b"etat;message\r\nOK;\r\n")
    answer = files.update("VO1", {"couleur": "BLEU"}, None, "k3")
    assert answer.body["couleur"] == "BLEU"
    assert (dms.root / f"archive/{out}.ret").exists()


def test_a_refusal_that_comes_late_is_told_when_the_write_is_wanted_again(dms: FolderDms, opened: Open) -> None:
    lay(dms, GOOD)
    with pytest.raises(HandedOver):
        opened().update("VO1", {"couleur": "BLEU"}, None, "k1")
    [out] = [path.stem for path in (dms.root / "import").iterdir()]
    dms.deliver("retours", f"{out}.ret", b"etat;champ;message\r\nKO;couleur;inconnue\r\n")
    assert listed(opened())["VO1"].body["couleur"] == "GRIS"
    with pytest.raises(WriteRejected) as refusal:
        opened().update("VO1", {"couleur": "BLEU"}, None, "k2")
    assert dict(refusal.value.fields) == {"couleur": "inconnue"}
    assert len(list((dms.root / "import").iterdir())) == 1


def dated(path: Path, at_s: float) -> Path:
    """Date a file."""
    os.utime(path, (at_s, at_s))
    return path


def test_an_acknowledged_write_is_shown_until_its_own_record_is_listed_later(dms: FolderDms, opened: Open) -> None:
    now_s = dms.root.stat().st_mtime
    dated(lay(dms, GOOD), now_s)
    with pytest.raises(HandedOver):
        opened().update("VO1", {"couleur": "BLEU"}, None, "k1")
    [out] = [path.stem for path in (dms.root / "import").iterdir()]
    dated(dms.deliver("retours", f"{out}.ret", b"etat;message\r\nOK;\r\n"), now_s + 100)
    assert listed(opened())["VO1"].body["couleur"] == "BLEU"
    # Long after its answer, a file that says nothing of it.
    other = spelled_csv([OTHER | {"couleur": "NOIR", "supprime": "N"}])
    dated(lay(dms, other, "maj_S01_20261121110000"), now_s + 90_000)
    assert listed(opened())["VO1"].body["couleur"] == "BLEU"
    # Soon after its answer, one that was made before.
    same = spelled_csv([CAR | {"supprime": "N"}])
    dated(lay(dms, same, "maj_S01_20261121120000"), now_s + 200)
    assert listed(opened())["VO1"].body["couleur"] == "BLEU"
    dated(lay(dms, same, "maj_S01_20261121130000"), now_s + 90_000)
    assert listed(opened())["VO1"].body["couleur"] == "GRIS"


def test_a_created_record_is_shown_from_its_answer_on_by_the_id_that_it_got(dms: FolderDms, opened: Open) -> None:
    lay(dms, GOOD)
    with pytest.raises(HandedOver):
        opened().create({"site": "S01", "ref_externe": "OF-9"}, "k1")
    [out] = [path.stem for path in (dms.root / "import").iterdir()]
    dms.deliver("retours", f"{out}.ret", b"etat;dossier\r\nOK;VO9\r\n")
    assert sorted(listed(opened())) == ["VO1", "VO2", "VO9"]
    assert opened().create({"site": "S01", "ref_externe": "OF-9"}, "k2").record_id == "VO9"
    lay(dms, spelled_csv([CAR, OTHER, CAR | {"dossier": "VO9", "ref_externe": "OF-9"}]), "vo_S01_20261120120000")
    assert listed(opened())["VO9"].body["prix_vente"] == "12 500,00"
    assert len(list((dms.root / "import").iterdir())) == 1


def test_of_two_creations_each_is_over_when_it_is_listed_itself(dms: FolderDms, opened: Open) -> None:
    lay(dms, GOOD)
    files = opened(acknowledgements=None)
    for reference in ("OF-8", "OF-9"):
        with pytest.raises(HandedOver):
            files.create({"site": "S01", "ref_externe": reference}, reference)
    lay(dms, spelled_csv([CAR, OTHER, CAR | {"dossier": "VO9", "ref_externe": "OF-9"}]), "vo_S01_20261120120000")
    assert files.create({"site": "S01", "ref_externe": "OF-9"}, "again").record_id == "VO9"
    with pytest.raises(HandedOver):
        files.create({"site": "S01", "ref_externe": "OF-8"}, "again")
    assert len(list((dms.root / "import").iterdir())) == 2
    [memory] = dms.root.glob("*.pending.json")
    assert [write["reference"] for write in json.loads(memory.read_bytes())["writes"]] == ["OF-8"]


def test_a_listing_that_is_too_old_does_not_count_where_the_settings_say_so(
    dms: FolderDms, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = lay(dms, GOOD)
    incoming = [files.model_dump() for files in settings("csv").incoming]
    incoming[0]["stale_after_h"] = 24
    now_s = path.stat().st_mtime
    monkeypatch.setattr(local.LocalFolder, "now_s", lambda *_: now_s + 23 * 3600)
    assert len(listed(opened(incoming=incoming))) == 2
    monkeypatch.setattr(local.LocalFolder, "now_s", lambda *_: now_s + 25 * 3600)
    with pytest.raises(IncompleteListing, match="is 25 h old"):
        listed(opened(incoming=incoming))


# Settings

BROKEN: list[tuple[str, Any]] = [
    ("incoming.0.folder", "../export"),
    ("incoming.0.folder", "/export"),
    ("incoming.0.pattern", "{nobody}.csv"),
    ("incoming.0.pattern", "a/b.csv"),
    ("incoming.0.pattern", ".vo.csv"),
    ("incoming.0.stamp", "yymmdd"),
    ("incoming.0.format.encoding", "klingon"),
    ("incoming.0.format.encoding", "base64"),
    ("incoming.0.format.separator", '"'),
    ("incoming.0.contents", "changes"),
    ("incoming.1.pattern", "maj_{point_of_sale}.csv"),
    ("outgoing.pattern", "ordres_{stamp}.csv"),
    ("outgoing.unchanged_as", None),
    ("outgoing.one_file_per", "run"),
    ("outgoing", None),
    ("sftp", {"password": "pw"}),
    ("sftp", {"fingerprint": "fp"}),
]


@pytest.mark.parametrize(("path", "value"), BROKEN)
def test_settings_that_cannot_work_are_refused(path: str, value: Any) -> None:
    said: Any = settings("csv").model_dump()
    *steps, last = path.split(".")
    here = said
    for step in steps:
        here = here[int(step)] if step.isdigit() else here[step]
    here[last] = value
    with pytest.raises(ValidationError):
        FilesConnection.model_validate(said)


def test_every_error_is_one_of_ours(dms: FolderDms, opened: Open) -> None:
    lay(dms, GOOD)
    shutil.rmtree(dms.root / "import")
    (dms.root / "import").write_bytes(b"a file")
    with pytest.raises(StocksyncError):
        opened().update("VO1", {"couleur": "BLEU"}, None, "k")

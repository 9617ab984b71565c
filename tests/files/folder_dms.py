"""A small DMS that exchanges files: it eats what comes out, and writes listings and answers.

It reads and writes with parsers of its own, so that the adapter's mistakes are not mirrored here.
"""

import csv
import io
import json
import os
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree

import yaml

from stocksync.mapping.connection_files import FilesConnection

Kind = Literal["csv", "json", "xml"]
Record = dict[str, str]
NO_FIELDS = frozenset({"action", "cle", "@action", "@cle", "dossier"})

CSV = """
protocol: files
incoming:
  - contents: complete
    folder: export
    pattern: "vo_{point_of_sale}_{stamp}.csv"
    format: &csv {type: csv, separator: ";", encoding: cp1252, trailer: {mark: FIN, count_at: 2}}
    ready: &ok {when: done_marker, name: "{stem}.ok"}
  - contents: changes
    folder: export
    pattern: "maj_{point_of_sale}_{stamp}.csv"
    format: *csv
    ready: *ok
    removed: {field: supprime, values: [O]}
outgoing:
  folder: import
  pattern: "ordres_{point_of_sale}_{stamp}_{key}.csv"
  format: *csv
  unchanged_as: "#"
  columns:
    [action, cle, dossier, site, statut, prix_vente, couleur, ref_externe, km, marque, modele, version, chassis, immat,
     type, destination, origine, source_achat, repreneur, prix_reprise, frevo, prix_facture, tva_recup, date_mec,
     date_cg, no_police]
  verb: {field: action, create: C, update: M}
  key_field: cle
acknowledgements:
  folder: retours
  pattern: "{stem}.ret"
  format: {type: csv, separator: ";", encoding: cp1252}
  ready: {when: settled, settled_s: 0}
  status: etat
  accepted: [OK]
  message: message
  refused_field: champ
  new_id: dossier
archive: {folder: archive, keep_days: 30}
"""

JSON = """
protocol: files
incoming:
  - contents: complete
    folder: export
    pattern: "stock_{stamp}.json"
    stamp: "yyyy-mm-ddThhmiss"
    format: {type: json, items: stock.vo, count: stock.nombre}
    ready: {when: settled, settled_s: 0}
    point_of_sale_field: site
  - contents: changes
    folder: export/delta
    pattern: "delta_{stamp}.ndjson"
    stamp: "yyyy-mm-ddThhmiss"
    format: {type: ndjson}
    ready: {when: settled, settled_s: 0}
    point_of_sale_field: site
    records: partial
outgoing:
  folder: import
  pattern: "{stamp}-{key}.json"
  format: {type: json}
  fields: whole
  verb: {field: action, create: C, update: M}
  key_field: cle
acknowledgements:
  folder: retours
  pattern: "{name}.ret"
  format: {type: ndjson}
  ready: {when: settled, settled_s: 0}
  key: cle
  status: etat
  accepted: [OK]
  message: message
  refused_field: champ
  new_id: dossier
"""

XML = """
protocol: files
incoming:
  - contents: complete
    folder: "."
    pattern: "stock {point_of_sale} {stamp}.xml"
    stamp: "yyyymmdd-hhmiss"
    format: &xml {type: xml, record: [stock, vehicules, vo], count: nombre}
    ready: {when: done_marker, name: "{name}.fini"}
  - contents: changes
    folder: "."
    pattern: "delta {point_of_sale} {stamp}.xml"
    stamp: "yyyymmdd-hhmiss"
    format: *xml
outgoing:
  folder: import
  pattern: "{point_of_sale}.{stamp}.{key}.xml"
  format: {type: xml, record: [ordres, ordre]}
  verb: {field: "@action", create: creer, update: modifier}
  key_field: "@cle"
acknowledgements:
  folder: retours
  pattern: "{stem}.ret.xml"
  format: {type: xml, record: [retours, retour]}
  ready: {when: settled, settled_s: 0}
  status: "@etat"
  accepted: [OK]
  message: message
  refused_field: champ
  new_id: dossier
"""
SETTINGS: dict[Kind, str] = {"csv": CSV, "json": JSON, "xml": XML}


def settings(kind: Kind, **changes: Any) -> FilesConnection:
    """Read the settings of a kind as a mapping file is read, with some of them changed."""
    return FilesConnection.model_validate(yaml.safe_load(SETTINGS[kind]) | changes)


@dataclass
class FolderDms:
    """The DMS: `records` by id; `work` takes what came and answers it, `publish` lists everything.

    deltas: whether changes are listed by themselves. answers: whether it writes acknowledgements. taken: every row
    that it read, in order.
    """

    root: Path
    kind: Kind
    deltas: bool = True
    answers: bool = True
    lists: bool = True
    records: dict[str, Record] = field(default_factory=dict)
    at: datetime = datetime(2026, 11, 20, 11, 0)
    refused: tuple[str, str] = ("couleur", "vert bouteille")
    taken: list[dict[str, str]] = field(default_factory=list)
    places: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        for folder in ("export/delta", "import", "retours", "archive"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)

    # what its users do

    def change(self, record_id: str, changes: Mapping[str, Any]) -> None:
        """Change one record by hand, and list it."""
        before = dict(self.records[record_id])
        self.records[record_id] |= changes
        self._list([(before, self.records[record_id])])

    def put(self, record: Mapping[str, str]) -> str:
        """Enter a record, without listing it."""
        record_id = record.get("dossier") or f"VO{len(self.records) + 1:06d}"
        self.records[record_id] = {**record, "dossier": record_id}
        return record_id

    # what it does by itself

    def work(self) -> None:
        """Take every outgoing file, oldest first: carry it out, list what changed, answer."""
        with self._lock:
            self._work()

    def _work(self) -> None:
        for path in sorted((self.root / "import").iterdir()):
            if path.name.startswith("."):
                continue
            moved: list[tuple[Record, Record]] = []
            answers = []
            for row in self._read(path):
                self.taken.append(row)
                answers.append(self._carried_out(row, moved))
            path.unlink()
            if self.lists and moved:
                self._list(moved)
            if self.answers:
                self._answer(path.name, answers)

    def publish(self, *places: str) -> None:
        """List everything, or everything of some places."""
        self.places |= set(places)
        if self.kind == "json":
            records = list(self.records.values())
            text = json.dumps({"stock": {"vo": records, "nombre": len(records)}})
            self.deliver("export", f"stock_{self._stamp():%Y-%m-%dT%H%M%S}.json", text.encode())
            return
        for place in places or sorted(self.places):
            records = [record for record in self.records.values() if record["site"] == place]
            if self.kind == "csv":
                name = f"vo_{place}_{self._stamp():%Y%m%d%H%M%S}"
                self.deliver("export", f"{name}.csv", spelled_csv(records), f"{name}.ok")
            else:
                name = f"stock {place} {self._stamp():%Y%m%d-%H%M%S}.xml"
                self.deliver(".", name, _spelled_xml(records), f"{name}.fini")

    def deliver(self, folder: str, name: str, content: bytes, marker: str | None = None) -> Path:
        """Put a file into a folder, whole: some settings have it that whatever is there is."""
        path = self.root / folder / name
        path.with_name(f".{name}").write_bytes(content)
        path.with_name(f".{name}").rename(path)
        if marker is not None:
            (self.root / folder / marker).touch()
        return path

    def _stamp(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at

    def _carried_out(self, row: dict[str, str], moved: list[tuple[Record, Record]]) -> dict[str, str]:
        changes = {
            k: v for k, v in row.items() if k not in ("action", "cle", "@action", "@cle", "dossier") and v != "#"
        }
        answer = {"cle": row.get("cle", row.get("@cle", "")), "etat": "OK", "dossier": row.get("dossier", "")}
        name, value = self.refused
        if changes.get(name) == value:
            return answer | {"etat": "KO", "champ": name, "message": "valeur inconnue"}
        creates = row.get("action", row.get("@action")) in ("C", "creer")
        if creates:
            twins = [i for i, r in self.records.items() if changes.get("ref_externe") and _twin(r, changes)]
            if twins:
                return answer | {"dossier": twins[0]}
            record_id = self.put({**_blank(), **changes, "statut": "Pré-rentrée"})
            moved.append(({}, self.records[record_id]))
            return answer | {"dossier": record_id}
        record_id = row["dossier"]
        if record_id not in self.records:
            return answer | {"etat": "KO", "champ": "dossier", "message": "inconnu"}
        before = dict(self.records[record_id])
        self.records[record_id] |= changes
        moved.append((before, self.records[record_id]))
        return answer

    def _list(self, moved: list[tuple[Record, Record]]) -> None:
        """List what changed; a record that went to another place is listed in both, as gone in the first."""
        touched = {record["site"] for pair in moved for record in pair if record}
        if not self.deltas or self.kind == "xml":
            self.publish(*sorted(touched))
            return
        if self.kind == "json":
            rows = []
            for before, after in moved:
                changed = {k: v for k, v in after.items() if before.get(k) != v}
                rows.append({"dossier": after["dossier"], **changed})
            text = "".join(json.dumps(row) + "\n" for row in rows)
            self.deliver("export/delta", f"delta_{self._stamp():%Y-%m-%dT%H%M%S}.ndjson", text.encode())
            return
        for place in sorted(touched):
            rows = [{**r, "supprime": "N" if r["site"] == place else "O"} for _, r in moved]
            name = f"maj_{place}_{self._stamp():%Y%m%d%H%M%S}"
            self.deliver("export", f"{name}.csv", spelled_csv(rows), f"{name}.ok")

    def _answer(self, name: str, answers: list[dict[str, str]]) -> None:
        stem = name.rpartition(".")[0]
        rows = [{"champ": "", "message": "", **answer} for answer in answers]
        if self.kind == "csv":
            self.deliver("retours", f"{stem}.ret", spelled_csv(rows, trailer=False))
        elif self.kind == "json":
            text = "".join(json.dumps(row) + "\n" for row in rows)
            self.deliver("retours", f"{name}.ret", text.encode())
        else:
            root = ElementTree.Element("retours")
            for row in rows:
                element = ElementTree.SubElement(root, "retour", {"etat": row["etat"]})
                for tag in ("champ", "message", "dossier"):
                    ElementTree.SubElement(element, tag).text = row[tag]
            self.deliver("retours", f"{stem}.ret.xml", ElementTree.tostring(root))

    def _read(self, path: Path) -> list[dict[str, str]]:
        content = path.read_bytes()
        if self.kind == "csv":
            lines = list(csv.DictReader(io.StringIO(content.decode("cp1252"), newline=""), delimiter=";"))
            assert lines.pop()["action"] == "FIN"
            return lines
        if self.kind == "json":
            return list(json.loads(content))
        root = ElementTree.fromstring(content)
        return [
            {f"@{k}": v for k, v in element.attrib.items()} | {child.tag: child.text or "" for child in element}
            for element in root
        ]


def spelled_csv(rows: list[dict[str, str]], *, trailer: bool = True) -> bytes:
    """Spell a file as the DMS does: cp1252, semicolons, a header, and a last line with the count."""
    columns = list(dict.fromkeys(name for row in rows for name in row)) or ["dossier", "site"]
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([row.get(name, "") for name in columns] for row in rows)
    if trailer:
        writer.writerow(["FIN", str(len(rows))])
    return out.getvalue().encode("cp1252")


def _spelled_xml(records: list[Record]) -> bytes:
    root = ElementTree.Element("stock", {"nombre": str(len(records))})
    inner = ElementTree.SubElement(root, "vehicules")
    for record in records:
        element = ElementTree.SubElement(inner, "vo")
        for name, value in record.items():
            ElementTree.SubElement(element, name).text = value
    text: bytes = ElementTree.tostring(root, encoding="iso-8859-15", xml_declaration=True)
    # A character that this encoding lacks is spelled by its number; both must come back to the letter.
    assert re.match(rb"<\?xml", text)
    return text


def _twin(record: Record, changes: Mapping[str, str]) -> bool:
    return (record.get("ref_externe"), record.get("site")) == (changes["ref_externe"], changes.get("site"))


def _blank() -> Record:
    return {"prix_vente": "", "couleur": "", "ref_externe": ""}


def make_old(path: Path, seconds_s: float) -> None:
    """Date a file back, as far as a drive allows that."""
    at = path.stat().st_mtime - seconds_s
    os.utime(path, (at, at))

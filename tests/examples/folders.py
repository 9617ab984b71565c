"""The other party of the examples: made-up DMS that exchange files as their mapping says, and the command line.

Both DMS read and write with parsers of their own, so that the adapter's mistakes are not mirrored here. What is typed,
carried out or listed is decided by the tests, one step after another: nothing here waits.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from stocksync.entrypoints.cli import cli

EXAMPLES = Path(__file__).resolve().parents[2] / "mappings" / "examples"
FRENCH_SPACES = str.maketrans({"\u00a0": " ", "\u202f": " "})

Row = dict[str, str]
Refusal = tuple[str, str]
"""The field that a DMS does not take, and what it says."""


@dataclass
class Desk:
    """A person at the command line, with mapping files, a database and the variables of both systems."""

    folder: Path
    mappings: Path
    environment: Mapping[str, str]

    def run(self, *arguments: str) -> Result:
        """Run a command of the real command line."""
        variables: dict[str, str | None] = {
            "STOCKSYNC_MAPPINGS": str(self.mappings),
            "STOCKSYNC_DATABASE_URL": f"sqlite:///{self.folder / 'memory.db'}",
            "STOCKSYNC_LANG": "en",
            "STOCKSYNC_LOG_LEVEL": None,
            "STOCKSYNC_EXCHANGE": None,
            **self.environment,
        }
        with chdir(self.folder):
            return CliRunner(env=variables).invoke(cli, list(arguments), prog_name="stocksync")

    def said(self, *arguments: str) -> str:
        """What a command that must end well, without a warning, prints; spaces that do not break are made plain."""
        done = self.run(*arguments)
        assert done.exit_code == 0, done.output
        assert "level=warning" not in done.stderr
        return done.stdout.translate(FRENCH_SPACES)

    def data(self, *arguments: str) -> Any:
        """What a command that must end well prints for a program."""
        return json.loads(self.said(*arguments, "--json"))

    def sync(self, *arguments: str) -> dict[str, dict[str, Any]]:
        """One synchronisation of every point of sale, or of those named; each must come to its end."""
        runs = {run["point_of_sale"]: run for run in self.data("sync", *arguments)["points_of_sale"]}
        assert {run["status"] for run in runs.values()} == {"done"}
        return runs

    def findings(self) -> list[dict[str, Any]]:
        """The rows of the conflict report."""
        return list(self.data("conflicts", "list")["conflicts"])


@dataclass
class FolderDms:
    """What both DMS have in common: a folder, its records by id, a clock that goes on, and what it refuses.

    refuses: asked for every row that came, with the fields that it would change; None where it takes them.
    taken: every row that it took or refused, in order.
    """

    root: Path
    records: dict[str, Row] = field(default_factory=dict)
    at: datetime = datetime(2026, 11, 20, 11, 0)
    refuses: Callable[[Row], Refusal | None] = lambda changes: None
    taken: list[Row] = field(default_factory=list)

    FOLDERS = ("export", "import")
    ID, SITE, REFERENCE = "id", "site", "reference"

    def __post_init__(self) -> None:
        for name in self.FOLDERS:
            (self.root / name).mkdir(parents=True, exist_ok=True)

    def outgoing(self) -> list[Path]:
        """The files that it has not taken, oldest first."""
        return sorted(path for path in (self.root / "import").iterdir() if not path.name.startswith("."))

    def entered(self, record: Row) -> str:
        """Enter a record, under a number of its own."""
        record_id = record.get(self.ID) or f"{len(self.records) + 1:06d}"
        self.records[record_id] = {**record, self.ID: record_id}
        return record_id

    def stamp(self, pattern: str) -> str:
        """A later instant than any before."""
        self.at += timedelta(seconds=1)
        return f"{self.at:{pattern}}"

    def put(self, folder: str, name: str, content: bytes, marker: str) -> Path:
        """Write a file and its marker."""
        path = self.root / folder / name
        path.write_bytes(content)
        (self.root / folder / marker).touch()
        return path

    def by(self, name: str, value: str) -> list[Row]:
        """The records that hold a value."""
        return [record for record in self.records.values() if record.get(name) == value]

    def carried_out(self, verb: str, key: str, record_id: str, changes: Row, create: Mapping[str, str]) -> Row:
        """Carry one row out, or refuse it; create: what it puts into a new record by itself."""
        self.taken.append({"verb": verb, "id": record_id, **changes})
        answer = {"CLE": key, "ETAT": "OK", "CHAMP": "", "MESSAGE": "", "NUM_VO": record_id}
        refusal = self.refuses(changes)
        if refusal is not None:
            return answer | {"ETAT": "KO", "CHAMP": refusal[0], "MESSAGE": refusal[1]}
        if verb == "create":
            return answer | {"NUM_VO": self.entered({**create, **changes})}
        self.records[record_id] |= changes
        return answer


class AutoGest(FolderDms):
    """The DMS of csv-folder: cp1252, semicolons, decimal commas, a last line with the count, and answers."""

    FOLDERS = ("export", "import", "retours")
    ID, SITE, REFERENCE = "NUM_VO", "CODE_SITE", "REF_MODULE"
    HEADER = (
        "NUM_VO;CODE_SITE;REF_MODULE;STATUT;TYPE;DEST;N_POLICE;CHASSIS;IMMAT;DATE_MEC;DATE_CG;MARQUE;MODELE;VERSION;KM"
        ";REPRENEUR;REPRISE_TTC;FREVO;PRIX_TTC;PRIX_FACTURE;TVA_RECUP;N_BDC;N_FACTURE;DATE_FACTURE;DATE_MAJ"
    )
    COLUMNS = tuple(HEADER.split(";"))

    def publish(self, site: str = "S01") -> Path:
        """List all of a site."""
        name = f"vo_{site}_{self.stamp('%Y%m%d%H%M%S')}"
        return self.put("export", f"{name}.csv", self.spelled(site), f"{name}.ok")

    def spelled(self, site: str = "S01") -> bytes:
        """All of a site, as it is listed."""
        return _spelled(self.COLUMNS, self.by(self.SITE, site), trailer=True)

    def work(self) -> None:
        """Take every outgoing file, oldest first, answer it, and list everything anew."""
        for path in self.outgoing():
            answers = [self._row(row) for row in _rows(path.read_bytes(), trailer=True)]
            path.unlink()
            name = f"{path.stem}.ret"
            self.put("retours", name, _spelled([*answers[0]], answers, trailer=False), f"{name}.ok")
        self.publish()

    def _row(self, row: Row) -> Row:
        action, key, record_id = (row.pop(name) for name in ("ACTION", "CLE", "NUM_VO"))
        verb = {"CREATION": "create", "MODIF": "update"}[action]
        changes = {name: value for name, value in row.items() if value != "#"}
        return self.carried_out(verb, key, record_id, changes, dict.fromkeys(self.COLUMNS, "") | {"STATUT": "PRE"})


def _spelled(columns: Sequence[str], rows: list[Row], *, trailer: bool) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([row.get(name, "") for name in columns] for row in rows)
    if trailer:
        writer.writerow(["FIN", len(rows)])
    return out.getvalue().encode("cp1252")


def _rows(content: bytes, *, trailer: bool) -> list[Row]:
    rows = list(csv.DictReader(io.StringIO(content.decode("cp1252"), newline=""), delimiter=";"))
    if trailer:
        last = rows.pop()
        assert list(last.values())[:2] == ["FIN", str(len(rows))]
    return rows


class Stockbook(FolderDms):
    """The DMS of us-listings: JSON listings, newline-delimited orders, no answers. Its fields are kept with dots.

    It lists every field of a record, null where it is empty: one that it left out would be none of its own.
    """

    SITE = "site"
    OWN = ("id", "site", "reference", "status")
    VEHICLE = ("vin", "make", "model", "year", "energy", "colour", "km")
    FIELDS = (*OWN, *(f"vehicle.{name}" for name in VEHICLE), "sale.stock_number", "sale.price")

    def publish(self) -> None:
        """List all of every site."""
        for site in sorted({record["site"] for record in self.records.values()}):
            name = f"stock_{site}_{self.stamp('%Y%m%d%H%M%S')}"
            records = [_nested({name: record.get(name) for name in self.FIELDS}) for record in self.by("site", site)]
            text = json.dumps({"count": len(records), "vehicles": records}, ensure_ascii=False)
            self.put("export", f"{name}.json", text.encode(), f"{name}.json.done")

    def work(self) -> None:
        """Take every outgoing file, oldest first, and list everything anew."""
        for path in self.outgoing():
            for line in path.read_text("utf-8").splitlines():
                row = dict(_flat(json.loads(line)))
                verb, key, record_id = row.pop("do"), row.pop("key"), row.pop("id", "")
                self.carried_out(verb, key, record_id, row, {"status": "STOCK"})
            path.unlink()
        self.publish()


def _flat(body: Mapping[str, Any], under: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in body.items():
        found += _flat(value, f"{under}{name}.") if isinstance(value, dict) else [(f"{under}{name}", value)]
    return found


def _nested(record: Mapping[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for path, value in record.items():
        group, _, name = path.rpartition(".")
        (body.setdefault(group, {}) if group else body)[name] = value
    return body


def described(path: Path) -> bool:
    """Tell whether a mapping file begins with its schema and then says what it is of."""
    first, second = path.read_text("utf-8").splitlines()[:2]
    schema = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    return schema is not None and (path.parent / schema.group(1)).is_file() and second.startswith("# ")

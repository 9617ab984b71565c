"""The DMS's state and everything that can happen to it, whoever asks: the server, a clerk, the seed.

Answers which files there are and what a change does. Numbered pages are in `dms_listing.py`, what is acceptable in
`dms_rules.py`; HTTP (the key, errors that arrive with 200) is in `dms_server.py`.
"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import orjson

from stocksync.sandbox.breaks import clock_skew_s
from stocksync.sandbox.clock import Clock, paris_sortable, paris_text, read_paris_text, utc_now
from stocksync.sandbox.dms_listing import TABLES as LISTING_TABLES
from stocksync.sandbox.dms_listing import Listings, Page
from stocksync.sandbox.dms_rules import FIELDS, PRE_ENTRY, DmsError, checked_file, require_change_allowed
from stocksync.sandbox.lens import View
from stocksync.sandbox.state import DMS_FILE, StateFile

# files_count is kept by triggers: counting a site's files at each page would cost more than the page
_TABLES = """
CREATE TABLE IF NOT EXISTS sites (code TEXT PRIMARY KEY, name TEXT NOT NULL,
  files_count INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS files (dossier TEXT PRIMARY KEY, site TEXT NOT NULL, ref_externe TEXT NOT NULL,
  no_police TEXT NOT NULL, statut TEXT NOT NULL, changed_local TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS registers (site TEXT, year INTEGER,
  last INTEGER NOT NULL, PRIMARY KEY (site, year));
CREATE TRIGGER IF NOT EXISTS file_in AFTER INSERT ON files BEGIN
  UPDATE sites SET files_count = files_count + 1 WHERE code = NEW.site; END;
CREATE TRIGGER IF NOT EXISTS file_out AFTER DELETE ON files BEGIN
  UPDATE sites SET files_count = files_count - 1 WHERE code = OLD.site; END;
CREATE TRIGGER IF NOT EXISTS file_moved AFTER UPDATE OF site ON files WHEN OLD.site <> NEW.site BEGIN
  UPDATE sites SET files_count = files_count - (code = OLD.site) + (code = NEW.site)
  WHERE code IN (OLD.site, NEW.site); END;
"""
_INDEXES = {
    "files_listed": ("INDEX", "(site, dossier, changed_local)"),
    "files_changed": ("INDEX", "(site, changed_local, dossier)"),
    "files_by_statut": ("INDEX", "(statut, dossier)"),
    "files_by_reference": ("UNIQUE INDEX", "(site, ref_externe) WHERE ref_externe <> ''"),
    "files_by_police_number": ("INDEX", "(site, no_police) WHERE no_police <> ''"),
}
_COLUMNS = ("dossier", "site", "ref_externe", "no_police", "statut", "changed_local", "body")
_LAST_NUMBER = "last_file_number"

File = dict[str, str]


class Dms:
    """An open DMS."""

    def __init__(self, directory: Path, clock: Clock = utc_now) -> None:
        self.state = StateFile(directory / DMS_FILE, _TABLES + LISTING_TABLES)
        self.clock = clock
        self._listings = Listings(self.state)
        self.index()

    def index(self) -> None:
        """Build what listings and uniqueness need; bulk loading is faster without."""
        for name, (kind, columns) in _INDEXES.items():
            self.state.sql.execute(f"CREATE {kind} IF NOT EXISTS {name} ON files {columns}")

    def empty(self) -> None:
        """Forget everything, indexes included, before a bulk load."""
        with self.state.writing():
            for name in _INDEXES:
                self.state.sql.execute(f"DROP INDEX IF EXISTS {name}")
            # file by file, a million would keep everybody waiting
            for trigger in ("file_out", "listing_shorter"):
                self.state.sql.execute(f"DROP TRIGGER IF EXISTS {trigger}")
            self._listings.forget_all()
            for table in ("files", "sites", "registers", "settings"):
                self.state.sql.execute(f"DELETE FROM {table}")
            self.state.lay_out(_TABLES + LISTING_TABLES)

    def writing(self) -> AbstractContextManager[None]:
        """Make several calls one change."""
        return self.state.writing()

    def now(self) -> datetime:
        """Read the DMS's own clock, which may be off."""
        return self.clock() + timedelta(seconds=clock_skew_s(self.state))

    # -- reading

    def sites(self) -> list[str]:
        """List the codes of the sites."""
        return [row[0] for row in self.state.sql.execute("SELECT code FROM sites ORDER BY code")]

    def page(self, site: str, changed_since: str | None, number: int, size: int, view: View | None = None) -> Page:
        """Read a page of a site, by dossier; `changed_since`: sortable local time, inclusive; 404."""
        if view is not None:
            self._require_site(site)
            return self._seen(site, changed_since or "", number, size, view)
        page = self._listings.page(site, changed_since, number, size)
        if page is None:
            raise unknown_site(site)
        return page

    def _seen(self, site: str, changed_since: str, number: int, size: int, view: View) -> Page:
        stored = self.state.sql.execute("SELECT dossier, body FROM files WHERE site = ?", (site,))
        seen = sorted(view.records(stored))
        files = [body for _, body in seen if read_paris_text(orjson.loads(body)["maj_le"]) >= changed_since]
        first = (number - 1) * size
        return Page(files[first : first + size], len(files), -(-len(files) // size))

    def stored(self, id_: str) -> bytes | None:
        """Read one file as stored, if it exists."""
        row = self.state.sql.execute("SELECT body FROM files WHERE dossier = ?", (id_,)).fetchone()
        return None if row is None else cast(bytes, row[0])

    def place_of(self, body: bytes) -> str:
        """Return the site of a file as stored."""
        return cast(str, orjson.loads(body)["site"])

    def file(self, dossier: str) -> File:
        """Read one file; DmsError 404."""
        body = self.stored(dossier)
        if body is None:
            raise unknown_file(dossier)
        return cast(File, orjson.loads(body))

    def file_by_reference(self, site: str, ref_externe: str) -> File | None:
        """Find the file that carries an external reference in a site."""
        query = "SELECT body FROM files WHERE site = ? AND ref_externe = ? AND ref_externe <> ''"
        row = self.state.sql.execute(query, (site, ref_externe)).fetchone()
        return None if row is None else cast(File, orjson.loads(row[0]))

    def dossiers_from(self, statut: str, start: str, count: int) -> list[str]:
        """List dossiers in a statut from `start` on, then from the first one: a pick without reading all."""
        query = "SELECT dossier FROM files WHERE statut = ? AND dossier {} ? ORDER BY dossier LIMIT ?"
        found = self.state.sql.execute(query.format(">="), (statut, start, count)).fetchall()
        found += self.state.sql.execute(query.format("<"), (statut, start, count - len(found))).fetchall()
        return [row[0] for row in found]

    def last_number(self) -> int:
        """Return the number of the youngest file."""
        return cast("int | None", self.state.setting(_LAST_NUMBER)) or 0

    def youngest(self) -> str:
        """Return the dossier of the last file that was created."""
        return dossier_of(self.last_number())

    # -- changing

    def create(self, sent: object) -> File:
        """Open a file in Pré-rentrée whatever was sent, or return the one with this reference. DmsError."""
        fields = checked_file(sent)
        if "site" not in fields:
            raise DmsError(422, "champs invalides", [{"champ": "site", "message": "obligatoire"}])
        with self.state.writing():
            self._require_site(fields["site"])
            known = self.file_by_reference(fields["site"], fields.get("ref_externe", ""))
            if known is not None:
                return known
            number = self.last_number() + 1
            self.state.set_setting(_LAST_NUMBER, number)
            file = new_file(dossier_of(number), fields, paris_text(self.now()))
            self._require_unique(file)
            self.add([file])
        return file

    def change(self, dossier: str, sent: object) -> File:
        """Change the named fields of a file; the last writer wins. DmsError 404, 409, 422."""
        fields = checked_file(sent)
        with self.state.writing():
            before = self.file(dossier)
            require_change_allowed(before, {**before, **fields})
            if "site" in fields:
                self._require_site(fields["site"])
            return self._replace({**before, **fields})

    def type_in(self, dossier: str, fields: Mapping[str, str]) -> File:
        """Change a file as a clerk's old screen lets one: any text in any field, invoiced or not."""
        with self.state.writing():
            return self._replace({**self.file(dossier), **fields})

    def next_police_number(self, site: str) -> str:
        """Issue the next number of a site's register, yyyy-nnnnn; an issued number is never issued again."""
        year = int(paris_sortable(self.now())[:4])
        with self.state.writing():
            self.state.sql.execute(
                "INSERT INTO registers VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET last = last + 1",
                (site, year),
            )
            query = "SELECT last FROM registers WHERE site = ? AND year = ?"
            number = police_number(year, self.state.sql.execute(query, (site, year)).fetchone()[0])
            # a car that came from another site keeps its number, which may be the next one here
            taken = "SELECT 1 FROM files WHERE site = ? AND no_police = ?"
            if self.state.sql.execute(taken, (site, number)).fetchone():
                return self.next_police_number(site)
        return number

    def remove(self, dossier: str) -> None:
        """Delete a file, as a clerk can; DmsError 404."""
        with self.state.writing():
            self.file(dossier)
            self.state.sql.execute("DELETE FROM files WHERE dossier = ?", (dossier,))

    def add_sites(self, sites: Iterable[tuple[str, str]]) -> None:
        """Add sites: code and name."""
        with self.state.writing():
            self.state.sql.executemany("INSERT INTO sites (code, name) VALUES (?, ?)", sites)

    def add(self, files: Iterable[File]) -> None:
        """Store whole files, maj_le included."""
        marks = ", ".join("?" for _ in _COLUMNS)
        with self.state.writing():
            self.state.sql.executemany(f"INSERT INTO files VALUES ({marks})", map(_row, files))

    def loaded(self, last_number: int, registers: Iterable[tuple[str, int, int]]) -> None:
        """Close a bulk load: later files and police numbers (site, year, last) follow these."""
        with self.state.writing():
            self.state.set_setting(_LAST_NUMBER, last_number)
            self.state.sql.executemany("INSERT INTO registers VALUES (?, ?, ?)", registers)
        self.index()

    def _require_site(self, site: str) -> None:
        if self.state.sql.execute("SELECT 1 FROM sites WHERE code = ?", (site,)).fetchone() is None:
            raise unknown_site(site)

    def _require_unique(self, file: File, before: File | None = None) -> None:
        """Refuse a reference or a new police number that the site has; a file that moves there keeps its number."""
        entered = before is None or before["no_police"] != file["no_police"]
        for name in ("ref_externe", "no_police") if entered else ("ref_externe",):
            query = f"SELECT dossier FROM files WHERE site = ? AND {name} = ? AND {name} <> '' AND dossier <> ?"
            row = self.state.sql.execute(query, (file["site"], file[name], file["dossier"])).fetchone()
            if row is not None:
                fault = {"champ": name, "message": f"déjà porté par le dossier {row[0]}"}
                raise DmsError(409, f"{name} existe déjà dans le site {file['site']}", [fault])

    def _replace(self, file: File) -> File:
        self._require_unique(file, self.file(file["dossier"]))
        stamped = {**file, "maj_le": paris_text(self.now())}
        assignments = ", ".join(f"{column} = ?" for column in _COLUMNS)
        self.state.sql.execute(
            f"UPDATE files SET {assignments} WHERE dossier = ?", (*_row(stamped), stamped["dossier"])
        )
        return stamped


def new_file(dossier: str, fields: Mapping[str, str], maj_le: str) -> File:
    """Lay out a file just opened: Pré-rentrée, every field in sight, by default type VO and destination P."""
    blank: dict[str, Any] = dict.fromkeys(FIELDS, "")
    file = {"dossier": dossier, **blank, "type": "VO", "destination": "P", **fields}
    return {**file, "statut": PRE_ENTRY, "maj_le": maj_le}


def police_number(year: int, number: int) -> str:
    """Write a police number."""
    return f"{year}-{number:05d}"


def dossier_of(number: int) -> str:
    """Write the dossier of the file with that number."""
    return f"VO{number:06d}"


def unknown_file(dossier: str) -> DmsError:
    """Say that a file does not exist."""
    return DmsError(404, f"dossier {dossier} inconnu")


def unknown_site(site: str) -> DmsError:
    """Say that a site does not exist."""
    return DmsError(404, f"site {site} inconnu", [{"champ": "site", "message": "site inconnu"}])


def _row(file: File) -> tuple[str | bytes, ...]:
    keys = (file["dossier"], file["site"], file["ref_externe"], file["no_police"], file["statut"])
    return (*keys, read_paris_text(file["maj_le"]), orjson.dumps(file))

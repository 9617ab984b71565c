"""The files of a recording: written beside their place and moved there whole, read with suspicion.

    recording.json     what was recorded, how it ended, and the digest of every other file
    decisions.ndjson   every difference of the run, without values
    exchanges.ndjson   what was said, see `exchanges`
    files.ndjson       what went over folders, see `files_lines`; only where a system exchanges files
    mappings/          the mapping files as they are
    memory.db          what was remembered before, see `memory`

A recording comes from somebody else: sizes are bounded, no link is followed, no name leads out of the folder, and of
the database only rows are taken, into one of our own.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import orjson
from sqlalchemy import Boolean, Column, DateTime, Table, insert
from sqlalchemy.exc import SQLAlchemyError

from stocksync.adapters.recordings.exchanges import BadLine, Said, read_line, written
from stocksync.adapters.recordings.files_lines import SaidFile, read_file_line
from stocksync.adapters.recordings.memory import TABLES
from stocksync.adapters.recordings.outcome import FIGURES, Decision, Outcome
from stocksync.adapters.store.core import chunks
from stocksync.adapters.store.engine import HEAD, WRITE, open_engine
from stocksync.adapters.systems import strict_json
from stocksync.errors import UsageError

FORMAT: Final = 1
HEAD_FILE: Final = "recording.json"
DECISIONS: Final = "decisions.ndjson"
EXCHANGES: Final = "exchanges.ndjson"
FILES: Final = "files.ndjson"
MAPPINGS: Final = "mappings"
MEMORY: Final = "memory.db"
_MOST_OF_HEAD: Final = 4 * 2**20
_MOST_OF_FILE: Final = 2 * 2**30
_MOST_OF_MAPPING: Final = 4 * 2**20
_MOST_OF_LINE: Final = 512 * 2**20
_MOST_FILES: Final = 500
_MOST_FILE_LINES: Final = 200_000
_CHUNK: Final = 2**20


@dataclass(frozen=True, slots=True)
class Head:
    """What a recording is of; released: whether a person had let exactly this plan pass, None where nobody asked."""

    version: str
    started_at: datetime
    point_of_sale: str
    is_quick: bool
    is_dry: bool
    released: bool | None
    exchanges: int
    outcome: Mapping[str, Any]


class Part:
    """A folder that is being written: beside its place, unseen, and gone again unless it becomes whole."""

    def __init__(self, place: Path) -> None:
        """Raises UsageError where the place is taken, or cannot be made."""
        self._place = place.absolute()
        self.folder = self._place.with_name(f".{self._place.name}.{os.getpid()}.part")
        self.check()

    def check(self) -> None:
        """See that the place is free."""
        if self._place.is_symlink() or (self._place.exists() and not self._place.is_dir()):
            raise UsageError(f"{self._place} is no folder: name one that is new or empty.")
        if self._place.is_dir() and any(self._place.iterdir()):
            raise UsageError(f"{self._place} holds something already: name a folder that is new or empty.")
        if not self._place.parent.is_dir():
            raise UsageError(f"There is no folder {self._place.parent}: make it first.")

    def __enter__(self) -> Part:
        shutil.rmtree(self.folder, ignore_errors=True)
        try:
            self.folder.mkdir(mode=0o700)
        except OSError as error:
            raise UsageError(f"{self._place} cannot be made: {error.strerror}.") from None
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def lines(self, name: str, lines: Iterator[Any]) -> int:
        """Write lines of JSON; the answer is how many."""
        count = 0
        with self._new(name) as file:
            for line in lines:
                file.write(written(line) + b"\n")
                count += 1
        return count

    def mappings(self, files: Mapping[str, bytes]) -> None:
        """Write the mapping files."""
        for name, raw in files.items():
            path = self.folder / MAPPINGS / name
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.write_bytes(raw)

    def head(self, head: Mapping[str, Any]) -> None:
        """Write what the recording is of, with the digests of all that is there."""
        files = {name: digest_of(self.folder / name) for name in sorted(names_in(self.folder))}
        said = {"format": FORMAT, **head, "schema": HEAD, "files": files}
        with self._new(HEAD_FILE) as file:
            file.write(orjson.dumps(said | {"digest": _own_digest(said)}, option=orjson.OPT_INDENT_2) + b"\n")

    def finish(self) -> int:
        """Put the folder in its place; the answer is its size in bytes."""
        for name in (DECISIONS, EXCHANGES, FILES, MEMORY, HEAD_FILE):
            with suppress(OSError), (self.folder / name).open("rb") as file:
                os.fsync(file.fileno())
        size = sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())
        self.check()
        self.folder.rename(self._place)
        return size

    def _new(self, name: str) -> Any:
        handle = os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        return os.fdopen(handle, "wb")


def names_in(folder: Path) -> Iterator[str]:
    """The files of a folder by their names in it, the head excepted. Raises UsageError for what is no plain file."""
    for root, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(root) / name
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode) or not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
                raise UsageError(f"{path} is a link, or no plain file: a recording holds none.")
        for name in files:
            if (found := (Path(root) / name).relative_to(folder).as_posix()) != HEAD_FILE:
                yield found


def digest_of(path: Path) -> str:
    """The digest of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _own_digest(head: Mapping[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(head, option=orjson.OPT_SORT_KEYS)).hexdigest()


# reading


class Recorded:
    """A recording that can be read. Raises UsageError for anything that is not as it should be.

    is_edited: files may be other ones than were written, as when somebody took more out of them.
    """

    def __init__(self, folder: Path, *, is_edited: bool = False) -> None:
        if not folder.is_dir() or folder.is_symlink():
            raise UsageError(f"There is no recording {folder}: name the folder that `stocksync record` made.")
        self.folder = folder
        said = self._head()
        self._check_files(said.get("files"), is_edited=is_edited)
        if said.get("schema") != HEAD:
            raise UsageError(
                f"The recording {folder} was made by stocksync {said.get('stocksync')!r}, which remembered otherwise: "
                "replay it with that version."
            )
        try:
            self.head = _head_of(said)
            self.outcome = self._outcome(said["result"])
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self._bad(HEAD_FILE, "it does not say what was recorded") from None

    def mapping_files(self) -> dict[str, bytes]:
        """The mapping files."""
        root = self.folder / MAPPINGS
        return {name: self._bytes(f"{MAPPINGS}/{name}", _MOST_OF_MAPPING) for name in sorted(names_in(root))}

    def lines(self) -> Iterator[tuple[int, Said]]:
        """What was said, line by line, each with the place where it begins."""
        at = 0
        with (self.folder / EXCHANGES).open("rb") as file:
            for number, raw in enumerate(iter(lambda: file.readline(_MOST_OF_LINE), b""), 1):
                try:
                    yield at, read_line(raw)
                except BadLine as error:
                    raise self._bad(EXCHANGES, f"{error}, in line {number}") from None
                at += len(raw)

    def line_at(self, place: int) -> Said:
        """One line again."""
        with (self.folder / EXCHANGES).open("rb") as file:
            file.seek(place)
            return read_line(file.readline(_MOST_OF_LINE))

    def files(self) -> list[SaidFile]:
        """What went over folders, line by line; nothing where no system exchanges files."""
        if not (self.folder / FILES).exists():
            return []
        found: list[SaidFile] = []
        with (self.folder / FILES).open("rb") as file:
            for number, raw in enumerate(iter(lambda: file.readline(_MOST_OF_LINE), b""), 1):
                if number > _MOST_FILE_LINES:
                    raise self._bad(FILES, "it is too long")
                try:
                    found.append(read_file_line(raw))
                except BadLine as error:
                    raise self._bad(FILES, f"{error}, in line {number}") from None
        return found

    def restore_memory(self, path: Path) -> None:
        """Make a database of our own with the rows of the recording; nothing of theirs is ever executed."""
        engine = open_engine(f"sqlite:///{path}")
        try:
            with closing(self._opened()) as theirs, closing(sqlite3.connect(path)) as ours:
                if _schema(theirs) != _schema(ours):
                    raise self._bad(MEMORY, "its tables are not those of this version")
                with engine.execution_options(**{WRITE: True}).begin() as connection:
                    for table in TABLES:
                        for rows in chunks(_rows(theirs, table), 200):
                            connection.execute(insert(table), rows)
        except (sqlite3.Error, SQLAlchemyError, ValueError, TypeError, OverflowError) as error:
            raise self._bad(MEMORY, str(getattr(error, "orig", None) or error)) from None
        finally:
            engine.dispose()

    def _opened(self) -> sqlite3.Connection:
        path = (self.folder / MEMORY).absolute()
        connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)
        for pragma in ("trusted_schema=OFF", "cell_size_check=ON", "mmap_size=0", "query_only=ON"):
            connection.execute(f"PRAGMA {pragma}")
        if connection.execute("PRAGMA integrity_check(1)").fetchall() != [("ok",)]:
            raise self._bad(MEMORY, "it is damaged")
        return connection

    def _head(self) -> dict[str, Any]:
        try:
            raw = self._bytes(HEAD_FILE, _MOST_OF_HEAD)
            strict_json.parsed(raw)
            said = orjson.loads(raw)
        except (strict_json.NotJson, ValueError) as error:
            raise self._bad(HEAD_FILE, str(error)) from None
        if not isinstance(said, dict) or type(said.get("format")) is not int:
            raise self._bad(HEAD_FILE, "it is none of a recording")
        if said["format"] != FORMAT:
            raise UsageError(
                f"The recording {self.folder} has the format {said['format']}, and this stocksync reads {FORMAT}: "
                "replay it with the version that made it."
            )
        if said.pop("digest", None) != _own_digest(said):
            raise self._bad(HEAD_FILE, "it was changed, or damaged on its way")
        return said

    def _check_files(self, expected: Any, *, is_edited: bool) -> None:
        names = list(_limited(names_in(self.folder)))
        if not isinstance(expected, dict):
            raise self._bad(HEAD_FILE, "it names no files")
        for name in (EXCHANGES, DECISIONS, MEMORY, *expected):
            if name not in names:
                raise self._bad(name, "it is missing")
        for name in names:
            path = self.folder / name
            if path.stat().st_size > _MOST_OF_FILE:
                raise self._bad(name, "it is too large")
            if not is_edited and digest_of(path) != expected.get(name):
                raise self._bad(name, "it was changed, or damaged on its way (changed on purpose: --edited)")

    def _outcome(self, result: Mapping[str, Any]) -> Outcome:
        outcome = Outcome(
            status=str(result["status"]),
            kind=str(result["kind"]),
            exit_code=int(result["exit_code"]),
            error=str(result["error"]),
            halts=tuple(map(str, result["halts"])),
            figures={name: result[name] for name in FIGURES},
            decisions=tuple(self._decisions()),
        )
        return outcome

    def _decisions(self) -> Iterator[Decision]:
        with (self.folder / DECISIONS).open("rb") as file:
            for number, raw in enumerate(iter(lambda: file.readline(_MOST_OF_MAPPING), b""), 1):
                try:
                    first, second, subject, category, reason = map(str, strict_json.parsed(raw))
                except (strict_json.NotJson, ValueError, TypeError):
                    raise self._bad(DECISIONS, f"line {number} cannot be read") from None
                yield first, second, subject, category, reason

    def _bytes(self, name: str, most: int) -> bytes:
        path = self.folder / name
        try:
            mode = path.lstat().st_mode
            if not stat.S_ISREG(mode):
                raise self._bad(name, "it is no plain file")
            with path.open("rb") as file:
                raw = file.read(most + 1)
        except OSError as error:
            raise self._bad(name, error.strerror or "it cannot be read") from None
        if len(raw) > most:
            raise self._bad(name, "it is too large")
        return raw

    def _bad(self, name: str, why: str) -> UsageError:
        return UsageError(f"The recording {self.folder} cannot be read: {name}: {why}.")


def _head_of(said: Mapping[str, Any]) -> Head:
    started_at = datetime.fromisoformat(said["started_at"])
    if started_at.tzinfo is None:
        raise ValueError
    released = said["released"]
    if not isinstance(released, bool | None):
        raise TypeError
    return Head(
        version=str(said["stocksync"]),
        started_at=started_at,
        point_of_sale=str(said["point_of_sale"]),
        is_quick=said["quick"] is True,
        is_dry=said["dry_run"] is True,
        released=released,
        exchanges=int(said["exchanges"]),
        outcome=dict(said["result"]),
    )


def _limited(names: Iterator[str]) -> Iterator[str]:
    for count, name in enumerate(names):
        if count >= _MOST_FILES:
            raise UsageError(f"The recording holds more than {_MOST_FILES} files: it is none.")
        yield name


def _schema(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
    """Everything that a database defines, but what SQLite makes by itself."""
    rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name").fetchall()
    return [row for row in rows if not str(row[1]).startswith("sqlite_")]


def _rows(connection: sqlite3.Connection, table: Table) -> Iterator[dict[str, Any]]:
    columns = list(table.columns)
    readers = {column.name: _reader(column) for column in columns}
    names = ", ".join(f'"{column.name}"' for column in columns)
    for row in connection.execute(f'SELECT {names} FROM "{table.name}"'):
        yield {name: readers[name](value) for name, value in zip(readers, row, strict=True)}


def _reader(column: Column[Any]) -> Callable[[Any], Any]:
    """How a value of SQLite becomes one of ours."""
    kind = getattr(column.type, "impl_instance", column.type)
    if isinstance(kind, DateTime):
        return lambda value: datetime.fromisoformat(value).replace(tzinfo=UTC) if value is not None else None
    if isinstance(kind, Boolean):
        return lambda value: bool(value) if value is not None else None
    return lambda value: value

"""What went over folders, as lines of a recording; one line for each file, fault, and drive.

    side, kind    complete, changes, acknowledgement, memory: a file that was read; written: one that went out;
                  standing: one of ours that lay there already; fault; drive
    folder, name  where it was, below the address of its system
    at, after     when it was read or written, and how many files had gone out by then
    modified_ns   the time of a file that was read
    encoding, text | base64   what it holds, scrubbed; of a file that went out `rows`

No line names a place on a disk: what is replayed is put into folders that the mapping files name, see `files_replay`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from stocksync.adapters.recordings.exchanges import BadLine
from stocksync.adapters.recordings.files_content import FileContent
from stocksync.adapters.recordings.files_tape import FilesTape, KeptFile, format_of
from stocksync.adapters.recordings.scrubbing import Scrubber
from stocksync.adapters.systems import strict_json
from stocksync.adapters.systems.files.names import Pattern
from stocksync.mapping.connection_files import CsvFormat, FilesConnection
from stocksync.stock.values import SIDES, Side

ENCODINGS: Final = frozenset({"utf-8", "utf-8-sig", "cp1252", "latin-1", "iso-8859-1", "iso-8859-15"})
"""Those that a line may name; whatever else there is, is spelled in base64."""
READ_KINDS: Final = frozenset({"complete", "changes", "acknowledgement", "memory"})
_CALLS: Final = frozenset({"listed", "read", "write", "move", "remove"})
_ERRORS: Final = frozenset({"SystemUnavailable", "AccessDenied"})
_LONGEST_NAME: Final = 255


class FileLines:
    """Makes lines of what went over both sides' folders."""

    def __init__(self, scrubber: Scrubber, tape: FilesTape) -> None:
        self._scrubber, self._tape = scrubber, tape
        self._content = {side: FileContent(scrubber, side) for side in SIDES}

    def see(self) -> None:
        """Look who is in the files."""
        for file in self._tape.files:
            content, connection = self._content[file.side], self._connection(file.side)
            form = format_of(connection, file.kind)
            if form is None:
                content.see_memory(file.content)
            else:
                content.see(file.content, form, self._place(file))

    def lines(self) -> Iterator[dict[str, Any]]:
        """Everything that was kept, scrubbed."""
        for side, (last_s, ahead_s) in self._tape.drives.items():
            yield {"side": side.value, "kind": "drive", "last_s": str(last_s), "ahead_s": str(ahead_s)}
        for fault in self._tape.faults:
            yield {
                "side": fault.side.value,
                "kind": "fault",
                "call": fault.call,
                "folder": fault.folder,
                "number": fault.number,
                "error": fault.error,
                "unsent": fault.unsent,
            }
        for file in self._tape.files:
            yield self._line(file)
            if file.kind == "memory":
                yield from self._standing(file)

    def _line(self, file: KeptFile) -> dict[str, Any]:
        connection, content = self._connection(file.side), self._content[file.side]
        form, raw, place = format_of(connection, file.kind), file.content, self._place(file)
        line: dict[str, Any] = {
            "side": file.side.value,
            "kind": file.kind,
            "folder": file.folder,
            "name": self._name(file, connection),
            "at": file.at.isoformat(),
            "after": file.after,
        }
        if file.kind == "written":
            assert connection.outgoing is not None
            assert form is not None
            unchanged_as = connection.outgoing.unchanged_as or ""
            rows = content.rows(raw, form) or []
            return line | {"rows": [content.row(row, place, unchanged_as) for row in rows]}
        # More digits than a number of a recording may have.
        line["modified_ns"] = str(file.modified_ns)
        if form is None:
            return line | _spelled(content.memory(raw), "utf-8")
        is_listing = file.kind != "acknowledgement"
        encoding = form.encoding if isinstance(form, CsvFormat) else "utf-8"
        return line | _spelled(content.scrubbed(raw, form, place, is_listing=is_listing), encoding)

    def _standing(self, memory: KeptFile) -> Iterator[dict[str, Any]]:
        """The files of writes that were under way before the run, as far as they lay there still."""
        outgoing = self._connection(memory.side).outgoing
        try:
            names = {write["file"] for write in strict_json.parsed(memory.content)["writes"]}
        except (strict_json.NotJson, KeyError, TypeError):
            return
        written = {file.name for file in self._tape.of(memory.side) if file.kind == "written"}
        for name in sorted((names & self._tape.standing[memory.side]) - written):
            assert outgoing is not None
            yield {"side": memory.side.value, "kind": "standing", "folder": outgoing.folder, "name": name}

    def _name(self, file: KeptFile, connection: FilesConnection) -> str:
        """The name as it is, but for the code of a point of sale that is not ours."""
        files = {"complete": connection.complete, "changes": connection.changes}.get(file.kind)
        named = Pattern(files).match(file.name) if files is not None else None
        if named is None or named.code in ("", self._scrubber.places[file.side].settings.code):
            return file.name
        return file.name.replace(named.code, self._scrubber.substitution.text(named.code), 1)

    def _connection(self, side: Side) -> FilesConnection:
        connection = self._scrubber.places[side].settings.connection
        assert isinstance(connection, FilesConnection)
        return connection

    def _place(self, file: KeptFile) -> Any:
        places = self._scrubber.places[file.side]
        return {"written": places.requests, "acknowledgement": places.answers}.get(file.kind, places.record)


def _spelled(content: bytes, encoding: str) -> dict[str, Any]:
    try:
        text = content.decode(encoding)
        if encoding in ENCODINGS and "\ufffd" not in text and text.encode(encoding) == content:
            return {"encoding": encoding, "text": text}
    except UnicodeError:
        pass
    return {"base64": base64.b64encode(content).decode()}


# reading a recording


@dataclass(frozen=True, slots=True)
class SaidFile:
    """One line of a recording, read again; what a kind has not is empty."""

    side: Side
    kind: str
    folder: str = ""
    name: str = ""
    at: datetime | None = None
    after: int = 0
    modified_ns: int = 0
    content: bytes = b""
    rows: tuple[Mapping[str, Any], ...] = ()
    call: str = ""
    number: int = 0
    error: str = ""
    unsent: bool = False
    last_s: float = 0.0
    ahead_s: float = 0.0


def read_file_line(raw: bytes) -> SaidFile:
    """Read a line. Raises BadLine."""
    try:
        line = strict_json.parsed(raw)
        return _said(line)
    except strict_json.NotJson as error:
        raise BadLine(str(error)) from None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, binascii.Error) as error:
        raise error if isinstance(error, BadLine) else BadLine("a value that does not belong there") from None


def _said(line: Mapping[str, Any]) -> SaidFile:
    side, kind = Side(line["side"]), line["kind"]
    if kind == "drive":
        last_s, ahead_s = float(line["last_s"]), float(line["ahead_s"])
        if not (0 <= last_s < 1e11 and abs(ahead_s) < 1e11):
            raise BadLine("a clock that is none")
        return SaidFile(side, kind, last_s=last_s, ahead_s=ahead_s)
    folder = _checked(line["folder"], is_folder=True)
    if kind == "fault":
        if line["call"] not in _CALLS or line["error"] not in _ERRORS:
            raise BadLine("an unknown fault")
        number, unsent = _count(line["number"]), line["unsent"] is True
        return SaidFile(side, kind, folder, call=line["call"], number=number, error=line["error"], unsent=unsent)
    name = _checked(line["name"], is_folder=False)
    if kind == "standing":
        return SaidFile(side, kind, folder, name)
    at, after = datetime.fromisoformat(line["at"]), _count(line["after"])
    if at.tzinfo is None:
        raise BadLine("an instant without a zone")
    if kind == "written":
        if not isinstance(line["rows"], list) or not all(isinstance(row, dict) for row in line["rows"]):
            raise BadLine("rows that are none")
        return SaidFile(side, kind, folder, name, at, after, rows=tuple(line["rows"]))
    if kind not in READ_KINDS:
        raise BadLine("an unknown kind of file")
    return SaidFile(side, kind, folder, name, at, after, _instant_ns(line["modified_ns"]), _content(line))


def _content(line: Mapping[str, Any]) -> bytes:
    if "base64" in line:
        return base64.b64decode(line["base64"], validate=True)
    if line["encoding"] not in ENCODINGS:
        raise BadLine("an encoding that is not known")
    text: str = line["text"]
    return text.encode(line["encoding"])


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 10**9:
        raise BadLine("a number that is none")
    return value


def _instant_ns(text: Any) -> int:
    if not (isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 20):
        raise BadLine("a time that is none")
    return int(text)


def _checked(text: Any, *, is_folder: bool) -> str:
    """A name that leads nowhere else. Raises BadLine."""
    if is_folder and text == ".":
        return "."
    steps = text.split("/") if is_folder else [text]
    for step in steps:
        is_plain = bool(step) and step not in (".", "..") and step.isprintable() and not {"/", "\\"} & set(step)
        if not is_plain or len(step.encode()) > _LONGEST_NAME or (not is_folder and step.startswith(".")):
            raise BadLine("a name that may lead elsewhere")
    return str(text)

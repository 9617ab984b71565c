"""A folder that keeps what is read from it and written into it: in memory, compressed, as it was.

Whoever uses the folder sees no difference. What was kept is scrubbed once the run is over, see `files_lines`.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Final, Literal, TypeVar

from stocksync.adapters.recordings.tap import MOST_BYTES
from stocksync.adapters.systems.files.names import Pattern, marker_of
from stocksync.adapters.systems.files.transport import Found, Transport
from stocksync.errors import AccessDenied, SystemUnavailable
from stocksync.mapping.connection_files import CsvFormat, FileFormat, FilesConnection
from stocksync.stock.values import Side

Answered = TypeVar("Answered")
Kind = Literal["complete", "changes", "acknowledgement", "memory", "written"]
MEMORY_NAME: Final = ("stocksync-", ".pending.json")


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file as it was read or written; after: how many files had gone out by then. modified_ns: 0 of written ones."""

    side: Side
    kind: Kind
    folder: str
    name: str
    modified_ns: int
    at: datetime
    after: int
    packed: bytes

    @property
    def content(self) -> bytes:
        """What it held."""
        return zlib.decompress(self.packed)


@dataclass(frozen=True, slots=True)
class KeptFault:
    """A call that failed: the so-many-eth of its kind on its folder, counted from 1."""

    side: Side
    call: str
    folder: str
    number: int
    error: Literal["SystemUnavailable", "AccessDenied"]
    unsent: bool


class FilesTape:
    """What went over both sides' folders; safe to share between threads.

    standing: the names that were seen where outgoing files go. drives: what the drive's clock said last, and how far
    it was ahead of ours, in seconds.
    """

    def __init__(self, now_at: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.now_at = now_at
        self.files: list[KeptFile] = []
        self.faults: list[KeptFault] = []
        self.standing: dict[Side, set[str]] = defaultdict(set)
        self.drives: dict[Side, tuple[float, float]] = {}
        self.is_full = False
        self.lock = Lock()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self.files) + len(self.faults)

    def keep(self, file: KeptFile) -> None:
        """Keep a file."""
        self._bytes += len(file.packed)
        self.is_full = self.is_full or self._bytes > MOST_BYTES
        if not self.is_full:
            self.files.append(file)

    def of(self, side: Side) -> Iterator[KeptFile]:
        """What was kept of one side, in its order."""
        return (file for file in self.files if file.side is side)


class TapedFolder:
    """Another `Transport`, and a tape of what goes over it."""

    def __init__(self, inner: Transport, tape: FilesTape, side: Side, connection: FilesConnection) -> None:
        self._inner, self._tape, self._side, self._connection = inner, tape, side, connection
        self._patterns = [(files, Pattern(files)) for files in connection.incoming]
        self._calls: dict[tuple[str, str], int] = defaultdict(int)
        self._known: set[tuple[str, str, int, int]] = set()
        self._has_memory = False
        self._gone_out = 0

    def listed(self, folder: str) -> dict[str, Found]:
        """See there."""
        listed = self._told("listed", folder, lambda: self._inner.listed(folder))
        outgoing = self._connection.outgoing
        if outgoing is not None and folder == outgoing.folder:
            with self._tape.lock:
                self._tape.standing[self._side] |= listed.keys()
        return listed

    def read(self, folder: str, found: Found) -> bytes | None:
        """See there."""
        content = self._told("read", folder, lambda: self._inner.read(folder, found))
        if content is not None:
            self._keep_read(folder, found, content)
        return content

    def write(self, folder: str, name: str, content: bytes) -> None:
        """See there."""
        self._told("write", folder, lambda: self._inner.write(folder, name, content))
        with self._tape.lock:
            if is_memory(self._connection, folder, name):
                # What it holds from now on follows from the run.
                self._has_memory = True
                return
            self._gone_out += 1
            self._keep("written", folder, name, 0, content)

    def move(self, folder: str, name: str, into: str, new_name: str) -> bool:
        """See there."""
        return self._told("move", folder, lambda: self._inner.move(folder, name, into, new_name))

    def remove(self, folder: str, name: str) -> None:
        """See there."""
        self._told("remove", folder, lambda: self._inner.remove(folder, name))

    def sweep(self, folder: str, older_s: float) -> list[str]:
        """See there."""
        return self._inner.sweep(folder, older_s)

    def now_s(self, folder: str) -> float:
        """See there."""
        now_s = self._inner.now_s(folder)
        self._tape.drives[self._side] = now_s, now_s - self._tape.now_at().timestamp()
        return now_s

    def close(self) -> None:
        """Let connections go."""
        self._inner.close()

    def _keep_read(self, folder: str, found: Found, content: bytes) -> None:
        with self._tape.lock:
            kind = self._kind(folder, found.name)
            state = folder, found.name, found.size, found.modified_ns
            if state in self._known or (kind == "memory" and self._has_memory):
                return
            self._known.add(state)
            self._has_memory = self._has_memory or kind == "memory"
            self._keep(kind, folder, found.name, found.modified_ns, content)

    def _keep(self, kind: Kind, folder: str, name: str, modified_ns: int, content: bytes) -> None:
        at, packed = self._tape.now_at(), zlib.compress(content, 1)
        self._tape.keep(KeptFile(self._side, kind, folder, name, modified_ns, at, self._gone_out, packed))

    def _kind(self, folder: str, name: str) -> Kind:
        if is_memory(self._connection, folder, name):
            return "memory"
        fitting = [files for files, pattern in self._patterns if files.folder == folder and pattern.match(name)]
        # Of two patterns the longer one is meant, as in `listings`.
        return max(fitting, key=lambda files: len(files.pattern)).contents if fitting else "acknowledgement"

    def _told(self, call: str, folder: str, do: Callable[[], Answered]) -> Answered:
        with self._tape.lock:
            self._calls[call, folder] += 1
            number = self._calls[call, folder]
        try:
            return do()
        except (SystemUnavailable, AccessDenied) as error:
            kind: Literal["AccessDenied", "SystemUnavailable"] = (
                "AccessDenied" if isinstance(error, AccessDenied) else "SystemUnavailable"
            )
            unsent = bool(getattr(error, "unsent", False))
            with self._tape.lock:
                self._tape.faults.append(KeptFault(self._side, call, folder, number, kind, unsent))
            raise


def is_memory(connection: FilesConnection, folder: str, name: str) -> bool:
    """Tell whether a file is our own memory of what was written."""
    outgoing = connection.outgoing
    is_there = outgoing is not None and folder == outgoing.memory
    return is_there and name.startswith(MEMORY_NAME[0]) and name.endswith(MEMORY_NAME[1])


def answered_by(connection: FilesConnection, outgoing_names: Iterator[str]) -> Mapping[str, str]:
    """The outgoing file that each acknowledgement is of, by the acknowledgement's name."""
    answers = connection.acknowledgements
    return {marker_of(answers.pattern, name): name for name in outgoing_names} if answers is not None else {}


def format_of(connection: FilesConnection, kind: str) -> FileFormat | None:
    """How files of a kind read; None for our memory."""
    if kind in ("complete", "changes"):
        files = connection.complete if kind == "complete" else connection.changes
        return files.format if files is not None else None
    if kind == "acknowledgement":
        return connection.acknowledgements.format if connection.acknowledgements is not None else None
    return connection.outgoing.format if kind == "written" and connection.outgoing is not None else None


def encodings_of(connection: FilesConnection) -> frozenset[str]:
    """The encodings of a connection's files that lack letters."""
    kinds = ("complete", "changes", "acknowledgement", "written")
    forms = [form for kind in kinds if (form := format_of(connection, kind)) is not None]
    named = {form.encoding for form in forms if isinstance(form, CsvFormat)}
    return frozenset(name for name in named if not name.lower().replace("_", "-").startswith("utf"))

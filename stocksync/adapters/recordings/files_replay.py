"""A folder that shows what a recording holds of one, made anew in a temporary place; nothing is asked of any network.

A file that was there at the beginning is there; one that came after some had gone out comes once those have.
What goes out is the same by its rows, not by its name or keys, which hold instants: an acknowledgement of it comes
under the name and with the keys that it has now. Rows that were not recorded are told, and so are those that are not
written now.
"""

from __future__ import annotations

import os
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Condition, Lock
from typing import Any, Final

from stocksync.adapters.recordings.answering import RecordedClock, canonical, shortened
from stocksync.adapters.recordings.files_lines import READ_KINDS, SaidFile
from stocksync.adapters.recordings.files_tape import answered_by, is_memory
from stocksync.adapters.systems.files.local import LocalFolder
from stocksync.adapters.systems.files.names import marker_of
from stocksync.adapters.systems.files.rows import NotReadable, read_rows
from stocksync.adapters.systems.files.transport import Found
from stocksync.errors import AccessDenied, StocksyncError, SystemUnavailable, UsageError
from stocksync.mapping.connection_files import DoneMarker, FilesConnection
from stocksync.mapping.paths import put_at, value_at
from stocksync.stock.values import Side

_MOST_BYTES: Final = 2 * 2**30
_QUIET_S: Final = 0.1
_PATIENCE_S: Final = 2.0

Rows = Sequence[Mapping[str, Any]]


@dataclass
class _Row:
    """A row that went out when the recording was made; file: the name of its file."""

    file: SaidFile
    key: str


@dataclass
class WrittenFiles:
    """What goes out now, held against what went out then; of both sides."""

    asked_besides: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    waiting: dict[tuple[Side, bytes], deque[_Row]] = field(default_factory=lambda: defaultdict(deque))
    _moved: Condition = field(default_factory=Condition)
    _quiet_s: float = 0.0

    def went_out(self) -> None:
        """Wake those who wait for others."""
        with self._moved:
            self._quiet_s = 0.0
            self._moved.notify_all()

    def await_others(self) -> None:
        """Wait as long as other threads let files go out.

        What a write waits for may have come after theirs, and they go on at another pace than when it was recorded.
        Where nothing goes out for some time, nobody does it any more.
        """
        with self._moved:
            while self._quiet_s < _PATIENCE_S and any(list(self.waiting.values())):
                if not self._moved.wait(_QUIET_S):
                    self._quiet_s += _QUIET_S
                    return

    @property
    def left(self) -> dict[str, int]:
        """The rows that went out then and not now, by what they say and how often."""
        return {_shown(side, row): len(rows) for (side, row), rows in self.waiting.items() if rows}


class ReplayedFolder:
    """A `Transport` for one side. said: the lines of that side; root: an empty folder of ours.

    Raises UsageError where the lines hold more than any recording does.
    """

    def __init__(
        self,
        root: Path,
        said: Iterable[SaidFile],
        connection: FilesConnection,
        side: Side,
        clock: RecordedClock,
        files: WrittenFiles,
    ) -> None:
        self._root, self._connection, self._side, self._clock = root, connection, side, clock
        self._inner = LocalFolder(root, "the folder of the recording")
        self._files, self._lock, self._gone_out = files, Lock(), 0
        self._calls: dict[tuple[str, str], int] = defaultdict(int)
        self._faults: dict[tuple[str, str, int], SaidFile] = {}
        self._at: dict[tuple[str, str], SaidFile] = {}
        self._due: list[SaidFile] = []
        self._answers: dict[str, list[SaidFile]] = defaultdict(list)
        self._still_in: list[bool] = []
        self._last_s = self._ahead_s = 0.0
        self._folders = _folders(connection)
        try:
            self._take(list(said))
        except RecursionError:
            raise UsageError("The recording holds rows that are nested too deeply.") from None

    def listed(self, folder: str) -> dict[str, Found]:
        """The files of a folder by now; each is as old as its time says."""
        self._begin("listed", folder)
        with self._lock:
            listed = self._inner.listed(folder)
        return {name: replace(found, touched_ns=found.modified_ns) for name, found in listed.items()}

    def read(self, folder: str, found: Found) -> bytes | None:
        """See there."""
        self._begin("read", folder)
        content = self._inner.read(folder, found)
        said = self._at.get((folder, found.name))
        if content is not None and said is not None and said.at is not None:
            self._clock.move_to(said.at)
        return content

    def write(self, folder: str, name: str, content: bytes) -> None:
        """Take what goes out, and let come what answers it."""
        self._begin("write", folder)
        self._inner.write(folder, name, content)
        outgoing = self._connection.outgoing
        if outgoing is None or is_memory(self._connection, folder, name):
            return
        try:
            rows = read_rows(content, outgoing.format)
        except NotReadable:
            rows = []
        with self._lock:
            self._gone_out += 1
            self._answer(name, rows, outgoing.key_field)
            come = [said for said in self._due if self._is_time_for(said)]
            self._due = [said for said in self._due if not self._is_time_for(said)]
            for said in come:
                self._put(said)
        self._files.went_out()

    def move(self, folder: str, name: str, into: str, new_name: str) -> bool:
        """See there."""
        self._begin("move", folder)
        return self._inner.move(folder, name, into, new_name)

    def remove(self, folder: str, name: str) -> None:
        """See there."""
        self._begin("remove", folder)
        self._inner.remove(folder, name)

    def sweep(self, folder: str, older_s: float) -> list[str]:
        """Nothing was left half written here."""
        return []

    def now_s(self, folder: str) -> float:
        """What the drive's clock said, once the run was over: what was old enough to be read then is so now."""
        return max(self._clock.now_at().timestamp() + self._ahead_s, self._last_s)

    def close(self) -> None:
        """Do nothing."""

    def _begin(self, call: str, folder: str) -> None:
        with self._lock:
            self._calls[call, folder] += 1
            fault = self._faults.get((call, folder, self._calls[call, folder]))
        if fault is not None and fault.error == "AccessDenied":
            raise AccessDenied("the folder of the recording did not let us in, as it was recorded")
        if fault is not None:
            raise SystemUnavailable("the folder of the recording failed, as it was recorded", unsent=fault.unsent)

    def _is_time_for(self, said: SaidFile) -> bool:
        """Tell whether all went out that had gone out before a file came; in which order, threads decide."""
        return not self._still_in[: said.after].count(True) or self._gone_out >= len(self._still_in)

    def _take(self, said: list[SaidFile]) -> None:
        if sum(len(file.content) for file in said) > _MOST_BYTES:
            raise UsageError("The recording holds more than can be replayed.")
        for folder in self._folders:
            (self._root / folder).mkdir(parents=True, exist_ok=True)
        written = {file.name: file for file in said if file.kind == "written"}
        self._still_in = [True] * len(written)
        of = answered_by(self._connection, iter(written))
        for file in said:
            if file.kind == "drive":
                self._last_s, self._ahead_s = file.last_s, file.ahead_s
            elif file.kind == "fault":
                self._faults[file.call, file.folder, file.number] = file
            elif file.kind == "written":
                for row in file.rows:
                    key = value_at(row, self._key_field) if self._key_field is not None else ""
                    self._files.waiting[self._side, self._without_key(row)].append(_Row(file, str(key)))
            elif file.kind == "acknowledgement" and file.name in of:
                self._answers[of[file.name]].append(file)
            elif file.after:
                self._due.append(file)
            else:
                self._put(file)

    @property
    def _key_field(self) -> str | None:
        return self._connection.outgoing.key_field if self._connection.outgoing is not None else None

    def _without_key(self, row: Mapping[str, Any]) -> bytes:
        if self._key_field is not None:
            row = {name: dict(part) if isinstance(part, dict) else part for name, part in row.items()}
            with suppress(ValueError):
                put_at(row, self._key_field, "")
        return canonical(row)

    def _answer(self, name: str, rows: Rows, key_field: str | None) -> None:
        keys: dict[str, str] = {}
        former: SaidFile | None = None
        for row in rows:
            named = self._side, self._without_key(row)
            waiting = self._files.waiting.get(named)
            if not waiting:
                self._files.asked_besides[_shown(*named)] += 1
                continue
            found = waiting.popleft()
            former = former or found.file
            if key_field is not None:
                keys[found.key] = str(value_at(row, key_field))
        if former is None:
            return
        if 0 < former.after <= len(self._still_in):
            self._still_in[former.after - 1] = False
        if former.at is not None:
            self._clock.move_to(former.at)
        answers = self._connection.acknowledgements
        for answer in self._answers.pop(former.name, ()) if answers is not None else ():
            content = answer.content
            for old, new in keys.items():
                content = content.replace(old.encode(), new.encode()) if old else content
            assert answers is not None
            self._put(replace(answer, name=marker_of(answers.pattern, name), content=content))

    def _put(self, said: SaidFile) -> None:
        """Let a file be there; one for a folder that the mapping files do not name is not."""
        if said.folder not in self._folders:
            return
        try:
            self._inner.write(said.folder, said.name, said.content)
            if said.kind in READ_KINDS:
                os.utime(self._root / said.folder / said.name, ns=(said.modified_ns, said.modified_ns))
            for marker in self._markers(said):
                self._inner.write(said.folder, marker, b"")
        except (StocksyncError, OSError, OverflowError) as error:
            raise UsageError(f"{said.folder}/{said.name} of the recording cannot be put there: {error}") from None
        self._at[said.folder, said.name] = said

    def _markers(self, said: SaidFile) -> Iterable[str]:
        connection = self._connection
        files = {"complete": connection.complete, "changes": connection.changes}.get(said.kind)
        ready = files.ready if files is not None else None
        if said.kind == "acknowledgement" and connection.acknowledgements is not None:
            ready = connection.acknowledgements.ready
        return [marker_of(ready.name, said.name)] if isinstance(ready, DoneMarker) else []


def _folders(connection: FilesConnection) -> set[str]:
    outgoing, answers = connection.outgoing, connection.acknowledgements
    folders = {files.folder for files in connection.incoming}
    folders |= {outgoing.folder, outgoing.memory} if outgoing is not None else set()
    return folders | ({answers.folder} if answers is not None else set())


def _shown(side: Side, row: bytes) -> str:
    return shortened(f"{side.value}: row {row.decode('utf-8', 'replace')}")

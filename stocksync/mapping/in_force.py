"""The mapping files that runs work by, while people edit them: an edit comes into force between runs, or not at all.

A run keeps the files it began with. An edit that is not valid never comes into force; whoever looks says so once, and
again when it is mended. Files are only read where their folders tell that something moved, and now and then all the
same. Not here: threads, and who is told.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stocksync.errors import ConfigurationError, MappingInvalid
from stocksync.mapping.effective import MappingSet
from stocksync.mapping.load import load_files, read_files

READ_EVERY_S: Final = 60.0
"""Files are read so often at least: not every file system tells of every write, nor to the second."""

Traces = frozenset[tuple[str, int, int, int, int]]
"""Of every entry of the folders: its place, inode, size, and when it was written and touched last."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at the folder came to, where it came to anything.

    adopted: the files that are in force from now on. refused: why the edited files are not, "" where they are.
    """

    adopted: MappingSet | None = None
    refused: str = ""


class MappingsInForce:
    """The mapping files of a folder; safe to ask from several threads, looked after by one.

    now_s: a clock that never goes back, in seconds. check: what else must hold of an edit, beside that its files are
    valid; raises ConfigurationError where it does not.
    """

    def __init__(
        self,
        folder: Path,
        mappings: MappingSet,
        now_s: Callable[[], float] = time.monotonic,
        check: Callable[[MappingSet], None] = lambda _: None,
    ) -> None:
        self._folder = folder
        self._now_s, self._check = now_s, check
        self._traces: Traces | None = None
        self._read_at_s = now_s()
        self._lock = threading.Lock()
        self._now = mappings
        self._seen: Mapping[str, bytes] = mappings.files
        self._judged: Mapping[str, bytes] = mappings.files
        self._refused: ConfigurationError | None = None

    @property
    def now(self) -> MappingSet:
        """The files in force."""
        with self._lock:
            return self._now

    @property
    def refused(self) -> str:
        """Why the files that are there now are not in force, as one sentence; "" where they are."""
        with self._lock:
            return _told(self._refused) if self._refused is not None else ""

    def look(self) -> Looked:
        """Look at the folder, and take valid edits over once two looks in a row saw the same.

        A file that somebody is writing is therefore left alone, and several files may be saved one after the other.
        """
        traces = _traces(self._folder)
        if traces is not None and traces == self._traces and self._now_s() - self._read_at_s < READ_EVERY_S:
            return Looked()
        self._traces, self._read_at_s = None, self._now_s()
        try:
            files = read_files(self._folder)
        except ConfigurationError as error:
            # Once they can be read again, they are judged again.
            self._judged = {}
            return self._refuse(error)
        seen, self._seen = self._seen, files
        if files != seen:
            return Looked()
        # Seen twice alike: what follows holds until something moves. Traces older than the reading only cost another.
        self._traces = traces
        return Looked() if files == self._judged else self._judge(files)

    def _judge(self, files: Mapping[str, bytes]) -> Looked:
        self._judged = files
        if files == self.now.files:
            # Put back as it was: there is nothing to refuse any more.
            with self._lock:
                self._refused = None
            return Looked()
        try:
            mappings = load_files(files)
            self._check(mappings)
        except ConfigurationError as error:
            return self._refuse(error)
        with self._lock:
            self._now, self._refused = mappings, None
        return Looked(adopted=mappings)

    def _refuse(self, error: ConfigurationError) -> Looked:
        with self._lock:
            is_known = self._refused is not None and str(self._refused) == str(error)
            self._refused = error
        return Looked() if is_known and not isinstance(error, MappingInvalid) else Looked(refused=_told(error))


def _traces(folder: Path) -> Traces | None:
    """What the folders of the mapping files tell without a file being read; None where they cannot be looked into."""
    try:
        return frozenset(_entries(folder))
    except OSError:
        return None


def _entries(folder: Path) -> Iterator[tuple[str, int, int, int, int]]:
    pairs = folder / "pairs"
    for inner in (folder, *((pairs, *(path for path in pairs.iterdir() if path.is_dir())) if pairs.is_dir() else ())):
        with os.scandir(inner) as entries:
            for entry in entries:
                said = os.stat(entry.path)
                yield entry.path, said.st_ino, said.st_size, said.st_mtime_ns, said.st_ctime_ns


def _told(error: ConfigurationError) -> str:
    """What is wrong with an edit: the first of its problems, and how many more there are."""
    problems = [str(problem) for problem in error.problems] if isinstance(error, MappingInvalid) else [str(error)]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{problems[0]}{more}"

"""The mapping files that runs work by, while people edit them: an edit comes into force between runs, or not at all.

A run keeps the files it began with. An edit that is not valid never comes into force; whoever looks says so once, and
again when it is mended. Not here: threads, and who is told.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stocksync.errors import ConfigurationError, MappingInvalid
from stocksync.mapping.effective import MappingSet
from stocksync.mapping.load import load_files, read_files


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at the folder came to, where it came to anything.

    adopted: the files that are in force from now on. refused: why the edited files are not, "" where they are.
    """

    adopted: MappingSet | None = None
    refused: str = ""


class MappingsInForce:
    """The mapping files of a folder; safe to ask from several threads, looked after by one."""

    def __init__(self, folder: Path, mappings: MappingSet) -> None:
        self._folder = folder
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
        try:
            files = read_files(self._folder)
        except ConfigurationError as error:
            return self._refuse(error)
        seen, self._seen = self._seen, files
        if files != seen or files == self._judged:
            return Looked()
        self._judged = files
        if files == self.now.files:
            # Put back as it was: there is nothing to refuse any more.
            with self._lock:
                self._refused = None
            return Looked()
        try:
            mappings = load_files(files)
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


def _told(error: ConfigurationError) -> str:
    """What is wrong with an edit: the first of its problems, and how many more there are."""
    problems = [str(problem) for problem in error.problems] if isinstance(error, MappingInvalid) else [str(error)]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{problems[0]}{more}"

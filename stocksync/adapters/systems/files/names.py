"""Names of files: which match a pattern, and what their stamps say.

Stamps are instants of the system's own clock, without a zone; a name without one is ordered by its file's time.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from stocksync.errors import ConfigurationError
from stocksync.mapping.connection_files import PLACEHOLDERS, STAMP_LETTERS, FilesConnection, IncomingFiles

_CODE: Final = re.compile(r"[^/\\\x00-\x1f.~$][^/\\\x00-\x1f]{0,63}")
_SAFE_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_DIRECTIVES: Final = {"yyyy": "%Y", "mm": "%m", "dd": "%d", "hh": "%H", "mi": "%M", "ss": "%S"}
_MOST_KNOWN: Final = 100_000
_LETTERS: Final = re.compile("|".join(STAMP_LETTERS))


@dataclass(frozen=True, slots=True)
class Named:
    """What a file's name says: whose it is ("" where names do not say) and its stamp (None where it has none)."""

    code: str
    stamp: datetime | None


class Pattern:
    """The names of one kind of incoming file."""

    def __init__(self, files: IncomingFiles) -> None:
        self._letters = files.stamp
        parts = PLACEHOLDERS.split(files.pattern)
        self.names_point_of_sale = "point_of_sale" in parts[1::2]
        groups = {"point_of_sale": r"(?P<code>.+?)", "stamp": f"(?P<stamp>{self._digits()})"}
        # Literals and names of placeholders alternate.
        text = "".join(groups[part] if index % 2 else re.escape(part) for index, part in enumerate(parts))
        self._regex = re.compile(text)
        self._known: dict[str, Named | None] = {}

    def match(self, name: str) -> Named | None:
        """Read a file's name; None iff it is another kind's."""
        # Folders are listed again and again, with the same names each time.
        if name not in self._known:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[name] = self._matched(name)
        return self._known[name]

    def _matched(self, name: str) -> Named | None:
        found = self._regex.fullmatch(name)
        if found is None:
            return None
        said = found.groupdict()
        if said.get("stamp") is None:
            return Named(said.get("code") or "", None)
        try:
            stamp = datetime.strptime(said["stamp"], _LETTERS.sub(lambda m: _DIRECTIVES[m.group()], self._letters))
        except ValueError:
            return None
        return Named(said.get("code") or "", stamp)

    def _digits(self) -> str:
        parts = re.split(f"({_LETTERS.pattern})", self._letters)
        return "".join(STAMP_LETTERS.get(part, re.escape(part)) for part in parts)


def checked_code(code: str, connection: FilesConnection, name: str) -> str:
    """Give a point of sale's code back. Raises ConfigurationError iff the files' names should hold it and cannot."""
    patterns = [files.pattern for files in connection.incoming]
    patterns += [connection.outgoing.pattern] if connection.outgoing is not None else []
    in_names = any("{point_of_sale}" in pattern for pattern in patterns)
    if in_names and (not _CODE.fullmatch(code) or ".." in code):
        raise ConfigurationError(f"{name}: the code {code!r} cannot be a part of a file's name")
    return code


def in_name(key: str) -> str:
    """Give a key as it may stand in a file's name: itself, or its hash."""
    return (
        key if _SAFE_KEY.fullmatch(key) else hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=16).hexdigest()
    )


def filled(pattern: str, **values: str) -> str:
    """Put values in the place of a pattern's placeholders."""
    return PLACEHOLDERS.sub(lambda found: values[found.group(1)], pattern)


def marker_of(pattern: str, name: str) -> str:
    """Name the file that stands beside another one."""
    stem = name.rpartition(".")[0] or name
    return filled(pattern, name=name, stem=stem)


def outgoing_stamp(at: datetime) -> str:
    """Spell an instant so that names are in order: UTC, to the microsecond."""
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%S%f}"


def file_time(modified_ns: int) -> datetime:
    """Give the time of a file as a stamp, to the second: not every drive keeps more."""
    return datetime.fromtimestamp(modified_ns // 1_000_000_000, UTC).replace(tzinfo=None)

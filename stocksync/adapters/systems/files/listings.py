"""The newest whole listing: the last complete file that is whole, and every change that came after it.

Decided:

- A file that is not whole yet is as if it were not there; changes behind it wait for it. A file that is whole and
  cannot be read is never skipped: an older listing in its place would look like people who put former values back.
- A complete file that says two things of one record is not read at all, unless the settings have such rows numbered;
  in a file of changes the last one holds.
- Files that are read are kept in memory as long as they are a part of the newest listing.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import takewhile
from typing import Any, Final

from stocksync.adapters.systems.files.names import Pattern, file_time, marker_of
from stocksync.adapters.systems.files.ready import readiness
from stocksync.adapters.systems.files.rows import NotReadable, Row, read_rows, with_added
from stocksync.adapters.systems.files.transport import Found, Transport
from stocksync.errors import IncompleteListing, StocksyncError, SystemUnavailable
from stocksync.mapping.connection_files import DoneMarker, FilesConnection, IncomingFiles
from stocksync.mapping.paths import merged, put_at, value_at
from stocksync.stock.values import ABSENT

_TRIES: Final = 3
_MOST_OF_ONE_ID: Final = 100
_HOUR_S: Final = 3_600
_DAY_S: Final = 86_400
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shown:
    """A record as the files show it; stamp and time (seconds, the drive's clock) are those of the last that did."""

    body: Row
    stamp: datetime
    at_s: float


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest whole listing of one point of sale, or of all where files do not name one.

    complete_at_s: the time of the last file that lists everything.
    """

    records: Mapping[str, Shown] = field(default_factory=dict)
    without_id: tuple[Row, ...] = ()
    stamp: datetime = datetime.min
    complete_at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _File:
    """One incoming file: what its name and its folder say of it."""

    files: IncomingFiles
    found: Found
    code: str
    stamp: datetime
    is_whole: bool

    @property
    def order(self) -> tuple[datetime, str]:
        return self.stamp, self.found.name

    @property
    def key(self) -> tuple[str, Found]:
        return self.files.folder, self.found


class _Gone(Exception):
    """A file that was listed is not there any more, or another one by now."""


class Listings:
    """The incoming files of a system; one thread at a time. name: how messages call the system."""

    def __init__(self, transport: Transport, connection: FilesConnection, id_path: str, name: str) -> None:
        self._transport, self._connection, self._name = transport, connection, name
        self._id_path = id_path
        self._patterns = {files.contents: Pattern(files) for files in connection.incoming}
        self.by_point_of_sale = self._patterns["complete"].names_point_of_sale
        self._rows: dict[tuple[str, Found], list[Row]] = {}
        self._built: dict[str, tuple[tuple[tuple[str, Found], ...], Newest]] = {}

    def newest(self, code: str) -> Newest:
        """The newest whole listing of a point of sale. Raises IncompleteListing where there is none."""
        code = code if self.by_point_of_sale else ""
        for _ in range(_TRIES):
            try:
                return self._built_of(code, self._chosen(self._of(code)))
            except _Gone:
                continue
        raise self._incomplete(f"its files changed {_TRIES} times while they were read")

    def codes(self) -> set[str]:
        """The points of sale that there are complete files of."""
        return {file.code for file in self._listed() if file.files.contents == "complete"}

    def archive(self, code: str) -> None:
        """Put away what newer files have replaced, and forget what was put away long ago; what fails is logged."""
        archive = self._connection.archive
        if archive is None:
            return
        try:
            replaced = self._replaced(code if self.by_point_of_sale else "")
            for file in replaced:
                self._put_away(file, archive.folder)
            # The folder is made for the first file that goes there; until then there is nothing to be forgotten.
            with nullcontext() if replaced else suppress(SystemUnavailable):
                self._forget(archive.folder, archive.keep_days)
        except StocksyncError as error:
            _log.warning("files were not archived: %s", error)

    # which files

    def _listed(self) -> Iterator[_File]:
        listed = {files.folder: self._transport.listed(files.folder) for files in self._connection.incoming}
        for files in self._connection.incoming:
            is_whole = readiness(self._transport, files.folder, listed[files.folder], files.ready)
            for found in listed[files.folder].values():
                named = self._patterns[files.contents].match(found.name)
                if named is not None and not self._is_of_the_other(files, found.name):
                    stamp = named.stamp if named.stamp is not None else file_time(found.modified_ns)
                    yield _File(files, found, named.code, stamp, is_whole(found))

    def _is_of_the_other(self, files: IncomingFiles, name: str) -> bool:
        """Tell whether a name that fits a looser pattern is the other kind's: `{point_of_sale}` fits much."""
        others = [other for other in self._connection.incoming if other is not files and other.folder == files.folder]
        fits = any(self._patterns[other.contents].match(name) for other in others)
        return fits and any(len(other.pattern) > len(files.pattern) for other in others)

    def _of(self, code: str) -> list[_File]:
        return sorted((file for file in self._listed() if file.code == code), key=lambda file: file.order)

    def _chosen(self, files: list[_File]) -> tuple[_File, list[_File]]:
        """The last complete file that is whole, and the changes after it, up to the first that is not whole yet."""
        complete = [file for file in files if file.files.contents == "complete" and file.is_whole]
        if not complete:
            raise self._incomplete("there is no whole file that lists everything")
        last = complete[-1]
        later = (file for file in files if file.files.contents == "changes" and file.stamp > last.stamp)
        changes = list(takewhile(lambda file: file.is_whole, later))
        self._check_age(last, max((last, *changes), key=lambda file: file.found.modified_ns))
        return last, changes

    def _check_age(self, complete: _File, youngest: _File) -> None:
        """Refuse a listing that nothing was added to for long: its maker may have stopped."""
        limit_h = complete.files.stale_after_h
        if limit_h is None:
            return
        age_s = self._transport.now_s(youngest.files.folder) - youngest.found.modified_ns / 1e9
        if age_s > limit_h * _HOUR_S:
            raise self._incomplete(f"its last file, {youngest.found.name}, is {age_s / _HOUR_S:.0f} h old")

    def _replaced(self, code: str) -> list[_File]:
        files = self._of(code)
        last, _ = self._chosen(files)
        older = (file for file in files if file.is_whole and file is not last)
        return [file for file in older if file.files.contents == "complete" or file.stamp <= last.stamp]

    def _put_away(self, file: _File, archive: str) -> None:
        name, ready = file.found.name, file.files.ready
        self._transport.move(file.files.folder, name, archive, name)
        if isinstance(ready, DoneMarker):
            self._transport.remove(file.files.folder, marker_of(ready.name, name))

    def _forget(self, archive: str, keep_days: int) -> None:
        listed = self._transport.listed(archive)
        if not listed:
            return
        limit_s = self._transport.now_s(archive) - keep_days * _DAY_S
        for found in listed.values():
            ours = any(pattern.match(found.name) for pattern in self._patterns.values())
            if ours and found.touched_ns / 1e9 < limit_s:
                self._transport.remove(archive, found.name)

    # what they hold

    def _built_of(self, code: str, chosen: tuple[_File, list[_File]]) -> Newest:
        complete, changes = chosen
        keys = (complete.key, *(file.key for file in changes))
        if code not in self._built or self._built[code][0] != keys:
            self._built[code] = keys, self._build(complete, changes)
            needed = {key for keys, _ in self._built.values() for key in keys}
            self._rows = {key: rows for key, rows in self._rows.items() if key in needed}
        return self._built[code][1]

    def _build(self, complete: _File, changes: list[_File]) -> Newest:
        records: dict[str, Shown] = {}
        without_id: list[Row] = []
        for file in (complete, *changes):
            try:
                take = self._take_all if file is complete else self._take_changes
                take(file, self._rows_of(file), records, without_id)
            except NotReadable as error:
                raise self._incomplete(f"{file.found.name} is not taken: {error}") from None
        last = changes[-1] if changes else complete
        return Newest(records, tuple(without_id), last.stamp, complete.found.modified_ns / 1e9)

    def _rows_of(self, file: _File) -> list[Row]:
        if file.key not in self._rows:
            if file.found.size > file.files.largest_mb * 1_000_000:
                raise NotReadable(f"it has {file.found.size} bytes, more than {file.files.largest_mb} MB")
            content = self._transport.read(file.files.folder, file.found)
            if content is None:
                raise _Gone
            rows = with_added(read_rows(content, file.files.format), file.files.adds)
            self._check_fields(file, rows)
            self._rows[file.key] = rows
        return self._rows[file.key]

    def _check_fields(self, file: _File, rows: list[Row]) -> None:
        """See that a file speaks of records at all, and of whose: a renamed column is no empty one."""
        if rows and all(value_at(row, self._id_path) is ABSENT for row in rows):
            raise NotReadable(f"no row has the field {self._id_path}, the id")
        place = file.files.point_of_sale_field
        if place is not None and file.files.records == "whole":
            for number, row in enumerate(rows, start=1):
                if value_at(row, place) is ABSENT and not self._is_removed(file, row):
                    raise NotReadable(f"record {number} has no field {place}, its point of sale")

    def _take_all(self, file: _File, rows: list[Row], records: dict[str, Shown], without_id: list[Row]) -> None:
        said: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            record_id = text_of(value_at(row, self._id_path))
            if not record_id:
                without_id.append(row)
            elif row not in said[record_id]:
                said[record_id].append(row)
                taken, row = self._as_own_record(record_id, row, len(said[record_id]))
                if taken in records or (taken != record_id and file.files.same_id == "refused"):
                    raise NotReadable(f"it says two things of the record {record_id!r}")
                if len(said[record_id]) > _MOST_OF_ONE_ID:
                    raise NotReadable(f"more than {_MOST_OF_ONE_ID} of its records have the id {record_id!r}")
                records[taken] = _shown(row, file)

    def _as_own_record(self, record_id: str, row: Row, number: int) -> tuple[str, Row]:
        """Give a row that is the so-many-eth of its id an id of its own."""
        if number == 1:
            return record_id, row
        record_id, own = f"{record_id} #{number}", Row()
        put_at(own, self._id_path, record_id)
        return record_id, merged(row, own)

    def _take_changes(self, file: _File, rows: list[Row], records: dict[str, Shown], without_id: list[Row]) -> None:
        for row in rows:
            record_id = text_of(value_at(row, self._id_path))
            if not record_id:
                without_id.append(row)
            elif self._is_removed(file, row):
                records.pop(record_id, None)
            elif file.files.records == "partial" and record_id in records:
                records[record_id] = _shown(merged(records[record_id].body, row), file)
            else:
                records[record_id] = _shown(row, file)

    def _is_removed(self, file: _File, row: Row) -> bool:
        removed = file.files.removed
        return removed is not None and text_of(value_at(row, removed.field)) in removed.values

    def _incomplete(self, why: str) -> IncompleteListing:
        return IncompleteListing(f"{self._name} gave no complete listing: {why}")


def text_of(value: Any) -> str:
    """Give an id or a code as text; "" iff it is none that can be named."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return ""
    text = str(value).strip()
    return text if text.isprintable() else ""


def _shown(body: Row, file: _File) -> Shown:
    return Shown(body, file.stamp, file.found.modified_ns / 1e9)

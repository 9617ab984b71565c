"""What is asked of a point of sale's files: how old the newest are, whether they may be read, and what they say.

Listings are read as a run reads them, and nothing else is done: nothing is archived, forgotten or noted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from stocksync.adapters.systems.files.listings import Listings, Newest, text_of
from stocksync.adapters.systems.files.names import Pattern, checked_code, file_time
from stocksync.adapters.systems.files.pending import Memory
from stocksync.adapters.systems.files.ready import readiness
from stocksync.adapters.systems.files.transport import Found, Transport
from stocksync.entrypoints.doctor import Area, Finding, fault, ok, warning
from stocksync.entrypoints.doctor_checks_records import check_records
from stocksync.errors import ConfigurationError, StocksyncError
from stocksync.mapping.connection_files import DoneMarker, FilesConnection, IncomingFiles
from stocksync.mapping.effective import PointOfSaleMapping, SystemSettings
from stocksync.mapping.paths import value_at
from stocksync.sync.ports import Clock, NativeRecord

HOUR_S: Final = 3600
LEFT_H: Final = 24
"""What lies about for longer was forgotten by somebody."""
MISSING: Final = re.compile(r"\(No such file")
_HERE: Final = Area.SYSTEM
_SAMPLE: Final = 500
_OLD_H: Final = 48


@dataclass(frozen=True, slots=True)
class FilesOfPoint:
    """One point of sale's files; closed: folders that cannot be looked into, which is told already."""

    transport: Transport
    connection: FilesConnection
    point: PointOfSaleMapping
    settings: SystemSettings
    clock: Clock
    closed: set[str]

    @property
    def where(self) -> str:
        """How findings name it."""
        return f"{self.point.id} {self.settings.system}"

    def ask(self) -> Iterator[Finding]:
        """Look at the newest files, read the newest listing, and see what is pending."""
        if self.closed.intersection(files.folder for files in self.connection.incoming):
            return
        try:
            checked_code(self.settings.code, self.connection, self.settings.label.en)
            for files in self.connection.incoming:
                yield from self._newest(files)
            listings = Listings(self.transport, self.connection, self.settings.record.id, self.settings.label.en)
            yield from self._records(listings.newest(self.settings.code))
            yield from self._pending()
        except ConfigurationError as error:
            yield fault(_HERE, "not_usable", self.where, detail=str(error))
        except StocksyncError as error:
            yield fault(_HERE, "listing_not_taken", self.where, detail=str(error))

    def _newest(self, files: IncomingFiles) -> Iterator[Finding]:
        """Tell how old the newest file of a kind is, and whether it may be read yet."""
        pattern, listed = Pattern(files), self.transport.listed(files.folder)
        found: list[tuple[datetime, Found]] = []
        for one in listed.values():
            named = pattern.match(one.name)
            if named is not None and named.code in ("", self.settings.code):
                found.append((named.stamp or file_time(one.modified_ns), one))
        told = {"folder": files.folder, "pattern": files.pattern}
        if not found:
            absent = warning if files.contents == "complete" else ok
            yield absent(_HERE, "listing_none" if files.contents == "complete" else "changes_none", self.where, **told)
            return
        _, newest = max(found, key=lambda pair: (pair[0], pair[1].name))
        age_h = max(self.transport.now_s(files.folder) - newest.modified_ns / 1e9, 0) / HOUR_S
        is_old = files.contents == "complete" and age_h > (files.stale_after_h or _OLD_H)
        aged = warning if is_old else ok
        told |= {"file": newest.name, "hours": f"{age_h:.1f}"}
        yield aged(_HERE, "listing_old" if is_old else "listing_age", self.where, **told)
        if readiness(self.transport, files.folder, listed, files.ready)(newest):
            return
        if isinstance(files.ready, DoneMarker):
            yield warning(_HERE, "listing_unmarked", self.where, **told, marker=files.ready.name)
        else:
            yield warning(_HERE, "listing_unsettled", self.where, **told, seconds=str(files.ready.settled_s))

    def _records(self, newest: Newest) -> Iterator[Finding]:
        """Look at the point of sale's records as the files spell them, so many of them as tell enough."""
        place, code = self.connection.complete.point_of_sale_field, self.settings.code
        records = [
            NativeRecord(record_id, None, shown.body, shown.stamp)
            for record_id, shown in newest.records.items()
            if place is None or text_of(value_at(shown.body, place)) == code
        ]
        records += [
            NativeRecord("", None, row, newest.stamp)
            for row in newest.without_id
            if place is None or text_of(value_at(row, place)) == code
        ]
        if not records:
            yield warning(_HERE, "code_empty", self.where, code=code)
            return
        yield ok(_HERE, "code_known", self.where, code=code)
        yield from check_records(self.point.translations[self.settings.side], records[:_SAMPLE], self.where)

    def _pending(self) -> Iterator[Finding]:
        """Tell of writes that were handed over and that nothing has shown since."""
        outgoing = self.connection.outgoing
        if outgoing is None:
            return
        if self.closed.intersection((outgoing.folder, outgoing.memory)):
            return
        try:
            writes = Memory(self.transport, outgoing.memory, self.settings.code, self.settings.label.en).writes
        except StocksyncError as error:
            if not MISSING.search(str(error)):
                yield fault(_HERE, "memory_unreadable", self.where, detail=str(error))
            return
        waiting = [write.at for write in writes if write.status == "written"]
        if not waiting:
            yield ok(_HERE, "pending_none", self.where)
            return
        age_h = (self.clock.now_at() - min(waiting)).total_seconds() / HOUR_S
        aged = warning if age_h > min(outgoing.confirm_within_h, LEFT_H) else ok
        yield aged(_HERE, "pending", self.where, count=str(len(waiting)), hours=f"{age_h:.1f}")

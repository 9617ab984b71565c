"""What one point of sale of a system holds, as far as its files say: listings, and over them what was acknowledged.

One thread at a time: whoever asks holds the system's lock. Not here: what goes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from operator import is_
from typing import Any

from stocksync.adapters.systems.files.answers import Answers
from stocksync.adapters.systems.files.listings import Listings, Newest, text_of
from stocksync.adapters.systems.files.pending import Memory, Write, created, laid_over, still_pending
from stocksync.adapters.systems.files.transport import Transport
from stocksync.mapping.connection_files import FilesConnection, OutgoingFiles
from stocksync.mapping.paths import value_at
from stocksync.sync.ports import Clock, NativeRecord


class View:
    """What is known of a system; see `FilesSystem` for the arguments. `memory` is None where nothing goes out."""

    def __init__(
        self,
        transport: Transport,
        connection: FilesConnection,
        code: str,
        id_path: str,
        reference_path: str | None,
        clock: Clock,
        name: str,
    ) -> None:
        self._connection, self._code, self._clock = connection, code, clock
        self._id_path, self._reference_path = id_path, reference_path
        self._listings = Listings(transport, connection, id_path, name)
        outgoing, answers, archive = connection.outgoing, connection.acknowledgements, connection.archive
        self.memory = Memory(transport, outgoing.memory, code, name) if outgoing is not None else None
        to = archive.folder if archive is not None else None
        self._answers = Answers(transport, answers, to, name) if answers is not None else None
        self._settled_by: Newest | None = None
        self._told: dict[str, Write] = {}
        """By key, what was acknowledged since this began: a listing may settle a write before anybody asks."""

    def begun_anew(self) -> Newest:
        """As `refreshed`, and nothing is taken for known: time went by, another process may have been at work."""
        if self.memory is not None:
            self.memory.forget_reading()
        self._settled_by = None
        return self.refreshed()

    def archive(self) -> None:
        """Put away the files that newer ones have replaced."""
        self._listings.archive(self._code)

    def state_of(self, write: Write) -> Write | None:
        """The write as it stands by now; None where the listings settled it, or nobody remembers it."""
        known = self.memory.writes if self.memory is not None else ()
        return next((other for other in known if other.key == write.key), self._told.get(write.key))

    def refreshed(self) -> Newest:
        """Read what came, listings and answers, and forget what they settle. Raises IncompleteListing."""
        newest = self._listings.newest(self._code)
        if self.memory is None or self._connection.outgoing is None:
            return newest
        before = self.memory.writes
        taken = self._answers.taken(before) if self._answers is not None else list(before)
        self._told |= {write.key: write for write in taken if write.status == "accepted"}
        if newest is self._settled_by and all(map(is_, taken, before)):
            return newest
        self._settled_by = newest
        self.memory.keep(self._still_pending(taken, newest, self._connection.outgoing))
        if self._answers is not None:
            self._answers.put_away(before, self.memory.writes)
        return newest

    def _still_pending(self, writes: list[Write], newest: Newest, outgoing: OutgoingFiles) -> list[Write]:
        answers = self._connection.acknowledgements
        return still_pending(
            writes,
            newest,
            self._reference_path,
            self._clock.now_at(),
            timedelta(hours=outgoing.confirm_within_h),
            answers.listed_within_s if answers is not None else 0,
        )

    def found(self, newest: Newest, record_id: str) -> NativeRecord | None:
        """Give a record, from the listing of another point of sale where it is in none of ours."""
        record = self._native(newest, record_id)
        if record is not None or not self._listings.by_point_of_sale:
            return record
        elsewhere = [self._listings.newest(code) for code in self._listings.codes() - {self._code}]
        showing = [other for other in elsewhere if record_id in other.records]
        return self._native(max(showing, key=lambda other: other.stamp), record_id) if showing else None

    def _native(self, newest: Newest, record_id: str) -> NativeRecord | None:
        shown = newest.records.get(record_id)
        body = laid_over(record_id, shown.body if shown is not None else None, self._writes(), self._id_path)
        if body is None:
            return None
        awaits = any(write.status == "written" and write.record_id == record_id for write in self._writes())
        return NativeRecord(record_id, None, body, shown.stamp if shown is not None else newest.stamp, awaits)

    def shown(self, newest: Newest, record_id: str) -> NativeRecord:
        """Give a record that the listing has."""
        record = self._native(newest, record_id)
        assert record is not None
        return record

    def here(self, newest: Newest) -> list[NativeRecord]:
        """Give the records of the point of sale."""
        ids = dict.fromkeys((*newest.records, *created(self._writes())))
        found = [record for i in ids if (record := self._native(newest, i)) is not None and self._is_here(record.body)]
        return found + [NativeRecord("", None, row, newest.stamp) for row in newest.without_id if self._is_here(row)]

    def _is_here(self, body: Mapping[str, Any]) -> bool:
        place = self._connection.complete.point_of_sale_field
        return place is None or text_of(value_at(body, place)) == self._code

    def _writes(self) -> tuple[Write, ...]:
        return self.memory.writes if self.memory is not None else ()

    def id_by_reference(self, newest: Newest, reference: str | None) -> str:
        """The record here that refers to the other side's: a creation of it was carried out, whoever asked."""
        path = self._reference_path
        if path is None or reference is None:
            return ""
        found = (i for i, shown in newest.records.items() if text_of(value_at(shown.body, path)) == reference)
        return next((i for i in found if self._is_here(newest.records[i].body)), "")

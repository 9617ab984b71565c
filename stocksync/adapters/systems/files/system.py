"""One point of sale of a system that exchanges files, as its `connection` settings describe it.

Listings are the newest whole files; a write is a row in a file that goes out. Each keeps its own time, so that the
seam's question "what do you hold now?" has three answers:

- *answered*: an acknowledgement came within `wait_s`. The record is then as listed, with the write laid over it.
- *refused*: it says so; the write is as if it had never been.
- *handed over*: nobody knows yet. The core knows unknown outcomes: it keeps the write open, reads the record again in
  its next run, and plans anew what it does not see. That the same write is then not made twice is `pending`'s business.

Decided: *handed over* is told as HandedOver. SystemUnavailable would be as open an outcome, but three of those end a
run's writes and five shut the system's gate, and here nothing is out of order.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from threading import RLock
from typing import Any, Final

from stocksync.adapters.systems.files.listings import text_of
from stocksync.adapters.systems.files.names import checked_code
from stocksync.adapters.systems.files.outgoing import content_of, name_of, row_of
from stocksync.adapters.systems.files.pending import (
    Memory,
    Verb,
    Write,
    same_under_way,
    same_value,
    touched,
)
from stocksync.adapters.systems.files.rows import NotWritable, Row, flat
from stocksync.adapters.systems.files.transport import LEFT_FOR_S, Transport, open_transport
from stocksync.adapters.systems.files.view import View
from stocksync.errors import (
    HandedOver,
    IncompleteListing,
    RecordNotFound,
    StocksyncError,
    SystemUnavailable,
    UnexpectedAnswer,
    WriteRejected,
)
from stocksync.mapping.connection_files import FilesConnection, OutgoingFiles
from stocksync.mapping.paths import put_at, value_at
from stocksync.stock.values import ABSENT
from stocksync.sync.familiar import Familiar
from stocksync.sync.ports import Clock, NativeRecord, Page

PAGE_SIZE: Final = 500
_OVERLAP: Final = timedelta(hours=1)
"""So much is listed again each time: a file of changes may come later than one with a later stamp."""
_LOOK_EVERY_S: Final = 1.0
_log = logging.getLogger(__name__)


class FilesSystem:
    """A `System` over files; every call may come from several threads at once.

    address: a folder, or sftp://. reference_path: where a record keeps the other side's id; by it a creation is known
    again in a listing. name: how messages call the system. transport: for tests.
    Raises ConfigurationError for an address, a code or a secret that cannot be used.
    """

    conditional_writes = False

    def __init__(
        self,
        connection: FilesConnection,
        *,
        address: str,
        secrets: Mapping[str, str],
        point_of_sale_code: str,
        id_path: str,
        reference_path: str | None,
        clock: Clock,
        transport: Transport | None = None,
        name: str = "the system",
    ) -> None:
        self._connection, self._clock, self._name = connection, clock, name
        self._code = checked_code(point_of_sale_code, connection, name)
        self._id_path, self._reference_path = id_path, reference_path
        self._transport = transport or open_transport(address, connection, secrets, name)
        self._view = View(self._transport, connection, self._code, id_path, reference_path, clock, name)
        self._lock = RLock()
        self._batch: list[tuple[Write, Row]] = []
        self.lists_changes = connection.changes is not None

    # Reading

    def pages(self, familiar: Familiar | None = None) -> Iterator[Page]:
        """List the newest whole files, as they are now, familiar records included; see `System.pages`."""
        return self._paged(None)

    def changes(self, since: datetime) -> Iterator[Page]:
        """List what came in files since an instant of the system's clock; everything where it sends no changes."""
        return self._paged(since if self.lists_changes else None)

    def _paged(self, since: datetime | None) -> Iterator[Page]:
        with self._lock:
            self._flush()
            records = self._view.here(self._view.begun_anew())
            self._view.archive()
            self._sweep()
        if since is not None:
            records = [record for record in records if record.stamp is None or record.stamp >= _less_overlap(since)]
        for start in range(0, max(1, len(records)), PAGE_SIZE):
            yield Page(tuple(records[start : start + PAGE_SIZE]), first=start == 0, total=len(records))

    def _sweep(self) -> None:
        """Clear up after a process that died while it wrote; what cannot be cleared up stops nothing."""
        outgoing = self._connection.outgoing
        for folder in dict.fromkeys((outgoing.folder, outgoing.memory)) if outgoing is not None else ():
            try:
                for name in self._transport.sweep(folder, LEFT_FOR_S):
                    _log.warning("%s: removed %s/%s, which a dead process left half written", self._name, folder, name)
            except StocksyncError as error:
                _log.warning("%s: what was left half written in %s stays there: %s", self._name, folder, error)

    def read(self, record_id: str) -> NativeRecord | None:
        """Give one record as the newest files show it, wherever it is; None iff none of them does."""
        if record_id != text_of(record_id) or not record_id:
            return None
        try:
            with self._lock:
                return self._view.found(self._view.refreshed(), record_id)
        except IncompleteListing as error:
            raise SystemUnavailable(str(error), unsent=True) from None

    # Writing

    def create(self, body: Mapping[str, Any], key: str) -> NativeRecord:
        """Ask for a new record; WriteRejected also where the settings name no way to."""
        outgoing = self._connection.outgoing
        if outgoing is None or not outgoing.creates:
            raise WriteRejected(f"{self._name} takes no new records: create it there by hand")
        new = dict(body)
        place = self._connection.complete.point_of_sale_field
        if place is not None and value_at(new, place) is ABSENT:
            put_at(new, place, self._code)
        return self._written("create", "", new, key)

    def update(self, record_id: str, body: Mapping[str, Any], version: str | None, key: str) -> NativeRecord:
        """Ask for a change of the named fields of one record; there are no versions."""
        return self._written("update", record_id, body, key)

    def reserve(self, record_id: str, key: str) -> NativeRecord:
        """Ask for the reservation of the settings; UnexpectedAnswer where they name none."""
        outgoing = self._connection.outgoing
        if outgoing is None or outgoing.verb.reserve is None:
            raise UnexpectedAnswer(f"{self._name} has no reservations: set it by hand")
        return self._written("reserve", record_id, outgoing.reservation, key)

    def close(self) -> None:
        """Send what the run collected, and let connections go; what fails is planned again by the next run."""
        try:
            with self._lock:
                self._flush()
        except StocksyncError as error:
            _log.warning("the file of this run did not go out, its writes are planned again: %s", error)
        self._transport.close()

    def _written(self, verb: Verb, record_id: str, body: Mapping[str, Any], key: str) -> NativeRecord:
        try:
            with self._lock:
                settled = self._put(verb, record_id, dict(flat(body)), key)
        except IncompleteListing as error:
            raise SystemUnavailable(str(error), unsent=True) from None
        if isinstance(settled, NativeRecord):
            return settled
        return self._answer(settled, again=settled.key != key)

    def _put(self, verb: Verb, record_id: str, changes: dict[str, Any], key: str) -> Write | NativeRecord:
        """Put a write into a file, unless it is under way already or the listing holds it; lock held."""
        outgoing, memory = self._ways()
        newest = self._view.refreshed()
        reference = self._reference_in(changes)
        if verb == "create" and (twin := self._view.id_by_reference(newest, reference)):
            return self._view.shown(newest, twin)
        found = self._view.found(newest, record_id) if verb != "create" else None
        if found is None and verb != "create":
            raise RecordNotFound(f"{self._name} has no record {record_id!r} in its newest files: look for it there")
        shown = newest.records.get(record_id)
        listed = shown.body if shown is not None else {}
        write = Write(
            verb=verb,
            record_id=record_id,
            reference=reference,
            changes=changes,
            before={path: value for path in changes if (value := value_at(listed, path)) is not ABSENT},
            key=key,
            file="",
            at=memory.next_at(self._clock.now_at()),
        )
        known = (*memory.writes, *(collected for collected, _ in self._batch))
        self._check_refused(write, known)
        if found is not None and changes and not touched(write, known) and _holds(found.body, changes):
            return found
        under_way = same_under_way(write, known)
        return under_way or self._sent(write, dict(found.body) if found is not None else None, outgoing, memory)

    def _sent(self, write: Write, held: Row | None, outgoing: OutgoingFiles, memory: Memory) -> Write:
        """Let a write go out; one that was under way when stocksync died goes out as it was named then."""
        former = next((w for w in memory.writes if w.status == "writing" and w.wants_as(write)), None)
        if former is not None:
            write = write.model_copy(update={"key": former.key, "file": former.file})
            if former.file in self._transport.listed(outgoing.folder):
                memory.replace(written := _now_written(former))
                return written
        known = (*memory.writes, *(collected for collected, _ in self._batch))
        row = row_of(outgoing, self._id_path, write, held, known)
        content = self._content([row], write)
        if outgoing.one_file_per == "run" and former is None:
            self._batch.append((written := _now_written(write), row))
            return written
        if former is None:
            write = write.model_copy(update={"file": name_of(outgoing, self._code, write.at, write.key)})
        self._go_out([write], content, outgoing, memory)
        return _now_written(write)

    def _go_out(self, writes: list[Write], content: bytes, outgoing: OutgoingFiles, memory: Memory) -> None:
        keys = {write.key for write in writes}
        others = [write for write in memory.writes if write.key not in keys]
        memory.keep([*others, *writes], last=writes[-1].at)
        self._transport.write(outgoing.folder, writes[0].file, content)
        memory.replace(*map(_now_written, writes))

    def _flush(self) -> None:
        """Let the file of this run go out; lock held."""
        if not self._batch:
            return
        outgoing, memory = self._ways()
        batch, self._batch = self._batch, []
        at = memory.next_at(self._clock.now_at())
        file = name_of(outgoing, self._code, at, batch[0][0].key)
        writes = [write.model_copy(update={"status": "writing", "file": file, "at": at}) for write, _ in batch]
        self._go_out(writes, self._content([row for _, row in batch], writes[0]), outgoing, memory)

    def _content(self, rows: list[Row], write: Write) -> bytes:
        outgoing, _ = self._ways()
        try:
            return content_of(outgoing, rows)
        except NotWritable as error:
            what = f"the {write.verb} of {write.record_id or 'a record'}"
            message = f"{self._name} cannot be told {error.field} in {what}: {error.why}"
            raise WriteRejected(message, {error.field: error.why}) from None

    # What became of a write

    def _answer(self, write: Write, *, again: bool) -> NativeRecord:
        """Wait for what the system says of a write, as long as the settings have it since it went out."""
        waits_s = self._connection.acknowledgements.wait_s if self._connection.acknowledgements is not None else 0
        for _ in range(int(waits_s / _LOOK_EVERY_S) + 1):
            with self._lock:
                answered = self._answered(write)
            if answered is not None:
                return answered
            if self._clock.now_at() - write.at >= timedelta(seconds=waits_s):
                break
            self._clock.pause(_LOOK_EVERY_S)
        file = write.file or "the file of this run"
        message = f"{self._name} was handed {file} and has not said more: its listings will show it"
        raise HandedOver(message, again=again)

    def _answered(self, write: Write) -> NativeRecord | None:
        """Give the record as it is by now, None where nothing is known of the write yet. Raises WriteRejected."""
        if self._connection.acknowledgements is None or not write.file:
            return None
        newest = self._view.refreshed()
        now = self._view.state_of(write)
        if now is not None:
            self._check_refused(now, (now,))
        if now is not None and now.status == "written":
            return None
        new_id = now.new_id if now is not None else None
        record_id = write.record_id or new_id or self._view.id_by_reference(newest, write.reference)
        return self._view.found(newest, record_id) if record_id else None

    def _check_refused(self, wanted: Write, known: Iterable[Write]) -> None:
        """Tell of a refusal that came, once. Raises WriteRejected."""
        refused = next((w for w in known if w.status == "refused" and w.wants_as(wanted)), None)
        if refused is None:
            return
        memory = self._ways()[1]
        memory.keep(write for write in memory.writes if write.key != refused.key)
        fields = {refused.refused_field: refused.message} if refused.refused_field else {}
        what = f"{self._name} refused the {refused.verb} of {refused.record_id or 'a record'}"
        raise WriteRejected(f"{what}: {refused.message}", fields)

    def _reference_in(self, changes: Mapping[str, Any]) -> str | None:
        return text_of(changes.get(self._reference_path)) or None if self._reference_path is not None else None

    def _ways(self) -> tuple[OutgoingFiles, Memory]:
        outgoing = self._connection.outgoing
        if outgoing is None or self._view.memory is None:
            raise WriteRejected(f"{self._name} takes no writes: change it there by hand")
        return outgoing, self._view.memory


def _now_written(write: Write) -> Write:
    return write.model_copy(update={"status": "written"})


def _holds(body: Mapping[str, Any], changes: Mapping[str, Any]) -> bool:
    return all(same_value(value_at(body, path), value) for path, value in changes.items())


def _less_overlap(since: datetime) -> datetime:
    return since - _OVERLAP if since > datetime.min + _OVERLAP else since

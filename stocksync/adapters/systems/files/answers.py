"""Acknowledgement files: what the system says became of each row of an outgoing file.

One that is not whole yet is waited for; one that cannot be read is told of and left: its writes stay pending, and the
listings settle them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from stocksync.adapters.systems.files.listings import text_of
from stocksync.adapters.systems.files.names import marker_of
from stocksync.adapters.systems.files.pending import Write
from stocksync.adapters.systems.files.ready import readiness
from stocksync.adapters.systems.files.rows import NotReadable, Row, read_rows
from stocksync.adapters.systems.files.transport import Found, Transport
from stocksync.mapping.connection_files import AcknowledgementFiles
from stocksync.mapping.paths import value_at

_LONGEST_MESSAGE = 300
_log = logging.getLogger(__name__)


class Answers:
    """The acknowledgements of a system. archive: the folder where those go that were taken, None for nowhere."""

    def __init__(self, transport: Transport, settings: AcknowledgementFiles, archive: str | None, name: str) -> None:
        self._transport, self._settings, self._archive, self._name = transport, settings, archive, name

    def taken(self, writes: Iterable[Write]) -> list[Write]:
        """The writes as they are answered by now; those that were not keep their state."""
        writes = list(writes)
        waiting = dict.fromkeys(write.file for write in writes if write.status == "written")
        if not waiting:
            return writes
        listed = self._transport.listed(self._settings.folder)
        is_whole = readiness(self._transport, self._settings.folder, listed, self._settings.ready)
        for file in waiting:
            found = listed.get(marker_of(self._settings.pattern, file))
            if found is not None and is_whole(found):
                writes = self._answered(writes, file, found)
        return writes

    def put_away(self, before: Iterable[Write], after: Iterable[Write]) -> None:
        """Archive the files whose every write is answered: to be called once that is remembered."""
        if self._archive is None:
            return
        waiting = {write.file for write in after if write.status == "written"}
        for file in dict.fromkeys(write.file for write in before if write.status == "written"):
            if file not in waiting:
                name = marker_of(self._settings.pattern, file)
                self._transport.move(self._settings.folder, name, self._archive, name)

    def _answered(self, writes: list[Write], file: str, found: Found) -> list[Write]:
        try:
            rows = self._rows(found)
        except NotReadable as error:
            _log.warning("%s: the acknowledgement %s is not taken: %s", self._name, found.name, error)
            return writes
        alone = sum(write.file == file for write in writes) == 1
        return [
            self._with_answer(write, rows, found, alone=alone)
            if write.file == file and write.status == "written"
            else write
            for write in writes
        ]

    def _rows(self, found: Found) -> list[Row]:
        if found.size > self._settings.largest_mb * 1_000_000:
            raise NotReadable(f"it has {found.size} bytes, more than {self._settings.largest_mb} MB")
        content = self._transport.read(self._settings.folder, found)
        if content is None:
            raise NotReadable("it changed while it was read")
        return read_rows(content, self._settings.format)

    def _with_answer(self, write: Write, rows: list[Row], found: Found, *, alone: bool) -> Write:
        settings = self._settings
        if settings.key is not None:
            rows = [row for row in rows if text_of(value_at(row, settings.key)) == write.key]
        if len(rows) != 1 or (settings.key is None and not alone):
            _log.warning("%s: the acknowledgement %s has %d rows for one write", self._name, found.name, len(rows))
            return write
        [row] = rows
        if text_of(value_at(row, settings.status)) in settings.accepted:
            new_id = self._said(row, settings.new_id) or None
            answered = {"status": "accepted", "new_id": new_id, "answered_s": found.modified_ns / 1e9}
            return write.model_copy(update=answered)
        field = self._said(row, settings.refused_field) or None
        message = self._said(row, settings.message) or self._said(row, settings.status)
        return write.model_copy(update={"status": "refused", "message": message, "refused_field": field})

    def _said(self, row: Row, path: str | None) -> str:
        return text_of(value_at(row, path))[:_LONGEST_MESSAGE] if path is not None else ""

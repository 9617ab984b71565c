"""What stands in an outgoing file: a row for each write, saying what it asks for, of which record, and what changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from stocksync.adapters.systems.files.names import filled, in_name, outgoing_stamp
from stocksync.adapters.systems.files.pending import Write
from stocksync.adapters.systems.files.rows import Row, written_rows
from stocksync.mapping.connection_files import OutgoingFiles
from stocksync.mapping.paths import merged, put_at


def row_of(settings: OutgoingFiles, id_path: str, write: Write, held: Row | None, earlier: Iterable[Write]) -> Row:
    """Spell one write; held: its record as it was last listed. earlier: what is under way already, in its order.

    Of a whole record the fields under way are what they will be: a later row must not take an earlier one back.
    """
    row: Row = {}
    put_at(row, settings.verb.field, getattr(settings.verb, write.verb))
    if settings.key_field is not None:
        put_at(row, settings.key_field, write.key)
    if write.record_id:
        put_at(row, id_path, write.record_id)
    if settings.fields == "whole" and held is not None:
        row = merged(row, held)
        for other in earlier:
            if other.is_under_way and other.record_id == write.record_id:
                row = merged(row, other.body())
    return merged(row, write.body())


def content_of(settings: OutgoingFiles, rows: Sequence[Row]) -> bytes:
    """Write a whole file. Raises NotWritable."""
    return written_rows(rows, settings.format, settings.columns, settings.unchanged_as or "")


def name_of(settings: OutgoingFiles, code: str, at: datetime, key: str) -> str:
    """Name a file; later ones come later in order."""
    return filled(settings.pattern, point_of_sale=code, stamp=outgoing_stamp(at), key=in_name(key))

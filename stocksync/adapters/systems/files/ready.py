"""Which files of a folder are whole: those with a marker beside them, or that nobody touched for a while."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from stocksync.adapters.systems.files.names import marker_of
from stocksync.adapters.systems.files.transport import Found, Transport
from stocksync.mapping.connection_files import DoneMarker, Ready


def readiness(transport: Transport, folder: str, listed: Mapping[str, Found], ready: Ready) -> Callable[[Found], bool]:
    """Give what tells whether a file of a folder, as it was listed, is whole."""
    if isinstance(ready, DoneMarker):
        return lambda found: marker_of(ready.name, found.name) in listed
    if not ready.settled_s or not listed:
        return lambda found: True
    now_s, settled_s = transport.now_s(folder), ready.settled_s

    def is_settled(found: Found) -> bool:
        touched_s, modified_s = found.touched_ns / 1e9, found.modified_ns / 1e9
        # A time in the future came with a copy and tells nothing.
        return now_s - max(touched_s, modified_s if modified_s <= now_s else 0) >= settled_s

    return is_settled

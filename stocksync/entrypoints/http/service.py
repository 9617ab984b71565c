"""What answering over HTTP needs of the running service; what it answers is `app`."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from stocksync.adapters.store.faults import Cause
from stocksync.stock.values import Side
from stocksync.sync.health import Health


class Unready(StrEnum):
    """Why the service should get no work yet, or no more; words of a closed list, so that none carries a secret."""

    DATABASE = "database"
    DATABASE_NO_ROOM = "database_no_room"
    DATABASE_READ_ONLY = "database_read_only"
    DATABASE_LOCKED = "database_locked"
    DATABASE_DAMAGED = "database_damaged"
    DATABASE_DISK = "database_disk"
    DATABASE_REPLACED = "database_replaced"
    SCHEDULER = "scheduler"
    STOPPING = "stopping"
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, cause: Cause) -> Unready:
        """What keeps runs from being kept, as a word of this list."""
        return cls.DATABASE if cause is Cause.UNREACHABLE else cls(f"database_{cause}")


class Service(Protocol):
    """The service that runs beside the HTTP server, in the same process."""

    def hint(self, point_of_sale: str, side: Side, record_id: str) -> None:
        """Take note that a record may have moved: from the server's own thread, so it never waits and never raises."""
        ...

    def health(self) -> Health:
        """Read how everything stands from the database; from any thread, may raise."""
        ...

    def unready(self) -> Sequence[Unready]:
        """Say why the service is not ready, nothing iff it is; from any thread, may raise."""
        ...

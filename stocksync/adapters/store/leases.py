"""One holder at a time for each point of sale, in the database: a lease with a fencing number.

Every commit of a run is held against the number under which it began: a holder that slept through the end of its
lease, and was replaced, changes nothing any more. Beside a database file the holder also locks a file, which the
operating system lets go when a process ends, however it ends: its lease is then taken over at once. Elsewhere, and
where a holder stands still, the lease runs out first.
"""

from __future__ import annotations

import fcntl
import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import IO, Final

from sqlalchemy import Connection, Engine, bindparam, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from stocksync.adapters.store.core import LEASE, RUN
from stocksync.adapters.store.engine import undone_by_power_failure
from stocksync.errors import Busy, LeaseLost
from stocksync.sync.ports import Clock

LEASE_FOR: Final = timedelta(seconds=60)
"""How long a lease holds without a sign of life."""
_BEAT_S: Final = LEASE_FOR.total_seconds() / 4

_HELD: Final = (
    select(RUN.c.fence, LEASE.c.fence.label("now"), LEASE.c.holder, RUN.c.point_of_sale)
    .select_from(RUN.outerjoin(LEASE, LEASE.c.point_of_sale == RUN.c.point_of_sale))
    .where(RUN.c.id == bindparam("run_id"))
)
"""Built once: it is asked before every request that writes, and building it takes longer than asking."""

_OF_POINT: Final = select(LEASE).where(LEASE.c.point_of_sale == bindparam("place"))
_TAKEN: Final = (
    update(LEASE)
    .where(LEASE.c.point_of_sale == bindparam("place"))
    .values(
        fence=bindparam("to"),
        holder=bindparam("of_holder"),
        locked=bindparam("of_locked"),
        acquired_at=bindparam("of_acquired_at"),
        expires_at=bindparam("of_expires_at"),
    )
)
_EXTENDED: Final = (
    update(LEASE)
    .where(LEASE.c.point_of_sale == bindparam("place"), LEASE.c.fence == bindparam("held"))
    .values(expires_at=bindparam("until"))
)

_log = logging.getLogger(__name__)


@contextmanager
def leased(engine: Engine, point_of_sale: str, clock: Clock, purpose: str) -> Iterator[int]:
    """Hold a point of sale, and give the fencing number. Raises Busy at once, naming who holds it and since when."""
    with _locked(engine, point_of_sale) as is_locked:
        holder = f"{purpose}, process {os.getpid()} on {socket.gethostname()}"
        fence = _take(engine, point_of_sale, holder, clock.now_at(), is_locked=is_locked)
        over = threading.Event()
        beat = threading.Thread(
            target=_keep, args=(engine, point_of_sale, fence, clock, over), name="lease", daemon=True
        )
        beat.start()
        try:
            yield fence
        finally:
            over.set()
            beat.join()
            # A lease that cannot be given back runs out, or falls with the lock on the file.
            with suppress(SQLAlchemyError):
                _extend(engine, point_of_sale, fence, clock.now_at(), timedelta(0))


def check_fence(connection: Connection, run_id: int) -> None:
    """Let a run's commit go on iff nobody took its point of sale over since it began. Raises LeaseLost."""
    row = connection.execute(_HELD, {"run_id": run_id}).first()
    if row is not None and row.fence is not None and row.fence != row.now:
        raise LeaseLost(
            f"{row.point_of_sale} was taken over by {row.holder} while this run stood still; what it had not "
            "finished is planned again."
        )


def check_lease(connection: Connection, point_of_sale: str, fence: int) -> None:
    """Let a run begin iff its holder still is the holder. Raises LeaseLost."""
    row = connection.execute(_OF_POINT, {"place": point_of_sale}).first()
    if row is None or row.fence != fence:
        raise LeaseLost(f"{point_of_sale} was taken over by another run before this one began; it asks again.")


def _take(engine: Engine, point_of_sale: str, holder: str, at: datetime, *, is_locked: bool) -> int:
    mine = {"holder": holder, "locked": is_locked, "acquired_at": at, "expires_at": at + LEASE_FOR}
    with undone_by_power_failure(engine) as connection:
        row = connection.execute(_OF_POINT, {"place": point_of_sale}).first()
        if row is None:
            connection.execute(insert(LEASE).values(point_of_sale=point_of_sale, fence=1, **mine))
            return 1
        # The file of a holder that had locked it is free again: that holder is dead, or done.
        is_over = is_locked and row.locked
        if not is_over and row.expires_at > at:
            raise Busy(
                f"{point_of_sale} is being synchronised by {row.holder} since {row.acquired_at:%Y-%m-%d %H:%M:%S} UTC; "
                "run the command again once that is done, or wait for it with --wait."
            )
        fence = int(row.fence) + 1
        connection.execute(_TAKEN, {"place": point_of_sale, "to": fence, **{f"of_{k}": v for k, v in mine.items()}})
        return fence


def _keep(engine: Engine, point_of_sale: str, fence: int, clock: Clock, over: threading.Event) -> None:
    while not over.wait(_BEAT_S):
        try:
            _extend(engine, point_of_sale, fence, clock.now_at(), LEASE_FOR)
        except SQLAlchemyError as error:
            # The next beat tries again; if none gets through, the lease runs out and the fence holds.
            why = getattr(error, "orig", None) or type(error).__name__
            _log.warning("the lease of %s could not be extended now, which is tried again: %s", point_of_sale, why)


def _extend(engine: Engine, point_of_sale: str, fence: int, at: datetime, by: timedelta) -> None:
    with undone_by_power_failure(engine) as connection:
        connection.execute(_EXTENDED, {"place": point_of_sale, "held": fence, "until": at + by})


def _locked(engine: Engine, point_of_sale: str) -> AbstractContextManager[bool]:
    """Lock a point of sale for as long as this process lives; False where another one has it, or nothing can."""
    if engine.dialect.name == "postgresql":
        return _locked_by_session(engine, point_of_sale)
    return _locked_file(_lock_file(engine, point_of_sale))


@contextmanager
def _locked_by_session(engine: Engine, point_of_sale: str) -> Iterator[bool]:
    """By a lock that a server lets go once the connection ends, whatever ended it."""
    key = int.from_bytes(blake2b(point_of_sale.encode(), digest_size=8).digest(), signed=True)
    with engine.connect() as connection:
        held = connection.execution_options(isolation_level="AUTOCOMMIT")
        try:
            yield bool(held.scalar(select(func.pg_try_advisory_lock(key))))
        finally:
            # Not given back to the others: that its connection ends is what lets the lock go, whatever ended the run.
            connection.invalidate()


@contextmanager
def _locked_file(path: Path | None) -> Iterator[bool]:
    """By a file; False where there is none for it, as in memory."""
    if path is None:
        yield False
        return
    with path.open("a+", encoding="utf-8") as file:
        yield _is_locked(file)


def _is_locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_file(engine: Engine, point_of_sale: str) -> Path | None:
    database = engine.url.database
    if engine.dialect.name != "sqlite" or not database or database == ":memory:":
        return None
    name = blake2b(point_of_sale.encode(), digest_size=6).hexdigest()
    return Path(f"{database}.{name}.lock")

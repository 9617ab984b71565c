"""One run at a time for each point of sale: a locked file beside the database.

The operating system lets the lock go when its process ends, however it ends. A database that is no file (in memory, or
a server's) has no lock here.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import blake2b
from pathlib import Path

from sqlalchemy import Engine

from stocksync.errors import Busy


@contextmanager
def exclusive(engine: Engine, point_of_sale: str, at: datetime) -> Iterator[None]:
    """Hold a point of sale. Raises Busy, naming who holds it, at once: nobody waits for a run of minutes."""
    path = _lock_file(engine, point_of_sale)
    if path is None:
        yield
        return
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise Busy(
                f"{point_of_sale} is being synchronised by {file.read().strip() or 'another process'}; "
                "run the command again once that is done."
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()} since {at:%Y-%m-%d %H:%M:%S} UTC")
        file.flush()
        yield


def _lock_file(engine: Engine, point_of_sale: str) -> Path | None:
    database = engine.url.database
    if engine.dialect.name != "sqlite" or not database or database == ":memory:":
        return None
    name = blake2b(point_of_sale.encode(), digest_size=6).hexdigest()
    return Path(f"{database}.{name}.lock")

"""Deaths of the process, and disks that are full, at chosen instants.

An instant is before or after a commit, and before or after a call of a system. Whoever died does nothing more: every
later transaction and call of the same process raises again, so that no clean-up of ours runs that a real death skips.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Engine, event


class Killed(BaseException):
    """The process is gone."""


class Points:
    """The instants of one process, counted from 1.

    at: the instant at which it dies, None for none. full: the commits, counted from 1, that find the disk full;
    full_from: the first of all those that do. `names` says what each instant was.
    """

    def __init__(self, at: int | None = None, full: Collection[int] = (), full_from: int | None = None) -> None:
        self.at, self.full, self.full_from = at, full, full_from
        self.names: list[str] = []
        self.commits = 0
        self.dead = False

    def reach(self, name: str) -> None:
        """Come to an instant. Raises Killed where it is the one, and ever after."""
        self.alive()
        self.names.append(name)
        if len(self.names) == self.at:
            self.dead = True
            raise Killed(name)

    def alive(self) -> None:
        """Raise Killed iff the process is dead."""
        if self.dead:
            raise Killed("dead already")

    def disk_takes_it(self, driver: Any) -> None:
        """Raise what a database's driver raises iff the disk is full at this commit."""
        self.commits += 1
        if self.commits in self.full or (self.full_from is not None and self.commits >= self.full_from):
            raise driver.OperationalError("database or disk is full")


def arm(engine: Engine, points: Points) -> None:
    """Make every commit of an engine two instants, and every transaction need a living process."""
    dialect = engine.dialect

    def do_commit(connection: Any) -> None:
        points.reach("before a commit")
        points.disk_takes_it(dialect.loaded_dbapi)
        type(dialect).do_commit(dialect, connection)
        points.reach("after a commit")

    dialect.do_commit = do_commit  # type: ignore[method-assign]

    @event.listens_for(engine, "begin")
    def begun(_: Any) -> None:
        points.alive()

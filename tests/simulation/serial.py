"""One order for everything that the program does at once, and keys that a seed decides: the same seed, the same run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from functools import lru_cache
from math import inf
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from stocksync.adapters.store import leases, rows
from stocksync.adapters.systems import listing, rest
from stocksync.mapping.effective import MappingSet
from stocksync.mapping.load import load_files
from stocksync.sync import deciding, delivery, gather


class InOrder:
    """A pool of workers that does each piece of work as it is handed in, and then the next one."""

    def __init__(self, *_: Any, **__: Any) -> None:
        """Take what a real pool takes."""

    def __enter__(self) -> InOrder:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def submit(self, work: Callable[..., Any], *given: Any) -> Future[Any]:
        """Do it now; what it raises is the future's, a death included."""
        future: Future[Any] = Future()
        try:
            future.set_result(work(*given))
        except BaseException as error:
            future.set_exception(error)
        return future

    def map(self, work: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Do them all now, in order."""
        return iter([work(item) for item in items])


class NoBeat:
    """A thread that never starts: a lease lasts as long as the told clock says."""

    def __init__(self, **_: Any) -> None:
        """Take what a real thread takes."""

    def start(self) -> None:
        """Stand still."""

    def join(self) -> None:
        """Be done already."""


@lru_cache(maxsize=32)
def _loaded(files: tuple[tuple[str, bytes], ...]) -> MappingSet:
    return load_files(dict(files))


def _load_once(files: Mapping[str, bytes]) -> MappingSet:
    """Read mapping files, each version of them once in a process: that takes longer than a cycle."""
    return _loaded(tuple(sorted(files.items())))


@contextmanager
def one_after_the_other(chance: Random) -> Iterator[None]:
    """Let no thread, no clock and no generator of the operating system have a say."""

    def uuid4() -> SimpleNamespace:
        return SimpleNamespace(hex=f"{chance.getrandbits(128):032x}")

    # Whether pages are asked for ahead hangs on how long one was waited for: here, on the seed.
    worth_a_thread_s = -inf if chance.getrandbits(1) else inf

    with (
        patch.object(listing, "WORTH_A_THREAD_S", worth_a_thread_s),
        patch.object(gather, "ThreadPoolExecutor", InOrder),
        patch.object(delivery, "ThreadPoolExecutor", InOrder),
        patch.object(rest, "ThreadPoolExecutor", InOrder),
        patch.object(deciding, "load_files", _load_once),
        patch.object(rows, "uuid", SimpleNamespace(uuid4=uuid4)),
        patch.object(leases.threading, "Thread", NoBeat),
        patch.object(leases.os, "getpid", lambda: 1),
        patch.object(leases.socket, "gethostname", lambda: "here"),
    ):
        yield

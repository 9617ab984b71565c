"""What is measured: time, the unit that it is told in, memory at its highest, and where time goes.

Imports nothing of the program, because other tools are measured by it too.
"""

from __future__ import annotations

import cProfile
import gc
import math
import pstats
import resource
import statistics
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import orjson

_STATUS: Final = Path("/proc/self/status")
_RESET: Final = Path("/proc/self/clear_refs")
_WAITING: Final = ("acquire.*lock", "get.*SimpleQueue", r"threading\.py", "select.*epoll")
_UNIT_PAGES: Final = 40
_UNIT_FOR_S: Final = 0.000_1
_UNIT_FOR_AT_MOST_S: Final = 0.3


def since(before: dict[str, int], now: dict[str, int]) -> dict[str, int]:
    """What came on top."""
    return {name: count - before.get(name, 0) for name, count in now.items() if count != before.get(name, 0)}


class Stopwatch:
    """How long pieces of work took: on the wall, and of the processor, in all threads."""

    def __init__(self) -> None:
        self.taken_s: list[float] = []
        self.cpu_s: list[float] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        """Time one, with nothing left to clean up from before."""
        gc.collect()
        began_s, cpu_began_s = time.perf_counter(), time.process_time()
        yield
        self.taken_s.append(time.perf_counter() - began_s)
        self.cpu_s.append(time.process_time() - cpu_began_s)


def unit_s(sides: Iterable[Iterator[bytes]]) -> float:
    """The unit y: what `orjson.loads` of one side's pages takes for one record, on the mean of both sides.

    Of a large stock as many pages as settle it. The best of several goes, with nothing else to clean up: what a busy
    machine or a full memory adds is not the unit's.
    """
    return statistics.mean(
        _loads_s([page for page, _ in zip(pages, range(_UNIT_PAGES), strict=False)]) for pages in sides
    )


def _loads_s(pages: list[bytes]) -> float:
    items = sum(_items(page) for page in pages)
    best_s, left_s = math.inf, min(items * _UNIT_FOR_S, _UNIT_FOR_AT_MOST_S)
    gc.collect()
    gc.disable()
    try:
        while math.isinf(best_s) or left_s > 0:
            # The thread's own time: while others have the processor, it does not go on.
            began_s = time.thread_time()
            for page in pages:
                orjson.loads(page)
            taken_s = time.thread_time() - began_s
            best_s, left_s = min(best_s, taken_s), left_s - taken_s
    finally:
        gc.enable()
    return best_s / items


def _items(page: bytes) -> int:
    found = orjson.loads(page)
    return len(found.get("items") or found.get("vo") or ())


def forget_peak() -> None:
    """Let the highest memory be counted from now on, where the machine can."""
    with suppress(OSError):
        _RESET.write_text("5", encoding="ascii")


def peak_mb() -> float:
    """The most memory that was resident since `forget_peak`, or since the start where that does nothing."""
    return _status_mb("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def resident_mb() -> float:
    """The memory that is resident now."""
    return _status_mb("VmRSS")


def _status_mb(name: str) -> float:
    with suppress(OSError):
        for line in _STATUS.read_text(encoding="ascii").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) / 1024
    return 0.0


class Profile:
    """Where time goes, in every thread that begins meanwhile and in this one."""

    def __init__(self) -> None:
        self._profiles: list[cProfile.Profile] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        """Profile."""
        plain = threading.Thread.run
        profiles = self._profiles

        def run(thread: threading.Thread) -> None:
            profile = cProfile.Profile()
            profiles.append(profile)
            profile.enable()
            try:
                plain(thread)
            finally:
                profile.disable()

        threading.Thread.run = run
        own = cProfile.Profile()
        profiles.append(own)
        own.enable()
        try:
            yield
        finally:
            own.disable()
            threading.Thread.run = plain

    def show(self, lines: int, order: str) -> None:
        """Print what took longest, by `tottime` (its own) or `cumtime`; threads that wait for others are left out."""
        stats = self._stats()
        stats.sort_stats(order).print_stats(rf"^(?!.*({'|'.join(_WAITING)}))", lines)

    def write(self, file: Path) -> None:
        """Keep it, for `python -m pstats` or a viewer."""
        self._stats().dump_stats(file)

    def _stats(self) -> pstats.Stats:
        stats = pstats.Stats(self._profiles[0])
        for profile in self._profiles[1:]:
            profile.create_stats()
            if profile.stats:
                stats.add(profile)
        return stats

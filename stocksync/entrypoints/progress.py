"""A progress bar for people at a terminal: records read per side, then writes. On standard error only."""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING

from stocksync.reports.words import SIDE_NAMES
from stocksync.sync.watching import Nobody

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from stocksync.reports.spelling import Language
    from stocksync.stock.values import Side
    from stocksync.sync.watching import Phase

_WRITES = {"fr": "écritures", "en": "writes"}


class Bar(Nobody):
    """Watches cycles and draws; where standard error is no terminal it draws nothing."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.enabled = sys.stderr.isatty()
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._point = ""
        # Both sides are listed at once, each in a thread of its own.
        self._lock = threading.Lock()

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def clear(self) -> None:
        """Take the bar off the screen, so that something else can be printed."""
        if self._progress is not None:
            self._progress.stop()
        self._progress, self._tasks = None, {}

    def phase(self, point_of_sale: str, phase: Phase, total: int | None) -> None:
        """A phase begins."""
        self.clear()
        self._point = point_of_sale

    def advanced(self, side: Side | None, count: int, total: int | None) -> None:
        """So many records of a side are read, or one more batch is written."""
        if not self.enabled:
            return
        with self._lock:
            self._advance(side, count, total)

    def _advance(self, side: Side | None, count: int, total: int | None) -> None:
        progress = self._shown()
        name = _WRITES[self.language] if side is None else SIDE_NAMES[self.language][side]
        task = self._tasks.get(name)
        if task is None:
            task = self._tasks.setdefault(name, progress.add_task(f"{self._point} {name}", total=total))
        if side is None:
            progress.update(task, advance=count)
        else:
            progress.update(task, completed=count, total=total)

    def _shown(self) -> Progress:
        if self._progress is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
            self._progress.start()
        return self._progress

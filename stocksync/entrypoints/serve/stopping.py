"""Signals, and an end in time: SIGTERM and SIGINT ask for the end, a second one does not wait; SIGHUP is ignored."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final

from stocksync.entrypoints import exit_codes
from stocksync.entrypoints.serve.service import Service

STOP_S: Final = 25.0
"""For what runs when the end is asked for: less than the 30 seconds that supervisors usually give."""

_ENDING: Final = (signal.SIGTERM, signal.SIGINT)


class Signals:
    """Holds signals back from this thread, and from every thread that it begins, for somebody to wait for them.

    A handler would run in the middle of whatever the main thread does, and could not take a lock that is held there.
    """

    def __enter__(self) -> Signals:
        self._before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        self._hup_before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGHUP, self._hup_before)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._before)

    def wait(self) -> None:
        """Wait until the end is asked for."""
        signal.sigwait(_ENDING)

    def came_again(self) -> bool:
        """Tell whether the end was asked for once more."""
        return signal.sigtimedwait(_ENDING, 0) is not None


def end_in_time(service: Service, signals: Signals, say: Callable[[str], None], until_s: float) -> int:
    """Let what runs come to its end, and give the exit code; ends the process itself where that takes too long.

    say: prints the sentence of this name. until_s: on the monotonic clock.
    """
    while not service.join(0.2):
        if signals.came_again():
            say("at_once")
            os._exit(exit_codes.INTERRUPTED)
        if time.monotonic() > until_s:
            say("too_long")
            os._exit(exit_codes.UNFINISHED)
    say("stopped")
    return exit_codes.DONE

"""What is looked at again and again while the service runs, in a thread of its own: a mail that hangs stops no run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from stocksync.entrypoints.serve.turns import sheltered

A_MINUTE_S: Final = 60.0


class Regularly(threading.Thread):
    """Calls `look` every so often until `stopping` is set; its faults are logged and stop nothing."""

    def __init__(self, about: str, look: Callable[[], None], stopping: threading.Event, every_s: float) -> None:
        super().__init__(name=about.replace(" ", "-"), daemon=True)
        self._about, self._look, self._stopping, self._every_s = about, look, stopping, every_s

    def run(self) -> None:
        """Look until the end is asked for."""
        while not self._stopping.wait(self._every_s):
            sheltered(self._look, self._about)

"""What looks at how things stand every minute, in a thread of its own: a mail that hangs holds up no run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from stocksync.entrypoints.serve.turns import sheltered

EVERY_S: Final = 60.0


class Minute(threading.Thread):
    """Calls `look` every minute until `stopping` is set; its faults are logged and stop nothing."""

    def __init__(self, look: Callable[[], None], stopping: threading.Event, every_s: float = EVERY_S) -> None:
        super().__init__(name="minute", daemon=True)
        self._look, self._stopping, self._every_s = look, stopping, every_s

    def run(self) -> None:
        """Look until the end is asked for."""
        while not self._stopping.wait(self._every_s):
            sheltered(self._look, "alerts")

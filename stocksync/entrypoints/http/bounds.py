"""What keeps callers within bounds: how often they may come, what was seen already, what need not be read again."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

T = TypeVar("T")

Monotonic = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, and so many a second in the long run."""

    burst: int
    per_s: float

    def most_within(self, seconds_s: float) -> int:
        """How many can come in so many seconds, at most."""
        return int(self.burst + self.per_s * seconds_s) + 1


class Allowance:
    """Spends a rate; of one thread."""

    def __init__(self, rate: Rate, monotonic_s: Monotonic = time.monotonic) -> None:
        self._rate, self._monotonic_s = rate, monotonic_s
        self._left, self._at_s = float(rate.burst), monotonic_s()

    def take(self) -> bool:
        """Tell whether one more may come, and count it iff so."""
        now_s = self._monotonic_s()
        self._left = min(self._rate.burst, self._left + (now_s - self._at_s) * self._rate.per_s)
        self._at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Seen:
    """What came within the last `for_s` seconds, never more than `most` of them; of one thread."""

    def __init__(self, for_s: float, most: int) -> None:
        self.for_s: Final = for_s
        self.most: Final = most
        self._held: set[bytes] = set()
        self._in_order: deque[tuple[float, bytes]] = deque()

    def __len__(self) -> int:
        return len(self._in_order)

    def knows(self, token: bytes) -> bool:
        """Tell whether this came already."""
        return token in self._held

    def has_room(self, now_s: float) -> bool:
        """Forget what is old, and tell whether one more can be kept."""
        while self._in_order and self._in_order[0][0] + self.for_s < now_s:
            self._held.discard(self._in_order.popleft()[1])
        return len(self._in_order) < self.most

    def keep(self, token: bytes, now_s: float) -> None:
        """Remember one that is not known; there must be room."""
        self._held.add(token)
        self._in_order.append((now_s, token))


class Remembered(Generic[T]):
    """A reading that is kept for a while, so that asking often costs nothing; of any thread."""

    def __init__(self, read: Callable[[], T], for_s: float, monotonic_s: Monotonic = time.monotonic) -> None:
        self._read, self._for_s, self._monotonic_s = read, for_s, monotonic_s
        self._lock = threading.Lock()
        self._value: tuple[float, T] | None = None

    def get(self) -> T:
        """Give the last reading while it is young, else read; whoever comes meanwhile waits for that one reading.

        Raises what the reading raises, which is not kept.
        """
        with self._lock:
            if self._value is None or self._monotonic_s() - self._value[0] >= self._for_s:
                value = self._read()
                self._value = (self._monotonic_s(), value)
            return self._value[1]

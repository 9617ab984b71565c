"""What one process is to measure, as its parent hands it over."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.cars import Layout

Around = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Order:
    """One workload at one size.

    folder: for what is made, with the stock and, once there was a first contact, the database of it, which nobody
    changes. around: what goes around every run that is measured, such as a profile.
    """

    workload: str
    cars: int
    points: int
    runs: int
    folder: Path
    around: Around = field(default=nullcontext, compare=False)

    @property
    def layout(self) -> Layout:
        """The stock."""
        return Layout(self.folder / f"stock-{self.cars}-{self.points}", self.cars, self.points)

    @property
    def agreed(self) -> Path:
        """The database of the stock after first contact."""
        return self.folder / f"agreed-{self.cars}-{self.points}.db"

    @property
    def conflicts(self) -> Path:
        """The database of the stock after a first contact that left every car to a person."""
        return self.folder / f"conflicts-{self.cars}-{self.points}.db"

"""A clock whose pauses take no time and are written down."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass
class PaperClock:
    """Stands still but for its pauses; `pauses_s` is every one of them."""

    at: datetime = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
    pauses_s: list[float] = field(default_factory=list)

    def now_at(self) -> datetime:
        """The present instant."""
        return self.at

    def pause(self, seconds_s: float) -> None:
        """Go on at once, later."""
        self.pauses_s.append(seconds_s)
        self.at += timedelta(seconds=seconds_s)

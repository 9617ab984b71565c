"""What comes out of a workload, and how it is shown: rows with a ratio, the goal it is held against, counts."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

OURS: Final = "stocksync"


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to be reached; None where nothing is said. ratio_at_least: the one ratio of which more is better."""

    ratio: float | None = None
    ratio_at_least: float | None = None
    s: float | None = None
    mb: float | None = None

    def __str__(self) -> str:
        said = [
            f"≤ {self.ratio:g}" if self.ratio is not None else "",
            f"≥ {self.ratio_at_least:g}" if self.ratio_at_least is not None else "",
            f"≤ {self.s:g} s" if self.s is not None else "",
            f"≤ {self.mb:g} MB" if self.mb is not None else "",
        ]
        return ", ".join(filter(None, said))


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement.

    taken_s: of every run; cpu_s: of that, what the processor worked for us, in all threads. unit_s: of every run, what
    its time is divided by; per: how many of them there are, such as cars; of: what the unit is. ratio_told,
    cpu_ratio_told: where it is no such division. y_us: the unit y, where it was measured.
    """

    workload: str
    what: str
    cars: int
    taken_s: Sequence[float]
    unit_s: Sequence[float] = ()
    cpu_s: Sequence[float] = ()
    per: int = 1
    of: str = ""
    ratio_told: float | None = None
    cpu_ratio_told: float | None = None
    y_us: float | None = None
    resident_mb: float | None = None
    peak_mb: float | None = None
    goal: Goal = Goal()
    counts: Mapping[str, Any] = field(default_factory=dict)
    who: str = OURS

    @property
    def median_s(self) -> float:
        """The middle one of all runs."""
        return statistics.median(self.taken_s)

    @property
    def ratio(self) -> float | None:
        """The middle one of the runs' ratios."""
        return self.ratio_told if self.ratio_told is not None else self._ratio(self.taken_s)

    @property
    def cpu_ratio(self) -> float | None:
        """The same of the processor's time, which a busy machine hardly changes."""
        return self.cpu_ratio_told if self.cpu_ratio_told is not None else self._ratio(self.cpu_s)

    def _ratio(self, taken_s: Sequence[float]) -> float | None:
        if not self.unit_s or not taken_s:
            return None
        return statistics.median(one_s / self.per / unit_s for one_s, unit_s in zip(taken_s, self.unit_s, strict=True))

    @property
    def is_reached(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        goal, ratio = self.goal, self.ratio
        held = [
            ratio <= goal.ratio if goal.ratio is not None and ratio is not None else None,
            ratio >= goal.ratio_at_least if goal.ratio_at_least is not None and ratio is not None else None,
            self.median_s <= goal.s if goal.s is not None else None,
            self.peak_mb <= goal.mb if goal.mb is not None and self.peak_mb is not None else None,
        ]
        asked = [one for one in held if one is not None]
        return all(asked) if asked else None

    def as_json(self) -> dict[str, Any]:
        """The row for a machine."""
        return {
            "workload": self.workload,
            "what": self.what,
            "who": self.who,
            "cars": self.cars,
            "runs": len(self.taken_s),
            "median_s": self.median_s,
            "all_s": list(self.taken_s),
            "ratio": self.ratio,
            "cpu_ratio": self.cpu_ratio,
            "ratio_of": self.of,
            "y_us": self.y_us,
            "resident_mb": self.resident_mb,
            "peak_mb": self.peak_mb,
            "goal": str(self.goal),
            "reached": self.is_reached,
            "counts": dict(self.counts),
        }


_HEADINGS: Final = ("", "What", "Who", "Cars", "Median", "Ratio", "(CPU)", "of", "Peak MB", "Goal", "Reached", "Counts")


def table(rows: Iterable[Mapping[str, Any]], *, markdown: bool = False) -> str:
    """The rows, as `as_json` gives them, for people."""
    cells = [_HEADINGS, *(_cells(row) for row in rows)]
    if markdown:
        lines = ["| " + " | ".join(line) + " |" for line in cells]
        lines.insert(1, "|" + "---|" * len(_HEADINGS))
        return "\n".join(lines)
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    counts = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in row["counts"].items())
    return (
        row["workload"],
        row["what"],
        row["who"],
        f"{row['cars']:,}",
        _seconds(row["median_s"]),
        f"{row['ratio']:.3g}" if row["ratio"] is not None else "",
        f"{row['cpu_ratio']:.3g}" if row["cpu_ratio"] is not None else "",
        row["ratio_of"],
        f"{row['peak_mb']:.0f}" if row["peak_mb"] is not None else "",
        row["goal"],
        {True: "yes", False: "no", None: ""}[row["reached"]],
        counts,
    )


def _seconds(seconds_s: float) -> str:
    return f"{seconds_s * 1000:.3g} ms" if seconds_s < 1 else f"{seconds_s:.3g} s"

"""What a running service weighs and how far behind it is, taken again and again; and whether that stays bounded."""

from __future__ import annotations

import os
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.fire.ends import Scene

HEADINGS = "   at_s  rss_mb threads files  db_mb  lag_p95_s lag_max_s backlog  runs  delivered  faults"


@dataclass(frozen=True, slots=True)
class Sample:
    """One look. lag: since the last run that was done began, over the points of sale. calm: no fault for a while."""

    at_s: float
    rss_kb: int
    threads: int
    files: int
    database_kb: int
    lag_p95_s: float
    lag_max_s: float
    backlog: int
    runs: dict[str, int]
    writes: dict[str, int]
    faults: str
    is_calm: bool

    def __str__(self) -> str:
        return (
            f"{self.at_s:7.0f} {self.rss_kb / 1024:7.1f} {self.threads:7} {self.files:5} "
            f"{self.database_kb / 1024:6.1f} {self.lag_p95_s:10.1f} {self.lag_max_s:9.1f} {self.backlog:7} "
            f"{sum(self.runs.values()):5} {self.writes.get('delivered', 0):10}  {self.faults or 'none'}"
        )


def take(scene: Scene, process: int, begun_s: float, faults: str, *, is_calm: bool) -> Sample:
    """Look at a process and its database."""
    rss_kb, threads = _status(process)
    lags = sorted(_lags_s(scene)) or [0.0]
    waiting = scene.rows("SELECT count(*) FROM outbox WHERE status IN ('pending', 'claimed')")[0][0]
    return Sample(
        time.monotonic() - begun_s,
        rss_kb,
        threads,
        len(os.listdir(f"/proc/{process}/fd")),
        sum(file.stat().st_size for file in scene.database.parent.glob(f"{scene.database.name}*")) // 1024,
        lags[min(int(len(lags) * 0.95), len(lags) - 1)],
        lags[-1],
        waiting,
        _counts(scene, "run"),
        _counts(scene, "outbox"),
        faults,
        is_calm,
    )


def unbounded(samples: Sequence[Sample], every_s: float) -> list[str]:
    """What grew or fell behind without end."""
    wrong = []
    third = len(samples) // 3
    if third >= 3:
        middle, last = (statistics.median(s.rss_kb for s in part) for part in (samples[third:-third], samples[-third:]))
        if last > middle * 1.1:
            wrong.append(f"memory grew from {middle / 1024:.1f} MB to {last / 1024:.1f} MB")
    calm = [sample.lag_p95_s for sample in samples if sample.is_calm]
    late = sum(lag_s > 3 * every_s for lag_s in calm)
    if late * 20 > len(calm):
        wrong.append(f"{late} of {len(calm)} looks without a fault found a lag over {3 * every_s:g} s")
    return wrong


def figures(samples: Sequence[Sample]) -> list[dict[str, object]]:
    """The samples for a file."""
    return [asdict(sample) for sample in samples]


def _status(process: int) -> tuple[int, int]:
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    said = {name: value.split()[0] for name, _, value in (line.partition(":") for line in lines) if value.strip()}
    return int(said.get("VmRSS", "0")), int(said.get("Threads", "0"))


def _lags_s(scene: Scene) -> list[float]:
    now = datetime.now(UTC).replace(tzinfo=None)
    newest = "SELECT max(started_at) FROM run WHERE status = 'done' GROUP BY point_of_sale"
    return [(now - datetime.fromisoformat(at)).total_seconds() for (at,) in scene.rows(newest)]


def _counts(scene: Scene, table: str) -> dict[str, int]:
    return dict(Counter({status: n for status, n in scene.rows(f"SELECT status, count(*) FROM {table} GROUP BY 1")}))

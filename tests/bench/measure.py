"""One workload in a process of its own: `python -m tests.bench.measure ORDER` prints its rows as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Final

from tests.bench import commands, cycles, delta, previewing, sandboxed
from tests.bench.cars import write_stock
from tests.bench.figures import Row
from tests.bench.measuring import Profile
from tests.bench.order import Order

_LINES: Final = 40


def write(order: Order) -> list[Row]:
    """The stock alone."""
    if not order.layout.records("dms").exists():
        write_stock(order.layout.folder, order.cars, order.points)
    return []


WORKLOADS: Final[Mapping[str, Callable[[Order], list[Row]]]] = {
    "stock": write,
    "agreed": cycles.prepare,
    "a": cycles.quiet,
    "a-files": cycles.quiet_from_files,
    "b": cycles.changed,
    "b-files": cycles.changed_from_files,
    "c": cycles.first_contact,
    "d": delta.delta,
    "e": sandboxed.over_http,
    "conflicts": commands.conflicts,
    "f": commands.report,
    "g": commands.start_up,
    "h": previewing.preview_of_an_edit,
}


def main() -> None:
    """Measure what the first argument orders; a profile goes to the error output."""
    said = json.loads(sys.argv[1])
    by = said.pop("profile", "")
    profile = Profile() if by else None
    order = Order(**{**said, "folder": Path(said["folder"])}, around=profile.running if profile else nullcontext)
    rows = WORKLOADS[order.workload](order)
    if profile is not None:
        with redirect_stdout(sys.stderr):
            profile.show(_LINES, by)
    print(json.dumps([row.as_json() for row in rows]))


if __name__ == "__main__":
    main()

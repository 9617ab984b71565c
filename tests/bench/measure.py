"""One workload in a process of its own: `python -m tests.bench.measure ORDER` prints its rows as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import nullcontext, redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import Final

from stocksync.entrypoints.process import leave_out_commands_of_httpx
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


WORKLOADS: Final = {
    "stock": "measure.write",
    "agreed": "cycles.prepare",
    "a": "cycles.quiet",
    "a-files": "cycles.quiet_from_files",
    "b": "cycles.changed",
    "b-files": "cycles.changed_from_files",
    "c": "cycles.first_contact",
    "d": "delta.delta",
    "e": "sandboxed.over_http",
    "conflicts": "commands.conflicts",
    "f": "commands.report",
    "g": "commands.start_up",
    "h": "previewing.preview_of_an_edit",
}
"""By their names, and imported one by one: what others need would be in the memory that is measured."""


def main() -> None:
    """Measure what the first argument orders; a profile goes to the error output."""
    said = json.loads(sys.argv[1])
    by = said.pop("profile", "")
    profile = Profile() if by else None
    order = Order(**{**said, "folder": Path(said["folder"])}, around=profile.running if profile else nullcontext)
    leave_out_commands_of_httpx()
    module, _, name = WORKLOADS[order.workload].partition(".")
    measured: Callable[[Order], list[Row]] = getattr(import_module(f"tests.bench.{module}"), name)
    rows = measured(order)
    if profile is not None:
        with redirect_stdout(sys.stderr):
            profile.show(_LINES, by)
    print(json.dumps([row.as_json() for row in rows]))


if __name__ == "__main__":
    main()

"""Workloads that are whole commands: (g) their start, (f) the conflict report of a stock, out and in again."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from stocksync.stock.values import Side
from stocksync.sync.recording import RunKind
from tests.bench import spawned
from tests.bench.edits import turn_vat_over
from tests.bench.figures import Goal, Row
from tests.bench.ground import (
    BenchClock,
    Ground,
    bench_mappings,
    copied_database,
    forget_database,
    opened,
    write_mappings,
)
from tests.bench.order import Order
from tests.bench.wire import Wire

_PROGRAM: Final = ("-m", "stocksync.entrypoints.cli")
_TAKEN: Final = "dms"


def start_up(order: Order) -> list[Row]:
    """(g): what is waited for before anything is done; a quick sync with nothing to do is the least that one does."""
    database = copied_database(order.agreed, order.folder / "g.db")
    mappings = write_mappings(order.folder / "mappings", order.points)
    known = (f"--mappings={mappings}", f"--database=sqlite:///{database}")
    with Wire(order.layout) as wire:
        with opened(bench_mappings(order.points), database, BenchClock(), wire.environment) as workplace:
            workplace.run(RunKind.DELTA)
        return [
            _command(order, "stocksync --help", ["--help"], Goal(s=0.35)),
            _command(order, "stocksync status", [*known, "status"], Goal(s=0.35)),
            _command(order, "stocksync sync --quick, idle", [*known, "sync", "--quick"], Goal(), wire.environment),
        ]


def report(order: Order) -> list[Row]:
    """(f): the report of a stock in which every car is one, to a file, and back with a decision in every row."""
    return [*_report(order, "csv"), *_report(order, "xlsx")]


def _report(order: Order, kind: str) -> list[Row]:
    database = order.folder / "f.db"
    mappings = write_mappings(order.folder / "mappings", order.points)
    known = (f"--mappings={mappings}", f"--database=sqlite:///{database}", "--lang=en", "conflicts")
    out, back = order.folder / f"conflicts.{kind}", order.folder / f"decided.{kind}"
    outs, ins, rows = [], [], 0
    for _ in range(order.runs):
        copied_database(order.conflicts, database)
        out.unlink(missing_ok=True)
        outs.append(_run([*known, "export", "--flat", str(out)]))
        rows = decided(out, back)
        ins.append(_run([*known, "import", "--by=bench", str(back)]))
    goal = Goal(s=10, mb=300) if kind == "csv" else Goal()
    return [
        _row(order, f"conflict report out, {kind}", outs, goal, {"rows": rows}),
        _row(order, f"conflict report in, {kind}, a decision in every row", ins, goal, {"rows": rows}),
    ]


def conflicts(order: Order) -> list[Row]:
    """The database of a stock in which every car waits for a person; what (f) begins with."""
    if order.conflicts.exists():
        return []
    ground = Ground(order.layout, in_memory=False)
    for index in range(order.cars):
        ground.servers[Side.DMS].change(index, turn_vat_over)
    fresh = forget_database(order.folder / "conflicts-new.db")
    with ground.opened(fresh) as workplace:
        workplace.run()
    copied_database(fresh, order.conflicts)
    return []


def decided(out: Path, back: Path) -> int:
    """Decide every row, as a person would in a spreadsheet; return how many there were."""
    if out.suffix == ".xlsx":
        return _decided_in_workbook(out, back)
    with out.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file, delimiter=";"))
    place = _decision_column(rows[0])
    for row in rows[1:]:
        row[place] = _TAKEN
    with back.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, delimiter=";").writerows(rows)
    return len(rows) - 1


def _decided_in_workbook(out: Path, back: Path) -> int:
    import openpyxl

    book = openpyxl.load_workbook(out)
    sheet = book.worksheets[0]
    place = _decision_column([str(cell.value) for cell in sheet[1]])
    for row in sheet.iter_rows(min_row=2):
        row[place].value = _TAKEN
    book.save(back)
    return int(sheet.max_row) - 1


def _decision_column(headings: Sequence[str]) -> int:
    return next(place for place, name in enumerate(headings) if name.startswith("Decision ("))


def _command(
    order: Order, what: str, arguments: Sequence[str], goal: Goal, environment: Mapping[str, str] | None = None
) -> Row:
    _run(arguments, environment)
    taken = [_run(arguments, environment) for _ in range(max(order.runs, 3))]
    return _row(order, what, taken, goal, {})


def _row(order: Order, what: str, taken: Sequence[tuple[float, float]], goal: Goal, counts: Mapping[str, int]) -> Row:
    peak_mb = max(mb for _, mb in taken)
    return Row(order.workload, what, order.cars, [s for s, _ in taken], peak_mb=peak_mb, goal=goal, counts=counts)


def _run(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> tuple[float, float]:
    """Seconds and megabytes of one command that ends well. Raises RuntimeError for any other."""
    command = [sys.executable, "-I", "-S", spawned.__file__, sys.executable, *_PROGRAM, *arguments]
    done = subprocess.run(command, env={**os.environ, **(environment or {})}, capture_output=True, text=True)
    taken_s, peak_mb, code = json.loads(done.stdout)
    if code != 0:
        raise RuntimeError(f"{' '.join(arguments)} ended with {code}: {done.stderr[-2000:]}")
    return taken_s, peak_mb

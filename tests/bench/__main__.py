"""`scripts/bench`: every workload in a process of its own, one after the other, and a table of what came out."""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.bench.figures import table
from tests.bench.peering import install, is_installed, peers_of

NAMES: Final = {
    "a": "complete cycle over an unchanged stock, pages in memory",
    "a-files": "the same, pages streamed from files",
    "b": "complete cycle with 1 % changed on each side and 0.2 % in conflict, pages in memory",
    "b-files": "the same, pages streamed from files",
    "c": "first contact",
    "d": "quick cycle with 0 and 100 changes",
    "e": "over HTTP from both sandbox servers, with 1 % changes delivered",
    "f": "conflict report out and in, as many rows as cars",
    "g": "start-up of --help, status and an idle sync",
    "h": "preview of a mapping edit",
}
_NEEDS_AGREED: Final = ("a", "a-files", "b", "b-files", "d", "e", "g", "h")
_QUICK: Final = ("c", "a", "a-files", "b", "b-files", "d", "g", "h")
_QUICK_CARS: Final = 500
_CARS: Final = 10_000
_RUNS: Final = ((20_000, 5), (200_000, 3), (10**9, 1))
"""Up to so many cars so many runs, where nobody says how many."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for; see `--help`."""

    only: tuple[str, ...]
    cars: tuple[int, ...]
    points: int
    runs: int | None
    profile: bool
    order: str
    peers: bool

    def runs_at(self, cars: int) -> int:
        """How often each workload is measured."""
        if self.profile:
            return 1
        return self.runs or next(runs for most, runs in _RUNS if cars <= most)


def main() -> int:
    """Measure and print."""
    parser = _parser()
    said = parser.parse_args()
    if said.peers:
        install()
        if not (said.only or said.cars or said.quick):
            return 0
    asked = _asked(said, parser)
    with tempfile.TemporaryDirectory(prefix="stocksync-bench-") as temporary:
        folder = said.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        began_s = time.monotonic()
        rows = []
        for row in measured(asked, folder):
            rows.append(row)
            print(f"{time.monotonic() - began_s:6.0f} s  {row['workload']}  {row['what']}", file=sys.stderr, flush=True)
    if said.json:
        print(json.dumps({"machine": machine(), "rows": rows}, indent=2))
    else:
        print(f"{machine()}\n\n{table(rows, markdown=said.markdown)}")
    return 0


def measured(asked: Asked, folder: Path) -> Iterator[dict[str, Any]]:
    """Every row that is asked for, as soon as it is there."""
    for cars in asked.cars:
        order = {"cars": cars, "points": asked.points, "runs": asked.runs_at(cars), "folder": str(folder)}
        _measure(order | {"workload": "stock"})
        # First contact leaves the database that the others begin with.
        for name in sorted(asked.only, key=lambda name: name != "c"):
            if name in _NEEDS_AGREED:
                _measure(order | {"workload": "agreed"})
            if name == "f":
                _measure(order | {"workload": "conflicts"})
            profiled = {"profile": asked.order} if asked.profile else {}
            yield from _measure(order | {"workload": name} | profiled)
            if asked.peers:
                yield from peers_of(order | {"workload": name})


def machine() -> str:
    """Where and when, for whoever reads the figures later."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    memory_kb = int(Path("/proc/meminfo").read_text(encoding="ascii").split()[1])
    # Ends with -dirty where files differ from it.
    asked = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    revision = subprocess.run(asked, capture_output=True, text=True).stdout.strip()
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, revision {revision or 'unknown'}, Python {platform.python_version()}, "
        f"{len(models)} x {models[0] if models else platform.machine()}, {memory_kb / 1024**2:.0f} GB, "
        f"{platform.system()} {platform.release()}"
    )


def _measure(order: dict[str, Any]) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.bench.measure", json.dumps(order)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"workload {order['workload']} at {order['cars']:,} cars broke off")
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def _asked(said: argparse.Namespace, parser: argparse.ArgumentParser) -> Asked:
    only = tuple((said.profile or said.only or "").split(",")) if said.profile or said.only else ()
    unknown = [name for name in only if name not in NAMES]
    if unknown:
        parser.error(f"there is no workload {', '.join(unknown)}; there are {', '.join(NAMES)}")
    return Asked(
        only or (_QUICK if said.quick else tuple(NAMES)),
        _numbers(said.cars, parser) or ((_QUICK_CARS,) if said.quick else (_CARS,)),
        said.points_of_sale,
        said.runs or (1 if said.quick else None),
        said.profile is not None,
        said.order,
        said.peers and is_installed(),
    )


def _numbers(text: str | None, parser: argparse.ArgumentParser) -> tuple[int, ...]:
    try:
        numbers = tuple(int(part.replace("_", "")) for part in (text or "").split(",") if part)
    except ValueError:
        parser.error(f"--cars takes numbers with commas between them, not {text!r}")
    if any(number < 100 for number in numbers):
        parser.error("a stock has 100 cars at least")
    return numbers


def _parser() -> argparse.ArgumentParser:
    workloads = "\n".join(f"  {name:8} {what}" for name, what in NAMES.items())
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measure how fast stocksync is, in units of what orjson.loads takes for the same pages.",
        epilog=f"workloads:\n{workloads}\n\nHow to read the figures: docs/performance.md.",
    )
    parser.add_argument("--only", metavar="A,B", help="only these workloads")
    parser.add_argument("--cars", metavar="N,M", help=f"sizes of the stock [{_CARS}]; 100000 and more take their time")
    parser.add_argument("--points-of-sale", type=int, default=1, metavar="N", help="share them out over so many [1]")
    parser.add_argument(
        "--runs", type=int, metavar="N", help="runs of each, of which the middle one counts [5, 3 or 1]"
    )
    parser.add_argument("--quick", action="store_true", help=f"{_QUICK_CARS} cars, one run, without e and f")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--markdown", action="store_true", help="the table as docs/performance.md has it")
    parser.add_argument(
        "--profile",
        nargs="?",
        const="",
        metavar="A",
        help="this workload once, with the functions that took longest, on the error output",
    )
    parser.add_argument(
        "--order", choices=("tottime", "cumtime"), default="tottime", help="of a profile: own time, or with callees"
    )
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="make stock and databases there and leave them for the next time"
    )
    parser.add_argument("--peers", action="store_true", help="install other tools apart, and measure them as well")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""Other tools, measured beside ours: installed apart, each run a process of theirs. See `peers`."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any, Final

_ROOT: Final = Path(__file__).parents[2]
_PINS: Final = Path(__file__).parent / "peers.txt"
_HOME: Final = _ROOT / "build" / "bench-peers"
_STAMP: Final = _HOME / "installed"
_ALL: Final = ("json_and_dicts", "datacompy_compare", "diffsync_sync", "infrahub_sync_sync")
_OF: Final = {"a": _ALL, "b": _ALL}
"""Which of them can do what at all: none keeps a state, asks for changes alone or has a report that comes back."""


def install() -> None:
    """Install what peers.txt pins, unless it is there."""
    if is_installed():
        return
    venv.EnvBuilder(with_pip=True, clear=True).create(_HOME)
    pip = [str(_python()), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    subprocess.run([*pip, "-r", str(_PINS)], check=True)
    _STAMP.write_text(_wanted(), encoding="ascii")


def is_installed() -> bool:
    """Whether they are there, as pinned."""
    return _STAMP.is_file() and _STAMP.read_text(encoding="ascii") == _wanted()


def peers_of(order: dict[str, Any]) -> list[dict[str, Any]]:
    """What the peers of a workload take for it; those that break off are named on the error output."""
    rows = []
    peers = _OF.get(order["workload"], ())
    said = json.dumps({**order, **_edited_pages(order)}) if peers else ""
    for name in peers:
        command = [str(_python()), "-m", f"tests.bench.peers.{name}", said]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT)
        if done.returncode:
            print(f"{name} broke off at {order['cars']:,} cars", file=sys.stderr)
            continue
        # Some of them speak on the standard output themselves.
        rows.append(json.loads(done.stdout.splitlines()[-1]))
    return rows


def _edited_pages(order: dict[str, Any]) -> dict[str, str]:
    """The same pages before and after a workload's changes, as files that any program can read."""
    command = [sys.executable, "-m", "tests.bench.dumped", json.dumps(order)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def _python() -> Path:
    return _HOME / "bin" / "python"


def _wanted() -> str:
    return hashlib.sha256(_PINS.read_bytes()).hexdigest()

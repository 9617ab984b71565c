"""Programs that the tests run from npm: is node there, and are the packages of package-lock.json?

`scripts/test` installs them where npm is. Without them the tests that need them are skipped with a reason, or fail
where STOCKSYNC_NODE=required. Which versions, and why no newer ones: both run on node 18, which is Debian 12's.

- json-server 0.17.4 is what npm calls its latest, and writes its file before it answers. The betas of 1.0 want node 22
  from beta.4 on, give new records random texts as ids, and tell their users to expect breaking changes.
- yaml-language-server 1.25 is the last before 2.0, which wants node 22.

The lock is written without the addresses of a registry: `npm install --omit-lockfile-registry-resolved`.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
PROGRAMS = HERE / "node_modules" / ".bin"


def program(name: str, *besides: str) -> Path:
    """Where a program of npm is; besides: others of the machine that the test needs, such as curl."""
    missing = _missing(name, besides)
    if missing:
        refuse = pytest.fail if os.environ.get("STOCKSYNC_NODE") == "required" else pytest.skip
        refuse(f"{missing}: install node (18 or newer) with npm, and run `npm ci` in tests/npm")
    return PROGRAMS / name


def _missing(name: str, besides: Sequence[str]) -> str:
    for machine in ("node", *besides):
        if shutil.which(machine) is None:
            return f"no {machine} on the PATH"
    return "" if (PROGRAMS / name).exists() else f"no {name} in tests/npm"

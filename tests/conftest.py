"""What every test shares: how hard Hypothesis tries, and where the real stock files lie.

Two environment variables, both optional:

- HYPOTHESIS_PROFILE: `dev` (the default), `ci` (the default where CI=true; fixed seeds), `nightly`.
- STOCKSYNC_REAL_DATA: the folder of real stock files; by default `../shared/data` beside the checkout.

Not here: the fixtures of one kind of test, which stand in the conftest.py beside those tests.
"""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy
from hypothesis import HealthCheck, settings

from stocksync.entrypoints.process import look_for_cycles_rarely
from tests.compiled_once import compiled_once

ON_CI = os.environ.get("CI", "").lower() in {"true", "1"}
REAL_DATA = Path(os.environ.get("STOCKSYNC_REAL_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")

SHARING = frozenset({"e2e", "entrypoints", "fire", "real_data", "spreadsheet"})
"""Folders whose files prepare something costly once for all their tests."""

# Speed is no property of the code under test: a machine busy with the other tests must not fail one.
_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], stateful_step_count=50)
settings.register_profile("dev", _PATIENT, max_examples=100)
settings.register_profile("ci", _PATIENT, max_examples=600, derandomize=True, print_blob=True)
settings.register_profile("nightly", _PATIENT, max_examples=20_000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if ON_CI else "dev"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Give the folder of real stock files; skip the test where there is none, or fail it on CI."""
    if REAL_DATA.is_dir():
        return REAL_DATA
    refuse = pytest.fail if ON_CI else pytest.skip
    refuse(f"no folder of real stock files at {REAL_DATA}: set STOCKSYNC_REAL_DATA")


@pytest.fixture(scope="session", autouse=True)
def statements_are_compiled_once() -> Iterator[None]:
    """Share compiled statements between all databases of a process."""
    create_engine = sqlalchemy.create_engine
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlalchemy, "create_engine", lambda *said, **also: compiled_once(create_engine(*said, **also)))
        yield


def pytest_collection_finish() -> None:
    """Look for cycles as rarely as the program does, and never in what was there before the first test."""
    look_for_cycles_rarely()
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that ask for the real files, and keep together those that share a costly fixture.

    `-m 'not real_data'` leaves the former out. Tests of a file in one of the folders named run in one process, so that
    several processes do not each prepare the same.
    """
    for item in items:
        if item.path.parent.name in SHARING:
            item.add_marker(pytest.mark.xdist_group(item.path.name))
        if "real_data" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.real_data)

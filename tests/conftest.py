"""What every test shares: how hard Hypothesis tries, and where the real stock files lie.

Two environment variables, both optional:

- HYPOTHESIS_PROFILE: `dev` (the default), `ci` (the default where CI=true; fixed seeds), `nightly`.
- STOCKSYNC_REAL_DATA: the folder of real stock files; by default `../shared/data` beside the checkout.

Not here: the fixtures of one kind of test, which stand in the conftest.py beside those tests.
"""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ON_CI = os.environ.get("CI", "").lower() in {"true", "1"}
REAL_DATA = Path(os.environ.get("STOCKSYNC_REAL_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")

# Speed is no property of the code under test: a machine busy with the other tests must not fail one.
_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], stateful_step_count=50)
settings.register_profile("dev", _PATIENT, max_examples=100)
settings.register_profile("ci", _PATIENT, max_examples=1_000, derandomize=True, print_blob=True)
settings.register_profile("nightly", _PATIENT, max_examples=20_000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if ON_CI else "dev"))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Give the folder of real stock files; skip the test where there is none, or fail it on CI."""
    if REAL_DATA.is_dir():
        return REAL_DATA
    refuse = pytest.fail if ON_CI else pytest.skip
    refuse(f"no folder of real stock files at {REAL_DATA}: set STOCKSYNC_REAL_DATA")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that asks for the real files, so that `-m 'not real_data'` leaves it out."""
    for item in items:
        if "real_data" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.real_data)

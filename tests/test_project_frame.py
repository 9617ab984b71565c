"""The frame around the package: scripts, locks, changelog, layers, and what no file may say.

Not here: the package's own behaviour.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]
BASH = shutil.which("bash") or "bash"

SCRIPTS = sorted(path for folder in ("scripts", ".ci") for path in (ROOT / folder).iterdir() if path.is_file())
COMMANDS = [path for path in SCRIPTS if not path.name.startswith("_")]

NOT_OURS = re.compile(
    r"^(\.git|\.venv|node_modules|__pycache__|build|dist|.*\.egg-info|\..*_cache|\.hypothesis|\.idea|\.vscode)$"
)
# In pieces, or this file would be the first that says them.
FORBIDDEN = {
    "a machine path": re.compile(r"(?<![\w.}])/(?:wo" + r"rk|tm" + r"p|ro" + r"ot)\b"),
    "an index host": re.compile(r"pypi\." + r"org|pythonhosted\." + r"org", re.IGNORECASE),
    "an index setting": re.compile(r"(?:index-url|find-links)[ =\"']+" + r"(?:https?:|file:|/)"),
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def project_files() -> Iterator[Path]:
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if not NOT_OURS.match(name)]
        yield from (Path(folder, name) for name in names if not NOT_OURS.match(name))


def pins(lock: str) -> dict[str, list[str]]:
    """Read each package's locked versions: several where the lock tells Pythons apart."""
    found: dict[str, list[str]] = {}
    text = (ROOT / lock).read_text("utf-8")
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text, re.MULTILINE):
        found.setdefault(canonicalize_name(name), []).append(version)
    return found


def run(*command: object, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    # What this very run was given must not reach the run under test.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "STOCKSYNC_"))}
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**inherited, "CI": "", "HYPOTHESIS_PROFILE": "", "NO_COLOR": "1", **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


# --- scripts


def test_the_scripts_a_newcomer_is_told_of_are_there() -> None:
    assert {"scripts/test", "scripts/lock", "scripts/_venv.sh", ".ci/run"} <= {name_of(path) for path in SCRIPTS}


@pytest.mark.parametrize("script", COMMANDS, ids=name_of)
def test_a_script_can_be_started(script: Path) -> None:
    assert os.access(script, os.X_OK)
    assert script.read_text("utf-8").startswith("#!/usr/bin/env ")


@pytest.mark.parametrize("script", SCRIPTS, ids=name_of)
def test_a_shell_script_has_no_syntax_error(script: Path) -> None:
    first_line = script.read_text("utf-8").partition("\n")[0]
    if first_line.startswith("#!") and "bash" not in first_line:
        pytest.skip("not a shell script")
    checked = run(BASH, "-n", script)
    assert checked.returncode == 0, checked.stderr


def find_python(folder: Path, **fakes: str) -> subprocess.CompletedProcess[str]:
    """Ask scripts/_venv.sh for a Python where only the given ones are on the PATH."""
    for name, body in fakes.items():
        fake = folder / name.replace("_", ".")
        fake.write_text(f"#!{BASH}\n{body}\n", "utf-8")
        fake.chmod(0o755)
    return run(BASH, "-c", "source scripts/_venv.sh; find_python", PATH=str(folder))


def test_a_machine_without_python_is_told_so(tmp_path: Path) -> None:
    found = find_python(tmp_path)
    assert (found.returncode, found.stdout) == (1, "")
    assert "Python 3.11 or newer is needed" in found.stderr


def test_a_machine_with_an_old_python_only_is_told_so(tmp_path: Path) -> None:
    found = find_python(tmp_path, python3="exit 1")
    assert (found.returncode, found.stdout) == (1, "")
    assert "Python 3.11 or newer is needed" in found.stderr


def test_a_python_without_venv_is_named_with_the_package_to_install(tmp_path: Path) -> None:
    found = find_python(tmp_path, python3_11="[[ $2 != *ensurepip* ]]")
    assert (found.returncode, found.stdout) == (1, "")
    assert "apt-get install python3.11-venv" in found.stderr


def test_a_complete_python_is_taken_before_a_bare_one(tmp_path: Path) -> None:
    found = find_python(tmp_path, python3_11="[[ $2 != *ensurepip* ]]", python3_12="exit 0")
    assert (found.returncode, found.stdout.strip()) == (0, str(tmp_path / "python3.12"))


# --- what is written down


@pytest.mark.parametrize("said", FORBIDDEN)
def test_no_file_names(said: str) -> None:
    lines = [
        f"{name_of(path)}:{number}: {line.strip()[:120]}"
        for path in project_files()
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), start=1)
        if FORBIDDEN[said].search(line)
    ]
    assert lines == []


def test_the_changelog_names_the_version_of_the_package() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(rf"(?<![\w.]){re.escape(PROJECT['version'])}(?![\w.]*\d)", changelog)


# --- locks


@pytest.mark.parametrize(("lock", "extras"), [("requirements.lock", []), ("requirements-dev.lock", ["dev"])], ids=str)
def test_a_lock_pins_every_requirement_within_its_bounds(lock: str, extras: list[str]) -> None:
    locked = pins(lock)
    wanted = PROJECT["dependencies"] + [line for extra in extras for line in PROJECT["optional-dependencies"][extra]]
    missed = [
        line
        for line, requirement in ((line, Requirement(line)) for line in wanted)
        if not (versions := locked.get(canonicalize_name(requirement.name)))
        or not all(requirement.specifier.contains(version) for version in versions)
    ]
    assert missed == []


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_pin_of_a_lock_has_a_hash(lock: str) -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / lock).read_text("utf-8").strip())
    assert len(entries) > 10
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_the_development_lock_stands_for_the_runtime_one() -> None:
    development = pins("requirements-dev.lock")
    runtime = pins("requirements.lock")
    assert runtime == {name: development.get(name) for name in runtime}


# --- layers

LAYERS = {
    "stocksync": "",
    "stocksync.errors": "",
    "stocksync.stock": "",
    "stocksync.stock.lifecycle": "import transitions\nimport stocksync.errors",
    "stocksync.mapping": "import stocksync.stock",
    "stocksync.sync": "import stocksync.mapping",
    "stocksync.reports": "",
    "stocksync.reports.conflicts": "import pandas\nimport stocksync.mapping",
    "stocksync.sandbox": "import stocksync.errors",
    "stocksync.adapters": "",
    "stocksync.adapters.store": "import stocksync.sync",
    "stocksync.adapters.systems": "",
    "stocksync.adapters.systems.files": "import pandas\nimport stocksync.sync",
    "stocksync.settings": "import stocksync.errors",
    "stocksync.assembly": "import stocksync.settings\nimport stocksync.adapters.store",
    "stocksync.entrypoints": "import stocksync.assembly",
}


def lint_layers(folder: Path, **changed: str) -> subprocess.CompletedProcess[str]:
    """Check the project's own contracts on a small package of the same shape, with some modules changed."""
    for module, body in {**LAYERS, **changed}.items():
        package = folder.joinpath(*module.split("."))
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").write_text(body, "utf-8")
    shutil.copy(ROOT / "pyproject.toml", folder)
    command = "from importlinter.cli import lint_imports_command as lint; lint(['--no-cache'])"
    return run(sys.executable, "-c", command, cwd=folder)


def test_imports_that_point_inward_are_accepted(tmp_path: Path) -> None:
    linted = lint_layers(tmp_path)
    assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.mark.parametrize(
    ("module", "body", "told"),
    [
        ("stocksync.utils", "", "stocksync.utils"),
        ("stocksync.stock.values", "import stocksync.mapping", "stocksync.stock is not allowed to import"),
        ("stocksync.sync", "import stocksync.reports", "stocksync.sync is not allowed to import"),
        ("stocksync.adapters.store", "import stocksync.adapters.systems", "stocksync.adapters.store"),
        ("stocksync.sandbox.dms", "import stocksync.stock", "stocksync.sandbox is not allowed to import"),
        ("stocksync.sync.cycle", "import transitions", "stocksync.sync.cycle -> transitions"),
        ("stocksync.sync.queries", "import pandas", "stocksync.sync.queries -> pandas"),
    ],
    ids=[
        "a stray module",
        "an outward import",
        "a sibling",
        "the store importing transport",
        "the sandbox importing the stock",
        "transitions outside the lifecycle",
        "pandas outside the reports",
    ],
)
def test_a_broken_layer_is_refused(module: str, body: str, told: str, tmp_path: Path) -> None:
    linted = lint_layers(tmp_path, **{module: body})
    assert linted.returncode == 1
    assert told in linted.stdout


# --- real stock files

A_TEST_ON_REAL_FILES = "def test_reads_real_files(real_data):\n    assert real_data.is_dir()\n"


def run_on_real_data(folder: Path, *arguments: str, **env: str) -> str:
    """Run one test that asks for the real files, with the project's conftest; give pytest's closing line."""
    shutil.copy(ROOT / "tests" / "conftest.py", folder)
    (folder / "test_real.py").write_text(A_TEST_ON_REAL_FILES, "utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = real_data\n", "utf-8")
    done = run(
        sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", *arguments, cwd=folder, PYTHONPATH=str(ROOT), **env
    )
    return done.stdout.strip().rpartition("\n")[2]


def test_a_test_on_real_files_runs_where_they_are(tmp_path: Path) -> None:
    assert "1 passed" in run_on_real_data(tmp_path, STOCKSYNC_REAL_DATA=str(tmp_path))


def test_a_test_on_real_files_is_skipped_where_there_are_none(tmp_path: Path) -> None:
    assert "1 skipped" in run_on_real_data(tmp_path, STOCKSYNC_REAL_DATA=str(tmp_path / "absent"))


def test_a_test_on_real_files_fails_on_ci_where_there_are_none(tmp_path: Path) -> None:
    closing = run_on_real_data(tmp_path, STOCKSYNC_REAL_DATA=str(tmp_path / "absent"), CI="true")
    assert "1 error" in closing


def test_a_test_on_real_files_carries_its_mark(tmp_path: Path) -> None:
    closing = run_on_real_data(tmp_path, "-m", "not real_data", STOCKSYNC_REAL_DATA=str(tmp_path))
    assert "1 deselected" in closing


# --- several processes

TESTS_THAT_SHARE = """
import uuid
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def costly():
    Path(__file__).with_name(f"{uuid.uuid4()}.made").touch()


@pytest.mark.parametrize("number", range(8))
def test_asks_for_it(costly, number):
    pass
"""


def test_what_is_costly_is_prepared_once_for_all_tests_of_its_file(tmp_path: Path) -> None:
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = real_data\n", "utf-8")
    (tmp_path / "e2e").mkdir()
    (tmp_path / "e2e" / "test_shared.py").write_text(TESTS_THAT_SHARE, "utf-8")
    done = run(
        sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", cwd=tmp_path, PYTHONPATH=str(ROOT)
    )
    assert "8 passed" in done.stdout, done.stdout
    assert len(list((tmp_path / "e2e").glob("*.made"))) == 1

"""The command line as a process: how it starts, what it says of itself, how it ends when its reader goes away."""

import os
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from stocksync import __version__
from stocksync.adapters.store.engine import open_engine
from stocksync.entrypoints import exit_codes
from stocksync.entrypoints.cli import cli
from stocksync.errors import (
    AccessDenied,
    ConfigurationError,
    GuardHalted,
    IncompleteListing,
    MappingInvalid,
    StocksyncError,
    SystemUnavailable,
    UnexpectedAnswer,
    UsageError,
)

ROOT = Path(__file__).resolve().parents[2]
HEAVY = (
    *("pydantic", "sqlmodel", "sqlalchemy", "alembic", "pandas", "numpy", "openpyxl", "httpx", "paramiko", "rich"),
    *("orjson", "msgspec", "yaml", "fastapi", "starlette", "uvicorn", "apscheduler", "transitions", "structlog"),
    *("asyncio", "ssl"),
)
LOADED = f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"


def python(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=60, check=False, cwd=folder
    )


def test_asking_for_help_imports_nothing_heavy() -> None:
    script = f"import sys; from stocksync.entrypoints.cli import cli; cli(['--help'], standalone_mode=False); {LOADED}"
    done = python("-c", script)
    assert (done.returncode, done.stderr) == (0, "[]\n")
    assert "sync" in done.stdout


def test_asking_how_it_stands_imports_nothing_heavy_once_the_mapping_files_are_known(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/stocksync.db"
    open_engine(database).dispose()
    known = ["--mappings", str(ROOT / "mappings"), "--database", database, "status"]
    script = (
        "import sys; from stocksync.entrypoints.cli import cli; "
        f"cli([*{known!r}, *sys.argv[1:]], standalone_mode=False); {LOADED}; "
        "print([name for name in sys.modules if name.endswith('_commands')], file=sys.stderr)"
    )
    first = python("-c", script)
    assert "sqlalchemy" not in first.stderr
    for arguments in ([], ["--json"], ["--point-of-sale", "PDV1"]):
        again = python("-c", script, *arguments)
        assert (again.returncode, again.stderr) == (0, "[]\n[]\n")
    assert "PDV1" in first.stdout


def test_a_command_waits_for_no_other_command_s_module() -> None:
    script = (
        "import sys; from stocksync.entrypoints.cli import cli; cli(['status', '--help'], standalone_mode=False); "
        "print([name for name in sys.modules if '_command' in name], file=sys.stderr)"
    )
    done = python("-c", script)
    assert (done.returncode, done.stderr) == (0, "['stocksync.entrypoints.status_command']\n")


def test_the_service_starts_without_what_reads_workbooks() -> None:
    script = (
        "import sys, stocksync.entrypoints.serve.assembled, stocksync.entrypoints.http.app; "
        "print([name for name in ('openpyxl', 'numpy', 'pandas') if name in sys.modules])"
    )
    assert python("-c", script).stdout == "[]\n"


def test_the_version_is_the_package_s(tmp_path: Path) -> None:
    done = python("-m", "stocksync.entrypoints.cli", "--version", folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"stocksync {__version__}\n")


def test_a_reader_that_goes_away_is_not_complained_about(tmp_path: Path) -> None:
    environment = {**os.environ, "STOCKSYNC_MAPPINGS": str(ROOT / "mappings")}
    command = [sys.executable, "-m", "stocksync.entrypoints.cli", "mapping", "matrix"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == exit_codes.PIPE_CLOSED


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
@pytest.mark.parametrize("arguments", [["mapping", "matrix"], ["--help"]])
def test_a_full_disk_ends_with_1_and_a_sentence(arguments: list[str], tmp_path: Path) -> None:
    environment = {**os.environ, "STOCKSYNC_MAPPINGS": str(ROOT / "mappings")}
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "stocksync.entrypoints.cli", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
            cwd=tmp_path,
            env=environment,
        )
    assert done.returncode == exit_codes.UNFINISHED
    assert done.stderr.startswith("Nothing more can be written: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("encoding", "said"),
    [("utf-8", "12\u202f500\u00a0€ → é"), ("latin-1", "12 500\u00a0EUR -> é"), ("cp1252", "12 500\u00a0€ -> é")],
)
def test_output_is_plain_where_the_encoding_is_poor(encoding: str, said: str, tmp_path: Path) -> None:
    script = (
        "from stocksync.entrypoints import process; import click; process.prepare(); "
        "click.echo('12\\u202f500\\u00a0\\u20ac \\u2192 \\u00e9')"
    )
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, cwd=ROOT, env=environment)
    assert done.stdout.decode(encoding) == f"{said}\n"


def test_a_request_to_end_is_an_interruption() -> None:
    script = (
        "import os, signal; from stocksync.entrypoints import process; process.prepare()\n"
        "try:\n    os.kill(os.getpid(), signal.SIGTERM)\nexcept KeyboardInterrupt:\n    print('interrupted')"
    )
    done = python("-c", script)
    assert (done.returncode, done.stdout) == (0, "interrupted\n")


def test_asking_systems_needs_nothing_to_print_in_colours() -> None:
    script = (
        "import sys; from stocksync.entrypoints import process; process.prepare(); import httpx\n"
        "print([n for n in ('rich', 'pygments', 'click') if n in sys.modules], httpx.Client.__name__)"
    )
    assert python("-c", script).stdout == "[] Client\n"


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_explains_itself(name: str) -> None:
    command = cli.commands[name]
    assert command.help
    if isinstance(command, click.Group):
        assert all(sub.help for sub in command.commands.values())


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SystemUnavailable("x"), 1),
        (IncompleteListing("x"), 1),
        (UnexpectedAnswer("x"), 1),
        (UsageError("x"), 2),
        (ConfigurationError("x"), 2),
        (MappingInvalid(["x"]), 2),
        (AccessDenied("x"), 2),
        (GuardHalted("x"), 3),
    ],
    ids=lambda item: type(item).__name__ if isinstance(item, StocksyncError) else str(item),
)
def test_every_fault_has_its_exit_code(error: StocksyncError, code: int) -> None:
    assert exit_codes.of_error(error) == code


@pytest.mark.parametrize("command", [("status",), ("sync",), ("doctor",), ("db", "check"), ("journal", "verify")])
@pytest.mark.parametrize("as_flag", [True, False])
def test_no_command_prints_anything_of_a_password_that_is_not_escaped(
    command: tuple[str, ...], as_flag: bool, tmp_path: Path
) -> None:
    url = "postgresql://stocksync:p@zqw/0rd@127.0.0.1:1/stocksync"
    flag = ["--database", url] if as_flag else []
    variables = {"STOCKSYNC_MAPPINGS": str(ROOT / "mappings"), "STOCKSYNC_DATABASE_URL": None if as_flag else url}
    with chdir(tmp_path):
        done = CliRunner(env=variables).invoke(cli, [*flag, *command])
    assert done.exit_code == 2
    assert "%40" in done.output
    assert "zqw" not in done.output
    assert "0rd" not in done.output

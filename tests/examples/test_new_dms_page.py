"""docs/new-dms.md is followed to the letter: every command typed, every file written, every shown line compared.

In a new folder, with the real json-server and the sandbox. Commands of stocksync run in this process, but for those
that go on in another terminal; all others in a shell. Ports are others than the page's.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, chdir
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner

from stocksync.entrypoints.cli import cli
from stocksync.mapping.load import read_files
from tests.examples.page import Typed, Written, missing, steps_of
from tests.examples.servers import PATH, free_port, running
from tests.npm.installed import program

pytestmark = pytest.mark.xdist_group("new-dms")

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "new-dms.md"
EXAMPLE = ROOT / "mappings" / "examples" / "json-server"
STEPS = steps_of(PAGE)
_PORT = re.compile(r"(?<=127\.0\.0\.1:)\d{4}\b|(?<=port )\d{4}\b")


@dataclass
class Reader:
    """Somebody who follows the page in a folder; `wrong`: what did not go as the page says, with its line there."""

    folder: Path
    terminals: ExitStack
    wrong: list[str] = field(default_factory=list)
    ports: dict[str, str] = field(default_factory=dict)

    def follow(self, step: Typed | Written) -> None:
        if isinstance(step, Written):
            self._write(step)
        elif step.goes_on:
            self._leave_running(step)
        else:
            self._type(step)

    def _write(self, step: Written) -> None:
        file, text = self.folder / step.file, self._here(step.text)
        if step.doing == "write":
            file.write_text(text, "utf-8")
        elif step.doing == "add":
            file.write_text(file.read_text("utf-8") + text, "utf-8")
        else:
            file.write_text(self._replaced(step, file.read_text("utf-8"), text), "utf-8")

    def _replaced(self, step: Written, before: str, line: str) -> str:
        """The line with the same key at the same depth; or, where none is, the one whose value the new one keeps."""
        key, _, value = line.partition(":")
        lines = before.splitlines(keepends=True)
        found = [at for at, old in enumerate(lines) if old.startswith(f"{key}:")]
        found = found or [at for at, old in enumerate(lines) if old.partition(":")[2] == value]
        if len(found) != 1:
            self.wrong.append(f"line {step.line}: {len(found)} lines of {step.file} can become {line.strip()!r}")
            return before
        lines[found[0]] = line
        return "".join(lines)

    def _type(self, step: Typed) -> None:
        command = self._here(step.command)
        status, printed = self._stocksync(command) if command.startswith("stocksync ") else self._shell(command)
        self._compare(step, status, printed)

    def _stocksync(self, command: str) -> tuple[int, str]:
        unset: dict[str, str | None] = {name: None for name in os.environ if name.startswith("STOCKSYNC_")}
        with chdir(self.folder):
            done = CliRunner(env=unset).invoke(cli, shlex.split(command)[1:], prog_name="stocksync")
        return done.exit_code, done.output

    def _shell(self, command: str) -> tuple[int, str]:
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, capture_output=True, text=True, timeout=60, check=False
        )
        return done.returncode, done.stdout + done.stderr

    def _leave_running(self, step: Typed) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("STOCKSYNC_")}
        command = ["bash", "-c", f"exec {self._here(step.command)}"]
        terminal = self.terminals.enter_context(running(command, self.folder, {**inherited, "PATH": PATH}))
        shown = tuple(map(self._here, step.shown))
        if not terminal.wait_for(lambda printed: not missing(shown, printed)):
            self.wrong.append(f"line {step.line}: {missing(shown, terminal.printed)!r} in\n{terminal.printed}")

    def _compare(self, step: Typed, status: int, printed: str) -> None:
        where = f"line {step.line}: $ {step.command}"
        if status != step.status:
            self.wrong.append(f"{where}\nended with {status}, not {step.status}:\n{printed}")
        elif gap := missing(tuple(map(self._here, step.shown)), printed):
            self.wrong.append(f"{where}\ndid not show {gap!r}:\n{printed}")

    def _here(self, text: str) -> str:
        """With free ports in place of the page's, the same one for the same one."""

        def mine(found: re.Match[str]) -> str:
            return self.ports.setdefault(found[0], str(free_port()))

        return _PORT.sub(mine, text)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Somebody who has followed the page to its end."""
    program("json-server", "curl")
    folder = tmp_path_factory.mktemp("friday")
    with ExitStack() as terminals:
        made = Reader(folder, terminals)
        for step in STEPS:
            made.follow(step)
        yield made


def test_every_command_of_the_page_does_and_shows_what_the_page_says(reader: Reader) -> None:
    assert reader.wrong == [], "\n\n".join(reader.wrong)


def test_the_finished_example_is_what_the_page_ends_with(reader: Reader) -> None:
    """But for the first line, which names the schema of each file from where it stands."""

    def bodies(folder: Path) -> dict[str, str]:
        return {name: content.decode().partition("\n")[2] for name, content in read_files(folder).items()}

    assert bodies(EXAMPLE) == bodies(reader.folder / "mappings")


def test_the_page_has_a_mistake_a_halted_run_and_every_command_of_the_loop() -> None:
    typed = [step for step in STEPS if isinstance(step, Typed)]
    assert {0, 1, 2, 3} == {step.status for step in typed}
    said = " ; ".join(step.command for step in typed)
    for command in ("init", "doctor", "plan", "sync", "explain", "history", "serve", "status"):
        assert f"stocksync {command}" in said
    for command in ("check", "import-matrix", "unknown", "diff", "preview", "accept", "verify"):
        assert f"stocksync mapping {command}" in said


def test_a_line_that_is_shown_and_was_not_printed_is_found() -> None:
    printed = "one\ntwo 17\nthree\nfour\n"
    for shown in (
        ["one", "...", "four"],
        ["...", "two ...", "..."],
        ["one", "two 17", "three", "four"],
        ["...", "four"],
    ):
        assert missing(shown, printed) == ""
    assert missing(["one", "three", "..."], printed) == "three"
    assert missing(["...", "three", "two 17", "..."], printed) == "two 17"
    assert missing(["one", "two 17", "three"], printed) == "nothing of: four"
    assert missing(["...", "three"], printed) == "three"
    assert missing([], printed) == "nothing of: one"
    assert missing([], "") == ""

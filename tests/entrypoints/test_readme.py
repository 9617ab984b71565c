"""What the README tells people to type exists as it is typed."""

import re
import shlex
from pathlib import Path

import click
import pytest

from stocksync.entrypoints.cli import cli
from tests.mapping.editing import OWNERSHIP, Edit, loaded, shipped

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = README + (ROOT / "docs" / "unattended.md").read_text("utf-8")
TYPED = re.findall(r"^\$ (.+?)(?:\s{2,}#.*)?$", PAGES, re.MULTILINE)
STOCKSYNC = [line for line in TYPED if line.startswith("stocksync ")]
IN_TEXT = re.findall(r"`stocksync ([^`]+)`", PAGES)
PLACEHOLDERS = {"RUN": "1", "ID": "1"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files and folders that the pages speak of are there."""
    (tmp_path / "TABLE.csv").touch()
    (tmp_path / "reports").mkdir()
    monkeypatch.chdir(tmp_path)


def parse(line: str) -> None:
    """Parse a command line as the program does, without carrying it out."""
    command: click.Command = cli
    words = [PLACEHOLDERS.get(word, word) for word in shlex.split(line)]
    while True:
        context = command.make_context(command.name, list(words), resilient_parsing=False)
        if not isinstance(command, click.Group):
            return
        rest = [*context._protected_args, *context.args]
        if not rest:
            assert command.invoke_without_command
            return
        _, found, words = command.resolve_command(context, rest)
        assert found is not None
        command = found


@pytest.mark.parametrize("line", STOCKSYNC)
def test_a_command_of_the_readme_is_one_of_the_program(line: str) -> None:
    parse(line.removeprefix("stocksync "))


@pytest.mark.parametrize("line", IN_TEXT)
def test_a_command_named_in_the_readme_is_one_of_the_program(line: str) -> None:
    parse(line)


def test_the_change_of_ownership_that_the_readme_shows_is_one_word_and_passes_the_check() -> None:
    ((attribute, owner),) = re.findall(r"is one word:\n\n```yaml\n  - attribute: (\w+)\n    owner: (\w+)\n```", README)
    before = re.search(rf"  - attribute: {attribute}\n    owner: (\w+)\n", shipped()[OWNERSHIP].decode())
    assert before is not None
    assert before[1] != owner
    changed = loaded(Edit(OWNERSHIP, before[0], before[0].replace(before[1], owner)))
    assert changed.points_of_sale["PDV1"].matrix.rows[attribute].policy.owner == owner


@pytest.mark.parametrize("name", sorted({line.split()[0] for line in TYPED if line.startswith("scripts/")}))
def test_a_script_of_the_readme_is_there(name: str) -> None:
    assert (ROOT / name).is_file()


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_of_the_program_is_in_the_readme(name: str) -> None:
    assert re.search(rf"\bstocksync {name}\b", README)


def test_the_first_commands_that_a_reader_meets_are_the_two_scripts() -> None:
    assert [line.split()[0] for line in TYPED[:2]] == ["scripts/demo", "scripts/test"]

"""`stocksync init --example`: a worked example becomes a folder of mapping files of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stocksync.entrypoints.mapping_commands import init, mapping
from stocksync.errors import UsageError
from stocksync.mapping.load import load_mappings, read_files
from tests.examples.folders import EXAMPLES

NAMES = sorted(path.name for path in EXAMPLES.iterdir())


def written(directory: Path, *arguments: str) -> Result:
    return CliRunner().invoke(init, [str(directory), *arguments])


def without_first_lines(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content.partition(b"\n")[2] for name, content in files.items()}


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_written_as_it_is_and_its_editor_finds_the_schemas(name: str, tmp_path: Path) -> None:
    done = written(tmp_path, "--example", name)
    assert done.exit_code == 0, done.output
    assert "mapping check" in done.output
    files = read_files(tmp_path)
    assert without_first_lines(files) == without_first_lines(read_files(EXAMPLES / name))
    assert load_mappings(tmp_path).points_of_sale
    for file in files:
        first = (tmp_path / file).read_text("utf-8").splitlines()[0]
        schema = first.removeprefix("# yaml-language-server: $schema=")
        assert (tmp_path / file).parent.joinpath(schema).resolve().is_file(), file
        assert (tmp_path / file).parent.joinpath(schema).resolve().is_relative_to(tmp_path.resolve())
    # All that is left to do for the schemas is done: writing them anew changes nothing.
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert CliRunner().invoke(mapping, ["schema", "--write", str(tmp_path)]).exit_code == 0
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_without_a_name_no_example_is_written(tmp_path: Path) -> None:
    assert written(tmp_path).exit_code == 0
    assert not (tmp_path / "examples").exists()
    assert (tmp_path / "pairs" / "openflex-icar").is_dir()


def test_the_help_names_every_example() -> None:
    said = "".join(CliRunner().invoke(init, ["--help"]).output.split())  # lines are cut at hyphens too
    assert [name for name in NAMES if name not in said] == []


def test_a_name_that_is_none_is_answered_with_those_there_are(tmp_path: Path) -> None:
    error = written(tmp_path, "--example", "csv-foldr").exception
    assert isinstance(error, UsageError)
    assert "Did you mean csv-folder?" in str(error)
    assert all(name in str(error) for name in NAMES)
    for name in ("..", "../schema", ""):
        assert isinstance(written(tmp_path, "--example", name).exception, UsageError)
    assert list(tmp_path.iterdir()) == []


def test_an_example_never_overwrites_what_somebody_edited(tmp_path: Path) -> None:
    assert written(tmp_path, "--example", "csv-folder").exit_code == 0
    points = tmp_path / "points_of_sale.yaml"
    points.write_text("ours: true\n")
    error = written(tmp_path, "--example", "csv-folder").exception
    assert isinstance(error, UsageError)
    assert "points_of_sale.yaml" in str(error)
    assert points.read_text() == "ours: true\n"
    assert written(tmp_path, "--example", "csv-folder", "--force").exit_code == 0
    assert points.read_text() != "ours: true\n"

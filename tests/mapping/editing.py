"""The shipped mapping files, and copies of them with mistakes, as bytes by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stocksync.errors import MappingInvalid
from stocksync.mapping.effective import MappingSet
from stocksync.mapping.load import load_files, read_files
from stocksync.mapping.problems import Problem

MAPPINGS = Path(__file__).resolve().parents[2] / "mappings"
PAIR = "pairs/openflex-icar"
VEHICLE = "vehicle.yaml"
POINTS = "points_of_sale.yaml"
PAIR_FILE = f"{PAIR}/pair.yaml"
OWNERSHIP = f"{PAIR}/ownership.yaml"
LIFECYCLE = f"{PAIR}/lifecycle.yaml"
MODULE = f"{PAIR}/vehicle_module.yaml"
DMS = f"{PAIR}/dms.yaml"

Files = Mapping[str, bytes]


def shipped() -> dict[str, bytes]:
    """Read the shipped files."""
    return read_files(MAPPINGS)


@dataclass(frozen=True)
class Edit:
    """One replacement in one file; `mark` stands on the line that is then at fault."""

    file: str
    old: str
    new: str
    mark: str = ""

    def applied(self, files: Files) -> dict[str, bytes]:
        """Make the edit; the old text must be there once."""
        text = files[self.file].decode()
        assert text.count(self.old) == 1, f"{self.old!r} is in {self.file} {text.count(self.old)} times"
        return {**files, self.file: text.replace(self.old, self.new).encode()}

    def line(self, files: Files) -> int:
        """Find the line at fault in the edited files, by reading them as plain text."""
        mark = self.mark or self.new.strip().splitlines()[0]
        lines = [n for n, line in enumerate(files[self.file].decode().splitlines(), 1) if mark in line]
        assert len(lines) == 1, f"{mark!r} is on the lines {lines} of {self.file}"
        return lines[0]


def edited(*edits: Edit) -> dict[str, bytes]:
    """Make several edits to the shipped files."""
    files = shipped()
    for edit in edits:
        files = edit.applied(files)
    return files


def loaded(*edits: Edit) -> MappingSet:
    """Load the shipped files with some edits."""
    return load_files(edited(*edits))


def problems_of(files: Files) -> tuple[Problem, ...]:
    """Load files that are wrong, and give every problem."""
    try:
        load_files(files)
    except MappingInvalid as error:
        return tuple(error.problems)
    raise AssertionError("the files were accepted")


def problem_of(*edits: Edit) -> Problem:
    """Make edits that are one mistake, and give its one problem, on the line of the last of them."""
    files = edited(*edits)
    problems = problems_of(files)
    assert len(problems) == 1, "\n".join(map(str, problems))
    last = edits[-1]
    assert (problems[0].file, problems[0].line) == (last.file, last.line(files)), str(problems[0])
    return problems[0]

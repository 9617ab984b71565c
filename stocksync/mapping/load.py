"""From mapping files to a `MappingSet`: read, check against the language, check against one another, resolve.

`load_mappings` raises MappingInvalid with every problem of every file at once, or returns a mapping without
any.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from stocksync.errors import ConfigurationError, MappingInvalid

if TYPE_CHECKING:
    from stocksync.mapping.effective import MappingSet


def load_mappings(directory: Path) -> MappingSet:
    """Load the mapping files of a directory.

    Raises ConfigurationError where there is no such directory, MappingInvalid for anything wrong in the
    files.
    """
    return load_files(read_folder(directory))


def read_folder(directory: Path) -> dict[str, bytes]:
    """Read the bytes of every mapping file of a directory that must be there. Raises ConfigurationError."""
    if not directory.is_dir():
        raise ConfigurationError(
            f"There is no mapping directory {directory}; name one with --mappings or STOCKSYNC_MAPPINGS, "
            "or make one with `stocksync init DIR`."
        )
    return read_files(directory)


def read_files(directory: Path) -> dict[str, bytes]:
    """Read the bytes of every mapping file, by its name relative to the directory."""
    found = [*directory.glob("*.yaml"), *directory.glob("pairs/*/*.yaml")]
    try:
        return {path.relative_to(directory).as_posix(): path.read_bytes() for path in sorted(found)}
    except OSError as error:
        raise ConfigurationError(f"A mapping file cannot be read: {error.filename}: {error.strerror}.") from error


def load_files(files: Mapping[str, bytes]) -> MappingSet:
    """Load mapping files from their bytes. Raises MappingInvalid."""
    # Imported by what only reads the bytes: whoever knows them already need not wait for all that reads what they say.
    from stocksync.mapping import checks
    from stocksync.mapping.draft import draft_of
    from stocksync.mapping.resolve import resolve

    draft = draft_of(files)
    checks.check(draft)
    problems = draft.problems()
    if problems:
        raise MappingInvalid(problems)
    return resolve(draft, files)

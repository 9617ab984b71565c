"""From mapping files to a `MappingSet`: read, check against the language, check against one another, resolve.

`load_mappings` raises MappingInvalid with every problem of every file at once, or returns a mapping without
any.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel

from stocksync.errors import ConfigurationError, MappingInvalid
from stocksync.mapping import checks
from stocksync.mapping.draft import Draft
from stocksync.mapping.effective import MappingSet
from stocksync.mapping.models import (
    LifecycleFile,
    OwnershipFile,
    PairFile,
    PointsOfSaleFile,
    SideFile,
    VehicleFile,
)
from stocksync.mapping.resolve import resolve
from stocksync.mapping.source import Source

VEHICLE: Final = "vehicle.yaml"
POINTS_OF_SALE: Final = "points_of_sale.yaml"
PAIR_FILES: Final[Mapping[str, type[BaseModel]]] = {
    "pair.yaml": PairFile,
    "ownership.yaml": OwnershipFile,
    "lifecycle.yaml": LifecycleFile,
    "vehicle_module.yaml": SideFile,
    "dms.yaml": SideFile,
}

File = TypeVar("File", bound=BaseModel)


def load_mappings(directory: Path) -> MappingSet:
    """Load the mapping files of a directory.

    Raises ConfigurationError where there is no such directory, MappingInvalid for anything wrong in the
    files.
    """
    if not directory.is_dir():
        raise ConfigurationError(
            f"There is no mapping directory {directory}; name one with --mappings or STOCKSYNC_MAPPINGS, "
            "or make one with `stocksync init DIR`."
        )
    return load_files(read_files(directory))


def read_files(directory: Path) -> dict[str, bytes]:
    """Read the bytes of every mapping file, by its name relative to the directory."""
    found = [*directory.glob("*.yaml"), *directory.glob("pairs/*/*.yaml")]
    try:
        return {path.relative_to(directory).as_posix(): path.read_bytes() for path in sorted(found)}
    except OSError as error:
        raise ConfigurationError(f"A mapping file cannot be read: {error.filename}: {error.strerror}.") from error


def load_files(files: Mapping[str, bytes]) -> MappingSet:
    """Load mapping files from their bytes. Raises MappingInvalid."""
    draft = _draft(files)
    checks.check(draft)
    problems = draft.problems()
    if problems:
        raise MappingInvalid(problems)
    return resolve(draft, files)


def _draft(files: Mapping[str, bytes]) -> Draft:
    draft = Draft(pairs=tuple(sorted({name.split("/")[1] for name in files if name.startswith("pairs/")})))
    draft.read(VEHICLE, VehicleFile, files.get(VEHICLE))
    draft.read(POINTS_OF_SALE, PointsOfSaleFile, files.get(POINTS_OF_SALE))
    for pair in draft.pairs:
        for name, model in PAIR_FILES.items():
            path = f"pairs/{pair}/{name}"
            draft.read(path, model, files.get(path))
    for name in files:
        if name not in draft.sources:
            stray = Source(name)
            allowed = tuple(PAIR_FILES) if name.startswith("pairs/") else (VEHICLE, POINTS_OF_SALE)
            stray.report((), "no mapping file has this name", name.rsplit("/", 1)[-1], allowed=allowed)
            draft.sources[name] = stray
    return draft

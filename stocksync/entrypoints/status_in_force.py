"""Which mapping files `stocksync status` tells by: those in the folder, else those that the last runs worked by.

An edit that is not valid never comes into force, so that how things stand is still to be told by the files before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stocksync.entrypoints.status_points import ShownPoint, shown, valid_points
from stocksync.errors import MappingInvalid
from stocksync.mapping.load import load_files, read_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stocksync.adapters.store.repository import Repository
    from stocksync.mapping.effective import MappingSet
    from stocksync.mapping.problems import Problem


@dataclass(frozen=True, slots=True)
class InForce:
    """The mapping files that runs work by, as far as how things stand is told by them.

    problems: what is wrong with those in the folder; nothing iff they are the ones in force. versions: by point of
    sale, the version of its last run, where the folder's are not. edited_at: when the file of the first problem was
    last written, None where it is gone.
    """

    points: Mapping[str, ShownPoint]
    problems: tuple[Problem, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    edited_at: datetime | None = None

    def as_data(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "valid": not self.problems,
            "problems": [
                {"file": problem.file, "line": problem.line, "message": str(problem), "code": problem.code}
                for problem in self.problems
            ],
            "edited_at": self.edited_at.isoformat() if self.edited_at is not None else None,
            "in_force": dict(self.versions),
        }


def in_force(
    folder: Path,
    repository: Callable[[], AbstractContextManager[Repository]],
    known: Iterable[str],
    kept: Path | None = None,
) -> InForce:
    """Load a folder's mapping files, else those of the last runs; known: the points of sale that ever had one.

    kept: where what is read of valid files is kept for the next time, see `status_points`.

    Raises ConfigurationError where there is no folder, MappingInvalid where nothing ran by files that can be read.
    """
    try:
        return InForce(valid_points(read_folder(folder), kept))
    except MappingInvalid as error:
        with repository() as opened:
            points, versions = _of_last_runs(opened, known)
        if not points:
            raise
        return InForce(points, error.problems, versions, _written_at(folder / error.problems[0].file))


def _of_last_runs(repository: Repository, known: Iterable[str]) -> tuple[dict[str, ShownPoint], dict[str, str]]:
    points: dict[str, ShownPoint] = {}
    versions: dict[str, str] = {}
    read: dict[str, MappingSet | None] = {}
    for point in known:
        last = repository.past(point).last
        if last is None:
            continue
        version = last.mapping_version
        if version not in read:
            read[version] = _read(repository, version)
        former = read[version]
        if former is not None and point in former.points_of_sale:
            points[point], versions[point] = shown(former.points_of_sale[point]), version
    return points, versions


def _read(repository: Repository, version: str) -> MappingSet | None:
    files = repository.mapping_files(version)
    try:
        return load_files(files) if files is not None else None
    except MappingInvalid:
        # Written for a version of stocksync with another language.
        return None


def _written_at(file: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except OSError:
        return None

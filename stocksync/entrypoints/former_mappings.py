"""What an edit is compared with: what the last complete runs worked by, another folder, or a revision of git.

Reads; nothing is written, nothing is fetched from a network.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from stocksync.errors import MappingInvalid, UsageError
from stocksync.mapping.effective import MappingSet
from stocksync.mapping.load import load_files, load_mappings
from stocksync.sync.ports import Store

_GIT_S: Final = 30
_MAX_FILES: Final = 1000


@dataclass(frozen=True, slots=True)
class Former:
    """The mappings before an edit, by point of sale.

    named: what people call them, "" for what the last runs worked by. unknown: points of sale that have none, because
    they were never synchronised or are new.
    """

    sets: Mapping[str, MappingSet]
    named: str
    unknown: tuple[str, ...]


def of_last_runs(store: Store, points: Iterable[str]) -> Former:
    """What each point of sale's last complete run worked by; one that cannot be read any more counts as unknown."""
    versions: dict[str, MappingSet | None] = {}
    sets, unknown = {}, []
    for point in points:
        last = store.last_complete_run(point)
        if last is not None and last.mapping_version not in versions:
            versions[last.mapping_version] = _read(store, last.mapping_version)
        former = versions.get(last.mapping_version) if last is not None else None
        if former is None or point not in former.points_of_sale:
            unknown.append(point)
        else:
            sets[point] = former
    return Former(sets, "", tuple(unknown))


def _read(store: Store, version: str) -> MappingSet | None:
    files = store.mapping_files(version)
    try:
        return load_files(files) if files is not None else None
    except MappingInvalid:
        # Written for a version of stocksync with another language.
        return None


def of_place(place: str, mappings: Path, points: Iterable[str]) -> Former:
    """The mappings of a folder, or of the same folder at a revision of git.

    Raises UsageError where it is neither, MappingInvalid where the files there are not valid.
    """
    folder = Path(place)
    former = load_mappings(folder) if folder.is_dir() else load_files(files_at(place, mappings))
    chosen = list(points)
    return Former(
        {point: former for point in chosen if point in former.points_of_sale},
        place,
        tuple(point for point in chosen if point not in former.points_of_sale),
    )


def files_at(revision: str, mappings: Path) -> dict[str, bytes]:
    """The bytes of every mapping file at a revision of git. Raises UsageError."""
    neither = f"{revision} is neither a folder nor a revision of git that holds {mappings}"
    commit = _git(mappings, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if commit is None:
        raise UsageError(f"{neither}; `git log --oneline` shows the revisions.")
    at = commit.decode("ascii").strip()
    listed = _git(mappings, "ls-tree", "-r", "-z", "--name-only", at, "--", ".") or b""
    names = [name for raw in listed.split(b"\0") if _is_mapping_file(name := raw.decode("utf-8", "replace"))]
    if not names or len(names) > _MAX_FILES:
        raise UsageError(f"{neither}; there were {len(names)} mapping files in it then.")
    found = {name: _git(mappings, "cat-file", "blob", f"{at}:./{name}") for name in names}
    return {name: raw for name, raw in found.items() if raw is not None}


def _is_mapping_file(name: str) -> bool:
    """Tell whether `load.read_files` would read it: examples beside the files are none of them."""
    parts = PurePosixPath(name).parts
    return name.endswith(".yaml") and (len(parts) == 1 or (len(parts) == 3 and parts[0] == "pairs"))


def _git(folder: Path, *arguments: str) -> bytes | None:
    """What git answers; None where it fails or is not there."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, check=False, timeout=_GIT_S, text=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None

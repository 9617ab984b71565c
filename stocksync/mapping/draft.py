"""Every mapping file as far as it could be read: what the checks look at, and what is then resolved."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pydantic import BaseModel

from stocksync.mapping.checks_mended import read_mended
from stocksync.mapping.grammar import read_as
from stocksync.mapping.models import (
    LifecycleFile,
    OwnershipFile,
    PairFile,
    PointsOfSaleFile,
    SideFile,
    VehicleFile,
)
from stocksync.mapping.problems import Problem
from stocksync.mapping.source import Keys, Source, read_source

VEHICLE: Final = "vehicle.yaml"
POINTS_OF_SALE: Final = "points_of_sale.yaml"
PAIR_FILES: Final[Mapping[str, type[BaseModel]]] = {
    "pair.yaml": PairFile,
    "ownership.yaml": OwnershipFile,
    "lifecycle.yaml": LifecycleFile,
    "vehicle_module.yaml": SideFile,
    "dms.yaml": SideFile,
}
HIDDEN: Final = "…"


@dataclass(frozen=True)
class Doubt:
    """A part of a file that could not be read; what is said about it later may be no mistake of its own."""

    file: str
    where: str
    name: str

    def covers(self, problem: Problem) -> bool:
        """Tell whether a problem may follow from what could not be read."""
        if problem.file == self.file and f"{problem.where}.".startswith(f"{self.where}."):
            return True
        words = (*problem.where.split("."), problem.said, *re.findall(r"[\w-]+", problem.message))
        return self.name in words


@dataclass
class Draft:
    """Every file as far as it could be read; a model is None where nothing of its file could be.

    texts: the bytes of every file. doubts: what had to be left out. secrets: texts that no message may repeat.
    """

    sources: dict[str, Source] = field(default_factory=dict)
    files: dict[str, Any] = field(default_factory=dict)
    pairs: tuple[str, ...] = ()
    texts: dict[str, bytes] = field(default_factory=dict)
    doubts: list[Doubt] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set)
    _read: dict[str, int] = field(default_factory=dict)

    def read(self, name: str, model: type[BaseModel], raw: bytes | None) -> None:
        """Read one file as its model; one with mistakes without what is wrong."""
        source = self.sources[name] = read_source(raw, name)
        self.texts[name] = raw or b""
        self.files[name] = read_as(model, source)
        if self.files[name] is None:
            twice = [tuple(p.where.split(".")) for p in source.problems if p.code == "key_twice"]
            names = {keys: tuple(source.named(keys)) for keys in source.lines}
            self.files[name], touched = read_mended(model, source)
            self.doubts += [_doubt(name, names.get(keys, keys)) for keys in (*touched, *twice)]
        self._read[name] = len(source.problems)

    def part(self, pair: str, name: str) -> Any:
        """One file of a pair, None where nothing of it could be read."""
        return self.files[f"pairs/{pair}/{name}"]

    def source(self, pair: str, name: str) -> Source:
        """The source of one file of a pair."""
        return self.sources[f"pairs/{pair}/{name}"]

    def is_whole(self, *names: str) -> bool:
        """Tell whether nothing had to be left out of some files."""
        whole = all(self.files.get(name) is not None for name in names)
        return whole and not any(doubt.file in names for doubt in self.doubts)

    def in_doubt(self, name: str, *parts: str) -> bool:
        """Tell whether one of some parts of a file could not be read as it stands."""
        return any(doubt.file == name and doubt.where.split(".")[0] in parts for doubt in self.doubts)

    def has_lost_a_row(self, name: str) -> bool:
        """Tell whether a row of a list is left out of which nobody knows what it is about."""
        return any(doubt.file == name and doubt.name.isdigit() for doubt in self.doubts)

    def problems(self) -> list[Problem]:
        """Every error noted so far, by file and line."""
        return [problem for problem in self.findings() if problem.level == "error"]

    def findings(self) -> list[Problem]:
        """Every error and warning noted so far, by file and line, without what may follow from another mistake."""
        return sorted({self._scrubbed(problem) for problem in self._noted()})

    def _noted(self) -> Iterator[Problem]:
        for name, source in self.sources.items():
            for index, problem in enumerate(source.problems):
                by_language = index < self._read.get(name, 0)
                if by_language or not any(doubt.covers(problem) for doubt in self.doubts):
                    yield problem

    def _scrubbed(self, problem: Problem) -> Problem:
        """Take the secrets out of what a problem says."""
        if not any(secret in text for secret in self.secrets for text in (str(problem), problem.said)):
            return problem

        def without(text: str) -> str:
            for secret in sorted(self.secrets, key=len, reverse=True):
                text = text.replace(secret, HIDDEN)
            return text

        return replace(
            problem,
            where=without(problem.where),
            message=without(problem.message),
            said=without(problem.said),
            allowed=tuple(map(without, problem.allowed)),
            nearest=without(problem.nearest) if problem.nearest else None,
        )


def draft_of(files: Mapping[str, bytes]) -> Draft:
    """Read every mapping file from its bytes; nothing is checked yet but the language."""
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


def _doubt(file: str, names: Keys) -> Doubt:
    """Take the part of a file around a mistake: the attribute, row, transition or point of sale it stands in."""
    named = [str(name) for name in names]
    if file == POINTS_OF_SALE and len(named) > 2:
        # What a point of sale says of itself is nowhere else; where all of it is left out, its name is missed.
        return Doubt(file, ".".join(named[:-1]), ".".join(named))
    return Doubt(file, ".".join(named[:2]), named[1] if len(named) > 1 else named[0])

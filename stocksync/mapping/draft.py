"""Every mapping file as far as it could be read: what the checks look at, and what is then resolved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from stocksync.mapping.grammar import read_as
from stocksync.mapping.problems import Problem
from stocksync.mapping.source import Source, read_source


@dataclass
class Draft:
    """Every file as far as it could be read; a model is None where its file has problems."""

    sources: dict[str, Source] = field(default_factory=dict)
    files: dict[str, Any] = field(default_factory=dict)
    pairs: tuple[str, ...] = ()

    def read(self, name: str, model: type[BaseModel], raw: bytes | None) -> None:
        """Read one file as its model."""
        self.sources[name] = read_source(raw, name)
        self.files[name] = read_as(model, self.sources[name])

    def problems(self) -> list[Problem]:
        """Every problem noted so far, by file and line."""
        return sorted(problem for source in self.sources.values() for problem in source.problems)

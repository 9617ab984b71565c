"""What every command is given: the settings, and how it opens what it needs with them.

A command that only reads makes no database: where there is none yet, it asks an empty one in memory.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stocksync.errors import UsageError

if TYPE_CHECKING:
    from stocksync.adapters.store.plain import Nothing, SqliteFile
    from stocksync.adapters.store.questions import Questions
    from stocksync.adapters.store.repository import Repository
    from stocksync.mapping.effective import MappingSet, PointOfSaleMapping
    from stocksync.reports.spelling import Language
    from stocksync.settings import Settings


@dataclass(frozen=True, slots=True)
class Context:
    """The program's settings, as commands use them."""

    settings: Settings

    @property
    def mappings(self) -> Path:
        """Where the mapping files are."""
        return self.settings.mappings

    @property
    def language(self) -> Language:
        """What people are spoken to in."""
        return self.settings.language

    def load_mappings(self) -> MappingSet:
        """Load the mapping files. Raises ConfigurationError and MappingInvalid."""
        from stocksync.mapping.load import load_mappings

        return load_mappings(self.mappings)

    @contextmanager
    def repository(self, *, only_reading: bool) -> Iterator[Repository]:
        """The database, closed at the end. Raises ConfigurationError."""
        from stocksync.assembly import open_repository

        url = self.settings.database_url
        repository = open_repository(_IN_MEMORY if only_reading and _is_missing(url) else url)
        try:
            yield repository
        finally:
            repository.engine.dispose()

    def database_as_it_is(self) -> SqliteFile | Nothing | None:
        """The database for who only looks; None where it has to be opened, see `repository`."""
        from stocksync.adapters.store.plain import Nothing, sqlite_file

        url = self.settings.database_url
        return Nothing() if _is_missing(url) else sqlite_file(url)

    @contextmanager
    def questions(self) -> Iterator[Questions]:
        """The reading side of the database."""
        from stocksync.assembly import open_questions

        with self.repository(only_reading=True) as repository:
            yield open_questions(repository)


_IN_MEMORY = "sqlite://"


def _is_missing(url: str) -> bool:
    scheme, _, path = url.partition(":///")
    return scheme.partition("+")[0] == "sqlite" and bool(path) and path != ":memory:" and not Path(path).exists()


def chosen_points(mappings: MappingSet, wanted: Iterable[str]) -> list[str]:
    """The points of sale that were named, each once; all of them where none was. Raises UsageError."""
    return named_points(mappings.points_of_sale, wanted)


def named_points(known: Collection[str], wanted: Iterable[str]) -> list[str]:
    """Those of the known points of sale that were named, each once; all of them where none was. Raises UsageError."""
    named = list(dict.fromkeys(wanted))
    for name in named:
        if name not in known:
            from stocksync.mapping.problems import nearest_word

            nearest = nearest_word(name, known)
            hint = f" Did you mean {nearest}?" if nearest else ""
            raise UsageError(f"There is no point of sale {name}.{hint} There are {', '.join(known)}.")
    return named or list(known)


def mapping_of(mappings: MappingSet, point_of_sale: str) -> PointOfSaleMapping:
    """The mapping of a car's point of sale. Raises UsageError where it is not in the mapping files any more."""
    found = mappings.points_of_sale.get(point_of_sale)
    if found is None:
        raise UsageError(f"The point of sale {point_of_sale} is not in the mapping files any more; put it back.")
    return found

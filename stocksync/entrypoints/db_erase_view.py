"""What `stocksync db erase` tells, in words and for programs; never the person's name, wherever it stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from stocksync.adapters.store.erasing import Erased, Found, Held
from stocksync.adapters.store.erasing_parts import Place
from stocksync.adapters.store.person import Person
from stocksync.entrypoints.db_words import ERASING, HOLDING
from stocksync.entrypoints.erase_reports import FileKind, HoldingFile
from stocksync.reports import wording
from stocksync.reports.spelling import Counted, Language
from stocksync.reports.words import SIDE_NAMES

_SHOWN: Final = 40


@dataclass(frozen=True, slots=True)
class FoundView:
    """What holds a person, before anything is done."""

    found: Found
    files: tuple[HoldingFile, ...]
    person: Person
    language: Language

    @property
    def erases_any(self) -> bool:
        """Tell whether there is anything to erase or to delete."""
        return bool(self.found.over) or any(file.kind is FileKind.REPORT for file in self.files)

    @property
    def holds_any(self) -> bool:
        """Tell whether anything holds the person, or may."""
        return bool(self.found.rows or self.files)

    @property
    def question(self) -> str:
        """What is asked before anything is erased."""
        return self._teller.say("question")

    @property
    def nothing_done(self) -> str:
        """What is said where the answer is no."""
        return self._teller.say("nothing_done")

    def lines(self) -> Iterator[str]:
        """What would be erased, and what would stay."""
        tell = self._teller
        if not self.holds_any:
            yield tell.say("nowhere")
            return
        yield from tell.counts("would", _counts(self.found.over))
        yield from tell.reports("would_delete", [f.path for f in self.files if f.kind is FileKind.REPORT])
        yield from tell.left(self.found.current, [f for f in self.files if f.kind is not FileKind.REPORT])

    def as_data(self) -> dict[str, Any]:
        """The same for a program."""
        tell = self._teller
        return {
            "dry_run": True,
            "erased": {},
            "would_erase": {place.value: count for place, count in _counts(self.found.over).items()},
            "deleted": [],
            **tell.left_data(self.found.current, self.files),
            "file_rewritten": None,
        }

    @property
    def _teller(self) -> _Teller:
        return _Teller(self.person, self.language)


@dataclass(frozen=True, slots=True)
class ErasedView:
    """What was erased, and what still holds the person; files: those that hold them and are there still."""

    erased: Erased
    deleted: tuple[Path, ...]
    files: tuple[HoldingFile, ...]
    person: Person
    language: Language

    @property
    def holds_any(self) -> bool:
        """Tell whether anything holds the person, or may."""
        return bool(self.erased.left.rows or self.files) or not self.erased.is_rewritten

    def lines(self) -> Iterator[str]:
        """What went, what stays, and what to do about it."""
        tell = _Teller(self.person, self.language)
        if not self.erased.counts and not self.deleted:
            yield tell.say("nothing")
        yield from tell.counts("done", self.erased.counts)
        yield from tell.reports("deleted", self.deleted)
        yield from tell.left(self.erased.left.rows, self.files)
        if not self.erased.is_rewritten:
            yield tell.say("not_rewritten")
        if not self.holds_any:
            yield tell.say("nowhere_left")
        yield tell.say("backups")

    def as_data(self) -> dict[str, Any]:
        """The same for a program."""
        tell = _Teller(self.person, self.language)
        return {
            "dry_run": False,
            "erased": {place.value: count for place, count in self.erased.counts.items()},
            "would_erase": {},
            "deleted": [tell.path(path) for path in self.deleted],
            **tell.left_data(self.erased.left.rows, self.files),
            "file_rewritten": self.erased.is_rewritten,
        }


@dataclass(frozen=True, slots=True)
class _Teller:
    person: Person
    language: Language

    def say(self, key: str, **values: str | Counted) -> str:
        return wording.typeset(ERASING[self.language][key], self.language).format(**values)

    def counts(self, key: str, counts: Mapping[Place, int]) -> Iterator[str]:
        if counts:
            yield self.say(key)
        for place, count in counts.items():
            yield f"  {self.say(f'count_{place}', count=Counted(count, self.language))}"

    def reports(self, key: str, paths: Sequence[Path]) -> Iterator[str]:
        if paths:
            yield self.say(key)
        yield from self._some([f"  {self.path(path)}" for path in paths])

    def left(self, rows: Sequence[Held], files: Sequence[HoldingFile]) -> Iterator[str]:
        """What still holds the person, and what to do about it."""
        if rows:
            yield self.say("left")
            yield from self._some([f"  {self._held(row)}" for row in rows])
            yield self.say("then")
        if files:
            yield self.say("files_left")
            yield from self._some([f"  {self.say(f'file_{f.kind}', path=self.path(f.path))}" for f in files])

    def left_data(self, rows: Sequence[Held], files: Sequence[HoldingFile]) -> dict[str, Any]:
        return {
            "left": [
                {
                    "table": row.place.value,
                    "key": [self._shown(part) for part in row.key],
                    "point_of_sale": self._shown(row.point_of_sale),
                    "records": {side.value: self._shown(record_id) for side, record_id in row.records},
                }
                for row in rows
            ],
            "files": [{"path": self.path(file.path), "kind": file.kind.value} for file in files],
        }

    def path(self, path: Path) -> str:
        """A path without the person; its name may be what names them."""
        return self.person.without(str(path))

    def _held(self, row: Held) -> str:
        names = SIDE_NAMES[self.language]
        records = ", ".join(f"{names[side]} {self._shown(record_id)}" for side, record_id in row.records) or "-"
        told = wording.typeset(HOLDING[self.language][row.place], self.language)
        return told.format(key=self._shown(row.key[-1]), records=records, point=self._shown(row.point_of_sale) or "-")

    def _shown(self, part: Any) -> Any:
        return self.person.without(part) if isinstance(part, str) else part

    def _some(self, lines: Sequence[str]) -> Iterator[str]:
        yield from lines[:_SHOWN]
        if len(lines) > _SHOWN:
            yield f"  {self.say('more', count=str(len(lines) - _SHOWN))}"


def _counts(rows: Sequence[Held]) -> Counter[Place]:
    return Counter(row.place for row in rows)

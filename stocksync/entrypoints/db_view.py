"""What `stocksync db` tells, in words and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from stocksync.adapters.store.backup import Backup
from stocksync.adapters.store.check import Checked, Fault, Matter
from stocksync.adapters.store.keeping import Pruned
from stocksync.entrypoints.db_words import FAULTS, WORDS
from stocksync.entrypoints.journal_view import damage, reader_s_time, walk_data
from stocksync.reports import wording
from stocksync.reports.spelling import NO_BREAK, Counted, Language, instant


@dataclass(frozen=True, slots=True)
class BackupView:
    """A backup that was made."""

    backup: Backup
    language: Language

    def lines(self) -> Iterator[str]:
        """Where it is, what it holds, what went for it."""
        made, say = self.backup, _Sayer(self.language)
        yield say("backup", path=str(made.path))
        figures = {"size": say.size(made.size_bytes), "took": say.seconds(made.took_s), "revision": made.revision}
        yield f"  {say('figures', **figures)}"
        if made.journal is not None:
            rows = Counted(made.journal.rows, self.language)
            yield f"  {say('journal', rows=rows, hash=made.journal.last_hash or '-')}"
        for path in made.removed:
            yield f"  {say('removed', path=str(path))}"

    def as_data(self) -> dict[str, Any]:
        """The same for a program."""
        made = self.backup
        return {
            "path": str(made.path),
            "size_bytes": made.size_bytes,
            "took_s": round(made.took_s, 3),
            "schema": made.revision,
            "journal": walk_data(made.journal) if made.journal is not None else None,
            "removed": [str(path) for path in made.removed],
        }


@dataclass(frozen=True, slots=True)
class CheckView:
    """A database as it was found."""

    checked: Checked
    language: Language

    def lines(self) -> Iterator[str]:
        """The figures, then every fault with how it is mended."""
        found, say = self.checked, _Sayer(self.language)
        sizes = {"size": found.size_bytes, "wal": found.wal_bytes, "free": found.free_bytes}
        spelt = {name: say.size(number) for name, number in sizes.items()}
        yield say("file", path=str(found.path), revision=found.revision or "-", **spelt)
        if found.mount is not None:
            yield say("kind", kind=found.mount.kind, point=found.mount.point)
        if found.journal is not None:
            rows = Counted(found.journal.rows, self.language)
            yield say("journal", rows=rows, hash=found.journal.last_hash or "-")
        took = say.seconds(found.took_s)
        if not found.faults:
            yield say("good", took=took)
            return
        yield say("faults", count=Counted(len(found.faults), self.language), took=took)
        for fault in found.faults:
            yield f"  - {self._told(fault)}{self._where(fault)}"

    def as_data(self) -> dict[str, Any]:
        """The same for a program."""
        found = self.checked
        return {
            "path": str(found.path),
            "size_bytes": found.size_bytes,
            "wal_bytes": found.wal_bytes,
            "free_bytes": found.free_bytes,
            "file_system": found.mount.kind if found.mount is not None else None,
            "schema": found.revision,
            "journal": walk_data(found.journal) if found.journal is not None else None,
            "took_s": round(found.took_s, 3),
            "faults": [
                {"matter": f.matter.value, "count": f.count, "where": list(f.where), "told": self._told(f)}
                for f in found.faults
            ],
        }

    def _told(self, fault: Fault) -> str:
        told = wording.typeset(FAULTS[self.language][fault.matter], self.language)
        journal = self.checked.journal
        if fault.matter is Matter.JOURNAL_BROKEN and journal is not None and journal.broken is not None:
            told = f"{damage(journal.broken, self.language)} {told}"
        return told[0].upper() + told[1:]

    def _where(self, fault: Fault) -> str:
        if not fault.where:
            return ""
        say = _Sayer(self.language)
        more = fault.count > len(fault.where)
        listed = ", ".join(fault.where) + (say("more", count=Counted(fault.count, self.language)) if more else "")
        return say("where", where=listed)


@dataclass(frozen=True, slots=True)
class PruneView:
    """What was forgotten, or would be."""

    pruned: Pruned
    before: datetime
    language: Language
    dry_run: bool

    def lines(self) -> Iterator[str]:
        """A line for each kind of thing."""
        say = _Sayer(self.language)
        before = instant(reader_s_time(self.before))
        if not self.pruned.total:
            yield say("nothing", before=before)
            return
        yield say("would" if self.dry_run else "done", before=before)
        for name in (field.name for field in fields(self.pruned)):
            if number := getattr(self.pruned, name):
                yield f"  {say(name, count=Counted(number, self.language))}"

    def as_data(self) -> dict[str, Any]:
        """The same for a program."""
        return {"before": self.before.isoformat(), "dry_run": self.dry_run, **asdict(self.pruned)}


@dataclass(frozen=True, slots=True)
class _Sayer:
    language: Language

    def __call__(self, key: str, **values: str | Counted) -> str:
        return wording.typeset(WORDS[self.language][key], self.language).format(**values)

    def size(self, number_bytes: int) -> str:
        units = ("octets", "ko", "Mo", "Go", "To") if self.language == "fr" else ("bytes", "kB", "MB", "GB", "TB")
        size, unit = float(number_bytes), 0
        while size >= 1000 and unit < len(units) - 1:
            size, unit = size / 1000, unit + 1
        return f"{self._decimal(size, 1 if unit else 0)}{NO_BREAK}{units[unit]}"

    def seconds(self, took_s: float) -> str:
        return self._decimal(took_s, 1)

    def _decimal(self, number: float, places: int) -> str:
        said = f"{number:.{places}f}"
        return said.replace(".", ",") if self.language == "fr" else said

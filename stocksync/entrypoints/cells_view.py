"""The cells of the matrix that an edit changes, and the other edits beside them, as people and programs read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import click

from stocksync.entrypoints import cases
from stocksync.entrypoints.preview_words import FACETS, WORDS
from stocksync.mapping.cells import CellChange, Where
from stocksync.mapping.edits import Edit
from stocksync.mapping.effective import MappingSet
from stocksync.reports import wording
from stocksync.reports.spelling import Language
from stocksync.reports.words import OWNERS
from stocksync.stock.vehicle import DESTINATION, STAGE, VEHICLE_TYPE


@dataclass(frozen=True, slots=True)
class CellsView:
    """What `mapping diff` tells."""

    mappings: MappingSet
    changes: Sequence[CellChange]
    edits: Sequence[Edit]
    language: Language

    def lines(self) -> Iterator[str]:
        """The cells first, then every edit that is no cell of the matrix."""
        if not self.changes:
            yield self._say("no_cells")
        else:
            yield click.style(self._say("cells"), bold=True)
            yield from map(self._cell, self.changes)
        others = [edit for edit in self.edits if not _is_of_matrix(edit)]
        if others:
            yield click.style(self._say("other_edits"), bold=True)
            nothing = self._say("nothing_said")
            for edit in others:
                said = {"before": edit.before or nothing, "after": edit.after or nothing}
                yield f"  {self._say('edit', where=edit.where, path=edit.path, **said)}"

    def as_data(self) -> dict[str, Any]:
        """The same for a program, in the words of the mapping files."""
        cells = [{**asdict(change), "where": [dict(part) for part in change.where]} for change in self.changes]
        others = [
            {"file": e.file, "line": e.line, "path": e.path, "before": e.before, "after": e.after} for e in self.edits
        ]
        return {"cells": cells, "edits": others}

    def _cell(self, change: CellChange) -> str:
        mapping = self.mappings.points_of_sale[change.points_of_sale[0]]
        every = len(change.points_of_sale) == len(self.mappings.points_of_sale)
        where = "; ".join(self._where(part) for part in change.where)
        if not every:
            where = self._say("at", points=", ".join(change.points_of_sale), where=where)
        return self._say(
            "cell",
            attribute=cases.told_subject(change.attribute, mapping, self.language),
            facet=FACETS[self.language][change.facet],
            before=self._word(change.before),
            after=self._word(change.after),
            where=f"{where} - {change.rule}" if change.rule else where,
        )

    def _where(self, part: Where) -> str:
        labels = next(iter(self.mappings.points_of_sale.values())).choice_labels
        names = {"stage": STAGE, "destination": DESTINATION, "vehicle_type": VEHICLE_TYPE}
        said = []
        for key, words in part.items():
            known = labels.get(names[key], {})
            said += [getattr(known[word], self.language) if word in known else word for word in words]
        return ", ".join(said) or self._say("everywhere")

    def _word(self, word: str | None) -> str:
        if word is None:
            return self._say("nothing_said")
        return ", ".join(OWNERS[self.language].get(part, part) for part in word.split(", "))

    def _say(self, key: str, **values: str) -> str:
        return wording.typeset(WORDS[self.language][key], self.language).format(**values)


def _is_of_matrix(edit: Edit) -> bool:
    """Tell whether the cells tell all there is about an edit."""
    of_rows = edit.file.endswith("ownership.yaml") and edit.subjects is not None
    return of_rows or (edit.point_of_sale is not None and ".ownership" in edit.path)

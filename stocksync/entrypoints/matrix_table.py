"""The ownership matrix of a point of sale, for people and programs: the guide's rows, our owner per stage.

Printing it is `mapping_commands`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from stocksync.mapping.effective import GuideRow, PointOfSaleMapping
from stocksync.stock.ownership import Context
from stocksync.stock.vehicle import DESTINATION, LIFECYCLE_ATTRIBUTES, STAGE

WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "fr": {
        "row": "Ligne du guide",
        "dms_may_modify": "Modifiable DMS",
        "note": "Note",
        "owner": "Propriétaire",
        "state": "État",
        "provisional": "provisoire",
        "vehicle_module": "module",
        "dms": "DMS",
        "shared": "partagé",
        "none": "aucun",
        "lifecycle": "ligne de vie",
        "on": "activé",
        "off": "désactivé",
        "point_of_sale": "Point de vente",
    },
    "en": {
        "row": "Row of the guide",
        "dms_may_modify": "DMS may modify",
        "note": "Note",
        "owner": "Owner",
        "state": "State",
        "provisional": "provisional",
        "vehicle_module": "module",
        "dms": "DMS",
        "shared": "shared",
        "none": "none",
        "lifecycle": "line of life",
        "on": "on",
        "off": "off",
        "point_of_sale": "Point of sale",
    },
}


@dataclass(frozen=True)
class MatrixTable:
    """One point of sale's matrix; `owners` gives, row by row and stage by stage, a key of WORDS."""

    point: PointOfSaleMapping
    language: str
    owners: Sequence[Mapping[str, str]]

    @classmethod
    def of(cls, point: PointOfSaleMapping, language: str) -> MatrixTable:
        """Look every row's owner up, in every stage."""
        stages = point.lifecycle.stages
        return cls(point, language, [{s: _owner(point, row, s) for s in stages} for row in point.guide_rows])

    @property
    def words(self) -> Mapping[str, str]:
        """How this language says everything but stages and the guide."""
        return WORDS[self.language]

    @property
    def stage_names(self) -> list[str]:
        """The stages, as people name them."""
        labels = self.point.choice_labels[STAGE]
        return [str(getattr(labels[stage], self.language)) for stage in self.point.lifecycle.stages]

    @property
    def headers(self) -> list[str]:
        """The names of the columns, one for each stage."""
        return self._headers(self.stage_names)

    @property
    def rows(self) -> list[list[str]]:
        """The guide's rows in its order, with a column for each stage."""
        return [self._row(row, [self._said(owner) for owner in owners.values()]) for row, owners in self._both()]

    @property
    def narrow_headers(self) -> list[str]:
        """The names of the columns where there is room for one owner only."""
        return self._headers([self.words["owner"]])

    @property
    def narrow_rows(self) -> list[list[str]]:
        """The guide's rows with one column of owners, which names stages only where they differ."""
        return [self._row(row, [self._in_short(owners)]) for row, owners in self._both()]

    @property
    def counts(self) -> dict[str, int]:
        """How many rows the guide lets the DMS modify, and how many not."""
        said = [row.guide.dms_may_modify for row in self.point.guide_rows]
        return {"OUI": said.count("OUI"), "NON": said.count("NON")}

    @property
    def also_provisional(self) -> list[str]:
        """The attributes outside the guide's table whose ownership is provisional."""
        printed = {row.attribute for row in self.point.guide_rows}
        return [name for name in self.point.matrix.rows if name not in printed and _owned_for_now(self.point, name)]

    @property
    def closing(self) -> str:
        """The counts as one line."""
        return ", ".join(f"{count} {word}" for word, count in self.counts.items())

    def as_data(self) -> dict[str, Any]:
        """Give everything in the words of the mapping files."""
        rows = [
            {
                "label": row.guide.label,
                "attribute": row.attribute,
                "switch": row.switch,
                "dms_may_modify": row.guide.dms_may_modify,
                "note": row.guide.note,
                "provisional": _is_provisional(self.point, row),
                "owner_by_stage": owners if row.switch is None else None,
                "position": None if row.switch is None else self.point.switches[row.switch],
                "said_in": row.rule,
            }
            for row, owners in self._both()
        ]
        point = self.point
        head = {"id": point.id, "name": point.name, "version": point.version}
        return {**head, "rows": rows, **self.counts, "also_provisional": self.also_provisional}

    def _both(self) -> list[tuple[GuideRow, Mapping[str, str]]]:
        return list(zip(self.point.guide_rows, self.owners, strict=True))

    def _headers(self, owners: Sequence[str]) -> list[str]:
        first = [self.words[key] for key in ("row", "dms_may_modify", "note")]
        return [*first, *owners, self.words["state"]]

    def _row(self, row: GuideRow, owners: Sequence[str]) -> list[str]:
        guide = row.guide
        state = self.words["provisional"] if _is_provisional(self.point, row) else ""
        return [guide.label, guide.dms_may_modify, guide.note, *owners, state]

    def _said(self, owner: str) -> str:
        return " / ".join(self.words[word] for word in owner.split("/"))

    def _in_short(self, owners: Mapping[str, str]) -> str:
        spoken = zip(self.stage_names, owners.values(), strict=True)
        groups = [(owner, [name for name, _ in group]) for owner, group in groupby(spoken, key=lambda s: s[1])]
        if len(groups) == 1:
            return self._said(groups[0][0])
        return "; ".join(f"{', '.join(names)}: {self._said(owner)}" for owner, names in groups)


def _owner(point: PointOfSaleMapping, row: GuideRow, stage: str) -> str:
    """Name a row's owner in a stage; several, with a slash, where it hangs on more than the stage."""
    if row.switch is not None:
        return "on" if point.switches[row.switch] else "off"
    assert row.attribute is not None
    if row.attribute in LIFECYCLE_ATTRIBUTES:
        return "lifecycle"
    policies = [
        point.matrix.rows[row.attribute].policy_in(Context(stage, destination, vehicle_type, point.id))
        for destination in point.vocabulary[DESTINATION].choices
        for vehicle_type in sorted(point.vehicle_types)
    ]
    return "/".join(dict.fromkeys(policy.owner.value for policy in policies if policy is not None))


def _is_provisional(point: PointOfSaleMapping, row: GuideRow) -> bool:
    """Tell whether a row waits for somebody's word, as this point of sale has it: in general or in an exception."""
    if row.attribute is None or row.attribute not in point.matrix.rows:
        return row.provisional
    return _owned_for_now(point, row.attribute)


def _owned_for_now(point: PointOfSaleMapping, attribute: str) -> bool:
    row = point.matrix.rows[attribute]
    return row.policy.provisional or any(exception.policy.provisional for exception in row.exceptions)


def matrices_in_rows(tables: Sequence[MatrixTable]) -> tuple[list[str], list[list[str]]]:
    """Lay the matrices of several points of sale under one another: headers, then rows.

    Stages differ from pair to pair: there is a column for each that any of them has, in order of appearance.
    """
    words = tables[0].words
    stages = list(dict.fromkeys(name for table in tables for name in table.stage_names))
    rows = []
    for table in tables:
        for row in table.rows:
            owners = dict(zip(table.stage_names, row[3:-1], strict=True))
            rows.append([table.point.id, *row[:3], *(owners.get(name, "") for name in stages), row[-1]])
    first = [words[key] for key in ("point_of_sale", "row", "dms_may_modify", "note")]
    return [*first, *stages, words["state"]], rows

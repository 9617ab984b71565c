"""From the table of a vendor's guide to ownership rows: which line is which attribute, and what that changes.

Decisions that somebody took in `ownership.yaml` stay: where they differ from the guide, that is told. Nothing is
guessed: a label that is only like a known one is proposed with the next best beside it. Reading the table is
`guide_table`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from stocksync.mapping import models
from stocksync.mapping.effective import (
    ALLOW_SALE_PRICE_AT_MOST_1,
    DMS_CREATES_VEHICLES,
    DMS_HAS_PRIORITY,
    EXIT_FROM_DELIVERY,
    SWITCHES,
)
from stocksync.mapping.guide_table import Answer, GuideLine, GuideTable
from stocksync.mapping.nearest import Near, key, ranked
from stocksync.stock.vehicle import LIFECYCLE_ATTRIBUTES

SIMILAR_AT_LEAST: Final = 0.6
"""A label less like any known one than this is not placed."""
CLEARLY: Final = 0.1
"""By how much the best must lead, or a person chooses."""
_NOTHING_SAID: Final = frozenset(
    key(
        "a au aux by d de des du en et in l la le les may modifiable modifiables modifié modifiée n no numéro of or ou "
        "par s the to un une VO"
    ).split()
)
_SWITCH_LABELS: Final[Mapping[str, tuple[str, ...]]] = {
    DMS_HAS_PRIORITY: ("Flux API VO prioritaire", "DMS has priority"),
    ALLOW_SALE_PRICE_AT_MOST_1: (
        "Autoriser les prix de vente VO inférieurs ou égaux à 1",
        "Allow sale price at most 1",
    ),
    EXIT_FROM_DELIVERY: ("Sortie des véhicules en statut livraison", "Exit from delivery"),
    DMS_CREATES_VEHICLES: ("Créer des véhicules", "Création de véhicules", "DMS creates vehicles"),
}
_OWNERS: Final[Mapping[Answer, str]] = {"OUI": "dms", "NON": "vehicle_module"}
_DMS_MAY: Final = frozenset({"dms", "shared", "lifecycle"})


@dataclass(frozen=True, slots=True)
class Known:
    """What the mapping files say so far.

    rows: the matrix's rows by attribute or switch, in order; carried: those of `also_carried`. overrides: by point of
    sale and attribute, the owner that holds there instead. elsewhere: what the guides of other pairs call an attribute.
    """

    vehicle: models.VehicleFile
    rows: Mapping[str, models.AttributeRowModel | models.SwitchRowModel]
    carried: Mapping[str, models.AttributeRowModel] = field(default_factory=dict)
    overrides: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    elsewhere: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        pair: str,
        vehicle: models.VehicleFile,
        ownership: models.OwnershipFile,
        points: models.PointsOfSaleFile | None,
        others: Iterable[models.OwnershipFile] = (),
    ) -> Known:
        """Gather what the files of a pair say; points: None where that file cannot be read. others: of other pairs."""
        here = {i: p for i, p in points.points_of_sale.items() if p.pair == pair} if points is not None else {}
        owners = {i: {n: r.owner for n, r in p.ownership.items() if r.owner is not None} for i, p in here.items()}
        elsewhere: dict[str, tuple[str, ...]] = {}
        for row in (row for other in others for row in other.matrix):
            if row.guide is not None:
                elsewhere[name_of(row)] = (*elsewhere.get(name_of(row), ()), row.guide.label)
        return cls(
            vehicle,
            {name_of(row): row for row in ownership.matrix},
            {row.attribute: row for row in ownership.also_carried},
            {i: dict(said) for i, said in owners.items() if said},
            elsewhere,
        )

    def row(self, name: str) -> models.AttributeRowModel | models.SwitchRowModel | None:
        """The row of an attribute or switch, wherever it stands."""
        return self.rows.get(name) or self.carried.get(name)

    def texts(self) -> dict[str, tuple[str, ...]]:
        """Everything that an attribute or switch is called."""
        named: dict[str, tuple[str, ...]] = {}
        for name in (*self.vehicle.attributes, *SWITCHES, *self.rows):
            row, attribute = self.row(name), self.vehicle.attributes.get(name)
            labels = (attribute.label.fr, attribute.label.en) if attribute is not None else ()
            guide = (row.guide.label,) if row is not None and row.guide is not None else ()
            others = (*_SWITCH_LABELS.get(name, ()), *self.elsewhere.get(name, ()))
            named[name] = (*guide, *labels, *others, name.replace("_", " "))
        return named


@dataclass(frozen=True, slots=True)
class Change:
    """One value of a row, at its keys within the row, before and after; None where there is none."""

    keys: tuple[str, ...]
    before: str | bool | None
    after: str | bool | None


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the mapping decides otherwise than the guide's answer, and stays so.

    owner: who it gives the attribute to; where: "" for the row itself, else the point of sale or the exception.
    """

    answer: Answer
    owner: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A line of the table with its place.

    alternatives: what else it is like, where it was placed by likeness; empty for an exact label. row: the whole row as
    it is to stand. changes: what of that is new; a row that was not there is all new. moves: it stands under
    `also_carried` so far.
    """

    line: GuideLine
    name: str
    is_switch: bool
    is_exact: bool
    score: float
    alternatives: tuple[Near, ...]
    row: Mapping[str, Any]
    changes: tuple[Change, ...]
    is_new: bool = False
    moves: bool = False
    differences: tuple[Difference, ...] = ()
    settled: bool = False
    """The matrix says `provisional`, the table no longer does."""


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A line that is not placed, with what it is like; taken: the line of the same table that has its place."""

    line: GuideLine
    nearest: tuple[Near, ...] = ()
    taken_by: GuideLine | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """A table held against a pair: left_over: rows of the matrix that no line of the table is about."""

    proposals: tuple[Proposal, ...]
    unplaced: tuple[Unplaced, ...]
    unanswered: tuple[GuideLine, ...]
    left_over: tuple[str, ...]

    @property
    def changing(self) -> tuple[Proposal, ...]:
        """The lines that change something."""
        return tuple(proposal for proposal in self.proposals if proposal.changes)

    def is_quiet_after(self, written: Iterable[Proposal] = ()) -> bool:
        """Tell whether nothing is left to look at once some proposals are written."""
        done = {proposal.name for proposal in written}
        others = self.unplaced or self.unanswered or self.left_over
        return not others and not any(
            (p.changes and p.name not in done) or p.differences or p.settled for p in self.proposals
        )


def name_of(row: models.AttributeRowModel | models.SwitchRowModel) -> str:
    """The attribute or switch that a row is about."""
    return row.switch if isinstance(row, models.SwitchRowModel) else row.attribute


def import_table(table: GuideTable, known: Known) -> Imported:
    """Place every line of a table, and propose its row."""
    texts = known.texts()
    exact, has_notes = _exact(texts), table.columns.get("note") is not None
    placed: dict[str, tuple[GuideLine, float, tuple[Near, ...]]] = {}
    waiting: list[tuple[GuideLine, list[Near]]] = []
    unplaced: list[Unplaced] = []
    for line in table.lines:
        name = exact.get(key(line.label))
        if name is None:
            waiting.append((line, ranked(line.label, texts, _NOTHING_SAID)))
        elif name in placed:
            unplaced.append(Unplaced(line, taken_by=placed[name][0]))
        else:
            placed[name] = line, 1.0, ()
    # The most alike first, so that a weaker likeness never takes its place.
    for line, near in sorted(waiting, key=lambda one: -one[1][0].score if one[1] else 0.0):
        best = near[0] if near else None
        if best is None or best.score < SIMILAR_AT_LEAST or not _leads(near):
            unplaced.append(Unplaced(line, tuple(near[:3])))
        elif best.name in placed:
            unplaced.append(Unplaced(line, tuple(near[:3]), placed[best.name][0]))
        else:
            placed[best.name] = line, best.score, tuple(near[1:3])
    proposals = [
        _proposal(known, name, line, score, near, is_exact=key(line.label) in exact, has_notes=has_notes)
        for name, (line, score, near) in placed.items()
        if line.answer is not None or (line.to_confirm and known.row(name) is not None)
    ]
    answered = {proposal.name for proposal in proposals}
    return Imported(
        tuple(sorted(proposals, key=lambda proposal: proposal.line.number)),
        tuple(sorted(unplaced, key=lambda one: one.line.number)),
        tuple(sorted((line for n, (line, _, _) in placed.items() if n not in answered), key=lambda line: line.number)),
        tuple(name for name, row in known.rows.items() if row.guide is not None and name not in placed),
    )


def as_yaml(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as they stand under `matrix`, ready to paste."""
    dumped = yaml.safe_dump([dict(r) for r in rows], allow_unicode=True, sort_keys=False, width=1000, indent=2)
    items = dumped.replace("\n- ", "\n\n- ").splitlines() if rows else []
    return "\n".join(f"  {line}" if line else "" for line in items)


def known_labels(known: Known) -> frozenset[str]:
    """Everything that a label may be called exactly, as `key` gives it."""
    return frozenset(_exact(known.texts()))


def _exact(texts: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Labels that mean one thing, and which; a label that means two is left to likeness, and so to a person."""
    meant: dict[str, set[str]] = {}
    for name, said in texts.items():
        for text in said:
            meant.setdefault(key(text), set()).add(name)
    return {text: next(iter(names)) for text, names in meant.items() if text and len(names) == 1}


def _leads(near: Sequence[Near]) -> bool:
    return len(near) < 2 or near[0].score - near[1].score >= CLEARLY


def _proposal(
    known: Known,
    name: str,
    line: GuideLine,
    score: float,
    near: tuple[Near, ...],
    *,
    is_exact: bool,
    has_notes: bool,
) -> Proposal:
    before = known.row(name)
    is_switch = name in SWITCHES or isinstance(before, models.SwitchRowModel)
    old = _as_data(before) if before is not None else {"switch" if is_switch else "attribute": name}
    decided = _decided(name, before, line, is_switch=is_switch)
    guide = _guide(before.guide if before is not None else None, line)
    if has_notes and not line.note and decided.get("owner", old.get("owner")) != old.get("owner"):
        # It told why the former owner decided.
        guide.pop("note", None)
    row = _ordered({**old, **decided, "guide": guide})
    changes = tuple(_changes(old, row))
    return Proposal(
        line,
        name,
        is_switch,
        is_exact,
        score,
        near,
        row,
        changes,
        is_new=before is None,
        moves=name in known.carried,
        differences=tuple(_differences(known, name, row, line)) if not is_switch else (),
        settled=bool(before is not None and before.provisional and not line.to_confirm),
    )


def _as_data(row: models.AttributeRowModel | models.SwitchRowModel) -> dict[str, Any]:
    """A row as it was written; what it leaves out is left out."""
    return _ordered(row.model_dump(exclude_unset=True, mode="json"))


def _ordered(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as people write it: what it is about, what decides, what the guide prints, exceptions."""
    about = "switch" if "switch" in row else "attribute"
    ends = {name: row[name] for name in ("guide", "exceptions") if row.get(name)}
    return {about: row[about], **{n: v for n, v in row.items() if n not in (about, "guide", "exceptions")}, **ends}


def _guide(before: models.GuideModel | None, line: GuideLine) -> dict[str, str]:
    """The guide's row as the table prints it; what it only spells otherwise stays as it is."""
    note = before.note if before is not None else ""
    if line.note and key(line.note) != key(note):
        note = line.note
    label = before.label if before is not None and key(before.label) == key(line.label) else line.label
    answer = line.answer or (before.dms_may_modify if before is not None else "NON")
    return {"label": label, "dms_may_modify": answer} | ({"note": note} if note else {})


def _decided(
    name: str, before: models.AttributeRowModel | models.SwitchRowModel | None, line: GuideLine, *, is_switch: bool
) -> dict[str, Any]:
    """What decides: an owner that only followed the guide follows it again; any other decision stays."""
    said: dict[str, Any] = {}
    if not is_switch and line.answer is not None:
        owner = "lifecycle" if name in LIFECYCLE_ATTRIBUTES else _OWNERS[line.answer]
        if before is None or (isinstance(before, models.AttributeRowModel) and _followed(before)):
            said["owner"] = owner
    if line.to_confirm:
        said["provisional"] = True
    return said


def _followed(row: models.AttributeRowModel) -> bool:
    return row.guide is not None and not row.exceptions and row.owner == _OWNERS[row.guide.dms_may_modify]


def _differences(known: Known, name: str, row: Mapping[str, Any], line: GuideLine) -> Iterable[Difference]:
    if line.answer is None:
        return
    said = [("", row.get("owner"))]
    said += [(f"exceptions.{number}", one.get("owner")) for number, one in enumerate(row.get("exceptions", ()), 1)]
    said += [(point, owners.get(name)) for point, owners in known.overrides.items()]
    for where, owner in said:
        if owner is not None and (owner in _DMS_MAY) is not (line.answer == "OUI"):
            yield Difference(line.answer, owner, where)


def _changes(old: Mapping[str, Any], new: Mapping[str, Any], keys: tuple[str, ...] = ()) -> Iterable[Change]:
    for name, value in new.items():
        before, here = old.get(name), (*keys, name)
        if isinstance(value, Mapping):
            yield from _changes(before if isinstance(before, Mapping) else {}, value, here)
        elif before != value and not isinstance(value, list):
            yield Change(here, before, value)
    yield from (Change((*keys, name), value, None) for name, value in old.items() if name not in new and value)

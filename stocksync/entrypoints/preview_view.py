"""What an edit of the mapping would change, as people and programs read it: by edited line, counts and examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import click

from stocksync.entrypoints import cases
from stocksync.entrypoints.former_mappings import Former
from stocksync.entrypoints.preview_words import WORDS
from stocksync.mapping.edits import Edit
from stocksync.mapping.effective import MappingSet
from stocksync.reports import wording
from stocksync.reports.spelling import Counted, Language, Speller, neutral
from stocksync.reports.words import CATEGORIES, SIDE_NAMES
from stocksync.stock.reconcile import Category
from stocksync.stock.values import SIDES
from stocksync.sync.cars import RECORD, RESERVATION
from stocksync.sync.preview import Difference, Outcome, PointPreview

EXAMPLES: Final = 3
"""Cars that are shown of each kind of difference."""
HEADERS: Final[Mapping[Language, Sequence[str]]] = {
    "fr": (
        "Lignes modifiées", "Point de vente", "Voiture", "VIN", "Immatriculation", "N° de police", "Donnée",
        "Module véhicules", "DMS", "Dernier accord", "Avant", "Après",
    ),
    "en": (
        "Edited lines", "Point of sale", "Car", "VIN", "Registration", "Police number", "Attribute",
        "Vehicle module", "DMS", "Last agreed", "Before", "After",
    ),
}  # fmt: skip

Group = tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class PreviewView:
    """One preview, told in one language.

    edits: by point of sale, where its files differ from the former ones. previews: of every point of sale that could be
    compared.
    """

    mappings: MappingSet
    former: Former
    edits: Mapping[str, Sequence[Edit]]
    previews: Sequence[PointPreview]
    language: Language

    def lines(self) -> Iterator[str]:
        """Every edited line, and what it changes; then all of it in one line."""
        place = self.former.named
        yield self.say("against", place=place) if place else self.say("against_runs")
        yield from (self.say("unknown", point=point) for point in self.former.unknown)
        grouped = self.grouped()
        every = sorted({edit for edits in self.edits.values() for edit in edits})
        if not every:
            yield self.say("no_edit")
        told: set[Edit] = set()
        for edits, differences in grouped.items():
            told |= set(edits)
            yield from self._group(edits, differences)
        for edit in every:
            if edit not in told:
                yield self._edit(edit)
                if not self._leads_nowhere(edit):
                    yield self.say("no_effect")
        yield from self._total()

    def rows(self) -> list[Sequence[str]]:
        """One row for each difference, for a spreadsheet."""
        return [
            (
                ", ".join(edit.where for edit in edits),
                d.point_of_sale,
                d.car.id,
                d.car.vin or "",
                d.car.registration or "",
                d.car.police_number or "",
                self._label(d),
                *(self._value(d, text) for text in (d.vehicle_module, d.dms, d.base)),
                self._outcome(d, d.before),
                self._outcome(d, d.after),
            )
            for edits, differences in self.grouped().items()
            for d in differences
        ]

    def as_data(self) -> dict[str, Any]:
        """The same for a program; personal values are masked."""
        return {
            "against": self.former.named or "last_runs",
            "not_compared": list(self.former.unknown),
            "edits": [_edit_data(edit) for edit in sorted({e for edits in self.edits.values() for e in edits})],
            "points_of_sale": [
                {
                    "id": p.point_of_sale,
                    "cars": p.cars,
                    "differing": len({d.car.id for d in p.differences}),
                    "writes_before": p.writes_before,
                    "writes_after": p.writes_after,
                    "guards": [halt.guard.value for halt in p.halts],
                    "unread": [
                        {"side": f.side.value, "attribute": f.attribute, "field": f.path, "records": f.records}
                        for f in p.unread
                    ],
                }
                for p in self.previews
            ],
            "differences": [
                {
                    "edits": [edit.where for edit in edits],
                    "point_of_sale": d.point_of_sale,
                    "car": d.car.id,
                    "records": {side.value: d.car.record_ids.get(side) for side in SIDES},
                    "subject": d.subject,
                    "vehicle_module": self._neutral(d, d.vehicle_module),
                    "dms": self._neutral(d, d.dms),
                    "base": self._neutral(d, d.base),
                    "before": self._outcome_data(d, d.before),
                    "after": self._outcome_data(d, d.after),
                    "ignored_by_a_reviewer": d.ignored,
                }
                for edits, differences in self.grouped().items()
                for d in differences
            ],
        }

    @property
    def differing(self) -> int:
        """How many cars are decided differently."""
        return len({d.car.id for p in self.previews for d in p.differences})

    @property
    def needs_consent(self) -> bool:
        """Tell whether the next run would halt over the edit, until it is accepted."""
        return bool(self.differing) or any(p.unread for p in self.previews)

    def grouped(self) -> dict[Group, list[Difference]]:
        """The differences by the edited lines that they hang on; last, under no line, what follows from others."""
        groups: dict[Group, list[Difference]] = {}
        for preview in self.previews:
            for difference in preview.differences:
                groups.setdefault(self._cause(difference), []).append(difference)
        return dict(sorted(groups.items(), key=lambda item: (not item[0], item[0])))

    def _cause(self, difference: Difference) -> Group:
        """The lines that a difference hangs on: those about its subject, else those about whatever is decided there."""
        mapping = self.mappings.points_of_sale[difference.point_of_sale]
        near = [
            edit
            for edit in self.edits.get(mapping.id, ())
            if edit.concerns(mapping.pair, mapping.id, difference.subject)
        ]
        return tuple(edit for edit in near if edit.subjects is not None) or tuple(near)

    # lines

    def _group(self, edits: Group, differences: Sequence[Difference]) -> Iterator[str]:
        yield from (self._edit(edit) for edit in edits)
        if not edits:
            yield click.style(self.say("others"), bold=True)
        yield self.say("effect", cars=self._counted(len({d.car.id for d in differences})))
        kinds: dict[tuple[str, str, str], list[Difference]] = {}
        for d in differences:
            steps = (self._label(d), self._outcome(d, d.before, bare=True), self._outcome(d, d.after, bare=True))
            kinds.setdefault(steps, []).append(d)
        for (subject, before, after), alike in sorted(kinds.items(), key=lambda item: -len(item[1])):
            yield self.say("step", subject=subject, before=before, after=after, count=self._counted(len(alike)))
            yield from (self._example(d) for d in alike[:EXAMPLES])

    def _edit(self, edit: Edit) -> str:
        nothing = self.say("nothing_said")
        said = {"before": edit.before or nothing, "after": edit.after or nothing}
        return click.style(self.say("edit", where=edit.where, path=edit.path, **said), bold=True)

    def _example(self, d: Difference) -> str:
        values = {"vehicle_module": d.vehicle_module, "dms": d.dms, "base": d.base}
        held = self.say("held", **{name: self._value(d, text) for name, text in values.items()})
        ids = ", ".join(d.car.record_ids[side] for side in SIDES if side in d.car.record_ids)
        name = " ".join(filter(None, (d.car.registration or d.car.vin, f"({ids})", f"[{d.point_of_sale}]")))
        said = self.say("example", car=name, label=self._outcome(d, d.after), held=held)
        return f"{said} {self.say('ignored_one')}" if d.ignored else said

    def _total(self) -> Iterator[str]:
        yield from self._unread()
        changed = [p for p in self.previews if p.differences]
        if not changed:
            if not self.needs_consent:
                yield self.say("same")
            return
        yield click.style(
            self.say(
                "total",
                cars=self._counted(self.differing),
                points=self._counted(len(changed)),
                before=str(sum(p.writes_before for p in self.previews)),
                after=str(sum(p.writes_after for p in self.previews)),
            ),
            bold=True,
        )
        ignored = len({d.car.id for p in changed for d in p.differences if d.ignored})
        if ignored:
            yield click.style(self.say("ignored", cars=self._counted(ignored)), bold=True)
        for p in changed:
            for halt in p.halts:
                yield self.say("halt", point=p.point_of_sale, why=halt.guard.value)

    def _leads_nowhere(self, edit: Edit) -> bool:
        return any(
            edit.concerns(self.mappings.points_of_sale[p.point_of_sale].pair, p.point_of_sale, field.attribute)
            for p in self.previews
            for field in p.unread
        )

    def _unread(self) -> Iterator[str]:
        """What is looked for where no record has it: nothing differs yet, and nothing would ever again."""
        for p in self.previews:
            mapping = self.mappings.points_of_sale[p.point_of_sale]
            for field in p.unread:
                said = {
                    "point": p.point_of_sale,
                    "subject": cases.told_subject(field.attribute, mapping, self.language),
                    "field": field.path,
                    "side": SIDE_NAMES[self.language][field.side],
                }
                yield click.style(self.say("unread", records=self._counted(field.records), **said), bold=True)

    # words

    def _label(self, d: Difference) -> str:
        return cases.told_subject(d.subject, self.mappings.points_of_sale[d.point_of_sale], self.language)

    def _outcome(self, d: Difference, outcome: Outcome, *, bare: bool = False) -> str:
        """What becomes of a subject in words; bare: without the values, so that what is alike can be counted."""
        parts = [self._write(d, outcome, bare=bare)] if outcome.writes else []
        if outcome.category is not None and (not outcome.writes or outcome.category is not Category.WRITTEN):
            said = CATEGORIES[self.language][outcome.category]
            reason = wording.label(outcome.reason, self.language) if outcome.reason is not None else ""
            parts.append(f"{said} ({reason})" if reason else said)
        return ", ".join(parts) or self.say("nothing")

    def _write(self, d: Difference, outcome: Outcome, *, bare: bool) -> str:
        said = []
        for side, text in outcome.writes.items():
            name = SIDE_NAMES[self.language][side]
            if d.subject in (RECORD, RESERVATION):
                said.append(self.say("create" if d.subject == RECORD else "reserve", side=name))
            elif text is None:
                said.append(self.say("blanked", side=name))
            elif bare:
                said.append(self.say("written_only", side=name))
            else:
                said.append(self.say("written", side=name, value=self._value(d, text)))
        return ", ".join(said)

    def _value(self, d: Difference, text: str | None) -> str:
        mapping = self.mappings.points_of_sale[d.point_of_sale]
        attribute = mapping.vocabulary.get(d.subject)
        if attribute is None:
            return text or "-"
        return Speller(self.language, mapping.choice_labels).text(attribute, text)

    def _neutral(self, d: Difference, text: str | None) -> str | None:
        attribute = self.mappings.points_of_sale[d.point_of_sale].vocabulary.get(d.subject)
        return neutral(attribute, text) if attribute is not None else text

    def _outcome_data(self, d: Difference, outcome: Outcome) -> dict[str, Any]:
        return {
            "category": outcome.category.value if outcome.category is not None else None,
            "reason": outcome.reason.value if outcome.reason is not None else None,
            "writes": {side.value: self._neutral(d, text) for side, text in outcome.writes.items()},
        }

    def _counted(self, number: int) -> Counted:
        return Counted(number, self.language)

    def say(self, key: str, **values: str | Counted) -> str:
        """A sentence of these commands in the reader's language."""
        return wording.typeset(WORDS[self.language][key], self.language).format(**values)


def _edit_data(edit: Edit) -> dict[str, Any]:
    return {
        "file": edit.file,
        "line": edit.line,
        "path": edit.path,
        "before": edit.before,
        "after": edit.after,
        "about": sorted(edit.subjects) if edit.subjects is not None else None,
        "point_of_sale": edit.point_of_sale,
    }

"""A plan as people read it before it is carried out: car by car what is written and why, then what is not.

Everything stands in it; only what both sides agree on is a count, because nobody has to look at it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import click

from stocksync.entrypoints import cases
from stocksync.entrypoints.plan_order import Weight, in_order_of_cost, totals
from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.reports import wording
from stocksync.reports.spelling import Counted, Language, Speller, count, neutral
from stocksync.reports.words import CATEGORIES, SIDE_NAMES
from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category, Verdict
from stocksync.stock.values import ABSENT, SIDES, Reading, as_text
from stocksync.stock.vehicle import DMS_STATUS, STAGE
from stocksync.sync.plan import DIFFERENCES, Action, CarPlan, Change, Operation, Plan

WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {
        "summary": "En résumé : {due:voiture|voitures} à modifier",
        Weight.RESERVATION: "{count:réservation|réservations} à poser",
        Weight.EXIT: "{count:sortie|sorties}",
        Weight.CREATION: "{count:création|créations}",
        Weight.PRICE: "{count:voiture|voitures} dont un prix change",
        Weight.STAGE: "{count:changement|changements} de statut",
        Weight.OTHER: "{count:voiture|voitures} dont une autre donnée change",
        Weight.REFERENCE: "{count:référence croisée|références croisées} à noter",
        "to_write": "À écrire : {cars:voiture|voitures}",
        "references": "Référence croisée seulement : {cars:voiture|voitures}",
        "create": "à créer dans le {side}",
        "reserve": "réservation illimitée à poser dans le {side} (vente hors Opportunités)",
        "reference": "référence croisée {reference} à noter dans le {side}",
        "stage": "le DMS est à « {status} » ({trigger}, lifecycle.yaml)",
        "owner_decides": "{reason}, le {owner} en décide",
        "in": "dans le {side}",
        "owner_changed": "changé par le {owner}, qui en décide",
        "one_changed": "changé d'un seul côté",
        "both_changed": "modifié des deux côtés, {kept}",
        "agreed": "{count:accord|accords} : les deux côtés ont déjà la même valeur",
        Category.REFUSED: "Modifications refusées",
        Category.CONFLICT: "Conflits",
        Category.HELD: "En attente",
        Category.DEFERRED: "Différés",
        "nothing": "Rien à écrire.",
        "missing": "{label} : une fiche manque, à la première lecture complète on attend la suivante.",
    },
    "en": {
        "summary": "In short: {due:car|cars} to change",
        Weight.RESERVATION: "{count:reservation|reservations} to set",
        Weight.EXIT: "{count:exit|exits}",
        Weight.CREATION: "{count:creation|creations}",
        Weight.PRICE: "{count:car|cars} with a price to change",
        Weight.STAGE: "{count:stage move|stage moves}",
        Weight.OTHER: "{count:car|cars} with another attribute to change",
        Weight.REFERENCE: "{count:cross reference|cross references} to note",
        "to_write": "To write: {cars:car|cars}",
        "references": "Only the cross reference: {cars:car|cars}",
        "create": "to create in the {side}",
        "reserve": "unlimited reservation to set in the {side} (sold outside Opportunités)",
        "reference": "cross reference {reference} to note in the {side}",
        "stage": "the DMS is at “{status}” ({trigger}, lifecycle.yaml)",
        "owner_decides": "{reason}, the {owner} decides it",
        "in": "in the {side}",
        "owner_changed": "changed by the {owner}, which decides it",
        "one_changed": "changed on one side only",
        "both_changed": "changed on both sides, {kept}",
        "agreed": "{count} agreed: both sides hold the same value already",
        Category.REFUSED: "Refused changes",
        Category.CONFLICT: "Conflicts",
        Category.HELD: "Held",
        Category.DEFERRED: "Deferred",
        "nothing": "Nothing to write.",
        "missing": "{label}: a record is missing; after one complete listing we wait for the next.",
    },
}
_UNDONE: Final = (Category.REFUSED, Category.CONFLICT, Category.HELD, Category.DEFERRED)
_COLOURS: Final = {Category.REFUSED: "yellow", Category.CONFLICT: "red", Category.HELD: "yellow"}

Section = list[tuple[CarPlan, str]]


@dataclass(frozen=True, slots=True)
class PlanView:
    """One plan, told in one language."""

    plan: Plan
    mapping: PointOfSaleMapping
    language: Language

    @property
    def speller(self) -> Speller:
        """How values are spelled; names are masked."""
        return Speller(self.language, self.mapping.choice_labels)

    def echo(self) -> None:
        """Print everything that would happen, and everything that would not."""
        for line in self.lines():
            click.echo(line)

    def lines(self) -> Iterator[str]:
        """The view, line by line."""
        cars = in_order_of_cost(self.plan, self.mapping.vocabulary)
        due = [car for car in cars if car.operations]
        bare = [car for car in due if all(_only_notes(operation) for operation in car.operations)]
        sections = {category: self._section(cars, category) for category in _UNDONE}
        yield from self._summary(due, sections)
        yield from self._to_write([car for car in due if car not in bare])
        yield from self._references(bare)
        for category, told in sections.items():
            if told:
                yield click.style(self._counted(category, told), bold=True, fg=_COLOURS.get(category))
            yield from (f"  {self._name(car)} - {line}" for car, line in told)
        agreed = self.plan.categories()[Category.AGREED]
        if agreed:
            yield self._say("agreed", count=Counted(agreed, self.language))

    def _summary(self, due: list[CarPlan], sections: Mapping[Category, Section]) -> Iterator[str]:
        if not due:
            yield self._say("nothing")
        else:
            yield click.style(self._say("summary", due=Counted(len(due), self.language)), bold=True)
            counts = totals(due, self.mapping.vocabulary)
            yield from (f"  {self._say(w, count=Counted(counts[w], self.language))}" for w in Weight if counts[w])
        yield from (f"  {self._counted(category, told)}" for category, told in sections.items() if told)

    def _to_write(self, cars: list[CarPlan]) -> Iterator[str]:
        if cars:
            yield click.style(self._say("to_write", cars=Counted(len(cars), self.language)), bold=True)
        for car in cars:
            yield f"  {click.style(self._name(car), bold=True)}"
            for operation in car.operations:
                yield from (f"    {line}" for line in self._operation(car, operation))

    def _references(self, cars: list[CarPlan]) -> Iterator[str]:
        if cars:
            yield click.style(self._say("references", cars=Counted(len(cars), self.language)), bold=True)
        for car in cars:
            said = [line for operation in car.operations for line in self._operation(car, operation)]
            yield f"  {self._name(car)} - {', '.join(said)}"

    def as_data(self) -> list[dict[str, Any]]:
        """The cars with something due or something to see, for a program; names are masked."""
        return [self._car_data(car) for car in self.plan.cars if car.operations or car.findings or _differs(car)]

    def _operation(self, car: CarPlan, operation: Operation) -> Iterator[str]:
        side = SIDE_NAMES[self.language][operation.side]
        if operation.action is Action.CREATE:
            yield f"{self._say('create', side=side)} ({self._created(operation)})"
            return
        if operation.action is Action.RESERVE:
            yield self._say("reserve", side=side)
            return
        for change in operation.changes:
            yield self._change(car, operation, change)
        if operation.reference is not None:
            yield self._say("reference", side=side, reference=operation.reference)

    def _created(self, operation: Operation) -> str:
        labelled = ((cases.told_subject(c.attribute, self.mapping, self.language), c) for c in operation.changes)
        return ", ".join(f"{label} {self._value(c.attribute, c.value)}" for label, c in labelled)

    def _change(self, car: CarPlan, operation: Operation, change: Change) -> str:
        label = cases.told_subject(change.attribute, self.mapping, self.language)
        step = f"{self._value(change.attribute, change.expected)} → {self._value(change.attribute, change.value)}"
        where = self._say("in", side=SIDE_NAMES[self.language][operation.side])
        return f"{label}{self._colon}{click.style(step, fg='cyan')} {where} - {self._because(car, change)}"

    def _because(self, car: CarPlan, change: Change) -> str:
        verdict, rule = car.verdicts.get(change.attribute), car.rules.get(change.attribute, "")
        if change.attribute == STAGE:
            return self._stage_because(car, change)
        known = cases.beside_in(car, change.attribute, self.mapping)
        sides, owner = SIDE_NAMES[self.language], known.owner
        if verdict is not None and verdict.reason is not None and wording.is_decided_by_rule(verdict.reason, owner):
            winner = verdict.refused.other if verdict.refused is not None else ""
            why = self._say("both_changed", kept=wording.kept_value(known.tie_break, winner, self.language))
        elif verdict is not None and verdict.reason is not None:
            label = wording.label(verdict.reason, self.language)
            by_owner = owner in sides and verdict.reason is not Reason.BLANK_FILLED
            why = self._say("owner_decides", reason=label, owner=sides[str(owner)]) if by_owner else label
        elif owner in sides:
            why = self._say("owner_changed", owner=sides[str(owner)])
        else:
            why = self._say("one_changed")
        return f"{why} ({rule})" if rule else why

    def _stage_because(self, car: CarPlan, change: Change) -> str:
        status = car.dms.reading(DMS_STATUS) if car.dms is not None else ABSENT
        said = self.speller.value(self.mapping.vocabulary[DMS_STATUS], status)
        trigger = next((s.trigger for s in car.stage.moves if s.goal == change.value), "") if car.stage else ""
        return self._say("stage", status=said, trigger=trigger)

    def _section(self, cars: Iterable[CarPlan], category: Category) -> Section:
        return [(car, line) for car in cars for line in self._undone(car, category)]

    def _counted(self, category: Category, told: Section) -> str:
        return f"{self._say(category)}{self._colon}{count(len(told), self.language)}"

    def _undone(self, car: CarPlan, category: Category) -> Iterator[str]:
        """Tell what of a car ends in a category: its findings, and verdicts that nothing reports."""
        reported = set()
        for finding in car.findings:
            reported.add(finding.subject)
            if finding.category is category:
                case = cases.case_of(finding, cases.beside_in(car, finding.subject, self.mapping))
                yield wording.sentence(case, self.mapping.vocabulary, self.speller)
        for subject, verdict in car.verdicts.items():
            if verdict.category is category and subject not in reported:
                yield self._verdict(car, subject, verdict)

    def _verdict(self, car: CarPlan, subject: str, verdict: Verdict) -> str:
        if verdict.category is Category.DEFERRED and verdict.reason is not None:
            return self._say("missing", label=wording.label(verdict.reason, self.language))
        case = cases.case_of_verdict(car, subject, verdict, cases.beside_in(car, subject, self.mapping))
        if case is None:
            return CATEGORIES[self.language][verdict.category]
        return wording.sentence(case, self.mapping.vocabulary, self.speller)

    def _value(self, name: str, value: Reading) -> str:
        return self.speller.value(self.mapping.vocabulary[name], value)

    def _name(self, car: CarPlan) -> str:
        return f"{cases.name_of_car(cases.vehicles_of(car), car.car.record_ids)}  [{self.plan.point_of_sale}]"

    @property
    def _colon(self) -> str:
        return wording.french_spaces(" : ") if self.language == "fr" else ": "

    def _say(self, key: str, **values: str | Counted) -> str:
        template = WORDS[self.language][key]
        return wording.typeset(template, self.language).format(**values)

    def _car_data(self, car: CarPlan) -> dict[str, Any]:
        vehicles = cases.vehicles_of(car)
        return {
            "car": car.car.id,
            "vin": cases.first_text(vehicles, "vin"),
            "registration": cases.first_text(vehicles, "registration"),
            "records": {side.value: car.car.record_ids.get(side) for side in SIDES},
            "operations": [self._operation_data(operation) for operation in car.operations],
            "verdicts": {
                name: {
                    "category": verdict.category.value,
                    "row": verdict.row,
                    "reason": verdict.reason.value if verdict.reason is not None else None,
                    "rule": car.rules.get(name),
                }
                for name, verdict in car.verdicts.items()
                if verdict.category is not Category.AGREED
            },
            "agreed": sum(v.category is Category.AGREED for v in car.verdicts.values()),
        }

    def _neutral(self, name: str, value: Reading) -> str | None:
        return neutral(self.mapping.vocabulary[name], as_text(value))

    def _operation_data(self, operation: Operation) -> dict[str, Any]:
        changes = [
            {
                "attribute": change.attribute,
                "from": self._neutral(change.attribute, change.expected),
                "to": self._neutral(change.attribute, change.value),
            }
            for change in operation.changes
        ]
        return {
            "side": operation.side.value,
            "action": operation.action.value,
            "record": operation.record_id,
            "reference": operation.reference,
            "changes": changes,
        }


def _only_notes(operation: Operation) -> bool:
    return operation.action is Action.UPDATE and not operation.changes


def _differs(car: CarPlan) -> bool:
    shown: Iterable[Category] = (c for c in DIFFERENCES if c is not Category.AGREED)
    return bool({verdict.category for verdict in car.verdicts.values()} & set(shown))

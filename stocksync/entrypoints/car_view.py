"""One car as people ask about it: its card, or one attribute with the reason for its value.

What is told was decided by the planning itself (`sync.answers`); here it is put into words and tables. The same for
programs is `car_data`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import click

from stocksync.entrypoints import cases, rendering
from stocksync.entrypoints.car_words import WORDS
from stocksync.entrypoints.lookup import Told
from stocksync.reports import verdicts, wording
from stocksync.reports.spelling import Language, Speller, attribute_of, instant
from stocksync.reports.words import CATEGORIES, SIDE_NAMES
from stocksync.stock import vehicle as words
from stocksync.stock.reconcile import Category, Verdict
from stocksync.stock.values import ABSENT, SIDES, Invalid, Side, as_text
from stocksync.stock.vehicle import RESERVED, STAGE
from stocksync.sync.answers import AttributeAnswer, LastMove, StoredFinding, last_move
from stocksync.sync.cars import Finding
from stocksync.sync.stages import is_sold


@dataclass(frozen=True, slots=True)
class CarView:
    """One car, told in one language; names of people are masked."""

    told: Told
    language: Language

    @property
    def speller(self) -> Speller:
        """How values are spelled."""
        return Speller(self.language, self.told.mapping.choice_labels)

    def echo_card(self) -> None:
        """Print the car's card."""
        for line in self._head():
            click.echo(line)
        rendering.echo_table(
            self._say("headers").split("|"), [self._row(a) for a in self.told.answer.attributes.values()]
        )
        rows = self.told.findings
        if rows:
            click.echo(self._say("findings"))
        for row in rows:
            click.echo(f"  {self._finding_line(row)}")

    def echo_attribute(self, name: str) -> None:
        """Print one attribute: its values, who decides, who moved it last, and what follows."""
        one = self.told.answer.attributes[name]
        click.echo(click.style(self.label(one), bold=True))
        click.echo(self.sentence(one))
        for side in SIDES:
            colon = wording.french_spaces(" : ") if self.language == "fr" else ": "
            click.echo(f"  {SIDE_NAMES[self.language][side]}{colon}{self._value(one, side)}")
        click.echo(f"  {self._say('base', base=self._base(one))}")
        owner = self._owner(one)
        click.echo(f"  {self._say('owner', owner=f'{owner} ({one.rule})' if one.rule else owner)}")
        click.echo(f"  {self._verdict_line(one)}")
        for line in self._other_findings(one):
            click.echo(f"  {line}")
        for line in self._last_writers(name):
            click.echo(f"  {line}")
        click.echo(self._read())

    def sentence(self, one: AttributeAnswer) -> str:
        """Why an attribute is what it is, or what will become of it, in words of a dealer."""
        car, name, verdict = self.told.answer, one.attribute.name, one.verdict
        if verdict is None:
            return verdicts.say("closed" if car.closed else "not_synchronised", self.language)
        if verdict.category is Category.DEFERRED:
            return verdicts.say("record_missing", self.language)
        if verdict.reason is not None:
            return wording.sentence(self._case(one), self._vocabulary, self.speller)
        if name == STAGE:
            return self._stage_sentence(one)
        if name == RESERVED:
            return self._reservation_sentence(verdict)
        values = {side: self._value(one, side) for side in SIDES}
        carried = [side for side in SIDES if one.readings[side] is not ABSENT]
        label, base = self.label(one), self._base(one)
        return verdicts.without_reason(verdict, label, one.owner, values, base, carried, self.language)

    def _reservation_sentence(self, verdict: Verdict) -> str:
        if verdict.category is Category.WRITTEN:
            return verdicts.say("reservation_due", self.language)
        is_blocked = bool(self._beside(RESERVED).reserved)
        sold = is_sold(self.told.answer.vehicles.get(Side.DMS))
        if sold is None:
            return verdicts.say("sale_unknown_blocked" if is_blocked else "sale_unknown", self.language)
        found = self._found_of_reservation()
        if found is None:
            return verdicts.say(self._why_no_reservation(is_sold=sold, is_blocked=is_blocked), self.language)
        said = wording.sentence(cases.case_of(found, self._beside(RESERVED)), self._vocabulary, self.speller)
        return said + self._ignored(RESERVED)

    def _found_of_reservation(self) -> Finding | None:
        """What is to be told of the reservation, iff anything: also where a reviewer chose not to be shown it."""
        plan = self.told.answer.plan
        found = (*(row.finding for row in self.told.findings), *(plan.findings if plan is not None else ()))
        return next((finding for finding in found if finding.subject == RESERVED), None)

    def _why_no_reservation(self, *, is_sold: bool, is_blocked: bool) -> str:
        if not is_sold:
            return "reservation_not_ours" if is_blocked else "reservation_not_due"
        module = self.told.answer.vehicles.get(Side.VEHICLE_MODULE)
        has_order = module is not None and module.has(words.MODULE_ORDER)
        return "sale_in_module" if has_order else "sold_off_sale"

    def _ignored(self, subject: str) -> str:
        decision = self.told.ignored.get(subject)
        if decision is None:
            return ""
        at = instant(self.told.local(decision.decided_at))
        return " " + self._say("ignored", by=decision.decided_by, at=at, id=str(decision.conflict_id))

    def _stage_sentence(self, one: AttributeAnswer) -> str:
        plan = self.told.answer.plan
        stage = plan.stage if plan is not None else None
        values = {"module": self._value(one, Side.VEHICLE_MODULE), "dms": self._value(one, Side.DMS)}
        if stage is not None and stage.create_in_dms:
            return verdicts.say("creation_due", self.language)
        if stage is None or not stage.moves:
            return verdicts.say(
                "stages_agree" if len(self.told.answer.vehicles) == 2 else "stage_waits", self.language, **values
            )
        path = [stage.moves[0].source, *(step.goal for step in stage.moves)]
        said = " → ".join(self.speller.value(one.attribute, word) for word in path)
        return verdicts.say("stage_moves", self.language, **values, path=said)

    def _case(self, one: AttributeAnswer) -> wording.Case:
        """The verdict as it is told, with what its open finding knows besides."""
        verdict, name = one.verdict, one.attribute.name
        assert verdict is not None
        assert verdict.reason is not None
        found = next(
            (r.finding for r in self.told.findings if r.finding.reason is verdict.reason and r.finding.subject == name),
            None,
        ) or next((finding for finding in self.told.answer.held if finding.reason is verdict.reason), None)
        if found is not None and name == RESERVED:
            return cases.case_of(found, self._beside(name))
        details = dict(found.details) if found is not None else {}
        details |= {
            f"{side}_invalid": reading.why
            for side, reading in one.readings.items()
            if isinstance(reading, Invalid) and reading.why
        }
        if verdict.refused is not None:
            details["refused"] = verdict.refused.value
        texts = {side: as_text(reading) for side, reading in one.readings.items()}
        known = self._beside(name)
        return wording.Case(
            verdict.reason,
            verdict.category,
            name,
            texts[Side.VEHICLE_MODULE],
            texts[Side.DMS],
            as_text(one.base),
            one.owner,
            details,
            tie_break=known.tie_break,
            never_in_dms=known.never_in_dms,
            reserved=known.reserved,
            choices=self.told.choices(found) if found is not None else None,
        )

    def _beside(self, subject: str) -> cases.Beside:
        answer = self.told.answer
        context = answer.plan.context if answer.plan is not None else None
        module = answer.vehicles.get(Side.VEHICLE_MODULE)
        known = cases.beside(answer.car, module, subject, context, self.told.mapping)
        answered = answer.attributes.get(subject)
        return replace(known, owner=answered.owner if answered is not None else None)

    def _owner(self, one: AttributeAnswer) -> str:
        if one.owner is None and self.told.answer.plan is None:
            return "—"
        return cases.owner_label(one.owner, one.attribute.name, self.told.mapping, self.language)

    def _head(self) -> Iterator[str]:
        told = self.told
        found = told.found
        yield click.style(cases.name_of_car(told.answer.vehicles, found.record_ids), bold=True)
        yield self._say(
            "car",
            id=found.id,
            point_of_sale=found.point_of_sale,
            name=told.mapping.name,
            state=self._say("closed" if told.answer.closed else "open", since=instant(told.local(found.opened_at))),
        )
        for side in SIDES:
            record_id = found.record_ids.get(side)
            key = "no_record" if record_id is None else "record" if side in told.answer.vehicles else "gone"
            yield f"  {self._say(key, side=SIDE_NAMES[self.language][side], id=record_id or '')}"
        yield self._read()

    def _read(self) -> str:
        at = self.told.read_at
        return self._say("read", at=instant(self.told.local(at))) if at is not None else self._say("never_read")

    def _other_findings(self, one: AttributeAnswer) -> Iterator[str]:
        """The open findings of an attribute that its sentence does not tell already."""
        told = self.sentence(one)
        for row in self.told.findings:
            line = self._finding_line(row)
            if row.finding.subject == one.attribute.name and not line.endswith(told):
                yield line

    def _finding_line(self, row: StoredFinding) -> str:
        at = instant(self.told.local(row.opened_at))
        choices = self.told.choices(row.finding)
        case = cases.case_of(row.finding, self._beside(row.finding.subject), choices=choices)
        said = wording.sentence(case, self._vocabulary, self.speller)
        return self._say("since", id=str(row.finding_id), at=at, sentence=said)

    def _row(self, one: AttributeAnswer) -> list[str]:
        owner = self._owner(one)
        values = [self._value(one, side) for side in SIDES]
        return [self.label(one), *values, self._base(one), owner, self._verdict_word(one)]

    def _verdict_word(self, one: AttributeAnswer) -> str:
        if one.verdict is None:
            return ""
        category = CATEGORIES[self.language][one.verdict.category]
        reason = one.verdict.reason
        return f"{category} ({wording.label(reason, self.language)})" if reason is not None else category

    def _verdict_line(self, one: AttributeAnswer) -> str:
        if one.verdict is None:
            return self._say("no_verdict")
        key = "verdict" if one.verdict.row else "verdict_without_row"
        return self._say(key, category=self._verdict_word(one), row=str(one.verdict.row))

    def _last_writers(self, name: str) -> Iterator[str]:
        move = last_move(self.told.journal, name)
        if move is None:
            yield self._say("never_moved")
        else:
            at = instant(self.told.local(move.at))
            yield self._say("moved", at=at, run=str(move.run_id), what=", ".join(self._moves(name, move)))
        for side, who in self.changed_by().items():
            yield self._say("changed_by", side=SIDE_NAMES[self.language][side], who=who)

    def _moves(self, name: str, move: LastMove) -> Iterator[str]:
        sides = SIDE_NAMES[self.language]
        if move.agreed:
            yield self._say("agreed")
        for side, text in move.moved.items():
            value = self.speller.text(attribute_of(name, side, self._vocabulary), text)
            yield self._say("found" if move.first else "moved_on", side=sides[side], value=value)
        if move.written is not None:
            side, before, after = move.written
            attribute = self._vocabulary[name]
            values = {"before": self.speller.text(attribute, before), "after": self.speller.text(attribute, after)}
            yield self._say("copied", side=sides[side], **values)

    def changed_by(self) -> dict[Side, str]:
        """Who changed each record last, as its system names them."""
        said = {}
        for side, seen in self.told.seen.items():
            who = self.told.mapping.translations[side].changed_by(seen.snapshot.body)
            if who is not None:
                said[side] = who
        return said

    @property
    def _vocabulary(self) -> Mapping[str, Any]:
        return self.told.mapping.vocabulary

    def label(self, one: AttributeAnswer) -> str:
        """What people call an attribute."""
        return one.attribute.label_fr if self.language == "fr" else one.attribute.label_en

    def _value(self, one: AttributeAnswer, side: Side) -> str:
        shown_as = one.attribute
        if one.attribute.name == STAGE and side is Side.DMS:
            shown_as = self._vocabulary[words.DMS_STATUS]
        return self.speller.value(shown_as, one.readings[side])

    def _base(self, one: AttributeAnswer) -> str:
        return self.speller.value(one.attribute, one.base)

    def _say(self, key: str, **values: str) -> str:
        template = WORDS[self.language][key]
        return wording.typeset(template, self.language).format(**values)

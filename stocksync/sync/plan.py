"""What is due for every car of one point of sale: verdicts, operations, findings. Pure.

A plan is a function of what both sides show, what we remember, the mapping and the day; the same input gives the same
plan, byte for byte. Nothing here reads a clock, a database or a network.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any, Final

import orjson

from stocksync.mapping.effective import DMS_CREATES_VEHICLES, EXIT_FROM_DELIVERY, PointOfSaleMapping
from stocksync.stock import rules
from stocksync.stock import vehicle as words
from stocksync.stock.lifecycle import INVOICED, NOT_THERE, Facts, Meaning, Situation, StageVerdict
from stocksync.stock.ownership import Context, Owner, Policy, may_write
from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import (
    ROUNDS_BEFORE_HOLDING,
    Category,
    Question,
    UnkeptWrite,
    Verdict,
    decide,
)
from stocksync.stock.values import ABSENT, BLANK, SIDES, Invalid, Known, Reading, Side, is_value, same
from stocksync.stock.vehicle import Vehicle
from stocksync.sync.binding import Bindings
from stocksync.sync.cars import BINDING, RECORD, REFERENCE, RESERVATION, Car, Finding, Sighting

REPORTED_WHEN_WRITTEN: Final = frozenset({Reason.FIRST_CONTACT})
DIFFERENCES: Final = (
    Category.AGREED,
    Category.WRITTEN,
    Category.REFUSED,
    Category.CONFLICT,
    Category.HELD,
    Category.DEFERRED,
)


class Action(StrEnum):
    """What an operation asks a system to do."""

    CREATE = "create"
    UPDATE = "update"
    RESERVE = "reserve"


@dataclass(frozen=True, slots=True)
class Change:
    """One attribute of an operation: what is written, and what the side held when that was planned."""

    attribute: str
    value: Known
    expected: Known
    fills_blank: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One request to one side for one car; those of a car and side are carried out in order.

    reference: the other side's record id, where it is to be noted. version: what the side's record had when this was
    planned, None where the side has no versions or where an earlier operation changes it.
    """

    side: Side
    action: Action
    record_id: str | None
    changes: tuple[Change, ...] = ()
    reference: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class CarPlan:
    """What is due for one car.

    car: as it will be remembered once this plan is recorded. verdicts: every difference, by subject, in the order of
    the matrix. findings: what a person should see. rules: per subject, the mapping line that decided.
    observed: differences counted by looking at the readings alone, to hold the verdicts against.
    """

    car: Car
    before: Car | None
    vehicle_module: Vehicle | None
    dms: Vehicle | None
    context: Context | None
    verdicts: Mapping[str, Verdict]
    operations: tuple[Operation, ...] = ()
    findings: tuple[Finding, ...] = ()
    stage: StageVerdict | None = None
    bound_by: str | None = None
    unchanged: bool = True
    rules: Mapping[str, str] = field(default_factory=dict)
    observed: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is due at one point of sale."""

    point_of_sale: str
    mapping_version: str
    cars: tuple[CarPlan, ...]
    merged: Mapping[str, str]

    def categories(self) -> dict[Category, int]:
        """Count the differences by where they end (law 4)."""
        counts = dict.fromkeys(DIFFERENCES, 0)
        for car in self.cars:
            for verdict in car.verdicts.values():
                counts[verdict.category] += 1
        return counts

    def digest(self) -> str:
        """Name exactly this plan: what would be written, and where."""
        parts = [(car.car.id, [_operation_parts(o) for o in car.operations]) for car in self.cars if car.operations]
        return hashlib.sha256(orjson.dumps(parts)).hexdigest()[:16]


def _operation_parts(operation: Operation) -> list[Any]:
    changes = [[c.attribute, repr(c.value), repr(c.expected)] for c in operation.changes]
    return [operation.side, operation.action, operation.record_id, changes, operation.reference]


@dataclass(frozen=True, slots=True)
class Register:
    """The police numbers of one point of sale: which stand twice, and the highest that both sides knew before.

    doubled: number to the DMS records that carry it. highest: None at first contact.
    """

    doubled: Mapping[str, tuple[str, ...]]
    highest: str | None


def make_plan(bindings: Bindings, mapping: PointOfSaleMapping, today_on: date, *, first_contact: bool) -> Plan:
    """Decide every car of one point of sale."""
    sightings = [_as_acknowledged(s, mapping) for s in bindings.sightings if _is_synchronised(s, mapping)]
    register = _register(sightings, mapping, first_contact=first_contact)
    plans = tuple(_plan_car(sighting, mapping, register, today_on) for sighting in sightings)
    return Plan(mapping.id, mapping.version, plans, bindings.merged)


def _is_synchronised(sighting: Sighting, mapping: PointOfSaleMapping) -> bool:
    """Tell whether this cycle is the one to decide a car.

    It is not iff
    - its stock cycle is closed and its module record gone,
    - its module record is at another point of sale: that one's cycle decides it, or
    - it is of a type that is not synchronised.
    """
    module = sighting.vehicle_module
    if sighting.car.closed and module is None:
        return False
    if module is not None and module.has(words.POINT_OF_SALE) and module.text(words.POINT_OF_SALE) != mapping.id:
        return False
    vehicle_type = effective_text(sighting, words.VEHICLE_TYPE)
    return vehicle_type is None or vehicle_type in mapping.vehicle_types


def effective_text(sighting: Sighting, attribute: str) -> str | None:
    """A car's value of an attribute that the module decides: the module's if set, else the DMS's."""
    for vehicle in (sighting.vehicle_module, sighting.dms):
        if vehicle is not None and vehicle.has(attribute):
            return vehicle.text(attribute)
    return None


def _as_acknowledged(sighting: Sighting, mapping: PointOfSaleMapping) -> Sighting:
    """Take what a write without a known outcome left behind for an acknowledgement, iff the side now holds it.

    Reading back our own write is agreement, not a change by the other side (law 9).
    """
    base = dict(sighting.car.base)
    for write in sighting.car.unconfirmed:
        vehicle, attribute = sighting.on(write.side), mapping.vocabulary.get(write.attribute)
        if vehicle is None or attribute is None or write.attribute not in mapping.matrix.rows:
            continue
        reading = vehicle.reading(write.attribute)
        if isinstance(reading, Invalid) or not same(attribute.kind, reading, write.value, attribute.tolerance):
            continue
        base[write.attribute] = write.value
    if base == sighting.car.base and not sighting.car.unconfirmed:
        return sighting
    return replace(sighting, car=replace(sighting.car, base=base, unconfirmed=()))


def _register(sightings: list[Sighting], mapping: PointOfSaleMapping, *, first_contact: bool) -> Register:
    numbers: dict[str, list[str]] = defaultdict(list)
    known: list[str] = []
    for sighting in sightings:
        own = sighting.car.first_point_of_sale == mapping.id
        number = sighting.dms.text(words.POLICE_NUMBER) if sighting.dms is not None else None
        if own and number is not None and sighting.dms is not None:
            numbers[number].append(sighting.dms.record_id)
        base = sighting.car.base.get(words.POLICE_NUMBER, ABSENT)
        if own and is_value(base):
            known.append(str(base))
    doubled = {number: tuple(ids) for number, ids in numbers.items() if len(ids) > 1}
    highest = max(known, key=_in_register_order) if known and not first_contact else None
    return Register(doubled, highest)


def _in_register_order(number: str) -> tuple[int, ...]:
    digits = "".join(c if c.isdigit() else " " for c in number).split()
    return tuple(int(part) for part in digits)


# One car ------------------------------------------------------------------------------------------------------


def _plan_car(sighting: Sighting, mapping: PointOfSaleMapping, register: Register, today_on: date) -> CarPlan:
    before = sighting.car
    missing = _missing_now(sighting)
    car = replace(before, point_of_sale=mapping.id, missing=missing)
    stage_only = CarPlan(car, before, sighting.vehicle_module, sighting.dms, None, {}, bound_by=sighting.bound_by)
    if sighting.held:
        return _held_plan(stage_only, sighting.held)
    plan = _Draft(stage_only, sighting, mapping, register, today_on)
    return plan.decided()


def _missing_now(sighting: Sighting) -> dict[Side, int]:
    """Count complete listings in a row without a side's record, up to 2: one more says nothing new."""
    counted = {}
    for side in SIDES:
        if sighting.on(side) is None and not (side is Side.DMS and sighting.car.closed):
            counted[side] = min(sighting.car.missing.get(side, 0) + 1, 2)
    return counted


def _held_plan(plan: CarPlan, held: tuple[Finding, ...]) -> CarPlan:
    verdict = Verdict(Category.HELD, row=0, reason=held[0].reason)
    return replace(plan, verdicts={BINDING: verdict}, findings=held, unchanged=False, observed=1)


class _Draft:
    """One car's plan in the making."""

    def __init__(
        self,
        plan: CarPlan,
        sighting: Sighting,
        mapping: PointOfSaleMapping,
        register: Register,
        today_on: date,
    ) -> None:
        self.plan, self.sighting, self.mapping, self.register = plan, sighting, mapping, register
        self.today_on = today_on
        self.car = plan.car
        self.context = self._context()
        self.readings = self._validated()
        self.verdicts: dict[str, Verdict] = {}
        self.rules: dict[str, str] = {}
        self.findings: list[Finding] = []
        self.stage: StageVerdict | None = None
        self.observed = 0

    def decided(self) -> CarPlan:
        """Decide attributes, stage and operations, in that order."""
        closed = self._closed_already()
        if not closed and self.sighting.vehicle_module is not None and self.sighting.dms is not None:
            self._decide_attributes()
        self._decide_stage()
        assert self.stage is not None
        operations = self._operations() if not closed else ()
        counts = self.stage.meaning in (Meaning.MISSING_IN_DMS, Meaning.MISSING_IN_VEHICLE_MODULE)
        missing = self.car.missing if counts else {}
        car = replace(self.car, base=self._base_now(), closed=self.stage.closed, missing=missing)
        return replace(
            self.plan,
            car=car,
            context=self.context,
            verdicts=self.verdicts,
            operations=operations,
            findings=tuple(self.findings),
            stage=self.stage,
            unchanged=not self.verdicts,
            rules=self.rules,
            observed=self.observed + sum(name not in self.mapping.matrix.rows for name in self.verdicts),
        )

    # attributes

    def _context(self) -> Context:
        vehicle = self.sighting.vehicle_module
        return Context(
            stage=vehicle.text(words.STAGE) if vehicle is not None else None,
            destination=effective_text(self.sighting, words.DESTINATION),
            vehicle_type=effective_text(self.sighting, words.VEHICLE_TYPE),
            point_of_sale=self.mapping.id,
        )

    def _validated(self) -> dict[Side, rules.Readings]:
        held = {side: (v.readings if (v := self.sighting.on(side)) else {}) for side in SIDES}
        both = rules.apply_rules(
            self.mapping.rules,
            rules.Car(held[Side.VEHICLE_MODULE], held[Side.DMS], self._owners(), self.today_on),
        )
        return dict(zip(SIDES, both, strict=True))

    def _owners(self) -> dict[str, Side]:
        policies = self.mapping.matrix.policies_in(self.context)
        return {name: p.owner.side for name, p in policies.items() if p is not None and p.owner.side is not None}

    def _closed_already(self) -> bool:
        """Tell whether the car's stock cycle is over: then nothing is decided any more, bases stay."""
        return self._decided_stage().closed

    def _decide_attributes(self) -> None:
        for name, policy in self.mapping.matrix.policies_in(self.context).items():
            self.observed += self._differs(name)
            question = self._question(name, policy) if policy is not None else None
            verdict = decide(question) if question is not None else self._undecidable(name)
            if verdict.category in (Category.UNCHANGED, Category.NOTHING_KNOWN):
                continue
            if policy is not None and question is not None:
                self.rules[name] = policy.rule
                verdict = self._checked(question, verdict)
            self.verdicts[name] = verdict
        self._hold_contradictions()
        self._watch_register()
        for name, verdict in self.verdicts.items():
            self._report(name, verdict)

    def _differs(self, name: str) -> bool:
        """Tell, by the readings alone, whether an attribute is anything but quiet; no verdict is looked at."""
        here, there = self._reading(Side.VEHICLE_MODULE, name), self._reading(Side.DMS, name)
        if here is ABSENT or there is ABSENT:
            return False
        if isinstance(here, Invalid) or isinstance(there, Invalid):
            return True
        attribute, base = self.mapping.vocabulary[name], self.car.base.get(name, ABSENT)
        near = [same(attribute.kind, reading, base, attribute.tolerance) for reading in (here, there)]
        if not all(near):
            return True
        row = self.mapping.matrix.rows[name]
        spelled_as_base = (there if row.policy.owner is Owner.DMS else here) == base
        return same(attribute.kind, here, there, attribute.tolerance) and not spelled_as_base

    def _question(self, name: str, policy: Policy) -> Question:
        attribute = self.mapping.vocabulary[name]
        unwritable = frozenset(side for side in SIDES if not self._takes_writes(side))
        return Question(
            attribute=name,
            kind=attribute.kind,
            policy=replace(policy, writable=policy.writable - unwritable) if unwritable else policy,
            base=self.car.base.get(name, ABSENT),
            vehicle_module=self._reading(Side.VEHICLE_MODULE, name),
            dms=self._reading(Side.DMS, name),
            tolerance=attribute.tolerance,
            unkept=self.car.unkept.get(name),
        )

    def _takes_writes(self, side: Side) -> bool:
        vehicle = self.sighting.on(side)
        return vehicle is not None and self.mapping.translations[side].takes_writes(vehicle)

    def _reading(self, side: Side, name: str) -> Reading:
        return self.readings[side].get(name, ABSENT)

    def _undecidable(self, name: str) -> Verdict:
        """Hold an attribute whose owner hangs on something that cannot be read, unless nothing differs."""
        here, there = self._reading(Side.VEHICLE_MODULE, name), self._reading(Side.DMS, name)
        if here is ABSENT or there is ABSENT:
            return Verdict(Category.NOTHING_KNOWN, row=2)
        kind = self.mapping.vocabulary[name].kind
        base = self.car.base.get(name, ABSENT)
        readable = not isinstance(here, Invalid) and not isinstance(there, Invalid)
        if readable and same(kind, here, there) and same(kind, here, base):  # type: ignore[arg-type]
            return Verdict(Category.UNCHANGED, row=1)
        return Verdict(Category.HELD, row=0, reason=Reason.OWNERSHIP_UNKNOWN)

    def _checked(self, question: Question, verdict: Verdict) -> Verdict:
        """Let no write through that its side may not receive, or has no spelling for (law 3)."""
        write = verdict.write
        if write is None:
            return verdict
        allowed = may_write(question.policy, write.side, fills_blank=write.fills_blank)
        translation = self.mapping.translations[write.side]
        if allowed and translation.can_spell(question.attribute, write.value):
            return verdict
        return Verdict(Category.HELD, row=10, reason=Reason.CANNOT_WRITE)

    def _hold_contradictions(self) -> None:
        """Hold dates that are right on each side alone, but would contradict each other once written."""
        after = {side: dict(self.readings[side]) for side in SIDES}
        for name, verdict in self.verdicts.items():
            if verdict.write is not None:
                after[verdict.write.side][name] = verdict.write.value
        ordered = tuple(rule for rule in self.mapping.rules if isinstance(rule, rules.DatesInOrder))
        car = rules.Car(after[Side.VEHICLE_MODULE], after[Side.DMS], {}, self.today_on)
        broken = {name for rule in ordered for _, name in rule.broken_by(car)}
        for name in broken & set(self.verdicts):
            if self.verdicts[name].write is not None:
                self.verdicts[name] = Verdict(Category.HELD, row=9, reason=Reason.INVALID_VALUE)

    def _watch_register(self) -> None:
        """Show a police number that stands twice, and one that is lower than numbers given before."""
        dms = self.sighting.dms
        number = dms.text(words.POLICE_NUMBER) if dms is not None else None
        if number is None or self.car.first_point_of_sale != self.mapping.id:
            return
        verdict = self.verdicts.get(words.POLICE_NUMBER)
        if number in self.register.doubled:
            details = {"records": ", ".join(self.register.doubled[number])}
            self._find(words.POLICE_NUMBER, Reason.POLICE_NUMBER_DUPLICATE, Category.CONFLICT, details)
            if verdict is not None and verdict.write is not None:
                self.verdicts[words.POLICE_NUMBER] = Verdict(
                    Category.CONFLICT, row=5, reason=Reason.POLICE_NUMBER_DUPLICATE
                )
        base = self.car.base.get(words.POLICE_NUMBER, ABSENT)
        highest = self.register.highest
        is_new = verdict is not None and not is_value(base)
        if is_new and highest is not None and _in_register_order(number) < _in_register_order(highest):
            self._find(
                words.POLICE_NUMBER,
                Reason.POLICE_NUMBER_OUT_OF_ORDER,
                Category.CONFLICT,
                {"highest": highest},
            )

    # stage

    def _decide_stage(self) -> None:
        verdict = self._decided_stage()
        self.stage = self._kept(verdict)
        stage = self.stage
        for reason in stage.findings:
            self._find(*_subject_of(reason), self._stage_details())
        for reason in stage.held:
            self._find(words.STAGE, reason, Category.HELD, self._stage_details())
        if stage.moves or stage.create_in_dms or self._creates_in_module():
            subject = words.STAGE if stage.moves else RECORD
            self.verdicts[subject] = Verdict(Category.WRITTEN, row=0)
        elif stage.held:
            self.verdicts[words.STAGE] = Verdict(Category.HELD, row=0, reason=stage.held[0])
        elif others := [r for r in stage.findings if _subject_of(r)[0] in (words.STAGE, RECORD)]:
            self.verdicts[_subject_of(others[0])[0]] = Verdict(Category.CONFLICT, row=0, reason=others[0])
        elif self._is_waiting():
            self.verdicts[RECORD] = Verdict(Category.DEFERRED, row=0, reason=_missing_reason(self.sighting))
        if stage.reserve:
            self.verdicts[RESERVATION] = Verdict(Category.WRITTEN, row=0)

    def _decided_stage(self) -> StageVerdict:
        return self.mapping.lifecycle.decide(self._situation())

    def _is_waiting(self) -> bool:
        """Tell whether a record is missing, but not yet for two listings."""
        assert self.stage is not None
        missing = (Meaning.MISSING_IN_DMS, Meaning.MISSING_IN_VEHICLE_MODULE)
        return self.stage.meaning in missing and not self.stage.findings

    def _situation(self) -> Situation:
        sighting, dms, module = self.sighting, self.sighting.dms, self.sighting.vehicle_module
        counts = [count for count in self.car.missing.values() if count]
        return Situation(
            module_stage=_stage_of(module, words.STAGE),
            dms_status=_stage_of(dms, words.DMS_STATUS),
            destination=effective_text(sighting, words.DESTINATION),
            facts=self._facts(),
            was_bound=sighting.was_bound,
            has_identity=self._has_identity(),
            missing_listings=min(counts, default=0),
            sold_in_dms=_is_sold(dms),
            reserved=module is not None and module.reading(words.RESERVED) is True,
            reserved_by_us=self.car.reserved_by_us,
        )

    def _facts(self) -> Facts:
        module, dms = self.sighting.vehicle_module, self.sighting.dms
        return Facts(
            police_number_set=self._has_police_number(),
            invoice_complete=dms is not None
            and all(dms.has(name) for name in (words.INVOICE_NUMBER, words.INVOICE_DATE, words.INVOICED_SALE_PRICE)),
            order_in_module=module is not None and module.has(words.MODULE_ORDER),
            exit_from_delivery=self.mapping.switches[EXIT_FROM_DELIVERY],
        )

    def _has_police_number(self) -> bool:
        """Tell whether the DMS holds a police number that is not in dispute."""
        dms = self.sighting.dms
        if dms is None or not dms.has(words.POLICE_NUMBER):
            return False
        verdict = self.verdicts.get(words.POLICE_NUMBER)
        return verdict is None or verdict.category in (Category.AGREED, Category.WRITTEN)

    def _has_identity(self) -> bool:
        readings = self.readings[Side.VEHICLE_MODULE]
        return any(is_value(readings.get(name, ABSENT)) for name in (words.VIN, words.REGISTRATION))

    def _kept(self, verdict: StageVerdict) -> StageVerdict:
        """Leave out what the module refused, or answered and did not keep, for as long as nothing moved."""
        if verdict.moves and (reason := self._unkept(words.STAGE, verdict.moves[0].goal, verdict.moves[0].source)):
            verdict = replace(verdict, moves=(), held=(*verdict.held, reason))
        if verdict.reserve and (reason := self._unkept(words.RESERVED, True, False)):
            verdict = replace(verdict, reserve=False)
            self._find(RESERVATION, reason, Category.CONFLICT, {})
        if verdict.create_in_dms and (reason := self._unkept(RECORD, BLANK, BLANK)):
            verdict = replace(verdict, create_in_dms=False, held=(*verdict.held, reason))
        return verdict

    def _unkept(self, subject: str, written: Known, stored: Known) -> Reason | None:
        unkept: UnkeptWrite | None = self.car.unkept.get(subject)
        if unkept is None or unkept.written != written or unkept.stored != stored:
            return None
        if unkept.rejected:
            return Reason.WRITE_REJECTED
        return Reason.NOT_KEPT_AS_WRITTEN if unkept.rounds >= ROUNDS_BEFORE_HOLDING else None

    def _stage_details(self) -> dict[str, str]:
        dms = self.sighting.dms
        if dms is None:
            return {}
        shown = (words.DMS_ORDER, words.INVOICE_NUMBER, words.POLICE_NUMBER)
        return {name: text for name in shown if (text := dms.text(name)) is not None}

    # operations

    def _operations(self) -> tuple[Operation, ...]:
        assert self.stage is not None
        if self.stage.create_in_dms:
            return (self._creation(Side.DMS),)
        if self._creates_in_module():
            return (self._creation(Side.VEHICLE_MODULE),)
        operations: list[Operation] = []
        if self.stage.reserve:
            operations.append(self._operation(Side.VEHICLE_MODULE, Action.RESERVE))
        for side in SIDES:
            changes = tuple(
                Change(name, v.write.value, v.write.expected, v.write.fills_blank)
                for name, v in self.verdicts.items()
                if v.write is not None and v.write.side is side
            )
            reference = self._reference_due(side)
            if changes or reference is not None:
                operations.append(self._operation(side, Action.UPDATE, changes, reference))
        for step in self.stage.moves:
            change = Change(words.STAGE, step.goal, step.source)
            operations.append(self._operation(Side.VEHICLE_MODULE, Action.UPDATE, (change,)))
        return tuple(operations)

    def _operation(
        self, side: Side, action: Action, changes: tuple[Change, ...] = (), reference: str | None = None
    ) -> Operation:
        vehicle = self.sighting.on(side)
        assert vehicle is not None
        return Operation(side, action, vehicle.record_id, changes, reference, vehicle.version)

    def _reference_due(self, side: Side) -> str | None:
        """The other side's id, iff the car is bound and this side's note of it is blank."""
        vehicle, other = self.sighting.on(side), self.sighting.on(side.other)
        has_place = self.mapping.translations[side].reference_path is not None
        if vehicle is None or other is None or not has_place or vehicle.reference is not None:
            return None
        if not self._takes_writes(side) or self._unkept(REFERENCE, other.record_id, BLANK):
            return None
        self.verdicts.setdefault(f"{REFERENCE}_{side}", Verdict(Category.WRITTEN, row=0))
        return other.record_id

    def _creates_in_module(self) -> bool:
        assert self.stage is not None
        unknown = self.stage.meaning is Meaning.UNKNOWN_IN_VEHICLE_MODULE
        return unknown and self.mapping.switches[DMS_CREATES_VEHICLES] and self._unkept(RECORD, BLANK, BLANK) is None

    def _creation(self, side: Side) -> Operation:
        """Carry every readable attribute that the side has a place for; the DMS alone gives police numbers."""
        source = self.sighting.on(side.other)
        assert source is not None
        translation = self.mapping.translations[side]
        policies = self.mapping.matrix.policies_in(self.context)
        changes = []
        for name, policy in policies.items():
            value = self.readings[side.other].get(name, ABSENT)
            if policy is None or policy.owner is Owner.NONE or not may_write(policy, side, fills_blank=True):
                continue
            if isinstance(value, Invalid) or not is_value(value):
                continue
            if translation.can_spell(name, value):
                changes.append(Change(name, value, ABSENT, fills_blank=True))
        return Operation(side, Action.CREATE, None, tuple(changes), reference=source.record_id)

    # what people see

    def _base_now(self) -> dict[str, Known]:
        moved = {name: v.base for name, v in self.verdicts.items() if v.base is not None}
        return {**self.car.base, **moved}

    def _report(self, name: str, verdict: Verdict) -> None:
        if verdict.reason is None or verdict.reason is Reason.NOT_SYNCHRONISED:
            return
        if verdict.category is Category.WRITTEN and verdict.reason not in REPORTED_WHEN_WRITTEN:
            return
        if verdict.reason is Reason.POLICE_NUMBER_DUPLICATE:
            return  # reported already, with the records that share the number
        details = {"row": str(verdict.row)}
        if verdict.refused is not None:
            details["refused"] = verdict.refused.value
        for side in SIDES:
            reading = self._reading(side, name)
            if isinstance(reading, Invalid):
                details[f"{side}_invalid"] = reading.why
        self._find(name, verdict.reason, verdict.category, details)

    def _find(self, subject: str, reason: Reason, category: Category, details: Mapping[str, str]) -> None:
        if reason is Reason.WRITE_REJECTED:
            message = self.car.unkept[subject].message
            category, details = Category.HELD, {"message": message} if message else {}
        shown = {side: self._shown(side, subject) for side in SIDES}
        base = self.car.base.get(subject, ABSENT)
        self.findings.append(
            Finding(
                self.car.id,
                subject,
                reason,
                category,
                vehicle_module=shown[Side.VEHICLE_MODULE],
                dms=shown[Side.DMS],
                base=as_text(base),
                details=dict(details),
            )
        )

    def _shown(self, side: Side, subject: str) -> str | None:
        vehicle = self.sighting.on(side)
        if vehicle is None:
            return None
        if subject in (words.STAGE, RECORD, RESERVATION):
            by_side = {Side.VEHICLE_MODULE: words.STAGE, Side.DMS: words.DMS_STATUS}
            return as_text(vehicle.reading(by_side[side]))
        return as_text(self.readings[side].get(subject, ABSENT))


def as_text(reading: Reading) -> str | None:
    """A reading in its neutral spelling: cents, kilometres, ISO dates; None for what holds nothing."""
    if isinstance(reading, Invalid):
        return reading.raw
    if reading is ABSENT or reading is BLANK:
        return None
    if isinstance(reading, bool):
        return "true" if reading else "false"
    return reading.isoformat() if isinstance(reading, date) else str(reading)


def _stage_of(vehicle: Vehicle | None, attribute: str) -> str | None:
    return NOT_THERE if vehicle is None else vehicle.text(attribute)


def _is_sold(dms: Vehicle | None) -> bool:
    """Tell whether the DMS shows an order or an invoice."""
    if dms is None:
        return False
    return dms.text(words.DMS_STATUS) == INVOICED or dms.has(words.DMS_ORDER) or dms.has(words.INVOICE_NUMBER)


_RESERVATIONS: Final = frozenset({Reason.SOLD_OUTSIDE_OPPORTUNITES, Reason.ORDER_CANCELLED_RESERVATION_STAYS})
_RECORDS: Final = frozenset({Reason.UNKNOWN_IN_VEHICLE_MODULE, Reason.MISSING_IN_DMS, Reason.MISSING_IN_VEHICLE_MODULE})


def _subject_of(reason: Reason) -> tuple[str, Reason, Category]:
    if reason in _RESERVATIONS:
        return RESERVATION, reason, Category.CONFLICT
    if reason in _RECORDS:
        return RECORD, reason, Category.CONFLICT
    return words.STAGE, reason, Category.CONFLICT


def _missing_reason(sighting: Sighting) -> Reason:
    return Reason.MISSING_IN_VEHICLE_MODULE if sighting.vehicle_module is None else Reason.MISSING_IN_DMS

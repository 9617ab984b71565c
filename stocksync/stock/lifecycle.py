"""Where a car may go: the line of life, and what a pair of module stage and DMS status means.

The stages, lines, transitions and the meaning table come from the mapping (`lifecycle.yaml`). A guard is a named
predicate of this module: YAML never holds an expression. This is the one module that imports `transitions`;
machines are built once per line, models are thrown away after each question.

Source of the rules: "Guide interface ICAR DMS", line of life and sales outside Opportunités.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple

from transitions import Machine

from stocksync.stock.reasons import Reason
from stocksync.stock.values import Side

NOT_THERE: Final = "not_there"
DELIVERY: Final = "delivery"
EXIT: Final = "exit"
INVOICED: Final = "invoiced"
LISTINGS_BEFORE_MISSING: Final = 2


class Meaning(StrEnum):
    """What a pair of (module stage, DMS status) can mean; the closed language of the meaning table."""

    AGREED = "agreed"
    CLOSED = "closed"
    IGNORED = "ignored"
    CREATE_IN_DMS = "create_in_dms"
    FOLLOW_DMS = "follow_dms"
    MISSING_IN_DMS = "missing_in_dms"
    MISSING_IN_VEHICLE_MODULE = "missing_in_vehicle_module"
    UNKNOWN_IN_VEHICLE_MODULE = "unknown_in_vehicle_module"
    STAGE_REGRESSION = "stage_regression"
    REOPENED_IN_DMS = "reopened_in_dms"


class Facts(NamedTuple):
    """What the guards look at, for one car."""

    police_number_set: bool = False
    invoice_complete: bool = False
    order_in_module: bool = False
    exit_from_delivery: bool = True


@dataclass(frozen=True, slots=True)
class Guard:
    """A named predicate, and the word reported where it does not hold."""

    holds: Callable[[Facts], bool]
    reason: Reason


GUARDS: Final[Mapping[str, Guard]] = {
    "police_number_set": Guard(lambda facts: facts.police_number_set, Reason.POLICE_NUMBER_MISSING),
    "invoice_complete": Guard(lambda facts: facts.invoice_complete, Reason.INVOICE_INCOMPLETE),
    "no_order_in_module": Guard(lambda facts: not facts.order_in_module, Reason.INVOICED_BEFORE_DELIVERY),
    "exit_from_delivery": Guard(lambda facts: facts.exit_from_delivery, Reason.EXIT_NOT_ALLOWED),
}


@dataclass(frozen=True, slots=True)
class StageTransition:
    """One arrow of the drawing; `lines` is empty where it belongs to every line of life."""

    trigger: str
    sources: tuple[str, ...]
    goal: str
    by: Side
    guards: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LineOfLife:
    """The stages of one destination, in order; `reserves`: a sale outside Opportunités is to be reserved."""

    destination: str
    stages: tuple[str, ...]
    optional: tuple[str, ...] = ()
    reserves: bool = True


@dataclass(frozen=True, slots=True)
class DmsStatus:
    """A status of the DMS: the stages that it stands for, and the one that it brings a car to."""

    name: str
    stages: tuple[str, ...]
    brings: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One stage move of a car."""

    trigger: str
    source: str
    goal: str


@dataclass(frozen=True, slots=True)
class Walk:
    """A way towards a stage; it may be gone iff nothing blocks it anywhere on the way."""

    steps: tuple[Step, ...]
    blocked_by: tuple[Reason, ...] = ()


class Situation(NamedTuple):
    """One car, as far as its stage is concerned.

    module_stage, dms_status: NOT_THERE where the side has no record, None where it cannot be read.
    missing_in_module, missing_in_dms: complete listings in a row, this one included, without the side's record.
    sold_in_dms: the DMS shows an order or an invoice; None where it does not say.
    reserved: the module holds an unlimited reservation that blocks sale and publication.
    reserved_by_us: stocksync set it for an order of the DMS.
    """

    module_stage: str | None
    dms_status: str | None
    destination: str | None
    facts: Facts = Facts()
    was_bound: bool = False
    has_identity: bool = True
    missing_in_module: int = 0
    missing_in_dms: int = 0
    sold_in_dms: bool | None = None
    reserved: bool = False
    reserved_by_us: bool = False


@dataclass(frozen=True, slots=True)
class StageVerdict:
    """What is due for a car's stage: moves in the module, a reservation, a creation, and what to report.

    held: the findings that keep a due move from happening. closed: the stock cycle is over, nothing else holds.
    """

    meaning: Meaning | None
    moves: tuple[Step, ...] = ()
    reserve: bool = False
    create_in_dms: bool = False
    findings: tuple[Reason, ...] = ()
    held: tuple[Reason, ...] = ()
    closed: bool = False

    @property
    def says_nothing(self) -> bool:
        """True iff nothing is due and nothing to be reported."""
        return not (self.moves or self.reserve or self.create_in_dms or self.findings or self.held)


_OVER: Final = frozenset({Meaning.CLOSED, Meaning.IGNORED})


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The whole lifecycle of one pair of systems."""

    stages: tuple[str, ...]
    statuses: Mapping[str, DmsStatus]
    lines: Mapping[str, LineOfLife]
    transitions: tuple[StageTransition, ...]
    meanings: Mapping[tuple[str, str], Meaning]
    _machines: dict[str, Machine] = field(default_factory=dict, repr=False, compare=False)
    _decided: dict[Situation, StageVerdict] = field(default_factory=dict, repr=False, compare=False)

    def decide(self, situation: Situation) -> StageVerdict:
        """Decide what is due for one car's stage (remembered: situations are few, cars are many)."""
        known = self._decided.get(situation)
        if known is None:
            known = self._decided[situation] = self._decide(situation)
        return known

    def is_closed(self, module_stage: str | None, dms_status: str | None, *, was_bound: bool) -> bool:
        """Tell whether a car's stock cycle is over, whatever else may be said of it."""
        if module_stage is None or dms_status is None:
            return False
        if module_stage == NOT_THERE and (was_bound or dms_status == NOT_THERE):
            return False
        return self.meanings.get((module_stage, dms_status)) in _OVER

    def _decide(self, situation: Situation) -> StageVerdict:
        if situation.module_stage is None or situation.dms_status is None:
            return self._with_reservation(situation, StageVerdict(None, held=(Reason.INVALID_VALUE,)))
        if situation.was_bound and situation.module_stage == NOT_THERE:
            return _vanished_from_module(situation)
        if situation.module_stage == situation.dms_status == NOT_THERE:
            return StageVerdict(None)
        meaning = self.meanings.get((situation.module_stage, situation.dms_status))
        if meaning is None:
            return self._with_reservation(situation, StageVerdict(None, findings=(Reason.ILLEGAL_TRANSITION,)))
        if self.is_closed(situation.module_stage, situation.dms_status, was_bound=situation.was_bound):
            return StageVerdict(meaning, closed=True)
        verdict = self._due(meaning, situation)
        if self._out_of_life(situation):
            findings = (*verdict.findings, Reason.STAGE_NOT_IN_LIFE)
            verdict = StageVerdict(meaning, findings=findings)
        return self._with_reservation(situation, verdict)

    def walk(self, destination: str, stage: str, goal: str, facts: Facts) -> Walk:
        """Find the DMS's way from a stage to another on a line of life, with every guard that fails on it."""
        machine = self._machine(destination)
        model = _Model()
        machine.add_model(model, initial=stage)
        steps: list[Step] = []
        blocked: list[Reason] = []
        try:
            while model.state != goal:
                transition = self._next(machine, destination, model.state, goal)
                if transition is None:
                    return Walk(tuple(steps), (*blocked, Reason.ILLEGAL_TRANSITION))
                source = model.state
                if not model.trigger(transition.trigger, facts):
                    blocked += [GUARDS[g].reason for g in transition.guards if not GUARDS[g].holds(facts)]
                    machine.set_state(transition.goal, model)
                steps.append(Step(transition.trigger, source, transition.goal))
        finally:
            machine.remove_model(model)
        return Walk(tuple(steps), tuple(dict.fromkeys(blocked)))

    def _due(self, meaning: Meaning, situation: Situation) -> StageVerdict:
        if meaning is Meaning.CREATE_IN_DMS:
            return _create(situation)
        if meaning in (Meaning.MISSING_IN_DMS, Meaning.MISSING_IN_VEHICLE_MODULE):
            return _missing(meaning, situation)
        if meaning in _REPORTED:
            return StageVerdict(meaning, findings=(_REPORTED[meaning],))
        return self._follow(meaning, situation)

    def _follow(self, meaning: Meaning, situation: Situation) -> StageVerdict:
        stage, destination = situation.module_stage, situation.destination
        assert stage is not None
        assert situation.dms_status is not None
        line = self.lines.get(destination or "")
        if line is None:
            held = (Reason.INVALID_VALUE,) if meaning is Meaning.FOLLOW_DMS else ()
            return StageVerdict(meaning, held=held)
        if stage not in line.stages:
            return StageVerdict(meaning)
        goal = self.statuses[situation.dms_status].brings
        if meaning is not Meaning.FOLLOW_DMS or goal is None:
            return StageVerdict(meaning)
        walk = self.walk(line.destination, stage, goal, situation.facts)
        if walk.blocked_by:
            return StageVerdict(meaning, held=walk.blocked_by)
        return StageVerdict(meaning, moves=walk.steps)

    def _out_of_life(self, situation: Situation) -> bool:
        line = self.lines.get(situation.destination or "")
        stage = situation.module_stage
        return line is not None and stage != NOT_THERE and stage not in line.stages

    def _with_reservation(self, situation: Situation, verdict: StageVerdict) -> StageVerdict:
        """Add the duty to block the sale of a car that the DMS sold outside Opportunités.

        It is due iff
        - the DMS shows an order or an invoice, and the module no order,
        - the car is in the module, before its exit,
        - its destination is one that goes on sale (an unreadable destination is taken for one), and
        - it does not leave from delivery in this very cycle.
        """
        in_stock = situation.module_stage not in (NOT_THERE, EXIT)
        line = self.lines.get(situation.destination or "")
        goes_on_sale = line is None or line.reserves
        leaves_from_delivery = situation.module_stage == DELIVERY and bool(verdict.moves)
        findings = verdict.findings
        if not in_stock or situation.sold_in_dms is None:
            return verdict
        if not situation.sold_in_dms:
            if situation.reserved and situation.reserved_by_us:
                findings += (Reason.ORDER_CANCELLED_RESERVATION_STAYS,)
            return _replaced(verdict, findings=findings)
        if situation.facts.order_in_module or not goes_on_sale or leaves_from_delivery:
            return verdict
        findings += (Reason.SOLD_OUTSIDE_OPPORTUNITES,)
        return _replaced(verdict, findings=findings, reserve=not situation.reserved)

    def _next(self, machine: Machine, destination: str, stage: str, goal: str) -> StageTransition | None:
        """The DMS's transition out of a stage: straight to the goal if there is one, else the first."""
        triggers = set(machine.get_triggers(stage))
        out = [
            t for t in self._of_line(destination) if t.by is Side.DMS and t.trigger in triggers and stage in t.sources
        ]
        return next((t for t in out if t.goal == goal), out[0] if out else None)

    def _of_line(self, destination: str) -> list[StageTransition]:
        stages = self.lines[destination].stages
        return [t for t in self.transitions if t.goal in stages and (not t.lines or destination in t.lines)]

    def _machine(self, destination: str) -> Machine:
        machine = self._machines.get(destination)
        if machine is None:
            line = self.lines[destination]
            machine = Machine(
                model=None,
                states=list(line.stages),
                initial=line.stages[0],
                auto_transitions=False,
                transitions=[_as_machine_sees(t, line) for t in self._of_line(destination)],
            )
            self._machines[destination] = machine
        return machine


class _Model:
    """A throw-away car for one question; `transitions` sets `state` and `trigger` on it."""

    state: str
    trigger: Callable[..., bool]


_REPORTED: Final = {
    Meaning.UNKNOWN_IN_VEHICLE_MODULE: Reason.UNKNOWN_IN_VEHICLE_MODULE,
    Meaning.STAGE_REGRESSION: Reason.STAGE_REGRESSION,
    Meaning.REOPENED_IN_DMS: Reason.REOPENED_IN_DMS,
}


def _create(situation: Situation) -> StageVerdict:
    if situation.was_bound:
        return _missing(Meaning.MISSING_IN_DMS, situation)
    if not situation.has_identity:
        return StageVerdict(Meaning.CREATE_IN_DMS, held=(Reason.IDENTITY_MISSING,))
    return StageVerdict(Meaning.CREATE_IN_DMS, create_in_dms=True)


def _vanished_from_module(situation: Situation) -> StageVerdict:
    """Report a bound car that the module no longer shows; the DMS's file alone decides nothing."""
    verdict = _missing(Meaning.MISSING_IN_VEHICLE_MODULE, situation)
    if situation.dms_status != NOT_THERE:
        return verdict
    return StageVerdict(
        verdict.meaning, findings=(*verdict.findings, *_missing(Meaning.MISSING_IN_DMS, situation).findings)
    )


def _missing(meaning: Meaning, situation: Situation) -> StageVerdict:
    """Report an absence from the second complete listing on; it never moves or closes anything."""
    in_dms = meaning is Meaning.MISSING_IN_DMS
    listings = situation.missing_in_dms if in_dms else situation.missing_in_module
    if listings < LISTINGS_BEFORE_MISSING:
        return StageVerdict(meaning)
    return StageVerdict(meaning, findings=(Reason(meaning.value),))


def _as_machine_sees(transition: StageTransition, line: LineOfLife) -> dict[str, Any]:
    return {
        "trigger": transition.trigger,
        "source": [s for s in transition.sources if s in line.stages],
        "dest": transition.goal,
        "conditions": [GUARDS[name].holds for name in transition.guards],
    }


def _replaced(verdict: StageVerdict, *, findings: tuple[Reason, ...], reserve: bool = False) -> StageVerdict:
    return StageVerdict(
        verdict.meaning,
        moves=verdict.moves,
        reserve=reserve,
        create_in_dms=verdict.create_in_dms,
        findings=findings,
        held=verdict.held,
        closed=verdict.closed,
    )

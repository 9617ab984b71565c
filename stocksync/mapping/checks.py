"""Whether the mapping files agree with one another: every name that one file uses must be another's.

Each check notes its problems in the source at fault and goes on, so that a person sees all of them at once. A
file that could not be read is left out of the checks that need it. Here: vocabulary, ownership and lifecycle;
the two systems and the points of sale are `checks_of_systems`, and what grammar and names cannot show is in the other
`checks_` modules, a question each.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from stocksync.mapping import models
from stocksync.mapping.checks_carried import check_carried
from stocksync.mapping.checks_exceptions import check_exceptions
from stocksync.mapping.checks_lifecycle import check_lifecycles
from stocksync.mapping.checks_of_systems import check_points_of_sale, check_side
from stocksync.mapping.checks_round_trip import check_round_trips
from stocksync.mapping.checks_rules import check_rules
from stocksync.mapping.checks_secrets import check_secrets
from stocksync.mapping.checks_tables import check_tables
from stocksync.mapping.checks_units import check_units
from stocksync.mapping.draft import Draft
from stocksync.mapping.effective import SWITCHES
from stocksync.mapping.grammar import words_of
from stocksync.mapping.problems import nearest_word
from stocksync.mapping.source import Keys, Source
from stocksync.mapping.words import REQUIRED_STAGES, REQUIRED_STATUSES, Words, check_policy
from stocksync.stock import vehicle as core
from stocksync.stock.lifecycle import GUARDS, NOT_THERE, Meaning
from stocksync.stock.ownership import CONDITION_KEYS
from stocksync.stock.values import Kind

SIDE_FILES: Final = ("vehicle_module.yaml", "dms.yaml")
LISTED_ELSEWHERE: Final = (core.STAGE, core.DMS_STATUS, core.POINT_OF_SALE)
"""Choices whose words are not in the vocabulary but in the lifecycle and the points of sale."""

KINDS: Final = {
    core.STAGE: Kind.CHOICE,
    core.DMS_STATUS: Kind.CHOICE,
    core.DESTINATION: Kind.CHOICE,
    core.VEHICLE_TYPE: Kind.CHOICE,
    core.POINT_OF_SALE: Kind.CHOICE,
    core.VIN: Kind.VIN,
    core.REGISTRATION: Kind.REGISTRATION,
    core.FIRST_REGISTRATION_DATE: Kind.DATE,
    core.INVOICED_SALE_PRICE: Kind.MONEY,
    core.RESERVED: Kind.BOOLEAN,
    core.INVOICE_DATE: Kind.DATE,
}
"""What the core takes for granted of the attributes that it knows by name."""


def check(draft: Draft) -> None:
    """Note every disagreement between the files."""
    vehicle: models.VehicleFile | None = draft.files["vehicle.yaml"]
    points: models.PointsOfSaleFile | None = draft.files["points_of_sale.yaml"]
    if vehicle is not None:
        _Vocabulary(vehicle, draft.sources["vehicle.yaml"]).check()
    for pair in draft.pairs:
        _check_pair(draft, pair, vehicle, points)
    if points is not None:
        check_points_of_sale(draft, points, vehicle)
    for look in BEYOND_NAMES:
        look(draft)


BEYOND_NAMES: Final = (
    check_carried,
    check_lifecycles,
    check_rules,
    check_exceptions,
    check_round_trips,
    check_tables,
    check_units,
    check_secrets,
)
"""What is asked once every name is known to be one: whether it can work as its author means it."""


@dataclass
class _Vocabulary:
    """vehicle.yaml."""

    file: models.VehicleFile
    source: Source

    def check(self) -> None:
        """Note what is wrong with the attributes, then with the rules."""
        for name in core.REQUIRED_ATTRIBUTES:
            if name not in self.file.attributes:
                self.source.report(
                    ("attributes",), f"the attribute {name} is missing; the core works with it", code="needed_missing"
                )
        for name, attribute in self.file.attributes.items():
            self._check_attribute(name, attribute)
        for index, rule in enumerate(self.file.rules):
            self._check_rule(rule, ("rules", index))

    def _check_attribute(self, name: str, attribute: models.AttributeModel) -> None:
        at: Keys = ("attributes", name)
        if name in KINDS and attribute.kind != KINDS[name]:
            due = KINDS[name]
            self.source.report(
                (*at, "kind"), "the core needs another kind here", attribute.kind, allowed=(due,), code="kind_of_core"
            )
        elif bool(attribute.choices) != (attribute.kind == "choice" and name not in LISTED_ELSEWHERE):
            self.source.report(at, "`choices` goes with the kind choice, and only with it", code="choices_of_kind")

    def _check_rule(self, rule: Any, at: Keys) -> None:
        for keys, name, kinds in _attributes_of_rule(rule):
            known = self.source.one_of((*at, *keys), "attribute", name, self.file.attributes)
            if known and kinds and (kind := self.file.attributes[name].kind) not in kinds:
                message = f"the rule does not work on the kind {kind}"
                self.source.report((*at, *keys), message, name, code="rule_of_kind")
        if isinstance(rule, models.ForbiddenWhenModel | models.RequiredWhenModel):
            self._check_condition(rule.when, (*at, "when"))
        if isinstance(rule, models.MoreThanModel):
            self.source.one_of((*at, "unless_switch"), "switch", rule.unless_switch, SWITCHES)

    def _check_condition(self, when: dict[str, list[str]], at: Keys) -> None:
        for name, words in when.items():
            attribute = self.file.attributes.get(name)
            for index, word in enumerate(words if attribute and attribute.choices else ()):
                assert attribute is not None
                self.source.one_of((*at, name, index), "value", word, attribute.choices)


def _attributes_of_rule(rule: Any) -> list[tuple[Keys, str, tuple[str, ...]]]:
    """List the attributes that a rule names, where, and of which kinds they may be (nothing: any)."""
    if isinstance(rule, models.DatesInOrderModel | models.NotAfterTodayModel):
        return [(("attributes", i), name, ("date",)) for i, name in enumerate(rule.attributes)]
    if isinstance(rule, models.ForbiddenWhenModel | models.RequiredWhenModel):
        return [(("attribute",), rule.attribute, ()), *((("when", name), name, ()) for name in rule.when)]
    if isinstance(rule, models.ShortVinModel):
        return [(("vin",), rule.vin, ("vin",)), (("first_registration",), rule.first_registration, ("date",))]
    return [(("attribute",), rule.attribute, ("money", "integer"))]


def _check_pair(
    draft: Draft, pair: str, vehicle: models.VehicleFile | None, points: models.PointsOfSaleFile | None
) -> None:
    def part(name: str) -> tuple[Any, Source]:
        path = f"pairs/{pair}/{name}"
        return draft.files[path], draft.sources[path]

    lifecycle, lifecycle_source = part("lifecycle.yaml")
    if lifecycle is not None:
        _Lifecycle(lifecycle, lifecycle_source, vehicle).check()
    if vehicle is None:
        return
    words = Words(vehicle, lifecycle, points)
    ownership, ownership_source = part("ownership.yaml")
    if ownership is not None:
        complete = not draft.has_lost_a_row(ownership_source.name)
        _Ownership(ownership, ownership_source, words, complete).check()
    pair_file, pair_source = part("pair.yaml")
    for index, word in enumerate(pair_file.vehicle_types if pair_file is not None else ()):
        words.check(core.VEHICLE_TYPE, word, ("vehicle_types", index), pair_source)
    for name in SIDE_FILES:
        side, side_source = part(name)
        if side is not None:
            check_side(side, name.removesuffix(".yaml"), side_source, words)


@dataclass
class _Lifecycle:
    """lifecycle.yaml."""

    file: models.LifecycleFile
    source: Source
    vehicle: models.VehicleFile | None

    def check(self) -> None:
        """Note every name that is none."""
        for name in REQUIRED_STAGES:
            if name not in self.file.stages:
                self.source.report(
                    ("stages",), f"the stage {name} is missing; the core works with it", code="needed_missing"
                )
        for name in REQUIRED_STATUSES:
            if name not in self.file.dms_statuses:
                message = f"the status {name} is missing; the core works with it"
                self.source.report(("dms_statuses",), message, code="needed_missing")
        for name, status in self.file.dms_statuses.items():
            self._stages(("dms_statuses", name, "stands_for"), status.stands_for)
            if status.brings is not None:
                self._stage(("dms_statuses", name, "brings"), status.brings)
        self._check_lines()
        for name, transition in self.file.transitions.items():
            self._check_transition(transition, ("transitions", name))
        self._check_meanings()

    def _stage(self, at: Keys, word: str) -> None:
        self.source.one_of(at, "stage", word, self.file.stages)

    def _stages(self, at: Keys, words: Iterable[str]) -> None:
        for index, word in enumerate(words):
            self._stage((*at, index), word)

    def _check_lines(self) -> None:
        for name, line in self.file.lines_of_life.items():
            at: Keys = ("lines_of_life", name)
            self._stages((*at, "stages"), line.stages)
            for index, word in enumerate(line.optional):
                self.source.one_of((*at, "optional", index), "stage of this line", word, line.stages)
        attribute = self.vehicle.attributes.get(core.DESTINATION) if self.vehicle else None
        if attribute is None:
            return
        for name in self.file.lines_of_life:
            self.source.one_of(("lines_of_life", name), "destination", name, attribute.choices)
        for name in attribute.choices:
            if name not in self.file.lines_of_life:
                message = f"the destination {name} has no line of life"
                self.source.report(("lines_of_life",), message, code="line_missing")

    def _check_transition(self, transition: models.TransitionModel, at: Keys) -> None:
        self._stages((*at, "sources"), transition.sources)
        self._stage((*at, "goal"), transition.goal)
        for index, word in enumerate(transition.guards):
            self.source.one_of((*at, "guards", index), "guard", word, GUARDS)
        for index, word in enumerate(transition.lines):
            self.source.one_of((*at, "lines", index), "line of life", word, self.file.lines_of_life)

    def _check_meanings(self) -> None:
        statuses = (NOT_THERE, *self.file.dms_statuses)
        for stage in (NOT_THERE, *self.file.stages):
            row = self.file.meanings.get(stage, {})
            told = [s for s in statuses if s not in row and (stage, s) != (NOT_THERE, NOT_THERE)]
            if told and set(row) <= set(statuses):
                at: Keys = ("meanings", stage) if stage in self.file.meanings else ("meanings",)
                message = f"{stage} with {', '.join(told)} has no meaning"
                self.source.report(at, message, allowed=_MEANINGS, code="meaning_missing")
        for stage, row in self.file.meanings.items():
            self.source.one_of(("meanings", stage), "stage", stage, (NOT_THERE, *self.file.stages))
            for status, meaning in row.items():
                here: Keys = ("meanings", stage, status)
                self.source.one_of(here, "DMS status", status, statuses)
                self.source.one_of(here, "meaning", meaning, _MEANINGS)


_MEANINGS: Final = tuple(meaning.value for meaning in Meaning)


@dataclass
class _Ownership:
    """ownership.yaml."""

    file: models.OwnershipFile
    source: Source
    words: Words
    complete: bool
    meant: set[str | None] = field(default_factory=set)

    def check(self) -> None:
        """Note what is wrong in the rows, and which attributes and switches have none or two."""
        seen: set[str] = set()
        for part, rows in (("matrix", self.file.matrix), ("also_carried", self.file.also_carried)):
            for index, row in enumerate(rows):
                self._check_row(row, (part, index), seen)
        if self.complete:
            self._check_missing(seen)

    def _check_missing(self, seen: set[str]) -> None:
        for name in self.words.vehicle.attributes:
            if name not in seen | self.meant and name not in core.LIFECYCLE_ATTRIBUTES:
                message = f"the attribute {name} has no row; say who owns it"
                self.source.report(("also_carried",), message, code="row_missing")
        for name in SWITCHES:
            if name not in seen | self.meant:
                self.source.report(("matrix",), f"the switch {name} has no row", code="row_missing")

    def _check_row(self, row: Any, at: Keys, seen: set[str]) -> None:
        is_switch = isinstance(row, models.SwitchRowModel)
        what, name = ("switch", row.switch) if is_switch else ("attribute", row.attribute)
        known = SWITCHES if is_switch else tuple(self.words.vehicle.attributes)
        if not self.source.one_of((*at, what), what, name, known):
            # The one that was meant is then not missing.
            self.meant.add(nearest_word(name, known))
        if name in seen:
            self.source.report((*at, what), f"this {what} has a row already", name, code="row_twice")
        seen.add(name)
        if not is_switch:
            self._check_policies(row, at)

    def _check_policies(self, row: models.AttributeRowModel, at: Keys) -> None:
        if row.owner is None:
            owners = words_of(models.PolicyModel.model_fields["owner"].annotation)
            self.source.report(at, "the key owner is missing", allowed=owners, code="key_missing")
        check_policy(row, row.attribute, at, self.source, self.words.vehicle)
        for index, exception in enumerate(row.exceptions):
            here = (*at, "exceptions", index)
            check_policy(exception, row.attribute, here, self.source, self.words.vehicle)
            self._check_conditions(exception.when, (*here, "when"))

    def _check_conditions(self, when: models.ConditionModel, at: Keys) -> None:
        if not any(getattr(when, key) for key in CONDITION_KEYS):
            message = "the exception names no condition"
            self.source.report(at, message, allowed=CONDITION_KEYS, code="condition_missing")
        for key in CONDITION_KEYS:
            for place, word in enumerate(getattr(when, key)):
                self.words.check(key, word, (*at, key, place), self.source)

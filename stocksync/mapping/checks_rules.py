"""Whether the rules and bounds of vehicle.yaml can ever hold, and whether they contradict one another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from stocksync.mapping import models
from stocksync.mapping.checks_carried import carries
from stocksync.mapping.draft import VEHICLE, Draft
from stocksync.mapping.source import Keys, Source
from stocksync.stock import vehicle as core
from stocksync.stock.values import SIDES

_WITH_BOUNDS: Final = ("money", "integer")
_WITH_TOLERANCE: Final = ("money", "integer", "date")
_NOT_WORDS: Final = ("money", "integer", "date", "boolean")
_SMALL_CHANGE: Final = 100
"""Cents in a euro: a limit under it was most likely meant in euros."""
_LARGE_MONEY_CENTS: Final = 100_000
_LARGE_DATE_DAYS: Final = 31

When = models.ForbiddenWhenModel | models.RequiredWhenModel


def check_rules(draft: Draft) -> None:
    """Note rules that never hold, that contradict one another, and bounds in another unit than their attribute."""
    file: models.VehicleFile | None = draft.files[VEHICLE]
    if file is not None:
        _Rules(draft, file, draft.sources[VEHICLE]).check()


@dataclass
class _Rules:
    """vehicle.yaml."""

    draft: Draft
    file: models.VehicleFile
    source: Source

    def check(self) -> None:
        """Note what is wrong with bounds, with each rule, and between rules."""
        for name, attribute in self.file.attributes.items():
            self._check_bounds(attribute, ("attributes", name))
        self._check_order_of_dates()
        seen: dict[tuple[str, str, str], str] = {}
        for index, rule in enumerate(self.file.rules):
            at: Keys = ("rules", index)
            if isinstance(rule, models.MoreThanModel):
                self._check_limit(rule, at)
            if isinstance(rule, When):
                self._check_condition(rule, at)
                self._check_contradiction(rule, at, seen)
            self._check_carried(rule, at)

    def _check_bounds(self, attribute: models.AttributeModel, at: Keys) -> None:
        kind, tolerance = attribute.kind, attribute.tolerance
        if attribute.minimum is not None and attribute.maximum is not None and attribute.minimum > attribute.maximum:
            message = f"no value is at least {attribute.minimum} and at most {attribute.maximum}; change one of them"
            self.source.report((*at, "maximum"), message, attribute.maximum, code="bounds_contradict")
        for key in ("minimum", "maximum"):
            if getattr(attribute, key) is not None and kind not in _WITH_BOUNDS:
                message = f"a {kind} has no {key}: it has no effect; take it out"
                self.source.report((*at, key), message, code="bounds_without_effect", level="warning")
        if tolerance and (kind not in _WITH_TOLERANCE or tolerance < 0):
            message = f"a {kind} cannot have it; take it out" if tolerance > 0 else "it is 0 or more"
            self.source.report((*at, "tolerance"), message, tolerance, code="tolerance_of_kind")
        self._check_units(attribute, at)

    def _check_units(self, attribute: models.AttributeModel, at: Keys) -> None:
        tolerance, maximum = attribute.tolerance, attribute.maximum
        if attribute.kind == "money" and maximum is not None and 0 < maximum < _LARGE_MONEY_CENTS:
            self._suspect((*at, "maximum"), f"{_euros(maximum)}: it is in cents; write it with two more zeros", maximum)
        if attribute.kind == "money" and tolerance >= _LARGE_MONEY_CENTS:
            message = f"{_euros(tolerance)}: differences up to that are no difference; it is in cents, make it smaller"
            self._suspect((*at, "tolerance"), message, tolerance)
        if attribute.kind == "date" and tolerance > _LARGE_DATE_DAYS:
            self._suspect((*at, "tolerance"), "it is in days: dates more than a month apart are the same", tolerance)

    def _suspect(self, at: Keys, message: str, said: int) -> None:
        self.source.report(at, message, said, code="unit_suspect", level="warning")

    def _check_limit(self, rule: models.MoreThanModel, at: Keys) -> None:
        attribute = self.file.attributes.get(rule.attribute)
        if attribute is None:
            return
        here: Keys = (*at, "limit")
        if attribute.maximum is not None and rule.limit >= attribute.maximum:
            message = f"no value is more than that and at most {attribute.maximum}, its maximum; change one of them"
            self.source.report(here, message, rule.limit, code="limit_contradicts_bounds")
        elif attribute.minimum is not None and rule.limit < attribute.minimum:
            message = (
                f"the rule never refuses anything: the minimum is {attribute.minimum}; raise the limit, or drop it"
            )
            self.source.report(here, message, rule.limit, code="limit_contradicts_bounds", level="warning")
        elif attribute.kind == "money" and 0 < rule.limit < _SMALL_CHANGE:
            self._suspect(here, f"{_euros(rule.limit)}: it is in cents; 1 euro is 100", rule.limit)

    def _check_condition(self, rule: When, at: Keys) -> None:
        for name, words in rule.when.items():
            here: Keys = (*at, "when", name)
            attribute = self.file.attributes.get(name)
            if name == rule.attribute:
                message = f"a rule about {name} cannot hang on {name} itself; name another attribute"
                self.source.report(here, message, code="rule_contradicts_itself")
            elif not words:
                message = "the rule never holds: no value is named; name one, or take the rule out"
                self.source.report(here, message, code="rule_never_holds")
            elif attribute is not None and attribute.kind in _NOT_WORDS:
                message = f"the rule never holds: a {attribute.kind} has no words; name an attribute of kind choice"
                self.source.report(here, message, code="rule_never_holds")
            elif attribute is not None and attribute.choices and set(attribute.choices) <= set(words):
                message = "the rule always holds: every value is named; name fewer, or take the rule out"
                self.source.report(here, message, code="rule_always_holds", level="warning")
            elif name in (core.STAGE, core.DMS_STATUS):
                self._check_words_of_life(name, words, here)

    def _check_words_of_life(self, name: str, words: list[str], at: Keys) -> None:
        files: list[models.LifecycleFile | None] = [self.draft.part(p, "lifecycle.yaml") for p in self.draft.pairs]
        if not files or None in files:
            return
        known = {
            word: None
            for file in files
            if file is not None
            for word in (file.stages if name == core.STAGE else file.dms_statuses)
        }
        for index, word in enumerate(words):
            self.source.one_of((*at, index), name.replace("_", " "), word, known)

    def _check_contradiction(self, rule: When, at: Keys, seen: dict[tuple[str, str, str], str]) -> None:
        for name, words in rule.when.items():
            for word in words:
                other = seen.setdefault((rule.attribute, name, word), rule.rule)
                if other != rule.rule:
                    message = f"{other} says the opposite of {rule.attribute} with {name} {word}; take one of them out"
                    self.source.report((*at, "when", name), message, word, code="rules_contradict")

    def _check_carried(self, rule: models.RuleModel, at: Keys) -> None:
        named = [rule.attribute] if isinstance(rule, When | models.MoreThanModel) else []
        named += list(rule.when) if isinstance(rule, When) else []
        sides = [self.draft.part(pair, f"{side}.yaml") for pair in self.draft.pairs for side in SIDES]
        for name in named if sides and None not in sides else ():
            if name in core.REQUIRED_ATTRIBUTES and all(carries(side, name) is False for side in sides):
                message = f"the rule never holds: no side carries {name}; give it a field, or take the rule out"
                self.source.report(at, message, code="rule_never_holds", level="warning")

    def _check_order_of_dates(self) -> None:
        after: dict[str, set[str]] = {}
        for index, rule in enumerate(self.file.rules):
            if not isinstance(rule, models.DatesInOrderModel):
                continue
            for place, (earlier, later) in enumerate(zip(rule.attributes, rule.attributes[1:], strict=False), 1):
                if earlier in _reachable(after, later):
                    message = f"{later} cannot come both before and after {earlier}; take one of the two orders out"
                    keys: Keys = ("rules", index, "attributes", place)
                    self.source.report(keys, message, later, code="dates_cycle")
                else:
                    after.setdefault(earlier, set()).add(later)


def _reachable(after: dict[str, set[str]], start: str) -> set[str]:
    found, new = {start}, [start]
    while new:
        goals: Iterable[str] = after.get(new.pop(), set()) - found
        found |= set(goals)
        new += goals
    return found


def _euros(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d} euros"

"""Which cars an edit of a mapping can change anything for, where nothing was to be said about the others. Pure.

What decides a car is how its records are read, and who may modify what. Where no record of a car is read otherwise, an
edit is one of who may modify what; and that is only asked where two values differ, so not of a car that is not of
interest (`Store.cars_of_interest`): when it was last decided, every attribute was equal on both sides, or one side said
nothing of it, and nothing was due or reported. Row by row of the decision table, where only policies differ, of such an
attribute:

- 2 (a side says nothing): comes first, and looks at no policy. No rule between values makes what is absent invalid.
- 9 (unreadable): was held, so that the car is of interest. What makes a value invalid are its translation and the rules
  between values. These ask for the value that the car has of an attribute, which is its owner's: another one only where
  the two are spelled differently, see `_reaches`.
- 1 (equal): comes before every row that asks for an owner. The base takes the owner's spelling, which is no difference.
  A decrease is looked at only after it.
- 7, 8, 6, 3, 4, 5: not for equal values, blanks included; each of them writes, or reports, so that the car is of
  interest. The one exception is what moved within its tolerance on both sides, see `_reaches`.
- 10, writes that did not stick, and contradicting dates: only where something is to be written.
- an owner that hangs on what cannot be read: held where anything differs from the base by a letter, see `_reaches`.

A decision of a person, a write without an answer, a twin and a doubtful match make a car one of interest, and so does a
record to be created. The stage is decided by the records, by switches, and by whether the police number is in dispute,
which it is not. Of the switches, one lets a car exit from delivery: that is only asked on the way to another stage, and
who is on it moves, or is told what blocks it. Another one creates cars in the module, only such as are reported as
unknown there. Either way the car is of interest. The other two act as rows and as rules.

What else an edit may do to an attribute is a matter of it alone, and of the rules between values that name it, unless
the program knows it by name (`REQUIRED_ATTRIBUTES`) or it tells whether a record takes writes: see `AtStake`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any, Final

from stocksync.mapping.effective import (
    ALLOW_SALE_PRICE_AT_MOST_1,
    DMS_CREATES_VEHICLES,
    DMS_HAS_PRIORITY,
    EXIT_FROM_DELIVERY,
    PointOfSaleMapping,
)
from stocksync.mapping.translate import FieldTranslation
from stocksync.stock import rules
from stocksync.stock.ownership import OwnershipRow, Policy
from stocksync.stock.values import ABSENT, SIDES, Invalid, Kind, Reading, Side, same
from stocksync.stock.vehicle import REQUIRED_ATTRIBUTES, Attribute

_ASKED_APART: Final = frozenset({"matrix", "rules", "switches", "translations", "vocabulary"})
_DECIDE_NO_CAR: Final = frozenset(
    {
        "name",
        "schedule",
        "conflict_report",
        "guide_rows",
        "systems",
        "guards",
        "delivery",
        "choice_labels",
        "version",
        "lines_to_confirm",
    }
)
"""What a mapping says that no car's plan is made of; anything that is not named here counts."""
_CAN_BE_TOLD: Final = frozenset(
    {DMS_HAS_PRIORITY, ALLOW_SALE_PRICE_AT_MOST_1, EXIT_FROM_DELIVERY, DMS_CREATES_VEHICLES}
)
"""Switches that are a matter of the matrix or the rules, or are asked of cars of interest alone."""


def can_be_told(before: PointOfSaleMapping, after: PointOfSaleMapping) -> bool:
    """Tell whether two mappings are sure to decide alike every car that is not of interest, but for what is found here.

    That is, what `fields_read_otherwise` and `at_stake` find in its records.
    """
    same = all(
        getattr(before, f.name) == getattr(after, f.name)
        for f in fields(PointOfSaleMapping)
        if f.name not in _ASKED_APART | _DECIDE_NO_CAR
    )
    if not same or _switches(before) != _switches(after):
        return False
    if any(before.translations[side].only(()) != after.translations[side].only(()) for side in SIDES):
        return False
    then, now = before.vocabulary, after.vocabulary
    if any(then[name].kind is not now[name].kind for name in then.keys() & now.keys()):
        return False
    # What has no base yet is held, where nobody can tell who owns it, even if both sides say the same.
    new = after.matrix.rows.keys() - before.matrix.rows.keys()
    return all(_has_one_policy(after.matrix.rows[name]) for name in new)


@dataclass(frozen=True, slots=True)
class ReadOtherwise:
    """Where two mappings may read a side's records otherwise, that can be told apart by their fields alone.

    paths: of the fields that differ.
    """

    paths: tuple[str, ...]
    _fields: tuple[tuple[FieldTranslation | None, FieldTranslation | None], ...]
    _blank_texts: frozenset[str]

    def differs(self, said: Sequence[Any]) -> bool:
        """Tell whether they read anything otherwise of what stands at the paths, ABSENT where nothing does."""
        at = dict(zip(self.paths, said, strict=True))
        return any(self._reading(then, at) != self._reading(now, at) for then, now in self._fields)

    def _reading(self, place: FieldTranslation | None, said: Mapping[str, Any]) -> Reading:
        """What a mapping reads; what it does not ask for is the same as what a record does not say."""
        if place is None or said[place.path] is ABSENT:
            return ABSENT
        return place.read(said[place.path], self._blank_texts)


def fields_read_otherwise(before: PointOfSaleMapping, after: PointOfSaleMapping) -> dict[Side, ReadOtherwise]:
    """Where records may be read otherwise, by side; those sides left out that are read alike.

    Not what is seen by `at_stake`.
    """
    found = {}
    elsewhere = _carried_otherwise(before, after)
    for side in SIDES:
        then, now = before.translations[side].fields, after.translations[side].fields
        names = [name for name in dict.fromkeys((*then, *now)) if name not in elsewhere]
        named = [(then.get(name), now.get(name)) for name in names]
        differing = tuple((was, is_now) for was, is_now in named if _reads(was) != _reads(is_now))
        if differing:
            paths = dict.fromkeys(place.path for both in differing for place in both if place is not None)
            found[side] = ReadOtherwise(tuple(paths), differing, after.translations[side].blank_texts)
    return found


def _reads(place: FieldTranslation | None) -> tuple[Any, ...] | None:
    """All that a field is read by: not what it is called, nor whether it takes writes."""
    if place is None:
        return None
    attribute = place.attribute
    return place.path, place.converter, attribute.kind, attribute.minimum, attribute.maximum


@dataclass(frozen=True, slots=True)
class AtStake:
    """What a car that is not of interest has to say for an edit to change nothing for it.

    Both sides say the same of each of these attributes, or one says nothing, and no record breaks one of these rules.
    The same is what the decision table calls equal: row 1, which is silent whatever the policy and the base. It is the
    very same where a rule may go by the owner's spelling, or an owner may hang on what cannot be read; of the very same
    the base is no other, or would have moved. What a rule broke before and breaks no more was in silence too, so that
    the other side says nothing of it. These are

    - attributes that differ in their tolerance,
    - those with other policies where values count as equal that need not be the same ones, see `_reaches`,
    - those that were not decided before, or will not be any more,
    - those that a side did not carry before, or will not any more: these readings are the only ones that differ, and
      nothing else is made of them,
    - the rules that name one which was not decided, or not carried, before, and
    - rules that are new.

    paths: by side, of the fields to be looked at.
    """

    paths: Mapping[Side, tuple[str, ...]]
    _equal: tuple[Attribute, ...]
    _very_same: tuple[str, ...]
    _rules: tuple[rules.Rule, ...]
    _mapping: PointOfSaleMapping
    _today_on: date

    def is_touched(self, said: Sequence[Any]) -> bool:
        """Tell whether a car is none of these; said: what stands at the module's paths, then at the DMS's."""
        module, dms = (self._readings(side, said) for side in SIDES)
        if any(_differ(module.get(name, ABSENT), dms.get(name, ABSENT)) for name in self._very_same):
            return True
        if any(_differ(module.get(a.name, ABSENT), dms.get(a.name, ABSENT), a) for a in self._equal):
            return True
        # Whose value is the car's hangs on more than what is looked at here: so both are tried.
        cars = [rules.Car(module, dms, dict.fromkeys(module, owner), self._today_on) for owner in SIDES]
        return any(rule.broken_by(car) for rule in self._rules for car in cars)

    def _readings(self, side: Side, said: Sequence[Any]) -> dict[str, Reading]:
        translation, paths = self._mapping.translations[side], self.paths[side]
        first = 0 if side is SIDES[0] else len(self.paths[SIDES[0]])
        at = dict(zip(paths, said[first : first + len(paths)], strict=True))
        return {
            name: place.read(at[place.path], translation.blank_texts)
            for name, place in translation.fields.items()
            if at.get(place.path, ABSENT) is not ABSENT
        }


def at_stake(before: PointOfSaleMapping, after: PointOfSaleMapping, today_on: date) -> AtStake | None:
    """What has to be asked of each car; None where nothing is. today_on: the day that both decide."""
    carried = _carried_otherwise(before, after)
    then, now = before.matrix.rows, after.matrix.rows
    stayed, new = then.keys() & now.keys(), now.keys() - then.keys()
    names = {*carried, *new, *(then.keys() - now.keys())}
    names |= {n for n in stayed if before.vocabulary[n].tolerance != after.vocabulary[n].tolerance}
    names |= {n for n in stayed if not _are_alike(then[n], now[n]) and _reaches(after, then[n], now[n])}
    asked = tuple(
        rule for rule in after.rules if rule not in before.rules or (carried | new).intersection(_named_by(rule))
    )
    very_same = names.intersection(_asked_by_rules(after)) | {
        n for n in names & now.keys() if not _has_one_policy(now[n])
    }
    equal = (names & now.keys()) - very_same
    wanted = very_same.union(equal, *map(_named_by, asked))
    if not wanted:
        return None
    paths = {
        side: tuple(dict.fromkeys(p.path for n, p in after.translations[side].fields.items() if n in wanted))
        for side in SIDES
    }
    attributes = tuple(after.vocabulary[n] for n in sorted(equal))
    return AtStake(paths, attributes, tuple(sorted(very_same)), asked, after, today_on)


def _carried_otherwise(before: PointOfSaleMapping, after: PointOfSaleMapping) -> frozenset[str]:
    """Attributes that one mapping carries on a side and the other does not, on which no more than themselves hangs."""
    found: set[str] = set()
    known: set[str] = {*REQUIRED_ATTRIBUTES}
    for side in SIDES:
        found |= before.translations[side].fields.keys() ^ after.translations[side].fields.keys()
        known |= after.translations[side].read_only_when.keys()
    rows = after.matrix.rows
    return frozenset(n for n in found - known if n not in rows or _has_one_policy(rows[n]))


def _differ(here: Reading, there: Reading, attribute: Attribute | None = None) -> bool:
    """Tell whether two sides do not say the same of an attribute, the very same where none is given."""
    if here is ABSENT or there is ABSENT:
        return False
    if isinstance(here, Invalid) or isinstance(there, Invalid):
        return True
    return here != there if attribute is None else not same(attribute.kind, here, there, attribute.tolerance)


def _has_one_policy(row: OwnershipRow) -> bool:
    """Tell whether a policy holds that nothing about a car can make unknown."""
    return all(exception.when.keys() <= {"point_of_sale"} for exception in row.exceptions)


def _switches(mapping: PointOfSaleMapping) -> dict[str, bool]:
    return {name: is_on for name, is_on in mapping.switches.items() if name not in _CAN_BE_TOLD}


def _reaches(mapping: PointOfSaleMapping, before: OwnershipRow, after: OwnershipRow) -> bool:
    """Tell whether other policies for an attribute can matter where both sides agree about it.

    - With a tolerance, both sides can be near the base without being near one another: then the rows below are asked.
    - Text that is spelled differently counts as equal, but a rule may go by the owner's spelling; and where nobody can
      tell who owns it, the spelling of the base is asked for.
    """
    attribute = mapping.vocabulary[after.attribute]
    if attribute.tolerance:
        return True
    is_conditional = bool(before.exceptions or after.exceptions)
    return attribute.kind is Kind.TEXT and (is_conditional or attribute.name in _asked_by_rules(mapping))


def _asked_by_rules(mapping: PointOfSaleMapping) -> Iterator[str]:
    for rule in mapping.rules:
        if isinstance(rule, rules.ForbiddenWhen | rules.RequiredWhen):
            yield rule.when
        elif isinstance(rule, rules.ShortVinOnlyBefore):
            yield rule.first_registration


def _named_by(rule: rules.Rule) -> tuple[str, ...]:
    match rule:
        case rules.DatesInOrder() | rules.NotAfterToday():
            return rule.attributes
        case rules.ForbiddenWhen() | rules.RequiredWhen():
            return rule.attribute, rule.when
        case rules.MoreThan():
            return (rule.attribute,)
        case rules.ShortVinOnlyBefore():
            return rule.vin, rule.first_registration


def _are_alike(before: OwnershipRow, after: OwnershipRow) -> bool:
    """Tell whether two rows decide alike, wherever they stand in the files."""
    return _said(before.policy) == _said(after.policy) and [(e.when, _said(e.policy)) for e in before.exceptions] == [
        (e.when, _said(e.policy)) for e in after.exceptions
    ]


def _said(policy: Policy) -> Policy:
    return replace(policy, rule="", provisional=False)

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
the program knows it by name (`REQUIRED_ATTRIBUTES`) or it tells whether a record takes writes: see `_AtStake`.

A tolerance where there was none means none of these cars: what both sides say is the very same, of the very same the
base is no other, and so it is with any tolerance.

Which texts mean nothing is asked where a record says such a text, and of the id of the other side's record, see
`_texts_read_otherwise`. Which types of vehicle are synchronised is asked of a car's type, which is that of one of its
records. The lifecycle is asked what becomes of a car's stage, see `_Lives`.

A time zone says which day it is, and that alone decides: a date that was no later than the day of its time can only be
in the future of a zone where it is an earlier day now, see `_ruled`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any, Final, TypeVar

from stocksync.mapping.effective import (
    ALLOW_SALE_PRICE_AT_MOST_1,
    DMS_CREATES_VEHICLES,
    DMS_HAS_PRIORITY,
    EXIT_FROM_DELIVERY,
    PointOfSaleMapping,
)
from stocksync.mapping.translate import FieldTranslation, SideTranslation
from stocksync.stock import rules
from stocksync.stock.lifecycle import NOT_THERE, Lifecycle
from stocksync.stock.ownership import OwnershipRow, Policy
from stocksync.stock.values import ABSENT, SIDES, Invalid, Kind, Reading, Side, same
from stocksync.stock.vehicle import (
    DESTINATION,
    DMS_STATUS,
    REQUIRED_ATTRIBUTES,
    STAGE,
    VEHICLE_TYPE,
    Attribute,
    Vehicle,
)

_ASKED_APART: Final = frozenset(
    {"matrix", "rules", "switches", "translations", "vocabulary", "lifecycle", "vehicle_types", "time_zone"}
)
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
_Key = TypeVar("_Key")
_CAN_BE_TOLD: Final = frozenset(
    {DMS_HAS_PRIORITY, ALLOW_SALE_PRICE_AT_MOST_1, EXIT_FROM_DELIVERY, DMS_CREATES_VEHICLES}
)
"""Switches that are a matter of the matrix or the rules, or are asked of cars of interest alone."""
_ASKED_OF_LIVES: Final = (STAGE, DMS_STATUS, DESTINATION)


def can_be_told(before: PointOfSaleMapping, after: PointOfSaleMapping) -> bool:
    """Tell whether two mappings are sure to decide alike every car that is not of interest, but for what is found here.

    That is, what is `asked` of its records.
    """
    same = all(
        getattr(before, f.name) == getattr(after, f.name)
        for f in fields(PointOfSaleMapping)
        if f.name not in _ASKED_APART | _DECIDE_NO_CAR
    )
    if not same or _switches(before) != _switches(after):
        return False
    if any(_of_a_record(before.translations[side]) != _of_a_record(after.translations[side]) for side in SIDES):
        return False
    if not _of_another_kind(before, after) <= _otherwise_alone(before, after):
        return False
    # What has no base yet is held, where nobody can tell who owns it, even if both sides say the same.
    new = after.matrix.rows.keys() - before.matrix.rows.keys()
    return all(_has_one_policy(after.matrix.rows[name]) for name in new)


def _of_a_record(translation: SideTranslation) -> SideTranslation:
    """What a side's translation says of records as a whole: not how a blank is spelled, nor who changed them last."""
    return replace(translation.only(()), blank_texts=frozenset(), blank_as=None, changed_by_path=None)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a side's records, to find those that may be decided otherwise: see `Store.records_saying`."""

    side: Side
    paths: tuple[str, ...]
    is_meant: Callable[[Sequence[Any]], bool]
    beside: tuple[str, ...] | None = None
    texts: frozenset[str] | None = None


def asked(before: PointOfSaleMapping, after: PointOfSaleMapping, today_on: Callable[[str], date]) -> Iterator[Asked]:
    """What has to be asked of all records, so that an edit is told by those that are meant, and the cars of interest.

    today_on: gives the day that it is now in a time zone.
    """
    for side in SIDES:
        yield from _fields_read_otherwise(before, after, side)
        yield from _texts_read_otherwise(before, after, side)
        yield from _types_that_come_or_go(before, after, side)
    stake = _at_stake(before, after, today_on)
    if stake is not None:
        side = SIDES[0]
        yield Asked(side, stake.paths[side], stake.is_touched, stake.paths[side.other])


@dataclass(frozen=True, slots=True)
class _ReadOtherwise:
    """Where two mappings may read a side's records otherwise, that can be told apart by their fields alone.

    paths: of the fields that differ.
    """

    paths: tuple[str, ...]
    _fields: tuple[tuple[FieldTranslation | None, FieldTranslation | None], ...]
    _blank_then: frozenset[str]
    _blank_now: frozenset[str]

    def differs(self, said: Sequence[Any]) -> bool:
        """Tell whether they read anything otherwise of what stands at the paths, ABSENT where nothing does."""
        at = dict(zip(self.paths, said, strict=True))
        return any(
            _read_at(then, at, self._blank_then) != _read_at(now, at, self._blank_now) for then, now in self._fields
        )


def _read_at(place: FieldTranslation | None, said: Mapping[str, Any], blank_texts: frozenset[str]) -> Reading:
    """What a mapping reads; what it does not ask for is the same as what a record does not say."""
    if place is None or said[place.path] is ABSENT:
        return ABSENT
    return place.read(said[place.path], blank_texts)


def _fields_read_otherwise(before: PointOfSaleMapping, after: PointOfSaleMapping, side: Side) -> Iterator[Asked]:
    """Where a side's records may be read otherwise, and not only because of what means nothing there.

    Not what is seen by `_at_stake`.
    """
    elsewhere = _otherwise_alone(before, after)
    was, is_now = before.translations[side], after.translations[side]
    names = [name for name in dict.fromkeys((*was.fields, *is_now.fields)) if name not in elsewhere]
    named = [(was.fields.get(name), is_now.fields.get(name)) for name in names]
    differing = tuple((then, now) for then, now in named if _reads(then) != _reads(now))
    if differing:
        paths = tuple(dict.fromkeys(place.path for both in differing for place in both if place is not None))
        yield Asked(side, paths, _ReadOtherwise(paths, differing, was.blank_texts, is_now.blank_texts).differs)


def _texts_read_otherwise(before: PointOfSaleMapping, after: PointOfSaleMapping, side: Side) -> Iterator[Asked]:
    """Where a side's records say a text that means nothing by one mapping alone.

    Such a text is looked for where a field is read, or the other side's id, which may be a number there; outer spaces
    do not count (`FieldTranslation.read`, `SideTranslation`). Nothing else that is read asks what means nothing.
    """
    was, is_now = before.translations[side], after.translations[side]
    texts = was.blank_texts ^ is_now.blank_texts
    if not texts:
        return
    paths = dict.fromkeys(place.path for fields in (was.fields, is_now.fields) for place in fields.values())
    if is_now.reference_path is not None:
        paths[is_now.reference_path] = None

    def is_one(said: Any) -> bool:
        return type(said) in (str, int) and str(said).strip() in texts

    yield Asked(side, tuple(paths), lambda said: any(map(is_one, said)), texts=texts)


def _types_that_come_or_go(before: PointOfSaleMapping, after: PointOfSaleMapping, side: Side) -> Iterator[Asked]:
    """Where a side's records say a type of vehicle that only one mapping synchronises."""
    types, translation = before.vehicle_types ^ after.vehicle_types, after.translations[side]
    place = translation.fields.get(VEHICLE_TYPE)
    if types and place is not None:

        def is_one(said: Sequence[Any]) -> bool:
            return _read_at(place, {place.path: said[0]}, translation.blank_texts) in types

        yield Asked(side, (place.path,), is_one)


def _reads(place: FieldTranslation | None) -> tuple[Any, ...] | None:
    """All that a field is read by: not what it is called, nor whether it takes writes."""
    if place is None:
        return None
    attribute = place.attribute
    return place.path, place.converter, attribute.kind, attribute.minimum, attribute.maximum


@dataclass(frozen=True, slots=True)
class _Lives:
    """Where two lifecycles say something else of the stage of a car that is not of interest.

    All that they are asked (`Lifecycle.decide`, `is_closed`) is what a pair of stage and status means, where a status
    brings a car, and the line of life of its destination. Transitions are asked on the way to another stage: who is on
    it moves, or is told what blocks it, and so is of interest.

    A file without a module record is not asked of: it is reported or counted as missing, and so of interest; or closed,
    and then not decided until it has one. Of none that is there alone can a mapping say that both agree, or that it
    follows.

    pairs: that mean something else. statuses: that bring a car to another stage, or none. destinations: with another
    line of life.
    """

    pairs: frozenset[tuple[str, str]]
    statuses: frozenset[str]
    destinations: frozenset[str]

    def __bool__(self) -> bool:
        return bool(self.pairs or self.statuses or self.destinations)

    def mean(self, module: Vehicle, dms: Vehicle) -> bool:
        """Tell whether a car may be meant that is not of interest: so what a side does not say is not there."""
        stage, status = module.text(STAGE) or NOT_THERE, dms.text(DMS_STATUS) or NOT_THERE
        if (stage, status) in self.pairs or status in self.statuses:
            return True
        return any(vehicle.text(DESTINATION) in self.destinations for vehicle in (module, dms))


def _lives_otherwise(before: Lifecycle, after: Lifecycle) -> _Lives:
    brings = [{name: status.brings for name, status in life.statuses.items()} for life in (before, after)]
    return _Lives(
        _otherwise(before.meanings, after.meanings), _otherwise(*brings), _otherwise(before.lines, after.lines)
    )


def _otherwise(then: Mapping[_Key, Any], now: Mapping[_Key, Any]) -> frozenset[_Key]:
    """The keys under which two tables say something else, or only one says anything."""
    return frozenset(key for key in {*then, *now} if then.get(key) != now.get(key))


@dataclass(frozen=True, slots=True)
class _AtStake:
    """What a car that is not of interest has to say for an edit to change nothing for it.

    Both sides say the same of each of these attributes, or one says nothing, and no record breaks one of these rules.
    The same is what the decision table calls equal: row 1, which is silent whatever the policy and the base. It is the
    very same where a rule may go by the owner's spelling, or an owner may hang on what cannot be read; of the very same
    the base is no other, or would have moved. What a rule broke before and breaks no more was in silence too, so that
    the other side says nothing of it. These are

    - attributes that had another tolerance,
    - those with other policies where values count as equal that need not be the same ones, see `_reaches`,
    - those that were not decided before, or will not be any more,
    - those that a side did not carry before, or will not any more, and those of another kind: these readings are the
      only ones that differ, and nothing else is made of them,
    - the rules that name one which was not decided, or not carried, before, or is of another kind,
    - rules that are new, and those that go by the day, see `_ruled`.

    And the lifecycle says the same of its stage, see `_Lives`.

    paths: by side, of the fields to be looked at.
    """

    paths: Mapping[Side, tuple[str, ...]]
    _lives: _Lives
    _equal: tuple[Attribute, ...]
    _very_same: tuple[str, ...]
    _rules: tuple[rules.Rule, ...]
    _mapping: PointOfSaleMapping
    _today_on: date

    def is_touched(self, said: Sequence[Any]) -> bool:
        """Tell whether a car is none of these; said: what stands at the module's paths, then at the DMS's."""
        module, dms = (self._readings(side, said) for side in SIDES)
        if self._lives and self._lives.mean(Vehicle("", module), Vehicle("", dms)):
            return True
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


def _at_stake(
    before: PointOfSaleMapping, after: PointOfSaleMapping, today_on: Callable[[str], date]
) -> _AtStake | None:
    """What has to be asked of each car, of both its records; None where nothing is."""
    alone = _otherwise_alone(before, after)
    then, now = before.matrix.rows, after.matrix.rows
    stayed, new = then.keys() & now.keys(), now.keys() - then.keys()
    names = {*alone, *new, *(then.keys() - now.keys())}
    had = {n: before.vocabulary[n].tolerance for n in stayed}
    names |= {n for n in stayed if had[n] and had[n] != after.vocabulary[n].tolerance}
    names |= {n for n in stayed if not _are_alike(then[n], now[n]) and _reaches(after, had[n], then[n], now[n])}
    is_earlier = today_on(after.time_zone) < today_on(before.time_zone)
    ruled = tuple(_ruled(before.rules, after.rules, alone | new, is_earlier=is_earlier))
    very_same = names.intersection(_asked_by_rules(after)) | {
        n for n in names & now.keys() if not _has_one_policy(now[n])
    }
    equal = (names & now.keys()) - very_same
    lives = _lives_otherwise(before.lifecycle, after.lifecycle)
    wanted = very_same.union(equal, *map(_named_by, ruled), _ASKED_OF_LIVES if lives else ())
    if not wanted:
        return None
    paths = {
        side: tuple(dict.fromkeys(p.path for n, p in after.translations[side].fields.items() if n in wanted))
        for side in SIDES
    }
    attributes = tuple(after.vocabulary[n] for n in sorted(equal))
    return _AtStake(paths, lives, attributes, tuple(sorted(very_same)), ruled, after, today_on(after.time_zone))


def _ruled(
    before: Sequence[rules.Rule], after: Sequence[rules.Rule], names: Set[str], *, is_earlier: bool
) -> Iterator[rules.Rule]:
    """The rules that a car may break which broke none: new ones, and those that name one of these attributes.

    is_earlier: the day that is decided is one before the day that was: then those that go by the day, too.
    """
    for rule in after:
        goes_by_the_day = is_earlier and isinstance(rule, rules.NotAfterToday)
        if rule not in before or goes_by_the_day or not names.isdisjoint(_named_by(rule)):
            yield rule


def _otherwise_alone(before: PointOfSaleMapping, after: PointOfSaleMapping) -> frozenset[str]:
    """Attributes of another kind, or carried on another side, on which no more than themselves hangs.

    Not where a side's field is another one besides: that is a matter of its records (`_fields_read_otherwise`).
    """
    found = set(_of_another_kind(before, after))
    known: set[str] = {*REQUIRED_ATTRIBUTES}
    for side in SIDES:
        was, are = before.translations[side].fields, after.translations[side].fields
        found |= was.keys() ^ are.keys()
        known |= after.translations[side].read_only_when.keys()
        known |= {name for name in was.keys() & are.keys() if was[name].path != are[name].path}
    rows = after.matrix.rows
    return frozenset(n for n in found - known if n not in rows or _has_one_policy(rows[n]))


def _of_another_kind(before: PointOfSaleMapping, after: PointOfSaleMapping) -> Set[str]:
    then, now = before.vocabulary, after.vocabulary
    return {name for name in then.keys() & now.keys() if then[name].kind is not now[name].kind}


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


def _reaches(mapping: PointOfSaleMapping, had_tolerance: int, before: OwnershipRow, after: OwnershipRow) -> bool:
    """Tell whether other policies for an attribute can matter where both sides agree about it.

    - With a tolerance so far, both sides can be near the base without being near one another: then the rows below are
      asked.
    - Text that is spelled differently counts as equal, but a rule may go by the owner's spelling; and where nobody can
      tell who owns it, the spelling of the base is asked for.
    """
    attribute = mapping.vocabulary[after.attribute]
    if had_tolerance:
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

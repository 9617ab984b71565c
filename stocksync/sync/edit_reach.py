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
which it is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from stocksync.mapping.effective import ALLOW_SALE_PRICE_AT_MOST_1, DMS_HAS_PRIORITY, PointOfSaleMapping
from stocksync.mapping.translate import FieldTranslation
from stocksync.stock import rules
from stocksync.stock.ownership import OwnershipRow, Policy
from stocksync.stock.values import ABSENT, SIDES, Kind, Reading, Side

_ASKED_APART: Final = frozenset({"matrix", "switches", "translations"})
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
_ACT_ELSEWHERE: Final = frozenset({DMS_HAS_PRIORITY, ALLOW_SALE_PRICE_AT_MOST_1})
"""Switches that are a matter of the matrix and of the rules, and are seen there."""


def can_be_told(before: PointOfSaleMapping, after: PointOfSaleMapping) -> bool:
    """Tell whether two mappings are sure to decide alike every car that is not of interest and that they read alike.

    So it is iff they differ in nothing but how fields are read and who may modify what, and that not where values which
    count as equal need not be the same ones. `fields_read_otherwise` says what has to be read by both.
    """
    same = all(
        getattr(before, f.name) == getattr(after, f.name)
        for f in fields(PointOfSaleMapping)
        if f.name not in _ASKED_APART | _DECIDE_NO_CAR
    )
    then, now = before.matrix.rows, after.matrix.rows
    # An attribute that was not decided before has no base yet, and may be anything.
    if not same or _switches(before) != _switches(after) or then.keys() != now.keys():
        return False
    if any(before.translations[side].only(()) != after.translations[side].only(()) for side in SIDES):
        return False
    return not any(_reaches(after, then[name], now[name]) for name in now if not _are_alike(then[name], now[name]))


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
    """Where records may be read otherwise, by side; those sides left out that are read alike."""
    found = {}
    for side in SIDES:
        then, now = before.translations[side].fields, after.translations[side].fields
        named = [(then.get(name), now.get(name)) for name in dict.fromkeys((*then, *now))]
        differing = tuple((was, is_now) for was, is_now in named if was != is_now)
        if differing:
            paths = dict.fromkeys(place.path for both in differing for place in both if place is not None)
            found[side] = ReadOtherwise(tuple(paths), differing, after.translations[side].blank_texts)
    return found


def _switches(mapping: PointOfSaleMapping) -> dict[str, bool]:
    return {name: is_on for name, is_on in mapping.switches.items() if name not in _ACT_ELSEWHERE}


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


def _are_alike(before: OwnershipRow, after: OwnershipRow) -> bool:
    """Tell whether two rows decide alike, wherever they stand in the files."""
    return _said(before.policy) == _said(after.policy) and [(e.when, _said(e.policy)) for e in before.exceptions] == [
        (e.when, _said(e.policy)) for e in after.exceptions
    ]


def _said(policy: Policy) -> Policy:
    return replace(policy, rule="", provisional=False)

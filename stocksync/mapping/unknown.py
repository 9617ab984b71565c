"""Values that a system says and that no mapping reads: collected with their count, and with what they most likely mean.

A value is taken in with what the other side says of the same car, which is the strongest hint of all. Kept are counts
and a few examples, however many records there are. Where records come from is the store's; nothing is decided here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from stocksync.mapping.converters import Boolean, Choice, Date, Matches
from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.mapping.nearest import Near, ranked
from stocksync.mapping.numbers import Integer, Money
from stocksync.mapping.paths import value_at
from stocksync.mapping.translate import FieldTranslation, SideTranslation
from stocksync.stock.values import ABSENT, BLANK, SIDES, Invalid, Reading, Side, as_text, folded, is_value
from stocksync.stock.vehicle import POINT_OF_SALE, VEHICLE_TYPE

EXAMPLES: Final = 3
SHOWN_AT_MOST: Final = 80
"""Characters of a value that a converter shows; a longer one is cut, and cannot be put into a table."""
_GROUPS_KEPT: Final = 500
_WORDS_KEPT: Final = 50
_LIKELY: Final = 0.75
_LEADS_BY: Final = 0.1
_SPACES: Final = (" ", "\u00a0", "\u202f")
_THOUSANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "": (),
    r'thousands: [" ", "\u00a0", "\u202f"]': _SPACES,
    'thousands: ["."]': (".",),
    'thousands: [","]': (",",),
    'thousands: ["\'"]': ("'",),
}
_SYMBOLS: Final[Mapping[str, tuple[str, ...]]] = {"": (), 'symbols: ["€", EUR]': ("€", "EUR")}
_FORMATS: Final = (
    "dd/mm/yyyy",
    "yyyy-mm-dd",
    "dd-mm-yyyy",
    "dd.mm.yyyy",
    "yyyy/mm/dd",
    "yyyymmdd",
    "dd/mm/yy",
    "mm/dd/yyyy",
)
_TRUTHS: Final = (
    ("O", "N"),
    ("Oui", "Non"),
    ("1", "0"),
    ("Y", "N"),
    ("Yes", "No"),
    ("Vrai", "Faux"),
    ("true", "false"),
)

Body = Mapping[str, Any]


@dataclass(slots=True)
class Unknown:
    """One value, or one shape of dates and numbers, that a field cannot be read from.

    raw: as it was said first; why: what the converter says of it. examples: record id and point of sale. others: what
    the other side says of the same cars, by our word, and how often. fits: by another spelling of the field, how many
    of these values it would read; agrees: and how many of those to what the other side says. other_codes: of a point of
    sale that the other side's code is unknown of too, that code, and how often.
    """

    side: Side
    attribute: str
    raw: str
    why: str
    count: int = 0
    examples: list[tuple[str, str]] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    fits: Counter[str] = field(default_factory=Counter)
    agrees: Counter[str] = field(default_factory=Counter)
    other_codes: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Meaning:
    """Which of our words a code most likely stands for.

    cars, of: so many of the cars whose other side says anything say this word; 0 of 0 where none does. is_sure: that
    is enough to write it into the table.
    """

    word: str
    cars: int
    of: int
    is_sure: bool


@dataclass(frozen=True, slots=True)
class _Watched:
    """One field of a side, and the other spellings that it might have."""

    translation: FieldTranslation
    spellings: Mapping[str, Any]


class UnknownValues:
    """What one pair's records say that nobody reads; records are taken in one by one.

    names: what people call the pair's points of sale, by id. more: by side and attribute, how many records were left
    out because there were too many different values. read: by side and attribute, how many values could be read.
    """

    def __init__(self, mapping: PointOfSaleMapping, names: Mapping[str, str] | None = None) -> None:
        self.mapping = mapping
        self.names = names or {}
        self.found: dict[tuple[Side, str, str], Unknown] = {}
        self.more: Counter[tuple[Side, str]] = Counter()
        self.read: Counter[tuple[Side, str]] = Counter()
        self._groups: Counter[tuple[Side, str]] = Counter()
        self._watched = {side: dict(_watched(mapping.translations[side])) for side in SIDES}

    def take(
        self, side: Side, record_id: str, point_of_sale: str, body: Body, other: Callable[[], Body | None]
    ) -> None:
        """Take a record in; other: gives the other side's record of the same car, asked only where it is of use."""
        translation = self.mapping.translations[side]
        if not self._is_ours(translation, body):
            return
        unread: dict[str, Invalid] = {}
        for name, watched in self._watched[side].items():
            reading = reading_of(translation, watched.translation, body)
            if isinstance(reading, Invalid):
                unread[name] = reading
            elif is_value(reading):
                self.read[side, name] += 1
        opposite = other() if unread else None
        for name, invalid in unread.items():
            said = self._said_by_other(side, name, opposite)
            self._count(side, name, invalid, record_id, point_of_sale, said)

    def take_reported(self, side: Side, attribute: str, invalid: Invalid, record_id: str, point_of_sale: str) -> None:
        """Take in what a report row says of a record that is held no more; a value that only breaks a rule is none."""
        watched = self._watched[side].get(attribute)
        if watched is not None and watched.translation.converter.read(invalid.raw) == invalid:
            self._count(side, attribute, invalid, record_id, point_of_sale, ABSENT)

    def in_order(self, at_least: int = 1) -> list[Unknown]:
        """Everything that was found in at least so many records, the most frequent first within each field."""
        found = [one for one in self.found.values() if one.count >= at_least]
        order = {name: place for place, name in enumerate(self.mapping.vocabulary)}
        return sorted(found, key=lambda one: (SIDES.index(one.side), order[one.attribute], -one.count, one.raw))

    def table(self, one: Unknown) -> Mapping[str, tuple[str, ...]] | None:
        """The value table of the field that a value stands in; None where the field has none of its own."""
        converter = self.mapping.translations[one.side].fields[one.attribute].converter
        return converter.table if isinstance(converter, Choice) and one.attribute != POINT_OF_SALE else None

    def nearest(self, one: Unknown) -> list[Near]:
        """The known values of the field that are most like a code, by how they are spelled and called."""
        table = self.table(one)
        if table is None:
            return []
        labels = self.mapping.choice_labels.get(one.attribute, {})
        called = {w: (*said, *((labels[w].fr, labels[w].en) if w in labels else ()), w) for w, said in table.items()}
        return ranked(one.raw, called, at_least=0.5)[:EXAMPLES]

    def meaning(self, one: Unknown, *, share_percent: int, cars: int) -> Meaning | None:
        """What a code most likely means, None where nothing tells.

        What the other side says of the same cars counts before how the code is spelled. It is sure where at least so
        many cars, and such a share of those that say anything, say one word.
        """
        table = self.table(one)
        if table is None or not can_stand_in_a_table(one.raw):
            return None
        near = self.nearest(one)
        likely = near[0].name if near and near[0].score >= _LIKELY and _leads(near) else None
        said = [(word, number) for word, number in one.others.most_common() if word in table]
        total = sum(one.others.values())
        if not total:
            return Meaning(likely, 0, 0, is_sure=False) if likely is not None else None
        if not said or said[0][1] * 2 <= total:
            return None
        word, number = said[0]
        is_sure = number >= cars and number * 100 >= share_percent * total
        # A few cars against a plain spelling: nobody knows.
        return Meaning(word, number, total, is_sure) if is_sure or likely in (None, word) else None

    def _is_ours(self, translation: SideTranslation, body: Body) -> bool:
        """Leave out vehicles of a type that is not synchronised."""
        place = translation.fields.get(VEHICLE_TYPE)
        said = reading_of(translation, place, body) if place is not None else ABSENT
        return not is_value(said) or said in self.mapping.vehicle_types

    def _said_by_other(self, side: Side, name: str, body: Body | None) -> Reading:
        translation = self.mapping.translations[side.other]
        place = translation.fields.get(name)
        return reading_of(translation, place, body) if place is not None and body is not None else ABSENT

    def _count(
        self, side: Side, name: str, invalid: Invalid, record_id: str, point_of_sale: str, other: Reading
    ) -> None:
        watched = self._watched[side][name]
        key = (side, name, _group(watched.translation.converter, invalid.raw))
        one = self.found.get(key)
        if one is None:
            if self._groups[side, name] >= _GROUPS_KEPT:
                self.more[side, name] += 1
                return
            self._groups[side, name] += 1
            one = self.found[key] = Unknown(side, name, invalid.raw, invalid.why)
        one.count += 1
        if len(one.examples) < EXAMPLES:
            one.examples.append((record_id, point_of_sale))
        for spelling, converter in watched.spellings.items():
            read = converter.read(invalid.raw)
            if is_value(read):
                one.fits[spelling] += 1
                one.agrees[spelling] += read == other
        if isinstance(other, Invalid) and name == POINT_OF_SALE:
            if other.raw in one.other_codes or len(one.other_codes) < _WORDS_KEPT:
                one.other_codes[other.raw] += 1
            return
        said = as_text(other) if is_value(other) else None
        if said is not None and (said in one.others or len(one.others) < _WORDS_KEPT):
            one.others[said] += 1


def reading_of(translation: SideTranslation, place: FieldTranslation, body: Body) -> Reading:
    """Read one field of a record by its spelling alone; bounds and rules are not looked at."""
    said = value_at(body, place.path)
    if said is ABSENT:
        return ABSENT
    if said is None or (isinstance(said, str) and said.strip() in translation.blank_texts):
        return BLANK
    return place.converter.read(said)


def other_spelling(one: Unknown) -> tuple[str, int, int] | None:
    """The other setting of a field that reads most of a value's like, how many of them, and how many as the other side.

    None where none does, or where two read the same ones differently and nothing tells which is right.
    """
    order = list(one.fits)
    best = sorted(order, key=lambda said: (-one.agrees[said], -one.fits[said], order.index(said)))
    if not best:
        return None
    first = best[0]
    rivals = [said for said in best[1:] if said.startswith(("format", "yes")) and one.fits[said] == one.fits[first]]
    if rivals and one.agrees[rivals[0]] == one.agrees[first]:
        return None
    return first, one.fits[first], one.agrees[first]


def _leads(near: Sequence[Near]) -> bool:
    return len(near) == 1 or near[0].score - near[1].score >= _LEADS_BY


def can_stand_in_a_table(raw: str) -> bool:
    """Tell whether a value was shown whole, so that a table may hold it."""
    return 0 < len(raw.strip()) < SHOWN_AT_MOST and "�" not in raw


def _watched(translation: SideTranslation) -> Iterator[tuple[str, _Watched]]:
    for name, place in translation.fields.items():
        converter = place.converter
        if isinstance(converter, Choice | Date | Money | Integer | Boolean) and not isinstance(converter, Matches):
            others = {said: one for said, one in _spellings(converter).items() if one != converter}
            yield name, _Watched(place, others)


def _group(converter: Any, raw: str) -> str:
    """Codes are one value each, whatever their case; dates and numbers are one by their shape."""
    if isinstance(converter, Choice | Boolean):
        return folded(raw)
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", raw))[:40]


def _spellings(converter: Any) -> dict[str, Any]:
    """Other settings of a field, as its file says them, with what they read."""
    if isinstance(converter, Date):
        return {f"format: {letters}": Date(letters) for letters in _FORMATS}
    if isinstance(converter, Boolean):
        return {f'yes: "{yes}", no: "{no}"': Boolean(yes, no) for yes, no in _TRUTHS}
    if isinstance(converter, Integer):
        return {_joined("spelled: text", said): Integer("text", marks) for said, marks in _THOUSANDS.items()}
    if isinstance(converter, Money):
        return {
            _joined("spelled: text", f'decimal_mark: "{decimal}"', said, symbols_said): Money(
                "text", decimal, marks, symbols, converter.zero_is_blank
            )
            for decimal in (",", ".")
            for said, marks in _THOUSANDS.items()
            for symbols_said, symbols in _SYMBOLS.items()
            if decimal not in marks
        }
    return {}


def _joined(*settings: str) -> str:
    return ", ".join(setting for setting in settings if setting)

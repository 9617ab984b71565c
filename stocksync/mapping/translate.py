"""From a system's record to a `Vehicle`, and from values to what the system wants written.

One `SideTranslation` per side and point of sale. It knows spellings and places, not who may write what.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from stocksync.mapping.converters import Matches
from stocksync.mapping.paths import put_at, value_at
from stocksync.mapping.spelling import CannotSpell, Converter
from stocksync.stock.values import ABSENT, BLANK, Invalid, Kind, Known, Reading, Side
from stocksync.stock.vehicle import Attribute, Vehicle

Spelled = str | int | tuple[str] | tuple[bool] | None
"""What a record says, as it is remembered; a number with decimals as it is spelled."""
_REMEMBERED: Final = 4096
"""Texts of one field; some kilobytes."""
_BOUNDED: Final = frozenset({Kind.MONEY, Kind.INTEGER})


@dataclass(frozen=True, slots=True)
class FieldTranslation:
    """One attribute's place and spelling in a system."""

    attribute: Attribute
    path: str
    converter: Converter
    writable: bool
    known: dict[Spelled, Reading] = field(default_factory=dict, repr=False, compare=False)

    def read(self, said: Any, blank_texts: frozenset[str]) -> Reading:
        """Read what a record says there; remembered of each text, because a stock says the same again and again."""
        kind, known = type(said), self.known
        key: Spelled
        if kind is str or kind is int or said is None:
            key = said
        # Others are equal now and then, and yet two spellings: 1.50 and 1.5, or 1 and true.
        elif kind is Decimal:
            key = (str(said),)
        elif kind is bool:
            key = (said,)
        else:
            return self._read_anew(said, blank_texts)
        reading = known.get(key)
        if reading is None:
            if len(known) >= _REMEMBERED:
                known.clear()
            reading = known[key] = self._read_anew(said, blank_texts)
        return reading

    def _read_anew(self, said: Any, blank_texts: frozenset[str]) -> Reading:
        converter = self.converter
        if type(converter) is Matches:
            return converter.read(said)
        if said is None or (type(said) is str and said.strip() in blank_texts):
            return BLANK
        reading = converter.read(said)
        return _within_bounds(self.attribute, reading) if type(reading) is int else reading


@dataclass(frozen=True, slots=True)
class SideTranslation:
    """Everything that is needed to read and to spell one side's records.

    reference_path: where a record keeps the other side's id, None where it does not.
    """

    side: Side
    fields: Mapping[str, FieldTranslation]
    blank_texts: frozenset[str]
    blank_as: Any
    reference_path: str | None
    changed_by_path: str | None
    read_only_when: Mapping[str, frozenset[str]]
    _groups: tuple[_Group, ...] = field(init=False, repr=False, compare=False)
    _silent: Mapping[str, Reading] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_groups", _grouped(self.fields))
        object.__setattr__(self, "_silent", dict.fromkeys(self.fields, ABSENT))

    def only(self, names: Container[str]) -> SideTranslation:
        """This translation of some attributes alone."""
        return replace(self, fields={name: place for name, place in self.fields.items() if name in names})

    def vehicle(self, record_id: str, version: str | None, body: Mapping[str, Any]) -> Vehicle:
        """Read one record."""
        readings, blank_texts = dict(self._silent), self.blank_texts
        for steps, places in self._groups:
            group: Any = body
            for step in steps:
                group = group.get(step) if type(group) is dict or isinstance(group, Mapping) else None
            if type(group) is not dict and not isinstance(group, Mapping):
                continue
            for name, key, place, known in places:
                said = group.get(key, ABSENT)
                if said is ABSENT:
                    continue
                # Texts and null are most of what a record says, and most of it was said before: worth no call.
                reading = known.get(said) if type(said) is str or said is None else None
                readings[name] = place.read(said, blank_texts) if reading is None else reading
        return Vehicle(record_id, readings, self._reference(body), version)

    def changed_by(self, body: Mapping[str, Any]) -> str | None:
        """Who changed a record last, as the system names them; None where it does not say."""
        said = value_at(body, self.changed_by_path) if self.changed_by_path else None
        return said if isinstance(said, str) and said else None

    def spelled(self, attribute: str, value: Known) -> Any:
        """Spell one value for this side. Raises CannotSpell."""
        if value is BLANK:
            return self.blank_as
        if value is ABSENT:
            raise CannotSpell("nothing is known of it")
        translation = self.fields.get(attribute)
        if translation is None:
            raise CannotSpell("this side does not carry it")
        assert not isinstance(value, type(BLANK))
        return translation.converter.write(value)

    def can_spell(self, attribute: str, value: Known) -> bool:
        """Tell whether this side has a spelling for a value."""
        try:
            self.spelled(attribute, value)
        except CannotSpell:
            return False
        return True

    def body(self, values: Mapping[str, Known], reference: str | None = None) -> dict[str, Any]:
        """Spell several values as one body of changes; `reference` sets the other side's id."""
        body: dict[str, Any] = {}
        for attribute, value in values.items():
            put_at(body, self.fields[attribute].path, self.spelled(attribute, value))
        if reference is not None and self.reference_path is not None:
            put_at(body, self.reference_path, reference)
        return body

    def takes_writes(self, vehicle: Vehicle) -> bool:
        """Tell whether the system takes any change of a record in its present state."""
        return not any(vehicle.text(attribute) in values for attribute, values in self.read_only_when.items())

    def _reference(self, body: Mapping[str, Any]) -> str | None:
        if self.reference_path is None:
            return None
        said = value_at(body, self.reference_path)
        # Not every database holds NUL, and no record has an id with one.
        text = str(said).strip().replace("\0", "\N{REPLACEMENT CHARACTER}") if type(said) in (str, int) else ""
        return None if not text or text in self.blank_texts else text


_Group = tuple[tuple[str, ...], tuple[tuple[str, str, FieldTranslation, dict[Spelled, Reading]], ...]]
"""The steps to an object in a record, and of each field in it: the attribute, the key, the place, what is known."""


def _grouped(fields: Mapping[str, FieldTranslation]) -> tuple[_Group, ...]:
    """The fields by the object that they stand in, so that each is walked to once."""
    groups: dict[tuple[str, ...], list[tuple[str, str, FieldTranslation, dict[Spelled, Reading]]]] = {}
    for name, place in fields.items():
        *steps, key = place.path.split(".")
        groups.setdefault(tuple(steps), []).append((name, key, place, place.known))
    return tuple((steps, tuple(places)) for steps, places in groups.items())


def _within_bounds(attribute: Attribute, reading: int) -> Reading:
    if attribute.kind not in _BOUNDED:
        return reading
    if attribute.minimum is not None and reading < attribute.minimum:
        return Invalid(str(reading), f"less than {attribute.minimum}")
    if attribute.maximum is not None and reading > attribute.maximum:
        return Invalid(str(reading), f"more than {attribute.maximum}")
    return reading

"""From a system's record to a `Vehicle`, and from values to what the system wants written.

One `SideTranslation` per side and point of sale. It knows spellings and places, not who may write what.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from stocksync.mapping.converters import Matches
from stocksync.mapping.paths import put_at, value_at
from stocksync.mapping.spelling import CannotSpell, Converter
from stocksync.stock.values import ABSENT, BLANK, Invalid, Kind, Known, Reading, Side
from stocksync.stock.vehicle import Attribute, Vehicle

_REMEMBERED: Final = 4096
"""Texts of one field; some kilobytes."""


@dataclass(frozen=True, slots=True)
class FieldTranslation:
    """One attribute's place and spelling in a system."""

    attribute: Attribute
    path: str
    converter: Converter
    writable: bool
    _read: dict[str, Reading] = field(default_factory=dict, repr=False, compare=False)

    def read(self, said: str, blank_texts: frozenset[str]) -> Reading:
        """Read a text; what was read of the same text before is remembered: a stock says the same again and again."""
        known = self._read.get(said)
        if known is None:
            if len(self._read) >= _REMEMBERED:
                self._read.clear()
            known = self._read[said] = self._said(said, blank_texts)
        return known

    def _said(self, said: str, blank_texts: frozenset[str]) -> Reading:
        if said.strip() in blank_texts:
            return BLANK
        return _within_bounds(self.attribute, self.converter.read(said))


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

    def vehicle(self, record_id: str, version: str | None, body: Mapping[str, Any]) -> Vehicle:
        """Read one record."""
        readings = {name: self._reading(f, body) for name, f in self.fields.items()}
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
        text = str(said).strip() if isinstance(said, str | int) and not isinstance(said, bool) else ""
        return None if not text or text in self.blank_texts else text

    def _reading(self, translation: FieldTranslation, body: Mapping[str, Any]) -> Reading:
        said = value_at(body, translation.path)
        if said is ABSENT:
            return ABSENT
        if isinstance(translation.converter, Matches):
            return translation.converter.read(said)
        if type(said) is str:
            return translation.read(said, self.blank_texts)
        if said is None:
            return BLANK
        reading = translation.converter.read(said)
        return _within_bounds(translation.attribute, reading)


def _within_bounds(attribute: Attribute, reading: Reading) -> Reading:
    if attribute.kind not in (Kind.MONEY, Kind.INTEGER) or not isinstance(reading, int):
        return reading
    if attribute.minimum is not None and reading < attribute.minimum:
        return Invalid(str(reading), f"less than {attribute.minimum}")
    if attribute.maximum is not None and reading > attribute.maximum:
        return Invalid(str(reading), f"more than {attribute.maximum}")
    return reading

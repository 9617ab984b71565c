"""Whether what is written to a system is read back as the same value: every field is tried, with values of its kind.

The very converters that a run uses write each value into a record and read it again. A field that is never written is
not tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from stocksync.mapping import models
from stocksync.mapping.checks_carried import takes_writes
from stocksync.mapping.converters import converter_for
from stocksync.mapping.draft import POINTS_OF_SALE, VEHICLE, Draft
from stocksync.mapping.source import Source
from stocksync.mapping.spelling import CannotSpell
from stocksync.mapping.translate import FieldTranslation, SideTranslation
from stocksync.mapping.words import Words
from stocksync.stock.values import BLANK, SIDES, Invalid, Kind, Reading, Side, Value, as_text, folded, same
from stocksync.stock.vehicle import Attribute

PROBES: Final[dict[Kind, tuple[Value, ...]]] = {
    Kind.MONEY: (1_234_56, 100, 101, 110, 5, 99, 1_000_00, 12_345_00, 987_654_321, 2_500_050, -1, -12_345, 0),
    Kind.INTEGER: (84_000, 1, 9, 10, 999, 1_000, 1_001, 123_456, 200_000, 1_234_567, -5, 0),
    Kind.BOOLEAN: (True, False),
    Kind.TEXT: ("Mégane IV 1,5 dCi", "RENAULT", "Golf", "a" * 30),
    Kind.IDENTIFIER: ("2026-0042", "A1", "000123", "BC 17/4"),
    Kind.VIN: ("VF1RFB00066123456", "WVWZZZ1KZAW000001", "AB12345"),
    Kind.REGISTRATION: ("AB-123-CD", "1234 AB 33", "2 A 971", "B MW 1234"),
    Kind.DATE: (
        *(date(year, 3, 4) for year in (2026, 2024, 2000, 1999, 1970)),
        date(2024, 2, 29),
        date(2023, 12, 31),
        date(2023, 10, 11),
    ),
}
"""Values that each kind is tried with; those outside an attribute's bounds are left out."""

OLD_DATES: Final = (date(1968, 12, 31), date(1936, 6, 1), date(1900, 1, 1))
"""First registrations of old cars: what a year of two digits cannot tell from one to come."""

_SAID_ALREADY: Final = ("converter_of_kind", "not_a_date_format", "yes_without_no", "yes_is_no", "code_ambiguous")
"""What keeps a field from being tried: it is why the values would not survive."""


def check_round_trips(draft: Draft) -> None:
    """Note every field in which a value would not survive being written."""
    vehicle: models.VehicleFile | None = draft.files[VEHICLE]
    if vehicle is None:
        return
    for pair in draft.pairs:
        words = Words(vehicle, draft.part(pair, "lifecycle.yaml"), draft.files[POINTS_OF_SALE])
        for side in SIDES:
            file: models.SideFile | None = draft.part(pair, f"{side}.yaml")
            if file is not None:
                codes = _codes(draft, pair, side)
                _Side(file, side, draft.source(pair, f"{side}.yaml"), words, codes).check()


def _codes(draft: Draft, pair: str, side: Side) -> dict[str, str]:
    points: models.PointsOfSaleFile | None = draft.files[POINTS_OF_SALE]
    of_pair = points.points_of_sale.items() if points is not None else ()
    codes: dict[str, str] = {}
    for name, point in of_pair:
        # A code that another point of sale has is noted there.
        if point.pair == pair:
            codes.setdefault(folded(getattr(point, side).code), name)
    return {name: getattr(points.points_of_sale[name], side).code for name in codes.values()} if points else {}


@dataclass
class _Side:
    """One system's file."""

    file: models.SideFile
    side: Side
    source: Source
    words: Words
    codes: dict[str, str]

    def check(self) -> None:
        """Try every field that can be written."""
        noted = [problem.where for problem in self.source.problems if problem.code in _SAID_ALREADY]
        for name, model in self.file.fields.items():
            attribute = self.words.vehicle.attributes.get(name)
            said_already = any(f"{where}.".startswith(f"fields.{name}.") for where in noted)
            if attribute is not None and takes_writes(self.file, name) and not said_already:
                self._try(name, model, attribute)

    def _try(self, name: str, model: models.FieldModel, attribute: models.AttributeModel) -> None:
        translation = self._translation(name, model, attribute)
        tried = [_written_and_read(translation, name, value) for value in self._values(name, model, attribute)]
        for went in tried:
            if went is not None and went.differs(Kind(attribute.kind), attribute):
                message = f"{went} {_advice(model, went)}"
                self.source.report(("fields", name), message, code="not_round_trip")
                return
        if tried and all(went is None for went in tried):
            message = "no value that was tried can be written here; make max_length longer, or say writable: false"
            self.source.report(("fields", name), message, code="never_written", level="warning")
        if isinstance(model, models.DateField):
            self._try_old_dates(name, translation)

    def _try_old_dates(self, name: str, translation: SideTranslation) -> None:
        for value in OLD_DATES:
            went = _written_and_read(translation, name, value)
            if went is not None and went.read != value:
                message = f"{went} Let the system say the year with four digits, or say writable: false"
                keys = ("fields", name, "format")
                self.source.report(keys, message, code="century_lost", level="warning")
                return

    def _values(self, name: str, model: models.FieldModel, attribute: models.AttributeModel) -> Iterator[Value]:
        if isinstance(model, models.ChoiceField):
            yield from model.table
        elif isinstance(model, models.PointOfSaleField):
            yield from self.codes
        else:
            yield from (value for value in PROBES.get(Kind(attribute.kind), ()) if _is_known(value, model, attribute))

    def _translation(self, name: str, model: models.FieldModel, attribute: models.AttributeModel) -> SideTranslation:
        meant = Attribute(
            name,
            Kind(attribute.kind),
            attribute.label.fr,
            attribute.label.en,
            minimum=attribute.minimum,
            maximum=attribute.maximum,
        )
        field = FieldTranslation(meant, "field", converter_for(model, self.codes), True)
        return SideTranslation(
            side=self.side,
            fields={name: field},
            blank_texts=frozenset({"", *self.file.blank_texts}),
            blank_as=None if self.file.writes_blank_as == "null" else "",
            reference_path=None,
            changed_by_path=None,
            read_only_when={},
        )


@dataclass(frozen=True)
class _Went:
    """What became of one value."""

    value: Value
    written: object
    read: Reading

    def differs(self, kind: Kind, attribute: models.AttributeModel) -> bool:
        """Tell whether the value did not survive."""
        if isinstance(self.read, Invalid):
            return True
        if isinstance(self.value, bool) != isinstance(self.read, bool):
            return True
        return not same(kind, self.value, self.read, max(attribute.tolerance, 0))

    def __str__(self) -> str:
        became = "empty" if self.read is BLANK else as_text(self.read)
        if isinstance(self.read, Invalid):
            became = f"unreadable ({self.read.why})"
        return f"{as_text(self.value)} is written as {self.written} and read back as {became}."


def _written_and_read(translation: SideTranslation, name: str, value: Value) -> _Went | None:
    """Write a value and read it again; None where it cannot be spelled, which a run reports."""
    try:
        body = translation.body({name: value})
    except CannotSpell:
        return None
    try:
        read = translation.vehicle("probe", None, body).reading(name)
    except ArithmeticError:
        # Marks that are digits leave nothing of a number.
        read = Invalid("", "not a number as this system spells them")
    return _Went(value, body["field"], read)


def _is_known(value: Value, model: models.FieldModel, attribute: models.AttributeModel) -> bool:
    if not isinstance(value, int) or isinstance(value, bool):
        return True
    if value == 0 and getattr(model, "zero_is_blank", False):
        return False
    low = attribute.minimum if attribute.minimum is not None else value
    high = attribute.maximum if attribute.maximum is not None else value
    return low <= value <= high


def _advice(model: models.FieldModel, went: _Went) -> str:
    """Say what to change, by what the field is."""
    if went.read is BLANK:
        return "Take that text out of blank_texts, or give the value another code"
    if isinstance(model, models.MoneyField | models.IntegerField) and model.thousands:
        return "Check decimal_mark, thousands and symbols: no mark may have two meanings"
    if isinstance(model, models.ChoiceField | models.PointOfSaleField):
        return "Give each value a code of its own"
    if isinstance(model, models.BooleanField):
        return "Give `yes` and `no` different texts"
    return "Choose another converter or other settings, or say writable: false"

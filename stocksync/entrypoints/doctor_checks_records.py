"""Whether records are as the mapping says: which values cannot be read, which codes no table has, what is never there.

Looks at the records of one page, already read. Values of attributes that the mapping calls personal are masked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from stocksync.entrypoints.doctor import Area, Finding, fault, ok, warning
from stocksync.mapping.converters import Choice
from stocksync.mapping.problems import nearest_word
from stocksync.mapping.translate import FieldTranslation, SideTranslation
from stocksync.reports.spelling import masked
from stocksync.stock.values import ABSENT, Invalid, Reading
from stocksync.sync.ports import NativeRecord

_EXAMPLES: Final = 3
_LONGEST_EXAMPLE: Final = 40
_ENOUGH: Final = 10
"""So many records tell a field that is never there from one that happens to be empty."""


def check_records(translation: SideTranslation, records: Sequence[NativeRecord], where: str) -> Iterator[Finding]:
    """Ask of each field whether its values can be read."""
    nameless = sum(not record.record_id for record in records)
    if nameless:
        yield fault(Area.SYSTEM, "records_nameless", where, count=str(nameless), total=str(len(records)))
    vehicles = [translation.vehicle(record.record_id, record.version, record.body) for record in records]
    found = [
        finding
        for name, place in translation.fields.items()
        for finding in _field(place, [vehicle.reading(name) for vehicle in vehicles], where)
    ]
    yield from found
    if not nameless and not found:
        fields = str(len(translation.fields))
        yield ok(Area.SYSTEM, "records_readable", where, total=str(len(records)), fields=fields)


def _field(place: FieldTranslation, readings: Sequence[Reading], where: str) -> Iterator[Finding]:
    there = [reading for reading in readings if reading is not ABSENT]
    unreadable = [reading for reading in there if isinstance(reading, Invalid)]
    named = {"attribute": place.attribute.name, "field": place.path, "total": str(len(readings))}
    if not there and len(readings) >= _ENOUGH:
        yield warning(Area.SYSTEM, "field_never_there", where, **named)
    if not unreadable:
        return
    told = {**named, "count": str(len(unreadable)), "examples": _examples(place, unreadable)}
    if isinstance(place.converter, Choice):
        codes = {reading.raw for reading in unreadable}
        yield warning(Area.SYSTEM, "codes_unknown", where, **{**told, "count": str(len(codes))})
    elif len(unreadable) == len(there) >= _ENOUGH:
        yield fault(Area.SYSTEM, "field_unreadable", where, **told, why=unreadable[0].why)
    else:
        yield warning(Area.SYSTEM, "values_unreadable", where, **told, why=unreadable[0].why)


def _examples(place: FieldTranslation, unreadable: Sequence[Invalid]) -> str:
    """The commonest, each with how often it comes and the code that it may have been meant to be."""
    spellings = (
        [spelling for spellings in place.converter.table.values() for spelling in spellings]
        if isinstance(place.converter, Choice)
        else []
    )
    said = []
    for raw, number in Counter(reading.raw for reading in unreadable).most_common(_EXAMPLES):
        shown = masked(raw) if place.attribute.personal else raw[:_LONGEST_EXAMPLE]
        nearest = nearest_word(raw, spellings)
        said.append(f"{shown} ({number})" if nearest is None else f"{shown} ({number}, ~ {nearest})")
    return ", ".join(said)

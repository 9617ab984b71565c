"""What stands where in the messages of one side, as its mapping files say; nothing else is known of them.

A path of a record counts wherever a record may stand: in a listing, in an answer about one record, in what is written.
Where two meanings meet at one place, the more personal one holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

from stocksync.mapping.connection import FilesConnection, RestConnection
from stocksync.mapping.converters import Matches, Registration, Vin
from stocksync.mapping.effective import PointOfSaleMapping, SystemSettings
from stocksync.mapping.translate import FieldTranslation, SideTranslation
from stocksync.stock.values import Side

ANY: Final = "*"
"""The step into each element of a list, or of an object of records."""


class Meant(IntEnum):
    """What a place holds; the higher, the more personal."""

    PROTOCOL = 0
    STAMP = 1
    ID = 2
    REFERENCE = 3
    CURSOR = 4
    LINK = 5
    FIELD_NAME = 6
    FIELD = 7
    PLATE = 8
    VIN = 9
    PERSON = 10


@dataclass
class Place:
    """A place, with what it holds and what is known of the places inside it."""

    meant: Meant | None = None
    field_: FieldTranslation | None = None
    inside: dict[str, Place] = field(default_factory=dict)

    def step(self, name: str, *, in_list: bool = False) -> Place | None:
        """The place that a step leads to; None where nothing is known of it."""
        return self.inside.get(ANY) if in_list else self.inside.get(name) or self.inside.get(ANY)

    def mark(self, path: Iterable[str], meant: Meant, translation: FieldTranslation | None = None) -> None:
        """Note what stands at a path."""
        place = self
        for name in path:
            place = place.inside.setdefault(name, Place())
        if place.meant is None or meant > place.meant:
            place.meant, place.field_ = meant, translation


@dataclass(frozen=True)
class Places:
    """Everything that is known of one side: its messages, and a record by itself."""

    side: Side
    settings: SystemSettings
    translation: SideTranslation
    answers: Place
    requests: Place
    record: Place

    @property
    def id_is(self) -> Meant:
        """What a record's id is besides."""
        place: Place | None = self.record
        for name in self.settings.record.id.split("."):
            place = place.step(name) if place is not None else None
        return place.meant if place is not None and place.meant is not None else Meant.ID


def places_of(mapping: PointOfSaleMapping, side: Side) -> Places:
    """What is known of a side of a point of sale."""
    settings, translation = mapping.systems[side], mapping.translations[side]
    record, answers, requests = Place(), Place(), Place()
    _mark_record(record, (), settings, translation)
    connection = settings.connection
    if isinstance(connection, RestConnection):
        for root in _roots(connection):
            _mark_record(answers, root, settings, translation)
        for path, meant in _of_protocol(connection):
            answers.mark(path.split("."), meant)
            answers.mark((path,), meant)
        _mark_errors(connection, answers)
        for operation in filter(None, (connection.create, connection.update)):
            _mark_record(requests, _steps(operation.wrap), settings, translation)
            for path in operation.extra:
                requests.mark(path.split("."), Meant.PROTOCOL)
            if operation.version_field is not None:
                requests.mark((*_steps(operation.wrap), *operation.version_field.split(".")), Meant.PROTOCOL)
    elif isinstance(connection, FilesConnection):
        _mark_files(connection, settings, translation, record, answers, requests)
    return Places(side, settings, translation, answers, requests, record)


def _mark_files(
    connection: FilesConnection,
    settings: SystemSettings,
    translation: SideTranslation,
    record: Place,
    answers: Place,
    requests: Place,
) -> None:
    """Rows of listings are records; requests are rows that go out, answers those of acknowledgements."""
    of_protocol = [path for files in connection.incoming for path in files.adds]
    of_protocol += [files.point_of_sale_field for files in connection.incoming if files.point_of_sale_field]
    of_protocol += [files.removed.field for files in connection.incoming if files.removed is not None]
    for path in of_protocol:
        record.mark(path.split("."), Meant.PROTOCOL)
    outgoing, said = connection.outgoing, connection.acknowledgements
    if outgoing is not None:
        _mark_record(requests, (), settings, translation)
        for name in (*of_protocol, outgoing.verb.field, outgoing.key_field, *outgoing.reservation):
            if name is not None:
                requests.mark(name.split("."), Meant.PROTOCOL)
    if said is not None:
        is_word = all(" " not in status for status in said.accepted)
        status = Meant.FIELD_NAME if is_word else Meant.PROTOCOL
        marks = ((said.status, status), (said.key, Meant.PROTOCOL), (said.new_id, Meant.ID))
        for name, meant in (*marks, (said.refused_field, Meant.FIELD_NAME)):
            if name is not None:
                answers.mark(name.split("."), meant)


def _mark_record(place: Place, root: tuple[str, ...], settings: SystemSettings, translation: SideTranslation) -> None:
    for path, meant, field_ in _of_record(settings, translation):
        place.mark((*root, *path.split(".")), meant, field_)


def _of_record(
    settings: SystemSettings, translation: SideTranslation
) -> Iterator[tuple[str, Meant, FieldTranslation | None]]:
    record = settings.record
    yield record.id, Meant.ID, None
    if record.version is not None:
        yield record.version, Meant.PROTOCOL, None
    if record.reference is not None:
        yield record.reference, Meant.REFERENCE, None
    if record.changed_by is not None:
        yield record.changed_by, Meant.PERSON, None
    connection = settings.connection
    if isinstance(connection, RestConnection) and connection.list.changes is not None:
        yield connection.list.changes.stamp, Meant.STAMP, None
    for field_ in translation.fields.values():
        yield from _of_field(field_)


def _of_field(field_: FieldTranslation) -> Iterator[tuple[str, Meant, FieldTranslation | None]]:
    if isinstance(field_.converter, Matches):
        for name in field_.converter.values:
            yield f"{field_.path}.{name}", Meant.PROTOCOL, None
    elif field_.attribute.personal:
        yield field_.path, Meant.PERSON, field_
    elif isinstance(field_.converter, Vin):
        yield field_.path, Meant.VIN, field_
    elif isinstance(field_.converter, Registration):
        yield field_.path, Meant.PLATE, field_
    else:
        yield field_.path, Meant.FIELD, field_


def _roots(connection: RestConnection) -> set[tuple[str, ...]]:
    """Where records may stand in a message."""
    listing = connection.list
    each = _steps(listing.each)
    envelope = connection.envelope
    singles = {_steps(connection.read.item or (envelope.item if envelope is not None else None))}
    roots = {each if listing.form == "lines" else (*_steps(listing.items), ANY, *each)}
    for operation in (connection.create, connection.update):
        if operation is not None and operation.item is not None:
            singles.add(_steps(operation.item))
    if connection.read.query:
        roots |= {(*single, ANY, *each) for single in singles}
    return roots | singles


def _of_protocol(connection: RestConnection) -> Iterator[tuple[str, Meant]]:
    paging: Any = connection.list.paging
    for name in ("total", "pages"):
        if (path := getattr(paging, name, None)) is not None:
            yield path, Meant.PROTOCOL
    if (path := getattr(paging, "next", None)) is not None:
        yield path, Meant.CURSOR if paging.style == "cursor" else Meant.LINK
    if connection.envelope is not None:
        yield connection.envelope.ok, Meant.PROTOCOL
        yield connection.envelope.code, Meant.PROTOCOL
    for operation in (connection.create, connection.update):
        if operation is not None and operation.id_at is not None:
            yield operation.id_at, Meant.ID


def _mark_errors(connection: RestConnection, answers: Place) -> None:
    """Errors name fields; what they say is said by people, and of them."""
    envelope, errors = connection.envelope, connection.errors
    fields = envelope.errors if envelope is not None else errors.fields if errors is not None else "errors"
    name = envelope.error_field if envelope is not None else errors.field if errors is not None else "field"
    answers.mark((*_steps(fields), ANY, *name.split(".")), Meant.FIELD_NAME)


def _steps(path: str | None) -> tuple[str, ...]:
    return tuple(path.split(".")) if path is not None else ()

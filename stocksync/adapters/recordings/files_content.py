"""What files hold, without secrets and persons: cell by cell, and everything else of them as it was.

A file that cannot be read is replaced letter for letter and digit for digit as a whole, and stays unreadable.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from typing import Any, Final, Literal
from xml.etree.ElementTree import Element, tostring

from defusedxml.ElementTree import fromstring

from stocksync.adapters.recordings.exchanges import written
from stocksync.adapters.recordings.places import ANY, Meant, Place
from stocksync.adapters.recordings.scrubbing import Scrubber
from stocksync.adapters.systems import strict_json
from stocksync.adapters.systems.files.pending import LARGEST_MEMORY, Write
from stocksync.adapters.systems.files.rows import NotReadable, Row, read_rows
from stocksync.mapping.connection_files import CsvFormat, FileFormat, JsonFormat, NdjsonFormat, XmlFormat
from stocksync.mapping.paths import value_at
from stocksync.stock.values import ABSENT, Side

_BOM: Final = b"\xef\xbb\xbf"
_DECLARED: Final = re.compile(rb"<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z][A-Za-z0-9._-]{0,39})[\"']")
_QUOTING: Final[Mapping[str, Literal[0, 1, 3]]] = {
    "minimal": csv.QUOTE_MINIMAL,
    "all": csv.QUOTE_ALL,
    "none": csv.QUOTE_NONE,
}


class FileContent:
    """Scrubs the files of one side."""

    def __init__(self, scrubber: Scrubber, side: Side) -> None:
        self._scrubber, self._side = scrubber, side
        self._id_path = scrubber.places[side].settings.record.id

    def rows(self, content: bytes, form: FileFormat, *, is_listing: bool = False) -> list[Row] | None:
        """The rows of a file; None of one that cannot be read, or is no listing although it should be."""
        try:
            rows = read_rows(content, form)
        except NotReadable:
            return None
        if is_listing and rows and all(value_at(row, self._id_path) is ABSENT for row in rows):
            return None
        return rows

    def see(self, content: bytes, form: FileFormat, place: Place) -> None:
        """Look who is in a file."""
        for row in self.rows(content, form) or ():
            self._scrubber.see(row, place, self._side)

    def scrubbed(self, content: bytes, form: FileFormat, place: Place, *, is_listing: bool) -> bytes:
        """A file as the recording holds it."""
        before = self.rows(content, form, is_listing=is_listing)
        if before is None:
            return self._unread(content, form)
        if isinstance(form, CsvFormat):
            made = self._csv(content, form, place)
        elif isinstance(form, NdjsonFormat):
            made = b"".join(written(self._value(row, place)) + b"\n" for row in before)
            made = (_BOM if content.startswith(_BOM) else b"") + made
        elif isinstance(form, JsonFormat):
            made = self._json(content, form, place)
        else:
            made = self._xml(content, form, place)
        after = self.rows(made, form, is_listing=is_listing)
        return made if after is not None and len(after) == len(before) else b""

    def row(self, row: Row, place: Place, unchanged_as: str) -> Row:
        """A row that goes out; a cell that says that nothing changes says so still."""
        scrubbed: Row = self._value(row, place)
        if unchanged_as:
            scrubbed |= {name: value for name, value in row.items() if value == unchanged_as}
        return scrubbed

    def memory(self, content: bytes) -> bytes:
        """Our memory of what was written and is not seen yet."""
        try:
            said: Any = strict_json.parsed(content) if len(content) <= LARGEST_MEMORY else None
            if not isinstance(said, dict) or said.keys() - {"version", "last", "writes"}:
                return b"{}"
            for write in said["writes"]:
                # What the run refused may hold anything.
                Write.model_validate(write)
            said["writes"] = [self._write(write) for write in said["writes"]]
            return written(said)
        except (strict_json.NotJson, KeyError, TypeError, AttributeError, ValueError):
            return b"{}"

    def see_memory(self, content: bytes) -> None:
        """Look who is in our memory."""
        try:
            for write in strict_json.parsed(content)["writes"]:
                for path, value in (*write["changes"].items(), *write["before"].items()):
                    self._scrubber.see(value, self._at(path), self._side)
        except (strict_json.NotJson, KeyError, TypeError, AttributeError):
            return

    def _write(self, write: dict[str, Any]) -> dict[str, Any]:
        scrubber, reference, message = self._scrubber, write.get("reference"), write.get("message")
        fields = {
            name: {path: self._value(value, self._at(path)) for path, value in write[name].items()}
            for name in ("changes", "before")
        }
        named = Place(Meant.FIELD_NAME)
        return write | {
            **fields,
            "record_id": scrubber.record_id(write["record_id"], self._side),
            "reference": scrubber.record_id(reference, self._side.other) if reference is not None else None,
            "message": scrubber.said(message) if message else "",
            "refused_field": self._value(write.get("refused_field"), named),
            "new_id": self._value(write.get("new_id"), Place(Meant.ID)),
        }

    def _at(self, path: str) -> Place | None:
        return _inside(self._scrubber.places[self._side].record, path)

    def _value(self, value: Any, place: Place | None) -> Any:
        return self._scrubber.scrubbed(value, place, self._side)

    # formats

    def _csv(self, content: bytes, form: CsvFormat, place: Place) -> bytes:
        text, quoting = content.decode(form.encoding), _QUOTING[form.quoting]
        mark = "\ufeff" if text.startswith("\ufeff") else ""
        source = io.StringIO(text.removeprefix("\ufeff"), newline="")
        lines = [line for line in csv.reader(source, delimiter=form.separator, quoting=quoting, strict=True) if line]
        head = [] if form.positions is not None else [[self._scrubber.text(name) for name in lines.pop(0)]]
        columns = form.positions if form.positions is not None else head[0]
        tail = [self._trailer(lines.pop(), form)] if form.trailer is not None else []
        places = [_inside(place, name.strip()) for name in columns]
        cells = [[self._value(cell, at) for cell, at in zip(line, places, strict=True)] for line in lines]
        end = "\r\n" if "\r\n" in text else "\n"
        out = io.StringIO(newline="")
        if quoting == csv.QUOTE_NONE:
            out.write("".join(form.separator.join(line) + end for line in (*head, *cells, *tail)))
        else:
            csv.writer(out, delimiter=form.separator, quoting=quoting, lineterminator=end).writerows(
                [*head, *cells, *tail]
            )
        made = mark + out.getvalue()
        made = made if text.endswith("\n") else made.removesuffix(end)
        is_bare = form.encoding.lower().replace("_", "-") == "utf-8-sig" and not content.startswith(_BOM)
        return made.encode("utf-8" if is_bare else form.encoding, "replace")

    def _trailer(self, cells: list[str], form: CsvFormat) -> list[str]:
        assert form.trailer is not None
        kept = (0, form.trailer.count_at - 1)
        return [cell if place in kept else self._scrubber.said(cell) for place, cell in enumerate(cells)]

    def _json(self, content: bytes, form: JsonFormat, place: Place) -> bytes:
        around = Place()
        steps = form.items.split(".") if form.items else []
        inner = around
        for step in steps:
            inner = inner.inside.setdefault(step, Place())
        inner.inside[ANY] = place
        if form.count is not None:
            around.mark(form.count.split("."), Meant.PROTOCOL)
        bare = content.removeprefix(_BOM)
        made = written(self._value(strict_json.parsed(bare), around))
        return content[: len(content) - len(bare)] + made + (b"\n" if bare.endswith(b"\n") else b"")

    def _xml(self, content: bytes, form: XmlFormat, place: Place) -> bytes:
        root = fromstring(content, forbid_dtd=True)
        count = root.get(form.count) if form.count is not None else None
        self._around(root, form.record, place)
        if form.count is not None:
            root.set(form.count, str(count))
        declared = _DECLARED.match(content.removeprefix(_BOM).lstrip())
        encoding = declared.group(1).decode() if declared else "utf-8"
        made: bytes = tostring(root, encoding=encoding, xml_declaration=True)
        return made + b"\n"

    def _around(self, element: Element, path: list[str], place: Place) -> None:
        """Scrub an element that holds records, or stands where they do; path: its own name and those below."""
        if len(path) == 1 and _name(element) == path[0]:
            self._element(element, place)
            element.tail = self._outside(element.tail)
            return
        is_on_the_way = len(path) > 1 and _name(element) == path[0]
        element.tag = path[0] if is_on_the_way else self._key(element, None)
        element.text, element.tail = self._outside(element.text), self._outside(element.tail)
        attributes = {name: self._value(said, None) for name, said in element.attrib.items()}
        element.attrib.clear()
        element.attrib.update({name.rpartition("}")[2]: said for name, said in attributes.items()})
        for child in element:
            self._around(child, path[1:] if is_on_the_way else [], place)

    def _element(self, element: Element, place: Place | None) -> None:
        """Scrub an element of a record, as `_value` would scrub what it is read as."""
        element.tag = _name(element)
        if not len(element) and not element.attrib:
            if element.text:
                element.text = self._value(element.text, place)
            return
        if element.text and not element.text.isspace():
            element.text = self._value(element.text, _step(place, "#text"))
        names = [*(f"@{name.rpartition('}')[2]}" for name in element.attrib), *map(_name, element)]
        attributes = list(element.attrib.items())
        element.attrib.clear()
        for name, said in attributes:
            own = f"@{name.rpartition('}')[2]}"
            element.set(self._written_key(own, place)[1:], self._value(said, _step(place, own)))
        for child in element:
            own, tail = _name(child), child.tail
            at = _step(place, own)
            if names.count(own) > 1:
                at = at.step("", in_list=True) if at is not None else None
            self._element(child, at)
            child.tag, child.tail = self._written_key(own, place), self._outside(tail)

    def _key(self, element: Element, place: Place | None) -> str:
        return self._written_key(_name(element), place)

    def _written_key(self, name: str, place: Place | None) -> str:
        [written_as] = self._value({name: None}, place)
        return str(written_as)

    def _outside(self, text: str | None) -> str | None:
        return self._scrubber.said(text) if text and not text.isspace() else text

    def _unread(self, content: bytes, form: FileFormat) -> bytes:
        encoding = form.encoding if isinstance(form, CsvFormat) else "utf-8"
        try:
            text = content.decode(encoding, "surrogateescape")
            made = self._scrubber.unread(self._scrubber.without_known(text)).encode(encoding, "surrogateescape")
        except UnicodeError:
            return b""
        self._scrubber.persons.counts["texts"] += 1
        return made if self.rows(made, form) is None else b""


def _inside(place: Place | None, path: str) -> Place | None:
    for name in path.split("."):
        place = _step(place, name)
    return place


def _step(place: Place | None, name: str) -> Place | None:
    return place.step(name) if place is not None else None


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]

"""XML without surprises: no DTD, no entities, no depth; a record is what its element holds.

Every value is text. A child that comes several times is a list; one with attributes or children is an object.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from stocksync.adapters.systems.files.rows import LONGEST_LINE, NotReadable, NotWritable, Row, as_cell, check_characters
from stocksync.mapping.connection_files import XmlFormat

_DEEPEST: Final = 20
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_TEXT: Final = "#text"


def read(content: bytes, form: XmlFormat) -> list[Row]:
    """Read every record. Raises NotReadable."""
    try:
        return _records(content, form)
    except DefusedXmlException:
        raise NotReadable("it has a DTD or entities, which data needs not") from None
    except ParseError as error:
        raise NotReadable(f"it is not whole XML ({error})") from None
    except (ValueError, LookupError) as error:
        if isinstance(error, NotReadable):
            raise
        raise NotReadable("its encoding cannot be read") from None


def written(rows: Sequence[Mapping[str, Any]], form: XmlFormat) -> bytes:
    """Write records, in UTF-8. Raises NotWritable for a path that is no name in XML."""
    root = Element(form.record[0])
    if form.count is not None:
        root.set(form.count, str(len(rows)))
    parent = root
    for name in form.record[1:-1]:
        parent = SubElement(parent, name)
    for row in rows:
        _fill(SubElement(parent, form.record[-1]), row, "")
    text: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _records(content: bytes, form: XmlFormat) -> list[Row]:
    rows: list[Row] = []
    said: str | None = None
    open_elements: list[Any] = []
    for event, element in iterparse(io.BytesIO(content), events=("start", "end"), forbid_dtd=True):
        if event == "start":
            open_elements.append(element)
            if len(open_elements) > _DEEPEST:
                raise NotReadable(f"it is nested more than {_DEEPEST} deep")
            if len(open_elements) == 1:
                said = element.get(form.count) if form.count is not None else None
                if _name(element) != form.record[0]:
                    raise NotReadable(f"its root is {_name(element)!r}, not {form.record[0]!r}")
            continue
        if [_name(e) for e in open_elements] == form.record:
            rows.append(_row(element, len(rows) + 1))
        open_elements.pop()
        if open_elements and len(open_elements) < len(form.record):
            # What was read is let go: the whole tree would be many times the file.
            open_elements[-1].remove(element)
    if form.count is not None and said != str(len(rows)):
        raise NotReadable(f"its {form.count} does not say {len(rows)}, the number of records that are there")
    return rows


def _row(element: Any, number: int) -> Row:
    value = _value(element)
    if not isinstance(value, dict):
        if value.strip():
            raise NotReadable(f"record {number} has no fields")
        return {}
    return value


def _value(element: Any) -> Any:
    """Give the text of a plain element, an object of any other."""
    text = element.text or ""
    if len(text) > LONGEST_LINE:
        raise NotReadable(f"the text of {_name(element)!r} has {len(text)} characters")
    check_characters(text)
    if not len(element) and not element.attrib:
        return text
    found: dict[str, Any] = {}
    for name, said in element.attrib.items():
        check_characters(said)
        found[f"@{name.rpartition('}')[2]}"] = said
    for child in element:
        name, value = _name(child), _value(child)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    if not len(element) or text.strip():
        found[_TEXT] = text
    return found


def _name(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _fill(element: Element, body: Mapping[str, Any], under: str) -> None:
    for name, value in body.items():
        path = f"{under}{name}"
        if name == _TEXT:
            element.text = as_cell(path, value)
        elif name.startswith("@") and _NAME.fullmatch(name[1:]):
            element.set(name[1:], as_cell(path, value))
        elif not _NAME.fullmatch(name):
            raise NotWritable(path, "this is no name for an element")
        elif isinstance(value, Mapping):
            _fill(SubElement(element, name), value, f"{path}.")
        else:
            for item in value if isinstance(value, list) else [value]:
                SubElement(element, name).text = as_cell(path, item)

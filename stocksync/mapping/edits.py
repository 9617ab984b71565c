"""Where two versions of the mapping files differ, by key and line, and what each difference is about. Pure.

Compared is what the files say, not how: comments, order of keys and quoting are no difference. What cannot change a
decision (labels, wording of the guide, schedules, how a system is reached) is left out, as it is in `version`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from stocksync.mapping.source import Keys, Source, read_source
from stocksync.stock.ownership import CONDITION_KEYS
from stocksync.stock.vehicle import (
    DMS_ORDER,
    DMS_STATUS,
    INVOICE_NUMBER,
    INVOICED_SALE_PRICE,
    LIFECYCLE_ATTRIBUTES,
    MODULE_ORDER,
    POLICE_NUMBER,
    REGISTRATION,
    RESERVED,
    STAGE,
    VIN,
)

_ROW_NAMES: Final = ("attribute", "switch")
_LIFE: Final = frozenset({STAGE, RESERVED, "record"})
"""What the drawing of the lifecycle decides."""
_READ_BY_LIFE: Final = LIFECYCLE_ATTRIBUTES | {DMS_STATUS, DMS_ORDER, MODULE_ORDER, INVOICE_NUMBER, INVOICED_SALE_PRICE}
_KEYS: Final = (VIN, REGISTRATION, POLICE_NUMBER)
_NO_DECISION: Final = (
    ("vehicle.yaml", ("attributes", "*", "label")),
    ("vehicle.yaml", ("attributes", "*", "personal")),
    ("vehicle.yaml", ("attributes", "*", "choices", "*", "fr")),
    ("vehicle.yaml", ("attributes", "*", "choices", "*", "en")),
    ("pair.yaml", ("label",)),
    ("pair.yaml", ("delivery",)),
    ("pair.yaml", ("guards",)),
    ("ownership.yaml", ("*", "*", "provisional")),
    ("ownership.yaml", ("*", "*", "exceptions", "*", "provisional")),
    ("lifecycle.yaml", ("*", "*", "label")),
    ("lifecycle.yaml", ("lines_of_life", "*", "to_confirm")),
    ("vehicle_module.yaml", ("system",)),
    ("vehicle_module.yaml", ("label",)),
    ("vehicle_module.yaml", ("connection",)),
    ("vehicle_module.yaml", ("webhook",)),
    ("dms.yaml", ("system",)),
    ("dms.yaml", ("label",)),
    ("dms.yaml", ("connection",)),
    ("dms.yaml", ("webhook",)),
    ("points_of_sale.yaml", ("points_of_sale", "*", "name")),
    ("points_of_sale.yaml", ("points_of_sale", "*", "schedule")),
    ("points_of_sale.yaml", ("points_of_sale", "*", "conflict_report")),
    ("points_of_sale.yaml", ("points_of_sale", "*", "*", "address")),
    ("points_of_sale.yaml", ("points_of_sale", "*", "*", "secrets")),
)
_PARTED: Final = ("attributes", "fields", "ownership", "stages_left_out", "switches")
"""Keys whose every entry is a place of its own, also where all of them are new."""
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """One place where the files differ.

    line: in the later version, or of what the place was taken out of. path: the keys as people say them, a row by its
    attribute or switch. before, after: what stands there, None where nothing does. subjects: the attributes and stages
    that it is about, None for whatever is decided there. point_of_sale: where it holds, None for every one of the pair.
    pair: None for every pair.
    """

    file: str
    line: int
    path: str
    before: str | None
    after: str | None
    subjects: frozenset[str] | None
    point_of_sale: str | None = None
    pair: str | None = None

    def concerns(self, pair: str, point_of_sale: str, subject: str) -> bool:
        """Tell whether a decision may hang on this place."""
        is_here = self.pair in (None, pair) and self.point_of_sale in (None, point_of_sale)
        return is_here and (self.subjects is None or subject in self.subjects)

    @property
    def where(self) -> str:
        """The place as `file:line`."""
        return f"{self.file}:{self.line}"


def edits_between(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[Edit]:
    """Every place where two versions differ in what can change a decision, by file and line."""
    found = []
    for file in sorted({*before, *after}):
        if before.get(file) == after.get(file):
            continue
        then, now = read_source(before.get(file, b""), file), read_source(after.get(file, b""), file)
        for keys, was, is_now in _changed((), then.data, now.data):
            if not _decides_nothing(file, keys):
                found.append(_edit(file, keys, was, is_now, now if file in after else then))
    return sorted(found, key=lambda edit: (edit.file, edit.line, edit.path))


def _changed(keys: Keys, before: Any, after: Any) -> Iterator[tuple[Keys, Any, Any]]:
    """The deepest places where two values differ."""
    if before == after:
        return
    then, now = _parts(before), _parts(after)
    if then is None or now is None:
        yield keys, before, after
        return
    for key in dict.fromkeys((*now, *then)):
        was, is_now = then.get(key, _ABSENT), now.get(key, _ABSENT)
        if key in _PARTED and {type(was), type(is_now)} == {object, dict}:
            yield from _changed((*keys, key), *({} if part is _ABSENT else part for part in (was, is_now)))
        elif was is _ABSENT or is_now is _ABSENT:
            yield (*keys, key), was, is_now
        else:
            yield from _changed((*keys, key), was, is_now)


def _parts(value: Any) -> dict[str | int, Any] | None:
    """What a value consists of: a mapping's keys, a list's rows by what they are about; None for what is one thing."""
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        named = [next((str(item[name]) for name in _ROW_NAMES if name in item), None) for item in value]
        if None not in named and len(set(named)) == len(named):
            return {name: item for name, item in zip(named, value, strict=True) if name is not None}
        return dict(enumerate(value))
    return None


def _edit(file: str, keys: Keys, was: Any, is_now: Any, source: Source) -> Edit:
    name, pair = file.rsplit("/", 1)[-1], file.split("/")[1] if file.startswith("pairs/") else None
    point = str(keys[1]) if name == "points_of_sale.yaml" and len(keys) > 1 else None
    subjects = _subjects(name, keys, was, is_now, source.data)
    line = source.line_of(_keys_in(source.data, keys))
    return Edit(file, line, ".".join(map(str, keys)), _text(was), _text(is_now), subjects, point, pair)


def _keys_in(data: Any, keys: Keys) -> Keys:
    """The keys as the file has them: rows by their number."""
    found: list[str | int] = []
    for key in keys:
        if isinstance(data, list) and isinstance(key, str):
            numbers = [n for n, item in enumerate(data) if key in (item.get(name) for name in _ROW_NAMES)]
            if not numbers:
                break
            found.append(numbers[0])
            data = data[numbers[0]]
            continue
        found.append(key)
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            break
    return tuple(found)


def _subjects(name: str, keys: Keys, was: Any, is_now: Any, data: Any) -> frozenset[str] | None:
    said = [str(key) for key in keys]
    if name == "lifecycle.yaml":
        return _LIFE
    if name == "vehicle.yaml" and said[:1] == ["attributes"]:
        return _of_attribute(said[1]) if len(said) > 1 else None
    if name == "vehicle.yaml" and said[:1] == ["rules"]:
        rows = [is_now, was, data["rules"][keys[1]] if len(keys) > 1 and isinstance(keys[1], int) else None]
        return frozenset(word for row in rows for word in _words(row)) or None
    if name == "ownership.yaml" and len(said) > 1:
        is_switch = not any(row.get("attribute") == said[1] for row in _rows(data, said[0]))
        return None if is_switch and not isinstance(was, dict) else frozenset({said[1]})
    if name in ("vehicle_module.yaml", "dms.yaml") and said[:1] == ["fields"] and len(said) > 1:
        return _of_attribute(said[1])
    if name == "points_of_sale.yaml" and len(said) > 3 and said[2] == "ownership":
        return frozenset({said[3]})
    if name == "points_of_sale.yaml" and len(said) > 2 and said[2] == "stages_left_out":
        return _LIFE
    return None


def _of_attribute(attribute: str) -> frozenset[str] | None:
    """An attribute with all that hangs on how it is read; None for what every row of the matrix may ask for."""
    if attribute in CONDITION_KEYS:
        return None
    if attribute in _KEYS:
        return frozenset({attribute, "binding", "record"})
    return _LIFE | {attribute} if attribute in _READ_BY_LIFE else frozenset({attribute})


def _rows(data: Any, part: str) -> list[Any]:
    rows = data.get(part) if isinstance(data, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from _words(item)
    elif isinstance(value, list):
        for item in value:
            yield from _words(item)


def _decides_nothing(file: str, keys: Keys) -> bool:
    name, said = file.rsplit("/", 1)[-1], tuple(map(str, keys))
    guide = name == "ownership.yaml" and "guide" in said and said[-1] != "dms_may_modify"
    return guide or any(
        name == here and len(said) >= len(path) and all(a in ("*", b) for a, b in zip(path, said, strict=False))
        for here, path in _NO_DECISION
    )


def _text(value: Any) -> str | None:
    """A value as it could stand on one line of the file."""
    if value is _ABSENT:
        return None
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(str(_text(item)) for item in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)

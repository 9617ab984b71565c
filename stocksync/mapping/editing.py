"""Edits of mapping files that leave every byte as it is, but for the lines that the edit is about.

Comments, order, quoting, indentation, line ends and a byte order mark stay. ruamel.yaml says where everything stands;
what is written there is `spelled`; the rest of the text is never written anew, because a dump by ruamel.yaml itself
breaks or joins lines and forgets escapes such as "\\u00a0". The outcome is read by our own loader (`source`) before it
is handed out, and must say exactly what was asked for. What the mapping language allows is not looked at here.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ruamel.yaml.error import YAMLError

from stocksync.mapping import editing_places as places
from stocksync.mapping.source import Keys, read_source


class CannotEdit(ValueError):
    """An edit that cannot be made: no such place, a file that is no mapping file, or a layout that is not known."""


@dataclass(frozen=True, slots=True)
class Set:
    """Put a value at a path; a key that its mapping lacks comes last in it."""

    path: Keys
    value: Any


@dataclass(frozen=True, slots=True)
class Insert:
    """Put a new key into the mapping at a path, behind the key `after`; None: behind all of them."""

    path: Keys
    key: str
    value: Any
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Append:
    """Put an item at the end of the list at a path."""

    path: Keys
    value: Any


@dataclass(frozen=True, slots=True)
class Remove:
    """Take an entry or item out, with the comments on its lines; comments above it stay."""

    path: Keys


Change = Set | Insert | Append | Remove


def edited(text: bytes, changes: Iterable[Change]) -> bytes:
    """Make changes to a mapping file, one after another; each path is one in the text as the former left it.

    Values are texts, whole numbers, booleans, None, lists, and dictionaries with texts as keys. Raises CannotEdit,
    also for a number of more than 18 digits, which our loader takes for a text.
    """
    for change in changes:
        for step in _steps(text, change):
            text = _step(text, step)
    return text


@lru_cache(maxsize=4)
def _read(text: bytes) -> Any:
    """Say what a text says; never to be changed, because the next reader of the same text is given it too."""
    source = read_source(text, "file")
    if source.problems:
        raise CannotEdit(f"no mapping file: {source.problems[0]}")
    if not isinstance(source.data, dict):
        raise CannotEdit("the file holds no keys")
    return source.data


def _steps(text: bytes, change: Change) -> list[Change]:
    """Break a change into the smallest that come to the same, so that what is equal stays untouched."""
    if not isinstance(change, Set):
        return [change]
    data = _read(text)
    if not change.path:
        raise CannotEdit("a path is due")
    above = _at(data, change.path[:-1])
    last = change.path[-1]
    if isinstance(above, dict) and isinstance(last, str) and last not in above:
        return [Insert(change.path[:-1], last, change.value)]
    return _differences(change.path, _at(data, change.path), change.value)


def _step(text: bytes, change: Change) -> bytes:
    data = _read(text)
    if isinstance(change, Insert) and _at(data, change.path) is None and change.path:
        change = Set(change.path, {change.key: change.value})
    expected = _applied(data, change)
    unknown = f"{_named(change.path)} stands in a layout that cannot be edited here; edit it by hand"
    try:
        made = places.write(text, lambda page: _splice(page, change))
        got = _read(made)
    except (YAMLError, CannotEdit, LookupError, ValueError) as error:
        raise CannotEdit(unknown) from error
    if not _same(got, expected):
        raise CannotEdit(unknown)
    return made


def _splice(page: places.Page, change: Change) -> None:
    match change:
        case Set():
            page.replace(change.path, change.value)
        case Insert():
            page.insert(change.path, change.key, change.value, change.after)
        case Append():
            page.append(change.path, change.value)
        case Remove():
            page.remove(change.path)


def _applied(data: Any, change: Change) -> Any:
    """Make a change to what the text says: what the edited text must say then."""
    data = copy.deepcopy(data)
    here = _at(data, change.path)
    match change:
        case Insert():
            if not isinstance(here, dict) or change.key in here:
                raise CannotEdit(f"{_named(change.path)} takes no new key {change.key}")
            if change.after is not None and change.after not in here:
                raise CannotEdit(f"{_named(change.path)} has no key {change.after}")
            entries = list(here.items())
            at = len(entries) if change.after is None else list(here).index(change.after) + 1
            here.clear()
            here.update([*entries[:at], (change.key, change.value), *entries[at:]])
        case Append():
            if not isinstance(here, list):
                raise CannotEdit(f"{_named(change.path)} is no list")
            here.append(change.value)
        case Set():
            _at(data, change.path[:-1])[change.path[-1]] = change.value
        case Remove():
            if not change.path:
                raise CannotEdit("a path is due")
            del _at(data, change.path[:-1])[change.path[-1]]
    return data


def _differences(path: Keys, old: Any, new: Any) -> list[Change]:
    if _same(old, new):
        return []
    if isinstance(old, dict) and isinstance(new, dict):
        return _differing_keys(path, old, new) or [Set(path, new)]
    if isinstance(old, list) and isinstance(new, list):
        return _differing_items(path, old, new) or [Set(path, new)]
    return [Set(path, new)]


def _differing_keys(path: Keys, old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    """Give nothing where the keys that stay come in another order, or the first one is new."""
    stay = [key for key in old if key in new]
    order = list(new)
    if not stay or [key for key in order if key in old] != stay or order[0] != stay[0]:
        return []
    changes: list[Change] = [change for key in stay for change in _differences((*path, key), old[key], new[key])]
    changes += [Remove((*path, key)) for key in old if key not in new]
    return changes + [Insert(path, k, new[k], order[i - 1]) for i, k in enumerate(order) if k not in old]


def _differing_items(path: Keys, old: list[Any], new: list[Any]) -> list[Change]:
    """Give nothing where items are both gone and new."""
    if not old or not new:
        return []
    if len(new) >= len(old):
        pairs = enumerate(zip(old, new, strict=False))
        changes = [change for index, (o, n) in pairs for change in _differences((*path, index), o, n)]
        return [*changes, *(Append(path, item) for item in new[len(old) :])]
    gone, at = [], 0
    for index, item in enumerate(old):
        if at < len(new) and _same(item, new[at]):
            at += 1
        else:
            gone.append(index)
    return [Remove((*path, index)) for index in reversed(gone)] if at == len(new) else []


def _at(data: Any, path: Keys) -> Any:
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            raise CannotEdit(f"there is no {_named(path)}") from None
    return data


def _same(left: Any, right: Any) -> bool:
    """Tell whether two values are written alike: true is no 1, and the order of keys counts."""
    return json.dumps(left) == json.dumps(right)


def _named(path: Keys) -> str:
    return ".".join(map(str, path)) or "the file"

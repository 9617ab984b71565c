"""How a value is written into a mapping file, so that our loader and every YAML 1.2 reader take it for the same.

A text stays plain iff both read it back unchanged there; else it stands in double quotes. Where in a file it is
written is `editing`.
"""

from __future__ import annotations

import json
import unicodedata
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stocksync.mapping.source import read_source

WIDTH: Final = 120
"""Columns that a line of ours keeps to; lines of other people are never broken."""

_STEP: Final = 2


def scalar(value: Any, *, in_flow: bool = False, quote: str | None = None) -> str:
    """Spell a text, whole number, boolean or null; `quote` is the one that a text has had before."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = str(value)
    if quote == "'" and _is_common(text):
        return "'" + text.replace("'", "''") + "'"
    if quote is None and _stays_plain(text, "[{}]" if in_flow else "{}"):
        return text
    return _in_double_quotes(text)


def key(name: str, *, in_flow: bool = False) -> str:
    """Spell a key."""
    pattern = "{{{}: x}}" if in_flow else "\n  {}: x"
    return name if _stays_plain(name, pattern) else _in_double_quotes(name)


def flow(value: Any) -> str:
    """Spell a value within one line, such as `{owner: dms}`."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key(name, in_flow=True)}: {flow(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    return scalar(value, in_flow=True)


def entry(name: str, value: Any, indent: int, *, compact: bool) -> list[str]:
    """Spell a key with its value as lines; `compact` iff a flat value that fits may stand on the key's line."""
    start = f"{' ' * indent}{key(name)}:"
    if not _is_filled(value):
        return [f"{start} {flow(value) if isinstance(value, dict | list) else scalar(value)}"]
    line = f"{start} {flow(value)}"
    if len(line) <= WIDTH and (_is_flat(value) if compact else _is_words(value)):
        return [line]
    return [start, *lines(value, indent + _STEP, compact=compact)]


def item(value: Any, indent: int, *, compact: bool) -> list[str]:
    """Spell an item of a list as lines, its dash at `indent`."""
    start = f"{' ' * indent}- "
    if not _is_filled(value):
        return [start + (flow(value) if isinstance(value, dict | list) else scalar(value))]
    if isinstance(value, list) or (compact and len(start + flow(value)) <= WIDTH):
        return [start + flow(value)]
    first, *rest = lines(value, indent + _STEP, compact=True)
    return [start + first[indent + _STEP :], *rest]


def lines(value: Any, indent: int, *, compact: bool) -> list[str]:
    """Spell what a mapping or list that is not empty holds, one line or more for each part of it."""
    if isinstance(value, dict):
        parts = [entry(name, inner, indent, compact=compact) for name, inner in value.items()]
    else:
        parts = [item(inner, indent, compact=compact) for inner in value]
    return [line for part in parts for line in part]


def _is_filled(value: Any) -> bool:
    return isinstance(value, dict | list) and bool(value)


def _is_words(value: Any) -> bool:
    return isinstance(value, list) and not any(isinstance(item, dict | list) for item in value)


def _is_flat(value: Any) -> bool:
    inside = value.values() if isinstance(value, dict) else value
    return not any(_is_filled(part) and not _is_words(part) for part in inside)


def _is_common(text: str) -> bool:
    """Tell whether every character can be seen for what it is; a no-break space looks like another."""
    return all(c == " " or unicodedata.category(c)[0] not in "CZ" for c in text)


def _stays_plain(text: str, pattern: str) -> bool:
    if not text or not _is_common(text):
        return False
    document = f"k: {pattern.format(text)}\n"
    source = read_source(document.encode(), "")
    try:
        elsewhere = YAML(typ="safe", pure=True).load(document)
    except (YAMLError, ValueError):
        return False
    return not source.problems and source.data == elsewhere and _holds(source.data["k"], text, pattern)


def _holds(read: Any, text: str, pattern: str) -> bool:
    if isinstance(read, dict):
        return list(read.items()) == [(text, "x")]
    return bool(read == ([text] if pattern.startswith("[") else text))


def _in_double_quotes(text: str) -> str:
    spelled = json.dumps(text, ensure_ascii=False)
    return "".join(c if _is_common(c) else _escaped(c) for c in spelled)


def _escaped(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"

"""A mapping file as text and lines: restricted YAML, with the line of every key and value.

Refused, each with its line: anchors and aliases, tags, duplicate keys, more than 256 KB, more than 20 levels.
A plain scalar is a boolean only as `true` or `false`, a number only as decimal digits, null only as `null`,
`~` or nothing; so NON, no, 012 and 12:30 stay the text they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from stocksync.mapping.problems import Problem, nearest_word

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 20

Keys = tuple[str | int, ...]

_ROW_NAMES: Final = ("attribute", "switch", "rule")
_FAST: Final = getattr(yaml, "CSafeLoader", None)
_SAME_FOR_BOTH: Final = re.compile("[\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]*")
"""Without tabs and rare line ends, of which the two readers think differently."""
_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]*)")


@dataclass
class Source:
    """One file: its data, and the line (from 1) of every path of keys in it."""

    name: str
    data: Any = None
    lines: dict[Keys, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line_of(self, keys: Keys) -> int:
        """The line of a path of keys, or of the nearest one above it."""
        while keys and keys not in self.lines:
            keys = keys[:-1]
        return self.lines.get(keys, 1)

    def report(self, keys: Keys, message: str, said: object = "", **more: Any) -> None:
        """Note a problem at a path of keys."""
        where = ".".join(self.named(keys)) or "file"
        self.problems.append(Problem(self.name, self.line_of(keys), where, message, said=str(said), **more))

    def named(self, keys: Keys) -> Iterator[str]:
        """The keys as people say them: a row of a list by what it is about, where it says so."""
        here = self.data
        for key in keys:
            try:
                here = here[key]
            except (KeyError, IndexError, TypeError):
                here = None
            about = next((here[name] for name in _ROW_NAMES if name in here), None) if isinstance(here, dict) else None
            yield about if isinstance(key, int) and isinstance(about, str) else str(key)

    def one_of(self, keys: Keys, what: str, said: str, allowed: Iterable[str]) -> bool:
        """Tell whether a word is one of those allowed, and note a problem where it is not."""
        words = tuple(allowed)
        if said in words:
            return True
        self.report(keys, f"unknown {what}", said, allowed=words, nearest=nearest_word(said, words))
        return False


def read_source(raw: bytes | None, name: str) -> Source:
    """Read one mapping file from its bytes, None for a missing one; its problems are noted, never raised."""
    source = Source(name)
    if raw is None:
        source.report((), "the file is missing")
        return source
    if len(raw) > MAX_BYTES:
        source.report((), f"the file is larger than {MAX_BYTES // 1024} KB")
        return source
    try:
        return _parse(raw.decode("utf-8-sig"), source)
    except UnicodeDecodeError as error:
        source.report((), f"the file is not UTF-8 (byte {error.start})")
        return source


def _parse(text: str, source: Source) -> Source:
    try:
        node = _node_of(text, source)
        source.data = _value(node, (), source) if node is not None else None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        source.problems.append(Problem(source.name, line, "file", f"not YAML: {_in_words(error)}"))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        source.problems.append(
            Problem(source.name, line, "file", f"not YAML: a control character (number {error.character})")
        )
    return source


def _node_of(text: str, source: Source) -> yaml.Node | None:
    """The document's root; None where there is none, or where what is not allowed was noted.

    libyaml reads several times faster; what it does not take is read once more in Python, whose messages people get.
    """
    if _FAST is not None and _SAME_FOR_BOTH.fullmatch(text):
        try:
            return _composed(text, source, _FAST)
        except yaml.YAMLError:
            source.problems.clear()
    return _composed(text, source, yaml.SafeLoader)


def _composed(text: str, source: Source, loader: Any) -> yaml.Node | None:
    source.problems += _forbidden_events(text, source.name, loader)
    return None if source.problems else yaml.compose(text, Loader=loader)


def _in_words(error: yaml.MarkedYAMLError) -> str:
    if "'\\t'" in (error.problem or ""):
        return "a tab; indent with spaces"
    problem = (error.problem or "").replace("but got '?'", "but got a key")
    if not error.context:
        return problem
    since = f" from line {error.context_mark.line + 1}" if error.context_mark else ""
    return f"{error.context}{since}, {problem}"


def _forbidden_events(text: str, name: str, loader: Any) -> Iterator[Problem]:
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            yield Problem(name, line, "file", "anchors and aliases are not allowed here")
        if isinstance(event, yaml.CollectionStartEvent | yaml.ScalarEvent) and event.tag:
            yield Problem(name, line, "file", "tags are not allowed here", said=event.tag)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            yield Problem(name, line, "file", f"more than {MAX_DEPTH} levels")
            return


def _value(node: yaml.Node, keys: Keys, source: Source) -> Any:
    source.lines.setdefault(keys, node.start_mark.line + 1)
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*keys, index), source) for index, item in enumerate(node.value)]
    return _mapping(node, keys, source)


def _mapping(node: yaml.Node, keys: Keys, source: Source) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            source.report(keys, "a key must be plain text")
            continue
        key = str(key_node.value)
        here = (*keys, key)
        if key in data:
            source.problems.append(
                Problem(source.name, key_node.start_mark.line + 1, ".".join(map(str, here)), "written twice")
            )
            continue
        source.lines[here] = key_node.start_mark.line + 1
        data[key] = _value(value_node, here, source)
    return data


def _scalar(node: yaml.ScalarNode) -> Any:
    text = str(node.value)
    if node.style:
        return text
    if text in ("true", "false"):
        return text == "true"
    if text in ("", "null", "~"):
        return None
    return int(text) if _INTEGER.fullmatch(text) and len(text) < 19 else text

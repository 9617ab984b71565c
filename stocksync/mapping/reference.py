"""The reference page of the mapping language, in Markdown: every file, every key, from `models` alone.

It is written from the schemas (`schema`), so that the page, the editor and the loader say the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from stocksync.mapping import spelled
from stocksync.mapping.schema import MODELS, schema_of

_HEAD: Final = """# The mapping files, key by key

Written by `stocksync mapping reference`; do not edit it here. What a decision is made of is in
[the decision table](decision-table.md); why a file is as it is stands in its own comments.

Keys that are not listed are refused, with their line. A text needs quotes only where it would be something else: `true`
and `false`, whole numbers, `null`. `NAME` stands for a key of your choice, `[]` for each item of a list. A *path* names
a place inside a record, its steps joined by dots: `identification.vin`.

In Visual Studio Code, with the extension YAML (Red Hat), all of this is completed and checked while you type, because
the first line of each mapping file names its schema; `stocksync mapping schema --write DIR` puts both there.
"""
_TYPES: Final[Mapping[str, str]] = {
    "string": "text",
    "integer": "whole number",
    "boolean": "true or false",
    "null": "nothing",
    "number": "number",
}
_REF: Final = "#/$defs/"


def reference() -> str:
    """Write the page; it ends with a line break."""
    told: set[str] = set()
    parts = [_HEAD, "\n".join(_contents()), *(part for kind in MODELS for part in _file(schema_of(kind), told))]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _contents() -> Iterator[str]:
    for kind in MODELS:
        title, meaning = _title(schema_of(kind))
        yield f"- [{title}](#{_anchor(title)}): {meaning}"


def _title(schema: Mapping[str, Any]) -> tuple[str, str]:
    """Split what a file's model says of itself: the names of the files, and what they are for."""
    names, _, meaning = schema["description"].partition(": ")
    return names.replace("`", ""), meaning


def _file(schema: Mapping[str, Any], told: set[str]) -> Iterator[str]:
    title, meaning = _title(schema)
    yield f"## {title}\n\n{meaning[0].upper()}{meaning[1:]}"
    yield _table(schema)
    for name, place in _inside(schema, schema["$defs"], ""):
        if name not in told:
            told.add(name)
            inner = schema["$defs"][name]
            yield f"### {_words(name)}\n\n{inner.get('description', '')}\n\nStands under `{place}`."
            if inner.get("properties"):
                yield _table(inner)


def _inside(node: Any, definitions: Mapping[str, Any], place: str) -> Iterator[tuple[str, str]]:
    """Walk through everything below a schema, as people read it: the models met, each with where it stands."""
    if "$ref" in node:
        name = node["$ref"].removeprefix(_REF)
        yield name, place
        yield from _inside(definitions[name], definitions, place)
    for member in node.get("anyOf", ()):
        yield from _inside(member, definitions, place)
    for key, inner in node.get("properties", {}).items():
        yield from _inside(inner, definitions, f"{place}.{key}".lstrip("."))
    if isinstance(node.get("additionalProperties"), dict):
        yield from _inside(node["additionalProperties"], definitions, f"{place}.NAME")
    if isinstance(node.get("items"), dict):
        yield from _inside(node["items"], definitions, f"{place}[]")


def _table(schema: Mapping[str, Any]) -> str:
    rows = [["Key", "Type", "Left out", "Meaning", "Example"], ["---"] * 5]
    due = schema.get("required", ())
    for key, node in schema["properties"].items():
        default = "must be there" if key in due else _default(node)
        rows.append([f"`{key}`", _type(node), default, node.get("description", ""), _example(node)])
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in rows)


def _default(node: Mapping[str, Any]) -> str:
    default = node.get("default")
    if default is None or default == "":
        return "nothing"
    if isinstance(default, dict):
        return "as below"
    return _code(default)


def _example(node: Mapping[str, Any]) -> str:
    return "<br>".join(_code(example) for example in node.get("examples", ()))


def _code(value: Any) -> str:
    text = spelled.flow(value) if isinstance(value, dict | list) else spelled.scalar(value)
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def _type(node: Mapping[str, Any]) -> str:
    if "$ref" in node:
        words = _words(node["$ref"].removeprefix(_REF))
        return f"[{words}](#{_anchor(words)})"
    if "anyOf" in node:
        return " or ".join(_type(member) for member in node["anyOf"] if member != {"type": "null"})
    if "const" in node:
        return _code(node["const"])
    if "enum" in node:
        return ", ".join(_code(word) for word in node["enum"])
    match node.get("type"):
        case "array":
            return f"list of {_type(node.get('items', {}))}{_counts(node, 'Items')}"
        case "object":
            inside = node.get("additionalProperties")
            return f"NAME: {_type(inside)}{_counts(node, 'Properties')}" if isinstance(inside, dict) else "keys"
        case None:
            return "anything"
        case kind:
            return _TYPES[kind] + _limits(node)


def _limits(node: Mapping[str, Any]) -> str:
    least, most = node.get("minimum"), node.get("maximum")
    if least is not None and most is not None:
        return f", {least} to {most}"
    if least is not None:
        return f", {least} or more"
    return "" if most is None else f", {most} at most"


def _counts(node: Mapping[str, Any], what: str) -> str:
    least, most = node.get(f"min{what}"), node.get(f"max{what}")
    if least == most:
        return "" if least is None else f" (exactly {least})"
    return f" ({least} or more)" if most is None else f" ({least or 0} to {most})"


def _words(name: str) -> str:
    """Turn a model's name into words: `DatesInOrderModel` into `dates in order`."""
    short = name.removesuffix("Model")
    return "".join(f" {c.lower()}" if c.isupper() else c for c in short).strip()


def _anchor(title: str) -> str:
    """Name a heading as Markdown viewers do."""
    return "".join(c for c in title.lower().replace(" ", "-") if c.isalnum() or c in "-_")

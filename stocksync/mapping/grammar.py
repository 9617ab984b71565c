"""A source checked against its model: a departure from the closed language becomes a `Problem` with its
line.

Whether files agree with one another is `checks`.
"""

from __future__ import annotations

import re
import types
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError

from stocksync.mapping.problems import nearest_word
from stocksync.mapping.source import Keys, Source

File = TypeVar("File", bound=BaseModel)

_EXPECTED: Final = {
    "string_type": "a text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "keys with values",
    "model_type": "keys with values",
    "model_attributes_type": "keys with values",
}


def read_as(model: type[File], source: Source) -> File | None:
    """Read a source as one of the models; None, with the problems noted in it, where it is not one."""
    if source.problems:
        return None
    if not isinstance(source.data, dict):
        source.report((), "the file holds no keys")
        return None
    try:
        return model.model_validate(source.data)
    except ValidationError as error:
        details = [(_follow(detail["loc"], model), detail) for detail in error.errors()]
        for keys, group in groupby(details, key=lambda found: found[0].keys):
            _report(keys, list(group), source)
        return None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a file a mistake is: its keys, the model that holds the last of them, and what is due there."""

    keys: Keys
    holder: type[BaseModel] | None
    due: Any


def _report(keys: Keys, found: list[tuple[_Place, Any]], source: Source) -> None:
    """Report one mistake; a union of plain types gives a detail for each of them."""
    place, detail = found[0]
    context, said = detail.get("ctx", {}), _said(detail.get("input"))
    match detail["type"]:
        case "extra_forbidden":
            _report_key(keys, tuple(place.holder.model_fields) if place.holder else (), source)
        case "missing":
            source.report(keys[:-1], f"the key {keys[-1]} is missing", allowed=words_of(place.due))
        case "union_tag_not_found":
            _report_untold(keys, _unquoted(context["discriminator"]), detail["input"], place.due, source)
        case "union_tag_invalid":
            words = _quoted(context["expected_tags"])
            _report_word((*keys, _unquoted(context["discriminator"])), str(context["tag"]), words, source)
        case "literal_error":
            words = _quoted(context["expected"])
            truths = ("true", "false") if any(d["type"] == "bool_type" for _, d in found) else ()
            _report_word(keys, said, (*words, *truths), source)
        case "value_error":
            # What was said stays unsaid: it may be a secret in the wrong place.
            source.report(keys, str(context["error"]))
        case _:
            source.report(keys, _expectation([detail for _, detail in found]), said)


def _report_key(keys: Keys, allowed: tuple[str, ...], source: Source) -> None:
    key = str(keys[-1])
    source.report(keys, "unknown key", key, allowed=allowed, nearest=nearest_word(key, allowed))


def _report_untold(keys: Keys, discriminator: str, given: Any, due: Any, source: Source) -> None:
    """Report a part that does not say which of several it is: as a misspelt key, where one looks like it."""
    known = {name for member in _models(due) for name in member.model_fields}
    typed = nearest_word(discriminator, (str(key) for key in given if key not in known))
    if typed is None:
        told = [
            words_of(m.model_fields[discriminator].annotation) for m in _models(due) if discriminator in m.model_fields
        ]
        allowed = tuple(dict.fromkeys(word for words in told for word in words))
        source.report(keys, f"the key {discriminator} is missing", allowed=allowed)
    else:
        _report_key((*keys, typed), (discriminator,), source)


def words_of(annotation: Any) -> tuple[str, ...]:
    """Every word that may stand where an annotation is due; none where it is not a matter of words."""
    plain = _plain(annotation)
    if plain is bool:
        return ("true", "false")
    if get_origin(plain) is Literal:
        return tuple(str(word) for word in get_args(plain))
    return tuple(word for member in _members(plain) for word in words_of(member))


def _report_word(keys: Keys, said: str, allowed: tuple[str, ...], source: Source) -> None:
    source.report(keys, "unknown value", said, allowed=allowed, nearest=nearest_word(said, allowed))


def _expectation(details: list[Any]) -> str:
    wanted = [_EXPECTED[detail["type"]] for detail in details if detail["type"] in _EXPECTED]
    if wanted:
        return f"must be {' or '.join(wanted)}"
    message = str(details[0]["msg"])
    return f"{message[0].lower()}{message[1:]}"


def _said(given: Any) -> str:
    if given is None:
        return "nothing"
    return "" if isinstance(given, dict | list) else str(given)


def _unquoted(text: Any) -> str:
    return str(text).strip("'")


def _quoted(text: Any) -> tuple[str, ...]:
    return tuple(re.findall(r"'([^']*)'", str(text)))


def _follow(location: tuple[Any, ...], model: type[BaseModel]) -> _Place:
    """Follow an error's location to its place in the file.

    Pydantic's locations also name the chosen member of a union; those names are no keys of the file.
    """
    keys: list[str | int] = []
    here: Any = model
    holder: type[BaseModel] | None = model
    for step in location:
        members = _members(here)
        if len(members) > 1:
            here = next((member for member in members if step in _names(member)), None)
            continue
        here = members[0] if members else here
        holder = _as_model(here)
        keys.append(step)
        here = _inner(here, step)
    return _Place(tuple(keys), holder, here)


def _plain(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def _as_model(annotation: Any) -> type[BaseModel] | None:
    plain = _plain(annotation)
    return plain if isinstance(plain, type) and issubclass(plain, BaseModel) else None


def _models(annotation: Any) -> tuple[type[BaseModel], ...]:
    """List every model that may stand there."""
    model = _as_model(annotation)
    return (model,) if model is not None else tuple(m for member in _members(annotation) for m in _models(member))


def _members(annotation: Any) -> tuple[Any, ...]:
    """List what a union allows besides null; nothing for what is no union."""
    plain = _plain(annotation)
    if get_origin(plain) not in (Union, types.UnionType):
        return ()
    return tuple(member for member in get_args(plain) if member is not type(None))


def _names(member: Any) -> set[str]:
    """Every name that a location may use for a member of a union."""
    tags = {note.tag for note in getattr(member, "__metadata__", ()) if isinstance(note, Tag)}
    model = _as_model(member)
    if model is None:
        return tags
    words = [get_args(f.annotation) for f in model.model_fields.values() if get_origin(f.annotation) is Literal]
    return {*tags, *(str(word) for group in words for word in group)}


def _inner(annotation: Any, step: Any) -> Any:
    model = _as_model(annotation)
    if model is not None:
        info = model.model_fields.get(str(step))
        return None if info is None else info.annotation
    plain = _plain(annotation)
    arguments = get_args(plain)
    if get_origin(plain) is dict:
        return arguments[1]
    return arguments[0] if get_origin(plain) is list else None

"""A file with mistakes, read all the same: what is outside the language is taken out, and the rest can be checked.

The mistakes themselves have been noted by then. What is taken out is remembered, because what follows from it (an
attribute that seems to be missing, say) is no mistake of its own.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic import ValidationError

from stocksync.mapping.grammar import File
from stocksync.mapping.problems import nearest_word
from stocksync.mapping.source import Keys, Source

_ROUNDS: Final = 20
_MOST: Final = 200
"""Mistakes in one file; with more of them, what is left says little."""
_STAND_INS: Final = ("VARIABLE", "03:30", "X-Header", "UTC", "rfc3339")
"""Texts that fit where one of a certain form is due; none of them is ever used, the file being refused anyway."""


def read_mended(model: type[File], source: Source) -> tuple[File | None, tuple[Keys, ...]]:
    """Read what is right of a file, and list what had to be taken out; None where too little is left.

    The source's data and lines then are those of what is left.
    """
    touched: list[Keys] = []
    if not isinstance(source.data, dict):
        return None, ()
    for _ in range(_ROUNDS):
        try:
            return model.model_validate(source.data), tuple(touched)
        except ValidationError as error:
            if error.error_count() > _MOST:
                return None, ()
            found = [(_path(detail["loc"], source.data), detail) for detail in error.errors()]
        # The last first, so that what is taken out of a list moves nothing that is still to be looked at.
        for keys, detail in sorted(found, key=lambda one: [str(key).rjust(6, "0") for key in one[0]], reverse=True):
            if not _mend(keys, detail, source):
                return None, ()
            touched.append(keys)
    return None, ()


def _path(location: tuple[int | str, ...], data: Any) -> Keys:
    """Keep the keys of the file; the steps between them name members of unions."""
    keys: list[str | int] = []
    for step in location:
        inside = (
            step in data
            if isinstance(data, dict)
            else isinstance(data, list) and isinstance(step, int) and step < len(data)
        )
        if inside:
            keys.append(step)
            data = data[step]
    return tuple(keys)


def _mend(keys: Keys, detail: Any, source: Source) -> bool:
    """Put something right at a path, or take it out; False where nothing can be done."""
    if not keys or (len(keys) == 1 and detail["type"] == "missing"):
        return False
    holder, key = _at(source.data, keys[:-1]), keys[-1]
    if holder is None:
        return True  # Gone with another mistake of this round.
    if isinstance(holder, dict) and key in holder and (stand_in := _stand_in(holder[key], detail)):
        holder[key] = stand_in
    elif keys[0] == "connection" and detail["type"] != "extra_forbidden":
        source.data["connection"] = {"protocol": "memory"}
    else:
        _take_out(holder, keys, source)
    return True


def _at(data: Any, keys: Keys) -> Any:
    """Give what stands at a path, None where nothing does."""
    for key in keys:
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _stand_in(said: Any, detail: Any) -> str | None:
    """Find a text that the language takes in the place of one that it does not; None where there is none."""
    if not isinstance(said, str):
        return None
    if detail["type"] == "literal_error":
        words = [word.strip("' ") for word in str(detail["ctx"]["expected"]).replace(" or ", ", ").split(",")]
        return nearest_word(said, words) or words[0]
    if detail["type"] != "value_error":
        return None
    untried = _STAND_INS[_STAND_INS.index(said) + 1 :] if said in _STAND_INS else _STAND_INS
    return untried[0] if untried else None


def _take_out(holder: Any, keys: Keys, source: Source) -> None:
    key = keys[-1]
    if isinstance(holder, list) and isinstance(key, int):
        if key < len(holder):
            del holder[key]
            source.lines = _renumbered(source.lines, keys[:-1], key)
    elif isinstance(holder, dict):
        holder.pop(str(key), None)


def _renumbered(lines: dict[Keys, int], at: Keys, gone: int) -> dict[Keys, int]:
    """Give the lines of a list's items after one of them went."""
    depth = len(at)
    found: dict[Keys, int] = {}
    for keys, line in lines.items():
        here = keys[depth] if keys[:depth] == at and len(keys) > depth else None
        if not isinstance(here, int) or here < gone:
            found[keys] = line
        elif here > gone:
            found[(*at, here - 1, *keys[depth + 1 :])] = line
    return found

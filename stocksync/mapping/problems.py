"""What is wrong in a mapping file, said so that the person who edits it can mend it at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

Level = Literal["error", "warning"]

_CODES: Final = tuple(
    (re.compile(pattern), code)
    for pattern, code in (
        (r"not YAML", "not_yaml"),
        (r"written twice", "key_twice"),
        (r"unknown key", "unknown_key"),
        (r"unknown value", "unknown_value"),
        (r"unknown ", "unknown_name"),
        (r"the key \S+ is missing", "key_missing"),
        (r"must be ", "wrong_type"),
        (r"the file is missing", "file_missing"),
        (r"the file ", "file_unreadable"),
        (r"no mapping file has this name", "file_unknown"),
        (r"anchors and aliases|tags are|a key must be|more than \d+ levels", "yaml_not_allowed"),
        (r"name an environment variable", "variable_due"),
        (r"only the lifecycle's own", "owner_not_lifecycle"),
        (r"it has no effect", "no_effect"),
        (r"an? \S+ has no order", "kind_without_order"),
        (r"only a number", "kind_without_numbers"),
    )
)
"""The codes of what the language itself, and not a check, finds wrong; the first pattern that fits holds."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake: where it stands, what was said, what is allowed.

    where: the keys from the top of the file, joined by dots. nearest: the allowed word most like the one
    said. code: one short word that stays the same from release to release, for programs. level: an error refuses the
    mapping; a warning works as written, and is probably not what was meant.
    """

    file: str
    line: int
    where: str
    message: str
    said: str = ""
    allowed: tuple[str, ...] = ()
    nearest: str | None = None
    code: str = ""
    level: Level = "error"

    def __post_init__(self) -> None:
        if not self.code:
            object.__setattr__(self, "code", _code_of(self.message))

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}: {self.where}: {self.message}"
        if self.said:
            text += f"; said: {self.said}"
        text += f"; did you mean {self.nearest}?" if self.nearest else "."
        if self.allowed:
            text += f" Allowed: {', '.join(self.allowed)}."
        return text

    def as_line(self) -> str:
        """Say it as `mapping check` does: its code at the end, and whether it is only a warning."""
        kind = "warning: " if self.level == "warning" else ""
        return f"{kind}{self} [{self.code}]"


def _code_of(message: str) -> str:
    return next((code for pattern, code in _CODES if pattern.match(message)), "wrong_value")


def nearest_word(said: str, allowed: Iterable[str]) -> str | None:
    """Find the allowed word that was most likely meant, None where none is near."""
    words = list(allowed)
    folded = {word.casefold(): word for word in words}
    close = difflib.get_close_matches(said.casefold(), folded, n=1, cutoff=0.5)
    return folded[close[0]] if close else None

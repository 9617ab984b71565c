"""What is wrong in a mapping file, said so that the person who edits it can mend it at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake: where it stands, what was said, what is allowed.

    where: the keys from the top of the file, joined by dots. nearest: the allowed word most like the one
    said.
    """

    file: str
    line: int
    where: str
    message: str
    said: str = ""
    allowed: tuple[str, ...] = ()
    nearest: str | None = None

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}: {self.where}: {self.message}"
        if self.said:
            text += f"; said: {self.said}"
        text += f"; did you mean {self.nearest}?" if self.nearest else "."
        if self.allowed:
            text += f" Allowed: {', '.join(self.allowed)}."
        return text


def nearest_word(said: str, allowed: Iterable[str]) -> str | None:
    """Find the allowed word that was most likely meant, None where none is near."""
    words = list(allowed)
    folded = {word.casefold(): word for word in words}
    close = difflib.get_close_matches(said.casefold(), folded, n=1, cutoff=0.5)
    return folded[close[0]] if close else None

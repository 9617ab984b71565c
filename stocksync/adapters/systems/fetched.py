"""The tokens that this process fetched, so that whoever cleans a text of secrets knows them too.

Kept apart from who fetches them: cleaning a text loads no client. Only the newest are kept; a token that was replaced
long ago opens nothing any more.
"""

from __future__ import annotations

from threading import Lock
from typing import Final

_MOST_KEPT: Final = 1000
_lock = Lock()
_tokens: dict[str, None] = {}
_all: tuple[str, ...] = ()


def note_fetched(token: str) -> None:
    """Take note of a token before anything is done with it."""
    global _all
    with _lock:
        _tokens.pop(token, None)
        _tokens[token] = None
        while len(_tokens) > _MOST_KEPT:
            del _tokens[next(iter(_tokens))]
        _all = tuple(_tokens)


def fetched_tokens() -> tuple[str, ...]:
    """The newest tokens, the oldest of them first; the same object until another one is fetched."""
    return _all

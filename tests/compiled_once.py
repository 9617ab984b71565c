"""Statements compiled once for all databases of a process.

A process has one database in production and thousands in tests: a third of their time went into compiling the same
hundred statements for each.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Engine
from sqlalchemy.util import LRUCache

_COMPILED: Final[LRUCache[Any, Any]] = LRUCache(2_000)


def compiled_once(engine: Engine) -> Engine:
    """Give an engine the statements that others compiled, as all transactions of the program share theirs."""
    # They are looked up by the dialect, too, and every engine has one of its own.
    dialect: Any = type(engine.dialect)
    dialect.__eq__ = lambda one, other: type(one) is type(other)
    dialect.__hash__ = lambda one: hash(type(one))
    engine._compiled_cache = _COMPILED
    return engine

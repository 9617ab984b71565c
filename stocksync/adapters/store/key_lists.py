"""Rows by many keys: as one parameter where the database can unfold it, else as so many.

Where each key is a parameter of its own, spelling and binding them takes longer than looking the rows up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson
from sqlalchemy import Column, ColumnElement, Connection, func, select

AT_ONCE: Final = 1000
"""Keys that one statement looks up."""


def among(connection: Connection, column: Column[Any], keys: Sequence[str] | Sequence[int]) -> ColumnElement[bool]:
    """The condition that a column holds one of some keys."""
    if connection.dialect.name != "sqlite":
        return column.in_(keys)
    unfolded = func.json_each(orjson.dumps(keys).decode()).table_valued("value")
    return column.in_(select(unfolded.c.value))

"""What a person decided of one disagreement, and what follows from it. Pure.

A reviewer fills in a row of the conflict report; that becomes a `Resolution`, which the next cycle turns into a
verdict. It acts only while both sides hold what the reviewer saw, or already hold what was decided (law 8).
"""

from __future__ import annotations

from enum import StrEnum


class Choice(StrEnum):
    """What a reviewer may choose: one side's value, another value, or to leave it as it is."""

    MODULE = "module"
    DMS = "dms"
    VALUE = "value"
    IGNORE = "ignore"

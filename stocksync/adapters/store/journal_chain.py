"""The journal's chain: every row carries a hash of itself and of the row before, so that no change goes unseen. Pure.

A row that was changed, taken out or put in breaks the chain there; rows cut off at the end do not, which is why the
last hash is worth keeping elsewhere (`stocksync journal verify` shows it).
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Final

import orjson

FIRST: Final = ""
"""What stands before the first row."""


def link(before: str, at: datetime, run_id: int, car_id: str | None, action: str, details: str) -> str:
    """The hash of a row that follows one whose hash is `before`; details: the JSON text as it is stored."""
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    said = [before, at.astimezone(UTC).isoformat(timespec="microseconds"), run_id, car_id, action, details]
    return hashlib.sha256(orjson.dumps(said)).hexdigest()

"""The fingerprint of a report row: which row it is, and which values its reader saw. Pure.

It stands in the last column and comes back with the file, so that no other cell has to be trusted: its first part
names the row of this very database, its second part what the row said when it was exported.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category
from stocksync.sync.cars import Finding

_SPELLED: Final = re.compile(r"v[0-9a-f]{16}")
_ROW_DIGITS: Final = 6


def row_fingerprint(conflict_id: int, pair: str, opened_at: datetime, finding: Finding, taken_back: int = 0) -> str:
    """Name a row and what it says; the letter keeps a spreadsheet from taking it for a number.

    taken_back: how many decisions about the row were taken back; files of before do not bring them back.
    """
    return f"{_row_part(conflict_id, pair, opened_at, taken_back)}{seen_digest(finding)}"


def names_row(fingerprint: str, conflict_id: int, pair: str, opened_at: datetime, taken_back: int = 0) -> bool:
    """Tell whether a fingerprint was given to this row, after so many decisions were taken back."""
    row_part = _row_part(conflict_id, pair, opened_at, taken_back)
    return bool(_SPELLED.fullmatch(fingerprint)) and fingerprint.startswith(row_part)


def version_seen(fingerprint: str, versions: Iterable[Finding]) -> Finding | None:
    """Find, among all that a row ever said, what the fingerprint's reader saw; None where it never said that."""
    return next((finding for finding in versions if fingerprint.endswith(seen_digest(finding))), None)


def seen_digest(finding: Finding) -> str:
    """The digits of `Finding.seen`; found once for findings that say the same of different cars."""
    details = tuple(finding.details.items())
    return _seen(finding.subject, finding.reason, finding.vehicle_module, finding.dms, finding.base, details)


@lru_cache(maxsize=4096)
def _seen(
    subject: str,
    reason: Reason,
    vehicle_module: str | None,
    dms: str | None,
    base: str | None,
    details: tuple[tuple[str, str], ...],
) -> str:
    return Finding("", subject, reason, Category.CONFLICT, vehicle_module, dms, base, dict(details)).seen


def _row_part(conflict_id: int, pair: str, opened_at: datetime, taken_back: int) -> str:
    said = f"{conflict_id}|{pair}|{_in_utc(opened_at)}|{taken_back}"
    return f"v{hashlib.blake2b(said.encode(), digest_size=_ROW_DIGITS // 2).hexdigest()}"


@lru_cache(maxsize=1024)
def _in_utc(at: datetime) -> str:
    """An instant as text; rows that one run opened were opened at one instant."""
    return at.astimezone(UTC).isoformat()

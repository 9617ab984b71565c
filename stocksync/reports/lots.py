"""Which rows of the conflict report have the same cause, so that one decision settles them all. Pure.

One wrong value table over two hundred cars is one line to decide, and an annex that lists the cars. Only causes that
are truly common make a lot: two cars whose prices differ are two decisions, whatever the prices are.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from stocksync.reports.report_lines import ReportLine
from stocksync.reports.wording import Case
from stocksync.stock.reasons import Reason
from stocksync.stock.values import SIDES, Side

UNKNOWN_CODE: Final = "a code that the value table does not have"
"""Why a converter of coded values cannot read one."""


@dataclass(frozen=True, slots=True)
class Lot:
    """Two or more open lines of one point of sale with the same cause, in the order of their conflict ids.

    line: the one line that stands for them; what they do not share is blank in it.
    """

    line: ReportLine
    members: tuple[ReportLine, ...]

    @property
    def conflict_id(self) -> int:
        """The smallest of the members' ids."""
        return self.line.conflict_id

    @property
    def fingerprint(self) -> str:
        """Names the members, and what each of them said."""
        return self.line.fingerprint


Row = ReportLine | Lot


def in_lots(lines: Iterable[ReportLine]) -> list[Row]:
    """Put lines with the same cause together, each lot in the place of its first line."""
    alike: defaultdict[Hashable, list[ReportLine]] = defaultdict(list)
    for place, line in enumerate(lines):
        cause = _cause(line)
        alike[cause if cause is not None else place].append(line)
    return [lot_of(group) if len(group) > 1 else group[0] for group in alike.values()]


def line_of(row: Row) -> ReportLine:
    """The line that stands for a row in the report."""
    return row.line if isinstance(row, Lot) else row


def lot_fingerprint(fingerprints: Iterable[str]) -> str:
    """Name a lot by its members' fingerprints, which are in the order of their conflict ids."""
    return f"g{hashlib.blake2b('|'.join(fingerprints).encode(), digest_size=8).hexdigest()}"


def lot_of(lines: Iterable[ReportLine]) -> Lot:
    """Make one lot of lines with the same cause."""
    members = tuple(sorted(lines, key=lambda line: line.conflict_id))
    line = replace(
        members[0],
        case=_common([member.case for member in members]),
        vin=None,
        registration=None,
        police_number=None,
        make_and_model="",
        stage=None,
        opened_on=min(member.opened_on for member in members),
        fingerprint=lot_fingerprint(member.fingerprint for member in members),
        note=_shared([member.note for member in members]) or "",
        cars=len(members),
        decidable=frozenset.union(*(member.decidable for member in members)),
    )
    return Lot(line, members)


def _common(cases: Sequence[Case]) -> Case:
    """What all cases share; a value that differs is None."""
    first, owners = cases[0], {case.owner for case in cases}
    details = dict(first.details)
    if len({case.details.get("message") for case in cases}) > 1:
        details["message"] = _without_digits(details.get("message", ""), "…")
    return replace(
        first,
        vehicle_module=_shared([case.vehicle_module for case in cases]),
        dms=_shared([case.dms for case in cases]),
        base=_shared([case.base for case in cases]),
        owner=first.owner if len(owners) == 1 else None,
        details=details,
    )


def _shared(texts: Sequence[str | None]) -> str | None:
    """The first of texts that differ in case and spaces at most, else None."""
    return texts[0] if len({_folded(text) if text is not None else None for text in texts}) == 1 else None


def _cause(line: ReportLine) -> Hashable | None:
    """What makes a line one with others; None where it stays a row of its own."""
    find = _CAUSES.get(line.case.reason) if line.closed_on is None else None
    cause = find(line.case) if find is not None else None
    return (line.point_of_sale, line.case.reason, line.case.subject, cause) if cause is not None else None


def _unknown_code(case: Case) -> Hashable | None:
    """Every side whose value cannot be read says a code that its value table does not have."""
    wrong = [side for side in SIDES if f"{side}_invalid" in case.details]
    if not wrong or any(case.details[f"{side}_invalid"] != UNKNOWN_CODE for side in wrong):
        return None
    said = [(side, _folded(text)) for side in wrong if (text := _text_of(case, side)) is not None]
    return tuple(said) if len(said) == len(wrong) else None


def _unwritable_value(case: Case) -> Hashable | None:
    """The value that the other side has no spelling for; both, where neither side owns it."""
    if case.owner in (Side.VEHICLE_MODULE, Side.DMS):
        text = _text_of(case, Side(case.owner))
        return (case.owner, _folded(text)) if text is not None else None
    texts = [_text_of(case, side) for side in SIDES]
    return tuple(_folded(text) if text is not None else None for text in texts) if any(texts) else None


def _rejection(case: Case) -> Hashable | None:
    """What the system said, but for numbers: they name the record. A refusal without a word may have any cause."""
    message = case.details.get("message")
    return _without_digits(message, "#") if message else None


_CAUSES: Final[Mapping[Reason, Callable[[Case], Hashable | None]]] = {
    Reason.INVALID_VALUE: _unknown_code,
    Reason.CANNOT_WRITE: _unwritable_value,
    Reason.WRITE_REJECTED: _rejection,
    Reason.NOT_DELIVERED: _rejection,
    Reason.OWNERSHIP_UNKNOWN: lambda _: Reason.OWNERSHIP_UNKNOWN,
}


def _text_of(case: Case, side: Side) -> str | None:
    return case.vehicle_module if side is Side.VEHICLE_MODULE else case.dms


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _without_digits(text: str, instead: str) -> str:
    return re.sub(r"\d+", instead, text)

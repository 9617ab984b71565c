"""The rows of the conflict report: opened, moved, taken up again, closed; each call within its caller's transaction."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    Column,
    Connection,
    and_,
    bindparam,
    func,
    insert,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.types import NULLTYPE

from stocksync.adapters.store import codec
from stocksync.adapters.store.core import (
    CAR,
    CONFLICT,
    RUN,
    chunks,
)
from stocksync.adapters.store.key_lists import among
from stocksync.adapters.store.plain import instant
from stocksync.adapters.store.resolution_rows import end_resolutions, end_with_the_car, forget_ignored, ignoring
from stocksync.adapters.store.rows import add_journal, finding_of
from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category
from stocksync.stock.resolution import Standing
from stocksync.sync.answers import StoredFinding
from stocksync.sync.cars import NOBODYS, Finding
from stocksync.sync.findings import EVENTS, OpenFinding, Settlement, settle
from stocksync.sync.recording import (
    EntryOutcome,
    FindingCounts,
    JournalLine,
    Recording,
)


def as_kept(*columns: Column[Any]) -> Any:
    """Select columns as the driver gives them.

    Of many rows, most of the time goes into handing each value through its type; instants are texts in SQLite then.
    """
    return select(*(type_coerce(column, NULLTYPE) for column in columns))


SAID: Final = (
    CONFLICT.c.car_id,
    CONFLICT.c.subject,
    CONFLICT.c.reason,
    CONFLICT.c.category,
    CONFLICT.c.vehicle_module_value,
    CONFLICT.c.dms_value,
    CONFLICT.c.base_value,
    CONFLICT.c.details,
)
"""What `finding_said` reads, as the driver gives it."""

REPORT_ROWS: Final = as_kept(
    CONFLICT.c.id,
    CONFLICT.c.pair,
    CONFLICT.c.point_of_sale,
    *SAID,
    CONFLICT.c.opened_at,
    CONFLICT.c.changed_at,
    CONFLICT.c.closed_at,
    CONFLICT.c.closed_because,
    CONFLICT.c.ignored_by,
)
"""What `stored_finding` reads."""


def stored_finding(row: Any) -> StoredFinding:
    """Read one of `REPORT_ROWS`."""
    number, pair, point_of_sale, *said, opened_at, changed_at, closed_at, closed_because, ignored_by = row
    return StoredFinding(
        number,
        sys.intern(pair),
        sys.intern(point_of_sale),
        finding_said(*said),
        _instant(opened_at),
        _instant(changed_at),
        _instant(closed_at) if closed_at is not None else None,
        closed_because,
        ignored_by,
    )


def finding_said(
    car_id: str,
    subject: str,
    reason: str,
    category: str,
    vehicle_module: str | None,
    dms: str | None,
    base: str | None,
    details: str,
) -> Finding:
    """Read what a report row says; what is the same in many rows is shared by them."""
    return Finding(car_id, *_of_kind(subject, reason, category), vehicle_module, dms, base, _details(details))


@lru_cache(maxsize=1024)
def _of_kind(subject: str, reason: str, category: str) -> tuple[str, Reason, Category]:
    return subject, Reason(reason), Category(category)


@lru_cache(maxsize=1024)
def _details(text: str) -> Mapping[str, str]:
    details: Mapping[str, str] = codec.load(text)
    return details


_instant = lru_cache(maxsize=1024)(instant)
"""Rows that one run opened were opened at one instant."""


def settle_findings(connection: Connection, recording: Recording) -> None:
    """Bring the report up to date with what a plan raises."""
    at_home = {car.id for car in recording.cars if car.point_of_sale == recording.point_of_sale}
    settlement = settle(
        _open_in_scope(connection, recording),
        recording.findings,
        recording.silences,
        recording.point_of_sale,
        at_home,
    )
    if recording.scope is not None:
        # A second look may raise again what the first one of the same run saw gone: that is one row.
        fresh = without_open(connection, recording.run_id, recording.pair, settlement.opened, recording.at)
        settlement = replace(settlement, opened=tuple(fresh))
    open_findings(
        connection, recording.run_id, recording.pair, recording.point_of_sale, settlement.opened, recording.at
    )
    _update_findings(connection, settlement, recording.point_of_sale, recording.at)
    add_journal(connection, recording.run_id, recording.at, _lines_of(settlement))


def _lines_of(settlement: Settlement) -> list[JournalLine]:
    told = [("reported", finding) for finding in settlement.opened]
    told += [("report_changed", finding) for _, finding in settlement.changed]
    told += [("report_closed", row.finding) for row in settlement.closed]
    return [finding_line(action, finding) for action, finding in told]


def finding_line(action: str, finding: Finding) -> JournalLine:
    """Tell in the journal what became of a report row."""
    values = _finding_values(finding)
    details = {"subject": finding.subject, "reason": finding.reason.value, **values, "details": finding.details}
    return JournalLine(finding.car_id, action, details)


def _open_in_scope(connection: Connection, recording: Recording) -> list[OpenFinding]:
    statement = select(CONFLICT).where(CONFLICT.c.pair == recording.pair, CONFLICT.c.closed_at.is_(None))
    raised = {finding.car_id for finding in recording.findings}
    if recording.scope is not None:
        in_scope = among(connection, CONFLICT.c.car_id, sorted(recording.scope | raised))
        if recording.complete:
            nobodys = CONFLICT.c.car_id.like(f"{NOBODYS}%")
            in_scope = or_(in_scope, and_(CONFLICT.c.point_of_sale == recording.point_of_sale, nobodys))
        rows = list(connection.execute(statement.where(in_scope)))
    else:
        here = CONFLICT.c.point_of_sale == recording.point_of_sale
        if not recording.complete:
            # Records that are nobody's are only seen where everything is listed.
            is_raised = among(connection, CONFLICT.c.car_id, sorted(raised))
            here = and_(here, or_(CONFLICT.c.car_id.not_like(f"{NOBODYS}%"), is_raised))
        keys = [f.key for f in recording.findings]
        home = (CAR.c.pair == recording.pair, CAR.c.point_of_sale == recording.point_of_sale)
        # Of a car that was taken over, too, whatever another point of sale reported of it.
        here = or_(here, CONFLICT.c.car_id.in_(select(CAR.c.id).where(*home)))
        rows = list(connection.execute(statement.where(here)))
        for part in chunks(keys):
            rows += connection.execute(statement.where(~here, CONFLICT.c.key.in_(part)))
    return [open_finding(row) for row in rows if row.car_id not in recording.not_ours]


def open_finding(row: Any) -> OpenFinding:
    """Read an open report row."""
    return OpenFinding(row.id, finding_of(row), row.point_of_sale)


def _finding_values(finding: Finding) -> dict[str, Any]:
    return {
        "category": finding.category.value,
        "vehicle_module_value": finding.vehicle_module,
        "dms_value": finding.dms,
        "base_value": finding.base,
        "details": codec.dump(finding.details),
    }


def open_findings(
    connection: Connection,
    run_id: int,
    pair: str,
    point_of_sale: str,
    findings: Sequence[Finding],
    at: datetime,
) -> None:
    """Open a report row for each finding."""
    ignored = ignoring(connection, findings)
    rows = [
        {
            "pair": pair,
            "point_of_sale": point_of_sale,
            "car_id": f.car_id,
            "key": f.key,
            "subject": f.subject,
            "reason": f.reason.value,
            "opened_run": run_id,
            "opened_at": at,
            "changed_at": at,
            "ignored_by": ignored.get((f.key, f.seen)),
            **_finding_values(f),
        }
        for f in findings
    ]
    if rows:
        connection.execute(insert(CONFLICT), rows)


def without_open(
    connection: Connection, run_id: int, pair: str, findings: Sequence[Finding], at: datetime
) -> list[Finding]:
    """Take up again the rows that are open, or were closed by this very run; the answer is what has no row yet."""
    if not findings:
        return []
    started_at = connection.scalar(select(RUN.c.started_at).where(RUN.c.id == run_id))
    recent = or_(CONFLICT.c.closed_at.is_(None), CONFLICT.c.closed_at >= started_at)
    there: dict[str, Any] = {}
    for part in chunks(sorted({finding.key for finding in findings})):
        same_key = and_(CONFLICT.c.pair == pair, CONFLICT.c.key.in_(part), recent)
        for row in connection.execute(select(CONFLICT).where(same_key).order_by(CONFLICT.c.id)).all():
            there.setdefault(row.key, row)
    fresh = []
    for finding in findings:
        known = there.get(finding.key)
        if known is None:
            fresh.append(finding)
        elif known.closed_at is not None or open_finding(known).finding != finding:
            values = {**_finding_values(finding), "changed_at": at, "closed_at": None, "closed_because": None}
            values["ignored_by"] = ignoring(connection, [finding]).get((finding.key, finding.seen))
            connection.execute(update(CONFLICT).where(CONFLICT.c.id == known.id).values(values))
            add_journal(connection, run_id, at, [finding_line("report_changed", finding)])
    return fresh


def _update_findings(connection: Connection, settlement: Settlement, point_of_sale: str, at: datetime) -> None:
    ignored = ignoring(connection, [finding for _, finding in settlement.changed])
    for finding_id, finding in settlement.changed:
        values = {**_finding_values(finding), "changed_at": at, "point_of_sale": point_of_sale}
        values["ignored_by"] = ignored.get((finding.key, finding.seen))
        connection.execute(update(CONFLICT).where(CONFLICT.c.id == finding_id).values(values))
    forget_ignored(connection, [row.finding_id for row in settlement.closed], at)
    for part in chunks([row.finding_id for row in settlement.closed]):
        connection.execute(
            update(CONFLICT).where(CONFLICT.c.id.in_(part)).values(closed_at=at, closed_because="no_longer_so")
        )


def settle_outcomes(
    connection: Connection,
    run_id: int,
    pair: str,
    point_of_sale: str,
    outcomes: Sequence[EntryOutcome],
    at: datetime,
) -> None:
    """Keep what follows from entries that ended: report rows closed and opened, decisions carried out, the journal.

    Most writes only leave a line in the journal; those are written together.
    """
    reported = _cars_with_open_rows(connection, {outcome.entry.car_id for outcome in outcomes})
    lines: list[JournalLine] = []
    for outcome in outcomes:
        has_left = outcome.car is not None and outcome.car.closed
        if outcome.raised or outcome.carried_out or has_left or outcome.entry.car_id in reported:
            # These tell the journal themselves, so that what came before has to be there.
            add_journal(connection, run_id, at, lines)
            lines.clear()
            _settle_outcome(connection, run_id, pair, point_of_sale, outcome, at)
            reported.add(outcome.entry.car_id)
        lines += outcome.journal
    add_journal(connection, run_id, at, lines)


def _settle_outcome(
    connection: Connection, run_id: int, pair: str, point_of_sale: str, outcome: EntryOutcome, at: datetime
) -> None:
    settle_subjects(connection, run_id, outcome, at)
    done = dict.fromkeys(outcome.carried_out, Standing.KEPT)
    end_resolutions(connection, run_id, done, at, because="written")
    fresh = without_open(connection, run_id, pair, outcome.raised, at)
    open_findings(connection, run_id, pair, point_of_sale, fresh, at)
    add_journal(connection, run_id, at, [finding_line("reported", finding) for finding in fresh])


def _cars_with_open_rows(connection: Connection, car_ids: set[str]) -> set[str]:
    found: set[str] = set()
    for part in chunks(sorted(car_ids)):
        here = (CONFLICT.c.car_id.in_(part), CONFLICT.c.closed_at.is_(None))
        found.update(connection.scalars(select(CONFLICT.c.car_id).where(*here)))
    return found


def settle_subjects(connection: Connection, run_id: int, outcome: EntryOutcome, at: datetime) -> None:
    """Close the report rows about what a side now holds as written; all of a car's once it left."""
    if not outcome.settled:
        return
    statement = update(CONFLICT).where(CONFLICT.c.car_id == outcome.entry.car_id, CONFLICT.c.closed_at.is_(None))
    if outcome.car is not None and outcome.car.closed:
        end_with_the_car(connection, run_id, outcome.entry.car_id, at)
        # What happened once stays until somebody has seen it, also where the car has left.
        states = CONFLICT.c.reason.not_in([event.value for event in EVENTS])
        connection.execute(statement.where(states).values(closed_at=at, closed_because="exit"))
        return
    connection.execute(
        statement.where(
            CONFLICT.c.subject.in_(outcome.settled),
            CONFLICT.c.reason.not_in([event.value for event in EVENTS]),
        ).values(closed_at=at, closed_because="settled")
    )


_IGNORED: Final = CONFLICT.c.ignored_by.is_not(None)


def ignored_at(connection: Connection, pair: str, point_of_sale: str) -> set[tuple[str, str]]:
    """The cars and subjects that a reviewer decided to leave as they are: see `Store.ignored_at`."""
    here = (CONFLICT.c.pair == pair, CONFLICT.c.point_of_sale == point_of_sale, CONFLICT.c.closed_at.is_(None))
    rows = connection.execute(select(CONFLICT.c.car_id, CONFLICT.c.subject).where(*here, _IGNORED))
    return {(car_id, subject) for car_id, subject in rows}


def moved_in(connection: Connection, run_id: int, point_of_sale: str) -> tuple[int, int]:
    """How many rows a run opened, and how many it closed; those that nobody was to see are left out."""
    started_at = connection.scalar(select(RUN.c.started_at).where(RUN.c.id == run_id))
    shown = and_(CONFLICT.c.point_of_sale == point_of_sale, CONFLICT.c.ignored_by.is_(None))
    counted = select(func.count()).select_from(CONFLICT)
    opened = connection.scalar(counted.where(shown, CONFLICT.c.opened_run == run_id))
    closed = connection.scalar(counted.where(shown, CONFLICT.c.closed_at >= started_at))
    return opened or 0, closed or 0


_OPEN: Final = (
    select(CONFLICT.c.category, CONFLICT.c.reason, _IGNORED, func.count())
    .where(
        CONFLICT.c.pair == bindparam("of_pair"),
        CONFLICT.c.point_of_sale == bindparam("place"),
        CONFLICT.c.closed_at.is_(None),
    )
    .group_by(CONFLICT.c.category, CONFLICT.c.reason, _IGNORED)
)


def open_counts(connection: Connection, pair: str, point_of_sale: str, new: int, closed: int) -> FindingCounts:
    """Count the open rows of a point of sale that nobody decided to ignore."""
    by_category: dict[Category, int] = {}
    quarantined = left = 0
    for category, reason, is_ignored, count in connection.execute(_OPEN, {"of_pair": pair, "place": point_of_sale}):
        if is_ignored:
            left += count
            continue
        by_category[Category(category)] = by_category.get(Category(category), 0) + count
        if reason in (Reason.INVALID_VALUE, Reason.UNREADABLE_RECORD):
            quarantined += count
    return FindingCounts(new, closed, sum(by_category.values()), by_category, quarantined, left)

"""When runs are due: one nightly instant each calendar day, whatever the clocks do, and quick ones in between."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import pytest
from apscheduler.job import Job
from apscheduler.schedulers.background import BackgroundScheduler

from stocksync.entrypoints.serve.triggers import NightlyTrigger, QuickTrigger
from stocksync.sync.health import PointHealth, RunShown
from stocksync.sync.recording import RunKind, RunStatus
from stocksync.sync.timetable import (
    COMPLETE_AGAIN_AFTER,
    Schedule,
    is_complete_due,
    jittered_s,
    kind_of_turn,
    last_nightly,
    next_nightly,
    nightly_at,
    phase_s,
)

PARIS = ZoneInfo("Europe/Paris")
# In Santiago clocks jump at midnight, on Lord Howe by half an hour.
ZONES = [PARIS, ZoneInfo("America/Santiago"), ZoneInfo("Australia/Lord_Howe")]
TIMES = [time(0, 0), time(1, 59), time(2, 0), time(2, 30), time(3, 0), time(3, 30), time(23, 59)]
FIRST, LAST = date(2026, 1, 1), date(2030, 12, 31)
HALF_PAST_THREE = time(3, 30)
EVERY_CLOCK = [pytest.param(z, t, id=f"{z.key}-{t:%H:%M}") for z in ZONES for t in TIMES]


def days() -> Iterator[date]:
    for number in range((LAST - FIRST).days + 1):
        yield FIRST + timedelta(days=number)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# --- nightly instants


@pytest.mark.parametrize(("zone", "wall"), EVERY_CLOCK)
def test_every_calendar_day_has_one_nightly_instant_and_it_lies_in_that_day(zone: ZoneInfo, wall: time) -> None:
    instants = [nightly_at(day, wall, zone) for day in days()]
    assert [at.astimezone(zone).date() for at in instants] == list(days())
    assert instants == sorted(set(instants))
    assert {at.utcoffset() for at in instants} == {timedelta(0)}


@pytest.mark.parametrize(("zone", "wall"), EVERY_CLOCK)
def test_clocks_show_the_wall_time_unless_they_jump_over_it(zone: ZoneInfo, wall: time) -> None:
    for day in days():
        local = nightly_at(day, wall, zone).astimezone(zone)
        if local.time() != wall:
            before = (local.astimezone(UTC) - timedelta(seconds=1)).astimezone(zone)
            jump = datetime.combine(local.date(), local.time()) - before.replace(tzinfo=None)
            assert before.replace(tzinfo=None) < datetime.combine(day, wall) < local.replace(tzinfo=None)
            assert jump > timedelta(seconds=1)
        assert local.fold == 0


@pytest.mark.parametrize(("zone", "wall"), EVERY_CLOCK)
def test_the_next_nightly_walks_over_every_day_once(zone: ZoneInfo, wall: time) -> None:
    at, walked = nightly_at(FIRST, wall, zone), [FIRST]
    while walked[-1] < LAST:
        later = next_nightly(at, wall, zone)
        assert at < later <= at + timedelta(hours=25)
        at = later
        walked.append(at.astimezone(zone).date())
    assert walked == list(days())


@pytest.mark.parametrize(("zone", "wall"), EVERY_CLOCK)
def test_the_next_nightly_is_to_come_and_at_most_25_hours_away_whenever_it_is_asked_for(
    zone: ZoneInfo, wall: time
) -> None:
    random, start = Random(7), utc("2026-01-01")
    for _ in range(300):
        now = start + timedelta(seconds=random.randrange(5 * 365 * 86400))
        later, before = next_nightly(now, wall, zone), last_nightly(now, wall, zone)
        assert before <= now < later <= now + timedelta(hours=25)
        assert next_nightly(before, wall, zone) == later
        assert last_nightly(later, wall, zone) == later


@pytest.mark.parametrize(
    ("day", "wall", "instant"),
    [
        ("2026-03-29", "02:30", "2026-03-29T01:00"),
        ("2026-03-29", "02:00", "2026-03-29T01:00"),
        ("2026-03-29", "03:00", "2026-03-29T01:00"),
        ("2026-03-29", "03:30", "2026-03-29T01:30"),
        ("2026-10-25", "02:30", "2026-10-25T00:30"),
        ("2026-10-25", "03:00", "2026-10-25T02:00"),
        ("2026-07-01", "03:30", "2026-07-01T01:30"),
        ("2026-12-01", "03:30", "2026-12-01T02:30"),
    ],
)
def test_in_paris_a_jump_gives_the_first_instant_after_it_and_a_doubled_hour_the_first_pass(
    day: str, wall: str, instant: str
) -> None:
    assert nightly_at(date.fromisoformat(day), time.fromisoformat(wall), PARIS) == utc(instant)


# --- through APScheduler


def fires(trigger: object, start: datetime, end: datetime) -> Iterator[datetime]:
    """Every instant at which APScheduler would run a job, each time a little late."""
    previous, now = None, start
    while (at := trigger.get_next_fire_time(previous, now)) <= end:  # type: ignore[attr-defined]
        assert at >= now
        yield at
        previous, now = at, at + timedelta(milliseconds=30)


@pytest.mark.parametrize(("zone", "wall"), EVERY_CLOCK)
def test_apscheduler_fires_once_each_calendar_day(zone: ZoneInfo, wall: time) -> None:
    start, end = nightly_at(FIRST, wall, zone) - timedelta(minutes=1), nightly_at(LAST, wall, zone)
    walked = [at.astimezone(zone).date() for at in fires(NightlyTrigger(wall, zone), start, end)]
    assert walked == list(days())


def test_after_a_sleep_of_days_apscheduler_runs_a_job_once_and_not_for_every_missed_instant() -> None:
    scheduler = BackgroundScheduler(timezone="UTC")
    for trigger in (
        NightlyTrigger(HALF_PAST_THREE, PARIS),
        QuickTrigger(utc("2026-05-01T10:00"), 300, Random(1)),
    ):
        job = Job(scheduler, id="x", func=print, args=(), kwargs={}, trigger=trigger, name="x", executor="default",
                  misfire_grace_time=None, coalesce=True, max_instances=1, next_run_time=None)  # fmt: skip
        job.next_run_time = trigger.get_next_fire_time(None, utc("2026-05-01T09:00"))
        assert len(job._get_run_times(utc("2026-05-04T12:00"))) == 1


def test_quick_runs_begin_at_their_phase_and_are_a_tenth_apart_from_their_interval_at_most() -> None:
    first = utc("2026-03-28T23:59")
    instants = list(fires(QuickTrigger(first, 300, Random(3)), first - timedelta(hours=1), first + timedelta(days=1)))
    assert instants[0] == first
    gaps = [(b - a).total_seconds() for a, b in pairwise(instants)]
    assert all(270 <= gap <= 330.1 for gap in gaps)
    assert len(set(gaps)) > 100


def test_the_same_random_numbers_give_the_same_intervals() -> None:
    assert [jittered_s(60, Random(5))] * 2 == [jittered_s(60, Random(5)), jittered_s(60, Random(5))]


def test_300_points_of_sale_are_spread_over_one_interval() -> None:
    phases = [phase_s(index, 300, 300) for index in range(300)]
    assert phases == [float(number) for number in range(1, 301)]


# --- what a turn turns out to be

SCHEDULE = Schedule(300, HALF_PAST_THREE, PARIS)
NOW = utc("2026-06-10T08:00")
TONIGHT = utc("2026-06-10T01:30")


def shown(status: RunStatus, started_at: datetime, kind: RunKind = RunKind.COMPLETE) -> RunShown:
    return RunShown(1, kind, status, started_at)


def health(complete_at: datetime | None, **more: RunShown) -> PointHealth:
    last_complete = shown(RunStatus.DONE, complete_at) if complete_at is not None else None
    return PointHealth("PDV1", last_complete=last_complete, **more)


def kind(asked: RunKind, state: PointHealth, tried_at: datetime | None = None) -> RunKind | None:
    return kind_of_turn(asked, state, SCHEDULE, NOW, tried_at)


def test_a_complete_run_is_due_iff_a_nightly_instant_passed_since_the_last_one_began() -> None:
    def due(last: datetime | None) -> bool:
        return is_complete_due(last, NOW, HALF_PAST_THREE, PARIS)

    assert due(None)
    assert due(TONIGHT - timedelta(seconds=1))
    assert not due(TONIGHT)
    assert not due(NOW)


def test_a_quick_turn_becomes_the_complete_run_when_that_is_due() -> None:
    assert kind(RunKind.DELTA, health(TONIGHT - timedelta(days=1))) is RunKind.COMPLETE
    assert kind(RunKind.DELTA, health(TONIGHT)) is RunKind.DELTA
    assert kind(RunKind.HINTED, health(TONIGHT - timedelta(days=1))) is RunKind.HINTED


def test_a_point_of_sale_that_was_never_read_as_a_whole_gets_nothing_but_a_complete_run() -> None:
    assert [kind(asked, health(None)) for asked in RunKind] == [RunKind.COMPLETE] * 3


def test_a_complete_run_that_failed_lets_quick_ones_pass_and_comes_again() -> None:
    overdue = health(TONIGHT - timedelta(days=1))
    assert kind(RunKind.DELTA, overdue, NOW - COMPLETE_AGAIN_AFTER / 2) is RunKind.DELTA
    assert kind(RunKind.DELTA, overdue, NOW - COMPLETE_AGAIN_AFTER) is RunKind.COMPLETE
    assert kind(RunKind.COMPLETE, overdue, NOW) is RunKind.COMPLETE


def test_what_a_guard_halted_comes_up_in_the_same_way_until_it_passes_and_hints_wait() -> None:
    for status in (RunStatus.HALTED, RunStatus.RELEASED):
        for how, again in ((RunKind.COMPLETE,) * 2, (RunKind.DELTA,) * 2, (RunKind.HINTED, RunKind.DELTA)):
            run = shown(status, TONIGHT, how)
            state = health(TONIGHT, last=run, **({"halted": run} if status is RunStatus.HALTED else {}))
            assert kind(RunKind.DELTA, state) is again
            assert kind(RunKind.HINTED, state) is None

"""Alerts as a pure function: what begins, what is over, what is one trouble and what is told when."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stocksync.mapping.load import load_mappings
from stocksync.sync.alerts import AlertKind, AlertRules, Changes, OpenAlert, due, rules_of, to_tell, watched
from stocksync.sync.health import GateHealth, GateState, Health, Pause, PointHealth, RunShown
from stocksync.sync.recording import RunKind, RunStatus

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RULES = AlertRules(stale_after={"PDV1": 30 * MINUTE}, systems={"PDV1": frozenset({"openflex", "icar"})})
LONG_AGO = {"PDV1": NOW - timedelta(days=1)}


def run(started: timedelta, status: RunStatus = RunStatus.DONE, message: str | None = None) -> RunShown:
    return RunShown(7, RunKind.DELTA, status, NOW - started, NOW - started, message)


GOOD = PointHealth("PDV1", last=run(5 * MINUTE), last_good=run(5 * MINUTE))
HALT = replace(GOOD, halted=run(5 * MINUTE, RunStatus.HALTED, "too many cars leave"))
STALE = replace(GOOD, last_good=run(31 * MINUTE))
FAILING = replace(GOOD, failed_in_a_row=3, last=run(MINUTE, RunStatus.FAILED, "the DMS does not answer"))
PAUSE = Pause("PDV1", "anne", "stocktaking", NOW)


def changes(
    point: PointHealth = GOOD,
    standing: Sequence[OpenAlert] = (),
    gates: tuple[GateHealth, ...] = (),
    since: Mapping[str, datetime] = LONG_AGO,
    now: datetime = NOW,
) -> Changes:
    return due(Health((point,), gates), standing, now, RULES, since)


def begun(point: PointHealth = GOOD, **more: object) -> list[AlertKind]:
    return [trouble.kind for trouble in changes(point, **more).opened]  # type: ignore[arg-type]


def alert(kind: AlertKind, subject: str = "PDV1", **more: datetime | None) -> OpenAlert:
    return OpenAlert(1, kind, subject, "", NOW - timedelta(hours=1), **more)  # type: ignore[arg-type]


def gate(state: GateState, since: timedelta) -> tuple[GateHealth, ...]:
    return (GateHealth("icar", state, "no answer", NOW - since),)


@pytest.mark.parametrize(
    ("point", "reason"),
    [
        (STALE, "no run failed there; the last good one began at 2026-03-02 09:29 UTC"),
        (
            replace(STALE, last_failed=replace(run(MINUTE, RunStatus.FAILED, "no ICAR_KEY"), run_id=8)),
            "run 8: no ICAR_KEY",
        ),
        (PointHealth("PDV1"), "no run has begun there yet"),
        (PointHealth("PDV1", last=run(MINUTE, RunStatus.RUNNING)), "the newest began at 2026-03-02 09:59 UTC"),
        (replace(FAILING, last=run(MINUTE, RunStatus.RUNNING), last_failed=FAILING.last), "the DMS does not answer"),
        (replace(FAILING, last_failed=run(MINUTE, RunStatus.FAILED)), "run 7: ended as failed at 2026-03-02 09:59 UTC"),
        (
            replace(GOOD, backlog=2, backlog_since=NOW - timedelta(hours=3)),
            "2 writes without a known outcome, the oldest planned at 2026-03-02 07:00 UTC",
        ),
    ],
)
def test_an_alert_of_a_point_of_sale_says_why(point: PointHealth, reason: str) -> None:
    [trouble] = changes(point).opened
    assert reason in trouble.message


def test_points_of_sale_that_stand_still_for_the_database_are_not_told_of_one_by_one() -> None:
    still = Health((FAILING, STALE, HALT), storage="no room is left")
    assert due(still, (), NOW, RULES, LONG_AGO).opened == ()


def test_where_all_is_well_nobody_is_told_anything() -> None:
    assert changes() == Changes()


@pytest.mark.parametrize(
    ("point", "kind"),
    [
        (HALT, AlertKind.HALTED),
        (STALE, AlertKind.STALE),
        (FAILING, AlertKind.FAILING),
        (replace(GOOD, backlog=2, backlog_since=NOW - timedelta(hours=3)), AlertKind.BACKLOG),
    ],
)
def test_each_trouble_of_a_point_of_sale_begins_one_alert_and_no_second_one(
    point: PointHealth, kind: AlertKind
) -> None:
    assert begun(point) == [kind]
    assert changes(point, [alert(kind)]) == Changes()
    assert changes(GOOD, [alert(kind)]) == Changes(closed=(1,))


def test_a_halt_quotes_the_run_to_release() -> None:
    assert changes(HALT).opened[0].message == "run 7: too many cars leave"


def test_two_failures_in_a_row_are_not_told_yet_and_one_is_enough_to_go_on() -> None:
    twice = replace(FAILING, failed_in_a_row=2)
    assert begun(twice) == []
    assert changes(twice, [alert(AlertKind.FAILING)]) == Changes()


def test_a_refused_key_is_told_at_once_and_a_silent_system_after_ten_minutes() -> None:
    assert begun(gates=gate(GateState.DENIED, MINUTE)) == [AlertKind.ACCESS_DENIED]
    assert begun(gates=gate(GateState.CLOSED, 9 * MINUTE)) == []
    assert begun(gates=gate(GateState.CLOSED, 10 * MINUTE)) == [AlertKind.GATE_CLOSED]


@pytest.mark.parametrize("kind", [AlertKind.GATE_CLOSED, AlertKind.ACCESS_DENIED])
def test_while_a_system_is_only_tried_its_alert_neither_begins_nor_ends(kind: AlertKind) -> None:
    tried = gate(GateState.TRYING, timedelta(hours=1))
    assert begun(gates=tried) == []
    assert changes(standing=[alert(kind, "icar")], gates=tried) == Changes()


def test_points_of_sale_are_not_told_of_while_people_know_that_their_system_is_away() -> None:
    away, known = gate(GateState.CLOSED, timedelta(hours=1)), alert(AlertKind.GATE_CLOSED, "icar")
    for standing in ([], [known]):
        since = watched(Health((STALE,), away), LONG_AGO, standing, NOW, RULES)
        assert AlertKind.STALE not in begun(STALE, gates=away, standing=standing, since=since)
        assert AlertKind.FAILING not in begun(FAILING, gates=away, standing=standing, since=since)


def test_another_systems_trouble_hides_nothing() -> None:
    other = (GateHealth("unrelated", GateState.CLOSED, "", NOW - timedelta(hours=1)),)
    assert set(begun(FAILING, gates=other)) == {AlertKind.FAILING, AlertKind.GATE_CLOSED}


def test_a_system_that_closes_for_minutes_again_and_again_hides_no_stale_point_of_sale() -> None:
    flaps = gate(GateState.CLOSED, MINUTE)
    since = watched(Health((STALE,), flaps), LONG_AGO, [], NOW, RULES)
    assert begun(STALE, gates=flaps, since=since) == [AlertKind.STALE]


def test_a_halted_point_of_sale_is_not_called_stale_as_well() -> None:
    both = replace(HALT, last_good=run(timedelta(hours=3)))
    since = watched(Health((both,)), LONG_AGO, [], NOW, RULES)
    assert begun(both, since=since) == [AlertKind.HALTED]


@pytest.mark.parametrize("point", [HALT, STALE, FAILING])
def test_a_pause_begins_nothing_and_ends_nothing(point: PointHealth) -> None:
    paused = replace(point, paused=PAUSE)
    assert changes(paused) == Changes()
    for kind in AlertKind:
        if kind not in (AlertKind.GATE_CLOSED, AlertKind.ACCESS_DENIED):
            assert changes(replace(GOOD, paused=PAUSE), [alert(kind)]) == Changes()


def test_in_the_minute_in_which_a_pause_ends_nobody_is_told_that_the_point_of_sale_stood_still() -> None:
    during = watched(Health((replace(STALE, paused=PAUSE),)), LONG_AGO, [], NOW - MINUTE, RULES)
    after = watched(Health((STALE,)), during, [], NOW, RULES)
    assert begun(STALE, since=after) == []
    assert begun(STALE, since=after, now=NOW + RULES.settle) == [AlertKind.STALE]


def test_a_service_that_starts_after_a_week_end_is_given_ten_minutes() -> None:
    old = replace(GOOD, last_good=run(timedelta(days=2)))
    started = watched(Health((old,)), {}, [], NOW, RULES)
    assert begun(old, since=started) == []
    assert begun(old, since=started, now=NOW + RULES.settle) == [AlertKind.STALE]


def test_a_point_of_sale_that_never_had_a_good_run_is_stale_once_it_was_watched_for_that_long() -> None:
    never = PointHealth("PDV1")
    assert begun(never, since={"PDV1": NOW - 29 * MINUTE}) == []
    assert begun(never, since={"PDV1": NOW - 30 * MINUTE}) == [AlertKind.STALE]


def test_a_restart_does_not_end_an_alert_of_a_point_of_sale_that_never_had_a_good_run() -> None:
    assert changes(PointHealth("PDV1"), [alert(AlertKind.STALE)], since={"PDV1": NOW}) == Changes()


def test_what_comes_back_before_its_end_was_told_is_the_same_trouble() -> None:
    closed = alert(AlertKind.HALTED, told_at=NOW - MINUTE, closed_at=NOW - MINUTE)
    assert changes(HALT, [closed]) == Changes(reopened=(1,))


def test_an_end_is_told_once_it_has_lasted_ten_minutes() -> None:
    closed = alert(AlertKind.HALTED, told_at=NOW - MINUTE, closed_at=NOW)
    assert not to_tell([closed], NOW + 9 * MINUTE, RULES)
    assert to_tell([closed], NOW + 10 * MINUTE, RULES).over == (closed,)


def test_a_beginning_is_told_until_it_was_told_and_not_after_its_end() -> None:
    untold = alert(AlertKind.HALTED)
    assert to_tell([untold], NOW, RULES).begun == (untold,)
    assert not to_tell([replace(untold, told_at=NOW)], NOW, RULES)
    assert not to_tell([replace(untold, closed_at=NOW)], NOW, RULES)


def test_an_alert_of_a_point_of_sale_that_left_the_mapping_is_over() -> None:
    assert changes(GOOD, [alert(AlertKind.STALE, "PDV9")]) == Changes(closed=(1,))


def test_the_rules_follow_the_schedule_and_name_systems_as_their_gates_do() -> None:
    points = dict(load_mappings(Path(__file__).resolve().parents[2] / "mappings").points_of_sale)
    slow = points["PDV2"].schedule.model_copy(update={"quick_every_min": 20})
    points["PDV2"] = replace(points["PDV2"], schedule=slow)
    rules = rules_of(points, lambda settings: f"gate of {settings.system}")
    assert rules.stale_after == {"PDV1": timedelta(minutes=30), "PDV2": timedelta(minutes=60)}
    assert rules.systems["PDV1"] == {"gate of openflex", "gate of icar"}


POINTS = st.sampled_from(
    [GOOD, HALT, STALE, FAILING, PointHealth("PDV1"), replace(HALT, paused=PAUSE), replace(STALE, paused=PAUSE)]
)
GATES = st.sampled_from([(), *(gate(state, 20 * MINUTE) for state in GateState), gate(GateState.CLOSED, MINUTE)])


@given(st.lists(st.tuples(POINTS, GATES, st.integers(1, 20)), min_size=1, max_size=30))
def test_whatever_happens_each_alert_is_told_at_most_once_and_ends_at_most_once_and_never_in_twos(
    steps: list[tuple[PointHealth, tuple[GateHealth, ...], int]],
) -> None:
    now, standing, since, told, numbers = NOW, [], {}, [], count(1)
    for point, gates, minutes in steps:
        now += minutes * MINUTE
        health = Health((point,), gates)
        since = watched(health, since, standing, now, RULES)
        moved = due(health, standing, now, RULES, since)
        standing = [
            replace(a, closed_at=now)
            if a.alert_id in moved.closed
            else replace(a, closed_at=None)
            if a.alert_id in moved.reopened
            else a
            for a in standing
        ]
        standing += [OpenAlert(next(numbers), t.kind, t.subject, t.message, now) for t in moved.opened]
        assert len({a.key for a in standing}) == len(standing)
        telling = to_tell(standing, now, RULES)
        told += [("begun", a.alert_id) for a in telling.begun] + [("over", a.alert_id) for a in telling.over]
        standing = [replace(a, told_at=a.told_at or now) for a in standing if a not in telling.over]
        assert to_tell(standing, now, RULES).begun == ()
    assert len(set(told)) == len(told)


def test_an_edit_of_the_mapping_that_is_refused_is_told_until_it_is_mended() -> None:
    health = Health((GOOD,), edit_refused="points_of_sale.yaml:3 PDV1: unknown key")
    [opened] = due(health, [], NOW, RULES, {}).opened
    assert (opened.kind, opened.message) == (AlertKind.EDIT_REFUSED, health.edit_refused)
    known = alert(AlertKind.EDIT_REFUSED, opened.subject)
    assert due(health, [known], NOW, RULES, {}) == Changes()
    assert due(Health((GOOD,)), [known], NOW, RULES, {}).closed == (known.alert_id,)

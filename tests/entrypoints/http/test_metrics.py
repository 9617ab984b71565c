"""The figures, read as Prometheus reads them."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from stocksync.entrypoints.http.hooks import Outcome
from stocksync.entrypoints.http.metrics import Metrics
from stocksync.entrypoints.http.standing import Standing
from stocksync.stock.reconcile import Category
from stocksync.stock.values import Side
from stocksync.sync.health import GateHealth, GateState, Health, Pause, PointHealth, RunShown
from stocksync.sync.plan import Action, Operation
from stocksync.sync.recording import EntryOutcome, EntryStatus, OutboxEntry, RunKind, RunStatus
from stocksync.sync.summary import Summary
from tests.entrypoints.http.serving import NotingService, Rig, about, served

NOW_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(text: str) -> Figures:
    """Every sample by its name and labels; one that is there twice is a fault of the page."""
    figures: Figures = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in figures, key
            figures[key] = sample.value
    return figures


def of(figures: Figures, name: str, **labels: str) -> float | None:
    return figures.get((f"stocksync_{name}", frozenset(labels.items())))


def run_at(ago: timedelta, kind: RunKind, status: RunStatus = RunStatus.DONE) -> RunShown:
    return RunShown(1, kind, status, NOW_AT - ago, NOW_AT - ago + timedelta(seconds=10))


BUSY = PointHealth(
    "PDV1",
    last_good=run_at(timedelta(minutes=4), RunKind.DELTA),
    last_complete=run_at(timedelta(hours=9), RunKind.COMPLETE),
    halted=run_at(timedelta(minutes=1), RunKind.COMPLETE, RunStatus.HALTED),
    at_work="host:1",
    failed_in_a_row=2,
    backlog=3,
    backlog_since=NOW_AT - timedelta(seconds=90),
    open_by_category={Category.CONFLICT: 4, Category.DEFERRED: 1},
    conflicts_by_age=(2, 1, 0, 0, 2),
)
NEW = PointHealth("PDV2", paused=Pause("PDV2", "Jeanne", "inventaire", NOW_AT))
GATES = (GateHealth("openflex", GateState.OPEN), GateHealth("icar", GateState.DENIED, "HTTP 401"))


def standing() -> Figures:
    metrics = Metrics()
    metrics.registry.register(Standing(lambda: Health((BUSY, NEW), GATES), lambda: NOW_AT))
    return read(metrics.text().decode())


def test_each_point_of_sale_shows_how_old_its_agreement_is() -> None:
    figures = standing()
    assert of(figures, "lag_seconds", point_of_sale="PDV1") == 240
    good, complete = (NOW_AT - timedelta(minutes=4)).timestamp(), (NOW_AT - timedelta(hours=9)).timestamp()
    assert of(figures, "last_good_run_timestamp_seconds", point_of_sale="PDV1") == good
    assert of(figures, "last_complete_run_timestamp_seconds", point_of_sale="PDV1") == complete


def test_before_the_first_run_there_is_no_lag_and_the_last_run_is_at_zero() -> None:
    figures = standing()
    assert of(figures, "lag_seconds", point_of_sale="PDV2") is None
    assert of(figures, "last_good_run_timestamp_seconds", point_of_sale="PDV2") == 0
    assert of(figures, "last_complete_run_timestamp_seconds", point_of_sale="PDV2") == 0


def test_open_conflicts_are_shown_by_category_and_by_age_also_where_there_are_none() -> None:
    figures = standing()
    by_category = {c: of(figures, "conflicts_open", point_of_sale="PDV1", category=c) for c in ("conflict", "held")}
    assert by_category == {"conflict": 4, "held": 0}
    assert of(figures, "conflicts_open", point_of_sale="PDV1", category="deferred") == 1
    assert of(figures, "conflicts_open", point_of_sale="PDV2", category="refused") == 0
    groups = ("under_1d", "1d_to_3d", "3d_to_7d", "7d_to_30d", "over_30d")
    ages = {p: [of(figures, "conflicts_open_by_age", point_of_sale=p, age=g) for g in groups] for p in ("PDV1", "PDV2")}
    assert ages == {"PDV1": [2, 1, 0, 0, 2], "PDV2": [0, 0, 0, 0, 0]}


def test_what_waits_and_what_needs_somebody_is_shown() -> None:
    figures = standing()
    names = ("outbox_entries", "outbox_oldest_age_seconds", "paused", "halted", "at_work", "failed_runs_in_a_row")
    shown = {point: [of(figures, name, point_of_sale=point) for name in names] for point in ("PDV1", "PDV2")}
    assert shown == {"PDV1": [3, 90, 0, 1, 1, 2], "PDV2": [0, 0, 1, 0, 0, 0]}


def test_mapping_files_that_are_not_valid_are_a_figure_of_their_own() -> None:
    for said, figure in (("", 0), ("points_of_sale.yaml:3: PDV1: unknown key", 1)):
        health = Health((), edit_refused=said)
        (metric,) = [
            m for m in Standing(lambda health=health: health).collect() if m.name == "stocksync_mapping_refused"
        ]  # type: ignore[misc]
        assert [sample.value for sample in metric.samples] == [figure]


def test_a_gate_is_in_one_state_at_a_time() -> None:
    figures = standing()
    for system, due in (("openflex", "open"), ("icar", "denied")):
        states = {s.value: of(figures, "gate_state", system=system, state=s.value) for s in GateState}
        assert states == {state.value: state.value == due for state in GateState}


def entry(side: Side) -> OutboxEntry:
    return OutboxEntry(1, "car", Operation(side, Action.UPDATE, "V-1"), None, "key")


@pytest.mark.parametrize(
    ("status", "refused", "shown"),
    [
        (EntryStatus.DELIVERED, False, "delivered"),
        (EntryStatus.FAILED, True, "refused"),
        (EntryStatus.FAILED, False, "failed"),
        (EntryStatus.STALE, False, "stale"),
        (EntryStatus.CLAIMED, False, "unknown"),
        (EntryStatus.SUPERSEDED, False, "not_sent"),
    ],
)
def test_each_end_of_a_write_is_counted_as_what_it_is(status: EntryStatus, refused: bool, shown: str) -> None:
    metrics = Metrics()
    metrics.watcher.settled("PDV1", 1, EntryOutcome(entry(Side.DMS), status, refused=refused))
    figures = read(metrics.text().decode())
    counted = {k for k, value in figures.items() if k[0] == "stocksync_writes_total" and value}
    assert counted == {("stocksync_writes_total", frozenset({("side", "dms"), ("outcome", shown)}))}


def test_runs_are_counted_by_kind_and_end_and_timed() -> None:
    at_s = [100.0]
    metrics = Metrics(monotonic_s=lambda: at_s[0])
    metrics.watcher.began("PDV1", 7, RunKind.DELTA)
    metrics.watcher.began("PDV2", 8, RunKind.COMPLETE)
    at_s[0] = 104.0
    metrics.watcher.ended(Summary("PDV1", RunStatus.DONE, 7))
    metrics.watcher.ended(Summary("PDV2", RunStatus.HALTED, 8))
    figures = read(metrics.text().decode())
    assert of(figures, "runs_total", kind="delta", status="done") == 1
    assert of(figures, "runs_total", kind="complete", status="halted") == 1
    assert of(figures, "runs_total", kind="hinted", status="done") == 0
    assert of(figures, "run_duration_seconds_sum", kind="delta") == 4
    assert of(figures, "run_duration_seconds_bucket", kind="delta", le="2.5") == 0
    assert of(figures, "run_duration_seconds_bucket", kind="delta", le="5.0") == 1


def test_a_dry_run_counts_for_nothing_and_a_run_that_never_began_has_no_duration() -> None:
    metrics = Metrics()
    metrics.watcher.began("PDV1", 0, RunKind.COMPLETE)
    metrics.watcher.ended(Summary("PDV1", RunStatus.DONE, None, dry_run=True))
    metrics.watcher.ended(Summary("PDV1", RunStatus.FAILED, None))
    figures = read(metrics.text().decode())
    runs = {key[1]: value for key, value in figures.items() if key[0] == "stocksync_runs_total" and value}
    assert runs == {frozenset({("kind", "none"), ("status", "failed")}): 1}
    assert of(figures, "run_duration_seconds_count", kind="complete") == 0


def test_a_dry_run_beside_a_run_does_not_take_its_duration() -> None:
    metrics = Metrics()
    metrics.watcher.began("PDV1", 7, RunKind.DELTA)
    metrics.watcher.began("PDV1", 0, RunKind.COMPLETE)
    metrics.watcher.ended(Summary("PDV1", RunStatus.DONE, None, dry_run=True))
    metrics.watcher.ended(Summary("PDV1", RunStatus.DONE, 7))
    assert of(read(metrics.text().decode()), "run_duration_seconds_count", kind="delta") == 1


def test_points_of_sale_at_work_at_once_lose_no_count() -> None:
    metrics = Metrics()

    def work(point: str) -> None:
        for run_id in range(1, 201):
            metrics.watcher.began(point, run_id, RunKind.DELTA)
            metrics.watcher.settled(point, run_id, EntryOutcome(entry(Side.DMS), EntryStatus.DELIVERED))
            metrics.watcher.ended(Summary(point, RunStatus.DONE, run_id))

    threads = [threading.Thread(target=work, args=(f"PDV{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    figures = read(metrics.text().decode())
    assert of(figures, "writes_total", side="dms", outcome="delivered") == 1600
    assert of(figures, "runs_total", kind="delta", status="done") == 1600
    assert of(figures, "run_duration_seconds_count", kind="delta") == 1600


def test_scrapes_ask_the_database_once_however_many_they_are() -> None:
    with served(Rig(NotingService(stands=Health((BUSY, NEW), GATES)))) as rig:
        answers = [rig.client.get("/metrics") for _ in range(20)]
    assert {answer.status_code for answer in answers} == {200}
    assert answers[0].headers["content-type"].startswith("text/plain")
    assert rig.service.database_calls == 1


def test_a_database_that_does_not_answer_is_a_figure_and_the_others_stay() -> None:
    with served(Rig(NotingService(fault=RuntimeError("down")))) as rig:
        rig.hook(about())
        figures = read(rig.client.get("/metrics").text)
    assert of(figures, "database_up") == 0
    assert of(figures, "hooks_total", system="openflex", outcome="accepted") == 1
    assert not any(name.startswith("stocksync_lag") for name, _ in figures)


def test_what_callers_write_is_never_a_label() -> None:
    with served(Rig()) as rig:
        for system in ("made-up-1", "made-up-2"):
            rig.hook(about(), system)
        rig.hook(about("VF1AAAAAAAAAAAAAA", "PDV-made-up"))
        text = rig.client.get("/metrics").text
    assert "made-up" not in text
    assert "VF1" not in text
    assert of(read(text), "hooks_total", system="", outcome=Outcome.UNKNOWN_SYSTEM.value) == 2


def is_well_named(name: str, kind: str) -> bool:
    return name.endswith("_total") if kind == "counter" else not name.endswith("_total")


def test_every_figure_says_what_it_is_and_is_named_as_prometheus_asks() -> None:
    metrics = Metrics(["openflex"])
    metrics.registry.register(Standing(lambda: Health((BUSY, NEW), GATES), lambda: NOW_AT))
    ours = [f for f in text_string_to_metric_families(metrics.text().decode()) if f.name.startswith("stocksync_")]
    assert len(ours) >= 17
    for family in ours:
        assert len(family.documentation) > 20, family.name
        assert family.documentation.endswith("."), family.name
        assert all(is_well_named(sample.name, family.type) for sample in family.samples), family.name
    assert "process_resident_memory_bytes" in metrics.text().decode()


def test_the_page_of_three_hundred_points_of_sale_is_made_of_one_reading() -> None:
    asked: list[int] = []
    points = tuple(PointHealth(f"PDV{n}") for n in range(300))

    def health() -> Health:
        asked.append(1)
        return Health(points, GATES)

    ask: Callable[[], Health] = health
    metrics = Metrics()
    metrics.show(ask)
    assert metrics.text().count(b"stocksync_paused{") == 300
    assert asked == [1]

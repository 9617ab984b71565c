"""A cycle as a whole: what happens when a side, the machine or a person stops it."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select

from stocksync.adapters.store.core import CONFLICT, OUTBOX, RUN
from stocksync.adapters.store.repository import Repository
from stocksync.adapters.systems.memory import Fate, Write
from stocksync.errors import AccessDenied, StocksyncError, SystemUnavailable, UnexpectedAnswer
from stocksync.stock.values import Side
from stocksync.sync import delivery
from stocksync.sync.delivery import FAILURES_BEFORE_STOPPING
from stocksync.sync.sending import Sender
from tests.worlds import DMS, MODULE, World, a_world, crowd, module_record


@pytest.fixture
def world(tmp_path: Path) -> Any:
    module, dms = crowd(24)
    with a_world(tmp_path / "world.db", module, dms) as made:
        yield made.settled()


def outbox(world: World) -> list[tuple[str, int]]:
    with world.repository.engine.connect() as connection:
        return [(row.status, row.attempts) for row in connection.execute(select(OUTBOX).order_by(OUTBOX.c.id))]


def reprice(world: World, count: int) -> None:
    for number in range(100, 100 + count):
        world.edit(MODULE, f"OF-{number}", sale__price=11000 + number)


def test_a_dry_run_decides_and_changes_nothing_anywhere(world: World) -> None:
    reprice(world, 3)
    before = world.rows()
    result = world.sync(dry_run=True)
    assert result.summary.writes == {Side.VEHICLE_MODULE: 0, Side.DMS: 3}
    assert world.rows() == before
    assert not world.dms.writes


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (SystemUnavailable("down"), "incomplete"),
        (UnexpectedAnswer("a login page"), "incomplete"),
        (AccessDenied("a wrong key"), "failed"),
    ],
)
@pytest.mark.parametrize("side", [MODULE, DMS])
def test_a_side_that_cannot_be_listed_ends_the_run_and_nothing_is_written(
    world: World, side: Side, error: StocksyncError, status: str
) -> None:
    reprice(world, 3)
    world.servers[side].error_before = lambda call: error if call == "pages" else None
    result = world.sync()
    assert (result.summary.status, result.error) == (status, error)
    assert not world.dms.writes
    world.servers[side].error_before = lambda _: None
    assert world.sync().summary.writes[DMS] == 3


class MachineDies(BaseException):
    """Not an error that anybody catches."""


def die_in(patch: pytest.MonkeyPatch, owner: type, name: str, *, after: bool) -> None:
    right: Callable[..., Any] = getattr(owner, name)

    def dying(*arguments: Any, **named: Any) -> Any:
        if after:
            right(*arguments, **named)
        raise MachineDies

    patch.setattr(owner, name, dying)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("owner", "name"),
    [(Repository, "record"), (Repository, "claim"), (Repository, "settle_entries"), (Repository, "finish_run")],
)
def test_a_machine_that_dies_at_any_step_loses_nothing_and_writes_nothing_twice(
    world: World, owner: type, name: str, after: bool
) -> None:
    reprice(world, 3)
    with pytest.MonkeyPatch.context() as patch:
        die_in(patch, owner, name, after=after)
        with pytest.raises(MachineDies):
            world.sync()
    sent = len(world.dms.writes)
    world.sync()
    assert len(world.dms.writes) == 3, f"{sent} before the restart"
    assert [world.dms.body(f"VO{n}")["prix_vente"] for n in (100, 101, 102)] == ["11100,00", "11101,00", "11102,00"]
    world.forget_writes()
    world.sync()
    assert not world.dms.writes
    assert {status for status, _ in outbox(world)} <= {"delivered", "superseded"}


def test_every_batch_is_claimed_for_good_before_it_is_sent_with_what_came_before_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What other connections see of the outbox at every write; a batch is claimed as the one before is settled."""
    monkeypatch.setattr(delivery, "BATCH", 2)
    reprice(world, 5)
    seen: list[list[str]] = []

    def look(_: Write) -> Fate:
        seen.append([status for status, _ in outbox(world)])
        return Fate.CARRIED_OUT

    world.dms.fate_of = look
    commits: list[str] = []
    event.listen(world.repository.engine, "commit", lambda _: commits.append(f"{len(seen)} sent"))
    assert world.sync().summary.writes[DMS] == 5
    open_now = [[status for status in statuses if status in ("pending", "claimed", "delivered")] for statuses in seen]
    done = ["delivered"] * 2
    assert open_now == [
        *[["claimed", "claimed", "pending", "pending", "pending"]] * 2,
        *[[*done, "claimed", "claimed", "pending"]] * 2,
        [*done, *done, "claimed"],
    ]
    assert (commits.count("2 sent"), commits.count("4 sent")) == (1, 1)


def test_a_system_that_stops_answering_gets_no_more_requests_in_this_run(world: World) -> None:
    reprice(world, 12)
    asked = []

    def silent(call: str) -> SystemUnavailable | None:
        if call == "update":
            asked.append(call)
            return SystemUnavailable("no answer")
        return None

    world.dms.error_before = silent
    result = world.sync()
    assert result.summary.status == "incomplete"
    mapping = world.mappings.points_of_sale["PDV1"]
    on_their_way = min(system.connection.concurrency for system in mapping.systems.values()) - 1
    tried = len(asked) / mapping.delivery.attempts
    assert FAILURES_BEFORE_STOPPING <= tried <= FAILURES_BEFORE_STOPPING + on_their_way < 12
    figures = result.summary.as_json()["identity"]
    assert (figures["deferred"], figures["balanced"]) == (12, True)
    world.dms.error_before = lambda _: None
    assert world.sync().summary.differences["written"] == 12  # type: ignore[index]


def test_a_key_that_is_refused_while_writing_stops_that_side(world: World) -> None:
    reprice(world, 12)
    world.dms.error_before = lambda call: AccessDenied("revoked") if call == "update" else None
    result = world.sync()
    assert isinstance(result.error, AccessDenied)
    assert result.summary.status == "incomplete"


def test_one_poisoned_car_does_not_stop_the_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    reprice(world, 5)
    right = Sender._update

    def poisoned(self: Sender, entry: Any, *rest: Any) -> Any:
        if entry.operation.record_id == "VO102":
            raise UnexpectedAnswer("HTML where JSON was due")
        return right(self, entry, *rest)

    monkeypatch.setattr(Sender, "_update", poisoned)
    world.sync()
    assert len(world.dms.writes) == 4


def test_the_order_of_a_listing_changes_nothing_in_the_plan(world: World) -> None:
    reprice(world, 5)
    first = world.sync(dry_run=True)
    for server in world.servers.values():
        bodies = list(server.bodies())
        random.Random(7).shuffle(bodies)
        server._records = {body[server.habits.id_path]: dict(body) for body in bodies}
    second = world.sync(dry_run=True)
    assert first.plan is not None
    assert second.plan is not None
    assert first.plan.digest() == second.plan.digest()
    assert [car.car.id for car in first.plan.cars] == [car.car.id for car in second.plan.cars]


def test_a_record_without_an_id_is_quarantined_and_reported_once(world: World) -> None:
    lost = module_record("OF-900")
    world.module.put(lost)
    world.module._records["OF-900"] = {**lost, "id": ""}
    system = world.module
    right = system._native
    system._native = lambda record_id, body: right("" if record_id == "OF-900" else record_id, body)  # type: ignore[method-assign]
    for _ in range(2):
        assert world.sync().summary.findings.quarantined == 1
    with world.repository.engine.connect() as connection:
        rows = connection.execute(select(CONFLICT).where(CONFLICT.c.reason == "unreadable_record")).all()
    assert len(rows) == 1


def test_a_run_that_was_interrupted_says_so(world: World) -> None:
    reprice(world, 1)
    with pytest.MonkeyPatch.context() as patch:
        die_in(patch, Repository, "claim", after=False)
        with pytest.raises(MachineDies):
            world.sync()
    with world.repository.engine.connect() as connection:
        last = connection.execute(select(RUN).order_by(RUN.c.id.desc())).first()
    assert last is not None
    assert (last.status, last.message) == ("failed", "interrupted")

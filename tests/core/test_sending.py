"""Writes without an answer, systems that ask for patience, cars that nothing gets through for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from stocksync.adapters.store.core import CONFLICT
from stocksync.adapters.systems.memory import Fate, Write
from stocksync.errors import (
    AccessDenied,
    RateLimited,
    StaleWrite,
    StocksyncError,
    SystemUnavailable,
    UnexpectedAnswer,
    WriteRejected,
)
from tests.worlds import DMS, MODULE, World, a_world, crowd, dms_record, module_record


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    module, dms = crowd(12)
    with a_world(tmp_path / "world.db", [module_record(), *module], [dms_record(), *dms]) as made:
        yield made.settled()


def at_once(world: World) -> int:
    """How many writes may be on their way when something makes an end of it."""
    return min(s.connection.concurrency for s in world.mappings.points_of_sale["PDV1"].systems.values())


def open_rows(world: World) -> dict[str, int]:
    with world.repository.engine.connect() as connection:
        rows = connection.execute(select(CONFLICT.c.key, CONFLICT.c.id).where(CONFLICT.c.closed_at.is_(None))).all()
    return {row.key: row.id for row in rows}


def reasons(world: World) -> list[str]:
    with world.repository.engine.connect() as connection:
        return list(connection.scalars(select(CONFLICT.c.reason).where(CONFLICT.c.closed_at.is_(None))))


def fates(world: World, *given: Fate) -> list[Write]:
    """Let the DMS's next writes meet these fates, and tell which writes came."""
    left, came = list(given), []

    def met(write: Write) -> Fate:
        came.append(write)
        return left.pop(0) if left else Fate.CARRIED_OUT

    world.dms.fate_of = met
    return came


def test_a_write_whose_answer_was_lost_is_read_back_and_not_sent_again(world: World) -> None:
    world.edit(MODULE, "OF-1", sale__price=11900)
    came = fates(world, Fate.ANSWER_LOST)
    result = world.sync()
    assert len(came) == 1
    assert (result.summary.status, result.summary.writes[DMS]) == ("done", 1)
    assert world.sync().summary.writes == {MODULE: 0, DMS: 0}


def test_a_write_that_never_arrived_is_sent_again_under_the_same_key(world: World) -> None:
    world.edit(MODULE, "OF-1", sale__price=11900)
    came = fates(world, Fate.LOST, Fate.LOST)
    result = world.sync()
    assert len(came) == 3
    assert len({write.key for write in came}) == 1
    assert (result.summary.status, result.summary.writes[DMS]) == ("done", 1)


def test_the_key_is_stored_before_the_first_attempt(world: World) -> None:
    world.edit(MODULE, "OF-1", sale__price=11900)
    stored: list[tuple[str, str]] = []

    def look(write: Write) -> Fate:
        stored.extend((row[8], row[9]) for row in world.rows()["outbox"] if row[8] == write.key)
        return Fate.CARRIED_OUT

    world.dms.fate_of = look
    world.sync()
    [(key, status)] = stored
    assert status == "claimed"
    assert [write.key for write in world.dms.writes] == [key]


def test_nothing_is_sent_again_where_somebody_else_wrote_meanwhile(world: World) -> None:
    """The answer never came; when the record is read back, it holds what a person typed since."""
    world.edit(MODULE, "OF-1", characteristics__mileage=90_000)

    def met(write: Write) -> Fate:
        world.dms.fate_of = lambda _: Fate.CARRIED_OUT
        world.edit(DMS, "VO1", km="91000")
        return Fate.LOST

    world.dms.fate_of = met
    world.sync()
    assert world.dms.body("VO1")["km"] == "91000"
    assert world.module.body("OF-1")["characteristics"]["mileage"] == 91_000


def test_pauses_between_tries_grow_and_are_drawn_by_chance(world: World) -> None:
    world.edit(MODULE, "OF-1", sale__price=11900)
    waited: list[float] = []
    right = world.clock.pause
    cycle = world.cycle()

    class Noting:
        def now_at(self) -> object:
            return world.clock.now_at()

        def pause(self, seconds_s: float) -> None:
            waited.append(seconds_s)
            right(seconds_s)

    cycle.clock = Noting()  # type: ignore[assignment]
    fates(world, Fate.LOST, Fate.LOST, Fate.LOST)
    cycle.run()
    assert len(waited) == 3
    assert all(0 <= pause <= limit for pause, limit in zip(waited, (0.5, 1, 2), strict=True))
    assert len(set(waited)) == 3


@pytest.mark.parametrize(("asked_s", "least_s"), [(7.0, 7.0), (None, 0.0)])
def test_a_system_that_asks_for_patience_gets_it(world: World, asked_s: float | None, least_s: float) -> None:
    world.edit(MODULE, "OF-1", sale__price=11900)
    busy = iter([True, False])
    world.dms.error_before = lambda call: (
        RateLimited("slow down", asked_s) if call == "update" and next(busy, False) else None
    )
    began_at = world.clock.at
    cycle = world.cycle()
    assert cycle.run().summary.writes[DMS] == 1
    assert (world.clock.at - began_at).total_seconds() >= least_s


def test_a_system_that_asks_for_a_long_pause_gets_nothing_more_in_this_run(world: World) -> None:
    for number in range(100, 106):
        world.edit(MODULE, f"OF-{number}", sale__price=8800)
    asked = []

    def busy(call: str) -> StocksyncError | None:
        if call != "update":
            return None
        asked.append(call)
        return RateLimited("slow down", 240)

    world.dms.error_before = busy  # type: ignore[assignment]
    result = world.sync()
    assert 1 <= len(asked) <= at_once(world) < 6
    assert result.summary.status == "incomplete"
    world.answers_again()
    assert world.sync().summary.writes[DMS] == 6


def poison(world: World, record_id: str, error: StocksyncError) -> list[Write]:
    """Let every write of one record end in this error."""
    came: list[Write] = []

    def met(write: Write) -> Fate:
        if write.record_id == record_id:
            came.append(write)
            raise error
        return Fate.CARRIED_OUT

    world.dms.fate_of = met
    return came


@pytest.mark.parametrize("error", [UnexpectedAnswer("an HTML page"), SystemUnavailable("error 500")])
def test_a_car_that_nothing_gets_through_for_ends_before_a_person_and_stops_no_other(
    world: World, error: StocksyncError
) -> None:
    delivery = world.mappings.points_of_sale["PDV1"].delivery
    came = poison(world, "VO1", error)
    for round_ in range(6):
        world.edit(MODULE, "OF-1", sale__price=11900)
        world.edit(MODULE, "OF-100", sale__price=8800 + round_)
        world.sync()
        assert world.dms.body("VO100")["prix_vente"] == f"{8800 + round_},00"
    assert len(came) == delivery.attempts * delivery.runs
    assert reasons(world) == ["not_delivered"]


def test_a_car_that_was_given_up_is_tried_again_once_something_moves(world: World) -> None:
    poison(world, "VO1", UnexpectedAnswer("an HTML page"))
    world.edit(MODULE, "OF-1", sale__price=11900)
    for _ in range(4):
        world.sync()
    assert reasons(world) == ["not_delivered"]
    world.answers_again()
    world.sync()
    assert world.dms.body("VO1")["prix_vente"] == "12 500,00"
    world.edit(MODULE, "OF-1", sale__price=11800)
    world.sync()
    assert world.dms.body("VO1")["prix_vente"] == "11800,00"
    assert reasons(world) == []


def test_a_write_that_did_not_go_with_the_record_s_state_is_planned_again_once_and_then_held(world: World) -> None:
    came = poison(world, "VO1", WriteRejected("not in this state", is_conflict=True))
    world.edit(MODULE, "OF-1", sale__price=11900)
    world.sync()
    assert len(came) == 2
    assert reasons(world) == ["write_rejected"]


def test_a_refused_key_stops_that_side_at_once_and_the_other_goes_on(world: World) -> None:
    for number in range(100, 106):
        world.edit(MODULE, f"OF-{number}", sale__price=8800)
    for number in range(100, 104):
        world.edit(DMS, f"VO{number}", frevo="777,00")
    asked = []

    def revoked(call: str) -> StocksyncError | None:
        if call != "update":
            return None
        asked.append(call)
        return AccessDenied("revoked")

    world.dms.error_before = revoked  # type: ignore[assignment]
    result = world.sync()
    assert 1 <= len(asked) <= at_once(world) < 6
    assert isinstance(result.error, AccessDenied)
    assert result.summary.writes[MODULE] == 4


def test_the_writes_of_a_car_keep_their_order_and_what_follows_a_failure_is_dropped(tmp_path: Path) -> None:
    """The police number goes before the stage that asks for it; without it the car stays where it is."""
    entered = dms_record(no_police="2026-00077")
    early = module_record(status="PRE_RENTREE", identification__policeNumber=None)
    with a_world(tmp_path / "world.db", [early], [entered]) as world:
        world.module.fate_of = lambda write: Fate.LOST
        world.sync()
        assert world.module.body("OF-1")["status"] == "PRE_RENTREE"
        world.answers_again()
        world.sync()
        assert [sorted(write.body) for write in world.module.writes][-2:] == [["identification"], ["status"]]
        assert world.module.body("OF-1")["status"] == "ENTREE_PHYSIQUE"


def test_a_run_that_is_told_to_stop_begins_nothing_new_and_loses_nothing(world: World) -> None:
    for number in range(100, 106):
        world.edit(MODULE, f"OF-{number}", sale__price=8800)
    stopped: list[bool] = []
    cycle = world.cycle()
    cycle.stop = lambda: bool(stopped)
    world.dms.fate_of = lambda write: (stopped.append(True), Fate.CARRIED_OUT)[1]
    result = cycle.run()
    assert result.summary.status == "incomplete"
    assert "told to stop" in str(result.summary.message)
    world.answers_again()
    world.sync()
    assert all(world.dms.body(f"VO{n}")["prix_vente"] == "8800,00" for n in range(100, 106))
    assert world.sync().summary.writes == {MODULE: 0, DMS: 0}


def test_two_programs_that_correct_one_another_are_stopped_after_some_rounds(world: World) -> None:
    """Something in the DMS puts the former price back as soon as it changes."""
    world.edit(MODULE, "OF-1", sale__price=11900)
    for _ in range(8):
        world.sync()
        world.edit(DMS, "VO1", prix_vente="12 500,00")
    assert len(world.dms.writes) == 3
    assert reasons(world) == ["keeps_coming_back"]
    assert world.sync().summary.as_json()["identity"]["balanced"]
    world.edit(MODULE, "OF-1", sale__price=11800)
    world.sync()
    assert world.dms.body("VO1")["prix_vente"] == "11800,00"
    assert reasons(world) == []


def test_a_value_that_is_put_back_once_a_week_is_corrected_every_time(world: World) -> None:
    world.edit(MODULE, "OF-1", sale__price=11900)
    for _ in range(6):
        world.sync()
        world.clock.pause(7 * 24 * 3600)
        world.edit(DMS, "VO1", prix_vente="12 500,00")
    assert len(world.dms.writes) == 6


@pytest.mark.parametrize("then", [RateLimited("slow down", 240), AccessDenied("revoked"), SystemUnavailable("down")])
def test_what_nobody_could_find_out_stays_open_however_the_system_ends_the_asking(
    world: World, then: StocksyncError
) -> None:
    """The write was carried out, its answer lost, and reading back is refused: it is still our own write."""
    world.edit(MODULE, "OF-1", sale__vatRecoverable=True)
    sent: list[Write] = []

    def met(write: Write) -> Fate:
        sent.append(write)
        return Fate.ANSWER_LOST

    world.dms.fate_of = met
    world.dms.error_before = lambda _: then if sent else None
    world.sync()
    assert world.dms.body("VO1")["tva_recup"] == "O"
    world.answers_again()
    world.edit(MODULE, "OF-1", sale__vatRecoverable=False)
    world.sync()
    world.sync()
    assert world.module.body("OF-1")["sale"]["vatRecoverable"] is False
    assert world.dms.body("VO1")["tva_recup"] == "N"


def test_a_side_that_takes_no_writes_for_a_while_is_no_car_s_own_trouble(world: World) -> None:
    for number in range(100, 105):
        world.edit(MODULE, f"OF-{number}", sale__price=8800)
    world.dms.error_before = lambda call: SystemUnavailable("error 503") if call == "update" else None
    for _ in range(8):
        world.quick()
    world.answers_again()
    world.quick()
    assert all(world.dms.body(f"VO{n}")["prix_vente"] == "8800,00" for n in range(100, 105))
    assert reasons(world) == []


def test_a_refusal_that_a_second_look_meets_again_stays_the_same_row(world: World) -> None:
    """It was to be tried again because the car had changed; by the second look it was as before."""
    world.edit(DMS, "VO1", frevo="812,00")
    answers = iter([WriteRejected("not at all"), StaleWrite("somebody saved it meanwhile")])

    def met(write: Write) -> Fate:
        raise next(answers)

    world.module.fate_of = met
    world.sync()
    first = open_rows(world)
    assert len(first) == 1
    world.edit(DMS, "VO1", prix_reprise="")
    world.sync()
    assert next(answers, None) is None
    assert {key: number for key, number in open_rows(world).items() if key in first} == first

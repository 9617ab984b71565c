"""What comes to light late, elsewhere or beside the listing is decided as a run that looks at everything decides it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from stocksync.adapters.store.core import CONFLICT, OUTBOX
from stocksync.adapters.store.repository import Repository
from stocksync.sync.cycle import CycleResult
from stocksync.sync.deciding import Deciding
from stocksync.sync.recording import Recording, RunKind
from tests.core.test_binding import NO_REFERENCES
from tests.core.test_points_of_sale import two_points_of_sale
from tests.worlds import DMS, MODULE, World, a_world, crowd, dms_record, module_record

VIN = str(crowd(30)[0][5]["identification"]["vin"])
"""Of OF-105, a car about which there is nothing to say."""
INVOICED = {"statut": "Facturé", "no_facture": "F1", "date_facture": "20/11/2026", "prix_facture": "12500,00"}
TWIN = {"pointOfSale": "PDV2", "identification__policeNumber": None, **NO_REFERENCES}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two points of sale at rest, at which changes were listed before."""
    with two_points_of_sale(tmp_path) as made:
        made.settled("PDV1").settled("PDV2")
        made.edit(DMS, "VO110", frevo="555,00")
        in_turn(made)
        yield made


def in_turn(world: World, times: int = 2) -> None:
    """Both points of sale run, one after the other, some hours apart."""
    for _ in range(times):
        for place in ("PDV1", "PDV2"):
            world.clock.pause(3600)
            world.sync(place)
    world.clock.pause(3600)


def plans(world: World) -> tuple[CycleResult, CycleResult]:
    """What is planned by what changed, and by everything."""
    cycle = world.cycle()
    return cycle.run(dry_run=True), replace(cycle, thorough=True).run(dry_run=True)


def told(result: CycleResult) -> list[Any]:
    """All that a plan would send and report."""
    assert result.plan is not None
    cars = [(car.car.record_ids, car.operations, car.findings) for car in result.plan.cars]
    return sorted((car for car in cars if car[1] or car[2]), key=repr)


def reported(world: World) -> list[tuple[str, str]]:
    """The open rows of the report, by point of sale and reason."""
    with world.repository.engine.connect() as connection:
        rows = connection.execute(
            select(CONFLICT.c.point_of_sale, CONFLICT.c.reason).where(CONFLICT.c.closed_at.is_(None))
        )
        return sorted(map(tuple, rows))


# What is read by its id


def refers_to_a_file_that_nobody_saw(world: World) -> None:
    """A new record names a file at a site that was not synchronised since, with the VIN of a car here."""
    file = {"chassis": VIN, "immat": "XX-900-XX", "no_police": "", "prix_vente": "1,00"}
    world.dms.put(dms_record("VO900", site="S02", ref_externe="", **file))
    named = {"vin": "VF1RFB00X60000900", "registration": "YY-900-YY", "policeNumber": None, "dmsReference": "VO900"}
    record = module_record("OF-900")
    world.module.put({**record, "identification": {**record["identification"], **named}})


def moves_away_with_the_vin_of_another(world: World) -> None:
    world.edit(DMS, "VO1", site="S02", chassis=VIN)


def moves_away_with_the_police_number_of_another(world: World) -> None:
    world.edit(DMS, "VO1", site="S02", no_police="2026-00105")


@pytest.mark.parametrize(
    "act",
    [
        refers_to_a_file_that_nobody_saw,
        moves_away_with_the_vin_of_another,
        moves_away_with_the_police_number_of_another,
    ],
)
def test_what_is_read_beside_the_listing_leads_to_the_cars_that_it_is_alike_to(
    world: World, act: Callable[[World], None]
) -> None:
    act(world)
    changed, everything = plans(world)
    assert told(changed) == told(everything) != []
    world.sync()
    assert not [write for write in world.dms.writes if "chassis" in write.body or "no_police" in write.body]


@pytest.mark.parametrize("quick", [True, False])
def test_a_vin_typed_into_a_file_while_a_run_is_at_work_is_not_written_over(world: World, quick: bool) -> None:
    """It is seen when the file is read again before a price is written to it; its own car is held from then on."""
    world.edit(MODULE, "OF-100", sale__price=8500)
    typed: list[str] = []
    # Where the price moved as well, the write finds it so, and the car is decided once more.
    more = {} if quick else {"prix_vente": "7 777,00"}

    def somebody_types(call: str) -> None:
        if call in ("read", "update") and not typed:
            typed.append(call)
            world.edit(DMS, "VO100", chassis=VIN, **more)

    world.dms.error_before = somebody_types
    _ = world.quick() if quick else world.sync()
    assert typed
    world.clock.pause(3600)
    world.sync()
    assert world.dms.body("VO100")["chassis"] == VIN
    assert ("PDV1", "duplicate") in reported(world)


@pytest.mark.parametrize("quick", [True, False])
def test_a_car_that_is_sold_in_the_dms_while_a_run_is_at_work_is_reserved_by_that_run(
    world: World, quick: bool
) -> None:
    world.edit(MODULE, "OF-100", sale__price=8500)
    sold: list[str] = []

    def somebody_sells(call: str) -> None:
        if call in ("read", "update") and not sold:
            sold.append(call)
            world.edit(DMS, "VO100", prix_vente="7 777,00", **INVOICED)

    world.dms.error_before = somebody_sells
    _ = world.quick() if quick else world.sync()
    assert sold
    assert world.module.body("OF-100")["reservation"] is not None


# What happens at other points of sale


@pytest.mark.parametrize("between", [[], ["quick"], ["hinted"]], ids=["at once", "after a quick run", "after a hint"])
def test_a_twin_that_another_point_of_sale_took_in_holds_the_car_here(world: World, between: list[str]) -> None:
    world.module.put(module_record("OF-2", **TWIN))
    world.sync("PDV2")
    for kind in between:
        _ = world.quick() if kind == "quick" else world.hinted(MODULE, "OF-105")
    changed, everything = plans(world)
    assert told(changed) == told(everything) != []


def test_a_twin_that_was_taken_in_before_our_last_run_by_a_clock_that_was_set_back_holds_the_car_here(
    world: World,
) -> None:
    world.sync()
    world.module.put(module_record("OF-2", **TWIN))
    world.clock.at -= timedelta(minutes=10)
    world.sync("PDV2")
    world.clock.pause(3600)
    changed, everything = plans(world)
    assert told(changed) == told(everything) != []


def test_a_twin_that_was_written_down_while_a_run_here_was_over_already_holds_the_car_here(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.module.put(module_record("OF-2", **TWIN))
    record, between = Repository.record, []

    def slowly(self: Repository, recording: Recording) -> None:
        if recording.point_of_sale == "PDV2" and not between:
            world.clock.pause(2)
            between.append(world.sync("PDV1").summary.status)
        record(self, recording)

    monkeypatch.setattr(Repository, "record", slowly)
    world.sync("PDV2")
    assert between == ["done"]
    world.clock.pause(3600)
    changed, everything = plans(world)
    assert told(changed) == told(everything) != []


def put_back_on_sale(world: World) -> None:
    """OF-1 was sold and closed, its car was bought again elsewhere, and somebody puts the old record back on sale."""
    world.edit(MODULE, "OF-1", status="SORTIE")
    world.edit(DMS, "VO1", **INVOICED)
    world.sync()
    world.edit(DMS, "VO1", site="S02")
    in_turn(world)
    names = {"identification__policeNumber": "2026-00777", "identification__dmsReference": "VO2"}
    world.module.put(module_record("OF-2", pointOfSale="PDV2", **names))
    world.dms.put(dms_record("VO2", site="S02", ref_externe="OF-2", no_police="2026-00777"))
    in_turn(world)
    world.edit(MODULE, "OF-1", status="STOCK_DE_VENTE")
    in_turn(world)
    assert ("PDV1", "sold_outside_opportunites") in reported(world)


@pytest.mark.parametrize("quick", [True, False])
def test_what_is_reported_of_a_closed_car_that_could_be_sold_twice_is_not_for_another_point_of_sale_to_close(
    world: World, quick: bool
) -> None:
    put_back_on_sale(world)
    before = reported(world)
    world.edit(DMS, "VO1", frevo="1,00")
    _ = world.quick("PDV2") if quick else world.sync("PDV2")
    assert reported(world) == before
    in_turn(world)
    assert reported(world) == before


def test_a_closed_car_that_is_held_stays_of_interest_beside_one_that_is_decided_once_more(world: World) -> None:
    put_back_on_sale(world)
    world.edit(MODULE, "OF-105", sale__price=8500)
    typed: list[str] = []

    def somebody_types(call: str) -> None:
        if call == "read" and not typed:
            typed.append(call)
            world.edit(DMS, "VO105", prix_vente="7 777,00")

    world.dms.error_before = somebody_types
    world.sync()
    assert typed
    world.clock.pause(3600)
    changed, everything = plans(world)
    assert told(changed) == told(everything) != []


@pytest.mark.parametrize("thorough", [True, False])
def test_a_row_about_a_car_goes_where_another_point_of_sale_takes_the_car_over(world: World, thorough: bool) -> None:
    world.edit(DMS, "VO105", no_police="2026-09999")
    world.sync()
    assert reported(world) == [("PDV1", "police_number_changed")]
    world.edit(DMS, "VO105", no_police="2026-00105", site="S02")
    world.edit(MODULE, "OF-105", pointOfSale="PDV2")
    world.clock.pause(3600)
    replace(world.cycle("PDV2"), thorough=thorough).run()
    in_turn(world)
    assert reported(world) == []


@pytest.mark.parametrize("thorough", [True, False])
def test_what_a_run_says_nothing_about_goes_where_the_car_is_taken_over_and_stays_reported(
    world: World, thorough: bool
) -> None:
    """The car is held there by a twin, so that what was reported before is neither raised again nor settled."""
    world.edit(DMS, "VO105", chassis="VFO")
    world.sync()
    assert reported(world) == [("PDV1", "invalid_value")]
    world.module.put(module_record("OF-2", **TWIN, identification__vin=VIN))
    world.edit(MODULE, "OF-105", pointOfSale="PDV2")
    for place in ("PDV2", "PDV1"):
        world.clock.pause(3600)
        replace(world.cycle(place), thorough=thorough).run()
    assert [row for row in reported(world) if row[1] == "invalid_value"] == [("PDV2", "invalid_value")]


@pytest.mark.parametrize("thorough", [True, False])
@pytest.mark.parametrize("quick", [True, False])
def test_a_car_stays_where_it_is_while_its_record_names_a_place_that_nobody_has(
    world: World, thorough: bool, quick: bool
) -> None:
    """Another point of sale that comes to see it, by its file there or by being told of it, does not take it over."""
    world.edit(MODULE, "OF-105", pointOfSale="PDV9", sale__price=8500)
    if quick:
        world.cycle("PDV2").run(kind=RunKind.HINTED, hints={MODULE: frozenset({"OF-105"})})
    world.edit(DMS, "VO105", site="S02")
    for place in ("PDV2", "PDV1", "PDV2", "PDV1"):
        world.clock.pause(3600)
        replace(world.cycle(place), thorough=thorough).run()
        assert set(reported(world)) <= {("PDV1", "invalid_value")}
    assert reported(world) == [("PDV1", "invalid_value")]
    assert world.dms.body("VO105")["prix_vente"] == "8500,00"


@pytest.mark.parametrize("thorough", [True, False])
def test_a_car_that_went_elsewhere_stays_there_once_the_place_that_it_left_lists_nothing(
    world: World, thorough: bool
) -> None:
    """A person lets the empty listing pass: that says nothing of records that were seen at another point of sale.

    Its file stays behind, for nothing is written to a file that is invoiced.
    """
    world.edit(DMS, "VO105", statut="Facturé")
    world.edit(MODULE, "OF-105", pointOfSale="PDV2")
    world.clock.pause(3600)
    world.sync("PDV2")
    before = reported(world)
    assert {place for place, _ in before} == {"PDV2"}
    for body in list(world.module.bodies()):
        if body["pointOfSale"] == "PDV1":
            world.module.remove(body["id"])
    world.clock.pause(3600)
    cycle = replace(world.cycle(), thorough=thorough)
    halted = cycle.run()
    assert [halt.guard for halt in halted.halts] == ["empty_listing"]
    assert halted.summary.run_id is not None
    world.repository.release(halted.summary.run_id)
    assert not cycle.run().halts
    assert [row for row in reported(world) if row[0] == "PDV2"] == before


def test_what_changes_in_a_file_at_a_place_that_nobody_has_is_seen_where_its_car_went(world: World) -> None:
    """No listing shows it, and its snapshot is of the point of sale that it was at before."""
    world.edit(DMS, "VO105", site="S09")
    world.sync()
    world.edit(MODULE, "OF-105", pointOfSale="PDV2")
    world.clock.pause(3600)
    world.sync("PDV2")
    assert reported(world) == [("PDV2", "invalid_value")]
    world.edit(DMS, "VO105", **INVOICED)
    world.clock.pause(3600)
    replace(world.cycle("PDV2"), thorough=False).run()
    assert world.module.body("OF-105")["sale"]["invoicedPrice"] == 12500


def test_what_a_run_that_died_was_about_to_write_ends_with_the_next_run_though_the_car_went_elsewhere(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.edit(MODULE, "OF-105", sale__price=8500)
    with monkeypatch.context() as patched:
        patched.setattr(Repository, "claim", dies)
        with pytest.raises(KeyboardInterrupt):
            world.sync()
    world.edit(MODULE, "OF-105", pointOfSale="PDV2")
    for place in ("PDV2", "PDV1"):
        world.clock.pause(3600)
        world.sync(place)
    with world.repository.engine.connect() as connection:
        waiting = select(OUTBOX.c.id).where(OUTBOX.c.status.in_(("pending", "claimed")))
        assert connection.execute(waiting).all() == []
    assert world.dms.body("VO105")["prix_vente"] == "8500,00"
    assert world.dms.body("VO105")["site"] == "S02"


def dies(*_: Any) -> None:
    raise KeyboardInterrupt


def test_a_car_that_comes_with_a_number_of_the_register_here_is_reported_as_soon_as_it_counts_there(
    world: World,
) -> None:
    expected = {"pointOfSale": "PDV2", "status": "PRE_RENTREE", "identification__policeNumber": None}
    named = {"identification__vin": "VF1RFB00X60000800", "identification__registration": "ZZ-800-ZZ"}
    world.module.put(module_record("OF-800", identification__dmsReference="VO800", **expected, **named))
    file = {"chassis": "VF1RFB00X60000800", "immat": "ZZ800ZZ", "no_police": "", "statut": "Pré-rentrée"}
    world.dms.put(dms_record("VO800", site="S02", ref_externe="OF-800", **file))
    in_turn(world)
    came = {"pointOfSale": "PDV1", "status": "STOCK_DE_VENTE", "identification__policeNumber": "2026-00129"}
    world.edit(MODULE, "OF-800", **came)
    world.edit(DMS, "VO800", site="S01", statut="Stock", no_police="2026-00129")
    in_turn(world)
    assert ("PDV1", "police_number_duplicate") in reported(world)
    changed, everything = plans(world)
    assert told(changed) == told(everything)


def test_a_twin_that_leaves_for_another_point_of_sale_whose_run_is_yet_to_come_is_still_one(world: World) -> None:
    """It was listed here, its car is at home elsewhere: nobody's run but this one knows where to look for it."""
    world.dms.put(dms_record("VO900", ref_externe="", chassis="VF1RFB00X60000900", immat="", no_police=""))
    world.edit(DMS, "VO300", site="S01", chassis="VF1RFB00X60000900")
    world.sync()
    assert ("PDV1", "duplicate") in reported(world)
    world.edit(DMS, "VO300", site="S02")
    world.clock.pause(3600)
    changed, everything = plans(world)
    assert told(changed) == told(everything)
    replace(world.cycle(), thorough=True).run()
    assert ("PDV1", "duplicate") in reported(world)


@pytest.mark.parametrize("quick", [False, True])
def test_what_became_alike_to_a_car_that_was_elsewhere_for_a_while_is_seen_when_it_is_back(
    world: World, quick: bool
) -> None:
    """Its record comes back just as it was, before the point of sale where it was has run: it is no news."""
    world.edit(MODULE, "OF-105", pointOfSale="PDV2")
    sold = {"statut": "Facturé", "no_police": "2026-00105", "chassis": "VF1RFB00X60000900", "immat": ""}
    world.dms.put(dms_record("VO900", ref_externe="", **sold))
    for _ in range(2):
        _ = world.quick() if quick else world.sync()
    world.edit(MODULE, "OF-105", pointOfSale="PDV1")
    world.clock.pause(3600)
    changed, everything = plans(world)
    assert told(changed) == told(everything)
    world.sync()
    assert reported(world) == [("PDV1", "police_number_duplicate")]


# How many cars there are


def leave(world: World, *numbers: int) -> None:
    """Cars leave in both systems: their stock cycles are closed by the next run."""
    for number in numbers:
        world.edit(MODULE, f"OF-{number}", status="SORTIE")
        world.edit(DMS, f"VO{number}", **INVOICED)


def overwrites_five_of_the_six_that_stay(world: World) -> None:
    leave(world, *range(100, 104))
    for number in range(105, 110):
        world.edit(MODULE, f"OF-{number}", sale__price=1500 + number)


def brings_many_more(world: World) -> None:
    """Thirty cars come at once, the price of six of which is to be written over."""
    for number, (module, dms) in enumerate(zip(*crowd(30, first=300), strict=True)):
        world.module.put(module)
        world.dms.put({**dms, "prix_vente": "9 999,00"} if number < 6 else dms)


@pytest.mark.parametrize("act", [overwrites_five_of_the_six_that_stay, brings_many_more])
def test_a_guard_counts_the_cars_that_there_are_by_the_plan(tmp_path: Path, act: Callable[[World], None]) -> None:
    module, dms = crowd(10)
    with a_world(tmp_path / "world.db", module, dms) as world:
        world.settled().settled()
        world.clock.pause(3600)
        world.sync()
        act(world)
        changed, everything = plans(world)
        assert changed.halts == everything.halts
        halts = [halt.guard for halt in changed.halts]
        assert halts == (["mass_overwrite"] if act is overwrites_five_of_the_six_that_stay else [])


# Our own clock


def test_everything_is_looked_at_again_soon_after_our_clock_was_ahead_once(tmp_path: Path) -> None:
    with a_world(tmp_path / "world.db") as world:
        world.settled()
        world.clock.at += timedelta(days=3650)
        world.sync()
        world.clock.at -= timedelta(days=3650)
        world.clock.pause(3600)
        world.sync()
        thorough_at = world.repository.past("PDV1").thorough_at
        assert thorough_at is not None
        assert thorough_at <= world.clock.now_at()


def test_the_worlds_here_are_looked_at_by_what_changed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else both plans above were the same one."""
    looks: list[bool] = []
    known = Deciding._knows_all_that_is_left
    monkeypatch.setattr(Deciding, "_knows_all_that_is_left", lambda self: looks.append(known(self)) or looks[-1])
    plans(world)
    assert looks
    assert all(looks)

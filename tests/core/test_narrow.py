"""What a run looks at beside what changed: as little as decides the same as a look at everything would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stocksync.adapters.store.repository import Repository
from stocksync.sync import deciding, narrow
from stocksync.sync.narrow import Looked
from stocksync.sync.recording import Recording
from tests.worlds import DMS, MODULE, World, a_world, crowd

PLATE = {"identification__registration": "CD-100-EF"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A settled stock of 12 cars; OF-100 and OF-101 carry the same plate since the same day, which nobody minds."""
    module, dms = crowd(12)
    module[1]["identification"]["registration"], dms[1]["immat"] = "CD-100-EF", "CD-100-EF"
    with a_world(tmp_path / "world.db", module, dms) as made:
        yield made.settled().settled()


@pytest.fixture
def looked_at(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[], set[str]]:
    """Runs, and gives the cars that were looked at, by their records in the module."""
    seen: list[Looked] = []

    def noted(*arguments: object) -> Looked:
        seen.append(narrow.narrowed(*arguments))  # type: ignore[arg-type]
        return seen[-1]

    monkeypatch.setattr(deciding, "narrowed", noted)

    def run() -> set[str]:
        world.clock.pause(3600)
        seen.clear()
        assert world.sync().summary.status == "done"
        cars = world.repository.cars_named(seen[0].cars or ())
        gone = {(side, i) for side in (MODULE, DMS) for i in (seen[0].gathered.vanished or {}).get(side, ())}
        there = {(side, i) for side in (MODULE, DMS) for i in seen[0].gathered.records[side]}
        assert {pair for car in cars for pair in car.record_ids.items()} - gone <= there
        return {car.record_ids[MODULE] for car in cars}

    return run


def test_of_a_price_no_other_car_is_looked_at_whatever_they_share(world: World, looked_at) -> None:
    world.edit(MODULE, "OF-100", sale__price=8500)
    assert looked_at() == {"OF-100"}


def test_of_a_cost_no_other_car_is_looked_at_whatever_they_share(world: World, looked_at) -> None:
    world.edit(DMS, "VO100", frevo="777,00")
    assert looked_at() == {"OF-100"}


@pytest.mark.parametrize(
    "change",
    [
        {"identification__vin": "VF1RFB00X60009999"},
        {"identification__registration": "ZZ-999-ZZ"},
        {"identification__firstRegistrationDate": "2019-05-15"},
        {"identification__policeNumber": "2026-09999"},
        {"identification__dmsReference": None},
        {"status": "LIVRAISON"},
        {"status": "SORTIE"},
    ],
    ids=lambda change: "-".join(f"{name}={to}" for name, to in change.items()),
)
def test_what_a_record_is_told_apart_by_leads_to_the_cars_that_it_is_or_was_alike_to(
    world: World, looked_at, change: dict[str, object]
) -> None:
    world.edit(MODULE, "OF-100", **change)
    stays = change == {"status": "LIVRAISON"}
    assert looked_at() == ({"OF-100"} if stays else {"OF-100", "OF-101"})


def test_a_car_whose_price_changed_is_looked_at_with_one_that_came_to_be_like_it(world: World, looked_at) -> None:
    world.edit(MODULE, "OF-101", sale__price=8500)
    world.edit(MODULE, "OF-105", **PLATE)
    assert looked_at() == {"OF-100", "OF-101", "OF-105"}


def test_what_is_like_a_car_whose_price_changed_leads_on_to_what_is_like_that_one(world: World, looked_at) -> None:
    world.edit(MODULE, "OF-101", sale__price=8500)
    world.edit(MODULE, "OF-105", identification__policeNumber="2026-00101")
    assert looked_at() == {"OF-100", "OF-101", "OF-105"}


def test_a_car_that_something_was_said_about_is_looked_at_with_all_that_are_like_it(world: World, looked_at) -> None:
    world.edit(MODULE, "OF-100", identification__policeNumber="2026-09999")
    looked_at()
    world.edit(MODULE, "OF-100", sale__price=8500)
    assert looked_at() == {"OF-100", "OF-101"}


def test_a_car_whose_file_vanished_is_looked_at_with_all_that_are_like_it(world: World, looked_at) -> None:
    world.edit(MODULE, "OF-100", sale__price=8500)
    world.dms.remove("VO100")
    assert looked_at() == {"OF-100", "OF-101"}


def test_a_car_of_a_type_that_is_left_out_stays_of_interest_until_it_is_decided_again(world: World) -> None:
    for side, record_id, kind in ((MODULE, "OF-100", "VN"), (DMS, "VO100", "VN")):
        world.edit(side, record_id, type=kind)
    world.sync()
    kept = world.repository.cars_of_interest("openflex-icar", "PDV1")
    assert [car.record_ids[MODULE] for car in kept] == ["OF-100"]
    for side, record_id in ((MODULE, "OF-100"), (DMS, "VO100")):
        world.edit(side, record_id, type="VO")
    world.settled()
    assert world.repository.cars_of_interest("openflex-icar", "PDV1") == []


def priced(world: World) -> set[str]:
    """Change the prices of three cars in the module; the answer is which."""
    changed = {"OF-103", "OF-104", "OF-105"}
    for record_id in sorted(changed):
        world.edit(MODULE, record_id, sale__price=8800)
    return changed


def test_cars_whose_writes_were_given_up_when_the_run_was_told_to_stop_are_looked_at_again(
    world: World, looked_at, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed, recorded, record = priced(world), list[Recording](), Repository.record
    with monkeypatch.context() as stopping:
        stopping.setattr(Repository, "record", lambda self, given: (recorded.append(given), record(self, given))[1])
        cycle = world.cycle()
        cycle.stop = lambda: bool(recorded)
        assert cycle.run().summary.status == "incomplete"
    assert world.dms.writes == []
    assert looked_at() == changed


def test_cars_whose_writes_were_never_sent_because_the_process_ended_are_looked_at_again(
    world: World, looked_at, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = priced(world)
    with monkeypatch.context() as ended:
        ended.setattr(Repository, "claim", dies)
        with pytest.raises(KeyboardInterrupt):
            world.cycle().run()
    kept = world.repository.cars_of_interest("openflex-icar", "PDV1")
    assert {car.record_ids[MODULE] for car in kept} == changed
    assert looked_at() == changed
    assert {world.dms.body(f"VO{i.removeprefix('OF-')}")["prix_vente"] for i in changed} == {"8800,00"}


def dies(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_car_that_went_elsewhere_is_missed_there_alone_where_nothing_is_left_of_it(world: World) -> None:
    """Whoever looks at everything here does not see it at all."""
    [car], [file] = crowd(1, first=700)
    world.module.put({**car, "id": "OF-700", "pointOfSale": "PDV2"})
    world.dms.put({**file, "dossier": "VO700", "site": "S02"})
    world.settled("PDV2")
    world.edit(DMS, "VO105", site="S02")
    world.module.remove("OF-105")
    world.sync("PDV2")
    world.dms.remove("VO105")
    [there] = (c for c in world.repository.cars_at("openflex-icar", "PDV2") if c.record_ids.get(DMS) == "VO105")
    world.clock.pause(3600)
    here = world.sync()
    assert here.plan is not None
    assert there.id not in {plan.car.id for plan in here.plan.cars}
    assert there in world.repository.cars_at("openflex-icar", "PDV2")

"""The eyes that everything in this folder is seen with: each promise that `ends` watches is seen to break."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from stocksync.mapping.load import load_mappings
from stocksync.sandbox.running import RunningSandbox
from stocksync.stock.values import SIDES, Side
from tests.fire import chronicle, ends
from tests.fire.chronicle import State
from tests.fire.ends import Scene
from tests.fire.ground import SHIPPED, two_systems
from tests.fire.service import command

MODULE, DMS = Side.VEHICLE_MODULE, Side.DMS


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningSandbox, Scene]]:
    with two_systems(tmp_path_factory.mktemp("ends"), cars=60, seed=7) as made:
        command(made[1].folder, made[1].variables, "sync")
        yield made


def history(*files: tuple[str, dict[str, str]]) -> dict[Side, list[State]]:
    """States of one file of the DMS, by whom and with what."""
    blank = {"dossier": "VO1", "ref_externe": "OF-1", "chassis": "", "km": "10", "prix_vente": "1000,00", "maj_le": ""}
    return {MODULE: [], DMS: [State(DMS, "VO1", by, {**blank, **fields}) for by, fields in files]}


def test_all_is_kept_after_a_synchronisation(ground: tuple[RunningSandbox, Scene]) -> None:
    assert ends.broken(ground[1]) == []


def test_a_value_that_nobody_produced_is_seen() -> None:
    mapping = next(iter(load_mappings(SHIPPED).points_of_sale.values()))
    kept = history(("seed", {"km": "10"}), ("people", {"km": "20"}), ("service", {"km": "10"}))
    assert list(ends.invented_values(mapping, kept)) == []
    invented = history(("seed", {"km": "10"}), ("people", {"km": "20"}), ("service", {"km": "15"}))
    assert ["mileage became 15" in said for said in ends.invented_values(mapping, invented)] == [True]


def test_a_write_that_is_carried_out_twice_is_seen() -> None:
    once = history(("seed", {}), ("service", {"km": "20"}), ("people", {"km": "20", "maj_le": "later"}))
    assert list(ends.effects_without_a_change(once)) == []
    twice = history(("seed", {}), ("service", {"km": "20"}), ("service", {"km": "20", "maj_le": "later"}))
    assert len(list(ends.effects_without_a_change(twice))) == 1


def test_a_file_that_is_opened_twice_is_seen(ground: tuple[RunningSandbox, Scene]) -> None:
    twice = [State(DMS, dossier, "service", {"ref_externe": "OF-1"}) for dossier in ("VO1", "VO2")]
    assert list(ends.doubled_files(ground[1], twice[:1])) == []
    assert len(list(ends.doubled_files(ground[1], twice))) == 1


def test_a_stage_without_a_cause_is_seen(ground: tuple[RunningSandbox, Scene]) -> None:
    mapping = next(iter(load_mappings(SHIPPED).points_of_sale.values()))
    vehicle = {"id": "OF-1", "identification": {"dmsReference": "VO1", "vin": None}, "status": "PRE_RENTREE"}
    entered = [
        State(MODULE, "OF-1", "seed", vehicle),
        State(MODULE, "OF-1", "service", {**vehicle, "status": "ENTREE_PHYSIQUE"}),
    ]
    brought = history(("seed", {"statut": "Stock"})) | {MODULE: entered}
    assert list(ends.stages_without_a_cause(mapping, brought)) == []
    unbrought = history(("seed", {"statut": "Pré-rentrée"})) | {MODULE: entered}
    assert len(list(ends.stages_without_a_cause(mapping, unbrought))) == 1


def test_a_difference_without_a_row_is_seen(ground: tuple[RunningSandbox, Scene]) -> None:
    sandbox, scene = ground
    mapping = next(iter(load_mappings(scene.mappings).points_of_sale.values()))
    told = {car for (car,) in scene.rows("SELECT car_id FROM conflict WHERE closed_at IS NULL")}
    car = next(car for car in ends._cars_of(scene) if car.bound and not car.closed and car.id not in told)
    before = sandbox.dms.file(car.record_ids[DMS])["prix_vente"]
    sandbox.dms.type_in(car.record_ids[DMS], {"prix_vente": "999,00"})
    assert ["sale_price is" in said for said in ends.disagreements(scene, mapping)] == [True]
    sandbox.dms.type_in(car.record_ids[DMS], {"prix_vente": before})
    assert list(ends.disagreements(scene, mapping)) == []


def test_what_is_left_over_in_the_database_is_seen(ground: tuple[RunningSandbox, Scene]) -> None:
    with closing(sqlite3.connect(ground[1].database, isolation_level=None)) as connection:
        connection.execute("UPDATE run SET status = 'running' WHERE id = 1")
        assert len(list(ends.left_over(ground[1]))) == 1
        connection.execute("UPDATE run SET status = 'done' WHERE id = 1")


def test_what_people_do_is_told_from_what_the_service_does(ground: tuple[RunningSandbox, Scene]) -> None:
    sandbox, scene = ground
    before = {side: len(chronicle.read(scene.state, side)) for side in SIDES}
    chronicle.note_people(DMS, sandbox.dms.state.sql)
    dossier = sandbox.dms.dossiers_from("Stock", "", 1)[0]
    sandbox.dms.type_in(dossier, {"couleur": "VERT"})
    assert [state.by for state in chronicle.read(scene.state, DMS)[before[DMS] :]] == ["people"]

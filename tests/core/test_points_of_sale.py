"""Several points of sale of one group: transfers, duplicates and first contact across them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select

from stocksync.adapters.store.core import CONFLICT
from stocksync.adapters.store.health_rows import health
from stocksync.entrypoints.http.metrics import Metrics
from stocksync.errors import ConfigurationError
from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.stock.values import Side
from stocksync.sync.group import Group
from stocksync.sync.ports import System
from stocksync.sync.recording import RunKind, RunStatus
from stocksync.sync.watching import Nobody
from tests.core.test_binding import NO_REFERENCES, bound_pairs, reasons
from tests.worlds import DMS, MODULE, World, a_world, crowd, dms_record, module_record


@contextmanager
def two_points_of_sale(tmp_path: Path) -> Iterator[World]:
    here, there = crowd(30), crowd(30, first=300)
    for record in there[0]:
        record["pointOfSale"] = "PDV2"
    for record in there[1]:
        record["site"] = "S02"
    with a_world(
        tmp_path / "world.db", [module_record(), *here[0], *there[0]], [dms_record(), *here[1], *there[1]]
    ) as world:
        yield world


def test_a_run_that_cannot_begin_is_counted_and_told_like_any_other_that_failed(tmp_path: Path) -> None:
    @contextmanager
    def refused(_: PointOfSaleMapping) -> Iterator[Mapping[Side, System]]:
        raise ConfigurationError("PDV1: the known_hosts file is gone.")
        yield {}

    with a_world(tmp_path / "world.db", [module_record()], [dms_record()]) as world:
        metrics = Metrics()
        group = Group(world.mappings, world.repository, world.clock, refused, metrics.watcher)
        result = group.run("PDV1", RunKind.DELTA)
        assert result.summary.status is RunStatus.FAILED
        assert 'stocksync_runs_total{kind="none",status="failed"} 1.0' in metrics.text().decode()
        [point] = health(world.repository.engine, ["PDV1"], world.clock.now_at()).points
        assert point.failed_in_a_row == 1
        assert point.last_failed is not None
        assert point.last_failed.message == "PDV1: the known_hosts file is gone."


def test_a_transfer_is_a_change_of_attribute_and_never_a_disappearance(tmp_path: Path) -> None:
    with two_points_of_sale(tmp_path) as world:
        world.settled("PDV1").settled("PDV2")
        world.edit(MODULE, "OF-1", pointOfSale="PDV2")
        for _ in range(2):
            world.sync("PDV1")
            world.sync("PDV2")
        assert world.dms.body("VO1")["site"] == "S02"
        assert world.dms.body("VO1")["no_police"] == "2026-00012"
        assert ("OF-1", "VO1") in bound_pairs(world, "PDV2")
        assert ("OF-1", "VO1") not in bound_pairs(world, "PDV1")
        assert reasons(world) == []
        world.forget_writes()
        world.sync("PDV1")
        world.sync("PDV2")
        assert not world.module.writes
        assert not world.dms.writes


def test_a_transfer_in_either_order_of_cycles_ends_the_same(tmp_path: Path) -> None:
    with two_points_of_sale(tmp_path) as world:
        world.settled("PDV1").settled("PDV2")
        world.edit(MODULE, "OF-1", pointOfSale="PDV2")
        for _ in range(2):
            world.sync("PDV2")
            world.sync("PDV1")
        assert world.dms.body("VO1")["site"] == "S02"
        assert reasons(world) == []


def test_a_file_that_the_dms_moves_to_another_site_is_moved_back(tmp_path: Path) -> None:
    with two_points_of_sale(tmp_path) as world:
        world.settled("PDV1").settled("PDV2")
        world.edit(DMS, "VO1", site="S02")
        world.sync("PDV2")
        world.sync("PDV1")
        assert world.dms.body("VO1")["site"] == "S01"
        assert reasons(world) == []


def test_a_transfer_under_way_at_first_contact_is_bound_by_its_references(tmp_path: Path) -> None:
    with two_points_of_sale(tmp_path) as world:
        world.edit(MODULE, "OF-1", pointOfSale="PDV2")
        world.sync("PDV1")
        world.sync("PDV2")
        assert ("OF-1", "VO1") in bound_pairs(world, "PDV2")
        assert world.dms.body("VO1")["site"] == "S02"
        assert reasons(world) == []


def both(world: World) -> Group:
    return Group(world.mappings, world.repository, world.clock, lambda point: nothing_to_close(world, point), Nobody())


@contextmanager
def nothing_to_close(world, point):  # type: ignore[no-untyped-def]
    yield world.systems(point)


def test_first_contact_sees_every_point_of_sale_before_it_writes_anything(tmp_path: Path) -> None:
    """A pre-entry at one point of sale whose file, without references, is at another is not created a second time."""
    with two_points_of_sale(tmp_path) as world:
        world.module.put(
            module_record(
                "OF-50",
                pointOfSale="PDV1",
                status="PRE_RENTREE",
                identification__vin="VF1RFB00X56789777",
                identification__registration=None,
                identification__policeNumber=None,
                **NO_REFERENCES,
            )
        )
        file = {"ref_externe": "", "site": "S02", "chassis": "VF1RFB00X56789777", "immat": "", "no_police": ""}
        world.dms.put(dms_record("VO50", statut="Pré-rentrée", **file))
        results = list(both(world).synchronise(["PDV1", "PDV2"]))
        assert [result.summary.status for result in results] == ["done", "done"]
        assert sum(body["chassis"] == "VF1RFB00X56789777" for body in world.dms.bodies()) == 1
        assert ("OF-50", "VO50") in bound_pairs(world)


def test_the_same_vin_at_two_points_of_sale_is_a_duplicate_at_both(tmp_path: Path) -> None:
    with two_points_of_sale(tmp_path) as world:
        twin = module_record("OF-2", pointOfSale="PDV2", identification__policeNumber=None, **NO_REFERENCES)
        world.module.put(twin)
        list(both(world).synchronise(["PDV1", "PDV2"]))
        assert reasons(world).count("duplicate") == 2
        assert "OF-2" not in {write.record_id for write in world.module.writes}


def test_what_a_doubtful_record_may_belong_to_is_named_in_one_order_whatever_stands_here(tmp_path: Path) -> None:
    """Else a row would count as changed, and a decision about it as void, by where its records were met."""
    with two_points_of_sale(tmp_path) as world:
        vin = world.module.body("OF-105")["identification"]["vin"]
        world.edit(MODULE, "OF-300", identification__vin=vin)
        world.edit(DMS, "VO300", chassis=vin)
        world.settled("PDV1").settled("PDV2")
        world.dms.put(dms_record("VO900", site="S02", ref_externe="", chassis=vin, immat="", no_police=""))
        world.sync("PDV2")
        with world.repository.engine.connect() as connection:
            told = connection.scalars(select(CONFLICT.c.details).where(CONFLICT.c.reason == "ambiguous_match")).all()
        assert [details for details in told if "OF-300" in details] == ['{"vin of a bound record":"OF-105, OF-300"}']


def test_the_trouble_of_one_point_of_sale_does_not_stop_the_other(tmp_path: Path) -> None:
    from stocksync.errors import SystemUnavailable

    with two_points_of_sale(tmp_path) as world:
        world.settled("PDV1").settled("PDV2")
        first = iter([SystemUnavailable("the module is down")])
        world.module.error_before = lambda _: next(first, None)
        results = list(both(world).synchronise(["PDV1", "PDV2"]))
        assert [result.summary.status for result in results] == ["incomplete", "done"]

"""Writing over a network at its worst: one effect on the side, whatever became of the answer, and a base that waits.

Each kind of write is spoilt in each way once; then cycles run until there is nothing left to do.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from stocksync.stock.values import SIDES, Side
from stocksync.sync.recording import RunStatus
from tests.fire.between import Between, between
from tests.fire.proxy import PASS, Request, Spoiling, answered

MODULE, DMS = Side.VEHICLE_MODULE, Side.DMS
VEHICLES, FILES = "/api/v1/vehicles", "/icar/ws/v2/vo"

SPOILT = {
    "applied, and the answer dropped": Spoiling(drop=True),
    "applied, and reset before the answer": Spoiling(reset_at=0),
    "applied, and reset within the answer": Spoiling(reset_at=300),
    "applied, and the answer cut": Spoiling(cut_at=25),
    "applied, and the answer cut without a mark": Spoiling(cut_at=25, unmarked=True),
    "never arrived": Spoiling(swallow=True),
    "refused by a gateway": Spoiling(instead=answered("503 Service Unavailable", b"<html/>")),
    "delivered twice": Spoiling(twice=True),
}
spoilt = pytest.mark.parametrize("spoiling", SPOILT.values(), ids=SPOILT.keys())


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Between]:
    with between(tmp_path_factory.mktemp("fire"), cars=60) as made:
        yield made


@pytest.fixture(autouse=True)
def nothing_spoilt_afterwards(town: Between) -> Iterator[None]:
    yield
    town.pass_all()


@spoilt
def test_a_write_to_the_module_has_one_effect_and_the_next_run_is_quiet(town: Between, spoiling: Spoiling) -> None:
    module_id, dossier = town.a_car()
    km = int(town.sandbox.vehicle_module.vehicle(module_id)["characteristics"]["mileage"]) + 77
    before = len(town.states(MODULE, module_id))
    town.sandbox.dms.type_in(dossier, {"km": str(km)})
    town.spoil(MODULE, spoiling, "PATCH", f"{VEHICLES}/{module_id}")
    assert town.run().summary.status is RunStatus.DONE
    assert [state.body["characteristics"]["mileage"] for state in town.states(MODULE, module_id)[before:]] == [km]
    assert town.car(module_id).base["mileage"] == km
    assert_quiet(town)


@spoilt
def test_a_write_to_the_dms_has_one_effect_and_the_next_run_is_quiet(town: Between, spoiling: Spoiling) -> None:
    module_id, dossier = town.a_car()
    price = int(town.sandbox.vehicle_module.vehicle(module_id)["sale"]["price"]) - 55
    before = len(town.states(DMS, dossier))
    town.sandbox.vehicle_module.patch(module_id, {"sale": {"price": price}}, "user:7")
    town.spoil(DMS, spoiling, "PUT", f"{FILES}/{dossier}")
    assert town.run().summary.status is RunStatus.DONE
    prices = [state.body["prix_vente"] for state in town.states(DMS, dossier)[before:]]
    # The DMS knows no keys: a request that the network doubles is carried out twice, with one and the same value.
    assert prices == [f"{price},00"] * (2 if spoiling.twice else 1)
    assert town.car(module_id).base["sale_price"] == price * 100
    assert_quiet(town)


@spoilt
def test_a_reservation_has_one_effect_and_the_next_run_is_quiet(town: Between, spoiling: Spoiling) -> None:
    module_id, dossier = town.a_car()
    before = len(town.states(MODULE, module_id))
    town.sandbox.dms.type_in(dossier, {"no_bdc": f"BC{dossier[2:]}", "date_bdc": "20/11/2026"})
    town.spoil(MODULE, spoiling, "PUT", f"{VEHICLES}/{module_id}/reservation")
    assert town.run().summary.status is RunStatus.DONE
    kinds = [(state.body["reservation"] or {}).get("kind") for state in town.states(MODULE, module_id)[before:]]
    assert kinds == ["UNLIMITED"]
    assert town.car(module_id).reserved_by_us
    assert_quiet(town)


@spoilt
def test_a_creation_opens_one_file_and_is_bound_to_it(town: Between, spoiling: Spoiling) -> None:
    body = {
        "pointOfSale": "PDV1",
        "destination": "PARTICULIER",
        "identification": {"vin": f"VF1RFB00X7{len(files(town)):07d}"},
        "sale": {"price": 12_345},
    }
    module_id = str(town.sandbox.vehicle_module.create(body, "user:7")["id"])
    town.spoil(DMS, spoiling, "POST", FILES)
    for _ in range(3):
        town.run()
    held = [f for f in files(town) if f["ref_externe"] == module_id]
    assert len(held) == 1
    assert held[0]["prix_vente"] == "12345,00"
    assert town.car(module_id).record_ids[DMS] == held[0]["dossier"]
    assert town.sandbox.vehicle_module.vehicle(module_id)["identification"]["dmsReference"] == held[0]["dossier"]
    assert_quiet(town)


def test_a_creation_that_never_arrived_is_over_also_where_its_car_is_held_afterwards(town: Between) -> None:
    vin = f"VF1RFB00X8{len(files(town)):07d}"
    body = {"pointOfSale": "PDV1", "destination": "PARTICULIER", "identification": {"vin": vin}}
    town.sandbox.vehicle_module.create(body, "user:7")
    town.proxies[DMS].plan = lambda request: Spoiling(swallow=request.method == "POST")
    town.run()
    town.pass_all()
    # Somebody takes the same car in a second time: which of the two is meant, a person is asked.
    town.sandbox.vehicle_module.create(body, "user:7")
    for _ in range(2):
        town.run()
    waiting = town.scene.rows("SELECT id, status FROM outbox WHERE status IN ('pending', 'claimed')")
    assert waiting == []


@pytest.mark.parametrize("is_applied", [True, False], ids=["carried out", "not carried out"])
@pytest.mark.parametrize("side", SIDES)
def test_without_an_answer_and_without_a_reading_back_no_base_moves_until_the_record_was_seen(
    town: Between, side: Side, is_applied: bool
) -> None:
    module_id, dossier = town.a_car()
    attribute, value, record_id, method, path = written_to(town, side, module_id, dossier)
    base = town.car(module_id).base[attribute]
    before = len(town.states(side, record_id))

    def plan(request: Request) -> Spoiling:
        if request.path != path or not method_came(town, side, method, path):
            return PASS
        # The write itself, and from then on every look at its record.
        return Spoiling(drop=True, swallow=not is_applied)

    town.proxies[side].plan = plan
    town.proxies[side].requests.clear()
    town.run()
    assert method_came(town, side, method, path) == 1
    assert town.car(module_id).base[attribute] == base
    town.pass_all()
    town.run()
    assert len(town.states(side, record_id)) - before == 1
    assert town.car(module_id).base[attribute] == value
    assert_quiet(town)


@pytest.mark.parametrize("side", SIDES)
def test_a_write_that_somebody_else_overtook_while_its_answer_was_lost_is_no_reason_to_write_it_again(
    town: Between, side: Side
) -> None:
    module_id, dossier = town.a_car()
    higher = int(town.sandbox.vehicle_module.vehicle(module_id)["characteristics"]["mileage"]) + 4_000
    _, _, record_id, method, path = written_to(town, side, module_id, dossier)
    later: Callable[[], Any] = {
        MODULE: lambda: town.sandbox.vehicle_module.patch(
            module_id, {"characteristics": {"mileage": higher}}, "user:7"
        ),
        DMS: lambda: town.sandbox.dms.type_in(dossier, {"prix_vente": "1999,00"}),
    }[side]
    before = len(town.states(side, record_id))
    done: list[int] = []

    def plan(request: Request) -> Spoiling:
        if (request.method, request.path) == (method, path) and not done:
            done.append(1)
            return Spoiling(drop=True)
        if request.path == path and done == [1]:
            done.append(2)
            later()
        return PASS

    town.proxies[side].requests.clear()
    town.proxies[side].plan = plan
    town.run()
    town.pass_all()
    values = [state.body for state in town.states(side, record_id)[before:]]
    assert done == [1, 2]
    # What follows is a decision of its own: the owner's price goes back, the higher mileage stays.
    assert len(values) == (1 if side is MODULE else 2)
    town.run()
    assert_quiet(town)


def written_to(town: Between, side: Side, module_id: str, dossier: str) -> tuple[str, int, str, str, str]:
    """Have somebody change the other side; what will be written: attribute, value, record, method and path."""
    if side is MODULE:
        km = int(town.sandbox.vehicle_module.vehicle(module_id)["characteristics"]["mileage"]) + 91
        town.sandbox.dms.type_in(dossier, {"km": str(km)})
        return "mileage", km, module_id, "PATCH", f"{VEHICLES}/{module_id}"
    price = int(town.sandbox.vehicle_module.vehicle(module_id)["sale"]["price"]) - 66
    town.sandbox.vehicle_module.patch(module_id, {"sale": {"price": price}}, "user:7")
    return "sale_price", price * 100, dossier, "PUT", f"{FILES}/{dossier}"


def method_came(town: Between, side: Side, method: str, path: str) -> int:
    """How often a request came."""
    return sum((r.method, r.path) == (method, path) for r in town.proxies[side].requests)


def files(town: Between) -> list[dict[str, Any]]:
    """Every file of the DMS."""
    dms = town.sandbox.dms
    return [dms.file(d) for statut in ("Pré-rentrée", "Stock", "Facturé") for d in dms.dossiers_from(statut, "", 9999)]


def assert_quiet(town: Between) -> None:
    """Nothing is left to do: a whole run sends nothing but questions."""
    town.pass_all()
    for proxy in town.proxies.values():
        proxy.requests.clear()
    summary = town.run().summary
    assert summary.status is RunStatus.DONE
    assert [r for proxy in town.proxies.values() for r in proxy.requests if r.method != "GET"] == []
    assert (summary.findings.new, summary.findings.closed) == (0, 0)

"""What people are told of a car that the DMS sold outside Opportunités: whether it is blocked, by what is seen."""

import shutil
from typing import Any

import pytest

from tests.entrypoints.desk import FRENCH_SPACES, SHIPPED, Desk, quiet_cars

NOT_YET = "La réservation illimitée n'y est pas encore posée : ne pas vendre la voiture d'ici là."
BLOCKED = "Elle y est bloquée par une réservation illimitée."
ORDER = {"no_bdc": "BC7", "date_bdc": "20/11/2026"}


def sold(desk: Desk, number: int = 1) -> list[tuple[str, str, str]]:
    """Have some cars sold in the DMS; both systems, and what stocksync remembers, are as after the run that saw it."""
    desk.run("sync")
    cars = quiet_cars(desk, number)
    for _, _, dossier in cars:
        desk.sandbox.dms.change(dossier, ORDER)
    desk.run("sync")
    return cars


def sales(desk: Desk) -> list[dict[str, Any]]:
    found = desk.data("conflicts", "list", "--kind", "sold_outside_opportunites")["conflicts"]
    return [row for row in found if "BC7" in row["sentence"]]


def test_a_car_whose_reservation_was_set_is_told_as_blocked(desk: Desk) -> None:
    ((vin, *_),) = sold(desk)
    (row,) = sales(desk)
    assert BLOCKED in row["sentence"]
    said = desk.said("explain", vin, "reserved")
    assert BLOCKED in said
    assert "module véhicules : oui" in said


@pytest.mark.parametrize("fault", ["ignored_writes", "server_error"])
def test_a_car_whose_reservation_was_lifted_and_does_not_come_back_is_never_told_as_blocked(
    desk: Desk, fault: str
) -> None:
    ((vin, record, _),) = sold(desk)
    (before,) = sales(desk)
    desk.sandbox.vehicle_module.unreserve(record, "user:7")
    desk.sandbox.breaks("vehicle_module").set(fault, calls=("reserve",))
    for _ in range(4):
        desk.run("sync")
        (row,) = sales(desk)
        assert row["id"] == before["id"]
        assert NOT_YET in row["sentence"]
        assert BLOCKED not in desk.said("conflicts", "show", str(row["id"])).split("Histoire")[0]
        assert BLOCKED not in desk.said("explain", vin)
        exported = [line for line in desk.said("conflicts", "export", "-").splitlines() if vin in line]
        assert exported
        assert BLOCKED not in str(exported)
    desk.sandbox.breaks("vehicle_module").clear()
    desk.run("sync")
    desk.run("sync")
    (row,) = sales(desk)
    assert (row["id"], BLOCKED in row["sentence"]) == (before["id"], True)


def test_a_plan_that_is_to_set_a_reservation_does_not_say_that_it_is_there(desk: Desk) -> None:
    ((_, record, _),) = sold(desk)
    desk.sandbox.vehicle_module.unreserve(record, "user:7")
    said = desk.said("plan")
    assert "réservation illimitée à poser dans le module véhicules" in said
    (told,) = [line for line in said.splitlines() if "BC7" in line]
    assert NOT_YET in told


def test_the_history_tells_each_run_as_it_was(desk: Desk) -> None:
    ((vin, *_),) = sold(desk)
    desk.run("sync")
    first, then = [line for line in desk.said("history", vin).splitlines() if "BC7" in line]
    assert NOT_YET in first
    assert BLOCKED in then


def test_a_sold_car_that_nothing_blocks_comes_before_those_that_are_blocked(desk: Desk) -> None:
    cars = sold(desk, 3)
    vin, record, _ = cars[-1]
    desk.sandbox.vehicle_module.unreserve(record, "user:7")
    desk.sandbox.breaks("vehicle_module").set("ignored_writes", calls=("reserve",))
    desk.run("sync")
    assert [row["vin"] == vin for row in sales(desk)] == [True, False, False]


def ignored(desk: Desk) -> None:
    """Have a person put "ignore" on every row about a sale."""
    lines = desk.said("conflicts", "export", "-", "--kind", "sold_outside_opportunites").splitlines()
    decided = [lines[0], *(line.replace('"";"";"";"v', '"ignorer";"";"";"v') for line in lines[1:])]
    (desk.folder / "back.csv").write_text("\n".join(decided), encoding="utf-8-sig")
    desk.said("conflicts", "import", "back.csv", "--by", "A. Martin")


def test_a_sale_whose_row_was_ignored_is_told_all_the_same_with_who_ignored_it_and_when(desk: Desk) -> None:
    ((vin, record, _),) = sold(desk)
    desk.run("sync")
    (row,) = sales(desk)
    ignored(desk)
    desk.run("sync")
    assert sales(desk) == []
    said = desk.said("explain", vin, "reserved")
    assert "vendue dans le DMS (bon de commande BC7)" in said
    assert BLOCKED in said
    assert f"A. Martin a mis « ignorer » sur la ligne n° {row['id']} le " in said
    desk.sandbox.vehicle_module.unreserve(record, "user:7")
    desk.sandbox.breaks("vehicle_module").set("ignored_writes", calls=("reserve",))
    desk.run("sync")
    assert [row["vin"] for row in sales(desk)] == [vin], "nobody ignores a reservation that is not there"


def test_who_ignores_a_sale_that_nothing_blocks_is_told_that_it_stays_in_sight(desk: Desk) -> None:
    ((vin, record, _),) = sold(desk)
    desk.sandbox.vehicle_module.unreserve(record, "user:7")
    desk.sandbox.breaks("vehicle_module").set("ignored_writes", calls=("reserve",))
    desk.run("sync")
    ignored(desk)
    said = (desk.folder / "back-reponse.csv").read_text("utf-8-sig")
    assert "la ligne reste montrée tant que la voiture n'est pas bloquée" in said.translate(FRENCH_SPACES)
    assert [row["vin"] for row in sales(desk)] == [vin]


def test_a_reservation_that_a_salesperson_set_is_not_told_as_due_to_a_sale(desk: Desk) -> None:
    desk.run("sync")
    ((vin, record, _),) = quiet_cars(desk, 1)
    assert "il n'y a pas de réservation à poser" in desk.said("explain", vin, "reserved")
    unlimited = {"kind": "UNLIMITED", "reason": "prêt", "blocksSale": True, "blocksPublication": True}
    desk.sandbox.vehicle_module.reserve(record, unlimited, "user:7")
    desk.run("sync")
    assert "n'y a pas été posée par stocksync" in desk.said("explain", vin, "reserved")


def test_a_dms_that_leaves_order_and_invoice_out_does_not_say_whether_a_car_is_sold(desk: Desk) -> None:
    blocked = sold(desk)[0][0]
    free = next(vin for vin, *_ in quiet_cars(desk, 2) if vin != blocked)
    desk.mappings = desk.folder / "edited"
    shutil.copytree(SHIPPED, desk.mappings)
    fields = desk.mappings / "pairs" / "openflex-icar" / "dms.yaml"
    text = fields.read_text("utf-8").replace("field: no_bdc,", "field: bdc,")
    fields.write_text(text.replace("field: no_facture,", "field: fa,"), "utf-8")
    for vin, stays in ((blocked, True), (free, False)):
        said = desk.said("explain", vin, "reserved")
        assert "Le DMS ne dit pas si la voiture est vendue" in said
        assert "Aucune vente" not in said
        assert ("la réservation illimitée du module véhicules reste en place" in said) is stays

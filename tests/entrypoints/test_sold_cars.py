"""What people are told of a car that the DMS sold outside Opportunités: whether it is blocked, by what is seen."""

from typing import Any

import pytest

from tests.entrypoints.desk import Desk, quiet_cars

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

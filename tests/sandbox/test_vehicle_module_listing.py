"""The vehicle module's listing: order, pages, cursors, and who may read."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import pytest

VEHICLES = "/api/v1/vehicles"


def errors_of(answer: httpx.Response) -> list[str]:
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    return [error["field"] for error in problem["errors"]]


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic sandbox-token"}])
def test_without_the_token_nothing_is_shown(sandbox, header):
    answer = httpx.get(f"{sandbox.vehicle_module_url}{VEHICLES}?pointOfSale=PDV1", headers=header)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert errors_of(answer) == []


def test_the_points_of_sale_are_listed(module):
    items = module.get("/api/v1/points-of-sale").json()["items"]
    assert items[0] == {"id": "PDV1", "name": "01 - VW", "entity": "G"}
    assert [item["id"] for item in items] == ["PDV1", "PDV2"]


def test_the_date_header_is_the_modules_own_clock(module, clock):
    clock.now = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
    answers = [module.get("/api/v1/points-of-sale"), module.get(VEHICLES), module.get("/nowhere")]
    assert [parsedate_to_datetime(answer.headers["date"]) for answer in answers] == [clock.now] * 3


def test_vehicles_come_oldest_change_first_and_only_those_of_the_point_of_sale(module, clock):
    for point in ("PDV1", "PDV2", "PDV1"):
        module.created(pointOfSale=point)
        clock.forward(seconds=1)
    assert [item["id"] for item in module.listed()["items"]] == ["OF-000001", "OF-000003"]
    assert module.listed()["nextCursor"] is None


def test_pages_follow_one_another_to_the_end_without_a_hole(module):
    made = [module.created()["id"] for _ in range(7)]
    read, cursor = [], {}
    while cursor is not None:
        page = module.listed(limit=3, **cursor)
        read.append([item["id"] for item in page["items"]])
        cursor = page["nextCursor"] and {"cursor": page["nextCursor"]}
    assert read == [made[:3], made[3:6], made[6:]]


def test_a_page_filled_to_the_last_vehicle_is_the_last_page(module):
    for _ in range(3):
        module.created()
    assert module.listed(limit=3)["nextCursor"] is None


def test_a_vehicle_changed_while_pages_are_read_is_served_again_at_the_end(module):
    made = [module.created()["id"] for _ in range(4)]
    first = module.listed(limit=2)
    module.change(made[0], {"sale": {"price": 9990}})
    second = module.listed(limit=4, cursor=first["nextCursor"])
    assert [item["id"] for item in second["items"]] == [made[2], made[3], made[0]]
    assert second["items"][-1]["sale"]["price"] == 9990


def test_updated_since_is_inclusive_and_takes_any_offset(module, clock):
    stamps = []
    for _ in range(3):
        stamps.append(module.created()["updatedAt"])
        clock.forward(hours=1)
    assert len(module.listed(updatedSince=stamps[1])["items"]) == 2
    # the second stamp was taken at 10:00 UTC
    assert len(module.listed(updatedSince="2026-11-20T11:00:00+01:00")["items"]) == 2
    assert len(module.listed(updatedSince="2026-11-20T10:00:00.000001Z")["items"]) == 1


def test_a_cursor_keeps_its_updated_since(module, clock):
    module.created()
    clock.forward(hours=1)
    for _ in range(3):
        module.created()
    first = module.listed(updatedSince="2026-11-20T10:00:00Z", limit=1)
    rest = module.listed(cursor=first["nextCursor"])
    assert [item["id"] for item in first["items"] + rest["items"]] == ["OF-000002", "OF-000003", "OF-000004"]


def test_a_cursor_lives_just_under_fifteen_minutes(module, clock):
    for _ in range(2):
        module.created()
    cursor = module.listed(limit=1)["nextCursor"]
    clock.forward(minutes=14, seconds=59)
    assert len(module.listed(cursor=cursor)["items"]) == 1
    clock.forward(seconds=1)
    dead = module.get(VEHICLES, params={"pointOfSale": "PDV1", "cursor": cursor})
    assert dead.status_code == 410
    assert errors_of(dead) == []


@pytest.mark.parametrize("cursor", ["", "x", "bm90IGpzb24=", "é", "WzFd", "bnVsbA=="])
def test_a_cursor_that_is_not_ours_is_refused(module, cursor):
    answer = module.get(VEHICLES, params={"pointOfSale": "PDV1", "cursor": cursor})
    assert (answer.status_code, errors_of(answer)) == (422, ["cursor"])


def test_a_cursor_of_another_point_of_sale_is_refused(module):
    for _ in range(2):
        module.created()
    cursor = module.listed(limit=1)["nextCursor"]
    answer = module.get(VEHICLES, params={"pointOfSale": "PDV2", "cursor": cursor})
    assert (answer.status_code, errors_of(answer)) == (422, ["cursor"])


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "ten", "", "1.0", "²", "99999999999999999999"])
def test_a_limit_out_of_bounds_is_refused(module, limit):
    answer = module.get(VEHICLES, params={"pointOfSale": "PDV1", "limit": limit})
    assert (answer.status_code, errors_of(answer)) == (422, ["limit"])


@pytest.mark.parametrize("limit", [1, 1000])
def test_a_limit_at_its_bounds_is_taken(module, limit):
    assert module.listed(limit=limit)["items"] == []


@pytest.mark.parametrize("since", ["2026-11-20", "2026-11-20T10:00:00", "yesterday", "2026-02-30T10:00:00Z", ""])
def test_an_updated_since_without_an_offset_or_a_date_is_refused(module, since):
    answer = module.get(VEHICLES, params={"pointOfSale": "PDV1", "updatedSince": since})
    assert (answer.status_code, errors_of(answer)) == (422, ["updatedSince"])


def test_a_listing_needs_a_known_point_of_sale(module):
    assert errors_of(module.get(VEHICLES)) == ["pointOfSale"]
    assert module.get(VEHICLES, params={"pointOfSale": "PDV9"}).status_code == 404


def test_without_a_limit_two_hundred_are_served(module, sandbox):
    vehicle = module.created()
    copies = [{**vehicle, "id": f"OF-1{number:05d}"} for number in range(250)]
    sandbox.vehicle_module.add(copies)
    assert len(module.listed()["items"]) == 200


def test_unknown_paths_and_methods_are_problems_too(module):
    assert errors_of(module.get("/api/v1/nowhere")) == []
    wrong = module.delete(VEHICLES)
    assert wrong.status_code == 405
    assert errors_of(wrong) == []
    assert "POST" in wrong.headers["allow"]

"""Changes in the vehicle module: preconditions, merge patches, moves of a status, keys, reservations."""

import itertools

import orjson
import pytest

VEHICLES = "/api/v1/vehicles"
STAGES = (
    "PRE_RENTREE",
    "ENTREE_PHYSIQUE",
    "VERIFICATION_POST_PREPARATION",
    "STOCK_DE_VENTE",
    "LIVRAISON",
    "SORTIE",
)
BLOCKING = {"kind": "UNLIMITED", "blocksSale": True, "blocksPublication": True}
STEPS = {("PRE_RENTREE", "ENTREE_PHYSIQUE"), ("ENTREE_PHYSIQUE", "VERIFICATION_POST_PREPARATION")}
STEPS |= {("ENTREE_PHYSIQUE", "STOCK_DE_VENTE"), ("VERIFICATION_POST_PREPARATION", "STOCK_DE_VENTE")}
STEPS |= {("STOCK_DE_VENTE", "LIVRAISON"), ("LIVRAISON", "SORTIE")}
STEPS_OF_SCRAP = {("PRE_RENTREE", "ENTREE_PHYSIQUE"), ("ENTREE_PHYSIQUE", "SORTIE")}


def fields_of(answer):
    return [error["field"] for error in answer.json()["errors"]]


def reservation_of(id_):
    return f"{VEHICLES}/{id_}/reservation"


def placed(sandbox, module, status, destination):
    """Make a vehicle that stands in a stage, whatever moves would be needed."""
    vehicle = module.created(destination=destination)
    sandbox.vehicle_module._replace({**vehicle, "status": status}, "user:12")
    return vehicle["id"]


# -- creation and reading


def test_a_vehicle_is_always_created_as_a_pre_entry_at_version_one(module):
    answer = module.post(VEHICLES, json={"pointOfSale": "PDV1", "status": "SORTIE", "type": "VO"})
    assert answer.status_code == 201
    vehicle = answer.json()
    assert (vehicle["status"], vehicle["version"]) == ("PRE_RENTREE", 1)
    assert (vehicle["createdAt"], vehicle["updatedBy"]) == (vehicle["updatedAt"], "api:dms")
    assert module.get(answer.headers["location"]).json() == vehicle


def test_the_etag_is_the_version_in_double_quotes(module):
    id_ = module.created()["id"]
    assert module.get(f"{VEHICLES}/{id_}").headers["etag"] == '"1"'
    assert module.change(id_, {"sale": {"price": 1}}).headers["etag"] == '"2"'
    assert module.get(f"{VEHICLES}/{id_}").headers["etag"] == '"2"'


def test_a_listing_carries_the_very_bytes_of_a_single_read(module):
    id_ = module.created(characteristics={"make": "Citroën", "mileage": 84500})["id"]
    single = module.get(f"{VEHICLES}/{id_}").content
    assert module.get(VEHICLES, params={"pointOfSale": "PDV1"}).content == (
        b'{"items":[' + single + b'],"nextCursor":null}'
    )


def test_an_unknown_vehicle_is_a_404_for_every_method(module):
    gone = [module.get(f"{VEHICLES}/OF-9"), module.change("OF-9", {}), module.delete(reservation_of("OF-9"))]
    gone.append(module.put(reservation_of("OF-9"), json=BLOCKING))
    assert [answer.status_code for answer in gone] == [404] * 4


# -- preconditions


def test_a_patch_without_if_match_is_428_and_changes_nothing(module):
    id_ = module.created()["id"]
    headers = {"Content-Type": "application/merge-patch+json"}
    answer = module.patch(f"{VEHICLES}/{id_}", content=b'{"sale":{"price":1}}', headers=headers)
    assert answer.status_code == 428
    assert module.get(f"{VEHICLES}/{id_}").json()["version"] == 1


@pytest.mark.parametrize("stale", ['"1"', "2", 'W/"2"', '"3"', ""])
def test_a_stale_if_match_is_412_and_changes_nothing(module, stale):
    id_ = module.created()["id"]
    module.change(id_, {"sale": {"price": 1}})
    assert module.change(id_, {"sale": {"price": 2}}, If_Match=stale).status_code == 412
    assert module.get(f"{VEHICLES}/{id_}").json()["sale"]["price"] == 1


def test_a_fresh_if_match_lets_one_of_two_writers_through(module):
    id_ = module.created()["id"]
    first = module.change(id_, {"sale": {"price": 1}}, If_Match='"1"')
    second = module.change(id_, {"sale": {"price": 2}}, If_Match='"1"')
    assert (first.status_code, second.status_code) == (200, 412)


@pytest.mark.parametrize("media_type", ["application/json", "text/plain", ""])
def test_a_patch_of_another_media_type_is_415(module, media_type):
    id_ = module.created()["id"]
    assert module.change(id_, {}, Content_Type=media_type).status_code == 415


def test_a_patch_that_is_not_json_is_400(module):
    id_ = module.created()["id"]
    headers = {"If-Match": "*", "Content-Type": "application/merge-patch+json"}
    assert module.patch(f"{VEHICLES}/{id_}", content=b"{", headers=headers).status_code == 400


# -- merge patch


def test_null_clears_and_absent_leaves_alone(module):
    vehicle = module.created(identification={"vin": "VF1RFB00XLE123456", "registration": "AB-123-CD"})
    changed = module.change(vehicle["id"], {"identification": {"vin": None}}).json()
    assert changed["identification"]["vin"] is None
    assert changed["identification"]["registration"] == "AB-123-CD"


def test_a_patch_moves_version_and_updated_at_and_answers_the_whole_vehicle(module, clock):
    vehicle = module.created(characteristics={"make": "Skoda"})
    clock.forward(minutes=1)
    changed = module.change(vehicle["id"], {"sale": {"price": 12500.5}}).json()
    assert changed["version"] == 2
    assert changed["updatedAt"] > vehicle["updatedAt"]
    assert changed["createdAt"] == vehicle["createdAt"]
    assert (changed["sale"]["price"], changed["characteristics"]["make"]) == (12500.5, "Skoda")


@pytest.mark.parametrize("patch", [{}, {"sale": {}}, {"sale": {"price": 12500}}, {"sale": {"price": 12500.0}}])
def test_a_patch_that_changes_nothing_keeps_version_and_updated_at(module, clock, patch):
    vehicle = module.created(sale={"price": 12500})
    clock.forward(minutes=1)
    answer = module.change(vehicle["id"], patch)
    assert (answer.status_code, answer.json()) == (200, vehicle)


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"characteristics": {"mileage": "84500"}}, "characteristics.mileage"),
        ({"characteristics": {"mileage": 84500.5}}, "characteristics.mileage"),
        ({"characteristics": {"mileage": True}}, "characteristics.mileage"),
        ({"characteristics": {"mileage": -1}}, "characteristics.mileage"),
        ({"characteristics": {"make": None}}, "characteristics.make"),
        ({"sale": {"price": "12500"}}, "sale.price"),
        ({"sale": {"price": 12500.123}}, "sale.price"),
        ({"sale": {"vatRecoverable": "O"}}, "sale.vatRecoverable"),
        ({"sale": None}, "sale"),
        ({"status": "STOCK"}, "status"),
        ({"destination": None}, "destination"),
        ({"type": "VS"}, "type"),
        ({"pointOfSale": "PDV9"}, "pointOfSale"),
        ({"identification": {"firstRegistrationDate": "31/02/2020"}}, "identification.firstRegistrationDate"),
        ({"identification": {"firstRegistrationDate": "2020-02-31"}}, "identification.firstRegistrationDate"),
        ({"identification": {"firstRegistrationDate": "20200215"}}, "identification.firstRegistrationDate"),
        ({"sale": {"prix": 1}}, "sale.prix"),
        ({"version": 7}, "version"),
        ({"updatedBy": "me"}, "updatedBy"),
        ({"order": None}, "order"),
        ([], "body"),
        ("text", "body"),
    ],
)
def test_a_wrong_field_is_422_with_its_name_and_changes_nothing(module, patch, field):
    vehicle = module.created()
    answer = module.change(vehicle["id"], patch)
    assert (answer.status_code, fields_of(answer)) == (422, [field])
    assert module.get(f"{VEHICLES}/{vehicle['id']}").json() == vehicle


def test_every_wrong_field_is_named_at_once(module):
    answer = module.post(
        VEHICLES, json={"pointOfSale": "PDV1", "type": "X", "sale": {"price": "1", "vatRecoverable": 1}}
    )
    assert answer.status_code == 422
    assert sorted(fields_of(answer)) == ["sale.price", "sale.vatRecoverable", "type"]


def test_a_creation_needs_its_point_of_sale(module):
    answer = module.post(VEHICLES, json={})
    assert (answer.status_code, fields_of(answer)) == (422, ["pointOfSale"])


def test_a_transfer_moves_a_vehicle_to_the_other_listing(module):
    id_ = module.created()["id"]
    module.change(id_, {"pointOfSale": "PDV2"})
    assert module.listed()["items"] == []
    assert [item["id"] for item in module.listed(pointOfSale="PDV2")["items"]] == [id_]


# -- the line of life


@pytest.mark.parametrize("destination", ["PARTICULIER", "PROFESSIONNEL", "CASSE"])
@pytest.mark.parametrize("reserved", [False, True])
def test_only_the_moves_of_the_line_of_life_are_allowed(sandbox, module, destination, reserved):
    allowed = STEPS_OF_SCRAP if destination == "CASSE" else STEPS
    if reserved:
        allowed = allowed | {(stage, "SORTIE") for stage in STAGES[1:5]}
    for before, after in itertools.permutations(STAGES, 2):
        id_ = placed(sandbox, module, before, destination)
        if reserved:
            sandbox.vehicle_module.reserve(id_, BLOCKING, "user:12")
        answer = module.change(id_, {"status": after})
        expected = (200, after) if (before, after) in allowed else (409, before)
        assert (answer.status_code, module.get(f"{VEHICLES}/{id_}").json()["status"]) == expected, (
            before,
            after,
        )


@pytest.mark.parametrize(
    "weaker",
    [
        {"kind": "LIMITED", "blocksSale": True, "blocksPublication": True},
        {"kind": "UNLIMITED", "blocksSale": False, "blocksPublication": True},
        {"kind": "UNLIMITED", "blocksSale": True, "blocksPublication": False},
    ],
)
def test_a_weaker_reservation_opens_no_exit(sandbox, module, weaker):
    id_ = placed(sandbox, module, "STOCK_DE_VENTE", "PARTICULIER")
    sandbox.vehicle_module.reserve(id_, weaker, "user:12")
    answer = module.change(id_, {"status": "SORTIE"})
    assert (answer.status_code, fields_of(answer)) == (409, ["status"])


def test_the_destination_after_the_patch_decides_the_line_of_life(sandbox, module):
    id_ = placed(sandbox, module, "ENTREE_PHYSIQUE", "PARTICULIER")
    assert module.change(id_, {"status": "SORTIE", "destination": "CASSE"}).status_code == 200


def test_staying_in_a_stage_is_not_a_move(sandbox, module):
    id_ = placed(sandbox, module, "SORTIE", "PARTICULIER")
    assert module.change(id_, {"status": "SORTIE", "sale": {"price": 1}}).status_code == 200


# -- keys


def test_a_repeated_key_answers_as_the_first_did_and_acts_once(module):
    id_ = module.created()["id"]
    sent = {"If_Match": '"1"', "Idempotency_Key": "k1"}
    first = module.change(id_, {"sale": {"price": 1}}, **sent)
    module.change(id_, {"sale": {"price": 2}})
    again = module.change(id_, {"sale": {"price": 1}}, **sent)
    assert (again.status_code, again.content, again.headers["etag"]) == (
        200,
        first.content,
        first.headers["etag"],
    )
    assert module.get(f"{VEHICLES}/{id_}").json()["sale"]["price"] == 2


def test_a_repeated_key_answers_a_refusal_again(sandbox, module):
    id_ = placed(sandbox, module, "PRE_RENTREE", "PARTICULIER")
    first = module.change(id_, {"status": "STOCK_DE_VENTE"}, Idempotency_Key="k2")
    module.change(id_, {"status": "ENTREE_PHYSIQUE"})
    again = module.change(id_, {"status": "STOCK_DE_VENTE"}, Idempotency_Key="k2")
    assert (first.status_code, again.status_code) == (409, 409)
    assert again.content == first.content


def test_a_stale_request_may_come_back_under_its_key(module):
    id_ = module.created()["id"]
    stale = module.change(id_, {"sale": {"price": 1}}, If_Match='"9"', Idempotency_Key="k3")
    fresh = module.change(id_, {"sale": {"price": 1}}, If_Match='"1"', Idempotency_Key="k3")
    assert (stale.status_code, fresh.status_code) == (412, 200)


def test_a_key_with_another_body_or_vehicle_is_refused(module):
    id_, other = module.created()["id"], module.created()["id"]
    module.change(id_, {"sale": {"price": 1}}, Idempotency_Key="k4")
    body = module.change(id_, {"sale": {"price": 2}}, Idempotency_Key="k4")
    vehicle = module.change(other, {"sale": {"price": 1}}, Idempotency_Key="k4")
    assert [answer.status_code for answer in (body, vehicle)] == [422, 422]
    assert fields_of(body) == ["Idempotency-Key"]
    assert module.get(f"{VEHICLES}/{other}").json()["version"] == 1


def test_a_repeated_key_sets_a_reservation_once(module):
    id_ = module.created()["id"]
    for _ in range(3):
        answer = module.put(reservation_of(id_), json=BLOCKING, headers={"Idempotency-Key": "k5"})
        assert (answer.status_code, answer.content) == (200, b"")
    assert module.get(f"{VEHICLES}/{id_}").json()["version"] == 2


# -- reservations


def test_a_reservation_replaces_any_other_and_moves_the_version(module):
    id_ = module.created()["id"]
    limited = {
        "kind": "LIMITED",
        "until": "2026-12-01T18:00:00Z",
        "blocksSale": True,
        "blocksPublication": False,
    }
    for reservation in (limited, BLOCKING):
        answer = module.put(reservation_of(id_), json=reservation)
        assert (answer.status_code, answer.content) == (200, b"")
    vehicle = module.get(f"{VEHICLES}/{id_}").json()
    assert (vehicle["version"], vehicle["reservation"]) == (3, BLOCKING)


def test_a_reservation_taken_away_leaves_null_and_a_second_time_nothing_moves(module):
    id_ = module.created()["id"]
    module.put(reservation_of(id_), json=BLOCKING)
    for _ in range(2):
        answer = module.delete(reservation_of(id_))
        assert (answer.status_code, answer.content) == (204, b"")
    vehicle = module.get(f"{VEHICLES}/{id_}").json()
    assert (vehicle["version"], vehicle["reservation"]) == (3, None)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "FOREVER"}, "kind"),
        ({"until": "2026-12-01T18:00:00Z"}, "until"),
        ({"until": "tomorrow"}, "until"),
        ({"blocksSale": "yes"}, "blocksSale"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_reservation_is_422(module, change, field):
    id_ = module.created()["id"]
    answer = module.put(reservation_of(id_), json={**BLOCKING, **change})
    assert (answer.status_code, fields_of(answer)) == (422, [field])


def test_a_reservation_cannot_come_in_by_a_patch(module):
    id_ = module.created()["id"]
    assert module.change(id_, {"reservation": BLOCKING}).status_code == 422


def test_stamps_only_grow_even_when_the_clock_goes_back(module, clock):
    vehicle = module.created()
    clock.forward(hours=-5)
    changed = module.change(vehicle["id"], {"sale": {"price": 1}}).json()
    assert changed["updatedAt"] > vehicle["updatedAt"]


def test_numbers_too_large_for_a_price_are_still_answered(module):
    id_ = module.created()["id"]
    headers = {"If-Match": "*", "Content-Type": "application/merge-patch+json"}
    content = orjson.dumps({"sale": {"price": 1e300}})
    assert module.patch(f"{VEHICLES}/{id_}", content=content, headers=headers).status_code == 200

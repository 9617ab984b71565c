"""Faults of what is shown and of what is stored: short and stale listings, other values, other clocks."""

from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest

from stocksync.sandbox.clock import paris_text, read_instant

VEHICLES = "/api/v1/vehicles"
FILES = "/icar/ws/v2/vo"


def whole_listing(module, **query):
    """Follow the cursors to the end; return the ids."""
    ids, cursor = [], {}
    while True:
        page = module.listed(**query, **cursor)
        ids += [vehicle["id"] for vehicle in page["items"]]
        if page["nextCursor"] is None:
            return ids
        cursor = {"cursor": page["nextCursor"]}


def whole_pages(dms, **query):
    """Read all numbered pages; return the dossiers, and what the pages say of themselves."""
    first = dms.listed(**query)
    pages = [first, *(dms.listed(**query, page=number) for number in range(2, first["nb_pages"] + 1))]
    said = {(page["total"], page["nb_pages"]) for page in pages}
    return [file["dossier"] for page in pages for file in page["vo"]], said


# -- listings


def test_an_empty_listing_is_well_formed_in_both_systems(sandbox, module, dms):
    module.created()
    dms.opened()
    for system in ("vehicle_module", "dms"):
        sandbox.breaks(system).set("empty_listing")
    assert module.listed() == {"items": [], "nextCursor": None}
    assert dms.listed() == {"ok": True, "vo": [], "page": 1, "nb_pages": 0, "total": 0}
    assert dms.said("GET", f"{FILES}/VO000001")["ok"]


def test_a_short_listing_adds_up_over_all_its_pages_and_is_short_of_the_same_records_each_time(sandbox, dms):
    opened = [dms.opened()["dossier"] for _ in range(20)]
    sandbox.breaks("dms").set("short_listing", part=0.4)
    found, said = whole_pages(dms, taille=3)
    assert found == sorted(set(found))
    assert 0 < len(found) < len(opened)
    assert said == {(len(found), -(-len(found) // 3))}
    assert whole_pages(dms, taille=7)[0] == found


def test_a_short_listing_of_the_module_ends_at_its_last_page_as_a_whole_one_does(sandbox, module):
    created = [module.created()["id"] for _ in range(20)]
    sandbox.breaks("vehicle_module").set("short_listing", part=0.4)
    found = whole_listing(module, limit=3)
    assert 0 < len(found) < len(created)
    assert found == [id_ for id_ in created if id_ in found]


def test_one_record_can_be_missing_from_listings_and_still_be_read(sandbox, module):
    poisoned, other = module.created()["id"], module.created()["id"]
    sandbox.breaks("vehicle_module").set("short_listing", record=poisoned)
    assert whole_listing(module) == [other]
    assert module.get(f"{VEHICLES}/{poisoned}").status_code == 200


def test_a_listing_is_short_on_every_page_or_on_none(sandbox, dms):
    for _ in range(8):
        dms.opened()
    sandbox.breaks("dms").set("empty_listing", share=0.5, seed=3)
    lengths = set()
    for _ in range(16):
        pages = [dms.listed(taille=4, page=number) for number in (1, 2)]
        lengths.add(tuple(len(page["vo"]) for page in pages))
    assert lengths == {(4, 4), (0, 0)}


# -- stale reads


def test_reads_lag_behind_a_write_for_as_long_as_ordered(sandbox, module, clock):
    vehicle = module.created()
    sandbox.breaks("vehicle_module").set("stale_reads", for_s=30)
    changed = module.change(vehicle["id"], {"sale": {"price": 9990}})
    assert changed.json()["sale"]["price"] == 9990
    clock.forward(seconds=29)
    lagging = module.get(f"{VEHICLES}/{vehicle['id']}")
    assert lagging.json() == vehicle == module.listed()["items"][0]
    assert lagging.headers["etag"] == f'"{vehicle["version"]}"'
    assert module.listed(updatedSince=changed.json()["updatedAt"])["items"] == []
    clock.forward(seconds=1)
    assert module.get(f"{VEHICLES}/{vehicle['id']}").json() == changed.json() == module.listed()["items"][0]


def test_a_precondition_is_held_against_what_is_stored_and_not_against_what_is_shown(sandbox, module):
    vehicle = module.created()
    sandbox.breaks("vehicle_module").set("stale_reads", for_s=30)
    module.change(vehicle["id"], {"sale": {"price": 9990}})
    again = module.change(vehicle["id"], {"sale": {"price": 9991}}, If_Match=f'"{vehicle["version"]}"')
    assert again.status_code == 412


def test_reads_lag_for_so_many_reads(sandbox, dms):
    file = dms.opened()
    sandbox.breaks("dms").set("stale_reads", reads=2)
    dms.change(file["dossier"], couleur="GRIS")
    colours = [dms.said("GET", f"{FILES}/{file['dossier']}")["vo"]["couleur"], dms.listed()["vo"][0]["couleur"]]
    colours.append(dms.listed()["vo"][0]["couleur"])
    assert colours == ["", "", "GRIS"]


def test_a_change_that_is_not_seen_yet_is_not_among_the_changed_files_either(sandbox, dms, clock):
    file = dms.opened()["dossier"]
    clock.forward(seconds=60)
    sandbox.breaks("dms").set("stale_reads", reads=1)
    since = dms.change(file, couleur="GRIS")["vo"]["maj_le"]
    assert [dms.listed(modifie_depuis=since)["total"] for _ in range(2)] == [0, 1]


def test_a_new_record_is_not_there_yet(sandbox, module, dms):
    for system in ("vehicle_module", "dms"):
        sandbox.breaks(system).set("stale_reads", reads=2)
    id_, dossier = module.created()["id"], dms.opened()["dossier"]
    assert module.get(f"{VEHICLES}/{id_}").status_code == 404
    assert dms.said("GET", f"{FILES}/{dossier}")["code"] == 404
    assert (module.listed()["items"], dms.listed()["total"]) == ([], 0)
    assert (whole_listing(module), dms.listed()["total"]) == ([id_], 1)


def test_a_creation_that_answers_the_first_file_makes_nothing_stale(sandbox, dms):
    first = dms.opened(ref_externe="OF-000001")
    sandbox.breaks("dms").set("stale_reads", reads=2)
    assert dms.opened(ref_externe="OF-000001") == first
    assert dms.listed()["total"] == 1


def test_a_file_that_moved_is_still_seen_where_it_was_and_not_yet_where_it_went(sandbox, dms):
    file = dms.opened()["dossier"]
    sandbox.breaks("dms").set("stale_reads", for_s=30)
    dms.change(file, site="S02")
    assert [dms.listed(site=site)["total"] for site in ("S01", "S02")] == [1, 0]


def test_mending_shows_at_once_what_is_stored(sandbox, dms):
    file = dms.opened()["dossier"]
    sandbox.breaks("dms").set("stale_reads", for_s=3600)
    dms.change(file, couleur="GRIS")
    assert dms.listed()["vo"][0]["couleur"] == ""
    sandbox.breaks("dms").clear()
    assert dms.listed()["vo"][0]["couleur"] == "GRIS"
    sandbox.breaks("dms").set("stale_reads", for_s=3600)
    assert dms.listed()["vo"][0]["couleur"] == "GRIS"


# -- what is stored


def test_amounts_can_be_rounded_to_whole_euros(sandbox, module, dms):
    for system in ("vehicle_module", "dms"):
        sandbox.breaks(system).set("stored_differently", how="whole_euros")
    vehicle = module.created(sale={"price": 9990.5}, costs={"reconditioning": 10.49})
    assert (vehicle["sale"]["price"], vehicle["costs"]["reconditioning"]) == (9991, 10)
    file = dms.opened(prix_vente="12 345,50", km="84500")
    assert (file["prix_vente"], file["km"]) == ("12346,00", "84500")


def test_texts_can_be_stored_in_capitals_or_cut_and_the_answer_says_so(sandbox, module, dms):
    sandbox.breaks("vehicle_module").set("stored_differently", how="upper_case")
    vehicle = module.created(characteristics={"make": "Peugeot", "model": "208"})
    changed = module.change(vehicle["id"], {"characteristics": {"exteriorColour": "Gris Artense"}}).json()
    assert (changed["characteristics"]["make"], changed["characteristics"]["exteriorColour"]) == (
        "PEUGEOT",
        "GRIS ARTENSE",
    )
    assert module.get(f"{VEHICLES}/{vehicle['id']}").json() == changed
    sandbox.breaks("dms").set("stored_differently", how="cut", length=3, fields="marque")
    file = dms.opened(marque="PEUGEOT", modele="PARTNER", date_mec="14/05/2019")
    assert (file["marque"], file["modele"], file["date_mec"]) == ("PEU", "PARTNER", "14/05/2019")


def test_a_value_that_is_refused_is_refused_as_it_was_sent(sandbox, dms):
    sandbox.breaks("dms").set("stored_differently", how="whole_euros")
    assert dms.said("POST", FILES, json={"site": "S01", "prix_vente": "cher"})["code"] == 422


def test_a_repeated_key_is_known_although_what_was_stored_differs(sandbox, module):
    vehicle = module.created()
    sandbox.breaks("vehicle_module").set("stored_differently", how="whole_euros")
    first = module.change(vehicle["id"], {"sale": {"price": 10.5}}, Idempotency_Key="k")
    sandbox.breaks("vehicle_module").clear()
    assert module.change(vehicle["id"], {"sale": {"price": 10.5}}, Idempotency_Key="k").content == first.content


def test_an_ignored_write_is_answered_with_success_and_changes_nothing_at_all(sandbox, module, dms):
    vehicle, file = module.created(), dms.opened()
    for system in ("vehicle_module", "dms"):
        sandbox.breaks(system).set("ignored_writes")
    changed = module.change(vehicle["id"], {"sale": {"price": 9990}}, Idempotency_Key="k")
    assert (changed.status_code, changed.json()) == (200, vehicle)
    assert changed.headers["etag"] == f'"{vehicle["version"]}"'
    reserved = module.put(f"{VEHICLES}/{vehicle['id']}/reservation", json=RESERVATION)
    assert (reserved.status_code, reserved.content) == (200, b"")
    assert dms.change(file["dossier"], couleur="GRIS") == {"ok": True, "vo": file}
    assert (module.listed()["items"], dms.listed()["vo"]) == ([vehicle], [file])
    sandbox.breaks("vehicle_module").clear()
    assert module.change(vehicle["id"], {"sale": {"price": 9990}}, Idempotency_Key="k").json()["sale"]["price"] == 9990


RESERVATION = {"kind": "UNLIMITED", "blocksSale": True, "blocksPublication": True}


def test_what_would_be_refused_is_refused_although_writes_are_ignored(sandbox, dms):
    sandbox.breaks("dms").set("ignored_writes")
    assert dms.change("VO000404", couleur="GRIS")["code"] == 404


def test_an_ignored_write_can_claim_that_it_happened(sandbox, dms):
    file = dms.opened()
    sandbox.breaks("dms").set("ignored_writes", echo=True)
    assert dms.change(file["dossier"], couleur="GRIS")["vo"]["couleur"] == "GRIS"
    assert dms.listed()["vo"] == [file]


def test_some_fields_only_can_be_ignored(sandbox, dms):
    file = dms.opened()["dossier"]
    sandbox.breaks("dms").set("ignored_writes", fields="couleur")
    changed = dms.change(file, couleur="GRIS", marque="PEUGEOT")["vo"]
    assert (changed["couleur"], changed["marque"]) == ("", "PEUGEOT")


# -- clocks


@pytest.mark.parametrize("seconds", [3600, -86_400, 90])
def test_a_clock_that_is_off_shows_in_every_stamp_and_in_the_date(sandbox, module, dms, clock, seconds):
    for system in ("vehicle_module", "dms"):
        sandbox.breaks(system).set("clock_skew", seconds=seconds)
    off = clock.now + timedelta(seconds=seconds)
    assert read_instant(module.created()["updatedAt"]) == off
    assert dms.opened()["maj_le"] == paris_text(off)
    for answer in module.get(VEHICLES), dms.get(FILES):
        assert parsedate_to_datetime(answer.headers["date"]) == off


def test_a_clock_set_back_while_it_runs_gives_stamps_of_the_past(sandbox, module, clock):
    sandbox.breaks("vehicle_module").set("clock_skew", seconds=3600)
    ahead = module.created()
    sandbox.breaks("vehicle_module").clear()
    clock.forward(seconds=1)
    right = module.created()
    assert ahead["updatedAt"] > right["updatedAt"] == "2026-11-20T09:00:01.000000Z"
    assert whole_listing(module) == [right["id"], ahead["id"]]

"""The DMS: errors that arrive with HTTP 200, pages over a live table, text for everything, Paris time."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import pytest

from stocksync.sandbox import incidents

FILES = "/icar/ws/v2/vo"


def refusal(answer):
    """Return an Error's code and the fields it names."""
    assert answer["ok"] is False
    assert answer["erreur"]
    return answer["code"], [field["champ"] for field in answer["champs"]]


def dossiers(page):
    return [file["dossier"] for file in page["vo"]]


# -- access


@pytest.mark.parametrize("headers", [{}, {"X-Api-Key": "wrong"}, {"Authorization": "Bearer sandbox-key"}])
def test_a_bad_key_is_a_real_401(sandbox, headers):
    answer = httpx.get(f"{sandbox.dms_url}{FILES}?site=S01", headers=headers)
    assert answer.status_code == 401
    assert refusal(answer.json())[0] == 401


def test_too_many_requests_is_a_real_429_with_retry_after(sandbox, dms):
    incidents.refuse_requests(sandbox.dms.state, 2, retry_after_s=7)
    answers = [dms.get(FILES, params={"site": "S01"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["retry-after"] == "7"


def test_during_the_nightly_batch_every_answer_is_503_inside_a_200(sandbox, dms):
    incidents.close_for_batch(sandbox.dms.state, closed=True)
    assert refusal(dms.listed())[0] == 503
    incidents.close_for_batch(sandbox.dms.state, closed=False)
    assert dms.listed()["ok"] is True


def test_every_answer_carries_the_date_of_the_dms(dms, clock):
    clock.now = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    answer = dms.get(FILES, params={"site": "S01"})
    assert parsedate_to_datetime(answer.headers["date"]) == clock.now


# -- pages


def test_a_site_without_files_has_no_pages(dms):
    page = dms.listed()
    assert (page["vo"], page["page"], page["nb_pages"], page["total"]) == ([], 1, 0, 0)


def test_an_unknown_site_is_an_error_404(dms):
    assert refusal(dms.listed(site="S99")) == (404, ["site"])
    assert refusal(dms.said("GET", FILES)) == (422, ["site"])


def test_pages_are_numbered_and_sorted_by_dossier(dms):
    made = [dms.opened()["dossier"] for _ in range(7)]
    dms.opened(site="S02")
    pages = [dms.listed(page=number, taille=3) for number in (1, 2, 3, 4)]
    assert [dossiers(page) for page in pages] == [made[:3], made[3:6], made[6:], []]
    assert {(page["nb_pages"], page["total"]) for page in pages} == {(3, 7)}


def test_without_taille_a_hundred_are_served(dms):
    for _ in range(101):
        dms.opened()
    page = dms.listed()
    assert (len(page["vo"]), page["nb_pages"]) == (100, 2)


@pytest.mark.parametrize("taille", ["0", "501", "-1", "x", "", "²"])
def test_a_taille_out_of_bounds_is_an_error_422(dms, taille):
    assert refusal(dms.listed(taille=taille)) == (422, ["taille"])


@pytest.mark.parametrize("page", ["0", "x", "", "1.0", "99999999999999999999"])
def test_a_page_that_is_no_number_is_an_error_422(dms, page):
    assert refusal(dms.listed(page=page)) == (422, ["page"])


def test_a_taille_of_five_hundred_is_taken_and_a_far_page_is_empty(dms):
    dms.opened()
    assert dms.listed(taille=500, page=999_999_999)["vo"] == []


def test_a_file_removed_while_pages_are_read_hides_another(sandbox, dms):
    made = [dms.opened()["dossier"] for _ in range(6)]
    first = dms.listed(page=1, taille=3)
    sandbox.dms.remove(made[0])
    second = dms.listed(page=2, taille=3)
    assert dossiers(first) + dossiers(second) == [*made[:3], *made[4:]]
    assert (first["total"], second["total"]) == (6, 5)


def test_a_file_that_comes_from_another_site_serves_one_twice(dms):
    moving = dms.opened(site="S02")["dossier"]
    made = [dms.opened()["dossier"] for _ in range(4)]
    first = dms.listed(page=1, taille=2)
    dms.change(moving, site="S01")
    second = dms.listed(page=2, taille=2)
    assert dossiers(first) == made[:2]
    assert dossiers(second) == made[1:3]
    assert (second["total"], dms.listed(site="S02")["total"]) == (5, 0)


# -- modifie_depuis


def test_modifie_depuis_is_inclusive_to_the_second_in_paris_time(dms, clock):
    clock.now = datetime(2026, 11, 20, 9, 0, 30, 900_000, tzinfo=UTC)
    file = dms.opened()
    assert file["maj_le"] == "20/11/2026 10:00:30"
    assert dms.listed(modifie_depuis="20/11/2026 10:00:30")["total"] == 1
    late = dms.listed(modifie_depuis="20/11/2026 10:00:31")
    assert (late["total"], late["nb_pages"], late["vo"]) == (0, 0, [])


def test_a_change_brings_a_file_into_the_delta_pages(dms, clock):
    made = [dms.opened()["dossier"] for _ in range(5)]
    clock.forward(hours=1)
    for dossier in (made[4], made[1], made[2]):
        dms.change(dossier, km="10")
    pages = [dms.listed(modifie_depuis="20/11/2026 11:00:00", taille=2, page=number) for number in (1, 2)]
    assert [dossiers(page) for page in pages] == [made[1:3], made[4:]]
    assert {(page["total"], page["nb_pages"]) for page in pages} == {(3, 2)}


def test_a_change_among_many_files_is_the_only_one_in_the_delta(dms, clock):
    made = [dms.opened()["dossier"] for _ in range(25)]
    clock.forward(hours=1)
    dms.change(made[7], km="10")
    page = dms.listed(modifie_depuis="20/11/2026 11:00:00")
    assert (dossiers(page), page["total"]) == ([made[7]], 1)


def test_one_hour_a_year_comes_twice(dms, clock):
    clock.now = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    before = dms.opened()["maj_le"]
    clock.forward(hours=1)
    assert dms.opened()["maj_le"] == before == "25/10/2026 02:30:00"


@pytest.mark.parametrize(
    "since",
    [
        "2026-11-20T10:00:00",
        "20/11/2026",
        "31/02/2026 10:00:00",
        "20/11/26 10:00:00",
        "20/11/2026 24:00:00",
        "20/11/2026 10:00:60",
        "20/11/0000 10:00:00",
        "",
    ],
)
def test_a_modifie_depuis_in_another_form_is_an_error_422(dms, since):
    assert refusal(dms.listed(modifie_depuis=since)) == (422, ["modifie_depuis"])


# -- creation


def test_a_file_is_always_opened_in_pre_rentree_with_every_field_as_text(dms):
    file = dms.opened(statut="Facturé", km="84 500", prix_vente="12 500,00", tva_recup="O")
    assert file["statut"] == "Pré-rentrée"
    assert all(isinstance(text, str) for text in file.values())
    assert (file["dossier"], file["km"], file["chassis"]) == ("VO000001", "84 500", "")
    assert dms.said("GET", f"{FILES}/VO000001") == {"ok": True, "vo": file}


def test_a_second_creation_with_the_same_reference_answers_the_first_file(dms):
    first = dms.opened(ref_externe="OF-000001", km="1")
    again = dms.opened(ref_externe="OF-000001", km="2")
    elsewhere = dms.opened(ref_externe="OF-000001", site="S02")
    assert again == first
    assert elsewhere["dossier"] != first["dossier"]
    assert dms.listed()["total"] == 1


def test_blank_references_are_not_the_same_reference(dms):
    assert dms.opened(ref_externe="")["dossier"] != dms.opened(ref_externe="")["dossier"]


def test_a_creation_needs_a_known_site(dms):
    assert refusal(dms.said("POST", FILES, json={})) == (422, ["site"])
    assert refusal(dms.said("POST", FILES, json={"site": "S99"})) == (404, ["site"])


# -- changes


def test_absent_fields_are_left_alone_and_a_blank_clears(dms):
    dossier = dms.opened(couleur="GRIS", km="10")["dossier"]
    file = dms.change(dossier, couleur="")["vo"]
    assert (file["couleur"], file["km"]) == ("", "10")


def test_a_change_stamps_maj_le_even_when_it_changes_nothing(dms, clock):
    dossier = dms.opened(km="10")["dossier"]
    clock.forward(seconds=5)
    assert dms.change(dossier, km="10")["vo"]["maj_le"] == "20/11/2026 10:00:05"


def test_the_last_writer_wins(dms):
    dossier = dms.opened()["dossier"]
    dms.change(dossier, km="10")
    dms.change(dossier, km="9")
    assert dms.said("GET", f"{FILES}/{dossier}")["vo"]["km"] == "9"


def test_an_unknown_dossier_is_an_error_404(dms):
    assert refusal(dms.said("GET", f"{FILES}/VO9")) == (404, [])
    assert refusal(dms.change("VO9", km="1")) == (404, [])


def test_a_police_number_is_set_once_and_never_changed(dms):
    dossier = dms.opened()["dossier"]
    assert dms.change(dossier, no_police="2026-00001")["ok"]
    assert dms.change(dossier, no_police="2026-00001", km="5")["ok"]
    for other in ("2026-00002", ""):
        assert refusal(dms.change(dossier, no_police=other)) == (409, ["no_police"])
    assert dms.said("GET", f"{FILES}/{dossier}")["vo"]["no_police"] == "2026-00001"


def test_a_police_number_is_given_once_in_its_site_and_kept_when_the_file_moves(dms):
    first, second, elsewhere = dms.opened(), dms.opened(), dms.opened(site="S02")
    dms.change(first["dossier"], no_police="2026-00001")
    assert refusal(dms.change(second["dossier"], no_police="2026-00001")) == (409, ["no_police"])
    assert dms.change(elsewhere["dossier"], no_police="2026-00001")["ok"]
    moved = dms.change(elsewhere["dossier"], site="S01")
    assert moved["vo"]["no_police"] == "2026-00001", "a file keeps its number when it moves to another site"


def test_a_reference_taken_by_another_file_of_the_site_is_refused(dms):
    dms.opened(ref_externe="OF-1")
    other = dms.opened(ref_externe="OF-2")["dossier"]
    assert refusal(dms.change(other, ref_externe="OF-1")) == (409, ["ref_externe"])


def test_an_invoiced_file_takes_no_change(dms):
    dossier = dms.opened()["dossier"]
    dms.change(dossier, statut="Facturé", no_facture="FA1")
    assert refusal(dms.change(dossier, km="5")) == (409, [])
    assert refusal(dms.change(dossier, statut="Stock")) == (409, [])
    assert dms.said("GET", f"{FILES}/{dossier}")["vo"]["km"] == ""


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("couleur", "Gris"),
        ("couleur", "GRISANTHRACITE"),
        ("couleur", "GRIS 2"),
        ("km", "84500,5"),
        ("km", "84,500"),
        ("km", 84500),
        ("km", None),
        ("prix_vente", "12500.00"),
        ("prix_vente", "12 500,001"),
        ("prix_vente", "1 2500,00"),
        ("date_mec", "2019-05-14"),
        ("date_mec", "31/02/2020"),
        ("date_mec", "1/2/2020"),
        ("tva_recup", "true"),
        ("statut", "Stocké"),
        ("statut", ""),
        ("destination", "PARTICULIER"),
        ("type", "VS"),
        ("dossier", "VO1"),
        ("maj_le", "20/11/2026 10:00:00"),
        ("prix", "1,00"),
    ],
)
def test_a_wrong_field_is_an_error_422_with_its_name_and_changes_nothing(dms, field, text):
    file = dms.opened()
    assert refusal(dms.said("PUT", f"{FILES}/{file['dossier']}", json={field: text})) == (422, [field])
    assert dms.said("GET", f"{FILES}/{file['dossier']}")["vo"] == file


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("couleur", "GRIS"),
        ("km", "84 500"),
        ("prix_vente", "12 500,00"),
        ("prix_vente", "12500,5"),
        ("prix_vente", "90"),
        ("frevo", "0,00"),
        ("date_mec", "29/02/2020"),
        ("tva_recup", "N"),
        ("tva_recup", ""),
        ("immat", "1234 AB 33"),
    ],
)
def test_a_field_in_the_forms_of_the_dms_is_kept_as_written(dms, field, text):
    dossier = dms.opened()["dossier"]
    assert dms.change(dossier, **{field: text})["vo"][field] == text


def test_a_body_that_is_no_json_object_is_an_error_422(dms):
    dossier = dms.opened()["dossier"]
    for content in (b"{", b"[]", b'"text"', b""):
        answer = dms.said("PUT", f"{FILES}/{dossier}", content=content, headers={"Content-Type": "application/json"})
        assert refusal(answer) == (422, [])


def test_the_register_numbers_in_order_and_skips_a_number_that_came_from_elsewhere(sandbox, dms):
    numbers = [sandbox.dms.next_police_number("S01")]
    dms.opened(no_police="2026-00002")
    numbers += [sandbox.dms.next_police_number("S01"), sandbox.dms.next_police_number("S02")]
    assert numbers == ["2026-00001", "2026-00003", "2026-00001"]

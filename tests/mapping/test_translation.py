"""One realistic record of each side, as the contracts spell it, and what is written back."""

import json
from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from stocksync.mapping.spelling import CannotSpell
from stocksync.mapping.translate import SideTranslation
from stocksync.sandbox.dms import Dms
from stocksync.sandbox.seed import fill
from stocksync.sandbox.vehicle_module import VehicleModule
from stocksync.stock.values import ABSENT, BLANK, Invalid, Side
from stocksync.stock.vehicle import Vehicle
from tests.mapping.editing import loaded

TRANSLATIONS = loaded().points_of_sale["PDV1"].translations
MODULE = TRANSLATIONS[Side.VEHICLE_MODULE]
DMS = TRANSLATIONS[Side.DMS]

IN_THE_MODULE: dict[str, Any] = {
    "id": "OF-000123",
    "pointOfSale": "PDV1",
    "version": 7,
    "createdAt": "2026-11-02T09:00:00+01:00",
    "updatedAt": "2026-11-20T10:00:00+01:00",
    "updatedBy": "user:12",
    "type": "VO",
    "status": "STOCK_DE_VENTE",
    "destination": "PARTICULIER",
    "identification": {
        "vin": "vf1 rfa000 66123456",
        "registration": "AB-123-CD",
        "firstRegistrationDate": "2019-05-14",
        "registrationCertificateDate": "2021-03-02",
        "policeNumber": "2026-00012",
        "dmsReference": "VO004512",
    },
    "characteristics": {
        "make": "Renault",
        "model": "Clio V",
        "version": "1.0 TCe 90 Evolution",
        "exteriorColour": "Gris Cassiopée",
        "mileage": 84500,
    },
    "purchase": {"origin": "REPRISE", "source": "PARTICULIER", "tradeInBuyer": "C. Lefèvre", "tradeInPrice": 9000},
    "costs": {"reconditioning": 0},
    "sale": {"price": Decimal("12500.50"), "invoicedPrice": None, "vatRecoverable": False},
    "reservation": None,
    "order": {"id": "CMD-000123", "date": "2026-11-19"},
}
IN_THE_DMS = {
    "dossier": "VO004512",
    "site": "S01",
    "ref_externe": "OF-000123",
    "type": "VO",
    "statut": "Stock",
    "destination": "P",
    "no_police": "2026-00012",
    "chassis": "VF1RFA00066123456",
    "immat": "AB123CD",
    "date_mec": "14/05/2019",
    "date_cg": "02/03/2021",
    "marque": "RENAULT",
    "modele": "CLIO V",
    "version": "1.0 TCe 90 Evolution",
    "km": "84 500",
    "couleur": "GRIS",
    "origine": "REP",
    "source_achat": "PART",
    "repreneur": "C. Lefèvre",
    "prix_reprise": "9\u202f000,00",
    "frevo": "0,00",
    "prix_vente": "12 500,50",
    "prix_facture": "",
    "tva_recup": "N",
    "no_bdc": "",
    "date_bdc": "",
    "no_facture": "FA2026-000007",
    "date_facture": "20/11/2026",
    "maj_le": "20/11/2026 09:12:33",
}
BOTH = {
    "point_of_sale": "PDV1",
    "vehicle_type": "used",
    "destination": "private",
    "vin": "VF1RFA00066123456",
    "registration": "AB-123-CD",
    "first_registration_date": date(2019, 5, 14),
    "registration_certificate_date": date(2021, 3, 2),
    "police_number": "2026-00012",
    "version": "1.0 TCe 90 Evolution",
    "mileage": 84_500,
    "exterior_colour": "grey",
    "origin": "trade_in",
    "purchase_source": "private_person",
    "trade_in_buyer": "C. Lefèvre",
    "trade_in_price": 900_000,
    "reconditioning_cost": 0,
    "sale_price": 1_250_050,
    "invoiced_sale_price": BLANK,
    "vat_recoverable": False,
}


def in_the_module(**changes: Any) -> Vehicle:
    return MODULE.vehicle("OF-000123", "7", IN_THE_MODULE | changes)


def in_the_dms(**changes: str) -> Vehicle:
    return DMS.vehicle("VO004512", None, IN_THE_DMS | changes)


def test_a_vehicle_of_the_module_is_read_whole() -> None:
    vehicle = in_the_module()
    own = {
        "make": "Renault",
        "model": "Clio V",
        "stage": "sales_stock",
        "reserved": False,
        "module_order": "CMD-000123",
    }
    assert dict(vehicle.readings) == BOTH | own
    assert (vehicle.record_id, vehicle.version, vehicle.reference) == ("OF-000123", "7", "VO004512")
    assert MODULE.changed_by(IN_THE_MODULE) == "user:12"


def test_a_file_of_the_dms_is_read_whole() -> None:
    vehicle = in_the_dms()
    own = {
        "make": "RENAULT",
        "model": "CLIO V",
        "dms_status": "in_stock",
        "dms_order": BLANK,
        "dms_order_date": BLANK,
        "invoice_number": "FA2026-000007",
        "invoice_date": date(2026, 11, 20),
    }
    assert dict(vehicle.readings) == BOTH | own
    assert (vehicle.record_id, vehicle.version, vehicle.reference) == ("VO004512", None, "OF-000123")
    assert DMS.changed_by(IN_THE_DMS) is None


@pytest.mark.parametrize("side", [MODULE, DMS], ids=["module", "dms"])
def test_what_a_side_does_not_carry_is_absent(side: SideTranslation) -> None:
    vehicle = side.vehicle("X1", None, {})
    assert {vehicle.reading(name) for name in BOTH} == {ABSENT}
    assert vehicle.reference is None


def test_a_group_that_is_null_says_nothing_of_its_parts() -> None:
    vehicle = in_the_module(identification=None, order=None)
    assert (vehicle.reading("vin"), vehicle.reading("module_order")) == (ABSENT, ABSENT)


@pytest.mark.parametrize("said", ["", " ", "-", "???", "NA", " - "])
def test_a_placeholder_is_blank_on_both_sides(said: str) -> None:
    assert in_the_dms(date_cg=said).reading("registration_certificate_date") is BLANK
    assert in_the_dms(ref_externe=said).reference is None
    purchase = {**IN_THE_MODULE["purchase"], "tradeInBuyer": said}
    assert in_the_module(purchase=purchase).reading("trade_in_buyer") is BLANK


def test_a_price_of_zero_is_blank_on_both_sides_and_a_cost_of_zero_is_a_value() -> None:
    dms = in_the_dms(prix_vente="0,00", prix_reprise="0", prix_facture="0,00", frevo="0")
    module = in_the_module(
        sale={"price": 0, "invoicedPrice": 0}, purchase={"tradeInPrice": Decimal("0.00")}, costs={"reconditioning": 0}
    )
    for vehicle in (dms, module):
        prices = [vehicle.reading(name) for name in ("sale_price", "trade_in_price", "invoiced_sale_price")]
        assert prices == [BLANK] * 3
        assert vehicle.reading("reconditioning_cost") == 0


@pytest.mark.parametrize(
    ("field", "said", "attribute"),
    [
        ("date_mec", "31/02/2020", "first_registration_date"),
        ("prix_vente", "12 5OO,00", "sale_price"),
        ("prix_vente", "-12 500,00", "sale_price"),
        ("frevo", "-1,00", "reconditioning_cost"),
        ("km", "-5", "mileage"),
        ("km", "8450O", "mileage"),
        ("couleur", "TAUPE", "exterior_colour"),
        ("statut", "Vendu", "dms_status"),
        ("destination", "X", "destination"),
        ("site", "S99", "point_of_sale"),
        ("chassis", "VF1RFA0OO66123456", "vin"),
    ],
)
def test_an_unreadable_field_is_the_only_one_that_is_held(field: str, said: str, attribute: str) -> None:
    vehicle = in_the_dms(**{field: said})
    reading = vehicle.reading(attribute)
    assert isinstance(reading, Invalid)
    assert reading.raw in (said, said.replace(" ", "").replace(",", ""))
    assert [name for name in vehicle.readings if vehicle.unreadable(name)] == [attribute]


@pytest.mark.parametrize(
    ("reservation", "reserved"),
    [
        ({"kind": "UNLIMITED", "blocksSale": True, "blocksPublication": True, "reason": "x", "by": "stocksync"}, True),
        ({"kind": "LIMITED", "until": "2026-11-30T00:00:00Z", "blocksSale": True, "blocksPublication": True}, False),
        (None, False),
    ],
)
def test_a_reservation_counts_only_if_it_is_unlimited_and_blocks_everything(reservation: Any, reserved: bool) -> None:
    assert in_the_module(reservation=reservation).reading("reserved") is reserved


def test_a_file_of_another_site_of_the_group_is_one_of_that_point_of_sale() -> None:
    assert in_the_dms(site="S02").reading("point_of_sale") == "PDV2"


def test_changes_are_written_as_each_side_spells_them() -> None:
    changes = {
        "sale_price": 1_250_050,
        "mileage": 90_000,
        "first_registration_date": date(2019, 5, 14),
        "vat_recoverable": True,
        "exterior_colour": "grey",
        "point_of_sale": "PDV2",
        "registration": "AB-123-CD",
    }
    assert DMS.body(changes, reference="OF-000123") == {
        "prix_vente": "12500,50",
        "km": "90000",
        "date_mec": "14/05/2019",
        "tva_recup": "O",
        "couleur": "GRIS",
        "site": "S02",
        "immat": "AB-123-CD",
        "ref_externe": "OF-000123",
    }
    assert MODULE.body(changes, reference="VO004512") == {
        "sale": {"price": Decimal("12500.5"), "vatRecoverable": True},
        "characteristics": {"mileage": 90_000, "exteriorColour": "Gris"},
        "identification": {
            "firstRegistrationDate": "2019-05-14",
            "registration": "AB-123-CD",
            "dmsReference": "VO004512",
        },
        "pointOfSale": "PDV2",
    }


def test_a_blank_is_written_as_each_side_spells_nothing() -> None:
    assert DMS.body({"sale_price": BLANK}) == {"prix_vente": ""}
    assert MODULE.body({"sale_price": BLANK}) == {"sale": {"price": None}}


@pytest.mark.parametrize(
    ("attribute", "value"), [("stage", "exit"), ("exterior_colour", "taupe"), ("vin", ABSENT), ("sale_price", "12")]
)
def test_what_the_dms_has_no_spelling_for_is_never_written(attribute: str, value: Any) -> None:
    assert not DMS.can_spell(attribute, value)
    with pytest.raises(CannotSpell):
        DMS.spelled(attribute, value)


@pytest.mark.parametrize(("statut", "takes"), [("Pré-rentrée", True), ("Stock", True), ("Facturé", False)])
def test_an_invoiced_file_takes_no_change(statut: str, takes: bool) -> None:
    assert DMS.takes_writes(in_the_dms(statut=statut)) is takes


def test_what_was_read_on_one_side_and_written_to_the_other_is_the_same_there() -> None:
    changes = {name: value for name, value in in_the_module().readings.items() if name in BOTH}
    there = DMS.vehicle("VO1", None, DMS.body(changes))
    assert {name: there.reading(name) for name in BOTH} == BOTH


def test_the_sandbox_s_stock_is_read_whole_but_for_what_it_makes_unreadable_on_purpose(tmp_path: Path) -> None:
    fill(tmp_path, cars=600, points_of_sale=2, seed=11)
    module, dms = VehicleModule(tmp_path), Dms(tmp_path)
    try:
        vehicles = [body for row in module.state.sql.execute("SELECT body FROM vehicles") for body in row]
        files = [body for row in dms.state.sql.execute("SELECT body FROM files") for body in row]
    finally:
        module.state.close()
        dms.state.close()
    unreadable = {
        side.side: Counter(
            name
            for body in bodies
            for name, reading in side.vehicle("X", None, json.loads(body, parse_float=Decimal)).readings.items()
            if isinstance(reading, Invalid)
        )
        for side, bodies in ((MODULE, vehicles), (DMS, files))
    }
    assert len(vehicles) + len(files) > 1_000
    assert set(unreadable[Side.VEHICLE_MODULE]) <= {"vin"}
    spoiled = {"vin", "first_registration_date", "registration_certificate_date", "sale_price", "mileage"}
    assert set(unreadable[Side.DMS]) <= spoiled
    assert 0 < sum(unreadable[Side.DMS].values()) < 30


def test_what_is_remembered_of_one_spelling_is_never_said_of_another() -> None:
    """Equal in Python, and yet not the same to a person: 1.005 and 1.0050, or 1 and true."""
    for said in (Decimal("1.005"), Decimal("1.0050"), 1, True, Decimal("1.0"), "1", None, "", 1):
        first, again = (read_price(said) for _ in range(2))
        assert first == again == fresh_price(said), said


def read_price(said: Any) -> Any:
    return MODULE.vehicle("OF-1", None, {"sale": {"price": said}}).reading("sale_price")


def fresh_price(said: Any) -> Any:
    unused = {name: replace(place, known={}) for name, place in MODULE.fields.items()}
    return replace(MODULE, fields=unused).vehicle("OF-1", None, {"sale": {"price": said}}).reading("sale_price")


def test_a_record_whose_group_is_missing_null_or_no_object_says_nothing_of_its_fields() -> None:
    for body in ({}, {"sale": None}, {"sale": "x"}, {"sale": []}, {"sale": {}}):
        vehicle = MODULE.vehicle("OF-1", None, body)
        assert vehicle.reading("sale_price") is ABSENT
        assert list(vehicle.readings) == list(MODULE.fields)

"""The shipped files say what the guide and the lifecycle table say, row by row and cell by cell."""

import re

import pytest
import yaml

from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.sandbox.catalogue import colours
from stocksync.sandbox.records import SOURCES
from stocksync.stock.ownership import OnBothChanged, Owner
from stocksync.stock.rules import MoreThan
from stocksync.stock.values import Kind, Side
from tests.contract.connections import DMS, VEHICLE_MODULE, connection
from tests.mapping.editing import MAPPINGS, POINTS, Edit, loaded

PDV1 = loaded().points_of_sale["PDV1"]

# Copied by hand: label, attribute or switch, may the DMS modify it, note, owner (or a switch's position).
GUIDE = """
Flux API VO prioritaire | dms_has_priority | NON | uc_car_management_activated | off
Statut VO modifiable | stage | OUI | for the passage to Entrée Physique | lifecycle
Destination VO modifiable | destination | NON | entered in the module | vehicle_module
Prix de reprise VO modifiable | trade_in_price | NON | module, or an opportunity's estimate | vehicle_module
FREVO réalisés modifiables | reconditioning_cost | OUI | entered in ICAR for the module | dms
Châssis VO modifiable | vin | NON | module, at creation or estimate | vehicle_module
Immatriculation VO modifiable | registration | NON | module, at creation or estimate | vehicle_module
Date MEC VO modifiable | first_registration_date | NON | module, at creation or estimate | vehicle_module
Date de carte grise modifiable | registration_certificate_date | NON | module, at creation or estimate | vehicle_module
N° de police modifiable | police_number | OUI | entered in ICAR; brings Entrée Physique | dms
Kilométrage VO modifiable | mileage | OUI | entered in ICAR, may be updated there | shared
Origine VO modifiable | origin | NON | module, at creation or estimate | vehicle_module
Repreneur VO modifiable | trade_in_buyer | NON | module, at creation or estimate | vehicle_module
Prix de vente VO modifiable | sale_price | NON | module, at creation or estimate | vehicle_module
Couleur extérieure VO modifiable | exterior_colour | NON | module, at creation or estimate | vehicle_module
Autoriser les prix de vente VO inférieurs ou égaux à 1 | allow_sale_price_at_most_1 | OUI | uc_price_editable | on
Source d'achat modifiable | purchase_source | NON | module | vehicle_module
TVA récupérable modifiable | vat_recoverable | OUI | possible in ICAR, TBD | shared
Prix de vente VO facturé modifiable | invoiced_sale_price | OUI | entered in ICAR for the module | dms
Sortie des véhicules en statut livraison | exit_from_delivery | OUI | exit through ICAR; also orders outside Opportunités | on
Créer des véhicules | dms_creates_vehicles | NON | TBD | off
"""  # noqa: E501
ROWS = [tuple(cell.strip() for cell in line.split("|")) for line in GUIDE.strip().splitlines()]

# module stage x DMS status: not_there, pre_entry, in_stock, invoiced
LIFE = """
not_there       | -              | unknown_in_vehicle_module | unknown_in_vehicle_module | ignored
pre_entry       | create_in_dms  | agreed                    | follow_dms                | follow_dms
physical_entry  | missing_in_dms | stage_regression          | agreed                    | follow_dms
post_prep_check | missing_in_dms | stage_regression          | agreed                    | follow_dms
sales_stock     | missing_in_dms | stage_regression          | agreed                    | follow_dms
delivery        | missing_in_dms | stage_regression          | agreed                    | follow_dms
exit            | closed         | reopened_in_dms           | reopened_in_dms           | closed
"""


def test_the_guide_has_8_oui_and_13_non_in_17_attributes_and_4_switches() -> None:
    said = [row[2] for row in ROWS]
    assert (len(ROWS), said.count("OUI"), said.count("NON")) == (21, 8, 13)
    assert len([row for row in ROWS if row[4] in ("on", "off")]) == 4


def test_the_matrix_is_the_guide_s_table_word_for_word_and_in_its_order() -> None:
    shipped = [
        (row.guide.label, row.attribute or row.switch, row.guide.dms_may_modify, row.guide.note, _owner(PDV1, row))
        for row in PDV1.guide_rows
    ]
    assert shipped == ROWS


def _owner(point: PointOfSaleMapping, row: object) -> str:
    switch, attribute = getattr(row, "switch", None), getattr(row, "attribute", None)
    if switch is not None:
        return "on" if point.switches[switch] else "off"
    if attribute == "stage":
        return "lifecycle"
    return point.matrix.rows[str(attribute)].policy.owner.value


def test_what_the_guide_leaves_open_is_announced() -> None:
    assert [row.attribute or row.switch for row in PDV1.guide_rows if row.provisional] == [
        "vat_recoverable",
        "dms_creates_vehicles",
    ]
    assert PDV1.lines_to_confirm == ("private", "trade", "scrap")


@pytest.mark.parametrize("line", LIFE.strip().splitlines(), ids=lambda line: line.split()[0])
def test_every_cell_of_the_lifecycle_means_what_the_table_says(line: str) -> None:
    stage, *cells = [cell.strip() for cell in line.split("|")]
    statuses = ("not_there", "pre_entry", "in_stock", "invoiced")
    shipped = [PDV1.lifecycle.meanings.get((stage, status), "-") for status in statuses]
    assert shipped == cells


def test_the_meaning_table_has_no_cell_besides() -> None:
    assert len(PDV1.lifecycle.meanings) == 4 * 7 - 1


def test_each_destination_has_its_line_of_life() -> None:
    whole = ("pre_entry", "physical_entry", "post_prep_check", "sales_stock", "delivery", "exit")
    assert {name: line.stages for name, line in PDV1.lifecycle.lines.items()} == {
        "private": whole,
        "trade": whole,
        "scrap": ("pre_entry", "physical_entry", "exit"),
    }
    assert {name: line.optional for name, line in PDV1.lifecycle.lines.items()} == {
        "private": ("post_prep_check",),
        "trade": ("post_prep_check",),
        "scrap": (),
    }
    assert [name for name, line in PDV1.lifecycle.lines.items() if not line.reserves] == ["scrap"]


def test_the_dms_moves_a_car_in_and_out_and_the_module_does_the_rest() -> None:
    moves = {(t.trigger, t.by, source, t.goal) for t in PDV1.lifecycle.transitions for source in t.sources}
    assert {move[2:] for move in moves if move[1] is Side.DMS} == {
        ("pre_entry", "physical_entry"),
        ("delivery", "exit"),
        ("physical_entry", "exit"),
        ("post_prep_check", "exit"),
        ("sales_stock", "exit"),
    }
    assert {move[2:] for move in moves if move[1] is Side.VEHICLE_MODULE} == {
        ("physical_entry", "post_prep_check"),
        ("physical_entry", "sales_stock"),
        ("post_prep_check", "sales_stock"),
        ("sales_stock", "delivery"),
    }


def test_every_move_of_the_dms_has_its_guards() -> None:
    assert {t.trigger: (t.guards, t.lines) for t in PDV1.lifecycle.transitions if t.by is Side.DMS} == {
        "enter": (("police_number_set",), ()),
        "invoice": (("exit_from_delivery", "invoice_complete"), ()),
        "invoice_sold_outside": (("no_order_in_module", "invoice_complete"), ("private", "trade")),
        "invoice_scrap": (("no_order_in_module", "invoice_complete"), ("scrap",)),
    }


def test_the_police_number_is_the_dms_s_immutable_and_never_filled_towards_it() -> None:
    policy = PDV1.matrix.rows["police_number"].policy
    assert (policy.owner, policy.immutable, policy.fillable) == (Owner.DMS, True, {Side.VEHICLE_MODULE})


def test_mileage_is_shared_takes_the_higher_and_shows_a_jump() -> None:
    policy = PDV1.matrix.rows["mileage"].policy
    assert (policy.owner, policy.on_both_changed, policy.never_decreases, policy.max_jump) == (
        Owner.SHARED,
        OnBothChanged.HIGHEST,
        True,
        50_000,
    )


def test_orders_and_invoices_are_read_and_never_written() -> None:
    for name in ("module_order", "dms_order", "dms_order_date", "invoice_number", "invoice_date"):
        policy = PDV1.matrix.rows[name].policy
        assert (policy.owner, policy.writable) == (Owner.NONE, frozenset())


def test_the_buyer_is_the_only_value_that_names_a_person() -> None:
    assert [name for name, attribute in PDV1.vocabulary.items() if attribute.personal] == ["trade_in_buyer"]


def test_no_price_and_no_mileage_may_be_negative() -> None:
    numbers = [a for a in PDV1.vocabulary.values() if a.kind in (Kind.MONEY, Kind.INTEGER)]
    assert len(numbers) == 5
    assert {attribute.minimum for attribute in numbers} == {0}


def test_a_low_price_is_a_mistake_only_where_the_switch_is_off() -> None:
    assert not any(isinstance(rule, MoreThan) for rule in PDV1.rules)
    off = Edit(POINTS, "  PDV2:\n", "  PDV2:\n    switches: {allow_sale_price_at_most_1: false}\n")
    assert MoreThan("sale_price", 100) in loaded(off).points_of_sale["PDV2"].rules


def test_every_colour_of_the_sandbox_is_read_alike_on_both_sides() -> None:
    module = PDV1.translations[Side.VEHICLE_MODULE].fields["exterior_colour"].converter
    dms = PDV1.translations[Side.DMS].fields["exterior_colour"].converter
    for code, spellings in colours().items():
        ours = dms.read(code)
        assert ours in PDV1.vocabulary["exterior_colour"].choices
        assert {module.read(spelling) for spelling in spellings} == {ours}, code


def test_every_purchase_source_of_the_sandbox_is_read_alike_on_both_sides() -> None:
    module = PDV1.translations[Side.VEHICLE_MODULE].fields["purchase_source"].converter
    dms = PDV1.translations[Side.DMS].fields["purchase_source"].converter
    assert {word: module.read(word) for word in SOURCES} == {word: dms.read(code) for word, code in SOURCES.items()}


def test_only_used_cars_are_synchronised() -> None:
    assert PDV1.vehicle_types == {"used"}


def test_no_address_and_no_secret_stands_in_the_files() -> None:
    for path in MAPPINGS.rglob("*.yaml"):
        assert not re.search(r"https?://|Bearer |sandbox-(token|key)", path.read_text("utf-8")), path.name


def test_the_files_mean_the_same_to_any_reader_of_yaml() -> None:
    for path in MAPPINGS.rglob("*.yaml"):
        assert isinstance(yaml.safe_load(path.read_text("utf-8")), dict)


@pytest.mark.parametrize(("side", "proven"), [(Side.VEHICLE_MODULE, VEHICLE_MODULE), (Side.DMS, DMS)])
def test_both_systems_are_reached_as_the_contract_tests_reach_them(side: Side, proven: str) -> None:
    assert PDV1.systems[side].connection == connection(proven)

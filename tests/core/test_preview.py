"""What an edit of the mapping would change: exactly the cars that differ, under the line that was edited."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from stocksync.mapping.cells import CellChange, cell_changes
from stocksync.mapping.edits import Edit, edits_between
from stocksync.mapping.paths import value_at
from stocksync.stock.reconcile import Category
from stocksync.sync.cars import Car
from stocksync.sync.preview import PointPreview, preview
from tests.simulation.previews import AT_STAKE, EDITS, OUT_OF_REACH, WITHIN_REACH, FileEdits, told_otherwise
from tests.worlds import DMS, MODULE, World, a_world, crowd, shipped_set

OVERRIDE = (
    "points_of_sale.yaml",
    '    schedule: {quick_every_min: 5, complete_at: "03:30"}\n',
    '    schedule: {quick_every_min: 5, complete_at: "03:30"}\n    ownership: {mileage: {owner: dms}}\n',
)
"""One line: in PDV1 the DMS owns the mileage."""
NOBODYS_PRICE = (*OVERRIDE[:2], OVERRIDE[2].replace("mileage: {owner: dms}", "sale_price: {owner: none}"))
DMS_FILE = "pairs/openflex-icar/dms.yaml"
MODULE_FILE = "pairs/openflex-icar/vehicle_module.yaml"
PAIR_FILE = "pairs/openflex-icar/pair.yaml"
LIFE_FILE = "pairs/openflex-icar/lifecycle.yaml"
BLANKS = 'blank_texts: ["-", "???", NA]'
IN_DELIVERY = "  delivery:\n    not_there: missing_in_dms\n    pre_entry: stage_regression\n    in_stock: "
TRADE = "  trade:\n    stages: [pre_entry, physical_entry, post_prep_check, "
IN_EXIT = "    in_stock: reopened_in_dms\n    invoiced: "
NOW_AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def previewed(world: World, *edits: tuple[str, str, str], among: tuple[tuple[str, str, str], ...] = ()) -> PointPreview:
    """What edits would change; among: others that were made before."""
    before, after = (shipped_set((*among, *e)).points_of_sale["PDV1"] for e in ((), edits))
    return preview(before, after, world.repository, world.clock)


def edits_of(*edits: tuple[str, str, str]) -> list[Edit]:
    return edits_between(shipped_set(()).files, shipped_set(edits).files)


@pytest.fixture
def undecided(tmp_path: Path) -> Iterator[World]:
    """Six cars; in two the mileages differ since first contact, in two more a person typed a smaller one."""
    module, dms = crowd(6)
    dms[0]["km"], dms[1]["km"] = "41000", "39000"
    with a_world(tmp_path / "world.db", module, dms) as world:
        world.settled()
        world.edit(MODULE, "OF-103", characteristics__mileage=39_000)
        world.edit(DMS, "VO104", km="38000")
        world.sync()
        world.forget_writes()
        yield world


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Cars in agreement, some of it in other letters; and one each in dispute, unread, blank, sold, invoiced, alone."""
    module, dms = crowd(9)
    dms[0]["km"], dms[1]["prix_vente"] = "41000", "11 000,00"
    dms[2]["modele"], dms[3]["date_mec"] = "Clïo", "31/02/2019"
    with a_world(tmp_path_factory.mktemp("mixed") / "world.db", module[:8], dms) as world:
        world.settled()
        world.edit(DMS, "VO104", repreneur="")
        world.edit(DMS, "VO105", no_bdc="BC1", date_bdc="10/11/2026")
        world.edit(MODULE, "OF-106", destination="PROFESSIONNEL", order={"id": "OP-1", "date": "2026-11-10"})
        world.edit(MODULE, "OF-107", characteristics__mileage=90_000)
        world.sync()
        yield world


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: " ".join(edit[0][2].split()))
def test_the_cars_that_an_edit_can_reach_tell_what_all_of_them_would(mixed: World, edit: FileEdits) -> None:
    assert not list(told_otherwise(shipped_set(()), "PDV1", edit, mixed.repository, mixed.clock))


@pytest.mark.parametrize(("edits", "of_all"), [(WITHIN_REACH, False), (AT_STAKE, False), (OUT_OF_REACH, True)])
def test_only_an_edit_that_may_reach_a_car_in_agreement_is_decided_for_all_of_them(
    mixed: World, edits: tuple[FileEdits, ...], of_all: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = counted(mixed, monkeypatch)
    for edit in edits:
        asked.clear()
        previewed(mixed, *edit)
        assert bool(asked) is of_all, edit


def test_where_another_mapping_decided_since_every_car_is_decided_anew_but_not_where_that_was_halted(
    undecided: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = counted(undecided, monkeypatch)
    undecided.mappings = shipped_set((OVERRIDE,))
    assert undecided.sync().halts
    asked.clear()
    previewed(undecided, OVERRIDE)
    assert not asked
    undecided.repository.accept_mapping({"PDV1": undecided.mappings.points_of_sale["PDV1"].version}, "A", {}, NOW_AT)
    undecided.sync()
    asked.clear()
    previewed(undecided, OVERRIDE)
    assert asked


def test_an_owner_of_what_differs_within_a_tolerance_is_decided_for_the_cars_where_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each side stays near the last agreed value, and yet they are not near one another."""
    label = "    label: {fr: Prix de vente, en: Sale price}\n"
    tolerant = ("vehicle.yaml", label, f"{label}    tolerance: 10000\n")
    with a_world(tmp_path / "world.db", *crowd(6), edits=(tolerant,)) as world:
        world.settled()
        world.edit(MODULE, "OF-104", sale__price=12_580)
        world.edit(DMS, "VO104", prix_vente="12 420,00")
        world.edit(DMS, "VO102", prix_vente="12 450,00")
        world.sync()
        assert not world.repository.cars_of_interest("openflex-icar", "PDV1")
        asked = counted(world, monkeypatch)
        shown = previewed(world, NOBODYS_PRICE, among=(tolerant,))
        assert [(d.subject, d.after.category) for d in shown.differences] == [("sale_price", Category.HELD)]
        assert not asked
        exact = preview(
            *(m.points_of_sale["PDV1"] for m in (world.mappings, shipped_set(()))), world.repository, world.clock
        )
        assert {d.car.record_ids[DMS] for d in exact.differences} == {"VO102", "VO104"}
        assert not asked
        assert not list(told_otherwise(world.mappings, "PDV1", (), world.repository, world.clock))


def test_an_attribute_that_a_side_is_to_carry_is_decided_for_the_cars_that_say_otherwise_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, dms = crowd(9)
    dms[4]["version"], dms[5]["version"] = "ALLURE", ""
    # Neither side can be read, and both say the same.
    dms[6]["version"] = module[6]["characteristics"]["version"] = "In\x01tens"
    file = "pairs/openflex-icar/dms.yaml"
    line = "  version: {field: version, converter: text}\n"
    unknown = ((file, line, ""), (file, "not_carried: [", "not_carried: [version, "))
    with a_world(tmp_path / "world.db", module, dms, edits=unknown) as world:
        world.settled()
        assert not world.repository.cars_of_interest("openflex-icar", "PDV1")
        assert not list(told_otherwise(world.mappings, "PDV1", (), world.repository, world.clock))
        asked = counted(world, monkeypatch)
        before, after = world.mappings.points_of_sale["PDV1"], shipped_set(()).points_of_sale["PDV1"]
        shown = preview(before, after, world.repository, world.clock)
        assert {(d.car.record_ids[DMS], d.subject) for d in shown.differences} == {
            ("VO104", "version"),
            ("VO105", "version"),
            ("VO106", "version"),
        }
        assert (shown.cars, shown.writes_after) == (9, 2)
        assert not asked


@pytest.mark.parametrize(
    "edit",
    [
        (*OVERRIDE[:2], f"{OVERRIDE[1]}    switches: {{allow_sale_price_at_most_1: false}}\n"),
        ("vehicle.yaml", "en: Mileage}\n", "en: Mileage}\n    maximum: 90000\n"),
    ],
    ids=["a rule", "a bound"],
)
def test_a_new_rule_or_bound_is_decided_for_the_cars_that_break_it(
    edit: tuple[str, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, dms = crowd(9)
    module[4]["sale"]["price"], dms[4]["prix_vente"] = 1, "1,00"
    module[4]["characteristics"]["mileage"], dms[4]["km"] = 90_001, "90 001"
    with a_world(tmp_path / "world.db", module, dms) as world:
        world.settled()
        assert not list(told_otherwise(world.mappings, "PDV1", (edit,), world.repository, world.clock))
        asked = counted(world, monkeypatch)
        shown = previewed(world, edit)
        assert [(d.car.record_ids[DMS], d.after.category) for d in shown.differences] == [("VO104", Category.HELD)]
        assert not asked


@pytest.mark.parametrize(("zone", "told"), [("Europe/London", {"VO104", "VO105"}), ("Pacific/Auckland", set())])
def test_another_time_zone_is_decided_for_the_cars_that_it_puts_in_the_future(
    zone: str, told: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half past midnight in Paris: a car of today, one whose certificate is, and one of the day before."""
    module, dms = crowd(14)
    identified = module[5]["identification"]
    identified["registrationCertificateDate"], dms[5]["date_cg"] = "2026-11-21", "21/11/2026"
    for number, day in ((4, 21), (6, 20)):
        first = {"firstRegistrationDate": f"2026-11-{day}", "registrationCertificateDate": None}
        module[number]["identification"].update(first)
        dms[number].update(date_mec=f"{day}/11/2026", date_cg="")
    with a_world(tmp_path / "world.db", module, dms) as world:
        world.clock.at = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
        world.settled()
        edit = ("points_of_sale.yaml", "time_zone: Europe/Paris", f"time_zone: {zone}")
        assert not list(told_otherwise(world.mappings, "PDV1", (edit,), world.repository, world.clock))
        asked = counted(world, monkeypatch)
        assert {d.car.record_ids[DMS] for d in previewed(world, edit).differences} == told
        assert not asked


def test_what_stands_in_a_record_is_told_as_it_is_there_and_asked_once_of_what_many_say(tmp_path: Path) -> None:
    module, dms = crowd(4)
    for record, order in zip(module, ({"id": None}, {"id": 7}, None, "OP-1"), strict=True):
        record["order"] = order
    module[3]["sale"]["price"], module[3]['l\'"année\\"'] = Decimal("12500.50"), {"": "é"}
    paths = ("sale.price", "order.id", "sale", 'l\'"année\\"', 'l\'"année\\".', "id.x", "status", "not.there")
    with a_world(tmp_path / "world.db", module, dms) as world:
        world.settled()
        held = world.repository.snapshots_at("openflex-icar", "PDV1")[MODULE]
        said: list[str] = []
        found, looked_at = world.repository.records_saying(
            "openflex-icar", "PDV1", MODULE, paths, lambda values: bool(said.append(repr(values)))
        )
        assert (found, looked_at) == ({}, 4)
        assert sorted(said) == sorted(repr([value_at(r.body, path) for path in paths]) for r in held.values())
        said.clear()
        found, _ = world.repository.records_saying(
            "openflex-icar", "PDV1", MODULE, ("destination",), lambda values: not said.append(values), ("km", "couleur")
        )
        assert said == [["PARTICULIER", "84 500", "GRIS"]]
        assert found == held


@pytest.mark.parametrize("said", ["NA", " NA", "NA\t", "\xa0\u3000NA\x1c\n", 'a"\\é\x01', "-7", -7, "7", 7])
def test_a_record_that_says_a_text_in_any_spelling_is_asked_of_and_hardly_any_other(
    tmp_path: Path, said: str | int
) -> None:
    """Somewhere: also where nobody looks."""
    texts = {str(said).strip()}
    module, dms = crowd(6)
    module[3]["notes"] = [{"said": said}]
    module[4]["notes"] = [{f"{said}": None}, f"{said}x".strip(), True, "ÑNAÑ"]
    with a_world(tmp_path / "world.db", module, dms) as world:
        world.settled()
        asked: list[object] = []
        found, looked_at = world.repository.records_saying(
            "openflex-icar", "PDV1", MODULE, ("id", "notes"), lambda values: not asked.append(values[0]), None, texts
        )
        assert "OF-103" in found
        assert {*asked} <= {"OF-103", "OF-104"} | ({f"OF-10{n}" for n in range(6)} if said in (7, "7") else set())
        assert looked_at == 6


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        ((DMS_FILE, BLANKS, 'blank_texts: ["-", "???"]'), {("VO104", "version")}),
        ((DMS_FILE, BLANKS, 'blank_texts: ["-", "???", NA, ROSE]'), {("VO105", "version"), ("VO105", "model")}),
        ((DMS_FILE, BLANKS, 'blank_texts: ["-", "???", NA, RIEN]'), set()),
        ((MODULE_FILE, BLANKS, 'blank_texts: ["-", "???", NA, "106"]'), {("106", "reference_vehicle_module")}),
    ],
    ids=["a text less", "a text more", "a text that nobody says", "a number that is a reference"],
)
def test_what_means_nothing_is_decided_for_the_cars_that_say_it(
    edit: tuple[str, str, str], told: set[tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, dms = crowd(9)
    module[4]["characteristics"]["version"], dms[4]["version"] = None, " NA\u00a0"
    module[5]["characteristics"]["version"] = module[5]["characteristics"]["model"] = "Rose"
    dms[5]["version"], dms[5]["modele"] = "ROSE", " ROSE"
    dms[6]["dossier"] = "106"
    module[6]["identification"]["dmsReference"] = 106
    with a_world(tmp_path / "world.db", module, dms) as world:
        world.settled()
        assert not list(told_otherwise(world.mappings, "PDV1", (edit,), world.repository, world.clock))
        asked = counted(world, monkeypatch)
        shown = previewed(world, edit)
        assert {(d.car.record_ids[DMS], d.subject) for d in shown.differences} == told
        assert shown.cars == 9
        assert not asked


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        ((PAIR_FILE, "vehicle_types: [used]", "vehicle_types: [used, new]"), {"VO104"}),
        ((LIFE_FILE, f"{IN_DELIVERY}agreed", f"{IN_DELIVERY}stage_regression"), {"VO105"}),
        ((LIFE_FILE, f"{IN_EXIT}closed", f"{IN_EXIT}reopened_in_dms"), {"VO106"}),
        ((LIFE_FILE, "  exit:\n    not_there: closed", "  exit:\n    not_there: missing_in_dms"), {"VO107"}),
        ((LIFE_FILE, f"{TRADE}sales_stock, delivery, exit]", f"{TRADE}delivery, exit]"), {"VO108"}),
        ((LIFE_FILE, "guards: [exit_from_delivery, invoice_complete]", "guards: [police_number_set]"), set()),
    ],
    ids=["a type that comes", "a meaning", "the end", "a record alone", "a line of life", "a guard"],
)
def test_an_edited_lifecycle_or_type_is_decided_for_the_cars_that_it_means(
    edit: tuple[str, str, str], told: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, dms = crowd(14)
    module[4]["type"], dms[4]["type"], dms[4]["km"] = "VN", "VN", "84 000"
    module[5]["status"] = "LIVRAISON"
    module[8]["destination"], dms[8]["destination"] = "PROFESSIONNEL", "M"
    with a_world(tmp_path / "world.db", module, dms) as world:
        world.settled()
        for number in (106, 107):
            world.edit(DMS, f"VO{number}", statut="Facturé")
            world.edit(MODULE, f"OF-{number}", status="SORTIE")
        world.sync()
        world.dms.remove("VO107")
        world.sync()
        assert not world.repository.cars_of_interest("openflex-icar", "PDV1")
        assert not list(told_otherwise(world.mappings, "PDV1", (edit,), world.repository, world.clock))
        asked = counted(world, monkeypatch)
        assert {d.car.record_ids[DMS] for d in previewed(world, edit).differences} == told
        assert not asked


def test_where_a_status_brings_a_car_is_decided_for_the_cars_that_it_brings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There already, until it is another stage."""
    entered = "  physical_entry:\n    not_there: missing_in_dms\n    pre_entry: stage_regression\n    in_stock: "
    follows = (LIFE_FILE, f"{entered}agreed", f"{entered}follow_dms")
    brings = (
        (LIFE_FILE, "    brings: physical_entry\n", "    brings: sales_stock\n"),
        (LIFE_FILE, "    sources: [pre_entry]\n    goal: phys", "    sources: [pre_entry, phys"),
        (
            LIFE_FILE,
            "[pre_entry, physical_entry\n    by: dms",
            "[pre_entry, physical_entry]\n    goal: sales_stock\n    by: dms",
        ),
        (
            LIFE_FILE,
            "    sources: [physical_entry]\n    goal: exit\n",
            "    sources: [pre_entry, physical_entry]\n    goal: exit\n",
        ),
    )
    module, dms = crowd(9)
    module[4]["status"] = "ENTREE_PHYSIQUE"
    with a_world(tmp_path / "world.db", module, dms, edits=(follows,)) as world:
        world.settled()
        assert not world.repository.cars_of_interest("openflex-icar", "PDV1")
        shown = previewed(world, *brings, among=(follows,))
        assert {(d.car.record_ids[DMS], d.subject) for d in shown.differences} == {("VO104", "stage")}


def test_a_guard_of_a_preview_counts_the_cars_that_were_left_alone(tmp_path: Path) -> None:
    module, dms = crowd(14)
    for record in dms[:6]:
        record["km"] = "41000"
    with a_world(tmp_path / "world.db", module, dms) as world:
        world.settled()
        shown = previewed(world, OVERRIDE)
        assert (shown.cars, shown.writes_after, shown.halts) == (14, 6, ())


def counted(world: World, patch: pytest.MonkeyPatch) -> list[str]:
    """Notes when all cars of a point of sale are asked for."""
    asked: list[str] = []
    everything = world.repository.cars_at

    def noted(pair: str, point_of_sale: str) -> list[Car]:
        asked.append(point_of_sale)
        return everything(pair, point_of_sale)

    patch.setattr(world.repository, "cars_at", noted)
    return asked


def test_a_field_that_is_read_otherwise_in_few_records_is_decided_for_their_cars_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, dms = crowd(9)
    module[4]["characteristics"]["exteriorColour"], dms[4]["couleur"] = "Vert", "VERT"
    edit = (("pairs/openflex-icar/dms.yaml", "      green: [VERT]\n", "      green: [VERTE]\n"),)
    with a_world(tmp_path / "world.db", module, dms) as world:
        world.settled()
        assert not list(told_otherwise(world.mappings, "PDV1", edit, world.repository, world.clock))
        asked = counted(world, monkeypatch)
        shown = previewed(world, *edit)
        assert [(d.car.record_ids[DMS], d.subject) for d in shown.differences] == [("VO104", "exterior_colour")]
        assert shown.cars == 9
        assert not asked


def test_who_owns_the_mileage_is_one_line_and_the_preview_names_exactly_the_cars_that_differ(undecided: World) -> None:
    shown = previewed(undecided, OVERRIDE)
    assert [(d.car.record_ids[MODULE], d.subject, d.after.writes) for d in shown.differences] == [
        ("OF-100", "mileage", {MODULE: "41000"}),
        ("OF-101", "mileage", {MODULE: "39000"}),
    ]
    assert {(d.before.category, d.after.category) for d in shown.differences} == {(Category.CONFLICT, Category.WRITTEN)}
    assert (shown.writes_before, shown.writes_after) == (0, 2)


def test_what_a_preview_names_is_what_the_next_run_does(undecided: World) -> None:
    shown = previewed(undecided, OVERRIDE)
    undecided.mappings = shipped_set((OVERRIDE,))
    undecided.repository.accept_mapping({"PDV1": undecided.mappings.points_of_sale["PDV1"].version}, "A", {}, NOW_AT)
    undecided.sync()
    done = [(w.record_id, str(w.body["characteristics"]["mileage"])) for w in undecided.module.writes]
    assert sorted(done) == sorted((d.car.record_ids[MODULE], d.after.writes[MODULE]) for d in shown.differences)
    assert not undecided.dms.writes


def test_a_preview_asks_nobody_and_changes_nothing(undecided: World) -> None:
    before = undecided.rows()
    undecided.module.error_before = undecided.dms.error_before = _must_not_be_asked  # type: ignore[assignment]
    previewed(undecided, OVERRIDE)
    assert undecided.rows() == before


def _must_not_be_asked(call: str) -> None:
    raise AssertionError(f"a preview sent a request: {call}")


def test_an_edited_label_differs_in_nothing(undecided: World) -> None:
    edit = ("pairs/openflex-icar/pair.yaml", "fr: OpenFlex et ICAR", "fr: Les deux")
    assert edits_of(edit) == []
    assert previewed(undecided, edit).differences == ()


def test_a_code_that_is_not_in_a_table_any_more_is_seen_in_every_car_that_has_it(undecided: World) -> None:
    file = "pairs/openflex-icar/dms.yaml"
    edit = (file, "      grey: [GRIS]\n", "      grey: [GRISE]\n")
    [found] = edits_of(edit)
    assert (found.file, found.path) == (file, "fields.exterior_colour.table.grey")
    assert (found.before, found.after) == ("[GRIS]", "[GRISE]")
    differing = previewed(undecided, edit).differences
    assert {d.subject for d in differing} == {"exterior_colour"}
    assert len(differing) == 6
    assert all(found.concerns("openflex-icar", "PDV1", d.subject) for d in differing)


def test_an_edit_is_told_with_its_own_line_and_what_it_is_about() -> None:
    [edit] = edits_of(OVERRIDE)
    line = shipped_set((OVERRIDE,)).files["points_of_sale.yaml"].decode().splitlines()[edit.line - 1]
    assert line.strip() == "ownership: {mileage: {owner: dms}}"
    assert (edit.path, edit.before, edit.after) == ("points_of_sale.PDV1.ownership.mileage", None, "{owner: dms}")
    assert edit.subjects == {"mileage"}
    assert not edit.concerns("openflex-icar", "PDV2", "mileage")
    assert not edit.concerns("openflex-icar", "PDV1", "sale_price")


def test_the_cells_that_change_are_those_of_the_edited_point_of_sale_alone() -> None:
    [change] = changed_cells(OVERRIDE)
    assert (change.attribute, change.facet, change.before, change.after) == ("mileage", "owner", "shared", "dms")
    assert change.points_of_sale == ("PDV1",)
    assert change.where == ({},)
    assert change.rule == edits_of(OVERRIDE)[0].where


def test_a_condition_shows_as_the_stages_for_which_the_cell_changes() -> None:
    row = "  - attribute: mileage\n    owner: shared\n"
    exception = "    exceptions: [{when: {stage: [sales_stock, delivery]}, owner: vehicle_module}]\n"
    [change] = changed_cells(("pairs/openflex-icar/ownership.yaml", row, row + exception))
    assert (change.before, change.after) == ("shared", "vehicle_module")
    assert change.points_of_sale == ("PDV1", "PDV2")
    assert change.where == ({"stage": ("sales_stock", "delivery")},)


def test_an_accepted_edit_runs_at_once_and_one_that_nobody_accepted_halts(undecided: World) -> None:
    undecided.mappings = shipped_set((OVERRIDE,))
    assert [halt.guard for halt in undecided.sync().halts] == ["mapping_changed"]
    undecided.repository.accept_mapping({"PDV2": undecided.mappings.points_of_sale["PDV1"].version}, "A", {}, NOW_AT)
    assert [halt.guard for halt in undecided.sync().halts] == ["mapping_changed"]
    undecided.repository.accept_mapping({"PDV1": undecided.mappings.points_of_sale["PDV1"].version}, "A", {}, NOW_AT)
    assert undecided.sync().summary.status == "done"
    assert len(undecided.module.writes) == 2


def changed_cells(*edits: tuple[str, str, str]) -> list[CellChange]:
    before, after = shipped_set(()), shipped_set(edits)
    return cell_changes([(before.points_of_sale[p], after.points_of_sale[p]) for p in after.points_of_sale])

"""`stocksync mapping unknown`: what no mapping reads, what it most likely means, and lines that can be pasted."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import insert

from stocksync.adapters.store.core import SNAPSHOT
from stocksync.adapters.store.engine import WRITE
from stocksync.entrypoints.cli import Commands
from stocksync.entrypoints.context import Context
from stocksync.entrypoints.mapping_unknown import unknown
from stocksync.entrypoints.mapping_unknown_view import Line, UnknownView
from stocksync.entrypoints.mapping_unknown_words import WORDS
from stocksync.mapping.effective import MappingSet
from stocksync.mapping.load import load_files, load_mappings, read_files
from stocksync.mapping.source import read_source
from stocksync.mapping.unknown import UnknownValues
from stocksync.mapping.unknown_points import named_by_other_side, new_points
from stocksync.reports.spelling import Language
from stocksync.settings import Settings
from tests.entrypoints.desk import FRENCH_SPACES, SHIPPED
from tests.worlds import DMS, MODULE, STARTED_AT, World, a_world, crowd, shipped_set

DMS_FILE = "pairs/openflex-icar/dms.yaml"
MODULE_FILE = "pairs/openflex-icar/vehicle_module.yaml"


class Remembering(Context):
    """What every command is given; files that were read before are not read anew, as that takes longest by far."""

    def load_mappings(self) -> MappingSet:
        return _loaded(tuple(sorted(read_files(self.mappings).items())))


@lru_cache(maxsize=4)
def _loaded(files: tuple[tuple[str, bytes], ...]) -> MappingSet:
    return load_files(dict(files))


class Desk:
    """Somebody who asks for unknown values, with a copy of the shipped files."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.mappings = world, folder / "mappings"
        for name, content in read_files(SHIPPED).items():
            target = self.mappings / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.mappings / name
        text = path.read_text("utf-8")
        assert text.count(old) == 1
        path.write_text(text.replace(old, new), "utf-8")

    def run(self, *options: str, language: Language = "fr") -> Result:
        settings = Settings(self.mappings, str(self.world.repository.engine.url), "warning", language, environment={})
        group = Commands("mapping", commands=[unknown])
        done = CliRunner().invoke(group, ["unknown", *options], obj=Remembering(settings))
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    def said(self, *options: str, code: int = 1, language: Language = "fr") -> str:
        done = self.run(*options, language=language)
        assert done.exit_code == code, done.output
        return done.output.translate(FRENCH_SPACES)

    def found(self, *options: str, code: int = 1) -> list[dict[str, Any]]:
        done = self.run("--json", *options)
        assert done.exit_code == code, done.output
        (pair,) = json.loads(done.stdout)["pairs"]
        return list(pair["unknown"])


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with a_world(tmp_path / "memory.db", *crowd(8)) as world:
        yield Desk(world, tmp_path)


def with_colours(desk: Desk, *colours: str) -> None:
    """The first cars have these colours in the DMS; they are grey in the module."""
    for number, colour in enumerate(colours, 100):
        desk.world.edit(DMS, f"VO{number}", couleur=colour)
    desk.world.sync()


def pasted(text: str, file: str) -> dict[str, Any]:
    """What the lines for a file say, read as YAML."""
    source = read_source(text.split(f"coller dans {file}")[1].split("\n\n")[1].encode(), file)
    assert source.problems == []
    assert isinstance(source.data, dict)
    return source.data


def test_a_stock_that_can_be_read_has_none(desk: Desk) -> None:
    desk.world.sync()
    assert "openflex-icar : aucune valeur inconnue (PDV1, PDV2)" in desk.said(code=0)
    assert desk.found(code=0) == []


def test_a_code_is_told_with_its_cars_and_with_what_the_other_side_says_of_them(desk: Desk) -> None:
    with_colours(desk, "GRAPHITE", "graphite ", "GRAPHITE", "GRAPHITE")
    (found,) = desk.found()
    assert (found["side"], found["attribute"], found["field"], found["value"]) == (
        "dms",
        "exterior_colour",
        "couleur",
        "GRAPHITE",
    )
    assert (found["cars"], found["other_side_says"]) == (4, {"grey": 4})
    assert [example["record"] for example in found["examples"]] == ["VO100", "VO101", "VO102"]
    assert found["meaning"] == {"word": "grey", "cars": 4, "of": 4, "sure": True}
    told = desk.said()
    assert "# « GRAPHITE » : 4 voitures ; le module véhicules dit grey pour 4 sur 4\n" in told
    assert pasted(told, DMS_FILE) == {"fields": {"exterior_colour": {"table": {"grey": ["GRIS", "GRAPHITE"]}}}}


def test_what_the_lines_say_makes_the_value_readable_once_it_is_pasted(desk: Desk) -> None:
    with_colours(desk, "GRAPHITE", "GRAPHITE")
    entry = pasted(desk.said(), DMS_FILE)["fields"]["exterior_colour"]["table"]["grey"]
    desk.edit(DMS_FILE, "grey: [GRIS]", f"grey: [{', '.join(entry)}]")
    assert desk.found(code=0) == []


def test_what_the_other_side_says_counts_before_the_spelling(desk: Desk) -> None:
    for number in range(100, 104):
        desk.world.edit(MODULE, f"OF-{number}", characteristics__exteriorColour="Vert")
    with_colours(desk, *["NOIR VERNI"] * 4)
    (found,) = desk.found()
    assert found["nearest"][0]["word"] == "black"
    assert found["meaning"]["word"] == "green"


def test_a_meaning_is_sure_only_with_enough_cars_and_a_clear_share(desk: Desk) -> None:
    desk.world.edit(MODULE, "OF-100", characteristics__exteriorColour="Vert")
    with_colours(desk, *["GRAPHITE"] * 4, "PRUNE", "PRUNE")
    meanings = {one["value"]: one["meaning"] for one in desk.found()}
    assert meanings["GRAPHITE"] == {"word": "grey", "cars": 3, "of": 4, "sure": False}
    assert meanings["PRUNE"] == {"word": "grey", "cars": 2, "of": 2, "sure": False}
    sure = {one["value"]: one["meaning"]["sure"] for one in desk.found("--share", "75", "--cars", "2")}
    assert sure == {"GRAPHITE": True, "PRUNE": True}
    assert "dit grey pour 3 sur 4 : à vérifier" in desk.said()


def test_a_few_cars_against_a_plain_spelling_mean_nothing(desk: Desk) -> None:
    with_colours(desk, "BORDEAU")
    (found,) = desk.found()
    assert (found["other_side_says"], found["nearest"][0]["word"], found["meaning"]) == ({"grey": 1}, "burgundy", None)


def test_a_code_that_the_other_side_tells_nothing_of_is_offered_by_its_spelling_and_never_sure(desk: Desk) -> None:
    for number in (100, 101):
        desk.world.edit(MODULE, f"OF-{number}", characteristics__exteriorColour="")
    with_colours(desk, "BORDEAU", "ZZZ")
    found = {one["value"]: one for one in desk.found("--cars", "1")}
    assert found["BORDEAU"]["meaning"] == {"word": "burgundy", "cars": 0, "of": 0, "sure": False}
    assert found["ZZZ"]["meaning"] is None
    told = desk.said()
    assert "s'écrit presque comme burgundy, rien d'autre ne le dit : à vérifier" in told
    assert "ZZZ" not in told.split("À coller")[1]


def test_a_long_table_keeps_every_spelling_that_it_had(desk: Desk) -> None:
    for number in range(100, 103):
        desk.world.edit(MODULE, f"OF-{number}", characteristics__exteriorColour="Souris")
    desk.world.sync()
    grey = pasted(desk.said(), MODULE_FILE)["fields"]["exterior_colour"]["table"]["grey"]
    table = shipped_set().points_of_sale["PDV1"].translations[MODULE].fields["exterior_colour"].converter.table  # type: ignore[attr-defined]
    assert grey == [*table["grey"], "Souris"]


def test_dates_in_another_spelling_are_one_value_and_the_setting_that_reads_them_is_named(desk: Desk) -> None:
    for number in range(100, 103):
        desk.world.edit(DMS, f"VO{number}", date_mec="14.05.2019", date_cg="20.05.2019")
    desk.world.sync()
    (first, _) = desk.found()
    assert (first["attribute"], first["cars"], first["value"]) == ("first_registration_date", 3, "14.05.2019")
    assert first["other_spelling"] == {"setting": "format: dd.mm.yyyy", "reads": 3, "as_other_side": 3}
    told = desk.said()
    assert "format: dd.mm.yyyy lirait 3 sur 3, dont 3 comme le module véhicules ; mais 5 autres se lisent" in told
    assert "À coller" not in told


def test_a_field_that_is_never_read_as_it_is_set_is_offered_its_other_setting(desk: Desk) -> None:
    for number in range(100, 108):
        desk.world.edit(DMS, f"VO{number}", prix_vente="12,500.00", tva_recup="Non")
    desk.world.sync()
    fields = pasted(desk.said(), DMS_FILE)["fields"]
    assert fields["sale_price"] == {"spelled": "text", "decimal_mark": ".", "thousands": [","]}
    assert fields["vat_recoverable"] == {"yes": "Oui", "no": "Non"}


def test_a_day_that_could_be_a_month_is_left_to_the_other_side_and_else_to_a_person(desk: Desk) -> None:
    desk.edit(DMS_FILE, "{field: date_mec, converter: date, format: dd/mm/yyyy}", DATES_AS_ISO)
    for number in range(100, 103):
        desk.world.edit(MODULE, f"OF-{number}", identification__firstRegistrationDate="2019-05-04")
    desk.world.sync()
    (found,) = desk.found()
    assert found["other_spelling"] == {"setting": "format: dd/mm/yyyy", "reads": 8, "as_other_side": 8}
    add_files(desk.world, 20, date_mec=lambda number: "04/05/2019")
    (alone,) = desk.found("--at-least", "20")
    assert alone["cars"] == 28
    add_files(desk.world, 5, point_of_sale="PDV2", date_mec=lambda number: "04/05/2019")
    (undecided,) = desk.found("--point-of-sale", "PDV2")
    assert (undecided["cars"], undecided["other_spelling"]) == (5, None)


DATES_AS_ISO = "{field: date_mec, converter: date, format: yyyy-mm-dd}"


def test_what_only_breaks_a_rule_is_not_unknown(desk: Desk) -> None:
    desk.world.edit(DMS, "VO100", date_mec="14/05/2031", prix_vente="-5,00")
    desk.world.sync()
    assert desk.found(code=0) == []


def test_vehicles_that_are_not_synchronised_are_left_out(desk: Desk) -> None:
    desk.world.edit(DMS, "VO100", type="VN")
    desk.world.edit(MODULE, "OF-100", type="VN")
    with_colours(desk, "GRAPHITE")
    assert desk.found(code=0) == []


def test_a_point_of_sale_and_a_number_of_cars_narrow_it(desk: Desk) -> None:
    with_colours(desk, "GRAPHITE", "GRAPHITE", "PRUNE")
    assert desk.found("--point-of-sale", "PDV2", code=0) == []
    assert [one["value"] for one in desk.found("--at-least", "2")] == ["GRAPHITE"]
    assert "Did you mean PDV1?" in desk.said("--point-of-sale", "PDV11", code=2)


def test_values_of_an_attribute_that_names_people_are_masked_and_never_offered(desk: Desk) -> None:
    desk.edit(
        "vehicle.yaml", "label: {fr: Origine, en: Origin}", "label: {fr: Origine, en: Origin}\n    personal: true"
    )
    for number in range(100, 104):
        desk.world.edit(DMS, f"VO{number}", origine="DURAND")
    desk.world.sync()
    everything = desk.said() + desk.run("--json").output + desk.said(language="en")
    assert "DURAND" not in everything
    assert "D•••" in everything
    before = read_files(desk.mappings)
    desk.run("--write")
    assert read_files(desk.mappings) == before


def test_a_row_of_the_report_tells_of_a_record_that_is_gone(desk: Desk) -> None:
    with_colours(desk, "GRAPHITE")
    desk.world.dms.remove("VO100")
    desk.world.sync()
    (found,) = desk.found()
    assert (found["value"], found["cars"], found["examples"]) == (
        "GRAPHITE",
        1,
        [{"record": "VO100", "point_of_sale": "PDV1"}],
    )


# --- writing


def test_what_is_sure_is_written_and_nothing_else_is_touched(desk: Desk) -> None:
    with_colours(desk, *["GRAPHITE"] * 3, "PRUNE")
    before = (desk.mappings / DMS_FILE).read_text("utf-8")
    told = desk.said("--write")
    assert f"{DMS_FILE} : 1 valeur ajoutée ; commentaires et ordre sont restés" in told
    assert "1 valeur n'est pas ajoutée" in told
    after = (desk.mappings / DMS_FILE).read_text("utf-8")
    assert after == before.replace("grey: [GRIS]", "grey: [GRIS, GRAPHITE]")
    load_mappings(desk.mappings)
    assert [one["value"] for one in desk.found()] == ["PRUNE"]


def test_nothing_is_written_without_being_told(desk: Desk) -> None:
    with_colours(desk, *["GRAPHITE"] * 3)
    before = read_files(desk.mappings)
    desk.said()
    assert read_files(desk.mappings) == before


# --- many, and hostile


def test_a_value_that_was_cut_or_cannot_be_printed_is_never_put_into_a_table(desk: Desk) -> None:
    with_colours(desk, *["X" * 200] * 3, *["GRIS\x1b[31m"] * 3)
    found = desk.found()
    assert [one["meaning"] for one in found] == [None, None]
    assert "\x1b" not in desk.said()


def test_a_code_that_yaml_would_read_otherwise_is_quoted(desk: Desk) -> None:
    with_colours(desk, *["no"] * 2, *["012"] * 2, *["a: b #c"] * 2)
    grey = pasted(desk.said("--cars", "2"), DMS_FILE)["fields"]["exterior_colour"]["table"]["grey"]
    assert sorted(grey) == ["012", "GRIS", "a: b #c", "no"]
    desk.run("--cars", "2", "--write")
    assert desk.found(code=0) == []


def test_so_many_different_values_are_counted_and_not_all_kept(desk: Desk) -> None:
    desk.world.sync()
    add_files(desk.world, 700, couleur=lambda number: f"COULEUR {number} {'x' * (number % 7)}")
    done = desk.run("--json")
    (pair,) = json.loads(done.stdout)["pairs"]
    assert len(pair["unknown"]) == 500
    assert pair["more"] == [{"side": "dms", "attribute": "exterior_colour", "cars": 200}]
    assert "200 voitures de plus" in desk.said()


def test_records_pass_one_by_one_and_are_not_held_in_memory(desk: Desk) -> None:
    desk.world.sync()

    def peak_of(more: int) -> int:
        add_files(desk.world, more, couleur=lambda number: "GRAPHITE")
        desk.run("--json")
        tracemalloc.start()
        desk.run("--json")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    first = peak_of(600)
    assert peak_of(1800) < first * 1.3


def add_files(world: World, count: int, point_of_sale: str = "PDV1", **fields: Callable[[int], str]) -> None:
    """Put files of the DMS into the database as if they had been read, 2 KB each; nothing else is known of the cars."""
    rows = [
        {
            "pair": "openflex-icar",
            "side": "dms",
            "record_id": f"X{point_of_sale}-{count}-{number}",
            "point_of_sale": point_of_sale,
            "digest": "d",
            "is_open": True,
            "body": json.dumps({name: said(number) for name, said in fields.items()} | {"note": "x" * 2000}).encode(),
            "seen_at": STARTED_AT,
        }
        for number in range(count)
    ]
    with world.repository.engine.execution_options(**{WRITE: True}).begin() as connection:
        connection.execute(insert(SNAPSHOT), rows)


def test_every_sentence_is_there_in_both_languages() -> None:
    assert WORDS["fr"].keys() == WORDS["en"].keys()


# --- points of sale that nobody knows

POINTS = "points_of_sale.yaml"


def elsewhere(desk: Desk, count: int, code: str) -> None:
    """So many files of the DMS say that they are at a point of sale of that code."""
    add_files(desk.world, count, site=lambda _: code)


def test_a_code_of_a_point_of_sale_that_is_not_in_the_files_is_offered_as_a_whole_entry(desk: Desk) -> None:
    desk.world.sync()
    elsewhere(desk, 4, "S07")
    (found,) = desk.found()
    assert (found["attribute"], found["value"], found["cars"]) == ("point_of_sale", "S07", 4)
    assert [near["word"] for near in found["nearest"]] == ["PDV1", "PDV2"]
    assert len(found["examples"]) == 3
    said = desk.said()
    assert "# « S07 » (DMS) : 4 voitures, dont XPDV1-4-0, XPDV1-4-1, XPDV1-4-2" in said
    new = pasted(said, POINTS)["points_of_sale"]["S07"]
    assert new["dms"] == {"code": "S07", "address": "ICAR_URL", "secrets": {"key": "ICAR_KEY"}}
    assert (new["pair"], new["vehicle_module"]["code"]) == ("openflex-icar", "?")


def test_what_is_pasted_is_valid_once_the_missing_code_is_filled_in(desk: Desk) -> None:
    desk.world.sync()
    elsewhere(desk, 2, "0042")
    lines = desk.said().split(f"coller dans {POINTS}")[1].split("\n\n")[1].splitlines()
    path = desk.mappings / POINTS
    path.write_text(path.read_text("utf-8") + "\n".join(lines[1:]).replace("'?'", "PDV7") + "\n", "utf-8")
    point = load_mappings(desk.mappings).points_of_sale["0042"]
    assert [point.systems[side].code for side in (MODULE, DMS)] == ["PDV7", "0042"]


def taken(**places: str) -> UnknownValues:
    """Three cars whose two records say these codes of a point of sale."""
    values = UnknownValues(shipped_set().points_of_sale["PDV1"])
    bodies = {MODULE: {"pointOfSale": places["module"]}, DMS: {"site": places["dms"]}}
    for number in range(3):
        for side, body in bodies.items():
            values.take(side, f"{side.value}-{number}", "PDV1", body, lambda side=side: bodies[side.other])  # type: ignore[misc]
    return values


def test_the_two_codes_of_one_new_point_of_sale_are_put_together() -> None:
    values = taken(module="PDV7", dms="S07")
    found = values.in_order()
    assert [one.raw for one in found] == ["PDV7", "S07"]
    (new,) = new_points(found)
    assert new.codes == {MODULE: "PDV7", DMS: "S07"}
    (text,) = UnknownView(values, ["PDV1"], [Line(one, None) for one in found], "en").texts().values()
    assert "code: PDV7\n" in text
    assert "code: S07\n" in text


def test_where_the_other_side_says_a_known_one_it_is_a_code_to_correct_and_no_new_one() -> None:
    values = taken(module="PDV1", dms="S1")
    (one,) = values.in_order()
    assert named_by_other_side(one) == ("PDV1", 3, 3)
    view = UnknownView(values, ["PDV1"], [Line(one, None)], "en")
    assert view.texts() == {}
    (hint,) = view._hints()
    assert hint.endswith(
        "the vehicle module says PDV1 for 3 of 3: to correct in the system, or, if its code changed, in "
        "points_of_sale.yaml: PDV1, dms, code"
    )

"""What waits for somebody's word stands out wherever the matrix is printed: table, CSV and JSON."""

import csv
import io

from stocksync.entrypoints.matrix_table import MatrixTable, matrices_in_rows
from stocksync.entrypoints.rendering import as_csv
from tests.mapping.editing import OWNERSHIP, POINTS, Edit, loaded

VAT, MILEAGE, CREATES = "TVA récupérable modifiable", "Kilométrage VO modifiable", "Créer des véhicules"
OVERRIDE = "  PDV1:\n    name: 01 - VW SEAT SKODA\n"


def marked(*edits: Edit, point: str = "PDV1") -> set[str]:
    """The rows that are marked, after every form was seen to mark the same ones."""
    table = MatrixTable.of(loaded(*edits).points_of_sale[point], "fr")
    data = {row["label"] for row in table.as_data()["rows"] if row["provisional"]}
    sheet = list(csv.reader(io.StringIO(as_csv(*matrices_in_rows([table])).lstrip("\ufeff")), delimiter=";"))
    assert sheet[0][-1] == "État"
    assert {row[1] for row in sheet[1:] if row[-1] == "provisoire"} == data
    assert {row[0] for row in table.rows if row[-1] == "provisoire"} == data
    assert {row[0] for row in table.narrow_rows if row[-1] == "provisoire"} == data
    return data


def test_the_shipped_rows_that_the_guide_leaves_open_are_marked() -> None:
    assert marked() == {VAT, CREATES}


def test_an_override_of_one_point_of_sale_is_marked_there_and_nowhere_else() -> None:
    edit = Edit(POINTS, OVERRIDE, f"{OVERRIDE}    ownership: {{mileage: {{owner: dms, provisional: true}}}}\n")
    assert marked(edit) == {VAT, MILEAGE, CREATES}
    assert marked(edit, point="PDV2") == {VAT, CREATES}


def test_what_one_point_of_sale_has_settled_is_marked_there_no_more() -> None:
    edit = Edit(POINTS, OVERRIDE, f"{OVERRIDE}    ownership: {{vat_recoverable: {{owner: dms, provisional: false}}}}\n")
    assert marked(edit) == {CREATES}
    assert marked(edit, point="PDV2") == {VAT, CREATES}


def test_a_row_with_a_provisional_exception_is_marked() -> None:
    exception = "    exceptions: [{when: {stage: [delivery]}, owner: dms, provisional: true}]\n"
    old = "    max_jump: 50000\n"
    assert marked(Edit(OWNERSHIP, old, old + exception)) == {VAT, MILEAGE, CREATES}


def test_what_the_guide_has_no_row_for_is_named_in_the_data() -> None:
    old = "{attribute: make, owner: vehicle_module}"
    edit = Edit(OWNERSHIP, old, "{attribute: make, owner: vehicle_module, provisional: true}")
    table = MatrixTable.of(loaded(edit).points_of_sale["PDV1"], "fr")
    assert table.as_data()["also_provisional"] == ["make"]
    assert MatrixTable.of(loaded().points_of_sale["PDV1"], "fr").as_data()["also_provisional"] == []

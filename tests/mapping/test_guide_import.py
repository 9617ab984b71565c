"""The table of a vendor's guide, as people save it, held against the ownership matrix by `mapping import-matrix`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from click.testing import CliRunner, Result

from stocksync.entrypoints.cli import Commands
from stocksync.entrypoints.mapping_import import import_matrix
from stocksync.entrypoints.mapping_import_words import WORDS
from stocksync.errors import UsageError
from stocksync.mapping.guide_table import MAX_BYTES, MAX_LINES, is_to_confirm, read_answer, read_table
from stocksync.mapping.load import load_mappings, read_files
from stocksync.mapping.models import AttributeRowModel, OwnershipFile
from stocksync.mapping.nearest import ranked, similarity
from tests.mapping.editing import OWNERSHIP, POINTS, Edit, edited, loaded

Rows = list[list[str]]


def shipped_rows() -> Rows:
    """The guide's rows as the shipped matrix repeats them."""
    return [list(row) for row in _shipped_rows()]


@lru_cache
def _shipped_rows() -> tuple[tuple[str, str, str], ...]:
    guides = [row.guide for row in loaded().points_of_sale["PDV1"].guide_rows]
    return tuple((guide.label, guide.dms_may_modify, guide.note) for guide in guides)


def as_csv(rows: Iterable[Sequence[str]], separator: str = ";", encoding: str = "utf-8") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode(encoding)


def a_folder(at: Path, *edits: Edit) -> Path:
    for name, content in edited(*edits).items():
        target = at / "mappings" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return at / "mappings"


class Integrator:
    """Somebody who holds tables against a copy of the shipped files."""

    def __init__(self, at: Path, *edits: Edit) -> None:
        self.folder, self.table = a_folder(at, *edits), at / "guide.csv"
        self.before = read_files(self.folder)

    def run(self, table: bytes, *options: str, language: str = "fr") -> Result:
        self.table.write_bytes(table)
        group = Commands("mapping", commands=[import_matrix])
        obj = SimpleNamespace(mappings=self.folder, language=language)
        done = CliRunner().invoke(group, ["import-matrix", str(self.table), *options], obj=obj)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    def data(self, rows: Iterable[Sequence[str]], *options: str, code: int = 1) -> dict[str, object]:
        done = self.run(as_csv(rows), "--json", *options)
        assert done.exit_code == code, done.output
        return dict(json.loads(done.stdout))

    def said(self, rows: Iterable[Sequence[str]], *options: str, code: int = 1, language: str = "fr") -> str:
        done = self.run(as_csv(rows), *options, language=language)
        assert done.exit_code == code, done.output
        return done.output.replace("\u00a0", " ").replace("\u202f", " ")

    @property
    def ownership(self) -> str:
        return (self.folder / OWNERSHIP).read_text("utf-8")


@pytest.fixture
def integrator(tmp_path: Path) -> Integrator:
    return Integrator(tmp_path)


def rows_with(label: str, *cells: str) -> Rows:
    """The shipped rows, the one of a label with other cells behind it."""
    rows = shipped_rows()
    assert label in [row[0] for row in rows]
    return [[label, *cells] if row[0] == label else row for row in rows]


# --- the guide's own table


def test_the_shipped_matrix_imported_into_itself_changes_nothing_and_leaves_nothing_over(
    integrator: Integrator,
) -> None:
    data = integrator.data(shipped_rows(), code=0)
    placed = data["placed"]
    assert isinstance(placed, list)
    assert len(placed) == 21
    assert {row["placed_by"] for row in placed} == {"exact"}
    assert [row["changes"] or row["differences"] for row in placed] == [[]] * 21
    assert (data["unplaced"], data["unanswered"], data["left_over"]) == ([], [], [])
    assert [row["attribute"] or row["switch"] for row in placed if row["to_confirm"]] == [
        "vat_recoverable",
        "dms_creates_vehicles",
    ]
    said = integrator.said(shipped_rows(), code=0)
    assert "guide.csv : 21 lignes placées, dont 0 par ressemblance ; 0 à changer" in said
    assert "rien à changer, rien de reste" in said
    assert "À coller" not in said


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_any_separator_and_encoding_is_read_alike(separator: str, encoding: str) -> None:
    table = read_table(as_csv(shipped_rows(), separator, encoding), lambda _: False)
    assert [[line.label, line.said, line.note] for line in table.lines] == shipped_rows()


def noisy(row: Sequence[str], number: int) -> list[str]:
    """A row as people leave it: other answers for OUI and NON, odd spaces, curly quotes, columns besides."""
    yes, no = ("oui", "Oui ", "O", "X", "YES\u00a0"), ("non", "Non", "N", " NON", "no")
    label = row[0].replace("'", "’").replace(" ", "\u00a0", 1)
    answer = (yes if row[1] == "OUI" else no)[number % 5]
    return [str(number), "", f"  {label} ", answer, "“ok”", row[2].replace("'", "’"), ""]


def test_a_table_with_titles_a_header_columns_besides_and_blank_lines_is_read_alike(integrator: Integrator) -> None:
    rows: Rows = [
        ["Guide interface DMS"],
        [],
        ["N°", "", "Libellé", "Modifiable par le DMS ?", "Vu", "Commentaire", ""],
    ]
    for number, row in enumerate(shipped_rows(), 1):
        rows += [noisy(row, number), ["", "", "", "", "", "", ""]]
    done = integrator.run(as_csv(rows, encoding="cp1252"))
    assert done.exit_code == 0, done.output


def test_a_table_without_a_header_finds_its_columns_by_what_they_hold(integrator: Integrator) -> None:
    rows = [[note, str(number), label, answer] for number, (label, answer, note) in enumerate(shipped_rows(), 1)]
    data = integrator.data(rows, code=0)
    assert isinstance(data["placed"], list)
    assert len(data["placed"]) == 21


def test_lines_keep_the_numbers_of_the_spreadsheet(integrator: Integrator) -> None:
    rows: Rows = [["Libellé", "Modifiable", "Note"], [], ["Garantie constructeur", "OUI", ""], *shipped_rows()]
    (unplaced,) = integrator.data(rows)["unplaced"]  # type: ignore[misc]
    assert (unplaced["line"], unplaced["label"]) == (3, "Garantie constructeur")


# --- answers


@pytest.mark.parametrize(
    ("cell", "answer"),
    [
        ("OUI", "OUI"),
        ("oui", "OUI"),
        ("O", "OUI"),
        ("x", "OUI"),
        ("Oui (TBD)", "OUI"),
        ("OUI ?", "OUI"),
        ("oui*", "OUI"),
        ("OUI - saisi dans le DMS", "OUI"),
        ("✓", "OUI"),
        ("Non.", "NON"),
        ("N", "NON"),
        ("NON (à confirmer)", "NON"),
        ("TBD", None),
        ("à confirmer", None),
        ("?", None),
        ("OUI/NON", None),
        ("oui ou non", None),
        ("ordinateur", None),
        ("nonchalant", None),
        ("", None),
    ],
)
def test_an_answer_is_read_in_every_spelling_and_never_guessed(cell: str, answer: str | None) -> None:
    assert read_answer(cell) == answer


@pytest.mark.parametrize("cell", ["TBD", "OUI, tbd", "à confirmer", "A confirmer", "?", "??", "OUI ?", "to be defined"])
def test_what_is_not_settled_is_seen_in_any_cell(cell: str) -> None:
    assert is_to_confirm(cell)


@pytest.mark.parametrize("cell", ["OUI", "saisi dans le DMS", "qui le saisit, et quand ?", "", "stbde"])
def test_what_is_settled_is_not_taken_for_an_open_question(cell: str) -> None:
    assert not is_to_confirm(cell)


@pytest.mark.parametrize(
    "row",
    [
        ["Prix de vente VO modifiable", "NON", "TBD"],
        ["Prix de vente VO modifiable (à confirmer)", "NON", ""],
        ["Prix de vente VO modifiable", "NON ?", ""],
        ["Prix de vente VO modifiable", "TBD", ""],
    ],
)
def test_a_row_to_confirm_becomes_provisional(integrator: Integrator, row: list[str]) -> None:
    rows = [row if r[0] == "Prix de vente VO modifiable" else r for r in shipped_rows()]
    placed = {r["attribute"]: r for r in integrator.data(rows)["placed"]}  # type: ignore[attr-defined]
    changes = {c["key"]: c["after"] for c in placed["sale_price"]["changes"]}
    assert changes["provisional"] is True
    assert "owner" not in changes
    assert "guide.dms_may_modify" not in changes
    assert "sale_price" in integrator.said(rows).split("provisional: true : ")[1].splitlines()[0]


# --- what changes


def test_an_owner_that_followed_the_guide_follows_it_again_and_is_told(integrator: Integrator) -> None:
    rows = rows_with("Destination VO modifiable", "OUI", "")
    said = integrator.said(rows)
    assert "destination : le guide dit OUI, la matrice le donne au module véhicules : proposé, owner: dms" in said
    assert yaml.safe_load(said.split(":\n\n  - ")[1].join(["- ", ""]).replace("\n  ", "\n")) == [
        {
            "attribute": "destination",
            "owner": "dms",
            "guide": {"label": "Destination VO modifiable", "dms_may_modify": "OUI"},
        }
    ]
    in_english = integrator.said(rows, language="en")
    assert (
        "destination: the guide says OUI, the matrix gives it to the vehicle module: proposed, owner: dms" in in_english
    )


def test_a_decision_that_somebody_took_stays_and_its_difference_is_told(tmp_path: Path) -> None:
    edits = (
        Edit(OWNERSHIP, "attribute: origin\n    owner: vehicle_module", "attribute: origin\n    owner: shared"),
        Edit(
            OWNERSHIP,
            "attribute: trade_in_buyer\n    owner: vehicle_module\n",
            "attribute: trade_in_buyer\n    owner: vehicle_module\n    exceptions:\n"
            "      - {owner: dms, when: {stage: [delivery]}}\n",
        ),
        Edit(POINTS, "  PDV2:\n", "  PDV2:\n    ownership: {sale_price: {owner: dms}}\n"),
    )
    integrator = Integrator(tmp_path, *edits)
    rows = rows_with("Kilométrage VO modifiable", "NON", "")
    said = integrator.said(rows)
    assert "mileage : le guide dit NON, la matrice le partage entre les deux" in said
    assert "origin : le guide dit NON, la matrice le partage entre les deux" in said
    assert "trade_in_buyer : le guide dit NON, l'exception n° 1 de la matrice le donne au DMS" in said
    assert "sale_price : le guide dit NON, le point de vente PDV2 le donne au DMS" in said
    assert "proposé, owner" not in said
    (mileage,) = [row for row in integrator.data(rows)["placed"] if row["changes"]]  # type: ignore[attr-defined]
    assert [(c["key"], c["before"], c["after"]) for c in mileage["changes"]] == [("guide.dms_may_modify", "OUI", "NON")]


def test_a_switch_takes_its_position_from_the_guide(integrator: Integrator) -> None:
    data = integrator.data(rows_with("Créer des véhicules", "OUI", "TBD"))
    (row,) = [row for row in data["placed"] if row["changes"]]  # type: ignore[attr-defined]
    assert (row["switch"], [(c["key"], c["after"]) for c in row["changes"]]) == (
        "dms_creates_vehicles",
        [("guide.dms_may_modify", "OUI")],
    )


def test_a_row_that_is_not_to_confirm_any_more_is_told_and_stays_provisional(integrator: Integrator) -> None:
    rows = rows_with("TVA récupérable modifiable", "OUI", "possible in ICAR")
    assert "plus à confirmer dans le tableau : vat_recoverable" in integrator.said(rows)
    (row,) = [row for row in integrator.data(rows)["placed"] if row["no_longer_to_confirm"]]  # type: ignore[attr-defined]
    assert [c["key"] for c in row["changes"]] == ["guide.note"]


def test_a_row_that_the_table_lacks_is_left_over(integrator: Integrator) -> None:
    assert integrator.data(shipped_rows()[:-1])["left_over"] == ["dms_creates_vehicles"]


# --- placing


def test_a_label_as_the_vocabulary_has_it_is_placed_exactly(integrator: Integrator) -> None:
    for label in ("Kilométrage", "KILOMETRAGE", "Mileage"):
        (row,) = integrator.data([["Libellé", "OUI/NON"], [label, "OUI"]])["placed"]  # type: ignore[misc]
        assert (row["attribute"], row["placed_by"]) == ("mileage", "exact"), label


@pytest.mark.parametrize(
    ("label", "attribute", "alternative"),
    [
        ("Prix de vente facturé (VO)", "invoiced_sale_price", "sale_price"),
        ("Immat. du VO modifiable", "registration", None),
        ("Numéro de police du véhicule", "police_number", None),
        ("date 1ère MEC", "first_registration_date", None),
        ("Couleur exterieur", "exterior_colour", None),
    ],
)
def test_a_label_that_is_like_a_known_one_is_proposed_with_what_else_it_is_like(
    integrator: Integrator, label: str, attribute: str, alternative: str | None
) -> None:
    (row,) = integrator.data([["Libellé", "OUI/NON"], [label, "OUI"]])["placed"]  # type: ignore[misc]
    assert (row["attribute"], row["placed_by"]) == (attribute, "similar")
    assert 0.6 <= row["score"] <= 1
    assert alternative in (None, *(near["name"] for near in row["alternatives"]))


def test_a_label_that_could_be_two_things_is_not_placed(integrator: Integrator) -> None:
    data = integrator.data([["Libellé", "OUI/NON"], ["Prix", "OUI"], ["Marque", "NON"]])
    (unplaced,) = data["unplaced"]  # type: ignore[misc]
    assert {near["name"] for near in unplaced["nearest"]} >= {"sale_price", "trade_in_price"}
    assert "ligne 2, Prix : ressemble à" in integrator.said([["Libellé", "OUI/NON"], ["Prix", "OUI"]])


def test_two_lines_about_one_attribute_are_told_and_the_first_counts(integrator: Integrator) -> None:
    data = integrator.data([*shipped_rows(), ["Kilométrage", "NON", ""]])
    (unplaced,) = data["unplaced"]  # type: ignore[misc]
    assert (unplaced["line"], unplaced["same_as_line"]) == (22, 11)
    assert data["yaml"] == ""


def test_a_likeness_never_takes_the_place_of_an_exact_label(integrator: Integrator) -> None:
    data = integrator.data([["Prix de vente du VO HT", "OUI", ""], *shipped_rows()])
    (unplaced,) = data["unplaced"]  # type: ignore[misc]
    assert (unplaced["line"], unplaced["same_as_line"]) == (1, 15)


def test_the_most_alike_of_two_lines_has_the_place(integrator: Integrator) -> None:
    data = integrator.data([["Libellé", "OUI/NON"], ["Couleur ext.", "NON"], ["La couleur extérieure du VO", "OUI"]])
    ((placed,), (unplaced,)) = data["placed"], data["unplaced"]  # type: ignore[misc]
    assert (placed["line"], placed["attribute"]) == (3, "exterior_colour")
    assert (unplaced["line"], unplaced["same_as_line"]) == (2, 3)


def test_a_line_without_an_answer_is_listed(integrator: Integrator) -> None:
    rows = rows_with("Origine VO modifiable", "peut-être", "")
    assert "ligne 12, Origine VO modifiable : peut-être" in integrator.said(rows)


def test_an_attribute_from_outside_the_guide_s_table_is_proposed_for_the_matrix(integrator: Integrator) -> None:
    data = integrator.data([*shipped_rows(), ["Marque", "NON", ""]])
    (row,) = [row for row in data["placed"] if row["changes"]]  # type: ignore[attr-defined]
    assert (row["attribute"], row["also_carried"]) == ("make", True)
    assert yaml.safe_load(str(data["yaml"])) == [
        {"attribute": "make", "owner": "vehicle_module", "guide": {"label": "Marque", "dms_may_modify": "NON"}}
    ]


def test_a_matrix_that_is_empty_is_filled_by_the_guide_labels_of_other_pairs(integrator: Integrator) -> None:
    ours, new = integrator.folder / OWNERSHIP, integrator.folder / "pairs" / "new" / "ownership.yaml"
    new.parent.mkdir()
    new.write_text("matrix: []\n", "utf-8")
    data = integrator.data(shipped_rows(), "--pair", "new")
    rows = OwnershipFile.model_validate({"matrix": yaml.safe_load(str(data["yaml"]))}).matrix
    assert len(rows) == 21
    owners = {row.attribute: row.owner for row in rows if isinstance(row, AttributeRowModel)}
    assert (owners["stage"], owners["mileage"], owners["vin"]) == ("lifecycle", "dms", "vehicle_module")
    assert [row.provisional for row in rows].count(True) == 2
    # Alone, "Prix de vente VO facturé" is as much the sale price as the invoiced price.
    ours.unlink()
    alone = integrator.data(shipped_rows(), "--pair", "new")
    assert [one["label"] for one in alone["unplaced"]] == ["Prix de vente VO facturé modifiable"]  # type: ignore[attr-defined]


# --- writing


def changed_lines(before: str, after: str) -> tuple[set[str], set[str]]:
    return set(before.splitlines()) - set(after.splitlines()), set(after.splitlines()) - set(before.splitlines())


def test_writing_changes_the_lines_it_must_and_no_comment(integrator: Integrator) -> None:
    before = integrator.ownership
    rows = rows_with("Destination VO modifiable", "OUI ?", "saisi dans ICAR")
    said = integrator.said(rows, "--write", code=0)
    assert "1 ligne écrite ; commentaires et ordre sont restés" in said
    gone, came = changed_lines(before, integrator.ownership)
    assert gone == {"      note: entered in the module"}
    assert came == {"      note: saisi dans ICAR"}
    row = integrator.ownership.split("attribute: destination\n")[1].split("\n\n")[0]
    assert row.splitlines()[:2] == ["    owner: dms", "    provisional: true"]
    point = load_mappings(integrator.folder).points_of_sale["PDV1"]
    assert point.matrix.rows["destination"].policy.provisional
    assert integrator.run(as_csv(rows)).exit_code == 0


def test_a_new_owner_does_not_keep_the_former_one_s_note_where_the_table_leaves_its_note_blank(
    integrator: Integrator,
) -> None:
    before = integrator.ownership
    rows = rows_with("Destination VO modifiable", "OUI", "")
    assert "note: entered in the module → none" in integrator.said(rows, language="en")
    integrator.said(rows, "--write", code=0)
    gone, came = changed_lines(before, integrator.ownership)
    assert "      note: entered in the module" in gone
    assert not any("note" in line for line in came)
    assert integrator.run(as_csv(rows)).exit_code == 0


def test_a_note_stays_where_the_owner_does_or_where_the_table_has_no_column_for_notes(integrator: Integrator) -> None:
    kept = integrator.data(rows_with("Destination VO modifiable", "NON", ""), code=0)["placed"]
    assert [row["changes"] for row in kept if row["attribute"] == "destination"] == [[]]  # type: ignore[attr-defined]
    bare = [["Libellé", "OUI/NON"], ["Destination VO modifiable", "OUI"]]
    (row,) = integrator.data(bare)["placed"]  # type: ignore[misc]
    assert [change["key"] for change in row["changes"]] == ["owner", "guide.dms_may_modify"]


def test_what_was_placed_by_likeness_is_written_only_when_told(integrator: Integrator) -> None:
    rows = [["Couleur ext. du VO", "OUI", ""] if r[0].startswith("Couleur") else r for r in shipped_rows()]
    before = integrator.ownership
    assert "ajouter --similar" in integrator.said(rows, "--write")
    assert integrator.ownership == before
    integrator.said(rows, "--write", "--similar", code=0)
    assert load_mappings(integrator.folder).points_of_sale["PDV1"].matrix.rows["exterior_colour"].policy.owner == "dms"


def test_a_row_moves_from_also_carried_into_the_matrix(integrator: Integrator) -> None:
    integrator.said([*shipped_rows(), ["Marque", "OUI", ""]], "--write")
    point = load_mappings(integrator.folder).points_of_sale["PDV1"]
    assert [row.attribute for row in point.guide_rows][-1] == "make"
    assert "{attribute: make" not in integrator.ownership
    assert "{attribute: model, owner: vehicle_module}" in integrator.ownership


def test_nothing_is_written_without_being_told(integrator: Integrator) -> None:
    integrator.said(rows_with("Destination VO modifiable", "OUI", ""))
    assert read_files(integrator.folder) == integrator.before


# --- what cannot be read


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "No line of the table"),
        (b"just some words\nand more\n", "No line of the table"),
        (b"PK\x03\x04rest", "workbook"),
        (b"a;b\0c\n", "no text"),
        (b"x" * (MAX_BYTES + 1), "larger than"),
        (b"label;OUI\n" * (MAX_LINES + 1), "more than 2000 lines"),
        (b";".join([b"OUI label"] * 101) + b"\n", "more than 100 columns"),
        (b"Marque;OUI;NON\nVersion;NON;OUI\n", "Several columns"),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(integrator: Integrator, content: bytes, told: str) -> None:
    done = integrator.run(content)
    assert (done.exit_code, told in done.output) == (2, True), done.output


def test_two_columns_of_answers_are_told_apart_by_their_header_or_by_the_reader(integrator: Integrator) -> None:
    rows: Rows = [["Libellé", "Obligatoire", "Modifiable DMS", "Note"]]
    rows += [[label, "OUI", answer, note] for label, answer, note in shipped_rows()]
    assert integrator.run(as_csv(rows)).exit_code == 0
    rows[0] = ["Libellé", "A", "B", "Note"]
    assert "2 (A), 3 (B)" in integrator.said(rows, code=2)
    assert integrator.run(as_csv(rows), "--column", "b").exit_code == 0
    assert integrator.run(as_csv(rows), "--column", "3").exit_code == 0
    assert "No column C" in integrator.said(rows, "--column", "C", code=2)


def test_a_quotation_mark_that_is_never_closed_swallows_nothing(integrator: Integrator) -> None:
    rows = [";".join([label, answer, note.replace(";", "")]) for label, answer, note in shipped_rows()]
    rows[3] = '"' + rows[3]
    data = json.loads(integrator.run("\n".join(rows).encode(), "--json").stdout)
    assert len(data["placed"]) == 21


def test_an_unknown_pair_and_a_missing_folder_are_wrong_use(integrator: Integrator) -> None:
    assert "Did you mean openflex-icar?" in integrator.run(as_csv(shipped_rows()), "--pair", "openflex").output
    integrator.folder = integrator.folder / "nowhere"
    assert integrator.run(as_csv(shipped_rows())).exit_code == 2


def test_wrong_mapping_files_are_listed(tmp_path: Path) -> None:
    integrator = Integrator(tmp_path, Edit(OWNERSHIP, "on_both_changed: highest", "on_both_changed: higest"))
    done = integrator.run(as_csv(shipped_rows()))
    assert (done.exit_code, "did you mean highest?" in done.output) == (2, True)


def test_a_cell_with_control_characters_comes_out_clean() -> None:
    table = read_table("Mar\x1bque\u200b;OUI;\x07note\n".encode(), lambda _: True)
    assert [(line.label, line.note) for line in table.lines] == [("Marque", "note")]
    with pytest.raises(UsageError):
        read_table(b"\xff\xfe", lambda _: True)


# --- likeness


def test_likeness_is_blind_to_accents_case_order_and_cut_words() -> None:
    assert similarity("Date MEC", "mec DATE") == 1.0
    assert similarity("Kilométrage", "kilometrage") == 1.0
    assert similarity("Immat", "Immatriculation") == 0.9
    assert similarity("Châssi", "chassis") > 0.8
    assert similarity("Prix 1", "Prix 2") == 0.5
    assert similarity("", "x") == 0.0


def test_the_nearest_name_comes_first_and_equals_come_in_order() -> None:
    names = {"b": ["gris clair"], "a": ["gris foncé"], "c": ["rouge"]}
    assert [near.name for near in ranked("gris souris", names)] == ["a", "b"]


def test_every_sentence_is_there_in_both_languages() -> None:
    assert WORDS["fr"].keys() == WORDS["en"].keys()

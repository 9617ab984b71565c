"""`stocksync mapping` and `stocksync init`, as they are called."""

import csv
import io
import json
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from stocksync.entrypoints.mapping_commands import init, mapping, shipped_mappings
from stocksync.errors import ConfigurationError, UsageError
from tests.mapping.editing import MAPPINGS, OWNERSHIP, POINTS, VEHICLE, Edit, edited, loaded, shipped

ROOT = MAPPINGS.parent
STAGES = ["pré-rentrée", "entrée physique", "vérification post préparation", "stock de vente", "livraison", "sortie"]


@pytest.fixture
def copy(tmp_path: Path) -> Callable[..., Path]:
    """Write the shipped files, with some edits, into a folder of their own."""

    def write(*edits: Edit) -> Path:
        for name, content in edited(*edits).items():
            target = tmp_path / "mappings" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        return tmp_path / "mappings"

    return write


def run(*arguments: str, mappings: Path = MAPPINGS, language: str = "fr") -> Result:
    command = {"mapping": mapping, "init": init}[arguments[0]]
    obj = SimpleNamespace(mappings=mappings, language=language)
    return CliRunner().invoke(command, list(arguments[1:]), obj=obj)


# --- check


def test_the_shipped_files_pass_with_one_line_per_point_of_sale() -> None:
    result = run("mapping", "check")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0].startswith("PDV1 (01 - VW SEAT SKODA): no problem in openflex-icar: 29 attributes,")
    assert lines[1].startswith("PDV2 (02 - RENAULT DACIA): no problem in openflex-icar: ")
    assert lines[2:] == [
        "provisional in openflex-icar: vat_recoverable works as written",
        "provisional in openflex-icar: dms_creates_vehicles works as written",
        "to confirm in openflex-icar: the lines of life private, trade, scrap",
    ]


def test_what_was_checked_can_be_read_by_a_program() -> None:
    data = json.loads(run("mapping", "check", "--json").output)
    assert (data["ok"], data["problems"]) == (True, [])
    assert [point["id"] for point in data["points_of_sale"]] == ["PDV1", "PDV2"]
    assert data["points_of_sale"][0]["provisional"] == ["vat_recoverable", "dms_creates_vehicles"]
    assert data["points_of_sale"][0]["version"] == loaded().points_of_sale["PDV1"].version


BROKEN = (
    Edit(OWNERSHIP, "on_both_changed: highest", "on_both_changed: higest"),
    Edit(VEHICLE, "kind: registration", "kind: plate"),
)


def test_wrong_files_are_all_listed_and_end_with_2(copy: Callable[..., Path]) -> None:
    result = run("mapping", "check", mappings=copy(*BROKEN))
    lines = result.output.splitlines()
    assert result.exit_code == 2
    assert [line.split(":")[0] for line in lines[:2]] == [OWNERSHIP, VEHICLE]
    assert "did you mean highest?" in lines[0]
    assert lines[2:] == ["2 problems in the mapping files."]


def test_wrong_files_are_listed_for_a_program_too(copy: Callable[..., Path]) -> None:
    result = run("mapping", "check", "--json", mappings=copy(*BROKEN))
    data = json.loads(result.output)
    assert (result.exit_code, data["ok"]) == (2, False)
    files = edited(*BROKEN)
    assert [(p["file"], p["line"], p["said"]) for p in data["problems"]] == [
        (OWNERSHIP, BROKEN[0].line(files), "higest"),
        (VEHICLE, BROKEN[1].line(files), "plate"),
    ]


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    result = run("mapping", "check", mappings=tmp_path / "nowhere")
    assert isinstance(result.exception, ConfigurationError)
    assert "stocksync init" in str(result.exception)


# --- matrix


def test_the_matrix_is_printed_in_french_as_the_guide_prints_it() -> None:
    result = run("mapping", "matrix")
    title, headers, *rows, closing = result.output.splitlines()
    assert result.exit_code == 0
    assert title == "PDV1 (01 - VW SEAT SKODA), PDV2 (02 - RENAULT DACIA)"
    assert headers.split("  ")[0] == "Ligne du guide"
    assert [stage for stage in STAGES if stage in headers] == STAGES
    assert len(rows) == 21
    assert closing == "8 OUI, 13 NON"
    vat = next(row for row in rows if row.startswith("TVA récupérable modifiable"))
    assert vat.count("partagé") == 6
    assert vat.endswith("provisoire")


def test_the_columns_of_the_matrix_stand_under_one_another() -> None:
    _, headers, *rows, _ = run("mapping", "matrix").output.splitlines()
    for column in ("Modifiable DMS", "Note", *STAGES):
        place = headers.index(column)
        assert {row[place - 2 : place] for row in rows} == {"  "}, column
        assert " " not in {row[place] for row in rows}


def test_the_matrix_can_be_had_in_english() -> None:
    by_option, by_setting = run("mapping", "matrix", "--lang", "en"), run("mapping", "matrix", language="en")
    assert by_option.output == by_setting.output
    assert "physical entry" in by_option.output
    assert "provisional" in by_option.output


def test_a_switch_shows_its_position_and_an_exception_its_stages(copy: Callable[..., Path]) -> None:
    mappings = copy(
        Edit(POINTS, "  PDV2:\n", "  PDV2:\n    switches: {dms_creates_vehicles: true}\n"),
        Edit(
            OWNERSHIP,
            "  - attribute: origin\n    owner: vehicle_module\n",
            "  - attribute: origin\n    owner: vehicle_module\n    exceptions:\n"
            "      - {owner: dms, when: {stage: [delivery]}}\n"
            "      - {owner: shared, when: {stage: [exit], destination: [scrap]}}\n",
        ),
    )
    data = json.loads(run("mapping", "matrix", "--json", mappings=mappings).output)["points_of_sale"]
    assert [point["rows"][20]["position"] for point in data] == [False, True]
    owners = data[0]["rows"][11]["owner_by_stage"]
    assert owners == dict.fromkeys(owners, "vehicle_module") | {"delivery": "dms", "exit": "vehicle_module/shared"}
    printed = run("mapping", "matrix", mappings=mappings).output.splitlines()
    assert [line for line in printed if line.startswith("PDV")] == [
        "PDV1 (01 - VW SEAT SKODA)",
        "PDV2 (02 - RENAULT DACIA)",
    ]
    assert "module / partagé" in next(line for line in printed if line.startswith("Origine"))


def test_the_matrix_of_one_point_of_sale_names_where_each_row_is_said() -> None:
    (point,) = json.loads(run("mapping", "matrix", "--json", "--point-of-sale", "PDV2").output)["points_of_sale"]
    assert (point["id"], point["OUI"], point["NON"], len(point["rows"])) == ("PDV2", 8, 13, 21)
    assert point["rows"][1]["owner_by_stage"] == dict.fromkeys(
        loaded().points_of_sale["PDV2"].lifecycle.stages, "lifecycle"
    )
    file, line = point["rows"][9]["said_in"].rsplit(":", 1)
    assert "police_number" in shipped()[file].decode().splitlines()[int(line) - 1]


def test_an_unknown_point_of_sale_is_refused_with_those_there_are() -> None:
    result = run("mapping", "matrix", "--point-of-sale", "PDV9")
    assert isinstance(result.exception, UsageError)
    assert "PDV1, PDV2" in str(result.exception)


def test_two_forms_at_once_are_refused() -> None:
    assert isinstance(run("mapping", "matrix", "--json", "--csv").exception, UsageError)


def test_the_matrix_of_wrong_files_lists_their_problems(copy: Callable[..., Path]) -> None:
    result = run("mapping", "matrix", mappings=copy(*BROKEN))
    assert result.exit_code == 2
    assert result.output.splitlines()[-1] == "2 problems in the mapping files."


def test_the_matrix_opens_in_a_french_excel_and_no_cell_is_a_formula(copy: Callable[..., Path]) -> None:
    mappings = copy(Edit(OWNERSHIP, "note: module\n", 'note: "=1+1; x"\n'))
    raw = run("mapping", "matrix", "--csv", "--point-of-sale", "PDV1", mappings=mappings).stdout_bytes
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.count(b"\r\n") == 22
    rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""), delimiter=";"))
    assert {len(row) for row in rows} == {11}
    assert rows[0][4:10] == STAGES
    assert [row[2] for row in rows[1:]].count("OUI") == 8
    assert rows[17][3] == "'=1+1; x"


# --- init


def test_a_folder_written_by_init_passes_the_check(tmp_path: Path) -> None:
    written = run("init", str(tmp_path / "ours"))
    assert written.exit_code == 0
    assert "mapping check" in written.output
    assert run("mapping", "check", mappings=tmp_path / "ours").exit_code == 0
    assert loaded().files == {
        path.relative_to(tmp_path / "ours").as_posix(): path.read_bytes()
        for path in (tmp_path / "ours").rglob("*.yaml")
    }


def test_init_overwrites_nothing_and_writes_nothing_where_a_file_differs(tmp_path: Path) -> None:
    (tmp_path / POINTS).write_text("ours: true\n")
    result = run("init", str(tmp_path))
    assert isinstance(result.exception, UsageError)
    assert POINTS in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == [POINTS]
    assert (tmp_path / POINTS).read_text() == "ours: true\n"


def test_init_with_force_writes_the_shipped_files_over_others(tmp_path: Path) -> None:
    (tmp_path / POINTS).write_text("ours: true\n")
    assert run("init", str(tmp_path), "--force").exit_code == 0
    assert (tmp_path / POINTS).read_bytes() == shipped()[POINTS]


def test_init_twice_changes_nothing(tmp_path: Path) -> None:
    assert [run("init", str(tmp_path)).exit_code for _ in range(2)] == [0, 0]


def test_every_shipped_file_is_in_the_package_at_its_place() -> None:
    data_files = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["data-files"]
    packed = {
        f"{folder}/{path.name}": path
        for folder, patterns in data_files.items()
        for p in patterns
        for path in ROOT.glob(p)
    }
    assert packed == {
        f"share/stocksync/mappings/{path.relative_to(MAPPINGS).as_posix()}": path
        for path in MAPPINGS.rglob("*")
        if path.is_file()
    }


def test_an_installed_program_finds_the_files_where_the_installer_put_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "share" / "stocksync" / "mappings"
    installed.mkdir(parents=True)
    (installed / VEHICLE).write_bytes(shipped()[VEHICLE])
    record = SimpleNamespace(
        as_posix=lambda: "../../../share/stocksync/mappings/vehicle.yaml", locate=lambda: installed / VEHICLE
    )
    monkeypatch.setattr("stocksync.entrypoints.mapping_commands.__file__", str(tmp_path / "lib" / "a" / "b" / "c.py"))
    monkeypatch.setattr("importlib.metadata.files", lambda _: [record])
    assert shipped_mappings() == installed
    monkeypatch.setattr("importlib.metadata.files", lambda _: None)
    with pytest.raises(ConfigurationError, match="without the mapping files"):
        shipped_mappings()


def test_the_commands_load_nothing_heavy_before_they_run() -> None:
    program = (
        "import sys, stocksync.entrypoints.mapping_commands;"
        "print([n for n in ('pydantic', 'yaml', 'transitions', 'rich', 'pandas', 'sqlmodel') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"

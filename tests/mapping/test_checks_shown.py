"""How `mapping check` shows warnings: beside the errors, and by themselves without refusing anything."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from stocksync.entrypoints.mapping_commands import mapping
from stocksync.mapping import checks
from stocksync.mapping.checks_all import findings_in
from tests.mapping.broken.forty_mistakes import FORTY, broken
from tests.mapping.editing import OWNERSHIP, VEHICLE, Edit, edited, loaded, shipped

SUSPICIOUS = Edit(VEHICLE, "    limit: 100", "    limit: 1")
WRONG = Edit(OWNERSHIP, "on_both_changed: highest", "on_both_changed: higest")


def checked(folder: Path, *edits: Edit, options: tuple[str, ...] = ()) -> Result:
    for name, content in edited(*edits).items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return CliRunner().invoke(mapping, ["check", *options], obj=SimpleNamespace(mappings=folder, language="fr"))


def test_the_shipped_files_have_neither_errors_nor_warnings() -> None:
    assert findings_in(shipped()) == []


def test_a_warning_is_shown_and_refuses_nothing(tmp_path: Path) -> None:
    result = checked(tmp_path, SUSPICIOUS)
    line = SUSPICIOUS.line(edited(SUSPICIOUS))
    assert result.exit_code == 0
    assert [text for text in result.output.splitlines() if text.startswith("warning: ")] == [
        f"warning: vehicle.yaml:{line}: rules.sale_price.limit: 0.01 euros: it is in cents; 1 euro is 100; said: 1."
        " [unit_suspect]"
    ]
    assert loaded(SUSPICIOUS).points_of_sale


def test_a_program_gets_warnings_beside_the_problems_each_with_its_code(tmp_path: Path) -> None:
    only_suspicious = json.loads(checked(tmp_path, SUSPICIOUS, options=("--json",)).output)
    assert (only_suspicious["ok"], only_suspicious["problems"]) == (True, [])
    both = json.loads(checked(tmp_path, SUSPICIOUS, WRONG, options=("--json",)).output)
    assert both["ok"] is False
    assert [(p["code"], p["level"]) for p in both["problems"]] == [("unknown_value", "error")]
    assert [(p["code"], p["level"]) for p in both["warnings"]] == [("unit_suspect", "warning")]
    assert both["warnings"] == only_suspicious["warnings"]


def test_errors_and_warnings_are_listed_together_by_file_and_line(tmp_path: Path) -> None:
    result = checked(tmp_path, SUSPICIOUS, WRONG)
    assert result.exit_code == 2
    first, second, closing = result.output.splitlines()
    assert first.startswith(f"{OWNERSHIP}:")
    assert second.startswith(f"warning: {VEHICLE}:")
    assert closing == "1 problem in the mapping files."


@pytest.mark.parametrize("check", checks.BEYOND_NAMES, ids=lambda check: str(check.__name__))
def test_each_check_finds_some_of_the_forty_that_no_other_finds(check: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "BEYOND_NAMES", tuple(other for other in checks.BEYOND_NAMES if other is not check))
    files = broken()
    assert len(findings_in(files)) < len(FORTY)

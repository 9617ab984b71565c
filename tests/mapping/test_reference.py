"""The reference page of the mapping language is that of the program, and whole."""

import re
from pathlib import Path

from click.testing import CliRunner
from pydantic import BaseModel

from stocksync.entrypoints.mapping_reference import reference as command
from stocksync.mapping import models
from stocksync.mapping.reference import reference
from tests.mapping.editing import MAPPINGS

PAGE = MAPPINGS.parent / "docs" / "mapping-reference.md"
TEXT = reference()


def test_the_page_in_docs_is_up_to_date() -> None:
    hint = "run `stocksync mapping reference --write docs/mapping-reference.md`"
    assert PAGE.read_text("utf-8") == TEXT, hint


def test_every_key_of_every_file_is_on_the_page() -> None:
    keys = {
        key
        for model in vars(models).values()
        if isinstance(model, type) and issubclass(model, BaseModel)
        for key in model.model_fields
    }
    assert [key for key in sorted(keys) if f"\n| `{key}` |" not in TEXT] == []


def test_every_link_on_the_page_leads_somewhere_and_only_once() -> None:
    headings = re.findall(r"^##+ (.+)$", TEXT, re.MULTILINE)
    anchors = [re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-")) for heading in headings]
    assert len(set(anchors)) == len(anchors)
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= set(anchors)
    assert all((PAGE.parent / target).is_file() for target in re.findall(r"\]\(([\w-]+\.md)\)", TEXT))


def test_every_row_has_as_many_cells_as_its_table() -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("|")]
    assert len(rows) > 100
    assert {len(row.strip("|").split("|")) for row in rows} == {5}


def test_the_command_prints_the_page_or_writes_it(tmp_path: Path) -> None:
    assert CliRunner().invoke(command).output == TEXT
    path = tmp_path / "page.md"
    assert CliRunner().invoke(command, ["--write", str(path)]).exit_code == 0
    assert path.read_text("utf-8") == TEXT

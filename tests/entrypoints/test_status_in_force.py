"""`stocksync status` while the mapping files in the folder are not valid: what runs work by is still told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stocksync.adapters.store.core import MAPPING, RUN
from stocksync.adapters.store.engine import WRITE, open_engine
from stocksync.adapters.store.repository import packed
from stocksync.entrypoints import exit_codes
from stocksync.entrypoints.cli import cli
from stocksync.mapping.load import load_mappings
from tests.entrypoints.desk import FRENCH_SPACES, SHIPPED

NOT_VALID = "quick_every_min: five"


@dataclass
class Office:
    """A folder of mapping files beside a database, and the command asked about both."""

    folder: Path

    @property
    def mappings(self) -> Path:
        return self.folder / "mappings"

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder}/memory.db"

    def ran(self, point: str, version: str = "v1", **more: object) -> None:
        """Note a run by the files as they are now."""
        at = datetime.now(UTC)
        run = {"point_of_sale": point, "pair": "p", "mapping_version": version, "status": "done", "kind": "complete"}
        engine = open_engine(self.url)
        with engine.execution_options(**{WRITE: True}).begin() as connection:
            files = packed(load_mappings(self.mappings).files)
            if connection.scalar(MAPPING.select().where(MAPPING.c.version == version)) is None:
                connection.execute(MAPPING.insert().values(version=version, files=files, first_used_at=at))
            connection.execute(RUN.insert().values({**run, "started_at": at, "finished_at": at, **more}))
        engine.dispose()

    def edit(self, old: str, new: str) -> None:
        path = self.mappings / "points_of_sale.yaml"
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")

    def status(self, *arguments: str, lang: str = "en") -> Result:
        variables = {
            "STOCKSYNC_MAPPINGS": str(self.mappings),
            "STOCKSYNC_DATABASE_URL": self.url,
            "STOCKSYNC_LANG": lang,
        }
        with chdir(self.folder):
            return CliRunner(env=variables).invoke(cli, ["status", *arguments], prog_name="stocksync")


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    shutil.copytree(SHIPPED, tmp_path / "mappings")
    return Office(tmp_path)


def test_everything_is_told_by_the_version_of_the_last_runs_under_a_loud_line(office: Office) -> None:
    office.ran("PDV1")
    office.edit("quick_every_min: 5", NOT_VALID)
    done = office.status()
    assert done.exit_code == exit_codes.HALTED
    loud, goes_on, mend, blank, summary, *_ = done.stdout.splitlines()
    assert loud.startswith("MAPPING FILES NOT VALID - points_of_sale.yaml:")
    assert loud.endswith("(and 1 other)")
    assert "told by version v1," in goes_on
    assert ", edited on " in goes_on
    assert "stocksync mapping check" in mend
    assert (blank, summary.partition(" on ")[0]) == ("", "1 point of sale")
    assert "PDV1" in done.stdout


def test_it_is_told_in_french_too(office: Office) -> None:
    office.ran("PDV1")
    office.edit("quick_every_min: 5", NOT_VALID)
    said = office.status(lang="fr").stdout.translate(FRENCH_SPACES)
    assert said.startswith("FICHIERS DE CORRESPONDANCE NON VALABLES - points_of_sale.yaml:")
    assert "d'après la version v1, celle des dernières exécutions ; un service" in said


def test_programs_get_every_problem_with_its_place_and_the_versions_in_force(office: Office) -> None:
    office.ran("PDV1")
    office.edit("quick_every_min: 5", NOT_VALID)
    done = office.status("--json")
    assert done.exit_code == exit_codes.HALTED
    told = json.loads(done.stdout)
    assert [point["name"] for point in told["points_of_sale"]] == ["01 - VW SEAT SKODA"]
    mapping = told["mapping"]
    assert (mapping["valid"], mapping["in_force"]) == (False, {"PDV1": "v1"})
    assert [(problem["file"], problem["line"] > 1) for problem in mapping["problems"]] == [
        ("points_of_sale.yaml", True)
    ] * 2


def test_each_point_of_sale_is_told_by_its_own_last_run(office: Office) -> None:
    office.ran("PDV1")
    office.edit("01 - VW SEAT SKODA", "01 - VW")
    office.ran("PDV1", "v2", status="halted")
    office.ran("PDV2", "v1")
    office.edit("quick_every_min: 5", NOT_VALID)
    told = json.loads(office.status("--json").stdout)
    assert told["mapping"]["in_force"] == {"PDV1": "v2", "PDV2": "v1"}
    assert told["points_of_sale"][0]["name"] == "01 - VW"


def test_valid_files_are_told_by_and_it_ends_with_0(office: Office) -> None:
    office.ran("PDV1")
    done = office.status("--json")
    assert done.exit_code == exit_codes.DONE
    assert json.loads(done.stdout)["mapping"] == {"valid": True, "problems": [], "edited_at": None, "in_force": {}}


def test_where_nothing_ever_ran_the_files_are_all_there_is_and_it_ends_with_2(office: Office) -> None:
    office.edit("quick_every_min: 5", NOT_VALID)
    done = office.status()
    assert done.exit_code == exit_codes.WRONG_USE
    assert "points_of_sale.yaml:" in done.stderr

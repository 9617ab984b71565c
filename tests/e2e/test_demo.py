"""`scripts/demo` as a newcomer runs it: real servers, the installed command, plain text in a pipe."""

from __future__ import annotations

import csv
import os
import re
import subprocess
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[2] / "scripts" / "demo"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp("demo")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("STOCKSYNC_")}
    done = subprocess.run(
        [DEMO], env={**inherited, "DEMO_DIR": str(folder)}, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout, folder


def act(told: str, number: int) -> str:
    """What one act of the demo printed."""
    return re.split(r"^== (?=\d+\.)", told, flags=re.MULTILINE)[number]


def test_the_demo_tells_its_story_to_the_end(told: tuple[str, Path]) -> None:
    text, _ = told
    assert re.findall(r"^== (\d+)\.", text, flags=re.MULTILINE) == [str(number) for number in range(1, 12)]
    assert "\x1b" not in text, "colours in a pipe"


def test_the_second_synchronisation_writes_and_the_third_writes_nothing(told: tuple[str, Path]) -> None:
    text, _ = told
    second = re.findall(r"writes +vehicle module (\d+), DMS (\d+)", act(text, 6))
    third = re.findall(r"writes +vehicle module (\d+), DMS (\d+)", act(text, 9))
    assert len(second) == len(third) == 2
    assert all(int(module) + int(dms) > 0 for module, dms in second)
    assert third == [("0", "0"), ("0", "0")]
    assert act(text, 9).count("0 new, 0 closed") == 2


def test_a_double_sale_risk_a_refused_change_and_an_explanation_are_shown(told: tuple[str, Path]) -> None:
    text, _ = told
    assert "sold outside Opportunités" in act(text, 7)
    assert "refused change" in act(text, 7)
    assert "ownership.yaml:" in act(text, 8)


def test_the_report_is_where_the_demo_says_it_is(told: tuple[str, Path]) -> None:
    text, folder = told
    report = folder / "conflits.csv"
    assert str(report) in act(text, 10)
    with report.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file, delimiter=";"))
    assert len(rows) > 10
    assert {len(row) for row in rows} == {len(rows[0])}


def test_a_decided_report_comes_back_and_is_carried_out_until_nothing_is_left(told: tuple[str, Path]) -> None:
    text, folder = told
    last = act(text, 11)
    assert re.search(r"\b0 refused, 0 rows without a decision", last)
    runs = re.findall(r"writes +vehicle module (\d+), DMS (\d+)", last)
    carried_out = sum(map(int, re.findall(r"decisions +(\d+) carried out", last)))
    assert sum(int(module) + int(dms) for module, dms in runs[:2]) == carried_out > 0
    assert runs[2:] == [("0", "0"), ("0", "0")]
    assert last.count(" 0 report rows open") == 4
    with (folder / "decided-answer.csv").open(encoding="utf-8-sig", newline="") as file:
        assert {row["STATUS"] for row in csv.DictReader(file, delimiter=";")} == {"SUCCESS"}
    assert len((folder / "conflits-2.csv").read_text("utf-8-sig").splitlines()) == 1

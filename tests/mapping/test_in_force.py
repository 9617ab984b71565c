"""Mapping files that people edit while runs work by them: what comes into force, when, and what never does."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from stocksync.mapping.in_force import MappingsInForce
from stocksync.mapping.load import load_mappings
from tests.worlds import SHIPPED


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "mappings"))


@pytest.fixture
def in_force(folder: Path) -> MappingsInForce:
    return MappingsInForce(folder, load_mappings(folder))


def edited(folder: Path, old: str, new: str, file: str = "points_of_sale.yaml") -> None:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_nothing_happens_where_nothing_was_edited(in_force: MappingsInForce) -> None:
    first = in_force.now
    looks = [in_force.look() for _ in range(3)]
    assert all(look.adopted is None and not look.refused for look in looks)
    assert in_force.now is first


def test_an_edit_comes_into_force_once_it_was_seen_twice_alike(folder: Path, in_force: MappingsInForce) -> None:
    edited(folder, "01 - VW SEAT SKODA", "01 - VW")
    assert in_force.look().adopted is None
    edited(folder, "01 - VW", "01 - Volkswagen")
    assert in_force.look().adopted is None
    adopted = in_force.look().adopted
    assert adopted is in_force.now
    assert in_force.now.points_of_sale["PDV1"].name == "01 - Volkswagen"
    assert in_force.look().adopted is None


def test_an_edit_that_is_not_valid_never_comes_into_force_and_is_told_once(
    folder: Path, in_force: MappingsInForce
) -> None:
    first = in_force.now
    edited(folder, "quick_every_min: 5", "quick_every_min: five")
    told = [look.refused for look in (in_force.look() for _ in range(5))]
    [said] = filter(None, told)
    assert said.startswith("points_of_sale.yaml:")
    assert said.endswith("(and 1 more)")
    assert in_force.now is first
    assert in_force.refused == said


def test_a_mended_edit_comes_into_force_and_one_taken_back_is_no_trouble_any_more(
    folder: Path, in_force: MappingsInForce
) -> None:
    edited(folder, "quick_every_min: 5", "quick_every_min: five")
    in_force.look(), in_force.look()
    edited(folder, "quick_every_min: five", "quick_every_min: 7")
    in_force.look(), in_force.look()
    assert in_force.now.points_of_sale["PDV1"].schedule.quick_every_min == 7
    assert not in_force.refused
    edited(folder, "quick_every_min: 7", "quick_every_min: seven")
    in_force.look(), in_force.look()
    assert in_force.refused
    edited(folder, "quick_every_min: seven", "quick_every_min: 7")
    in_force.look(), in_force.look()
    assert not in_force.refused


def test_a_folder_that_is_away_for_a_moment_changes_nothing(folder: Path, in_force: MappingsInForce) -> None:
    first = in_force.now
    folder.rename(folder.with_name("away"))
    told = [look.refused for look in (in_force.look() for _ in range(4))]
    assert sum(map(bool, told)) == 1
    folder.with_name("away").rename(folder)
    in_force.look(), in_force.look()
    assert in_force.now is first
    assert not in_force.refused


def test_a_half_written_file_is_left_alone(folder: Path, in_force: MappingsInForce) -> None:
    path = folder / "points_of_sale.yaml"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert not in_force.look().refused
    path.write_bytes(whole)
    assert [in_force.look().refused for _ in range(3)] == [""] * 3

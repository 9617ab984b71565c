"""Mapping files that people edit while runs work by them: what comes into force, when, and what never does."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from stocksync.errors import ConfigurationError
from stocksync.mapping import in_force as module
from stocksync.mapping.effective import MappingSet
from stocksync.mapping.in_force import READ_EVERY_S, MappingsInForce
from stocksync.mapping.load import load_mappings
from tests.worlds import SHIPPED


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "mappings"))


@pytest.fixture(scope="module")
def shipped() -> MappingSet:
    return load_mappings(SHIPPED)


@pytest.fixture
def in_force(folder: Path, shipped: MappingSet) -> MappingsInForce:
    return MappingsInForce(folder, shipped)


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


def test_a_valid_edit_that_something_else_keeps_from_running_never_comes_into_force(
    folder: Path, shipped: MappingSet
) -> None:
    def check(edited: MappingSet) -> None:
        if edited.points_of_sale["PDV1"].name != "01 - VW":
            raise ConfigurationError("PDV1: its variable is not set.")

    in_force = MappingsInForce(folder, shipped, check=check)
    edited(folder, "01 - VW SEAT SKODA", "01 - Volkswagen")
    told = [look.refused for look in (in_force.look() for _ in range(5))]
    assert list(filter(None, told)) == ["PDV1: its variable is not set."]
    assert in_force.now is shipped
    edited(folder, "01 - Volkswagen", "01 - VW")
    assert [look.adopted is in_force.now for look in (in_force.look(), in_force.look())] == [False, True]
    assert not in_force.refused


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


@dataclass
class Watched:
    """How often the files were read, and the seconds that went by."""

    reads: list[Path] = field(default_factory=list)
    now_s: float = 0.0


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    watched, read_files = Watched(), module.read_files

    def counted(folder: Path) -> dict[str, bytes]:
        watched.reads.append(folder)
        return read_files(folder)

    monkeypatch.setattr(module, "read_files", counted)
    return watched


@pytest.fixture
def quiet(folder: Path, watched: Watched, shipped: MappingSet) -> MappingsInForce:
    """Files in force, looked at until nothing was left to be read."""
    made = MappingsInForce(folder, shipped, lambda: watched.now_s)
    made.look(), made.look()
    watched.reads.clear()
    return made


def test_files_are_not_read_while_nothing_moves_but_now_and_then_all_the_same(
    quiet: MappingsInForce, watched: Watched
) -> None:
    assert not any(quiet.look().adopted for _ in range(20))
    assert not watched.reads
    watched.now_s += READ_EVERY_S
    quiet.look(), quiet.look()
    assert len(watched.reads) == 1


def test_an_edit_that_keeps_size_and_time_is_seen_within_a_minute_at_most(
    folder: Path, quiet: MappingsInForce, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = module._traces(folder)
    monkeypatch.setattr(module, "_traces", lambda _: before)
    edited(folder, "01 - VW SEAT SKODA", "01 - VW SEAT SKODX")
    assert not any(quiet.look().adopted for _ in range(3))
    watched.now_s += READ_EVERY_S
    quiet.look()
    assert quiet.look().adopted is not None


@pytest.mark.parametrize("how", ["in place", "moved over", "new file", "gone file", "dated back"])
def test_whatever_moves_in_the_folder_is_read(folder: Path, quiet: MappingsInForce, watched: Watched, how: str) -> None:
    file = folder / "pairs" / "openflex-icar" / "pair.yaml"
    if how == "in place":
        file.write_bytes(file.read_bytes() + b"\n")
    elif how == "moved over":
        (other := folder.parent / "other").write_bytes(file.read_bytes().replace(b"50", b"51"))
        os.utime(other, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
        other.rename(file)
    elif how == "new file":
        shutil.copytree(folder / "pairs" / "openflex-icar", folder / "pairs" / "another")
    elif how == "gone file":
        file.unlink()
    else:
        said = file.stat()
        file.write_bytes(file.read_bytes().replace(b"50", b"51"))
        os.utime(file, ns=(said.st_atime_ns, said.st_mtime_ns))
    quiet.look()
    assert watched.reads


def test_files_that_could_not_be_read_for_a_moment_are_no_trouble_afterwards(
    folder: Path, quiet: MappingsInForce
) -> None:
    (folder / "odd.yaml").mkdir()
    assert "cannot be read" in quiet.look().refused
    assert quiet.refused
    (folder / "odd.yaml").rmdir()
    quiet.look(), quiet.look()
    assert not quiet.refused

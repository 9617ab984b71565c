"""What `stocksync status` keeps of the mapping files: the same as they say, or nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import stocksync
from stocksync.entrypoints import status_points
from stocksync.entrypoints.status_points import ShownPoint, valid_points
from stocksync.errors import MappingInvalid
from stocksync.mapping.load import load_files, read_folder
from tests.entrypoints.desk import SHIPPED

POINTS = "points_of_sale.yaml"
KNOWN = ["PDV1", "PDV2"]
Files = dict[str, bytes]


@pytest.fixture
def files() -> Files:
    return read_folder(SHIPPED)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "memory.db.mappings.json"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, bytes]]:
    """Every reading of the files themselves."""
    noted: list[Mapping[str, bytes]] = []

    def read(files: Mapping[str, bytes]) -> Any:
        noted.append(files)
        return load_files(files)

    monkeypatch.setattr(status_points, "load_files", read)
    return noted


def words(points: Mapping[str, ShownPoint]) -> list[tuple[str, str, str, str, int]]:
    return [(name, p.id, p.name, p.time_zone, p.quick_every_min) for name, p in points.items()]


def changed(kept: Path, **words: object) -> None:
    data = json.loads(kept.read_bytes())
    data["points_of_sale"]["PDV1"].update(words)
    kept.write_text(json.dumps(data))


def test_what_was_kept_is_what_the_files_say_and_they_are_not_read_again(
    files: Files, kept: Path, reads: list[Files]
) -> None:
    first = valid_points(files, kept)
    again = valid_points(files, kept)
    assert words(again) == words(first) == words(valid_points(files, None))
    assert list(again) == KNOWN
    # The first time, and without a place to keep anything.
    assert len(reads) == 2


def test_the_attributes_of_which_a_guard_speaks_are_read_once_they_are_asked_for(
    files: Files, kept: Path, reads: list[Files]
) -> None:
    valid_points(files, kept)
    point = valid_points(files, kept)["PDV2"]
    assert len(reads) == 1
    assert point.vocabulary() == load_files(files).points_of_sale["PDV2"].vocabulary
    assert len(reads) == 2


def test_one_byte_in_any_file_and_the_files_are_read(files: Files, kept: Path, reads: list[Files]) -> None:
    for name in files:
        edited = {**files, name: files[name] + b"#"}
        valid_points(files, kept)
        reads.clear()
        assert words(valid_points(edited, kept)) == words(valid_points(files, None))
        assert len(reads) == 2, name


def test_files_that_are_not_valid_are_refused_every_time_and_nothing_of_them_is_kept(files: Files, kept: Path) -> None:
    valid_points(files, kept)
    before = kept.read_bytes()
    for _ in range(2):
        with pytest.raises(MappingInvalid):
            valid_points({**files, POINTS: files[POINTS] + b"\nmore: 1\n"}, kept)
    assert kept.read_bytes() == before


def test_another_program_reads_the_files(
    files: Files, kept: Path, reads: list[Files], monkeypatch: pytest.MonkeyPatch
) -> None:
    valid_points(files, kept)
    monkeypatch.setattr(stocksync, "__version__", "99")
    valid_points(files, kept)
    monkeypatch.setattr(status_points, "_program", lambda: ["mapping/checks.py 1 1"])
    valid_points(files, kept)
    assert len(reads) == 3


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff", b'{"key": 1}', b"[" * 100_000, b'{"key": "K"}', b'{"key": "K", "points_of_sale": []}'],
)
def test_what_else_stands_there_is_read_past_and_written_anew(
    files: Files, kept: Path, reads: list[Files], content: bytes
) -> None:
    valid_points(files, kept)
    key = json.loads(kept.read_bytes())["key"]
    kept.write_bytes(content.replace(b'"K"', json.dumps(key).encode()))
    assert words(valid_points(files, kept)) == words(valid_points(files, None))
    reads.clear()
    valid_points(files, kept)
    assert reads == []


@pytest.mark.parametrize(
    "word",
    [
        {"name": 1},
        {"name": "\x1b[2J"},
        {"time_zone": "../../etc/passwd"},
        {"time_zone": None},
        {"time_zone": "Europe/Nowhere"},
        {"quick_every_min": "5"},
        {"quick_every_min": True},
        {"quick_every_min": 0},
        {"quick_every_min": 1e9},
    ],
)
def test_a_word_that_the_files_cannot_say_is_not_believed(files: Files, kept: Path, word: dict[str, object]) -> None:
    valid_points(files, kept)
    changed(kept, **word)
    assert words(valid_points(files, kept)) == words(valid_points(files, None))


def test_nothing_is_read_beyond_a_bound(
    files: Files, kept: Path, reads: list[Files], monkeypatch: pytest.MonkeyPatch
) -> None:
    valid_points(files, kept)
    monkeypatch.setattr(status_points, "_MOST_BYTES", kept.stat().st_size - 1)
    valid_points(files, kept)
    assert len(reads) == 2


def test_where_nothing_can_be_kept_nothing_is_lost(files: Files, tmp_path: Path) -> None:
    assert list(valid_points(files, tmp_path / "gone" / "memory.db.mappings.json")) == KNOWN
    (tmp_path / "folder").mkdir()
    assert list(valid_points(files, tmp_path / "folder")) == KNOWN
    assert list(tmp_path.iterdir()) == [tmp_path / "folder"]

"""The exchange folder on a real disk: what is whole, what is left, and that no file is ever lost or overwritten."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stocksync.adapters.exchange import Arrived, ExchangeFolder, drive_now_s, folder_name

AT = datetime(2026, 3, 1, 9, 30, 15, tzinfo=UTC)
STAMP = "20260301T093015"
LIMIT = 1000
A_DAY_S = 24 * 3600


@pytest.fixture
def folder(tmp_path: Path) -> ExchangeFolder:
    return made(tmp_path / "PDV1")


def made(root: Path, settle_s: float = 0, later_s: float | None = None) -> ExchangeFolder:
    """A folder that is ready; later_s: the drive's clock is so many seconds after the last change of any file in it."""

    def later(incoming: Path) -> float:
        assert later_s is not None
        return max(os.lstat(path).st_ctime for path in incoming.iterdir()) + later_s

    found = ExchangeFolder(root, settle_s, drive_now_s if later_s is None else later)
    found.prepare()
    return found


def hand_in(folder: ExchangeFolder, name: str = "conflits.csv", content: bytes = b"content") -> Path:
    path = folder.incoming / name
    path.write_bytes(content)
    return path


def waiting(folder: ExchangeFolder) -> list[str]:
    return [found.name for found in folder.waiting()]


def read(folder: ExchangeFolder, limit: int = LIMIT) -> Arrived | None:
    (found,) = folder.waiting()
    return folder.read(found, limit)


def arrived(folder: ExchangeFolder) -> Arrived:
    file = read(folder)
    assert file is not None
    return file


def answer_of(path: Path) -> Path:
    return path.with_name(f"{path.stem}-reponse.csv")


def put_away(folder: ExchangeFolder, file: Arrived, answer: bytes = b"answer") -> Path | None:
    return folder.put_away(file, folder.done, AT, answer, answer_of)


def held(where: Path) -> dict[str, bytes]:
    """Every file of a folder, hidden ones too."""
    return {path.name: path.read_bytes() for path in where.iterdir()}


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def take_place_of(path: Path) -> None:
    other = path.with_name(".newer")
    other.write_bytes(b"newer content")
    other.replace(path)


def raising(error: BaseException) -> Callable[..., Any]:
    def fails(*_: object, **__: object) -> None:
        raise error

    return fails


# --- what is whole


@pytest.mark.parametrize(("later_s", "whole"), [(0, False), (9.5, False), (10.5, True)])
def test_a_file_is_left_until_nobody_touched_it_for_the_settling_time(
    later_s: float, whole: bool, tmp_path: Path
) -> None:
    folder = made(tmp_path, settle_s=10, later_s=later_s)
    hand_in(folder)
    assert waiting(folder) == (["conflits.csv"] if whole else [])


def test_a_file_that_is_written_slowly_is_left_until_its_last_piece_has_settled(tmp_path: Path) -> None:
    folder = made(tmp_path, settle_s=10, later_s=5)
    with (folder.incoming / "slow.csv").open("wb", buffering=0) as copy:
        for _ in range(3):
            copy.write(b"piece;")
            assert waiting(folder) == []
    assert waiting(made(tmp_path, settle_s=10, later_s=11)) == ["slow.csv"]


def test_an_old_date_that_a_copy_brought_along_does_not_make_it_whole(tmp_path: Path) -> None:
    folder = made(tmp_path, settle_s=10, later_s=5)
    os.utime(hand_in(folder), (0, 0))
    assert waiting(folder) == []


def test_a_date_in_the_future_does_not_keep_a_file_for_ever(tmp_path: Path) -> None:
    folder = made(tmp_path, settle_s=10, later_s=11)
    path = hand_in(folder)
    os.utime(path, (path.stat().st_mtime + A_DAY_S,) * 2)
    assert waiting(folder) == ["conflits.csv"]


def test_a_file_that_is_renamed_into_place_has_to_settle_from_then_on(tmp_path: Path) -> None:
    folder = made(tmp_path, settle_s=10, later_s=5)
    part = hand_in(folder, ".conflits.csv.part")
    os.utime(part, (0, 0))
    part.rename(folder.incoming / "conflits.csv")
    assert waiting(folder) == []


def test_what_is_no_file_that_somebody_handed_in_is_left(folder: ExchangeFolder) -> None:
    for name in (".hidden", "a.part", "a.TMP", "a.crdownload", "a.filepart", "~$a.xlsx", ".~lock.none.csv#"):
        hand_in(folder, name)
    hand_in(folder, "empty.csv", b"")
    (folder.incoming / "link.csv").symlink_to(hand_in(folder, ".target"))
    (folder.incoming / "folder.csv").mkdir()
    os.mkfifo(folder.incoming / "pipe.csv")
    assert waiting(folder) == []


@pytest.mark.parametrize("lock", [".~lock.conflits.xlsx#", "~$conflits.xlsx"])
def test_a_file_that_is_open_in_a_spreadsheet_is_left_for_a_day_at_most(lock: str, tmp_path: Path) -> None:
    folder = made(tmp_path, settle_s=10, later_s=A_DAY_S - 60)
    hand_in(folder, "conflits.xlsx")
    lock_file = hand_in(folder, lock)
    assert waiting(folder) == []
    assert waiting(made(tmp_path, settle_s=10, later_s=A_DAY_S + 60)) == ["conflits.xlsx"]
    lock_file.unlink()
    assert waiting(folder) == ["conflits.xlsx"]


def test_files_are_given_in_the_order_in_which_they_came(folder: ExchangeFolder) -> None:
    for name in ("c.csv", "a.csv", "b.csv"):
        path = hand_in(folder, name)
        # The clock of a disk may stand still between two files.
        while drive_now_s(folder.incoming) <= path.stat().st_ctime:
            pass
    assert waiting(folder) == ["c.csv", "a.csv", "b.csv"]


def test_asking_the_drive_for_its_clock_leaves_nothing_there(folder: ExchangeFolder) -> None:
    hand_in(folder)
    assert drive_now_s(folder.incoming) >= (folder.incoming / "conflits.csv").stat().st_ctime
    assert held(folder.incoming) == {"conflits.csv": b"content"}


# --- reading


def test_a_file_larger_than_the_limit_is_read_one_byte_beyond_it(folder: ExchangeFolder) -> None:
    hand_in(folder, content=b"x" * 5000)
    assert len(arrived(folder).raw) == LIMIT + 1


@pytest.mark.parametrize("meddle", [grow, take_place_of, Path.touch])
def test_a_file_that_was_touched_since_it_was_found_is_left(
    meddle: Callable[[Path], None], folder: ExchangeFolder
) -> None:
    path = hand_in(folder)
    (found,) = folder.waiting()
    while drive_now_s(folder.incoming) <= path.stat().st_ctime:
        pass
    meddle(path)
    assert folder.read(found, LIMIT) is None


@pytest.mark.parametrize("kind", ["gone", "link", "pipe", "folder"])
def test_what_took_a_file_s_place_is_neither_followed_nor_waited_for(kind: str, folder: ExchangeFolder) -> None:
    path = hand_in(folder)
    (found,) = folder.waiting()
    path.unlink()
    if kind == "link":
        path.symlink_to(__file__)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    assert folder.read(found, LIMIT) is None


def test_a_file_that_a_drive_keeps_for_somebody_else_is_left(
    folder: ExchangeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in(folder)
    (found,) = folder.waiting()
    monkeypatch.setattr(os, "open", raising(OSError(errno.EBUSY, "busy")))
    assert folder.read(found, LIMIT) is None


@pytest.mark.parametrize("meddle", [grow, take_place_of, Path.unlink])
def test_a_file_that_changes_while_it_is_read_is_left(
    meddle: Callable[[Path], None], folder: ExchangeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, opened = hand_in(folder), os.fdopen

    def fdopen(handle: int, mode: str) -> Any:
        file = opened(handle, mode, buffering=0)
        meddle(path)
        return file

    monkeypatch.setattr(os, "fdopen", fdopen)
    (found,) = folder.waiting()
    assert folder.read(found, LIMIT) is None


CUT = b"PK\x03\x04 and nothing of the end"
WHOLE = CUT + b"PK\x05\x06" + bytes(18)


@pytest.mark.parametrize(
    ("name", "content", "later_s", "whole"),
    [
        ("a.xlsx", CUT, 99, False),
        ("a.XLSX", CUT, 99, False),
        ("a.xlsx", CUT, 101, True),
        ("a.xlsx", WHOLE, 11, True),
        ("a.xlsx", WHOLE + b"a comment", 11, True),
        ("a.csv", CUT, 11, True),
        ("a.xlsx", CUT + bytes(2 * LIMIT), 11, True),
    ],
    ids=["cut", "in capitals", "cut for long", "whole", "with a comment", "no workbook", "too large to be read"],
)
def test_a_workbook_without_its_end_is_left_ten_times_as_long(
    name: str, content: bytes, later_s: float, whole: bool, tmp_path: Path
) -> None:
    folder = made(tmp_path, settle_s=10, later_s=later_s)
    hand_in(folder, name, content)
    assert (read(folder) is not None) is whole


# --- putting away


def test_a_file_is_put_away_under_its_instant_and_name_beside_its_answer(folder: ExchangeFolder) -> None:
    hand_in(folder)
    assert put_away(folder, arrived(folder)) == folder.done / f"{STAMP}-conflits.csv"
    assert held(folder.done) == {f"{STAMP}-conflits.csv": b"content", f"{STAMP}-conflits-reponse.csv": b"answer"}
    assert held(folder.incoming) == {}


def test_files_of_the_same_name_in_the_same_second_are_both_kept(folder: ExchangeFolder) -> None:
    for content in (b"one", b"two", b"three"):
        hand_in(folder, content=content)
        put_away(folder, arrived(folder), answer=b"of " + content)
    assert held(folder.done) == {
        f"{STAMP}-conflits.csv": b"one",
        f"{STAMP}-conflits-reponse.csv": b"of one",
        f"{STAMP}-2-conflits.csv": b"two",
        f"{STAMP}-2-conflits-reponse.csv": b"of two",
        f"{STAMP}-3-conflits.csv": b"three",
        f"{STAMP}-3-conflits-reponse.csv": b"of three",
    }


@pytest.mark.parametrize("taken", [f"{STAMP}-conflits.csv", f"{STAMP}-conflits-reponse.csv"])
def test_a_name_that_is_taken_is_left_to_who_has_it(taken: str, folder: ExchangeFolder) -> None:
    (folder.done / taken).write_bytes(b"somebody else's")
    hand_in(folder)
    assert put_away(folder, arrived(folder)) == folder.done / f"{STAMP}-2-conflits.csv"
    assert held(folder.done)[taken] == b"somebody else's"


@pytest.mark.parametrize("taken", [f"{STAMP}-conflits.csv", f"{STAMP}-conflits-reponse.csv"])
@pytest.mark.parametrize("links", [True, False])
def test_a_name_that_is_taken_in_the_last_instant_is_not_overwritten(
    links: bool, taken: str, folder: ExchangeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder.done / taken).write_bytes(b"somebody else's")
    monkeypatch.setattr(os.path, "lexists", lambda _: False)
    if not links:
        monkeypatch.setattr(os, "link", raising(OSError(errno.ENOTSUP, "no such thing here")))
    hand_in(folder)
    with pytest.raises(FileExistsError):
        put_away(folder, arrived(folder))
    assert held(folder.done) == {taken: b"somebody else's"}
    assert held(folder.incoming) == {"conflits.csv": b"content"}


def test_a_drive_without_hard_links_serves_as_well(folder: ExchangeFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", raising(OSError(errno.ENOTSUP, "no such thing here")))
    hand_in(folder)
    put_away(folder, arrived(folder))
    assert held(folder.done) == {f"{STAMP}-conflits.csv": b"content", f"{STAMP}-conflits-reponse.csv": b"answer"}


ANY_NAME = st.binary(min_size=1, max_size=255).filter(lambda raw: not {0, ord("/")} & {*raw})
READABLE_NAME = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60)


@settings(max_examples=60)
@given(
    ANY_NAME | READABLE_NAME.map(str.encode) | st.sampled_from([b"\xc3\xa9" * 127, b"a." + b"b" * 253, b"'\"\n;$(x)"])
)
def test_a_file_of_any_name_is_taken_and_put_away_with_its_ending(raw_name: bytes) -> None:
    with tempfile.TemporaryDirectory() as made_here:
        folder, name = made(Path(made_here)), os.fsdecode(raw_name)
        assume(name not in (".", ".."))
        hand_in(folder, name)
        assume(waiting(folder))
        target = put_away(folder, arrived(folder))
        assert target is not None
        assert held(folder.done) == {target.name: b"content", answer_of(target).name: b"answer"}
        suffix = os.path.splitext(name)[1]
        assert target.name.endswith(suffix) or len(suffix) > 5
        assert len(raw_name) > 200 or target.name == f"{STAMP}-{name}"


# --- what goes wrong in between


def test_a_file_that_cannot_be_moved_stays_and_has_no_answer(
    folder: ExchangeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in(folder)
    file = arrived(folder)
    with monkeypatch.context() as broken:
        broken.setattr(os, "rename", raising(PermissionError(errno.EACCES, "not yours")))
        with pytest.raises(PermissionError):
            put_away(folder, file)
    assert (held(folder.incoming), held(folder.done)) == ({"conflits.csv": b"content"}, {})
    assert put_away(folder, file) is not None


def test_a_crash_between_answer_and_move_leaves_the_file_to_be_taken_again(
    folder: ExchangeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in(folder)
    file = arrived(folder)
    with monkeypatch.context() as dying:
        dying.setattr(os, "rename", raising(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            put_away(folder, file)
    assert held(folder.incoming) == {"conflits.csv": b"content"}
    assert put_away(folder, arrived(folder)) == folder.done / f"{STAMP}-2-conflits.csv"
    assert b"content" in held(folder.done).values()


def test_a_server_that_moves_a_file_and_loses_its_answer_loses_no_file(
    folder: ExchangeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = os.rename

    def rename(source: Path, target: Path) -> None:
        really(source, target)
        raise FileNotFoundError(errno.ENOENT, "asked twice")

    hand_in(folder)
    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(FileNotFoundError):
        put_away(folder, arrived(folder))
    assert held(folder.done) == {f"{STAMP}-conflits.csv": b"content"}


@pytest.mark.parametrize("meddle", [grow, take_place_of, Path.unlink])
def test_a_file_that_changes_before_it_is_put_away_stays_without_an_answer(
    meddle: Callable[[Path], None], folder: ExchangeFolder
) -> None:
    path = hand_in(folder)
    file = arrived(folder)
    meddle(path)
    before = held(folder.incoming)
    assert put_away(folder, file) is None
    assert (held(folder.incoming), held(folder.done)) == (before, {})


@pytest.mark.parametrize("again", [False, True], ids=["once", "twice"])
def test_a_file_that_comes_in_the_instant_of_the_move_is_put_back(
    again: bool, folder: ExchangeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, really, calls = hand_in(folder), os.rename, []

    def rename(source: Path, target: Path) -> None:
        calls.append(source)
        if len(calls) == 1:
            take_place_of(path)
        really(source, target)
        if len(calls) == 1 and again:
            path.write_bytes(b"newest")

    file = arrived(folder)
    monkeypatch.setattr(os, "rename", rename)
    assert put_away(folder, file) is None
    expected = (
        {"conflits.csv": b"newest", "conflits-2.csv": b"newer content"} if again else {path.name: b"newer content"}
    )
    assert (held(folder.incoming), held(folder.done)) == (expected, {})


@pytest.mark.parametrize("name", ["outgoing", "incoming", "done", "refused"])
@pytest.mark.parametrize(("kind", "error"), [("link", NotADirectoryError), ("file", FileExistsError)])
def test_a_link_or_a_file_in_the_place_of_a_folder_is_not_used(
    name: str, kind: str, error: type[OSError], folder: ExchangeFolder
) -> None:
    place = folder.root / name
    place.rmdir()
    if kind == "link":
        place.symlink_to(folder.root)
    else:
        place.touch()
    with pytest.raises(error):
        folder.prepare()


# --- names of points of sale


@pytest.mark.parametrize(
    ("point_of_sale", "name"),
    [
        ("PDV1", "PDV1"),
        ("garage_2-nord.a", "garage_2-nord.a"),
        ("..", "%2E%2E"),
        (".", "%2E"),
        (".hidden", "%2Ehidden"),
        ("a.", "a%2E"),
        ("a/b", "a%2Fb"),
        ("../x", "%2E%2E%2Fx"),
        ("a\\b", "a%5Cb"),
        ("01 Orléans", "01%20Orl%C3%A9ans"),
        ("50%", "50%25"),
        ("a\n", "a%0A"),
        ("", "%"),
    ],
)
def test_a_point_of_sale_s_folder_has_its_id_where_that_is_a_name_everywhere(point_of_sale: str, name: str) -> None:
    assert folder_name(point_of_sale) == name


@given(st.text())
def test_every_id_names_one_folder_of_its_own_directly_below_the_root(point_of_sale: str) -> None:
    name = folder_name(point_of_sale)
    assert name == Path(name).name
    assert not name.startswith(".")
    assert name.isascii()
    assert name.isprintable()
    assert unquote(name) == point_of_sale or (point_of_sale, name) == ("", "%")

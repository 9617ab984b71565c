"""What a process that died while it wrote leaves behind in an outgoing folder, and who clears it up."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from stocksync.adapters.systems.files.local import LocalFolder
from stocksync.adapters.systems.files.system import FilesSystem
from stocksync.adapters.systems.files.transport import LEFT_FOR_S, is_temporary, temporary_name
from tests.contract.clock import PaperClock
from tests.files.folder_dms import FolderDms, make_old, settings

CAR = {"dossier": "VO1", "site": "S01", "prix_vente": "12 500,00", "couleur": "GRIS", "ref_externe": "OF-1"}


@pytest.fixture
def dms(tmp_path: Path) -> FolderDms:
    """A DMS with one car."""
    made = FolderDms(tmp_path / "dms", "csv")
    made.put(CAR)
    made.publish("S01")
    return made


def system(dms: FolderDms) -> FilesSystem:
    """The system over its folder."""
    said = {"point_of_sale_code": "S01", "id_path": "dossier", "reference_path": "ref_externe", "name": "the DMS"}
    clock = PaperClock()
    return FilesSystem(settings("csv"), address=str(dms.root), secrets={}, clock=clock, **said)  # type: ignore[arg-type]


def left(dms: FolderDms, name: str, seconds_s: float = 2 * LEFT_FOR_S) -> Path:
    """Leave a half-written file behind, so long ago."""
    path = dms.root / "import" / name
    path.write_bytes(b"dossier;prix")
    make_old(path, seconds_s)
    return path


def test_a_half_written_file_of_a_process_that_died_is_removed_and_told(
    dms: FolderDms, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def dies(*_: object, **__: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", dies)
        with pytest.raises(SystemExit):
            LocalFolder(dms.root, "the DMS").write("import", "new.csv", b"dossier;prix")
    [path] = (dms.root / "import").iterdir()
    assert is_temporary(path.name)
    list(system(dms).pages())
    assert path.exists()
    make_old(path, LEFT_FOR_S)
    with caplog.at_level(logging.WARNING):
        list(system(dms).pages())
    assert not path.exists()
    assert f"the DMS: removed import/{path.name}, which a dead process left half written" in caplog.text


@pytest.mark.parametrize(
    "name", [".0123456789abcdef.part", ".stocksync-0123456789abcdef.csv", "stocksync-0123456789abcdef.part", ".x.part"]
)
def test_what_may_be_somebody_else_s_stays(dms: FolderDms, name: str) -> None:
    path = left(dms, name)
    list(system(dms).pages())
    assert path.exists()


def test_a_link_or_a_folder_of_such_a_name_stays_and_nothing_outside_is_touched(dms: FolderDms, tmp_path: Path) -> None:
    (outside := tmp_path / "outside").write_bytes(b"x")
    make_old(outside, 2 * LEFT_FOR_S)
    link, folder = (dms.root / "import" / temporary_name() for _ in range(2))
    link.symlink_to(outside)
    folder.mkdir()
    list(system(dms).pages())
    assert outside.exists()
    assert link.is_symlink()
    assert folder.is_dir()


def test_a_folder_that_cannot_be_cleared_up_does_not_stop_the_listing(
    dms: FolderDms, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path, unlink = left(dms, temporary_name()), os.unlink

    def refused(name: str, *, dir_fd: int | None = None) -> None:
        if is_temporary(str(name)):
            raise PermissionError(1, "Operation not permitted")
        unlink(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", refused)
    [page] = system(dms).pages()
    assert [record.record_id for record in page.records] == ["VO1"]
    assert path.exists()
    assert "stays there" in caplog.text

"""Checking a database: each thing that may be wrong is found, and nothing is changed by looking."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path, PurePosixPath

import pytest

from stocksync.adapters.store import check as checking
from stocksync.adapters.store.check import Checked, Fault, Matter, check
from stocksync.adapters.store.database_file import existing_file
from stocksync.adapters.store.mounts import Mount, find_mount
from stocksync.errors import ConfigurationError, UsageError
from tests.adapters.journals import a_database, tamper
from tests.worlds import STARTED_AT

LOCAL = Mount("/", "ext4")
NOW_AT = STARTED_AT + timedelta(days=30)
A_TB = 10**12


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return a_database(tmp_path / "memory.db", journal=6)


def checked(database: Path, *, quick: bool = False, mount: Mount | None = LOCAL, free: int = A_TB) -> Checked:
    return check(database, NOW_AT, quick=quick, find_mount=lambda _: mount, free_bytes=lambda _: free)


def faults(database: Path, *, quick: bool = False) -> dict[Matter, Fault]:
    return {fault.matter: fault for fault in checked(database, quick=quick).faults}


def test_nothing_is_wrong_with_a_good_database_and_looking_changes_nothing(database: Path) -> None:
    before = database.read_bytes()
    found = checked(database)
    assert found.faults == ()
    assert found.journal is not None
    assert (found.revision, found.journal.rows, found.size_bytes) == ("0009", 6, len(before))
    assert database.read_bytes() == before


OUTBOX = (
    "INSERT INTO outbox (id, run_id, car_id, point_of_sale, side, action, payload, key, status, attempts, created_at) "
    "VALUES (7, 1, '{car}', 'PDV1', 'dms', 'update', '{payload}', 'k', '{status}', 1, '{at}')"
)
RUN = (
    "INSERT INTO run (id, point_of_sale, pair, mapping_version, status, started_at) "
    "VALUES (1, 'PDV1', 'p', 'm', 'done', '2026')"
)
MAPPING = "INSERT INTO mapping_version VALUES ('m', x'', '2026')"
CAR = (
    "INSERT INTO car (id, pair, point_of_sale, first_point_of_sale, base, unkept, missing_vehicle_module, missing_dms, "
    "reserved_by_us, closed, opened_at, dms_id) "
    "VALUES ('{id}', 'p', 'PDV1', 'PDV1', '{base}', '{{}}', 0, 0, 0, 0, '2026', '{dms_id}')"
)
CONFLICT = (
    "INSERT INTO conflict (id, pair, point_of_sale, car_id, key, subject, reason, category, details, opened_run, "
    "opened_at, changed_at, closed_at) VALUES ({id}, 'p', 'PDV1', 'c', 'k', 's', 'r', 'c', '{{}}', 1, '2026', '2026', "
    "{closed})"
)
MERGED = (
    "INSERT INTO journal (at, run_id, car_id, action, details) "
    "VALUES ('2026-11-20 09:00:00', 1, 'c', 'merged', '{\"from\":\"lost\"}')"
)
LATELY, LONG_AGO = "2026-12-18 09:00:00.000000", "2026-12-01 09:00:00.000000"


def entry(car: str = "c", status: str = "delivered", at: str = LONG_AGO, payload: str = "{}") -> str:
    return OUTBOX.format(car=car, status=status, at=at, payload=payload)


def car(car_id: str = "c", dms_id: str = "VO1", base: str = "{}") -> str:
    return CAR.format(id=car_id, dms_id=dms_id, base=base)


@pytest.mark.parametrize(
    ("matter", "where", "statements"),
    [
        (Matter.DANGLING, "outbox 7", [car(), entry()]),
        (Matter.NOT_OURS, None, ["DROP TABLE alembic_version"]),
        (Matter.OLDER_SCHEMA, "0002, 0009", ["UPDATE alembic_version SET version_num = '0002'"]),
        (Matter.NEWER_SCHEMA, "0999, 0009", ["UPDATE alembic_version SET version_num = '0999'"]),
        (Matter.JOURNAL_BROKEN, "journal 3", ["UPDATE journal SET action = 'x' WHERE id = 3"]),
        (
            Matter.RECORD_BOUND_TWICE,
            "dms VO1",
            [
                "CREATE TABLE loose AS SELECT * FROM car",
                "DROP TABLE car",
                "ALTER TABLE loose RENAME TO car",
                car("c"),
                car("d"),
                car("e", "VO2"),
            ],
        ),
        (Matter.ENTRY_WITHOUT_CAR, "outbox 7", [MAPPING, RUN, entry("nobody")]),
        (Matter.ENTRY_STANDING_STILL, "outbox 7", [MAPPING, RUN, car(), entry(status="claimed")]),
        (Matter.ENTRY_STANDING_STILL, "outbox 7", [MAPPING, RUN, car(), entry(status="pending")]),
        (Matter.OPEN_TWICE, "conflict 1, 2", [CONFLICT.format(id=n, closed="NULL") for n in (1, 2)]),
        (Matter.RUN_WITHOUT_MAPPING, "run 1", [RUN]),
        (Matter.UNREADABLE_TEXT, "car c", [car(base='{"mileage"')]),
        (Matter.UNREADABLE_TEXT, "outbox 7", [MAPPING, RUN, car(), entry(payload="")]),
    ],
)
def test_what_is_wrong_is_found_and_nothing_else(
    database: Path, matter: Matter, where: str | None, statements: list[str]
) -> None:
    tamper(database, *statements)
    found = {fault.matter: fault.where for fault in checked(database).faults}
    # What was written there by hand has no run either.
    expected = {matter: (where,) if where is not None else ()}
    assert found == expected


@pytest.mark.parametrize(
    "statements",
    [
        [MAPPING, RUN, car(), entry(status="claimed", at=LATELY), entry(status="claimed", at=LATELY).replace("7", "8")],
        [MAPPING, RUN, car(), entry(status="failed")],
        [CONFLICT.format(id=1, closed="NULL"), CONFLICT.format(id=2, closed="'2026'")],
    ],
)
def test_what_is_as_it_should_be_is_no_fault(database: Path, statements: list[str]) -> None:
    tamper(
        database, *[statement.replace("'k', 'claimed'", f"'{n}', 'claimed'") for n, statement in enumerate(statements)]
    )
    assert faults(database) == {}


def test_an_entry_of_a_car_that_became_part_of_another_is_no_fault(database: Path) -> None:
    tamper(database, MAPPING, RUN, entry("lost"), MERGED)
    assert Matter.ENTRY_WITHOUT_CAR not in faults(database)


def test_examples_are_few_but_all_are_counted(database: Path) -> None:
    tamper(database, *(RUN.replace("(1,", f"({number},") for number in range(1, 21)))
    fault = faults(database)[Matter.RUN_WITHOUT_MAPPING]
    assert (fault.count, len(fault.where)) == (20, 5)


def test_a_damaged_index_is_found_unless_it_is_to_be_quick(database: Path) -> None:
    tamper(database, "PRAGMA writable_schema=ON", "DELETE FROM sqlite_master WHERE name = 'journal_by_car'")
    assert Matter.DAMAGED in faults(database)


def test_a_quick_look_leaves_the_journal_out(database: Path) -> None:
    tamper(database, "UPDATE journal SET action = 'x' WHERE id = 3")
    assert faults(database, quick=True) == {}
    assert checked(database, quick=True).journal is None


@pytest.mark.parametrize("content", [b"not a database, but long enough to look like one" * 40, b"\0" * 5000, b"short"])
def test_a_file_that_is_no_database_is_told_and_does_not_stop_the_check(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(content)
    found = checked(path)
    assert [fault.matter for fault in found.faults] == [Matter.DAMAGED]


def test_a_spoiled_page_is_told_and_does_not_stop_the_check(database: Path) -> None:
    tamper(database)
    with closing(sqlite3.connect(database)) as connection:
        page = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'journal'").fetchone()[0]
    with database.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    assert Matter.DAMAGED in faults(database)


def test_where_a_database_lies_is_looked_at(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = checked(database, mount=Mount("/srv", "nfs4"), free=1000)
    assert [(fault.matter, fault.where) for fault in found.faults] == [
        (Matter.NETWORK_DRIVE, ("/srv (nfs4)",)),
        (Matter.LITTLE_ROOM, ("0 MiB",)),
    ]
    assert checked(database, mount=None).faults == ()


def test_a_log_that_only_grows_is_a_fault(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "_LARGE_WAL_BYTES", 0)
    with closing(sqlite3.connect(database)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM lot").fetchall()
        with closing(sqlite3.connect(database, isolation_level=None)) as writer:
            writer.execute("INSERT INTO lot VALUES ('f', printf('[%*s]', 600000, ''), '2026')")
            assert set(faults(database)) == {Matter.LARGE_WAL}


def test_what_a_killed_backup_left_is_told_once_it_cannot_be_at_work_any_more(database: Path) -> None:
    part = database.with_name(".memory-20261120T093000Z.backup.db.0a1b2c3d.backup.part")
    part.write_bytes(b"")
    for age, expected in ((timedelta(hours=2), set()), (timedelta(days=2), {Matter.BACKUP_LEFTOVER})):
        touched_s = (NOW_AT - age).timestamp()
        os.utime(part, (touched_s, touched_s))
        assert set(faults(database)) == expected


MOUNTS = r"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:40 / /srv/d\303\251p\303\264t rw - tmpfs tmpfs rw
31 22 0:41 / /srv/stock\040room rw,relatime shared:5 master:1 - nfs4 server:/x rw
32 22 0:42 / /srv/data rw - ext4 /dev/vdb rw
33 32 0:43 / /srv/data rw - cifs //server/x rw
34 22 0:44 / /srv/data/local rw - xfs /dev/vdc rw
nonsense
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/x.db", "ext4"),
        ("/srv/stock room/x.db", "nfs4"),
        ("/srv/stock/x.db", "ext4"),
        ("/srv/data/x.db", "cifs"),
        ("/srv/data/local/x.db", "xfs"),
        ("/srv/database/x.db", "ext4"),
    ],
)
def test_the_innermost_mount_counts_and_of_two_at_one_place_the_later(path: str, kind: str) -> None:
    found = find_mount(PurePosixPath(path), MOUNTS)
    assert found is not None
    assert found.kind == kind


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "fuse.glusterfs"])
def test_drives_that_other_machines_share_are_told_from_local_ones(kind: str) -> None:
    assert Mount("/", kind).is_network
    assert not any(Mount("/", local).is_network for local in ("ext4", "xfs", "overlay", "tmpfs", "zfs", "fuse.ntfs-3g"))


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "postgresql://who:secretpw@h/x", "nonsense"])
def test_only_a_file_can_be_looked_after(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        existing_file(url)
    assert "secretpw" not in str(caught.value)


def test_a_database_that_is_not_there_yet_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no database"):
        existing_file(f"sqlite:///{tmp_path}/none.db")
    assert list(tmp_path.iterdir()) == []

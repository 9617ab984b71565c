"""The journal: what the database refuses, what the walk along its chain finds, and who may write it at once."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from stocksync.adapters.store import engine
from stocksync.adapters.store.database_file import reading, revision_of
from stocksync.adapters.store.journal_chain import FIRST, Damage, Walk, digest_of, erased, link
from stocksync.adapters.store.journal_rows import walk_journal
from stocksync.adapters.store.rows import add_journal
from stocksync.errors import ConfigurationError
from stocksync.sync.recording import JournalLine
from tests.adapters.journals import a_database, tamper
from tests.worlds import STARTED_AT

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return a_database(tmp_path / "memory.db", journal=12)


def walked(path: Path, expected: str | None = None) -> Walk:
    with reading(path) as connection:
        return walk_journal(connection, expected)


def test_a_journal_that_nobody_touched_is_whole(database: Path) -> None:
    found = walked(database)
    assert (found.broken, found.rows) == (None, 12)
    assert (found.first_at, found.last_at) == (STARTED_AT, STARTED_AT + timedelta(seconds=11))
    with sqlite3.connect(database) as connection:
        assert found.last_hash == connection.execute("SELECT hash FROM journal WHERE id = 12").fetchone()[0]


def test_an_empty_journal_is_whole(tmp_path: Path) -> None:
    found = walked(a_database(tmp_path / "new.db"))
    assert found == Walk(0, None, None, FIRST, None)


@pytest.mark.parametrize("change", ["UPDATE journal SET action = 'x' WHERE id = 3", "DELETE FROM journal WHERE id = 3"])
def test_the_database_refuses_to_change_the_journal(database: Path, change: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="only ever added to"):
        tamper(database, change, past_triggers=False)
    assert walked(database).broken is None


@pytest.mark.parametrize(
    ("change", "row", "damage"),
    [
        ("UPDATE journal SET details = '{\"number\":99}' WHERE id = 5", 5, Damage.CHANGED),
        ("UPDATE journal SET action = 'other' WHERE id = 5", 5, Damage.CHANGED),
        ("UPDATE journal SET car_id = NULL WHERE id = 5", 5, Damage.CHANGED),
        ("UPDATE journal SET run_id = 77 WHERE id = 5", 5, Damage.CHANGED),
        ("UPDATE journal SET at = '2026-11-20 09:00:07.000000' WHERE id = 5", 5, Damage.CHANGED),
        ("UPDATE journal SET details = details || ' ' WHERE id = 12", 12, Damage.CHANGED),
        ("UPDATE journal SET details = details || ' ' WHERE id = 1", 1, Damage.CHANGED),
        (f"UPDATE journal SET hash = '{'0' * 64}' WHERE id = 5", 5, Damage.HASH_CHANGED),
        ("DELETE FROM journal WHERE id = 5", 6, Damage.MISSING),
        ("DELETE FROM journal WHERE id = 1", 2, Damage.MISSING),
        ("DELETE FROM journal WHERE id BETWEEN 4 AND 8", 9, Damage.MISSING),
    ],
)
def test_what_was_changed_or_taken_out_is_found_where_it_was(
    database: Path, change: str, row: int, damage: Damage
) -> None:
    tamper(database, change)
    broken = walked(database).broken
    assert broken is not None
    assert (broken.row_id, broken.damage) == (row, damage)


def test_missing_rows_are_named(database: Path) -> None:
    tamper(database, "DELETE FROM journal WHERE id BETWEEN 4 AND 8")
    found = walked(database)
    assert found.broken is not None
    assert found.broken.missing == (4, 8)
    assert found.rows == 7


def test_two_rows_that_changed_places_are_found(database: Path) -> None:
    moves = [(5, 100), (6, 5), (100, 6)]
    tamper(database, *(f"UPDATE journal SET id = {to} WHERE id = {row}" for row, to in moves))
    broken = walked(database).broken
    assert broken is not None
    assert (broken.row_id, broken.damage) == (5, Damage.SWAPPED)


@pytest.mark.parametrize("forged", [True, False])
def test_a_row_put_in_is_found_even_with_a_hash_that_fits(database: Path, forged: bool) -> None:
    with sqlite3.connect(database) as connection:
        before = connection.execute("SELECT hash FROM journal WHERE id = 4").fetchone()[0]
    own = link(before, STARTED_AT, 1, "c1", "forged", digest_of("{}")) if forged else "f" * 64
    tamper(
        database,
        # Upwards through the negatives, as ids must not meet on the way.
        "UPDATE journal SET id = -id WHERE id >= 5",
        "UPDATE journal SET id = 1 - id WHERE id < 0",
        "INSERT INTO journal (id, at, run_id, car_id, action, details, hash) "
        f"VALUES (5, '2026-11-20 09:00:00.000000', 1, 'c1', 'forged', '{{}}', '{own}')",
    )
    broken = walked(database).broken
    assert broken is not None
    assert (broken.row_id, broken.damage) == (5, Damage.INSERTED)


@pytest.mark.parametrize(
    "value",
    ["at = 'yesterday'", "at = x'ff'", "details = x'fffe'", "run_id = 'many'", "action = x'80'", "hash = x'80'"],
)
def test_a_row_that_cannot_be_read_is_one_that_does_not_fit(database: Path, value: str) -> None:
    tamper(database, f"UPDATE journal SET {value} WHERE id = 5")
    found = walked(database)
    assert found.broken is not None
    assert (found.broken.row_id, found.rows) == (5, 12)


def test_only_the_first_break_is_told_but_every_row_is_counted(database: Path) -> None:
    tamper(database, "UPDATE journal SET action = 'x' WHERE id IN (3, 9)")
    found = walked(database)
    assert found.broken is not None
    assert (found.broken.row_id, found.rows) == (3, 12)


def test_rows_cut_off_at_the_end_are_missed_by_a_hash_that_was_noted(database: Path) -> None:
    noted = walked(database).last_hash
    assert walked(database, noted).expected_row == 12
    tamper(database, "DELETE FROM journal WHERE id > 10")
    found = walked(database, noted)
    assert (found.broken, found.expected_row) == (None, None)


def test_a_noted_hash_behind_a_break_proves_nothing(database: Path) -> None:
    noted = walked(database).last_hash
    tamper(database, "UPDATE journal SET action = 'x' WHERE id = 3")
    assert walked(database, noted).expected_row is None


def test_a_long_journal_is_walked_in_little_memory(tmp_path: Path) -> None:
    path, details = a_database(tmp_path / "memory.db"), "{}" + " " * 4_000

    def rows() -> Iterator[tuple[str, str, str]]:
        before = FIRST
        for _ in range(2_000):
            before = link(before, STARTED_AT, 1, None, "noted", digest_of(details))
            yield STARTED_AT.strftime("%Y-%m-%d %H:%M:%S.%f"), details, before

    with closing(sqlite3.connect(path)) as connection, connection:
        put = "INSERT INTO journal (at, run_id, action, details, hash) VALUES (?, 1, 'noted', ?, ?)"
        connection.executemany(put, rows())
    tracemalloc.start()
    try:
        found = walked(path)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (found.broken, found.rows) == (None, 2_000)
    assert peak_bytes < 2_000 * 4_000 / 3


# Details that were erased.


def erase_by_hand(path: Path, *row_ids: int, digest: str | None = None) -> None:
    """Erase details as somebody may who has the file, and as the database allows it."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for row_id in row_ids:
            row = connection.execute("SELECT details FROM journal WHERE id = ?", (row_id,)).fetchone()
            place = erased(row[0]) if digest is None else f'{{"erased":"{digest}"}}'
            connection.execute("UPDATE journal SET details = ? WHERE id = ?", (place, row_id))


def tell_erased(path: Path, *row_ids: object, what: str = "journal") -> None:
    opened = engine.open_engine(f"sqlite:///{path}")
    with opened.execution_options(**{engine.WRITE: True}).begin() as connection:
        line = JournalLine(None, "erased", {"by": "A. Martin", "what": what, "rows": list(row_ids)})
        add_journal(connection, 0, STARTED_AT, [line])
    opened.dispose()


def test_erased_details_leave_a_chain_that_holds_and_are_counted(database: Path) -> None:
    noted = walked(database).last_hash
    erase_by_hand(database, 3, 4)
    tell_erased(database, 3, 4)
    found = walked(database, noted)
    assert (found.broken, found.rows, found.erased, found.untold) == (None, 13, 2, 0)
    assert found.expected_row == 12, "a hash that was noted before the erasing still proves the same"


def test_details_that_were_erased_and_that_no_line_tells_of_are_damage_of_their_own(database: Path) -> None:
    erase_by_hand(database, 3, 4, 9)
    tell_erased(database, 4)
    found = walked(database)
    assert found.broken is not None
    assert (found.broken.row_id, found.broken.damage) == (3, Damage.ERASED_UNTOLD)
    assert (found.erased, found.untold) == (3, 2)


@pytest.mark.parametrize(("rows", "what"), [((3,), "outbox"), (("3",), "journal"), ((4,), "journal")])
def test_a_line_that_tells_of_other_rows_tells_nothing_of_this_one(
    database: Path, rows: tuple[object, ...], what: str
) -> None:
    erase_by_hand(database, 3)
    tell_erased(database, *rows, what=what)
    assert walked(database).untold == 1


def test_where_the_telling_line_is_gone_itself_that_is_what_is_told(database: Path) -> None:
    erase_by_hand(database, 3)
    tell_erased(database, 3)
    tell_erased(database)
    tamper(database, "DELETE FROM journal WHERE id = 13")
    broken = walked(database).broken
    assert broken is not None
    assert (broken.row_id, broken.damage) == (14, Damage.MISSING)


def test_another_digest_than_the_row_s_own_breaks_the_chain(database: Path) -> None:
    erase_by_hand(database, 5, digest="0" * 64)
    tell_erased(database, 5)
    broken = walked(database).broken
    assert broken is not None
    assert (broken.row_id, broken.damage) == (5, Damage.CHANGED)


@pytest.mark.parametrize(
    "change",
    [
        'details = \'{"erased":""}\'',
        f'details = \'{{"erased":"{"0" * 63}"}}\'',
        f'details = \'{{"erased":"{"0" * 65}"}}\'',
        f'details = \'{{"erased":"{"A" * 64}"}}\'',
        f'details = \'{{"erased":"{"0" * 64}","x":1}}\'',
        f"details = x'{('{' + '0' * 75 + '}').encode().hex()}'",
        f"details = '{{\"erased\":\"{'0' * 64}\"}}', action = 'x'",
        f"details = '{{\"erased\":\"{'0' * 64}\"}}', hash = ''",
        f'details = \'{{"erased":"{"0" * 64}"}}\', id = 99',
    ],
)
def test_the_database_takes_nothing_but_a_digest_in_the_place_of_details(database: Path, change: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="only ever added to"):
        tamper(database, f"UPDATE journal SET {change} WHERE id = 5", past_triggers=False)
    assert walked(database).broken is None


def test_what_was_erased_once_stays_as_it_is(database: Path) -> None:
    erase_by_hand(database, 5)
    with pytest.raises(sqlite3.IntegrityError, match="only ever added to"):
        erase_by_hand(database, 5, digest="0" * 64)


_WRITER = """
import sys
from stocksync.adapters.store.engine import open_engine
from tests.adapters.journals import write_lines
opened = open_engine(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
write_lines(opened, 60, sys.argv[2])
opened.dispose()
"""


def test_two_processes_that_write_at_once_leave_one_chain(tmp_path: Path) -> None:
    path = a_database(tmp_path / "memory.db")
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, f"sqlite:///{path}", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        for name in ("one", "two")
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(b"go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=60)
        assert writer.returncode == 0
    found = walked(path)
    assert (found.broken, found.rows) == (None, 120)


# From the second schema.

_OLD_ROWS = [
    (1, "2026-11-20 09:00:00.000000", 1, "c1", "decided", '{"agreed":["vin"]}'),
    (2, "2026-11-20 09:00:00", 1, None, "noted", "{}"),
    (3, "2026-11-20 09:05:00.250000", 0, "c2", "decision_taken", '{"comment":"é"}'),
    (4, "2026-11-20 09:06:00.000000", 2, "c1", "written", '{"price":12.50}'),
]


def upgrade(path: Path, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(engine.__file__).parent / "migrations"))
    made = create_engine(f"sqlite:///{path}")
    with made.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    made.dispose()


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old.db"
    upgrade(path, "0002")
    made = create_engine(f"sqlite:///{path}")
    with made.begin() as connection:
        for row in _OLD_ROWS:
            named = dict(zip(("id", "at", "run_id", "car_id", "action", "details"), row, strict=True))
            connection.execute(
                text("INSERT INTO journal VALUES (:id, :at, :run_id, :car_id, :action, :details)"), named
            )
    made.dispose()
    return path


def test_the_journal_of_the_second_schema_gets_a_chain_that_verifies(old: Path) -> None:
    opened = engine.open_engine(f"sqlite:///{old}")
    opened.dispose()
    found = walked(old)
    assert (found.broken, found.rows) == (None, 5), "and a line that tells of the change of rule"
    with sqlite3.connect(old) as connection:
        kept = connection.execute(
            "SELECT id, at, run_id, car_id, action, details FROM journal ORDER BY id LIMIT 4"
        ).fetchall()
    assert kept == _OLD_ROWS
    with pytest.raises(sqlite3.IntegrityError, match="only ever added to"):
        tamper(old, "DELETE FROM journal", past_triggers=False)


_KILLED = """
import os, signal, sys
from stocksync.adapters.store import engine, journal_chain
links = []
def link(*said):
    links.append(said)
    if len(links) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*said)
real, journal_chain.link = journal_chain.link, link
engine.open_engine(sys.argv[1])
"""


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


@pytest.mark.parametrize("revision", ["0002", "0003"])
def test_a_migration_that_is_killed_leaves_the_old_schema_as_it_was(old: Path, revision: str) -> None:
    upgrade(old, revision)
    before = dump(old)
    killed = subprocess.run([sys.executable, "-c", _KILLED, f"sqlite:///{old}"], cwd=ROOT, timeout=60, check=False)
    assert killed.returncode == -9
    assert dump(old) == before
    with reading(old) as connection:
        assert revision_of(connection) == revision
    engine.open_engine(f"sqlite:///{old}").dispose()
    assert walked(old).broken is None


# From the third schema, whose hashes hold the details themselves.


@pytest.fixture
def third(old: Path) -> Path:
    upgrade(old, "0003")
    return old


def test_a_journal_of_the_third_schema_is_walked_by_the_rule_of_its_time(third: Path) -> None:
    assert walked(third).broken is None
    tamper(third, "UPDATE journal SET details = '{}' WHERE id = 3")
    broken = walked(third).broken
    assert broken is not None
    assert (broken.row_id, broken.damage) == (3, Damage.CHANGED)


def test_a_chain_made_anew_keeps_every_row_and_notes_the_last_hash_before(third: Path) -> None:
    noted = walked(third).last_hash
    engine.open_engine(f"sqlite:///{third}").dispose()
    found = walked(third)
    assert (found.broken, found.rows) == (None, 5)
    with closing(sqlite3.connect(third)) as connection:
        rows = connection.execute("SELECT id, at, run_id, car_id, action, details FROM journal ORDER BY id").fetchall()
    assert rows[:4] == _OLD_ROWS
    assert rows[4][2:] == (0, None, "rechained", f'{{"last_hash":"{noted}"}}')


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE journal SET details = '{}' WHERE id = 3",
        "UPDATE journal SET hash = '' WHERE id = 4",
        "UPDATE journal SET at = 'yesterday' WHERE id = 2",
        "UPDATE journal SET at = x'ff' WHERE id = 2",
        "UPDATE journal SET details = x'fffe' WHERE id = 2",
        "UPDATE journal SET run_id = 'many' WHERE id = 1",
        "DELETE FROM journal WHERE id = 1",
    ],
)
def test_a_chain_that_is_broken_is_not_made_anew_and_stays_as_it_is(third: Path, change: str) -> None:
    tamper(third, change)

    before = dump(third)
    with pytest.raises(ConfigurationError, match=r"tampered with.*schema 0003.*version of stocksync before"):
        engine.open_engine(f"sqlite:///{third}")
    assert dump(third) == before
    with reading(third) as connection:
        assert revision_of(connection) == "0003"

"""A PostgreSQL server in the place of the database file: the same stories, one writer at a time, the same refusals.

Not here: what is stored, which every other test asks of a file.
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, Engine, Insert, MetaData, String, Table, insert, make_url, select, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlmodel import SQLModel

from stocksync.adapters.store import engine as engines
from stocksync.adapters.store.alert_rows import AlertRows
from stocksync.adapters.store.core import JOURNAL, PAUSE
from stocksync.adapters.store.database_file import looked_at
from stocksync.adapters.store.engine import WRITE, open_engine
from stocksync.adapters.store.erasing import erase_person
from stocksync.adapters.store.erasing_parts import Place
from stocksync.adapters.store.journal_chain import erased
from stocksync.adapters.store.journal_rows import walk_journal
from stocksync.adapters.store.key_lists import ByKeys
from stocksync.adapters.store.leases import LEASE_FOR
from stocksync.adapters.store.repository import Repository
from stocksync.adapters.store.rows import add_journal
from stocksync.entrypoints.doctor import Level
from stocksync.entrypoints.doctor_checks_database import check_database
from stocksync.errors import Busy, ConfigurationError
from stocksync.sync.alerts import AlertKind, Changes, Trouble
from stocksync.sync.recording import JournalLine, RunKind, RunStatus
from tests.adapters.journals import write_lines
from tests.entrypoints.desk import Desk, desk_at
from tests.postgresql import Server, a_server, refuse_missing
from tests.simulation.killing import Points
from tests.simulation.laws import Address, in_file, opened
from tests.simulation.simulation import Simulation
from tests.worlds import ToldClock

# One server for all of them.
pytestmark = pytest.mark.xdist_group("postgresql")

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    refuse_missing()
    with a_server() as at_work:
        yield at_work


_numbers = itertools.count()


@pytest.fixture
def address(server: Server) -> str:
    return server.made(f"of_a_test_{next(_numbers)}")


@pytest.fixture
def engine(address: str) -> Iterator[Engine]:
    made = open_engine(address)
    yield made
    made.dispose()


# The same stories


@pytest.mark.parametrize("seed", [3, 10, 17])
def test_a_seed_tells_the_same_story_and_leaves_the_same_rows_as_with_a_file(
    server: Server, tmp_path: Path, seed: int
) -> None:
    in_a_file = told_in_full(seed, tmp_path / "file", in_file)
    assert in_a_file == told_in_full(seed, tmp_path / "server", server.beside)


def told_in_full(seed: int, folder: Path, address: Address) -> tuple[list[str], dict[str, list[Any]]]:
    folder.mkdir()
    story = Simulation(seed, folder, address).run()
    assert not story.broken
    left = opened(folder / f"{seed}.db", Points(), address)
    with left.connect() as connection:
        rows = {
            name: sorted((tuple(map(as_utc, row)) for row in connection.execute(select(table))), key=repr)
            for name, table in sorted(SQLModel.metadata.tables.items())
        }
    left.dispose()
    return story.lines, rows


def as_utc(value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def test_the_migrations_make_exactly_the_tables_of_this_program(engine: Engine) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []


# One writer at a time


def at_once(count: int, act: Callable[[], object]) -> None:
    """Let several threads act, all begun together."""
    ready = threading.Barrier(count)

    def acting() -> None:
        ready.wait()
        act()

    threads = [threading.Thread(target=acting) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_holders_that_come_at_once_are_given_every_number_once(engine: Engine) -> None:
    taken: list[int] = []

    def take() -> None:
        repository = Repository(engine)
        for _ in range(15):
            try:
                with repository.exclusive("PDV1", ToldClock(), "sync") as fence:
                    taken.append(fence)
            except Busy:
                continue

    at_once(4, take)
    assert len(taken) == len(set(taken)) > 0


def test_services_that_look_at_once_open_one_alert(engine: Engine) -> None:
    trouble = Trouble(AlertKind.HALTED, "PDV1", "run 7: too many cars leave")
    at_once(4, lambda: AlertRows(engine).review(lambda there: Changes(opened=() if there else (trouble,)), NOW))
    assert len(AlertRows(engine).standing()) == 1


def test_writers_at_once_leave_one_chain(engine: Engine, address: str) -> None:
    at_once(4, lambda: write_lines(engine, 25))
    with looked_at(address) as connection:
        walked = walk_journal(connection)
    assert (walked.broken, walked.rows) == (None, 100)


def test_what_is_asked_at_one_moment_is_answered_from_one_state(engine: Engine) -> None:
    repository = Repository(engine)
    with repository.at_one_moment():
        before = repository.past("PDV1")
        begin_a_run(Repository(engine))
        assert repository.past("PDV1") == before
    assert repository.past("PDV1") != before


def begin_a_run(repository: Repository) -> None:
    with repository.exclusive("PDV1", ToldClock(), "sync") as fence:
        run_id = repository.begin_run("pair", "PDV1", "v", {}, NOW, RunKind.COMPLETE, fence)
        repository.finish_run(run_id, RunStatus.DONE, NOW)


def test_who_only_reads_cannot_write(engine: Engine) -> None:
    with engine.connect() as connection, pytest.raises(DBAPIError, match="read-only"):
        connection.execute(a_pause(by="nobody"))


def test_a_writer_that_stands_still_is_ended_and_the_next_one_goes_on(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_ALONE", engines._ALONE.replace(str(engines.STANDS_STILL_MS), "200"))
    writing = engine.execution_options(**{WRITE: True})
    stalled = writing.connect()
    stalled.begin()
    with writing.begin() as following:
        following.execute(a_pause(by="following"))
    with pytest.raises(DBAPIError):
        stalled.execute(a_pause(by="stalled"))
    stalled.close()
    with engine.connect() as connection:
        assert list(connection.scalars(select(PAUSE.c.paused_by))) == ["following"]


def a_pause(by: str) -> Insert:
    return insert(PAUSE).values(point_of_sale="", paused_by=by, reason="", paused_at=NOW)


def test_many_keys_find_their_rows_and_no_others(engine: Engine) -> None:
    words = Table("word", MetaData(), Column("word", String, primary_key=True))
    by_word = ByKeys(words.c.word, select(words.c.word).where)
    awkward = ["{a,b}", '"', "\\", "'", "NULL", "null", "", " ", "é", "e\u0301", "\U0001f697", "%s", "A", "a"]
    many = [f"word {number}" for number in range(20_000)]
    with engine.execution_options(**{WRITE: True}).begin() as connection:
        words.create(connection)
        connection.execute(insert(words), [{"word": word} for word in (*awkward, *many, "another")])
    with engine.connect() as connection:
        assert set(by_word.values(connection, [*awkward, *many, "no row"], {})) == {*awkward, *many}
        assert by_word.rows(connection, [], {}) == []


# Who holds a point of sale

_HOLDER = """
import sys, time
from stocksync.adapters.store.engine import open_engine
from stocksync.adapters.store.repository import Repository
from stocksync.assembly import SystemClock
with Repository(open_engine(sys.argv[1])).exclusive("PDV1", SystemClock(), "sync"):
    print("holding", flush=True)
    time.sleep(60)
"""


def test_a_process_that_was_killed_holds_nothing_any_more(engine: Engine, address: str) -> None:
    holder = subprocess.Popen([sys.executable, "-c", _HOLDER, address], stdout=subprocess.PIPE, cwd=ROOT)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"holding\n"
    clock = ToldClock(datetime.now(UTC))
    with pytest.raises(Busy, match=str(holder.pid)), Repository(engine).exclusive("PDV1", clock, "sync"):
        pass
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()
    # The server notices in its own time that a connection has ended.
    until_s = time.monotonic() + 10
    while not is_given(engine, clock):
        assert time.monotonic() < until_s


def is_given(engine: Engine, clock: ToldClock) -> bool:
    try:
        with Repository(engine).exclusive("PDV1", clock, "sync"):
            return True
    except Busy:
        time.sleep(0.05)
        return False


def test_a_holder_whose_clock_was_ahead_holds_nothing_once_it_is_done(engine: Engine) -> None:
    ahead, now = ToldClock(NOW + timedelta(days=3650)), ToldClock(NOW)
    with Repository(engine).exclusive("PDV1", ahead, "sync"):
        pass
    with Repository(engine).exclusive("PDV1", now, "sync") as fence:
        assert fence == 2


def test_a_holder_that_stands_still_is_replaced_once_its_lease_is_over(engine: Engine) -> None:
    with Repository(engine).exclusive("PDV1", ToldClock(NOW), "stalled"):
        later = ToldClock(NOW + LEASE_FOR)
        with Repository(engine).exclusive("PDV1", later, "successor") as fence:
            assert fence == 2


def test_a_server_that_was_restarted_costs_whoever_asks_one_failure_at_most(server: Server, engine: Engine) -> None:
    repository = Repository(engine)
    begin_a_run(repository)
    before = repository.past("PDV1")
    server.restart()
    assert after_one_failure_at_most(lambda: repository.past("PDV1")) == before
    server.restart()
    after_one_failure_at_most(lambda: begin_a_run(repository))


def after_one_failure_at_most(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except SQLAlchemyError:
        return ask()


def test_a_holder_whose_server_was_restarted_ends_well_and_holds_nothing_any_more(
    server: Server, engine: Engine
) -> None:
    repository = Repository(engine)
    with repository.exclusive("PDV1", ToldClock(NOW), "sync") as fence:
        server.restart()
    assert after_one_failure_at_most(lambda: number_given(repository)) == fence + 1


def number_given(repository: Repository) -> int:
    with repository.exclusive("PDV1", ToldClock(NOW), "sync") as fence:
        return fence


# The journal


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE journal SET details = '{}' WHERE id = 3",
        "UPDATE journal SET action = 'x' WHERE id = 3",
        "DELETE FROM journal WHERE id = 3",
        "TRUNCATE journal",
    ],
)
def test_the_server_itself_refuses_to_change_the_journal(server: Server, address: str, change: str) -> None:
    made = open_engine(address)
    write_lines(made, 5)
    made.dispose()
    with pytest.raises(psycopg.errors.RaiseException, match="only ever added to"):
        server.told(change, str(make_url(address).database))


def test_the_details_of_a_line_give_way_to_their_digest_once_and_for_all(engine: Engine) -> None:
    write_lines(engine, 5)
    there = JOURNAL.c.id == 3
    with engine.execution_options(**{WRITE: True}).begin() as connection:
        details = connection.scalar(select(JOURNAL.c.details).where(there))
        connection.execute(JOURNAL.update().where(there).values(details=erased(details)))
    with (
        pytest.raises(DBAPIError, match="only ever added to"),
        engine.execution_options(**{WRITE: True}).begin() as connection,
    ):
        connection.execute(JOURNAL.update().where(there).values(details=erased("otherwise")))


# What people see


@pytest.fixture(scope="module")
def desk(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk_at(tmp_path_factory.mktemp("desk"), cars=40) as made:
        made.environment["STOCKSYNC_DATABASE_URL"] = server.address("of_people")
        server.told("CREATE DATABASE of_people")
        made.said("sync")
        yield made


def test_the_commands_work_on_a_server(desk: Desk) -> None:
    first = desk.data("status")
    assert {point["point_of_sale"] for point in first["points_of_sale"]} == {"PDV1", "PDV2"}
    vin = desk.data("conflicts", "list")["conflicts"][0]["vin"]
    assert vin in desk.said("explain", vin)
    assert desk.said("history", vin)
    assert desk.data("journal", "verify")["whole"] is True
    assert desk.data("db", "prune", "--dry-run")
    assert desk.said("db", "erase", "Jeanne Durandin", "--by", "tester", "--yes")
    assert desk.said("sync", "--quick")
    assert desk.said("record", "taken", "--point-of-sale", "PDV1")
    assert desk.said("replay", "taken")


def test_only_a_file_is_backed_up_and_checked_and_the_refusal_says_so(desk: Desk) -> None:
    for command in ("backup", "check"):
        done = desk.run("db", command)
        assert done.exit_code == 2
        assert "is no file" in done.output


def test_a_person_is_erased_and_what_was_left_behind_is_written_over(engine: Engine, address: str) -> None:
    line = JournalLine(None, "noted", {"text": "Jeanne Durandin rang"})
    with engine.execution_options(**{WRITE: True}).begin() as connection:
        add_journal(connection, 0, NOW, [line])
    done = erase_person(engine, "Jeanne Durandin", "tester", NOW)
    assert (done.counts, done.left.rows, done.is_rewritten) == ({Place.JOURNAL: 1}, (), True)
    with looked_at(address) as connection:
        walked = walk_journal(connection)
    assert (walked.broken, walked.erased) == (None, 1)


def test_doctor_tells_how_a_server_stands(server: Server, address: str) -> None:
    told = {finding.check: finding.level for finding in check_database(address)}
    assert told == {"database_opens": Level.OK, "schema_current": Level.OK}


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_an_address_is_given_the_driver_that_comes_with_the_program(address: str, scheme: str) -> None:
    made = open_engine(address.replace("postgresql", scheme, 1))
    with made.connect() as connection:
        assert connection.execute(text("SHOW timezone")).scalar() == "UTC"
    made.dispose()


def test_a_server_that_is_not_there_is_one_sentence_without_the_password() -> None:
    refuse_missing()
    with pytest.raises(ConfigurationError, match="that the server runs") as caught:
        open_engine("postgresql://who:secretpw@127.0.0.1:9/x")
    assert "secretpw" not in str(caught.value)

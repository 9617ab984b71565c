"""The database: its schema, its settings, and what it refuses."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, text
from sqlmodel import SQLModel

from stocksync.adapters.store import codec, engine
from stocksync.adapters.store.questions import Questions
from stocksync.adapters.store.repository import Repository
from stocksync.assembly import SystemClock
from stocksync.errors import Busy, ConfigurationError
from stocksync.stock.values import ABSENT, BLANK, Known
from tests.worlds import DMS, MODULE, a_world


def test_the_migrations_make_exactly_the_tables_of_this_program(tmp_path: Path) -> None:
    opened = engine.open_engine(f"sqlite:///{tmp_path}/new.db")
    with opened.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []
    opened.dispose()


def test_the_newest_migration_is_the_one_that_this_program_asks_for() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(engine.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == engine.HEAD


def test_sqlite_is_set_up_for_durability(tmp_path: Path) -> None:
    opened = engine.open_engine(f"sqlite:///{tmp_path}/new.db")
    with opened.connect() as connection:
        pragmas = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "foreign_keys", "synchronous")
        }
    opened.dispose()
    assert pragmas == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2}


def test_a_connection_that_works_much_caches_more_until_it_is_given_back(tmp_path: Path) -> None:
    opened = engine.open_engine(f"sqlite:///{tmp_path}/new.db")

    def cached_kib(connection: Connection) -> int:
        return -int(connection.execute(text("PRAGMA cache_size")).scalar_one())

    with opened.begin() as connection:
        before = cached_kib(connection)
        engine.works_much(connection)
        meanwhile = cached_kib(connection)
    with opened.begin() as connection:
        after = cached_kib(connection)
    opened.dispose()
    assert (before, meanwhile, after) == (engine.CACHE_KIB, engine.MUCH_CACHE_KIB, engine.CACHE_KIB)


def test_what_is_kept_as_bytes_takes_up_its_length() -> None:
    record = {"chassis": "VF1RFB00123456789"}
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept = [codec.dump_bytes(record) for _ in range(100)]
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert taken < 100 * (len(kept[0]) + 100)


def test_a_database_of_a_newer_program_is_refused_with_what_to_do(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    opened = engine.open_engine(url)
    with opened.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    opened.dispose()
    with pytest.raises(ConfigurationError, match="newer stocksync"):
        engine.open_engine(url)


@pytest.mark.parametrize("url", ["nonsense", "sqlite:////proc/nowhere/x.db", "oracle://x"])
def test_an_address_that_cannot_be_opened_is_one_sentence(url: str) -> None:
    with pytest.raises(ConfigurationError, match="database"):
        engine.open_engine(url)


def test_a_file_that_is_no_database_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"not a database, but long enough to look like one" * 40)
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        engine.open_engine(f"sqlite:///{tmp_path}/x.db")


values = st.one_of(st.integers(), st.text(), st.dates(), st.booleans(), st.just(BLANK), st.just(ABSENT))


@given(st.dictionaries(st.text(min_size=1), values))
def test_a_base_is_kept_digit_for_digit(base: dict[str, Known]) -> None:
    kept = {name: value for name, value in base.items() if not isinstance(value, int) or abs(value) < 2**63}
    assert codec.load_base(codec.dump_base(kept)) == kept


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**12), max_value=10**12))
def test_an_amount_in_a_native_record_stays_the_decimal_it_was(amount: object) -> None:
    assert codec.load(codec.dump({"price": amount})) == {"price": amount}


def test_a_point_of_sale_is_held_by_one_run_at_a_time(tmp_path: Path) -> None:
    with a_world(tmp_path / "world.db") as world:
        world.settled()
        world.edit(MODULE, "OF-1", sale__price=11900)
        with world.repository.exclusive("PDV1", world.clock, "sync"):
            result = world.cycle().run()
            assert (result.summary.status, result.summary.run_id) == ("incomplete", None)
            assert isinstance(result.error, Busy)
            assert str(os.getpid()) in str(result.error)
            assert not world.dms.writes
            assert world.cycle().run(dry_run=True).summary.writes[DMS] == 1
        assert world.sync().summary.writes[DMS] == 1


def test_a_process_that_was_killed_holds_nothing_any_more(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/world.db"
    holds = (
        "import sys; from stocksync.assembly import SystemClock, open_repository;"
        f"r = open_repository({url!r}); h = r.exclusive('PDV1', SystemClock(), 'sync'); h.__enter__();"
        "print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen([sys.executable, "-c", holds], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    repository = Repository(engine.open_engine(url))
    with pytest.raises(Busy, match=str(holder.pid)), repository.exclusive("PDV1", SystemClock(), "sync"):
        pass
    with repository.exclusive("PDV2", SystemClock(), "sync"):
        pass
    holder.kill()
    holder.communicate()
    with repository.exclusive("PDV1", SystemClock(), "sync"):
        pass
    repository.engine.dispose()


@pytest.mark.parametrize(
    "url", ["postgresql://who:secretpw@nowhere.invalid/x", "mysql://who:secretpw@h/x", "://secretpw"]
)
def test_a_password_in_the_address_is_never_told(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        engine.open_engine(url)
    assert "secretpw" not in str(caught.value)


def test_a_database_of_the_first_schema_is_brought_up_to_date_with_what_it_holds(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    config = Config()
    config.set_main_option("script_location", str(Path(engine.__file__).parent / "migrations"))
    old = create_engine(url)
    with old.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(
            text(
                "INSERT INTO conflict (id, pair, point_of_sale, car_id, key, subject, reason, category, details, "
                "opened_run, opened_at, changed_at) VALUES (7, 'openflex-icar', 'PDV1', 'c', 'c|mileage|first', "
                "'mileage', 'first_contact', 'conflict', '{}', 1, '2026-11-20 09:00:00', '2026-11-20 09:00:00')"
            )
        )
    old.dispose()
    opened = engine.open_engine(url)
    (row,) = Questions(opened).findings()
    opened.dispose()
    assert (row.finding_id, row.finding.subject, row.ignored_by) == (7, "mileage", None)

"""The database: its schema, its settings, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import SQLModel

from stocksync.adapters.store import codec, engine
from stocksync.errors import ConfigurationError
from stocksync.stock.values import ABSENT, BLANK, Known


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

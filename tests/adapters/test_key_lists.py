"""Rows by many keys: each finds its own rows and no others, however many there are and whatever is in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, insert, select

from stocksync.adapters.store.key_lists import ByKeys, among_rows

WORDS = Table("word", MetaData(), Column("word", String, primary_key=True))
BY_WORD = ByKeys(WORDS.c.word, select(WORDS.c.word).where)
AWKWARD = ["a", "a\0b", "\0", "\\u0000", '"', "\\", "'", "é", "e\u0301", "\U0001f697", "\x1f", " a", "A", "", "1", "01"]


@pytest.mark.parametrize("wanted", AWKWARD, ids=repr)
def test_a_key_finds_its_own_row_whatever_is_in_it(tmp_path: Path, wanted: str) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'words.db'}")
    with engine.begin() as connection:
        WORDS.create(connection)
        connection.execute(insert(WORDS), [{"word": word} for word in AWKWARD])
        assert list(BY_WORD.values(connection, [wanted], {})) == [wanted]
    engine.dispose()


def test_all_keys_find_all_rows_and_none_finds_none(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'words.db'}")
    many = [f"word {number}" for number in range(50_000)]
    with engine.begin() as connection:
        WORDS.create(connection)
        connection.execute(insert(WORDS), [{"word": word} for word in (*AWKWARD, *many)])
        assert set(BY_WORD.values(connection, many, {})) == set(many)
        assert set(BY_WORD.values(connection, {*many, *AWKWARD}, {})) == {*many, *AWKWARD}
        assert BY_WORD.rows(connection, [], {}) == []
    engine.dispose()


def test_keys_of_several_columns_find_their_own_rows_and_no_crossed_ones(tmp_path: Path) -> None:
    pairs = Table(
        "pair", MetaData(), Column("word", String, primary_key=True), Column("number", Integer, primary_key=True)
    )
    words = [word for word in AWKWARD if "\0" not in word]
    engine = create_engine(f"sqlite:///{tmp_path / 'pairs.db'}")
    with engine.begin() as connection:
        pairs.create(connection)
        connection.execute(insert(pairs), [{"word": word, "number": number} for word in words for number in range(3)])
        wanted = [(word, number % 3) for number, word in enumerate(words)]
        found = connection.execute(select(pairs).where(among_rows(connection, [*pairs.c], wanted))).all()
        assert sorted(map(tuple, found)) == sorted(wanted)
    engine.dispose()

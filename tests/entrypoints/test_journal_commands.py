"""`stocksync journal` as people type it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.adapters.journals import a_database, tamper
from tests.entrypoints.desk import SHIPPED
from tests.entrypoints.test_db_commands import Run, data, run, said

__all__ = ["run"]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return a_database(tmp_path / "memory.db", journal=6)


def last_hash(database: Path) -> str:
    with closing(sqlite3.connect(database)) as connection:
        return str(connection.execute("SELECT hash FROM journal ORDER BY id DESC LIMIT 1").fetchone()[0])


def test_a_whole_journal_is_told_with_its_last_hash(run: Run, database: Path) -> None:
    told = said(run("journal", "verify"))
    assert "journal intact : 6 lignes" in told
    assert "du 20/11/2026 10:00 au 20/11/2026 10:00" in told
    assert f"dernière empreinte : {last_hash(database)}" in told
    assert "the journal is whole: 6 rows" in said(run("--lang", "en", "journal", "verify"))


def test_a_journal_that_was_tampered_with_is_told_with_its_first_bad_row(run: Run, database: Path) -> None:
    tamper(database, "DELETE FROM journal WHERE id IN (3, 4)")
    told = said(run("journal", "verify"), 1)
    assert "première ligne qui ne va pas : n° 5" in told
    assert "des lignes manquent : n° 3 à 4." in told
    found = data(run("journal", "verify", "--json"), 1)
    assert (found["whole"], found["rows"]) == (False, 4)
    assert found["broken"]["damage"] == "missing"
    assert found["broken"]["missing"] == [3, 4]


def test_a_noted_hash_proves_that_nothing_was_cut_off(run: Run, database: Path) -> None:
    noted = last_hash(database)
    assert "celle de la ligne n° 6" in said(run("journal", "verify", "--expect", noted.upper()))
    tamper(database, "DELETE FROM journal WHERE id = 6")
    assert "ne s'y trouve pas" in said(run("journal", "verify", "--expect", noted), 1)
    found = data(run("journal", "verify", "--expect", noted, "--json"), 1)
    assert (found["whole"], found["broken"], found["expected"]) == (False, None, {"hash": noted, "row": None})


@pytest.mark.parametrize("noted", ["", "abc", "z" * 64, "0" * 63])
def test_what_is_no_hash_is_wrong_use(run: Run, noted: str) -> None:
    assert "--expect takes" in said(run("journal", "verify", "--expect", noted), 2)


def test_a_journal_without_a_chain_is_told_so(run: Run, database: Path) -> None:
    tamper(database, "UPDATE alembic_version SET version_num = '0002'")
    assert "no chain yet" in said(run("journal", "verify"), 2)


CAR = (
    "INSERT INTO car (id, pair, point_of_sale, first_point_of_sale, vin, base, unkept, missing_vehicle_module, "
    "missing_dms, reserved_by_us, closed, opened_at) VALUES ('c1', 'openflex-icar', 'PDV1', 'PDV1', "
    "'VF1RFB00X56789012', '{}', '{}', 0, 0, 0, 0, '2026-11-20 09:00:00')"
)
BUYER = (
    "INSERT INTO journal (at, run_id, car_id, action, details, hash) VALUES ('2026-11-21 09:00:00.000000', 7, '{car}', "
    '\'written\', \'{{"side":"dms","action":"update","changes":{{"trade_in_buyer":'
    '["DUPONT","MARTIN"]}}}}\', \'h\')'
)


def show(run: Run, *options: str) -> str:
    return said(run("--mappings", str(SHIPPED), "journal", "show", *options))


def test_lines_are_shown_oldest_first_with_no_person_named(run: Run, database: Path) -> None:
    tamper(database, CAR, BUYER.format(car="c1"), BUYER.format(car="unknown"))
    told = show(run)
    assert told.splitlines()[0].startswith("1  20/11/2026 10:00  hors exécution  noted")
    assert "exécution n° 7" in told
    assert "[VF1RFB00X56789012, PDV1]" in told
    assert "written (voiture unknown)" in told
    assert not any(name in told + show(run, "--json") for name in ("DUPONT", "MARTIN"))


@pytest.mark.parametrize(
    ("options", "rows"),
    [
        (("--limit", "2"), [6, 7]),
        (("--run", "7"), [7]),
        (("--run", "0"), [1, 4]),
        (("--since", "2026-11-21"), [7]),
        (("--since", "2026-11-20T10:00:04"), [5, 6, 7]),
        (("--since", "2026-11-20T09:00:04Z"), [5, 6, 7]),
        (("--car", "VF1RFB00X56789012", "--limit", "2"), [5, 7]),
    ],
)
def test_lines_are_chosen(run: Run, database: Path, options: tuple[str, ...], rows: list[int]) -> None:
    tamper(database, CAR, BUYER.format(car="c1"))
    found = data(run("--mappings", str(SHIPPED), "journal", "show", *options, "--json"))
    assert [line["id"] for line in found["journal"]] == rows


def test_an_instant_that_cannot_be_read_is_wrong_use(run: Run) -> None:
    assert "--since takes" in said(run("--mappings", str(SHIPPED), "journal", "show", "--since", "hier"), 2)

"""Erasing a person: found however they are written, gone from history to the last byte, and no run moved by it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from stocksync.adapters.store import erasing
from stocksync.adapters.store.database_file import reading
from stocksync.adapters.store.engine import open_engine
from stocksync.adapters.store.erasing import Erased, Found, erase_person, find_person
from stocksync.adapters.store.erasing_parts import Place
from stocksync.adapters.store.journal_chain import Walk
from stocksync.adapters.store.journal_rows import CONTENT_ERASED, facts, walk_journal
from stocksync.adapters.store.person import TOKEN, Person
from stocksync.errors import UsageError
from stocksync.stock.resolution import Choice
from stocksync.sync.taking_back import Stands
from tests.adapters.journals import a_database
from tests.adapters.test_keeping import DEFAULTS
from tests.reviewing import Reviewer
from tests.worlds import DMS, MODULE, RUNS_OWN, STARTED_AT, World, a_world, dms_record, module_record

NAME = "Zéphyrine Quillotte"
BYTES = (b"uillotte", b"UILLOTTE", b"phyrine", b"PHYRINE")
BUYER = "- attribute: trade_in_buyer\n    owner: "
SHARED = (("pairs/openflex-icar/ownership.yaml", f"{BUYER}vehicle_module", f"{BUYER}shared"),)
KEPT_BY_EVERY_DECISION = json.dumps(
    {"category": "conflict", "vehicle_module": NAME, "dms": "X", "base": None, "details": {}, "former_base": None}
)


# A person in a text.


@pytest.mark.parametrize(
    ("text", "after"),
    [
        (NAME, TOKEN),
        ("ZEPHYRINE QUILLOTTE", TOKEN),
        ("zephyrine \t\u00a0\n quillotte", TOKEN),
        ("Ze\u0301phyrine Quillotte", TOKEN),
        ("Zéphy\u00adrine Quil\u200blotte", TOKEN),
        ("vu : Zéphyrine Quillotte, et ZÉPHYRINE  QUILLOTTE.", f"vu : {TOKEN}, et {TOKEN}."),
        ('{"nom":"Z\\u00e9phyrine Quillotte"}', f'{{"nom":"{TOKEN}"}}'),
        ("Zéphyrine Quillottes", "Zéphyrine Quillottes"),
        ("Azéphyrine Quillotte", "Azéphyrine Quillotte"),
        ("Zéphyrine-Quillotte", "Zéphyrine-Quillotte"),
        ("Quillotte", "Quillotte"),
        ("", ""),
    ],
)
def test_a_person_is_found_as_whole_words_whatever_case_accents_and_spaces(text: str, after: str) -> None:
    person = Person("  zephyrine   Quillotte ")
    assert person.without(text) == after
    assert person.is_in(text) == (after != text)
    assert person.may_be_in(json.dumps({"a": [text]})) or after == text


def test_letters_that_are_two_and_signs_that_look_alike_are_the_same() -> None:
    assert Person("d'Oeuvre").is_in("D’ŒUVRE")
    assert Person("Anne‐Marie").is_in("ANNE-MARIE")
    assert Person("Łukasz Sørensen").is_in("lukasz SORENSEN")


def test_a_name_in_other_letters_than_ours_is_found_too() -> None:
    assert Person("Иванов").without("г-н ИВАНОВ!") == f"г-н {TOKEN}!"


@pytest.mark.parametrize("said", ["", "  ", "Li", "C. M", "12345", "é", "...", "x" * 201, "erased", " ERASED "])
def test_what_names_nobody_for_sure_is_refused(said: str) -> None:
    with pytest.raises(UsageError):
        Person(said)


def test_a_person_is_not_told_by_what_is_printed_of_them() -> None:
    assert "uillotte" not in repr(Person(NAME))


# A life.


def erase(world: World, by: str = "A. Martin", said: str = NAME) -> Erased:
    return erase_person(world.repository.engine, said, by, world.clock.now_at(), rest=lambda _: None)


def find(engine: Engine, said: str = NAME) -> Found:
    with engine.connect() as connection:
        return find_person(connection, said)


def walked(path: Path) -> Walk:
    with reading(path) as connection:
        return walk_journal(connection)


def remains(path: Path) -> list[bytes]:
    """What of the person stands in a database's file, or in those beside it."""
    raw = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
    return [part for part in BYTES if part in raw]


def nothing_moves(world: World) -> None:
    """Neither a complete run nor a quick one writes anything, or leaves a row."""
    before = world.rows(beside=RUNS_OWN)
    world.forget_writes()
    for run in (world.sync, world.quick):
        assert run().summary.status == "done"
    assert (world.module.writes, world.dms.writes) == ([], [])
    assert world.rows(beside=RUNS_OWN) == before


def gone_from_both(world: World) -> None:
    world.edit(MODULE, "OF-1", purchase__tradeInBuyer=None)
    world.edit(DMS, "VO1", repreneur="")
    assert world.sync().summary.status == "done"


@contextmanager
def a_life(path: Path) -> Iterator[World]:
    """The person is a buyer on both sides, in a conflict, in a decision that was written, and who decided it."""
    module, dms = module_record(purchase__tradeInBuyer=NAME), dms_record(repreneur=NAME.upper())
    with a_world(path, [module], [dms], SHARED) as world:
        world.settled()
        world.edit(MODULE, "OF-1", purchase__tradeInBuyer=f"{NAME} épouse Testard")
        world.edit(DMS, "VO1", repreneur="DUPONT")
        assert world.sync().summary.status == "done"
        reviewer = Reviewer(world, name=NAME)
        reviewer.decide("trade_in_buyer", Choice.VALUE, NAME, f"vu avec {NAME} en personne")
        assert world.sync().summary.status == "done"
        assert len(world.module.writes) == len(world.dms.writes) == 1
        yield world


def test_a_whole_life_is_erased_to_the_last_byte_and_the_chain_holds(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    with a_life(path) as world:
        gone_from_both(world)
        noted = walked(path).last_hash
        assert remains(path), "the canary was there"
        done = erase(world)
        assert done.left == Found(())
        assert done.is_rewritten
        assert done.counts == {Place.OUTBOX: 2, Place.CONFLICTS: 1, Place.DECISIONS: 1, Place.JOURNAL: 7}
        assert remains(path) == []
        with reading(path) as connection:
            found = walk_journal(connection, noted)
        assert (found.broken, found.erased, found.untold) == (None, 7, 0)
        assert found.expected_row is not None
        nothing_moves(world)
    assert remains(path) == []


def test_what_is_current_stays_is_told_with_its_records_and_moves_no_run(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    with a_life(path) as world:
        done = erase(world)
        told = {(row.place, row.records) for row in done.left.rows}
        both = ((MODULE, "OF-1"), (DMS, "VO1"))
        assert told == {
            (Place.SNAPSHOTS, ((MODULE, "OF-1"),)),
            (Place.SNAPSHOTS, ((DMS, "VO1"),)),
            (Place.CARS, both),
        }
        nothing_moves(world)
        gone_from_both(world)
        assert erase(world).left == Found(())
    assert remains(path) == []


def test_an_open_row_and_a_decision_that_waits_stay_and_the_decision_is_carried_out_as_it_was(tmp_path: Path) -> None:
    module, dms = module_record(purchase__tradeInBuyer=NAME), dms_record(repreneur=NAME.upper())
    with a_world(tmp_path / "memory.db", [module], [dms], SHARED) as world:
        world.settled()
        world.edit(MODULE, "OF-1", purchase__tradeInBuyer=f"{NAME} épouse Testard")
        world.edit(DMS, "VO1", repreneur="DUPONT")
        world.sync()
        Reviewer(world).decide("trade_in_buyer", Choice.VALUE, NAME, f"vu avec {NAME}")
        left = erase(world).left.rows
        assert {row.place for row in left} == {Place.SNAPSHOTS, Place.CARS, Place.CONFLICTS, Place.DECISIONS}
        assert all(row.records for row in left)
        world.forget_writes()
        world.sync()
        assert [write.body for write in world.module.writes] == [{"purchase": {"tradeInBuyer": NAME}}]
        assert [write.body for write in world.dms.writes] == [{"repreneur": NAME}]


def test_what_was_put_back_once_in_an_open_car_goes_with_the_person_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    with a_world(path, [module_record(purchase__tradeInBuyer=NAME)], [dms_record(repreneur=NAME.upper())]) as world:
        world.settled()
        world.edit(DMS, "VO1", repreneur="DUPONT")
        world.sync()

        def overwrites() -> str:
            with closing(sqlite3.connect(path)) as connection:
                return str(connection.execute("SELECT overwrites FROM car").fetchone()[0])

        before = overwrites()
        assert NAME in before
        erase(world)
        assert overwrites() == before, "it counts as long as a record shows the person"
        nothing_moves(world)
        gone_from_both(world)
        assert erase(world).left == Found(())
        assert (NAME not in overwrites(), "DUPONT" in overwrites()) == (True, True)
        nothing_moves(world)
    assert remains(path) == []


def test_a_record_that_is_gone_and_a_car_that_left_are_history(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    with a_life(path) as world:
        with world.repository.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE car SET closed = 1")
            connection.exec_driver_sql("UPDATE snapshot SET gone = 1")
        world.module.remove("OF-1")
        world.dms.remove("VO1")
        done = erase(world)
        assert done.left == Found(())
        assert (done.counts[Place.CARS], done.counts[Place.SNAPSHOTS]) == (1, 2)
        world.forget_writes()
        world.sync()
        assert (world.module.writes, world.dms.writes) == ([], [])
    assert remains(path) == []


@pytest.mark.parametrize("is_erased", [False, True])
def test_a_decision_whose_values_were_erased_cannot_be_taken_back_so_that_no_token_is_ever_written(
    tmp_path: Path, is_erased: bool
) -> None:
    module, dms = module_record(purchase__tradeInBuyer="Dupont"), dms_record(repreneur="DUPONT")
    with a_world(tmp_path / "memory.db", [module], [dms], SHARED) as world:
        world.settled()
        world.edit(MODULE, "OF-1", purchase__tradeInBuyer="Durand")
        world.edit(DMS, "VO1", repreneur=NAME)
        world.sync()
        reviewer = Reviewer(world)
        row = reviewer.row("trade_in_buyer").finding_id
        reviewer.decide("trade_in_buyer", Choice.MODULE)
        world.sync()
        if not is_erased:
            assert reviewer.take_back(row).stands is None
            world.sync()
            assert world.dms.body("VO1")["repreneur"] == NAME
            return
        assert erase(world).left == Found(())
        assert reviewer.take_back(row).stands is Stands.WAS_UNREADABLE
        nothing_moves(world)
        assert world.dms.body("VO1")["repreneur"] == "Durand"


# Every place there is.


@dataclass
class Rows:
    """A database that rows are put into by hand."""

    path: Path
    engine: Engine

    def put(self, table: str, **values: Any) -> None:
        row = DEFAULTS.get(table, {}) | values
        marks = ", ".join(f":{name}" for name in row)
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", row)

    def erase(self) -> Erased:
        return erase_person(self.engine, NAME, "A. Martin", STARTED_AT, rest=lambda _: None)


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[Rows]:
    path = a_database(tmp_path / "memory.db", journal=6)
    engine = open_engine(f"sqlite:///{path}")
    made = Rows(path, engine)
    made.put("run", id=1)
    made.put("conflict", id=900, opened_run=1, closed_at="2026")
    yield made
    engine.dispose()


DECISION: dict[str, Any] = {
    "id": 1,
    "conflict_id": 900,
    "pair": "p",
    "point_of_sale": "PDV1",
    "car_id": "c",
    "subject": "trade_in_buyer",
    "reason": "both_changed",
    "choice": "dms",
    "targets": "{}",
    "seen": "{}",
    "seen_digest": "0",
    "comment": "",
    "decided_by": "B",
    "decided_at": "2026-11-20 09:00:00.000000",
    "file": "r.csv",
    "file_digest": "0",
    "status": "applied",
    "lot": "",
}
UPDATE = json.dumps({"changes": [["trade_in_buyer", NAME, None, False, None]], "reference": None, "version": None})
UNKEPT = json.dumps({"trade_in_buyer": ["dms", "x", {"invalid": [NAME, "why"]}, 1, False, NAME, "", None, False]})
OVERWRITES = json.dumps([["trade_in_buyer", "dms", NAME, NAME, 3, "2026-11-20"]])


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ("snapshot", {"record_id": "VO9", "body": json.dumps({"a": [{"b": NAME}]}).encode()}),
        ("car", {"id": "c", "closed": 1, "base": json.dumps({"trade_in_buyer": NAME})}),
        ("car", {"id": "c", "closed": 1, "unkept": UNKEPT}),
        ("car", {"id": "c", "closed": 0, "unkept": UNKEPT}),
        ("car", {"id": "c", "closed": 0, "overwrites": OVERWRITES}),
        ("outbox", {"id": 1, "key": "k", "payload": UPDATE}),
        ("outbox", {"id": 1, "key": "k", "status": "failed", "message": f"refusé : {NAME.upper()}"}),
        ("conflict", {"id": 1, "opened_run": 1, "closed_at": "2026", "dms_value": NAME}),
        ("conflict", {"id": 1, "opened_run": 1, "closed_at": "2026", "details": json.dumps({"message": NAME})}),
        ("resolution", DECISION | {"seen": KEPT_BY_EVERY_DECISION}),
        ("resolution", DECISION | {"targets": json.dumps({"dms": NAME})}),
        ("resolution", DECISION | {"status": "undone", "closed_because": NAME}),
        ("resolution", DECISION | {"status": "ignoring", "comment": NAME, "decided_by": NAME, "file": f"{NAME}.csv"}),
        ("pause", {"point_of_sale": "", "paused_by": NAME, "reason": f"{NAME} compte", "paused_at": "2026"}),
        ("gate", {"system": "dms", "state": "closed", "reason": f"{NAME}: 500", "since": "2026"}),
        ("run", {"id": 2, "message": NAME, "summary": None}),
        ("run", {"id": 2, "summary": json.dumps({"halts": [{"told": NAME}]})}),
        ("alert", {"id": 1, "message": NAME}),
    ],
)
def test_every_place_of_history_lets_the_person_go(rows: Rows, table: str, values: dict[str, Any]) -> None:
    rows.put(table, **values)
    (held,) = find(rows.engine).rows
    assert (held.place, held.is_over) == (table, True)
    done = rows.erase()
    assert (done.counts, done.left.rows) == ({Place(table): 1}, ())
    assert remains(rows.path) == []
    assert walked(rows.path).broken is None


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ("snapshot", {"record_id": "VO9", "gone": 0, "body": json.dumps({"a": NAME}).encode()}),
        ("car", {"id": "c", "base": json.dumps({"trade_in_buyer": NAME})}),
        ("outbox", {"id": 1, "key": "k", "status": "pending", "payload": UPDATE}),
        ("outbox", {"id": 1, "key": "k", "status": "claimed", "payload": UPDATE}),
        ("conflict", {"id": 1, "opened_run": 1, "dms_value": NAME}),
        ("resolution", DECISION | {"status": "pending", "decided_by": NAME}),
        ("resolution", DECISION | {"status": "ignoring", "seen": KEPT_BY_EVERY_DECISION}),
        ("snapshot", {"record_id": "VO9", "body": f'{{"a": "{NAME}"'.encode()}),
    ],
)
def test_every_place_that_is_current_or_not_to_be_understood_is_told_and_left(
    rows: Rows, table: str, values: dict[str, Any]
) -> None:
    rows.put(table, **values)
    done = rows.erase()
    assert (done.counts, [row.place for row in done.left.rows]) == ({}, [table])
    assert remains(rows.path)


def test_words_of_ours_in_the_journal_are_no_person(rows: Rows) -> None:
    rows.put("journal", run_id=1, car_id="c", details=json.dumps({"reason": NAME, "agreed": [NAME]}))
    assert find(rows.engine).rows == ()


def test_each_transaction_tells_who_erased_which_rows_and_never_whom(rows: Rows) -> None:
    rows.put("pause", point_of_sale=NAME, paused_by=NAME, reason="-", paused_at="2026")
    rows.put("alert", id=7, message=NAME)
    rows.erase()
    with rows.engine.connect() as connection:
        told = [line.fact.details for line in facts(connection, 2)]
    assert told == [
        {"by": "A. Martin", "what": "pause", "rows": [TOKEN]},
        {"by": "A. Martin", "what": "alert", "rows": [7]},
    ]


def test_who_erased_can_be_erased_in_turn_and_the_rows_stay_told(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    with a_life(path) as world:
        erase(world, by="Yvonne Martinet")
        first = walked(path)
        done = erase(world, by="B. Durand", said="yvonne martinet")
        assert done.left == Found(())
        assert b"Yvonne" not in path.read_bytes()
        found = walked(path)
        assert (found.broken, found.untold) == (None, 0)
        assert found.erased > first.erased


def test_nobody_erases_themselves(rows: Rows) -> None:
    with pytest.raises(UsageError, match="somebody else"):
        erase_person(rows.engine, NAME, f"Mme {NAME}", STARTED_AT)


def test_an_erased_line_is_told_by_what_it_was_about(tmp_path: Path) -> None:
    with a_life(tmp_path / "memory.db") as world:
        erase(world)
        with world.repository.engine.connect() as connection:
            told = [line.fact for line in facts(connection, 100)]
        about = {fact.details["was"] for fact in told if fact.action == CONTENT_ERASED}
        assert {"decision_taken", "written", "reported"} <= about


def leave_remains(path: Path) -> None:
    """Have a person stand in the file where no row is any more, as an SQLite that clears nothing leaves it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete=OFF")
        connection.execute("INSERT INTO lot VALUES ('f', ?, '2026')", (NAME,))
        connection.execute("DELETE FROM lot")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def test_what_earlier_changes_left_behind_in_the_file_goes_too(rows: Rows) -> None:
    leave_remains(rows.path)
    assert remains(rows.path)
    assert find(rows.engine).rows == ()
    assert rows.erase().is_rewritten
    assert remains(rows.path) == []


def test_what_is_erased_leaves_no_bytes_even_where_the_file_cannot_be_made_anew(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So long that the pages it stood on are all given back.
    rows.put("journal", run_id=1, details=json.dumps({"comment": "x" * 20_000 + f" {NAME}"}))

    def clears_nothing(connection: sqlite3.Connection, _: Any) -> None:
        connection.execute("PRAGMA secure_delete=OFF")

    def checkpointed(engine: Engine) -> bool:
        with closing(sqlite3.connect(rows.path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return False

    rows.engine.dispose()
    event.listen(rows.engine, "connect", clears_nothing)
    monkeypatch.setattr(erasing, "_rewrite_file", checkpointed)
    assert rows.erase().counts == {Place.JOURNAL: 1}
    assert remains(rows.path) == []


def test_while_somebody_reads_the_file_cannot_be_made_anew_and_that_is_told(rows: Rows) -> None:
    rows.put("alert", id=1, message=NAME)
    rows.engine.dispose()
    engine = open_engine(f"sqlite:///{rows.path}")
    with engine.connect() as connection:
        # Without the wait for others, who here never come to an end.
        raw = connection.connection.dbapi_connection
        assert raw is not None
        raw.execute("PRAGMA busy_timeout=0")  # type: ignore[attr-defined]
    with closing(sqlite3.connect(rows.path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM alert").fetchall()
        done = erase_person(engine, NAME, "A. Martin", STARTED_AT, rest=lambda _: None)
        assert (done.is_rewritten, done.left.rows) == (False, ())
    again = erase_person(engine, NAME, "A. Martin", STARTED_AT, rest=lambda _: None)
    assert again.is_rewritten
    engine.dispose()
    assert remains(rows.path) == []

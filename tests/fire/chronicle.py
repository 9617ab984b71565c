"""Everything that either system ever held, and who put it there: kept by the state files themselves.

Triggers note each state of each record, whichever process writes it; those of the people's own connection note a
second time what people did. The rest was the service. Not here: what may be in it (`ends`).
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from stocksync.sandbox.state import DMS_FILE, VEHICLE_MODULE_FILE
from stocksync.stock.values import Side

_FILES = {Side.VEHICLE_MODULE: (VEHICLE_MODULE_FILE, "vehicles", "id"), Side.DMS: (DMS_FILE, "files", "dossier")}
_TABLES = """
CREATE TABLE fire_log (n INTEGER PRIMARY KEY, record TEXT NOT NULL, event TEXT NOT NULL, body BLOB NOT NULL,
  at REAL NOT NULL DEFAULT (julianday('now')));
CREATE TABLE fire_people (record TEXT NOT NULL, body BLOB NOT NULL);
INSERT INTO fire_log (record, event, body) SELECT {id}, 'seed', body FROM {table};
"""
_TRIGGERS = """
CREATE {temp} TRIGGER fire_insert{suffix} AFTER INSERT ON {table} BEGIN {into}; END;
CREATE {temp} TRIGGER fire_update{suffix} AFTER UPDATE ON {table} BEGIN {into}; END;
"""


@dataclass(frozen=True, slots=True)
class State:
    """One record as it was from some moment on; by: seed, people or service. at: a day number, to the millisecond."""

    side: Side
    record_id: str
    by: str
    body: Mapping[str, Any]
    at: float = 0.0


def begin(state: Path) -> None:
    """Note everything from now on; before either server or anybody else has the files open."""
    for file, table, id_ in _FILES.values():
        into = f"INSERT INTO fire_log (record, event, body) VALUES (new.{id_}, 'write', new.body)"
        with closing(sqlite3.connect(state / file, isolation_level=None)) as connection:
            connection.executescript(_TABLES.format(table=table, id=id_))
            connection.executescript(_TRIGGERS.format(temp="", suffix="", table=table, into=into))


def note_people(side: Side, connection: sqlite3.Connection) -> None:
    """Have everything that is written over a connection noted as what people did."""
    _, table, id_ = _FILES[side]
    into = f"INSERT INTO fire_people VALUES (new.{id_}, new.body)"
    for statement in _TRIGGERS.format(temp="TEMP", suffix="_people", table=table, into=into).split("END;\n"):
        if statement.strip():
            connection.execute(f"{statement} END")


def read(state: Path, side: Side) -> list[State]:
    """Every state of every record of a side, in the order in which they came."""
    with closing(sqlite3.connect(state / _FILES[side][0])) as connection:
        people = Counter(connection.execute("SELECT record, body FROM fire_people"))
        states = []
        noted = connection.execute("SELECT record, event, body, at FROM fire_log ORDER BY n")
        for record_id, event, body, at in noted:
            by = "seed" if event == "seed" else "people" if people[record_id, body] > 0 else "service"
            people[record_id, body] -= by == "people"
            states.append(State(side, record_id, by, orjson.loads(body), at))
    return states


def held(state: Path, side: Side) -> dict[str, Mapping[str, Any]]:
    """Every record of a side as it is now."""
    file, table, id_ = _FILES[side]
    with closing(sqlite3.connect(state / file)) as connection:
        return {record: orjson.loads(body) for record, body in connection.execute(f"SELECT {id_}, body FROM {table}")}
